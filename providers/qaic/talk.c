/* SPDX-License-Identifier: MIT */
/*
 * Conversations with the firmware, by the MANAGE ioctl. Three things make it dangerous:
 *  - the answer is written over the request, and may be 4 KiB whatever the request had: only
 *    a struct qaic_message is ever handed to it;
 *  - a signal makes it begin anew, and a message that was sent is sent again (a channel that is
 *    activated twice is lost for everybody): all signals are blocked;
 *  - it lasts up to a minute and can't be broken off: with a deadline it runs on a thread of
 *    its own, which is left alone when the deadline passes; a channel that it brings then is a
 *    spare one.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <string.h>

#define PART_BYTES_MEMORY sizeof(struct qaic_manage_trans_dma_xfer)

/* ---- messages --------------------------------------------------------------------------------- */

int qaic_message_add(struct qaic_message *message, const void *transaction, uint32_t bytes)
{
	if (bytes > sizeof(message->data) - message->bytes)
		return -E2BIG;
	memcpy(message->data + message->bytes, transaction, bytes);
	message->bytes += bytes;
	message->count++;
	return 0;
}

static int add_passthrough(struct qaic_message *message, const struct accel_qaic_part *part,
			   uint32_t index)
{
	struct qaic_manage_trans_hdr hdr = {.type = QAIC_TRANS_PASSTHROUGH_FROM_USR};

	if (part->bytes % 8)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "part %u has %llu bytes: they go by whole 8", index,
					  (unsigned long long)part->bytes);
	if (part->tag)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "part %u has a tag, which only memory has", index);
	if (part->bytes > sizeof(message->data) - message->bytes ||
	    part->bytes + sizeof(hdr) > sizeof(message->data) - message->bytes)
		return -E2BIG;
	hdr.len = (uint32_t)(sizeof(hdr) + part->bytes);
	memcpy(message->data + message->bytes, &hdr, sizeof(hdr));
	memcpy(message->data + message->bytes + sizeof(hdr), part->data, part->bytes);
	message->bytes += hdr.len;
	message->count++;
	return 0;
}

static int add_memory(struct qaic_message *message, const struct accel_qaic_part *part)
{
	struct qaic_manage_trans_dma_xfer xfer = {
		.hdr = {QAIC_TRANS_DMA_XFER_FROM_USR, sizeof(xfer)},
		.tag = part->tag,
		.addr = (uintptr_t)part->data,
		.size = part->bytes,
	};

	return qaic_message_add(message, &xfer, sizeof(xfer));
}

int qaic_message_add_parts(struct qaic_message *message, const struct accel_qaic_part *parts,
			   uint32_t count)
{
	uint32_t i;
	int ret;

	if (count && !parts)
		return accel_core_fail(-EINVAL, "%u parts, and no list of them", count);
	for (i = 0; i < count; i++) {
		if (!parts[i].data || !parts[i].bytes)
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX, "part %u is empty", i);
		switch (parts[i].kind) {
		case ACCEL_QAIC_PASSTHROUGH:
			ret = add_passthrough(message, &parts[i], i);
			break;
		case ACCEL_QAIC_MEMORY:
			ret = add_memory(message, &parts[i]);
			break;
		default:
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX,
						  "part %u is of no kind that is known", i);
		}
		if (ret == -E2BIG)
			return accel_core_fail_at(ret, i, UINT64_MAX,
						  "with part %u the message is longer than the %u "
						  "bytes that the kernel takes",
						  i, ACCEL_QAIC_MESSAGE_MAX);
		if (ret)
			return ret;
	}
	return 0;
}

const struct qaic_manage_trans_hdr *qaic_message_next(const struct qaic_message *message,
						      uint32_t *at)
{
	const struct qaic_manage_trans_hdr *hdr;

	if (message->bytes > sizeof(message->data) || *at > message->bytes ||
	    message->bytes - *at < sizeof(*hdr))
		return NULL;
	hdr = (const void *)(message->data + *at);
	if (hdr->len < sizeof(*hdr) || hdr->len > message->bytes - *at || hdr->len % 8)
		return NULL;
	*at += hdr->len;
	return hdr;
}

