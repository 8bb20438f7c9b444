/* SPDX-License-Identifier: MIT */
/* Taking a buffer for the CPU and giving it back. */
#include "conformance.h"

#include <errno.h>
#include <limits.h>

struct held {
	struct setup s;
	struct accel_bo *bo;
	uint64_t bytes;
};

static void held_open(struct held *h)
{
	setup_open(&h->s);
	h->bytes = whole_units(8192);
	h->bo = make_bo(h->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, h->bytes);
}

static void held_close(struct held *h)
{
	accel_bo_unref(h->bo);
	setup_close(&h->s);
}

static void null_is_refused(void)
{
	fails(accel_bo_begin_access(NULL, ACCEL_ACCESS_READ, 0, 1, 0), -EINVAL);
	fails(accel_bo_end_access(NULL, ACCEL_ACCESS_READ, 0, 1), -EINVAL);
}

static void bad_flags_are_refused(void)
{
	static const uint32_t flags[] = {0, 1u << 2, 1u << 31, ACCEL_ACCESS_READ | 1u << 2, ~0u};
	struct held h;
	size_t i;

	held_open(&h);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		fails(accel_bo_begin_access(h.bo, flags[i], 0, 1, 0), -EINVAL);
		fails(accel_bo_end_access(h.bo, flags[i], 0, 1), -EINVAL);
	}
	held_close(&h);
}

static void bad_ranges_are_refused(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct held h;
	size_t i;

	held_open(&h);
	gives(accel_bo_get_info(h.bo, &info), 0);
	{
		const struct {
			uint64_t offset, bytes;
		} ranges[] = {
			{0, 0},
			{1, 0},
			{info.bytes, 0},
			{info.bytes, 1},
			{info.bytes - 1, 2},
			{0, info.bytes + 1},
			{1, info.bytes},
			{info.bytes + 1, 1},
			{~0ull, 1},
			{~0ull, 2},
			{1, ~0ull},
			{2, ~0ull - 1},
			{~0ull - 10, 100},
			{1ull << 32, 1},
			{0, 1ull << 32 | 1},
			{1ull << 63, 1ull << 63},
		};

		for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
			fails(accel_bo_begin_access(h.bo, ACCEL_ACCESS_READ, ranges[i].offset,
						    ranges[i].bytes, 0),
			      -EINVAL);
			fails(accel_bo_end_access(h.bo, ACCEL_ACCESS_READ, ranges[i].offset,
						  ranges[i].bytes),
			      -EINVAL);
		}
	}
	held_close(&h);
}

static void every_range_within_is_good(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct held h;
	uint32_t flags;

	held_open(&h);
	gives(accel_bo_get_info(h.bo, &info), 0);
	for (flags = 1; flags <= 3; flags++) {
		gives(accel_bo_begin_access(h.bo, flags, 0, info.bytes, 0), 0);
		gives(accel_bo_end_access(h.bo, flags, 0, info.bytes), 0);
		gives(accel_bo_begin_access(h.bo, flags, info.bytes - 1, 1, 0), 0);
		gives(accel_bo_end_access(h.bo, flags, info.bytes - 1, 1), 0);
		gives(accel_bo_begin_access(h.bo, flags, 3, 5, 0), 0);
		gives(accel_bo_end_access(h.bo, flags, 3, 5), 0);
	}
	held_close(&h);
}

static void access_it_was_not_made_for_is_eacces(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo;

	bo = make_bo(ctx, ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ, 4096);
	fails(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0), -EACCES);
	fails(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, 1), -EACCES);
	fails(accel_bo_begin_access(bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0, 1, 0), -EACCES);
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, 1, 0), 0);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, 1), 0);
	accel_bo_unref(bo);
	bo = make_bo(ctx, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_WRITE, 4096);
	fails(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, 1, 0), -EACCES);
	fails(accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, 1), -EACCES);
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0), 0);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, 1), 0);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void idle_buffers_need_no_waiting(void)
{
	static const int64_t deadlines[] = {0, -1, INT64_MIN, 1, ACCEL_NO_DEADLINE};
	struct held h;
	size_t i;

	held_open(&h);
	for (i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_WRITE, 0, 1, deadlines[i]), 0);
		gives(accel_bo_end_access(h.bo, ACCEL_ACCESS_WRITE, 0, 1), 0);
	}
	held_close(&h);
}

/* For a buffer that a blocked job uses, each deadline passes; then it is there. */
static void waits_for(struct held *h, struct accel_job *job)
{
	struct later later;
	struct blocker b;
	uint32_t flags;

	block(h->s.ctx, h->s.queue, &b);
	submit_one(h->s.queue, job, NULL);
	for (flags = 1; flags <= 3; flags++) {
		gives(accel_bo_begin_access(h->bo, flags, 0, h->bytes, 0), -ETIME);
		gives(accel_bo_begin_access(h->bo, flags, 0, h->bytes, -1), -ETIME);
		gives(accel_bo_begin_access(h->bo, flags, 0, h->bytes, INT64_MIN), -ETIME);
		gives(accel_bo_begin_access(h->bo, flags, h->bytes - 1, 1, now_ns()), -ETIME);
		gives(accel_bo_begin_access(h->bo, flags, 0, 1, soon(5)), -ETIME);
	}
	later_start(&later, unblock_later, &b);
	gives(accel_bo_begin_access(h->bo, ACCEL_ACCESS_READ, 0, h->bytes, ACCEL_NO_DEADLINE), 0);
	expect_outcome(job, ACCEL_DONE);
	gives(accel_bo_end_access(h->bo, ACCEL_ACCESS_READ, 0, h->bytes), 0);
	later_join(&later);
	blocker_end(&b);
}

