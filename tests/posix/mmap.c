/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmap.c -- mappings and system calls see one content; what lies beyond the end
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"

#define PAGE	4096

static char *map(int fd, size_t len, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, flags, fd, 0);
	const char *why = p == MAP_FAILED && errno == ENODEV ? posix_excepts("mmap.direct") : NULL;

	if (why)
		posix_skip(why);
	TRUE(p != MAP_FAILED);
	if (p == MAP_FAILED)
		posix_exit();
	return p;
}

static int filled(const char *path, size_t len)
{
	make_filled(path, len, 'x');
	return OK(open(path, O_RDWR));
}

/* -- one content ---------------------------------------------------------------------- */

static void write_is_seen(void)
{
	int fd = filled("f", 4 * PAGE);
	char *p = map(fd, 4 * PAGE, PROT_READ, MAP_SHARED);

	EQ('x', p[0]);
	EQ(5, pwrite(fd, "hello", 5, PAGE - 2));
	EQ(0, memcmp(p + PAGE - 2, "hello", 5));
	EQ('x', p[PAGE + 3]);
	for (int i = 0; i < 100; i++) {
		char c = (char)i;

		if (pwrite(fd, &c, 1, 3 * PAGE + i) != 1 || p[3 * PAGE + i] != c)
			TRUE(false);
	}
	OK(munmap(p, 4 * PAGE));
	close(fd);
}

static void store_is_seen(void)
{
	int fd = filled("f", 4 * PAGE), other = OK(open("f", O_RDONLY));
	char *p = map(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED), buf[8];

	memcpy(p + PAGE - 2, "hello", 5);
	EQ(5, pread(fd, buf, 5, PAGE - 2));
	EQ(0, memcmp(buf, "hello", 5));
	EQ(5, pread(other, buf, 5, PAGE - 2));
	EQ(0, memcmp(buf, "hello", 5));
	OK(msync(p, 4 * PAGE, MS_SYNC));
	OK(munmap(p, 4 * PAGE));
	EQ(5, pread(other, buf, 5, PAGE - 2));
	EQ(0, memcmp(buf, "hello", 5));
	close(fd);
	close(other);
}

