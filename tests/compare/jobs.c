// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * jobs.c -- what a mail server and a file server do all day, a round being one call
 *
 * The steps are those of filebench's varmail and fileserver, with its mean sizes;
 * fio cannot do them, as it does not read from files that it creates on the way.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare/calls.h"

#define MAIL_SIZE	(16 * KIB)
#define APPENDED	(8 * KIB)
#define SHARED_SIZE	(128 * KIB)

static void put(struct lane *l, const char *path, int flags, size_t bytes, bool sync)
{
	int fd = (int)must(open(path, flags | O_WRONLY | O_CLOEXEC, 0644));

	must_whole(write(fd, l->buf, bytes), bytes);
	if (sync)
		must(fsync(fd));
	must(close(fd));
}

static void get(struct lane *l, const char *path)
{
	int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC));

	while (must(read(fd, l->buf, MIB)) > 0)
		;
	must(close(fd));
}

static void fill_all(struct lane *l, size_t bytes)
{
	for (size_t i = 0; i < l->calls; i++)
		put(l, l->name[i], O_CREAT | O_EXCL, bytes, false);
}

static const char *any_name(struct lane *l)
{
	return l->name[rng_below(&l->rng, l->calls)];
}

static void open_mail(struct lane *l)
{
	open_dir(l);
	fill_all(l, MAIL_SIZE);
}

static void mail(struct lane *l, size_t i)
{
	must(unlink(l->name[i]));
	put(l, l->name[i], O_CREAT | O_EXCL, MAIL_SIZE, true);
	const char *old = any_name(l);

	get(l, old);
	put(l, old, O_APPEND, APPENDED, true);
	get(l, any_name(l));
}

static void open_shares(struct lane *l)
{
	open_dir(l);
	fill_all(l, SHARED_SIZE);
}

static void share(struct lane *l, size_t i)
{
	struct stat st;

	must(unlink(l->name[i]));
	put(l, l->name[i], O_CREAT | O_EXCL, SHARED_SIZE, false);
	put(l, any_name(l), O_APPEND, APPENDED, false);
	get(l, any_name(l));
	must(stat(any_name(l), &st));
}

const struct kind job_kinds[] = {
	{ "varmail", 200, open_mail, NULL, mail, NULL },
	{ "fileserver", 100, open_shares, NULL, share, NULL },
	{ 0 },
};
