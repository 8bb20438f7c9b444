/* SPDX-License-Identifier: MIT */
/* Legs of a pipeline: a device imports a buffer of a page, and the fence of its last job, and
 * takes it through its own memory to where the CPU looks. */
#ifndef RIG_LIBRARY_THROUGH_H
#define RIG_LIBRARY_THROUGH_H

#include "jobs.h"

struct leg {
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *in, *out;
	uint32_t *map; /* of out */
};

/* Whether there is a device of this driver, and the name of the first. */
bool has_device(const char *driver, char *name, size_t bytes);

void leg_open(struct leg *leg, const char *id, const struct accel_ext *queue_ext, int dmabuf);
/* Run @job after @sync_file; then each word of out is @value. The job ends here. */
void leg_run(struct leg *leg, struct accel_job *job, int sync_file, uint32_t value);
void leg_close(struct leg *leg);

void through_soft(int dmabuf, int sync_file, uint32_t value);
/* Does nothing where there is no such device. */
void through_qaic(int dmabuf, int sync_file, uint32_t value);

#endif
