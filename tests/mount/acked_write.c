/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acked_write.c -- the writer: operations on files, each in the log before and after
 *
 * Each thread has its own directories, files and log, so that at most one
 * operation of each is in flight when the daemon dies.
 */
#include "acked.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness/rng.h"

#define IO_MAX_WORDS	8192u	/* 64 KiB */

struct writer {
	struct acked_model m;
	const char *dir;
	int log;
	struct rng rng;
	int unnamed;		/* a file without a name is kept open: an orphan when the daemon dies */
	uint32_t seq;
	int err;		/* what ended it */
};

static uint64_t below(struct writer *w, uint64_t n)
{
	return rng_below(&w->rng, n);
}

/* -- what to do next ------------------------------------------------------------------ */

static unsigned any_slot(struct writer *w)
{
	return (unsigned)below(w, ACKED_SLOTS);
}

/* A slot with a file, when @used, or without; ACKED_SLOTS when there is none. */
static unsigned find_slot(struct writer *w, bool used)
{
	unsigned start = any_slot(w);

	for (unsigned i = 0; i < ACKED_SLOTS; i++) {
		unsigned slot = (start + i) % ACKED_SLOTS;

		if (used == (w->m.slot[slot] != NULL))
			return slot;
	}
	return ACKED_SLOTS;
}

/* One write in eight is long, the others are some words. */
static uint64_t io_words(struct writer *w)
{
	return 1 + below(w, rng_one_in(&w->rng, 8) ? IO_MAX_WORDS : 160);
}

static void choose_write(struct writer *w, struct acked_rec *r)
{
	const struct acked_file *f = w->m.slot[r->slot];
	uint64_t words = f->size / ACKED_WORD, n = io_words(w), at = words;

	if (words && rng_one_in(&w->rng, 2))
		at = below(w, words);
	if (at + n > ACKED_WORDS)
		at = ACKED_WORDS - n;
	r->off = at * ACKED_WORD;
	r->len = n * ACKED_WORD;
	if (at > words)
		r->off = f->size;
}

static void choose_punch(struct writer *w, struct acked_rec *r)
{
	uint64_t words = w->m.slot[r->slot]->size / ACKED_WORD;

	if (!words) {
		r->op = ACKED_SYNC;
		return;
	}
	r->off = below(w, words);
	r->len = (1 + below(w, words - r->off)) * ACKED_WORD;
	r->off *= ACKED_WORD;
}

static void choose_range(struct writer *w, struct acked_rec *r)
{
	const struct acked_file *f = w->m.slot[r->slot];

	if (f->nr_pending > ACKED_PENDING - 2)
		r->op = ACKED_SYNC;
	else if (r->op == ACKED_WRITE)
		choose_write(w, r);
	else if (r->op == ACKED_PUNCH)
		choose_punch(w, r);
	else if (r->op == ACKED_TRUNCATE)
		r->len = below(w, ACKED_WORDS) * below(w, ACKED_WORDS) / ACKED_WORDS * ACKED_WORD;
}

/* Links need a free name, renames and exchanges another one. */
static void choose_other_name(struct writer *w, struct acked_rec *r)
{
	unsigned free_slot = find_slot(w, false);

	r->to = (uint8_t)any_slot(w);
	if (r->to == r->slot)
		r->to = (uint8_t)((r->to + 1) % ACKED_SLOTS);
	if (r->op == ACKED_EXCHANGE && !w->m.slot[r->to])
		r->op = ACKED_RENAME;
	if (r->op != ACKED_LINK)
		return;
	r->to = (uint8_t)free_slot;
	if (free_slot == ACKED_SLOTS)
		r->op = ACKED_UNLINK;
}

static const uint8_t mix[] = {
	ACKED_WRITE, ACKED_WRITE, ACKED_WRITE, ACKED_WRITE, ACKED_WRITE, ACKED_WRITE, ACKED_SYNC, ACKED_SYNC,
	ACKED_CREATE, ACKED_CREATE, ACKED_RENAME, ACKED_RENAME, ACKED_UNLINK, ACKED_LINK, ACKED_EXCHANGE,
	ACKED_TRUNCATE, ACKED_PUNCH, ACKED_SETXATTR,
};

