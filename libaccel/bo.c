/* SPDX-License-Identifier: MIT */
/* Buffer objects. */
#include "core.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CPU_FLAGS    (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)
#define DEVICE_FLAGS (ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define ACCESS_FLAGS (ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE)

static const struct accel_ops *ops_of(const struct accel_bo *bo)
{
	return bo->context->provider->ops;
}

/* ---- making ----------------------------------------------------------------------------- */

static struct accel_bo *bo_alloc(struct accel_context *context, uint32_t flags, uint64_t bytes)
{
	struct accel_bo *bo = accel_core_sys.alloc(context->provider->bo_size);

	if (!bo)
		return NULL;
	bo->context = context;
	bo->refs = 1;
	bo->flags = flags;
	bo->bytes = bytes;
	bo->fd = -1;
	list_init(&bo->shared_link);
	list_init(&bo->cache_link);
	return bo;
}

/* Undo what the core does for every buffer: its mapping, its descriptor, its memory. */
static void bo_free(struct accel_bo *bo)
{
	if (bo->map && bo->map_bytes)
		accel_core_sys.munmap(bo->map, bo->map_bytes);
	if (bo->fd >= 0)
		accel_core_sys.close(bo->fd);
	accel_core_sys.free(bo);
}

void bo_destroy(struct accel_bo *bo)
{
	if (!bo->closed)
		ops_of(bo)->bo_fini(bo);
	bo_free(bo);
}

static int check_create(struct accel_context *context, const struct accel_bo_params *params,
			uint64_t *rounded)
{
	const uint64_t granule = context->limits.bo_granule;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (params->flags & ~(BO_USES | ACCEL_BO_ZERO))
		return accel_core_fail(-EINVAL, "unknown flags 0x%x",
				       params->flags & ~(BO_USES | ACCEL_BO_ZERO));
	if (!(params->flags & (CPU_FLAGS | DEVICE_FLAGS | ACCEL_BO_COMMANDS)))
		return accel_core_fail(-EINVAL, "flags say of no use at all");
	if (!params->bytes || params->bytes > context->limits.bo_bytes)
		return accel_core_fail(-EINVAL, "a buffer of %llu bytes: this device has 1 to %llu",
				       (unsigned long long)params->bytes,
				       (unsigned long long)context->limits.bo_bytes);
	*rounded = (params->bytes + granule - 1) / granule * granule;
	if (*rounded < params->bytes || *rounded > SIZE_MAX)
		return accel_core_fail(-EINVAL, "a buffer of %llu bytes is beyond all addresses",
				       (unsigned long long)params->bytes);
	if (!params->user)
		return 0;
	if (params->contents || (params->flags & ACCEL_BO_ZERO))
		return accel_core_fail(-EINVAL, "user memory has the contents that it has");
	if ((uintptr_t)params->user % page || params->bytes % page)
		return accel_core_fail(-EINVAL, "user memory must be whole pages of %llu bytes",
				       (unsigned long long)page);
	*rounded = params->bytes;
	return 0;
}

static int map_locked(struct accel_bo *bo)
{
	if (bo->map)
		return 0;
	if (bo->bytes > SIZE_MAX) /* an import can be of any size */
		return accel_core_fail(-ENOMEM, "no address space for %llu bytes",
				       (unsigned long long)bo->bytes);
	return ops_of(bo)->bo_map(bo);
}

int accel_core_bo_map(struct accel_bo *bo)
{
	int ret;

	accel_core_lock(&bo->context->lock);
	ret = map_locked(bo);
	accel_core_unlock(&bo->context->lock);
	return ret;
}

/* The buffer's first bytes, through the CPU. */
static int fill(struct accel_bo *bo, const struct accel_bo_params *params)
{
	const bool clear = params->flags & ACCEL_BO_ZERO && bo->flags & ACCEL_BO_IS_UNDEFINED;
	int ret;

	if (bo->filled || (!params->contents && !clear))
		return 0;
	ret = accel_core_bo_map(bo);
	if (ret)
		return ret;
	if (clear)
		memset(bo->map, 0, bo->bytes);
	if (params->contents)
		memcpy(bo->map, params->contents, params->bytes);
	return ops_of(bo)->bo_end(bo, ACCEL_ACCESS_WRITE, 0, bo->bytes);
}

