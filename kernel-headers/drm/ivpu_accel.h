/* SPDX-License-Identifier: MIT */
/* The ABI of the ivpu driver (module intel_vpu): Intel's NPUs. In Linux since 6.3. */
#ifndef __UAPI_IVPU_DRM_H__
#define __UAPI_IVPU_DRM_H__

#include "drm.h"

/* Command numbers, relative to DRM_COMMAND_BASE. 4 is not used. */
#define DRM_IVPU_GET_PARAM                0x00
#define DRM_IVPU_SET_PARAM                0x01 /* nothing can be set: EINVAL */
#define DRM_IVPU_BO_CREATE                0x02
#define DRM_IVPU_BO_INFO                  0x03
#define DRM_IVPU_SUBMIT                   0x05
#define DRM_IVPU_BO_WAIT                  0x06
#define DRM_IVPU_METRIC_STREAMER_START    0x07
#define DRM_IVPU_METRIC_STREAMER_STOP     0x08
#define DRM_IVPU_METRIC_STREAMER_GET_DATA 0x09
#define DRM_IVPU_METRIC_STREAMER_GET_INFO 0x0a
#define DRM_IVPU_CMDQ_CREATE              0x0b /* with DRM_IVPU_CAP_MANAGE_CMDQ only, else ENODEV */
#define DRM_IVPU_CMDQ_DESTROY             0x0c
#define DRM_IVPU_CMDQ_SUBMIT              0x0d
#define DRM_IVPU_BO_CREATE_FROM_USERPTR   0x0e /* with DRM_IVPU_CAP_BO_CREATE_FROM_USERPTR */

#define DRM_IOCTL_IVPU_GET_PARAM \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_GET_PARAM, struct drm_ivpu_param)
#define DRM_IOCTL_IVPU_SET_PARAM \
	DRM_IOW(DRM_COMMAND_BASE + DRM_IVPU_SET_PARAM, struct drm_ivpu_param)
#define DRM_IOCTL_IVPU_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_BO_CREATE, struct drm_ivpu_bo_create)
#define DRM_IOCTL_IVPU_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_BO_INFO, struct drm_ivpu_bo_info)
#define DRM_IOCTL_IVPU_SUBMIT DRM_IOW(DRM_COMMAND_BASE + DRM_IVPU_SUBMIT, struct drm_ivpu_submit)
#define DRM_IOCTL_IVPU_BO_WAIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_BO_WAIT, struct drm_ivpu_bo_wait)
#define DRM_IOCTL_IVPU_METRIC_STREAMER_START                        \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_METRIC_STREAMER_START, \
		 struct drm_ivpu_metric_streamer_start)
#define DRM_IOCTL_IVPU_METRIC_STREAMER_STOP                       \
	DRM_IOW(DRM_COMMAND_BASE + DRM_IVPU_METRIC_STREAMER_STOP, \
		struct drm_ivpu_metric_streamer_stop)
#define DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA                        \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_METRIC_STREAMER_GET_DATA, \
		 struct drm_ivpu_metric_streamer_get_data)
#define DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO                        \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_METRIC_STREAMER_GET_INFO, \
		 struct drm_ivpu_metric_streamer_get_data)
#define DRM_IOCTL_IVPU_CMDQ_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_CMDQ_CREATE, struct drm_ivpu_cmdq_create)
#define DRM_IOCTL_IVPU_CMDQ_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_IVPU_CMDQ_DESTROY, struct drm_ivpu_cmdq_destroy)
#define DRM_IOCTL_IVPU_CMDQ_SUBMIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_IVPU_CMDQ_SUBMIT, struct drm_ivpu_cmdq_submit)
#define DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR                        \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_IVPU_BO_CREATE_FROM_USERPTR, \
		 struct drm_ivpu_bo_create_from_userptr)

