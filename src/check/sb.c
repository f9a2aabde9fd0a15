// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * sb.c -- superblock, its copy, the state word and the snapshot reference
 *
 * Decides which of the two superblocks is believed, and mends the other one.
 * Where the primary is the damaged one, its private copy is mended even if
 * that is not agreed to, so that the check can go on; it only looks then.  The root of the inode
 * file, which both hold, is ifilemap.c's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "check/state.h"
#include "disk/disk.h"
#include "disk/super.h"

#define FIXED_LEN	offsetof(struct dsuper, state)	/* what mkfs writes once */
#define WHY_LEN		160

static const struct dsuper *super_at(const struct check *c, uint64_t blk)
{
	return media_at(&c->m, blk);
}

static uint32_t fixed_csum(const struct dsuper *sb)
{
	return block_csum(sb, FIXED_LEN, offsetof(struct dsuper, csum));
}

static void take_geometry(struct check *c, const struct dsuper *sb)
{
	c->nr_blocks = le64_get(sb->nr_blocks);
	c->g.journal = le64_get(sb->journal);
	c->g.nr_lanes = le32_get(sb->nr_lanes);
	c->g.lane_blocks = le32_get(sb->lane_blocks);
	memcpy(c->g.uuid, sb->uuid, sizeof(c->g.uuid));
	c->m.nr_blocks = c->nr_blocks;
}

/* -- neither is good -------------------------------------------------------------- */

static int no_daxfs(void)
{
	log_error("no daxfs is here: neither the first nor the last block holds a superblock; "
		  "is it the right device?");
	return -EINVAL;
}

static int too_short(const struct check *c, const struct dsuper *sb)
{
	log_error("cut short: the filesystem has %" PRIu64 " bytes, the device only %" PRIu64
		  "; bring back the missing part first",
		  le64_get(sb->nr_blocks) << DAXFS_BLOCK_SHIFT, c->rg->size);
	return -EINVAL;
}

static int newer(const char *why)
{
	log_error("%s: use the fsck.daxfs of a newer daxfs", why);
	return -EPROTONOSUPPORT;
}

static bool lane_is(const struct check *c, const struct dsuper *sb, uint32_t i)
{
	uint64_t blk = le64_get(sb->journal) + (uint64_t)i * le32_get(sb->lane_blocks);
	const struct dlane *lane = media_at(&c->m, blk);

	return le32_get(lane->magic) == DAXFS_LANE_MAGIC && le32_get(lane->self) == i;
}

/* Lanes where the superblock says, as many as it says, and no more. */
static bool lanes_confirm(const struct check *c, const struct dsuper *sb)
{
	uint32_t nr = le32_get(sb->nr_lanes);
	uint64_t end = le64_get(sb->journal) + (uint64_t)nr * le32_get(sb->lane_blocks);

	for (uint32_t i = 0; i < nr; i++)
		if (!lane_is(c, sb, i))
			return false;
	return end < le64_get(sb->nr_blocks) - 1 && !lane_is(c, sb, nr);
}

/* What of block @blk would pass if magic, place and checksum were right; features that nobody knows are damage here. */
static bool candidate(const struct check *c, uint64_t blk, struct dsuper *sb)
{
	char why[WHY_LEN];
	uint64_t self;

	*sb = *super_at(c, blk);
	self = blk ? le64_get(sb->nr_blocks) - 1 : 0;
	sb->magic = le64_make(DAXFS_SUPER_MAGIC);
	sb->self = le64_make(self);
	sb->csum = le32_make(fixed_csum(sb));
	if (le64_get(sb->ro_compat) & ~DAXFS_RO_COMPAT_KNOWN)
		return false;
	return super_check(sb, self, c->m.nr_blocks, why) == SUPER_OK && lanes_confirm(c, sb);
}

/* -- mending ------------------------------------------------------------------------- */

static int put_fixed(struct check *c, uint64_t blk, const struct dsuper *from, bool agreed)
{
	struct dsuper *sb = agreed ? media_edit(&c->m, blk) : media_restore(&c->m, blk);

	c->look_only |= !agreed;
	if (!sb)
		return -ENOMEM;
	if (sb != from)
		memmove(sb, from, FIXED_LEN);
	sb->self = le64_make(blk);
	sb->csum = le32_make(fixed_csum(sb));
	return 0;
}

