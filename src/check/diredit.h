/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * diredit.h -- a directory's blocks in order, and its entries found and changed
 */
#ifndef CHECK_DIREDIT_H
#define CHECK_DIREDIT_H

#include "check/dirblock.h"
#include "check/state.h"

/**
 * diredit_each - the blocks of a directory, one after the other
 * @from: owner, and lblk of the first block that is of interest
 * @fn:   not 0 ends the walk; it leaves c->runs alone
 *
 * A map that is damaged, and stays so, is followed up to the damage.
 *
 * Return: 0, what @fn returned, or -ENOMEM.
 */
typedef int (*diredit_fn)(struct check *c, void *arg, const struct dirblock_id *id);
int diredit_each(struct check *c, struct dirblock_id from, diredit_fn fn, void *arg);

/* A name, to look for in a set of places of records. */
struct dirname { const struct check *c; const char *s; size_t len; };

/* dirname_key - what nameset_add() and nameset_has() ask for; @n stays valid as long as it is in use. */
struct nameset_key dirname_key(struct dirname *n, uint64_t blk, unsigned off);

/* diredit_erase - the record becomes free.  0 or -ENOMEM. */
int diredit_erase(struct check *c, uint64_t blk, unsigned off);

/**
 * diredit_remove - take the entry that names @child out of directory @dir
 * Return: 0, -ENOENT, -ENOMEM.
 */
int diredit_remove(struct check *c, uint64_t dir, uint64_t child);

/* diredit_find - the inode that a name of a directory stands for, 0 = none. */
uint64_t diredit_find(struct check *c, uint64_t dir, const char *name);

/**
 * diredit_insert - a new entry where there is room in the blocks of @dir
 * @hint: first block of the directory to look at; moves on
 * Return: 0, -ENOSPC (no block has room), -ENOMEM.
 */
int diredit_insert(struct check *c, uint64_t dir, const struct dirblock_new *n, uint64_t *hint);

/* diredit_load - remember the names that directory @dir has now, in c->names.  0 or -ENOMEM. */
int diredit_load(struct check *c, uint64_t dir);
/* diredit_known - was the name among those? */
bool diredit_known(struct check *c, const char *name);

#endif
