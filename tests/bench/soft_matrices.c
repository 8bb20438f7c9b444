/* SPDX-License-Identifier: MIT */
/* Matrices to multiply. */
#include "soft.h"

/* From -3 to 3 in no order that matters. */
static int some_value(uint64_t i)
{
	return (int)(i * 2654435761u >> 16 & 0xffff) % 7 - 3;
}

static int matrix_create(struct accel_context *ctx, uint32_t type, uint64_t elements,
			 struct accel_bo **bo)
{
	bool s8 = type == ACCEL_SOFT_S8_S8_S32;
	void *map;
	int err;

	/* c is of 4 bytes in any case. */
	err = soft_bo(ctx, elements * 4, NULL, bo);
	if (!err)
		err = accel_bo_map(*bo, &map);
	for (uint64_t i = 0; i < elements && !err; i++) {
		if (s8)
			((int8_t *)map)[i] = (int8_t)some_value(i);
		else
			((float *)map)[i] = (float)some_value(i) / 8;
	}
	return err;
}

/* Whether the device would take the product. */
static int try_product(struct accel_context *ctx, struct soft_matrices *matrices)
{
	struct soft_work work = {
		.commands = &matrices->product,
		.bytes = sizeof(matrices->product),
		.bos = matrices->bos,
		.bo_count = SOFT_MATRICES,
	};
	struct soft_line line;
	int err = soft_line_create(ctx, 1, &work, &line);

	if (!err)
		soft_line_destroy(&line);
	return err;
}

int soft_matrices_create(struct accel_context *ctx, uint32_t type, uint32_t side,
			 struct soft_matrices *matrices)
{
	int err = 0;

	*matrices = (struct soft_matrices){
		.product =
			{
				.head = {ACCEL_SOFT_MATMUL, 0, sizeof(matrices->product)},
				.a.bo = SOFT_A,
				.b.bo = SOFT_B,
				.c.bo = SOFT_C,
				.type = type,
				.m = side,
				.n = side,
				.k = side,
				.lda = side,
				.ldb = side,
				.ldc = side,
			},
	};
	for (int i = 0; i < SOFT_MATRICES && !err; i++) {
		matrices->bos[i].access = i == SOFT_C ? ACCEL_ACCESS_WRITE : ACCEL_ACCESS_READ;
		err = matrix_create(ctx, type, (uint64_t)side * side, &matrices->bos[i].bo);
	}
	if (!err)
		err = try_product(ctx, matrices);
	if (err)
		soft_matrices_destroy(matrices);
	return err;
}

void soft_matrices_destroy(struct soft_matrices *matrices)
{
	for (int i = 0; i < SOFT_MATRICES; i++) {
		accel_bo_unref(matrices->bos[i].bo);
		matrices->bos[i].bo = NULL;
	}
}
