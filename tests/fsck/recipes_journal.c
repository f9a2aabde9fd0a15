/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_journal.c -- damaged journal lanes
 *
 * The live log of the unclean image is that of a change of /other's mode and
 * owner, half done.  When it cannot be rolled back, the inode stays as it is, with a
 * checksum that is not its own.
 */
#include "recipe.h"

#define LIVE	0
#define IDLE	1	/* a lane without a live log */

#define LANE(name, unclean, field, change) \
	{ name, unclean, AT_LANE, V_NONE, IDLE, F(dlane, field), change, RAW, 4, 1, 1, 0, P(LANE_HEADER) }
/* A lane that cannot be read, though its log was live. */
#define LIVE_LANE(name, field, change) \
	{ name, UNCLEAN, AT_LANE, V_OTHER, LIVE, F(dlane, field), change, RAW, 4, 4, 1, TREE_ATTRS, \
	  P(LANE_DAMAGED_LOG) | P(INODE_DAMAGED) }
/* Its log does not look live any more, so nobody can know that the transaction had begun to change something. */
#define NOT_LIVE(name, at, field, change, seal) \
	{ name, UNCLEAN, at, V_OTHER, 0, field, change, seal, 4, 4, 1, TREE_ATTRS, P(INODE_DAMAGED) }
#define IMPOSSIBLE(name, at, field, change) \
	{ name, UNCLEAN, at, V_OTHER, 0, field, change, SEALED, 4, 4, 1, TREE_ATTRS, P(LANE_RECORD) | P(INODE_DAMAGED) }
#define HISTORY(name, field, change, seal) \
	{ name, CLEAN, AT_LOG, V_NONE, IDLE, F(dlog, field), change, seal, 0, 0, 0, 0, 0 }

static const struct recipe table[] = {
	/* headers */
	LANE("lane: magic", CLEAN, magic, XOR(1)),
	LANE("lane: self", CLEAN, self, ADD(1)),
	{ "lane: self, sealed", CLEAN, AT_LANE, V_NONE, IDLE, F(dlane, self), ADD(1), SEALED, 4, 1, 1, 0,
	  P(LANE_HEADER) },
	LANE("lane: done", CLEAN, done, XOR(1)),
	LANE("lane: rsvd", CLEAN, rsvd, XOR(1)),
	{ "lane: zero", CLEAN, AT_LANE, V_NONE, IDLE, WHOLE(dlane), ZERO, RAW, 4, 1, 1, 0, P(LANE_HEADER) },
	{ "lane: done, all of it", CLEAN, AT_DONE, V_NONE, IDLE, WORD, SET(77), RAW, 4, 1, 1, 0, P(LANE_HEADER) },
	{ "lane: done, another one", CLEAN, AT_DONE, V_NONE, IDLE, WORD, SET(77), SEALED, 0, 0, 0, 0, 0 },
	{ "lane: a log is due, but the filesystem is clean", CLEAN, AT_LANE, V_NONE, LIVE, F(dlane, done), ADD(-1), SEALED,
	  4, 1, 1, 0, P(LANE_NOT_IDLE) },
	LANE("unclean lane: magic", UNCLEAN, magic, XOR(1)),
	LANE("unclean lane: done", UNCLEAN, done, XOR(1)),
	LIVE_LANE("live lane: magic", magic, XOR(1)),
	LIVE_LANE("live lane: self", self, ADD(1)),
	LIVE_LANE("live lane: done", done, XOR(1)),
	LIVE_LANE("live lane: rsvd", rsvd, XOR(1)),

	/* the logs of the clean image are history */
	HISTORY("old log: seq", seq, ADD(5), RAW),
	HISTORY("old log: csum", csum, XOR(1), RAW),
	HISTORY("old log: bytes", bytes, SET(UINT32_MAX), RAW),
	HISTORY("old log: nr", nr, ADD(1), RAW),
	HISTORY("old log: nr, sealed", nr, ADD(1), SEALED),

	/* the live log */
	NOT_LIVE("live log: seq", AT_LOG, F(dlog, seq), ADD(5), RAW),
	NOT_LIVE("live log: seq, sealed", AT_LOG, F(dlog, seq), ADD(5), SEALED),
	NOT_LIVE("live log: csum", AT_LOG, F(dlog, csum), XOR(1), RAW),
	NOT_LIVE("live log: bytes", AT_LOG, F(dlog, bytes), ADD(-8), RAW),
	NOT_LIVE("live log: bytes, more than a lane has", AT_LOG, F(dlog, bytes), SET(UINT32_MAX), SEALED),
	NOT_LIVE("live log: nr", AT_LOG, F(dlog, nr), ADD(1), RAW),
	NOT_LIVE("live log: zero", AT_LOG, WHOLE(dlog), ZERO, RAW),
	IMPOSSIBLE("live log: bytes, sealed", AT_LOG, F(dlog, bytes), ADD(-8)),
	IMPOSSIBLE("live log: nr, sealed", AT_LOG, F(dlog, nr), ADD(1)),
	IMPOSSIBLE("live log: nr, one less", AT_LOG, F(dlog, nr), ADD(-1)),

	/* its first record */
	NOT_LIVE("undo record: off", AT_UNDO, F(dundo, off), ADD(8), RAW),
	NOT_LIVE("undo record: len", AT_UNDO, F(dundo, len), ADD(8), RAW),
	NOT_LIVE("undo record: rsvd", AT_UNDO, F(dundo, rsvd), SET(1), RAW),
	NOT_LIVE("undo record: old", AT_UNDO, TAIL(dundo, old), XOR(1), RAW),
	IMPOSSIBLE("undo record: off in the superblock", AT_UNDO, F(dundo, off), SET(8)),
	IMPOSSIBLE("undo record: off in a lane", AT_UNDO, F(dundo, off), SET(DAXFS_BLOCK_SIZE)),
	IMPOSSIBLE("undo record: off outside of the device", AT_UNDO, F(dundo, off), SET(SAMPLE_SIZE)),
	IMPOSSIBLE("undo record: off beyond all devices", AT_UNDO, F(dundo, off), SET(UINT64_MAX - 7)),
	IMPOSSIBLE("undo record: off not a multiple of 8", AT_UNDO, F(dundo, off), ADD(4)),
	IMPOSSIBLE("undo record: len 0", AT_UNDO, F(dundo, len), SET(0)),
	IMPOSSIBLE("undo record: len too large", AT_UNDO, F(dundo, len), SET(4104)),
	IMPOSSIBLE("undo record: rsvd, sealed", AT_UNDO, F(dundo, rsvd), SET(1)),
	/* rolled back, with one wrong byte: that of the inode's magic */
	{ "undo record: old, sealed", UNCLEAN, AT_UNDO, V_OTHER, 0, TAIL(dundo, old), XOR(1), SEALED, 4, 4, 1, 0,
	  P(INODE_DAMAGED) },
};

const struct recipes recipes_journal = { table, sizeof(table) / sizeof(table[0]) };
