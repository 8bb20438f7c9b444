/* SPDX-License-Identifier: MIT */
/* What is limited: mappings that must not pile up, descriptors that run out. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- many, many times ------------------------------------------------------------------- */

static void map_and_release(unsigned int rounds, uint32_t flags, bool trim)
{
	struct accel_context *ctx = open_context();
	unsigned int i, fds = 0, maps = 0;
	struct accel_bo *bo;

	for (i = 0; i < rounds; i++) {
		bo = make_bo(ctx, flags, 4096 * (1 + i % 4));
		map_bo(bo)[i % 4096] = (unsigned char)i;
		accel_bo_unref(bo);
		if (trim && i % 100 == 99)
			gives(accel_context_trim(ctx, 0), 0);
		if (i == rounds / 100) {
			fds = count_fds();
			maps = count_mappings();
		}
		if (i > rounds / 100 && i % (rounds / 10) == 0 && count_mappings() > maps + 16)
			fail_here("%u mappings after %u rounds, %u after %u", count_mappings(), i,
				  maps, rounds / 100);
	}
	expect(count_mappings() <= maps + 16);
	expect(count_fds() <= fds + 4);
	gives(accel_context_trim(ctx, 0), 0);
	expect(count_fds() <= fds);
	accel_context_unref(ctx);
}

static void hundred_thousand_maps(void)
{
	map_and_release(suite.slow_tool ? 10000 : 100000, DATA_FLAGS, false);
}

static void hundred_thousand_maps_of_zeroes(void)
{
	map_and_release(suite.slow_tool ? 5000 : 100000, DATA_FLAGS | ACCEL_BO_ZERO, true);
}

static void many_maps_of_shared_buffers(void)
{
	need(ACCEL_HAS_EXPORT, "export of buffers");
	map_and_release(suite.slow_tool ? 2000 : 20000, DATA_FLAGS | ACCEL_BO_SHARE, false);
}

static bool is_software(struct accel_context *ctx)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device;

	gives(accel_context_get_device(ctx, &device), 0);
	gives(accel_device_get_info(device, &info), 0);
	accel_device_unref(device);
	return info.flags & ACCEL_DEVICE_SOFTWARE;
}

/* Memory is bounded too: far more in all than there is. A kernel driver may pin it, or want it
 * in one piece: less at a time then. */
static void memory_does_not_pile_up(void)
{
	struct accel_context *ctx = open_context();
	const bool software = is_software(ctx);
	unsigned int i, rounds = suite.slow_tool ? 50 : software ? 1000 : 200;
	uint64_t bytes = (software ? 64u : 4u) << 20;
	struct accel_bo *bo;

	if (device_fact(ACCEL_BO_BYTES_MAX) < bytes)
		bytes = device_fact(ACCEL_BO_BYTES_MAX);
	for (i = 0; i < rounds; i++) {
		bo = make_bo(ctx, DATA_FLAGS, bytes - 4096 * (i % 8));
		map_bo(bo)[bytes / 2] = 1;
		accel_bo_unref(bo);
	}
	accel_context_unref(ctx);
}

/* ---- descriptors run out ------------------------------------------------------------------- */

struct scarcity {
	struct rlimit saved;
	int fillers[256];
	unsigned int count;
};

/* Leave @left descriptors. */
static void scarcity_begin(struct scarcity *scarce, unsigned int left)
{
	struct rlimit limit;
	int fd;

	same(getrlimit(RLIMIT_NOFILE, &scarce->saved), 0);
	limit = scarce->saved;
	limit.rlim_cur = count_fds() + 64;
	same(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (scarce->count = 0; scarce->count < 256; scarce->count++) {
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			break;
		scarce->fillers[scarce->count] = fd;
	}
	expect(scarce->count < 256 && scarce->count >= left);
	while (left--)
		close(scarce->fillers[--scarce->count]);
}

static void scarcity_end(struct scarcity *scarce)
{
	while (scarce->count)
		close(scarce->fillers[--scarce->count]);
	same(setrlimit(RLIMIT_NOFILE, &scarce->saved), 0);
}

/* @fn makes something and takes it down again. With every number of descriptors left it
 * gives -EMFILE or succeeds, leaks none, and does succeed when there are enough. */
static void with_few_descriptors(int (*fn)(void *arg), void *arg)
{
	struct scarcity scarce;
	unsigned int left, before;
	int result;

	gives(fn(arg), 0);
	before = count_fds();
	for (left = 0; left <= 12; left++) {
		scarcity_begin(&scarce, left);
		result = fn(arg);
		scarcity_end(&scarce);
		if (result != -EMFILE && result != 0)
			fail_here("with %u descriptors left: %d (%s)", left, result,
				  strerror(-result));
		same(count_fds(), before);
	}
	gives(result, 0);
	gives(fn(arg), 0);
	same(count_fds(), before);
}

static int do_open(void *arg)
{
	struct accel_open_params params;
	struct accel_context *ctx = untouched();
	int err;

	refill_open_params(&params);
	err = accel_open(arg, &params, soon(60000), &ctx);
	if (err)
		is_untouched(ctx);
	else
		accel_context_unref(ctx);
	return err;
}

static void open_without_descriptors(void)
{
	struct accel_device *dev = find_device();

	with_few_descriptors(do_open, dev);
	accel_device_unref(dev);
}

/* Finding must not mistake the lack of descriptors for the lack of devices in silence; a
 * sysfs that can't be read counts as empty, and the software device needs none. */
static int do_scan(void *arg)
{
	struct accel_device *devs[256];
	int i, count;

	(void)arg;
	count = accel_device_scan(0, devs, 256);
	for (i = 0; i < count && i < 256; i++)
		accel_device_unref(devs[i]);
	return count < 0 ? count : 0;
}

static void scan_without_descriptors(void)
{
	with_few_descriptors(do_scan, NULL);
}

static int do_bo(void *arg)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};
	struct accel_bo *bo = untouched();
	void *map;
	int err;

	params.bytes = 8192;
	err = accel_bo_create(arg, &params, &bo);
	if (err) {
		is_untouched(bo);
		return err;
	}
	err = accel_bo_map(bo, &map);
	if (err == 0)
		*(volatile char *)map = 1;
	accel_bo_unref(bo);
	accel_context_trim(arg, 0);
	return err;
}

