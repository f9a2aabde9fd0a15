/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.c -- from a parsed command line to a served filesystem
 *
 * The child does everything, so that locks, mappings and threads belong to the
 * process that lives on.  Until the filesystem is usable its standard error is
 * the user's; one exit code then goes through a pipe to the parent, which
 * leaves with it.
 */
#include "fuse/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "core/fs.h"
#include "fuse/options.h"
#include "fuse/session.h"
#include "fuse/signals.h"
#include "fuse/uhelper.h"
#include "pm/region.h"

/* umount(2) and fusermount3 return before the old daemon has finished: wait that long for its lock. */
#define LOCK_WAIT_MS	3000

#define NOT_IN_BACKGROUND	(-1)

static void log_to(const struct options *opt, unsigned where)
{
	log_init(opt->program, where | (opt->debug ? (unsigned)LOG_DEBUG_ON : 0u));
}

/* -- checks ---------------------------------------------------------------- */

static int check_dir(const char *dir)
{
	struct stat st;

	if (stat(dir, &st)) {
		log_error("mount point %s: %s", dir, strerror(errno));
		return EXIT_CODE_MOUNT;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_error("mount point %s is not a directory", dir);
		return EXIT_CODE_MOUNT;
	}
	return EXIT_CODE_OK;
}

int daemon_check(const struct options *opt)
{
	int code = check_dir(opt->dir);

	if (!code && access(opt->source, R_OK)) {
		region_open_failed(opt->source, -errno);
		code = EXIT_CODE_MOUNT;
	}
	return code;
}

/* -- the child ------------------------------------------------------------- */

/* Not an error: an image in tmpfs is how one tries daxfs. */
static void warn_unsafe(const struct daemon *d)
{
	struct fs_stat st;

	fs_statfs(d->fs, &st);
	if (!st.power_safe)
		log_warn("%s is no place for what must last: %s", d->opt->source, st.durability);
}

static void log_mounted(const struct daemon *d)
{
	struct fs_stat st;

	fs_statfs(d->fs, &st);
	log_info("%s mounted on %s%s: %s, %s", d->opt->source, d->opt->dir,
		 fs_rdonly(d->fs) ? " read-only" : "", st.backend, st.durability);
	if (!st.was_clean)
		log_info("%s was not unmounted cleanly: rolled back %llu transactions, reclaimed %llu files in %llu ms",
			 d->opt->source, (unsigned long long)st.recovered_txns,
			 (unsigned long long)st.recovered_orphans,
			 (unsigned long long)(st.recovery_ns / 1000000));
}

static void detach_from_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (chdir("/"))
		log_warn("cannot change to /: %s", strerror(errno));
	if (fd < 0)
		return;
	for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(fd, i);
	close(fd);
}

/* A descriptor of the caller's, such as a lock, must not live as long as the mount. */
static void close_inherited(int keep)
{
	if (keep > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned)keep - 1, 0);
	close_range((unsigned)keep + 1, ~0u, 0);
}

static void tell_parent(struct daemon *d, int code)
{
	ssize_t n;

	if (d->ready_fd == NOT_IN_BACKGROUND)
		return;
	do {
		n = write(d->ready_fd, &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(d->ready_fd);
	d->ready_fd = NOT_IN_BACKGROUND;
}

/* From here on requests are served.  Called in one of the session's threads. */
static void ready(struct daemon *d)
{
	if (d->opt->foreground || d->opt->verbose)
		log_mounted(d);
	warn_unsafe(d);
	if (d->ready_fd == NOT_IN_BACKGROUND)
		return;
	log_to(d->opt, LOG_TO_SYSLOG);
	detach_from_terminal();
	log_mounted(d);
	warn_unsafe(d);
	tell_parent(d, EXIT_CODE_OK);
}

static int serve_session(struct daemon *d, const char *dir)
{
	int err;

	err = session_open(d, dir);
	if (err == -ENOMEM) {
		log_error("cannot start a FUSE session: %s", strerror(-err));
		return EXIT_CODE_SYSTEM;
	}
	if (err)
		return EXIT_CODE_MOUNT;
	err = session_run(d, dir);
	if (err)
		log_error("the FUSE session ended early: %s", strerror(err < 0 ? -err : EIO));
	session_close(d);
	return err ? EXIT_CODE_SYSTEM : EXIT_CODE_OK;
}

static int serve_fs(struct daemon *d, const char *dir)
{
	const struct fs_opts fo = {
		.path = d->opt->source,
		.flags = options_fs_flags(d->opt),
		.wait_ms = LOCK_WAIT_MS,
	};
	int err, code;

	err = fs_open(&d->fs, &fo);
	if (err)
		return err == -ENOMEM ? EXIT_CODE_SYSTEM : EXIT_CODE_MOUNT;
	code = serve_session(d, dir);
	err = fs_close(d->fs);
	if (err)
		log_error("%s was not unmounted cleanly: %s", d->opt->source, strerror(-err));
	else if (!code)
		log_info("%s unmounted", d->opt->source);
	return code ? code : err ? EXIT_CODE_SYSTEM : EXIT_CODE_OK;
}

/* The mount point is made absolute: the daemon changes its directory before it unmounts. */
static int serve(const struct options *opt, int ready_fd)
{
	struct daemon d = { .opt = opt, .ready = ready, .ready_fd = ready_fd };
	char *dir;
	int code;

	code = check_dir(opt->dir);
	if (code)
		goto out;
	dir = realpath(opt->dir, NULL);
	if (!dir) {
		log_error("mount point %s: %s", opt->dir, strerror(errno));
		code = EXIT_CODE_MOUNT;
		goto out;
	}
	signals_block();
	code = serve_fs(&d, dir);
	free(dir);
out:
	tell_parent(&d, code);
	return code;
}

/* -- the parent ------------------------------------------------------------ */

/* The child ended without a word: say what became of it. */
static int report_death(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		log_error("the daemon was killed: %s", strsignal(WTERMSIG(status)));
	else
		log_error("the daemon ended unexpectedly");
	return EXIT_CODE_SYSTEM;
}

static int wait_until_ready(int fd, pid_t child)
{
	ssize_t n;
	int code;

	do {
		n = read(fd, &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(fd);
	return n == (ssize_t)sizeof(code) ? code : report_death(child);
}

static int start_in_background(const struct options *opt)
{
	int fd[2];
	pid_t child;

	if (pipe2(fd, O_CLOEXEC)) {
		log_error("pipe: %s", strerror(errno));
		return EXIT_CODE_SYSTEM;
	}
	child = fork();
	if (child < 0) {
		log_error("fork: %s", strerror(errno));
		return EXIT_CODE_SYSTEM;
	}
	if (child) {
		close(fd[1]);
		int code = wait_until_ready(fd[0], child);

		if (!code)
			uhelper_register(opt->dir);
		return code;
	}
	close_inherited(fd[1]);
	setsid();
	return serve(opt, fd[1]);
}

int daemon_start(const struct options *opt)
{
	return opt->foreground ? serve(opt, NOT_IN_BACKGROUND) : start_in_background(opt);
}
