/* SPDX-License-Identifier: MIT */
/* fence.c: waiting for one and for many, status, callbacks, descriptors in and out. */
#include "model.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* A context and queue of each kind, with jobs. */
#define JOBS 10
static struct accel_context *context[2];
static struct accel_queue *queue[2];
static struct accel_job *job[2][JOBS];

static void open_all(uint32_t flags)
{
	int kind, i;

	for (kind = 0; kind < 2; kind++) {
		context[kind] = model_open((enum model_kind)kind, flags);
		queue[kind] = model_queue(context[kind], JOBS);
		for (i = 0; i < JOBS; i++)
			job[kind][i] = model_job(queue[kind], NULL);
	}
}

static void close_all(void)
{
	int kind, i;

	for (kind = 0; kind < 2; kind++) {
		for (i = 0; i < JOBS; i++)
			accel_job_unref(job[kind][i]);
		accel_queue_unref(queue[kind]);
		accel_context_unref(context[kind]);
	}
}

static struct accel_fence *submit(enum model_kind kind, int i)
{
	return model_submit(queue[kind], job[kind][i]);
}

static void end(enum model_kind kind, int i, uint32_t outcome)
{
	model_end(job[kind][i], outcome);
}

static bool is_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1 && pollfd.revents & POLLIN;
}

static void await_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&pollfd, 1, 100000), 1);
	assert_true(pollfd.revents & POLLIN);
}

static int wait_it(void *arg)
{
	return accel_fence_wait(arg, far_off());
}

static int wait_for_ever(void *arg)
{
	return accel_fence_wait(arg, ACCEL_NO_DEADLINE);
}

/* ---- one ---------------------------------------------------------------------------------- */

static void test_null(void **state)
{
	struct accel_fence *fence = NULL;
	int fd = -7;

	(void)state;
	assert_fails(accel_fence_wait(NULL, 0), -EINVAL);
	assert_fails(accel_fence_status(NULL), -EINVAL);
	assert_fails(accel_fence_export_fd(NULL, 0, &fd), -EINVAL);
	assert_fails(accel_fence_import_fd(0, 0, NULL), -EINVAL);
	assert_fails(accel_fence_import_fd(0, 1, &fence), -EINVAL);
	assert_null(accel_fence_ref(NULL));
	accel_fence_unref(NULL);
	assert_null(fence);
}

static void wait_one(enum model_kind kind)
{
	struct accel_fence *fence;
	struct task task[2];
	int i, t;

	open_all(0);
	for (i = 0; i < 2; i++) {
		fence = submit(kind, i);
		assert_gives(accel_fence_status(fence), -EINPROGRESS);
		assert_gives(accel_fence_wait(fence, 0), -ETIME);
		assert_gives(accel_fence_wait(fence, -1), -ETIME);
		assert_gives(accel_fence_wait(fence, INT64_MIN), -ETIME);
		assert_gives(accel_fence_wait(fence, 1), -ETIME);
		assert_gives(accel_fence_wait(fence, accel_core_sys.now() + 1000000), -ETIME);
		seam_forget();
		for (t = 0; t < 2; t++)
			task_start(&task[t], t ? wait_it : wait_for_ever, fence);
		if (kind == MODEL_PULL)
			model_await_waiting(2);
		else
			seam_await(SEAM_FUTEX_WAIT, 2);
		assert_false(task[0].done || task[1].done);
		end(kind, i, i ? ACCEL_TIMED_OUT : ACCEL_DONE);
		for (t = 0; t < 2; t++)
			assert_int_equal(task_join(&task[t]), i ? -ETIMEDOUT : 0);
		assert_int_equal(accel_fence_wait(fence, 0), i ? -ETIMEDOUT : 0);
		assert_int_equal(accel_fence_status(fence), i ? -ETIMEDOUT : 0);
		accel_fence_unref(fence);
	}
	close_all();
}

static void test_wait_push(void **state)
{
	(void)state;
	wait_one(MODEL_PUSH);
}

static void test_wait_pull(void **state)
{
	(void)state;
	wait_one(MODEL_PULL);
}

