/* SPDX-License-Identifier: MIT */
/* Opening devices. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int call_open(void *arg, const void *params)
{
	struct accel_context *ctx = untouched();
	int err;

	err = accel_open(arg, params, 0, &ctx);
	if (err)
		is_untouched(ctx);
	else
		accel_context_unref(ctx);
	return err;
}

static void params_of_wrong_size_are_refused(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	refill_open_params(&params);
	check_in_sizes(call_open, dev, &params, sizeof(params));
	accel_device_unref(dev);
}

static void params_may_be_of_a_newer_header(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	refill_open_params(&params);
	check_in_tail(call_open, dev, &params, sizeof(params));
	accel_device_unref(dev);
}

static void params_may_be_of_an_older_header(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	memset(&params, 0xff, sizeof(params));
	params.size = 4;
	gives(call_open(dev, &params), 0);
	params.size = 8;
	params.flags = 0;
	gives(call_open(dev, &params), 0);
	accel_device_unref(dev);
}

static void params_may_be_null(void)
{
	struct accel_device *dev = find_device();

	gives(call_open(dev, NULL), 0);
	accel_device_unref(dev);
}

static void unknown_flags_are_refused(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	unsigned int bit;

	refill_open_params(&params);
	for (bit = 3; bit < 32; bit++) {
		params.flags = 1u << bit;
		fails(call_open(dev, &params), -EINVAL);
	}
	accel_device_unref(dev);
}

static void reserved_members_are_refused(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	refill_open_params(&params);
	params.reserved = 1;
	fails(call_open(dev, &params), -EINVAL);
	params.reserved = 1u << 31;
	fails(call_open(dev, &params), -EINVAL);
	accel_device_unref(dev);
}

static void null_is_refused(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	refill_open_params(&params);
	fails(call_open(NULL, &params), -EINVAL);
	fails(call_open(NULL, NULL), -EINVAL);
	fails(accel_open(dev, &params, 0, NULL), -EINVAL);
	accel_device_unref(dev);
}

static void struct_of_another_driver_is_refused(void)
{
	struct accel_ext ext = {sizeof(ext), 0xdead0001u};
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	uint32_t size;

	refill_open_params(&params);
	params.ext = &ext;
	fails(call_open(dev, &params), -EINVAL);
	for (size = 0; size < sizeof(ext); size++) {
		ext.size = size;
		fails(call_open(dev, &params), -EINVAL);
	}
	accel_device_unref(dev);
}

/* A device that is ready opens whatever the deadline. */
static void every_deadline_will_do(void)
{
	static const int64_t deadlines[] = {
		0, -1, INT64_MIN, 1, ACCEL_NO_DEADLINE, ACCEL_NO_DEADLINE - 1};
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx;
	size_t i;

	refill_open_params(&params);
	for (i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		gives(accel_open(dev, &params, deadlines[i], &ctx), 0);
		accel_context_unref(ctx);
	}
	accel_device_unref(dev);
}

static void fd_without_its_flag_is_ignored(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	refill_open_params(&params);
	params.fd = 12345;
	gives(call_open(dev, &params), 0);
	params.fd = -1;
	gives(call_open(dev, &params), 0);
	accel_device_unref(dev);
}

/* With a device, and without. */
static void fd_fails(int fd, int err)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *dev = find_device();
	struct accel_open_params params;

	gives(accel_device_get_info(dev, &info), 0);
	refill_open_params(&params);
	params.flags = ACCEL_OPEN_FD;
	params.fd = fd;
	fails(call_open(NULL, &params), err);
	/* Beside a device that has no node the flag itself is as wrong. */
	if (info.flags & ACCEL_DEVICE_SOFTWARE)
		err = -EINVAL;
	fails(call_open(dev, &params), err);
	accel_device_unref(dev);
}

static void fd_that_is_none_is_ebadf(void)
{
	int fd = dup(STDIN_FILENO);

	expect(fd >= 0);
	close(fd);
	fd_fails(-1, -EBADF);
	fd_fails(INT_MIN, -EBADF);
	fd_fails(INT_MAX, -EBADF);
	fd_fails(fd, -EBADF);
}

