// SPDX-License-Identifier: GPL-2.0
/*
 * The NPU's engine and its scheduler: queues, their jobs, and the commands of a job.
 *
 * A queue is a ring of entries in memory that is mapped for the firmware, a header with head and
 * tail before it. The firmware takes two jobs out of a queue ahead of their time, and moves the
 * head when it does. Queues of a higher band go first, within a band they take turns, job by job;
 * a job that waits for a fence gives way to the other queues and is looked at again when another
 * job has signalled a fence, and every millisecond, for the host can write to it too.
 *
 * A job's entry points to a command buffer in the memory of the job's context: a header, and
 * behind it commands, each with its kind and its size. Commands are done in order: no operation,
 * timestamp, wait for a fence and signal it, barrier, fill, and copy by descriptors. Inference is
 * not modelled: its command ends the job with an error, but for the form that carries a fault
 * (fault.h). What can't be a command list ends with an error, and what is not mapped is a fault of
 * the MMU, after which nothing of that context runs until the host has taken it down.
 */
#include <linux/bitfield.h>
#include <linux/ktime.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ivpu.h"

#define RING_HEAD		4	/* in a ring's header */
#define RING_TAIL		8
#define RING_HEADER_BYTES	64
#define RING_ENTRY_BYTES	64

#define COMMANDS_MOST		SZ_1M	/* bytes of a command list */

#define NOP			0x0001
#define TIMESTAMP		0x0100
#define FENCE_WAIT		0x0101
#define FENCE_SIGNAL		0x0102
#define BARRIER			0x0103
#define MEMORY_FILL		0x0202
#define COPY			0x0302
#define INFERENCE		0x0306

#define DESCRIPTOR_BYTES	64

struct ivpu_ring_entry {
	u64 batch;
	u32 job, flags;
};

struct ivpu_batch {
	u32 bytes, first, version, reserved;
	u64 descriptors, timestamp, fences, save_area;
};

struct ivpu_command {
	u16 type, bytes;
	u32 word;		/* a type, or nothing */
	u64 arguments[3];
};

struct ivpu_descriptor {
	u64 reserved[2], from, to;
	u32 bytes, reserved2[7];
};

/* How a step of a job ends; anything else that is positive is the status of the job. */
enum {
	DONE = 0,
	BLOCKED = -EAGAIN,
	STOPPED = -EINTR,	/* by an engine reset, in the middle of a command */
	FAULTED = -EFAULT,
	VOID = -ECANCELED,
	HUNG = -EIO,
};

/* --- queues, with the lock held ------------------------------------------------- */

struct ivpu_queue *ivpu_queue_by_doorbell(struct ivpu *vpu, u32 doorbell)
{
	struct ivpu_queue *queue;

	list_for_each_entry(queue, &vpu->queues, link)
		if (doorbell && queue->doorbell == doorbell)
			return queue;
	return NULL;
}

struct ivpu_queue *ivpu_queue_by_id(struct ivpu *vpu, u32 ssid, u64 id)
{
	struct ivpu_queue *queue;

	list_for_each_entry(queue, &vpu->queues, link)
		if (queue->ssid == ssid && queue->id == id)
			return queue;
	return NULL;
}

/* Move the head, once the jobs before it are taken. Returns how many entries there were. */
static u32 ivpu_ring_take(struct ivpu *vpu, struct ivpu_queue *queue,
			  struct ivpu_ring_entry *entries, u32 most)
{
	u32 head, tail, n;

	if (ivpu_access_locked(vpu, IVPU_GLOBAL, queue->base + RING_HEAD, &head, sizeof(head),
			       false) ||
	    ivpu_access_locked(vpu, IVPU_GLOBAL, queue->base + RING_TAIL, &tail, sizeof(tail),
			       false) ||
	    head >= queue->slots || tail >= queue->slots)
		return 0;
	for (n = 0; n < most && head != tail; n++, head = (head + 1) % queue->slots)
		if (ivpu_access_locked(vpu, IVPU_GLOBAL, queue->base + RING_HEADER_BYTES +
				       head * RING_ENTRY_BYTES, &entries[n], sizeof(*entries),
				       false))
			break;
	if (n)
		ivpu_access_locked(vpu, IVPU_GLOBAL, queue->base + RING_HEAD, &head, sizeof(head),
				   true);
	return n;
}

