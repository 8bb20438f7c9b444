/* SPDX-License-Identifier: MIT */
/*
 * Queues of qaic: DMA bridge channels, which the firmware activates.
 *
 * Giving one back is a message of the network's own: what the kernel has for it only shuts the
 * channel on this side, never tells the device, and so leaves a number behind that hangs whoever
 * is given it next. So it isn't used, and a channel whose network says no way to give it back stays
 * with the context.
 *
 * A channel can be taken away: its sub-system restarts, or the whole device does. The kernel then
 * says EPERM of it, until this same file is given a channel of that number again: from then on
 * the old queue's calls would reach the new one's. So a queue whose number is given out again is
 * lost from that moment.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <string.h>

#define DEPTH_DEFAULT    64
#define ELEMENTS_DEFAULT 1024

/* ---- channels ------------------------------------------------------------------------------- */

void qaic_queue_lose(struct qaic_context *context, uint32_t channel, const struct qaic_queue *but)
{
	struct qaic_spare *spare;
	struct qaic_queue *queue;
	struct list *node, *after;

	accel_core_lock(&context->list_lock);
	list_for_each(node, &context->queues) {
		queue = list_entry(node, struct qaic_queue, link);
		if (queue != but && atomic_load(&queue->channel) == channel)
			atomic_store(&queue->lost, true);
	}
	list_for_each_safe(node, after, &context->spares) {
		spare = list_entry(node, struct qaic_spare, link);
		if (spare->channel == channel) {
			list_del(node);
			qaic_spare_free(spare);
		}
	}
	accel_core_unlock(&context->list_lock);
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

static void add(struct qaic_message *message, const struct qaic_parts *parts)
{
	if (parts->bytes)
		memcpy(message->data + message->bytes, parts->data, parts->bytes);
	message->bytes += parts->bytes;
	message->count += parts->count;
}

/* Under channel_lock. */
static void take(struct qaic_queue *queue, uint32_t channel)
{
	struct qaic_context *context = qaic_context(queue->base.context);

	qaic_queue_lose(context, channel, queue);
	atomic_store(&queue->channel, channel);
	atomic_store(&queue->activation, ++context->activations);
}

static int activate(struct qaic_queue *queue, int64_t deadline)
{
	struct accel_context *context = queue->base.context;
	const struct qaic_manage_trans_activate_from_dev *answer;
	const struct qaic_manage_trans_activate_to_dev ask = {
		.hdr = {QAIC_TRANS_ACTIVATE_FROM_USR, sizeof(ask)},
		.queue_size = queue->elements,
		.options = queue->options,
	};
	struct qaic_message message = {0};
	int ret;

	add(&message, &queue->network);
	qaic_message_add(&message, &ask, sizeof(ask));
	ret = qaic_talk(context, &message, &queue->spare, deadline);
	if (ret)
		return activation_failed(context, &message, ret);
	answer = qaic_message_find(&message, QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(*answer));
	if (!answer)
		return accel_core_fail(-EIO, "the firmware did not say which channel");
	take(queue, answer->dbc_id);
	return 0;
}

/* Under channel_lock: 0 if it is given back, or was not ours any more. */
static int deactivate(struct qaic_queue *queue)
{
	struct qaic_message message = {0};
	const uint32_t channel = atomic_load(&queue->channel);
	struct qaic_wait look = {.timeout = 1, .dbc_id = channel};
	int ret;

	add(&message, &queue->release);
	memcpy(message.data + sizeof(struct qaic_manage_trans_hdr) + queue->release_channel,
	       &channel, sizeof(channel));
	ret = qaic_talk(queue->base.context, &message, NULL, ACCEL_NO_DEADLINE);
	if (ret)
		return ret;
	/* The kernel keeps it from the answer that the device let go of it; or that it didn't. */
	ret = accel_core_ioctl(queue->base.context->fd, DRM_IOCTL_QAIC_WAIT_BO, &look);
	return ret == -ENOENT ? -EBUSY : 0;
}

/* ---- spare ones --------------------------------------------------------------------------------- */

void qaic_spare_free(struct qaic_spare *spare)
{
	if (spare)
		accel_core_sys.free(spare->network.data);
	accel_core_sys.free(spare);
}

void qaic_spares_end(struct qaic_context *context)
{
	struct list *node, *after;

	list_for_each_safe(node, after, &context->spares) {
		list_del(node);
		qaic_spare_free(list_entry(node, struct qaic_spare, link));
	}
}

static int copy_parts(struct qaic_parts *to, const void *data, uint32_t bytes, uint32_t count)
{
	if (!bytes)
		return 0;
	to->data = accel_core_sys.alloc(bytes);
	if (!to->data)
		return accel_core_fail(-ENOMEM, "no memory for a network's message");
	memcpy(to->data, data, bytes);
	to->bytes = bytes;
	to->count = count;
	return 0;
}

/* Made before there is a channel, so that it can't fail when it is needed. */
static int make_spare(struct qaic_queue *queue)
{
	struct qaic_spare *spare = accel_core_sys.alloc(sizeof(*spare));
	int ret;

	if (!spare)
		return accel_core_fail(-ENOMEM, "no memory for a channel");
	list_init(&spare->link);
	spare->elements = queue->elements;
	spare->options = queue->options;
	ret = copy_parts(&spare->network, queue->network.data, queue->network.bytes,
			 queue->network.count);
	if (ret) {
		accel_core_sys.free(spare);
		return ret;
	}
	queue->spare = spare;
	return 0;
}

static bool is_for(const struct qaic_spare *spare, const struct qaic_queue *queue)
{
	return spare->elements == queue->elements && spare->options == queue->options &&
	       spare->network.bytes == queue->network.bytes &&
	       (!spare->network.bytes ||
		!memcmp(spare->network.data, queue->network.data, spare->network.bytes));
}

static struct qaic_spare *find_spare(struct qaic_context *context, const struct qaic_queue *queue)
{
	struct qaic_spare *spare, *found = NULL;
	struct list *node;

	accel_core_lock(&context->list_lock);
	list_for_each(node, &context->spares) {
		spare = list_entry(node, struct qaic_spare, link);
		if (is_for(spare, queue)) {
			found = spare;
			list_del(node);
			break;
		}
	}
	accel_core_unlock(&context->list_lock);
	return found;
}

/* Under channel_lock: take a spare channel that still is ours. */
static bool take_spare(struct qaic_queue *queue)
{
	struct qaic_context *context = qaic_context(queue->base.context);
	struct qaic_spare *spare;

	while ((spare = find_spare(context, queue))) {
		take(queue, spare->channel);
		qaic_spare_free(spare);
		if (qaic_queue_look(queue))
			return true;
		atomic_store(&queue->lost, false);
		atomic_store(&queue->activation, 0);
	}
	return false;
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
		return accel_core_fail(-E2BIG,
				       "with the activation the network's message is "
				       "longer than %u bytes",
				       ACCEL_QAIC_MESSAGE_MAX);
	return copy_parts(&queue->network, message.data, message.bytes, message.count);
}

static int take_release(struct qaic_queue *queue, const struct accel_qaic_queue *ext)
{
	struct qaic_message message = {0};
	int ret;

	if (!ext->release_count)
		return 0;
	ret = qaic_message_add_parts(&message, ext->release, ext->release_count);
	if (ret)
		return ret;
	if (ext->release[0].kind != ACCEL_QAIC_PASSTHROUGH || ext->release_channel % 4 ||
	    ext->release_channel >= ext->release[0].bytes)
		return accel_core_fail_at(-EINVAL, 0, UINT64_MAX,
					  "the channel's number does not go to byte %u of the "
					  "message that gives it back",
					  ext->release_channel);
	queue->release_channel = ext->release_channel;
	return copy_parts(&queue->release, message.data, message.bytes, message.count);
}

static void free_own(struct qaic_queue *queue)
{
	qaic_spare_free(queue->spare);
	accel_core_sys.free(queue->network.data);
	accel_core_sys.free(queue->release.data);
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
	if (!ret)
		ret = take_release(queue, &ext);
	if (!ret)
		ret = make_spare(queue);
	if (ret)
		goto no_queue;
	accel_core_lock(&context->channel_lock);
	if (!take_spare(queue))
		ret = activate(queue, deadline);
	if (!ret) {
		accel_core_lock(&context->list_lock);
		list_append(&context->queues, &queue->link);
		accel_core_unlock(&context->list_lock);
	}
	accel_core_unlock(&context->channel_lock);
	if (!ret)
		return 0;
no_queue:
	free_own(queue);
	return ret;
}

void qaic_queue_fini(struct accel_queue *base)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_queue *queue = qaic_queue(base);
	bool stays;
	int ret = 0;

	accel_core_lock(&context->channel_lock);
	accel_core_lock(&context->list_lock);
	list_del(&queue->link);
	accel_core_unlock(&context->list_lock);
	stays = !atomic_load(&queue->lost) && !queue->release.bytes;
	if (!atomic_load(&queue->lost) && queue->release.bytes)
		ret = deactivate(queue);
	if ((stays || ret) && queue->spare) {
		queue->spare->channel = atomic_load(&queue->channel);
		accel_core_lock(&context->list_lock);
		list_append(&context->spares, &queue->spare->link);
		accel_core_unlock(&context->list_lock);
		queue->spare = NULL;
	}
	accel_core_unlock(&context->channel_lock);
	if (ret && !atomic_load(&context->base.state))
		accel_core_log(ACCEL_LOG_WARNING, "channel %u was not given back: %s",
			       atomic_load(&queue->channel), strerror(-ret));
	free_own(queue);
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
	struct accel_error before;
	bool changes;
	int ret;

	if (!queue->release.bytes)
		return 0;
	accel_core_lock(&context->channel_lock);
	accel_core_lock(&base->lock);
	changes = !atomic_load(&queue->lost) && must_stop(queue);
	atomic_store(&queue->changing, changes);
	accel_core_unlock(&base->lock);
	if (!changes)
		goto out;
	accel_core_error_save(&before);
	ret = deactivate(queue);
	if (!ret) {
		/* From here on none of its jobs is with the device. */
		atomic_store(&queue->activation, 0);
		ret = activate(queue, ACCEL_NO_DEADLINE);
		if (ret)
			atomic_store(&queue->lost, true);
	}
	if (ret)
		accel_core_log(ACCEL_LOG_WARNING, "cancelling: %s", strerror(-ret));
	accel_core_error_restore(&before); /* the jobs are cancelled all the same */
	/* Who submits meanwhile waits with the lock. */
	atomic_store(&queue->changing, 0);
	accel_core_sys.futex_wake((const uint32_t *)&queue->changing, INT32_MAX);
out:
	accel_core_unlock(&context->channel_lock);
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
	accel_core_lock(&context->slice_lock);
	info.used = queue->used;
	accel_core_unlock(&context->slice_lock);
	return accel_core_params_out(out, &info, sizeof(info));
}
