/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The three functions of x86 that the ivpu driver calls and User-Mode Linux lacks. There all of
 * memory is coherent and cached, for the device's model as well, so there is nothing to do.
 */
#ifndef RIG_IVPU_UML_H
#define RIG_IVPU_UML_H

struct page;

static inline void clflush_cache_range(void *address, unsigned int bytes)
{
}

static inline int set_pages_array_wc(struct page **pages, int count)
{
	return 0;
}

static inline int set_pages_array_wb(struct page **pages, int count)
{
	return 0;
}

#endif
