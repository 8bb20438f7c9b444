/* SPDX-License-Identifier: MIT */
/* Submission: batches, prefixes, order. */
#include "conformance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct one_job {
	struct setup s;
	struct accel_job *job;
};

static void one_open(struct one_job *o)
{
	setup_open(&o->s);
	o->job = nop_job(o->s.ctx, o->s.queue);
}

static void one_close(struct one_job *o)
{
	/* Whatever was refused has changed nothing. */
	run_job(o->s.queue, o->job);
	accel_job_unref(o->job);
	setup_close(&o->s);
}

/* Submit once with @params; what was accepted is waited for. */
static int call_submit(void *arg, const void *params)
{
	struct accel_fence *fence = untouched();
	struct one_job *o = arg;
	int count;

	count = accel_submit(o->s.queue, &o->job, 1, params, &fence);
	if (count < 0) {
		is_untouched(fence);
		return count;
	}
	same(count, 1);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	return 0;
}

static void params_of_wrong_size_are_refused(void)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct one_job o;

	one_open(&o);
	check_in_sizes(call_submit, &o, &params, sizeof(params));
	one_close(&o);
}

static void params_may_be_of_a_newer_header(void)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct one_job o;

	one_open(&o);
	check_in_tail(call_submit, &o, &params, sizeof(params));
	one_close(&o);
}

static void params_may_be_of_an_older_header(void)
{
	struct accel_submit_params params;
	struct one_job o;

	one_open(&o);
	memset(&params, 0xff, sizeof(params));
	params.size = 4;
	gives(call_submit(&o, &params), 0);
	params.size = 8;
	params.flags = 0;
	gives(call_submit(&o, &params), 0);
	one_close(&o);
}

static void unknown_flags_are_refused(void)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct one_job o;
	unsigned int bit;

	one_open(&o);
	for (bit = 0; bit < 32; bit++) {
		params.flags = 1u << bit;
		fails(call_submit(&o, &params), -EINVAL);
	}
	params.flags = 0;
	params.reserved = 1;
	fails(call_submit(&o, &params), -EINVAL);
	one_close(&o);
}

static void null_is_refused(void)
{
	struct accel_job *none = NULL;
	struct accel_fence *fence = untouched();
	struct one_job o;

	one_open(&o);
	fails(accel_submit(NULL, &o.job, 1, NULL, &fence), -EINVAL);
	fails(accel_submit(o.s.queue, NULL, 1, NULL, &fence), -EINVAL);
	fails(accel_submit(o.s.queue, &none, 1, NULL, &fence), -EINVAL);
	is_untouched(fence);
	one_close(&o);
}

static void no_jobs_are_refused(void)
{
	struct accel_fence *fence = untouched();
	struct one_job o;

	one_open(&o);
	fails(accel_submit(o.s.queue, &o.job, 0, NULL, &fence), -EINVAL);
	fails(accel_submit(o.s.queue, NULL, 0, NULL, &fence), -EINVAL);
	is_untouched(fence);
	one_close(&o);
}

static void missing_wait_fences_are_refused(void)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct accel_fence *waits[2] = {NULL, NULL};
	struct one_job o;

	one_open(&o);
	params.wait_count = 1;
	fails(call_submit(&o, &params), -EINVAL);
	params.wait = waits;
	fails_place(call_submit(&o, &params), -EINVAL, 0, ~0ull);
	submit_one(o.s.queue, o.job, &waits[0]);
	gives(accel_fence_wait(waits[0], ACCEL_NO_DEADLINE), 0);
	params.wait_count = 2;
	fails_place(call_submit(&o, &params), -EINVAL, 1, ~0ull);
	/* A list of none is no list. */
	params.wait_count = 0;
	gives(call_submit(&o, &params), 0);
	accel_fence_unref(waits[0]);
	one_close(&o);
}

static void fence_is_optional(void)
{
	struct accel_fence *fence;
	struct accel_job *next;
	struct one_job o;
	unsigned int i;

	one_open(&o);
	next = nop_job(o.s.ctx, o.s.queue);
	for (i = 0; i < 10; i++) {
		submit_one(o.s.queue, o.job, NULL);
		submit_one(o.s.queue, next, &fence);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(fence);
		expect_outcome(o.job, ACCEL_DONE);
	}
	accel_job_unref(next);
	one_close(&o);
}

