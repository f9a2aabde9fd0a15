/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umount.c -- umount.fuse.daxfs: unmount a daxfs, and wait until it is all on media
 *
 * umount(8) calls it for the type fuse.daxfs.  The kernel is done with a FUSE
 * mount before its daemon has written what was dirty, the snapshot and the clean
 * mark; a power cut in between loses stores that umount(8) said were safe.  The
 * unmounting itself is left to "umount -i", which knows what fstab allows users;
 * then the device's lock tells when the daemon has finished.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "daxfs/ioctl.h"
#include "pm/region.h"
#include "tools/mounts.h"

#define TYPE		"fuse.daxfs"
#define PROGRAM		"umount.fuse.daxfs"

/* systemd ends an unmount after 90 seconds: the sentence is to come before that. */
#define WAIT_SECONDS	60
#define MAX_WAIT	86400
/* How often the mount table is looked at while waiting. */
#define SLICE_MS	200

/* Exit codes of umount(8). */
enum { EXIT_OK = 0, EXIT_USAGE = 1, EXIT_SYSTEM = 2, EXIT_UMOUNT = 32 };

extern char **environ;

struct umount {
	const char *what;	/* mount point or device, as given */
	const char *namespace;	/* as given, or NULL */
	bool	 force, lazy, no_mtab, rdonly, verbose;
	unsigned wait_seconds;
	struct mount_line m;	/* the mount, as it was before */
	ino_t	 connection;	/* of the kernel with its daemon; 0 = unknown */
};

static const char usage[] =
	"Usage: umount.fuse.daxfs DIR|DEVICE [-flnrv] [-N NAMESPACE] [-t TYPE] [-w SECONDS]\n"
	"Unmount a daxfs, and wait until everything in it is durable.  For umount(8).\n"
	"\n"
	"  -f, --force              end the daemon's connection first\n"
	"  -l, --lazy               detach it now, and wait only if nobody uses it\n"
	"  -n, --no-mtab            do not write the mount table\n"
	"  -r, --read-only          if it cannot be unmounted, make it read-only\n"
	"  -v, --verbose            say what is done\n"
	"  -N, --namespace=NS       in another mount namespace, without waiting\n"
	"  -t, --types=TYPE         accepted\n"
	"  -w, --wait=SECONDS       how long to wait for the daemon, 60 by default\n"
	"  -h, --help               print this and exit\n"
	"  -V, --version            print the version and exit\n"
	"\n"
	"Exit status: 0 unmounted and durable, 1 usage, 2 unmounted but not known to be durable,\n"
	"32 not unmounted.\n";

/* -- the command line ------------------------------------------------------ */

static int take_wait(struct umount *u, const char *arg)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || n > MAX_WAIT) {
		log_error("\"%s\" is not a number of seconds up to %d", arg, MAX_WAIT);
		return -EINVAL;
	}
	u->wait_seconds = (unsigned)n;
	return 0;
}

/* 0 to go on, 1 when all has been said, or an error. */
static int take_option(struct umount *u, int opt)
{
	switch (opt) {
	case 'f': u->force = true; return 0;
	case 'l': u->lazy = true; return 0;
	case 'n': u->no_mtab = true; return 0;
	case 'r': u->rdonly = true; return 0;
	case 'v': u->verbose = true; return 0;
	case 't': return 0;
	case 'N': u->namespace = optarg; return 0;
	case 'w': return take_wait(u, optarg);
	case 'h': fputs(usage, stdout); return 1;
	case 'V': printf(PROGRAM " (daxfs) %s\n", PACKAGE_VERSION); return 1;
	default: return -EINVAL;	/* getopt has said why */
	}
}

static int parse(struct umount *u, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "lazy", no_argument, NULL, 'l' },
		{ "no-mtab", no_argument, NULL, 'n' },
		{ "read-only", no_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "namespace", required_argument, NULL, 'N' },
		{ "types", required_argument, NULL, 't' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, res = 0;

	while (!res && (opt = getopt_long(argc, argv, "flnrvN:t:w:hV", longopts, NULL)) != -1)
		res = take_option(u, opt);
	if (res)
		return res;
	if (argc - optind != 1) {
		log_error("%s; try \"" PROGRAM " --help\"",
			  optind == argc ? "no mount point given" : "more than one mount point given");
		return -EINVAL;
	}
	u->what = argv[optind];
	return 0;
}

/* -- which mount ----------------------------------------------------------- */

static bool is_daxfs(const struct mount_line *m)
{
	return strcmp(m->type, TYPE) == 0;
}

static bool is_at(const struct mount_line *m, const void *dir)
{
	return strcmp(m->dir, dir) == 0;
}

static bool is_daxfs_of(const struct mount_line *m, const void *st)
{
	return is_daxfs(m) && mounts_is_of(m, st);
}

static bool is_daxfs_from(const struct mount_line *m, const void *source)
{
	return is_daxfs(m) && strcmp(m->source, source) == 0;
}

static bool is_on(const struct mount_line *m, const void *other)
{
	const struct mount_line *o = other;

	return m->major == o->major && m->minor == o->minor;
}

