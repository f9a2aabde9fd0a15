/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coherent.c -- processes that use one file in every way see one content
 *
 * coherent run FILE STATE SECONDS SEED [mixed], coherent check FILE STATE
 *
 * Each sector of the file says which one it is and how often it was written.
 * STATE, mapped by all, has the number of each and a lock for each page: who
 * holds it knows what every way to read must find there.  Size and space change
 * under the locks of all pages from there on.  Mappings are kept over all of
 * it, so that a page that stays in one when it should have gone shows.
 *
 * "mixed" changes the DAX attribute every now and then, so that the file is open
 * in both modes at a time.
 *
 * Names: sector  512 bytes: a page is written in parts, too
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/rng.h"

#define SECTOR		512u
#define PAGE		4096u
#define PER_PAGE	(PAGE / SECTOR)
#define PAGES		1536u		/* 6 MiB: some of it mapped by 2 MiB */
#define SECTORS		(PAGES * PER_PAGE)
#define PROCESSES	4
#define RUN_PAGES	8u		/* of one read or write */

#ifndef FS_DAX_FL
#define FS_DAX_FL	0x02000000
#endif

struct shared {
	pthread_mutex_t lock[PAGES];
	uint32_t version[SECTORS];	/* 0: zeroes */
	uint64_t size;			/* sectors */
	_Atomic uint64_t ops, wrong;
	bool mixed;
};

struct user {
	struct shared *sh;
	const char *path;
	int fd, direct;
	uint8_t *map, *buf;		/* buf is aligned for O_DIRECT */
	struct rng rng;
};

struct run { uint64_t first, nr; };	/* sectors */

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* -- content ------------------------------------------------------------------------------ */

static void fill(uint8_t *at, uint64_t sector, uint32_t version)
{
	uint64_t word[SECTOR / 8] = { 0 };

	for (unsigned i = 0; version && i < SECTOR / 8; i++)
		word[i] = (sector + 1) << 40 ^ (uint64_t)version << 8 ^ i;
	memcpy(at, word, SECTOR);
}

static void compare(struct user *u, const uint8_t *got, struct run r, const char *way)
{
	uint8_t want[SECTOR];

	for (uint64_t s = r.first; s < r.first + r.nr; s++, got += SECTOR) {
		uint64_t word;

		fill(want, s, u->sh->version[s]);
		if (!memcmp(want, got, SECTOR))
			continue;
		memcpy(&word, got, sizeof(word));
		if (atomic_fetch_add(&u->sh->wrong, 1) < 20)
			fprintf(stderr, "%s: sector %" PRIu64 " of %" PRIu64 " should be version %" PRIu32 ", begins with %#" PRIx64
				" (sector %" PRIu64 ", version %" PRIu64 ")\n", way, s, u->sh->size, u->sh->version[s], word,
				(word >> 40) - 1, word >> 8 & 0xffffffff);
	}
}

/* -- locks ---------------------------------------------------------------------------------- */

/* Pages are locked upwards only, so that nobody waits in a circle. */
static void lock_pages(struct shared *sh, uint64_t first, uint64_t end)
{
	for (uint64_t p = first; p < end; p++)
		pthread_mutex_lock(&sh->lock[p]);
}

static void unlock_pages(struct shared *sh, uint64_t first, uint64_t end)
{
	for (uint64_t p = first; p < end; p++)
		pthread_mutex_unlock(&sh->lock[p]);
}

static uint64_t end_page(struct run r)
{
	return (r.first + r.nr + PER_PAGE - 1) / PER_PAGE;
}

/* Some sectors, locked, and cut at the end of the file; nr is 0 when nothing is left. */
static struct run take(struct user *u, struct run *locked)
{
	uint64_t page = rng_below(&u->rng, PAGES), pages = 1 + rng_below(&u->rng, RUN_PAGES);
	struct run r;

	if (pages > PAGES - page)
		pages = PAGES - page;
	*locked = r = (struct run){ page * PER_PAGE, pages * PER_PAGE };
	lock_pages(u->sh, page, end_page(r));
	if (rng_one_in(&u->rng, 2)) {
		uint64_t skip = rng_below(&u->rng, r.nr);

		r.first += skip;
		r.nr = 1 + rng_below(&u->rng, r.nr - skip);
	}
	if (r.first >= u->sh->size)
		r.nr = 0;
	else if (r.nr > u->sh->size - r.first)
		r.nr = u->sh->size - r.first;
	return r;
}

static void give(struct user *u, struct run locked)
{
	unlock_pages(u->sh, locked.first / PER_PAGE, end_page(locked));
}

/* -- reading and writing ----------------------------------------------------------------------- */

static void read_by(struct user *u, int fd, struct run r, const char *way)
{
	ssize_t n = pread(fd, u->buf, r.nr * SECTOR, (off_t)(r.first * SECTOR));

	if (n != (ssize_t)(r.nr * SECTOR))
		die(way);
	compare(u, u->buf, r, way);
}

