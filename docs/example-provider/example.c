/* SPDX-License-Identifier: MIT */
/* The provider that docs/write-a-provider.md builds, for the made-up device of the kernel rig. */
#include <errno.h>
#include <example_accel.h>
#include <string.h>
#include <sys/mman.h>

#include "provider.h"

#define NAME "example"

/* ---- objects ----------------------------------------------------------------------------------- */

struct example_bo {
	struct accel_bo base;
	uint32_t handle;
	uint64_t offset; /* of its mapping */
};

struct example_job {
	struct accel_job base;
	struct drm_example_submit kernel; /* as it is submitted, each time */
	struct example_command command;   /* as it was when it was checked */
	struct accel_job_end end;         /* of the submission under way */
};

static struct example_bo *example_bo(struct accel_bo *bo)
{
	return (struct example_bo *)bo;
}

static struct example_job *example_job(struct accel_job *job)
{
	return (struct example_job *)job;
}

/* ---- buffers ------------------------------------------------------------------------------------ */

static int bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct drm_example_create_bo ask = {.size = base->bytes};
	struct example_bo *bo = example_bo(base);
	int ret;

	if (params->ext)
		return accel_core_fail(-EINVAL, "buffers take no struct of this driver");
	if (params->user || params->flags & (ACCEL_BO_DEVICE_LOCAL | ACCEL_BO_SHARE))
		return accel_core_fail(-EOPNOTSUPP, "no user memory, memory of the device's own, "
						    "or shared memory here");
	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_EXAMPLE_CREATE_BO, &ask);
	if (ret)
		return accel_core_fail(ret, "CREATE_BO of %llu bytes: %s",
				       (unsigned long long)base->bytes, strerror(-ret));
	base->bytes = ask.size;
	bo->handle = ask.handle;
	bo->offset = ask.offset;
	return 0;
}

static int bo_map(struct accel_bo *base)
{
	int ret;

	ret = accel_core_map(base->context->fd, example_bo(base)->offset, base->bytes,
			     PROT_READ | PROT_WRITE, &base->map);
	if (ret)
		return accel_core_fail(ret, "mapping a buffer: %s", strerror(-ret));
	base->map_bytes = base->bytes;
	return 0;
}

static void bo_fini(struct accel_bo *base)
{
	accel_core_gem_close(base->context->fd, example_bo(base)->handle);
}

/* ---- queues and jobs ---------------------------------------------------------------------------- */

static int queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline)
{
	(void)deadline;
	if (params->ext)
		return accel_core_fail(-EINVAL, "queues take no struct of this driver");
	if (!queue->depth)
		queue->depth = 64;
	return 0;
}

static int check_range(uint32_t index, const struct accel_bo *bo, uint64_t offset, uint64_t bytes)
{
	if (offset <= bo->bytes && bytes <= bo->bytes - offset)
		return 0;
	return accel_core_fail_at(-ERANGE, index, 0, "%llu bytes at byte %llu of a buffer of %llu",
				  (unsigned long long)bytes, (unsigned long long)offset,
				  (unsigned long long)bo->bytes);
}

static int job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct example_job *job = example_job(base);

	int ret;

	job->end.sync_file = -1;
	if (params->ext)
		return accel_core_fail(-EINVAL, "jobs take no struct of this driver");
	if (!params->commands || params->bytes != sizeof(struct example_command))
		return accel_core_fail(-EINVAL, "a job of this device has one command of %zu bytes",
				       sizeof(struct example_command));
	if (base->bo_count != 2)
		return accel_core_fail(-EINVAL, "a job of this device has a source and a target");
	if (!(base->bos[0].access & ACCEL_ACCESS_READ))
		return accel_core_fail_at(-EACCES, 0, ~0ull, "the source is not to be read");
	if (!(base->bos[1].access & ACCEL_ACCESS_WRITE))
		return accel_core_fail_at(-EACCES, 1, ~0ull, "the target is not to be written");
	ret = accel_core_bo_map(params->commands);
	if (ret)
		return ret;
	memcpy(&job->command, (char *)params->commands->map + params->offset, sizeof(job->command));
	ret = check_range(0, base->bos[0].bo, job->command.source, job->command.bytes);
	if (!ret)
		ret = check_range(1, base->bos[1].bo, job->command.target, job->command.bytes);
	if (ret)
		return ret;
	job->kernel.commands = example_bo(params->commands)->handle;
	job->kernel.command_offset = params->offset;
	job->kernel.source = example_bo(base->bos[0].bo)->handle;
	job->kernel.target = example_bo(base->bos[1].bo)->handle;
	return 0;
}

