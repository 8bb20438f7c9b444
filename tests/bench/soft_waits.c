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
#define WORK_NS  20000

/* A job that calls a function, and who waits for it. */
struct waiter {
	struct accel_queue *queue;
	struct accel_job *sleeps, *works;
	int epoll;
	_Atomic int64_t ended_ns; /* when `sleeps` did */
};

/* Its waiter is asleep for sure when it ends. */
static int sleep_and_note(const struct accel_soft_call *call)
{
	const struct timespec while_it_blocks = {.tv_nsec = SLEEP_NS};
	struct waiter *waiter = call->data;

	nanosleep(&while_it_blocks, NULL);
	atomic_store(&waiter->ended_ns, bench_now());
	return 0;
}

static int work(const struct accel_soft_call *call)
{
	int64_t end = bench_now() + WORK_NS;

	(void)call;
	while (bench_now() < end)
		;
	return 0;
}

static int wait_by_epoll(struct waiter *waiter, struct accel_fence *fence, int64_t *now)
{
	/* It happens once, so once is enough to be told. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int fd, err;

	err = accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd);
	if (err)
		return err;
	if (epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		err = -errno;
	} else {
		if (epoll_wait(waiter->epoll, &event, 1, -1) < 0)
			err = -errno;
		*now = bench_now();
		if (!err)
			err = accel_fence_status(fence);
		/* The fence may keep the file open for a moment longer. */
		epoll_ctl(waiter->epoll, EPOLL_CTL_DEL, fd, NULL);
	}
	close(fd);
	return err;
}

static int wait_blocking(struct waiter *waiter, struct accel_fence *fence, int64_t *now)
{
	int err = accel_fence_wait(fence, ACCEL_NO_DEADLINE);

	(void)waiter;
	*now = bench_now();
	return err;
}

/* From the submission until the fence is given back: all that a program has to do. */
static int time_whole(struct waiter *waiter, bool by_epoll, double *ns)
{
	int64_t start = bench_now(), now;
	struct accel_fence *fence;
	int n, err;

	n = accel_submit(waiter->queue, &waiter->works, 1, NULL, &fence);
	if (n < 0)
		return n;
	err = (by_epoll ? wait_by_epoll : wait_blocking)(waiter, fence, &now);
	accel_fence_unref(fence);
	*ns += (double)(bench_now() - start);
	return err;
}

/* From the job's end until its waiter knows. */
static int time_end(struct waiter *waiter, bool by_epoll, double *ns)
{
	struct accel_fence *fence;
	int64_t now = 0;
	int n, err;

	n = accel_submit(waiter->queue, &waiter->sleeps, 1, NULL, &fence);
	if (n < 0)
		return n;
	err = (by_epoll ? wait_by_epoll : wait_blocking)(waiter, fence, &now);
	*ns += (double)(now - atomic_load(&waiter->ended_ns));
	accel_fence_unref(fence);
	return err;
}

/* The median over the rounds of a blocking wait in nanoseconds, and of the ratio of the other. */
static int compare(struct waiter *waiter, int (*time_one)(struct waiter *, bool, double *),
		   double *blocking, double *ratio)
{
	double ratios[ROUNDS], times[ROUNDS];
	int err = 0;

	for (int round = -1; round < ROUNDS && !err; round++) {
		double ns[2] = {0};

		for (int i = 0; i < 2 * TIMES && !err; i++)
			err = time_one(waiter, i & 1, &ns[i & 1]);
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

static int job_create(struct waiter *waiter, int (*fn)(const struct accel_soft_call *),
		      struct accel_job **out)
{
	struct accel_soft_host_job host = {
		.head = {sizeof(host), ACCEL_SOFT_HOST_JOB},
		.fn = fn,
		.data = waiter,
	};
	struct accel_job_params params = {.size = sizeof(params), .ext = &host.head};

	return accel_job_create(waiter->queue, &params, out);
}

int soft_waits(struct bench *b)
{
	struct waiter waiter = {.epoll = -1};
	struct accel_context *ctx = NULL;
	double whole, whole_ratio, end, end_ratio;
	int err;

	err = soft_open(b, -1, &ctx);
	if (err)
		return err;
	err = accel_queue_create(ctx, NULL, ACCEL_NO_DEADLINE, &waiter.queue);
	if (!err)
		err = job_create(&waiter, sleep_and_note, &waiter.sleeps);
	if (!err)
		err = job_create(&waiter, work, &waiter.works);
	if (!err) {
		waiter.epoll = epoll_create1(EPOLL_CLOEXEC);
		err = waiter.epoll < 0 ? -errno : 0;
	}
	if (!err)
		err = compare(&waiter, time_whole, &whole, &whole_ratio);
	if (!err)
		err = compare(&waiter, time_end, &end, &end_ratio);
	if (err) {
		soft_failed(b, err, "waiting by a descriptor");
	} else {
		bench_figure(b, "job of 20 us, blocking wait", whole / 1000, "us");
		bench_at_most(b, "job of 20 us, epoll_wait", whole_ratio, "blocking waits", 1.2);
		bench_figure(b, "job's end to a blocking wait", end, "ns");
		bench_figure(b, "job's end to epoll_wait", end_ratio, "blocking waits");
	}
	if (waiter.epoll >= 0)
		close(waiter.epoll);
	accel_job_unref(waiter.works);
	accel_job_unref(waiter.sleeps);
	accel_queue_unref(waiter.queue);
	accel_context_unref(ctx);
	return err;
}
