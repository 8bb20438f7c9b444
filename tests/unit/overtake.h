/* SPDX-License-Identifier: MIT */
/* Provokes what a lock is to prevent: that another thread's submission comes between two calls of
 * a thread's own. */
#ifndef OVERTAKE_H
#define OVERTAKE_H

#include "kernel.h"

/*
 * Submit @first here and @second on another thread, both after @wait (NULL: after nothing). The
 * other one is let go when this one calls @from, and this one goes on when the other has called
 * it, too, or can come no further. True: on both threads @to came next.
 */
bool overtake(unsigned long from, unsigned long to, struct accel_job *first,
	      struct accel_job *second, struct accel_fence *wait);

#endif
