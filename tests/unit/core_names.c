/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * core_names.c -- operations on names: what they refuse, link counts, modes,
 * orphans, and directories that are read while they change
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dir.h"
#include "core/file.h"
#include "core_fixture.h"

Suite *suite_core_names(void);

static struct cf c;
static struct inode *a, *b;		/* directories */

static void setup(void)
{
	cf_new(&c, MIB(64), CF_RAM);
	a = cf_dir(c.root, "a");
	b = cf_dir(c.root, "b");
}

static void teardown(void)
{
	cf_free(&c);
}

static void crash(void)
{
	put(a);
	put(b);
	cf_crash(&c);
	a = cf_look(c.root, "a");
	b = cf_look(c.root, "b");
}

static int move(struct inode *from, const char *src, struct inode *to, const char *dst, unsigned flags)
{
	struct rename_req rq = {
		.src_dir = from, .dst_dir = to, .src = cf_name(src), .dst = cf_name(dst),
		.flags = flags, .cred = cf_root,
	};

	return namei_rename(&rq);
}

static uint64_t dotdot(struct inode *dir)
{
	struct inode *up = cf_look(dir, "..");
	uint64_t ino = up->ino;

	put(up);
	return ino;
}

static uint64_t ino_of(struct inode *dir, const char *name)
{
	struct inode *ip = cf_look(dir, name);
	uint64_t ino = ip ? ip->ino : 0;

	if (ip)
		put(ip);
	return ino;
}

/* -- rename: refusals -------------------------------------------------------- */

