/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xchain.h -- chains of attribute blocks, read independently of the engine
 */
#ifndef CHECK_XCHAIN_H
#define CHECK_XCHAIN_H

#include "check/state.h"

struct xfault { uint64_t blk; const char *why; };

/**
 * xchain_walk - collect the blocks of a chain that is right in every respect
 * @out: they are appended, as RUN_META
 * Return: 0, 1 with *@f, or -ENOMEM.  c->stream holds the stream as far as it was legible.
 */
struct xchain { uint64_t ino, first; struct mrunvec *out; size_t bytes; };
int xchain_walk(struct check *c, struct xchain *x, struct xfault *f);

/* xchain_names - the names of the attributes in the stream of the last walk, for a message. */
void xchain_names(const struct check *c, const struct xchain *x, char *buf, size_t size);

#endif
