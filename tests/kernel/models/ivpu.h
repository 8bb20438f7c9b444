/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the NPU's model know of each other. */
#ifndef RIG_IVPU_H
#define RIG_IVPU_H

#include <linux/hrtimer.h>
#include <linux/mm.h>

#include "rig.h"

/* Registers, by their offset in BAR 0, that more than one part looks at */
#define MMU_CR0			0x00200020
#define   MMU_CR0_ENABLE	BIT(0)
#define   MMU_CR0_EVENTS	BIT(2)
#define MMU_STRTAB_BASE		0x00200080
#define MMU_EVTQ_BASE		0x002000a0
#define MMU_EVTQ_PROD		0x002100a8
#define MMU_EVTQ_CONS		0x002100ac
#define ICB_STATUS_0		0x00010210
#define   ICB_MESSAGE		BIT(4)
#define   ICB_MMU_EVENT		BIT(5)

/* What a job ends with */
#define STATUS_SUCCESS		0x0
#define STATUS_PARSING_ERR	0x1
#define STATUS_PROCESSING_ERR	0x2
#define STATUS_ABORTED		0x4
#define STATUS_INVALID_HANDLE	0x9
#define STATUS_NOT_IMPLEMENTED	0xb
#define STATUS_RESET_FIRST	0xe
#define STATUS_RESET_LAST	0x1f

#define IVPU_REGS		128
#define IVPU_DOORBELLS		256
#define IVPU_CONTEXTS		256
#define IVPU_FETCHED		2	/* jobs of a queue that the firmware holds at a time */
#define IVPU_FIFO		128
#define IVPU_MESSAGES		1024
#define IVPU_GLOBAL		0	/* the address space of the firmware itself */
#define IVPU_BANDS		4
#define IVPU_BAND_NORMAL	1

struct ivpu_job {
	u32 id;
	u64 batch;		/* where its commands lie */
	bool started;
	u32 at, end;		/* the next command, and behind the last, from batch */
	u64 descriptors, fences;	/* the heaps that commands name places in */
	struct rig_fault fault;
};

/* A ring of jobs. It is the host's until it is dead; then who runs it frees it. */
struct ivpu_queue {
	struct list_head link;
	u64 id;			/* 0 with the scheduling of the host */
	u64 base;
	u32 slots, ssid, band, doorbell;
	struct ivpu_job jobs[IVPU_FETCHED];
	unsigned int count;
	bool rung;		/* something may be in the ring */
	bool blocked;		/* by a fence, when last looked at */
	bool stopped;		/* in the middle of a command, by an engine reset */
	bool faulted;		/* nothing runs before the host has taken the context down */
	bool dead;
};

/* A job that was in a queue that is gone, and that the host has not been told of. */
struct ivpu_orphan {
	struct list_head link;
	u32 ssid, job;
};

struct ivpu_stream {
	struct list_head link;
	u64 mask, address, size, written;
	u32 collected, dropped;
};

/* A message between host and firmware: its first 32 bytes, and what follows by its kind. */
struct ivpu_jsm {
	u64 reserved;
	u32 type, status, request, result;
	u64 reserved2;
	union {
		u32 w[24];
		u64 d[12];
	};
};

struct ivpu_message {
	struct list_head link;
	u16 channel;
	struct ivpu_jsm jsm;
};

/* The firmware's image begins with this at its entry point; the rig makes it (ivpu/firmware.c). */
struct ivpu_entry {
	u32 magic, warm;
	u64 boot_parameters;
	u64 warm_entry;
};
#define IVPU_ENTRY_MAGIC	0x7a176677

struct ivpu {
	struct rig_device *dev;		/* its lock is for all below */

	/* Registers that remember what was written */
	struct {
		u32 reg, value;
	} regs[IVPU_REGS];
	unsigned int reg_count;
	u32 buttress[64];
	bool powered;			/* a workpoint is set */
	struct workqueue_struct *irq_queue;
	struct work_struct irq;

