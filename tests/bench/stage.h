/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stage.h -- what the benchmarks share: images, clocks, medians, names
 *
 * Whatever goes wrong ends the program with status 2 and one sentence; every file
 * made is removed then, too.
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/report.h"
#include "disk/dirblk.h"	/* struct name */

struct fs;
struct inode;
struct region;

#define KIB	UINT64_C(1024)
#define MIB	(KIB * KIB)
#define GIB	(KIB * MIB)

struct bench {
	bool		 quick;
	const char	*dir;		/* where image files go */
	struct report	*rp;
};

/* bench_pick - the first figure for a full run, the second for a quick one. */
static inline size_t bench_pick(const struct bench *b, size_t full, size_t quick)
{
	return b->quick ? quick : full;
}

/* -- failing --------------------------------------------------------------------- */

/* MUST - the value, or the end of the program when it is negative. */
#define MUST(x)	must_at((long)(x), #x, __FILE__, __LINE__)
long must_at(long ret, const char *what, const char *file, int line);

/* must_alloc - calloc() that does not fail. */
void *must_alloc(size_t nr, size_t size);

/* -- images ------------------------------------------------------------------------ */

/* stage_signals - remove image files whatever ends the program.  Call first. */
void stage_signals(void);

/* stage_room - is there room for @bytes in the image directory?  Else reports @what as skipped. */
bool stage_room(const struct bench *b, const char *what, uint64_t bytes);

/* image_new - path of a new sparse file of @size bytes; image_remove() frees it, too. */
char *image_new(const struct bench *b, uint64_t size);
void image_remove(char *path);

struct stage {
	struct fs	*fs;
	struct inode	*root;
	struct region	*rg;		/* the one in use */
	struct region	*own;		/* what stage_close() closes, or NULL */
	char		*path;		/* image file, or NULL */
};

/* stage_file - a fresh filesystem on a file, all of it backed and mapped unless @sparse. */
void stage_file(struct stage *s, const struct bench *b, uint64_t size, bool sparse);

/* stage_ram, stage_record - in anonymous memory; bytes from @size on are left to the caller. */
#define STAGE_SCRATCH	MIB
void stage_ram(struct stage *s, uint64_t size);
void stage_record(struct stage *s, uint64_t size);

/* stage_remount - unmount, or drop as a crash would, and mount again; microseconds of the mount. */
double stage_remount(struct stage *s, bool crash);

void stage_close(struct stage *s);

/* -- time --------------------------------------------------------------------------- */

double now_us(void);

/* Figures of many rounds, of which the median counts. */
struct series { double *v; size_t nr, cap; };
void series_add(struct series *s, double v);
/* series_median - and forget them. */
double series_median(struct series *s);

/* A small generator, so that both sides of a comparison walk alike. */
struct walk { uint64_t state; };
static inline uint64_t walk_next(struct walk *w, uint64_t below)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return (w->state >> 11) % below;
}

/* -- names and files ------------------------------------------------------------------ */

struct names { char (*text)[24]; struct name *n; size_t nr; };
struct names names_make(const char *prefix, size_t nr);
void names_free(struct names *nm);

struct inode *make_dir(struct inode *parent, const char *name);
struct inode *make_file(struct inode *parent, const char *name);
/* make_files - the names in @dir, nothing in the files. */
void make_files(struct inode *dir, const struct name *n, size_t nr);
/* write_seq - @bytes of an open file in writes of 1 MiB from its beginning. */
void write_seq(struct inode *ip, uint64_t bytes);

#endif
