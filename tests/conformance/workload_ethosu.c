/* SPDX-License-Identifier: MIT */
/*
 * Workload of the Ethos-U: DMA between regions. Region 0 is written, region 1 is read.
 *
 * What fails or hangs needs the rig's device models, which take the fault from the stream.
 */
#include "workload.h"
#include "conformance.h"

#include <accel/ethosu.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STOP	       0x0000
#define DMA_START      0x0010
#define DMA_WAIT       0x0011
#define DMA_SRC_REGION 0x0130
#define DMA_DST_REGION 0x0131
#define DMA_SRC	       0x4030
#define DMA_DST	       0x4031
#define DMA_LEN	       0x4032
#define IRQ	       0x0001

/* The rig's (tests/kernel/models/fault.h). */
#define FAULT	   0x7a17
#define FAULT_SLOW 1
#define FAULT_HANG 2
#define FAULT_BUS  3

#define SCRATCH_BYTES 4096

struct stream {
	uint32_t words[64];
	unsigned int count;
};

static void put(struct stream *s, uint32_t command, uint32_t parameter)
{
	s->words[s->count++] = command | parameter << 16;
}

static void put_wide(struct stream *s, uint32_t command, uint64_t value)
{
	put(s, command, value >> 32 & 0xff);
	s->words[s->count++] = (uint32_t)value;
}

static void put_dma(struct stream *s, uint32_t dst, uint64_t dst_offset, uint32_t src,
		    uint64_t src_offset, uint64_t bytes)
{
	put(s, DMA_SRC_REGION, src);
	put(s, DMA_DST_REGION, dst);
	put_wide(s, DMA_SRC, src_offset);
	put_wide(s, DMA_DST, dst_offset);
	put_wide(s, DMA_LEN, bytes);
	put(s, DMA_START, 0);
	put(s, DMA_WAIT, 0);
}

static int seal(struct accel_context *ctx, struct request *r, struct stream *s)
{
	put(s, STOP, 0);
	return request_commands(ctx, r, s->words, s->count * sizeof(s->words[0]));
}

/* A buffer of the request's own, all bytes of @value. */
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

/* Faults that come before a DMA within one buffer. */
static int with_fault(struct accel_context *ctx, struct request *r, const uint32_t *kinds,
		      const uint32_t *values, unsigned int count)
{
	struct stream s = {.count = 0};
	struct accel_bo *bo;
	unsigned int i, j;
	int err;

	err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &bo);
	if (err)
		return err;
	request_add_bo(r, bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	for (i = 0; i < count; i++) {
		put_wide(&s, FAULT, (uint64_t)kinds[i] << 32 | values[i]);
		for (j = 0; j < 8; j++) /* what is slow is so at each command */
			put(&s, DMA_WAIT, 0);
	}
	put_dma(&s, 0, 0, 0, SCRATCH_BYTES / 2, 64);
	return seal(ctx, r, &s);
}

static int ethosu_nop(struct accel_context *ctx, struct request *r)
{
	return with_fault(ctx, r, NULL, NULL, 0);
}

static int ethosu_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		       uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset,
		       uint64_t bytes)
{
	struct stream s = {.count = 0};

	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	r->src = request_add_bo(r, src, ACCEL_ACCESS_READ);
	put_dma(&s, 0, dst_offset, 1, src_offset, bytes);
	return seal(ctx, r, &s);
}

static int ethosu_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		       uint64_t offset, uint64_t bytes, uint8_t value)
{
	struct stream s = {.count = 0};
	struct accel_bo *src;
	int err;

	err = make_scratch(ctx, r, bytes, value, &src);
	if (err)
		return err;
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	request_add_bo(r, src, ACCEL_ACCESS_READ);
	put_dma(&s, 0, offset, 1, 0, bytes);
	return seal(ctx, r, &s);
}

