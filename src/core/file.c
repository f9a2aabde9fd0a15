// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * file.c -- reading regular files, and their users
 *
 * A read is a memory copy: look the block up in the radix cache under RCU,
 * copy, go on.  Only a miss takes the inode's lock (shared), asks get_block and
 * fills the cache.  The RCU section spans look-up and copy, so that a block freed meanwhile
 * is not reused before the copy ends.
 *
 * Changes nothing on media; the access time moves in memory (relatime).
 */
#include "core/file.h"

#include <errno.h>
#include <string.h>

#include "base/rcu.h"
#include "core/getblock.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/mapcache.h"
#include "core/prealloc.h"
#include "pm/pm.h"

#define DAY_NS	(INT64_C(86400) * 1000000000)

/* A part of a request within one block or one entry. */
struct span { uint64_t lblk; size_t skip, len; };

static struct span span_at(uint64_t off, size_t len)
{
	return (struct span){ off >> DAXFS_BLOCK_SHIFT, off & (DAXFS_BLOCK_SIZE - 1), len };
}

/* Bytes of @s that @blocks blocks from its first hold. */
static size_t span_cut(const struct span *s, uint64_t blocks)
{
	if (blocks > (s->len >> DAXFS_BLOCK_SHIFT) + 1)
		return s->len;
	uint64_t room = (blocks << DAXFS_BLOCK_SHIFT) - s->skip;

	return room < s->len ? (size_t)room : s->len;
}

static const uint8_t *media_at(const struct inode *ip, pblk_t b, size_t skip)
{
	return (const uint8_t *)disk_ptr(&ip->fs->disk, b) + skip;
}

/* -- users ------------------------------------------------------------------------ */

void file_open(struct inode *ip)
{
	atomic_fetch_add(&ip->users, 1);
}

void file_release(struct inode *ip)
{
	if (atomic_fetch_sub(&ip->users, 1) != 1 || !inode_is_reg(ip) || !atomic_load(&ip->map))
		return;
	pthread_rwlock_wrlock(&ip->lock);
	if (!atomic_load(&ip->users))
		prealloc_return(ip);
	pthread_rwlock_unlock(&ip->lock);
}

/* -- access time --------------------------------------------------------------------- */

static bool atime_wanted(const struct inode *ip, int64_t now)
{
	unsigned flags = atomic_load_explicit(&ip->fs->flags, memory_order_relaxed);
	int64_t atime = atomic_load_explicit(&ip->atime, memory_order_relaxed);

	if (flags & (FS_RDONLY | FS_NOATIME))
		return false;
	if (flags & FS_STRICTATIME)
		return now != atime;
	return atime <= atomic_load_explicit(&ip->mtime, memory_order_relaxed) ||
	       atime <= atomic_load_explicit(&ip->ctime, memory_order_relaxed) ||
	       now - atime >= DAY_NS;
}

void file_touch_atime(struct inode *ip)
{
	int64_t now = inode_now();

	if (!atime_wanted(ip, now))
		return;
	if (atomic_exchange_explicit(&ip->atime, now, memory_order_relaxed) != now)
		inode_mark_dirty(ip, INODE_DIRTY_TIMES);
}

/* -- reading -------------------------------------------------------------------------- */

/* Lock held in either mode.  What get_block says of the span's first block; written blocks go into the cache. */
static int resolve(struct inode *ip, const struct span *s, struct block_res *rs)
{
	uint64_t blocks = (s->skip + s->len + DAXFS_BLOCK_SIZE - 1) >> DAXFS_BLOCK_SHIFT;
	struct mapcache *mc = mapcache_of(ip);
	int err = get_block(ip, (struct block_req){ { s->lblk }, DAXFS_FILE_BLOCKS_MAX }, rs);

	if (err)
		return err;
	if (rs->state == BLOCK_WRITTEN && mc) {
		struct extent ext;
		struct extmap m = inode_map(ip);

		if (extmap_lookup(&m, (lblk_t){ s->lblk }, &ext) == 1)
			mapcache_fill(mc, &ext, s->lblk, rs->len < blocks ? rs->len : blocks);
	}
	if (rs->len > blocks)
		rs->len = blocks;
	return 0;
}

/* Through the cache, without a lock.  Bytes copied, 0 on a miss. */
static ssize_t read_hit(struct inode *ip, uint8_t *buf, const struct span *s)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	struct mapping m;
	ssize_t n = 0;

	if (!mc)
		return 0;
	rcu_enter();
	if (mapcache_lookup(mc, s->lblk, &m)) {
		size_t len = span_cut(s, m.len);
		int err = pm_read(ip->fs->rg, buf, media_at(ip, m.pblk, s->skip), len);

		n = err ? err : (ssize_t)len;
	}
	rcu_leave();
	return n;
}

