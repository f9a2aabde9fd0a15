// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * stage.c -- images that go away again, clocks, medians, names
 *
 * Paths of image files stand in a fixed table, so that a signal handler
 * can remove them.  One thread.
 */
#include "bench/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/instance.h"
#include "core/namei.h"
#include "pm/record.h"
#include "pm/region.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_IMAGES	8
#define PATH_SIZE	256

static char images[MAX_IMAGES][PATH_SIZE];

/* -- failing and cleaning up --------------------------------------------------------- */

static void remove_images(void)
{
	for (size_t i = 0; i < MAX_IMAGES; i++)
		if (images[i][0])
			unlink(images[i]);
}

static void on_signal(int sig)
{
	remove_images();
	signal(sig, SIG_DFL);
	raise(sig);
}

void stage_signals(void)
{
	static const int sig[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGABRT, SIGSEGV, SIGBUS };

	for (size_t i = 0; i < sizeof(sig) / sizeof(sig[0]); i++)
		signal(sig[i], on_signal);
	atexit(remove_images);
}

long must_at(long ret, const char *what, const char *file, int line)
{
	if (ret >= 0)
		return ret;
	fflush(stdout);
	fprintf(stderr, "bench: %s:%d: %s: %s\n", file, line, what, strerror((int)-ret));
	exit(2);
}

void *must_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	MUST(p ? 0 : -ENOMEM);
	return p;
}

/* -- images ------------------------------------------------------------------------------ */

bool stage_room(const struct bench *b, const char *what, uint64_t bytes)
{
	struct statvfs sv;

	MUST(statvfs(b->dir, &sv) ? -errno : 0);
	if ((uint64_t)sv.f_bavail * sv.f_frsize >= bytes)
		return true;
	report_row(b->rp, &(struct row){ .what = what, .unit = "us", .skipped = "no room for the image" });
	return false;
}

char *image_new(const struct bench *b, uint64_t size)
{
	size_t i = 0;

	while (i < MAX_IMAGES && images[i][0])
		i++;
	MUST(i < MAX_IMAGES ? 0 : -ENFILE);
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/daxfs-bench.%d.%zu", b->dir, (int)getpid(), i);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	MUST(fd < 0 ? -errno : 0);
	memcpy(images[i], path, sizeof(path));
	MUST(ftruncate(fd, (off_t)size) ? -errno : 0);
	close(fd);
	return images[i];
}

void image_remove(char *path)
{
	unlink(path);
	path[0] = '\0';
}

static void mount_stage(struct stage *s)
{
	struct fs_opts o = { .path = s->own ? NULL : s->path, .region = s->own };

	MUST(fs_open(&s->fs, &o));
	s->rg = s->fs->rg;
	MUST(inode_get(s->fs, DAXFS_ROOT_INO, &s->root));
}

static void format_stage(struct stage *s, uint64_t size)
{
	struct fs_format_opts o = { .path = s->own ? NULL : s->path, .region = s->own, .size = size };
	struct fs_format_result res;

	MUST(fs_format(&o, &res));
	mount_stage(s);
}

/* Every page there and mapped; a kernel before 5.14 does without. */
static void populate(struct region *rg)
{
	if (madvise(rg->base, (size_t)rg->size, MADV_POPULATE_WRITE))
		MUST(errno == EINVAL ? 0 : -errno);
}

void stage_file(struct stage *s, const struct bench *b, uint64_t size, bool sparse)
{
	*s = (struct stage){ .path = image_new(b, size) };
	format_stage(s, 0);
	if (!sparse)
		populate(s->rg);
}

void stage_ram(struct stage *s, uint64_t size)
{
	*s = (struct stage){ 0 };
	MUST(region_open_ram(&s->own, size + STAGE_SCRATCH));
	populate(s->own);
	format_stage(s, size);
}

void stage_record(struct stage *s, uint64_t size)
{
	*s = (struct stage){ 0 };
	MUST(region_open_record(&s->own, size + STAGE_SCRATCH));
	format_stage(s, size);
}

double stage_remount(struct stage *s, bool crash)
{
	inode_put(s->root, 1);
	if (crash)
		fs_abandon(s->fs);
	else
		MUST(fs_close(s->fs));
	double t = now_us();

	mount_stage(s);
	return now_us() - t;
}

void stage_close(struct stage *s)
{
	inode_put(s->root, 1);
	fs_abandon(s->fs);
	region_close(s->own);
	if (s->path)
		image_remove(s->path);
	*s = (struct stage){ 0 };
}

/* -- time ------------------------------------------------------------------------------------ */

double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void series_add(struct series *s, double v)
{
	if (s->nr == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = realloc(s->v, s->cap * sizeof(*s->v));
		MUST(s->v ? 0 : -ENOMEM);
	}
	s->v[s->nr++] = v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double series_median(struct series *s)
{
	MUST(s->nr ? 0 : -ENODATA);
	qsort(s->v, s->nr, sizeof(*s->v), by_value);
	double m = s->nr % 2 ? s->v[s->nr / 2] : (s->v[s->nr / 2 - 1] + s->v[s->nr / 2]) / 2;

	free(s->v);
	*s = (struct series){ 0 };
	return m;
}

/* -- names and files -------------------------------------------------------------------------- */

struct names names_make(const char *prefix, size_t nr)
{
	struct names nm = { must_alloc(nr, 24), must_alloc(nr, sizeof(struct name)), nr };

	for (size_t i = 0; i < nr; i++) {
		int len = snprintf(nm.text[i], sizeof(nm.text[i]), "%s-%08zu", prefix, i);

		nm.n[i] = (struct name){ nm.text[i], (unsigned)len };
	}
	return nm;
}

void names_free(struct names *nm)
{
	free(nm->text);
	free(nm->n);
	*nm = (struct names){ 0 };
}

static struct inode *make(struct inode *dir, struct name n, mode_t mode)
{
	struct create_req rq = { .mode = mode, .cred = { 0, 0, CRED_PRIVILEGED } };
	struct inode *ip;

	MUST(namei_create(dir, n, &rq, &ip));
	return ip;
}

struct inode *make_dir(struct inode *parent, const char *name)
{
	return make(parent, (struct name){ name, (unsigned)strlen(name) }, S_IFDIR | 0755);
}

struct inode *make_file(struct inode *parent, const char *name)
{
	return make(parent, (struct name){ name, (unsigned)strlen(name) }, S_IFREG | 0644);
}

void make_files(struct inode *dir, const struct name *n, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		inode_put(make(dir, n[i], S_IFREG | 0644), 1);
}

void write_seq(struct inode *ip, uint64_t bytes)
{
	uint8_t *buf = must_alloc(1, MIB);

	memset(buf, 'x', MIB);
	for (uint64_t off = 0; off < bytes; off += MIB)
		MUST(file_write(ip, buf, MIB, off, 0));
	free(buf);
}
