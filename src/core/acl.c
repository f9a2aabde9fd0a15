// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * acl.c -- POSIX access control lists, and the mode they agree with
 *
 * The permission bits of an inode are a view of its access ACL: the owner's
 * entry, the mask (without one the group's entry) and the others' entry.  So
 * whoever changes one of them changes the other in the same transaction: after
 * a crash both are old or both are new.  An access ACL without named entries and
 * without a mask is nothing but the mode, and is not stored.
 *
 * Values are kept as the kernel sent them.  An ACL that comes from media is
 * checked before it is used; a malformed one is damage.
 *
 * Names: acl, size  the bytes of an ACL     n  entries in it
 *        class      owner, group or others: three bits of the mode
 */
#include "core/acl.h"

#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/inode.h"
#include "core/instance.h"
#include "core/xattr.h"
#include "disk/xattrblk.h"

/* -- one ACL, as bytes ---------------------------------------------------------- */

struct entry { le16 tag, perm; le32 id; };
static_assert(sizeof(struct entry) == sizeof(struct posix_acl_xattr_entry), "the kernel's form");

#define HEADER	sizeof(struct posix_acl_xattr_header)
#define NAMED	(ACL_USER | ACL_GROUP)
#define MINIMAL	(ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER)
#define ALL	(MINIMAL | NAMED | ACL_MASK)
#define RWX	7u

static size_t nr_entries(size_t size)
{
	return (size - HEADER) / sizeof(struct entry);
}

static struct entry entry_at(const void *acl, size_t i)
{
	struct entry e;

	memcpy(&e, (const uint8_t *)acl + HEADER + i * sizeof(e), sizeof(e));
	return e;
}

static void set_perm(void *acl, size_t i, uint32_t perm)
{
	struct entry e = entry_at(acl, i);

	e.perm = le16_make((uint16_t)perm);
	memcpy((uint8_t *)acl + HEADER + i * sizeof(e), &e, sizeof(e));
}

/* Tags are single bits that grow in the order in which entries come; @seen holds those before @e. */
static bool entry_fits(const struct entry *e, unsigned seen)
{
	unsigned tag = le16_get(e->tag);

	if (!(tag & ALL) || (tag & (tag - 1)) || seen >> 1 >= tag)
		return false;
	if (tag & NAMED)
		return le32_get(e->id) != (uint32_t)ACL_UNDEFINED_ID;
	return !(seen & tag);
}

static int check_entries(const void *acl, size_t n)
{
	unsigned seen = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry e = entry_at(acl, i);

		if (!entry_fits(&e, seen) || le16_get(e.perm) > RWX)
			return -EINVAL;
		seen |= le16_get(e.tag);
	}
	if ((seen & MINIMAL) != MINIMAL || ((seen & NAMED) && !(seen & ACL_MASK)))
		return -EINVAL;
	return 0;
}

static int check_header(const void *acl, size_t size)
{
	le32 version;

	if (size < HEADER || (size - HEADER) % sizeof(struct entry))
		return -EINVAL;
	memcpy(&version, acl, sizeof(version));
	return le32_get(version) == POSIX_ACL_XATTR_VERSION ? 0 : -EOPNOTSUPP;
}

int acl_check(const void *acl, size_t size)
{
	int err = check_header(acl, size);

	return err ? err : check_entries(acl, nr_entries(size));
}

bool acl_is_extended(size_t size)
{
	return nr_entries(size) > 3;
}

/* Where in the mode an entry's permissions are, or -1.  The mask comes right before the others. */
static int class_shift(const void *acl, size_t n, size_t i)
{
	struct entry e = entry_at(acl, i), mask = entry_at(acl, n - 2);
	unsigned tag = le16_get(e.tag);

	if (tag & NAMED)
		return -1;
	if (tag == ACL_GROUP_OBJ && le16_get(mask.tag) == ACL_MASK)
		return -1;
	return tag == ACL_USER_OBJ ? 6 : tag == ACL_OTHER ? 0 : 3;
}

uint32_t acl_to_mode(const void *acl, size_t size, uint32_t mode)
{
	size_t n = nr_entries(size);

	for (size_t i = 0; i < n; i++) {
		int shift = class_shift(acl, n, i);
		struct entry e = entry_at(acl, i);

		if (shift >= 0)
			mode = (mode & ~(RWX << shift)) | (uint32_t)le16_get(e.perm) << shift;
	}
	return mode;
}

void acl_from_mode(void *acl, size_t size, uint32_t mode)
{
	size_t n = nr_entries(size);

	for (size_t i = 0; i < n; i++) {
		int shift = class_shift(acl, n, i);

		if (shift >= 0)
			set_perm(acl, i, mode >> shift & RWX);
	}
}

uint32_t acl_inherit(void *acl, size_t size, uint32_t mode)
{
	acl_from_mode(acl, size, mode & acl_to_mode(acl, size, 0));
	return acl_to_mode(acl, size, mode);
}

/* -- setting and removing ---------------------------------------------------------------- */

bool acl_named(const char *name)
{
	return !strcmp(name, ACL_ACCESS_NAME) || !strcmp(name, ACL_DEFAULT_NAME);
}

static bool is_default(const char *name)
{
	return !strcmp(name, ACL_DEFAULT_NAME);
}

/* None, or one without entries: both ask for its removal. */
static bool is_removal(const struct xattr_set_req *rq)
{
	return !rq->value || rq->size == HEADER;
}