START_TEST(rename_of_directory_into_its_own_subtree_is_refused)
{
	struct inode *deep = cf_dir(a, "deep"), *deeper = cf_dir(deep, "deeper");

	ck_assert_int_eq(move(c.root, "a", a, "x", 0), -EINVAL);
	ck_assert_int_eq(move(c.root, "a", deep, "x", 0), -EINVAL);
	ck_assert_int_eq(move(c.root, "a", deeper, "x", 0), -EINVAL);
	ck_assert_int_eq(move(deep, "deeper", c.root, "a", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(move(c.root, "a", deep, "deeper", RENAME_EXCHANGE), -EINVAL);
	ck_assert_uint_eq(ino_of(c.root, "a"), a->ino);
	put(deeper);
	put(deep);
}
END_TEST

START_TEST(rename_over_ancestor_is_refused)
{
	struct inode *deep = cf_dir(a, "deep");

	put(cf_dir(deep, "d"));
	ck_assert_int_eq(move(deep, "d", c.root, "a", 0), -ENOTEMPTY);
	ck_assert_int_eq(move(deep, "d", a, "deep", 0), -ENOTEMPTY);
	put(deep);
}
END_TEST

START_TEST(rename_over_directory_with_names_is_refused)
{
	put(cf_file(b, "f"));
	ck_assert_int_eq(move(c.root, "a", c.root, "b", 0), -ENOTEMPTY);
	ck_assert_int_eq(cf_unlink(b, "f"), 0);
	ck_assert_int_eq(move(c.root, "a", c.root, "b", 0), 0);
	ck_assert_uint_eq(ino_of(c.root, "b"), a->ino);
	ck_assert(!cf_exists(c.root, "a"));
	ck_assert_uint_eq(cf_nlink(c.root), 3);
	ck_assert_uint_eq(cf_nlink(b), 0);
}
END_TEST

START_TEST(rename_keeps_files_and_directories_apart)
{
	put(cf_file(a, "f"));
	put(cf_dir(a, "d"));
	ck_assert_int_eq(cf_mv(a, "d", "f", 0), -ENOTDIR);
	ck_assert_int_eq(cf_mv(a, "f", "d", 0), -EISDIR);
	ck_assert_int_eq(move(a, "d", a, "none", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(move(a, "none", b, "x", 0), -ENOENT);
	ck_assert_uint_eq(cf_nlink(a), 3);
}
END_TEST

START_TEST(rename_noreplace_refuses_an_existing_name)
{
	put(cf_file(a, "f"));
	put(cf_file(b, "g"));
	ck_assert_int_eq(move(a, "f", b, "g", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(move(a, "f", a, "f", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(move(a, "f", b, "h", RENAME_NOREPLACE), 0);
	ck_assert(cf_exists(b, "h") && !cf_exists(a, "f"));
}
END_TEST

START_TEST(rename_refuses_unknown_flags_dots_and_slashes)
{
	put(cf_file(a, "f"));
	ck_assert_int_eq(move(a, "f", b, "f", RENAME_NOREPLACE | RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(move(a, "f", b, "f", RENAME_WHITEOUT | RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(move(a, "f", b, "f", 8), -EINVAL);
	ck_assert_int_eq(move(a, "f", b, ".", 0), -EINVAL);
	ck_assert_int_eq(move(a, "..", b, "x", 0), -EINVAL);
	ck_assert_int_eq(move(a, "f", b, "x/y", 0), -EINVAL);
	ck_assert_int_eq(move(a, "f", b, "", 0), -EINVAL);
}
END_TEST

START_TEST(rename_with_whiteout_leaves_a_device_that_nobody_has)
{
	struct inode *f, *w;

	put(cf_file(a, "f"));
	put(cf_file(b, "g"));
	ck_assert_int_eq(move(a, "none", b, "x", RENAME_WHITEOUT), -ENOENT);
	ck_assert_int_eq(move(a, "f", b, "g", RENAME_WHITEOUT | RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(move(a, "f", b, "g", RENAME_WHITEOUT), 0);
	w = cf_look(a, "f");
	ck_assert_uint_eq(cf_stat(w).mode, S_IFCHR);
	ck_assert_uint_eq(cf_stat(w).rdev, 0);
	ck_assert_uint_eq(cf_stat(w).nlink, 1);
	put(w);
	ck_assert_int_eq(move(b, "g", a, "f", 0), 0);
	ck_assert(!cf_exists(b, "g"));
	f = cf_look(a, "f");
	ck_assert(S_ISREG(cf_stat(f).mode));
	put(f);
}
END_TEST

START_TEST(rename_into_removed_directory_finds_nothing)
{
	put(cf_file(a, "f"));
	ck_assert_int_eq(cf_rmdir(c.root, "b"), 0);
	ck_assert_int_eq(move(a, "f", b, "f", 0), -ENOENT);
	ck_assert(cf_exists(a, "f"));
}
END_TEST

/* -- rename: what it does ---------------------------------------------------- */

START_TEST(rename_replaces_a_file_and_ends_it)
{
	struct inode *f = cf_file(a, "f"), *g = cf_file(b, "g");

	ck_assert_int_eq(move(a, "f", b, "g", 0), 0);
	ck_assert_uint_eq(ino_of(b, "g"), f->ino);
	ck_assert(!cf_exists(a, "f"));
	ck_assert_uint_eq(cf_nlink(g), 0);
	ck_assert_uint_eq(cf_nlink(f), 1);
	put(f);
	put(g);
}
END_TEST

START_TEST(rename_moves_a_directory_with_its_dotdot)
{
	put(cf_dir(a, "d"));
	ck_assert_int_eq(move(a, "d", b, "e", 0), 0);
	struct inode *e = cf_look(b, "e");

	ck_assert_uint_eq(dotdot(e), b->ino);
	ck_assert_uint_eq(cf_nlink(a), 2);
	ck_assert_uint_eq(cf_nlink(b), 3);
	put(e);
}
END_TEST

static void check_exchanged(uint64_t dir, uint64_t file)
{
	struct inode *d;

	ck_assert_uint_eq(ino_of(a, "d"), file);
	ck_assert_uint_eq(ino_of(b, "f"), dir);
	d = cf_look(b, "f");
	ck_assert_uint_eq(dotdot(d), b->ino);
	ck_assert_uint_eq(cf_nlink(d), 2);
	put(d);
	ck_assert_uint_eq(cf_nlink(a), 2);
	ck_assert_uint_eq(cf_nlink(b), 3);
}

START_TEST(rename_exchange_of_directory_and_file_keeps_counts_and_dotdot)
{
	struct inode *d = cf_dir(a, "d"), *f = cf_file(b, "f");
	uint64_t dir = d->ino, file = f->ino;

	put(d);
	put(f);
	if (_i)
		ck_assert_int_eq(move(a, "d", b, "f", RENAME_EXCHANGE), 0);
	else
		ck_assert_int_eq(move(b, "f", a, "d", RENAME_EXCHANGE), 0);
	check_exchanged(dir, file);
	crash();
	check_exchanged(dir, file);
}
END_TEST

START_TEST(rename_between_two_names_of_one_inode_does_nothing)
{
	struct inode *f = cf_file(a, "f");

	ck_assert_int_eq(namei_link(f, b, cf_name("g")), 0);
	int64_t ctime = cf_stat(f).ctime;

	ck_assert_int_eq(move(a, "f", b, "g", 0), 0);
	ck_assert_int_eq(move(a, "f", b, "g", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(move(a, "f", a, "f", 0), 0);
	ck_assert(cf_exists(a, "f") && cf_exists(b, "g"));
	ck_assert_uint_eq(cf_nlink(f), 2);
	ck_assert_int_eq(cf_stat(f).ctime, ctime);
	put(f);
}
END_TEST

START_TEST(rename_within_a_directory_over_a_subdirectory_lowers_its_count)
{
	put(cf_dir(a, "x"));
	put(cf_dir(a, "y"));
	ck_assert_uint_eq(cf_nlink(a), 4);
	ck_assert_int_eq(cf_mv(a, "x", "y", 0), 0);
	ck_assert_uint_eq(cf_nlink(a), 3);
}
END_TEST

/* -- link counts ------------------------------------------------------------- */

START_TEST(link_and_unlink_count_the_names)
{
	struct inode *f = cf_file(a, "f");

	ck_assert_int_eq(namei_link(f, a, cf_name("f")), -EEXIST);
	ck_assert_int_eq(namei_link(f, b, cf_name("g")), 0);
	ck_assert_uint_eq(cf_nlink(f), 2);
	ck_assert_int_eq(namei_link(b, a, cf_name("dir")), -EPERM);
	ck_assert_int_eq(cf_unlink(a, "f"), 0);
	ck_assert_int_eq(cf_unlink(b, "g"), 0);
	ck_assert_uint_eq(cf_nlink(f), 0);
	ck_assert_int_eq(cf_unlink(b, "g"), -ENOENT);
	put(f);
}
END_TEST

START_TEST(subdirectories_count_in_their_parent)
{
	ck_assert_uint_eq(cf_nlink(c.root), 4);
	put(cf_dir(a, "d"));
	put(cf_file(a, "f"));
	ck_assert_uint_eq(cf_nlink(a), 3);
	ck_assert_int_eq(cf_rmdir(c.root, "a"), -ENOTEMPTY);
	ck_assert_int_eq(cf_rmdir(a, "f"), -ENOTDIR);
	ck_assert_int_eq(cf_unlink(a, "d"), -EISDIR);
	ck_assert_int_eq(cf_rmdir(a, "d"), 0);
	ck_assert_uint_eq(cf_nlink(a), 2);
}
END_TEST

START_TEST(removed_directory_holds_nothing_and_takes_nothing)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *out, *f = cf_file(a, "f");

	ck_assert_int_eq(cf_rmdir(c.root, "b"), 0);
	ck_assert_uint_eq(cf_nlink(b), 0);
	ck_assert_int_eq(namei_create(b, cf_name("x"), &rq, &out), -ENOENT);
	ck_assert_int_eq(namei_tmpfile(b, &rq, &out), -ENOENT);
	ck_assert_int_eq(namei_link(f, b, cf_name("x")), -ENOENT);
	ck_assert_int_eq(namei_lookup(b, cf_name("x"), &out), -ENOENT);
	put(f);
}
END_TEST

/* -- sticky and setgid ------------------------------------------------------- */

static const struct cred alice = { .uid = 1000, .gid = 1000 }, bob = { .uid = 1001, .gid = 1001 };

static struct inode *make_as(struct inode *dir, const char *name, mode_t mode, const struct cred *who)
{
	struct create_req rq = { .mode = mode, .cred = *who };
	struct inode *ip;

	ck_assert_int_eq(namei_create(dir, cf_name(name), &rq, &ip), 0);
	return ip;
}

START_TEST(sticky_directory_lets_only_owners_remove)
{
	struct inode *tmp = make_as(c.root, "tmp", S_IFDIR | S_ISVTX | 0777, &cf_root);

	put(make_as(tmp, "f", S_IFREG | 0666, &alice));
	put(make_as(tmp, "d", S_IFDIR | 0777, &alice));
	ck_assert_int_eq(namei_unlink(tmp, cf_name("f"), &bob), -EPERM);
	ck_assert_int_eq(namei_rmdir(tmp, cf_name("d"), &bob), -EPERM);
	ck_assert_int_eq(namei_unlink(tmp, cf_name("f"), &alice), 0);
	ck_assert_int_eq(namei_rmdir(tmp, cf_name("d"), &cf_root), 0);
	put(tmp);
}
END_TEST

START_TEST(sticky_directory_guards_source_and_target_of_rename)
{
	struct inode *tmp = make_as(c.root, "tmp", S_IFDIR | S_ISVTX | 0777, &cf_root);
	struct rename_req out = { .src_dir = tmp, .dst_dir = a, .src = cf_name("f"), .dst = cf_name("x"), .cred = bob };
	struct rename_req over = { .src_dir = a, .dst_dir = tmp, .src = cf_name("g"), .dst = cf_name("f"), .cred = bob };

	put(make_as(tmp, "f", S_IFREG | 0666, &alice));
	put(make_as(a, "g", S_IFREG | 0666, &bob));
	ck_assert_int_eq(namei_rename(&out), -EPERM);
	ck_assert_int_eq(namei_rename(&over), -EPERM);
	over.cred = alice;
	ck_assert_int_eq(namei_rename(&over), 0);
	put(tmp);
}
END_TEST

START_TEST(owner_of_sticky_directory_may_remove)
{
	struct inode *tmp = make_as(c.root, "tmp", S_IFDIR | S_ISVTX | 0777, &bob);

	put(make_as(tmp, "f", S_IFREG | 0666, &alice));
	ck_assert_int_eq(namei_unlink(tmp, cf_name("f"), &bob), 0);
	put(tmp);
}
END_TEST

START_TEST(setgid_directory_gives_its_group_and_to_directories_its_bit)
{
	const struct cred staff = { .uid = 5, .gid = 50 };
	struct inode *dir = make_as(c.root, "s", S_IFDIR | S_ISGID | 0775, &staff);
	struct inode *f = make_as(dir, "f", S_IFREG | 0644, &alice);
	struct inode *d = make_as(dir, "d", S_IFDIR | 0755, &alice);
	struct inode *plain = make_as(a, "p", S_IFREG | 0644, &alice);

	ck_assert_uint_eq(cf_stat(f).gid, 50);
	ck_assert_uint_eq(cf_stat(f).uid, 1000);
	ck_assert_uint_eq(cf_stat(f).mode & S_ISGID, 0);
	ck_assert_uint_eq(cf_stat(d).gid, 50);
	ck_assert_uint_eq(cf_stat(d).mode & S_ISGID, S_ISGID);
	ck_assert_uint_eq(cf_stat(plain).gid, 1000);
	put(f);
	put(d);
	put(plain);
	put(dir);
}
END_TEST

START_TEST(change_of_owner_clears_set_id_bits_of_executables)
{
	struct inode *x = make_as(a, "x", S_IFREG | S_ISUID | S_ISGID | 0755, &alice);
	struct inode *lock = make_as(a, "lock", S_IFREG | S_ISGID | 0644, &alice);
	struct iattr to = { .uid = 1001 };

	ck_assert_int_eq(attr_set(x, &to, ATTR_SET_UID), 0);
	ck_assert_int_eq(attr_set(lock, &to, ATTR_SET_UID), 0);
	ck_assert_uint_eq(cf_stat(x).mode, S_IFREG | 0755);
	ck_assert_uint_eq(cf_stat(lock).mode, S_IFREG | S_ISGID | 0644);
	put(x);
	put(lock);
}
END_TEST

START_TEST(write_that_kills_privileges_clears_set_id_bits)
{
	struct inode *x = make_as(a, "x", S_IFREG | S_ISUID | S_ISGID | 0755, &alice);

	ck_assert_int_eq(file_write(x, "y", 1, 0, 0), 1);
	ck_assert_uint_eq(cf_stat(x).mode, S_IFREG | S_ISUID | S_ISGID | 0755);
	ck_assert_int_eq(file_write(x, "y", 1, 0, FILE_KILL_PRIV), 1);
	ck_assert_uint_eq(cf_stat(x).mode, S_IFREG | 0755);
	put(x);
}
END_TEST

/* -- lengths ----------------------------------------------------------------- */

START_TEST(name_of_255_bytes_lives_and_one_of_256_is_too_long)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	char name[258] = "";
	struct inode *out, *f;

	memset(name, 'n', 255);
	f = cf_file(a, name);
	ck_assert(cf_exists(a, name));
	name[255] = 'n';
	ck_assert_int_eq(namei_create(a, cf_name(name), &rq, &out), -ENAMETOOLONG);
	ck_assert_int_eq(namei_lookup(a, cf_name(name), &out), -ENAMETOOLONG);
	ck_assert_int_eq(namei_link(f, a, cf_name(name)), -ENAMETOOLONG);
	ck_assert_int_eq(cf_unlink(a, name), -ENAMETOOLONG);
	ck_assert_int_eq(move(a, name, a, "x", 0), -ENAMETOOLONG);
	ck_assert_int_eq(move(a, "x", a, name, 0), -ENAMETOOLONG);
	name[255] = '\0';
	ck_assert_int_eq(cf_unlink(a, name), 0);
	put(f);
}
END_TEST

static int make_link(const char *name, const char *target)
{
	struct create_req rq = { .mode = S_IFLNK | 0777, .target = target, .cred = cf_root };
	struct inode *ip;
	int err = namei_create(a, cf_name(name), &rq, &ip);

	if (!err)
		put(ip);
	return err;
}

static void check_link(const char *name, const char *target)
{
	struct inode *ip = cf_look(a, name);
	char buf[4096];

	ck_assert_int_eq(namei_readlink(ip, buf, sizeof(buf)), (int)strlen(target));
	ck_assert_str_eq(buf, target);
	ck_assert_uint_eq(cf_stat(ip).size, strlen(target));
	ck_assert_int_eq(namei_readlink(ip, buf, strlen(target)), -ERANGE);
	put(ip);
}

START_TEST(symlinks_of_every_length_survive_a_crash)
{
	static const size_t lens[] = { 1, 143, 144, 145, 146, 4094, 4095 };
	char target[4097] = "", name[16];

	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			memset(target, 'a' + (int)i, lens[i]);
			target[lens[i]] = '\0';
			snprintf(name, sizeof(name), "l%zu", lens[i]);
			if (!round)
				ck_assert_int_eq(make_link(name, target), 0);
			check_link(name, target);
		}
		crash();
	}
}
END_TEST

START_TEST(symlink_target_must_not_be_empty_nor_4096_bytes)
{
	char target[4097] = "";

	memset(target, 't', 4096);
	ck_assert_int_eq(make_link("l", target), -ENAMETOOLONG);
	ck_assert_int_eq(make_link("l", ""), -ENOENT);
	ck_assert(!cf_exists(a, "l"));
}
END_TEST

START_TEST(long_symlink_gives_its_block_back)
{
	char target[1001] = "";
	uint64_t before = cf_bfree(&c);

	memset(target, 't', 1000);
	ck_assert_int_eq(make_link("l", target), 0);	/* the directory gets its block here too */
	ck_assert_uint_eq(cf_bfree(&c), before - 2);
	ck_assert_int_eq(cf_unlink(a, "l"), 0);
	ck_assert_uint_eq(cf_bfree(&c), before - 1);
}
END_TEST

/* -- orphans ----------------------------------------------------------------- */

START_TEST(unlinked_open_file_lives_until_its_last_reference)
{
	put(cf_file(a, "first"));	/* a's block */
	uint64_t before = cf_bfree(&c);
	struct inode *f = cf_file(a, "f");

	cf_fill(f, 0, KIB(200), 'f');
	ck_assert_int_eq(cf_unlink(a, "f"), 0);
	ck_assert(!cf_exists(a, "f"));
	ck_assert(cf_is(f, 0, KIB(200), 'f'));
	cf_fill(f, KIB(200), KIB(8), 'g');
	ck_assert_uint_lt(cf_bfree(&c), before);
	put(f);
	ck_assert_uint_eq(cf_bfree(&c), before);
}
END_TEST

START_TEST(orphans_are_reclaimed_after_a_crash)
{
	put(cf_file(c.root, "first"));
	struct fs_stat before = cf_statfs(&c), after;
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *f = cf_file(c.root, "f"), *tmp, *d = cf_dir(c.root, "d");

	ck_assert_int_eq(namei_tmpfile(c.root, &rq, &tmp), 0);
	cf_fill(f, 0, KIB(300), 'f');
	cf_fill(tmp, 0, KIB(50), 't');
	put(cf_file(d, "x"));
	ck_assert_int_eq(cf_unlink(d, "x"), 0);
	ck_assert_int_eq(cf_unlink(c.root, "f"), 0);
	ck_assert_int_eq(cf_rmdir(c.root, "d"), 0);
	cf_crash(&c);
	after = cf_statfs(&c);
	ck_assert_uint_eq(after.recovered_orphans, 3);
	ck_assert_uint_eq(after.bfree, before.bfree);
	ck_assert_uint_eq(after.inodes, before.inodes);
	ck_assert(!after.was_clean);
}
END_TEST

START_TEST(nameless_file_gets_a_name_and_stays)
{
	struct create_req rq = { .mode = S_IFREG | 0600, .cred = cf_root };
	struct inode *tmp;

	ck_assert_int_eq(namei_tmpfile(a, &rq, &tmp), 0);
	ck_assert_uint_eq(cf_nlink(tmp), 0);
	cf_fill(tmp, 0, 5000, 't');
	ck_assert_int_eq(namei_link(tmp, a, cf_name("named")), 0);
	cf_crash(&c);
	a = cf_look(c.root, "a");
	tmp = cf_look(a, "named");
	ck_assert(cf_is(tmp, 0, 5000, 't'));
	ck_assert_uint_eq(cf_nlink(tmp), 1);
	put(tmp);
}
END_TEST

/* -- reading directories ----------------------------------------------------- */

#define NR_LASTING	600
#define AT_ONCE		7

struct walk { unsigned seen[NR_LASTING], others, dots, room; uint64_t cookie; };

static int see(void *arg, const struct dir_entry *e)
{
	struct walk *w = arg;
	unsigned n;

	if (!w->room)
		return 1;
	w->room--;
	w->cookie = e->next;
	if (e->name.s[0] == '.')
		w->dots++;
	else if (e->name.s[0] == 'k' && sscanf(e->name.s + 1, "%5u", &n) == 1 && n < NR_LASTING)
		w->seen[n]++;
	else
		w->others++;
	return 0;
}

/* One more portion; false at the end. */
static bool walk_on(struct walk *w, unsigned portion)
{
	w->room = portion;
	must(dir_read(a, w->cookie, see, w) == 0);
	return w->room < portion;
}

static void lasting_name(char *name, unsigned i)
{
	snprintf(name, 40, "k%05u%.*s", i, (int)(i % 20), "abcdefghijklmnopqrst");
}

static void make_lasting(void)
{
	char name[40];

	for (unsigned i = 0; i < NR_LASTING; i++) {
		lasting_name(name, i);
		put(cf_file(a, name));
	}
}

static void check_lasting(const struct walk *w)
{
	for (unsigned i = 0; i < NR_LASTING; i++)
		if (w->seen[i] != 1)
			ck_abort_msg("name %u was seen %u times", i, w->seen[i]);
	ck_assert_uint_eq(w->dots, 2);
}

START_TEST(every_portion_size_shows_every_name_once)
{
	make_lasting();
	for (unsigned portion = 1; portion < 700; portion = portion * 3 + 1) {
		struct walk w = { 0 };

		while (walk_on(&w, portion))
			;
		check_lasting(&w);
		ck_assert_uint_eq(w.others, 0);
	}
}
END_TEST

static atomic_bool stop;

/* Names of all lengths come and go. */
static void *churn(void *unused)
{
	uint64_t seed = 3;
	char name[64];

	(void)unused;
	while (!atomic_load(&stop)) {
		uint64_t r = rng(&seed) % 97;
		int err;

		snprintf(name, sizeof(name), "o%02u%.*s", (unsigned)r, (int)(r % 40),
			 "0123456789012345678901234567890123456789");
		err = cf_unlink(a, name);
		must(err == 0 || err == -ENOENT);
		if (err)
			put(cf_file(a, name));
	}
	return NULL;
}

START_TEST(lasting_names_are_seen_once_while_others_come_and_go)
{
	pthread_t t;

	make_lasting();
	must(!pthread_create(&t, NULL, churn, NULL));
	for (unsigned i = 0; i < 20; i++) {
		struct walk w = { 0 };

		while (walk_on(&w, AT_ONCE + i % 5))
			;
		check_lasting(&w);
	}
	atomic_store(&stop, true);
	pthread_join(t, NULL);
}
END_TEST

static void remove_lasting(unsigned from, unsigned to)
{
	char name[40];

	for (unsigned i = from; i < to; i++) {
		lasting_name(name, i);
		ck_assert_int_eq(cf_unlink(a, name), 0);
	}
}

START_TEST(removing_what_was_read_hides_nothing)
{
	struct walk w = { 0 };
	bool gone[NR_LASTING] = { false };

	make_lasting();
	while (walk_on(&w, AT_ONCE))
		for (unsigned i = 0; i < NR_LASTING; i++)
			if (w.seen[i] && !gone[i]) {
				remove_lasting(i, i + 1);
				gone[i] = true;
			}
	check_lasting(&w);
	ck_assert_int_eq(cf_rmdir(c.root, "a"), 0);
}
END_TEST

START_TEST(cookie_into_joined_records_goes_on_behind_them)
{
	struct walk w = { 0 };

	make_lasting();
	ck_assert(walk_on(&w, 300));
	remove_lasting(100, 500);
	while (walk_on(&w, 1))
		;
	for (unsigned i = 0; i < NR_LASTING; i++)
		ck_assert_uint_eq(w.seen[i], i < 298 || i >= 500);
}
END_TEST

START_TEST(removed_names_leave_room_for_new_ones)
{
	make_lasting();
	uint64_t size = cf_stat(a).size;

	for (unsigned i = 0; i < 5; i++) {
		remove_lasting(0, NR_LASTING);
		make_lasting();
	}
	ck_assert_uint_eq(cf_stat(a).size, size);
}
END_TEST

/* Made up: 32 GiB of names would take hours. */
START_TEST(directory_of_32_gib_takes_no_further_block)
{
	struct inode *d = cf_dir(c.root, "large");
	char name[201];
	uint64_t before;

	memset(name, 'n', sizeof(name));
	name[200] = '\0';
	for (unsigned i = 0; i < 18; i++) {	/* a block, but for less than one more name */
		name[0] = (char)('a' + i);
		put(cf_file(d, name));
	}
	ck_assert_uint_eq(d->size, CF_BLOCK);
	before = cf_bfree(&c);
	name[0] = 'z';
	d->size = UINT64_C(32) << 30;
	ck_assert_int_eq(namei_create(d, cf_name(name), &(struct create_req){ .mode = S_IFREG | 0600 },
				      &(struct inode *){ NULL }), -ENOSPC);
	ck_assert_uint_eq(cf_bfree(&c), before);
	d->size = CF_BLOCK;
	put(cf_file(d, name));
	ck_assert_uint_eq(d->size, 2 * CF_BLOCK);
	put(d);
}
END_TEST

START_TEST(reading_a_file_as_directory_is_refused)
{
	struct inode *f = cf_file(b, "f");
	struct walk w = { 0 };

	ck_assert_int_eq(dir_read(f, 0, see, &w), -ENOTDIR);
	put(f);
}
END_TEST

static TCase *rename_case(void)
{
	TCase *tc = cf_case("rename", setup, teardown);

	tcase_add_test(tc, rename_of_directory_into_its_own_subtree_is_refused);
	tcase_add_test(tc, rename_over_ancestor_is_refused);
	tcase_add_test(tc, rename_over_directory_with_names_is_refused);
	tcase_add_test(tc, rename_keeps_files_and_directories_apart);
	tcase_add_test(tc, rename_noreplace_refuses_an_existing_name);
	tcase_add_test(tc, rename_refuses_unknown_flags_dots_and_slashes);
	tcase_add_test(tc, rename_with_whiteout_leaves_a_device_that_nobody_has);
	tcase_add_test(tc, rename_into_removed_directory_finds_nothing);
	tcase_add_test(tc, rename_replaces_a_file_and_ends_it);
	tcase_add_test(tc, rename_moves_a_directory_with_its_dotdot);
	tcase_add_loop_test(tc, rename_exchange_of_directory_and_file_keeps_counts_and_dotdot, 0, 2);
	tcase_add_test(tc, rename_between_two_names_of_one_inode_does_nothing);
	tcase_add_test(tc, rename_within_a_directory_over_a_subdirectory_lowers_its_count);
	return tc;
}

static TCase *names_case(void)
{
	TCase *tc = cf_case("names", setup, teardown);

	tcase_add_test(tc, link_and_unlink_count_the_names);
	tcase_add_test(tc, subdirectories_count_in_their_parent);
	tcase_add_test(tc, removed_directory_holds_nothing_and_takes_nothing);
	tcase_add_test(tc, sticky_directory_lets_only_owners_remove);
	tcase_add_test(tc, sticky_directory_guards_source_and_target_of_rename);
	tcase_add_test(tc, owner_of_sticky_directory_may_remove);
	tcase_add_test(tc, setgid_directory_gives_its_group_and_to_directories_its_bit);
	tcase_add_test(tc, change_of_owner_clears_set_id_bits_of_executables);
	tcase_add_test(tc, write_that_kills_privileges_clears_set_id_bits);
	tcase_add_test(tc, name_of_255_bytes_lives_and_one_of_256_is_too_long);
	tcase_add_test(tc, symlinks_of_every_length_survive_a_crash);
	tcase_add_test(tc, symlink_target_must_not_be_empty_nor_4096_bytes);
	tcase_add_test(tc, long_symlink_gives_its_block_back);
	tcase_add_test(tc, unlinked_open_file_lives_until_its_last_reference);
	tcase_add_test(tc, orphans_are_reclaimed_after_a_crash);
	tcase_add_test(tc, nameless_file_gets_a_name_and_stays);
	return tc;
}

static TCase *readdir_case(void)
{
	TCase *tc = cf_case("readdir", setup, teardown);

	tcase_add_test(tc, every_portion_size_shows_every_name_once);
	tcase_add_test(tc, lasting_names_are_seen_once_while_others_come_and_go);
	tcase_add_test(tc, removing_what_was_read_hides_nothing);
	tcase_add_test(tc, cookie_into_joined_records_goes_on_behind_them);
	tcase_add_test(tc, removed_names_leave_room_for_new_ones);
	tcase_add_test(tc, directory_of_32_gib_takes_no_further_block);
	tcase_add_test(tc, reading_a_file_as_directory_is_refused);
	return tc;
}

Suite *suite_core_names(void)
{
	Suite *s = suite_create("core_names");

	suite_add_tcase(s, rename_case());
	suite_add_tcase(s, names_case());
	suite_add_tcase(s, readdir_case());
	return s;
}