static void choose_create(struct writer *w, struct acked_rec *r)
{
	r->slot = (uint8_t)find_slot(w, false);
	r->len = below(w, 2);
	if (r->slot != ACKED_SLOTS)
		return;
	r->op = ACKED_UNLINK;
	r->slot = (uint8_t)find_slot(w, true);
}

static struct acked_rec choose(struct writer *w)
{
	struct acked_rec r = { .seq = ++w->seq, .op = mix[below(w, sizeof(mix))] };
	unsigned used = find_slot(w, true);

	if (used == ACKED_SLOTS)
		r.op = ACKED_CREATE;
	r.slot = (uint8_t)used;
	if (r.op == ACKED_CREATE)
		choose_create(w, &r);
	else if (r.op >= ACKED_RENAME && r.op <= ACKED_LINK)
		choose_other_name(w, &r);
	else
		choose_range(w, &r);
	return r;
}

/* -- doing it --------------------------------------------------------------------------- */

static void note(struct writer *w, const struct acked_rec *r)
{
	if (write(w->log, r, sizeof(*r)) != sizeof(*r))
		abort();
}

static int sys(long result)
{
	return result < 0 ? -errno : 0;
}

/* The file's descriptor comes after the end of the operation: see keep_fd(). */
static int do_create(struct writer *w, const struct acked_rec *r)
{
	char path[4096];
	int fd;

	acked_path(&w->m, w->dir, r->slot, path);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | (r->len == 1 ? O_DSYNC : 0), 0644);
	return fd < 0 ? -errno : fd;
}

/*
 * The kernel may cut a write in two requests; when the daemon dies before the
 * second, the call says what the first has written.  The rest is in flight.  Attributes
 * are always asked for, so that is how the daemon's end is seen; fsync may have nothing to ask.
 */
static int half_written(struct writer *w, const struct acked_rec *r, uint64_t done)
{
	struct acked_rec first = *r, rest = *r;

	first.len = done / ACKED_WORD * ACKED_WORD;
	rest.off += first.len;
	rest.len -= first.len;
	first.done = 1;
	note(w, &first);
	note(w, &rest);
	return fgetxattr(w->m.slot[r->slot]->fd, ACKED_XATTR, NULL, 0) < 0 && errno != ENODATA ? -errno : -EMSGSIZE;
}

static int do_write(struct writer *w, const struct acked_rec *r)
{
	static _Thread_local uint64_t words[IO_MAX_WORDS];
	const struct acked_file *f = w->m.slot[r->slot];
	ssize_t n;

	for (uint64_t i = 0; i < r->len / ACKED_WORD; i++)
		words[i] = acked_word(&w->m, f, r->off / ACKED_WORD + i, r->seq);
	n = pwrite(f->fd, words, r->len, (off_t)r->off);
	if (n >= 0 && (uint64_t)n != r->len)
		return half_written(w, r, (uint64_t)n);
	return sys(n);
}

static int do_sync(struct writer *w, struct acked_rec *r)
{
	struct stat st;
	int fd = w->m.slot[r->slot]->fd, err = sys(fsync(fd));

	if (!err)
		err = sys(fstat(fd, &st));
	if (!err)
		r->mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return err;
}

static int do_xattr(struct writer *w, const struct acked_rec *r)
{
	const struct acked_file *f = w->m.slot[r->slot];
	uint8_t value[ACKED_XATTR_MAX];
	unsigned len = acked_xattr(&w->m, f, r->seq, value);

	return sys(fsetxattr(f->fd, ACKED_XATTR, value, len, 0));
}

static int do_content(struct writer *w, struct acked_rec *r)
{
	const struct acked_file *f = w->m.slot[r->slot];

	switch (r->op) {
	case ACKED_WRITE:
		return do_write(w, r);
	case ACKED_SYNC:
		return do_sync(w, r);
	case ACKED_TRUNCATE:
		return sys(ftruncate(f->fd, (off_t)r->len));
	case ACKED_PUNCH:
		return sys(fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)r->off, (off_t)r->len));
	default:
		return do_xattr(w, r);
	}
}

