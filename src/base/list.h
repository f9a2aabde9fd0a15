/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list.h -- intrusive doubly linked list
 *
 * A list is a ring that runs through its head.  A node that is initialised but
 * on no list is a ring of itself, so list_del() twice does no harm.  The caller
 * locks.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)	{ &(name), &(name) }

/* The object of @type whose member @member is the node @ptr. */
#define list_entry(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Walks forward; the body may not remove @pos. */
#define list_for_each(pos, head) \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* Walks forward; the body may remove and free @pos. */
#define list_for_each_safe(pos, head)						\
	for (struct list *pos = (head)->next, *pos##_next = pos->next;		\
	     pos != (head); pos = pos##_next, pos##_next = pos->next)

/**
 * list_init - make an empty list, or a node that is on no list
 * @l: head or node
 *
 * Context: caller locks.
 */
static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

/**
 * list_empty - whether a list has no nodes, or a node is on no list
 * @l: head or node
 *
 * Context: caller locks.
 * Return:  true when so.
 */
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/**
 * list_insert_after - put a node behind another
 * @node: on no list
 * @at:   node or head
 *
 * Context: caller locks.
 */
static inline void list_insert_after(struct list *node, struct list *at)
{
	node->next = at->next;
	node->prev = at;
	at->next->prev = node;
	at->next = node;
}

/**
 * list_add - put a node first
 * @head: list
 * @node: on no list
 *
 * Context: caller locks.
 */
static inline void list_add(struct list *head, struct list *node)
{
	list_insert_after(node, head);
}

/**
 * list_add_tail - put a node last
 * @head: list
 * @node: on no list
 *
 * Context: caller locks.
 */
static inline void list_add_tail(struct list *head, struct list *node)
{
	list_insert_after(node, head->prev);
}

/**
 * list_del - take a node off its list
 * @node: on a list, or initialised
 *
 * Context: caller locks.
 */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/**
 * list_move_tail - take a node off its list and put it last on another
 * @head: list to go to
 * @node: on a list, or initialised
 *
 * Context: caller locks both lists.
 */
static inline void list_move_tail(struct list *head, struct list *node)
{
	list_del(node);
	list_add_tail(head, node);
}

/**
 * list_first - the first node
 * @head: list
 *
 * Context: caller locks.
 * Return:  the node, or NULL when the list is empty.
 */
static inline struct list *list_first(const struct list *head)
{
	return list_empty(head) ? NULL : head->next;
}

#endif
