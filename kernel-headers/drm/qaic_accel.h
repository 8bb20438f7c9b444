/* SPDX-License-Identifier: MIT */
/* The ABI of the qaic driver: Qualcomm's Cloud AI cards. In Linux since 6.4. */
#ifndef QAIC_ACCEL_H_
#define QAIC_ACCEL_H_

#include "drm.h"

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions" /* arrays of no length at the end */
#endif

/*
 * Bytes of a manage message with its header. The kernel writes answers of up to this size to the
 * request's own address, whatever len said: always hand it a buffer of 4 KiB.
 */
#define QAIC_MANAGE_MAX_MSG_LENGTH 4096

/* qaic_sem.flags */
#define QAIC_SEM_INSYNCFENCE  2
#define QAIC_SEM_OUTSYNCFENCE 1

/* qaic_sem.cmd: what is done to, or awaited of, the device's semaphore */
#define QAIC_SEM_NOP        0
#define QAIC_SEM_INIT       1
#define QAIC_SEM_INC        2
#define QAIC_SEM_DEC        3
#define QAIC_SEM_WAIT_EQUAL 4
#define QAIC_SEM_WAIT_GT_EQ 5 /* >= val */
#define QAIC_SEM_WAIT_GT_0  6 /* > 0 */

/* qaic_manage_trans_hdr.type. Callers send FROM_USR; answers carry FROM_DEV. */
#define QAIC_TRANS_UNDEFINED                   0
#define QAIC_TRANS_PASSTHROUGH_FROM_USR        1
#define QAIC_TRANS_PASSTHROUGH_TO_USR          2
#define QAIC_TRANS_PASSTHROUGH_FROM_DEV        3
#define QAIC_TRANS_PASSTHROUGH_TO_DEV          4
#define QAIC_TRANS_DMA_XFER_FROM_USR           5
#define QAIC_TRANS_DMA_XFER_TO_DEV             6
#define QAIC_TRANS_ACTIVATE_FROM_USR           7
#define QAIC_TRANS_ACTIVATE_FROM_DEV           8
#define QAIC_TRANS_ACTIVATE_TO_DEV             9
#define QAIC_TRANS_DEACTIVATE_FROM_USR         10
#define QAIC_TRANS_DEACTIVATE_FROM_DEV         11
#define QAIC_TRANS_STATUS_FROM_USR             12
#define QAIC_TRANS_STATUS_TO_USR               13 /* no kernel sends it */
#define QAIC_TRANS_STATUS_FROM_DEV             14
#define QAIC_TRANS_STATUS_TO_DEV               15
#define QAIC_TRANS_TERMINATE_FROM_DEV          16
#define QAIC_TRANS_TERMINATE_TO_DEV            17
#define QAIC_TRANS_DMA_XFER_CONT               18
#define QAIC_TRANS_VALIDATE_PARTITION_FROM_DEV 19
#define QAIC_TRANS_VALIDATE_PARTITION_TO_DEV   20

/* Begins every transaction. */
struct qaic_manage_trans_hdr {
	__u32 type; /* QAIC_TRANS_* */
	__u32 len;  /* bytes, this header counted */
};

/* Carried to the device unread. */
struct qaic_manage_trans_passthrough {
	struct qaic_manage_trans_hdr hdr;
	__extension__ __u8 data[]; /* little-endian, a multiple of 8 bytes */
};

/* Memory that the device fetches; its pages are pinned meanwhile. */
struct qaic_manage_trans_dma_xfer {
	struct qaic_manage_trans_hdr hdr;
	__u32 tag; /* in: names this transfer to the device */
	__u32 pad;
	__u64 addr; /* in: user address */
	__u64 size; /* in: bytes */
};

/* Ask for a DMA bridge channel (DBC): a queue. */
struct qaic_manage_trans_activate_to_dev {
	struct qaic_manage_trans_hdr hdr;
	__u32 queue_size; /* in: requests the ring can hold */
	__u32 eventfd;    /* ignored */
	__u32 options;    /* in: the device's own */
	__u32 pad;        /* in: 0 */
};

struct qaic_manage_trans_activate_from_dev {
	struct qaic_manage_trans_hdr hdr;
	__u32 status;  /* out: the device's verdict */
	__u32 dbc_id;  /* out: the channel, if status says yes */
	__u64 options; /* out: the device's own */
};

struct qaic_manage_trans_deactivate {
	struct qaic_manage_trans_hdr hdr;
	__u32 dbc_id; /* in: the channel to give back */
	__u32 pad;    /* in: 0 */
};

struct qaic_manage_trans_status_to_dev {
	struct qaic_manage_trans_hdr hdr;
};

struct qaic_manage_trans_status_from_dev {
	struct qaic_manage_trans_hdr hdr;
	__u16 major;        /* out: version of the control protocol */
	__u16 minor;        /* out */
	__u32 status;       /* out: the device's verdict */
	__u64 status_flags; /* out: bit 0: messages must carry a CRC */
};

/*
 * A round trip to the device's control service; can sleep for a minute. A signal restarts it and
 * sends everything again, so call it with signals blocked.
 */
struct qaic_manage_msg {
	__u32 len;   /* in: bytes of all transactions; out: of the answers */
	__u32 count; /* in: transactions; out: answers */
	__u64 data;  /* in: user address; out: answers, in the same place */
};

struct qaic_create_bo {
	__u64 size;   /* in: bytes, rounded up to pages */
	__u32 handle; /* out: GEM handle */
	__u32 pad;    /* in: 0 */
};

struct qaic_mmap_bo {
	__u32 handle; /* in */
	__u32 pad;    /* in: 0 */
	__u64 offset; /* out: for mmap of the device node; useless on an imported buffer */
};