static void ivpu_fetch_jobs(struct ivpu *vpu, struct ivpu_queue *queue)
{
	struct ivpu_ring_entry entries[IVPU_FETCHED];
	u32 n, i, room = IVPU_FETCHED - queue->count;

	n = ivpu_ring_take(vpu, queue, entries, room);
	for (i = 0; i < n; i++)
		queue->jobs[queue->count++] = (struct ivpu_job){
			.id = entries[i].job,
			.batch = entries[i].batch,
		};
	if (n < room)
		queue->rung = false;
}

void ivpu_queue_free(struct ivpu *vpu, struct ivpu_queue *queue)
{
	list_del(&queue->link);
	vpu->queue_count--;
	vpu->doorbells -= !!queue->doorbell;
	if (vpu->hung == queue) {
		vpu->hung = NULL;
		rig_start(vpu->dev);
	}
	queue->dead = true;
	if (vpu->current_queue == queue)
		wake_up_all(&vpu->leave);
	else
		kfree(queue);
}

static void ivpu_add_orphan(struct ivpu *vpu, u32 ssid, u32 job)
{
	struct ivpu_orphan *orphan = kmalloc(sizeof(*orphan), GFP_ATOMIC);

	if (!orphan)
		return;
	orphan->ssid = ssid;
	orphan->job = job;
	list_add_tail(&orphan->link, &vpu->orphans);
}

void ivpu_queue_remove(struct ivpu *vpu, struct ivpu_queue *queue)
{
	struct ivpu_ring_entry entry;
	unsigned int i;

	if (!vpu->hw_scheduling) {
		for (i = 0; i < queue->count; i++)
			ivpu_add_orphan(vpu, queue->ssid, queue->jobs[i].id);
		while (ivpu_ring_take(vpu, queue, &entry, 1))
			ivpu_add_orphan(vpu, queue->ssid, entry.job);
	}
	ivpu_queue_free(vpu, queue);
}

int ivpu_queue_add(struct ivpu *vpu, u32 ssid, u64 id, u64 base, u32 bytes, u32 doorbell)
{
	struct ivpu_queue *queue;

	if (bytes < RING_HEADER_BYTES + 2 * RING_ENTRY_BYTES || doorbell >= IVPU_DOORBELLS ||
	    ssid >= IVPU_CONTEXTS || ivpu_queue_by_doorbell(vpu, doorbell) ||
	    (id && ivpu_queue_by_id(vpu, ssid, id)))
		return -EINVAL;
	queue = kzalloc(sizeof(*queue), GFP_ATOMIC);
	if (!queue)
		return -ENOMEM;
	queue->ssid = ssid;
	queue->id = id;
	queue->base = base;
	queue->slots = (bytes - RING_HEADER_BYTES) / RING_ENTRY_BYTES;
	queue->band = IVPU_BAND_NORMAL;
	queue->doorbell = doorbell;
	list_add_tail(&queue->link, &vpu->queues);
	vpu->queue_count++;
	vpu->doorbells += !!doorbell;
	return 0;
}

/* --- the commands of a job, on the engine's thread ----------------------------------- */

/* What runs now, and whether it still shall. */
struct ivpu_run {
	struct ivpu *vpu;
	struct ivpu_queue *queue;
	struct ivpu_job *job;
	unsigned int epoch;
};

static bool ivpu_is_void(struct ivpu_run *run)
{
	return READ_ONCE(run->queue->dead) || READ_ONCE(run->vpu->dev->epoch) != run->epoch;
}

static int ivpu_read(struct ivpu_run *run, u64 address, void *data, size_t bytes)
{
	return ivpu_access(run->vpu, run->epoch, run->queue->ssid, address, data, bytes, false);
}

static int ivpu_write(struct ivpu_run *run, u64 address, void *data, size_t bytes)
{
	return ivpu_access(run->vpu, run->epoch, run->queue->ssid, address, data, bytes, true);
}

static int ivpu_pass_time(struct ivpu_run *run, u64 usec)
{
	wait_event_hrtimeout(run->vpu->leave, ivpu_is_void(run) || READ_ONCE(run->vpu->stopped),
			     us_to_ktime(usec));
	return ivpu_is_void(run) ? VOID : READ_ONCE(run->vpu->stopped) ? STOPPED : DONE;
}

