/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * content.h -- the bytes of a model file: sparse, by page
 *
 * A page is absent (hole), present without bytes (allocated, zero) or present
 * with 4096 bytes.
 */
#ifndef HARNESS_CONTENT_H
#define HARNESS_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENT_PAGE	4096u

struct content_page { uint64_t index; uint8_t *bytes; bool used; };

struct content {
	struct content_page *slot;	/* open addressing, linear probing */
	size_t cap, nr;			/* cap: 0 or a power of two */
};

void content_fini(struct content *c);

void content_read(const struct content *c, void *buf, size_t len, uint64_t off);
void content_write(struct content *c, const void *buf, size_t len, uint64_t off);

/* content_zero - bytes become zero; pages that are holes stay holes. */
void content_zero(struct content *c, uint64_t off, uint64_t len);

/* content_alloc - pages that [@off, @off + @len) touches are no holes any more. */
void content_alloc(struct content *c, uint64_t off, uint64_t len);

/* content_punch - zero; pages that lie wholly inside become holes. */
void content_punch(struct content *c, uint64_t off, uint64_t len);

/* content_cut - a shorter file: drop what is beyond @size. */
void content_cut(struct content *c, uint64_t size);

/* content_has - is the page of this byte present? */
bool content_has(const struct content *c, uint64_t off);

/* content_is_zero - nothing but zeroes in [@from, @to)? */
bool content_is_zero(const struct content *c, uint64_t from, uint64_t to);

#endif
