/* SPDX-License-Identifier: MIT */
/* Buffers of ethosu: contiguous and write-combined; command streams: checked and sealed. */
#include "ethosu_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CPU_FLAGS (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)

/* ---- making -------------------------------------------------------------------------------- */

static int init_data(struct ethosu_bo *bo, const struct accel_bo_params *params)
{
	/* What the CPU fills once it must be able to map. */
	const bool maps = params->flags & CPU_FLAGS || params->contents;
	struct drm_ethosu_bo_create ask = {
		.size = bo->base.bytes,
		.flags = maps ? 0 : DRM_ETHOSU_BO_NO_MMAP,
	};
	int ret;

	ret = accel_core_ioctl(bo->base.context->fd, DRM_IOCTL_ETHOSU_BO_CREATE, &ask);
	if (ret)
		return accel_core_fail(ret == -EINVAL ? -EIO : ret, "BO_CREATE of %llu bytes: %s",
				       (unsigned long long)bo->base.bytes, strerror(-ret));
	bo->handle = ask.handle;
	bo->base.bytes = ask.size;
	bo->base.flags |= ACCEL_BO_IS_WC;
	return 0;
}

/* A copy stays with the buffer, to tell jobs where in it something is wrong. */
static int take_stream(struct ethosu_bo *bo, const struct accel_bo_params *params)
{
	struct ethosu_place place;
	uint32_t *words;
	int ret;

	words = accel_core_sys.alloc(params->bytes);
	if (!words)
		return accel_core_fail(-ENOMEM, "no memory for a copy of a command stream");
	memcpy(words, params->contents, params->bytes);
	bo->stream = (struct ethosu_stream){
		.words = words,
		.count = params->bytes / sizeof(*words),
		.u65 = ethosu_context(bo->base.context)->u65,
	};
	ret = ethosu_stream_walk(&bo->stream, &place);
	if (!ret)
		return 0;
	accel_core_sys.free(words);
	bo->stream.words = NULL;
	return accel_core_fail_at(ret, UINT32_MAX, place.offset,
				  "byte %zu of the command stream: %s", place.offset, place.text);
}

static int init_commands(struct ethosu_bo *bo, const struct accel_bo_params *params)
{
	struct drm_ethosu_cmdstream_bo_create ask;
	int ret;

	if (params->flags & ~(ACCEL_BO_COMMANDS | ACCEL_BO_DEVICE_READ))
		return accel_core_fail(-EOPNOTSUPP,
				       "a command buffer is sealed here: nobody but "
				       "the device can read it, and nobody can write it");
	if (!params->contents)
		return accel_core_fail(-EINVAL, "a command buffer is made from contents here "
						"(ACCEL_COMMANDS_SEALED)");
	if (params->bytes % sizeof(uint32_t) || params->bytes > UINT32_MAX)
		return accel_core_fail(-EINVAL,
				       "a command stream of %llu bytes: it has whole words "
				       "of 4, and less than 4 GiB",
				       (unsigned long long)params->bytes);
	ret = take_stream(bo, params);
	if (ret)
		return ret;
	ask = (struct drm_ethosu_cmdstream_bo_create){
		.size = (uint32_t)params->bytes,
		.data = (uintptr_t)bo->stream.words,
	};
	ret = accel_core_ioctl(bo->base.context->fd, DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE, &ask);
	if (ret) {
		accel_core_sys.free((void *)bo->stream.words);
		bo->stream.words = NULL;
		return accel_core_fail(ret, "CMDSTREAM_BO_CREATE: %s",
				       ret == -EINVAL ? "the kernel refuses the command stream"
						      : strerror(-ret));
	}
	bo->handle = ask.handle;
	bo->base.bytes = params->bytes;
	bo->base.filled = true;
	return 0;
}

int ethosu_bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct ethosu_bo *bo = ethosu_bo(base);

	if (params->ext)
		return accel_core_fail(-EINVAL, "buffers take no struct of this driver");
	if (params->user || params->flags & ACCEL_BO_DEVICE_LOCAL)
		return accel_core_fail(-EOPNOTSUPP,
				       "this device has neither user memory nor memory "
				       "of its own");
	return params->flags & ACCEL_BO_COMMANDS ? init_commands(bo, params)
						 : init_data(bo, params);
}

