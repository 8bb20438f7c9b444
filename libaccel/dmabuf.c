/* SPDX-License-Identifier: MIT */
/* dma-bufs and sync_files: the kernel's own objects for memory and fences of all drivers. */
#include "core.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <linux/sync_file.h>
#include <string.h>
#include <sys/ioctl.h>

static uint32_t sync_flags(uint32_t access)
{
	return (access & ACCEL_ACCESS_READ ? DMA_BUF_SYNC_READ : 0) |
	       (access & ACCEL_ACCESS_WRITE ? DMA_BUF_SYNC_WRITE : 0);
}

bool accel_core_is_dmabuf(int fd)
{
	uint64_t magic;

	return !accel_core_sys.fs_magic(fd, &magic) && magic == DMA_BUF_MAGIC;
}

int accel_core_dmabuf_size(int dmabuf_fd, uint64_t *bytes)
{
	int64_t end = accel_core_sys.size(dmabuf_fd);

	if (end < 0)
		return (int)end;
	if (!end)
		return -EINVAL;
	*bytes = (uint64_t)end;
	return 0;
}

int accel_core_dmabuf_sync(int dmabuf_fd, bool begin, uint32_t access)
{
	struct dma_buf_sync ask = {
		.flags = sync_flags(access) | (begin ? DMA_BUF_SYNC_START : DMA_BUF_SYNC_END),
	};
	int ret;

	/* The kernel gives EAGAIN too when a signal comes while it waits for fences. */
	do {
		ret = accel_core_ioctl(dmabuf_fd, DMA_BUF_IOCTL_SYNC, &ask);
	} while (ret == -EAGAIN);
	return ret;
}

int accel_core_dmabuf_export_sync_file(int dmabuf_fd, uint32_t access, int *sync_file)
{
	struct dma_buf_export_sync_file ask = { .flags = sync_flags(access), .fd = -1 };
	int ret;

	ret = accel_core_ioctl(dmabuf_fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &ask);
	if (ret < 0)
		return ret;
	*sync_file = ask.fd;
	return 0;
}

int accel_core_dmabuf_import_sync_file(int dmabuf_fd, uint32_t access, int sync_file)
{
	struct dma_buf_import_sync_file ask = { .flags = sync_flags(access), .fd = sync_file };

	return accel_core_ioctl(dmabuf_fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &ask);
}

int accel_core_sync_file_status(int sync_file, int *status)
{
	struct sync_fence_info fences[8];
	struct sync_file_info ask;
	unsigned int i;
	int ret;

	/* With room for fences the kernel unwraps chains and arrays, whose own status may hide
	 * an error inside. */
	memset(&ask, 0, sizeof(ask));
	memset(fences, 0, sizeof(fences));
	ask.num_fences = ARRAY_SIZE(fences);
	ask.sync_fence_info = (uintptr_t)fences;
	ret = accel_core_ioctl(sync_file, SYNC_IOC_FILE_INFO, &ask);
	if (ret == -EINVAL) { /* it has more */
		memset(&ask, 0, sizeof(ask));
		ret = accel_core_ioctl(sync_file, SYNC_IOC_FILE_INFO, &ask);
		ask.num_fences = 0;
	}
	if (ret < 0)
		return ret;
	*status = ask.status;
	for (i = 0; i < ask.num_fences && i < ARRAY_SIZE(fences) && ask.status > 0; i++)
		if (fences[i].status < 0)
			*status = fences[i].status;
	return 0;
}

int accel_core_sync_file_merge(int a, int b, int *merged)
{
	struct sync_merge_data ask = { .name = "libaccel", .fd2 = b };
	int ret;

	ret = accel_core_ioctl(a, SYNC_IOC_MERGE, &ask);
	if (ret < 0)
		return ret;
	*merged = ask.fence;
	return 0;
}

int accel_core_poll_fd(int fd, int64_t deadline, int64_t slice_ns, int (*check)(void *),
		       void *data)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int ret;

	for (;;) {
		ret = accel_core_sys.poll(&pollfd, 1, accel_core_left(deadline, slice_ns));
		if (ret > 0)
			return pollfd.revents & POLLNVAL ? -EBADF : 0;
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (!ret && check) {
			ret = check(data);
			if (ret)
				return ret;
		}
		if (accel_core_expired(deadline))
			return -ETIME;
	}
}
