// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * image.c -- filesystem images to damage
 *
 * Made through the engine: all types of files, maps of two levels, chains of
 * attributes, directories of several blocks with names come and gone, hard
 * links, files without a name.  Then walked twice: through the engine for what
 * must be left of it, and on media for what each block is for.
 */
#include "fsck/image.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "check/check.h"
#include "core/acl.h"
#include "core/dir.h"
#include "core/file.h"
#include "core/space.h"
#include "core/xattr.h"
#include "disk/disk.h"
#include "disk/extmap.h"
#include "disk/super.h"
#include "disk/xattrblk.h"
#include "harness/acl.h"
#include "pm/record.h"
#include "pm/region.h"

#define BUF	(1u << 20)

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz: %s failed\n", what);
	abort();
}

/* -- making ---------------------------------------------------------------------------- */

static void put(struct inode *ip)
{
	inode_put(ip, 1);
}

static void fill(struct inode *ip, struct rng *r, uint64_t off, size_t len)
{
	static uint8_t buf[65536];

	for (size_t i = 0; i < len; i += 8) {
		uint64_t v = rng_next(r);

		memcpy(buf + i, &v, 8);
	}
	rig_write(ip, buf, len, off);
}

static void set_xattr(struct inode *ip, struct rng *r, unsigned nr, size_t size)
{
	static uint8_t value[65536];
	char name[32];

	for (size_t i = 0; i < size; i++)
		value[i] = (uint8_t)rng_next(r);
	snprintf(name, sizeof(name), "user.attribute%u", nr);
	struct xattr_set_req rq = { .name = name, .value = value, .size = size };

	must(xattr_set(ip, &rq) == 0, "xattr_set");
}

/* What the mode says, and more. */
static void set_acl(struct inode *ip, const char *name)
{
	static const uint8_t acl[] = {
		ACL_FORM, ACL_FOR_OWNER(6), ACL_FOR_USER(5, 4), ACL_FOR_OWN_GROUP(4), ACL_FOR_MASK(4), ACL_FOR_OTHERS(4),
	};
	struct xattr_set_req rq = { .name = name, .value = acl, .size = sizeof(acl) };

	must(xattr_set(ip, &rq) == 0, "setting an ACL");
}

static void make_special(struct inode *dir)
{
	static char target[300];
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = target, .cred = rig_root };
	struct inode *ip;

	memset(target, 't', sizeof(target) - 1);
	must(namei_create(dir, rig_name("long-link"), &rq, &ip) == 0, "symlink");
	put(ip);
	put(rig_make(dir, "short-link", S_IFLNK | 0777));
	put(rig_make(dir, "fifo", S_IFIFO | 0600));
	put(rig_make(dir, "socket", S_IFSOCK | 0600));
	rq = (struct create_req){ .mode = S_IFBLK | 0660, .rdev = 0x801, .cred = rig_root };
	must(namei_create(dir, rig_name("disk"), &rq, &ip) == 0, "mknod");
	put(ip);
}

/* Every other block: as many extents as blocks. */
static void make_sparse(struct inode *dir, const char *name, struct rng *r, unsigned blocks)
{
	struct inode *ip = rig_make(dir, name, S_IFREG | 0644);

	for (unsigned i = 0; i < blocks; i++)
		fill(ip, r, (uint64_t)i * 8192, 64);
	must(space_fallocate(ip, 0, (uint64_t)blocks * 8192, 20000) == 0, "fallocate");
	put(ip);
}

static void make_files(struct inode *dir, struct rng *r, unsigned nr)
{
	char name[200];

	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "file-%u-%.*s", i, (int)rng_below(r, 90),
			 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm");
		struct inode *ip = rig_make(dir, name, S_IFREG | 0644);

		if (!rng_one_in(r, 4))
			fill(ip, r, rng_below(r, 5000), 8 + rng_below(r, 2500) * 8);
		if (rng_one_in(r, 8))
			set_xattr(ip, r, 0, rng_below(r, 200));
		if (rng_one_in(r, 8))
			set_acl(ip, ACL_ACCESS_NAME);
		put(ip);
		if (rng_one_in(r, 3))
			must(rig_unlink(dir, name) == 0, "unlink");
	}
}

