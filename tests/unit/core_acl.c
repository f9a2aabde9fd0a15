/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_acl.c -- ACLs: which are valid, how they go with the mode, inheritance, crashes
 *
 * An ACL is written here as words of tag, id and octal permissions: "u:6 u5:7
 * g:4 g9:0 m:7 o:4" gives user 5 everything.
 */
#include <check.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/acl.h"
#include "core/file.h"
#include "core/instance.h"
#include "core/xattr.h"
#include "core_fixture.h"

#define ACCESS	ACL_ACCESS_NAME
#define DEFAULT	ACL_DEFAULT_NAME
#define MAX	DAXFS_XATTR_SIZE_MAX

Suite *suite_core_acl(void);

static struct cf c;
static struct inode *ip, *dir;

static void setup(void)
{
	cf_new(&c, MIB(16), CF_RAM);
	ip = cf_file(c.root, "f");
	dir = cf_dir(c.root, "d");
}

static void teardown(void)
{
	cf_free(&c);
}

static void crash(void)
{
	cf_crash(&c);
	ip = cf_look(c.root, "f");
	dir = cf_look(c.root, "d");
}

/* -- ACLs as text ---------------------------------------------------------------- */

struct acl { size_t size; uint8_t b[512]; };

static void put_number(struct acl *a, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		a->b[a->size++] = (uint8_t)(v >> 8 * i);
}

static uint32_t number(const struct acl *a, size_t at, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)a->b[at + i] << 8 * i;
	return v;
}

static uint32_t tag_of(char letter, bool named)
{
	switch (letter) {
	case 'u': return named ? ACL_USER : ACL_USER_OBJ;
	case 'g': return named ? ACL_GROUP : ACL_GROUP_OBJ;
	case 'm': return ACL_MASK;
	case 'o': return ACL_OTHER;
	default: return 0x40;	/* no tag */
	}
}

static struct acl acl(const char *text)
{
	struct acl a = { 0 };

	put_number(&a, 2, 4);
	while (*text) {
		char letter = *text++, *end;
		bool named = *text != ':';
		unsigned long id = named ? strtoul(text, &end, 10) : UINT32_MAX;

		text = strchr(text, ':') + 1;
		put_number(&a, tag_of(letter, named), 2);
		put_number(&a, (uint32_t)strtoul(text, &end, 8), 2);
		put_number(&a, (uint32_t)id, 4);
		text = end + strspn(end, " ");
	}
	return a;
}

static const char *text_of(const struct acl *a)
{
	static const char letters[] = { [ACL_USER_OBJ] = 'u', [ACL_USER] = 'u', [ACL_GROUP_OBJ] = 'g',
					[ACL_GROUP] = 'g', [ACL_MASK] = 'm', [ACL_OTHER] = 'o' };
	static char out[512];
	size_t n = 0;

	out[0] = '\0';
	for (size_t at = 4; at < a->size; at += 8) {
		uint32_t tag = number(a, at, 2), id = number(a, at + 4, 4);

		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%c", n ? " " : "", letters[tag]);
		if (tag == ACL_USER || tag == ACL_GROUP)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%u", id);
		n += (size_t)snprintf(out + n, sizeof(out) - n, ":%o", number(a, at + 2, 2));
	}
	return out;
}

static int set_flags(struct inode *f, const char *name, const char *text, int flags)
{
	struct acl a = acl(text);
	struct xattr_set_req rq = { .name = name, .value = a.b, .size = a.size, .flags = flags };

	return xattr_set(f, &rq);
}

static int set(struct inode *f, const char *name, const char *text)
{
	return set_flags(f, name, text, 0);
}

/* "" when there is none. */
static const char *get(struct inode *f, const char *name)
{
	struct acl a;
	ssize_t n = xattr_get(f, name, a.b, sizeof(a.b));

	if (n == -ENODATA)
		return "";
	ck_assert_int_gt(n, 4);
	a.size = (size_t)n;
	return text_of(&a);
}

static unsigned mode(struct inode *f)
{
	return cf_stat(f).mode & 07777;
}

