/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * limits.c -- where a filesystem ends: links, attributes, space, inodes; and what statvfs says
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "posix/posix.h"

#define MIB	(1 << 20)
#define SMALL	((uint64_t)1 << 30)	/* filesystems up to this size are filled up */

/* -- links ------------------------------------------------------------------------------- */

/* Links to "f" until there can be no more. */
static int link_until(int err, int most)
{
	char name[16];
	int i;

	for (i = 0; i < most; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		if (link("f", name)) {
			EQ(err, errno);
			break;
		}
	}
	return i;
}

static void too_many_links(void)
{
	struct stat st;
	int nr;

	make("f", 0644);
	nr = link_until(EMLINK, 70000);
	EQ(65000, nr + 1);
	EQ(65000, nlink_of("f"));
	FAILS(EMLINK, link("f", "one-more"));
	FAILS(ENOENT, access("one-more", F_OK));
	OK(unlink("l7"));
	OK(link("f", "one-more"));
	OK(rename("l8", "l7"));
	OK(stat("f", &st));
	EQ(65000, st.st_nlink);
}

/* -- attributes -------------------------------------------------------------------------- */

static void attribute_sizes(void)
{
	char *value = calloc(1, XATTR_SIZE_MAX + 1), name[XATTR_NAME_MAX + 2];

	make("f", 0644);
	FAILS(E2BIG, setxattr("f", "user.x", value, XATTR_SIZE_MAX + 1, 0));
	memset(name, 'n', sizeof(name) - 1);
	memcpy(name, "user.", 5);
	name[XATTR_NAME_MAX + 1] = '\0';
	FAILS(ERANGE, setxattr("f", name, value, 1, 0));
	FAILS(ERANGE, getxattr("f", name, value, 1));
	name[XATTR_NAME_MAX] = '\0';
	OK(setxattr("f", name, value, 1, 0));
	EQ(1, getxattr("f", name, NULL, 0));
	FAILS(ENODATA, getxattr("f", "user.absent", NULL, 0));
	FAILS(EOPNOTSUPP, setxattr("f", "nonsense.x", value, 1, 0));
	FAILS(ERANGE, setxattr("f", "", value, 1, 0));
	FAILS(EINVAL, setxattr("f", "user.x", value, 1, 0x10));
	free(value);
}

/* -- ioctl ----------------------------------------------------------------------------------- */

static void unknown_ioctl(void)
{
	int fd, dir = OK(open(".", O_RDONLY)), n = 0;

	make_filled("f", 10, 'x');
	fd = OK(open("f", O_RDWR));
	FAILS(ENOTTY, ioctl(fd, _IO('~', 200)));
	FAILS(ENOTTY, ioctl(fd, _IOR('~', 201, int), &n));
	FAILS(ENOTTY, ioctl(fd, TIOCGWINSZ, &n));
	FAILS(ENOTTY, ioctl(dir, _IO('~', 200)));
	OK(ioctl(fd, FIONREAD, &n));
	EQ(10, n);
	FAILS(EBADF, ioctl(-1, FIONREAD, &n));
	close(fd);
	close(dir);
}

static void generation_and_label(void)
{
	char label[FSLABEL_MAX];
	int n[2] = { -1, -1 }, fd;

	make("f", 0644);
	fd = OK(open("f", O_RDONLY));
	OK(ioctl(fd, FS_IOC_GETVERSION, n));
	TRUE(n[0] != -1);
	EQ(-1, n[1]);
	memset(label, 'x', sizeof(label));
	OK(ioctl(fd, FS_IOC_GETFSLABEL, label));
	TRUE(memchr(label, 0, sizeof(label)) != NULL);
	close(fd);
}

/* -- statvfs ---------------------------------------------------------------------------------- */

static struct statvfs look(void)
{
	struct statvfs st = { .f_bsize = 0 };

	OK(statvfs(".", &st));
	return st;
}

/* What was removed before may be freed only now: once nothing has come back for a while. */
static struct statvfs settled(void)
{
	struct statvfs st = look();

	for (int same = 0, i = 0; same < 10 && i < 500; i++) {
		const uint64_t was = st.f_bfree;

		pause_ms(20);
		st = look();
		same = st.f_bfree == was ? same + 1 : 0;
	}
	return st;
}

static void statvfs_is_sensible(void)
{
	struct statvfs st = look(), of_fd;
	int fd;

	EQ(255, st.f_namemax);
	TRUE(st.f_bsize >= 512);
	TRUE(st.f_frsize >= 512);
	TRUE(st.f_blocks > 0);
	TRUE(st.f_bfree <= st.f_blocks);
	TRUE(st.f_bavail <= st.f_bfree);
	TRUE(st.f_files > 0);
	TRUE(st.f_ffree <= st.f_files);
	TRUE(!(st.f_flag & ST_RDONLY));
	make("f", 0644);
	fd = OK(open("f", O_RDONLY));
	OK(fstatvfs(fd, &of_fd));
	EQ(st.f_blocks, of_fd.f_blocks);
	EQ(st.f_bsize, of_fd.f_bsize);
	FAILS(EBADF, fstatvfs(-1, &st));
	close(fd);
}

static void statvfs_counts(void)
{
	struct statvfs was = settled(), is;
	uint64_t used;
	int fd;

	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	EQ(0, posix_fallocate(fd, 0, 8 * MIB));
	close(fd);	/* while it is open, a filesystem may hold more ready for it */
	is = look();
	used = (was.f_bfree - is.f_bfree) * was.f_frsize;
	TRUE(used >= 8 * MIB && used <= 9 * MIB);
	EQ(was.f_blocks, is.f_blocks);
	OK(unlink("f"));
	for (int i = 0; i < 100 && look().f_bfree < was.f_bfree; i++)
		pause_ms(20);
	TRUE((was.f_bfree - look().f_bfree) * was.f_frsize <= MIB);
}

