/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file.h -- reading and writing regular files
 */
#ifndef DAXFS_CORE_FILE_H
#define DAXFS_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/pin.h"

struct inode;

/* Writes of at least this many bytes go non-temporal and are durable at once (measured: doc/performance.md). */
#define FILE_NT_MIN	512

/* file_open, file_release - count users; the last release gives preallocated blocks back (prealloc.h). */
void file_open(struct inode *ip);
void file_release(struct inode *ip);

/**
 * file_read - copy out
 * Context: takes no lock when the radix cache knows the range.
 * Return: bytes (short at end of file), -EIO (media error), -EUCLEAN, -EISDIR, -EINVAL (not a regular file).
 */
ssize_t file_read(struct inode *ip, void *buf, size_t len, uint64_t off);

/* file_peek - as file_read(), but the access time stays. */
ssize_t file_peek(struct inode *ip, void *buf, size_t len, uint64_t off);

/* file_touch_atime - something was read: move the access time as the mount options say. */
void file_touch_atime(struct inode *ip);

#define FILE_APPEND	1u	/* at the end of file, atomically; @off is ignored */
#define FILE_DSYNC	2u	/* O_DSYNC: data and size durable on return */
#define FILE_SYNC	4u	/* O_SYNC: times too */
#define FILE_KILL_PRIV	8u	/* clear set-id bits first */
#define FILE_KILL_SGID	16u	/* with it: setgid even if the group may not execute */

/**
 * file_write - copy in
 * Whole: of calls that overlap one comes after the other, as if in no time; so long as
 * they do not, none waits for another, but where both need the inode's lock (rangelock.h, write.c).
 * Readers may find a part.
 * Durable: size and map at return; data at return where it went non-temporal or with
 * FILE_DSYNC/FILE_SYNC (or FS_DSYNC/FS_SYNC of the mount), else after sync_file().
 * Return: @len, or -ENOSPC, -EFBIG (past the largest size), -EIO, -EROFS, -ENOMEM, -EUCLEAN: then
 * size and content are as before (-EIO: content of the failing block undefined).  Or region_error()
 * of what should be durable: then it is written, but perhaps not durable.
 */
ssize_t file_write(struct inode *ip, const void *buf, size_t len, uint64_t off, unsigned flags);

/**
 * file_pin - where a range lies, for a reply that points into the media
 * @iov, @nr: filled; holes point to a page of zeroes
 * The blocks are not reused until pin_put(@pin).  The access time is the caller's to move.
 * Return: bytes covered (may be less than @len: then call again), or an error and no pin.
 */
struct file_range { uint64_t off; size_t len; };
ssize_t file_pin(struct inode *ip, struct file_range r, struct iovec *iov, unsigned *nr, struct pin *pin);

#endif