static void job_under_way_is_ebusy(void)
{
	struct accel_fence *fence = untouched(), *done;
	struct blocker b;
	struct one_job o;

	one_open(&o);
	block(o.s.ctx, o.s.queue, &b);
	submit_one(o.s.queue, o.job, &done);
	fails_place(accel_submit(o.s.queue, &o.job, 1, NULL, &fence), -EBUSY, 0, ~0ull);
	fails(accel_submit(o.s.queue, &b.job, 1, NULL, &fence), -EBUSY);
	is_untouched(fence);
	blocker_end(&b);
	gives(accel_fence_wait(done, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(done);
	one_close(&o);
}

static void job_of_another_queue_is_refused(void)
{
	struct accel_fence *fence = untouched();
	struct accel_queue *other;
	struct one_job o;

	one_open(&o);
	other = make_queue(o.s.ctx, 0);
	fails_place(accel_submit(other, &o.job, 1, NULL, &fence), -EINVAL, 0, ~0ull);
	is_untouched(fence);
	accel_queue_unref(other);
	one_close(&o);
}

static void job_of_another_context_is_refused(void)
{
	struct accel_fence *fence = untouched();
	struct accel_queue *queue;
	struct accel_context *ctx;
	struct one_job o;

	one_open(&o);
	ctx = open_another();
	queue = make_queue(ctx, 0);
	fails(accel_submit(queue, &o.job, 1, NULL, &fence), -EINVAL);
	is_untouched(fence);
	accel_queue_unref(queue);
	accel_context_unref(ctx);
	one_close(&o);
}

/* Of a job refused at once the result stays what it was. */
static void refused_job_can_run_later(void)
{
	struct accel_queue *queue;
	struct blocker b;
	struct one_job o;
	struct accel_job *job;

	one_open(&o);
	queue = make_queue(o.s.ctx, 1);
	job = nop_job(o.s.ctx, queue);
	run_job(queue, job);
	block(o.s.ctx, queue, &b);
	fails(accel_submit(queue, &job, 1, NULL, NULL), -EAGAIN);
	expect_outcome(job, ACCEL_DONE);
	blocker_end(&b);
	run_job(queue, job);
	accel_job_unref(job);
	accel_queue_unref(queue);
	one_close(&o);
}

/* ---- batches ------------------------------------------------------------------------------- */

#define BATCH 16

struct batch {
	struct setup s;
	struct accel_queue *queue;
	struct accel_job *jobs[BATCH];
};

static void batch_open(struct batch *b, uint32_t depth)
{
	unsigned int i;

	setup_open(&b->s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < depth)
		skip_check("the device's queues take fewer jobs");
	b->queue = make_queue(b->s.ctx, depth);
	for (i = 0; i < BATCH; i++)
		b->jobs[i] = nop_job(b->s.ctx, b->queue);
}

static void batch_close(struct batch *b)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		accel_job_unref(b->jobs[i]);
	accel_queue_unref(b->queue);
	setup_close(&b->s);
}

static void expect_never_submitted(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	fails(accel_job_get_result(job, &result), -ENODATA);
}

static void batch_has_one_fence(void)
{
	struct accel_fence *fence;
	struct batch b;
	unsigned int i;

	batch_open(&b, BATCH);
	gives(accel_submit(b.queue, b.jobs, BATCH, NULL, &fence), BATCH);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < BATCH; i++)
		expect_outcome(b.jobs[i], ACCEL_DONE);
	accel_fence_unref(fence);
	batch_close(&b);
}

static void batch_larger_than_the_room_has_its_prefix_accepted(void)
{
	struct accel_fence *fence, *none = untouched();
	struct blocker blocker;
	struct batch b;
	unsigned int i;

	batch_open(&b, 6);
	block(b.s.ctx, b.queue, &blocker);
	gives(accel_submit(b.queue, b.jobs, BATCH, NULL, &fence), 5);
	for (i = 0; i < 5; i++)
		expect_outcome(b.jobs[i], ACCEL_PENDING);
	for (i = 5; i < BATCH; i++)
		expect_never_submitted(b.jobs[i]);
	fails(accel_submit(b.queue, b.jobs + 5, BATCH - 5, NULL, &none), -EAGAIN);
	is_untouched(none);
	gives(accel_fence_status(fence), -EINPROGRESS);
	unblock(&blocker);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < 5; i++)
		expect_outcome(b.jobs[i], ACCEL_DONE);
	for (i = 5; i < BATCH; i++)
		expect_never_submitted(b.jobs[i]);
	blocker_end(&blocker);
	accel_fence_unref(fence);
	gives(accel_submit(b.queue, b.jobs + 5, 6, NULL, &fence), 6);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	batch_close(&b);
}

