/* SPDX-License-Identifier: MIT */
/* Jobs for the rig's devices through libaccel, and the assertions of the programs here. */
#ifndef RIG_LIBRARY_JOBS_H
#define RIG_LIBRARY_JOBS_H

#include <accel/accel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../models/fault.h"
#include "../models/qaic.h"

#define check(condition)                                        \
	do {                                                    \
		if (!(condition))                               \
			failed(__FILE__, __LINE__, #condition); \
	} while (0)
/* @call gives @value. */
#define gives(call, value)                                               \
	do {                                                             \
		const long long got_ = (call), want_ = (value);          \
		if (got_ != want_)                                       \
			differs(__FILE__, __LINE__, #call, got_, want_); \
	} while (0)

void failed(const char *file, int line, const char *text) __attribute__((noreturn));
void differs(const char *file, int line, const char *text, long long got, long long want)
	__attribute__((noreturn));

#define PAGE 4096

/* What the process ends with when a check failed; 1. */
extern int rig_exit_when_failed;
/* If not 0, the process ends with this status, and without a word, when a call says -ESTALE. */
extern int rig_exit_when_lost;

/* A device, a queue, and two buffers of a page: what jobs copy to and from. */
struct rig {
	const char *name; /* "accel0" */
	bool rocket, qaic, ivpu;
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *dst, *src;
	unsigned char *to, *from;
};

void rig_open(struct rig *rig, const char *name, uint32_t open_flags, uint32_t bo_flags);
void rig_close(struct rig *rig);
/* Two other buffers take the place of those, which are the caller's then. */
void rig_renew(struct rig *rig, uint32_t bo_flags);

/* Copies @bytes from src to dst, and has the faults before, in this order; on qaic none. */
struct accel_job *rig_job(struct rig *rig, uint64_t bytes, const struct rig_fault *faults,
			  unsigned int count);
/* One that is slow by so many microseconds, one that hangs, and one that fails after a while. */
struct accel_job *rig_slow(struct rig *rig, unsigned int us);
struct accel_job *rig_hang(struct rig *rig);
struct accel_job *rig_fail(struct rig *rig);

struct accel_fence *rig_submit(struct rig *rig, struct accel_job *job);
int rig_submit_after(struct rig *rig, struct accel_job *job, struct accel_fence *wait,
		     struct accel_fence **fence);
uint32_t rig_outcome(struct accel_job *job);
/* Fill @from with @value, run, and see it in @to. */
void rig_works(struct rig *rig, unsigned char value);

int64_t now_ns(void);
int64_t soon(int64_t ms);
unsigned int count_fds(void);

#endif
