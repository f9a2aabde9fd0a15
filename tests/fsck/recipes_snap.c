/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipes_snap.c -- damaged snapshots of free space
 *
 * A snapshot holds nothing that cannot be found out again: it is dropped.
 */
#include "recipe.h"

#define REFERENCE(name, field, change, seal, findings) \
	{ name, CLEAN, AT_SNAPREF, V_NONE, 0, F(dsnapref, field), change, seal, 4, 1, 1, 0, findings }
#define SNAP(name, field, change, seal, findings) \
	{ name, CLEAN, AT_SNAP, V_NONE, 0, F(dsnap, field), change, seal, 4, 1, 1, 0, findings }
#define RUN(name, i, field, change, seal, findings) \
	{ name, CLEAN, AT_SNAPRUN, V_NONE, i, F(dsnaprun, field), change, seal, 4, 1, 1, 0, findings }
#define CHUNK(name, i, field, change, seal, findings) \
	{ name, CLEAN, AT_SNAPCHUNK, V_NONE, i, F(dsnapchunk, field), change, seal, 4, 1, 1, 0, findings }

static const struct recipe table[] = {
	REFERENCE("snapshot reference: start", start, ADD(1), RAW, P(SNAPREF)),
	REFERENCE("snapshot reference: start, another block", start, ADD(1), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: start outside of the device", start, SET(SAMPLE_BLOCKS), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: start in a lane", start, SET(1), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: start in a file", start, BLOCK(V_WIDE), SEALED, P(SNAPSHOT_CLAIMED)),
	{ "snapshot reference: none", CLEAN, AT_SNAPREF, V_NONE, 0, F(dsnapref, start), SET(0), SEALED, 0, 0, 0, 0, 0 },
	REFERENCE("snapshot reference: bytes", bytes, ADD(8), RAW, P(SNAPREF)),
	REFERENCE("snapshot reference: bytes, sealed", bytes, ADD(8), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: no bytes", bytes, SET(0), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: bytes beyond the device", bytes, SET(UINT64_MAX), SEALED, P(SNAPSHOT)),
	REFERENCE("snapshot reference: csum", csum, XOR(1), RAW, P(SNAPREF)),
	{ "snapshot reference: rsvd", CLEAN, AT_SNAPREF, V_NONE, 0, F(dsnapref, rsvd), XOR(1), RAW, 0, 0, 0, 0, 0 },
	{ "snapshot reference: unclean, so nobody looks", UNCLEAN, AT_SNAPREF, V_NONE, 0, F(dsnapref, csum), XOR(1), RAW,
	  0, 0, 0, 0, 0 },

	SNAP("snapshot: magic", magic, XOR(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: magic, sealed", magic, XOR(1), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: csum", csum, XOR(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: self", self, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: self, sealed", self, ADD(1), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: bytes", bytes, ADD(8), RAW, P(SNAPSHOT)),
	SNAP("snapshot: bytes, sealed", bytes, ADD(8), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: nr_full", nr_full, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: nr_full, sealed", nr_full, ADD(1), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: nr_full, the product overflows", nr_full, SET(UINT64_C(1) << 60), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: nr_part", nr_part, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: nr_part, sealed", nr_part, ADD(1), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: nr_ino_words", nr_ino_words, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: nr_ino_words, sealed", nr_ino_words, ADD(1), SEALED, P(SNAPSHOT)),
	SNAP("snapshot: nr_free", nr_free, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: nr_free, sealed", nr_free, ADD(1), SEALED, P(SNAPSHOT_DIFFERS)),
	SNAP("snapshot: nr_inodes", nr_inodes, ADD(1), RAW, P(SNAPSHOT)),
	SNAP("snapshot: nr_inodes, sealed", nr_inodes, ADD(1), SEALED, P(SNAPSHOT_DIFFERS)),

	RUN("snapshot run: chunk", 0, chunk, ADD(1), RAW, P(SNAPSHOT)),
	RUN("snapshot run: chunk, sealed", 0, chunk, SET(15), SEALED, P(SNAPSHOT_DIFFERS)),
	RUN("snapshot run: chunk outside of the device", 0, chunk, SET(16), SEALED, P(SNAPSHOT_DIFFERS)),
	RUN("snapshot run: count", 0, count, ADD(1), RAW, P(SNAPSHOT)),
	RUN("snapshot run: count 0", 0, count, SET(0), SEALED, P(SNAPSHOT_DIFFERS)),
	RUN("snapshot run: count beyond the device", 0, count, SET(UINT64_MAX), SEALED, P(SNAPSHOT_DIFFERS)),

	CHUNK("snapshot chunk: chunk", 0, chunk, ADD(1), RAW, P(SNAPSHOT)),
	CHUNK("snapshot chunk: chunk outside of the device", 0, chunk, SET(16), SEALED, P(SNAPSHOT_DIFFERS)),
	CHUNK("snapshot chunk: used", 0, used, XOR(1), RAW, P(SNAPSHOT)),
	CHUNK("snapshot chunk: used, sealed", 0, used, XOR(1), SEALED, P(SNAPSHOT_DIFFERS)),
	CHUNK("snapshot chunk: nothing is used", 0, used, ZERO, SEALED, P(SNAPSHOT_DIFFERS)),
};

const struct recipes recipes_snap = { table, sizeof(table) / sizeof(table[0]) };
