/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uring_abi.h -- FUSE over io_uring as Linux 6.14 and later speak it
 *
 * Numbers and layouts of the kernel's interface that the headers of Debian 12
 * lack, under names of our own, so that this goes on compiling where they do not.
 *
 * An entry has two buffers, told once, at registration: a block of headers, and
 * the payload.
 *
 *	request:  msg      fuse_in_header
 *	          op       the operation's fixed structure; its size is what is left of the message
 *	          payload  everything else: names, data
 *	reply:    msg      fuse_out_header
 *	          payload  everything else, structures included
 */
#ifndef FUSE_URING_ABI_H
#define FUSE_URING_ABI_H

#include <assert.h>
#include <stdint.h>

/* INIT, in both directions: requests may come over io_uring. */
#define WIRE_OVER_IO_URING	(1ULL << 41)

struct uring_transfer {
	uint64_t	flags;
	uint64_t	commit_id;	/* names the request to COMMIT_AND_FETCH */
	uint32_t	payload_len;
	uint32_t	padding;
	uint64_t	rsvd;
};

struct uring_block {
	uint8_t		msg[128];
	uint8_t		op[128];
	struct uring_transfer transfer;
};
static_assert(sizeof(struct uring_block) == 288, "struct fuse_uring_req_header");

/* sqe->cmd_op of IORING_OP_URING_CMD on /dev/fuse ... */
enum uring_command { URING_REGISTER = 1, URING_COMMIT_AND_FETCH = 2 };

/* ... and what stands at sqe->cmd, which takes an SQE of 128 bytes. */
struct uring_cmd_req {
	uint64_t	flags;
	uint64_t	commit_id;
	uint16_t	qid;		/* queue: the CPU that asks */
	uint8_t		padding[6];
};
static_assert(sizeof(struct uring_cmd_req) == 24, "struct fuse_uring_cmd_req");

#endif
