/* SPDX-License-Identifier: MIT */
/*
 * Jobs of ethosu: a sealed command stream and the buffers that are its regions.
 *
 * The kernel checks regions at each submission, with one errno for many mistakes, and gives no
 * fence for a job that writes no buffer; so all is checked here when the job is made. Of the
 * buffers that it writes one is picked whose fence tells of its end.
 */
#include "ethosu_internal.h"

#include <errno.h>
#include <string.h>

#define DEPTH_DEFAULT 64

int ethosu_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline)
{
	(void)deadline;
	if (params->ext)
		return accel_core_fail(-EINVAL, "queues take no struct of this driver");
	if (!queue->depth)
		queue->depth = DEPTH_DEFAULT;
	return 0;
}

/* ---- checking ----------------------------------------------------------------------------- */

static const struct ethosu_stream *stream_of(const struct accel_job *job)
{
	return &ethosu_bo(job->commands)->stream;
}

/* Name the first command that is at odds with @limit. */
static int refuse_command(const struct ethosu_stream *stream, const struct ethosu_limit *limit,
			  int err, uint32_t index, const char *because)
{
	struct ethosu_place place;

	if (!ethosu_stream_find(stream, limit, &place))
		return accel_core_fail_at(err, index, UINT64_MAX, "region %u: %s", limit->region,
					  because);
	return accel_core_fail_at(err, index, place.offset,
				  "byte %zu of the command stream: %s; %s", place.offset,
				  place.text, because);
}

/* Whether @bo can be buffer @index, as region @region with @access. */
static int check_bo(const struct accel_job *job, uint32_t index, uint32_t region,
		    const struct accel_bo *bo, uint32_t access)
{
	const struct ethosu_stream *stream = stream_of(job);
	const struct ethosu_need *need = &stream->need[region];
	struct ethosu_limit limit = {.region = region, .bytes = UINT64_MAX};

	if (bo->flags & ACCEL_BO_COMMANDS)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "buffer %u is a command buffer, which is no region",
					  index);
	if (!need->bytes)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "buffer %u is region %u, which the commands don't use",
					  index, region);
	if (need->bytes > bo->bytes) {
		limit.bytes = bo->bytes;
		return refuse_command(stream, &limit, -ERANGE, index, "its buffer is smaller");
	}
	if (need->writes && !(access & ACCEL_ACCESS_WRITE)) {
		limit.no_writes = true;
		return refuse_command(stream, &limit, -EACCES, index,
				      "its buffer is not listed for writing");
	}
	if (need->reads && !(access & ACCEL_ACCESS_READ)) {
		limit.no_reads = true;
		return refuse_command(stream, &limit, -EACCES, index,
				      "its buffer is not listed for reading");
	}
	return 0;
}

static int take_regions(struct ethosu_job *job, const struct accel_ethosu_job *ext, bool has_ext)
{
	const uint32_t count = job->base.bo_count;
	struct accel_bo_ref *ref;
	uint32_t i, region;
	int ret;

	for (i = 0; i < count; i++) {
		ref = &job->base.bos[i];
		region = has_ext ? ext->region[i] : i;
		if (region >= REGIONS)
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX,
						  "buffer %u is region %u: there are %d", i, region,
						  REGIONS);
		if (job->kernel.region_bo_handles[region])
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX,
						  "buffer %u is region %u, as another is", i,
						  region);
		if (region == SRAM_REGION && ext->sram_bytes)
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX,
						  "buffer %u is region 2, as the SRAM is", i);
		ret = check_bo(&job->base, i, region, ref->bo, ref->access);
		if (ret)
			return ret;
		job->region[i] = (uint8_t)region;
		job->kernel.region_bo_handles[region] = ethosu_bo(ref->bo)->handle;
	}
	return 0;
}

/* That each region which the stream uses is there. */
static int check_complete(const struct ethosu_job *job)
{
	const struct ethosu_stream *stream = stream_of(&job->base);
	struct ethosu_limit limit = {0};
	uint32_t region;

	for (region = 0; region < REGIONS; region++) {
		limit.region = region;
		if (!stream->need[region].bytes || job->kernel.region_bo_handles[region])
			continue;
		if (region != SRAM_REGION || !job->kernel.sram_size)
			return refuse_command(stream, &limit, -EINVAL, UINT32_MAX,
					      "the job has no buffer for it");
		limit.bytes = job->kernel.sram_size;
		if (stream->need[region].bytes > limit.bytes)
			return refuse_command(stream, &limit, -ERANGE, UINT32_MAX,
					      "the job's SRAM is smaller");
	}
	return 0;
}

/*
 * The buffer whose fence tells of the end: one that is written, and best one that is nobody
 * else's. @bo takes the place of buffer @index (UINT32_MAX: of none).
 */
