/* SPDX-License-Identifier: MIT */
/* job.c: checking, results, references. */
#include "model.h"

#include <sched.h>

#define PAGE   4096ull
#define DEVICE (ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define RW     (ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE)

static struct accel_context *context;
static struct accel_queue *queue;
static struct accel_bo *code;

static void open_all(enum model_kind kind)
{
	context = model_open(kind, 0);
	queue = model_queue(context, 4);
	code = model_bo(context, ACCEL_BO_COMMANDS | ACCEL_BO_CPU_WRITE, PAGE);
}

static void close_all(void)
{
	accel_bo_unref(code);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* That the job is refused so, with @index at fault. */
static void refuses(const struct accel_job_params *params, int err, uint32_t index)
{
	struct accel_job *job = NULL;
	struct accel_error error;

	support_stale_error();
	assert_int_equal(accel_job_create(queue, params, &job), err);
	error = support_error();
	assert_int_equal(error.code, err);
	assert_int_equal(error.index, index);
	assert_null(job);
	assert_int_equal(model.jobs, 0);
}

static void accepts(const struct accel_job_params *params)
{
	struct accel_job *job;

	assert_ok(accel_job_create(queue, params, &job));
	accel_job_unref(job);
}

static void test_arguments(void **state)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_job *job = NULL;

	(void)state;
	open_all(MODEL_PUSH);
	assert_fails(accel_job_create(NULL, &params, &job), -EINVAL);
	assert_fails(accel_job_create(queue, NULL, &job), -EINVAL);
	assert_fails(accel_job_create(queue, &params, NULL), -EINVAL);
	params.flags = 1;
	refuses(&params, -EINVAL, NONE32);
	params.flags = 0;
	params.reserved = 1;
	refuses(&params, -EINVAL, NONE32);
	params.reserved = 0;
	params.size = 3;
	refuses(&params, -EINVAL, NONE32);
	params.size = sizeof(params);
	params.timeout_ns = 1;
	refuses(&params, -EOPNOTSUPP, NONE32);
	params.timeout_ns = 0;
	model.job_init_err = -EDOM;
	refuses(&params, -EDOM, NONE32);
	model.job_init_err = 0;
	accepts(&params); /* nothing at all is a job, too */
	close_all();
	/* A driver that has timeouts. */
	model.answer[ACCEL_HAS_JOB_TIMEOUT] = ACCEL_NATIVE;
	open_all(MODEL_PUSH);
	params.timeout_ns = UINT64_MAX;
	accepts(&params);
	close_all();
}

static void test_commands(void **state)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_context *other = model_open(MODEL_PUSH, 0);
	struct accel_bo *foreign = model_bo(other, ACCEL_BO_COMMANDS, PAGE), *plain;

	(void)state;
	model.answer[ACCEL_COMMANDS_ALIGN] = 64;
	model.answer[ACCEL_COMMANDS_BYTES_MAX] = 1024;
	open_all(MODEL_PUSH);
	plain = model_bo(context, DEVICE, PAGE);
	params.bytes = 8;
	refuses(&params, -EINVAL, NONE32); /* bytes of no buffer */
	params.bytes = 0;
	params.offset = 8;
	refuses(&params, -EINVAL, NONE32);
	params.offset = 0;
	params.commands = code;
	refuses(&params, -EINVAL, NONE32); /* a buffer, but no bytes */
	params.bytes = 8;
	params.commands = foreign;
	refuses(&params, -EXDEV, NONE32);
	params.commands = plain;
	refuses(&params, -EINVAL, NONE32);
	params.commands = code;
	accepts(&params);
	params.bytes = 1024;
	accepts(&params);
	params.bytes = 1025;
	refuses(&params, -E2BIG, NONE32);
	params.bytes = PAGE + 1;
	refuses(&params, -ERANGE, NONE32);
	params.bytes = 64;
	params.offset = PAGE - 64;
	accepts(&params);
	params.bytes = 65;
	refuses(&params, -ERANGE, NONE32);
	params.bytes = 8;
	params.offset = PAGE;
	refuses(&params, -ERANGE, NONE32);
	params.offset = UINT64_MAX - 7;
	refuses(&params, -ERANGE, NONE32);
	params.bytes = UINT64_MAX;
	params.offset = 64;
	refuses(&params, -ERANGE, NONE32);
	params.bytes = 8;
	params.offset = 32;
	refuses(&params, -EINVAL, NONE32);
	params.offset = 65;
	refuses(&params, -EINVAL, NONE32);
	accel_bo_unref(plain);
	close_all();
	/* An alignment of 0: from the first byte only. */
	model.answer[ACCEL_COMMANDS_ALIGN] = 0;
	open_all(MODEL_PUSH);
	params.commands = code;
	params.offset = 64;
	refuses(&params, -EINVAL, NONE32);
	params.offset = 0;
	accepts(&params);
	close_all();
	accel_bo_unref(foreign);
	accel_context_unref(other);
}

