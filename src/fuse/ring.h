/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring.h -- one io_uring, and the thread that serves what comes over it
 *
 * A ring holds entries: a pair of buffers each, in which the kernel puts a
 * request and finds the reply.  An entry belongs to the queue of one CPU.
 */
#ifndef FUSE_RING_H
#define FUSE_RING_H

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuse/stay.h"

struct daemon;
struct iovec;
struct ring_entry;

struct ring {
	struct daemon	*d;
	int		 fd;		/* /dev/fuse */
	int		 wake;		/* eventfd */
	struct io_uring	 io;
	struct ring_entry *entry;
	unsigned	 nr, live;	/* entries; those that the kernel still uses */
	unsigned	 served;	/* requests in this turn */
	struct stay	 stay;
	void		*buffers;
	_Atomic bool	 stop;
};

/**
 * ring_init - all that can fail
 * @r:   d and fd are set; nr is the number of entries
 * @qid: the queue of each entry
 *
 * Context: the thread that will call ring_serve(), and no other.
 * Return: 0 or negative errno.
 */
int ring_init(struct ring *r, const uint16_t *qid);

/**
 * ring_serve - hand the entries to the kernel, and serve what comes
 *
 * Context: INIT has been answered.
 * Return: 0 once the connection has ended, or after ring_stop(); negative errno when the kernel lets the
 * thread serve no more: those who ask on its CPU would wait for ever.
 */
int ring_serve(struct ring *r);

/* ring_fini - what ring_init() made; requests that wait for an answer get an error. */
void ring_fini(struct ring *r);

/* ring_stop - let ring_serve() return after the request that it serves.  Any thread. */
void ring_stop(struct ring *r);

/**
 * ring_reply - take a reply, if it answers the request that this thread serves from a ring
 * @iov: fuse_out_header first
 *
 * Return: whether it was taken.
 */
bool ring_reply(const struct iovec *iov, int count);

/* ring_serves - did the request that this thread serves come over a ring? */
bool ring_serves(void);

/* ring_send - let the replies go out that this thread has ready; before it takes long, or sleeps. */
void ring_send(void);

/**
 * ring_room - where the data of a reply may be made, so that nobody need copy it
 * @size: bytes
 *
 * The room is that of the request's own data: whoever still reads these must not use it.
 *
 * Return: the place, or NULL: the request did not come over a ring, or there is less room.
 */
void *ring_room(size_t size);

#endif
