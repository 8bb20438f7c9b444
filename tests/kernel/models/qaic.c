// SPDX-License-Identifier: GPL-2.0
/*
 * A model of Qualcomm's Cloud AI 100, as much of it as answers messages and moves data.
 *
 * The driver speaks to the card's firmware over MHI (mhi.c): control messages on channels 10 and
 * 11, restarts of sub-systems on 6 and 7, errors on 14 and 15; what comes on other channels is
 * taken and forgotten. Data goes over 16 DMA bridge channels, each a ring of requests and one of
 * responses in the host's memory, with two positions each in BAR 2.
 *
 * Control messages are checked by their CRC and answered one by one. An activation takes the
 * lowest free channel; a channel is given back by the command RIG_QAIC_RELEASE, for the driver's
 * own deactivation never reaches the device, and by a termination, which is for all of a file.
 * Passthrough transactions carry the commands of qaic.h, with which a program sets up a network:
 * steps on the channel's memory that wait for semaphores and signal such.
 *
 * A request waits for its presync semaphore, moves its bytes, does its other semaphore commands,
 * of which some wait, rings its doorbell, and leaves a response. One that waits lets those behind
 * it pass, but not those that wait for the same semaphore, and no fence. Requests leave the ring
 * in order. Addresses outside the channel's memory, and what is illegal, give a response with a
 * status: 1 for a transfer, 2 for the request itself.
 *
 * A job, for the faults, is all up to a request with a response: a slice. Faults do this:
 *   slow    the job waits, and so does all behind it on the channel
 *   hang    the channel stops in front of it, until it is released
 *   bus     the job's requests move nothing, and end with a status
 *   lost    the job is done and leaves no response
 *   ssr     the channel's sub-system restarts: the channel is released, and the host told so in
 *           four events, each after value microseconds and the answer to the one before
 *   crash   the firmware dies: all is forgotten, and the reset takes value microseconds
 *   link    the card is off the bus for value microseconds; 0: for good
 */
#include <linux/bitfield.h>
#include <linux/crc32.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#include "mhi.h"
#include "qaic.h"

#define BAR_MHI			0
#define BAR_DBC			2
#define QTIMER			0xa28	/* in the MHI BAR: 19.2 MHz, 64 bits */

/* A channel's registers */
#define DBC_BASE		0x20000
#define DBC_STRIDE		0x1000
#define REQUEST_HEAD		0x0
#define REQUEST_TAIL		0x4
#define RESPONSE_HEAD		0x8
#define RESPONSE_TAIL		0xc

/* MHI channels, the host's direction first */
#define CHAN_SSR		6
#define CHAN_CONTROL		10
#define CHAN_STATUS		14

/* --- what lies in the host's memory and in messages: little endian, as this machine is --- */

struct request {
	u16 id;
	u8 sequence;
	u8 command;
	u32 reserved;
	u64 src;
	u64 dst;
	u32 bytes;
	u32 reserved2;
	u64 doorbell;
	u8 doorbell_attributes;
	u8 reserved3[3];
	u32 doorbell_data;
	u32 semaphores[4];
} __packed;

#define REQUEST_FORCE_MSI	BIT(7)
#define REQUEST_RESPOND		BIT(4)
#define REQUEST_BULK		BIT(3)
#define REQUEST_DIRECTION	GENMASK(1, 0)
#define   TO_DEVICE		1
#define   FROM_DEVICE		2
#define DOORBELL_ENABLE		BIT(7)
#define DOORBELL_LENGTH		GENMASK(1, 0)
#define SEM_ENABLE		BIT(31)
#define SEM_FENCE_TO_DEVICE	BIT(30)
#define SEM_FENCE_FROM_DEVICE	BIT(29)
#define SEM_COMMAND		GENMASK(26, 24)
#define   SEM_NOP		0
#define   SEM_INIT		1
#define   SEM_INC		2
#define   SEM_DEC		3
#define   SEM_WAIT_EQUAL	4
#define   SEM_WAIT_GT_EQ	5
#define   SEM_WAIT_GT_0		6
#define SEM_PRESYNC		BIT(22)
#define SEM_INDEX		GENMASK(20, 16)
#define SEM_VALUE		GENMASK(11, 0)

#define STATUS_TRANSFER		1
#define STATUS_ILLEGAL		2

struct response {
	u16 id;
	u16 status;
} __packed;

#define CONTROL_MAGIC		0x43494151
#define CONTROL_BYTES		4096	/* of an answer at most */
#define CONTROL_MAJOR		5
#define CONTROL_CRC		BIT(0)	/* in the flags of the status: checksums are wanted */

struct control_header {
	u32 crc;
	u32 magic;
	u32 sequence;
	u32 bytes;
	u32 count;
	u32 handle;	/* of the file that the message is for */
	u32 partition;
	u32 padding;
} __packed;

struct transaction {
	u32 type;
	u32 bytes;
	u8 data[];
} __packed;

#define PASSTHROUGH_FROM_DEV	3
#define PASSTHROUGH_TO_DEV	4
#define DMA_XFER_TO_DEV		6
#define ACTIVATE_FROM_DEV	8
#define ACTIVATE_TO_DEV		9
#define DEACTIVATE_FROM_DEV	11
#define STATUS_FROM_DEV		14
#define STATUS_TO_DEV		15
#define TERMINATE_FROM_DEV	16
#define TERMINATE_TO_DEV	17
#define PARTITION_FROM_DEV	19
#define PARTITION_TO_DEV	20

struct activate_to_dev {
	u64 requests;
	u64 responses;
	u32 request_count;
	u32 response_count;
	u32 buffer_bytes;
	u32 options;
} __packed;

struct activate_from_dev {
	u32 status;
	u32 dbc;
	u64 options;
} __packed;

struct status_from_dev {
	u16 major;
	u16 minor;
	u32 status;
	u64 flags;
} __packed;

struct dma_xfer {
	u32 tag;
	u32 count;
	u32 chunk;
	u32 padding;
	struct {
		u64 address;
		u64 bytes;
	} __packed pieces[];
} __packed;

struct ssr_event {
	u32 command;
	u32 bytes;
	u32 dbc;
	u32 event;
} __packed;

