/* SPDX-License-Identifier: MIT */
/*
 * <accel/ivpu.h>: what only Intel's NPUs have. Link with -laccel-ivpu beside -laccel; the rules
 * of <accel/accel.h> hold here, too.
 *
 * A job of this device is a command list: a header and commands in a buffer made with
 * ACCEL_BO_COMMANDS, which name memory by addresses of the NPU. accel_job_params.offset is where
 * the header is, a multiple of 64, and .bytes reaches to the end of the last command. A struct
 * accel_ivpu_list makes such lists, and lists the buffers that they name.
 *
 * accel_job_create() reads the list and what it points to, and refuses what names memory outside
 * the job's buffers. The list stays writable, and later changes are not checked: what they reach
 * outside the context's buffers faults, and the context is lost.
 */
#ifndef ACCEL_IVPU_H
#define ACCEL_IVPU_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* accel_ext.type */
#define ACCEL_IVPU_BO    0x69760001u
#define ACCEL_IVPU_QUEUE 0x69760002u
#define ACCEL_IVPU_JOB   0x69760003u

/* Where in the NPU's address space a buffer lies. */
enum accel_ivpu_range {
	ACCEL_IVPU_RANGE_USER,  /* where firmware reaches everything */
	ACCEL_IVPU_RANGE_SHAVE, /* where the SHAVE processors have their code and data */
	ACCEL_IVPU_RANGE_DMA    /* the largest; for what is only copied */
};

/* For accel_bo_params.ext. */
struct accel_ivpu_bo {
	struct accel_ext head;
	uint32_t range;    /* enum accel_ivpu_range */
	uint32_t reserved; /* 0 */
};

/* For accel_queue_params.ext. */
#define ACCEL_IVPU_QUEUE_TURBO (1u << 0) /* speed before power; nothing on NPU 37xx */
struct accel_ivpu_queue {
	struct accel_ext head;
	uint32_t flags;    /* ACCEL_IVPU_QUEUE_*; -EOPNOTSUPP without command queues */
	uint32_t reserved; /* 0 */
};

/* For accel_job_params.ext. */
struct accel_ivpu_job {
	struct accel_ext head;
	/* 1 + the index in .bos of a buffer for what the NPU saves when it preempts the job, of
	 * ACCEL_IVPU_PARAM_PREEMPT_BUFFER_SIZE bytes and made without access for the CPU; 0: the
	 * driver has one. */
	uint32_t preempt_buffer;
	uint32_t reserved; /* 0 */
};

/* ---- facts ---------------------------------------------------------------------------- */

enum accel_ivpu_param {
	ACCEL_IVPU_PARAM_DEVICE_ID = 0, /* on PCI */
	ACCEL_IVPU_PARAM_DEVICE_REVISION = 1,
	ACCEL_IVPU_PARAM_PLATFORM_TYPE = 2,   /* 0: silicon */
	ACCEL_IVPU_PARAM_CORE_CLOCK_RATE = 3, /* the highest, Hz */
	ACCEL_IVPU_PARAM_NUM_CONTEXTS = 4,    /* that this user can have open, of all processes */
	ACCEL_IVPU_PARAM_CONTEXT_BASE_ADDRESS = 5, /* where ACCEL_IVPU_RANGE_USER begins */
	ACCEL_IVPU_PARAM_CONTEXT_ID = 7,
	ACCEL_IVPU_PARAM_FW_API_VERSION = 8,       /* index: which; major << 16 | minor */
	ACCEL_IVPU_PARAM_ENGINE_HEARTBEAT = 9,     /* index: 0; counts up while it lives */
	ACCEL_IVPU_PARAM_UNIQUE_INFERENCE_ID = 10, /* another number with each call */
	ACCEL_IVPU_PARAM_TILE_CONFIG = 11,
	ACCEL_IVPU_PARAM_SKU = 12,
	ACCEL_IVPU_PARAM_CAPABILITIES = 13, /* index: enum accel_ivpu_capability; 0 or 1 */
	ACCEL_IVPU_PARAM_PREEMPT_BUFFER_SIZE = 14
};

enum accel_ivpu_capability {
	ACCEL_IVPU_CAP_METRIC_STREAMER = 1,
	ACCEL_IVPU_CAP_DMA_MEMORY_RANGE = 2,
	ACCEL_IVPU_CAP_MANAGE_CMDQ = 3, /* queues are the device's own: they can be cancelled */
	ACCEL_IVPU_CAP_USERPTR = 4
};

/*
 * Ask the driver for a number. Some are asked of the firmware, which wakes the device.
 * Errors: -EINVAL @ctx is another driver's; -EOPNOTSUPP this kernel doesn't know @param, or not
 * with this @index; -EIO the firmware doesn't answer; -ENODEV.
 */
int accel_ivpu_get_param(struct accel_context *ctx, uint32_t param, uint32_t index,
			 uint64_t *value);

/* ---- command lists ------------------------------------------------------------------------ */

/* What a list is made with. For one thread at a time. */
struct accel_ivpu_list;

enum accel_ivpu_time {
	ACCEL_IVPU_TIME_RAW,    /* the NPU's own clock */
	ACCEL_IVPU_TIME_SYSTEM, /* the system's */
	ACCEL_IVPU_TIME_DELTA   /* the second without the first */
};

int accel_ivpu_list_create(struct accel_context *ctx, struct accel_ivpu_list **out);

