/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lock.c -- fcntl record locks, locks of open file descriptions, flock, leases
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

static int lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &fl);
}

/* What another process would be told of [start, start + len). */
static struct flock seen(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = { .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	OK(fcntl(fd, cmd, &fl));
	return fl;
}

static int file(void)
{
	return OK(open("f", O_CREAT | O_RDWR, 0644));
}

/* -- records ---------------------------------------------------------------------------- */

static void other_process(int fd, int err_read, int err_write, off_t start, off_t len)
{
	pid_t pid = posix_fork();

	if (pid) {
		posix_join(pid);
		return;
	}
	GIVES(err_write, lock(fd, F_SETLK, F_WRLCK, start, len));
	GIVES(err_read, lock(fd, F_SETLK, F_RDLCK, start, len));
	posix_exit();
}

static void records(void)
{
	int fd = file();

	OK(lock(fd, F_SETLK, F_WRLCK, 100, 100));
	other_process(fd, EAGAIN, EAGAIN, 100, 1);
	other_process(fd, EAGAIN, EAGAIN, 199, 1);
	other_process(fd, EAGAIN, EAGAIN, 0, 0);
	other_process(fd, 0, 0, 0, 100);
	other_process(fd, 0, 0, 200, 0);
	OK(lock(fd, F_SETLK, F_RDLCK, 100, 100));
	other_process(fd, 0, EAGAIN, 150, 1);
	OK(lock(fd, F_SETLK, F_UNLCK, 120, 10));
	other_process(fd, 0, 0, 120, 10);
	other_process(fd, 0, EAGAIN, 119, 2);
	OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	other_process(fd, 0, 0, 0, 0);
	close(fd);
}

static void asking(void)
{
	int fd = file();
	pid_t owner = getpid(), pid;

	OK(lock(fd, F_SETLK, F_WRLCK, 10, 20));
	EQ(F_UNLCK, seen(fd, F_GETLK, F_WRLCK, 0, 0).l_type);
	pid = posix_fork();
	if (pid == 0) {
		struct flock fl = seen(fd, F_GETLK, F_RDLCK, 0, 0);

		EQ(F_WRLCK, fl.l_type);
		EQ(10, fl.l_start);
		EQ(20, fl.l_len);
		EQ(owner, fl.l_pid);
		EQ(F_UNLCK, seen(fd, F_GETLK, F_WRLCK, 30, 10).l_type);
		posix_exit();
	}
	posix_join(pid);
	close(fd);
}

/* Any close of the file in the process lets its records go. */
static void closing(void)
{
	int fd = file(), again = file();

	OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	other_process(fd, EAGAIN, EAGAIN, 0, 0);
	close(again);
	other_process(fd, 0, 0, 0, 0);
	close(fd);
}

static void errors(void)
{
	int fd = file(), ro = OK(open("f", O_RDONLY)), wo = OK(open("f", O_WRONLY));

	FAILS(EBADF, lock(ro, F_SETLK, F_WRLCK, 0, 0));
	FAILS(EBADF, lock(wo, F_SETLK, F_RDLCK, 0, 0));
	FAILS(EINVAL, lock(fd, F_SETLK, F_WRLCK, -1, 0));
	FAILS(EINVAL, lock(fd, F_SETLK, 77, 0, 0));
	FAILS(EBADF, lock(-1, F_SETLK, F_WRLCK, 0, 0));
	FAILS(EOVERFLOW, lock(fd, F_SETLK, F_WRLCK, INT64_MAX, 2));
	OK(lock(fd, F_SETLK, F_WRLCK, 100, -50));
	other_process(fd, EAGAIN, EAGAIN, 50, 1);
	other_process(fd, 0, 0, 100, 1);
	close(fd);
}

/* Two processes that wait for one another: one of them is told. */
static void deadlock(void)
{
	_Atomic int *step = posix_shared(2 * sizeof(*step));
	int fd = file();
	pid_t pid;

	pid = posix_fork();
	if (pid == 0) {
		OK(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
		step[0] = 1;
		while (!step[1])
			pause_ms(1);
		lock(fd, F_SETLKW, F_WRLCK, 0, 1);
		posix_exit();
	}
	OK(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	while (!step[0])
		pause_ms(1);
	step[1] = 1;
	pause_ms(50);
	FAILS(EDEADLK, lock(fd, F_SETLKW, F_WRLCK, 1, 1));
	OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	posix_join(pid);
	close(fd);
}

/* A waiter gets the lock when it is free, and not before. */
static void waiting(void)
{
	_Atomic int *state = posix_shared(sizeof(*state));
	int fd = file();
	pid_t pid;

	OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	pid = posix_fork();
	if (pid == 0) {
		OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
		EQ(1, *state);
		posix_exit();
	}
	pause_ms(50);
	*state = 1;
	OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	posix_join(pid);
	close(fd);
}

/* -- open file descriptions -------------------------------------------------------------- */

static void descriptions(void)
{
	int a = file(), b = file(), copy = OK(dup(a));

	OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	FAILS(EAGAIN, lock(b, F_OFD_SETLK, F_WRLCK, 0, 10));
	FAILS(EAGAIN, lock(b, F_OFD_SETLK, F_RDLCK, 9, 1));
	OK(lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
	FAILS(EAGAIN, lock(a, F_SETLK, F_WRLCK, 0, 1));
	EQ(F_WRLCK, seen(b, F_OFD_GETLK, F_RDLCK, 0, 5).l_type);
	EQ(-1, seen(b, F_OFD_GETLK, F_RDLCK, 0, 5).l_pid);
	close(a);
	FAILS(EAGAIN, lock(b, F_OFD_SETLK, F_WRLCK, 0, 10));
	close(copy);
	OK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 10));
	close(b);
}

/* -- flock ---------------------------------------------------------------------------------- */

static void whole_files(void)
{
	int a = file(), b = file(), ro = OK(open("f", O_RDONLY)), copy = OK(dup(a));

	OK(flock(a, LOCK_SH));
	OK(flock(b, LOCK_SH | LOCK_NB));
	FAILS(EAGAIN, flock(b, LOCK_EX | LOCK_NB));
	OK(flock(b, LOCK_UN));
	OK(flock(a, LOCK_EX | LOCK_NB));
	FAILS(EAGAIN, flock(ro, LOCK_SH | LOCK_NB));
	OK(flock(copy, LOCK_EX | LOCK_NB));
	close(a);
	FAILS(EAGAIN, flock(ro, LOCK_EX | LOCK_NB));
	close(copy);
	OK(flock(ro, LOCK_EX | LOCK_NB));
	OK(lock(b, F_SETLK, F_WRLCK, 0, 0));
	FAILS(EINVAL, flock(b, 0));
	FAILS(EBADF, flock(-1, LOCK_SH));
	close(b);
	int dir = OK(open(".", O_RDONLY)), dir2 = OK(open(".", O_RDONLY));

	OK(flock(dir, LOCK_EX));
	FAILS(EAGAIN, flock(dir2, LOCK_EX | LOCK_NB));
	close(dir);
	OK(flock(dir2, LOCK_EX | LOCK_NB));
	close(dir2);
}

static void end_of_a_process(void)
{
	int fd = file();
	pid_t pid = posix_fork();

	if (pid == 0) {
		int own = file();

		OK(lock(own, F_SETLK, F_WRLCK, 0, 0));
		OK(flock(own, LOCK_EX));
		posix_exit();
	}
	posix_join(pid);
	OK(flock(fd, LOCK_EX | LOCK_NB));
	OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
}

/* Locks are the inode's: by whatever name it was opened, and without any. */
static void names_do_not_matter(void)
{
	int a = file(), b;

	OK(link("f", "g"));
	b = OK(open("g", O_RDWR));
	OK(flock(a, LOCK_EX));
	FAILS(EAGAIN, flock(b, LOCK_EX | LOCK_NB));
	OK(rename("f", "h"));
	OK(unlink("g"));
	FAILS(EAGAIN, flock(b, LOCK_EX | LOCK_NB));
	OK(unlink("h"));
	FAILS(EAGAIN, flock(b, LOCK_EX | LOCK_NB));
	close(a);
	OK(flock(b, LOCK_EX | LOCK_NB));
	close(b);
}

/* -- leases ----------------------------------------------------------------------------------- */

static void lease_rules(void)
{
	int fd = file(), ro = OK(open("f", O_RDONLY)), dir = OK(open(".", O_RDONLY));

	FAILS(EAGAIN, fcntl(fd, F_SETLEASE, F_RDLCK));
	FAILS(EAGAIN, fcntl(fd, F_SETLEASE, F_WRLCK));
	close(fd);
	EQ(F_UNLCK, fcntl(ro, F_GETLEASE));
	OK(fcntl(ro, F_SETLEASE, F_RDLCK));
	EQ(F_RDLCK, fcntl(ro, F_GETLEASE));
	OK(fcntl(ro, F_SETLEASE, F_UNLCK));
	EQ(F_UNLCK, fcntl(ro, F_GETLEASE));
	FAILS(EINVAL, fcntl(ro, F_SETLEASE, 77));
	FAILS(EINVAL, fcntl(dir, F_SETLEASE, F_RDLCK));
	close(dir);
	OK(chown("f", ALICE, ALICE));
	as(BOB, BOB);
	FAILS(EACCES, fcntl(ro, F_SETLEASE, F_RDLCK));
	close(ro);
}

/* Whoever opens the file waits until the holder, told by a signal, has given way. */
static void lease_breaks(void)
{
	_Atomic int *given = posix_shared(sizeof(*given));
	sigset_t io;
	int fd, sig;
	pid_t pid;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	fd = file();
	OK(fcntl(fd, F_SETLEASE, F_WRLCK));
	pid = posix_fork();
	if (pid == 0) {
		FAILS(EAGAIN, open("f", O_RDONLY | O_NONBLOCK));
		close(OK(open("f", O_RDONLY)));
		EQ(1, *given);
		posix_exit();
	}
	EQ(0, sigwait(&io, &sig));
	EQ(SIGIO, sig);
	EQ(F_RDLCK, fcntl(fd, F_GETLEASE));
	*given = 1;
	OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	posix_join(pid);
	close(fd);
}

const struct posix_case posix_lock[] = {
	{ "records", records },
	{ "asking", asking },
	{ "closing", closing },
	{ "errors", errors },
	{ "deadlock", deadlock },
	{ "waiting", waiting },
	{ "descriptions", descriptions },
	{ "whole_files", whole_files },
	{ "end_of_a_process", end_of_a_process },
	{ "names_do_not_matter", names_do_not_matter },
	{ "lease_rules", lease_rules },
	{ "lease_breaks", lease_breaks },
	{ NULL, NULL },
};
