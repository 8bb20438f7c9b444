/* SPDX-License-Identifier: MIT */
/* What the files of the rocket provider share. */
#ifndef ROCKET_INTERNAL_H
#define ROCKET_INTERNAL_H

#include <accel/rocket.h>
#include <drm/rocket_accel.h>

#include "provider.h"

#define NAME "rocket"

/* A page of ours that no list names: for its fences. */
struct rocket_page {
	uint32_t handle; /* 0: none */
	uint32_t address;
	int dmabuf;       /* -1: none */
	struct list link; /* rocket_context.pages, if it has a dma-buf */
};

struct rocket_context {
	struct accel_context base;
	/* A submission and what it waits for are one: another job's waits go into the same gate.
	 * Also the pages with a dma-buf. */
	struct accel_lock file_lock;
	/* Every job reads it. The first buffer of all, so that its address tells when the kernel
	 * has let go of all jobs. */
	struct rocket_page done;
	struct rocket_page gate; /* takes what is to be waited for; read by those that wait */
	uint32_t cores;          /* at opening; 0: not known */
	_Atomic bool has_run;    /* some job was submitted */
	struct list pages;       /* rocket_page.link */
	/* Under base.lock: dma-bufs of freed buffers that somebody still had. */
	int *lingering;
	uint32_t lingering_count;
};

struct rocket_bo {
	struct accel_bo base; /* fd: its dma-buf, once it is exported */
	uint32_t handle;
	uint32_t address;
	uint64_t offset; /* of its mapping */
	bool closed;     /* at exit, before its time */
};

struct rocket_job {
	struct accel_job base;
	struct drm_rocket_job kernel; /* as it is submitted, but for the gate */
	struct drm_rocket_submit ask; /* that */
	struct drm_rocket_task *tasks;
	uint32_t *handles; /* read ones with room for the gate, then written ones */
	/* Written by this job alone: of a page that others write too the fence of a job that the
	 * kernel dropped would be that of the one before. */
	struct rocket_page own;
	struct accel_job_end end;
};

static inline struct rocket_context *rocket_context(struct accel_context *context)
{
	return (struct rocket_context *)context;
}

static inline struct rocket_bo *rocket_bo(struct accel_bo *bo)
{
	return (struct rocket_bo *)bo;
}

static inline struct rocket_job *rocket_job(struct accel_job *job)
{
	return (struct rocket_job *)job;
}

static inline bool rocket_is_unverified(const struct accel_context *context)
{
	return context->open_flags & ACCEL_OPEN_UNVERIFIED;
}

/* page.c */
int rocket_page_make(struct accel_context *context, struct rocket_page *page);
/* Also its dma-buf. Under file_lock, for at exit nothing may be exported any more. */
int rocket_page_need_dmabuf(struct accel_context *context, struct rocket_page *page);
/* Under file_lock, if it may have a dma-buf. */
void rocket_page_drop(struct accel_context *context, struct rocket_page *page);
/* PREP_BO: 0 nothing writes it any more, -ETIME. */
int rocket_wait(struct accel_context *context, uint32_t handle, int64_t deadline);

/* bo.c */
int rocket_bo_init(struct accel_bo *bo, const struct accel_bo_params *params);
int rocket_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key);
int rocket_bo_import(struct accel_bo *bo, int dmabuf_fd);
int rocket_bo_export(struct accel_bo *bo, int *dmabuf_fd);
int rocket_bo_map(struct accel_bo *bo);
int rocket_bo_address(struct accel_bo *bo, uint64_t *address);
int rocket_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		    int64_t deadline);
int rocket_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes);
void rocket_bo_fini(struct accel_bo *bo);

/* job.c */
int rocket_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline);
int rocket_job_init(struct accel_job *job, const struct accel_job_params *params);
int rocket_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);
void rocket_job_fini(struct accel_job *job);
int rocket_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
int rocket_job_poll(struct accel_job *job, bool ended, struct accel_job_result *result);
int rocket_job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result);
void rocket_job_release(struct accel_job *job);
int rocket_job_fd(struct accel_job *job, uint32_t kind, int *fd);
int rocket_ended_sync_file(struct accel_context *context, int *fd);

/* trace.c */
extern const struct accel_ioctl_name rocket_ioctls[];

#endif
