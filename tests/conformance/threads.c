/* SPDX-License-Identifier: MIT */
/* Every object used from many threads at once. */
#include "conformance.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 8

static unsigned int rounds(unsigned int usual)
{
	return suite.slow_tool ? usual / 10 + 1 : usual;
}

struct shared {
	struct setup s;
	struct accel_queue *queues[THREADS];
	struct accel_job *jobs[THREADS][4];
	struct accel_bo *bo;
	struct accel_fence *fence;
	void *found[THREADS];
	int fd;
	_Atomic unsigned int done;
};

static void submit_and_wait(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_fence *fence;
	unsigned int i;

	for (i = 0; i < rounds(2000); i++) {
		if (!good(submit_patiently(shared->queues[index], &shared->jobs[index][i % 4], 1,
					   &fence),
			  1))
			return;
		good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		accel_fence_unref(fence);
	}
}

static void run_submitters(bool one_queue, uint32_t depth)
{
	struct shared shared;
	unsigned int i, j;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	for (i = 0; i < THREADS; i++) {
		if (one_queue && i) {
			shared.queues[i] = accel_queue_ref(shared.queues[0]);
		} else if (try_queue(shared.s.ctx, depth, &shared.queues[i]) != 0) {
			expect(i > 0);
			shared.queues[i] = accel_queue_ref(shared.queues[i - 1]);
		}
		for (j = 0; j < 4; j++)
			shared.jobs[i][j] = nop_job(shared.s.ctx, shared.queues[i]);
	}
	run_threads(THREADS, submit_and_wait, &shared);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < 4; j++)
			accel_job_unref(shared.jobs[i][j]);
		accel_queue_unref(shared.queues[i]);
	}
	setup_close(&shared.s);
}

static void submit_to_one_queue(void)
{
	run_submitters(true, 0);
}

static void submit_to_one_short_queue(void)
{
	run_submitters(true, device_fact(ACCEL_QUEUE_DEPTH_MAX) >= 2 ? 2 : 1);
}

static void submit_to_many_queues(void)
{
	run_submitters(false, 0);
}

/* Batches that are taken whole or in part, but never twice. */
static void submit_batches(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_fence *fence;
	unsigned int i;
	int first;

	for (i = 0; i < rounds(1000); i++) {
		for (first = 0; first < 4;) {
			int count = submit_patiently(shared->queues[0], &shared->jobs[index][first],
						     (uint32_t)(4 - first), &fence);

			if (!good_if(count >= 1 && count <= 4 - first))
				return;
			first += count;
			if (first == 4)
				good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
			accel_fence_unref(fence);
		}
		atomic_fetch_add(&shared->done, 4);
	}
}

static void batches_to_one_queue(void)
{
	struct shared shared;
	unsigned int i, j;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	shared.queues[0] =
		make_queue(shared.s.ctx, device_fact(ACCEL_QUEUE_DEPTH_MAX) >= 5 ? 5 : 1);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < 4; j++)
			shared.jobs[i][j] = nop_job(shared.s.ctx, shared.queues[0]);
	}
	run_threads(THREADS, submit_batches, &shared);
	same(shared.done, THREADS * 4 * rounds(1000));
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < 4; j++)
			accel_job_unref(shared.jobs[i][j]);
	}
	accel_queue_unref(shared.queues[0]);
	setup_close(&shared.s);
}

/* One job, many threads: it is accepted once at a time, and -EBUSY else. */
static void submit_the_same(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_fence *fence;
	unsigned int i;
	int result;

	(void)index;
	for (i = 0; i < rounds(2000); i++) {
		result = accel_submit(shared->s.queue, &shared->jobs[0][0], 1, NULL, &fence);
		if (result == 1) {
			good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
			accel_fence_unref(fence);
			atomic_fetch_add(&shared->done, 1);
		} else if (result != -EAGAIN) {
			good(result, -EBUSY);
		}
	}
}

static void one_job_from_many_threads(void)
{
	struct shared shared;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	shared.jobs[0][0] = nop_job(shared.s.ctx, shared.s.queue);
	run_threads(THREADS, submit_the_same, &shared);
	expect(shared.done >= 1);
	run_job(shared.s.queue, shared.jobs[0][0]);
	accel_job_unref(shared.jobs[0][0]);
	setup_close(&shared.s);
}

