/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calls.h -- what is measured of a mounted filesystem: kinds of calls
 *
 * A batch is many calls of one kind by each thread, all of which begin together.
 * Only the calls are timed, not what is prepared for them and cleaned up behind.
 * All paths are relative: the program works in the directory it was given.
 */
#ifndef COMPARE_CALLS_H
#define COMPARE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/rng.h"

#define KIB		((size_t)1 << 10)
#define MIB		((size_t)1 << 20)
#define PATH_SIZE	32

struct lane;

struct kind {
	const char	*name;
	size_t		 calls;				/* of a thread in one batch */
	void		(*open)(struct lane *);		/* once, before everything */
	void		(*prepare)(struct lane *);	/* before each batch; may be NULL */
	void		(*call)(struct lane *, size_t i);	/* the i-th of a batch */
	void		(*finish)(struct lane *);	/* after each batch; may be NULL */
};

/* What one thread works on. */
struct lane {
	unsigned	 number;
	size_t		 calls;			/* of a batch; may become less after the first */
	size_t		 size;			/* bytes of its file, or of its part of the shared one */
	bool		 shared;		/* one file for all threads, with a part for each */
	int		 fd;
	off_t		 base;			/* where its part begins */
	size_t		 next;			/* calls so far */
	char		*buf;			/* 1 MiB */
	char		(*name)[PATH_SIZE];	/* calls of them */
	char		(*other)[PATH_SIZE];	/* as many, to which name[] is renamed */
	struct rng	 rng;
};

extern const struct kind io_kinds[], name_kinds[], job_kinds[], wake_kinds[];	/* each ends with one without a name */

/* must - @ret, or the end of the program with one sentence when it is negative. */
#define must(ret)	must_at((long)(ret), #ret)
long must_at(long ret, const char *what);

/* must_whole - a read or write of @want bytes, or the end. */
#define must_whole(ret, want)	must_whole_at((ret), (want), #ret)
void must_whole_at(ssize_t ret, size_t want, const char *what);

/* must_alloc - calloc() that does not fail. */
void *must_alloc(size_t nr, size_t size);

/* make_file - an empty file that was not there. */
void make_file(const char *path);

/* open_dir - a directory of the thread's own, with paths in it for each call of a batch. */
void open_dir(struct lane *l);

/* make_files - all of name[]. */
void make_files(struct lane *l);

#endif
