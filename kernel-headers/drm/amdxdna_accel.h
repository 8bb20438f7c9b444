/* SPDX-License-Identifier: MIT */
/*
 * The ABI of the amdxdna driver: AMD's NPUs. In Linux since 6.14; the minor version that
 * DRM_IOCTL_VERSION tells (0 to 10 so far) is the driver's list of features.
 */
#ifndef _AMDXDNA_ACCEL_H_
#define _AMDXDNA_ACCEL_H_

#include "drm.h"

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions" /* arrays of no length at the end */
#endif

/* Two of these are as wide as a long: compare them with care in 32-bit programs. */
#define AMDXDNA_INVALID_CMD_HANDLE      (~0UL)
#define AMDXDNA_INVALID_ADDR            (~0UL) /* xdna_addr of a buffer not mapped yet */
#define AMDXDNA_INVALID_CTX_HANDLE      0
#define AMDXDNA_INVALID_BO_HANDLE       0
#define AMDXDNA_INVALID_FENCE_HANDLE    0
#define AMDXDNA_INVALID_DOORBELL_OFFSET (~0U)

/* amdxdna_qos_info.priority: smaller is more urgent */
#define AMDXDNA_QOS_REALTIME_PRIORITY 0x100
#define AMDXDNA_QOS_HIGH_PRIORITY     0x180
#define AMDXDNA_QOS_NORMAL_PRIORITY   0x200
#define AMDXDNA_QOS_LOW_PRIORITY      0x280

/* The sysfs attribute device_type. */
enum amdxdna_device_type {
	AMDXDNA_DEV_TYPE_UNKNOWN = -1,
	AMDXDNA_DEV_TYPE_KMQ = 0, /* the kernel queues: EXEC_CMD */
	AMDXDNA_DEV_TYPE_UMQ = 1, /* user space queues: a ring and a doorbell */
	AMDXDNA_DEV_TYPE_PF = 2,  /* a physical function: runs nothing */
};

/* Command numbers, relative to DRM_COMMAND_BASE. */
enum amdxdna_drm_ioctl_id {
	DRM_AMDXDNA_CREATE_HWCTX,
	DRM_AMDXDNA_DESTROY_HWCTX,
	DRM_AMDXDNA_CONFIG_HWCTX,
	DRM_AMDXDNA_CREATE_BO,
	DRM_AMDXDNA_GET_BO_INFO,
	DRM_AMDXDNA_SYNC_BO,
	DRM_AMDXDNA_EXEC_CMD,
	DRM_AMDXDNA_GET_INFO,
	DRM_AMDXDNA_SET_STATE, /* root */
	DRM_AMDXDNA_WAIT_CMD,
	DRM_AMDXDNA_GET_ARRAY, /* minor 1 */
};

/* What a context would like; hints all. */
struct amdxdna_qos_info {
	__u32 gops; /* 10^9 operations a second */
	__u32 fps;  /* frames a second */
	__u32 dma_bandwidth;
	__u32 latency;
	__u32 frame_exec_time;
	__u32 priority; /* AMDXDNA_QOS_*_PRIORITY */
};

/* New hardware context, a queue. ENOENT: make a DEV_HEAP buffer first. */
struct amdxdna_drm_create_hwctx {
	__u64 ext;            /* in: 0 */
	__u64 ext_flags;      /* in: 0 */
	__u64 qos_p;          /* in: user address of a struct amdxdna_qos_info, not optional */
	__u32 umq_bo;         /* in: the ring, for UMQ */
	__u32 log_buf_bo;     /* in: the log, or AMDXDNA_INVALID_BO_HANDLE */
	__u32 max_opc;        /* in: operations a cycle, at most */
	__u32 num_tiles;      /* in: a multiple of the core rows */
	__u32 mem_size;       /* in: bytes of tile memory */
	__u32 umq_doorbell;   /* out: offset to mmap, for UMQ */
	__u32 handle;         /* out: 1 to 255 */
	__u32 syncobj_handle; /* out: timeline of completions, for KMQ; the caller destroys it */
};

