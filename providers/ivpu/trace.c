/* SPDX-License-Identifier: MIT */
/* The driver's ioctls, for LIBACCEL_TRACE. */
#include "ivpu_internal.h"

#include <stdio.h>

static int show_param(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_param *ask = arg;

	return snprintf(text, bytes, "param %u, index %u, value %llu", ask->param, ask->index,
			(unsigned long long)ask->value);
}

static int show_bo_create(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_bo_create *ask = arg;

	return snprintf(text, bytes, "size %llu, flags 0x%x, handle %u at 0x%llx",
			(unsigned long long)ask->size, ask->flags, ask->handle,
			(unsigned long long)ask->vpu_addr);
}

static int show_userptr(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_bo_create_from_userptr *ask = arg;

	return snprintf(text, bytes, "size %llu, flags 0x%x, handle %u at 0x%llx",
			(unsigned long long)ask->size, ask->flags, ask->handle,
			(unsigned long long)ask->vpu_addr);
}

static int show_bo_info(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_bo_info *ask = arg;

	return snprintf(text, bytes, "handle %u, flags 0x%x, size %llu at 0x%llx", ask->handle,
			ask->flags, (unsigned long long)ask->size,
			(unsigned long long)ask->vpu_addr);
}

static int show_bo_wait(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_bo_wait *ask = arg;

	return snprintf(text, bytes, "handle %u, until %lld, status %u", ask->handle,
			(long long)ask->timeout_ns, ask->job_status);
}

static int show_submit(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_submit *ask = arg;

	return snprintf(text, bytes, "%u buffers, commands at %u, priority %u", ask->buffer_count,
			ask->commands_offset, ask->priority);
}

static int show_cmdq_create(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_cmdq_create *ask = arg;

	return snprintf(text, bytes, "id %u, priority %u, flags 0x%x", ask->cmdq_id, ask->priority,
			ask->flags);
}

static int show_cmdq_destroy(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_cmdq_destroy *ask = arg;

	return snprintf(text, bytes, "id %u", ask->cmdq_id);
}

static int show_cmdq_submit(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_cmdq_submit *ask = arg;

	return snprintf(text, bytes, "queue %u, %u buffers, commands at %u", ask->cmdq_id,
			ask->buffer_count, ask->commands_offset);
}

static int show_metrics(const void *arg, char *text, size_t bytes)
{
	const struct drm_ivpu_metric_streamer_get_data *ask = arg;

	return snprintf(text, bytes, "groups 0x%llx, %llu of %llu bytes",
			(unsigned long long)ask->metric_group_mask,
			(unsigned long long)ask->data_size, (unsigned long long)ask->buffer_size);
}

const struct accel_ioctl_name ivpu_ioctls[] = {
	{DRM_IOCTL_IVPU_GET_PARAM, "IVPU_GET_PARAM", show_param},
	{DRM_IOCTL_IVPU_BO_CREATE, "IVPU_BO_CREATE", show_bo_create},
	{DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, "IVPU_BO_CREATE_FROM_USERPTR", show_userptr},
	{DRM_IOCTL_IVPU_BO_INFO, "IVPU_BO_INFO", show_bo_info},
	{DRM_IOCTL_IVPU_BO_WAIT, "IVPU_BO_WAIT", show_bo_wait},
	{DRM_IOCTL_IVPU_SUBMIT, "IVPU_SUBMIT", show_submit},
	{DRM_IOCTL_IVPU_CMDQ_CREATE, "IVPU_CMDQ_CREATE", show_cmdq_create},
	{DRM_IOCTL_IVPU_CMDQ_DESTROY, "IVPU_CMDQ_DESTROY", show_cmdq_destroy},
	{DRM_IOCTL_IVPU_CMDQ_SUBMIT, "IVPU_CMDQ_SUBMIT", show_cmdq_submit},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_START, "IVPU_METRIC_STREAMER_START", NULL},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_STOP, "IVPU_METRIC_STREAMER_STOP", NULL},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA, "IVPU_METRIC_STREAMER_GET_DATA", show_metrics},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, "IVPU_METRIC_STREAMER_GET_INFO", show_metrics},
	{0, NULL, NULL},
};
