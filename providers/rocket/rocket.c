/* SPDX-License-Identifier: MIT */
/*
 * rocket: the NPU of Rockchip's RK3588. The descriptor, contexts, facts, and the order in which a
 * file must be left: the kernel frees buffers into the file that made them, so a file is closed
 * after all its jobs, handles and exported buffers, and else is kept.
 */
#include "rocket_internal.h"

#include <errno.h>
#include <string.h>

#include "lists.h"

#define BUFFER_BYTES_MAX (UINT64_C(0x80000000) - 4096) /* the kernel's length is a signed int */
#define DEPTH_MAX        1024
#define SETTLE_NS        1000000
#define SETTLE_TRIES     1000

/* ---- cores ----------------------------------------------------------------------------------- */

/* Links to devices are named as those of a device tree are: by address and kind. */
static int count_core(void *data, const char *name)
{
	uint32_t *count = data;

	if (strchr(name, '.'))
		(*count)++;
	return 0;
}

/* Cores that the driver has; -ENOENT where sysfs can't be read. */
static int count_cores(uint32_t *count)
{
	*count = 0;
	return accel_core_sysfs_list("bus/platform/drivers/rocket", count_core, count);
}

/* A core that is taken away leaves the file of all of them broken, and its jobs pending. */
static void context_look(struct accel_context *context)
{
	uint32_t cores;

	if (accel_core_device_gone(context))
		accel_core_context_set_state(context, ACCEL_GONE);
	else if (!count_cores(&cores) && cores < rocket_context(context)->cores)
		accel_core_context_set_state(context, ACCEL_CONTEXT_LOST);
}

int accel_rocket_get_info(struct accel_context *context, struct accel_rocket_info *out)
{
	struct accel_rocket_info info = {.size = sizeof(info)};
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	if (count_cores(&info.cores))
		info.cores = 0;
	return accel_core_params_out(out, &info, sizeof(info));
}

/* ---- opening ----------------------------------------------------------------------------------- */

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	struct rocket_context *own = rocket_context(context);
	int ret;

	(void)deadline;
	if (ext)
		return accel_core_fail(-EINVAL, "opening takes no struct of this driver");
	own->done.dmabuf = -1;
	own->gate.dmabuf = -1;
	list_init(&own->pages);
	/* The node is there before the first core is: a file opened then runs nothing. */
	ret = count_cores(&own->cores);
	if (!ret && !own->cores)
		return -EAGAIN;
	ret = rocket_page_make(context, &own->done);
	if (ret)
		return ret;
	context->waits = rocket_is_unverified(context) ? ACCEL_WAITS_NONE : ACCEL_WAITS_SYNC_FILE;
	return 0;
}

/* Pages of ours that a child had would keep the kernel from letting go of them. */
static void context_child(struct accel_context *context)
{
	struct list *node;

	list_for_each(node, &rocket_context(context)->pages)
		accel_core_sys.close(list_entry(node, struct rocket_page, link)->dmabuf);
}

/* ---- leaving ------------------------------------------------------------------------------------- */

/*
 * A job is over before the kernel lets go of its buffers: its work for that must not meet a
 * closed file. Every job reads the page "done", whose address is free again after the last.
 */
static void settle(struct rocket_context *context)
{
	const uint32_t address = context->done.address;
	struct rocket_page probe;
	unsigned int tries;
	bool is_free;

	rocket_page_drop(&context->base, &context->done);
	for (tries = 0; atomic_load(&context->has_run) && tries < SETTLE_TRIES; tries++) {
		if (rocket_page_make(&context->base, &probe))
			return;
		is_free = probe.address == address;
		rocket_page_drop(&context->base, &probe);
		if (is_free)
			return;
		accel_core_sys.poll(NULL, 0, SETTLE_NS);
	}
}

/* Close those dma-bufs that nobody else has. */
static void sweep(struct rocket_context *context)
{
	uint32_t i, left = 0;

	for (i = 0; i < context->lingering_count; i++) {
		if (accel_core_dmabuf_users(context->lingering[i]) == 1)
			accel_core_sys.close(context->lingering[i]);
		else
			context->lingering[left++] = context->lingering[i];
	}
	context->lingering_count = left;
}

