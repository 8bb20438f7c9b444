/* SPDX-License-Identifier: MIT */
/* Between the program, which supervises, and the harness, which runs inside its child. */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <stdatomic.h>

#include "conformance.h"

enum check_state {
	CHECK_WAITING,
	CHECK_RUNNING,
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_SKIPPED
};

struct record {
	char name[96]; /* "group/check" */
	const struct group *group;
	const struct check *check;
	_Atomic int state; /* enum check_state */
	_Atomic int64_t began_ns;
	char why[600];
};

#define FACTS 64

/* In memory that the program and all its children share. */
struct board {
	struct accel_device_info device;
	char unusable[400]; /* why no check can run; "": they can */
	bool probed;
	struct {
		uint32_t key;
		uint64_t value;
	} facts[FACTS];
	unsigned int fact_count;

	_Atomic unsigned int current; /* the check under way */
	atomic_flag noting;
	_Atomic int noted;
	char note[500];

	unsigned int count;
	struct record records[];
};
extern struct board *board;

#endif
