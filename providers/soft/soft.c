/* SPDX-License-Identifier: MIT */
/* The software provider: its descriptor, contexts and queries. */
#define _GNU_SOURCE
#include "soft_internal.h"

#include <errno.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static int soft_context_init(struct accel_context *base, const struct accel_ext *ext,
			     int64_t deadline)
{
	struct soft_context *context = soft_context(base);
	int err;

	(void)deadline;
	if (ext)
		return accel_core_fail(-EINVAL, "soft: contexts have no vendor struct");
	if (base->open_flags & ACCEL_OPEN_NO_THREADS)
		return accel_core_fail(-EOPNOTSUPP, "soft: the software device is made of threads, "
						    "and ACCEL_OPEN_NO_THREADS forbids them");
	base->waits = ACCEL_WAITS_ANY;
	err = soft_sched_init(context);
	if (err)
		return err;
	err = soft_engine_create(&context->engine);
	if (err)
		soft_sched_fini(context);
	return err;
}

static void soft_context_fini(struct accel_context *base)
{
	struct soft_context *context = soft_context(base);

	soft_sched_fini(context);
	if (!atomic_load(&context->exiting))
		soft_engine_destroy(context->engine);
}

static void soft_context_exit(struct accel_context *base)
{
	soft_sched_exit(soft_context(base));
}

static int memory(bool free, uint64_t *value)
{
	struct sysinfo info;

	if (sysinfo(&info))
		return -EOPNOTSUPP;
	*value = (uint64_t)(free ? info.freeram + info.bufferram : info.totalram) * info.mem_unit;
	return 0;
}

static int soft_query(struct accel_context *base, uint32_t key, uint64_t *value)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	switch (key) {
	case ACCEL_HAS_USER_MEMORY:
	case ACCEL_HAS_IMPORT:
	case ACCEL_HAS_EXPORT:
	case ACCEL_HAS_WAIT_FENCES:
	case ACCEL_HAS_FENCE_FD:
	case ACCEL_HAS_CANCEL:
	case ACCEL_HAS_OUTCOME:
	case ACCEL_HAS_ISOLATION:
	case ACCEL_HAS_JOB_TIMEOUT:
		*value = ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_ADDRESS:
	case ACCEL_HAS_DEVICE_LOCAL:
	case ACCEL_HAS_SYNC_FILE:
	case ACCEL_HAS_STATE_FD:
		*value = ACCEL_ABSENT;
		return 0;
	case ACCEL_QUEUES_PARALLEL:
		*value = soft_context(base)->cpus;
		return 0;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = SOFT_DEPTH_MAX;
		return 0;
	case ACCEL_PRIORITY_MIN:
		*value = (uint64_t)(int64_t)-SOFT_PRIORITY_MAX;
		return 0;
	case ACCEL_PRIORITY_MAX:
		*value = SOFT_PRIORITY_MAX;
		return 0;
	case ACCEL_BO_BYTES_MAX:
		*value = SIZE_MAX / 4 / page * page;
		return 0;
	case ACCEL_BO_GRANULE:
		*value = page;
		return 0;
	case ACCEL_JOB_BOS_MAX:
		*value = SOFT_BOS_MAX;
		return 0;
	case ACCEL_JOB_BO_ALIAS:
		*value = 1;
		return 0;
	case ACCEL_COMMANDS_BYTES_MAX:
		*value = SOFT_COMMANDS_MAX;
		return 0;
	case ACCEL_COMMANDS_ALIGN:
		*value = 8;
		return 0;
	case ACCEL_COMMANDS_SEALED:
	case ACCEL_JOB_BO_ONCE:
		*value = 0;
		return 0;
	case ACCEL_MEMORY_TOTAL:
		return memory(false, value);
	case ACCEL_MEMORY_FREE:
		return memory(true, value);
	case ACCEL_CONTEXTS_LEFT:
		*value = UINT64_MAX;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct accel_ops ops = {
	.context_init = soft_context_init,
	.context_fini = soft_context_fini,
	.context_exit = soft_context_exit,
	.query = soft_query,
	.bo_init = soft_bo_init,
	.bo_import = soft_bo_import,
	.bo_import_key = soft_bo_import_key,
	.bo_export = soft_bo_export,
	.bo_map = soft_bo_map,
	.bo_begin = soft_bo_begin,
	.bo_end = soft_bo_end,
	.bo_fini = soft_bo_fini,
	.queue_init = soft_queue_init,
	.queue_cancel = soft_queue_cancel,
	.queue_fini = soft_queue_fini,
	.job_init = soft_job_init,
	.job_set_bo = soft_job_set_bo,
	.job_fini = soft_job_fini,
	.submit = soft_submit,
	.queue_help = soft_queue_help,
};

static const char *const drivers[] = {"soft", NULL};

__attribute__((visibility("default"))) const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = "soft",
	.drivers = drivers,
	.context_size = sizeof(struct soft_context),
	.bo_size = sizeof(struct soft_bo),
	.queue_size = sizeof(struct soft_queue),
	.job_size = sizeof(struct soft_job),
	.ops = &ops,
};
