/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.h -- what NVDIMMs hold, as opposed to what CPUs see
 *
 * One mutex, model.mutex, guards everything; functions here want it held.
 */
#ifndef POWER_MODEL_H
#define POWER_MODEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE		64u
#define MAX_MEDIA	4u
#define MAX_CPUS	16u
#define MAX_RATES	8u
#define WHOLE_LINE	UINT64_MAX

/* One NVDIMM. */
struct media {
	char path[512];
	int fd;
	uint8_t *seen;		/* QEMU's mapping of the file: what CPUs and devices see */
	uint8_t *durable;	/* what survives */
	uint64_t *age;		/* by line: number of the entry that made it durable << 1 | only some bytes */
	uint64_t size;
};

/* Bytes of a line on their way: written back or stored past the caches, not fenced. */
struct entry {
	uint64_t off;
	uint64_t mask;		/* which bytes */
	uint64_t number;	/* of all entries, rising */
	unsigned media;
	uint8_t data[LINE];
};

struct queue { struct entry *entry; size_t nr, cap; };

struct counts {
	uint64_t events;	/* flushes, non-temporal stores, fences that drain, acknowledgements */
	uint64_t fences, locked_fences;
	uint64_t flushes, clflushes, nt_stores, drained, wbinvds, acks;
	uint64_t crossed;	/* two CPUs' writes to a line that were merged by approximation */
	uint64_t unsupported, untranslated;	/* flushes that were not understood: the model is blind */
};

enum unit { UNIT_EVENT, UNIT_FENCE, UNIT_ACK };

struct model {
	pthread_mutex_t mutex;
	struct media media[MAX_MEDIA];
	unsigned nr_media;
	struct queue queue[MAX_CPUS];
	struct counts count;
	uint64_t next_number;

	/* options */
	char out[512], log[512];
	unsigned rate[MAX_RATES], nr_rates;	/* eviction, per cent */
	unsigned granule;	/* bytes that are evicted together */
	uint64_t seed;
	enum unit unit;
	uint64_t *cut;		/* rising, in units since the guest armed the model */
	unsigned nr_cuts, next_cut;
	uint64_t jitter;	/* every second cut falls up to so many events later */
	bool strict_fences;	/* locked instructions do not drain */

	uint64_t due;		/* the event at which the next cut falls, when its unit has come; else 0 */
	bool armed, dead;
	unsigned nr_images;
};

extern struct model model;

/* model_log - one line of the log file, written at once. */
void model_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* model_die - the model cannot go on: say why, end QEMU. */
void model_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* model_log_counts - all counters, with a word that says where they come from. */
void model_log_counts(const char *where, uint64_t label);

/* -- media.c -- */

/**
 * media_attach - find the files' mappings; what they hold now is durable
 *
 * Context: once, when QEMU has mapped its memory.
 */
void media_attach(void);

/* media_at - which NVDIMM an address of QEMU's belongs to, and where; false for ordinary memory. */
bool media_at(const uint8_t *host, unsigned *media, uint64_t *off);

/* media_next_page - first page at or behind @off that the file holds data for; ->size when none. */
uint64_t media_next_page(const struct media *md, uint64_t off, uint64_t *data_end);

/* media_write_back_all - WBINVD: everything becomes durable. */
void media_write_back_all(void);

/* -- queue.c -- */

/* queue_line - a line as it is now is on its way. */
void queue_line(unsigned cpu, unsigned media, uint64_t off);

/* queue_bytes - stored past the caches: these bytes of one line are on their way. */
void queue_bytes(unsigned cpu, unsigned media, uint64_t off, unsigned n);

/* queue_drain - a fence: what this CPU has on its way becomes durable. */
void queue_drain(unsigned cpu);

/* queue_apply - lets one entry reach @image, an NVDIMM's content; @durable: it is the real one. */
void queue_apply(const struct entry *e, uint8_t *image, bool durable);

/* -- cut.c -- */

enum tick { TICK_EVENT, TICK_FENCE, TICK_ACK };

/**
 * cut_tick - something happened; cuts the power when its time has come
 * @what: it; a fence ticks before it drains
 *
 * The guest goes on after every cut but the last, which ends QEMU.
 */
void cut_tick(enum tick what);

/* cut_now - write images of what a power cut leaves; @last: and end QEMU. */
void cut_now(const char *why, bool last);

#endif