static void op_read(struct user *u)
{
	struct run locked, r = take(u, &locked);

	switch (r.nr ? rng_below(&u->rng, 3) : 3) {
	case 0: read_by(u, u->fd, r, "read"); break;
	case 1: read_by(u, u->direct, r, "direct read"); break;
	case 2: compare(u, u->map + r.first * SECTOR, r, "mapping"); break;
	}
	give(u, locked);
}

static void write_by(struct user *u, int fd, struct run r, const char *way)
{
	if (pwrite(fd, u->buf, r.nr * SECTOR, (off_t)(r.first * SECTOR)) != (ssize_t)(r.nr * SECTOR))
		die(way);
}

static void next_versions(struct user *u, struct run r)
{
	for (uint64_t i = 0; i < r.nr; i++)
		fill(u->buf + i * SECTOR, r.first + i, ++u->sh->version[r.first + i]);
}

static void op_write(struct user *u)
{
	struct run locked, r = take(u, &locked);

	next_versions(u, r);
	switch (r.nr ? rng_below(&u->rng, 3) : 3) {
	case 0: write_by(u, u->fd, r, "write"); break;
	case 1: write_by(u, u->direct, r, "direct write"); break;
	case 2: memcpy(u->map + r.first * SECTOR, u->buf, r.nr * SECTOR); break;
	}
	give(u, locked);
}

/* -- size and space ---------------------------------------------------------------------------- */

static void zeroed(struct user *u, struct run r)
{
	memset(&u->sh->version[r.first], 0, r.nr * sizeof(u->sh->version[0]));
}

static void op_space(struct user *u)
{
	static const int mode[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_KEEP_SIZE };
	struct run locked, r = take(u, &locked);
	unsigned k = (unsigned)rng_below(&u->rng, 3);

	if (r.nr && fallocate(u->fd, mode[k], (off_t)(r.first * SECTOR), (off_t)(r.nr * SECTOR)))
		die("fallocate");
	if (k < 2)
		zeroed(u, r);
	give(u, locked);
}

/* From the smaller of both sizes on nobody may look. */
static uint64_t lock_sizes(struct user *u, uint64_t size)
{
	uint64_t first;

	for (;;) {
		uint64_t seen = __atomic_load_n(&u->sh->size, __ATOMIC_RELAXED);

		first = (size < seen ? size : seen) / PER_PAGE;
		first = first ? first - 1 : 0;
		lock_pages(u->sh, first, PAGES);
		if ((size < u->sh->size ? size : u->sh->size) / PER_PAGE >= first)
			return first;
		unlock_pages(u->sh, first, PAGES);
	}
}

static void op_truncate(struct user *u)
{
	uint64_t size = rng_one_in(&u->rng, 8) ? rng_below(&u->rng, SECTORS) : SECTORS - rng_below(&u->rng, SECTORS / 4);
	uint64_t first = lock_sizes(u, size), old = u->sh->size;

	if (ftruncate(u->fd, (off_t)(size * SECTOR)))
		die("ftruncate");
	if (size < old)
		zeroed(u, (struct run){ size, old - size });
	__atomic_store_n(&u->sh->size, size, __ATOMIC_RELAXED);
	unlock_pages(u->sh, first, PAGES);
}

/* A write that begins behind the end, or at it. */
static void op_extend(struct user *u)
{
	uint64_t first = lock_sizes(u, SECTORS), size = u->sh->size;
	struct run r = { size + (size < SECTORS ? rng_below(&u->rng, SECTORS - size) : 0), 0 };

	if (size < SECTORS) {
		r.nr = 1 + rng_below(&u->rng, RUN_PAGES * PER_PAGE);
		if (r.nr > SECTORS - r.first)
			r.nr = SECTORS - r.first;
		next_versions(u, r);
		write_by(u, rng_one_in(&u->rng, 2) ? u->direct : u->fd, r, "write behind the end");
		__atomic_store_n(&u->sh->size, r.first + r.nr, __ATOMIC_RELAXED);
	}
	unlock_pages(u->sh, first, PAGES);
}

/* -- without locks -------------------------------------------------------------------------------- */

static void op_sync(struct user *u)
{
	int err = 0;

	switch (rng_below(&u->rng, 3)) {
	case 0: err = fsync(u->fd); break;
	case 1: err = fdatasync(u->fd); break;
	case 2: err = msync(u->map, PAGES * PAGE, MS_SYNC); break;
	}
	if (err)
		die("sync");
}

static void open_all(struct user *u)
{
	u->fd = open(u->path, O_RDWR);
	u->direct = open(u->path, O_RDWR | O_DIRECT);
	if (u->fd < 0 || u->direct < 0)
		die(u->path);
	u->map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd, 0);
	if (u->map == MAP_FAILED)
		die("mmap");
}

