/* SPDX-License-Identifier: MIT */
/* ivpu: Intel's NPUs. The descriptor, contexts, facts. */
#include "ivpu_internal.h"

#include <errno.h>
#include <string.h>

#include "commands.h"

/* The largest range of addresses: for DMA on 37xx, for everything on later ones. */
#define OLD_BYTES_MAX (UINT64_C(128) << 30)
#define BYTES_MAX     (UINT64_C(256) << 30)

/* PCI devices with an NPU 37xx; all others have a later one. */
static bool is_37xx(uint64_t device)
{
	return device == 0x7d1d || device == 0xad1d;
}

int ivpu_ioctl_failed(struct accel_context *context, int err)
{
	if (err == -ENODEV)
		accel_core_context_set_state(context, ACCEL_GONE);
	return err;
}

int ivpu_failed(struct accel_context *context, int err, const char *call)
{
	if (err == -ENODEV)
		return accel_core_context_errno(context);
	return accel_core_fail(err == -ENOMEM ? err : -EIO, "%s: %s", call, strerror(-err));
}

/*
 * A submission of a buffer that can't be: its refusal tells what the kernel thinks of the context,
 * and does not wake the device.
 */
void ivpu_look(struct accel_context *context)
{
	const uint32_t none = 0;
	struct drm_ivpu_submit ask = {
		.buffers_ptr = (uintptr_t)&none,
		.buffer_count = 1,
		.engine = DRM_IVPU_ENGINE_COMPUTE,
	};

	if (ivpu_ioctl(context, DRM_IOCTL_IVPU_SUBMIT, &ask) == -EBADFD)
		accel_core_context_set_state(context, ACCEL_CONTEXT_LOST);
}

/* ---- parameters ----------------------------------------------------------------------------- */

int ivpu_param(struct accel_context *context, uint32_t param, uint32_t index, uint64_t *value)
{
	struct drm_ivpu_param ask = {.param = param, .index = index};
	int ret;

	ret = ivpu_ioctl(context, DRM_IOCTL_IVPU_GET_PARAM, &ask);
	if (!ret)
		*value = ask.value;
	return ret;
}

int accel_ivpu_get_param(struct accel_context *context, uint32_t param, uint32_t index,
			 uint64_t *value)
{
	uint64_t got;
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	if (!value)
		return accel_core_fail(-EINVAL, "value is NULL");
	ret = ivpu_param(context, param, index, &got);
	if (ret == -EINVAL)
		return accel_core_fail(-EOPNOTSUPP, "this kernel has no parameter %u with index %u",
				       param, index);
	if (ret)
		return ivpu_failed(context, ret, "GET_PARAM");
	*value = got;
	return 0;
}

/* An old kernel knows neither the parameter nor what it tells of. */
static int ask_capability(struct accel_context *context, uint32_t which, bool *has)
{
	uint64_t value = 0;
	int ret;

	ret = ivpu_param(context, DRM_IVPU_PARAM_CAPABILITIES, which, &value);
	*has = value;
	return ret == -EINVAL ? 0 : ret;
}

static int ask_facts(struct ivpu_context *own)
{
	struct accel_context *context = &own->base;
	uint64_t device = 0;
	int ret;

	ret = ivpu_param(context, DRM_IVPU_PARAM_DEVICE_ID, 0, &device);
	own->old = is_37xx(device);
	if (!ret)
		ret = ask_capability(context, DRM_IVPU_CAP_METRIC_STREAMER, &own->metrics);
	if (!ret)
		ret = ask_capability(context, DRM_IVPU_CAP_DMA_MEMORY_RANGE, &own->dma_range);
	if (!ret)
		ret = ask_capability(context, DRM_IVPU_CAP_MANAGE_CMDQ, &own->queues);
	if (!ret)
		ret = ask_capability(context, DRM_IVPU_CAP_BO_CREATE_FROM_USERPTR,
				     &own->user_memory);
	if (ret || !own->queues)
		return ret;
	ret = ivpu_param(context, DRM_IVPU_PARAM_PREEMPT_BUFFER_SIZE, 0, &own->preempt_bytes);
	own->preempts = !ret;
	return ret == -EINVAL ? 0 : ret;
}

