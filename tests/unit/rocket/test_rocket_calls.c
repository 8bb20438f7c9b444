/* SPDX-License-Identifier: MIT */
/* What rocket asks of the kernel, and in which order: over a kernel that is made up. */
#include <drm/rocket_accel.h>
#include <linux/dma-buf.h>

#include "overtake.h"

#define BYTES 4096
#define ALL   (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)

static unsigned int taken, takes; /* SUBMITs so far, and that are not refused */

static int answer(unsigned long request, void *arg, uint32_t *handle)
{
	struct drm_rocket_create_bo *create = arg;

	switch (request) {
	case DRM_IOCTL_ROCKET_CREATE_BO:
		create->handle = *handle = kernel_handle();
		create->dma_address = create->handle * UINT64_C(0x10000);
		create->offset = (uint64_t)create->handle << 32;
		return 0;
	case DRM_IOCTL_ROCKET_PREP_BO:
		*handle = ((struct drm_rocket_prep_bo *)arg)->handle;
		return 0;
	case DRM_IOCTL_ROCKET_FINI_BO:
		*handle = ((struct drm_rocket_fini_bo *)arg)->handle;
		return 0;
	case DRM_IOCTL_ROCKET_SUBMIT:
		if (taken == takes)
			return -ENOMEM;
		taken++;
		return 0;
	default:
		return -EINVAL;
	}
}

static int setup(void **state)
{
	(void)state;
	taken = 0;
	takes = UINT32_MAX;
	kernel_setup("rocket", &ACCEL_PROVIDER_SYMBOL, answer);
	return 0;
}

static struct accel_bo *make_bo(struct accel_context *context, uint32_t flags, const void *contents,
				uint64_t bytes)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = bytes, .contents = contents};
	struct accel_bo *bo;

	assert_int_equal(accel_bo_create(context, &params, &bo), 0);
	return bo;
}

/* The calls so far but making and mapping are these, of this buffer. */
static void expect(uint32_t handle, unsigned int count, const unsigned long *requests)
{
	unsigned int i, at = 0;

	for (i = 0; i < kernel.calls; i++) {
		if (kernel.call[i].request == DRM_IOCTL_ROCKET_CREATE_BO)
			continue;
		assert_true(at < count);
		assert_true(kernel.call[i].request == requests[at]);
		assert_int_equal(kernel.call[i].handle, handle);
		at++;
	}
	assert_int_equal(at, count);
	kernel.calls = 0;
}

static const unsigned long prep[] = {DRM_IOCTL_ROCKET_PREP_BO}, fini[] = {DRM_IOCTL_ROCKET_FINI_BO};

/* The NPU doesn't see the CPU's caches, nor the CPU what the NPU wrote behind them. */
static void test_cache_work(void **state)
{
	struct accel_context *context;
	struct accel_bo *bo;
	uint32_t handle;
	void *map;

	(void)state;
	context = kernel_open(0);
	kernel.calls = 0;
	bo = make_bo(context, ALL, "contents", 9);
	handle = kernel.last_handle;
	expect(handle, 1, fini);
	assert_ok(accel_bo_map(bo, &map));
	assert_string_equal(map, "contents");
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, 1, 0));
	expect(handle, 1, prep);
	assert_ok(accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, 1));
	expect(handle, 1, fini);
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0));
	expect(handle, 1, prep);
	assert_ok(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, 1));
	expect(handle, 0, NULL);
	assert_ok(accel_bo_end_access(bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0, 1));
	expect(handle, 1, fini);
	accel_bo_unref(bo);
	/* Of one that is reused, too: it was zeroed by the CPU. */
	bo = make_bo(context, ALL | ACCEL_BO_ZERO, NULL, 9);
	expect(handle, 1, fini);
	accel_bo_unref(bo);
	accel_context_unref(context);
	kernel_teardown(0);
}

/* What was written is there before it is given back. */
static char seen[BYTES];
static const char *mapped;

static void look_at_map(const struct kernel_call *call, const void *arg)
{
	(void)arg;
	if (call->request == DRM_IOCTL_ROCKET_FINI_BO && mapped)
		memcpy(seen, mapped, sizeof(seen));
}

static void test_contents_before_cache_work(void **state)
{
	struct accel_context *context = kernel_open(0);
	struct accel_bo *bo = make_bo(context, ALL, "first", 6);
	void *map;

	(void)state;
	assert_ok(accel_bo_map(bo, &map));
	mapped = map;
	kernel.before = look_at_map;
	accel_bo_unref(bo);
	bo = make_bo(context, ALL, "second", 7);
	assert_string_equal(seen, "second");
	mapped = NULL;
	accel_bo_unref(bo);
	accel_context_unref(context);
	kernel_teardown(0);
}

struct scene {
	struct accel_context *context;
	struct accel_queue *queue[2];
	struct accel_bo *commands;
	struct accel_job *job[2];
};

#define COMMANDS 16 /* bytes */

static struct accel_job *make_job(const struct scene *scene, unsigned int queue)
{
	struct accel_job_params params = {
		.size = sizeof(params), .bytes = COMMANDS, .commands = scene->commands};
	struct accel_job *job;

