/* SPDX-License-Identifier: MIT */
/* fork(2), execve(2), exit(3). */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* One of everything. */
struct world {
	struct accel_device *dev;
	struct setup s;
	struct accel_bo *bo, *shared;
	struct accel_job *job;
	struct accel_fence *fence, *imported;
	uint64_t bytes;
	int event;
};

static void world_make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->dev = find_device();
	setup_open(&w->s);
	w->bytes = whole_units(8192);
	w->bo = make_bo(w->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, w->bytes);
	map_bo(w->bo);
	if (device_fact(ACCEL_HAS_EXPORT) != ACCEL_ABSENT)
		w->shared = make_bo(w->s.ctx, DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	w->job = fill_job(w->s.ctx, w->s.queue, w->bo, 0, w->bytes, 0x1e);
	submit_one(w->s.queue, w->job, &w->fence);
	gives(accel_fence_wait(w->fence, ACCEL_NO_DEADLINE), 0);
	w->event = eventfd(0, EFD_CLOEXEC);
	gives(accel_fence_import_fd(w->event, 0, &w->imported), 0);
}

static void world_drop(struct world *w)
{
	accel_fence_unref(w->imported);
	accel_fence_unref(w->fence);
	accel_job_unref(w->job);
	accel_bo_unref(w->shared);
	accel_bo_unref(w->bo);
	setup_close(&w->s);
	accel_device_unref(w->dev);
	if (w->event >= 0)
		close(w->event);
}

/* All of it still works here. */
static void world_works(struct world *w)
{
	struct accel_bo *bo;
	int fd;

	cpu_fill(w->bo, 0, w->bytes, 0);
	run_job(w->s.queue, w->job);
	expect_bytes(w->bo, 0, w->bytes, 0x1e);
	gives(accel_fence_status(w->fence), 0);
	gives(accel_fence_status(w->imported), -EINPROGRESS);
	bo = make_bo(w->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 4096);
	expect_bytes(bo, 0, 4096, 0);
	accel_bo_unref(bo);
	if (w->shared) {
		gives(accel_bo_export(w->shared, 0, &fd), 0);
		close(fd);
		cpu_fill(w->shared, 0, 8192, 0x77);
	}
}

/* ---- in a forked child -------------------------------------------------------------------- */

static void devices_refuse(void *arg)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *dev = untouched();
	struct accel_context *ctx = untouched();
	struct world *w = arg;

	good(accel_device_scan(0, NULL, 0), -ECHILD);
	good(accel_device_scan(0, &dev, 1), -ECHILD);
	good(accel_device_find(suite.device, &dev), -ECHILD);
	good(accel_device_get_info(w->dev, &info), -ECHILD);
	good(accel_device_check(w->dev), -ECHILD);
	good(accel_open(w->dev, NULL, 0, &ctx), -ECHILD);
	good(accel_context_get_device(w->s.ctx, &dev), -ECHILD);
	good_if(dev == untouched() && ctx == untouched());
}

static void contexts_refuse(void *arg)
{
	struct world *w = arg;
	uint64_t value;
	int fd;

	good(accel_context_state(w->s.ctx), -ECHILD);
	good(accel_context_fd(w->s.ctx, &fd), -ECHILD);
	good(accel_context_trim(w->s.ctx, 0), -ECHILD);
	good(accel_query(w->s.ctx, ACCEL_HAS_OUTCOME, &value), -ECHILD);
	good(accel_query(w->s.ctx, ACCEL_BO_GRANULE, &value), -ECHILD);
}

static void buffers_refuse(void *arg)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bo = untouched();
	struct world *w = arg;
	uint64_t address;
	int fd = -77;
	void *map;

	params.bytes = 4096;
	good(accel_bo_create(w->s.ctx, &params, &bo), -ECHILD);
	good(accel_bo_import(w->s.ctx, 0, DATA_FLAGS, &bo), -ECHILD);
	good(accel_bo_export(w->shared ? w->shared : w->bo, 0, &fd), -ECHILD);
	good(accel_bo_get_info(w->bo, &info), -ECHILD);
	good(accel_bo_address(w->bo, &address), -ECHILD);
	good(accel_bo_map(w->bo, &map), -ECHILD);
	good(accel_bo_begin_access(w->bo, ACCEL_ACCESS_READ, 0, 1, 0), -ECHILD);
	good(accel_bo_end_access(w->bo, ACCEL_ACCESS_READ, 0, 1), -ECHILD);
	good_if(bo == untouched() && fd == -77);
}