static int chmod_to(struct inode *f, uint32_t to)
{
	return attr_set(f, &(struct iattr){ .mode = to }, ATTR_SET_MODE);
}

static struct inode *make(const char *name, mode_t m, mode_t umask)
{
	struct create_req rq = { .mode = m, .umask = umask, .target = "t", .cred = cf_root };
	struct inode *made = NULL;

	ck_assert_int_eq(namei_create(dir, cf_name(name), &rq, &made), 0);
	return made;
}

/* -- one ACL ------------------------------------------------------------------------ */

struct acl_case { const char *text; int want; };

static const struct acl_case cases[] = {
	{ "u:6 g:4 o:0", 0 },
	{ "u:6 u5:7 g:4 m:7 o:0", 0 },
	{ "u:6 u5:7 u5:7 g:4 m:7 o:0", 0 },		/* as the kernel has it */
	{ "u:6 u5:7 u4:7 g:4 g1:1 g0:0 m:7 o:0", 0 },
	{ "u:6 g:4 m:7 o:0", 0 },
	{ "u:6 u5:7 g:4 o:0", -EINVAL },		/* no mask */
	{ "u:6 g:4 g5:7 o:0", -EINVAL },
	{ "u:6 g:4", -EINVAL },
	{ "u:6 o:4", -EINVAL },
	{ "g:6 o:4", -EINVAL },
	{ "u:6 u:6 g:4 o:0", -EINVAL },
	{ "u:6 g:4 g:4 o:0", -EINVAL },
	{ "u:6 g:4 m:4 m:4 o:0", -EINVAL },
	{ "u:6 g:4 o:0 o:0", -EINVAL },
	{ "g:4 u:6 o:0", -EINVAL },			/* order */
	{ "u:6 g:4 u5:7 m:7 o:0", -EINVAL },
	{ "u:6 g:4 o:0 m:7", -EINVAL },
	{ "u:10 g:4 o:0", -EINVAL },
	{ "u:6 g:4 x:0 o:0", -EINVAL },
	{ "u:6 u4294967295:7 g:4 m:7 o:0", -EINVAL },
	{ "u:6 g:4 g4294967295:7 m:7 o:0", -EINVAL },
};

START_TEST(invalid_acls_are_einval)
{
	const struct acl_case *k = &cases[_i];
	struct acl a = acl(k->text);

	ck_assert_msg(acl_check(a.b, a.size) == k->want, "%s", k->text);
	ck_assert_int_eq(set(ip, ACCESS, k->text), k->want);
	ck_assert_int_eq(set(dir, DEFAULT, k->text), k->want);
	if (k->want) {
		ck_assert_str_eq(get(ip, ACCESS), "");
		ck_assert_uint_eq(mode(ip), 0644);
	}
}
END_TEST

START_TEST(form_of_other_length_or_version_is_refused)
{
	struct acl a = acl("u:6 u5:7 g:4 m:7 o:0");
	struct xattr_set_req rq = { .name = ACCESS, .value = a.b };

	for (rq.size = 0; rq.size < a.size; rq.size++)
		if (rq.size != 4)
			ck_assert_int_eq(xattr_set(ip, &rq), -EINVAL);
	rq.size = a.size;
	a.b[0] = 3;
	ck_assert_int_eq(xattr_set(ip, &rq), -EOPNOTSUPP);
	a.b[0] = 2;
	ck_assert_int_eq(xattr_set(ip, &rq), 0);
}
END_TEST

START_TEST(refusals_go_by_type)
{
	struct inode *link = make("l", S_IFLNK | 0777, 0), *fifo = make("p", S_IFIFO | 0600, 0);

	ck_assert_int_eq(set(link, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), -EOPNOTSUPP);
	ck_assert_int_eq(set(link, DEFAULT, "u:6 g:4 o:0"), -EOPNOTSUPP);
	ck_assert_int_eq(set(fifo, DEFAULT, "u:6 g:4 o:0"), -EACCES);
	ck_assert_int_eq(set(ip, DEFAULT, "u:6 g:4 o:0"), -EACCES);
	ck_assert_int_eq(xattr_remove(ip, DEFAULT), 0);
	ck_assert_int_eq(set(fifo, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), 0);
	ck_assert_str_eq(get(fifo, ACCESS), "u:6 u5:7 g:4 m:7 o:0");
	ck_assert_int_eq(set(ip, "system.posix_acl_other", "u:6 g:4 o:0"), -EOPNOTSUPP);
	inode_put(link, 1);
	inode_put(fifo, 1);
}
END_TEST