int acl_admit(const struct inode *ip, const struct xattr_set_req *rq)
{
	int err = rq->value ? check_header(rq->value, rq->size) : 0;

	if (S_ISLNK(ip->type))
		return -EOPNOTSUPP;
	if (err || is_removal(rq))
		return err;
	if (is_default(rq->name) && !inode_is_dir(ip))
		return -EACCES;
	return acl_check(rq->value, rq->size);
}

static int take_out(struct xattrs *xs, const char *name)
{
	int err = xattrs_del(xs, name);

	if (err == -ENODATA)
		return 0;
	return err ? err : 1;
}

static int put_in(struct xattrs *xs, const struct xattr_set_req *rq)
{
	int err = xattrs_put(xs, rq->name, rq->value, (uint32_t)rq->size);

	return err ? err : 1;
}

int acl_put(struct xattrs *xs, const struct xattr_set_req *rq, uint32_t *mode)
{
	if (is_removal(rq))
		return take_out(xs, rq->name);
	if (is_default(rq->name))
		return put_in(xs, rq);
	*mode = acl_to_mode(rq->value, rq->size, *mode);
	if (rq->flags & XATTR_KILL_SGID)
		*mode &= ~(uint32_t)S_ISGID;
	return acl_is_extended(rq->size) ? put_in(xs, rq) : take_out(xs, rq->name);
}

/* -- following the mode ----------------------------------------------------------------------- */

struct copy { uint8_t *acl; size_t size; };

/* A copy of an ACL that lies on media.  1, 0 (there is none), -ENOMEM, -EUCLEAN. */
static int copy_acl(const struct inode *ip, const struct xattrs *xs, const char *name, struct copy *c)
{
	struct xattr_ent e;
	int err = xattrs_find(xs, name, &e);

	if (err)
		return err == -ENODATA ? 0 : err;
	if (acl_check(e.value, e.value_len))
		return corrupt("inode %llu: %s is no ACL", (unsigned long long)ip->ino, name);
	c->size = e.value_len;
	c->acl = malloc(c->size);
	if (!c->acl)
		return -ENOMEM;
	memcpy(c->acl, e.value, c->size);
	return 1;
}

/* The stream's access ACL as @mode wants it.  1 (it was different), 0, -ENOMEM, -ENOSPC, -EUCLEAN. */
static int chmod_stream(const struct inode *ip, struct xattrs *xs, uint32_t mode)
{
	struct copy c;
	int ret = copy_acl(ip, xs, ACL_ACCESS_NAME, &c);

	if (ret != 1)
		return ret;
	ret = 0;
	if ((acl_to_mode(c.acl, c.size, mode) ^ mode) & 0777) {
		acl_from_mode(c.acl, c.size, mode);
		ret = xattrs_put(xs, ACL_ACCESS_NAME, c.acl, (uint32_t)c.size);
		ret = ret ? ret : 1;
	}
	free(c.acl);
	return ret;
}

int acl_stage_chmod(struct inode_edit *e, struct txn *t)
{
	const struct inode *ip = e->ip;
	struct xattrs xs;

	if (!ip->xattr.v)
		return 0;
	int ret = xattrblk_load(&ip->fs->disk, ip->ino, ip->xattr, &xs);

	if (ret)
		return ret;
	ret = chmod_stream(ip, &xs, e->a.mode);
	if (ret == 1)
		ret = xattr_stage(e, t, &xs);
	free(xs.buf);
	return ret;
}

/* -- new inodes -------------------------------------------------------------------------------- */

/* @c: the directory's default ACL, used up.  Into @xs goes what the new inode gets. */
static int child_stream(struct copy *c, struct xattrs *xs, struct iattr *a)
{
	int err = 0;

	if (S_ISDIR(a->mode))
		err = xattrs_put(xs, ACL_DEFAULT_NAME, c->acl, (uint32_t)c->size);
	a->mode = acl_inherit(c->acl, c->size, a->mode);
	if (!err && acl_is_extended(c->size))
		err = xattrs_put(xs, ACL_ACCESS_NAME, c->acl, (uint32_t)c->size);
	return err;
}

/* 1, 0 (there is none), -ENOMEM, -EUCLEAN. */
static int default_acl(const struct inode *dir, struct copy *c)
{
	struct xattrs xs;

	if (!dir->xattr.v)
		return 0;
	int ret = xattrblk_load(&dir->fs->disk, dir->ino, dir->xattr, &xs);

	if (ret)
		return ret;
	ret = copy_acl(dir, &xs, ACL_DEFAULT_NAME, c);
	free(xs.buf);
	return ret;
}

int acl_stage_child(struct txn *t, const struct inode *dir, const struct acl_child *child, struct iattr *a)
{
	struct xattrs xs = { NULL, 0 };
	struct copy c;
	uint64_t n;

	if (S_ISLNK(a->mode))
		return 0;
	int ret = default_acl(dir, &c);

	if (ret == 0)
		a->mode &= ~((uint32_t)child->umask & 0777);
	if (ret != 1)
		return ret;
	ret = child_stream(&c, &xs, a);
	if (!ret)
		ret = xattrblk_store(t, &dir->fs->disk, child->ino, &xs, &a->xattr, &n);
	if (!ret)
		a->blocks += n;
	free(xs.buf);
	free(c.acl);
	return ret;
}
