/* SPDX-License-Identifier: MIT */
/* soft's queues and workers: order, priorities, blocking, cancelling, timeouts, exit. */
#define _GNU_SOURCE
#include "soft_test.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t query(struct accel_context *context, uint32_t key)
{
	uint64_t value;

	OK(accel_query(context, key, &value));
	return value;
}

/* ---- host functions ---------------------------------------------------- */

/* Says that it runs, and stays until it is let go. */
struct gate {
	sem_t entered, leave;
};

static void gate_init(struct gate *gate)
{
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->leave, 0, 0);
}

static int at_gate(const struct accel_soft_call *call)
{
	struct gate *gate = call->data;

	sem_post(&gate->entered);
	sem_wait(&gate->leave);
	return 0;
}

/* Says that it runs, and stays until it is told to stop. */
static int until_stopped(const struct accel_soft_call *call)
{
	sem_post(call->data);
	while (!call->should_stop(call))
		sched_yield();
	return 0;
}

static int returns_data(const struct accel_soft_call *call)
{
	return (int)(intptr_t)call->data;
}

/* For longer than a millisecond, whatever happens. */
static int sleeps(const struct accel_soft_call *call)
{
	(void)call;
	usleep(3000);
	return 0;
}

struct log {
	_Atomic uint32_t count;
	uint32_t entry[4096];
};

struct note {
	struct log *log;
	uint32_t value;
};

static int write_note(const struct accel_soft_call *call)
{
	struct note *note = call->data;

	note->log->entry[atomic_fetch_add(&note->log->count, 1)] = note->value;
	return 0;
}

/* ---- tests ------------------------------------------------------------- */

static void test_no_threads(void **state)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = ACCEL_OPEN_NO_THREADS};
	struct accel_error error = {.size = sizeof(error)};
	struct accel_context *context;
	struct accel_device *device;

	(void)state;
	OK(accel_device_find("soft:0", &device));
	assert_int_equal(accel_open(device, &params, 0, &context), -EOPNOTSUPP);
	OK(accel_last_error(&error));
	assert_int_equal(error.code, -EOPNOTSUPP);
	accel_device_unref(device);
}

static void test_results(void **state)
{
	static const struct {
		intptr_t returns;
		uint32_t outcome;
		int error;
		int64_t driver_code;
	} cases[] = {
		{0, ACCEL_DONE, 0, 0},
		{-ENOENT, ACCEL_FAILED, -EIO, -ENOENT},
		{-4095, ACCEL_FAILED, -EIO, -4095},
		{-4096, ACCEL_FAILED, -EIO, -EIO},
		{1, ACCEL_FAILED, -EIO, -EIO},
		{INT32_MIN, ACCEL_FAILED, -EIO, -EIO},
	};
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct accel_job *job = host_job(queue, returns_data, (void *)cases[i].returns, 0);
		struct accel_job_result result;

		assert_int_equal(finish(submit(queue, job, NULL, 0)), cases[i].error);
		result = result_of(job);
		assert_int_equal(result.outcome, cases[i].outcome);
		assert_int_equal(result.error, cases[i].error);
		assert_true((int64_t)result.driver_code == cases[i].driver_code);
		assert_true(result.start_ns && result.end_ns >= result.start_ns);
		accel_job_unref(job);
	}
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* More jobs than the ring has places, in order, with the ring going round. */
static void test_order(void **state)
{
	enum {
		DEPTH = 5,
		COUNT = 1000
	};
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, DEPTH);
	struct log *log = calloc(1, sizeof(*log));
	struct accel_job *jobs[DEPTH];
	struct note notes[DEPTH];
	struct accel_fence *fence = NULL;
	uint32_t submitted = 0;
	int ret;

	(void)state;
	for (uint32_t i = 0; i < DEPTH; i++) {
		notes[i] = (struct note){log, i};
		jobs[i] = host_job(queue, write_note, &notes[i], 0);
	}
	while (submitted < COUNT) {
		uint32_t at = submitted % DEPTH;

		accel_fence_unref(fence);
		fence = NULL;
		ret = accel_submit(queue, &jobs[at], DEPTH - at, NULL, &fence);
		if (ret == -EAGAIN || ret == -EBUSY) {
			sched_yield();
			continue;
		}
		assert_true(ret > 0);
		submitted += (uint32_t)ret;
	}
	OK(finish(fence));
	assert_int_equal(log->count, submitted);
	for (uint32_t i = 0; i < submitted; i++)
		assert_int_equal(log->entry[i], i % DEPTH);
	for (uint32_t i = 0; i < DEPTH; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
	free(log);
}

