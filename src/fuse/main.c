/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c -- daxfs, the daemon; also installed as mount.fuse.daxfs for mount(8)
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_log.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "fuse/daemon.h"
#include "fuse/options.h"
#include "fuse/usage.h"

/* libfuse's messages end in a newline, and some are one. */
static void log_libfuse(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char msg[512];

	vsnprintf(msg, sizeof(msg), fmt, ap);
	msg[strcspn(msg, "\n")] = '\0';
	if (level <= FUSE_LOG_ERR)
		log_error("%s", msg);
	else if (level == FUSE_LOG_WARNING)
		log_warn("%s", msg);
	else
		log_debug("%s", msg);
}

static int run(const struct options *opt)
{
	if (opt->help) {
		usage_help(opt);
		return EXIT_CODE_OK;
	}
	if (opt->version) {
		usage_version(opt);
		return EXIT_CODE_OK;
	}
	if (opt->fake)
		return daemon_check(opt);
	if (opt->remount)
		return daemon_remount(opt);
	return daemon_start(opt);
}

int main(int argc, char **argv)
{
	struct options opt;
	int err, code;

	fuse_set_log_func(log_libfuse);
	err = options_parse(&opt, argc, argv);
	log_init(opt.program, LOG_TO_STDERR | (opt.debug ? (unsigned)LOG_DEBUG_ON : 0u));
	if (err == -EINVAL) {
		log_error("%s", opt.error);
		code = EXIT_CODE_USAGE;
	} else if (err) {
		log_error("%s", strerror(-err));
		code = EXIT_CODE_SYSTEM;
	} else {
		code = run(&opt);
	}
	options_free(&opt);
	return code;
}
