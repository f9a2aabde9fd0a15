/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shared.c -- files that all threads hammer: no model, but things that must hold
 *
 * Every four bytes that are written to a file carry a tag made of its inode
 * number and generation.  So whoever reads anything but zeroes and that tag has
 * seen another file's content, an earlier file's, or media that nobody wrote.
 */
#include "fuzz/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>

#include "core/attr.h"
#include "core/dir.h"
#include "core/file.h"
#include "core/inode.h"
#include "core/namei.h"
#include "core/space.h"
#include "core/sync.h"

#define NAMES	12
#define WORDS	8192		/* of four bytes, the most that is written at once */
#define SPAN	(1u << 20)	/* bytes of a file that are used */

static const struct cred root = { .flags = CRED_PRIVILEGED };
static const char names[NAMES][4] = { "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "sa", "sb" };

static struct name pick_name(struct rng *rng)
{
	return (struct name){ names[rng_below(rng, NAMES)], 2 };
}

/* -- tags ------------------------------------------------------------------------- */

static uint32_t tag_of(struct inode *ip)
{
	struct iattr a;

	attr_get(ip, &a);
	uint64_t x = ip->ino * 65536 + a.gen;

	return (uint32_t)(rng_splitmix(&x) >> 48 | 1) << 16;
}

static int check_words(struct inode *ip, const uint32_t *w, size_t n)
{
	uint32_t tag = tag_of(ip);

	for (size_t i = 0; i < n; i++) {
		if (!w[i] || (w[i] & 0xffff0000u) == tag)
			continue;
		printf("MISMATCH: inode %" PRIu64 " tag %#x reads %#x: not its own content\n", ip->ino, tag, w[i]);
		return -1;
	}
	return 0;
}

/* -- operations: a reference to a file of the directory ----------------------------- */

static int do_write(struct inode *ip, struct rng *rng)
{
	uint32_t w[WORDS], tag = tag_of(ip);
	size_t n = 1 + rng_below(rng, rng_one_in(rng, 4) ? WORDS : 200);
	unsigned flags = rng_one_in(rng, 8) ? FILE_DSYNC : 0;

	for (size_t i = 0; i < n; i++)
		w[i] = tag | (uint32_t)(rng_next(rng) & 0xffff);
	ssize_t ret = file_write(ip, w, 4 * n, rng_below(rng, SPAN) & ~UINT64_C(3), flags);

	return ret == (ssize_t)(4 * n) || ret == -ENOSPC ? 0 : (int)(ret < 0 ? ret : -EIO);
}

static int do_read(struct inode *ip, struct rng *rng)
{
	uint32_t w[WORDS];
	ssize_t n = file_read(ip, w, sizeof(w), rng_below(rng, SPAN) & ~UINT64_C(3));

	return n < 0 ? (int)n : check_words(ip, w, (size_t)n / 4);
}

static int do_truncate(struct inode *ip, struct rng *rng)
{
	const struct iattr a = { .size = rng_below(rng, SPAN) & ~UINT64_C(3) };
	int err = attr_set(ip, &a, ATTR_SET_SIZE);

	return err == -ENOSPC ? 0 : err;
}

static int do_fallocate(struct inode *ip, struct rng *rng)
{
	static const int mode[] = { 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE };
	int err = space_fallocate(ip, mode[rng_below(rng, 3)], rng_below(rng, SPAN) & ~UINT64_C(3),
				  4 + (rng_below(rng, 100000) & ~UINT64_C(3)));

	return err == -ENOSPC ? 0 : err;
}

static int do_sync(struct inode *ip, struct rng *rng)
{
	return sync_file(ip, rng_one_in(rng, 2) ? SYNC_DATA_ONLY : 0);
}

static int do_pin(struct inode *ip, struct rng *rng)
{
	struct iovec iov[8];
	unsigned nr = 8;
	struct pin pin;
	ssize_t n = file_pin(ip, (struct file_range){ rng_below(rng, SPAN) & ~UINT64_C(4095), 16384 }, iov, &nr, &pin);

	if (n < 0)
		return (int)n;
	pin_put(ip->fs, &pin);
	return 0;
}

static int on_file(struct inode *dir, struct rng *rng)
{
	static int (*const op[])(struct inode *, struct rng *) = {
		do_write, do_write, do_read, do_read, do_read, do_truncate, do_fallocate, do_sync, do_pin,
	};
	struct inode *ip;
	int err = namei_lookup(dir, pick_name(rng), &ip);

	if (err)
		return err == -ENOENT || err == -ESTALE ? 0 : err;
	file_open(ip);
	for (int i = 0; i < 4 && !err; i++)
		err = op[rng_below(rng, sizeof(op) / sizeof(op[0]))](ip, rng);
	file_release(ip);
	inode_put(ip, 1);
	return err;
}

/* -- operations on the directory ---------------------------------------------------- */

static int do_create(struct inode *dir, struct rng *rng)
{
	const struct create_req rq = { .mode = S_IFREG | 0644 };
	struct inode *ip;
	int err = namei_create(dir, pick_name(rng), &rq, &ip);

	if (!err)
		inode_put(ip, 1);
	return err == -EEXIST || err == -ENOSPC ? 0 : err;
}

static int do_unlink(struct inode *dir, struct rng *rng)
{
	int err = namei_unlink(dir, pick_name(rng), &root);

	return err == -ENOENT || err == -ENOSPC ? 0 : err;
}

static int do_rename(struct inode *dir, struct rng *rng)
{
	const struct rename_req rq = { .src_dir = dir, .dst_dir = dir, .src = pick_name(rng), .dst = pick_name(rng),
				       .flags = rng_one_in(rng, 3) ? RENAME_EXCHANGE : 0, .cred = root };
	int err = namei_rename(&rq);

	return err == -ENOENT || err == -ENOSPC ? 0 : err;
}

static int do_link(struct inode *dir, struct rng *rng)
{
	struct inode *ip;
	int err = namei_lookup(dir, pick_name(rng), &ip);

	if (err)
		return err == -ENOENT || err == -ESTALE ? 0 : err;
	err = namei_link(ip, dir, pick_name(rng));
	inode_put(ip, 1);
	return err == -EEXIST || err == -ENOENT || err == -ENOSPC ? 0 : err;
}

struct tally { unsigned seen[NAMES]; uint64_t ino[NAMES]; int bad; };

static int count(void *arg, const struct dir_entry *e)
{
	struct tally *t = arg;

	for (int i = 0; i < NAMES; i++) {
		if (e->name.len != 2 || memcmp(e->name.s, names[i], 2) != 0)
			continue;
		t->ino[i] = e->ino;
		t->bad |= t->seen[i]++ != 0;
	}
	return 0;
}

static int do_readdir(struct inode *dir, struct rng *rng)
{
	struct tally t = { 0 };
	int err = dir_read(dir, 0, count, &t);

	(void)rng;
	if (!err && t.bad) {
		printf("MISMATCH: a name of the shared directory was listed twice\n");
		return -1;
	}
	return err;
}

int shared_step(struct fs *fs, uint64_t dino, struct rng *rng)
{
	static int (*const op[])(struct inode *, struct rng *) = {
		on_file, on_file, on_file, on_file, do_create, do_create, do_unlink, do_rename, do_link, do_readdir,
	};
	size_t i = rng_below(rng, sizeof(op) / sizeof(op[0]));
	struct inode *dir;
	int err = inode_get(fs, dino, &dir);

	if (!err) {
		err = op[i](dir, rng);
		inode_put(dir, 1);
	}
	if (err && err != -1)
		printf("MISMATCH: shared operation %zu failed: %s\n", i, strerror(-err));
	return err ? -1 : 0;
}

/* -- at the end ------------------------------------------------------------------------ */

static int check_file(struct inode *dir, const struct tally *t, int i)
{
	static _Thread_local uint32_t w[2 * SPAN / 4];
	unsigned links = 0;
	struct inode *ip;
	struct iattr a;
	int err = namei_lookup(dir, (struct name){ names[i], 2 }, &ip);

	if (err)
		return err;
	attr_get(ip, &a);
	for (int k = 0; k < NAMES; k++)
		links += t->seen[k] && t->ino[k] == t->ino[i];
	if (ip->ino != t->ino[i] || links != a.nlink) {
		printf("MISMATCH: %s is inode %" PRIu64 " (listed %" PRIu64 ") with %u links, %u names\n", names[i],
		       ip->ino, t->ino[i], a.nlink, links);
		err = -1;
	}
	ssize_t n = err ? 0 : file_read(ip, w, sizeof(w), 0);

	err = n < 0 ? (int)n : err ? err : check_words(ip, w, (size_t)n / 4);
	inode_put(ip, 1);
	return err;
}

int shared_check(struct fs *fs, uint64_t dino)
{
	struct tally t = { 0 };
	struct inode *dir;
	int err = inode_get(fs, dino, &dir);

	if (err)
		return -1;
	err = dir_read(dir, 0, count, &t);
	for (int i = 0; i < NAMES && !err; i++)
		if (t.seen[i])
			err = check_file(dir, &t, i);
	inode_put(dir, 1);
	if (err && err != -1)
		printf("MISMATCH: the shared directory cannot be read: %s\n", strerror(-err));
	return err || t.bad ? -1 : 0;
}
