// SPDX-License-Identifier: GPL-2.0
/*
 * The NPU's MMU: from an address and the number of its context to the host's memory.
 *
 * A stream table entry points to a table of context descriptors, of which the substream number
 * (SSID) of an access picks one; that points to page tables of four levels, with pages of 4 KiB.
 * What is not mapped, or mapped for reading only, is put into the event queue with an interrupt,
 * unless the context's descriptor says that its faults are not to be recorded.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "ivpu.h"

#define STE_VALID		BIT_ULL(0)
#define STE_CONTEXTS		GENMASK_ULL(51, 6)
#define CD_BYTES		64
#define CD_VALID		BIT_ULL(31)
#define CD_RECORD		BIT_ULL(45)
#define CD_TABLE		GENMASK_ULL(51, 4)
#define ENTRY_VALID		BIT_ULL(0)
#define ENTRY_READ_ONLY		BIT_ULL(7)
#define ENTRY_ADDRESS		GENMASK_ULL(47, 12)
#define ADDRESS_BITS		48

#define EVENT_BAD_STE		0x04
#define EVENT_BAD_SUBSTREAM	0x08
#define EVENT_BAD_CD		0x0a
#define EVENT_WALK_ABORT	0x0b
#define EVENT_TRANSLATION	0x10
#define EVENT_ADDR_SIZE		0x11
#define EVENT_PERMISSION	0x13
#define EVENT_SSID_VALID	BIT(11)
#define EVENT_SSID		GENMASK(31, 12)
#define EVENT_READ		BIT(3)		/* in the fourth word */
#define EVENT_WORDS		8

#define QUEUE_ADDRESS		GENMASK_ULL(51, 5)
#define QUEUE_SIZE_LOG2		GENMASK_ULL(4, 0)

static const u64 *ivpu_descriptor(struct ivpu *vpu, u32 ssid, unsigned int *event)
{
	u64 table = ivpu_reg64(vpu, MMU_STRTAB_BASE) & GENMASK_ULL(51, 6);
	const u64 *ste, *cd;

	*event = 0;
	if (!(ivpu_reg(vpu, MMU_CR0) & MMU_CR0_ENABLE))
		return NULL;
	*event = EVENT_BAD_STE;
	ste = rig_pci_memory(vpu->dev, table, sizeof(*ste));
	if (!ste || !(READ_ONCE(*ste) & STE_VALID))
		return NULL;
	*event = EVENT_BAD_SUBSTREAM;
	if (ssid >= IVPU_CONTEXTS)
		return NULL;
	*event = EVENT_BAD_CD;
	table = READ_ONCE(*ste) & STE_CONTEXTS;
	cd = rig_pci_memory(vpu->dev, table + ssid * CD_BYTES, CD_BYTES);
	return cd && READ_ONCE(cd[0]) & CD_VALID ? cd : NULL;
}

/* Where in the guest an address is; the access does not cross a page. */
static void *ivpu_translate(struct ivpu *vpu, u32 ssid, u64 address, size_t bytes, bool write,
			    unsigned int *event)
{
	const u64 *cd = ivpu_descriptor(vpu, ssid, event), *at;
	unsigned int shift;
	u64 entry;

	if (!cd)
		return NULL;
	*event = EVENT_ADDR_SIZE;
	if (address >> ADDRESS_BITS)
		return NULL;
	entry = READ_ONCE(cd[1]) & CD_TABLE;
	for (shift = 39; shift >= 12; shift -= 9) {
		*event = EVENT_WALK_ABORT;
		at = rig_pci_memory(vpu->dev,
				    (entry & ENTRY_ADDRESS) + 8 * (address >> shift & 511), 8);
		if (!at)
			return NULL;
		entry = READ_ONCE(*at);
		*event = EVENT_TRANSLATION;
		if (!(entry & ENTRY_VALID))
			return NULL;
	}
	*event = EVENT_PERMISSION;
	if (write && entry & ENTRY_READ_ONLY)
		return NULL;
	*event = EVENT_WALK_ABORT;
	return rig_pci_memory(vpu->dev, (entry & ENTRY_ADDRESS) + offset_in_page(address), bytes);
}

static void ivpu_record(struct ivpu *vpu, u32 ssid, u64 address, bool write, unsigned int event)
{
	u64 base = ivpu_reg64(vpu, MMU_EVTQ_BASE);
	u32 entries = 1u << (base & QUEUE_SIZE_LOG2), prod = ivpu_reg(vpu, MMU_EVTQ_PROD);
	u32 cons = ivpu_reg(vpu, MMU_EVTQ_CONS);
	unsigned int none;
	const u64 *cd = ivpu_descriptor(vpu, ssid, &none);
	u32 *words;

	if (!event || !(ivpu_reg(vpu, MMU_CR0) & MMU_CR0_EVENTS))
		return;
	if (cd && !(READ_ONCE(cd[0]) & CD_RECORD))
		return;
	if ((prod ^ cons) == entries)
		return;
	words = rig_pci_memory(vpu->dev, (base & QUEUE_ADDRESS) +
			   (prod & (entries - 1)) * EVENT_WORDS * sizeof(u32),
			   EVENT_WORDS * sizeof(u32));
	if (!words)
		return;
	memset(words, 0, EVENT_WORDS * sizeof(u32));
	words[0] = event | EVENT_SSID_VALID | FIELD_PREP(EVENT_SSID, ssid);
	words[3] = write ? 0 : EVENT_READ;
	words[4] = lower_32_bits(address);
	words[5] = upper_32_bits(address);
	ivpu_set_reg(vpu, MMU_EVTQ_PROD, (prod + 1) & (2 * entries - 1));
	ivpu_raise(vpu, ICB_MMU_EVENT);
}

static int ivpu_access_page(struct ivpu *vpu, u32 ssid, u64 address, void *data, size_t bytes,
			    bool write)
{
	unsigned int event;
	void *memory = ivpu_translate(vpu, ssid, address, bytes, write, &event);

	if (!memory) {
		ivpu_record(vpu, ssid, address, write, event);
		return -EFAULT;
	}
	if (write)
		memcpy(memory, data, bytes);
	else
		memcpy(data, memory, bytes);
	return 0;
}

int ivpu_access_locked(struct ivpu *vpu, u32 ssid, u64 address, void *data, size_t bytes,
		       bool write)
{
	size_t part;
	int ret;

	for (; bytes; bytes -= part, address += part, data += part) {
		part = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(address));
		ret = ivpu_access_page(vpu, ssid, address, data, part, write);
		if (ret)
			return ret;
	}
	return 0;
}

int ivpu_access(struct ivpu *vpu, unsigned int epoch, u32 ssid, u64 address, void *data,
		size_t bytes, bool write)
{
	size_t part;
	int ret = 0;

	for (; bytes && !ret; bytes -= part, address += part, data += part) {
		part = min_t(size_t, bytes, PAGE_SIZE - offset_in_page(address));
		spin_lock_irq(&vpu->dev->lock);
		ret = vpu->dev->epoch != epoch ? -ECANCELED :
		      ivpu_access_page(vpu, ssid, address, data, part, write);
		spin_unlock_irq(&vpu->dev->lock);
	}
	return ret;
}
