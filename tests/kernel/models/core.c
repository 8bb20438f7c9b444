// SPDX-License-Identifier: GPL-2.0
/*
 * The core below all device models: one window of memory-mapped I/O, an interrupt controller
 * and a reset controller for the devices of the device tree node "libaccel,rig", and the
 * faults that they are told to have.
 */
#include <linux/debugfs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/logic_iomem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>
#include <linux/reset-controller.h>
#include <linux/slab.h>
#include <linux/suspend.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "rig.h"

#define RIG_INTERRUPTS	32
#define RIG_RESETS	32

/* One "reg" entry of a modelled device: registers, or plain memory. */
struct rig_window {
	struct list_head link;
	struct resource res;
	struct rig_device *dev;
	unsigned int index;
	void *memory;
};

struct rig_rule {
	struct list_head link;
	struct rig_fault fault;
	unsigned int first, count;	/* jobs it is for, from 1; count 0: all that follow */
};

static struct {
	struct device *dev;
	struct resource res;
	struct irq_domain *irqs;
	struct reset_controller_dev resets;
	struct dentry *debugfs;
	struct list_head devices, windows;	/* they only grow */
} rig = {
	.devices = LIST_HEAD_INIT(rig.devices),
	.windows = LIST_HEAD_INIT(rig.windows),
};

static char *faults = "";
module_param(faults, charp, 0444);
MODULE_PARM_DESC(faults, "DEVICE:KIND[=VALUE][@FIRST][xCOUNT], separated by semicolons");

/* --- registers ------------------------------------------------------------ */

static unsigned long rig_mmio_read(void *priv, unsigned int offset, int size)
{
	struct rig_window *win = priv;
	unsigned long value = 0;

	if (win->memory) {
		memcpy(&value, win->memory + offset, size);
		return value;
	}
	if (size != 4) {
		WARN_ONCE(1, "rig: %d byte read of a register of %s\n", size, win->dev->name);
		return ~0ul;
	}
	return win->dev->model->reg_read(win->dev, win->index, offset);
}

static void rig_mmio_write(void *priv, unsigned int offset, int size, unsigned long value)
{
	struct rig_window *win = priv;

	if (win->memory)
		memcpy(win->memory + offset, &value, size);
	else if (size == 4)
		win->dev->model->reg_write(win->dev, win->index, offset, value);
	else
		WARN_ONCE(1, "rig: %d byte write of a register of %s\n", size, win->dev->name);
}

static const struct logic_iomem_ops rig_mmio_ops = {
	.read = rig_mmio_read,
	.write = rig_mmio_write,
};

static struct rig_window *rig_window_at(resource_size_t address, size_t bytes)
{
	struct rig_window *win;

	list_for_each_entry(win, &rig.windows, link)
		if (address >= win->res.start && bytes <= resource_size(&win->res) &&
		    address - win->res.start <= resource_size(&win->res) - bytes)
			return win;
	return NULL;
}

static long rig_mmio_map(unsigned long offset, size_t size, const struct logic_iomem_ops **ops,
			 void **priv)
{
	struct rig_window *win = rig_window_at(rig.res.start + offset, size);

	if (!win)
		return -ENXIO;
	*ops = &rig_mmio_ops;
	*priv = win;
	return rig.res.start + offset - win->res.start;
}

static const struct logic_iomem_region_ops rig_region_ops = {
	.map = rig_mmio_map,
};

/* --- memory ----------------------------------------------------------------- */

void *rig_memory(u64 address, size_t bytes)
{
	struct rig_window *win = rig_window_at(address, bytes);
	u64 page;

	if (win)
		return win->memory ? win->memory + (address - win->res.start) : NULL;
	if (!bytes || address + bytes < address)
		return NULL;
	for (page = PHYS_PFN(address); page <= PHYS_PFN(address + bytes - 1); page++)
		if (!pfn_valid(page))
			return NULL;
	return phys_to_virt(address);
}
EXPORT_SYMBOL_GPL(rig_memory);