static void buffer_without_descriptors(void)
{
	struct accel_context *ctx = open_context();

	with_few_descriptors(do_bo, ctx);
	accel_context_unref(ctx);
}

static int do_shared_bo(void *arg)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_bo *bo = untouched();
	int err, fd = -77;

	params.flags = DATA_FLAGS | ACCEL_BO_SHARE;
	params.bytes = 8192;
	err = accel_bo_create(arg, &params, &bo);
	if (err) {
		is_untouched(bo);
		return err;
	}
	err = accel_bo_export(bo, 0, &fd);
	if (err)
		same(fd, -77);
	else
		close(fd);
	accel_bo_unref(bo);
	return err;
}

static void export_without_descriptors(void)
{
	struct accel_context *ctx;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	ctx = open_context();
	with_few_descriptors(do_shared_bo, ctx);
	accel_context_unref(ctx);
}

struct foreign {
	struct accel_context *ctx;
	int fd;
};

static int do_import(void *arg)
{
	struct foreign *foreign = arg;
	struct accel_bo *bo = untouched();
	int err;

	err = accel_bo_import(foreign->ctx, foreign->fd, DATA_FLAGS, &bo);
	if (err)
		is_untouched(bo);
	else
		accel_bo_unref(bo);
	return err;
}

static void import_without_descriptors(void)
{
	struct accel_context *maker;
	struct foreign foreign;
	struct accel_bo *bo;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	need(ACCEL_HAS_IMPORT, "import of buffers");
	maker = open_context();
	foreign.ctx = open_another();
	bo = make_bo(maker, DATA_FLAGS | ACCEL_BO_SHARE, 8192);
	gives(accel_bo_export(bo, 0, &foreign.fd), 0);
	with_few_descriptors(do_import, &foreign);
	close(foreign.fd);
	accel_bo_unref(bo);
	accel_context_unref(foreign.ctx);
	accel_context_unref(maker);
}

static int do_queue(void *arg)
{
	struct accel_queue *queue = untouched();
	int err;

	err = try_queue(arg, 0, &queue);
	if (err)
		is_untouched(queue);
	else
		accel_queue_unref(queue);
	return err;
}

static void queue_without_descriptors(void)
{
	struct accel_context *ctx = open_context();

	with_few_descriptors(do_queue, ctx);
	accel_context_unref(ctx);
}

/* Submitting and waiting: either it needs no descriptor, or it says so and the job is as
 * if never submitted. */
struct submission {
	struct setup s;
	struct accel_job *job;
};

static int do_submit(void *arg)
{
	struct submission *submission = arg;
	struct accel_fence *fence = untouched();
	int result;

	result = accel_submit(submission->s.queue, &submission->job, 1, NULL, &fence);
	if (result < 0) {
		is_untouched(fence);
		return result;
	}
	result = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_fence_unref(fence);
	return result;
}

static void submit_without_descriptors(void)
{
	struct submission submission;

	setup_open(&submission.s);
	submission.job = nop_job(submission.s.ctx, submission.s.queue);
	with_few_descriptors(do_submit, &submission);
	accel_job_unref(submission.job);
	setup_close(&submission.s);
}

static int do_export_fence(void *arg)
{
	int err, fd = -77;

	err = accel_fence_export_fd(arg, ACCEL_FD_ANY, &fd);
	if (err)
		same(fd, -77);
	else
		close(fd);
	return err;
}

static void fence_export_without_descriptors(void)
{
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	with_few_descriptors(do_export_fence, b.fence);
	blocker_end(&b);
	setup_close(&s);
}

static int do_import_fence(void *arg)
{
	struct accel_fence *fence = untouched();
	int err;

	err = accel_fence_import_fd(*(int *)arg, 0, &fence);
	if (err)
		is_untouched(fence);
	else
		accel_fence_unref(fence);
	return err;
}

static void fence_import_without_descriptors(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	with_few_descriptors(do_import_fence, &fd);
	close(fd);
}

static const struct check checks[] = {
	CHECK(hundred_thousand_maps),
	CHECK(hundred_thousand_maps_of_zeroes),
	CHECK(many_maps_of_shared_buffers),
	CHECK(memory_does_not_pile_up),
	CHECK(open_without_descriptors),
	CHECK(scan_without_descriptors),
	CHECK(buffer_without_descriptors),
	CHECK(export_without_descriptors),
	CHECK(import_without_descriptors),
	CHECK(queue_without_descriptors),
	CHECK(submit_without_descriptors),
	CHECK(fence_export_without_descriptors),
	CHECK(fence_import_without_descriptors),
};

const struct group group_limits = GROUP("limits", checks);