static ssize_t read_miss(struct inode *ip, uint8_t *buf, const struct span *s)
{
	struct block_res rs;

	pthread_rwlock_rdlock(&ip->lock);
	int err = resolve(ip, s, &rs);
	size_t len = err ? 0 : span_cut(s, rs.len);

	if (!err && rs.state == BLOCK_WRITTEN)
		err = pm_read(ip->fs->rg, buf, media_at(ip, rs.pblk, s->skip), len);
	else if (!err)
		memset(buf, 0, len);
	pthread_rwlock_unlock(&ip->lock);
	return err ? fs_result(ip->fs, err) : (ssize_t)len;
}

/* Bytes of [off, off + len) that lie before the end of file. */
static size_t clip(const struct inode *ip, uint64_t off, size_t len)
{
	uint64_t size = atomic_load_explicit(&ip->size, memory_order_acquire);

	if (off >= size)
		return 0;
	return size - off < len ? (size_t)(size - off) : len;
}

static int check_regular(const struct inode *ip)
{
	if (inode_is_reg(ip))
		return 0;
	return inode_is_dir(ip) ? -EISDIR : -EINVAL;
}

ssize_t file_peek(struct inode *ip, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;
	int err = check_regular(ip);

	if (err)
		return err;
	len = clip(ip, off, len);
	while (done < len) {
		struct span s = span_at(off + done, len - done);
		ssize_t n = read_hit(ip, (uint8_t *)buf + done, &s);

		if (n == 0)
			n = read_miss(ip, (uint8_t *)buf + done, &s);
		if (n < 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t file_read(struct inode *ip, void *buf, size_t len, uint64_t off)
{
	ssize_t n = file_peek(ip, buf, len, off);

	if (n >= 0)
		file_touch_atime(ip);
	return n;
}

/* -- pinned ranges ----------------------------------------------------------------------- */

static const uint8_t zeroes[64 * DAXFS_BLOCK_SIZE];

static bool pin_hit(struct inode *ip, const struct span *s, struct iovec *iov)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	struct mapping m;
	bool hit;

	rcu_enter();
	hit = mc && mapcache_lookup(mc, s->lblk, &m);
	if (hit) {
		iov->iov_base = (void *)(uintptr_t)media_at(ip, m.pblk, s->skip);
		iov->iov_len = span_cut(s, m.len);
	}
	rcu_leave();
	return hit;
}

static int pin_miss(struct inode *ip, const struct span *s, struct iovec *iov)
{
	struct block_res rs;

	pthread_rwlock_rdlock(&ip->lock);
	int err = resolve(ip, s, &rs);

	if (!err) {
		bool data = rs.state == BLOCK_WRITTEN;
		const uint8_t *at = data ? media_at(ip, rs.pblk, s->skip) : zeroes;

		iov->iov_base = (void *)(uintptr_t)at;
		iov->iov_len = span_cut(s, rs.len);
		if (!data && iov->iov_len > sizeof(zeroes))
			iov->iov_len = sizeof(zeroes);
	}
	pthread_rwlock_unlock(&ip->lock);
	return fs_result(ip->fs, err);
}

/* @iov continues the one before it: a reply of fewer pieces. */
static bool joins(const struct iovec *before, const struct iovec *iov)
{
	return before->iov_base != (const void *)zeroes &&
	       (uint8_t *)before->iov_base + before->iov_len == iov->iov_base;
}

ssize_t file_pin(struct inode *ip, struct file_range r, struct iovec *iov, unsigned *nr, struct pin *pin)
{
	unsigned max = *nr;
	size_t done = 0;
	int err = check_regular(ip);

	if (err)
		return err;
	*nr = 0;
	r.len = clip(ip, r.off, r.len);
	rcu_enter();
	pin_get(ip->fs, pin);	/* what is looked up from here on stays */
	rcu_leave();
	while (done < r.len) {
		struct span s = span_at(r.off + done, r.len - done);
		struct iovec v;

		if (!pin_hit(ip, &s, &v) && (err = pin_miss(ip, &s, &v)) != 0)
			break;
		if (*nr && joins(&iov[*nr - 1], &v))
			iov[*nr - 1].iov_len += v.iov_len;
		else if (*nr < max)
			iov[(*nr)++] = v;
		else
			break;
		done += v.iov_len;
	}
	if (err && !done) {
		pin_put(ip->fs, pin);
		return err;
	}
	return (ssize_t)done;
}