/* A deadline of 0 asks, but doesn't sleep. */
static void test_never_sleeps(void **state)
{
	struct accel_fence *fence[2];
	uint32_t index;

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PUSH, 0);
	fence[1] = submit(MODEL_PULL, 0);
	seam_forget();
	model.waits_made = 0;
	assert_gives(accel_fence_wait(fence[0], 0), -ETIME);
	assert_gives(accel_fence_wait(fence[1], 0), -ETIME);
	assert_gives(accel_fence_wait_many(fence, 2, 0, 0, &index), -ETIME);
	assert_gives(accel_fence_wait_many(fence, 2, ACCEL_WAIT_ALL, 0, &index), -ETIME);
	assert_gives(accel_fence_status(fence[0]), -EINPROGRESS);
	assert_gives(accel_fence_status(fence[1]), -EINPROGRESS);
	assert_int_equal(seam_calls(SEAM_FUTEX_WAIT) + seam_calls(SEAM_POLL), 0);
	assert_int_equal(model.waits_made, 0);
	/* And it sees what has ended meanwhile. */
	end(MODEL_PUSH, 0, ACCEL_DONE);
	end(MODEL_PULL, 0, ACCEL_DONE);
	assert_ok(accel_fence_wait(fence[1], 0));
	assert_ok(accel_fence_wait(fence[0], INT64_MIN));
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

/* A storm of signals, an error of the futex call. */
static void test_interrupted(void **state)
{
	struct accel_fence *fence[2];
	struct task task;

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PUSH, 0);
	fence[1] = submit(MODEL_PUSH, 1);
	seam_forget();
	seam_fail(SEAM_FUTEX_WAIT, 0, 1000, -EINTR);
	task_start(&task, wait_it, fence[0]);
	seam_await(SEAM_FUTEX_WAIT, 1001);
	assert_false(task.done);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	seam_fail(SEAM_FUTEX_WAIT, 0, 1000, -EINTR);
	assert_gives(accel_fence_wait(fence[1], accel_core_sys.now() + 1000000), -ETIME);
	end(MODEL_PUSH, 1, ACCEL_DONE);
	seam_fail(SEAM_FUTEX_WAIT, 0, 0, 0);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

/* Wakes that mean nothing are slept through. */
static void test_spurious_wakes(void **state)
{
	struct accel_fence *fence;
	struct task task;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	seam_forget();
	task_start(&task, wait_it, fence);
	seam_await(SEAM_FUTEX_WAIT, 1);
	while (seam_calls(SEAM_FUTEX_WAIT) < 20) {
		accel_core_sys.futex_wake((const uint32_t *)&fence->state, INT32_MAX);
		sched_yield();
	}
	assert_false(task.done);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	accel_fence_unref(fence);
	close_all();
}

/* Two threads in the driver for different jobs: the later one tells of the earlier. */
static void test_two_waiters(void **state)
{
	struct accel_fence *fence[2];
	struct task task[2];

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PULL, 0);
	fence[1] = submit(MODEL_PULL, 1);
	model.keep_waiters = 1;
	task_start(&task[0], wait_it, fence[0]);
	model_await_waiting(1);
	task_start(&task[1], wait_it, fence[1]);
	model_await_waiting(2);
	end(MODEL_PULL, 0, ACCEL_FAILED);
	end(MODEL_PULL, 1, ACCEL_DONE);
	assert_int_equal(task_join(&task[1]), 0);
	assert_int_equal(job[MODEL_PULL][0]->state, ACCEL_JOB_ENDED);
	assert_int_equal(accel_fence_status(fence[0]), -EIO);
	model_let_go();
	assert_int_equal(task_join(&task[0]), -EIO);
	assert_int_equal(job[MODEL_PULL][0]->state, ACCEL_JOB_IDLE);
	assert_int_equal(model.releases, 2);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

static void test_refs(void **state)
{
	struct accel_fence *fence;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	assert_int_equal(queue[MODEL_PUSH]->users, 1 + JOBS + 1);
	assert_ptr_equal(accel_fence_ref(fence), fence);
	accel_fence_unref(fence);
	assert_int_equal(queue[MODEL_PUSH]->users, 1 + JOBS + 1);
	/* Given back before its job has ended. */
	accel_fence_unref(fence);
	assert_int_equal(queue[MODEL_PUSH]->users, 1 + JOBS);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	close_all();
}

/* A fence outlives everything else, and still tells. */
static void test_outlives(void **state)
{
	struct accel_fence *fence[2];
	int fd;

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PUSH, 0);
	fence[1] = submit(MODEL_PULL, 0);
	end(MODEL_PUSH, 0, ACCEL_FAILED);
	end(MODEL_PULL, 0, ACCEL_CANCELED);
	close_all();
	assert_int_equal(accel_fence_status(fence[0]), -EIO);
	assert_int_equal(accel_fence_wait(fence[1], 0), -ECANCELED);
	assert_ok(accel_fence_export_fd(fence[1], ACCEL_FD_ANY, &fd));
	assert_true(is_readable(fd));
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	assert_true(is_readable(fd));
	close(fd);
}

