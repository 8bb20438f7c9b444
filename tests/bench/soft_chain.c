/* SPDX-License-Identifier: MIT */
/* Many small layers, each on another queue than the one before and after its fence. */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>

#define LAYERS 1000
#define ROUNDS 21
#define ROWS   32
#define WIDTH  256

enum {
	EVEN, /* what even layers read and odd ones write */
	ODD,
	WEIGHTS,
	BIAS,
	BOS
};

struct layer {
	struct accel_soft_matmul matmul;
	struct accel_soft_add add;
	struct accel_soft_relu relu;
};

static struct layer make_layer(uint32_t from, uint32_t to)
{
	struct layer layer = {
		.matmul =
			{
				.head = {ACCEL_SOFT_MATMUL, 0, sizeof(layer.matmul)},
				.a.bo = from,
				.b.bo = WEIGHTS,
				.c.bo = to,
				.type = ACCEL_SOFT_F32,
				.m = ROWS,
				.n = WIDTH,
				.k = WIDTH,
				.lda = WIDTH,
				.ldb = WIDTH,
				.ldc = WIDTH,
			},
		.add =
			{
				.head = {ACCEL_SOFT_ADD, ACCEL_SOFT_BROADCAST, sizeof(layer.add)},
				.dst.bo = to,
				.a.bo = to,
				.b.bo = BIAS,
				.rows = ROWS,
				.columns = WIDTH,
			},
		.relu =
			{
				.head = {ACCEL_SOFT_RELU, 0, sizeof(layer.relu)},
				.dst.bo = to,
				.src.bo = to,
				.count = ROWS * WIDTH,
			},
	};

	return layer;
}

struct chain {
	struct accel_bo_ref bos[BOS];
	struct soft_line lines[2]; /* even layers, odd ones */
	struct soft_line whole;    /* one job of all layers */
	struct accel_fence *fences[LAYERS];
};

static int run_chain(void *arg, unsigned int count)
{
	struct chain *chain = arg;
	struct accel_submit_params params = {.size = sizeof(params)};
	unsigned int i;
	int err = 1;

	for (i = 0; i < count && err > 0; i++) {
		struct soft_line *line = &chain->lines[i % 2];

		params.wait = i ? &chain->fences[i - 1] : NULL;
		params.wait_count = i ? 1 : 0;
		err = accel_submit(line->queue, &line->jobs[i / 2], 1, &params, &chain->fences[i]);
	}
	if (err < 0)
		i--;
	if (i) {
		int ended = accel_fence_wait(chain->fences[i - 1], ACCEL_NO_DEADLINE);

		err = err < 0 ? err : ended;
	}
	while (i--)
		accel_fence_unref(chain->fences[i]);
	return err;
}

static int run_whole(void *arg, unsigned int count)
{
	struct chain *chain = arg;

	return soft_line_stream(&chain->whole, count / LAYERS, 1);
}

static int chain_create(struct accel_context *ctx, struct chain *chain)
{
	struct layer *layers = calloc(LAYERS, sizeof(*layers));
	struct soft_work work = {.bos = chain->bos, .bo_count = BOS};
	int err = layers ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < BOS && !err; i++) {
		bool output = i == EVEN || i == ODD;

		chain->bos[i].access = output ? ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE
					      : ACCEL_ACCESS_READ;
		err = soft_bo(ctx, (uint64_t)WIDTH * WIDTH * 4, NULL, &chain->bos[i].bo);
	}
	for (uint32_t i = 0; i < LAYERS && !err; i++)
		layers[i] = make_layer(i % 2 ? ODD : EVEN, i % 2 ? EVEN : ODD);
	work.bytes = sizeof(struct layer);
	for (int i = 0; i < 2 && !err; i++) {
		work.commands = &layers[i];
		err = soft_line_create(ctx, LAYERS / 2, &work, &chain->lines[i]);
	}
	work.commands = layers;
	work.bytes = LAYERS * sizeof(*layers);
	if (!err)
		err = soft_line_create(ctx, 1, &work, &chain->whole);
	free(layers);
	return err;
}

static void chain_destroy(struct chain *chain)
{
	soft_line_destroy(&chain->whole);
	for (int i = 0; i < 2; i++)
		soft_line_destroy(&chain->lines[i]);
	for (int i = 0; i < BOS; i++)
		accel_bo_unref(chain->bos[i].bo);
}

/* On one CPU, or on two, where a hand-over may go to the other. */
static int measure(struct bench *b, int second_cpu, const char *name)
{
	struct chain chain = {0};
	struct bench_side sides[2] = {
		{run_whole, &chain, LAYERS, 0, 0},
		{run_chain, &chain, LAYERS, 0, 0},
	};
	struct accel_context *ctx = NULL;
	int err;

	err = soft_open(b, second_cpu, &ctx);
	if (err)
		return err;
	err = chain_create(ctx, &chain);
	if (!err)
		err = bench_compare(sides, 2, ROUNDS);
	if (err == -EOPNOTSUPP) {
		bench_absent(b, name, "the device does no arithmetic");
		err = 0;
	} else if (err) {
		soft_failed(b, err, "a chain of layers");
	} else {
		if (second_cpu < 0)
			bench_figure(b, "layer of the chain", sides[0].ns / 1000, "us");
		bench_at_most(b, name, sides[1].ratio, "sums of its parts", 1.15);
	}
	chain_destroy(&chain);
	accel_context_unref(ctx);
	return err;
}

int soft_chain(struct bench *b)
{
	const char *on_two = "chain of 1000 layers on two CPUs";
	int err = measure(b, -1, "chain of 1000 layers on two queues");

	if (!err && bench_cpus() > 1)
		err = measure(b, 1, on_two);
	else if (!err)
		bench_absent(b, on_two, "there is one CPU");
	return err;
}