struct amdxdna_drm_destroy_hwctx {
	__u32 handle; /* in */
	__u32 pad;    /* in: 0 */
};

/* A compute unit: which image it runs. */
struct amdxdna_cu_config {
	__u32 cu_bo;  /* in: handle of the image */
	__u8 cu_func; /* in */
	__u8 pad[3];  /* in: 0 */
};

struct amdxdna_hwctx_param_config_cu {
	__u16 num_cus; /* in: how many follow */
	__u16 pad[3];  /* in: 0 */
	__extension__ struct amdxdna_cu_config cu_configs[];
};

/* amdxdna_drm_config_hwctx.param_type, and what param_val then is */
enum amdxdna_drm_config_hwctx_param {
	DRM_AMDXDNA_HWCTX_CONFIG_CU, /* address of struct amdxdna_hwctx_param_config_cu; once */
	DRM_AMDXDNA_HWCTX_ASSIGN_DBG_BUF, /* a handle (minor 3) */
	DRM_AMDXDNA_HWCTX_REMOVE_DBG_BUF, /* a handle */
};

struct amdxdna_drm_config_hwctx {
	__u32 handle;         /* in: of the context */
	__u32 param_type;     /* in */
	__u64 param_val;      /* in */
	__u32 param_val_size; /* in: bytes at that address; a page at most */
	__u32 pad;            /* in: 0 */
};

enum amdxdna_bo_type {
	AMDXDNA_BO_INVALID = 0,
	AMDXDNA_BO_SHMEM = 1,    /* the old name */
	AMDXDNA_BO_SHARE = 1,    /* host memory that the NPU reaches */
	AMDXDNA_BO_DEV_HEAP = 2, /* one per open file; mmap it before the first DEV */
	AMDXDNA_BO_DEV = 3,      /* cut from the heap, in steps of 32 KiB */
	AMDXDNA_BO_CMD = 4,      /* command buffer; treated as SHARE */
};

struct amdxdna_drm_va_entry {
	__u64 vaddr; /* in: on a page boundary */
	__u64 len;   /* in: bytes, whole pages */
};

/* What CREATE_BO wraps instead of allocating: a dma-buf, or pieces of the caller's memory. */
struct amdxdna_drm_va_tbl {
	__s32 dmabuf_fd;   /* in: -1 if entries are used */
	__u32 num_entries; /* in: 0 if dmabuf_fd is used */
	__extension__ struct amdxdna_drm_va_entry va_entries[];
};

struct amdxdna_drm_create_bo {
	__u64 flags;  /* in: 0 */
	__u64 vaddr;  /* in: 0, or user address of a struct amdxdna_drm_va_tbl */
	__u64 size;   /* in: bytes; a DEV_HEAP: multiples of 64 MiB */
	__u32 type;   /* in: enum amdxdna_bo_type */
	__u32 handle; /* out: GEM handle */
};

struct amdxdna_drm_get_bo_info {
	__u64 ext;        /* in: 0 */
	__u64 ext_flags;  /* in: 0 */
	__u32 handle;     /* in */
	__u32 pad;        /* in: 0 */
	__u64 map_offset; /* out: for mmap of the device node */
	__u64 vaddr;      /* out: where it is mapped already, or 0 */
	__u64 xdna_addr;  /* out: where the NPU sees it; may be the CPU's own address */
};

/* amdxdna_drm_sync_bo.direction */
#define SYNC_DIRECT_TO_DEVICE   0U /* works for both directions: it flushes */
#define SYNC_DIRECT_FROM_DEVICE 1U /* of a debug buffer; on others EINVAL after the flush */

struct amdxdna_drm_sync_bo {
	__u32 handle;    /* in */
	__u32 direction; /* in */
	__u64 offset;    /* in: bytes, inside the buffer */
	__u64 size;      /* in: bytes */
};

enum amdxdna_cmd_type {
	AMDXDNA_CMD_SUBMIT_EXEC_BUF = 0, /* the only one that works */
	AMDXDNA_CMD_SUBMIT_DEPENDENCY,
	AMDXDNA_CMD_SUBMIT_SIGNAL,
};