static void batch_with_a_job_twice_has_its_prefix_accepted(void)
{
	struct accel_job *jobs[4];
	struct accel_fence *fence;
	struct batch b;

	batch_open(&b, 8);
	jobs[0] = b.jobs[0];
	jobs[1] = b.jobs[1];
	jobs[2] = b.jobs[0];
	jobs[3] = b.jobs[2];
	gives(accel_submit(b.queue, jobs, 4, NULL, &fence), 2);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	expect_outcome(b.jobs[0], ACCEL_DONE);
	expect_outcome(b.jobs[1], ACCEL_DONE);
	expect_never_submitted(b.jobs[2]);
	jobs[1] = jobs[0];
	gives(accel_submit(b.queue, jobs, 4, NULL, &fence), 1);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	batch_close(&b);
}

static void batch_with_a_foreign_job_has_its_prefix_accepted(void)
{
	struct accel_job *jobs[4], *foreign;
	struct accel_fence *fence;
	struct batch b;

	batch_open(&b, 8);
	foreign = nop_job(b.s.ctx, b.s.queue);
	jobs[0] = b.jobs[0];
	jobs[1] = b.jobs[1];
	jobs[2] = foreign;
	jobs[3] = b.jobs[2];
	gives(accel_submit(b.queue, jobs, 4, NULL, &fence), 2);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	expect_never_submitted(foreign);
	expect_never_submitted(b.jobs[2]);
	run_job(b.s.queue, foreign);
	accel_job_unref(foreign);
	batch_close(&b);
}

static void batch_with_a_hole_has_its_prefix_accepted(void)
{
	struct accel_job *jobs[3];
	struct accel_fence *fence;
	struct batch b;

	batch_open(&b, 8);
	jobs[0] = b.jobs[0];
	jobs[1] = NULL;
	jobs[2] = b.jobs[2];
	gives(accel_submit(b.queue, jobs, 3, NULL, &fence), 1);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	expect_never_submitted(b.jobs[2]);
	batch_close(&b);
}

static void batch_with_a_busy_job_has_its_prefix_accepted(void)
{
	struct accel_job *jobs[3];
	struct blocker blocker;
	struct accel_fence *fence;
	struct batch b;

	batch_open(&b, 8);
	block(b.s.ctx, b.queue, &blocker);
	jobs[0] = b.jobs[0];
	jobs[1] = blocker.job;
	jobs[2] = b.jobs[1];
	gives(accel_submit(b.queue, jobs, 3, NULL, &fence), 1);
	unblock(&blocker);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	blocker_end(&blocker);
	accel_fence_unref(fence);
	expect_never_submitted(b.jobs[1]);
	batch_close(&b);
}

static void batch_fence_fails_with_the_first_failure(void)
{
	struct accel_job *jobs[3];
	struct accel_fence *fence;
	struct batch b;
	int result;

	batch_open(&b, 8);
	jobs[0] = b.jobs[0];
	jobs[1] = failing_job(b.s.ctx, b.queue);
	jobs[2] = b.jobs[1];
	gives(accel_submit(b.queue, jobs, 3, NULL, &fence), 3);
	result = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	expect_fence_result(result, ACCEL_FAILED);
	gives(accel_fence_wait(fence, 0), result);
	expect_outcome(jobs[0], ACCEL_DONE);
	expect_outcome(jobs[1], ACCEL_FAILED);
	accel_fence_unref(fence);
	accel_job_unref(jobs[1]);
	batch_close(&b);
}

/* A failure before the batch is not the batch's. */
static void batch_fence_ignores_earlier_failures(void)
{
	struct accel_fence *failed, *fence;
	struct accel_job *bad;
	struct batch b;

	batch_open(&b, 8);
	bad = failing_job(b.s.ctx, b.queue);
	submit_one(b.queue, bad, &failed);
	gives(accel_submit(b.queue, b.jobs, 3, NULL, &fence), 3);
	if (accel_fence_wait(fence, ACCEL_NO_DEADLINE) == -ESTALE)
		skip_check("a failed job takes the context with it");
	gives(accel_fence_wait(fence, 0), 0);
	expect_fence_result(accel_fence_wait(failed, 0), ACCEL_FAILED);
	accel_fence_unref(failed);
	accel_fence_unref(fence);
	accel_job_unref(bad);
	batch_close(&b);
}

static void await_end(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	gives(accel_job_get_result(job, &result), 0);
	while (result.outcome == ACCEL_PENDING) {
		pause_ms(1);
		gives(accel_job_get_result(job, &result), 0);
	}
}

