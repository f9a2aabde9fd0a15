/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_fixture.c -- a mounted filesystem in memory, for tests
 */
#include "core_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/instance.h"
#include "core/pin.h"
#include "core/space.h"
#include "pm/record.h"
#include "pm/region.h"

const struct cred cf_root = { .flags = CRED_PRIVILEGED };

TCase *cf_case(const char *name, void (*setup)(void), void (*teardown)(void))
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	return tc;
}

/* -- the filesystem ---------------------------------------------------------- */

static void open_region(struct cf *c, uint64_t size, enum cf_kind kind)
{
	*c = (struct cf){ 0 };
	quiet();
	must((kind == CF_RECORD ? region_open_record(&c->rg, size) : region_open_ram(&c->rg, size)) == 0);
}

void cf_new(struct cf *c, uint64_t size, enum cf_kind kind)
{
	struct fs_format_opts o = { .label = "test" };
	struct fs_format_result res;

	open_region(c, size, kind);
	memset(c->rg->base, 0xa5, c->rg->size);
	o.region = c->rg;
	must(fs_format(&o, &res) == 0);
	cf_mount(c, 0);
}

int cf_try_mount(struct cf *c, unsigned flags)
{
	struct fs_opts o = { .region = c->rg, .flags = flags };
	int err = fs_open(&c->fs, &o);

	if (err) {
		c->fs = NULL;
		return err;
	}
	must(inode_get(c->fs, DAXFS_ROOT_INO, &c->root) == 0);
	return 0;
}

void cf_mount(struct cf *c, unsigned flags)
{
	must(cf_try_mount(c, flags) == 0);
}

void cf_close(struct cf *c)
{
	inode_put(c->root, 1);
	must(fs_close(c->fs) == 0);
	c->fs = NULL;
}

void cf_kill(struct cf *c)
{
	fs_abandon(c->fs);
	c->fs = NULL;
}

void cf_remount(struct cf *c)
{
	cf_close(c);
	cf_mount(c, 0);
}

void cf_crash(struct cf *c)
{
	cf_kill(c);
	cf_mount(c, 0);
}

void cf_free(struct cf *c)
{
	if (c->fs)
		(void)fs_close(c->fs);
	region_close(c->rg);
	*c = (struct cf){ 0 };
}

void cf_image(struct cf *c, const uint8_t *bytes, uint64_t size)
{
	open_region(c, size, CF_RAM);
	memcpy(c->rg->base, bytes, size);
	cf_mount(c, 0);
}

struct fs_stat cf_statfs(const struct cf *c)
{
	struct fs_stat st;

	limbo_drain(c->fs, 5000);
	fs_statfs(c->fs, &st);
	return st;
}

uint64_t cf_bfree(const struct cf *c)
{
	return cf_statfs(c).bfree;
}

uint64_t cf_chunks(const struct cf *c)
{
	return cf_statfs(c).free_chunks;
}

/* -- names ------------------------------------------------------------------- */

struct name cf_name(const char *s)
{
	return (struct name){ s, (unsigned)strlen(s) };
}

struct inode *cf_make(struct inode *dir, const char *name, mode_t mode)
{
	struct create_req rq = { .mode = mode, .cred = cf_root };
	struct inode *ip = NULL;

	must(namei_create(dir, cf_name(name), &rq, &ip) == 0);
	return ip;
}

struct inode *cf_file(struct inode *dir, const char *name)
{
	return cf_make(dir, name, S_IFREG | 0644);
}

struct inode *cf_dir(struct inode *dir, const char *name)
{
	return cf_make(dir, name, S_IFDIR | 0755);
}

struct inode *cf_look(struct inode *dir, const char *name)
{
	struct inode *ip;
	int err = namei_lookup(dir, cf_name(name), &ip);

	must(err == 0 || err == -ENOENT);
	return err ? NULL : ip;
}

bool cf_exists(struct inode *dir, const char *name)
{
	struct inode *ip = cf_look(dir, name);

	if (ip)
		put(ip);
	return ip != NULL;
}

int cf_unlink(struct inode *dir, const char *name)
{
	return namei_unlink(dir, cf_name(name), &cf_root);
}

int cf_rmdir(struct inode *dir, const char *name)
{
	return namei_rmdir(dir, cf_name(name), &cf_root);
}

int cf_mv(struct inode *dir, const char *src, const char *dst, unsigned flags)
{
	struct rename_req rq = {
		.src_dir = dir, .dst_dir = dir, .src = cf_name(src), .dst = cf_name(dst),
		.flags = flags, .cred = cf_root,
	};

	return namei_rename(&rq);
}

/* -- files ------------------------------------------------------------------- */

struct iattr cf_stat(struct inode *ip)
{
	struct iattr a;

	attr_get(ip, &a);
	return a;
}

uint32_t cf_nlink(struct inode *ip)
{
	return cf_stat(ip).nlink;
}

int cf_truncate(struct inode *ip, uint64_t size)
{
	struct iattr a = { .size = size };

	return attr_set(ip, &a, ATTR_SET_SIZE);
}

void cf_write(struct inode *ip, const void *buf, size_t len, uint64_t off)
{
	must(file_write(ip, buf, len, off, 0) == (ssize_t)len);
}

void cf_fill(struct inode *ip, uint64_t off, uint64_t len, int byte)
{
	uint8_t *buf = malloc(len);

	must(buf);
	memset(buf, byte, len);
	cf_write(ip, buf, len, off);
	free(buf);
}

static bool all_are(const uint8_t *buf, size_t n, int byte)
{
	for (size_t i = 0; i < n; i++)
		if (buf[i] != (uint8_t)byte)
			return false;
	return true;
}

bool cf_is(struct inode *ip, uint64_t off, uint64_t len, int byte)
{
	uint8_t *buf = malloc(len ? len : 1);
	bool ok;

	must(buf);
	ok = file_read(ip, buf, len, off) == (ssize_t)len && all_are(buf, len, byte);
	free(buf);
	return ok;
}

uint8_t *cf_media(struct inode *ip, uint64_t off)
{
	uint64_t lblk = off / CF_BLOCK;
	struct extent ext;

	if (space_extent(ip, (lblk_t){ lblk }, &ext) != 1 || ext.lblk.v > lblk)
		return NULL;
	return (uint8_t *)disk_ptr(&ip->fs->disk, pblk_add(ext.pblk, lblk - ext.lblk.v)) + off % CF_BLOCK;
}

unsigned cf_extents(struct inode *ip)
{
	lblk_t at = { 0 };
	struct extent ext;
	unsigned n = 0;

	for (; space_extent(ip, at, &ext) == 1; n++)
		at = lblk_add(ext.lblk, ext.len);
	return n;
}
