/* SPDX-License-Identifier: MIT */
/* Jobs of Ethos-U without a library: a command stream that copies one buffer to another. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kernel/raw/raw-ethosu.h"
#include "../kernel/raw/raw.h"
#include "raw_loop.h"

struct job {
	struct ethosu_bo src, dst;
	int dmabuf; /* of dst */
	struct drm_ethosu_job job;
	struct drm_ethosu_submit submit;
};

struct ethosu {
	int fd;
	struct job jobs[RAW_JOBS];
	int fences[RAW_JOBS];
};

static int make_job(int fd, struct job *job)
{
	struct ethosu_stream stream = {.count = 0};
	int ret;

	ethosu_dma(&stream, &(struct ethosu_dma){.src_region = 1, .bytes = RAW_BYTES});
	ethosu_stop(&stream);
	ret = ethosu_stream_create(fd, &stream, &job->job.cmd_bo);
	if (!ret)
		ret = ethosu_bo_create(fd, RAW_BYTES, &job->src);
	if (!ret)
		ret = ethosu_bo_create(fd, RAW_BYTES, &job->dst);
	if (ret)
		return ret;
	job->job.region_bo_handles[0] = job->dst.handle;
	job->job.region_bo_handles[1] = job->src.handle;
	job->submit.jobs = (uintptr_t)&job->job;
	job->submit.job_count = 1;
	job->dmabuf = raw_export(fd, job->dst.handle);
	return job->dmabuf < 0 ? job->dmabuf : 0;
}

static void close_ethosu(void *loop)
{
	struct ethosu *e = loop;

	for (int i = 0; i < RAW_JOBS; i++) {
		struct job *job = &e->jobs[i];

		if (job->dmabuf > 0)
			close(job->dmabuf);
		if (job->job.cmd_bo)
			raw_close_handle(e->fd, job->job.cmd_bo);
		ethosu_bo_destroy(e->fd, &job->src);
		ethosu_bo_destroy(e->fd, &job->dst);
	}
	close(e->fd);
	free(e);
}

static int open_ethosu(const char *node, void **loop)
{
	struct ethosu *e = calloc(1, sizeof(*e));
	int ret = 0;

	if (!e)
		return -ENOMEM;
	e->fd = open(node, O_RDWR | O_CLOEXEC);
	if (e->fd < 0) {
		ret = -errno;
		free(e);
		return ret;
	}
	for (int i = 0; i < RAW_JOBS && !ret; i++)
		ret = make_job(e->fd, &e->jobs[i]);
	if (ret)
		close_ethosu(e);
	else
		*loop = e;
	return ret;
}

static int raw_submit_ethosu(void *loop, unsigned int batch, bool outcome)
{
	struct ethosu *e = loop;
	int ret;

	for (unsigned int i = 0; i < batch; i++) {
		ret = raw_ioctl(e->fd, DRM_IOCTL_ETHOSU_SUBMIT, &e->jobs[i].submit);
		if (ret)
			return ret;
		if (!outcome)
			continue;
		e->fences[i] = raw_take_fence(e->jobs[i].dmabuf);
		if (e->fences[i] < 0)
			return e->fences[i];
	}
	return 0;
}

static int raw_wait_ethosu(void *loop, unsigned int batch, bool outcome)
{
	const struct ethosu *e = loop;
	struct drm_ethosu_bo_wait wait = {.handle = e->jobs[batch - 1].dst.handle,
					  .timeout_ns = INT64_MAX};

	return outcome ? raw_end_fences(e->fences, batch)
		       : raw_ioctl(e->fd, DRM_IOCTL_ETHOSU_BO_WAIT, &wait);
}

static bool copied(void *loop, unsigned int batch)
{
	struct ethosu *e = loop;
	bool all = true;

	for (unsigned int i = 0; i < batch; i++)
		all &= raw_arrived(e->jobs[i].src.map, e->jobs[i].dst.map);
	return all;
}

const struct raw_loop raw_loop_ethosu = {
	.driver = "ethosu",
	.outcome = true,
	.unverified = true,
	.open = open_ethosu,
	.submit = raw_submit_ethosu,
	.wait = raw_wait_ethosu,
	.copied = copied,
	.close = close_ethosu,
};
