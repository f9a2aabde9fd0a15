/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * size.c -- truncate, ftruncate, sparse files, and where sizes end
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

#define BLOCK	4096

static off_t fd_size(int fd)
{
	struct stat st = { .st_size = -1 };

	OK(fstat(fd, &st));
	return st.st_size;
}

/* -- content after every change of size ---------------------------------------------- */

/* A file of 3 blocks 'x' is cut to @small and grows to @large: what comes back is zero. */
static void cut_and_grow(off_t small, off_t large)
{
	int fd;

	posix_note("to %lld, then to %lld", (long long)small, (long long)large);
	make_filled("f", 3 * BLOCK, 'x');
	fd = OK(open("f", O_RDWR));
	OK(ftruncate(fd, small));
	EQ(small, fd_size(fd));
	OK(truncate("f", large));
	EQ(large, fd_size(fd));
	TRUE(filled_with(fd, 0, (size_t)small, 'x'));
	TRUE(filled_with(fd, small, (size_t)(large - small), 0));
	close(fd);
	OK(unlink("f"));
}

static void cut_then_grow(void)
{
	static const off_t sizes[] = { 0, 1, 100, 4095, 4096, 4097, 8191, 8192, 8193, 12287, 12288 };
	static const off_t growths[] = { 1, 4096, 5000, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(growths); k++)
			cut_and_grow(sizes[i], sizes[i] + growths[k]);
	}
}

/* Write behind the end: the gap is zero, also where an earlier life of the file had bytes. */
static void write_behind_the_end(void)
{
	static const off_t ends[] = { 1, 100, 4095, 4096, 5000 };
	static const off_t starts[] = { 1, 10, 4096, 4100, 70000 };

	for (size_t i = 0; i < ARRAY_SIZE(ends) * ARRAY_SIZE(starts); i++) {
		off_t end = ends[i % ARRAY_SIZE(ends)], at = end + starts[i / ARRAY_SIZE(ends)];
		int fd;

		posix_note("end %lld, write at %lld", (long long)end, (long long)at);
		make_filled("f", 100000, 'x');
		fd = OK(open("f", O_RDWR));
		OK(ftruncate(fd, end));
		EQ(3, pwrite(fd, "abc", 3, at));
		EQ(at + 3, fd_size(fd));
		TRUE(filled_with(fd, 0, (size_t)end, 'x'));
		TRUE(filled_with(fd, end, (size_t)(at - end), 0));
		TRUE(filled_with(fd, at, 1, 'a'));
		close(fd);
		OK(unlink("f"));
	}
}

static void truncating_frees(void)
{
	int fd;

	make_filled("f", 64 * BLOCK, 'x');
	fd = OK(open("f", O_RDWR));
	TRUE(blocks_of(fd) >= 64 * 8);
	OK(ftruncate(fd, 10 * BLOCK));
	EQ(10 * 8, blocks_of(fd));
	OK(ftruncate(fd, 10 * BLOCK - 1));
	EQ(10 * 8, blocks_of(fd));
	OK(ftruncate(fd, 9 * BLOCK));
	EQ(9 * 8, blocks_of(fd));
	OK(ftruncate(fd, 1));
	EQ(8, blocks_of(fd));
	OK(ftruncate(fd, 0));
	EQ(0, blocks_of(fd));
	OK(ftruncate(fd, 1 << 20));
	EQ(0, blocks_of(fd));
	close(fd);
}

/* -- errors --------------------------------------------------------------------------- */

static void truncate_errors(void)
{
	int fd;

	make_filled("f", 10, 'x');
	OK(mkdir("d", 0755));
	OK(mkfifo("fifo", 0644));
	OK(symlink("f", "l"));
	FAILS(EINVAL, truncate("f", -1));
	FAILS(EISDIR, truncate("d", 0));
	FAILS(EINVAL, truncate("fifo", 0));
	FAILS(EBADF, ftruncate(-1, 0));
	fd = OK(open("f", O_RDWR));
	FAILS(EINVAL, ftruncate(fd, -1));
	FAILS(EINVAL, ftruncate(fd, INT64_MIN));
	EQ(10, fd_size(fd));
	close(fd);
	OK(truncate("l", 5));
	EQ(5, size_of("f"));
	OK(chmod("f", 0444));
	OK(chown("f", ALICE, ALICE));
	as(BOB, BOB);
	FAILS(EACCES, truncate("f", 0));
	as(ALICE, ALICE);
	FAILS(EACCES, truncate("f", 0));
}

/* The limit of the process: what fits is written, then EFBIG and SIGXFSZ. */
static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void process_limit(void)
{
	const struct rlimit limit = { .rlim_cur = 10000, .rlim_max = RLIM_INFINITY };
	char buf[8192];
	int fd;

	signal(SIGXFSZ, on_signal);
	memset(buf, 'x', sizeof(buf));
	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(8192, write(fd, buf, 8192));
	EQ(10000 - 8192, write(fd, buf, 8192));
	EQ(0, signals);
	FAILS(EFBIG, write(fd, buf, 1));
	EQ(1, signals);
	FAILS(EFBIG, pwrite(fd, buf, 1, 10000));
	FAILS(EFBIG, ftruncate(fd, 10001));
	FAILS(EFBIG, truncate("f", 20000));
	FAILS(EFBIG, fallocate(fd, 0, 0, 10001));
	EQ(5, signals);
	EQ(10000, fd_size(fd));
	OK(ftruncate(fd, 9999));
	OK(fallocate(fd, 0, 0, 10000));
	if (!posix_excepts("the process's limit and KEEP_SIZE"))
		OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
	EQ(1, pwrite(fd, buf, 1, 9999));
	EQ(10000, fd_size(fd));
	close(fd);
}

