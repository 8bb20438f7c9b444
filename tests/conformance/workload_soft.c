/* SPDX-License-Identifier: MIT */
/* Workload of the software device: packets, and host functions for what blocks. */
#include "workload.h"

#include <accel/soft.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static int soft_nop(struct accel_context *ctx, struct request *r)
{
	(void)ctx;
	(void)r;
	return 0;
}

static int soft_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct accel_soft_fill packet = {.head = {ACCEL_SOFT_FILL, 0, sizeof(packet)}};

	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	packet.dst.bo = r->dst;
	packet.dst.offset = offset;
	packet.bytes = bytes;
	packet.pattern = value * 0x01010101u;
	return request_commands(ctx, r, &packet, sizeof(packet));
}

static int soft_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset, uint64_t bytes)
{
	struct accel_soft_copy packet = {.head = {ACCEL_SOFT_COPY, 0, sizeof(packet)}};

	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	r->src = request_add_bo(r, src, ACCEL_ACCESS_READ);
	packet.dst.bo = r->dst;
	packet.dst.offset = dst_offset;
	packet.src.bo = r->src;
	packet.src.offset = src_offset;
	packet.bytes = bytes;
	return request_commands(ctx, r, &packet, sizeof(packet));
}

static int host_job(struct request *r, int (*fn)(const struct accel_soft_call *), void *data)
{
	struct accel_soft_host_job ext = {.head = {sizeof(ext), ACCEL_SOFT_HOST_JOB}};

	ext.fn = fn;
	ext.data = data;
	memcpy(r->ext, &ext, sizeof(ext));
	r->params.ext = (const struct accel_ext *)(const void *)r->ext;
	return 0;
}

static int fail_fn(const struct accel_soft_call *call)
{
	(void)call;
	return -ENXIO;
}

static int soft_fail(struct accel_context *ctx, struct request *r)
{
	(void)ctx;
	return host_job(r, fail_fn, NULL);
}

static int gate_fn(const struct accel_soft_call *call)
{
	gate_pass(call->data);
	return 0;
}

static int soft_gate(struct accel_context *ctx, struct request *r, struct gate *gate)
{
	(void)ctx;
	return host_job(r, gate_fn, gate);
}

static int hang_fn(const struct accel_soft_call *call)
{
	const struct timespec ms = {0, 1000000};

	while (!call->should_stop(call))
		nanosleep(&ms, NULL);
	return 0;
}

static int soft_hang(struct accel_context *ctx, struct request *r)
{
	(void)ctx;
	return host_job(r, hang_fn, NULL);
}

static int soft_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			struct refusal *expected)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct {
		struct accel_soft_fill good, bad;
	} stream;
	int err;

	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	params.bytes = 4096;
	err = accel_bo_create(ctx, &params, &r->scratch[0]);
	if (err)
		return err;
	request_add_bo(r, r->scratch[0], ACCEL_ACCESS_WRITE);

	memset(&stream, 0, sizeof(stream));
	stream.good.head.opcode = ACCEL_SOFT_FILL;
	stream.good.head.bytes = sizeof(stream.good);
	stream.good.bytes = 64;
	stream.bad = stream.good;
	expected->index = ~0u;
	expected->offset = sizeof(stream.good);
	expected->error = -EINVAL;
	switch (n) {
	case 0:
		expected->what = "an unknown opcode";
		stream.bad.head.opcode = 4711;
		break;
	case 1:
		expected->what = "a packet that claims to be longer than the stream";
		stream.bad.head.bytes = sizeof(stream.bad) + 8;
		break;
	case 2:
		expected->what = "a write beyond the buffer";
		expected->error = -ERANGE;
		expected->index = 0;
		stream.bad.bytes = 1ull << 40;
		break;
	case 3:
		expected->what = "a buffer that is not in the list";
		stream.bad.dst.bo = 1;
		expected->index = ANY_INDEX;
		break;
	case 4:
		expected->what = "a write to a buffer listed for reading";
		expected->error = -EACCES;
		expected->index = 0;
		expected->offset = 0;
		r->bos[0].access = ACCEL_ACCESS_READ;
		break;
	default:
		return -ENOENT;
	}
	return request_commands(ctx, r, &stream, sizeof(stream));
}

const struct workload workload_soft = {
	.driver = "soft",
	.prefix = "soft:",
	.unit = 1,
	.nop = soft_nop,
	.fill = soft_fill,
	.copy = soft_copy,
	.fail = soft_fail,
	.gate = soft_gate,
	.hang = soft_hang,
	.refused = soft_refused,
};
