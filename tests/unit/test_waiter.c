/* SPDX-License-Identifier: MIT */
/* waiter.c: jobs that wait for fences which the driver can't wait for. */
#include "model.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>

#define JOBS 6

static struct accel_context *context;
static struct accel_queue *queue;
static struct accel_job *job[JOBS];
static int event;
static struct accel_fence *gate;

/* A pull queue, and a fence that the test ends. */
static void open_all(void)
{
	int i;

	context = model_open(MODEL_PULL, 0);
	queue = model_queue(context, JOBS);
	for (i = 0; i < JOBS; i++)
		job[i] = model_job(queue, NULL);
	event = eventfd(0, EFD_CLOEXEC);
	assert_ok(accel_fence_import_fd(event, 0, &gate));
}

static void open_gate(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(event, &one, 8), 8);
}

static void close_all(void)
{
	int i;

	accel_fence_unref(gate);
	for (i = 0; i < JOBS; i++)
		accel_job_unref(job[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
	close(event);
}

static uint32_t outcome_of(struct accel_job *of)
{
	struct accel_job_result result = {.size = sizeof(result)};

	assert_ok(accel_job_get_result(of, &result));
	return result.outcome;
}

static int wait_it(void *arg)
{
	return accel_fence_wait(arg, far_off());
}

static void test_held(void **state)
{
	struct accel_fence *fence, *next;
	struct task task;

	(void)state;
	open_all();
	fence = model_submit_after(queue, job[0], gate);
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 1);
	assert_int_equal(queue->held, 1);
	assert_false(model_is_running(job[0]));
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	assert_gives(accel_fence_wait(fence, 0), -ETIME);
	assert_gives(accel_fence_wait(fence, accel_core_sys.now() + 100000), -ETIME);
	assert_int_equal(outcome_of(job[0]), ACCEL_PENDING);
	assert_fails(accel_submit(queue, job, 1, NULL, NULL), -EBUSY);
	/* One without a fence of its own stays behind it. */
	next = model_submit(queue, job[1]);
	assert_int_equal(queue->held, 2);
	assert_int_equal(model.submits, 0);
	task_start(&task, wait_it, fence);
	open_gate();
	model_await_running(job[0]);
	model_end(job[0], ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	model_await_running(job[1]);
	assert_true(job[1]->seq > job[0]->seq);
	model_end(job[1], ACCEL_FAILED);
	assert_int_equal(accel_fence_wait(next, far_off()), -EIO);
	assert_int_equal(queue->held, 0);
	accel_fence_unref(fence);
	accel_fence_unref(next);
	close_all();
}

/* The thread sleeps in the driver for a job that runs on, and nothing wakes it there. */
static void test_held_behind_a_long_one(void **state)
{
	struct accel_fence *fence, *held;
	const int64_t end = far_off();
	int fd;

	(void)state;
	open_all();
	fence = model_submit(queue, job[0]);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
	model_await_waiting(1);
	held = model_submit_after(queue, job[1], gate);
	assert_false(model_is_running(job[1]));
	open_gate();
	while (!model_is_running(job[1]) && accel_core_sys.now() < end)
		sched_yield();
	assert_true(model_is_running(job[1]));
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	model_end(job[0], ACCEL_DONE);
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(held, far_off()));
	accel_fence_unref(fence);
	accel_fence_unref(held);
	close(fd);
	close_all();
}

/* The thread has slept since its last work: it must be told of new. */
static void test_held_again(void **state)
{
	struct accel_fence *fence;
	int i;

	(void)state;
	open_all();
	for (i = 0; i < 10; i++) {
		const uint64_t one = 1;

		fence = model_submit_after(queue, job[0], gate);
		assert_int_equal(write(event, &one, 8), 8);
		model_await_running(job[0]);
		model_end(job[0], ACCEL_DONE);
		assert_ok(accel_fence_wait(fence, far_off()));
		accel_fence_unref(fence);
		/* It has come to rest. */
		seam_forget();
		seam_await(SEAM_FUTEX_WAIT, 0);
		accel_fence_unref(gate);
		assert_int_equal(read(event, &(uint64_t){0}, 8), 8);
		assert_ok(accel_fence_import_fd(event, 0, &gate));
	}
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0); /* one for all */
	close_all();
}

