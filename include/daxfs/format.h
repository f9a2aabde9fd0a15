/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * format.h -- everything that daxfs keeps on media, and nothing else
 *
 * All and only on-media structures, version 1.  doc/format.md says in words
 * what each field means; a unit test compares that document's tables with the
 * table at the end of tests/unit/format.c.  Integers are little-endian and live
 * in wrapper types that need a call to read.  Every structure carries a magic
 * or a type, a checksum (CRC32C) and its own location, so that a block that is
 * stale, torn or in the wrong place is recognised for what it is.
 */
#ifndef DAXFS_FORMAT_H
#define DAXFS_FORMAT_H

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>

/* -- little-endian words ------------------------------------------------- */

typedef struct { uint16_t le; } le16;
typedef struct { uint32_t le; } le32;
typedef struct { uint64_t le; } le64;

static inline uint16_t le16_get(le16 x) { return le16toh(x.le); }
static inline uint32_t le32_get(le32 x) { return le32toh(x.le); }
static inline uint64_t le64_get(le64 x) { return le64toh(x.le); }
static inline le16 le16_make(uint16_t v) { return (le16){ htole16(v) }; }
static inline le32 le32_make(uint32_t v) { return (le32){ htole32(v) }; }
static inline le64 le64_make(uint64_t v) { return (le64){ htole64(v) }; }

/* -- block numbers that must not mix ------------------------------------- */

/*
 * A pfn names its device: bits 56..63 are the index into the superblock's
 * device table, bits 0..55 the block on that device.  {0} is "none": block 0
 * of device 0 is the superblock and never belongs to a file.
 */
typedef struct { uint64_t v; } pblk_t;
typedef struct { uint64_t v; } lblk_t;	/* block number within a file */

#define DAXFS_PBLK_DEV_SHIFT	56
#define DAXFS_PBLK_NR_MASK	((UINT64_C(1) << DAXFS_PBLK_DEV_SHIFT) - 1)

static inline pblk_t pblk_make(unsigned dev, uint64_t nr)
{
	return (pblk_t){ (uint64_t)dev << DAXFS_PBLK_DEV_SHIFT | nr };
}
static inline unsigned pblk_dev(pblk_t b) { return (unsigned)(b.v >> DAXFS_PBLK_DEV_SHIFT); }
static inline uint64_t pblk_nr(pblk_t b) { return b.v & DAXFS_PBLK_NR_MASK; }
static inline pblk_t pblk_add(pblk_t b, uint64_t n) { return (pblk_t){ b.v + n }; }
static inline lblk_t lblk_add(lblk_t b, uint64_t n) { return (lblk_t){ b.v + n }; }

/* -- constants ------------------------------------------------------------ */

#define DAXFS_VERSION		1
#define DAXFS_BLOCK_SHIFT	12
#define DAXFS_BLOCK_SIZE	(UINT64_C(1) << DAXFS_BLOCK_SHIFT)
#define DAXFS_INODE_SHIFT	8
#define DAXFS_INODE_SIZE	(UINT64_C(1) << DAXFS_INODE_SHIFT)
#define DAXFS_INODES_PER_BLOCK	(DAXFS_BLOCK_SIZE / DAXFS_INODE_SIZE)
#define DAXFS_LINE		64		/* bytes, a cache line */
#define DAXFS_CHUNK_BLOCKS	512		/* blocks in 2 MiB */
#define DAXFS_MAX_DEVS		8
#define DAXFS_NAME_MAX		255		/* bytes */
#define DAXFS_SYMLINK_MAX	4095		/* bytes */
#define DAXFS_NLINK_MAX		65000
#define DAXFS_FILE_BLOCKS_MAX	(UINT64_C(1) << 51)
#define DAXFS_FILE_SIZE_MAX	((UINT64_C(1) << 63) - 1)	/* bytes: off_t is signed */
#define DAXFS_MIN_BLOCKS	2048		/* 8 MiB, the smallest filesystem */
#define DAXFS_ROOT_INO		1		/* 0 is no inode */

#define DAXFS_SUPER_MAGIC	UINT64_C(0x3130534658414464)	/* "dDAXFS01" */
#define DAXFS_INODE_MAGIC	UINT32_C(0x444f4e49)		/* "INOD" */
#define DAXFS_EXTNODE_MAGIC	UINT32_C(0x4e545845)		/* "EXTN" */
#define DAXFS_DIRBLK_MAGIC	UINT32_C(0x42524944)		/* "DIRB" */
#define DAXFS_XATTR_MAGIC	UINT32_C(0x52544158)		/* "XATR" */
#define DAXFS_LANE_MAGIC	UINT32_C(0x454e414c)		/* "LANE" */
#define DAXFS_SNAP_MAGIC	UINT32_C(0x50414e53)		/* "SNAP" */

