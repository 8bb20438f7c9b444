/* SPDX-License-Identifier: MIT */
/* Jobs: checked once, submitted often. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACCESS_FLAGS (ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE)
#define FEW_BOS	     16

static const struct accel_ops *ops_of(const struct accel_job *job)
{
	return job->queue->context->provider->ops;
}

/* ---- checking --------------------------------------------------------------------------- */

static int check_commands(struct accel_context *context, const struct accel_job_params *params)
{
	const struct accel_limits *limits = &context->limits;
	const struct accel_bo *bo = params->commands;

	if (!bo) {
		if (params->offset || params->bytes)
			return accel_core_fail(-EINVAL, "a range of commands without a buffer");
		return 0;
	}
	if (bo->context != context)
		return accel_core_fail(-EXDEV, "the command buffer is of another context");
	if (!(bo->flags & ACCEL_BO_COMMANDS))
		return accel_core_fail(-EINVAL, "the command buffer was made without "
				       "ACCEL_BO_COMMANDS");
	if (!params->bytes)
		return accel_core_fail(-EINVAL, "a command buffer, but no bytes of commands");
	if (params->offset > bo->bytes || params->bytes > bo->bytes - params->offset)
		return accel_core_fail(-ERANGE, "%llu bytes of commands from %llu of a buffer of %llu",
				       (unsigned long long)params->bytes,
				       (unsigned long long)params->offset,
				       (unsigned long long)bo->bytes);
	if (params->bytes > limits->commands_bytes)
		return accel_core_fail(-E2BIG, "%llu bytes of commands: this device takes %llu",
				       (unsigned long long)params->bytes,
				       (unsigned long long)limits->commands_bytes);
	if (limits->commands_align ? params->offset % limits->commands_align : params->offset)
		return accel_core_fail(-EINVAL, "offset %llu of the commands: %s %llu",
				       (unsigned long long)params->offset,
				       limits->commands_align ? "must be a multiple of" : "must be",
				       (unsigned long long)limits->commands_align);
	return 0;
}

static int check_bo(struct accel_context *context, const struct accel_bo *bo, uint32_t access,
		    uint32_t index)
{
	if (!bo)
		return accel_core_fail_at(-EINVAL, index, NONE64, "buffer %u is NULL", index);
	if (bo->context != context)
		return accel_core_fail_at(-EXDEV, index, NONE64, "buffer %u is of another context",
					  index);
	if (!access || access & ~ACCESS_FLAGS)
		return accel_core_fail_at(-EINVAL, index, NONE64, "buffer %u has access 0x%x", index,
					  access);
	if ((access & ACCEL_ACCESS_READ && !(bo->flags & ACCEL_BO_DEVICE_READ)) ||
	    (access & ACCEL_ACCESS_WRITE && !(bo->flags & ACCEL_BO_DEVICE_WRITE)))
		return accel_core_fail_at(-EACCES, index, NONE64,
					  "buffer %u was not made for this access of the device", index);
	return 0;
}

static int twice(uint32_t index)
{
	return accel_core_fail_at(-EALREADY, index, NONE64, "buffer %u is listed twice", index);
}

struct place {
	const struct accel_bo *bo;
	uint32_t index;
};

static int by_bo(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->bo != y->bo)
		return (uintptr_t)x->bo > (uintptr_t)y->bo ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* That no buffer is listed twice: pairwise for a few, by sorting for many. */
static int check_twice(const struct accel_bo_ref *bos, uint32_t count,
		       const struct accel_bo *commands)
{
	struct place *places;
	uint32_t i, j, found = NONE32;

	for (i = 0; i < count; i++)
		if (bos[i].bo == commands)
			return twice(i);
	if (count <= FEW_BOS) {
		for (i = 1; i < count; i++)
			for (j = 0; j < i; j++)
				if (bos[i].bo == bos[j].bo)
					return twice(i);
		return 0;
	}
	places = accel_core_sys.alloc((size_t)count * sizeof(*places));
	if (!places)
		return accel_core_fail(-ENOMEM, "no memory for a list of buffers");
	for (i = 0; i < count; i++)
		places[i] = (struct place){ bos[i].bo, i };
	qsort(places, count, sizeof(*places), by_bo);
	for (i = 1; i < count && found == NONE32; i++)
		if (places[i].bo == places[i - 1].bo)
			found = places[i].index;
	accel_core_sys.free(places);
	return found == NONE32 ? 0 : twice(found);
}

