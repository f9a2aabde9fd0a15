/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c -- the command line of daxfs and of mount.fuse.daxfs
 *
 * Owns the list of options.  libfuse's option parser does the splitting and
 * the flags (table below); words with a value, single letters and everything
 * unknown come to take_word().  An option that daxfs does not know is refused:
 * a filesystem that ignores a misspelt "sync" makes a false promise.
 */
#define FUSE_USE_VERSION 314
#include "fuse/options.h"

#include <errno.h>
#include <fuse_opt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/fs.h"
#include "daxfs/ioctl.h"

#define DEFAULT_THREADS		10
#define MAX_THREADS		1024
#define MAX_FLUSH_SECONDS	86400

/* The kernel looks every 15 seconds, takes less for that, and has 16 bits for it. */
#define MIN_TIMEOUT_SECONDS	15
#define MAX_TIMEOUT_SECONDS	65535

enum word_key { WORD_VALUE = 1, WORD_FROM_KERNEL };

#define SET(word, member, value)	{ word, offsetof(struct options, member), value }
#define KEY(word, key)			{ word, (unsigned long)-1U, key }
#define IGNORE(word)			KEY(word, FUSE_OPT_KEY_DISCARD)
#define VALUE(word)			KEY(word, WORD_VALUE)
#define FROM_KERNEL(word)		KEY(word, WORD_FROM_KERNEL)

static const struct fuse_opt words[] = {
	SET("ro", rdonly, 1),			SET("rw", rdonly, 0),
	SET("sync", sync, 1),			SET("async", sync, 0),
	SET("dirsync", dirsync, 1),
	SET("lazytime", lazytime, 1),		SET("nolazytime", lazytime, 0),
	SET("noatime", atime, OPTION_NOATIME),	SET("atime", atime, OPTION_RELATIME),
	SET("relatime", atime, OPTION_RELATIME), SET("strictatime", atime, OPTION_STRICTATIME),
	SET("dax", dax, DAXFS_DAX_ALWAYS),
	SET("suid", suid, 1),			SET("nosuid", suid, 0),
	SET("dev", dev, 1),			SET("nodev", dev, 0),
	SET("exec", noexec, 0),			SET("noexec", noexec, 1),
	SET("allow_other", allow_other, 1),	SET("allow_root", allow_root, 1),
	SET("remount", remount, 1),		SET("debug", debug, 1),
	SET("--help", help, 1),			SET("--version", version, 1),

	VALUE("dax="), VALUE("errors="), VALUE("sb="), VALUE("flush="), VALUE("commit="),
	VALUE("max_threads="), VALUE("io_uring="), VALUE("request_timeout="),

	/* True anyway, harmless, or meant for mount(8), systemd and fstab readers. */
	IGNORE("defaults"), IGNORE("default_permissions"), IGNORE("diratime"),
	IGNORE("nodiratime"), IGNORE("discard"), IGNORE("nodiscard"), IGNORE("auto"),
	IGNORE("noauto"), IGNORE("user"), IGNORE("nouser"), IGNORE("users"), IGNORE("owner"),
	IGNORE("group"), IGNORE("nofail"), IGNORE("_netdev"), IGNORE("user="),
	IGNORE("comment="), IGNORE("-t "),

	/* mount(8) copies these out of /proc/mounts when it remounts. */
	FROM_KERNEL("user_id="), FROM_KERNEL("group_id="), FROM_KERNEL("max_read="),
	FROM_KERNEL("blksize="),
	FUSE_OPT_END
};

static int refuse(struct options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Always -1: what a fuse_opt callback returns to stop. */
static int refuse(struct options *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->error, sizeof(o->error), fmt, ap);
	va_end(ap);
	return -1;
}

static int take_choice(struct options *o, const char *word, const char *const choice[], int *member)
{
	const char *value = strchr(word, '=') + 1;

	for (int i = 0; choice[i]; i++) {
		if (strcmp(value, choice[i]) == 0) {
			*member = i;
			return 0;
		}
	}
	return refuse(o, "option \"%s\" has an unknown value; see daxfs(8) for the list", word);
}

