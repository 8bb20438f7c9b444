/* SPDX-License-Identifier: MIT */
/* submit.c: prefixes, order, what jobs wait for, resubmission. */
#include "model.h"

#include <malloc.h>
#include <sched.h>

#define JOBS 6

static struct accel_context *context;
static struct accel_queue *queue;
static struct accel_job *job[JOBS];

static void open_all(enum model_kind kind, uint32_t depth)
{
	int i;

	context = model_open(kind, 0);
	queue = model_queue(context, depth);
	for (i = 0; i < JOBS; i++)
		job[i] = model_job(queue, NULL);
}

static void close_all(void)
{
	int i;

	for (i = 0; i < JOBS; i++)
		accel_job_unref(job[i]);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

static void end(int first, int last)
{
	int i;

	for (i = first; i <= last; i++)
		model_end(job[i], ACCEL_DONE);
}

static int submit(struct accel_job *const *jobs, uint32_t count)
{
	return accel_submit(queue, jobs, count, NULL, NULL);
}

/* A fence that nobody has ended yet, of a queue of its own. */
static struct accel_queue *gate_queue;
static struct accel_job *gate_job;

static struct accel_fence *make_gate(struct accel_context *of)
{
	gate_queue = model_queue(of, 1);
	gate_job = model_job(gate_queue, NULL);
	return model_submit(gate_queue, gate_job);
}

static void drop_gate(void)
{
	accel_job_unref(gate_job);
	accel_queue_unref(gate_queue);
}

/* ---- arguments ---------------------------------------------------------------------------- */

static void test_arguments(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct accel_fence *none[2] = {NULL, NULL}, *fence = NULL;

	(void)state;
	open_all(MODEL_PUSH, 4);
	assert_fails(accel_submit(NULL, job, 1, NULL, &fence), -EINVAL);
	assert_fails(accel_submit(queue, NULL, 1, NULL, &fence), -EINVAL);
	assert_fails(accel_submit(queue, job, 0, NULL, &fence), -EINVAL);
	assert_fails(accel_submit(queue, job, 0x80000000u, NULL, &fence), -EINVAL);
	params.flags = 1;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EINVAL);
	params.flags = 0;
	params.reserved = 1;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EINVAL);
	params.reserved = 0;
	params.wait_count = 1;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EINVAL);
	params.wait = none;
	params.wait_count = 2;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EINVAL);
	params.size = 0;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EINVAL);
	assert_null(fence);
	assert_int_equal(model.submits, 0);
	params = (struct accel_submit_params){.size = 8};
	assert_gives(accel_submit(queue, job, 1, &params, NULL), 1);
	end(0, 0);
	close_all();
}

static void test_index_at_fault(void **state)
{
	struct accel_queue *other;
	struct accel_job *foreign;
	struct accel_job *list[3];

	(void)state;
	open_all(MODEL_PUSH, 4);
	other = model_queue(context, 4);
	foreign = model_job(other, NULL);
	list[0] = NULL;
	assert_fails(submit(list, 1), -EINVAL);
	list[0] = foreign;
	assert_fails(submit(list, 1), -EINVAL);
	/* Later in the list they end the prefix. */
	list[0] = job[0];
	list[1] = foreign;
	assert_gives(submit(list, 2), 1);
	list[0] = job[1];
	list[1] = NULL;
	assert_gives(submit(list, 2), 1);
	assert_fails(submit(job, 1), -EBUSY);
	list[0] = job[2];
	list[1] = job[0];
	assert_gives(submit(list, 2), 1);
	end(0, 2);
	/* The same job twice. */
	list[0] = list[1] = job[0];
	assert_gives(submit(list, 2), 1);
	end(0, 0);
	list[0] = job[0];
	list[1] = job[1];
	list[2] = job[0];
	assert_gives(submit(list, 3), 2);
	end(0, 1);
	accel_job_unref(foreign);
	accel_queue_unref(other);
	close_all();
}

/* ---- prefixes ----------------------------------------------------------------------------- */

