/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attr.c -- chmod, chown, utimensat: who may, and what comes of it
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "posix/posix.h"

static struct stat look(const char *path)
{
	struct stat st = { .st_mode = 0 };

	OK(lstat(path, &st));
	return st;
}

/* -- chmod ----------------------------------------------------------------------------- */

static void chmods(const char *path, mode_t mode, mode_t want)
{
	posix_note("%s to %o", path, mode);
	OK(chmod(path, mode));
	EQ(want, mode_of(path));
	posix_note(NULL);
}

static void all_modes(void)
{
	int fd;

	make("f", 0);
	OK(mkdir("d", 0));
	fd = OK(open("f", O_RDONLY));
	for (mode_t m = 0; m <= 07777; m += 0111) {
		chmods("f", m, S_IFREG | m);
		chmods("d", m, S_IFDIR | m);
		OK(fchmod(fd, ~m & 07777));
		EQ(S_IFREG | (~m & 07777), mode_of("f"));
	}
	OK(chmod("f", 0170644));
	EQ(S_IFREG | 0644, mode_of("f"));
	close(fd);
}

static void chmod_of_types(void)
{
	OK(mkfifo("fifo", 0));
	OK(mknod("chr", S_IFCHR, makedev(1, 3)));
	OK(mknod("sock", S_IFSOCK, 0));
	make("reg", 0);
	OK(symlink("reg", "link"));
	chmods("fifo", 0755, S_IFIFO | 0755);
	chmods("chr", 0640, S_IFCHR | 0640);
	chmods("sock", 0600, S_IFSOCK | 0600);
	OK(chmod("link", 0604));
	EQ(S_IFREG | 0604, mode_of("reg"));
	EQ(S_IFLNK | 0777, mode_of("link"));
	OK(fchmodat(AT_FDCWD, "link", 0644, 0));
	FAILS(EOPNOTSUPP, fchmodat(AT_FDCWD, "link", 0600, AT_SYMLINK_NOFOLLOW));
	EQ(S_IFLNK | 0777, mode_of("link"));
}

static void who_may_chmod(void)
{
	static const uid_t users[] = { ROOT, ALICE, BOB };

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		as(ROOT, ROOT);
		posix_note("by %u", users[i]);
		close(OK(open("f", O_CREAT | O_RDWR, 0666)));
		OK(chown("f", ALICE, ALICE));
		int fd = OK(open("f", O_RDONLY)), err = users[i] == BOB ? EPERM : 0;

		as(users[i], users[i]);
		GIVES(err, chmod("f", 0604));
		GIVES(err, fchmod(fd, 0606));
		GIVES(err, chmod("f", 06755));
		close(fd);
	}
	as(ROOT, ROOT);
}

/* setgid only for a member of the group. */
static void setgid_needs_membership(void)
{
	make("f", 0644);
	OK(mkdir("d", 0755));
	OK(chown("f", ALICE, BOB));
	OK(chown("d", ALICE, BOB));
	as(ALICE, ALICE);
	chmods("f", 02755, S_IFREG | 0755);
	chmods("d", 02755, S_IFDIR | 0755);
	chmods("f", 04755, S_IFREG | 04755);
	chmods("f", 01644, S_IFREG | 01644);
	as_with(ALICE, ALICE, BOB);
	chmods("f", 02755, S_IFREG | 02755);
	chmods("d", 02755, S_IFDIR | 02755);
	as(ROOT, ROOT);
	chmods("f", 06777, S_IFREG | 06777);
}

/* -- chown -------------------------------------------------------------------------------- */

static void root_chowns(void)
{
	static const struct { uid_t u; gid_t g; } ids[] = {
		{ ALICE, BOB }, { 0, 0 }, { 65534, 65534 }, { 65536, 65536 }, { 0x7fffffff, 0x7fffffff },
		{ 0xfffffffeu, 0xfffffffeu }, { ALICE, 0 }, { 0, ALICE },
	};

	make("f", 0644);
	OK(mkdir("d", 0755));
	OK(symlink("f", "l"));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		posix_note("%u:%u", ids[i].u, ids[i].g);
		OK(chown("f", ids[i].u, ids[i].g));
		EQ(ids[i].u, look("f").st_uid);
		EQ(ids[i].g, look("f").st_gid);
		OK(chown("d", ids[i].u, (gid_t)-1));
		EQ(ids[i].u, look("d").st_uid);
		EQ(0, look("d").st_gid);
		OK(lchown("l", (uid_t)-1, ids[i].g));
		EQ(0, look("l").st_uid);
		EQ(ids[i].g, look("l").st_gid);
		EQ(ids[i].u, look("f").st_uid);
	}
}

