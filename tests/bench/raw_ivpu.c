/* SPDX-License-Identifier: MIT */
/* Jobs of ivpu without a library: a command list that copies one buffer to another. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kernel/raw/raw-ivpu.h"
#include "../kernel/raw/raw.h"
#include "raw_loop.h"

struct job {
	struct ivpu_bo src, dst;
	struct ivpu_list list;
	uint32_t handles[3];
	union {
		struct drm_ivpu_cmdq_submit to_queue;
		struct drm_ivpu_submit to_driver; /* that manages the queues itself */
	} submit;
};

struct ivpu {
	int fd;
	unsigned long request; /* that takes a job's submit */
	struct job jobs[RAW_JOBS];
};

static void prepare(struct job *job, uint32_t queue)
{
	job->handles[0] = job->list.bo.handle;
	job->handles[1] = job->dst.handle;
	job->handles[2] = job->src.handle;
	if (queue)
		job->submit.to_queue = (struct drm_ivpu_cmdq_submit){
			.buffers_ptr = (uintptr_t)job->handles,
			.buffer_count = 3,
			.cmdq_id = queue,
		};
	else
		job->submit.to_driver = (struct drm_ivpu_submit){
			.buffers_ptr = (uintptr_t)job->handles,
			.buffer_count = 3,
			.priority = DRM_IVPU_JOB_PRIORITY_NORMAL,
		};
}

static int make_job(int fd, uint32_t queue, struct job *job)
{
	int ret;

	ret = ivpu_bo_create(fd, RAW_BYTES, DRM_IVPU_BO_MAPPABLE, &job->src);
	if (!ret)
		ret = ivpu_bo_create(fd, RAW_BYTES, DRM_IVPU_BO_MAPPABLE, &job->dst);
	if (!ret)
		ret = ivpu_list_create(fd, &job->list);
	if (ret)
		return ret;
	ivpu_copy(&job->list, job->dst.address, job->src.address, RAW_BYTES);
	prepare(job, queue);
	return 0;
}

/* The queue goes with the file. */
static void close_ivpu(void *loop)
{
	struct ivpu *v = loop;

	for (int i = 0; i < RAW_JOBS; i++) {
		ivpu_bo_destroy(v->fd, &v->jobs[i].src);
		ivpu_bo_destroy(v->fd, &v->jobs[i].dst);
		ivpu_bo_destroy(v->fd, &v->jobs[i].list.bo);
	}
	close(v->fd);
	free(v);
}

static int open_ivpu(const char *node, void **loop)
{
	struct ivpu *v = calloc(1, sizeof(*v));
	uint32_t queue = 0;
	int ret = 0;

	if (!v)
		return -ENOMEM;
	v->fd = open(node, O_RDWR | O_CLOEXEC);
	if (v->fd < 0) {
		ret = -errno;
		free(v);
		return ret;
	}
	if (ivpu_has(v->fd, DRM_IVPU_CAP_MANAGE_CMDQ))
		ret = ivpu_queue_create(v->fd, DRM_IVPU_JOB_PRIORITY_NORMAL, &queue);
	v->request = queue ? DRM_IOCTL_IVPU_CMDQ_SUBMIT : DRM_IOCTL_IVPU_SUBMIT;
	for (int i = 0; i < RAW_JOBS && !ret; i++)
		ret = make_job(v->fd, queue, &v->jobs[i]);
	if (ret)
		close_ivpu(v);
	else
		*loop = v;
	return ret;
}

static int end(const struct ivpu *v, const struct job *job)
{
	struct drm_ivpu_bo_wait wait = {.handle = job->list.bo.handle, .timeout_ns = INT64_MAX};
	int ret = raw_ioctl(v->fd, DRM_IOCTL_IVPU_BO_WAIT, &wait);

	return !ret && wait.job_status != DRM_IVPU_JOB_STATUS_SUCCESS ? -EIO : ret;
}

static int raw_submit_ivpu(void *loop, unsigned int batch, bool outcome)
{
	struct ivpu *v = loop;
	int ret = 0;

	(void)outcome;
	for (unsigned int i = 0; i < batch && !ret; i++)
		ret = raw_ioctl(v->fd, v->request, &v->jobs[i].submit);
	return ret;
}

static int raw_wait_ivpu(void *loop, unsigned int batch, bool outcome)
{
	const struct ivpu *v = loop;
	int ret = 0;

	(void)outcome;
	/* The last first, so that the others have ended when asked for. */
	for (unsigned int i = batch; i-- > 0 && !ret;)
		ret = end(v, &v->jobs[i]);
	return ret;
}

static bool copied(void *loop, unsigned int batch)
{
	struct ivpu *v = loop;
	bool all = true;

	for (unsigned int i = 0; i < batch; i++)
		all &= raw_arrived(v->jobs[i].src.map, v->jobs[i].dst.map);
	return all;
}

const struct raw_loop raw_loop_ivpu = {
	.driver = "intel_vpu",
	.outcome = true,
	.open = open_ivpu,
	.submit = raw_submit_ivpu,
	.wait = raw_wait_ivpu,
	.copied = copied,
	.close = close_ivpu,
};
