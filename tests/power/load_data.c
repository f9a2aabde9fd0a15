/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load_data.c -- workloads on the content of one file, or of a device
 */
#include "power/load.h"

#include <errno.h>
#include <fcntl.h>
#include <libpmem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define MAP_ALIGN (UINT64_C(2) << 20)

static int fd = -1;
static uint64_t *map;
static uint64_t buf[WORDS] __attribute__((aligned(BLOCK)));

/* -- preparing ---------------------------------------------------------------------- */

static void open_file(const struct job *j, int flags)
{
	fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		fail(j->path);
}

static void prepare_file(struct job *j)
{
	open_file(j, 0);
}

static void prepare_osync(struct job *j)
{
	open_file(j, O_SYNC);
}

static void prepare_odsync(struct job *j)
{
	open_file(j, O_DSYNC);
}

static void prepare_append(struct job *j)
{
	open_file(j, O_APPEND);
}

static uint64_t map_size(const struct job *j)
{
	return (j->blocks * BLOCK + MAP_ALIGN - 1) & ~(MAP_ALIGN - 1);
}

static void map_it(uint64_t size, int prot)
{
	map = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail("mmap");
}

/* Blocks are there beforehand, and durable: what is tried is what comes after. */
static void prepare_blocks(struct job *j)
{
	open_file(j, 0);
	for (uint64_t b = 0; b < j->blocks; b++) {
		if (pwrite(fd, buf, BLOCK, (off_t)(b * BLOCK)) != BLOCK)
			fail("pwrite");
	}
	if (fsync(fd))
		fail("fsync");
}

static void prepare_map(struct job *j)
{
	prepare_blocks(j);
	map_it(j->blocks * BLOCK, PROT_READ | PROT_WRITE);
}

