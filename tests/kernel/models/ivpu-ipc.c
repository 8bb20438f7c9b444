// SPDX-License-Identifier: GPL-2.0
/*
 * The NPU's firmware as the host talks to it: its boot, and messages in both directions.
 *
 * A message is a header of 64 bytes that points to a payload of 128, both in memory that is mapped
 * for the firmware; its header's address goes into a FIFO. The host reuses a place that it wrote
 * to when the firmware has marked it free, and the firmware likewise: replies go into an area
 * that the boot parameters name, place after place, and wait while all of these are in use.
 *
 * A request is done at once, in the host's write to the FIFO, whatever the engine is at; the host
 * never waits for a thread of the model's. Only one that takes something away from the engine, or
 * stops it, is answered when the engine has let go of it, and those behind it after that.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ivpu.h"

/* Boot parameters */
#define HEADER_AREA		0x100
#define PAYLOAD_AREA		0x118
#define PAYLOAD_AREA_BYTES	0x120
#define RETURN_ADDRESS		0x14c
#define SCHEDULING_MODE		0x470

/* Headers of messages */
#define HEADER_BYTES		64
#define BOOT_CHANNEL		0x3ff
#define BOOT_DATA		0x424f4f54
#define ASYNC_CHANNEL		0
#define JOB_CHANNEL		11

/* Kinds of messages */
#define ENGINE_RESET		0x1100
#define REGISTER_DB		0x1102
#define UNREGISTER_DB		0x1103
#define QUERY_ENGINE_HB		0x1104
#define SSID_RELEASE		0x110e
#define METRIC_START		0x110f
#define METRIC_STOP		0x1110
#define METRIC_UPDATE		0x1111
#define METRIC_INFO		0x1112
#define CREATE_CMD_QUEUE	0x1114
#define DESTROY_CMD_QUEUE	0x1115
#define SET_CONTEXT_SCHED	0x1116
#define HWS_REGISTER_DB		0x1117
#define SET_SCHEDULING_LOG	0x1118
#define ENGINE_RESUME		0x111b
#define FREQ_CONFIG		0x111f
#define STATE_DUMP		0x11ff
#define GENERAL_FIRST		0x1200
#define D0I3_ENTER		0x1202
#define JOB_DONE		0x2100
#define ENGINE_RESET_DONE	0x2200
#define REGISTER_DB_DONE	0x2202

#define IMPACTED_MOST		2

struct ivpu_header {
	u32 data, bytes;
	u16 channel;
	u8 source, destination, status, unused[HEADER_BYTES - 13];
};

static u32 ivpu_reply_type(u32 type)
{
	switch (type) {
	case HWS_REGISTER_DB:
		return REGISTER_DB_DONE;
	case ENGINE_RESET ... METRIC_INFO:
	case SET_SCHEDULING_LOG:
	case FREQ_CONFIG ... STATE_DUMP:
	case GENERAL_FIRST ... D0I3_ENTER:
		return type + 0x1100;
	default:
		return type + 0x1101;
	}
}

/* --- to the host; all with the lock held ---------------------------------------- */

static bool ivpu_slot_is_free(struct ivpu *vpu, u32 slot)
{
	struct ivpu_header header;
	struct ivpu_jsm jsm;

	return !ivpu_access_locked(vpu, IVPU_GLOBAL, vpu->headers + slot * HEADER_BYTES, &header,
				   sizeof(header), false) &&
	       !ivpu_access_locked(vpu, IVPU_GLOBAL, vpu->messages + slot * sizeof(jsm), &jsm,
				   sizeof(jsm), false) &&
	       !header.status && !jsm.status;
}

static void ivpu_push(struct ivpu *vpu, u32 address)
{
	vpu->outbox[(vpu->out_head + vpu->out_count++) % IVPU_FIFO] = address;
}

/* Write down what is waiting, as far as there is room. */
static void ivpu_flush(struct ivpu *vpu)
{
	struct ivpu_message *message, *next;
	struct ivpu_header header;
	u32 slot = 0, status = 0;
	u64 at, jsm;

	list_for_each_entry_safe(message, next, &vpu->waiting, link) {
		while (slot < vpu->slots && !ivpu_slot_is_free(vpu, slot))
			slot++;
		if (slot == vpu->slots || vpu->out_count == IVPU_FIFO) {
			hrtimer_start(&vpu->retry, ms_to_ktime(1), HRTIMER_MODE_REL);
			break;
		}
		at = vpu->headers + slot * HEADER_BYTES;
		jsm = vpu->messages + slot * sizeof(message->jsm);
		header = (struct ivpu_header){
			.data = jsm,
			.bytes = sizeof(message->jsm),
			.channel = message->channel,
			.source = 1,
			.status = 1,
		};
		message->jsm.status = 1;
		if (!ivpu_access_locked(vpu, IVPU_GLOBAL, jsm, &message->jsm,
					sizeof(message->jsm), true) &&
		    !ivpu_access_locked(vpu, IVPU_GLOBAL, at, &header, sizeof(header), true)) {
			ivpu_push(vpu, at);
			status = ICB_MESSAGE;
		}
		list_move(&message->link, &vpu->unused);
	}
	if (status)
		ivpu_raise(vpu, status);
}

