/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * media.c -- NVDIMMs: where QEMU has them, and the copy that is durable
 *
 * Holes of the files stay holes, and are never read through the mapping: that
 * would allocate them in a tmpfs.
 */
#include "power/model.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)

struct mapping { uint64_t from, to, offset; bool shared; };

/* Whether a line of /proc/self/maps is of this file. */
static bool parse_mapping(const char *line, const struct stat *st, struct mapping *m)
{
	unsigned major_nr, minor_nr;
	uint64_t inode;
	char mode[8];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64, &m->from, &m->to, mode,
		   &m->offset, &major_nr, &minor_nr, &inode) != 7)
		return false;
	m->shared = mode[3] == 's';
	return inode == st->st_ino && major_nr == major(st->st_dev) && minor_nr == minor(st->st_dev);
}

/* The kernel may show one mapping as several neighbours. */
static void find_mapping(struct media *md, const struct stat *st)
{
	FILE *f = fopen("/proc/self/maps", "r");
	uint64_t from = 0, to = 0;
	struct mapping m;
	char line[1024];

	if (!f)
		model_die("/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (!parse_mapping(line, st, &m))
			continue;
		if (!m.shared || (!to && m.offset) || (to && m.from != to))
			model_die("%s: mapped private, twice or in part", md->path);
		from = to ? from : m.from;
		to = m.to;
	}
	fclose(f);
	if (to - from != (uint64_t)st->st_size)
		model_die("%s: QEMU maps %" PRIu64 " of %jd bytes", md->path, to - from, (intmax_t)st->st_size);
	md->seen = (uint8_t *)from;
	md->size = to - from;
}

static void *reserve(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		model_die("no memory");
	return p;
}

uint64_t media_next_page(const struct media *md, uint64_t off, uint64_t *data_end)
{
	if (off < *data_end)
		return off;
	off_t data = lseek(md->fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return md->size;
	off_t hole = lseek(md->fd, data, SEEK_HOLE);

	*data_end = hole < 0 ? md->size : (uint64_t)hole;
	return (uint64_t)data & ~(PAGE - 1);
}

static void copy_pages(struct media *md)
{
	uint64_t end = 0;

	for (uint64_t off = media_next_page(md, 0, &end); off < md->size;
	     off = media_next_page(md, off + PAGE, &end)) {
		if (memcmp(md->durable + off, md->seen + off, PAGE))
			memcpy(md->durable + off, md->seen + off, PAGE);
	}
}

void media_attach(void)
{
	for (unsigned i = 0; i < model.nr_media; i++) {
		struct media *md = &model.media[i];
		struct stat st;

		md->fd = open(md->path, O_RDONLY | O_CLOEXEC);
		if (md->fd < 0 || fstat(md->fd, &st))
			model_die("%s: %s", md->path, strerror(errno));
		find_mapping(md, &st);
		md->durable = reserve(md->size);
		md->age = reserve(md->size / LINE * sizeof(*md->age));
		copy_pages(md);
	}
}

bool media_at(const uint8_t *host, unsigned *media, uint64_t *off)
{
	for (unsigned i = 0; i < model.nr_media; i++) {
		const struct media *md = &model.media[i];

		if (host >= md->seen && host < md->seen + md->size) {
			*media = i;
			*off = (uint64_t)(host - md->seen);
			return true;
		}
	}
	return false;
}

void media_write_back_all(void)
{
	for (unsigned i = 0; i < model.nr_media; i++)
		copy_pages(&model.media[i]);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		model.queue[i].nr = 0;
}
