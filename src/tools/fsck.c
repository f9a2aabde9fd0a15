/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fsck.c -- fsck.daxfs: check a daxfs filesystem, and repair it
 *
 * Opens the device, hands it to check_region() and prints what that says.  A
 * signal before the first write ends the process there and then: nothing has
 * been changed.  Later it waits until all repairs are on media.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "check/check.h"
#include "config.h"
#include "daxfs/format.h"
#include "pm/region.h"
#include "tools/target.h"

enum { EXIT_OPERATIONAL = 8, EXIT_USAGE = 16, EXIT_CANCELLED = 32 };

#define BAR_AFTER_NS	UINT64_C(2000000000)
#define BAR_EVERY_NS	UINT64_C(100000000)
#define BAR_WIDTH	50
#define WAIT_MS		2000	/* for a daemon that is just ending */

struct fsck {
	struct check_opts co;
	const char *device;
	FILE	*out;		/* -C: lines for another program; NULL: none */
	bool	 bar, bar_asked;	/* a bar may be shown; at once */
	bool	 shown;		/* a bar is on the terminal now */
	uint64_t start, last;	/* ns */
};

static volatile sig_atomic_t writing, cancelled;

static const char usage[] =
	"Usage: fsck.daxfs [-n|-p|-y] [-f] [-v] [-C FD] DEVICE\n"
	"Check a daxfs filesystem that is not mounted, and repair it.\n"
	"\n"
	"  -n, --no           only look: answer no to every question\n"
	"  -p, --preen        repair what loses nothing, stop at anything else\n"
	"  -a                 the same as -p\n"
	"  -y, --yes          answer yes to every question\n"
	"  -f, --force        accepted; every check is a full one\n"
	"  -v, --verbose      print statistics at the end\n"
	"  -C, --progress=FD  write progress to this descriptor; 0 shows a bar\n"
	"  -h, --help         print this and exit\n"
	"  -V, --version      print the version and exit\n"
	"\n"
	"Exit status: 0 no errors, 1 errors corrected, 4 errors left, 8 could not be done,\n"
	"16 usage, 32 cancelled.\n";

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* -- the command line ------------------------------------------------------ */

static int set_mode(struct fsck *f, enum check_mode mode)
{
	if (f->co.mode != CHECK_ASK && f->co.mode != mode) {
		log_error("only one of -n, -p and -y can be given");
		return -EINVAL;
	}
	f->co.mode = mode;
	return 0;
}

static int set_progress(struct fsck *f, const char *arg)
{
	char *end;
	long fd = strtol(arg, &end, 10);

	if (*end || end == arg || fd < 0 || fd > INT32_MAX) {
		log_error("\"%s\" is not a file descriptor", arg);
		return -EINVAL;
	}
	if (fd == 0) {
		f->bar = f->bar_asked = true;
		return 0;
	}
	f->out = fdopen((int)fd, "w");
	if (!f->out) {
		log_error("descriptor %ld: %s", fd, strerror(errno));
		return -EINVAL;
	}
	return 0;
}

/* 0 to go on, 1 when all has been said, or an error. */
static int take_option(struct fsck *f, int opt)
{
	switch (opt) {
	case 'n': return set_mode(f, CHECK_NO);
	case 'a':
	case 'p': return set_mode(f, CHECK_PREEN);
	case 'y': return set_mode(f, CHECK_YES);
	case 'f': return 0;
	case 'v': f->co.verbose = true; return 0;
	case 'C': return set_progress(f, optarg);
	case 'h': fputs(usage, stdout); return 1;
	case 'V': printf("fsck.daxfs (daxfs) %s\n", PACKAGE_VERSION); return 1;
	default: return -EINVAL;	/* getopt has said why */
	}
}

static int parse(struct fsck *f, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "no", no_argument, NULL, 'n' },
		{ "preen", no_argument, NULL, 'p' },
		{ "yes", no_argument, NULL, 'y' },
		{ "force", no_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "progress", required_argument, NULL, 'C' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int opt, res = 0;

	while (!res && (opt = getopt_long(argc, argv, "napyfvC:hV", longopts, NULL)) != -1)
		res = take_option(f, opt);
	if (res)
		return res;
	if (argc - optind != 1) {
		log_error("%s; try \"fsck.daxfs --help\"",
			  optind == argc ? "no device given" : "more than one device given");
		return -EINVAL;
	}
	f->device = argv[optind];
	return 0;
}

/* -- progress -------------------------------------------------------------- */

static void clear_bar(struct fsck *f)
{
	if (!f->shown)
		return;
	printf("\r%*s\r", BAR_WIDTH + 24, "");
	f->shown = false;
}

