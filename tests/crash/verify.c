/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verify.c -- what must hold of media after a power cut
 *
 * It mounts.  Names and attributes are those before or those after the step that
 * was running.  Every byte of a file is one that this file had at that place
 * since its content was last durable.  Every directory can be worked in.  When all
 * is deleted, all blocks are free.  It unmounts clean, and the second reader finds
 * nothing, before and after.
 */
#include "crash/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "check/check.h"
#include "core/dir.h"
#include "core/file.h"
#include "core/instance.h"
#include "core/namei.h"
#include "core/pin.h"
#include "harness/rig.h"

/* -- what the engine says --------------------------------------------------------------------- */

static char last_words[200];

static void remember(enum log_level level, const char *msg, void *arg)
{
	(void)arg;
	if (level == LOG_LVL_ERROR)
		snprintf(last_words, sizeof(last_words), "%s", msg);
}

void verify_quiet(void)
{
	log_set_sink(remember, NULL);
}

__attribute__((format(printf, 2, 3)))
static bool wrong(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool failed(struct finding *f, const char *what, int err)
{
	return wrong(f, "%s: %s (%s)", what, strerror(-err), last_words);
}

/* -- content ------------------------------------------------------------------------------------ */

static uint8_t byte_of(const struct tree_node *n, uint64_t off)
{
	uint8_t b = 0;

	if (off < n->a.size)
		content_read(&n->content, &b, 1, off);
	return b;
}

/*
 * A file's history: the trees from the one in which its content was durable.  When
 * nothing of it was left to fsync, bytes that a step brought into being (in a hole,
 * behind the end) come with its names and attributes, or not at all.
 */
struct history { const struct expect *e; uint64_t ino; unsigned from, matched; bool strict; };

static bool had_byte(const struct tree_node *n, uint64_t off)
{
	return off < n->a.size && content_has(&n->content, off);
}

static bool byte_allowed(const struct history *h, uint64_t off, uint8_t b)
{
	for (unsigned i = h->from; i <= h->e->hi; i++) {
		const struct tree_node *n = tree_find(&h->e->tree[i], h->ino);

		if (n && byte_of(n, off) == b && (!h->strict || i == h->matched || had_byte(n, off)))
			return true;
	}
	return false;
}

static bool page_allowed(const struct history *h, const uint8_t *is, uint64_t off, struct finding *f)
{
	for (unsigned i = 0; i < CONTENT_PAGE; i++)
		if (is[i] && !byte_allowed(h, off + i, is[i]))
			return wrong(f, "inode %" PRIu64 ": byte %" PRIu64 " is 0x%02x, which was never there", h->ino, off + i, is[i]);
		else if (!is[i] && !byte_allowed(h, off + i, 0))
			return wrong(f, "inode %" PRIu64 ": byte %" PRIu64 " is zero: content is lost", h->ino, off + i);
	return true;
}

static bool same_page(const struct tree_node *n, const uint8_t *is, uint64_t off)
{
	uint8_t page[CONTENT_PAGE] = { 0 };

	if (!n)
		return false;
	content_read(&n->content, page, sizeof(page), off);
	return !memcmp(page, is, sizeof(page));
}

static bool check_page(const struct history *h, const struct tree_node *is, uint64_t off, struct finding *f)
{
	const struct tree_node *old = tree_find(&h->e->tree[h->e->lo], h->ino);
	const struct tree_node *new = tree_find(&h->e->tree[h->e->hi], h->ino);
	const struct tree_node *want = tree_find(&h->e->tree[f->matched], h->ino);
	uint8_t page[CONTENT_PAGE] = { 0 };

	content_read(&is->content, page, sizeof(page), off);
	if (old && !same_page(old, page, off))
		f->old_content = false;
	if (new && !same_page(new, page, off))
		f->new_content = false;
	return same_page(want, page, off) || page_allowed(h, page, off, f);
}

/* Every page that has bytes in the file as it is, or in the file as it should be. */
static bool check_content(const struct expect *e, const struct tree_node *is, struct finding *f)
{
	const struct tree_node *want = tree_find(&e->tree[f->matched], is->ino);
	const struct tree_node *before = tree_find(&e->tree[e->lo], is->ino);
	bool known = before && before->a.gen == is->a.gen;
	const struct history h = { e, is->ino, known ? before->durable : f->matched, f->matched,
				   !e->lenient && (!known || before->durable == e->lo) };
	const struct content *c[] = { &is->content, &want->content };

	for (unsigned k = 0; k < 2; k++)
		for (size_t i = 0; i < c[k]->cap; i++)
			if (c[k]->slot[i].used && c[k]->slot[i].index * CONTENT_PAGE < is->a.size &&
			    !check_page(&h, is, c[k]->slot[i].index * CONTENT_PAGE, f))
				return false;
	return true;
}

/* -- names, attributes, times ------------------------------------------------------------------ */

static bool times_of(const struct tree_node *a, const struct tree_node *b)
{
	return b && a->a.gen == b->a.gen && a->a.atime == b->a.atime && a->a.mtime == b->a.mtime && a->a.ctime == b->a.ctime;
}

/* They move together, so they are those of one tree. */
static bool check_times(const struct expect *e, const struct tree_node *is, struct finding *f)
{
	const struct tree_node *before = tree_find(&e->tree[e->lo], is->ino);
	unsigned from = before && before->a.gen == is->a.gen ? before->times_durable : f->matched;

	for (unsigned i = from; i <= e->hi; i++)
		if (times_of(is, tree_find(&e->tree[i], is->ino)))
			return true;
	return wrong(f, "inode %" PRIu64 ": times that are lost or that it never had", is->ino);
}

static bool find_match(const struct tree *is, const struct expect *e, struct finding *f)
{
	char why[2][160] = { "", "" };

	for (unsigned i = e->lo; i <= e->hi; i++) {
		if (!tree_differs(is, &e->tree[i], why[i > e->lo])) {
			f->matched = i;
			return true;
		}
	}
	if (e->lo == e->hi)
		return wrong(f, "not as after step %u: %s", e->lo, why[0]);
	return wrong(f, "neither as before step %u (%s) nor as after it (%s)", e->hi, why[0], why[1]);
}

static bool check_node(const struct expect *e, const struct tree_node *is, struct finding *f)
{
	if (is->dirty_tail)
		return wrong(f, "inode %" PRIu64 ": what was on media before lies behind its end", is->ino);
	return check_times(e, is, f) && (!S_ISREG(is->a.mode) || check_content(e, is, f));
}

static bool check_tree(struct fs *fs, const struct expect *e, struct finding *f)
{
	struct tree is;
	char why[160];
	int err = tree_load(&is, fs, why);
	bool ok = !err ? find_match(&is, e, f) : wrong(f, "%s (%s)", why, last_words);

	f->old_content = f->new_content = true;
	for (size_t i = 0; ok && i < is.nr_nodes; i++)
		ok = check_node(e, &is.node[i], f);
	tree_free(&is);
	return ok;
}

/* -- working in it ------------------------------------------------------------------------------ */

struct child { struct child *next; uint64_t ino; unsigned len; char name[]; };

static int collect(void *arg, const struct dir_entry *e)
{
	struct child **list = arg, *c;

	if (e->name.s[0] == '.' && (e->name.len == 1 || (e->name.len == 2 && e->name.s[1] == '.')))
		return 0;
	c = malloc(sizeof(*c) + e->name.len);
	if (!c)
		abort();
	*c = (struct child){ *list, e->ino, e->name.len };
	memcpy(c->name, e->name.s, e->name.len);
	*list = c;
	return 0;
}

static bool work_in(struct inode *dir, struct finding *f)
{
	const struct create_req rq = { .mode = S_IFREG | 0600, .cred = rig_root };
	char buf[5000] = "new", back[5000];
	struct inode *ip;
	int err = namei_create(dir, rig_name("used after the crash"), &rq, &ip);

	if (err == -ENOSPC)
		return true;
	if (err)
		return failed(f, "creating a file afterwards", err);
	ssize_t n = file_write(ip, buf, sizeof(buf), 0, 0);

	if (n >= 0 && (file_read(ip, back, sizeof(back), 0) != n || memcmp(buf, back, (size_t)n) != 0))
		n = -EIO;
	inode_put(ip, 1);
	if (n < 0 && n != -ENOSPC)
		return failed(f, "writing afterwards", (int)n);
	err = rig_rename(dir, "used after the crash", "renamed after the crash", 0);
	if (err == -ENOSPC)
		err = rig_unlink(dir, "used after the crash");
	else if (!err)
		err = rig_unlink(dir, "renamed after the crash");
	return err ? failed(f, "renaming and deleting afterwards", err) : true;
}

static bool work_everywhere(struct fs *fs, uint64_t ino, struct finding *f);

static bool delete_child(struct inode *dir, const struct child *c, struct finding *f)
{
	struct name name = { c->name, c->len };
	int err = namei_unlink(dir, name, &rig_root);

	if (err == -EISDIR)
		err = namei_rmdir(dir, name, &rig_root);
	return err ? failed(f, "deleting afterwards", err) : true;
}

static bool delete_tree(struct fs *fs, struct inode *dir, const struct child *c, struct finding *f)
{
	struct inode *ip;
	int err = inode_get(fs, c->ino, &ip);

	if (err)
		return failed(f, "look-up afterwards", err);
	bool is_dir = inode_is_dir(ip);

	inode_put(ip, 1);
	if (is_dir && !work_everywhere(fs, c->ino, f))
		return false;
	return delete_child(dir, c, f);
}

static bool work_everywhere(struct fs *fs, uint64_t ino, struct finding *f)
{
	struct child *list = NULL, *next;
	struct inode *dir;
	int err = inode_get(fs, ino, &dir);

	if (err)
		return failed(f, "look-up afterwards", err);
	bool ok = work_in(dir, f);

	if (ok && (err = dir_read(dir, 0, collect, &list)) != 0)
		ok = failed(f, "readdir afterwards", err);
	for (struct child *c = list; c; c = next) {
		next = c->next;
		ok = ok && delete_tree(fs, dir, c, f);
		free(c);
	}
	inode_put(dir, 1);
	return ok;
}

/* Nothing but the root is left: what is not free now was lost. */
static bool check_all_free(struct fs *fs, struct finding *f)
{
	const struct dsuper *sb = fs->disk.super;
	struct iattr ifile, root;
	struct inode *ip;
	struct fs_stat st;

	if (inode_get(fs, DAXFS_ROOT_INO, &ip))
		return wrong(f, "the root is gone");
	attr_get(ip, &root);
	inode_put(ip, 1);
	dinode_load(&ifile, &sb->ifile);
	limbo_drain(fs, 1000);
	fs_statfs(fs, &st);
	uint64_t used = 2 + (uint64_t)le32_get(sb->nr_lanes) * le32_get(sb->lane_blocks) + ifile.blocks + root.blocks;

	if (st.bfree + used != st.blocks)
		return wrong(f, "all is deleted, and %" PRId64 " blocks are missing", (int64_t)(st.blocks - used - st.bfree));
	return true;
}

/* -- the second reader ---------------------------------------------------------------------------- */

static void first_complaint(void *arg, const char *line)
{
	struct finding *f = arg;

	if (!f->why[0])
		snprintf(f->why, sizeof(f->why), "fsck: %s", line);
}

static bool second_reader(struct region *rg, struct finding *f)
{
	const struct check_opts o = { .mode = CHECK_NO, .say = first_complaint, .arg = f };
	struct check_result res;

	f->why[0] = 0;
	int err = check_region(rg, &o, &res);

	if (err)
		return failed(f, "fsck", err);
	if (res.exit || res.found)
		return f->why[0] ? false : wrong(f, "fsck ends with %u", res.exit);
	f->repaired = f->repaired || res.undone || res.orphans;
	return true;
}

/* -- all ---------------------------------------------------------------------------------------------- */

static bool work(struct fs *fs, struct finding *f)
{
	return work_everywhere(fs, DAXFS_ROOT_INO, f) && check_all_free(fs, f);
}

static bool mounted(struct fs *fs, const struct expect *e, struct finding *f)
{
	struct fs_stat st;

	fs_statfs(fs, &st);
	f->repaired = st.recovered_txns || st.recovered_orphans;
	if (e->lo == e->hi && st.was_clean != e->tree[e->lo].clean)
		return wrong(f, "the media are %s clean after step %u", st.was_clean ? "still" : "not", e->lo);
	return check_tree(fs, e, f);
}

bool verify_media(struct region *rg, const struct expect *e, bool thorough, struct finding *f)
{
	const struct fs_opts o = { .region = rg, .flags = FS_NOATIME };
	struct fs *fs;

	*f = (struct finding){ 0 };
	last_words[0] = 0;
	if (thorough && !second_reader(rg, f))
		return false;
	int err = fs_open(&fs, &o);

	if (err)
		return failed(f, "mount", err);
	bool ok = mounted(fs, e, f);

	if (!ok || !thorough || !work(fs, f)) {
		fs_abandon(fs);
		return ok && !thorough;
	}
	err = fs_close(fs);
	return err ? failed(f, "unmount", err) : second_reader(rg, f);
}