#define SSR_EVENT		BIT(8)
#define SSR_EVENT_ANSWER	BIT(9)
#define SSR_BEFORE_SHUTDOWN	BIT(1)
#define SSR_AFTER_POWER_UP	BIT(4)

struct ras_message {
	u16 magic;
	u16 version;
	u32 sequence;
	u8 type;
	u8 id;
	u16 bytes;
	s32 result;
	u32 source;
	u32 error;
	u32 threshold;
	u32 corrected;
	u32 uncorrected;
	u32 interrupt;
	u8 syndrome[64];
} __packed;

#define RAS_MAGIC		0x55aa
#define RAS_VERSION		2
#define RAS_HEADER_BYTES	12

/* --- the device -------------------------------------------------------------------------- */

enum request_state { FREE, FETCHED, MOVED, DONE };

/* A request that was fetched, at its place in the ring. */
struct slot {
	struct request request;
	enum request_state state;
	unsigned int next_sem;	/* commands before this one are done */
	u16 status;
	struct rig_fault fault;
	bool fault_done;
};

struct dbc {
	struct qaic *qaic;
	unsigned int id;
	struct work_struct work;
	wait_queue_head_t wait;

	/* Under the device's lock */
	bool active;
	u32 regs[4];		/* the positions */
	struct rig_fault next_fault;
	u32 semaphores[RIG_QAIC_SEMAPHORES];
	struct rig_qaic_step steps[RIG_QAIC_STEPS];
	unsigned int step_count;

	/* Between activation and release */
	u32 handle;
	u32 count;		/* elements of each ring */
	u64 requests, responses;
	struct slot *slots;
	u8 *memory;

	/* The channel's work's own */
	bool hung, in_job;
	struct rig_fault fault;
	u32 fetched;
	u32 done;
};

struct qaic {
	struct rig_device *dev;
	struct mhi mhi;
	struct workqueue_struct *queue;
	struct dbc dbcs[RIG_QAIC_CHANNELS];
	u32 ras_sequence;

	/* Under the device's lock: what the channels have asked the thread for */
	unsigned long ssr_wanted;
	u32 ssr_usec[RIG_QAIC_CHANNELS];
	bool crash_wanted;
	u32 crash_usec;

	/* The thread's own */
	int ssr_dbc;		/* -1: no restart under way */
	u32 ssr_event;
	struct delayed_work ssr_work;
	bool ssr_due;		/* under the lock: the next event's time has come */
};

/* One control message while it is answered. */
struct conversation {
	struct qaic *qaic;
	const struct control_header *in;
	size_t in_bytes;
	u8 out[CONTROL_BYTES];
	size_t out_bytes;
	u32 count;
	struct rig_fault fault;
	u32 activated;		/* RIG_QAIC_THIS: none yet */
	struct rig_qaic_step steps[RIG_QAIC_STEPS];	/* for the channel yet to be activated */
	unsigned int step_count;
	struct rig_fault job_fault;
};

/* --- a channel's work: semaphores and networks ------------------------------------------- */

/* @bytes of the channel's memory; NULL: there are none. */
static void *dbc_memory(struct dbc *dbc, u64 address, u64 bytes)
{
	u64 offset = address - RIG_QAIC_MEMORY;

	if (!dbc->memory || offset > RIG_QAIC_MEMORY_BYTES ||
	    bytes > RIG_QAIC_MEMORY_BYTES - offset)
		return NULL;
	return dbc->memory + offset;
}

static void dbc_do_step(struct dbc *dbc, const struct rig_qaic_step *step)
{
	void *src = dbc_memory(dbc, step->src, step->bytes);
	void *dst = dbc_memory(dbc, step->dst, step->bytes);
	u64 i;

	switch (step->work) {
	case RIG_QAIC_COPY:
		memmove(dst, src, step->bytes);
		break;
	case RIG_QAIC_FILL:
		memset(dst, step->value, step->bytes);
		break;
	case RIG_QAIC_ADD:
		for (i = 0; i < step->bytes; i += 4)
			put_unaligned_le32(get_unaligned_le32(src + i) + step->value, dst + i);
		break;
	}
}

/* All the steps that can be done. Were there any? */
static bool dbc_run_network(struct dbc *dbc)
{
	struct rig_device *dev = dbc->qaic->dev;
	struct rig_qaic_step step;
	bool any = false;
	unsigned int i;

	spin_lock_irq(&dev->lock);
	for (i = 0; i < dbc->step_count && dbc->active; i++) {
		step = dbc->steps[i];
		if (!dbc->semaphores[step.wait])
			continue;
		dbc->semaphores[step.wait]--;
		spin_unlock_irq(&dev->lock);
		dbc_do_step(dbc, &step);
		spin_lock_irq(&dev->lock);
		if (step.signal < RIG_QAIC_SEMAPHORES)
			dbc->semaphores[step.signal]++;
		any = true;
	}
	spin_unlock_irq(&dev->lock);
	return any;
}

/* Does the command pass? If so, it is done. */
static bool dbc_semaphore(struct dbc *dbc, u32 word)
{
	struct rig_device *dev = dbc->qaic->dev;
	u32 value = FIELD_GET(SEM_VALUE, word), *sem;
	bool passes = true;

	if (!(word & SEM_ENABLE))
		return true;
	spin_lock_irq(&dev->lock);
	sem = &dbc->semaphores[FIELD_GET(SEM_INDEX, word)];
	switch (FIELD_GET(SEM_COMMAND, word)) {
	case SEM_INIT:
		*sem = value;
		break;
	case SEM_INC:
		++*sem;
		break;
	case SEM_DEC:
		if (*sem)
			--*sem;
		break;
	case SEM_WAIT_EQUAL:
		passes = *sem == value;
		break;
	case SEM_WAIT_GT_EQ:
		passes = *sem >= value;
		break;
	case SEM_WAIT_GT_0:
		passes = *sem > 0;
		if (passes)
			--*sem;
		break;
	}
	spin_unlock_irq(&dev->lock);
	return passes;
}

/* --- a channel's work: requests ---------------------------------------------------------- */

/* Is this still the channel that the work was begun for? */
static bool dbc_lives(struct dbc *dbc)
{
	return READ_ONCE(dbc->active) && !dbc->hung;
}

static void dbc_pass_time(struct dbc *dbc, u32 usec)
{
	wait_event_hrtimeout(dbc->wait, !READ_ONCE(dbc->active), us_to_ktime(usec));
}