static void make_tree(struct inode *root, struct rng *r)
{
	struct inode *a = rig_make(root, "a", S_IFDIR | 0755), *b = rig_make(a, "b", S_IFDIR | 0750);
	struct inode *c = rig_make(b, "c", S_IFDIR | 0700), *big = rig_make(root, "big", S_IFDIR | 0755);
	struct inode *x = rig_make(b, "attrs", S_IFREG | 0600);

	make_special(a);
	make_files(root, r, 20);
	make_files(c, r, 30);
	make_files(big, r, 150);
	make_sparse(b, "two-levels", r, 260);
	make_sparse(b, "three-levels", r, 1600);
	for (unsigned i = 0; i < 4; i++)
		set_xattr(x, r, i, 3000 + rng_below(r, 3000));
	must(namei_link(x, c, rig_name("hard")) == 0, "link");
	must(namei_link(x, root, rig_name("hard")) == 0, "link");
	set_xattr(a, r, 9, 5000);
	set_acl(b, ACL_ACCESS_NAME);
	set_acl(b, ACL_DEFAULT_NAME);
	put(x);
	put(big);
	put(c);
	put(b);
	put(a);
}

/* Open when the process is killed: an orphan with blocks, one without, a directory. */
static void make_orphans(struct inode *root, struct rng *r)
{
	struct inode *f = rig_make(root, "orphan", S_IFREG | 0644), *d = rig_make(root, "gone", S_IFDIR | 0755);
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = rig_root };
	struct inode *t;

	fill(f, r, 0, 30000);
	must(rig_unlink(root, "orphan") == 0, "unlink");
	must(namei_rmdir(root, rig_name("gone"), &rig_root) == 0, "rmdir");
	must(namei_tmpfile(root, &rq, &t) == 0, "tmpfile");
	(void)d;
}

/* Files of one block. */
static void make_small(struct inode *dir, struct rng *r, unsigned nr)
{
	char name[16];

	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "small%u", i);
		struct inode *ip = rig_make(dir, name, S_IFREG | 0644);

		fill(ip, r, 0, 8);
		put(ip);
	}
}

/* Takes what is free but for a few blocks, and those are not in one piece. */
static void fill_up(struct inode *root, uint64_t size, struct rng *r)
{
	struct inode *ip = rig_make(root, "ballast", S_IFREG | 0644);
	unsigned spare = (unsigned)rng_below(r, 5);
	struct iattr a;
	char name[16];

	make_small(root, r, 10);

	for (uint64_t len = size; len >= DAXFS_BLOCK_SIZE; len /= 2)
		while (attr_get(ip, &a), !space_fallocate(ip, 0, a.size, len))
			;
	for (unsigned i = 0; i < spare; i++) {
		snprintf(name, sizeof(name), "small%u", 2 * i);
		must(rig_unlink(root, name) == 0, "unlink");
	}
	put(ip);
}

/* -- what must be left --------------------------------------------------------------------- */

uint64_t image_hash_content(struct inode *ip, const struct iattr *a)
{
	static uint8_t buf[BUF];
	uint64_t hash = 1;

	if (S_ISLNK(a->mode)) {
		int n = namei_readlink(ip, (char *)buf, sizeof(buf));

		return n < 0 ? 0 : name_hash(hash, buf, (size_t)n);
	}
	for (uint64_t off = 0; S_ISREG(a->mode) && off < a->size; off += BUF) {
		ssize_t n = file_read(ip, buf, BUF, off);

		if (n <= 0)
			return 0;
		hash = name_hash(hash, buf, (size_t)n);
	}
	return hash;
}

uint64_t image_hash_xattrs(struct inode *ip)
{
	static char list[65536], value[65536];
	ssize_t n = xattr_list(ip, list, sizeof(list)), k;
	uint64_t hash = 1;

	if (n < 0)
		return 0;
	for (char *p = list; p < list + n; p += strlen(p) + 1) {
		k = xattr_get(ip, p, value, sizeof(value));
		if (k < 0)
			return 0;
		hash = name_hash(name_hash(hash, p, strlen(p)), value, (size_t)k);
	}
	return hash;
}

