/* SPDX-License-Identifier: MIT */
/* The library itself: version, deadlines, log, the last error. */
#include "conformance.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void version_is_that_of_the_header(void)
{
	same(accel_version(), ACCEL_VERSION);
}

static void deadline_lies_ahead(void)
{
	static const uint64_t ahead[] = {0, 1, 1000000000ull, 86400000000000ull};
	int64_t before, after, deadline;
	size_t i;

	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		before = now_ns();
		gives(accel_deadline(ahead[i], &deadline), 0);
		after = now_ns();
		expect(deadline >= before + (int64_t)ahead[i]);
		expect(deadline <= after + (int64_t)ahead[i]);
	}
}

static void deadline_overflow_is_no_deadline(void)
{
	static const uint64_t ahead[] = {UINT64_MAX, UINT64_MAX - 1, 1ull << 63, INT64_MAX,
					 INT64_MAX - 1};
	int64_t deadline;
	size_t i;

	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		deadline = 0;
		gives(accel_deadline(ahead[i], &deadline), 0);
		same(deadline, ACCEL_NO_DEADLINE);
	}
	/* One that just fits. */
	gives(accel_deadline((uint64_t)INT64_MAX - (uint64_t)now_ns() - 3600000000000ull,
			     &deadline),
	      0);
	expect(deadline < ACCEL_NO_DEADLINE);
	expect(deadline > INT64_MAX - 3600000000000ll - 1);
}

static void deadline_without_a_place_is_refused(void)
{
	gives(accel_deadline(1, NULL), -EINVAL);
}

/* ---- the last error ----------------------------------------------------------------------- */

static int call_last_error(void *arg, void *out)
{
	(void)arg;
	return accel_last_error(out);
}

static void last_error_struct_grows(void)
{
	struct accel_device *dev;

	gives(accel_device_find("no such device", &dev), -ENODEV);
	/* Of smaller and larger sizes; not told, as it is itself what tells. */
	check_out_struct(call_last_error, NULL, sizeof(struct accel_error), false);
}

static void last_error_without_a_place_is_refused(void)
{
	gives(accel_last_error(NULL), -EINVAL);
}

static void last_error_names_code_and_no_place(void)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_device *dev;

	gives(accel_device_find("no such device", &dev), -ENODEV);
	gives(accel_last_error(&error), 0);
	same(error.code, -ENODEV);
	same(error.index, ~0u);
	same(error.offset, ~0ull);
	same(error.reserved, 0);
	expect(memchr(error.text, '\0', sizeof(error.text)) != NULL);
	expect(strlen(error.text) > 0);
	expect(strchr(error.text, '\n') == NULL);
}

static void last_error_stays_after_success(void)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_device *dev;
	int64_t deadline;
	struct setup s;

	setup_open(&s);
	gives(accel_device_find("no such device", &dev), -ENODEV);
	gives(accel_deadline(1, &deadline), 0);
	dev = find_device();
	accel_device_unref(dev);
	gives(accel_context_state(s.ctx), ACCEL_OK);
	gives(accel_last_error(&error), 0);
	same(error.code, -ENODEV);
	setup_close(&s);
	gives(accel_last_error(&error), 0);
	same(error.code, -ENODEV);
}

/* -ETIME, -EINPROGRESS and -EAGAIN are answers. */
static void last_error_stays_after_answers(void)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_job *job;
	struct blocker b;
	struct setup s;
	struct accel_queue *queue;
	int result;

	setup_open(&s);
	queue = make_queue(s.ctx, 1);
	job = nop_job(s.ctx, queue);
	block(s.ctx, queue, &b);
	mark_error();
	gives(accel_queue_get_room(NULL, NULL), -EINVAL);
	gives(accel_fence_wait(b.fence, 0), -ETIME);
	gives(accel_fence_status(b.fence), -EINPROGRESS);
	gives(accel_fence_wait_many(&b.fence, 1, 0, 0, NULL), -ETIME);
	result = accel_submit(queue, &job, 1, NULL, NULL);
	gives(accel_last_error(&error), 0);
	same(error.code, -EINVAL);
	gives(result, -EAGAIN);
	blocker_end(&b);
	accel_job_unref(job);
	accel_queue_unref(queue);
	setup_close(&s);
}

/* What a wait tells of the work is an answer, no failure of the call. */
static void last_error_stays_when_work_failed(void)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	int result;

	setup_open(&s);
	job = failing_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	mark_error();
	result = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	expect_fence_result(result, ACCEL_FAILED);
	if (result) {
		gives(accel_last_error(&error), 0);
		same(error.code, -EINVAL);
	}
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void nothing_failed_yet(void *arg, unsigned int index)
{
	struct accel_error error = {.size = sizeof(error)};

	(void)arg;
	(void)index;
	good(accel_last_error(&error), 0);
	good(error.code, 0);
	good_if(error.index == ~0u);
	good_if(error.offset == ~0ull);
	good_if(error.text[0] == '\0');
}

static void last_error_of_a_new_thread_is_empty(void)
{
	mark_error();
	run_threads(1, nothing_failed_yet, NULL);
}

static pthread_barrier_t both_failed;

