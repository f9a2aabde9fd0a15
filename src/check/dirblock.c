// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dirblock.c -- the records of one directory block, legible ones at least
 *
 * A record's checksum covers its place, so records are found again behind a
 * broken length by trying each offset where one may begin.  What is found that
 * way may be stale, left inside free space by a name that was removed: it is
 * told apart as doubtful, and names.c believes it only if a link count asks
 * for it.  Changes go to private copies.
 */
#include "check/dirblock.h"

#include <string.h>

#include "base/crc.h"
#include "disk/disk.h"

#define FIRST	((unsigned)sizeof(struct ddirblk))
#define END	((unsigned)DAXFS_BLOCK_SIZE)
#define HEADER	((unsigned)sizeof(struct ddirent))

static uint32_t header_csum(const struct ddirblk *b)
{
	return block_csum(b, sizeof(*b), offsetof(struct ddirblk, csum));
}

const char *dirblock_header_wrong(const struct ddirblk *b, const struct dirblock_id *id)
{
	if (le32_get(b->magic) != DAXFS_DIRBLK_MAGIC)
		return "magic is wrong";
	if (le32_get(b->csum) != header_csum(b))
		return "checksum is wrong";
	if (le64_get(b->self) != id->self)
		return "belongs in another place on the device";
	if (le64_get(b->owner) != id->owner)
		return "belongs to another directory";
	return le64_get(b->lblk) == id->lblk ? NULL : "belongs in another place of the directory";
}

/* -- records ---------------------------------------------------------------------- */

static uint32_t rec_csum(uint64_t self, unsigned off, const struct ddirent *e)
{
	struct { le64 self; le32 off, zero; struct ddirent head; } in = {
		.self = le64_make(self), .off = le32_make(off), .head = {
			.ino = e->ino, .rec_len = e->rec_len, .name_len = e->name_len, .type = e->type,
		},
	};

	return crc32c(crc32c(0, &in, sizeof(in)), e->name, e->name_len);
}

static const char *rec_wrong(const void *b, uint64_t self, unsigned off)
{
	const struct ddirent *e = dirblock_rec(b, off);
	unsigned len = off > END - DAXFS_DIRENT_MIN ? 0 : le16_get(e->rec_len);

	if (len < DAXFS_DIRENT_MIN || len % 8 || len > END - off)
		return "length is impossible";
	if (DAXFS_DIRENT_LEN(e->name_len) > len)
		return "name is longer than the record";
	if (rec_csum(self, off, e) != le32_get(e->csum))
		return "checksum is wrong";
	if (!le64_get(e->ino))
		return e->name_len || e->type ? "free record with a name" : NULL;
	return e->name_len ? NULL : "empty name";
}

/* A name under a right checksum, whose record only claims a length that cannot be. */
static bool rec_legible(const void *b, uint64_t self, unsigned off)
{
	const struct ddirent *e = dirblock_rec(b, off);

	return off <= END - DAXFS_DIRENT_MIN && e->name_len && le64_get(e->ino) &&
	       DAXFS_DIRENT_LEN(e->name_len) <= END - off && rec_csum(self, off, e) == le32_get(e->csum);
}

/* The next offset from @off on where a good record begins, or END. */
static unsigned resync(const void *b, uint64_t self, unsigned off)
{
	while (off <= END - DAXFS_DIRENT_MIN && rec_wrong(b, self, off))
		off += 8;
	return off <= END - DAXFS_DIRENT_MIN ? off : END;
}

static void note_fault(struct dirblock *d, unsigned off, const char *why)
{
	if (d->why)
		return;
	d->why = why;
	d->why_off = off;
	d->doubt = d->nr;
}

/* From a broken record to the next good one; its own name is kept if it is legible. */
static unsigned skip_broken(const void *b, uint64_t self, unsigned off, struct dirblock *out)
{
	if (!rec_legible(b, self, off))
		return resync(b, self, off + 8);
	out->off[out->nr++] = (uint16_t)off;
	return resync(b, self, off + DAXFS_DIRENT_LEN(dirblock_rec(b, off)->name_len));
}