void ethosu_bo_fini(struct accel_bo *base)
{
	struct ethosu_bo *bo = ethosu_bo(base);

	accel_core_gem_close(base->context->fd, bo->handle);
	accel_core_sys.free((void *)bo->stream.words);
}

/* ---- sharing ---------------------------------------------------------------------------------- */

int ethosu_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
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

int ethosu_bo_import(struct accel_bo *base, int dmabuf_fd)
{
	struct ethosu_bo *bo = ethosu_bo(base);
	int ret;

	bo->handle = (uint32_t)base->key;
	bo->shared = true;
	ret = accel_core_dmabuf_size(dmabuf_fd, &base->bytes);
	if (!ret) {
		base->flags |= ACCEL_BO_IS_WC;
		return 0;
	}
	accel_core_gem_close(base->context->fd, bo->handle);
	return accel_core_fail(-EINVAL, "the size of the dma-buf: %s", strerror(-ret));
}

int ethosu_bo_need_dmabuf(struct ethosu_bo *bo)
{
	int ret;

	if (bo->base.fd >= 0)
		return 0;
	ret = accel_core_prime_export(bo->base.context->fd, bo->handle, &bo->base.fd);
	return ret ? accel_core_fail(ret, "PRIME_HANDLE_TO_FD: %s", strerror(-ret)) : 0;
}

int ethosu_bo_export(struct accel_bo *base, int *dmabuf_fd)
{
	struct ethosu_context *context = ethosu_context(base->context);
	struct ethosu_bo *bo = ethosu_bo(base);
	bool fresh;
	int ret;

	accel_core_lock(&context->file_lock);
	fresh = base->fd < 0;
	ret = ethosu_bo_need_dmabuf(bo);
	if (ret)
		goto out;
	ret = accel_core_sys.dup(base->fd);
	if (ret < 0) {
		if (fresh) {
			accel_core_sys.close(base->fd);
			base->fd = -1;
		}
		accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
		goto out;
	}
	*dmabuf_fd = ret;
	ret = 0;
	base->key = bo->handle;
	bo->shared = true;
out:
	accel_core_unlock(&context->file_lock);
	return ret;
}

/* ---- the CPU -------------------------------------------------------------------------------------- */

int ethosu_bo_map(struct accel_bo *base)
{
	struct ethosu_bo *bo = ethosu_bo(base);
	struct drm_ethosu_bo_mmap_offset ask = {.handle = bo->handle};
	int ret;

	ret = accel_core_ioctl(base->context->fd, DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET, &ask);
	if (!ret)
		ret = accel_core_map(base->context->fd, ask.offset, base->bytes,
				     PROT_READ | PROT_WRITE, &base->map);
	if (ret == -EINVAL && base->flags & ACCEL_BO_IS_IMPORTED)
		return accel_core_fail(-EACCES, "the buffer was made elsewhere, not to be mapped");
	if (ret)
		return accel_core_fail(ret, "mapping a buffer: %s", strerror(-ret));
	base->map_bytes = base->bytes;
	return 0;
}

int ethosu_bo_wait(struct ethosu_bo *bo, int64_t deadline)
{
	struct drm_ethosu_bo_wait ask;
	int ret;

	do {
		ask = (struct drm_ethosu_bo_wait){
			.handle = bo->handle,
			.timeout_ns = deadline > 0 ? deadline : 0,
		};
		ret = accel_core_sys.ioctl(bo->base.context->fd, DRM_IOCTL_ETHOSU_BO_WAIT, &ask);
	} while (ret == -EINTR);
	return ret;
}

static int wait_bo(void *data, int64_t deadline)
{
	return ethosu_bo_wait(data, deadline);
}

/* The memory needs no care; other processes' jobs on shared memory are waited for. */
int ethosu_bo_begin(struct accel_bo *base, uint32_t access, uint64_t offset, uint64_t bytes,
		    int64_t deadline)
{
	struct ethosu_bo *bo = ethosu_bo(base);
	struct accel_job_result unused;

	(void)access, (void)offset, (void)bytes;
	if (!bo->shared)
		return 0;
	return accel_core_job_end_plain(base->context, false, deadline, wait_bo, bo, &unused);
}
