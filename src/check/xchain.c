// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xchain.c -- chains of attribute blocks, read independently of the engine
 *
 * A block says which place of the chain it holds, so a chain cannot loop.  The
 * stream is put together in one buffer that serves all inodes.  A chain is
 * right as a whole or it is not.
 */
#include "check/xchain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "check/mapwalk.h"
#include "check/xacl.h"
#include "disk/disk.h"

#define DATA		sizeof(((struct dxattrblk *)0)->data)
#define CHAIN_MAX	((DAXFS_XATTR_STREAM_MAX + DATA - 1) / DATA)
#define HEADER		sizeof(struct dxattr)

static const char *block_wrong(const struct dxattrblk *b, const struct xchain *x, uint64_t blk, uint32_t index)
{
	uint32_t bytes = le32_get(b->bytes);

	if (le32_get(b->magic) != DAXFS_XATTR_MAGIC)
		return "magic is wrong";
	if (le32_get(b->csum) != block_csum(b, sizeof(*b), offsetof(struct dxattrblk, csum)))
		return "checksum is wrong";
	if (le64_get(b->self) != blk)
		return "belongs in another block";
	if (le64_get(b->owner) != x->ino)
		return "belongs to another inode";
	if (le32_get(b->index) != index)
		return "out of order";
	if (bytes == 0 || bytes > DATA || (le64_get(b->next) && bytes < DATA))
		return "length is impossible";
	return media_zero(b->rsvd, sizeof(b->rsvd)) ? NULL : "reserved bytes are not zero";
}

static int stream_add(struct check *c, struct xchain *x, const struct dxattrblk *b)
{
	size_t n = le32_get(b->bytes);

	if (x->bytes + n > c->stream_cap) {
		size_t cap = c->stream_cap * 2 + DATA;
		uint8_t *p = realloc(c->stream, cap);

		if (!p)
			return -ENOMEM;
		c->stream = p;
		c->stream_cap = cap;
	}
	memcpy(c->stream + x->bytes, b->data, n);
	x->bytes += n;
	return 0;
}

/* -- the stream --------------------------------------------------------------------- */

struct entry { const uint8_t *name; unsigned name_len; size_t len; };

/* False at the end, or with *@why where an entry is malformed. */
static bool entry_at(const struct check *c, const struct xchain *x, size_t pos, struct entry *e, const char **why)
{
	size_t left = x->bytes - pos;
	struct dxattr head;

	if (left == 0)
		return false;
	*why = "malformed entry";
	if (left < HEADER)
		return false;
	memcpy(&head, c->stream + pos, HEADER);
	if (!head.name_len || head.rsvd[0] || head.rsvd[1] || head.rsvd[2] ||
	    le32_get(head.value_len) > DAXFS_XATTR_SIZE_MAX)
		return false;
	*e = (struct entry){ c->stream + pos + HEADER, head.name_len,
			     HEADER + head.name_len + le32_get(head.value_len) };
	if (e->len > left || memchr(e->name, '\0', e->name_len))
		return false;
	*why = NULL;
	return true;
}

struct same { const struct check *c; const struct entry *e; };

static bool same_name(void *arg, uint64_t pos)
{
	const struct same *s = arg;
	const uint8_t *p = s->c->stream + pos;
	struct dxattr head;

	memcpy(&head, p, HEADER);
	return head.name_len == s->e->name_len && !memcmp(p + HEADER, s->e->name, head.name_len);
}

static bool is_bad_acl(const struct entry *e)
{
	return xacl_named(e->name, e->name_len) &&
	       !xacl_sound(e->name + e->name_len, e->len - HEADER - e->name_len);
}

static int check_stream(struct check *c, const struct xchain *x, const char **why)
{
	struct entry e;
	int ret = nameset_reset(&c->names, 8);

	*why = NULL;
	for (size_t pos = 0; !ret && entry_at(c, x, pos, &e, why); pos += e.len) {
		struct same s = { c, &e };
		struct nameset_key k = { name_hash(c->seed, e.name, e.name_len), pos, same_name, &s };
		uint64_t other;

		ret = nameset_add(&c->names, &k, &other);
		if (ret == 1)
			*why = "a name is there twice";
		if (!ret && is_bad_acl(&e)) {
			*why = "an access control list is malformed";
			ret = 1;
		}
	}
	if (!*why && x->bytes > DAXFS_XATTR_STREAM_MAX)
		*why = "longer than 1 MiB";
	return ret < 0 ? ret : *why != NULL;
}

int xchain_walk(struct check *c, struct xchain *x, struct xfault *f)
{
	uint64_t blk = x->first;

	x->bytes = 0;
	for (uint32_t index = 0; blk; index++) {
		f->blk = blk;
		f->why = index == CHAIN_MAX ? "too many blocks" :
			 check_valid(c, blk, 1) ? NULL : "outside the device's data";
		if (f->why)
			return 1;
		const struct dxattrblk *b = media_at(&c->m, blk);

		f->why = block_wrong(b, x, blk, index);
		if (f->why)
			return 1;
		if (stream_add(c, x, b) || mrun_add(x->out, (struct mrun){ RUN_META, blk, 1, 0 }))
			return -ENOMEM;
		blk = le64_get(b->next);
	}
	return check_stream(c, x, &f->why);
}

void xchain_names(const struct check *c, const struct xchain *x, char *buf, size_t size)
{
	const char *why;
	struct entry e;
	size_t n = 0;

	buf[0] = '\0';
	for (size_t pos = 0; n + 1 < size && entry_at(c, x, pos, &e, &why); pos += e.len) {
		int k = snprintf(buf + n, size - n, "%s%.*s", n ? " " : "", (int)e.name_len, (const char *)e.name);

		n = k < 0 || (size_t)k >= size - n ? size : n + (size_t)k;
	}
}
