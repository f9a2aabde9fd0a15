/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recipe.h -- how an image is damaged, and what must come of it: one line per case
 *
 * A line names a field of a structure on media, where the structure lies, the
 * field's new value, and whether checksums are made right again: RAW leaves
 * them, SEALED makes all of them right that cover the field.
 */
#ifndef TESTS_FSCK_RECIPE_H
#define TESTS_FSCK_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check/problem.h"
#include "daxfs/format.h"
#include "sample.h"
#include "tree.h"

/* Where a structure lies; @v and @i of the recipe say which. */
enum where {
	AT_SUPER, AT_COPY,
	AT_SUPERS,		/* primary and copy, both the same way */
	AT_DEV,			/* entry @i of the device table */
	AT_STATE, AT_SNAPREF,	/* of the primary */
	AT_INODE,		/* of @v; V_IFILE: in the primary */
	AT_IFILES,		/* the inode file's, in both superblocks */
	AT_MAP,			/* the root of @v's map */
	AT_EXT, AT_IDX,		/* entry @i of it */
	AT_LEAF, AT_INNER,	/* node @i of level 0 or 1 of @v's map */
	AT_LEAF_EXT, AT_INNER_IDX,	/* entry @i of the first such node */
	AT_DIRBLK,		/* block @i of directory @v */
	AT_LIVE, AT_FREE,	/* record @i of that kind in @v's last block */
	AT_NAMED,		/* the record of the name of @v, in the directory that has it */
	AT_XATTRBLK,		/* block @i of @v's chain */
	AT_XATTR,		/* entry @i of the stream in the first block */
	AT_LANE, AT_DONE, AT_LOG,	/* of the live lane if @i is 0, else of another one */
	AT_UNDO,		/* record @i of the live log */
	AT_SNAP, AT_SNAPRUN, AT_SNAPCHUNK,	/* entry @i */
};

enum how {
	HOW_SET, HOW_ADD,
	HOW_XOR,		/* the first byte */
	HOW_INO,		/* the inode number of the victim that the value names */
	HOW_BLOCK,		/* its first block */
	HOW_XBLOCK,		/* its first attribute block */
	HOW_ZERO,		/* all of the field */
};

struct field { const char *type, *name; size_t offset, size; };

struct recipe {
	const char *name;
	bool unclean;		/* which image */
	enum victim found;	/* another inode, which must be in /lost+found; V_IFILE: there is none */
	const struct recipe *first;	/* applied before, or NULL */
	enum where at;
	enum victim v;
	unsigned i;
	struct field f;
	enum how how;
	uint64_t value;
	bool sealed;
	unsigned no, preen, yes;	/* exit codes; where -p or -y has repaired, another -n ends with 0 */
	unsigned differs;		/* enum tree_differs of @v, after -y */
	uint64_t findings;	/* a bit per enum problem: exactly those that -n finds */
};

#define F(type, field)	{ #type, #field, offsetof(struct type, field), sizeof(((struct type *)0)->field) }
#define TAIL(type, field)	{ #type, #field, offsetof(struct type, field), 1 }	/* its first byte */
#define WORD		{ "sealed32", "w", 0, 8 }
#define WHOLE(type)	{ #type, "*", 0, sizeof(struct type) }

#define SET(v)		HOW_SET, (v)
#define ADD(v)		HOW_ADD, (uint64_t)(v)
#define XOR(v)		HOW_XOR, (v)
#define INO(victim)	HOW_INO, (victim)
#define BLOCK(victim)	HOW_BLOCK, (victim)
#define XBLOCK(victim)	HOW_XBLOCK, (victim)
#define ZERO		HOW_ZERO, 0
#define RAW		false
#define SEALED		true
#define CLEAN		false, V_IFILE, NULL
#define UNCLEAN		true, V_IFILE, NULL
#define AFTER(first, found)	false, found, &(first)	/* the clean image, changed already */
#define P(name)		(UINT64_C(1) << PR_ ## name)

_Static_assert(PR_NR <= 64, "a bit per problem");

struct recipes { const struct recipe *v; size_t nr; };

extern const struct recipes recipes_super, recipes_inode, recipes_map, recipes_dir, recipes_xattr, recipes_journal,
	recipes_snap;

/* recipe_apply - damage an image. */
void recipe_apply(const struct recipe *r, const struct sample *im);

/* coverage_findings - has every finding that the checker knows been @seen?  How many have not. */
unsigned coverage_findings(uint64_t seen);

/**
 * coverage_check - does every field of doc/format.md have a case, RAW and SEALED where both are possible?
 *
 * Return: how many have none; each is named on standard output.
 */
unsigned coverage_check(const struct recipes *const all[], size_t nr);

#endif
