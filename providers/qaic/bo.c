/* SPDX-License-Identifier: MIT */
/* Buffers of qaic: cached pages; the kernel sees to caches when a job begins and ends. */
#include "qaic_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#define CPU_FLAGS (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)

int qaic_bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct qaic_create_bo ask = {.size = base->bytes};
	struct qaic_bo *bo = qaic_bo(base);
	int ret;

	if (params->ext)
		return accel_core_fail(-EINVAL, "buffers take no struct of this driver");
	if (params->user || params->flags & (ACCEL_BO_DEVICE_LOCAL | ACCEL_BO_COMMANDS))
		return accel_core_fail(-EOPNOTSUPP,
				       "this device has no user memory, no command buffers, and no "
				       "buffers in its own memory");
	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_QAIC_CREATE_BO, &ask);
	if (ret == -ENODEV) {
		qaic_look(base->context);
		if (atomic_load(&base->context->state))
			return accel_core_context_errno(base->context);
	}
	if (ret)
		return accel_core_fail(ret == -ENOMEM ? ret : -EIO, "CREATE_BO of %llu bytes: %s",
				       (unsigned long long)base->bytes, strerror(-ret));
	bo->handle = ask.handle;
	return 0;
}

void qaic_bo_fini(struct accel_bo *base)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_bo *bo = qaic_bo(base);

	/* A channel keeps what is attached to it, closed or not. */
	accel_core_lock(&context->slice_lock);
	qaic_detach(bo);
	accel_core_unlock(&context->slice_lock);
	accel_core_gem_close(base->context->fd, bo->handle);
}

/* ---- sharing ----------------------------------------------------------------------------------- */

int qaic_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
{
	uint32_t handle;
	int ret;

	if (!accel_core_is_dmabuf(dmabuf_fd)) {
		ret = accel_core_sys.dup(dmabuf_fd);
		if (ret < 0)
			return accel_core_fail(ret, "descriptor %d: %s", dmabuf_fd, strerror(-ret));
		accel_core_sys.close(ret);
		return accel_core_fail(-EINVAL, "descriptor %d is no dma-buf", dmabuf_fd);
	}
	ret = accel_core_prime_import(context->fd, dmabuf_fd, &handle);
	if (ret)
		return accel_core_fail(ret, "PRIME_FD_TO_HANDLE: %s", strerror(-ret));
	*key = handle;
	return 0;
}

int qaic_bo_import(struct accel_bo *base, int dmabuf_fd)
{
	struct qaic_bo *bo = qaic_bo(base);
	int ret;

	bo->handle = (uint32_t)base->key;
	ret = accel_core_dmabuf_size(dmabuf_fd, &base->bytes);
	if (ret) {
		ret = accel_core_fail(-EINVAL, "the size of the dma-buf: %s", strerror(-ret));
		goto no_import;
	}
	/* It is mapped through its own file. */
	ret = accel_core_sys.dup(dmabuf_fd);
	if (ret < 0) {
		accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
		goto no_import;
	}
	base->fd = ret;
	base->flags |= ACCEL_BO_IS_NONCOHERENT;
	/* Now, while it can be told that the descriptor forbids it. */
	ret = base->flags & CPU_FLAGS ? qaic_bo_map(base) : 0;
	if (!ret)
		return 0;
	accel_core_sys.close(base->fd);
	base->fd = -1;

no_import:
	accel_core_gem_close(base->context->fd, bo->handle);
	return ret;
}

int qaic_bo_export(struct accel_bo *base, int *dmabuf_fd)
{
	struct qaic_bo *bo = qaic_bo(base);
	int ret;

	ret = accel_core_prime_export(base->context->fd, bo->handle, dmabuf_fd);
	if (ret)
		return accel_core_fail(ret, "PRIME_HANDLE_TO_FD: %s", strerror(-ret));
	base->key = bo->handle;
	return 0;
}

/* ---- the CPU -------------------------------------------------------------------------------------- */

static int map_own(struct accel_bo *base)
{
	struct qaic_mmap_bo ask = {.handle = qaic_bo(base)->handle};
	int ret;

	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_QAIC_MMAP_BO, &ask);
	if (ret == -ENODEV) {
		qaic_look(base->context);
		if (atomic_load(&base->context->state))
			return accel_core_context_errno(base->context);
	}
	if (!ret)
		ret = accel_core_map(base->context->fd, ask.offset, base->bytes,
				     PROT_READ | PROT_WRITE, &base->map);
	return ret ? accel_core_fail(ret, "mapping a buffer: %s", strerror(-ret)) : 0;
}

static int map_imported(struct accel_bo *base)
{
	const bool writes = base->flags & ACCEL_BO_CPU_WRITE;
	int ret;

	ret = accel_core_map(base->fd, 0, base->bytes, PROT_READ | (writes ? PROT_WRITE : 0),
			     &base->map);
	return ret ? accel_core_fail(ret, "mapping an imported buffer: %s", strerror(-ret)) : 0;
}

int qaic_bo_map(struct accel_bo *base)
{
	const int ret = base->fd >= 0 ? map_imported(base) : map_own(base);

	if (!ret)
		base->map_bytes = base->bytes;
	return ret;
}

int qaic_bo_begin(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline)
{
	const short events = access & ACCEL_ACCESS_WRITE ? POLLOUT : POLLIN;
	struct pollfd pollfd = {.fd = base->fd, .events = events};
	int64_t left;
	int ret;

	(void)offset, (void)bytes;
	if (base->fd < 0)
		return 0;
	/* The sync waits for what others do with it, without a bound. */
	do {
		left = deadline == ACCEL_NO_DEADLINE ? -1 : accel_core_left(deadline, INT64_MAX);
		ret = accel_core_sys.poll(&pollfd, 1, left);
	} while (ret == -EINTR);
	if (!ret)
		return -ETIME;
	if (ret > 0)
		ret = accel_core_dmabuf_sync(base->fd, true, access);
	return ret ? accel_core_fail(ret, "DMA_BUF_IOCTL_SYNC: %s", strerror(-ret)) : 0;
}

int qaic_bo_end(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes)
{
	int ret;

	(void)offset, (void)bytes;
	if (base->fd < 0)
		return 0;
	ret = accel_core_dmabuf_sync(base->fd, false, access);
	return ret ? accel_core_fail(ret, "DMA_BUF_IOCTL_SYNC: %s", strerror(-ret)) : 0;
}
