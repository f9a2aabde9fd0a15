// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * io.c -- calls that read, write and sync
 *
 * Each thread has a file, or a part of a shared one, as large as asked for,
 * written before; a file of its own that is large enough is taken as it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/calls.h"

#define DIRTY_LINES	10
#define LINE		64

static void fill(struct lane *l)
{
	struct stat st;
	off_t end = l->base + (off_t)l->size;

	must(fstat(l->fd, &st));
	if (!l->shared && st.st_size >= end)
		return;
	for (off_t off = l->base; off < end; off += (off_t)MIB)
		must_whole(pwrite(l->fd, l->buf, MIB, off), MIB);
	must(fsync(l->fd));
}

static void open_file(struct lane *l)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "file%u", l->shared ? 0 : l->number);
	l->fd = (int)must(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	l->base = l->shared ? (off_t)(l->number * l->size) : 0;
	fill(l);
}

/* Any block of 4 KiB of the thread's part. */
static off_t any_block(struct lane *l)
{
	return l->base + (off_t)(rng_below(&l->rng, l->size / (4 * KIB)) * 4 * KIB);
}

/* One MiB after the other, and again from the beginning. */
static off_t next_mib(struct lane *l)
{
	return l->base + (off_t)(l->next++ % (l->size / MIB) * MIB);
}

static void read_block(struct lane *l, size_t i)
{
	(void)i;
	must_whole(pread(l->fd, l->buf, 4 * KIB, any_block(l)), 4 * KIB);
}

static void write_block(struct lane *l, size_t i)
{
	(void)i;
	must_whole(pwrite(l->fd, l->buf, 4 * KIB, any_block(l)), 4 * KIB);
}

static void write_block_sync(struct lane *l, size_t i)
{
	write_block(l, i);
	must(fdatasync(l->fd));
}

static void read_mib(struct lane *l, size_t i)
{
	(void)i;
	must_whole(pread(l->fd, l->buf, MIB, next_mib(l)), MIB);
}

static void write_mib(struct lane *l, size_t i)
{
	(void)i;
	must_whole(pwrite(l->fd, l->buf, MIB, next_mib(l)), MIB);
}

static void sync_file(struct lane *l, size_t i)
{
	(void)i;
	must(fsync(l->fd));
}

static void dirty_lines(struct lane *l)
{
	for (int n = 0; n < DIRTY_LINES; n++) {
		off_t at = l->base + (off_t)(rng_below(&l->rng, l->size / LINE) * LINE);

		must_whole(pwrite(l->fd, l->buf, LINE, at), LINE);
	}
}

/* -- appending ------------------------------------------------------------------------ */

static void open_log(struct lane *l)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "log%u", l->number);
	l->fd = (int)must(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

static void append_block_sync(struct lane *l, size_t i)
{
	(void)i;
	must_whole(write(l->fd, l->buf, 4 * KIB), 4 * KIB);
	must(fsync(l->fd));
}

static void truncate_log(struct lane *l)
{
	must(ftruncate(l->fd, 0));
}

const struct kind io_kinds[] = {
	{ "pread4k", 2000, open_file, NULL, read_block, NULL },
	{ "pwrite4k", 2000, open_file, NULL, write_block, NULL },
	{ "fdatasync4k", 1000, open_file, NULL, write_block_sync, NULL },
	{ "append4k", 500, open_log, NULL, append_block_sync, truncate_log },
	{ "fsync", 1000, open_file, NULL, sync_file, NULL },
	{ "fsync-dirty", 1, open_file, dirty_lines, sync_file, NULL },
	{ "pread1m", 32, open_file, NULL, read_mib, NULL },
	{ "pwrite1m", 32, open_file, NULL, write_mib, NULL },
	{ 0 },
};
