// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * slot.c -- one slot of the inode file, judged by itself
 *
 * Looks at the 256 bytes only, and at nothing that they point to.  A slot
 * whose checksum is wrong is a suspect when its type is possible and either
 * its magic or its number is right: what else is in it is then taken field by
 * field (mend.c).
 */
#include "check/slot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/disk.h"

static uint32_t slot_csum(const struct dinode *di)
{
	return block_csum(di, sizeof(*di), offsetof(struct dinode, csum));
}

void slot_seal(struct dinode *di)
{
	di->csum = le32_make(slot_csum(di));
}

bool slot_sealed(const struct dinode *di)
{
	return le32_get(di->magic) == DAXFS_INODE_MAGIC && le32_get(di->csum) == slot_csum(di);
}

void slot_clear(struct dinode *di, uint64_t ino, uint32_t gen)
{
	memset(di, 0, sizeof(*di));
	di->magic = le32_make(DAXFS_INODE_MAGIC);
	di->ino = le64_make(ino);
	di->gen = le32_make(gen);
	slot_seal(di);
}

bool slot_has_map(const struct dinode *di)
{
	uint32_t mode = le32_get(di->mode);

	return S_ISREG(mode) || S_ISDIR(mode) ||
	       (S_ISLNK(mode) && !(le32_get(di->flags) & DAXFS_INODE_INLINE_LINK));
}

/* -- judging ------------------------------------------------------------------------ */

static bool known_type(uint32_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISFIFO(mode) || S_ISSOCK(mode);
}

static bool size_ok(uint32_t mode, uint64_t size)
{
	if (S_ISREG(mode))
		return size <= DAXFS_FILE_SIZE_MAX;
	if (S_ISDIR(mode))
		return size % DAXFS_BLOCK_SIZE == 0 && size / DAXFS_BLOCK_SIZE < DAXFS_FILE_BLOCKS_MAX;
	if (S_ISLNK(mode))
		return size > 0 && size <= DAXFS_SYMLINK_MAX;
	return size == 0;
}

static const char *attrs_wrong(const struct check *c, const struct dinode *di, uint64_t ino)
{
	uint32_t mode = le32_get(di->mode);

	if (!known_type(mode) || mode & ~SLOT_MODE_BITS)
		return "mode is impossible";
	if (ino == 0 && !S_ISREG(mode))
		return "is not a regular file";
	if (le32_get(di->flags) & ~DAXFS_INODE_KNOWN)
		return "unknown flags";
	if (le32_get(di->nlink) > DAXFS_NLINK_MAX)
		return "number of links is impossible";
	if (le64_get(di->rdev) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISDIR(mode))
		return "has a device number";
	if (le64_get(di->xattr) && !check_valid(c, le64_get(di->xattr), 1))
		return "attributes lie outside the device's data";
	if (le64_get(di->blocks) > c->nr_blocks)
		return "number of blocks is impossible";
	return size_ok(mode, le64_get(di->size)) ? NULL : "size is impossible";
}

bool slot_holds_link(const struct dinode *di)
{
	uint64_t size = le64_get(di->size);

	return size && size <= sizeof(di->map.link) && strnlen(di->map.link, sizeof(di->map.link)) == size &&
	       !le16_get(di->map.depth) && !le16_get(di->map.count);
}

static const char *link_wrong(const struct dinode *di)
{
	uint64_t size = le64_get(di->size);

	if (!S_ISLNK(le32_get(di->mode)))
		return "holds a symlink target, but is none";
	if (size > sizeof(di->map.link) || strnlen(di->map.link, sizeof(di->map.link)) != size)
		return "symlink target is not as long as it says";
	if (le16_get(di->map.depth) || le16_get(di->map.count) || le32_get(di->map.rsvd))
		return "symlink target with a map";
	return NULL;
}

static const char *live_wrong(const struct check *c, const struct dinode *di, uint64_t ino)
{
	const char *why = attrs_wrong(c, di, ino);

	if (why)
		return why;
	if (le32_get(di->flags) & DAXFS_INODE_INLINE_LINK)
		return link_wrong(di);
	if (S_ISLNK(le32_get(di->mode)) && slot_holds_link(di))
		return "holds a symlink target, but says it does not";
	if (!slot_has_map(di) && !media_zero(&di->map, sizeof(di->map)))
		return "has a map";
	return NULL;
}

static const char *identity_wrong(const struct dinode *di, uint64_t ino)
{
	if (le32_get(di->magic) != DAXFS_INODE_MAGIC)
		return "magic is wrong";
	if (!slot_sealed(di))
		return "checksum is wrong";
	return le64_get(di->ino) == ino ? NULL : "says it is another inode";
}

static bool legible(const struct dinode *di, uint64_t ino)
{
	return le32_get(di->magic) == DAXFS_INODE_MAGIC || le64_get(di->ino) == ino;
}

/* Mode is 0, and nothing says that it was not meant to be. */
static bool looks_free(const struct dinode *di)
{
	return !le32_get(di->mode) && !le32_get(di->nlink) && !le64_get(di->size) && !le64_get(di->blocks);
}

enum slot_kind slot_judge(const struct check *c, const struct dinode *di, uint64_t ino, const char **why)
{
	if (!le32_get(di->magic) && media_zero(di, sizeof(*di)))
		return SLOT_UNUSED;
	*why = identity_wrong(di, ino);
	if (!*why && !le32_get(di->mode))
		return SLOT_FREE;
	if (!*why) {
		*why = live_wrong(c, di, ino);
		if (!*why)
			return SLOT_LIVE;
	}
	if (looks_free(di))
		return SLOT_FREE_DAMAGED;
	return known_type(le32_get(di->mode)) && legible(di, ino) ? SLOT_SUSPECT : SLOT_BAD;
}

/* -- where slots lie --------------------------------------------------------------------- */

static uint64_t slot_blk(const struct check *c, uint64_t ino)
{
	uint64_t lblk = ino / DAXFS_INODES_PER_BLOCK;
	size_t lo = 0, hi = c->ifile.nr;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->ifile.v[mid].lblk <= lblk)
			lo = mid;
		else
			hi = mid;
	}
	return c->ifile.v[lo].pblk + (lblk - c->ifile.v[lo].lblk);
}

const struct dinode *slot_at(const struct check *c, uint64_t ino)
{
	if (!ino)
		return &((const struct dsuper *)media_at(&c->m, 0))->ifile;
	return (const struct dinode *)media_at(&c->m, slot_blk(c, ino)) + ino % DAXFS_INODES_PER_BLOCK;
}

int slot_put(struct check *c, uint64_t ino, const struct dinode *di)
{
	struct dinode *blk = media_edit(&c->m, slot_blk(c, ino));

	if (!blk)
		return -ENOMEM;
	blk[ino % DAXFS_INODES_PER_BLOCK] = *di;
	return 0;
}
