/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * create.c -- new names: mkdir, mkfifo, mknod, symlink, link, open(O_CREAT)
 *
 * What a new inode looks like: type, mode under the umask, owner and group, counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "posix/posix.h"

/* -- one function per way to make something --------------------------------------- */

static int by_open(const char *p, mode_t m)
{
	int fd = open(p, O_CREAT | O_EXCL | O_RDWR, m);

	return fd < 0 ? -1 : close(fd);
}

static int by_mknod(const char *p, mode_t m) { return mknod(p, S_IFREG | m, 0); }
static int by_mkdir(const char *p, mode_t m) { return mkdir(p, m); }
static int by_mkfifo(const char *p, mode_t m) { return mkfifo(p, m); }
static int by_mknod_fifo(const char *p, mode_t m) { return mknod(p, S_IFIFO | m, 0); }
static int by_mknod_sock(const char *p, mode_t m) { return mknod(p, S_IFSOCK | m, 0); }

static const struct maker {
	const char *name;
	int (*call)(const char *path, mode_t mode);
	mode_t type;
} makers[] = {
	{ "open", by_open, S_IFREG },
	{ "mknod", by_mknod, S_IFREG },
	{ "mkdir", by_mkdir, S_IFDIR },
	{ "mkfifo", by_mkfifo, S_IFIFO },
	{ "mknod(S_IFIFO)", by_mknod_fifo, S_IFIFO },
	{ "mknod(S_IFSOCK)", by_mknod_sock, S_IFSOCK },
};

/* -- mode ------------------------------------------------------------------------------- */

static void modes(void)
{
	static const mode_t masks[] = { 0, 022, 027, 077, 0777, 0123 };
	static const mode_t wanted[] = { 0, 0644, 0755, 0777, 0666, 04711 };

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(masks) * ARRAY_SIZE(wanted); k++) {
			mode_t mask = masks[k % ARRAY_SIZE(masks)], mode = wanted[k / ARRAY_SIZE(masks)];
			mode_t setid = makers[i].type == S_IFDIR ? 01777 : 07777;

			posix_note("%s, mode 0%o, umask 0%o", makers[i].name, mode, mask);
			umask(mask);
			OK(makers[i].call("x", mode));
			EQ(makers[i].type | (mode & ~mask & setid), mode_of("x"));
			OK(remove("x"));
		}
	}
	umask(0);
}

static void sticky_and_setgid_modes(void)
{
	OK(mkdir("d", 01777));
	EQ(S_IFDIR | 01777, mode_of("d"));
	OK(mknod("f", S_IFREG | 07777, 0));
	EQ(S_IFREG | 07777, mode_of("f"));
	OK(by_open("g", 02755));
	EQ(S_IFREG | 02755, mode_of("g"));
	OK(symlink("x", "l"));
	EQ(S_IFLNK | 0777, mode_of("l"));
	umask(077);
	OK(symlink("x", "m"));
	EQ(S_IFLNK | 0777, mode_of("m"));
}

/* -- owner and group -------------------------------------------------------------------- */

static struct stat look(const char *path)
{
	struct stat st = { .st_mode = 0 };

	OK(lstat(path, &st));
	return st;
}

/* A directory with setgid passes its group on, and to directories the bit as well. */
static void owners(void)
{
	OK(mkdir("plain", 0777));
	OK(mkdir("setgid", 0777));
	OK(chown("setgid", ROOT, CAROL));
	OK(chmod("setgid", 02777));
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		bool dir = makers[i].type == S_IFDIR;
		struct stat st;

		posix_note("%s", makers[i].name);
		as(ALICE, BOB);
		OK(makers[i].call("plain/x", 0755));
		st = look("plain/x");
		EQ(ALICE, st.st_uid);
		EQ(BOB, st.st_gid);
		EQ(makers[i].type | 0755, st.st_mode);
		OK(makers[i].call("setgid/x", 0755));
		st = look("setgid/x");
		EQ(ALICE, st.st_uid);
		EQ(CAROL, st.st_gid);
		EQ(makers[i].type | 0755 | (dir ? S_ISGID : 0), st.st_mode);
		OK(remove("plain/x"));
		OK(remove("setgid/x"));
		as(ROOT, ROOT);
	}
}

