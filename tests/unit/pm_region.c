/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pm_region.c -- regions: what is opened, refused, locked, mapped and kept
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pm/pm.h"
#include "pm/probe.h"

#define MIB (UINT64_C(1) << 20)

Suite *suite_pm_region(void);

static char dir[64], path[96];
static char message[1024];

static void sink(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(message, sizeof(message), "%s", msg);
}

static void setup_in(const char *parent)
{
	snprintf(dir, sizeof(dir), "%s/pm_region.XXXXXX", parent);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/image", dir);
	log_set_sink(sink, NULL);
}

static void setup_tmpfs(void)
{
	setup_in("/dev/shm");
}

static void setup_disk(void)
{
	setup_in("/var/tmp");
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static struct region *open_ok(unsigned flags, uint64_t create_size)
{
	struct region_opts o = { .path = path, .flags = flags, .create_size = create_size };
	struct region *rg = NULL;

	message[0] = '\0';
	ck_assert_msg(!region_open(&rg, &o), "%s", message);
	return rg;
}

static int open_err(const char *p, unsigned flags, unsigned wait_ms)
{
	struct region_opts o = { .path = p, .flags = flags, .wait_ms = wait_ms };
	struct region *rg = NULL;

	message[0] = '\0';
	int err = region_open(&rg, &o);

	ck_assert_ptr_null(rg);
	ck_assert_int_lt(err, 0);
	ck_assert_ptr_nonnull(strstr(message, p));
	return err;
}

static off_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/* -- files ------------------------------------------------------------------- */

START_TEST(created_file_has_its_size_and_an_aligned_mapping)
{
	struct region *rg = open_ok(REGION_CREATE, 5 * MIB + 5000);

	ck_assert_int_eq(file_size(), 5 * (off_t)MIB + 4096);
	ck_assert_uint_eq(rg->size, 5 * MIB + 4096);
	ck_assert_uint_eq((uintptr_t)rg->base % (2 * MIB), 0);
	rg->base[rg->size - 1] = 1;
	region_close(rg);
	rg = open_ok(REGION_CREATE, 8 * MIB);
	ck_assert_int_eq(file_size(), 8 * (off_t)MIB);
	ck_assert_uint_eq(rg->base[5 * MIB + 4095], 1);
	region_close(rg);
	rg = open_ok(REGION_CREATE, 0);
	ck_assert_uint_eq(rg->size, 8 * MIB);
	region_close(rg);
}
END_TEST

/* More than can be mapped. */
static int open_huge(void)
{
	struct region_opts o = { .path = path, .flags = REGION_CREATE, .create_size = UINT64_C(1) << 60 };
	struct region *rg;

	return region_open(&rg, &o);
}

START_TEST(existing_file_is_never_made_smaller)
{
	region_close(open_ok(REGION_CREATE, 8 * MIB));
	struct region *rg = open_ok(REGION_CREATE, 2 * MIB);

	ck_assert_uint_eq(rg->size, 8 * MIB);
	region_close(rg);
	ck_assert_int_eq(file_size(), 8 * (off_t)MIB);
}
END_TEST

START_TEST(file_that_cannot_be_mapped_keeps_its_size)
{
	region_close(open_ok(REGION_CREATE, 8 * MIB));
	ck_assert_int_lt(open_huge(), 0);
	ck_assert_int_eq(file_size(), 8 * (off_t)MIB);
}
END_TEST

START_TEST(size_is_rounded_down_to_blocks)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(ftruncate(fd, 3 * 4096 + 4095), 0);
	close(fd);
	struct region *rg = open_ok(0, 0);

	ck_assert_uint_eq(rg->size, 3 * 4096);
	region_close(rg);
}
END_TEST

START_TEST(second_open_is_busy)
{
	struct region *rg = open_ok(REGION_CREATE, MIB);

	ck_assert_int_eq(open_err(path, 0, 0), -EBUSY);
	ck_assert_ptr_nonnull(strstr(message, "unmount it first"));
	ck_assert_int_eq(open_err(path, REGION_RDONLY, 0), -EBUSY);
	region_close(open_ok(REGION_NOLOCK, 0));
	region_close(rg);
	region_close(open_ok(0, 0));
}
END_TEST

