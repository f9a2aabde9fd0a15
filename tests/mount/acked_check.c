/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acked_check.c -- the checker: from the log to what must be in the filesystem
 *
 * The operation in flight has happened or not: whichever the names, sizes and
 * attributes agree with, all of them must agree with the same.
 */
#include "acked.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PAGE	4096u

struct checker {
	struct acked_model m;
	const char *dir;
	uint64_t acked, words;
	bool in_flight;
	char why[8192];		/* what is wrong, of the state looked at last */
};

__attribute__((format(printf, 2, 3)))
static bool bad(struct checker *c, const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	vsnprintf(c->why, sizeof(c->why), form, ap);
	va_end(ap);
	return false;
}

/* -- one file --------------------------------------------------------------------------- */

static bool content_ok(struct checker *c, const struct acked_file *f, int fd, const char *path)
{
	static uint64_t words[ACKED_WORDS];
	ssize_t n = pread(fd, words, sizeof(words), 0);

	if (n < 0 || (uint64_t)n != f->size)
		return bad(c, "%s: %zd bytes read, %" PRIu64 " expected", path, n, f->size);
	for (uint64_t i = 0; i < f->size / ACKED_WORD; i++) {
		c->words++;
		if (!acked_word_ok(&c->m, f, i, words[i]))
			return bad(c, "%s: word %" PRIu64 " is %016" PRIx64 ", durable was %016" PRIx64
				   ", the file is %#x", path, i, words[i], acked_word(&c->m, f, i, f->base[i]), f->id);
	}
	return true;
}

static bool attributes_ok(struct checker *c, const struct acked_file *f, int fd, const char *path)
{
	struct stat st;
	int64_t mtime;

	if (fstat(fd, &st))
		return bad(c, "%s: %m", path);
	mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if ((uint64_t)st.st_size != f->size || st.st_nlink != f->nlink || st.st_mode != (S_IFREG | 0644))
		return bad(c, "%s: %jd bytes, %ju links, mode %o; expected %" PRIu64 ", %u, %o", path,
			   (intmax_t)st.st_size, (uintmax_t)st.st_nlink, st.st_mode, f->size, f->nlink, S_IFREG | 0644);
	if (f->mtime_known && mtime != f->mtime)
		return bad(c, "%s: mtime %" PRId64 ", was synced as %" PRId64, path, mtime, f->mtime);
	return true;
}

static bool xattr_ok(struct checker *c, const struct acked_file *f, int fd, const char *path)
{
	uint8_t want[ACKED_XATTR_MAX], found[ACKED_XATTR_MAX];
	ssize_t n = fgetxattr(fd, ACKED_XATTR, found, sizeof(found));
	ssize_t len = f->xattr ? (ssize_t)acked_xattr(&c->m, f, f->xattr, want) : -1;

	if (n != len || (n > 0 && memcmp(want, found, (size_t)n)))
		return bad(c, "%s: attribute of %zd bytes, expected the %zd of operation %u", path, n, len, f->xattr);
	return true;
}

static bool file_ok(struct checker *c, unsigned slot)
{
	const struct acked_file *f = c->m.slot[slot];
	char path[4096];
	bool good;
	int fd;

	acked_path(&c->m, c->dir, slot, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return bad(c, "%s: %m", path);
	good = attributes_ok(c, f, fd, path) && xattr_ok(c, f, fd, path) && content_ok(c, f, fd, path);
	close(fd);
	return good;
}

/* -- names ------------------------------------------------------------------------------ */

static unsigned names_expected(const struct checker *c, unsigned dir)
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < ACKED_SLOTS; slot++)
		n += slot % ACKED_DIRS == dir && c->m.slot[slot];
	return n;
}

static bool names_ok(struct checker *c, unsigned dir)
{
	char path[4096];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%u/%u", c->dir, c->m.thread, dir);
	d = opendir(path);
	if (!d)
		return bad(c, "%s: %m", path);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	if (n != names_expected(c, dir))
		return bad(c, "%s: %u names, %u expected", path, n, names_expected(c, dir));
	return true;
}

static bool state_ok(struct checker *c)
{
	for (unsigned dir = 0; dir < ACKED_DIRS; dir++)
		if (!names_ok(c, dir))
			return false;
	for (unsigned slot = 0; slot < ACKED_SLOTS; slot++)
		if (c->m.slot[slot] && !file_ok(c, slot))
			return false;
	return true;
}

/* -- the log ---------------------------------------------------------------------------- */

/* Follows the log; the operation in flight, if any, is left in @r. */
static bool replay(struct checker *c, const char *log, struct acked_rec *r)
{
	char path[4096];
	struct acked_rec next;
	FILE *f;

	snprintf(path, sizeof(path), "%s.%u", log, c->m.thread);
	f = fopen(path, "r");
	if (!f)
		return bad(c, "%s: %m", path);
	while (fread(&next, sizeof(next), 1, f) == 1) {
		*r = next;
		c->in_flight = !next.done;
		if (!next.done)
			continue;
		c->acked++;
		acked_file_free(acked_apply(&c->m, &next));
	}
	fclose(f);
	return true;
}

static bool is_write(const struct acked_rec *r)
{
	return r->op == ACKED_WRITE;
}

static bool in_flight_ok(struct checker *c, const struct acked_rec *r)
{
	char before[4096];

	acked_maybe(&c->m, r);
	if (state_ok(c))
		return true;
	snprintf(before, sizeof(before), "%.4000s", c->why);
	for (uint64_t end = r->off / PAGE * PAGE + PAGE; is_write(r) && end < r->off + r->len; end += PAGE) {
		acked_happened(&c->m, r, end);
		if (state_ok(c))
			return true;
	}
	acked_happened(&c->m, r, r->off + r->len);
	if (state_ok(c))
		return true;
	return bad(c, "operation %u (kind %u, name%u, name%u, %" PRIu64 " bytes at %" PRIu64
		   ") was in flight\nnot happened: %.3000s\nhappened: %.4000s", r->seq, r->op, r->slot, r->to, r->len,
		   r->off, before, strdupa(c->why));
}

static bool thread_ok(struct checker *c, const char *log)
{
	struct acked_rec r = { 0 };

	if (!replay(c, log, &r))
		return false;
	return c->in_flight ? in_flight_ok(c, &r) : state_ok(c);
}

static void forget(struct checker *c)
{
	for (unsigned i = 0; i < ACKED_SLOTS; i++)
		if (c->m.slot[i] && !--c->m.slot[i]->nlink)
			acked_file_free(c->m.slot[i]);
}

int acked_check(const char *dir, const char *log, uint32_t salt)
{
	static struct checker c;
	uint64_t acked = 0, words = 0, in_flight = 0;

	for (uint32_t i = 0; i < ACKED_THREADS; i++) {
		c = (struct checker){ .m = { .salt = salt, .thread = i }, .dir = dir };
		if (!thread_ok(&c, log)) {
			printf("thread %u, after %" PRIu64 " operations: %s\n", i, c.acked, c.why);
			return 1;
		}
		acked += c.acked;
		words += c.words;
		in_flight += c.in_flight;
		forget(&c);
	}
	printf("%" PRIu64 " acknowledged, %" PRIu64 " in flight, %" PRIu64 " words\n", acked, in_flight, words);
	return 0;
}