/* ---- many --------------------------------------------------------------------------------- */

static void test_many_arguments(void **state)
{
	struct accel_fence *fence[2] = {NULL, NULL};
	uint32_t index = 77;

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PUSH, 0);
	assert_fails(accel_fence_wait_many(NULL, 1, 0, 0, &index), -EINVAL);
	assert_fails(accel_fence_wait_many(fence, 0, 0, 0, &index), -EINVAL);
	assert_fails(accel_fence_wait_many(fence, 1, 2, 0, &index), -EINVAL);
	assert_fails(accel_fence_wait_many(fence, 2, 0, 0, &index), -EINVAL);
	assert_gives(accel_fence_wait_many(fence, 1, 0, 0, &index), -ETIME);
	assert_int_equal(index, 77);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_ok(accel_fence_wait_many(fence, 1, 0, 0, NULL));
	assert_ok(accel_fence_wait_many(fence, 1, ACCEL_WAIT_ALL, 0, &index));
	assert_int_equal(index, 77); /* none failed */
	assert_ok(accel_fence_wait_many(fence, 1, 0, 0, &index));
	assert_int_equal(index, 0);
	accel_fence_unref(fence[0]);
	close_all();
}

struct many {
	struct accel_fence *fence[40];
	uint32_t count, flags, index;
};

static int wait_many(void *arg)
{
	struct many *many = arg;

	return accel_fence_wait_many(many->fence, many->count, many->flags, far_off(),
				     &many->index);
}

/* One of several, of one kind or mixed with the other and with a descriptor. */
static void any_of(bool push, bool pull, bool imported, uint32_t flags)
{
	const int event = eventfd(0, EFD_CLOEXEC);
	const uint64_t one = 1;
	uint32_t which, n, ended;
	struct task task;
	struct many many;

	for (which = 0; which < 3; which++) {
		if ((which == 0 && !push) || (which == 1 && !pull) || (which == 2 && !imported))
			continue;
		open_all(flags);
		many = (struct many){.index = 77};
		n = ended = 0;
		if (push) {
			ended = which == 0 ? n : ended;
			many.fence[n++] = submit(MODEL_PUSH, 0);
		}
		if (pull) {
			ended = which == 1 ? n : ended;
			many.fence[n++] = submit(MODEL_PULL, 0);
		}
		if (imported) {
			ended = which == 2 ? n : ended;
			assert_ok(accel_fence_import_fd(event, 0, &many.fence[n++]));
		}
		many.count = n;
		seam_forget();
		task_start(&task, wait_many, &many);
		/* It has got as far as to sleep. */
		while (!seam_calls(SEAM_POLL) && !seam_calls(SEAM_FUTEX_WAIT))
			sched_yield();
		assert_false(task.done);
		if (which == 0)
			end(MODEL_PUSH, 0, ACCEL_FAILED);
		else if (which == 1)
			end(MODEL_PULL, 0, ACCEL_TIMED_OUT);
		else
			assert_int_equal(write(event, &one, 8), 8);
		assert_int_equal(task_join(&task), which == 0 ? -EIO : which == 1 ? -ETIMEDOUT : 0);
		assert_int_equal(many.index, ended);
		if (push && which != 0)
			end(MODEL_PUSH, 0, ACCEL_DONE);
		if (pull && which != 1)
			end(MODEL_PULL, 0, ACCEL_DONE);
		while (n)
			accel_fence_unref(many.fence[--n]);
		close_all();
		if (which == 2) /* empty it again */
			assert_int_equal(read(event, &(uint64_t){0}, 8), 8);
	}
	close(event);
}

static void test_any(void **state)
{
	int mix;

	(void)state;
	for (mix = 1; mix < 8; mix++)
		any_of(mix & 1, mix & 2, mix & 4, 0);
}

/* Without threads a fence of a driver that pulls has no descriptor: it is looked at now and then. */
static void test_any_without_threads(void **state)
{
	int mix;

	(void)state;
	for (mix = 1; mix < 8; mix++)
		any_of(mix & 1, mix & 2, mix & 4, ACCEL_OPEN_NO_THREADS);
}

static void test_any_native_fds(void **state)
{
	(void)state;
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_NATIVE;
	any_of(true, true, true, 0);
	any_of(false, true, false, 0);
	assert_true(model.job_fds > 0);
}

