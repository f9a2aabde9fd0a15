// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mapcache.c -- a regular file's radix caches
 *
 * Volatile.  Readers hold an RCU read section and no lock; a writer that hits
 * holds the block's lock bit, so that truncate and punch, which change the
 * block map first and call mapcache_forget() then, wait for it before they let
 * the blocks go.  Writers of several blocks hold their range instead, and truncate and
 * punch that of the whole file.
 *
 * Neither a lost nor a double flush.  W stores to lines, F flushes:
 *
 *	W1 store to lines		F1 clear DIRTY and TOWRITE tags
 *	W2 mask |= lines (RMW)		F2 m = exchange(mask, 0)
 *	W3 set DIRTY tag, up to root	F3 flush lines in m, fence
 *
 * W2 is a full barrier: whoever sees the mask sees the stores.  Not lost: if F2
 * takes W's bits, F3 flushes stores that came before W2.  If F2 comes before W2,
 * then F1 comes before W3 and the tag stands when W returns: the next flush
 * finds it.  Not double: F2 empties the mask, so a line is flushed again only
 * after another W2.  A tag without bits (W2 F1 F2 W3) costs the next flush one
 * visit and no line.  Flushers of one file exclude each other by mc->sync, so an
 * fsync cannot return while another one's F3 for earlier stores is under way.
 */
#include "core/mapcache.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "base/rcu.h"
#include "core/entry.h"
#include "core/inode.h"

static struct pool mapcache_pool = POOL_INIT(sizeof(struct mapcache));

struct mapcache *mapcache_of(struct inode *ip)
{
	struct mapcache *mc = atomic_load_explicit(&ip->map, memory_order_acquire);
	struct mapcache *none = NULL;

	if (mc)
		return mc;
	mc = pool_get(&mapcache_pool);
	if (!mc)
		return NULL;
	radix_init(&mc->map, ENTRY_LOCK);
	radix_init(&mc->dirty, 0);
	rangelock_init(&mc->ranges);
	pthread_mutex_init(&mc->sync, NULL);
	if (atomic_compare_exchange_strong(&ip->map, &none, mc))
		return mc;
	mapcache_free(mc);
	return none;
}

void mapcache_free(struct mapcache *mc)
{
	if (!mc)
		return;
	radix_fini(&mc->map);
	radix_fini(&mc->dirty);
	rangelock_fini(&mc->ranges);
	pthread_mutex_destroy(&mc->sync);
	pool_put(&mapcache_pool, mc);
}

size_t mapcache_bytes(struct inode *ip)
{
	const struct mapcache *mc = atomic_load(&ip->map);

	return mc ? sizeof(*mc) + radix_bytes(&mc->map) + radix_bytes(&mc->dirty) : 0;
}

bool mapcache_lookup(const struct mapcache *mc, uint64_t lblk, struct mapping *m)
{
	unsigned order;
	uint64_t word = radix_load(&mc->map, lblk, &order);

	if (!word)
		return false;
	*m = (struct mapping){ entry_pblk(word, order, lblk), entry_left(order, lblk) };
	return true;
}

_Atomic uint64_t *mapcache_lock(struct mapcache *mc, uint64_t lblk, struct mapping *m)
{
	unsigned order;
	uint64_t word;
	_Atomic uint64_t *slot = radix_slot(&mc->map, lblk, &order);

	if (!slot || !radix_lock_slot(slot, ENTRY_LOCK, &word))
		return NULL;
	*m = (struct mapping){ entry_pblk(word, order, lblk), entry_left(order, lblk) };
	return slot;
}

void mapcache_unlock_fenced(_Atomic uint64_t *slot)
{
	radix_unlock_fenced(slot, ENTRY_LOCK);
}

/*
 * One entry, from @lblk on.  Blocks settled, 0 when it is not cached; or when a larger one has just
 * taken its place, in which somebody may be (not under the inode's lock).
 */
static uint64_t settle_entry(struct mapcache *mc, uint64_t lblk, uint64_t end)
{
	uint64_t n, i = 0;
	unsigned order;

	rcu_enter();
	do {
		_Atomic uint64_t *slot = radix_slot(&mc->map, lblk + i, &order);

		n = slot && radix_await_slot(slot, ENTRY_LOCK) ? entry_left(order, lblk) : 0;
	} while (++i < n && i < RADIX_STRIPES(order) && lblk + i < end);
	rcu_leave();
	return n;
}

