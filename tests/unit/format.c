/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format.c -- doc/format.md says about every field what format.h says
 *
 * The table below names every field of every structure on media.  It is
 * compared with the tables in the document, in both directions.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daxfs/format.h"

#ifndef TOP_SRCDIR
#error "TOP_SRCDIR must name the source tree"
#endif

Suite *suite_format(void);

struct row { const char *type, *field; size_t offset, size; };

#define F(type, field)	{ #type, #field, offsetof(struct type, field), sizeof(((struct type *)0)->field) }
#define TAIL(type, field) { #type, #field, offsetof(struct type, field), 0 }	/* flexible array */

static const struct row rows[] = {
	F(dsuper, magic), F(dsuper, csum), F(dsuper, version), F(dsuper, self), F(dsuper, compat),
	F(dsuper, ro_compat), F(dsuper, incompat), F(dsuper, uuid), F(dsuper, label),
	F(dsuper, nr_blocks), F(dsuper, block_shift), F(dsuper, inode_shift), F(dsuper, journal),
	F(dsuper, nr_lanes), F(dsuper, lane_blocks), F(dsuper, mkfs_time), F(dsuper, root_ino),
	F(dsuper, nr_devs), F(dsuper, rsvd0), F(dsuper, dev), F(dsuper, rsvd1), F(dsuper, state),
	F(dsuper, rsvd2), F(dsuper, snap), F(dsuper, rsvd3), F(dsuper, ifile), F(dsuper, rsvd4),

	F(ddev, uuid), F(ddev, nr_blocks), F(ddev, rsvd),

	F(dsnapref, start), F(dsnapref, bytes), F(dsnapref, csum), F(dsnapref, rsvd),

	{ "sealed32", "w", offsetof(sealed32, w), sizeof(((sealed32 *)0)->w) },

	F(dinode, magic), F(dinode, csum), F(dinode, ino), F(dinode, gen), F(dinode, mode),
	F(dinode, uid), F(dinode, gid), F(dinode, nlink), F(dinode, flags), F(dinode, size),
	F(dinode, blocks), F(dinode, atime), F(dinode, mtime), F(dinode, ctime), F(dinode, btime),
	F(dinode, rdev), F(dinode, xattr), F(dinode, map),

	F(dmap, depth), F(dmap, count), F(dmap, rsvd), F(dmap, ext), F(dmap, idx), F(dmap, link),

	F(dextent, lblk), F(dextent, pblk), F(dextent, len), F(dextent, flags),

	F(dextidx, lblk), F(dextidx, pblk),

	F(dextnode, magic), F(dextnode, csum), F(dextnode, self), F(dextnode, owner),
	F(dextnode, level), F(dextnode, count), F(dextnode, rsvd), F(dextnode, ext), F(dextnode, idx),

	F(ddirblk, magic), F(ddirblk, csum), F(ddirblk, owner), F(ddirblk, lblk), F(ddirblk, self),

	F(ddirent, ino), F(ddirent, csum), F(ddirent, rec_len), F(ddirent, name_len),
	F(ddirent, type), TAIL(ddirent, name),

	F(dxattrblk, magic), F(dxattrblk, csum), F(dxattrblk, owner), F(dxattrblk, self),
	F(dxattrblk, next), F(dxattrblk, index), F(dxattrblk, bytes), F(dxattrblk, rsvd),
	F(dxattrblk, data),

	F(dxattr, value_len), F(dxattr, name_len), F(dxattr, rsvd), TAIL(dxattr, bytes),

	F(dlane, magic), F(dlane, self), F(dlane, done), F(dlane, rsvd),

	F(dlog, seq), F(dlog, csum), F(dlog, bytes), F(dlog, nr),

	F(dundo, off), F(dundo, len), F(dundo, rsvd), TAIL(dundo, old),

	F(dsnap, magic), F(dsnap, csum), F(dsnap, self), F(dsnap, bytes), F(dsnap, nr_full),
	F(dsnap, nr_part), F(dsnap, nr_ino_words), F(dsnap, nr_free), F(dsnap, nr_inodes),

	F(dsnaprun, chunk), F(dsnaprun, count),

	F(dsnapchunk, chunk), F(dsnapchunk, used),
};

/* Sizes of the structures: their fields must tile them. */
#define S(type) { #type, sizeof(struct type) }
static const struct { const char *type; size_t size; } types[] = {
	S(dsuper), S(ddev), S(dsnapref), { "sealed32", sizeof(sealed32) }, S(dinode), S(dmap),
	S(dextent), S(dextidx), S(dextnode), S(ddirblk), S(ddirent), S(dxattrblk), S(dxattr),
	S(dlane), S(dlog), S(dundo), S(dsnap), S(dsnaprun), S(dsnapchunk),
};

#define NR_ROWS		(sizeof(rows) / sizeof(rows[0]))
#define NR_TYPES	(sizeof(types) / sizeof(types[0]))
#define NR_DOC_MAX	256

/* A row of a table in the document. */
struct doc_row { char type[32], field[32]; size_t offset, size; };

static struct doc_row doc[NR_DOC_MAX];
static size_t nr_doc;

