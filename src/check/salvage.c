// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * salvage.c -- what is plausible in a damaged extent map
 *
 * Every entry is judged by itself; of those that contradict each other in
 * order, as many are kept as go together.  What is kept is claimed at once, so
 * a block that anybody has claimed before is left out, and no node is looked at
 * twice: the walk ends whatever is on media.
 */
#include "check/mapwalk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/claim.h"
#include "check/mapguess.h"
#include "disk/disk.h"

#define ENTRIES_MAX	DAXFS_NODE_INDEXES

#define SOUND_WORTH	(ENTRIES_MAX + 1)	/* more than all that is not sound together */

/*
 * What an entry of a root or a node stands for.  An index spans what the sound nodes below it cover;
 * with others it spans one block of the file, its key.
 */
struct span { uint64_t lblk, end; unsigned i, worth; };

/* A root or a node.  Entries may lie in [lo, hi); the keys above it give [key_lo, key_hi). */
struct view {
	unsigned level, count;
	uint64_t lo, hi, key_lo, key_hi, blk;
	const struct dextent *ext;
	const struct dextidx *idx;
	bool reported;		/* something is wrong with it, and has been said */
};

/* @end: past the last extent kept */
struct walk { struct check *c; struct salvage *s; uint64_t *end; };

static void report(const struct walk *w, enum problem p, struct pctx x)
{
	w->s->asked++;
	if (w->s->rehearsal)
		return;
	x.ino = w->s->ino;
	if (!problem(w->c, p, &x))
		w->s->agreed = false;
}

/* -- which entries go together ------------------------------------------------------- */

/* The worthiest chain of spans each of which begins where the one before has ended, or later. */
static unsigned best_chain(const struct span *in, unsigned n, struct span *out)
{
	unsigned worth[ENTRIES_MAX], prev[ENTRIES_MAX], nr[ENTRIES_MAX], best = 0;

	for (unsigned i = 0; i < n; i++) {
		worth[i] = in[i].worth;
		prev[i] = n;
		nr[i] = 1;
		for (unsigned k = 0; k < i; k++) {
			if (in[k].end <= in[i].lblk && worth[k] + in[i].worth > worth[i]) {
				worth[i] = worth[k] + in[i].worth;
				prev[i] = k;
				nr[i] = nr[k] + 1;
			}
		}
		if (worth[i] > worth[best])
			best = i;
	}
	for (unsigned i = best, k = n ? nr[best] : 0; k; i = prev[i])
		out[--k] = in[i];
	return n ? nr[best] : 0;
}

static struct span key_span(const struct view *v, unsigned i)
{
	uint64_t key = le64_get(v->idx[i].lblk);

	return (struct span){ key, key + 1, i, 1 };
}

static void index_spans(const struct walk *w, const struct view *v, struct span *sp)
{
	for (unsigned i = 0; i < v->count; i++) {
		struct nodeid id = { w->s->ino, le64_get(v->idx[i].pblk), v->level - 1 };

		sp[i] = key_span(v, i);
		if (node_covers(w->c, id, &sp[i].lblk, &sp[i].end))
			sp[i].worth = SOUND_WORTH;
	}
	/* Where two neighbours contradict each other, the keys decide. */
	for (unsigned i = 1; i < v->count; i++) {
		if (sp[i - 1].worth == 1 || sp[i].worth == 1 || sp[i - 1].end <= sp[i].lblk)
			continue;
		sp[i - 1] = key_span(v, i - 1);
		sp[i] = key_span(v, i);
	}
}

static void extent_spans(const struct view *v, struct span *sp)
{
	for (unsigned i = 0; i < v->count; i++) {
		uint64_t lblk = le64_get(v->ext[i].lblk);

		sp[i] = (struct span){ lblk, lblk + le32_get(v->ext[i].len), i, 1 };
	}
}

static const char *entry_wrong(const struct walk *w, const struct view *v, const struct span *sp)
{
	if (v->level) {
		if (sp->lblk < v->lo || sp->lblk >= v->hi)
			return "index out of bounds";
		return check_valid(w->c, le64_get(v->idx[sp->i].pblk), 1) ? NULL :
		       "index points outside the device's data";
	}
	struct dextent e = v->ext[sp->i];

	e.flags = le32_make(0);		/* any flag but the known one is masked later */
	return extent_wrong(w->c, &e, v->lo, v->hi);
}

