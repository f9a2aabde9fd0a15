/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuse_options.c -- the command lines that daxfs accepts, and those it refuses
 */
#define FUSE_USE_VERSION 314
#include "fuse/options.h"

#include <check.h>
#include <errno.h>
#include <fuse_opt.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "core/fs.h"
#include "daxfs/ioctl.h"

Suite *suite_fuse_options(void);

#define MAX_WORDS	16

/* Parse the words of @line, separated by blanks. */
static int parse(struct options *o, const char *line)
{
	static char words[1024];
	char *argv[MAX_WORDS + 1] = { NULL };
	int argc = 0;

	ck_assert_uint_lt(strlen(line), sizeof(words));
	strcpy(words, line);
	for (char *w = strtok(words, " "); w && argc < MAX_WORDS; w = strtok(NULL, " "))
		argv[argc++] = w;
	return options_parse(o, argc, argv);
}

static void accepted(struct options *o, const char *line)
{
	int err = parse(o, line);

	ck_assert_msg(err == 0, "\"%s\" was refused: %s", line, o->error);
}

/* Refused with one sentence that names the word. */
static void refused(const char *line, const char *word)
{
	struct options o;

	ck_assert_msg(parse(&o, line) == -EINVAL, "\"%s\" was accepted", line);
	ck_assert_msg(strstr(o.error, word) != NULL, "\"%s\" does not name %s", o.error, word);
	options_free(&o);
}

START_TEST(defaults_are_those_of_the_manual)
{
	struct options o;

	accepted(&o, "daxfs /dev/dax0.0 /mnt");
	ck_assert_str_eq(o.source, "/dev/dax0.0");
	ck_assert_str_eq(o.dir, "/mnt");
	ck_assert_int_eq(o.dax, DAXFS_DAX_INODE);
	ck_assert_int_eq(o.atime, OPTION_RELATIME);
	ck_assert_uint_eq(o.flush_seconds, 0);
	ck_assert_int_eq(o.foreground, 0);
	ck_assert_uint_eq(options_fs_flags(&o), FS_DSYNC);
	options_free(&o);
}
END_TEST

START_TEST(letters_depend_on_the_program_name)
{
	struct options o;

	accepted(&o, "/sbin/daxfs A B -f");
	ck_assert(o.foreground && !o.fake);
	options_free(&o);
	accepted(&o, "/sbin/mount.fuse.daxfs A B -sfnv -o rw -t fuse.daxfs");
	ck_assert(o.fake && !o.foreground && o.sloppy && o.verbose);
	options_free(&o);
	accepted(&o, "mount.daxfs A B -r");
	ck_assert(o.rdonly);
	options_free(&o);
	accepted(&o, "daxfs A B -d");
	ck_assert(o.debug && o.foreground);
	options_free(&o);
	refused("daxfs A B -s", "-s");
	refused("daxfs A B -t x", "-t");
	refused("mount.daxfs A B -d", "-d");
}
END_TEST

START_TEST(filesystem_options_reach_the_engine)
{
	struct options o;

	accepted(&o, "daxfs A B -o ro,sync,noatime,errors=continue,sb=copy");
	ck_assert_uint_eq(options_fs_flags(&o), FS_RDONLY | FS_SYNC | FS_NOATIME |
			  FS_ERRORS_CONTINUE | FS_USE_COPY | FS_DSYNC);
	options_free(&o);
	accepted(&o, "daxfs A B -o strictatime,flush=1");
	ck_assert_uint_eq(options_fs_flags(&o), FS_STRICTATIME);
	options_free(&o);
}
END_TEST

START_TEST(the_last_of_contrary_options_wins)
{
	struct options o;

	accepted(&o, "daxfs A B -o ro,rw,sync,async,flush=0,flush=9,noatime,relatime,dax,dax=never");
	ck_assert_uint_eq(options_fs_flags(&o), FS_NO_OPENS);
	ck_assert_int_eq(o.dax, DAXFS_DAX_NEVER);
	options_free(&o);
	accepted(&o, "daxfs A B -o dax=never -o dax");
	ck_assert_int_eq(o.dax, DAXFS_DAX_ALWAYS);
	options_free(&o);
}
END_TEST

