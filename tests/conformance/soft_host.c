/* SPDX-License-Identifier: MIT */
/* Host functions of the software device, and what is its own otherwise. */
#include "soft_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static int host_create(struct setup *s, int (*fn)(const struct accel_soft_call *), void *data,
		       uint64_t timeout_ns, struct accel_job **job)
{
	struct accel_soft_host_job ext = {.head = {sizeof(ext), ACCEL_SOFT_HOST_JOB}};
	struct accel_job_params params = {.size = sizeof(params)};

	ext.fn = fn;
	ext.data = data;
	params.ext = &ext.head;
	params.timeout_ns = timeout_ns;
	return accel_job_create(s->queue, &params, job);
}

static struct accel_job *host_job(struct setup *s, int (*fn)(const struct accel_soft_call *),
				  void *data)
{
	struct accel_job *job;

	gives(host_create(s, fn, data, 0, &job), 0);
	return job;
}

struct seen {
	_Atomic unsigned int calls;
	pthread_t thread;
	sigset_t mask;
	int stop_at_start;
	int result;
};

static int look_around(const struct accel_soft_call *call)
{
	struct seen *seen = call->data;

	seen->calls++;
	seen->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
	seen->stop_at_start = call->should_stop(call);
	return seen->result;
}

static void function_is_called_once_elsewhere(void)
{
	struct seen seen = {.calls = 0};
	struct accel_job *job;
	struct setup s;
	int number;

	setup_open(&s);
	job = host_job(&s, look_around, &seen);
	pause_ms(5);
	same(seen.calls, 0);
	run_job(s.queue, job);
	same(seen.calls, 1);
	expect(!pthread_equal(seen.thread, pthread_self()));
	same(seen.stop_at_start, 0);
	/* All that can be blocked. */
	for (number = 1; number < 32; number++) {
		if (number != SIGKILL && number != SIGSTOP)
			expect(sigismember(&seen.mask, number) == 1);
	}
	run_job(s.queue, job);
	same(seen.calls, 2);
	accel_job_unref(job);
	setup_close(&s);
}

/* What it returns and what becomes of it. */
static void result_of_the_function_is_that_of_the_job(void)
{
	static const struct {
		int result;
		int64_t code;
	} cases[] = {
		{-ENOSPC, -ENOSPC},
		{-EIO, -EIO},
		{-ECANCELED, -ECANCELED},
		{-ETIMEDOUT, -ETIMEDOUT},
		{-1, -1},
		{1, -EIO},
		{5, -EIO},
		{0x7fffffff, -EIO},
	};
	struct accel_job_result result = {.size = sizeof(result)};
	struct seen seen = {.calls = 0};
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	size_t i;

	setup_open(&s);
	job = host_job(&s, look_around, &seen);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		seen.result = cases[i].result;
		submit_one(s.queue, job, &fence);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), -EIO);
		gives(accel_job_get_result(job, &result), 0);
		same(result.outcome, ACCEL_FAILED);
		same(result.error, -EIO);
		same((int64_t)result.driver_code, cases[i].code);
		accel_fence_unref(fence);
	}
	seen.result = 0;
	run_job(s.queue, job);
	gives(accel_job_get_result(job, &result), 0);
	same(result.driver_code, 0);
	accel_job_unref(job);
	setup_close(&s);
}

struct watcher {
	const unsigned char *map;
	bool saw;
};

static int look_at_memory(const struct accel_soft_call *call)
{
	struct watcher *watcher = call->data;

	watcher->saw = bytes_are(watcher->map, 4096, 0x5d);
	return 0;
}

static void function_runs_after_its_packets(void)
{
	struct accel_soft_host_job ext = {.head = {sizeof(ext), ACCEL_SOFT_HOST_JOB}};
	struct watcher watcher = {.saw = false};
	struct accel_job *job;
	struct accel_bo *bo;
	struct request r;
	struct setup s;

	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 4096);
	watcher.map = map_bo(bo);
	request_fill(s.ctx, &r, bo, 0, 4096, 0x5d);
	ext.fn = look_at_memory;
	ext.data = &watcher;
	r.params.ext = &ext.head;
	job = request_job(s.queue, &r);
	memset(&ext, 0xff, sizeof(ext)); /* it was copied */
	run_job(s.queue, job);
	expect(watcher.saw);
	accel_job_unref(job);
	accel_bo_unref(bo);
	setup_close(&s);
}

