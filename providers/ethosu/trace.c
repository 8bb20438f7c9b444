/* SPDX-License-Identifier: MIT */
/* The driver's ioctls, for LIBACCEL_TRACE. */
#include "ethosu_internal.h"

#include <stdio.h>

static int show_bo_create(const void *arg, char *text, size_t bytes)
{
	const struct drm_ethosu_bo_create *ask = arg;

	return snprintf(text, bytes, "size %llu, flags 0x%x, handle %u",
			(unsigned long long)ask->size, ask->flags, ask->handle);
}

static int show_bo_wait(const void *arg, char *text, size_t bytes)
{
	const struct drm_ethosu_bo_wait *ask = arg;

	return snprintf(text, bytes, "handle %u, until %lld", ask->handle,
			(long long)ask->timeout_ns);
}

static int show_cmdstream(const void *arg, char *text, size_t bytes)
{
	const struct drm_ethosu_cmdstream_bo_create *ask = arg;

	return snprintf(text, bytes, "size %u, handle %u", ask->size, ask->handle);
}

static int show_submit(const void *arg, char *text, size_t bytes)
{
	const struct drm_ethosu_submit *ask = arg;
	const struct drm_ethosu_job *job = (const void *)(uintptr_t)ask->jobs;
	const __u32 *r = job->region_bo_handles;

	return snprintf(text, bytes,
			"commands %u, SRAM %u, regions %u %u %u %u %u %u %u %u, monitor %u",
			job->cmd_bo, job->sram_size, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7],
			ask->perfmon_id);
}

static int show_perfmon(const void *arg, char *text, size_t bytes)
{
	const struct drm_ethosu_perfmon_create *ask = arg;

	return snprintf(text, bytes, "id %u, %u counters", ask->id, ask->ncounters);
}

const struct accel_ioctl_name ethosu_ioctls[] = {
	{DRM_IOCTL_ETHOSU_DEV_QUERY, "ETHOSU_DEV_QUERY", NULL},
	{DRM_IOCTL_ETHOSU_BO_CREATE, "ETHOSU_BO_CREATE", show_bo_create},
	{DRM_IOCTL_ETHOSU_BO_WAIT, "ETHOSU_BO_WAIT", show_bo_wait},
	{DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET, "ETHOSU_BO_MMAP_OFFSET", NULL},
	{DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE, "ETHOSU_CMDSTREAM_BO_CREATE", show_cmdstream},
	{DRM_IOCTL_ETHOSU_SUBMIT, "ETHOSU_SUBMIT", show_submit},
	{DRM_IOCTL_ETHOSU_PERFMON_CREATE, "ETHOSU_PERFMON_CREATE", show_perfmon},
	{DRM_IOCTL_ETHOSU_PERFMON_DESTROY, "ETHOSU_PERFMON_DESTROY", NULL},
	{DRM_IOCTL_ETHOSU_PERFMON_GET_VALUES, "ETHOSU_PERFMON_GET_VALUES", NULL},
	{DRM_IOCTL_ETHOSU_PERFMON_SET_GLOBAL, "ETHOSU_PERFMON_SET_GLOBAL", NULL},
	{0, NULL, NULL},
};
