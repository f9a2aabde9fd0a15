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

/* -- the frame of a test ------------------------------------------------------------------ */

#define KF_SIZE MIB(24)

/* Populated and mounted when a test of kf_case() begins. */
extern struct cf kf;

/* kf_case - of tests on it, each of which lasts 240 seconds at most. */
TCase *kf_case(const char *name);

/* kf_look - a file in a directory below the root; a reference or NULL. */
struct inode *kf_look(const char *dir, const char *name);
bool kf_there(const char *dir, const char *name);
/* kf_slot_at - its slot on media. */
struct dinode *kf_slot_at(const char *dir, const char *name);
/* kf_block - a block of the media. */
void *kf_block(uint64_t pblk);

/* kf_fill_up - the file "ballast" takes all that is free. */
void kf_fill_up(void);

/* kf_claim - a file's slot says that block @blk is its content, and all of it. */
void kf_claim(struct dinode *di, uint64_t blk);

/* kf_record - the record of a name on media, and its block; @dir "/" is the root. */
struct ddirent *kf_record(const char *dir, const char *name, struct ddirblk **blk);
void kf_seal_record(struct ddirblk *blk, struct ddirent *e);

/*
 * kf_live_log - the media after a power cut at the end of making "during" in the root: all of it is there, and a
 * log that takes it back; @rec is CF_RECORD and mounted.
 */
struct region *kf_live_log(struct cf *rec);

/* kf_intact - a file that no test damages is what it was. */
void kf_intact(void);
/* kf_repaired - kf_repairs(), which must have said @message; mounted again, and kf_intact(). */
void kf_repaired(const char *message);

#endif
