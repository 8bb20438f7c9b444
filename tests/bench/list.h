/* SPDX-License-Identifier: MIT */
/* What the parts of the group "list" share. */
#ifndef ACCEL_BENCH_LIST_H
#define ACCEL_BENCH_LIST_H

/* A made-up system with `devices` accelerators below the directory `top`: sys/ as the kernel
 * lays it out for PCI devices, and dev/accel/ with a plain file for each node, which
 * list_use() makes the library take for one. Returns 0 or a negative errno. */
int list_make(const char *top, unsigned int devices);

/* All below `top`, and itself. */
int list_remove(const char *top);

/* From now on the library sees the made-up system in the current directory; to be called before
 * it. Returns 0 or a negative errno. */
int list_use(void);

/* Children: see bench_child(). */
int list_child_counts(const char *top);
int list_child_times(const char *top);

#endif
