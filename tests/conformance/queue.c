/* SPDX-License-Identifier: MIT */
/* Queues: how they are made, how full they get, how they are cancelled. */
#include "conformance.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int call_create(void *arg, const void *params)
{
	struct accel_queue *queue = untouched();
	int err;

	err = accel_queue_create(arg, params, soon(60000), &queue);
	if (err)
		is_untouched(queue);
	else
		accel_queue_unref(queue);
	return err;
}

static void params_of_wrong_size_are_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	refill_queue_params(&params);
	check_in_sizes(call_create, ctx, &params, sizeof(params));
	accel_context_unref(ctx);
}

static void params_may_be_of_a_newer_header(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	refill_queue_params(&params);
	check_in_tail(call_create, ctx, &params, sizeof(params));
	accel_context_unref(ctx);
}

static void params_may_be_of_an_older_header(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	if (suite.work->queue_ext)
		skip_check("the device's queues need the driver's own struct");
	memset(&params, 0xff, sizeof(params));
	params.size = 4;
	gives(call_create(ctx, &params), 0);
	accel_context_unref(ctx);
}

static void params_may_be_null(void)
{
	struct accel_context *ctx = open_context();

	if (suite.work->queue_ext)
		skip_check("the device's queues need the driver's own struct");
	gives(call_create(ctx, NULL), 0);
	accel_context_unref(ctx);
}

static void null_is_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	refill_queue_params(&params);
	fails(call_create(NULL, &params), -EINVAL);
	fails(accel_queue_create(ctx, &params, 0, NULL), -EINVAL);
	accel_context_unref(ctx);
}

static void unknown_flags_are_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;
	unsigned int bit;

	refill_queue_params(&params);
	for (bit = 0; bit < 32; bit++) {
		params.flags = 1u << bit;
		fails(call_create(ctx, &params), -EINVAL);
	}
	accel_context_unref(ctx);
}

static void struct_of_another_driver_is_refused(void)
{
	struct accel_ext ext = {sizeof(ext), 0xdead0003u};
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	refill_queue_params(&params);
	params.ext = &ext;
	fails(call_create(ctx, &params), -EINVAL);
	ext.size = 7;
	fails(call_create(ctx, &params), -EINVAL);
	accel_context_unref(ctx);
}

static void every_priority_in_range_is_good(void)
{
	int64_t min = (int32_t)device_fact(ACCEL_PRIORITY_MIN);
	int64_t max = (int32_t)device_fact(ACCEL_PRIORITY_MAX);
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;
	struct accel_queue *queue;
	struct accel_job *job;
	int64_t i;

	if (device_fact(ACCEL_PRIORITY_MIN) == ~0ull && device_fact(ACCEL_PRIORITY_MAX) == ~0ull)
		min = max = 0;
	expect(max - min < 1000);
	for (i = min; i <= max; i++) {
		refill_queue_params(&params);
		params.priority = (int32_t)i;
		gives(accel_queue_create(ctx, &params, soon(60000), &queue), 0);
		job = nop_job(ctx, queue);
		run_job(queue, job);
		accel_job_unref(job);
		accel_queue_unref(queue);
	}
	accel_context_unref(ctx);
}

static void priorities_out_of_range_are_refused(void)
{
	int64_t min = (int32_t)device_fact(ACCEL_PRIORITY_MIN);
	int64_t max = (int32_t)device_fact(ACCEL_PRIORITY_MAX);
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;
	int64_t tries[] = {min - 1, max + 1, INT_MIN, INT_MAX};
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if ((tries[i] >= min && tries[i] <= max) || tries[i] > INT_MAX ||
		    tries[i] < INT_MIN)
			continue;
		refill_queue_params(&params);
		params.priority = (int32_t)tries[i];
		fails(call_create(ctx, &params), -EINVAL);
	}
	accel_context_unref(ctx);
}

static void depth_beyond_the_maximum_is_refused(void)
{
	uint64_t max = device_fact(ACCEL_QUEUE_DEPTH_MAX);
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;

	refill_queue_params(&params);
	if (max >= UINT32_MAX)
		skip_check("every depth is allowed");
	params.depth = (uint32_t)max + 1;
	fails(call_create(ctx, &params), -EINVAL);
	params.depth = UINT32_MAX;
	fails(call_create(ctx, &params), -EINVAL);
	accel_context_unref(ctx);
}

