/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_io.c -- random operations on open files
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/walk.h"

/* -- where and how much ----------------------------------------------------------- */

static uint64_t pick_offset(struct walk *r)
{
	uint64_t k = pick(r, 100), off;

	if (k < 70)
		off = pick(r, 64 << 10);
	else if (k < 90)
		off = pick(r, 1 << 20);
	else if (k < 98)
		off = pick(r, 4 << 20);
	else
		off = pick(r, UINT64_C(1) << 40);
	return chance(r, 3) ? off & ~UINT64_C(4095) : off;
}

static size_t pick_length(struct walk *r)
{
	uint64_t k = pick(r, 100);

	if (r->greedy && chance(r, 40))
		return pick(r, WALK_BUF);
	if (k < 50)
		return pick(r, 600);
	if (k < 70)
		return 4096;
	if (k < 97)
		return pick(r, 12000);
	return pick(r, r->t->in_engine ? 200000 : 60000);
}

static void note_io(struct walk *r, int fd, const struct tio *io)
{
	r->step->dir = r->fd[fd]->ino;
	r->step->fd = fd;
	r->step->off = io->off;
	r->step->len = io->len;
	r->step->flags = io->flags;
}

/* -- descriptors -------------------------------------------------------------------- */

static int free_fd(struct walk *r)
{
	int fd = (int)pick(r, TARGET_FDS);

	for (int i = 0; i < TARGET_FDS; i++, fd = (fd + 1) % TARGET_FDS)
		if (!r->fd[fd])
			return fd;
	return -1;
}

static void op_close(struct walk *r)
{
	int fd = (int)pick(r, TARGET_FDS);

	if (!r->fd[fd])
		return;
	r->step->fd = fd;
	r->step->dir = r->fd[fd]->ino;
	r->t->ops->close(r->t, fd);
	model_close(&r->m, r->fd[fd]);
	r->fd[fd] = NULL;
}

static bool may_open(const struct walk *r, const struct mnode *n)
{
	return S_ISREG(n->mode) || (S_ISDIR(n->mode) && r->t->in_engine);
}

static void op_open(struct walk *r)
{
	struct mloc at = pick_name(r, true);
	int fd = free_fd(r);
	struct mnode *n;

	if (fd < 0 || at.name >= MODEL_NAMES || model_lookup(at, &n) || !may_open(r, n))
		return;
	if (S_ISDIR(n->mode) && !chance(r, 10))
		return;
	r->step->dir = at.dir->ino;
	r->step->name = at.name;
	r->step->fd = fd;
	if (!expect(r, r->t->ops->open(r->t, at, fd), 0))
		return;
	model_open(n);
	r->fd[fd] = n;
}

/* Root opens files of every mode; through a mount O_TMPFILE may not exist. */
static void op_tmpfile(struct walk *r)
{
	const struct mcreate rq = { .mode = S_IFREG | 0600 };
	struct mnode *dir = pick_dir(r);
	int fd = free_fd(r);
	struct tstat st;

	if (fd < 0 || !r->t->in_engine || !S_ISDIR(dir->mode) || !dir->parent)
		return;
	int got = r->t->ops->tmpfile(r->t, dir, &rq, fd);

	if (no_space(r, got) || !expect(r, got, 0))
		return;
	r->fd[fd] = model_tmpfile(&r->m, dir, &rq);
	model_open(r->fd[fd]);
	r->t->ops->fstat(r->t, fd, &st);
	r->fd[fd]->ino = st.ino;
	verify_stat(r, r->fd[fd], &st);
}

static void op_linkfd(struct walk *r)
{
	struct mloc dst = pick_name(r, false);
	int fd = pick_fd(r);

	if (fd < 0 || !(r->fd[fd]->nlink || r->fd[fd]->linkable))
		return;
	r->step->fd = fd;
	r->step->dir = dst.dir->ino;
	r->step->name = dst.name;
	int got = r->t->ops->linkfd(r->t, fd, dst);

	if (!no_space(r, got))
		expect(r, got, model_link(r->fd[fd], dst));
}