static void test_buffers(void **state)
{
	struct accel_bo *bo[40], *reads, *writes, *foreign;
	struct accel_context *other = model_open(MODEL_PUSH, 0);
	struct accel_bo_ref bos[40];
	struct accel_job_params params = {.size = sizeof(params), .bos = bos};
	uint32_t i, n;

	(void)state;
	model.answer[ACCEL_JOB_BOS_MAX] = 40;
	open_all(MODEL_PUSH);
	foreign = model_bo(other, DEVICE, PAGE);
	reads = model_bo(context, ACCEL_BO_DEVICE_READ, PAGE);
	writes = model_bo(context, ACCEL_BO_DEVICE_WRITE, PAGE);
	for (i = 0; i < 40; i++) {
		bo[i] = model_bo(context, DEVICE, PAGE);
		bos[i] = (struct accel_bo_ref){bo[i], RW, 0};
	}
	params.bo_count = 41;
	refuses(&params, -E2BIG, NONE32);
	params.bo_count = UINT32_MAX;
	refuses(&params, -E2BIG, NONE32);
	params.bo_count = 40;
	accepts(&params);
	params.bos = NULL;
	refuses(&params, -EINVAL, NONE32);
	params.bos = bos;
	params.bo_count = 3;
	bos[2].bo = NULL;
	refuses(&params, -EINVAL, 2);
	bos[2].bo = foreign;
	refuses(&params, -EXDEV, 2);
	bos[2].bo = bo[2];
	bos[2].access = 0;
	refuses(&params, -EINVAL, 2);
	bos[2].access = 4;
	refuses(&params, -EINVAL, 2);
	bos[2].access = RW;
	bos[1].reserved = 1;
	refuses(&params, -EINVAL, 1);
	bos[1].reserved = 0;
	bos[0].bo = reads;
	refuses(&params, -EACCES, 0);
	bos[0].access = ACCEL_ACCESS_WRITE;
	refuses(&params, -EACCES, 0);
	bos[0].access = ACCEL_ACCESS_READ;
	accepts(&params);
	bos[0].bo = writes;
	refuses(&params, -EACCES, 0);
	bos[0].access = ACCEL_ACCESS_WRITE;
	accepts(&params);
	bos[0] = (struct accel_bo_ref){bo[0], RW, 0};
	/* Twice in any two places, of few and of many. */
	for (n = 2; n <= 40; n += 19 - (n == 21) * 2) {
		params.bo_count = n;
		accepts(&params);
		for (i = 1; i < n; i++) {
			bos[i].bo = bo[i / 2];
			refuses(&params, -EALREADY, i);
			bos[i].bo = bo[i];
		}
		bos[n - 1].bo = bo[0];
		refuses(&params, -EALREADY, n - 1);
		bos[n - 1].bo = bo[n - 1];
	}
	/* The commands in the list, too. */
	accel_bo_unref(bo[1]);
	bo[1] = model_bo(context, DEVICE | ACCEL_BO_COMMANDS, PAGE);
	bos[1].bo = bo[1];
	params.bo_count = 3;
	accepts(&params);
	params.commands = bo[1];
	params.bytes = 8;
	refuses(&params, -EALREADY, 1);
	for (i = 0; i < 40; i++)
		accel_bo_unref(bo[i]);
	accel_bo_unref(reads);
	accel_bo_unref(writes);
	accel_bo_unref(foreign);
	accel_context_unref(other);
	close_all();
}

