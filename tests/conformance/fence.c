/* SPDX-License-Identifier: MIT */
/* Fences: waiting for one, waiting for many, waiting before a job. */
#include "conformance.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const int64_t past[] = {0, -1, INT64_MIN, INT64_MIN + 1, 1, 1000000};
#define PAST (sizeof(past) / sizeof(past[0]))

/* A fence of a nop that has ended well. */
static struct accel_fence *ended_fence(struct setup *s)
{
	struct accel_job *job = nop_job(s->ctx, s->queue);
	struct accel_fence *fence;

	submit_one(s->queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_job_unref(job);
	return fence;
}

static void wait_for_a_pending_fence_is_etime(void)
{
	struct blocker b;
	struct setup s;
	size_t i;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	for (i = 0; i < PAST; i++)
		gives(accel_fence_wait(b.fence, past[i]), -ETIME);
	gives(accel_fence_wait(b.fence, now_ns()), -ETIME);
	gives(accel_fence_status(b.fence), -EINPROGRESS);
	blocker_end(&b);
	setup_close(&s);
}

/* -ETIME means that the deadline has passed, never less. */
static void wait_lasts_until_its_deadline(void)
{
	static const int ahead_ms[] = {1, 3, 20};
	int64_t deadline;
	struct blocker b;
	struct setup s;
	size_t i;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	for (i = 0; i < sizeof(ahead_ms) / sizeof(ahead_ms[0]); i++) {
		deadline = soon(ahead_ms[i]);
		gives(accel_fence_wait(b.fence, deadline), -ETIME);
		expect(now_ns() >= deadline);
		deadline = soon(ahead_ms[i]);
		gives(accel_fence_wait_many(&b.fence, 1, ACCEL_WAIT_ALL, deadline, NULL), -ETIME);
		expect(now_ns() >= deadline);
	}
	blocker_end(&b);
	setup_close(&s);
}

static void wait_for_an_ended_fence_ignores_deadlines(void)
{
	struct accel_fence *fence;
	struct setup s;
	size_t i;

	setup_open(&s);
	fence = ended_fence(&s);
	for (i = 0; i < PAST; i++)
		gives(accel_fence_wait(fence, past[i]), 0);
	gives(accel_fence_wait(fence, soon(1000)), 0);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_status(fence), 0);
	accel_fence_unref(fence);
	setup_close(&s);
}

static void wait_is_woken_by_the_end(void)
{
	struct later later;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	for (i = 0; i < 10; i++) {
		block(s.ctx, s.queue, &b);
		later_start(&later, unblock_later, &b);
		gives(accel_fence_wait(b.fence, i % 2 ? ACCEL_NO_DEADLINE : soon(100000)), 0);
		gives(accel_fence_status(b.fence), 0);
		later_join(&later);
		blocker_end(&b);
	}
	setup_close(&s);
}

static void null_is_refused(void)
{
	fails(accel_fence_wait(NULL, 0), -EINVAL);
	fails(accel_fence_wait(NULL, ACCEL_NO_DEADLINE), -EINVAL);
	fails(accel_fence_status(NULL), -EINVAL);
}

static void results_last(void)
{
	struct accel_fence *good_fence, *bad_fence;
	struct accel_job *bad;
	struct setup s;
	unsigned int i;
	int result;

	setup_open(&s);
	good_fence = ended_fence(&s);
	bad = failing_job(s.ctx, s.queue);
	submit_one(s.queue, bad, &bad_fence);
	result = accel_fence_wait(bad_fence, ACCEL_NO_DEADLINE);
	expect_fence_result(result, ACCEL_FAILED);
	/* Whatever else the queue does. */
	for (i = 0; i < 10; i++) {
		accel_fence_unref(ended_fence(&s));
		gives(accel_fence_status(good_fence), 0);
		gives(accel_fence_status(bad_fence), result);
		gives(accel_fence_wait(bad_fence, -1), result);
	}
	accel_job_unref(bad);
	gives(accel_fence_status(bad_fence), result);
	accel_fence_unref(good_fence);
	accel_fence_unref(bad_fence);
	setup_close(&s);
}

