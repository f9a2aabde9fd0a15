// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dir.c -- directories: find, insert, remove, read
 *
 * Owns the step from a name to its record.  The records on media are the truth; the index
 * (dirindex.c) is built from them on first use and follows each committed
 * change.  The directory's lock protects both; under the shared lock two threads
 * may build the index at once, the second throws its own away.
 *
 * Changes are staged in the caller's transaction.  A crash leaves the
 * directory as before or as after; the index is volatile.
 *
 * Names: off  byte in the directory, lblk * 4096 + byte in the block; a record's for life
 */
#include "core/dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "core/dirindex.h"
#include "core/file.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "disk/txn.h"

#define BLOCK	((unsigned)DAXFS_BLOCK_SIZE)

/* The index keeps places in 8 bytes of which half are hash: 32 GiB, some 500 million names. */
#define SIZE_MAX_DIR	(UINT64_C(8) << 32)

#define COOKIE_DOTDOT	1u	/* 0 is ".", then "..", then offsets; none is below 32 */
#define COOKIE_FIRST	2u

static uint32_t hash_of(const struct inode *dir, struct name name)
{
	return (uint32_t)name_hash(dir->fs->hash_seed, name.s, name.len);
}

static struct dirindex *index_of(const struct inode *dir)
{
	return atomic_load_explicit(&dir->index, memory_order_acquire);
}

static struct ddirblk *block_at(const struct inode *dir, uint64_t lblk)
{
	return disk_ptr(&dir->fs->disk, dirindex_block(index_of(dir), lblk));
}

/* -- building the index ------------------------------------------------------------ */

static int index_block(struct inode *dir, struct dirindex *ix, struct dirblk_id id)
{
	const struct disk *d = &dir->fs->disk;
	const struct ddirblk *blk = disk_ptr(d, id.self);
	struct dirroom room = { 0, 0 };
	struct dirrec rec;
	unsigned off = 0, first_free = BLOCK;
	int more, err = dirblk_check(d, blk, id);

	if (err)
		return err;
	for (more = dirblk_next(d, blk, &off, &rec); more == 1; more = dirblk_step(d, blk, &off, &rec)) {
		if (!rec.ino) {
			if (!room.len)
				first_free = rec.off;
			if (rec.rec_len > room.len)
				room = (struct dirroom){ rec.off, rec.rec_len };
			continue;
		}
		err = dirindex_reserve(ix, id.lblk.v + 1);
		if (err)
			return err;
		dirindex_insert(ix, hash_of(dir, (struct name){ rec.name, rec.name_len }),
				id.lblk.v * BLOCK + rec.off);
	}
	if (more < 0)
		return more;
	err = dirindex_reserve(ix, id.lblk.v + 1);
	if (!err)
		dirindex_add_block(ix, id.self, room, first_free);
	return err;
}

static int index_all(struct inode *dir, struct dirindex *ix)
{
	uint64_t end = atomic_load(&dir->size) / BLOCK, lblk = 0;

	if (end > SIZE_MAX_DIR / BLOCK)
		return corrupt("directory %llu: %llu blocks are more than a directory may have",
			       (unsigned long long)dir->ino, (unsigned long long)end);
	while (lblk < end) {
		struct block_res rs;
		int err = get_block(dir, (struct block_req){ { lblk }, end - lblk }, &rs);

		if (!err && rs.state != BLOCK_WRITTEN)
			err = corrupt("directory %llu: block %llu is not mapped",
				      (unsigned long long)dir->ino, (unsigned long long)lblk);
		for (uint64_t i = 0; !err && i < rs.len; i++)
			err = index_block(dir, ix, (struct dirblk_id){
				dir->ino, { lblk + i }, pblk_add(rs.pblk, i) });
		if (err)
			return err;
		lblk += rs.len;
	}
	return 0;
}

static int need_index(struct inode *dir)
{
	struct dirindex *none = NULL;

	if (index_of(dir))
		return 0;
	struct dirindex *ix = dirindex_new();
	int err = ix ? index_all(dir, ix) : -ENOMEM;

	if (err || !atomic_compare_exchange_strong(&dir->index, &none, ix))
		dirindex_free(ix);
	return err;
}

/* -- finding -------------------------------------------------------------------------- */

