/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load.h -- work whose every step can be told from what media hold afterwards
 *
 * A workload is a number of operations, 1 to ops.  Each is acknowledged by a
 * marker when the call that should make it durable has returned.  The same
 * numbers say afterwards what must be there: operations up to the last
 * acknowledged one, perhaps the one in flight, and nothing of later ones.
 */
#ifndef POWER_LOAD_H
#define POWER_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK		4096u
#define WORDS		(BLOCK / sizeof(uint64_t))
#define MAX_BLOCKS	(1u << 18)
#define MAX_OPS		(1u << 20)

/* One run, or the question what became of it. */
struct job {
	const char *mode;
	const char *path;	/* file, directory for names, or device */
	uint64_t blocks;	/* of the file */
	uint64_t ops;
	uint64_t seed;
	uint64_t acked;		/* when checking */
};

/* What became of the operations. */
struct verdict {
	uint64_t kept, lost, corrupt;	/* acknowledged ones; for file data: blocks */
	uint64_t leaked;		/* bytes or names of nobody */
	const char *flight;		/* the one in flight: "none", "absent", "whole", "torn" */
};

/* A workload prepares, and makes operation @i durable in the way of its mode. */
struct work {
	const char *mode;
	void (*prepare)(struct job *j);
	void (*op)(struct job *j, uint64_t i);
	void (*check)(struct job *j, struct verdict *v);
};

extern const struct work data_works[], name_works[];	/* end with mode NULL */

/* fail - cannot go on, which is no verdict: exit code 3. */
void fail(const char *what) __attribute__((noreturn));

/**
 * fill - the content of a block: every word tells who wrote it, and where it belongs
 * @p:     out, WORDS words
 * @j:     seed
 * @op:    1 and up
 * @block: of the file
 */
void fill(uint64_t *p, const struct job *j, uint64_t op, uint64_t block);

/* word_op - which operation wrote a word: 0 for a zero word, UINT64_MAX for bytes of nobody. */
uint64_t word_op(const struct job *j, uint64_t word, uint64_t block, size_t i);

/* block_of - which block operation @i writes: each once, then at random; in order when there are enough. */
uint64_t block_of(const struct job *j, uint64_t i);

#endif
