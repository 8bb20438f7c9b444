/* SPDX-License-Identifier: MIT */
/* Legs of a pipeline, and the one through the software device. */
#include "through.h"

#include <accel/soft.h>

#define WAIT_MS 60000

bool has_device(const char *driver, char *name, size_t bytes)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *devices[16];
	bool found = false;
	int count, i;

	count = accel_device_scan(0, devices, 16);
	check(count >= 0 && count <= 16);
	for (i = 0; i < count; i++) {
		gives(accel_device_get_info(devices[i], &info), 0);
		if (!found && !strcmp(info.driver, driver)) {
			snprintf(name, bytes, "%s", info.name);
			found = true;
		}
		accel_device_unref(devices[i]);
	}
	return found;
}

void leg_open(struct leg *leg, const char *id, const struct accel_ext *queue_ext, int dmabuf)
{
	struct accel_queue_params queue = {.size = sizeof(queue), .ext = queue_ext};
	struct accel_bo_params out = {.size = sizeof(out), .bytes = PAGE};
	struct accel_device *device;
	void *map;

	gives(accel_device_find(id, &device), 0);
	gives(accel_open(device, NULL, soon(WAIT_MS), &leg->context), 0);
	accel_device_unref(device);
	gives(accel_queue_create(leg->context, &queue, soon(WAIT_MS), &leg->queue), 0);
	gives(accel_bo_import(leg->context, dmabuf, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ,
			      &leg->in),
	      0);
	out.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE |
		    ACCEL_BO_ZERO;
	gives(accel_bo_create(leg->context, &out, &leg->out), 0);
	gives(accel_bo_map(leg->out, &map), 0);
	leg->map = map;
}

void leg_run(struct leg *leg, struct accel_job *job, int sync_file, uint32_t value)
{
	struct accel_submit_params after = {.size = sizeof(after), .wait_count = 1};
	struct accel_fence *before, *fence;
	unsigned int i;

	gives(accel_fence_import_fd(sync_file, 0, &before), 0);
	after.wait = &before;
	gives(accel_submit(leg->queue, &job, 1, &after, &fence), 1);
	gives(accel_fence_wait(fence, soon(WAIT_MS)), 0);
	gives(accel_fence_status(before), 0);
	gives(accel_bo_begin_access(leg->out, ACCEL_ACCESS_READ, 0, PAGE, 0), 0);
	for (i = 0; i < PAGE / sizeof(*leg->map); i++)
		gives(leg->map[i], value);
	gives(accel_bo_end_access(leg->out, ACCEL_ACCESS_READ, 0, PAGE), 0);
	accel_fence_unref(before);
	accel_fence_unref(fence);
	accel_job_unref(job);
}

void leg_close(struct leg *leg)
{
	accel_bo_unref(leg->in);
	accel_bo_unref(leg->out);
	accel_queue_unref(leg->queue);
	accel_context_unref(leg->context);
}

void through_soft(int dmabuf, int sync_file, uint32_t value)
{
	const struct accel_soft_copy code = {.head = {ACCEL_SOFT_COPY, 0, sizeof(code)},
					     .dst = {.bo = 1},
					     .src = {.bo = 0},
					     .bytes = PAGE};
	struct accel_bo_params commands = {.size = sizeof(commands),
					   .bytes = sizeof(code),
					   .contents = &code,
					   .flags = ACCEL_BO_COMMANDS};
	struct accel_bo_ref bos[2] = {{.access = ACCEL_ACCESS_READ},
				      {.access = ACCEL_ACCESS_WRITE}};
	struct accel_job_params params = {
		.size = sizeof(params), .bos = bos, .bo_count = 2, .bytes = sizeof(code)};
	struct accel_job *job;
	struct leg leg;

	leg_open(&leg, "soft:0", NULL, dmabuf);
	bos[0].bo = leg.in;
	bos[1].bo = leg.out;
	gives(accel_bo_create(leg.context, &commands, &params.commands), 0);
	gives(accel_job_create(leg.queue, &params, &job), 0);
	accel_bo_unref(params.commands);
	leg_run(&leg, job, sync_file, value);
	leg_close(&leg);
}
