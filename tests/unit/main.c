/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c -- runs every unit test suite
 *
 *	unit [SUITE...]		all, or those named
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define SUITES(X)								\
	X(base_crc) X(base_list) X(base_log) X(base_radix) X(base_radix_model)	\
	X(base_pool) X(base_rcu) X(base_size)					\
	X(pm_guard) X(pm_missing) X(pm_record) X(pm_region)			\
	X(disk_dinode) X(disk_dirblk) X(disk_extmap) X(disk_snap)		\
	X(disk_super) X(disk_txn) X(disk_xattr)					\
	X(check_acl) X(check_answers) X(check_clean) X(check_names) X(check_owners) X(check_repair)	\
	X(core_acl) X(core_ialloc) X(core_mount) X(core_names) X(core_pin) X(core_prealloc)	\
	X(core_recent) X(core_space) X(core_sync) X(core_write) X(core_xattr)	\
	X(format) X(fuse_cpus) X(fuse_options) X(fuse_stay)

#define DECLARE(name) Suite *suite_##name(void);
SUITES(DECLARE)

struct entry { const char *name; Suite *(*make)(void); };

#define ENTRY(name) { #name, suite_##name },
static const struct entry all[] = { SUITES(ENTRY) };

#define NR_SUITES (sizeof(all) / sizeof(all[0]))

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	SRunner *sr = srunner_create(NULL);
	int failed;

	log_init("unit", LOG_TO_STDERR);
	for (size_t i = 0; i < NR_SUITES; i++)
		if (wanted(all[i].name, argc, argv))
			srunner_add_suite(sr, all[i].make());
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
