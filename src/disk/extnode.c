/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extnode.c -- one node of an extent map: checking, searching, editing
 *
 * Owns the layout of nodes.  No byte of a node is used before the whole node
 * has been checked against its header, its parent's bounds and the device;
 * only a node that this transaction has shadowed is trusted.  Since a level
 * must be one less than its parent's and siblings' bounds never overlap, a
 * damaged tree can neither loop nor be visited twice.  Changes go to shadows:
 * after a crash a node is the old or the new one.  The inode's map lock, held
 * by the caller, protects the tree.  May call: disk, txn.
 */
#include "disk/extnode.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "disk/txn.h"

static unsigned root_cap(unsigned level)
{
	return level ? DAXFS_ROOT_INDEXES : DAXFS_ROOT_EXTENTS;
}

static unsigned node_cap(unsigned level)
{
	return level ? DAXFS_NODE_INDEXES : DAXFS_NODE_EXTENTS;
}

static uint32_t node_csum(const struct dextnode *b)
{
	return block_csum(b, sizeof(*b), offsetof(struct dextnode, csum));
}

static void node_seal(void *shadow)
{
	struct dextnode *b = shadow;

	b->csum = le32_make(node_csum(b));
}

/* one extent within [lo, hi) */
static const char *extent_error(const struct disk *d, const struct dextent *e, uint64_t lo, uint64_t hi)
{
	uint64_t lblk = le64_get(e->lblk), len = le32_get(e->len);
	pblk_t pblk = { le64_get(e->pblk) };

	if (len == 0)
		return "extent of length 0";
	if (lblk < lo || lblk >= hi || len > hi - lblk)
		return "extent out of order or bounds";
	if (le32_get(e->flags) & ~DAXFS_EXT_UNWRITTEN)
		return "extent with unknown flags";
	if (!disk_valid(d, pblk, len))
		return "extent outside the device's data";
	return NULL;
}

static const char *extents_error(const struct disk *d, const struct extnode *n)
{
	uint64_t lo = n->lo;

	for (unsigned i = 0; i < extnode_count(n); i++) {
		const char *wrong = extent_error(d, &n->ext[i], lo, n->hi);

		if (wrong)
			return wrong;
		lo = dextent_end(&n->ext[i]);
	}
	return NULL;
}

static const char *indexes_error(const struct disk *d, const struct extnode *n)
{
	uint64_t lo = n->lo;

	for (unsigned i = 0; i < extnode_count(n); i++) {
		uint64_t key = le64_get(n->idx[i].lblk);
		pblk_t child = { le64_get(n->idx[i].pblk) };

		if (key < lo || key >= n->hi)
			return "index out of order or bounds";
		if (!disk_valid(d, child, 1))
			return "index points outside the device's data";
		lo = key + 1;
	}
	return NULL;
}

/* count and entries, of a root or a node */
static const char *entries_error(const struct disk *d, const struct extnode *n)
{
	unsigned count = extnode_count(n);

	if (count > n->cap)
		return "more entries than fit";
	if (count == 0 && (n->self.v || n->level))
		return "no entries";
	return n->level ? indexes_error(d, n) : extents_error(d, n);
}

/* the header of a node block */
static const char *header_error(const struct dextnode *b, const struct extnode *n, uint64_t ino)
{
	static const uint8_t zero[sizeof(b->rsvd)];

	if (le32_get(b->magic) != DAXFS_EXTNODE_MAGIC)
		return "magic is wrong";
	if (le32_get(b->csum) != node_csum(b))
		return "checksum is wrong";
	if (le64_get(b->self) != n->self.v)
		return "belongs in another block";
	if (le64_get(b->owner) != ino)
		return "belongs to another inode";
	if (le16_get(b->level) != n->level)
		return "level is wrong";
	if (memcmp(b->rsvd, zero, sizeof(zero)) != 0)
		return "reserved bytes are not zero";
	return NULL;
}

static void view_root(struct dmap *root, struct extnode *n)
{
	*n = (struct extnode){
		.level = le16_get(root->depth), .cap = root_cap(le16_get(root->depth)),
		.hi = DAXFS_FILE_BLOCKS_MAX, .nr = &root->count, .ext = root->ext,
	};
}

static void view_block(struct dextnode *b, struct extnode *n)
{
	n->nr = &b->count;
	n->ext = b->ext;
}

int extnode_root(const struct extmap *m, struct extnode *n)
{
	const char *wrong = NULL;

	view_root(m->root, n);
	if (n->level > DAXFS_EXT_DEPTH_MAX)
		wrong = "depth is impossible";
	else if (le32_get(m->root->rsvd))
		wrong = "reserved bytes are not zero";
	if (!wrong)
		wrong = entries_error(m->disk, n);
	return wrong ? corrupt("inode %" PRIu64 ", extent map root: %s", m->ino, wrong) : 0;
}

