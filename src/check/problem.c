// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * problem.c -- everything that fsck.daxfs can find, and what it may do about it
 *
 * Owns the table and the answers.  A question that was answered no is not
 * asked again in a later round, nor one whose repair came to nothing: both are
 * remembered by a hash of what they were about.  DRAM only.
 */
#include "check/problem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "check/state.h"

#define LINE_MAX_	1024
#define PREEN	1u	/* -p may: nothing is lost */

/*
 * Every finding leaves exit bit 4 unless it is repaired, then 1.  An entry
 * without a question cannot be repaired.
 */
struct entry { const char *message, *question; unsigned flags; };

static const struct entry table[PR_NR] = {
	[PR_SUPER_PRIMARY] = { "superblock: %t", "Write it anew from its copy", PREEN },
	[PR_SUPER_COPY] = { "superblock's copy in block %b: %t", "Write it anew from the primary", PREEN },
	[PR_SUPER_OTHER] = { "superblock: %t; the copy in block %b does not go with what is left of it, or with the lanes",
			     "Write it anew from that copy", 0 },
	[PR_SUPER_BOTH] = { "superblock and copy are damaged (%t), but the lanes confirm their geometry",
			    "Put both in order", 0 },
	[PR_SUPER_IFILE] = { "superblock in block %b: root of the inode file: %t", "Copy the other superblock's", PREEN },
	[PR_STATE] = { "superblock: the state word is damaged", "Set it to unclean", PREEN },
	[PR_SNAPREF] = { "superblock: the snapshot reference is damaged", "Clear it", PREEN },

	[PR_LANE_HEADER] = { "journal lane %n: %t", "Write its header anew", PREEN },
	[PR_LANE_DAMAGED_LOG] = { "journal lane %n: its header is damaged, so a transaction that it may hold "
				  "cannot be rolled back", "End it", 0 },
	[PR_LANE_RECORD] = { "journal lane %n: undo record %m of an unfinished transaction is impossible; "
			     "it cannot be rolled back", "End it", 0 },
	[PR_LANE_NOT_IDLE] = { "journal lane %n: a %t log, though the filesystem is clean", "End it", PREEN },

	[PR_IFILE_DAMAGED] = { "the inode file: %t", "Repair its map", 0 },
	[PR_IFILE_BLOCKS] = { "the inode file claims %n blocks, its root says %m", "Correct it", PREEN },

	[PR_INODE_FREE_DAMAGED] = { "inode %i: free, but %t", "Write the free slot anew", PREEN },
	[PR_INODE_BAD] = { "inode %i: %t; nothing in it is plausible", "Clear it", 0 },
	[PR_INODE_DAMAGED] = { "inode %i: %t", "Keep what is plausible in it", 0 },
	[PR_INODE_FIELD] = { "inode %i: %t", "Correct it", 0 },
	[PR_INODE_BLOCKS] = { "inode %i: claims %n blocks, says %m", "Correct it", PREEN },
	[PR_INODE_SYMLINK] = { "symlink %i: its target is lost", "Clear it", 0 },
	[PR_DIR_SIZE] = { "directory %i: size is %m, its blocks make %n", "Correct it", PREEN },
	[PR_DIR_MAP] = { "directory %i: blocks are missing or unwritten", "Close the gaps", 0 },

	[PR_MAP_ROOT] = { "inode %i: extent map: %t", "Keep what is plausible in it", 0 },
	[PR_NODE_DAMAGED] = { "inode %i: extent node in block %b: %t", "Keep what is plausible in it", 0 },
	[PR_NODE_BAD] = { "inode %i: extent node in block %b: %t", "Make what it mapped a hole", 0 },
	[PR_EXTENT_BAD] = { "inode %i: extent at file block %n: %t", "Make it a hole", 0 },
	[PR_CLAIMED] = { "inode %i: %n blocks from %b on belong to a healthier inode",
			 "Make them a hole", 0 },
	[PR_CROSS_LINK] = { "inode %i: %n blocks from %b on belong to inode %m as well",
			    "Give it a copy of its own", 0 },
	[PR_CROSS_HOLE] = { "inode %i: %n blocks from %b on belong to inode %m as well, and there is no space "
			    "for a copy", "Make them a hole", 0 },
	[PR_CROSS_DIR] = { "directory %i: %n blocks from %b on belong to inode %m as well",
			   "Drop them and close the gap", 0 },
	[PR_MAP_NO_ROOM] = { "inode %i: there is no space for the map of its last %n blocks", "Drop them", 0 },

	[PR_XATTR] = { "inode %i: extended attributes in block %b: %t", "Drop them all", 0 },

	[PR_DIRBLK_HEADER] = { "directory %i, block %n: %t", "Write its header anew", PREEN },
	[PR_DIRBLK_LOST] = { "directory %i, block %n: %t, and holds no legible name", "Make it an empty block", 0 },
	[PR_DIRBLK_RECORDS] = { "directory %i, block %n: record at byte %m: %t", "Keep the legible names", 0 },
	[PR_DIRENT_NAME] = { "directory %i: '%t' is not a name that an entry may have", "Remove the entry", 0 },
	[PR_DIRENT_INO] = { "directory %i: '%t' names inode %n, which does not exist", "Remove the entry", 0 },
	[PR_DIRENT_FREE] = { "directory %i: '%t' names inode %n, which is free", "Remove the entry", 0 },
	[PR_DIRENT_TYPE] = { "directory %i: '%t' has type %m, inode %n another", "Correct it", PREEN },
	[PR_DIRENT_DUPLICATE] = { "directory %i: '%t' is there twice", "Remove the second entry", 0 },
	[PR_DIRENT_ROOT] = { "directory %i: '%t' names the root directory", "Remove the entry", 0 },
	[PR_DIRENT_SECOND] = { "directory %i: '%t' is a second name of directory %n", "Remove the entry", 0 },
	[PR_DIRENT_LINKS] = { "directory %i: '%t' is one name too many for inode %n", "Remove the entry", 0 },
	[PR_DIRENT_SUBDIRS] = { "directory %i: '%t' is one directory too many in it", "Remove the entry", 0 },
	[PR_DIRENT_DOUBTFUL] = { "directory %i: '%t', found behind a damaged record, was removed before",
				 "Remove the entry", 0 },

	[PR_ROOT_GONE] = { "the root directory %t", "Make a new one", 0 },
	[PR_ROOT_PARENT] = { "the root directory says that inode %n is its parent", "Correct it", PREEN },
	[PR_DIR_PARENT] = { "directory %i says that inode %m is its parent; its name is in %n", "Correct it", PREEN },
	[PR_DIR_LOOP] = { "directory %i is its own ancestor", "Take it out of its parent", 0 },
	[PR_DIR_UNCONNECTED] = { "directory %i has no name", "Connect it to /lost+found", PREEN },
	[PR_FILE_UNCONNECTED] = { "inode %i has no name", "Connect it to /lost+found", PREEN },
	[PR_ORPHAN] = { "inode %i: unlinked, though the filesystem is clean", "Clear it", PREEN },
	[PR_NLINK] = { "inode %i: %n links, says %m", "Correct it", PREEN },
	[PR_LOSTFOUND] = { "there is no /lost+found", "Make it", PREEN },
	[PR_NO_ROOM] = { "inode %i cannot be connected to /lost+found: %t", NULL, 0 },

	[PR_SNAPSHOT] = { "free-space snapshot in block %b: %t", "Drop it", PREEN },
	[PR_SNAPSHOT_CLAIMED] = { "free-space snapshot: block %b of it belongs to a file", "Drop it", PREEN },
	[PR_SNAPSHOT_DIFFERS] = { "free-space snapshot: %t %n differs", "Drop it", PREEN },

	[PR_UNSETTLED] = { "could not be made consistent: repairs still uncover others; nothing is written", NULL, 0 },
};

