/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process.c -- users, children and files that the cases work with
 */
#include "posix/report.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Noreturn void posix_skip(const char *why)
{
	snprintf(posix_counters->skipped, sizeof(posix_counters->skipped), "%s", why);
	posix_exit();
}

/* -- users -------------------------------------------------------------------- */

static void become(uid_t uid, gid_t gid, const gid_t *groups, size_t nr)
{
	if (setresuid(0, 0, 0) || setgroups(nr, groups) || setresgid(gid, gid, 0) ||
	    setresuid(uid, uid, 0)) {
		perror("cannot change to another user");
		exit(2);
	}
}

void as(uid_t uid, gid_t gid)
{
	become(uid, gid, NULL, 0);
}

void as_with(uid_t uid, gid_t gid, gid_t group)
{
	become(uid, gid, &group, 1);
}

/* -- children --------------------------------------------------------------------- */

pid_t posix_fork(void)
{
	fflush(stdout);
	return OK(fork());
}

_Noreturn void posix_exit(void)
{
	fflush(stdout);
	_exit(0);
}

void posix_join(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	EQ(0, status);
}

void posix_race(void (*run)(int racer, void *arg), void *arg)
{
	pid_t pid[RACERS];

	for (int r = 0; r < RACERS; r++) {
		pid[r] = posix_fork();
		if (pid[r])
			continue;
		run(r, arg);
		posix_exit();
	}
	for (int r = 0; r < RACERS; r++)
		posix_join(pid[r]);
}

void *posix_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

void posix_private_mounts(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		posix_skip("mounts of one's own are not allowed here");
}

/* -- files ------------------------------------------------------------------------ */

void make(const char *path, mode_t mode)
{
	close(OK(open(path, O_CREAT | O_EXCL | O_WRONLY, mode)));
}

void make_filled(const char *path, size_t len, int c)
{
	int fd = OK(open(path, O_CREAT | O_EXCL | O_WRONLY, 0644));
	char *buf = malloc(len + 1);

	if (!buf)
		abort();
	memset(buf, c, len);
	EQ(len, write(fd, buf, len));
	free(buf);
	close(fd);
}

static struct stat stat_of(const char *path)
{
	struct stat st = { .st_mode = 0 };

	OK(lstat(path, &st));
	return st;
}

mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode;
}

nlink_t nlink_of(const char *path)
{
	return stat_of(path).st_nlink;
}

off_t size_of(const char *path)
{
	return stat_of(path).st_size;
}

ino_t ino_of(const char *path)
{
	return stat_of(path).st_ino;
}

blkcnt_t blocks_of(int fd)
{
	struct stat st = { .st_blocks = -1 };

	OK(fstat(fd, &st));
	return st.st_blocks;
}

bool filled_with(int fd, off_t off, size_t len, int c)
{
	char buf[65536];

	while (len) {
		size_t want = len < sizeof(buf) ? len : sizeof(buf);
		ssize_t n = pread(fd, buf, want, off);

		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != (char)c)
				return false;
		}
		off += n;
		len -= (size_t)n;
	}
	return true;
}

void pause_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}
