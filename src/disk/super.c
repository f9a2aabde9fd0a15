/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * super.c -- superblock and its copy: building, checking, state word
 *
 * Owns blocks 0 and last, save for the inode file's root in them, which changes
 * by transaction (ifile.c).  Bytes 0..511 are written by mkfs and never again.
 * The state word and the snapshot reference change only in block 0: the copy
 * stays "dirty, no snapshot", so whoever mounts from it rebuilds.  After a
 * crash the state is the old or the new one; the reference may be torn, and
 * its checksum tells, but a dirty filesystem never looks at it.  Takes no lock:
 * mount and unmount are single-threaded.  May call: disk, dinode, pm.
 */
#include "disk/super.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/dinode.h"
#include "pm/pm.h"

#define CSUM_LEN	offsetof(struct dsuper, state)
#define WHY_LEN		160
#define LANE_BLOCKS	16
#define LANES_MIN	2
#define LANES_MAX	64
#define BLOCKS_PER_LANE	8192	/* 64 lanes from 2 GiB on */

void super_plan(uint64_t nr_blocks, struct super_geometry *g)
{
	uint64_t lanes = nr_blocks / BLOCKS_PER_LANE;

	if (lanes < LANES_MIN)
		lanes = LANES_MIN;
	if (lanes > LANES_MAX)
		lanes = LANES_MAX;
	g->nr_blocks = nr_blocks;
	g->journal = 1;
	g->nr_lanes = (uint32_t)lanes;
	g->lane_blocks = LANE_BLOCKS;
}

/* checksum of a snapshot reference's two fields */
static uint32_t snapref_csum(const struct dsnapref *ref)
{
	return block_csum(ref, offsetof(struct dsnapref, csum) + sizeof(ref->csum),
			  offsetof(struct dsnapref, csum));
}

static void snapref_make(struct dsnapref *ref, pblk_t start, uint64_t bytes)
{
	memset(ref, 0, sizeof(*ref));
	ref->start = le64_make(start.v);
	ref->bytes = le64_make(bytes);
	ref->csum = le32_make(snapref_csum(ref));
}

void super_forget_snap(struct dsuper *sb)
{
	snapref_make(&sb->snap, (pblk_t){ 0 }, 0);
}

bool super_snap_intact(const struct dsuper *sb)
{
	return le32_get(sb->snap.csum) == snapref_csum(&sb->snap);
}

void super_unclean(struct dsuper *sb, const uint8_t uuid[16])
{
	sb->state = sealed_make(uuid, sizeof(sb->uuid), DAXFS_STATE_DIRTY);
	super_forget_snap(sb);
}

static void super_seal(struct dsuper *sb)
{
	sb->csum = le32_make(block_csum(sb, CSUM_LEN, offsetof(struct dsuper, csum)));
}

/* an inode file without blocks */
static void ifile_init(struct dinode *di, int64_t now)
{
	dinode_init(di, 0, 1);
	di->mode = le32_make(S_IFREG);
	di->nlink = le32_make(1);
	di->atime = di->mtime = di->ctime = di->btime = le64_make((uint64_t)now);
	dinode_seal(di);
}

static void geometry_store(struct dsuper *sb, const struct super_geometry *g)
{
	sb->nr_blocks = le64_make(g->nr_blocks);
	sb->block_shift = le32_make(DAXFS_BLOCK_SHIFT);
	sb->inode_shift = le32_make(DAXFS_INODE_SHIFT);
	sb->journal = le64_make(g->journal);
	sb->nr_lanes = le32_make(g->nr_lanes);
	sb->lane_blocks = le32_make(g->lane_blocks);
}

void super_build(struct dsuper *sb, const struct super_geometry *g, const uint8_t uuid[16],
		 const char *label, int64_t now)
{
	size_t label_len = strlen(label);

	assert(label_len <= sizeof(sb->label));
	memset(sb, 0, sizeof(*sb));
	sb->magic = le64_make(DAXFS_SUPER_MAGIC);
	sb->version = le32_make(DAXFS_VERSION);
	memcpy(sb->uuid, uuid, sizeof(sb->uuid));
	memcpy(sb->label, label, label_len);
	geometry_store(sb, g);
	sb->mkfs_time = le64_make((uint64_t)now);
	sb->root_ino = le64_make(DAXFS_ROOT_INO);
	sb->nr_devs = le32_make(1);
	memcpy(sb->dev[0].uuid, uuid, sizeof(sb->dev[0].uuid));
	sb->dev[0].nr_blocks = le64_make(g->nr_blocks);
	super_seal(sb);

	super_unclean(sb, uuid);
	ifile_init(&sb->ifile, now);
}

