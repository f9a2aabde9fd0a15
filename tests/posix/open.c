/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * open.c -- open(2): flags x types of files, O_EXCL, O_APPEND, O_TMPFILE, ETXTBSY
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/posix.h"

/* -- flags x types -------------------------------------------------------------------- */

#define READ	(O_RDONLY | O_NONBLOCK)

static const struct attempt {
	const char *path;
	int flags, err;
} attempts[] = {
	{ "file", O_RDONLY, 0 }, { "file", O_WRONLY, 0 }, { "file", O_RDWR, 0 },
	{ "file", O_RDONLY | O_DIRECTORY, ENOTDIR }, { "file", O_RDWR | O_CREAT, 0 },
	{ "file", O_RDWR | O_CREAT | O_EXCL, EEXIST }, { "file", O_RDONLY | O_NOFOLLOW, 0 },
	{ "file", O_RDWR | O_TMPFILE, ENOTDIR }, { "file", O_PATH, 0 }, { "file", O_RDWR | O_SYNC, 0 },
	{ "file", O_RDWR | O_DSYNC | O_APPEND, 0 }, { "file", O_RDWR | O_NOATIME, 0 },
	{ "file", O_PATH | O_DIRECTORY, ENOTDIR }, { "file", O_RDONLY | O_CREAT | O_DIRECTORY, EINVAL },
	{ "dir", O_RDONLY, 0 }, { "dir", O_WRONLY, EISDIR }, { "dir", O_RDWR, EISDIR },
	{ "dir", O_RDONLY | O_TRUNC, EISDIR }, { "dir", O_RDONLY | O_DIRECTORY, 0 },
	{ "dir", O_RDONLY | O_CREAT, EISDIR }, { "dir", O_RDWR | O_CREAT, EISDIR },
	{ "dir", O_RDWR | O_CREAT | O_EXCL, EEXIST }, { "dir", O_PATH, 0 }, { "dir", O_RDWR | O_TMPFILE, 0 },
	{ "dir", O_WRONLY | O_TMPFILE, 0 }, { "dir", O_RDONLY | O_TMPFILE, EINVAL },
	{ "dir", O_RDWR | O_TMPFILE | O_CREAT, EINVAL },
	{ "link", O_RDONLY, 0 }, { "link", O_RDONLY | O_NOFOLLOW, ELOOP },
	{ "link", O_RDWR | O_CREAT | O_EXCL, EEXIST }, { "link", O_PATH | O_NOFOLLOW, 0 },
	{ "link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, ENOTDIR }, { "link", O_RDONLY | O_CREAT, 0 },
	{ "dirlink", O_RDONLY | O_DIRECTORY, 0 }, { "dirlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, ENOTDIR },
	{ "dangling", O_RDONLY, ENOENT }, { "dangling", O_RDWR | O_CREAT | O_EXCL, EEXIST },
	{ "dangling", O_PATH | O_NOFOLLOW, 0 }, { "dangling", O_RDWR | O_CREAT | O_NOFOLLOW, ELOOP },
	{ "fifo", READ, 0 }, { "fifo", O_WRONLY | O_NONBLOCK, ENXIO }, { "fifo", O_RDWR, 0 },
	{ "fifo", READ | O_DIRECTORY, ENOTDIR }, { "fifo", O_PATH, 0 }, { "fifo", READ | O_TRUNC, 0 },
	{ "sock", O_RDONLY, ENXIO }, { "sock", O_RDWR, ENXIO }, { "sock", O_PATH, 0 },
	{ "null", O_RDWR, 0 }, { "null", O_RDWR | O_TRUNC, 0 }, { "null", O_RDWR | O_CREAT, 0 },
	{ "null", O_RDONLY | O_DIRECTORY, ENOTDIR },
	{ "absent", O_RDONLY, ENOENT }, { "absent", O_RDWR | O_TRUNC, ENOENT },
	{ "absent", O_RDONLY | O_DIRECTORY, ENOENT }, { "absent", O_PATH, ENOENT },
	{ "absent", O_RDWR | O_TMPFILE, ENOENT }, { "dir/", O_RDONLY, 0 }, { "dir/.", O_RDONLY, 0 },
	{ "dir/..", O_RDONLY, 0 }, { ".", O_RDWR, EISDIR }, { "dir/absent/", O_RDWR | O_CREAT, EISDIR },
};

static void flags(void)
{
	make_filled("file", 10, 'x');
	OK(mkdir("dir", 0755));
	OK(symlink("file", "link"));
	OK(symlink("dir", "dirlink"));
	OK(symlink("nowhere", "dangling"));
	OK(mkfifo("fifo", 0644));
	OK(mknod("sock", S_IFSOCK | 0644, 0));
	OK(mknod("null", S_IFCHR | 0644, makedev(1, 3)));
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		int fd = open(attempts[i].path, attempts[i].flags, 0644);

		posix_note("open(\"%s\", 0%o)", attempts[i].path, (unsigned)attempts[i].flags);
		GIVES(attempts[i].err, fd);
		if (fd >= 0)
			close(fd);
	}
	EQ(10, size_of("file"));
	FAILS(ENOENT, access("nowhere", F_OK));
}

/* -- what a descriptor allows ------------------------------------------------------------- */

static void wrong_mode(void)
{
	char c = 'x';
	int fd;

	make_filled("f", 10, 'x');
	fd = OK(open("f", O_RDONLY));
	FAILS(EBADF, write(fd, &c, 1));
	FAILS(EBADF, pwrite(fd, &c, 1, 0));
	FAILS(EINVAL, ftruncate(fd, 0));
	FAILS(EBADF, fallocate(fd, 0, 0, 10));
	close(fd);
	FAILS(EBADF, read(fd, &c, 1));
	fd = OK(open("f", O_WRONLY));
	FAILS(EBADF, read(fd, &c, 1));
	FAILS(EBADF, pread(fd, &c, 1, 0));
	close(fd);
	fd = OK(open("f", O_PATH));
	FAILS(EBADF, read(fd, &c, 1));
	FAILS(EBADF, write(fd, &c, 1));
	FAILS(EBADF, ftruncate(fd, 0));
	FAILS(EBADF, fchmod(fd, 0600));
	FAILS(EBADF, fchown(fd, 0, 0));
	FAILS(EBADF, fsync(fd));
	FAILS(EBADF, ioctl(fd, FIONREAD, &c));
	close(fd);
	fd = OK(open(".", O_RDONLY));
	FAILS(EISDIR, read(fd, &c, 1));
	FAILS(EISDIR, pread(fd, &c, 1, 0));
	FAILS(EBADF, write(fd, &c, 1));
	FAILS(EINVAL, ftruncate(fd, 0));
	FAILS(EBADF, fallocate(fd, 0, 0, 10));
	close(fd);
}

static void offsets(void)
{
	struct iovec iov[2] = { { "ab", 2 }, { "cd", 2 } };
	volatile uintptr_t nowhere = 8;
	volatile int minus_one = -1;
	char buf[8] = "";
	int fd;

	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
	FAILS(EINVAL, lseek(fd, -1, SEEK_END));
	FAILS(EINVAL, lseek(fd, 0, 99));
	FAILS(EINVAL, pread(fd, buf, 1, -1));
	FAILS(EINVAL, pwrite(fd, buf, 1, -1));
	EQ(4, writev(fd, iov, 2));
	EQ(4, lseek(fd, 0, SEEK_CUR));
	EQ(2, pwrite(fd, "XY", 2, 1));
	EQ(4, lseek(fd, 0, SEEK_CUR));
	EQ(0, lseek(fd, 0, SEEK_SET));
	EQ(4, read(fd, buf, sizeof(buf)));
	EQ(0, memcmp(buf, "aXYd", 4));
	EQ(0, read(fd, buf, sizeof(buf)));
	EQ(100, lseek(fd, 96, SEEK_CUR));
	EQ(0, read(fd, buf, 1));
	EQ(4, size_of("f"));
	FAILS(EINVAL, writev(fd, iov, minus_one));
	FAILS(EFAULT, write(fd, (void *)nowhere, 1));
	FAILS(EFAULT, pread(fd, (void *)nowhere, 4, 0));
	close(fd);
}

/* Two descriptors that come from one open(2) share their offset, others do not. */
static void shared_offset(void)
{
	int a = OK(open("f", O_CREAT | O_RDWR, 0644)), b = OK(dup(a)), c = OK(open("f", O_RDWR));
	pid_t pid;

	EQ(3, write(a, "abc", 3));
	EQ(3, lseek(b, 0, SEEK_CUR));
	EQ(0, lseek(c, 0, SEEK_CUR));
	pid = posix_fork();
	if (pid == 0) {
		EQ(2, write(a, "de", 2));
		posix_exit();
	}
	posix_join(pid);
	EQ(5, lseek(a, 0, SEEK_CUR));
	OK(fcntl(b, F_SETFL, O_APPEND));
	TRUE(fcntl(a, F_GETFL) & O_APPEND);
	TRUE(!(fcntl(c, F_GETFL) & O_APPEND));
	EQ(1, write(c, "Z", 1));
	EQ(5, size_of("f"));
	EQ(1, write(a, "!", 1));
	EQ(6, size_of("f"));
}

static void truncating(void)
{
	int fd;

	make_filled("f", 5000, 'x');
	fd = OK(open("f", O_RDONLY));
	close(OK(open("f", O_WRONLY | O_TRUNC)));
	EQ(0, size_of("f"));
	EQ(0, blocks_of(fd));
	close(fd);
	OK(chmod("f", 0444));
	OK(chown("f", ALICE, ALICE));
	as(ALICE, ALICE);
	FAILS(EACCES, open("f", O_RDWR | O_TRUNC));
	FAILS(EACCES, open("f", O_RDONLY | O_TRUNC));
}

/* -- O_EXCL ---------------------------------------------------------------------------------- */

#define ROUNDS	200

static void make_names(int racer, void *arg)
{
	_Atomic int *made = arg;

	(void)racer;
	for (int i = 0; i < ROUNDS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "f%d", i);
		if (open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644) >= 0)
			made[i]++;
		else if (errno != EEXIST)
			OK(-1);
	}
}

