// SPDX-License-Identifier: GPL-2.0
/*
 * A model of Intel's NPU of the 37xx generation, as much of it as its driver and a command list
 * of copies, fills and fences see: here the PCI device, its registers, power, and its interrupt.
 *
 * BAR 4 is the buttress, which is there without power: a workpoint request switches the NPU on
 * and off. BAR 0 has what loses its contents with the power: the handshakes of the power islands,
 * the MMU (ivpu-mmu.c), the FIFOs of messages (ivpu-ipc.c), and the doorbells of the engine
 * (ivpu-engine.c). The firmware starts when the host writes its load address; it is no program
 * here but the model itself, which finds in the image that the host loaded what it needs to know.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "ivpu.h"

#define BAR_NPU			0
#define BAR_BUTTRESS		4

/* The buttress */
#define INTERRUPT_STAT		0x04
#define   INTERRUPT_UFI_ERR	BIT(2)
#define WP_PAYLOAD1		0x0c
#define   WP_TARGET_RATIO	GENMASK(15, 0)
#define WP_PAYLOAD2		0x10
#define WP_CMD			0x14
#define   WP_CMD_SEND		BIT(0)
#define CURRENT_PLL		0x1c
#define FMIN_FUSE		0x24
#define FMAX_FUSE		0x28
#define LOCAL_INT_MASK		0x30
#define GLOBAL_INT_MASK		0x34
#define PLL_STATUS		0x40
#define   PLL_STATUS_LOCK	BIT(1)
#define VPU_STATUS		0x44
#define   VPU_STATUS_READY	BIT(0)
#define   VPU_STATUS_IDLE	BIT(1)
#define IP_RESET		0x50
#define   IP_RESET_TRIGGER	BIT(0)
#define D0I3_CONTROL		0x60
#define   D0I3_IN_PROGRESS	BIT(0)

/* Ratios of the PLL, a third of 100 MHz each: 333, 800 and 1400 MHz */
#define RATIO_MIN		10
#define RATIO_EFFICIENT		24
#define RATIO_MAX		42

/* The NPU */
#define CPR_RST_CLR		0x00000098
#define NOC_QREQN		0x00000154
#define NOC_QACCEPTN		0x00000158
#define TOP_NOC_QREQN		0x00000160
#define TOP_NOC_QACCEPTN	0x00000164
#define ICB_STATUS_1		0x00010214
#define ICB_CLEAR_0		0x00010220
#define ICB_CLEAR_1		0x00010224
#define ICB_ENABLE_0		0x00010240
#define ICB_ENABLE_1		0x00010244
#define FIFO_TO_HOST		0x000200f4
#define FIFO_TO_HOST_STAT	0x000200fc
#define   FIFO_FILL_LEVEL	GENMASK(23, 16)
#define PWR_ISLAND_EN		0x00030024
#define PWR_ISLAND_STATUS	0x0003002c
#define LOADING_ADDRESS		0x00041040
#define   LOADING_DONE		BIT(0)
#define   LOADING_IMAGE		GENMASK(31, 3)
#define MMU_CR0ACK		0x00200024
#define MMU_IRQ_CTRL		0x00200050
#define MMU_IRQ_CTRLACK		0x00200054
#define MMU_CMDQ_PROD		0x00200098
#define MMU_CMDQ_CONS		0x0020009c
#define FIFO_TO_NPU		0x060200f0
#define PERF_COUNT		0x06029000	/* 64 bits, at 38.4 MHz */
#define DOORBELL_0		0x06300000
#define DOORBELL_STRIDE		0x1000
#define DOORBELL_LAST		(DOORBELL_0 + (IVPU_DOORBELLS - 1) * DOORBELL_STRIDE)

/* --- registers that remember ------------------------------------------------- */

static u32 *ivpu_reg_at(struct ivpu *vpu, u32 reg)
{
	unsigned int i;

	for (i = 0; i < vpu->reg_count; i++)
		if (vpu->regs[i].reg == reg)
			return &vpu->regs[i].value;
	return NULL;
}

u32 ivpu_reg(struct ivpu *vpu, u32 reg)
{
	u32 *value = ivpu_reg_at(vpu, reg);

	return value ? *value : 0;
}