/* drm_ivpu_param.param; one that a kernel doesn't know is EINVAL. */
#define DRM_IVPU_PARAM_DEVICE_ID            0 /* PCI device */
#define DRM_IVPU_PARAM_DEVICE_REVISION      1 /* PCI revision */
#define DRM_IVPU_PARAM_PLATFORM_TYPE        2 /* DRM_IVPU_PLATFORM_TYPE_SILICON, else simulated */
#define DRM_IVPU_PARAM_CORE_CLOCK_RATE      3 /* Hz, the highest */
#define DRM_IVPU_PARAM_NUM_CONTEXTS         4 /* open files the device can serve */
#define DRM_IVPU_PARAM_CONTEXT_BASE_ADDRESS 5 /* where this file's address space begins */
#define DRM_IVPU_PARAM_CONTEXT_PRIORITY     6 /* gone: priority is the job's */
#define DRM_IVPU_PARAM_CONTEXT_ID           7 /* of this file, from 1 */
#define DRM_IVPU_PARAM_FW_API_VERSION       8 /* index: which API */
#define DRM_IVPU_PARAM_ENGINE_HEARTBEAT     9 /* index: DRM_IVPU_ENGINE_* */
#define DRM_IVPU_PARAM_UNIQUE_INFERENCE_ID  10
#define DRM_IVPU_PARAM_TILE_CONFIG          11
#define DRM_IVPU_PARAM_SKU                  12
#define DRM_IVPU_PARAM_CAPABILITIES         13 /* index: DRM_IVPU_CAP_*; value: 1 if so */
#define DRM_IVPU_PARAM_PREEMPT_BUFFER_SIZE  14 /* bytes */

#define DRM_IVPU_PLATFORM_TYPE_SILICON 0

/* Values of the parameter that is gone. */
#define DRM_IVPU_CONTEXT_PRIORITY_IDLE     0
#define DRM_IVPU_CONTEXT_PRIORITY_NORMAL   1
#define DRM_IVPU_CONTEXT_PRIORITY_FOCUS    2
#define DRM_IVPU_CONTEXT_PRIORITY_REALTIME 3

#define DRM_IVPU_JOB_PRIORITY_DEFAULT  0
#define DRM_IVPU_JOB_PRIORITY_IDLE     1
#define DRM_IVPU_JOB_PRIORITY_NORMAL   2
#define DRM_IVPU_JOB_PRIORITY_FOCUS    3
#define DRM_IVPU_JOB_PRIORITY_REALTIME 4

#define DRM_IVPU_CAP_METRIC_STREAMER        1 /* METRIC_STREAMER_* work */
#define DRM_IVPU_CAP_DMA_MEMORY_RANGE       2 /* DRM_IVPU_BO_DMA_MEM has a range of its own */
#define DRM_IVPU_CAP_MANAGE_CMDQ            3 /* CMDQ_* work */
#define DRM_IVPU_CAP_BO_CREATE_FROM_USERPTR 4

struct drm_ivpu_param {
	__u32 param; /* in: DRM_IVPU_PARAM_* */
	__u32 index; /* in: for parameters that have several values, else 0 */
	__u64 value; /* out */
};

/* Which range of NPU addresses a buffer gets: none of these is low memory. */
#define DRM_IVPU_BO_SHAVE_MEM 0x00000001
#define DRM_IVPU_BO_HIGH_MEM  DRM_IVPU_BO_SHAVE_MEM /* above 4 GiB: firmware may not reach it */
#define DRM_IVPU_BO_MAPPABLE  0x00000002            /* for the CPU */
#define DRM_IVPU_BO_DMA_MEM   0x00000004
#define DRM_IVPU_BO_READ_ONLY 0x00000008 /* for the NPU */

#define DRM_IVPU_BO_CACHED     0x00000000 /* snooped: no cache work */
#define DRM_IVPU_BO_UNCACHED   0x00010000 /* refused */
#define DRM_IVPU_BO_WC         0x00020000
#define DRM_IVPU_BO_CACHE_MASK 0x00030000

#define DRM_IVPU_BO_FLAGS                                                    \
	(DRM_IVPU_BO_HIGH_MEM | DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_DMA_MEM | \
	 DRM_IVPU_BO_READ_ONLY | DRM_IVPU_BO_CACHE_MASK)

struct drm_ivpu_bo_create {
	__u64 size;     /* in: bytes, rounded up to pages */
	__u32 flags;    /* in: DRM_IVPU_BO_* */
	__u32 handle;   /* out: GEM handle */
	__u64 vpu_addr; /* out: where the NPU sees it, in this open file */
};

