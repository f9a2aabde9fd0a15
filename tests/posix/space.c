/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * space.c -- fallocate, holes, SEEK_HOLE and SEEK_DATA, copy_file_range
 *
 * Blocks are of 4096 bytes on all filesystems that the suite knows, so holes and st_blocks can be
 * told to the block.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

#define BLOCK	4096
#define SECTORS	8	/* of a block, as st_blocks counts */

static int fresh(const char *path)
{
	return OK(open(path, O_CREAT | O_TRUNC | O_RDWR, 0644));
}

static off_t fd_size(int fd)
{
	struct stat st = { .st_size = -1 };

	OK(fstat(fd, &st));
	return st.st_size;
}

/* -- fallocate: which modes, which errors ------------------------------------------------ */

static void modes(void)
{
	static const struct { int mode, err; } tries[] = {
		{ 0, 0 }, { FALLOC_FL_KEEP_SIZE, 0 }, { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0 },
		{ FALLOC_FL_ZERO_RANGE, 0 }, { FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0 },
		{ FALLOC_FL_PUNCH_HOLE, EOPNOTSUPP },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, EOPNOTSUPP },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, EOPNOTSUPP },
		{ 0x1000, EOPNOTSUPP }, { 0x4000 | FALLOC_FL_KEEP_SIZE, EOPNOTSUPP }, { 0x40000000, EOPNOTSUPP },
	};
	int fd = fresh("f");

	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		if ((tries[i].mode & FALLOC_FL_ZERO_RANGE) && posix_excepts("FALLOC_FL_ZERO_RANGE"))
			continue;
		posix_note("mode 0x%x", (unsigned)tries[i].mode);
		GIVES(tries[i].err, fallocate(fd, tries[i].mode, 0, BLOCK));
	}
	close(fd);
}

static void bad_arguments(void)
{
	static const int all[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };
	int fd = fresh("f"), ro = OK(open("f", O_RDONLY)), dir = OK(open(".", O_RDONLY)), p[2];

	OK(pipe(p));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		posix_note("mode 0x%x", (unsigned)all[i]);
		FAILS(EINVAL, fallocate(fd, all[i], 0, 0));
		FAILS(EINVAL, fallocate(fd, all[i], -1, 10));
		FAILS(EINVAL, fallocate(fd, all[i], 0, -1));
		FAILS(EFBIG, fallocate(fd, all[i], INT64_MAX, 10));
		FAILS(EBADF, fallocate(ro, all[i], 0, 10));
		FAILS(EBADF, fallocate(dir, all[i], 0, 10));
		FAILS(EBADF, fallocate(-1, all[i], 0, 10));
		FAILS(ESPIPE, fallocate(p[1], all[i], 0, 10));
	}
	EQ(0, fd_size(fd));
	EQ(0, blocks_of(fd));
	close(fd);
	close(ro);
	close(dir);
}

/* posix_fallocate(3) returns its error and leaves errno alone. */
static void by_posix(void)
{
	int fd = fresh("f"), ro = OK(open("f", O_RDONLY)), p[2];

	OK(pipe(p));
	errno = 0;
	EQ(0, posix_fallocate(fd, 0, 10000));
	EQ(10000, fd_size(fd));
	EQ(3 * SECTORS, blocks_of(fd));
	EQ(0, posix_fallocate(fd, 0, 100));
	EQ(10000, fd_size(fd));
	EQ(EINVAL, posix_fallocate(fd, 0, 0));
	EQ(EINVAL, posix_fallocate(fd, -1, 10));
	EQ(EBADF, posix_fallocate(ro, 0, 10));
	EQ(ESPIPE, posix_fallocate(p[1], 0, 10));
	EQ(EFBIG, posix_fallocate(fd, INT64_MAX, 10));
	EQ(0, errno);
	TRUE(filled_with(fd, 0, 10000, 0));
	close(fd);
	close(ro);
}

/* -- fallocate: size, blocks, content ---------------------------------------------------- */

static void allocating(void)
{
	int fd = fresh("f");

	EQ(1, pwrite(fd, "x", 1, 5000));
	EQ(1 * SECTORS, blocks_of(fd));
	OK(fallocate(fd, 0, 0, 3 * BLOCK));
	EQ(3 * SECTORS, blocks_of(fd));
	EQ(3 * BLOCK, fd_size(fd));
	TRUE(filled_with(fd, 0, 5000, 0));
	TRUE(filled_with(fd, 5000, 1, 'x'));
	TRUE(filled_with(fd, 5001, 3 * BLOCK - 5001, 0));
	OK(fallocate(fd, 0, 0, 3 * BLOCK));
	EQ(3 * SECTORS, blocks_of(fd));
	OK(fallocate(fd, 0, 10, 10));
	EQ(3 * BLOCK, fd_size(fd));
	OK(fallocate(fd, 0, 5 * BLOCK - 1, 1));
	EQ(5 * BLOCK, fd_size(fd));
	EQ(4 * SECTORS, blocks_of(fd));
	OK(fallocate(fd, 0, 7 * BLOCK - 1, 2));
	EQ(7 * BLOCK + 1, fd_size(fd));
	EQ(6 * SECTORS, blocks_of(fd));
	close(fd);
}

