// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * fuzz.c -- random damage to metadata, repaired
 *
 *	fuzz [--seed N] [--rounds N] [--round N] [--verbose]
 *
 * Each round damages a copy of a busy filesystem, repairs it, and then asks: is
 * another check content, does the engine mount it, is every file intact none of
 * whose own metadata was hit, is it still where it was if no directory above it
 * was?  Half of the rounds put the checksum right after the damage, so that
 * what is wrong can only be seen in the structure.  Every third round answers
 * questions at random before: is no question asked again that was refused, does
 * another check find something exactly when something was left, was nothing
 * written when all answers were no?  A round follows from the seed and its number
 * alone.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc.h"
#include "base/log.h"
#include "check/check.h"
#include "disk/disk.h"
#include "fsck/image.h"
#include "pm/region.h"

#define SIZE	(16 * MIB)
#define BYTES_MAX	64
#define REFUSED_MAX	4096

struct args { uint64_t seed, rounds, only; bool one, verbose; };

/* Answers to questions: how many in ten are yes; those that were no. */
struct answers { unsigned yes; char *refused[REFUSED_MAX]; unsigned nr; bool again; struct check_opts o; };

struct fuzz {
	const struct args *a;
	struct image image[IMAGE_ENDS];
	const struct image *im;
	struct region *rg;
	struct rng r;
	bool *hit;		/* by ino: slot, node, attributes, directory blocks */
	bool primary, copy;	/* superblocks that were hit */
	bool names_hit;		/* some directory was */
	uint64_t round;
	struct answers an;
};

/* -- damage ------------------------------------------------------------------------------ */

static void note_slots(struct fuzz *f, uint64_t first, unsigned off, unsigned len)
{
	for (unsigned i = off / DAXFS_INODE_SIZE; i <= (off + len - 1) / DAXFS_INODE_SIZE; i++)
		f->hit[first + i] = true;
}

static void note(struct fuzz *f, uint64_t blk, unsigned off, unsigned len)
{
	const struct block_info *b = &f->im->block[blk];

	if (b->use == USE_SUPER && blk == 0)
		f->primary = true;
	else if (b->use == USE_SUPER)
		f->copy = true;
	else if (b->use == USE_SLOTS)
		note_slots(f, b->ino, off, len);
	else if (b->use == USE_LANE)	/* what it would roll back, if there is anything */
		f->hit[DAXFS_ROOT_INO] |= f->im == &f->image[IMAGE_LIVE];
	else if (b->use == USE_NODE || b->use == USE_XATTR || b->use == USE_DIR)
		f->hit[b->ino] = true;
}

/* Most of the inode file is empty: slots that are, or were, in use are preferred. */
static bool worth_it(struct fuzz *f, uint64_t blk, enum block_use use)
{
	const struct block_info *b = &f->im->block[blk];

	if (b->use != use)
		return false;
	return use != USE_SLOTS || f->im->bytes[blk << DAXFS_BLOCK_SHIFT] || rng_one_in(&f->r, 400);
}

/* First what kind of block, since there are many more of some than of others. */
static uint64_t pick_block(struct fuzz *f)
{
	static const enum block_use uses[] = {
		USE_SUPER, USE_LANE, USE_SLOTS, USE_SLOTS, USE_SLOTS, USE_NODE, USE_XATTR, USE_DIR, USE_DIR, USE_SNAP,
	};
	enum block_use use = uses[rng_below(&f->r, sizeof(uses) / sizeof(uses[0]))];
	uint64_t nr = f->im->size >> DAXFS_BLOCK_SHIFT, first = rng_below(&f->r, nr);

	for (uint64_t i = 0; i < 3 * nr; i++)
		if (worth_it(f, (first + i) % nr, use))
			return (first + i) % nr;
	return 0;		/* no snapshot: the superblock */
}

static unsigned pick_offset(struct fuzz *f, const struct block_info *b)
{
	if (b->use == USE_SUPER)
		return (unsigned)rng_below(&f->r, 1024);
	if (b->use == USE_LANE || (b->use != USE_SLOTS && rng_one_in(&f->r, 3)))
		return (unsigned)rng_below(&f->r, 128);
	return (unsigned)rng_below(&f->r, DAXFS_BLOCK_SIZE);
}

