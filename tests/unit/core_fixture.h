/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_fixture.h -- a mounted filesystem in memory, and short names for what
 * tests do to it
 *
 * What has no return value here must succeed; what returns int is what the
 * engine said.
 */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/attr.h"
#include "core/fs.h"
#include "core/inode.h"
#include "core/namei.h"
#include "disk_fixture.h"	/* must(), quiet(), rng() */

#define KIB(n)	(UINT64_C(1024) * (n))
#define MIB(n)	(UINT64_C(1048576) * (n))
#define CF_BLOCK DAXFS_BLOCK_SIZE

/* cf_case - of tests that each begin with @setup, end with @teardown and last 60 seconds at most. */
TCase *cf_case(const char *name, void (*setup)(void), void (*teardown)(void));

struct cf { struct region *rg; struct fs *fs; struct inode *root; };

enum cf_kind { CF_RAM, CF_RECORD };

extern const struct cred cf_root;

/* cf_new - format and mount; the region is full of 0xa5 before, so that stale media shows. */
void cf_new(struct cf *c, uint64_t size, enum cf_kind kind);
/* cf_free - unmount if mounted, give the region back. */
void cf_free(struct cf *c);
/* cf_close, cf_kill - clean unmount; as a killed process leaves it. */
void cf_close(struct cf *c);
void cf_kill(struct cf *c);
/* cf_try_mount - what fs_open() returns; FS_* flags. */
int cf_try_mount(struct cf *c, unsigned flags);
void cf_mount(struct cf *c, unsigned flags);
void cf_remount(struct cf *c);		/* close, mount */
void cf_crash(struct cf *c);		/* kill, mount */
/* cf_image - a region that holds the @size bytes at @bytes, mounted. */
void cf_image(struct cf *c, const uint8_t *bytes, uint64_t size);

/* cf_bfree - free blocks, once freed ones have left limbo. */
uint64_t cf_bfree(const struct cf *c);
uint64_t cf_chunks(const struct cf *c);
struct fs_stat cf_statfs(const struct cf *c);

struct name cf_name(const char *s);
/* cf_make - create; a reference. */
struct inode *cf_make(struct inode *dir, const char *name, mode_t mode);
struct inode *cf_file(struct inode *dir, const char *name);
struct inode *cf_dir(struct inode *dir, const char *name);
/* cf_look - a reference, or NULL when there is none. */
struct inode *cf_look(struct inode *dir, const char *name);
/* put - give a reference back. */
static inline void put(struct inode *ip) { inode_put(ip, 1); }
bool cf_exists(struct inode *dir, const char *name);
int cf_unlink(struct inode *dir, const char *name);
int cf_rmdir(struct inode *dir, const char *name);
/* cf_mv - within one directory. */
int cf_mv(struct inode *dir, const char *src, const char *dst, unsigned flags);

struct iattr cf_stat(struct inode *ip);
uint32_t cf_nlink(struct inode *ip);
int cf_truncate(struct inode *ip, uint64_t size);
/* cf_write - all of it. */
void cf_write(struct inode *ip, const void *buf, size_t len, uint64_t off);
/* cf_fill - @len bytes of @byte. */
void cf_fill(struct inode *ip, uint64_t off, uint64_t len, int byte);
/* cf_is - [@off, @off + @len) reads as @byte throughout. */
bool cf_is(struct inode *ip, uint64_t off, uint64_t len, int byte);
/* cf_media - where a byte of a file lies on media; NULL in a hole. */
uint8_t *cf_media(struct inode *ip, uint64_t off);
unsigned cf_extents(struct inode *ip);

#endif
