/* SPDX-License-Identifier: MIT */
/* oneDNN without libaccel: a prepared product of square matrices, as a program would call it. */
#ifndef ACCEL_BENCH_DIRECT_H
#define ACCEL_BENCH_DIRECT_H

#include <stdbool.h>

struct direct;

/* False: built without oneDNN, and direct_create() gives -EOPNOTSUPP. */
bool direct_is_there(void);
/* c = a b of f32, or of s8 with a c of s32, all row-major and without gaps. oneDNN shares it
 * among @threads threads, as far as it has any. */
int direct_create(bool s8, int side, int threads, void *a, void *b, void *c, struct direct **out);
int direct_run(struct direct *direct);
void direct_destroy(struct direct *direct);

#endif
