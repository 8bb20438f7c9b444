/* SPDX-License-Identifier: MIT */
/*
 * A made-up kernel with the driver intel_vpu, for the provider's calls: it keeps what it is told,
 * and answers what the test says. Its jobs end when the test says, or in a wait.
 */
#ifndef IVPU_KERNEL_H
#define IVPU_KERNEL_H

#include <drm/ivpu_accel.h>

#include "ivpu_internal.h"
#include "support.h"

#define KERNEL_BOS    64
#define KERNEL_QUEUES 256

struct kernel_bo {
	bool used, user, imported;
	_Atomic bool pending;
	uint64_t bytes, address;
	uint32_t flags, status;
	uint32_t queue; /* of the job that is pending on it */
	int fence; /* an eventfd, readable while nothing is pending; stands for the dma-buf, too */
};

struct kernel {
	/* ---- what it is to do; set it before the context is opened */
	uint64_t device;
	bool queues, old; /* old: knows no capabilities */
	uint64_t preempt_bytes;
	bool faulted; /* says EBADFD to submissions */
	unsigned long fail_request;
	int fail_err;
	unsigned int fail_skip, fail_count;
	uint32_t wait_status; /* of jobs that end while they are waited for, */
	bool patient;         /* unless waits are only for those that the test ends */
	bool reset;           /* metric streams are gone */
	/* ---- what it was told */
	struct kernel_bo bos[KERNEL_BOS]; /* by handle; 0 is none */
	bool queue[KERNEL_QUEUES];        /* by id */
	struct drm_ivpu_cmdq_create created;
	struct drm_ivpu_submit submit;
	struct drm_ivpu_cmdq_submit cmdq_submit;
	struct drm_ivpu_metric_streamer_start started;
	uint32_t handles[64]; /* of the last submission */
	uint64_t streaming;   /* the groups of the stream */
	unsigned int submits, waits, destroys, probes;
};
extern struct kernel kernel;

/* Set the seam, a device and the kernel up; check that nothing is left. */
int kernel_setup(void **state);
int kernel_teardown(void **state);
struct accel_context *kernel_open(uint32_t flags);
/* Have the @count next calls of @request, after @skip, fail with @err. */
void kernel_fail(unsigned long request, unsigned int skip, unsigned int count, int err);
/* End what is pending on the buffer. */
void kernel_end(struct accel_bo *bo, uint32_t status);
struct kernel_bo *kernel_bo(struct accel_bo *bo);
/* A dma-buf of somebody else: an eventfd, which is readable while nothing is pending on it. */
int kernel_foreign(uint64_t bytes);

#endif