/* The owner may give the file to a group that he is in, and nothing else. */
static void owner_chowns(void)
{
	make("f", 0644);
	OK(chown("f", ALICE, ALICE));
	int fd = OK(open("f", O_RDONLY));

	as_with(ALICE, ALICE, BOB);
	OK(chown("f", (uid_t)-1, BOB));
	EQ(BOB, look("f").st_gid);
	OK(chown("f", ALICE, ALICE));
	EQ(ALICE, look("f").st_gid);
	OK(chown("f", ALICE, (gid_t)-1));
	OK(chown("f", (uid_t)-1, (gid_t)-1));
	FAILS(EPERM, chown("f", BOB, (gid_t)-1));
	FAILS(EPERM, chown("f", ROOT, ROOT));
	FAILS(EPERM, chown("f", (uid_t)-1, CAROL));
	FAILS(EPERM, chown("f", ALICE, CAROL));
	FAILS(EPERM, fchown(fd, BOB, BOB));
	as(BOB, ALICE);
	FAILS(EPERM, chown("f", (uid_t)-1, ALICE));
	FAILS(EPERM, chown("f", BOB, (gid_t)-1));
	FAILS(EPERM, fchown(fd, ALICE, ALICE));
	FAILS(EPERM, lchown("f", ALICE, ALICE));
	as(ROOT, ROOT);
	EQ(ALICE, look("f").st_uid);
	EQ(ALICE, look("f").st_gid);
	close(fd);
}

static void chown_at(void)
{
	make("f", 0644);
	OK(symlink("f", "l"));
	int fd = OK(open("f", O_PATH)), link = OK(open("l", O_PATH | O_NOFOLLOW));

	OK(fchownat(fd, "", ALICE, BOB, AT_EMPTY_PATH));
	EQ(ALICE, look("f").st_uid);
	OK(fchownat(link, "", CAROL, CAROL, AT_EMPTY_PATH));
	EQ(CAROL, look("l").st_uid);
	EQ(ALICE, look("f").st_uid);
	OK(fchownat(AT_FDCWD, "l", BOB, BOB, AT_SYMLINK_NOFOLLOW));
	EQ(BOB, look("l").st_uid);
	OK(fchownat(AT_FDCWD, "l", CAROL, BOB, 0));
	EQ(CAROL, look("f").st_uid);
	FAILS(EINVAL, fchownat(AT_FDCWD, "f", 0, 0, 0x8000));
	close(fd);
	close(link);
}

/* -- utimensat ----------------------------------------------------------------------------- */

static void exact_times(void)
{
	static const struct timespec t[][2] = {
		{ { 0, 0 }, { 0, 0 } }, { { 1, 1 }, { 2, 2 } }, { { 1700000000, 123456789 }, { 1600000000, 987654321 } },
		{ { 1, 999999999 }, { 0, 1 } }, { { 2147483647, 5 }, { 2147483648, 6 } },
		{ { 4294967295, 7 }, { 4294967296, 8 } }, { { -1, 0 }, { -1, 999999999 } },
		{ { -2147483647, 0 }, { -2147483647, 3 } },
	};

	make("f", 0644);
	OK(symlink("f", "l"));
	int fd = OK(open("f", O_RDONLY));

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		posix_note("%ld.%09ld, %ld.%09ld", (long)t[i][0].tv_sec, t[i][0].tv_nsec, (long)t[i][1].tv_sec,
			   t[i][1].tv_nsec);
		if (i % 2)
			OK(utimensat(AT_FDCWD, "f", t[i], 0));
		else
			OK(futimens(fd, t[i]));
		struct stat st = look("f");

		EQ(t[i][0].tv_sec, st.st_atim.tv_sec);
		EQ(t[i][0].tv_nsec, st.st_atim.tv_nsec);
		EQ(t[i][1].tv_sec, st.st_mtim.tv_sec);
		EQ(t[i][1].tv_nsec, st.st_mtim.tv_nsec);
		OK(utimensat(AT_FDCWD, "l", t[i], AT_SYMLINK_NOFOLLOW));
		EQ(t[i][1].tv_nsec, look("l").st_mtim.tv_nsec);
		EQ(t[i][1].tv_sec, look("l").st_mtim.tv_sec);
	}
	close(fd);
}

static void omit_and_now(void)
{
	const struct timespec fixed[2] = { { 1000, 1 }, { 2000, 2 } };
	const struct timespec omit[2] = { { 5, UTIME_OMIT }, { 5, UTIME_OMIT } };
	const struct timespec now_omit[2] = { { 5, UTIME_NOW }, { 5, UTIME_OMIT } };
	const struct timespec omit_set[2] = { { 5, UTIME_OMIT }, { 7, 77 } };
	struct stat st;

	make("f", 0644);
	OK(utimensat(AT_FDCWD, "f", fixed, 0));
	OK(utimensat(AT_FDCWD, "f", omit, 0));
	EQ(1000, look("f").st_atim.tv_sec);
	EQ(2000, look("f").st_mtim.tv_sec);
	OK(utimensat(AT_FDCWD, "f", now_omit, 0));
	st = look("f");
	TRUE(st.st_atim.tv_sec > 100000);
	EQ(2000, st.st_mtim.tv_sec);
	EQ(2, st.st_mtim.tv_nsec);
	OK(utimensat(AT_FDCWD, "f", fixed, 0));
	OK(utimensat(AT_FDCWD, "f", omit_set, 0));
	EQ(1000, look("f").st_atim.tv_sec);
	EQ(77, look("f").st_mtim.tv_nsec);
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	st = look("f");
	EQ(st.st_atim.tv_sec, st.st_mtim.tv_sec);
	EQ(st.st_atim.tv_nsec, st.st_mtim.tv_nsec);
	EQ(st.st_ctim.tv_nsec, st.st_mtim.tv_nsec);
}

