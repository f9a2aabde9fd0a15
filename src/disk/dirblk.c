/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirblk.c -- directory blocks: records that tile a block and never move
 *
 * Owns the layout of a directory block.  A change touches one or two records,
 * staged as patches, so that two changes of one block fit into one transaction
 * and a commit looks at a few cache lines only; after a crash all changes of a
 * transaction are there or none.  The directory's lock, held by the caller,
 * protects the block.  May call: txn, disk, crc.
 *
 * A record's checksum starts from the block's and the record's place: a record
 * that was copied elsewhere fails.  What a removed record leaves behind inside
 * a joined free one is never looked at, since every search goes from record to
 * record.
 */
#include "disk/dirblk.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/crc.h"
#include "disk/txn.h"

#define FIRST		DIRBLK_FIRST
#define END		((unsigned)DAXFS_BLOCK_SIZE)
#define HEADER		((unsigned)sizeof(struct ddirent))
#define WITH_NAME	DAXFS_DIRENT_LEN(DAXFS_NAME_MAX)

/* One record to be written. */
struct newrec {
	unsigned off, rec_len, type;
	uint64_t ino;
	struct name name;
};

static const struct ddirent *record_at(const struct ddirblk *blk, unsigned off)
{
	return (const void *)((const uint8_t *)blk + off);
}

static int bad_record(const struct ddirblk *blk, unsigned off, const char *wrong)
{
	return corrupt("directory %" PRIu64 ", block %" PRIu64 ", record at %u: %s",
		       le64_get(blk->owner), le64_get(blk->self), off, wrong);
}

/* What a record's checksum covers, in a row: a call of the library costs as much as a hundred bytes. */
struct summed { le64 self, off; uint8_t record[HEADER + DAXFS_NAME_MAX]; };

static uint32_t record_csum(le64 self, const struct ddirent *e, unsigned off)
{
	const size_t len = HEADER + e->name_len;
	struct summed all;

	all.self = self;
	all.off = le64_make(off);
	memcpy(all.record, e, len);
	memset(all.record + offsetof(struct ddirent, csum), 0, sizeof(e->csum));
	return crc32c(0, &all, offsetof(struct summed, record) + len);
}

static uint32_t header_csum(const struct ddirblk *blk)
{
	return block_csum(blk, sizeof(*blk), offsetof(struct ddirblk, csum));
}

/* can the walk go on behind this record? */
static bool length_valid(const struct ddirent *e, unsigned off)
{
	unsigned len = le16_get(e->rec_len);

	return len >= DAXFS_DIRENT_MIN && len % 8 == 0 && len <= END - off;
}

static const char *record_error(const struct ddirblk *blk, unsigned off)
{
	const struct ddirent *e = record_at(blk, off);

	if (!length_valid(e, off))
		return "length is impossible";
	if (DAXFS_DIRENT_LEN(e->name_len) > le16_get(e->rec_len))
		return "name is longer than the record";
	if (record_csum(blk->self, e, off) != le32_get(e->csum))
		return "checksum is wrong";
	if (le64_get(e->ino) == 0)
		return e->name_len || e->type ? "free record with a name" : NULL;
	if (e->name_len == 0)
		return "empty name";
	if (memchr(e->name, '/', e->name_len) || memchr(e->name, '\0', e->name_len))
		return "name with a slash or NUL";
	return NULL;
}

static void record_load(const struct ddirblk *blk, unsigned off, struct dirrec *rec)
{
	const struct ddirent *e = record_at(blk, off);

	*rec = (struct dirrec){
		.ino = le64_get(e->ino), .name = e->name, .name_len = e->name_len,
		.type = e->type, .off = off, .rec_len = le16_get(e->rec_len),
	};
}

/* write a whole record into the shadow of block @self, which has content there */
static void record_store(struct ddirblk *shadow, le64 self, const struct newrec *r)
{
	struct ddirent *e = (void *)((uint8_t *)shadow + r->off);

	assert(DAXFS_DIRENT_LEN(r->name.len) <= r->rec_len);
	e->ino = le64_make(r->ino);
	e->rec_len = le16_make((uint16_t)r->rec_len);
	e->name_len = (uint8_t)r->name.len;
	e->type = (uint8_t)r->type;
	if (r->name.len) {
		memcpy(e->name, r->name.s, r->name.len);
		memset(e->name + r->name.len, 0, DAXFS_DIRENT_LEN(r->name.len) - HEADER - r->name.len);
	}
	e->csum = le32_make(record_csum(self, e, r->off));
}

