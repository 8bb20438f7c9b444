/* SPDX-License-Identifier: MIT */
/* The software device against another that runs on the CPU, pinned to the same CPU. */
#include "soft.h"

#include "peer.h"

#define ROUNDS   21
#define LOCKSTEP 64
#define STREAM   256
#define BUFFERS  64

static int run_stream(void *line, unsigned int count)
{
	return soft_line_stream(line, count, 1);
}

/* As the other side has it: with what bytes it begins is not defined. */
static int run_buffers(void *ctx, unsigned int count)
{
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			 ACCEL_BO_DEVICE_WRITE,
		.bytes = PEER_BUFFER_BYTES,
	};
	struct accel_bo *bo;
	void *map;
	int err = 0;

	while (count-- && !err) {
		err = accel_bo_create(ctx, &params, &bo);
		if (err)
			break;
		err = accel_bo_map(bo, &map);
		if (!err)
			err = accel_bo_begin_access(bo, ACCEL_ACCESS_WRITE, 0, PEER_BUFFER_BYTES,
						    ACCEL_NO_DEADLINE);
		if (!err) {
			*(volatile char *)map = 1;
			err = accel_bo_end_access(bo, ACCEL_ACCESS_WRITE, 0, PEER_BUFFER_BYTES);
		}
		accel_bo_unref(bo);
	}
	return err;
}

int soft_peer(struct bench *b)
{
	static const struct {
		const char *name;
		double target;
	} figures[] = {
		{"PoCL: submit and wait", 8},
		{"PoCL: batches of 1", 5},
		{"PoCL: buffers of 64 KiB", 3},
	};
	struct accel_context *ctx = NULL;
	struct soft_work nothing = {0};
	struct soft_line line = {0};
	struct peer *peer = NULL;
	const char *missing;
	int err;

	err = soft_open(b, -1, &ctx);
	if (err)
		return err;
	missing = peer_open(&peer);
	for (size_t i = 0; i < 3 && missing; i++)
		bench_absent(b, figures[i].name, "%s", missing);
	if (missing)
		goto out;
	err = soft_line_create(ctx, STREAM, &nothing, &line);
	for (size_t i = 0; i < 3 && !err; i++) {
		struct bench_side pairs[3][2] = {
			{{soft_line_lockstep, &line, LOCKSTEP, 0, 0},
			 {peer_lockstep, peer, LOCKSTEP, 0, 0}},
			{{run_stream, &line, STREAM, 0, 0}, {peer_stream, peer, STREAM, 0, 0}},
			{{run_buffers, ctx, BUFFERS, 0, 0}, {peer_buffers, peer, BUFFERS, 0, 0}},
		};

		err = bench_compare(pairs[i], 2, ROUNDS);
		if (!err)
			bench_at_least(b, figures[i].name, pairs[i][1].ratio, "times as fast",
				       figures[i].target);
	}
	if (err)
		soft_failed(b, err, "against PoCL");
out:
	peer_close(peer);
	soft_line_destroy(&line);
	accel_context_unref(ctx);
	return err;
}
