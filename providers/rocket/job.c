/* SPDX-License-Identifier: MIT */
/*
 * Jobs of rocket: register command lists and the buffers that they name by address.
 *
 * The kernel says nothing of a job that it refuses, and fences only what is listed as written.
 * So all is checked here, and each job writes a page of its own whose fence tells of its end. What
 * it is to wait for comes in by another page, which it reads.
 */
#include "rocket_internal.h"

#include <errno.h>
#include <string.h>

#include "lists.h"

#define DEPTH_DEFAULT 64

int rocket_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline)
{
	(void)deadline;
	if (params->ext)
		return accel_core_fail(-EINVAL, "queues take no struct of this driver");
	if (!queue->depth)
		queue->depth = DEPTH_DEFAULT;
	return 0;
}

/* ---- checking ------------------------------------------------------------------------------- */

static int refused_at(int err, const struct rocket_place *place)
{
	return accel_core_fail_at(err, UINT32_MAX, place->offset, "byte %llu of the commands: %s",
				  (unsigned long long)place->offset, place->text);
}

static int take_task(struct rocket_job *job, const struct accel_job_params *params, uint32_t index,
		     uint64_t offset, uint64_t words)
{
	const uint64_t address = rocket_bo(params->commands)->address + params->offset;
	struct rocket_place place;
	int ret;

	ret = rocket_list_check(address, params->bytes, offset, words, &place);
	if (ret)
		return refused_at(ret, &place);
	job->tasks[index] = (struct drm_rocket_task){
		.regcmd = (uint32_t)(address + offset),
		.regcmd_count = (uint32_t)words,
	};
	return 0;
}

static int take_tasks(struct rocket_job *job, const struct accel_job_params *params)
{
	struct accel_rocket_job ext;
	uint32_t i, count;
	int has_ext, ret;

	has_ext = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_ROCKET_JOB);
	if (has_ext < 0)
		return has_ext;
	if (has_ext && (!ext.task_count || !ext.tasks || ext.reserved))
		return accel_core_fail(-EINVAL, "no tasks, or a reserved member is set");
	if (!has_ext && params->bytes % sizeof(uint64_t))
		return accel_core_fail_at(-EINVAL, UINT32_MAX, params->bytes & ~UINT64_C(7),
					  "%llu bytes of commands: words have 8",
					  (unsigned long long)params->bytes);
	count = has_ext ? ext.task_count : 1;
	job->tasks = accel_core_sys.alloc(count * sizeof(*job->tasks));
	if (!job->tasks)
		return accel_core_fail(-ENOMEM, "no memory for %u tasks", count);
	job->kernel.tasks = (uintptr_t)job->tasks;
	job->kernel.task_count = count;
	job->kernel.task_struct_size = sizeof(*job->tasks);
	job->ask.jobs = (uintptr_t)&job->kernel;
	job->ask.job_count = 1;
	job->ask.job_struct_size = sizeof(job->kernel);
	if (!has_ext)
		return take_task(job, params, 0, 0, params->bytes / sizeof(uint64_t));
	for (i = 0; i < count; i++) {
		ret = take_task(job, params, i, ext.tasks[i].offset, ext.tasks[i].words);
		if (ret)
			return ret;
	}
	return 0;
}

static void warn(uint64_t offset, const char *text)
{
	accel_core_log(ACCEL_LOG_WARNING, "byte %llu of a register command list: %s",
		       (unsigned long long)offset, text);
}

static struct rocket_range range_of(struct accel_bo *bo, uint32_t access)
{
	const uint64_t address = rocket_bo(bo)->address;

	return (struct rocket_range){address, address + bo->bytes, access & ACCEL_ACCESS_WRITE};
}

static int validate_lists(struct rocket_job *job, const struct accel_job_params *params,
			  const struct rocket_range *ranges, uint32_t count)
{
	const char *commands = params->commands->map;
	const uint32_t address = rocket_bo(params->commands)->address;
	struct rocket_place place;
	uint64_t offset, words;
	uint32_t i;
	int ret;

	for (i = 0; i < job->kernel.task_count; i++) {
		offset = job->tasks[i].regcmd - address;
		words = job->tasks[i].regcmd_count;
		ret = rocket_list_validate((const uint64_t *)(const void *)(commands + offset),
					   words, words % 2, offset - params->offset, ranges, count,
					   warn, &place);
		if (ret)
			return refused_at(ret, &place);
	}
	return 0;
}

