/* SPDX-License-Identifier: MIT */
/* The objects that checks work with: contexts, buffers, jobs, things that hold up a queue. */
#include "conformance.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* ---- time ---------------------------------------------------------------------------- */

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

int64_t soon(int64_t ms)
{
	return now_ns() + ms * 1000000ll;
}

void pause_ms(int ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000l};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* ---- contexts and queues ----------------------------------------------------------------- */

struct accel_device *find_device(void)
{
	struct accel_device *dev;

	gives(accel_device_find(suite.device, &dev), 0);
	return dev;
}

void refill_open_params(struct accel_open_params *params)
{
	memset(params, 0, sizeof(*params));
	params->size = sizeof(*params);
	params->ext = suite.work->open_ext;
}

void refill_queue_params(struct accel_queue_params *params)
{
	memset(params, 0, sizeof(*params));
	params->size = sizeof(*params);
	params->ext = suite.work->queue_ext;
}

/* Long enough for firmware that loads, bounded so that a check can't hang here. */
#define READY_MS 60000

struct accel_context *open_context(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx;

	refill_open_params(&params);
	gives(accel_open(dev, &params, soon(READY_MS), &ctx), 0);
	accel_device_unref(dev);
	return ctx;
}

struct accel_context *open_another(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx;
	int err;

	refill_open_params(&params);
	err = accel_open(dev, &params, soon(READY_MS), &ctx);
	accel_device_unref(dev);
	if (err == -EBUSY)
		skip_check("the device allows one context at a time");
	gives(err, 0);
	return ctx;
}

int try_queue(struct accel_context *ctx, uint32_t depth, struct accel_queue **out)
{
	struct accel_queue_params params;

	refill_queue_params(&params);
	params.depth = depth;
	return accel_queue_create(ctx, &params, soon(READY_MS), out);
}

struct accel_queue *make_queue(struct accel_context *ctx, uint32_t depth)
{
	struct accel_queue *queue;

	gives(try_queue(ctx, depth, &queue), 0);
	return queue;
}

void setup_open(struct setup *s)
{
	s->ctx = open_context();
	s->queue = make_queue(s->ctx, 0);
}

void setup_close(struct setup *s)
{
	accel_queue_unref(s->queue);
	accel_context_unref(s->ctx);
}

/* ---- buffers ---------------------------------------------------------------------------- */

struct accel_bo *make_bo(struct accel_context *ctx, uint32_t flags, uint64_t bytes)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = flags, .bytes = bytes};
	struct accel_bo *bo;

	gives(accel_bo_create(ctx, &params, &bo), 0);
	return bo;
}

unsigned char *map_bo(struct accel_bo *bo)
{
	void *map;

	gives(accel_bo_map(bo, &map), 0);
	return map;
}

uint64_t whole_units(uint64_t bytes)
{
	uint64_t unit = suite.work->unit;

	return (bytes + unit - 1) / unit * unit;
}

void cpu_fill(struct accel_bo *bo, uint64_t offset, uint64_t bytes, uint8_t value)
{
	unsigned char *map = map_bo(bo);

	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, offset, bytes, ACCEL_NO_DEADLINE), 0);
	memset(map + offset, value, bytes);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, offset, bytes), 0);
}

bool bytes_are(const void *from, uint64_t bytes, uint8_t value)
{
	const unsigned char *at = from;

	return bytes == 0 || (at[0] == value && memcmp(at, at + 1, bytes - 1) == 0);
}

void expect_bytes(struct accel_bo *bo, uint64_t offset, uint64_t bytes, uint8_t value)
{
	unsigned char *map = map_bo(bo);
	uint64_t i;

	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, offset, bytes, ACCEL_NO_DEADLINE), 0);
	if (!bytes_are(map + offset, bytes, value)) {
		for (i = offset; map[i] == value; i++)
			;
		fail_here("byte %llu is %#x, not %#x", (unsigned long long)i, map[i], value);
	}
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, offset, bytes), 0);
}

struct accel_bo_ref bo_ref(struct accel_bo *bo, uint32_t access)
{
	struct accel_bo_ref ref = {.bo = bo, .access = access};

	return ref;
}

/* ---- jobs ------------------------------------------------------------------------------- */