/* The words come first: looking at a path may mean to wait for a daemon that hangs. */
static int find(struct umount *u)
{
	int res = mounts_find(MOUNTS_OWN, is_at, u->what, &u->m);
	struct stat st;
	char *dir;

	if (res)
		return res;
	dir = realpath(u->what, NULL);
	if (dir)
		res = mounts_find(MOUNTS_OWN, is_at, dir, &u->m);
	free(dir);
	if (!res && !stat(u->what, &st) && !S_ISDIR(st.st_mode))
		res = mounts_find(MOUNTS_OWN, is_daxfs_of, &st, &u->m);
	return res;
}

/*
 * As long as anything uses the filesystem, in other namespaces too, the kernel
 * lists its connection, by st_dev.  Numbers are used again, so remember the inode.
 */
static ino_t connection(const struct mount_line *m)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u", m->minor);
	return m->major || stat(path, &st) ? 0 : st.st_ino;
}

static int prepare(struct umount *u)
{
	int res = find(u);

	if (res < 0) {
		log_error("%s: %s", MOUNTS_OWN, strerror(-res));
		return EXIT_SYSTEM;
	}
	if (!res || !is_daxfs(&u->m)) {
		log_error("%s is not a mounted daxfs", u->what);
		return EXIT_UMOUNT;
	}
	u->connection = connection(&u->m);
	return EXIT_OK;
}

/* -- unmounting ------------------------------------------------------------ */

static int unmount(const struct umount *u)
{
	const char *dir = u->namespace ? u->what : u->m.dir;
	const char *args[] = { "umount", NULL, dir, u->namespace ? "-N" : NULL, u->namespace, NULL };
	char flags[9];
	int err, status;
	pid_t pid;

	/* Without -c umount(8) does not look for what -r needs to remount. */
	snprintf(flags, sizeof(flags), "-i%s%s%s%s%s", u->force ? "f" : "", u->lazy ? "l" : "",
		 u->no_mtab ? "n" : "", u->rdonly ? geteuid() ? "r" : "rc" : "", u->verbose ? "v" : "");
	args[1] = flags;
	err = posix_spawnp(&pid, args[0], NULL, NULL, (char *const *)args, environ);
	if (err) {
		log_error("cannot run umount(8): %s", strerror(err));
		return EXIT_SYSTEM;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return EXIT_SYSTEM;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("umount(8) was killed: %s", strsignal(WTERMSIG(status)));
	return EXIT_SYSTEM;
}

/* Open files of a lazily unmounted one, and other namespaces, are seen by their connection only. */
static bool still_used(const struct umount *u)
{
	struct mount_line m;

	if (u->connection)
		return connection(&u->m) == u->connection;
	return u->lazy || mounts_find(MOUNTS_OWN, is_on, &u->m, &m) == 1;
}

/* "umount -r" of a busy one: the kernel does not tell the daemon that this was the last change. */
static int sync_used(const struct umount *u)
{
	int fd, err = 0;

	if (!u->rdonly)
		return EXIT_OK;
	fd = open(u->m.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, DAXFS_IOC_SYNC))
		err = errno;
	if (fd >= 0)
		close(fd);
	if (err)
		log_error("%s is read-only, but not all of it may be durable: %s", u->m.dir, strerror(err));
	return err ? EXIT_SYSTEM : EXIT_OK;
}

/* -- waiting --------------------------------------------------------------- */

/* Somebody has mounted it anew and holds the lock: the old daemon is gone. */
static bool mounted_again(const struct umount *u)
{
	struct mount_line m;

	return mounts_find(MOUNTS_OWN, is_daxfs_from, u->m.source, &m) == 1;
}

static int wait_for_daemon(const struct umount *u)
{
	const char *source = u->m.source;
	unsigned ms = 0;
	int err;

	if (access(source, F_OK) && errno == ENOENT) {
		log_warn("%s is unmounted; %s is no longer there to be waited for", u->m.dir, source);
		return EXIT_OK;
	}
	if (u->verbose)
		log_info("waiting until the daemon has finished with %s", source);
	do {
		err = region_wait(source, SLICE_MS);
		ms += SLICE_MS;
	} while (err == -EBUSY && !mounted_again(u) && ms < u->wait_seconds * 1000);
	if (err == -EBUSY && !mounted_again(u)) {
		log_error("%s is unmounted, but after %u seconds its daemon has not finished with %s: not all of it may be durable",
			  u->m.dir, u->wait_seconds, source);
		return EXIT_SYSTEM;
	}
	return err && err != -EBUSY ? EXIT_SYSTEM : EXIT_OK;
}

/* Neither the mount table nor the device's path of another namespace can be trusted from here. */
static int run(struct umount *u)
{
	if (u->namespace)
		return unmount(u);
	int code = prepare(u);

	if (!code)
		code = unmount(u);
	if (code)
		return code;
	return still_used(u) ? sync_used(u) : wait_for_daemon(u);
}

int main(int argc, char **argv)
{
	struct umount u = { .wait_seconds = WAIT_SECONDS };
	int res;

	log_init(PROGRAM, LOG_TO_STDERR);
	res = parse(&u, argc, argv);
	if (res)
		return res == 1 ? EXIT_OK : EXIT_USAGE;
	return run(&u);
}
