/* SPDX-License-Identifier: MIT */
/* Queues full of jobs, and the futex that they are compared to. */
#include "soft.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int soft_bo(struct accel_context *ctx, uint64_t bytes, const void *contents, struct accel_bo **bo)
{
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			 ACCEL_BO_DEVICE_WRITE | ACCEL_BO_COMMANDS | ACCEL_BO_ZERO,
		.bytes = bytes,
		.contents = contents,
	};

	return accel_bo_create(ctx, &params, bo);
}

int soft_line_create(struct accel_context *ctx, unsigned int count, const struct soft_work *work,
		     struct soft_line *line)
{
	struct accel_queue_params queue = {.size = sizeof(queue), .depth = count};
	struct accel_job_params job = {.size = sizeof(job)};
	int err = 0;

	*line = (struct soft_line){0};
	line->jobs = calloc(count, sizeof(struct accel_job *));
	if (!line->jobs)
		return -ENOMEM;
	if (work->bytes)
		err = soft_bo(ctx, work->bytes, work->commands, &job.commands);
	if (!err)
		err = accel_queue_create(ctx, &queue, ACCEL_NO_DEADLINE, &line->queue);
	job.bytes = work->bytes;
	job.bos = work->bos;
	job.bo_count = work->bo_count;
	job.ext = work->ext;
	while (!err && line->count < count) {
		err = accel_job_create(line->queue, &job, &line->jobs[line->count]);
		line->count += !err;
	}
	accel_bo_unref(job.commands);
	if (err)
		soft_line_destroy(line);
	return err;
}

void soft_line_destroy(struct soft_line *line)
{
	for (unsigned int i = 0; i < line->count; i++)
		accel_job_unref(line->jobs[i]);
	accel_queue_unref(line->queue);
	free(line->jobs);
	*line = (struct soft_line){0};
}

int soft_line_stream(struct soft_line *line, unsigned int count, unsigned int batch)
{
	struct accel_fence *fence = NULL;
	unsigned int done = 0;
	int n, err;

	while (done < count) {
		if (batch > count - done)
			batch = count - done;
		n = accel_submit(line->queue, line->jobs + done, batch, NULL,
				 done + batch == count ? &fence : NULL);
		if (n != (int)batch) {
			accel_fence_unref(fence);
			return n < 0 ? n : -EAGAIN;
		}
		done += batch;
	}
	err = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_fence_unref(fence);
	return err;
}

int soft_line_lockstep(void *line, unsigned int count)
{
	int err = 0;

	while (count-- && !err)
		err = soft_line_stream(line, 1, 1);
	return err;
}

/* ---- the futex ------------------------------------------------------------------------------ */

enum turn {
	TURN_OURS,
	TURN_ITS,
	TURN_OVER
};

struct soft_echo {
	pthread_t thread;
	_Atomic uint32_t turn; /* enum turn */
};

static void pass(struct soft_echo *echo, uint32_t to)
{
	atomic_store(&echo->turn, to);
	syscall(SYS_futex, &echo->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wait_while(struct soft_echo *echo, uint32_t turn)
{
	while (atomic_load(&echo->turn) == turn)
		syscall(SYS_futex, &echo->turn, FUTEX_WAIT_PRIVATE, turn, NULL, NULL, 0);
}

static void *echo_main(void *arg)
{
	struct soft_echo *echo = arg;

	for (;;) {
		wait_while(echo, TURN_OURS);
		if (atomic_load(&echo->turn) == TURN_OVER)
			return NULL;
		pass(echo, TURN_OURS);
	}
}

int soft_echo_create(struct soft_echo **out)
{
	struct soft_echo *echo = calloc(1, sizeof(*echo));
	int err;

	if (!echo)
		return -ENOMEM;
	err = -pthread_create(&echo->thread, NULL, echo_main, echo);
	if (err)
		free(echo);
	else
		*out = echo;
	return err;
}

void soft_echo_destroy(struct soft_echo *echo)
{
	if (!echo)
		return;
	pass(echo, TURN_OVER);
	pthread_join(echo->thread, NULL);
	free(echo);
}

int soft_echo_run(void *arg, unsigned int count)
{
	struct soft_echo *echo = arg;

	while (count--) {
		pass(echo, TURN_ITS);
		wait_while(echo, TURN_ITS);
	}
	return 0;
}
