/* SPDX-License-Identifier: MIT */
/* What the parts of group `soft` share. */
#ifndef ACCEL_BENCH_SOFT_H
#define ACCEL_BENCH_SOFT_H

#include "bench.h"

#include <accel/soft.h>

/* The parts. Each pins itself, opens the device anew, notes its figures, and returns 0 or
 * bench_refuse()'s error. */
int soft_jobs(struct bench *b);
int soft_waits(struct bench *b);
int soft_parallel(struct bench *b);
int soft_buffers(struct bench *b);
int soft_products(struct bench *b);
int soft_chain(struct bench *b);
int soft_peer(struct bench *b);

/* Pin to the first CPU, and to a second one unless that is -1, and open the device that is measured,
 * which counts its CPUs then. */
int soft_open(struct bench *b, int second_cpu, struct accel_context **ctx);
/* bench_refuse() with what libaccel said last. */
int soft_failed(struct bench *b, int err, const char *doing);

/* A queue and jobs on it, each of which may be under way. */
struct soft_line {
	struct accel_queue *queue;
	struct accel_job **jobs;
	unsigned int count;
};

/* What its jobs do; all zero: nothing. */
struct soft_work {
	const void *commands;
	uint64_t bytes;
	const struct accel_bo_ref *bos;
	uint32_t bo_count;
	const struct accel_ext *ext;
};

int soft_line_create(struct accel_context *ctx, unsigned int count, const struct soft_work *work,
		     struct soft_line *line);
void soft_line_destroy(struct soft_line *line);
/* Submit the first @count jobs, @batch at a time, and wait for the end of the last. */
int soft_line_stream(struct soft_line *line, unsigned int count, unsigned int batch);
/* Submit the first and wait, @count times: a side of a comparison, as is the next. */
int soft_line_lockstep(void *line, unsigned int count);

/* A futex that goes to another thread, which answers: the least that any hand-over between two
 * threads costs. The other thread has the CPUs of the one that calls create. */
struct soft_echo;
int soft_echo_create(struct soft_echo **out);
void soft_echo_destroy(struct soft_echo *echo);
int soft_echo_run(void *echo, unsigned int count);

/* A buffer that all may use, with @contents or zeroes. */
int soft_bo(struct accel_context *ctx, uint64_t bytes, const void *contents, struct accel_bo **bo);

/* Square matrices on the device, and the packet of c = a b. */
enum {
	SOFT_A,
	SOFT_B,
	SOFT_C,
	SOFT_MATRICES
};
struct soft_matrices {
	struct accel_bo_ref bos[SOFT_MATRICES];
	struct accel_soft_matmul product;
};
/* Of f32 or s8 values that are small and differ. -EOPNOTSUPP: the device does no arithmetic. */
int soft_matrices_create(struct accel_context *ctx, uint32_t type, uint32_t side,
			 struct soft_matrices *matrices);
void soft_matrices_destroy(struct soft_matrices *matrices);

#endif
