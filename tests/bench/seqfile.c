// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * seqfile.c -- the shape of a large file written from beginning to end
 */
#include <stdio.h>

#include "bench/benches.h"
#include "bench/stage.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/mapcache.h"
#include "core/space.h"

#define CHUNK_BLOCKS	512	/* 2 MiB */

struct shape { double extents, odd; };	/* odd: 2 MiB of the file that no PMD entry fits */

static struct shape shape_of(struct inode *ip, uint64_t blocks)
{
	struct shape sh = { 0, (double)(blocks / CHUNK_BLOCKS) };
	struct extent ext;

	for (uint64_t l = 0; space_extent(ip, (lblk_t){ l }, &ext) == 1; l = ext.lblk.v + ext.len) {
		uint64_t first = (ext.lblk.v + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
		uint64_t end = (ext.lblk.v + ext.len) / CHUNK_BLOCKS;

		sh.extents++;
		if (first < end && ext.lblk.v % CHUNK_BLOCKS == pblk_nr(ext.pblk) % CHUNK_BLOCKS)
			sh.odd -= (double)(end - first);
	}
	return sh;
}

void bench_seqfile(const struct bench *b)
{
	uint64_t gib = bench_pick(b, 4, 1), bytes = gib * GIB;
	char what[64];
	struct stage s;

	snprintf(what, sizeof(what), "extents of a sequential %u GiB file", (unsigned)gib);
	if (!stage_room(b, what, bytes + 512 * MIB))
		return;
	stage_file(&s, b, bytes + GIB, true);
	struct inode *ip = make_file(s.root, "big");

	file_open(ip);
	write_seq(ip, bytes);
	struct shape sh = shape_of(ip, bytes / DAXFS_BLOCK_SIZE);
	double kib = (double)mapcache_bytes(ip) / 1024;

	file_release(ip);
	inode_put(ip, 1);
	stage_close(&s);
	report_row(b->rp, &(struct row){ .what = what, .unit = "extents", .value = sh.extents,
		   .judge = JUDGE_MOST, .target = 8 });
	report_row(b->rp, &(struct row){ .what = "  2 MiB parts of it not aligned", .unit = "parts",
		   .value = sh.odd, .judge = JUDGE_EXACT, .target = 0 });
	report_row(b->rp, &(struct row){ .what = "  its radix cache", .unit = "KiB", .value = kib,
		   .judge = JUDGE_MOST, .target = 64 });
}