static void depth_of_the_maximum_is_good(void)
{
	uint64_t max = device_fact(ACCEL_QUEUE_DEPTH_MAX);
	struct accel_context *ctx = open_context();
	struct accel_queue *queue;
	struct accel_job *job;

	if (max > 1 << 20)
		skip_check("the device knows no maximum that fits here");
	queue = make_queue(ctx, (uint32_t)max);
	job = nop_job(ctx, queue);
	run_job(queue, job);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(ctx);
}

static void every_deadline_will_do(void)
{
	static const int64_t deadlines[] = {ACCEL_NO_DEADLINE, ACCEL_NO_DEADLINE - 1};
	struct accel_context *ctx = open_context();
	struct accel_queue_params params;
	struct accel_queue *queue;
	size_t i;
	int err;

	refill_queue_params(&params);
	for (i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		gives(accel_queue_create(ctx, &params, deadlines[i], &queue), 0);
		accel_queue_unref(queue);
	}
	/* One that has passed: only a device that must be asked first may say -ETIME. */
	queue = untouched();
	err = accel_queue_create(ctx, &params, 0, &queue);
	if (err == -ETIME)
		is_untouched(queue);
	else
		gives(err, 0);
	if (err == 0)
		accel_queue_unref(queue);
	accel_context_unref(ctx);
}

static void many_queues_at_once(void)
{
	struct accel_context *ctx = open_context();
	struct accel_queue *queues[64];
	struct accel_job *jobs[64];
	unsigned int i, count;
	int err;

	for (count = 0; count < 64; count++) {
		queues[count] = untouched();
		err = try_queue(ctx, 0, &queues[count]);
		if (err) {
			gives(err, -ENOSPC);
			is_untouched(queues[count]);
			break;
		}
		jobs[count] = nop_job(ctx, queues[count]);
	}
	expect(count >= 1);
	for (i = 0; i < count; i++)
		gives(submit_patiently(queues[i], &jobs[i], 1, NULL), 1);
	for (i = 0; i < count; i++) {
		accel_job_unref(jobs[i]);
		accel_queue_unref(queues[i]);
	}
	accel_context_unref(ctx);
}

static void references_count(void)
{
	struct accel_job *job;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	for (i = 0; i < 1000; i++)
		expect(accel_queue_ref(s.queue) == s.queue);
	for (i = 0; i < 1000; i++)
		accel_queue_unref(s.queue);
	job = nop_job(s.ctx, s.queue);
	run_job(s.queue, job);
	accel_job_unref(job);
	accel_queue_unref(NULL);
	setup_close(&s);
}

/* ---- room ------------------------------------------------------------------------------- */

#define MANY 5000

/* Fill a blocked queue up; how many fitted behind the blocker. */
static unsigned int fill_up(struct setup *s, struct accel_queue *queue, struct accel_job **jobs,
			    unsigned int max)
{
	unsigned int count;
	int err;

	for (count = 0; count < max; count++) {
		jobs[count] = nop_job(s->ctx, queue);
		err = accel_submit(queue, &jobs[count], 1, NULL, NULL);
		if (err != 1) {
			gives(err, -EAGAIN);
			accel_job_unref(jobs[count]);
			return count;
		}
	}
	return count;
}

static void depth_is_how_many_are_under_way(void)
{
	static const uint32_t depths[] = {1, 2, 3, 4, 7, 16, 64};
	uint64_t max = device_fact(ACCEL_QUEUE_DEPTH_MAX);
	struct accel_job *jobs[65];
	struct accel_queue *queue;
	struct blocker b;
	struct setup s;
	unsigned int j, count;
	size_t i;

	setup_open(&s);
	for (i = 0; i < sizeof(depths) / sizeof(depths[0]) && depths[i] <= max; i++) {
		queue = make_queue(s.ctx, depths[i]);
		block(s.ctx, queue, &b);
		count = fill_up(&s, queue, jobs, 65);
		same(count + 1, depths[i]);
		blocker_end(&b);
		for (j = 0; j < count; j++)
			accel_job_unref(jobs[j]);
		accel_queue_unref(queue);
	}
	setup_close(&s);
}

