/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * apply.c -- damaging an image as a recipe says
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "disk/disk.h"
#include "recipe.h"

/* A structure, and how the checksums that cover it are made right. */
struct place {
	void *at;
	void *whole;			/* what the checksum covers */
	void (*seal)(struct place *p, const struct sample *im);
	size_t len, csum;		/* of the whole, and where in it the checksum is; for seal_plain() */
};

#define SPECIAL(at, whole, seal)	((struct place){ at, whole, seal, 0, 0 })
#define PLAIN(at, whole, type, len)	((struct place){ at, whole, seal_plain, len, offsetof(struct type, csum) })
#define ALL_OF(at, whole, type)	PLAIN(at, whole, type, sizeof(struct type))

/* -- checksums ------------------------------------------------------------------------------ */

static void seal_plain(struct place *p, const struct sample *im)
{
	le32 csum = le32_make(block_csum(p->whole, p->len, p->csum));

	(void)im;
	memcpy((uint8_t *)p->whole + p->csum, &csum, sizeof(csum));
}

static void seal_state(struct place *p, const struct sample *im)
{
	struct dsuper *sb = sample_super(im);

	(void)p;
	sb->state = sealed_make(sb->uuid, sizeof(sb->uuid), (uint32_t)le64_get(sb->state.w));
}

/* The block's self, the record's offset, four zero bytes, the record, the name. */
static void seal_record(struct place *p, const struct sample *im)
{
	struct ddirent *e = p->whole;
	size_t off = (size_t)((uint8_t *)e - im->bytes) % DAXFS_BLOCK_SIZE;
	const struct ddirblk *b = (const void *)((uint8_t *)e - off);
	const le32 where[2] = { le32_make((uint32_t)off), le32_make(0) };
	uint32_t crc = crc32c(crc32c(0, &b->self, sizeof(b->self)), where, sizeof(where));

	e->csum = le32_make(0);
	e->csum = le32_make(crc32c(crc, e, sizeof(*e) + e->name_len));
}

static void seal_done(struct place *p, const struct sample *im)
{
	struct dlane *lane = p->whole;

	(void)im;
	lane->done = sealed_make(&lane->self, sizeof(lane->self), (uint32_t)le64_get(lane->done.w));
}

/* A log that claims more bytes than a lane has is sealed over those that it has. */
static void seal_log(struct place *p, const struct sample *im)
{
	struct dlog *log = p->whole;
	size_t max = le32_get(sample_super(im)->lane_blocks) * DAXFS_BLOCK_SIZE - sizeof(struct dlane);
	size_t len = sizeof(*log) + le32_get(log->bytes);

	log->csum = le32_make(block_csum(log, len < max ? len : max, offsetof(struct dlog, csum)));
}

static void seal_snap(struct place *p, const struct sample *im)
{
	struct dsnap *s = p->whole;

	s->csum = le32_make(block_csum(s, le64_get(sample_super(im)->snap.bytes), offsetof(struct dsnap, csum)));
}

/* -- places ------------------------------------------------------------------------------------ */

static struct place in_super(void *at, struct dsuper *sb)
{
	return PLAIN(at, sb, dsuper, offsetof(struct dsuper, state));
}

static struct place at_super(const struct recipe *r, const struct sample *im)
{
	struct dsuper *sb = r->at == AT_COPY ? sample_copy(im) : sample_super(im);

	switch (r->at) {
	case AT_DEV: return in_super(&sb->dev[r->i], sb);
	case AT_STATE: return SPECIAL(&sb->state, sb, seal_state);
	case AT_SNAPREF: return PLAIN(&sb->snap, &sb->snap, dsnapref, 20);
	default: return in_super(sb, sb);
	}
}

static struct place at_inode(const struct recipe *r, const struct sample *im)
{
	struct dinode *di = sample_dinode(im, r->v);
	void *at = di;

	if (r->at == AT_MAP)
		at = &di->map;
	if (r->at == AT_EXT)
		at = &di->map.ext[r->i];
	if (r->at == AT_IDX)
		at = &di->map.idx[r->i];
	return ALL_OF(at, di, dinode);
}

static struct place at_node(const struct recipe *r, const struct sample *im)
{
	bool inner = r->at == AT_INNER || r->at == AT_INNER_IDX;
	bool entry = r->at == AT_LEAF_EXT || r->at == AT_INNER_IDX;
	struct dextnode *b = sample_node(im, r->v, inner, entry ? 0 : r->i);
	void *at = b;

	if (entry)
		at = inner ? (void *)&b->idx[r->i] : (void *)&b->ext[r->i];
	return ALL_OF(at, b, dextnode);
}

static struct ddirent *named(const struct recipe *r, const struct sample *im)
{
	static const enum victim dirs[] = { V_ROOT, V_DIR, V_SUB, V_BIG };
	struct ddirent *e = NULL;

	for (size_t i = 0; !e && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		e = sample_named(im, dirs[i], sample_victim_name(r->v));
	return e;
}

static struct place at_dir(const struct recipe *r, const struct sample *im)
{
	uint64_t blocks = le64_get(sample_dinode(im, r->v)->size) / DAXFS_BLOCK_SIZE;
	struct ddirent *e;