/* Only buffers that are like others are kept and served again. */
static bool may_be_reused(const struct accel_bo_params *params)
{
	return !params->user && !params->ext && !(params->flags & ACCEL_BO_SHARE) &&
	       !(params->flags & ACCEL_BO_COMMANDS && params->contents);
}

static struct accel_bo *reuse(struct accel_context *context, const struct accel_bo_params *params,
			      uint64_t rounded)
{
	struct accel_bo *bo;

	if (!may_be_reused(params))
		return NULL;
	/* What the CPU can't reach it can't clear. */
	if ((params->flags & ACCEL_BO_ZERO || params->contents) && !(params->flags & CPU_FLAGS))
		return NULL;
	bo = bo_cache_take(context, params->flags & BO_USES, rounded);
	if (!bo)
		return NULL;
	bo->refs = 1;
	bo->filled = false;
	bo->flags = (bo->flags & ~ACCEL_BO_ZERO) | ACCEL_BO_IS_UNDEFINED;
	return bo;
}

int accel_bo_create(struct accel_context *context, const struct accel_bo_params *params,
		    struct accel_bo **out)
{
	struct accel_bo_params known;
	struct accel_bo *bo;
	uint64_t rounded = 0;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "out" : "context");
	ret = accel_core_params(&known, sizeof(known), params, false);
	if (!ret)
		ret = check_create(context, &known, &rounded);
	if (!ret)
		ret = accel_core_context_errno(context);
	if (ret)
		return ret;

	bo = reuse(context, &known, rounded);
	if (!bo) {
		bo = bo_alloc(context, known.flags & BO_USES, rounded);
		if (!bo)
			return accel_core_fail(-ENOMEM, "no memory for a buffer object");
		bo->no_cache = !may_be_reused(&known);
		ret = context->provider->ops->bo_init(bo, &known);
		if (ret) {
			bo_free(bo);
			return ret;
		}
	}
	ret = fill(bo, &known);
	if (ret) {
		bo_destroy(bo);
		return ret;
	}
	if (known.flags & ACCEL_BO_ZERO || known.contents)
		bo->flags &= ~ACCEL_BO_IS_UNDEFINED;
	bo->flags |= known.flags & ACCEL_BO_ZERO;
	accel_context_ref(context);
	*out = bo;
	return 0;
}

/* ---- sharing -------------------------------------------------------------------------------- */

static int import_locked(struct accel_context *context, int fd, uint32_t flags,
			 struct accel_bo **out)
{
	const struct accel_ops *ops = context->provider->ops;
	struct accel_bo *bo, *known = NULL;
	uint64_t key;
	int ret;

	/* First of all: the key may be a handle, which only a bo_import that fails closes. */
	bo = bo_alloc(context, flags | ACCEL_BO_IS_IMPORTED, 0);
	if (!bo)
		return accel_core_fail(-ENOMEM, "no memory for a buffer object");
	ret = ops->bo_import_key(context, fd, &key);
	if (!ret)
		known = bo_table_find(context, key);
	if (ret || known)
		goto no_import;
	bo->no_cache = true;
	bo->key = key;
	ret = ops->bo_import(bo, fd);
	if (ret)
		goto no_import;
	bo_table_add(bo);
	accel_context_ref(context);
	*out = bo;
	return 0;

no_import:
	bo_free(bo);
	if (known)
		*out = known;
	return ret;
}

int accel_bo_import(struct accel_context *context, int dmabuf_fd, uint32_t flags,
		    struct accel_bo **out)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "out" : "context");
	if (flags & ~(CPU_FLAGS | DEVICE_FLAGS) || !flags)
		return accel_core_fail(-EINVAL, "flags 0x%x: imports have CPU and device access only",
				       flags);
	ret = accel_core_context_errno(context);
	if (ret)
		return ret;
	accel_core_lock(&context->lock);
	ret = import_locked(context, dmabuf_fd, flags, out);
	accel_core_unlock(&context->lock);
	return ret;
}

int accel_bo_export(struct accel_bo *bo, uint32_t flags, int *dmabuf_fd)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!bo || !dmabuf_fd || flags)
		return accel_core_fail(-EINVAL, "bo or dmabuf_fd is NULL, or flags is not 0");
	if (!(bo->flags & ACCEL_BO_SHARE))
		return accel_core_fail(-EINVAL, "only a buffer that was made with ACCEL_BO_SHARE "
				       "can be exported");
	accel_core_lock(&bo->context->lock);
	ret = ops_of(bo)->bo_export(bo, dmabuf_fd);
	if (!ret && atomic_load(&bo->key))
		bo_table_add(bo);
	accel_core_unlock(&bo->context->lock);
	return ret;
}

