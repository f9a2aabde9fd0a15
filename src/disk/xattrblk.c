/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xattrblk.c -- an inode's extended attributes: an immutable chain of blocks
 *
 * Owns the blocks of attribute chains.  A chain is written once, into fresh
 * blocks, and never changed: a transaction swings the inode's pointer to a new
 * chain and frees the old one, so after a crash an inode has all its old
 * attributes or all its new ones.  The inode's lock, held by the caller,
 * protects the pointer.  A block's index is its place in the chain, so a
 * damaged chain can not loop.  May call: txn, disk.
 */
#include "disk/xattrblk.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk/txn.h"

#define DATA_MAX	((uint32_t)sizeof(((struct dxattrblk *)0)->data))
#define CHAIN_MAX	((DAXFS_XATTR_STREAM_MAX + DATA_MAX - 1) / DATA_MAX)

/* Walking along a chain. */
struct chain {
	const struct disk *d;
	uint64_t ino;
	pblk_t	 next;
	uint32_t index;
};

static uint32_t xattrblk_csum(const struct dxattrblk *b)
{
	return block_csum(b, sizeof(*b), offsetof(struct dxattrblk, csum));
}

static void xattrblk_seal(void *shadow)
{
	struct dxattrblk *b = shadow;

	b->csum = le32_make(xattrblk_csum(b));
}

static const char *block_error(const struct dxattrblk *b, const struct chain *c)
{
	static const uint8_t zero[sizeof(b->rsvd)];
	uint32_t bytes = le32_get(b->bytes);

	if (le32_get(b->magic) != DAXFS_XATTR_MAGIC)
		return "magic is wrong";
	if (le32_get(b->csum) != xattrblk_csum(b))
		return "checksum is wrong";
	if (le64_get(b->self) != c->next.v)
		return "belongs in another block";
	if (le64_get(b->owner) != c->ino)
		return "belongs to another inode";
	if (le32_get(b->index) != c->index)
		return "is out of order";
	if (bytes == 0 || bytes > DATA_MAX || (le64_get(b->next) && bytes < DATA_MAX))
		return "length is impossible";
	if (memcmp(b->rsvd, zero, sizeof(zero)) != 0)
		return "reserved bytes are not zero";
	return NULL;
}

/* Return: 1 and the next block, checked; 0 at the end; -EUCLEAN. */
static int chain_next(struct chain *c, const struct dxattrblk **b)
{
	const char *wrong;

	if (c->next.v == 0)
		return 0;
	if (c->index == CHAIN_MAX)
		return corrupt("inode %" PRIu64 ", attributes: more than %u blocks", c->ino, CHAIN_MAX);
	if (!disk_valid(c->d, c->next, 1))
		return corrupt("inode %" PRIu64 ", attribute block %" PRIu64 ": outside the device's data",
			       c->ino, c->next.v);
	*b = disk_ptr(c->d, c->next);
	wrong = block_error(*b, c);
	if (wrong)
		return corrupt("inode %" PRIu64 ", attribute block %" PRIu64 ": %s",
			       c->ino, c->next.v, wrong);
	c->next.v = le64_get((*b)->next);
	c->index++;
	return 1;
}

/* every entry of a stream that was just read */
static int stream_check(const struct xattrs *xs, uint64_t ino)
{
	struct xattr_ent e;
	size_t pos = 0;
	int r;

	do
		r = xattrs_next(xs, &pos, &e);
	while (r == 1);
	return r ? corrupt("inode %" PRIu64 ", attributes: malformed entry at byte %zu", ino, pos) : 0;
}

static int append(struct xattrs *xs, size_t *cap, const struct dxattrblk *b)
{
	uint32_t bytes = le32_get(b->bytes);

	if (xs->bytes + bytes > *cap) {
		uint8_t *buf = realloc(xs->buf, *cap * 2 + DATA_MAX);

		if (!buf)
			return -ENOMEM;
		xs->buf = buf;
		*cap = *cap * 2 + DATA_MAX;
	}
	memcpy(xs->buf + xs->bytes, b->data, bytes);
	xs->bytes += bytes;
	return 0;
}

int xattrblk_load(const struct disk *d, uint64_t ino, pblk_t first, struct xattrs *xs)
{
	struct chain c = { .d = d, .ino = ino, .next = first };
	const struct dxattrblk *b;
	size_t cap = 0;
	int r;

	*xs = (struct xattrs){ NULL, 0 };
	while ((r = chain_next(&c, &b)) == 1) {
		r = append(xs, &cap, b);
		if (r)
			break;
	}
	if (!r)
		r = stream_check(xs, ino);
	if (r) {
		free(xs->buf);
		*xs = (struct xattrs){ NULL, 0 };
	}
	return r;
}

int xattrblk_blocks(const struct disk *d, uint64_t ino, pblk_t first, struct runvec *out)
{
	struct chain c = { .d = d, .ino = ino, .next = first };
	const struct dxattrblk *b;
	int r;

	for (;;) {
		pblk_t here = c.next;

		r = chain_next(&c, &b);
		if (r != 1)
			return r;
		r = runvec_add(out, here, 1);
		if (r)
			return r;
	}
}

/* one block of a new chain, filled from the stream at @pos */
static int store_block(struct txn *t, const struct chain *c, const struct xattrs *xs, pblk_t *self,
		       struct dxattrblk **out)
{
	size_t pos = (size_t)c->index * DATA_MAX;
	size_t bytes = xs->bytes - pos < DATA_MAX ? xs->bytes - pos : DATA_MAX;
	struct dxattrblk *b;
	int err = txn_alloc(t, self);

	if (err)
		return err;
	b = txn_fresh(t, *self, xattrblk_seal);
	if (!b)
		return -ENOMEM;
	b->magic = le32_make(DAXFS_XATTR_MAGIC);
	b->owner = le64_make(c->ino);
	b->self = le64_make(self->v);
	b->index = le32_make(c->index);
	b->bytes = le32_make((uint32_t)bytes);
	memcpy(b->data, xs->buf + pos, bytes);
	*out = b;
	return 0;
}

int xattrblk_store(struct txn *t, const struct disk *d, uint64_t ino, const struct xattrs *xs,
		   pblk_t *first, uint64_t *n)
{
	struct chain c = { .d = d, .ino = ino };
	struct dxattrblk *prev = NULL, *b;
	pblk_t self;

	*first = (pblk_t){ 0 };
	*n = 0;
	if (xs->bytes > DAXFS_XATTR_STREAM_MAX)
		return -ENOSPC;
	for (; (size_t)c.index * DATA_MAX < xs->bytes; c.index++) {
		int err = store_block(t, &c, xs, &self, &b);

		if (err)
			return err;
		if (prev)
			prev->next = le64_make(self.v);
		else
			*first = self;
		prev = b;
	}
	*n = c.index;
	return 0;
}