static void bad_times(void)
{
	const struct timespec big[2] = { { 0, 1000000000 }, { 0, 0 } }, negative[2] = { { 0, 0 }, { 0, -1 } };

	make("f", 0644);
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", big, 0));
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", negative, 0));
	FAILS(EINVAL, utimensat(AT_FDCWD, "f", NULL, 0x8000));
	FAILS(EBADF, futimens(-1, NULL));
	FAILS(EFAULT, syscall(SYS_utimensat, AT_FDCWD, "f", 8, 0));
}

/* NULL and UTIME_NOW need the right to write; times of one's choice the owner. */
static void who_may_set_times(void)
{
	const struct timespec fixed[2] = { { 1000, 1 }, { 2000, 2 } };
	const struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	const struct timespec half[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	const struct timespec omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	static const struct { uid_t user; mode_t mode; int now, fixed; } cases[] = {
		{ ALICE, 0644, 0, 0 }, { ALICE, 0, 0, 0 }, { BOB, 0646, 0, EPERM }, { BOB, 0644, EACCES, EPERM },
		{ ROOT, 0, 0, 0 },
	};

	make("f", 0);
	OK(chown("f", ALICE, ALICE));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		posix_note("by %u, mode 0%o", cases[i].user, cases[i].mode);
		as(ROOT, ROOT);
		OK(chmod("f", cases[i].mode));
		as(cases[i].user, cases[i].user);
		GIVES(cases[i].now, utimensat(AT_FDCWD, "f", NULL, 0));
		GIVES(cases[i].now, utimensat(AT_FDCWD, "f", now, 0));
		GIVES(cases[i].fixed, utimensat(AT_FDCWD, "f", fixed, 0));
		GIVES(cases[i].fixed, utimensat(AT_FDCWD, "f", half, 0));
		OK(utimensat(AT_FDCWD, "f", omit, 0));
	}
	as(ROOT, ROOT);
}

/* Whole seconds and microseconds of the older calls. */
static void older_calls(void)
{
	const struct timeval tv[2] = { { 100, 5 }, { 200, 999999 } };

	make("f", 0644);
	OK(symlink("f", "l"));
	OK(utimes("f", tv));
	EQ(5000, look("f").st_atim.tv_nsec);
	EQ(999999000, look("f").st_mtim.tv_nsec);
	OK(lutimes("l", tv));
	EQ(200, look("l").st_mtim.tv_sec);
	int fd = OK(open("f", O_RDONLY));

	OK(futimes(fd, tv));
	EQ(100, look("f").st_atim.tv_sec);
	close(fd);
}

/* -- changing attributes survives the file being renamed and closed --------------------------- */

static void attributes_are_the_inodes(void)
{
	const struct timespec t[2] = { { 11, 12 }, { 13, 14 } };
	struct stat st;

	make("f", 0644);
	OK(link("f", "g"));
	OK(chown("f", ALICE, BOB));
	OK(chmod("g", 0612));
	OK(utimensat(AT_FDCWD, "f", t, 0));
	OK(rename("g", "h"));
	OK(unlink("f"));
	st = look("h");
	EQ(ALICE, st.st_uid);
	EQ(BOB, st.st_gid);
	EQ(S_IFREG | 0612, st.st_mode);
	EQ(12, st.st_atim.tv_nsec);
	EQ(14, st.st_mtim.tv_nsec);
}

const struct posix_case posix_attr[] = {
	{ "all_modes", all_modes },
	{ "chmod_of_types", chmod_of_types },
	{ "who_may_chmod", who_may_chmod },
	{ "setgid_needs_membership", setgid_needs_membership },
	{ "root_chowns", root_chowns },
	{ "owner_chowns", owner_chowns },
	{ "chown_at", chown_at },
	{ "exact_times", exact_times },
	{ "omit_and_now", omit_and_now },
	{ "bad_times", bad_times },
	{ "who_may_set_times", who_may_set_times },
	{ "older_calls", older_calls },
	{ "attributes_are_the_inodes", attributes_are_the_inodes },
	{ NULL, NULL },
};
