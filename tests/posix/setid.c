/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * setid.c -- set-user-ID and set-group-ID bits go when a file changes hands or content
 *
 * A table: each operation that must clear them, each mode, as the owner, as another user who
 * may write, and as root, whom Linux lets keep them when only content changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

static int closing(int fd, bool ok)
{
	close(fd);
	return ok ? 0 : -1;
}

/* -- operations on "f" ------------------------------------------------------------- */

static int do_write(void) { int fd = open("f", O_WRONLY); return closing(fd, write(fd, "x", 1) == 1); }
static int do_append(void) { int fd = open("f", O_WRONLY | O_APPEND); return closing(fd, write(fd, "x", 1) == 1); }
static int do_pwrite(void) { int fd = open("f", O_WRONLY); return closing(fd, pwrite(fd, "x", 1, 5000) == 1); }
static int do_sync_write(void) { int fd = open("f", O_WRONLY | O_SYNC); return closing(fd, write(fd, "x", 1) == 1); }
static int do_truncate(void) { return truncate("f", 50); }
static int do_truncate_up(void) { return truncate("f", 5000); }
static int do_ftruncate(void) { int fd = open("f", O_WRONLY); return closing(fd, ftruncate(fd, 10) == 0); }
static int do_open_trunc(void) { return closing(open("f", O_WRONLY | O_TRUNC), true); }
static int do_fallocate(void) { int fd = open("f", O_WRONLY); return closing(fd, fallocate(fd, 0, 0, 9000) == 0); }

static int do_punch(void)
{
	int fd = open("f", O_WRONLY);

	return closing(fd, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10) == 0);
}

static int do_copy(void)
{
	int in = open("other", O_RDONLY), fd = open("f", O_WRONLY);
	bool ok = copy_file_range(in, NULL, fd, NULL, 10, 0) == 10;

	close(in);
	return closing(fd, ok);
}

static int do_write_none(void) { int fd = open("f", O_WRONLY); return closing(fd, write(fd, "", 0) == 0); }
static int do_read(void) { char c; int fd = open("f", O_RDONLY); return closing(fd, read(fd, &c, 1) == 1); }
static int do_link(void) { return link("f", "g") || unlink("g"); }
static int do_utimens(void) { return utimensat(AT_FDCWD, "f", NULL, 0); }

static const struct op {
	const char *name;
	int (*call)(void);
	bool clears;
} ops[] = {
	{ "write", do_write, true },
	{ "append", do_append, true },
	{ "pwrite beyond the end", do_pwrite, true },
	{ "write, O_SYNC", do_sync_write, true },
	{ "truncate", do_truncate, true },
	{ "truncate upwards", do_truncate_up, true },
	{ "ftruncate", do_ftruncate, true },
	{ "open(O_TRUNC)", do_open_trunc, true },
	{ "fallocate", do_fallocate, true },
	{ "fallocate, punch", do_punch, true },
	{ "copy_file_range", do_copy, true },
	{ "write of 0 bytes", do_write_none, false },
	{ "read", do_read, false },
	{ "link and unlink", do_link, false },
	{ "utimensat(NULL)", do_utimens, false },
};

/* setgid without group execute meant mandatory locks once: it stays for members of the group. */
static mode_t cleared(mode_t mode, uid_t user)
{
	mode &= ~(mode_t)S_ISUID;
	return mode & S_IXGRP || user == BOB ? mode & ~(mode_t)S_ISGID : mode;
}

static void fresh(mode_t mode)
{
	as(ROOT, ROOT);
	unlink("f");
	make_filled("f", 100, 'x');
	OK(chown("f", ALICE, ALICE));
	OK(chmod("f", mode));
}

static void content_by(uid_t user)
{
	static const mode_t modes[] = { 04777, 02777, 06777, 02767, 06767, 01777, 07777, 04666 };

	make_filled("other", 100, 'o');
	OK(chmod(".", 0777));
	for (size_t i = 0; i < ARRAY_SIZE(ops) * ARRAY_SIZE(modes); i++) {
		const struct op *op = &ops[i / ARRAY_SIZE(modes)];
		mode_t mode = modes[i % ARRAY_SIZE(modes)], want = mode;

		if (op->clears && user != ROOT)
			want = cleared(mode, user);
		posix_note("%s, mode 0%o, by %u", op->name, mode, user);
		fresh(mode);
		as(user, user);
		/* nobody but the owner links a setid file (fs.protected_hardlinks) */
		if (op->call == do_link && user == BOB)
			continue;
		OK(op->call());
		EQ(S_IFREG | want, mode_of("f"));
	}
	as(ROOT, ROOT);
}

