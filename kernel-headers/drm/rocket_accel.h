/* SPDX-License-Identifier: MIT */
/* The ABI of the rocket driver: the NPU of Rockchip's RK3588. In Linux since 6.18. */
#ifndef __DRM_UAPI_ROCKET_ACCEL_H__
#define __DRM_UAPI_ROCKET_ACCEL_H__

#include "drm.h"

/* Command numbers, relative to DRM_COMMAND_BASE. */
#define DRM_ROCKET_CREATE_BO 0x00
#define DRM_ROCKET_SUBMIT    0x01
#define DRM_ROCKET_PREP_BO   0x02
#define DRM_ROCKET_FINI_BO   0x03

/*
 * New buffer. The address holds for this open file only, and 0 is a legal one. Pages are cached
 * by the CPU and not snooped by the NPU: bracket CPU access with PREP_BO and FINI_BO.
 */
struct drm_rocket_create_bo {
	__u32 size;        /* in: bytes, rounded up to pages; 2 GiB and more fail */
	__u32 handle;      /* out: GEM handle */
	__u64 dma_address; /* out: where the NPU sees it (32 bits are used) */
	__u64 offset;      /* out: for mmap of the device node; 64-bit even on 32-bit hosts */
};

/* Begin CPU access: sleeps until writing jobs have ended, then invalidates CPU caches. */
struct drm_rocket_prep_bo {
	__u32 handle;     /* in */
	__u32 reserved;   /* in: 0 */
	__s64 timeout_ns; /* in: a point on CLOCK_MONOTONIC, no duration; one in the past polls */
};

/* End CPU access: writes CPU caches back. */
struct drm_rocket_fini_bo {
	__u32 handle;   /* in */
	__u32 reserved; /* in: 0 */
};

/* One register command list. */
struct drm_rocket_task {
	__u32 regcmd;       /* in: NPU address of the list */
	__u32 regcmd_count; /* in: 64-bit words in it, at least 1 */
};

/* Tasks that run back to back on one core. Only out buffers get a fence when it ends. */
struct drm_rocket_job {
	__u64 tasks;               /* in: user address of task structs */
	__u64 in_bo_handles;       /* in: user address of __u32 handles, read by the NPU */
	__u64 out_bo_handles;      /* in: the same for those written; no handle in both lists */
	__u32 task_count;          /* in: at least 1 */
	__u32 task_struct_size;    /* in: sizeof(struct drm_rocket_task) */
	__u32 in_bo_handle_count;  /* in */
	__u32 out_bo_handle_count; /* in */
};

/* Queue jobs. Returns 0 even when a job was refused: pass one job per call. */
struct drm_rocket_submit {
	__u64 jobs;            /* in: user address of job structs */
	__u32 job_count;       /* in */
	__u32 job_struct_size; /* in: sizeof(struct drm_rocket_job) */
	__u64 reserved;        /* in: 0 */
};

#define DRM_IOCTL_ROCKET_CREATE_BO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_ROCKET_CREATE_BO, struct drm_rocket_create_bo)
#define DRM_IOCTL_ROCKET_SUBMIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ROCKET_SUBMIT, struct drm_rocket_submit)
#define DRM_IOCTL_ROCKET_PREP_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ROCKET_PREP_BO, struct drm_rocket_prep_bo)
#define DRM_IOCTL_ROCKET_FINI_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_ROCKET_FINI_BO, struct drm_rocket_fini_bo)

#endif