/* -- reading and writing --------------------------------------------------------------- */

static void op_read(struct walk *r)
{
	int fd = pick_fd(r);
	struct tio io = { r->got, pick_length(r), pick_offset(r), 0 };

	if (fd < 0)
		return;
	if (chance(r, 2) && r->fd[fd]->size)
		io.off = pick(r, r->fd[fd]->size);
	note_io(r, fd, &io);
	ssize_t got = r->t->ops->read(r->t, fd, &io), want = model_read(r->fd[fd], r->want, io.len, io.off);

	if (!expect(r, got, want))
		return;
	for (ssize_t i = 0; got && memcmp(r->got, r->want, (size_t)got) && i < got; i++) {
		if (r->got[i] == r->want[i])
			continue;
		mismatch(r, "byte %" PRIu64 " is %#x, the model's %#x", io.off + (uint64_t)i, r->got[i], r->want[i]);
		return;
	}
}

static void do_write(struct walk *r, unsigned flags)
{
	int fd = pick_fd(r);
	struct tio io = { r->pool + pick(r, WALK_BUF), pick_length(r), pick_offset(r), flags };

	if (fd < 0)
		return;
	if (flags & TIO_APPEND)
		io.off = r->fd[fd]->size;
	note_io(r, fd, &io);
	ssize_t got = r->t->ops->write(r->t, fd, &io);

	if (no_space(r, got)) {
		verify_fd(r, fd);
		return;
	}
	expect(r, got, model_write(r->fd[fd], io.buf, io.len, io.off));
}

static void op_write(struct walk *r)
{
	do_write(r, chance(r, 10) ? TIO_DSYNC : 0);
}

static void op_append(struct walk *r)
{
	do_write(r, TIO_APPEND);
}

static void op_truncate(struct walk *r)
{
	int fd = pick_fd(r);
	struct tattr a = { .size = pick_offset(r), .mask = TATTR_SIZE };

	if (fd < 0)
		return;
	if (chance(r, 4))
		a.size = pick(r, r->fd[fd]->size + 1);
	r->step->fd = fd;
	r->step->dir = r->fd[fd]->ino;
	r->step->len = a.size;
	int got = r->t->ops->setattr(r->t, fd, &a);

	if (no_space(r, got)) {
		verify_fd(r, fd);
		return;
	}
	expect(r, got, model_truncate(r->fd[fd], a.size));
}

