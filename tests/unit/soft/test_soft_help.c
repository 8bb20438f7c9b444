/* SPDX-License-Identifier: MIT */
/*
 * Who does the work without another having to be woken: a thread that waits does light jobs
 * itself, and a chain of jobs stays on a worker. In the first case all workers are kept asleep
 * meanwhile, so that what ends was done by the waiting thread, and what was not never ends.
 */
#define _GNU_SOURCE
#include "soft_test.h"

#include <sys.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define KIB64 (64 << 10)

/* ---- workers that don't wake ---------------------------------------------------------- */

static int (*real_futex_wait)(const uint32_t *word, uint32_t value, int64_t deadline);
static pthread_t test_thread;
static int (*real_futex_wake)(const uint32_t *word, int count);
static atomic_bool held;
static sem_t asleep, let_go;
static atomic_int wakes; /* by workers */

static int futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	if (pthread_equal(pthread_self(), test_thread) || !atomic_load(&held))
		return real_futex_wait(word, value, deadline);
	sem_post(&asleep);
	sem_wait(&let_go);
	return 0;
}

static int futex_wake(const uint32_t *word, int count)
{
	if (!pthread_equal(pthread_self(), test_thread))
		atomic_fetch_add(&wakes, 1);
	return real_futex_wake(word, count);
}

struct fixture {
	struct accel_context *context;
	struct accel_queue *queue;
	uint64_t workers;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!real_futex_wait) {
		test_thread = pthread_self();
		sem_init(&asleep, 0, 0);
		sem_init(&let_go, 0, 0);
		real_futex_wait = accel_core_sys.futex_wait;
		accel_core_sys.futex_wait = futex_wait;
		real_futex_wake = accel_core_sys.futex_wake;
		accel_core_sys.futex_wake = futex_wake;
	}
	atomic_store(&held, true);
	f->context = open_soft();
	f->queue = make_queue(f->context, 0, 0); /* starts the workers */
	OK(accel_query(f->context, ACCEL_QUEUES_PARALLEL, &f->workers));
	for (uint64_t i = 0; i < f->workers; i++)
		sem_wait(&asleep);
	*state = f;
	return 0;
}

static void release_workers(struct fixture *f)
{
	if (!atomic_exchange(&held, false))
		return;
	for (uint64_t i = 0; i < f->workers; i++)
		sem_post(&let_go);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	release_workers(f);
	accel_queue_unref(f->queue);
	accel_context_unref(f->context);
	free(f);
	return 0;
}

/* Whether the wait itself makes @fence end: else it never does, however long that takes. */
static bool helps(struct accel_fence *fence)
{
	int64_t soon;
	int ret;

	OK(accel_deadline(1000000, &soon));
	ret = accel_fence_wait(fence, soon);
	if (ret != -ETIME)
		OK(ret);
	return ret == 0;
}

/* The same from the submission on. It ends in any case once the workers are let go. */
static bool helps_job(struct fixture *f, struct accel_job *job)
{
	struct accel_fence *fence = submit(f->queue, job, NULL, 0);
	bool helped = helps(fence);

	if (!helped)
		release_workers(f);
	OK(finish(fence));
	assert_int_equal(result_of(job).outcome, ACCEL_DONE);
	accel_job_unref(job);
	return helped;
}

static struct accel_job *copy_job(struct fixture *f, struct accel_bo **bos, uint64_t bytes)
{
	struct accel_soft_copy copy = {
		.head = {ACCEL_SOFT_COPY, 0, sizeof(copy)},
		.dst.bo = 1,
		.bytes = bytes,
	};

	return make_job(f->context, f->queue, &copy, sizeof(copy), bos, 2, 0, NULL);
}

static void make_bos(struct fixture *f, struct accel_bo **bos, void **maps)
{
	for (int i = 0; i < 2; i++)
		bos[i] = make_bo(f->context, 2 * KIB64, 0, &maps[i]);
	memset(maps[0], 7, 2 * KIB64);
}

/* ---- what is light ---------------------------------------------------------- */

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct accel_job *job = empty_job(f->queue);
	struct accel_job_result result;

	accel_job_ref(job);
	assert_true(helps_job(f, job));
	result = result_of(job);
	assert_true(result.start_ns && result.end_ns >= result.start_ns);
	accel_job_unref(job);
}

