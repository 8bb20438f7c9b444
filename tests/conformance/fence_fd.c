/* SPDX-License-Identifier: MIT */
/* Fences as descriptors: exported and imported. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static int export(struct accel_fence *fence)
{
	int fd = -77;

	gives(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), 0);
	expect(fd >= 0);
	expect(fd_is_cloexec(fd));
	return fd;
}

static struct accel_fence *import(int fd)
{
	struct accel_fence *fence;

	gives(accel_fence_import_fd(fd, 0, &fence), 0);
	return fence;
}

static void poll_for_ever(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	same(poll(&entry, 1, -1), 1);
	expect(entry.revents & POLLIN);
}

static void descriptor_is_readable_at_the_end(void)
{
	struct later later;
	struct blocker b;
	struct setup s;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	fd = export(b.fence);
	expect(!fd_is_ready(fd));
	later_start(&later, unblock_later, &b);
	poll_for_ever(fd);
	gives(accel_fence_status(b.fence), 0);
	later_join(&later);
	expect(fd_is_ready(fd));
	close(fd);
	blocker_end(&b);
	setup_close(&s);
}

static void descriptor_of_an_ended_fence_is_readable(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	fd = export(fence);
	expect(fd_is_ready(fd));
	close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void descriptor_of_a_failed_fence_is_readable(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	job = failing_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	fd = export(fence);
	poll_for_ever(fd);
	expect_fence_result(accel_fence_status(fence), ACCEL_FAILED);
	close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void descriptor_of_a_canceled_fence_is_readable(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct blocker b;
	struct setup s;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, &fence);
	fd = export(fence);
	expect(!fd_is_ready(fd));
	unblock(&b);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	poll_for_ever(fd);
	close(fd);
	blocker_drop(&b);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void exported_twice_both_are_readable(void)
{
	struct blocker b;
	struct setup s;
	int fds[5];
	unsigned int i, j;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	for (i = 0; i < 4; i++) {
		fds[i] = export(b.fence);
		for (j = 0; j < i; j++)
			expect(fds[i] != fds[j]);
	}
	fds[4] = dup(fds[0]);
	/* Closing one means nothing to the others. */
	close(fds[0]);
	for (i = 1; i < 5; i++)
		expect(!fd_is_ready(fds[i]));
	unblock(&b);
	for (i = 1; i < 5; i++) {
		poll_for_ever(fds[i]);
		close(fds[i]);
	}
	blocker_end(&b);
	setup_close(&s);
}

/* "reading from it changes nothing" */
static void reading_changes_nothing(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	unsigned int i;
	char bytes[64];
	int fds[2];

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	fds[0] = export(fence);
	fds[1] = export(fence);
	poll_for_ever(fds[0]);
	for (i = 0; i < 100; i++) {
		if (read(fds[0], bytes, i % 2 ? 8 : sizeof(bytes)) < 0)
			expect(errno != EBADF);
		expect(fd_is_ready(fds[0]));
		expect(fd_is_ready(fds[1]));
	}
	gives(accel_fence_status(fence), 0);
	close(fds[0]);
	close(fds[1]);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void descriptor_outlives_everything(void)
{
	struct blocker b;
	struct setup s;
	int fd, again;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	fd = export(b.fence);
	again = export(b.fence);
	blocker_end(&b);
	setup_close(&s);
	poll_for_ever(fd);
	close(fd);
	poll_for_ever(again);
	close(again);
}

/* Its owner goes before the work has ended: the descriptor still tells. */
static void descriptor_outlives_its_fence(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct blocker b;
	struct setup s;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, &fence);
	fd = export(fence);
	accel_fence_unref(fence);
	accel_job_unref(job);
	expect(!fd_is_ready(fd));
	unblock(&b);
	poll_for_ever(fd);
	close(fd);
	blocker_end(&b);
	setup_close(&s);
}