static void struct_of_the_function_is_checked(void)
{
	struct {
		struct accel_soft_host_job ext;
		unsigned char tail[64];
	} grown;
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_job *job = untouched();
	struct seen seen = {.calls = 0};
	struct setup s;
	uint32_t size;

	setup_open(&s);
	memset(&grown, 0, sizeof(grown));
	grown.ext.head.size = sizeof(grown.ext);
	grown.ext.head.type = ACCEL_SOFT_HOST_JOB;
	grown.ext.data = &seen;
	params.ext = &grown.ext.head;
	fails(accel_job_create(s.queue, &params, &job), -EINVAL); /* no function */
	grown.ext.fn = look_around;
	grown.ext.head.type = ACCEL_SOFT_HOST_JOB + 1;
	fails(accel_job_create(s.queue, &params, &job), -EINVAL);
	grown.ext.head.type = 0;
	fails(accel_job_create(s.queue, &params, &job), -EINVAL);
	grown.ext.head.type = ACCEL_SOFT_HOST_JOB;
	for (size = 0; size <= 8; size++) {
		grown.ext.head.size = size;
		fails(accel_job_create(s.queue, &params, &job), -EINVAL);
	}
	grown.ext.head.size = 5000;
	fails(accel_job_create(s.queue, &params, &job), -EINVAL);
	grown.ext.head.size = sizeof(grown);
	grown.tail[63] = 1;
	fails(accel_job_create(s.queue, &params, &job), -E2BIG);
	is_untouched(job);
	grown.tail[63] = 0;
	gives(accel_job_create(s.queue, &params, &job), 0);
	run_job(s.queue, job);
	same(seen.calls, 1);
	accel_job_unref(job);
	setup_close(&s);
}

/* More functions that block than there are processors, and workers: each waits for all. */
#define MEETING 24

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t change;
	unsigned int here;
};

static int meet(const struct accel_soft_call *call)
{
	struct meeting *meeting = call->data;

	pthread_mutex_lock(&meeting->lock);
	meeting->here++;
	pthread_cond_broadcast(&meeting->change);
	while (meeting->here < MEETING)
		pthread_cond_wait(&meeting->change, &meeting->lock);
	pthread_mutex_unlock(&meeting->lock);
	return 0;
}

static void blocked_functions_do_not_stop_other_queues(void)
{
	struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
	struct setup s[MEETING];
	struct accel_job *jobs[MEETING], *other;
	struct accel_fence *fences[MEETING];
	struct setup t;
	unsigned int i;

	setup_open(&t);
	for (i = 0; i < MEETING; i++) {
		s[i].ctx = t.ctx;
		s[i].queue = make_queue(t.ctx, 0);
		jobs[i] = host_job(&s[i], meet, &meeting);
	}
	for (i = 0; i < MEETING - 1; i++)
		submit_one(s[i].queue, jobs[i], &fences[i]);
	/* All but one are there and wait: an ordinary job on another queue runs. */
	other = nop_job(t.ctx, t.queue);
	run_job(t.queue, other);
	accel_job_unref(other);
	submit_one(s[i].queue, jobs[i], &fences[i]);
	gives(accel_fence_wait_many(fences, MEETING, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
	for (i = 0; i < MEETING; i++) {
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
		accel_queue_unref(s[i].queue);
	}
	setup_close(&t);
}

/* ---- stopping -------------------------------------------------------------------------------- */

struct stopper {
	_Atomic bool started, told;
	struct gate gate;
	bool linger;
};

static int run_until_told(const struct accel_soft_call *call)
{
	struct stopper *stopper = call->data;

	stopper->started = true;
	while (!call->should_stop(call))
		pause_ms(1);
	stopper->told = true;
	if (stopper->linger)
		gate_pass(&stopper->gate);
	return 0;
}

static void cancel_tells_the_function(void)
{
	struct stopper stopper = {.started = false};
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = host_job(&s, run_until_told, &stopper);
	submit_one(s.queue, job, NULL);
	while (!stopper.started)
		pause_ms(1);
	expect(!stopper.told);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	expect(stopper.told);
	gives(accel_job_get_result(job, &result), 0);
	same(result.outcome, ACCEL_CANCELED);
	same(result.error, -ECANCELED);
	accel_job_unref(job);
	setup_close(&s);
}

static void canceled_functions_are_not_called(void)
{
	struct seen seen = {.calls = 0};
	struct accel_job *job;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	job = host_job(&s, look_around, &seen);
	block_running(s.ctx, s.queue, &b);
	submit_one(s.queue, job, NULL);
	gives(accel_queue_cancel(s.queue, 0), -ETIME);
	unblock(&b);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	same(seen.calls, 0);
	run_job(s.queue, job);
	same(seen.calls, 1);
	blocker_drop(&b);
	accel_job_unref(job);
	setup_close(&s);
}

static void timeout_tells_the_function(void)
{
	struct stopper stopper = {.linger = true};
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	int64_t before;

	setup_open(&s);
	gate_init(&stopper.gate);
	gives(host_create(&s, run_until_told, &stopper, 30000000, &job), 0);
	before = now_ns();
	submit_one(s.queue, job, &fence);
	gate_wait_started(&stopper.gate);
	expect(now_ns() - before >= 30000000);
	/* Told, but still running: it ends when the function does. */
	gives(accel_fence_wait(fence, soon(5)), -ETIME);
	expect_outcome(job, ACCEL_PENDING);
	gate_open(&stopper.gate);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), -ETIMEDOUT);
	gives(accel_job_get_result(job, &result), 0);
	same(result.outcome, ACCEL_TIMED_OUT);
	same(result.error, -ETIMEDOUT);
	accel_fence_unref(fence);
	accel_job_unref(job);
	gate_destroy(&stopper.gate);
	setup_close(&s);
}