static void work_refuses(void *arg)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_queue *queue = untouched();
	struct accel_fence *fence = untouched();
	struct accel_job *job = untouched();
	struct world *w = arg;

	good(accel_queue_create(w->s.ctx, NULL, 0, &queue), -ECHILD);
	good(accel_queue_get_room(w->s.queue, &fence), -ECHILD);
	good(accel_queue_cancel(w->s.queue, ACCEL_NO_DEADLINE), -ECHILD);
	good(accel_job_create(w->s.queue, &params, &job), -ECHILD);
	good(accel_job_set_bo(w->job, 0, w->bo), -ECHILD);
	good(accel_job_get_result(w->job, &result), -ECHILD);
	good(accel_submit(w->s.queue, &w->job, 1, NULL, &fence), -ECHILD);
	good_if(queue == untouched() && fence == untouched() && job == untouched());
}

static void fences_refuse(void *arg)
{
	struct accel_fence *fence = untouched();
	struct world *w = arg;
	int fd = -77;

	good(accel_fence_wait(w->fence, ACCEL_NO_DEADLINE), -ECHILD);
	good(accel_fence_wait(w->imported, ACCEL_NO_DEADLINE), -ECHILD);
	good(accel_fence_wait_many(&w->fence, 1, 0, ACCEL_NO_DEADLINE, NULL), -ECHILD);
	good(accel_fence_status(w->fence), -ECHILD);
	good(accel_fence_status(w->imported), -ECHILD);
	good(accel_fence_export_fd(w->fence, ACCEL_FD_ANY, &fd), -ECHILD);
	good(accel_fence_import_fd(w->event, 0, &fence), -ECHILD);
	good_if(fence == untouched() && fd == -77);
}

/* "every function", so these too. */
static void library_refuses(void *arg)
{
	int64_t deadline = 42;

	(void)arg;
	good(accel_deadline(1, &deadline), -ECHILD);
	good(accel_set_log(NULL, NULL, ACCEL_LOG_NONE), -ECHILD);
	good_if(deadline == 42);
	good_if(accel_version() == ACCEL_VERSION);
}

static void last_error_refuses(void *arg)
{
	struct accel_error error = {.size = sizeof(error)};

	(void)arg;
	good(accel_last_error(&error), -ECHILD);
}

static void in_child_of(void (*fn)(void *arg))
{
	struct world w;

	world_make(&w);
	in_child(fn, &w);
	world_works(&w);
	world_drop(&w);
}

static void child_can_not_use_devices(void)
{
	in_child_of(devices_refuse);
}

static void child_can_not_use_contexts(void)
{
	in_child_of(contexts_refuse);
}

static void child_can_not_use_buffers(void)
{
	in_child_of(buffers_refuse);
}

static void child_can_not_use_queues_and_jobs(void)
{
	in_child_of(work_refuses);
}

static void child_can_not_use_fences(void)
{
	in_child_of(fences_refuse);
}

static void child_can_not_use_the_library(void)
{
	in_child_of(library_refuses);
}

static void child_has_no_last_error(void)
{
	in_child_of(last_error_refuses);
}

static void refuse_in_grandchild(void *arg)
{
	in_child(fences_refuse, arg);
}

static void grandchild_can_not_use_anything(void)
{
	in_child_of(refuse_in_grandchild);
}

static void refuse_in_thread(void *arg, unsigned int index)
{
	(void)index;
	fences_refuse(arg);
	work_refuses(arg);
}

static void *thread_main(void *arg)
{
	refuse_in_thread(arg, 0);
	return NULL;
}

static void refuse_in_threads(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, arg) == 0)
		pthread_join(thread, NULL);
}

static void threads_of_a_child_can_not_use_anything(void)
{
	if (suite.race_tool)
		skip_check("the thread sanitizer forbids threads after fork");
	in_child_of(refuse_in_threads);
}

/* The child's references: given back there, in any order, they cost the parent nothing. */
static void drop_world(void *arg)
{
	struct world *w = arg;

	world_drop(w);
}

static void drop_world_backwards(void *arg)
{
	struct world *w = arg;

	accel_context_unref(w->s.ctx);
	accel_queue_unref(w->s.queue);
	accel_device_unref(w->dev);
	accel_bo_unref(w->bo);
	accel_bo_unref(w->shared);
	accel_job_unref(w->job);
	accel_fence_unref(w->fence);
	accel_fence_unref(w->imported);
}