static void descriptor_works_with_epoll(void)
{
	static const uint32_t kinds[] = {EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT};
	struct epoll_event event;
	struct later later;
	struct blocker b;
	struct setup s;
	int fd, epoll;
	size_t i;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		epoll = epoll_create1(EPOLL_CLOEXEC);
		expect(epoll >= 0);
		block(s.ctx, s.queue, &b);
		fd = export(b.fence);
		memset(&event, 0, sizeof(event));
		event.events = kinds[i];
		event.data.u32 = 4711;
		same(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
		same(epoll_wait(epoll, &event, 1, 0), 0);
		later_start(&later, unblock_later, &b);
		memset(&event, 0, sizeof(event));
		same(epoll_wait(epoll, &event, 1, -1), 1);
		same(event.data.u32, 4711);
		expect(event.events & EPOLLIN);
		later_join(&later);
		close(fd);
		close(epoll);
		blocker_end(&b);
	}
	setup_close(&s);
}

static void export_refuses_bad_arguments(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	int fd = -77;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	fails(accel_fence_export_fd(NULL, ACCEL_FD_ANY, &fd), -EINVAL);
	fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, NULL), -EINVAL);
	fails(accel_fence_export_fd(fence, 2, &fd), -EINVAL);
	fails(accel_fence_export_fd(fence, ~0u, &fd), -EINVAL);
	same(fd, -77);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void sync_file_tells_of_the_end(void)
{
	struct accel_fence *fence, *again;
	struct accel_job *job;
	struct setup s;
	int fd = -77, err;

	need(ACCEL_HAS_SYNC_FILE, "sync_files");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	submit_one(s.queue, job, &fence);
	do {
		err = accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd);
	} while (err == -EAGAIN);
	gives(err, 0);
	expect(fd_is_cloexec(fd));
	poll_for_ever(fd);
	again = import(fd);
	gives(accel_fence_wait(again, 0), 0);
	accel_fence_unref(again);
	close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

/* A loop over jobs and something else together. */
static void many_descriptors_in_one_poll(void)
{
	struct accel_fence *fences[16];
	struct accel_job *jobs[16];
	struct accel_queue *queue;
	struct pollfd entries[17];
	struct setup s;
	unsigned int i, left = 16;
	struct blocker b;
	int fds[2];

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	if (device_fact(ACCEL_QUEUE_DEPTH_MAX) < 17)
		skip_check("the device's queues take fewer jobs");
	queue = make_queue(s.ctx, 17);
	same(pipe2(fds, O_CLOEXEC), 0);
	block(s.ctx, queue, &b);
	for (i = 0; i < 16; i++) {
		jobs[i] = nop_job(s.ctx, queue);
		submit_one(queue, jobs[i], &fences[i]);
		entries[i] = (struct pollfd){.fd = export(fences[i]), .events = POLLIN};
	}
	entries[16] = (struct pollfd){.fd = fds[0], .events = POLLIN};
	same(poll(entries, 17, 0), 0);
	same(write(fds[1], "x", 1), 1);
	same(poll(entries, 17, -1), 1);
	expect(entries[16].revents & POLLIN);
	unblock(&b);
	while (left) {
		expect(poll(entries, 16, -1) > 0);
		for (i = 0; i < 16; i++) {
			if (entries[i].fd < 0 || !(entries[i].revents & POLLIN))
				continue;
			gives(accel_fence_status(fences[i]), 0);
			expect_outcome(jobs[i], ACCEL_DONE);
			close(entries[i].fd);
			entries[i].fd = -1;
			left--;
		}
	}
	for (i = 0; i < 16; i++) {
		accel_fence_unref(fences[i]);
		accel_job_unref(jobs[i]);
	}
	blocker_end(&b);
	close(fds[0]);
	close(fds[1]);
	accel_queue_unref(queue);
	setup_close(&s);
}

static const struct check checks[] = {
	CHECK(descriptor_is_readable_at_the_end),
	CHECK(descriptor_of_an_ended_fence_is_readable),
	CHECK(descriptor_of_a_failed_fence_is_readable),
	CHECK(descriptor_of_a_canceled_fence_is_readable),
	CHECK(exported_twice_both_are_readable),
	CHECK(reading_changes_nothing),
	CHECK(descriptor_outlives_everything),
	CHECK(descriptor_outlives_its_fence),
	CHECK(descriptor_works_with_epoll),
	CHECK(export_refuses_bad_arguments),
	CHECK(sync_file_tells_of_the_end),
	CHECK(many_descriptors_in_one_poll),
};