/* ---- looking ---------------------------------------------------------------------------------- */

int accel_bo_get_info(struct accel_bo *bo, struct accel_bo_info *out)
{
	struct accel_bo_info info;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!bo)
		return accel_core_fail(-EINVAL, "bo is NULL");
	info = (struct accel_bo_info){
		.size = sizeof(info), .flags = bo->flags, .bytes = bo->bytes
	};
	return accel_core_params_out(out, &info, sizeof(info));
}

int accel_bo_address(struct accel_bo *bo, uint64_t *address)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!bo || !address)
		return accel_core_fail(-EINVAL, "%s is NULL", bo ? "address" : "bo");
	return ops_of(bo)->bo_address(bo, address);
}

int accel_bo_map(struct accel_bo *bo, void **ptr)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!bo || !ptr)
		return accel_core_fail(-EINVAL, "%s is NULL", bo ? "ptr" : "bo");
	if (!(bo->flags & CPU_FLAGS))
		return accel_core_fail(-EACCES, "the buffer was made without access for the CPU");
	ret = accel_core_bo_map(bo);
	if (!ret)
		*ptr = bo->map;
	return ret;
}

/* ---- access by the CPU --------------------------------------------------------------------------- */

static int check_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes)
{
	if (!bo)
		return accel_core_fail(-EINVAL, "bo is NULL");
	if (!flags || flags & ~ACCESS_FLAGS)
		return accel_core_fail(-EINVAL, "flags 0x%x: must be ACCEL_ACCESS_*", flags);
	if (!bytes || offset > bo->bytes || bytes > bo->bytes - offset)
		return accel_core_fail(-EINVAL, "%llu bytes from %llu of a buffer of %llu",
				       (unsigned long long)bytes, (unsigned long long)offset,
				       (unsigned long long)bo->bytes);
	if ((flags & ACCEL_ACCESS_READ && !(bo->flags & ACCEL_BO_CPU_READ)) ||
	    (flags & ACCEL_ACCESS_WRITE && !(bo->flags & ACCEL_BO_CPU_WRITE)))
		return accel_core_fail(-EACCES, "the buffer was not made for this access of the CPU");
	return 0;
}

/* Wait for all jobs submitted so far that use the buffer, on whatever queue. */
static int wait_idle(struct accel_bo *bo, int64_t deadline)
{
	struct accel_queue *queue = NULL;
	uint64_t seq;
	int ret = 0;

	while (atomic_load(&bo->busy) && !ret && (queue = queue_next(bo->context, queue)))
		if (queue_uses_bo(queue, bo, &seq))
			ret = queue_wait(queue, seq, deadline);
	if (queue)
		queue_put(queue);
	return ret;
}

int accel_bo_begin_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes,
			  int64_t deadline)
{
	int ret;

	ret = process_enter();
	if (!ret)
		ret = check_access(bo, flags, offset, bytes);
	if (!ret)
		ret = wait_idle(bo, deadline);
	if (ret)
		return ret;
	return ops_of(bo)->bo_begin(bo, flags, offset, bytes, deadline);
}

int accel_bo_end_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes)
{
	int ret;

	ret = process_enter();
	if (!ret)
		ret = check_access(bo, flags, offset, bytes);
	if (ret)
		return ret;
	return ops_of(bo)->bo_end(bo, flags, offset, bytes);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

struct accel_bo *accel_bo_ref(struct accel_bo *bo)
{
	if (bo)
		refs_get(&bo->refs);
	return bo;
}

void accel_bo_unref(struct accel_bo *bo)
{
	struct accel_context *context;

	if (!bo)
		return;
	context = bo->context;
	if (process_is_child()) {
		if (!refs_put(&bo->refs))
			return;
		if (bo->map && bo->map_bytes)
			accel_core_sys.munmap(bo->map, bo->map_bytes);
		if (bo->fd >= 0)
			accel_core_sys.close(bo->fd);
	} else {
		if (!bo_table_put(bo))
			return;
		if (!bo_cache_give(bo))
			bo_destroy(bo);
	}
	accel_context_unref(context);
}
