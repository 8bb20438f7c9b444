/* SPDX-License-Identifier: MIT */
/*
 * Workload of qaic on the rig's model, whose channels have memory of their own: a copy goes
 * through it, to the device by one buffer and from it by another. A real card has such memory where
 * its network says.
 *
 * What fails brings the word to check back from elsewhere; what hangs waits for a semaphore that
 * nobody raises.
 */
#include "workload.h"

#include <accel/qaic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rig's (tests/kernel/models/qaic.h). */
#define MEMORY       0x40000000ull
#define MEMORY_BYTES 0x400000ull
#define RELEASE      5

#define SCRATCH_BYTES 4096

static const struct {
	uint32_t op, channel;
	int32_t status;
	uint32_t pad;
} release_command = {.op = RELEASE};

static const struct accel_qaic_part release_part = {
	.kind = ACCEL_QAIC_PASSTHROUGH,
	.bytes = sizeof(release_command),
	.data = &release_command,
};

static const struct accel_qaic_queue queue_ext = {
	.head = {sizeof(queue_ext), ACCEL_QAIC_QUEUE},
	.release = &release_part,
	.release_count = 1,
	.release_channel = sizeof(uint32_t),
};

/* What request.ext holds. */
struct ext {
	struct accel_qaic_job job;
	struct accel_qaic_transfer transfers[2];
	struct accel_qaic_slice slices[2];
};

static struct ext *ext_of(struct request *r)
{
	struct ext *ext = (void *)r->ext;

	_Static_assert(sizeof(*ext) <= sizeof(r->ext), "the request has room for it");
	if (!r->params.ext) {
		ext->job.head = (struct accel_ext){sizeof(ext->job), ACCEL_QAIC_JOB};
		ext->job.transfers = ext->transfers;
		r->params.ext = &ext->job.head;
	}
	return ext;
}

/* The next buffer, moved by one slice. */
static struct accel_qaic_slice *add(struct request *r, struct accel_bo *bo, uint32_t access,
				    uint64_t offset, uint64_t bytes, uint64_t address)
{
	struct ext *ext = ext_of(r);
	const uint32_t index = request_add_bo(r, bo, access);

	ext->slices[index] = (struct accel_qaic_slice){
		.offset = offset,
		.bytes = bytes,
		.device_address = address,
	};
	ext->transfers[index] = (struct accel_qaic_transfer){
		.slices = &ext->slices[index],
		.count = 1,
	};
	return &ext->slices[index];
}

static int make_scratch(struct accel_context *ctx, struct request *r, uint64_t bytes, uint8_t value,
			struct accel_bo **out)
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

/* One buffer, no bytes. */
static int qaic_nop(struct accel_context *ctx, struct request *r)
{
	struct accel_bo *bo;
	int err;

	err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &bo);
	if (!err)
		add(r, bo, ACCEL_ACCESS_READ, 0, 0, MEMORY);
	return err;
}

static int qaic_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset, uint64_t bytes)
{
	(void)ctx;
	if (bytes > MEMORY_BYTES)
		return -EOPNOTSUPP;
	add(r, src, ACCEL_ACCESS_READ, src_offset, bytes, MEMORY);
	add(r, dst, ACCEL_ACCESS_WRITE, dst_offset, bytes, MEMORY);
	r->src = 0;
	r->dst = 1;
	return 0;
}

static int qaic_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct accel_bo *src;
	int err;

	if (bytes > MEMORY_BYTES)
		return -EOPNOTSUPP;
	err = make_scratch(ctx, r, bytes, value, &src);
	if (err)
		return err;
	err = qaic_copy(ctx, r, dst, offset, src, 0, bytes);
	r->src = ~0u;
	return err;
}

/* Two buffers of the request's own, which go the way that a copy's do. */
static int copy_of_scratch(struct accel_context *ctx, struct request *r)
{
	struct accel_bo *src, *dst;
	int err;

	err = make_scratch(ctx, r, SCRATCH_BYTES, 0x11, &src);
	if (!err)
		err = make_scratch(ctx, r, SCRATCH_BYTES, 0x22, &dst);
	return err ? err : qaic_copy(ctx, r, dst, 0, src, 0, SCRATCH_BYTES);
}

