/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snap.c -- the clean-unmount snapshot of free space and free inodes
 *
 * Owns the layout of a snapshot.  It lies in blocks that nothing claims and is
 * written while the state is dirty; only when it is durable does the superblock
 * get to name it and then to be clean.  After a crash on the way the
 * filesystem is dirty and nobody looks here; a snapshot that is torn or stale
 * all the same fails its checksum as a whole.  Mount and unmount are
 * single-threaded: no lock.  May call: disk, ifile, crc, pm.
 */
#include "disk/snap.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/crc.h"
#include "disk/dinode.h"
#include "pm/pm.h"

#define WORDS	64		/* converted at a time */

/* A snapshot that passed its checks. */
struct snap_view {
	const struct dsnap	*head;
	const struct dsnaprun	*run;
	const struct dsnapchunk	*chunk;
	const le64		*word;
};

uint64_t snap_bytes(const struct snap_counts *c)
{
	return sizeof(struct dsnap) + c->nr_full * sizeof(struct dsnaprun) +
	       c->nr_part * sizeof(struct dsnapchunk) + c->nr_ino_words * sizeof(le64);
}

/* the header without its checksum */
static struct dsnap head_make(pblk_t at, const struct snap_counts *c)
{
	return (struct dsnap){
		.magic = le32_make(DAXFS_SNAP_MAGIC),
		.self = le64_make(at.v),
		.bytes = le64_make(snap_bytes(c)),
		.nr_full = le64_make(c->nr_full),
		.nr_part = le64_make(c->nr_part),
		.nr_ino_words = le64_make(c->nr_ino_words),
		.nr_free = le64_make(c->nr_free),
		.nr_inodes = le64_make(c->nr_inodes),
	};
}

void snap_write_begin(struct snap_writer *w, const struct disk *d, pblk_t at, const struct snap_counts *c)
{
	struct dsnap head = head_make(at, c);

	*w = (struct snap_writer){ .d = d, .at = at, .pos = sizeof(head), .c = *c };
	w->crc = crc32c(0, &head, sizeof(head));
}

static uint8_t *snap_base(const struct snap_writer *w)
{
	return disk_ptr(w->d, w->at);
}

static void put(struct snap_writer *w, const void *p, size_t n)
{
	assert(w->pos + n <= snap_bytes(&w->c));
	pm_copy(w->d->rg, snap_base(w) + w->pos, p, n);
	w->crc = crc32c(w->crc, p, n);
	w->pos += n;
}

void snap_write_run(struct snap_writer *w, uint64_t chunk, uint64_t count)
{
	struct dsnaprun r = { le64_make(chunk), le64_make(count) };

	put(w, &r, sizeof(r));
}

static void words_make(le64 *out, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = le64_make(words[i]);
}

static void words_get(uint64_t *out, const le64 *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = le64_get(words[i]);
}

void snap_write_chunk(struct snap_writer *w, uint64_t chunk, const uint64_t used[8])
{
	struct dsnapchunk c = { .chunk = le64_make(chunk) };

	words_make(c.used, used, 8);
	put(w, &c, sizeof(c));
}

void snap_write_inodes(struct snap_writer *w, const uint64_t *words, uint64_t n)
{
	le64 buf[WORDS];

	while (n) {
		size_t k = n < WORDS ? (size_t)n : WORDS;

		words_make(buf, words, k);
		put(w, buf, k * sizeof(buf[0]));
		words += k;
		n -= k;
	}
}

/*
 * Crash before the caller's fence: header or payload may be missing, in any
 * mixture; nobody believes it while the state is dirty.
 */
void snap_write_end(struct snap_writer *w)
{
	struct dsnap head = head_make(w->at, &w->c);

	assert(w->pos == snap_bytes(&w->c));
	head.csum = le32_make(w->crc);
	pm_copy(w->d->rg, snap_base(w), &head, sizeof(head));
}

static uint64_t chunks(const struct disk *d)
{
	return (d->nr_blocks + DAXFS_CHUNK_BLOCKS - 1) / DAXFS_CHUNK_BLOCKS;
}

/* counts that the device can not hold would also overflow snap_bytes() */
static bool counts_valid(const struct disk *d, const struct snap_counts *c)
{
	uint64_t words = (ifile_nr(d) + 63) / 64;

	return c->nr_full <= chunks(d) && c->nr_part <= chunks(d) && c->nr_ino_words <= words &&
	       c->nr_free <= d->nr_blocks && c->nr_inodes <= c->nr_ino_words * 64;
}

