/* SPDX-License-Identifier: MIT */
/*
 * Jobs of ivpu: a command list, and the buffers that it names.
 *
 * The kernel puts the fence that tells of a job's end on the command buffer, for which the buffer
 * must be exported, and never an error; how the job ended it keeps with the buffer until the next
 * job on it, and BO_WAIT tells. BO_WAIT sleeps even when it is not to, so that a job that may
 * still run is polled first.
 */
#include "ivpu_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "check.h"

/* ---- making --------------------------------------------------------------------------------- */

static int map_range(struct ivpu_range *range)
{
	struct accel_bo *bo = range->bo;
	int ret;

	ret = accel_core_bo_map(bo);
	if (!ret)
		range->map = bo->map;
	return ret;
}

static struct ivpu_range range_of(struct accel_bo *bo, uint32_t index, uint32_t access)
{
	return (struct ivpu_range){
		.address = ivpu_bo(bo)->address,
		.bytes = bo->bytes,
		.reads = access & ACCEL_ACCESS_READ,
		.writes = access & ACCEL_ACCESS_WRITE,
		.index = index,
		.bo = bo,
	};
}

static int check_list(struct accel_job *job, const struct accel_job_params *params)
{
	const size_t count = (size_t)job->bo_count + 1;
	struct ivpu_place place;
	struct ivpu_view view = {
		.bytes = params->bytes,
		.old = ivpu_context(job->queue->context)->old,
		.range_count = count,
		.map = map_range,
	};
	uint32_t i;
	int ret;

	ret = accel_core_bo_map(job->commands);
	if (ret)
		return ret;
	view.at = (const unsigned char *)job->commands->map + params->offset;
	view.ranges = accel_core_sys.alloc(count * sizeof(*view.ranges));
	if (!view.ranges)
		return accel_core_fail(-ENOMEM, "no memory to check a job");
	/* The save area is in the command buffer, and fences may be. */
	view.ranges[0] = range_of(job->commands, NO_INDEX, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	for (i = 0; i < job->bo_count; i++)
		view.ranges[i + 1] = range_of(job->bos[i].bo, i, job->bos[i].access);
	ivpu_ranges_sort(view.ranges, count);
	ret = ivpu_list_check(&view, &place);
	accel_core_sys.free(view.ranges);
	if (!ret)
		return 0;
	return accel_core_fail_at(ret, place.index, place.offset, "byte %llu of the commands: %s",
				  (unsigned long long)place.offset, place.text);
}

static int check_preempt(const struct ivpu_context *context, uint32_t index,
			 const struct accel_bo *bo)
{
	if (bo->bytes < context->preempt_bytes)
		return accel_core_fail_at(-ERANGE, index, UINT64_MAX,
					  "buffer %u is for preemption, which takes %llu bytes",
					  index, (unsigned long long)context->preempt_bytes);
	if (bo->flags & (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE))
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "buffer %u is for preemption, and made with access for "
					  "the CPU",
					  index);
	return 0;
}

static int take_ext(struct ivpu_job *job, const struct accel_job_params *params)
{
	struct ivpu_context *context = ivpu_context(job->base.queue->context);
	struct accel_ivpu_job ext;
	int ret;

	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_IVPU_JOB);
	if (ret < 0)
		return ret;
	if (ext.reserved)
		return accel_core_fail(-EINVAL, "a reserved member is set");
	if (ext.preempt_buffer > job->base.bo_count)
		return accel_core_fail(-EINVAL, "preemption buffer %u: the job has %u",
				       ext.preempt_buffer, job->base.bo_count);
	if (!ext.preempt_buffer)
		return 0;
	if (!context->preempts)
		return accel_core_fail(-EOPNOTSUPP, "this kernel takes no buffer for preemption");
	job->ask.preempt_buffer_index = ext.preempt_buffer;
	return check_preempt(context, ext.preempt_buffer - 1,
			     job->base.bos[ext.preempt_buffer - 1].bo);
}