const void *qaic_message_find(const struct qaic_message *message, uint32_t type, uint32_t bytes)
{
	const struct qaic_manage_trans_hdr *hdr;
	uint32_t at = 0;

	while ((hdr = qaic_message_next(message, &at)))
		if (hdr->type == type && hdr->len >= bytes)
			return hdr;
	return NULL;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static int manage(int fd, struct qaic_message *message)
{
	struct qaic_manage_msg ask = {
		.len = message->bytes,
		.count = message->count,
		.data = (uintptr_t)message->data,
	};
	int ret;

	ret = qaic_ioctl_undisturbed(fd, DRM_IOCTL_QAIC_MANAGE, &ask);
	message->bytes = ask.len;
	message->count = ask.count;
	return ret;
}

enum talk_state {
	TALK_UNDER_WAY,
	TALK_LEFT, /* nobody waits any more */
	TALK_ENDED
};

struct talk {
	struct list link;
	struct accel_context *context;
	pthread_t thread;
	struct qaic_spare *spare;
	_Atomic uint32_t state; /* enum talk_state; futex */
	int result;
	struct qaic_message message;
};

/* Whom an activation was for has gone. */
static void keep_channel(struct talk *talk)
{
	struct qaic_context *context = qaic_context(talk->context);
	const struct qaic_manage_trans_activate_from_dev *answer;

	answer = qaic_message_find(&talk->message, QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(*answer));
	if (talk->result || !answer || answer->status || !talk->spare)
		return;
	talk->spare->channel = answer->dbc_id;
	qaic_queue_lose(context, answer->dbc_id, NULL);
	accel_core_lock(&context->list_lock);
	list_append(&context->spares, &talk->spare->link);
	accel_core_unlock(&context->list_lock);
	talk->spare = NULL;
}

static void *run(void *arg)
{
	uint32_t under_way = TALK_UNDER_WAY;
	struct talk *talk = arg;

	talk->result = manage(talk->context->fd, &talk->message);
	if (!atomic_compare_exchange_strong(&talk->state, &under_way, TALK_ENDED)) {
		keep_channel(talk);
		atomic_store(&talk->state, TALK_ENDED);
	}
	accel_core_sys.futex_wake((const uint32_t *)&talk->state, 1);
	return NULL;
}

/* Free those of the context's that have ended, or wait for all. */
static void reap(struct qaic_context *context, bool all)
{
	struct list *node, *after, done;
	struct talk *talk;

	list_init(&done);
	accel_core_lock(&context->list_lock);
	list_for_each_safe(node, after, &context->talks) {
		talk = list_entry(node, struct talk, link);
		if (!all && atomic_load(&talk->state) != TALK_ENDED)
			continue;
		list_del(node);
		list_append(&done, node);
	}
	accel_core_unlock(&context->list_lock);
	list_for_each_safe(node, after, &done) {
		talk = list_entry(node, struct talk, link);
		accel_core_sys.thread_join(talk->thread);
		qaic_spare_free(talk->spare);
		accel_core_sys.free(talk);
	}
}

void qaic_talks_end(struct qaic_context *context)
{
	reap(context, true);
}

/* Until it has ended; false: the deadline has passed, and it is left alone. */
static bool await(struct talk *talk, int64_t deadline)
{
	uint32_t under_way = TALK_UNDER_WAY;
	int ret = 0;

	while (atomic_load(&talk->state) == TALK_UNDER_WAY && ret != -ETIME)
		ret = accel_core_sys.futex_wait((const uint32_t *)&talk->state, TALK_UNDER_WAY,
						deadline);
	return !atomic_compare_exchange_strong(&talk->state, &under_way, TALK_LEFT);
}

static int talk_by_thread(struct qaic_context *context, struct qaic_message *message,
			  struct qaic_spare **spare, int64_t deadline)
{
	struct talk *talk;
	int ret;

	reap(context, false);
	talk = accel_core_sys.alloc(sizeof(*talk));
	if (!talk)
		return -ENOMEM;
	talk->context = &context->base;
	talk->message = *message;
	talk->spare = spare ? *spare : NULL;
	list_init(&talk->link);
	ret = accel_core_sys.thread_create(&talk->thread, run, talk);
	if (ret) {
		accel_core_sys.free(talk);
		return -ENOMEM;
	}
	if (!await(talk, deadline)) {
		accel_core_lock(&context->list_lock);
		list_append(&context->talks, &talk->link);
		accel_core_unlock(&context->list_lock);
		if (spare)
			*spare = NULL;
		return -ETIME;
	}
	accel_core_sys.thread_join(talk->thread);
	ret = talk->result;
	*message = talk->message;
	accel_core_sys.free(talk);
	return ret;
}

int qaic_talk(struct accel_context *context, struct qaic_message *message,
	      struct qaic_spare **spare, int64_t deadline)
{
	if (accel_core_expired(deadline))
		return -ETIME;
	if (deadline == ACCEL_NO_DEADLINE || context->open_flags & ACCEL_OPEN_NO_THREADS)
		return manage(context->fd, message);
	return talk_by_thread(qaic_context(context), message, spare, deadline);
}

int qaic_talk_failed(struct accel_context *context, int err, const char *what)
{
	switch (err) {
	case -ETIME:
		return err; /* an answer more than a failure */
	case -ENOMEM:
		return accel_core_fail(err, "%s: no memory for a conversation with the firmware",
				       what);
	case -EFAULT:
		return accel_core_fail(err, "%s: memory for the device is not mapped", what);
	case -EAGAIN:
		return accel_core_fail(err, "%s: the firmware takes no message now", what);
	case -ETIMEDOUT:
		return accel_core_fail(-EIO, "%s: the firmware does not answer", what);
	case -EPIPE:
		return accel_core_fail(-EIO, "%s: the firmware's answer is damaged", what);
	case -ECANCELED:
		return accel_core_fail(-EIO, "%s: the firmware refuses", what);
	case -ENODEV:
		qaic_look(context);
		if (atomic_load(&context->state))
			return accel_core_context_errno(context);
		return accel_core_fail(-EIO, "%s: the firmware named a channel that isn't there",
				       what);
	default:
		/* The channel to it was reset? */
		qaic_look(context);
		if (atomic_load(&context->state))
			return accel_core_context_errno(context);
		return accel_core_fail(-EIO, "%s: %s", what, strerror(-err));
	}
}

/* ---- for applications ---------------------------------------------------------------------------- */

/* The payloads of the answers, each with a head. */
static int give_answers(const struct qaic_message *message, void *answer, uint32_t *answer_bytes)
{
	const struct qaic_manage_trans_hdr *hdr;
	struct accel_qaic_answer head = {0};
	uint32_t at = 0, used = 0;
	uint8_t *to = answer;

	while ((hdr = qaic_message_next(message, &at))) {
		if (hdr->type != QAIC_TRANS_PASSTHROUGH_FROM_DEV)
			continue;
		if (hdr->len > *answer_bytes - used)
			return accel_core_fail(-ENOSPC,
					       "the answer is longer than its room of %u bytes",
					       *answer_bytes);
		head.bytes = hdr->len - (uint32_t)sizeof(*hdr);
		memcpy(to + used, &head, sizeof(head));
		memcpy(to + used + sizeof(head), hdr + 1, head.bytes);
		used += hdr->len;
	}
	*answer_bytes = used;
	return 0;
}

int accel_qaic_talk(struct accel_context *context, const struct accel_qaic_part *parts,
		    uint32_t count, void *answer, uint32_t *answer_bytes, int64_t deadline)
{
	struct qaic_message message = {0};
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	if (!count || !answer_bytes || (*answer_bytes && !answer))
		return accel_core_fail(-EINVAL, "no parts, or no room for the answer");
	ret = accel_core_context_errno(context);
	if (!ret)
		ret = qaic_message_add_parts(&message, parts, count);
	if (ret)
		return ret;
	ret = qaic_talk(context, &message, NULL, deadline);
	if (ret)
		return qaic_talk_failed(context, ret, "a message");
	return give_answers(&message, answer, answer_bytes);
}

int accel_qaic_get_info(struct accel_context *context, int64_t deadline,
			struct accel_qaic_info *out)
{
	const struct qaic_manage_trans_status_from_dev *answer;
	const struct qaic_manage_trans_status_to_dev ask = {
		.hdr = {QAIC_TRANS_STATUS_FROM_USR, sizeof(ask)},
	};
	struct qaic_message message = {0};
	struct accel_qaic_info info;
	int ret;

	ret = accel_core_enter(context, NAME);
	if (!ret)
		ret = accel_core_context_errno(context);
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	qaic_message_add(&message, &ask, sizeof(ask));
	ret = qaic_talk(context, &message, NULL, deadline);
	if (ret)
		return qaic_talk_failed(context, ret, "asking for the status");
	answer = qaic_message_find(&message, QAIC_TRANS_STATUS_FROM_DEV, sizeof(*answer));
	if (!answer)
		return accel_core_fail(-EIO, "the firmware told no status");
	info = (struct accel_qaic_info){
		.size = sizeof(info),
		.channels = qaic_channel_count(context),
		.major = answer->major,
		.minor = answer->minor,
		.flags = answer->status_flags,
	};
	return accel_core_params_out(out, &info, sizeof(info));
}