/* The first in the list that has ended, not the first that ended; the same one twice. */
static void test_any_is_the_first(void **state)
{
	struct accel_fence *fence[4];
	uint32_t index = 77;

	(void)state;
	open_all(0);
	fence[0] = submit(MODEL_PUSH, 0);
	fence[2] = submit(MODEL_PUSH, 1);
	fence[1] = submit(MODEL_PULL, 0);
	fence[3] = fence[2];
	end(MODEL_PULL, 0, ACCEL_CANCELED);
	assert_int_equal(accel_fence_wait_many(fence, 4, 0, 0, &index), -ECANCELED);
	assert_int_equal(index, 1);
	end(MODEL_PUSH, 0, ACCEL_FAILED);
	assert_int_equal(accel_fence_wait_many(fence, 4, 0, ACCEL_NO_DEADLINE, &index), -EIO);
	assert_int_equal(index, 0);
	assert_gives(accel_fence_wait_many(fence + 2, 2, 0, accel_core_sys.now() + 1000, &index),
		     -ETIME);
	end(MODEL_PUSH, 1, ACCEL_DONE);
	assert_ok(accel_fence_wait_many(fence + 2, 2, 0, 0, &index));
	assert_int_equal(index, 0);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	accel_fence_unref(fence[2]);
	close_all();
}

static void test_all(void **state)
{
	struct many many = {.count = 4, .flags = ACCEL_WAIT_ALL, .index = 77};
	const int event = eventfd(0, EFD_CLOEXEC);
	const uint64_t one = 1;
	struct task task;
	int i;

	(void)state;
	open_all(0);
	many.fence[0] = submit(MODEL_PUSH, 0);
	many.fence[1] = submit(MODEL_PULL, 0);
	assert_ok(accel_fence_import_fd(event, 0, &many.fence[2]));
	many.fence[3] = submit(MODEL_PUSH, 1);
	task_start(&task, wait_many, &many);
	end(MODEL_PULL, 0, ACCEL_FAILED);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	end(MODEL_PUSH, 1, ACCEL_TIMED_OUT);
	assert_gives(accel_fence_wait_many(many.fence, 4, ACCEL_WAIT_ALL, 0, NULL), -ETIME);
	assert_false(task.done);
	assert_int_equal(write(event, &one, 8), 8);
	assert_int_equal(task_join(&task), -EIO);
	assert_int_equal(many.index, 1); /* the first that failed */
	for (i = 0; i < 4; i++)
		accel_fence_unref(many.fence[i]);
	close(event);
	close_all();
}

/* More than have a place on the stack; no memory for them. */
static void test_many_many(void **state)
{
	struct many many = {.count = 30};
	struct accel_queue *wide;
	struct accel_job *jobs[30];
	struct task task;
	uint32_t i;

	(void)state;
	open_all(0);
	wide = model_queue(context[MODEL_PUSH], 30);
	for (i = 0; i < 30; i++) {
		jobs[i] = model_job(wide, NULL);
		many.fence[29 - i] = model_submit(wide, jobs[i]);
	}
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_fence_wait_many(many.fence, 30, 0, far_off(), NULL), -ENOMEM);
	seam_forget();
	task_start(&task, wait_many, &many);
	seam_await(SEAM_FUTEX_WAIT, 1);
	model_end(jobs[0], ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(many.index, 29);
	for (i = 1; i < 30; i++)
		model_end(jobs[i], ACCEL_DONE);
	assert_ok(accel_fence_wait_many(many.fence, 30, ACCEL_WAIT_ALL, 0, NULL));
	for (i = 0; i < 30; i++) {
		accel_fence_unref(many.fence[i]);
		accel_job_unref(jobs[i]);
	}
	accel_queue_unref(wide);
	close_all();
}

static void test_any_interrupted(void **state)
{
	struct many many = {.count = 2};
	struct task task;

	(void)state;
	open_all(0);
	many.fence[0] = submit(MODEL_PUSH, 0);
	many.fence[1] = submit(MODEL_PUSH, 1);
	seam_forget();
	seam_fail(SEAM_FUTEX_WAIT, 0, 100, -EINTR);
	task_start(&task, wait_many, &many);
	seam_await(SEAM_FUTEX_WAIT, 101);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	accel_fence_unref(many.fence[0]);
	many.fence[0] = submit(MODEL_PULL, 0);
	seam_forget();
	seam_fail(SEAM_POLL, 0, 100, -EINTR);
	task_start(&task, wait_many, &many);
	seam_await(SEAM_POLL, 101);
	end(MODEL_PULL, 0, ACCEL_DONE);
	assert_int_equal(task_join(&task), 0);
	/* What isn't a signal is told. */
	accel_fence_unref(many.fence[0]);
	many.fence[0] = submit(MODEL_PULL, 0);
	seam_fail(SEAM_POLL, 0, 1, -ENOMEM);
	assert_fails(accel_fence_wait_many(many.fence, 2, 0, far_off(), NULL), -ENOMEM);
	end(MODEL_PULL, 0, ACCEL_DONE);
	end(MODEL_PUSH, 1, ACCEL_DONE);
	accel_fence_unref(many.fence[0]);
	accel_fence_unref(many.fence[1]);
	close_all();
}

