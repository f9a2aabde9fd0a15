/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h -- the command line of daxfs and of mount.fuse.daxfs
 */
#ifndef FUSE_OPTIONS_H
#define FUSE_OPTIONS_H

struct fuse_args;

enum option_atime { OPTION_RELATIME, OPTION_NOATIME, OPTION_STRICTATIME };

/* With "auto" requests come over io_uring if the kernel can, with "on" there is no mount otherwise. */
enum option_uring { OPTION_URING_AUTO, OPTION_URING_ON, OPTION_URING_OFF };

/* A mount flag that nobody mentioned: its default depends on who mounts. */
#define OPTION_UNSET	(-1)

/*
 * Plain ints, because libfuse's option table stores into them.
 */
struct options {
	const char *program;	/* basename of argv[0] */
	int	 helper;	/* called as mount.fuse.daxfs: mount(8)'s syntax */

	char	*source;	/* device or file, exactly as given */
	char	*dir;		/* mount point, exactly as given */

	/* What to do instead of mounting, or how. */
	int	 help, version;
	int	 foreground;	/* -f of daxfs */
	int	 debug;		/* -d, -o debug */
	int	 fake;		/* -f of mount.fuse.daxfs: check and exit */
	int	 sloppy;	/* -s: unknown options are ignored */
	int	 verbose;	/* -v */
	int	 remount;

	/* The filesystem. */
	int	 rdonly, sync, dirsync, lazytime;
	int	 atime;		/* enum option_atime */
	int	 dax;		/* enum daxfs_dax */
	int	 errors_continue;
	int	 use_copy;	/* sb=copy */
	unsigned flush_seconds;	/* that data may wait for a flush; 0 = durable when written */
	unsigned max_threads;
	int	 io_uring;	/* enum option_uring */
	unsigned request_timeout;	/* seconds until the kernel gives a silent daemon up; 0 = never */

	/* The mount. */
	int	 suid, dev;	/* or OPTION_UNSET */
	int	 noexec;
	int	 allow_other, allow_root;

	char	 error[256];	/* why options_parse() refused, a sentence */
};

/**
 * options_parse - read the command line
 * @o:    filled in, defaults included
 * @argc: number of arguments
 * @argv: arguments; argv[0] decides between the two syntaxes
 *
 * Looks at nothing but the words: no file is touched.
 *
 * Return: 0, -EINVAL with the reason in @o->error, or -ENOMEM.  Call
 * options_free() in any case.
 */
int options_parse(struct options *o, int argc, char **argv);

/* options_free - give back what options_parse() allocated. */
void options_free(struct options *o);

/**
 * options_fs_flags - the engine's part
 * @o: parsed options
 *
 * Return: FS_* for fs_open().
 */
unsigned options_fs_flags(const struct options *o);

/**
 * options_mount_flags - the kernel's part, for a remount
 * @o: parsed options
 *
 * Return: MS_* without MS_REMOUNT.  One of the access time's is always among
 * them: without any, a remount would keep what there was.
 */
unsigned long options_mount_flags(const struct options *o);

/**
 * options_session_args - libfuse's part
 * @o:    parsed options
 * @args: initialised; arguments for fuse_session_new() are added.  The
 *        caller frees it with fuse_opt_free_args() in any case
 *
 * Return: 0 or -ENOMEM.
 */
int options_session_args(const struct options *o, struct fuse_args *args);

#endif
