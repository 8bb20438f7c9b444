/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What x86 has, the ivpu driver calls, and User-Mode Linux lacks: three functions for memory that
 * is not coherent or not cached, which there is none of here, for the device's model as well;
 * and, in place of asm/msr.h, the one that reads a register of the processor, which fails, as on
 * a processor without that register. Only NPUs of later generations are asked about it.
 */
#ifndef RIG_IVPU_UML_H
#define RIG_IVPU_UML_H

#define _ASM_X86_MSR_H

#include <linux/errno.h>
#include <linux/types.h>

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

static inline int rdmsrq_safe(u32 reg, u64 *value)
{
	return -EIO;
}

#endif
