/* SPDX-License-Identifier: MIT */
/* The last error of each thread, and the log. */
#include "core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static __thread struct accel_error last_error = { .index = NONE32, .offset = NONE64 };

static struct {
	pthread_mutex_t lock;
	void (*fn)(void *data, int level, const char *text);
	void *data;
	_Atomic int level;
	int default_level; /* of messages to stderr, when there is no callback */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER };

void log_to_stderr(const char *text)
{
	char line[512];
	int length;

	/* One write, so that the lines of several threads don't mix. */
	length = snprintf(line, sizeof(line), "libaccel: %s\n", text);
	if (length >= (int)sizeof(line)) {
		length = sizeof(line);
		line[length - 1] = '\n';
	}
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return; /* nobody is left to be told */
}

void log_set_default(int level)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.default_level = level;
	if (!log_state.fn)
		atomic_store(&log_state.level, level);
	pthread_mutex_unlock(&log_state.lock);
}

bool log_is_on(int level)
{
	return level <= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

static void log_text(int level, const char *text)
{
	void (*fn)(void *data, int level, const char *text);
	void *data;

	pthread_mutex_lock(&log_state.lock);
	fn = log_state.fn;
	data = log_state.data;
	pthread_mutex_unlock(&log_state.lock);
	if (fn)
		fn(data, level, text);
	else
		log_to_stderr(text);
}

void accel_core_log(int level, const char *format, ...)
{
	char text[480];
	va_list args;

	if (!log_is_on(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_text(level, text);
}

static int fail(int err, uint32_t index, uint64_t offset, const char *format, va_list args)
{
	last_error.code = err;
	last_error.index = index;
	last_error.offset = offset;
	vsnprintf(last_error.text, sizeof(last_error.text), format, args);
	if (log_is_on(ACCEL_LOG_DEBUG))
		log_text(ACCEL_LOG_DEBUG, last_error.text);
	return err;
}

void error_save(struct accel_error *out)
{
	*out = last_error;
}

void error_restore(const struct accel_error *saved)
{
	last_error = *saved;
}

void accel_core_error_save(struct accel_error *out)
{
	error_save(out);
}

void accel_core_error_restore(const struct accel_error *saved)
{
	error_restore(saved);
}

int accel_core_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(err, NONE32, NONE64, format, args);
	va_end(args);
	return err;
}

int accel_core_fail_at(int err, uint32_t index, uint64_t offset, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail(err, index, offset, format, args);
	va_end(args);
	return err;
}

int accel_last_error(struct accel_error *out)
{
	int ret = process_enter();

	if (ret)
		return ret;
	return accel_core_params_out(out, &last_error, sizeof(last_error));
}

int accel_set_log(void (*fn)(void *data, int level, const char *text), void *data, int level)
{
	int ret = process_enter();

	if (ret)
		return ret;
	if (level < ACCEL_LOG_NONE || level > ACCEL_LOG_DEBUG)
		return accel_core_fail(-EINVAL, "there is no log level %d", level);
	pthread_mutex_lock(&log_state.lock);
	log_state.fn = fn;
	log_state.data = data;
	atomic_store(&log_state.level, fn ? level : log_state.default_level);
	pthread_mutex_unlock(&log_state.lock);
	return 0;
}
