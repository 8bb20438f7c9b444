/* SPDX-License-Identifier: MIT */
/* A storm of signals, without SA_RESTART, during every kind of call: none ends early. */
#include "conformance.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

static _Atomic int signals_seen; /* lock-free: the handler may */

static void count_signal(int number)
{
	(void)number;
	signals_seen++;
}

static void storm_begin(void)
{
	struct itimerval every = {{0, 1000}, {0, 1000}};
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = count_signal;
	same(sigaction(SIGALRM, &action, NULL), 0);
	same(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void storm_end(void)
{
	struct itimerval never = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &never, NULL);
	/* Not the default again: under valgrind one may still be on its way. */
	signal(SIGALRM, SIG_IGN);
}

#define HITS 30 /* signals that each call must have seen, over and over */

/* Call @fn until enough signals have come in. It fails the check itself. */
static void in_storm(void (*fn)(void *arg), void *arg)
{
	unsigned int calls = 0;

	signals_seen = 0;
	storm_begin();
	while (signals_seen < HITS || calls < 20) {
		fn(arg);
		calls++;
	}
	storm_end();
}

static void do_scan(void *arg)
{
	struct accel_device *devs[64];
	int i, count;

	(void)arg;
	count = must(accel_device_scan(0, devs, 64));
	for (i = 0; i < count && i < 64; i++)
		accel_device_unref(devs[i]);
}

static void during_scan(void)
{
	in_storm(do_scan, NULL);
}

static void do_find(void *arg)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *dev = find_device();

	(void)arg;
	gives(accel_device_check(dev), 0);
	gives(accel_device_get_info(dev, &info), 0);
	accel_device_unref(dev);
	gives(accel_device_find("/no/such/path", &dev), -ENOENT);
	gives(accel_device_find("no such device", &dev), -ENODEV);
}

static void during_find_and_check(void)
{
	in_storm(do_find, NULL);
}

static void do_open(void *arg)
{
	(void)arg;
	accel_context_unref(open_context());
}

static void during_open_and_close(void)
{
	in_storm(do_open, NULL);
}

static void do_query(void *arg)
{
	uint64_t value;
	uint32_t key;
	int err;

	for (key = ACCEL_QUEUES_PARALLEL; key <= LAST_NUMBER; key++) {
		err = accel_query(arg, key, &value);
		if (err != -EOPNOTSUPP)
			gives(err, 0);
	}
	gives(accel_context_state(arg), ACCEL_OK);
}

static void during_query(void)
{
	struct accel_context *ctx = open_context();

	in_storm(do_query, ctx);
	accel_context_unref(ctx);
}

static void do_bo(void *arg)
{
	struct accel_bo *bo = make_bo(arg, DATA_FLAGS | ACCEL_BO_ZERO, 65536);

	cpu_fill(bo, 0, 65536, 7);
	expect_bytes(bo, 0, 65536, 7);
	accel_bo_unref(bo);
	gives(accel_context_trim(arg, 0), 0);
}

static void during_buffer_calls(void)
{
	struct accel_context *ctx = open_context();

	in_storm(do_bo, ctx);
	accel_context_unref(ctx);
}