/*
 * Each adds one command, which runs when those before it have been started: one that needs what
 * another has written comes after a barrier. Offsets are bytes of buffers of the list's context,
 * which the list then holds, and which will be listed with the access that the command needs.
 *
 * nop: does nothing.
 * timestamp: write the time, of an enum accel_ivpu_time, as 8 bytes.
 * fence_wait: go on when the 8 bytes there are @value; the CPU or another job writes it.
 * fence_signal: when all before it is done, write @value there.
 * barrier: go on when all before it is done.
 * fill: write @pattern over and over, its low byte first, so often as fits.
 * copy: the ranges must not overlap.
 * inference: run what the compiler made, from @bytes of it at @offset. What it reaches beyond
 * that is not looked at; list its buffers by accel_ivpu_list_use(). @id is any number.
 *
 * On NPU 37xx timestamps, fences and fills begin at multiples of 64; later ones have 8 for
 * timestamps and fences, and 1.
 * Errors: -EINVAL a multiple of what it need not be, a size of 0, ranges that overlap;
 * -ERANGE beyond the buffer; -EACCES the buffer was not made for this access; -EXDEV a buffer
 * of another context; -E2BIG the list has no room for more; -ENOMEM.
 */
int accel_ivpu_list_nop(struct accel_ivpu_list *list);
int accel_ivpu_list_timestamp(struct accel_ivpu_list *list, uint32_t type, struct accel_bo *bo,
			      uint64_t offset);
int accel_ivpu_list_fence_wait(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			       uint64_t value);
int accel_ivpu_list_fence_signal(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
				 uint64_t value);
int accel_ivpu_list_barrier(struct accel_ivpu_list *list);
int accel_ivpu_list_fill(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			 uint64_t bytes, uint32_t pattern);
int accel_ivpu_list_copy(struct accel_ivpu_list *list, struct accel_bo *dst, uint64_t dst_offset,
			 struct accel_bo *src, uint64_t src_offset, uint64_t bytes);
int accel_ivpu_list_inference(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			      uint32_t bytes, uint64_t id);
/* List @bo with ACCEL_ACCESS_* @access, though no command names it. Errors: as above. */
int accel_ivpu_list_use(struct accel_ivpu_list *list, struct accel_bo *bo, uint32_t access);

/*
 * Write the list into a new command buffer, and fill those members of @params that tell of it:
 * .commands, which has a reference of the caller's, .offset, .bytes, .bos and .bo_count; .bos is
 * the list's, until it is changed. The others stay as they are. More can be added afterwards, for
 * another buffer: a command buffer is under way with one job at a time.
 * Errors: -EINVAL the list has no commands; those of accel_bo_create().
 */
int accel_ivpu_list_finish(struct accel_ivpu_list *list, struct accel_job_params *params);

struct accel_ivpu_list *accel_ivpu_list_ref(struct accel_ivpu_list *list);
void accel_ivpu_list_unref(struct accel_ivpu_list *list);

/* ---- metrics -------------------------------------------------------------------------------- */

/* A stream of samples of some groups of metrics. */
struct accel_ivpu_metrics;

struct accel_ivpu_metrics_params {
	uint32_t size;
	uint32_t samples;   /* how many the caller means to read at once: sizes the buffer */
	uint64_t groups;    /* a bit for each group */
	uint64_t period_ns; /* between two samples, at least 1000000 */
};

struct accel_ivpu_metrics_info {
	uint32_t size;
	uint32_t sample_bytes;
	uint64_t bytes_max; /* that one accel_ivpu_metrics_read() can give */
};

/*
 * Start sampling. Of one context, each set of groups has one stream at a time.
 * Errors: -EINVAL no group, no samples, a shorter period, or more samples than the driver has
 * memory for; -EALREADY the context has a stream of these groups; -EOPNOTSUPP a kernel without;
 * -EIO the firmware refuses, as it does groups that it doesn't have; -ENOMEM; -ENODEV.
 */
int accel_ivpu_metrics_start(struct accel_context *ctx,
			     const struct accel_ivpu_metrics_params *params,
			     struct accel_ivpu_metrics **out);
/* Errors: -EINVAL. */
int accel_ivpu_metrics_get_info(struct accel_ivpu_metrics *metrics,
				struct accel_ivpu_metrics_info *out);

/*
 * Take what was sampled since the last time, whole samples or not, at most @bytes; *@got is how
 * much it was. With @bytes 0 nothing is taken, and *@got is how much there is.
 * Errors: -EINVAL; -ESTALE the device was reset, and the stream is gone: start another; -EIO;
 * -ENODEV.
 */
int accel_ivpu_metrics_read(struct accel_ivpu_metrics *metrics, void *to, uint64_t bytes,
			    uint64_t *got);

/*
 * The description of @groups as the firmware has it: which metrics, and where in a sample. *@got
 * is its size, also where @bytes is 0 and nothing is written.
 * Errors: -EINVAL; -ENOSPC it has more than @bytes; -EOPNOTSUPP; -EIO; -ENODEV.
 */
int accel_ivpu_metrics_describe(struct accel_context *ctx, uint64_t groups, void *to,
				uint64_t bytes, uint64_t *got);

struct accel_ivpu_metrics *accel_ivpu_metrics_ref(struct accel_ivpu_metrics *metrics);
/* The last reference ends the sampling. */
void accel_ivpu_metrics_unref(struct accel_ivpu_metrics *metrics);

#ifdef __cplusplus
}
#endif
#endif
