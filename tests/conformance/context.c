/* SPDX-License-Identifier: MIT */
/* Contexts, and what they answer. */
#include "conformance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void device_of_a_context(void)
{
	struct accel_device_info want = {.size = sizeof(want)}, got = {.size = sizeof(got)};
	struct accel_device *dev = find_device(), *of_ctx;
	struct accel_context *ctx = open_context();

	gives(accel_context_get_device(ctx, &of_ctx), 0);
	gives(accel_device_get_info(dev, &want), 0);
	/* It outlives the context. */
	accel_context_unref(ctx);
	gives(accel_device_get_info(of_ctx, &got), 0);
	expect(strcmp(want.id, got.id) == 0);
	same(got.usable, ACCEL_USABLE);
	accel_device_unref(of_ctx);
	accel_device_unref(dev);
}

static void get_device_refuses_null(void)
{
	struct accel_device *dev = untouched();
	struct accel_context *ctx = open_context();

	fails(accel_context_get_device(NULL, &dev), -EINVAL);
	fails(accel_context_get_device(ctx, NULL), -EINVAL);
	is_untouched(dev);
	accel_context_unref(ctx);
}

static void references_count(void)
{
	struct accel_context *ctx = open_context();
	unsigned int i;

	for (i = 0; i < 1000; i++)
		expect(accel_context_ref(ctx) == ctx);
	for (i = 0; i < 1000; i++)
		accel_context_unref(ctx);
	gives(accel_context_state(ctx), ACCEL_OK);
	accel_context_unref(ctx);
	accel_context_unref(NULL);
}

static void state_is_ok(void)
{
	struct setup s;
	struct accel_job *job;

	setup_open(&s);
	gives(accel_context_state(s.ctx), ACCEL_OK);
	job = nop_job(s.ctx, s.queue);
	run_job(s.queue, job);
	accel_job_unref(job);
	gives(accel_context_state(s.ctx), ACCEL_OK);
	setup_close(&s);
	fails(accel_context_state(NULL), -EINVAL);
}

static void state_survives_a_failed_job(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = failing_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	expect_fence_result(accel_fence_wait(fence, ACCEL_NO_DEADLINE), ACCEL_FAILED);
	accel_fence_unref(fence);
	accel_job_unref(job);
	if (accel_context_state(s.ctx) == ACCEL_OK) {
		job = nop_job(s.ctx, s.queue);
		run_job(s.queue, job);
		accel_job_unref(job);
	} else {
		/* Drivers that lose the context with the job must say no more than that. */
		gives(accel_context_state(s.ctx), ACCEL_CONTEXT_LOST);
	}
	setup_close(&s);
}

static void state_fd_is_there_or_not_supported(void)
{
	struct accel_context *ctx = open_context();
	int fd = -77;

	fails(accel_context_fd(NULL, &fd), -EINVAL);
	fails(accel_context_fd(ctx, NULL), -EINVAL);
	same(fd, -77);
	if (device_fact(ACCEL_HAS_STATE_FD) == ACCEL_ABSENT) {
		fails(accel_context_fd(ctx, &fd), -EOPNOTSUPP);
		same(fd, -77);
	} else {
		int again;

		gives(accel_context_fd(ctx, &fd), 0);
		expect(fd_is_cloexec(fd));
		expect(!fd_is_ready(fd));
		/* It is lent, not given. */
		gives(accel_context_fd(ctx, &again), 0);
		same(again, fd);
	}
	accel_context_unref(ctx);
}

static void trim_gives_back_what_was_kept(void)
{
	static const uint64_t keep[] = {~0ull, 1 << 20, 4096, 1, 0, 0};
	struct accel_context *ctx = open_context();
	struct accel_bo *bos[8];
	size_t i, round;

	for (round = 0; round < sizeof(keep) / sizeof(keep[0]); round++) {
		for (i = 0; i < 8; i++) {
			bos[i] = make_bo(ctx, DATA_FLAGS, whole_units(4096u << i));
			cpu_fill(bos[i], 0, whole_units(4096u << i), (uint8_t)i);
		}
		for (i = 0; i < 8; i++)
			accel_bo_unref(bos[i]);
		gives(accel_context_trim(ctx, keep[round]), 0);
	}
	fails(accel_context_trim(NULL, 0), -EINVAL);
	accel_context_unref(ctx);
}

static void trim_takes_nothing_in_use(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 65536);

	cpu_fill(bo, 0, 65536, 0x5c);
	gives(accel_context_trim(ctx, 0), 0);
	expect_bytes(bo, 0, 65536, 0x5c);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* After a trim to nothing as few descriptors and mappings are left as before. */