/* A full queue takes as many as its depth says, not what the ring happens to hold. */
static void test_depth(void **state)
{
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 5);
	struct accel_job *jobs[8];
	struct accel_fence *room;
	struct gate gate;

	(void)state;
	gate_init(&gate);
	jobs[0] = host_job(queue, at_gate, &gate, 0);
	for (unsigned int i = 1; i < 8; i++)
		jobs[i] = empty_job(queue);
	assert_int_equal(accel_submit(queue, jobs, 8, NULL, NULL), 5);
	assert_int_equal(accel_submit(queue, &jobs[5], 3, NULL, NULL), -EAGAIN);
	sem_post(&gate.leave);
	OK(accel_queue_get_room(queue, &room));
	OK(finish(room));
	for (unsigned int i = 0; i < 8; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* Host functions that block each other's end all run at once, and packets run beside them. */
static int at_barrier(const struct accel_soft_call *call)
{
	pthread_barrier_wait(call->data);
	return 0;
}

static void test_blocking(void **state)
{
	enum {
		MOST = 64
	};
	struct accel_context *context = open_soft();
	uint32_t count = (uint32_t)query(context, ACCEL_QUEUES_PARALLEL) * 2 + 3;
	struct accel_queue *queues[MOST], *other = make_queue(context, 0, 0);
	struct accel_fence *fences[MOST];
	struct accel_job *jobs[MOST], *empty = empty_job(other);
	pthread_barrier_t barrier;
	struct gate gate;

	(void)state;
	if (count > MOST)
		count = MOST;
	pthread_barrier_init(&barrier, NULL, count);
	for (uint32_t i = 0; i < count; i++) {
		queues[i] = make_queue(context, 0, 0);
		jobs[i] = host_job(queues[i], at_barrier, &barrier, 0);
	}
	for (unsigned int round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < count; i++)
			fences[i] = submit(queues[i], jobs[i], NULL, 0);
		for (uint32_t i = 0; i < count; i++)
			OK(finish(fences[i]));
	}
	gate_init(&gate);
	for (uint32_t i = 0; i < count; i++) {
		accel_job_unref(jobs[i]);
		jobs[i] = host_job(queues[i], at_gate, &gate, 0);
		fences[i] = submit(queues[i], jobs[i], NULL, 0);
	}
	for (uint32_t i = 0; i < count; i++)
		sem_wait(&gate.entered);
	for (unsigned int round = 0; round < 100; round++)
		OK(finish(submit(other, empty, NULL, 0)));
	for (uint32_t i = 0; i < count; i++)
		sem_post(&gate.leave);
	for (uint32_t i = 0; i < count; i++) {
		OK(finish(fences[i]));
		accel_job_unref(jobs[i]);
		accel_queue_unref(queues[i]);
	}
	accel_job_unref(empty);
	accel_queue_unref(other);
	accel_context_unref(context);
	pthread_barrier_destroy(&barrier);
}

/* One worker at a time: the order of several queues is then exact. */
enum {
	QUEUES = 5,
	EACH = 6
};

