/* SPDX-License-Identifier: MIT */
/* The ABI of the ethosu driver: Arm's Ethos-U65 and U85. In Linux since 6.19. */
#ifndef _ETHOSU_DRM_H_
#define _ETHOSU_DRM_H_

#include "drm.h"

/* Command numbers, relative to DRM_COMMAND_BASE. */
enum drm_ethosu_ioctl_id {
	DRM_ETHOSU_DEV_QUERY = 0,
	DRM_ETHOSU_BO_CREATE,
	DRM_ETHOSU_BO_WAIT,
	DRM_ETHOSU_BO_MMAP_OFFSET,
	DRM_ETHOSU_CMDSTREAM_BO_CREATE,
	DRM_ETHOSU_SUBMIT,
	DRM_ETHOSU_PERFMON_CREATE, /* this and the rest: since 7.3 */
	DRM_ETHOSU_PERFMON_DESTROY,
	DRM_ETHOSU_PERFMON_GET_VALUES,
	DRM_ETHOSU_PERFMON_SET_GLOBAL,
};

enum drm_ethosu_dev_query_type {
	DRM_ETHOSU_DEV_QUERY_NPU_INFO = 0, /* struct drm_ethosu_npu_info */
};

/* Fields of drm_ethosu_npu_info.id. */
#define DRM_ETHOSU_ARCH_MAJOR(x)     ((x) >> 28)
#define DRM_ETHOSU_ARCH_MINOR(x)     (((x) >> 20) & 0xff)
#define DRM_ETHOSU_ARCH_PATCH(x)     (((x) >> 16) & 0xf)
#define DRM_ETHOSU_PRODUCT_MAJOR(x)  (((x) >> 12) & 0xf)
#define DRM_ETHOSU_VERSION_MAJOR(x)  (((x) >> 8) & 0xf)
#define DRM_ETHOSU_VERSION_MINOR(x)  (((x) >> 4) & 0xff) /* overlaps MAJOR, in the kernel too */
#define DRM_ETHOSU_VERSION_STATUS(x) ((x)&0xf)

struct drm_ethosu_npu_info {
	__u32 id;           /* out: the NPU's ID register */
	__u32 config;       /* out: the NPU's CONFIG register */
	__u32 sram_size;    /* out: bytes of SRAM a job may ask for */
	__u32 pmu_counters; /* out: event counters; absent (a size of 12) before 7.3 */
};

/* With pointer 0 only the size is answered. */
struct drm_ethosu_dev_query {
	__u32 type;    /* in: enum drm_ethosu_dev_query_type */
	__u32 size;    /* in: room at pointer, bytes; out: what the kernel knows */
	__u64 pointer; /* in: user address of the answer */
};

enum drm_ethosu_bo_flags {
	DRM_ETHOSU_BO_NO_MMAP = (1 << 0), /* no CPU mapping, ever */
};

/* New buffer: contiguous, and write-combined where the CPU maps it. */
struct drm_ethosu_bo_create {
	__u64 size;   /* in: bytes; out: rounded up to pages */
	__u32 flags;  /* in: enum drm_ethosu_bo_flags */
	__u32 handle; /* out: GEM handle */
};

struct drm_ethosu_bo_mmap_offset {
	__u32 handle; /* in */
	__u32 pad;    /* in: 0 */
	__u64 offset; /* out: for mmap of the device node */
};

/* Sleep until nothing that was submitted uses the buffer. ETIME when late; EINVAL: no handle. */
struct drm_ethosu_bo_wait {
	__u32 handle;     /* in */
	__u32 pad;        /* in: 0 */
	__s64 timeout_ns; /* in: a point on CLOCK_MONOTONIC */
};

/* Check a command stream and keep a copy that user space can't change. */
struct drm_ethosu_cmdstream_bo_create {
	__u32 size;   /* in: bytes, a multiple of 4 */
	__u32 flags;  /* in: 0; dirtied by the call, so set it again before a retry */
	__u64 data;   /* in: user address of the stream */
	__u32 handle; /* out: GEM handle */
	__u32 pad;    /* in: 0 */
};

#define ETHOSU_MAX_REGIONS 8

