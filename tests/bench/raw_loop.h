/* SPDX-License-Identifier: MIT */
/*
 * Jobs of the rig's devices in loops over the drivers' system calls, as somebody would write them
 * who has no library: what the group rig holds libaccel against. A file for each driver.
 */
#ifndef ACCEL_BENCH_RAW_LOOP_H
#define ACCEL_BENCH_RAW_LOOP_H

#include <stdbool.h>
#include <stddef.h>

#define RAW_JOBS  32   /* at most under way at a time; each has buffers of its own */
#define RAW_BYTES 4096 /* that a job copies */

struct raw_loop {
	const char *driver; /* as the kernel names it */
	/* Whether it can be learnt how a job ended, and whether that takes calls of its own, which
	 * can be left out. */
	bool outcome, unverified;
	/* Opens the node and makes the jobs, with what their submission takes. Returns 0 or a negative
	 * errno, as submit() and wait() do. */
	int (*open)(const char *node, void **loop);
	/* Runs a batch of jobs: they are submitted, each by a call of its own, then waited for. With
	 * `outcome` a job that did not end well is an error. */
	int (*submit)(void *loop, unsigned int batch, bool outcome);
	int (*wait)(void *loop, unsigned int batch, bool outcome);
	/* Whether the first `batch` jobs have copied what they were given when this was asked last. */
	bool (*copied)(void *loop, unsigned int batch);
	void (*close)(void *loop);
};

extern const struct raw_loop raw_loop_ethosu, raw_loop_ivpu, raw_loop_qaic, raw_loop_rocket;

/* That of the driver of this name, or NULL. */
const struct raw_loop *raw_loop_of(const char *driver);

/* For copied(): whether these bytes have arrived; gives other ones for the next time. */
bool raw_arrived(unsigned char *from, const unsigned char *to);

/*
 * Of drivers that tell of an end by a fence on a buffer: the fence as a sync_file, or -errno; and
 * how they ended, when the last has: 0 or the first one's error. They are closed then.
 */
int raw_take_fence(int dmabuf);
int raw_end_fences(const int *sync_files, unsigned int count);

#endif
