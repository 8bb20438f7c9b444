/* SPDX-License-Identifier: MIT */
/* Pages of the provider's own, which jobs list for the sake of their fences. */
#include "rocket_internal.h"

#include <errno.h>
#include <string.h>

#define PAGE_BYTES 4096 /* rounded up by the kernel */

int rocket_page_make(struct accel_context *context, struct rocket_page *page)
{
	struct drm_rocket_create_bo ask = {.size = PAGE_BYTES};
	int ret;

	page->dmabuf = -1;
	ret = accel_core_ioctl(context->fd, DRM_IOCTL_ROCKET_CREATE_BO, &ask);
	if (ret)
		return accel_core_fail(ret == -ENOSPC ? -ENOMEM : ret, "CREATE_BO: %s",
				       strerror(-ret));
	page->handle = ask.handle;
	page->address = (uint32_t)ask.dma_address;
	return 0;
}

int rocket_page_need_dmabuf(struct accel_context *context, struct rocket_page *page)
{
	int ret;

	if (atomic_load(&context->exiting))
		return accel_core_fail(-ESTALE, "the process is about to end");
	ret = page->handle ? 0 : rocket_page_make(context, page);
	if (ret || page->dmabuf >= 0)
		return ret;
	ret = accel_core_prime_export(context->fd, page->handle, &page->dmabuf);
	if (ret)
		return accel_core_fail(ret, "PRIME_HANDLE_TO_FD: %s", strerror(-ret));
	list_append(&rocket_context(context)->pages, &page->link);
	return 0;
}

void rocket_page_drop(struct accel_context *context, struct rocket_page *page)
{
	if (!page->handle)
		return;
	accel_core_gem_close(context->fd, page->handle);
	page->handle = 0;
	if (page->dmabuf < 0)
		return;
	accel_core_sys.close(page->dmabuf);
	page->dmabuf = -1;
	list_del(&page->link);
}

int rocket_wait(struct accel_context *context, uint32_t handle, int64_t deadline)
{
	struct drm_rocket_prep_bo ask;
	int ret;

	do {
		ask = (struct drm_rocket_prep_bo){
			.handle = handle,
			.timeout_ns = deadline > 0 ? deadline : 0,
		};
		ret = accel_core_sys.ioctl(context->fd, DRM_IOCTL_ROCKET_PREP_BO, &ask);
	} while (ret == -EINTR);
	return ret == -EBUSY || ret == -ETIMEDOUT ? -ETIME : ret;
}