/* What is no accelerator is refused, and stays the caller's and open. */
static void foreign_fd(int fd)
{
	expect(fd >= 0);
	fd_fails(fd, -ENODEV);
	expect(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void fd_of_other_devices_is_enodev(void)
{
	foreign_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
	foreign_fd(open("/dev/zero", O_RDWR | O_CLOEXEC));
}

static void fd_of_files_is_enodev(void)
{
	foreign_fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	foreign_fd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	foreign_fd(memfd_create("foreign", MFD_CLOEXEC));
}

static void fd_of_pipes_and_sockets_is_enodev(void)
{
	int fds[2];

	same(pipe2(fds, O_CLOEXEC), 0);
	foreign_fd(fds[0]);
	foreign_fd(fds[1]);
	same(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	foreign_fd(fds[0]);
	foreign_fd(fds[1]);
	foreign_fd(eventfd(0, EFD_CLOEXEC));
	foreign_fd(epoll_create1(EPOLL_CLOEXEC));
}

static void fd_of_the_node_is_adopted(void)
{
	struct accel_device_info info = {.size = sizeof(info)}, of_ctx = {.size = sizeof(of_ctx)};
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx;
	int fd;

	gives(accel_device_get_info(dev, &info), 0);
	accel_device_unref(dev);
	if (info.node[0] == '\0')
		skip_check("the device has no node");
	fd = open(info.node, O_RDWR | O_CLOEXEC);
	expect(fd >= 0);
	refill_open_params(&params);
	params.flags = ACCEL_OPEN_FD;
	params.fd = fd;
	gives(accel_open(NULL, &params, soon(60000), &ctx), 0);
	gives(accel_context_get_device(ctx, &dev), 0);
	gives(accel_device_get_info(dev, &of_ctx), 0);
	same(of_ctx.devnum, info.devnum);
	accel_device_unref(dev);
	accel_context_unref(ctx);
	expect(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void no_threads_are_started_when_forbidden(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx = untouched();
	struct accel_queue *queue;
	struct accel_job *job;
	unsigned int before = count_threads();
	int err;

	refill_open_params(&params);
	params.flags = ACCEL_OPEN_NO_THREADS;
	err = accel_open(dev, &params, soon(60000), &ctx);
	accel_device_unref(dev);
	if (err) {
		gives(err, -EOPNOTSUPP); /* a device made of threads */
		is_untouched(ctx);
		same(count_threads(), before);
		return;
	}
	queue = make_queue(ctx, 0);
	job = nop_job(ctx, queue);
	run_job(queue, job);
	same(count_threads(), before);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(ctx);
}

static void unverified_jobs_still_end(void)
{
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	struct accel_context *ctx;
	struct accel_queue *queue;
	struct accel_fence *fence;
	struct accel_job *job;

	refill_open_params(&params);
	params.flags = ACCEL_OPEN_UNVERIFIED;
	gives(accel_open(dev, &params, soon(60000), &ctx), 0);
	queue = make_queue(ctx, 0);
	job = nop_job(ctx, queue);
	submit_one(queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(ctx);
	accel_device_unref(dev);
}

static void many_contexts_at_once(void)
{
	struct accel_context *ctxs[32];
	struct accel_device *dev = find_device();
	struct accel_open_params params;
	unsigned int i, count;
	int err;

	refill_open_params(&params);
	for (count = 0; count < 32; count++) {
		ctxs[count] = untouched();
		err = accel_open(dev, &params, soon(60000), &ctxs[count]);
		if (err) {
			is_untouched(ctxs[count]);
			if (err != -EBUSY)
				gives(err, -EMFILE);
			break;
		}
		for (i = 0; i < count; i++)
			expect(ctxs[i] != ctxs[count]);
	}
	expect(count >= 1);
	for (i = 0; i < count; i++)
		accel_context_unref(ctxs[i]);
	accel_device_unref(dev);
}

static void open_and_close_many_times(void)
{
	unsigned int i, fds = 0, maps = 0;
	struct setup s;

	for (i = 0; i < 200; i++) {
		setup_open(&s);
		setup_close(&s);
		if (i == 20) {
			fds = count_fds();
			maps = count_mappings();
		}
	}
	same(count_fds(), fds);
	expect(count_mappings() <= maps + 16);
}

static const struct check checks[] = {
	CHECK(params_of_wrong_size_are_refused),
	CHECK(params_may_be_of_a_newer_header),
	CHECK(params_may_be_of_an_older_header),
	CHECK(params_may_be_null),
	CHECK(unknown_flags_are_refused),
	CHECK(reserved_members_are_refused),
	CHECK(null_is_refused),
	CHECK(struct_of_another_driver_is_refused),
	CHECK(every_deadline_will_do),
	CHECK(fd_without_its_flag_is_ignored),
	CHECK(fd_that_is_none_is_ebadf),
	CHECK(fd_of_other_devices_is_enodev),
	CHECK(fd_of_files_is_enodev),
	CHECK(fd_of_pipes_and_sockets_is_enodev),
	CHECK(fd_of_the_node_is_adopted),
	CHECK(no_threads_are_started_when_forbidden),
	CHECK(unverified_jobs_still_end),
	CHECK(many_contexts_at_once),
	CHECK(open_and_close_many_times),
};

const struct group group_open = GROUP("open", checks);