int rig_add_memory(struct rig_device *dev)
{
	struct rig_window *win;

	list_for_each_entry(win, &rig.windows, link)
		if (win->dev == dev && !win->index) {
			win->memory = vzalloc(resource_size(&win->res));
			return win->memory ? 0 : -ENOMEM;
		}
	return -ENXIO;
}
EXPORT_SYMBOL_GPL(rig_add_memory);

/* --- interrupts --------------------------------------------------------------- */

static int rig_irq_map(struct irq_domain *domain, unsigned int virq, irq_hw_number_t hwirq)
{
	/* Edge: one that comes while the handler runs is kept and handled after it. */
	irq_set_chip_and_handler(virq, &dummy_irq_chip, handle_edge_irq);
	return 0;
}

static const struct irq_domain_ops rig_irq_ops = {
	.map = rig_irq_map,
	.xlate = irq_domain_xlate_onecell,
};

void rig_interrupt(struct rig_device *dev)
{
	unsigned int virq = irq_find_mapping(rig.irqs, dev->hwirq);

	if (virq)
		generic_handle_irq_safe(virq);
}
EXPORT_SYMBOL_GPL(rig_interrupt);

/* --- resets --------------------------------------------------------------------- */

static bool rig_has_reset(struct rig_device *dev, unsigned long id)
{
	struct of_phandle_args args;
	int i;

	for (i = 0; !of_parse_phandle_with_args(dev->node, "resets", "#reset-cells", i, &args); i++) {
		of_node_put(args.np);
		if (args.args[0] == id)
			return true;
	}
	return false;
}

static int rig_reset_assert(struct reset_controller_dev *rcdev, unsigned long id)
{
	struct rig_device *dev;

	list_for_each_entry(dev, &rig.devices, link)
		if (dev->node && dev->model->reset && rig_has_reset(dev, id)) {
			dev->model->reset(dev);
			wake_up_all(&dev->reset_wait);
		}
	return 0;
}

static int rig_reset_deassert(struct reset_controller_dev *rcdev, unsigned long id)
{
	return 0;
}

static const struct reset_control_ops rig_reset_ops = {
	.assert = rig_reset_assert,
	.deassert = rig_reset_deassert,
};

/* --- work and time ------------------------------------------------------------------ */

static void rig_work(struct work_struct *work)
{
	struct rig_device *dev = container_of(work, struct rig_device, work);

	dev->model->run(dev);
}

void rig_start(struct rig_device *dev)
{
	queue_work(dev->queue, &dev->work);
}
EXPORT_SYMBOL_GPL(rig_start);

int rig_pass_time(struct rig_device *dev, unsigned int epoch, u64 usec)
{
	wait_event_hrtimeout(dev->reset_wait, READ_ONCE(dev->epoch) != epoch,
			     us_to_ktime(usec));
	return READ_ONCE(dev->epoch) == epoch ? 0 : -ECANCELED;
}
EXPORT_SYMBOL_GPL(rig_pass_time);

/* --- faults ------------------------------------------------------------------------- */

static const char *const rig_fault_names[RIG_FAULT_KINDS] = {
	[RIG_FAULT_SLOW] = "slow",
	[RIG_FAULT_HANG] = "hang",
	[RIG_FAULT_BUS] = "bus",
	[RIG_FAULT_LOST] = "lost",
	[RIG_FAULT_SSR] = "ssr",
	[RIG_FAULT_CRASH] = "crash",
	[RIG_FAULT_LINK] = "link",
	[RIG_FAULT_NACK] = "nack",
	[RIG_FAULT_CRC] = "crc",
	[RIG_FAULT_MUTE] = "mute",
	[RIG_FAULT_STATUS] = "status",
	[RIG_FAULT_MMU] = "mmu",
	[RIG_FAULT_HEART] = "heart",
};