/* The entries to keep, in order; says what is wrong with the others. */
static unsigned choose(const struct walk *w, const struct view *v, struct span *out)
{
	struct span good[ENTRIES_MAX];
	unsigned n = 0, kept;

	if (v->level)
		index_spans(w, v, good);
	else
		extent_spans(v, good);
	for (unsigned i = 0; i < v->count; i++) {
		const char *why = entry_wrong(w, v, &good[i]);

		if (!why) {
			good[n++] = good[i];
			continue;
		}
		w->s->lossy = true;
		report(w, PR_EXTENT_BAD, (struct pctx){ .blk = v->blk, .num = good[i].lblk, .num2 = i, .text = why });
	}
	kept = best_chain(good, n, out);
	if (kept < n) {
		w->s->lossy = true;
		report(w, PR_EXTENT_BAD, (struct pctx){ .blk = v->blk, .num = v->lo, .text = "out of order" });
	}
	return kept;
}

/* -- extents ---------------------------------------------------------------------------- */

static int keep_extent(const struct walk *w, struct mrun r)
{
	uint64_t left = r.len;

	if (check_overdone(w->c, left)) {
		w->s->lossy = true;
		report(w, PR_CLAIMED, (struct pctx){ .blk = r.pblk, .num = left });
		return 0;
	}
	while (left) {
		uint64_t n = left;

		if (claim_part(w->c, r.pblk, &n)) {
			r.len = (uint32_t)n;
			if (mrun_add(w->s->out, r))
				return -ENOMEM;
		} else {
			w->s->lossy = true;
			report(w, PR_CLAIMED, (struct pctx){ .blk = r.pblk, .num = n });
		}
		r.lblk += n;
		r.pblk += n;
		left -= n;
	}
	return 0;
}

static int take_extents(const struct walk *w, const struct view *v)
{
	struct span sp[ENTRIES_MAX];
	unsigned n = choose(w, v, sp);
	int err = 0;

	for (unsigned k = 0; !err && k < n; k++) {
		const struct dextent *e = &v->ext[sp[k].i];
		uint32_t flags = le32_get(e->flags);

		if (flags & ~DAXFS_EXT_UNWRITTEN) {
			w->s->lossy = true;
			report(w, PR_EXTENT_BAD, (struct pctx){ .blk = v->blk, .num = sp[k].lblk, .text = "unknown flags" });
		}
		err = keep_extent(w, (struct mrun){ sp[k].lblk, le64_get(e->pblk), le32_get(e->len),
						    flags & DAXFS_EXT_UNWRITTEN });
		*w->end = sp[k].end;
	}
	return err;
}

/* -- nodes ---------------------------------------------------------------------------------- */

struct header { bool magic, self, owner, level, empty, count, rsvd, csum; };

static struct header header_of(const struct walk *w, const struct dextnode *n, const struct view *v)
{
	return (struct header){
		.magic = le32_get(n->magic) == DAXFS_EXTNODE_MAGIC,
		.self = le64_get(n->self) == v->blk,
		.owner = le64_get(n->owner) == w->s->ino,
		.level = le16_get(n->level) == v->level,
		.empty = !le16_get(n->count),
		.count = le16_get(n->count) && le16_get(n->count) <= map_cap(v->level, false),
		.rsvd = media_zero(n->rsvd, sizeof(n->rsvd)),
		.csum = le32_get(n->csum) == block_csum(n, sizeof(*n), offsetof(struct dextnode, csum)),
	};
}

static const char *header_wrong(const struct header *h)
{
	return !h->magic ? "magic is wrong" : !h->self ? "belongs in another block" :
	       !h->owner ? "belongs to another inode" : !h->level ? "level is wrong" :
	       !h->count ? "number of entries is impossible" : !h->rsvd ? "reserved bytes are not zero" :
	       !h->csum ? "checksum is wrong" : NULL;
}

/* Three in four of what a header says of itself, and nothing that makes it another's. */
static bool plausible(const struct header *h)
{
	return h->magic + h->self + h->owner + h->level >= 3 && !h->empty;
}

static int take_view(const struct walk *w, const struct view *v);

/* 0: the node was used, 1: it was not, -ENOMEM. */
static int take_node(const struct walk *w, struct view *v)
{
	const struct dextnode *n = media_at(&w->c->m, v->blk);
	struct header h = header_of(w, n, v);
	const char *why = header_wrong(&h);
	uint64_t one = 1;

	if (!claim_part(w->c, v->blk, &one)) {
		report(w, PR_CLAIMED, (struct pctx){ .blk = v->blk, .num = 1 });
		return 1;
	}
	if (why && !plausible(&h)) {
		claim_give(w->c, v->blk, 1);
		report(w, PR_NODE_BAD, (struct pctx){ .blk = v->blk, .text = why });
		return 1;
	}
	v->reported = why != NULL;
	if (why) {
		report(w, PR_NODE_DAMAGED, (struct pctx){ .blk = v->blk, .text = why });
		if (vec_grow(&w->s->reseal.v, w->s->reseal.nr + 1, &w->s->reseal.cap, sizeof(uint64_t)))
			return -ENOMEM;
		w->s->reseal.v[w->s->reseal.nr++] = v->blk;
		w->s->reseal.v[w->s->reseal.nr++] = v->level;
	}
	if (mrun_add(w->s->out, (struct mrun){ RUN_META, v->blk, 1, 0 }))
		return -ENOMEM;
	v->count = h.count ? le16_get(n->count) : map_cap(v->level, false);
	if (!h.count)
		w->s->lossy = true;	/* the header cannot say how many will be left */
	v->ext = n->ext;
	v->idx = n->idx;
	return take_view(w, v);
}

