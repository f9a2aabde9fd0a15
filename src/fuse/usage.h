/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage.h -- what --help and --version print
 */
#ifndef FUSE_USAGE_H
#define FUSE_USAGE_H

struct options;

/* usage_help - the syntax that fits the program's name, on standard output. */
void usage_help(const struct options *o);

/* usage_version - versions of program and libfuse, on standard output. */
void usage_version(const struct options *o);

#endif
