/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * benches.h -- the benchmarks, one function each
 */
#ifndef BENCH_BENCHES_H
#define BENCH_BENCHES_H

struct bench;

void bench_read(const struct bench *b);		/* io.c */
void bench_write(const struct bench *b);
void bench_bulk(const struct bench *b);
void bench_fsync(const struct bench *b);	/* flush.c */
void bench_threshold(const struct bench *b);
void bench_names(const struct bench *b);	/* names.c */
void bench_scale(const struct bench *b);	/* scale.c */
void bench_mkfs(const struct bench *b);		/* mount.c */
void bench_recovery(const struct bench *b);
void bench_seqfile(const struct bench *b);	/* seqfile.c */
void bench_memory(const struct bench *b);	/* memory.c */

#endif
