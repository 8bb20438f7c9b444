/* SPDX-License-Identifier: MIT */
/* That the macros, the library, the build and what pkg-config will say agree. */
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

/* Installed to a scratch prefix, since the file is written then. */
static void test_pkg_config(void **state)
{
	char *tree = tree_make(), command[4096], line[200] = "";
	FILE *pipe;

	(void)state;
	snprintf(command, sizeof(command),
		 "'" CMAKE "' --install '" BUILD_DIR "/libaccel' --prefix '%s' >/dev/null && "
		 "find '%s' -name libaccel.pc -exec sed -n 's/^Version: //p' {} +",
		 tree, tree);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	assert_int_equal(pclose(pipe), 0);
	assert_string_equal(line, BUILD_VERSION "\n");
	tree_remove(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agree),
		cmocka_unit_test(test_pkg_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
