/* SPDX-License-Identifier: MIT */
/* Jobs for the rig's devices through libaccel. */
#include "jobs.h"

#include <accel/ivpu.h>
#include <accel/qaic.h>
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <time.h>

int rig_exit_when_failed = 1;

void failed(const char *file, int line, const char *text)
{
	struct accel_error error = {.size = sizeof(error)};

	accel_last_error(&error);
	fprintf(stderr, "%s:%d: not true: %s (last error: %s)\n", file, line, text, error.text);
	_Exit(rig_exit_when_failed);
}

int rig_exit_when_lost;

void differs(const char *file, int line, const char *text, long long got, long long want)
{
	struct accel_error error = {.size = sizeof(error)};

	if (rig_exit_when_lost && got == -ESTALE)
		_Exit(rig_exit_when_lost);
	accel_last_error(&error);
	fprintf(stderr, "%s:%d: %s is %lld, not %lld (last error: %s)\n", file, line, text, got,
		want, error.text);
	_Exit(rig_exit_when_failed);
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t soon(int64_t ms)
{
	return now_ns() + ms * 1000000;
}

unsigned int count_fds(void)
{
	unsigned int count = 0;
	DIR *dir = opendir("/proc/self/fd");

	check(dir != NULL);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* itself, "." and ".." */
}

/* ---- objects --------------------------------------------------------------------------------- */

static struct accel_bo *make_bo(struct rig *rig, uint32_t flags, unsigned char **map)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_bo *bo;
	void *at;

	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
		       ACCEL_BO_DEVICE_WRITE | flags;
	params.bytes = PAGE;
	gives(accel_bo_create(rig->context, &params, &bo), 0);
	gives(accel_bo_map(bo, &at), 0);
	*map = at;
	return bo;
}

/* Its channels are given back by a message of their own. */
static int make_queue(struct rig *rig)
{
	const struct rig_qaic_command release = {.op = RIG_QAIC_RELEASE};
	const struct accel_qaic_part part = {ACCEL_QAIC_PASSTHROUGH, 0, sizeof(release), &release};
	const struct accel_qaic_queue ext = {
		.head = {sizeof(ext), ACCEL_QAIC_QUEUE},
		.release = &part,
		.release_count = 1,
		.release_channel = offsetof(struct rig_qaic_command, dbc),
	};
	const struct accel_queue_params params = {.size = sizeof(params),
						  .ext = rig->qaic ? &ext.head : NULL};

	return accel_queue_create(rig->context, &params, ACCEL_NO_DEADLINE, &rig->queue);
}

void rig_open(struct rig *rig, const char *name, uint32_t open_flags, uint32_t bo_flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = open_flags};
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device;

	memset(rig, 0, sizeof(*rig));
	rig->name = name;
	gives(accel_device_find(name, &device), 0);
	gives(accel_open(device, &params, soon(5000), &rig->context), 0);
	gives(accel_device_get_info(device, &info), 0);
	rig->rocket = !strcmp(info.driver, "rocket");
	rig->qaic = !strcmp(info.driver, "qaic");
	rig->ivpu = !strcmp(info.driver, "intel_vpu");
	accel_device_unref(device);
	gives(make_queue(rig), 0);
	rig_renew(rig, bo_flags);
}

void rig_renew(struct rig *rig, uint32_t bo_flags)
{
	rig->dst = make_bo(rig, bo_flags, &rig->to);
	rig->src = make_bo(rig, 0, &rig->from);
}

void rig_close(struct rig *rig)
{
	accel_bo_unref(rig->dst);
	accel_bo_unref(rig->src);
	accel_queue_unref(rig->queue);
	accel_context_unref(rig->context);
}

/* ---- commands ----------------------------------------------------------------------------------- */

static size_t ethosu_stream(uint32_t *words, uint64_t bytes, const struct rig_fault *faults,
			    unsigned int count)
{
	uint32_t *w = words;
	unsigned int i, j;

	for (i = 0; i < count; i++) {
		*w++ = RIG_ETHOSU_FAULT | (uint32_t)faults[i].kind << 16;
		*w++ = faults[i].value;
		for (j = 0; j < 16; j++) /* what is slow is so at each command */
			*w++ = 0x11;
	}
	*w++ = 0x130 | 1 << 16;
	*w++ = 0x131;
	*w++ = 0x4030, *w++ = 0;
	*w++ = 0x4031, *w++ = 0;
	*w++ = 0x4032, *w++ = (uint32_t)bytes;
	*w++ = 0x10;
	*w++ = 0x11;
	*w++ = 0;
	return (size_t)(w - words) * sizeof(*w);
}

static uint64_t entry(unsigned int block, unsigned int reg, uint64_t value)
{
	return (uint64_t)block << 48 | (value & 0xffffffff) << 16 | reg;
}

static size_t rocket_list(struct rig *rig, uint64_t *words, uint64_t bytes,
			  const struct rig_fault *faults, unsigned int count)
{
	uint64_t *w = words, to, from;
	unsigned int i;

	gives(accel_bo_address(rig->dst, &to), 0);
	gives(accel_bo_address(rig->src, &from), 0);
	for (i = 0; i < count; i++)
		*w++ = entry(RIG_ROCKET_FAULT, faults[i].kind, faults[i].value);
	*w++ = entry(0x0201, 0x1070, from);
	*w++ = entry(0x1001, 0x4020, to);
	*w++ = entry(0x1001, 0x4030, bytes - 1);
	*w++ = entry(0x1001, 0x4034, 0);
	*w++ = entry(0x1001, 0x403c, 0);
	*w++ = entry(0x0081, 0x0008, 0x1d);
	if ((w - words) % 2)
		*w++ = 0;
	return (size_t)(w - words) * sizeof(*w);
}

