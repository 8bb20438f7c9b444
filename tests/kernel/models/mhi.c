// SPDX-License-Identifier: GPL-2.0
/*
 * The device's half of MHI: a window of registers, and rings in the host's memory.
 *
 * The host gives three arrays of contexts: of channels, of event rings, and of the command ring.
 * A context has the ring's place and two positions in it, the reader's and the writer's. The host
 * writes commands and transfers and rings a doorbell with the new position; the device answers
 * with events in event ring 0 and a message. A chain of transfers is one message of a channel.
 *
 * The firmware runs already: the execution environment is AMSS, and nothing is loaded. A reset
 * ends when the model has let go of the host's memory, and only then is the device ready again.
 */
#include <linux/bitfield.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "mhi.h"

/* Registers */
#define MHIREGLEN	0x00
#define MHIVER		0x08
#define MHICFG		0x10
#define CHDBOFF		0x18
#define ERDBOFF		0x20
#define BHIOFF		0x28
#define MHICTRL		0x38
#define   CTRL_RESET	BIT(1)
#define   CTRL_STATE	GENMASK(15, 8)
#define MHISTATUS	0x48
#define   STATUS_READY	BIT(0)
#define   STATUS_SYSERR	BIT(2)
#define   STATUS_STATE	GENMASK(15, 8)
#define CCABAP		0x58
#define ECABAP		0x60
#define CRCBAP		0x68
#define CRDB		0x70
#define SOC_RESET	0xb0
#define BHI		0x100
#define BHI_EXECENV	(BHI + 0x28)
#define CHDB		0x300
#define ERDB		0x700

#define STATE_READY	1
#define STATE_M0	2
#define STATE_M3	5
#define STATE_SYS_ERR	0xff
#define EE_AMSS		2

/* A context: three words, then the ring's base, length, and the two positions. */
#define CONTEXT_BYTES	44
#define RING_BASE	12
#define RING_LENGTH	20
#define RING_READ	28
#define RING_WRITE	36
#define ELEMENT_BYTES	16

/* Elements: a pointer and two words */
#define EL_CHANNEL	GENMASK(31, 24)
#define EL_TYPE		GENMASK(23, 16)
#define EL_CODE		GENMASK(31, 24)
#define EL_LENGTH	GENMASK(15, 0)
#define TRE_CHAIN	BIT(0)
#define TRE_EOB		BIT(8)
#define TRE_EOT		BIT(9)
#define COMMAND_RESET	16
#define COMMAND_STOP	17
#define COMMAND_START	18
#define EVENT_STATE	0x20
#define EVENT_COMMAND	0x21
#define EVENT_TRANSFER	0x22
#define EVENT_EE	0x40
#define CODE_SUCCESS	1
#define CODE_EOT	2
#define CODE_OVERFLOW	3
#define CODE_EOB	4

struct mhi_message {
	struct list_head link;
	unsigned int chan;
	size_t bytes;
	u8 data[];
};

/* --- registers --------------------------------------------------------------------------- */

u32 mhi_reg_read(struct mhi *mhi, unsigned int reg)
{
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&mhi->dev->lock, flags);
	switch (reg) {
	case MHIREGLEN:
		value = sizeof(mhi->regs);
		break;
	case MHIVER:
		value = 0x01000000;
		break;
	case CHDBOFF:
		value = CHDB;
		break;
	case ERDBOFF:
		value = ERDB;
		break;
	case BHIOFF:
		value = BHI;
		break;
	case MHISTATUS:
		value = mhi->status;
		break;
	case BHI_EXECENV:
		value = EE_AMSS;
		break;
	default:
		value = reg < sizeof(mhi->regs) ? mhi->regs[reg / 4] : 0;
	}
	spin_unlock_irqrestore(&mhi->dev->lock, flags);
	return value;
}

static u64 mhi_reg64(struct mhi *mhi, unsigned int low)
{
	return mhi->regs[low / 4] | (u64)mhi->regs[low / 4 + 1] << 32;
}

