/* SPDX-License-Identifier: MIT */
/* process.c: forked children, exit. */
#include "model.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* What @fn gives in a forked child, or the status with which that ends by itself. The child
 * doesn't exit, for it has things that nobody may take for lost. */
static int in_child(int (*fn)(void *arg), void *arg)
{
	int *answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, ret;
	pid_t child;

	assert_true(answer != MAP_FAILED);
	fflush(NULL); /* what is buffered is the parent's to write */
	child = fork();
	if (!child) {
		alarm(100); /* one that waits for ever */
		*answer = fn(arg);
		kill(getpid(), SIGKILL);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		ret = WEXITSTATUS(status);
	else if (WTERMSIG(status) == SIGKILL)
		ret = *answer;
	else
		ret = 1000 + WTERMSIG(status);
	munmap(answer, sizeof(*answer));
	return ret;
}

struct all {
	struct accel_device *device;
	struct accel_context *context;
	struct accel_bo *bo, *mapped;
	struct accel_queue *queue;
	struct accel_job *job, *running;
	struct accel_fence *fence, *imported;
	int fd;
};

static void make_all(struct all *all, enum model_kind kind)
{
	void *ptr;
	int fd;

	all->device = model_device(kind);
	all->context = model_open(kind, 0);
	all->bo = model_bo(all->context, 15, 1);
	all->mapped = model_bo(all->context, 15 | ACCEL_BO_SHARE, 1);
	assert_ok(accel_bo_map(all->mapped, &ptr));
	strcpy(ptr, "parent");
	all->queue = model_queue(all->context, 4);
	all->job = model_job(all->queue, all->bo, NULL);
	all->running = model_job(all->queue, all->mapped, NULL);
	all->fence = model_submit(all->queue, all->running);
	all->fd = seam_make_sync_file(0);
	assert_ok(accel_fence_import_fd(all->fd, 0, &all->imported));
	assert_ok(accel_fence_export_fd(all->fence, 0, &fd));
	accel_core_sys.close(fd);
}

static void drop_all(struct all *all)
{
	accel_fence_unref(all->imported);
	accel_fence_unref(all->fence);
	accel_job_unref(all->job);
	accel_job_unref(all->running);
	accel_queue_unref(all->queue);
	accel_bo_unref(all->mapped);
	accel_bo_unref(all->bo);
	accel_context_unref(all->context);
	accel_device_unref(all->device);
}

/* Everything but _unref gives -ECHILD: how many calls don't. */
static int call_all(void *arg)
{
	struct accel_device_info device_info = {.size = sizeof(device_info)};
	struct accel_bo_params bo_params = {.size = sizeof(bo_params), .flags = 15, .bytes = 1};
	struct accel_job_params job_params = {.size = sizeof(job_params)};
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_bo_info bo_info = {.size = sizeof(bo_info)};
	struct accel_error error = {.size = sizeof(error)};
	struct accel_context *context;
	struct accel_device *device;
	struct accel_queue *queue;
	struct accel_fence *fence;
	struct all *all = arg;
	struct accel_job *job;
	struct accel_bo *bo;
	int64_t deadline;
	uint64_t value;
	void *ptr;
	int fd;
	const int answers[] = {
		accel_deadline(0, &deadline),
		accel_set_log(NULL, NULL, 0),
		accel_last_error(&error),
		accel_device_scan(0, &device, 1),
		accel_device_find("soft:0", &device),
		accel_device_get_info(all->device, &device_info),
		accel_device_check(all->device),
		accel_open(all->device, NULL, 0, &context),
		accel_context_get_device(all->context, &device),
		accel_context_state(all->context),
		accel_context_fd(all->context, &fd),
		accel_context_trim(all->context, 0),
		accel_query(all->context, ACCEL_HAS_ADDRESS, &value),
		accel_bo_create(all->context, &bo_params, &bo),
		accel_bo_import(all->context, 0, 15, &bo),
		accel_bo_export(all->mapped, 0, &fd),
		accel_bo_get_info(all->bo, &bo_info),
		accel_bo_address(all->bo, &value),
		accel_bo_map(all->bo, &ptr),
		accel_bo_begin_access(all->bo, 1, 0, 1, 0),
		accel_bo_end_access(all->bo, 1, 0, 1),
		accel_queue_create(all->context, NULL, 0, &queue),
		accel_queue_get_room(all->queue, &fence),
		accel_queue_cancel(all->queue, ACCEL_NO_DEADLINE),
		accel_job_create(all->queue, &job_params, &job),
		accel_job_set_bo(all->job, 0, all->mapped),
		accel_job_get_result(all->job, &result),
		accel_submit(all->queue, &all->job, 1, NULL, NULL),
		accel_fence_wait(all->fence, ACCEL_NO_DEADLINE),
		accel_fence_wait_many(&all->fence, 1, 0, ACCEL_NO_DEADLINE, NULL),
		accel_fence_status(all->fence),
		accel_fence_export_fd(all->fence, 0, &fd),
		accel_fence_import_fd(0, 0, &fence),
	};
	int wrong = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		wrong += answers[i] != -ECHILD;
	wrong += accel_version() != ACCEL_VERSION;
	/* References may be counted. */
	accel_bo_unref(accel_bo_ref(all->bo));
	accel_job_unref(accel_job_ref(all->job));
	accel_fence_unref(accel_fence_ref(all->fence));
	return wrong;
}

/* Giving everything back in a child closes and unmaps there, reaches no provider, and waits for
 * nothing. */
static int drop_in_child(void *arg)
{
	const uint32_t before[] = {model.jobs, model.queues, model.bos, model.contexts};
	struct all *all = arg;
	int fds = count_fds(), maps = (int)seam_live_maps();

	seam_forget();
	drop_all(all);
	if (seam_calls(SEAM_FREE)) /* the allocator may be locked */
		return 4;
	if (model.jobs != before[0] || model.queues != before[1] || model.bos != before[2] ||
	    model.contexts != before[3])
		return 1;
	/* The node, two memfds, the fence's eventfd, the imported descriptor. */
	if (count_fds() != fds - 5)
		return 2;
	if (seam_live_maps() != maps - 1)
		return 3;
	return 0;
}

static void forked(enum model_kind kind)
{
	struct all all;
	void *ptr;

	make_all(&all, kind);
	/* As if other threads had just had all locks: nobody gives them back in the child. */
	accel_core_lock(&all.context->lock);
	accel_core_lock(&all.queue->lock);
	accel_core_lock(&all.fence->lock);
	assert_int_equal(in_child(call_all, &all), 0);
	assert_int_equal(in_child(drop_in_child, &all), 0);
	accel_core_unlock(&all.fence->lock);
	accel_core_unlock(&all.queue->lock);
	accel_core_unlock(&all.context->lock);
	/* The parent has noticed nothing. */
	assert_gives(accel_fence_status(all.fence), -EINPROGRESS);
	assert_ok(accel_bo_map(all.mapped, &ptr));
	assert_string_equal(ptr, "parent");
	model_end(all.running, ACCEL_DONE);
	assert_ok(accel_fence_wait(all.fence, far_off()));
	accel_core_sys.close(all.fd);
	drop_all(&all);
}

static void test_fork_push(void **state)
{
	(void)state;
	forked(MODEL_PUSH);
}

static void test_fork_pull(void **state)
{
	(void)state;
	forked(MODEL_PULL);
}

static int drop_grandchild(void *arg)
{
	return in_child(call_all, arg);
}

static void test_grandchild(void **state)
{
	struct all all;

	(void)state;
	make_all(&all, MODEL_PUSH);
	assert_int_equal(in_child(drop_grandchild, &all), 0);
	model_end(all.running, ACCEL_DONE);
	accel_core_sys.close(all.fd);
	drop_all(&all);
}

/* A child forked while other threads hold all kinds of locks. */
static _Atomic bool stop;

static int use_it(void *arg)
{
	struct all *all = arg;
	struct accel_bo *bo;
	int fd;

	while (!stop) {
		accel_fence_status(all->fence);
		accel_fence_status(all->imported);
		if (!accel_bo_create(all->context,
				     &(struct accel_bo_params){.size = 16, .flags = 15, .bytes = 1},
				     &bo))
			accel_bo_unref(bo);
		if (!accel_fence_export_fd(all->imported, 0, &fd))
			accel_core_sys.close(fd);
	}
	return 0;
}

static int drop_quietly(void *arg)
{
	drop_all(arg);
	return accel_context_state(NULL) == -ECHILD ? 0 : 1;
}

static void test_fork_amid_work(void **state)
{
	struct task task[2];
	struct all all;
	int i;

	(void)state;
	make_all(&all, MODEL_PULL);
	stop = false;
	for (i = 0; i < 2; i++)
		task_start(&task[i], use_it, &all);
	for (i = 0; i < 50; i++)
		assert_int_equal(in_child(drop_quietly, &all), 0);
	stop = true;
	for (i = 0; i < 2; i++)
		task_join(&task[i]);
	model_end(all.running, ACCEL_DONE);
	accel_core_sys.close(all.fd);
	drop_all(&all);
}

/* ---- before the library is set up --------------------------------------------------------- */

static int is_refused(void *arg)
{
	int64_t deadline;

	(void)arg;
	return accel_deadline(0, &deadline) == -ECHILD ? 0 : 1;
}

/* In a child of this program that was forked before the first call: it is a process like any. */
static int first_call(void *arg)
{
	int64_t deadline;

	(void)arg;
	if (accel_deadline(0, &deadline))
		return 1;
	return in_child(is_refused, NULL) ? 2 : 0;
}

static int no_wipe(void *addr, size_t bytes, int advice)
{
	(void)addr, (void)bytes, (void)advice;
	return -EINVAL;
}

static int no_map(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	(void)bytes, (void)prot, (void)flags, (void)fd, (void)offset, (void)out;
	return -ENOMEM;
}

static int without_wipe(void *arg)
{
	accel_core_sys.madvise = no_wipe;
	return first_call(arg);
}

static int without_map(void *arg)
{
	accel_core_sys.mmap = no_map;
	return first_call(arg);
}

static void test_first_call(void **state)
{
	(void)state;
	assert_int_equal(in_child(first_call, NULL), 0);
	assert_int_equal(in_child(without_wipe, NULL), 0);
	assert_int_equal(in_child(without_map, NULL), 0);
}

/* ---- exit --------------------------------------------------------------------------------- */

static int *exits; /* shared with children */

static void report(void)
{
	*exits = (int)model.exits;
}

/* Each open context gets to know of exit(3). */
static int exit_with_two(void *arg)
{
	static struct accel_context *open[2]; /* not lost, for those who look for leaks */

	(void)arg;
	atexit(report); /* before the library's handler, to run after it */
	model_setup(NULL);
	open[0] = model_open(MODEL_PUSH, 0);
	open[1] = model_open(MODEL_PULL, 0);
	accel_context_unref(model_open(MODEL_PULL, 0));
	model_drop_tree();
	exit(open[0] && open[1] ? 7 : 1);
}

/* In a forked child no provider may be called. */
static int exit_of_a_child(void *arg)
{
	static struct accel_context *open;

	(void)arg;
	atexit(report);
	model_setup(NULL);
	open = model_open(MODEL_PUSH, 0);
	model_drop_tree();
	if (!fork())
		exit(0);
	wait(NULL);
	return *exits || !open ? 1 : 0;
}

static void test_exit(void **state)
{
	(void)state;
	exits = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*exits = -1;
	assert_int_equal(in_child(exit_with_two, NULL), 7);
	assert_int_equal(*exits, 2);
	*exits = -1;
	assert_int_equal(in_child(exit_of_a_child, NULL), 0);
	assert_int_equal(*exits, 0);
	munmap(exits, 4096);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_call), /* these two before the first call */
		cmocka_unit_test(test_exit),
		TEST(test_fork_push),
		TEST(test_fork_pull),
		TEST(test_grandchild),
		TEST(test_fork_amid_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