int extmap_check_root(const struct disk *d, const struct dmap *root, uint64_t ino)
{
	struct extmap m = { .disk = d, .root = (struct dmap *)(uintptr_t)root, .ino = ino };
	struct extnode n;

	return extnode_root(&m, &n);
}

int extnode_child(const struct extmap *m, const struct extnode *parent, unsigned i, struct extnode *n)
{
	pblk_t self = { le64_get(parent->idx[i].pblk) };
	void *media = disk_ptr(m->disk, self);
	void *view = m->t ? (void *)(uintptr_t)txn_view(m->t, media) : media;
	const char *wrong;

	*n = (struct extnode){
		.self = self, .level = parent->level - 1, .cap = node_cap(parent->level - 1),
		.lo = extnode_key(parent, i),
		.hi = i + 1 < extnode_count(parent) ? extnode_key(parent, i + 1) : parent->hi,
	};
	view_block(view, n);
	if (view != media)
		return 0;
	wrong = header_error(media, n, m->ino);
	if (!wrong)
		wrong = entries_error(m->disk, n);
	return wrong ? corrupt("inode %" PRIu64 ", extent node in block %" PRIu64 ": %s",
			       m->ino, self.v, wrong) : 0;
}

unsigned extnode_slot(const struct extnode *n, uint64_t lblk)
{
	unsigned lo = 0, hi = extnode_count(n);

	while (hi - lo > 1) {
		unsigned mid = lo + (hi - lo) / 2;

		if (le64_get(n->idx[mid].lblk) <= lblk)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

unsigned extnode_after(const struct extnode *n, uint64_t lblk)
{
	unsigned lo = 0, hi = extnode_count(n);

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (dextent_end(&n->ext[mid]) <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void extnode_load(const struct extnode *n, unsigned i, struct extent *ext)
{
	const struct dextent *e = &n->ext[i];

	*ext = (struct extent){
		.lblk = { le64_get(e->lblk) }, .pblk = { le64_get(e->pblk) },
		.len = le32_get(e->len), .flags = le32_get(e->flags),
	};
}

int extnode_edit(struct extmap *m, struct extnode *n)
{
	struct dextnode *shadow;

	if (!n->self.v)
		return 0;
	shadow = txn_edit(m->t, disk_ptr(m->disk, n->self), sizeof(*shadow), node_seal);
	if (!shadow)
		return -ENOSPC;
	view_block(shadow, n);
	return 0;
}

int extnode_new(struct extmap *m, unsigned level, struct extnode *n)
{
	struct dextnode *b;
	pblk_t self;
	int err = txn_alloc(m->t, &self);

	if (err)
		return err;
	b = txn_fresh(m->t, self, node_seal);
	if (!b)
		return -ENOMEM;
	b->magic = le32_make(DAXFS_EXTNODE_MAGIC);
	b->self = le64_make(self.v);
	b->owner = le64_make(m->ino);
	b->level = le16_make((uint16_t)level);
	*n = (struct extnode){ .self = self, .level = level, .cap = node_cap(level) };
	view_block(b, n);
	m->node_delta++;
	return 0;
}

int extnode_drop(struct extmap *m, const struct extnode *n)
{
	m->node_delta--;
	return txn_free(m->t, n->self, 1);
}

static size_t entry_size(const struct extnode *n)
{
	return n->level ? sizeof(struct dextidx) : sizeof(struct dextent);
}

static uint8_t *entry_at(const struct extnode *n, unsigned i)
{
	return (uint8_t *)n->ext + i * entry_size(n);
}

static void set_count(struct extnode *n, unsigned count)
{
	*n->nr = le16_make((uint16_t)count);
}

void extnode_gap(struct extnode *n, unsigned i)
{
	unsigned count = extnode_count(n);

	assert(i <= count && count < n->cap);
	memmove(entry_at(n, i + 1), entry_at(n, i), (count - i) * entry_size(n));
	set_count(n, count + 1);
}

void extnode_cut(struct extnode *n, unsigned i, unsigned k)
{
	unsigned count = extnode_count(n);

	assert(i + k <= count);
	memmove(entry_at(n, i), entry_at(n, i + k), (count - i - k) * entry_size(n));
	memset(entry_at(n, count - k), 0, k * entry_size(n));
	set_count(n, count - k);
}

void extnode_copy(struct extnode *dst, const struct extnode *src, unsigned i, unsigned k)
{
	assert(extnode_count(dst) == 0 && k <= dst->cap && i + k <= extnode_count(src));
	assert(dst->level == src->level);
	memcpy(entry_at(dst, 0), entry_at(src, i), k * entry_size(src));
	set_count(dst, k);
}

void extnode_reroot(struct extmap *m, unsigned level, struct extnode *root)
{
	memset(m->root, 0, sizeof(*m->root));
	m->root->depth = le16_make((uint16_t)level);
	view_root(m->root, root);
}
