/* SPDX-License-Identifier: GPL-2.0 */
/* What a device model is given by the core: registers, an interrupt, resets, memory, faults. */
#ifndef RIG_H
#define RIG_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "fault.h"

struct device_node;
struct rig_device;

/*
 * A family of devices. Calls into reg_read, reg_write and reset come from the driver, in any
 * context: they take the device's lock and never sleep. Work that takes time is done by run,
 * on the device's own thread, after rig_start().
 */
struct rig_model {
	const char *compatible;
	int (*create)(struct rig_device *dev);
	u32 (*reg_read)(struct rig_device *dev, unsigned int window, unsigned int reg);
	void (*reg_write)(struct rig_device *dev, unsigned int window, unsigned int reg, u32 value);
	void (*reset)(struct rig_device *dev);
	void (*run)(struct rig_device *dev);
};

struct rig_device {
	const char *name;	/* the node's label property: "u65", "rocket0" */
	struct device_node *node;
	const struct rig_model *model;
	void *priv;

	spinlock_t lock;	/* the model's registers, and all below */
	unsigned int epoch;	/* changes with each reset: work of an earlier epoch is void */
	wait_queue_head_t reset_wait;
	struct workqueue_struct *queue;
	struct work_struct work;
	int hwirq;		/* -1: none */
	unsigned int jobs;	/* started so far */
	struct list_head faults;
	struct list_head link;
};

/*
 * Declare a family's devices: each node of the device tree that one of the models describes
 * is given its model, and only then shown to the kernel's drivers.
 */
int rig_add_models(const struct rig_model *models, unsigned int count);

/* The modelled device that a phandle property of @dev's node points to; NULL if there is none. */
struct rig_device *rig_find(struct rig_device *dev, const char *property);

/* Let the model's run() be called once, soon. */
void rig_start(struct rig_device *dev);

/* Raise the device's interrupt line. Not under the device's lock. */
void rig_interrupt(struct rig_device *dev);

/*
 * The memory that an access of @bytes at @address on the bus reaches: the guest's memory or a
 * modelled one. NULL: nothing answers there.
 */
void *rig_memory(u64 address, size_t bytes);

/* Declare memory that the model owns at the node's first address: its SRAM. */
int rig_add_memory(struct rig_device *dev);

/* Pass time as the hardware would while it works. Returns -ECANCELED if a reset cut it short. */
int rig_pass_time(struct rig_device *dev, unsigned int epoch, u64 usec);

/* The fault that the job now starting was told to have, and count the job. */
struct rig_fault rig_job_fault(struct rig_device *dev);

#endif
