/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run.c -- one case: damage, check, repair, look at what is left
 *
 * Findings are seen by their code: calls of problem() from within src/check are
 * led through here by the linker.
 */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "core/file.h"
#include "core/fs.h"
#include "harness/rig.h"
#include "pm/region.h"

bool __real_problem(struct check *c, enum problem p, const struct pctx *x);
bool __wrap_problem(struct check *c, enum problem p, const struct pctx *x);

static struct sample images[2];		/* clean, unclean: never changed */
static struct tree trees[2];		/* what is in them */
static struct region *rg;		/* what a case works on */
static uint8_t *damaged;		/* the case's image, before the checker came */
static uint64_t findings;		/* of the run that is going on */
static uint64_t seen;			/* of all */

struct trial {
	const struct recipe *r;
	const char *mode;
	bool verbose, good;
};

bool __wrap_problem(struct check *c, enum problem p, const struct pctx *x)
{
	findings |= UINT64_C(1) << p;
	seen |= findings;
	return __real_problem(c, p, x);
}

__attribute__((format(printf, 2, 3)))
static void wrong(struct trial *tr, const char *form, ...)
{
	va_list ap;

	tr->good = false;
	printf("      %s: %s: ", tr->r->name, tr->mode);
	va_start(ap, form);
	vprintf(form, ap);
	va_end(ap);
	printf("\n");
}

uint64_t run_seen(void)
{
	return seen;
}

/* -- the images -------------------------------------------------------------------------- */

static void look_at(unsigned which)
{
	struct fs_opts o = { .region = rg, .flags = FS_NOATIME };
	char why[512] = "";
	struct fs *fs;
	int err;

	memcpy(rg->base, images[which].bytes, SAMPLE_SIZE);
	err = fs_open(&fs, &o);
	if (!err)
		err = tree_take(&trees[which], fs, why);
	if (err) {
		fprintf(stderr, "run: image %u: %s %s\n", which, strerror(-err), why);
		abort();
	}
	fs_abandon(fs);
}

void run_init(void)
{
	sample_clean(&images[0]);
	sample_unclean(&images[1]);
	damaged = malloc(SAMPLE_SIZE);
	if (!damaged || region_open_ram(&rg, SAMPLE_SIZE))
		abort();
	look_at(0);
	look_at(1);
}

void run_fini(void)
{
	for (unsigned i = 0; i < 2; i++) {
		sample_free(&images[i]);
		tree_free(&trees[i]);
	}
	free(damaged);
	region_close(rg);
}

static void damage(const struct recipe *r)
{
	struct sample im = images[r->unclean];

	im.bytes = damaged;
	memcpy(damaged, images[r->unclean].bytes, SAMPLE_SIZE);
	recipe_apply(r, &im);
}

/* -- the checker --------------------------------------------------------------------------- */

static void say(void *arg, const char *line)
{
	const struct trial *tr = arg;

	if (tr->verbose)
		printf("      %s: %s\n", tr->mode, line);
}

static const char *exit_text(const struct check_result *res)
{
	static char text[128];

	snprintf(text, sizeof(text), "exit %u, %" PRIu64 " found, %" PRIu64 " fixed, %" PRIu64 " left", res->exit,
		 res->found, res->fixed, res->left);
	return text;
}

/* The numbers must agree with the exit code. */
static bool consistent(const struct check_result *res)
{
	if (res->exit == 8)
		return true;
	if (res->found != res->fixed + res->left)
		return false;
	return res->exit == ((res->fixed ? 1u : 0u) | (res->left ? 4u : 0u));
}

static unsigned check(struct trial *tr, enum check_mode mode, unsigned expected)
{
	const struct check_opts o = { .mode = mode, .say = say, .arg = tr };
	struct check_result res = { 0 };
	int err;

	findings = 0;
	err = check_region(rg, &o, &res);
	if (res.exit != expected)
		wrong(tr, "%s, expected exit %u", exit_text(&res), expected);
	else if (!consistent(&res))
		wrong(tr, "%s: that does not go together", exit_text(&res));
	if ((err != 0) != (res.exit == 8))
		wrong(tr, "%s, but check_region() returned %d", exit_text(&res), err);
	return res.exit;
}

static void expect_findings(struct trial *tr)
{
	if (findings == tr->r->findings)
		return;
	wrong(tr, "other findings than expected");
	findings_print("found and not expected", findings & ~tr->r->findings);
	findings_print("expected and not found", tr->r->findings & ~findings);
}

static void expect_untouched(struct trial *tr)
{
	if (memcmp(rg->base, damaged, SAMPLE_SIZE))
		wrong(tr, "wrote to the device");
}

/* -- the filesystem afterwards ---------------------------------------------------------------- */

