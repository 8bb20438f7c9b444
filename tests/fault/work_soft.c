/* SPDX-License-Identifier: MIT */
/* Jobs for the software device: one for each opcode, and a host function. */
#include "fault.h"

#include <accel/soft.h>
#include <stdatomic.h>
#include <string.h>

enum kind {
	FILL,
	COPY,
	COPY_2D,
	MATMUL_F32,
	MATMUL_S8,
	ADD,
	RELU,
	TIMESTAMP,
	HOST,
	KINDS
};

/* Its own part of the buffer that is written. */
#define PART  4096
#define AT(k) ((uint64_t)(k)*PART)

#define M      5
#define N      7
#define K      6
#define FLOATS 64

/* The first buffer: floats of small whole numbers, exact however they are summed up; bytes of
 * small numbers from BYTES on. */
#define BYTES 32768

static void fill(void *in)
{
	int8_t *bytes = (int8_t *)in + BYTES;
	float *floats = in;
	int i;

	for (i = 0; i < BYTES / 4; i++)
		floats[i] = (float)(i % 17 - 8);
	for (i = 0; i < WORK_BYTES - BYTES; i++)
		bytes[i] = (int8_t)(i % 23 - 11);
}

union packet {
	struct accel_soft_packet head;
	struct accel_soft_fill fill;
	struct accel_soft_copy copy;
	struct accel_soft_copy_2d copy_2d;
	struct accel_soft_matmul matmul;
	struct accel_soft_add add;
	struct accel_soft_relu relu;
	struct accel_soft_timestamp timestamp;
};

#define IN(o)                          \
	{                              \
		.bo = 0, .offset = (o) \
	}
#define OUT(k)                           \
	{                                \
		.bo = 1, .offset = AT(k) \
	}

static void make_packet(unsigned int kind, union packet *packet)
{
	memset(packet, 0, sizeof(*packet));
	switch (kind) {
	case FILL:
		packet->fill = (struct accel_soft_fill){
			.head = {ACCEL_SOFT_FILL, 0, sizeof(packet->fill)},
			.dst = OUT(FILL),
			.bytes = 1001,
			.pattern = 0x04030201,
		};
		break;
	case COPY:
		packet->copy = (struct accel_soft_copy){
			.head = {ACCEL_SOFT_COPY, 0, sizeof(packet->copy)},
			.dst = OUT(COPY),
			.src = IN(3),
			.bytes = 4001,
		};
		break;
	case COPY_2D:
		packet->copy_2d = (struct accel_soft_copy_2d){
			.head = {ACCEL_SOFT_COPY_2D, 0, sizeof(packet->copy_2d)},
			.dst = OUT(COPY_2D),
			.src = IN(0),
			.width = 10,
			.rows = 20,
			.dst_stride = 16,
			.src_stride = 100,
		};
		break;
	case MATMUL_F32:
		packet->matmul = (struct accel_soft_matmul){
			.head = {ACCEL_SOFT_MATMUL, 0, sizeof(packet->matmul)},
			.c = OUT(MATMUL_F32),
			.a = IN(0),
			.b = IN(1024),
			.type = ACCEL_SOFT_F32,
			.m = M,
			.n = N,
			.k = K,
			.lda = K,
			.ldb = N,
			.ldc = N,
		};
		break;
	case MATMUL_S8:
		packet->matmul = (struct accel_soft_matmul){
			.head = {ACCEL_SOFT_MATMUL, ACCEL_SOFT_TRANSPOSE_B, sizeof(packet->matmul)},
			.c = OUT(MATMUL_S8),
			.a = IN(BYTES),
			.b = IN(BYTES + 1000),
			.type = ACCEL_SOFT_S8_S8_S32,
			.m = M,
			.n = N,
			.k = K,
			.lda = K,
			.ldb = K,
			.ldc = N,
		};
		break;
	case ADD:
		packet->add = (struct accel_soft_add){
			.head = {ACCEL_SOFT_ADD, ACCEL_SOFT_BROADCAST, sizeof(packet->add)},
			.dst = OUT(ADD),
			.a = IN(0),
			.b = IN(4096),
			.rows = 8,
			.columns = 8,
		};
		break;
	case RELU:
		packet->relu = (struct accel_soft_relu){
			.head = {ACCEL_SOFT_RELU, 0, sizeof(packet->relu)},
			.dst = OUT(RELU),
			.src = IN(0),
			.count = FLOATS,
		};
		break;
	default:
		packet->timestamp = (struct accel_soft_timestamp){
			.head = {ACCEL_SOFT_TIMESTAMP, 0, sizeof(packet->timestamp)},
			.dst = OUT(TIMESTAMP),
		};
	}
}

