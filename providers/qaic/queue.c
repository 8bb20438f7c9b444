/* SPDX-License-Identifier: MIT */
/*
 * Queues of qaic: DMA bridge channels, which the firmware activates and takes back.
 *
 * A channel can be taken away: its sub-system restarts, or the whole device does. The kernel then
 * says EPERM of it, until this same file is given a channel of that number again: from then on
 * the old queue's calls would reach the new one's. So a queue whose number is given out
 * again is lost from that moment, and never gives the channel back.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <string.h>

#define DEPTH_DEFAULT    64
#define ELEMENTS_DEFAULT 1024
#define DEACTIVATE_TRIES 3

/* ---- channels ------------------------------------------------------------------------------- */

void qaic_queue_lose(struct qaic_context *context, uint32_t channel, const struct qaic_queue *but)
{
	struct qaic_queue *queue;
	struct list *node;

	pthread_mutex_lock(&context->list_lock);
	list_for_each(node, &context->queues) {
		queue = list_entry(node, struct qaic_queue, link);
		if (queue != but && atomic_load(&queue->channel) == channel)
			atomic_store(&queue->lost, true);
	}
	pthread_mutex_unlock(&context->list_lock);
}

/* Waiting for no buffer at all fails at once, and first because of the channel. */
bool qaic_queue_look(struct qaic_queue *queue)
{
	const uint64_t activation = atomic_load(&queue->activation);
	struct qaic_wait ask = {.timeout = 1, .dbc_id = atomic_load(&queue->channel)};
	int ret;

	if (!activation || atomic_load(&queue->lost))
		return !atomic_load(&queue->lost);
	ret = accel_core_ioctl(queue->base.context->fd, DRM_IOCTL_QAIC_WAIT_BO, &ask);
	if (ret == -ENOENT)
		return true;
	/* One that is cancelled is without a channel for a while. */
	if (atomic_load(&queue->changing) || atomic_load(&queue->activation) != activation)
		return true;
	if (ret == -ENODEV)
		qaic_look(queue->base.context);
	atomic_store(&queue->lost, true);
	return false;
}

static int activation_failed(struct accel_context *context, const struct qaic_message *message,
			     int err)
{
	const struct qaic_manage_trans_activate_from_dev *answer;

	answer = qaic_message_find(message, QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(*answer));
	if (err == -ECANCELED && answer && answer->status)
		return accel_core_fail(-ENOSPC, "the firmware gives no channel: status %u",
				       answer->status);
	return qaic_talk_failed(context, err, "activating a channel");
}

/* Under channel_lock. */
static int activate(struct qaic_queue *queue, int64_t deadline)
{
	struct qaic_context *context = qaic_context(queue->base.context);
	const struct qaic_manage_trans_activate_from_dev *answer;
	const struct qaic_manage_trans_activate_to_dev ask = {
		.hdr = {QAIC_TRANS_ACTIVATE_FROM_USR, sizeof(ask)},
		.queue_size = queue->elements,
		.options = queue->options,
	};
	struct qaic_message message = {0};
	int ret;

	if (queue->network_bytes)
		memcpy(message.data, queue->network, queue->network_bytes);
	message.bytes = queue->network_bytes;
	message.count = queue->network_count;
	qaic_message_add(&message, &ask, sizeof(ask));
	ret = qaic_talk(&context->base, &message, deadline);
	if (ret)
		return activation_failed(&context->base, &message, ret);
	answer = qaic_message_find(&message, QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(*answer));
	if (!answer)
		return accel_core_fail(-EIO, "the firmware did not say which channel");
	atomic_store(&queue->channel, answer->dbc_id);
	qaic_queue_lose(context, answer->dbc_id, queue);
	atomic_store(&queue->activation, ++context->activations);
	return 0;
}

/* Under channel_lock. The kernel waits until nobody sleeps in WAIT_BO on it. */
static int deactivate(struct qaic_queue *queue)
{
	const struct qaic_manage_trans_deactivate ask = {
		.hdr = {QAIC_TRANS_DEACTIVATE_FROM_USR, sizeof(ask)},
		.dbc_id = atomic_load(&queue->channel),
	};
	unsigned int tries = DEACTIVATE_TRIES;
	struct qaic_message message;
	int ret;

	do {
		message.bytes = message.count = 0;
		qaic_message_add(&message, &ask, sizeof(ask));
		ret = qaic_talk(queue->base.context, &message, ACCEL_NO_DEADLINE);
	} while (ret == -ECANCELED && --tries);
	return ret;
}

/* ---- making and ending ------------------------------------------------------------------------ */

static int take_network(struct qaic_queue *queue, const struct accel_qaic_queue *ext)
{
	struct qaic_message message = {0};
	int ret;

	ret = qaic_message_add_parts(&message, ext->network, ext->network_count);
	if (ret)
		return ret;
	if (message.bytes > sizeof(message.data) - sizeof(struct qaic_manage_trans_activate_to_dev))
		return accel_core_fail(-E2BIG, "with the activation the network's message is "
					       "longer than 4096 bytes");
	if (!message.bytes)
		return 0;
	queue->network = accel_core_sys.alloc(message.bytes);
	if (!queue->network)
		return accel_core_fail(-ENOMEM, "no memory for the network's message");
	memcpy(queue->network, message.data, message.bytes);
	queue->network_bytes = message.bytes;
	queue->network_count = message.count;
	return 0;
}