/* Wrap memory of the caller; its pages stay pinned. It can be neither mapped nor exported. */
struct drm_ivpu_bo_create_from_userptr {
	__u64 user_ptr; /* in: on a page boundary */
	__u64 size;     /* in: bytes, whole pages */
	__u32 flags;    /* in: HIGH_MEM, DMA_MEM, READ_ONLY */
	__u32 handle;   /* out */
	__u64 vpu_addr; /* out */
};

struct drm_ivpu_bo_info {
	__u32 handle;      /* in */
	__u32 flags;       /* out: as at creation */
	__u64 vpu_addr;    /* out */
	__u64 mmap_offset; /* out: for mmap of the device node; 0: can't be mapped */
	__u64 size;        /* out: bytes, whole pages */
};

#define DRM_IVPU_ENGINE_COMPUTE 0
#define DRM_IVPU_ENGINE_COPY    1 /* refused */

/*
 * Run one command buffer. EBUSY: it runs already, or 256 jobs are pending; EALREADY: a handle is
 * listed twice. The struct ends at 28 bytes in 32-bit programs, at 32 in 64-bit ones.
 */
struct drm_ivpu_submit {
	__u64 buffers_ptr;     /* in: user address of __u32 handles, the command buffer first */
	__u32 buffer_count;    /* in: 1 to 65535 */
	__u32 engine;          /* in: DRM_IVPU_ENGINE_COMPUTE */
	__u32 flags;           /* in: 0, though no kernel looks */
	__u32 commands_offset; /* in: bytes into the command buffer, a multiple of 8 */
	__u32 priority;        /* in: DRM_IVPU_JOB_PRIORITY_* */
};

/* The same on a queue from CMDQ_CREATE. */
struct drm_ivpu_cmdq_submit {
	__u64 buffers_ptr;
	__u32 buffer_count;
	__u32 cmdq_id; /* in */
	__u32 flags;
	__u32 commands_offset;
	__u32 preempt_buffer_index; /* in: its place in the handle list; 0: the driver's own */
	__u32 reserved;
};

/* drm_ivpu_bo_wait.job_status; others are the firmware's error codes. */
#define DRM_IVPU_JOB_STATUS_SUCCESS 0
#define DRM_IVPU_JOB_STATUS_ABORTED 256

/* Sleep until a job's command buffer is idle. Other buffers of the job answer at once. */
struct drm_ivpu_bo_wait {
	__u32 handle;     /* in: EINVAL if there is none */
	__u32 flags;      /* in: 0 */
	__s64 timeout_ns; /* in: a point on CLOCK_MONOTONIC; the kernel adds a jiffy, even to 0 */
	__u32 job_status; /* out: how the job on this command buffer ended */
	__u32 pad;        /* in: 0 */
};

/* Ends at 28 bytes in 32-bit programs, at 32 in 64-bit ones. */
struct drm_ivpu_metric_streamer_start {
	__u64 metric_group_mask;   /* in: names the instance in later calls */
	__u64 sampling_period_ns;  /* in: 1 ms at least */
	__u32 read_period_samples; /* in: how often the caller means to read; sizes the buffer */
	__u32 sample_size;         /* out: bytes */
	__u32 max_data_size;       /* out: bytes one GET_DATA can return */
};

/* For GET_DATA and GET_INFO. With a buffer_size of 0 only data_size is answered. */
struct drm_ivpu_metric_streamer_get_data {
	__u64 metric_group_mask; /* in */
	__u64 buffer_ptr;        /* in: user address */
	__u64 buffer_size;       /* in: bytes */
	__u64 data_size;         /* out: bytes */
};

#define DRM_IVPU_CMDQ_FLAG_TURBO 0x00000001 /* speed before power */

struct drm_ivpu_cmdq_create {
	__u32 cmdq_id;  /* out */
	__u32 priority; /* in: DRM_IVPU_JOB_PRIORITY_* */
	__u32 flags;    /* in: 0 or DRM_IVPU_CMDQ_FLAG_TURBO */
};

/* Jobs still on the queue are aborted. */
struct drm_ivpu_cmdq_destroy {
	__u32 cmdq_id; /* in */
};

struct drm_ivpu_metric_streamer_stop {
	__u64 metric_group_mask; /* in */
};

#endif