/* What a model that says nothing about it can have */
#define RIG_FAULTS_PLAIN	(BIT(RIG_FAULT_SLOW) | BIT(RIG_FAULT_HANG) | \
				 BIT(RIG_FAULT_BUS) | BIT(RIG_FAULT_LOST))

/* Faults of messages, not of jobs */
#define RIG_FAULTS_MESSAGE	(BIT(RIG_FAULT_NACK) | BIT(RIG_FAULT_CRC) | BIT(RIG_FAULT_MUTE))

/* KIND[=VALUE][@FIRST][xCOUNT]: FIRST counts from the next job (or message), which is 1. */
static int rig_add_fault(struct rig_device *dev, const char *text)
{
	unsigned int value = 0, first = 1, count = 0;
	struct rig_rule *rule;
	const char *rest;
	int kind, used;

	for (kind = RIG_FAULT_SLOW; kind < RIG_FAULT_KINDS; kind++)
		if (!strncmp(text, rig_fault_names[kind], strlen(rig_fault_names[kind])))
			break;
	if (kind == RIG_FAULT_KINDS ||
	    !((dev->model->faults ?: RIG_FAULTS_PLAIN) & BIT(kind)))
		return -EINVAL;
	rest = text + strlen(rig_fault_names[kind]);
	used = 0;
	if (sscanf(rest, "=%u%n", &value, &used) == 1)
		rest += used;
	used = 0;
	if (sscanf(rest, "@%u%n", &first, &used) == 1)
		rest += used;
	used = 0;
	if (sscanf(rest, "x%u%n", &count, &used) == 1)
		rest += used;
	if (*rest || !first || (kind == RIG_FAULT_SLOW && !value))
		return -EINVAL;

	rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->fault.kind = kind;
	rule->fault.value = value;
	rule->count = count;
	spin_lock_irq(&dev->lock);
	rule->first = (BIT(kind) & RIG_FAULTS_MESSAGE ? dev->messages : dev->jobs) + first;
	list_add_tail(&rule->link, &dev->faults);
	spin_unlock_irq(&dev->lock);
	return 0;
}

static void rig_clear_faults(struct rig_device *dev)
{
	struct rig_rule *rule, *next;
	LIST_HEAD(gone);

	spin_lock_irq(&dev->lock);
	list_splice_init(&dev->faults, &gone);
	spin_unlock_irq(&dev->lock);
	list_for_each_entry_safe(rule, next, &gone, link)
		kfree(rule);
}

static struct rig_fault rig_next_fault(struct rig_device *dev, unsigned int *counter,
				      unsigned long kinds)
{
	struct rig_fault fault = { RIG_FAULT_NONE, 0 };
	struct rig_rule *rule;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	++*counter;
	list_for_each_entry(rule, &dev->faults, link)
		if (BIT(rule->fault.kind) & kinds && *counter >= rule->first &&
		    (!rule->count || *counter - rule->first < rule->count)) {
			fault = rule->fault;
			break;
		}
	spin_unlock_irqrestore(&dev->lock, flags);
	return fault;
}

struct rig_fault rig_job_fault(struct rig_device *dev)
{
	return rig_next_fault(dev, &dev->jobs, ~RIG_FAULTS_MESSAGE);
}
EXPORT_SYMBOL_GPL(rig_job_fault);

struct rig_fault rig_message_fault(struct rig_device *dev)
{
	return rig_next_fault(dev, &dev->messages, RIG_FAULTS_MESSAGE);
}
EXPORT_SYMBOL_GPL(rig_message_fault);

