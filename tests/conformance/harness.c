/* SPDX-License-Identifier: MIT */
/* How a check ends: failures, skips, notes of other threads, structs that grow. */
#include "harness.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct suite suite;
struct board *board;

static char mark_text[sizeof(((struct accel_error *)0)->text)];

/* ---- ends ------------------------------------------------------------------------- */

void skip_check(const char *format, ...)
{
	struct record *record = &board->records[board->current];
	va_list args;

	va_start(args, format);
	vsnprintf(record->why, sizeof(record->why), format, args);
	va_end(args);
	record->state = CHECK_SKIPPED;
	_skip(__FILE__, __LINE__);
	abort();
}

void fail_check(const char *file, int line, const char *format, ...)
{
	struct record *record = &board->records[board->current];
	const char *base = strrchr(file, '/');
	va_list args;
	size_t used;

	used = (size_t)snprintf(record->why, sizeof(record->why), "%s:%d: ", base ? base + 1 : file,
				line);
	va_start(args, format);
	vsnprintf(record->why + used, sizeof(record->why) - used, format, args);
	va_end(args);
	record->state = CHECK_FAILED;
	if (getpid() != suite.pid) /* a child of the check: the check itself will see it */
		_exit(1);
	_fail(file, line);
	abort();
}

void need(uint32_t key, const char *what)
{
	if (device_fact(key) == ACCEL_ABSENT)
		skip_check("the device has no %s", what);
}

static const char *error_text(int result)
{
	static __thread char text[2][80];
	static __thread unsigned int turn;
	char *to = text[turn++ % 2];

	if (result < 0 && result > -4096)
		snprintf(to, sizeof(text[0]), "%d (%s)", result, strerror(-result));
	else
		snprintf(to, sizeof(text[0]), "%d", result);
	return to;
}

/* The words for the failure, if the library has noted this one. */
static const char *last_words(int result)
{
	static char text[400];
	struct accel_error error = {.size = sizeof(error)};

	if (accel_last_error(&error) == 0 && error.code == result && result < 0)
		snprintf(text, sizeof(text), ": %s", error.text);
	else
		text[0] = '\0';
	return text;
}

int must_at(const char *file, int line, const char *text, int result)
{
	if (result < 0)
		fail_check(file, line, "%s gave %s%s", text, error_text(result),
			   last_words(result));
	return result;
}

void gives_at(const char *file, int line, const char *text, int result, int want)
{
	if (result != want)
		fail_check(file, line, "%s gave %s, not %s%s", text, error_text(result),
			   error_text(want), last_words(result));
}

/* A failure with words of its own, so that those of the next one can be told apart. */
void mark_error(void)
{
	struct accel_error error = {.size = sizeof(error)};

	accel_deadline(0, NULL);
	accel_last_error(&error);
	snprintf(mark_text, sizeof(mark_text), "%s", error.text);
}

void fails_place_at(const char *file, int line, const char *text, int want, uint32_t index,
		    uint64_t offset, int result)
{
	struct accel_error error = {.size = sizeof(error)};

	fails_at(file, line, text, want, result);
	accel_last_error(&error);
	if (index != ANY_INDEX && error.index != index)
		fail_check(file, line, "%s: accel_last_error() has index %u, not %u: %s", text,
			   error.index, index, error.text);
	if (error.offset != offset)
		fail_check(file, line, "%s: accel_last_error() has offset %#llx, not %#llx: %s",
			   text, (unsigned long long)error.offset, (unsigned long long)offset,
			   error.text);
}

void fails_at(const char *file, int line, const char *text, int want, int result)
{
	struct accel_error error = {.size = sizeof(error)};

	gives_at(file, line, text, result, want);
	gives_at(file, line, "accel_last_error()", accel_last_error(&error), 0);
	if (want == -EAGAIN || want == -ETIME || want == -EINPROGRESS)
		return;
	if (error.code != want)
		fail_check(file, line, "%s gave %s, but accel_last_error() has %s: %s", text,
			   error_text(want), error_text(error.code), error.text);
	if (!memchr(error.text, '\0', sizeof(error.text)))
		fail_check(file, line, "%s: accel_last_error() has an unended text", text);
	if (error.text[0] == '\0')
		fail_check(file, line, "%s: accel_last_error() has no words for it", text);
	if (strcmp(error.text, mark_text) == 0)
		fail_check(file, line,
			   "%s: accel_last_error() is still that of the call before: %s", text,
			   error.text);
}

void same_at(const char *file, int line, const char *a_text, uint64_t a, const char *b_text,
	     uint64_t b)
{
	if (a != b)
		fail_check(file, line, "%s is %lld (%#llx), but %s is %lld (%#llx)", a_text,
			   (long long)a, (unsigned long long)a, b_text, (long long)b,
			   (unsigned long long)b);
}

void expect_at(const char *file, int line, const char *text, bool condition)
{
	if (!condition)
		fail_check(file, line, "not true: %s", text);
}

void *untouched(void)
{
	return &board;
}