void ivpu_post(struct ivpu *vpu, u16 channel, const struct ivpu_jsm *jsm)
{
	struct ivpu_message *message;

	if (!vpu->running || vpu->dead ||
	    WARN_ONCE(list_empty(&vpu->unused), "rig: too many messages of ivpu\n"))
		return;
	message = list_first_entry(&vpu->unused, struct ivpu_message, link);
	message->channel = channel;
	message->jsm = *jsm;
	list_move_tail(&message->link, &vpu->waiting);
	ivpu_flush(vpu);
}

static enum hrtimer_restart ivpu_retry(struct hrtimer *timer)
{
	struct ivpu *vpu = container_of(timer, struct ivpu, retry);
	unsigned long flags;

	spin_lock_irqsave(&vpu->dev->lock, flags);
	ivpu_flush(vpu);
	spin_unlock_irqrestore(&vpu->dev->lock, flags);
	return HRTIMER_NORESTART;
}

u32 ivpu_ipc_pop(struct ivpu *vpu)
{
	u32 address;

	if (!vpu->out_count)
		return 0;
	address = vpu->outbox[vpu->out_head];
	vpu->out_head = (vpu->out_head + 1) % IVPU_FIFO;
	vpu->out_count--;
	return address;
}

void ivpu_job_done(struct ivpu *vpu, struct ivpu_queue *queue, u32 job, u32 status)
{
	struct ivpu_jsm jsm = { .type = JOB_DONE };

	jsm.w[1] = queue->doorbell;
	jsm.w[2] = job;
	jsm.w[3] = status;
	jsm.w[4] = queue->ssid;
	jsm.d[3] = queue->id;
	ivpu_post(vpu, JOB_CHANNEL, &jsm);
}

/* --- boot, with the lock held ------------------------------------------------------ */

static void ivpu_forget(struct ivpu *vpu)
{
	struct ivpu_queue *queue, *next_queue;
	struct ivpu_orphan *orphan, *next;

	list_for_each_entry_safe(queue, next_queue, &vpu->queues, link)
		ivpu_queue_free(vpu, queue);
	list_for_each_entry_safe(orphan, next, &vpu->orphans, link) {
		list_del(&orphan->link);
		kfree(orphan);
	}
	ivpu_metric_reset(vpu);
	vpu->stopped = false;
	vpu->dead = false;
}

/* The host waits for the message: it is there when the host's write ends. */
void ivpu_boot(struct ivpu *vpu, u64 entry)
{
	struct ivpu_header header = { .data = BOOT_DATA, .channel = BOOT_CHANNEL, .status = 1 };
	struct ivpu_entry image;
	u64 headers, messages;
	u32 bytes, mode;

	if (ivpu_access_locked(vpu, IVPU_GLOBAL, entry, &image, sizeof(image), false) ||
	    image.magic != IVPU_ENTRY_MAGIC)
		return;
	if (image.warm && vpu->warm_entry != entry)
		return;
	if (ivpu_access_locked(vpu, IVPU_GLOBAL, image.boot_parameters + HEADER_AREA, &headers,
			       sizeof(headers), false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, image.boot_parameters + PAYLOAD_AREA, &messages,
			       sizeof(messages), false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, image.boot_parameters + PAYLOAD_AREA_BYTES,
			       &bytes, sizeof(bytes), false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, image.boot_parameters + SCHEDULING_MODE, &mode,
			       sizeof(mode), false))
		return;
	if (image.warm) {
		vpu->warm_boots++;
	} else {
		ivpu_forget(vpu);
		vpu->cold_boots++;
		vpu->warm_entry = image.warm_entry;
	}
	vpu->boot_parameters = image.boot_parameters;
	vpu->headers = headers;
	vpu->messages = messages;
	vpu->slots = bytes / sizeof(struct ivpu_jsm);
	vpu->hw_scheduling = mode;
	if (ivpu_access_locked(vpu, IVPU_GLOBAL, headers, &header, sizeof(header), true))
		return;
	vpu->running = true;
	ivpu_push(vpu, headers);
	ivpu_raise(vpu, ICB_MESSAGE);
}