u64 ivpu_reg64(struct ivpu *vpu, u32 reg)
{
	return ivpu_reg(vpu, reg) | (u64)ivpu_reg(vpu, reg + 4) << 32;
}

void ivpu_set_reg(struct ivpu *vpu, u32 reg, u32 value)
{
	u32 *at = ivpu_reg_at(vpu, reg);

	if (!at) {
		if (WARN_ONCE(vpu->reg_count == IVPU_REGS, "rig: too many registers of ivpu\n"))
			return;
		vpu->regs[vpu->reg_count].reg = reg;
		at = &vpu->regs[vpu->reg_count++].value;
	}
	*at = value;
}

/* --- the interrupt -------------------------------------------------------------- */

/* Under the lock. */
static bool ivpu_interrupt_pending(struct ivpu *vpu)
{
	if (vpu->buttress[GLOBAL_INT_MASK / 4] & 1)
		return false;
	return ivpu_reg(vpu, ICB_STATUS_0) & ivpu_reg(vpu, ICB_ENABLE_0) ||
	       ivpu_reg(vpu, ICB_STATUS_1) & ivpu_reg(vpu, ICB_ENABLE_1) ||
	       vpu->buttress[INTERRUPT_STAT / 4] & ~vpu->buttress[LOCAL_INT_MASK / 4];
}

/*
 * The kernel forgets a message that comes while the handler of the one before it runs. So this
 * sends another as long as there is a reason for it, as the device does when the host unmasks.
 */
static void ivpu_irq_work(struct work_struct *work)
{
	struct ivpu *vpu = container_of(work, struct ivpu, irq);
	struct rig_device *dev = vpu->dev;
	bool pending;

	for (;;) {
		spin_lock_irq(&dev->lock);
		pending = ivpu_interrupt_pending(vpu);
		spin_unlock_irq(&dev->lock);
		if (!pending)
			return;
		rig_pci_interrupt(dev);
		usleep_range(20, 100);
	}
}

static void ivpu_check_interrupt(struct ivpu *vpu)
{
	if (ivpu_interrupt_pending(vpu))
		queue_work(vpu->irq_queue, &vpu->irq);
}

void ivpu_raise(struct ivpu *vpu, u32 icb_status)
{
	ivpu_set_reg(vpu, ICB_STATUS_0, ivpu_reg(vpu, ICB_STATUS_0) | icb_status);
	ivpu_check_interrupt(vpu);
}

void ivpu_bus_error(struct ivpu *vpu)
{
	vpu->buttress[INTERRUPT_STAT / 4] |= INTERRUPT_UFI_ERR;
	ivpu_check_interrupt(vpu);
}

/* --- power ------------------------------------------------------------------------ */

/* What lies behind BAR 0 is gone. The firmware's own memory is the host's, and stays. */
static void ivpu_lose_power(struct ivpu *vpu)
{
	vpu->powered = false;
	vpu->running = false;
	vpu->reg_count = 0;
	vpu->dev->epoch++;
	ivpu_ipc_reset(vpu);
	ivpu_engine_reset(vpu);
}

static void ivpu_workpoint(struct ivpu *vpu)
{
	if (!vpu->buttress[WP_PAYLOAD2 / 4]) {
		ivpu_lose_power(vpu);
		vpu->buttress[CURRENT_PLL / 4] = 0;
		return;
	}
	vpu->powered = true;
	vpu->buttress[CURRENT_PLL / 4] = vpu->buttress[WP_PAYLOAD1 / 4] & WP_TARGET_RATIO;
}

/* At power-on, and on the way back from D3hot. */
static void ivpu_reset(struct rig_device *dev)
{
	struct ivpu *vpu = dev->priv;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	memset(vpu->buttress, 0, sizeof(vpu->buttress));
	vpu->buttress[LOCAL_INT_MASK / 4] = ~0u;
	vpu->buttress[GLOBAL_INT_MASK / 4] = 1;
	vpu->buttress[FMIN_FUSE / 4] = RATIO_MIN | RATIO_EFFICIENT << 8;
	vpu->buttress[FMAX_FUSE / 4] = RATIO_MAX;
	ivpu_lose_power(vpu);
	spin_unlock_irqrestore(&dev->lock, flags);
}