int ivpu_job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct ivpu_job *job = ivpu_job(base);
	uint32_t i;
	int ret;

	if (!base->commands)
		return accel_core_fail(-EINVAL, "a job of this device has a command buffer");
	if (params->offset > UINT32_MAX)
		return accel_core_fail(-E2BIG, "commands from byte %llu on: the kernel takes 4 GiB",
				       (unsigned long long)params->offset);
	ret = take_ext(job, params);
	if (!ret)
		ret = check_list(base, params);
	if (!ret)
		ret = ivpu_bo_need_dmabuf(ivpu_bo(base->commands));
	if (ret)
		return ret;
	job->handles = accel_core_sys.alloc(((size_t)base->bo_count + 1) * sizeof(*job->handles));
	if (!job->handles)
		return accel_core_fail(-ENOMEM, "no memory for a job's buffers");
	job->handles[0] = ivpu_bo(base->commands)->handle;
	for (i = 0; i < base->bo_count; i++)
		job->handles[i + 1] = ivpu_bo(base->bos[i].bo)->handle;
	job->ask.buffers_ptr = (uintptr_t)job->handles;
	job->ask.buffer_count = base->bo_count + 1;
	job->ask.commands_offset = (uint32_t)params->offset;
	return 0;
}

int ivpu_job_set_bo(struct accel_job *base, uint32_t index, struct accel_bo *bo)
{
	struct ivpu_job *job = ivpu_job(base);
	int ret = 0;

	if (index + 1 == job->ask.preempt_buffer_index)
		ret = check_preempt(ivpu_context(base->queue->context), index, bo);
	if (!ret)
		job->handles[index + 1] = ivpu_bo(bo)->handle;
	return ret;
}

void ivpu_job_fini(struct accel_job *job)
{
	accel_core_sys.free(ivpu_job(job)->handles);
}

/* ---- submitting ------------------------------------------------------------------------------- */

/* To a kernel without command queues. */
static SELDOM int hand_over_older(struct ivpu_queue *queue, const struct ivpu_job *job)
{
	struct drm_ivpu_submit ask = {
		.buffers_ptr = job->ask.buffers_ptr,
		.buffer_count = job->ask.buffer_count,
		.engine = DRM_IVPU_ENGINE_COMPUTE,
		.commands_offset = job->ask.commands_offset,
		.priority = ivpu_queue_priority(&queue->base),
	};

	return ivpu_ioctl(queue->base.context, DRM_IOCTL_IVPU_SUBMIT, &ask);
}

/* CMDQ_SUBMIT gave @err. */
static SELDOM int hand_over_failed(struct ivpu_job *job, int err)
{
	struct accel_context *context = job->base.queue->context;

	err = accel_core_ioctl_failed(err, context->fd, DRM_IOCTL_IVPU_CMDQ_SUBMIT, &job->ask);
	return err ? ivpu_ioctl_failed(context, err) : 0;
}

static inline int hand_over(struct ivpu_queue *queue, struct ivpu_job *job)
{
	int ret;

	if (!queue->id)
		return hand_over_older(queue, job);
	job->ask.cmdq_id = queue->id; /* another one when it was cancelled since */
	ret = accel_core_sys.ioctl(queue->base.context->fd, DRM_IOCTL_IVPU_CMDQ_SUBMIT, &job->ask);
	return ret ? hand_over_failed(job, ret) : 0;
}

static SELDOM int refused(struct accel_context *context, int err)
{
	switch (err) {
	case -EBUSY:
		return accel_core_fail(-EAGAIN,
				       "the kernel has no room: in the queue, of jobs of this "
				       "context, or of doorbells of this user");
	case -EBADFD:
		accel_core_context_set_state(context, ACCEL_CONTEXT_LOST);
		return accel_core_fail(-ESTALE, "the context is lost, by a fault of a job of its "
						"own: open the device anew");
	default:
		return ivpu_failed(context, err, "SUBMIT");
	}
}

static SELDOM int is_running(void)
{
	/* The kernel says the same of it as of a queue that is full. */
	return accel_core_fail(-EBUSY, "the job's command buffer is under way with another job");
}

static inline int submit_one(struct ivpu_queue *queue, struct ivpu_job *job)
{
	struct ivpu_bo *commands = ivpu_bo(job->base.commands);
	int ret;

	if (atomic_exchange(&commands->running, true))
		return is_running();
	atomic_store_explicit(&job->aborted, false, memory_order_relaxed);
	ret = hand_over(queue, job);
	if (ret) {
		atomic_store(&commands->running, false);
		return refused(queue->base.context, ret);
	}
	job->submitted = true;
	return 0;
}

