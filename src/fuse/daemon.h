/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * daemon.h -- from a parsed command line to a served filesystem
 */
#ifndef FUSE_DAEMON_H
#define FUSE_DAEMON_H

struct options;

/* Exit codes of mount(8). */
enum exit_code { EXIT_CODE_OK = 0, EXIT_CODE_USAGE = 1, EXIT_CODE_SYSTEM = 2, EXIT_CODE_MOUNT = 32 };

/**
 * daemon_check - would a mount be refused at once?
 * @opt: parsed options
 *
 * Looks at the mount point, and whether the device can be read; opens neither.
 *
 * Return: an exit code; the reason is logged.
 */
int daemon_check(const struct options *opt);

/**
 * daemon_start - mount, and serve in the background or (-f, -d) right here
 * @opt: parsed options
 *
 * In the background: returns in the parent once the filesystem is usable, or
 * has been refused with one sentence on standard error.  The child detaches
 * from the terminal and logs to syslog from then on.
 *
 * Return: an exit code.
 */
int daemon_start(const struct options *opt);

/**
 * daemon_remount - change the options of a mounted filesystem
 * @opt: parsed options with "remount"
 *
 * Return: an exit code; the reason is logged.
 */
int daemon_remount(const struct options *opt);

#endif