static void child_may_release_everything(void)
{
	struct world w;

	world_make(&w);
	in_child(drop_world, &w);
	world_works(&w);
	in_child(drop_world_backwards, &w);
	world_works(&w);
	world_drop(&w);
}

static void unmaps_and_closes(void *arg)
{
	struct world *w = arg;
	unsigned int fds = count_fds();

	/* The job holds the buffer too. */
	accel_job_unref(w->job);
	accel_bo_unref(w->bo);
	accel_bo_unref(w->shared);
	accel_fence_unref(w->fence);
	accel_fence_unref(w->imported);
	accel_queue_unref(w->s.queue);
	accel_context_unref(w->s.ctx);
	/* The import's duplicate at the least. */
	good_if(count_fds() < fds);
}

static void child_closes_what_it_releases(void)
{
	struct world w;

	world_make(&w);
	in_child(unmaps_and_closes, &w);
	world_works(&w);
	world_drop(&w);
}

struct busy_world {
	struct setup s;
	struct blocker b;
	struct accel_job *job;
	struct accel_fence *fence;
	struct accel_bo *bo;
};

static void drop_busy(void *arg)
{
	struct busy_world *w = arg;

	accel_fence_unref(w->fence);
	accel_fence_unref(w->b.fence);
	accel_job_unref(w->job);
	accel_job_unref(w->b.job);
	accel_fence_unref(w->b.trigger);
	accel_bo_unref(w->bo);
	accel_queue_unref(w->s.queue);
	accel_context_unref(w->s.ctx);
}

/* The last references to a queue with work under way: nothing to wait for in a child. */
static void child_does_not_wait_for_jobs(void)
{
	uint64_t bytes = whole_units(4096);
	struct busy_world w;

	setup_open(&w.s);
	w.bo = make_bo(w.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	w.job = fill_job(w.s.ctx, w.s.queue, w.bo, 0, bytes, 0x2f);
	block(w.s.ctx, w.s.queue, &w.b);
	submit_one(w.s.queue, w.job, &w.fence);
	in_child(drop_busy, &w);
	gives(accel_fence_status(w.fence), -EINPROGRESS);
	unblock(&w.b);
	gives(accel_fence_wait(w.fence, ACCEL_NO_DEADLINE), 0);
	expect_bytes(w.bo, 0, bytes, 0x2f);
	blocker_end(&w.b);
	accel_fence_unref(w.fence);
	accel_job_unref(w.job);
	accel_bo_unref(w.bo);
	setup_close(&w.s);
}

static void child_exits_beside_jobs_under_way(void)
{
	struct blocker b;
	struct setup s;
	pid_t pid;

	if (suite.leak_tool)
		skip_check("a tool that looks for leaks takes what the parent's threads hold for "
			   "such");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	fflush(NULL);
	pid = fork();
	/* Handlers of exit(3) must not wait for the parent's jobs. */
	if (pid == 0)
		exit(0);
	same(wait_child(pid), 0);
	gives(accel_fence_status(b.fence), -EINPROGRESS);
	blocker_end(&b);
	setup_close(&s);
}

/* While other threads are inside the library and hold its locks. */
static _Atomic bool stop;

static void fork_or_submit(void *arg, unsigned int index)
{
	struct world *w = arg;
	struct accel_device *dev;
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};
	struct accel_bo *bo;
	unsigned int i;
	pid_t pid;

	params.bytes = 4096;
	if (index == 0) {
		for (i = 0; i < (suite.slow_tool ? 20u : 200u); i++) {
			pid = fork();
			if (pid == 0) {
				good(accel_fence_status(w->fence), -ECHILD);
				good(accel_bo_create(w->s.ctx, &params, &bo), -ECHILD);
				good(accel_device_find(suite.device, &dev), -ECHILD);
				accel_bo_unref(w->bo);
				accel_context_unref(w->s.ctx);
				end_child();
			}
			good_if(child_ended_well(wait_child(pid)));
		}
		stop = true;
		return;
	}
	while (!stop) {
		if (accel_bo_create(w->s.ctx, &params, &bo) == 0)
			accel_bo_unref(bo);
		if (accel_device_find(suite.device, &dev) == 0)
			accel_device_unref(dev);
		good(accel_fence_status(w->fence), 0);
	}
}