static void check_turns(const int32_t *priorities, const uint32_t *expected)
{
	struct accel_context *context = open_soft();
	struct accel_queue *queues[QUEUES], *first = make_queue(context, 0, 0);
	struct accel_queue *idle = make_queue(context, -2, 0);
	struct accel_job *jobs[QUEUES][EACH], *opens, *done = empty_job(idle);
	struct accel_fence *fence, *last[QUEUES];
	struct accel_soft_timestamp stamp = {{ACCEL_SOFT_TIMESTAMP, 0, sizeof(stamp)}, {0}};
	struct accel_bo *bo;
	struct gate gate;
	uint64_t *times;

	assert_int_equal(query(context, ACCEL_QUEUES_PARALLEL), 1);
	bo = make_bo(context, QUEUES * EACH * 8, 0, (void **)&times);
	gate_init(&gate);
	opens = host_job(first, at_gate, &gate, 0);
	for (uint32_t q = 0; q < QUEUES; q++) {
		queues[q] = make_queue(context, priorities[q], 0);
		for (uint32_t i = 0; i < EACH; i++) {
			stamp.dst.offset = (q * EACH + i) * 8;
			jobs[q][i] = make_job(context, queues[q], &stamp, sizeof(stamp), &bo, 1, 0,
					      NULL);
		}
	}
	fence = submit(first, opens, NULL, 0);
	sem_wait(&gate.entered);
	for (uint32_t q = 0; q < QUEUES; q++) {
		accel_fence_unref(submit(queues[q], jobs[q][0], &fence, 1));
		assert_int_equal(accel_submit(queues[q], &jobs[q][1], EACH - 1, NULL, &last[q]),
				 EACH - 1);
	}
	/* The least urgent: when it has run, all others are known to wait. */
	OK(finish(submit(idle, done, NULL, 0)));
	sem_post(&gate.leave);
	for (uint32_t q = 0; q < QUEUES; q++)
		OK(finish(last[q]));
	OK(finish(fence));
	/* The jobs by their time. */
	for (uint32_t i = 0; i < QUEUES * EACH; i++) {
		uint32_t best = 0;

		for (uint32_t j = 0; j < QUEUES * EACH; j++)
			if (times[j] < times[best])
				best = j;
		assert_int_equal(best / EACH, expected[i]);
		times[best] = UINT64_MAX;
	}
	for (uint32_t q = 0; q < QUEUES; q++) {
		for (uint32_t i = 0; i < EACH; i++)
			accel_job_unref(jobs[q][i]);
		accel_queue_unref(queues[q]);
	}
	accel_job_unref(opens);
	accel_job_unref(done);
	accel_queue_unref(first);
	accel_queue_unref(idle);
	accel_bo_unref(bo);
	accel_context_unref(context);
}

static void test_turns(void **state)
{
	static const int32_t equal[QUEUES] = {0}, mixed[QUEUES] = {-2, 1, 2, 1, -1};
	static const uint32_t sorted[] = {2, 1, 1, 4, 0};
	uint32_t expected[QUEUES * EACH];
	cpu_set_t all, one;
	int cpu = 0;

	(void)state;
	/* The context counts the CPUs that the process may use. */
	OK(sched_getaffinity(0, sizeof(all), &all));
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	OK(sched_setaffinity(0, sizeof(one), &one));
	for (uint32_t i = 0; i < QUEUES * EACH; i++)
		expected[i] = i % QUEUES;
	check_turns(equal, expected);
	for (uint32_t i = 0; i < QUEUES * EACH; i++) {
		expected[i] = sorted[i / EACH];
		if (expected[i] == 1)
			expected[i] = (i - EACH) % 2 ? 3 : 1;
	}
	check_turns(mixed, expected);
	OK(sched_setaffinity(0, sizeof(all), &all));
}

/* The one that runs is told, those behind it end without running. */
static void test_cancel(void **state)
{
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0);
	struct log *log = calloc(1, sizeof(*log));
	struct note note = {log, 1};
	struct accel_job *jobs[4];
	sem_t entered;

	(void)state;
	sem_init(&entered, 0, 0);
	jobs[0] = host_job(queue, until_stopped, &entered, 0);
	for (unsigned int i = 1; i < 4; i++)
		jobs[i] = host_job(queue, write_note, &note, 0);
	for (unsigned int round = 0; round < 50; round++) {
		assert_int_equal(accel_submit(queue, jobs, 4, NULL, NULL), 4);
		sem_wait(&entered);
		OK(accel_queue_cancel(queue, ACCEL_NO_DEADLINE));
		for (unsigned int i = 0; i < 4; i++) {
			struct accel_job_result result = result_of(jobs[i]);

			assert_int_equal(result.outcome, ACCEL_CANCELED);
			assert_int_equal(result.error, -ECANCELED);
			assert_int_equal(result.start_ns != 0, i == 0);
		}
		assert_int_equal(log->count, round);
		/* What comes later is not touched. */
		OK(finish(submit(queue, jobs[1], NULL, 0)));
		assert_int_equal(log->count, round + 1);
	}
	for (unsigned int i = 0; i < 4; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
	free(log);
}