static void pathconf_limits(void)
{
	EQ(255, pathconf(".", _PC_NAME_MAX));
	EQ(4096, pathconf(".", _PC_PATH_MAX));
	TRUE(pathconf(".", _PC_NO_TRUNC) != 0);
	TRUE(pathconf(".", _PC_CHOWN_RESTRICTED) != 0);
	make("f", 0644);
	EQ(255, pathconf("f", _PC_NAME_MAX));
	FAILS(EINVAL, pathconf(".", 9999));
}

/* -- no space ----------------------------------------------------------------------------------- */

static void needs_small(void)
{
	struct statvfs st = look();

	if ((uint64_t)st.f_blocks * st.f_frsize > SMALL)
		posix_skip("too large to be filled up");
}

/* "ballast" takes all blocks but a few. */
static void take_space(void)
{
	int fd = OK(open("ballast", O_CREAT | O_RDWR, 0644));
	off_t at = 0;

	for (off_t step = 64 * MIB; step >= 4096; step /= 2) {
		while (fallocate(fd, 0, at, step) == 0)
			at += step;
		EQ(ENOSPC, errno);
	}
	close(fd);
}

static void write_all(int fd, char *buf, size_t len, off_t *at)
{
	ssize_t n;

	while ((n = pwrite(fd, buf, len, *at)) > 0)
		*at += n;
	FAILS(ENOSPC, n);
}

/* A write that does not fit says so, and what was written before stays as it is. */
static void full(void)
{
	char *buf = malloc(MIB);
	off_t at = 0;
	int fd;

	needs_small();
	memset(buf, 'f', MIB);
	make_filled("old", 10000, 'o');
	take_space();
	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	write_all(fd, buf, MIB, &at);
	write_all(fd, buf, 4096, &at);
	TRUE(filled_with(fd, 0, (size_t)at, 'f'));
	FAILS(ENOSPC, fallocate(fd, 0, 0, (off_t)SMALL * 4));
	EQ(at, size_of("f"));
	OK(ftruncate(fd, at + 100 * MIB));
	OK(ftruncate(fd, at));
	close(fd);
	fd = OK(open("old", O_RDWR));
	EQ(10, pwrite(fd, buf, 10, 0));
	TRUE(filled_with(fd, 10, 9990, 'o'));
	close(fd);
	OK(rename("old", "older"));
	OK(chmod("older", 0600));
	OK(unlink("f"));
	OK(unlink("ballast"));
	for (int i = 0; i < 100; i++) {
		fd = OK(open("after", O_CREAT | O_RDWR, 0644));
		if (pwrite(fd, buf, MIB, 0) == MIB)
			break;
		close(fd);
		pause_ms(20);
	}
	TRUE(filled_with(fd, 0, MIB, 'f'));
	close(fd);
	free(buf);
}

/* Names until there is no more space: each that was made is there, and can go again. */
static void full_of_names(void)
{
	char name[300];
	int nr, fd;

	needs_small();
	OK(mkdir("d", 0755));
	take_space();
	for (nr = 0; ; nr++) {
		snprintf(name, sizeof(name), "d/%0250d", nr);
		if (mknod(name, S_IFREG | 0644, 0))
			break;
	}
	EQ(ENOSPC, errno);
	for (int i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "d/%0250d", i);
		if (unlink(name))
			OK(-1);
	}
	OK(unlink("ballast"));
	OK(rmdir("d"));
	fd = OK(open("after", O_CREAT | O_RDWR, 0644));
	EQ(5, write(fd, "hello", 5));
	close(fd);
}

/* Preallocated space is there for writing, however full the rest is. */
static void reserved_space(void)
{
	char *buf = malloc(MIB);
	int fd;

	needs_small();
	memset(buf, 'r', MIB);
	fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	OK(fallocate(fd, 0, 0, 4 * MIB));
	take_space();
	for (int i = 3; i >= 0; i--)
		EQ(MIB, pwrite(fd, buf, MIB, (off_t)i * MIB));
	OK(fsync(fd));
	TRUE(filled_with(fd, 0, 4 * MIB, 'r'));
	close(fd);
	OK(unlink("ballast"));
	free(buf);
}

/* A store into a hole that finds no space: a signal, or an error of msync(2), but never silence. */
static void full_under_a_mapping(void)
{
	int fd, status = -1;
	char *p;
	pid_t pid;

	needs_small();
	fd = OK(open("hole", O_CREAT | O_RDWR, 0644));
	OK(ftruncate(fd, MIB));
	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TRUE(p != MAP_FAILED);
	take_space();
	pid = fork();
	if (pid == 0) {
		p[MIB / 2] = 's';
		_exit(msync(p, MIB, MS_SYNC) == -1 && errno == ENOSPC ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	OK(munmap(p, MIB));
	close(fd);
	OK(unlink("hole"));
	OK(unlink("ballast"));
}

const struct posix_case posix_limits[] = {
	{ "too_many_links", too_many_links },
	{ "attribute_sizes", attribute_sizes },
	{ "unknown_ioctl", unknown_ioctl },
	{ "generation_and_label", generation_and_label },
	{ "statvfs_is_sensible", statvfs_is_sensible },
	{ "statvfs_counts", statvfs_counts },
	{ "pathconf_limits", pathconf_limits },
	{ "full", full },
	{ "full_of_names", full_of_names },
	{ "reserved_space", reserved_space },
	{ "full_under_a_mapping", full_under_a_mapping },
	{ NULL, NULL },
};
