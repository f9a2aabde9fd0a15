/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.c -- parts of the FUSE protocol that libfuse 3.14 does not know
 *
 * libfuse lets a program bring its own read and writev of /dev/fuse.  Ours are
 * the plain system calls with a look at the bytes: requests tell flags that
 * libfuse drops, and the answer to INIT gets more capabilities.
 *
 *   HANDLE_KILLPRIV_V2    the kernel says per request whether set-id bits have
 *                         to go, and stops asking for security.capability
 *                         before each write
 *   PARALLEL_DIROPS       look-ups in one directory at the same time (3.14.0
 *                         loses this one on the way)
 *   DIRECT_IO_ALLOW_MMAP  shared mappings of files in direct mode
 *   SETXATTR_EXT          the kernel says when a new ACL has to clear setgid;
 *                         the longer request is brought to the form that
 *                         libfuse knows
 *   REQUEST_TIMEOUT       the kernel ends the connection when a request has not
 *                         been answered for as long as request_timeout= says
 *   OVER_IO_URING         requests come over io_uring as well; ring.c shows
 *                         them to us, and takes the replies
 *
 * The answer to an OPEN or CREATE gets PARALLEL_DIRECT_WRITES, which struct fuse_file_info
 * has no bit for, where the handler says so.
 *
 * A TMPFILE request has the form of CREATE, and its answer too: it becomes one.
 * A STATX request becomes a GETATTR that is answered in another form (statx.c), and
 * COPY_FILE_RANGE_64 a COPY_FILE_RANGE (ops_file.c).
 *
 * A thread gets a request and serves it before it gets the next, so what was
 * seen can wait in a thread-local variable.
 */
#define FUSE_USE_VERSION 314
#include "fuse/wire.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "fuse/options.h"
#include "fuse/ring.h"
#include "fuse/session.h"
#include "fuse/uring.h"
#include "fuse/uring_abi.h"

#ifndef FUSE_DIRECT_IO_ALLOW_MMAP
#define FUSE_DIRECT_IO_ALLOW_MMAP	(1ULL << 36)
#endif

/* FUSE_REQUEST_TIMEOUT; and where in fuse_init_out the seconds are, which older headers call unused. */
#define WIRE_REQUEST_TIMEOUT	(1ULL << 42)
#define TIMEOUT_AT		(offsetof(struct fuse_init_out, flags2) + 2 * sizeof(uint32_t))

#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES	(1 << 6)
#endif

#define GATHER_NS		2000000

#define MORE_CAPABILITIES	(FUSE_HANDLE_KILLPRIV_V2 | FUSE_PARALLEL_DIROPS | \
				 FUSE_DIRECT_IO_ALLOW_MMAP | FUSE_SETXATTR_EXT)

/* FUSE_TMPFILE, which older headers lack. */
#define OPCODE_TMPFILE		51

/* FUSE_STATX: its argument begins as that of GETATTR does. */
#define OPCODE_STATX		52

/* FUSE_COPY_FILE_RANGE_64: as COPY_FILE_RANGE, but the answer has room for more bytes. */
#define OPCODE_COPY_64		53

static _Thread_local bool kills_priv, is_tmpfile, is_statx, is_copy_64, acl_kills_sgid;

/* The file that is being opened may have several writers at a time. */
static _Thread_local bool writes_parallel;

/* SETXATTR_EXT has been agreed on. */
static atomic_bool long_setxattr;

/*
 * DIRECT_IO_ALLOW_MMAP has been agreed on.  Kernels before that (6.6) begin parallel writes
 * to a file with pages under write-back as if they were alone; 6.6 to 6.8, which have it, do not
 * allow them any; later ones do while nothing maps the file.
 */
static atomic_bool knows_parallel;

/* Other requests come over io_uring: /dev/fuse brings FORGET and INTERRUPT, which can wait a moment. */
static atomic_bool over_uring;
static _Thread_local bool got_forget;

/* Capabilities to add to the answer that is awaited; 0 once it has gone. */
static _Atomic uint64_t init_more;
static _Atomic uint64_t init_unique;

/* The body of a request, when @len bytes of message hold all of it. */
static const void *body(const void *buf, size_t len, size_t size)
{
	if (len < sizeof(struct fuse_in_header) + size)
		return NULL;
	return (const char *)buf + sizeof(struct fuse_in_header);
}