void mhi_reg_write(struct mhi *mhi, unsigned int reg, u32 value)
{
	unsigned long flags;
	unsigned int chan;

	if (reg >= sizeof(mhi->regs))
		return;
	spin_lock_irqsave(&mhi->dev->lock, flags);
	mhi->regs[reg / 4] = value;
	if (reg == MHICTRL && value & CTRL_RESET) {
		mhi->reset_wanted = true;
		mhi->dev->epoch++;
	} else if (reg == MHICTRL) {
		mhi->state_wanted = true;
	} else if (reg == CRDB) {
		mhi->command_doorbell = mhi_reg64(mhi, reg);
		mhi->commands_wanted = true;
	} else if (reg == SOC_RESET) {
		mhi->restart_wanted = value & 1;
	} else if (reg >= CHDB && reg < CHDB + 8 * MHI_CHANNELS && !(reg % 8)) {
		chan = (reg - CHDB) / 8;
		mhi->doorbells[chan] = mhi_reg64(mhi, reg);
		__set_bit(chan, mhi->rung);
	}
	spin_unlock_irqrestore(&mhi->dev->lock, flags);
	if (reg == MHICTRL)
		wake_up_all(&mhi->dev->reset_wait);
	rig_start(mhi->dev);
}

/* --- rings ------------------------------------------------------------------------------- */

/* A context, if the host has given one whose ring can be used. */
static u8 *mhi_context(struct mhi *mhi, unsigned int array, unsigned int index)
{
	u64 base = mhi_reg64(mhi, array);
	u8 *context = base ? rig_pci_memory(mhi->dev, base + index * CONTEXT_BYTES,
					    CONTEXT_BYTES) : NULL;

	return context && get_unaligned_le64(context + RING_LENGTH) ? context : NULL;
}

/* The element at a position of a ring, as the host's memory has it. */
static u8 *mhi_element(struct mhi *mhi, const u8 *context, u64 position)
{
	u64 base = get_unaligned_le64(context + RING_BASE);
	u64 bytes = get_unaligned_le64(context + RING_LENGTH);

	if (position < base || position - base >= bytes || (position - base) % ELEMENT_BYTES)
		return NULL;
	return rig_pci_memory(mhi->dev, position, ELEMENT_BYTES);
}

static u64 mhi_next(const u8 *context, u64 position)
{
	u64 base = get_unaligned_le64(context + RING_BASE);
	u64 bytes = get_unaligned_le64(context + RING_LENGTH);

	position += ELEMENT_BYTES;
	return position - base >= bytes ? base : position;
}

/* --- events ------------------------------------------------------------------------------ */

static void mhi_post(struct mhi *mhi, u64 ptr, u32 dword0, u32 dword1)
{
	struct mhi_event *event;

	if (mhi->backlog_count == MHI_BACKLOG) {
		pr_err("rig: %s loses an event\n", mhi->dev->name);
		return;
	}
	event = &mhi->backlog[(mhi->backlog_first + mhi->backlog_count++) % MHI_BACKLOG];
	event->ptr = ptr;
	event->dword[0] = dword0;
	event->dword[1] = dword1;
}

/* As many events as the host has room for. Were there any? */
static bool mhi_flush(struct mhi *mhi)
{
	u8 *context = mhi_context(mhi, ECABAP, 0), *element;
	bool any = false;
	u64 position;

	while (context && mhi->backlog_count) {
		position = get_unaligned_le64(context + RING_READ);
		element = mhi_element(mhi, context, position);
		position = mhi_next(context, position);
		if (!element || position == get_unaligned_le64(context + RING_WRITE))
			break;
		memcpy(element, &mhi->backlog[mhi->backlog_first], ELEMENT_BYTES);
		mhi->backlog_first = (mhi->backlog_first + 1) % MHI_BACKLOG;
		mhi->backlog_count--;
		/* The event is there before the position says so. */
		smp_wmb();
		put_unaligned_le64(position, context + RING_READ);
		any = true;
	}
	return any;
}

