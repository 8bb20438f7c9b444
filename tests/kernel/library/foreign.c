/* SPDX-License-Identifier: MIT */
/* Sharing with what libaccel knows nothing of: the driver vgem, and the heaps of dma-buf. */
#include "foreign.h"

#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* vgem's own ioctls, whose header distributions leave out. */
#define WRITES 1u
struct attach {
	uint32_t handle, flags, fence, pad;
};
struct signal {
	uint32_t fence, flags;
};
#define FENCE_ATTACH DRM_IOWR(DRM_COMMAND_BASE + 1, struct attach)
#define FENCE_SIGNAL DRM_IOW(DRM_COMMAND_BASE + 2, struct signal)

static int open_vgem(void)
{
	char driver[16] = "";
	struct drm_version version = {.name = driver, .name_len = sizeof(driver) - 1};
	int fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);

	check(fd >= 0);
	gives(ioctl(fd, DRM_IOCTL_VERSION, &version), 0);
	gives(strcmp(driver, "vgem"), 0);
	return fd;
}

static int export(int vgem, uint32_t handle)
{
	struct drm_prime_handle prime = {.handle = handle, .flags = O_CLOEXEC | O_RDWR};

	gives(ioctl(vgem, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime), 0);
	return prime.fd;
}

/* A buffer of vgem's; its handle. */
static uint32_t make_buffer(int vgem)
{
	struct drm_mode_create_dumb create = {.width = PAGE, .height = 1, .bpp = 8};
	struct drm_mode_map_dumb map = {0};
	unsigned char *at;

	gives(ioctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &create), 0);
	map.handle = create.handle;
	gives(ioctl(vgem, DRM_IOCTL_MODE_MAP_DUMB, &map), 0);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vgem, (off_t)map.offset);
	check(at != MAP_FAILED);
	memset(at, 0x99, PAGE);
	munmap(at, PAGE);
	return create.handle;
}

/* Say that vgem works on the buffer, until signal_fence(). -1: EBUSY, others do. */
static int64_t attach_fence(int vgem, uint32_t handle)
{
	struct attach attach = {.handle = handle, .flags = WRITES};

	if (!ioctl(vgem, FENCE_ATTACH, &attach))
		return attach.fence;
	gives(errno, EBUSY);
	return -1;
}

static void signal_fence(int vgem, int64_t fence)
{
	struct signal signal = {.fence = (uint32_t)fence};

	gives(ioctl(vgem, FENCE_SIGNAL, &signal), 0);
}

/* The fences on a dma-buf, as one of libaccel's. */
static struct accel_fence *fence_of(int dmabuf)
{
	struct dma_buf_export_sync_file ask = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
	struct accel_fence *fence;

	gives(ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &ask), 0);
	gives(accel_fence_import_fd(ask.fd, 0, &fence), 0);
	close(ask.fd);
	return fence;
}

static void expect_bytes(int dmabuf, unsigned char value)
{
	const unsigned char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dmabuf, 0);
	unsigned int i;

	check(map != MAP_FAILED);
	for (i = 0; i < PAGE; i++)
		gives(map[i], value);
	munmap((void *)map, PAGE);
}

void share_with_vgem(struct rig *rig, int fd)
{
	struct drm_prime_handle prime = {.fd = fd};
	struct pollfd pollfd = {.events = POLLIN};
	struct drm_gem_close close_it = {0};
	struct accel_job *job = rig_job(rig, PAGE, NULL, 0);
	struct accel_fence *theirs, *ours;
	const int vgem = open_vgem();
	int64_t gate, fence;
	uint32_t foreign;
	int back;

	gives(ioctl(vgem, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime), 0);
	back = export(vgem, prime.handle);

	/* vgem works on a buffer of its own, and the job is to wait for that. */
	foreign = make_buffer(vgem);
	gate = attach_fence(vgem, foreign);
	check(gate > 0);
	pollfd.fd = export(vgem, foreign);
	theirs = fence_of(pollfd.fd);
	close(pollfd.fd);
	gives(accel_fence_status(theirs), -EINPROGRESS);
	memset(rig->from, 0x6e, PAGE);
	gives(accel_bo_end_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE), 0);
	gives(rig_submit_after(rig, job, theirs, &ours), 1);

	usleep(50000); /* it would have run, did it not wait */

	/* Meanwhile the accelerator's buffer is in use, for vgem as for everybody. */
	gives(accel_fence_status(ours), -EINPROGRESS);
	gives(attach_fence(vgem, prime.handle), -1);
	pollfd.fd = back;
	gives(poll(&pollfd, 1, 0), 0);

	signal_fence(vgem, gate);
	gives(poll(&pollfd, 1, 20000), 1);
	expect_bytes(back, 0x6e);
	gives(accel_fence_wait(ours, soon(20000)), 0);
	gives(accel_fence_status(theirs), 0);
	fence = attach_fence(vgem, prime.handle);
	check(fence > 0);

	/* And the accelerator's user waits for what vgem does to it. */
	accel_fence_unref(theirs);
	theirs = fence_of(back);
	gives(accel_fence_wait(theirs, soon(1)), -ETIME);
	signal_fence(vgem, fence);
	gives(accel_fence_wait(theirs, soon(20000)), 0);

	accel_fence_unref(theirs);
	accel_fence_unref(ours);
	accel_job_unref(job);
	close(back);
	close_it.handle = prime.handle;
	gives(ioctl(vgem, DRM_IOCTL_GEM_CLOSE, &close_it), 0);
	close(vgem);
}

static void refuse(struct rig *rig, int fd)
{
	const unsigned int before = count_fds();
	struct accel_error error = {.size = sizeof(error)};
	struct accel_bo *bo;
	int i;

	for (i = 0; i < 2; i++) {
		gives(accel_bo_import(rig->context, fd, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ,
				      &bo),
		      -EOPNOTSUPP);
		gives(accel_last_error(&error), 0);
		gives(error.code, -EOPNOTSUPP);
		check(strstr(error.text, "no memory but its own"));
	}
	gives(count_fds(), before);
	close(fd);
}

void refuse_foreign(struct rig *rig)
{
	struct dma_heap_allocation_data heap = {.len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC};
	const int vgem = open_vgem(), heaps = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	refuse(rig, export(vgem, make_buffer(vgem)));
	close(vgem);
	check(heaps >= 0);
	gives(ioctl(heaps, DMA_HEAP_IOCTL_ALLOC, &heap), 0);
	refuse(rig, (int)heap.fd);
	close(heaps);
}