static int ivpu_fill(struct ivpu_run *run, u64 address, u64 bytes, u32 pattern)
{
	struct ivpu *vpu = run->vpu;
	u64 part;
	int ret;

	memset32((u32 *)vpu->bounce, pattern, sizeof(vpu->bounce) / sizeof(u32));
	for (; bytes; bytes -= part, address += part) {
		cond_resched();
		if (ivpu_is_void(run))
			return VOID;
		part = min_t(u64, bytes, sizeof(vpu->bounce));
		ret = ivpu_write(run, address, vpu->bounce, part);
		if (ret)
			return ret;
		vpu->bytes_written += part;
	}
	return DONE;
}

static int ivpu_copy_one(struct ivpu_run *run, const struct ivpu_descriptor *descriptor)
{
	struct ivpu *vpu = run->vpu;
	u32 part, done;
	int ret;

	for (done = 0; done < descriptor->bytes; done += part) {
		cond_resched();
		if (ivpu_is_void(run))
			return VOID;
		part = min_t(u32, descriptor->bytes - done, sizeof(vpu->bounce));
		ret = ivpu_read(run, descriptor->from + done, vpu->bounce, part);
		if (!ret)
			ret = ivpu_write(run, descriptor->to + done, vpu->bounce, part);
		if (ret)
			return ret;
		vpu->bytes_read += part;
		vpu->bytes_written += part;
	}
	return DONE;
}

static int ivpu_copy(struct ivpu_run *run, u64 address, u32 count)
{
	struct ivpu_descriptor descriptor;
	int ret = DONE;
	u32 i;

	for (i = 0; i < count && !ret; i++) {
		ret = ivpu_read(run, address + (u64)i * DESCRIPTOR_BYTES, &descriptor,
				sizeof(descriptor));
		if (!ret)
			ret = ivpu_copy_one(run, &descriptor);
	}
	return ret;
}

/* Another queue may wait for this one: let all be looked at again. */
static int ivpu_signal(struct ivpu_run *run, u64 address, u64 value)
{
	struct ivpu *vpu = run->vpu;
	struct ivpu_queue *queue;
	int ret = ivpu_write(run, address, &value, sizeof(value));

	spin_lock_irq(&vpu->dev->lock);
	list_for_each_entry(queue, &vpu->queues, link)
		queue->blocked = false;
	spin_unlock_irq(&vpu->dev->lock);
	return ret;
}

static int ivpu_stamp(struct ivpu_run *run, u64 address)
{
	u64 now = max_t(u64, ktime_get_ns(), 1);

	return ivpu_write(run, address, &now, sizeof(now));
}

static int ivpu_fence_wait(struct ivpu_run *run, u64 address, u64 value)
{
	u64 fence;
	int ret = ivpu_read(run, address, &fence, sizeof(fence));

	return ret ? ret : fence < value ? BLOCKED : DONE;
}

/* What a job was told to suffer before the rest of its work. */
static int ivpu_suffer(struct ivpu_run *run, const struct rig_fault *fault)
{
	struct ivpu *vpu = run->vpu;
	u8 byte;
	int ret;

	switch (fault->kind) {
	case RIG_FAULT_SLOW:
		return ivpu_pass_time(run, fault->value);
	case RIG_FAULT_HANG:
		return HUNG;
	case RIG_FAULT_STATUS:
		return fault->value ? fault->value : DONE;
	case RIG_FAULT_MMU:
		return ivpu_read(run, offset_in_page(fault->value), &byte, sizeof(byte));
	case RIG_FAULT_HEART:
		spin_lock_irq(&vpu->dev->lock);
		vpu->heart_stopped = true;
		spin_unlock_irq(&vpu->dev->lock);
		ret = ivpu_pass_time(run, fault->value);
		spin_lock_irq(&vpu->dev->lock);
		vpu->heart_stopped = false;
		spin_unlock_irq(&vpu->dev->lock);
		return ret;
	case RIG_FAULT_LINK:
		rig_pci_pull(vpu->dev, fault->value);
		return HUNG;
	case RIG_FAULT_CRASH:
		spin_lock_irq(&vpu->dev->lock);
		vpu->dead = true;
		spin_unlock_irq(&vpu->dev->lock);
		return HUNG;
	case RIG_FAULT_BUS:
	case RIG_FAULT_LOST:
		/* At the end of the job. */
		run->job->fault = *fault;
		return DONE;
	default:
		return STATUS_NOT_IMPLEMENTED;
	}
}