static int check_bos(struct accel_context *context, const struct accel_job_params *params)
{
	uint32_t i;
	int ret;

	if (params->bo_count > context->limits.job_bos)
		return accel_core_fail(-E2BIG, "%u buffers: this device takes %llu",
				       params->bo_count,
				       (unsigned long long)context->limits.job_bos);
	if (params->bo_count && !params->bos)
		return accel_core_fail(-EINVAL, "bo_count is %u and bos is NULL", params->bo_count);
	for (i = 0; i < params->bo_count; i++) {
		if (params->bos[i].reserved)
			return accel_core_fail_at(-EINVAL, i, NONE64, "buffer %u: reserved is set", i);
		ret = check_bo(context, params->bos[i].bo, params->bos[i].access, i);
		if (ret)
			return ret;
	}
	return check_twice(params->bos, params->bo_count, params->commands);
}

static int check(struct accel_context *context, const struct accel_job_params *params)
{
	int ret;

	if (params->flags || params->reserved)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x or a reserved member is set",
				       params->flags);
	if (params->timeout_ns && context->limits.job_timeout == ACCEL_ABSENT)
		return accel_core_fail(-EOPNOTSUPP, "this driver has no timeout of a job's own");
	ret = check_commands(context, params);
	return ret ? ret : check_bos(context, params);
}

/* ---- making -------------------------------------------------------------------------------- */

int accel_job_create(struct accel_queue *queue, const struct accel_job_params *params,
		     struct accel_job **out)
{
	struct accel_job_params known;
	struct accel_context *context;
	struct accel_job *job;
	uint32_t i;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!queue || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", queue ? "out" : "queue");
	context = queue->context;
	ret = accel_core_params(&known, sizeof(known), params, false);
	if (!ret)
		ret = check(context, &known);
	if (!ret)
		ret = accel_core_context_errno(context);
	if (ret)
		return ret;

	job = accel_core_sys.alloc(context->provider->job_size);
	if (!job)
		return accel_core_fail(-ENOMEM, "no memory for a job");
	job->queue = queue;
	job->refs = 1;
	job->wait_fd = -1;
	job->wait = job->wait_inline;
	list_init(&job->link);
	job->timeout_ns = known.timeout_ns;
	job->commands = known.commands;
	if (known.bo_count) {
		job->bos = accel_core_sys.alloc((size_t)known.bo_count * sizeof(*job->bos));
		if (!job->bos) {
			ret = accel_core_fail(-ENOMEM, "no memory for a job's buffers");
			goto fail;
		}
		memcpy(job->bos, known.bos, (size_t)known.bo_count * sizeof(*job->bos));
		job->bo_count = known.bo_count;
	}
	ret = ops_of(job)->job_init(job, &known);
	if (ret)
		goto fail;
	accel_bo_ref(job->commands);
	for (i = 0; i < job->bo_count; i++)
		accel_bo_ref(job->bos[i].bo);
	accel_queue_ref(queue);
	*out = job;
	return 0;

fail:
	accel_core_sys.free(job->bos);
	accel_core_sys.free(job);
	return ret;
}

/* Under the lock. */
static int set_bo_locked(struct accel_job *job, uint32_t index, struct accel_bo *bo)
{
	uint32_t i;
	int ret;

	if (job->state != ACCEL_JOB_IDLE)
		return accel_core_fail(-EBUSY, "the job is under way");
	ret = check_bo(job->queue->context, bo, job->bos[index].access, index);
	if (ret)
		return ret;
	if (bo == job->commands)
		return twice(index);
	for (i = 0; i < job->bo_count; i++)
		if (i != index && job->bos[i].bo == bo)
			return twice(index);
	return ops_of(job)->job_set_bo(job, index, bo);
}