/* --- from the host, with the lock held ------------------------------------------------ */

static void ivpu_remove_context(struct ivpu *vpu, u32 ssid)
{
	struct ivpu_jsm done = { .type = JOB_DONE };
	struct ivpu_orphan *orphan, *next;
	struct ivpu_queue *queue, *next_queue;

	list_for_each_entry_safe(queue, next_queue, &vpu->queues, link)
		if (queue->ssid == ssid)
			ivpu_queue_remove(vpu, queue);
	list_for_each_entry_safe(orphan, next, &vpu->orphans, link) {
		if (orphan->ssid != ssid)
			continue;
		done.w[2] = orphan->job;
		done.w[3] = STATUS_ABORTED;
		done.w[4] = ssid;
		ivpu_post(vpu, JOB_CHANNEL, &done);
		list_del(&orphan->link);
		kfree(orphan);
	}
}

/*
 * Whose fault it is: the context of the job that hangs, or else those that have done something
 * that asks for a reset, or else the one that the reset has stopped at work, or else those that
 * wait for a fence.
 */
static void ivpu_name_impacted(struct ivpu *vpu, struct ivpu_jsm *reply)
{
	struct ivpu_queue *queue;
	unsigned int round, n = 0, i;

	for (round = 0; round < 4 && !n; round++)
		list_for_each_entry(queue, &vpu->queues, link) {
			if (n == IMPACTED_MOST || !(round == 0 ? queue == vpu->hung :
						    round == 1 ? queue->faulted :
						    round == 2 ? queue->stopped : queue->blocked))
				continue;
			for (i = 0; i < n && reply->w[2 + 6 * i] != queue->ssid; i++)
				;
			if (i < n)
				continue;
			reply->w[2 + 6 * n] = queue->ssid;
			reply->d[2 + 3 * n] = queue->id;
			n++;
		}
	reply->w[1] = n;
}

/* When the engine has stopped. */
static void ivpu_reset_engine(struct ivpu *vpu, struct ivpu_jsm *reply)
{
	struct ivpu_queue *queue;

	vpu->engine_resets++;
	ivpu_name_impacted(vpu, reply);
	list_for_each_entry(queue, &vpu->queues, link)
		queue->stopped = false;
	vpu->hung = NULL;
}

static int ivpu_unregister(struct ivpu *vpu, u32 doorbell)
{
	struct ivpu_queue *queue = ivpu_queue_by_doorbell(vpu, doorbell);

	if (!queue)
		return -ENOENT;
	if (vpu->hw_scheduling) {
		queue->doorbell = 0;
		vpu->doorbells--;
	} else {
		ivpu_queue_remove(vpu, queue);
	}
	return 0;
}

static int ivpu_destroy_queue(struct ivpu *vpu, u32 ssid, u64 id)
{
	struct ivpu_queue *queue = ivpu_queue_by_id(vpu, ssid, id);

	if (!queue)
		return -ENOENT;
	ivpu_queue_remove(vpu, queue);
	return 0;
}

/* What changes a queue but takes nothing away. */
static int ivpu_change_queue(struct ivpu *vpu, const struct ivpu_jsm *request)
{
	struct ivpu_queue *queue;

	if (request->type == SET_CONTEXT_SCHED) {
		queue = ivpu_queue_by_id(vpu, request->w[0], request->d[1]);
		if (!queue || request->w[4] >= IVPU_BANDS)
			return -EINVAL;
		queue->band = request->w[4];
		return 0;
	}
	queue = ivpu_queue_by_id(vpu, request->w[1], request->d[1]);
	if (!queue || !request->w[0] || request->w[0] >= IVPU_DOORBELLS ||
	    ivpu_queue_by_doorbell(vpu, request->w[0]))
		return -EINVAL;
	queue->doorbell = request->w[0];
	vpu->doorbells++;
	return 0;
}