static void context_fini(struct accel_context *context)
{
	struct rocket_context *own = rocket_context(context);
	const bool lost = accel_core_context_look(context);

	rocket_page_drop(context, &own->gate);
	if (lost)
		rocket_page_drop(context, &own->done);
	else
		settle(own);
	sweep(own);
	if (lost || own->lingering_count) {
		accel_core_park(context->fd, own->lingering, own->lingering_count, lost);
		context->fd = -1;
	}
	accel_core_sys.free(own->lingering);
}

/* exit(3): the kernel closes the file next, with whatever it still has. */
static void context_exit(struct accel_context *context)
{
	struct rocket_context *own = rocket_context(context);
	struct list *node;
	struct rocket_bo *bo;

	accel_core_context_drain(context);
	accel_core_lock(&context->lock);
	list_for_each(node, &context->shared) {
		bo = rocket_bo(list_entry(node, struct accel_bo, shared_link));
		accel_core_gem_close(context->fd, bo->handle);
		bo->closed = true;
	}
	/* Other threads still run, and find nothing to export to any more. */
	accel_core_lock(&own->file_lock);
	while (!list_empty(&own->pages))
		rocket_page_drop(context, list_entry(own->pages.next, struct rocket_page, link));
	if (!atomic_load(&context->state))
		settle(own);
	accel_core_unlock(&own->file_lock);
	accel_core_unlock(&context->lock);
}

/* ---- facts ------------------------------------------------------------------------------------------ */

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	const bool unverified = rocket_is_unverified(context);

	switch (key) {
	case ACCEL_HAS_ADDRESS:
	case ACCEL_HAS_EXPORT:
	case ACCEL_HAS_ISOLATION:
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
	case ACCEL_JOB_BO_ALIAS:
		*value = 1;
		return 0;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = DEPTH_MAX;
		return 0;
	case ACCEL_PRIORITY_MIN:
	case ACCEL_PRIORITY_MAX:
	case ACCEL_COMMANDS_SEALED:
	case ACCEL_JOB_BO_ONCE:
		*value = 0;
		return 0;
	case ACCEL_BO_BYTES_MAX:
	case ACCEL_COMMANDS_BYTES_MAX:
		*value = BUFFER_BYTES_MAX;
		return 0;
	case ACCEL_JOB_BOS_MAX:
		*value = 65535;
		return 0;
	case ACCEL_COMMANDS_ALIGN:
		*value = LIST_ALIGN;
		return 0;
	case ACCEL_CONTEXTS_LEFT:
		*value = UINT64_MAX;
		return 0;
	default:
		return -EINVAL;
	}
}

static const struct accel_ops ops = {
	.context_init = context_init,
	.context_fini = context_fini,
	.context_exit = context_exit,
	.context_child = context_child,
	.context_look = context_look,
	.query = query,
	.bo_init = rocket_bo_init,
	.bo_import = rocket_bo_import,
	.bo_import_key = rocket_bo_import_key,
	.bo_export = rocket_bo_export,
	.bo_map = rocket_bo_map,
	.bo_address = rocket_bo_address,
	.bo_begin = rocket_bo_begin,
	.bo_end = rocket_bo_end,
	.bo_fini = rocket_bo_fini,
	.queue_init = rocket_queue_init,
	.job_init = rocket_job_init,
	.job_set_bo = rocket_job_set_bo,
	.job_fini = rocket_job_fini,
	.submit = rocket_submit,
	.job_poll = rocket_job_poll,
	.job_wait = rocket_job_wait,
	.job_release = rocket_job_release,
	.job_fd = rocket_job_fd,
	.ended_sync_file = rocket_ended_sync_file,
};

static const char *const drivers[] = {NAME, NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = NAME,
	.drivers = drivers,
	.context_size = sizeof(struct rocket_context),
	.bo_size = sizeof(struct rocket_bo),
	.queue_size = sizeof(struct accel_queue),
	.job_size = sizeof(struct rocket_job),
	.ops = &ops,
	.ioctls = rocket_ioctls,
};
