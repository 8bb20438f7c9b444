/* SPDX-License-Identifier: MIT */
/* query.c: facts by key, and what stands in for those that a provider doesn't tell. */
#include "model.h"

static void is(struct accel_context *context, uint32_t key, uint64_t expected)
{
	uint64_t value = 0x5a5a;

	assert_ok(accel_query(context, key, &value));
	assert_true(value == expected);
}

static void unknown(struct accel_context *context, uint32_t key, int err)
{
	uint64_t value = 0x5a5a;

	assert_fails(accel_query(context, key, &value), err);
	assert_true(value == 0x5a5a);
}

static void test_keys(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	uint32_t key;

	(void)state;
	/* Every key below 4096: known ones answer, others don't. */
	model.answer[ACCEL_HAS_WAIT_FENCES] = model.answer[ACCEL_HAS_FENCE_FD] = MODEL_NO_ANSWER;
	for (key = 0; key < 4096; key++) {
		if (key >= ACCEL_HAS_ADDRESS && key <= ACCEL_HAS_JOB_TIMEOUT)
			is(context, key, key == ACCEL_HAS_CANCEL ? ACCEL_EMULATED : ACCEL_ABSENT);
		else if (key >= ACCEL_QUEUES_PARALLEL && key <= ACCEL_JOB_BO_ONCE)
			unknown(context, key, -EOPNOTSUPP);
		else
			unknown(context, key, -EINVAL);
	}
	unknown(context, UINT32_MAX, -EINVAL);
	accel_context_unref(context);
}

static void test_answers(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);

	(void)state;
	model.answer[ACCEL_HAS_OUTCOME] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_CANCEL] = ACCEL_ABSENT;
	model.answer[ACCEL_MEMORY_TOTAL] = INT64_MAX;
	model.answer[ACCEL_PRIORITY_MIN] = -7;
	model.answer[ACCEL_BO_BYTES_MAX] = INT64_MAX;
	is(context, ACCEL_HAS_OUTCOME, ACCEL_NATIVE);
	is(context, ACCEL_HAS_CANCEL, ACCEL_ABSENT);
	is(context, ACCEL_MEMORY_TOTAL, INT64_MAX);
	is(context, ACCEL_PRIORITY_MIN, (uint64_t)-7);
	/* No more than the process has addresses. */
	is(context, ACCEL_BO_BYTES_MAX, sizeof(size_t) < 8 ? SIZE_MAX : INT64_MAX);
	accel_context_unref(context);
}

static void test_no_threads(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, ACCEL_OPEN_NO_THREADS);

	(void)state;
	is(context, ACCEL_HAS_WAIT_FENCES, ACCEL_ABSENT);
	is(context, ACCEL_HAS_FENCE_FD, ACCEL_ABSENT);
	/* The kernel's own need no thread, nor do other emulations. */
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_NATIVE;
	model.answer[ACCEL_HAS_OUTCOME] = ACCEL_EMULATED;
	is(context, ACCEL_HAS_FENCE_FD, ACCEL_NATIVE);
	is(context, ACCEL_HAS_OUTCOME, ACCEL_EMULATED);
	accel_context_unref(context);
	context = model_open(MODEL_PULL, 0);
	is(context, ACCEL_HAS_WAIT_FENCES, ACCEL_EMULATED);
	accel_context_unref(context);
}

static void test_arguments(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	uint64_t value;

	(void)state;
	assert_fails(accel_query(NULL, ACCEL_HAS_ADDRESS, &value), -EINVAL);
	assert_fails(accel_query(context, ACCEL_HAS_ADDRESS, NULL), -EINVAL);
	accel_context_unref(context);
}

/* What is asked often is asked at opening, with something for what isn't told. */
static void test_limits(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);

	(void)state;
	assert_true(context->limits.bo_granule == (uint64_t)sysconf(_SC_PAGESIZE));
	assert_int_equal(context->limits.priority_min, 0);
	assert_int_equal(context->limits.priority_max, 0);
	assert_true(context->limits.queue_depth > 0 && context->limits.job_bos > 0);
	assert_true(context->limits.commands_bytes > 0 && context->limits.bo_bytes > 0);
	accel_context_unref(context);
	model.answer[ACCEL_BO_GRANULE] = 64;
	model.answer[ACCEL_PRIORITY_MIN] = -3;
	model.answer[ACCEL_PRIORITY_MAX] = 5;
	model.answer[ACCEL_QUEUE_DEPTH_MAX] = 9;
	model.answer[ACCEL_HAS_SYNC_FILE] = ACCEL_NATIVE;
	context = model_open(MODEL_PULL, 0);
	assert_true(context->limits.bo_granule == 64);
	assert_int_equal(context->limits.priority_min, -3);
	assert_int_equal(context->limits.priority_max, 5);
	assert_true(context->limits.queue_depth == 9);
	assert_int_equal(context->limits.sync_file, ACCEL_NATIVE);
	accel_context_unref(context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),      TEST(test_answers), TEST(test_no_threads),
		TEST(test_arguments), TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
