/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crash.h -- the crash explorer: shapes of filesystems, operations, cases
 *
 * Names: step    one operation of a sequence, from 1; tree 0 is what was there before
 *        cut     a moment at which the power fails: before a fence, or after a step
 *        state   one content that media may have at a cut
 */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/fs.h"
#include "core/inode.h"
#include "crash/tree.h"
#include "harness/acl.h"
#include "pm/region.h"

#define STEPS_MAX	4u
#define STEP_FILES	3u	/* names that end in 1, 2, 3: step i uses those that end in i */

/* -- geometries (geometry.c) ---------------------------------------------------------- */

struct geometry {
	const char *name;
	uint64_t size;				/* bytes */
	uint32_t nr_lanes, lane_blocks;		/* 0: as mkfs.daxfs chooses */
	void (*furnish)(struct fs *fs);		/* beside the files that all have; may be NULL */
	bool orphans;				/* some files are open and have no name */
};

extern const struct geometry geometries[];	/* the last has no name */

/* geometry_image - the media of a filesystem of this shape, cleanly unmounted; made at the first call. */
const uint8_t *geometry_image(const struct geometry *g);

/* acl_make - the bytes of an ACL that gives a user of its own @perm, 0..7. */
#define ACL_BYTES	ACL_SIZE(5)
void acl_make(uint8_t acl[ACL_BYTES], unsigned perm);

/* settle - the thread that gives freed blocks back is done: what comes next finds the same ones free in every run. */
void settle(struct fs *fs);

/* -- a running filesystem (ops.c) -------------------------------------------------------- */

struct scene {
	struct region *rg;
	struct fs *fs;
	struct inode *root;
	struct inode *held[2 * STEP_FILES];	/* open files: of every step one; then orphans */
	struct inode *written[STEPS_MAX];	/* by a step, and still in somebody's hands */
	unsigned nr_written;
};

/* scene_open - mount, or read-only if not @mounted, and open what the geometry says; scene_leave - as a killed process leaves it. */
void scene_open(struct scene *s, struct region *rg, const struct geometry *g, bool mounted);
void scene_leave(struct scene *s);

#define OP_LAZY		1u	/* content is durable after fsync only */
#define OP_SYNC_FILE	2u	/* afterwards the content of file "f<step>" is durable */
#define OP_SYNC_ALL	4u	/* ... of every file */
#define OP_LAZY_TIMES	8u	/* its times are durable after fsync only */
#define OP_UNMOUNTED	16u	/* as the first step, begins with nothing mounted */
#define OP_PAIRED	32u	/* one of those of which all pairs are tried */

struct op {
	const char *name;
	int (*run)(struct scene *s, unsigned step);	/* 0 or negative errno */
	unsigned flags;
};

extern const struct op ops[];		/* the last has no name */

/* -- one case (explore.c) ------------------------------------------------------------------ */

struct crash_case {
	const struct geometry *g;
	const struct op *op[STEPS_MAX];
	unsigned nr_ops;
	unsigned first;			/* cuts are explored from this step on */
	bool same_names;		/* every step works on the names of the first */
	unsigned effort;		/* as in states.h */
	long only_cut, only_state;	/* -1: all */
};

/* What was seen; sums over cases. */
struct totals {
	uint64_t cases, cuts, states;	/* states: different images, each recovered */
	uint64_t distinct;		/* of these, different after recovery: each checked in full */
	uint64_t again;			/* states of a power cut inside recovery */
	uint64_t violations;
};

/* How a step looked at the cuts inside it and after it, for the table of guarantees. */
struct observed {
	uint64_t old, new, between;	/* states whose names and attributes, and content, are those of ... */
	bool durable;			/* every state after it is new */
	uint64_t fences, flushes, nt_bytes;
};

/*
 * explore - run the case and look at every state at every cut
 * @seen: per step, or NULL
 * Return: violations; each is printed with an id that repeats it.
 */
uint64_t explore(const struct crash_case *c, struct totals *sum, struct observed *seen);

/* -- mutants (mutants.c) ------------------------------------------------------------------- */

/* Of what an operation did: how often was it left out (or delayed), and how often was that noticed? */
struct score {
	uint64_t flushes, flushes_caught, fences, fences_caught, stores, stores_caught;
	uint64_t stores_slack;		/* caught, and needed by a later fence only */
	uint64_t stores_idle;		/* not counted: wrote what was there already */
};

/* explore_mutants - the case's first operation without each of its flushes and fences, and with each of its stores too late. */
void explore_mutants(const struct crash_case *c, struct totals *sum, struct score *score);

/* -- kinds of runs ------------------------------------------------------------------------------ */

struct plan { const char *geometry, *op; unsigned jobs, effort; uint64_t seed; unsigned part, parts; };

/* plan_singles, plan_pairs, plan_random - 0, or 1 when something is violated (plan.c).  @of_all: not of the OP_PAIRED only. */
int plan_singles(const struct plan *p);
int plan_pairs(const struct plan *p, bool of_all);
int plan_random(const struct plan *p, unsigned nr);
int plan_mutants(const struct plan *p);
int plan_case(const char *id);
int plan_guarantees(void);

/* plan_mkfs - power cuts in fs_format() (mkfs.c). */
int plan_mkfs(struct totals *sum);

#endif
