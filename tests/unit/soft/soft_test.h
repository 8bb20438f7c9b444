/* SPDX-License-Identifier: MIT */
/* What soft's tests through the public interface share. */
#ifndef SOFT_TEST_H
#define SOFT_TEST_H

#include <accel/soft.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OK(call) assert_int_equal(call, 0)

static inline struct accel_context *open_soft(void)
{
	struct accel_context *context;
	struct accel_device *device;

	OK(accel_device_find("soft:0", &device));
	OK(accel_open(device, NULL, 0, &context));
	accel_device_unref(device);
	return context;
}

static inline struct accel_queue *make_queue(struct accel_context *context, int32_t priority,
					     uint32_t depth)
{
	struct accel_queue_params params = {
		.size = sizeof(params), .priority = priority, .depth = depth};
	struct accel_queue *queue;

	OK(accel_queue_create(context, &params, 0, &queue));
	return queue;
}

static inline struct accel_bo *make_bo(struct accel_context *context, uint64_t bytes,
				       uint32_t more_flags, void **map)
{
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			 ACCEL_BO_DEVICE_WRITE | ACCEL_BO_ZERO | more_flags,
		.bytes = bytes,
	};
	struct accel_bo *bo;

	OK(accel_bo_create(context, &params, &bo));
	if (map)
		OK(accel_bo_map(bo, map));
	return bo;
}

/* A job of packets, of a host function or of nothing; it may read and write @bos. */
static inline struct accel_job *make_job(struct accel_context *context, struct accel_queue *queue,
					 const void *stream, uint64_t bytes, struct accel_bo **bos,
					 uint32_t count, uint64_t timeout_ns,
					 const struct accel_ext *ext)
{
	struct accel_bo_params commands = {
		.size = sizeof(commands),
		.flags = ACCEL_BO_COMMANDS,
		.bytes = bytes,
		.contents = stream,
	};
	struct accel_bo_ref refs[8] = {{0}};
	struct accel_job_params params = {
		.size = sizeof(params),
		.bytes = bytes,
		.bos = refs,
		.bo_count = count,
		.timeout_ns = timeout_ns,
		.ext = ext,
	};
	struct accel_job *job;

	if (stream)
		OK(accel_bo_create(context, &commands, &params.commands));
	for (uint32_t i = 0; i < count; i++) {
		refs[i].bo = bos[i];
		refs[i].access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE;
	}
	OK(accel_job_create(queue, &params, &job));
	accel_bo_unref(params.commands);
	return job;
}

static inline struct accel_job *empty_job(struct accel_queue *queue)
{
	return make_job(NULL, queue, NULL, 0, NULL, 0, 0, NULL);
}

static inline struct accel_job *host_job(struct accel_queue *queue,
					 int (*fn)(const struct accel_soft_call *), void *data,
					 uint64_t timeout_ns)
{
	struct accel_soft_host_job host = {{sizeof(host), ACCEL_SOFT_HOST_JOB}, fn, data};

	return make_job(NULL, queue, NULL, 0, NULL, 0, timeout_ns, &host.head);
}

/* Submit one job, perhaps behind fences. */
static inline struct accel_fence *submit(struct accel_queue *queue, struct accel_job *job,
					 struct accel_fence *const *wait, uint32_t count)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = wait, .wait_count = count};
	struct accel_fence *fence;

	assert_int_equal(accel_submit(queue, &job, 1, &params, &fence), 1);
	return fence;
}

/* Wait, and give the fence back. */
static inline int finish(struct accel_fence *fence)
{
	int ret = accel_fence_wait(fence, ACCEL_NO_DEADLINE);

	accel_fence_unref(fence);
	return ret;
}

static inline struct accel_job_result result_of(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	OK(accel_job_get_result(job, &result));
	return result;
}

#endif
