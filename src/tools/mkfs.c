/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mkfs.c -- mkfs.daxfs: make a daxfs filesystem on a device or in a file
 *
 * Everything is checked before anything is written; fs_format() does the
 * writing.  A file that did not exist before does not exist after a failure.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/fs.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "base/log.h"
#include "base/size.h"
#include "config.h"
#include "core/fs.h"
#include "daxfs/format.h"
#include "pm/missing.h"
#include "pm/region.h"
#include "tools/target.h"

#define MIN_SIZE	(DAXFS_MIN_BLOCKS * DAXFS_BLOCK_SIZE)
#define LABEL_MAX	63

struct mkfs {
	struct fs_format_opts fo;
	bool force, quiet;
	bool created;		/* the file is not there yet */
};

static const char usage[] =
	"Usage: mkfs.daxfs [-f] [-L LABEL] [-U UUID] [-s SIZE] [-q] DEVICE\n"
	"Make a daxfs filesystem on DEVICE: device-DAX, a pmem block device or a file.\n"
	"\n"
	"  -f, --force         overwrite a filesystem or partition table\n"
	"  -L, --label=LABEL   volume label, at most 63 bytes\n"
	"  -U, --uuid=UUID     this UUID instead of a random one\n"
	"  -s, --size=SIZE     use SIZE bytes; makes the file if there is none.\n"
	"                      Suffixes K, M, G, T are powers of 1024; at least 8M\n"
	"  -q, --quiet         print errors only\n"
	"  -h, --help          print this and exit\n"
	"  -V, --version       print the version and exit\n";

/* -- the command line ------------------------------------------------------ */

static int set_size(struct mkfs *m, const char *arg)
{
	int err = size_parse(arg, &m->fo.size);

	if (err)
		log_error("size \"%s\" is not a number of bytes with an optional K, M, G or T", arg);
	else if (m->fo.size < MIN_SIZE)
		log_error("size \"%s\" is too small: a daxfs needs at least 8 MiB", arg);
	else
		return 0;
	return -EINVAL;
}

static int set_label(struct mkfs *m, const char *arg)
{
	if (strlen(arg) > LABEL_MAX) {
		log_error("label \"%s\" is longer than %d bytes", arg, LABEL_MAX);
		return -EINVAL;
	}
	m->fo.label = arg;
	return 0;
}

static int set_uuid(struct mkfs *m, const char *arg)
{
	if (uuid_parse(arg, m->fo.uuid)) {
		log_error("UUID \"%s\" is not of the form 01234567-89ab-cdef-0123-456789abcdef", arg);
		return -EINVAL;
	}
	if (uuid_is_null(m->fo.uuid)) {
		log_error("the UUID must not be all zeroes");
		return -EINVAL;
	}
	return 0;
}

/* 0 to go on, 1 when all has been said, or an error. */
static int take_option(struct mkfs *m, int opt)
{
	switch (opt) {
	case 'f': m->force = true; return 0;
	case 'q': m->quiet = true; return 0;
	case 's': return set_size(m, optarg);
	case 'L': return set_label(m, optarg);
	case 'U': return set_uuid(m, optarg);
	case 'h': fputs(usage, stdout); return 1;
	case 'V': printf("mkfs.daxfs (daxfs) %s\n", PACKAGE_VERSION); return 1;
	default: return -EINVAL;	/* getopt has said why */
	}
}

static int parse(struct mkfs *m, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "label", required_argument, NULL, 'L' },
		{ "uuid", required_argument, NULL, 'U' },
		{ "size", required_argument, NULL, 's' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, res = 0;

	while (!res && (opt = getopt_long(argc, argv, "fL:U:s:qhV", longopts, NULL)) != -1)
		res = take_option(m, opt);
	if (res)
		return res;
	if (argc - optind != 1) {
		log_error("%s; try \"mkfs.daxfs --help\"",
			  optind == argc ? "no device given" : "more than one device given");
		return -EINVAL;
	}
	m->fo.path = argv[optind];
	return 0;
}

/* -- checks ---------------------------------------------------------------- */