static void keeping_size(void)
{
	int fd = fresh("f");

	EQ(4, write(fd, "data", 4));
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10 * BLOCK));
	EQ(4, fd_size(fd));
	EQ(10 * SECTORS, blocks_of(fd));
	EQ(0, pread(fd, &(char){ 0 }, 1, 4));
	EQ(1, pwrite(fd, "y", 1, 9 * BLOCK));
	EQ(9 * BLOCK + 1, fd_size(fd));
	EQ(10 * SECTORS, blocks_of(fd));
	TRUE(filled_with(fd, 4, 9 * BLOCK - 4, 0));
	OK(ftruncate(fd, 4));
	EQ(1 * SECTORS, blocks_of(fd));
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 100 * BLOCK, BLOCK));
	EQ(2 * SECTORS, blocks_of(fd));
	EQ(4, fd_size(fd));
	close(fd);
}

/* Preallocated blocks hold nothing of what was there before. */
static void unwritten_is_zero(void)
{
	int fd;

	make_filled("old", 256 * BLOCK, 'S');
	fd = OK(open("old", O_RDWR));
	OK(fsync(fd));
	close(fd);
	OK(unlink("old"));
	fd = fresh("f");
	OK(fallocate(fd, 0, 0, 256 * BLOCK));
	EQ(100, pwrite(fd, "0123456789012345678901234567890123456789012345678901234567890123456789"
			   "012345678901234567890123456789", 100, 50 * BLOCK + 1000));
	TRUE(filled_with(fd, 0, 50 * BLOCK + 1000, 0));
	TRUE(filled_with(fd, 50 * BLOCK + 1100, 206 * BLOCK - 1100, 0));
	EQ(256 * SECTORS, blocks_of(fd));
	close(fd);
}

/* Every way in which a range can lie to blocks and to the end. */
static const struct range { off_t off, len; } ranges[] = {
	{ 0, BLOCK }, { 0, 1 }, { 10, 10 }, { BLOCK - 1, 2 }, { BLOCK, BLOCK }, { 100, 2 * BLOCK },
	{ BLOCK + 1, BLOCK - 1 }, { 0, 4 * BLOCK }, { 3 * BLOCK, 5 * BLOCK }, { 3 * BLOCK + 7, 5 * BLOCK },
	{ 4 * BLOCK - 1, 1 }, { 4 * BLOCK, BLOCK }, { 100 * BLOCK, BLOCK }, { 0, 1 << 20 }, { 1, (1 << 20) - 1 },
};

#define FILLED	(4 * BLOCK)

static off_t least(off_t a, off_t b)
{
	return a < b ? a : b;
}

/* A file of FILLED bytes 'x', of which [off, off + len) shall be zero now and the rest not. */
static void check_cleared(int fd, const struct range *r)
{
	off_t from = least(r->off, FILLED), to = least(r->off + r->len, FILLED);

	TRUE(filled_with(fd, 0, (size_t)from, 'x'));
	TRUE(filled_with(fd, from, (size_t)(to - from), 0));
	TRUE(filled_with(fd, to, (size_t)(FILLED - to), 'x'));
}

/* Whole blocks of the file inside the range. */
static blkcnt_t whole_blocks(const struct range *r)
{
	off_t first = (r->off + BLOCK - 1) / BLOCK, end = least((r->off + r->len) / BLOCK, FILLED / BLOCK);

	return first < end ? end - first : 0;
}

static void punching(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];
		int fd;

		posix_note("punch %lld+%lld", (long long)r->off, (long long)r->len);
		make_filled("f", FILLED, 'x');
		fd = OK(open("f", O_RDWR));
		OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, r->off, r->len));
		EQ(FILLED, fd_size(fd));
		check_cleared(fd, r);
		EQ((FILLED / BLOCK - whole_blocks(r)) * SECTORS, blocks_of(fd));
		close(fd);
		OK(unlink("f"));
	}
}