static void fail_alone(void *arg, unsigned int index)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_device *dev;
	int64_t deadline;
	unsigned int i;

	(void)arg;
	for (i = 0; i < 200; i++) {
		if (index % 2)
			good(accel_device_find("no such device", &dev), -ENODEV);
		else
			good(accel_deadline(1, NULL), -EINVAL);
		pthread_barrier_wait(&both_failed);
		good(accel_deadline(1, &deadline), 0);
		good(accel_last_error(&error), 0);
		good(error.code, index % 2 ? -ENODEV : -EINVAL);
	}
}

static void last_error_is_per_thread(void)
{
	pthread_barrier_init(&both_failed, NULL, 4);
	run_threads(4, fail_alone, NULL);
	pthread_barrier_destroy(&both_failed);
}

/* ---- the log ------------------------------------------------------------------------------- */

struct log {
	pthread_mutex_t lock;
	int highest;
	unsigned int count, bad;
};

static void write_log(void *data, int level, const char *text)
{
	struct log *log = data;

	pthread_mutex_lock(&log->lock);
	log->count++;
	if (level > log->highest)
		log->highest = level;
	if (level <= ACCEL_LOG_NONE || level > ACCEL_LOG_DEBUG || !text || text[0] == '\0' ||
	    strchr(text, '\n'))
		log->bad++;
	pthread_mutex_unlock(&log->lock);
}

/* Things that a library has something to say about. */
static void be_noteworthy(void)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_device *dev;
	struct accel_bo *bo;
	struct setup s;

	setup_open(&s);
	gives(accel_bo_create(s.ctx, &params, &bo), -EINVAL);
	gives(accel_device_find("no such device", &dev), -ENODEV);
	setup_close(&s);
}

static void log_calls_back(void)
{
	struct log log = {.lock = PTHREAD_MUTEX_INITIALIZER};

	gives(accel_set_log(write_log, &log, ACCEL_LOG_DEBUG), 0);
	be_noteworthy();
	gives(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), 0);
	expect(log.count > 0);
	same(log.bad, 0);
}

static void log_keeps_to_its_level(void)
{
	struct log log = {.lock = PTHREAD_MUTEX_INITIALIZER};
	int level;

	for (level = ACCEL_LOG_NONE; level <= ACCEL_LOG_DEBUG; level++) {
		log.highest = 0;
		log.count = 0;
		gives(accel_set_log(write_log, &log, level), 0);
		be_noteworthy();
		gives(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), 0);
		expect(log.highest <= level);
		if (level == ACCEL_LOG_NONE)
			same(log.count, 0);
	}
	same(log.bad, 0);
}

static void log_ends(void)
{
	struct log log = {.lock = PTHREAD_MUTEX_INITIALIZER};

	gives(accel_set_log(write_log, &log, ACCEL_LOG_DEBUG), 0);
	gives(accel_set_log(NULL, NULL, ACCEL_LOG_DEBUG), 0);
	be_noteworthy();
	same(log.count, 0);
	gives(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), 0);
}

static void log_refuses_unknown_levels(void)
{
	static const int levels[] = {-1, ACCEL_LOG_DEBUG + 1, INT_MAX, INT_MIN};
	struct log kept = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct log refused = {.lock = PTHREAD_MUTEX_INITIALIZER};
	size_t i;

	gives(accel_set_log(write_log, &kept, ACCEL_LOG_DEBUG), 0);
	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		fails(accel_set_log(write_log, &refused, levels[i]), -EINVAL);
	kept.count = 0;
	be_noteworthy();
	gives(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), 0);
	expect(kept.count > 0);
	same(refused.count, 0);
}

static void log_while_set(void *arg, unsigned int index)
{
	struct log *logs = arg;
	struct accel_device *dev;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		if (index == 0)
			good(accel_set_log(write_log, &logs[i % 2], ACCEL_LOG_DEBUG), 0);
		else
			good(accel_device_find("no such device", &dev), -ENODEV);
	}
}

static void log_from_many_threads(void)
{
	struct log logs[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
			      {.lock = PTHREAD_MUTEX_INITIALIZER}};

	run_threads(4, log_while_set, logs);
	gives(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), 0);
	same(logs[0].bad + logs[1].bad, 0);
}

static const struct check checks[] = {
	CHECK(version_is_that_of_the_header),
	CHECK(deadline_lies_ahead),
	CHECK(deadline_overflow_is_no_deadline),
	CHECK(deadline_without_a_place_is_refused),
	CHECK(last_error_struct_grows),
	CHECK(last_error_without_a_place_is_refused),
	CHECK(last_error_names_code_and_no_place),
	CHECK(last_error_stays_after_success),
	CHECK(last_error_stays_after_answers),
	CHECK(last_error_stays_when_work_failed),
	CHECK(last_error_of_a_new_thread_is_empty),
	CHECK(last_error_is_per_thread),
	CHECK(log_calls_back),
	CHECK(log_keeps_to_its_level),
	CHECK(log_ends),
	CHECK(log_refuses_unknown_levels),
	CHECK(log_from_many_threads),
};

const struct group group_library = GROUP("library", checks);