/* The queue goes on after a timeout. */
static void jobs_behind_a_timeout_run(void)
{
	struct stopper stopper = {.linger = false};
	struct accel_fence *first, *second;
	struct accel_job *job, *behind;
	struct setup s;

	setup_open(&s);
	gives(host_create(&s, run_until_told, &stopper, 5000000, &job), 0);
	behind = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &first);
	submit_one(s.queue, behind, &second);
	gives(accel_fence_wait(second, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_status(first), -ETIMEDOUT);
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_job_unref(job);
	accel_job_unref(behind);
	setup_close(&s);
}

/* ---- functions that call libaccel ------------------------------------------------------------- */

struct inner {
	struct accel_context *ctx;
	struct accel_queue *queue;
	struct accel_job *job;
};

static int use_libaccel(const struct accel_soft_call *call)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};
	struct inner *inner = call->data;
	struct accel_fence *fence;
	struct accel_bo *bo;
	void *map;
	int err;

	params.bytes = 4096;
	err = accel_bo_create(inner->ctx, &params, &bo);
	if (err)
		return err;
	err = accel_bo_map(bo, &map);
	if (!err)
		memset(map, 1, 4096);
	accel_bo_unref(bo);
	if (err)
		return err;
	err = accel_submit(inner->queue, &inner->job, 1, NULL, &fence);
	if (err != 1)
		return err < 0 ? err : -EIO;
	err = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_fence_unref(fence);
	return err;
}

static void functions_may_use_other_queues(void)
{
	struct accel_job *job;
	struct inner inner;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	inner.ctx = s.ctx;
	inner.queue = make_queue(s.ctx, 0);
	inner.job = nop_job(s.ctx, inner.queue);
	job = host_job(&s, use_libaccel, &inner);
	for (i = 0; i < 50; i++)
		run_job(s.queue, job);
	accel_job_unref(job);
	accel_job_unref(inner.job);
	accel_queue_unref(inner.queue);
	setup_close(&s);
}

struct own {
	struct accel_queue *queue;
	struct accel_job *self, *next;
	int submitted, busy;
};

static int submit_to_own_queue(const struct accel_soft_call *call)
{
	struct own *own = call->data;

	own->busy = accel_submit(own->queue, &own->self, 1, NULL, NULL);
	own->submitted = accel_submit(own->queue, &own->next, 1, NULL, NULL);
	return 0;
}