static void prefixes(enum model_kind kind)
{
	struct accel_fence *fence = NULL;

	open_all(kind, 4);
	/* What the queue's depth allows. */
	assert_gives(accel_submit(queue, job, JOBS, NULL, &fence), 4);
	assert_int_equal(queue->under_way, 4);
	assert_gives(submit(job + 4, 2), -EAGAIN);
	end(0, 2);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	end(3, 3);
	assert_ok(accel_fence_status(fence));
	accel_fence_unref(fence);
	/* What the driver takes. */
	model.submit_max = 3;
	assert_gives(accel_submit(queue, job, 4, NULL, &fence), 3);
	assert_int_equal(queue->under_way, 3);
	assert_false(model_is_running(job[3]));
	end(0, 1);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	end(2, 2);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	model.submit_max = UINT32_MAX;
	assert_gives(submit(job + 3, 1), 1); /* it is free to go */
	end(3, 3);
	/* What is wrong later, and what is refused at first. */
	model_refuse(-EAGAIN, 2);
	fence = NULL;
	assert_gives(accel_submit(queue, job, 2, NULL, &fence), -EAGAIN);
	model.submit_err = -ENOSPC;
	assert_int_equal(accel_submit(queue, job, 2, NULL, &fence), -ENOSPC);
	assert_null(fence);
	assert_gives(accel_submit(queue, job, 2, NULL, &fence), 2);
	end(0, 1);
	assert_ok(accel_fence_wait(fence, 0));
	accel_fence_unref(fence);
	close_all();
}

static void test_prefixes_push(void **state)
{
	(void)state;
	prefixes(MODEL_PUSH);
}

static void test_prefixes_pull(void **state)
{
	(void)state;
	prefixes(MODEL_PULL);
}

/* The fence fails with the first failure among those it covers, and only those. */
static void first_failure(enum model_kind kind)
{
	struct accel_fence *fence[3];

	open_all(kind, JOBS);
	assert_gives(accel_submit(queue, job, 1, NULL, &fence[0]), 1);
	assert_gives(accel_submit(queue, job + 1, 3, NULL, &fence[1]), 3);
	assert_gives(accel_submit(queue, job + 4, 1, NULL, &fence[2]), 1);
	model_end(job[0], ACCEL_FAILED);
	model_end(job[1], ACCEL_DONE);
	assert_gives(accel_fence_status(fence[0]), -EIO);
	model_end(job[2], ACCEL_TIMED_OUT);
	assert_gives(accel_fence_status(fence[1]), -EINPROGRESS);
	model_end(job[3], ACCEL_CANCELED);
	model_end(job[4], ACCEL_DONE);
	assert_gives(accel_fence_wait(fence[2], far_off()), 0);
	assert_gives(accel_fence_wait(fence[1], far_off()), -ETIMEDOUT);
	accel_fence_unref(fence[0]);
	accel_fence_unref(fence[1]);
	accel_fence_unref(fence[2]);
	close_all();
}

static void test_first_failure_push(void **state)
{
	(void)state;
	first_failure(MODEL_PUSH);
}

static void test_first_failure_pull(void **state)
{
	(void)state;
	first_failure(MODEL_PULL);
}

static void test_no_memory(void **state)
{
	struct accel_fence *fence[40], *more = NULL;
	int i, kept = 0;

	(void)state;
	open_all(MODEL_PUSH, 1);
	/* No fence is wanted: nothing is allocated. With one neither, at first. */
	seam_forget();
	for (i = 0; i < 3; i++) {
		assert_gives(submit(job, 1), 1);
		end(0, 0);
		assert_gives(accel_submit(queue, job, 1, NULL, &more), 1);
		end(0, 0);
		accel_fence_unref(more);
	}
	assert_int_equal(seam_calls(SEAM_ALLOC), 0);
	/* Who keeps many makes it allocate, which may fail: nothing was submitted then. */
	more = NULL;
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	for (i = 0; i < 40; i++) {
		support_stale_error();
		if (accel_submit(queue, job, 1, NULL, &fence[kept]) == 1) {
			end(0, 0);
			kept++;
			continue;
		}
		assert_int_equal(support_error().code, -ENOMEM);
		assert_int_equal(queue->under_way, 0);
		assert_false(model_is_running(job[0]));
	}
	assert_int_equal(kept, 39);
	while (kept)
		accel_fence_unref(fence[--kept]);
	close_all();
}

/* ---- order -------------------------------------------------------------------------------- */