static int pick_out(const struct ethosu_job *job, uint32_t index, struct accel_bo *bo,
		    struct ethosu_bo **out)
{
	const struct ethosu_stream *stream = stream_of(&job->base);
	struct ethosu_bo *candidate;
	bool found = false;
	uint32_t i;

	for (i = 0; i < job->base.bo_count; i++) {
		candidate = ethosu_bo(i == index ? bo : job->base.bos[i].bo);
		if (!stream->need[job->region[i]].writes || (found && candidate->shared))
			continue;
		found = true;
		*out = candidate;
		if (!candidate->shared)
			break;
	}
	return found ? 0
		     : accel_core_fail(-EINVAL, "the commands write no buffer: the kernel could "
						"not tell when they have ended");
}

static void warn(void *data, size_t offset, const char *text)
{
	(void)data;
	accel_core_log(ACCEL_LOG_WARNING, "byte %zu of a command stream: %s", offset, text);
}

static int validate(const struct ethosu_stream *stream)
{
	struct ethosu_place place;
	int ret;

	if (!accel_core_validates())
		return 0;
	ret = ethosu_stream_validate(stream, warn, NULL, &place);
	if (!ret)
		return 0;
	return accel_core_fail_at(ret, UINT32_MAX, place.offset,
				  "byte %zu of the command stream: %s", place.offset, place.text);
}

/* ---- making ---------------------------------------------------------------------------------- */

/* See that the fence of @bo can be taken when the job is submitted. */
static int prepare_out(struct ethosu_context *context, struct ethosu_bo *bo)
{
	int ret;

	if (context->base.open_flags & ACCEL_OPEN_UNVERIFIED)
		return 0;
	accel_core_lock(&context->file_lock);
	ret = ethosu_bo_need_dmabuf(bo);
	accel_core_unlock(&context->file_lock);
	return ret;
}

int ethosu_job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct ethosu_context *context = ethosu_context(base->queue->context);
	struct ethosu_job *job = ethosu_job(base);
	struct accel_ethosu_job ext;
	int ret;

	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_ETHOSU_JOB);
	if (ret < 0)
		return ret;
	if (!base->commands)
		return accel_core_fail(-EINVAL, "a job of this device has a command buffer");
	if (params->bytes != base->commands->bytes)
		return accel_core_fail(-EINVAL,
				       "%llu bytes of commands: a stream of %llu is run as "
				       "a whole",
				       (unsigned long long)params->bytes,
				       (unsigned long long)base->commands->bytes);
	if (ext.reserved)
		return accel_core_fail(-EINVAL, "a reserved member is set");
	if (ext.sram_bytes > context->npu.sram_size)
		return accel_core_fail(-EINVAL, "%u bytes of SRAM: this device has %u",
				       ext.sram_bytes, context->npu.sram_size);
	if (ext.perfmon && ext.perfmon->context != &context->base)
		return accel_core_fail(-EXDEV, "the performance monitor is of another context");
	job->end.sync_file = -1;
	job->kernel.cmd_bo = ethosu_bo(base->commands)->handle;
	job->kernel.sram_size = ext.sram_bytes;
	ret = take_regions(job, &ext, ret == 1);
	if (!ret)
		ret = check_complete(job);
	if (!ret)
		ret = pick_out(job, UINT32_MAX, NULL, &job->out);
	if (!ret)
		ret = validate(stream_of(base));
	if (!ret)
		ret = prepare_out(context, job->out);
	if (ret)
		return ret;
	job->perfmon = accel_ethosu_perfmon_ref(ext.perfmon);
	job->ask = (struct drm_ethosu_submit){
		.jobs = (uintptr_t)&job->kernel,
		.job_count = 1,
		.perfmon_id = ext.perfmon ? ext.perfmon->id : 0,
	};
	return 0;
}

int ethosu_job_set_bo(struct accel_job *base, uint32_t index, struct accel_bo *bo)
{
	struct ethosu_context *context = ethosu_context(base->queue->context);
	struct ethosu_job *job = ethosu_job(base);
	const uint32_t region = job->region[index];
	struct ethosu_bo *out;
	int ret;

	ret = check_bo(base, index, region, bo, base->bos[index].access);
	if (!ret)
		ret = pick_out(job, index, bo, &out);
	if (!ret)
		ret = prepare_out(context, out);
	if (ret)
		return ret;
	job->kernel.region_bo_handles[region] = ethosu_bo(bo)->handle;
	job->out = out;
	return 0;
}

void ethosu_job_fini(struct accel_job *job)
{
	accel_ethosu_perfmon_unref(ethosu_job(job)->perfmon);
}

/* ---- submitting --------------------------------------------------------------------------------- */

static int refused(struct accel_context *context, int err)
{
	const int lost = accel_core_context_look(context);

	if (lost)
		return accel_core_context_errno(context);
	return accel_core_fail(err == -ENOMEM ? err : -EIO, "SUBMIT: %s%s", strerror(-err),
			       err == -EACCES ? ": the kernel can't wake the device after a reset; "
						"unbind and bind its driver"
					      : "");
}

