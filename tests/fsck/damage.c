/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * damage.c -- damaged images, and what fsck.daxfs makes of them
 *
 *	damage [-v] [PART-OF-A-NAME]
 *
 * What must hold, for each case of the tables recipes_*.c: -n finds exactly what
 * the table says and writes nothing; -p and -y end as it says; where they have
 * repaired, another -n finds nothing, the engine mounts it, everything that was
 * not damaged is what it was, and files can be made, written, renamed and
 * unlinked.  And: every field of the format has a case.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "run.h"

static const struct recipes *const all[] = {
	&recipes_super, &recipes_inode, &recipes_map, &recipes_dir, &recipes_xattr, &recipes_journal, &recipes_snap,
};

#define NR_TABLES	(sizeof(all) / sizeof(all[0]))

static unsigned passed, failed;

static void tally(bool good, const char *name)
{
	printf("%s  %s\n", good ? "ok  " : "FAIL", name);
	passed += good;
	failed += !good;
}

static void run_table(const struct recipes *t, const char *part, bool verbose)
{
	for (size_t i = 0; i < t->nr; i++)
		if (strstr(t->v[i].name, part))
			tally(run_case(&t->v[i], verbose), t->v[i].name);
}

/* A name that is there twice could not be asked for. */
static bool names_differ(void)
{
	bool good = true;

	for (size_t t = 0; t < NR_TABLES; t++)
		for (size_t i = 0; i < all[t]->nr; i++)
			for (size_t k = i + 1; k < all[t]->nr; k++)
				if (!strcmp(all[t]->v[i].name, all[t]->v[k].name)) {
					printf("      twice: %s\n", all[t]->v[i].name);
					good = false;
				}
	return good;
}

static void drop(enum log_level level, const char *msg, void *arg)
{
	(void)level;
	(void)msg;
	(void)arg;
}

/* A lane that has never been used is other than one that has: the images use one, as one CPU does. */
static void stay_on_this_cpu(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here)) {
		perror("damage: sched_setaffinity");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");
	const char *part = argc > 1 + verbose ? argv[1 + verbose] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_sink(drop, NULL);
	stay_on_this_cpu();
	run_init();
	for (size_t t = 0; t < NR_TABLES; t++)
		run_table(all[t], part, verbose);
	run_fini();
	if (!*part) {
		tally(names_differ(), "every case has a name of its own");
		tally(coverage_findings(run_seen()) == 0, "every finding that the checker knows has a case");
		tally(coverage_check(all, NR_TABLES) == 0, "every field of the format has its cases");
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
