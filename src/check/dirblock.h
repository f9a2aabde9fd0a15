/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirblock.h -- the records of one directory block, legible ones at least
 */
#ifndef CHECK_DIRBLOCK_H
#define CHECK_DIRBLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "daxfs/format.h"

#define DIRBLOCK_RECORDS	((DAXFS_BLOCK_SIZE - sizeof(struct ddirblk)) / DAXFS_DIRENT_MIN)

/* Which block of which directory. */
struct dirblock_id { uint64_t owner, lblk, self; };

/* Where the live records begin; those from @doubt on stand behind damage and may be stale. */
struct dirblock {
	unsigned	 nr, doubt;
	uint16_t	 off[DIRBLOCK_RECORDS];
	const char	*why;		/* what is wrong with the tiling, NULL: nothing */
	unsigned	 why_off;
};

/* dirblock_header_wrong - why a block's header is not what it should be, or NULL. */
const char *dirblock_header_wrong(const struct ddirblk *b, const struct dirblock_id *id);

/* dirblock_scan - find the records; @self is where the block lies, whatever its header says. */
void dirblock_scan(const struct ddirblk *b, uint64_t self, struct dirblock *out);

/* dirblock_rec - the record at an offset. */
static inline const struct ddirent *dirblock_rec(const void *b, unsigned off)
{
	return (const void *)((const uint8_t *)b + off);
}

/* -- changing a private copy ---------------------------------------------------- */

/* dirblock_header - write a header. */
void dirblock_header(struct ddirblk *b, const struct dirblock_id *id);
/* dirblock_empty - an empty block. */
void dirblock_empty(struct ddirblk *b, const struct dirblock_id *id);
/* dirblock_tile - make the records found tile the block again. */
void dirblock_tile(struct ddirblk *b, uint64_t self, struct dirblock *d);
/* dirblock_remove - the record at @off becomes free. */
void dirblock_remove(struct ddirblk *b, uint64_t self, unsigned off);
/* dirblock_set_type - the record at @off gets another type. */
void dirblock_set_type(struct ddirblk *b, uint64_t self, unsigned off, unsigned type);
/* dirblock_insert - a new record in free space.  False: no room. */
struct dirblock_new { uint64_t ino; unsigned type, name_len; const char *name; };
bool dirblock_insert(struct ddirblk *b, uint64_t self, const struct dirblock_new *n);

#endif
