/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirblk.h -- directory blocks: records that tile a block and never move
 *
 * A record is named by its byte offset in the block.  Removing one makes it
 * free and joins free neighbours; inserting splits a free one.  A record that
 * holds a name never moves while the name lives.
 */
#ifndef DAXFS_DISK_DIRBLK_H
#define DAXFS_DISK_DIRBLK_H

#include <stdint.h>

#include "disk/disk.h"

struct txn;

struct name { const char *s; unsigned len; };	/* 1..255 bytes, not terminated */

#define DIRBLK_FIRST ((unsigned)sizeof(struct ddirblk))	/* offset of the first record */

/* A record in host order. */
struct dirrec {
	uint64_t    ino;	/* 0 = free */
	const char *name;	/* points into the block */
	unsigned    name_len, type, off, rec_len;
};

/* Which block of which directory: what a block's header must say. */
struct dirblk_id { uint64_t owner; lblk_t lblk; pblk_t self; };

/* dirblk_format - @blk (a fresh shadow) becomes an empty block: one free record. */
void dirblk_format(struct ddirblk *blk, struct dirblk_id id);

/**
 * dirblk_check - header, tiling, and every record's checksum and fields
 * Return: 0 or -EUCLEAN with a message.
 */
int dirblk_check(const struct disk *d, const struct ddirblk *blk, struct dirblk_id id);

/**
 * dirblk_next - step through a block
 * @off: 0 to start; advanced past the record returned.  A position inside a
 *       record (one joined meanwhile) continues with the first record that
 *       begins at or after it.
 * Return: 1 and *@rec (live or free), 0 at the end, -EUCLEAN.  Checks each
 * record it returns.
 */
int dirblk_next(const struct disk *d, const struct ddirblk *blk, unsigned *off, struct dirrec *rec);

/*
 * dirblk_step - as dirblk_next(), for an @off that is 0 or came from the step
 * before with the directory locked since: does not look for a record's start.
 */
int dirblk_step(const struct disk *d, const struct ddirblk *blk, unsigned *off, struct dirrec *rec);

/* dirblk_get - the live record at @off.  Return: 0 or -EUCLEAN. */
int dirblk_get(const struct disk *d, const struct ddirblk *blk, unsigned off, struct dirrec *rec);

/* A free record: where it begins and how long it is, bytes.  len 0: none. */
struct dirroom { unsigned off, len; };

/* dirblk_room - the largest free record.  0 or -EUCLEAN. */
int dirblk_room(const struct disk *d, const struct ddirblk *blk, struct dirroom *room);

/*
 * The three changes stage edits of the records they touch (not of the block);
 * @blk is on media and live.  For a block that is fresh in @t, pass the media
 * address too: they see the shadow.
 * Return: 0, -ENOSPC (no log space), -EUCLEAN.
 */
/**
 * dirblk_insert - put a record into a free one
 * @new:  ino, name, name_len and type count
 * @room: in, a free record of at least DAXFS_DIRENT_LEN bytes, which becomes the record; out, what
 *        is left of it, len 0 if nothing; its off is where the next record begins
 */
int dirblk_insert(struct txn *t, const struct disk *d, struct ddirblk *blk, const struct dirrec *new,
		  struct dirroom *room);
/* A record that dirblk_get() has checked, and whom it names. */
struct dirref { unsigned off; uint64_t ino; };
/**
 * dirblk_remove - a record becomes free
 * @ref:   checked under the lock that is still held: not checked again
 * @from:  a record begins here and no free one before it; DIRBLK_FIRST if nothing is known.  The
 *         free neighbour in front of @ref is looked for from here on.
 * @freed: out, the free record that it is part of now
 */
int dirblk_remove(struct txn *t, struct ddirblk *blk, struct dirref ref,
		  unsigned from, struct dirroom *freed);
/* dirblk_set - let the record at @off name another inode. */
int dirblk_set(struct txn *t, const struct disk *d, struct ddirblk *blk, unsigned off,
	       uint64_t ino, unsigned type);

#endif