/* What a slice's transfer does with one device semaphore. All zero: nothing. */
struct qaic_sem {
	__u16 val;    /* 12 bits */
	__u8 index;   /* 5 bits */
	__u8 presync; /* 1: before the transfer; 0: after it */
	__u8 cmd;     /* QAIC_SEM_NOP and on */
	__u8 flags;   /* QAIC_SEM_INSYNCFENCE | QAIC_SEM_OUTSYNCFENCE */
	__u16 pad;    /* 0 */
};

/* One transfer between a part of a buffer and device memory, then a doorbell. */
struct qaic_attach_slice_entry {
	__u64 size; /* in: bytes */
	struct qaic_sem sem0;
	struct qaic_sem sem1;
	struct qaic_sem sem2;
	struct qaic_sem sem3;
	__u64 dev_addr; /* in: device memory */
	__u64 db_addr;  /* in: doorbell, a device address */
	__u32 db_data;  /* in: what is written there */
	__u32 db_len;   /* in: 0 for none, else its width: 8, 16 or 32 bits */
	__u64 offset;   /* in: bytes into the buffer */
};

struct qaic_attach_slice_hdr {
	__u32 count;  /* in: entries */
	__u32 dbc_id; /* in: the channel this buffer will be used on */
	__u32 handle; /* in */
	__u32 dir;    /* in: 1 host to device, 2 device to host */
	__u64 size;   /* ignored */
};

/* Lay out how a buffer is moved, once, before it is executed many times. */
struct qaic_attach_slice {
	struct qaic_attach_slice_hdr hdr;
	__u64 data; /* in: user address of slice entries */
};

struct qaic_execute_entry {
	__u32 handle; /* in */
	__u32 dir;    /* ignored: the slices have it */
};

struct qaic_partial_execute_entry {
	__u32 handle; /* in */
	__u32 dir;    /* ignored */
	__u64 resize; /* in: bytes to move, from the start; 0: none, semaphores and doorbells only */
};

struct qaic_execute_hdr {
	__u32 count;  /* in: entries */
	__u32 dbc_id; /* in */
};

/* Queue transfers in order. EAGAIN: the ring is full. EINVAL too if a buffer is still queued. */
struct qaic_execute {
	struct qaic_execute_hdr hdr;
	__u64 data; /* in: user address of (partial) execute entries */
};

/* Sleep until a buffer's transfers ended. A failed transfer ends it too, and is not told apart. */
struct qaic_wait {
	__u32 handle;  /* in */
	__u32 timeout; /* in: milliseconds from now; 0: the module's default, 5000 */
	__u32 dbc_id;  /* in */
	__u32 pad;     /* in: 0 */
};

struct qaic_perf_stats_hdr {
	__u16 count;  /* in: entries */
	__u16 pad;    /* in: 0 */
	__u32 dbc_id; /* in */
};

struct qaic_perf_stats {
	struct qaic_perf_stats_hdr hdr;
	__u64 data; /* in: user address of entries, read and written */
};

/* Figures of a buffer's last execution. */
struct qaic_perf_stats_entry {
	__u32 handle;             /* in */
	__u32 queue_level_before; /* out: requests that were ahead of it */
	__u32 num_queue_element;  /* out: requests it took */
	__u32 submit_latency_us;  /* out: microseconds in the driver */
	__u32 device_latency_us;  /* out: microseconds on the device; 0 while it runs */
	__u32 pad;                /* in: 0 */
};

/* Undo ATTACH_SLICE_BO. EBUSY while queued. */
struct qaic_detach_slice {
	__u32 handle; /* in */
	__u32 pad;    /* in: 0 */
};

/* Command numbers, relative to DRM_COMMAND_BASE. */
#define DRM_QAIC_MANAGE             0x00
#define DRM_QAIC_CREATE_BO          0x01
#define DRM_QAIC_MMAP_BO            0x02
#define DRM_QAIC_ATTACH_SLICE_BO    0x03
#define DRM_QAIC_EXECUTE_BO         0x04
#define DRM_QAIC_PARTIAL_EXECUTE_BO 0x05
#define DRM_QAIC_WAIT_BO            0x06
#define DRM_QAIC_PERF_STATS_BO      0x07
#define DRM_QAIC_DETACH_SLICE_BO    0x08 /* since 6.7 */

#define DRM_IOCTL_QAIC_MANAGE DRM_IOWR(DRM_COMMAND_BASE + DRM_QAIC_MANAGE, struct qaic_manage_msg)
#define DRM_IOCTL_QAIC_CREATE_BO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_QAIC_CREATE_BO, struct qaic_create_bo)
#define DRM_IOCTL_QAIC_MMAP_BO DRM_IOWR(DRM_COMMAND_BASE + DRM_QAIC_MMAP_BO, struct qaic_mmap_bo)
#define DRM_IOCTL_QAIC_ATTACH_SLICE_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_QAIC_ATTACH_SLICE_BO, struct qaic_attach_slice)
#define DRM_IOCTL_QAIC_EXECUTE_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_QAIC_EXECUTE_BO, struct qaic_execute)
#define DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_QAIC_PARTIAL_EXECUTE_BO, struct qaic_execute)
#define DRM_IOCTL_QAIC_WAIT_BO DRM_IOW(DRM_COMMAND_BASE + DRM_QAIC_WAIT_BO, struct qaic_wait)
#define DRM_IOCTL_QAIC_PERF_STATS_BO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_QAIC_PERF_STATS_BO, struct qaic_perf_stats)
#define DRM_IOCTL_QAIC_DETACH_SLICE_BO \
	DRM_IOW(DRM_COMMAND_BASE + DRM_QAIC_DETACH_SLICE_BO, struct qaic_detach_slice)

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic pop
#endif

#endif
