/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verify.h -- what must hold of media after a power cut
 */
#ifndef CRASH_VERIFY_H
#define CRASH_VERIFY_H

#include "crash/tree.h"
#include "pm/region.h"

/* What may have happened: names and attributes are those of one tree of lo..hi. */
struct expect { const struct tree *tree; unsigned lo, hi; bool lenient; };

/* lenient: bytes may come without names and attributes, because step hi leaves them to fsync or changes nothing else. */

struct finding {
	unsigned matched;	/* the tree that names and attributes are those of */
	bool old_content, new_content;	/* all bytes are those of tree lo, of tree hi */
	bool repaired;		/* recovery had transactions to undo or orphans to end */
	char why[512];		/* what is wrong */
};

/*
 * verify_media - mount and compare
 * @rg: holds the image; written to
 * @thorough: check it with the second reader first; work in every directory
 *            afterwards, delete everything, count the blocks that are free then,
 *            unmount and check again
 * Return: whether all is right.
 */
bool verify_media(struct region *rg, const struct expect *e, bool thorough, struct finding *f);

/* verify_quiet - keep the engine's complaints for finding.why instead of stderr. */
void verify_quiet(void);

#endif