/* The fence is of the last one, not of the first. */
static void batch_fence_waits_for_the_last(void)
{
	struct accel_job *jobs[2];
	struct accel_fence *fence;
	struct request r;
	struct gate gate;
	struct batch b;

	need_gate();
	batch_open(&b, 8);
	gate_init(&gate);
	memset(&r, 0, sizeof(r));
	r.params.size = sizeof(r.params);
	gives(suite.work->gate(b.s.ctx, &r, &gate), 0);
	jobs[0] = b.jobs[0];
	jobs[1] = request_job(b.queue, &r);
	gives(accel_submit(b.queue, jobs, 2, NULL, &fence), 2);
	gate_wait_started(&gate);
	await_end(jobs[0]); /* the second may have begun before that is told */
	expect_outcome(jobs[0], ACCEL_DONE);
	expect_outcome(jobs[1], ACCEL_PENDING);
	gives(accel_fence_wait(fence, soon(2)), -ETIME);
	gate_open(&gate);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_outcome(jobs[1], ACCEL_DONE);
	accel_job_unref(jobs[1]);
	accel_fence_unref(fence);
	gate_destroy(&gate);
	batch_close(&b);
}

/* ---- order ------------------------------------------------------------------------------------ */

/* Each copies what the one before has written. */
static void jobs_run_in_order(void)
{
	uint64_t bytes = whole_units(4096);
	struct accel_bo *bos[9];
	struct accel_job *jobs[8];
	struct accel_fence *fence;
	struct accel_queue *queue;
	struct setup s;
	unsigned int i, round;

	setup_open(&s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 8)
		skip_check("the device's queues take fewer jobs");
	if (device_fact(ACCEL_JOB_BO_ONCE) == 2)
		skip_check("a buffer is under way with one job only");
	queue = make_queue(s.ctx, 8);
	for (i = 0; i < 9; i++)
		bos[i] = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	for (i = 0; i < 8; i++)
		jobs[i] = copy_job(s.ctx, queue, bos[i + 1], bos[i], bytes);
	for (round = 1; round < 100; round++) {
		cpu_fill(bos[0], 0, bytes, (uint8_t)round);
		if (round % 2) {
			gives(accel_submit(queue, jobs, 8, NULL, &fence), 8);
		} else {
			for (i = 0; i < 8; i++)
				submit_one(queue, jobs[i], i == 7 ? &fence : NULL);
		}
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		expect_bytes(bos[8], 0, bytes, (uint8_t)round);
		accel_fence_unref(fence);
	}
	for (i = 0; i < 8; i++)
		accel_job_unref(jobs[i]);
	for (i = 0; i < 9; i++)
		accel_bo_unref(bos[i]);
	accel_queue_unref(queue);
	setup_close(&s);
}

/* Once a fence has ended its job and all before it can be submitted again. */
static void ended_jobs_can_be_submitted_at_once(void)
{
	struct accel_fence *fence;
	struct one_job o;
	unsigned int i, rounds = suite.slow_tool ? 2000 : 20000;

	one_open(&o);
	for (i = 0; i < rounds; i++) {
		submit_one(o.s.queue, o.job, &fence);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(fence);
	}
	one_close(&o);
}

static void ended_batches_can_be_submitted_at_once(void)
{
	struct accel_fence *fence;
	struct batch b;
	unsigned int i;

	batch_open(&b, BATCH);
	for (i = 0; i < 500; i++) {
		gives(accel_submit(b.queue, b.jobs, BATCH, NULL, &fence), BATCH);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(fence);
	}
	batch_close(&b);
}

static const struct check checks[] = {
	CHECK(params_of_wrong_size_are_refused),
	CHECK(params_may_be_of_a_newer_header),
	CHECK(params_may_be_of_an_older_header),
	CHECK(unknown_flags_are_refused),
	CHECK(null_is_refused),
	CHECK(no_jobs_are_refused),
	CHECK(missing_wait_fences_are_refused),
	CHECK(fence_is_optional),
	CHECK(job_under_way_is_ebusy),
	CHECK(job_of_another_queue_is_refused),
	CHECK(job_of_another_context_is_refused),
	CHECK(refused_job_can_run_later),
	CHECK(batch_has_one_fence),
	CHECK(batch_larger_than_the_room_has_its_prefix_accepted),
	CHECK(batch_with_a_job_twice_has_its_prefix_accepted),
	CHECK(batch_with_a_foreign_job_has_its_prefix_accepted),
	CHECK(batch_with_a_hole_has_its_prefix_accepted),
	CHECK(batch_with_a_busy_job_has_its_prefix_accepted),
	CHECK(batch_fence_fails_with_the_first_failure),
	CHECK(batch_fence_ignores_earlier_failures),
	CHECK(batch_fence_waits_for_the_last),
	CHECK(jobs_run_in_order),
	CHECK(ended_jobs_can_be_submitted_at_once),
	CHECK(ended_batches_can_be_submitted_at_once),
};

const struct group group_submit = GROUP("submit", checks);
