/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * walk.h -- one random walk: a target, a model, and what is open
 */
#ifndef FUZZ_WALK_H
#define FUZZ_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/target.h"
#include "harness/rng.h"

#define WALK_BUF		(1u << 20)	/* bytes, the largest read or write */
#define WALK_TRACE	48

/* An operation as it was done, for the report. */
struct step {
	const char *what;
	uint64_t nr, dir, dir2, off, len;
	int name, name2, fd;
	unsigned flags;
	int64_t result;
};

struct walk {
	struct target	*t;
	struct model	 m;
	struct rng	 rng;
	struct mnode	*fd[TARGET_FDS];
	uint8_t		*got, *want, *pool;	/* WALK_BUF, WALK_BUF, 2 * WALK_BUF of random bytes */
	uint64_t	 nr, nr_nospace;
	unsigned	 max_nodes;
	bool		 greedy;		/* a small filesystem: fill it */
	bool		 failed;
	struct step	 trace[WALK_TRACE];
	struct step	*step;			/* the one being done */
};

/* walk_init - 0 or -ENOMEM; the caller sets @r->t afterwards. */
int  walk_init(struct walk *r, uint64_t seed);
/* walk_close_all - close every descriptor. */
void walk_close_all(struct walk *r);
/* walk_fini - @r->t is freed, too. */
void walk_fini(struct walk *r);

/* walk_step - one random operation, compared. */
void walk_step(struct walk *r);

/* walk_verify - walk the whole tree and compare everything. */
void walk_verify(struct walk *r);
void verify_stat(struct walk *r, const struct mnode *n, const struct tstat *st);
void verify_dir(struct walk *r, struct mnode *dir);
/* verify_fd - attributes and every byte through a descriptor. */
void verify_fd(struct walk *r, int fd);

/* mismatch - say what differs, once; the walk ends. */
__attribute__((format(printf, 2, 3)))
void mismatch(struct walk *r, const char *fmt, ...);

/* walk_trace_print - the last operations, the failing one at the end. */
void walk_trace_print(const struct walk *r);

/* -- for the operations ---------------------------------------------------------- */

struct op { const char *name; unsigned weight; void (*fn)(struct walk *r); };
extern const struct op ops_name[], ops_io[];	/* the last has no name */

/* expect - same result?  True when both succeeded. */
bool expect(struct walk *r, int64_t got, int64_t want);
/* no_space - the target ran out of space: the operation must not have happened. */
bool no_space(struct walk *r, int64_t got);

static inline uint64_t pick(struct walk *r, uint64_t n) { return rng_below(&r->rng, n); }
static inline bool chance(struct walk *r, uint64_t n) { return rng_one_in(&r->rng, n); }
struct mnode *pick_dir(struct walk *r);
/* pick_name - a name in some directory; mostly one that exists when @live. */
struct mloc pick_name(struct walk *r, bool live);
/* pick_fd - an open descriptor of a regular file, or -1. */
int pick_fd(struct walk *r);

#endif