static void fork_beside_busy_threads(void)
{
	struct world w;

	if (suite.race_tool)
		skip_check("the thread sanitizer may stop in the child of a busy process");
	world_make(&w);
	stop = false;
	run_threads(4, fork_or_submit, &w);
	world_works(&w);
	world_drop(&w);
}

static void unused_library_works_in_a_child(void)
{
	same(wait_child(start_helper("fork-first", "", -1, -1)), 0);
}

/* execve(2) makes a child as good as new. */
static void child_works_after_exec(void)
{
	char out[4096];
	struct world w;
	ssize_t n;
	int fds[2];
	pid_t pid;

	world_make(&w);
	if (device_fact(ACCEL_CONTEXTS_LEFT) == 0)
		skip_check("the device allows one context at a time");
	same(pipe2(fds, O_CLOEXEC), 0);
	pid = start_helper("run", "", -1, fds[1]);
	close(fds[1]);
	n = read(fds[0], out, sizeof(out));
	close(fds[0]);
	same(wait_child(pid), 0);
	same(n, 3);
	expect(memcmp(out, "ran", 3) == 0);
	world_works(&w);
	world_drop(&w);
}

static const struct check fork_checks[] = {
	CHECK(child_can_not_use_devices),
	CHECK(child_can_not_use_contexts),
	CHECK(child_can_not_use_buffers),
	CHECK(child_can_not_use_queues_and_jobs),
	CHECK(child_can_not_use_fences),
	CHECK(child_can_not_use_the_library),
	CHECK(child_has_no_last_error),
	CHECK(grandchild_can_not_use_anything),
	CHECK(threads_of_a_child_can_not_use_anything),
	CHECK(child_may_release_everything),
	CHECK(child_closes_what_it_releases),
	CHECK(child_does_not_wait_for_jobs),
	CHECK(child_exits_beside_jobs_under_way),
	CHECK(fork_beside_busy_threads),
	CHECK(unused_library_works_in_a_child),
	CHECK(child_works_after_exec),
};

const struct group group_fork = GROUP("fork", fork_checks);

/* ---- exit(3) -------------------------------------------------------------------------------- */

