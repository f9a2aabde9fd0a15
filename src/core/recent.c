// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * recent.c -- inodes that nobody holds, kept for a while
 *
 * Owns fs->recent.  Numbers that are used together are neighbours, so that a plain
 * modulus spreads them best.  No locks: a place changes hands by exchange, and
 * whoever got an inode out of it owns the reference that it had.
 */
#include "core/recent.h"

#include "core/inode.h"
#include "core/instance.h"

static _Atomic(struct inode *) *place_of(const struct inode *ip)
{
	return &ip->fs->recent[ip->ino % RECENT_INODES];
}

static bool has_cache(const struct inode *ip)
{
	if (inode_is_reg(ip))
		return atomic_load_explicit(&ip->map, memory_order_relaxed);
	return inode_is_dir(ip) && atomic_load_explicit(&ip->index, memory_order_relaxed);
}

bool recent_wants(const struct inode *ip)
{
	return ip->nlink && !has_cache(ip) && !atomic_load(&ip->listed) && !atomic_load(&ip->dirty);
}

struct inode *recent_put(struct inode *ip)
{
	return atomic_exchange(place_of(ip), ip);
}

bool recent_take(struct inode *ip)
{
	_Atomic(struct inode *) *place = place_of(ip);
	struct inode *found = ip;

	return atomic_load_explicit(place, memory_order_relaxed) == ip && atomic_compare_exchange_strong(place, &found, NULL);
}
