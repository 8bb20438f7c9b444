/* SPDX-License-Identifier: MIT */
/*
 * The table of a context's buffers that other files can name: imported and exported ones,
 * by GEM handle or by the identity of their file.
 *
 * PRIME gives the handle of a dma-buf that is imported twice without another reference, and
 * one GEM_CLOSE takes it from every holder. So one object stands for one handle, and the
 * context's lock covers looking up, importing and closing.
 */
#include "core.h"

struct accel_bo *bo_table_find(struct accel_context *context, uint64_t key)
{
	struct accel_bo *bo;
	struct list *node;

	list_for_each(node, &context->shared) {
		bo = list_entry(node, struct accel_bo, shared_link);
		if (atomic_load(&bo->key) == key) {
			refs_get(&bo->refs);
			return bo;
		}
	}
	return NULL;
}

void bo_table_add(struct accel_bo *bo)
{
	if (list_empty(&bo->shared_link))
		list_append(&bo->context->shared, &bo->shared_link);
}

bool bo_table_put(struct accel_bo *bo)
{
	uint32_t now = atomic_load(&bo->refs);

	/* Not the last: no lock is needed, nobody can find it gone. */
	while (now > 1)
		if (atomic_compare_exchange_weak(&bo->refs, &now, now - 1))
			return false;
	accel_core_lock(&bo->context->lock);
	if (!refs_put(&bo->refs)) {
		accel_core_unlock(&bo->context->lock);
		return false;
	}
	/* The handle must be closed before anyone else can be given it again. */
	if (!list_empty(&bo->shared_link)) {
		list_del(&bo->shared_link);
		bo->context->provider->ops->bo_fini(bo);
		bo->closed = true;
	}
	accel_core_unlock(&bo->context->lock);
	return true;
}
