/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cut.c -- when the power is cut, and what it leaves
 *
 * An image is what is durable, then each entry that was on its way with the
 * chance of the eviction rate, then each line that differs from what the CPUs
 * see with the same chance, for a cache may write a line back at any time.  Rate
 * 0 finds missing flushes, 50 missing order, 100 is what a killed process leaves.
 */
#include "power/model.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)

/* An image in the making. */
struct image {
	const struct media *media;
	unsigned nr;		/* of the NVDIMM */
	unsigned rate;
	uint64_t rng;
	uint8_t *mem;
	uint64_t dirty, evicted, queued, kept;	/* lines, entries */
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool happens(struct image *im)
{
	return im->rate >= 100 || (im->rate && next_random(&im->rng) % 100 < im->rate);
}

static void image_map(struct image *im, unsigned cut)
{
	char name[600];

	snprintf(name, sizeof(name), "%s.%u.e%u.nv%u", model.out, cut, im->rate, im->nr);
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, (off_t)im->media->size))
		model_die("%s: %s", name, strerror(errno));
	im->mem = mmap(NULL, im->media->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (im->mem == MAP_FAILED)
		model_die("%s: %s", name, strerror(errno));
}

/* Calls @fn for every page that may hold something. */
static void each_page(struct image *im, void (*fn)(struct image *im, uint64_t off))
{
	uint64_t end = 0;

	for (uint64_t off = media_next_page(im->media, 0, &end); off < im->media->size;
	     off = media_next_page(im->media, off + PAGE, &end))
		fn(im, off);
}

static void copy_durable(struct image *im, uint64_t off)
{
	static const uint8_t zero[PAGE];

	if (memcmp(im->media->durable + off, zero, PAGE))
		memcpy(im->mem + off, im->media->durable + off, PAGE);
}

static void evict_line(struct image *im, uint64_t off, const uint8_t *seen)
{
	bool any = false;

	im->dirty++;
	for (unsigned i = 0; i < LINE; i += model.granule) {
		if (!happens(im))
			continue;
		memcpy(im->mem + off + i, seen + i, model.granule);
		any = true;
	}
	im->evicted += any;
}

/* Other CPUs go on storing meanwhile: one look at the page. */
static void evict_page(struct image *im, uint64_t off)
{
	uint8_t page[PAGE];

	memcpy(page, im->media->seen + off, PAGE);
	for (unsigned i = 0; i < PAGE; i += LINE) {
		if (memcmp(page + i, im->media->durable + off + i, LINE))
			evict_line(im, off + i, page + i);
	}
}

static void keep_entries(struct image *im)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		const struct queue *q = &model.queue[cpu];

		for (size_t i = 0; i < q->nr; i++) {
			if (q->entry[i].media != im->nr)
				continue;
			im->queued++;
			if (!happens(im))
				continue;
			im->kept++;
			queue_apply(&q->entry[i], im->mem, false);
		}
	}
}

static void write_image(unsigned cut, unsigned nr, unsigned rate)
{
	struct image im = { .media = &model.media[nr], .nr = nr, .rate = rate };

	im.rng = model.seed * 1000003 + cut * 101 + rate * 7 + nr;
	image_map(&im, cut);
	each_page(&im, copy_durable);
	keep_entries(&im);
	each_page(&im, evict_page);
	munmap(im.mem, im.media->size);
	model_log("image %u evict=%u nv=%u dirty_lines=%" PRIu64 " evicted=%" PRIu64 " queued=%" PRIu64
		  " kept=%" PRIu64, cut, rate, nr, im.dirty, im.evicted, im.queued, im.kept);
}

void cut_now(const char *why, bool last)
{
	if (model.dead)
		return;
	unsigned cut = model.nr_images++;

	model_log("cut %u why=%s events=%" PRIu64 " fences=%" PRIu64 " acks=%" PRIu64, cut, why,
		  model.count.events, model.count.fences, model.count.acks);
	for (unsigned r = 0; r < model.nr_rates; r++) {
		for (unsigned nr = 0; nr < model.nr_media; nr++)
			write_image(cut, nr, model.rate[r]);
	}
	if (!last)
		return;
	model.dead = true;
	model_log_counts("cut", cut);
	_exit(0);
}

static uint64_t units(enum tick what)
{
	switch (model.unit) {
	case UNIT_FENCE:
		return what == TICK_FENCE ? model.count.fences : 0;
	case UNIT_ACK:
		return what == TICK_ACK ? model.count.acks : 0;
	default:
		return model.count.events;
	}
}

/* Just behind an acknowledgement a missing fence shows, inside an operation a wrong order. */
static uint64_t delay(void)
{
	uint64_t state = model.seed << 32 ^ model.next_cut;

	return model.jitter && (model.next_cut & 1) ? next_random(&state) % model.jitter : 0;
}

static bool is_reached(size_t cut, enum tick what)
{
	return cut < model.nr_cuts && units(what) >= model.cut[cut];
}

/* Who stores little makes few events: a delayed cut does not wait until after the next one. */
static bool is_due(enum tick what)
{
	if (!model.due) {
		if (!is_reached(model.next_cut, what))
			return false;
		model.due = model.count.events + delay();
	}
	return model.count.events >= model.due || is_reached(model.next_cut + 1, what);
}

void cut_tick(enum tick what)
{
	if (!model.armed || model.dead)
		return;
	model.count.events++;
	if (what == TICK_FENCE)
		model.count.fences++;
	while (is_due(what)) {
		model.due = 0;
		model.next_cut++;
		cut_now("count", model.next_cut == model.nr_cuts);
	}
}