static void default_depth_is_bounded(void)
{
	static struct accel_job *jobs[MANY];
	uint64_t max = device_fact(ACCEL_QUEUE_DEPTH_MAX);
	struct blocker b;
	struct setup s;
	unsigned int i, count;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	count = fill_up(&s, s.queue, jobs, MANY);
	expect(count + 1 <= max || count == MANY);
	blocker_end(&b);
	for (i = 0; i < count; i++)
		accel_job_unref(jobs[i]);
	setup_close(&s);
}

static void full_queue_has_room_after_its_fence(void)
{
	struct accel_fence *room;
	struct accel_job *jobs[4], *more;
	struct accel_queue *queue;
	struct blocker b;
	struct setup s;
	unsigned int i, count;

	setup_open(&s);
	queue = make_queue(s.ctx, device_fact(ACCEL_QUEUE_DEPTH_MAX) >= 4 ? 4 : 1);
	more = nop_job(s.ctx, queue);
	block(s.ctx, queue, &b);
	count = fill_up(&s, queue, jobs, 4);
	fails(accel_submit(queue, &more, 1, NULL, NULL), -EAGAIN);
	gives(accel_queue_get_room(queue, &room), 0);
	gives(accel_fence_status(room), -EINPROGRESS);
	gives(accel_fence_wait(room, 0), -ETIME);
	fails(accel_submit(queue, &more, 1, NULL, NULL), -EAGAIN);
	unblock(&b);
	gives(accel_fence_wait(room, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(room);
	submit_one(queue, more, NULL);
	blocker_end(&b);
	for (i = 0; i < count; i++)
		accel_job_unref(jobs[i]);
	accel_job_unref(more);
	accel_queue_unref(queue);
	setup_close(&s);
}

static void empty_queue_has_room_now(void)
{
	struct accel_fence *room;
	struct setup s;

	setup_open(&s);
	gives(accel_queue_get_room(s.queue, &room), 0);
	gives(accel_fence_status(room), 0);
	gives(accel_fence_wait(room, 0), 0);
	accel_fence_unref(room);
	setup_close(&s);
}

static void half_full_queue_has_room_now(void)
{
	struct accel_fence *room;
	struct accel_queue *queue;
	struct blocker b;
	struct setup s;

	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 2)
		skip_check("the device's queues take one job");
	setup_open(&s);
	queue = make_queue(s.ctx, 2);
	block(s.ctx, queue, &b);
	gives(accel_queue_get_room(queue, &room), 0);
	gives(accel_fence_status(room), 0);
	accel_fence_unref(room);
	blocker_end(&b);
	accel_queue_unref(queue);
	setup_close(&s);
}

/* As an application does: submit until full, wait for room, go on. */
static void submit_more_than_fits_by_waiting_for_room(void)
{
	struct accel_queue *queue;
	struct accel_fence *room, *last = NULL;
	struct accel_job *jobs[8];
	struct setup s;
	unsigned int i, done = 0;
	int err;

	setup_open(&s);
	queue = make_queue(s.ctx, device_fact(ACCEL_QUEUE_DEPTH_MAX) >= 3 ? 3 : 1);
	for (i = 0; i < 8; i++)
		jobs[i] = nop_job(s.ctx, queue);
	for (i = 0; done < 500; i++) {
		accel_fence_unref(last);
		last = NULL;
		err = accel_submit(queue, &jobs[done % 8], 1, NULL, &last);
		if (err == 1) {
			done++;
			continue;
		}
		gives(err, -EAGAIN);
		gives(accel_queue_get_room(queue, &room), 0);
		gives(accel_fence_wait(room, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(room);
	}
	gives(accel_fence_wait(last, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(last);
	for (i = 0; i < 8; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(queue);
	setup_close(&s);
}

static void get_room_refuses_null(void)
{
	struct accel_fence *out = untouched();
	struct setup s;

	setup_open(&s);
	fails(accel_queue_get_room(NULL, &out), -EINVAL);
	fails(accel_queue_get_room(s.queue, NULL), -EINVAL);
	is_untouched(out);
	setup_close(&s);
}

/* ---- cancel -------------------------------------------------------------------------------- */

static void cancel_of_an_idle_queue(void)
{
	struct accel_job *job;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	gives(accel_queue_cancel(s.queue, 0), 0);
	job = nop_job(s.ctx, s.queue);
	run_job(s.queue, job);
	gives(accel_queue_cancel(s.queue, 0), 0);
	/* What has ended before is as it was. */
	expect_outcome(job, ACCEL_DONE);
	accel_job_unref(job);
	setup_close(&s);
	fails(accel_queue_cancel(NULL, 0), -EINVAL);
}

static void cancel_ends_what_runs_and_what_waits(void)
{
	struct accel_fence *running, *waiting;
	struct accel_job *hang, *behind;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	hang = hanging_job(s.ctx, s.queue, 0);
	behind = nop_job(s.ctx, s.queue);
	submit_one(s.queue, hang, &running);
	submit_one(s.queue, behind, &waiting);
	gives(accel_fence_status(waiting), -EINPROGRESS);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	if (device_fact(ACCEL_HAS_CANCEL) == ACCEL_NATIVE) {
		expect_fence_result(accel_fence_status(running), ACCEL_CANCELED);
		expect_fence_result(accel_fence_wait(waiting, 0), ACCEL_CANCELED);
		expect_outcome(hang, ACCEL_CANCELED);
		expect_outcome(behind, ACCEL_CANCELED);
	} else {
		/* What is with the device runs to its end, here that of the watchdog. */
		expect(accel_fence_status(running) != -EINPROGRESS);
		expect(accel_fence_status(waiting) != -EINPROGRESS);
	}
	/* The queue goes on. */
	run_job(s.queue, behind);
	accel_fence_unref(running);
	accel_fence_unref(waiting);
	accel_job_unref(hang);
	accel_job_unref(behind);
	setup_close(&s);
}

/* A job that runs and doesn't let go, and those behind it: the call can't wait for them,
 * but has its effect. */
static void cancel_of_a_job_that_does_not_stop_is_etime(void)
{
	struct accel_fence *waiting;
	struct accel_job *behind;
	struct blocker b;
	struct setup s;
	int err;

	if (device_fact(ACCEL_HAS_CANCEL) != ACCEL_NATIVE)
		skip_check("the device has no cancel");
	need_gate();
	setup_open(&s);
	behind = nop_job(s.ctx, s.queue);
	block_running(s.ctx, s.queue, &b);
	submit_one(s.queue, behind, &waiting);
	err = accel_queue_cancel(s.queue, 0);
	if (err == 0) { /* a device that lets go of it at once */
		expect_outcome(b.job, ACCEL_CANCELED);
	} else {
		gives(err, -ETIME);
		gives(accel_queue_cancel(s.queue, soon(5)), -ETIME);
		gives(accel_fence_status(b.fence), -EINPROGRESS);
		expect_outcome(b.job, ACCEL_PENDING);
	}
	unblock(&b);
	expect_fence_result(accel_fence_wait(waiting, ACCEL_NO_DEADLINE), ACCEL_CANCELED);
	expect_outcome(behind, ACCEL_CANCELED);
	expect(accel_fence_status(b.fence) != -EINPROGRESS);
	expect_done_or_canceled(b.job);
	run_job(s.queue, behind);
	blocker_drop(&b);
	accel_fence_unref(waiting);
	accel_job_unref(behind);
	setup_close(&s);
}

static void cancel_waits_for_the_job_that_runs(void)
{
	struct later later;
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	need_gate();
	setup_open(&s);
	block_running(s.ctx, s.queue, &b);
	later_start(&later, unblock_later, &b);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	expect(accel_fence_status(b.fence) != -EINPROGRESS);
	expect_done_or_canceled(b.job);
	later_join(&later);
	blocker_drop(&b);
	setup_close(&s);
}

/* Nobody will signal what they wait for. */
static void cancel_ends_jobs_that_wait_for_fences(void)
{
	struct accel_fence *never, *fences[3];
	struct accel_job *jobs[3];
	struct setup s;
	unsigned int i;
	int fds[2];

	need(ACCEL_HAS_CANCEL, "cancel");
	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	setup_open(&s);
	same(pipe(fds), 0);
	gives(accel_fence_import_fd(fds[0], 0, &never), 0);
	for (i = 0; i < 3; i++) {
		jobs[i] = nop_job(s.ctx, s.queue);
		gives(submit_after(s.queue, jobs[i], &never, i % 2 ? 0 : 1, &fences[i]), 1);
	}
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	for (i = 0; i < 3; i++) {
		expect_fence_result(accel_fence_status(fences[i]), ACCEL_CANCELED);
		expect_outcome(jobs[i], ACCEL_CANCELED);
		accel_fence_unref(fences[i]);
		run_job(s.queue, jobs[i]);
		accel_job_unref(jobs[i]);
	}
	gives(accel_fence_status(never), -EINPROGRESS);
	accel_fence_unref(never);
	close(fds[0]);
	close(fds[1]);
	setup_close(&s);
}

static void cancel_leaves_other_queues_alone(void)
{
	struct accel_queue *other;
	struct accel_job *job, *elsewhere;
	struct accel_fence *fence;
	struct blocker b, mine;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	other = make_queue(s.ctx, 0);
	job = nop_job(s.ctx, s.queue);
	elsewhere = nop_job(s.ctx, other);
	block(s.ctx, other, &b);
	submit_one(other, elsewhere, &fence);
	block(s.ctx, s.queue, &mine);
	submit_one(s.queue, job, NULL);
	unblock(&mine);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_status(fence), -EINPROGRESS);
	blocker_end(&b);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_outcome(elsewhere, ACCEL_DONE);
	blocker_drop(&mine);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_job_unref(elsewhere);
	accel_queue_unref(other);
	setup_close(&s);
}

/* Submissions after the call belong to nobody's cancel. */
static void cancel_spares_later_jobs(void)
{
	struct accel_job *job;
	struct setup s;
	unsigned int i;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < 100; i++) {
		submit_one(s.queue, job, NULL);
		gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
		run_job(s.queue, job);
	}
	accel_job_unref(job);
	setup_close(&s);
}

static void canceled_buffers_are_released(void)
{
	uint64_t bytes = whole_units(4096);
	struct accel_bo *bo;
	struct accel_job *job;
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	job = fill_job(s.ctx, s.queue, bo, 0, bytes, 0x17);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, NULL);
	unblock_later(&b);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	accel_job_unref(job);
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, bytes, 0), 0);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, bytes), 0);
	accel_bo_unref(bo);
	blocker_drop(&b);
	setup_close(&s);
}

