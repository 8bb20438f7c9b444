/* SPDX-License-Identifier: MIT */
/* Being told of a job's end by a descriptor, against waiting for it. */
#include "soft.h"

#include <accel/soft.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS   31
#define TIMES    64
#define SLEEP_NS 20000

/* A job that ends when its waiter is asleep for sure, and notes when. */
struct sleeper {
	struct accel_queue *queue;
	struct accel_job *job;
	int epoll;
	_Atomic int64_t ended_ns;
};

static int sleep_and_note(const struct accel_soft_call *call)
{
	const struct timespec while_it_blocks = {.tv_nsec = SLEEP_NS};
	struct sleeper *sleeper = call->data;

	nanosleep(&while_it_blocks, NULL);
	atomic_store(&sleeper->ended_ns, bench_now());
	return 0;
}

static int wait_by_epoll(struct sleeper *sleeper, struct accel_fence *fence, int64_t *now)
{
	/* It happens once, so once is enough to be told. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int fd, err;

	err = accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd);
	if (err)
		return err;
	if (epoll_ctl(sleeper->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		err = -errno;
	} else {
		if (epoll_wait(sleeper->epoll, &event, 1, -1) < 0)
			err = -errno;
		*now = bench_now();
		if (!err)
			err = accel_fence_status(fence);
		/* The fence may keep the file open for a moment longer. */
		epoll_ctl(sleeper->epoll, EPOLL_CTL_DEL, fd, NULL);
	}
	close(fd);
	return err;
}

static int wait_blocking(struct sleeper *sleeper, struct accel_fence *fence, int64_t *now)
{
	int err = accel_fence_wait(fence, ACCEL_NO_DEADLINE);

	(void)sleeper;
	*now = bench_now();
	return err;
}

static int time_one(struct sleeper *sleeper, bool by_epoll, double *ns)
{
	struct accel_fence *fence;
	int64_t now = 0;
	int n, err;

	n = accel_submit(sleeper->queue, &sleeper->job, 1, NULL, &fence);
	if (n < 0)
		return n;
	err = (by_epoll ? wait_by_epoll : wait_blocking)(sleeper, fence, &now);
	*ns += (double)(now - atomic_load(&sleeper->ended_ns));
	accel_fence_unref(fence);
	return err;
}

/* From the job's end until its waiter knows: the median over the rounds of both, in
 * nanoseconds, and of their ratio. */
static int compare(struct sleeper *sleeper, double *blocking, double *ratio)
{
	double ratios[ROUNDS], times[ROUNDS];
	int err = 0;

	for (int round = -1; round < ROUNDS && !err; round++) {
		double ns[2] = {0};

		for (int i = 0; i < 2 * TIMES && !err; i++)
			err = time_one(sleeper, i & 1, &ns[i & 1]);
		if (round >= 0) { /* the first is for the caches */
			times[round] = ns[0] / TIMES;
			ratios[round] = ns[1] / ns[0];
		}
	}
	if (!err) {
		*blocking = bench_median(times, ROUNDS);
		*ratio = bench_median(ratios, ROUNDS);
	}
	return err;
}

int soft_waits(struct bench *b)
{
	struct sleeper sleeper = {.epoll = -1};
	struct accel_soft_host_job host = {
		.head = {sizeof(host), ACCEL_SOFT_HOST_JOB},
		.fn = sleep_and_note,
		.data = &sleeper,
	};
	struct accel_job_params job = {.size = sizeof(job), .ext = &host.head};
	struct accel_context *ctx = NULL;
	double blocking, ratio;
	int err;

	err = bench_pin(b, 0, -1);
	if (!err)
		err = soft_open(b, &ctx);
	if (err)
		return err;
	err = accel_queue_create(ctx, NULL, ACCEL_NO_DEADLINE, &sleeper.queue);
	if (!err)
		err = accel_job_create(sleeper.queue, &job, &sleeper.job);
	if (!err) {
		sleeper.epoll = epoll_create1(EPOLL_CLOEXEC);
		err = sleeper.epoll < 0 ? -errno : 0;
	}
	if (!err)
		err = compare(&sleeper, &blocking, &ratio);
	if (err) {
		soft_failed(b, err, "waiting by a descriptor");
	} else {
		bench_figure(b, "job's end to a blocking wait", blocking, "ns");
		bench_at_most(b, "job's end to epoll_wait", ratio, "blocking waits", 1.2);
	}
	if (sleeper.epoll >= 0)
		close(sleeper.epoll);
	accel_job_unref(sleeper.job);
	accel_queue_unref(sleeper.queue);
	accel_context_unref(ctx);
	return err;
}
