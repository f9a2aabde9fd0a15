/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring.c -- one io_uring, and the thread that serves what comes over it
 *
 * Owns the entries' buffers and their way round: the kernel fills an entry and
 * completes its command; the thread puts the message together, lets libfuse and
 * the handler answer it, and gives the entry back with the next command.
 * Every handler answers before it returns, so an entry never waits for another
 * thread.  The reply is written over the request's data: no handler looks at a
 * name or at data after it has replied.
 *
 * The message begins right before the payload, so that libfuse finds it in one
 * piece and data of a write lie on a page of their own:
 *
 *	| block, 288 bytes ...       header, op | payload ...
 *	^ start of the entry                    ^ + HEADER_ROOM
 *
 * No lock: all belongs to the ring's thread, but for @stop and @wake.
 */
#include "fuse/ring.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/log.h"
#include "fuse/session.h"
#include "fuse/uring_abi.h"
#include "fuse/wire.h"

#define HEADER_ROOM	4096u
#define ENTRY_BYTES	((size_t)HEADER_ROOM + MAX_TRANSFER)

#define BRIEF		(64u << 10)	/* bytes of a read or write */

/* Commands beside those of entries: the poll of the eventfd. */
#define MORE_COMMANDS	1

struct ring_entry {
	struct ring	*ring;
	struct uring_block *block;
	uint8_t		*payload;
	struct iovec	 iov[2];	/* both of them, for the registration */
	uint64_t	 unique;	/* of the request */
	uint64_t	 commit_id;
	enum uring_command command;	/* the last one given to the kernel */
	uint16_t	 qid;
	bool		 replied;
};

/* What this thread serves. */
static _Thread_local struct ring_entry *current;

/* -- making and unmaking ------------------------------------------------------ */

static int make_io(struct ring *r)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN,
	};
	int err = io_uring_queue_init_params(r->nr + MORE_COMMANDS, &r->io, &p);

	if (err)
		return err;
	err = io_uring_register_files(&r->io, &r->fd, 1);
	if (err)
		io_uring_queue_exit(&r->io);
	else
		io_uring_register_ring_fd(&r->io);	/* a little faster where it works */
	return err;
}

static void place_entry(struct ring *r, unsigned i, uint16_t qid)
{
	struct ring_entry *e = &r->entry[i];
	uint8_t *start = (uint8_t *)r->buffers + i * ENTRY_BYTES;

	e->ring = r;
	e->qid = qid;
	e->block = (void *)start;
	e->payload = start + HEADER_ROOM;
	e->iov[0] = (struct iovec){ e->block, sizeof(*e->block) };
	e->iov[1] = (struct iovec){ e->payload, MAX_TRANSFER };
}

static int make_entries(struct ring *r, const uint16_t *qid)
{
	r->entry = calloc(r->nr, sizeof(*r->entry));
	if (!r->entry)
		return -ENOMEM;
	r->buffers = mmap(NULL, r->nr * ENTRY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->buffers == MAP_FAILED) {
		free(r->entry);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < r->nr; i++)
		place_entry(r, i, qid[i]);
	return 0;
}

static void free_entries(struct ring *r)
{
	munmap(r->buffers, r->nr * ENTRY_BYTES);
	free(r->entry);
}

int ring_init(struct ring *r, const uint16_t *qid)
{
	int err = make_entries(r, qid);

	if (err)
		return err;
	atomic_init(&r->stop, false);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->wake < 0) {
		err = -errno;
		goto free;
	}
	err = make_io(r);
	if (!err)
		return 0;
	close(r->wake);
free:
	free_entries(r);
	return err;
}

void ring_fini(struct ring *r)
{
	io_uring_queue_exit(&r->io);
	close(r->wake);
	free_entries(r);
}

void ring_stop(struct ring *r)
{
	const uint64_t one = 1;

	atomic_store(&r->stop, true);
	if (write(r->wake, &one, sizeof(one)) < 0)
		log_error("cannot wake a ring's thread: %s", strerror(errno));
}

/* -- commands to the kernel ----------------------------------------------------- */

/* There is room for each entry's command, and an entry has one at a time. */
static struct io_uring_sqe *new_sqe(struct ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->io);

	assert(sqe);
	return memset(sqe, 0, 2 * sizeof(*sqe));
}

static void put_command(struct ring_entry *e, enum uring_command command)
{
	struct io_uring_sqe *sqe = new_sqe(e->ring);
	struct uring_cmd_req rq = { .qid = e->qid };

	sqe->opcode = IORING_OP_URING_CMD;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = command;
	sqe->user_data = (uintptr_t)e;
	if (command == URING_REGISTER) {
		sqe->addr = (uintptr_t)e->iov;
		sqe->len = 2;
	} else {
		rq.commit_id = e->commit_id;
	}
	memcpy(sqe->cmd, &rq, sizeof(rq));
	e->command = command;
}

static void watch_wake(struct ring *r)
{
	struct io_uring_sqe *sqe = new_sqe(r);

	io_uring_prep_poll_add(sqe, r->wake, POLLIN);
	sqe->user_data = 0;
}

/* -- one request ---------------------------------------------------------------- */

/* The message in one piece, or NULL when the parts cannot belong together. */
static struct fuse_in_header *assemble(struct ring_entry *e)
{
	struct fuse_in_header h;
	size_t payload = e->block->transfer.payload_len, op;
	uint8_t *msg;