void request_drop(struct request *r)
{
	unsigned int i;

	for (i = 0; i < sizeof(r->scratch) / sizeof(r->scratch[0]); i++)
		accel_bo_unref(r->scratch[i]);
	memset(r->scratch, 0, sizeof(r->scratch));
}

static void request_begin(struct request *r)
{
	memset(r, 0, sizeof(*r));
	r->params.size = sizeof(r->params);
	r->dst = r->src = ~0u;
}

static void request_made(int err, const char *what)
{
	if (err == -EOPNOTSUPP)
		skip_check("the device has no %s", what);
	gives(err, 0);
}

void request_nop(struct accel_context *ctx, struct request *r)
{
	request_begin(r);
	request_made(suite.work->nop ? suite.work->nop(ctx, r) : -EOPNOTSUPP, "job to run");
}

void request_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		  uint64_t offset, uint64_t bytes, uint8_t value)
{
	request_begin(r);
	request_made(suite.work->fill ? suite.work->fill(ctx, r, dst, offset, bytes, value)
				      : -EOPNOTSUPP,
		     "job that fills a buffer");
}

void request_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		  struct accel_bo *src, uint64_t bytes)
{
	request_begin(r);
	request_made(suite.work->copy ? suite.work->copy(ctx, r, dst, 0, src, 0, bytes)
				      : -EOPNOTSUPP,
		     "job that copies a buffer");
}

struct accel_job *request_job(struct accel_queue *queue, struct request *r)
{
	struct accel_job *job;

	gives(accel_job_create(queue, &r->params, &job), 0);
	request_drop(r);
	return job;
}

struct accel_job *nop_job(struct accel_context *ctx, struct accel_queue *queue)
{
	struct request r;

	request_nop(ctx, &r);
	return request_job(queue, &r);
}

struct accel_job *fill_job(struct accel_context *ctx, struct accel_queue *queue,
			   struct accel_bo *dst, uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct request r;

	request_fill(ctx, &r, dst, offset, bytes, value);
	return request_job(queue, &r);
}

struct accel_job *copy_job(struct accel_context *ctx, struct accel_queue *queue,
			   struct accel_bo *dst, struct accel_bo *src, uint64_t bytes)
{
	struct request r;

	request_copy(ctx, &r, dst, src, bytes);
	return request_job(queue, &r);
}

struct accel_job *failing_job(struct accel_context *ctx, struct accel_queue *queue)
{
	struct request r;

	request_begin(&r);
	request_made(suite.work->fail ? suite.work->fail(ctx, &r) : -EOPNOTSUPP, "job that fails");
	return request_job(queue, &r);
}

struct accel_job *hanging_job(struct accel_context *ctx, struct accel_queue *queue,
			      uint64_t timeout_ns)
{
	struct request r;

	request_begin(&r);
	request_made(suite.work->hang ? suite.work->hang(ctx, &r) : -EOPNOTSUPP, "job that hangs");
	r.params.timeout_ns = timeout_ns;
	return request_job(queue, &r);
}

void submit_one(struct accel_queue *queue, struct accel_job *job, struct accel_fence **fence)
{
	gives(accel_submit(queue, &job, 1, NULL, fence), 1);
}

int submit_after(struct accel_queue *queue, struct accel_job *job, struct accel_fence *const *wait,
		 uint32_t count, struct accel_fence **fence)
{
	struct accel_submit_params params = {.size = sizeof(params)};

	params.wait = wait;
	params.wait_count = count;
	return accel_submit(queue, &job, 1, &params, fence);
}

int submit_patiently(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
		     struct accel_fence **fence)
{
	struct accel_fence *room;
	int result;

	for (;;) {
		result = accel_submit(queue, jobs, count, NULL, fence);
		if (result != -EAGAIN)
			return result;
		result = accel_queue_get_room(queue, &room);
		if (result)
			return result;
		result = accel_fence_wait(room, ACCEL_NO_DEADLINE);
		accel_fence_unref(room);
		if (result && result != -ECANCELED)
			return result;
	}
}