/* -- the largest size ------------------------------------------------------------------- */

/* The largest size that ftruncate(2) takes; the filesystem's own, found by halving. */
static off_t largest(int fd)
{
	off_t good = 0;

	for (off_t step = (off_t)1 << 62; step; step /= 2) {
		if (good <= INT64_MAX - step && ftruncate(fd, good + step) == 0)
			good += step;
	}
	return good;
}

static void largest_size(void)
{
	char c = 'z';
	off_t max;
	int fd;

	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	max = largest(fd);
	posix_note("largest size 0x%llx", (unsigned long long)max);
	TRUE(max >= (off_t)1 << 40);
	OK(ftruncate(fd, max));
	EQ(max, fd_size(fd));
	EQ(0, blocks_of(fd));
	if (max < INT64_MAX)
		FAILS(EFBIG, ftruncate(fd, max + 1));
	EQ(1, pwrite(fd, &c, 1, max - 1));
	/* one byte more than off_t counts is a wrong argument, not a file that is too big */
	FAILS(max == INT64_MAX ? EINVAL : EFBIG, pwrite(fd, &c, 1, max));
	EQ(max, fd_size(fd));
	EQ(max, lseek(fd, 0, SEEK_END));
	c = 0;
	EQ(1, pread(fd, &c, 1, max - 1));
	EQ('z', c);
	if (max < INT64_MAX)
		EQ(0, pread(fd, &c, 1, max));
	EQ(1, pread(fd, &c, 1, max / 2));
	EQ(0, c);
	TRUE(blocks_of(fd) <= 6 * 8);
	OK(ftruncate(fd, 0));
	EQ(0, blocks_of(fd));
	close(fd);
}

/* At the limit a write is shortened, and one beyond it fails. */
static void write_across_the_limit(void)
{
	char buf[100];
	off_t max;
	int fd;

	memset(buf, 'z', sizeof(buf));
	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	max = largest(fd);
	OK(ftruncate(fd, 0));
	EQ(40, pwrite(fd, buf, 40, max - 40));
	EQ(max, fd_size(fd));
	OK(ftruncate(fd, 0));
	if (max < INT64_MAX) {
		EQ(60, pwrite(fd, buf, 100, max - 60));
		EQ(max, fd_size(fd));
	} else {
		FAILS(EINVAL, pwrite(fd, buf, 100, max - 60));
	}
	FAILS(EFBIG, fallocate(fd, 0, INT64_MAX - 10, 11));
	close(fd);
}

/* A byte here and there, far apart: each where it was put, all else zero. */
static void far_apart(void)
{
	static const int shifts[] = { 0, 12, 21, 30, 31, 32, 33, 38, 40, 42 };
	char c;
	int fd = OK(open("f", O_CREAT | O_RDWR, 0644));

	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		c = (char)('a' + i);
		EQ(1, pwrite(fd, &c, 1, (off_t)1 << shifts[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		posix_note("at 2^%d", shifts[i]);
		EQ(1, pread(fd, &c, 1, (off_t)1 << shifts[i]));
		EQ('a' + (int)i, c);
		if (shifts[i] > 12)
			TRUE(filled_with(fd, ((off_t)1 << shifts[i]) - 1000, 1000, 0));
	}
	EQ(((off_t)1 << 42) + 1, fd_size(fd));
	TRUE(blocks_of(fd) < 40 * 8);
	OK(ftruncate(fd, (off_t)1 << 32));
	EQ(0, pread(fd, &c, 1, (off_t)1 << 32));
	EQ(1, pread(fd, &c, 1, (off_t)1 << 31));
	EQ('e', c);
	close(fd);
}

/* -- several descriptors ------------------------------------------------------------------- */

static void seen_by_all(void)
{
	char buf[16];
	int a, b;

	make_filled("f", 1000, 'x');
	a = OK(open("f", O_RDWR));
	b = OK(open("f", O_RDONLY));
	EQ(1000, lseek(b, 0, SEEK_END));
	OK(ftruncate(a, 10));
	EQ(0, read(b, buf, sizeof(buf)));
	EQ(10, lseek(b, 0, SEEK_END));
	EQ(10, pread(b, buf, sizeof(buf), 0));
	EQ(2, pwrite(a, "yy", 2, 10));
	EQ(2, read(b, buf, sizeof(buf)));
	EQ(0, memcmp(buf, "yy", 2));
	close(a);
	close(b);
}

const struct posix_case posix_size[] = {
	{ "cut_then_grow", cut_then_grow },
	{ "write_behind_the_end", write_behind_the_end },
	{ "truncating_frees", truncating_frees },
	{ "truncate_errors", truncate_errors },
	{ "process_limit", process_limit },
	{ "largest_size", largest_size },
	{ "write_across_the_limit", write_across_the_limit },
	{ "far_apart", far_apart },
	{ "seen_by_all", seen_by_all },
	{ NULL, NULL },
};
