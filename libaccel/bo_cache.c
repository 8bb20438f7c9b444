/* SPDX-License-Identifier: MIT */
/*
 * Freed buffers of a context, kept to serve new ones of the same flags and size: making one
 * costs system calls and a page fault for each page.
 */
#include "core.h"

#define CACHE_BYTES_MAX (256ull << 20)
#define CACHE_COUNT_MAX 256

static void take_off(struct accel_bo *bo)
{
	struct accel_context *context = bo->context;

	list_del(&bo->cache_link);
	context->cache_bytes -= bo->bytes;
	context->cache_count--;
}

/* Under the lock: move what is too much, the oldest first, to @out. */
static void shrink(struct accel_context *context, uint64_t bytes, uint32_t count, struct list *out)
{
	struct accel_bo *bo;

	while (context->cache_bytes > bytes || context->cache_count > count) {
		bo = list_entry(context->cache.next, struct accel_bo, cache_link);
		take_off(bo);
		list_append(out, &bo->cache_link);
	}
}

static void destroy_all(struct list *out)
{
	struct list *node, *after;

	list_for_each_safe(node, after, out)
		bo_destroy(list_entry(node, struct accel_bo, cache_link));
}

struct accel_bo *bo_cache_take(struct accel_context *context, uint32_t flags, uint64_t bytes)
{
	struct accel_bo *bo = NULL;
	struct list *node;

	accel_core_lock(&context->lock);
	/* The newest is the one whose pages are still in the CPU's caches. */
	for (node = context->cache.prev; node != &context->cache; node = node->prev) {
		bo = list_entry(node, struct accel_bo, cache_link);
		if (bo->bytes == bytes && (bo->flags & BO_USES) == flags) {
			take_off(bo);
			break;
		}
	}
	if (node == &context->cache)
		bo = NULL;
	accel_core_unlock(&context->lock);
	return bo;
}

bool bo_cache_give(struct accel_bo *bo)
{
	struct accel_context *context = bo->context;
	struct list out;

	if (bo->no_cache || bo->bytes > CACHE_BYTES_MAX / 4 || atomic_load(&context->state))
		return false;
	list_init(&out);
	accel_core_lock(&context->lock);
	list_append(&context->cache, &bo->cache_link);
	context->cache_bytes += bo->bytes;
	context->cache_count++;
	shrink(context, CACHE_BYTES_MAX, CACHE_COUNT_MAX, &out);
	accel_core_unlock(&context->lock);
	destroy_all(&out);
	return true;
}

void bo_cache_trim(struct accel_context *context, uint64_t keep_bytes)
{
	struct list out;

	list_init(&out);
	accel_core_lock(&context->lock);
	shrink(context, keep_bytes, keep_bytes ? UINT32_MAX : 0, &out);
	accel_core_unlock(&context->lock);
	destroy_all(&out);
}
