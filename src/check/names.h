/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * names.h -- directories and what their entries name
 */
#ifndef CHECK_NAMES_H
#define CHECK_NAMES_H

#include "check/state.h"

/**
 * names_remove - take the entry that names @child out of directory @dir
 * Return: 0, -ENOENT, -ENOMEM.
 */
int names_remove(struct check *c, uint64_t dir, uint64_t child);

/* names_find - the inode that a name of a directory stands for, 0 = none. */
uint64_t names_find(struct check *c, uint64_t dir, const char *name);

/**
 * names_insert - a new entry where there is room in the blocks of @dir
 * @hint: first block of the directory to look at; moves on
 * Return: 0, -ENOSPC (no block has room), -ENOMEM.
 */
struct dirblock_new;
int names_insert(struct check *c, uint64_t dir, const struct dirblock_new *n, uint64_t *hint);

/* names_load - remember the names that directory @dir has now, in c->names.  0 or -ENOMEM. */
int names_load(struct check *c, uint64_t dir);
/* names_known - was the name among those? */
bool names_known(struct check *c, const char *name);

#endif