void dirblock_scan(const struct ddirblk *b, uint64_t self, struct dirblock *out)
{
	unsigned off = FIRST;

	out->nr = 0;
	out->doubt = DIRBLOCK_RECORDS;
	out->why = NULL;
	while (off < END) {
		const char *why = rec_wrong(b, self, off);

		if (why) {
			note_fault(out, off, why);
			off = skip_broken(b, self, off, out);
			continue;
		}
		if (le64_get(dirblock_rec(b, off)->ino))
			out->off[out->nr++] = (uint16_t)off;
		off += le16_get(dirblock_rec(b, off)->rec_len);
	}
}

/* -- changing a private copy -------------------------------------------------------- */

static struct ddirent *rec_at(struct ddirblk *b, unsigned off)
{
	return (void *)((uint8_t *)b + off);
}

static void rec_seal(struct ddirblk *b, uint64_t self, unsigned off)
{
	struct ddirent *e = rec_at(b, off);

	e->csum = le32_make(rec_csum(self, off, e));
}

static void rec_free(struct ddirblk *b, uint64_t self, unsigned off, unsigned len)
{
	*rec_at(b, off) = (struct ddirent){ .rec_len = le16_make((uint16_t)len) };
	rec_seal(b, self, off);
}

void dirblock_header(struct ddirblk *b, const struct dirblock_id *id)
{
	b->magic = le32_make(DAXFS_DIRBLK_MAGIC);
	b->owner = le64_make(id->owner);
	b->lblk = le64_make(id->lblk);
	b->self = le64_make(id->self);
	b->csum = le32_make(header_csum(b));
}

void dirblock_empty(struct ddirblk *b, const struct dirblock_id *id)
{
	memset(b, 0, DAXFS_BLOCK_SIZE);
	dirblock_header(b, id);
	rec_free(b, id->self, FIRST, END - FIRST);
}

/* The record at @off reaches to @end, or has a free one behind it. */
static void rec_stretch(struct ddirblk *b, uint64_t self, unsigned off, unsigned end)
{
	struct ddirent *e = rec_at(b, off);
	unsigned len = DAXFS_DIRENT_LEN(e->name_len);

	if (end - off - len < DAXFS_DIRENT_MIN)
		len = end - off;
	e->rec_len = le16_make((uint16_t)len);
	rec_seal(b, self, off);
	if (off + len < end)
		rec_free(b, self, off + len, end - off - len);
}

/* A first record too close to the header for a free one between them moves there. */
static void close_front(struct ddirblk *b, uint64_t self, struct dirblock *d)
{
	unsigned off = d->nr ? d->off[0] : END;

	if (off - FIRST >= DAXFS_DIRENT_MIN) {
		rec_free(b, self, FIRST, off - FIRST);
	} else if (off > FIRST) {
		memmove(rec_at(b, FIRST), rec_at(b, off), DAXFS_DIRENT_LEN(rec_at(b, off)->name_len));
		d->off[0] = (uint16_t)FIRST;
	}
}

void dirblock_tile(struct ddirblk *b, uint64_t self, struct dirblock *d)
{
	close_front(b, self, d);
	for (unsigned i = 0; i < d->nr; i++)
		rec_stretch(b, self, d->off[i], i + 1 < d->nr ? d->off[i + 1] : END);
	d->why = NULL;
}

void dirblock_remove(struct ddirblk *b, uint64_t self, unsigned off)
{
	rec_free(b, self, off, le16_get(rec_at(b, off)->rec_len));
}

void dirblock_set_type(struct ddirblk *b, uint64_t self, unsigned off, unsigned type)
{
	rec_at(b, off)->type = (uint8_t)type;
	rec_seal(b, self, off);
}

static void rec_fill(struct ddirent *e, const struct dirblock_new *n)
{
	e->ino = le64_make(n->ino);
	e->name_len = (uint8_t)n->name_len;
	e->type = (uint8_t)n->type;
	memset(e->name, 0, DAXFS_DIRENT_LEN(n->name_len) - HEADER);
	memcpy(e->name, n->name, n->name_len);
}

bool dirblock_insert(struct ddirblk *b, uint64_t self, const struct dirblock_new *n)
{
	unsigned need = DAXFS_DIRENT_LEN(n->name_len), len;

	for (unsigned off = FIRST; off < END; off += len) {
		if (rec_wrong(b, self, off))
			return false;
		len = le16_get(rec_at(b, off)->rec_len);
		if (le64_get(rec_at(b, off)->ino) || len < need)
			continue;
		rec_fill(rec_at(b, off), n);
		rec_stretch(b, self, off, off + len);
		return true;
	}
	return false;
}
