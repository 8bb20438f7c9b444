/* SPDX-License-Identifier: MIT */
/* /dev/dma_heap/NAME: dma-bufs from one of the kernel's heaps. */
#ifndef _LINUX_DMABUF_POOL_H
#define _LINUX_DMABUF_POOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DMA_HEAP_VALID_FD_FLAGS   (O_CLOEXEC | O_ACCMODE) /* its user includes <fcntl.h> */
#define DMA_HEAP_VALID_HEAP_FLAGS (0ULL)

struct dma_heap_allocation_data {
	__u64 len;        /* in: bytes, rounded up to pages */
	__u32 fd;         /* out: the dma-buf; 0 on entry */
	__u32 fd_flags;   /* in: O_CLOEXEC and an access mode */
	__u64 heap_flags; /* in: 0 */
};

#define DMA_HEAP_IOC_MAGIC   'H'
#define DMA_HEAP_IOCTL_ALLOC _IOWR(DMA_HEAP_IOC_MAGIC, 0x0, struct dma_heap_allocation_data)

#endif