/* As above, and there is no doubt that it sleeps. */
static void test_woken_from_sleep(void **state)
{
	struct accel_fence *fence;
	const uint64_t one = 1;

	(void)state;
	open_all();
	fence = model_submit_after(queue, job[0], gate);
	open_gate();
	model_await_running(job[0]);
	model_end(job[0], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	while (!queue->sleepers)
		sched_yield();
	accel_fence_unref(gate);
	assert_int_equal(read(event, &(uint64_t){0}, 8), 8);
	assert_ok(accel_fence_import_fd(event, 0, &gate));
	fence = model_submit_after(queue, job[1], gate);
	assert_int_equal(write(event, &one, 8), 8);
	model_await_running(job[1]);
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	close_all();
}

/* Waits for fences of all kinds, more than fit into a job; that they failed doesn't matter. */
static void test_many_fences(void **state)
{
	struct accel_context *push = model_open(MODEL_PUSH, 0);
	struct accel_queue *push_queue = model_queue(push, 2), *pull_queue;
	struct accel_job *push_job = model_job(push_queue, NULL), *pull_job;
	struct accel_fence *wait[6], *fence;
	struct accel_submit_params params = {.size = sizeof(params), .wait = wait, .wait_count = 6};

	(void)state;
	open_all();
	pull_queue = model_queue(context, 2);
	pull_job = model_job(pull_queue, NULL);
	wait[0] = gate;
	wait[1] = model_submit(push_queue, push_job);
	wait[2] = model_submit(pull_queue, pull_job);
	wait[3] = wait[4] = gate;
	wait[5] = wait[2];
	assert_gives(accel_submit(queue, job, 2, &params, &fence), 2);
	/* The caller may give them back at once. */
	accel_fence_unref(wait[1]);
	accel_fence_unref(wait[2]);
	model_end(push_job, ACCEL_FAILED);
	assert_false(model_is_running(job[0]));
	open_gate();
	assert_false(model_is_running(job[0]));
	model_end(pull_job, ACCEL_TIMED_OUT);
	model_await_running(job[0]);
	model_await_running(job[1]);
	model_end(job[0], ACCEL_DONE);
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	accel_job_unref(push_job);
	accel_job_unref(pull_job);
	accel_queue_unref(push_queue);
	accel_queue_unref(pull_queue);
	accel_context_unref(push);
	close_all();
}

/* Behind a job that runs: handed over while that does, or after it. */
static void test_behind_a_running_one(void **state)
{
	struct accel_fence *fence[2];

	(void)state;
	open_all();
	fence[0] = model_submit(queue, job[0]);
	fence[1] = model_submit_after(queue, job[1], gate);
	open_gate();
	model_await_running(job[1]);
	model_end(job[0], ACCEL_DONE);
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence[1], far_off()));
	assert_ok(accel_fence_status(fence[0]));
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

/* The driver is full when the fence has ended: tried again. */
static void test_full(void **state)
{
	struct accel_queue *other;
	struct accel_fence *fence;
	struct accel_job *hog;

	(void)state;
	open_all();
	other = model_queue(context, 1);
	hog = model_job(other, NULL);
	model.room = 1;
	accel_fence_unref(model_submit(other, hog));
	fence = model_submit_after(queue, job[0], gate);
	open_gate();
	while (model.submits < 4) /* one for the hog */
		sched_yield();
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	model_end(hog, ACCEL_DONE);
	model_await_running(job[0]);
	model_end(job[0], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	accel_job_unref(hog);
	accel_queue_unref(other);
	close_all();
}

/* Refused when its turn comes: it was accepted, so it fails. */
static void test_refused_late(void **state)
{
	struct accel_fence *fence[2];

	(void)state;
	open_all();
	fence[0] = model_submit_after(queue, job[0], gate);
	fence[1] = model_submit(queue, job[1]);
	model_refuse(-ENOSPC, 1);
	open_gate();
	assert_int_equal(accel_fence_wait(fence[0], far_off()), -EIO);
	assert_int_equal(outcome_of(job[0]), ACCEL_FAILED);
	model_await_running(job[1]);
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence[1], far_off()));
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

