/* SPDX-License-Identifier: MIT */
/* Buffers of ivpu, and what it says of itself. */
#include "kernel.h"

#include <drm/drm.h>
#include <poll.h>
#include <sys/eventfd.h>

#define PAGE 4096
#define DATA (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)

static struct accel_context *context;

static struct accel_bo *make(uint32_t flags, const struct accel_ext *ext)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = 100, .ext = ext};
	struct accel_bo *bo;

	assert_ok(accel_bo_create(context, &params, &bo));
	return bo;
}

static uint32_t kernel_flags(uint32_t flags)
{
	struct accel_bo *bo = make(flags, NULL);
	const uint32_t got = kernel_bo(bo)->flags;

	accel_bo_unref(bo);
	accel_context_trim(context, 0);
	return got;
}

static void flags_become_the_kernels(void **state)
{
	const uint32_t both = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;

	(void)state;
	context = kernel_open(0);
	assert_int_equal(kernel_flags(DATA), DRM_IVPU_BO_MAPPABLE);
	assert_int_equal(kernel_flags(both | ACCEL_BO_CPU_READ), DRM_IVPU_BO_MAPPABLE);
	assert_int_equal(kernel_flags(both | ACCEL_BO_CPU_WRITE),
			 DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_WC);
	assert_int_equal(kernel_flags(both), DRM_IVPU_BO_WC);
	assert_int_equal(kernel_flags(ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ),
			 DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_READ_ONLY);
	/* The firmware saves what it must among the commands. */
	assert_int_equal(kernel_flags(ACCEL_BO_COMMANDS), DRM_IVPU_BO_MAPPABLE);
	accel_context_unref(context);
}

static void ranges(void **state)
{
	struct accel_ivpu_bo ext = {.head = {sizeof(ext), ACCEL_IVPU_BO}};
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = DATA, .bytes = 1, .ext = &ext.head};
	struct accel_bo *bo;
	uint64_t address;

	(void)state;
	context = kernel_open(0);
	bo = make(DATA, &ext.head);
	assert_int_equal(kernel_bo(bo)->flags, DRM_IVPU_BO_MAPPABLE);
	assert_ok(accel_bo_address(bo, &address));
	assert_int_equal(address, kernel_bo(bo)->address);
	accel_bo_unref(bo);
	ext.range = ACCEL_IVPU_RANGE_SHAVE;
	bo = make(DATA, &ext.head);
	assert_int_equal(kernel_bo(bo)->flags, DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_SHAVE_MEM);
	accel_bo_unref(bo);
	ext.range = ACCEL_IVPU_RANGE_DMA;
	bo = make(DATA, &ext.head);
	assert_int_equal(kernel_bo(bo)->flags, DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_DMA_MEM);
	accel_bo_unref(bo);
	ext.range = 3;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	ext.range = 0;
	ext.reserved = 1;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	ext.reserved = 0;
	ext.head.type = ACCEL_IVPU_JOB;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	accel_context_unref(context);
	/* One that knows no ranges. */
	kernel.old = true;
	kernel.queues = false;
	context = kernel_open(0);
	ext = (struct accel_ivpu_bo){.head = {sizeof(ext), ACCEL_IVPU_BO}, .range = 2};
	assert_fails(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	accel_context_unref(context);
}

static void user_memory(void **state)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = 2 * PAGE};
	char *memory = aligned_alloc(PAGE, 3 * PAGE);
	struct accel_bo *bo;
	void *map;

	(void)state;
	context = kernel_open(0);
	params.user = memory;
	assert_ok(accel_bo_create(context, &params, &bo));
	assert_true(kernel_bo(bo)->user);
	assert_int_equal(kernel_bo(bo)->flags, 0);
	assert_ok(accel_bo_map(bo, &map));
	assert_ptr_equal(map, memory);
	accel_bo_unref(bo);
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ;
	assert_ok(accel_bo_create(context, &params, &bo));
	assert_int_equal(kernel_bo(bo)->flags, DRM_IVPU_BO_READ_ONLY);
	accel_bo_unref(bo);
	params.user = memory + 8;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	params.user = memory;
	params.bytes = PAGE + 1;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	params.bytes = PAGE;
	params.flags = DATA | ACCEL_BO_SHARE;
	assert_fails(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	params.flags = ACCEL_BO_COMMANDS;
	assert_fails(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	params.flags = DATA;
	kernel_fail(DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, 0, 1, -EFAULT);
	assert_fails(accel_bo_create(context, &params, &bo), -EFAULT);
	accel_context_unref(context);
	kernel.old = true;
	kernel.queues = false;
	context = kernel_open(0);
	assert_fails(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	accel_context_unref(context);
	free(memory);
}

static void refusals(void **state)
{
	const struct {
		int kernel, ours;
	} errors[] = {{-ENOSPC, -ENOMEM}, {-ENOMEM, -ENOMEM}, {-EINVAL, -EIO}, {-EFBIG, -EIO}};
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = 1};
	struct accel_bo *bo;
	size_t i;

	(void)state;
	context = kernel_open(0);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		kernel_fail(DRM_IOCTL_IVPU_BO_CREATE, 0, 1, errors[i].kernel);
		assert_fails(accel_bo_create(context, &params, &bo), errors[i].ours);
	}
	params.flags |= ACCEL_BO_DEVICE_LOCAL;
	assert_fails(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	params.flags = DATA;
	assert_int_equal(accel_context_state(context), ACCEL_OK);
	kernel_fail(DRM_IOCTL_IVPU_BO_CREATE, 0, 1, -ENODEV);
	assert_fails(accel_bo_create(context, &params, &bo), -ENODEV);
	assert_int_equal(accel_context_state(context), ACCEL_GONE);
	accel_context_unref(context);
}

static void imports(void **state)
{
	const uint32_t flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ;
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bo, *again;
	uint64_t address, count;
	int fd;

	(void)state;
	context = kernel_open(0);
	fd = kernel_foreign(3 * PAGE);
	assert_ok(accel_bo_import(context, fd, flags, &bo));
	assert_ok(accel_bo_get_info(bo, &info));
	assert_int_equal(info.bytes, 3 * PAGE);
	assert_true(info.flags & ACCEL_BO_IS_IMPORTED);
	assert_ok(accel_bo_address(bo, &address));
	assert_int_equal(address, kernel_bo(bo)->address);
	/* What others do with it is waited for. */
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, PAGE, 0));
	assert_ok(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, PAGE));
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, PAGE, 0), -ETIME);
	count = 1;
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, PAGE, far_off()));
	accel_bo_unref(bo);
	/* What fails leaves no handle. */
	kernel_fail(DRM_IOCTL_IVPU_BO_INFO, 0, 1, -ENOENT);
	assert_fails(accel_bo_import(context, fd, flags, &again), -EIO);
	kernel_fail(DRM_IOCTL_PRIME_FD_TO_HANDLE, 0, 1, -EINVAL);
	assert_fails(accel_bo_import(context, fd, flags, &again), -EOPNOTSUPP);
	assert_fails(accel_bo_import(context, 0, flags, &again), -EINVAL);
	assert_fails(accel_bo_import(context, 9999, flags, &again), -EBADF);
	assert_false(kernel.bos[1].used);
	close(fd);
	accel_context_unref(context);
}