/* -- ACL and mode ------------------------------------------------------------------------- */

START_TEST(acl_that_says_what_the_mode_says_is_the_mode)
{
	ck_assert_int_eq(set(ip, ACCESS, "u:7 g:5 o:1"), 0);
	ck_assert_uint_eq(mode(ip), 0751);
	ck_assert_str_eq(get(ip, ACCESS), "");
	ck_assert_uint_eq(cf_stat(ip).blocks, 0);
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), 0);
	ck_assert_int_eq(set(ip, ACCESS, "u:6 g:4 o:4"), 0);
	ck_assert_uint_eq(mode(ip), 0644);
	ck_assert_str_eq(get(ip, ACCESS), "");
	ck_assert_uint_eq(cf_stat(ip).blocks, 0);
	ck_assert_int_eq(set(dir, DEFAULT, "u:6 g:4 o:4"), 0);
	ck_assert_str_eq(get(dir, DEFAULT), "u:6 g:4 o:4");
}
END_TEST

START_TEST(group_bits_are_the_mask)
{
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 m:3 o:1"), 0);
	ck_assert_uint_eq(mode(ip), 0631);
	crash();
	ck_assert_uint_eq(mode(ip), 0631);
	ck_assert_str_eq(get(ip, ACCESS), "u:6 u5:7 g:4 m:3 o:1");
	ck_assert_int_eq(set(ip, ACCESS, "u:7 g:4 m:0 o:0"), 0);
	ck_assert_uint_eq(mode(ip), 0700);
}
END_TEST

START_TEST(chmod_changes_the_mask_and_not_the_group)
{
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 g6:1 m:7 o:0"), 0);
	ck_assert_int_eq(chmod_to(ip, 05527), 0);
	ck_assert_str_eq(get(ip, ACCESS), "u:5 u5:7 g:4 g6:1 m:2 o:7");
	crash();
	ck_assert_uint_eq(mode(ip), 05527);
	ck_assert_str_eq(get(ip, ACCESS), "u:5 u5:7 g:4 g6:1 m:2 o:7");
}
END_TEST

START_TEST(chmod_leaves_default_acl_and_other_attributes_alone)
{
	struct xattr_set_req rq = { .name = "user.a", .value = "one", .size = 3 };

	ck_assert_int_eq(set(dir, DEFAULT, "u:6 u5:7 g:4 m:7 o:0"), 0);
	ck_assert_uint_eq(mode(dir), 0755);
	ck_assert_int_eq(xattr_set(dir, &rq), 0);
	ck_assert_int_eq(chmod_to(dir, 0700), 0);
	ck_assert_str_eq(get(dir, DEFAULT), "u:6 u5:7 g:4 m:7 o:0");
	ck_assert_int_eq(xattr_get(dir, "user.a", NULL, 0), 3);
	ck_assert_str_eq(get(dir, ACCESS), "");
}
END_TEST

START_TEST(removal_leaves_the_mode)
{
	ck_assert_int_eq(xattr_remove(ip, ACCESS), 0);
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), 0);
	ck_assert_int_eq(xattr_remove(ip, ACCESS), 0);
	ck_assert_uint_eq(mode(ip), 0670);
	ck_assert_str_eq(get(ip, ACCESS), "");
	ck_assert_int_eq(set(dir, DEFAULT, "u:6 g:4 o:0"), 0);
	ck_assert_int_eq(set(dir, DEFAULT, ""), 0);
	ck_assert_str_eq(get(dir, DEFAULT), "");
	ck_assert_uint_eq(cf_stat(dir).blocks, 0);
}
END_TEST