void run_job(struct accel_queue *queue, struct accel_job *job)
{
	struct accel_fence *fence;

	submit_one(queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	expect_outcome(job, ACCEL_DONE);
}

static int errno_of(uint32_t outcome)
{
	switch (outcome) {
	case ACCEL_FAILED:
		return -EIO;
	case ACCEL_TIMED_OUT:
		return -ETIMEDOUT;
	case ACCEL_CANCELED:
		return -ECANCELED;
	default:
		return 0;
	}
}

void expect_outcome(struct accel_job *job, uint32_t want)
{
	struct accel_job_result result = {.size = sizeof(result)};
	uint64_t level = device_fact(ACCEL_HAS_OUTCOME);

	gives(accel_job_get_result(job, &result), 0);
	if (result.outcome == ACCEL_DONE_UNVERIFIED && want != ACCEL_PENDING &&
	    level != ACCEL_NATIVE) {
		same(result.error, 0);
		return;
	}
	same(result.outcome, want);
	if (want != ACCEL_PENDING) /* see results/pending_has_no_error_yet */
		same(result.error, errno_of(want));
	same(result.reserved, 0);
	if (level == ACCEL_ABSENT && want == ACCEL_DONE)
		fail_here("outcome is ACCEL_DONE on a device that can't tell");
	if (result.start_ns && result.end_ns)
		expect(result.start_ns <= result.end_ns);
	if (want != ACCEL_PENDING && result.end_ns)
		expect(result.end_ns <= (uint64_t)now_ns());
}

void expect_done_or_canceled(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	gives(accel_job_get_result(job, &result), 0);
	expect_outcome(job, result.outcome == ACCEL_CANCELED ? ACCEL_CANCELED : ACCEL_DONE);
}

void expect_fence_result(int result, uint32_t outcome)
{
	if (result == 0 && device_fact(ACCEL_HAS_OUTCOME) != ACCEL_NATIVE)
		return;
	gives(result, errno_of(outcome));
}

/* ---- blockers ------------------------------------------------------------------------------ */

static bool block_by_job(struct accel_context *ctx, struct accel_queue *queue, struct blocker *b)
{
	struct request r;
	int err;

	if (!suite.work->gate)
		return false;
	request_begin(&r);
	err = suite.work->gate(ctx, &r, &b->gate);
	if (err == -EOPNOTSUPP)
		return false;
	gives(err, 0);
	b->job = request_job(queue, &r);
	submit_one(queue, b->job, &b->fence);
	return true;
}

static void blocker_begin(struct blocker *b)
{
	memset(b, 0, sizeof(*b));
	gate_init(&b->gate);
	b->event = -1;
}

void block(struct accel_context *ctx, struct accel_queue *queue, struct blocker *b)
{
	blocker_begin(b);
	if (block_by_job(ctx, queue, b))
		return;
	if (device_fact(ACCEL_HAS_WAIT_FENCES) == ACCEL_ABSENT)
		skip_check("the device has neither a job that runs until told nor wait fences");
	b->event = eventfd(0, EFD_CLOEXEC);
	expect(b->event >= 0);
	gives(accel_fence_import_fd(b->event, 0, &b->trigger), 0);
	b->job = nop_job(ctx, queue);
	gives(submit_after(queue, b->job, &b->trigger, 1, &b->fence), 1);
}

void need_gate(void)
{
	struct accel_context *ctx;
	int err = -EOPNOTSUPP;
	struct request r;
	struct gate gate;

	if (suite.work->gate) {
		ctx = open_context();
		gate_init(&gate);
		request_begin(&r);
		err = suite.work->gate(ctx, &r, &gate);
		request_drop(&r);
		gate_destroy(&gate);
		accel_context_unref(ctx);
	}
	if (err == -EOPNOTSUPP)
		skip_check("the device has no job that runs until told");
	gives(err, 0);
}

void block_running(struct accel_context *ctx, struct accel_queue *queue, struct blocker *b)
{
	blocker_begin(b);
	expect(block_by_job(ctx, queue, b));
	gate_wait_started(&b->gate);
}

void unblock(struct blocker *b)
{
	uint64_t one = 1;

	gate_open(&b->gate);
	if (b->event >= 0)
		good_if(write(b->event, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

void blocker_drop(struct blocker *b)
{
	accel_fence_unref(b->fence);
	accel_job_unref(b->job);
	accel_fence_unref(b->trigger);
	if (b->event >= 0)
		close(b->event);
	gate_destroy(&b->gate);
}

void blocker_end(struct blocker *b)
{
	int result;

	unblock(b);
	result = accel_fence_wait(b->fence, ACCEL_NO_DEADLINE);
	if (result != -ECANCELED)
		gives(result, 0);
	blocker_drop(b);
}