/* Queue a command buffer (KMQ). Sleeps while four are in flight. */
struct amdxdna_drm_exec_cmd {
	__u64 ext;         /* in: 0 */
	__u64 ext_flags;   /* in: 0 */
	__u32 hwctx;       /* in */
	__u32 type;        /* in: enum amdxdna_cmd_type */
	__u64 cmd_handles; /* in: with one command, its handle itself */
	__u64 args;        /* in: user address of __u32 handles the command uses */
	__u32 cmd_count;   /* in: 1 */
	__u32 arg_count;   /* in: 4095 at most */
	__u64 seq;         /* out: counts from 0; the point on the context's timeline */
};

/* For UMQ; KMQ answers EOPNOTSUPP: wait on the timeline there. */
struct amdxdna_drm_wait_cmd {
	__u32 hwctx;   /* in */
	__u32 timeout; /* in: milliseconds from now; 0: for ever */
	__u64 seq;     /* in */
};

struct amdxdna_drm_query_aie_status {
	__u64 buffer;      /* in: user address */
	__u32 buffer_size; /* in: bytes */
	__u32 cols_filled; /* out: one bit per column that was written */
};

struct amdxdna_drm_query_aie_version {
	__u32 major; /* out */
	__u32 minor; /* out */
};

/* All out. */
struct amdxdna_drm_query_aie_tile_metadata {
	__u16 row_count;
	__u16 row_start;
	__u16 dma_channel_count;
	__u16 lock_count;
	__u16 event_reg_count;
	__u16 pad[3];
};

/* All out. */
struct amdxdna_drm_query_aie_metadata {
	__u32 col_size; /* bytes of status a column takes */
	__u16 cols;
	__u16 rows;
	struct amdxdna_drm_query_aie_version version;
	struct amdxdna_drm_query_aie_tile_metadata core;
	struct amdxdna_drm_query_aie_tile_metadata mem;
	struct amdxdna_drm_query_aie_tile_metadata shim;
};

/* All out. */
struct amdxdna_drm_query_clock {
	__u8 name[16]; /* a string */
	__u32 freq_mhz;
	__u32 pad;
};

/* All out. */
struct amdxdna_drm_query_clock_metadata {
	struct amdxdna_drm_query_clock mp_npu_clock;
	struct amdxdna_drm_query_clock h_clock;
};

enum amdxdna_sensor_type {
	AMDXDNA_SENSOR_TYPE_POWER,
	AMDXDNA_SENSOR_TYPE_COLUMN_UTILIZATION /* minor 7 */
};

/* All out; figures are in units of 10^unitm. */
struct amdxdna_drm_query_sensor {
	__u8 label[64]; /* a string */
	__u32 input;    /* now */
	__u32 max;      /* the limit */
	__u32 average;
	__u32 highest; /* since loading */
	__u8 status[64];
	__u8 units[16]; /* a string: "mW", "%" */
	__s8 unitm;
	__u8 type; /* enum amdxdna_sensor_type */
	__u8 pad[6];
};

/* All out. GET_ARRAY tells more. */
struct amdxdna_drm_query_hwctx {
	__u32 context_id;
	__u32 start_col; /* its columns of the array */
	__u32 num_col;
	__u32 pad;
	__s64 pid; /* of the creator */
	__u64 command_submissions;
	__u64 command_completions;
	__u64 migrations;  /* to other columns */
	__u64 preemptions; /* by a neighbour on its columns */
	__u64 errors;
};

enum amdxdna_power_mode_type {
	POWER_MODE_DEFAULT, /* the driver chooses */
	POWER_MODE_LOW,
	POWER_MODE_MEDIUM,
	POWER_MODE_HIGH,
	POWER_MODE_TURBO, /* as HIGH, with no gating */
};

struct amdxdna_drm_get_power_mode {
	__u8 power_mode; /* out: enum amdxdna_power_mode_type */
	__u8 pad[7];
};

