/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acked_model.c -- what must be in a filesystem after operations were acknowledged
 *
 * Names, sizes, links, attributes and holes are durable when the call has
 * returned; words are when a sync has returned or the file was opened O_DSYNC.
 * Before that a word may be what it was, or of any write since.
 */
#include "acked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_BITS	20
#define INDEX_BITS	16
#define FILE_BITS	16

uint64_t acked_word(const struct acked_model *m, const struct acked_file *f, uint64_t index, uint32_t version)
{
	if (!version)
		return 0;
	return (uint64_t)m->salt << (VERSION_BITS + INDEX_BITS + FILE_BITS) |
	       (uint64_t)f->id << (VERSION_BITS + INDEX_BITS) | index << VERSION_BITS | version;
}

unsigned acked_xattr(const struct acked_model *m, const struct acked_file *f, uint32_t version,
		     uint8_t value[ACKED_XATTR_MAX])
{
	unsigned words = 1 + version * 7919u % (ACKED_XATTR_MAX / ACKED_WORD);

	for (unsigned i = 0; i < words; i++) {
		uint64_t w = acked_word(m, f, i, version);

		memcpy(value + i * ACKED_WORD, &w, ACKED_WORD);
	}
	return words * ACKED_WORD;
}

void acked_path(const struct acked_model *m, const char *dir, unsigned slot, char out[4096])
{
	snprintf(out, 4096, "%s/%u/%u/name%u", dir, m->thread, slot % ACKED_DIRS, slot);
}

static uint32_t *words_new(void)
{
	uint32_t *w = calloc(ACKED_WORDS, sizeof(*w));

	if (!w)
		abort();
	return w;
}

static struct acked_file *file_new(struct acked_model *m, bool dsync)
{
	struct acked_file *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->id = m->thread << 14 | ++m->nr_files;
	f->nlink = 1;
	f->dsync = dsync;
	f->fd = -1;
	f->base = words_new();
	f->last = words_new();
	f->since = words_new();
	return f;
}

void acked_file_free(struct acked_file *f)
{
	if (!f)
		return;
	free(f->base);
	free(f->last);
	free(f->since);
	free(f);
}

/* -- content ------------------------------------------------------------------------ */

static void pending_add(struct acked_file *f, uint64_t off, uint64_t len, uint32_t version)
{
	if (f->nr_pending == ACKED_PENDING)
		abort();
	f->pending[f->nr_pending++] = (struct acked_pending){ off, len, version };
}

/* Everything that was written up to @seq is durable. */
static void settle(struct acked_file *f, uint32_t seq)
{
	uint64_t words = f->size / ACKED_WORD;

	memcpy(f->base, f->last, words * sizeof(*f->base));
	for (uint64_t i = 0; i < words; i++)
		f->since[i] = seq;
	f->nr_pending = 0;
}

static void write_words(struct acked_file *f, const struct acked_rec *r)
{
	uint64_t from = r->off / ACKED_WORD, to = (r->off + r->len) / ACKED_WORD;

	for (uint64_t i = from; i < to; i++)
		f->last[i] = r->seq;
	if (r->off + r->len > f->size)
		f->size = r->off + r->len;
	if (f->dsync)
		settle(f, r->seq);
	else
		pending_add(f, r->off, r->len, r->seq);
}

/* Zero from now on, durably. */
static void clear_words(struct acked_file *f, uint64_t off, uint64_t end, uint32_t seq)
{
	for (uint64_t i = off / ACKED_WORD; i < end / ACKED_WORD; i++) {
		f->base[i] = 0;
		f->last[i] = 0;
		f->since[i] = seq;
	}
}

static void truncate_words(struct acked_file *f, const struct acked_rec *r)
{
	clear_words(f, r->len, f->size, r->seq);
	f->size = r->len;
}

static bool is_pending(const struct acked_pending *p, uint64_t index)
{
	return index >= p->off / ACKED_WORD && index < (p->off + p->len) / ACKED_WORD;
}

bool acked_word_ok(const struct acked_model *m, const struct acked_file *f, uint64_t index, uint64_t found)
{
	if (found == acked_word(m, f, index, f->base[index]))
		return true;
	for (unsigned i = 0; i < f->nr_pending; i++) {
		const struct acked_pending *p = &f->pending[i];

		if (is_pending(p, index) && (!p->version || p->version > f->since[index]) &&
		    found == acked_word(m, f, index, p->version))
			return true;
	}
	return false;
}

/* -- names -------------------------------------------------------------------------- */

static struct acked_file *drop(struct acked_file *f)
{
	return f && --f->nlink == 0 ? f : NULL;
}

/* Two names of one file: rename(2) does nothing. */
static struct acked_file *rename_slot(struct acked_model *m, const struct acked_rec *r)
{
	struct acked_file *old = m->slot[r->to];

	if (old == m->slot[r->slot])
		return NULL;
	m->slot[r->to] = m->slot[r->slot];
	m->slot[r->slot] = NULL;
	return drop(old);
}

static struct acked_file *apply_name(struct acked_model *m, const struct acked_rec *r)
{
	struct acked_file *f = m->slot[r->slot];

	switch (r->op) {
	case ACKED_CREATE:
		m->slot[r->slot] = file_new(m, r->len == 1);
		return NULL;
	case ACKED_RENAME:
		return rename_slot(m, r);
	case ACKED_EXCHANGE:
		m->slot[r->slot] = m->slot[r->to];
		m->slot[r->to] = f;
		return NULL;
	case ACKED_LINK:
		m->slot[r->to] = f;
		f->nlink++;
		return NULL;
	default:
		m->slot[r->slot] = NULL;
		return drop(f);
	}
}

static void apply_content(struct acked_file *f, const struct acked_rec *r)
{
	f->mtime_known = r->op == ACKED_SYNC || (r->op == ACKED_SETXATTR && f->mtime_known);
	switch (r->op) {
	case ACKED_WRITE:
		write_words(f, r);
		break;
	case ACKED_SYNC:
		settle(f, r->seq);
		f->mtime = r->mtime;
		break;
	case ACKED_TRUNCATE:
		truncate_words(f, r);
		break;
	case ACKED_PUNCH:
		clear_words(f, r->off, r->off + r->len, r->seq);
		break;
	default:
		f->xattr = r->seq;
		break;
	}
}

static bool is_content(const struct acked_rec *r)
{
	return r->op >= ACKED_WRITE && r->op <= ACKED_SETXATTR;
}

struct acked_file *acked_apply(struct acked_model *m, const struct acked_rec *r)
{
	if (!is_content(r))
		return apply_name(m, r);
	apply_content(m->slot[r->slot], r);
	return NULL;
}

/* -- in flight ------------------------------------------------------------------------ */

void acked_maybe(struct acked_model *m, const struct acked_rec *r)
{
	struct acked_file *f = m->slot[r->slot];

	if (!is_content(r))
		return;
	f->mtime_known = false;
	if (r->op == ACKED_WRITE)
		pending_add(f, r->off, r->len, r->seq);
	if (r->op == ACKED_PUNCH)
		pending_add(f, r->off, r->len, 0);
}

void acked_happened(struct acked_model *m, const struct acked_rec *r, uint64_t end)
{
	struct acked_file *f = m->slot[r->slot];

	if (!is_content(r))
		acked_file_free(apply_name(m, r));
	else if (r->op == ACKED_WRITE && end > f->size)
		f->size = end;
	else if (r->op == ACKED_TRUNCATE)
		truncate_words(f, r);
	else if (r->op == ACKED_SETXATTR)
		f->xattr = r->seq;
}