/* The words as they are now: nobody keeps the caller from changing them later. */
static int validate(struct rocket_job *job, const struct accel_job_params *params)
{
	const uint32_t count = job->base.bo_count + 1;
	struct rocket_range *ranges;
	uint32_t i;
	int ret;

	if (!accel_core_validates())
		return 0;
	ret = accel_core_bo_map(params->commands);
	if (ret)
		return ret;
	ranges = accel_core_sys.alloc(count * sizeof(*ranges));
	if (!ranges)
		return accel_core_fail(-ENOMEM, "no memory to check a job");
	ranges[0] = range_of(params->commands, ACCEL_ACCESS_READ);
	for (i = 0; i < job->base.bo_count; i++)
		ranges[i + 1] = range_of(job->base.bos[i].bo, job->base.bos[i].access);
	ret = validate_lists(job, params, ranges, count);
	accel_core_sys.free(ranges);
	return ret;
}

/* ---- making ------------------------------------------------------------------------------------ */

/*
 * The lists of handles: what is read with the commands first and room for the gate at the end,
 * then what is written. @bo takes the place of buffer @index (UINT32_MAX: of none).
 */
static void list_handles(struct rocket_job *job, uint32_t index, struct accel_bo *bo)
{
	struct rocket_context *context = rocket_context(job->base.queue->context);
	uint32_t reads = 0, writes = 0, i, at = 0;
	struct accel_bo_ref *ref;

	for (i = 0; i < job->base.bo_count; i++)
		if (!(job->base.bos[i].access & ACCEL_ACCESS_WRITE))
			at++;
	at += 3;
	job->handles[reads++] = rocket_bo(job->base.commands)->handle;
	job->handles[reads++] = context->done.handle;
	job->handles[at + writes++] = job->own.handle;
	for (i = 0; i < job->base.bo_count; i++) {
		ref = &job->base.bos[i];
		if (ref->access & ACCEL_ACCESS_WRITE)
			job->handles[at + writes++] = rocket_bo(i == index ? bo : ref->bo)->handle;
		else
			job->handles[reads++] = rocket_bo(i == index ? bo : ref->bo)->handle;
	}
	job->kernel.in_bo_handles = (uintptr_t)job->handles;
	job->kernel.in_bo_handle_count = reads;
	job->kernel.out_bo_handles = (uintptr_t)(job->handles + at);
	job->kernel.out_bo_handle_count = writes;
}

/* See that the job's end can be told. */
static int prepare_end(struct rocket_context *context, struct rocket_job *job)
{
	int ret;

	job->end.sync_file = -1;
	job->own.dmabuf = -1;
	if (rocket_is_unverified(&context->base))
		return rocket_page_make(&context->base, &job->own);
	accel_core_lock(&context->file_lock);
	ret = rocket_page_need_dmabuf(&context->base, &job->own);
	if (ret)
		rocket_page_drop(&context->base, &job->own);
	accel_core_unlock(&context->file_lock);
	return ret;
}

int rocket_job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct rocket_context *context = rocket_context(base->queue->context);
	struct rocket_job *job = rocket_job(base);
	int ret;

	if (!base->commands)
		return accel_core_fail(-EINVAL, "a job of this device has a command buffer");
	ret = take_tasks(job, params);
	if (!ret)
		ret = validate(job, params);
	if (ret)
		goto fail;
	job->handles = accel_core_sys.alloc((base->bo_count + 4) * sizeof(*job->handles));
	if (!job->handles) {
		ret = accel_core_fail(-ENOMEM, "no memory for a job's buffers");
		goto fail;
	}
	ret = prepare_end(context, job);
	if (ret)
		goto fail;
	list_handles(job, UINT32_MAX, NULL);
	return 0;

fail:
	accel_core_sys.free(job->handles);
	accel_core_sys.free(job->tasks);
	return ret;
}

int rocket_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo)
{
	list_handles(rocket_job(job), index, bo);
	return 0;
}

void rocket_job_fini(struct accel_job *base)
{
	struct rocket_context *context = rocket_context(base->queue->context);
	struct rocket_job *job = rocket_job(base);

	accel_core_lock(&context->file_lock);
	rocket_page_drop(&context->base, &job->own);
	accel_core_unlock(&context->file_lock);
	accel_core_sys.free(job->handles);
	accel_core_sys.free(job->tasks);
}

/* ---- submitting ----------------------------------------------------------------------------------- */