static unsigned add_known(struct image *im, unsigned parent, struct name name, struct inode *ip)
{
	struct known *k;

	if (im->nr_files == im->cap_files) {
		im->cap_files = im->cap_files ? 2 * im->cap_files : 64;
		im->file = realloc(im->file, im->cap_files * sizeof(*im->file));
		must(im->file, "realloc");
	}
	k = &im->file[im->nr_files];
	*k = (struct known){ .ino = ip->ino, .parent = parent };
	memcpy(k->name, name.s, name.len);
	attr_get(ip, &k->a);
	k->content = image_hash_content(ip, &k->a);
	k->xattrs = image_hash_xattrs(ip);
	must(k->content && k->xattrs, "reading the image");
	return im->nr_files++;
}

struct names { char (*name)[256]; unsigned nr, cap; };

static int collect(void *arg, const struct dir_entry *e)
{
	struct names *v = arg;

	if (e->name.s[0] == '.' && (e->name.len == 1 || (e->name.len == 2 && e->name.s[1] == '.')))
		return 0;
	if (v->nr == v->cap) {
		v->cap = v->cap ? 2 * v->cap : 64;
		v->name = realloc(v->name, v->cap * sizeof(*v->name));
		must(v->name, "realloc");
	}
	memcpy(v->name[v->nr], e->name.s, e->name.len);
	v->name[v->nr++][e->name.len] = '\0';
	return 0;
}

static void learn(struct image *im, unsigned self, struct inode *dir)
{
	struct names v = { 0 };

	must(dir_read(dir, 0, collect, &v) == 0, "dir_read");
	for (unsigned i = 0; i < v.nr; i++) {
		struct inode *ip = rig_look(dir, v.name[i]);
		unsigned k = add_known(im, self, rig_name(v.name[i]), ip);

		if (inode_is_dir(ip))
			learn(im, k, ip);
		put(ip);
	}
	free(v.name);
}

/* -- what each block is for ------------------------------------------------------------------ */

struct mark { struct image *im; uint64_t ino; enum block_use use; };

static void mark_run(struct image *im, uint64_t blk, uint64_t n, struct block_info info)
{
	for (uint64_t i = 0; i < n; i++)
		im->block[blk + i] = info;
}

static int mark_extent(void *arg, const struct extent *e)
{
	const struct mark *m = arg;

	for (uint64_t i = 0; i < e->len; i++) {
		uint64_t ino = m->use == USE_SLOTS ? (e->lblk.v + i) * DAXFS_INODES_PER_BLOCK : m->ino;

		m->im->block[e->pblk.v + i] = (struct block_info){ m->use, ino };
	}
	return 0;
}

static int mark_node(void *arg, pblk_t b)
{
	const struct mark *m = arg;

	m->im->block[b.v] = (struct block_info){ USE_NODE, m->ino };
	return 0;
}

static void mark_map(struct image *im, const struct disk *d, struct dinode *di, struct mark m)
{
	struct extmap map = { .disk = d, .root = &di->map, .ino = m.ino };
	struct extmap_visitor v = { mark_extent, mark_node, &m };

	m.im = im;
	must(extmap_walk(&map, &v) == 0, "extmap_walk");
}

static void mark_inode(struct image *im, const struct disk *d, struct dinode *di, uint64_t ino)
{
	uint32_t mode = le32_get(di->mode);
	pblk_t x = { le64_get(di->xattr) };
	struct runvec rv;

	if (!(le32_get(di->flags) & DAXFS_INODE_INLINE_LINK))
		mark_map(im, d, di, (struct mark){ .ino = ino, .use = S_ISDIR(mode) ? USE_DIR : USE_DATA });
	runvec_init(&rv);
	must(xattrblk_blocks(d, ino, x, &rv) == 0, "xattrblk_blocks");
	for (size_t i = 0; i < rv.nr; i++)
		mark_run(im, rv.v[i].pblk.v, rv.v[i].n, (struct block_info){ USE_XATTR, ino });
	runvec_fini(&rv);
}