static void test_copies(void **state)
{
	struct fixture *f = *state;
	struct accel_bo *bos[2];
	void *maps[2];

	make_bos(f, bos, maps);
	assert_true(helps_job(f, copy_job(f, bos, KIB64)));
	assert_memory_equal(maps[1], maps[0], KIB64);
	/* One more byte is a worker's. */
	assert_false(helps_job(f, copy_job(f, bos, KIB64 + 1)));
	accel_bo_unref(bos[0]);
	accel_bo_unref(bos[1]);
}

static void test_sum(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_fill fills[2] = {
		{.head = {ACCEL_SOFT_FILL, 0, sizeof(fills[0])}, .bytes = KIB64 / 2},
		{.head = {ACCEL_SOFT_FILL, 0, sizeof(fills[0])}, .bytes = KIB64 / 2 + 1},
	};
	struct accel_bo *bos[2];
	void *maps[2];

	make_bos(f, bos, maps);
	assert_false(helps_job(
		f, make_job(f->context, f->queue, fills, sizeof(fills), bos, 1, 0, NULL)));
	accel_bo_unref(bos[0]);
	accel_bo_unref(bos[1]);
}

static int returns_0(const struct accel_soft_call *call)
{
	(void)call;
	return 0;
}

static void test_host_function(void **state)
{
	struct fixture *f = *state;

	assert_false(helps_job(f, host_job(f->queue, returns_0, NULL, 0)));
}

static void test_arithmetic(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_relu relu = {
		.head = {ACCEL_SOFT_RELU, 0, sizeof(relu)},
		.dst.bo = 1,
		.count = 1,
	};
	struct accel_bo *bos[2];
	void *maps[2];

	if (!SOFT_COMPUTES)
		skip();
	make_bos(f, bos, maps);
	assert_false(
		helps_job(f, make_job(f->context, f->queue, &relu, sizeof(relu), bos, 2, 0, NULL)));
	accel_bo_unref(bos[0]);
	accel_bo_unref(bos[1]);
}

/* ---- how far it goes ---------------------------------------------------------- */

static void test_past_deadline(void **state)
{
	struct fixture *f = *state;
	struct accel_job *job = empty_job(f->queue);
	struct accel_fence *fence = submit(f->queue, job, NULL, 0);

	/* These only look. */
	assert_int_equal(accel_fence_wait(fence, 0), -ETIME);
	assert_int_equal(accel_fence_wait(fence, -1), -ETIME);
	assert_int_equal(accel_fence_status(fence), -EINPROGRESS);
	assert_true(helps(fence));
	accel_fence_unref(fence);
	accel_job_unref(job);
}

static void test_no_further(void **state)
{
	struct fixture *f = *state;
	struct accel_fence *fences[5];
	struct accel_job *jobs[5];

	for (int i = 0; i < 5; i++) {
		jobs[i] = empty_job(f->queue);
		fences[i] = submit(f->queue, jobs[i], NULL, 0);
	}
	assert_true(helps(fences[1]));
	for (int i = 0; i < 5; i++)
		assert_int_equal(accel_fence_status(fences[i]), i <= 1 ? 0 : -EINPROGRESS);
	OK(accel_fence_wait_many(fences, 5, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL));
	for (int i = 0; i < 5; i++) {
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
	}
}

/* What is not light stops it, and so is not overtaken. */
static void test_in_order(void **state)
{
	struct fixture *f = *state;
	struct accel_job *jobs[] = {
		empty_job(f->queue),
		host_job(f->queue, returns_0, NULL, 0),
		empty_job(f->queue),
	};
	struct accel_fence *fence;

	assert_int_equal(accel_submit(f->queue, jobs, 3, NULL, &fence), 3);
	assert_false(helps(fence));
	assert_int_equal(result_of(jobs[0]).outcome, ACCEL_DONE);
	assert_int_equal(result_of(jobs[1]).outcome, ACCEL_PENDING);
	assert_int_equal(result_of(jobs[2]).outcome, ACCEL_PENDING);
	release_workers(f);
	OK(finish(fence));
	for (int i = 0; i < 3; i++)
		accel_job_unref(jobs[i]);
}

static void test_wait_fence(void **state)
{
	struct fixture *f = *state;
	struct accel_job *job = empty_job(f->queue);
	int event = eventfd(0, EFD_CLOEXEC);
	struct accel_fence *first, *fence;

	OK(accel_fence_import_fd(event, 0, &first));
	fence = submit(f->queue, job, &first, 1);
	assert_false(helps(fence));
	release_workers(f);
	assert_int_equal(write(event, &(uint64_t){1}, 8), 8);
	OK(finish(fence));
	accel_fence_unref(first);
	close(event);
	accel_job_unref(job);
}

