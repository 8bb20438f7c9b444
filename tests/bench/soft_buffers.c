/* SPDX-License-Identifier: MIT */
/* Making and releasing buffers: kept for reuse, and not. */
#include "soft.h"

#include <stdio.h>

#define ROUNDS 41
#define SIZES  13 /* 4 KiB, 8 KiB, ... 16 MiB */
#define PAGE   4096

struct kind {
	struct accel_context *ctx;
	uint64_t bytes;
	uint32_t flags; /* beside what any buffer has */
	bool touch;     /* write to each page */
};

static int make_and_release(void *arg, unsigned int count)
{
	struct kind *kind = arg;
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			 ACCEL_BO_DEVICE_WRITE | kind->flags,
		.bytes = kind->bytes,
	};
	struct accel_bo *bo;
	void *map;
	int err = 0;

	while (count-- && !err) {
		err = accel_bo_create(kind->ctx, &params, &bo);
		if (err)
			break;
		if (kind->touch) {
			err = accel_bo_map(bo, &map);
			for (uint64_t at = 0; !err && at < kind->bytes; at += PAGE)
				((volatile char *)map)[at] = 1;
		}
		accel_bo_unref(bo);
	}
	return err;
}

/* What is shared is made of a memfd, and never kept. */
static int compare(struct accel_context *ctx, uint64_t bytes, bool touch, unsigned int count,
		   struct bench_side sides[2])
{
	struct kind fresh = {ctx, bytes, ACCEL_BO_SHARE, touch}, kept = {ctx, bytes, 0, touch};

	sides[0] = (struct bench_side){make_and_release, &fresh, count, 0, 0};
	sides[1] = (struct bench_side){make_and_release, &kept, count, 0, 0};
	return bench_compare(sides, 2, ROUNDS);
}

static int curve(struct bench *b, struct accel_context *ctx)
{
	struct bench_side sides[2];
	char name[48];
	int err = 0;

	for (unsigned int i = 0; i < SIZES && !err; i++) {
		uint64_t bytes = (uint64_t)PAGE << i;

		/* A round is some hundred pages, or one buffer. */
		err = compare(ctx, bytes, true, bytes < 1u << 20 ? (1u << 20) / bytes : 1, sides);
		if (err)
			break;
		snprintf(name, sizeof(name), "buffer written/cached/bytes=%llu",
			 (unsigned long long)bytes);
		bench_figure(b, name, sides[1].ns / 1000, "us");
		snprintf(name, sizeof(name), "buffer written/not cached/bytes=%llu",
			 (unsigned long long)bytes);
		bench_figure(b, name, sides[0].ns / 1000, "us");
	}
	return err;
}

int soft_buffers(struct bench *b)
{
	struct accel_context *ctx = NULL;
	struct bench_side sides[2];
	int err;

	err = soft_open(b, -1, &ctx);
	if (err)
		return err;
	err = compare(ctx, 64 << 10, false, 64, sides);
	if (!err) {
		bench_figure(b, "buffer of 64 KiB, not cached", sides[0].ns, "ns");
		bench_at_most(b, "buffer of 64 KiB, cached", sides[1].ratio, "not cached", 0.1);
		err = curve(b, ctx);
	}
	if (err)
		soft_failed(b, err, "buffers");
	accel_context_unref(ctx);
	return err;
}
