/* SPDX-License-Identifier: MIT */
/* Jobs that do nothing, on one CPU, against a futex's round trip there. */
#include "soft.h"

#include <stdio.h>

#define STREAM       1024 /* jobs under way */
#define ROUNDS       61
#define BATCHES      9 /* 1, 2, 4, ... 256 */
#define QUEUE_COUNTS 4 /* 1, 2, 4, 8 */
#define QUEUES       8

/* What is compared: a curve by batches and one by queues come after these. */
enum {
	FUTEX,
	LOCKSTEP,
	LOCKSTEP_WORKER,
	FIRST_BATCH
};

struct batches {
	struct soft_line *line;
	unsigned int batch;
};

static int run_batches(void *arg, unsigned int count)
{
	struct batches *batches = arg;

	return soft_line_stream(batches->line, count, batches->batch);
}

struct queues {
	struct soft_line *lines;
	unsigned int count;
};

/* One job to each queue in turn; the ends of all are waited for. */
static int run_queues(void *arg, unsigned int count)
{
	struct queues *queues = arg;
	struct accel_fence *last[QUEUES] = {0};
	unsigned int each = count / queues->count;
	int err = 0;

	for (unsigned int i = 0; i < each && err >= 0; i++) {
		for (unsigned int q = 0; q < queues->count && err >= 0; q++)
			err = accel_submit(queues->lines[q].queue, &queues->lines[q].jobs[i], 1,
					   NULL, i == each - 1 ? &last[q] : NULL);
	}
	if (err > 0)
		err = accel_fence_wait_many(last, queues->count, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE,
					    NULL);
	for (unsigned int q = 0; q < queues->count; q++)
		accel_fence_unref(last[q]);
	return err;
}

/* What a thread that waits doesn't do itself. */
static int return_0(const struct accel_soft_call *call)
{
	(void)call;
	return 0;
}

static void note_batch(struct bench *b, unsigned int batch, double ratio)
{
	char name[32];

	snprintf(name, sizeof(name), "stream/batch=%u", batch);
	if (batch == 1)
		bench_at_most(b, name, ratio, "F a job", 0.25);
	else if (batch == 64)
		bench_at_most(b, name, ratio, "F a job", 0.15);
	else
		bench_figure(b, name, ratio, "F a job");
}

int soft_jobs(struct bench *b)
{
	struct accel_soft_host_job host = {
		.head = {sizeof(host), ACCEL_SOFT_HOST_JOB},
		.fn = return_0,
	};
	struct bench_side sides[FIRST_BATCH + BATCHES + QUEUE_COUNTS];
	struct soft_line lines[QUEUES] = {0}, for_worker = {0};
	struct soft_echo *echo = NULL;
	struct accel_context *ctx = NULL;
	struct batches batches[BATCHES];
	struct queues queues[QUEUE_COUNTS];
	struct soft_work nothing = {0}, call = {.ext = &host.head};
	size_t n = FIRST_BATCH;
	char name[32];
	int err;

	err = soft_open(b, -1, &ctx);
	if (err)
		return err;
	for (unsigned int i = 0; i < QUEUES && !err; i++)
		err = soft_line_create(ctx, STREAM, &nothing, &lines[i]);
	if (!err)
		err = soft_line_create(ctx, 1, &call, &for_worker);
	if (!err)
		err = soft_echo_create(&echo);

	sides[FUTEX] = (struct bench_side){soft_echo_run, echo, 256, 0, 0};
	sides[LOCKSTEP] = (struct bench_side){soft_line_lockstep, &lines[0], 256, 0, 0};
	sides[LOCKSTEP_WORKER] = (struct bench_side){soft_line_lockstep, &for_worker, 256, 0, 0};
	for (unsigned int i = 0; i < BATCHES; i++) {
		batches[i] = (struct batches){&lines[0], 1u << i};
		sides[n++] = (struct bench_side){run_batches, &batches[i], STREAM, 0, 0};
	}
	for (unsigned int i = 0; i < QUEUE_COUNTS; i++) {
		queues[i] = (struct queues){lines, 1u << i};
		sides[n++] = (struct bench_side){run_queues, &queues[i], STREAM, 0, 0};
	}
	if (!err)
		err = bench_compare(sides, n, ROUNDS);
	if (err) {
		soft_failed(b, err, "empty jobs");
	} else {
		bench_figure(b, "futex round trip (F)", sides[FUTEX].ns, "ns");
		bench_at_most(b, "submit and wait", sides[LOCKSTEP].ratio, "F", 2.0);
		bench_at_most(b, "submit and wait, by a worker", sides[LOCKSTEP_WORKER].ratio, "F",
			      2.0);
		for (unsigned int i = 0; i < BATCHES; i++)
			note_batch(b, 1u << i, sides[FIRST_BATCH + i].ratio);
		for (unsigned int i = 0; i < QUEUE_COUNTS; i++) {
			snprintf(name, sizeof(name), "stream/queues=%u", 1u << i);
			bench_figure(b, name, sides[FIRST_BATCH + BATCHES + i].ratio, "F a job");
		}
	}
	soft_echo_destroy(echo);
	soft_line_destroy(&for_worker);
	for (unsigned int i = 0; i < QUEUES; i++)
		soft_line_destroy(&lines[i]);
	accel_context_unref(ctx);
	return err;
}