struct batch {
	int first, count;
	uint64_t seq[3];
};

static int submit_batch(void *arg)
{
	struct batch *batch = arg;

	return submit(job + batch->first, (uint32_t)batch->count);
}

/* What one call has accepted stays together. */
static void test_contiguous(void **state)
{
	struct batch batch[2] = {{.first = 0, .count = 3}, {.first = 3, .count = 3}};
	struct task task[2];
	int round, i;

	(void)state;
	open_all(MODEL_PULL, JOBS);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < 2; i++)
			task_start(&task[i], submit_batch, &batch[i]);
		for (i = 0; i < 2; i++)
			assert_int_equal(task_join(&task[i]), 3);
		for (i = 0; i < 2; i++) {
			assert_true(job[3 * i + 1]->seq == job[3 * i]->seq + 1);
			assert_true(job[3 * i + 2]->seq == job[3 * i]->seq + 2);
		}
		end(0, JOBS - 1);
	}
	close_all();
}

/* ---- resubmission ------------------------------------------------------------------------- */

static int wait_it(void *arg)
{
	return accel_fence_wait(arg, far_off());
}

static int submit_first(void *arg)
{
	(void)arg;
	return submit(job, 1);
}

/* A job whose fence has ended may be submitted, though another thread is still inside the driver
 * for its former run, and though nobody has asked how that ended. */
static void test_right_after_the_end(void **state)
{
	struct accel_fence *fence;
	struct task wait, again;
	int i;

	(void)state;
	open_all(MODEL_PULL, 4);
	for (i = 0; i < 10; i++) {
		assert_gives(submit(job, 1), 1);
		assert_fails(submit(job, 1), -EBUSY);
		end(0, 0); /* seen by the next submit, of itself */
	}
	fence = model_submit(queue, job[0]);
	model.keep_waiters = 1;
	task_start(&wait, wait_it, fence);
	model_await_waiting(1);
	end(0, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	assert_int_equal(job[0]->state, ACCEL_JOB_ENDED);
	/* Others need not wait for that. */
	assert_gives(submit(job + 1, 1), 1);
	seam_forget();
	task_start(&again, submit_first, NULL);
	while (!seam_calls(SEAM_FUTEX_WAIT) && !again.done)
		sched_yield();
	assert_false(model_is_running(job[0]));
	model_let_go();
	assert_int_equal(task_join(&wait), 0);
	assert_int_equal(task_join(&again), 1);
	assert_true(model_is_running(job[0]));
	end(1, 1);
	end(0, 0);
	accel_fence_unref(fence);
	close_all();
}

/* Several threads submit one job each, wait for it, and again. */
static int submit_and_wait(void *arg)
{
	struct accel_job *mine = arg;
	struct accel_fence *fence;
	int i, ret;

	for (i = 0; i < 500; i++) {
		ret = accel_submit(queue, &mine, 1, NULL, &fence);
		if (ret != 1)
			return ret ? ret : -1;
		ret = accel_fence_wait(fence, far_off());
		if (ret)
			return ret;
		accel_fence_unref(fence);
	}
	return 0;
}

static _Atomic bool stop_ending;

/* What a device does: ends jobs in the order in which they came. */
static int end_all(void *arg)
{
	struct accel_job *oldest;

	(void)arg;
	while (!stop_ending) {
		oldest = NULL;
		accel_core_lock(&queue->lock);
		for (struct list *node = queue->jobs.next; node != &queue->jobs && !oldest;
		     node = node->next) {
			oldest = list_entry(node, struct accel_job, link);
			if (!model_is_running(oldest))
				oldest = NULL;
		}
		/* For push: nobody but this thread can make it end. */
		accel_core_unlock(&queue->lock);
		if (oldest)
			model_end(oldest, ACCEL_DONE);
		else
			sched_yield();
	}
	return 0;
}

static void many_threads(enum model_kind kind)
{
	struct task task[4], ender;
	int i;

	open_all(kind, JOBS);
	stop_ending = false;
	task_start(&ender, end_all, NULL);
	for (i = 0; i < 4; i++)
		task_start(&task[i], submit_and_wait, job[i]);
	for (i = 0; i < 4; i++)
		assert_int_equal(task_join(&task[i]), 0);
	stop_ending = true;
	task_join(&ender);
	assert_int_equal(queue->under_way, 0);
	assert_true(queue->accepted == 2000 && queue->completed == 2000);
	close_all();
}

static void test_many_threads_push(void **state)
{
	(void)state;
	many_threads(MODEL_PUSH);
}

static void test_many_threads_pull(void **state)
{
	(void)state;
	many_threads(MODEL_PULL);
}

/* ---- what jobs wait for ------------------------------------------------------------------- */

/* Fences that have ended, however, and those of the same queue need no waiting. */
static void test_waits_for_nothing(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params), .wait_count = 2};
	struct accel_fence *wait[2];

	(void)state;
	model.answer[ACCEL_HAS_WAIT_FENCES] = MODEL_NO_ANSWER;
	open_all(MODEL_PULL, 4);
	wait[0] = make_gate(context);
	model_end(gate_job, ACCEL_FAILED);
	wait[1] = model_submit(queue, job[0]);
	params.wait = wait;
	assert_gives(accel_submit(queue, job + 1, 1, &params, NULL), 1);
	assert_true(model_is_running(job[1]));
	end(0, 1);
	accel_fence_unref(wait[0]);
	accel_fence_unref(wait[1]);
	drop_gate();
	close_all();
}