int qaic_queue_init(struct accel_queue *base, const struct accel_queue_params *params,
		    int64_t deadline)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_queue *queue = qaic_queue(base);
	struct accel_qaic_queue ext;
	int ret;

	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_QAIC_QUEUE);
	if (ret < 0)
		return ret;
	if (ext.reserved)
		return accel_core_fail(-EINVAL, "a reserved member is set");
	if (ext.elements == 1 || ext.elements > QAIC_ELEMENTS_MAX)
		return accel_core_fail(-EINVAL, "a ring of %u elements: it has 2 to %u",
				       ext.elements, QAIC_ELEMENTS_MAX);
	queue->elements = ext.elements ? ext.elements : ELEMENTS_DEFAULT;
	queue->options = ext.options;
	if (!base->depth)
		base->depth = DEPTH_DEFAULT;
	ret = take_network(queue, &ext);
	if (ret)
		return ret;
	pthread_mutex_lock(&context->channel_lock);
	ret = activate(queue, deadline);
	if (!ret) {
		pthread_mutex_lock(&context->list_lock);
		list_append(&context->queues, &queue->link);
		pthread_mutex_unlock(&context->list_lock);
	}
	pthread_mutex_unlock(&context->channel_lock);
	if (ret)
		accel_core_sys.free(queue->network);
	return ret;
}

void qaic_queue_fini(struct accel_queue *base)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_queue *queue = qaic_queue(base);
	int ret = 0;

	pthread_mutex_lock(&context->channel_lock);
	pthread_mutex_lock(&context->list_lock);
	list_del(&queue->link);
	pthread_mutex_unlock(&context->list_lock);
	if (!atomic_load(&queue->lost))
		ret = deactivate(queue);
	pthread_mutex_unlock(&context->channel_lock);
	if (ret)
		accel_core_log(ACCEL_LOG_WARNING,
			       "channel %u was not given back, closing the device will: %s",
			       atomic_load(&queue->channel), strerror(-ret));
	accel_core_sys.free(queue->network);
}

/* ---- cancelling ----------------------------------------------------------------------------------- */

/* Whether a job that is to be cancelled is with the device, and has not ended. Keeps how those
 * ended that have, for the kernel forgets it with the channel. */
static bool must_stop(struct qaic_queue *queue)
{
	struct accel_job *job;
	struct list *node;
	bool found = false;

	list_for_each(node, &queue->base.jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->state == ACCEL_JOB_RUNNING && !qaic_job_settle(qaic_job(job)))
			found |= job->canceled;
	}
	return found;
}

/* The channel goes back, and with it all that is in its ring; then another is taken. */
int qaic_queue_cancel(struct accel_queue *base)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_queue *queue = qaic_queue(base);
	bool changes;
	int ret;

	pthread_mutex_lock(&context->channel_lock);
	pthread_mutex_lock(&base->lock);
	changes = !atomic_load(&queue->lost) && must_stop(queue);
	queue->changing = changes;
	pthread_mutex_unlock(&base->lock);
	if (!changes)
		goto out;
	ret = deactivate(queue);
	/* From here on none of its jobs is with the device. */
	atomic_store(&queue->activation, 0);
	if (!ret)
		ret = activate(queue, ACCEL_NO_DEADLINE);
	if (ret) {
		atomic_store(&queue->lost, true);
		accel_core_log(ACCEL_LOG_WARNING, "a queue is lost after cancelling: %s",
			       strerror(-ret));
	}
	pthread_mutex_lock(&base->lock);
	queue->changing = false;
	pthread_mutex_unlock(&base->lock);
out:
	pthread_mutex_unlock(&context->channel_lock);
	return 0;
}

/* ---- for applications ---------------------------------------------------------------------------- */

int accel_qaic_queue_get_info(struct accel_queue *base, struct accel_qaic_queue_info *out)
{
	struct qaic_queue *queue = qaic_queue(base);
	struct accel_qaic_queue_info info;
	struct qaic_context *context;
	int ret;

	ret = accel_core_enter(base ? base->context : NULL, NAME);
	if (ret)
		return ret;
	context = qaic_context(base->context);
	info = (struct accel_qaic_queue_info){
		.size = sizeof(info),
		.channel = atomic_load(&queue->channel),
		.elements = queue->elements,
	};
	info.state = qaic_channel_state(base->context, info.channel);
	qaic_queue_look(queue);
	info.lost = atomic_load(&queue->lost);
	pthread_mutex_lock(&context->slice_lock);
	info.used = queue->used;
	pthread_mutex_unlock(&context->slice_lock);
	return accel_core_params_out(out, &info, sizeof(info));
}