/* All out. */
struct amdxdna_drm_query_firmware_version {
	__u32 major;
	__u32 minor;
	__u32 patch;
	__u32 build;
};

/* amdxdna_drm_get_info.param, and the struct in the buffer. Not offered: EOPNOTSUPP. */
enum amdxdna_drm_get_param {
	DRM_AMDXDNA_QUERY_AIE_STATUS,           /* amdxdna_drm_query_aie_status */
	DRM_AMDXDNA_QUERY_AIE_METADATA,         /* amdxdna_drm_query_aie_metadata */
	DRM_AMDXDNA_QUERY_AIE_VERSION,          /* amdxdna_drm_query_aie_version */
	DRM_AMDXDNA_QUERY_CLOCK_METADATA,       /* amdxdna_drm_query_clock_metadata */
	DRM_AMDXDNA_QUERY_SENSORS,              /* amdxdna_drm_query_sensor[] */
	DRM_AMDXDNA_QUERY_HW_CONTEXTS,          /* amdxdna_drm_query_hwctx[] */
	DRM_AMDXDNA_QUERY_FIRMWARE_VERSION = 8, /* amdxdna_drm_query_firmware_version */
	DRM_AMDXDNA_GET_POWER_MODE,             /* amdxdna_drm_get_power_mode */
	DRM_AMDXDNA_QUERY_TELEMETRY,            /* amdxdna_drm_query_telemetry_header (minor 5) */
	DRM_AMDXDNA_GET_FORCE_PREEMPT_STATE,    /* amdxdna_drm_attribute_state (minor 6) */
	DRM_AMDXDNA_QUERY_RESOURCE_INFO,        /* amdxdna_drm_get_resource_info (minor 4) */
	DRM_AMDXDNA_GET_FRAME_BOUNDARY_PREEMPT_STATE, /* amdxdna_drm_attribute_state */
};

/* All out. */
struct amdxdna_drm_get_resource_info {
	__u64 npu_clk_max; /* MHz */
	__u64 npu_tops_max;
	__u64 npu_task_max; /* contexts */
	__u64 npu_tops_curr;
	__u64 npu_task_curr;
};

struct amdxdna_drm_attribute_state {
	__u8 state;  /* 0 off, 1 on */
	__u8 pad[7]; /* 0 */
};

/* Begins what the firmware tells; the map goes from its slots to contexts. */
struct amdxdna_drm_query_telemetry_header {
	__u32 major;            /* out: layout of the data */
	__u32 minor;            /* out */
	__u32 type;             /* in */
	__u32 map_num_elements; /* out */
	__extension__ __u32 map[];
};

struct amdxdna_drm_get_info {
	__u32 param;       /* in: enum amdxdna_drm_get_param */
	__u32 buffer_size; /* in: bytes of room; out: bytes written, or needed */
	__u64 buffer;      /* in: user address */
};

/* amdxdna_drm_hwctx_entry.state */
#define AMDXDNA_HWCTX_STATE_IDLE   0
#define AMDXDNA_HWCTX_STATE_ACTIVE 1

/* All out. From fatal_error_type on: what a crash left behind. */
struct amdxdna_drm_hwctx_entry {
	__u32 context_id;
	__u32 start_col;
	__u32 num_col;
	__u32 hwctx_id; /* the firmware's number */
	__s64 pid;
	__u64 command_submissions;
	__u64 command_completions;
	__u64 migrations;
	__u64 preemptions;
	__u64 errors;
	__u64 priority;
	__u64 heap_usage; /* bytes */
	__u64 suspensions;
	__u32 state; /* AMDXDNA_HWCTX_STATE_* */
	__u32 pasid;
	__u32 gops; /* this to frame_exec_time: as asked in struct amdxdna_qos_info */
	__u32 fps;
	__u32 dma_bandwidth;
	__u32 latency;
	__u32 frame_exec_time;
	__u32 txn_op_idx; /* how far the control code came */
	__u32 ctx_pc;
	__u32 fatal_error_type;
	__u32 fatal_error_exception_type;
	__u32 fatal_error_exception_pc;
	__u32 fatal_error_app_module;
	__u32 pad;
};

