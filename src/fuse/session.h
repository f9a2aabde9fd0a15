/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session.h -- one mounted filesystem: libfuse's session around an engine
 */
#ifndef FUSE_SESSION_H
#define FUSE_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "fuse/counters.h"
#include "fuse/flusher.h"
#include "fuse/uring.h"

struct fs;
struct fuse_session;
struct inode;
struct options;

/* Bytes of data in a request, and in a reply: what the kernel allows by default, and what libfuse 3.14's buffer holds. */
#define MAX_TRANSFER	(1u << 20)

/* What every request handler finds in fuse_req_userdata(). */
struct daemon {
	const struct options *opt;
	struct fs	*fs;
	struct inode	*root;		/* the kernel knows it without asking: its reference */
	struct fuse_session *se;
	struct uring	*uring;		/* NULL: requests come through /dev/fuse only */
	unsigned	 max_read;	/* bytes of a request; 0: as many as a reply may have */
	char		 no_uring[URING_WHY];	/* why, unless the options say so */
	bool		 kernel_opens_dirs;	/* if told so, and lists them from its cache */
	bool		 kernel_opens_files;	/* told so: no file is in direct mode, and OPEN would tell nothing */
	bool		 selinux;	/* this kernel labels files */
	bool		 prompt;	/* a write leaves nothing for fsync to do, for as long as it is mounted */
	bool		 no_timeout;	/* request_timeout= asks for what this kernel does not have */
	_Atomic int	 failed;	/* negative errno: why requests can no longer be served */
	_Atomic int64_t	 removed_at;	/* coarse CLOCK_MONOTONIC, ns: when a name went last */
	struct timespec	 started;	/* CLOCK_MONOTONIC */
	struct flusher	 flusher;
	struct counters	 counters;
	void		(*ready)(struct daemon *d);	/* called once requests are served */
	int		 ready_fd;	/* daemon.c's */
};

/**
 * session_open - make the session and mount it
 * @d:   opt, fs and ready are set; the rest is filled in, root with a reference that session_run() gives back
 * @dir: mount point, absolute
 *
 * libfuse or fusermount3 say why on the log or standard error.
 *
 * Return: 0, -ENOMEM, -EPERM (not mounted, or not in the way the options insist on), or as
 * wire_attach() or inode_get().
 */
int session_open(struct daemon *d, const char *dir);

/**
 * session_run - serve until unmounted or told to stop
 * @d:   an open session
 * @dir: its mount point, absolute
 *
 * SIGTERM, SIGINT and SIGHUP end it: dirty mapped pages are written back
 * first, then programs that still use the filesystem get errors.  So they do when requests can no longer be
 * served.  It is unmounted when this returns.
 *
 * Context: called once, from the thread that opened the session, with the
 * signals blocked (signals_block()).
 * Return: 0 or negative errno.
 */
int session_run(struct daemon *d, const char *dir);

/* session_close - unmount, if session_run() has not done it, and free the session. */
void session_close(struct daemon *d);

#endif