static inline int hand_over(struct ethosu_context *context, struct ethosu_job *job)
{
	return accel_core_ioctl(context->base.fd, DRM_IOCTL_ETHOSU_SUBMIT, &job->ask);
}

/* Under file_lock. */
static inline int hand_over_fenced(struct ethosu_context *context, struct ethosu_job *job)
{
	struct ethosu_bo *out = job->out;
	int ret = 0;

	/* For writing: what reads a buffer waits only for those who write it. */
	if (job->base.wait_fd >= 0)
		ret = accel_core_dmabuf_import_sync_file(out->base.fd, ACCEL_ACCESS_WRITE,
							 job->base.wait_fd);
	if (!ret)
		ret = hand_over(context, job);
	if (!ret)
		accel_core_job_end_take(&job->end, out->base.fd, out->shared);
	return ret;
}

/* How many, with the errno of the next. */
static uint32_t submit_fenced(struct ethosu_context *context, struct accel_job *const *jobs,
			      uint32_t count, int *err)
{
	uint32_t done;

	accel_core_lock(&context->file_lock);
	for (done = 0; done < count; done++) {
		*err = hand_over_fenced(context, ethosu_job(jobs[done]));
		if (*err)
			break;
	}
	accel_core_unlock(&context->file_lock);
	return done;
}

static uint32_t submit_unverified(struct ethosu_context *context, struct accel_job *const *jobs,
				  uint32_t count, int *err)
{
	uint32_t done;

	for (done = 0; done < count; done++) {
		*err = hand_over(context, ethosu_job(jobs[done]));
		if (*err)
			break;
	}
	return done;
}

/* One job a call: of several the kernel doesn't say how many it took. */
int ethosu_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	struct ethosu_context *context = ethosu_context(queue->context);
	uint32_t done;
	int err = 0;

	/* A driver that was unbound takes jobs still, into memory that it has freed. */
	if (accel_core_context_look_again(queue->context))
		return accel_core_context_errno(queue->context);
	if (queue->context->open_flags & ACCEL_OPEN_UNVERIFIED)
		done = submit_unverified(context, jobs, count, &err);
	else
		done = submit_fenced(context, jobs, count, &err);
	return done ? (int)done : refused(queue->context, err);
}

/* ---- ending ---------------------------------------------------------------------------------------- */

static int wait_out(void *data, int64_t deadline)
{
	return ethosu_bo_wait(data, deadline);
}

int ethosu_job_poll(struct accel_job *base, bool ended, struct accel_job_result *result)
{
	struct accel_context *context = base->queue->context;
	struct ethosu_job *job = ethosu_job(base);
	int ret;

	if (job->end.sync_file >= 0)
		return accel_core_job_end_poll(context, &job->end, ended, result);
	ret = accel_core_job_end_plain(context, ended, 0, wait_out, job->out, result);
	return ret ? -EINPROGRESS : 0;
}

int ethosu_job_wait(struct accel_job *base, int64_t deadline, struct accel_job_result *result)
{
	struct accel_context *context = base->queue->context;
	struct ethosu_job *job = ethosu_job(base);

	if (job->end.sync_file >= 0)
		return accel_core_job_end_wait(context, &job->end, deadline, result);
	return accel_core_job_end_plain(context, false, deadline, wait_out, job->out, result);
}

void ethosu_job_release(struct accel_job *job)
{
	accel_core_job_end_drop(&ethosu_job(job)->end);
}

int ethosu_job_fd(struct accel_job *job, uint32_t kind, int *fd)
{
	(void)kind;
	return accel_core_job_end_fd(&ethosu_job(job)->end, fd);
}

static int make_idle(struct ethosu_context *context)
{
	struct drm_ethosu_bo_create ask = {.size = 1, .flags = DRM_ETHOSU_BO_NO_MMAP};
	int ret;

	if (context->idle_dmabuf >= 0)
		return 0;
	if (!context->idle_handle) {
		ret = accel_core_ioctl(context->base.fd, DRM_IOCTL_ETHOSU_BO_CREATE, &ask);
		if (ret)
			return ret;
		context->idle_handle = ask.handle;
	}
	return accel_core_prime_export(context->base.fd, context->idle_handle,
				       &context->idle_dmabuf);
}

/* The fence of a buffer that nothing uses has ended. */
int ethosu_ended_sync_file(struct accel_context *base, int *fd)
{
	struct ethosu_context *context = ethosu_context(base);
	int ret;

	accel_core_lock(&context->file_lock);
	ret = make_idle(context);
	if (!ret)
		ret = accel_core_dmabuf_export_sync_file(context->idle_dmabuf, ACCEL_ACCESS_READ,
							 fd);
	accel_core_unlock(&context->file_lock);
	return ret ? accel_core_fail(ret, "no sync_file: %s", strerror(-ret)) : 0;
}