	if (r->at == AT_DIRBLK) {
		struct ddirblk *b = sample_dirblk(im, r->v, r->i);

		return ALL_OF(b, b, ddirblk);
	}
	if (r->at == AT_NAMED)
		e = named(r, im);
	else
		e = sample_dirent(sample_dirblk(im, r->v, (unsigned)blocks - 1), r->i, r->at == AT_LIVE);
	return SPECIAL(e, e, seal_record);
}

static struct place at_xattr(const struct recipe *r, const struct sample *im)
{
	struct dxattrblk *b = sample_xattrblk(im, r->v, r->at == AT_XATTRBLK ? r->i : 0);
	uint8_t *p = b->data;

	if (r->at == AT_XATTRBLK)
		return ALL_OF(b, b, dxattrblk);
	for (unsigned k = r->i; k; k--) {
		struct dxattr e;

		memcpy(&e, p, sizeof(e));
		p += sizeof(e) + e.name_len + le32_get(e.value_len);
	}
	return ALL_OF(p, b, dxattrblk);
}

static struct place at_journal(const struct recipe *r, const struct sample *im)
{
	unsigned i = r->at != AT_UNDO && r->i ? !im->lane : im->lane;

	switch (r->at) {
	case AT_LANE: return SPECIAL(sample_lane(im, i), sample_lane(im, i), seal_done);
	case AT_DONE: return SPECIAL(&sample_lane(im, i)->done, sample_lane(im, i), seal_done);
	case AT_LOG: return SPECIAL(sample_log(im, i), sample_log(im, i), seal_log);
	default: return SPECIAL(sample_undo(im, i, r->i), sample_log(im, i), seal_log);
	}
}

static struct place at_snap(const struct recipe *r, const struct sample *im)
{
	struct dsnap *s = sample_snap(im);
	struct dsnaprun *run = (void *)(s + 1);
	struct dsnapchunk *chunk = (void *)(run + le64_get(s->nr_full));
	void *at = s;

	if (r->at == AT_SNAPRUN)
		at = &run[r->i];
	if (r->at == AT_SNAPCHUNK)
		at = &chunk[r->i];
	return SPECIAL(at, s, seal_snap);
}

static struct place find(const struct recipe *r, const struct sample *im)
{
	switch (r->at) {
	case AT_SUPER: case AT_COPY: case AT_SUPERS: case AT_DEV: case AT_STATE: case AT_SNAPREF:
		return at_super(r, im);
	case AT_INODE: case AT_IFILES: case AT_MAP: case AT_EXT: case AT_IDX:
		return at_inode(r, im);
	case AT_LEAF: case AT_INNER: case AT_LEAF_EXT: case AT_INNER_IDX:
		return at_node(r, im);
	case AT_DIRBLK: case AT_LIVE: case AT_FREE: case AT_NAMED:
		return at_dir(r, im);
	case AT_XATTRBLK: case AT_XATTR:
		return at_xattr(r, im);
	case AT_LANE: case AT_DONE: case AT_LOG: case AT_UNDO:
		return at_journal(r, im);
	default:
		return at_snap(r, im);
	}
}

/* -- values --------------------------------------------------------------------------------------- */

static uint64_t first_block(const struct sample *im, enum victim v)
{
	uint64_t lblk = 0;

	while (!sample_map(im, v, lblk))
		lblk++;
	return sample_map(im, v, lblk);
}

static uint64_t value_of(const struct recipe *r, const struct sample *im, uint64_t old)
{
	switch (r->how) {
	case HOW_SET: return r->value;
	case HOW_ADD: return old + r->value;
	case HOW_INO: return im->ino[r->value];
	case HOW_BLOCK: return first_block(im, (enum victim)r->value);
	default: return le64_get(sample_dinode(im, (enum victim)r->value)->xattr);
	}
}

static void change(const struct recipe *r, const struct sample *im, void *at)
{
	uint8_t *p = (uint8_t *)at + r->f.offset;
	uint64_t old = 0, new;

	if (r->how == HOW_ZERO) {
		memset(p, 0, r->f.size);
	} else if (r->how == HOW_XOR) {
		*p ^= (uint8_t)r->value;
	} else if (r->f.size > sizeof(old)) {
		fprintf(stderr, "apply: %s: %s.%s is no number\n", r->name, r->f.type, r->f.name);
		abort();
	} else {
		memcpy(&old, p, r->f.size);
		new = htole64(value_of(r, im, le64toh(old)));
		memcpy(p, &new, r->f.size);
	}
}

void recipe_apply(const struct recipe *r, const struct sample *im)
{
	struct place p;

	if (r->first)
		recipe_apply(r->first, im);
	p = find(r, im);
	change(r, im, p.at);
	if (r->sealed)
		p.seal(&p, im);
	if (r->at == AT_SUPERS) {
		struct dsuper *copy = sample_copy(im);

		p = in_super(copy, copy);
		change(r, im, copy);
		if (r->sealed)
			p.seal(&p, im);
	}
	if (r->at == AT_IFILES)
		sample_copy(im)->ifile = sample_super(im)->ifile;
}
