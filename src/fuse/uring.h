/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uring.h -- requests over io_uring: a ring for each CPU, beside libfuse's loop
 */
#ifndef FUSE_URING_H
#define FUSE_URING_H

#include <stdbool.h>

struct daemon;
struct uring;

/* Room for uring_open()'s phrase. */
#define URING_WHY	192

/**
 * uring_offered - does the kernel offer requests over io_uring?
 * @why: as uring_open()
 *
 * Return: 0, or -EOPNOTSUPP.
 */
int uring_offered(char *why);

/**
 * uring_open - make ready all that may fail, before the kernel is told anything
 * @out: filled in on success
 * @d:   its session is mounted; the first request, INIT, has not been read; the kernel offers io_uring
 * @why: URING_WHY bytes; on failure a phrase for the log, with the remedy if there is one
 *
 * Return: 0 or negative errno.
 */
int uring_open(struct uring **out, struct daemon *d, char *why);

/**
 * uring_begin - INIT has been answered
 * @u:      opened
 * @agreed: whether kernel and answer agreed on io_uring; if not, the threads end
 */
void uring_begin(struct uring *u, bool agreed);

/* uring_fd - /dev/fuse, for messages of our own as long as the rings serve. */
int uring_fd(const struct uring *u);

/**
 * uring_close - end the threads and, with the rings, a connection that is still in use
 * @u: may be NULL
 *
 * Context: after the unmount, which the rings may have to answer.
 */
void uring_close(struct uring *u);

#endif
