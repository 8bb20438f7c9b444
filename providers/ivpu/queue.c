/* SPDX-License-Identifier: MIT */
/*
 * Queues of ivpu: the kernel's command queues. Where it has none, under a firmware that doesn't
 * schedule or before Linux 6.15, a file has one queue per priority that nobody makes or ends.
 */
#include "ivpu_internal.h"

#include <errno.h>
#include <string.h>

uint32_t ivpu_queue_priority(const struct accel_queue *queue)
{
	return (uint32_t)(queue->priority + DRM_IVPU_JOB_PRIORITY_NORMAL);
}

int ivpu_queue_make(struct ivpu_queue *queue)
{
	struct accel_context *context = queue->base.context;
	struct drm_ivpu_cmdq_create ask;
	int ret;

	ask = (struct drm_ivpu_cmdq_create){
		.priority = ivpu_queue_priority(&queue->base),
		.flags = queue->flags,
	};
	ret = ivpu_ioctl(context, DRM_IOCTL_IVPU_CMDQ_CREATE, &ask);
	if (ret)
		return ivpu_failed(context, ret, "CMDQ_CREATE");
	queue->id = ask.cmdq_id;
	return 0;
}

/* Whatever it answers: of the two reasons it has, both mean that there is no such queue. */
static void destroy(struct ivpu_queue *queue)
{
	struct drm_ivpu_cmdq_destroy ask = {.cmdq_id = queue->id};

	if (queue->id)
		ivpu_ioctl(queue->base.context, DRM_IOCTL_IVPU_CMDQ_DESTROY, &ask);
	queue->id = 0;
}

int ivpu_queue_init(struct accel_queue *base, const struct accel_queue_params *params,
		    int64_t deadline)
{
	struct ivpu_context *context = ivpu_context(base->context);
	struct ivpu_queue *queue = ivpu_queue(base);
	struct accel_ivpu_queue ext;
	int ret;

	(void)deadline;
	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_IVPU_QUEUE);
	if (ret < 0)
		return ret;
	if (ext.flags & ~ACCEL_IVPU_QUEUE_TURBO || ext.reserved)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x or a reserved member is set",
				       ext.flags);
	if (ext.flags && !context->queues)
		return accel_core_fail(-EOPNOTSUPP,
				       "turbo is a matter of command queues, and this kernel or "
				       "its scheduling mode has none");
	if (!base->depth)
		base->depth = RING_JOBS;
	queue->flags = ext.flags & ACCEL_IVPU_QUEUE_TURBO ? DRM_IVPU_CMDQ_FLAG_TURBO : 0;
	/* The kernel gives one errno for want of memory and of numbers. */
	if (atomic_fetch_add(&context->queue_count, 1) >= QUEUES_MAX && context->queues)
		ret = accel_core_fail(-ENOSPC, "a context of this device has %d queues",
				      QUEUES_MAX);
	else
		ret = ivpu_queue_need(queue);
	if (ret)
		atomic_fetch_sub(&context->queue_count, 1);
	return ret;
}

/* The kernel aborts the jobs of a queue that is destroyed. Another takes its place. */
int ivpu_queue_cancel(struct accel_queue *base)
{
	struct ivpu_queue *queue = ivpu_queue(base);
	struct accel_job *job;
	struct list *node;
	bool any = false;

	if (!ivpu_context(base->context)->queues)
		return 0;
	accel_core_lock(&base->lock);
	list_for_each(node, &base->jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->state != ACCEL_JOB_RUNNING)
			continue;
		atomic_store(&ivpu_job(job)->aborted, true);
		any = true;
	}
	if (any)
		destroy(queue);
	accel_core_unlock(&base->lock);
	return 0; /* the next submission makes the other */
}

void ivpu_queue_fini(struct accel_queue *base)
{
	destroy(ivpu_queue(base));
	atomic_fetch_sub(&ivpu_context(base->context)->queue_count, 1);
}