static void see_init(const struct fuse_in_header *h, size_t len, struct daemon *d)
{
	const struct fuse_init_in *in = body(h, len, sizeof(*in));
	uint64_t offered, wanted = MORE_CAPABILITIES;

	if (!in)
		return;
	offered = in->flags;
	if (offered & FUSE_INIT_EXT)
		offered |= (uint64_t)in->flags2 << 32;
	wanted |= d->uring ? WIRE_OVER_IO_URING : 0;
	wanted |= d->opt->request_timeout ? WIRE_REQUEST_TIMEOUT : 0;
	d->no_timeout = wanted & ~offered & WIRE_REQUEST_TIMEOUT;
	atomic_store(&init_unique, h->unique);
	atomic_store(&init_more, offered & wanted);
}

static bool write_kills_priv(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_write_in *in = body(h, len, sizeof(*in));

	return in && (in->write_flags & FUSE_WRITE_KILL_SUIDGID);
}

static bool setattr_kills_priv(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_setattr_in *in = body(h, len, sizeof(*in));

	return in && (in->valid & FATTR_KILL_SUIDGID);
}

static bool open_kills_priv(const struct fuse_in_header *h, size_t len)
{
	const struct fuse_open_in *in = body(h, len, sizeof(*in));

	return in && (in->open_flags & FUSE_OPEN_KILL_SUIDGID);
}

/* The longer form loses what is behind FUSE_COMPAT_SETXATTR_IN_SIZE.  Return: bytes of the message. */
static size_t shorten_setxattr(struct fuse_in_header *h, size_t len)
{
	const struct fuse_setxattr_in *in = body(h, len, sizeof(*in));
	const size_t cut = sizeof(*in) - FUSE_COMPAT_SETXATTR_IN_SIZE;
	char *to = (char *)h + sizeof(*h) + FUSE_COMPAT_SETXATTR_IN_SIZE;

	if (!in || !atomic_load_explicit(&long_setxattr, memory_order_relaxed))
		return len;
	acl_kills_sgid = in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	memmove(to, to + cut, len - sizeof(*h) - sizeof(*in));
	h->len = (uint32_t)(len - cut);
	return len - cut;
}

/* Is it one that libfuse refuses (once, mostly) because we have no handler for it? */
static bool has_no_handler(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_FLUSH:
	case FUSE_GETLK:
	case FUSE_SETLK:
	case FUSE_SETLKW:
	case FUSE_ACCESS:
	case FUSE_INTERRUPT:
	case FUSE_BMAP:
	case FUSE_POLL:
	case FUSE_SYNCFS:
		return true;
	default:
		return opcode > OPCODE_COPY_64;
	}
}

size_t wire_receive(struct daemon *d, void *msg, size_t len)
{
	struct fuse_in_header *h = msg;

	kills_priv = is_tmpfile = is_statx = is_copy_64 = acl_kills_sgid = writes_parallel = false;
	if (len < sizeof(*h))
		return len;
	if (has_no_handler(h->opcode))
		counters_add(&d->counters, DAXFS_OP_other);
	switch (h->opcode) {
	case FUSE_WRITE:
		kills_priv = write_kills_priv(h, len);
		break;
	case FUSE_SETATTR:
		kills_priv = setattr_kills_priv(h, len);
		break;
	case FUSE_OPEN:
		kills_priv = open_kills_priv(h, len);
		break;
	case OPCODE_COPY_64:
		is_copy_64 = true;
		h->opcode = FUSE_COPY_FILE_RANGE;
		kills_priv = h->uid != 0;
		break;
	case FUSE_COPY_FILE_RANGE:
	case FUSE_FALLOCATE:
		kills_priv = h->uid != 0;	/* no flag in these */
		break;
	case OPCODE_TMPFILE:
		is_tmpfile = true;
		h->opcode = FUSE_CREATE;
		break;
	case OPCODE_STATX:
		is_statx = true;
		h->opcode = FUSE_GETATTR;
		break;
	case FUSE_SETXATTR:
		return shorten_setxattr(h, len);
	default:
		break;
	}
	return len;
}

/*
 * Nobody waits for a FORGET, but who causes it has to wake whoever reads them.  Not while that one sleeps: then
 * they gather, and come together.
 */
static void let_forgets_gather(void)
{
	const struct timespec pause = { .tv_nsec = GATHER_NS };

	if (got_forget && atomic_load_explicit(&over_uring, memory_order_relaxed))
		nanosleep(&pause, NULL);
}

