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
struct rig_pci;

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
	u32 faults;	/* BIT() of each kind that it can have; 0: slow, hang, bus and lost */
};

struct rig_device {
	const char *name;	/* the node's label property: "u65", "rocket0" */
	struct device_node *node;	/* NULL: on the PCI bus */
	struct rig_pci *pci;	/* NULL: in the device tree */
	const struct rig_model *model;
	void *priv;

	spinlock_t lock;	/* the model's registers, and all below */
	unsigned int epoch;	/* changes with each reset: work of an earlier epoch is void */
	wait_queue_head_t reset_wait;
	struct workqueue_struct *queue;
	struct work_struct work;
	int hwirq;		/* -1: none */
	unsigned int jobs;	/* started so far */
	unsigned int messages;	/* received so far */
	struct list_head faults;
	struct list_head link;
};

/*
 * Declare a family's devices: each node of the device tree that one of the models describes
 * is given its model, and only then shown to the kernel's drivers.
 */
int rig_add_models(const struct rig_model *models, unsigned int count);

/*
 * A device that no device tree node describes, with its thread, its faults and its directory in
 * debugfs: what rig_add_pci_device() begins with. NULL if there is no memory, or if what was
 * asked for with the faults parameter is not understood.
 */
struct rig_device *rig_create_device(const struct rig_model *model, const char *name);

/* The modelled device that a phandle property of @dev's node points to; NULL if there is none. */
struct rig_device *rig_find(struct rig_device *dev, const char *property);

/* Let the model's run() be called once, soon. */
void rig_start(struct rig_device *dev);

/* Raise the device's interrupt line: no MSI, for that is rig_pci_interrupt(). Without the lock. */
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

/* The same of messages, for devices that have such: faults of messages count those. */
struct rig_fault rig_message_fault(struct rig_device *dev);

/*
 * A PCI device. The window that reg_read and reg_write are given is the number of the BAR; only
 * accesses of 4 bytes, and of 8 as two of them, come through. The configuration space is made
 * from this: command and status, the BARs, which are 64-bit memory, the power management
 * capability with D0 and D3hot, and the MSI capability with one 64-bit vector.
 *
 * reset is called at power-on, when the device returns from D3hot, and when a driver that goes
 * takes bus mastering away, with no lock of the rig held and where nothing may sleep; what the
 * model keeps of the host's is void then. In D3hot, with memory decoding off, and with the link
 * down reads give all ones and writes are lost, and the model is not asked.
 *
 * A BAR of more than 16 MiB takes as many areas of the kernel's emulation of I/O memory: let its
 * driver be the next to be loaded, and to map that BAR first.
 */
#define RIG_PCI_BARS	6

struct rig_pci_model {
	struct rig_model model;		/* compatible is not looked at */
	const char *name;		/* "qaic" */
	unsigned int slot;		/* of the bus: each device has its own */
	u16 vendor, device;
	u32 class;			/* 24 bits */
	u8 revision;
	u64 bars[RIG_PCI_BARS];		/* bytes, a power of two; the one behind each is part of it */
};

/* Put a device on the bus; its driver, if it is there already, probes at once. */
int rig_add_pci_device(const struct rig_pci_model *model);

/* Send the device's message, if the driver has enabled it. Without the device's lock. */
void rig_pci_interrupt(struct rig_device *dev);

/*
 * The host's memory as the device reaches it, for as long as the driver lets it: NULL where
 * rig_memory() is, when the driver has not made the device a bus master, and in D3hot.
 */
void *rig_pci_memory(struct rig_device *dev, u64 address, size_t bytes);

/*
 * Let the link go down, as when the card is pulled: the driver is removed from the device, which
 * answers nothing any more. It comes back powered on after @usec, or never if that is 0. Returns
 * at once.
 */
void rig_pci_pull(struct rig_device *dev, u64 usec);

#endif
