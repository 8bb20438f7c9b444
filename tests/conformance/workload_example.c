/* SPDX-License-Identifier: MIT */
/* Workload of the documentation's made-up device, which copies bytes with a key. */
#include "workload.h"

#include <errno.h>
#include <example_accel.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES 4096

static int make_scratch(struct accel_context *ctx, struct request *r, uint64_t bytes,
			uint8_t value, struct accel_bo **out)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	unsigned int i;
	void *contents;
	int err;

	contents = malloc(bytes);
	if (!contents)
		return -ENOMEM;
	memset(contents, value, bytes);
	for (i = 0; r->scratch[i]; i++)
		;
	params.flags = ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	params.bytes = bytes;
	params.contents = contents;
	err = accel_bo_create(ctx, &params, &r->scratch[i]);
	free(contents);
	*out = r->scratch[i];
	return err;
}

/* The source is the first buffer, the target the second. */
static int example_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
			uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset,
			uint64_t bytes)
{
	const struct example_command command = {
		.opcode = EXAMPLE_XOR,
		.bytes = bytes,
		.source = src_offset,
		.target = dst_offset,
	};

	r->src = request_add_bo(r, src, ACCEL_ACCESS_READ);
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	return request_commands(ctx, r, &command, sizeof(command));
}

static int example_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
			uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct accel_bo *src;
	int err;

	err = make_scratch(ctx, r, bytes, value, &src);
	if (err)
		return err;
	err = example_copy(ctx, r, dst, offset, src, 0, bytes);
	r->src = ~0u;
	return err;
}

static int with_scratch(struct accel_context *ctx, struct request *r, uint32_t opcode)
{
	const struct example_command command = {.opcode = opcode, .bytes = 64};
	struct accel_bo *a, *b;
	int err;

	err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &a);
	if (!err)
		err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &b);
	if (err)
		return err;
	request_add_bo(r, a, ACCEL_ACCESS_READ);
	request_add_bo(r, b, ACCEL_ACCESS_WRITE);
	r->src = r->dst = ~0u;
	return request_commands(ctx, r, &command, sizeof(command));
}

static int example_nop(struct accel_context *ctx, struct request *r)
{
	return with_scratch(ctx, r, EXAMPLE_XOR);
}

/* The provider looks at places; what an operation is only the device knows. */
static int example_fail(struct accel_context *ctx, struct request *r)
{
	return with_scratch(ctx, r, 77);
}

static int example_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			   struct refusal *expected)
{
	const int err = example_nop(ctx, r);

	expected->index = ~0u;
	expected->offset = ~0ull;
	expected->error = -EINVAL;
	switch (n) {
	case 0:
		expected->what = "half a command";
		r->params.bytes /= 2;
		return err;
	case 1:
		expected->what = "a job without a target";
		r->params.bo_count = 1;
		return err;
	case 2:
		expected->what = "a source that is not to be read";
		expected->error = -EACCES;
		expected->index = 0;
		r->bos[0].access = ACCEL_ACCESS_WRITE;
		return err;
	case 3:
		expected->what = "a target that is not to be written";
		expected->error = -EACCES;
		expected->index = 1;
		r->bos[1].access = ACCEL_ACCESS_READ;
		return err;
	default:
		return err ? err : -ENOENT;
	}
}

const struct workload workload_example = {
	.driver = "example",
	.prefix = "platform:example",
	.unit = 1,
	.nop = example_nop,
	.fill = example_fill,
	.copy = example_copy,
	.fail = example_fail,
	.refused = example_refused,
};
