/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xattrs.c -- the stream of attribute entries, in DRAM
 *
 * Owns the layout of entries, not the blocks they lie in.  DRAM only: a crash
 * forgets it.  The stream may have come from media, so every length in it is
 * checked before use; xattrblk_load() has done so once and names the inode, so
 * nothing is logged here.  The owner of the stream is its lock.  May call: libc.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk/xattrblk.h"

#define HEADER	sizeof(struct dxattr)

int xattrs_next(const struct xattrs *xs, size_t *pos, struct xattr_ent *e)
{
	static const uint8_t zero[3];
	size_t left = xs->bytes - *pos;
	struct dxattr head;

	if (left == 0)
		return 0;
	if (left < HEADER)
		return -EUCLEAN;
	memcpy(&head, xs->buf + *pos, HEADER);
	if (head.name_len == 0 || memcmp(head.rsvd, zero, sizeof(zero)) != 0 ||
	    le32_get(head.value_len) > DAXFS_XATTR_SIZE_MAX)
		return -EUCLEAN;
	e->pos = *pos;
	e->len = HEADER + head.name_len + le32_get(head.value_len);
	if (e->len > left)
		return -EUCLEAN;
	e->name = (const char *)xs->buf + *pos + HEADER;
	e->name_len = head.name_len;
	e->value = (const uint8_t *)e->name + e->name_len;
	e->value_len = le32_get(head.value_len);
	if (memchr(e->name, '\0', e->name_len))
		return -EUCLEAN;
	*pos += e->len;
	return 1;
}

int xattrs_find(const struct xattrs *xs, const char *name, struct xattr_ent *e)
{
	size_t name_len = strlen(name), pos = 0;
	int r;

	while ((r = xattrs_next(xs, &pos, e)) == 1)
		if (e->name_len == name_len && memcmp(e->name, name, name_len) == 0)
			return 0;
	return r ? r : -ENODATA;
}

/* take bytes [pos, pos + len) out */
static void cut(struct xattrs *xs, size_t pos, size_t len)
{
	memmove(xs->buf + pos, xs->buf + pos + len, xs->bytes - pos - len);
	xs->bytes -= len;
}

/* append an entry; the buffer has room */
static void append(struct xattrs *xs, const char *name, const void *value, uint32_t value_len)
{
	size_t name_len = strlen(name);
	struct dxattr head = { .value_len = le32_make(value_len), .name_len = (uint8_t)name_len };
	uint8_t *at = xs->buf + xs->bytes;

	memcpy(at, &head, HEADER);
	memcpy(at + HEADER, name, name_len);
	if (value_len)
		memcpy(at + HEADER + name_len, value, value_len);
	xs->bytes += HEADER + name_len + value_len;
}

int xattrs_put(struct xattrs *xs, const char *name, const void *value, uint32_t value_len)
{
	size_t name_len = strlen(name), len = HEADER + name_len + value_len;
	struct xattr_ent old = { .len = 0 };
	int err = xattrs_find(xs, name, &old);
	uint8_t *buf;

	if (err && err != -ENODATA)
		return err;
	if (err)
		old.len = 0;
	if (name_len == 0 || name_len > DAXFS_NAME_MAX || value_len > DAXFS_XATTR_SIZE_MAX ||
	    xs->bytes - old.len + len > DAXFS_XATTR_STREAM_MAX)
		return -ENOSPC;
	buf = realloc(xs->buf, xs->bytes + len);
	if (!buf)
		return -ENOMEM;
	xs->buf = buf;
	if (old.len)
		cut(xs, old.pos, old.len);
	append(xs, name, value, value_len);
	return 0;
}

int xattrs_del(struct xattrs *xs, const char *name)
{
	struct xattr_ent e;
	int err = xattrs_find(xs, name, &e);

	if (!err)
		cut(xs, e.pos, e.len);
	return err;
}
