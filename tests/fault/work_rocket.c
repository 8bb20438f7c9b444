/* SPDX-License-Identifier: MIT */
/* Jobs for rocket, as the rig's model of it runs them; one has its list as a task. */
#include "fault.h"

#include <accel/rocket.h>
#include <string.h>

#include "../conformance/workload.h"

#define TASK SUITE_KINDS

static int as_task(struct request *request, void *data)
{
	const struct accel_rocket_task *task = data;
	const struct accel_rocket_job ext = {
		.head = {sizeof(ext), ACCEL_ROCKET_JOB}, .task_count = 1, .tasks = task};

	memcpy(request->ext, &ext, sizeof(ext));
	request->params.ext = (const struct accel_ext *)(const void *)request->ext;
	return 0;
}

static int make(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	struct accel_rocket_task task = {.offset = 0, .words = 6}; /* one copy */

	if (kind != TASK)
		return suite_make(&workload_rocket, context, queue, kind, in, out, job);
	return suite_make_copy(&workload_rocket, context, queue, kind, in, out, as_task, &task,
			       job);
}

static bool verify(unsigned int kind, const void *in, const void *out)
{
	return kind == TASK ? suite_verify_copy(kind, in, out) : suite_verify(kind, in, out);
}

static void vendor(struct accel_context *context)
{
	struct accel_rocket_info info = {.size = sizeof(info)};
	const int nothing[] = {0};

	check("accel_rocket_get_info", accel_rocket_get_info(context, &info), nothing);
	if (info.cores && info.cores != 3)
		complain("there are three cores, not %u", info.cores);
}

const struct work work_rocket = {
	.driver = "rocket",
	.count = SUITE_KINDS + 1,
	.out = 0,
	.by_index = 0,
	.fill = suite_fill,
	.make = make,
	.verify = verify,
	.vendor = vendor,
};
