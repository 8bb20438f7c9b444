/* SPDX-License-Identifier: MIT */
/* queue.c: making, order of ends, room, cancelling, draining. */
#include "model.h"

#include <sched.h>

static void test_create(void **state)
{
	struct accel_queue_params params = {.size = sizeof(params)};
	struct accel_queue *queue = NULL;
	struct accel_context *context;

	(void)state;
	model.answer[ACCEL_PRIORITY_MIN] = -2;
	model.answer[ACCEL_PRIORITY_MAX] = 1;
	model.answer[ACCEL_QUEUE_DEPTH_MAX] = 8;
	context = model_open(MODEL_PUSH, 0);
	assert_ok(accel_queue_create(context, NULL, 0, &queue));
	assert_int_equal(queue->depth, 4);
	accel_queue_unref(queue);
	queue = NULL;
	params.depth = 9;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.depth = UINT32_MAX;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.depth = 8;
	params.priority = -3;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.priority = 2;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.priority = 1;
	params.flags = 1;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.flags = 0;
	params.size = 4097;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -EINVAL);
	params.size = sizeof(params);
	assert_fails(accel_queue_create(NULL, &params, 0, &queue), -EINVAL);
	assert_fails(accel_queue_create(context, &params, 0, NULL), -EINVAL);
	model.queue_init_err = -ENOSPC;
	assert_fails(accel_queue_create(context, &params, 0, &queue), -ENOSPC);
	model.queue_init_err = 0;
	assert_null(queue);
	assert_ok(accel_queue_create(context, &params, 0, &queue));
	assert_int_equal(queue->priority, 1);
	accel_queue_unref(queue);
	params.priority = -2;
	assert_ok(accel_queue_create(context, &params, 0, &queue));
	assert_ptr_equal(accel_queue_ref(queue), queue);
	accel_queue_unref(queue);
	assert_int_equal(model.queues, 1);
	accel_queue_unref(queue);
	assert_int_equal(model.queues, 0);
	assert_null(accel_queue_ref(NULL));
	accel_queue_unref(NULL);
	accel_context_unref(context);
}

static void test_no_memory(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	const long memory = seam_live_memory();
	struct accel_queue *queue = NULL;
	unsigned long skip;
	int ret;

	(void)state;
	for (skip = 0;; skip++) {
		seam_fail(SEAM_ALLOC, skip, 1, 1);
		ret = accel_queue_create(context, NULL, 0, &queue);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(support_error().code, -ENOMEM);
		assert_null(queue);
		assert_int_equal(seam_live_memory(), memory);
		assert_int_equal(model.queues, 0);
		assert_int_equal(context->refs, 1);
	}
	assert_true(skip > 4);
	accel_queue_unref(queue);
	assert_int_equal(seam_live_memory(), memory);
	accel_context_unref(context);
}

/* The queue holds its context. */
static void test_holds_context(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_queue *queue = model_queue(context, 1);

	(void)state;
	accel_context_unref(context);
	assert_int_equal(model.contexts, 1);
	accel_queue_unref(queue);
	assert_int_equal(model.contexts, 0);
}

/* ---- the order of ends -------------------------------------------------------------------- */

