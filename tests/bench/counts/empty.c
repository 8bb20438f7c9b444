/* SPDX-License-Identifier: MIT */
/* A provider that does nothing: its jobs have ended when they are asked. What is left is the core. */
#include "provider.h"

#define DEPTH 64

static char page[4096]; /* of every buffer */

static int context_init(struct accel_context *context, const struct accel_ext *ext, int64_t deadline)
{
	(void)context, (void)ext, (void)deadline;
	return 0;
}

static int bo_init(struct accel_bo *bo, const struct accel_bo_params *params)
{
	(void)params;
	bo->map = page;
	return 0;
}

static int queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline)
{
	(void)params, (void)deadline;
	queue->depth = DEPTH;
	return 0;
}

static int job_init(struct accel_job *job, const struct accel_job_params *params)
{
	(void)job, (void)params;
	return 0;
}

static int submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	(void)queue, (void)jobs;
	return (int)count;
}

static int job_poll(struct accel_job *job, bool ended, struct accel_job_result *result)
{
	(void)job, (void)ended;
	result->outcome = ACCEL_DONE;
	return 0;
}

static int job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result)
{
	(void)deadline;
	return job_poll(job, false, result);
}

static const struct accel_ops ops = {
	.context_init = context_init,
	.bo_init = bo_init,
	.queue_init = queue_init,
	.job_init = job_init,
	.submit = submit,
	.job_poll = job_poll,
	.job_wait = job_wait,
};

static const char *const drivers[] = {"empty", NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(ACCEL_PROVIDER_SYMBOL),
	.name = "empty",
	.drivers = drivers,
	.context_size = sizeof(struct accel_context),
	.bo_size = sizeof(struct accel_bo),
	.queue_size = sizeof(struct accel_queue),
	.job_size = sizeof(struct accel_job),
	.ops = &ops,
};