/* ---- callbacks ---------------------------------------------------------------------------- */

struct told {
	struct accel_fence_callback callback;
	_Atomic int times;
};

static void tell(struct accel_fence_callback *callback)
{
	list_entry(callback, struct told, callback)->times++;
}

static void test_callbacks(void **state)
{
	struct told told[3] = {{.callback.fn = tell}, {.callback.fn = tell}, {.callback.fn = tell}};
	struct accel_fence *fence, *pulled;
	int i;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(accel_core_fence_add_callback(fence, &told[i].callback), 0);
	assert_true(accel_core_fence_del_callback(fence, &told[1].callback));
	assert_false(accel_core_fence_del_callback(fence, &told[1].callback));
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_int_equal(told[0].times, 1);
	assert_int_equal(told[1].times, 0);
	assert_int_equal(told[2].times, 1);
	assert_false(accel_core_fence_del_callback(fence, &told[0].callback));
	assert_int_equal(accel_core_fence_add_callback(fence, &told[1].callback), -EALREADY);
	assert_int_equal(told[1].times, 0);
	pulled = submit(MODEL_PULL, 0);
	assert_int_equal(accel_core_fence_add_callback(pulled, &told[1].callback), -EOPNOTSUPP);
	end(MODEL_PULL, 0, ACCEL_DONE);
	assert_int_equal(accel_core_fence_add_callback(pulled, &told[1].callback), -EALREADY);
	accel_fence_unref(fence);
	accel_fence_unref(pulled);
	close_all();
}

static int end_first(void *arg)
{
	(void)arg;
	end(MODEL_PUSH, 0, ACCEL_DONE);
	return 0;
}

/* Added and taken off while it ends: told once, or not at all, as the answers say. */
static void test_callback_race(void **state)
{
	struct told told;
	struct accel_fence *fence;
	struct task task;
	int round, added;
	bool removed;

	(void)state;
	open_all(0);
	for (round = 0; round < 2000; round++) {
		told = (struct told){.callback.fn = tell};
		fence = submit(MODEL_PUSH, 0);
		task_start(&task, end_first, NULL);
		if (round % 3 == 0)
			sched_yield();
		added = accel_core_fence_add_callback(fence, &told.callback);
		removed = !added && round % 2 &&
			  accel_core_fence_del_callback(fence, &told.callback);
		task_join(&task);
		assert_int_equal(told.times, !added && !removed);
		accel_fence_unref(fence);
	}
	close_all();
}

static int wait_both(void *arg)
{
	struct many *many = arg;
	int i, ret;

	for (i = 0; i < 300; i++) {
		ret = accel_fence_wait_many(many->fence, 2, 0, accel_core_sys.now() + 2000, NULL);
		if (ret != -ETIME)
			return ret;
	}
	return 0;
}

/* Sleepers come and go on the same fence. */
static void test_sleepers_race(void **state)
{
	struct many many;
	struct task task[3];
	int i;

	(void)state;
	open_all(0);
	many.fence[0] = submit(MODEL_PUSH, 0);
	many.fence[1] = submit(MODEL_PUSH, 1);
	for (i = 0; i < 3; i++)
		task_start(&task[i], wait_both, &many);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	for (i = 0; i < 3; i++)
		assert_int_equal(task_join(&task[i]), 0);
	end(MODEL_PUSH, 1, ACCEL_DONE);
	accel_fence_unref(many.fence[0]);
	accel_fence_unref(many.fence[1]);
	close_all();
}

/* ---- descriptors out ---------------------------------------------------------------------- */