static void mark_blocks(struct image *im, struct region *rg)
{
	struct dsuper *sb = (void *)rg->base;
	struct disk d = { .rg = rg, .nr_blocks = le64_get(sb->nr_blocks), .super = sb };
	pblk_t snap;
	uint64_t bytes, n;

	d.copy = (void *)(rg->base + ((d.nr_blocks - 1) << DAXFS_BLOCK_SHIFT));
	memcpy(d.uuid, sb->uuid, sizeof(d.uuid));
	im->block = calloc(d.nr_blocks, sizeof(*im->block));
	must(im->block, "calloc");
	im->block[0].use = im->block[d.nr_blocks - 1].use = USE_SUPER;
	mark_run(im, le64_get(sb->journal), (uint64_t)le32_get(sb->nr_lanes) * le32_get(sb->lane_blocks),
		 (struct block_info){ USE_LANE, 0 });
	mark_map(im, &d, &sb->ifile, (struct mark){ .use = USE_SLOTS });
	im->nr_slots = ifile_nr(&d);
	for (uint64_t ino = 1; ino < im->nr_slots; ino++) {
		struct dinode *di;

		must(ifile_map(&d, ino, &di, &n) == 0, "ifile_map");
		if (!dinode_unused(di))
			mark_inode(im, &d, di, ino);
	}
	if (super_state(&d) == DAXFS_STATE_CLEAN && super_snap(&d, &snap, &bytes) == 1)
		mark_run(im, snap.v, (bytes + DAXFS_BLOCK_SIZE - 1) / DAXFS_BLOCK_SIZE,
			 (struct block_info){ USE_SNAP, 0 });
}

/* -- all of it ---------------------------------------------------------------------------------- */

void image_load(const struct image *im, struct region *rg)
{
	memcpy(rg->base, im->bytes, im->size);
}

/* The bytes at the first moment at which a log is live. */
static void cut_power(struct image *im, struct rig *g)
{
	const struct check_opts o = { .mode = CHECK_NO };
	struct check_result res = { 0 };
	struct region *rg;

	must(region_open_ram(&rg, im->size) == 0, "region_open_ram");
	record_start(g->rg);
	put(rig_make(g->root, "during", S_IFREG | 0644));
	for (size_t i = 0; !res.undone; i++) {
		must(i < record_nr(g->rg), "finding a live log");
		record_image(g->rg, i, REC_ALL, 0, im->bytes);
		image_load(im, rg);
		must(check_region(rg, &o, &res) == 0 && !res.exit, "checking a live log");
	}
	rig_free(g);
	*g = (struct rig){ .rg = rg };
}

static void end_image(struct image *im, struct rig *g, enum image_end end, struct rng *r)
{
	if (end == IMAGE_LIVE) {
		cut_power(im, g);
		return;
	}
	if (end == IMAGE_FULL)
		fill_up(g->root, im->size, r);
	if (end == IMAGE_KILLED) {
		make_orphans(g->root, r);
		rig_kill(g);
	} else {
		rig_close(g);
	}
	memcpy(im->bytes, g->rg->base, im->size);
	mark_blocks(im, g->rg);
}

void image_make(struct image *im, uint64_t size, enum image_end end, uint64_t seed)
{
	struct rig g;
	struct rng r;

	*im = (struct image){ .size = size, .end = end, .bytes = malloc(size) };
	must(im->bytes, "malloc");
	rng_init(&r, seed);
	rig_new(&g, size, end == IMAGE_LIVE ? RIG_RECORD : RIG_RAM);
	make_tree(g.root, &r);
	end_image(im, &g, end, &r);
	rig_mount(&g, 0);
	if (end == IMAGE_LIVE)		/* walked as recovery leaves it */
		mark_blocks(im, g.rg);
	add_known(im, 0, rig_name("/"), g.root);
	learn(im, 0, g.root);
	rig_free(&g);
}

void image_free(struct image *im)
{
	free(im->bytes);
	free(im->block);
	free(im->file);
}
