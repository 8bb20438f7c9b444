/* SPDX-License-Identifier: MIT */
/*
 * <accel/qaic.h>: what only Qualcomm's Cloud AI cards have. Link with -laccel-qaic beside
 * -laccel; the rules of <accel/accel.h> hold here, too.
 *
 * A queue of this device is a DMA bridge channel, which its firmware activates for a network. A
 * job is a list of transfers between buffers and the device's memory, with the semaphores and
 * doorbells that make the network run: a buffer listed with ACCEL_ACCESS_READ is moved to the
 * device, one with ACCEL_ACCESS_WRITE from it, and struct accel_qaic_job says how. The addresses
 * in it are the network's.
 *
 * How a buffer is moved is attached to it once, when the first job is made that moves it so, and
 * stays until a job is made or submitted that moves it otherwise.
 */
#ifndef ACCEL_QAIC_H
#define ACCEL_QAIC_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* accel_ext.type */
#define ACCEL_QAIC_QUEUE 0x71610001u
#define ACCEL_QAIC_JOB   0x71610002u

/* ---- the firmware ------------------------------------------------------------------------ */

#define ACCEL_QAIC_MESSAGE_MAX 4096u

enum accel_qaic_part_kind {
	ACCEL_QAIC_PASSTHROUGH = 1, /* @data itself goes to the device; whole 8 bytes */
	ACCEL_QAIC_MEMORY           /* the device fetches @data; pages are pinned meanwhile */
};

/* Of a message to the control service. This layout never changes. */
struct accel_qaic_part {
	uint32_t kind; /* enum accel_qaic_part_kind */
	uint32_t tag;  /* ACCEL_QAIC_MEMORY: names it to the device; else 0 */
	uint64_t bytes;
	const void *data;
};

/* Heads each answer of accel_qaic_talk(). @bytes of payload follow, a multiple of 8. */
struct accel_qaic_answer {
	uint32_t bytes;
	uint32_t reserved;
};

/*
 * Send @count parts as one message, and give the answers' payloads to @answer, of which
 * *@answer_bytes is the room, and then what was written; the caller may want
 * ACCEL_QAIC_MESSAGE_MAX. Nothing is sent twice, whatever signals come.
 *
 * When @deadline passes the message is under way all the same, and memory of ACCEL_QAIC_MEMORY
 * may still be fetched. In a context with ACCEL_OPEN_NO_THREADS the call lasts as long as the
 * firmware takes, at most the minute that the kernel allows it.
 * Errors: -EINVAL no part, one of no such kind, of no bytes, or misaligned; -E2BIG more than
 * ACCEL_QAIC_MESSAGE_MAX together, each with 8 bytes of head (32 for ACCEL_QAIC_MEMORY);
 * -ENOSPC the answer is larger than its room, which is lost; -EFAULT @data of
 * ACCEL_QAIC_MEMORY is not mapped; -EIO the firmware refused, did not answer or answered
 * garbage; -EAGAIN it takes no message now; -ETIME; -ENOMEM; -ESTALE, -ENODEV.
 */
int accel_qaic_talk(struct accel_context *ctx, const struct accel_qaic_part *parts, uint32_t count,
		    void *answer, uint32_t *answer_bytes, int64_t deadline);

struct accel_qaic_info {
	uint32_t size;
	uint32_t channels; /* of the device; 0: not known */
	uint32_t major;    /* of the control protocol */
	uint32_t minor;
	uint64_t flags; /* of the control service; bit 0: messages have a CRC */
};

/* Asks the firmware. Errors: as accel_qaic_talk(). */
int accel_qaic_get_info(struct accel_context *ctx, int64_t deadline, struct accel_qaic_info *out);

/* ---- queues ------------------------------------------------------------------------------- */

/*
 * For accel_queue_params.ext.
 *
 * How a channel is given back is the network's own matter, too: the kernel has no call that reaches
 * the device. Without @release the channel stays with the context when the queue goes, serves the
 * next queue with the same members, and goes when the context does; and accel_queue_cancel() ends
 * only the jobs that have not reached the device.
 */
struct accel_qaic_queue {
	struct accel_ext head;
	uint32_t elements; /* of the ring, 2 .. 65536; 0: 1024. Each slice takes one, more
			    * where its memory is in pieces */
	uint32_t options;  /* the device's own */
	/* The network: parts that go before the activation in its message. Memory of
	 * ACCEL_QAIC_MEMORY must outlive the queue: accel_queue_cancel() activates it anew. */
	const struct accel_qaic_part *network;
	/* The message that gives the channel back; its number, 4 bytes, is put at @release_channel
	 * into the first part, which is an ACCEL_QAIC_PASSTHROUGH. */
	const struct accel_qaic_part *release;
	uint32_t network_count, release_count;
	uint32_t release_channel;
	uint32_t reserved; /* 0 */
};