static int from_both(struct check *c, const char *why)
{
	struct dsuper sb;
	bool agreed;

	if (!candidate(c, 0, &sb) && !candidate(c, c->m.nr_blocks - 1, &sb)) {
		log_error("the superblock (%s) and its copy are both lost: restore either from a backup of the "
			  "first or last 4096 bytes, or the data from a backup of the files", why);
		return -EUCLEAN;
	}
	take_geometry(c, &sb);
	agreed = problem(c, PR_SUPER_BOTH, &(struct pctx){ .text = why });
	int err = put_fixed(c, 0, &sb, agreed);

	return err ? err : put_fixed(c, c->nr_blocks - 1, &sb, agreed);
}

static const struct dsuper *copy_in(const struct check *c, uint64_t blk)
{
	uint64_t blocks = c->rg->size >> DAXFS_BLOCK_SHIFT;
	char why[WHY_LEN];

	if (blk == 0 || blk >= blocks)
		return NULL;
	return super_check(super_at(c, blk), blk, blocks, why) == SUPER_OK ? super_at(c, blk) : NULL;
}

/* -- which copy ---------------------------------------------------------------------- */

/*
 * A device may hold copies of filesystems that were made on it before.  What speaks for a copy: that it
 * is this filesystem's, as far as block 0 tells, and that the lanes are where it says.
 */
enum trust { TRUST_NONE, TRUST_SOUND, TRUST_LANES, TRUST_ALL };
struct choice { const struct dsuper *copy; enum trust trust; };

/* An identity is there four times: where one byte is damaged another one is right. */
static bool same_filesystem(const struct dsuper *primary, const struct dsuper *copy)
{
	static const uint8_t none[16];
	uint32_t state;

	return !memcmp(primary->uuid, copy->uuid, sizeof(copy->uuid)) ||
	       !memcmp(primary->dev[0].uuid, copy->uuid, sizeof(copy->uuid)) ||
	       !sealed_open(primary->state, copy->uuid, sizeof(copy->uuid), &state) ||
	       !memcmp(primary->uuid, none, sizeof(none));
}

static void consider(const struct check *c, uint64_t blk, struct choice *best)
{
	const struct dsuper *copy = copy_in(c, blk);
	struct choice now = { copy, TRUST_SOUND };

	if (!copy)
		return;
	if (lanes_confirm(c, copy))
		now.trust = same_filesystem(super_at(c, 0), copy) ? TRUST_ALL : TRUST_LANES;
	if (now.trust > best->trust)
		*best = now;
}

/* Where the primary says, if it still does; the device's last block; or, where block 0 was a superblock, anywhere. */
static struct choice find_copy(const struct check *c)
{
	const struct dsuper *primary = super_at(c, 0);
	uint64_t blocks = c->rg->size >> DAXFS_BLOCK_SHIFT;
	struct choice best = { NULL, TRUST_NONE };

	consider(c, le64_get(primary->nr_blocks) - 1, &best);
	consider(c, blocks - 1, &best);
	if (le64_get(primary->magic) != DAXFS_SUPER_MAGIC && !best.copy)
		return best;
	for (uint64_t blk = blocks - 1; best.trust < TRUST_ALL && blk >= DAXFS_MIN_BLOCKS - 1; blk--)
		if (le64_get(super_at(c, blk)->magic) == DAXFS_SUPER_MAGIC)
			consider(c, blk, &best);
	return best;
}

static int from_copy(struct check *c, enum super_error bad, const char *why)
{
	struct choice found = find_copy(c);
	struct pctx x = { .text = why };
	enum problem p = found.trust == TRUST_ALL ? PR_SUPER_PRIMARY : PR_SUPER_OTHER;

	if (!found.copy) {
		const struct dsuper *last = super_at(c, c->m.nr_blocks - 1);

		if (bad == SUPER_NOT_DAXFS && le64_get(last->magic) != DAXFS_SUPER_MAGIC)
			return no_daxfs();
		return from_both(c, why);
	}
	take_geometry(c, found.copy);
	x.blk = c->nr_blocks - 1;
	return put_fixed(c, 0, found.copy, problem(c, p, &x));
}