static void parse_line(const char *line, char type[32])
{
	struct doc_row r;

	if (line[0] == '#') {
		type[0] = '\0';
		sscanf(line, "### struct %31s", type);
		return;
	}
	if (!type[0] || sscanf(line, "| %zu | %zu | %31s |", &r.offset, &r.size, r.field) != 3)
		return;
	strcpy(r.type, type);
	ck_assert_uint_lt(nr_doc, NR_DOC_MAX);
	doc[nr_doc++] = r;
}

static void read_document(void)
{
	FILE *f = fopen(TOP_SRCDIR "/doc/format.md", "r");
	char line[1024], type[32] = "";

	ck_assert_ptr_nonnull(f);
	nr_doc = 0;
	while (fgets(line, sizeof(line), f))
		parse_line(line, type);
	fclose(f);
}

static const struct doc_row *in_document(const struct row *r)
{
	for (size_t i = 0; i < nr_doc; i++)
		if (!strcmp(doc[i].type, r->type) && !strcmp(doc[i].field, r->field))
			return &doc[i];
	return NULL;
}

static bool in_header(const struct doc_row *d)
{
	for (size_t i = 0; i < NR_ROWS; i++)
		if (!strcmp(d->type, rows[i].type) && !strcmp(d->field, rows[i].field))
			return true;
	return false;
}

START_TEST(every_field_is_documented_where_it_is)
{
	for (size_t i = 0; i < NR_ROWS; i++) {
		const struct doc_row *d = in_document(&rows[i]);

		ck_assert_msg(d, "%s.%s is not in doc/format.md", rows[i].type, rows[i].field);
		ck_assert_msg(d->offset == rows[i].offset && d->size == rows[i].size,
			      "%s.%s is %zu bytes at %zu, doc/format.md says %zu at %zu", d->type, d->field,
			      rows[i].size, rows[i].offset, d->size, d->offset);
	}
}
END_TEST

START_TEST(every_documented_field_exists_once)
{
	for (size_t i = 0; i < nr_doc; i++)
		ck_assert_msg(in_header(&doc[i]), "%s.%s is not in format.h", doc[i].type, doc[i].field);
	ck_assert_uint_eq(nr_doc, NR_ROWS);
}
END_TEST

/* end of the fields of a type, which start at 0 and leave no gap; fields of a union share their offset */
static size_t tiled(const char *type)
{
	size_t end = 0;

	for (size_t i = 0; i < NR_ROWS; i++) {
		if (strcmp(rows[i].type, type) != 0)
			continue;
		if (rows[i].offset == end)
			end += rows[i].size;
		else
			ck_assert_msg(rows[i].offset + rows[i].size == end, "gap before %s.%s", type,
				      rows[i].field);
	}
	return end;
}

START_TEST(fields_leave_no_gap)
{
	for (size_t i = 0; i < NR_TYPES; i++)
		ck_assert_msg(tiled(types[i].type) == types[i].size, "fields of %s end at %zu, it has %zu bytes",
			      types[i].type, tiled(types[i].type), types[i].size);
}
END_TEST

/* the structure that a line of format.h closes over, if it opens one */
static bool opens_type(const char *line, char type[32])
{
	return sscanf(line, "struct %31s {", type) == 1 && strchr(line, '{');
}

START_TEST(every_structure_of_the_header_is_in_the_table)
{
	FILE *f = fopen(TOP_SRCDIR "/include/daxfs/format.h", "r");
	char line[1024], type[32];
	size_t found = 1;	/* sealed32 is a typedef */

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		bool known = false;

		if (!opens_type(line, type))
			continue;
		for (size_t i = 0; i < NR_TYPES; i++)
			known |= !strcmp(types[i].type, type);
		ck_assert_msg(known, "struct %s is not in the table of this test", type);
		found++;
	}
	fclose(f);
	ck_assert_uint_eq(found, NR_TYPES);
}
END_TEST

START_TEST(magics_read_as_the_document_says)
{
	ck_assert(memcmp(&(uint64_t){ htole64(DAXFS_SUPER_MAGIC) }, "dDAXFS01", 8) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_INODE_MAGIC) }, "INOD", 4) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_EXTNODE_MAGIC) }, "EXTN", 4) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_DIRBLK_MAGIC) }, "DIRB", 4) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_XATTR_MAGIC) }, "XATR", 4) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_LANE_MAGIC) }, "LANE", 4) == 0);
	ck_assert(memcmp(&(uint32_t){ htole32(DAXFS_SNAP_MAGIC) }, "SNAP", 4) == 0);
}
END_TEST

Suite *suite_format(void)
{
	Suite *s = suite_create("format");
	TCase *tc = tcase_create("document");

	tcase_add_checked_fixture(tc, read_document, NULL);
	tcase_add_test(tc, every_field_is_documented_where_it_is);
	tcase_add_test(tc, every_documented_field_exists_once);
	tcase_add_test(tc, fields_leave_no_gap);
	tcase_add_test(tc, every_structure_of_the_header_is_in_the_table);
	tcase_add_test(tc, magics_read_as_the_document_says);
	suite_add_tcase(s, tc);
	return s;
}