static int ivpu_infer(struct ivpu_run *run, u64 id)
{
	const struct rig_fault fault = { id >> 32 & 0xffff, lower_32_bits(id) };

	if (id >> 48 != RIG_IVPU_FAULT)
		return STATUS_NOT_IMPLEMENTED;
	return ivpu_suffer(run, &fault);
}

/* Bytes that a command of the kind has at least; 0 if there is no such command. */
static unsigned int ivpu_command_bytes(u16 type)
{
	switch (type) {
	case NOP:
	case BARRIER:
		return 4;
	case TIMESTAMP:
	case INFERENCE:
		return 16;
	case COPY:
		return 20;
	case FENCE_WAIT:
	case FENCE_SIGNAL:
		return 24;
	case MEMORY_FILL:
		return 28;
	default:
		return 0;
	}
}

static int ivpu_command(struct ivpu_run *run, const struct ivpu_command *command)
{
	const struct ivpu_job *job = run->job;
	const u64 *arguments = command->arguments;

	switch (command->type) {
	case TIMESTAMP:
		return ivpu_stamp(run, arguments[0]);
	case FENCE_WAIT:
		return ivpu_fence_wait(run, job->fences + arguments[0], arguments[1]);
	case FENCE_SIGNAL:
		return ivpu_signal(run, job->fences + arguments[0], arguments[1]);
	case MEMORY_FILL:
		return ivpu_fill(run, arguments[0], arguments[1], lower_32_bits(arguments[2]));
	case COPY:
		return ivpu_copy(run, job->descriptors + arguments[0],
				 lower_32_bits(arguments[1]));
	case INFERENCE:
		return ivpu_infer(run, arguments[0]);
	default:
		return DONE;
	}
}

static int ivpu_start_job(struct ivpu_run *run)
{
	struct ivpu_job *job = run->job;
	struct ivpu_batch batch;
	struct rig_fault fault;
	int ret;

	job->started = true;
	fault = rig_job_fault(run->vpu->dev);
	ret = ivpu_read(run, job->batch, &batch, sizeof(batch));
	if (ret)
		return ret;
	if (batch.bytes < sizeof(batch) || batch.bytes > COMMANDS_MOST ||
	    batch.first < sizeof(batch) || batch.first > batch.bytes || batch.first % 4)
		return STATUS_PARSING_ERR;
	job->at = batch.first;
	job->end = batch.bytes;
	job->descriptors = batch.descriptors;
	job->fences = batch.fences;
	return fault.kind ? ivpu_suffer(run, &fault) : DONE;
}

static int ivpu_next_command(struct ivpu_run *run)
{
	struct ivpu_command command = { .type = 0 };
	struct ivpu_job *job = run->job;
	unsigned int bytes;
	int ret;

	if (job->end - job->at < 4)
		return STATUS_PARSING_ERR;
	ret = ivpu_read(run, job->batch + job->at, &command, 4);
	if (ret)
		return ret;
	bytes = ivpu_command_bytes(command.type);
	if (!bytes || command.bytes < bytes || command.bytes % 4 ||
	    command.bytes > job->end - job->at)
		return STATUS_PARSING_ERR;
	ret = ivpu_read(run, job->batch + job->at, &command,
			min_t(size_t, command.bytes, sizeof(command)));
	if (!ret)
		ret = ivpu_command(run, &command);
	if (ret != BLOCKED && ret != STOPPED) {
		job->at += command.bytes;
		run->vpu->commands_done++;
	}
	return ret;
}

static int ivpu_run_job(struct ivpu_run *run)
{
	struct ivpu_job *job = run->job;
	int ret = DONE;

	if (!job->started)
		ret = ivpu_start_job(run);
	while (!ret && job->at < job->end && !READ_ONCE(run->vpu->stopped)) {
		if (ivpu_is_void(run))
			return VOID;
		cond_resched();
		ret = ivpu_next_command(run);
	}
	return ret;
}

/* --- the scheduler ---------------------------------------------------------------------- */

/* The queue whose turn it is, with the lock held. */
static struct ivpu_queue *ivpu_pick(struct ivpu *vpu)
{
	struct ivpu_queue *queue, *best = NULL;

	if (!vpu->running || vpu->dead || vpu->stopped || vpu->hung)
		return NULL;
	list_for_each_entry(queue, &vpu->queues, link) {
		if (queue->rung && queue->count < IVPU_FETCHED)
			ivpu_fetch_jobs(vpu, queue);
		if (queue->count && !queue->blocked && !queue->faulted &&
		    (!best || queue->band > best->band))
			best = queue;
	}
	return best;
}

