/* SPDX-License-Identifier: MIT */
/* References given back in every order, before and while jobs run. */
#include "conformance.h"

#include <errno.h>
#include <string.h>

/* What is released, and in which order: the permutations of 0 .. 4. */
enum thing {
	CONTEXT,
	BO,
	QUEUE,
	JOB,
	FENCE,
	THINGS
};

static void release(enum thing thing, struct setup *s, struct accel_bo *bo, struct accel_job *job,
		    struct accel_fence *fence)
{
	switch (thing) {
	case CONTEXT:
		accel_context_unref(s->ctx);
		break;
	case BO:
		accel_bo_unref(bo);
		break;
	case QUEUE:
		accel_queue_unref(s->queue);
		break;
	case JOB:
		accel_job_unref(job);
		break;
	default:
		accel_fence_unref(fence);
		break;
	}
}

/* The next permutation in lexical order; false after the last. */
static bool next_order(int *order, int count)
{
	int i = count - 2, j = count - 1, swap, low, high;

	while (i >= 0 && order[i] > order[i + 1])
		i--;
	if (i < 0)
		return false;
	while (order[j] < order[i])
		j--;
	swap = order[i], order[i] = order[j], order[j] = swap;
	for (low = i + 1, high = count - 1; low < high; low++, high--)
		swap = order[low], order[low] = order[high], order[high] = swap;
	return true;
}

/* A job that fills a buffer, and what it is made of. */
struct scene {
	struct setup s;
	struct accel_bo *bo;
	struct accel_job *job;
	struct accel_fence *fence;
	uint64_t bytes;
};

static void scene_open(struct scene *c)
{
	setup_open(&c->s);
	c->bytes = whole_units(4096);
	c->bo = make_bo(c->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, c->bytes);
	c->job = fill_job(c->s.ctx, c->s.queue, c->bo, 0, c->bytes, 0x83);
}

/* What is still there after @done releases must work. */
static void still_works(struct scene *c, const int *order, int done)
{
	struct accel_bo_info bo_info = {.size = sizeof(bo_info)};
	struct accel_job_result result = {.size = sizeof(result)};
	uint64_t value;
	int i;

	for (i = done; i < THINGS; i++) {
		switch (order[i]) {
		case CONTEXT:
			gives(accel_context_state(c->s.ctx), ACCEL_OK);
			gives(accel_query(c->s.ctx, ACCEL_HAS_OUTCOME, &value), 0);
			break;
		case BO:
			gives(accel_bo_get_info(c->bo, &bo_info), 0);
			map_bo(c->bo)[0] |= 0;
			break;
		case JOB:
			gives(accel_job_get_result(c->job, &result), 0);
			break;
		default:
			break;
		}
	}
}

static void every_order_when_idle(void)
{
	int order[THINGS] = {0, 1, 2, 3, 4}, i;
	unsigned int orders = 0;
	struct scene c;

	do {
		scene_open(&c);
		submit_one(c.s.queue, c.job, &c.fence);
		gives(accel_fence_wait(c.fence, ACCEL_NO_DEADLINE), 0);
		for (i = 0; i < THINGS; i++) {
			still_works(&c, order, i);
			release(order[i], &c.s, c.bo, c.job, c.fence);
		}
		orders++;
	} while (next_order(order, THINGS));
	same(orders, 120);
}

static void every_order_of_what_was_never_submitted(void)
{
	int order[4] = {CONTEXT, BO, QUEUE, JOB}, i;
	unsigned int orders = 0;
	struct scene c;

	do {
		scene_open(&c);
		for (i = 0; i < 4; i++)
			release(order[i], &c.s, c.bo, c.job, NULL);
		orders++;
	} while (next_order(order, 4));
	same(orders, 24);
}

/* With a job that may still be running: right after it was submitted. */
static void every_order_right_after_submission(void)
{
	int order[THINGS] = {0, 1, 2, 3, 4}, i;
	unsigned int round;
	struct scene c;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < THINGS; i++)
			order[i] = i;
		do {
			scene_open(&c);
			submit_one(c.s.queue, c.job, &c.fence);
			for (i = 0; i < THINGS; i++)
				release(order[i], &c.s, c.bo, c.job, c.fence);
		} while (next_order(order, THINGS));
	}
}