static void content_by_owner(void) { content_by(ALICE); }
static void content_by_another(void) { content_by(BOB); }
static void content_by_root(void) { content_by(ROOT); }

/* -- chown --------------------------------------------------------------------------------- */

static void owner_by(uid_t user)
{
	static const struct { uid_t uid; gid_t gid; bool all; } changes[] = {
		{ (uid_t)-1, ALICE, true }, { ALICE, (gid_t)-1, true }, { ALICE, ALICE, true }, { BOB, BOB, false },
		{ (uid_t)-1, CAROL, false },
	};
	static const mode_t modes[] = { 04755, 02755, 06755, 06745, 01755, 07777 };

	for (size_t i = 0; i < ARRAY_SIZE(changes) * ARRAY_SIZE(modes); i++) {
		mode_t mode = modes[i % ARRAY_SIZE(modes)];
		size_t c = i / ARRAY_SIZE(modes);

		if (user != ROOT && !changes[c].all)
			continue;
		fresh(mode);
		as(user, user);
		posix_note("chown(%d, %d), mode 0%o, by %u", (int)changes[c].uid, (int)changes[c].gid, mode, user);
		OK(chown("f", changes[c].uid, changes[c].gid));
		EQ(S_IFREG | cleared(mode, user), mode_of("f"));
	}
	as(ROOT, ROOT);
}

static void chown_by_owner(void) { owner_by(ALICE); }
static void chown_by_root(void) { owner_by(ROOT); }

/* Nothing is changed, but Linux takes the bits away even so. */
static void chown_of_nothing(void)
{
	fresh(06755);
	OK(chown("f", (uid_t)-1, (gid_t)-1));
	EQ(S_IFREG | 0755, mode_of("f"));
	fresh(06755);
	as(ALICE, ALICE);
	OK(chown("f", (uid_t)-1, (gid_t)-1));
	EQ(S_IFREG | 0755, mode_of("f"));
}

/* It is a change all the same: not for others. */
static void chown_of_nothing_by_another(void)
{
	fresh(06755);
	as(BOB, BOB);
	FAILS(EPERM, chown("f", (uid_t)-1, (gid_t)-1));
	as(ROOT, ROOT);
	EQ(S_IFREG | 06755, mode_of("f"));
	fresh(0755);
	as(BOB, BOB);
	OK(chown("f", (uid_t)-1, (gid_t)-1));
}

/* A directory's setgid bit says whose its new files are, and stays. */
static void directories_keep_them(void)
{
	OK(mkdir("d", 0755));
	OK(chown("d", ALICE, ALICE));
	OK(chmod("d", 07755));
	OK(chown("d", BOB, BOB));
	EQ(S_IFDIR | 07755, mode_of("d"));
	OK(chown("d", (uid_t)-1, (gid_t)-1));
	EQ(S_IFDIR | 07755, mode_of("d"));
	make("d/f", 0644);
	EQ(S_IFDIR | 07755, mode_of("d"));
}

/* -- a descriptor outlives the right to have it --------------------------------------------------------- */

static void descriptor_of_another(void)
{
	int fd;

	fresh(0777);
	fd = OK(open("f", O_RDWR));
	as(BOB, BOB);
	EQ(1, write(fd, "x", 1));
	as(ROOT, ROOT);
	OK(chmod("f", 06777));
	as(BOB, BOB);
	EQ(1, write(fd, "x", 1));
	EQ(S_IFREG | 0777, mode_of("f"));
	as(ROOT, ROOT);
	OK(chmod("f", 06777));
	EQ(1, write(fd, "x", 1));
	EQ(S_IFREG | 06777, mode_of("f"));
	close(fd);
}

const struct posix_case posix_setid[] = {
	{ "content_by_owner", content_by_owner },
	{ "content_by_another", content_by_another },
	{ "content_by_root", content_by_root },
	{ "chown_by_owner", chown_by_owner },
	{ "chown_by_root", chown_by_root },
	{ "chown_of_nothing", chown_of_nothing },
	{ "chown_of_nothing_by_another", chown_of_nothing_by_another },
	{ "directories_keep_them", directories_keep_them },
	{ "descriptor_of_another", descriptor_of_another },
	{ NULL, NULL },
};