/* Whole lives in each thread, of objects of one context. */
static void live_and_die(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_bo_params bo_params = {.size = sizeof(bo_params), .flags = DATA_FLAGS};
	struct accel_queue *queue;
	struct accel_fence *fence;
	struct accel_job *job;
	struct accel_bo *bo;
	struct request r;
	unsigned int i;
	void *map;

	for (i = 0; i < rounds(300); i++) {
		bo_params.bytes = whole_units(4096u << (i + index) % 4);
		bo_params.flags = DATA_FLAGS | (i % 2 ? ACCEL_BO_ZERO : 0);
		if (!good(accel_bo_create(shared->s.ctx, &bo_params, &bo), 0))
			return;
		good(accel_bo_map(bo, &map), 0);
		if (i % 2)
			good_if(bytes_are(map, bo_params.bytes, 0));
		if (try_queue(shared->s.ctx, 0, &queue) != 0)
			queue = accel_queue_ref(shared->s.queue);
		memset(&r, 0, sizeof(r));
		r.params.size = sizeof(r.params);
		good(suite.work->fill(shared->s.ctx, &r, bo, 0, bo_params.bytes, (uint8_t)index),
		     0);
		if (!good(accel_job_create(queue, &r.params, &job), 0))
			return;
		request_drop(&r);
		if (!good(submit_patiently(queue, &job, 1, &fence), 1))
			return;
		if (i % 3 == 0)
			accel_job_unref(job);
		good(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, bo_params.bytes,
					   ACCEL_NO_DEADLINE),
		     0);
		good_if(bytes_are(map, bo_params.bytes, (uint8_t)index));
		good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		if (i % 3)
			accel_job_unref(job);
		accel_fence_unref(fence);
		accel_queue_unref(queue);
		accel_bo_unref(bo);
	}
}

static void whole_lives_in_one_context(void)
{
	struct shared shared;

	if (!suite.work->fill)
		skip_check("the device has no job that fills a buffer");
	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	run_threads(THREADS, live_and_die, &shared);
	setup_close(&shared.s);
}

static void open_and_close(void *arg, unsigned int index)
{
	struct accel_open_params params;
	struct accel_device *dev;
	struct accel_context *ctx;
	unsigned int i;
	int err;

	(void)arg;
	(void)index;
	refill_open_params(&params);
	for (i = 0; i < rounds(100); i++) {
		if (!good(accel_device_find(suite.device, &dev), 0))
			return;
		err = accel_open(dev, &params, soon(60000), &ctx);
		accel_device_unref(dev);
		if (err == -EBUSY)
			continue;
		if (!good(err, 0))
			return;
		good(accel_context_state(ctx), ACCEL_OK);
		accel_context_unref(ctx);
	}
}

static void contexts_from_many_threads(void)
{
	run_threads(THREADS, open_and_close, NULL);
}

static void scan_all(void *arg, unsigned int index)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *devs[256];
	unsigned int i;
	int count, j;

	(void)arg;
	(void)index;
	for (i = 0; i < rounds(200); i++) {
		count = accel_device_scan(0, devs, 256);
		if (!good_if(count >= 1 && count <= 256))
			return;
		for (j = 0; j < count; j++) {
			good(accel_device_get_info(devs[j], &info), 0);
			accel_device_unref(devs[j]);
		}
	}
}

static void scans_from_many_threads(void)
{
	run_threads(THREADS, scan_all, NULL);
}

static void check_one_device(void *arg, unsigned int index)
{
	struct accel_device_info info = {.size = sizeof(info)};
	unsigned int i;

	for (i = 0; i < rounds(100); i++) {
		if (index % 2)
			good(accel_device_check(arg), 0);
		good(accel_device_get_info(arg, &info), 0);
		good_if(strlen(info.id) > 0);
	}
}

static void one_device_from_many_threads(void)
{
	struct accel_device *dev = find_device();

	run_threads(4, check_one_device, dev);
	accel_device_unref(dev);
}

/* ---- waiting --------------------------------------------------------------------------- */

static void wait_for_one(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	uint32_t which = 77;

	atomic_fetch_add(&shared->done, 1);
	if (index == 0) {
		while (shared->done < THREADS)
			pause_ms(1);
		pause_ms(5);
		unblock((void *)shared->found[0]);
	} else if (index % 3 == 0) {
		good(accel_fence_wait(shared->fence, ACCEL_NO_DEADLINE), 0);
	} else if (index % 3 == 1) {
		good(accel_fence_wait_many(&shared->fence, 1, 0, ACCEL_NO_DEADLINE, &which), 0);
		good_if(which == 0);
	} else {
		good(accel_bo_begin_access(shared->bo, ACCEL_ACCESS_READ, 0, 1, ACCEL_NO_DEADLINE),
		     0);
	}
	good(accel_fence_wait(shared->fence, ACCEL_NO_DEADLINE), 0);
	good(accel_fence_status(shared->fence), 0);
}