static void prepare_device(struct job *j)
{
	fd = open(j->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(j->path);
	map_it(map_size(j), PROT_READ | PROT_WRITE);
}

/* -- operations --------------------------------------------------------------------- */

static void write_block(struct job *j, uint64_t i)
{
	uint64_t b = block_of(j, i);

	fill(buf, j, i, b);
	if (pwrite(fd, buf, BLOCK, (off_t)(b * BLOCK)) != BLOCK)
		fail("pwrite");
}

static void op_append(struct job *j, uint64_t i)
{
	fill(buf, j, i, i - 1);
	if (write(fd, buf, BLOCK) != BLOCK || fsync(fd))
		fail("append");
}

static void op_fsync(struct job *j, uint64_t i)
{
	write_block(j, i);
	if (fsync(fd))
		fail("fsync");
}

static void op_fdatasync(struct job *j, uint64_t i)
{
	write_block(j, i);
	if (fdatasync(fd))
		fail("fdatasync");
}

static void op_sync(struct job *j, uint64_t i)
{
	write_block(j, i);
	sync();
}

static void op_syncfs(struct job *j, uint64_t i)
{
	write_block(j, i);
	if (syncfs(fd))
		fail("syncfs");
}

static void op_fallocate(struct job *j, uint64_t i)
{
	if (fallocate(fd, 0, (off_t)(block_of(j, i) * BLOCK), BLOCK))
		fail("fallocate");
	op_fsync(j, i);
}

/* Ten lines, far from each other, of a large file: the first line of block number @n. */
static uint64_t line_block(const struct job *j, uint64_t i, uint64_t n)
{
	return (n * j->blocks / 10 + i) % j->blocks;
}

static void write_ten_lines(struct job *j, uint64_t i)
{
	fill(buf, j, i, 0);
	for (uint64_t n = 0; n < 10; n++) {
		uint64_t b = line_block(j, i, n);

		if (pwrite(fd, buf, 64, (off_t)(b * BLOCK)) != 64)
			fail("pwrite");
	}
}

static void op_ten_lines(struct job *j, uint64_t i)
{
	write_ten_lines(j, i);
	if (fsync(fd))
		fail("fsync");
}

static void op_ten_lines_sync(struct job *j, uint64_t i)
{
	write_ten_lines(j, i);
	sync();
}

/* Plain stores, one word after the other. */
static void store_block(struct job *j, uint64_t i)
{
	uint64_t b = block_of(j, i);

	fill(buf, j, i, b);
	for (size_t w = 0; w < WORDS; w++)
		((volatile uint64_t *)map)[b * WORDS + w] = buf[w];
}

static void op_msync(struct job *j, uint64_t i)
{
	store_block(j, i);
	if (msync(map + block_of(j, i) * WORDS, BLOCK, MS_SYNC))
		fail("msync");
}

static void op_dax_persist(struct job *j, uint64_t i)
{
	store_block(j, i);
	pmem_persist(map + block_of(j, i) * WORDS, BLOCK);
}

static void op_dax_copy(struct job *j, uint64_t i)
{
	uint64_t b = block_of(j, i);

	fill(buf, j, i, b);
	pmem_memcpy_persist(map + b * WORDS, buf, BLOCK);
}

/* Flushed, never fenced. */
#if defined(__x86_64__)
__attribute__((target("clwb")))
#endif
static void op_dax_nofence(struct job *j, uint64_t i)
{
	store_block(j, i);
#if defined(__x86_64__)
	for (size_t w = 0; w < WORDS; w += 8)
		_mm_clwb(map + block_of(j, i) * WORDS + w);
#endif
}

/* -- judging ------------------------------------------------------------------------ */

/* What the first words of one block must hold. */
struct expected { uint64_t block, words, last, flight; };

typedef bool writes_fn(const struct job *j, uint64_t i, uint64_t block);

static bool writes_block(const struct job *j, uint64_t i, uint64_t block)
{
	return block_of(j, i) == block;
}

static bool writes_appended(const struct job *j, uint64_t i, uint64_t block)
{
	(void)j;
	return i == block + 1;
}

static bool writes_line(const struct job *j, uint64_t i, uint64_t block)
{
	bool found = false;

	for (uint64_t n = 0; n < 10; n++)
		found |= line_block(j, i, n) == block;
	return found;
}

static void expect(const struct job *j, uint64_t block, writes_fn *writes, struct expected *e)
{
	for (uint64_t i = 1; i <= j->acked; i++) {
		if (writes(j, i, block))
			e->last = i;
	}
	if (j->acked < j->ops && writes(j, j->acked + 1, block))
		e->flight = j->acked + 1;
}

static void judge_flight(const struct expected *e, uint64_t nr_next, struct verdict *v)
{
	if (e->flight)
		v->flight = nr_next == e->words ? "whole" : nr_next ? "torn" : "absent";
}

static void judge_block(const struct job *j, const struct expected *e, struct verdict *v)
{
	uint64_t good = 0, next = 0, foreign = 0;

	for (size_t i = 0; i < e->words; i++) {
		uint64_t op = word_op(j, buf[i], e->block, i);

		good += op == e->last;
		next += e->flight && op != e->last && op == e->flight;
		foreign += op == UINT64_MAX || op > j->acked + 1;
	}
	judge_flight(e, next, v);
	v->leaked += foreign * sizeof(uint64_t);
	if (!e->last || foreign)
		return;
	if (good + next == e->words)
		v->kept++;
	else if (good + next)
		v->corrupt++;
	else
		v->lost++;
}

static void read_block(uint64_t block)
{
	memset(buf, 0, sizeof(buf));
	if (map)
		memcpy(buf, map + block * WORDS, BLOCK);
	else if (pread(fd, buf, BLOCK, (off_t)(block * BLOCK)) < 0)
		fail("pread");
}

/* Opens what is to be judged; false when it is not there at all. */
static bool open_to_judge(const struct job *j)
{
	struct stat st;

	fd = open(j->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0 || fstat(fd, &st))
		fail(j->path);
	if (S_ISCHR(st.st_mode))
		map_it(map_size(j), PROT_READ);
	return true;
}

static void check_blocks(const struct job *j, uint64_t blocks, writes_fn *writes, struct verdict *v)
{
	if (!open_to_judge(j)) {
		v->lost = j->acked;
		return;
	}
	for (uint64_t b = 0; b < blocks; b++) {
		struct expected e = { .block = b, .words = WORDS };

		expect(j, b, writes, &e);
		read_block(b);
		judge_block(j, &e, v);
	}
}

static void check_data(struct job *j, struct verdict *v)
{
	check_blocks(j, j->blocks, writes_block, v);
}

static void check_appended(struct job *j, struct verdict *v)
{
	check_blocks(j, j->ops, writes_appended, v);
}

static void check_lines(struct job *j, struct verdict *v)
{
	if (!open_to_judge(j)) {
		v->lost = j->acked;
		return;
	}
	for (uint64_t b = 0; b < j->blocks; b++) {
		struct expected e = { .words = 64 / sizeof(uint64_t) };

		expect(j, b, writes_line, &e);
		read_block(b);
		judge_block(j, &e, v);
	}
}

const struct work data_works[] = {
	{ "fsync", prepare_file, op_fsync, check_data },
	{ "fdatasync", prepare_file, op_fdatasync, check_data },
	{ "o-sync", prepare_osync, write_block, check_data },
	{ "o-dsync", prepare_odsync, write_block, check_data },
	{ "no-sync", prepare_file, write_block, check_data },
	{ "append", prepare_append, op_append, check_appended },
	{ "sync", prepare_file, op_sync, check_data },
	{ "syncfs", prepare_file, op_syncfs, check_data },
	{ "fallocate", prepare_file, op_fallocate, check_data },
	{ "ten-lines", prepare_blocks, op_ten_lines, check_lines },
	{ "ten-lines-sync", prepare_blocks, op_ten_lines_sync, check_lines },
	{ "mmap", prepare_map, store_block, check_data },
	{ "msync", prepare_map, op_msync, check_data },
	{ "dax", prepare_device, store_block, check_data },
	{ "dax-nofence", prepare_device, op_dax_nofence, check_data },
	{ "dax-persist", prepare_device, op_dax_persist, check_data },
	{ "dax-copy", prepare_device, op_dax_copy, check_data },
	{ NULL, NULL, NULL, NULL },
};
