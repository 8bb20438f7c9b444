/* SPDX-License-Identifier: MIT */
/* error.c: the last error of each thread, and the log. */
#include "support.h"

#include <fcntl.h>

static struct {
	int count, level;
	char text[600];
	void *data;
} heard;

static void listen(void *data, int level, const char *text)
{
	heard.count++;
	heard.level = level;
	heard.data = data;
	snprintf(heard.text, sizeof(heard.text), "%s", text);
}

static int setup(void **state)
{
	(void)state;
	memset(&heard, 0, sizeof(heard));
	accel_set_log(NULL, NULL, ACCEL_LOG_NONE);
	log_set_default(ACCEL_LOG_NONE);
	return 0;
}

/* What is written to stderr meanwhile. */
static int saved_stderr, pipe_of_stderr[2];

static void catch_stderr(void)
{
	assert_int_equal(pipe2(pipe_of_stderr, O_CLOEXEC | O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_of_stderr[1], STDERR_FILENO);
}

static ssize_t caught_stderr(char *text, size_t bytes)
{
	ssize_t length;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_of_stderr[1]);
	length = read(pipe_of_stderr[0], text, bytes - 1);
	close(pipe_of_stderr[0]);
	text[length > 0 ? length : 0] = '\0';
	return length;
}

static void test_none_yet(void **state)
{
	struct accel_error error = support_error();

	(void)state;
	assert_int_equal(error.code, 0);
	assert_int_equal(error.index, UINT32_MAX);
	assert_true(error.offset == UINT64_MAX);
	assert_string_equal(error.text, "");
}

static void test_kept(void **state)
{
	struct accel_error error;

	(void)state;
	assert_int_equal(accel_core_fail_at(-ERANGE, 3, 64, "packet %d", 8), -ERANGE);
	error = support_error();
	assert_int_equal(error.code, -ERANGE);
	assert_int_equal(error.index, 3);
	assert_true(error.offset == 64);
	assert_string_equal(error.text, "packet 8");
	/* One without a place takes the former place away. */
	assert_int_equal(accel_core_fail(-EIO, "no"), -EIO);
	error = support_error();
	assert_int_equal(error.code, -EIO);
	assert_int_equal(error.index, UINT32_MAX);
	assert_true(error.offset == UINT64_MAX);
	assert_int_equal(error.size, sizeof(error));
	assert_int_equal(error.reserved, 0);
}

static void test_long_text(void **state)
{
	struct accel_error error;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	accel_core_fail(-EIO, "%s", text);
	error = support_error();
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

static void test_bad_out(void **state)
{
	struct accel_error error = {.size = 2};

	(void)state;
	assert_fails(accel_last_error(NULL), -EINVAL);
	assert_fails(accel_last_error(&error), -EINVAL);
	error.size = 8;
	error.index = 123;
	accel_core_fail(-EIO, "no");
	assert_int_equal(accel_last_error(&error), 0);
	assert_int_equal(error.code, -EIO);
	assert_int_equal(error.index, 123);
}

static int fail_there(void *arg)
{
	(void)arg;
	if (support_error().code)
		return 1;
	accel_core_fail(-ENODEV, "there");
	return support_error().code == -ENODEV ? 0 : 2;
}

static void test_per_thread(void **state)
{
	struct task task;

	(void)state;
	accel_core_fail(-EXDEV, "here");
	task_start(&task, fail_there, NULL);
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(support_error().code, -EXDEV);
	assert_string_equal(support_error().text, "here");
}

static void test_callback(void **state)
{
	int here;

	(void)state;
	assert_ok(accel_set_log(listen, &here, ACCEL_LOG_WARNING));
	accel_core_log(ACCEL_LOG_INFO, "no");
	assert_int_equal(heard.count, 0);
	accel_core_log(ACCEL_LOG_WARNING, "number %d", 5);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.level, ACCEL_LOG_WARNING);
	assert_ptr_equal(heard.data, &here);
	assert_string_equal(heard.text, "number 5");
	accel_core_log(ACCEL_LOG_ERROR, "graver");
	assert_int_equal(heard.count, 2);
	/* Failures are news for people who debug only. */
	accel_core_fail(-EIO, "no");
	assert_int_equal(heard.count, 2);
	assert_int_equal(accel_set_log(listen, NULL, ACCEL_LOG_DEBUG), 0);
	accel_core_fail(-EIO, "yes");
	assert_int_equal(heard.count, 3);
	assert_string_equal(heard.text, "yes");
	assert_int_equal(accel_set_log(NULL, NULL, ACCEL_LOG_DEBUG), 0);
	accel_core_log(ACCEL_LOG_ERROR, "nobody listens");
	assert_int_equal(heard.count, 3);
}

static void test_bad_level(void **state)
{
	(void)state;
	assert_fails(accel_set_log(listen, NULL, -1), -EINVAL);
	assert_fails(accel_set_log(listen, NULL, ACCEL_LOG_DEBUG + 1), -EINVAL);
	accel_core_log(ACCEL_LOG_ERROR, "nobody listens");
	assert_int_equal(heard.count, 0);
}

/* Without a callback and without a word in the environment nothing is written. */
static void test_silence(void **state)
{
	char text[64];

	(void)state;
	catch_stderr();
	accel_core_log(ACCEL_LOG_ERROR, "grave");
	accel_core_fail(-EIO, "failed");
	accel_set_log(listen, NULL, ACCEL_LOG_ERROR);
	accel_set_log(NULL, NULL, ACCEL_LOG_DEBUG);
	accel_core_log(ACCEL_LOG_ERROR, "grave");
	assert_true(caught_stderr(text, sizeof(text)) <= 0);
}

static void test_stderr(void **state)
{
	char text[2000], big[1000];

	(void)state;
	log_set_default(ACCEL_LOG_INFO);
	catch_stderr();
	accel_core_log(ACCEL_LOG_DEBUG, "no");
	accel_core_log(ACCEL_LOG_INFO, "yes %d", 1);
	assert_true(caught_stderr(text, sizeof(text)) > 0);
	assert_string_equal(text, "libaccel: yes 1\n");
	/* A callback takes its place, and gives it back. */
	accel_set_log(listen, NULL, ACCEL_LOG_ERROR);
	catch_stderr();
	accel_core_log(ACCEL_LOG_ERROR, "to the callback");
	assert_true(caught_stderr(text, sizeof(text)) <= 0);
	accel_set_log(NULL, NULL, ACCEL_LOG_NONE);
	catch_stderr();
	accel_core_log(ACCEL_LOG_INFO, "again");
	assert_true(caught_stderr(text, sizeof(text)) > 0);
	assert_string_equal(text, "libaccel: again\n");
	/* A line too long is cut and still ends. */
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	catch_stderr();
	log_to_stderr(big);
	assert_int_equal(caught_stderr(text, sizeof(text)), 512);
	assert_int_equal(text[511], '\n');
	log_set_default(ACCEL_LOG_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_yet), /* must be first */
		cmocka_unit_test_setup(test_kept, setup),
		cmocka_unit_test_setup(test_long_text, setup),
		cmocka_unit_test_setup(test_bad_out, setup),
		cmocka_unit_test_setup(test_per_thread, setup),
		cmocka_unit_test_setup(test_callback, setup),
		cmocka_unit_test_setup(test_bad_level, setup),
		cmocka_unit_test_setup(test_silence, setup),
		cmocka_unit_test_setup(test_stderr, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
