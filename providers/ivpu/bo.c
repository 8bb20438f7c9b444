/* SPDX-License-Identifier: MIT */
/* Buffers of ivpu: pages with an address of the NPU, memory of the caller, and imports. */
#include "ivpu_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#define CPU_FLAGS (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)

/* ---- making ------------------------------------------------------------------------------- */

static int check_flags(const struct ivpu_context *context, const struct accel_bo_params *params,
		       const struct accel_ivpu_bo *ext)
{
	if (ext->reserved || ext->range > ACCEL_IVPU_RANGE_DMA)
		return accel_core_fail(-EINVAL, "range %u, or a reserved member is set",
				       ext->range);
	if (ext->range == ACCEL_IVPU_RANGE_DMA && !context->dma_range)
		return accel_core_fail(-EOPNOTSUPP, "this kernel has no range for DMA");
	if (params->flags & ACCEL_BO_DEVICE_LOCAL)
		return accel_core_fail(-EOPNOTSUPP, "this device has no memory of its own");
	if (!params->user)
		return 0;
	if (!context->user_memory)
		return accel_core_fail(-EOPNOTSUPP, "this kernel takes no memory of the caller");
	/* The kernel exports none, and what commands are in is exported to be polled. */
	if (params->flags & (ACCEL_BO_SHARE | ACCEL_BO_COMMANDS))
		return accel_core_fail(-EOPNOTSUPP,
				       "user memory can be neither shared nor commands here");
	return 0;
}

static uint32_t range_flags(uint32_t range)
{
	switch (range) {
	case ACCEL_IVPU_RANGE_SHAVE:
		return DRM_IVPU_BO_SHAVE_MEM;
	case ACCEL_IVPU_RANGE_DMA:
		return DRM_IVPU_BO_DMA_MEM;
	default:
		return 0;
	}
}

/* How the NPU sees it. The firmware writes to where commands are. */
static uint32_t device_flags(uint32_t flags, uint32_t range)
{
	return range_flags(range) |
	       (flags & (ACCEL_BO_DEVICE_WRITE | ACCEL_BO_COMMANDS) ? 0 : DRM_IVPU_BO_READ_ONLY);
}

static int refused(struct accel_context *context, int err, const char *call, uint64_t bytes)
{
	if (err == -ENOSPC)
		return accel_core_fail(-ENOMEM,
				       "%s: the NPU has no %llu bytes of addresses left in this "
				       "range",
				       call, (unsigned long long)bytes);
	if (err == -EFAULT)
		return accel_core_fail(err,
				       "%s: not all of it is memory of this process, or some "
				       "is read-only or belongs to a file",
				       call);
	return ivpu_failed(context, err, call);
}

static int init_user(struct ivpu_bo *bo, const struct accel_bo_params *params, uint32_t range)
{
	struct drm_ivpu_bo_create_from_userptr ask = {
		.user_ptr = (uintptr_t)params->user,
		.size = bo->base.bytes,
		.flags = device_flags(params->flags, range),
	};
	int ret;

	ret = ivpu_ioctl(bo->base.context, DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, &ask);
	if (ret)
		return refused(bo->base.context, ret, "BO_CREATE_FROM_USERPTR", ask.size);
	bo->handle = ask.handle;
	bo->address = ask.vpu_addr;
	bo->user = true;
	bo->base.map = params->user;
	return 0;
}

