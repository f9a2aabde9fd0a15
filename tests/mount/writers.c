/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * writers.c -- several processes write to one file at the same time
 *
 * writers held FILE	one is stopped in the middle of a write(2); does another, of
 *			other bytes, come through?  0 yes, 1 no, 77 cannot be told here
 * writers mix FILE ROUNDS	do write calls of up to 128 KiB that overlap leave each
 *			one's bytes or another's, but never some of both?
 *
 * The one that is stopped writes from a page that is not there: the kernel takes the file's
 * lock, then wants the page, and waits until userfaultfd gives it one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096u
#define CALL_MAX	(128u << 10)
#define FILE_BYTES	(256u << 10)
#define PATIENCE	10		/* seconds */
#define SKIP		77

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* A file of 'o'. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	char *buf = malloc(FILE_BYTES);

	if (fd < 0 || !buf)
		die(path);
	memset(buf, 'o', FILE_BYTES);
	if (pwrite(fd, buf, FILE_BYTES, 0) != FILE_BYTES)
		die("pwrite");
	free(buf);
	return fd;
}

/* -- held ------------------------------------------------------------------------------------ */

/* A page that is not there until userfaultfd @uffd gives it; NULL when that cannot be. */
static char *missing_page(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("mmap");
	reg.range.start = (uintptr_t)page;
	reg.range.len = PAGE;
	*uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &reg))
		return NULL;
	return page;
}

struct stopped { int fd; const char *page; ssize_t res; };

static void *write_page(void *arg)
{
	struct stopped *st = arg;

	st->res = pwrite(st->fd, st->page, PAGE, 0);
	return NULL;
}

static bool is_stopped(int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };

	return poll(&p, 1, PATIENCE * 1000) == 1 && p.revents & POLLIN;
}

static void give_page(int uffd, char *page, const char *content)
{
	struct uffdio_copy copy = { .dst = (uintptr_t)page, .src = (uintptr_t)content, .len = PAGE };

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		die("UFFDIO_COPY");
}

/* Another process writes what the one that is stopped does not. */
static pid_t write_beside(int fd, const char *content)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		_exit(pwrite(fd, content, PAGE, PAGE) != PAGE);
	return pid;
}

static bool ends_well(pid_t pid)
{
	int status;

	for (unsigned i = 0; i < PATIENCE * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return !status;
		usleep(10000);
	}
	return false;
}

static int held(int fd)
{
	static char content[PAGE], found[2 * PAGE];
	struct stopped st = { .fd = fd };
	pthread_t thread;
	int uffd;
	char *page = missing_page(&uffd);

	if (!page) {
		perror("userfaultfd");
		return SKIP;
	}
	st.page = page;
	memset(content, 'x', PAGE);
	if (pthread_create(&thread, NULL, write_page, &st))
		die("pthread_create");
	const bool stopped = is_stopped(uffd);
	const pid_t pid = write_beside(fd, content);
	const bool through = ends_well(pid);

	give_page(uffd, page, content);
	pthread_join(thread, NULL);
	if (!through)
		waitpid(pid, NULL, 0);
	printf("the one is %sstopped, the other %s through\n", stopped ? "" : "not ", through ? "came" : "did not come");
	if (pread(fd, found, sizeof(found), 0) != sizeof(found) || memcmp(found, content, PAGE) ||
	    memcmp(found + PAGE, content, PAGE))
		return 1;
	return !(stopped && through && st.res == PAGE);
}

/* -- mix --------------------------------------------------------------------------------------- */

#define WRITERS	3
#define HALF	(CALL_MAX / 2)

/* Two that overlap, and one beside them. */
static const struct { off_t off; size_t len; } part[WRITERS] = {
	{ 0, CALL_MAX }, { HALF, CALL_MAX }, { HALF + CALL_MAX, HALF },
};

struct shared { pthread_barrier_t start, end; };

static int byte_of(int round, int writer)
{
	return 'A' + round % 16 * WRITERS + writer;
}

static void write_rounds(struct shared *sh, int fd, int me, int rounds)
{
	char *buf = malloc(CALL_MAX);

	if (!buf)
		_exit(1);
	for (int i = 0; i < rounds; i++) {
		memset(buf, byte_of(i, me), CALL_MAX);
		pthread_barrier_wait(&sh->start);
		if (pwrite(fd, buf, part[me].len, part[me].off) != (ssize_t)part[me].len)
			_exit(1);
		pthread_barrier_wait(&sh->end);
	}
	_exit(0);
}

static bool all(const char *at, size_t n, int byte)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] != (char)byte)
			return false;
	}
	return true;
}

static bool is_whole(const char *found, int round)
{
	const int one = byte_of(round, 0), other = byte_of(round, 1);

	return all(found, HALF, one) && all(found + 2 * HALF, HALF, other) &&
	       (all(found + HALF, HALF, one) || all(found + HALF, HALF, other)) &&
	       all(found + 3 * HALF, HALF, byte_of(round, 2));
}

static struct shared *share(void)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attr;

	if (sh == MAP_FAILED)
		die("mmap");
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&sh->start, &attr, WRITERS + 1);
	pthread_barrier_init(&sh->end, &attr, WRITERS + 1);
	return sh;
}

static int mix(int fd, int rounds)
{
	static char found[FILE_BYTES];
	struct shared *sh = share();
	int mixed = 0, status;

	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			write_rounds(sh, fd, i, rounds);
	}
	alarm(60);	/* one that fails leaves the others waiting */
	for (int i = 0; i < rounds; i++) {
		pthread_barrier_wait(&sh->start);
		pthread_barrier_wait(&sh->end);
		if (pread(fd, found, FILE_BYTES, 0) != FILE_BYTES)
			die("pread");
		mixed += !is_whole(found, i);
	}
	for (int i = 0; i < WRITERS; i++) {
		if (wait(&status) < 0 || status)
			mixed++;
	}
	printf("%d of %d rounds mixed\n", mixed, rounds);
	return mixed != 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "held"))
		return held(open_file(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "mix"))
		return mix(open_file(argv[2]), atoi(argv[3]));
	fprintf(stderr, "Usage: writers held FILE\n       writers mix FILE ROUNDS\n");
	return 2;
}
