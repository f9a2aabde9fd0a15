/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dinode.h -- inodes on media: attributes, checksum, checker, the inode file
 */
#ifndef DAXFS_DISK_DINODE_H
#define DAXFS_DISK_DINODE_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/disk.h"
#include "disk/runvec.h"

struct txn;

/* Attributes in host order.  Times are ns since 1970. */
struct iattr {
	uint32_t mode, uid, gid, nlink, flags, gen;
	uint64_t size, blocks, rdev;	/* rdev: dev_t, or a directory's parent */
	int64_t  atime, mtime, ctime, btime;
	pblk_t   xattr;
};

/* dinode_load, dinode_store - attributes only; the map is left alone. */
void dinode_load(struct iattr *a, const struct dinode *di);
void dinode_store(struct dinode *di, const struct iattr *a);

/* dinode_init - a new life for a slot: everything zero but magic, ino and @gen. */
void dinode_init(struct dinode *di, uint64_t ino, uint32_t gen);

/* dinode_seal - put the checksum in; a txn_seal_fn. */
void dinode_seal(void *shadow);

/* dinode_unused - never used (all zero) or freed (mode 0)?  Meaningful after dinode_check() returned 0. */
bool dinode_unused(const struct dinode *di);

/**
 * dinode_check - is the slot well-formed: checksum, own number, type, sizes,
 * inline map (count, order, ranges within @d), reserved fields?
 * @ino: where it was found; 0 for the inode file itself
 * Return: 0 (also for a free slot), or -EUCLEAN with a message.
 */
int dinode_check(const struct disk *d, const struct dinode *di, uint64_t ino);

/* -- the inode file -------------------------------------------------------- */

/* ifile_nr - inode slots that exist, slot 0 included; ino < ifile_nr(). */
uint64_t ifile_nr(const struct disk *d);

/**
 * ifile_map - where consecutive inodes lie
 * @ino:  first wanted, < ifile_nr()
 * @slot: its address on media
 * @n:    how many follow each other from there (same extent), at least 1
 * Return: 0 or -EUCLEAN.  Walks the map: callers cache.
 */
int ifile_map(const struct disk *d, uint64_t ino, struct dinode **slot, uint64_t *n);

/**
 * ifile_extend - append zeroed blocks to the inode file
 * @b, @n: run of blocks, already zero on media (fenced by the commit)
 * Stages both superblocks' root.  Return: 0, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int ifile_extend(struct txn *t, struct disk *d, pblk_t b, uint64_t n);

#endif