static u16 dbc_transfer(struct dbc *dbc, const struct slot *slot)
{
	const struct request *request = &slot->request;
	unsigned int direction = FIELD_GET(REQUEST_DIRECTION, request->command);
	struct rig_device *dev = dbc->qaic->dev;
	void *host, *device;

	if (direction == 3 || !(request->command & REQUEST_BULK))
		return STATUS_ILLEGAL;
	if (slot->fault.kind == RIG_FAULT_BUS)
		return STATUS_TRANSFER;
	if (!direction)
		return 0;
	host = rig_pci_memory(dev, direction == TO_DEVICE ? request->src : request->dst,
			      request->bytes);
	device = dbc_memory(dbc, direction == TO_DEVICE ? request->dst : request->src,
			    request->bytes);
	if (!host || !device)
		return STATUS_TRANSFER;
	if (direction == TO_DEVICE)
		memcpy(device, host, request->bytes);
	else
		memcpy(host, device, request->bytes);
	return 0;
}

static u16 dbc_ring_doorbell(struct dbc *dbc, const struct request *request)
{
	unsigned int bytes = 4 >> FIELD_GET(DOORBELL_LENGTH, request->doorbell_attributes);
	u64 bell = (request->doorbell - RIG_QAIC_DOORBELLS) / 4;
	u8 *at;

	if (!(request->doorbell_attributes & DOORBELL_ENABLE))
		return 0;
	if (request->doorbell >= RIG_QAIC_DOORBELLS && bell < RIG_QAIC_SEMAPHORES && bytes == 4 &&
	    !(request->doorbell % 4)) {
		spin_lock_irq(&dbc->qaic->dev->lock);
		dbc->semaphores[bell] += request->doorbell_data;
		spin_unlock_irq(&dbc->qaic->dev->lock);
		return 0;
	}
	at = bytes ? dbc_memory(dbc, request->doorbell, bytes) : NULL;
	if (!at)
		return STATUS_TRANSFER;
	memcpy(at, &request->doorbell_data, bytes);
	return 0;
}

/* False if there is no room yet. */
static bool dbc_respond(struct dbc *dbc, const struct slot *slot)
{
	struct rig_device *dev = dbc->qaic->dev;
	struct response *response;
	bool raise;
	u32 tail, next;

	if (!(slot->request.command & REQUEST_RESPOND) || slot->fault.kind == RIG_FAULT_LOST)
		return true;
	spin_lock_irq(&dev->lock);
	tail = dbc->regs[RESPONSE_TAIL / 4];
	next = (tail + 1) % dbc->count;
	if (next == dbc->regs[RESPONSE_HEAD / 4]) {
		spin_unlock_irq(&dev->lock);
		return false;
	}
	spin_unlock_irq(&dev->lock);

	response = rig_pci_memory(dev, dbc->responses + tail * sizeof(*response),
				  sizeof(*response));
	if (response) {
		response->id = slot->request.id;
		response->status = slot->status;
	}
	/* The response is there before the position says so. */
	smp_wmb();
	spin_lock_irq(&dev->lock);
	/* A message is sent only when the ring was empty, unless the request says otherwise. */
	raise = dbc->regs[RESPONSE_HEAD / 4] == tail ||
		slot->request.command & REQUEST_FORCE_MSI;
	dbc->regs[RESPONSE_TAIL / 4] = next;
	spin_unlock_irq(&dev->lock);
	if (raise)
		rig_pci_interrupt(dev);
	return true;
}

static void qaic_want_ssr(struct dbc *dbc, u32 usec)
{
	struct qaic *qaic = dbc->qaic;

	spin_lock_irq(&qaic->dev->lock);
	__set_bit(dbc->id, &qaic->ssr_wanted);
	qaic->ssr_usec[dbc->id] = usec;
	spin_unlock_irq(&qaic->dev->lock);
	rig_start(qaic->dev);
}

static void qaic_want_crash(struct qaic *qaic, u32 usec)
{
	spin_lock_irq(&qaic->dev->lock);
	qaic->crash_wanted = true;
	qaic->crash_usec = usec;
	spin_unlock_irq(&qaic->dev->lock);
	rig_start(qaic->dev);
}

/* What the job's fault does before the job's first byte is moved. */
static void dbc_begin_fault(struct dbc *dbc, struct slot *slot)
{
	switch (slot->fault.kind) {
	case RIG_FAULT_SLOW:
		dbc_pass_time(dbc, slot->fault.value);
		break;
	case RIG_FAULT_HANG:
		dbc->hung = true;
		break;
	case RIG_FAULT_SSR:
		dbc_pass_time(dbc, slot->fault.value);
		dbc->hung = true;
		if (READ_ONCE(dbc->active))
			qaic_want_ssr(dbc, slot->fault.value);
		break;
	case RIG_FAULT_CRASH:
		dbc->hung = true;
		qaic_want_crash(dbc->qaic, slot->fault.value);
		break;
	case RIG_FAULT_LINK:
		dbc->hung = true;
		rig_pci_pull(dbc->qaic->dev, slot->fault.value);
		break;
	default:
		break;
	}
}

static u32 request_presync(const struct request *request)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(request->semaphores); i++)
		if (request->semaphores[i] & SEM_ENABLE && request->semaphores[i] & SEM_PRESYNC)
			return request->semaphores[i];
	return 0;
}

static u32 request_fences(const struct request *request)
{
	return (request->semaphores[0] | request->semaphores[1] | request->semaphores[2] |
		request->semaphores[3]) & (SEM_FENCE_TO_DEVICE | SEM_FENCE_FROM_DEVICE);
}

/* Must the request wait for one before it? */
static bool dbc_is_behind(struct dbc *dbc, u32 head, u32 at)
{
	const struct request *request = &dbc->slots[at].request;
	u32 presync = request_presync(request), fences = request_fences(request), other, i;

	for (i = head; i != at; i = (i + 1) % dbc->count) {
		const struct slot *slot = &dbc->slots[i];
		unsigned int direction = FIELD_GET(REQUEST_DIRECTION, slot->request.command);

		if (slot->state != FETCHED)
			continue;
		if ((fences & SEM_FENCE_TO_DEVICE && direction == TO_DEVICE) ||
		    (fences & SEM_FENCE_FROM_DEVICE && direction == FROM_DEVICE))
			return true;
		other = request_presync(&slot->request);
		if (presync && other && FIELD_GET(SEM_INDEX, other) == FIELD_GET(SEM_INDEX, presync))
			return true;
	}
	return false;
}