static void scribble(struct fuzz *f, uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		p[i] = rng_one_in(&f->r, 3) ? (uint8_t)rng_below(&f->r, 4) : (uint8_t)rng_next(&f->r);
}

/* -- damage that the checksum does not show --------------------------------------------------- */

static uint64_t small_or_any(struct fuzz *f)
{
	uint64_t v = rng_next(&f->r);

	switch (rng_below(&f->r, 4)) {
	case 0: return v % 8;
	case 1: return v % (f->im->size >> DAXFS_BLOCK_SHIFT);
	case 2: return v % f->im->nr_slots;
	default: return v;
	}
}

static void reseal_slot(struct fuzz *f, uint64_t blk, unsigned i)
{
	struct dinode *di = (struct dinode *)(void *)(f->rg->base + (blk << DAXFS_BLOCK_SHIFT)) + i;
	uint8_t *field = (uint8_t *)di + 20 + 4 * rng_below(&f->r, 59);
	uint64_t v = small_or_any(f);

	if (!le64_get(di->ino))
		return;
	memcpy(field, &v, (size_t)(field - (uint8_t *)di) <= sizeof(*di) - 8 ? 8 : 4);
	di->csum = le32_make(block_csum(di, sizeof(*di), offsetof(struct dinode, csum)));
	note_slots(f, f->im->block[blk].ino, i * (unsigned)sizeof(*di), 1);
}

static void reseal_block(struct fuzz *f, uint64_t blk, size_t csum_off)
{
	uint8_t *p = f->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	unsigned off = 8 + 8 * (unsigned)rng_below(&f->r, rng_one_in(&f->r, 2) ? 20 : 510);
	uint64_t v = small_or_any(f);
	le32 csum;

	memcpy(p + off, &v, 8);
	csum = le32_make(block_csum(p, DAXFS_BLOCK_SIZE, csum_off));
	memcpy(p + csum_off, &csum, sizeof(csum));
	note(f, blk, off, 8);
}

static uint32_t record_csum(uint64_t blk, unsigned off, const struct ddirent *e)
{
	struct { le64 self; le32 off, zero; struct ddirent head; } in = {
		.self = le64_make(blk), .off = le32_make(off), .head = *e,
	};

	in.head.csum = le32_make(0);
	return crc32c(crc32c(0, &in, sizeof(in)), e->name, e->name_len);
}

/* Offset of a record; the block may have been damaged before. */
static unsigned pick_record(struct fuzz *f, const uint8_t *b)
{
	unsigned off = sizeof(struct ddirblk), skip = (unsigned)rng_below(&f->r, 60), len;

	for (; skip; skip--, off += len) {
		len = le16_get(((const struct ddirent *)(const void *)(b + off))->rec_len);
		if (len < DAXFS_DIRENT_MIN || len % 8 || off + len + DAXFS_DIRENT_MIN > DAXFS_BLOCK_SIZE)
			break;
	}
	return off;
}

/* A record gets another inode, type, length or name. */
static void reseal_record(struct fuzz *f, uint64_t blk)
{
	uint8_t *b = f->rg->base + (blk << DAXFS_BLOCK_SHIFT);
	unsigned off = pick_record(f, b);
	struct ddirent *e = (void *)(b + off);

	switch (rng_below(&f->r, 6)) {
	case 0: e->ino = le64_make(small_or_any(f)); break;
	case 1: e->ino = le64_make(f->im->file[rng_below(&f->r, f->im->nr_files)].ino); break;
	case 2: e->type = (uint8_t)rng_below(&f->r, 16); break;
	case 3: e->rec_len = le16_make((uint16_t)(8 * rng_below(&f->r, 40))); break;
	case 4: e->name_len = (uint8_t)rng_below(&f->r, e->name_len + 2u); break;
	default: e->name[0] = "./abf"[rng_below(&f->r, 5)]; break;
	}
	if (off + sizeof(*e) + e->name_len <= DAXFS_BLOCK_SIZE)
		e->csum = le32_make(record_csum(blk, off, e));
	note(f, blk, off, 1);
}

