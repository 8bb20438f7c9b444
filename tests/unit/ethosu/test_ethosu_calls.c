/* SPDX-License-Identifier: MIT */
/* What ethosu asks of the kernel, and in which order: over a kernel that is made up. */
#include <drm/ethosu_accel.h>
#include <linux/dma-buf.h>

#include "ethosu_internal.h"
#include "overtake.h"

#define BYTES 4096
#define ALL   (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)

static unsigned int taken, takes; /* SUBMITs so far, and that are not refused */

static int answer(unsigned long request, void *arg, uint32_t *handle)
{
	struct drm_ethosu_cmdstream_bo_create *commands = arg;
	struct drm_ethosu_bo_mmap_offset *map = arg;
	struct drm_ethosu_dev_query *query = arg;
	struct drm_ethosu_bo_create *create = arg;

	switch (request) {
	case DRM_IOCTL_ETHOSU_DEV_QUERY:
		((struct drm_ethosu_npu_info *)(uintptr_t)query->pointer)->id = 1u << 28;
		return 0;
	case DRM_IOCTL_ETHOSU_BO_CREATE:
		create->handle = *handle = kernel_handle();
		create->size = (create->size + 4095) & ~UINT64_C(4095);
		return 0;
	case DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE:
		commands->handle = *handle = kernel_handle();
		return 0;
	case DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET:
		*handle = map->handle;
		map->offset = (uint64_t)map->handle << 32;
		return 0;
	case DRM_IOCTL_ETHOSU_BO_WAIT:
		*handle = ((struct drm_ethosu_bo_wait *)arg)->handle;
		return 0;
	case DRM_IOCTL_ETHOSU_SUBMIT:
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
	kernel_setup("ethosu", &ACCEL_PROVIDER_SYMBOL, answer);
	return 0;
}

struct scene {
	struct accel_context *context;
	struct accel_queue *queue[2];
	struct accel_bo *out, *in, *commands;
	struct accel_job *job[2]; /* both write the same buffer */
};

static struct accel_bo *make_bo(struct scene *scene, uint32_t flags, const void *contents,
				uint64_t bytes)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = bytes, .contents = contents};
	struct accel_bo *bo;

	assert_int_equal(accel_bo_create(scene->context, &params, &bo), 0);
	return bo;
}

/* A copy of 16 bytes from region 1 to region 0. */
static const uint32_t words[] = {0x10130, 0x131,  0x4030, 0,    0x4031, 0,
				 0x4032,  0x0010, 0x10,   0x11, 0};

static struct accel_job *make_job(const struct scene *scene, unsigned int queue)
{
	const struct accel_bo_ref bos[2] = {{scene->out, ACCEL_ACCESS_WRITE, 0},
					    {scene->in, ACCEL_ACCESS_READ, 0}};
	const struct accel_job_params params = {.size = sizeof(params),
						.commands = scene->commands,
						.bytes = sizeof(words),
						.bos = bos,
						.bo_count = 2};
	struct accel_job *job;

	assert_ok(accel_job_create(scene->queue[queue], &params, &job));
	return job;
}

static void make(struct scene *scene)
{
	unsigned int i;

	scene->context = kernel_open(0);
	scene->out = make_bo(scene, ALL, NULL, BYTES);
	scene->in = make_bo(scene, ALL, NULL, BYTES);
	scene->commands = make_bo(scene, ACCEL_BO_COMMANDS, words, sizeof(words));
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
	accel_bo_unref(scene->out);
	accel_bo_unref(scene->in);
	accel_bo_unref(scene->commands);
	accel_context_unref(scene->context);
}

/* Another job on the buffer would replace the fence. */
static void test_fence_is_the_jobs(void **state)
{
	struct scene scene;

	(void)state;
	make(&scene);
	assert_true(overtake(DRM_IOCTL_ETHOSU_SUBMIT, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, scene.job[0],
			     scene.job[1], NULL));
	drop(&scene);
	kernel_teardown(0);
}

/* The fence is that of the buffer which is written now. */
static void test_exchanged_out(void **state)
{
	struct accel_bo *other;
	struct scene scene;
	unsigned int i, found = 0;

	(void)state;
	make(&scene);
	other = make_bo(&scene, ALL, NULL, BYTES);
	assert_ok(accel_job_set_bo(scene.job[0], 0, other));
	kernel.calls = 0;
	assert_int_equal(accel_submit(scene.queue[0], &scene.job[0], 1, NULL, NULL), 1);
	for (i = 0; i < kernel.calls; i++) {
		if (kernel.call[i].request != DMA_BUF_IOCTL_EXPORT_SYNC_FILE)
			continue;
		assert_int_equal(kernel.call[i].handle, ethosu_bo(other)->handle);
		found++;
	}
	assert_int_equal(found, 1);
	accel_bo_unref(other);
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
	assert_int_equal(kernel_count(DRM_IOCTL_ETHOSU_SUBMIT), 1);
	kernel_unplug();
	kernel.now_ns += ACCEL_LOOK_AGAIN_NS;
	assert_fails(accel_submit(scene.queue[1], &scene.job[1], 1, NULL, NULL), -ENODEV);
	assert_int_equal(kernel_count(DRM_IOCTL_ETHOSU_SUBMIT), 1);
	assert_int_equal(accel_context_state(scene.context), ACCEL_GONE);
	drop(&scene);
	kernel_teardown(1);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fence_is_the_jobs),
		TEST(test_exchanged_out),
		TEST(test_refused_in_a_batch),
		TEST(test_no_submit_when_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