/* Feature words: unknown compat is ignored, unknown ro_compat mounts only
 * read-only, unknown incompat is refused. */
#define DAXFS_COMPAT_KNOWN	UINT64_C(0)
#define DAXFS_RO_COMPAT_KNOWN	UINT64_C(0)
#define DAXFS_INCOMPAT_KNOWN	UINT64_C(0)

/* -- sealed words --------------------------------------------------------- */

/*
 * An 8-byte word that checks itself: value in bits 0..31, crc32c(salt, value)
 * in bits 32..63.  Stored with one 8-byte store, so it is old or new, never
 * torn, and still a flipped bit in it is seen.
 */
typedef struct { le64 w; } sealed32;

/* -- extent --------------------------------------------------------------- */

#define DAXFS_EXT_UNWRITTEN	1u	/* allocated, reads as zero */

struct dextent {
	le64	lblk;		/* first block in the file               0  8 */
	le64	pblk;		/* device and first block                8  8 */
	le32	len;		/* blocks, never 0                      16  4 */
	le32	flags;		/* DAXFS_EXT_*                          20  4 */
};
static_assert(sizeof(struct dextent) == 24, "media");

struct dextidx {
	le64	lblk;		/* no key below is smaller               0  8 */
	le64	pblk;		/* the child node                        8  8 */
};
static_assert(sizeof(struct dextidx) == 16, "media");

#define DAXFS_ROOT_EXTENTS	6	/* extents inline in an inode */
#define DAXFS_ROOT_INDEXES	9	/* child pointers inline in an inode */
#define DAXFS_EXT_DEPTH_MAX	6

/* Root of an extent map: the tail of an inode. */
struct dmap {
	le16	depth;		/* 0: extents inline; else levels below  0  2 */
	le16	count;		/* entries in use                        2  2 */
	le32	rsvd;		/* zero                                  4  4 */
	union {
		struct dextent	ext[DAXFS_ROOT_EXTENTS];
		struct dextidx	idx[DAXFS_ROOT_INDEXES];
		char		link[144];	/* short symlink target */
	};			/*                                       8 144 */
};
static_assert(sizeof(struct dmap) == 152, "media");

#define DAXFS_NODE_EXTENTS	168
#define DAXFS_NODE_INDEXES	252

struct dextnode {
	le32	magic;		/* DAXFS_EXTNODE_MAGIC                   0   4 */
	le32	csum;		/* of the block, this field as zero      4   4 */
	le64	self;		/* this block's pblk                     8   8 */
	le64	owner;		/* inode number                         16   8 */
	le16	level;		/* 0 = extents, else indexes            24   2 */
	le16	count;		/* entries in use                       26   2 */
	uint8_t	rsvd[36];	/* zero                                 28  36 */
	/* ------------------------ cache line ------------------------ */
	union {
		struct dextent	ext[DAXFS_NODE_EXTENTS];
		struct dextidx	idx[DAXFS_NODE_INDEXES];
	};
};
static_assert(sizeof(struct dextnode) == 4096, "media");

/* -- inode ---------------------------------------------------------------- */

#define DAXFS_INODE_INLINE_LINK	0x0001u	/* symlink target is in map.link */
#define DAXFS_INODE_DAX		0x0002u	/* FS_XFLAG_DAX */
#define DAXFS_INODE_KNOWN	0x0003u

/* mode 0 = free; a free slot keeps its gen.  All zero = never used. */
struct dinode {
	le32	magic;		/* DAXFS_INODE_MAGIC                     0   4 */
	le32	csum;		/* of the 256 bytes, this field as zero  4   4 */
	le64	ino;		/* own number                            8   8 */
	le32	gen;		/* counts the slot's lives              16   4 */
	le32	mode;		/* S_IFMT and permission bits           20   4 */
	le32	uid;		/*                                      24   4 */
	le32	gid;		/*                                      28   4 */
	le32	nlink;		/* 0 = orphan, reclaimed at next mount  32   4 */
	le32	flags;		/* DAXFS_INODE_*                        36   4 */
	le64	size;		/* bytes                                40   8 */
	le64	blocks;		/* 4 KiB blocks: data, map and xattr    48   8 */
	le64	atime;		/* ns since 1970, signed                56   8 */
	/* ------------------------ cache line ------------------------ */
	le64	mtime;		/*                                      64   8 */
	le64	ctime;		/*                                      72   8 */
	le64	btime;		/*                                      80   8 */
	le64	rdev;		/* devices: dev_t; dirs: parent inode   88   8 */
	le64	xattr;		/* pblk of the first xattr block or 0   96   8 */
	struct dmap map;	/*                                     104 152 */
};
static_assert(sizeof(struct dinode) == 256 && offsetof(struct dinode, map) == 104, "media");

