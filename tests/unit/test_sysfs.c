/* SPDX-License-Identifier: MIT */
/* sysfs.c: small files, whatever is in them. */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>

static char *tree;

static int setup(void **state)
{
	(void)state;
	seam_install();
	tree = tree_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(tree);
	return 0;
}

static void test_read(void **state)
{
	char text[9];

	(void)state;
	tree_print(tree, "seven", "1234567");
	assert_int_equal(sysfs_read(tree_path(tree, "seven"), text, sizeof(text)), 7);
	assert_string_equal(text, "1234567");
	tree_print(tree, "empty", "%s", "");
	assert_int_equal(sysfs_read(tree_path(tree, "empty"), text, sizeof(text)), 0);
	assert_string_equal(text, "");
	/* The longest that fits, and one that doesn't. */
	tree_print(tree, "eight", "12345678");
	assert_int_equal(sysfs_read(tree_path(tree, "eight"), text, sizeof(text)), 8);
	assert_string_equal(text, "12345678");
	tree_print(tree, "nine", "123456789");
	assert_int_equal(sysfs_read(tree_path(tree, "nine"), text, sizeof(text)), -EFBIG);
}

static void test_hostile(void **state)
{
	char text[4097], *big;

	(void)state;
	big = malloc(10 << 20);
	assert_non_null(big);
	memset(big, 'A', 10 << 20);
	tree_write(tree, "huge", big, 10 << 20);
	free(big);
	assert_int_equal(sysfs_read(tree_path(tree, "huge"), text, sizeof(text)), -EFBIG);
	tree_write(tree, "nul", "a\0b", 3);
	assert_int_equal(sysfs_read(tree_path(tree, "nul"), text, sizeof(text)), -EILSEQ);
	tree_write(tree, "nuls", "\0", 1);
	assert_int_equal(sysfs_read(tree_path(tree, "nuls"), text, sizeof(text)), -EILSEQ);
	tree_write(tree, "binary", "\xff\xfe\x01\n\n==\n=", 9);
	assert_int_equal(sysfs_read(tree_path(tree, "binary"), text, sizeof(text)), 9);
	assert_int_equal(sysfs_read(tree_path(tree, "none"), text, sizeof(text)), -ENOENT);
	tree_dir(tree, "dir");
	assert_int_equal(sysfs_read(tree_path(tree, "dir"), text, sizeof(text)), -EISDIR);
	tree_link(tree, "loop", "loop");
	assert_int_equal(sysfs_read(tree_path(tree, "loop"), text, sizeof(text)), -ELOOP);
	/* Nobody writes to it: must not wait for a writer. */
	assert_int_equal(mkfifo(tree_path(tree, "fifo"), 0600), 0);
	assert_int_equal(sysfs_read(tree_path(tree, "fifo"), text, sizeof(text)), 0);
}