/* --- channels ---------------------------------------------------------------------------- */

static void mhi_forget_messages(struct mhi *mhi, int chan)
{
	struct mhi_message *message, *next;
	LIST_HEAD(gone);

	spin_lock_irq(&mhi->dev->lock);
	list_for_each_entry_safe(message, next, &mhi->messages, link)
		if (chan < 0 || message->chan == chan)
			list_move_tail(&message->link, &gone);
	spin_unlock_irq(&mhi->dev->lock);
	list_for_each_entry_safe(message, next, &gone, link)
		kfree(message);
}

int mhi_send(struct mhi *mhi, unsigned int chan, const void *data, size_t bytes)
{
	struct mhi_message *message = kmalloc(struct_size(message, data, bytes), GFP_KERNEL);

	if (!message)
		return -ENOMEM;
	message->chan = chan;
	message->bytes = bytes;
	memcpy(message->data, data, bytes);
	spin_lock_irq(&mhi->dev->lock);
	list_add_tail(&message->link, &mhi->messages);
	spin_unlock_irq(&mhi->dev->lock);
	rig_start(mhi->dev);
	return 0;
}

static struct mhi_message *mhi_take_message(struct mhi *mhi, unsigned int chan)
{
	struct mhi_message *message;

	spin_lock_irq(&mhi->dev->lock);
	list_for_each_entry(message, &mhi->messages, link)
		if (message->chan == chan) {
			list_del(&message->link);
			spin_unlock_irq(&mhi->dev->lock);
			return message;
		}
	spin_unlock_irq(&mhi->dev->lock);
	return NULL;
}

/* From the host: gather the chain, and hand the whole message on. */
static void mhi_receive(struct mhi *mhi, unsigned int chan, u8 *context, u64 until)
{
	u64 position = get_unaligned_le64(context + RING_READ);
	u32 dword[2], bytes;
	u8 *element, *data;
	u64 ptr;

	while (position != until) {
		element = mhi_element(mhi, context, position);
		if (!element)
			return;
		ptr = get_unaligned_le64(element);
		dword[0] = get_unaligned_le32(element + 8);
		dword[1] = get_unaligned_le32(element + 12);
		bytes = FIELD_GET(EL_LENGTH, dword[0]);
		data = rig_pci_memory(mhi->dev, ptr, bytes);
		if (data && mhi->message_bytes + bytes <= MHI_MESSAGE_BYTES) {
			memcpy(mhi->message + mhi->message_bytes, data, bytes);
			mhi->message_bytes += bytes;
		}
		if (dword[1] & (TRE_EOT | TRE_EOB))
			mhi_post(mhi, position,
				 FIELD_PREP(EL_CODE, dword[1] & TRE_EOT ? CODE_EOT : CODE_EOB) |
				 FIELD_PREP(EL_LENGTH, bytes),
				 FIELD_PREP(EL_CHANNEL, chan) |
				 FIELD_PREP(EL_TYPE, EVENT_TRANSFER));
		position = mhi_next(context, position);
		put_unaligned_le64(position, context + RING_READ);
		if (dword[1] & TRE_CHAIN)
			continue;
		mhi->ops->receive(mhi->dev, chan, mhi->message, mhi->message_bytes);
		mhi->message_bytes = 0;
	}
}

