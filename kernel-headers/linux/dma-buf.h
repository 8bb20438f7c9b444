/* SPDX-License-Identifier: MIT */
/* The ioctls of a dma-buf descriptor. */
#ifndef _DMA_BUF_UAPI_H_
#define _DMA_BUF_UAPI_H_

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Brackets CPU access through a mapping of the dma-buf. On buffers of DRM drivers with the usual
 * export code it waits for fences and cleans no cache.
 */
struct dma_buf_sync {
	__u64 flags; /* in: DMA_BUF_SYNC_START or END, with READ, WRITE or RW */
};

#define DMA_BUF_SYNC_READ             (1 << 0)
#define DMA_BUF_SYNC_WRITE            (2 << 0)
#define DMA_BUF_SYNC_RW               (DMA_BUF_SYNC_READ | DMA_BUF_SYNC_WRITE)
#define DMA_BUF_SYNC_START            (0 << 2)
#define DMA_BUF_SYNC_END              (1 << 2)
#define DMA_BUF_SYNC_VALID_FLAGS_MASK (DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END)

#define DMA_BUF_NAME_LEN 32

/*
 * Collects the fences that are pending now; those that have signalled are left out, and with none
 * left the answer is a sync_file that is signalled. Since 6.0.
 */
struct dma_buf_export_sync_file {
	__u32 flags; /* in: READ: what a reader waits for (writers); WRITE: all */
	__s32 fd;    /* out */
};

/* Adds a fence to the buffer, for drivers that order by buffer. Since 6.0. */
struct dma_buf_import_sync_file {
	__u32 flags; /* in: READ: only writers will wait for it; WRITE: all */
	__s32 fd;    /* in */
};

#define DMA_BUF_BASE       'b'
#define DMA_BUF_IOCTL_SYNC _IOW(DMA_BUF_BASE, 0, struct dma_buf_sync)
/* Three numbers of one call: the argument is the address of a string. Use A or B as pointers go. */
#define DMA_BUF_SET_NAME               _IOW(DMA_BUF_BASE, 1, const char *)
#define DMA_BUF_SET_NAME_A             _IOW(DMA_BUF_BASE, 1, __u32)
#define DMA_BUF_SET_NAME_B             _IOW(DMA_BUF_BASE, 1, __u64)
#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE _IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#define DMA_BUF_IOCTL_IMPORT_SYNC_FILE _IOW(DMA_BUF_BASE, 3, struct dma_buf_import_sync_file)

#endif
