// SPDX-License-Identifier: GPL-2.0
/*
 * A model of Arm's Ethos-U65 and Ethos-U85, as much of them as moves data.
 *
 * The driver points QBASE and QSIZE at a command stream, BASEP0..7 at the memory regions that
 * its commands name, and sets CMD.run. The NPU then fetches one 32-bit word after the other: a
 * 16-bit command and a 16-bit parameter, and for commands with bit 14 set a second word, which
 * with bits 23:16 of the first is a 40-bit number. Most commands set a register of the command
 * state; a few start an operation with it. STOP ends the stream with an interrupt. QREAD tells
 * how far the NPU is. What it cannot read or write is a bus error, what it cannot decode a
 * parse error: both stop it until the next reset.
 *
 * Operations modelled: DMA in one, two and three dimensions between regions and the internal
 * memory, the waits, and the interrupt. Convolution, pooling and element-wise operations are
 * not: they end with a parse error, so that no job is taken for done that was not.
 *
 * The performance monitor counts what the model does: a cycle for each word fetched and each
 * 16 bytes moved, the NPU active in all of them; on the U65 also the beats of its two buses,
 * where region 2 lies on AXI0 and all others on AXI1.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sizes.h>

#include "rig.h"

/* Registers */
#define ID			0x000
#define STATUS			0x004
#define   STATUS_RUNNING	BIT(0)
#define   STATUS_IRQ		BIT(1)
#define   STATUS_BUS_ERROR	BIT(2)
#define   STATUS_PARSE_ERROR	BIT(4)
#define   STATUS_END		BIT(5)
#define CMD			0x008
#define   CMD_RUN		BIT(0)
#define   CMD_CLEAR_IRQ		BIT(1)
#define RESET			0x00c
#define   RESET_NON_SECURE	BIT(1)
#define QBASE			0x010
#define QBASE_HI		0x014
#define QREAD			0x018
#define QSIZE			0x020
#define PROT			0x024
#define   PROT_NON_SECURE	BIT(1)
#define CONFIG			0x028
#define BASEP(region)		(0x080 + (region) * 8)
#define BASEP_HI(region)	(0x084 + (region) * 8)

/* The performance monitor's, from 0 on the U65 and from 0x1000 on the U85 */
#define PMCR			0x180
#define   PMCR_ENABLE		BIT(0)
#define   PMCR_RESET_EVENTS	BIT(1)
#define   PMCR_RESET_CYCLES	BIT(2)
#define   PMCR_COUNTERS		GENMASK(15, 11)
#define PMCNTENSET		0x184
#define PMCNTENCLR		0x188
#define   PMCNTEN_CYCLES	BIT(31)
#define PMCCNTR_LO		0x1a0
#define PMCCNTR_HI		0x1a4
#define PMEVCNTR(n)		(0x300 + (n) * 4)
#define PMEVTYPER(n)		(0x380 + (n) * 4)
#define COUNTERS		4

/* Events, by their numbers on the U65 */
#define EVENT_CYCLE		0x11
#define EVENT_NPU_ACTIVE	0x23
#define EVENT_AXI0_READ_BEAT	0x82
#define EVENT_AXI0_WRITE_BEAT	0x87
#define EVENT_AXI1_READ_BEAT	0x182
#define EVENT_AXI1_WRITE_BEAT	0x187
#define BEAT_BYTES		16

