/* SPDX-License-Identifier: MIT */
/* The ioctls of a sync_file: a descriptor that polls readable when its fences have signalled. */
#ifndef _LINUX_SYNC_H
#define _LINUX_SYNC_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* A new sync_file with the fences of this one and of another. */
struct sync_merge_data {
	char name[32]; /* in */
	__s32 fd2;     /* in: the other */
	__s32 fence;   /* out: the new one */
	__u32 flags;   /* in: 0 */
	__u32 pad;     /* in: 0 */
};

/* All out. */
struct sync_fence_info {
	char obj_name[32]; /* the timeline */
	char driver_name[32];
	__s32 status; /* 0 pending, 1 signalled, or a negative errno */
	__u32 flags;
	__u64 timestamp_ns; /* CLOCK_MONOTONIC */
};

/*
 * With num_fences 0 it only counts, and status is that of the whole: a chain that signalled reads
 * 1 even if a fence in it failed. Ask again with room to see each fence.
 */
struct sync_file_info {
	char name[32];         /* out */
	__s32 status;          /* out: as in struct sync_fence_info */
	__u32 flags;           /* in: 0 */
	__u32 num_fences;      /* in: room; out: how many there are */
	__u32 pad;             /* in: 0 */
	__u64 sync_fence_info; /* in: user address of struct sync_fence_info[] */
};

/* Tells the drivers behind the fences when the result is wanted. Since 6.6. */
struct sync_set_deadline {
	__u64 deadline_ns; /* in: a point on CLOCK_MONOTONIC */
	__u64 pad;         /* in: 0 */
};

#define SYNC_IOC_MAGIC        '>'
#define SYNC_IOC_MERGE        _IOWR(SYNC_IOC_MAGIC, 3, struct sync_merge_data)
#define SYNC_IOC_FILE_INFO    _IOWR(SYNC_IOC_MAGIC, 4, struct sync_file_info)
#define SYNC_IOC_SET_DEADLINE _IOW(SYNC_IOC_MAGIC, 5, struct sync_set_deadline)

#endif