static void test_export_push(void **state)
{
	struct accel_fence *fence;
	char buffer[8];
	int fd[3], i;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd[0]));
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd[1]));
	assert_true(fd[0] != fd[1]);
	assert_true(fcntl(fd[0], F_GETFD) & FD_CLOEXEC);
	assert_false(is_readable(fd[0]));
	assert_true(read(fd[0], buffer, 8) < 0); /* and doesn't block */
	end(MODEL_PUSH, 0, ACCEL_FAILED);
	assert_true(is_readable(fd[0]));
	/* Reading changes nothing. */
	for (i = 0; i < 5; i++)
		assert_int_equal(read(fd[0], buffer, 8), 8);
	assert_true(is_readable(fd[0]));
	assert_true(is_readable(fd[1]));
	/* Asked for when it has ended. */
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd[2]));
	assert_true(is_readable(fd[2]));
	assert_int_equal(accel_fence_status(fence), -EIO);
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++) {
		assert_true(is_readable(fd[i]));
		close(fd[i]);
	}
	/* One that has ended and was never asked for before. */
	fence = submit(MODEL_PUSH, 0);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd[0]));
	assert_true(is_readable(fd[0]));
	close(fd[0]);
	accel_fence_unref(fence);
	close_all();
}

/* By a thread, which sees the job end though nobody waits. */
static void test_export_pull_emulated(void **state)
{
	struct accel_fence *fence;
	int fd, i;

	(void)state;
	open_all(0);
	for (i = 0; i < 5; i++) { /* the thread is used again */
		fence = submit(MODEL_PULL, i);
		assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
		assert_false(is_readable(fd));
		end(MODEL_PULL, i, ACCEL_DONE);
		await_readable(fd);
		close(fd);
		/* Ended, or about to be. */
		assert_ok(accel_fence_wait(fence, far_off()));
		assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
		assert_true(is_readable(fd));
		close(fd);
		accel_fence_unref(fence);
	}
	close_all();
}

/* The thread has nothing to do meanwhile, and is asleep when it is needed again. */
static void test_export_pull_again(void **state)
{
	struct accel_fence *fence;
	int fd, i;

	(void)state;
	open_all(0);
	for (i = 0; i < 20; i++) {
		seam_forget();
		fence = submit(MODEL_PULL, 0);
		assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
		end(MODEL_PULL, 0, ACCEL_DONE);
		await_readable(fd);
		close(fd);
		accel_fence_unref(fence);
		seam_await(SEAM_FUTEX_WAIT, 1);
	}
	close_all();
}

static void test_export_pull_native(void **state)
{
	struct accel_fence *fence[2];
	int fd[2];

	(void)state;
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_SYNC_FILE] = ACCEL_NATIVE;
	open_all(0);
	fence[0] = submit(MODEL_PULL, 0);
	fence[1] = submit(MODEL_PULL, 1);
	seam_forget();
	assert_ok(accel_fence_export_fd(fence[0], ACCEL_FD_ANY, &fd[0]));
	assert_ok(accel_fence_export_fd(fence[1], ACCEL_FD_SYNC_FILE, &fd[1]));
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0);
	assert_false(is_readable(fd[0]) || is_readable(fd[1]));
	end(MODEL_PULL, 0, ACCEL_DONE);
	assert_true(is_readable(fd[0])); /* the kernel's own */
	assert_false(is_readable(fd[1]));
	end(MODEL_PULL, 1, ACCEL_DONE);
	assert_true(is_readable(fd[1]));
	accel_core_sys.close(fd[0]);
	accel_core_sys.close(fd[1]);
	/* Of jobs that have ended, known of or not. */
	assert_ok(accel_fence_wait(fence[1], 0));
	assert_ok(accel_fence_export_fd(fence[0], ACCEL_FD_ANY, &fd[0]));
	assert_ok(accel_fence_export_fd(fence[1], ACCEL_FD_SYNC_FILE, &fd[1]));
	assert_true(is_readable(fd[0]) && is_readable(fd[1]));
	accel_core_sys.close(fd[0]);
	accel_core_sys.close(fd[1]);
	accel_fence_unref(fence[0]);
	fence[0] = submit(MODEL_PULL, 2);
	end(MODEL_PULL, 2, ACCEL_DONE);
	assert_ok(accel_fence_export_fd(fence[0], ACCEL_FD_ANY, &fd[0]));
	assert_true(is_readable(fd[0]));
	accel_core_sys.close(fd[0]);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	close_all();
}