START_TEST(readers_share_and_keep_a_writer_out)
{
	region_close(open_ok(REGION_CREATE, MIB));
	struct region *a = open_ok(REGION_RDONLY, 0);
	struct region *b = open_ok(REGION_RDONLY, 0);

	ck_assert_int_eq(open_err(path, 0, 0), -EBUSY);
	region_close(a);
	region_close(b);
}
END_TEST

static void *close_later(void *rg)
{
	const struct timespec pause = { 0, 100000000 };

	nanosleep(&pause, NULL);
	region_close(rg);
	return NULL;
}

START_TEST(open_waits_for_the_other_to_close)
{
	struct region_opts o = { .path = path, .wait_ms = 5000 };
	struct region *rg;
	pthread_t thread;

	pthread_create(&thread, NULL, close_later, open_ok(REGION_CREATE, MIB));
	ck_assert_int_eq(region_open(&rg, &o), 0);
	pthread_join(thread, NULL);
	region_close(rg);
}
END_TEST

START_TEST(wait_ends_when_the_writer_closes)
{
	struct region *rg = open_ok(REGION_CREATE, 4 * MIB);
	pthread_t thread;

	message[0] = '\0';
	ck_assert_int_eq(region_wait(path, 0), -EBUSY);
	ck_assert_int_eq(region_wait(path, 30), -EBUSY);
	pthread_create(&thread, NULL, close_later, rg);
	ck_assert_int_eq(region_wait(path, 5000), 0);
	pthread_join(thread, NULL);
	ck_assert_str_eq(message, "");
}
END_TEST

START_TEST(wait_leaves_readers_and_what_is_no_region_alone)
{
	struct region *rg;

	ck_assert_int_eq(region_wait(path, 0), -ENOENT);
	ck_assert_ptr_nonnull(strstr(message, path));
	region_close(open_ok(REGION_CREATE, 4 * MIB));
	rg = open_ok(REGION_RDONLY, 0);
	ck_assert_int_eq(region_wait(path, 0), 0);
	region_close(rg);
	ck_assert_int_eq(region_wait("/dev/tty", 0), -ENOTBLK);
	ck_assert_int_eq(region_wait("/", 0), -EINVAL);
}
END_TEST

START_TEST(what_cannot_be_a_region_is_refused_with_a_reason)
{
	ck_assert_int_eq(open_err(dir, 0, 0), -EINVAL);
	ck_assert_ptr_nonnull(strstr(message, "directory"));
	ck_assert_int_eq(open_err("/dev/null", 0, 0), -ENOTBLK);
	ck_assert_ptr_nonnull(strstr(message, "device-DAX"));
	ck_assert_int_eq(open_err(path, 0, 0), -ENOENT);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(open_err(path, 0, 0), -EINVAL);
	unlink(path);
	close(open(path, O_RDWR | O_CREAT, 0600));
	ck_assert_int_eq(open_err(path, 0, 0), -EINVAL);
	ck_assert_ptr_nonnull(strstr(message, "too short"));
}
END_TEST

