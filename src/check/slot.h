/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * slot.h -- one slot of the inode file, judged by itself
 */
#ifndef CHECK_SLOT_H
#define CHECK_SLOT_H

#include "check/state.h"

#define SLOT_MODE_BITS	0177777u	/* type and permissions; others mean nothing */

enum slot_kind {
	SLOT_UNUSED,		/* all zero */
	SLOT_FREE,
	SLOT_LIVE,		/* attributes and root of the map are right */
	SLOT_FREE_DAMAGED,	/* free, but not as it should be */
	SLOT_SUSPECT,		/* damaged, with plausible content */
	SLOT_BAD,		/* nothing in it is plausible */
};

/* slot_judge - what a slot is; @why says what is wrong with the last three kinds. */
enum slot_kind slot_judge(const struct check *c, const struct dinode *di, uint64_t ino, const char **why);

/* slot_has_map - does an inode of these attributes have an extent map? */
bool slot_has_map(const struct dinode *di);

/* slot_holds_link - is there a target of the right length where the root of a map would say that it is empty? */
bool slot_holds_link(const struct dinode *di);

/* slot_seal - put the checksum in. */
void slot_seal(struct dinode *di);

/* slot_sealed - are magic and checksum those of an inode? */
bool slot_sealed(const struct dinode *di);

/* slot_at - the slot on media, or in its private copy; ino 0 is the root in the superblock. */
const struct dinode *slot_at(const struct check *c, uint64_t ino);

/* slot_put - replace a slot.  0 or -ENOMEM. */
int slot_put(struct check *c, uint64_t ino, const struct dinode *di);

/* slot_clear - the inode becomes free, with @gen as its last life. */
void slot_clear(struct dinode *di, uint64_t ino, uint32_t gen);

/* slot_type - DT_* of a mode. */
static inline unsigned slot_type(uint32_t mode) { return (mode & 0170000) >> 12; }

#endif