/* Go on with a request as far as it goes. Did it go on? */
static bool dbc_advance(struct dbc *dbc, u32 head, u32 at)
{
	struct slot *slot = &dbc->slots[at];
	struct request *request = &slot->request;
	bool any = false;

	if (slot->state == FETCHED) {
		if (dbc_is_behind(dbc, head, at) ||
		    !dbc_semaphore(dbc, request_presync(request)))
			return false;
		if (!slot->fault_done) {
			slot->fault_done = true;
			dbc_begin_fault(dbc, slot);
			if (!dbc_lives(dbc))
				return false;
		}
		slot->status = dbc_transfer(dbc, slot);
		slot->state = MOVED;
		any = true;
	}
	for (; slot->next_sem < ARRAY_SIZE(request->semaphores); slot->next_sem++, any = true)
		if (!(request->semaphores[slot->next_sem] & SEM_PRESYNC) &&
		    !dbc_semaphore(dbc, request->semaphores[slot->next_sem]))
			return any;
	if (slot->next_sem == ARRAY_SIZE(request->semaphores)) {
		slot->status = dbc_ring_doorbell(dbc, request) ?: slot->status;
		slot->next_sem++;
	}
	if (!dbc_respond(dbc, slot))
		return any;
	slot->state = DONE;
	return true;
}

static void dbc_fetch(struct dbc *dbc, u32 tail)
{
	struct rig_device *dev = dbc->qaic->dev;
	struct rig_fault fault;
	struct request *from;
	struct slot *slot;

	for (; dbc->fetched != tail; dbc->fetched = (dbc->fetched + 1) % dbc->count) {
		from = rig_pci_memory(dev, dbc->requests + dbc->fetched * sizeof(*from),
				      sizeof(*from));
		if (!from)
			return;
		slot = &dbc->slots[dbc->fetched];
		memset(slot, 0, sizeof(*slot));
		memcpy(&slot->request, from, sizeof(*from));
		slot->state = FETCHED;
		if (!dbc->in_job) {
			fault = rig_job_fault(dev);
			spin_lock_irq(&dev->lock);
			dbc->fault = dbc->next_fault.kind ? dbc->next_fault : fault;
			dbc->next_fault.kind = RIG_FAULT_NONE;
			spin_unlock_irq(&dev->lock);
		} else {
			/* Once in a job is enough. */
			slot->fault_done = true;
		}
		slot->fault = dbc->fault;
		dbc->in_job = !(slot->request.command & REQUEST_RESPOND);
	}
}

static void dbc_work(struct work_struct *work)
{
	struct dbc *dbc = container_of(work, struct dbc, work);
	struct rig_device *dev = dbc->qaic->dev;
	bool any = true;
	u32 head, tail, i;

	while (any && dbc_lives(dbc)) {
		/* A network may go round and round, until the channel is released. */
		cond_resched();
		spin_lock_irq(&dev->lock);
		head = dbc->regs[REQUEST_HEAD / 4];
		tail = dbc->regs[REQUEST_TAIL / 4];
		spin_unlock_irq(&dev->lock);
		if (tail >= dbc->count)
			return;
		dbc_fetch(dbc, tail);
		any = dbc_run_network(dbc);
		for (i = head; i != dbc->fetched && dbc_lives(dbc); i = (i + 1) % dbc->count)
			if (dbc->slots[i].state != DONE) {
				any |= dbc_advance(dbc, head, i);
				any |= dbc_run_network(dbc);
			}
		for (; head != dbc->fetched && dbc->slots[head].state == DONE;
		     head = (head + 1) % dbc->count) {
			dbc->slots[head].state = FREE;
			WRITE_ONCE(dbc->done, dbc->done + 1);
		}
		spin_lock_irq(&dev->lock);
		if (dbc->active)
			dbc->regs[REQUEST_HEAD / 4] = head;
		spin_unlock_irq(&dev->lock);
	}
}

/* --- channels come and go: from the thread only ------------------------------------------ */

static int dbc_activate(struct dbc *dbc, u32 handle, const struct activate_to_dev *with)
{
	if (with->request_count < 2 || with->response_count < with->request_count)
		return -EINVAL;
	dbc->slots = kvcalloc(with->request_count, sizeof(*dbc->slots), GFP_KERNEL);
	dbc->memory = vzalloc(RIG_QAIC_MEMORY_BYTES);
	if (!dbc->slots || !dbc->memory) {
		kvfree(dbc->slots);
		vfree(dbc->memory);
		dbc->slots = NULL;
		dbc->memory = NULL;
		return -ENOMEM;
	}
	dbc->handle = handle;
	dbc->count = with->request_count;
	dbc->requests = with->requests;
	dbc->responses = with->responses;
	dbc->hung = dbc->in_job = false;
	dbc->fetched = dbc->done = 0;
	spin_lock_irq(&dbc->qaic->dev->lock);
	memset(dbc->regs, 0, sizeof(dbc->regs));
	memset(dbc->semaphores, 0, sizeof(dbc->semaphores));
	dbc->step_count = 0;
	dbc->next_fault.kind = RIG_FAULT_NONE;
	dbc->active = true;
	spin_unlock_irq(&dbc->qaic->dev->lock);
	return 0;
}

/* On return the host's memory is left alone. */
static void dbc_release(struct dbc *dbc)
{
	struct rig_device *dev = dbc->qaic->dev;

	spin_lock_irq(&dev->lock);
	if (!dbc->active) {
		spin_unlock_irq(&dev->lock);
		return;
	}
	dbc->active = false;
	spin_unlock_irq(&dev->lock);
	wake_up_all(&dbc->wait);
	cancel_work_sync(&dbc->work);
	kvfree(dbc->slots);
	vfree(dbc->memory);
	dbc->slots = NULL;
	dbc->memory = NULL;
	spin_lock_irq(&dev->lock);
	memset(dbc->regs, 0, sizeof(dbc->regs));
	spin_unlock_irq(&dev->lock);
}