static void begin_waits_for_writers(void)
{
	struct accel_job *job;
	struct held h;

	held_open(&h);
	job = fill_job(h.s.ctx, h.s.queue, h.bo, 0, h.bytes, 0x3d);
	waits_for(&h, job);
	expect(bytes_are(map_bo(h.bo), h.bytes, 0x3d));
	accel_job_unref(job);
	held_close(&h);
}

static void begin_waits_for_readers(void)
{
	struct accel_bo *dst;
	struct accel_job *job;
	struct held h;

	held_open(&h);
	dst = make_bo(h.s.ctx, DATA_FLAGS, h.bytes);
	cpu_fill(h.bo, 0, h.bytes, 0x4e);
	job = copy_job(h.s.ctx, h.s.queue, dst, h.bo, h.bytes);
	waits_for(&h, job);
	expect_bytes(dst, 0, h.bytes, 0x4e);
	accel_job_unref(job);
	accel_bo_unref(dst);
	held_close(&h);
}

static void begin_waits_for_every_queue(void)
{
	struct accel_queue *other;
	struct accel_job *job;
	struct blocker b;
	struct held h;

	held_open(&h);
	other = make_queue(h.s.ctx, 0);
	block(h.s.ctx, other, &b);
	job = fill_job(h.s.ctx, other, h.bo, 0, h.bytes, 0x5f);
	submit_one(other, job, NULL);
	gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_READ, 0, 1, 0), -ETIME);
	unblock(&b);
	expect_bytes(h.bo, 0, h.bytes, 0x5f);
	blocker_end(&b);
	accel_job_unref(job);
	accel_queue_unref(other);
	held_close(&h);
}

static void begin_does_not_wait_for_others(void)
{
	struct accel_bo *other;
	struct accel_job *job;
	struct blocker b;
	struct held h;

	held_open(&h);
	other = make_bo(h.s.ctx, DATA_FLAGS, h.bytes);
	job = fill_job(h.s.ctx, h.s.queue, other, 0, h.bytes, 1);
	block(h.s.ctx, h.s.queue, &b);
	submit_one(h.s.queue, job, NULL);
	gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes, 0), 0);
	gives(accel_bo_end_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes), 0);
	gives(accel_bo_begin_access(other, ACCEL_ACCESS_WRITE, 0, h.bytes, 0), -ETIME);
	blocker_end(&b);
	accel_job_unref(job);
	accel_bo_unref(other);
	held_close(&h);
}

/* A job that exists but was not submitted holds nobody up. */
static void begin_does_not_wait_for_idle_jobs(void)
{
	struct accel_job *job;
	struct held h;

	held_open(&h);
	job = fill_job(h.s.ctx, h.s.queue, h.bo, 0, h.bytes, 1);
	gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes, 0), 0);
	gives(accel_bo_end_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes), 0);
	run_job(h.s.queue, job);
	gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes, 0), 0);
	gives(accel_bo_end_access(h.bo, ACCEL_ACCESS_WRITE, 0, h.bytes), 0);
	accel_job_unref(job);
	held_close(&h);
}

/* How the job ended is not the buffer's matter. */
static void begin_succeeds_after_canceled_jobs(void)
{
	struct accel_job *job;
	struct blocker b;
	struct held h;

	need(ACCEL_HAS_CANCEL, "cancel");
	held_open(&h);
	job = fill_job(h.s.ctx, h.s.queue, h.bo, 0, h.bytes, 0x77);
	block(h.s.ctx, h.s.queue, &b);
	submit_one(h.s.queue, job, NULL);
	unblock_later(&b);
	gives(accel_queue_cancel(h.s.queue, ACCEL_NO_DEADLINE), 0);
	gives(accel_bo_begin_access(h.bo, ACCEL_ACCESS_READ, 0, h.bytes, 0), 0);
	gives(accel_bo_end_access(h.bo, ACCEL_ACCESS_READ, 0, h.bytes), 0);
	blocker_drop(&b);
	accel_job_unref(job);
	held_close(&h);
}

/* The whole cycle, many times: CPU writes, device copies, CPU checks. */
static void ownership_goes_back_and_forth(void)
{
	struct accel_bo *dst;
	struct accel_job *job;
	struct held h;
	unsigned int i;

	held_open(&h);
	dst = make_bo(h.s.ctx, DATA_FLAGS, h.bytes);
	job = copy_job(h.s.ctx, h.s.queue, dst, h.bo, h.bytes);
	for (i = 0; i < 200; i++) {
		cpu_fill(h.bo, 0, h.bytes, (uint8_t)i);
		submit_one(h.s.queue, job, NULL);
		expect_bytes(dst, 0, h.bytes, (uint8_t)i);
	}
	accel_job_unref(job);
	accel_bo_unref(dst);
	held_close(&h);
}

static const struct check checks[] = {
	CHECK(null_is_refused),
	CHECK(bad_flags_are_refused),
	CHECK(bad_ranges_are_refused),
	CHECK(every_range_within_is_good),
	CHECK(access_it_was_not_made_for_is_eacces),
	CHECK(idle_buffers_need_no_waiting),
	CHECK(begin_waits_for_writers),
	CHECK(begin_waits_for_readers),
	CHECK(begin_waits_for_every_queue),
	CHECK(begin_does_not_wait_for_others),
	CHECK(begin_does_not_wait_for_idle_jobs),
	CHECK(begin_succeeds_after_canceled_jobs),
	CHECK(ownership_goes_back_and_forth),
};

const struct group group_bo_access = GROUP("bo_access", checks);