/* To the host: each message into one of the buffers that it has put there. */
static void mhi_deliver(struct mhi *mhi, unsigned int chan, u8 *context, u64 until)
{
	u64 position = get_unaligned_le64(context + RING_READ);
	struct mhi_message *message;
	u8 *element, *data;
	u32 room, bytes;

	while (position != until) {
		element = mhi_element(mhi, context, position);
		if (!element)
			return;
		message = mhi_take_message(mhi, chan);
		if (!message)
			return;
		room = FIELD_GET(EL_LENGTH, get_unaligned_le32(element + 8));
		bytes = min_t(size_t, room, message->bytes);
		data = rig_pci_memory(mhi->dev, get_unaligned_le64(element), bytes);
		if (data)
			memcpy(data, message->data, bytes);
		mhi_post(mhi, position,
			 FIELD_PREP(EL_CODE, message->bytes > room ? CODE_OVERFLOW : CODE_EOT) |
			 FIELD_PREP(EL_LENGTH, bytes),
			 FIELD_PREP(EL_CHANNEL, chan) | FIELD_PREP(EL_TYPE, EVENT_TRANSFER));
		position = mhi_next(context, position);
		put_unaligned_le64(position, context + RING_READ);
		kfree(message);
	}
}

/* Even channels are from the host, odd ones to it. */
static void mhi_channel(struct mhi *mhi, unsigned int chan)
{
	u8 *context = mhi_context(mhi, CCABAP, chan);
	u64 until;

	if (!context || !test_bit(chan, mhi->started))
		return;
	spin_lock_irq(&mhi->dev->lock);
	until = mhi->doorbells[chan];
	spin_unlock_irq(&mhi->dev->lock);
	if (!until)
		return;
	if (chan % 2)
		mhi_deliver(mhi, chan, context, until);
	else
		mhi_receive(mhi, chan, context, until);
}

static void mhi_start_channel(struct mhi *mhi, unsigned int chan, bool start)
{
	/* A doorbell of before says nothing about the ring of now. */
	spin_lock_irq(&mhi->dev->lock);
	mhi->doorbells[chan] = 0;
	__clear_bit(chan, mhi->rung);
	spin_unlock_irq(&mhi->dev->lock);
	__assign_bit(chan, mhi->started, start);
	if (!start)
		mhi_forget_messages(mhi, chan);
}

static void mhi_commands(struct mhi *mhi, u64 until)
{
	u8 *context = mhi_context(mhi, CRCBAP, 0), *element;
	u64 position;
	u32 dword;
	unsigned int chan;

	if (!context)
		return;
	position = get_unaligned_le64(context + RING_READ);
	while (position != until) {
		element = mhi_element(mhi, context, position);
		if (!element)
			return;
		dword = get_unaligned_le32(element + 12);
		chan = FIELD_GET(EL_CHANNEL, dword) % MHI_CHANNELS;
		switch (FIELD_GET(EL_TYPE, dword)) {
		case COMMAND_START:
			mhi_start_channel(mhi, chan, true);
			break;
		case COMMAND_STOP:
			__clear_bit(chan, mhi->started);
			break;
		case COMMAND_RESET:
			mhi_start_channel(mhi, chan, false);
			break;
		}
		mhi_post(mhi, position, FIELD_PREP(EL_CODE, CODE_SUCCESS),
			 FIELD_PREP(EL_TYPE, EVENT_COMMAND));
		position = mhi_next(context, position);
		put_unaligned_le64(position, context + RING_READ);
	}
}

/* --- states ------------------------------------------------------------------------------ */

static void mhi_forget(struct mhi *mhi)
{
	mhi->ops->reset(mhi->dev);
	mhi_forget_messages(mhi, -1);
	bitmap_zero(mhi->started, MHI_CHANNELS);
	mhi->backlog_count = 0;
	mhi->message_bytes = 0;
	mhi->in_service = false;
}

static void mhi_reset(struct mhi *mhi)
{
	unsigned int usec = 0, epoch;

	mhi_forget(mhi);
	spin_lock_irq(&mhi->dev->lock);
	epoch = mhi->dev->epoch;
	swap(usec, mhi->restart_usec);
	spin_unlock_irq(&mhi->dev->lock);
	if (usec)
		rig_pass_time(mhi->dev, epoch, usec);

	spin_lock_irq(&mhi->dev->lock);
	/* If another one has come meanwhile, it is not over. */
	if (!mhi->reset_wanted) {
		memset(mhi->regs, 0, sizeof(mhi->regs));
		memset(mhi->doorbells, 0, sizeof(mhi->doorbells));
		bitmap_zero(mhi->rung, MHI_CHANNELS);
		mhi->state_wanted = mhi->commands_wanted = false;
		mhi->status = STATUS_READY | FIELD_PREP(STATUS_STATE, STATE_READY);
		mhi->crashed = false;
	}
	spin_unlock_irq(&mhi->dev->lock);
}