uint64_t mapcache_settle(struct mapcache *mc, uint64_t lblk, uint64_t end)
{
	uint64_t n = 1;

	while (n && lblk < end) {
		n = settle_entry(mc, lblk, end);
		lblk += n;
	}
	return lblk < end ? lblk : end;
}

int mapcache_claim(struct inode *ip, struct range_hold *h)
{
	struct mapcache *mc = mapcache_of(ip);

	if (!mc)
		return -ENOMEM;
	rangelock_lock(&mc->ranges, h, 0, RADIX_INDEX_MAX);
	return 0;
}

void mapcache_release(struct inode *ip, struct range_hold *h)
{
	rangelock_unlock(&atomic_load(&ip->map)->ranges, h);
}

/* The largest entry around @lblk that lies inside @ext and is aligned on the device. */
static unsigned best_order(const struct extent *ext, uint64_t lblk)
{
	static const unsigned orders[] = { ENTRY_PUD, ENTRY_PMD };

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		uint64_t n = UINT64_C(1) << orders[i], first = lblk & ~(n - 1);

		if (first >= ext->lblk.v && first + n <= ext->lblk.v + ext->len &&
		    (pblk_nr(ext->pblk) + (first - ext->lblk.v)) % n == 0)
			return orders[i];
	}
	return ENTRY_PTE;
}

static bool covered(const struct mapcache *mc, uint64_t lblk, unsigned order)
{
	unsigned have;

	rcu_enter();
	uint64_t word = radix_load(&mc->map, lblk, &have);
	rcu_leave();
	return word && have >= order;
}

/* Single blocks, up to where a larger entry may begin. */
static int fill_small(struct mapcache *mc, const struct extent *ext, uint64_t lblk, uint64_t n)
{
	pblk_t b = { ext->pblk.v + lblk - ext->lblk.v };

	if (covered(mc, lblk, ENTRY_PMD))
		return 0;
	return radix_fill(&mc->map, lblk, n, (struct radix_words){ entry_make(b), ENTRY_STEP });
}

static int fill_large(struct mapcache *mc, const struct extent *ext, uint64_t lblk, unsigned order)
{
	pblk_t b = { ext->pblk.v + lblk - ext->lblk.v };

	return covered(mc, lblk, order) ? 0 : radix_store(&mc->map, lblk, order, entry_make(b));
}

void mapcache_fill(struct mapcache *mc, const struct extent *ext, uint64_t lblk, uint64_t n)
{
	uint64_t end = lblk + n;
	int err = 0;

	while (!err && lblk < end) {
		unsigned order = best_order(ext, lblk), step = order > ENTRY_PMD ? order : ENTRY_PMD;
		uint64_t first = lblk >> step << step, next = first + (UINT64_C(1) << step);

		if (order)
			err = fill_large(mc, ext, first, order);
		else
			err = fill_small(mc, ext, lblk, (next < end ? next : end) - lblk);
		lblk = next;
	}
}

void mapcache_forget(struct mapcache *mc, uint64_t first, uint64_t last)
{
	if (!mc)
		return;
	radix_erase_range(&mc->map, first, last);
	radix_erase_range(&mc->dirty, first, last);
}

int mapcache_dirty(struct mapcache *mc, uint64_t lblk, uint64_t mask)
{
	rcu_enter();
	_Atomic uint64_t *slot = radix_slot_create(&mc->dirty, lblk);

	if (slot) {
		atomic_fetch_or(slot, mask);			/* W2 */
		radix_tag_set(&mc->dirty, lblk, RADIX_DIRTY);	/* W3 */
	}
	rcu_leave();
	return slot ? 0 : -ENOMEM;
}

uint64_t mapcache_take_dirty(struct mapcache *mc, uint64_t *lblk, uint64_t last, bool *found)
{
	_Atomic uint64_t *slot;
	uint64_t mask = 0;

	rcu_enter();
	*found = radix_next_tagged(&mc->dirty, lblk, last, RADIX_TOWRITE, &slot);
	if (*found) {
		radix_tag_clear(&mc->dirty, *lblk, RADIX_DIRTY);	/* F1 */
		radix_tag_clear(&mc->dirty, *lblk, RADIX_TOWRITE);
		mask = atomic_exchange(slot, 0);			/* F2 */
	}
	rcu_leave();
	return mask;
}
