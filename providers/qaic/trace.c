/* SPDX-License-Identifier: MIT */
/* The driver's ioctls, for LIBACCEL_TRACE. */
#include "qaic_internal.h"

#include <stdio.h>

static int show_manage(const void *arg, char *text, size_t bytes)
{
	const struct qaic_manage_msg *ask = arg;

	return snprintf(text, bytes, "%u transactions, %u bytes", ask->count, ask->len);
}

static int show_create_bo(const void *arg, char *text, size_t bytes)
{
	const struct qaic_create_bo *ask = arg;

	return snprintf(text, bytes, "size %llu, handle %u", (unsigned long long)ask->size,
			ask->handle);
}

static int show_attach(const void *arg, char *text, size_t bytes)
{
	const struct qaic_attach_slice *ask = arg;

	return snprintf(text, bytes, "handle %u, channel %u, %u slices, direction %u",
			ask->hdr.handle, ask->hdr.dbc_id, ask->hdr.count, ask->hdr.dir);
}

static int show_execute(const void *arg, char *text, size_t bytes)
{
	const struct qaic_execute *ask = arg;

	return snprintf(text, bytes, "%u buffers, channel %u", ask->hdr.count, ask->hdr.dbc_id);
}

static int show_wait(const void *arg, char *text, size_t bytes)
{
	const struct qaic_wait *ask = arg;

	return snprintf(text, bytes, "handle %u, channel %u, %u ms", ask->handle, ask->dbc_id,
			ask->timeout);
}

static int show_statistics(const void *arg, char *text, size_t bytes)
{
	const struct qaic_perf_stats *ask = arg;

	return snprintf(text, bytes, "%u buffers, channel %u", ask->hdr.count, ask->hdr.dbc_id);
}

static int show_detach(const void *arg, char *text, size_t bytes)
{
	const struct qaic_detach_slice *ask = arg;

	return snprintf(text, bytes, "handle %u", ask->handle);
}

const struct accel_ioctl_name qaic_ioctls[] = {
	{DRM_IOCTL_QAIC_MANAGE, "QAIC_MANAGE", show_manage},
	{DRM_IOCTL_QAIC_CREATE_BO, "QAIC_CREATE_BO", show_create_bo},
	{DRM_IOCTL_QAIC_MMAP_BO, "QAIC_MMAP_BO", NULL},
	{DRM_IOCTL_QAIC_ATTACH_SLICE_BO, "QAIC_ATTACH_SLICE_BO", show_attach},
	{DRM_IOCTL_QAIC_EXECUTE_BO, "QAIC_EXECUTE_BO", show_execute},
	{DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO, "QAIC_PARTIAL_EXECUTE_BO", show_execute},
	{DRM_IOCTL_QAIC_WAIT_BO, "QAIC_WAIT_BO", show_wait},
	{DRM_IOCTL_QAIC_PERF_STATS_BO, "QAIC_PERF_STATS_BO", show_statistics},
	{DRM_IOCTL_QAIC_DETACH_SLICE_BO, "QAIC_DETACH_SLICE_BO", show_detach},
	{0, NULL, NULL},
};