START_TEST(numbers_have_limits)
{
	struct options o;

	accepted(&o, "daxfs A B -o flush=0,max_threads=1024");
	ck_assert_uint_eq(o.flush_seconds, 0);
	ck_assert_uint_eq(o.max_threads, 1024);
	options_free(&o);
	accepted(&o, "daxfs A B -o commit=30");
	ck_assert_uint_eq(o.flush_seconds, 30);
	ck_assert_uint_eq(options_fs_flags(&o), 0);
	options_free(&o);
	refused("daxfs A B -o flush=-1", "flush=-1");
	refused("daxfs A B -o flush=", "flush=");
	refused("daxfs A B -o flush=5x", "flush=5x");
	refused("daxfs A B -o commit=99999999999999999999", "commit=");
	refused("daxfs A B -o max_threads=0", "max_threads=0");
	refused("daxfs A B -o max_threads=1025", "max_threads=1025");
}
END_TEST

START_TEST(a_request_timeout_is_one_that_the_kernel_can_keep)
{
	struct options o;

	accepted(&o, "daxfs A B");
	ck_assert_uint_eq(o.request_timeout, 0);
	options_free(&o);
	accepted(&o, "daxfs A B -o request_timeout=15");
	ck_assert_uint_eq(o.request_timeout, 15);
	options_free(&o);
	accepted(&o, "daxfs A B -o request_timeout=20,request_timeout=65535");
	ck_assert_uint_eq(o.request_timeout, 65535);
	options_free(&o);
	refused("daxfs A B -o request_timeout=14", "from 15 to 65535");
	refused("daxfs A B -o request_timeout=0", "request_timeout=0");
	refused("daxfs A B -o request_timeout=65536", "request_timeout=65536");
	refused("daxfs A B -o request_timeout=", "request_timeout=");
	refused("daxfs A B -o request_timeout=20s", "request_timeout=20s");
	refused("daxfs A B -o request_timeout", "unknown option");
}
END_TEST

START_TEST(io_uring_is_automatic_unless_said_otherwise)
{
	struct options o;

	accepted(&o, "daxfs A B");
	ck_assert_int_eq(o.io_uring, OPTION_URING_AUTO);
	options_free(&o);
	accepted(&o, "daxfs A B -o io_uring=on");
	ck_assert_int_eq(o.io_uring, OPTION_URING_ON);
	options_free(&o);
	accepted(&o, "daxfs A B -o io_uring=on,io_uring=off");
	ck_assert_int_eq(o.io_uring, OPTION_URING_OFF);
	options_free(&o);
	refused("daxfs A B -o io_uring=maybe", "io_uring=maybe");
	refused("daxfs A B -o io_uring=", "io_uring=");
	refused("daxfs A B -o io_uring", "io_uring");
}
END_TEST

START_TEST(fstab_words_are_ignored)
{
	struct options o;

	accepted(&o, "daxfs A B -o defaults,noauto,auto,user,nofail,_netdev,comment=x,x-systemd.automount,X-y");
	options_free(&o);
	accepted(&o, "daxfs A B -o discard,nodiscard,nodiratime,default_permissions");
	options_free(&o);
}
END_TEST

START_TEST(unknown_words_are_named)
{
	struct options o;

	refused("daxfs A B -o rw,snyc", "\"snyc\"");
	refused("daxfs A B -o dax=sometimes", "dax=sometimes");
	refused("daxfs A B -o errors=panic", "errors=panic");
	refused("daxfs A B -o sb=2", "sb=2");
	refused("daxfs A B --fast", "--fast");
	refused("daxfs A B -x", "-x");
	refused("daxfs A B -o", "-o");
	refused("daxfs A B -o user_id=0", "user_id");
	accepted(&o, "daxfs A B -o remount,user_id=0,group_id=0");
	ck_assert(o.remount);
	options_free(&o);
}
END_TEST

START_TEST(sloppy_ignores_unknown_words_wherever_it_stands)
{
	struct options o;

	accepted(&o, "mount.fuse.daxfs A B -o snyc -s");
	options_free(&o);
	refused("mount.fuse.daxfs A B -s -o dax=sometimes", "dax=sometimes");
	refused("mount.fuse.daxfs A B -s -x", "-x");
}
END_TEST