START_TEST(failed_creation_leaves_no_file)
{
	ck_assert_int_eq(open_err(path, REGION_CREATE, 0), -EINVAL);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(private_stores_never_reach_the_file)
{
	struct region *rg = open_ok(REGION_CREATE, MIB);

	pm_copy(rg, rg->base, "media", 5);
	pm_fence(rg);
	region_close(rg);
	rg = open_ok(REGION_PRIVATE, 0);
	ck_assert_mem_eq(rg->base, "media", 5);
	pm_copy(rg, rg->base, "other", 5);
	pm_zero(rg, rg->base + 4096, 4096);
	pm_store8(rg, rg->base + 64, 1);
	pm_persist(rg, rg->base, 4096);
	ck_assert_mem_eq(rg->base, "other", 5);
	region_close(rg);
	rg = open_ok(REGION_RDONLY, 0);
	ck_assert_mem_eq(rg->base, "media", 5);
	ck_assert_uint_eq(rg->base[64], 0);
	region_close(rg);
}
END_TEST

START_TEST(tmpfs_file_says_what_it_is)
{
	struct region *rg = open_ok(REGION_CREATE, MIB);

	ck_assert_int_eq(rg->kind, REGION_TMPFS_FILE);
	ck_assert_ptr_eq(rg->ops, &pm_ops_pmem);
	ck_assert_str_eq(region_kind_name(rg), "file on tmpfs");
	ck_assert_ptr_nonnull(strstr(region_durability(rg), "do not survive power loss"));
	region_close(rg);
}
END_TEST

/* -- the msync backend --------------------------------------------------------- */

static void expect_on_disk(uint64_t off, const void *bytes, size_t n)
{
	char buf[64];
	int fd = open(path, O_RDONLY);

	ck_assert_int_eq(pread(fd, buf, n, (off_t)off), (ssize_t)n);
	ck_assert_mem_eq(buf, bytes, n);
	close(fd);
}

START_TEST(msync_region_survives_reopen)
{
	struct region *rg = open_ok(REGION_CREATE, 4 * MIB);

	ck_assert_int_eq(rg->kind, REGION_FILE);
	ck_assert_ptr_eq(rg->ops, &pm_ops_msync);
	ck_assert_ptr_nonnull(strstr(region_durability(rg), "msync"));
	pm_copy(rg, rg->base + 100, "copied", 6);
	pm_store(rg, rg->base + 8192, "stored", 6);
	pm_store8(rg, rg->base + 8200, UINT64_C(0x0102030405060708));
	pm_flush(rg, rg->base + 8192, 16);
	pm_fence(rg);
	for (uint64_t i = 0; i < 100; i++) {	/* more ranges than the table holds */
		pm_store(rg, rg->base + MIB + i * 8192, &i, sizeof(i));
		pm_flush(rg, rg->base + MIB + i * 8192, sizeof(i));
	}
	pm_zero(rg, rg->base + MIB, 4096);
	pm_fence(rg);
	ck_assert_int_eq(region_error(rg), 0);
	region_close(rg);
	rg = open_ok(REGION_RDONLY, 0);
	ck_assert_mem_eq(rg->base + 100, "copied", 6);
	ck_assert_mem_eq(rg->base + 8192, "stored", 6);
	for (uint64_t i = 1; i < 100; i++)
		ck_assert_mem_eq(rg->base + MIB + i * 8192, &i, sizeof(i));
	region_close(rg);
	expect_on_disk(100, "copied", 6);
}
END_TEST

START_TEST(msync_of_a_closed_region_touches_nothing)
{
	struct region *a = open_ok(REGION_CREATE, MIB);

	for (int i = 0; i < 16; i++)	/* fills the thread's table, no fence */
		pm_zero(a, a->base + i * 8192, 1);
	region_close(a);
	struct region *b = open_ok(0, 0);

	pm_copy(b, b->base, "b", 1);
	pm_fence(b);
	ck_assert_int_eq(region_error(b), 0);
	region_close(b);
}
END_TEST

START_TEST(failed_msync_is_remembered)
{
	struct region *rg = open_ok(REGION_CREATE, MIB);
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(hole, 4096);
	pm_flush(rg, hole, 1);
	pm_fence(rg);
	ck_assert_int_eq(region_error(rg), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(message, path));
	region_close(rg);
}
END_TEST

/* -- memory and sysfs ------------------------------------------------------------ */

START_TEST(ram_region_is_zeroed_memory_with_pmem_ops)
{
	struct region *rg;

	ck_assert_int_eq(region_open_ram(&rg, 100), -EINVAL);
	ck_assert_int_eq(region_open_ram(&rg, MIB + 1), 0);
	ck_assert_uint_eq(rg->size, MIB);
	ck_assert_ptr_eq(rg->ops, &pm_ops_pmem);
	ck_assert_str_eq(region_kind_name(rg), "anonymous memory");
	ck_assert_uint_eq(rg->base[MIB - 1], 0);
	region_close(rg);
	region_close(NULL);
}
END_TEST

static void put(const char *name, const char *text)
{
	char file[160];

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *name)
{
	char file[160];

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	ck_assert_int_eq(remove(file), 0);
}

START_TEST(device_dax_is_described_by_sysfs)
{
	struct probe p = { 0 };

	ck_assert_int_eq(probe_dax_char(dir, &p), -ENOENT);
	put("size", "1073741824\n");
	ck_assert_int_eq(probe_dax_char(dir, &p), 0);
	ck_assert_uint_eq(p.align, 2 * MIB);
	put("align", "4096\n");
	ck_assert_int_eq(probe_dax_char(dir, &p), 0);
	ck_assert_int_eq(p.kind, REGION_DAX_CHAR);
	ck_assert_uint_eq(p.size, 1024 * MIB);
	ck_assert_uint_eq(p.align, 4096);
	put("align", "12345\n");
	ck_assert_int_eq(probe_dax_char(dir, &p), -EINVAL);
	put("size", "none\n");
	ck_assert_int_eq(probe_dax_char(dir, &p), -EIO);
	drop("size");
	drop("align");
	ck_assert(!probe_is_dax_char(0x103));	/* 1:3 is /dev/null */
}
END_TEST

START_TEST(queue_dax_is_found_for_disks_and_partitions)
{
	char part[96];

	snprintf(part, sizeof(part), "%s/part", dir);
	snprintf(path, sizeof(path), "%s/queue", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(mkdir(part, 0700), 0);
	put("queue/dax", "1\n");
	ck_assert(probe_queue_dax(dir));
	ck_assert(probe_queue_dax(part));
	put("queue/dax", "0\n");
	ck_assert(!probe_queue_dax(dir));
	drop("queue/dax");
	ck_assert(!probe_queue_dax(part));
	rmdir(path);
	rmdir(part);
}
END_TEST

static void add_files(TCase *tc)
{
	tcase_add_test(tc, created_file_has_its_size_and_an_aligned_mapping);
	tcase_add_test(tc, existing_file_is_never_made_smaller);
	tcase_add_test(tc, file_that_cannot_be_mapped_keeps_its_size);
	tcase_add_test(tc, size_is_rounded_down_to_blocks);
	tcase_add_test(tc, second_open_is_busy);
	tcase_add_test(tc, readers_share_and_keep_a_writer_out);
	tcase_add_test(tc, open_waits_for_the_other_to_close);
	tcase_add_test(tc, wait_ends_when_the_writer_closes);
	tcase_add_test(tc, wait_leaves_readers_and_what_is_no_region_alone);
	tcase_add_test(tc, what_cannot_be_a_region_is_refused_with_a_reason);
	tcase_add_test(tc, failed_creation_leaves_no_file);
	tcase_add_test(tc, private_stores_never_reach_the_file);
}

Suite *suite_pm_region(void)
{
	Suite *s = suite_create("pm_region");
	TCase *tmpfs = tcase_create("tmpfs"), *disk = tcase_create("disk");

	tcase_add_checked_fixture(tmpfs, setup_tmpfs, teardown);
	add_files(tmpfs);
	tcase_add_test(tmpfs, tmpfs_file_says_what_it_is);
	tcase_add_test(tmpfs, ram_region_is_zeroed_memory_with_pmem_ops);
	tcase_add_test(tmpfs, device_dax_is_described_by_sysfs);
	tcase_add_test(tmpfs, queue_dax_is_found_for_disks_and_partitions);
	suite_add_tcase(s, tmpfs);

	tcase_add_checked_fixture(disk, setup_disk, teardown);
	tcase_set_timeout(disk, 60);
	add_files(disk);
	tcase_add_test(disk, msync_region_survives_reopen);
	tcase_add_test(disk, msync_of_a_closed_region_touches_nothing);
	tcase_add_test(disk, failed_msync_is_remembered);
	suite_add_tcase(s, disk);
	return s;
}