static int init_pages(struct ivpu_bo *bo, const struct accel_bo_params *params, uint32_t range)
{
	const uint32_t flags = params->flags;
	struct drm_ivpu_bo_create ask = {
		.size = bo->base.bytes,
		.flags = device_flags(flags, range),
	};
	int ret;

	/* What the library reads and fills itself it maps, too. */
	if (flags & (CPU_FLAGS | ACCEL_BO_COMMANDS) || params->contents)
		ask.flags |= DRM_IVPU_BO_MAPPABLE;
	if (!(flags & (ACCEL_BO_CPU_READ | ACCEL_BO_COMMANDS)))
		ask.flags |= DRM_IVPU_BO_WC;
	ret = ivpu_ioctl(bo->base.context, DRM_IOCTL_IVPU_BO_CREATE, &ask);
	if (ret)
		return refused(bo->base.context, ret, "BO_CREATE", ask.size);
	bo->handle = ask.handle;
	bo->address = ask.vpu_addr;
	if (ask.flags & DRM_IVPU_BO_WC)
		bo->base.flags |= ACCEL_BO_IS_WC;
	return 0;
}

int ivpu_bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct accel_ivpu_bo ext;
	int ret;

	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_IVPU_BO);
	if (ret < 0)
		return ret;
	ret = check_flags(ivpu_context(base->context), params, &ext);
	if (ret)
		return ret;
	return params->user ? init_user(ivpu_bo(base), params, ext.range)
			    : init_pages(ivpu_bo(base), params, ext.range);
}

void ivpu_bo_fini(struct accel_bo *base)
{
	accel_core_gem_close(base->context->fd, ivpu_bo(base)->handle);
}

/* ---- sharing -------------------------------------------------------------------------------- */

int ivpu_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
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
	if (ret == -ENODEV)
		accel_core_context_set_state(context, ACCEL_GONE);
	if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return accel_core_fail(-EOPNOTSUPP, "PRIME_FD_TO_HANDLE: this memory can't be "
						    "reached by the device");
	if (ret)
		return refused(context, ret, "PRIME_FD_TO_HANDLE", 0);
	*key = handle;
	return 0;
}

static int learn_address(struct ivpu_bo *bo)
{
	struct drm_ivpu_bo_info ask = {.handle = bo->handle};
	int ret;

	ret = ivpu_ioctl(bo->base.context, DRM_IOCTL_IVPU_BO_INFO, &ask);
	if (ret)
		return ivpu_failed(bo->base.context, ret, "BO_INFO");
	bo->address = ask.vpu_addr;
	bo->base.bytes = ask.size;
	return 0;
}

int ivpu_bo_import(struct accel_bo *base, int dmabuf_fd)
{
	struct ivpu_bo *bo = ivpu_bo(base);
	int ret;

	bo->handle = (uint32_t)base->key;
	bo->shared = true;
	ret = learn_address(bo);
	if (ret)
		goto fail;
	/* Its fences are others', which only the dma-buf tells of. */
	ret = accel_core_sys.dup(dmabuf_fd);
	if (ret < 0) {
		accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
		goto fail;
	}
	base->fd = ret;
	return 0;

fail:
	accel_core_gem_close(base->context->fd, bo->handle);
	return ret;
}

int ivpu_bo_need_dmabuf(struct ivpu_bo *bo)
{
	struct ivpu_context *context = ivpu_context(bo->base.context);
	int ret = 0;

	accel_core_lock(&context->file_lock);
	if (bo->base.fd < 0)
		ret = accel_core_prime_export(context->base.fd, bo->handle, &bo->base.fd);
	accel_core_unlock(&context->file_lock);
	if (ret == -ENODEV)
		accel_core_context_set_state(&context->base, ACCEL_GONE);
	return ret ? accel_core_fail(ret, "PRIME_HANDLE_TO_FD: %s", strerror(-ret)) : 0;
}

int ivpu_bo_export(struct accel_bo *base, int *dmabuf_fd)
{
	struct ivpu_bo *bo = ivpu_bo(base);
	int ret;

	ret = ivpu_bo_need_dmabuf(bo);
	if (ret)
		return ret;
	ret = accel_core_sys.dup(base->fd);
	if (ret < 0)
		return accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
	*dmabuf_fd = ret;
	base->key = bo->handle;
	bo->shared = true;
	return 0;
}

/* ---- the CPU and the NPU ---------------------------------------------------------------------- */

