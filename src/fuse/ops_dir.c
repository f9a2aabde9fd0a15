/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ops_dir.c -- requests that concern the reading of directories
 *
 * The engine hands out entries while it holds the directory's lock; they are
 * packed straight into the reply.  readdirplus adds each entry's attributes,
 * and with them a reference for the kernel; the references are noted, to be
 * given back should the kernel not take the reply.
 *
 * The kernel keeps what it has read, until something changes in the directory,
 * and opens directories by itself: then there is no handle, only the number.
 * It looks for changes only where a listing begins (6.18).  One that is on its way
 * when a name changes becomes complete, and stale, and others then go on with it
 * in the middle of theirs: so op_dir_changed() has what was read so far dropped.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/dir.h"
#include "core/inode.h"
#include "fuse/ops.h"
#include "fuse/options.h"
#include "fuse/ring.h"

/* A readdirplus entry is never smaller than this, so it bounds their number. */
#define MIN_PLUS_BYTES	128

struct listing {
	fuse_req_t	 req;
	struct fs	*fs;
	char		*buf;
	size_t		 size, used;
	struct inode	**refs;		/* readdirplus: given to the kernel */
	size_t		 nr_refs;
};

/*
 * With ENOSYS the kernel stops asking, and lists directories from its cache.  Not when each
 * reading has to move the access time.
 */
static bool kernel_lists(const struct daemon *d)
{
	return d->kernel_opens_dirs && d->opt->atime != OPTION_STRICTATIME;
}

void op_dir_changed(struct daemon *d, struct inode *dir)
{
	if (kernel_lists(d) && atomic_exchange_explicit(&dir->shown, false, memory_order_relaxed))
		fuse_lowlevel_notify_inval_inode(d->se, dir->ino, 0, 0);
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_opendir);
	struct inode *dir;
	int err;

	if (kernel_lists(d)) {
		request_error(req, -ENOSYS);
		return;
	}
	err = inode_get(d->fs, ino, &dir);
	if (!err && !inode_is_dir(dir)) {
		inode_put(dir, 1);
		err = -ENOTDIR;
	}
	if (err) {
		request_error(req, err);
		return;
	}
	fi->fh = (uintptr_t)dir;
	if (fuse_reply_open(req, fi))
		inode_put(dir, 1);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	request_start(req, DAXFS_OP_releasedir);
	inode_put((struct inode *)(uintptr_t)fi->fh, 1);
	request_error(req, 0);
}

/* Changes of directories are durable when they return: ENOSYS, and the kernel stops asking. */
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	request_start(req, DAXFS_OP_fsyncdir);
	request_error(req, -ENOSYS);
}

static const char *terminated(char out[DAXFS_NAME_MAX + 1], struct name name)
{
	memcpy(out, name.s, name.len);
	out[name.len] = '\0';
	return out;
}

static mode_t type_mode(unsigned type)
{
	return (mode_t)DTTOIF((mode_t)type);
}

static int emit_plain(void *arg, const struct dir_entry *e)
{
	struct listing *l = arg;
	char name[DAXFS_NAME_MAX + 1];
	struct stat st = { .st_ino = e->ino, .st_mode = type_mode(e->type) };
	size_t need;

	need = fuse_add_direntry(l->req, l->buf + l->used, l->size - l->used,
				 terminated(name, e->name), &st, (off_t)e->next);
	if (need > l->size - l->used)
		return 1;
	l->used += need;
	return 0;
}

static bool is_dot_or_dotdot(struct name n)
{
	return n.s[0] == '.' && (n.len == 1 || (n.len == 2 && n.s[1] == '.'));
}

/*
 * Fill @plus and take the kernel's reference; 1 when the name is to be left
 * out.  "." and "..", and inodes that cannot be read, are named without.
 */
static int plus_entry(struct listing *l, const struct dir_entry *e, struct fuse_entry_param *plus)
{
	struct inode *ip;
	int err;

	memset(plus, 0, sizeof(*plus));
	plus->attr.st_ino = e->ino;
	plus->attr.st_mode = type_mode(e->type);
	if (is_dot_or_dotdot(e->name))
		return 0;
	err = inode_get(l->fs, e->ino, &ip);
	if (err)
		return err == -ESTALE;
	request_fill_entry(ip, plus);
	l->refs[l->nr_refs++] = ip;
	return 0;
}

static int emit_plus(void *arg, const struct dir_entry *e)
{
	struct listing *l = arg;
	char name[DAXFS_NAME_MAX + 1];
	struct fuse_entry_param plus;

	terminated(name, e->name);
	if (fuse_add_direntry_plus(l->req, NULL, 0, name, NULL, 0) > l->size - l->used)
		return 1;
	if (plus_entry(l, e, &plus))
		return 0;
	l->used += fuse_add_direntry_plus(l->req, l->buf + l->used, l->size - l->used, name, &plus,
					  (off_t)e->next);
	return 0;
}

static void give_back(struct listing *l)
{
	while (l->nr_refs)
		inode_put(l->refs[--l->nr_refs], 1);
}

/* An error behind some entries waits for the next call, which finds none. */
static void reply_listing(struct listing *l, struct inode *dir, uint64_t cookie)
{
	int err = dir_read(dir, cookie, l->refs ? emit_plus : emit_plain, l);

	atomic_store_explicit(&dir->shown, true, memory_order_relaxed);
	if (err && !l->used)
		request_error(l->req, err);
	else if (fuse_reply_buf(l->req, l->buf, l->used))
		give_back(l);
}

static void list(struct listing *l, fuse_ino_t ino, off_t off)
{
	struct inode *dir;
	int err = inode_get(l->fs, ino, &dir);

	if (err) {
		request_error(l->req, err);
		return;
	}
	reply_listing(l, dir, (uint64_t)off);
	inode_put(dir, 1);
}

/* The entries are made where the reply is taken from, if there is such a place. */
static void list_into_room(struct listing *l, fuse_ino_t ino, off_t off)
{
	void *room = ring_room(l->size);

	l->buf = room ? room : malloc(l->size);
	if (l->buf)
		list(l, ino, off);
	else
		request_error(l->req, -ENOMEM);
	if (!room)
		free(l->buf);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_readdir);
	struct listing l = { .req = req, .fs = d->fs, .size = size };

	(void)fi;
	list_into_room(&l, ino, off);
	flusher_note(&d->flusher);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct daemon *d = request_start(req, DAXFS_OP_readdirplus);
	struct listing l = { .req = req, .fs = d->fs, .size = size };

	(void)fi;
	l.refs = calloc(size / MIN_PLUS_BYTES + 1, sizeof(*l.refs));
	if (l.refs)
		list_into_room(&l, ino, off);
	else
		request_error(req, -ENOMEM);
	free(l.refs);
	flusher_note(&d->flusher);
}
