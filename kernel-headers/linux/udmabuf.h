/* SPDX-License-Identifier: MIT */
/* /dev/udmabuf: dma-bufs made of memfd pages. The ioctls return the new descriptor. */
#ifndef _LINUX_UDMABUF_H
#define _LINUX_UDMABUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-extensions" /* arrays of no length at the end */
#endif

#define UDMABUF_FLAGS_CLOEXEC 0x01

struct udmabuf_create {
	__u32 memfd;  /* in: sealed with F_SEAL_SHRINK */
	__u32 flags;  /* in: UDMABUF_FLAGS_CLOEXEC or 0 */
	__u64 offset; /* in: bytes, whole pages */
	__u64 size;   /* in: bytes, whole pages */
};

struct udmabuf_create_item {
	__u32 memfd;
	__u32 __pad;
	__u64 offset;
	__u64 size;
};

/* One dma-buf of several pieces. */
struct udmabuf_create_list {
	__u32 flags; /* in */
	__u32 count; /* in: how many follow */
	__extension__ struct udmabuf_create_item list[];
};

#define UDMABUF_CREATE      _IOW('u', 0x42, struct udmabuf_create)
#define UDMABUF_CREATE_LIST _IOW('u', 0x43, struct udmabuf_create_list)

#if defined(__clang__) && defined(__cplusplus)
#pragma clang diagnostic pop
#endif

#endif