/* -- superblock ----------------------------------------------------------- */

#define DAXFS_STATE_DIRTY	1u	/* mounted, or not unmounted cleanly */
#define DAXFS_STATE_CLEAN	2u

struct ddev {
	uint8_t	uuid[16];	/*                                       0 16 */
	le64	nr_blocks;	/*                                      16  8 */
	le64	rsvd;		/* zero                                 24  8 */
};
static_assert(sizeof(struct ddev) == 32, "media");

/* Where the clean-unmount snapshot lies.  start 0 = none. */
struct dsnapref {
	le64	start;		/* pblk                                  0  8 */
	le64	bytes;		/* header and payload                    8  8 */
	le32	csum;		/* of the fields above                  16  4 */
	uint8_t	rsvd[44];	/* zero                                 20 44 */
};
static_assert(sizeof(struct dsnapref) == 64, "media");

struct dsuper {
	le64	magic;		/* DAXFS_SUPER_MAGIC                     0   8 */
	le32	csum;		/* of bytes 0..511, this field as zero   8   4 */
	le32	version;	/* DAXFS_VERSION                        12   4 */
	le64	self;		/* block of this copy: 0 or last        16   8 */
	le64	compat;		/*                                      24   8 */
	le64	ro_compat;	/*                                      32   8 */
	le64	incompat;	/*                                      40   8 */
	uint8_t	uuid[16];	/*                                      48  16 */
	char	label[64];	/* padded with NUL                      64  64 */
	le64	nr_blocks;	/* of the filesystem                   128   8 */
	le32	block_shift;	/* 12                                  136   4 */
	le32	inode_shift;	/* 8                                   140   4 */
	le64	journal;	/* first block of lane 0               144   8 */
	le32	nr_lanes;	/*                                     152   4 */
	le32	lane_blocks;	/*                                     156   4 */
	le64	mkfs_time;	/* ns since 1970                       160   8 */
	le64	root_ino;	/* DAXFS_ROOT_INO                      168   8 */
	le32	nr_devs;	/* 1                                   176   4 */
	uint8_t	rsvd0[12];	/* zero                                180  12 */
	struct ddev dev[DAXFS_MAX_DEVS];	/*             192 256 */
	uint8_t	rsvd1[64];	/* zero                                448  64 */
	/* -------- 512: not covered by csum, each part checks itself -- */
	sealed32 state;		/* DAXFS_STATE_*, salt = uuid          512   8 */
	uint8_t	rsvd2[56];	/* zero                                520  56 */
	struct dsnapref snap;	/*                                     576  64 */
	uint8_t	rsvd3[128];	/* zero                                640 128 */
	struct dinode ifile;	/* the inode file, ino 0               768 256 */
	uint8_t	rsvd4[3072];	/* zero                               1024     */
};
static_assert(sizeof(struct dsuper) == 4096 && offsetof(struct dsuper, state) == 512 &&
	      offsetof(struct dsuper, ifile) == 768, "media");

/* -- directory block ------------------------------------------------------ */

struct ddirblk {
	le32	magic;		/* DAXFS_DIRBLK_MAGIC                    0  4 */
	le32	csum;		/* of the header, this field as zero     4  4 */
	le64	owner;		/* the directory's inode number          8  8 */
	le64	lblk;		/* block in the directory               16  8 */
	le64	self;		/* this block's pblk                    24  8 */
};
static_assert(sizeof(struct ddirblk) == 32, "media");

/* Records tile the block from byte 32 to its end. */
struct ddirent {
	le64	ino;		/* 0 = free                              0  8 */
	le32	csum;		/* header and name, this field as zero   8  4 */
	le16	rec_len;	/* multiple of 8, to the next record    12  2 */
	uint8_t	name_len;	/* 0 when free                          14  1 */
	uint8_t	type;		/* DT_*                                 15  1 */
	char	name[];		/* not terminated                       16    */
};
static_assert(sizeof(struct ddirent) == 16, "media");

