/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.c -- the recording backend
 *
 * Owns a log of every store, flush and fence of a region of plain memory, and
 * the content the region had when recording began.  While recording, an event's
 * effect on memory and its place in the log are made under one mutex, so that
 * replaying the log gives what memory held at each moment.  Counters are atomic
 * and run always, also when events are not kept.  Crash images are built in
 * image.c.
 */
#include "pm/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pm/pm.h"
#include "pm/probe.h"
#include "pm/record_log.h"

static _Atomic unsigned next_thread = 1;
static _Thread_local unsigned this_thread;

static struct record_log *log_of(const struct region *rg)
{
	return rg->priv;
}

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t count_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static bool is_on(const struct record_log *lg)
{
	return atomic_load_explicit(&lg->on, memory_order_relaxed);
}

/* A test that cannot record proves nothing: it ends. */
static void *need(void *p)
{
	if (!p) {
		fputs("record: out of memory\n", stderr);
		abort();
	}
	return p;
}

static void append_locked(struct record_log *lg, struct record_event ev, const void *data)
{
	if (!this_thread)
		this_thread = atomic_fetch_add(&next_thread, 1);
	if (lg->nr == lg->cap) {
		lg->cap = lg->cap ? 2 * lg->cap : 256;
		lg->events = need(realloc(lg->events, lg->cap * sizeof(*lg->events)));
	}
	if (data && ev.len) {
		ev.data = need(malloc(ev.len));
		memcpy(ev.data, data, ev.len);
	}
	ev.thread = this_thread;
	ev.seq = lg->nr + 1;
	lg->events[lg->nr++] = ev;
}

static uint64_t offset(const struct region *rg, const void *p)
{
	return (uint64_t)((const uint8_t *)p - rg->base);
}

static void apply(enum record_type type, void *dst, const void *src, size_t n)
{
	if (type == REC_STORE8)
		atomic_store_explicit((_Atomic uint64_t *)dst, *(const uint64_t *)src,
				      memory_order_release);
	else if (src)
		memcpy(dst, src, n);
	else
		memset(dst, 0, n);
}

/* Changes memory, and logs it when recording is on. */
static void change(struct region *rg, enum record_type type, void *dst, const void *src, size_t n)
{
	struct record_log *lg = log_of(rg);

	if (!is_on(lg)) {
		apply(type, dst, src, n);
		return;
	}
	pthread_mutex_lock(&lg->mutex);
	apply(type, dst, src, n);
	append_locked(lg, (struct record_event){ .type = type, .off = offset(rg, dst), .len = n },
		      src);
	pthread_mutex_unlock(&lg->mutex);
}

static void record_op_copy(struct region *rg, void *dst, const void *src, size_t n)
{
	count(&log_of(rg)->nt_bytes, n);
	change(rg, REC_COPY, dst, src, n);
}

static void record_op_zero(struct region *rg, void *dst, size_t n)
{
	count(&log_of(rg)->nt_bytes, n);
	change(rg, REC_ZERO, dst, NULL, n);
}

static void record_op_store(struct region *rg, void *dst, const void *src, size_t n)
{
	count(&log_of(rg)->stores, 1);
	count(&log_of(rg)->store_bytes, n);
	change(rg, REC_STORE, dst, src, n);
}

static void record_op_store8(struct region *rg, void *dst, uint64_t v)
{
	count(&log_of(rg)->stores, 1);
	count(&log_of(rg)->store_bytes, sizeof(v));
	change(rg, REC_STORE8, dst, &v, sizeof(v));
}

static void note(struct region *rg, struct record_event ev)
{
	struct record_log *lg = log_of(rg);

	if (!is_on(lg))
		return;
	pthread_mutex_lock(&lg->mutex);
	append_locked(lg, ev, NULL);
	pthread_mutex_unlock(&lg->mutex);
}

static void record_op_flush(struct region *rg, const void *p, size_t n)
{
	uint64_t off = offset(rg, p);

	count(&log_of(rg)->flush_calls, 1);
	if (n)
		count(&log_of(rg)->flush_lines, (off + n - 1) / RECORD_LINE - off / RECORD_LINE + 1);
	note(rg, (struct record_event){ .type = REC_FLUSH, .off = off, .len = n });
}