/* -- text ------------------------------------------------------------------------ */

struct line { char s[LINE_MAX_]; size_t n; };

static void add_char(struct line *l, char ch)
{
	if (l->n < sizeof(l->s) - 1)
		l->s[l->n++] = ch;
	l->s[l->n] = '\0';
}

/* Names come from media: nothing in them may reach a terminal unprinted. */
static void add_text(struct line *l, const char *s)
{
	for (; s && *s; s++) {
		if ((unsigned char)*s >= ' ' && *s != 127) {
			add_char(l, *s);
			continue;
		}
		add_char(l, '^');
		add_char(l, (char)(*s ^ 64));
	}
}

static void add_number(struct line *l, uint64_t v)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRIu64, v);
	add_text(l, buf);
}

static void add_field(struct line *l, char what, const struct pctx *x)
{
	switch (what) {
	case 'i': add_number(l, x->ino); break;
	case 'b': add_number(l, x->blk); break;
	case 'n': add_number(l, x->num); break;
	case 'm': add_number(l, x->num2); break;
	case 't': add_text(l, x->text); break;
	default: add_char(l, what); break;
	}
}

static void expand(struct line *l, const char *fmt, const struct pctx *x)
{
	l->n = 0;
	l->s[0] = '\0';
	for (; *fmt; fmt++) {
		if (*fmt == '%' && fmt[1])
			add_field(l, *++fmt, x);
		else
			add_char(l, *fmt);
	}
}