#define DAXFS_DIRENT_MIN	24	/* bytes: a one-byte name */
#define DAXFS_DIRENT_LEN(nlen)	((16u + (unsigned)(nlen) + 7u) & ~7u)

/* -- xattr blocks --------------------------------------------------------- */

/* A chain of blocks holds one stream of dxattr entries; each change writes
 * a new chain and swings the inode's pointer. */
struct dxattrblk {
	le32	magic;		/* DAXFS_XATTR_MAGIC                     0  4 */
	le32	csum;		/* of the block, this field as zero      4  4 */
	le64	owner;		/* inode number                          8  8 */
	le64	self;		/* this block's pblk                    16  8 */
	le64	next;		/* next block's pblk or 0               24  8 */
	le32	index;		/* position in the chain                32  4 */
	le32	bytes;		/* of the stream in this block          36  4 */
	uint8_t	rsvd[24];	/* zero                                 40 24 */
	/* ------------------------ cache line ------------------------ */
	uint8_t	data[4032];
};
static_assert(sizeof(struct dxattrblk) == 4096, "media");

struct dxattr {
	le32	value_len;	/* bytes                                 0  4 */
	uint8_t	name_len;	/* bytes, full name with its prefix      4  1 */
	uint8_t	rsvd[3];	/* zero                                  5  3 */
	uint8_t	bytes[];	/* name, then value, no padding          8    */
};
static_assert(sizeof(struct dxattr) == 8, "media");

#define DAXFS_XATTR_SIZE_MAX	65536u
#define DAXFS_XATTR_STREAM_MAX	(1u << 20)	/* bytes per inode */

/* -- journal lane --------------------------------------------------------- */

/* A lane's log is live exactly when log.seq == done + 1 and its checksum is
 * right: then the ranges it names may be half changed, and are put back. */
struct dlane {
	le32	magic;		/* DAXFS_LANE_MAGIC                      0  4 */
	le32	self;		/* index of this lane                    4  4 */
	sealed32 done;		/* last sequence ended, salt = self      8  8 */
	uint8_t	rsvd[48];	/* zero                                 16 48 */
	/* ------------------------ cache line ------------------------ */
};
static_assert(sizeof(struct dlane) == 64, "media");

struct dlog {
	le32	seq;		/*                                       0  4 */
	le32	csum;		/* of header and records, this as zero   4  4 */
	le32	bytes;		/* of records that follow                8  4 */
	le32	nr;		/* records                              12  4 */
};
static_assert(sizeof(struct dlog) == 16, "media");

struct dundo {
	le64	off;		/* byte on the device, multiple of 8     0  8 */
	le32	len;		/* bytes of old content, multiple of 8   8  4 */
	le32	rsvd;		/* zero                                 12  4 */
	uint8_t	old[];		/*                                      16    */
};
static_assert(sizeof(struct dundo) == 16, "media");

/* -- clean-unmount snapshot ----------------------------------------------- */

/*
 * Header, then nr_full x dsnaprun (chunks wholly in use), then nr_part x
 * dsnapchunk (chunks partly in use), then nr_ino_words x le64: one bit per
 * inode, 1 = in use.  It lies in blocks that nothing claims.
 */
struct dsnap {
	le32	magic;		/* DAXFS_SNAP_MAGIC                      0  4 */
	le32	csum;		/* of header and payload, this as zero   4  4 */
	le64	self;		/* first block's pblk                    8  8 */
	le64	bytes;		/* header and payload                   16  8 */
	le64	nr_full;	/*                                      24  8 */
	le64	nr_part;	/*                                      32  8 */
	le64	nr_ino_words;	/*                                      40  8 */
	le64	nr_free;	/* free blocks                          48  8 */
	le64	nr_inodes;	/* inodes in use                        56  8 */
};
static_assert(sizeof(struct dsnap) == 64, "media");

struct dsnaprun {
	le64	chunk;		/* first 2 MiB chunk                     0  8 */
	le64	count;		/* chunks                                8  8 */
};
static_assert(sizeof(struct dsnaprun) == 16, "media");

struct dsnapchunk {
	le64	chunk;		/*                                       0  8 */
	le64	used[8];	/* one bit per block, 1 = in use         8 64 */
};
static_assert(sizeof(struct dsnapchunk) == 72, "media");

#endif /* DAXFS_FORMAT_H */