void is_untouched_at(const char *file, int line, const char *text, const void *out)
{
	if (out != untouched())
		fail_check(file, line, "%s was written by a call that failed", text);
}

/* ---- notes ---------------------------------------------------------------------------- */

/* Children write here too: no lock, the first one wins. */
static bool note(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool note(const char *file, int line, const char *format, ...)
{
	const char *base = strrchr(file, '/');
	char text[sizeof(board->note)];
	va_list args;
	size_t used;

	used = (size_t)snprintf(text, sizeof(text), "%s:%d: ", base ? base + 1 : file, line);
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	if (!atomic_flag_test_and_set(&board->noting)) {
		memcpy(board->note, text, sizeof(text));
		atomic_store(&board->noted, 1);
	}
	return false;
}

bool good_at(const char *file, int line, const char *text, int result, int want)
{
	if (result == want)
		return true;
	return note(file, line, "%s gave %s, not %s", text, error_text(result), error_text(want));
}

bool good_if_at(const char *file, int line, const char *text, bool condition)
{
	if (condition)
		return true;
	return note(file, line, "not true: %s", text);
}

void no_bad_notes(void)
{
	if (atomic_load(&board->noted))
		fail_here("%s", board->note);
}

/* ---- structs that grow ------------------------------------------------------------------ */

static void *grown(const void *from, size_t known, size_t size)
{
	unsigned char *to = calloc(1, size < known ? known : size);
	uint32_t size32 = (uint32_t)size;

	expect(to != NULL);
	memcpy(to, from, known);
	memcpy(to, &size32, sizeof(size32));
	return to;
}

void check_in_sizes(in_struct_call call, void *arg, const void *good, size_t known)
{
	static const uint32_t refused[] = {0, 1, 2, 3, 4097, 5000, 0x10000, 0x80000000u, ~0u};
	unsigned char *params = grown(good, known, 8192);
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		memcpy(params, &refused[i], sizeof(uint32_t));
		fails(call(arg, params), -EINVAL);
	}
	free(params);
}

void check_in_tail(in_struct_call call, void *arg, const void *good, size_t known)
{
	static const size_t beyond[] = {1, 2, 3, 4, 7, 8, 9, 64, 1000};
	unsigned char *params;
	size_t i;

	params = grown(good, known, known);
	must(call(arg, params));
	free(params);
	for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		params = grown(good, known, known + beyond[i]);
		must(call(arg, params));
		params[known + beyond[i] - 1] = 1;
		fails(call(arg, params), -E2BIG);
		params[known + beyond[i] - 1] = 0;
		params[known] = 0x80;
		fails(call(arg, params), -E2BIG);
		free(params);
	}
	params = grown(good, known, 4096);
	must(call(arg, params));
	params[4095] = 1;
	fails(call(arg, params), -E2BIG);
	free(params);
}

void check_out_struct(out_struct_call call, void *arg, size_t known, bool told)
{
	static const uint32_t refused[] = {0, 1, 3, 4097, 5000, ~0u};
	const uint32_t larger[] = {1, 4, 8, 13, 500, 4096 - (uint32_t)known}; /* the largest */
	unsigned char whole[4096], out[8192];
	uint32_t size;
	size_t i, j;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		memset(out, 0xa5, sizeof(out));
		memcpy(out, &refused[i], sizeof(uint32_t));
		if (told)
			fails(call(arg, out), -EINVAL);
		else
			gives(call(arg, out), -EINVAL);
		expect(memcmp(out, &refused[i], sizeof(uint32_t)) == 0);
		expect(bytes_are(out + 4, sizeof(out) - 4, 0xa5));
	}

	memset(whole, 0xa5, sizeof(whole));
	size = (uint32_t)known;
	memcpy(whole, &size, sizeof(size));
	gives(call(arg, whole), 0);
	expect(memcmp(whole, &size, sizeof(size)) == 0);
	expect(bytes_are(whole + known, sizeof(whole) - known, 0xa5));

	/* One of an older header: no more than it has room for is written. */
	for (size = 4; size < known; size += size < 16 ? 4 : 8) {
		memset(out, 0xa5, sizeof(out));
		memcpy(out, &size, sizeof(size));
		gives(call(arg, out), 0);
		expect(memcmp(out, &size, sizeof(size)) == 0);
		for (j = 4; j < size; j++) {
			if (out[j] != whole[j])
				fail_here("with size %u byte %zu differs from a whole one", size,
					  j);
		}
		expect(bytes_are(out + size, sizeof(out) - size, 0xa5));
	}
	/* One of a newer header: what the library doesn't know is zero. */
	for (i = 0; i < sizeof(larger) / sizeof(larger[0]); i++) {
		size = (uint32_t)known + larger[i];
		memset(out, 0xa5, sizeof(out));
		memcpy(out, &size, sizeof(size));
		gives(call(arg, out), 0);
		expect(memcmp(out, &size, sizeof(size)) == 0);
		expect(memcmp(out + 4, whole + 4, known - 4) == 0);
		expect(bytes_are(out + known, larger[i], 0));
		expect(bytes_are(out + size, sizeof(out) - size, 0xa5));
	}
}
