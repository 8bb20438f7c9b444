/* SPDX-License-Identifier: MIT */
/* A doubly linked list through members of the structs that are on it. */
#ifndef ACCEL_LIST_H
#define ACCEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define list_for_each(node, head) for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

/* As above; the body may take @node off. */
#define list_for_each_safe(node, after, head)                                                      \
	for ((node) = (head)->next, (after) = (node)->next; (node) != (head);                      \
	     (node) = (after), (after) = (node)->next)

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Put @node before @at; before the head is the list's end. */
static inline void list_add_before(struct list *at, struct list *node)
{
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_add_before(head, node);
}

static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

#endif
