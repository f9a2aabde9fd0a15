// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mount.c -- formatting and mounting a large device, and mounting after a crash
 */
#include <errno.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/namei.h"
#include "core/space.h"

#define TIB		(UINT64_C(1) << 40)
#define PER_DIR		1000

/* -- 1 TiB ------------------------------------------------------------------------- */

static double mib_allocated(const char *path)
{
	struct stat st;

	MUST(stat(path, &st) ? -errno : 0);
	return (double)st.st_blocks * 512 / (double)MIB;
}

struct huge { struct series format, mount, unmount; double mib; };

static void huge_round(const struct bench *b, struct huge *h)
{
	char *path = image_new(b, TIB);
	struct fs_format_opts fo = { .path = path };
	struct fs_opts o = { .path = path };
	struct fs_format_result res;
	struct fs *fs;
	double t = now_us();

	MUST(fs_format(&fo, &res));
	series_add(&h->format, (now_us() - t) / 1e6);
	h->mib = mib_allocated(path);
	for (int i = 0; i < 2; i++) {
		t = now_us();
		MUST(fs_open(&fs, &o));
		double mounted = now_us();

		MUST(fs_close(fs));
		/* The first mount finds mkfs's work, the second a snapshot of ours. */
		if (i) {
			series_add(&h->mount, (mounted - t) / 1e6);
			series_add(&h->unmount, (now_us() - mounted) / 1e6);
		}
	}
	image_remove(path);
}

void bench_mkfs(const struct bench *b)
{
	static const char what[] = "mkfs of 1 TiB";
	struct huge h = { 0 };

	if (!stage_room(b, what, 128 * MIB))
		return;
	for (size_t i = 0; i < bench_pick(b, 5, 3); i++)
		huge_round(b, &h);
	report_row(b->rp, &(struct row){ .what = what, .unit = "s", .value = series_median(&h.format),
		   .judge = JUDGE_MOST, .target = 1 });
	report_row(b->rp, &(struct row){ .what = "  space it takes", .unit = "MiB", .value = h.mib,
		   .judge = JUDGE_MOST, .target = 64 });
	report_row(b->rp, &(struct row){ .what = "clean mount of it", .unit = "s",
		   .value = series_median(&h.mount), .judge = JUDGE_MOST, .target = 0.1,
		   .count = { { "s to unmount", series_median(&h.unmount) } } });
}

/* -- after a crash -------------------------------------------------------------------- */

/* Files of one block each, which nobody has written: the scan sees the same. */
static void fill(struct stage *s, size_t nr)
{
	struct names nm = names_make("file", PER_DIR);
	struct create_req rq = { .mode = S_IFREG | 0644, .cred = { 0, 0, CRED_PRIVILEGED } };

	for (size_t d = 0; d < nr / PER_DIR; d++) {
		char name[32];

		snprintf(name, sizeof(name), "dir-%zu", d);
		struct inode *dir = make_dir(s->root, name), *ip;

		for (size_t i = 0; i < PER_DIR; i++) {
			MUST(namei_create(dir, nm.n[i], &rq, &ip));
			MUST(space_fallocate(ip, 0, 0, DAXFS_BLOCK_SIZE));
			inode_put(ip, 1);
		}
		inode_put(dir, 1);
	}
	names_free(&nm);
}

void bench_recovery(const struct bench *b)
{
	size_t nr = bench_pick(b, 1000000, 100000);
	struct series mount = { 0 }, scan = { 0 };
	char what[64];
	struct stage s;

	snprintf(what, sizeof(what), "mount of %zu files after a crash", nr);
	if (!stage_room(b, what, nr * 512))
		return;
	stage_file(&s, b, nr * 8192, true);
	fill(&s, nr);
	for (size_t i = 0; i < bench_pick(b, 7, 5); i++) {
		struct fs_stat st;

		series_add(&mount, stage_remount(&s, true) / 1e6);
		fs_statfs(s.fs, &st);
		MUST(st.was_clean ? -EINVAL : 0);
		series_add(&scan, (double)st.recovery_ns / 1e9);
	}
	double clean = stage_remount(&s, false) / 1e6;

	stage_close(&s);
	report_row(b->rp, &(struct row){ .what = what, .unit = "s", .value = series_median(&mount),
		   .beside = "when it was unmounted", .base = clean, .judge = JUDGE_MOST, .target = 0.3,
		   .count = { { "s of it to recover", series_median(&scan) } } });
}
