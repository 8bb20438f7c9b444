/* SPDX-License-Identifier: MIT */
/* The jobs of run for the software device: packets. */
#include "job.h"

#include <accel/soft.h>
#include <string.h>

static bool serves(const struct accel_device_info *info)
{
	return info->flags & ACCEL_DEVICE_SOFTWARE;
}

static int commands(const struct job_shape *shape, void *out)
{
	struct accel_soft_fill fill = {
		.head = {ACCEL_SOFT_FILL, 0, sizeof(fill)},
		.bytes = shape->bytes,
		.pattern = JOB_PATTERN,
	};
	struct accel_soft_copy copy = {
		.head = {ACCEL_SOFT_COPY, 0, sizeof(copy)},
		.src = {.bo = 1},
		.bytes = shape->bytes,
	};
	struct accel_soft_matmul matmul = {
		.head = {ACCEL_SOFT_MATMUL, 0, sizeof(matmul)},
		.a = {.bo = 1},
		.b = {.bo = 2},
		.type = ACCEL_SOFT_S8_S8_S32,
		.m = shape->n,
		.n = shape->n,
		.k = shape->n,
		.lda = shape->n,
		.ldb = shape->n,
		.ldc = shape->n,
	};

	switch (shape->kind) {
	case JOB_FILL:
		memcpy(out, &fill, sizeof(fill));
		return sizeof(fill);
	case JOB_COPY:
		memcpy(out, &copy, sizeof(copy));
		return sizeof(copy);
	default:
		memcpy(out, &matmul, sizeof(matmul));
		return sizeof(matmul);
	}
}

const struct job_maker job_soft = {.serves = serves, .commands = commands};
