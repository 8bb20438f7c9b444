// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI host bridge and the bus behind it: the configuration space of the modelled devices, their
 * BARs in a window of memory-mapped I/O, power states, messages, and a link that goes down.
 *
 * The kernel's own bridge of UML has bus 0, so this one's is bus 1. Its messages come for free:
 * what the kernel writes into a message's data is its interrupt's number.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/logic_iomem.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "rig.h"

#define CONFIG_BYTES	256
#define PM		0x40	/* where the capabilities lie */
#define MSI		0x50
#define MSI_DATA	(MSI + PCI_MSI_DATA_64)

/* What one mapping of I/O memory may span: larger ones run into the next area. */
#define AREA_BYTES	SZ_16M

struct rig_pci;

/* As much of a BAR as one area shows. */
struct rig_pci_area {
	struct rig_pci *pci;
	unsigned int bar;
	u64 offset;		/* in the BAR */
	void __iomem *held;	/* mapped so that a large mapping runs into it */
};

struct rig_pci {
	const struct rig_pci_model *model;
	struct rig_device *dev;
	struct rig_pci_area *areas[RIG_PCI_BARS];

	raw_spinlock_t lock;	/* all below */
	bool down;		/* the link */
	u8 config[CONFIG_BYTES];
	u8 writable[CONFIG_BYTES];

	struct work_struct pull;
	u64 down_usec;
	struct list_head link;
};

static struct resource rig_pci_window = {
	.name = "rig PCI",
	.start = 0xd0000000,
	.end = 0xdfffffff,
	.flags = IORESOURCE_MEM,
};

static struct resource rig_pci_busses = {
	.name = "rig PCI bus",
	.start = 1,
	.end = 1,
	.flags = IORESOURCE_BUS,
};

static struct pci_host_bridge *bridge;
static LIST_HEAD(devices);	/* only grows, under the kernel's rescan lock */

/* --- configuration space ----------------------------------------------------------------- */

static void rig_pci_fill_config(struct rig_pci *pci)
{
	const struct rig_pci_model *model = pci->model;
	u8 *config = pci->config, *writable = pci->writable;
	unsigned int bar;

	memset(config, 0, CONFIG_BYTES);
	memset(writable, 0, CONFIG_BYTES);
	put_unaligned_le16(model->vendor, config + PCI_VENDOR_ID);
	put_unaligned_le16(model->device, config + PCI_DEVICE_ID);
	put_unaligned_le16(model->vendor, config + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(model->device, config + PCI_SUBSYSTEM_ID);
	put_unaligned_le32(model->class << 8 | model->revision, config + PCI_CLASS_REVISION);
	put_unaligned_le16(PCI_STATUS_CAP_LIST, config + PCI_STATUS);
	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			   PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE, writable + PCI_COMMAND);
	writable[PCI_CACHE_LINE_SIZE] = writable[PCI_LATENCY_TIMER] = 0xff;
	writable[PCI_INTERRUPT_LINE] = 0xff;

	for (bar = 0; bar < RIG_PCI_BARS; bar++)
		if (model->bars[bar]) {
			put_unaligned_le64(PCI_BASE_ADDRESS_MEM_TYPE_64,
					   config + PCI_BASE_ADDRESS_0 + 4 * bar);
			put_unaligned_le64(~(model->bars[bar] - 1),
					   writable + PCI_BASE_ADDRESS_0 + 4 * bar);
		}

	config[PCI_CAPABILITY_LIST] = PM;
	config[PM] = PCI_CAP_ID_PM;
	config[PM + PCI_CAP_LIST_NEXT] = MSI;
	put_unaligned_le16(3, config + PM + PCI_PM_PMC);
	put_unaligned_le16(PCI_PM_CTRL_STATE_MASK, writable + PM + PCI_PM_CTRL);

	config[MSI] = PCI_CAP_ID_MSI;
	put_unaligned_le16(PCI_MSI_FLAGS_64BIT, config + MSI + PCI_MSI_FLAGS);
	put_unaligned_le16(PCI_MSI_FLAGS_ENABLE, writable + MSI + PCI_MSI_FLAGS);
	put_unaligned_le32(~3u, writable + MSI + PCI_MSI_ADDRESS_LO);
	put_unaligned_le32(~0u, writable + MSI + PCI_MSI_ADDRESS_HI);
	put_unaligned_le16(0xffff, writable + MSI_DATA);
}