enum accel_qaic_state { /* the kernel's, of a channel */
	ACCEL_QAIC_IDLE,
	ACCEL_QAIC_ASSIGNED,
	ACCEL_QAIC_BEFORE_SHUTDOWN, /* from here on: its sub-system restarts */
	ACCEL_QAIC_AFTER_SHUTDOWN,
	ACCEL_QAIC_BEFORE_POWER_UP,
	ACCEL_QAIC_AFTER_POWER_UP,
	ACCEL_QAIC_UNKNOWN = 255
};

struct accel_qaic_queue_info {
	uint32_t size;
	uint32_t channel;
	uint32_t elements;
	uint32_t used;  /* elements of jobs under way */
	uint32_t lost;  /* 1: the channel was taken away: make another queue */
	uint32_t state; /* enum accel_qaic_state, of the channel, whosever it is by now */
};

/* Looks once, in sysfs, without the firmware. */
int accel_qaic_queue_get_info(struct accel_queue *queue, struct accel_qaic_queue_info *out);

/* ---- jobs --------------------------------------------------------------------------------- */

enum accel_qaic_command {
	ACCEL_QAIC_NOP,
	ACCEL_QAIC_INIT,
	ACCEL_QAIC_INC,
	ACCEL_QAIC_DEC,
	ACCEL_QAIC_WAIT_EQUAL,
	ACCEL_QAIC_WAIT_GT_EQ, /* at least @value */
	ACCEL_QAIC_WAIT_GT_0
};

#define ACCEL_QAIC_FENCE_OUT (1u << 0) /* after all earlier transfers from the device */
#define ACCEL_QAIC_FENCE_IN  (1u << 1) /* after all earlier transfers to it */

/* What a slice does with one of the channel's semaphores. All zero: nothing. */
struct accel_qaic_semaphore {
	uint16_t value;  /* 0 .. 4095 */
	uint8_t index;   /* 0 .. 31 */
	uint8_t presync; /* 1: before the transfer, one of a slice's at most; 0: after it */
	uint8_t command; /* enum accel_qaic_command */
	uint8_t flags;   /* ACCEL_QAIC_FENCE_* */
	uint16_t reserved;
};

/* One transfer, then a doorbell. This layout never changes. */
struct accel_qaic_slice {
	uint64_t offset; /* into the buffer */
	uint64_t bytes;  /* 0: no transfer; the page at @offset must be the buffer's all the same */
	uint64_t device_address;
	uint64_t doorbell_address; /* aligned to its width */
	uint32_t doorbell_data;
	uint32_t doorbell_bits; /* 8, 16 or 32; 0: none */
	struct accel_qaic_semaphore semaphore[4];
};

#define ACCEL_QAIC_NOTHING UINT64_MAX

/* How one buffer is moved. This layout never changes. */
struct accel_qaic_transfer {
	const struct accel_qaic_slice *slices; /* in this order; copied */
	uint32_t count;                        /* at least 1 */
	uint32_t reserved;                     /* 0 */
	uint64_t limit;                        /* as accel_qaic_job_set_limit() takes it */
};

/*
 * For accel_job_params.ext, which this device needs. Buffers are transferred in the order of
 * accel_job_params.bos.
 *
 * With ACCEL_QAIC_CHECK the outcome is exact where the kernel can't tell it: before each
 * submission the library writes a fresh word of 8 bytes to @in_offset of buffer @in, which goes
 * to the device, and another to @out_offset of buffer @out, which comes from it. The network is to
 * bring the first word back there, with its last transfer. The job is ACCEL_DONE if it
 * has, else ACCEL_FAILED. Both offsets are multiples of 8 inside slices; neither buffer is an
 * imported one.
 */
#define ACCEL_QAIC_CHECK (1u << 0)
struct accel_qaic_job {
	struct accel_ext head;
	const struct accel_qaic_transfer *transfers; /* accel_job_params.bo_count of them */
	uint32_t flags;                              /* ACCEL_QAIC_CHECK */
	uint32_t reserved;                           /* 0 */
	uint32_t in, out;
	uint64_t in_offset, out_offset;
};

/*
 * From the next submission on, move of buffer @index only the bytes before @limit, or
 * ACCEL_QAIC_NOTHING; 0 is all of it. Semaphores and doorbells act all the same.
 * Errors: -EINVAL no such buffer; -ERANGE beyond it; -EBUSY the job is under way; -EOPNOTSUPP it
 * leaves no byte of a slice whose memory may be in pieces: the kernel would wait for ever.
 */
int accel_qaic_job_set_limit(struct accel_job *job, uint32_t index, uint64_t limit);

struct accel_qaic_latency {
	uint32_t size;
	uint32_t ahead;     /* elements that were in the ring before it */
	uint32_t elements;  /* that it took */
	uint32_t submit_us; /* in the kernel */
	uint32_t device_us; /* from the doorbell to its end */
	uint32_t reserved;
};

/* Of buffer @index, when the job last ran. Errors: -EINVAL no such buffer; -EBUSY the job is
 * under way; -ENODATA it never ran, or another job has moved the buffer since; -ESTALE the
 * queue is lost. */
int accel_qaic_job_get_latency(struct accel_job *job, uint32_t index,
			       struct accel_qaic_latency *out);

#ifdef __cplusplus
}
#endif
#endif
