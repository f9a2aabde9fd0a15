/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirindex.h -- a directory's names in memory: hash to record, blocks, room
 */
#ifndef DAXFS_CORE_DIRINDEX_H
#define DAXFS_CORE_DIRINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/dirblk.h"

struct dirindex;

/* dirindex_new - an index of no blocks and no names.  NULL: no memory. */
struct dirindex *dirindex_new(void);
void dirindex_free(struct dirindex *ix);

/**
 * dirindex_reserve - memory for @nr_blocks blocks and one more name
 * After it dirindex_add_block(), dirindex_insert() cannot fail.  Return: 0 or -ENOMEM.
 */
int dirindex_reserve(struct dirindex *ix, uint64_t nr_blocks);

/* dirindex_add_block - the next block lies at @b, has this free record, and no free one before @first_free. */
void dirindex_add_block(struct dirindex *ix, pblk_t b, struct dirroom room, unsigned first_free);
uint64_t dirindex_nr_blocks(const struct dirindex *ix);
pblk_t dirindex_block(const struct dirindex *ix, uint64_t lblk);

/*
 * Room: of each block one free record is known, not always its largest.  When that is used up there may
 * be others: the block is set aside, to be looked through when no block has known room.
 * dirindex_set_room, dirindex_room - the record known of a block; len 0: none.
 * dirindex_used_up - nothing is known of the block now.
 * dirindex_next_unknown - take a block that was set aside; false: none.
 * dirindex_find_room - the first block whose known record has at least @need bytes; false: none.
 */
void dirindex_set_room(struct dirindex *ix, uint64_t lblk, struct dirroom room);
void dirindex_used_up(struct dirindex *ix, uint64_t lblk);
bool dirindex_next_unknown(struct dirindex *ix, uint64_t *lblk);
struct dirroom dirindex_room(const struct dirindex *ix, uint64_t lblk);
bool dirindex_find_room(const struct dirindex *ix, unsigned need, uint64_t *lblk);

/*
 * The first free record of each block, so that who removes a record finds a free one in front of
 * it without a walk through the whole block; offsets in the block, bytes.
 * dirindex_first_free - a record begins there, or the block ends, and no free one begins before.
 * dirindex_filled - the free record at @off holds a name now; the next record begins at @next.
 * dirindex_freed - a free record begins at @off now.
 */
unsigned dirindex_first_free(const struct dirindex *ix, uint64_t lblk);
void dirindex_filled(struct dirindex *ix, uint64_t lblk, unsigned off, unsigned next);
void dirindex_freed(struct dirindex *ix, uint64_t lblk, unsigned off);

/* Names: only hashes are kept; @off is the record's byte in the directory, a multiple of 8, not 0. */
uint64_t dirindex_nr_names(const struct dirindex *ix);
void dirindex_insert(struct dirindex *ix, uint32_t hash, uint64_t off);
void dirindex_remove(struct dirindex *ix, uint32_t hash, uint64_t off);

/**
 * dirindex_next - step through the records whose names have this hash
 * @it: zero-initialised iterator
 * Return: true and *@off.
 */
struct dirindex_iter { uint64_t step; };
bool dirindex_next(const struct dirindex *ix, uint32_t hash, struct dirindex_iter *it, uint64_t *off);

#endif
