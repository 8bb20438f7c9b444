/* SPDX-License-Identifier: MIT */
/* Running a job whose every byte is known beforehand, and looking at every byte. */
#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_NS 100000000 /* between two calls of progress() */

static const struct job_maker *const makers[] = {&job_soft, &job_ethosu};

static const struct job_maker *find_maker(const struct accel_device_info *info)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(makers); i++)
		if (makers[i]->serves(info))
			return makers[i];
	return NULL;
}

const char *job_kind_name(enum job_kind kind)
{
	static const char *const name[] = {"fill", "copy", "matmul"};

	return kind < JOB_KINDS ? name[kind] : "none";
}

enum job_kind job_default(const struct accel_device_info *info)
{
	const struct job_maker *maker = find_maker(info);
	struct job_shape shape = {.kind = JOB_COPY, .bytes = 4096};
	uint64_t scratch[JOB_COMMANDS / 8];

	return maker && maker->commands(&shape, scratch) > 0 ? JOB_COPY : JOB_KINDS;
}

/* ---- what is in the buffers -------------------------------------------------------- */

struct work {
	const struct job_shape *shape;
	unsigned int bos;
	uint64_t bytes[JOB_BOS];
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *bo[JOB_BOS], *commands;
	struct accel_job *job;
	uint8_t *expected; /* of buffer 0 */
};

static void measure(struct work *work)
{
	const struct job_shape *shape = work->shape;
	const uint64_t square = (uint64_t)shape->n * shape->n;

	work->bos = shape->kind == JOB_FILL ? 1 : shape->kind == JOB_COPY ? 2 : 3;
	work->bytes[0] = shape->kind == JOB_MATMUL ? square * sizeof(int32_t) : shape->bytes;
	work->bytes[1] = shape->kind == JOB_MATMUL ? square : shape->bytes;
	work->bytes[2] = square;
}

/* The same bytes in every run, all different enough that a shifted copy is noticed. */
static void scatter(uint8_t *to, uint64_t bytes, uint32_t seed)
{
	uint32_t value = seed;
	uint64_t i;

	for (i = 0; i < bytes; i++) {
		value = value * 1664525 + 1013904223;
		to[i] = (uint8_t)(value >> 24);
	}
}

static int64_t load_s8(const uint8_t *at)
{
	return *at < 128 ? *at : (int64_t)*at - 256;
}

static void multiply(int32_t *c, const uint8_t *a, const uint8_t *b, uint32_t n)
{
	uint32_t i, j, k;
	int64_t left;

	memset(c, 0, (size_t)n * n * sizeof(*c));
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			left = load_s8(&a[(size_t)i * n + k]);
			for (j = 0; j < n; j++)
				c[(size_t)i * n + j] +=
					(int32_t)(left * load_s8(&b[(size_t)k * n + j]));
		}
}

/* Make the buffers that are read, and what is to come out. */
static int make_buffers(struct work *work)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	uint8_t *contents[JOB_BOS] = {NULL};
	unsigned int i;
	int ret = -ENOMEM;
	uint64_t at;

	for (i = 0; i < work->bos; i++) {
		contents[i] = calloc(1, work->bytes[i]);
		if (!contents[i])
			goto out;
		if (i)
			scatter(contents[i], work->bytes[i], i);
	}
	for (i = 0; i < work->bos; i++) {
		params.bytes = work->bytes[i];
		params.contents = contents[i];
		params.flags = i ? ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ
				 : ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_WRITE;
		ret = accel_bo_create(work->context, &params, &work->bo[i]);
		if (ret)
			goto out;
	}
	if (work->shape->kind == JOB_FILL)
		for (at = 0; at < work->bytes[0]; at++)
			contents[0][at] = (uint8_t)(JOB_PATTERN >> 8 * (at % 4));
	else if (work->shape->kind == JOB_COPY)
		memcpy(contents[0], contents[1], work->bytes[0]);
	else
		multiply((int32_t *)(void *)contents[0], contents[1], contents[2], work->shape->n);
	work->expected = contents[0];
	contents[0] = NULL;
out:
	for (i = 0; i < work->bos; i++)
		free(contents[i]);
	return ret;
}