void dirblk_format(struct ddirblk *blk, struct dirblk_id id)
{
	blk->magic = le32_make(DAXFS_DIRBLK_MAGIC);
	blk->owner = le64_make(id.owner);
	blk->lblk = le64_make(id.lblk.v);
	blk->self = le64_make(id.self.v);
	blk->csum = le32_make(header_csum(blk));
	record_store(blk, blk->self, &(struct newrec){ .off = FIRST, .rec_len = END - FIRST });
}

static const char *header_error(const struct ddirblk *blk, struct dirblk_id id)
{
	if (le32_get(blk->magic) != DAXFS_DIRBLK_MAGIC)
		return "magic is wrong";
	if (le32_get(blk->csum) != header_csum(blk))
		return "checksum is wrong";
	if (le64_get(blk->self) != id.self.v)
		return "belongs in another place on the device";
	if (le64_get(blk->owner) != id.owner)
		return "belongs to another directory";
	if (le64_get(blk->lblk) != id.lblk.v)
		return "belongs in another place of the directory";
	return NULL;
}

int dirblk_check(const struct disk *d, const struct ddirblk *blk, struct dirblk_id id)
{
	const char *wrong = header_error(blk, id);
	struct dirrec rec;
	unsigned off = FIRST;
	int r;

	if (wrong)
		return corrupt("directory %" PRIu64 ", block %" PRIu64 ": %s", id.owner, id.self.v, wrong);
	do
		r = dirblk_step(d, blk, &off, &rec);
	while (r == 1);
	return r;
}

int dirblk_step(const struct disk *d, const struct ddirblk *blk, unsigned *off, struct dirrec *rec)
{
	const char *wrong;

	(void)d;
	if (*off < FIRST)
		*off = FIRST;
	if (*off >= END)
		return 0;
	wrong = record_error(blk, *off);
	if (wrong)
		return bad_record(blk, *off, wrong);
	record_load(blk, *off, rec);
	*off += rec->rec_len;
	return 1;
}

/*
 * The first record at or after @off (END: none), by a walk from the record at @from, which is before it;
 * *@prev: the last one passed.  Or -EUCLEAN.
 */
static int find_record(const struct ddirblk *blk, unsigned from, unsigned off, unsigned *prev)
{
	unsigned at = from;

	while (at < off) {
		if (!length_valid(record_at(blk, at), at))
			return bad_record(blk, at, "length is impossible");
		*prev = at;
		at += le16_get(record_at(blk, at)->rec_len);
	}
	return (int)at;
}

int dirblk_next(const struct disk *d, const struct ddirblk *blk, unsigned *off, struct dirrec *rec)
{
	unsigned prev;
	int at = *off <= FIRST ? (int)FIRST : find_record(blk, FIRST, *off < END ? *off : END, &prev);

	if (at < 0)
		return at;
	*off = (unsigned)at;
	return dirblk_step(d, blk, off, rec);
}

int dirblk_get(const struct disk *d, const struct ddirblk *blk, unsigned off, struct dirrec *rec)
{
	unsigned at = off;
	int r;

	if (off < FIRST || off > END - DAXFS_DIRENT_MIN || off % 8)
		return bad_record(blk, off, "offset is impossible");
	r = dirblk_step(d, blk, &at, rec);
	if (r == 1 && rec->ino == 0)
		return bad_record(blk, off, "is free");
	return r < 0 ? r : 0;
}

int dirblk_room(const struct disk *d, const struct ddirblk *blk, struct dirroom *room)
{
	(void)d;
	*room = (struct dirroom){ 0, 0 };
	for (unsigned off = FIRST; off < END; off += le16_get(record_at(blk, off)->rec_len)) {
		const struct ddirent *e = record_at(blk, off);

		if (!length_valid(e, off))
			return bad_record(blk, off, "length is impossible");
		if (!le64_get(e->ino) && le16_get(e->rec_len) > room->len)
			*room = (struct dirroom){ off, le16_get(e->rec_len) };
	}
	return 0;
}

/* stage one record; what is behind its name stays as it is */
static int stage(struct txn *t, struct ddirblk *blk, le64 self, const struct newrec *r)
{
	struct ddirblk *shadow = txn_patch(t, blk, r->off, DAXFS_DIRENT_LEN(r->name.len));

	if (!shadow)
		return -ENOSPC;
	record_store(shadow, self, r);
	return 0;
}

