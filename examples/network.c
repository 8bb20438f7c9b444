/* SPDX-License-Identifier: MIT */
/* The network of the demo, as commands for the software device and in plain C. */
#include "network.h"

#include <accel/soft.h>
#include <math.h>

int network_make_job(struct accel_context *context, struct accel_queue *queue,
		     const struct layer *layer, struct accel_bo *in, struct accel_bo *out,
		     struct accel_job **job)
{
	/* What a job works on. Commands name a buffer by its place in this list. */
	enum { X, WEIGHTS, BIAS, Y };
	struct accel_bo_ref bos[] = {
		[X] = { in, ACCEL_ACCESS_READ, 0 },
		[WEIGHTS] = { layer->weights, ACCEL_ACCESS_READ, 0 },
		[BIAS] = { layer->bias, ACCEL_ACCESS_READ, 0 },
		[Y] = { out, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0 },
	};

	/* The commands: three packets, one behind the other, run in order. */
	struct {
		struct accel_soft_matmul matmul;
		struct accel_soft_add add;
		struct accel_soft_relu relu;
	} code = {
		.matmul = {
			.head = { ACCEL_SOFT_MATMUL, 0, sizeof(code.matmul) },
			.a.bo = X, .b.bo = WEIGHTS, .c.bo = Y, .type = ACCEL_SOFT_F32,
			.m = ROWS, .k = layer->inputs, .n = layer->outputs,
			.lda = layer->inputs, .ldb = layer->outputs, .ldc = layer->outputs,
		},
		.add = {
			.head = { ACCEL_SOFT_ADD, ACCEL_SOFT_BROADCAST, sizeof(code.add) },
			.a.bo = Y, .b.bo = BIAS, .dst.bo = Y,
			.rows = ROWS, .columns = layer->outputs,
		},
		.relu = {
			.head = { ACCEL_SOFT_RELU, 0, sizeof(code.relu) },
			.src.bo = Y, .dst.bo = Y, .count = (uint64_t)ROWS * layer->outputs,
		},
	};
	struct accel_bo_params commands = {
		.size = sizeof(commands),
		.flags = ACCEL_BO_COMMANDS,
		.bytes = sizeof(code),
		.contents = &code,
	};
	struct accel_job_params work = {
		.size = sizeof(work),
		.bytes = sizeof(code),
		.bos = bos,
		.bo_count = 4,
	};
	int err;

	err = accel_bo_create(context, &commands, &work.commands);
	if (err)
		return err;
	err = accel_job_create(queue, &work, job);
	accel_bo_unref(work.commands); /* the job holds what it needs */
	return err;
}

static void run_layer(const struct layer *layer, const float *in, float *out)
{
	for (uint32_t n = 0; n < layer->outputs; n++)
		out[n] = layer->bias_data[n];
	for (uint32_t k = 0; k < layer->inputs; k++)
		for (uint32_t n = 0; n < layer->outputs; n++)
			out[n] += in[k] * layer->weights_data[k * layer->outputs + n];
	for (uint32_t n = 0; n < layer->outputs; n++)
		out[n] = out[n] > 0 ? out[n] : 0;
}

int network_count_wrong(const struct layer layers[2], const float *in, const float *out)
{
	int wrong = 0;

	for (int row = 0; row < ROWS; row++) {
		float hidden[HIDDEN], expected[OUT];

		run_layer(&layers[0], in + row * IN, hidden);
		run_layer(&layers[1], hidden, expected);
		for (int i = 0; i < OUT; i++)
			wrong += !(fabsf(out[row * OUT + i] - expected[i]) < 1e-5f);
	}
	return wrong;
}
