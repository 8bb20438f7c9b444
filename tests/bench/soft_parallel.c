/* SPDX-License-Identifier: MIT */
/* What a second CPU brings: to two queues, and to threads that submit to one. */
#include "soft.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- two queues ----------------------------------------------------------------------------- */

#define JOBS    128 /* in a round */
#define ROUNDS  41
#define JOB_NS  50000
#define SIDE    64  /* of the matrices whose product is taken again and again */
#define PACKETS 256 /* at most in a job */

static const char speedup_name[] = "two queues of 50 us jobs on two CPUs";

struct pair {
	struct soft_line lines[2];
	unsigned int used;
};

static int run_pair(void *arg, unsigned int count)
{
	struct pair *pair = arg;
	struct accel_fence *fences[2] = {0};
	int err = 0;

	for (unsigned int i = 0; i < pair->used && err >= 0; i++)
		err = accel_submit(pair->lines[i].queue, pair->lines[i].jobs, count / pair->used,
				   NULL, &fences[i]);
	if (err > 0)
		err = accel_fence_wait_many(fences, pair->used, ACCEL_WAIT_ALL, ACCEL_NO_DEADLINE,
					    NULL);
	for (unsigned int i = 0; i < pair->used; i++)
		accel_fence_unref(fences[i]);
	return err;
}

/* @packets products make a job. */
static int line_of_products(struct accel_context *ctx, const struct soft_matrices *matrices,
			    unsigned int packets, struct soft_line *line)
{
	struct soft_work work = {
		.bytes = packets * sizeof(matrices->product),
		.bos = matrices->bos,
		.bo_count = SOFT_MATRICES,
	};
	struct accel_soft_matmul *commands = calloc(packets, sizeof(*commands));
	int err;

	if (!commands)
		return -ENOMEM;
	for (unsigned int i = 0; i < packets; i++)
		commands[i] = matrices->product;
	work.commands = commands;
	err = soft_line_create(ctx, JOBS, &work, line);
	free(commands);
	return err;
}

/* How many products last as long as a job is to. */
static int count_packets(struct accel_context *ctx, const struct soft_matrices *matrices,
			 unsigned int *packets)
{
	struct pair pair = {.used = 1};
	struct bench_side side = {run_pair, &pair, JOBS, 0, 0};
	double n;
	int err = line_of_products(ctx, matrices, PACKETS / 8, &pair.lines[0]);

	if (err)
		return err;
	err = bench_compare(&side, 1, 11);
	soft_line_destroy(&pair.lines[0]);
	n = JOB_NS / (side.ns / (PACKETS / 8));
	*packets = n < 1 ? 1 : n > PACKETS ? PACKETS : (unsigned int)(n + 0.5);
	return err;
}

static int two_queues(struct bench *b, struct accel_context *ctx)
{
	struct soft_matrices matrices[2] = {0};
	struct pair one = {.used = 1}, two = {.used = 2};
	struct bench_side sides[2] = {
		{run_pair, &two, JOBS, 0, 0},
		{run_pair, &one, JOBS, 0, 0},
	};
	unsigned int packets = 0;
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		err = soft_matrices_create(ctx, ACCEL_SOFT_F32, SIDE, &matrices[i]);
		if (!err && i == 0)
			err = count_packets(ctx, &matrices[0], &packets);
		if (!err)
			err = line_of_products(ctx, &matrices[i], packets, &two.lines[i]);
	}
	one.lines[0] = two.lines[0];
	if (!err)
		err = bench_compare(sides, 2, ROUNDS);
	if (!err) {
		bench_figure(b, "job of computation", sides[1].ns / 1000, "us");
		bench_at_least(b, speedup_name, sides[1].ratio, "one queue", 1.8);
	}
	for (int i = 0; i < 2; i++) {
		soft_line_destroy(&two.lines[i]);
		soft_matrices_destroy(&matrices[i]);
	}
	return err;
}

/* ---- threads that submit -------------------------------------------------------------------- */

#define STREAM    8192 /* many, for the threads are started in the round */
#define THREADS   4
#define STREAMERS 3 /* 1, 2, 4 threads */
#define T_ROUNDS  21

struct part {
	struct accel_queue *queue;
	struct accel_job **jobs;
	unsigned int count;
	int err;
};

/* Its jobs one by one; then it waits for the end of its last. */
static void *submit_part(void *arg)
{
	struct part *part = arg;
	struct soft_line line = {part->queue, part->jobs, part->count};

	part->err = soft_line_stream(&line, part->count, 1);
	return NULL;
}

struct streamers {
	struct soft_line *line;
	unsigned int threads;
};

static int run_streamers(void *arg, unsigned int count)
{
	struct streamers *streamers = arg;
	unsigned int each = count / streamers->threads, started = 0;
	struct part parts[THREADS];
	pthread_t threads[THREADS];
	int err = 0;

	while (started < streamers->threads && !err) {
		parts[started] = (struct part){streamers->line->queue,
					       streamers->line->jobs + started * each, each, 0};
		err = -pthread_create(&threads[started], NULL, submit_part, &parts[started]);
		started += !err;
	}
	while (started--) {
		pthread_join(threads[started], NULL);
		if (!err)
			err = parts[started].err;
	}
	return err;
}

static int submitting_threads(struct bench *b, struct accel_context *ctx)
{
	struct streamers streamers[STREAMERS];
	struct bench_side sides[STREAMERS];
	struct soft_work nothing = {0};
	struct soft_line line;
	char name[48];
	int err;

	err = soft_line_create(ctx, STREAM, &nothing, &line);
	if (err)
		return err;
	for (unsigned int i = 0; i < STREAMERS; i++) {
		streamers[i] = (struct streamers){&line, 1u << i};
		sides[i] = (struct bench_side){run_streamers, &streamers[i], STREAM, 0, 0};
	}
	err = bench_compare(sides, STREAMERS, T_ROUNDS);
	for (unsigned int i = 0; i < STREAMERS && !err; i++) {
		snprintf(name, sizeof(name), "stream on two CPUs/threads=%u", 1u << i);
		bench_figure(b, name, sides[i].ns, "ns a job");
	}
	soft_line_destroy(&line);
	return err;
}

int soft_parallel(struct bench *b)
{
	struct accel_context *ctx = NULL;
	int err;

	if (bench_cpus() < 2) {
		bench_absent(b, speedup_name, "there is one CPU");
		bench_absent(b, "stream on two CPUs", "there is one CPU");
		return 0;
	}
	err = soft_open(b, 1, &ctx);
	if (err)
		return err;
	err = two_queues(b, ctx);
	if (err == -EOPNOTSUPP) {
		bench_absent(b, speedup_name, "the device does no arithmetic");
		err = 0;
	}
	if (!err)
		err = submitting_threads(b, ctx);
	if (err)
		soft_failed(b, err, "jobs on two CPUs");
	accel_context_unref(ctx);
	return err;
}
