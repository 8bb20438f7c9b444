/* SPDX-License-Identifier: MIT */
/*
 * accel-stress: threads that make, use and give up objects of the software device in random
 * order, each thread taking from and leaving in tables that all share. It has no result but
 * that it ends: run it under a sanitizer or valgrind.
 *
 * usage: accel-stress [STEPS [SEED]]
 */
#include <accel/soft.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, CONTEXTS = 2, SLOTS = 64, BATCH = 3, WAITS = 3, BYTES = 4096 };

#define BO_FLAGS                                                                                   \
	(ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define BOTH (ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE)

/* Slot i of queues and buffers belongs to context i % CONTEXTS. */
static struct {
	pthread_mutex_t lock;
	struct accel_queue *queue[SLOTS];
	struct accel_bo *bo[SLOTS];
	struct accel_job *job[SLOTS];
	struct accel_fence *fence[SLOTS];
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct accel_context *contexts[CONTEXTS];
static long steps = 20000;

static void must(const char *what, int result)
{
	struct accel_error error = { .size = sizeof(error) };

	if (result >= 0)
		return;
	accel_last_error(&error);
	printf("stress: %s: %d (%s)\n", what, result, error.text);
	abort();
}

/* TYPE_take(): a reference to what is in a slot, or NULL. TYPE_leave(): put a reference into
 * a slot, and give up the one that was there. */
#define TABLE(type)                                                                                \
	static struct accel_##type *type##_take(unsigned int slot)                                 \
	{                                                                                          \
		struct accel_##type *got;                                                          \
                                                                                                   \
		pthread_mutex_lock(&shared.lock);                                                  \
		got = accel_##type##_ref(shared.type[slot]);                                       \
		pthread_mutex_unlock(&shared.lock);                                                \
		return got;                                                                        \
	}                                                                                          \
                                                                                                   \
	static void type##_leave(unsigned int slot, struct accel_##type *object)                   \
	{                                                                                          \
		struct accel_##type *before;                                                       \
                                                                                                   \
		pthread_mutex_lock(&shared.lock);                                                  \
		before = shared.type[slot];                                                        \
		shared.type[slot] = object;                                                        \
		pthread_mutex_unlock(&shared.lock);                                                \
		accel_##type##_unref(before);                                                      \
	}

TABLE(queue)
TABLE(bo)
TABLE(job)
TABLE(fence)

static unsigned int any(unsigned int *seed, unsigned int below)
{
	return (unsigned int)rand_r(seed) % below;
}

/* ---- steps --------------------------------------------------------------------------------- */

static void make_queue(unsigned int *seed)
{
	const unsigned int slot = any(seed, SLOTS);
	struct accel_queue_params params = { .size = sizeof(params) };
	struct accel_queue *queue;

	params.priority = (int32_t)any(seed, 5) - 2;
	params.depth = 1 + any(seed, 8);
	must("queue", accel_queue_create(contexts[slot % CONTEXTS], &params, 0, &queue));
	queue_leave(slot, queue);
}

static void make_bo(unsigned int *seed)
{
	const unsigned int slot = any(seed, SLOTS);
	struct accel_bo_params params = { .size = sizeof(params), .flags = BO_FLAGS };
	struct accel_bo *bo;

	if (!any(seed, 4))
		params.flags |= ACCEL_BO_SHARE;
	params.bytes = BYTES;
	must("buffer", accel_bo_create(contexts[slot % CONTEXTS], &params, &bo));
	bo_leave(slot, bo);
}

static int host(const struct accel_soft_call *call)
{
	int i;

	for (i = 0; i < 1000; i++)
		if (call->should_stop(call))
			return 0;
	return call->data ? -EIO : 0;
}

/* A job of @queue, which is of context @slot % CONTEXTS. */
static struct accel_job *make_job(unsigned int *seed, struct accel_queue *queue, unsigned int slot)
{
	struct accel_soft_host_job call = {
		.head = { sizeof(call), ACCEL_SOFT_HOST_JOB },
		.fn = host,
		.data = any(seed, 10) ? NULL : &shared,
	};
	struct accel_job_params params = { .size = sizeof(params) };
	struct accel_bo_ref bo = { .access = BOTH };
	struct accel_job *job;

	bo.bo = bo_take(any(seed, SLOTS / CONTEXTS) * CONTEXTS + slot % CONTEXTS);
	if (bo.bo) {
		params.bos = &bo;
		params.bo_count = 1;
	}
	if (!any(seed, 4))
		params.ext = &call.head;
	must("job", accel_job_create(queue, &params, &job));
	accel_bo_unref(bo.bo);
	return job;
}

static void submit(unsigned int *seed)
{
	const unsigned int slot = any(seed, SLOTS);
	struct accel_submit_params params = { .size = sizeof(params) };
	struct accel_queue *queue = queue_take(slot);
	struct accel_job *jobs[BATCH];
	struct accel_fence *wait[WAITS], *fence = NULL;
	unsigned int i, waits = 0;
	int ret;

	if (!queue)
		return;
	for (i = 0; i < BATCH; i++)
		jobs[i] = make_job(seed, queue, slot);
	for (i = any(seed, WAITS + 1); i; i--) {
		wait[waits] = fence_take(any(seed, SLOTS));
		if (wait[waits])
			waits++;
	}
	params.wait = wait;
	params.wait_count = waits;
	ret = accel_submit(queue, jobs, BATCH, &params, any(seed, 4) ? &fence : NULL);
	if (ret != -EAGAIN)
		must("submit", ret);
	if (fence)
		fence_leave(any(seed, SLOTS), fence);
	while (waits--)
		accel_fence_unref(wait[waits]);
	for (i = 0; i < BATCH; i++) {
		if (any(seed, 2))
			accel_job_unref(jobs[i]);
		else
			job_leave(any(seed, SLOTS), jobs[i]);
	}
	accel_queue_unref(queue);
}

static void wait_one(unsigned int *seed)
{
	struct accel_fence *fence = fence_take(any(seed, SLOTS));

	if (fence)
		accel_fence_wait(fence, any(seed, 2) ? 0 : ACCEL_NO_DEADLINE);
	accel_fence_unref(fence);
}

static void wait_some(unsigned int *seed)
{
	struct accel_fence *fences[WAITS];
	unsigned int count = 0, i;
	int64_t deadline;

	for (i = 0; i < WAITS; i++) {
		fences[count] = fence_take(any(seed, SLOTS));
		if (fences[count])
			count++;
	}
	must("deadline", accel_deadline(any(seed, 100000), &deadline));
	if (count)
		accel_fence_wait_many(fences, count, any(seed, 2) ? ACCEL_WAIT_ALL : 0, deadline,
				      NULL);
	while (count--)
		accel_fence_unref(fences[count]);
}

static void cancel(unsigned int *seed)
{
	struct accel_queue *queue = queue_take(any(seed, SLOTS));

	if (queue)
		must("cancel", accel_queue_cancel(queue, ACCEL_NO_DEADLINE));
	accel_queue_unref(queue);
}

static void touch(unsigned int *seed)
{
	struct accel_job_result result = { .size = sizeof(result) };
	struct accel_bo *bo = bo_take(any(seed, SLOTS));
	struct accel_job *job = job_take(any(seed, SLOTS));

	if (bo)
		must("begin", accel_bo_begin_access(bo, BOTH, 0, BYTES, ACCEL_NO_DEADLINE));
	if (job)
		accel_job_get_result(job, &result);
	accel_bo_unref(bo);
	accel_job_unref(job);
}

static void *run(void *arg)
{
	static void (*const step[])(unsigned int *) = {
		make_queue, make_bo, submit, submit, submit, wait_one, wait_some, cancel, touch,
	};
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	long i;

	for (i = 0; i < steps; i++)
		step[any(&seed, sizeof(step) / sizeof(step[0]))](&seed);
	return NULL;
}

int main(int argc, char **argv)
{
	const unsigned int seed = argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 1;
	struct accel_device *device;
	pthread_t threads[THREADS];
	unsigned int i;

	if (argc > 1)
		steps = strtol(argv[1], NULL, 10);
	must("find", accel_device_find("soft:0", &device));
	for (i = 0; i < CONTEXTS; i++)
		must("open", accel_open(device, NULL, 0, &contexts[i]));
	accel_device_unref(device);
	for (i = 0; i < THREADS; i++)
		must("thread", -pthread_create(&threads[i], NULL, run,
					       (void *)(uintptr_t)(seed * 1000 + i)));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* Contexts first: what is left holds them. */
	for (i = 0; i < CONTEXTS; i++)
		accel_context_unref(contexts[i]);
	for (i = 0; i < SLOTS; i++) {
		queue_leave(i, NULL);
		bo_leave(i, NULL);
		fence_leave(i, NULL);
		job_leave(i, NULL);
	}
	printf("stress: %d threads, %ld steps each: ended\n", THREADS, steps);
	return 0;
}
