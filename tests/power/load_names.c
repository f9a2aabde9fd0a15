/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load_names.c -- workloads on names: what must be there is a matter of counting
 *
 * Every mode works in its own directory.  Operation i has the name "i".
 */
#include "power/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir = -1;
static uint64_t buf[WORDS];

static const char *name_of(uint64_t i)
{
	static char name[24];

	snprintf(name, sizeof(name), "%" PRIu64, i);
	return name;
}

static void open_dir(const struct job *j)
{
	dir = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		fail(j->path);
}

static void prepare_dir(struct job *j)
{
	if (mkdir(j->path, 0755) && errno != EEXIST)
		fail(j->path);
	open_dir(j);
}

/* A file with the content of operation @i, durable when @durable. */
static void make_file(const struct job *j, const char *name, uint64_t i, bool durable)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	fill(buf, j, i, 0);
	if (fd < 0 || write(fd, buf, BLOCK) != BLOCK)
		fail(name);
	if (durable && fsync(fd))
		fail("fsync");
	close(fd);
}

static void prepare_base(struct job *j)
{
	prepare_dir(j);
	make_file(j, "base", 1, true);
}

static void prepare_all(struct job *j)
{
	prepare_dir(j);
	for (uint64_t i = 1; i <= j->ops; i++)
		make_file(j, name_of(i), i, false);
}

static void prepare_long_file(struct job *j)
{
	prepare_dir(j);
	int fd = openat(dir, "base", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	for (uint64_t i = 1; i <= j->ops + 1; i++) {
		fill(buf, j, 1, i - 1);
		if (fd < 0 || write(fd, buf, BLOCK) != BLOCK)
			fail("base");
	}
	close(fd);
}

/* -- operations --------------------------------------------------------------------- */

static void op_create(struct job *j, uint64_t i)
{
	int fd = openat(dir, name_of(i), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	(void)j;
	if (fd < 0)
		fail("create");
	close(fd);
}

static void op_create_fsync(struct job *j, uint64_t i)
{
	make_file(j, name_of(i), i, true);
}

static void op_create_fsync_dir(struct job *j, uint64_t i)
{
	make_file(j, name_of(i), i, true);
	if (fsync(dir))
		fail("fsync of the directory");
}

static void op_mkdir(struct job *j, uint64_t i)
{
	(void)j;
	if (mkdirat(dir, name_of(i), 0755))
		fail("mkdir");
}

static void op_link(struct job *j, uint64_t i)
{
	(void)j;
	if (linkat(dir, "base", dir, name_of(i), 0))
		fail("link");
}

static void op_unlink(struct job *j, uint64_t i)
{
	(void)j;
	if (unlinkat(dir, name_of(i), 0))
		fail("unlink");
}

/* As an editor saves. */
static void op_rename(struct job *j, uint64_t i)
{
	make_file(j, "new", i, true);
	if (renameat(dir, "new", dir, "base"))
		fail("rename");
}

static void op_truncate(struct job *j, uint64_t i)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/base", j->path);
	if (truncate(path, (off_t)((j->ops + 1 - i) * BLOCK)))
		fail("truncate");
}

/* -- judging ------------------------------------------------------------------------ */

/* No directory at all: it was made before the first acknowledgement and is synced. */
static bool present(const char *name)
{
	struct stat st;

	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return true;
	if (errno != ENOENT)
		fail(name);
	return false;
}

/* A name of an operation that never began. */
static void look_for_strangers(const struct job *j, struct verdict *v)
{
	DIR *d = fdopendir(dup(dir));
	struct dirent *de;

	if (!d)
		fail("readdir");
	while ((de = readdir(d))) {
		if (strtoull(de->d_name, NULL, 10) > j->acked + 1)
			v->leaked++;
	}
	closedir(d);
}

static void judge_names(struct job *j, struct verdict *v, bool wanted)
{
	open_dir(j);
	for (uint64_t i = 1; i <= j->acked; i++) {
		if (present(name_of(i)) == wanted)
			v->kept++;
		else
			v->lost++;
	}
	if (j->acked < j->ops)
		v->flight = present(name_of(j->acked + 1)) == wanted ? "whole" : "absent";
}

static void check_names(struct job *j, struct verdict *v)
{
	judge_names(j, v, true);
	look_for_strangers(j, v);
}

static void check_unlinked(struct job *j, struct verdict *v)
{
	judge_names(j, v, false);
}

/* read_op - whose content a file has: an operation, 0 for none or zeroes, UINT64_MAX for a mixture. */
static uint64_t read_op(const struct job *j, const char *name, bool *foreign)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, BLOCK);
	uint64_t first = n > 0 ? word_op(j, buf[0], 0, 0) : 0;

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(*buf); i++) {
		uint64_t op = word_op(j, buf[i], 0, i);

		*foreign |= op == UINT64_MAX;
		if (op != first)
			first = UINT64_MAX;
	}
	return n > 0 && n != BLOCK ? UINT64_MAX : first;
}

static void judge_file(struct job *j, struct verdict *v, uint64_t i)
{
	bool foreign = false;
	uint64_t op = read_op(j, name_of(i), &foreign);

	v->leaked += foreign;
	if (i > j->acked) {
		v->flight = op == i ? "whole" : present(name_of(i)) ? "torn" : "absent";
		return;
	}
	if (op == i)
		v->kept++;
	else if (!op)
		v->lost++;
	else
		v->corrupt++;
}

static void check_files(struct job *j, struct verdict *v)
{
	open_dir(j);
	for (uint64_t i = 1; i <= j->acked + (j->acked < j->ops); i++)
		judge_file(j, v, i);
	look_for_strangers(j, v);
}

static void check_renamed(struct job *j, struct verdict *v)
{
	bool foreign = false;

	open_dir(j);
	uint64_t op = read_op(j, "base", &foreign);

	v->leaked = foreign;
	v->flight = j->acked == j->ops ? "none" : op == j->acked + 1 ? "whole" : "absent";
	if (op == UINT64_MAX || (!op && present("base")))
		v->corrupt = 1;
	else if (op >= j->acked)
		v->kept = j->acked;
	else
		v->lost = j->acked - op;
}

static void check_truncated(struct job *j, struct verdict *v)
{
	struct stat st;

	open_dir(j);
	if (fstatat(dir, "base", &st, 0))
		fail("base");
	uint64_t left = (uint64_t)st.st_size / BLOCK, done = left > j->ops + 1 ? 0 : j->ops + 1 - left;

	if (st.st_size % BLOCK || done > j->acked + 1)
		v->corrupt = 1;
	v->flight = j->acked == j->ops ? "none" : done > j->acked ? "whole" : "absent";
	v->kept = done < j->acked ? done : j->acked;
	v->lost = j->acked - v->kept;
}

const struct work name_works[] = {
	{ "create", prepare_dir, op_create, check_names },
	{ "create-fsync", prepare_dir, op_create_fsync, check_files },
	{ "create-fsync-dir", prepare_dir, op_create_fsync_dir, check_files },
	{ "mkdir", prepare_dir, op_mkdir, check_names },
	{ "link", prepare_base, op_link, check_names },
	{ "unlink", prepare_all, op_unlink, check_unlinked },
	{ "rename", prepare_base, op_rename, check_renamed },
	{ "truncate", prepare_long_file, op_truncate, check_truncated },
	{ NULL, NULL, NULL, NULL },
};