/* Both roots of the inode file, which have the same content at all times. */
static void reseal_roots(struct fuzz *f)
{
	struct dsuper *sb = (void *)f->rg->base;
	struct dsuper *copy = (void *)(f->rg->base + f->im->size - DAXFS_BLOCK_SIZE);
	unsigned off = 20 + 4 * (unsigned)rng_below(&f->r, 59);
	uint32_t v = (uint32_t)small_or_any(f);

	memcpy((uint8_t *)&sb->ifile + off, &v, sizeof(v));
	sb->ifile.csum = le32_make(block_csum(&sb->ifile, sizeof(sb->ifile), offsetof(struct dinode, csum)));
	if (rng_one_in(&f->r, 2))
		copy->ifile = sb->ifile;
}

static void damage_sealed(struct fuzz *f)
{
	uint64_t blk = pick_block(f);

	switch (f->im->block[blk].use) {
	case USE_SLOTS: reseal_slot(f, blk, (unsigned)rng_below(&f->r, DAXFS_INODES_PER_BLOCK)); break;
	case USE_NODE:
	case USE_XATTR: reseal_block(f, blk, 4); break;
	case USE_DIR: reseal_record(f, blk); break;
	case USE_SUPER: reseal_roots(f); break;
	default: break;
	}
}

static void damage_bytes(struct fuzz *f)
{
	uint64_t blk = pick_block(f);
	unsigned off = pick_offset(f, &f->im->block[blk]), len = 1 + (unsigned)rng_below(&f->r, BYTES_MAX);

	if (off + len > DAXFS_BLOCK_SIZE)
		len = (unsigned)DAXFS_BLOCK_SIZE - off;
	scribble(f, f->rg->base + (blk << DAXFS_BLOCK_SHIFT) + off, len);
	note(f, blk, off, len);
}

static void damage(struct fuzz *f)
{
	unsigned n = rng_one_in(&f->r, 3) ? 1 + (unsigned)rng_below(&f->r, 12) : 1;

	for (unsigned i = 0; i < n; i++) {
		if (rng_one_in(&f->r, 2))
			damage_sealed(f);
		else
			damage_bytes(f);
	}
	for (unsigned i = 0; i < f->im->nr_files; i++)
		f->names_hit |= f->hit[f->im->file[i].ino] && S_ISDIR(f->im->file[i].a.mode);
}

/* -- what must hold afterwards --------------------------------------------------------------------- */

static int fail(const struct fuzz *f, const char *what, uint64_t n)
{
	printf("round %" PRIu64 ": %s %" PRIu64 "; repeat with --seed %" PRIu64 " --round %" PRIu64 " --verbose\n",
	       f->round, what, n, f->a->seed, f->round);
	return -1;
}

static void say(void *arg, const char *line)
{
	const struct fuzz *f = arg;

	if (f->a->verbose)
		printf("  %s\n", line);
}

static int check(struct fuzz *f, enum check_mode mode, struct check_result *res)
{
	const struct check_opts o = { .mode = mode, .say = say, .arg = f };

	if (f->a->verbose)
		printf(" check, mode %d\n", mode);
	return check_region(f->rg, &o, res);
}

static bool same_attrs(const struct iattr *a, const struct iattr *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
	       a->blocks == b->blocks && a->mtime == b->mtime && a->ctime == b->ctime && a->btime == b->btime &&
	       a->flags == b->flags && a->gen == b->gen;
}

static int verify_intact(struct fuzz *f, struct fs *fs, const struct known *k)
{
	struct inode *ip;
	struct iattr a;
	int ret = 0;

	if (inode_get(fs, k->ino, &ip))
		return fail(f, "lost inode", k->ino);
	attr_get(ip, &a);
	if (!S_ISDIR(a.mode) && (!same_attrs(&a, &k->a) || (!f->names_hit && a.nlink != k->a.nlink)))
		ret = fail(f, "other attributes: inode", k->ino);
	else if (image_hash_content(ip, &a) != k->content)
		ret = fail(f, "other content: inode", k->ino);
	else if (image_hash_xattrs(ip) != k->xattrs)
		ret = fail(f, "other extended attributes: inode", k->ino);
	inode_put(ip, 1);
	return ret;
}