int dir_find(struct inode *dir, struct name name, struct dir_pos *pos)
{
	struct dirindex_iter it = { 0 };
	uint32_t hash = hash_of(dir, name);
	uint64_t off;
	int err = need_index(dir);

	if (err)
		return err;
	while (dirindex_next(index_of(dir), hash, &it, &off)) {
		struct dirrec rec;

		err = dirblk_get(&dir->fs->disk, block_at(dir, off / BLOCK), off % BLOCK, &rec);
		if (err)
			return err;
		if (rec.name_len == name.len && !memcmp(rec.name, name.s, name.len)) {
			*pos = (struct dir_pos){ .ino = rec.ino, .type = rec.type, .off = off };
			return 0;
		}
	}
	return -ENOENT;
}

int dir_empty(struct inode *dir)
{
	int err = need_index(dir);

	return err ? err : dirindex_nr_names(index_of(dir)) == 0;
}

/* -- changing --------------------------------------------------------------------------- */

/* One more block at the end, empty. */
static int add_block(struct txn *t, struct inode_edit *e, pblk_t *b, struct dirroom *room)
{
	struct inode *dir = e->ip;
	uint64_t lblk = e->a.size / BLOCK;
	struct block_res rs;
	int err = e->a.size >= SIZE_MAX_DIR ? -ENOSPC : get_block_alloc(e, (struct block_req){ { lblk }, 1 }, 0, &rs);

	if (err)
		return err;
	struct ddirblk *blk = txn_fresh(t, rs.pblk, NULL);

	if (!blk)
		return -ENOMEM;
	dirblk_format(blk, (struct dirblk_id){ dir->ino, { lblk }, rs.pblk });
	e->a.size += BLOCK;
	*b = rs.pblk;
	return dirblk_room(&dir->fs->disk, blk, room);
}

/* Blocks whose known room was used up are looked through only when no other has any. */
static bool find_room(struct inode *dir, unsigned need, uint64_t *lblk)
{
	struct dirindex *ix = index_of(dir);
	uint64_t unknown;

	while (!dirindex_find_room(ix, need, lblk)) {
		struct dirroom room;

		if (!dirindex_next_unknown(ix, &unknown))
			return false;
		if (!dirblk_room(&dir->fs->disk, block_at(dir, unknown), &room))
			dirindex_set_room(ix, unknown, room);
	}
	return true;
}

/* A block with room for @need bytes: one that has, else a new one. */
static int find_place(struct txn *t, struct inode_edit *e, unsigned need, struct dir_pos *pos, pblk_t *b)
{
	struct inode *dir = e->ip;
	int err = need_index(dir);

	if (err)
		return err;
	struct dirindex *ix = index_of(dir);
	uint64_t lblk = dirindex_nr_blocks(ix);

	err = dirindex_reserve(ix, lblk + 1);
	if (err)
		return err;
	if (find_room(dir, need, &lblk)) {
		*b = dirindex_block(ix, lblk);
		pos->room = dirindex_room(ix, lblk);
	} else {
		err = add_block(t, e, b, &pos->room);
	}
	pos->off = lblk * BLOCK + pos->room.off;
	return err;
}

int dir_insert(struct txn *t, struct inode_edit *e, struct name name, uint64_t ino, unsigned type,
	       struct dir_pos *pos)
{
	const struct disk *d = &e->ip->fs->disk;
	struct dirrec new = { .ino = ino, .name = name.s, .name_len = name.len, .type = type };
	pblk_t b = { 0 };

	*pos = (struct dir_pos){ .ino = ino, .type = type };
	int err = find_place(t, e, DAXFS_DIRENT_LEN(name.len), pos, &b);

	return err ? err : dirblk_insert(t, d, disk_ptr(d, b), &new, &pos->room);
}

int dir_remove(struct txn *t, struct inode *dir, struct dir_pos *pos)
{
	struct ddirblk *blk = block_at(dir, pos->off / BLOCK);
	unsigned from = dirindex_first_free(index_of(dir), pos->off / BLOCK);

	return dirblk_remove(t, blk, (struct dirref){ pos->off % BLOCK, pos->ino }, from, &pos->room);
}

int dir_set(struct txn *t, struct inode *dir, const struct dir_pos *pos, uint64_t ino, unsigned type)
{
	return dirblk_set(t, &dir->fs->disk, block_at(dir, pos->off / BLOCK), pos->off % BLOCK, ino, type);
}