/* Of several that make one name, one succeeds. */
static void exclusive(void)
{
	_Atomic int *made = posix_shared(sizeof(*made) * ROUNDS);
	unsigned wrong = 0;

	posix_race(make_names, made);
	for (int i = 0; i < ROUNDS; i++)
		wrong += made[i] != 1;
	EQ(0, wrong);
}

/* -- O_APPEND ----------------------------------------------------------------------------------- */

#define RECORD	100

static void append_records(int racer, void *arg)
{
	int fd = OK(open("log", O_WRONLY | O_APPEND));
	char rec[RECORD];

	(void)arg;
	memset(rec, 'A' + racer, sizeof(rec));
	for (int i = 0; i < ROUNDS; i++) {
		if (write(fd, rec, sizeof(rec)) != RECORD)
			OK(-1);
	}
	close(fd);
}

/* Records of several writers: none lost, none torn. */
static void appending(void)
{
	unsigned seen[RACERS] = { 0 }, torn = 0;
	char rec[RECORD];
	int fd;

	make("log", 0644);
	posix_race(append_records, NULL);
	EQ(RACERS * ROUNDS * RECORD, size_of("log"));
	fd = OK(open("log", O_RDONLY));
	while (read(fd, rec, RECORD) == RECORD) {
		for (int i = 1; i < RECORD; i++)
			torn += rec[i] != rec[0];
		seen[(rec[0] - 'A') & 3]++;
	}
	EQ(0, torn);
	for (int r = 0; r < RACERS; r++)
		EQ(ROUNDS, seen[r]);
	close(fd);
}

