/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check_fixture.h -- running the checker on a core fixture's region
 */
#ifndef TESTS_UNIT_CHECK_FIXTURE_H
#define TESTS_UNIT_CHECK_FIXTURE_H

#include "check/check.h"
#include "core_fixture.h"

/* What was said last, all lines of one run. */
extern char kf_said[65536];

/* kf_check - run; the answer must be 0. */
struct check_result kf_check(struct region *rg, enum check_mode mode);
/* kf_exit - the exit status of a run. */
unsigned kf_exit(struct region *rg, enum check_mode mode);
/* kf_repairs - looking finds something and writes nothing, -y repairs it, then nothing is found. */
void kf_repairs(struct region *rg);
/* kf_said_that - was there a line with this text? */
bool kf_said_that(const char *text);

/* kf_populate - one of everything; see check_fixture.c. */
void kf_populate(struct inode *root);

/* kf_slot - the slot of a path below the root, on media; the filesystem is mounted. */
struct dinode *kf_slot(struct inode *dir, const char *name);
void kf_seal(struct dinode *di);

#endif
