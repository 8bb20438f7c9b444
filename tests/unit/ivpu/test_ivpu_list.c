/* SPDX-License-Identifier: MIT */
/* Making command lists; streams of metrics. */
#include "kernel.h"

#include "commands.h"

#define DATA (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define RW   (ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE)

static struct accel_context *context;
static struct accel_queue *queue;
static struct accel_ivpu_list *list;
static struct accel_bo *a, *b;
static struct accel_job_params params;

static struct accel_bo *make_bo(uint32_t flags, uint64_t bytes)
{
	struct accel_bo_params make = {.size = sizeof(make), .flags = flags, .bytes = bytes};
	struct accel_bo *bo;

	assert_ok(accel_bo_create(context, &make, &bo));
	return bo;
}

static void open_all(void)
{
	context = kernel_open(0);
	assert_ok(accel_queue_create(context, NULL, 0, &queue));
	assert_ok(accel_ivpu_list_create(context, &list));
	a = make_bo(DATA, 8192);
	b = make_bo(DATA, 8192);
	params = (struct accel_job_params){.size = sizeof(params)};
}

static void close_all(void)
{
	accel_bo_unref(a);
	accel_bo_unref(b);
	accel_ivpu_list_unref(list);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

static uint64_t address(struct accel_bo *bo)
{
	uint64_t at;

	assert_ok(accel_bo_address(bo, &at));
	return at;
}

/* Finish, and see that the job can be made. */
static const unsigned char *finish(void)
{
	struct accel_job *job;
	void *at;

	assert_ok(accel_ivpu_list_finish(list, &params));
	assert_ok(accel_job_create(queue, &params, &job));
	accel_job_unref(job);
	assert_ok(accel_bo_map(params.commands, &at));
	return at;
}

static void each_command_in_its_place(void **state)
{
	struct {
		struct ivpu_header header;
		struct ivpu_head nop;
		struct ivpu_timestamp timestamp;
		struct ivpu_fence wait;
		struct ivpu_fill fill;
		struct ivpu_head barrier;
		struct ivpu_copy copy;
		struct ivpu_inference inference;
		struct ivpu_fence signal;
	} expected;
	struct ivpu_descriptor_37xx descriptor = {0};
	const unsigned char *at;

	(void)state;
	open_all();
	assert_ok(accel_ivpu_list_nop(list));
	assert_ok(accel_ivpu_list_timestamp(list, ACCEL_IVPU_TIME_SYSTEM, a, 128));
	assert_ok(accel_ivpu_list_fence_wait(list, b, 64, 5));
	assert_ok(accel_ivpu_list_fill(list, a, 4096, 100, 0x01020304));
	assert_ok(accel_ivpu_list_barrier(list));
	assert_ok(accel_ivpu_list_copy(list, a, 1, b, 3, 1000));
	assert_ok(accel_ivpu_list_inference(list, b, 8, 16, 77));
	assert_ok(accel_ivpu_list_fence_signal(list, a, 8192 - 64, 6));
	at = finish();
	memset(&expected, 0, sizeof(expected));
	expected.header.bytes = sizeof(expected);
	expected.header.first = 48;
	expected.header.api = 0x4000e;
	expected.header.save = address(params.commands) + 256;
	expected.header.descriptors = address(params.commands) + 320;
	expected.nop = (struct ivpu_head){0x0001, 8, 0};
	expected.timestamp = (struct ivpu_timestamp){{0x0100, 16, 1}, address(a) + 128};
	expected.wait = (struct ivpu_fence){{0x0101, 24, 0}, address(b) + 64, 5};
	expected.fill = (struct ivpu_fill){{0x0202, 32, 0}, address(a) + 4096, 100, 0x01020304, 0};
	expected.barrier = (struct ivpu_head){0x0103, 8, 0};
	expected.copy = (struct ivpu_copy){{0x0302, 24, 0}, 0, 1, 0};
	expected.inference = (struct ivpu_inference){{0x0306, 32, 0}, 77, address(b) + 8, 16, 0};
	expected.signal = (struct ivpu_fence){{0x0102, 24, 0}, address(a) + 8192 - 64, 6};
	assert_int_equal(sizeof(expected), 216);
	assert_memory_equal(at, &expected, sizeof(expected));
	descriptor.src = address(b) + 3;
	descriptor.dst = address(a) + 1;
	descriptor.bytes = 1000;
	assert_memory_equal(at + 320, &descriptor, sizeof(descriptor));
	assert_int_equal(params.bytes, sizeof(expected));
	assert_int_equal(params.offset, 0);
	assert_int_equal(params.bo_count, 2);
	assert_ptr_equal(params.bos[0].bo, a);
	assert_int_equal(params.bos[0].access, ACCEL_ACCESS_WRITE);
	assert_ptr_equal(params.bos[1].bo, b);
	assert_int_equal(params.bos[1].access, ACCEL_ACCESS_READ);
	accel_bo_unref(params.commands);
	/* It goes on from there. */
	assert_ok(accel_ivpu_list_fill(list, b, 0, 1, 0));
	at = finish();
	assert_int_equal(params.bos[1].access, RW);
	assert_int_equal(params.bytes, sizeof(expected) + 32);
	accel_bo_unref(params.commands);
	close_all();
}

static void later_npus_have_other_descriptors(void **state)
{
	struct ivpu_descriptor_40xx descriptor = {0};
	const unsigned char *at;

	(void)state;
	kernel.device = 0x643e;
	open_all();
	assert_ok(accel_ivpu_list_copy(list, a, 1, b, 3, 1000));
	assert_ok(accel_ivpu_list_copy(list, a, 4096, b, 0, 8));
	assert_ok(accel_ivpu_list_timestamp(list, 0, a, 8));
	assert_ok(accel_ivpu_list_fill(list, a, 1, 1, 0));
	at = finish();
	descriptor.src = address(b) + 3;
	descriptor.dst = address(a) + 1;
	descriptor.bytes = 1000;
	assert_memory_equal(at + 256, &descriptor, 192);
	descriptor.src = address(b);
	descriptor.dst = address(a) + 4096;
	descriptor.bytes = 8;
	assert_memory_equal(at + 256 + 192, &descriptor, 192);
	assert_int_equal(*(const uint64_t *)(const void *)(at + 48 + 24 + 8), 192); /* its offset */
	accel_bo_unref(params.commands);
	close_all();
}

static void large_copies_have_many_descriptors(void **state)
{
	const uint64_t bytes = 4098ull * OLD_COPY_MAX - 1;
	struct ivpu_descriptor_37xx descriptor;
	const unsigned char *at;
	struct ivpu_copy copy;
	uint64_t done = 0;
	uint32_t i;

	(void)state;
	open_all();
	accel_bo_unref(a);
	accel_bo_unref(b);
	/* Only numbers: no memory stands behind them, and 32 bits could not address it. */
	a = make_bo(ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE, 1);
	b = make_bo(ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE, 1);
	a->bytes = b->bytes = bytes + 1;
	ivpu_bo(a)->address = UINT64_C(1) << 40;
	ivpu_bo(b)->address = UINT64_C(1) << 41;
	assert_ok(accel_ivpu_list_copy(list, a, 1, b, 0, bytes));
	at = finish();
	memcpy(&copy, at + 48, sizeof(copy));
	assert_int_equal(copy.count, 4096);
	memcpy(&copy, at + 48 + 24, sizeof(copy));
	assert_int_equal(copy.count, 2);
	assert_int_equal(copy.offset, 4096 * 64);
	for (i = 0; i < 4098; i++) {
		memcpy(&descriptor, at + 192 + 64 * i, sizeof(descriptor));
		assert_int_equal(descriptor.src, address(b) + done);
		assert_int_equal(descriptor.dst, address(a) + 1 + done);
		done += descriptor.bytes;
	}
	assert_int_equal(done, bytes);
	accel_bo_unref(params.commands);
	close_all();
}

static void what_lists_refuse(void **state)
{
	struct accel_bo *read_only, *foreign;
	struct accel_context *other;

	(void)state;
	open_all();
	other = context;
	context = kernel_open(0);
	foreign = make_bo(DATA, 4096);
	accel_context_unref(context);
	context = other;
	read_only = make_bo(ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ, 4096);
	assert_fails(accel_ivpu_list_finish(list, &params), -EINVAL); /* empty */
	assert_fails(accel_ivpu_list_fill(list, a, 0, 0, 0), -EINVAL);
	assert_fails(accel_ivpu_list_fill(list, a, 8, 64, 0), -EINVAL);
	assert_fails(accel_ivpu_list_fill(list, a, 8192, 64, 0), -ERANGE);
	assert_fails(accel_ivpu_list_fill(list, a, 64, 8192, 0), -ERANGE);
	assert_fails(accel_ivpu_list_fill(list, a, 64, UINT64_MAX, 0), -ERANGE);
	assert_fails(accel_ivpu_list_fill(list, NULL, 0, 64, 0), -EINVAL);
	assert_fails(accel_ivpu_list_fill(list, foreign, 0, 64, 0), -EXDEV);
	assert_fails(accel_ivpu_list_fill(list, read_only, 0, 64, 0), -EACCES);
	assert_fails(accel_ivpu_list_timestamp(list, 3, a, 0), -EINVAL);
	assert_fails(accel_ivpu_list_timestamp(list, 0, a, 32), -EINVAL);
	assert_fails(accel_ivpu_list_fence_signal(list, read_only, 0, 1), -EACCES);
	assert_fails(accel_ivpu_list_fence_wait(list, a, 8192, 1), -ERANGE);
	assert_fails(accel_ivpu_list_copy(list, a, 0, a, 63, 64), -EINVAL);
	assert_fails(accel_ivpu_list_copy(list, a, 63, a, 0, 64), -EINVAL);
	assert_fails(accel_ivpu_list_copy(list, a, 0, b, 8000, 193), -ERANGE);
	assert_fails(accel_ivpu_list_copy(list, read_only, 0, b, 0, 1), -EACCES);
	assert_fails(accel_ivpu_list_inference(list, a, 0, 0, 0), -EINVAL);
	assert_fails(accel_ivpu_list_use(list, a, 0), -EINVAL);
	assert_fails(accel_ivpu_list_use(list, a, 4), -EINVAL);
	assert_fails(accel_ivpu_list_use(list, read_only, RW), -EACCES);
	assert_fails(accel_ivpu_list_nop(NULL), -EINVAL);
	/* None of it left anything. */
	assert_fails(accel_ivpu_list_finish(list, &params), -EINVAL);
	assert_ok(accel_ivpu_list_copy(list, a, 0, a, 64, 64));
	assert_fails(accel_ivpu_list_finish(list, NULL), -EINVAL);
	finish();
	assert_int_equal(params.bo_count, 1);
	accel_bo_unref(params.commands);
	accel_bo_unref(read_only);
	accel_bo_unref(foreign);
	close_all();
}

static void want_of_memory(void **state)
{
	unsigned long skip;
	int ret = -ENOMEM;

	(void)state;
	for (skip = 0; ret == -ENOMEM; skip++) {
		open_all();
		seam_fail(SEAM_ALLOC, skip, 1, -ENOMEM);
		ret = accel_ivpu_list_copy(list, a, 0, b, 0, 64);
		if (!ret)
			ret = accel_ivpu_list_finish(list, &params);
		seam_fail(SEAM_ALLOC, 0, 0, 0);
		if (!ret)
			accel_bo_unref(params.commands);
		close_all();
	}
	assert_int_equal(ret, 0);
	assert_true(skip > 3);
}

static void lists_hold_what_they_name(void **state)
{
	struct accel_ivpu_list *same;

	(void)state;
	open_all();
	assert_ok(accel_ivpu_list_fill(list, a, 0, 64, 1));
	accel_bo_unref(a);
	assert_ptr_equal(accel_ivpu_list_ref(list), list);
	same = list;
	accel_ivpu_list_unref(list);
	finish();
	accel_bo_unref(params.commands);
	list = same;
	a = NULL;
	close_all();
	accel_ivpu_list_unref(NULL);
}

/* ---- metrics ------------------------------------------------------------------------------- */

static void metrics(void **state)
{
	struct accel_ivpu_metrics_params start = {
		.size = sizeof(start), .samples = 10, .groups = 5, .period_ns = 1000000};
	struct accel_ivpu_metrics_info info = {.size = sizeof(info)};
	struct accel_ivpu_metrics *stream, *other;
	unsigned char data[64] = {0};
	uint64_t got;

	(void)state;
	context = kernel_open(0);
	assert_ok(accel_ivpu_metrics_start(context, &start, &stream));
	assert_int_equal(kernel.started.metric_group_mask, 5);
	assert_int_equal(kernel.started.sampling_period_ns, 1000000);
	assert_int_equal(kernel.started.read_period_samples, 10);
	assert_fails(accel_ivpu_metrics_start(context, &start, &other), -EALREADY);
	assert_ok(accel_ivpu_metrics_get_info(stream, &info));
	assert_int_equal(info.sample_bytes, 24);
	assert_int_equal(info.bytes_max, 240);
	assert_ok(accel_ivpu_metrics_read(stream, NULL, 0, &got));
	assert_int_equal(got, 48);
	assert_ok(accel_ivpu_metrics_read(stream, data, sizeof(data), &got));
	assert_int_equal(got, 48);
	assert_int_equal(data[47], 0x5a);
	assert_int_equal(data[48], 0);
	assert_fails(accel_ivpu_metrics_read(stream, NULL, 1, &got), -EINVAL);
	assert_fails(accel_ivpu_metrics_read(stream, data, 1, NULL), -EINVAL);
	assert_fails(accel_ivpu_metrics_read(NULL, data, 1, &got), -EINVAL);
	kernel.reset = true;
	assert_fails(accel_ivpu_metrics_read(stream, data, sizeof(data), &got), -ESTALE);
	assert_ptr_equal(accel_ivpu_metrics_ref(stream), stream);
	accel_ivpu_metrics_unref(stream);
	assert_int_equal(kernel.streaming, 5);
	accel_ivpu_metrics_unref(stream);
	assert_int_equal(kernel.streaming, 0);
	accel_ivpu_metrics_unref(NULL);

	start.groups = 0;
	assert_fails(accel_ivpu_metrics_start(context, &start, &stream), -EINVAL);
	start.groups = 1;
	start.samples = 0;
	assert_fails(accel_ivpu_metrics_start(context, &start, &stream), -EINVAL);
	start.samples = 1;
	start.period_ns = 999999;
	assert_fails(accel_ivpu_metrics_start(context, &start, &stream), -EINVAL);
	start.period_ns = 1000000;
	assert_fails(accel_ivpu_metrics_start(context, &start, NULL), -EINVAL);
	kernel_fail(DRM_IOCTL_IVPU_METRIC_STREAMER_START, 0, 1, -EBADMSG);
	assert_fails(accel_ivpu_metrics_start(context, &start, &stream), -EIO);

	assert_ok(accel_ivpu_metrics_describe(context, 1, NULL, 0, &got));
	assert_int_equal(got, 100);
	assert_fails(accel_ivpu_metrics_describe(context, 1, data, sizeof(data), &got), -ENOSPC);
	assert_fails(accel_ivpu_metrics_describe(context, 0, NULL, 0, &got), -EINVAL);
	accel_context_unref(context);
	kernel.old = true;
	kernel.queues = false;
	context = kernel_open(0);
	assert_fails(accel_ivpu_metrics_start(context, &start, &stream), -EOPNOTSUPP);
	assert_fails(accel_ivpu_metrics_describe(context, 1, NULL, 0, &got), -EOPNOTSUPP);
	accel_context_unref(context);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kernel_setup, kernel_teardown)
		TEST(each_command_in_its_place),
		TEST(later_npus_have_other_descriptors),
		TEST(large_copies_have_many_descriptors),
		TEST(what_lists_refuse),
		TEST(want_of_memory),
		TEST(lists_hold_what_they_name),
		TEST(metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
