/* SPDX-License-Identifier: GPL-2.0 */
/* The device's half of MHI, on which qaic's model speaks to the driver. */
#ifndef RIG_MHI_H
#define RIG_MHI_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/types.h>

#include "rig.h"

#define MHI_CHANNELS		128
#define MHI_BACKLOG		1024
#define MHI_MESSAGE_BYTES	65536

struct mhi;

/* The model behind the channels. All are called from the device's thread and may sleep. */
struct mhi_ops {
	/* The host wants a reset, or has crashed: its memory must be left alone on return. */
	void (*reset)(struct rig_device *dev);
	/* A whole message from the host. */
	void (*receive)(struct rig_device *dev, unsigned int chan, void *data, size_t bytes);
	/* The host has asked for a reset of the whole device. */
	void (*restart)(struct rig_device *dev);
};

struct mhi_event {
	u64 ptr;
	u32 dword[2];
};

struct mhi {
	struct rig_device *dev;
	const struct mhi_ops *ops;

	/* Under the device's lock */
	u32 regs[1024];
	u32 status;
	bool reset_wanted, restart_wanted, state_wanted, commands_wanted;
	DECLARE_BITMAP(rung, MHI_CHANNELS);
	u64 doorbells[MHI_CHANNELS];
	u64 command_doorbell;
	struct list_head messages;	/* to the host, for all channels */
	u32 restart_usec;		/* how long the reset after a crash takes */

	/* The thread's own */
	bool in_service;		/* the host has been told so */
	bool crashed;
	DECLARE_BITMAP(started, MHI_CHANNELS);
	struct mhi_event backlog[MHI_BACKLOG];
	unsigned int backlog_first, backlog_count;
	u8 message[MHI_MESSAGE_BYTES];
	size_t message_bytes;
};

void mhi_init(struct mhi *mhi, struct rig_device *dev, const struct mhi_ops *ops);

/* The registers of the MHI BAR but those that the model has itself. */
u32 mhi_reg_read(struct mhi *mhi, unsigned int reg);
void mhi_reg_write(struct mhi *mhi, unsigned int reg, u32 value);

/* Power-on: in any context. */
void mhi_power_on(struct mhi *mhi);

/* What rig_start() is to call: everything that the host has asked for and that can be done. */
void mhi_run(struct mhi *mhi);

/* Queue a message to the host. */
int mhi_send(struct mhi *mhi, unsigned int chan, const void *data, size_t bytes);

/*
 * The firmware dies: whatever is under way is forgotten, and the host is told by a system error.
 * The reset that it asks for then takes @usec. From the thread only.
 */
void mhi_crash(struct mhi *mhi, u32 usec);

#endif
