/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * acked.h -- what a filesystem has acknowledged, and what may be in flight
 *
 * A log of operations, one begin and one end each, that lies outside of the
 * filesystem under test; and a model that follows from the log.  Each word
 * of a file names the run, the file, its place and the operation that wrote it, so
 * that old, new, torn and foreign bytes can be told from one another.
 */
#ifndef TESTS_MOUNT_ACKED_H
#define TESTS_MOUNT_ACKED_H

#include <stdbool.h>
#include <stdint.h>

#define ACKED_WORD	8u			/* bytes; content is atomic by that much */
#define ACKED_WORDS	32768u			/* words of the largest file: 256 KiB */
#define ACKED_SLOTS	16u			/* names a thread works with */
#define ACKED_DIRS	2u			/* directories that they lie in */
#define ACKED_PENDING	64u			/* writes of a file between two syncs */
#define ACKED_SEQ_MAX	((1u << 20) - 1)	/* operations of a thread */
#define ACKED_FILES_MAX	((1u << 14) - 1)	/* files that a thread makes */
#define ACKED_THREADS	4u
#define ACKED_XATTR	"user.acked"
#define ACKED_XATTR_MAX	6144u			/* bytes: up to two blocks of the chain */

enum acked_op {
	ACKED_CREATE, ACKED_WRITE, ACKED_SYNC, ACKED_TRUNCATE, ACKED_PUNCH, ACKED_SETXATTR,
	ACKED_RENAME, ACKED_EXCHANGE, ACKED_LINK, ACKED_UNLINK,
};

/* One record of the log; an operation without its second record is in flight. */
struct acked_rec {
	uint32_t seq;		/* 1, 2, 3...: also the version of the words it writes */
	uint8_t op;		/* enum acked_op */
	uint8_t done;		/* 0 before the call, 1 after it has returned */
	uint8_t slot, to;	/* the name, and the other name */
	uint64_t off, len;	/* bytes, multiples of ACKED_WORD; ACKED_CREATE: len 1 = O_DSYNC */
	int64_t mtime;		/* ACKED_SYNC, done: what fstat(2) then said, ns */
};

struct acked_pending { uint64_t off, len; uint32_t version; };

struct acked_file {
	uint32_t id;
	unsigned nlink;
	uint64_t size;
	bool dsync;
	int fd;			/* the writer's; -1 */
	uint32_t xattr;		/* version of the attribute, 0 = none */
	int64_t mtime;		/* when mtime_known: nothing has touched it since a sync */
	bool mtime_known;
	uint32_t *base;		/* version of each word that is durable; 0 = zero */
	uint32_t *last;		/* version of each word that a reader sees */
	uint32_t *since;	/* pending versions up to this one are out of the question */
	struct acked_pending pending[ACKED_PENDING];
	unsigned nr_pending;
};

struct acked_model {
	uint32_t salt;		/* of the run, 1..4095 */
	uint32_t thread;
	uint32_t nr_files;	/* made so far */
	struct acked_file *slot[ACKED_SLOTS];
};

/**
 * acked_word - what operation @version writes to word @index of file @id
 *
 * Return: never zero when @version is not; zero for version 0.
 */
uint64_t acked_word(const struct acked_model *m, const struct acked_file *f, uint64_t index, uint32_t version);

/* acked_xattr - the attribute's value of @version; returns its length. */
unsigned acked_xattr(const struct acked_model *m, const struct acked_file *f, uint32_t version,
		     uint8_t value[ACKED_XATTR_MAX]);

/* acked_path - "@dir/thread/directory/name" of a slot. */
void acked_path(const struct acked_model *m, const char *dir, unsigned slot, char out[4096]);

/* acked_apply - the operation has returned.  A file without a name is left to the caller, else NULL. */
struct acked_file *acked_apply(struct acked_model *m, const struct acked_rec *r);

/* acked_maybe - the operation is in flight and has not happened, but for words it may have written. */
void acked_maybe(struct acked_model *m, const struct acked_rec *r);

/**
 * acked_happened - the operation is in flight and has happened; comes after acked_maybe()
 * @end: of ACKED_WRITE: how far it came, in bytes of the file.  The kernel cuts a
 *       write in requests at page boundaries, and each request is atomic by itself.
 */
void acked_happened(struct acked_model *m, const struct acked_rec *r, uint64_t end);

/* acked_word_ok - may word @index of @f hold @found? */
bool acked_word_ok(const struct acked_model *m, const struct acked_file *f, uint64_t index, uint64_t found);

/* acked_file_free - gives the memory back; NULL is no file. */
void acked_file_free(struct acked_file *f);

/**
 * acked_write - work in @dir until the filesystem's daemon is gone
 * @salt: 1..4095, another one for each run on an image
 *
 * Return: 0 when every thread ended because the connection was lost, else 1.
 */
int acked_write(const char *dir, const char *log, uint32_t salt);

/**
 * acked_check - is everything there that was acknowledged?
 *
 * Return: 0, or 1 with what is wrong on standard output.
 */
int acked_check(const char *dir, const char *log, uint32_t salt);

#endif