	/* The firmware, which survives power-off in the host's memory, until a cold boot */
	bool running, dead;
	u64 boot_parameters, warm_entry;
	u64 headers, messages;		/* where replies go */
	u32 slots;
	bool hw_scheduling;
	struct list_head queues, orphans, streams;
	u64 heartbeat;
	bool heart_stopped;
	u64 jobs_done, commands_done, bytes_read, bytes_written;

	/* Messages */
	u32 inbox[IVPU_FIFO], outbox[IVPU_FIFO];
	unsigned int in_head, in_count, out_head, out_count;
	struct list_head waiting;	/* for a free place in the host's memory */
	struct list_head unused;
	struct ivpu_message pool[IVPU_MESSAGES];
	bool serving;			/* the first of the inbox is done, its reply is not sent */
	struct ivpu_jsm reply;
	u16 reply_channel;
	struct hrtimer retry;

	/* The engine */
	struct ivpu_queue *current_queue;
	struct ivpu_queue *hung;
	bool stopped;			/* until it is resumed */
	wait_queue_head_t leave;	/* what the engine waits in must end */
	struct hrtimer look_again;
	u8 bounce[PAGE_SIZE];

	/* For those who look */
	u32 cold_boots, warm_boots, engine_resets, doorbells, queue_count;
};

/* ivpu.c: registers, with the lock held; the interrupt, with and without it */
u32 ivpu_reg(struct ivpu *vpu, u32 reg);
u64 ivpu_reg64(struct ivpu *vpu, u32 reg);
void ivpu_set_reg(struct ivpu *vpu, u32 reg, u32 value);
void ivpu_raise(struct ivpu *vpu, u32 icb_status);
void ivpu_bus_error(struct ivpu *vpu);

/*
 * ivpu-mmu.c: reach the host's memory as the device does, page by page and each under the lock:
 * what the host has unmapped, and then synchronized with the MMU, is not touched any more.
 * -EFAULT: not mapped, and the host has been told. -ECANCELED: it is another epoch.
 */
int ivpu_access_locked(struct ivpu *vpu, u32 ssid, u64 address, void *data, size_t bytes,
		       bool write);
int ivpu_access(struct ivpu *vpu, unsigned int epoch, u32 ssid, u64 address, void *data,
		size_t bytes, bool write);

/* ivpu-ipc.c, all with the lock held but the init function */
void ivpu_ipc_init(struct ivpu *vpu);
void ivpu_ipc_reset(struct ivpu *vpu);
void ivpu_ipc_write(struct ivpu *vpu, u32 address);
void ivpu_ipc_go_on(struct ivpu *vpu);		/* the engine has left a queue */
u32 ivpu_ipc_pop(struct ivpu *vpu);
void ivpu_boot(struct ivpu *vpu, u64 entry);
void ivpu_post(struct ivpu *vpu, u16 channel, const struct ivpu_jsm *jsm);
void ivpu_job_done(struct ivpu *vpu, struct ivpu_queue *queue, u32 job, u32 status);

/* ivpu-metric.c, with the lock held */
void ivpu_metric_request(struct ivpu *vpu, const struct ivpu_jsm *request, struct ivpu_jsm *reply);
void ivpu_metric_sample(struct ivpu *vpu);
void ivpu_metric_reset(struct ivpu *vpu);

/* ivpu-engine.c, all with the lock held but the last two */
void ivpu_engine_reset(struct ivpu *vpu);
void ivpu_engine_stop(struct ivpu *vpu);
bool ivpu_engine_settled(struct ivpu *vpu);	/* has it left what was removed, and stopped? */
struct ivpu_queue *ivpu_queue_by_doorbell(struct ivpu *vpu, u32 doorbell);
struct ivpu_queue *ivpu_queue_by_id(struct ivpu *vpu, u32 ssid, u64 id);
int ivpu_queue_add(struct ivpu *vpu, u32 ssid, u64 id, u64 base, u32 bytes, u32 doorbell);
void ivpu_queue_free(struct ivpu *vpu, struct ivpu_queue *queue);
/* The same, and remember its jobs if it is the firmware that has to end them. */
void ivpu_queue_remove(struct ivpu *vpu, struct ivpu_queue *queue);
void ivpu_engine_init(struct ivpu *vpu);
void ivpu_engine_run(struct rig_device *dev);

#endif
