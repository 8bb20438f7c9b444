/* SPDX-License-Identifier: MIT */
/* qaic: Qualcomm's Cloud AI cards. The descriptor, contexts, facts. */
#include "qaic_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX    1024
#define CHANNELS_MAX 64 /* to look for: the driver has 16 */

/* ---- the device ------------------------------------------------------------------------------- */

void qaic_look(struct accel_context *context)
{
	struct qaic_mmap_bo ask = {.handle = 0}; /* of no buffer: does nothing */
	const int ret = accel_core_ioctl(context->fd, DRM_IOCTL_QAIC_MMAP_BO, &ask);

	if (ret == -ENODEV)
		accel_core_context_set_state(
			context, accel_core_device_gone(context) ? ACCEL_GONE : ACCEL_OFFLINE);
}

int qaic_ioctl_undisturbed(int fd, unsigned long request, void *arg)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = accel_core_sys.ioctl(fd, request, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* They are with the kernel's accel device, below that of the bus. */
static int channel_attr(struct accel_context *context, uint32_t channel, char *buf, size_t bytes)
{
	struct accel_device_info info = {.size = sizeof(info)};
	char attr[128];
	int ret;

	ret = accel_device_get_info(context->device, &info);
	if (ret)
		return ret;
	snprintf(attr, sizeof(attr), "accel/%s/dbc%u_state", info.name, channel);
	return accel_core_device_attr(context, attr, buf, bytes);
}

uint32_t qaic_channel_count(struct accel_context *context)
{
	uint32_t count = 0;
	char text[32];

	while (count < CHANNELS_MAX && channel_attr(context, count, text, sizeof(text)) > 0)
		count++;
	return count;
}

uint32_t qaic_channel_state(struct accel_context *context, uint32_t channel)
{
	unsigned long state;
	char text[32], *end;

	if (channel_attr(context, channel, text, sizeof(text)) <= 0)
		return ACCEL_QAIC_UNKNOWN;
	state = strtoul(text, &end, 10);
	return end == text || state > ACCEL_QAIC_AFTER_POWER_UP ? ACCEL_QAIC_UNKNOWN
								: (uint32_t)state;
}

/* ---- contexts ---------------------------------------------------------------------------------- */

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	struct qaic_context *own = qaic_context(context);

	(void)deadline;
	if (ext)
		return accel_core_fail(-EINVAL, "opening takes no struct of this driver");
	list_init(&own->queues);
	list_init(&own->spares);
	list_init(&own->talks);
	own->detached = 1;
	own->events = -1;
	context->waits = ACCEL_WAITS_NONE;
	return 0;
}

static void context_fini(struct accel_context *context)
{
	struct qaic_context *own = qaic_context(context);

	qaic_talks_end(own);
	qaic_spares_end(own);
	if (!atomic_load(&context->state))
		qaic_look(context);
	qaic_events_end(own);
	/* Closing the file of a driver that was unbound uses what the kernel has freed. */
	if (atomic_load(&context->state) && accel_core_device_gone(context)) {
		accel_core_park(context->fd, NULL, 0, true);
		context->fd = -1;
	}
}

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	switch (key) {
	case ACCEL_HAS_IMPORT:
	case ACCEL_HAS_EXPORT:
	case ACCEL_HAS_ISOLATION:
	case ACCEL_HAS_STATE_FD:
		*value = ACCEL_NATIVE;
		return 0;
	case ACCEL_HAS_WAIT_FENCES:
	case ACCEL_HAS_FENCE_FD:
	case ACCEL_HAS_CANCEL:  /* of what runs where the network says how */
	case ACCEL_HAS_OUTCOME: /* of jobs with a word to check */
		*value = ACCEL_EMULATED;
		return 0;
	case ACCEL_QUEUES_PARALLEL:
		*value = qaic_channel_count(context);
		return *value ? 0 : -EOPNOTSUPP;
	case ACCEL_QUEUE_DEPTH_MAX:
		*value = DEPTH_MAX;
		return 0;
	case ACCEL_PRIORITY_MIN:
	case ACCEL_PRIORITY_MAX:
	case ACCEL_JOB_BO_ALIAS:
	case ACCEL_COMMANDS_BYTES_MAX:
	case ACCEL_COMMANDS_ALIGN:
	case ACCEL_COMMANDS_SEALED:
		*value = 0;
		return 0;
	case ACCEL_JOB_BOS_MAX: /* statistics count with 16 bits */
		*value = UINT16_MAX;
		return 0;
	case ACCEL_JOB_BO_ONCE:
		*value = 2;
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
	.context_child = qaic_context_child,
	.context_look = qaic_look,
	.context_fd = qaic_context_fd,
	.context_event = qaic_context_event,
	.query = query,
	.bo_init = qaic_bo_init,
	.bo_import = qaic_bo_import,
	.bo_import_key = qaic_bo_import_key,
	.bo_export = qaic_bo_export,
	.bo_map = qaic_bo_map,
	.bo_begin = qaic_bo_begin,
	.bo_end = qaic_bo_end,
	.bo_fini = qaic_bo_fini,
	.queue_init = qaic_queue_init,
	.queue_cancel = qaic_queue_cancel,
	.queue_fini = qaic_queue_fini,
	.job_init = qaic_job_init,
	.job_set_bo = qaic_job_set_bo,
	.job_fini = qaic_job_fini,
	.submit = qaic_submit,
	.job_poll = qaic_job_poll,
	.job_wait = qaic_job_wait,
	.job_release = qaic_job_release,
};

static const char *const drivers[] = {NAME, NULL};

const struct accel_provider ACCEL_PROVIDER_SYMBOL = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(struct accel_provider),
	.name = NAME,
	.drivers = drivers,
	.context_size = sizeof(struct qaic_context),
	.bo_size = sizeof(struct qaic_bo),
	.queue_size = sizeof(struct qaic_queue),
	.job_size = sizeof(struct qaic_job),
	.ops = &ops,
	.ioctls = qaic_ioctls,
};