/* --- BARs ---------------------------------------------------------------------------- */

static u32 ivpu_buttress_read(struct ivpu *vpu, unsigned int reg)
{
	switch (reg) {
	case PLL_STATUS:
		return vpu->powered ? PLL_STATUS_LOCK : 0;
	case VPU_STATUS:
		return (vpu->powered ? VPU_STATUS_READY : 0) |
		       (vpu->current_queue || vpu->hung ? 0 : VPU_STATUS_IDLE);
	default:
		return reg < sizeof(vpu->buttress) ? vpu->buttress[reg / 4] : 0;
	}
}

static void ivpu_buttress_write(struct ivpu *vpu, unsigned int reg, u32 value)
{
	switch (reg) {
	case INTERRUPT_STAT:
		vpu->buttress[reg / 4] &= ~value;
		return;
	case FMIN_FUSE:
	case FMAX_FUSE:
	case CURRENT_PLL:
		return;
	case WP_CMD:
		if (value & WP_CMD_SEND)
			ivpu_workpoint(vpu);
		value &= ~WP_CMD_SEND;
		break;
	case IP_RESET:
		if (value & IP_RESET_TRIGGER)
			ivpu_lose_power(vpu);
		value &= ~IP_RESET_TRIGGER;
		break;
	case D0I3_CONTROL:
		value &= ~D0I3_IN_PROGRESS;
		break;
	}
	if (reg < sizeof(vpu->buttress))
		vpu->buttress[reg / 4] = value;
	if (reg == GLOBAL_INT_MASK || reg == LOCAL_INT_MASK)
		ivpu_check_interrupt(vpu);
}

static u32 ivpu_npu_read(struct ivpu *vpu, unsigned int reg)
{
	u64 count;

	switch (reg) {
	case CPR_RST_CLR:
		return 0;
	case NOC_QACCEPTN:
		return ivpu_reg(vpu, NOC_QREQN);
	case TOP_NOC_QACCEPTN:
		return ivpu_reg(vpu, TOP_NOC_QREQN);
	case PWR_ISLAND_STATUS:
		return ivpu_reg(vpu, PWR_ISLAND_EN);
	case MMU_CR0ACK:
		return ivpu_reg(vpu, MMU_CR0);
	case MMU_IRQ_CTRLACK:
		return ivpu_reg(vpu, MMU_IRQ_CTRL);
	case FIFO_TO_HOST:
		return ivpu_ipc_pop(vpu);
	case FIFO_TO_HOST_STAT:
		return FIELD_PREP(FIFO_FILL_LEVEL, vpu->out_count);
	case PERF_COUNT:
	case PERF_COUNT + 4:
		count = mul_u64_u32_div(ktime_get_ns(), 384, 10000);
		return reg == PERF_COUNT ? lower_32_bits(count) : upper_32_bits(count);
	default:
		return ivpu_reg(vpu, reg);
	}
}

/* Under the lock. Returns true if the engine has something to do. */
static bool ivpu_npu_write(struct ivpu *vpu, unsigned int reg, u32 value)
{
	struct ivpu_queue *queue;

	switch (reg) {
	case ICB_CLEAR_0:
		ivpu_set_reg(vpu, ICB_STATUS_0, ivpu_reg(vpu, ICB_STATUS_0) & ~value);
		return false;
	case ICB_CLEAR_1:
		ivpu_set_reg(vpu, ICB_STATUS_1, ivpu_reg(vpu, ICB_STATUS_1) & ~value);
		return false;
	case DOORBELL_0 ... DOORBELL_LAST:
		queue = ivpu_queue_by_doorbell(vpu, (reg - DOORBELL_0) / DOORBELL_STRIDE);
		if (queue)
			queue->rung = true;
		return queue;
	case FIFO_TO_NPU:
		ivpu_ipc_write(vpu, value);
		return false;
	}
	ivpu_set_reg(vpu, reg, value);
	switch (reg) {
	case ICB_ENABLE_0:
	case ICB_ENABLE_1:
		ivpu_check_interrupt(vpu);
		break;
	case MMU_CMDQ_PROD:
		/* Nothing is cached, and no access is under way: the lock is held. */
		ivpu_set_reg(vpu, MMU_CMDQ_CONS, value);
		break;
	case LOADING_ADDRESS:
		if (value & LOADING_DONE)
			ivpu_boot(vpu, (u64)(value & LOADING_IMAGE) << 9);
		break;
	}
	return false;
}

