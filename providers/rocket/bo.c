/* SPDX-License-Identifier: MIT */
/* Buffers of rocket: cached by the CPU, not snooped by the NPU, at addresses of 32 bits. */
#include "rocket_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* ---- making -------------------------------------------------------------------------------- */

int rocket_bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct rocket_bo *bo = rocket_bo(base);
	struct drm_rocket_create_bo ask = {.size = (uint32_t)base->bytes};
	int ret;

	if (params->ext)
		return accel_core_fail(-EINVAL, "buffers take no struct of this driver");
	if (params->user || params->flags & ACCEL_BO_DEVICE_LOCAL)
		return accel_core_fail(-EOPNOTSUPP,
				       "this device has neither user memory nor memory "
				       "of its own");
	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_ROCKET_CREATE_BO, &ask);
	if (ret == -ENOSPC)
		return accel_core_fail(-ENOMEM, "no room for %llu bytes in the device's 4 GiB",
				       (unsigned long long)base->bytes);
	if (ret)
		return accel_core_fail(ret == -EINVAL ? -EIO : ret, "CREATE_BO of %llu bytes: %s",
				       (unsigned long long)base->bytes, strerror(-ret));
	bo->handle = ask.handle;
	bo->address = (uint32_t)ask.dma_address;
	bo->offset = ask.offset;
	base->flags |= ACCEL_BO_IS_NONCOHERENT;
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The kernel frees a buffer into the file that made it: the file must stay until nobody has this
 * dma-buf any more. */
static void linger(struct rocket_context *context, struct accel_bo *bo)
{
	const size_t bytes = (context->lingering_count + 1) * sizeof(int);
	int *more = accel_core_sys.alloc(bytes);

	if (!more) {
		/* The file for ever, then. */
		accel_core_park(accel_core_sys.dup(bo->context->fd), NULL, 0, true);
		return;
	}
	if (context->lingering_count)
		memcpy(more, context->lingering, context->lingering_count * sizeof(int));
	more[context->lingering_count++] = bo->fd;
	accel_core_sys.free(context->lingering);
	context->lingering = more;
	bo->fd = -1; /* not the core's to close */
}

/* Of an exported buffer this is called under the context's lock. */
void rocket_bo_fini(struct accel_bo *base)
{
	struct rocket_bo *bo = rocket_bo(base);

	if (!bo->closed)
		accel_core_gem_close(base->context->fd, bo->handle);
	/* With the handle gone the only user should be our own descriptor. */
	if (base->fd >= 0 && accel_core_dmabuf_users(base->fd) != 1)
		linger(rocket_context(base->context), base);
}

/* ---- sharing ---------------------------------------------------------------------------------- */

int rocket_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
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
	if (ret == -EINVAL)
		return accel_core_fail(-EOPNOTSUPP, "this driver takes in no memory but its own");
	if (ret)
		return accel_core_fail(ret, "PRIME_FD_TO_HANDLE: %s", strerror(-ret));
	*key = handle;
	return 0;
}

/* Of another file of this driver: the kernel would take it, but not map it for this one. */
int rocket_bo_import(struct accel_bo *base, int dmabuf_fd)
{
	(void)dmabuf_fd;
	accel_core_gem_close(base->context->fd, (uint32_t)base->key);
	return accel_core_fail(-EOPNOTSUPP, "a buffer of another context of this driver can't be "
					    "reached from here");
}

int rocket_bo_export(struct accel_bo *base, int *dmabuf_fd)
{
	struct rocket_bo *bo = rocket_bo(base);
	int fd = base->fd, ret;

	if (atomic_load(&base->context->exiting))
		return accel_core_fail(-ESTALE, "the process is about to end");
	if (fd < 0) {
		ret = accel_core_prime_export(base->context->fd, bo->handle, &fd);
		if (ret)
			return accel_core_fail(ret, "PRIME_HANDLE_TO_FD: %s", strerror(-ret));
	}
	ret = accel_core_sys.dup(fd);
	if (ret < 0) {
		if (fd != base->fd)
			accel_core_sys.close(fd);
		return accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
	}
	*dmabuf_fd = ret;
	base->fd = fd;
	base->key = bo->handle;
	return 0;
}

/* ---- the CPU and the device ---------------------------------------------------------------------- */

int rocket_bo_map(struct accel_bo *base)
{
	struct rocket_bo *bo = rocket_bo(base);
	int ret;

	ret = accel_core_map(base->context->fd, bo->offset, base->bytes, PROT_READ | PROT_WRITE,
			     &base->map);
	if (ret)
		return accel_core_fail(ret, "mapping a buffer: %s", strerror(-ret));
	base->map_bytes = base->bytes;
	return 0;
}

int rocket_bo_address(struct accel_bo *bo, uint64_t *address)
{
	*address = rocket_bo(bo)->address;
	return 0;
}

/* What the device wrote is made visible even if something still writes: that is not ours. */
int rocket_bo_begin(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes,
		    int64_t deadline)
{
	int ret;

	(void)access, (void)offset, (void)bytes, (void)deadline;
	if (atomic_load(&base->context->state))
		return 0; /* nothing is there that could have written */
	ret = rocket_wait(base->context, rocket_bo(base)->handle, 0);
	return !ret || ret == -ETIME ? 0 : accel_core_fail(ret, "PREP_BO: %s", strerror(-ret));
}

int rocket_bo_end(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes)
{
	struct drm_rocket_fini_bo ask = {.handle = rocket_bo(base)->handle};
	int ret;

	(void)offset, (void)bytes;
	if (!(access & ACCEL_ACCESS_WRITE) || atomic_load(&base->context->state))
		return 0;
	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_ROCKET_FINI_BO, &ask);
	return ret ? accel_core_fail(ret, "FINI_BO: %s", strerror(-ret)) : 0;
}