/* A long operation of many tiles stops between them. */
static void test_cancel_packets(void **state)
{
	enum {
		BYTES = 16 << 20,
		PACKETS = 1000
	};
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0);
	struct accel_soft_fill *fills = calloc(PACKETS, sizeof(*fills));
	struct accel_bo *bo = make_bo(context, BYTES, 0, NULL);
	struct accel_job_result result;
	struct accel_fence *fence;
	struct accel_job *job;

	(void)state;
	for (unsigned int i = 0; i < PACKETS; i++)
		fills[i] = (struct accel_soft_fill){
			{ACCEL_SOFT_FILL, 0, sizeof(*fills)}, {0, 0, 0}, BYTES, i, 0};
	job = make_job(context, queue, fills, PACKETS * sizeof(*fills), &bo, 1, 0, NULL);
	fence = submit(queue, job, NULL, 0);
	OK(accel_queue_cancel(queue, ACCEL_NO_DEADLINE));
	assert_int_equal(finish(fence), -ECANCELED);
	assert_int_equal(result_of(job).outcome, ACCEL_CANCELED);
	accel_job_unref(job);

	/* The same by its timeout. */
	job = make_job(context, queue, fills, PACKETS * sizeof(*fills), &bo, 1, 1000000, NULL);
	assert_int_equal(finish(submit(queue, job, NULL, 0)), -ETIMEDOUT);
	result = result_of(job);
	assert_int_equal(result.outcome, ACCEL_TIMED_OUT);
	assert_true(result.end_ns - result.start_ns >= 1000000);
	accel_job_unref(job);
	accel_bo_unref(bo);
	accel_queue_unref(queue);
	accel_context_unref(context);
	free(fills);
}

