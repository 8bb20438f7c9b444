/* SPDX-License-Identifier: MIT */
/* Times of things that are compared: pinned, in turn, medians. */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static int time_side(const struct bench_side *side, double *ns)
{
	int64_t start = bench_now();
	int err = side->run(side->arg, side->count);

	*ns = (double)(bench_now() - start) / side->count;
	return err;
}

int bench_compare(struct bench_side *sides, size_t n, unsigned int rounds)
{
	double *times = calloc(n * rounds, sizeof(*times)),
	       *ratios = calloc(rounds, sizeof(*ratios));
	double unmeasured;
	int err = times && ratios ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++)
		err = time_side(&sides[i], &unmeasured);
	for (unsigned int round = 0; round < rounds && !err; round++) {
		for (size_t k = 0; k < n && !err; k++) {
			size_t i = (round + k) % n;

			err = time_side(&sides[i], &times[i * rounds + round]);
		}
	}

	/* From the last one on: the ratios need side 0's times in their order. */
	for (size_t i = n; i-- > 0 && !err;) {
		for (unsigned int round = 0; round < rounds; round++)
			ratios[round] = times[i * rounds + round] / times[round];
		sides[i].ratio = bench_median(ratios, rounds);
		sides[i].ns = bench_median(&times[i * rounds], rounds);
	}
	free(times);
	free(ratios);
	return err;
}