static void dbc_start(struct dbc *dbc)
{
	queue_work(dbc->qaic->queue, &dbc->work);
}

/* --- sub-system restarts ----------------------------------------------------------------- */

static void ssr_send(struct qaic *qaic)
{
	const struct ssr_event event = {
		.command = SSR_EVENT,
		.bytes = sizeof(event),
		.dbc = qaic->ssr_dbc,
		.event = qaic->ssr_event,
	};

	mhi_send(&qaic->mhi, CHAN_SSR + 1, &event, sizeof(event));
}

static void ssr_timer(struct work_struct *work)
{
	struct qaic *qaic = container_of(to_delayed_work(work), struct qaic, ssr_work);

	spin_lock_irq(&qaic->dev->lock);
	qaic->ssr_due = true;
	spin_unlock_irq(&qaic->dev->lock);
	rig_start(qaic->dev);
}

/* Begin with one that was asked for, or go on with the one under way. */
static void ssr_run(struct qaic *qaic)
{
	bool due = false;

	spin_lock_irq(&qaic->dev->lock);
	swap(due, qaic->ssr_due);
	if (qaic->ssr_dbc < 0 && qaic->ssr_wanted) {
		qaic->ssr_dbc = __ffs(qaic->ssr_wanted);
		__clear_bit(qaic->ssr_dbc, &qaic->ssr_wanted);
		qaic->ssr_event = SSR_BEFORE_SHUTDOWN;
		due = true;
	}
	spin_unlock_irq(&qaic->dev->lock);
	if (!due || qaic->ssr_dbc < 0)
		return;
	if (qaic->ssr_event == SSR_BEFORE_SHUTDOWN)
		dbc_release(&qaic->dbcs[qaic->ssr_dbc]);
	ssr_send(qaic);
}

static void ssr_receive(struct qaic *qaic, const struct ssr_event *answer, size_t bytes)
{
	if (bytes < sizeof(*answer) || answer->command != SSR_EVENT_ANSWER ||
	    answer->dbc != qaic->ssr_dbc || answer->event != qaic->ssr_event)
		return;
	if (qaic->ssr_event == SSR_AFTER_POWER_UP) {
		qaic->ssr_dbc = -1;
		rig_start(qaic->dev);
		return;
	}
	qaic->ssr_event <<= 1;
	schedule_delayed_work(&qaic->ssr_work,
			      usecs_to_jiffies(qaic->ssr_usec[answer->dbc]));
}

static void ssr_forget(struct qaic *qaic)
{
	cancel_delayed_work_sync(&qaic->ssr_work);
	qaic->ssr_dbc = -1;
	spin_lock_irq(&qaic->dev->lock);
	qaic->ssr_wanted = 0;
	qaic->ssr_due = false;
	spin_unlock_irq(&qaic->dev->lock);
}

/* --- commands ---------------------------------------------------------------------------- */

static int command_step(struct conversation *talk, struct dbc *dbc,
			const struct rig_qaic_step *step)
{
	struct rig_device *dev = talk->qaic->dev;
	struct rig_qaic_step *steps = dbc ? dbc->steps : talk->steps;
	unsigned int *count = dbc ? &dbc->step_count : &talk->step_count;
	bool reads = step->work == RIG_QAIC_COPY || step->work == RIG_QAIC_ADD;
	u64 src = step->src - RIG_QAIC_MEMORY, dst = step->dst - RIG_QAIC_MEMORY;
	int ret = 0;

	if (step->wait >= RIG_QAIC_SEMAPHORES || step->signal > RIG_QAIC_SEMAPHORES ||
	    step->work > RIG_QAIC_ADD)
		return -EINVAL;
	if (step->work != RIG_QAIC_NOTHING &&
	    (dst > RIG_QAIC_MEMORY_BYTES || step->bytes > RIG_QAIC_MEMORY_BYTES - dst ||
	     (step->work == RIG_QAIC_ADD && step->bytes % 4)))
		return -EINVAL;
	if (reads && (src > RIG_QAIC_MEMORY_BYTES || step->bytes > RIG_QAIC_MEMORY_BYTES - src))
		return -EINVAL;
	/* One that feeds itself would never end. */
	if (step->signal == step->wait)
		return -EINVAL;
	spin_lock_irq(&dev->lock);
	if (*count < RIG_QAIC_STEPS)
		steps[(*count)++] = *step;
	else
		ret = -ENOSPC;
	spin_unlock_irq(&dev->lock);
	return ret;
}

static int command_look(struct dbc *dbc, struct rig_qaic_look *look)
{
	struct rig_device *dev = dbc->qaic->dev;
	u32 head, tail;

	spin_lock_irq(&dev->lock);
	memcpy(look->semaphores, dbc->semaphores, sizeof(look->semaphores));
	head = dbc->regs[REQUEST_HEAD / 4];
	tail = dbc->regs[REQUEST_TAIL / 4];
	look->waiting = (tail + dbc->count - head) % dbc->count;
	look->requests = READ_ONCE(dbc->done);
	spin_unlock_irq(&dev->lock);
	return 0;
}

/* The transaction after this one in the message; NULL behind the last. */
static const struct transaction *next_transaction(struct conversation *talk,
						  const struct transaction *of)
{
	const u8 *end = (const u8 *)talk->in + talk->in_bytes;
	const u8 *at = of ? (const u8 *)of + of->bytes : (const u8 *)(talk->in + 1);
	const struct transaction *trans = (const struct transaction *)at;

	if (at + sizeof(*trans) > end || trans->bytes < sizeof(*trans) ||
	    trans->bytes > end - at)
		return NULL;
	return trans;
}