static bool rig_pci_is_master(struct rig_pci *pci)
{
	return get_unaligned_le16(pci->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

static pci_power_t rig_pci_power(struct rig_pci *pci)
{
	return pci->config[PM + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;
}

/* Under the lock. */
static bool rig_pci_answers(struct rig_pci *pci)
{
	return !pci->down && rig_pci_power(pci) == PCI_D0 &&
	       get_unaligned_le16(pci->config + PCI_COMMAND) & PCI_COMMAND_MEMORY;
}

/* With no lock held but those of a configuration access, under which nothing may sleep. */
static void rig_pci_reset(struct rig_pci *pci)
{
	struct rig_device *dev = pci->dev;

	if (dev->model->reset)
		dev->model->reset(dev);
	wake_up_all(&dev->reset_wait);
}

static struct rig_pci *rig_pci_at(struct pci_bus *bus, unsigned int devfn)
{
	struct rig_pci *pci;

	list_for_each_entry(pci, &devices, link)
		if (devfn == PCI_DEVFN(pci->model->slot, 0))
			return pci;
	return NULL;
}

static int rig_pci_config_read(struct pci_bus *bus, unsigned int devfn, int where, int size,
			       u32 *value)
{
	struct rig_pci *pci = rig_pci_at(bus, devfn);
	unsigned long flags;
	int i;

	*value = ~0u;
	if (!pci)
		return PCIBIOS_DEVICE_NOT_FOUND;
	raw_spin_lock_irqsave(&pci->lock, flags);
	if (!pci->down) {
		*value = 0;
		for (i = size - 1; i >= 0 && where + size <= CONFIG_BYTES; i--)
			*value = *value << 8 | pci->config[where + i];
	}
	raw_spin_unlock_irqrestore(&pci->lock, flags);
	return PCIBIOS_SUCCESSFUL;
}

static int rig_pci_config_write(struct pci_bus *bus, unsigned int devfn, int where, int size,
				u32 value)
{
	struct rig_pci *pci = rig_pci_at(bus, devfn);
	bool reset, was_master;
	unsigned long flags;
	pci_power_t before;
	u8 *at;
	int i;

	if (!pci)
		return PCIBIOS_DEVICE_NOT_FOUND;
	raw_spin_lock_irqsave(&pci->lock, flags);
	before = rig_pci_power(pci);
	was_master = rig_pci_is_master(pci);
	for (i = 0; i < size && where + size <= CONFIG_BYTES && !pci->down; i++) {
		at = &pci->config[where + i];
		*at = (*at & ~pci->writable[where + i]) |
		      ((value >> (8 * i)) & pci->writable[where + i]);
	}
	/* There is no D1 and no D2: writing them changes nothing. */
	at = &pci->config[PM + PCI_PM_CTRL];
	if (rig_pci_power(pci) == PCI_D1 || rig_pci_power(pci) == PCI_D2)
		*at = (*at & ~PCI_PM_CTRL_STATE_MASK) | before;
	/* A driver that goes leaves nothing running behind it. */
	reset = was_master && !rig_pci_is_master(pci);
	/* Who returns from D3hot has forgotten everything. */
	if (before == PCI_D3hot && rig_pci_power(pci) == PCI_D0) {
		rig_pci_fill_config(pci);
		reset = true;
	}
	raw_spin_unlock_irqrestore(&pci->lock, flags);
	if (reset)
		rig_pci_reset(pci);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops rig_pci_config_ops = {
	.read = rig_pci_config_read,
	.write = rig_pci_config_write,
};

/* --- BARs -------------------------------------------------------------------------------- */

static bool rig_pci_reaches(struct rig_pci *pci)
{
	unsigned long flags;
	bool answers;

	raw_spin_lock_irqsave(&pci->lock, flags);
	answers = rig_pci_answers(pci);
	raw_spin_unlock_irqrestore(&pci->lock, flags);
	return answers;
}

static unsigned long rig_pci_mmio_read(void *priv, unsigned int offset, int size)
{
	struct rig_pci_area *area = priv;
	struct rig_device *dev = area->pci->dev;
	u64 value, at = area->offset + offset;

	if (!rig_pci_reaches(area->pci))
		return ~0ul;
	if (size != 4 && size != 8) {
		WARN_ONCE(1, "rig: %d byte read of a register of %s\n", size, dev->name);
		return ~0ul;
	}
	value = dev->model->reg_read(dev, area->bar, at);
	if (size == 8)
		value |= (u64)dev->model->reg_read(dev, area->bar, at + 4) << 32;
	return value;
}

static void rig_pci_mmio_write(void *priv, unsigned int offset, int size, unsigned long value)
{
	struct rig_pci_area *area = priv;
	struct rig_device *dev = area->pci->dev;
	u64 at = area->offset + offset;

	if (!rig_pci_reaches(area->pci))
		return;
	if (size != 4 && size != 8) {
		WARN_ONCE(1, "rig: %d byte write of a register of %s\n", size, dev->name);
		return;
	}
	dev->model->reg_write(dev, area->bar, at, lower_32_bits(value));
	if (size == 8)
		dev->model->reg_write(dev, area->bar, at + 4, upper_32_bits(value));
}

static const struct logic_iomem_ops rig_pci_mmio_ops = {
	.read = rig_pci_mmio_read,
	.write = rig_pci_mmio_write,
};

static u64 rig_pci_bar_address(struct rig_pci *pci, unsigned int bar)
{
	return get_unaligned_le64(pci->config + PCI_BASE_ADDRESS_0 + 4 * bar) &
	       ~(pci->model->bars[bar] - 1);
}

static long rig_pci_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
			void **priv)
{
	u64 address = rig_pci_window.start + offset, at;
	struct rig_pci *pci;
	unsigned int bar;

	list_for_each_entry(pci, &devices, link)
		for (bar = 0; bar < RIG_PCI_BARS; bar++) {
			at = address - rig_pci_bar_address(pci, bar);
			if (!pci->model->bars[bar] || at >= pci->model->bars[bar])
				continue;
			*ops = &rig_pci_mmio_ops;
			*priv = &pci->areas[bar][at / AREA_BYTES];
			return at % AREA_BYTES;
		}
	return -ENXIO;
}

static const struct logic_iomem_region_ops rig_pci_region_ops = {
	.map = rig_pci_map,
};

/*
 * The kernel gives each mapping the lowest area that is free, and does not see that a large one
 * runs into those behind it. Hold those: map the first part and then the others, and give the
 * first back, for the driver's mapping to take it.
 */
static int rig_pci_hold_areas(struct rig_pci *pci, unsigned int bar)
{
	unsigned int i, count = DIV_ROUND_UP(pci->model->bars[bar], AREA_BYTES);
	struct rig_pci_area *areas = pci->areas[bar];

	if (count < 2 || areas[1].held)
		return 0;
	for (i = 0; i < count; i++) {
		areas[i].held = ioremap(rig_pci_bar_address(pci, bar) + i * AREA_BYTES,
					AREA_BYTES);
		if (!areas[i].held)
			return -ENOSPC;
		if (areas[i].held != areas[0].held + i * AREA_BYTES) {
			pr_err("rig: the areas for a BAR of %s are not in a row\n",
			       pci->model->name);
			return -ENOSPC;
		}
	}
	iounmap(areas[0].held);
	areas[0].held = NULL;
	return 0;
}

static int rig_pci_add_areas(struct rig_pci *pci, unsigned int bar)
{
	unsigned int i, count = DIV_ROUND_UP(pci->model->bars[bar], AREA_BYTES);

	pci->areas[bar] = kcalloc(count, sizeof(*pci->areas[bar]), GFP_KERNEL);
	if (count && !pci->areas[bar])
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		pci->areas[bar][i].pci = pci;
		pci->areas[bar][i].bar = bar;
		pci->areas[bar][i].offset = (u64)i * AREA_BYTES;
	}
	return 0;
}

/* --- messages, and the host's memory ----------------------------------------------------- */

void rig_pci_interrupt(struct rig_device *dev)
{
	struct rig_pci *pci = dev->pci;
	unsigned long flags;
	unsigned int irq = 0;

	raw_spin_lock_irqsave(&pci->lock, flags);
	if (!pci->down && rig_pci_power(pci) == PCI_D0 && rig_pci_is_master(pci) &&
	    get_unaligned_le16(pci->config + MSI + PCI_MSI_FLAGS) & PCI_MSI_FLAGS_ENABLE)
		irq = get_unaligned_le16(pci->config + MSI_DATA);
	raw_spin_unlock_irqrestore(&pci->lock, flags);
	if (irq)
		generic_handle_irq_safe(irq);
}
EXPORT_SYMBOL_GPL(rig_pci_interrupt);

void *rig_pci_memory(struct rig_device *dev, u64 address, size_t bytes)
{
	struct rig_pci *pci = dev->pci;
	unsigned long flags;
	bool allowed;

	raw_spin_lock_irqsave(&pci->lock, flags);
	allowed = !pci->down && rig_pci_power(pci) == PCI_D0 && rig_pci_is_master(pci);
	raw_spin_unlock_irqrestore(&pci->lock, flags);
	return allowed ? rig_memory(address, bytes) : NULL;
}
EXPORT_SYMBOL_GPL(rig_pci_memory);

/* --- devices ----------------------------------------------------------------------------- */

/* Let the kernel find what is there now. */
static int rig_pci_scan(struct rig_pci *pci)
{
	unsigned int bar;
	int ret = 0;

	pci_lock_rescan_remove();
	pci_scan_child_bus(bridge->bus);
	pci_assign_unassigned_bus_resources(bridge->bus);
	for (bar = 0; bar < RIG_PCI_BARS && !ret; bar++)
		ret = rig_pci_hold_areas(pci, bar);
	pci_bus_add_devices(bridge->bus);
	pci_unlock_rescan_remove();
	return ret;
}

static void rig_pci_set_down(struct rig_pci *pci, bool down)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pci->lock, flags);
	pci->down = down;
	if (!down)
		rig_pci_fill_config(pci);
	raw_spin_unlock_irqrestore(&pci->lock, flags);
}