static ssize_t wire_read(int fd, void *buf, size_t len, void *userdata)
{
	const struct fuse_in_header *h = buf;
	ssize_t n;

	let_forgets_gather();
	n = read(fd, buf, len);
	if (n < (ssize_t)sizeof(*h))
		return n;
	if (h->opcode == FUSE_INIT)
		see_init(h, (size_t)n, userdata);
	got_forget = h->opcode == FUSE_FORGET || h->opcode == FUSE_BATCH_FORGET;
	return (ssize_t)wire_receive(userdata, buf, (size_t)n);
}

/* Is this the awaited answer, in the form that the flags below are for? */
static bool is_init_reply(const struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;

	return count == 2 && iov[0].iov_len == sizeof(*h) && h->error == 0 &&
	       h->unique == atomic_load(&init_unique) &&
	       iov[1].iov_len == sizeof(struct fuse_init_out);
}

static ssize_t send_init_reply(int fd, const struct iovec *iov, uint64_t more, const struct options *opt)
{
	const uint16_t timeout = (uint16_t)opt->request_timeout;
	struct fuse_init_out out;
	struct iovec changed[2] = { iov[0], { &out, sizeof(out) } };

	memcpy(&out, iov[1].iov_base, sizeof(out));
	out.flags |= (uint32_t)more;
	atomic_store(&long_setxattr, (more & FUSE_SETXATTR_EXT) != 0);
	atomic_store(&knows_parallel, (more & FUSE_DIRECT_IO_ALLOW_MMAP) != 0);
	if (more >> 32) {
		out.flags |= FUSE_INIT_EXT;
		out.flags2 |= (uint32_t)(more >> 32);
	}
	if (more & WIRE_REQUEST_TIMEOUT)
		memcpy((char *)&out + TIMEOUT_AT, &timeout, sizeof(timeout));
	return writev(fd, changed, 2);
}

/* The rings' entries can be registered only when the kernel has the answer. */
static ssize_t answer_init(int fd, const struct iovec *iov, const struct daemon *d)
{
	uint64_t more = atomic_exchange(&init_more, 0);
	ssize_t n = send_init_reply(fd, iov, more, d->opt);
	const bool agreed = n > 0 && (more & WIRE_OVER_IO_URING);

	atomic_store(&over_uring, agreed);
	if (d->uring)
		uring_begin(d->uring, agreed);
	return n;
}

/* The answers to OPEN and CREATE end alike, and nothing else is answered with @writes_parallel but a refusal. */
static void allow_parallel_writes(const struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	struct fuse_open_out out;
	char *at;

	if (count != 2 || !h->unique || h->error || iov[1].iov_len < sizeof(out))
		return;
	at = (char *)iov[1].iov_base + iov[1].iov_len - sizeof(out);
	memcpy(&out, at, sizeof(out));
	out.open_flags |= FOPEN_PARALLEL_DIRECT_WRITES;
	memcpy(at, &out, sizeof(out));
}

static ssize_t total(const struct iovec *iov, int count)
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;
	return (ssize_t)n;
}

/* A notification (unique 0) may go through any descriptor; libfuse's own is closed before the rings end. */
static int descriptor(int fd, const struct fuse_out_header *h, const struct daemon *d)
{
	return d->uring && !h->unique ? uring_fd(d->uring) : fd;
}

static ssize_t wire_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct daemon *d = userdata;
	ssize_t n;

	if (writes_parallel)
		allow_parallel_writes(iov, count);
	if (ring_reply(iov, count))
		return total(iov, count);
	if (atomic_load_explicit(&init_more, memory_order_relaxed) && is_init_reply(iov, count))
		return answer_init(fd, iov, d);
	n = writev(descriptor(fd, iov[0].iov_base, d), iov, count);
	if (n < 0 && errno == EFAULT)
		log_error("the device could not return some bytes: a read got EIO");
	return n;
}

int wire_attach(struct fuse_session *se)
{
	static const struct fuse_custom_io io = { .writev = wire_writev, .read = wire_read };

	return fuse_session_custom_io(se, &io, fuse_session_fd(se));
}

bool wire_kills_priv(void)
{
	return kills_priv;
}

bool wire_is_tmpfile(void)
{
	return is_tmpfile;
}

bool wire_acl_kills_sgid(void)
{
	return acl_kills_sgid;
}

bool wire_is_statx(void)
{
	return is_statx;
}

bool wire_is_copy_64(void)
{
	return is_copy_64;
}

void wire_parallel_writes(void)
{
	writes_parallel = atomic_load_explicit(&knows_parallel, memory_order_relaxed);
}