/* Submitting does not wait for its own queue, so it may do that. */
static void functions_may_submit_to_their_own_queue(void)
{
	struct accel_job *last;
	struct own own;
	struct setup s;

	setup_open(&s);
	own.queue = s.queue;
	own.next = nop_job(s.ctx, s.queue);
	own.self = host_job(&s, submit_to_own_queue, &own);
	run_job(s.queue, own.self);
	same((uint64_t)own.submitted, 1);
	gives(own.busy, -EBUSY);
	last = nop_job(s.ctx, s.queue);
	run_job(s.queue, last);
	expect_outcome(own.next, ACCEL_DONE);
	accel_job_unref(last);
	accel_job_unref(own.next);
	accel_job_unref(own.self);
	setup_close(&s);
}

static int drop_own_job(const struct accel_soft_call *call)
{
	struct accel_job **job = call->data;

	accel_job_unref(*job);
	return 0;
}

static void functions_may_release_their_own_job(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = host_job(&s, drop_own_job, &job);
	submit_one(s.queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	setup_close(&s);
}

/* ---- order ---------------------------------------------------------------------------------------- */

struct log {
	pthread_mutex_t lock;
	unsigned char entries[20000];
	unsigned int count;
};

struct entry {
	struct log *log;
	unsigned char value;
};

static int write_entry(const struct accel_soft_call *call)
{
	struct entry *entry = call->data;

	pthread_mutex_lock(&entry->log->lock);
	if (entry->log->count < sizeof(entry->log->entries))
		entry->log->entries[entry->log->count++] = entry->value;
	pthread_mutex_unlock(&entry->log->lock);
	return 0;
}

#define WRITERS 4
#define EACH    5

struct writers {
	struct setup s;
	struct accel_job *jobs[WRITERS][EACH];
	unsigned int rounds;
};

static void write_batches(void *arg, unsigned int index)
{
	struct writers *writers = arg;
	struct accel_fence *fence;
	unsigned int i;
	int result;

	for (i = 0; i < writers->rounds; i++) {
		result = accel_submit(writers->s.queue, writers->jobs[index], EACH, NULL, &fence);
		if (!good(result, EACH))
			return;
		good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(fence);
	}
}

/* "what one call has accepted stays together", and in its order. */
static void batches_of_many_threads_stay_together(void)
{
	static struct log log;
	struct entry entries[WRITERS][EACH];
	struct writers writers;
	unsigned int i, j;

	memset(&log, 0, sizeof(log));
	pthread_mutex_init(&log.lock, NULL);
	writers.rounds = suite.slow_tool ? 50 : 500;
	writers.s.ctx = open_context();
	writers.s.queue = make_queue(writers.s.ctx, WRITERS * EACH);
	for (i = 0; i < WRITERS; i++) {
		for (j = 0; j < EACH; j++) {
			entries[i][j].log = &log;
			entries[i][j].value = (unsigned char)(i * 16 + j);
			writers.jobs[i][j] = host_job(&writers.s, write_entry, &entries[i][j]);
		}
	}
	run_threads(WRITERS, write_batches, &writers);
	same(log.count, WRITERS * EACH * writers.rounds);
	for (i = 0; i < log.count; i += EACH) {
		for (j = 0; j < EACH; j++)
			same(log.entries[i + j], (log.entries[i] & 0xf0) + j);
	}
	for (i = 0; i < WRITERS; i++) {
		for (j = 0; j < EACH; j++)
			accel_job_unref(writers.jobs[i][j]);
	}
	setup_close(&writers.s);
	pthread_mutex_destroy(&log.lock);
}

static void order_is_kept(void)
{
	static struct log log;
	struct entry entries[200];
	struct accel_job *jobs[200];
	struct accel_fence *fence;
	struct accel_queue *queue;
	struct setup s, t;
	unsigned int i;

	memset(&log, 0, sizeof(log));
	pthread_mutex_init(&log.lock, NULL);
	setup_open(&s);
	queue = make_queue(s.ctx, 200);
	t.ctx = s.ctx;
	t.queue = queue;
	for (i = 0; i < 200; i++) {
		entries[i].log = &log;
		entries[i].value = (unsigned char)i;
		jobs[i] = host_job(&t, write_entry, &entries[i]);
	}
	for (i = 0; i < 199; i++)
		submit_one(queue, jobs[i], NULL);
	submit_one(queue, jobs[199], &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	same(log.count, 200);
	for (i = 0; i < 200; i++)
		same(log.entries[i], i);
	accel_fence_unref(fence);
	for (i = 0; i < 200; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(queue);
	setup_close(&s);
	pthread_mutex_destroy(&log.lock);
}

static const struct check checks[] = {
	CHECK(function_is_called_once_elsewhere),
	CHECK(function_runs_after_its_packets),
	CHECK(result_of_the_function_is_that_of_the_job),
	CHECK(struct_of_the_function_is_checked),
	CHECK(blocked_functions_do_not_stop_other_queues),
	CHECK(cancel_tells_the_function),
	CHECK(canceled_functions_are_not_called),
	CHECK(timeout_tells_the_function),
	CHECK(jobs_behind_a_timeout_run),
	CHECK(functions_may_use_other_queues),
	CHECK(functions_may_submit_to_their_own_queue),
	CHECK(functions_may_release_their_own_job),
	CHECK(order_is_kept),
	CHECK(batches_of_many_threads_stay_together),
};

const struct group group_soft_host = GROUP_FOR("soft_host", "soft", checks);

/* ---- the device ------------------------------------------------------------------------------------- */

static void device_is_marked_as_software(void)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *dev;

	gives(accel_device_find("soft:0", &dev), 0);
	gives(accel_device_get_info(dev, &info), 0);
	same(info.flags, ACCEL_DEVICE_SOFTWARE);
	expect(strcmp(info.id, "soft:0") == 0);
	expect(strcmp(info.name, "soft:0") == 0);
	expect(strcmp(info.driver, "soft") == 0);
	expect(info.node[0] == '\0');
	accel_device_unref(dev);
}

/* What the interface says that it has. */
static void device_has_what_it_promises(void)
{
	same(device_fact(ACCEL_HAS_USER_MEMORY) != ACCEL_ABSENT, true);
	same(device_fact(ACCEL_HAS_IMPORT) != ACCEL_ABSENT, true);
	same(device_fact(ACCEL_HAS_EXPORT) != ACCEL_ABSENT, true);
	same(device_fact(ACCEL_HAS_WAIT_FENCES), ACCEL_NATIVE);
	same(device_fact(ACCEL_HAS_FENCE_FD) != ACCEL_ABSENT, true);
	same(device_fact(ACCEL_HAS_CANCEL), ACCEL_NATIVE);
	same(device_fact(ACCEL_HAS_OUTCOME), ACCEL_NATIVE);
	same(device_fact(ACCEL_HAS_JOB_TIMEOUT), ACCEL_NATIVE);
	same(device_fact(ACCEL_JOB_BO_ALIAS), 1);
	same(device_fact(ACCEL_COMMANDS_SEALED), 0);
	expect(device_fact(ACCEL_QUEUES_PARALLEL) >= 1);
}

static void device_is_made_of_threads(void)
{
	struct accel_open_params params = {.size = sizeof(params)};
	struct accel_context *ctx = untouched();
	struct accel_device *dev = find_device();

	params.flags = ACCEL_OPEN_NO_THREADS;
	fails(accel_open(dev, &params, 0, &ctx), -EOPNOTSUPP);
	is_untouched(ctx);
	accel_device_unref(dev);
}

static int sealed_memfd(uint64_t bytes, int seals)
{
	int fd = memfd_create("conformance", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	expect(fd >= 0);
	same(ftruncate(fd, (off_t)bytes), 0);
	same(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void memfd_sealed_against_shrinking_is_imported(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_job *job;
	struct accel_bo *bo;
	unsigned char *map;
	struct setup s;
	int fd;

	setup_open(&s);
	fd = sealed_memfd(16384, F_SEAL_SHRINK);
	map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(map != MAP_FAILED);
	gives(accel_bo_import(s.ctx, fd, DATA_FLAGS, &bo), 0);
	close(fd);
	gives(accel_bo_get_info(bo, &info), 0);
	same(info.bytes, 16384);
	expect(info.flags & ACCEL_BO_IS_IMPORTED);
	job = fill_job(s.ctx, s.queue, bo, 100, 1000, 0x6b);
	run_job(s.queue, job);
	expect(bytes_are(map + 100, 1000, 0x6b));
	expect(bytes_are(map, 100, 0) && bytes_are(map + 1100, 16384 - 1100, 0));
	accel_job_unref(job);
	accel_bo_unref(bo);
	munmap(map, 16384);
	setup_close(&s);
}

static void empty_memfd_is_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = untouched();
	int fd = sealed_memfd(0, F_SEAL_SHRINK);

	fails(accel_bo_import(ctx, fd, DATA_FLAGS, &bo), -EINVAL);
	is_untouched(bo);
	close(fd);
	accel_context_unref(ctx);
}

/* Memory that can't be written must not be taken for writing, or a job would crash. */
static void memfd_sealed_against_writing_is_for_reading(void)
{
	struct accel_bo *bo = untouched(), *dst;
	struct accel_job *job;
	struct setup s;
	int fd, err;

	setup_open(&s);
	fd = sealed_memfd(8192, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	err = accel_bo_import(s.ctx, fd, DATA_FLAGS, &bo);
	expect(err < 0);
	is_untouched(bo);
	err = accel_bo_import(s.ctx, fd, ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE, &bo);
	expect(err < 0);
	is_untouched(bo);
	gives(accel_bo_import(s.ctx, fd, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ, &bo), 0);
	dst = make_bo(s.ctx, DATA_FLAGS, 8192);
	job = copy_job(s.ctx, s.queue, dst, bo, 8192);
	run_job(s.queue, job);
	expect_bytes(dst, 0, 8192, 0);
	accel_job_unref(job);
	accel_bo_unref(dst);
	accel_bo_unref(bo);
	close(fd);
	setup_close(&s);
}

/* What another process gets must stay as large as it is. */
static void exported_memory_can_not_shrink(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	int fd;

	gives(accel_bo_export(bo, 0, &fd), 0);
	expect(ftruncate(fd, 0) != 0);
	expect(ftruncate(fd, 4096) != 0);
	expect_bytes(bo, 0, 1, map_bo(bo)[0]);
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* Each in a context of its own: neither sees the other's list. */
static void indexes_are_of_the_job(void)
{
	struct stream stream = {.used = 0};
	struct accel_bo_ref refs[2];
	struct accel_bo *bos[2];
	struct accel_job *jobs[2];
	struct setup s;

	setup_open(&s);
	bos[0] = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 4096);
	bos[1] = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 4096);
	stream_fill(&stream, 0, 0, 4096, 0x01010101);
	refs[0] = bo_ref(bos[0], ACCEL_ACCESS_WRITE);
	refs[1] = bo_ref(bos[1], ACCEL_ACCESS_WRITE);
	gives(stream_create(&s, &stream, refs, 2, &jobs[0]), 0);
	gives(stream_create(&s, &stream, refs + 1, 1, &jobs[1]), 0);
	run_job(s.queue, jobs[0]);
	expect_bytes(bos[0], 0, 4096, 1);
	expect_bytes(bos[1], 0, 4096, 0);
	run_job(s.queue, jobs[1]);
	expect_bytes(bos[1], 0, 4096, 1);
	accel_job_unref(jobs[0]);
	accel_job_unref(jobs[1]);
	accel_bo_unref(bos[0]);
	accel_bo_unref(bos[1]);
	setup_close(&s);
}

static void work_ends_its_threads_with_the_context(void)
{
	unsigned int before = count_threads(), i, tries;
	struct accel_job *job;
	struct setup s;

	for (i = 0; i < 10; i++) {
		setup_open(&s);
		job = nop_job(s.ctx, s.queue);
		run_job(s.queue, job);
		accel_job_unref(job);
		setup_close(&s);
		/* What was joined may be listed a moment longer. */
		for (tries = 0; tries < 5000 && count_threads() > before; tries++)
			pause_ms(1);
		same(count_threads(), before);
	}
}

static const struct check device_checks[] = {
	CHECK(device_is_marked_as_software),
	CHECK(device_has_what_it_promises),
	CHECK(device_is_made_of_threads),
	CHECK(memfd_sealed_against_shrinking_is_imported),
	CHECK(empty_memfd_is_refused),
	CHECK(memfd_sealed_against_writing_is_for_reading),
	CHECK(exported_memory_can_not_shrink),
	CHECK(indexes_are_of_the_job),
	CHECK(work_ends_its_threads_with_the_context),
};

const struct group group_soft_device = GROUP_FOR("soft_device", "soft", device_checks);
