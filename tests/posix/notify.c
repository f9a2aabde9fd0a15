/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify.c -- inotify tells of every change
 *
 * A table: an operation, and the events that a watch of its directory gets, in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "posix/posix.h"

#define WATCHED	(IN_ALL_EVENTS & ~(IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE))

static int closing(int fd, bool ok)
{
	close(fd);
	return ok ? 0 : -1;
}

static int do_create(void) { int fd = open("d/n", O_CREAT | O_WRONLY, 0644); return closing(fd, fd >= 0); }
static int do_mkdir(void) { return mkdir("d/n", 0755); }
static int do_symlink(void) { return symlink("x", "d/n"); }
static int do_mkfifo(void) { return mkfifo("d/n", 0644); }
static int do_link(void) { return link("d/f", "d/n"); }
static int do_unlink(void) { return unlink("d/f"); }
static int do_rmdir(void) { return rmdir("d/sub"); }
static int do_rename(void) { return rename("d/f", "d/n"); }
static int do_rename_out(void) { return rename("d/f", "n"); }
static int do_rename_in(void) { return rename("other", "d/n"); }
static int do_rename_over(void) { return rename("other", "d/f"); }
static int do_chmod(void) { return chmod("d/f", 0600); }
static int do_chown(void) { return chown("d/f", ALICE, ALICE); }
static int do_utimens(void) { return utimensat(AT_FDCWD, "d/f", NULL, 0); }
static int do_truncate(void) { return truncate("d/f", 0); }
static int do_setxattr(void) { return setxattr("d/f", "user.x", "1", 1, 0); }
static int do_write(void) { int fd = open("d/f", O_WRONLY); return closing(fd, write(fd, "x", 1) == 1); }
static int do_fallocate(void) { int fd = open("d/f", O_WRONLY); return closing(fd, !fallocate(fd, 0, 0, 5000)); }
static int do_fail(void) { return mkdir("d/f", 0755) == -1 ? 0 : -1; }

static const struct op {
	const char *name;
	int (*call)(void);
	uint32_t events[3];
} ops[] = {
	{ "open(O_CREAT)", do_create, { IN_CREATE, IN_CLOSE_WRITE } },
	{ "mkdir", do_mkdir, { IN_CREATE | IN_ISDIR } },
	{ "symlink", do_symlink, { IN_CREATE } },
	{ "mkfifo", do_mkfifo, { IN_CREATE } },
	{ "link", do_link, { IN_CREATE } },
	{ "unlink", do_unlink, { IN_DELETE } },
	{ "rmdir", do_rmdir, { IN_DELETE | IN_ISDIR } },
	{ "rename", do_rename, { IN_MOVED_FROM, IN_MOVED_TO } },
	{ "rename out", do_rename_out, { IN_MOVED_FROM } },
	{ "rename in", do_rename_in, { IN_MOVED_TO } },
	{ "rename over", do_rename_over, { IN_MOVED_TO } },
	{ "chmod", do_chmod, { IN_ATTRIB } },
	{ "chown", do_chown, { IN_ATTRIB } },
	{ "utimensat", do_utimens, { IN_ATTRIB } },
	{ "truncate", do_truncate, { IN_MODIFY } },
	{ "setxattr", do_setxattr, { IN_ATTRIB } },
	{ "write", do_write, { IN_MODIFY, IN_CLOSE_WRITE } },
	{ "fallocate", do_fallocate, { IN_MODIFY, IN_CLOSE_WRITE } },
	{ "mkdir that fails", do_fail, { 0 } },
};

static void stage(void)
{
	OK(mkdir("d", 0755));
	make_filled("d/f", 10, 'x');
	OK(link("d/f", "d/f2"));
	OK(mkdir("d/sub", 0755));
	make("other", 0644);
}

static void clear(void)
{
	static const char *const names[] = { "d/f", "d/f2", "d/n", "d/sub", "d", "n", "other" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove(names[i]);
}

/* The next event's mask, 0 when there is none, and its name. */
static uint32_t next_event(int in, char name[256])
{
	static char buf[4096] __attribute__((aligned(8)));
	static ssize_t at, len;
	const struct inotify_event *e;

	name[0] = '\0';
	if (at >= len) {
		at = 0;
		len = read(in, buf, sizeof(buf));
		if (len <= 0)
			return 0;
	}
	e = (const void *)(buf + at);
	at += (ssize_t)(sizeof(*e) + e->len);
	if (e->len)
		snprintf(name, 256, "%s", e->name);
	return e->mask;
}

static void try_op(const struct op *op)
{
	int in = OK(inotify_init1(IN_NONBLOCK));
	char name[256];

	stage();
	OK(inotify_add_watch(in, "d", WATCHED));
	posix_note("%s", op->name);
	OK(op->call());
	for (size_t i = 0; i < ARRAY_SIZE(op->events) && op->events[i]; i++)
		EQ(op->events[i], next_event(in, name));
	EQ(0, next_event(in, name));
	posix_note(NULL);
	close(in);
	clear();
}

static void table(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		try_op(&ops[i]);
}

static void reading(void)
{
	int in = OK(inotify_init1(IN_NONBLOCK)), fd;
	char name[256], c;

	make_filled("f", 10, 'x');
	OK(inotify_add_watch(in, ".", IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE));
	fd = OK(open("f", O_RDONLY));
	EQ(IN_OPEN, next_event(in, name));
	EQ(0, strcmp(name, "f"));
	EQ(1, read(fd, &c, 1));
	EQ(IN_ACCESS, next_event(in, name));
	close(fd);
	EQ(IN_CLOSE_NOWRITE, next_event(in, name));
	EQ(0, next_event(in, name));
	close(in);
}

static void two_names_one_cookie(void)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *from, *to;
	int in = OK(inotify_init1(IN_NONBLOCK));

	make("a", 0644);
	OK(inotify_add_watch(in, ".", IN_MOVE));
	OK(rename("a", "b"));
	TRUE(read(in, buf, sizeof(buf)) > (ssize_t)(2 * sizeof(*from)));
	from = (const void *)buf;
	to = (const void *)(buf + sizeof(*from) + from->len);
	EQ(0, strcmp(from->name, "a"));
	EQ(0, strcmp(to->name, "b"));
	EQ(from->cookie, to->cookie);
	TRUE(from->cookie != 0);
	close(in);
}

/* The watched inode itself goes: with its last name and its last descriptor. */
static void the_end(void)
{
	int in = OK(inotify_init1(IN_NONBLOCK)), fd;
	char name[256];

	make("f", 0644);
	fd = OK(open("f", O_RDONLY));
	OK(inotify_add_watch(in, "f", IN_DELETE_SELF | IN_MOVE_SELF));
	OK(rename("f", "g"));
	EQ(IN_MOVE_SELF, next_event(in, name));
	OK(unlink("g"));
	EQ(0, next_event(in, name));
	close(fd);
	EQ(IN_DELETE_SELF, next_event(in, name));
	EQ(IN_IGNORED, next_event(in, name));
	OK(mkdir("d", 0755));
	OK(inotify_add_watch(in, "d", IN_DELETE_SELF));
	OK(rmdir("d"));
	EQ(IN_DELETE_SELF, next_event(in, name));
	EQ(IN_IGNORED, next_event(in, name));
	FAILS(ENOENT, inotify_add_watch(in, "absent", IN_CREATE));
	close(in);
}

const struct posix_case posix_notify[] = {
	{ "table", table },
	{ "reading", reading },
	{ "two_names_one_cookie", two_names_one_cookie },
	{ "the_end", the_end },
	{ NULL, NULL },
};