static void counts_load(const struct dsnap *s, struct snap_counts *c)
{
	*c = (struct snap_counts){
		.nr_full = le64_get(s->nr_full), .nr_part = le64_get(s->nr_part),
		.nr_ino_words = le64_get(s->nr_ino_words), .nr_free = le64_get(s->nr_free),
		.nr_inodes = le64_get(s->nr_inodes),
	};
}

/* the header, and the checksum of everything */
static const char *head_error(const struct disk *d, const struct dsnap *s, pblk_t at, uint64_t bytes)
{
	struct snap_counts c;

	if (le32_get(s->magic) != DAXFS_SNAP_MAGIC)
		return "magic is wrong";
	if (le64_get(s->self) != at.v)
		return "belongs in another block";
	if (le64_get(s->bytes) != bytes)
		return "length is not the superblock's";
	if (block_csum(s, bytes, offsetof(struct dsnap, csum)) != le32_get(s->csum))
		return "checksum is wrong";
	counts_load(s, &c);
	if (!counts_valid(d, &c) || snap_bytes(&c) != bytes)
		return "counts are impossible";
	return NULL;
}

/* chunk numbers within the device */
static const char *payload_error(const struct disk *d, const struct snap_view *v)
{
	uint64_t nr = chunks(d);

	for (uint64_t i = 0; i < le64_get(v->head->nr_full); i++) {
		uint64_t chunk = le64_get(v->run[i].chunk), count = le64_get(v->run[i].count);

		if (chunk >= nr || count == 0 || count > nr - chunk)
			return "run outside the device";
	}
	for (uint64_t i = 0; i < le64_get(v->head->nr_part); i++)
		if (le64_get(v->chunk[i].chunk) >= nr)
			return "chunk outside the device";
	return NULL;
}

static void view_make(const struct dsnap *s, struct snap_view *v)
{
	v->head = s;
	v->run = (const void *)(s + 1);
	v->chunk = (const void *)(v->run + le64_get(s->nr_full));
	v->word = (const void *)(v->chunk + le64_get(s->nr_part));
}

static void hand_out_inodes(const struct snap_view *v, const struct snap_reader *r)
{
	uint64_t words[WORDS], nr = le64_get(v->head->nr_ino_words);

	for (uint64_t i = 0; i < nr; i += WORDS) {
		size_t k = nr - i < WORDS ? (size_t)(nr - i) : WORDS;

		words_get(words, v->word + i, k);
		r->inodes(r->arg, i, words, k);
	}
}

static void hand_out(const struct snap_view *v, const struct snap_reader *r)
{
	for (uint64_t i = 0; i < le64_get(v->head->nr_full); i++)
		r->run(r->arg, le64_get(v->run[i].chunk), le64_get(v->run[i].count));
	for (uint64_t i = 0; i < le64_get(v->head->nr_part); i++) {
		uint64_t used[8];

		words_get(used, v->chunk[i].used, 8);
		r->chunk(r->arg, le64_get(v->chunk[i].chunk), used);
	}
	hand_out_inodes(v, r);
}

int snap_read(const struct disk *d, pblk_t at, uint64_t bytes, struct snap_counts *c,
	      const struct snap_reader *r)
{
	uint64_t max = d->nr_blocks << DAXFS_BLOCK_SHIFT;
	const char *wrong = NULL;
	struct snap_view v;

	if (bytes < sizeof(struct dsnap) || bytes > max ||
	    !disk_valid(d, at, (bytes + DAXFS_BLOCK_SIZE - 1) / DAXFS_BLOCK_SIZE))
		return corrupt("snapshot, block %" PRIu64 ": %" PRIu64 " bytes lie outside the device's data",
			       at.v, bytes);
	v.head = disk_ptr(d, at);
	wrong = head_error(d, v.head, at, bytes);
	if (!wrong) {
		view_make(v.head, &v);
		wrong = payload_error(d, &v);
	}
	if (wrong)
		return corrupt("snapshot, block %" PRIu64 ": %s", at.v, wrong);
	counts_load(v.head, c);
	hand_out(&v, r);
	return 0;
}