void mhi_power_on(struct mhi *mhi)
{
	unsigned long flags;

	spin_lock_irqsave(&mhi->dev->lock, flags);
	mhi->dev->epoch++;
	mhi->status = 0;
	mhi->reset_wanted = true;
	spin_unlock_irqrestore(&mhi->dev->lock, flags);
	rig_start(mhi->dev);
}

void mhi_crash(struct mhi *mhi, u32 usec)
{
	mhi_forget(mhi);
	mhi->crashed = true;
	spin_lock_irq(&mhi->dev->lock);
	mhi->restart_usec = usec;
	mhi->status = STATUS_SYSERR | FIELD_PREP(STATUS_STATE, STATE_SYS_ERR);
	spin_unlock_irq(&mhi->dev->lock);
	rig_pci_interrupt(mhi->dev);
}

static void mhi_change_state(struct mhi *mhi)
{
	unsigned int state;

	spin_lock_irq(&mhi->dev->lock);
	state = FIELD_GET(CTRL_STATE, mhi->regs[MHICTRL / 4]);
	if (state == STATE_M0 || state == STATE_M3)
		mhi->status = STATUS_READY | FIELD_PREP(STATUS_STATE, state);
	spin_unlock_irq(&mhi->dev->lock);
	if (state != STATE_M0 && state != STATE_M3)
		return;
	mhi_post(mhi, 0, FIELD_PREP(EL_CODE, state), FIELD_PREP(EL_TYPE, EVENT_STATE));
	if (state == STATE_M0 && !mhi->in_service) {
		mhi->in_service = true;
		mhi_post(mhi, 0, FIELD_PREP(EL_CODE, EE_AMSS), FIELD_PREP(EL_TYPE, EVENT_EE));
	}
}

/* The channels that have something to do: a doorbell was rung, or a message waits. */
static void mhi_wanted_channels(struct mhi *mhi, unsigned long *wanted)
{
	struct mhi_message *message;

	bitmap_copy(wanted, mhi->rung, MHI_CHANNELS);
	bitmap_zero(mhi->rung, MHI_CHANNELS);
	list_for_each_entry(message, &mhi->messages, link)
		__set_bit(message->chan, wanted);
}

void mhi_run(struct mhi *mhi)
{
	DECLARE_BITMAP(wanted, MHI_CHANNELS);
	bool reset = false, restart = false, state = false, commands = false;
	unsigned int chan;
	u64 until;

	spin_lock_irq(&mhi->dev->lock);
	swap(reset, mhi->reset_wanted);
	swap(restart, mhi->restart_wanted);
	swap(state, mhi->state_wanted);
	swap(commands, mhi->commands_wanted);
	until = mhi->command_doorbell;
	mhi_wanted_channels(mhi, wanted);
	spin_unlock_irq(&mhi->dev->lock);

	if (reset) {
		mhi_reset(mhi);
		return;
	}
	/* Dead until the host resets it. */
	if (mhi->crashed)
		return;
	if (restart) {
		mhi->ops->restart(mhi->dev);
		return;
	}
	if (state)
		mhi_change_state(mhi);
	if (commands)
		mhi_commands(mhi, until);
	for_each_set_bit(chan, wanted, MHI_CHANNELS)
		mhi_channel(mhi, chan);
	if (mhi_flush(mhi))
		rig_pci_interrupt(mhi->dev);
}

void mhi_init(struct mhi *mhi, struct rig_device *dev, const struct mhi_ops *ops)
{
	mhi->dev = dev;
	mhi->ops = ops;
	INIT_LIST_HEAD(&mhi->messages);
}
