/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_radix_model.c -- the radix tree beside a plain array that does the same
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "harness/rng.h"
#include "radix_fixture.h"

Suite *suite_base_radix_model(void);

static struct radix tree;

#define MODEL_CHUNKS 24

/* The model: a word per index, and the order it was stored at. */
static struct { uint64_t word; unsigned order; bool dirty; } model[MODEL_CHUNKS * 512];

static void model_erase(uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++) {
		uint64_t base = i >> model[i].order << model[i].order;
		uint64_t end = base + (UINT64_C(1) << model[i].order);

		for (uint64_t k = base; k < end; k++)
			memset(&model[k], 0, sizeof(model[k]));
	}
}

static void model_store(uint64_t index, unsigned order, uint64_t word)
{
	int want = model[index].order > order ? -EEXIST : 0;
	bool dirty = false;

	ck_assert_int_eq(radix_store(&tree, index, order, word), want);
	if (want)
		return;
	for (uint64_t i = index; i < index + (UINT64_C(1) << order); i++)
		dirty |= model[i].dirty;
	for (uint64_t i = index; i < index + (UINT64_C(1) << order); i++) {
		model[i].word = word;
		model[i].order = order;
		model[i].dirty = dirty;
	}
}

/* Up to a larger entry, which is never split. */
static void model_fill(uint64_t index, uint64_t last, uint64_t word)
{
	int got = radix_fill(&tree, index, last - index + 1, (struct radix_words){ word, SMALL(1) });
	uint64_t i = index;

	for (; i <= last && !model[i].order; i++)
		if (!model[i].word)
			model[i].word = word + (i - index) * SMALL(1);
	ck_assert_int_eq(got, i <= last ? -EEXIST : 0);
}

static void model_tag(uint64_t index, bool dirty)
{
	uint64_t base = index >> model[index].order << model[index].order;

	if (dirty)
		radix_tag_set(&tree, index, RADIX_DIRTY);
	else
		radix_tag_clear(&tree, index, RADIX_DIRTY);
	for (uint64_t i = base; model[index].word && i < base + (UINT64_C(1) << model[base].order); i++)
		model[i].dirty = dirty;
}

static void model_step(uint64_t *rnd)
{
	uint64_t r = rng_splitmix(rnd);
	uint64_t index = (r >> 20) % (MODEL_CHUNKS * 512);
	uint64_t last = index + (r >> 8) % 700;

	last = last < MODEL_CHUNKS * 512 ? last : MODEL_CHUNKS * 512 - 1;
	switch (r % 16) {
	case 0:
		radix_erase_range(&tree, index, last);
		model_erase(index, last);
		break;
	case 1:
		model_store(index & ~UINT64_C(511), 9, BIG(r >> 4 & 0xffff));
		break;
	case 2: case 3: case 4: case 5:
		model_tag(index, r & 64);
		break;
	case 6: case 7:
		model_fill(index, last, SMALL((r >> 4 & 0xffff) + 1));
		break;
	default:
		model_store(index, 0, SMALL((r >> 4 & 0xffff) + 1));
	}
}

static void model_compare(void)
{
	for (uint64_t i = 0; i < MODEL_CHUNKS * 512; i++) {
		unsigned order = 0;

		ck_assert_uint_eq(load(&tree, i, &order), model[i].word);
		ck_assert_uint_eq(order, model[i].order);
		ck_assert_int_eq(tagged_at(&tree, i, RADIX_DIRTY), model[i].dirty);
	}
}

START_TEST(tree_agrees_with_a_plain_array)
{
	uint64_t rnd = 1;

	radix_init(&tree, LOCK);
	for (int i = 0; i < 60000; i++) {
		model_step(&rnd);
		if (i % 3000 == 0)
			model_compare();
	}
	model_compare();
	radix_fini(&tree);
	rcu_drain();
}
END_TEST

Suite *suite_base_radix_model(void)
{
	Suite *s = suite_create("base_radix_model");
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tree_agrees_with_a_plain_array);
	suite_add_tcase(s, tc);
	return s;
}