static void show_bar(struct fsck *f, unsigned phase, uint64_t done, uint64_t total)
{
	double part = total ? (double)done / (double)total : 0;
	double all = ((double)phase + (part > 1 ? 1 : part)) / CHECK_PHASES;
	int n = (int)(all * BAR_WIDTH);

	printf("\r|%.*s%*s| %5.1f%%", n, "==================================================", BAR_WIDTH - n, "",
	       all * 100);
	fflush(stdout);
	f->shown = true;
}

static void on_progress(void *arg, unsigned phase, uint64_t done, uint64_t total)
{
	struct fsck *f = arg;
	uint64_t now = now_ns();

	if (phase == CHECK_PHASE_WRITE)
		writing = 1;
	if (now - f->last < BAR_EVERY_NS && done)
		return;
	f->last = now;
	if (f->out) {
		fprintf(f->out, "%u %" PRIu64 " %" PRIu64 " %s\n", phase + 1, done, total, f->device);
		fflush(f->out);
	}
	if (f->bar && (f->bar_asked || now - f->start > BAR_AFTER_NS))
		show_bar(f, phase, done, total);
}

/* -- what the check says, and asks ----------------------------------------- */

static void on_say(void *arg, const char *line)
{
	struct fsck *f = arg;

	clear_bar(f);
	if (f->co.mode == CHECK_PREEN)
		printf("%s: ", f->device);
	puts(line);
}

/* The first character of a line, all of which is read; EOF. */
static int read_answer(void)
{
	int first = getchar();

	for (int ch = first; ch != '\n' && ch != EOF; )
		ch = getchar();
	return first;
}

/* "a" is yes to this and all that follow; Enter alone is the capital letter. */
static bool on_ask(void *arg, const char *question, unsigned flags)
{
	bool loses = flags & CHECK_ASK_LOSES;
	struct fsck *f = arg;

	clear_bar(f);
	for (;;) {
		printf("%s <%s> ", question, loses ? "y/N/a" : "Y/n/a");
		fflush(stdout);
		switch (read_answer()) {
		case 'a': f->co.mode = CHECK_YES; return true;
		case 'y': return true;
		case '\n': return !loses;
		case 'n':
		case EOF: return false;
		default: break;
		}
	}
}

static void on_signal(int sig)
{
	static const char msg[] = "\nfsck.daxfs: cancelled; nothing has been written\n";

	(void)sig;
	cancelled = 1;
	if (writing)
		return;
	ssize_t ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)ignored;
	_exit(EXIT_CANCELLED);
}

static void catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* -- the work -------------------------------------------------------------- */

static int check_device(const struct fsck *f)
{
	char where[256];
	struct stat st;

	if (stat(f->device, &st)) {
		region_open_failed(f->device, -errno);
		return -EINVAL;
	}
	if (target_mounted(f->device, where, sizeof(where)) == 1) {
		log_error("%s is mounted on %s; unmount it first", f->device, where);
		return -EBUSY;
	}
	if (f->co.mode == CHECK_ASK && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
		log_error("there is no terminal to ask questions on: use -n, -p or -y");
		return -EINVAL;
	}
	return 0;
}

static void print_result(const struct fsck *f, const struct check_result *r)
{
	uint64_t could = r->inodes + (r->blocks - r->blocks_used) * DAXFS_INODES_PER_BLOCK;
	const char *state = r->left ? "ERRORS ARE LEFT" : r->fixed ? "errors corrected" : "clean";

	printf("%s: %s, %" PRIu64 "/%" PRIu64 " inodes, %" PRIu64 "/%" PRIu64 " blocks\n", f->device, state,
	       r->inodes, could, r->blocks_used, r->blocks);
}

static unsigned run(struct fsck *f)
{
	const struct region_opts ro = {
		.path = f->device, .wait_ms = WAIT_MS, .flags = f->co.mode == CHECK_NO ? REGION_RDONLY : 0,
	};
	struct check_result res;
	struct region *rg;
	int err;

	if (check_device(f) || region_open(&rg, &ro))
		return EXIT_OPERATIONAL;
	f->start = now_ns();
	catch_signals();
	err = check_region(rg, &f->co, &res);
	clear_bar(f);
	if (!err)
		print_result(f, &res);
	region_close(rg);
	return res.exit | (cancelled ? EXIT_CANCELLED : 0);
}

int main(int argc, char **argv)
{
	struct fsck f = { .co = { .mode = CHECK_ASK, .say = on_say, .ask = on_ask, .progress = on_progress },
			  .bar = isatty(STDOUT_FILENO) };
	int res;

	log_init("fsck.daxfs", LOG_TO_STDERR);
	f.co.arg = &f;
	res = parse(&f, argc, argv);
	if (res)
		return res == 1 ? EXIT_SUCCESS : EXIT_USAGE;
	return (int)run(&f);
}