static void test_no_memory(void **state)
{
	struct accel_bo *bo[20];
	struct accel_bo_ref bos[20];
	struct accel_job_params params = {.size = sizeof(params), .bos = bos, .bo_count = 20};
	struct accel_job *job = NULL;
	unsigned long skip;
	long memory;
	int i, ret;

	(void)state;
	open_all(MODEL_PUSH);
	for (i = 0; i < 20; i++) {
		bo[i] = model_bo(context, DEVICE, PAGE);
		bos[i] = (struct accel_bo_ref){bo[i], RW, 0};
	}
	memory = seam_live_memory();
	for (skip = 0;; skip++) {
		seam_fail(SEAM_ALLOC, skip, 1, 1);
		ret = accel_job_create(queue, &params, &job);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(support_error().code, -ENOMEM);
		assert_int_equal(seam_live_memory(), memory);
	}
	assert_int_equal(skip, 3); /* the search for duplicates, the job, its list */
	accel_job_unref(job);
	for (i = 0; i < 20; i++) {
		assert_int_equal(bo[i]->refs, 1);
		accel_bo_unref(bo[i]);
	}
	assert_int_equal(queue->users, 1);
	close_all();
}

/* ---- results ------------------------------------------------------------------------------ */

static struct accel_job_result result_of(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	assert_ok(accel_job_get_result(job, &result));
	return result;
}

static void results(enum model_kind kind)
{
	static const struct {
		uint32_t outcome;
		int err;
	} cases[] = {
		{ACCEL_DONE, 0},
		{ACCEL_DONE_UNVERIFIED, 0},
		{ACCEL_FAILED, -EIO},
		{ACCEL_TIMED_OUT, -ETIMEDOUT},
		{ACCEL_CANCELED, -ECANCELED},
		{ACCEL_LOST, -ESTALE},
	};
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_fence *fence;
	struct accel_job *job;
	size_t i;

	open_all(kind);
	job = model_job(queue, NULL);
	assert_fails(accel_job_get_result(job, &result), -ENODATA);
	/* The same job over and over: each result is its own. */
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fence = model_submit(queue, job);
		result = result_of(job);
		assert_int_equal(result.outcome, ACCEL_PENDING);
		assert_int_equal(result.error, 0);
		assert_true(!result.driver_code && !result.start_ns && !result.end_ns);
		model_end(job, cases[i].outcome);
		result = result_of(job);
		assert_int_equal(result.outcome, cases[i].outcome);
		assert_int_equal(result.error, cases[i].err);
		assert_int_equal(result.driver_code, 42);
		assert_int_equal(result.reserved, 0);
		assert_int_equal(result.size, sizeof(result));
		assert_int_equal(accel_fence_wait(fence, 0), cases[i].err);
		assert_int_equal(accel_fence_status(fence), cases[i].err);
		accel_fence_unref(fence);
	}
	assert_fails(accel_job_get_result(NULL, &result), -EINVAL);
	assert_fails(accel_job_get_result(job, NULL), -EINVAL);
	result.size = 8;
	result.error = 5;
	assert_ok(accel_job_get_result(job, &result));
	assert_int_equal(result.error, 5);
	accel_job_unref(job);
	close_all();
}

static void test_results_push(void **state)
{
	(void)state;
	results(MODEL_PUSH);
}

static void test_results_pull(void **state)
{
	(void)state;
	results(MODEL_PULL);
}