static int do_name(struct writer *w, const struct acked_rec *r)
{
	char from[4096], to[4096];

	acked_path(&w->m, w->dir, r->slot, from);
	acked_path(&w->m, w->dir, r->to, to);
	switch (r->op) {
	case ACKED_RENAME:
		return sys(rename(from, to));
	case ACKED_EXCHANGE:
		return sys(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE));
	case ACKED_LINK:
		return sys(link(from, to));
	default:
		return sys(unlink(from));
	}
}

/* The last file that lost its name stays open, the one before does not. */
static void forget(struct writer *w, struct acked_file *f)
{
	if (!f)
		return;
	if (w->unnamed >= 0)
		close(w->unnamed);
	w->unnamed = f->fd;
	acked_file_free(f);
}

static int one_operation(struct writer *w)
{
	struct acked_rec r = choose(w);
	int result;

	note(w, &r);
	if (r.op == ACKED_CREATE)
		result = do_create(w, &r);
	else if (r.op < ACKED_RENAME)
		result = do_content(w, &r);
	else
		result = do_name(w, &r);
	if (result < 0)
		return result;
	r.done = 1;
	note(w, &r);
	forget(w, acked_apply(&w->m, &r));
	if (r.op == ACKED_CREATE)
		w->m.slot[r.slot]->fd = result;
	return 0;
}

/* -- threads ---------------------------------------------------------------------------- */

static int make_dirs(struct writer *w)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%u", w->dir, w->m.thread);
	err = sys(mkdir(path, 0755));
	for (unsigned i = 0; !err && i < ACKED_DIRS; i++) {
		snprintf(path, sizeof(path), "%s/%u/%u", w->dir, w->m.thread, i);
		err = sys(mkdir(path, 0755));
	}
	return err;
}

static void close_files(struct writer *w)
{
	for (unsigned i = 0; i < ACKED_SLOTS; i++) {
		struct acked_file *f = w->m.slot[i];

		w->m.slot[i] = NULL;
		if (!f || --f->nlink)
			continue;
		close(f->fd);
		acked_file_free(f);
	}
	if (w->unnamed >= 0)
		close(w->unnamed);
	close(w->log);
}

static void *work(void *arg)
{
	struct writer *w = arg;

	while (!w->err && w->seq < ACKED_SEQ_MAX && w->m.nr_files < ACKED_FILES_MAX)
		w->err = one_operation(w);
	close_files(w);
	return NULL;
}

static bool start(struct writer *w, const char *log, uint32_t salt)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.%u", log, w->m.thread);
	w->log = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	w->unnamed = -1;
	rng_init(&w->rng, (uint64_t)salt << 8 | w->m.thread);
	w->m.salt = salt;
	if (w->log < 0 || make_dirs(w)) {
		perror(path);
		return false;
	}
	return true;
}

/* A daemon that is gone, over io_uring also with ECANCELED: nothing else may end a thread. */
static bool lost(const struct writer *w)
{
	if (w->err == -ENOTCONN || w->err == -ECONNABORTED || w->err == -ECANCELED)
		return true;
	printf("thread %u, operation %u: ended by %s\n", w->m.thread, w->seq,
	       w->err ? strerror(-w->err) : "itself, the run was too long");
	return false;
}

int acked_write(const char *dir, const char *log, uint32_t salt)
{
	static struct writer writers[ACKED_THREADS];
	pthread_t ids[ACKED_THREADS];
	bool good = true;

	for (uint32_t i = 0; i < ACKED_THREADS; i++) {
		writers[i].m.thread = i;
		writers[i].dir = dir;
		if (!start(&writers[i], log, salt))
			return 1;
	}
	for (uint32_t i = 0; i < ACKED_THREADS; i++)
		if (pthread_create(&ids[i], NULL, work, &writers[i]))
			abort();
	for (uint32_t i = 0; i < ACKED_THREADS; i++) {
		pthread_join(ids[i], NULL);
		good &= lost(&writers[i]);
	}
	return good ? 0 : 1;
}