static void test_timeout(void **state)
{
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0);
	struct accel_job *job;
	sem_t entered;

	(void)state;
	sem_init(&entered, 0, 0);
	job = host_job(queue, until_stopped, &entered, 2000000);
	assert_int_equal(finish(submit(queue, job, NULL, 0)), -ETIMEDOUT);
	assert_int_equal(result_of(job).outcome, ACCEL_TIMED_OUT);
	assert_int_equal(result_of(job).error, -ETIMEDOUT);
	accel_job_unref(job);
	/* One that doesn't ask, one that never ends in time, and those that surely do. */
	job = host_job(queue, sleeps, NULL, 1000000);
	assert_int_equal(finish(submit(queue, job, NULL, 0)), -ETIMEDOUT);
	accel_job_unref(job);
	job = host_job(queue, returns_data, NULL, 1);
	assert_int_equal(finish(submit(queue, job, NULL, 0)), -ETIMEDOUT);
	accel_job_unref(job);
	job = host_job(queue, returns_data, NULL, UINT64_MAX);
	OK(finish(submit(queue, job, NULL, 0)));
	accel_job_unref(job);
	job = host_job(queue, returns_data, NULL, INT64_MAX);
	OK(finish(submit(queue, job, NULL, 0)));
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* Fences of another queue, of another context, that failed, that are imported, all at once. */
static void test_waits(void **state)
{
	struct accel_context *context = open_soft(), *other = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0);
	struct accel_queue *near = make_queue(context, 0, 0), *far = make_queue(other, 0, 0);
	struct log *log = calloc(1, sizeof(*log));
	struct note note = {log, 1};
	struct accel_job *job = host_job(queue, write_note, &note, 0);
	struct accel_job *near_job, *far_job, *fails;
	struct accel_fence *waits[6], *fence;
	struct gate gate;
	int fd;

	(void)state;
	gate_init(&gate);
	near_job = host_job(near, at_gate, &gate, 0);
	fails = host_job(near, returns_data, (void *)(intptr_t)-EIO, 0);
	far_job = host_job(far, at_gate, &gate, 0);
	for (unsigned int round = 0; round < 50; round++) {
		fd = eventfd(0, EFD_CLOEXEC);
		assert_true(fd >= 0);
		waits[0] = submit(near, near_job, NULL, 0);
		waits[1] = submit(near, fails, NULL, 0);
		waits[2] = submit(far, far_job, NULL, 0);
		OK(accel_fence_import_fd(fd, 0, &waits[3]));
		waits[4] = accel_fence_ref(waits[0]);
		waits[5] = accel_fence_ref(waits[3]);
		fence = submit(queue, job, waits, 6);
		assert_int_equal(accel_fence_status(fence), -EINPROGRESS);
		if (round % 2)
			assert_int_equal(eventfd_write(fd, 1), 0);
		sem_post(&gate.leave);
		sem_post(&gate.leave);
		for (unsigned int i = 0; i < 3; i++)
			accel_fence_wait(waits[i], ACCEL_NO_DEADLINE);
		if (round % 2 == 0) {
			assert_int_equal(log->count, round);
			assert_int_equal(accel_fence_status(fence), -EINPROGRESS);
			assert_int_equal(eventfd_write(fd, 1), 0);
		}
		OK(finish(fence));
		assert_int_equal(log->count, round + 1);
		for (unsigned int i = 0; i < 6; i++)
			accel_fence_unref(waits[i]);
		close(fd);
	}
	accel_job_unref(job);
	accel_job_unref(near_job);
	accel_job_unref(far_job);
	accel_job_unref(fails);
	accel_queue_unref(queue);
	accel_queue_unref(near);
	accel_queue_unref(far);
	accel_context_unref(context);
	accel_context_unref(other);
	free(log);
}

/* Jobs that wait for what does not come end when they are cancelled. */
static void test_cancel_waits(void **state)
{
	struct accel_context *context = open_soft();
	struct accel_queue *queue = make_queue(context, 0, 0), *near = make_queue(context, 0, 0);
	struct accel_job *jobs[2] = {empty_job(queue), empty_job(queue)}, *near_job;
	struct accel_fence *never[2], *fence;
	int fd = eventfd(0, EFD_CLOEXEC);
	struct gate gate;

	(void)state;
	gate_init(&gate);
	near_job = host_job(near, at_gate, &gate, 0);
	never[0] = submit(near, near_job, NULL, 0);
	OK(accel_fence_import_fd(fd, 0, &never[1]));
	for (unsigned int round = 0; round < 100; round++) {
		accel_fence_unref(submit(queue, jobs[0], &never[round % 2], 1));
		fence = submit(queue, jobs[1], NULL, 0);
		OK(accel_queue_cancel(queue, ACCEL_NO_DEADLINE));
		assert_int_equal(finish(fence), -ECANCELED);
		assert_int_equal(result_of(jobs[0]).outcome, ACCEL_CANCELED);
		assert_int_equal(result_of(jobs[1]).outcome, ACCEL_CANCELED);
		OK(finish(submit(queue, jobs[0], NULL, 0)));
	}
	assert_int_equal(accel_fence_status(never[0]), -EINPROGRESS);
	sem_post(&gate.leave);
	OK(finish(never[0]));
	accel_fence_unref(never[1]);
	close(fd);
	for (unsigned int i = 0; i < 2; i++)
		accel_job_unref(jobs[i]);
	accel_job_unref(near_job);
	accel_queue_unref(queue);
	accel_queue_unref(near);
	accel_context_unref(context);
}

/* ---- much at once ------------------------------------------------------ */

struct stress {
	struct accel_context *context;
	_Atomic(struct accel_fence *) *board; /* the latest fence of each thread */
	uint32_t index, threads, seed, rounds;
};

