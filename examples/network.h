/* SPDX-License-Identifier: MIT */
/* The network of the demo: two dense layers, y = relu(x weights + bias). */
#ifndef NETWORK_H
#define NETWORK_H

#include <accel/accel.h>

enum { ROWS = 256, IN = 256, HIDDEN = 256, OUT = 64 };

struct layer {
	uint32_t inputs, outputs;
	struct accel_bo *weights, *bias;
	const float *weights_data, *bias_data; /* where the CPU sees them */
};

/* A job that puts ROWS rows of @in through @layer into @out. */
int network_make_job(struct accel_context *context, struct accel_queue *queue,
		     const struct layer *layer, struct accel_bo *in, struct accel_bo *out,
		     struct accel_job **job);

/* How many numbers of @out are not what plain C makes of @in with both layers? */
int network_count_wrong(const struct layer layers[2], const float *in, const float *out);

#endif