/* The same behind one that runs: jobs end in their order. */
static void test_refused_behind(void **state)
{
	struct accel_fence *fence[2];

	(void)state;
	open_all();
	fence[0] = model_submit(queue, job[0]);
	model_refuse(-ENOSPC, UINT32_MAX);
	fence[1] = model_submit_after(queue, job[1], gate);
	open_gate();
	while (model.submits < 3)
		sched_yield();
	assert_gives(accel_fence_status(fence[1]), -EINPROGRESS);
	model_end(job[0], ACCEL_DONE);
	assert_int_equal(accel_fence_wait(fence[1], far_off()), -EIO);
	assert_ok(accel_fence_status(fence[0]));
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

static int cancel_it(void *arg)
{
	return accel_queue_cancel(arg, far_off());
}

static void test_cancel(void **state)
{
	struct accel_fence *fence[3];
	struct task task;
	int i;

	(void)state;
	open_all();
	fence[0] = model_submit(queue, job[0]);
	fence[1] = model_submit_after(queue, job[1], gate);
	fence[2] = model_submit(queue, job[2]);
	/* Emulated: what runs runs on, what is held ends behind it. */
	assert_gives(accel_queue_cancel(queue, 0), -ETIME);
	task_start(&task, cancel_it, queue);
	assert_gives(accel_fence_status(fence[1]), -EINPROGRESS);
	model_end(job[0], ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	assert_ok(accel_fence_status(fence[0]));
	assert_int_equal(accel_fence_status(fence[1]), -ECANCELED);
	assert_int_equal(accel_fence_status(fence[2]), -ECANCELED);
	assert_int_equal(outcome_of(job[1]), ACCEL_CANCELED);
	assert_false(model_is_running(job[1]) || model_is_running(job[2]));
	assert_int_equal(queue->held, 0);
	for (i = 0; i < 3; i++)
		accel_fence_unref(fence[i]);
	/* All are as good as new. */
	fence[0] = model_submit(queue, job[1]);
	assert_true(model_is_running(job[1]));
	model_end(job[1], ACCEL_DONE);
	assert_ok(accel_fence_wait(fence[0], 0));
	accel_fence_unref(fence[0]);
	close_all();
}

/* A fence that nobody ends, and the queue is given up: cancelled first, it comes to an end. */
static void test_cancel_and_leave(void **state)
{
	struct accel_fence *fence;
	int i;

	(void)state;
	open_all();
	fence = model_submit_after(queue, job[0], gate);
	accel_fence_unref(model_submit(queue, job[1]));
	for (i = 0; i < 2; i++) {
		accel_job_unref(job[i]);
		job[i] = NULL;
	}
	assert_ok(accel_queue_cancel(queue, far_off()));
	assert_int_equal(accel_fence_status(fence), -ECANCELED);
	accel_fence_unref(fence);
	close_all();
}

static void test_lost(void **state)
{
	struct accel_fence *fence[2];
	struct task task;

	(void)state;
	open_all();
	fence[0] = model_submit(queue, job[0]);
	fence[1] = model_submit_after(queue, job[1], gate);
	task_start(&task, wait_it, fence[1]);
	model_lose(context, ACCEL_CONTEXT_LOST);
	assert_int_equal(task_join(&task), -ESTALE);
	assert_int_equal(accel_fence_status(fence[0]), -ESTALE);
	assert_int_equal(outcome_of(job[1]), ACCEL_LOST);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

/* Given back by all while it is held: it runs all the same, and the queue's end waits. */
static int leave_queue(void *arg)
{
	accel_queue_unref(arg);
	return 0;
}

static void test_orphans(void **state)
{
	struct accel_job *orphan;
	struct task task;
	int i;

	(void)state;
	open_all();
	orphan = model_job(queue, NULL);
	accel_fence_unref(model_submit_after(queue, orphan, gate));
	accel_job_unref(orphan);
	for (i = 0; i < JOBS; i++) {
		accel_job_unref(job[i]);
		job[i] = NULL;
	}
	task_start(&task, leave_queue, queue);
	queue = NULL;
	assert_int_equal(model.jobs, 1);
	assert_false(task.done);
	open_gate();
	model_await_running(orphan);
	model_end(orphan, ACCEL_DONE);
	task_join(&task);
	assert_int_equal(model.queues, 0);
	close_all();
}

/* A chain over several queues, each job behind the one before it on another queue. */
static void test_chain(void **state)
{
	struct accel_fence *fence[9];
	struct accel_queue *other[3];
	struct accel_job *link[9];
	int i;

	(void)state;
	open_all();
	for (i = 0; i < 3; i++)
		other[i] = model_queue(context, 4);
	for (i = 0; i < 9; i++) {
		link[i] = model_job(other[i % 3], NULL);
		fence[i] = model_submit_after(other[i % 3], link[i], i ? fence[i - 1] : gate);
	}
	open_gate();
	for (i = 0; i < 9; i++) {
		model_await_running(link[i]);
		if (i < 8)
			assert_false(model_is_running(link[i + 1]));
		model_end(link[i], ACCEL_DONE);
	}
	assert_ok(accel_fence_wait(fence[8], far_off()));
	for (i = 8; i >= 0; i--) {
		assert_ok(accel_fence_status(fence[i]));
		accel_fence_unref(fence[i]);
		accel_job_unref(link[i]);
	}
	for (i = 0; i < 3; i++)
		accel_queue_unref(other[i]);
	close_all();
}

static void test_no_threads(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params), .wait_count = 1};
	struct accel_context *alone = model_open(MODEL_PULL, ACCEL_OPEN_NO_THREADS);
	struct accel_queue *its = model_queue(alone, 1);
	struct accel_job *mine = model_job(its, NULL);

	(void)state;
	open_all();
	seam_forget();
	params.wait = &gate;
	assert_fails(accel_submit(its, &mine, 1, &params, NULL), -EOPNOTSUPP);
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0);
	open_gate();
	assert_gives(accel_submit(its, &mine, 1, &params, NULL), 1);
	model_end(mine, ACCEL_DONE);
	accel_job_unref(mine);
	accel_queue_unref(its);
	accel_context_unref(alone);
	close_all();
}