/* Nothing on the way from the root was hit. */
static bool way_intact(const struct fuzz *f, const struct known *k)
{
	while (k != f->im->file) {
		if (f->hit[k->ino])
			return false;
		k = &f->im->file[k->parent];
	}
	return !f->hit[k->ino];
}

static int verify_name(struct fuzz *f, struct fs *fs, const struct known *k)
{
	struct inode *dir, *ip = NULL;
	uint64_t parent = f->im->file[k->parent].ino;
	int err;

	if (k == f->im->file)
		return 0;
	if (inode_get(fs, parent, &dir))
		return fail(f, "lost directory", parent);
	err = namei_lookup(dir, rig_name(k->name), &ip);
	inode_put(dir, 1);
	if (err || ip->ino != k->ino)
		err = fail(f, "lost its name: inode", k->ino);
	if (ip)
		inode_put(ip, 1);
	return err;
}

static int verify_files(struct fuzz *f, struct fs *fs)
{
	for (unsigned i = 0; i < f->im->nr_files; i++) {
		const struct known *k = &f->im->file[i];

		if (!f->hit[k->ino] && verify_intact(f, fs, k))
			return -1;
		if (way_intact(f, k) && verify_name(f, fs, k))
			return -1;
	}
	return 0;
}

static int verify_mounted(struct fuzz *f)
{
	const struct fs_opts o = { .region = f->rg };
	struct fs *fs;
	int err = fs_open(&fs, &o), close_err;

	if (err)
		return fail(f, "does not mount, error", (uint64_t)-err);
	err = verify_files(f, fs);
	close_err = fs_close(fs);
	if (!err && close_err)
		err = fail(f, "does not unmount, error", (uint64_t)-close_err);
	return err;
}

static int look_only(struct fuzz *f, bool must_be_clean, const char *when)
{
	struct check_result res;
	int err = check(f, CHECK_NO, &res);

	if (err)
		return fail(f, "check failed, error", (uint64_t)-err);
	if (must_be_clean && res.exit)
		return fail(f, when, res.found);
	return 0;
}

static int writes_nothing(struct fuzz *f)
{
	uint8_t *before = malloc(f->im->size);
	struct check_result res;
	int differs;

	if (!before)
		abort();
	memcpy(before, f->rg->base, f->im->size);
	(void)check(f, CHECK_NO, &res);
	differs = memcmp(before, f->rg->base, f->im->size);
	free(before);
	return differs ? fail(f, "looking has changed the device:", 0) : 0;
}

/* -- answers ------------------------------------------------------------------------------------------- */

static bool on_ask(void *arg, const char *question, unsigned flags)
{
	struct fuzz *f = arg;
	struct answers *an = &f->an;
	bool yes = rng_below(&f->r, 10) < an->yes;

	(void)flags;
	for (unsigned i = 0; i < an->nr; i++)
		an->again |= !strcmp(an->refused[i], question);
	if (yes && rng_one_in(&f->r, 30))
		an->o.mode = CHECK_YES;		/* to all that follow */
	if (!yes && an->nr < REFUSED_MAX)
		an->refused[an->nr++] = strdup(question);
	if (f->a->verbose)
		printf("  %s %s\n", question, yes ? "yes" : "no");
	return yes;
}

static int judge_answers(struct fuzz *f, const struct check_result *res, bool written)
{
	struct check_result after;

	if (f->an.again)
		return fail(f, "asked again what was refused, of questions", f->an.nr);
	if (res->found != res->fixed + res->left)
		return fail(f, "the numbers do not go together: found", res->found);
	if (written && !res->fixed)
		return fail(f, "wrote without an agreement, left", res->left);
	if (check(f, CHECK_NO, &after))
		return fail(f, "no check after answers, found", res->found);
	if (!after.found != !res->left)
		return fail(f, res->left ? "nothing to find, though left" : "found, though nothing was left",
			    res->left + after.found);
	return 0;
}