static void references_count(void)
{
	struct accel_fence *fence;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	fence = ended_fence(&s);
	for (i = 0; i < 1000; i++)
		expect(accel_fence_ref(fence) == fence);
	for (i = 0; i < 1000; i++)
		accel_fence_unref(fence);
	gives(accel_fence_status(fence), 0);
	accel_fence_unref(fence);
	accel_fence_unref(NULL);
	setup_close(&s);
}

/* Many fences kept: of more submissions than the queue has room for. */
static void fences_may_be_kept(void)
{
	static struct accel_fence *fences[3000];
	unsigned int i, count = suite.slow_tool ? 500 : 3000;
	struct accel_queue *queue;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	queue = make_queue(s.ctx, 2 <= device_fact(ACCEL_QUEUE_DEPTH_MAX) ? 2 : 1);
	job = nop_job(s.ctx, queue);
	for (i = 0; i < count; i++) {
		submit_one(queue, job, &fences[i]);
		gives(accel_fence_wait(fences[i], ACCEL_NO_DEADLINE), 0);
	}
	for (i = 0; i < count; i++)
		gives(accel_fence_status(fences[i]), 0);
	accel_job_unref(job);
	accel_queue_unref(queue);
	for (i = 0; i < count; i++) {
		gives(accel_fence_wait(fences[i], 0), 0);
		accel_fence_unref(fences[i]);
	}
	setup_close(&s);
}

/* The last job's fence means all before it. */
static void fence_retires_all_before_it(void)
{
	struct accel_fence *fences[8];
	struct accel_job *jobs[8];
	struct accel_queue *queue;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 9)
		skip_check("the device's queues take fewer jobs");
	queue = make_queue(s.ctx, 9);
	for (i = 0; i < 8; i++)
		jobs[i] = nop_job(s.ctx, queue);
	block(s.ctx, queue, &b);
	for (i = 0; i < 8; i++)
		submit_one(queue, jobs[i], &fences[i]);
	unblock(&b);
	gives(accel_fence_wait(fences[7], ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < 8; i++) {
		gives(accel_fence_status(fences[i]), 0);
		expect_outcome(jobs[i], ACCEL_DONE);
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
	}
	gives(accel_fence_status(b.fence), 0);
	blocker_end(&b);
	accel_queue_unref(queue);
	setup_close(&s);
}

static const struct check checks[] = {
	CHECK(wait_for_a_pending_fence_is_etime),
	CHECK(wait_lasts_until_its_deadline),
	CHECK(wait_for_an_ended_fence_ignores_deadlines),
	CHECK(wait_is_woken_by_the_end),
	CHECK(null_is_refused),
	CHECK(results_last),
	CHECK(references_count),
	CHECK(fences_may_be_kept),
	CHECK(fence_retires_all_before_it),
};

const struct group group_fence = GROUP("fence", checks);

/* ---- many ---------------------------------------------------------------------------------- */

/* An import that ends when it is told to. */
struct signal {
	struct accel_fence *fence;
	int fd;
};

static void signal_make(struct signal *signal)
{
	signal->fd = eventfd(0, EFD_CLOEXEC);
	expect(signal->fd >= 0);
	gives(accel_fence_import_fd(signal->fd, 0, &signal->fence), 0);
}