static void do_share(void *arg)
{
	struct accel_context **ctxs = arg;
	struct accel_bo *bo, *taken;
	int fd;

	bo = make_bo(ctxs[0], DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	gives(accel_bo_export(bo, 0, &fd), 0);
	gives(accel_bo_import(ctxs[1], fd, DATA_FLAGS, &taken), 0);
	close(fd);
	accel_bo_unref(taken);
	accel_bo_unref(bo);
}

static void during_export_and_import(void)
{
	struct accel_context *ctxs[2];

	need(ACCEL_HAS_EXPORT, "export of buffers");
	need(ACCEL_HAS_IMPORT, "import of buffers");
	ctxs[0] = open_context();
	ctxs[1] = open_another();
	in_storm(do_share, ctxs);
	accel_context_unref(ctxs[0]);
	accel_context_unref(ctxs[1]);
}

static void do_queue(void *arg)
{
	struct accel_queue *queue = make_queue(arg, 0);
	struct accel_fence *room;

	gives(accel_queue_get_room(queue, &room), 0);
	gives(accel_fence_wait(room, 0), 0);
	accel_fence_unref(room);
	accel_queue_unref(queue);
}

static void during_queue_calls(void)
{
	struct accel_context *ctx = open_context();

	in_storm(do_queue, ctx);
	accel_context_unref(ctx);
}

static void do_submit(void *arg)
{
	struct setup *s = arg;
	struct accel_job *job = nop_job(s->ctx, s->queue);
	struct accel_fence *fence;

	submit_one(s->queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_wait_many(&fence, 1, 0, ACCEL_NO_DEADLINE, NULL), 0);
	expect_outcome(job, ACCEL_DONE);
	accel_fence_unref(fence);
	accel_job_unref(job);
}

static void during_submit_and_wait(void)
{
	struct setup s;

	setup_open(&s);
	in_storm(do_submit, &s);
	setup_close(&s);
}

static void do_fence_fd(void *arg)
{
	struct accel_fence *fence;
	int fd;

	gives(accel_fence_export_fd(arg, ACCEL_FD_ANY, &fd), 0);
	gives(accel_fence_import_fd(fd, 0, &fence), 0);
	gives(accel_fence_status(fence), -EINPROGRESS);
	accel_fence_unref(fence);
	close(fd);
}

static void during_fence_descriptors(void)
{
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	in_storm(do_fence_fd, b.fence);
	blocker_end(&b);
	setup_close(&s);
}

/* ---- calls that sleep ----------------------------------------------------------------------- */

/* Opens the gate once the sleeper has been hit often enough. */
static void *unblock_after_hits(void *blocker)
{
	sigset_t all;

	/* The signals are for the sleeper. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (signals_seen < HITS)
		pause_ms(1);
	unblock(blocker);
	return NULL;
}

static void sleeper(void (*fn)(struct setup *s, struct blocker *b))
{
	pthread_t thread;
	sigset_t all, old;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	signals_seen = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	same(pthread_create(&thread, NULL, unblock_after_hits, &b), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	storm_begin();
	fn(&s, &b);
	storm_end();
	pthread_join(thread, NULL);
	expect(signals_seen >= HITS);
	blocker_end(&b);
	setup_close(&s);
}

static void sleep_in_wait(struct setup *s, struct blocker *b)
{
	(void)s;
	gives(accel_fence_wait(b->fence, ACCEL_NO_DEADLINE), 0);
}

static void during_a_long_wait(void)
{
	sleeper(sleep_in_wait);
}

static void sleep_in_wait_with_deadline(struct setup *s, struct blocker *b)
{
	(void)s;
	gives(accel_fence_wait(b->fence, soon(600000)), 0);
}

static void during_a_long_wait_with_a_deadline(void)
{
	sleeper(sleep_in_wait_with_deadline);
}

static void sleep_in_wait_many(struct setup *s, struct blocker *b)
{
	struct accel_fence *fences[2] = {b->fence, b->fence};

	(void)s;
	gives(accel_fence_wait_many(fences, 2, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
}

static void during_a_long_wait_for_many(void)
{
	sleeper(sleep_in_wait_many);
}

static void sleep_in_mixed_wait(struct setup *s, struct blocker *b)
{
	int event = eventfd(0, EFD_CLOEXEC);
	struct accel_fence *fences[2];
	uint32_t index = 77;

	(void)s;
	gives(accel_fence_import_fd(event, 0, &fences[0]), 0);
	fences[1] = b->fence;
	gives(accel_fence_wait_many(fences, 2, 0, ACCEL_NO_DEADLINE, &index), 0);
	same(index, 1);
	accel_fence_unref(fences[0]);
	close(event);
}

static void during_a_long_mixed_wait(void)
{
	sleeper(sleep_in_mixed_wait);
}

static void sleep_in_imported_wait(struct setup *s, struct blocker *b)
{
	struct accel_fence *imported;
	int fd;

	(void)s;
	gives(accel_fence_export_fd(b->fence, ACCEL_FD_ANY, &fd), 0);
	gives(accel_fence_import_fd(fd, 0, &imported), 0);
	gives(accel_fence_wait(imported, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(imported);
	close(fd);
}

static void during_a_long_wait_for_an_import(void)
{
	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	sleeper(sleep_in_imported_wait);
}

static void sleep_in_begin(struct setup *s, struct blocker *b)
{
	uint64_t bytes = whole_units(4096);
	struct accel_bo *bo;
	struct accel_job *job;

	(void)b;
	bo = make_bo(s->ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	job = fill_job(s->ctx, s->queue, bo, 0, bytes, 0x6d);
	submit_one(s->queue, job, NULL);
	expect_bytes(bo, 0, bytes, 0x6d);
	accel_job_unref(job);
	accel_bo_unref(bo);
}

static void during_a_long_begin_of_access(void)
{
	sleeper(sleep_in_begin);
}

static void sleep_in_cancel(struct setup *s, struct blocker *b)
{
	if (b->event >= 0)
		unblock(b); /* such a blocker ends at once, nothing to sleep for */
	gives(accel_queue_cancel(s->queue, ACCEL_NO_DEADLINE), 0);
	while (signals_seen < HITS)
		pause_ms(1);
}

static void during_a_long_cancel(void)
{
	need(ACCEL_HAS_CANCEL, "cancel");
	sleeper(sleep_in_cancel);
}

/* The last reference to a queue waits for its jobs, through every signal. */
static void sleep_in_unref(struct setup *s, struct blocker *b)
{
	accel_fence_unref(b->fence);
	accel_job_unref(b->job);
	b->fence = NULL;
	b->job = NULL;
	accel_queue_unref(s->queue);
	s->queue = NULL;
}

static void during_the_release_of_a_busy_queue(void)
{
	pthread_t thread;
	sigset_t all, old;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	signals_seen = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	same(pthread_create(&thread, NULL, unblock_after_hits, &b), 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	storm_begin();
	sleep_in_unref(&s, &b);
	storm_end();
	/* Whoever returned earlier left a job behind. */
	expect(signals_seen >= HITS);
	pthread_join(thread, NULL);
	blocker_drop(&b);
	setup_close(&s);
}

static void deadlines_hold_in_a_storm(void)
{
	int64_t deadline;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	storm_begin();
	for (i = 0; i < 10; i++) {
		deadline = soon(20);
		gives(accel_fence_wait(b.fence, deadline), -ETIME);
		expect(now_ns() >= deadline);
	}
	storm_end();
	blocker_end(&b);
	setup_close(&s);
}

static const struct check checks[] = {
	CHECK(during_scan),
	CHECK(during_find_and_check),
	CHECK(during_open_and_close),
	CHECK(during_query),
	CHECK(during_buffer_calls),
	CHECK(during_export_and_import),
	CHECK(during_queue_calls),
	CHECK(during_submit_and_wait),
	CHECK(during_fence_descriptors),
	CHECK(during_a_long_wait),
	CHECK(during_a_long_wait_with_a_deadline),
	CHECK(during_a_long_wait_for_many),
	CHECK(during_a_long_mixed_wait),
	CHECK(during_a_long_wait_for_an_import),
	CHECK(during_a_long_begin_of_access),
	CHECK(during_a_long_cancel),
	CHECK(during_the_release_of_a_busy_queue),
	CHECK(deadlines_hold_in_a_storm),
};

const struct group group_signals = GROUP("signals", checks);