/* Queues that come and go, jobs that wait for those of other threads, cancels at any time. */
static void *stress_main(void *arg)
{
	struct stress *s = arg;
	struct accel_fence *fence, *other;
	struct accel_queue *queue;
	struct accel_job *jobs[8];
	struct accel_submit_params params = {.size = sizeof(params)};
	int ret;

	for (uint32_t round = 0; round < s->rounds; round++) {
		queue = make_queue(s->context, (int32_t)(rand_r(&s->seed) % 5) - 2, 16);
		for (unsigned int i = 0; i < 8; i++)
			jobs[i] = i % 3 == 2 ? host_job(queue, returns_data, NULL, 0)
					     : empty_job(queue);
		for (unsigned int turn = 0; turn < 20; turn++) {
			other = atomic_exchange(&s->board[rand_r(&s->seed) % s->threads], NULL);
			params.wait = &other;
			params.wait_count = other != NULL;
			ret = accel_submit(queue, jobs, 8, &params, &fence);
			accel_fence_unref(other);
			if (ret < 0) {
				assert_int_equal(ret, -EBUSY);
				continue;
			}
			other = atomic_exchange(&s->board[s->index], accel_fence_ref(fence));
			accel_fence_unref(other);
			if (rand_r(&s->seed) % 8 == 0)
				OK(accel_queue_cancel(queue, ACCEL_NO_DEADLINE));
			if (rand_r(&s->seed) % 2) {
				ret = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
				assert_true(ret == 0 || ret == -ECANCELED);
			}
			accel_fence_unref(fence);
		}
		for (unsigned int i = 0; i < 8; i++)
			accel_job_unref(jobs[i]);
		accel_queue_unref(queue);
	}
	return NULL;
}

static void test_stress(void **state)
{
	enum {
		THREADS = 6
	};
	struct accel_context *context = open_soft();
	_Atomic(struct accel_fence *) board[THREADS];
	struct stress stress[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++)
		atomic_init(&board[i], NULL);
	for (uint32_t i = 0; i < THREADS; i++) {
		stress[i] = (struct stress){context, board, i, THREADS, i + 1, 60};
		OK(pthread_create(&threads[i], NULL, stress_main, &stress[i]));
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < THREADS; i++)
		accel_fence_unref(board[i]);
	accel_context_unref(context);
}

/* Products that the workers share, several at once, are right. */
static void test_shared_matmul(void **state)
{
	enum {
		N = 700,
		LANES = 3,
		ALL_ROUNDS = SLOW_TOOL ? 1 : 5,
		ROUNDS = SLOW_TOOL ? 2 : 15
	};
	struct accel_soft_matmul p = {{ACCEL_SOFT_MATMUL, 0, sizeof(p)},
				      {0, 0, 0},
				      {1, 0, 0},
				      {2, 0, 0},
				      ACCEL_SOFT_S8_S8_S32,
				      N,
				      N,
				      N,
				      N,
				      N,
				      N,
				      0};
	struct accel_context *context = open_soft();
	struct accel_queue *queues[LANES];
	struct accel_bo *bos[LANES][3];
	struct accel_fence *fences[LANES];
	struct accel_job *jobs[LANES];
	signed char *a, *b;
	int32_t *c[LANES];

	if (!SOFT_COMPUTES)
		skip();
	(void)state;
	for (unsigned int l = 0; l < LANES; l++) {
		queues[l] = make_queue(context, 0, 0);
		bos[l][0] = make_bo(context, N * N * 4, 0, (void **)&c[l]);
		bos[l][1] = make_bo(context, N * N, 0, (void **)&a);
		bos[l][2] = make_bo(context, N * N, 0, (void **)&b);
		for (int i = 0; i < N * N; i++) {
			a[i] = (signed char)(i / N == i % N ? 1 : 0);
			b[i] = (signed char)(i * 7 + (int)l);
		}
		jobs[l] = make_job(context, queues[l], &p, sizeof(p), bos[l], 3, 0, NULL);
	}
	for (unsigned int round = 0; round < ROUNDS; round++) {
		/* All at once, then one with all workers to itself. */
		unsigned int lanes = round < ALL_ROUNDS ? LANES : 1;

		for (unsigned int l = 0; l < lanes; l++)
			fences[l] = submit(queues[l], jobs[l], NULL, 0);
		for (unsigned int l = 0; l < lanes; l++) {
			OK(finish(fences[l]));
			for (int i = 0; i < N * N; i++)
				if (c[l][i] != (signed char)(i * 7 + (int)l))
					fail_msg("lane %u element %d", l, i);
			memset(c[l], 0xff, N * N * 4);
		}
	}
	for (unsigned int l = 0; l < LANES; l++) {
		accel_job_unref(jobs[l]);
		for (unsigned int i = 0; i < 3; i++)
			accel_bo_unref(bos[l][i]);
		accel_queue_unref(queues[l]);
	}
	accel_context_unref(context);
}

