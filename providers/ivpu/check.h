/* SPDX-License-Identifier: MIT */
/* The check of command lists: that they are well formed, and name only what the job lists. */
#ifndef IVPU_CHECK_H
#define IVPU_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of the job's buffers, as the NPU sees it. */
#define NO_INDEX (~0u)
struct ivpu_range {
	uint64_t address, bytes;
	bool reads, writes; /* what it is listed for */
	uint32_t index;     /* in the job; NO_INDEX: the commands */
	/* Its bytes for the CPU; NULL: they have not been asked for. */
	const unsigned char *map;
	void *bo; /* for the one who maps it */
};

/* A list: @bytes at @at, of which the first is the header's. */
struct ivpu_view {
	const unsigned char *at;
	uint64_t bytes;
	bool old;                  /* NPU 37xx */
	struct ivpu_range *ranges; /* sorted by ivpu_ranges_sort() */
	size_t range_count;
	/* Set range->map: 0, or -errno. */
	int (*map)(struct ivpu_range *range);
};

/* Where something is wrong: @offset is a byte of the list, @index that of the buffer. */
struct ivpu_place {
	uint64_t offset;
	uint32_t index;
	char text[160];
};

void ivpu_ranges_sort(struct ivpu_range *ranges, size_t count);

/*
 * -EINVAL not well formed; -ERANGE an address outside all buffers, or beyond the end of one;
 * -EACCES a buffer that is not listed for this; -ENOMEM descriptors can't be read.
 */
int ivpu_list_check(const struct ivpu_view *view, struct ivpu_place *place);

#endif