static int refused(struct accel_context *context, int err)
{
	if (accel_core_context_look(context))
		return accel_core_context_errno(context);
	return accel_core_fail(err == -ENOMEM ? err : -EIO, "SUBMIT: %s", strerror(-err));
}

/* With what it has to wait for in the gate. */
static SELDOM int hand_over_gated(struct rocket_context *context, struct rocket_job *job)
{
	struct drm_rocket_job kernel = job->kernel;
	struct drm_rocket_submit ask = job->ask;
	int ret;

	ask.jobs = (uintptr_t)&kernel;
	accel_core_lock(&context->file_lock);
	ret = rocket_page_need_dmabuf(&context->base, &context->gate);
	if (!ret)
		ret = accel_core_dmabuf_import_sync_file(context->gate.dmabuf, ACCEL_ACCESS_WRITE,
							 job->base.wait_fd);
	if (!ret) {
		job->handles[kernel.in_bo_handle_count++] = context->gate.handle;
		ret = accel_core_ioctl(context->base.fd, DRM_IOCTL_ROCKET_SUBMIT, &ask);
	}
	accel_core_unlock(&context->file_lock);
	return ret;
}

static inline int submit_one(struct rocket_context *context, struct rocket_job *job)
{
	int ret;

	ret = job->base.wait_fd >= 0
		      ? hand_over_gated(context, job)
		      : accel_core_ioctl(context->base.fd, DRM_IOCTL_ROCKET_SUBMIT, &job->ask);
	/* Success says nothing: a job that was dropped has no fence, and is unverified. */
	if (!ret && job->own.dmabuf >= 0)
		accel_core_job_end_take(&job->end, job->own.dmabuf, false);
	return ret;
}

int rocket_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	struct rocket_context *context = rocket_context(queue->context);
	uint32_t done;
	int ret = 0;

	/* A driver that was unbound takes jobs still, into memory that it has freed. */
	if (accel_core_context_look_again(queue->context))
		return accel_core_context_errno(queue->context);
	for (done = 0; done < count; done++) {
		ret = submit_one(context, rocket_job(jobs[done]));
		if (ret)
			break;
	}
	if (!done)
		return refused(queue->context, ret);
	atomic_store_explicit(&context->has_run, true, memory_order_relaxed);
	return (int)done;
}

/* ---- ending --------------------------------------------------------------------------------------- */

/* Of a job whose fence wasn't taken: when its page is free. */
static int wait_page(void *data, int64_t deadline)
{
	struct rocket_job *job = data;

	return rocket_wait(job->base.queue->context, job->own.handle, deadline);
}

int rocket_job_poll(struct accel_job *base, bool ended, struct accel_job_result *result)
{
	struct accel_context *context = base->queue->context;
	struct rocket_job *job = rocket_job(base);
	int ret;

	if (job->end.sync_file >= 0)
		return accel_core_job_end_poll(context, &job->end, ended, result);
	ret = accel_core_job_end_plain(context, ended, 0, wait_page, job, result);
	return ret ? -EINPROGRESS : 0;
}

int rocket_job_wait(struct accel_job *base, int64_t deadline, struct accel_job_result *result)
{
	struct accel_context *context = base->queue->context;
	struct rocket_job *job = rocket_job(base);

	if (job->end.sync_file >= 0)
		return accel_core_job_end_wait(context, &job->end, deadline, result);
	return accel_core_job_end_plain(context, false, deadline, wait_page, job, result);
}

void rocket_job_release(struct accel_job *job)
{
	accel_core_job_end_drop(&rocket_job(job)->end);
}

int rocket_job_fd(struct accel_job *job, uint32_t kind, int *fd)
{
	(void)kind;
	return accel_core_job_end_fd(&rocket_job(job)->end, fd);
}

/* The fence of a buffer that nothing writes has ended. The page is made for this call alone: ours
 * are written by jobs. */
int rocket_ended_sync_file(struct accel_context *context, int *fd)
{
	struct rocket_page idle = {.dmabuf = -1};
	int ret;

	accel_core_lock(&rocket_context(context)->file_lock);
	ret = rocket_page_need_dmabuf(context, &idle);
	if (!ret)
		ret = accel_core_dmabuf_export_sync_file(idle.dmabuf, ACCEL_ACCESS_READ, fd);
	rocket_page_drop(context, &idle);
	accel_core_unlock(&rocket_context(context)->file_lock);
	return ret ? accel_core_fail(ret, "no sync_file: %s", strerror(-ret)) : 0;
}
