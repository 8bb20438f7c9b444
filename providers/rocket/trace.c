/* SPDX-License-Identifier: MIT */
/* The driver's ioctls, for LIBACCEL_TRACE. */
#include "rocket_internal.h"

#include <stdio.h>

static int show_create_bo(const void *arg, char *text, size_t bytes)
{
	const struct drm_rocket_create_bo *ask = arg;

	return snprintf(text, bytes, "size %u, handle %u, address 0x%llx", ask->size, ask->handle,
			(unsigned long long)ask->dma_address);
}

static int show_submit(const void *arg, char *text, size_t bytes)
{
	const struct drm_rocket_submit *ask = arg;
	const struct drm_rocket_job *job = (const void *)(uintptr_t)ask->jobs;

	return snprintf(text, bytes, "%u tasks, reads %u and writes %u buffers", job->task_count,
			job->in_bo_handle_count, job->out_bo_handle_count);
}

static int show_prep_bo(const void *arg, char *text, size_t bytes)
{
	const struct drm_rocket_prep_bo *ask = arg;

	return snprintf(text, bytes, "handle %u, until %lld", ask->handle,
			(long long)ask->timeout_ns);
}

static int show_fini_bo(const void *arg, char *text, size_t bytes)
{
	const struct drm_rocket_fini_bo *ask = arg;

	return snprintf(text, bytes, "handle %u", ask->handle);
}

const struct accel_ioctl_name rocket_ioctls[] = {
	{DRM_IOCTL_ROCKET_CREATE_BO, "ROCKET_CREATE_BO", show_create_bo},
	{DRM_IOCTL_ROCKET_SUBMIT, "ROCKET_SUBMIT", show_submit},
	{DRM_IOCTL_ROCKET_PREP_BO, "ROCKET_PREP_BO", show_prep_bo},
	{DRM_IOCTL_ROCKET_FINI_BO, "ROCKET_FINI_BO", show_fini_bo},
	{0, NULL, NULL},
};
