/* SPDX-License-Identifier: MIT */
/* deadline.c */
#include "support.h"

#include <poll.h>
#include <sys/eventfd.h>

#define S 1000000000ll

static int64_t clock_says;
static int clock_asked;

static int64_t fake_now(void)
{
	clock_asked++;
	return clock_says;
}

static int setup(void **state)
{
	(void)state;
	accel_deadline(0, &(int64_t){0});
	accel_core_sys.now = fake_now;
	clock_says = 1000 * S;
	clock_asked = 0;
	return 0;
}

static void test_expired(void **state)
{
	(void)state;
	assert_true(accel_core_expired(0));
	assert_true(accel_core_expired(-1));
	assert_true(accel_core_expired(INT64_MIN));
	/* None of these needs a clock. */
	assert_false(accel_core_expired(ACCEL_NO_DEADLINE));
	assert_int_equal(clock_asked, 0);
	assert_true(accel_core_expired(clock_says - 1));
	assert_true(accel_core_expired(clock_says));
	assert_false(accel_core_expired(clock_says + 1));
	assert_false(accel_core_expired(ACCEL_NO_DEADLINE - 1));
}

static void test_left(void **state)
{
	(void)state;
	assert_true(accel_core_left(ACCEL_NO_DEADLINE, 5) == 5);
	assert_true(accel_core_left(0, 5) == 0);
	assert_true(accel_core_left(INT64_MIN, 5) == 0);
	assert_true(accel_core_left(clock_says - 1, 5) == 0);
	assert_true(accel_core_left(clock_says, 5) == 0);
	assert_true(accel_core_left(clock_says + 1, 5) == 1);
	assert_true(accel_core_left(clock_says + 5, 5) == 5);
	assert_true(accel_core_left(clock_says + 6, 5) == 5);
	assert_true(accel_core_left(ACCEL_NO_DEADLINE - 1, INT64_MAX) ==
		    ACCEL_NO_DEADLINE - 1 - clock_says);
}

static void test_make(void **state)
{
	const uint64_t most = (uint64_t)(ACCEL_NO_DEADLINE - clock_says);
	int64_t deadline = 77;

	(void)state;
	assert_ok(accel_deadline(0, &deadline));
	assert_true(deadline == clock_says);
	assert_ok(accel_deadline(5 * S, &deadline));
	assert_true(deadline == clock_says + 5 * S);
	assert_ok(accel_deadline(most - 1, &deadline));
	assert_true(deadline == ACCEL_NO_DEADLINE - 1);
	assert_ok(accel_deadline(most, &deadline));
	assert_true(deadline == ACCEL_NO_DEADLINE);
	assert_ok(accel_deadline(most + 1, &deadline));
	assert_true(deadline == ACCEL_NO_DEADLINE);
	assert_ok(accel_deadline(INT64_MAX, &deadline));
	assert_true(deadline == ACCEL_NO_DEADLINE);
	assert_ok(accel_deadline(UINT64_MAX, &deadline));
	assert_true(deadline == ACCEL_NO_DEADLINE);
	assert_fails(accel_deadline(0, NULL), -EINVAL);
}

/* The clock is the monotonic one. */
static void test_real_clock(void **state)
{
	struct timespec before, after;
	int64_t now;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_ok(accel_deadline(0, &now));
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(now >= before.tv_sec * S + before.tv_nsec);
	assert_true(now <= after.tv_sec * S + after.tv_nsec);
}

/* Nor does a timeout that 32 bits of seconds could not hold end early, or fail. */
static void test_real_poll(void **state)
{
	struct pollfd entry = {.fd = eventfd(1, EFD_CLOEXEC), .events = POLLIN};

	(void)state;
	assert_int_equal(accel_core_sys.poll(&entry, 1, 3000000000 * S), 1);
	assert_true(entry.revents & POLLIN);
	close(entry.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_clock), /* before the clock is replaced */
		cmocka_unit_test(test_real_poll),
		cmocka_unit_test_setup(test_expired, setup),
		cmocka_unit_test_setup(test_left, setup),
		cmocka_unit_test_setup(test_make, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
