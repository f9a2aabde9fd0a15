/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daxfsctl.c -- look at a mounted daxfs, and have it flushed
 *
 * Speaks to the daemon through ioctl(2) on any file of the filesystem, so it
 * needs neither a socket nor rights beyond those to open the file.
 */
#include "tools/daxfsctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "daxfs/ioctl.h"

struct command {
	const char *name;
	int	    (*run)(const struct ctl_call *c);
	bool	    has_json;
	const char *usage;
};

static const struct command commands[] = {
	{ "stat", ctl_stat, true,
	  "Usage: daxfsctl stat [--json] MOUNTPOINT\n"
	  "Print the state of a mounted daxfs: space, inodes, caches, requests.\n"
	  "\n"
	  "  -j, --json      print one JSON object\n" },
	{ "extents", ctl_extents, true,
	  "Usage: daxfsctl extents [--json] FILE\n"
	  "Print where the blocks of a file lie on the device.\n"
	  "\n"
	  "  -j, --json      print a JSON array\n" },
	{ "sync", ctl_sync, false,
	  "Usage: daxfsctl sync MOUNTPOINT\n"
	  "Make everything durable that was written so far.\n"
	  "\n" },
};

static const char usage_tail[] =
	"  -h, --help      print this and exit\n"
	"  -V, --version   print the version and exit\n";

static const char usage_all[] =
	"Usage: daxfsctl COMMAND [OPTION...] PATH\n"
	"Look at a mounted daxfs, or have it flushed.\n"
	"\n"
	"  stat [--json] MOUNTPOINT   space, inodes, caches, requests\n"
	"  extents [--json] FILE      where a file's blocks lie\n"
	"  sync MOUNTPOINT            make everything durable\n"
	"\n"
	"  -h, --help      print this, or a command's own help, and exit\n"
	"  -V, --version   print the version and exit\n";

static void print_version(void)
{
	printf("daxfsctl (daxfs) %s\n", PACKAGE_VERSION);
}

int ctl_ioctl(const struct ctl_call *c, unsigned long cmd, void *arg)
{
	int err;

	if (!ioctl(c->fd, cmd, arg))
		return 0;
	err = errno;
	if (err == ENOTTY)
		log_error("%s is not on a mounted daxfs", c->path);
	else
		log_error("%s: %s", c->path, strerror(err));
	return -err;
}

int ctl_print_json(struct json_object *o)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	int err = text ? 0 : -ENOMEM;

	if (err)
		log_error("%s", strerror(-err));
	else
		puts(text);
	json_object_put(o);
	return err;
}

int ctl_sync(const struct ctl_call *c)
{
	return ctl_ioctl(c, DAXFS_IOC_SYNC, NULL);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* 0 to go on, 1 when all has been said, or an error. */
static int take_option(const struct command *cmd, struct ctl_call *c, int opt)
{
	switch (opt) {
	case 'j':
		if (cmd->has_json) {
			c->json = true;
			return 0;
		}
		log_error("\"%s\" prints nothing, so it has no --json", cmd->name);
		return -EINVAL;
	case 'h':
		fputs(cmd->usage, stdout);
		fputs(usage_tail, stdout);
		return 1;
	case 'V':
		print_version();
		return 1;
	default:
		return -EINVAL;		/* getopt has said why */
	}
}

static int parse(const struct command *cmd, struct ctl_call *c, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, res = 0;

	while (!res && (opt = getopt_long(argc, argv, "jhV", longopts, NULL)) != -1)
		res = take_option(cmd, c, opt);
	if (res)
		return res;
	if (argc - optind != 1) {
		log_error("\"%s\" needs exactly one path; try \"daxfsctl %s --help\"", cmd->name,
			  cmd->name);
		return -EINVAL;
	}
	c->path = argv[optind];
	return 0;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct ctl_call c = { .path = NULL };
	int res;

	res = parse(cmd, &c, argc, argv);
	if (res)
		return res == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
	c.fd = open(c.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (c.fd < 0) {
		log_error("%s: %s", c.path, strerror(errno));
		return EXIT_FAILURE;
	}
	res = cmd->run(&c);
	close(c.fd);
	return res ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *cmd = find_command(name);

	log_init("daxfsctl", LOG_TO_STDERR);
	if (cmd)
		return run(cmd, argc - 1, argv + 1);
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
		fputs(usage_all, stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(name, "-V") == 0 || strcmp(name, "--version") == 0) {
		print_version();
		return EXIT_SUCCESS;
	}
	if (*name)
		log_error("unknown command \"%s\"; try \"daxfsctl --help\"", name);
	else
		log_error("no command given; try \"daxfsctl --help\"");
	return EXIT_FAILURE;
}