/* By way of the device's memory. */
static struct accel_job *qaic_job(struct rig *rig, uint64_t bytes)
{
	const struct accel_bo_ref bos[] = {{rig->src, ACCEL_ACCESS_READ, 0},
					   {rig->dst, ACCEL_ACCESS_WRITE, 0}};
	const struct accel_qaic_slice slice = {.bytes = bytes, .device_address = RIG_QAIC_MEMORY};
	const struct accel_qaic_transfer transfers[] = {{.slices = &slice, .count = 1},
							{.slices = &slice, .count = 1}};
	const struct accel_qaic_job ext = {.head = {sizeof(ext), ACCEL_QAIC_JOB},
					   .transfers = transfers};
	const struct accel_job_params params = {
		.size = sizeof(params), .bos = bos, .bo_count = 2, .ext = &ext.head};
	struct accel_job *job;

	gives(accel_job_create(rig->queue, &params, &job), 0);
	return job;
}

static struct accel_job *ivpu_job(struct rig *rig, uint64_t bytes, const struct rig_fault *faults,
				  unsigned int count)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	struct accel_job *job;
	unsigned int i;

	gives(accel_ivpu_list_create(rig->context, &list), 0);
	for (i = 0; i < count; i++)
		gives(accel_ivpu_list_inference(list, rig->src, 0, 1,
						(uint64_t)RIG_IVPU_FAULT << 48 |
							(uint64_t)faults[i].kind << 32 |
							faults[i].value),
		      0);
	gives(accel_ivpu_list_copy(list, rig->dst, 0, rig->src, 0, bytes), 0);
	gives(accel_ivpu_list_finish(list, &params), 0);
	gives(accel_job_create(rig->queue, &params, &job), 0);
	accel_bo_unref(params.commands);
	accel_ivpu_list_unref(list);
	return job;
}

struct accel_job *rig_job(struct rig *rig, uint64_t bytes, const struct rig_fault *faults,
			  unsigned int count)
{
	const struct accel_bo_ref bos[] = {{rig->dst, ACCEL_ACCESS_WRITE, 0},
					   {rig->src, ACCEL_ACCESS_READ, 0}};
	struct accel_job_params params = {.size = sizeof(params), .bos = bos, .bo_count = 2};
	struct accel_bo_params commands = {.size = sizeof(commands)};
	uint64_t words[128];
	struct accel_job *job;

	if (rig->qaic)
		return qaic_job(rig, bytes);
	if (rig->ivpu)
		return ivpu_job(rig, bytes, faults, count);
	commands.flags = ACCEL_BO_COMMANDS;
	commands.contents = words;
	commands.bytes = rig->rocket ? rocket_list(rig, words, bytes, faults, count)
				     : ethosu_stream((uint32_t *)words, bytes, faults, count);
	gives(accel_bo_create(rig->context, &commands, &params.commands), 0);
	params.bytes = commands.bytes;
	gives(accel_job_create(rig->queue, &params, &job), 0);
	accel_bo_unref(params.commands);
	return job;
}

struct accel_job *rig_slow(struct rig *rig, unsigned int us)
{
	const struct rig_fault slow = {RIG_FAULT_SLOW, us};

	return rig_job(rig, PAGE, &slow, 1);
}

struct accel_job *rig_hang(struct rig *rig)
{
	const struct rig_fault hang = {RIG_FAULT_HANG, 0};

	return rig_job(rig, PAGE, &hang, 1);
}

struct accel_job *rig_fail(struct rig *rig)
{
	struct rig_fault faults[] = {{RIG_FAULT_SLOW, 4000}, {RIG_FAULT_BUS, 0}};

	if (rig->ivpu)
		faults[1] = (struct rig_fault){RIG_FAULT_STATUS, 1};
	return rig->rocket ? rig_hang(rig) : rig_job(rig, PAGE, faults, 2);
}

/* ---- running ---------------------------------------------------------------------------------------- */

struct accel_fence *rig_submit(struct rig *rig, struct accel_job *job)
{
	struct accel_fence *fence;

	gives(accel_submit(rig->queue, &job, 1, NULL, &fence), 1);
	return fence;
}

int rig_submit_after(struct rig *rig, struct accel_job *job, struct accel_fence *wait,
		     struct accel_fence **fence)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &wait, .wait_count = 1};

	return accel_submit(rig->queue, &job, 1, &params, fence);
}

uint32_t rig_outcome(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	gives(accel_job_get_result(job, &result), 0);
	return result.outcome;
}

void rig_works(struct rig *rig, unsigned char value)
{
	struct accel_job *job = rig_job(rig, PAGE, NULL, 0);
	struct accel_fence *fence;
	unsigned int i;

	gives(accel_bo_begin_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE, soon(5000)), 0);
	memset(rig->from, value, PAGE);
	gives(accel_bo_end_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE), 0);
	fence = rig_submit(rig, job);
	gives(accel_fence_wait(fence, soon(20000)), 0);
	gives(accel_bo_begin_access(rig->dst, ACCEL_ACCESS_READ, 0, PAGE, soon(5000)), 0);
	for (i = 0; i < PAGE; i++)
		gives(rig->to[i], value);
	gives(accel_bo_end_access(rig->dst, ACCEL_ACCESS_READ, 0, PAGE), 0);
	accel_fence_unref(fence);
	accel_job_unref(job);
}
