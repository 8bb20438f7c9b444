/* SPDX-License-Identifier: MIT */
/*
 * A kernel for counting: what the library asks of libc comes here, is counted, and is answered by
 * drivers that are made up, with as little as they can say; or goes on to the real kernel.
 */
#ifndef COUNTS_KERNEL_H
#define COUNTS_KERNEL_H

#include <stdbool.h>

/* By its path the library finds a device of the made-up driver; its pages are zero. */
#define COUNTS_NODE "/dev/zero"

struct counts {
	unsigned int calls; /* ioctl, poll, close */
	unsigned int allocations;
	unsigned int clock_reads;
};
extern struct counts counts;

/* Be the kernel driver of this name, before the first call into the library. */
void counts_make_up(const char *driver);
/* Jobs of the made-up drivers don't end from now on, or have ended. */
void counts_keep_jobs(bool keep);
/* Whether time stands still, so that nothing is asked from time to time. */
void counts_stop_clock(bool stop);

#endif