/* A driver without them, and a caller that forbids threads. */
static void test_waits_refused(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params), .wait_count = 1};
	struct accel_fence *gate, *fence = NULL;

	(void)state;
	model.answer[ACCEL_HAS_WAIT_FENCES] = MODEL_NO_ANSWER;
	open_all(MODEL_PULL, 4);
	gate = make_gate(context);
	params.wait = &gate;
	assert_fails(accel_submit(queue, job, 1, &params, &fence), -EOPNOTSUPP);
	assert_null(fence);
	assert_int_equal(queue->under_way, 0);
	/* The job is as good as new. */
	assert_gives(submit(job, 1), 1);
	end(0, 0);
	model_end(gate_job, ACCEL_DONE);
	accel_fence_unref(gate);
	drop_gate();
	close_all();
}

/* A driver that takes any fence gets those that are pending, with the first job. */
static void test_waits_native(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params), .wait_count = 7};
	struct accel_fence *gate, *wait[7];
	int i, round;

	(void)state;
	model.waits = ACCEL_WAITS_ANY;
	model.answer[ACCEL_HAS_WAIT_FENCES] = ACCEL_NATIVE;
	open_all(MODEL_PUSH, 4);
	gate = make_gate(context);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 7; i++)
			wait[i] = gate;
		params.wait = wait;
		params.wait_count = round ? 3 : 7; /* more than fit into a job, and fewer */
		assert_gives(accel_submit(queue, job, 2, &params, NULL), 2);
		assert_int_equal(job[0]->wait_count, params.wait_count);
		assert_ptr_equal(job[0]->wait[params.wait_count - 1], gate);
		assert_int_equal(job[1]->wait_count, 0);
		accel_core_job_drop_waits(job[0]); /* as the provider does */
		assert_int_equal(job[0]->wait_count, 0);
		end(0, 1);
	}
	/* Refused: it keeps no reference. */
	model_refuse(-EAGAIN, 1);
	params.wait_count = 7;
	assert_gives(accel_submit(queue, job, 1, &params, NULL), -EAGAIN);
	assert_int_equal(job[0]->wait_count, 0);
	/* No memory for the list. */
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_submit(queue, job, 1, &params, NULL), -ENOMEM);
	assert_int_equal(gate->refs, 2); /* the test's and its queue's */
	model_end(gate_job, ACCEL_DONE);
	assert_int_equal(gate->refs, 1);
	accel_fence_unref(gate);
	drop_gate();
	close_all();
}