static u32 ivpu_reg_read(struct rig_device *dev, unsigned int bar, unsigned int reg)
{
	struct ivpu *vpu = dev->priv;
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&dev->lock, flags);
	value = bar == BAR_BUTTRESS ? ivpu_buttress_read(vpu, reg) :
		vpu->powered ? ivpu_npu_read(vpu, reg) : 0;
	spin_unlock_irqrestore(&dev->lock, flags);
	return value;
}

static void ivpu_reg_write(struct rig_device *dev, unsigned int bar, unsigned int reg, u32 value)
{
	struct ivpu *vpu = dev->priv;
	bool start = false, message;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (bar == BAR_BUTTRESS)
		ivpu_buttress_write(vpu, reg, value);
	else if (vpu->powered)
		start = ivpu_npu_write(vpu, reg, value);
	message = bar == BAR_NPU && reg == FIFO_TO_NPU && ivpu_interrupt_pending(vpu);
	spin_unlock_irqrestore(&dev->lock, flags);
	if (start)
		rig_start(dev);
	/* A request that is answered already: the interrupt comes before the host waits for it. */
	if (message)
		rig_pci_interrupt(dev);
}

/* --- the device ---------------------------------------------------------------------- */

static int ivpu_create(struct rig_device *dev)
{
	struct ivpu *vpu = kvzalloc(sizeof(*vpu), GFP_KERNEL);
	struct dentry *rig, *dir;

	if (!vpu)
		return -ENOMEM;
	vpu->dev = dev;
	INIT_WORK(&vpu->irq, ivpu_irq_work);
	vpu->irq_queue = alloc_ordered_workqueue("rig-%s-irq", WQ_HIGHPRI, dev->name);
	if (!vpu->irq_queue)
		return -ENOMEM;
	ivpu_ipc_init(vpu);
	ivpu_engine_init(vpu);
	dev->priv = vpu;

	rig = debugfs_lookup("rig", NULL);
	dir = debugfs_lookup(dev->name, rig);
	debugfs_create_u32("cold_boots", 0444, dir, &vpu->cold_boots);
	debugfs_create_u32("warm_boots", 0444, dir, &vpu->warm_boots);
	debugfs_create_u32("engine_resets", 0444, dir, &vpu->engine_resets);
	debugfs_create_u32("doorbells", 0444, dir, &vpu->doorbells);
	debugfs_create_u32("queues", 0444, dir, &vpu->queue_count);
	dput(dir);
	dput(rig);
	return 0;
}

static const struct rig_pci_model ivpu_model = {
	.model = {
		.create = ivpu_create,
		.reg_read = ivpu_reg_read,
		.reg_write = ivpu_reg_write,
		.reset = ivpu_reset,
		.run = ivpu_engine_run,
		.faults = BIT(RIG_FAULT_SLOW) | BIT(RIG_FAULT_HANG) | BIT(RIG_FAULT_BUS) |
			  BIT(RIG_FAULT_LOST) | BIT(RIG_FAULT_STATUS) | BIT(RIG_FAULT_MMU) |
			  BIT(RIG_FAULT_HEART) | BIT(RIG_FAULT_CRASH) | BIT(RIG_FAULT_LINK),
	},
	.name = "ivpu",
	.slot = 1,
	.vendor = 0x8086,
	.device = 0x7d1d,
	.class = 0x120000,
	.revision = 4,
	.bars = { [BAR_NPU] = SZ_128M, [BAR_BUTTRESS] = SZ_4K },
};

static int __init ivpu_model_init(void)
{
	return rig_add_pci_device(&ivpu_model);
}
module_init(ivpu_model_init);

MODULE_DESCRIPTION("libaccel test rig: a model of Intel's NPU 37xx");
MODULE_LICENSE("GPL");
