/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rig.h -- a filesystem in memory for tests, and short names for what they do
 *
 * Everything here ends the process with a message when it fails: what is being
 * tested is called directly.
 */
#ifndef HARNESS_RIG_H
#define HARNESS_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/namei.h"

#define KIB	UINT64_C(1024)
#define MIB	(UINT64_C(1) << 20)
#define GIB	(UINT64_C(1) << 30)

struct rig { struct region *rg; struct fs *fs; struct inode *root; };

enum rig_kind { RIG_RAM, RIG_RECORD };

extern const struct cred rig_root;

/* rig_new - a formatted and mounted filesystem; RAM is filled with rubbish first. */
void rig_new(struct rig *g, uint64_t size, enum rig_kind kind);
/* rig_on - format @rg and mount it. */
void rig_on(struct rig *g, struct region *rg);
/* rig_free - unmount cleanly and give the memory back. */
void rig_free(struct rig *g);
/* rig_close - unmount. */
void rig_close(struct rig *g);
/* rig_kill - as a killed process leaves it. */
void rig_kill(struct rig *g);
/* rig_mount - after either, with FS_* flags. */
void rig_mount(struct rig *g, unsigned flags);
uint64_t rig_bfree(const struct rig *g);

struct name rig_name(const char *s);
/* rig_make - create; a reference. */
struct inode *rig_make(struct inode *dir, const char *name, mode_t mode);
/* rig_look - look up; a reference, NULL when there is none. */
struct inode *rig_look(struct inode *dir, const char *name);
int rig_unlink(struct inode *dir, const char *name);
int rig_rename(struct inode *dir, const char *src, const char *dst, unsigned flags);
struct iattr rig_stat(struct inode *ip);
/* rig_write - all of it, or the end of the process. */
void rig_write(struct inode *ip, const void *buf, size_t len, uint64_t off);
int rig_truncate(struct inode *ip, uint64_t size);
unsigned rig_count_extents(struct inode *ip);

/* now_ns - CLOCK_MONOTONIC. */
uint64_t now_ns(void);

#endif