static void exports(void **state)
{
	struct accel_bo *bo;
	int fd;

	(void)state;
	context = kernel_open(0);
	bo = make(DATA | ACCEL_BO_SHARE, NULL);
	assert_ok(accel_bo_export(bo, 0, &fd));
	close(fd);
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, 1, far_off()));
	accel_bo_unref(bo);
	assert_false(kernel.bos[1].used);
	accel_context_unref(context);
}

static uint64_t answer(uint32_t key)
{
	uint64_t value;

	assert_ok(accel_query(context, key, &value));
	return value;
}

static void facts(void **state)
{
	uint64_t value;

	(void)state;
	context = kernel_open(0);
	assert_int_equal(answer(ACCEL_HAS_CANCEL), ACCEL_NATIVE);
	assert_int_equal(answer(ACCEL_HAS_USER_MEMORY), ACCEL_NATIVE);
	assert_int_equal(answer(ACCEL_HAS_OUTCOME), ACCEL_NATIVE);
	assert_int_equal(answer(ACCEL_HAS_WAIT_FENCES), ACCEL_EMULATED);
	assert_int_equal(answer(ACCEL_HAS_DEVICE_LOCAL), ACCEL_ABSENT);
	assert_int_equal(answer(ACCEL_QUEUE_DEPTH_MAX), 62);
	assert_int_equal((int32_t)answer(ACCEL_PRIORITY_MIN), -1);
	assert_int_equal((int32_t)answer(ACCEL_PRIORITY_MAX), 2);
	assert_int_equal(answer(ACCEL_COMMANDS_ALIGN), 64);
	assert_int_equal(answer(ACCEL_JOB_BO_ONCE), 1);
	assert_fails(accel_query(context, ACCEL_CONTEXTS_LEFT, &value), -EOPNOTSUPP);
	assert_ok(accel_ivpu_get_param(context, ACCEL_IVPU_PARAM_DEVICE_ID, 0, &value));
	assert_int_equal(value, 0x7d1d);
	assert_ok(accel_ivpu_get_param(context, ACCEL_IVPU_PARAM_NUM_CONTEXTS, 0, &value));
	assert_int_equal(value, 64);
	assert_ok(accel_ivpu_get_param(context, ACCEL_IVPU_PARAM_CAPABILITIES,
				       ACCEL_IVPU_CAP_MANAGE_CMDQ, &value));
	assert_int_equal(value, 1);
	assert_fails(accel_ivpu_get_param(context, 99, 0, &value), -EOPNOTSUPP);
	assert_fails(accel_ivpu_get_param(context, 0, 0, NULL), -EINVAL);
	assert_fails(accel_ivpu_get_param(NULL, 0, 0, &value), -EINVAL);
	kernel_fail(DRM_IOCTL_IVPU_GET_PARAM, 0, 1, -ETIMEDOUT);
	assert_fails(accel_ivpu_get_param(context, ACCEL_IVPU_PARAM_SKU, 0, &value), -EIO);
	accel_context_unref(context);

	kernel.queues = false;
	context = kernel_open(0);
	assert_int_equal(answer(ACCEL_HAS_CANCEL), ACCEL_EMULATED);
	accel_context_unref(context);
	kernel.old = true;
	context = kernel_open(0);
	assert_int_equal(answer(ACCEL_HAS_USER_MEMORY), ACCEL_ABSENT);
	accel_context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flags_become_the_kernels, kernel_setup,
						kernel_teardown),
		cmocka_unit_test_setup_teardown(ranges, kernel_setup, kernel_teardown),
		cmocka_unit_test_setup_teardown(user_memory, kernel_setup, kernel_teardown),
		cmocka_unit_test_setup_teardown(refusals, kernel_setup, kernel_teardown),
		cmocka_unit_test_setup_teardown(imports, kernel_setup, kernel_teardown),
		cmocka_unit_test_setup_teardown(exports, kernel_setup, kernel_teardown),
		cmocka_unit_test_setup_teardown(facts, kernel_setup, kernel_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