/* Bytes of a transfer that the message describes, while the host keeps its pages in place. */
static int command_load(struct conversation *talk, struct dbc *dbc,
			const struct rig_qaic_load *load)
{
	u8 *to = dbc_memory(dbc, load->dst, load->bytes), *from;
	const struct transaction *trans = NULL;
	u64 skip = load->offset, left = load->bytes, bytes;
	const struct dma_xfer *xfer;
	u32 i;

	if (!to)
		return -EINVAL;
	while ((trans = next_transaction(talk, trans))) {
		xfer = (const struct dma_xfer *)trans->data;
		if (trans->type != DMA_XFER_TO_DEV || xfer->tag != load->tag)
			continue;
		for (i = 0; i < xfer->count && left; i++) {
			if ((const u8 *)&xfer->pieces[i + 1] > (const u8 *)trans + trans->bytes)
				return -EINVAL;
			if (skip >= xfer->pieces[i].bytes) {
				skip -= xfer->pieces[i].bytes;
				continue;
			}
			bytes = min(left, xfer->pieces[i].bytes - skip);
			from = rig_pci_memory(talk->qaic->dev, xfer->pieces[i].address + skip,
					      bytes);
			if (!from)
				return -EFAULT;
			memcpy(to, from, bytes);
			to += bytes;
			left -= bytes;
			skip = 0;
		}
		return left ? -ERANGE : 0;
	}
	return -ENOENT;
}

static int command_fault(struct conversation *talk, struct dbc *dbc,
			 const struct rig_qaic_fault *what)
{
	const struct rig_fault fault = { what->kind, what->value };

	switch (what->kind) {
	case RIG_FAULT_NACK:
	case RIG_FAULT_CRC:
	case RIG_FAULT_MUTE:
		talk->fault = fault;
		return 0;
	case RIG_FAULT_SLOW:
	case RIG_FAULT_HANG:
	case RIG_FAULT_BUS:
	case RIG_FAULT_LOST:
	case RIG_FAULT_SSR:
	case RIG_FAULT_CRASH:
	case RIG_FAULT_LINK:
		break;
	default:
		return -EINVAL;
	}
	if (!dbc) {
		talk->job_fault = fault;
		return 0;
	}
	spin_lock_irq(&talk->qaic->dev->lock);
	dbc->next_fault = fault;
	spin_unlock_irq(&talk->qaic->dev->lock);
	return 0;
}

static int command_ras(struct qaic *qaic, const struct rig_qaic_ras *what)
{
	const struct ras_message message = {
		.magic = RAS_MAGIC,
		.version = RAS_VERSION,
		.sequence = qaic->ras_sequence++,
		.bytes = sizeof(message) - RAS_HEADER_BYTES,
		.source = what->source,
		.error = what->type,
		.threshold = 1,
	};

	if (what->source > 6 || what->type > 2)
		return -EINVAL;
	return mhi_send(&qaic->mhi, CHAN_STATUS + 1, &message, sizeof(message));
}

static void command_clear(struct dbc *dbc)
{
	spin_lock_irq(&dbc->qaic->dev->lock);
	dbc->step_count = 0;
	memset(dbc->semaphores, 0, sizeof(dbc->semaphores));
	spin_unlock_irq(&dbc->qaic->dev->lock);
}

static size_t command_bytes(u32 op)
{
	switch (op) {
	case RIG_QAIC_STEP:
		return sizeof(struct rig_qaic_step);
	case RIG_QAIC_LOOK:
		return sizeof(struct rig_qaic_look);
	case RIG_QAIC_LOAD:
		return sizeof(struct rig_qaic_load);
	case RIG_QAIC_FAULT:
		return sizeof(struct rig_qaic_fault);
	case RIG_QAIC_RAS:
		return sizeof(struct rig_qaic_ras);
	default:
		return sizeof(struct rig_qaic_command);
	}
}

/* The channel that a command is for; NULL: the one that the message has yet to activate. */
static struct dbc *command_dbc(struct conversation *talk, u32 id)
{
	struct dbc *dbc;

	if (id == RIG_QAIC_THIS)
		id = talk->activated;
	if (id == RIG_QAIC_THIS)
		return NULL;
	if (id >= RIG_QAIC_CHANNELS)
		return ERR_PTR(-EINVAL);
	dbc = &talk->qaic->dbcs[id];
	if (!dbc->active || dbc->handle != talk->in->handle)
		return ERR_PTR(-EPERM);
	return dbc;
}

/* Sets *@released to the channel that is no more, if so. */
static int command_run(struct conversation *talk, struct rig_qaic_command *command, size_t bytes,
		       u32 *released)
{
	struct dbc *dbc = NULL;

	if (bytes < sizeof(*command) || bytes < command_bytes(command->op))
		return -EINVAL;
	if (command->op != RIG_QAIC_ECHO && command->op != RIG_QAIC_RAS)
		dbc = command_dbc(talk, command->dbc);
	if (IS_ERR(dbc))
		return PTR_ERR(dbc);
	if (!dbc && (command->op == RIG_QAIC_CLEAR || command->op == RIG_QAIC_LOOK ||
		     command->op == RIG_QAIC_RELEASE || command->op == RIG_QAIC_LOAD))
		return -EINVAL;

	switch (command->op) {
	case RIG_QAIC_ECHO:
		return 0;
	case RIG_QAIC_STEP:
		return command_step(talk, dbc, (struct rig_qaic_step *)command);
	case RIG_QAIC_CLEAR:
		command_clear(dbc);
		return 0;
	case RIG_QAIC_LOOK:
		return command_look(dbc, (struct rig_qaic_look *)command);
	case RIG_QAIC_RELEASE:
		dbc_release(dbc);
		*released = dbc->id;
		return 0;
	case RIG_QAIC_LOAD:
		return command_load(talk, dbc, (struct rig_qaic_load *)command);
	case RIG_QAIC_FAULT:
		return command_fault(talk, dbc, (struct rig_qaic_fault *)command);
	case RIG_QAIC_RAS:
		return command_ras(talk->qaic, (struct rig_qaic_ras *)command);
	default:
		return -EOPNOTSUPP;
	}
}

/* --- control messages -------------------------------------------------------------------- */

/* Room for a transaction in the answer; NULL: there is none. */
static void *answer(struct conversation *talk, u32 type, size_t bytes)
{
	struct transaction *trans = (struct transaction *)(talk->out + talk->out_bytes);

	if (bytes + sizeof(*trans) > sizeof(talk->out) - talk->out_bytes)
		return NULL;
	trans->type = type;
	trans->bytes = sizeof(*trans) + bytes;
	talk->out_bytes += trans->bytes;
	talk->count++;
	return trans->data;
}

static u32 nack(const struct conversation *talk)
{
	return talk->fault.kind == RIG_FAULT_NACK ? talk->fault.value ?: 1 : 0;
}

