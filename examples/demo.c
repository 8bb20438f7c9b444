/* SPDX-License-Identifier: MIT */
/*
 * accel-demo: a small neural network, run by a device and checked by the CPU.
 *
 * Some batches of input go through its two layers, each layer on a queue of its own,
 * and all are submitted at once. Fences make the second queue wait for the first, and
 * the first for the second before it overwrites a buffer that is still to be read.
 * The CPU sleeps in poll(2) until the last batch is through.
 *
 * The commands (network.c) are the software device's. The rest is the same on any.
 */
#include "network.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 4 };
static struct accel_context *context;

/* All functions of the library return a negative errno when they fail. */
static void try(const char *what, int result)
{
	struct accel_error error = { .size = sizeof(error) };

	if (result >= 0)
		return;
	accel_last_error(&error);
	printf("demo: FAILED: %s: %s\n", what,
	       error.code == result ? error.text : strerror(-result));
	exit(1);
}

/* A buffer with @count numbers between -1/16 and 1/16. */
static struct accel_bo *make_buffer(uint32_t count, const float **data)
{
	const uint64_t bytes = count * sizeof(float);
	struct accel_bo_params params = {
		.size = sizeof(params),
		.bytes = bytes,
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE |
			 ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE,
	};
	static uint32_t random = 1;
	struct accel_bo *bo;
	float *numbers;

	try("allocate", accel_bo_create(context, &params, &bo));
	try("map", accel_bo_map(bo, (void **)&numbers));
	/* From begin to end the memory is the CPU's, else the device's. */
	try("begin", accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, bytes, 0));
	for (uint32_t i = 0; i < count; i++) {
		random = random * 1664525 + 1013904223;
		numbers[i] = (float)(random >> 8) / (1 << 27) - 1.0f / 16;
	}
	try("end", accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, bytes));
	*data = numbers;
	return bo;
}

int main(int argc, char **argv)
{
	struct layer layers[2] = { { .inputs = IN, .outputs = HIDDEN },
				   { .inputs = HIDDEN, .outputs = OUT } };
	struct accel_device_info info = { .size = sizeof(info) };
	struct accel_job_result result = { .size = sizeof(result) };
	struct pollfd end = { .events = POLLIN };
	struct accel_device *device;
	struct accel_queue *queue[2];
	struct accel_bo *hidden[2], *in[BATCHES], *out[BATCHES];
	const float *in_data[BATCHES], *out_data[BATCHES], *unused;
	struct accel_job *job[BATCHES][2];
	struct accel_fence *fence[BATCHES][2];
	double busy_ns = 0;
	int wrong = 0;

	try("find", accel_device_find(argc > 1 ? argv[1] : "soft:0", &device));
	try("open", accel_open(device, NULL, 0, &context));
	try("info", accel_device_get_info(device, &info));
	printf("device: %s (driver %s)\n", info.id, info.driver);

	for (int i = 0; i < 2; i++) {
		struct layer *l = &layers[i];

		try("queue", accel_queue_create(context, NULL, 0, &queue[i]));
		l->weights = make_buffer(l->inputs * l->outputs, &l->weights_data);
		l->bias = make_buffer(l->outputs, &l->bias_data);
		hidden[i] = make_buffer(ROWS * HIDDEN, &unused);
	}

	for (int b = 0; b < BATCHES; b++) {
		in[b] = make_buffer(ROWS * IN, &in_data[b]);
		out[b] = make_buffer(ROWS * OUT, &out_data[b]);
		try("job", network_make_job(context, queue[0], &layers[0], in[b], hidden[b % 2],
					    &job[b][0]));
		try("job", network_make_job(context, queue[1], &layers[1], hidden[b % 2], out[b],
					    &job[b][1]));
	}

	for (int b = 0; b < BATCHES; b++) {
		/* Layer 0 waits until layer 1 has read this hidden buffer, two batches ago;
		 * layer 1 waits for layer 0. */
		struct accel_submit_params wait[2] = {
			{ .size = sizeof(wait[0]), .wait_count = b > 1,
			  .wait = b > 1 ? &fence[b - 2][1] : NULL },
			{ .size = sizeof(wait[1]), .wait_count = 1, .wait = &fence[b][0] },
		};

		for (int i = 0; i < 2; i++)
			try("submit",
			    accel_submit(queue[i], &job[b][i], 1, &wait[i], &fence[b][i]));
	}

	/* This descriptor fits into any event loop. */
	try("descriptor", accel_fence_export_fd(fence[BATCHES - 1][1], ACCEL_FD_ANY, &end.fd));
	try("poll", poll(&end, 1, 600 * 1000) == 1 ? 0 : -ETIME);
	close(end.fd);

	for (int b = 0; b < BATCHES; b++) {
		for (int i = 0; i < 2; i++) {
			try("job", accel_fence_wait(fence[b][i], 0));
			try("result", accel_job_get_result(job[b][i], &result));
			busy_ns += result.end_ns - result.start_ns;
			accel_fence_unref(fence[b][i]);
			accel_job_unref(job[b][i]);
		}
		try("begin", accel_bo_begin_access(out[b], ACCEL_ACCESS_READ, 0,
						   ROWS * OUT * sizeof(float), 0));
		wrong += network_count_wrong(layers, in_data[b], out_data[b]);
		accel_bo_unref(in[b]);
		accel_bo_unref(out[b]);
	}
	for (int i = 0; i < 2; i++) {
		accel_bo_unref(layers[i].weights);
		accel_bo_unref(layers[i].bias);
		accel_bo_unref(hidden[i]);
		accel_queue_unref(queue[i]);
	}
	accel_context_unref(context);
	accel_device_unref(device);

	printf("jobs: %d on 2 queues, %.3f ms each\n", 2 * BATCHES, busy_ns / 1e6 / (2 * BATCHES));
	printf("check: %d of %d outputs are wrong\n", wrong, BATCHES * ROWS * OUT);
	puts(wrong ? "demo: FAILED: wrong outputs" : "demo: passed");
	return wrong != 0;
}