static void many_wait_for_one_fence(void)
{
	uint64_t bytes = whole_units(4096);
	struct shared shared;
	struct accel_job *job;
	struct blocker b;
	unsigned int i;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	shared.bo = make_bo(shared.s.ctx, DATA_FLAGS, bytes);
	job = fill_job(shared.s.ctx, shared.s.queue, shared.bo, 0, bytes, 3);
	for (i = 0; i < rounds(20); i++) {
		shared.done = 0;
		block(shared.s.ctx, shared.s.queue, &b);
		submit_one(shared.s.queue, job, &shared.fence);
		shared.found[0] = &b;
		run_threads(THREADS, wait_for_one, &shared);
		blocker_end(&b);
		accel_fence_unref(shared.fence);
	}
	accel_job_unref(job);
	accel_bo_unref(shared.bo);
	setup_close(&shared.s);
}

/* Each gives its reference back after its wait: the last one frees it. */
static void wait_and_release(void *arg, unsigned int index)
{
	struct shared *shared = arg;

	(void)index;
	good(accel_fence_wait(shared->fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(shared->fence);
	accel_job_unref(shared->jobs[0][0]);
	accel_queue_unref(shared->queues[0]);
	accel_context_unref(shared->s.ctx);
}

static void the_last_of_many_references(void)
{
	struct shared shared;
	unsigned int i, j;

	memset(&shared, 0, sizeof(shared));
	for (i = 0; i < rounds(100); i++) {
		shared.s.ctx = open_context();
		shared.queues[0] = make_queue(shared.s.ctx, 0);
		shared.jobs[0][0] = nop_job(shared.s.ctx, shared.queues[0]);
		submit_one(shared.queues[0], shared.jobs[0][0], &shared.fence);
		for (j = 1; j < THREADS; j++) {
			accel_fence_ref(shared.fence);
			accel_job_ref(shared.jobs[0][0]);
			accel_queue_ref(shared.queues[0]);
			accel_context_ref(shared.s.ctx);
		}
		run_threads(THREADS, wait_and_release, &shared);
	}
}

/* ---- buffers -------------------------------------------------------------------------- */

static void map_the_same(void *arg, unsigned int index)
{
	struct shared *shared = arg;

	good(accel_bo_map(shared->bo, &shared->found[index]), 0);
}

static void first_map_from_many_threads(void)
{
	struct shared shared;
	unsigned int i, j;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	for (i = 0; i < rounds(200); i++) {
		shared.bo = make_bo(shared.s.ctx, DATA_FLAGS, 4096 * (1 + i % 7));
		run_threads(THREADS, map_the_same, &shared);
		for (j = 1; j < THREADS; j++)
			expect(shared.found[j] == shared.found[0]);
		cpu_fill(shared.bo, 0, 4096, (uint8_t)i);
		accel_bo_unref(shared.bo);
		if (i % 16 == 0)
			gives(accel_context_trim(shared.s.ctx, 0), 0);
	}
	setup_close(&shared.s);
}

static void export_the_same(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct stat mine, first;
	unsigned int i;
	int fd;

	(void)index;
	for (i = 0; i < rounds(200); i++) {
		if (!good(accel_bo_export(shared->bo, 0, &fd), 0))
			return;
		good_if(fstat(fd, &mine) == 0 && fstat(shared->fd, &first) == 0);
		good_if(mine.st_ino == first.st_ino);
		close(fd);
	}
}

static void export_from_many_threads(void)
{
	struct shared shared;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	shared.bo = make_bo(shared.s.ctx, DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	gives(accel_bo_export(shared.bo, 0, &shared.fd), 0);
	run_threads(THREADS, export_the_same, &shared);
	close(shared.fd);
	accel_bo_unref(shared.bo);
	setup_close(&shared.s);
}

/* While one gives back the last reference, another takes it in anew. */
static void import_the_same(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_bo *bo;
	unsigned int i;
	void *map;

	for (i = 0; i < rounds(500); i++) {
		if (!good(accel_bo_import(shared->s.ctx, shared->fd, DATA_FLAGS, &bo), 0))
			return;
		if (!good(accel_bo_map(bo, &map), 0))
			return;
		((volatile unsigned char *)map)[index] = (unsigned char)i;
		good_if(((volatile unsigned char *)map)[index] == (unsigned char)i);
		accel_bo_unref(bo);
	}
}

static void import_from_many_threads(void)
{
	struct accel_context *maker;
	struct shared shared;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	need(ACCEL_HAS_IMPORT, "import of buffers");
	memset(&shared, 0, sizeof(shared));
	maker = open_context();
	shared.s.ctx = open_another();
	shared.bo = make_bo(maker, DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	gives(accel_bo_export(shared.bo, 0, &shared.fd), 0);
	run_threads(THREADS, import_the_same, &shared);
	close(shared.fd);
	accel_bo_unref(shared.bo);
	accel_context_unref(shared.s.ctx);
	accel_context_unref(maker);
}

static void make_and_trim(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};
	struct accel_bo *bos[4];
	unsigned int i, j;
	void *map;

	for (i = 0; i < rounds(300); i++) {
		for (j = 0; j < 4; j++) {
			params.bytes = 4096u << j;
			params.flags = DATA_FLAGS | (j % 2 ? ACCEL_BO_ZERO : 0);
			if (!good(accel_bo_create(shared->s.ctx, &params, &bos[j]), 0))
				return;
			good(accel_bo_map(bos[j], &map), 0);
			if (j % 2)
				good_if(bytes_are(map, params.bytes, 0));
			memset(map, (int)index + 1, params.bytes);
		}
		for (j = 0; j < 4; j++) {
			good(accel_bo_map(bos[j], &map), 0);
			good_if(bytes_are(map, 4096u << j, (uint8_t)(index + 1)));
			accel_bo_unref(bos[j]);
		}
		if (i % 8 == index)
			good(accel_context_trim(shared->s.ctx, i % 2 ? 0 : 16384), 0);
	}
}

static void buffers_from_many_threads(void)
{
	struct shared shared;

	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	run_threads(THREADS, make_and_trim, &shared);
	setup_close(&shared.s);
}

/* ---- cancel and export beside submission --------------------------------------------------- */

static void submit_cancel_or_export(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_fence *fence;
	unsigned int i;
	int fd, result;

	for (i = 0; i < rounds(500); i++) {
		if (index == 0) {
			good(accel_queue_cancel(shared->s.queue, ACCEL_NO_DEADLINE), 0);
			continue;
		}
		if (!good(submit_patiently(shared->s.queue, &shared->jobs[index][0], 1, &fence), 1))
			return;
		if (index % 2) {
			if (!good(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), 0))
				return;
			while (!fd_is_ready(fd))
				pause_ms(1);
			close(fd);
			result = accel_fence_status(fence);
		} else {
			result = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
		}
		if (result != -ECANCELED)
			good(result, 0);
		accel_fence_unref(fence);
	}
}

static void cancel_beside_submissions(void)
{
	struct shared shared;
	unsigned int i;

	need(ACCEL_HAS_CANCEL, "cancel");
	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	for (i = 0; i < 5; i++)
		shared.jobs[i][0] = nop_job(shared.s.ctx, shared.s.queue);
	run_threads(5, submit_cancel_or_export, &shared);
	for (i = 0; i < 5; i++)
		accel_job_unref(shared.jobs[i][0]);
	setup_close(&shared.s);
}

static void chain_to_the_next(void *arg, unsigned int index)
{
	struct shared *shared = arg;
	struct accel_fence *fence, *before = NULL;
	unsigned int i;

	for (i = 0; i < rounds(500); i++) {
		if (!good(submit_after(shared->queues[index], shared->jobs[index][0],
				       before ? &before : NULL, before ? 1 : 0, &fence),
			  1))
			return;
		accel_fence_unref(before);
		good(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		before = accel_fence_ref(fence);
		accel_fence_unref(fence);
	}
	accel_fence_unref(before);
}

static void wait_fences_from_many_threads(void)
{
	struct shared shared;
	unsigned int i;

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	memset(&shared, 0, sizeof(shared));
	setup_open(&shared.s);
	for (i = 0; i < 4; i++) {
		shared.queues[i] = make_queue(shared.s.ctx, 0);
		shared.jobs[i][0] = nop_job(shared.s.ctx, shared.queues[i]);
	}
	run_threads(4, chain_to_the_next, &shared);
	for (i = 0; i < 4; i++) {
		accel_job_unref(shared.jobs[i][0]);
		accel_queue_unref(shared.queues[i]);
	}
	setup_close(&shared.s);
}

static const struct check checks[] = {
	CHECK(submit_to_one_queue),           CHECK(submit_to_one_short_queue),
	CHECK(submit_to_many_queues),         CHECK(batches_to_one_queue),
	CHECK(one_job_from_many_threads),     CHECK(whole_lives_in_one_context),
	CHECK(contexts_from_many_threads),    CHECK(scans_from_many_threads),
	CHECK(one_device_from_many_threads),  CHECK(many_wait_for_one_fence),
	CHECK(the_last_of_many_references),   CHECK(first_map_from_many_threads),
	CHECK(export_from_many_threads),      CHECK(import_from_many_threads),
	CHECK(buffers_from_many_threads),     CHECK(cancel_beside_submissions),
	CHECK(wait_fences_from_many_threads),
};

const struct group group_threads = GROUP("threads", checks);
