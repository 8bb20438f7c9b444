// SPDX-License-Identifier: GPL-2.0
/*
 * A model of one core of the RK3588's NPU and of the IOMMU in front of it.
 *
 * The program controller (PC) is given the address and the length of a list of register
 * commands and OPERATION_ENABLE. It fetches the list, 64-bit entries of target, value and
 * register, and writes the values to the registers of the blocks they name. An entry for the
 * target "enable" starts the blocks; without one the core does nothing and raises nothing.
 * When the data processing unit (DPU) has written its output, it raises one of the two
 * interrupts DPU_0 and DPU_1, in turn.
 *
 * Of what the blocks compute, the model does the plainest: the feature data go unchanged to
 * the output, (width + 1) x (height + 1) x (channel + 1) bytes of them.
 *
 * All addresses are virtual and translated by the page tables that the kernel's IOMMU driver
 * has set up. What is not mapped, or not for writing, is a page fault: the IOMMU keeps the
 * address and raises the interrupt that it shares with the core, and the core waits for ever,
 * which the driver ends with a reset.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "rig.h"

/* Register windows of a core, in the order of its node, and where the manual counts from */
enum { PC, CNA, CORE, WINDOWS };
#define WINDOW_BYTES		0x1000

/* PC */
#define VERSION			0x00
#define VERSION_NUM		0x04
#define OPERATION_ENABLE	0x08
#define   OPERATION_ENABLE_OP	BIT(0)
#define BASE_ADDRESS		0x10
#define   BASE_ADDRESS_MASK	GENMASK(31, 4)
#define REGISTER_AMOUNTS	0x14
#define   REGISTER_AMOUNTS_DATA	GENMASK(15, 0)	/* pairs of entries, less one */
#define INTERRUPT_MASK		0x20
#define INTERRUPT_CLEAR		0x24
#define INTERRUPT_STATUS	0x28
#define INTERRUPT_RAW_STATUS	0x2c
#define   INTERRUPT_DPU_0	BIT(8)
#define   INTERRUPT_DPU_1	BIT(9)
#define   INTERRUPT_DMA_READ	BIT(12)
#define RK3588_VERSION		0x46495245

/* Register commands, and the registers that the copy is made of */
#define ENTRY_REGISTER		GENMASK_ULL(15, 0)
#define ENTRY_VALUE		GENMASK_ULL(47, 16)
#define ENTRY_TARGET		GENMASK_ULL(63, 48)
#define TARGET_ENABLE		0x0081
#define   ENABLE_DPU		BIT(3)
#define CNA_FEATURE_DATA_ADDR	0x1070
#define DPU_DST_BASE_ADDR	0x4020
#define DPU_CUBE_WIDTH		0x4030
#define DPU_CUBE_HEIGHT		0x4034
#define DPU_CUBE_CHANNEL	0x403c
#define   DPU_CUBE_MASK		GENMASK(12, 0)
#define BLOCK_REGISTERS		0x8000

/* IOMMU */
#define MMU_DTE_ADDR		0x00
#define MMU_STATUS		0x04
#define   MMU_PAGING		BIT(0)
#define   MMU_FAULT		BIT(1)
#define   MMU_STALL		BIT(2)
#define   MMU_IDLE		BIT(3)
#define   MMU_FAULT_IS_WRITE	BIT(5)
#define MMU_COMMAND		0x08
enum { MMU_ENABLE_PAGING, MMU_DISABLE_PAGING, MMU_ENABLE_STALL, MMU_DISABLE_STALL,
       MMU_ZAP_CACHE, MMU_FAULT_DONE, MMU_FORCE_RESET };
#define MMU_FAULT_ADDR		0x0c
#define MMU_INT_RAWSTAT		0x14
#define MMU_INT_CLEAR		0x18
#define MMU_INT_MASK		0x1c
#define MMU_INT_STATUS		0x20
#define   MMU_INT_FAULT		BIT(0)
#define MMU_AUTO_GATING		0x24
#define ENTRY_VALID		BIT(0)
#define ENTRY_READABLE		BIT(1)
#define ENTRY_WRITABLE		BIT(2)

enum rocket_end { ENDED, RESET_MEANWHILE, STUCK, READ_ERROR };