static uint64_t key_of(const struct view *v, const struct span *sp)
{
	return le64_get(v->idx[sp->i].lblk);
}

/* Past the keys that may lie below entry @k of @n. */
static uint64_t key_end(const struct view *v, const struct span *sp, unsigned k, unsigned n)
{
	return k + 1 < n ? key_of(v, &sp[k + 1]) : v->key_hi;
}

/* Do the keys ascend, and separate what the sound nodes below them cover? */
static bool keys_good(const struct view *v, const struct span *sp, unsigned n)
{
	uint64_t lo = v->key_lo;

	for (unsigned k = 0; k < n; k++) {
		uint64_t key = key_of(v, &sp[k]), end = key_end(v, sp, k, n);

		if (key < lo || key >= v->key_hi || end > v->key_hi)
			return false;
		if (sp[k].worth == SOUND_WORTH && (key > sp[k].lblk || sp[k].end > end))
			return false;
		lo = key + 1;
	}
	return true;
}

static void report_keys(const struct walk *w, const struct view *v)
{
	enum problem p = v->blk ? PR_NODE_DAMAGED : PR_MAP_ROOT;

	w->s->lossy = true;
	if (!v->reported)
		report(w, p, (struct pctx){ .blk = v->blk, .text = "a key is not that of the node below it" });
}

static int take_indexes(const struct walk *w, const struct view *v)
{
	struct span sp[ENTRIES_MAX];
	unsigned n = choose(w, v, sp);
	bool good = keys_good(v, sp, n);

	if (!good)
		report_keys(w, v);
	for (unsigned k = 0; k < n; k++) {
		struct view child = {
			.level = v->level - 1, .blk = le64_get(v->idx[sp[k].i].pblk),
			.lo = *w->end, .hi = k + 1 < n ? sp[k + 1].lblk : v->hi,
			.key_lo = good ? key_of(v, &sp[k]) : 0,
			.key_hi = good ? key_end(v, sp, k, n) : DAXFS_FILE_BLOCKS_MAX,
		};
		int ret = take_node(w, &child);

		if (ret < 0)
			return ret;
		if (ret)
			w->s->lossy = true;
	}
	return 0;
}

static int take_view(const struct walk *w, const struct view *v)
{
	return v->level ? take_indexes(w, v) : take_extents(w, v);
}

/* What is wrong with the root itself; v has what it says, and then what to believe. */
static const char *root_wrong(const struct walk *w, const struct dmap *root, struct view *v)
{
	v->level = map_depth(w->c, root, w->s->ino);
	if (v->level > DAXFS_EXT_DEPTH_MAX) {
		v->level = v->count = 0;
		return "depth is impossible";
	}
	if (v->count > map_cap(v->level, true) || (v->level && !v->count)) {
		v->count = map_cap(v->level, true);
		return "number of entries is impossible";
	}
	if (v->level != le16_get(root->depth))
		return "depth is not that of its entries";
	return le32_get(root->rsvd) ? "reserved bytes are not zero" : NULL;
}

/* What the strict walk finds fault with is built anew, even if nothing above has said why. */
static int last_word(const struct walk *w, const struct dmap *root)
{
	struct mrunvec runs = { .nr = 0 };
	struct mapfault f;
	int ret = map_walk(w->c, root, w->s->ino, &runs, &f);

	free(runs.v);
	if (ret != 1)
		return ret;
	w->s->lossy = true;
	report(w, f.p, (struct pctx){ .blk = f.blk, .text = f.why });
	return 0;
}

int map_salvage(struct check *c, const struct dmap *root, struct salvage *s)
{
	uint64_t end = 0;
	struct walk w = { c, s, &end };
	struct view v = {
		.count = le16_get(root->count), .hi = DAXFS_FILE_BLOCKS_MAX, .key_hi = DAXFS_FILE_BLOCKS_MAX,
		.ext = root->ext, .idx = root->idx,
	};
	const char *why = root_wrong(&w, root, &v);

	v.reported = why != NULL;
	if (why) {
		s->lossy = true;
		report(&w, PR_MAP_ROOT, (struct pctx){ .text = why });
	}
	unsigned asked = s->asked;
	int err = take_view(&w, &v);

	return err || why || s->asked != asked ? err : last_word(&w, root);
}
