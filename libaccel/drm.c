/* SPDX-License-Identifier: MIT */
/* What every node of a DRM driver understands. */
#include "core.h"

#include <drm/drm.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

int accel_core_ioctl_failed(int err, int fd, unsigned long request, void *arg)
{
	while (err == -EINTR)
		err = accel_core_sys.ioctl(fd, request, arg);
	return err;
}

int accel_core_drm_version(int fd, char *name, size_t name_bytes, int version[3])
{
	struct drm_version ask = { .name_len = name_bytes - 1, .name = name };
	int ret;

	memset(name, 0, name_bytes);
	ret = accel_core_ioctl(fd, DRM_IOCTL_VERSION, &ask);
	if (ret < 0)
		return ret;
	/* name_len is the length of the whole name now, which may not have fitted. */
	if (ask.name_len >= name_bytes)
		return -ENAMETOOLONG;
	name[ask.name_len] = '\0';
	version[0] = ask.version_major;
	version[1] = ask.version_minor;
	version[2] = ask.version_patchlevel;
	return 0;
}

int accel_core_gem_close(int fd, uint32_t handle)
{
	struct drm_gem_close ask = { .handle = handle };

	return accel_core_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &ask);
}

int accel_core_prime_export(int fd, uint32_t handle, int *dmabuf_fd)
{
	struct drm_prime_handle ask = { .handle = handle, .flags = O_CLOEXEC | O_RDWR };
	int ret;

	ret = accel_core_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &ask);
	if (ret < 0)
		return ret;
	*dmabuf_fd = ask.fd;
	return 0;
}

int accel_core_prime_import(int fd, int dmabuf_fd, uint32_t *handle)
{
	struct drm_prime_handle ask = { .fd = dmabuf_fd };
	int ret;

	ret = accel_core_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &ask);
	if (ret < 0)
		return ret;
	*handle = ask.handle;
	return 0;
}

int accel_core_map(int fd, uint64_t offset, size_t bytes, int prot, void **out)
{
	const int ret = accel_core_sys.mmap(bytes, prot, MAP_SHARED, fd, offset, out);

	/* Of a process whose memory is locked, as far as it may be. */
	return ret == -EAGAIN ? -ENOMEM : ret;
}