/* Stores that nobody has msynced are there after munmap and close, for the next to open it. */
static void store_outlives_the_mapping(void)
{
	int fd = filled("f", 100 * PAGE);
	char *p = map(fd, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	close(fd);
	memset(p, 'm', 100 * PAGE);
	OK(munmap(p, 100 * PAGE));
	fd = OK(open("f", O_RDONLY));
	TRUE(filled_with(fd, 0, 100 * PAGE, 'm'));
	EQ(100 * PAGE, size_of("f"));
	close(fd);
}

static void two_mappings(void)
{
	int fd = filled("f", 2 * PAGE), fd2 = OK(open("f", O_RDWR));
	char *p = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *q = map(fd2, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t pid;

	p[10] = 'p';
	EQ('p', q[10]);
	q[PAGE] = 'q';
	EQ('q', p[PAGE]);
	pid = posix_fork();
	if (pid == 0) {
		p[20] = 'c';
		posix_exit();
	}
	posix_join(pid);
	EQ('c', q[20]);
	close(fd);
	close(fd2);
}

static void private_mapping(void)
{
	int fd = filled("f", 2 * PAGE);
	char *p = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	p[0] = 'P';
	TRUE(filled_with(fd, 0, 2 * PAGE, 'x'));
	EQ(1, pwrite(fd, "w", 1, PAGE));
	EQ('P', p[0]);
	OK(munmap(p, 2 * PAGE));
	TRUE(filled_with(fd, 0, PAGE, 'x'));
	close(fd);
}

/* A hole behind a mapping: read as zero, then filled by a store. */
static void hole(void)
{
	int fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	char *p;

	OK(ftruncate(fd, 64 * PAGE));
	p = map(fd, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	EQ(0, p[63 * PAGE]);
	EQ(0, blocks_of(fd));
	p[10 * PAGE + 5] = 'h';
	OK(msync(p, 64 * PAGE, MS_SYNC));
	EQ(8, blocks_of(fd));
	EQ(10 * PAGE, lseek(fd, 0, SEEK_DATA));
	EQ(11 * PAGE, lseek(fd, 10 * PAGE, SEEK_HOLE));
	TRUE(filled_with(fd, 10 * PAGE + 5, 1, 'h'));
	TRUE(filled_with(fd, 10 * PAGE + 6, 54 * PAGE - 6, 0));
	OK(munmap(p, 64 * PAGE));
	close(fd);
}

static void preallocated(void)
{
	int fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	char *p;

	OK(fallocate(fd, 0, 0, 8 * PAGE));
	p = map(fd, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	EQ(0, p[0]);
	p[3 * PAGE] = 'u';
	OK(msync(p, 8 * PAGE, MS_SYNC));
	TRUE(filled_with(fd, 3 * PAGE, 1, 'u'));
	TRUE(filled_with(fd, 3 * PAGE + 1, 5 * PAGE - 1, 0));
	TRUE(filled_with(fd, 0, 3 * PAGE, 0));
	close(fd);
}

/* A read(2) into a mapping of the same file, and a write(2) out of it. */
static void own_buffer(void)
{
	int fd = filled("f", 4 * PAGE);
	char *p = map(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	memset(p, 'a', PAGE);
	memset(p + PAGE, 'b', PAGE);
	EQ(PAGE, pwrite(fd, p, PAGE, 2 * PAGE));
	EQ('a', p[2 * PAGE]);
	EQ('a', p[3 * PAGE - 1]);
	EQ(PAGE, pread(fd, p + 3 * PAGE, PAGE, PAGE));
	EQ('b', p[3 * PAGE]);
	TRUE(filled_with(fd, 3 * PAGE, PAGE, 'b'));
	close(fd);
}

/* -- executing -------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define CODE(n)		{ 0xb8, n, 0, 0, 0, 0xc3 }	/* return n */
#elif defined(__aarch64__)
#define CODE(n)		{ (n & 7) << 5, 0, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 }
#endif

#ifdef CODE
static void executing(void)
{
	static const unsigned char code[][8] = { CODE(3), CODE(5) };
	int fd = filled("f", PAGE);
	int (*run)(void);
	char *p;

	EQ(sizeof(code[0]), pwrite(fd, code[0], sizeof(code[0]), 0));
	p = map(fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED);
	memcpy(&run, &p, sizeof(run));
	EQ(3, run());
	EQ(sizeof(code[1]), pwrite(fd, code[1], sizeof(code[1]), 0));
	__builtin___clear_cache(p, p + PAGE);
	EQ(5, run());
	OK(munmap(p, PAGE));
	close(fd);
}
#else
static void executing(void)
{
	posix_skip("no program for this processor");
}
#endif

/* -- signals ------------------------------------------------------------------------------ */

static sigjmp_buf out;

static void on_signal(int sig)
{
	siglongjmp(out, sig);
}

enum access { LOAD, STORE };

/* The signal that touching @p brings, or 0. */
static int touch(volatile char *p, enum access how)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return sig;
	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	if (how == STORE)
		*p = 's';
	else
		(void)*p;
	return 0;
}

static void beyond_the_end(void)
{
	int fd = filled("f", PAGE + 100);
	char *p = map(fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	EQ(0, touch(p, LOAD));
	EQ(0, touch(p + PAGE + 99, STORE));
	EQ(0, touch(p + 2 * PAGE - 1, LOAD));
	EQ(SIGBUS, touch(p + 2 * PAGE, LOAD));
	EQ(SIGBUS, touch(p + 2 * PAGE, STORE));
	EQ(SIGBUS, touch(p + 4 * PAGE - 1, LOAD));
	OK(ftruncate(fd, 3 * PAGE));
	EQ(0, touch(p + 2 * PAGE, LOAD));
	EQ(0, touch(p + 3 * PAGE - 1, STORE));
	EQ(SIGBUS, touch(p + 3 * PAGE, STORE));
	EQ(3 * PAGE, size_of("f"));
	close(fd);
}

/* Pages that a truncation takes away are gone from mappings that had touched them. */
static void truncated_under_a_mapping(void)
{
	int fd = filled("f", 8 * PAGE);
	char *p = map(fd, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	for (int i = 0; i < 8; i++)
		EQ(0, touch(p + i * PAGE, STORE));
	OK(ftruncate(fd, 2 * PAGE + 10));
	EQ(0, touch(p + 2 * PAGE, LOAD));
	EQ(SIGBUS, touch(p + 3 * PAGE, LOAD));
	EQ(SIGBUS, touch(p + 7 * PAGE, STORE));
	EQ(0, p[2 * PAGE + 10]);
	EQ(0, p[3 * PAGE - 1]);
	EQ('x', p[2 * PAGE + 9]);
	OK(ftruncate(fd, 8 * PAGE));
	EQ(0, touch(p + 7 * PAGE, LOAD));
	EQ(0, p[7 * PAGE]);
	EQ(0, p[2 * PAGE + 10]);
	TRUE(filled_with(fd, 2 * PAGE + 10, 6 * PAGE - 10, 0));
	close(fd);
}

static void punched_under_a_mapping(void)
{
	int fd = filled("f", 8 * PAGE);
	char *p = map(fd, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	for (int i = 0; i < 8; i++)
		EQ(0, touch(p + i * PAGE, STORE));
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE + 1, 4 * PAGE));
	EQ('s', p[PAGE]);
	EQ(0, p[PAGE + 1]);
	EQ(0, p[2 * PAGE]);
	EQ(0, p[5 * PAGE]);
	EQ('x', p[5 * PAGE + 1]);
	EQ('s', p[6 * PAGE]);
	p[3 * PAGE] = 'n';
	TRUE(filled_with(fd, 3 * PAGE, 1, 'n'));
	TRUE(filled_with(fd, PAGE + 1, 2 * PAGE - 1, 0));
	close(fd);
}

/* What was stored behind the end of the last page never becomes content. */
static void tail_of_the_last_page(void)
{
	int fd = filled("f", 100);
	char *p = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	EQ(0, p[100]);
	memset(p + 100, 'T', PAGE - 100);
	OK(msync(p, PAGE, MS_SYNC));
	OK(munmap(p, PAGE));
	EQ(100, size_of("f"));
	OK(ftruncate(fd, PAGE));
	TRUE(filled_with(fd, 0, 100, 'x'));
	TRUE(filled_with(fd, 100, PAGE - 100, 0));
	close(fd);
}

static void protections(void)
{
	int fd = filled("f", PAGE), ro = OK(open("f", O_RDONLY)), wo = OK(open("f", O_WRONLY));
	char *p = map(ro, PAGE, PROT_READ, MAP_SHARED);

	EQ(SIGSEGV, touch(p, STORE));
	FAILS(EACCES, mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	FAILS(EACCES, (intptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0));
	FAILS(EACCES, (intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, wo, 0));
	FAILS(EACCES, (intptr_t)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, wo, 0));
	FAILS(EINVAL, (intptr_t)mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0));
	FAILS(EINVAL, (intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1));
	FAILS(EBADF, (intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, -1, 0));
	int dir = OK(open(".", O_RDONLY));

	FAILS(ENODEV, (intptr_t)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dir, 0));
	p = map(ro, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	EQ(0, touch(p, STORE));
	OK(munmap(p, PAGE));
	FAILS(ENOMEM, msync(p, PAGE, MS_SYNC));
	FAILS(EINVAL, msync(p, PAGE, MS_SYNC | MS_ASYNC));
	close(dir);
}

/* -- times --------------------------------------------------------------------------------- */

/* A store moves mtime and ctime by the next msync(2) at the latest. */
static void times(void)
{
	int fd = filled("f", PAGE);
	char *p = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct stat was, is;

	OK(fstat(fd, &was));
	pause_ms(TICK_MS);
	p[0] = 't';
	OK(msync(p, PAGE, MS_SYNC));
	OK(fstat(fd, &is));
	TRUE(is.st_mtim.tv_sec != was.st_mtim.tv_sec || is.st_mtim.tv_nsec != was.st_mtim.tv_nsec);
	TRUE(is.st_ctim.tv_sec != was.st_ctim.tv_sec || is.st_ctim.tv_nsec != was.st_ctim.tv_nsec);
	close(fd);
}

/* -- larger than a page ------------------------------------------------------------------------ */

#define LARGE	(6u << 20)

static void large_mapping(void)
{
	int fd = OK(open("f", O_CREAT | O_RDWR, 0644));
	unsigned wrong = 0;
	uint32_t *p;

	OK(ftruncate(fd, LARGE));
	p = (uint32_t *)(void *)map(fd, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (uint32_t i = 0; i < LARGE / 4; i++)
		p[i] = i * 2654435761u;
	OK(msync(p, LARGE, MS_SYNC));
	OK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	OK(madvise(p, LARGE, MADV_DONTNEED));
	for (uint32_t i = 0; i < LARGE / 4; i++)
		wrong += p[i] != i * 2654435761u;
	EQ(0, wrong);
	OK(munmap(p, LARGE));
	close(fd);
}

struct counter { int fd; _Atomic uint32_t *n; off_t at; };

static void count_up(int racer, void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < 1000; i++) {
		++*c->n;
		if (i % 100 == 0 && pwrite(c->fd, "w", 1, c->at + racer) != 1)
			OK(-1);
	}
}

/*
 * Several processes add to one word: nothing is lost between them and write(2) elsewhere, in
 * the same page even, unless the file is in direct mode (POSIX_DIRECT).
 */
static void shared_counter(void)
{
	const off_t at = getenv("POSIX_DIRECT") ? PAGE + 100 : 100;
	int fd = filled("f", 2 * PAGE);
	_Atomic uint32_t *n = (_Atomic uint32_t *)(void *)map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	uint32_t back = 0;

	*n = 0;
	posix_race(count_up, &(struct counter){ fd, n, at });
	EQ(RACERS * 1000, *n);
	EQ(4, pread(fd, &back, 4, 0));
	EQ(RACERS * 1000, back);
	TRUE(filled_with(fd, at, RACERS, 'w'));
	close(fd);
}

const struct posix_case posix_mmap[] = {
	{ "write_is_seen", write_is_seen },
	{ "store_is_seen", store_is_seen },
	{ "store_outlives_the_mapping", store_outlives_the_mapping },
	{ "two_mappings", two_mappings },
	{ "private_mapping", private_mapping },
	{ "hole", hole },
	{ "preallocated", preallocated },
	{ "own_buffer", own_buffer },
	{ "executing", executing },
	{ "beyond_the_end", beyond_the_end },
	{ "truncated_under_a_mapping", truncated_under_a_mapping },
	{ "punched_under_a_mapping", punched_under_a_mapping },
	{ "tail_of_the_last_page", tail_of_the_last_page },
	{ "protections", protections },
	{ "times", times },
	{ "large_mapping", large_mapping },
	{ "shared_counter", shared_counter },
	{ NULL, NULL },
};