/* ---- contexts ---------------------------------------------------------------------------------- */

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	struct ivpu_context *own = ivpu_context(context);
	int ret;

	(void)deadline;
	if (ext)
		return accel_core_fail(-EINVAL, "opening takes no struct of this driver");
	ret = ask_facts(own);
	if (ret)
		return ivpu_failed(context, ret, "GET_PARAM");
	own->idle_dmabuf = -1;
	context->waits = ACCEL_WAITS_NONE;
	return 0;
}

static void context_fini(struct accel_context *context)
{
	struct ivpu_context *own = ivpu_context(context);

	if (own->idle_dmabuf >= 0)
		accel_core_sys.close(own->idle_dmabuf);
}

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	const struct ivpu_context *own = ivpu_context(context);

	switch (key) {
	case ACCEL_HAS_ADDRESS:
	case ACCEL_HAS_IMPORT:
	case ACCEL_HAS_EXPORT:
	case ACCEL_HAS_FENCE_FD:
	case ACCEL_HAS_SYNC_FILE:
	case ACCEL_HAS_OUTCOME:
	case ACCEL_HAS_ISOLATION:
		*value = ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_USER_MEMORY:
		*value = own->user_memory ? ACCEL_NATIVE : ACCEL_ABSENT;
		return 0;
	case ACCEL_HAS_WAIT_FENCES:
		*value = ACCEL_EMULATED;
		return 0;
	case ACCEL_HAS_CANCEL:
		*value = own->queues ? ACCEL_NATIVE : ACCEL_EMULATED;
		return 0;
	case ACCEL_QUEUES_PARALLEL:
	case ACCEL_JOB_BO_ALIAS:
	case ACCEL_JOB_BO_ONCE:
		*value = 1;
		return 0;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = RING_JOBS;
		return 0;
	case ACCEL_PRIORITY_MIN:
		*value = (uint64_t)(DRM_IVPU_JOB_PRIORITY_IDLE - DRM_IVPU_JOB_PRIORITY_NORMAL);
		return 0;
	case ACCEL_PRIORITY_MAX:
		*value = DRM_IVPU_JOB_PRIORITY_REALTIME - DRM_IVPU_JOB_PRIORITY_NORMAL;
		return 0;
	case ACCEL_BO_BYTES_MAX:
		*value = own->old ? OLD_BYTES_MAX : BYTES_MAX;
		return 0;
	case ACCEL_JOB_BOS_MAX:
		*value = JOB_BOS_MAX;
		return 0;
	case ACCEL_COMMANDS_BYTES_MAX:
		*value = UINT32_MAX;
		return 0;
	case ACCEL_COMMANDS_ALIGN:
		*value = LINE_BYTES;
		return 0;
	case ACCEL_COMMANDS_SEALED:
		*value = 0;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct accel_ops ops = {
	.context_init = context_init,
	.context_fini = context_fini,
	.query = query,
	.bo_init = ivpu_bo_init,
	.bo_import = ivpu_bo_import,
	.bo_import_key = ivpu_bo_import_key,
	.bo_export = ivpu_bo_export,
	.bo_map = ivpu_bo_map,
	.bo_address = ivpu_bo_address,
	.bo_begin = ivpu_bo_begin,
	.bo_end = ivpu_bo_end,
	.bo_fini = ivpu_bo_fini,
	.queue_init = ivpu_queue_init,
	.queue_cancel = ivpu_queue_cancel,
	.queue_fini = ivpu_queue_fini,
	.job_init = ivpu_job_init,
	.job_set_bo = ivpu_job_set_bo,
	.job_fini = ivpu_job_fini,
	.submit = ivpu_submit,
	.job_poll = ivpu_job_poll,
	.job_wait = ivpu_job_wait,
	.job_release = ivpu_job_release,
	.job_fd = ivpu_job_fd,
	.ended_sync_file = ivpu_ended_sync_file,
};

static const char *const drivers[] = {"intel_vpu", NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = NAME,
	.drivers = drivers,
	.context_size = sizeof(struct ivpu_context),
	.bo_size = sizeof(struct ivpu_bo),
	.queue_size = sizeof(struct ivpu_queue),
	.job_size = sizeof(struct ivpu_job),
	.ops = &ops,
	.ioctls = ivpu_ioctls,
};