/* Nothing of the context runs any more: the host is about to take it down. */
static void ivpu_fault_context(struct ivpu *vpu, u32 ssid)
{
	struct ivpu_queue *queue;

	list_for_each_entry(queue, &vpu->queues, link)
		if (queue->ssid == ssid)
			queue->faulted = true;
}

static void ivpu_end_job(struct ivpu *vpu, struct ivpu_queue *queue, u32 status)
{
	struct ivpu_job job = queue->jobs[0];
	bool reset = status == STATUS_PROCESSING_ERR ||
		     (status >= STATUS_RESET_FIRST && status <= STATUS_RESET_LAST);

	vpu->jobs_done++;
	ivpu_metric_sample(vpu);
	if (reset) {
		/* It stays: the host may want to be told once more, when it releases the context. */
		ivpu_fault_context(vpu, queue->ssid);
	} else {
		queue->jobs[0] = queue->jobs[1];
		queue->count--;
	}
	if (job.fault.kind == RIG_FAULT_BUS)
		ivpu_bus_error(vpu);
	else if (job.fault.kind != RIG_FAULT_LOST)
		ivpu_job_done(vpu, queue, job.id, status);
}

/* What became of the current queue's first job. With the lock held. */
static void ivpu_leave(struct ivpu *vpu, struct ivpu_run *run, int ret)
{
	struct ivpu_queue *queue = run->queue;

	vpu->current_queue = NULL;
	if (queue->dead) {
		kfree(queue);
		return;
	}
	if (vpu->dev->epoch != run->epoch || ret == VOID)
		return;
	switch (ret) {
	case BLOCKED:
		queue->blocked = true;
		break;
	case STOPPED:
		queue->stopped = true;
		break;
	case FAULTED:
		ivpu_fault_context(vpu, queue->ssid);
		break;
	case HUNG:
		vpu->hung = queue;
		ivpu_fault_context(vpu, queue->ssid);
		break;
	default:
		if (ret || run->job->at == run->job->end)
			ivpu_end_job(vpu, queue, ret);
	}
	/* Behind the others of its band. */
	list_move_tail(&queue->link, &vpu->queues);
}

void ivpu_engine_run(struct rig_device *dev)
{
	struct ivpu *vpu = dev->priv;
	struct ivpu_queue *queue;
	struct ivpu_run run = { .vpu = vpu };
	bool blocked = false;
	int ret;

	spin_lock_irq(&dev->lock);
	list_for_each_entry(queue, &vpu->queues, link)
		queue->blocked = false;
	while ((run.queue = ivpu_pick(vpu))) {
		run.job = &run.queue->jobs[0];
		run.epoch = dev->epoch;
		vpu->current_queue = run.queue;
		spin_unlock_irq(&dev->lock);
		ret = ivpu_run_job(&run);
		spin_lock_irq(&dev->lock);
		ivpu_leave(vpu, &run, ret);
		ivpu_ipc_go_on(vpu);
	}
	list_for_each_entry(queue, &vpu->queues, link)
		blocked |= queue->blocked && !queue->faulted;
	spin_unlock_irq(&dev->lock);
	if (blocked)
		hrtimer_start(&vpu->look_again, ms_to_ktime(1), HRTIMER_MODE_REL);
}

static enum hrtimer_restart ivpu_look_again(struct hrtimer *timer)
{
	struct ivpu *vpu = container_of(timer, struct ivpu, look_again);

	rig_start(vpu->dev);
	return HRTIMER_NORESTART;
}

bool ivpu_engine_settled(struct ivpu *vpu)
{
	return !vpu->current_queue || !(vpu->current_queue->dead || vpu->stopped);
}

void ivpu_engine_stop(struct ivpu *vpu)
{
	vpu->stopped = true;
	wake_up_all(&vpu->leave);
}

void ivpu_engine_reset(struct ivpu *vpu)
{
	vpu->hung = NULL;
	vpu->heart_stopped = false;
	wake_up_all(&vpu->leave);
}

void ivpu_engine_init(struct ivpu *vpu)
{
	init_waitqueue_head(&vpu->leave);
	hrtimer_setup(&vpu->look_again, ivpu_look_again, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}