static void trim_frees_descriptors_and_mappings(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bos[16];
	unsigned int i, fds, maps;

	fds = count_fds();
	maps = count_mappings();
	for (i = 0; i < 16; i++) {
		bos[i] = make_bo(ctx, DATA_FLAGS, 1 << 20);
		map_bo(bos[i])[0] = 1;
	}
	for (i = 0; i < 16; i++)
		accel_bo_unref(bos[i]);
	gives(accel_context_trim(ctx, 0), 0);
	same(count_fds(), fds);
	expect(count_mappings() <= maps + (suite.slow_tool ? 64 : 4));
	accel_context_unref(ctx);
}

static const struct check checks[] = {
	CHECK(device_of_a_context),
	CHECK(get_device_refuses_null),
	CHECK(references_count),
	CHECK(state_is_ok),
	CHECK(state_survives_a_failed_job),
	CHECK(state_fd_is_there_or_not_supported),
	CHECK(trim_gives_back_what_was_kept),
	CHECK(trim_takes_nothing_in_use),
	CHECK(trim_frees_descriptors_and_mappings),
};

const struct group group_context = GROUP("context", checks);

/* ---- queries -------------------------------------------------------------------------- */

static void every_level_is_answered(void)
{
	struct accel_context *ctx = open_context();
	uint64_t value;
	uint32_t key;

	for (key = ACCEL_HAS_ADDRESS; key <= ACCEL_HAS_JOB_TIMEOUT; key++) {
		value = ~0ull;
		if (accel_query(ctx, key, &value) != 0)
			fail_here("key %#x has no answer", key);
		if (value > ACCEL_NATIVE)
			fail_here("key %#x answers %llu", key, (unsigned long long)value);
	}
	accel_context_unref(ctx);
}

static void every_number_is_answered_or_not_known(void)
{
	struct accel_context *ctx = open_context();
	uint64_t value;
	uint32_t key;
	int err;

	for (key = ACCEL_QUEUES_PARALLEL; key <= LAST_NUMBER; key++) {
		value = 0x123456789abcdefull;
		err = accel_query(ctx, key, &value);
		if (err == 0)
			continue;
		if (err != -EOPNOTSUPP)
			fail_here("key %#x gave %d", key, err);
		same(value, 0x123456789abcdefull);
	}
	accel_context_unref(ctx);
}

static void unknown_keys_are_refused(void)
{
	static const uint32_t keys[] = {0,
					ACCEL_HAS_JOB_TIMEOUT + 1,
					0x80,
					0xff,
					LAST_NUMBER + 1,
					0x200,
					0x7fffffff,
					0x80000001,
					~0u};
	struct accel_context *ctx = open_context();
	uint64_t value = 42;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		fails(accel_query(ctx, keys[i], &value), -EINVAL);
	same(value, 42);
	accel_context_unref(ctx);
}

static void query_refuses_null(void)
{
	struct accel_context *ctx = open_context();
	uint64_t value = 42;

	fails(accel_query(NULL, ACCEL_HAS_ADDRESS, &value), -EINVAL);
	fails(accel_query(ctx, ACCEL_HAS_ADDRESS, NULL), -EINVAL);
	same(value, 42);
	accel_context_unref(ctx);
}

static uint64_t number(struct accel_context *ctx, uint32_t key, uint64_t unknown)
{
	uint64_t value = unknown;
	int err = accel_query(ctx, key, &value);

	if (err != -EOPNOTSUPP)
		gives(err, 0);
	return value;
}

static void numbers_make_sense(void)
{
	struct accel_context *ctx = open_context();
	int32_t min, max;

	expect(number(ctx, ACCEL_QUEUES_PARALLEL, 1) >= 1);
	expect(number(ctx, ACCEL_QUEUE_DEPTH_MAX, 1) >= 1);
	min = (int32_t)number(ctx, ACCEL_PRIORITY_MIN, 0);
	max = (int32_t)number(ctx, ACCEL_PRIORITY_MAX, 0);
	expect(min <= 0 && max >= 0);
	expect(number(ctx, ACCEL_BO_GRANULE, 1) >= 1);
	expect(number(ctx, ACCEL_BO_BYTES_MAX, ~0ull) >= number(ctx, ACCEL_BO_GRANULE, 1));
	expect(number(ctx, ACCEL_JOB_BOS_MAX, 1) >= 1);
	expect(number(ctx, ACCEL_JOB_BO_ALIAS, 0) <= 1);
	expect(number(ctx, ACCEL_COMMANDS_SEALED, 0) <= 1);
	expect(number(ctx, ACCEL_MEMORY_FREE, 0) <= number(ctx, ACCEL_MEMORY_TOTAL, ~0ull));
	accel_context_unref(ctx);
}

/* int32_t, cast to uint64_t: negative ones are near 2^64. */
static void priorities_are_signed(void)
{
	struct accel_context *ctx = open_context();
	uint64_t value;

	if (accel_query(ctx, ACCEL_PRIORITY_MIN, &value) == 0)
		same(value, (uint64_t)(int32_t)value);
	if (accel_query(ctx, ACCEL_PRIORITY_MAX, &value) == 0)
		same(value, (uint64_t)(int32_t)value);
	accel_context_unref(ctx);
}