/* Do what the request wants; what the host waits for is in the reply. */
static int ivpu_serve(struct ivpu *vpu, const struct ivpu_jsm *request, struct ivpu_jsm *reply)
{
	switch (request->type) {
	case ENGINE_RESET:
		ivpu_engine_stop(vpu);
		return 0;
	case ENGINE_RESUME:
		vpu->stopped = false;
		rig_start(vpu->dev);
		return 0;
	case REGISTER_DB:
		return ivpu_queue_add(vpu, request->w[5], 0, request->d[1], request->w[4],
				      request->w[0]);
	case UNREGISTER_DB:
		return ivpu_unregister(vpu, request->w[0]);
	case SSID_RELEASE:
		ivpu_remove_context(vpu, request->w[0]);
		return 0;
	case CREATE_CMD_QUEUE:
		return ivpu_queue_add(vpu, request->w[2], request->d[3], request->d[4],
				      request->w[10], 0);
	case DESTROY_CMD_QUEUE:
		return ivpu_destroy_queue(vpu, request->w[0], request->d[1]);
	case SET_CONTEXT_SCHED:
	case HWS_REGISTER_DB:
		return ivpu_change_queue(vpu, request);
	case METRIC_START:
	case METRIC_STOP:
	case METRIC_UPDATE:
	case METRIC_INFO:
		ivpu_metric_request(vpu, request, reply);
		return 0;
	case QUERY_ENGINE_HB:
		if (!vpu->hung && !vpu->heart_stopped)
			vpu->heartbeat++;
		reply->d[1] = vpu->heartbeat;
		return 0;
	case D0I3_ENTER:
		/* The state is in the host's memory anyway: tell where to come back to. */
		return ivpu_access_locked(vpu, IVPU_GLOBAL, vpu->boot_parameters + RETURN_ADDRESS,
					  &vpu->warm_entry, sizeof(vpu->warm_entry), true);
	default:
		return 0;
	}
}

/* Take a request from the host's memory and free its place. */
static int ivpu_fetch(struct ivpu *vpu, u32 address, struct ivpu_header *header,
		      struct ivpu_jsm *request)
{
	u8 zero = 0;
	u32 zeros = 0;

	if (ivpu_access_locked(vpu, IVPU_GLOBAL, address, header, sizeof(*header), false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, header->data, request, sizeof(*request), false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL,
			       header->data + offsetof(struct ivpu_jsm, status), &zeros,
			       sizeof(zeros), true) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, address + offsetof(struct ivpu_header, status),
			       &zero, sizeof(zero), true))
		return -EFAULT;
	return 0;
}

/* Take the next request and do what it wants. Most replies begin with the words of the request. */
static bool ivpu_begin(struct ivpu *vpu)
{
	struct ivpu_header header;
	struct ivpu_jsm request;

	if (ivpu_fetch(vpu, vpu->inbox[vpu->in_head], &header, &request))
		return false;
	vpu->reply = request;
	vpu->reply.type = ivpu_reply_type(request.type);
	vpu->reply_channel = header.channel;
	if (ivpu_serve(vpu, &request, &vpu->reply))
		vpu->reply.result = STATUS_INVALID_HANDLE;
	return true;
}

void ivpu_ipc_go_on(struct ivpu *vpu)
{
	while (vpu->in_count && vpu->running && !vpu->dead) {
		if (vpu->serving || ivpu_begin(vpu)) {
			vpu->serving = true;
			if (!ivpu_engine_settled(vpu))
				return;
			if (vpu->reply.type == ENGINE_RESET_DONE)
				ivpu_reset_engine(vpu, &vpu->reply);
			ivpu_post(vpu, vpu->reply_channel, &vpu->reply);
		}
		vpu->serving = false;
		vpu->in_head = (vpu->in_head + 1) % IVPU_FIFO;
		vpu->in_count--;
	}
}

void ivpu_ipc_write(struct ivpu *vpu, u32 address)
{
	if (vpu->in_count == IVPU_FIFO)
		return;
	vpu->inbox[(vpu->in_head + vpu->in_count++) % IVPU_FIFO] = address;
	ivpu_ipc_go_on(vpu);
}

void ivpu_ipc_reset(struct ivpu *vpu)
{
	vpu->in_count = 0;
	vpu->out_count = 0;
	vpu->serving = false;
	list_splice_init(&vpu->waiting, &vpu->unused);
}

void ivpu_ipc_init(struct ivpu *vpu)
{
	unsigned int i;

	INIT_LIST_HEAD(&vpu->queues);
	INIT_LIST_HEAD(&vpu->orphans);
	INIT_LIST_HEAD(&vpu->streams);
	INIT_LIST_HEAD(&vpu->waiting);
	INIT_LIST_HEAD(&vpu->unused);
	for (i = 0; i < IVPU_MESSAGES; i++)
		list_add_tail(&vpu->pool[i].link, &vpu->unused);
	hrtimer_setup(&vpu->retry, ivpu_retry, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}
