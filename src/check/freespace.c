// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * freespace.c -- the snapshot of a clean filesystem against what was found
 *
 * The snapshot lies in blocks that nothing claims and tells the next mount
 * which blocks and inodes are in use.  It is right when it says exactly what
 * the phases before have found; else it is dropped, and the mount finds out by
 * itself.
 */
#include <errno.h>
#include <stdlib.h>

#include "check/claim.h"
#include "disk/disk.h"
#include "disk/super.h"

#define CHUNK_WORDS	(DAXFS_CHUNK_BLOCKS / 64)

/* A snapshot on media, and which chunks it has told of. */
struct snap {
	const struct dsnap *head;
	const struct dsnaprun *run;
	const struct dsnapchunk *part;
	const le64 *ino;
	uint64_t bytes, nr_chunks, used, inodes;
	uint8_t *told;		/* by chunk */
	struct pctx x;		/* for the message */
};

static int drop(struct check *c, enum problem p, const struct pctx *x)
{
	struct dsuper *sb;

	if (!problem(c, p, x))
		return 0;
	sb = media_edit(&c->m, 0);
	if (!sb)
		return -ENOMEM;
	super_forget_snap(sb);
	return 0;
}

/* -- form -------------------------------------------------------------------------- */

static bool counts_fit(const struct check *c, const struct snap *s)
{
	uint64_t full = le64_get(s->head->nr_full), part = le64_get(s->head->nr_part);
	uint64_t words = le64_get(s->head->nr_ino_words);

	return full <= s->nr_chunks && part <= s->nr_chunks && words <= (c->nr_slots + 63) / 64 &&
	       sizeof(struct dsnap) + full * sizeof(struct dsnaprun) + part * sizeof(struct dsnapchunk) +
	       words * sizeof(le64) == s->bytes;
}

static const char *form_wrong(const struct check *c, struct snap *s, uint64_t start)
{
	if (le32_get(s->head->magic) != DAXFS_SNAP_MAGIC)
		return "magic is wrong";
	if (le64_get(s->head->self) != start)
		return "belongs in another block";
	if (le64_get(s->head->bytes) != s->bytes)
		return "length is not the superblock's";
	if (le32_get(s->head->csum) != block_csum(s->head, s->bytes, offsetof(struct dsnap, csum)))
		return "checksum is wrong";
	if (!counts_fit(c, s))
		return "counts are impossible";
	s->run = (const void *)(s->head + 1);
	s->part = (const void *)(s->run + le64_get(s->head->nr_full));
	s->ino = (const void *)(s->part + le64_get(s->head->nr_part));
	return NULL;
}

/* -- content -------------------------------------------------------------------------- */

/* the words of a chunk, those that exist */
static uint64_t claimed_word(const struct check *c, uint64_t word)
{
	return word < (c->nr_blocks + 63) / 64 ? c->claimed[word] : 0;
}

static uint64_t chunk_blocks(const struct check *c, uint64_t chunk)
{
	uint64_t left = c->nr_blocks - chunk * DAXFS_CHUNK_BLOCKS;

	return left < DAXFS_CHUNK_BLOCKS ? left : DAXFS_CHUNK_BLOCKS;
}

static uint64_t chunk_claimed(const struct check *c, uint64_t chunk)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CHUNK_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(claimed_word(c, chunk * CHUNK_WORDS + i));
	return n;
}

static bool differs(struct snap *s, const char *what, uint64_t number)
{
	s->x = (struct pctx){ .text = what, .num = number };
	return true;
}

static bool told_twice(struct snap *s, uint64_t chunk)
{
	if (chunk >= s->nr_chunks || s->told[chunk])
		return true;
	s->told[chunk] = 1;
	return false;
}

static bool run_differs(const struct check *c, struct snap *s, const struct dsnaprun *r)
{
	uint64_t chunk = le64_get(r->chunk), count = le64_get(r->count);

	if (count == 0 || count > s->nr_chunks)
		return differs(s, "chunk", chunk);
	for (; count; count--, chunk++) {
		if (told_twice(s, chunk) || chunk_claimed(c, chunk) != chunk_blocks(c, chunk))
			return differs(s, "chunk", chunk);
		s->used += chunk_blocks(c, chunk);
	}
	return false;
}