/* On Linux pwrite(2) appends too, and does not move the offset. */
static void append_and_offset(void)
{
	char buf[8] = "";
	int fd;

	make_filled("f", 3, 'x');
	fd = OK(open("f", O_RDWR | O_APPEND));
	EQ(1, write(fd, "a", 1));
	EQ(4, lseek(fd, 0, SEEK_CUR));
	OK(lseek(fd, 0, SEEK_SET));
	EQ(1, write(fd, "b", 1));
	EQ(5, lseek(fd, 0, SEEK_CUR));
	EQ(1, pwrite(fd, "c", 1, 0));
	EQ(6, size_of("f"));
	EQ(6, pread(fd, buf, 8, 0));
	EQ(0, memcmp(buf, "xxxabc", 6));
	OK(truncate("f", 1));
	EQ(1, write(fd, "d", 1));
	EQ(2, size_of("f"));
	close(fd);
}

/* -- O_TMPFILE ------------------------------------------------------------------------------------- */

static int name_it(int fd, const char *path)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static void tmpfile_named(void)
{
	struct stat st;
	int fd;

	OK(mkdir("d", 0755));
	umask(022);
	fd = OK(open("d", O_TMPFILE | O_RDWR, 0666));
	OK(fstat(fd, &st));
	EQ(S_IFREG | 0644, st.st_mode);
	EQ(0, st.st_nlink);
	EQ(0, st.st_size);
	OK(rmdir("d"));
	OK(mkdir("d", 0755));
	EQ(4, write(fd, "data", 4));
	OK(name_it(fd, "d/name"));
	EQ(1, nlink_of("d/name"));
	EQ(4, size_of("d/name"));
	EQ(st.st_ino, ino_of("d/name"));
	OK(name_it(fd, "d/other"));
	EQ(2, nlink_of("d/name"));
	FAILS(EEXIST, name_it(fd, "d/name"));
	close(fd);
	EQ(4, size_of("d/other"));
}