static int job_set_bo(struct accel_job *base, uint32_t index, struct accel_bo *bo)
{
	struct example_job *job = example_job(base);
	int ret;

	ret = check_range(index, bo, index ? job->command.target : job->command.source,
			  job->command.bytes);
	if (ret)
		return ret;
	if (index)
		job->kernel.target = example_bo(bo)->handle;
	else
		job->kernel.source = example_bo(bo)->handle;
	return 0;
}

static int submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	struct example_job *job;
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		job = example_job(jobs[i]);
		ret = accel_core_ioctl(queue->context->fd, DRM_IOCTL_EXAMPLE_SUBMIT, &job->kernel);
		if (ret)
			goto refused;
		job->end.sync_file = job->kernel.fence_fd;
	}
	return (int)count;

refused:
	if (i)
		return (int)i;
	if (accel_core_context_look(queue->context))
		return accel_core_context_errno(queue->context);
	/* That is about what was checked. */
	if (ret == -EINVAL || ret == -ENOENT)
		ret = -EIO;
	return accel_core_fail(ret, "SUBMIT: %s", strerror(-ret));
}

/* ---- how jobs end --------------------------------------------------------------------------------- */

static int job_poll(struct accel_job *job, bool ended, struct accel_job_result *result)
{
	return accel_core_job_end_poll(job->queue->context, &example_job(job)->end, ended, result);
}

static int job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result)
{
	return accel_core_job_end_wait(job->queue->context, &example_job(job)->end, deadline,
				       result);
}

static int job_fd(struct accel_job *job, uint32_t kind, int *fd)
{
	(void)kind; /* a sync_file is good for both */
	return accel_core_job_end_fd(&example_job(job)->end, fd);
}

static void job_release(struct accel_job *job)
{
	accel_core_job_end_drop(&example_job(job)->end);
}

/* ---- facts ------------------------------------------------------------------------------------------ */

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	(void)context, (void)deadline;
	return ext ? accel_core_fail(-EINVAL, "opening takes no struct of this driver") : 0;
}

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	(void)context;
	switch (key) {
	case ACCEL_HAS_FENCE_FD:
	case ACCEL_HAS_SYNC_FILE:
	case ACCEL_HAS_OUTCOME:
	case ACCEL_HAS_ISOLATION:
		*value = ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_WAIT_FENCES:
		*value = ACCEL_EMULATED; /* by the core: see enum accel_waits */
		return 0;
	case ACCEL_QUEUES_PARALLEL:
		*value = 1;
		return 0;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = 1024;
		return 0;
	case ACCEL_PRIORITY_MIN:
	case ACCEL_PRIORITY_MAX:
	case ACCEL_JOB_BO_ALIAS:
	case ACCEL_COMMANDS_SEALED:
	case ACCEL_JOB_BO_ONCE:
		*value = 0;
		return 0;
	case ACCEL_BO_BYTES_MAX:
		*value = UINT64_C(1) << 30;
		return 0;
	case ACCEL_BO_GRANULE:
		*value = 4096;
		return 0;
	case ACCEL_JOB_BOS_MAX:
		*value = 2;
		return 0;
	case ACCEL_COMMANDS_BYTES_MAX:
		*value = sizeof(struct example_command);
		return 0;
	case ACCEL_COMMANDS_ALIGN:
		*value = 8;
		return 0;
	case ACCEL_CONTEXTS_LEFT:
		*value = UINT64_MAX;
		return 0;
	default:
		return -EINVAL; /* the core has an answer, or says that there is none */
	}
}

/* ---- the descriptor ---------------------------------------------------------------------------------- */

static const struct accel_ops ops = {
	.context_init = context_init,
	.query = query,
	.bo_init = bo_init,
	.bo_map = bo_map,
	.bo_fini = bo_fini,
	.queue_init = queue_init,
	.job_init = job_init,
	.job_set_bo = job_set_bo,
	.submit = submit,
	.job_poll = job_poll,
	.job_wait = job_wait,
	.job_release = job_release,
	.job_fd = job_fd,
};

static const char *const drivers[] = {NAME, NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = NAME,
	.drivers = drivers,
	.context_size = sizeof(struct accel_context),
	.bo_size = sizeof(struct example_bo),
	.queue_size = sizeof(struct accel_queue),
	.job_size = sizeof(struct example_job),
	.ops = &ops,
};
