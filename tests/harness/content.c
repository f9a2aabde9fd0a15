/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * content.c -- the bytes of a model file: sparse, by page
 *
 * A hash table of pages, so that a file of a terabyte with three pages costs
 * three pages.  Plain and single-threaded: it has to be right, and fast enough.
 */
#include "harness/content.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static size_t home(const struct content *c, uint64_t index)
{
	return (size_t)((index * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (c->cap - 1);
}

static struct content_page *find(const struct content *c, uint64_t index)
{
	if (!c->cap)
		return NULL;
	for (size_t i = home(c, index); c->slot[i].used; i = (i + 1) & (c->cap - 1))
		if (c->slot[i].index == index)
			return &c->slot[i];
	return NULL;
}

static struct content_page *place(struct content *c, uint64_t index)
{
	size_t i = home(c, index);

	while (c->slot[i].used)
		i = (i + 1) & (c->cap - 1);
	c->slot[i] = (struct content_page){ .index = index, .used = true };
	c->nr++;
	return &c->slot[i];
}

/* Moves every page outside of [@from, @to) into a table of @cap slots; frees the others. */
static void rebuild(struct content *c, size_t cap, uint64_t from, uint64_t to)
{
	struct content old = *c;

	c->slot = must(calloc(cap, sizeof(*c->slot)));
	c->cap = cap;
	c->nr = 0;
	for (size_t i = 0; i < old.cap; i++) {
		struct content_page *p = &old.slot[i];

		if (!p->used)
			continue;
		if (p->index >= from && p->index < to)
			free(p->bytes);
		else
			place(c, p->index)->bytes = p->bytes;
	}
	free(old.slot);
}

static struct content_page *make(struct content *c, uint64_t index)
{
	struct content_page *p = find(c, index);

	if (p)
		return p;
	if (4 * (c->nr + 1) > 3 * c->cap)
		rebuild(c, c->cap ? 2 * c->cap : 8, 0, 0);
	return place(c, index);
}

void content_fini(struct content *c)
{
	for (size_t i = 0; i < c->cap; i++)
		if (c->slot[i].used)
			free(c->slot[i].bytes);
	free(c->slot);
	*c = (struct content){ 0 };
}

/* Bytes from @off to the end of its page, at most @len. */
static size_t piece(uint64_t off, uint64_t len)
{
	uint64_t room = CONTENT_PAGE - off % CONTENT_PAGE;

	return (size_t)(len < room ? len : room);
}

void content_read(const struct content *c, void *buf, size_t len, uint64_t off)
{
	uint8_t *dst = buf;

	while (len) {
		size_t n = piece(off, len);
		const struct content_page *p = find(c, off / CONTENT_PAGE);

		if (p && p->bytes)
			memcpy(dst, p->bytes + off % CONTENT_PAGE, n);
		else
			memset(dst, 0, n);
		dst += n;
		off += n;
		len -= n;
	}
}

void content_write(struct content *c, const void *buf, size_t len, uint64_t off)
{
	const uint8_t *src = buf;

	while (len) {
		size_t n = piece(off, len);
		struct content_page *p = make(c, off / CONTENT_PAGE);

		if (!p->bytes)
			p->bytes = must(calloc(1, CONTENT_PAGE));
		memcpy(p->bytes + off % CONTENT_PAGE, src, n);
		src += n;
		off += n;
		len -= n;
	}
}

/* The part of page @p that lies in [@off, @end) becomes zero. */
static void zero_page(struct content_page *p, uint64_t off, uint64_t end)
{
	uint64_t first = p->index * CONTENT_PAGE, last = first + CONTENT_PAGE;

	if (!p->bytes || last <= off || first >= end)
		return;
	if (off <= first && last <= end) {
		free(p->bytes);
		p->bytes = NULL;
		return;
	}
	uint64_t a = off > first ? off : first, b = end < last ? end : last;

	memset(p->bytes + (a - first), 0, (size_t)(b - a));
}

void content_zero(struct content *c, uint64_t off, uint64_t len)
{
	for (size_t i = 0; i < c->cap; i++)
		if (c->slot[i].used)
			zero_page(&c->slot[i], off, off + len);
}

void content_alloc(struct content *c, uint64_t off, uint64_t len)
{
	for (uint64_t i = off / CONTENT_PAGE; i * CONTENT_PAGE < off + len; i++)
		make(c, i);
}

void content_punch(struct content *c, uint64_t off, uint64_t len)
{
	uint64_t from = (off + CONTENT_PAGE - 1) / CONTENT_PAGE, to = (off + len) / CONTENT_PAGE;

	content_zero(c, off, len);
	if (from < to && c->cap)
		rebuild(c, c->cap, from, to);
}

void content_cut(struct content *c, uint64_t size)
{
	if (c->cap)
		content_punch(c, size, UINT64_MAX - CONTENT_PAGE - size);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

bool content_is_zero(const struct content *c, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < c->cap; i++) {
		const struct content_page *p = &c->slot[i];
		uint64_t first = p->index * CONTENT_PAGE, last = first + CONTENT_PAGE;

		if (!p->used || !p->bytes || last <= from || first >= to)
			continue;
		uint64_t a = from > first ? from : first, b = to < last ? to : last;

		if (!all_zero(p->bytes + (a - first), (size_t)(b - a)))
			return false;
	}
	return true;
}

bool content_has(const struct content *c, uint64_t off)
{
	return find(c, off / CONTENT_PAGE);
}