/* The faults=... parameter names devices by the beginning of their name. */
static int rig_parameter_faults(struct rig_device *dev)
{
	char *copy = kstrdup(faults, GFP_KERNEL), *rest = copy, *one, *kind;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	while (!ret && (one = strsep(&rest, ";"))) {
		kind = strchr(one, ':');
		if (!kind)
			continue;
		*kind++ = 0;
		if (!strncmp(dev->name, one, strlen(one)))
			ret = rig_add_fault(dev, kind);
		if (ret)
			dev_err(rig.dev, "fault \"%s\" for %s not understood\n", kind, one);
	}
	kfree(copy);
	return ret;
}

static ssize_t rig_fault_write(struct file *file, const char __user *data, size_t bytes,
			       loff_t *pos)
{
	struct rig_device *dev = file->private_data;
	char text[64];
	int ret;

	if (bytes >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, data, bytes))
		return -EFAULT;
	text[bytes] = 0;
	if (bytes && text[bytes - 1] == '\n')
		text[bytes - 1] = 0;
	if (!strcmp(text, "clear")) {
		rig_clear_faults(dev);
		return bytes;
	}
	ret = rig_add_fault(dev, text);
	return ret ? ret : bytes;
}

static const struct file_operations rig_fault_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = rig_fault_write,
};

/* --- devices --------------------------------------------------------------------------- */

static int rig_add_windows(struct rig_device *dev)
{
	struct resource res;
	int i;

	for (i = 0; !of_address_to_resource(dev->node, i, &res); i++) {
		struct rig_window *win = kzalloc(sizeof(*win), GFP_KERNEL);

		if (!win)
			return -ENOMEM;
		win->res = res;
		win->dev = dev;
		win->index = i;
		list_add_tail(&win->link, &rig.windows);
	}
	return 0;
}

static struct rig_device *rig_alloc(const struct rig_model *model, const char *name)
{
	struct rig_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev)
		return NULL;
	dev->name = name;
	dev->model = model;
	dev->hwirq = -1;
	spin_lock_init(&dev->lock);
	init_waitqueue_head(&dev->reset_wait);
	INIT_LIST_HEAD(&dev->faults);
	INIT_WORK(&dev->work, rig_work);
	dev->queue = alloc_ordered_workqueue("rig-%s", 0, dev->name);
	if (dev->queue)
		return dev;
	kfree(dev);
	return NULL;
}

/* The devices only grow: what failed is not taken apart, for then the guest does not start. */
static int rig_announce(struct rig_device *dev)
{
	struct dentry *dir;
	int ret = rig_parameter_faults(dev);

	if (ret)
		return ret;
	list_add_tail(&dev->link, &rig.devices);
	if (dev->model->run) {
		dir = debugfs_create_dir(dev->name, rig.debugfs);
		debugfs_create_file("fault", 0200, dir, dev, &rig_fault_fops);
		debugfs_create_u32("jobs", 0444, dir, &dev->jobs);
	}
	return 0;
}

struct rig_device *rig_create_device(const struct rig_model *model, const char *name)
{
	struct rig_device *dev = rig.dev ? rig_alloc(model, name) : NULL;

	return dev && !rig_announce(dev) ? dev : NULL;
}
EXPORT_SYMBOL_GPL(rig_create_device);

static int rig_create(const struct rig_model *model, struct device_node *node)
{
	const char *name = node->name;
	struct rig_device *dev;
	u32 hwirq;
	int ret;

	of_property_read_string(node, "label", &name);
	dev = rig_alloc(model, name);
	if (!dev)
		return -ENOMEM;
	dev->node = of_node_get(node);
	if (!of_property_read_u32(node, "interrupts", &hwirq))
		dev->hwirq = hwirq;
	ret = rig_add_windows(dev);
	if (!ret && model->create)
		ret = model->create(dev);
	if (!ret)
		ret = rig_announce(dev);
	if (ret)
		dev_err(rig.dev, "no model for %s: %d\n", dev->name, ret);
	return ret;
}

static const struct rig_model *rig_model_of(const struct rig_model *models, unsigned int count,
					    struct device_node *node)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (of_device_is_compatible(node, models[i].compatible))
			return &models[i];
	return NULL;
}

