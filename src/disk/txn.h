/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * txn.h -- transactions: stage in DRAM, then change the media all or nothing
 *
 * A transaction's body edits shadows: DRAM copies of ranges on media.  Nothing
 * live is touched until commit, so a body may fail at any point and abort is
 * forgetting.  Commit cannot fail.  It takes three fences:
 *
 *	(1) old content of all bytes that differ -> lane (non-temporal), and
 *	    fresh blocks -> their place (non-temporal); fence
 *	(2) new content in place, cached stores, flush; fence
 *	(3) lane.done = seq, flush; fence
 *
 * Crash before (1) is complete: the log's checksum fails, nothing was changed.
 * Crash after (1), before (3) is on media: recovery puts the old content back.
 * Crash after (3): done.  Locks on what was edited are held until commit
 * returns, so two lanes never hold undo records for the same byte.
 */
#ifndef DAXFS_DISK_TXN_H
#define DAXFS_DISK_TXN_H

#include <stddef.h>
#include <stdint.h>

#include "disk/journal.h"

struct txn;

/* Completes a shadow before it is logged: puts the checksum in. */
typedef void (*txn_seal_fn)(void *shadow);

/**
 * txn_begin - take a lane
 *
 * Context: caller already holds every lock of the operation except the
 * allocator's; waits while all lanes are busy (their holders wait for nothing).
 * Return: a transaction, never NULL.
 */
struct txn *txn_begin(struct journal *jn);

/**
 * txn_edit - shadow of a range of live media
 * @media: multiple of 8
 * @len:   bytes, multiple of 8, at most 4096
 * @seal:  called once at commit, or NULL
 *
 * The same @media and @len give the same shadow again; a range that overlaps
 * another one in part is a programming error (asserted).
 * Return: the shadow, or NULL when the lane's log could not hold the worst
 * case or memory ran out: abort and return -ENOSPC.
 */
void *txn_edit(struct txn *t, void *media, size_t len, txn_seal_fn seal);

/**
 * txn_patch - shadow of a live block of which few bytes will change
 * @block: on media, 4096-aligned; only ever patched in this transaction
 * @off, @len: what the caller is about to write
 *
 * Copies, logs and compares only the 64-byte lines that were asked for, and
 * takes any number of ranges, which may overlap.  The rest of the shadow has
 * no content: read the block through txn_view().  A block that is fresh in
 * @t: its shadow.
 * Return: the shadow of the whole block, or NULL as txn_edit().
 */
void *txn_patch(struct txn *t, void *block, size_t off, size_t len);

/**
 * txn_fresh - content of a whole block that nothing live points to
 * @b: from txn_alloc() of this transaction
 *
 * Return: a zero-filled 4096-byte shadow, or NULL (no memory).  Written as a
 * whole by commit, before anything that points to it; needs no log space.
 */
void *txn_fresh(struct txn *t, pblk_t b, txn_seal_fn seal);

/* txn_view - the shadow for @media if this transaction has one (edit or fresh), else @media itself. */
const void *txn_view(const struct txn *t, const void *media);
/* txn_view_part - the same of a block of which only the first line and [@off, @off + @len) will be looked at, bytes. */
const void *txn_view_part(const struct txn *t, const void *block, size_t off, size_t len);

/* txn_alloc - one metadata block; given back when the transaction aborts.  0 or -ENOSPC/-ENOMEM. */
int txn_alloc(struct txn *t, pblk_t *out);

/* txn_took - blocks that the caller allocated itself for this transaction: given back by abort.  0 or -ENOMEM. */
int txn_took(struct txn *t, pblk_t b, uint64_t n);

/* txn_free - blocks that are free once this transaction is durable; also drops the shadows of @b.  0 or -ENOMEM. */
int txn_free(struct txn *t, pblk_t b, uint64_t n);

/**
 * txn_commit - make it happen; ends @t
 * Durable: on return, all edits and fresh blocks, and every non-temporal store
 * and flush that this thread issued before.
 */
void txn_commit(struct txn *t);

/* txn_abort - forget it; ends @t.  Nothing on media has changed. */
void txn_abort(struct txn *t);

/* txn_log_left - bytes of log that this transaction may still use; for work that can go on in another one. */
size_t txn_log_left(const struct txn *t);

#endif