/* At this, and at nothing else that the device sends, the driver frees the channel's rings. */
static void answer_deactivate(struct conversation *talk, u32 dbc)
{
	u32 *out = answer(talk, DEACTIVATE_FROM_DEV, 8);

	if (!out)
		return;
	out[0] = 0;
	out[1] = dbc;
}

static void on_passthrough(struct conversation *talk, const struct transaction *trans)
{
	size_t bytes = trans->bytes - sizeof(*trans);
	struct rig_qaic_command *command = answer(talk, PASSTHROUGH_FROM_DEV, bytes);
	u32 released = RIG_QAIC_THIS;
	int status;

	if (!command)
		return;
	memcpy(command, trans->data, bytes);
	status = command_run(talk, command, bytes, &released);
	if (bytes >= sizeof(*command))
		command->status = status;
	if (released != RIG_QAIC_THIS)
		answer_deactivate(talk, released);
}

static void on_activate(struct conversation *talk, const struct transaction *trans)
{
	const struct activate_to_dev *in = (const struct activate_to_dev *)trans->data;
	struct activate_from_dev *out = answer(talk, ACTIVATE_FROM_DEV, sizeof(*out));
	struct qaic *qaic = talk->qaic;
	struct dbc *dbc;

	if (!out)
		return;
	memset(out, 0, sizeof(*out));
	out->status = nack(talk);
	if (out->status)
		return;
	out->status = EBUSY;
	for (dbc = qaic->dbcs; dbc < qaic->dbcs + RIG_QAIC_CHANNELS; dbc++)
		/* What restarts is nobody's yet. */
		if (!dbc->active && dbc->id != qaic->ssr_dbc &&
		    !test_bit(dbc->id, &qaic->ssr_wanted))
			break;
	if (dbc == qaic->dbcs + RIG_QAIC_CHANNELS)
		return;
	out->status = -dbc_activate(dbc, talk->in->handle, in);
	if (out->status)
		return;
	out->dbc = talk->activated = dbc->id;
	spin_lock_irq(&qaic->dev->lock);
	memcpy(dbc->steps, talk->steps, sizeof(dbc->steps));
	dbc->step_count = talk->step_count;
	dbc->next_fault = talk->job_fault;
	spin_unlock_irq(&qaic->dev->lock);
}

static void on_status(struct conversation *talk)
{
	struct status_from_dev *out = answer(talk, STATUS_FROM_DEV, sizeof(*out));

	if (!out)
		return;
	out->major = CONTROL_MAJOR;
	out->minor = 0;
	out->status = nack(talk);
	out->flags = CONTROL_CRC;
}

static void on_terminate(struct conversation *talk, const struct transaction *trans)
{
	u32 handle = get_unaligned_le32(trans->data);
	u32 *out = answer(talk, TERMINATE_FROM_DEV, 8);
	struct qaic *qaic = talk->qaic;
	struct dbc *dbc;

	for (dbc = qaic->dbcs; dbc < qaic->dbcs + RIG_QAIC_CHANNELS; dbc++)
		if (dbc->active && dbc->handle == handle)
			dbc_release(dbc);
	if (out)
		out[0] = out[1] = 0;
}

static void on_partition(struct conversation *talk)
{
	u32 *out = answer(talk, PARTITION_FROM_DEV, 8);

	if (out)
		out[0] = out[1] = 0;
}

static void on_transaction(struct conversation *talk, const struct transaction *trans)
{
	switch (trans->type) {
	case PASSTHROUGH_TO_DEV:
		on_passthrough(talk, trans);
		break;
	case ACTIVATE_TO_DEV:
		if (trans->bytes >= sizeof(*trans) + sizeof(struct activate_to_dev))
			on_activate(talk, trans);
		break;
	case STATUS_TO_DEV:
		on_status(talk);
		break;
	case TERMINATE_TO_DEV:
		if (trans->bytes >= sizeof(*trans) + 4)
			on_terminate(talk, trans);
		break;
	case PARTITION_TO_DEV:
		on_partition(talk);
		break;
	case DMA_XFER_TO_DEV:	/* commands look at it */
		break;
	default:
		pr_err("rig: %s does not know transaction %u\n", talk->qaic->dev->name,
		       trans->type);
	}
}

static u32 control_crc(struct control_header *header, size_t bytes)
{
	u32 said = header->crc, crc;

	header->crc = 0;
	crc = crc32(~0, header, bytes) ^ ~0;
	header->crc = said;
	return crc;
}

static void control_receive(struct qaic *qaic, struct control_header *in, size_t bytes)
{
	const struct transaction *trans = NULL;
	struct control_header *out;
	struct conversation *talk;

	if (bytes < sizeof(*in) || in->magic != CONTROL_MAGIC || in->bytes > bytes ||
	    in->crc != control_crc(in, in->bytes)) {
		pr_err("rig: %s takes a control message for noise\n", qaic->dev->name);
		return;
	}
	talk = kzalloc(sizeof(*talk), GFP_KERNEL);
	if (!talk)
		return;
	talk->qaic = qaic;
	talk->in = in;
	talk->in_bytes = in->bytes;
	talk->activated = RIG_QAIC_THIS;
	talk->out_bytes = sizeof(*out);
	talk->fault = rig_message_fault(qaic->dev);
	while ((trans = next_transaction(talk, trans)))
		on_transaction(talk, trans);

	out = (struct control_header *)talk->out;
	*out = *in;
	out->bytes = talk->out_bytes;
	out->count = talk->count;
	out->crc = control_crc(out, out->bytes);
	if (talk->fault.kind == RIG_FAULT_CRC)
		out->crc ^= 1;
	if (talk->fault.kind != RIG_FAULT_MUTE)
		mhi_send(&qaic->mhi, CHAN_CONTROL + 1, out, talk->out_bytes);
	kfree(talk);
	/* A command may have moved semaphores or networks. */
	for (struct dbc *dbc = qaic->dbcs; dbc < qaic->dbcs + RIG_QAIC_CHANNELS; dbc++)
		if (dbc->active)
			dbc_start(dbc);
}

/* --- the device -------------------------------------------------------------------------- */

