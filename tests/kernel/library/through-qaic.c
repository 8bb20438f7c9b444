/* SPDX-License-Identifier: MIT */
/* The leg of a pipeline through the memory of a qaic card, as the rig's model of it has it. */
#include "through.h"

#include <accel/qaic.h>

/* The rig's (tests/kernel/models/qaic.h). */
#define MEMORY  0x40000000ull
#define RELEASE 5

static struct accel_job *make_job(struct leg *leg)
{
	const struct accel_qaic_slice slice = {.bytes = PAGE, .device_address = MEMORY};
	const struct accel_qaic_transfer transfers[2] = {{.slices = &slice, .count = 1},
							 {.slices = &slice, .count = 1}};
	const struct accel_qaic_job ext = {.head = {sizeof(ext), ACCEL_QAIC_JOB},
					   .transfers = transfers};
	const struct accel_bo_ref bos[2] = {{leg->in, ACCEL_ACCESS_READ, 0},
					    {leg->out, ACCEL_ACCESS_WRITE, 0}};
	struct accel_job_params params = {
		.size = sizeof(params), .bos = bos, .bo_count = 2, .ext = &ext.head};
	struct accel_job *job;

	gives(accel_job_create(leg->queue, &params, &job), 0);
	return job;
}

void through_qaic(int dmabuf, int sync_file, uint32_t value)
{
	static const uint32_t release[4] = {RELEASE};
	const struct accel_qaic_part part = {
		.kind = ACCEL_QAIC_PASSTHROUGH, .bytes = sizeof(release), .data = release};
	const struct accel_qaic_queue ext = {.head = {sizeof(ext), ACCEL_QAIC_QUEUE},
					     .release = &part,
					     .release_count = 1,
					     .release_channel = sizeof(uint32_t)};
	struct leg leg;
	char id[64];

	if (!has_device("qaic", id, sizeof(id)))
		return;
	leg_open(&leg, id, &ext.head, dmabuf);
	leg_run(&leg, make_job(&leg), sync_file, value);
	leg_close(&leg);
}
