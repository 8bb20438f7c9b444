/* SPDX-License-Identifier: MIT */
/* What the files of the ivpu provider share. */
#ifndef IVPU_INTERNAL_H
#define IVPU_INTERNAL_H

#include <accel/ivpu.h>
#include <drm/ivpu_accel.h>

#include "provider.h"

#define NAME        "ivpu"
#define RING_JOBS   62    /* the kernel's ring of a queue is a page */
#define QUEUES_MAX  255   /* ids of a file */
#define JOB_BOS_MAX 65534 /* and the commands */

struct ivpu_context {
	struct accel_context base;
	bool old;    /* NPU 37xx */
	bool queues; /* the kernel has command queues; else a file has one per priority */
	bool metrics, dma_range, user_memory;
	bool preempts;          /* the kernel takes buffers for preemption, */
	uint64_t preempt_bytes; /* of this size */
	_Atomic uint32_t queue_count;
	struct accel_lock file_lock; /* descriptors of buffers, and these: */
	uint32_t idle_handle;      /* a page that no job uses, */
	int idle_dmabuf;           /* for fences that have ended; -1: not needed yet */
};

struct ivpu_bo {
	struct accel_bo base; /* fd: its dma-buf, made when first needed */
	uint32_t handle;
	uint64_t address;
	bool user;            /* memory of the caller */
	bool shared;          /* others may have it: exported or imported */
	_Atomic bool running; /* the commands of a job that is with the kernel */
};

struct ivpu_queue {
	struct accel_queue base;
	uint32_t id; /* 0: none; under base.lock */
	uint32_t flags;
};

struct ivpu_job {
	struct accel_job base;
	uint32_t *handles; /* the commands', then the buffers' */
	struct drm_ivpu_cmdq_submit ask;
	bool submitted;
	_Atomic bool aborted; /* its queue was destroyed */
};

struct accel_ivpu_metrics {
	struct accel_context *context;
	_Atomic uint32_t refs;
	uint64_t groups;
	uint32_t sample_bytes;
	uint64_t bytes_max;
};

static inline struct ivpu_context *ivpu_context(struct accel_context *context)
{
	return (struct ivpu_context *)context;
}

static inline struct ivpu_bo *ivpu_bo(struct accel_bo *bo)
{
	return (struct ivpu_bo *)bo;
}

static inline struct ivpu_queue *ivpu_queue(struct accel_queue *queue)
{
	return (struct ivpu_queue *)queue;
}

static inline struct ivpu_job *ivpu_job(struct accel_job *job)
{
	return (struct ivpu_job *)job;
}

/* ivpu.c */
/* Note what an ioctl of the node that gave @err says of the device; returns @err. */
int ivpu_ioctl_failed(struct accel_context *context, int err);
/* An ioctl of the node. All of them say ENODEV when the driver was unbound, and that is noted. */
static inline int ivpu_ioctl(struct accel_context *context, unsigned long request, void *arg)
{
	const int ret = accel_core_ioctl(context->fd, request, arg);

	return ret ? ivpu_ioctl_failed(context, ret) : 0;
}
int ivpu_param(struct accel_context *context, uint32_t param, uint32_t index, uint64_t *value);
/* See whether the kernel still takes jobs of this context; notes it if not. */
void ivpu_look(struct accel_context *context);
/* Turn an errno of the kernel into one for the caller: what only our own mistake could cause,
 * and what the firmware says, is -EIO. */
int ivpu_failed(struct accel_context *context, int err, const char *call);

/* bo.c */
int ivpu_bo_init(struct accel_bo *bo, const struct accel_bo_params *params);
int ivpu_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key);
int ivpu_bo_import(struct accel_bo *bo, int dmabuf_fd);
int ivpu_bo_export(struct accel_bo *bo, int *dmabuf_fd);
int ivpu_bo_map(struct accel_bo *bo);
int ivpu_bo_address(struct accel_bo *bo, uint64_t *address);
int ivpu_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline);
int ivpu_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes);
void ivpu_bo_fini(struct accel_bo *bo);
/* See that bo->base.fd is its dma-buf. */
int ivpu_bo_need_dmabuf(struct ivpu_bo *bo);
int ivpu_ended_sync_file(struct accel_context *context, int *fd);

/* queue.c */
int ivpu_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		    int64_t deadline);
int ivpu_queue_cancel(struct accel_queue *queue);
void ivpu_queue_fini(struct accel_queue *queue);
int ivpu_queue_make(struct ivpu_queue *queue);
/* Under the lock: see that the kernel has it. */
static inline int ivpu_queue_need(struct ivpu_queue *queue)
{
	return queue->id || !ivpu_context(queue->base.context)->queues ? 0 : ivpu_queue_make(queue);
}
uint32_t ivpu_queue_priority(const struct accel_queue *queue);

/* job.c */
int ivpu_job_init(struct accel_job *job, const struct accel_job_params *params);
int ivpu_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);
void ivpu_job_fini(struct accel_job *job);
int ivpu_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
int ivpu_job_poll(struct accel_job *job, bool ended, struct accel_job_result *result);
int ivpu_job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result);
void ivpu_job_release(struct accel_job *job);
int ivpu_job_fd(struct accel_job *job, uint32_t kind, int *fd);

/* trace.c */
extern const struct accel_ioctl_name ivpu_ioctls[];

#endif
