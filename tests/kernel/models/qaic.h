/* SPDX-License-Identifier: GPL-2.0 */
/* What a passthrough transaction can tell qaic's model, shared with the programs that do. */
#ifndef RIG_QAIC_H
#define RIG_QAIC_H

#include <linux/types.h>

#include "fault.h"

/*
 * An activated channel has memory of its own, zeroed when it is activated, and 32 semaphores at
 * 0. This is where a slice's device address may lie; a doorbell in it writes there.
 */
#define RIG_QAIC_MEMORY		0x40000000ull
#define RIG_QAIC_MEMORY_BYTES	0x400000u
#define RIG_QAIC_SEMAPHORES	32
#define RIG_QAIC_CHANNELS	16

/* A doorbell of 32 bits at 4 * n behind this address adds its data to semaphore n. */
#define RIG_QAIC_DOORBELLS	0x3ff00000ull

/*
 * A passthrough transaction carries one command. The answer is a passthrough transaction with the
 * same command, its status filled in: 0, or a negative number of the kernel's errno.h.
 *
 * dbc is the channel meant, which must be of the file that sends the command, or
 * RIG_QAIC_THIS for the one that the same message activates.
 */
#define RIG_QAIC_THIS		0xffffffffu

enum rig_qaic_op {
	RIG_QAIC_ECHO = 1,	/* answers all its bytes */
	RIG_QAIC_STEP,		/* struct rig_qaic_step: add it to the channel's network */
	RIG_QAIC_CLEAR,		/* forget the network, semaphores to 0 */
	RIG_QAIC_LOOK,		/* struct rig_qaic_look: is filled in */
	RIG_QAIC_RELEASE,	/* give the channel back, answered by a deactivation as well */
	RIG_QAIC_LOAD,		/* struct rig_qaic_load: of what a DMA transfer brought */
	RIG_QAIC_FAULT,		/* struct rig_qaic_fault */
	RIG_QAIC_RAS,		/* struct rig_qaic_ras: report this error on the status channel */
};

struct rig_qaic_command {
	__u32 op;
	__u32 dbc;
	__s32 status;
	__u32 pad;
};

/*
 * A network is a list of up to 16 steps. Whenever semaphore wait is above 0, it is decremented,
 * the step is done, and then semaphore signal is incremented.
 */
#define RIG_QAIC_STEPS		16

enum rig_qaic_work {
	RIG_QAIC_NOTHING,	/* only the semaphores */
	RIG_QAIC_COPY,		/* bytes from src to dst */
	RIG_QAIC_FILL,		/* bytes at dst with the low byte of value */
	RIG_QAIC_ADD,		/* value to each 32-bit word on its way from src to dst */
};

struct rig_qaic_step {
	struct rig_qaic_command command;
	__u32 wait;
	__u32 signal;		/* RIG_QAIC_SEMAPHORES: none */
	__u32 work;
	__u32 value;
	__u64 src;
	__u64 dst;
	__u64 bytes;
};

struct rig_qaic_look {
	struct rig_qaic_command command;
	__u32 semaphores[RIG_QAIC_SEMAPHORES];
	__u32 requests;		/* done since the activation */
	__u32 waiting;		/* fetched, and not done */
};

/* The message's DMA transfer with this tag, from offset on, to the channel's memory. */
struct rig_qaic_load {
	struct rig_qaic_command command;
	__u32 tag;
	__u32 pad;
	__u64 offset;
	__u64 dst;
	__u64 bytes;
};

/*
 * The channel's next job shall have this fault; a fault of messages is this message's own, and
 * needs no channel.
 */
struct rig_qaic_fault {
	struct rig_qaic_command command;
	__u32 kind;		/* enum rig_fault_kind */
	__u32 value;
};

struct rig_qaic_ras {
	struct rig_qaic_command command;
	__u32 source;		/* 0 memory, 1 PCIe, 2 DDR, ... 6 temperature */
	__u32 type;		/* 0 corrected, 1 fatal: the driver resets the device, 2 not fatal */
};

#endif