/* bytes from @off on that a record and the longest name may take */
static size_t part_len(unsigned off)
{
	return END - off < WITH_NAME ? END - off : WITH_NAME;
}

/* is there such a free record? */
static const char *room_error(const struct ddirblk *blk, struct dirroom room)
{
	const struct ddirent *e = record_at(blk, room.off);
	const char *wrong = record_error(blk, room.off);

	if (!wrong && (le64_get(e->ino) || le16_get(e->rec_len) != room.len))
		wrong = "is not the free record it was";
	return wrong;
}

int dirblk_insert(struct txn *t, const struct disk *d, struct ddirblk *blk, const struct dirrec *new,
		  struct dirroom *room)
{
	const struct ddirblk *view = txn_view_part(t, blk, room->off, part_len(room->off));
	struct newrec r = {
		.off = room->off, .rec_len = DAXFS_DIRENT_LEN(new->name_len), .type = new->type,
		.ino = new->ino, .name = { new->name, new->name_len },
	};
	const char *wrong = room_error(view, *room);

	(void)d;
	assert(new->name_len >= 1 && new->name_len <= DAXFS_NAME_MAX && new->ino && r.rec_len <= room->len);
	if (wrong)
		return bad_record(view, room->off, wrong);
	*room = (struct dirroom){ r.off + r.rec_len, room->len - r.rec_len };
	if (room->len < DAXFS_DIRENT_MIN) {
		r.rec_len += room->len;
		*room = (struct dirroom){ r.off + r.rec_len, 0 };
		return stage(t, blk, view->self, &r);
	}
	int err = stage(t, blk, view->self, &r);

	return err ? err : stage(t, blk, view->self, &(struct newrec){ .off = room->off, .rec_len = room->len });
}

/* What is free in front of the record at @off, which it may be joined to. */
static int free_before(struct txn *t, const struct ddirblk *blk, unsigned off, unsigned from,
		       struct dirroom *room)
{
	*room = (struct dirroom){ off, 0 };
	if (from >= off)
		return 0;
	const struct ddirblk *view = txn_view_part(t, blk, from, off - from);
	unsigned prev;
	int at = find_record(view, from, off, &prev);

	if (at < 0)
		return at;
	if ((unsigned)at != off)
		return bad_record(view, off, "no record begins here");
	if (le64_get(record_at(view, prev)->ino) == 0)
		*room = (struct dirroom){ prev, off - prev };
	return 0;
}

/* What is free behind a record that ends at @off. */
static int free_behind(struct txn *t, const struct ddirblk *blk, unsigned off, unsigned *len)
{
	*len = 0;
	if (off >= END)
		return 0;
	const struct ddirblk *view = txn_view_part(t, blk, off, HEADER);
	const struct ddirent *e = record_at(view, off);

	if (!length_valid(e, off))
		return bad_record(view, off, "length is impossible");
	if (le64_get(e->ino) == 0)
		*len = le16_get(e->rec_len);
	return 0;
}

int dirblk_remove(struct txn *t, struct ddirblk *blk, struct dirref ref,
		  unsigned from, struct dirroom *freed)
{
	const struct ddirblk *view = txn_view_part(t, blk, ref.off, HEADER);
	const struct ddirent *e = record_at(view, ref.off);
	unsigned behind = 0;

	if (!length_valid(e, ref.off) || le64_get(e->ino) != ref.ino)
		return bad_record(view, ref.off, "is not the record it was");
	int err = free_before(t, blk, ref.off, from, freed);

	if (!err)
		err = free_behind(t, blk, ref.off + le16_get(e->rec_len), &behind);
	if (err)
		return err;
	freed->len += le16_get(e->rec_len) + behind;
	return stage(t, blk, view->self, &(struct newrec){ .off = freed->off, .rec_len = freed->len });
}

int dirblk_set(struct txn *t, const struct disk *d, struct ddirblk *blk, unsigned off,
	       uint64_t ino, unsigned type)
{
	const struct ddirblk *view = txn_view_part(t, blk, off, part_len(off));
	char text[DAXFS_NAME_MAX];
	struct newrec r = { .off = off, .type = type, .ino = ino, .name = { .s = text } };
	struct dirrec rec;
	int err = dirblk_get(d, view, off, &rec);

	assert(ino);
	if (err)
		return err;
	r.rec_len = rec.rec_len;
	r.name.len = rec.name_len;
	memcpy(text, rec.name, rec.name_len);
	return stage(t, blk, view->self, &r);
}