static const struct check checks[] = {
	CHECK(params_of_wrong_size_are_refused),
	CHECK(params_may_be_of_a_newer_header),
	CHECK(params_may_be_of_an_older_header),
	CHECK(params_may_be_null),
	CHECK(null_is_refused),
	CHECK(unknown_flags_are_refused),
	CHECK(struct_of_another_driver_is_refused),
	CHECK(every_priority_in_range_is_good),
	CHECK(priorities_out_of_range_are_refused),
	CHECK(depth_beyond_the_maximum_is_refused),
	CHECK(depth_of_the_maximum_is_good),
	CHECK(every_deadline_will_do),
	CHECK(many_queues_at_once),
	CHECK(references_count),
	CHECK(depth_is_how_many_are_under_way),
	CHECK(default_depth_is_bounded),
	CHECK(full_queue_has_room_after_its_fence),
	CHECK(empty_queue_has_room_now),
	CHECK(half_full_queue_has_room_now),
	CHECK(submit_more_than_fits_by_waiting_for_room),
	CHECK(get_room_refuses_null),
	CHECK(cancel_of_an_idle_queue),
	CHECK(cancel_ends_what_runs_and_what_waits),
	CHECK(cancel_of_a_job_that_does_not_stop_is_etime),
	CHECK(cancel_waits_for_the_job_that_runs),
	CHECK(cancel_ends_jobs_that_wait_for_fences),
	CHECK(cancel_leaves_other_queues_alone),
	CHECK(cancel_spares_later_jobs),
	CHECK(canceled_buffers_are_released),
};

const struct group group_queue = GROUP("queue", checks);