/* Bytes of a file or block device; 0 when only the engine can tell. */
static uint64_t present_size(const char *path, const struct stat *st)
{
	uint64_t size = 0;
	int fd;

	if (S_ISREG(st->st_mode))
		return (uint64_t)st->st_size;
	if (!S_ISBLK(st->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ioctl(fd, BLKGETSIZE64, &size))
		size = 0;
	close(fd);
	return size;
}

static int check_size(const struct mkfs *m, const struct stat *st)
{
	const char *path = m->fo.path;
	uint64_t have = present_size(path, st);
	char a[32], b[32];

	if (S_ISREG(st->st_mode) && m->fo.size > have)
		return 0;		/* it will grow */
	if (!have && !S_ISREG(st->st_mode))
		return 0;
	if (m->fo.size > have) {
		log_error("%s has %s, less than the %s asked for", path, size_format(have, a),
			  size_format(m->fo.size, b));
		return -ENOSPC;
	}
	if (have < MIN_SIZE) {
		log_error("%s has %s: a daxfs needs at least 8 MiB%s", path, size_format(have, a),
			  S_ISREG(st->st_mode) ? "; -s makes it larger" : "");
		return -ENOSPC;
	}
	return 0;
}

static int check_unmounted(const char *path)
{
	char where[256];
	int res = target_mounted(path, where, sizeof(where));

	if (res == 1) {
		log_error("%s is mounted on %s; unmount it first", path, where);
		return -EBUSY;
	}
	if (res < 0)
		log_error("%s: cannot find out whether it is mounted: %s", path, strerror(-res));
	return res;
}

static int check_content(const struct mkfs *m, const struct stat *st)
{
	char what[64];
	int res;

	if (m->force || (S_ISREG(st->st_mode) && (uint64_t)st->st_size < DAXFS_BLOCK_SIZE))
		return 0;
	res = target_content(m->fo.path, what, sizeof(what));
	if (res == 1) {
		log_error("%s already holds \"%s\"; -f overwrites it", m->fo.path, what);
		return -EEXIST;
	}
	return res;
}

static int check_kind(const char *path, mode_t mode)
{
	if (S_ISREG(mode) || S_ISBLK(mode) || S_ISCHR(mode))
		return 0;
	log_error("%s is neither a device nor a regular file", path);
	return -EINVAL;
}

static int check_absent(struct mkfs *m, int err)
{
	if (err != ENOENT) {
		log_error("%s: %s", m->fo.path, strerror(err));
		return -err;
	}
	if (missing_is_device_name(m->fo.path))
		return region_open_failed(m->fo.path, -err);
	if (!m->fo.size) {
		log_error("%s does not exist; -s SIZE makes a file of that size", m->fo.path);
		return -ENOENT;
	}
	m->created = true;
	return 0;
}

static int check(struct mkfs *m)
{
	struct stat st;
	int err;

	if (stat(m->fo.path, &st))
		return check_absent(m, errno);
	err = check_kind(m->fo.path, st.st_mode);
	if (!err)
		err = check_unmounted(m->fo.path);
	if (!err)
		err = check_size(m, &st);
	if (!err)
		err = check_content(m, &st);
	return err;
}

/* -- the work -------------------------------------------------------------- */

static void print_result(const struct mkfs *m, const struct fs_format_result *res)
{
	char size[32], uuid[37];

	uuid_unparse(res->uuid, uuid);
	printf("%s: daxfs version %d, %s\n", m->fo.path, DAXFS_VERSION,
	       size_format(res->nr_blocks * DAXFS_BLOCK_SIZE, size));
	printf("  blocks      %llu of %llu bytes\n", (unsigned long long)res->nr_blocks,
	       (unsigned long long)DAXFS_BLOCK_SIZE);
	printf("  journal     %u lanes\n", res->nr_lanes);
	printf("  UUID        %s\n", uuid);
	if (m->fo.label)
		printf("  label       %s\n", m->fo.label);
	printf("  durability  %s\n", res->durability);
}

static int format(struct mkfs *m)
{
	struct fs_format_result res;
	int err;

	m->fo.uid = getuid();
	m->fo.gid = getgid();
	err = fs_format(&m->fo, &res);
	if (err) {
		if (m->created)
			unlink(m->fo.path);
		return err;
	}
	if (!m->quiet)
		print_result(m, &res);
	return 0;
}

int main(int argc, char **argv)
{
	struct mkfs m = { .force = false };
	int res;

	log_init("mkfs.daxfs", LOG_TO_STDERR);
	res = parse(&m, argc, argv);
	if (res == 1)
		return EXIT_SUCCESS;
	if (!res)
		res = check(&m);
	if (!res)
		res = format(&m);
	return res ? EXIT_FAILURE : EXIT_SUCCESS;
}
