/* SPDX-License-Identifier: MIT */
/* Fences as descriptors: exporting and importing. */
#include "core.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

/* An eventfd that no reader ever empties: reading takes one from a count near 2^64. */
#define EVENT_FLAGS (EFD_SEMAPHORE | EFD_NONBLOCK)
#define EVENT_ENDED UINT64_C(0xfffffffffffffffe)

void fence_write_event(int fd)
{
	const uint64_t count = EVENT_ENDED;
	ssize_t ret;

	do {
		ret = accel_core_sys.write(fd, &count, sizeof(count));
	} while (ret == -EINTR);
}

int fence_event_fd(struct accel_fence *fence, int *out)
{
	int fd, ret = 0;

	accel_core_lock(&fence->lock);
	if (fence->event_fd < 0) {
		fd = accel_core_sys.eventfd(0, EVENT_FLAGS);
		if (fd < 0) {
			ret = accel_core_fail(fd, "no eventfd: %s", strerror(-fd));
			goto out;
		}
		fence->event_fd = fd;
		if (atomic_fetch_or(&fence->state, FENCE_HEARD) & FENCE_ENDED)
			fence_write_event(fd);
	}
	*out = fence->event_fd;
out:
	accel_core_unlock(&fence->lock);
	return ret;
}

static int dup_of(int fd, int *out)
{
	int ret = accel_core_sys.dup(fd);

	if (ret < 0)
		return accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
	*out = ret;
	return 0;
}

static int export_event(struct accel_fence *fence, int *out)
{
	int fd, ret;

	ret = fence_event_fd(fence, &fd);
	return ret ? ret : dup_of(fd, out);
}

static int export_imported(struct accel_fence *fence, uint32_t kind, int *out)
{
	int status;

	if (kind == ACCEL_FD_SYNC_FILE && accel_core_sync_file_status(fence->fd, &status))
		return accel_core_fail(-EOPNOTSUPP, "the imported descriptor is no sync_file");
	return dup_of(fence->fd, out);
}

/* Of a queue that pulls: the kernel has the descriptor, or a thread makes it. */
static int export_pulled(struct accel_fence *fence, struct accel_queue *queue, uint32_t kind,
			 int *out)
{
	const struct accel_ops *ops = queue->context->provider->ops;
	struct accel_job *job;
	int ret;

	accel_core_lock(&queue->lock);
	job = queue_find_job(queue, fence->last);
	if (!job && kind == ACCEL_FD_SYNC_FILE) {
		ret = ops->ended_sync_file(queue->context, out);
	} else if (!job) {
		ret = 1;
	} else if (job->state == ACCEL_JOB_RUNNING &&
		   queue->context->limits.fence_fd == ACCEL_NATIVE) {
		ret = ops->job_fd(job, kind, out);
	} else if (kind == ACCEL_FD_SYNC_FILE) {
		ret = -EAGAIN;
	} else {
		ret = waiter_start(queue);
		if (!ret)
			ret = 1;
	}
	accel_core_unlock(&queue->lock);
	return ret == 1 ? export_event(fence, out) : ret;
}

int accel_fence_export_fd(struct accel_fence *fence, uint32_t kind, int *fd)
{
	struct accel_queue *queue;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!fence || !fd || kind > ACCEL_FD_SYNC_FILE)
		return accel_core_fail(-EINVAL, "fence or fd is NULL, or there is no kind %u",
				       kind);
	if (fence->fd >= 0)
		return export_imported(fence, kind, fd);
	queue = fence_hold_queue(fence);
	if (kind == ACCEL_FD_SYNC_FILE &&
	    (!queue || queue->context->limits.sync_file == ACCEL_ABSENT))
		ret = accel_core_fail(-EOPNOTSUPP, "this driver has no sync_file");
	else if (queue && queue->context->limits.fence_fd == ACCEL_ABSENT)
		ret = accel_core_fail(-EOPNOTSUPP, "this fence can have no descriptor here");
	else if (queue && queue->context->pulls)
		ret = export_pulled(fence, queue, kind, fd);
	else
		ret = export_event(fence, fd);
	if (queue)
		queue_put(queue);
	return ret;
}

int accel_fence_import_fd(int fd, uint32_t flags, struct accel_fence **out)
{
	struct pollfd pollfd = {.fd = fd};
	struct accel_fence *fence;
	struct stat st;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!out || flags)
		return accel_core_fail(-EINVAL, "out is NULL, or flags is not 0");
	ret = accel_core_sys.fstat(fd, &st);
	if (ret)
		return accel_core_fail(ret, "descriptor %d: %s", fd, strerror(-ret));
	/* These poll readable always, and one opened with O_PATH not at all. */
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ||
	    S_ISLNK(st.st_mode) ||
	    (accel_core_sys.poll(&pollfd, 1, 0) > 0 && pollfd.revents & POLLNVAL))
		return accel_core_fail(-EINVAL, "descriptor %d is of a file that can't be polled",
				       fd);
	fence = fence_alloc();
	if (!fence)
		return accel_core_fail(-ENOMEM, "no memory for a fence");
	ret = dup_of(fd, &fence->fd);
	if (ret) {
		fence_put(fence);
		return ret;
	}
	*out = fence;
	return 0;
}