/* The damage is repaired in part; what is left must be repairable still. */
static int answer(struct fuzz *f)
{
	static const unsigned yes[] = { 0, 3, 7, 9 };
	uint8_t *before = malloc(f->im->size);
	struct check_result res;
	int err, ret = 0;

	if (!before)
		abort();
	memcpy(before, f->rg->base, f->im->size);
	f->an = (struct answers){ .yes = yes[rng_below(&f->r, 4)] };
	f->an.o = (struct check_opts){ .mode = CHECK_ASK, .ask = on_ask, .say = say, .arg = f };
	if (f->a->verbose)
		printf(" check, with answers\n");
	err = check_region(f->rg, &f->an.o, &res);
	if (!err)
		ret = judge_answers(f, &res, memcmp(before, f->rg->base, f->im->size) != 0);
	else if (err != -EUCLEAN || !f->primary || !f->copy)
		ret = fail(f, "asking failed, error", (uint64_t)-err);
	while (f->an.nr)
		free(f->an.refused[--f->an.nr]);
	free(before);
	return ret;
}

static int verify_answered(struct fuzz *f)
{
	struct check_result res;
	int err = answer(f);

	if (err)
		return err;
	err = check(f, CHECK_YES, &res);
	if (err == -EUCLEAN && f->primary && f->copy)
		return 0;
	if (err || res.left)
		return fail(f, "cannot be repaired after answers, left", err ? (uint64_t)-err : res.left);
	return look_only(f, true, "findings after the repair:");
}

static int verify(struct fuzz *f)
{
	struct check_result res;
	int err;

	if (f->round % 8 == 0 && writes_nothing(f))
		return -1;
	err = check(f, CHECK_YES, &res);
	if (err == -EUCLEAN && f->primary && f->copy)
		return 0;
	if (err)
		return fail(f, "repair failed, error", (uint64_t)-err);
	if (res.left)
		return fail(f, "findings left:", res.left);
	err = look_only(f, true, "findings after the repair:");
	if (!err)
		err = verify_mounted(f);
	return err ? err : look_only(f, true, "findings after a mount:");
}

static int run_round(struct fuzz *f, uint64_t round)
{
	f->round = round;
	f->im = &f->image[round % IMAGE_ENDS];
	f->primary = f->copy = f->names_hit = false;
	memset(f->hit, 0, f->im->nr_slots * sizeof(*f->hit));
	rng_init(&f->r, f->a->seed * UINT64_C(1000003) + round);
	image_load(f->im, f->rg);
	damage(f);
	return round / IMAGE_ENDS % 3 == 2 ? verify_answered(f) : verify(f);
}

/* -- the program ----------------------------------------------------------------------------------------- */

static void no_log(enum log_level level, const char *msg, void *arg)
{
	const struct args *a = arg;

	(void)level;
	if (a->verbose)
		printf("  log: %s\n", msg);
}

static int parse(struct args *a, int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "seed", required_argument, NULL, 's' }, { "rounds", required_argument, NULL, 'n' },
		{ "round", required_argument, NULL, 'r' }, { "verbose", no_argument, NULL, 'v' }, { 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "s:n:r:v", longopts, NULL)) != -1) {
		switch (opt) {
		case 's': a->seed = strtoull(optarg, NULL, 0); break;
		case 'n': a->rounds = strtoull(optarg, NULL, 0); break;
		case 'r': a->only = strtoull(optarg, NULL, 0); a->one = true; break;
		case 'v': a->verbose = true; break;
		default: return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct args a = { .seed = 1, .rounds = 200 };
	struct fuzz f = { .a = &a };
	uint64_t failed = 0, passed = 0;

	if (parse(&a, argc, argv)) {
		fprintf(stderr, "usage: fuzz [--seed N] [--rounds N] [--round N] [--verbose]\n");
		return 2;
	}
	log_set_sink(no_log, &a);
	for (unsigned i = 0; i < IMAGE_ENDS; i++)
		image_make(&f.image[i], SIZE, (enum image_end)i, a.seed + i);
	f.hit = calloc(SIZE / DAXFS_INODE_SIZE, sizeof(*f.hit));
	if (!f.hit || region_open_ram(&f.rg, SIZE))
		abort();
	for (uint64_t i = a.one ? a.only : 0; i < (a.one ? a.only + 1 : a.rounds); i++) {
		if (run_round(&f, i))
			failed++;
		else
			passed++;
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
	for (unsigned i = 0; i < IMAGE_ENDS; i++)
		image_free(&f.image[i]);
	free(f.hit);
	region_close(f.rg);
	return failed != 0;
}
