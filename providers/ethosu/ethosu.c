/* SPDX-License-Identifier: MIT */
/* ethosu: Arm's Ethos-U65 and Ethos-U85. The descriptor, contexts, facts. */
#include "ethosu_internal.h"

#include <errno.h>
#include <string.h>

#define ADDRESS_BYTES (UINT64_C(1) << 40) /* what a stream can name */
#define DEPTH_MAX     1024

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	struct ethosu_context *own = ethosu_context(context);
	struct drm_ethosu_dev_query ask = {
		.type = DRM_ETHOSU_DEV_QUERY_NPU_INFO,
		.size = sizeof(own->npu),
		.pointer = (uintptr_t)&own->npu,
	};
	int ret;

	(void)deadline;
	if (ext)
		return accel_core_fail(-EINVAL, "opening takes no struct of this driver");
	/* A kernel that knows less of it leaves the rest as it is: zero. */
	ret = accel_core_ioctl(context->fd, DRM_IOCTL_ETHOSU_DEV_QUERY, &ask);
	if (ret)
		return accel_core_fail(ret, "DEV_QUERY: %s", strerror(-ret));
	own->u65 = DRM_ETHOSU_ARCH_MAJOR(own->npu.id) == 1;
	own->idle_dmabuf = -1;
	context->waits = context->open_flags & ACCEL_OPEN_UNVERIFIED ? ACCEL_WAITS_NONE
								     : ACCEL_WAITS_SYNC_FILE;
	return 0;
}

static void context_fini(struct accel_context *context)
{
	struct ethosu_context *own = ethosu_context(context);

	if (own->idle_dmabuf >= 0)
		accel_core_sys.close(own->idle_dmabuf);
	/* Closing the file of a driver that was unbound uses what the kernel has freed. */
	if (accel_core_context_look(context) == -ENODEV) {
		accel_core_park(context->fd, NULL, 0, true);
		context->fd = -1;
	}
}

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	const bool unverified = context->open_flags & ACCEL_OPEN_UNVERIFIED;

	switch (key) {
	case ACCEL_HAS_EXPORT:
		*value = ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_WAIT_FENCES:
		*value = unverified ? ACCEL_EMULATED : ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_FENCE_FD:
	case ACCEL_HAS_SYNC_FILE:
		*value = unverified ? ACCEL_ABSENT : ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_OUTCOME:
		*value = unverified ? ACCEL_ABSENT : ACCEL_EMULATED;
		return 0;
	case ACCEL_QUEUES_PARALLEL:
		*value = 1;
		return 0;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = DEPTH_MAX;
		return 0;
	case ACCEL_PRIORITY_MIN:
	case ACCEL_PRIORITY_MAX:
		*value = 0;
		return 0;
	case ACCEL_BO_BYTES_MAX:
		*value = ADDRESS_BYTES;
		return 0;
	case ACCEL_JOB_BOS_MAX:
		*value = REGIONS;
		return 0;
	case ACCEL_JOB_BO_ALIAS:
	case ACCEL_JOB_BO_ONCE:
	case ACCEL_COMMANDS_ALIGN:
		*value = 0;
		return 0;
	case ACCEL_COMMANDS_BYTES_MAX:
		*value = UINT32_MAX & ~UINT32_C(3);
		return 0;
	case ACCEL_COMMANDS_SEALED:
		*value = 1;
		return 0;
	case ACCEL_CONTEXTS_LEFT:
		*value = UINT64_MAX;
		return 0;
	default:
		return -EINVAL;
	}
}

int accel_ethosu_get_info(struct accel_context *context, struct accel_ethosu_info *out)
{
	struct ethosu_context *own = ethosu_context(context);
	struct accel_ethosu_info info;
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	info = (struct accel_ethosu_info){
		.size = sizeof(info),
		.id = own->npu.id,
		.config = own->npu.config,
		.sram_bytes = own->npu.sram_size,
		.counters = own->npu.pmu_counters,
		.model = own->u65 ? 65 : 85,
	};
	return accel_core_params_out(out, &info, sizeof(info));
}

static const struct accel_ops ops = {
	.context_init = context_init,
	.context_fini = context_fini,
	.context_exit = accel_core_context_drain,
	.query = query,
	.bo_init = ethosu_bo_init,
	.bo_import = ethosu_bo_import,
	.bo_import_key = ethosu_bo_import_key,
	.bo_export = ethosu_bo_export,
	.bo_map = ethosu_bo_map,
	.bo_begin = ethosu_bo_begin,
	.bo_fini = ethosu_bo_fini,
	.queue_init = ethosu_queue_init,
	.job_init = ethosu_job_init,
	.job_set_bo = ethosu_job_set_bo,
	.job_fini = ethosu_job_fini,
	.submit = ethosu_submit,
	.job_poll = ethosu_job_poll,
	.job_wait = ethosu_job_wait,
	.job_release = ethosu_job_release,
	.job_fd = ethosu_job_fd,
	.ended_sync_file = ethosu_ended_sync_file,
};

static const char *const drivers[] = {NAME, NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = NAME,
	.drivers = drivers,
	.context_size = sizeof(struct ethosu_context),
	.bo_size = sizeof(struct ethosu_bo),
	.queue_size = sizeof(struct accel_queue),
	.job_size = sizeof(struct ethosu_job),
	.ops = &ops,
	.ioctls = ethosu_ioctls,
};