static int take_number(struct options *o, const char *word, unsigned min, unsigned max,
		       unsigned *member)
{
	const char *value = strchr(word, '=') + 1;
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || n < min || n > max)
		return refuse(o, "option \"%s\" needs a number from %u to %u; see daxfs(8)", word, min,
			      max);
	*member = (unsigned)n;
	return 0;
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int take_value(struct options *o, const char *word)
{
	static const char *const dax[] = { "inode", "always", "never", NULL };
	static const char *const errors[] = { "remount-ro", "continue", NULL };
	static const char *const sb[] = { "primary", "copy", NULL };
	static const char *const uring[] = { "auto", "on", "off", NULL };

	if (has_prefix(word, "dax="))
		return take_choice(o, word, dax, &o->dax);
	if (has_prefix(word, "errors="))
		return take_choice(o, word, errors, &o->errors_continue);
	if (has_prefix(word, "sb="))
		return take_choice(o, word, sb, &o->use_copy);
	if (has_prefix(word, "io_uring="))
		return take_choice(o, word, uring, &o->io_uring);
	if (has_prefix(word, "max_threads="))
		return take_number(o, word, 1, MAX_THREADS, &o->max_threads);
	if (has_prefix(word, "request_timeout="))
		return take_number(o, word, MIN_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS, &o->request_timeout);
	return take_number(o, word, 0, MAX_FLUSH_SECONDS, &o->flush_seconds);
}

/* Where a single letter goes, or NULL.  -n and -w change nothing that is not so already. */
static int *letter_member(struct options *o, char letter)
{
	static int nowhere;

	switch (letter) {
	case 'f': return o->helper ? &o->fake : &o->foreground;
	case 'd': return o->helper ? NULL : &o->debug;
	case 's': return o->helper ? &o->sloppy : NULL;
	case 'v': return o->helper ? &o->verbose : NULL;
	case 'n': return o->helper ? &nowhere : NULL;
	case 'w': return o->helper ? &nowhere : NULL;
	case 'r': return o->helper ? &o->rdonly : NULL;
	case 'h': return &o->help;
	case 'V': return &o->version;
	default: return NULL;
	}
}

static int take_letters(struct options *o, const char *word)
{
	for (const char *s = word + 1; *s; s++) {
		int *member = letter_member(o, *s);

		if (!member)
			return refuse(o, "unknown option \"%s\"; see daxfs(8) for the list", word);
		*member = 1;
	}
	return 0;
}

static int take_unknown(struct options *o, const char *word)
{
	if (word[0] == '-' && word[1] && word[1] != '-')
		return take_letters(o, word);
	if (has_prefix(word, "x-") || has_prefix(word, "X-") || !*word)
		return 0;
	if (o->sloppy && word[0] != '-')
		return 0;
	return refuse(o, "unknown option \"%s\"; see daxfs(8) for the list", word);
}

static int take_argument(struct options *o, const char *word)
{
	char **member = !o->source ? &o->source : &o->dir;

	if (*member)
		return refuse(o, "unexpected argument \"%s\"", word);
	*member = strdup(word);
	return *member ? 0 : refuse(o, "out of memory");
}

/* libfuse calls this for all that the table does not settle. */
static int take_word(void *data, const char *word, int key, struct fuse_args *out)
{
	struct options *o = data;

	(void)out;
	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return take_argument(o, word);
	case WORD_VALUE:
		return take_value(o, word);
	case WORD_FROM_KERNEL:
		return o->remount ? 0 : take_unknown(o, word);
	default:
		return take_unknown(o, word);
	}
}

static void set_defaults(struct options *o, const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	memset(o, 0, sizeof(*o));
	o->program = slash ? slash + 1 : argv0 ? argv0 : "daxfs";
	o->helper = has_prefix(o->program, "mount.");
	o->dax = DAXFS_DAX_INODE;
	o->max_threads = DEFAULT_THREADS;
	o->suid = o->dev = OPTION_UNSET;
}

/*
 * Some things have to be known before libfuse goes from left to right: -s and
 * "remount" change what is allowed, and a last "-o" has nothing behind it.
 */
static int look_ahead(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0)
			break;
		if (strcmp(word, "-o") == 0 || strcmp(word, "-t") == 0) {
			if (word[1] == 't' && !o->helper)
				return refuse(o, "unknown option \"-t\"; see daxfs(8) for the list");
			if (++i == argc)
				return refuse(o, "option \"%s\" needs a value; see daxfs(8)", word);
			continue;
		}
		if (o->helper && word[0] == '-' && strspn(word + 1, "fnrsvw") == strlen(word + 1) &&
		    strchr(word, 's'))
			o->sloppy = 1;
	}
	return 0;
}

