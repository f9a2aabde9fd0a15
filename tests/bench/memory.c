// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * memory.c -- what a cached inode with its name takes, and whether it is given back
 *
 * malloc's own count of what is in use, with blocks it has mapped: inodes, the
 * table that finds them, the directory's index.  The process's anonymous pages are shown beside.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rcu.h"
#include "bench/benches.h"
#include "bench/stage.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/namei.h"

struct use { double heap, anon; };	/* bytes */

/* Anonymous pages of this process; the image is a file and not among them. */
static double anon_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "RssAnon:", 8))
			kib = strtoul(line + 8, NULL, 10);
	if (f)
		fclose(f);
	return (double)kib * 1024;
}

static struct use use_now(void)
{
	struct mallinfo2 mi = mallinfo2();

	return (struct use){ (double)(mi.uordblks + mi.hblkhd), anon_bytes() };
}

static struct inode *look_up(struct inode *dir, struct name n)
{
	struct inode *ip;

	MUST(namei_lookup(dir, n, &ip));
	return ip;
}

/* Before, with all inodes referenced, after the last was put and memory trimmed. */
static void measure(struct stage *s, const struct names *nm, struct use u[3])
{
	struct inode **ip = must_alloc(nm->nr, sizeof(struct inode *));

	memset(ip, 0xff, nm->nr * sizeof(struct inode *));
	fs_trim_memory(s->fs);
	u[0] = use_now();
	struct inode *dir = look_up(s->root, (struct name){ "dir", 3 });

	for (size_t i = 0; i < nm->nr; i++)
		ip[i] = look_up(dir, nm->n[i]);
	u[1] = use_now();
	for (size_t i = 0; i < nm->nr; i++)
		inode_put(ip[i], 1);
	inode_put(dir, 1);
	rcu_drain();
	fs_trim_memory(s->fs);
	u[2] = use_now();
	free(ip);
}

void bench_memory(const struct bench *b)
{
	size_t nr = bench_pick(b, 200000, 100000);
	double n = (double)nr;
	struct use u[3];
	struct stage s;

	if (!stage_room(b, "memory of a cached inode", 256 * MIB))
		return;
	struct names nm = names_make("file", nr);

	stage_file(&s, b, 512 * MIB, true);
	struct inode *dir = make_dir(s.root, "dir");

	make_files(dir, nm.n, nr);
	inode_put(dir, 1);
	stage_remount(&s, false);
	measure(&s, &nm, u);
	stage_close(&s);
	names_free(&nm);
	report_row(b->rp, &(struct row){ .what = "memory of a cached inode with its name", .unit = "bytes",
		   .value = (u[1].heap - u[0].heap) / n, .judge = JUDGE_MOST, .target = 512,
		   .count = { { "bytes of sizeof(struct inode)", sizeof(struct inode) },
			      { "bytes by the process's pages", (u[1].anon - u[0].anon) / n } } });
	report_row(b->rp, &(struct row){ .what = "  left of it when forgotten", .unit = "%",
		   .value = 100 * (u[2].heap - u[0].heap) / (u[1].heap - u[0].heap),
		   .judge = JUDGE_MOST, .target = 10,
		   .count = { { "% of the process's pages",
				100 * (u[2].anon - u[0].anon) / (u[1].anon - u[0].anon) } } });
}