	memcpy(&h, e->block->msg, sizeof(h));
	if (payload > MAX_TRANSFER || h.len < sizeof(h) + payload)
		return NULL;
	op = h.len - sizeof(h) - payload;
	if (op > sizeof(e->block->op))
		return NULL;
	msg = e->payload - op - sizeof(h);
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), e->block->op, op);
	return (void *)msg;
}

static void answer(struct ring_entry *e, int error, size_t len)
{
	const struct fuse_out_header h = {
		.len = (uint32_t)(sizeof(h) + len),
		.error = error,
		.unique = e->unique,
	};

	memcpy(e->block->msg, &h, sizeof(h));
	e->block->transfer.payload_len = (uint32_t)len;
	e->replied = true;
}

bool ring_reply(const struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	struct ring_entry *e = current;
	size_t len = 0;

	if (!e || h->unique != e->unique)
		return false;
	for (int i = 1; i < count; i++) {
		if (iov[i].iov_len > MAX_TRANSFER - len) {
			answer(e, -EIO, 0);
			return true;
		}
		if (iov[i].iov_base != e->payload + len)
			memmove(e->payload + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	answer(e, h->error, len);
	return true;
}

bool ring_serves(void)
{
	return current;
}

void ring_send(void)
{
	if (current)
		io_uring_submit(&current->ring->io);
}

void *ring_room(size_t size)
{
	return current && size <= MAX_TRANSFER ? current->payload : NULL;
}

/* So short that replies to others may wait for it: with many at a time, that spares system calls. */
static bool is_brief(const struct fuse_in_header *msg)
{
	const struct fuse_read_in *rd = (const void *)(msg + 1);

	return (msg->opcode == FUSE_READ && rd->size <= BRIEF) || (msg->opcode == FUSE_WRITE && msg->len <= BRIEF);
}

static void process(struct ring_entry *e, struct fuse_in_header *msg)
{
	struct daemon *d = e->ring->d;
	struct fuse_buf buf = { .mem = msg };
	const bool brief = is_brief(msg);

	buf.size = wire_receive(d, msg, msg->len);
	current = e;
	if (!brief)
		ring_send();
	fuse_session_process_buf(d->se, &buf);
	current = NULL;
}

static void serve(struct ring_entry *e)
{
	struct fuse_in_header *msg = assemble(e);

	e->commit_id = e->block->transfer.commit_id;
	e->replied = false;
	if (msg) {
		e->unique = msg->unique;
		process(e, msg);
	}
	if (!e->replied) {
		log_error("a request over io_uring was malformed, or found no answer");
		answer(e, -EIO, 0);
	}
	put_command(e, URING_COMMIT_AND_FETCH);
}

/* -- the thread ------------------------------------------------------------------- */

/* The kernel no longer uses the entry: because the connection has ended, or never did. */
static void retire(struct ring_entry *e, int err)
{
	const bool ended = err == -ENOTCONN || err == -ECONNABORTED || err == -ECANCELED;

	if (!ended && e == e->ring->entry)	/* what is said of one holds for all */
		log_warn("the kernel refuses requests over io_uring: %s", strerror(-err));
	e->ring->live--;
}

static void complete(struct ring_entry *e, int res)
{
	if (!e)
		return;		/* woken: the loop looks at @stop */
	switch (res) {
	case 0:
		serve(e);
		e->ring->served++;
		break;
	case -EAGAIN:
	case -EINTR:
		put_command(e, e->command);
		break;
	default:
		retire(e, res);
		break;
	}
}

/* Or an error, which ends the waiting, too. */
static bool is_there_more(struct ring *r, int *res)
{
	*res = io_uring_get_events(&r->io);
	return *res < 0 || io_uring_cq_ready(&r->io);
}

/*
 * Replies go out in one system call and the next request is waited for in another:
 * between the two a client on this CPU may run and ask again, which spares putting
 * this thread to sleep and waking it (measured: 0.25 us a request).
 */
static int send_and_wait(struct ring *r)
{
	int res;

	stay_before_send(&r->stay, r->served);
	io_uring_submit(&r->io);
	if (stay_after_send(&r->stay)) {
		if (is_there_more(r, &res))
			return res;
		sched_yield();	/* a client that has been woken need not have displaced this thread */
		stay_after_send(&r->stay);	/* others may have had the CPU */
		if (is_there_more(r, &res))
			return res;
		stay_before_sleep(&r->stay);
	}
	return io_uring_submit_and_wait(&r->io, 1);
}

static int turn(struct ring *r)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;
	int res = send_and_wait(r);

	if (res < 0 && res != -EINTR && res != -EAGAIN && res != -EBUSY)
		return res;
	r->served = 0;
	io_uring_for_each_cqe(&r->io, head, cqe) {
		complete((void *)(uintptr_t)cqe->user_data, cqe->res);
		n++;
	}
	io_uring_cq_advance(&r->io, n);
	return 0;
}

int ring_serve(struct ring *r)
{
	int err = 0;

	stay_init(&r->stay);
	watch_wake(r);
	for (unsigned i = 0; i < r->nr; i++)
		put_command(&r->entry[i], URING_REGISTER);
	r->live = r->nr;
	while (!err && r->live && !atomic_load_explicit(&r->stop, memory_order_relaxed))
		err = turn(r);
	stay_fini(&r->stay);
	return err;
}