static void qaic_receive(struct rig_device *dev, unsigned int chan, void *data, size_t bytes)
{
	struct qaic *qaic = dev->priv;

	if (chan == CHAN_CONTROL)
		control_receive(qaic, data, bytes);
	else if (chan == CHAN_SSR)
		ssr_receive(qaic, data, bytes);
}

static void qaic_forget(struct rig_device *dev)
{
	struct qaic *qaic = dev->priv;
	unsigned int i;

	for (i = 0; i < RIG_QAIC_CHANNELS; i++)
		dbc_release(&qaic->dbcs[i]);
	ssr_forget(qaic);
	spin_lock_irq(&dev->lock);
	qaic->crash_wanted = false;
	spin_unlock_irq(&dev->lock);
}

static void qaic_restart(struct rig_device *dev)
{
	struct qaic *qaic = dev->priv;

	mhi_crash(&qaic->mhi, 0);
}

static const struct mhi_ops qaic_mhi_ops = {
	.reset = qaic_forget,
	.receive = qaic_receive,
	.restart = qaic_restart,
};

static void qaic_run(struct rig_device *dev)
{
	struct qaic *qaic = dev->priv;
	bool crash = false;

	mhi_run(&qaic->mhi);
	spin_lock_irq(&dev->lock);
	swap(crash, qaic->crash_wanted);
	spin_unlock_irq(&dev->lock);
	if (crash)
		mhi_crash(&qaic->mhi, qaic->crash_usec);
	else
		ssr_run(qaic);
}

static u32 qaic_dbc_read(struct qaic *qaic, unsigned int reg)
{
	unsigned int id = (reg - DBC_BASE) / DBC_STRIDE;
	unsigned long flags;
	u32 value;

	if (reg < DBC_BASE || id >= RIG_QAIC_CHANNELS || reg % DBC_STRIDE > RESPONSE_TAIL)
		return 0;
	spin_lock_irqsave(&qaic->dev->lock, flags);
	value = qaic->dbcs[id].regs[reg % DBC_STRIDE / 4];
	spin_unlock_irqrestore(&qaic->dev->lock, flags);
	return value;
}

static void qaic_dbc_write(struct qaic *qaic, unsigned int reg, u32 value)
{
	unsigned int id = (reg - DBC_BASE) / DBC_STRIDE, which = reg % DBC_STRIDE;
	unsigned long flags;
	struct dbc *dbc;

	if (reg < DBC_BASE || id >= RIG_QAIC_CHANNELS ||
	    (which != REQUEST_TAIL && which != RESPONSE_HEAD))
		return;
	dbc = &qaic->dbcs[id];
	spin_lock_irqsave(&qaic->dev->lock, flags);
	if (dbc->active) {
		dbc->regs[which / 4] = value;
		dbc_start(dbc);
	}
	spin_unlock_irqrestore(&qaic->dev->lock, flags);
}

static u32 qaic_reg_read(struct rig_device *dev, unsigned int bar, unsigned int reg)
{
	struct qaic *qaic = dev->priv;
	u64 ticks;

	if (bar == BAR_DBC)
		return qaic_dbc_read(qaic, reg);
	if (bar != BAR_MHI)
		return 0;
	if (reg == QTIMER || reg == QTIMER + 4) {
		ticks = ktime_get_ns() / 1000 * 192 / 10;
		return reg == QTIMER ? lower_32_bits(ticks) : upper_32_bits(ticks);
	}
	return mhi_reg_read(&qaic->mhi, reg);
}

static void qaic_reg_write(struct rig_device *dev, unsigned int bar, unsigned int reg, u32 value)
{
	struct qaic *qaic = dev->priv;

	if (bar == BAR_DBC)
		qaic_dbc_write(qaic, reg, value);
	else if (bar == BAR_MHI)
		mhi_reg_write(&qaic->mhi, reg, value);
}

/* Power-on: what the channels' work still does in the host's memory, the bus refuses. */
static void qaic_reset(struct rig_device *dev)
{
	struct qaic *qaic = dev->priv;

	mhi_power_on(&qaic->mhi);
}

static int qaic_create(struct rig_device *dev)
{
	struct qaic *qaic = kvzalloc(sizeof(*qaic), GFP_KERNEL);
	unsigned int i;

	if (!qaic)
		return -ENOMEM;
	qaic->dev = dev;
	qaic->ssr_dbc = -1;
	INIT_DELAYED_WORK(&qaic->ssr_work, ssr_timer);
	qaic->queue = alloc_workqueue("rig-qaic-dbc", WQ_UNBOUND, RIG_QAIC_CHANNELS);
	if (!qaic->queue)
		return -ENOMEM;
	for (i = 0; i < RIG_QAIC_CHANNELS; i++) {
		qaic->dbcs[i].qaic = qaic;
		qaic->dbcs[i].id = i;
		INIT_WORK(&qaic->dbcs[i].work, dbc_work);
		init_waitqueue_head(&qaic->dbcs[i].wait);
	}
	mhi_init(&qaic->mhi, dev, &qaic_mhi_ops);
	dev->priv = qaic;
	return 0;
}

static const struct rig_pci_model qaic_model = {
	.model = {
		.create = qaic_create,
		.reg_read = qaic_reg_read,
		.reg_write = qaic_reg_write,
		.reset = qaic_reset,
		.run = qaic_run,
		.faults = BIT(RIG_FAULT_SLOW) | BIT(RIG_FAULT_HANG) | BIT(RIG_FAULT_BUS) |
			  BIT(RIG_FAULT_LOST) | BIT(RIG_FAULT_SSR) | BIT(RIG_FAULT_CRASH) |
			  BIT(RIG_FAULT_LINK) | BIT(RIG_FAULT_NACK) | BIT(RIG_FAULT_CRC) |
			  BIT(RIG_FAULT_MUTE),
	},
	.name = "qaic",
	.slot = 0,
	.vendor = 0x17cb,
	.device = 0xa100,
	.class = 0x120000,	/* processing accelerator */
	.revision = 1,
	.bars = { [BAR_MHI] = SZ_4K, [BAR_DBC] = SZ_2M, [4] = SZ_64K },
};

static int __init qaic_model_init(void)
{
	return rig_add_pci_device(&qaic_model);
}
module_init(qaic_model_init);

MODULE_DESCRIPTION("libaccel test rig: a model of Qualcomm Cloud AI 100");
MODULE_LICENSE("GPL");