static int make_job(struct work *work, const void *commands, int bytes)
{
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_COMMANDS,
		.bytes = (uint64_t)bytes,
		.contents = commands,
	};
	struct accel_bo_ref refs[JOB_BOS] = {{0}};
	struct accel_job_params job = {
		.size = sizeof(job), .bytes = (uint64_t)bytes, .bos = refs, .bo_count = work->bos};
	unsigned int i;
	int ret;

	ret = accel_bo_create(work->context, &params, &work->commands);
	if (ret)
		return ret;
	for (i = 0; i < work->bos; i++) {
		refs[i].bo = work->bo[i];
		refs[i].access = i ? ACCEL_ACCESS_READ : ACCEL_ACCESS_WRITE;
	}
	job.commands = work->commands;
	return accel_job_create(work->queue, &job, &work->job);
}

/* Count what is wrong in buffer 0, and spoil it for the next job. */
static int check(struct work *work, struct job_result *result)
{
	uint8_t *seen;
	uint64_t i;
	int ret;

	ret = accel_bo_map(work->bo[0], (void **)&seen);
	if (!ret)
		ret = accel_bo_begin_access(work->bo[0], ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0,
					    work->bytes[0], ACCEL_NO_DEADLINE);
	if (ret)
		return ret;
	if (memcmp(seen, work->expected, work->bytes[0]))
		for (i = 0; i < work->bytes[0]; i++)
			result->wrong += seen[i] != work->expected[i];
	result->bytes += work->bytes[0];
	memset(seen, 0, work->bytes[0]);
	return accel_bo_end_access(work->bo[0], ACCEL_ACCESS_WRITE, 0, work->bytes[0]);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int wait_for(struct accel_fence *fence, const struct job_request *request, uint64_t done)
{
	int64_t slice;
	int ret;

	for (;;) {
		slice = now() + SLICE_NS;
		ret = accel_fence_wait(fence,
				       slice < request->deadline ? slice : request->deadline);
		if (request->progress)
			request->progress(request->data, done);
		if (ret != -ETIME || slice >= request->deadline)
			return ret;
	}
}

static int run_once(struct work *work, const struct job_request *request, struct job_result *result)
{
	struct accel_job_result end = {.size = sizeof(end)};
	const int64_t start = now();
	struct accel_fence *fence;
	int ret;

	result->step = "submitting the job";
	ret = accel_submit(work->queue, &work->job, 1, NULL, &fence);
	if (ret < 0)
		return ret;
	result->step = "the job";
	ret = wait_for(fence, request, result->done);
	accel_fence_unref(fence);
	if (!accel_job_get_result(work->job, &end))
		result->outcome = end.outcome;
	if (ret)
		return ret;
	result->ns += (uint64_t)(now() - start);
	result->done++;
	result->step = "reading what the job wrote";
	return check(work, result);
}

int job_run(struct accel_device *device, const struct job_request *request,
	    struct job_result *result)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct work work = {.shape = &request->shape};
	uint64_t commands[JOB_COMMANDS / 8];
	const struct job_maker *maker;
	unsigned int i;
	int ret, bytes;

	*result = (struct job_result){.step = "opening the device"};
	measure(&work);
	for (i = 0; i < work.bos; i++)
		result->moved += work.bytes[i];
	ret = accel_open(device, NULL, request->deadline, &work.context);
	if (ret)
		return ret;
	/* Some drivers are known by name only now. */
	accel_device_get_info(device, &info);
	snprintf(result->driver, sizeof(result->driver), "%s", info.driver);
	maker = find_maker(&info);
	bytes = maker ? maker->commands(&request->shape, commands) : -EOPNOTSUPP;
	if (bytes < 0) {
		result->step = NULL;
		ret = bytes;
		goto out;
	}
	result->step = "making a queue";
	ret = accel_queue_create(work.context, NULL, request->deadline, &work.queue);
	if (!ret) {
		result->step = "making the buffers";
		ret = make_buffers(&work);
	}
	if (!ret) {
		result->step = "making the job";
		ret = make_job(&work, commands, bytes);
	}
	for (i = 0; !ret && result->done < request->count; i++)
		ret = run_once(&work, request, result);
	/* Else giving it back would wait for the watchdog. */
	if (ret == -ETIME)
		accel_queue_cancel(work.queue, 0);
	if (!ret)
		result->step = NULL;
out:
	accel_job_unref(work.job);
	accel_bo_unref(work.commands);
	for (i = 0; i < JOB_BOS; i++)
		accel_bo_unref(work.bo[i]);
	accel_queue_unref(work.queue);
	accel_context_unref(work.context);
	free(work.expected);
	return ret;
}