/* ---- exit(3) ----------------------------------------------------------- */

static int for_ever(const struct accel_soft_call *call)
{
	sem_post(call->data);
	for (;;)
		pause();
	return 0;
}

/* What a computation that goes on after exit(3) would write to. */
static unsigned char *exit_result;
static size_t exit_bytes;

/* Runs after the library's own handler: the workers must have stopped. */
static void look_after_exit(void)
{
	memset(exit_result, 0xff, exit_bytes);
	usleep(50000);
	for (size_t i = 0; i < exit_bytes; i++)
		if (exit_result[i] != 0xff)
			_exit(8);
}

/* A process that ends in the middle of everything. */
static void exit_at_work(void)
{
	enum {
		PACKETS = 200,
		N = 512
	};
	struct accel_soft_matmul product = {
		.head = {ACCEL_SOFT_MATMUL, 0, sizeof(product)},
		.a = {1, 0, 0},
		.b = {1, 0, N * N * 4},
		.type = ACCEL_SOFT_F32,
		.m = N,
		.n = N,
		.k = N,
		.lda = N,
		.ldb = N,
		.ldc = N,
	};
	struct accel_soft_matmul *stream = calloc(PACKETS, sizeof(*stream));
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *bos[2];
	struct accel_job *job;
	static sem_t entered;

	exit_bytes = N * N * 4;
	atexit(look_after_exit);
	context = open_soft();
	bos[0] = make_bo(context, exit_bytes, 0, (void **)&exit_result);
	bos[1] = make_bo(context, 2 * exit_bytes, 0, NULL);
	sem_init(&entered, 0, 0);
	queue = make_queue(context, 0, 0);
	accel_fence_unref(submit(queue, host_job(queue, for_ever, &entered, 0), NULL, 0));
	sem_wait(&entered);
	for (unsigned int i = 0; i < PACKETS; i++)
		stream[i] = product;
	for (unsigned int i = 0; i < 4; i++) {
		queue = make_queue(context, 0, 0);
		job = make_job(context, queue, stream, PACKETS * sizeof(*stream), bos, 2, 0, NULL);
		accel_fence_unref(submit(queue, job, NULL, 0));
	}
	usleep(10000);
	exit(7);
}

static const char *self;

static void test_exit_at_work(void **state)
{
	int status;
	pid_t pid;

	if (!SOFT_COMPUTES)
		skip();
	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			/* It holds everything until its end: that is not a leak. */
			setenv("LSAN_OPTIONS", "detect_leaks=0", 1);
			execl(self, self, "exit", NULL);
			_exit(99);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_threads),    cmocka_unit_test(test_results),
		cmocka_unit_test(test_order),         cmocka_unit_test(test_depth),
		cmocka_unit_test(test_blocking),      cmocka_unit_test(test_turns),
		cmocka_unit_test(test_cancel),        cmocka_unit_test(test_cancel_packets),
		cmocka_unit_test(test_timeout),       cmocka_unit_test(test_waits),
		cmocka_unit_test(test_cancel_waits),  cmocka_unit_test(test_stress),
		cmocka_unit_test(test_shared_matmul), cmocka_unit_test(test_exit_at_work),
	};

	self = argv[0];
	if (argc > 1 && !strcmp(argv[1], "exit"))
		exit_at_work();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