static void test_lost(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job, *next;

	(void)state;
	open_all(MODEL_PULL);
	job = model_job(queue, NULL);
	next = model_job(queue, NULL);
	fence = model_submit(queue, job);
	accel_fence_unref(model_submit(queue, next));
	model_lose(context, ACCEL_GONE);
	assert_gives(accel_fence_status(fence), -ENODEV);
	assert_int_equal(result_of(job).outcome, ACCEL_LOST);
	assert_int_equal(result_of(job).error, -ENODEV);
	assert_int_equal(result_of(next).outcome, ACCEL_LOST);
	assert_fails(accel_submit(queue, &job, 1, NULL, NULL), -ENODEV);
	assert_fails(accel_job_create(queue, &(struct accel_job_params){.size = 8}, &job), -ENODEV);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_job_unref(next);
	close_all();
}

/* ---- another buffer ----------------------------------------------------------------------- */

static void set_bo(enum model_kind kind)
{
	struct accel_bo *bo[3], *reads;
	struct accel_job *job;
	int i;

	open_all(kind);
	for (i = 0; i < 3; i++)
		bo[i] = model_bo(context, DEVICE, PAGE);
	reads = model_bo(context, ACCEL_BO_DEVICE_READ, PAGE);
	job = model_job(queue, bo[0], bo[1], NULL);
	assert_fails(accel_job_set_bo(NULL, 0, bo[2]), -EINVAL);
	assert_fails(accel_job_set_bo(job, 2, bo[2]), -EINVAL);
	assert_fails(accel_job_set_bo(job, UINT32_MAX, bo[2]), -EINVAL);
	assert_fails(accel_job_set_bo(job, 1, NULL), -EINVAL);
	assert_fails(accel_job_set_bo(job, 1, bo[0]), -EALREADY);
	assert_fails(accel_job_set_bo(job, 1, reads), -EACCES);
	model.job_set_bo_err = -ENOSPC;
	assert_fails(accel_job_set_bo(job, 1, bo[2]), -ENOSPC);
	model.job_set_bo_err = 0;
	assert_int_equal(bo[2]->refs, 1);
	assert_int_equal(bo[1]->refs, 2);
	assert_ok(accel_job_set_bo(job, 1, bo[2]));
	assert_int_equal(bo[2]->refs, 2);
	assert_int_equal(bo[1]->refs, 1);
	assert_ok(accel_job_set_bo(job, 1, bo[2])); /* in its own place again */
	assert_int_equal(bo[2]->refs, 2);
	assert_gives(accel_submit(queue, &job, 1, NULL, NULL), 1);
	assert_fails(accel_job_set_bo(job, 1, bo[1]), -EBUSY);
	assert_int_equal(bo[2]->busy, 1);
	assert_int_equal(bo[1]->busy, 0);
	model_end(job, ACCEL_DONE);
	assert_ok(accel_job_set_bo(job, 1, bo[1]));
	assert_int_equal(bo[2]->busy, 0);
	accel_job_unref(job);
	for (i = 0; i < 3; i++) {
		assert_int_equal(bo[i]->refs, 1);
		accel_bo_unref(bo[i]);
	}
	accel_bo_unref(reads);
	close_all();
}

static void test_set_bo_push(void **state)
{
	(void)state;
	set_bo(MODEL_PUSH);
}

static void test_set_bo_pull(void **state)
{
	(void)state;
	set_bo(MODEL_PULL);
}

struct other_bo {
	struct accel_job *job;
	struct accel_bo *bo;
};

static int set_it(void *arg)
{
	struct other_bo *set = arg;

	return accel_job_set_bo(set->job, 0, set->bo);
}

static int wait_it(void *arg)
{
	return accel_fence_wait(arg, far_off());
}

/* The job's fence has ended: that another thread is still on its way out of the driver is no
 * reason to say that the job is under way. */