	assert_ok(accel_job_create(scene->queue[queue], &params, &job));
	return job;
}

static void make(struct scene *scene)
{
	const uint8_t words[COMMANDS] = {0};
	unsigned int i;

	scene->context = kernel_open(0);
	scene->commands = make_bo(scene->context, ACCEL_BO_COMMANDS, words, sizeof(words));
	for (i = 0; i < 2; i++) {
		assert_int_equal(accel_queue_create(scene->context, NULL, 0, &scene->queue[i]), 0);
		scene->job[i] = make_job(scene, i);
	}
}

static void drop(struct scene *scene)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		accel_job_unref(scene->job[i]);
		accel_queue_unref(scene->queue[i]);
	}
	accel_bo_unref(scene->commands);
	accel_context_unref(scene->context);
}

/* The buffer that tells of a job's end: the first that is written. */
static uint32_t written[2];
static unsigned int submits;

static void look_at_submit(const struct kernel_call *call, const void *arg)
{
	const struct drm_rocket_submit *submit = arg;
	const struct drm_rocket_job *job;

	if (call->request != DRM_IOCTL_ROCKET_SUBMIT)
		return;
	job = (const void *)(uintptr_t)submit->jobs;
	assert_true(job->out_bo_handle_count >= 1 && submits < 2);
	written[submits++] = *(const uint32_t *)(uintptr_t)job->out_bo_handles;
}

/* A job that the kernel drops must not be given the fence of another. */
static void test_each_job_its_own_page(void **state)
{
	struct scene scene;
	unsigned int i, found = 0;

	(void)state;
	make(&scene);
	submits = 0;
	kernel.before = look_at_submit;
	kernel.calls = 0;
	for (i = 0; i < 2; i++)
		assert_int_equal(accel_submit(scene.queue[i], &scene.job[i], 1, NULL, NULL), 1);
	assert_int_equal(submits, 2);
	assert_true(written[0] != written[1]);
	for (i = 0; i < kernel.calls; i++)
		if (kernel.call[i].request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE)
			assert_int_equal(kernel.call[i].handle, written[found++]);
	assert_int_equal(found, 2);
	drop(&scene);
	kernel_teardown(0);
}

/* What another job waits for must not hold up this one, as it would by the same gate. */
static void test_gate_is_the_jobs(void **state)
{
	const int pending = seam_make_sync_file(0);
	struct accel_fence *wait;
	struct scene scene;

	(void)state;
	make(&scene);
	assert_ok(accel_fence_import_fd(pending, 0, &wait));
	assert_true(overtake(DMA_BUF_IOCTL_IMPORT_SYNC_FILE, DRM_IOCTL_ROCKET_SUBMIT, scene.job[0],
			     scene.job[1], wait));
	accel_fence_unref(wait);
	accel_core_sys.close(pending);
	drop(&scene);
	kernel_teardown(0);
}

/* Of several jobs those are under way that the kernel took, and of the others none. */
static void test_refused_in_a_batch(void **state)
{
	struct accel_fence *fence;
	struct accel_job *jobs[3];
	struct scene scene;
	unsigned int i;

	(void)state;
	make(&scene);
	for (i = 0; i < 3; i++)
		jobs[i] = make_job(&scene, 0);
	takes = 2;
	assert_int_equal(accel_submit(scene.queue[0], jobs, 3, NULL, &fence), 2);
	assert_fails(accel_submit(scene.queue[0], &jobs[2], 1, NULL, NULL), -ENOMEM);
	takes = UINT32_MAX;
	assert_int_equal(accel_submit(scene.queue[0], &jobs[2], 1, NULL, NULL), 1);
	assert_int_equal(taken, 3);
	assert_int_equal(kernel_count(DMA_BUF_IOCTL_EXPORT_SYNC_FILE), 3);
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++)
		accel_job_unref(jobs[i]);
	drop(&scene);
	kernel_teardown(0);
}

/* A driver that was unbound would run it in memory that is gone. */
static void test_no_submit_when_gone(void **state)
{
	struct scene scene;

	(void)state;
	make(&scene);
	kernel.now_ns = accel_core_sys.now();
	assert_int_equal(accel_submit(scene.queue[0], &scene.job[0], 1, NULL, NULL), 1);
	kernel_unplug();
	kernel.now_ns += ACCEL_LOOK_AGAIN_NS;
	assert_fails(accel_submit(scene.queue[1], &scene.job[1], 1, NULL, NULL), -ENODEV);
	assert_int_equal(kernel_count(DRM_IOCTL_ROCKET_SUBMIT), 1);
	assert_int_equal(accel_context_state(scene.context), ACCEL_GONE);
	drop(&scene);
	kernel_teardown(1);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cache_work),
		TEST(test_contents_before_cache_work),
		TEST(test_each_job_its_own_page),
		TEST(test_gate_is_the_jobs),
		TEST(test_refused_in_a_batch),
		TEST(test_no_submit_when_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
