/* SPDX-License-Identifier: MIT */
/* The figures of a run and how they are told. */
#ifndef ACCEL_BENCH_REPORT_H
#define ACCEL_BENCH_REPORT_H

#include "bench.h"

enum target_kind {
	TARGET_NONE,
	TARGET_AT_MOST,
	TARGET_AT_LEAST,
	TARGET_EXACTLY
};

struct figure {
	const char *group;
	char *name;
	char *reason; /* why it is absent, or NULL */
	const char *unit;
	double value, target;
	enum target_kind kind;
};

struct bench {
	const char *device;
	bool quick;
	const char *group; /* the one that is measured now */
	char refused[256];
	struct figure *figures;
	size_t n, room;
	bool failed; /* out of memory while a figure was noted */
};

bool figure_met(const struct figure *f);
void report_text(const struct bench *b);
void report_json(const struct bench *b);
void report_free(struct bench *b);

#endif
