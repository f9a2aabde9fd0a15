/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c -- run the conformance cases in a directory of the filesystem under test
 *
 *	POSIX_DIR=DIRECTORY posix [THEME | THEME.CASE]...
 *	posix --list
 *	posix --wait			(the suite runs itself so)
 *
 * POSIX_RO_DIR, if set, is a directory of a filesystem that is mounted read-only; the
 * theme rofs says what must be in it.  Ends with "N assertions" and "N passed, N failed,
 * N skipped" (cases); exits 0, or 1 when something failed, or 2 when nothing could be run.
 *
 * What must hold, however a case ends: its processes are gone, and so is what
 * it left in the directory.
 */
#include "posix/report.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS	240	/* 65,000 links take a busy machine more than 60 */

static struct { unsigned passed, failed, skipped; } sum;

/* -- the directory of a case ------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

static void remove_tree(const char *dir)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == -1 && errno != ENOENT)
		fprintf(stderr, "cannot remove %s: %s\n", dir, strerror(errno));
}

/* -- one case ------------------------------------------------------------------------ */

/* Then a case counts as hung; POSIX_SECONDS is for machines that are slow. */
static unsigned case_seconds(void)
{
	const char *env = getenv("POSIX_SECONDS");
	unsigned long n = env ? strtoul(env, NULL, 10) : 0;

	return n && n <= INT_MAX ? (unsigned)n : CASE_SECONDS;
}

static _Noreturn void run_child(const struct posix_case *c, const char *dir)
{
	setpgid(0, 0);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	alarm(case_seconds());
	umask(0);
	if (mkdir(dir, 0755) || chdir(dir)) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		_exit(2);
	}
	c->run();
	posix_exit();
}

/* Its children, if it has left any, end with it. */
static int run_in(const struct posix_case *c, const char *dir)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(c, dir);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	kill(-pid, SIGKILL);
	return status;
}

static void conclude(const char *name, int status, unsigned long broken)
{
	if (WIFSIGNALED(status))
		printf("%s: ended by signal %d\n", name, WTERMSIG(status));
	if (status != 0 || broken) {
		printf("FAIL  %s\n", name);
		sum.failed++;
	} else if (posix_counters->skipped[0]) {
		printf("skip  %s: %s\n", name, posix_counters->skipped);
		sum.skipped++;
	} else {
		sum.passed++;
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_case(const char *name, const struct posix_case *c)
{
	unsigned long before = atomic_load(&posix_counters->broken);
	const char *why = posix_excepts(name);
	double start = seconds();
	char dir[128];
	int status = 0;

	posix_counters->skipped[0] = '\0';
	snprintf(dir, sizeof(dir), "%s", name);
	if (why) {
		snprintf(posix_counters->skipped, sizeof(posix_counters->skipped), "%s", why);
	} else {
		status = run_in(c, dir);
		remove_tree(dir);
	}
	conclude(name, status, atomic_load(&posix_counters->broken) - before);
	if (getenv("POSIX_TIMES"))
		printf("%6.2f s  %s\n", seconds() - start, name);
}

/* -- which cases ---------------------------------------------------------------------- */

static bool wanted(const char *theme, const char *name, char *const args[])
{
	if (!*args)
		return true;
	for (; *args; args++) {
		if (strcmp(*args, theme) == 0 || strcmp(*args, name) == 0)
			return true;
	}
	return false;
}

enum what { RUN, LIST };

static unsigned each_case(char *const args[], enum what what)
{
	unsigned nr = 0;

	for (const struct posix_theme *t = posix_themes; t->name; t++) {
		for (const struct posix_case *c = t->cases; c->name; c++) {
			char name[100];

			snprintf(name, sizeof(name), "%s.%s", t->name, c->name);
			if (!wanted(t->name, name, args))
				continue;
			nr++;
			if (what == RUN)
				run_case(name, c);
			else
				puts(name);
		}
	}
	return nr;
}

static int enter(const char *dir)
{
	if (!dir || chdir(dir)) {
		fprintf(stderr, "POSIX_DIR must be a directory of the filesystem under test\n");
		return -1;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "only root can become the users of the tests\n");
		return -1;
	}
	printf("filesystem: %s\n", posix_except_init("."));
	posix_counters = posix_shared(sizeof(*posix_counters));
	return 0;
}

/* What open.running_text runs: says so, and waits. */
static int wait_to_be_ended(void)
{
	puts("waiting");
	fflush(stdout);
	sleep(case_seconds());
	return 0;
}

int main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return each_case(argv + 2, LIST) ? 0 : 2;
	if (argc == 2 && strcmp(argv[1], "--wait") == 0)
		return wait_to_be_ended();
	if (enter(getenv("POSIX_DIR")))
		return 2;
	if (!each_case(argv + 1, RUN)) {
		fprintf(stderr, "no such theme or case; see posix --list\n");
		return 2;
	}
	printf("%lu assertions\n", atomic_load(&posix_counters->assertions));
	printf("%u passed, %u failed, %u skipped\n", sum.passed, sum.failed, sum.skipped);
	return sum.failed ? 1 : 0;
}