/* A driver that takes one sync_file gets them merged. */
static void test_waits_sync_file(void **state)
{
	struct accel_fence *wait[3];
	struct accel_submit_params params = {.size = sizeof(params), .wait = wait, .wait_count = 3};
	int fd[3], i, fds;

	(void)state;
	model.waits = ACCEL_WAITS_SYNC_FILE;
	model.answer[ACCEL_HAS_WAIT_FENCES] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_SYNC_FILE] = ACCEL_NATIVE;
	open_all(MODEL_PULL, 4);
	for (i = 0; i < 3; i++) {
		fd[i] = seam_make_sync_file(0);
		assert_ok(accel_fence_import_fd(fd[i], 0, &wait[i]));
	}
	fds = count_fds();
	assert_gives(accel_submit(queue, job, 1, &params, NULL), 1);
	assert_true(model_is_running(job[0])); /* not held back */
	assert_int_equal(queue->held, 0);
	assert_int_equal(count_fds(), fds); /* what was merged is closed again */
	end(0, 0);
	/* They can't be merged, or exported. */
	seam_fail(SEAM_IOCTL, 5, 1, -EMFILE);
	assert_true(accel_submit(queue, job, 1, &params, NULL) <= 1);
	seam_fail(SEAM_IOCTL, 0, 0, 0);
	if (model_is_running(job[0]))
		end(0, 0);
	assert_int_equal(count_fds(), fds);
	for (i = 0; i < 3; i++) {
		accel_fence_unref(wait[i]);
		accel_core_sys.close(fd[i]);
	}
	close_all();
}

static void test_waits_merge_fails(void **state)
{
	struct accel_fence *wait[2];
	struct accel_submit_params params = {.size = sizeof(params), .wait = wait, .wait_count = 2};
	unsigned long skip;
	int fd[2], i, fds, ret;

	(void)state;
	model.waits = ACCEL_WAITS_SYNC_FILE;
	model.answer[ACCEL_HAS_WAIT_FENCES] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_SYNC_FILE] = ACCEL_NATIVE;
	open_all(MODEL_PULL, 4);
	for (i = 0; i < 2; i++) {
		fd[i] = seam_make_sync_file(0);
		assert_ok(accel_fence_import_fd(fd[i], 0, &wait[i]));
	}
	fds = count_fds();
	/* Each call that can fail in its turn: dup, ioctl. */
	for (skip = 0; skip < 2; skip++) {
		seam_fail(SEAM_DUP, skip, 1, -EMFILE);
		ret = accel_submit(queue, job, 1, &params, NULL);
		assert_true(ret == 1 || ret == -EMFILE);
		seam_fail(SEAM_DUP, 0, 0, 0);
		if (ret == 1) { /* held back by a thread instead, which is as good */
			assert_gives(accel_queue_cancel(queue, far_off()), 0);
		}
	}
	fds = count_fds();
	for (skip = 0; skip < 3; skip++) {
		seam_fail(SEAM_IOCTL, skip, 1, -EIO);
		ret = accel_submit(queue, job, 1, &params, NULL);
		seam_fail(SEAM_IOCTL, 0, 0, 0);
		if (ret == 1 && !model_is_running(job[0]))
			assert_gives(accel_queue_cancel(queue, far_off()), 0);
		else if (ret == 1)
			end(0, 0);
		else
			assert_int_equal(ret, -EIO);
		assert_int_equal(count_fds(), fds);
	}
	for (i = 0; i < 2; i++) {
		accel_fence_unref(wait[i]);
		accel_core_sys.close(fd[i]);
	}
	close_all();
}

/* ---- whom it wakes ------------------------------------------------------------------------ */

static struct {
	uint32_t word;
	uint32_t wakes; /* of it */
	int count;
	bool locked; /* the queue was */
	uint64_t accepted;
	int (*real)(const uint32_t *word, int count);
} waking;

static int see_wake(const uint32_t *word, int count)
{
	if (word != &waking.word)
		return waking.real(word, count);
	waking.wakes++;
	waking.count = count;
	if (atomic_load(&queue->lock.state) != ACCEL_LOCK_FREE) {
		waking.locked = true;
		return 0;
	}
	accel_core_lock(&queue->lock);
	waking.accepted = queue->accepted;
	accel_core_unlock(&queue->lock);
	return 0;
}

static void open_to_wake(uint32_t depth)
{
	memset(&waking, 0, sizeof(waking));
	waking.real = accel_core_sys.futex_wake;
	accel_core_sys.futex_wake = see_wake;
	model.to_wake = &waking.word;
	open_all(MODEL_PUSH, depth);
}