static void signal_raise(struct signal *signal)
{
	uint64_t one = 1;

	expect(write(signal->fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void signal_drop(struct signal *signal)
{
	accel_fence_unref(signal->fence);
	close(signal->fd);
}

static void many_refuses_bad_arguments(void)
{
	struct accel_fence *fences[2];
	uint32_t index = 77;
	struct setup s;

	setup_open(&s);
	fences[0] = ended_fence(&s);
	fences[1] = NULL;
	fails(accel_fence_wait_many(NULL, 1, 0, 0, &index), -EINVAL);
	fails(accel_fence_wait_many(fences, 0, 0, 0, &index), -EINVAL);
	fails(accel_fence_wait_many(NULL, 0, 0, 0, &index), -EINVAL);
	fails(accel_fence_wait_many(fences, 1, 2, 0, &index), -EINVAL);
	fails(accel_fence_wait_many(fences, 1, 1u << 31 | ACCEL_WAIT_ALL, 0, &index), -EINVAL);
	fails_place(accel_fence_wait_many(fences, 2, 0, 0, &index), -EINVAL, 1, ~0ull);
	fails_place(accel_fence_wait_many(fences, 2, ACCEL_WAIT_ALL, 0, &index), -EINVAL, 1, ~0ull);
	same(index, 77);
	accel_fence_unref(fences[0]);
	setup_close(&s);
}

static void any_gives_the_first_in_the_list(void)
{
	struct accel_fence *fences[4];
	struct accel_queue *other;
	struct accel_job *job;
	uint32_t index = 77;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	other = make_queue(s.ctx, 0);
	job = nop_job(s.ctx, other);
	block(s.ctx, s.queue, &b);
	submit_one(other, job, &fences[2]);
	gives(accel_fence_wait(fences[2], ACCEL_NO_DEADLINE), 0);
	fences[0] = fences[1] = b.fence;
	fences[3] = fences[2];
	gives(accel_fence_wait_many(fences, 4, 0, 0, &index), 0);
	same(index, 2);
	index = 77;
	gives(accel_fence_wait_many(fences, 2, 0, 0, &index), -ETIME);
	gives(accel_fence_wait_many(fences, 2, 0, -5, &index), -ETIME);
	gives(accel_fence_wait_many(fences, 2, 0, soon(3), &index), -ETIME);
	same(index, 77);
	unblock(&b);
	gives(accel_fence_wait_many(fences, 2, 0, ACCEL_NO_DEADLINE, &index), 0);
	same(index, 0);
	index = 77;
	gives(accel_fence_wait_many(fences, 4, 0, 0, &index), 0);
	same(index, 0);
	gives(accel_fence_wait_many(fences, 4, 0, 0, NULL), 0);
	blocker_end(&b);
	accel_fence_unref(fences[2]);
	accel_job_unref(job);
	accel_queue_unref(other);
	setup_close(&s);
}

static void any_gives_the_failure_of_what_ended(void)
{
	struct accel_fence *fences[3];
	struct accel_queue *other;
	struct accel_job *bad;
	uint32_t index = 77;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	other = make_queue(s.ctx, 0);
	bad = failing_job(s.ctx, other);
	submit_one(other, bad, &fences[1]);
	expect_fence_result(accel_fence_wait(fences[1], ACCEL_NO_DEADLINE), ACCEL_FAILED);
	block(s.ctx, s.queue, &b);
	fences[0] = fences[2] = b.fence;
	expect_fence_result(accel_fence_wait_many(fences, 3, 0, ACCEL_NO_DEADLINE, &index),
			    ACCEL_FAILED);
	same(index, 1);
	expect_fence_result(accel_fence_wait_many(fences, 3, 0, 0, NULL), ACCEL_FAILED);
	blocker_end(&b);
	accel_fence_unref(fences[1]);
	accel_job_unref(bad);
	accel_queue_unref(other);
	setup_close(&s);
}

static void all_waits_for_the_last(void)
{
	struct accel_fence *fences[3];
	uint32_t index = 77;
	struct later later;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	fences[0] = ended_fence(&s);
	block(s.ctx, s.queue, &b);
	fences[1] = b.fence;
	fences[2] = fences[0];
	gives(accel_fence_wait_many(fences, 3, ACCEL_WAIT_ALL, 0, &index), -ETIME);
	gives(accel_fence_wait_many(fences, 3, ACCEL_WAIT_ALL, soon(3), &index), -ETIME);
	later_start(&later, unblock_later, &b);
	gives(accel_fence_wait_many(fences, 3, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, &index), 0);
	/* Written for a failure only. */
	same(index, 77);
	gives(accel_fence_wait_many(fences, 3, ACCEL_WAIT_ALL, 0, NULL), 0);
	later_join(&later);
	blocker_end(&b);
	accel_fence_unref(fences[0]);
	setup_close(&s);
}

/* One failure doesn't end the wait for the others, and is then the result. */
static void all_gives_the_first_failure_at_the_end(void)
{
	struct accel_fence *fences[4];
	struct accel_queue *other;
	struct accel_job *bad;
	uint32_t index = 77;
	struct blocker b;
	struct setup s;
	int result;

	setup_open(&s);
	other = make_queue(s.ctx, 0);
	bad = failing_job(s.ctx, other);
	submit_one(other, bad, &fences[2]);
	result = accel_fence_wait(fences[2], ACCEL_NO_DEADLINE);
	expect_fence_result(result, ACCEL_FAILED);
	fences[0] = ended_fence(&s);
	block(s.ctx, s.queue, &b);
	fences[1] = b.fence;
	fences[3] = fences[2];
	gives(accel_fence_wait_many(fences, 4, ACCEL_WAIT_ALL, soon(3), &index), -ETIME);
	same(index, 77);
	unblock(&b);
	gives(accel_fence_wait_many(fences, 4, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, &index), result);
	same(index, result ? 2 : 77);
	gives(accel_fence_wait_many(fences, 4, ACCEL_WAIT_ALL, 0, NULL), result);
	blocker_end(&b);
	accel_fence_unref(fences[0]);
	accel_fence_unref(fences[2]);
	accel_job_unref(bad);
	accel_queue_unref(other);
	setup_close(&s);
}

static void many_mixes_own_and_imported(void)
{
	struct accel_fence *fences[3];
	struct signal signal;
	uint32_t index = 77;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	signal_make(&signal);
	fences[2] = ended_fence(&s);
	block(s.ctx, s.queue, &b);
	fences[0] = b.fence;
	fences[1] = signal.fence;
	gives(accel_fence_wait_many(fences, 2, 0, soon(3), &index), -ETIME);
	gives(accel_fence_wait_many(fences, 2, ACCEL_WAIT_ALL, soon(3), &index), -ETIME);
	same(index, 77);
	signal_raise(&signal);
	gives(accel_fence_wait_many(fences, 2, 0, ACCEL_NO_DEADLINE, &index), 0);
	same(index, 1);
	gives(accel_fence_wait_many(fences, 2, ACCEL_WAIT_ALL, 0, NULL), -ETIME);
	unblock(&b);
	gives(accel_fence_wait_many(fences, 3, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
	gives(accel_fence_wait_many(fences, 2, 0, 0, &index), 0);
	same(index, 0);
	blocker_end(&b);
	accel_fence_unref(fences[2]);
	signal_drop(&signal);
	setup_close(&s);
}

static void raise_later(void *signal)
{
	signal_raise(signal);
}

/* Woken by whichever kind ends, while both are waited for. */
static void many_is_woken_by_either_kind(void)
{
	struct accel_fence *fences[2];
	struct signal signal;
	uint32_t index;
	struct later later;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	for (i = 0; i < 6; i++) {
		signal_make(&signal);
		block(s.ctx, s.queue, &b);
		fences[0] = b.fence;
		fences[1] = signal.fence;
		index = 77;
		if (i % 2)
			later_start(&later, unblock_later, &b);
		else
			later_start(&later, raise_later, &signal);
		gives(accel_fence_wait_many(fences, 2, 0, ACCEL_NO_DEADLINE, &index), 0);
		same(index, i % 2 ? 0 : 1);
		later_join(&later);
		blocker_end(&b);
		signal_drop(&signal);
	}
	setup_close(&s);
}

static void many_of_many_queues(void)
{
	struct accel_fence *fences[8];
	struct accel_queue *queues[8];
	struct blocker blockers[8];
	struct later later;
	uint32_t index;
	struct setup s;
	unsigned int i, count;

	setup_open(&s);
	for (count = 0; count < 8; count++) {
		if (try_queue(s.ctx, 0, &queues[count]) != 0)
			break;
	}
	for (i = 0; i < count; i++) {
		block(s.ctx, queues[i], &blockers[i]);
		fences[i] = blockers[i].fence;
	}
	for (i = 0; i < count; i++) {
		/* From the last to the first: each is then the first in the list. */
		later_start(&later, unblock_later, &blockers[count - 1 - i]);
		gives(accel_fence_wait_many(fences, count - i, 0, ACCEL_NO_DEADLINE, &index), 0);
		same(index, count - 1 - i);
		later_join(&later);
	}
	gives(accel_fence_wait_many(fences, count, ACCEL_WAIT_ALL, 0, NULL), 0);
	for (i = 0; i < count; i++) {
		blocker_end(&blockers[i]);
		accel_queue_unref(queues[i]);
	}
	setup_close(&s);
}

static void many_of_very_many(void)
{
	static struct accel_fence *fences[20000];
	struct blocker b;
	uint32_t index = 77;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	for (i = 0; i < 20000; i++)
		fences[i] = b.fence;
	gives(accel_fence_wait_many(fences, 20000, 0, 0, &index), -ETIME);
	gives(accel_fence_wait_many(fences, 20000, ACCEL_WAIT_ALL, soon(3), &index), -ETIME);
	same(index, 77);
	unblock(&b);
	gives(accel_fence_wait_many(fences, 20000, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
	gives(accel_fence_wait_many(fences, 20000, 0, 0, &index), 0);
	same(index, 0);
	blocker_end(&b);
	setup_close(&s);
}

static const struct check many_checks[] = {
	CHECK(many_refuses_bad_arguments),
	CHECK(any_gives_the_first_in_the_list),
	CHECK(any_gives_the_failure_of_what_ended),
	CHECK(all_waits_for_the_last),
	CHECK(all_gives_the_first_failure_at_the_end),
	CHECK(many_mixes_own_and_imported),
	CHECK(many_is_woken_by_either_kind),
	CHECK(many_of_many_queues),
	CHECK(many_of_very_many),
};

const struct group group_fence_many = GROUP("fence_many", many_checks);

/* ---- fences that a job waits for ---------------------------------------------------------------- */

static void job_waits_for_an_imported_fence(void)
{
	struct accel_fence *fence;
	struct signal signal;
	struct accel_job *job;
	struct setup s;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	signal_make(&signal);
	job = nop_job(s.ctx, s.queue);
	gives(submit_after(s.queue, job, &signal.fence, 1, &fence), 1);
	gives(accel_fence_wait(fence, soon(5)), -ETIME);
	expect_outcome(job, ACCEL_PENDING);
	signal_raise(&signal);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_outcome(job, ACCEL_DONE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	signal_drop(&signal);
	setup_close(&s);
}

static void job_waits_for_another_queue(void)
{
	uint64_t bytes = whole_units(4096);
	struct accel_bo *from, *middle, *to;
	struct accel_job *first, *second;
	struct accel_fence *fence, *done;
	struct accel_queue *other;
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	other = make_queue(s.ctx, 0);
	from = make_bo(s.ctx, DATA_FLAGS, bytes);
	middle = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	to = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	cpu_fill(from, 0, bytes, 0x5a);
	first = copy_job(s.ctx, s.queue, middle, from, bytes);
	second = copy_job(s.ctx, other, to, middle, bytes);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, first, &fence);
	gives(submit_after(other, second, &fence, 1, &done), 1);
	/* The job holds its fence. */
	accel_fence_unref(fence);
	gives(accel_fence_status(done), -EINPROGRESS);
	unblock(&b);
	gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
	expect_bytes(to, 0, bytes, 0x5a);
	blocker_end(&b);
	accel_fence_unref(done);
	accel_job_unref(first);
	accel_job_unref(second);
	accel_bo_unref(from);
	accel_bo_unref(middle);
	accel_bo_unref(to);
	accel_queue_unref(other);
	setup_close(&s);
}

static void job_waits_for_another_context(void)
{
	struct accel_fence *done;
	struct accel_job *job;
	struct blocker b;
	struct setup s, t;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	t.ctx = open_another();
	t.queue = make_queue(t.ctx, 0);
	job = nop_job(t.ctx, t.queue);
	block(s.ctx, s.queue, &b);
	gives(submit_after(t.queue, job, &b.fence, 1, &done), 1);
	gives(accel_fence_wait(done, soon(3)), -ETIME);
	blocker_end(&b);
	setup_close(&s);
	gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(done);
	accel_job_unref(job);
	setup_close(&t);
}

static void job_waits_for_all_its_fences(void)
{
	struct accel_fence *waits[9], *done;
	struct signal signals[7];
	struct accel_queue *other;
	struct accel_job *job;
	struct blocker b;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	other = make_queue(s.ctx, 0);
	job = nop_job(s.ctx, s.queue);
	block(s.ctx, other, &b);
	for (i = 0; i < 7; i++) {
		signal_make(&signals[i]);
		waits[i] = signals[i].fence;
	}
	waits[7] = b.fence;
	waits[8] = waits[0]; /* one of them twice */
	gives(submit_after(s.queue, job, waits, 9, &done), 1);
	for (i = 0; i < 7; i++) {
		gives(accel_fence_wait(done, soon(1)), -ETIME);
		signal_raise(&signals[(i * 3) % 7]);
	}
	gives(accel_fence_wait(done, soon(1)), -ETIME);
	unblock(&b);
	gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
	blocker_end(&b);
	for (i = 0; i < 7; i++)
		signal_drop(&signals[i]);
	accel_fence_unref(done);
	accel_job_unref(job);
	accel_queue_unref(other);
	setup_close(&s);
}

static void ended_fences_hold_nothing_up(void)
{
	struct accel_fence *waits[2], *done;
	struct signal signal;
	struct accel_job *job;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	signal_make(&signal);
	signal_raise(&signal);
	job = nop_job(s.ctx, s.queue);
	waits[0] = ended_fence(&s);
	waits[1] = signal.fence;
	for (i = 0; i < 100; i++) {
		gives(submit_after(s.queue, job, waits, 2, &done), 1);
		gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(done);
	}
	accel_fence_unref(waits[0]);
	signal_drop(&signal);
	accel_job_unref(job);
	setup_close(&s);
}

/* "have ended, well or not" */
static void failed_fences_open_too(void)
{
	struct accel_fence *failed, *done;
	struct accel_queue *other;
	struct accel_job *bad, *job;
	struct blocker b;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	other = make_queue(s.ctx, 0);
	bad = failing_job(s.ctx, other);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < 2; i++) {
		block(s.ctx, other, &b);
		submit_one(other, bad, &failed);
		if (i)
			blocker_end(&b); /* it has failed, or will in a moment */
		gives(submit_after(s.queue, job, &failed, 1, &done), 1);
		if (!i) {
			gives(accel_fence_status(done), -EINPROGRESS);
			blocker_end(&b);
		}
		gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
		expect_outcome(job, ACCEL_DONE);
		expect_fence_result(accel_fence_wait(failed, 0), ACCEL_FAILED);
		accel_fence_unref(done);
		accel_fence_unref(failed);
	}
	accel_job_unref(job);
	accel_job_unref(bad);
	accel_queue_unref(other);
	setup_close(&s);
}

static void canceled_fences_open_too(void)
{
	struct accel_fence *done, *never_done;
	struct accel_queue *other;
	struct signal never;
	struct accel_job *stuck, *job;
	struct setup s;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	signal_make(&never);
	other = make_queue(s.ctx, 0);
	stuck = nop_job(s.ctx, other);
	job = nop_job(s.ctx, s.queue);
	gives(submit_after(other, stuck, &never.fence, 1, &never_done), 1);
	gives(submit_after(s.queue, job, &never_done, 1, &done), 1);
	gives(accel_fence_wait(done, soon(2)), -ETIME);
	gives(accel_queue_cancel(other, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
	expect_outcome(job, ACCEL_DONE);
	accel_fence_unref(done);
	accel_fence_unref(never_done);
	accel_job_unref(stuck);
	accel_job_unref(job);
	accel_queue_unref(other);
	signal_drop(&never);
	setup_close(&s);
}

/* A row of queues, each waiting for the one before. */
static void chains_run_through(void)
{
	struct accel_fence *fences[16];
	struct accel_queue *queues[16];
	struct accel_job *jobs[16];
	struct signal signal;
	struct setup s;
	unsigned int i, count;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	signal_make(&signal);
	for (count = 0; count < 16; count++) {
		if (try_queue(s.ctx, 0, &queues[count]) != 0)
			break;
		jobs[count] = nop_job(s.ctx, queues[count]);
		gives(submit_after(queues[count], jobs[count],
				   count ? &fences[count - 1] : &signal.fence, 1, &fences[count]),
		      1);
	}
	expect(count > 0);
	for (i = 0; i < count; i++)
		gives(accel_fence_status(fences[i]), -EINPROGRESS);
	signal_raise(&signal);
	gives(accel_fence_wait(fences[count - 1], ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < count; i++) {
		gives(accel_fence_status(fences[i]), 0);
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
		accel_queue_unref(queues[i]);
	}
	signal_drop(&signal);
	setup_close(&s);
}

/* In order also where only the first waits. */
static void jobs_behind_a_waiting_one_wait_too(void)
{
	struct accel_fence *fences[3];
	struct accel_job *jobs[3];
	struct signal signal;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 3)
		skip_check("the device's queues take fewer jobs");
	signal_make(&signal);
	for (i = 0; i < 3; i++) {
		jobs[i] = nop_job(s.ctx, s.queue);
		gives(submit_after(s.queue, jobs[i], &signal.fence, i ? 0 : 1, &fences[i]), 1);
	}
	gives(accel_fence_wait(fences[2], soon(3)), -ETIME);
	for (i = 0; i < 3; i++)
		expect_outcome(jobs[i], ACCEL_PENDING);
	signal_raise(&signal);
	gives(accel_fence_wait(fences[2], ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < 3; i++) {
		gives(accel_fence_status(fences[i]), 0);
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
	}
	signal_drop(&signal);
	setup_close(&s);
}

/* A batch waits as a whole: for the first job. */
static void batches_wait_before_their_first_job(void)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct accel_fence *fence;
	struct accel_job *jobs[3];
	struct signal signal;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 3)
		skip_check("the device's queues take fewer jobs");
	signal_make(&signal);
	for (i = 0; i < 3; i++)
		jobs[i] = nop_job(s.ctx, s.queue);
	params.wait = &signal.fence;
	params.wait_count = 1;
	gives(accel_submit(s.queue, jobs, 3, &params, &fence), 3);
	gives(accel_fence_wait(fence, soon(3)), -ETIME);
	expect_outcome(jobs[0], ACCEL_PENDING);
	signal_raise(&signal);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < 3; i++) {
		expect_outcome(jobs[i], ACCEL_DONE);
		accel_job_unref(jobs[i]);
	}
	accel_fence_unref(fence);
	signal_drop(&signal);
	setup_close(&s);
}

static void a_queue_may_wait_for_itself(void)
{
	struct accel_fence *first, *second;
	struct accel_job *a, *b;
	struct blocker blocker;
	struct setup s;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	a = nop_job(s.ctx, s.queue);
	b = nop_job(s.ctx, s.queue);
	block(s.ctx, s.queue, &blocker);
	submit_one(s.queue, a, &first);
	gives(submit_after(s.queue, b, &first, 1, &second), 1);
	blocker_end(&blocker);
	gives(accel_fence_wait(second, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_job_unref(a);
	accel_job_unref(b);
	setup_close(&s);
}

/* Fences that are waited for belong to the one submission. */
static void waits_are_of_one_submission(void)
{
	struct accel_fence *fence;
	struct signal signal;
	struct accel_job *job;
	struct setup s;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	signal_make(&signal);
	job = nop_job(s.ctx, s.queue);
	gives(submit_after(s.queue, job, &signal.fence, 1, &fence), 1);
	signal_raise(&signal);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	signal_drop(&signal);
	run_job(s.queue, job);
	accel_job_unref(job);
	setup_close(&s);
}

static const struct check wait_checks[] = {
	CHECK(job_waits_for_an_imported_fence),    CHECK(job_waits_for_another_queue),
	CHECK(job_waits_for_another_context),      CHECK(job_waits_for_all_its_fences),
	CHECK(ended_fences_hold_nothing_up),       CHECK(failed_fences_open_too),
	CHECK(canceled_fences_open_too),           CHECK(chains_run_through),
	CHECK(jobs_behind_a_waiting_one_wait_too), CHECK(batches_wait_before_their_first_job),
	CHECK(a_queue_may_wait_for_itself),        CHECK(waits_are_of_one_submission),
};

const struct group group_wait_fences = GROUP("wait_fences", wait_checks);