static void close_all(struct user *u)
{
	munmap(u->map, PAGES * PAGE);
	close(u->fd);
	close(u->direct);
}

static void op_open_again(struct user *u)
{
	int flags = rng_one_in(&u->rng, 2) ? FS_DAX_FL : 0;

	if (u->sh->mixed && ioctl(u->fd, FS_IOC_SETFLAGS, &flags))
		die("the DAX attribute");
	close_all(u);
	open_all(u);
}

/* -- running --------------------------------------------------------------------------------------- */

static const struct { void (*run)(struct user *u); unsigned weight; } ops[] = {
	{ op_read, 400 }, { op_write, 300 }, { op_space, 30 }, { op_truncate, 8 }, { op_extend, 12 }, { op_sync, 10 },
	{ op_open_again, 3 },
};

static void one_op(struct user *u)
{
	unsigned sum = 0, pick;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		sum += ops[i].weight;
	pick = (unsigned)rng_below(&u->rng, sum);
	for (size_t i = 0; ; pick -= ops[i++].weight) {
		if (pick < ops[i].weight) {
			ops[i].run(u);
			return;
		}
	}
}

static void on_bus_error(int sig)
{
	static const char text[] = "SIGBUS inside the file\n";

	(void)sig;
	if (write(2, text, sizeof(text) - 1))
		_exit(3);
	_exit(3);
}

static void work(struct user *u, unsigned seconds, uint64_t seed)
{
	time_t end = time(NULL) + seconds;
	uint64_t n = 0;

	rng_init(&u->rng, seed);
	u->buf = aligned_alloc(PAGE, RUN_PAGES * PAGE);
	if (!u->buf)
		die("memory");
	signal(SIGBUS, on_bus_error);
	open_all(u);
	while (time(NULL) < end && !atomic_load(&u->sh->wrong))
		for (unsigned i = 0; i < 16; i++, n++)
			one_op(u);
	close_all(u);
	atomic_fetch_add(&u->sh->ops, n);
	exit(0);
}

static int wait_for_all(void)
{
	int bad = 0, status;

	for (unsigned i = 0; i < PROCESSES; i++) {
		if (wait(&status) < 0)
			die("wait");
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			fprintf(stderr, "coherent: a process ended with status %#x\n", (unsigned)status);
			kill(0, SIGTERM);
			bad = 1;
		}
	}
	return bad;
}

static int check_all(struct user *u)
{
	struct stat st;

	u->buf = aligned_alloc(PAGE, RUN_PAGES * PAGE);
	if (!u->buf)
		die("memory");
	open_all(u);
	if (fstat(u->fd, &st) || (uint64_t)st.st_size != u->sh->size * SECTOR) {
		fprintf(stderr, "size: should be %" PRIu64 ", is %" PRIu64 "\n", u->sh->size * SECTOR, (uint64_t)st.st_size);
		atomic_fetch_add(&u->sh->wrong, 1);
	}
	for (struct run r = { 0, 1 }; r.first < u->sh->size; r.first++) {
		read_by(u, u->fd, r, "read");
		compare(u, u->map + r.first * SECTOR, r, "mapping");
	}
	close_all(u);
	free(u->buf);
	printf("%" PRIu64 " operations, %" PRIu64 " wrong sectors\n", atomic_load(&u->sh->ops), atomic_load(&u->sh->wrong));
	return atomic_load(&u->sh->wrong) != 0;
}

static void make_empty(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		die(path);
	close(fd);
}

static struct shared *open_state(const char *path, bool fresh)
{
	int fd = open(path, O_RDWR | (fresh ? O_CREAT | O_TRUNC : 0), 0600);
	struct shared *sh;
	pthread_mutexattr_t attr;

	if (fd < 0 || (fresh && ftruncate(fd, sizeof(*sh))))
		die(path);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (sh == MAP_FAILED)
		die("mmap");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	for (unsigned i = 0; fresh && i < PAGES; i++)
		pthread_mutex_init(&sh->lock[i], &attr);
	return sh;
}

int main(int argc, char **argv)
{
	bool mixed = argc == 7 && !strcmp(argv[6], "mixed");
	bool run = (argc == 6 || mixed) && !strcmp(argv[1], "run");

	if (!run && !(argc == 4 && !strcmp(argv[1], "check"))) {
		fprintf(stderr, "Usage: coherent run FILE STATE SECONDS SEED [mixed]\n       coherent check FILE STATE\n");
		return 2;
	}
	struct user u = { .sh = open_state(argv[3], run), .path = argv[2] };

	if (run) {
		make_empty(argv[2]);
		u.sh->mixed = mixed;
	}
	for (unsigned i = 0; run && i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			work(&u, (unsigned)atoi(argv[4]), strtoull(argv[5], NULL, 0) + i);
	}
	if (run && wait_for_all())
		return 1;
	return check_all(&u);
}