void super_set_ifile(struct dsuper *sb, pblk_t b, uint64_t n)
{
	struct dinode *di = &sb->ifile;

	assert(n > 0 && n <= UINT32_MAX);
	di->size = le64_make(n << DAXFS_BLOCK_SHIFT);
	di->blocks = le64_make(n);
	di->map.count = le16_make(1);
	di->map.ext[0] = (struct dextent){
		.lblk = le64_make(0), .pblk = le64_make(b.v),
		.len = le32_make((uint32_t)n), .flags = le32_make(0),
	};
	dinode_seal(di);
}

void super_wipe(struct region *rg, uint64_t self)
{
	uint8_t *at = rg->base + (self << DAXFS_BLOCK_SHIFT);

	pm_store8(rg, at, 0);		/* the magic */
	pm_persist(rg, at, 8);
	pm_zero(rg, at, DAXFS_BLOCK_SIZE);
	pm_fence(rg);
}

/* Crash inside: no magic, so that a part is never taken for the whole. */
void super_write(struct region *rg, const struct dsuper *sb, uint64_t self)
{
	uint8_t *at = rg->base + (self << DAXFS_BLOCK_SHIFT);
	struct dsuper out = *sb;
	uint64_t magic;

	out.self = le64_make(self);
	super_seal(&out);
	memcpy(&magic, &out.magic, sizeof(magic));
	memset(&out.magic, 0, sizeof(out.magic));
	pm_copy(rg, at, &out, sizeof(out));
	pm_fence(rg);
	pm_store8(rg, at, magic);
	pm_persist(rg, at, 8);
}

/* is the checksummed part what mkfs wrote, here? */
static enum super_error check_identity(const struct dsuper *sb, uint64_t self, char *why)
{
	uint32_t is = le32_get(sb->csum);
	uint32_t want = block_csum(sb, CSUM_LEN, offsetof(struct dsuper, csum));

	if (le64_get(sb->magic) != DAXFS_SUPER_MAGIC) {
		snprintf(why, WHY_LEN, "magic is %#" PRIx64 ", should be %#" PRIx64,
			 le64_get(sb->magic), DAXFS_SUPER_MAGIC);
		return SUPER_NOT_DAXFS;
	}
	if (is != want) {
		snprintf(why, WHY_LEN, "checksum is %#" PRIx32 ", should be %#" PRIx32, is, want);
		return SUPER_DAMAGED;
	}
	if (le64_get(sb->self) != self) {
		snprintf(why, WHY_LEN, "found in block %" PRIu64 ", says it is block %" PRIu64,
			 self, le64_get(sb->self));
		return SUPER_DAMAGED;
	}
	return SUPER_OK;
}

/* written by a program that knows more than this one? */
static enum super_error check_version(const struct dsuper *sb, char *why)
{
	uint32_t version = le32_get(sb->version);
	uint64_t unknown = le64_get(sb->incompat) & ~DAXFS_INCOMPAT_KNOWN;

	if (version > DAXFS_VERSION) {
		snprintf(why, WHY_LEN, "format version is %" PRIu32 ", this program knows %d",
			 version, DAXFS_VERSION);
		return SUPER_NEWER;
	}
	if (unknown) {
		snprintf(why, WHY_LEN, "unknown incompatible features %#" PRIx64, unknown);
		return SUPER_NEWER;
	}
	return SUPER_OK;
}

/* do lanes of a usable size fit between the two superblocks? */
static bool lanes_fit(const struct dsuper *sb)
{
	uint64_t nr = le64_get(sb->nr_blocks), start = le64_get(sb->journal);
	uint64_t lanes = le32_get(sb->nr_lanes), each = le32_get(sb->lane_blocks);

	if (lanes == 0 || each < 2 || each > DAXFS_CHUNK_BLOCKS)
		return false;
	return start >= 1 && start < nr - 1 && lanes * each <= nr - 1 - start;
}

