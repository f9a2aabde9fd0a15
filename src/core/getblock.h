/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * getblock.h -- get_block: the file block's place on the device
 */
#ifndef DAXFS_CORE_GETBLOCK_H
#define DAXFS_CORE_GETBLOCK_H

#include <stdint.h>

#include "disk/extmap.h"

struct inode;
struct inode_edit;

enum block_state {
	BLOCK_HOLE,		/* nothing there; reads as zero */
	BLOCK_WRITTEN,
	BLOCK_UNWRITTEN,	/* allocated; reads as zero, content undefined */
	BLOCK_NEW,		/* allocated by this call; content undefined */
};

struct block_req { lblk_t lblk; uint64_t max; };
struct block_res { pblk_t pblk; uint64_t len; enum block_state state; };

/**
 * get_block - where does a file block lie?
 * @rq: first block and how many are of interest
 * @rs: device block, how many follow it in the same state (at most @rq.max), the state
 *
 * Walks the extent map; what it finds belongs into the radix cache (the caller's business).
 * Context: the inode's lock in either mode.
 * Return: 0 or -EUCLEAN.
 */
int get_block(struct inode *ip, struct block_req rq, struct block_res *rs);

#define GET_BLOCK_UNWRITTEN	1u	/* map new blocks as unwritten */

/**
 * get_block_alloc - the same inside an edit, and holes get blocks
 *
 * A hole is filled with one run of 1..@rq.max blocks (BLOCK_NEW), staged in the edit: they become the
 * file's when its transaction commits and go back when it aborts.
 * Durable: nothing before the commit; zeroing or writing a BLOCK_NEW or BLOCK_UNWRITTEN range before it is the caller's duty.
 * Return: 0, -ENOSPC, -ENOMEM, -EUCLEAN.
 */
int get_block_alloc(struct inode_edit *e, struct block_req rq, unsigned flags, struct block_res *rs);

#endif