static void op_fallocate(struct walk *r)
{
	static const int mode[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
		FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	int fd = pick_fd(r);
	struct tspace s = { mode[pick(r, 6)], pick_offset(r), 1 + pick(r, chance(r, 4) ? 300000 : 20000) };

	if (fd < 0)
		return;
	if (r->greedy && chance(r, 8))
		s.len = 1 + pick(r, 4 << 20);
	r->step->fd = fd;
	r->step->dir = r->fd[fd]->ino;
	r->step->off = s.off;
	r->step->len = s.len;
	r->step->flags = (unsigned)s.mode;
	int got = r->t->ops->fallocate(r->t, fd, &s);

	if (no_space(r, got)) {
		verify_fd(r, fd);
		return;
	}
	expect(r, got, model_fallocate(r->fd[fd], s.mode, s.off, s.len));
}

/* -- the rest ------------------------------------------------------------------------------ */

/* Which blocks count as data is the filesystem's choice: its answers must fit the content. */
static void check_data(struct walk *r, const struct mnode *n, uint64_t off, off_t got)
{
	uint64_t end = got == -ENXIO ? n->size : (uint64_t)got;

	if (got < 0 && got != -ENXIO)
		mismatch(r, "SEEK_DATA failed: %" PRId64, (int64_t)got);
	else if (end < off || end > n->size || (got >= 0 && end == n->size))
		mismatch(r, "SEEK_DATA gave %" PRId64 ", size %" PRIu64, (int64_t)got, n->size);
	else if (!content_is_zero(&n->content, off, end))
		mismatch(r, "SEEK_DATA passed over data before %" PRIu64, end);
}

static void check_hole(struct walk *r, const struct mnode *n, uint64_t off, off_t got)
{
	uint64_t at = (uint64_t)got;

	if (got < 0 || at < off || at > n->size)
		mismatch(r, "SEEK_HOLE gave %" PRId64 ", size %" PRIu64, (int64_t)got, n->size);
	else if (at < n->size && !content_is_zero(&n->content, at, (at | 4095) + 1))
		mismatch(r, "SEEK_HOLE found data at %" PRIu64, at);
}

static void op_seek(struct walk *r)
{
	int fd = pick_fd(r), whence = chance(r, 2) ? SEEK_DATA : SEEK_HOLE;
	uint64_t off = pick_offset(r);

	if (fd < 0)
		return;
	const struct mnode *n = r->fd[fd];

	r->step->fd = fd;
	r->step->off = off;
	r->step->flags = (unsigned)whence;
	off_t got = r->t->ops->seek(r->t, fd, (off_t)off, whence);

	r->step->result = got;
	if (off >= n->size)
		expect(r, got, -ENXIO);
	else if (whence == SEEK_DATA)
		check_data(r, n, off, got);
	else
		check_hole(r, n, off, got);
}

static void op_fstat(struct walk *r)
{
	int fd = pick_fd(r);
	struct tstat st;

	if (fd < 0)
		return;
	r->step->fd = fd;
	if (expect(r, r->t->ops->fstat(r->t, fd, &st), 0))
		verify_stat(r, r->fd[fd], &st);
}

static void op_chmod(struct walk *r)
{
	int fd = pick_fd(r);
	struct tattr a = { .mode = (uint32_t)pick(r, 010000), .mask = TATTR_MODE };

	if (fd < 0)
		return;
	r->step->fd = fd;
	r->step->flags = a.mode;
	int got = r->t->ops->setattr(r->t, fd, &a);

	if (!no_space(r, got) && expect(r, got, 0))
		model_chmod(r->fd[fd], a.mode);
}

static void op_chown(struct walk *r)
{
	int fd = pick_fd(r);
	struct tattr a = { .uid = (uint32_t)pick(r, 3), .gid = (uint32_t)pick(r, 3), .mask = TATTR_OWNER };

	if (fd < 0)
		return;
	r->step->fd = fd;
	int got = r->t->ops->setattr(r->t, fd, &a);

	if (!no_space(r, got) && expect(r, got, 0))
		model_chown(r->fd[fd], a.uid, a.gid);
}

static void op_fsync(struct walk *r)
{
	int fd = pick_fd(r);

	if (fd < 0)
		return;
	r->step->fd = fd;
	int got = r->t->ops->fsync(r->t, fd, chance(r, 2));

	if (!no_space(r, got))
		expect(r, got, 0);
}

static void op_sync(struct walk *r)
{
	if (chance(r, r->t->in_engine ? 10 : 50))
		expect(r, r->t->ops->sync(r->t), 0);
}

static void op_verify(struct walk *r)
{
	int fd = pick_fd(r);

	if (fd >= 0 && chance(r, 20))
		verify_fd(r, fd);
}

const struct op ops_io[] = {
	{ "open", 12, op_open },	{ "close", 11, op_close },	{ "tmpfile", 1, op_tmpfile },
	{ "linkfd", 1, op_linkfd },	{ "read", 24, op_read },	{ "write", 22, op_write },
	{ "append", 5, op_append },	{ "truncate", 6, op_truncate },	{ "fallocate", 6, op_fallocate },
	{ "seek", 3, op_seek },		{ "fstat", 4, op_fstat },	{ "chmod", 1, op_chmod },
	{ "chown", 1, op_chown },	{ "fsync", 3, op_fsync },	{ "sync", 1, op_sync },
	{ "verify", 1, op_verify },
	{ NULL, 0, NULL },
};