/* the table's first entry is this filesystem, and the others are not in use */
static bool devs_match(const struct dsuper *sb)
{
	static const struct ddev unused;
	const struct ddev *own = &sb->dev[0];
	bool good = le32_get(sb->nr_devs) == 1 && own->nr_blocks.le == sb->nr_blocks.le &&
		    !memcmp(own->uuid, sb->uuid, sizeof(sb->uuid));

	for (unsigned i = 1; i < DAXFS_MAX_DEVS; i++)
		good = good && !memcmp(&sb->dev[i], &unused, sizeof(unused));
	return good;
}

static const char *geometry_error(const struct dsuper *sb)
{
	uint64_t nr = le64_get(sb->nr_blocks), self = le64_get(sb->self);

	if (le32_get(sb->version) != DAXFS_VERSION)
		return "format version is not 1";
	if (le32_get(sb->block_shift) != DAXFS_BLOCK_SHIFT)
		return "block size is not 4096";
	if (le32_get(sb->inode_shift) != DAXFS_INODE_SHIFT)
		return "inode size is not 256";
	if (nr < DAXFS_MIN_BLOCKS || nr > DAXFS_PBLK_NR_MASK >> DAXFS_BLOCK_SHIFT)
		return "impossible number of blocks";
	if (self != 0 && self != nr - 1)
		return "copy is not in the last block";
	if (!lanes_fit(sb))
		return "journal does not fit";
	if (le64_get(sb->root_ino) != DAXFS_ROOT_INO)
		return "root inode is not 1";
	if (!devs_match(sb))
		return "device table does not match";
	return NULL;
}

enum super_error super_check(const struct dsuper *sb, uint64_t self, uint64_t blocks, char why[160])
{
	enum super_error err = check_identity(sb, self, why);
	const char *wrong;

	if (err == SUPER_OK)
		err = check_version(sb, why);
	if (err != SUPER_OK)
		return err;
	wrong = geometry_error(sb);
	if (wrong) {
		snprintf(why, WHY_LEN, "%s", wrong);
		return SUPER_DAMAGED;
	}
	if (le64_get(sb->nr_blocks) > blocks) {
		snprintf(why, WHY_LEN, "has %" PRIu64 " blocks, the device only %" PRIu64,
			 le64_get(sb->nr_blocks), blocks);
		return SUPER_TOO_SMALL;
	}
	return SUPER_OK;
}

const struct dsuper *super_find_copy(const struct region *rg)
{
	uint64_t blocks = rg->size >> DAXFS_BLOCK_SHIFT;
	const struct dsuper *sb;
	char why[WHY_LEN];

	if (blocks < DAXFS_MIN_BLOCKS)
		return NULL;
	sb = (const void *)(rg->base + ((blocks - 1) << DAXFS_BLOCK_SHIFT));
	return super_check(sb, blocks - 1, blocks, why) == SUPER_OK ? sb : NULL;
}

int super_state(const struct disk *d)
{
	uint32_t state;

	if (sealed_open(d->super->state, d->uuid, sizeof(d->uuid), &state))
		return corrupt("superblock, block 0: state word fails its checksum");
	if (state != DAXFS_STATE_DIRTY && state != DAXFS_STATE_CLEAN)
		return corrupt("superblock, block 0: state is %" PRIu32, state);
	return (int)state;
}

void super_set_state(struct disk *d, uint32_t state)
{
	sealed32 word = sealed_make(d->uuid, sizeof(d->uuid), state);

	pm_store8(d->rg, &d->super->state, word.w.le);
	pm_persist(d->rg, &d->super->state, sizeof(word));
}

int super_snap(const struct disk *d, pblk_t *start, uint64_t *bytes)
{
	const struct dsnapref *ref = &d->super->snap;

	if (!super_snap_intact(d->super))
		return corrupt("superblock, block 0: snapshot reference fails its checksum");
	start->v = le64_get(ref->start);
	*bytes = le64_get(ref->bytes);
	return start->v != 0;
}

void super_set_snap(struct disk *d, pblk_t start, uint64_t bytes)
{
	struct dsnapref ref;

	snapref_make(&ref, start, bytes);
	if (memcmp(&d->super->snap, &ref, sizeof(ref)) != 0) {
		pm_store(d->rg, &d->super->snap, &ref, sizeof(ref));
		pm_flush(d->rg, &d->super->snap, sizeof(ref));
	}
	pm_fence(d->rg);	/* also when the snapshot lies where the last one lay: it is new */
}