static _Atomic(char *) host_target;

static int host(const struct accel_soft_call *call)
{
	(void)call;
	memcpy(atomic_load(&host_target), "host", 4);
	return 0;
}

static int make(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	struct accel_bo_ref bos[] = {
		{in, ACCEL_ACCESS_READ, 0},
		{out, ACCEL_ACCESS_WRITE, 0},
	};
	struct accel_soft_host_job function = {
		.head = {sizeof(function), ACCEL_SOFT_HOST_JOB},
		.fn = host,
	};
	struct accel_job_params params = {.size = sizeof(params), .bos = bos, .bo_count = 2};
	struct accel_bo_params commands = {.size = sizeof(commands),
					   .flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_WRITE};
	union packet packet;
	void *map;
	int ret;

	if (kind == HOST) {
		ret = accel_bo_map(out, &map);
		if (ret)
			return ret;
		atomic_store(&host_target, (char *)map + AT(HOST));
		params.ext = &function.head;
		return accel_job_create(queue, &params, job);
	}
	make_packet(kind, &packet);
	commands.contents = &packet;
	commands.bytes = params.bytes = packet.head.bytes;
	ret = accel_bo_create(context, &commands, &params.commands);
	if (ret)
		return ret;
	ret = accel_job_create(queue, &params, job);
	accel_bo_unref(params.commands);
	return ret;
}

static bool verify_matmul_f32(const float *in, const float *out)
{
	const float *b = in + 1024 / 4;
	float sum;
	int m, n, k;

	for (m = 0; m < M; m++) {
		for (n = 0; n < N; n++) {
			for (sum = 0, k = 0; k < K; k++)
				sum += in[m * K + k] * b[k * N + n];
			if (out[m * N + n] != sum)
				return false;
		}
	}
	return true;
}

static bool verify_matmul_s8(const int8_t *a, const int32_t *out)
{
	const int8_t *b = a + 1000;
	int m, n, k, sum;

	for (m = 0; m < M; m++) {
		for (n = 0; n < N; n++) {
			for (sum = 0, k = 0; k < K; k++)
				sum += a[m * K + k] * b[n * K + k];
			if (out[m * N + n] != sum)
				return false;
		}
	}
	return true;
}

static bool verify(unsigned int kind, const void *in, const void *out)
{
	const unsigned char *part = (const unsigned char *)out + AT(kind);
	const float *floats = in, *got = (const void *)part;
	bool good = true;
	uint64_t now;
	int i;

	switch (kind) {
	case FILL:
		for (i = 0; i < 1001; i++)
			good = good && part[i] == i % 4 + 1;
		return good && part[1001] == 0;
	case COPY:
		return !memcmp(part, (const char *)in + 3, 4001) && part[4001] == 0;
	case COPY_2D:
		for (i = 0; i < 20; i++)
			good = good && !memcmp(part + 16 * i, (const char *)in + 100 * i, 10);
		return good;
	case MATMUL_F32:
		return verify_matmul_f32(in, got);
	case MATMUL_S8:
		return verify_matmul_s8((const int8_t *)in + BYTES, (const void *)part);
	case ADD:
		for (i = 0; i < 64; i++)
			good = good && got[i] == floats[i] + floats[1024 + i % 8];
		return good;
	case RELU:
		for (i = 0; i < FLOATS; i++)
			good = good && got[i] == (floats[i] > 0 ? floats[i] : 0);
		return good;
	case TIMESTAMP:
		memcpy(&now, part, sizeof(now));
		return now != 0;
	default:
		return !memcmp(part, "host", 4);
	}
}

const struct work work_soft = {
	.driver = "soft",
	.count = KINDS,
	.out = 1,
	.by_index = HOST,
	.has_empty = true,
	.fill = fill,
	.make = make,
	.verify = verify,
};