static void test_priority(void **state)
{
	struct fixture *f = *state;
	struct accel_queue *urgent = make_queue(f->context, 1, 0);
	struct accel_job *job = empty_job(f->queue), *urgent_job = empty_job(urgent);
	struct accel_fence *fence = submit(f->queue, job, NULL, 0);
	struct accel_fence *urgent_fence = submit(urgent, urgent_job, NULL, 0);

	assert_false(helps(fence));
	assert_true(helps(urgent_fence));
	assert_true(helps(fence));
	accel_fence_unref(urgent_fence);
	accel_fence_unref(fence);
	accel_job_unref(urgent_job);
	accel_job_unref(job);
	accel_queue_unref(urgent);
}

/* ---- who else waits ---------------------------------------------------------- */

static void test_begin_access(void **state)
{
	struct fixture *f = *state;
	struct accel_bo *bos[2];
	struct accel_job *job;
	void *maps[2];

	make_bos(f, bos, maps);
	job = copy_job(f, bos, KIB64);
	assert_int_equal(accel_submit(f->queue, &job, 1, NULL, NULL), 1);
	OK(accel_bo_begin_access(bos[1], ACCEL_ACCESS_READ, 0, KIB64, ACCEL_NO_DEADLINE));
	assert_memory_equal(maps[1], maps[0], KIB64);
	OK(accel_bo_end_access(bos[1], ACCEL_ACCESS_READ, 0, KIB64));
	accel_job_unref(job);
	accel_bo_unref(bos[0]);
	accel_bo_unref(bos[1]);
}

static void test_last_reference(void **state)
{
	struct fixture *f = *state;
	struct accel_queue *queue = make_queue(f->context, 0, 0);
	struct accel_job *job = empty_job(queue);

	assert_int_equal(accel_submit(queue, &job, 1, NULL, NULL), 1);
	accel_job_unref(job);
	accel_queue_unref(queue);
}

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct accel_job *job = empty_job(f->queue);
	struct accel_fence *fence = submit(f->queue, job, NULL, 0);

	OK(accel_queue_cancel(f->queue, ACCEL_NO_DEADLINE));
	assert_int_equal(finish(fence), -ECANCELED);
	accel_job_unref(job);
}

/* ---- a chain ---------------------------------------------------------- */

static int wait_at_gate(const struct accel_soft_call *call)
{
	sem_wait(call->data);
	return 0;
}

#define LINKS 10000 /* many: who was woken may take a while to come, and is not woken meanwhile */

/* From queue to queue and back, each job after the fence of the one before. */
static void test_chain(void **state)
{
	struct fixture *f = *state;
	struct accel_queue *queues[2] = {make_queue(f->context, 0, LINKS / 2),
					 make_queue(f->context, 0, LINKS / 2)};
	struct accel_fence **fences = calloc(LINKS, sizeof(struct accel_fence *));
	struct accel_job **jobs = calloc(LINKS, sizeof(struct accel_job *));
	sem_t gate;

	release_workers(f);
	sem_init(&gate, 0, 0);
	for (int i = 0; i < LINKS; i++) {
		struct accel_queue *queue = queues[i % 2];

		jobs[i] = i ? empty_job(queue) : host_job(queue, wait_at_gate, &gate, 0);
		fences[i] = submit(queue, jobs[i], i ? &fences[i - 1] : NULL, i ? 1 : 0);
	}
	atomic_store(&wakes, 0);
	sem_post(&gate);
	OK(accel_fence_wait(fences[LINKS - 1], ACCEL_NO_DEADLINE));
	/* That wait's, and what the threads of the gate's job were at. */
	assert_in_range(atomic_load(&wakes), 0, 4);
	for (int i = 0; i < LINKS; i++) {
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
	}
	accel_queue_unref(queues[0]);
	accel_queue_unref(queues[1]);
	sem_destroy(&gate);
	free(fences);
	free(jobs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),         TEST(test_copies),       TEST(test_sum),
		TEST(test_host_function), TEST(test_arithmetic),   TEST(test_past_deadline),
		TEST(test_no_further),    TEST(test_in_order),     TEST(test_wait_fence),
		TEST(test_priority),      TEST(test_begin_access), TEST(test_last_reference),
		TEST(test_cancel),        TEST(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