/* The block may be the one that dir_insert() added: the committed map says where it is. */
void dir_done_insert(struct inode *dir, struct name name, const struct dir_pos *pos)
{
	struct dirindex *ix = index_of(dir);
	uint64_t lblk = pos->off / BLOCK;

	if (lblk == dirindex_nr_blocks(ix)) {
		struct block_res rs;

		if (get_block(dir, (struct block_req){ { lblk }, 1 }, &rs)) {
			dir_drop_index(dir);	/* built anew, and complained about, at the next look-up */
			return;
		}
		dirindex_add_block(ix, rs.pblk, pos->room, DIRBLK_FIRST);
	}
	dirindex_insert(ix, hash_of(dir, name), pos->off);
	dirindex_filled(ix, lblk, pos->off % BLOCK, pos->room.off);
	if (pos->room.len)
		dirindex_set_room(ix, lblk, pos->room);
	else
		dirindex_used_up(ix, lblk);
}

void dir_done_remove(struct inode *dir, struct name name, const struct dir_pos *pos)
{
	struct dirindex *ix = index_of(dir);
	uint64_t lblk = pos->off / BLOCK;

	if (!ix)
		return;
	dirindex_remove(ix, hash_of(dir, name), pos->off);
	dirindex_freed(ix, lblk, pos->room.off);
	/* If the record known so far was joined to it, this one is the longer. */
	if (pos->room.len > dirindex_room(ix, lblk).len)
		dirindex_set_room(ix, lblk, pos->room);
}

void dir_drop_index(struct inode *dir)
{
	dirindex_free(atomic_exchange(&dir->index, NULL));
}

/* -- reading -------------------------------------------------------------------------------- */

typedef int (*emit_fn)(void *arg, const struct dir_entry *e);

/* 1: @emit wants no more. */
static int read_block(struct inode *dir, uint64_t cookie, emit_fn emit, void *arg)
{
	const struct disk *d = &dir->fs->disk;
	const struct ddirblk *blk = block_at(dir, cookie / BLOCK);
	uint64_t base = cookie - cookie % BLOCK;
	unsigned off = (unsigned)(cookie % BLOCK);
	struct dirrec rec;
	int more;

	for (more = dirblk_next(d, blk, &off, &rec); more == 1; more = dirblk_step(d, blk, &off, &rec)) {
		struct dir_entry e = { { rec.name, rec.name_len }, rec.ino, rec.type, base + off };

		if (rec.ino && emit(arg, &e))
			return 1;
	}
	return more;
}

static int read_records(struct inode *dir, uint64_t cookie, emit_fn emit, void *arg)
{
	uint64_t end = atomic_load(&dir->size);
	int ret = need_index(dir);

	while (!ret && cookie < end) {
		ret = read_block(dir, cookie, emit, arg);
		cookie = (cookie / BLOCK + 1) * BLOCK;
	}
	return ret < 0 ? ret : 0;
}

static int read_dots(struct inode *dir, uint64_t *cookie, emit_fn emit, void *arg)
{
	const struct dir_entry dot = { { ".", 1 }, dir->ino, DT_DIR, COOKIE_DOTDOT };
	const struct dir_entry dotdot = { { "..", 2 }, dir->rdev, DT_DIR, COOKIE_FIRST };

	if (*cookie == 0) {
		if (emit(arg, &dot))
			return 1;
		*cookie = COOKIE_DOTDOT;
	}
	if (*cookie == COOKIE_DOTDOT) {
		if (emit(arg, &dotdot))
			return 1;
		*cookie = 0;
	} else if (*cookie == COOKIE_FIRST) {
		*cookie = 0;
	}
	return 0;
}

int dir_read(struct inode *dir, uint64_t cookie, emit_fn emit, void *arg)
{
	int ret = 0;

	if (!inode_is_dir(dir))
		return -ENOTDIR;
	pthread_rwlock_rdlock(&dir->lock);
	if (dir->nlink && !read_dots(dir, &cookie, emit, arg))
		ret = read_records(dir, cookie, emit, arg);
	pthread_rwlock_unlock(&dir->lock);
	file_touch_atime(dir);
	return fs_result(dir->fs, ret);
}