static void zeroing(void)
{
	static const int keep[] = { 0, FALLOC_FL_KEEP_SIZE };

	for (size_t i = 0; i < ARRAY_SIZE(ranges) * 2; i++) {
		const struct range *r = &ranges[i / 2];
		off_t end = r->off + r->len, size = keep[i % 2] || end < FILLED ? FILLED : end;
		int fd;

		posix_note("zero %lld+%lld, mode %d", (long long)r->off, (long long)r->len, keep[i % 2]);
		make_filled("f", FILLED, 'x');
		fd = OK(open("f", O_RDWR));
		OK(fallocate(fd, FALLOC_FL_ZERO_RANGE | keep[i % 2], r->off, r->len));
		EQ(size, fd_size(fd));
		check_cleared(fd, r);
		TRUE(filled_with(fd, FILLED, (size_t)(size - FILLED), 0));
		TRUE(blocks_of(fd) >= FILLED / BLOCK * SECTORS);
		close(fd);
		OK(unlink("f"));
	}
}

/* -- holes ----------------------------------------------------------------------------------- */

/* Blocks 2, 3, 7 and 100 hold data, of 103. */
static int sparse(const char *path)
{
	static const int blocks[] = { 2, 3, 7, 100 };
	char buf[BLOCK];
	int fd = fresh(path);

	memset(buf, 'd', sizeof(buf));
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		EQ(BLOCK, pwrite(fd, buf, BLOCK, (off_t)blocks[i] * BLOCK));
	OK(ftruncate(fd, 103 * BLOCK));
	return fd;
}

static bool is_data(off_t block)
{
	return block == 2 || block == 3 || block == 7 || block == 100;
}

/* What lseek(2) shall find from @off on. */
static off_t expected(off_t off, int whence)
{
	for (off_t b = off / BLOCK; b < 103; b++) {
		if (is_data(b) == (whence == SEEK_DATA))
			return b * BLOCK > off ? b * BLOCK : off;
	}
	return whence == SEEK_DATA ? -1 : 103 * BLOCK;
}

static void seeking(void)
{
	static const off_t delta[] = { 0, 1, BLOCK - 1 };
	int fd = sparse("f");

	EQ(4 * SECTORS, blocks_of(fd));
	for (off_t b = 0; b < 103; b += b < 10 || b > 97 ? 1 : 29) {
		for (size_t i = 0; i < ARRAY_SIZE(delta); i++) {
			off_t off = b * BLOCK + delta[i];

			posix_note("from %lld", (long long)off);
			EQ(expected(off, SEEK_DATA), lseek(fd, off, SEEK_DATA));
			EQ(expected(off, SEEK_HOLE), lseek(fd, off, SEEK_HOLE));
		}
	}
	posix_note(NULL);
	FAILS(ENXIO, lseek(fd, 103 * BLOCK, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, 103 * BLOCK, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, -1, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, -1, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 101 * BLOCK, SEEK_DATA));
	EQ(2 * BLOCK, lseek(fd, 0, SEEK_DATA));
	EQ(2 * BLOCK, lseek(fd, 0, SEEK_CUR));
	close(fd);
}

static void seeking_at_the_ends(void)
{
	int fd = fresh("f");

	FAILS(ENXIO, lseek(fd, 0, SEEK_DATA));
	FAILS(ENXIO, lseek(fd, 0, SEEK_HOLE));
	EQ(1, write(fd, "x", 1));
	EQ(0, lseek(fd, 0, SEEK_DATA));
	EQ(1, lseek(fd, 0, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 1, SEEK_HOLE));
	OK(ftruncate(fd, BLOCK + 1));
	EQ(BLOCK, lseek(fd, 0, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, BLOCK, SEEK_DATA));
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, BLOCK));
	FAILS(ENXIO, lseek(fd, 0, SEEK_DATA));
	EQ(0, lseek(fd, 0, SEEK_HOLE));
	close(fd);
}

/* Unwritten blocks count as holes until they are written. */
static void seeking_in_unwritten(void)
{
	int fd = fresh("f");

	OK(fallocate(fd, 0, 0, 20 * BLOCK));
	EQ(0, lseek(fd, 0, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 0, SEEK_DATA));
	EQ(1, pwrite(fd, "x", 1, 5 * BLOCK));
	OK(fsync(fd));
	EQ(5 * BLOCK, lseek(fd, 0, SEEK_DATA));
	EQ(6 * BLOCK, lseek(fd, 5 * BLOCK, SEEK_HOLE));
	FAILS(ENXIO, lseek(fd, 6 * BLOCK, SEEK_DATA));
	close(fd);
}

/* -- copy_file_range ------------------------------------------------------------------------------ */

