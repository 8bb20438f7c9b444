/* SPDX-License-Identifier: MIT */
/* Jobs of rocket without a library: a register list that copies one buffer to another. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kernel/raw/raw-rocket.h"
#include "../kernel/raw/raw.h"
#include "raw_loop.h"

struct job {
	struct rocket_bo src, dst;
	struct rocket_lists lists;
	int dmabuf; /* of dst */
	uint32_t in[2];
	struct drm_rocket_job job;
	struct drm_rocket_submit submit;
};

struct rocket {
	int fd;
	struct job jobs[RAW_JOBS];
	int fences[RAW_JOBS];
};

static void prepare(struct job *job)
{
	job->in[0] = job->lists.bo.handle;
	job->in[1] = job->src.handle;
	job->job = (struct drm_rocket_job){
		.tasks = (uintptr_t)job->lists.tasks,
		.task_count = job->lists.count,
		.task_struct_size = sizeof(job->lists.tasks[0]),
		.in_bo_handles = (uintptr_t)job->in,
		.in_bo_handle_count = 2,
		.out_bo_handles = (uintptr_t)&job->dst.handle,
		.out_bo_handle_count = 1,
	};
	job->submit = (struct drm_rocket_submit){
		.jobs = (uintptr_t)&job->job,
		.job_count = 1,
		.job_struct_size = sizeof(job->job),
	};
}

static int make_job(int fd, struct job *job)
{
	int ret;

	ret = rocket_bo_create(fd, RAW_BYTES, &job->src);
	if (!ret)
		ret = rocket_bo_create(fd, RAW_BYTES, &job->dst);
	if (!ret)
		ret = rocket_bo_create(fd, RAW_BYTES, &job->lists.bo);
	if (ret)
		return ret;
	rocket_task(&job->lists);
	rocket_copy(&job->lists, job->src.address, job->dst.address, RAW_BYTES, 1, 1);
	prepare(job);
	job->dmabuf = raw_export(fd, job->dst.handle);
	return job->dmabuf < 0 ? job->dmabuf : 0;
}

/* The driver frees buffers in the file that made them: they have to go first, and their jobs. */
static void close_rocket(void *loop)
{
	struct rocket *r = loop;
	const struct rocket_bo first = r->jobs[0].src;

	for (int i = 0; i < RAW_JOBS; i++) {
		struct job *job = &r->jobs[i];

		if (job->dmabuf > 0)
			close(job->dmabuf);
		rocket_bo_destroy(r->fd, &job->src);
		rocket_bo_destroy(r->fd, &job->dst);
		rocket_bo_destroy(r->fd, &job->lists.bo);
	}
	if (first.handle)
		rocket_settle(r->fd, first.address, RAW_JOBS * 3 * RAW_BYTES);
	close(r->fd);
	free(r);
}

static int open_rocket(const char *node, void **loop)
{
	struct rocket *r = calloc(1, sizeof(*r));
	int ret = 0;

	if (!r)
		return -ENOMEM;
	r->fd = open(node, O_RDWR | O_CLOEXEC);
	if (r->fd < 0) {
		ret = -errno;
		free(r);
		return ret;
	}
	for (int i = 0; i < RAW_JOBS && !ret; i++)
		ret = make_job(r->fd, &r->jobs[i]);
	if (ret)
		close_rocket(r);
	else
		*loop = r;
	return ret;
}

static int raw_submit_rocket(void *loop, unsigned int batch, bool outcome)
{
	struct rocket *r = loop;
	int ret;

	for (unsigned int i = 0; i < batch; i++) {
		ret = raw_ioctl(r->fd, DRM_IOCTL_ROCKET_SUBMIT, &r->jobs[i].submit);
		if (ret)
			return ret;
		if (!outcome)
			continue;
		r->fences[i] = raw_take_fence(r->jobs[i].dmabuf);
		if (r->fences[i] < 0)
			return r->fences[i];
	}
	return 0;
}

static int raw_wait_rocket(void *loop, unsigned int batch, bool outcome)
{
	const struct rocket *r = loop;
	struct drm_rocket_prep_bo prep = {.handle = r->jobs[batch - 1].dst.handle,
					  .timeout_ns = INT64_MAX};

	return outcome ? raw_end_fences(r->fences, batch)
		       : raw_ioctl(r->fd, DRM_IOCTL_ROCKET_PREP_BO, &prep);
}

static bool copied(void *loop, unsigned int batch)
{
	struct rocket *r = loop;
	bool all = true;

	for (unsigned int i = 0; i < batch; i++)
		all &= raw_arrived(r->jobs[i].src.map, r->jobs[i].dst.map);
	return all;
}

const struct raw_loop raw_loop_rocket = {
	.driver = "rocket",
	.outcome = true,
	.unverified = true,
	.open = open_rocket,
	.submit = raw_submit_rocket,
	.wait = raw_wait_rocket,
	.copied = copied,
	.close = close_rocket,
};