static void record_op_fence(struct region *rg)
{
	count(&log_of(rg)->fences, 1);
	note(rg, (struct record_event){ .type = REC_FENCE });
}

const struct pm_ops pm_ops_record = {
	.name = "record",
	.copy = record_op_copy,
	.zero = record_op_zero,
	.store = record_op_store,
	.store8 = record_op_store8,
	.flush = record_op_flush,
	.fence = record_op_fence,
};

static void forget_locked(struct record_log *lg)
{
	for (size_t i = 0; i < lg->nr; i++)
		free(lg->events[i].data);
	lg->nr = 0;
}

static void record_close(struct region *rg)
{
	struct record_log *lg = log_of(rg);

	forget_locked(lg);
	free(lg->events);
	free(lg->base);
	pthread_mutex_destroy(&lg->mutex);
	free(lg);
}

int region_open_record(struct region **out, uint64_t size)
{
	struct record_log *lg = calloc(1, sizeof(*lg));
	int err;

	if (!lg)
		return -ENOMEM;
	err = region_new_memory(out, REGION_RECORD, &pm_ops_record, size);
	if (err) {
		free(lg);
		return err;
	}
	pthread_mutex_init(&lg->mutex, NULL);
	(*out)->priv = lg;
	(*out)->close = record_close;
	return 0;
}

static void rebase_locked(const struct region *rg, struct record_log *lg)
{
	if (!lg->base)
		lg->base = need(malloc(rg->size));
	memcpy(lg->base, rg->base, rg->size);
}

void record_start(struct region *rg)
{
	struct record_log *lg = log_of(rg);

	pthread_mutex_lock(&lg->mutex);
	forget_locked(lg);
	rebase_locked(rg, lg);
	atomic_store(&lg->on, true);
	pthread_mutex_unlock(&lg->mutex);
}

void record_stop(struct region *rg)
{
	atomic_store(&log_of(rg)->on, false);
}

void record_rollback(struct region *rg)
{
	struct record_log *lg = log_of(rg);

	pthread_mutex_lock(&lg->mutex);
	for (size_t i = 0; i < lg->nr; i++)
		if (lg->events[i].type <= REC_STORE8)
			memcpy(rg->base + lg->events[i].off, lg->base + lg->events[i].off, lg->events[i].len);
	forget_locked(lg);
	pthread_mutex_unlock(&lg->mutex);
}

void record_accept(struct region *rg, uint64_t off, uint64_t n)
{
	memcpy(log_of(rg)->base + off, rg->base + off, n);
}

void record_other_thread(void)
{
	this_thread = atomic_fetch_add(&next_thread, 1);
}

const uint8_t *record_base(const struct region *rg)
{
	return log_of(rg)->base;
}

void record_reset(struct region *rg)
{
	struct record_log *lg = log_of(rg);

	pthread_mutex_lock(&lg->mutex);
	forget_locked(lg);
	if (is_on(lg))
		rebase_locked(rg, lg);
	_Atomic uint64_t *all[] = { &lg->stores, &lg->store_bytes, &lg->nt_bytes,
				    &lg->flush_calls, &lg->flush_lines, &lg->fences };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		atomic_store_explicit(all[i], 0, memory_order_relaxed);
	pthread_mutex_unlock(&lg->mutex);
}

void record_counts(const struct region *rg, struct record_counts *c)
{
	const struct record_log *lg = log_of(rg);

	*c = (struct record_counts){
		.stores = count_get(&lg->stores),
		.store_bytes = count_get(&lg->store_bytes),
		.nt_bytes = count_get(&lg->nt_bytes),
		.flush_calls = count_get(&lg->flush_calls),
		.flush_lines = count_get(&lg->flush_lines),
		.fences = count_get(&lg->fences),
	};
}

size_t record_nr(const struct region *rg)
{
	struct record_log *lg = log_of(rg);

	pthread_mutex_lock(&lg->mutex);
	size_t nr = lg->nr;

	pthread_mutex_unlock(&lg->mutex);
	return nr;
}

const struct record_event *record_get(const struct region *rg, size_t i)
{
	return &log_of(rg)->events[i];
}