int ivpu_bo_map(struct accel_bo *base)
{
	struct drm_ivpu_bo_info ask = {.handle = ivpu_bo(base)->handle};
	int ret;

	ret = ivpu_ioctl(base->context, DRM_IOCTL_IVPU_BO_INFO, &ask);
	if (ret)
		return ivpu_failed(base->context, ret, "BO_INFO");
	ret = accel_core_map(base->context->fd, ask.mmap_offset, base->bytes,
			     PROT_READ | PROT_WRITE, &base->map);
	if (ret == -EINVAL && base->flags & ACCEL_BO_IS_IMPORTED)
		return accel_core_fail(-EACCES, "the buffer was made elsewhere, not to be mapped");
	if (ret)
		return accel_core_fail(ret, "mapping a buffer: %s", strerror(-ret));
	base->map_bytes = base->bytes;
	return 0;
}

int ivpu_bo_address(struct accel_bo *bo, uint64_t *address)
{
	*address = ivpu_bo(bo)->address;
	return 0;
}

/* Until the fences that others have put on the memory have been signalled. */
static int wait_for_others(int dmabuf, uint32_t access, int64_t deadline)
{
	struct pollfd ask = {
		.fd = dmabuf,
		.events = access & ACCEL_ACCESS_WRITE ? POLLOUT : POLLIN,
	};
	int64_t left;
	int ret;

	do {
		left = accel_core_left(deadline, INT64_MAX);
		ret = accel_core_sys.poll(&ask, 1, left == INT64_MAX ? -1 : left);
	} while (ret == -EINTR || (!ret && !accel_core_expired(deadline)));
	if (ret < 0)
		return accel_core_fail(ret, "poll: %s", strerror(-ret));
	return ret ? 0 : -ETIME;
}

/* Own memory is snooped or write-combined, and needs no care. */
int ivpu_bo_begin(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline)
{
	int ret;

	(void)offset, (void)bytes;
	if (!ivpu_bo(base)->shared)
		return 0;
	ret = wait_for_others(base->fd, access, deadline);
	if (ret || !(base->flags & ACCEL_BO_IS_IMPORTED))
		return ret;
	ret = accel_core_dmabuf_sync(base->fd, true, access);
	return ret ? accel_core_fail(ret, "DMA_BUF_IOCTL_SYNC: %s", strerror(-ret)) : 0;
}

int ivpu_bo_end(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes)
{
	int ret;

	(void)offset, (void)bytes;
	if (!(base->flags & ACCEL_BO_IS_IMPORTED))
		return 0;
	ret = accel_core_dmabuf_sync(base->fd, false, access);
	return ret ? accel_core_fail(ret, "DMA_BUF_IOCTL_SYNC: %s", strerror(-ret)) : 0;
}

/* ---- a buffer that no job uses -------------------------------------------------------------------- */

static int make_idle(struct ivpu_context *context)
{
	struct drm_ivpu_bo_create ask = {.size = 1};
	int ret;

	if (context->idle_dmabuf >= 0)
		return 0;
	if (!context->idle_handle) {
		ret = ivpu_ioctl(&context->base, DRM_IOCTL_IVPU_BO_CREATE, &ask);
		if (ret)
			return ret;
		context->idle_handle = ask.handle;
	}
	return accel_core_prime_export(context->base.fd, context->idle_handle,
				       &context->idle_dmabuf);
}

/* Its fences have all ended. */
int ivpu_ended_sync_file(struct accel_context *base, int *fd)
{
	struct ivpu_context *context = ivpu_context(base);
	int ret;

	accel_core_lock(&context->file_lock);
	ret = make_idle(context);
	if (!ret)
		ret = accel_core_dmabuf_export_sync_file(context->idle_dmabuf, ACCEL_ACCESS_READ,
							 fd);
	accel_core_unlock(&context->file_lock);
	return ret ? accel_core_fail(ret, "no sync_file: %s", strerror(-ret)) : 0;
}