static void say(const struct check *c, const char *line)
{
	if (c->o->say)
		c->o->say(c->o->arg, line);
}

void remark(struct check *c, const char *fmt, ...)
{
	char buf[LINE_MAX_];
	va_list ap;

	if (!c->o->say || c->round)
		return;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	say(c, buf);
}

/* -- answers ----------------------------------------------------------------------- */

static uint64_t identity(enum problem p, const struct pctx *x)
{
	const uint64_t key[] = { p, x->ino, x->blk, x->num };

	return name_hash(x->text ? strlen(x->text) : 0, key, sizeof(key));
}

static bool same_id(void *arg, uint64_t pos)
{
	return *(const uint64_t *)arg == pos;
}

static bool was_left(const struct check *c, uint64_t id)
{
	return nameset_has(&c->left_ids, &(struct nameset_key){ id, id, same_id, &id });
}

/* Without memory it is asked once more. */
static void remember(struct check *c, uint64_t id)
{
	uint64_t other;

	(void)nameset_add(&c->left_ids, &(struct nameset_key){ id, id, same_id, &id }, &other);
}

static void leave(struct check *c, uint64_t id)
{
	c->left++;
	remember(c, id);
}

/* What was agreed to, in order, for problem_withdraw(). */
static void agree(struct check *c, uint64_t id)
{
	c->res->fixed++;
	if (!vec_grow(&c->agreed.v, c->agreed.nr, &c->agreed.cap, sizeof(*c->agreed.v)))
		c->agreed.v[c->agreed.nr++] = id;
}

static bool asked(struct check *c, const struct entry *e, const char *message)
{
	char question[LINE_MAX_ + 64];

	snprintf(question, sizeof(question), "%s. %s?", message, e->question);
	return c->o->ask && c->o->ask(c->o->arg, question, e->flags & PREEN ? 0 : CHECK_ASK_LOSES);
}

static bool preened(struct check *c, const struct entry *e, const char *message)
{
	if (e->flags & PREEN)
		return true;
	say(c, message);
	say(c, "not repaired automatically: run fsck.daxfs -y, or without -p");
	c->stop = true;
	return false;
}

static bool answer(struct check *c, const struct entry *e, const char *message)
{
	if (!e->question || c->look_only)
		return false;
	switch (c->o->mode) {
	case CHECK_YES: return true;
	case CHECK_PREEN: return preened(c, e, message);
	case CHECK_ASK: return asked(c, e, message);
	default: return false;
	}
}

static bool is_question(const struct check *c, const struct entry *e)
{
	return c->o->mode == CHECK_ASK && e->question && !c->look_only;
}

static bool silent(const struct check *c)
{
	return !c->o->say && c->o->mode != CHECK_ASK;
}

bool problem(struct check *c, enum problem p, const struct pctx *x)
{
	const struct entry *e = &table[p];
	uint64_t id = identity(p, x);
	bool again = was_left(c, id), quiet = again || silent(c), yes;
	struct line l = { .n = 0 };

	if (c->stop)
		return false;
	if (!quiet)
		expand(&l, e->message, x);
	yes = !(again && c->asks) && answer(c, e, l.s);
	if (!quiet && !c->stop && !is_question(c, e))
		say(c, l.s);
	if (yes)
		agree(c, id);
	else
		leave(c, id);
	return yes;
}

void problem_withdraw(struct check *c, enum problem p, const struct pctx *x)
{
	c->res->fixed--;
	if (c->agreed.nr)
		remember(c, c->agreed.v[--c->agreed.nr]);
	if (p == PR_NR)
		c->left++;
	else
		(void)problem(c, p, x);
}
