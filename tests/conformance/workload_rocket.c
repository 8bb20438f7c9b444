/* SPDX-License-Identifier: MIT */
/*
 * Workload of rocket in the rig, whose model of the NPU copies from the feature data's address to
 * the DPU's output: a real one computes, and has no copy.
 *
 * What fails or hangs takes the fault from an entry of the list.
 */
#include "workload.h"

#include <accel/rocket.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CNA	      0x0201
#define DPU	      0x1001
#define ENABLE	      0x0081
#define FEATURE_ADDR  0x1070
#define DST_ADDR      0x4020
#define CUBE_WIDTH    0x4030
#define CUBE_HEIGHT   0x4034
#define CUBE_CHANNEL  0x403c
#define OP_ENABLE     0x0008
#define CUBE_MAX      8192

/* The rig's (tests/kernel/models/fault.h). */
#define FAULT	   0xfa17
#define FAULT_SLOW 1
#define FAULT_HANG 2

#define SCRATCH_BYTES 4096

struct list {
	uint64_t words[128];
	unsigned int count;
};

static void put(struct list *l, unsigned int block, unsigned int reg, uint32_t value)
{
	l->words[l->count++] = (uint64_t)block << 48 | (uint64_t)value << 16 | reg;
}

/* As large cubes as there are for @bytes: a row of planes, and what is left as one row. */
static void put_copy(struct list *l, uint64_t to, uint64_t from, uint64_t bytes)
{
	uint64_t step, height;

	for (; bytes; bytes -= step, to += step, from += step) {
		height = bytes / CUBE_MAX < CUBE_MAX ? bytes / CUBE_MAX : CUBE_MAX;
		step = height ? height * CUBE_MAX : bytes;
		put(l, CNA, FEATURE_ADDR, (uint32_t)from);
		put(l, DPU, DST_ADDR, (uint32_t)to);
		put(l, DPU, CUBE_WIDTH, (uint32_t)(height ? CUBE_MAX : bytes) - 1);
		put(l, DPU, CUBE_HEIGHT, (uint32_t)(height ? height : 1) - 1);
		put(l, DPU, CUBE_CHANNEL, 0);
		put(l, ENABLE, OP_ENABLE, 0x1d);
	}
}

static int finish(struct accel_context *ctx, struct request *r, struct list *l)
{
	if (l->count % 2)
		l->words[l->count++] = 0;
	return request_commands(ctx, r, l->words, l->count * sizeof(l->words[0]));
}

static int make_scratch(struct accel_context *ctx, struct request *r, uint64_t bytes,
			uint8_t value, struct accel_bo **out, uint64_t *address)
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
	return err ? err : accel_bo_address(*out, address);
}

static int with_fault(struct accel_context *ctx, struct request *r, unsigned int kind)
{
	struct list l = {.count = 0};
	uint64_t address;
	struct accel_bo *bo;
	int err;

	if (!getenv("RIG_KERNEL"))
		return -EOPNOTSUPP;
	err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &bo, &address);
	if (err)
		return err;
	request_add_bo(r, bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	if (kind)
		put(&l, FAULT, kind, 0);
	put_copy(&l, address, address + SCRATCH_BYTES / 2, 64);
	return finish(ctx, r, &l);
}

static int rocket_nop(struct accel_context *ctx, struct request *r)
{
	return with_fault(ctx, r, 0);
}

/* Its watchdog is all that ends a job badly. */
static int rocket_fail(struct accel_context *ctx, struct request *r)
{
	return with_fault(ctx, r, FAULT_HANG);
}

static int rocket_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		       uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset,
		       uint64_t bytes)
{
	struct list l = {.count = 0};
	uint64_t to, from;
	int err;

	if (!getenv("RIG_KERNEL"))
		return -EOPNOTSUPP;
	err = accel_bo_address(dst, &to);
	if (!err)
		err = accel_bo_address(src, &from);
	if (err)
		return err;
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	r->src = request_add_bo(r, src, ACCEL_ACCESS_READ);
	put_copy(&l, to + dst_offset, from + src_offset, bytes);
	return finish(ctx, r, &l);
}

static int rocket_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		       uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct list l = {.count = 0};
	struct accel_bo *src;
	uint64_t to, from;
	int err;

	if (!getenv("RIG_KERNEL"))
		return -EOPNOTSUPP;
	err = make_scratch(ctx, r, bytes, value, &src, &from);
	if (!err)
		err = accel_bo_address(dst, &to);
	if (err)
		return err;
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	request_add_bo(r, src, ACCEL_ACCESS_READ);
	put_copy(&l, to + offset, from, bytes);
	return finish(ctx, r, &l);
}

static int rocket_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			  struct refusal *expected)
{
	static struct accel_rocket_task tasks[2];
	struct accel_rocket_job ext = {.head = {sizeof(ext), ACCEL_ROCKET_JOB}};
	struct list l = {.count = 16};

	tasks[0] = (struct accel_rocket_task){0, 4};
	tasks[1] = (struct accel_rocket_task){32, 4};
	ext.task_count = 2;
	ext.tasks = tasks;
	expected->index = ~0u;
	expected->error = -EINVAL;
	expected->offset = 32;
	switch (n) {
	case 0:
		expected->what = "a list of no words";
		tasks[1].words = 0;
		break;
	case 1:
		expected->what = "a list that does not begin at a multiple of 16";
		expected->offset = tasks[1].offset = 40;
		break;
	case 2:
		expected->what = "a list that reaches beyond the commands";
		expected->error = -ERANGE;
		tasks[1].words = 13;
		break;
	case 3:
		expected->what = "a list of more words than the device can fetch";
		expected->error = -E2BIG;
		tasks[1].words = 131073;
		break;
	case 4:
		expected->what = "no tasks";
		expected->offset = ~0ull;
		ext.task_count = 0;
		break;
	default:
		return -ENOENT;
	}
	memcpy(r->ext, &ext, sizeof(ext));
	r->params.ext = (const struct accel_ext *)(const void *)r->ext;
	return finish(ctx, r, &l);
}

const struct workload workload_rocket = {
	.driver = "rocket",
	.prefix = "platform:rknn",
	.unit = 1,
	.nop = rocket_nop,
	.fill = rocket_fill,
	.copy = rocket_copy,
	.fail = rocket_fail,
	.hang = rocket_fail,
	.refused = rocket_refused,
};