static int check_arguments(struct options *o)
{
	if (o->help || o->version)
		return 0;
	if (!o->source || !*o->source)
		return refuse(o, "no device given; try \"%s --help\"", o->program);
	if (!o->dir || !*o->dir)
		return refuse(o, "no mount point given; try \"%s --help\"", o->program);
	if (o->allow_other && o->allow_root)
		return refuse(o, "options \"allow_other\" and \"allow_root\" exclude each other");
	if (o->debug)
		o->foreground = 1;
	return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	int err;

	set_defaults(o, argv[0]);
	err = look_ahead(o, argc, argv);
	if (!err)
		err = fuse_opt_parse(&args, o, words, take_word);
	fuse_opt_free_args(&args);
	if (!err)
		err = check_arguments(o);
	if (!err)
		return 0;
	return o->error[0] ? -EINVAL : -ENOMEM;
}

void options_free(struct options *o)
{
	free(o->source);
	free(o->dir);
	o->source = o->dir = NULL;
}

unsigned options_fs_flags(const struct options *o)
{
	unsigned flags = 0;

	if (o->rdonly)
		flags |= FS_RDONLY;
	if (o->use_copy)
		flags |= FS_USE_COPY;
	if (o->errors_continue)
		flags |= FS_ERRORS_CONTINUE;
	if (o->sync)
		flags |= FS_SYNC;
	if (!o->flush_seconds)
		flags |= FS_DSYNC;
	if (o->dax == DAXFS_DAX_NEVER)
		flags |= FS_NO_OPENS;
	if (o->atime == OPTION_NOATIME)
		flags |= FS_NOATIME;
	if (o->atime == OPTION_STRICTATIME)
		flags |= FS_STRICTATIME;
	return flags;
}

/* As root a disk filesystem's defaults; otherwise fusermount3 decides. */
static bool flag_on(int flag)
{
	return flag == OPTION_UNSET ? geteuid() == 0 : flag != 0;
}

unsigned long options_mount_flags(const struct options *o)
{
	static const unsigned long atime[] = {
		[OPTION_RELATIME] = MS_RELATIME, [OPTION_NOATIME] = MS_NOATIME, [OPTION_STRICTATIME] = MS_STRICTATIME,
	};
	unsigned long flags = atime[o->atime];

	if (o->rdonly)
		flags |= MS_RDONLY;
	if (o->sync)
		flags |= MS_SYNCHRONOUS;
	if (o->dirsync)
		flags |= MS_DIRSYNC;
	if (o->lazytime)
		flags |= MS_LAZYTIME;
	if (o->noexec)
		flags |= MS_NOEXEC;
	if (!flag_on(o->suid))
		flags |= MS_NOSUID;
	if (!flag_on(o->dev))
		flags |= MS_NODEV;
	return flags;
}

/* The source may hold commas and backslashes, so each word is escaped. */
static int add_session_words(const struct options *o, char **opts)
{
	const bool root = geteuid() == 0;
	const bool other = o->allow_other || (root && !o->allow_root);
	const struct { bool on; const char *word; } list[] = {
		{ true, "subtype=daxfs" },
		{ true, "default_permissions" },
		{ other, "allow_other" },
		{ o->allow_root, "allow_root" },
		{ true, o->rdonly ? "ro" : "rw" },
		{ true, flag_on(o->suid) ? "suid" : "nosuid" },
		{ true, flag_on(o->dev) ? "dev" : "nodev" },
		{ o->noexec, "noexec" },
		{ o->sync, "sync" },
		{ o->dirsync, "dirsync" },
		{ o->atime == OPTION_NOATIME, "noatime" },
		{ o->debug, "debug" },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		if (list[i].on && fuse_opt_add_opt_escaped(opts, list[i].word))
			return -ENOMEM;
	}
	return 0;
}

/* As given; but the mount table is read from any directory, so that a relative path says nothing there. */
static int source_word(const struct options *o, char **word)
{
	char *dir = o->source[0] == '/' ? NULL : getcwd(NULL, 0);
	int n = dir ? asprintf(word, "fsname=%s/%s", dir, o->source) : asprintf(word, "fsname=%s", o->source);

	free(dir);
	return n < 0 ? -ENOMEM : 0;
}

int options_session_args(const struct options *o, struct fuse_args *args)
{
	char *opts = NULL, *name = NULL;
	int err = -ENOMEM;

	if (source_word(o, &name))
		return -ENOMEM;
	if (fuse_opt_add_opt_escaped(&opts, name) || add_session_words(o, &opts))
		goto out;
	if (fuse_opt_add_arg(args, "daxfs") || fuse_opt_add_arg(args, "-o") ||
	    fuse_opt_add_arg(args, opts))
		goto out;
	err = 0;
out:
	free(opts);
	free(name);
	return err;
}
