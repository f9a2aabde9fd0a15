/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * findings.c -- findings by the names of their codes
 */
#include <stdio.h>

#include "run.h"

#define N(name)	[PR_ ## name] = #name

static const char *const names[PR_NR] = {
	N(SUPER_PRIMARY), N(SUPER_OTHER), N(SUPER_COPY), N(SUPER_BOTH), N(SUPER_IFILE), N(STATE), N(SNAPREF),
	N(LANE_HEADER), N(LANE_DAMAGED_LOG), N(LANE_RECORD), N(LANE_NOT_IDLE),
	N(IFILE_DAMAGED), N(IFILE_BLOCKS),
	N(INODE_FREE_DAMAGED), N(INODE_BAD), N(INODE_DAMAGED), N(INODE_FIELD), N(INODE_BLOCKS),
	N(INODE_SYMLINK), N(DIR_SIZE), N(DIR_MAP),
	N(MAP_ROOT), N(NODE_DAMAGED), N(NODE_BAD), N(EXTENT_BAD), N(CLAIMED), N(CROSS_LINK),
	N(CROSS_HOLE), N(CROSS_DIR), N(MAP_NO_ROOM), N(XATTR),
	N(DIRBLK_HEADER), N(DIRBLK_LOST), N(DIRBLK_RECORDS), N(DIRENT_NAME), N(DIRENT_INO), N(DIRENT_FREE),
	N(DIRENT_TYPE), N(DIRENT_DUPLICATE), N(DIRENT_ROOT), N(DIRENT_SECOND), N(DIRENT_LINKS),
	N(DIRENT_SUBDIRS), N(DIRENT_DOUBTFUL),
	N(ROOT_GONE), N(ROOT_PARENT), N(DIR_PARENT), N(DIR_LOOP), N(DIR_UNCONNECTED), N(FILE_UNCONNECTED),
	N(ORPHAN), N(NLINK), N(LOSTFOUND), N(NO_ROOM),
	N(SNAPSHOT), N(SNAPSHOT_CLAIMED), N(SNAPSHOT_DIFFERS),
	N(UNSETTLED),
};

void findings_print(const char *what, uint64_t bits)
{
	if (!bits)
		return;
	printf("        %s:", what);
	for (unsigned p = 0; p < PR_NR; p++)
		if (bits >> p & 1)
			printf(" %s", names[p] ? names[p] : "a problem without a name");
	printf("\n");
}