/* A thread that lets the job go once told to, while a release already waits for that. */
struct opener {
	struct blocker *blocker;
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool go;
	pthread_t thread;
};

static void *opener_main(void *arg)
{
	struct opener *opener = arg;

	pthread_mutex_lock(&opener->lock);
	while (!opener->go)
		pthread_cond_wait(&opener->change, &opener->lock);
	pthread_mutex_unlock(&opener->lock);
	unblock(opener->blocker);
	return NULL;
}

static void opener_start(struct opener *opener, struct blocker *blocker)
{
	memset(opener, 0, sizeof(*opener));
	opener->blocker = blocker;
	pthread_mutex_init(&opener->lock, NULL);
	pthread_cond_init(&opener->change, NULL);
	same(pthread_create(&opener->thread, NULL, opener_main, opener), 0);
}

static void opener_go(struct opener *opener)
{
	pthread_mutex_lock(&opener->lock);
	opener->go = true;
	pthread_cond_signal(&opener->change);
	pthread_mutex_unlock(&opener->lock);
}

static void opener_end(struct opener *opener)
{
	pthread_join(opener->thread, NULL);
	pthread_cond_destroy(&opener->change);
	pthread_mutex_destroy(&opener->lock);
}

/* Every order, with the job surely under way until @step releases have been made: of queue,
 * job and fence one is left then, whatever the order, if that is two at most. The blocker's
 * own job and fence are given back first, so that they hold nothing. */
static void run_orders_under_way(int step)
{
	int order[THINGS] = {0, 1, 2, 3, 4}, i;
	struct blocker b;
	struct opener opener;
	struct scene c;

	do {
		scene_open(&c);
		block(c.s.ctx, c.s.queue, &b);
		submit_one(c.s.queue, c.job, &c.fence);
		accel_fence_unref(b.fence);
		accel_job_unref(b.job);
		b.fence = NULL;
		b.job = NULL;
		opener_start(&opener, &b);
		for (i = 0; i < THINGS; i++) {
			/* This one may be the last to hold the queue, and wait for it. */
			if (i == step)
				opener_go(&opener);
			release(order[i], &c.s, c.bo, c.job, c.fence);
		}
		opener_end(&opener);
		blocker_drop(&b);
	} while (next_order(order, THINGS));
}

static void every_order_under_way_ended_before_the_first(void)
{
	run_orders_under_way(0);
}

static void every_order_under_way_ended_before_the_second(void)
{
	run_orders_under_way(1);
}

static void every_order_under_way_ended_before_the_third(void)
{
	run_orders_under_way(2);
}

static void jobs_end_though_nobody_holds_them(void)
{
	uint64_t bytes = whole_units(8192);
	struct accel_bo *bo;
	struct accel_job *job;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	job = fill_job(s.ctx, s.queue, bo, 0, bytes, 0x3f);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, NULL);
	accel_job_unref(job);
	unblock(&b);
	expect_bytes(bo, 0, bytes, 0x3f);
	blocker_end(&b);
	accel_bo_unref(bo);
	setup_close(&s);
}

/* The memory stays until the job has ended, though the buffer and the job are given back. */
static void buffers_live_as_long_as_their_jobs(void)
{
	uint64_t bytes = whole_units(8192);
	struct accel_bo *bo, *copy, *others[8];
	struct accel_job *fill, *read;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	copy = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	fill = fill_job(s.ctx, s.queue, bo, 0, bytes, 0x94);
	read = copy_job(s.ctx, s.queue, copy, bo, bytes);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, fill, NULL);
	submit_one(s.queue, read, NULL);
	accel_job_unref(fill);
	accel_job_unref(read);
	accel_bo_unref(bo);
	gives(accel_context_trim(s.ctx, 0), 0);
	for (i = 0; i < 8; i++) {
		others[i] = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
		cpu_fill(others[i], 0, bytes, 0x11);
	}
	unblock(&b);
	expect_bytes(copy, 0, bytes, 0x94);
	for (i = 0; i < 8; i++) {
		expect_bytes(others[i], 0, bytes, 0x11);
		accel_bo_unref(others[i]);
	}
	blocker_end(&b);
	accel_bo_unref(copy);
	setup_close(&s);
}