static int use_file(struct inode *dir, struct inode *ip)
{
	static const char text[] = "still in working order";
	char back[sizeof(text)] = "";
	ssize_t n = file_write(ip, text, sizeof(text), 100000, 0);

	if (n < 0)
		return (int)n;
	if (file_read(ip, back, sizeof(back), 100000) != sizeof(back) || memcmp(back, text, sizeof(text)))
		return -EIO;
	int err = rig_rename(dir, "one", "two", 0);

	return err ? err : rig_unlink(dir, "two");
}

static int use_dir(struct inode *dir)
{
	const struct create_req rq = { .mode = S_IFREG | 0644, .cred = rig_root };
	struct inode *ip;
	int err = namei_create(dir, rig_name("one"), &rq, &ip);

	if (err)
		return err;
	err = use_file(dir, ip);
	inode_put(ip, 1);
	return err;
}

/* A directory with a file that is written, read, renamed and removed. */
static int use(struct rig *g)
{
	const struct create_req rq = { .mode = S_IFDIR | 0755, .cred = rig_root };
	struct inode *dir;
	int err = namei_create(g->root, rig_name("new directory"), &rq, &dir);

	if (err)
		return err;
	err = use_dir(dir);
	inode_put(dir, 1);
	return err ? err : namei_rmdir(g->root, rig_name("new directory"), &rig_root);
}

static uint64_t ino_of(const struct recipe *r, enum victim v)
{
	return v == V_NONE ? UINT64_MAX : images[r->unclean].ino[v];
}

static void compare(struct trial *tr, struct fs *fs)
{
	const struct recipe *r = tr->r;
	const struct tree_change change = { ino_of(r, r->v), r->found ? ino_of(r, r->found) : UINT64_MAX };
	char why[512] = "";
	unsigned differs;
	struct tree now;

	if (tree_take(&now, fs, why))
		wrong(tr, "mounted: %s", why);
	else if (!tree_compare(&trees[r->unclean], &now, &change, &differs, why))
		wrong(tr, "mounted: %s", why);
	else if (differs != r->differs)
		wrong(tr, "the victim differs by %#x, expected %#x", differs, r->differs);
	tree_free(&now);
}

static void mount(struct trial *tr)
{
	const struct fs_opts o = { .region = rg, .flags = FS_NOATIME };
	struct rig g = { .rg = rg };
	int err;

	err = fs_open(&g.fs, &o);
	if (!err)
		err = inode_get(g.fs, DAXFS_ROOT_INO, &g.root);
	if (err) {
		wrong(tr, "cannot be mounted: %s", strerror(-err));
		return;
	}
	compare(tr, g.fs);
	err = use(&g);
	if (err)
		wrong(tr, "making, writing, renaming, unlinking: %s", strerror(-err));
	inode_put(g.root, 1);
	err = fs_close(g.fs);
	if (err)
		wrong(tr, "cannot be unmounted: %s", strerror(-err));
}

/* Repaired, or never damaged: another look finds nothing, the engine likes it, and still nothing. */
static void all_is_well(struct trial *tr)
{
	check(tr, CHECK_NO, 0);
	mount(tr);
	tr->mode = "after the mount";
	check(tr, CHECK_NO, 0);
}

/* -- a case -------------------------------------------------------------------------------------- */

static void look_only(struct trial *tr)
{
	tr->mode = "-n";
	memcpy(rg->base, damaged, SAMPLE_SIZE);
	check(tr, CHECK_NO, tr->r->no);
	expect_findings(tr);
	expect_untouched(tr);
}

static void repair(struct trial *tr, enum check_mode mode, unsigned expected)
{
	unsigned code;

	memcpy(rg->base, damaged, SAMPLE_SIZE);
	code = check(tr, mode, expected);
	if (code != 1)
		expect_untouched(tr);
	tr->mode = mode == CHECK_PREEN ? "-n after -p" : "-n after -y";
	if (code <= 1)
		all_is_well(tr);
}

/* -p that gave up has left something that -y can finish. */
static void finish(struct trial *tr)
{
	tr->mode = "-y after -p";
	check(tr, CHECK_YES, tr->r->yes);
	tr->mode = "-n after -p and -y";
	all_is_well(tr);
}

bool run_case(const struct recipe *r, bool verbose)
{
	struct trial tr = { .r = r, .verbose = verbose, .good = true };

	damage(r);
	look_only(&tr);
	tr.mode = "-p";
	repair(&tr, CHECK_PREEN, r->preen);
	if (r->preen == 4 && r->yes == 1)
		finish(&tr);
	tr.mode = "-y";
	repair(&tr, CHECK_YES, r->yes);
	return tr.good;
}