START_TEST(two_arguments_are_needed)
{
	struct options o;

	refused("daxfs", "no device");
	refused("daxfs A", "no mount point");
	refused("daxfs A B C", "\"C\"");
	accepted(&o, "daxfs --help");
	ck_assert(o.help);
	options_free(&o);
	accepted(&o, "daxfs -V");
	ck_assert(o.version);
	options_free(&o);
	accepted(&o, "daxfs -- -A -B");
	ck_assert_str_eq(o.source, "-A");
	options_free(&o);
}
END_TEST

START_TEST(mount_flags_follow_who_mounts)
{
	const unsigned long safe = geteuid() ? MS_NOSUID | MS_NODEV : 0;
	struct options o;

	accepted(&o, "daxfs A B");
	ck_assert_uint_eq(options_mount_flags(&o), safe | MS_RELATIME);
	options_free(&o);
	accepted(&o, "daxfs A B -o noatime,strictatime");
	ck_assert_uint_eq(options_mount_flags(&o), safe | MS_STRICTATIME);
	options_free(&o);
	accepted(&o, "daxfs A B -o nosuid,nodev,noexec,ro,sync,noatime,dirsync");
	ck_assert_uint_eq(options_mount_flags(&o), MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY |
			  MS_SYNCHRONOUS | MS_NOATIME | MS_DIRSYNC);
	options_free(&o);
	accepted(&o, "daxfs A B -o lazytime");
	ck_assert_uint_eq(options_mount_flags(&o), safe | MS_RELATIME | MS_LAZYTIME);
	options_free(&o);
	accepted(&o, "daxfs A B -o lazytime,nolazytime");
	ck_assert_uint_eq(options_mount_flags(&o), safe | MS_RELATIME);
	options_free(&o);
}
END_TEST

/* What of a command line the kernel and libfuse are told; lives until the next call. */
static const char *told(const char *line)
{
	static struct fuse_args args;
	struct options o;

	fuse_opt_free_args(&args);
	args = (struct fuse_args)FUSE_ARGS_INIT(0, NULL);
	accepted(&o, line);
	ck_assert_int_eq(options_session_args(&o, &args), 0);
	ck_assert_int_eq(args.argc, 3);
	options_free(&o);
	return args.argv[2];
}

START_TEST(the_source_is_passed_on_exactly)
{
	const char *words = told("daxfs /a,b\\c B -o ro");

	ck_assert_ptr_nonnull(strstr(words, "fsname=/a\\,b\\\\c,subtype=daxfs"));
	ck_assert_ptr_nonnull(strstr(words, "default_permissions"));
	ck_assert_ptr_nonnull(strstr(words, ",ro"));
	ck_assert_ptr_nonnull(strstr(told("daxfs /proc/self/../self/status B"), "fsname=/proc/self/../self/status,"));
}
END_TEST

START_TEST(a_relative_source_is_made_absolute)
{
	ck_assert_int_eq(chdir("/proc/sys"), 0);
	ck_assert_ptr_nonnull(strstr(told("daxfs ../status B"), "fsname=/proc/sys/../status,"));
}
END_TEST

Suite *suite_fuse_options(void)
{
	Suite *s = suite_create("fuse/options");
	TCase *tc = tcase_create("options");

	tcase_add_test(tc, defaults_are_those_of_the_manual);
	tcase_add_test(tc, letters_depend_on_the_program_name);
	tcase_add_test(tc, filesystem_options_reach_the_engine);
	tcase_add_test(tc, the_last_of_contrary_options_wins);
	tcase_add_test(tc, numbers_have_limits);
	tcase_add_test(tc, a_request_timeout_is_one_that_the_kernel_can_keep);
	tcase_add_test(tc, io_uring_is_automatic_unless_said_otherwise);
	tcase_add_test(tc, fstab_words_are_ignored);
	tcase_add_test(tc, unknown_words_are_named);
	tcase_add_test(tc, sloppy_ignores_unknown_words_wherever_it_stands);
	tcase_add_test(tc, two_arguments_are_needed);
	tcase_add_test(tc, mount_flags_follow_who_mounts);
	tcase_add_test(tc, the_source_is_passed_on_exactly);
	tcase_add_test(tc, a_relative_source_is_made_absolute);
	suite_add_tcase(s, tc);
	return s;
}