static void rig_pci_pull_work(struct work_struct *work)
{
	struct rig_pci *pci = container_of(work, struct rig_pci, pull);
	struct pci_dev *pdev;
	u64 usec = pci->down_usec;

	rig_pci_set_down(pci, true);
	rig_pci_reset(pci);
	pdev = pci_get_slot(bridge->bus, PCI_DEVFN(pci->model->slot, 0));
	if (pdev) {
		pdev->error_state = pci_channel_io_perm_failure;
		pci_stop_and_remove_bus_device_locked(pdev);
		pci_dev_put(pdev);
	}
	if (!usec)
		return;
	fsleep(usec);
	rig_pci_set_down(pci, false);
	rig_pci_scan(pci);
}

void rig_pci_pull(struct rig_device *dev, u64 usec)
{
	dev->pci->down_usec = usec;
	queue_work(system_long_wq, &dev->pci->pull);
}
EXPORT_SYMBOL_GPL(rig_pci_pull);

int rig_add_pci_device(const struct rig_pci_model *model)
{
	struct rig_pci *pci = kzalloc(sizeof(*pci), GFP_KERNEL);
	unsigned int bar;
	int ret = 0;

	if (!pci)
		return -ENOMEM;
	pci->model = model;
	raw_spin_lock_init(&pci->lock);
	INIT_WORK(&pci->pull, rig_pci_pull_work);
	rig_pci_fill_config(pci);
	for (bar = 0; bar < RIG_PCI_BARS && !ret; bar++)
		ret = rig_pci_add_areas(pci, bar);
	if (ret)
		return ret;
	pci->dev = rig_create_device(&model->model, model->name);
	if (!pci->dev)
		return -ENOMEM;
	pci->dev->pci = pci;
	if (model->model.create)
		ret = model->model.create(pci->dev);
	if (ret)
		return ret;
	rig_pci_reset(pci);
	pci_lock_rescan_remove();
	list_add_tail(&pci->link, &devices);
	pci_unlock_rescan_remove();
	return rig_pci_scan(pci);
}
EXPORT_SYMBOL_GPL(rig_add_pci_device);

static int __init rig_pci_init(void)
{
	int ret;

	/* The kernel has no call to take a region away again: this module stays. */
	ret = logic_iomem_add_region(&rig_pci_window, &rig_pci_region_ops);
	if (ret)
		return ret;
	__module_get(THIS_MODULE);
	bridge = pci_alloc_host_bridge(0);
	if (!bridge)
		return -ENOMEM;
	bridge->busnr = rig_pci_busses.start;
	bridge->ops = &rig_pci_config_ops;
	pci_add_resource(&bridge->windows, &rig_pci_window);
	pci_add_resource(&bridge->windows, &rig_pci_busses);
	return pci_host_probe(bridge);
}
module_init(rig_pci_init);

MODULE_DESCRIPTION("libaccel test rig: a PCI host bridge and the bus behind it");
MODULE_LICENSE("GPL");