/* A helper that ends with work of this kind; what it and its jobs have written. */
static void exit_with(const char *kind, char *out, size_t bytes)
{
	size_t used = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	same(pipe2(fds, O_CLOEXEC), 0);
	pid = start_helper("exit", kind, -1, fds[1]);
	close(fds[1]);
	while ((n = read(fds[0], out + used, bytes - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = '\0';
	close(fds[0]);
	same(wait_child(pid), 7);
}

static void exit_with_open_objects(void)
{
	char out[64];

	exit_with("idle", out, sizeof(out));
	expect(strcmp(out, "e") == 0);
}

static void exit_does_not_wait_for_a_function_that_blocks(void)
{
	char out[64];

	need_gate();
	exit_with("running", out, sizeof(out));
	expect(strcmp(out, "e") == 0);
}

static void exit_does_not_wait_for_jobs_that_wait(void)
{
	char out[64];

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	exit_with("waiting", out, sizeof(out));
	expect(strcmp(out, "e") == 0);
}

static void exit_beside_a_thread_that_waits(void)
{
	char out[64];

	need(ACCEL_HAS_WAIT_FENCES, "wait fences");
	exit_with("thread", out, sizeof(out));
	expect(strcmp(out, "e") == 0);
}

static void exit_beside_threads_that_submit(void)
{
	char out[64];
	unsigned int i;

	for (i = 0; i < 10; i++) {
		exit_with("submitting", out, sizeof(out));
		expect(strcmp(out, "e") == 0);
	}
}

static void exit_with_work_just_submitted(void)
{
	char out[64];
	unsigned int i;

	for (i = 0; i < 10; i++) {
		exit_with("submitted", out, sizeof(out));
		expect(strcmp(out, "e") == 0);
	}
}

static void exit_after_all_was_released(void)
{
	char out[64];

	exit_with("released", out, sizeof(out));
	expect(strcmp(out, "e") == 0);
}

static const struct check exit_checks[] = {
	CHECK(exit_with_open_objects),
	CHECK(exit_does_not_wait_for_a_function_that_blocks),
	CHECK(exit_does_not_wait_for_jobs_that_wait),
	CHECK(exit_beside_a_thread_that_waits),
	CHECK(exit_beside_threads_that_submit),
	CHECK(exit_with_work_just_submitted),
	CHECK(exit_after_all_was_released),
};

const struct group group_exit = GROUP("exit", exit_checks);

/* ---- descriptors -------------------------------------------------------------------------------- */

#define FDS_MAX 1024

static void list_open(bool *open_fds)
{
	int fd;

	for (fd = 0; fd < FDS_MAX; fd++)
		open_fds[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Every descriptor that was opened since, of whatever object. */
static void every_descriptor_is_close_on_exec(void)
{
	bool before[FDS_MAX], after[FDS_MAX];
	struct accel_bo *taken = NULL;
	int fd = -1, shared_fd = -1, new_ones = 0, i;
	struct world w;
	struct blocker b;

	list_open(before);
	world_make(&w);
	block(w.s.ctx, w.s.queue, &b);
	if (device_fact(ACCEL_HAS_FENCE_FD) != ACCEL_ABSENT)
		gives(accel_fence_export_fd(b.fence, ACCEL_FD_ANY, &fd), 0);
	if (w.shared) {
		gives(accel_bo_export(w.shared, 0, &shared_fd), 0);
		gives(accel_bo_import(w.s.ctx, shared_fd, DATA_FLAGS, &taken), 0);
	}
	list_open(after);
	for (i = 0; i < FDS_MAX; i++) {
		if (!after[i] || before[i])
			continue;
		new_ones++;
		if (!fd_is_cloexec(i))
			fail_here("descriptor %d is not close-on-exec", i);
	}
	expect(new_ones >= 1);
	blocker_end(&b);
	accel_bo_unref(taken);
	if (fd >= 0)
		close(fd);
	if (shared_fd >= 0)
		close(shared_fd);
	world_drop(&w);
}

/* The proof of it: what a program that is executed finds open. */
static void executed_programs_inherit_nothing(void)
{
	char before[4096] = "", after[4096] = "";
	char *outs[2] = {before, after};
	struct world w;
	unsigned int i;
	size_t used;
	ssize_t n;
	int fds[2];
	pid_t pid;

	for (i = 0; i < 2; i++) {
		if (i)
			world_make(&w);
		same(pipe2(fds, O_CLOEXEC), 0);
		pid = start_helper("fds", "", -1, fds[1]);
		close(fds[1]);
		used = 0;
		while ((n = read(fds[0], outs[i] + used, 4095 - used)) > 0)
			used += (size_t)n;
		close(fds[0]);
		same(wait_child(pid), 0);
	}
	expect(before[0] != '\0');
	if (strcmp(before, after) != 0)
		fail_here("before: %s; with the library in use: %s", before, after);
	world_drop(&w);
}

static char inherited[4096]; /* what this process passes on in any case, as helper "fds" */

/* While descriptors come and go on other threads: none is ever open without the flag. */
static void exec_or_make(void *arg, unsigned int index)
{
	struct world *w = arg;
	struct accel_bo *bo;
	struct accel_bo_params params = {.size = sizeof(params)};
	unsigned int i;
	int fd;

	params.flags = DATA_FLAGS | (w->shared ? ACCEL_BO_SHARE : 0);
	params.bytes = 4096;
	if (index == 0) {
		for (i = 0; i < 20; i++)
			good(wait_child(start_helper("fds-are", inherited, -1, -1)), 0);
		stop = true;
		return;
	}
	while (!stop) {
		if (accel_bo_create(w->s.ctx, &params, &bo) != 0)
			continue;
		if (w->shared && accel_bo_export(bo, 0, &fd) == 0)
			close(fd);
		if (accel_fence_export_fd(w->fence, ACCEL_FD_ANY, &fd) == 0)
			close(fd);
		accel_bo_unref(bo);
	}
}

static void exec_beside_busy_threads(void)
{
	struct world w;
	size_t used = 0;
	int fd;

	for (fd = 0; fd < FDS_MAX && used < sizeof(inherited) - 8; fd++) {
		if (fcntl(fd, F_GETFD) == 0)
			used += (size_t)snprintf(inherited + used, sizeof(inherited) - used, "%d ",
						 fd);
	}
	world_make(&w);
	stop = false;
	run_threads(3, exec_or_make, &w);
	world_drop(&w);
}

static const struct check descriptor_checks[] = {
	CHECK(every_descriptor_is_close_on_exec),
	CHECK(executed_programs_inherit_nothing),
	CHECK(exec_beside_busy_threads),
};

const struct group group_descriptors = GROUP("descriptors", descriptor_checks);