/* With O_EXCL it never gets a name. */
static void tmpfile_exclusive(void)
{
	int fd = OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));

	FAILS(ENOENT, name_it(fd, "name"));
	EQ(3, write(fd, "abc", 3));
	close(fd);
}

static void tmpfile_many(void)
{
	int fd[50];
	struct stat a, b;

	for (int i = 0; i < 50; i++) {
		fd[i] = OK(open(".", O_TMPFILE | O_RDWR, 0600));
		EQ(1, write(fd[i], "x", 1));
	}
	OK(fstat(fd[0], &a));
	OK(fstat(fd[1], &b));
	TRUE(a.st_ino != b.st_ino);
	EQ(2, nlink_of("."));
	for (int i = 0; i < 50; i++)
		close(fd[i]);
}

/* -- ETXTBSY ---------------------------------------------------------------------------------------- */

static void copy_program(const char *to)
{
	int in = OK(open("/proc/self/exe", O_RDONLY)), out = OK(open(to, O_CREAT | O_WRONLY, 0755));
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		EQ(n, write(out, buf, (size_t)n));
	close(in);
	close(out);
}

static int run_program(const char *path)
{
	char *const argv[] = { "posix", "--list", NULL }, *const env[] = { NULL };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		close(1);
		open("/dev/null", O_WRONLY);
		execve(path, argv, env);
		_exit(100 + errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void busy_text(void)
{
	int fd;

	copy_program("program");
	EQ(0, run_program("./program"));
	fd = OK(open("program", O_WRONLY));
	EQ(100 + ETXTBSY, run_program("./program"));
	close(fd);
	EQ(0, run_program("./program"));
	OK(chmod("program", 0644));
	EQ(100 + EACCES, run_program("./program"));
}

/* While it runs nobody may write it; a new file may take its name. */
static void running_text(void)
{
	char *const argv[] = { "posix", "--wait", NULL }, *const env[] = { NULL };
	int ready[2];
	char c;
	pid_t pid;

	copy_program("program");
	OK(pipe(ready));
	pid = fork();
	if (pid == 0) {
		dup2(ready[1], 1);
		close(ready[0]);
		execve("./program", argv, env);
		_exit(1);
	}
	close(ready[1]);
	EQ(1, read(ready[0], &c, 1));
	FAILS(ETXTBSY, open("program", O_WRONLY));
	FAILS(ETXTBSY, open("program", O_RDWR | O_TRUNC));
	FAILS(ETXTBSY, truncate("program", 0));
	close(OK(open("program", O_RDONLY)));
	OK(unlink("program"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

const struct posix_case posix_open[] = {
	{ "flags", flags },
	{ "wrong_mode", wrong_mode },
	{ "offsets", offsets },
	{ "shared_offset", shared_offset },
	{ "truncating", truncating },
	{ "exclusive", exclusive },
	{ "appending", appending },
	{ "append_and_offset", append_and_offset },
	{ "tmpfile_named", tmpfile_named },
	{ "tmpfile_exclusive", tmpfile_exclusive },
	{ "tmpfile_many", tmpfile_many },
	{ "busy_text", busy_text },
	{ "running_text", running_text },
	{ NULL, NULL },
};
