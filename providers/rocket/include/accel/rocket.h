/* SPDX-License-Identifier: MIT */
/*
 * <accel/rocket.h>: what only the NPU of Rockchip's RK3588 has. Link with -laccel-rocket beside
 * -laccel; the rules of <accel/accel.h> hold here, too.
 *
 * A job of this device is one or more register command lists in one command buffer, run one
 * after the other on one core. A list is 64-bit words: a value in bits 47:16, a register in 15:0,
 * a block in 63:48. It begins at a multiple of 16 bytes, and buffers stand in it by their
 * addresses (accel_bo_address()): 32 bits, of this context only, and 0 is one of them. Words are
 * fetched in pairs: behind a list of an odd number must be a word of zero.
 *
 * Without a struct accel_rocket_job the range of accel_job_params is one list.
 *
 * One context uses one core at a time: for all cores, open as many contexts.
 */
#ifndef ACCEL_ROCKET_H
#define ACCEL_ROCKET_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* accel_ext.type */
#define ACCEL_ROCKET_JOB 0x726b0001u

/* One register command list. This layout never changes. */
struct accel_rocket_task {
	uint32_t offset; /* from accel_job_params.offset, bytes: a multiple of 16 */
	uint32_t words;	 /* of 64 bits: 1 .. 131072 */
};

/* For accel_job_params.ext. */
struct accel_rocket_job {
	struct accel_ext head;
	uint32_t task_count; /* at least 1 */
	uint32_t reserved;   /* 0 */
	const struct accel_rocket_task *tasks;
};

struct accel_rocket_info {
	uint32_t size;
	uint32_t cores; /* that are in use; 0: not known, sysfs can't be read */
};

/* Errors: -EINVAL @ctx is another driver's. */
int accel_rocket_get_info(struct accel_context *ctx, struct accel_rocket_info *out);

#ifdef __cplusplus
}
#endif
#endif