static bool part_differs(const struct check *c, struct snap *s, const struct dsnapchunk *p)
{
	uint64_t chunk = le64_get(p->chunk);

	if (told_twice(s, chunk))
		return differs(s, "chunk", chunk);
	for (unsigned i = 0; i < CHUNK_WORDS; i++) {
		uint64_t diff = le64_get(p->used[i]) ^ claimed_word(c, chunk * CHUNK_WORDS + i);

		if (diff)
			return differs(s, "block", chunk * DAXFS_CHUNK_BLOCKS + i * 64 +
				       (uint64_t)__builtin_ctzll(diff));
	}
	s->used += chunk_claimed(c, chunk);
	return false;
}

static bool blocks_differ(const struct check *c, struct snap *s)
{
	for (uint64_t i = 0; i < le64_get(s->head->nr_full); i++)
		if (run_differs(c, s, &s->run[i]))
			return true;
	for (uint64_t i = 0; i < le64_get(s->head->nr_part); i++)
		if (part_differs(c, s, &s->part[i]))
			return true;
	if (s->used != c->nr_claimed || le64_get(s->head->nr_free) != c->nr_blocks - s->used)
		return differs(s, "the number of free blocks, which is", c->nr_blocks - c->nr_claimed);
	return false;
}

static bool inodes_differ(const struct check *c, struct snap *s)
{
	uint64_t words = le64_get(s->head->nr_ino_words);

	for (uint64_t ino = 0; ino < words * 64; ino++) {
		bool is = ino < c->nr_slots && c->state[ino];

		if ((le64_get(s->ino[ino / 64]) >> (ino % 64) & 1) != is)
			return differs(s, "inode", ino);
		s->inodes += is;
	}
	if (s->inodes != c->nr_live || le64_get(s->head->nr_inodes) != c->nr_live)
		return differs(s, "the number of inodes, which is", c->nr_live);
	return false;
}

static int check_content(struct check *c, struct snap *s)
{
	bool wrong;

	s->told = calloc(s->nr_chunks, 1);
	if (!s->told)
		return -ENOMEM;
	wrong = blocks_differ(c, s) || inodes_differ(c, s);
	free(s->told);
	return wrong ? drop(c, PR_SNAPSHOT_DIFFERS, &s->x) : 0;
}

static bool find_claimed(const struct check *c, uint64_t start, uint64_t n, uint64_t *blk)
{
	for (*blk = start; *blk < start + n; ++*blk)
		if (claim_test(c, *blk))
			return true;
	return false;
}

static int check_snapshot(struct check *c, uint64_t start, uint64_t bytes)
{
	uint64_t n = (bytes >> DAXFS_BLOCK_SHIFT) + !!(bytes % DAXFS_BLOCK_SIZE), blk;
	struct snap s = { .bytes = bytes, .nr_chunks = (c->nr_blocks + DAXFS_CHUNK_BLOCKS - 1) / DAXFS_CHUNK_BLOCKS };
	struct pctx x = { .blk = start };

	x.text = bytes < sizeof(struct dsnap) || !check_valid(c, start, n) ? "lies outside the device's data" : NULL;
	if (x.text)
		return drop(c, PR_SNAPSHOT, &x);
	if (find_claimed(c, start, n, &blk))
		return drop(c, PR_SNAPSHOT_CLAIMED, &(struct pctx){ .blk = blk });
	s.head = (const void *)(c->rg->base + (start << DAXFS_BLOCK_SHIFT));
	x.text = form_wrong(c, &s, start);
	return x.text ? drop(c, PR_SNAPSHOT, &x) : check_content(c, &s);
}

int phase_space(struct check *c)
{
	const struct dsuper *sb = media_at(&c->m, 0);
	uint64_t start = le64_get(sb->snap.start);

	check_progress(c, CHECK_PHASE_SPACE, 0, 1);
	/* With findings it goes anyway, or cannot be judged; a damaged reference is one. */
	if (!c->clean || !start || c->m.edits || c->left)
		return 0;
	return check_snapshot(c, start, le64_get(sb->snap.bytes));
}