static void test_export_errors(void **state)
{
	struct accel_fence *fence, *pulled;
	int fd = -7;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	pulled = submit(MODEL_PULL, 0);
	assert_fails(accel_fence_export_fd(fence, 2, &fd), -EINVAL);
	assert_fails(accel_fence_export_fd(fence, UINT32_MAX, &fd), -EINVAL);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, NULL), -EINVAL);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), -EOPNOTSUPP);
	assert_fails(accel_fence_export_fd(pulled, ACCEL_FD_SYNC_FILE, &fd), -EOPNOTSUPP);
	seam_fail(SEAM_EVENTFD, 0, 1, -EMFILE);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), -EMFILE);
	seam_fail(SEAM_DUP, 0, 1, -ENFILE);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), -ENFILE);
	seam_fail(SEAM_THREAD_CREATE, 0, 1, -EAGAIN);
	assert_fails(accel_fence_export_fd(pulled, ACCEL_FD_ANY, &fd), -ENOMEM);
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_fence_export_fd(pulled, ACCEL_FD_ANY, &fd), -ENOMEM);
	assert_int_equal(fd, -7);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	end(MODEL_PULL, 0, ACCEL_DONE);
	accel_fence_unref(fence);
	accel_fence_unref(pulled);
	close_all();
	/* Where threads are forbidden. */
	open_all(ACCEL_OPEN_NO_THREADS);
	pulled = submit(MODEL_PULL, 0);
	seam_forget();
	assert_fails(accel_fence_export_fd(pulled, ACCEL_FD_ANY, &fd), -EOPNOTSUPP);
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0);
	end(MODEL_PULL, 0, ACCEL_DONE);
	accel_fence_unref(pulled);
	close_all();
}

/* That an event is written though the first tries are interrupted. */
static void test_write_interrupted(void **state)
{
	struct accel_fence *fence;
	int fd;

	(void)state;
	open_all(0);
	fence = submit(MODEL_PUSH, 0);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
	seam_fail(SEAM_WRITE, 0, 10, -EINTR);
	end(MODEL_PUSH, 0, ACCEL_DONE);
	assert_true(is_readable(fd));
	close(fd);
	accel_fence_unref(fence);
	close_all();
}

/* ---- descriptors in ----------------------------------------------------------------------- */

static void import(int fd, struct accel_fence **out)
{
	assert_ok(accel_fence_import_fd(fd, 0, out));
	assert_gives(accel_fence_status(*out), -EINPROGRESS);
	assert_gives(accel_fence_wait(*out, 0), -ETIME);
	assert_gives(accel_fence_wait(*out, accel_core_sys.now() + 100000), -ETIME);
}

static void test_import(void **state)
{
	const struct itimerspec soon = {.it_value = {0, 1}};
	int pipefd[2], sock[2], event = eventfd(0, EFD_CLOEXEC), timer;
	struct epoll_event watch = {.events = EPOLLIN};
	struct accel_fence *fence;
	const uint64_t one = 1;
	struct task task;
	uint64_t count;
	int poller;

	(void)state;
	/* An eventfd: once seen ended it stays so, and closing ours changes nothing. */
	import(event, &fence);
	task_start(&task, wait_for_ever, fence);
	assert_int_equal(write(event, &one, 8), 8);
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(read(event, &count, 8), 8);
	assert_true(count == 1); /* the library doesn't read it */
	assert_ok(accel_fence_status(fence));
	accel_fence_unref(fence);
	import(event, &fence); /* empty again */
	close(event);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	accel_fence_unref(fence);
	/* A pipe, with words and with an end. */
	assert_int_equal(pipe2(pipefd, O_CLOEXEC), 0);
	import(pipefd[0], &fence);
	assert_int_equal(write(pipefd[1], "x", 1), 1);
	assert_ok(accel_fence_status(fence));
	accel_fence_unref(fence);
	assert_int_equal(read(pipefd[0], &count, 1), 1);
	import(pipefd[0], &fence);
	close(pipefd[1]);
	assert_int_equal(accel_fence_wait(fence, far_off()), -EIO); /* nobody will end it */
	close(pipefd[0]);
	accel_fence_unref(fence);
	/* A socket, a timer, an epoll set of one. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	import(sock[0], &fence);
	assert_int_equal(write(sock[1], "x", 1), 1);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	close(sock[0]);
	close(sock[1]);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	poller = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(poller, EPOLL_CTL_ADD, timer, &watch), 0);
	import(poller, &fence);
	assert_int_equal(timerfd_settime(timer, 0, &soon, NULL), 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	close(poller);
	close(timer);
}

static void test_import_errors(void **state)
{
	struct accel_fence *fence = NULL;
	int fd, event = eventfd(0, EFD_CLOEXEC), fds;

	(void)state;
	fds = count_fds();
	assert_fails(accel_fence_import_fd(-1, 0, &fence), -EBADF);
	assert_fails(accel_fence_import_fd(987654, 0, &fence), -EBADF);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_fails(accel_fence_import_fd(fd, 0, &fence), -EINVAL);
	close(fd);
	fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_fails(accel_fence_import_fd(fd, 0, &fence), -EINVAL);
	close(fd);
	fd = open("/dev/null", O_PATH | O_CLOEXEC); /* names a file, and can't be polled */
	assert_fails(accel_fence_import_fd(fd, 0, &fence), -EINVAL);
	close(fd);
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_fence_import_fd(event, 0, &fence), -EMFILE);
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_fence_import_fd(event, 0, &fence), -ENOMEM);
	assert_null(fence);
	assert_int_equal(count_fds(), fds);
	/* Polling fails later. */
	assert_ok(accel_fence_import_fd(event, 0, &fence));
	seam_fail(SEAM_POLL, 0, 3, -EINTR);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	seam_fail(SEAM_POLL, 0, 3, -EINTR);
	assert_gives(accel_fence_wait(fence, accel_core_sys.now() + 100000), -ETIME);
	seam_fail(SEAM_POLL, 0, 1, -ENOMEM);
	assert_fails(accel_fence_wait(fence, far_off()), -ENOMEM);
	seam_fail(SEAM_POLL, 0, 1, -ENOMEM);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	accel_fence_unref(fence);
	close(event);
}

