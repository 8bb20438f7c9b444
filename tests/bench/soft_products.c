/* SPDX-License-Identifier: MIT */
/* Large matrix products on the device, against oneDNN called directly (direct.c). */
#include "soft.h"

#include "direct.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIDE   1024
#define ROUNDS 31

struct product {
	uint32_t type;
	const char *name;
};

/* What both have made of the same a and b. */
static bool agree(uint32_t type, const void *ours, const void *theirs)
{
	const float *x = ours, *y = theirs;

	if (type == ACCEL_SOFT_S8_S8_S32)
		return memcmp(ours, theirs, (size_t)SIDE * SIDE * 4) == 0;
	for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
		if (!(x[i] - y[i] < 1e-2f && y[i] - x[i] < 1e-2f))
			return false;
	}
	return true;
}

/* OpenMP's threads spin for some milliseconds when they have nothing to do, on a CPU that the
 * other side needs. */
static void let_them_sleep(unsigned int threads)
{
	const struct timespec pause = {.tv_nsec = 30000000};

	if (threads > 1)
		nanosleep(&pause, NULL);
}

/* The median over the rounds of oneDNN's time as a part of ours. */
static int time_both(struct soft_line *line, struct direct *direct, unsigned int threads,
		     double *speed)
{
	double ratios[ROUNDS];
	int err = 0;

	for (int round = -1; round < ROUNDS && !err; round++) {
		int64_t start = bench_now(), ours, theirs;

		err = soft_line_lockstep(line, 1);
		ours = bench_now() - start;
		let_them_sleep(threads);
		start = bench_now();
		if (!err)
			err = direct_run(direct);
		theirs = bench_now() - start;
		let_them_sleep(threads);
		if (round >= 0) /* the first is for the caches */
			ratios[round] = (double)theirs / (double)ours;
	}
	if (!err)
		*speed = bench_median(ratios, ROUNDS);
	return err;
}

static int compare(struct accel_context *ctx, const struct product *product, unsigned int threads,
		   double *speed)
{
	struct soft_matrices matrices;
	struct direct *direct = NULL;
	struct soft_line line = {0};
	struct soft_work work = {0};
	void *map[SOFT_MATRICES];
	void *theirs = NULL;
	int err;

	err = soft_matrices_create(ctx, product->type, SIDE, &matrices);
	if (err)
		return err;
	work = (struct soft_work){
		.commands = &matrices.product,
		.bytes = sizeof(matrices.product),
		.bos = matrices.bos,
		.bo_count = SOFT_MATRICES,
	};
	err = soft_line_create(ctx, 1, &work, &line);
	for (int i = 0; i < SOFT_MATRICES && !err; i++)
		err = accel_bo_map(matrices.bos[i].bo, &map[i]);
	if (!err) {
		theirs = aligned_alloc(4096, (size_t)SIDE * SIDE * 4);
		err = theirs ? 0 : -ENOMEM;
	}
	if (!err)
		err = direct_create(product->type == ACCEL_SOFT_S8_S8_S32, SIDE, threads,
				    map[SOFT_A], map[SOFT_B], theirs, &direct);
	if (!err)
		err = time_both(&line, direct, threads, speed);
	if (!err && !agree(product->type, map[SOFT_C], theirs))
		err = -EBADMSG;
	direct_destroy(direct);
	free(theirs);
	soft_line_destroy(&line);
	soft_matrices_destroy(&matrices);
	return err;
}

int soft_products(struct bench *b)
{
	static const struct product products[] = {
		{ACCEL_SOFT_F32, "f32"},
		{ACCEL_SOFT_S8_S8_S32, "s8"},
	};
	struct accel_context *ctx;
	double speed;
	char name[48];
	int err = 0;

	for (unsigned int i = 0; i < 4 && !err; i++) {
		const struct product *product = &products[i % 2];
		unsigned int threads = 1 + i / 2;

		snprintf(name, sizeof(name), "%s product of 1024/threads=%u", product->name,
			 threads);
		if (!direct_is_there()) {
			bench_absent(b, name, "accel-bench was built without oneDNN");
			continue;
		}
		if (bench_cpus() < (int)threads) {
			bench_absent(b, name, "there is one CPU");
			continue;
		}
		err = soft_open(b, threads == 2 ? 1 : -1, &ctx);
		if (err)
			break;
		err = compare(ctx, product, threads, &speed);
		if (!err)
			bench_at_least(b, name, speed, "speed of oneDNN", 0.97);
		else if (err != -EOPNOTSUPP)
			soft_failed(b, err, name);
		else
			bench_absent(b, name, "the device or oneDNN has no such product");
		err = err == -EOPNOTSUPP ? 0 : err;
		accel_context_unref(ctx);
	}
	return err;
}
