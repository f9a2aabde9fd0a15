// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mend.c -- inodes of which something is wrong
 */
#include "check/claim.h"
#include "check/scan.h"
#include "check/slot.h"

int mend_suspects(struct check *c)
{
	for (size_t i = 0; i < c->suspect.nr; i++) {
		uint64_t ino = c->suspect.v[i];
		const struct dinode *di = slot_at(c, ino);
		const char *why = "map or attributes are damaged";
		enum slot_kind kind = slot_judge(c, di, ino, &why);

		(void)problem(c, kind == SLOT_BAD ? PR_INODE_BAD : PR_INODE_DAMAGED,
			      &(struct pctx){ .ino = ino, .text = why });
		if (kind != SLOT_BAD && scan_note(c, di, ino))
			return -1;
		c->state[ino] |= kind == SLOT_BAD ? 0 : INO_DAMAGED;
	}
	return 0;
}