static void answers_are_the_same_twice(void)
{
	struct accel_context *ctx = open_context();
	uint32_t key;

	for (key = ACCEL_HAS_ADDRESS; key <= ACCEL_HAS_JOB_TIMEOUT; key++)
		same(number(ctx, key, 0), device_fact(key));
	for (key = ACCEL_QUEUES_PARALLEL; key <= ACCEL_COMMANDS_SEALED; key++)
		same(number(ctx, key, ~0ull), device_fact(key));
	accel_context_unref(ctx);
}

/* What is answered as absent is refused as such. */
static void absent_features_are_not_supported(void)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_bo *bo, *out = untouched();
	struct setup s;
	uint64_t address = 42;
	int fd = -77, seen = 0;

	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS, 4096);
	if (device_fact(ACCEL_HAS_ADDRESS) == ACCEL_ABSENT) {
		fails(accel_bo_address(bo, &address), -EOPNOTSUPP);
		seen++;
	}
	if (device_fact(ACCEL_HAS_USER_MEMORY) == ACCEL_ABSENT) {
		static unsigned char memory[8192] __attribute__((aligned(4096)));

		params.flags = DATA_FLAGS;
		params.bytes = 4096;
		params.user = memory;
		fails(accel_bo_create(s.ctx, &params, &out), -EOPNOTSUPP);
		params.user = NULL;
		seen++;
	}
	if (device_fact(ACCEL_HAS_DEVICE_LOCAL) == ACCEL_ABSENT) {
		params.flags = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_LOCAL;
		params.bytes = 4096;
		fails(accel_bo_create(s.ctx, &params, &out), -EOPNOTSUPP);
		seen++;
	}
	if (device_fact(ACCEL_HAS_EXPORT) == ACCEL_ABSENT) {
		params.flags = DATA_FLAGS | ACCEL_BO_SHARE;
		params.bytes = 4096;
		fails(accel_bo_create(s.ctx, &params, &out), -EOPNOTSUPP);
		seen++;
	}
	if (device_fact(ACCEL_HAS_CANCEL) == ACCEL_ABSENT) {
		fails(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), -EOPNOTSUPP);
		seen++;
	}
	if (device_fact(ACCEL_HAS_STATE_FD) == ACCEL_ABSENT) {
		fails(accel_context_fd(s.ctx, &fd), -EOPNOTSUPP);
		seen++;
	}
	is_untouched(out);
	same(fd, -77);
	same(address, 42);
	accel_bo_unref(bo);
	setup_close(&s);
	if (!seen)
		skip_check("the device lacks nothing");
}

static void absent_parts_of_jobs_are_not_supported(void)
{
	struct accel_fence *fence, *imported, *out = untouched();
	struct accel_job *job, *refused = untouched();
	struct request r;
	struct setup s;
	int fds[2], fd = -77, seen = 0;

	setup_open(&s);
	if (device_fact(ACCEL_HAS_JOB_TIMEOUT) == ACCEL_ABSENT) {
		request_nop(s.ctx, &r);
		r.params.timeout_ns = 1000000000;
		fails(accel_job_create(s.queue, &r.params, &refused), -EOPNOTSUPP);
		request_drop(&r);
		seen++;
	}
	job = nop_job(s.ctx, s.queue);
	if (device_fact(ACCEL_HAS_WAIT_FENCES) == ACCEL_ABSENT) {
		same(pipe(fds), 0);
		gives(accel_fence_import_fd(fds[0], 0, &imported), 0);
		fails(submit_after(s.queue, job, &imported, 1, &out), -EOPNOTSUPP);
		accel_fence_unref(imported);
		close(fds[0]);
		close(fds[1]);
		seen++;
	}
	submit_one(s.queue, job, &fence);
	if (device_fact(ACCEL_HAS_FENCE_FD) == ACCEL_ABSENT) {
		fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), -EOPNOTSUPP);
		seen++;
	}
	if (device_fact(ACCEL_HAS_SYNC_FILE) == ACCEL_ABSENT) {
		fails(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), -EOPNOTSUPP);
		seen++;
	}
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	is_untouched(out);
	is_untouched(refused);
	same(fd, -77);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
	if (!seen)
		skip_check("the device lacks nothing");
}

static const struct check query_checks[] = {
	CHECK(every_level_is_answered),
	CHECK(every_number_is_answered_or_not_known),
	CHECK(unknown_keys_are_refused),
	CHECK(query_refuses_null),
	CHECK(numbers_make_sense),
	CHECK(priorities_are_signed),
	CHECK(answers_are_the_same_twice),
	CHECK(absent_features_are_not_supported),
	CHECK(absent_parts_of_jobs_are_not_supported),
};

const struct group group_query = GROUP("query", query_checks);
