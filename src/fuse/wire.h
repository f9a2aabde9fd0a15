/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire.h -- parts of the FUSE protocol that libfuse 3.14 does not know
 */
#ifndef FUSE_WIRE_H
#define FUSE_WIRE_H

#include <stdbool.h>
#include <stddef.h>

struct daemon;
struct fuse_session;

/**
 * wire_attach - see each message of a session as it passes
 * @se: mounted, not yet running
 *
 * From then on the kernel is offered, where it knows them: HANDLE_KILLPRIV_V2,
 * PARALLEL_DIROPS, DIRECT_IO_ALLOW_MMAP and SETXATTR_EXT; REQUEST_TIMEOUT, if the options ask
 * for it; requests over io_uring, if the daemon has them ready; and O_TMPFILE, STATX and COPY_FILE_RANGE_64 work.
 *
 * Return: 0 or negative errno.
 */
int wire_attach(struct fuse_session *se);

/**
 * wire_receive - look at a request before libfuse does, however it came
 * @d:   whom it is for
 * @msg: all of it, header first; may be changed
 * @len: bytes
 *
 * Context: the thread that hands it to libfuse next.
 * Return: bytes of the message that libfuse is to see.
 */
size_t wire_receive(struct daemon *d, void *msg, size_t len);

/**
 * wire_kills_priv - must the request that this thread serves clear set-id bits?
 *
 * Context: in the handler of a write, a setattr, an open, a fallocate or a copy_file_range.
 */
bool wire_kills_priv(void);

/**
 * wire_is_tmpfile - is the file that this thread creates to have no name (O_TMPFILE)?
 *
 * Context: in the handler of a create; the name it got means nothing then.
 */
bool wire_is_tmpfile(void);

/**
 * wire_acl_kills_sgid - must the access ACL that this thread sets clear setgid?
 *
 * Context: in the handler of a setxattr.  The kernel knows all groups of the caller, the daemon only one.
 */
bool wire_acl_kills_sgid(void);

/**
 * wire_is_statx - does the kernel want the answer to STATX, with the birth time?
 *
 * Context: in the handler of a getattr.
 */
bool wire_is_statx(void);

/**
 * wire_is_copy_64 - does the kernel want the number of copied bytes in 64 bits?
 *
 * Context: in the handler of a copy_file_range.
 */
bool wire_is_copy_64(void);

/**
 * wire_parallel_writes - several may write to the file that this thread opens at the same time
 *
 * The kernel then holds its inode shared while one writes within the file in direct mode.  For
 * appending and growing, and while the file is mapped, it goes on holding it alone.
 *
 * Context: in the handler of an open or create, before the reply, which has FOPEN_DIRECT_IO.
 */
void wire_parallel_writes(void);

#endif