/* All out. */
struct amdxdna_async_error {
	__u64 err_code;
	__u64 ts_us; /* microseconds */
	__u64 ex_err_code;
};

/*
 * Bytes that a process holds: external in SHARE buffers, internal in CMD buffers and the heap.
 * DEV buffers show in heap_usage alone, since the heap is counted whole.
 */
struct amdxdna_drm_bo_usage {
	__s64 pid;            /* in */
	__u64 total_usage;    /* out */
	__u64 internal_usage; /* out */
	__u64 heap_usage;     /* out */
};

/* amdxdna_drm_get_array.param, and the element */
#define DRM_AMDXDNA_HW_CONTEXT_ALL    0 /* amdxdna_drm_hwctx_entry */
#define DRM_AMDXDNA_HW_LAST_ASYNC_ERR 2 /* amdxdna_async_error (minor 2) */
#define DRM_AMDXDNA_BO_USAGE          6 /* amdxdna_drm_bo_usage (minor 8) */

struct amdxdna_drm_get_array {
	__u32 param;        /* in */
	__u32 element_size; /* in: what the caller knows, bytes; out: what was filled */
	__u32 num_element;  /* in: room; out: elements filled */
	__u32 pad;          /* in: 0 */
	__u64 buffer;       /* in: user address; may hold what to look for */
};

/* amdxdna_drm_set_state.param */
enum amdxdna_drm_set_param {
	DRM_AMDXDNA_SET_POWER_MODE, /* amdxdna_drm_set_power_mode */
	DRM_AMDXDNA_WRITE_AIE_MEM,
	DRM_AMDXDNA_WRITE_AIE_REG,
	DRM_AMDXDNA_SET_FORCE_PREEMPT,          /* amdxdna_drm_attribute_state */
	DRM_AMDXDNA_SET_FRAME_BOUNDARY_PREEMPT, /* amdxdna_drm_attribute_state */
};

struct amdxdna_drm_set_state {
	__u32 param;       /* in */
	__u32 buffer_size; /* in: bytes */
	__u64 buffer;      /* in: user address */
};

struct amdxdna_drm_set_power_mode {
	__u8 power_mode; /* in: enum amdxdna_power_mode_type */
	__u8 pad[7];     /* in: 0 */
};

#define DRM_IOCTL_AMDXDNA_CREATE_HWCTX \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_CREATE_HWCTX, struct amdxdna_drm_create_hwctx)
#define DRM_IOCTL_AMDXDNA_DESTROY_HWCTX \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_DESTROY_HWCTX, struct amdxdna_drm_destroy_hwctx)
#define DRM_IOCTL_AMDXDNA_CONFIG_HWCTX \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_CONFIG_HWCTX, struct amdxdna_drm_config_hwctx)
#define DRM_IOCTL_AMDXDNA_CREATE_BO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_CREATE_BO, struct amdxdna_drm_create_bo)
#define DRM_IOCTL_AMDXDNA_GET_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_GET_BO_INFO, struct amdxdna_drm_get_bo_info)
#define DRM_IOCTL_AMDXDNA_SYNC_BO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_SYNC_BO, struct amdxdna_drm_sync_bo)
#define DRM_IOCTL_AMDXDNA_EXEC_CMD \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_EXEC_CMD, struct amdxdna_drm_exec_cmd)
#define DRM_IOCTL_AMDXDNA_GET_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_GET_INFO, struct amdxdna_drm_get_info)
#define DRM_IOCTL_AMDXDNA_SET_STATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_SET_STATE, struct amdxdna_drm_set_state)
#define DRM_IOCTL_AMDXDNA_GET_ARRAY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_AMDXDNA_GET_ARRAY, struct amdxdna_drm_get_array)
#define DRM_IOCTL_AMDXDNA_WAIT_CMD \
	DRM_IOW(DRM_COMMAND_BASE + DRM_AMDXDNA_WAIT_CMD, struct amdxdna_drm_wait_cmd)

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic pop
#endif

#endif