static void test_no_memory(void **state)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &gate, .wait_count = 1};
	struct accel_fence *fence = NULL;

	(void)state;
	open_all();
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -ENOMEM);
	seam_fail(SEAM_THREAD_CREATE, 0, 1, -EAGAIN);
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -ENOMEM);
	assert_null(fence);
	assert_int_equal(gate->refs, 1);
	assert_int_equal(queue->held + queue->under_way, 0);
	assert_null(queue->waiter);
	close_all();
}

/* A sync_file can't be had of a job that is held; a descriptor to poll can. */
static void test_export_held(void **state)
{
	struct pollfd pollfd = {.events = POLLIN};
	struct accel_fence *fence;
	int fd = -7;

	(void)state;
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_SYNC_FILE] = ACCEL_NATIVE;
	open_all();
	fence = model_submit_after(queue, job[0], gate);
	assert_int_equal(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), -EAGAIN);
	assert_int_equal(fd, -7);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &pollfd.fd));
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	open_gate();
	model_await_running(job[0]);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd));
	accel_core_sys.close(fd);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	model_end(job[0], ACCEL_DONE);
	assert_int_equal(poll(&pollfd, 1, 100000), 1);
	close(pollfd.fd);
	accel_fence_unref(fence);
	close_all();
}

/* It takes no signals: the application's handlers run on its own threads. */
static int thread_starts;
static sigset_t mask_inside;

static int seen_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	(void)out, (void)fn, (void)arg;
	thread_starts++;
	return -EAGAIN;
}

static void *look_at_mask(void *arg)
{
	(void)arg;
	pthread_sigmask(SIG_SETMASK, NULL, &mask_inside);
	return NULL;
}

static void test_signals(void **state)
{
	pthread_t thread;
	sigset_t before, after;
	int signal;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(accel_core_sys.thread_create(&thread, look_at_mask, NULL), 0);
	assert_int_equal(accel_core_sys.thread_join(thread), 0);
	assert_true(sigismember(&mask_inside, SIGALRM) && sigismember(&mask_inside, SIGTERM));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (signal = 1; signal < 65; signal++)
		assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
	/* And none is started through anything but the seam. */
	open_all();
	accel_core_sys.thread_create = seen_create;
	assert_int_equal(accel_submit(queue, job, 1,
				      &(struct accel_submit_params){
					      .size = sizeof(struct accel_submit_params),
					      .wait = &gate,
					      .wait_count = 1},
				      NULL),
			 -ENOMEM);
	assert_int_equal(thread_starts, 1);
	close_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_held),
		TEST(test_held_behind_a_long_one),
		TEST(test_held_again),
		TEST(test_woken_from_sleep),
		TEST(test_many_fences),
		TEST(test_behind_a_running_one),
		TEST(test_full),
		TEST(test_refused_late),
		TEST(test_refused_behind),
		TEST(test_cancel),
		TEST(test_cancel_and_leave),
		TEST(test_lost),
		TEST(test_orphans),
		TEST(test_chain),
		TEST(test_no_threads),
		TEST(test_no_memory),
		TEST(test_export_held),
		TEST(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