START_TEST(acl_clears_setgid_only_when_told)
{
	ck_assert_int_eq(chmod_to(ip, 06755), 0);
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), 0);
	ck_assert_uint_eq(mode(ip), 06670);
	ck_assert_int_eq(set_flags(ip, ACCESS, "u:6 u5:7 g:4 m:6 o:0", XATTR_KILL_SGID), 0);
	ck_assert_uint_eq(mode(ip), 04660);
	ck_assert_int_eq(chmod_to(dir, 02755), 0);
	ck_assert_int_eq(set_flags(dir, DEFAULT, "u:6 g:4 o:0", XATTR_KILL_SGID), 0);
	ck_assert_uint_eq(mode(dir), 02755);
	ck_assert_int_eq(set_flags(dir, ACCESS, "u:6 g:4 o:0", XATTR_KILL_SGID), 0);
	ck_assert_uint_eq(mode(dir), 0640);
}
END_TEST

START_TEST(create_and_replace_mean_nothing_for_acls)
{
	ck_assert_int_eq(set_flags(ip, ACCESS, "u:6 u5:7 g:4 m:7 o:0", XATTR_REPLACE), 0);
	ck_assert_int_eq(set_flags(ip, ACCESS, "u:6 u5:1 g:4 m:7 o:0", XATTR_CREATE), 0);
	ck_assert_str_eq(get(ip, ACCESS), "u:6 u5:1 g:4 m:7 o:0");
}
END_TEST

/* Of 8,191 entries: a chain of blocks that chmod has to write anew. */
START_TEST(largest_acl_is_kept_in_step_too)
{
	struct acl few = acl("u:6 u5:7 g:4 m:7 o:0");
	size_t named = (MAX - 4) / 8 - 4;
	uint8_t *big = malloc(MAX), *got = malloc(MAX);
	struct xattr_set_req rq = { .name = ACCESS, .value = big, .size = 4 + 8 * (named + 4) };

	memcpy(big, few.b, 12);
	for (size_t i = 0; i < named; i++)
		memcpy(big + 12 + 8 * i, few.b + 12, 8);
	memcpy(big + 12 + 8 * named, few.b + 20, 24);
	ck_assert_int_eq(xattr_set(ip, &rq), 0);
	ck_assert_int_eq(chmod_to(ip, 0600), 0);
	ck_assert_int_eq(xattr_get(ip, ACCESS, got, MAX), (int)rq.size);
	big[rq.size - 16 + 2] = 0;	/* the mask */
	ck_assert_mem_eq(got, big, rq.size);
	rq.size = MAX + 4;
	ck_assert_int_eq(xattr_set(ip, &rq), -E2BIG);
	free(big);
	free(got);
}
END_TEST

/* -- inheritance ----------------------------------------------------------------------------- */

START_TEST(without_default_acl_the_umask_counts)
{
	struct inode *f = make("x", S_IFREG | 04777, 0027), *l = make("l", S_IFLNK | 0777, 0077);

	ck_assert_uint_eq(mode(f), 04750);
	ck_assert_uint_eq(mode(l), 0777);
	ck_assert_int_eq(set(dir, ACCESS, "u:7 u5:7 g:7 m:7 o:7"), 0);
	inode_put(f, 1);
	f = make("y", S_IFREG | 0666, 0022);
	ck_assert_uint_eq(mode(f), 0644);
	ck_assert_uint_eq(cf_stat(f).blocks, 0);
	inode_put(f, 1);
	inode_put(l, 1);
}
END_TEST

START_TEST(file_gets_the_default_acl_less_what_was_not_asked_for)
{
	ck_assert_int_eq(set(dir, DEFAULT, "u:7 u5:7 g:5 g6:2 m:7 o:5"), 0);
	struct inode *f = make("x", S_IFREG | 02640, 0777);

	ck_assert_uint_eq(mode(f), 02640);
	ck_assert_str_eq(get(f, ACCESS), "u:6 u5:7 g:5 g6:2 m:4 o:0");
	ck_assert_str_eq(get(f, DEFAULT), "");
	ck_assert_uint_eq(cf_stat(f).blocks, 1);
	inode_put(f, 1);
	crash();
	f = cf_look(dir, "x");
	ck_assert_uint_eq(mode(f), 02640);
	ck_assert_str_eq(get(f, ACCESS), "u:6 u5:7 g:5 g6:2 m:4 o:0");
	inode_put(f, 1);
}
END_TEST