int ivpu_submit(struct accel_queue *base, struct accel_job *const *jobs, uint32_t count)
{
	struct ivpu_queue *queue = ivpu_queue(base);
	uint32_t done;
	int ret;

	ret = ivpu_queue_need(queue);
	if (ret)
		return ret;
	for (done = 0; done < count; done++) {
		ret = submit_one(queue, ivpu_job(jobs[done]));
		if (ret)
			break;
	}
	return done ? (int)done : ret;
}

/* ---- ending ------------------------------------------------------------------------------------- */

static int wait_bo(struct accel_job *job, int64_t deadline, uint32_t *status)
{
	struct accel_context *context = job->queue->context;
	struct drm_ivpu_bo_wait ask;
	int ret;

	do {
		ask = (struct drm_ivpu_bo_wait){
			.handle = ivpu_bo(job->commands)->handle,
			.timeout_ns = deadline > 0 ? deadline : 0,
		};
		ret = accel_core_sys.ioctl(context->fd, DRM_IOCTL_IVPU_BO_WAIT, &ask);
	} while (ret == -EINTR);
	if (ret == -ENODEV)
		accel_core_context_set_state(context, ACCEL_GONE);
	*status = ask.job_status;
	return ret;
}

/* The kernel has one status for what was cancelled, what fell to a fault of its context, and what
 * fell to a reset of the device. */
static void judge(struct accel_job *job, uint32_t status, struct accel_job_result *result)
{
	struct accel_context *context = job->queue->context;

	result->driver_code = status;
	if (status == DRM_IVPU_JOB_STATUS_SUCCESS) {
		result->outcome = ACCEL_DONE;
		return;
	}
	if (status == DRM_IVPU_JOB_STATUS_ABORTED && atomic_load(&ivpu_job(job)->aborted)) {
		result->outcome = ACCEL_CANCELED;
		return;
	}
	ivpu_look(context);
	result->outcome = status == DRM_IVPU_JOB_STATUS_ABORTED && atomic_load(&context->state)
				  ? ACCEL_LOST
				  : ACCEL_FAILED;
}

/* What BO_WAIT answered, of a job that must have ended. */
static void conclude(struct accel_job *job, int err, uint32_t status,
		     struct accel_job_result *result)
{
	if (!err) {
		judge(job, status, result);
		return;
	}
	result->outcome = atomic_load(&job->queue->context->state) ? ACCEL_LOST : ACCEL_FAILED;
	result->driver_code = (uint64_t)-err;
}

static bool may_have_ended(struct accel_job *job)
{
	struct pollfd ask = {.fd = job->commands->fd, .events = POLLIN};

	return accel_core_sys.poll(&ask, 1, 0) == 1;
}

int ivpu_job_poll(struct accel_job *job, bool ended, struct accel_job_result *result)
{
	uint32_t status;
	int ret;

	if (!ended && !may_have_ended(job))
		return -EINPROGRESS;
	ret = wait_bo(job, 0, &status);
	if (ret == -ETIMEDOUT && !ended)
		return -EINPROGRESS;
	conclude(job, ret, status, result);
	return 0;
}

/* In one sleep: the kernel ends every job when its driver is unbound. */
int ivpu_job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result)
{
	uint32_t status;
	int ret;

	ret = wait_bo(job, deadline, &status);
	if (ret == -ETIMEDOUT)
		return -ETIME;
	conclude(job, ret, status, result);
	return 0;
}

void ivpu_job_release(struct accel_job *base)
{
	struct ivpu_job *job = ivpu_job(base);

	/* One that was held back has never been there. */
	if (job->submitted)
		atomic_store(&ivpu_bo(base->commands)->running, false);
	job->submitted = false;
}

int ivpu_job_fd(struct accel_job *job, uint32_t kind, int *fd)
{
	int ret;

	(void)kind;
	ret = accel_core_dmabuf_export_sync_file(job->commands->fd, ACCEL_ACCESS_READ, fd);
	return ret ? accel_core_fail(ret, "EXPORT_SYNC_FILE: %s", strerror(-ret)) : 0;
}