static void last_reference_to_a_queue_waits(void)
{
	uint64_t bytes = whole_units(8192);
	struct accel_bo *bo;
	struct accel_job *job;
	struct later later;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	job = fill_job(s.ctx, s.queue, bo, 0, bytes, 0xa5);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, NULL);
	accel_job_unref(job);
	accel_fence_unref(b.fence);
	accel_job_unref(b.job);
	b.fence = NULL;
	b.job = NULL;
	later_start(&later, unblock_later, &b);
	accel_queue_unref(s.queue);
	/* Nothing is under way any more. */
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, bytes, 0), 0);
	expect(bytes_are(map_bo(bo), bytes, 0xa5));
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, bytes), 0);
	later_join(&later);
	blocker_drop(&b);
	accel_bo_unref(bo);
	accel_context_unref(s.ctx);
}

static void fence_is_good_after_all_else(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	accel_job_unref(job);
	setup_close(&s);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_status(fence), 0);
	accel_fence_unref(fence);
}

static void context_of_unused_parts(void)
{
	struct accel_queue *queue;
	struct accel_context *ctx;
	struct accel_bo *bo;

	/* Alone, and each part as the last. */
	accel_context_unref(open_context());
	ctx = open_context();
	bo = make_bo(ctx, DATA_FLAGS, 4096);
	accel_context_unref(ctx);
	cpu_fill(bo, 0, 4096, 1);
	expect_bytes(bo, 0, 4096, 1);
	accel_bo_unref(bo);
	ctx = open_context();
	queue = make_queue(ctx, 0);
	accel_context_unref(ctx);
	accel_queue_unref(queue);
}

static void room_fence_holds_its_queue(void)
{
	struct accel_queue *queue;
	struct accel_fence *room;
	struct setup s;
	struct blocker b;

	setup_open(&s);
	queue = make_queue(s.ctx, 1);
	block(s.ctx, queue, &b);
	gives(accel_queue_get_room(queue, &room), 0);
	accel_fence_unref(b.fence);
	accel_job_unref(b.job);
	b.fence = NULL;
	b.job = NULL;
	/* Not the last reference: the fence has one, and this doesn't wait. */
	accel_queue_unref(queue);
	gives(accel_fence_status(room), -EINPROGRESS);
	unblock(&b);
	gives(accel_fence_wait(room, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(room);
	blocker_drop(&b);
	setup_close(&s);
}

/* Whole lives, many times: nothing grows. */
static void nothing_grows(void)
{
	unsigned int i, rounds = suite.slow_tool ? 200 : 2000, fds = 0, maps = 0;
	struct scene c;

	for (i = 0; i < rounds; i++) {
		scene_open(&c);
		submit_one(c.s.queue, c.job, &c.fence);
		accel_fence_unref(c.fence);
		accel_job_unref(c.job);
		accel_bo_unref(c.bo);
		setup_close(&c.s);
		if (i == rounds / 4) {
			fds = count_fds();
			maps = count_mappings();
		}
	}
	same(count_fds(), fds);
	expect(count_mappings() <= maps + 16);
}

static const struct check checks[] = {
	CHECK(every_order_when_idle),
	CHECK(every_order_of_what_was_never_submitted),
	CHECK(every_order_right_after_submission),
	CHECK(every_order_under_way_ended_before_the_first),
	CHECK(every_order_under_way_ended_before_the_second),
	CHECK(every_order_under_way_ended_before_the_third),
	CHECK(jobs_end_though_nobody_holds_them),
	CHECK(buffers_live_as_long_as_their_jobs),
	CHECK(last_reference_to_a_queue_waits),
	CHECK(fence_is_good_after_all_else),
	CHECK(context_of_unused_parts),
	CHECK(room_fence_holds_its_queue),
	CHECK(nothing_grows),
};

const struct group group_lifetime = GROUP("lifetime", checks);
