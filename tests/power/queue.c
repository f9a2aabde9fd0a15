/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue.c -- what each CPU has written back or stored past the caches, but not fenced
 *
 * A write-back takes the line as it is at that moment; a later store to it is a
 * new matter.  Entries are numbered over all CPUs, so that a fence of one CPU
 * never brings back what another CPU has overwritten durably since.
 */
#include "power/model.h"

#include <stdlib.h>
#include <string.h>

static struct entry *push(unsigned cpu, unsigned media, uint64_t off)
{
	struct queue *q = &model.queue[cpu];

	if (q->nr == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 1024;
		q->entry = realloc(q->entry, q->cap * sizeof(*q->entry));
		if (!q->entry)
			model_die("no memory");
	}
	struct entry *e = &q->entry[q->nr++];

	e->media = media;
	e->off = off;
	e->mask = 0;
	e->number = ++model.next_number;
	return e;
}

void queue_line(unsigned cpu, unsigned media, uint64_t off)
{
	struct entry *e = push(cpu, media, off);

	e->mask = WHOLE_LINE;
	memcpy(e->data, model.media[media].seen + off, LINE);
}

/* Stores that follow each other to the same line combine, as in the CPU's buffer. */
static struct entry *combine(unsigned cpu, unsigned media, uint64_t line)
{
	struct queue *q = &model.queue[cpu];
	struct entry *last = q->nr ? &q->entry[q->nr - 1] : NULL;

	if (!last || last->media != media || last->off != line || last->mask == WHOLE_LINE)
		return NULL;
	last->number = ++model.next_number;
	return last;
}

void queue_bytes(unsigned cpu, unsigned media, uint64_t off, unsigned n)
{
	uint64_t line = off & ~(uint64_t)(LINE - 1);
	struct entry *e = combine(cpu, media, line);

	if (!e)
		e = push(cpu, media, line);
	memcpy(e->data + (off - line), model.media[media].seen + off, n);
	for (unsigned i = 0; i < n; i++)
		e->mask |= UINT64_C(1) << (off - line + i);
}

void queue_apply(const struct entry *e, uint8_t *image, bool durable)
{
	struct media *md = &model.media[e->media];
	uint64_t *age = &md->age[e->off / LINE];
	uint8_t *line = image + e->off;

	if (e->number < *age >> 1) {
		if (*age & 1) {		/* the younger one had some of the bytes only */
			model.count.crossed++;
			memcpy(line, md->seen + e->off, LINE);
		}
		return;
	}
	for (unsigned i = 0; i < LINE; i++) {
		if (e->mask >> i & 1)
			line[i] = e->data[i];
	}
	if (durable)
		*age = e->number << 1 | (e->mask != WHOLE_LINE);
}

void queue_drain(unsigned cpu)
{
	struct queue *q = &model.queue[cpu];

	for (size_t i = 0; i < q->nr; i++)
		queue_apply(&q->entry[i], model.media[q->entry[i].media].durable, true);
	model.count.drained += q->nr;
	q->nr = 0;
}