static void copying(void)
{
	static const struct { off_t from, to, len; } parts[] = {
		{ 0, 0, 10 }, { 5, 100, 5000 }, { 4096, 8192, 4096 }, { 4095, 1, 8193 }, { 10000, 0, 90000 },
		{ 99999, 300000, 1 },
	};
	int in, out;

	make_filled("in", 100000, 'i');
	in = OK(open("in", O_RDWR));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		off_t from = parts[i].from, to = parts[i].to;
		size_t len = (size_t)parts[i].len;

		posix_note("%zu bytes from %lld to %lld", len, (long long)from, (long long)to);
		out = fresh("out");
		EQ(len, copy_file_range(in, &from, out, &to, len, 0));
		EQ(parts[i].from + parts[i].len, from);
		EQ(parts[i].to + parts[i].len, to);
		EQ(to, fd_size(out));
		TRUE(filled_with(out, 0, (size_t)parts[i].to, 0));
		TRUE(filled_with(out, parts[i].to, len, 'i'));
		EQ(0, lseek(out, 0, SEEK_CUR));
		close(out);
	}
	close(in);
}

static void copying_at_the_end(void)
{
	off_t from = 90, to = 0;
	int in, out = fresh("out");

	make_filled("in", 100, 'i');
	in = OK(open("in", O_RDWR));
	EQ(10, copy_file_range(in, &from, out, &to, 1000, 0));
	EQ(0, copy_file_range(in, &from, out, &to, 1000, 0));
	EQ(100, from);
	EQ(10, fd_size(out));
	EQ(100, copy_file_range(in, NULL, out, NULL, 1000, 0));
	EQ(100, lseek(in, 0, SEEK_CUR));
	EQ(100, lseek(out, 0, SEEK_CUR));
	EQ(0, copy_file_range(in, NULL, out, NULL, 0, 0));
	close(in);
	close(out);
}

static void copying_within(void)
{
	off_t from = 0, to = 50;
	int fd;

	make_filled("f", 100, 'a');
	fd = OK(open("f", O_RDWR));
	EQ(50, pwrite(fd, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 50, 50));
	FAILS(EINVAL, copy_file_range(fd, &from, fd, &to, 51, 0));
	EQ(50, copy_file_range(fd, &from, fd, &to, 50, 0));
	TRUE(filled_with(fd, 0, 100, 'a'));
	close(fd);
}

static void copy_errors(void)
{
	int in, out = fresh("out"), ro, append, dir, p[2];
	off_t zero = 0;

	make_filled("in", 100, 'i');
	in = OK(open("in", O_RDWR));
	ro = OK(open("out", O_RDONLY));
	append = OK(open("out", O_RDWR | O_APPEND));
	dir = OK(open(".", O_RDONLY));
	OK(pipe(p));
	FAILS(EBADF, copy_file_range(in, &zero, ro, NULL, 10, 0));
	FAILS(EBADF, copy_file_range(in, &zero, append, NULL, 10, 0));
	FAILS(EINVAL, copy_file_range(in, &zero, out, NULL, 10, 1));
	FAILS(EISDIR, copy_file_range(dir, NULL, out, NULL, 10, 0));
	FAILS(EINVAL, copy_file_range(p[0], NULL, out, NULL, 10, 0));
	FAILS(EBADF, copy_file_range(-1, NULL, out, NULL, 10, 0));
	close(in);
	in = OK(open("in", O_WRONLY));
	FAILS(EBADF, copy_file_range(in, NULL, out, NULL, 10, 0));
	EQ(0, fd_size(out));
	close(dir);
}

static void sending(void)
{
	off_t from = 10;
	int in, out = fresh("out");

	make_filled("in", 100000, 'i');
	in = OK(open("in", O_RDONLY));
	EQ(90000, sendfile(out, in, &from, 90000));
	EQ(90010, from);
	EQ(90000, fd_size(out));
	TRUE(filled_with(out, 0, 90000, 'i'));
	close(in);
	close(out);
}

/* splice(2) both ways through a pipe. */
static void splicing(void)
{
	int in, out = fresh("out"), p[2];

	make_filled("in", 10000, 'i');
	in = OK(open("in", O_RDONLY));
	OK(pipe(p));
	EQ(10000, splice(in, NULL, p[1], NULL, 10000, 0));
	EQ(10000, splice(p[0], NULL, out, NULL, 10000, 0));
	EQ(10000, fd_size(out));
	TRUE(filled_with(out, 0, 10000, 'i'));
	close(in);
	close(out);
}

const struct posix_case posix_space[] = {
	{ "modes", modes },
	{ "bad_arguments", bad_arguments },
	{ "by_posix", by_posix },
	{ "allocating", allocating },
	{ "keeping_size", keeping_size },
	{ "unwritten_is_zero", unwritten_is_zero },
	{ "punching", punching },
	{ "zeroing", zeroing },
	{ "seeking", seeking },
	{ "seeking_at_the_ends", seeking_at_the_ends },
	{ "seeking_in_unwritten", seeking_in_unwritten },
	{ "copying", copying },
	{ "copying_at_the_end", copying_at_the_end },
	{ "copying_within", copying_within },
	{ "copy_errors", copy_errors },
	{ "sending", sending },
	{ "splicing", splicing },
	{ NULL, NULL },
};