/* No setgid program of a group that one does not belong to. */
static void setgid_of_a_foreign_group(void)
{
	OK(mkdir("d", 0777));
	OK(chown("d", ROOT, CAROL));
	OK(chmod("d", 02777));
	as(ALICE, BOB);
	OK(by_open("d/open", 02775));
	EQ(S_IFREG | 0775, mode_of("d/open"));
	OK(by_mknod("d/mknod", 02775));
	EQ(S_IFREG | 0775, mode_of("d/mknod"));
	OK(by_open("d/no-x", 02664));
	TRUE((mode_of("d/no-x") & 0777) == 0664);
	as_with(ALICE, BOB, CAROL);
	OK(by_open("d/member", 02775));
	EQ(S_IFREG | 02775, mode_of("d/member"));
	as(ROOT, ROOT);
	OK(by_open("d/root", 02775));
	EQ(S_IFREG | 02775, mode_of("d/root"));
}

static void symlink_owner(void)
{
	struct stat st;

	OK(mkdir("d", 0777));
	OK(chown("d", ROOT, CAROL));
	OK(chmod("d", 02777));
	as(ALICE, BOB);
	OK(symlink("x", "d/l"));
	st = look("d/l");
	EQ(ALICE, st.st_uid);
	EQ(CAROL, st.st_gid);
	EQ(S_IFLNK | 0777, st.st_mode);
	EQ(1, st.st_size);
}

/* -- sizes and counts ------------------------------------------------------------------- */

static void fresh_inode(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		bool dir = makers[i].type == S_IFDIR;
		struct stat st;

		posix_note("%s", makers[i].name);
		OK(makers[i].call("x", 0600));
		st = look("x");
		EQ(dir ? 2 : 1, st.st_nlink);
		if (!dir)
			EQ(0, st.st_size);
		if (!dir)
			EQ(0, st.st_blocks);
		EQ(0, st.st_rdev);
		TRUE(st.st_ino != 0);
		TRUE(st.st_blksize >= 512);
		EQ(st.st_mtim.tv_sec, st.st_ctim.tv_sec);
		EQ(st.st_mtim.tv_nsec, st.st_ctim.tv_nsec);
		EQ(st.st_atim.tv_nsec, st.st_ctim.tv_nsec);
		OK(remove("x"));
	}
}

static void directory_counts(void)
{
	nlink_t before = nlink_of(".");

	EQ(2, before);
	OK(mkdir("a", 0755));
	EQ(3, nlink_of("."));
	OK(mkdir("a/b", 0755));
	EQ(3, nlink_of("."));
	EQ(3, nlink_of("a"));
	make("a/file", 0644);
	OK(symlink("b", "a/link"));
	EQ(3, nlink_of("a"));
	OK(rename("a/b", "b"));
	EQ(2, nlink_of("a"));
	EQ(4, nlink_of("."));
	OK(rmdir("b"));
	EQ(3, nlink_of("."));
	EQ(ino_of("."), ino_of("a/.."));
}

/* -- devices ---------------------------------------------------------------------------- */

static void devices(void)
{
	static const struct { mode_t type; unsigned major, minor; } nodes[] = {
		{ S_IFCHR, 1, 3 }, { S_IFBLK, 7, 0 }, { S_IFCHR, 255, 255 }, { S_IFCHR, 256, 256 },
		{ S_IFBLK, 4095, 1048575 }, { S_IFCHR, 0, 0 },
	};
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		dev_t dev = makedev(nodes[i].major, nodes[i].minor);
		struct stat st;

		snprintf(name, sizeof(name), "dev%zu", i);
		posix_note("device %u:%u", nodes[i].major, nodes[i].minor);
		OK(mknod(name, nodes[i].type | 0600, dev));
		st = look(name);
		EQ(nodes[i].type | 0600, st.st_mode);
		EQ(dev, st.st_rdev);
		EQ(0, st.st_size);
		EQ(1, st.st_nlink);
	}
	as(ALICE, ALICE);
	FAILS(EACCES, mknod("mine", S_IFCHR | 0600, makedev(1, 3)));
}

static void devices_need_privilege(void)
{
	OK(chmod(".", 0777));
	as(ALICE, ALICE);
	FAILS(EPERM, mknod("chr", S_IFCHR | 0600, makedev(1, 3)));
	FAILS(EPERM, mknod("blk", S_IFBLK | 0600, makedev(7, 0)));
	OK(mknod("fifo", S_IFIFO | 0600, 0));
	OK(mknod("sock", S_IFSOCK | 0600, 0));
	OK(mknod("reg", S_IFREG | 0600, 0));
	OK(mknod("zero", 0600, 0));
	EQ(S_IFREG | 0600, mode_of("zero"));
	FAILS(EPERM, mknod("dir", S_IFDIR | 0600, 0));
	FAILS(EINVAL, mknod("link", S_IFLNK | 0600, 0));
	FAILS(EINVAL, mknod("odd", 0150000 | 0600, 0));
}