/* What a sync_file says of its end. */
static void test_import_sync_file(void **state)
{
	static const struct {
		int status, expected;
	} cases[] = {
		{1, 0},
		{-EIO, -EIO},
		{-ETIMEDOUT, -ETIMEDOUT},
		{-ETIME, -ETIMEDOUT},
		{-ECANCELED, -ECANCELED},
		{-ESTALE, -ESTALE},
		{-ENODEV, -ENODEV},
		{-EDEADLK, -EIO},
		{-ENOMEM, -EIO},
		{-EINVAL, -EIO},
		{-ECHILD, -EIO},
	};
	struct accel_fence *fence;
	int fd, copy;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fd = seam_make_sync_file(0);
		import(fd, &fence);
		assert_ok(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &copy));
		assert_true(copy != fd);
		accel_core_sys.close(copy);
		seam_end_sync_file(fd, cases[i].status);
		assert_int_equal(accel_fence_status(fence), cases[i].expected);
		assert_int_equal(accel_fence_wait(fence, 0), cases[i].expected);
		accel_fence_unref(fence);
		accel_core_sys.close(fd);
	}
}

static void test_export_imported(void **state)
{
	int event = eventfd(0, EFD_CLOEXEC), fd = -7;
	struct accel_fence *fence;
	const uint64_t one = 1;

	(void)state;
	import(event, &fence);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), -EOPNOTSUPP);
	assert_int_equal(fd, -7);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
	assert_false(is_readable(fd));
	assert_int_equal(write(event, &one, 8), 8);
	assert_true(is_readable(fd));
	close(fd);
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), -EMFILE);
	accel_fence_unref(fence);
	close(event);
}

static int status_of(void *arg)
{
	int ret;

	while ((ret = accel_fence_status(arg)) == -EINPROGRESS)
		sched_yield();
	return ret;
}

static void test_import_race(void **state)
{
	struct accel_fence *fence;
	struct task task[3];
	int round, i, fd;

	(void)state;
	for (round = 0; round < 100; round++) {
		fd = seam_make_sync_file(0);
		assert_ok(accel_fence_import_fd(fd, 0, &fence));
		for (i = 0; i < 3; i++)
			task_start(&task[i], i ? status_of : wait_it, fence);
		seam_end_sync_file(fd, -ECANCELED);
		for (i = 0; i < 3; i++)
			assert_int_equal(task_join(&task[i]), -ECANCELED);
		accel_fence_unref(fence);
		accel_core_sys.close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_null),
		TEST(test_wait_push),
		TEST(test_wait_pull),
		TEST(test_never_sleeps),
		TEST(test_interrupted),
		TEST(test_spurious_wakes),
		TEST(test_two_waiters),
		TEST(test_refs),
		TEST(test_outlives),
		TEST(test_many_arguments),
		TEST(test_any),
		TEST(test_any_without_threads),
		TEST(test_any_native_fds),
		TEST(test_any_is_the_first),
		TEST(test_all),
		TEST(test_many_many),
		TEST(test_any_interrupted),
		TEST(test_callbacks),
		TEST(test_callback_race),
		TEST(test_sleepers_race),
		TEST(test_export_push),
		TEST(test_export_pull_emulated),
		TEST(test_export_pull_again),
		TEST(test_export_pull_native),
		TEST(test_export_errors),
		TEST(test_write_interrupted),
		TEST(test_import),
		TEST(test_import_errors),
		TEST(test_import_sync_file),
		TEST(test_export_imported),
		TEST(test_import_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