static int qaic_fail(struct accel_context *ctx, struct request *r)
{
	struct ext *ext = ext_of(r);
	int err;

	err = copy_of_scratch(ctx, r);
	ext->job.flags = ACCEL_QAIC_CHECK;
	ext->job.out = 1;
	ext->slices[1].device_address += SCRATCH_BYTES;
	return err;
}

static int qaic_hang(struct accel_context *ctx, struct request *r)
{
	struct ext *ext = ext_of(r);
	int err;

	err = qaic_nop(ctx, r);
	ext->slices[0].semaphore[0] = (struct accel_qaic_semaphore){
		.value = 4000,
		.index = 31,
		.presync = 1,
		.command = ACCEL_QAIC_WAIT_EQUAL,
	};
	return err;
}

static int qaic_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			struct refusal *expected)
{
	struct ext *ext = ext_of(r);
	int err;

	err = copy_of_scratch(ctx, r);
	if (err)
		return err;
	expected->error = -EINVAL;
	expected->index = 1;
	expected->offset = ~0ull;
	switch (n) {
	case 0:
		expected->what = "a slice beyond the buffer";
		expected->error = -ERANGE;
		ext->slices[1].offset = 1;
		break;
	case 1:
		expected->what = "a slice whose end overflows";
		expected->error = -ERANGE;
		ext->slices[1].offset = ~0ull;
		break;
	case 2:
		expected->what = "a slice beyond the device's addresses";
		expected->error = -ERANGE;
		ext->slices[1].device_address = ~0ull;
		break;
	case 3:
		expected->what = "a semaphore out of range";
		ext->slices[1].semaphore[3].index = 32;
		break;
	case 4:
		expected->what = "a semaphore's value out of range";
		ext->slices[1].semaphore[0].value = 4096;
		break;
	case 5:
		expected->what = "an unknown command of a semaphore";
		ext->slices[1].semaphore[1].command = 7;
		break;
	case 6:
		expected->what = "two semaphores before the transfer";
		ext->slices[1].semaphore[1].presync = 1;
		ext->slices[1].semaphore[2].presync = 1;
		break;
	case 7:
		expected->what = "a doorbell of 24 bits";
		ext->slices[1].doorbell_bits = 24;
		break;
	case 8:
		expected->what = "a doorbell that is not aligned";
		ext->slices[1].doorbell_bits = 32;
		ext->slices[1].doorbell_address = 2;
		break;
	case 9:
		expected->what = "a buffer that goes both ways";
		r->bos[1].access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE;
		break;
	case 10:
		expected->what = "a buffer without slices";
		ext->transfers[1].count = 0;
		break;
	case 11:
		expected->what = "a limit beyond the buffer";
		expected->error = -ERANGE;
		ext->transfers[1].limit = SCRATCH_BYTES * 16;
		break;
	case 12:
		expected->what = "more slices than any ring has elements";
		expected->error = -E2BIG;
		ext->transfers[1].count = 1u << 20;
		break;
	case 13:
		expected->what = "a word to check that comes from no slice";
		ext->job.flags = ACCEL_QAIC_CHECK;
		ext->job.out = 1;
		ext->job.out_offset = SCRATCH_BYTES;
		break;
	case 14:
		expected->what = "a word to check that goes the wrong way";
		expected->index = 0;
		ext->job.flags = ACCEL_QAIC_CHECK;
		break;
	case 15:
		expected->what = "no struct of this driver";
		expected->index = ~0u;
		r->params.ext = NULL;
		break;
	case 16:
		expected->what = "no buffers";
		expected->index = ~0u;
		r->params.bo_count = 0;
		break;
	default:
		return -ENOENT;
	}
	return 0;
}

const struct workload workload_qaic = {
	.driver = "qaic",
	.prefix = "pci:",
	.unit = 1,
	.queue_ext = &queue_ext.head,
	.nop = qaic_nop,
	.fill = qaic_fill,
	.copy = qaic_copy,
	.fail = qaic_fail,
	.hang = qaic_hang,
	.refused = qaic_refused,
};