struct rocket_core {
	u32 pc[WINDOW_BYTES / 4];
	u32 raw_status;
	unsigned int dpu;		/* the DPU interrupt that is next */
	u32 blocks[BLOCK_REGISTERS / 4];
};

struct rocket_mmu {
	u32 table, status, fault_address, raw_status, mask, gating;
};

/* --- the IOMMU ---------------------------------------------------------------- */

/* An entry holds bits 31:12 of an address in place, 35:32 in bits 11:8 and 39:36 in 7:4. */
static u64 mmu_entry_address(u32 entry)
{
	return (entry & GENMASK(31, 12)) | (u64)FIELD_GET(GENMASK(11, 8), entry) << 32 |
	       (u64)FIELD_GET(GENMASK(7, 4), entry) << 36;
}

static u32 mmu_read(struct rig_device *dev, unsigned int bank, unsigned int reg)
{
	struct rocket_mmu *mmu = dev->priv;
	unsigned long flags;
	u32 value = 0;

	spin_lock_irqsave(&dev->lock, flags);
	switch (reg) {
	case MMU_DTE_ADDR:
		value = mmu->table;
		break;
	case MMU_STATUS:
		value = mmu->status | MMU_IDLE;
		break;
	case MMU_FAULT_ADDR:
		value = mmu->fault_address;
		break;
	case MMU_INT_RAWSTAT:
		value = bank ? 0 : mmu->raw_status;
		break;
	case MMU_INT_STATUS:
		value = bank ? 0 : mmu->raw_status & mmu->mask;
		break;
	case MMU_INT_MASK:
		value = mmu->mask;
		break;
	case MMU_AUTO_GATING:
		value = mmu->gating;
		break;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	return value;
}

static void mmu_command(struct rocket_mmu *mmu, u32 command)
{
	switch (command) {
	case MMU_ENABLE_PAGING:
		mmu->status |= MMU_PAGING;
		break;
	case MMU_DISABLE_PAGING:
		mmu->status &= ~MMU_PAGING;
		break;
	case MMU_ENABLE_STALL:
		/* With paging off there is nothing to stall. */
		if (mmu->status & MMU_PAGING)
			mmu->status |= MMU_STALL;
		break;
	case MMU_DISABLE_STALL:
		mmu->status &= ~MMU_STALL;
		break;
	case MMU_FAULT_DONE:
		mmu->status &= ~(MMU_FAULT | MMU_FAULT_IS_WRITE);
		break;
	case MMU_FORCE_RESET:
		memset(mmu, 0, sizeof(*mmu));
		break;
	}
}

/* The second bank answers as the first does; faults are the first one's. */
static void mmu_write(struct rig_device *dev, unsigned int bank, unsigned int reg, u32 value)
{
	struct rocket_mmu *mmu = dev->priv;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	switch (reg) {
	case MMU_DTE_ADDR:
		mmu->table = value;
		break;
	case MMU_COMMAND:
		mmu_command(mmu, value);
		break;
	case MMU_INT_CLEAR:
		mmu->raw_status &= ~value;
		break;
	case MMU_INT_MASK:
		mmu->mask = value;
		break;
	case MMU_AUTO_GATING:
		mmu->gating = value;
		break;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
}

static u32 mmu_table_entry(u64 table, u32 index)
{
	u32 *entry = rig_memory(table + index * 4, 4);

	return entry ? READ_ONCE(*entry) : 0;
}

/*
 * The memory behind one address, up to the end of its page. NULL after a fault, and with
 * paging off: there the real bus would take the address for a physical one; here the core
 * stops, so that a driver's mistake fails a test and does not corrupt the guest.
 */
static void *mmu_translate(struct rig_device *dev, u32 address, bool write)
{
	struct rocket_mmu *mmu = dev->priv;
	u32 need = ENTRY_VALID | (write ? ENTRY_WRITABLE : ENTRY_READABLE);
	bool paging, raise;
	u64 table;
	u32 entry;

	spin_lock_irq(&dev->lock);
	paging = mmu->status & MMU_PAGING;
	table = mmu_entry_address(mmu->table);
	spin_unlock_irq(&dev->lock);
	if (!paging)
		return NULL;

	entry = mmu_table_entry(table, address >> 22);
	if (entry & ENTRY_VALID)
		entry = mmu_table_entry(mmu_entry_address(entry), address >> 12 & 0x3ff);
	if ((entry & need) == need)
		return rig_memory(mmu_entry_address(entry) + offset_in_page(address),
				  PAGE_SIZE - offset_in_page(address));

	spin_lock_irq(&dev->lock);
	mmu->fault_address = address;
	mmu->status |= MMU_FAULT | (write ? MMU_FAULT_IS_WRITE : 0);
	mmu->raw_status |= MMU_INT_FAULT;
	raise = mmu->mask & MMU_INT_FAULT;
	spin_unlock_irq(&dev->lock);
	if (raise)
		rig_interrupt(dev);
	return NULL;
}

/* --- the core's registers --------------------------------------------------------- */

static u32 rocket_reg_read(struct rig_device *dev, unsigned int window, unsigned int reg)
{
	struct rocket_core *core = dev->priv;
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&dev->lock, flags);
	if (window != PC)
		value = core->blocks[(window == CNA ? 0x1000 : 0x3000) / 4 + reg / 4];
	else if (reg == VERSION)
		value = RK3588_VERSION;
	else if (reg == INTERRUPT_STATUS)
		value = core->raw_status & core->pc[INTERRUPT_MASK / 4];
	else if (reg == INTERRUPT_RAW_STATUS)
		value = core->raw_status;
	else
		value = core->pc[reg / 4];
	spin_unlock_irqrestore(&dev->lock, flags);
	return value;
}

static void rocket_reg_write(struct rig_device *dev, unsigned int window, unsigned int reg,
			     u32 value)
{
	struct rocket_core *core = dev->priv;
	unsigned long flags;
	bool start = false;

	spin_lock_irqsave(&dev->lock, flags);
	if (window != PC) {
		core->blocks[(window == CNA ? 0x1000 : 0x3000) / 4 + reg / 4] = value;
	} else if (reg == INTERRUPT_CLEAR) {
		core->raw_status &= ~value;
	} else if (reg != VERSION && reg != VERSION_NUM) {
		core->pc[reg / 4] = value;
		start = reg == OPERATION_ENABLE && value & OPERATION_ENABLE_OP;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	if (start)
		rig_start(dev);
}

static void rocket_reset(struct rig_device *dev)
{
	struct rocket_core *core = dev->priv;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	dev->epoch++;
	memset(core, 0, sizeof(*core));
	spin_unlock_irqrestore(&dev->lock, flags);
}

/* --- a job ---------------------------------------------------------------------------- */

static bool rocket_is_current(struct rig_device *dev, unsigned int epoch)
{
	return READ_ONCE(dev->epoch) == epoch;
}

/* The blocks' work: feature data to output, page by page, as they are mapped. */
static enum rocket_end rocket_copy(struct rig_device *dev, unsigned int epoch)
{
	struct rocket_core *core = dev->priv;
	struct rig_device *mmu = rig_find(dev, "iommus");
	u32 from = core->blocks[CNA_FEATURE_DATA_ADDR / 4];
	u32 to = core->blocks[DPU_DST_BASE_ADDR / 4];
	u64 left = (core->blocks[DPU_CUBE_WIDTH / 4] & DPU_CUBE_MASK) + 1;
	void *source, *target;
	size_t bytes;

	left *= (core->blocks[DPU_CUBE_HEIGHT / 4] & DPU_CUBE_MASK) + 1;
	left *= (core->blocks[DPU_CUBE_CHANNEL / 4] & DPU_CUBE_MASK) + 1;
	for (; left; left -= bytes, from += bytes, to += bytes) {
		if (!rocket_is_current(dev, epoch))
			return RESET_MEANWHILE;
		source = mmu_translate(mmu, from, false);
		target = source ? mmu_translate(mmu, to, true) : NULL;
		if (!target)
			return STUCK;
		bytes = min3(left, (u64)PAGE_SIZE - offset_in_page(from),
			     (u64)PAGE_SIZE - offset_in_page(to));
		memmove(target, source, bytes);
	}
	return ENDED;
}

static enum rocket_end rocket_list(struct rig_device *dev, unsigned int epoch, u32 address,
				   u32 entries, struct rig_fault *fault)
{
	struct rocket_core *core = dev->priv;
	struct rig_device *mmu = rig_find(dev, "iommus");
	enum rocket_end end = STUCK;
	u64 *entry;
	u32 i, reg;

	for (i = 0; i < entries; i++, address += sizeof(*entry)) {
		if (!rocket_is_current(dev, epoch))
			return RESET_MEANWHILE;
		entry = mmu_translate(mmu, address, false);
		if (!entry)
			return STUCK;
		reg = FIELD_GET(ENTRY_REGISTER, *entry);
		switch (FIELD_GET(ENTRY_TARGET, *entry)) {
		case TARGET_ENABLE:
			if (fault->kind == RIG_FAULT_SLOW &&
			    rig_pass_time(dev, epoch, fault->value))
				return RESET_MEANWHILE;
			if (fault->kind == RIG_FAULT_HANG)
				return STUCK;
			if (FIELD_GET(ENTRY_VALUE, *entry) & ENABLE_DPU)
				end = rocket_copy(dev, epoch);
			if (end == RESET_MEANWHILE)
				return end;
			break;
		case RIG_ROCKET_FAULT:
			fault->kind = reg;
			fault->value = FIELD_GET(ENTRY_VALUE, *entry);
			break;
		case 0:		/* filler: a list is fetched in pairs */
			break;
		default:
			if (reg < BLOCK_REGISTERS)
				core->blocks[reg / 4] = FIELD_GET(ENTRY_VALUE, *entry);
		}
	}
	if (end == ENDED && fault->kind == RIG_FAULT_BUS)
		return READ_ERROR;
	return end;
}

static void rocket_run(struct rig_device *dev)
{
	struct rocket_core *core = dev->priv;
	struct rig_fault fault;
	unsigned int epoch;
	enum rocket_end end;
	u32 address, entries;
	bool raise = false;

	spin_lock_irq(&dev->lock);
	epoch = dev->epoch;
	address = core->pc[BASE_ADDRESS / 4] & BASE_ADDRESS_MASK;
	entries = 2 * (FIELD_GET(REGISTER_AMOUNTS_DATA, core->pc[REGISTER_AMOUNTS / 4]) + 1);
	if (!(core->pc[OPERATION_ENABLE / 4] & OPERATION_ENABLE_OP))
		entries = 0;
	spin_unlock_irq(&dev->lock);
	if (!entries)
		return;

	fault = rig_job_fault(dev);
	end = rocket_list(dev, epoch, address, entries, &fault);

	spin_lock_irq(&dev->lock);
	if (dev->epoch == epoch && (end == ENDED || end == READ_ERROR)) {
		core->raw_status |= end == READ_ERROR ? INTERRUPT_DMA_READ :
				    core->dpu ? INTERRUPT_DPU_1 : INTERRUPT_DPU_0;
		core->dpu ^= 1;
		raise = core->raw_status & core->pc[INTERRUPT_MASK / 4] &&
			fault.kind != RIG_FAULT_LOST;
	}
	spin_unlock_irq(&dev->lock);
	if (raise)
		rig_interrupt(dev);
}

/* --- the family ---------------------------------------------------------------------------- */

static int rocket_create_core(struct rig_device *dev)
{
	dev->priv = kvzalloc(sizeof(struct rocket_core), GFP_KERNEL);
	return dev->priv ? 0 : -ENOMEM;
}

static int rocket_create_mmu(struct rig_device *dev)
{
	dev->priv = kzalloc(sizeof(struct rocket_mmu), GFP_KERNEL);
	return dev->priv ? 0 : -ENOMEM;
}

static const struct rig_model rocket_models[] = {
	{
		.compatible = "rockchip,rk3588-iommu",
		.create = rocket_create_mmu,
		.reg_read = mmu_read,
		.reg_write = mmu_write,
	},
	{
		.compatible = "rockchip,rk3588-rknn-core",
		.create = rocket_create_core,
		.reg_read = rocket_reg_read,
		.reg_write = rocket_reg_write,
		.reset = rocket_reset,
		.run = rocket_run,
	},
};

static int __init rocket_model_init(void)
{
	return rig_add_models(rocket_models, ARRAY_SIZE(rocket_models));
}
module_init(rocket_model_init);

MODULE_DESCRIPTION("libaccel test rig: a model of the RK3588's NPU");
MODULE_LICENSE("GPL");