/* Commands */
#define OP_MASK			GENMASK(15, 0)
#define PARAMETER		GENMASK(31, 16)
#define OP_TWO_WORDS		BIT(14)
#define OP_STOP			0x0000
#define OP_IRQ			0x0001
#define OP_DMA_START		0x0010
#define OP_DMA_WAIT		0x0011
#define OP_KERNEL_WAIT		0x0012
#define OP_PMU_MASK		0x0013
#define SET_FIRST		0x0100
#define SET_LAST		0x01ff
#define SET_DMA0_SRC_REGION	0x0130
#define SET_DMA0_DST_REGION	0x0131
#define   DMA_REGION		GENMASK(2, 0)
#define   DMA_INTERNAL		BIT(8)
#define   DMA_MODE		GENMASK(10, 9)	/* in the source's: dimensions less one */
#define SET_DMA0_SIZE0		0x0132
#define SET_DMA0_SIZE1		0x0133
#define SET_WIDE_FIRST		0x4000
#define SET_WIDE_LAST		0x40ff
#define SET_DMA0_SRC		0x4030
#define SET_DMA0_DST		0x4031
#define SET_DMA0_LEN		0x4032
#define SET_DMA0_SRC_STRIDE0	0x4033
#define SET_DMA0_SRC_STRIDE1	0x4034
#define SET_DMA0_DST_STRIDE0	0x4035
#define SET_DMA0_DST_STRIDE1	0x4036

#define REGIONS			8
#define SRAM_REGION		2
#define INTERNAL_BYTES		SZ_64K

enum ethosu_end { ENDED, RESET_MEANWHILE, HUNG, BUS_ERROR, PARSE_ERROR };

struct ethosu {
	u32 id, config;
	unsigned int pmu;		/* where the performance monitor's registers begin */

	/* Registers, under the device's lock */
	u32 regs[0x1000 / 4];
	u32 status, qread;
	u32 pmcr, pmcnten;
	u64 cycles;
	u32 events[COUNTERS];

	/* The command state: the last parameter of each command that sets one */
	u16 narrow[SET_LAST - SET_FIRST + 1];
	u64 wide[SET_WIDE_LAST - SET_WIDE_FIRST + 1];

	u8 internal[INTERNAL_BYTES];
};

/* --- the performance monitor ------------------------------------------------ */