/* Only the rig's devices fail and hang by command. */
static bool has_faults(void)
{
	const char *kernel = getenv("RIG_KERNEL");

	if (kernel && !strcmp(kernel, "kasan"))
		skip_check("a kernel for several processors (no PM_SLEEP) can't reset an Ethos-U: "
			   "nothing would run after a job that fails");
	return kernel;
}

/* Not at once: how a job ended that ends before its fence can be taken, nobody knows. */
static int ethosu_fail(struct accel_context *ctx, struct request *r)
{
	const uint32_t kinds[] = {FAULT_SLOW, FAULT_BUS}, values[] = {10000, 0};

	return has_faults() ? with_fault(ctx, r, kinds, values, 2) : -EOPNOTSUPP;
}

static int ethosu_hang(struct accel_context *ctx, struct request *r)
{
	const uint32_t kind = FAULT_HANG, value = 0;

	return has_faults() ? with_fault(ctx, r, &kind, &value, 1) : -EOPNOTSUPP;
}

static int ethosu_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			  struct refusal *expected)
{
	struct accel_ethosu_job ext = {.head = {sizeof(ext), ACCEL_ETHOSU_JOB}};
	struct stream s = {.count = 0};
	struct accel_bo *dst, *src;
	int err;

	err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &dst);
	if (!err)
		err = make_scratch(ctx, r, SCRATCH_BYTES, 0, &src);
	if (err)
		return err;
	request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	request_add_bo(r, src, ACCEL_ACCESS_READ);
	put_dma(&s, 0, 0, 1, 0, 64);
	ext.region[1] = 1;
	expected->index = ~0u;
	expected->offset = (s.count + 8) * sizeof(s.words[0]); /* DMA_START of a second DMA */
	switch (n) {
	case 0:
		expected->what = "a write beyond the buffer";
		expected->error = -ERANGE;
		expected->index = 0;
		put_dma(&s, 0, SCRATCH_BYTES - 32, 1, 0, 64);
		break;
	case 1:
		expected->what = "a read beyond the buffer";
		expected->error = -ERANGE;
		expected->index = 1;
		put_dma(&s, 0, 0, 1, 1ull << 39, 64);
		break;
	case 2:
		expected->what = "a region without a buffer";
		expected->error = -EINVAL;
		put_dma(&s, 5, 0, 1, 0, 64);
		break;
	case 3:
		expected->what = "a write to a buffer listed for reading";
		expected->error = -EACCES;
		expected->index = 1;
		r->bos[0].access |= ACCEL_ACCESS_READ;
		put_dma(&s, 1, 0, 0, 0, 64);
		break;
	case 4:
		expected->what = "a buffer that the commands don't use";
		expected->error = -EINVAL;
		expected->index = 1;
		expected->offset = ~0ull;
		ext.region[1] = 7;
		break;
	case 5:
		expected->what = "two buffers that are one region";
		expected->error = -EINVAL;
		expected->index = 1;
		expected->offset = ~0ull;
		ext.region[1] = 0;
		break;
	case 6:
		expected->what = "a job that writes no buffer";
		expected->error = -EINVAL;
		expected->offset = ~0ull;
		s.count = 0;
		put_dma(&s, 0x100, 0, 0, 0, 64);
		r->params.bo_count = 1;
		r->bos[0].access = ACCEL_ACCESS_READ;
		break;
	case 7:
		expected->what = "more SRAM than there is";
		expected->error = -EINVAL;
		expected->offset = ~0ull;
		ext.sram_bytes = 1u << 30;
		break;
	default:
		return -ENOENT;
	}
	memcpy(r->ext, &ext, sizeof(ext));
	r->params.ext = (const struct accel_ext *)(const void *)r->ext;
	return seal(ctx, r, &s);
}

const struct workload workload_ethosu = {
	.driver = "ethosu",
	.prefix = "platform:1",
	.unit = 1,
	.nop = ethosu_nop,
	.fill = ethosu_fill,
	.copy = ethosu_copy,
	.fail = ethosu_fail,
	.hang = ethosu_hang,
	.refused = ethosu_refused,
};