static void test_outcomes(void **state)
{
	static const struct {
		uint32_t outcome;
		int err;
	} cases[] = {
		{ACCEL_PENDING, -EINPROGRESS}, {ACCEL_DONE, 0},
		{ACCEL_DONE_UNVERIFIED, 0},    {ACCEL_FAILED, -EIO},
		{ACCEL_TIMED_OUT, -ETIMEDOUT}, {ACCEL_CANCELED, -ECANCELED},
		{ACCEL_LOST, -ESTALE},         {77, -EIO},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(accel_core_outcome_errno(cases[i].outcome), cases[i].err);
}

/* Of a queue that pulls: that a later job has ended tells that the earlier have, too. */
static void test_later_tells_of_earlier(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	struct accel_queue *queue = model_queue(context, 4);
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_fence *fence[3];
	struct accel_job *job[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		job[i] = model_job(queue, NULL);
		fence[i] = model_submit(queue, job[i]);
	}
	/* A kernel that tells of the second only. */
	model_end(job[1], ACCEL_DONE);
	assert_gives(accel_fence_status(fence[0]), -EINPROGRESS);
	assert_gives(accel_fence_status(fence[1]), -EINPROGRESS); /* in their order */
	assert_ok(accel_fence_wait(fence[1], far_off()));
	assert_ok(accel_fence_status(fence[0]));
	assert_gives(accel_fence_status(fence[2]), -EINPROGRESS);
	assert_ok(accel_job_get_result(job[0], &result));
	assert_int_equal(result.outcome, ACCEL_DONE_UNVERIFIED);
	assert_ok(accel_job_get_result(job[1], &result));
	assert_int_equal(result.outcome, ACCEL_DONE);
	model_end(job[2], ACCEL_FAILED);
	assert_gives(accel_fence_status(fence[2]), -EIO);
	for (i = 0; i < 3; i++) {
		accel_fence_unref(fence[i]);
		accel_job_unref(job[i]);
	}
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* ---- room --------------------------------------------------------------------------------- */

static int submit_one(struct accel_queue *queue, struct accel_job *job)
{
	return accel_submit(queue, &job, 1, NULL, NULL);
}

static void room_by_depth(enum model_kind kind)
{
	struct accel_context *context = model_open(kind, 0);
	struct accel_queue *queue = model_queue(context, 2);
	struct accel_fence *room, *other;
	struct accel_job *job[3];
	int i;

	for (i = 0; i < 3; i++)
		job[i] = model_job(queue, NULL);
	/* There is room now. */
	assert_ok(accel_queue_get_room(queue, &room));
	assert_ok(accel_fence_wait(room, 0));
	accel_fence_unref(room);
	assert_gives(submit_one(queue, job[0]), 1);
	assert_ok(accel_queue_get_room(queue, &room));
	assert_ok(accel_fence_status(room));
	accel_fence_unref(room);
	assert_gives(submit_one(queue, job[1]), 1);
	assert_gives(submit_one(queue, job[2]), -EAGAIN);
	/* The oldest one's end makes room; asked for twice. */
	assert_ok(accel_queue_get_room(queue, &room));
	assert_ok(accel_queue_get_room(queue, &other));
	assert_gives(accel_fence_status(room), -EINPROGRESS);
	assert_gives(accel_fence_wait(room, 0), -ETIME);
	model_end(job[0], ACCEL_FAILED);
	assert_gives(accel_fence_wait(room, far_off()), -EIO); /* it tells how that job ended */
	assert_gives(accel_fence_status(other), -EIO);
	assert_gives(submit_one(queue, job[2]), 1);
	assert_gives(submit_one(queue, job[0]), -EAGAIN);
	model_end(job[1], ACCEL_DONE);
	/* Of a queue that pulls nobody has noticed yet: asking for room does. */
	accel_fence_unref(room);
	assert_ok(accel_queue_get_room(queue, &room));
	assert_ok(accel_fence_status(room));
	model_end(job[2], ACCEL_DONE);
	accel_fence_unref(room);
	accel_fence_unref(other);
	for (i = 0; i < 3; i++)
		accel_job_unref(job[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* The driver's own limit, over all queues. */
static void room_by_driver(enum model_kind kind)
{
	struct accel_context *context = model_open(kind, 0);
	struct accel_queue *first = model_queue(context, 4), *second = model_queue(context, 4);
	struct accel_job *a = model_job(first, NULL), *b = model_job(second, NULL);
	struct accel_job *c = model_job(first, NULL);
	struct accel_fence *room = NULL;

	model.room = 1;
	assert_gives(submit_one(first, a), 1);
	assert_gives(submit_one(second, b), -EAGAIN);
	/* The room of one's own queue, if it has a job. */
	assert_gives(submit_one(first, c), -EAGAIN);
	assert_ok(accel_queue_get_room(first, &room));
	assert_gives(accel_fence_status(room), -EINPROGRESS);
	accel_fence_unref(room);
	/* Else that of another. */
	assert_ok(accel_queue_get_room(second, &room));
	assert_gives(accel_fence_status(room), -EINPROGRESS);
	model_end(a, ACCEL_DONE);
	assert_ok(accel_fence_wait(room, far_off()));
	accel_fence_unref(room);
	/* There is room now, though this queue's own jobs had no part in it. */
	assert_ok(accel_queue_get_room(second, &room));
	assert_ok(accel_fence_status(room));
	accel_fence_unref(room);
	assert_gives(submit_one(second, b), 1);
	model_end(b, ACCEL_DONE);
	/* The driver is full of other processes' jobs. */
	room = NULL;
	model.room = 0;
	assert_ok(accel_job_get_result(b, &(struct accel_job_result){.size = 40}));
	assert_gives(submit_one(second, b), -EAGAIN);
	assert_fails(accel_queue_get_room(second, &room), -ENOENT);
	assert_null(room);
	model.room = 1;
	assert_gives(submit_one(second, b), 1);
	model_end(b, ACCEL_DONE);
	accel_job_unref(a);
	accel_job_unref(b);
	accel_job_unref(c);
	accel_queue_unref(first);
	accel_queue_unref(second);
	accel_context_unref(context);
}

static void test_room_by_depth_push(void **state)
{
	(void)state;
	room_by_depth(MODEL_PUSH);
}

static void test_room_by_depth_pull(void **state)
{
	(void)state;
	room_by_depth(MODEL_PULL);
}

static void test_room_by_driver_push(void **state)
{
	(void)state;
	room_by_driver(MODEL_PUSH);
}

static void test_room_by_driver_pull(void **state)
{
	(void)state;
	room_by_driver(MODEL_PULL);
}

/* A fence for room is of the oldest job, though that is amid what another fence covers. */
static void test_room_amid_a_batch(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_queue *queue = model_queue(context, 3);
	struct accel_fence *batch, *room[3];
	struct accel_job *job[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		job[i] = model_job(queue, NULL);
	assert_gives(accel_submit(queue, job, 3, NULL, &batch), 3);
	for (i = 0; i < 3; i++) {
		queue->full = true; /* as a driver with units of its own has it */
		queue->full_since = context->ended;
		assert_ok(accel_queue_get_room(queue, &room[i]));
		assert_gives(accel_fence_status(room[i]), -EINPROGRESS);
		model_end(job[i], i == 1 ? ACCEL_TIMED_OUT : ACCEL_DONE);
		assert_gives(accel_fence_status(room[i]), i == 1 ? -ETIMEDOUT : 0);
		assert_gives(accel_fence_status(batch), i == 2 ? -ETIMEDOUT : -EINPROGRESS);
	}
	for (i = 0; i < 3; i++) {
		accel_fence_unref(room[i]);
		accel_job_unref(job[i]);
	}
	accel_fence_unref(batch);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

static void test_room_errors(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_queue *queue = model_queue(context, 1);
	struct accel_fence *room = NULL;

	(void)state;
	assert_fails(accel_queue_get_room(NULL, &room), -EINVAL);
	assert_fails(accel_queue_get_room(queue, NULL), -EINVAL);
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_queue_get_room(queue, &room), -ENOMEM);
	assert_null(room);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* ---- cancelling --------------------------------------------------------------------------- */

static int cancel_it(void *arg)
{
	return accel_queue_cancel(arg, far_off());
}

static void cancel(enum model_kind kind)
{
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_job *job[2];
	struct task task;
	int i;

	model.answer[ACCEL_HAS_CANCEL] = ACCEL_NATIVE;
	context = model_open(kind, 0);
	queue = model_queue(context, 4);
	for (i = 0; i < 2; i++) {
		job[i] = model_job(queue, NULL);
		assert_gives(submit_one(queue, job[i]), 1);
	}
	assert_gives(accel_queue_cancel(queue, 0), -ETIME);
	assert_int_equal(model.cancels, 1);
	assert_true(job[0]->canceled && job[1]->canceled);
	task_start(&task, cancel_it, queue);
	model_end(job[0], ACCEL_CANCELED);
	model_end(job[1], ACCEL_CANCELED);
	assert_int_equal(task_join(&task), 0);
	assert_ok(accel_queue_cancel(queue, 0)); /* nothing is left */
	/* The next submission isn't cancelled. */
	assert_gives(submit_one(queue, job[0]), 1);
	assert_false(job[0]->canceled);
	model_end(job[0], ACCEL_DONE);
	for (i = 0; i < 2; i++)
		accel_job_unref(job[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

static void test_cancel_push(void **state)
{
	(void)state;
	cancel(MODEL_PUSH);
}

static void test_cancel_pull(void **state)
{
	(void)state;
	cancel(MODEL_PULL);
}

static void test_cancel_errors(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_queue *queue = model_queue(context, 4);

	(void)state;
	assert_fails(accel_queue_cancel(NULL, 0), -EINVAL);
	model.answer[ACCEL_HAS_CANCEL] = ACCEL_ABSENT;
	assert_fails(accel_queue_cancel(queue, 0), -EOPNOTSUPP);
	assert_int_equal(model.cancels, 0);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* ---- the end ------------------------------------------------------------------------------ */

static int unref_queue(void *arg)
{
	accel_queue_unref(arg);
	return 0;
}

/* The last reference waits for what runs; buffers and jobs stay until then. */
static void drain(enum model_kind kind)
{
	struct accel_context *context = model_open(kind, 0);
	struct accel_bo *bo = model_bo(context, ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE, 1);
	struct accel_queue *queue = model_queue(context, 4);
	struct accel_job *job[2];
	struct task task;
	int i;

	for (i = 0; i < 2; i++) {
		job[i] = model_job(queue, i ? NULL : bo, NULL);
		assert_gives(submit_one(queue, job[i]), 1);
		accel_job_unref(job[i]);
	}
	accel_bo_unref(bo);
	accel_context_unref(context);
	task_start(&task, unref_queue, queue);
	if (kind == MODEL_PULL)
		model_await_waiting(1);
	else
		seam_await(SEAM_FUTEX_WAIT, 1);
	assert_int_equal(model.jobs, 2);
	assert_int_equal(model.bos, 1);
	model_end(job[0], ACCEL_DONE);
	assert_int_equal(model.queues, 1);
	assert_false(task.done);
	model_end(job[1], ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(model.queues, 0);
	assert_int_equal(model.contexts, 0);
}

static void test_drain_push(void **state)
{
	(void)state;
	drain(MODEL_PUSH);
}

static void test_drain_pull(void **state)
{
	(void)state;
	drain(MODEL_PULL);
}

/*
 * Every order of giving back a context, a buffer, a queue, a job and a fence, with the job
 * ended before the first, amid them or at the last moment.
 */
struct five {
	struct accel_context *context;
	struct accel_bo *bo;
	struct accel_queue *queue;
	struct accel_job *job;
	struct accel_fence *fence;
	const int *order;
	int end_after;
};

static void give_back(struct five *five, int what)
{
	switch (what) {
	case 0:
		accel_context_unref(five->context);
		break;
	case 1:
		accel_bo_unref(five->bo);
		break;
	case 2:
		accel_queue_unref(five->queue);
		break;
	case 3:
		accel_job_unref(five->job);
		break;
	default:
		accel_fence_unref(five->fence);
	}
}

static int give_all_back(void *arg)
{
	struct five *five = arg;
	int i;

	for (i = 0; i < 5; i++)
		give_back(five, five->order[i]);
	return 0;
}

static void every_order(enum model_kind kind)
{
	int order[5], n, i, j, rest, end;
	struct task task;
	struct five five;

	for (n = 0; n < 120; n++) {
		/* The n-th order. */
		int left[5] = {0, 1, 2, 3, 4};

		for (i = 0, rest = n; i < 5; i++) {
			j = rest % (5 - i);
			rest /= 5 - i;
			order[i] = left[j];
			memmove(left + j, left + j + 1, sizeof(int) * (size_t)(4 - j));
		}
		for (end = 0; end < 2; end++) {
			five.context = model_open(kind, 0);
			five.bo = model_bo(five.context, 12, 1);
			five.queue = model_queue(five.context, 2);
			five.job = model_job(five.queue, five.bo, NULL);
			five.fence = model_submit(five.queue, five.job);
			five.order = order;
			if (end == 0)
				model_end(five.job, ACCEL_DONE);
			task_start(&task, give_all_back, &five);
			if (end == 1)
				model_end(five.job, ACCEL_DONE);
			task_join(&task);
			assert_int_equal(model.jobs + model.queues + model.contexts + model.bos, 0);
		}
	}
}

static void test_every_order_push(void **state)
{
	(void)state;
	every_order(MODEL_PUSH);
}

static void test_every_order_pull(void **state)
{
	(void)state;
	every_order(MODEL_PULL);
}

static int begin_it(void *arg)
{
	return accel_bo_begin_access(arg, ACCEL_ACCESS_READ, 0, 1, far_off());
}

/*
 * A thread that waits for a buffer holds no reference to the queue. It is still inside the
 * driver when the job has ended and all references to queue and job are given back: neither may
 * be taken apart under it.
 */
static void test_drain_waits_for_waiters(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	struct accel_bo *bo = model_bo(context, 15, 1);
	struct accel_queue *queue = model_queue(context, 4);
	struct accel_job *job = model_job(queue, bo, NULL);
	struct task wait, end;

	(void)state;
	assert_gives(submit_one(queue, job), 1);
	model.keep_waiters = 1;
	task_start(&wait, begin_it, bo);
	model_await_waiting(1);
	model_end(job, ACCEL_DONE);
	accel_job_unref(job);
	seam_forget();
	task_start(&end, unref_queue, queue);
	/* Asleep until the other thread is out, or done too early: the model complains then. */
	while (!seam_calls(SEAM_FUTEX_WAIT) && !end.done)
		sched_yield();
	model_let_go();
	assert_int_equal(task_join(&wait), 0);
	assert_int_equal(task_join(&end), 0);
	accel_bo_unref(bo);
	accel_context_unref(context);
}

/* A driver that can't wait is asked now and then instead. */
static void test_drain_without_wait(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	struct accel_queue *queue = model_queue(context, 4);
	struct accel_job *job = model_job(queue, NULL);
	struct accel_fence *fence = model_submit(queue, job);
	struct task task;

	(void)state;
	model.wait_err = -ENOMEM;
	assert_int_equal(accel_fence_wait(fence, far_off()), -ENOMEM);
	accel_fence_unref(fence);
	accel_job_unref(job);
	task_start(&task, unref_queue, queue);
	seam_await(SEAM_POLL, 3);
	model_end(job, ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	accel_context_unref(context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_no_memory),
		TEST(test_holds_context),
		TEST(test_outcomes),
		TEST(test_later_tells_of_earlier),
		TEST(test_room_by_depth_push),
		TEST(test_room_by_depth_pull),
		TEST(test_room_by_driver_push),
		TEST(test_room_by_driver_pull),
		TEST(test_room_amid_a_batch),
		TEST(test_room_errors),
		TEST(test_cancel_push),
		TEST(test_cancel_pull),
		TEST(test_cancel_errors),
		TEST(test_drain_push),
		TEST(test_drain_pull),
		TEST(test_every_order_push),
		TEST(test_every_order_pull),
		TEST(test_drain_waits_for_waiters),
		TEST(test_drain_without_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
