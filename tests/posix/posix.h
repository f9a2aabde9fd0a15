/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posix.h -- what all conformance tests share: cases, assertions, users
 *
 * A case is a function.  It runs in a process of its own, in an empty directory
 * of its own, as root with umask 0; what it leaves there is removed.  The
 * kernel and the filesystem under test are asked only through system calls,
 * so the same cases run on any filesystem; what one of them cannot do stands in
 * except.c with its reason.
 *
 * Each assertion is counted.  One that does not hold prints file and line, what was
 * asked, what came and what was expected, and the case goes on.
 */
#ifndef TESTS_POSIX_POSIX_H
#define TESTS_POSIX_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* -- cases -------------------------------------------------------------------- */

struct posix_case {
	const char *name;
	void (*run)(void);
};

/* A theme is a file; its cases end with an entry of NULL. */
struct posix_theme {
	const char *name;
	const struct posix_case *cases;
};

extern const struct posix_theme posix_themes[];
extern const struct posix_case posix_path[], posix_perm[], posix_create[], posix_remove[],
	posix_rename[], posix_open[], posix_attr[], posix_setid[], posix_times[], posix_atime[],
	posix_size[], posix_space[], posix_mmap[], posix_lock[], posix_notify[], posix_handle[],
	posix_readdir[], posix_limits[], posix_rofs[];

/**
 * posix_skip - end the case here: it cannot be tried
 * @why: goes to the report
 */
_Noreturn void posix_skip(const char *why);

/**
 * posix_excepts - does the filesystem under test differ in this, by except.c?
 * @what: "theme.case", or a property that only some assertions of a case need
 *
 * Return: the reason, or NULL.
 */
const char *posix_excepts(const char *what);

/**
 * posix_note - say what the next assertions are about, as printf(3)
 *
 * Printed with each that fails; NULL says nothing.  Lasts until the next call.
 */
__attribute__((format(printf, 1, 2))) void posix_note(const char *fmt, ...);

/* -- assertions --------------------------------------------------------------- */

/* Where an assertion stands, and its text. */
struct posix_place {
	const char *file;
	int line;
	const char *text;
};

#define POSIX_HERE(text)	(&(const struct posix_place){ __FILE__, __LINE__, text })

/* The system call succeeds; its value. */
#define OK(call)		posix_ok(POSIX_HERE(#call), (long long)(call))

/* The system call returns -1, errno is @err. */
#define FAILS(err, call)	posix_fails(POSIX_HERE(#call), (long long)(call), err)

/* Two integers are equal. */
#define EQ(want, got)		posix_equal(POSIX_HERE(#got), (long long)(want), (long long)(got))

#define TRUE(what)		posix_true(POSIX_HERE(#what), what)

/* The system call succeeds if @err is 0, else it fails with that; for tables. */
#define GIVES(err, call)	posix_gives(POSIX_HERE(#call), (long long)(call), err)

int posix_ok(const struct posix_place *at, long long result);
bool posix_fails(const struct posix_place *at, long long result, int err);
bool posix_gives(const struct posix_place *at, long long result, int err);
bool posix_equal(const struct posix_place *at, long long want, long long got);
bool posix_true(const struct posix_place *at, bool what);

/* -- users and processes --------------------------------------------------------- */

#define ROOT	0u
#define ALICE	12001u		/* users and groups of the same numbers; no passwd entry is needed */
#define BOB	12002u
#define CAROL	12003u

/**
 * as - go on as this user and group, without other groups
 *
 * Real and effective ids; the saved ones stay 0, so as(ROOT, ROOT) leads back.
 */
void as(uid_t uid, gid_t gid);

/* as_with - as as(), with one supplementary group */
void as_with(uid_t uid, gid_t gid, gid_t group);

/**
 * posix_fork - fork(2) with a report: 0 in the child, its id in the parent
 *
 * The child's assertions count.  It ends with posix_exit().
 */
pid_t posix_fork(void);
_Noreturn void posix_exit(void);

/* posix_join - wait for a child; an assertion that it ended with posix_exit() */
void posix_join(pid_t pid);

#define RACERS	4

/**
 * posix_race - RACERS children do the same, all at once; returns when they have ended
 * @run: what each does, with its number from 0 on
 * @arg: for @run; what it points to must be posix_shared() to be seen by the others
 */
void posix_race(void (*run)(int racer, void *arg), void *arg);

/* posix_shared - zeroed memory that children share; lasts as long as the case */
void *posix_shared(size_t size);

/* posix_private_mounts - mounts from here on are seen by this case alone; skips it if not allowed */
void posix_private_mounts(void);

/* -- files ------------------------------------------------------------------------ */

/* make - a regular file with this mode, empty */
void make(const char *path, mode_t mode);

/* make_filled - a regular file of @len bytes @c, mode 0644 */
void make_filled(const char *path, size_t len, int c);

/* st_mode with type, st_nlink, and st_size of lstat(2); an assertion that it succeeds */
mode_t mode_of(const char *path);
nlink_t nlink_of(const char *path);
off_t size_of(const char *path);
ino_t ino_of(const char *path);
blkcnt_t blocks_of(int fd);

/* filled_with - are @len bytes at @off of @fd there, and all @c? */
bool filled_with(int fd, off_t off, size_t len, int c);

/* pause_ms - sleep, for clocks to advance */
void pause_ms(unsigned ms);

#define TICK_MS	12	/* timestamps of two moments that far apart differ */

#endif