int accel_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo)
{
	struct accel_bo *before = NULL;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!job)
		return accel_core_fail(-EINVAL, "job is NULL");
	if (index >= job->bo_count)
		return accel_core_fail(-EINVAL, "the job has %u buffers, none with index %u",
				       job->bo_count, index);
	if (job->queue->context->pulls)
		queue_poll(job->queue, UINT64_MAX);
	accel_core_lock(&job->queue->lock);
	/* Ended, and told so to its caller, but another thread still returns from its wait. */
	while (job->state == ACCEL_JOB_ENDED)
		queue_sleep_locked(job->queue, ACCEL_NO_DEADLINE);
	ret = set_bo_locked(job, index, bo);
	if (!ret) {
		before = job->bos[index].bo;
		job->bos[index].bo = accel_bo_ref(bo);
	}
	accel_core_unlock(&job->queue->lock);
	accel_bo_unref(before);
	return ret;
}

/* ---- looking --------------------------------------------------------------------------------- */

int accel_job_get_result(struct accel_job *job, struct accel_job_result *out)
{
	struct accel_job_result result = {.outcome = ACCEL_PENDING};
	struct accel_queue *queue;
	bool submitted;
	uint64_t seq;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!job)
		return accel_core_fail(-EINVAL, "job is NULL");
	ret = params_check_out(out);
	if (ret)
		return ret;
	queue = job->queue;
	if (queue->context->pulls) {
		accel_core_lock(&queue->lock);
		seq = job->seq;
		accel_core_unlock(&queue->lock);
		queue_poll(queue, seq);
	}
	accel_core_lock(&queue->lock);
	submitted = job->seq != 0;
	if (job->state == ACCEL_JOB_IDLE || job->state == ACCEL_JOB_ENDED)
		result = job->result;
	accel_core_unlock(&queue->lock);
	if (!submitted)
		return accel_core_fail(-ENODATA, "the job was never submitted");
	return accel_core_params_out(out, &result, sizeof(result));
}

/* ---- the end ----------------------------------------------------------------------------------- */

void accel_core_job_drop_waits(struct accel_job *job)
{
	uint32_t i;

	for (i = 0; i < job->wait_count; i++)
		fence_put(job->wait[i]);
	job->wait_count = 0;
	if (job->wait != job->wait_inline)
		accel_core_sys.free(job->wait);
	job->wait = job->wait_inline;
}

void job_destroy(struct accel_job *job)
{
	uint32_t i;

	ops_of(job)->job_fini(job);
	accel_core_job_drop_waits(job);
	for (i = 0; i < job->bo_count; i++)
		accel_bo_unref(job->bos[i].bo);
	accel_bo_unref(job->commands);
	accel_core_sys.free(job->bos);
	accel_core_sys.free(job);
}

struct accel_job *accel_job_ref(struct accel_job *job)
{
	if (job)
		refs_get(&job->refs);
	return job;
}

static void unref_in_child(struct accel_job *job)
{
	uint32_t i;

	for (i = 0; i < job->bo_count; i++)
		accel_bo_unref(job->bos[i].bo);
	accel_bo_unref(job->commands);
	queue_put_user(job->queue);
}

void accel_job_unref(struct accel_job *job)
{
	struct accel_queue *queue;
	bool idle;

	if (!job || !refs_put(&job->refs))
		return;
	if (process_is_child()) {
		unref_in_child(job);
		return;
	}
	queue = job->queue;
	accel_core_lock(&queue->lock);
	idle = job->state == ACCEL_JOB_IDLE;
	job->orphan = !idle;
	accel_core_unlock(&queue->lock);
	if (idle)
		job_destroy(job);
	/* Else whoever sees it end frees it, and the queue's end waits for that. */
	queue_put_user(queue);
}
