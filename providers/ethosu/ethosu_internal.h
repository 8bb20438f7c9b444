/* SPDX-License-Identifier: MIT */
/* What the files of the ethosu provider share. */
#ifndef ETHOSU_INTERNAL_H
#define ETHOSU_INTERNAL_H

#include <accel/ethosu.h>
#include <drm/ethosu_accel.h>

#include "provider.h"
#include "stream.h"

#define NAME "ethosu"

struct ethosu_context {
	struct accel_context base;
	/* A submission and the taking of its fence are one: another job that writes the same
	 * buffer replaces the fence. Also the descriptors of buffers. */
	struct accel_lock file_lock;
	struct drm_ethosu_npu_info npu;
	bool u65;
	uint32_t idle_handle; /* a page that no job uses, */
	int idle_dmabuf;      /* for fences that have ended; -1: not needed yet */
};

struct ethosu_bo {
	struct accel_bo base; /* fd: its dma-buf, made when first needed */
	uint32_t handle;
	bool shared;                 /* others may have it: exported or imported */
	struct ethosu_stream stream; /* of commands: a copy, words is ours */
};

struct ethosu_job {
	struct accel_job base;
	struct drm_ethosu_job kernel; /* as it is submitted, */
	struct drm_ethosu_submit ask; /* by this, of which the kernel changes nothing */
	struct accel_ethosu_perfmon *perfmon;
	uint8_t region[REGIONS]; /* of each buffer */
	struct ethosu_bo *out;   /* the buffer whose fence is taken */
	struct accel_job_end end;
};

struct accel_ethosu_perfmon {
	struct accel_context *context;
	_Atomic uint32_t refs;
	uint32_t id;
	uint32_t count; /* of events */
};

static inline struct ethosu_context *ethosu_context(struct accel_context *context)
{
	return (struct ethosu_context *)context;
}

static inline struct ethosu_bo *ethosu_bo(struct accel_bo *bo)
{
	return (struct ethosu_bo *)bo;
}

static inline struct ethosu_job *ethosu_job(struct accel_job *job)
{
	return (struct ethosu_job *)job;
}

/* bo.c */
int ethosu_bo_init(struct accel_bo *bo, const struct accel_bo_params *params);
int ethosu_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key);
int ethosu_bo_import(struct accel_bo *bo, int dmabuf_fd);
int ethosu_bo_export(struct accel_bo *bo, int *dmabuf_fd);
int ethosu_bo_map(struct accel_bo *bo);
int ethosu_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		    int64_t deadline);
void ethosu_bo_fini(struct accel_bo *bo);
/* Under file_lock: see that bo->base.fd is its dma-buf. */
int ethosu_bo_need_dmabuf(struct ethosu_bo *bo);
/* BO_WAIT: 0 nothing uses it, -ETIME. */
int ethosu_bo_wait(struct ethosu_bo *bo, int64_t deadline);

/* job.c */
int ethosu_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline);
int ethosu_job_init(struct accel_job *job, const struct accel_job_params *params);
int ethosu_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);
void ethosu_job_fini(struct accel_job *job);
int ethosu_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
int ethosu_job_poll(struct accel_job *job, bool ended, struct accel_job_result *result);
int ethosu_job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result);
void ethosu_job_release(struct accel_job *job);
int ethosu_job_fd(struct accel_job *job, uint32_t kind, int *fd);
int ethosu_ended_sync_file(struct accel_context *context, int *fd);

/* trace.c */
extern const struct accel_ioctl_name ethosu_ioctls[];

#endif