/*
 * Both are sound in themselves, but only the copy's geometry is that of the lanes: new lane headers where
 * the primary wants them would go over blocks of files.
 */
static const char *lanes_deny(const struct check *c)
{
	const struct dsuper *primary = super_at(c, 0);
	struct choice best = { NULL, TRUST_NONE };

	if (lanes_confirm(c, primary))
		return NULL;
	consider(c, le64_get(primary->nr_blocks) - 1, &best);
	consider(c, (c->rg->size >> DAXFS_BLOCK_SHIFT) - 1, &best);
	return best.trust == TRUST_ALL ? "the lanes are not where it says, but where its copy says" : NULL;
}

/* A copy as mkfs leaves it, with the inode file as it is now. */
static int write_copy(struct check *c)
{
	uint64_t last = c->nr_blocks - 1;
	struct dsuper *copy = media_edit(&c->m, last);

	if (!copy)
		return -ENOMEM;
	super_unclean(copy, c->g.uuid);
	return put_fixed(c, last, super_at(c, 0), true);
}

static const char *copy_error(const struct check *c, char why[WHY_LEN])
{
	const struct dsuper *copy = super_at(c, c->nr_blocks - 1);
	struct dsuper want = *super_at(c, 0);

	if (super_check(copy, c->nr_blocks - 1, c->rg->size >> DAXFS_BLOCK_SHIFT, why) != SUPER_OK)
		return why;
	want.self = copy->self;
	want.csum = copy->csum;
	return memcmp(&want, copy, FIXED_LEN) ? "it is that of another filesystem" : NULL;
}

/* -- the phases -------------------------------------------------------------------------- */

static int check_features(struct check *c)
{
	uint64_t unknown = le64_get(super_at(c, 0)->ro_compat) & ~DAXFS_RO_COMPAT_KNOWN;

	if (!unknown || c->o->mode == CHECK_NO)
		return 0;
	log_error("features %#" PRIx64 " are unknown, and only reading is safe: use -n, or a newer daxfs", unknown);
	return -EROFS;
}

int phase_super(struct check *c)
{
	uint64_t blocks = c->rg->size >> DAXFS_BLOCK_SHIFT;
	char why[WHY_LEN];
	const char *wrong;
	int err = 0;

	check_progress(c, CHECK_PHASE_SUPER, 0, 1);
	if (blocks == 0)
		return no_daxfs();
	c->m.nr_blocks = blocks;
	enum super_error bad = super_check(super_at(c, 0), 0, blocks, why);

	if (bad == SUPER_NEWER)
		return newer(why);
	if (bad == SUPER_TOO_SMALL)
		return too_short(c, super_at(c, 0));
	wrong = bad ? why : lanes_deny(c);
	if (wrong)
		err = from_copy(c, bad, wrong);
	else
		take_geometry(c, super_at(c, 0));
	if (err || check_go(c))
		return err ? err : check_go(c);
	wrong = copy_error(c, why);
	if (wrong && problem(c, PR_SUPER_COPY, &(struct pctx){ .blk = c->nr_blocks - 1, .text = wrong }))
		err = write_copy(c);
	return err ? err : check_features(c);
}

int check_unclean(struct check *c)
{
	struct dsuper *sb = media_edit(&c->m, 0);

	if (!sb)
		return -ENOMEM;
	super_unclean(sb, c->g.uuid);
	return 0;
}

int phase_state(struct check *c)
{
	const struct dsuper *sb = super_at(c, 0);
	uint32_t state;
	int err = sealed_open(sb->state, c->g.uuid, sizeof(c->g.uuid), &state);

	c->clean = !err && state == DAXFS_STATE_CLEAN;
	if (err || (state != DAXFS_STATE_CLEAN && state != DAXFS_STATE_DIRTY))
		return problem(c, PR_STATE, &(struct pctx){ 0 }) ? check_unclean(c) : 0;
	if (c->clean && !super_snap_intact(sb))
		return problem(c, PR_SNAPREF, &(struct pctx){ 0 }) ? check_unclean(c) : 0;
	return 0;
}