int rig_add_models(const struct rig_model *models, unsigned int count)
{
	const struct rig_model *model;
	int ret;

	if (!rig.dev)
		return -ENODEV;
	for_each_available_child_of_node_scoped(rig.dev->of_node, node) {
		model = rig_model_of(models, count, node);
		ret = model ? rig_create(model, node) : 0;
		if (ret)
			return ret;
	}
	/* Only now: a driver that is there already probes at once. */
	for_each_available_child_of_node_scoped(rig.dev->of_node, node)
		if (rig_model_of(models, count, node))
			of_platform_device_create(node, NULL, rig.dev);
	return 0;
}
EXPORT_SYMBOL_GPL(rig_add_models);

struct rig_device *rig_find(struct rig_device *dev, const char *property)
{
	struct device_node *node = of_parse_phandle(dev->node, property, 0);
	struct rig_device *other;

	of_node_put(node);
	list_for_each_entry(other, &rig.devices, link)
		if (node && other->node == node)
			return other;
	return NULL;
}
EXPORT_SYMBOL_GPL(rig_find);

/* --- the alarm clock: what else would wake a machine that sleeps? ------------- */

static struct hrtimer rig_alarm;

static enum hrtimer_restart rig_alarm_rings(struct hrtimer *timer)
{
	pm_system_wakeup();
	return HRTIMER_NORESTART;
}

static int rig_alarm_set(void *data, u64 msec)
{
	hrtimer_start(&rig_alarm, ms_to_ktime(msec), HRTIMER_MODE_REL);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(rig_alarm_fops, NULL, rig_alarm_set, "%llu\n");

static int rig_probe(struct platform_device *pdev)
{
	struct device *dev = &pdev->dev;
	int ret;

	ret = of_address_to_resource(dev->of_node, 0, &rig.res);
	if (ret)
		return ret;
	/* Drivers request their own regions below this one, so it may not be busy. */
	rig.res.flags = IORESOURCE_MEM;
	rig.irqs = irq_domain_create_linear(dev_fwnode(dev), RIG_INTERRUPTS, &rig_irq_ops, NULL);
	if (!rig.irqs)
		return -ENOMEM;
	rig.resets.ops = &rig_reset_ops;
	rig.resets.owner = THIS_MODULE;
	rig.resets.of_node = dev->of_node;
	rig.resets.nr_resets = RIG_RESETS;
	ret = reset_controller_register(&rig.resets);
	if (ret)
		goto err_irqs;
	/* The kernel has no call to take a region away again: from here on there is no way back. */
	ret = logic_iomem_add_region(&rig.res, &rig_region_ops);
	if (ret)
		goto err_resets;
	__module_get(THIS_MODULE);
	rig.debugfs = debugfs_create_dir("rig", NULL);
	hrtimer_setup(&rig_alarm, rig_alarm_rings, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	debugfs_create_file("wake", 0200, rig.debugfs, NULL, &rig_alarm_fops);
	rig.dev = dev;
	/* What needs no model: the clocks. */
	for_each_available_child_of_node_scoped(dev->of_node, node)
		if (of_device_is_compatible(node, "fixed-clock"))
			of_platform_device_create(node, NULL, dev);
	return 0;

err_resets:
	reset_controller_unregister(&rig.resets);
err_irqs:
	irq_domain_remove(rig.irqs);
	return ret;
}

static const struct of_device_id rig_match[] = {
	{ .compatible = "libaccel,rig" },
	{}
};
MODULE_DEVICE_TABLE(of, rig_match);

static struct platform_driver rig_driver = {
	.probe = rig_probe,
	.driver = {
		.name = "rig",
		.of_match_table = rig_match,
		.suppress_bind_attrs = true,
	},
};
builtin_platform_driver(rig_driver);

MODULE_DESCRIPTION("libaccel test rig: the core of the device models");
MODULE_LICENSE("GPL");
