/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base_list.c -- the list keeps order
 */
#include <check.h>

#include "base/list.h"

Suite *suite_base_list(void);

struct item {
	int value;
	struct list node;
};

static int nth(const struct list *head, int n)
{
	list_for_each(pos, head) {
		if (!n--)
			return list_entry(pos, struct item, node)->value;
	}
	return -1;
}

START_TEST(list_keeps_order_and_forgets_deleted_nodes)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	struct list head = LIST_INIT(head);

	ck_assert(list_empty(&head));
	ck_assert_ptr_null(list_first(&head));
	list_add_tail(&head, &b.node);
	list_add_tail(&head, &c.node);
	list_add(&head, &a.node);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(nth(&head, i), i + 1);
	list_move_tail(&head, &a.node);
	ck_assert_int_eq(nth(&head, 2), 1);
	list_del(&c.node);
	list_del(&c.node);
	ck_assert(list_empty(&c.node));
	ck_assert_int_eq(nth(&head, 0), 2);
	list_for_each_safe(pos, &head)
		list_del(pos);
	ck_assert(list_empty(&head));
}
END_TEST

Suite *suite_base_list(void)
{
	Suite *s = suite_create("base_list");
	TCase *tc = tcase_create("list");

	tcase_add_test(tc, list_keeps_order_and_forgets_deleted_nodes);
	suite_add_tcase(s, tc);
	return s;
}
