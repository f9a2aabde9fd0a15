/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage.c -- what --help and --version print
 *
 * Every option of options.c is here and in daxfs(8).
 */
#define FUSE_USE_VERSION 314
#include "fuse/usage.h"

#include <fuse_lowlevel.h>
#include <stdio.h>

#include "config.h"
#include "fuse/options.h"

static const char daemon_syntax[] =
	"Usage: %s DEVICE DIR [-f] [-d] [-o OPTION[,OPTION...]]\n"
	"Serve the daxfs filesystem on DEVICE at the directory DIR.\n"
	"\n"
	"  -f              stay in the foreground, log to standard error\n"
	"  -d              as -f, and log every request\n"
	"  -o OPTION,...   mount options, see below\n"
	"  -h, --help      print this and exit\n"
	"  -V, --version   print versions and exit\n";

static const char helper_syntax[] =
	"Usage: %s DEVICE DIR [-fnrsvw] [-o OPTION[,OPTION...]] [-t TYPE]\n"
	"Mount the daxfs filesystem on DEVICE at the directory DIR; for mount(8).\n"
	"\n"
	"  -f              check the arguments, mount nothing\n"
	"  -n              ignored: there is no /etc/mtab to write\n"
	"  -r, -w          read-only, or (the default) read-write\n"
	"  -s              ignore unknown mount options\n"
	"  -v              say what was mounted\n"
	"  -t TYPE         ignored\n"
	"  -o OPTION,...   mount options, see below\n"
	"  -h, --help      print this and exit\n"
	"  -V, --version   print versions and exit\n";

static const char option_list[] =
	"\n"
	"Mount options (the first of each list is the default):\n"
	"  rw, ro                           allow changes, or write nothing at all\n"
	"  async, sync                      sync: every write is durable when it returns\n"
	"  dirsync                          names are always changed synchronously\n"
	"  relatime, noatime, strictatime   when reading updates the access time\n"
	"  atime                            the same as relatime\n"
	"  nolazytime, lazytime             shown; times always reach the media lazily\n"
	"  diratime, nodiratime             accepted, no effect\n"
	"  dax=inode, dax=always, dax=never direct access per file, for all, for none\n"
	"  dax                              the same as dax=always\n"
	"  errors=remount-ro, errors=continue   after damage is found\n"
	"  sb=primary, sb=copy              which superblock to trust\n"
	"  flush=SECONDS, commit=SECONDS    that small writes may stay in the caches (0)\n"
	"  io_uring=auto, io_uring=on, io_uring=off   how requests come from the kernel\n"
	"  max_threads=N                    threads that serve requests without io_uring (10)\n"
	"  request_timeout=SECONDS          end the connection when a request waits that long\n"
	"  suid, nosuid, dev, nodev, exec, noexec    as in mount(8)\n"
	"  allow_other, allow_root          who else may use it (root: allow_other)\n"
	"  default_permissions              always on\n"
	"  discard, nodiscard               accepted, no effect\n"
	"  remount                          change options of a mounted filesystem\n"
	"  debug                            log every request, in the foreground\n"
	"  defaults, auto, noauto, user, nouser, users, owner, group, nofail, _netdev,\n"
	"  comment=TEXT, x-NAME             for mount(8) and fstab(5); ignored here\n"
	"\n"
	"daxfs(8) explains them.\n";

void usage_help(const struct options *o)
{
	printf(o->helper ? helper_syntax : daemon_syntax, o->program);
	fputs(option_list, stdout);
}

void usage_version(const struct options *o)
{
	printf("%s (daxfs) %s\n", o->program, PACKAGE_VERSION);
	printf("libfuse %s\n", fuse_pkgversion());
}