START_TEST(directory_gets_it_as_default_as_well)
{
	ck_assert_int_eq(set(dir, DEFAULT, "u:7 u5:7 g:5 m:5 o:0"), 0);
	struct inode *d = make("x", S_IFDIR | 0777, 0777), *saved = dir;

	ck_assert_uint_eq(mode(d), 0750);
	ck_assert_str_eq(get(d, ACCESS), "u:7 u5:7 g:5 m:5 o:0");
	ck_assert_str_eq(get(d, DEFAULT), "u:7 u5:7 g:5 m:5 o:0");
	dir = d;
	struct inode *f = make("y", S_IFREG | 0666, 0777);

	dir = saved;
	ck_assert_str_eq(get(f, ACCESS), "u:6 u5:7 g:5 m:4 o:0");
	inode_put(f, 1);
	inode_put(d, 1);
}
END_TEST

START_TEST(small_default_acl_gives_a_mode_and_no_attribute)
{
	ck_assert_int_eq(set(dir, DEFAULT, "u:7 g:6 o:1"), 0);
	struct inode *f = make("x", S_IFREG | 0666, 0777), *l = make("l", S_IFLNK | 0777, 0777);

	ck_assert_uint_eq(mode(f), 0660);
	ck_assert_uint_eq(cf_stat(f).blocks, 0);
	ck_assert_uint_eq(mode(l), 0777);
	ck_assert_uint_eq(cf_stat(l).blocks, 0);
	inode_put(f, 1);
	inode_put(l, 1);
}
END_TEST

START_TEST(file_without_a_name_inherits_too)
{
	struct create_req rq = { .mode = S_IFREG | 0666, .umask = 0777, .cred = cf_root };
	struct inode *f;

	ck_assert_int_eq(set(dir, DEFAULT, "u:7 u5:7 g:5 m:7 o:5"), 0);
	ck_assert_int_eq(namei_tmpfile(dir, &rq, &f), 0);
	ck_assert_str_eq(get(f, ACCESS), "u:6 u5:7 g:5 m:6 o:4");
	inode_put(f, 1);
	ck_assert_int_eq(xattr_remove(dir, DEFAULT), 0);
	ck_assert_int_eq(namei_tmpfile(dir, &rq, &f), 0);
	ck_assert_uint_eq(mode(f), 0);
	inode_put(f, 1);
}
END_TEST