static void ethosu_count(struct rig_device *dev, u32 event, u32 times)
{
	struct ethosu *npu = dev->priv;
	unsigned long flags;
	int i;

	spin_lock_irqsave(&dev->lock, flags);
	if (npu->pmcr & PMCR_ENABLE) {
		if (event == EVENT_CYCLE && npu->pmcnten & PMCNTEN_CYCLES)
			npu->cycles += times;
		for (i = 0; i < COUNTERS; i++)
			if (npu->pmcnten & BIT(i) &&
			    npu->regs[(PMEVTYPER(i)) / 4] == event)
				npu->events[i] += times;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
}

static void ethosu_count_cycles(struct rig_device *dev, u32 cycles)
{
	ethosu_count(dev, EVENT_CYCLE, cycles);
	ethosu_count(dev, EVENT_NPU_ACTIVE, cycles);
}

static u32 ethosu_pmu_read(struct ethosu *npu, unsigned int reg)
{
	switch (reg) {
	case PMCR:
		return FIELD_PREP(PMCR_COUNTERS, COUNTERS) | npu->pmcr;
	case PMCNTENSET:
	case PMCNTENCLR:
		return npu->pmcnten;
	case PMCCNTR_LO:
		return lower_32_bits(npu->cycles);
	case PMCCNTR_HI:
		return upper_32_bits(npu->cycles) & 0xffff;
	case PMEVCNTR(0) ... PMEVCNTR(COUNTERS - 1):
		return npu->events[(reg - PMEVCNTR(0)) / 4];
	default:
		return npu->regs[reg / 4];
	}
}

static void ethosu_pmu_write(struct ethosu *npu, unsigned int reg, u32 value)
{
	switch (reg) {
	case PMCR:
		npu->pmcr = value & PMCR_ENABLE;
		if (value & PMCR_RESET_EVENTS)
			memset(npu->events, 0, sizeof(npu->events));
		if (value & PMCR_RESET_CYCLES)
			npu->cycles = 0;
		break;
	case PMCNTENSET:
		npu->pmcnten |= value;
		break;
	case PMCNTENCLR:
		npu->pmcnten &= ~value;
		break;
	default:
		npu->regs[reg / 4] = value;
	}
}

static bool ethosu_is_pmu(struct ethosu *npu, unsigned int reg)
{
	return reg >= npu->pmu + PMCR && reg < npu->pmu + 0x400;
}

/* --- registers ----------------------------------------------------------------- */

static u32 ethosu_reg_read(struct rig_device *dev, unsigned int window, unsigned int reg)
{
	struct ethosu *npu = dev->priv;
	unsigned long flags;
	u32 value;

	spin_lock_irqsave(&dev->lock, flags);
	if (ethosu_is_pmu(npu, reg))
		value = ethosu_pmu_read(npu, reg - npu->pmu);
	else if (reg == ID)
		value = npu->id;
	else if (reg == STATUS)
		value = npu->status;
	else if (reg == QREAD)
		value = npu->qread;
	else if (reg == PROT)
		value = PROT_NON_SECURE;
	else if (reg == CONFIG)
		value = npu->config;
	else
		value = reg < sizeof(npu->regs) ? npu->regs[reg / 4] : 0;
	spin_unlock_irqrestore(&dev->lock, flags);
	return value;
}

static void ethosu_reset(struct rig_device *dev)
{
	struct ethosu *npu = dev->priv;

	dev->epoch++;
	memset(npu->regs, 0, sizeof(npu->regs));
	npu->status = npu->qread = 0;
	npu->pmcr = npu->pmcnten = 0;
	npu->cycles = 0;
	memset(npu->events, 0, sizeof(npu->events));
	memset(npu->narrow, 0, sizeof(npu->narrow));
	memset(npu->wide, 0, sizeof(npu->wide));
}

static void ethosu_reg_write(struct rig_device *dev, unsigned int window, unsigned int reg,
			     u32 value)
{
	struct ethosu *npu = dev->priv;
	bool start = false, reset = false;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (ethosu_is_pmu(npu, reg)) {
		ethosu_pmu_write(npu, reg - npu->pmu, value);
	} else if (reg == CMD) {
		if (value & CMD_CLEAR_IRQ)
			npu->status &= ~STATUS_IRQ;
		/* After an error the NPU stays where it is until it is reset. */
		start = value & CMD_RUN && !(npu->status & (STATUS_RUNNING | STATUS_BUS_ERROR |
							    STATUS_PARSE_ERROR));
		if (start) {
			npu->status = (npu->status & ~STATUS_END) | STATUS_RUNNING;
			npu->qread = 0;
		}
	} else if (reg == RESET) {
		reset = true;
		ethosu_reset(dev);
	} else if (reg < sizeof(npu->regs)) {
		npu->regs[reg / 4] = value;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	if (reset)
		wake_up_all(&dev->reset_wait);
	if (start)
		rig_start(dev);
}

static u64 ethosu_reg_address(struct ethosu *npu, unsigned int low)
{
	return npu->regs[low / 4] | (u64)npu->regs[low / 4 + 1] << 32;
}

/* --- DMA ------------------------------------------------------------------------ */

static s64 ethosu_signed40(u64 value)
{
	return sign_extend64(value, 39);
}

/* Where @bytes at @offset of what @region names are; NULL: nowhere. */
static void *ethosu_region(struct ethosu *npu, u16 region, u64 offset, u64 bytes)
{
	u64 base = ethosu_reg_address(npu, BASEP(FIELD_GET(DMA_REGION, region)));

	if (region & DMA_INTERNAL)
		return offset <= INTERNAL_BYTES && bytes <= INTERNAL_BYTES - offset ?
			npu->internal + offset : NULL;
	return rig_memory(base + offset, bytes);
}

static void ethosu_count_beats(struct rig_device *dev, u16 region, bool write, u64 bytes)
{
	bool axi0 = FIELD_GET(DMA_REGION, region) == SRAM_REGION;

	if (region & DMA_INTERNAL)
		return;
	ethosu_count(dev, write ? (axi0 ? EVENT_AXI0_WRITE_BEAT : EVENT_AXI1_WRITE_BEAT) :
				  (axi0 ? EVENT_AXI0_READ_BEAT : EVENT_AXI1_READ_BEAT),
		     DIV_ROUND_UP(bytes, BEAT_BYTES));
}

/*
 * SIZE1 planes of SIZE0 rows of LEN bytes. A stride is what lies between the end of a row
 * (or plane) and the next one's beginning, which is how the driver reckons a stream's extent.
 */
static enum ethosu_end ethosu_dma(struct rig_device *dev)
{
	struct ethosu *npu = dev->priv;
	const u64 *wide = npu->wide;
	u16 from = npu->narrow[SET_DMA0_SRC_REGION - SET_FIRST];
	u16 to = npu->narrow[SET_DMA0_DST_REGION - SET_FIRST];
	unsigned int mode = FIELD_GET(DMA_MODE, from), row, plane;
	unsigned int rows = mode ? npu->narrow[SET_DMA0_SIZE0 - SET_FIRST] : 1;
	unsigned int planes = mode > 1 ? npu->narrow[SET_DMA0_SIZE1 - SET_FIRST] : 1;
	u64 src = wide[SET_DMA0_SRC - SET_WIDE_FIRST];
	u64 dst = wide[SET_DMA0_DST - SET_WIDE_FIRST];
	u64 len = wide[SET_DMA0_LEN - SET_WIDE_FIRST];
	void *source, *target;

	if (mode > 2)
		return PARSE_ERROR;
	for (plane = 0; plane < planes; plane++) {
		for (row = 0; row < rows && len; row++) {
			source = ethosu_region(npu, from, src, len);
			target = ethosu_region(npu, to, dst, len);
			if (!source || !target)
				return BUS_ERROR;
			memmove(target, source, len);
			ethosu_count_beats(dev, from, false, len);
			ethosu_count_beats(dev, to, true, len);
			ethosu_count_cycles(dev, DIV_ROUND_UP(len, BEAT_BYTES));
			src += len;
			dst += len;
			if (mode) {
				src += ethosu_signed40(wide[SET_DMA0_SRC_STRIDE0 - SET_WIDE_FIRST]);
				dst += ethosu_signed40(wide[SET_DMA0_DST_STRIDE0 - SET_WIDE_FIRST]);
			}
		}
		if (mode > 1) {
			src += ethosu_signed40(wide[SET_DMA0_SRC_STRIDE1 - SET_WIDE_FIRST]);
			dst += ethosu_signed40(wide[SET_DMA0_DST_STRIDE1 - SET_WIDE_FIRST]);
		}
	}
	return ENDED;
}

/* --- the command stream ------------------------------------------------------------- */

static bool ethosu_at(struct rig_device *dev, unsigned int epoch, u32 qread)
{
	struct ethosu *npu = dev->priv;
	bool same;

	spin_lock_irq(&dev->lock);
	same = dev->epoch == epoch;
	if (same)
		npu->qread = qread;
	spin_unlock_irq(&dev->lock);
	return same;
}

static enum ethosu_end ethosu_stream(struct rig_device *dev, unsigned int epoch, u64 base,
				     u32 bytes, struct rig_fault *fault)
{
	struct ethosu *npu = dev->priv;
	enum ethosu_end end;
	u32 at = 0, op, *word;
	u64 value;

	for (;;) {
		/* Progress is seen at each command, and a slow job is slow at each of them. */
		if (!ethosu_at(dev, epoch, at))
			return RESET_MEANWHILE;
		if (fault->kind == RIG_FAULT_SLOW &&
		    rig_pass_time(dev, epoch, DIV_ROUND_UP_ULL(4ull * fault->value, bytes)))
			return RESET_MEANWHILE;
		word = at + 4 <= bytes ? rig_memory(base + at, 4) : NULL;
		if (!word)
			return BUS_ERROR;
		op = FIELD_GET(OP_MASK, word[0]);
		value = FIELD_GET(PARAMETER, word[0]);
		at += 4;
		ethosu_count_cycles(dev, 1);
		if (op & OP_TWO_WORDS) {
			word = at + 4 <= bytes ? rig_memory(base + at, 4) : NULL;
			if (!word)
				return BUS_ERROR;
			value = (value & 0xff) << 32 | word[0];
			at += 4;
			ethosu_count_cycles(dev, 1);
		}

		switch (op) {
		case OP_STOP:
			return fault->kind == RIG_FAULT_BUS ? BUS_ERROR : ENDED;
		case OP_DMA_START:
			if (fault->kind == RIG_FAULT_HANG)
				return HUNG;
			end = ethosu_dma(dev);
			if (end != ENDED)
				return end;
			break;
		case OP_IRQ:
		case OP_DMA_WAIT:
		case OP_KERNEL_WAIT:
		case OP_PMU_MASK:
			break;
		case RIG_ETHOSU_FAULT:
			fault->kind = value >> 32;
			fault->value = lower_32_bits(value);
			break;
		case SET_FIRST ... SET_LAST:
			npu->narrow[op - SET_FIRST] = value;
			break;
		case SET_WIDE_FIRST ... SET_WIDE_LAST:
			npu->wide[op - SET_WIDE_FIRST] = value;
			break;
		default:
			return PARSE_ERROR;
		}
	}
}

static void ethosu_run(struct rig_device *dev)
{
	struct ethosu *npu = dev->priv;
	struct rig_fault fault;
	bool raise = false;
	enum ethosu_end end;
	unsigned int epoch;
	u64 base;
	u32 bytes;

	spin_lock_irq(&dev->lock);
	epoch = dev->epoch;
	base = ethosu_reg_address(npu, QBASE);
	bytes = npu->regs[QSIZE / 4];
	if (!(npu->status & STATUS_RUNNING))
		bytes = 0;
	spin_unlock_irq(&dev->lock);
	if (!bytes)
		return;

	fault = rig_job_fault(dev);
	end = ethosu_stream(dev, epoch, base, bytes, &fault);

	spin_lock_irq(&dev->lock);
	if (dev->epoch == epoch && end != RESET_MEANWHILE && end != HUNG) {
		npu->status &= ~STATUS_RUNNING;
		npu->status |= STATUS_IRQ | (end == ENDED ? STATUS_END :
					     end == BUS_ERROR ? STATUS_BUS_ERROR :
					     STATUS_PARSE_ERROR);
		raise = fault.kind != RIG_FAULT_LOST;
	}
	spin_unlock_irq(&dev->lock);
	if (raise)
		rig_interrupt(dev);
}

/* --- the family ------------------------------------------------------------------------ */

static int ethosu_create(struct rig_device *dev, u32 id, u32 config, unsigned int pmu)
{
	struct ethosu *npu = kvzalloc(sizeof(*npu), GFP_KERNEL);

	if (!npu)
		return -ENOMEM;
	npu->id = id;
	npu->config = config;
	npu->pmu = pmu;
	dev->priv = npu;
	return 0;
}

/* ID: architecture 1.0.6, product 1. CONFIG: product, 48 KiB of SHRAM, stream version, 256 MACs. */
static int ethosu_create_u65(struct rig_device *dev)
{
	return ethosu_create(dev, 0x10061000, 0x10003018, 0);
}

/* ID: architecture 2.0.0, product 2. CONFIG: product, stream version, 512 MACs. */
static int ethosu_create_u85(struct rig_device *dev)
{
	return ethosu_create(dev, 0x20002000, 0x20000019, 0x1000);
}

static const struct rig_model ethosu_models[] = {
	{
		.compatible = "arm,ethos-u65",
		.create = ethosu_create_u65,
		.reg_read = ethosu_reg_read,
		.reg_write = ethosu_reg_write,
		.run = ethosu_run,
	},
	{
		.compatible = "arm,ethos-u85",
		.create = ethosu_create_u85,
		.reg_read = ethosu_reg_read,
		.reg_write = ethosu_reg_write,
		.run = ethosu_run,
	},
	{
		.compatible = "mmio-sram",
		.create = rig_add_memory,
	},
};

static int __init ethosu_model_init(void)
{
	return rig_add_models(ethosu_models, ARRAY_SIZE(ethosu_models));
}
module_init(ethosu_model_init);

MODULE_DESCRIPTION("libaccel test rig: a model of Arm Ethos-U65 and Ethos-U85");
MODULE_LICENSE("GPL");
