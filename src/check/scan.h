/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scan.h -- one inode after the other
 */
#ifndef CHECK_SCAN_H
#define CHECK_SCAN_H

#include "check/state.h"

/**
 * scan_runs - all runs of an inode that is right: nodes, extents, attribute blocks
 * @out: emptied first
 * Return: 0, 1 (something is wrong with it), -ENOMEM.
 */
int scan_runs(struct check *c, const struct dinode *di, uint64_t ino, struct mrunvec *out);

/* scan_note - enter an inode into what later phases know: state, link count, directories.  0 or -ENOMEM. */
int scan_note(struct check *c, const struct dinode *di, uint64_t ino);

/* scan_blocks - blocks of these runs. */
uint64_t scan_blocks(const struct mrunvec *v);

/* scan_tiled - do the extents follow each other from block 0 on, all written?  Then *@blocks of them. */
bool scan_tiled(const struct mrunvec *v, uint64_t *blocks);

/* ifile_open - find the inode file: c->ifile, c->nr_slots (ifilemap.c).  0, -ENOMEM, -ECANCELED, -EUCLEAN. */
int ifile_open(struct check *c);

/* ifile_grow - more slots, when all are in use.  0, -ENOSPC, -ENOMEM. */
int ifile_grow(struct check *c);

#endif