START_TEST(blocks_of_inherited_acls_come_back)
{
	ck_assert_int_eq(set(dir, DEFAULT, "u:7 u5:7 g:5 m:7 o:5"), 0);
	inode_put(make("room for a name", S_IFREG | 0600, 0), 1);
	ck_assert_int_eq(cf_unlink(dir, "room for a name"), 0);
	uint64_t before = cf_bfree(&c);

	for (unsigned i = 0; i < 20; i++) {
		inode_put(make("x", S_IFREG | 0666, 0), 1);
		ck_assert_int_eq(cf_unlink(dir, "x"), 0);
	}
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

/* -- what may go wrong -------------------------------------------------------------------------- */

static void fill_up(void)
{
	struct inode *filler = cf_file(c.root, "filler");

	while (cf_bfree(&c))
		cf_fill(filler, cf_stat(filler).size, (cf_bfree(&c) > 200 ? 100 : 1) * CF_BLOCK, 'f');
	inode_put(filler, 1);
}

START_TEST(full_filesystem_leaves_acl_mode_and_names_as_they_are)
{
	struct create_req rq = { .mode = S_IFREG | 0666, .cred = cf_root };
	struct inode *f;

	ck_assert_int_eq(set(dir, DEFAULT, "u:7 u5:7 g:5 m:7 o:5"), 0);
	inode_put(make("room for a name", S_IFREG | 0600, 0), 1);
	ck_assert_int_eq(cf_unlink(dir, "room for a name"), 0);
	fill_up();
	ck_assert_int_eq(set(ip, ACCESS, "u:7 u5:7 g:5 m:7 o:5"), -ENOSPC);
	ck_assert_uint_eq(mode(ip), 0644);
	ck_assert_str_eq(get(ip, ACCESS), "");
	ck_assert_int_eq(namei_create(dir, cf_name("x"), &rq, &f), -ENOSPC);
	ck_assert_int_eq(namei_tmpfile(dir, &rq, &f), -ENOSPC);
	ck_assert(!cf_exists(dir, "x"));
	ck_assert_uint_eq(cf_bfree(&c), 0);
	ck_assert(!fs_rdonly(c.fs));
}
END_TEST

/* An inode's attribute block as somebody else may have written it: a permission that does not exist. */
static void spoil_acl(struct inode *f)
{
	struct dxattrblk *b = disk_ptr(&c.fs->disk, f->xattr);

	b->data[sizeof(struct dxattr) + sizeof(ACCESS) - 1 + 4 + 2] = 8;	/* both names are as long */
	b->csum = le32_make(block_csum(b, sizeof(*b), offsetof(struct dxattrblk, csum)));
}

START_TEST(malformed_acl_on_media_is_damage)
{
	quiet();
	ck_assert_int_eq(set(ip, ACCESS, "u:6 u5:7 g:4 m:7 o:0"), 0);
	spoil_acl(ip);
	ck_assert_int_eq(chmod_to(ip, 0600), -EUCLEAN);
	ck_assert_uint_eq(mode(ip), 0670);
	ck_assert(fs_rdonly(c.fs));
}
END_TEST

START_TEST(malformed_default_acl_makes_no_file)
{
	struct create_req rq = { .mode = S_IFREG | 0666, .cred = cf_root };
	struct inode *f;

	quiet();
	ck_assert_int_eq(set(dir, DEFAULT, "u:6 u5:7 g:4 m:7 o:0"), 0);
	spoil_acl(dir);
	ck_assert_int_eq(namei_create(dir, cf_name("x"), &rq, &f), -EUCLEAN);
	ck_assert(!cf_exists(dir, "x"));
}
END_TEST

static TCase *mode_case(void)
{
	TCase *tc = cf_case("mode", setup, teardown);

	tcase_add_loop_test(tc, invalid_acls_are_einval, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, form_of_other_length_or_version_is_refused);
	tcase_add_test(tc, refusals_go_by_type);
	tcase_add_test(tc, acl_that_says_what_the_mode_says_is_the_mode);
	tcase_add_test(tc, group_bits_are_the_mask);
	tcase_add_test(tc, chmod_changes_the_mask_and_not_the_group);
	tcase_add_test(tc, chmod_leaves_default_acl_and_other_attributes_alone);
	tcase_add_test(tc, removal_leaves_the_mode);
	tcase_add_test(tc, acl_clears_setgid_only_when_told);
	tcase_add_test(tc, create_and_replace_mean_nothing_for_acls);
	tcase_add_test(tc, largest_acl_is_kept_in_step_too);
	return tc;
}

static TCase *inheritance_case(void)
{
	TCase *tc = cf_case("inheritance", setup, teardown);

	tcase_add_test(tc, without_default_acl_the_umask_counts);
	tcase_add_test(tc, file_gets_the_default_acl_less_what_was_not_asked_for);
	tcase_add_test(tc, directory_gets_it_as_default_as_well);
	tcase_add_test(tc, small_default_acl_gives_a_mode_and_no_attribute);
	tcase_add_test(tc, file_without_a_name_inherits_too);
	tcase_add_test(tc, blocks_of_inherited_acls_come_back);
	return tc;
}

static TCase *trouble_case(void)
{
	TCase *tc = cf_case("trouble", setup, teardown);

	tcase_add_test(tc, full_filesystem_leaves_acl_mode_and_names_as_they_are);
	tcase_add_test(tc, malformed_acl_on_media_is_damage);
	tcase_add_test(tc, malformed_default_acl_makes_no_file);
	return tc;
}

Suite *suite_core_acl(void)
{
	Suite *s = suite_create("core_acl");

	suite_add_tcase(s, mode_case());
	suite_add_tcase(s, inheritance_case());
	suite_add_tcase(s, trouble_case());
	return s;
}