const struct group group_fence_fd = GROUP("fence_fd", checks);

/* ---- imports ---------------------------------------------------------------------------- */

struct source {
	int wait_fd, raise_fd; /* one and the same, or two ends */
};

static void source_close(struct source *source)
{
	close(source->wait_fd);
	if (source->raise_fd != source->wait_fd)
		close(source->raise_fd);
}

static void make_eventfd(struct source *source)
{
	source->wait_fd = source->raise_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void make_pipe(struct source *source)
{
	int fds[2];

	same(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	source->wait_fd = fds[0];
	source->raise_fd = fds[1];
}

static void make_socket(struct source *source)
{
	int fds[2];

	same(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	source->wait_fd = fds[0];
	source->raise_fd = fds[1];
}

static void raise_source(void *arg)
{
	struct source *source = arg;
	uint64_t one = 1;

	good_if(write(source->raise_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

/* Pending, then ended, then ended for ever; nothing is read from the descriptor. */
static void check_source(void (*make)(struct source *))
{
	struct accel_fence *fence, *second;
	struct source source;
	struct later later;
	uint64_t value;

	make(&source);
	expect(source.wait_fd >= 0);
	fence = import(source.wait_fd);
	gives(accel_fence_status(fence), -EINPROGRESS);
	gives(accel_fence_wait(fence, 0), -ETIME);
	gives(accel_fence_wait(fence, soon(3)), -ETIME);
	later_start(&later, raise_source, &source);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	later_join(&later);
	no_bad_notes();
	gives(accel_fence_status(fence), 0);
	second = import(source.wait_fd);
	gives(accel_fence_status(second), 0);
	expect(fd_is_ready(source.wait_fd));
	same(read(source.wait_fd, &value, sizeof(value)), sizeof(value));
	same(value, 1);
	/* Seen ended, it stays ended. */
	gives(accel_fence_status(fence), 0);
	gives(accel_fence_wait(fence, -1), 0);
	gives(accel_fence_status(second), 0);
	accel_fence_unref(second);
	second = import(source.wait_fd);
	gives(accel_fence_status(second), -EINPROGRESS);
	accel_fence_unref(second);
	accel_fence_unref(fence);
	/* The caller's descriptor is still the caller's. */
	expect(fcntl(source.wait_fd, F_GETFD) >= 0);
	source_close(&source);
}

static void import_of_an_eventfd(void)
{
	check_source(make_eventfd);
}

static void import_of_a_pipe(void)
{
	check_source(make_pipe);
}

static void import_of_a_socket(void)
{
	check_source(make_socket);
}

static void import_of_a_timerfd(void)
{
	struct itimerspec when = {.it_value = {0, 5000000}};
	struct accel_fence *fence;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	expect(fd >= 0);
	fence = import(fd);
	gives(accel_fence_wait(fence, soon(2)), -ETIME);
	same(timerfd_settime(fd, 0, &when, NULL), 0);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	close(fd);
}

/* The library works on its own duplicate. */
static void import_survives_the_close(void)
{
	struct accel_fence *fence;
	struct source source;
	int spare;

	make_pipe(&source);
	fence = import(source.wait_fd);
	close(source.wait_fd);
	/* Another file under the same number, readable at once. */
	spare = eventfd(1, EFD_CLOEXEC);
	gives(accel_fence_status(fence), -EINPROGRESS);
	raise_source(&source);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	close(spare);
	close(source.raise_fd);
	accel_fence_unref(fence);
}

/* A peer that went away will never signal: a wait must not last for ever, nor spin. */
static void import_of_a_pipe_whose_writer_is_gone_ends(void)
{
	struct accel_fence *fence;
	struct source source;

	make_pipe(&source);
	fence = import(source.wait_fd);
	gives(accel_fence_status(fence), -EINPROGRESS);
	close(source.raise_fd);
	expect(accel_fence_wait(fence, ACCEL_NO_DEADLINE) != -ETIME);
	expect(accel_fence_status(fence) != -EINPROGRESS);
	accel_fence_unref(fence);
	close(source.wait_fd);
}

static void import_of_an_exported_fence(void)
{
	struct accel_fence *again, *third;
	struct accel_fence *both[2];
	struct blocker b;
	struct setup s;
	int fd, fd2;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	setup_open(&s);
	block(s.ctx, s.queue, &b);
	fd = export(b.fence);
	again = import(fd);
	fd2 = export(again);
	third = import(fd2);
	close(fd);
	close(fd2);
	gives(accel_fence_status(again), -EINPROGRESS);
	gives(accel_fence_wait(third, soon(2)), -ETIME);
	unblock(&b);
	both[0] = again;
	both[1] = third;
	gives(accel_fence_wait_many(both, 2, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
	blocker_end(&b);
	gives(accel_fence_status(again), 0);
	accel_fence_unref(again);
	accel_fence_unref(third);
	setup_close(&s);
}

static void imported_fences_can_be_exported(void)
{
	struct accel_fence *fence;
	struct source source;
	int fd;

	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	make_pipe(&source);
	fence = import(source.wait_fd);
	fd = export(fence);
	expect(!fd_is_ready(fd));
	raise_source(&source);
	poll_for_ever(fd);
	close(fd);
	accel_fence_unref(fence);
	source_close(&source);
}

static void import_fails(int fd, int err)
{
	struct accel_fence *fence = untouched();

	fails(accel_fence_import_fd(fd, 0, &fence), err);
	is_untouched(fence);
}

static void import_of_no_descriptor_is_ebadf(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	import_fails(-1, -EBADF);
	import_fails(fd, -EBADF);
	import_fails(INT_MAX, -EBADF);
	import_fails(INT_MIN, -EBADF);
}

static void import_of_files_is_refused(void)
{
	char path[] = "/tmp/conformance-XXXXXX";
	int fd;

	fd = mkostemp(path, O_CLOEXEC);
	expect(fd >= 0);
	unlink(path);
	import_fails(fd, -EINVAL);
	expect(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(fd >= 0);
	import_fails(fd, -EINVAL);
	close(fd);
}

static void import_refuses_bad_arguments(void)
{
	struct accel_fence *fence = untouched();
	struct source source;

	make_pipe(&source);
	fails(accel_fence_import_fd(source.wait_fd, 1, &fence), -EINVAL);
	fails(accel_fence_import_fd(source.wait_fd, 1u << 31, &fence), -EINVAL);
	fails(accel_fence_import_fd(source.wait_fd, 0, NULL), -EINVAL);
	is_untouched(fence);
	source_close(&source);
}

/* No context is needed for it. */
static void imports_need_no_device(void)
{
	struct accel_fence *fences[100];
	struct source source;
	unsigned int i;

	make_eventfd(&source);
	for (i = 0; i < 100; i++)
		fences[i] = import(source.wait_fd);
	gives(accel_fence_wait_many(fences, 100, ACCEL_WAIT_ALL, soon(2), NULL), -ETIME);
	raise_source(&source);
	gives(accel_fence_wait_many(fences, 100, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE, NULL), 0);
	for (i = 0; i < 100; i++)
		accel_fence_unref(fences[i]);
	source_close(&source);
}

static const struct check import_checks[] = {
	CHECK(import_of_an_eventfd),
	CHECK(import_of_a_pipe),
	CHECK(import_of_a_socket),
	CHECK(import_of_a_timerfd),
	CHECK(import_survives_the_close),
	CHECK(import_of_a_pipe_whose_writer_is_gone_ends),
	CHECK(import_of_an_exported_fence),
	CHECK(imported_fences_can_be_exported),
	CHECK(import_of_no_descriptor_is_ebadf),
	CHECK(import_of_files_is_refused),
	CHECK(import_refuses_bad_arguments),
	CHECK(imports_need_no_device),
};

const struct group group_fence_import = GROUP("fence_import", import_checks);
