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

#include "base/log.h"
#include "check/check.h"
#include "fsck/image.h"
#include "fsck/wreck.h"
#include "pm/region.h"

#define SIZE	(16 * MIB)
#define REFUSED_MAX	4096

struct args { uint64_t seed, rounds, only; bool one, verbose; };

/* Answers to questions: how many in ten are yes; those that were no. */
struct answers { unsigned yes; char *refused[REFUSED_MAX]; unsigned nr; bool again; struct check_opts o; };

struct fuzz {
	const struct args *a;
	struct image image[IMAGE_ENDS];
	struct wreck w;
	bool names_hit;		/* some directory was hit */
	bool no_space;		/* for a copy, or whatever else a repair needs */
	uint64_t round;
	struct answers an;
};

/* -- damage ------------------------------------------------------------------------------ */

static void damage(struct fuzz *f)
{
	wreck(&f->w);
	for (unsigned i = 0; i < f->w.im->nr_files; i++)
		f->names_hit |= f->w.hit[f->w.im->file[i].ino] && S_ISDIR(f->w.im->file[i].a.mode);
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
	struct fuzz *f = arg;

	f->no_space |= strstr(line, "no space") != NULL;
	if (f->a->verbose)
		printf("  %s\n", line);
}

static int check(struct fuzz *f, enum check_mode mode, struct check_result *res)
{
	const struct check_opts o = { .mode = mode, .say = say, .arg = f };

	if (f->a->verbose)
		printf(" check, mode %d\n", mode);
	return check_region(f->w.rg, &o, res);
}

/* There may be no room for what a repair needs. */
static bool full(const struct fuzz *f)
{
	return f->w.im->end == IMAGE_FULL;
}

/* Who shares a block, and gets no copy, is not known. */
static bool may_lose(const struct fuzz *f)
{
	return f->no_space && f->w.sealed;
}

static bool same_attrs(const struct iattr *a, const struct iattr *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime && a->btime == b->btime &&
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
	if (!f->w.sealed && a.blocks != k->a.blocks)	/* else its map may have been split, and grown */
		ret = fail(f, "other number of blocks: inode", k->ino);
	else if (!S_ISDIR(a.mode) && (!same_attrs(&a, &k->a) || (!f->names_hit && a.nlink != k->a.nlink)))
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
	while (k != f->w.im->file) {
		if (f->w.hit[k->ino])
			return false;
		k = &f->w.im->file[k->parent];
	}
	return !f->w.hit[k->ino];
}

static int verify_name(struct fuzz *f, struct fs *fs, const struct known *k)
{
	struct inode *dir, *ip = NULL;
	uint64_t parent = f->w.im->file[k->parent].ino;
	int err;

	if (k == f->w.im->file)
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
	for (unsigned i = 0; !may_lose(f) && i < f->w.im->nr_files; i++) {
		const struct known *k = &f->w.im->file[i];

		if (!f->w.hit[k->ino] && verify_intact(f, fs, k))
			return -1;
		if (way_intact(f, k) && verify_name(f, fs, k))
			return -1;
	}
	return 0;
}

static int verify_mounted(struct fuzz *f)
{
	const struct fs_opts o = { .region = f->w.rg };
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

/* Something is found exactly when something was left. */
static int look_only(struct fuzz *f, const struct check_result *before, const char *when)
{
	struct check_result res;
	int err = check(f, CHECK_NO, &res);

	if (err)
		return fail(f, "check failed, error", (uint64_t)-err);
	return !res.found != !before->left ? fail(f, when, res.found) : 0;
}

static int writes_nothing(struct fuzz *f)
{
	uint8_t *before = malloc(f->w.im->size);
	struct check_result res;
	int differs;

	if (!before)
		abort();
	memcpy(before, f->w.rg->base, f->w.im->size);
	(void)check(f, CHECK_NO, &res);
	differs = memcmp(before, f->w.rg->base, f->w.im->size);
	free(before);
	return differs ? fail(f, "looking has changed the device:", 0) : 0;
}

/* -- answers ------------------------------------------------------------------------------------------- */

static bool on_ask(void *arg, const char *question, unsigned flags)
{
	struct fuzz *f = arg;
	struct answers *an = &f->an;
	bool yes = rng_below(&f->w.r, 10) < an->yes;

	(void)flags;
	for (unsigned i = 0; i < an->nr; i++)
		an->again |= !strcmp(an->refused[i], question);
	if (yes && rng_one_in(&f->w.r, 30))
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
	uint8_t *before = malloc(f->w.im->size);
	struct check_result res;
	int err, ret = 0;

	if (!before)
		abort();
	memcpy(before, f->w.rg->base, f->w.im->size);
	f->an = (struct answers){ .yes = yes[rng_below(&f->w.r, 4)] };
	f->an.o = (struct check_opts){ .mode = CHECK_ASK, .ask = on_ask, .say = say, .arg = f };
	if (f->a->verbose)
		printf(" check, with answers\n");
	err = check_region(f->w.rg, &f->an.o, &res);
	if (!err)
		ret = judge_answers(f, &res, memcmp(before, f->w.rg->base, f->w.im->size) != 0);
	else if (err != -EUCLEAN || !f->w.primary || !f->w.copy)
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
	if (err == -EUCLEAN && f->w.primary && f->w.copy)
		return 0;
	if (err || (res.left && !full(f)))
		return fail(f, "cannot be repaired after answers, left", err ? (uint64_t)-err : res.left);
	return look_only(f, &res, "findings after the repair:");
}

static int verify(struct fuzz *f)
{
	struct check_result res;
	int err;

	if (f->round % 8 == 0 && writes_nothing(f))
		return -1;
	err = check(f, CHECK_YES, &res);
	if (err == -EUCLEAN && f->w.primary && f->w.copy)
		return 0;
	if (err)
		return fail(f, "repair failed, error", (uint64_t)-err);
	if (res.left && !full(f))
		return fail(f, "findings left:", res.left);
	err = look_only(f, &res, "findings after the repair:");
	if (!err)
		err = verify_mounted(f);
	return err ? err : look_only(f, &res, "findings after a mount:");
}

static int run_round(struct fuzz *f, uint64_t round)
{
	f->round = round;
	f->w.im = &f->image[round % IMAGE_ENDS];
	f->w.primary = f->w.copy = f->w.sealed = f->names_hit = f->no_space = false;
	memset(f->w.hit, 0, f->w.im->nr_slots * sizeof(*f->w.hit));
	rng_init(&f->w.r, f->a->seed * UINT64_C(1000003) + round);
	image_load(f->w.im, f->w.rg);
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
	f.w.hit = calloc(SIZE / DAXFS_INODE_SIZE, sizeof(*f.w.hit));
	if (!f.w.hit || region_open_ram(&f.w.rg, SIZE))
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
	free(f.w.hit);
	region_close(f.w.rg);
	return failed != 0;
}
