/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * themes.c -- the table of contents
 */
#include "posix/posix.h"

const struct posix_theme posix_themes[] = {
	{ "path", posix_path },
	{ "perm", posix_perm },
	{ "create", posix_create },
	{ "remove", posix_remove },
	{ "rename", posix_rename },
	{ "open", posix_open },
	{ "attr", posix_attr },
	{ "setid", posix_setid },
	{ "times", posix_times },
	{ "atime", posix_atime },
	{ "size", posix_size },
	{ "space", posix_space },
	{ "mmap", posix_mmap },
	{ "lock", posix_lock },
	{ "notify", posix_notify },
	{ "handle", posix_handle },
	{ "readdir", posix_readdir },
	{ "limits", posix_limits },
	{ "rofs", posix_rofs },
	{ NULL, NULL },
};
