/* SPDX-License-Identifier: MIT */
/* That the macros, the library and the build agree. */
#include "support.h"

static void test_agree(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(accel_version(), ACCEL_VERSION);
	assert_int_equal(accel_version() >> 16, ACCEL_VERSION_MAJOR);
	assert_int_equal(accel_version() >> 8 & 0xff, ACCEL_VERSION_MINOR);
	assert_int_equal(accel_version() & 0xff, ACCEL_VERSION_PATCH);
	snprintf(text, sizeof(text), "%d.%d.%d", ACCEL_VERSION_MAJOR, ACCEL_VERSION_MINOR,
		 ACCEL_VERSION_PATCH);
	assert_string_equal(text, BUILD_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