/* A writer that is silent: must not wait for what it says either. */
static void test_silent_fifo(void **state)
{
	char text[16];
	int fd;

	(void)state;
	assert_int_equal(mkfifo(tree_path(tree, "fifo"), 0600), 0);
	fd = open(tree_path(tree, "fifo"), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(sysfs_read(tree_path(tree, "fifo"), text, sizeof(text)), -EAGAIN);
	close(fd);
}

static void test_failing_calls(void **state)
{
	char text[16];
	int fds = count_fds();

	(void)state;
	tree_print(tree, "one", "1");
	seam_fail(SEAM_READ, 0, 3, -EINTR);
	assert_int_equal(sysfs_read(tree_path(tree, "one"), text, sizeof(text)), 1);
	assert_int_equal(seam_calls(SEAM_READ), 4);
	/* Vanished between open and read. */
	seam_fail(SEAM_READ, 0, 1, -ENODEV);
	assert_int_equal(sysfs_read(tree_path(tree, "one"), text, sizeof(text)), -ENODEV);
	seam_fail(SEAM_OPEN, 0, 1, -EMFILE);
	assert_int_equal(sysfs_read(tree_path(tree, "one"), text, sizeof(text)), -EMFILE);
	assert_int_equal(count_fds(), fds);
}

static void test_uevent(void **state)
{
	static const char text[] = "MAJOR=261\nXMINOR=9\nMINOR=\nDEVNAME=a=b\nLAST=end";
	char value[8];

	(void)state;
	assert_int_equal(sysfs_uevent(text, "MAJOR", value, sizeof(value)), 0);
	assert_string_equal(value, "261");
	assert_int_equal(sysfs_uevent(text, "MINOR", value, sizeof(value)), 0);
	assert_string_equal(value, "");
	assert_int_equal(sysfs_uevent(text, "DEVNAME", value, sizeof(value)), 0);
	assert_string_equal(value, "a=b");
	assert_int_equal(sysfs_uevent(text, "LAST", value, sizeof(value)), 0);
	assert_string_equal(value, "end");
	assert_int_equal(sysfs_uevent(text, "MAJO", value, sizeof(value)), -ENOENT);
	assert_int_equal(sysfs_uevent(text, "end", value, sizeof(value)), -ENOENT);
	assert_int_equal(sysfs_uevent("", "MAJOR", value, sizeof(value)), -ENOENT);
	assert_int_equal(sysfs_uevent("\n\n\n", "MAJOR", value, sizeof(value)), -ENOENT);
	assert_int_equal(sysfs_uevent("MAJOR", "MAJOR", value, sizeof(value)), -ENOENT);
	/* What fits to the byte, and what doesn't. */
	assert_int_equal(sysfs_uevent("A=1234567", "A", value, sizeof(value)), 0);
	assert_string_equal(value, "1234567");
	assert_int_equal(sysfs_uevent("A=12345678", "A", value, sizeof(value)), -ENAMETOOLONG);
	/* The first counts. */
	assert_int_equal(sysfs_uevent("A=1\nA=2", "A", value, sizeof(value)), 0);
	assert_string_equal(value, "1");
}

static void number(const char *text, int ret, long long value)
{
	long long got = -77;

	tree_print(tree, "number", "%s", text);
	assert_int_equal(sysfs_number(tree_path(tree, "number"), &got), ret);
	assert_true(got == (ret ? -77 : value));
}

static void test_number(void **state)
{
	(void)state;
	number("0", 0, 0);
	number("12\n", 0, 12);
	number("-1\n", 0, -1);
	number("9223372036854775807\n", 0, INT64_MAX);
	number("9223372036854775808\n", -EINVAL, 0);
	number("", -EINVAL, 0);
	number("\n", -EINVAL, 0);
	number("x", -EINVAL, 0);
	number("1x", -EINVAL, 0);
	number("1 2", -EINVAL, 0);
	number("0x10", -EINVAL, 0);
	number("1111111111111111111111111111111111", -EFBIG, 0);
}

static void test_plain_word(void **state)
{
	char each[2] = "";
	int c;

	(void)state;
	assert_true(sysfs_is_plain_word("intel_vpu"));
	assert_true(sysfs_is_plain_word("0000:c5:00.1"));
	assert_true(sysfs_is_plain_word("fdab0000.npu"));
	assert_false(sysfs_is_plain_word(""));
	assert_false(sysfs_is_plain_word("."));
	assert_false(sysfs_is_plain_word(".."));
	assert_false(sysfs_is_plain_word(".hidden"));
	assert_false(sysfs_is_plain_word("../x"));
	assert_false(sysfs_is_plain_word("a/b"));
	assert_false(sysfs_is_plain_word("a b"));
	for (c = 1; c < 256; c++) {
		each[0] = (char)c;
		assert_int_equal(sysfs_is_plain_word(each),
				 (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
					 (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
					 c == ':');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_fifo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failing_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uevent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_number, setup, teardown),
		cmocka_unit_test(test_plain_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
