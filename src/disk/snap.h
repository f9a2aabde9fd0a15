/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snap.h -- the clean-unmount snapshot of free space and free inodes
 */
#ifndef DAXFS_DISK_SNAP_H
#define DAXFS_DISK_SNAP_H

#include <stdint.h>

#include "disk/disk.h"

struct snap_counts { uint64_t nr_full, nr_part, nr_ino_words, nr_free, nr_inodes; };

/* snap_bytes - size of a snapshot with these counts, header included. */
uint64_t snap_bytes(const struct snap_counts *c);

/*
 * A snapshot being written: sections in order, each from DRAM, straight to
 * media (non-temporal); the header with the checksum last.
 */
struct snap_writer { const struct disk *d; pblk_t at; uint64_t pos; uint32_t crc; struct snap_counts c; };
void snap_write_begin(struct snap_writer *w, const struct disk *d, pblk_t at, const struct snap_counts *c);
void snap_write_run(struct snap_writer *w, uint64_t chunk, uint64_t count);
void snap_write_chunk(struct snap_writer *w, uint64_t chunk, const uint64_t used[8]);
void snap_write_inodes(struct snap_writer *w, const uint64_t *words, uint64_t n);
/* snap_write_end - header.  Durable after the next fence, which super_set_snap() has. */
void snap_write_end(struct snap_writer *w);

struct snap_reader {
	void (*run)(void *arg, uint64_t chunk, uint64_t count);
	void (*chunk)(void *arg, uint64_t chunk, const uint64_t used[8]);
	void (*inodes)(void *arg, uint64_t first_word, const uint64_t *words, uint64_t n);
	void *arg;
};

/**
 * snap_read - check a snapshot whole (checksum, counts against @d), then hand it out
 * Return: 0 with *@c, or -EUCLEAN (then nothing was handed out).
 */
int snap_read(const struct disk *d, pblk_t at, uint64_t bytes, struct snap_counts *c,
	      const struct snap_reader *r);

#endif