static void check_woken(uint32_t wakes, uint64_t accepted)
{
	assert_int_equal(waking.wakes, wakes);
	assert_int_equal(waking.accepted, accepted);
	assert_false(waking.locked);
	assert_null(queue->to_wake);
}

/* What the driver leaves is woken once, when all is done and the lock is given up. */
static void test_wakes(void **state)
{
	struct accel_submit_params params = {.size = sizeof(params), .wait_count = 1};
	struct accel_fence *gate, *fence;

	(void)state;
	model.waits = ACCEL_WAITS_ANY;
	model.answer[ACCEL_HAS_WAIT_FENCES] = ACCEL_NATIVE;
	open_to_wake(4);
	assert_gives(submit(job, 1), 1);
	check_woken(1, 1);
	assert_int_equal(waking.count, 1);
	/* A part of a batch. */
	model.submit_max = 2;
	assert_gives(accel_submit(queue, job + 1, 3, NULL, &fence), 2);
	check_woken(2, 3);
	model.submit_max = UINT32_MAX;
	/* Refused by the driver, before it, and for want of room. */
	model_refuse(-ENOSPC, 1);
	assert_int_equal(submit(job + 3, 1), -ENOSPC);
	assert_fails(submit(job, 1), -EBUSY);
	check_woken(2, 3);
	/* None was left. */
	model.to_wake = NULL;
	assert_gives(submit(job + 3, 1), 1);
	assert_gives(submit(job + 4, 1), -EAGAIN);
	check_woken(2, 3);
	end(0, 3);
	accel_fence_unref(fence);
	/* With something to wait for. */
	gate = make_gate(context);
	params.wait = &gate;
	model.to_wake = &waking.word;
	assert_gives(accel_submit(queue, job, 1, &params, NULL), 1);
	check_woken(3, 5);
	accel_core_job_drop_waits(job[0]);
	end(0, 0);
	model_end(gate_job, ACCEL_DONE);
	accel_fence_unref(gate);
	drop_gate();
	close_all();
}

/* What is freed stays, and is nonsense. */
static void *freed[64];
static _Atomic uint32_t freed_count;
static void (*real_free)(void *memory);

static void spoil(void *memory)
{
	uint32_t i = memory ? atomic_fetch_add(&freed_count, 1) : ARRAY_SIZE(freed);

	if (i >= ARRAY_SIZE(freed)) {
		real_free(memory);
		return;
	}
	memset(memory, 0xdb, malloc_usable_size(memory));
	freed[i] = memory;
}

static int end_and_close_all(void *arg)
{
	(void)arg;
	model_await_running(job[0]);
	end(0, 0); /* as soon as the lock is given up */
	close_all();
	return 0;
}

static int count_wake(const uint32_t *word, int count)
{
	if (word != &waking.word)
		return waking.real(word, count);
	waking.wakes++;
	return 0;
}

/* Between the lock and the wake the job may end, and with it all there is. */
static void test_wake_of_the_gone(void **state)
{
	struct task task;
	uint32_t i, round;

	(void)state;
	for (round = 0; round < 100; round++) {
		open_to_wake(4);
		accel_core_sys.futex_wake = count_wake;
		real_free = accel_core_sys.free;
		accel_core_sys.free = spoil;
		freed_count = 0;
		task_start(&task, end_and_close_all, NULL);
		assert_int_equal(submit(job, 1), 1);
		task_join(&task);
		accel_core_sys.free = real_free;
		accel_core_sys.futex_wake = waking.real;
		for (i = 0; i < freed_count && i < ARRAY_SIZE(freed); i++)
			real_free(freed[i]);
		assert_int_equal(waking.wakes, 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_arguments),           TEST(test_index_at_fault),
		TEST(test_prefixes_push),       TEST(test_prefixes_pull),
		TEST(test_first_failure_push),  TEST(test_first_failure_pull),
		TEST(test_no_memory),           TEST(test_contiguous),
		TEST(test_right_after_the_end), TEST(test_many_threads_push),
		TEST(test_many_threads_pull),   TEST(test_waits_for_nothing),
		TEST(test_waits_refused),       TEST(test_waits_native),
		TEST(test_waits_sync_file),     TEST(test_waits_merge_fails),
		TEST(test_wakes),               TEST(test_wake_of_the_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
