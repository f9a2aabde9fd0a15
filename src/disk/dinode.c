/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dinode.c -- inodes on media: attributes, checksum, checker
 *
 * Owns the layout of a slot but for its map's inner nodes (extmap.c).  Nothing
 * here stores to media: callers hand in shadows, and what a crash leaves is the
 * transaction's promise.  The checker is what mount, recovery and every load of
 * an inode rely on.  The inode's lock, held by the caller, protects the slot.
 * May call: disk, extmap (the root of the map).
 */
#include "disk/dinode.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/extmap.h"

void dinode_load(struct iattr *a, const struct dinode *di)
{
	*a = (struct iattr){
		.mode = le32_get(di->mode), .uid = le32_get(di->uid), .gid = le32_get(di->gid),
		.nlink = le32_get(di->nlink), .flags = le32_get(di->flags), .gen = le32_get(di->gen),
		.size = le64_get(di->size), .blocks = le64_get(di->blocks), .rdev = le64_get(di->rdev),
		.atime = (int64_t)le64_get(di->atime), .mtime = (int64_t)le64_get(di->mtime),
		.ctime = (int64_t)le64_get(di->ctime), .btime = (int64_t)le64_get(di->btime),
		.xattr = { le64_get(di->xattr) },
	};
}

void dinode_store(struct dinode *di, const struct iattr *a)
{
	di->mode = le32_make(a->mode);
	di->uid = le32_make(a->uid);
	di->gid = le32_make(a->gid);
	di->nlink = le32_make(a->nlink);
	di->flags = le32_make(a->flags);
	di->gen = le32_make(a->gen);
	di->size = le64_make(a->size);
	di->blocks = le64_make(a->blocks);
	di->rdev = le64_make(a->rdev);
	di->atime = le64_make((uint64_t)a->atime);
	di->mtime = le64_make((uint64_t)a->mtime);
	di->ctime = le64_make((uint64_t)a->ctime);
	di->btime = le64_make((uint64_t)a->btime);
	di->xattr = le64_make(a->xattr.v);
}

void dinode_init(struct dinode *di, uint64_t ino, uint32_t gen)
{
	memset(di, 0, sizeof(*di));
	di->magic = le32_make(DAXFS_INODE_MAGIC);
	di->ino = le64_make(ino);
	di->gen = le32_make(gen);
}

void dinode_seal(void *shadow)
{
	struct dinode *di = shadow;

	di->csum = le32_make(block_csum(di, sizeof(*di), offsetof(struct dinode, csum)));
}

bool dinode_unused(const struct dinode *di)
{
	return le32_get(di->mode) == 0;
}

/* -- checking --------------------------------------------------------------------- */

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static int check_identity(const struct dinode *di, uint64_t ino)
{
	uint32_t csum = block_csum(di, sizeof(*di), offsetof(struct dinode, csum));

	if (le32_get(di->magic) != DAXFS_INODE_MAGIC)
		return corrupt("inode %" PRIu64 ": wrong magic %08x", ino, le32_get(di->magic));
	if (le32_get(di->csum) != csum)
		return corrupt("inode %" PRIu64 ": checksum is %08x, should be %08x", ino,
			       le32_get(di->csum), csum);
	if (le64_get(di->ino) != ino)
		return corrupt("inode %" PRIu64 ": says it is inode %" PRIu64, ino, le64_get(di->ino));
	return 0;
}

static bool known_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: case S_IFDIR: case S_IFLNK: case S_IFCHR: case S_IFBLK: case S_IFIFO: case S_IFSOCK:
		return !(mode & ~(uint32_t)(S_IFMT | 07777));
	default:
		return false;
	}
}

static int check_size(const struct iattr *a, uint64_t ino)
{
	bool ok = true;

	switch (a->mode & S_IFMT) {
	case S_IFREG:
		ok = a->size <= DAXFS_FILE_SIZE_MAX;
		break;
	case S_IFDIR:
		ok = a->size % DAXFS_BLOCK_SIZE == 0 && a->size / DAXFS_BLOCK_SIZE < DAXFS_FILE_BLOCKS_MAX;
		break;
	case S_IFLNK:
		ok = a->size > 0 && a->size <= DAXFS_SYMLINK_MAX;
		break;
	default:
		ok = a->size == 0;
		break;
	}
	if (!ok)
		return corrupt("inode %" PRIu64 ": a size of %" PRIu64 " does not go with mode %o", ino,
			       a->size, a->mode);
	return 0;
}

static int check_attrs(const struct disk *d, const struct iattr *a, uint64_t ino)
{
	bool device = S_ISCHR(a->mode) || S_ISBLK(a->mode);

	if (ino == 0 && !S_ISREG(a->mode))
		return corrupt("the inode file is no regular file");
	if (!known_type(a->mode))
		return corrupt("inode %" PRIu64 ": no such mode: %o", ino, a->mode);
	if (a->flags & ~DAXFS_INODE_KNOWN)
		return corrupt("inode %" PRIu64 ": unknown flags %x", ino, a->flags);
	if (a->nlink > DAXFS_NLINK_MAX)
		return corrupt("inode %" PRIu64 ": %u links", ino, a->nlink);
	if (a->rdev && !device && !S_ISDIR(a->mode))
		return corrupt("inode %" PRIu64 ": a device number without a device", ino);
	if (a->xattr.v && !disk_valid(d, a->xattr, 1))
		return corrupt("inode %" PRIu64 ": xattrs in block %" PRIu64, ino, pblk_nr(a->xattr));
	if (a->blocks > d->nr_blocks)
		return corrupt("inode %" PRIu64 ": claims %" PRIu64 " blocks", ino, a->blocks);
	return check_size(a, ino);
}

/* What holds a map, and what must have none. */
static int check_content(const struct disk *d, const struct dinode *di, const struct iattr *a, uint64_t ino)
{
	bool maps = S_ISREG(a->mode) || S_ISDIR(a->mode) || S_ISLNK(a->mode);

	if (!(a->flags & DAXFS_INODE_INLINE_LINK)) {
		if (!maps && !all_zero(&di->map, sizeof(di->map)))
			return corrupt("inode %" PRIu64 ": mode %o with a map", ino, a->mode);
		return extmap_check_root(d, &di->map, ino);
	}
	if (!S_ISLNK(a->mode) || a->size > sizeof(di->map.link) ||
	    le16_get(di->map.depth) || le16_get(di->map.count) || le32_get(di->map.rsvd) ||
	    strnlen(di->map.link, sizeof(di->map.link)) != a->size)
		return corrupt("inode %" PRIu64 ": bad inline symlink of %" PRIu64 " bytes", ino, a->size);
	return 0;
}

int dinode_check(const struct disk *d, const struct dinode *di, uint64_t ino)
{
	struct iattr a;

	if (all_zero(di, sizeof(*di)))
		return ino ? 0 : corrupt("the inode file's root is empty");
	int err = check_identity(di, ino);

	if (err)
		return err;
	if (dinode_unused(di))
		return ino ? 0 : corrupt("the inode file is marked as free");
	dinode_load(&a, di);
	err = check_attrs(d, &a, ino);
	return err ? err : check_content(d, di, &a, ino);
}