static void test_set_bo_while_waited_for(void **state)
{
	struct accel_fence *fence;
	struct accel_bo *bo[2];
	struct other_bo set;
	struct task wait, task;

	(void)state;
	open_all(MODEL_PULL);
	bo[0] = model_bo(context, DEVICE, PAGE);
	bo[1] = model_bo(context, DEVICE, PAGE);
	set.job = model_job(queue, bo[0], NULL);
	set.bo = bo[1];
	fence = model_submit(queue, set.job);
	model.keep_waiters = 1;
	task_start(&wait, wait_it, fence);
	model_await_waiting(1);
	model_end(set.job, ACCEL_DONE);
	assert_ok(accel_fence_status(fence));
	seam_forget();
	task_start(&task, set_it, &set);
	while (!seam_calls(SEAM_FUTEX_WAIT) && !task.done)
		sched_yield();
	model_let_go();
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(task_join(&wait), 0);
	accel_fence_unref(fence);
	accel_job_unref(set.job);
	accel_bo_unref(bo[0]);
	accel_bo_unref(bo[1]);
	close_all();
}

/* ---- references --------------------------------------------------------------------------- */

static void orphans(enum model_kind kind)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct accel_bo *bo;
	int i;

	open_all(kind);
	for (i = 0; i < 3; i++) {
		bo = model_bo(context, DEVICE, PAGE);
		bo->no_cache = true;
		job = model_job(queue, bo, NULL);
		assert_ptr_equal(accel_job_ref(job), job);
		accel_job_unref(job);
		fence = model_submit(queue, job);
		accel_bo_unref(bo);
		accel_job_unref(job); /* under way: it lives on */
		assert_int_equal(model.jobs, 1);
		assert_true(model_is_running(job));
		model_end(job, ACCEL_DONE);
		if (i == 0)
			assert_ok(accel_fence_wait(fence, far_off()));
		else if (i == 1)
			assert_ok(accel_fence_status(fence));
		accel_fence_unref(fence);
		if (i == 2 && kind == MODEL_PULL) { /* nobody has asked: the next does */
			assert_int_equal(model.jobs, 1);
			assert_ok(accel_queue_get_room(queue, &fence));
			accel_fence_unref(fence);
		}
		assert_int_equal(model.jobs, 0);
		assert_int_equal(model.bos, 1); /* the commands */
	}
	assert_null(accel_job_ref(NULL));
	accel_job_unref(NULL);
	close_all();
}

static void test_orphans_push(void **state)
{
	(void)state;
	orphans(MODEL_PUSH);
}

static void test_orphans_pull(void **state)
{
	(void)state;
	orphans(MODEL_PULL);
}

/* Two threads in the driver for one job, one of them for longer, and the job given back. */
static void test_orphan_with_waiters(void **state)
{
	struct accel_fence *fence;
	struct task task[2];
	struct accel_job *job;

	(void)state;
	open_all(MODEL_PULL);
	job = model_job(queue, NULL);
	fence = model_submit(queue, job);
	accel_job_unref(job);
	model.keep_waiters = 1;
	task_start(&task[0], wait_it, fence);
	model_await_waiting(1);
	task_start(&task[1], wait_it, fence);
	model_await_waiting(2);
	model_end(job, ACCEL_DONE);
	assert_int_equal(task_join(&task[1]), 0);
	assert_ok(accel_fence_status(fence));
	assert_int_equal(model.jobs, 1);
	assert_int_equal(model.releases, 0);
	model_let_go();
	assert_int_equal(task_join(&task[0]), 0);
	assert_int_equal(model.jobs, 0);
	assert_int_equal(model.releases, 1);
	accel_fence_unref(fence);
	close_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_arguments),
		TEST(test_commands),
		TEST(test_buffers),
		TEST(test_no_memory),
		TEST(test_results_push),
		TEST(test_results_pull),
		TEST(test_lost),
		TEST(test_set_bo_push),
		TEST(test_set_bo_pull),
		TEST(test_set_bo_while_waited_for),
		TEST(test_orphans_push),
		TEST(test_orphans_pull),
		TEST(test_orphan_with_waiters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