static void null_device(void)
{
	char c = 'x';
	int fd;

	OK(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	fd = open("null", O_RDWR);
	if (fd < 0 && errno == EACCES)
		posix_skip("mounted with nodev");
	EQ(1, write(fd, &c, 1));
	EQ(0, read(fd, &c, 1));
	EQ(0, size_of("null"));
	close(fd);
	OK(mknod("nothing", S_IFCHR | 0666, makedev(4000, 77)));
	FAILS(ENXIO, open("nothing", O_RDONLY));
}

/* -- sockets and FIFOs carry data ------------------------------------------------------- */

static void socket_node(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int s = OK(socket(AF_UNIX, SOCK_STREAM, 0)), c = OK(socket(AF_UNIX, SOCK_STREAM, 0));

	OK(bind(s, (struct sockaddr *)&a, sizeof(a)));
	EQ(S_IFSOCK, mode_of("sock") & S_IFMT);
	FAILS(ECONNREFUSED, connect(c, (struct sockaddr *)&a, sizeof(a)));
	OK(listen(s, 1));
	OK(connect(c, (struct sockaddr *)&a, sizeof(a)));
	FAILS(ENXIO, open("sock", O_RDWR));
	FAILS(EADDRINUSE, bind(OK(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&a, sizeof(a)));
	OK(unlink("sock"));
	FAILS(ENOENT, connect(OK(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&a, sizeof(a)));
}

static void fifo_node(void)
{
	char buf[8] = "";
	int r, w;

	OK(mkfifo("fifo", 0644));
	FAILS(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
	r = OK(open("fifo", O_RDONLY | O_NONBLOCK));
	w = OK(open("fifo", O_WRONLY));
	EQ(5, write(w, "hello", 5));
	EQ(5, read(r, buf, sizeof(buf)));
	EQ(0, memcmp(buf, "hello", 5));
	FAILS(ESPIPE, lseek(r, 0, SEEK_SET));
	FAILS(EINVAL, ftruncate(w, 0));
	FAILS(EINVAL, truncate("fifo", 0));
	FAILS(ESPIPE, fallocate(w, 0, 0, 100));
	close(r);
	FAILS(EPIPE, write(w, "x", 1));
	EQ(0, size_of("fifo"));
}

/* -- symbolic links --------------------------------------------------------------------- */

/* Every length that some filesystem stores in another way. */
static void targets(void)
{
	static const size_t lengths[] = { 1, 2, 59, 60, 61, 143, 144, 145, 152, 255, 256, 1023, 2048, 4094, 4095 };
	char target[PATH_MAX + 1], back[PATH_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		size_t n = lengths[i];

		posix_note("target of %zu bytes", n);
		memset(target, 't', n);
		target[n] = '\0';
		OK(symlink(target, "link"));
		EQ(n, size_of("link"));
		memset(back, 0, sizeof(back));
		EQ(n, readlink("link", back, sizeof(back)));
		EQ(0, strcmp(target, back));
		EQ(n < 2 ? n : 2, readlink("link", back, n < 2 ? n : 2));
		OK(unlink("link"));
	}
	posix_note(NULL);
	memset(target, 't', PATH_MAX);
	target[PATH_MAX] = '\0';
	FAILS(ENAMETOOLONG, symlink(target, "link"));
	FAILS(ENOENT, symlink("", "link"));
}

static void reading_links(void)
{
	char buf[16];

	OK(symlink("target", "link"));
	make("file", 0644);
	FAILS(EINVAL, readlink("file", buf, sizeof(buf)));
	FAILS(EINVAL, readlink(".", buf, sizeof(buf)));
	FAILS(EINVAL, readlink("link", buf, 0));
	FAILS(ENOENT, readlink("absent", buf, sizeof(buf)));
	FAILS(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
	int fd = OK(open("link", O_PATH | O_NOFOLLOW));

	EQ(6, readlinkat(fd, "", buf, sizeof(buf)));
	close(fd);
	FAILS(ENOENT, open("link", O_RDONLY));
	close(OK(open("link", O_CREAT | O_RDWR, 0644)));
	EQ(S_IFREG | 0644, mode_of("target"));
	FAILS(EEXIST, open("link", O_CREAT | O_EXCL | O_RDWR, 0644));
}

/* -- link ------------------------------------------------------------------------------- */

static void links(void)
{
	char c = 0;
	int fd;

	make("a", 0640);
	OK(link("a", "b"));
	EQ(2, nlink_of("a"));
	EQ(ino_of("a"), ino_of("b"));
	fd = OK(open("a", O_WRONLY));
	EQ(1, write(fd, "x", 1));
	close(fd);
	fd = OK(open("b", O_RDONLY));
	EQ(1, read(fd, &c, 1));
	EQ('x', c);
	close(fd);
	OK(chmod("b", 0600));
	EQ(S_IFREG | 0600, mode_of("a"));
	OK(unlink("a"));
	EQ(1, nlink_of("b"));
	OK(mkdir("d", 0755));
	FAILS(EPERM, link("d", "d2"));
	FAILS(EPERM, link(".", "dot"));
	FAILS(EEXIST, link("b", "b"));
	FAILS(EEXIST, link("b", "d"));
}

static void links_of_every_type(void)
{
	OK(mkfifo("fifo", 0644));
	OK(mknod("dev", S_IFCHR | 0644, makedev(1, 3)));
	OK(mknod("sock", S_IFSOCK | 0644, 0));
	OK(symlink("nowhere", "sym"));
	static const char *const names[] = { "fifo", "dev", "sock", "sym" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		posix_note("%s", names[i]);
		OK(link(names[i], "other"));
		EQ(2, nlink_of(names[i]));
		EQ(ino_of(names[i]), ino_of("other"));
		OK(unlink(names[i]));
		EQ(1, nlink_of("other"));
		OK(unlink("other"));
	}
}

static void link_through_symlink(void)
{
	make("file", 0644);
	OK(symlink("file", "sym"));
	OK(linkat(AT_FDCWD, "sym", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW));
	EQ(ino_of("file"), ino_of("hard"));
	OK(linkat(AT_FDCWD, "sym", AT_FDCWD, "hardsym", 0));
	EQ(ino_of("sym"), ino_of("hardsym"));
	FAILS(EINVAL, linkat(AT_FDCWD, "sym", AT_FDCWD, "bad", 0x8000));
	int fd = OK(open("file", O_RDONLY));

	OK(linkat(fd, "", AT_FDCWD, "byfd", AT_EMPTY_PATH));
	EQ(3, nlink_of("file"));
	close(fd);
	OK(unlink("file"));
	OK(unlink("hard"));
	OK(unlink("byfd"));
	FAILS(ENOENT, linkat(AT_FDCWD, "sym", AT_FDCWD, "gone", AT_SYMLINK_FOLLOW));
}

/* -- *at() ------------------------------------------------------------------------------ */

static void relative_to_a_descriptor(void)
{
	int dir, file;

	OK(mkdir("d", 0755));
	make("file", 0644);
	dir = OK(open("d", O_RDONLY | O_DIRECTORY));
	file = OK(open("file", O_RDONLY));
	OK(mkdirat(dir, "sub", 0755));
	OK(mkfifoat(dir, "fifo", 0644));
	OK(mknodat(dir, "node", S_IFREG | 0644, 0));
	OK(symlinkat("x", dir, "sym"));
	OK(linkat(AT_FDCWD, "file", dir, "hard", 0));
	close(OK(openat(dir, "open", O_CREAT | O_RDWR, 0644)));
	EQ(S_IFDIR | 0755, mode_of("d/sub"));
	EQ(ino_of("file"), ino_of("d/hard"));
	FAILS(ENOTDIR, mkdirat(file, "x", 0755));
	FAILS(ENOTDIR, openat(file, "x", O_RDONLY));
	FAILS(EBADF, mkdirat(999, "x", 0755));
	FAILS(EBADF, openat(999, "x", O_RDONLY));
	OK(renameat(dir, "open", AT_FDCWD, "moved"));
	OK(rename("d", "e"));
	OK(mkdirat(dir, "later", 0755));
	EQ(S_IFDIR | 0755, mode_of("e/later"));
	OK(unlinkat(dir, "later", AT_REMOVEDIR));
	FAILS(EINVAL, unlinkat(dir, "sub", 0x8000));
}

const struct posix_case posix_create[] = {
	{ "modes", modes },
	{ "sticky_and_setgid_modes", sticky_and_setgid_modes },
	{ "owners", owners },
	{ "setgid_of_a_foreign_group", setgid_of_a_foreign_group },
	{ "symlink_owner", symlink_owner },
	{ "fresh_inode", fresh_inode },
	{ "directory_counts", directory_counts },
	{ "devices", devices },
	{ "devices_need_privilege", devices_need_privilege },
	{ "null_device", null_device },
	{ "socket_node", socket_node },
	{ "fifo_node", fifo_node },
	{ "targets", targets },
	{ "reading_links", reading_links },
	{ "links", links },
	{ "links_of_every_type", links_of_every_type },
	{ "link_through_symlink", link_through_symlink },
	{ "relative_to_a_descriptor", relative_to_a_descriptor },
	{ NULL, NULL },
};