/* One run of a command stream. No size travels with it, so this struct can't grow. */
struct drm_ethosu_job {
	__u32 cmd_bo;                                /* in: handle from CMDSTREAM_BO_CREATE */
	__u32 sram_size;                             /* in: bytes of SRAM, as region 2 */
	__u32 region_bo_handles[ETHOSU_MAX_REGIONS]; /* in: 0 where the stream uses none */
};

/* Queue jobs in order. On failure those before the bad one stay queued: pass one per call. */
struct drm_ethosu_submit {
	__u64 jobs;       /* in: user address of job structs */
	__u32 job_count;  /* in */
	__u32 perfmon_id; /* in: 0 or a monitor's id; a pad that had to be 0 before 7.3 */
};

#define DRM_ETHOSU_MAX_PERF_EVENT_COUNTERS 8
#define DRM_ETHOSU_MAX_PERF_COUNTERS       (DRM_ETHOSU_MAX_PERF_EVENT_COUNTERS + 1)

struct drm_ethosu_perfmon_create {
	__u32 id;                                           /* out */
	__u32 ncounters;                                    /* in: events; out: one more (cycles) */
	__u16 counters[DRM_ETHOSU_MAX_PERF_EVENT_COUNTERS]; /* in: event numbers */
};

struct drm_ethosu_perfmon_destroy {
	__u32 id;  /* in */
	__u32 pad; /* in: 0 */
};

/* Stops the monitor and reads it; wait for the jobs first. */
struct drm_ethosu_perfmon_get_values {
	__u32 id;         /* in */
	__u32 pad;        /* in: 0 */
	__u64 values_ptr; /* in: user address of __u64[events + 1], cycles last */
};

#define DRM_ETHOSU_PERFMON_CLEAR_GLOBAL 0x0001

/* One monitor for every client's jobs. CLEAR removes anyone's, not just our own. */
struct drm_ethosu_perfmon_set_global {
	__u32 flags; /* in: 0 or DRM_ETHOSU_PERFMON_CLEAR_GLOBAL */
	__u32 id;    /* in */
};

/* Makes an ioctl number: R, W or WR; a command's name; the tail of the struct's name. */
#define DRM_IOCTL_ETHOSU(__access, __id, __type) \
	DRM_IO##__access(DRM_COMMAND_BASE + DRM_ETHOSU_##__id, struct drm_ethosu_##__type)

/* Numbers that don't fit an int: the extension keeps pedantic compilers quiet. */
__extension__ enum {
	DRM_IOCTL_ETHOSU_DEV_QUERY = DRM_IOCTL_ETHOSU(WR, DEV_QUERY, dev_query),
	DRM_IOCTL_ETHOSU_BO_CREATE = DRM_IOCTL_ETHOSU(WR, BO_CREATE, bo_create),
	DRM_IOCTL_ETHOSU_BO_WAIT = DRM_IOCTL_ETHOSU(WR, BO_WAIT, bo_wait),
	DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET = DRM_IOCTL_ETHOSU(WR, BO_MMAP_OFFSET, bo_mmap_offset),
	DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE =
		DRM_IOCTL_ETHOSU(WR, CMDSTREAM_BO_CREATE, cmdstream_bo_create),
	DRM_IOCTL_ETHOSU_SUBMIT = DRM_IOCTL_ETHOSU(WR, SUBMIT, submit),
	DRM_IOCTL_ETHOSU_PERFMON_CREATE = DRM_IOCTL_ETHOSU(WR, PERFMON_CREATE, perfmon_create),
	DRM_IOCTL_ETHOSU_PERFMON_DESTROY = DRM_IOCTL_ETHOSU(WR, PERFMON_DESTROY, perfmon_destroy),
	DRM_IOCTL_ETHOSU_PERFMON_GET_VALUES =
		DRM_IOCTL_ETHOSU(WR, PERFMON_GET_VALUES, perfmon_get_values),
	DRM_IOCTL_ETHOSU_PERFMON_SET_GLOBAL =
		DRM_IOCTL_ETHOSU(WR, PERFMON_SET_GLOBAL, perfmon_set_global),
};

#endif
