/* SPDX-License-Identifier: MIT */
/* The software device's packets against a plain reference, with odd shapes. */
#include "soft_stream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two buffers to read, one to write, each with a shadow that the reference works on. */
#define BYTES 262144u

struct lab {
	struct setup s;
	struct accel_bo *bos[3];
	unsigned char *maps[3];
	unsigned char *shadows[3];
	struct accel_bo_ref refs[3];
};

static uint32_t random_next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void lab_open(struct lab *l)
{
	uint32_t state = 4711;
	unsigned int i, j;

	setup_open(&l->s);
	for (i = 0; i < 3; i++) {
		l->bos[i] = make_bo(l->s.ctx, DATA_FLAGS, BYTES);
		l->maps[i] = map_bo(l->bos[i]);
		l->shadows[i] = malloc(BYTES);
		expect(l->shadows[i] != NULL);
		for (j = 0; j < BYTES; j++)
			l->maps[i][j] = (unsigned char)random_next(&state);
		memcpy(l->shadows[i], l->maps[i], BYTES);
		l->refs[i] = bo_ref(l->bos[i], ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	}
}

static void lab_close(struct lab *l)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		accel_bo_unref(l->bos[i]);
		free(l->shadows[i]);
	}
	setup_close(&l->s);
}

/* Run, then every byte of every buffer must be as the reference has it. */
static void lab_run(struct lab *l, const struct stream *stream)
{
	unsigned int i, j;

	stream_run(&l->s, stream, l->refs, 3);
	for (i = 0; i < 3; i++) {
		gives(accel_bo_begin_access(l->bos[i], ACCEL_ACCESS_READ, 0, BYTES, 0), 0);
		if (memcmp(l->maps[i], l->shadows[i], BYTES) != 0) {
			for (j = 0; l->maps[i][j] == l->shadows[i][j]; j++)
				;
			fail_here("buffer %u, byte %u: %#x, not %#x", i, j, l->maps[i][j],
				  l->shadows[i][j]);
		}
		gives(accel_bo_end_access(l->bos[i], ACCEL_ACCESS_READ, 0, BYTES), 0);
	}
}

/* ---- fill and copies ----------------------------------------------------------------------- */

static void fill_of_every_size_and_offset(void)
{
	static const uint64_t sizes[] = {1,  2,  3,  4,  5,  7,   8,    15,   16,   17,
					 31, 33, 63, 64, 65, 127, 1000, 4095, 4097, 100003};
	const uint32_t pattern = 0x44332211;
	struct stream stream;
	struct lab l;
	size_t i, j;
	uint64_t at;

	lab_open(&l);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(&stream, 0, sizeof(stream));
		for (at = 0; at < 8; at++) {
			uint64_t offset = at * (BYTES / 16) / 8 + at;

			stream_fill(&stream, (uint32_t)(at % 3), offset, sizes[i],
				    pattern + (uint32_t)at);
			for (j = 0; j < sizes[i]; j++)
				l.shadows[at % 3][offset + j] =
					(unsigned char)((pattern + (uint32_t)at) >> (8 * (j % 4)));
		}
		lab_run(&l, &stream);
	}
	/* The last byte, and all. */
	memset(&stream, 0, sizeof(stream));
	stream_fill(&stream, 0, BYTES - 1, 1, 0xee);
	l.shadows[0][BYTES - 1] = 0xee;
	stream_fill(&stream, 1, 0, BYTES, 0);
	memset(l.shadows[1], 0, BYTES);
	lab_run(&l, &stream);
	lab_close(&l);
}

static void add_copy(struct lab *l, struct stream *stream, uint32_t dst, uint64_t dst_offset,
		     uint32_t src, uint64_t src_offset, uint64_t bytes)
{
	struct accel_soft_copy copy = {.head = {ACCEL_SOFT_COPY, 0, sizeof(copy)}};

	copy.dst.bo = dst;
	copy.dst.offset = dst_offset;
	copy.src.bo = src;
	copy.src.offset = src_offset;
	copy.bytes = bytes;
	stream_add(stream, &copy, sizeof(copy));
	memmove(l->shadows[dst] + dst_offset, l->shadows[src] + src_offset, bytes);
}

static void copy_of_every_size_and_offset(void)
{
	static const uint64_t sizes[] = {1, 2, 3, 7, 8, 9, 31, 64, 65, 1023, 4096, 65537};
	struct stream stream;
	struct lab l;
	size_t i;

	lab_open(&l);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(&stream, 0, sizeof(stream));
		add_copy(&l, &stream, 2, 13 + i, 0, i * 3, sizes[i]);
		add_copy(&l, &stream, 1, BYTES - sizes[i], 2, 5, sizes[i]);
		/* Within one buffer, side by side. */
		add_copy(&l, &stream, 0, 70000 + sizes[i], 0, 70000, sizes[i]);
		add_copy(&l, &stream, 0, 70000 - sizes[i], 0, 70000, sizes[i]);
		lab_run(&l, &stream);
	}
	lab_close(&l);
}

static void add_copy_2d(struct lab *l, struct stream *stream, uint32_t dst, uint64_t dst_offset,
			uint64_t dst_stride, uint32_t src, uint64_t src_offset, uint64_t src_stride,
			uint64_t width, uint64_t rows)
{
	struct accel_soft_copy_2d copy = {.head = {ACCEL_SOFT_COPY_2D, 0, sizeof(copy)}};
	uint64_t i;

	copy.dst.bo = dst;
	copy.dst.offset = dst_offset;
	copy.src.bo = src;
	copy.src.offset = src_offset;
	copy.width = width;
	copy.rows = rows;
	copy.dst_stride = dst_stride;
	copy.src_stride = src_stride;
	stream_add(stream, &copy, sizeof(copy));
	for (i = 0; i < rows; i++)
		memcpy(l->shadows[dst] + dst_offset + i * dst_stride,
		       l->shadows[src] + src_offset + i * src_stride, width);
}

static void copy_2d_leaves_the_gaps_alone(void)
{
	struct stream stream = {.used = 0};
	struct lab l;

	lab_open(&l);
	add_copy_2d(&l, &stream, 2, 0, 10, 0, 0, 10, 10, 1); /* one row */
	add_copy_2d(&l, &stream, 2, 1, 17, 0, 3, 31, 13, 29);
	add_copy_2d(&l, &stream, 2, 1000, 1, 1, 7, 100, 1, 300); /* a column to a row */
	add_copy_2d(&l, &stream, 2, 2000, 64, 1, 0, 64, 64, 64); /* no gaps */
	add_copy_2d(&l, &stream, 2, 10000, 1000, 0, 5, 257, 256, 100);
	/* Up to the last byte of both: the stride after the last row does not count. */
	add_copy_2d(&l, &stream, 1, BYTES - 3 * 100 - 7, 100, 0, BYTES - 3 * 200 - 7, 200, 7, 4);
	lab_run(&l, &stream);
	lab_close(&l);
}

/* Rows of source and destination by turns: no byte of one is a byte of the other. */
static void copy_2d_interleaved_in_one_buffer(void)
{
	struct stream stream = {.used = 0};
	struct lab l;

	lab_open(&l);
	add_copy_2d(&l, &stream, 0, 16, 32, 0, 0, 32, 16, 40);
	lab_run(&l, &stream);
	lab_close(&l);
}

static void packets_run_in_order(void)
{
	struct stream stream = {.used = 0};
	struct lab l;

	lab_open(&l);
	stream_fill(&stream, 0, 0, 100, 0x01010101);
	memset(l.shadows[0], 1, 100);
	add_copy(&l, &stream, 1, 50, 0, 0, 100);
	stream_fill(&stream, 0, 0, 100, 0x02020202);
	memset(l.shadows[0], 2, 100);
	add_copy(&l, &stream, 1, 100, 0, 0, 100);
	add_copy(&l, &stream, 2, 0, 1, 0, 200);
	lab_run(&l, &stream);
	lab_close(&l);
}

/* ---- matrices --------------------------------------------------------------------------------- */

struct shape {
	uint32_t m, n, k;
	uint32_t pad_a, pad_b, pad_c; /* beyond the row's length */
	bool transpose;
};

static const struct shape shapes[] = {
	{1, 1, 1, 0, 0, 0, false},     {1, 1, 1, 0, 0, 0, true},     {1, 7, 1, 0, 0, 0, false},
	{5, 1, 3, 0, 0, 0, false},     {5, 1, 3, 2, 1, 4, true},     {3, 3, 3, 0, 0, 0, true},
	{2, 3, 5, 1, 2, 3, false},     {2, 3, 5, 1, 2, 3, true},     {17, 31, 13, 0, 0, 0, false},
	{17, 31, 13, 3, 5, 7, true},   {1, 100, 100, 0, 0, 0, true}, {100, 1, 100, 0, 0, 0, false},
	{64, 64, 64, 0, 0, 0, false},  {33, 65, 129, 0, 0, 0, true}, {63, 61, 127, 1, 1, 1, false},
	{128, 96, 80, 16, 0, 8, true},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void matmul_packet(struct accel_soft_matmul *packet, const struct shape *shape,
			  uint32_t type, uint64_t c_at, uint64_t a_at, uint64_t b_at)
{
	memset(packet, 0, sizeof(*packet));
	packet->head.opcode = ACCEL_SOFT_MATMUL;
	packet->head.flags = shape->transpose ? ACCEL_SOFT_TRANSPOSE_B : 0;
	packet->head.bytes = sizeof(*packet);
	packet->c.bo = 2;
	packet->c.offset = c_at;
	packet->a.bo = 0;
	packet->a.offset = a_at;
	packet->b.bo = 1;
	packet->b.offset = b_at;
	packet->type = type;
	packet->m = shape->m;
	packet->n = shape->n;
	packet->k = shape->k;
	packet->lda = shape->k + shape->pad_a;
	packet->ldb = (shape->transpose ? shape->k : shape->n) + shape->pad_b;
	packet->ldc = shape->n + shape->pad_c;
}

static size_t b_index(const struct accel_soft_matmul *packet, uint32_t row, uint32_t column)
{
	if (packet->head.flags & ACCEL_SOFT_TRANSPOSE_B)
		return (size_t)column * packet->ldb + row;
	return (size_t)row * packet->ldb + column;
}

/* Small whole numbers: every order of summing gives the same. */
static void put_floats(struct lab *l, unsigned int which, bool whole)
{
	uint32_t state = 99 + which;
	unsigned int i;
	float value;

	for (i = 0; i < BYTES / 4; i++) {
		value = (float)((int)(random_next(&state) % 17) - 8);
		if (!whole)
			value = (float)random_next(&state) / 8388608.0f - 1.0f;
		memcpy(l->maps[which] + 4 * i, &value, 4);
	}
	memcpy(l->shadows[which], l->maps[which], BYTES);
}

static void matmul_of_whole_floats_is_exact(void)
{
	struct accel_soft_matmul packet;
	struct stream stream;
	struct lab l;
	uint32_t i, j, k;
	size_t n;

	lab_open(&l);
	put_floats(&l, 0, true);
	put_floats(&l, 1, true);
	for (n = 0; n < SHAPES; n++) {
		const float *a = (const float *)(void *)(l.shadows[0] + 12);
		const float *b = (const float *)(void *)(l.shadows[1] + 4);
		float *c = (float *)(void *)(l.shadows[2] + 8);

		matmul_packet(&packet, &shapes[n], ACCEL_SOFT_F32, 8, 12, 4);
		memset(&stream, 0, sizeof(stream));
		stream_add(&stream, &packet, sizeof(packet));
		for (i = 0; i < packet.m; i++) {
			for (j = 0; j < packet.n; j++) {
				float sum = 0;

				for (k = 0; k < packet.k; k++)
					sum += a[(size_t)i * packet.lda + k] *
					       b[b_index(&packet, k, j)];
				/* -0 and 0 are the same sum. */
				c[(size_t)i * packet.ldc + j] = sum + 0.0f;
			}
		}
		stream_run(&l.s, &stream, l.refs, 3);
		for (i = 0; i < BYTES / 4; i++) {
			float got;

			memcpy(&got, l.maps[2] + 4 * i, 4);
			if (got == 0.0f) {
				got = 0.0f;
				memcpy(l.maps[2] + 4 * i, &got, 4);
			}
		}
		if (memcmp(l.maps[2], l.shadows[2], BYTES) != 0)
			fail_here("shape %zu: %u by %u by %u", n, packet.m, packet.n, packet.k);
	}
	lab_close(&l);
}

/* Any floats: within what rounding can do in any order. */
static void matmul_of_floats_is_close(void)
{
	struct accel_soft_matmul packet;
	struct stream stream;
	struct lab l;
	uint32_t i, j, k;
	size_t n;

	lab_open(&l);
	put_floats(&l, 0, false);
	put_floats(&l, 1, false);
	for (n = 0; n < SHAPES; n++) {
		const float *a = (const float *)(void *)l.maps[0];
		const float *b = (const float *)(void *)l.maps[1];
		const float *c = (const float *)(void *)l.maps[2];

		matmul_packet(&packet, &shapes[n], ACCEL_SOFT_F32, 0, 0, 0);
		memset(&stream, 0, sizeof(stream));
		stream_add(&stream, &packet, sizeof(packet));
		stream_run(&l.s, &stream, l.refs, 3);
		for (i = 0; i < packet.m; i++) {
			for (j = 0; j < packet.n; j++) {
				double sum = 0, size = 0, one, got;

				for (k = 0; k < packet.k; k++) {
					one = (double)a[(size_t)i * packet.lda + k] *
					      b[b_index(&packet, k, j)];
					sum += one;
					size += fabs(one);
				}
				got = c[(size_t)i * packet.ldc + j];
				if (!(fabs(got - sum) <= size * packet.k * 1.2e-7 + 1e-30))
					fail_here("shape %zu, row %u, column %u: %g, not %g", n, i,
						  j, got, sum);
			}
		}
	}
	lab_close(&l);
}

static void matmul_of_bytes_is_exact(void)
{
	struct accel_soft_matmul packet;
	struct stream stream;
	struct lab l;
	uint32_t i, j, k;
	size_t n;

	lab_open(&l);
	/* The extremes are there as well. */
	memset(l.maps[0], 0x80, 300);
	memset(l.maps[1], 0x80, 300);
	memcpy(l.shadows[0], l.maps[0], BYTES);
	memcpy(l.shadows[1], l.maps[1], BYTES);
	for (n = 0; n < SHAPES; n++) {
		const int8_t *a = (const int8_t *)l.shadows[0] + 3;
		const int8_t *b = (const int8_t *)l.shadows[1] + 1;

		matmul_packet(&packet, &shapes[n], ACCEL_SOFT_S8_S8_S32, 4, 3, 1);
		memset(&stream, 0, sizeof(stream));
		stream_add(&stream, &packet, sizeof(packet));
		for (i = 0; i < packet.m; i++) {
			for (j = 0; j < packet.n; j++) {
				int32_t sum = 0;

				for (k = 0; k < packet.k; k++)
					sum += a[(size_t)i * packet.lda + k] *
					       b[b_index(&packet, k, j)];
				memcpy(l.shadows[2] + 4 + 4 * ((size_t)i * packet.ldc + j), &sum,
				       4);
			}
		}
		lab_run(&l, &stream);
	}
	lab_close(&l);
}

/* Sums that leave 16 bits, and saturating multiply-adds, far behind. */
static void matmul_of_bytes_does_not_saturate(void)
{
	const struct shape shape = {3, 5, 4001, 0, 0, 0, true};
	struct accel_soft_matmul packet;
	struct stream stream = {.used = 0};
	const int32_t *c;
	struct lab l;
	uint32_t i;

	lab_open(&l);
	memset(l.maps[0], 0x80, BYTES);
	memset(l.maps[1], 0x80, BYTES);
	matmul_packet(&packet, &shape, ACCEL_SOFT_S8_S8_S32, 0, 0, 0);
	stream_add(&stream, &packet, sizeof(packet));
	stream_run(&l.s, &stream, l.refs, 3);
	c = (const int32_t *)(void *)l.maps[2];
	for (i = 0; i < 15; i++)
		same((uint64_t)(int64_t)c[i], 4001 * 128 * 128);
	memset(l.maps[1], 0x7f, BYTES);
	stream_run(&l.s, &stream, l.refs, 3);
	for (i = 0; i < 15; i++)
		same((uint64_t)(int64_t)c[i], (uint64_t)(int64_t)(-4001 * 128 * 127));
	lab_close(&l);
}

/* One buffer as both sources, and a shape that is run again with other buffers. */
static void matmul_may_read_one_buffer_twice(void)
{
	const struct shape shape = {8, 8, 8, 0, 0, 0, true};
	struct accel_soft_matmul packet;
	struct stream stream = {.used = 0};
	struct lab l;
	uint32_t i, j, k;

	lab_open(&l);
	put_floats(&l, 0, true);
	matmul_packet(&packet, &shape, ACCEL_SOFT_F32, 0, 0, 0);
	packet.b.bo = 0;
	stream_add(&stream, &packet, sizeof(packet));
	stream_run(&l.s, &stream, l.refs, 3);
	for (i = 0; i < 8; i++) {
		for (j = 0; j < 8; j++) {
			const float *a = (const float *)(void *)l.maps[0];
			float sum = 0;

			for (k = 0; k < 8; k++)
				sum += a[8 * i + k] * a[8 * j + k];
			expect(((const float *)(void *)l.maps[2])[8 * i + j] == sum);
		}
	}
	lab_close(&l);
}

/* ---- element by element ------------------------------------------------------------------------- */

static void run_add(uint32_t rows, uint32_t columns, bool broadcast, uint32_t dst, uint64_t dst_at)
{
	struct accel_soft_add packet = {.head = {ACCEL_SOFT_ADD, 0, sizeof(packet)}};
	struct stream stream = {.used = 0};
	struct lab l;
	uint32_t i, j;

	lab_open(&l);
	put_floats(&l, 0, false);
	put_floats(&l, 1, false);
	packet.head.flags = broadcast ? ACCEL_SOFT_BROADCAST : 0;
	packet.dst.bo = dst;
	packet.dst.offset = dst_at;
	packet.a.bo = 0;
	packet.a.offset = 4;
	packet.b.bo = 1;
	packet.b.offset = 20;
	packet.rows = rows;
	packet.columns = columns;
	stream_add(&stream, &packet, sizeof(packet));
	for (i = 0; i < rows; i++) {
		for (j = 0; j < columns; j++) {
			float a, b;

			memcpy(&a, l.shadows[0] + 4 + 4 * ((size_t)i * columns + j), 4);
			memcpy(&b,
			       l.shadows[1] + 20 + 4 * ((broadcast ? 0 : (size_t)i * columns) + j),
			       4);
			a += b;
			memcpy(l.shadows[dst] + dst_at + 4 * ((size_t)i * columns + j), &a, 4);
		}
	}
	lab_run(&l, &stream);
	lab_close(&l);
}

static void add_of_odd_shapes(void)
{
	run_add(1, 1, false, 2, 0);
	run_add(3, 5, false, 2, 4);
	run_add(1, 1000, false, 2, 8);
	run_add(97, 101, false, 2, 12);
}

static void add_of_one_row_to_all(void)
{
	run_add(1, 1, true, 2, 0);
	run_add(7, 3, true, 2, 4);
	run_add(256, 127, true, 2, 8);
	run_add(1001, 1, true, 2, 0);
}

static void add_in_place(void)
{
	run_add(31, 17, false, 0, 4);  /* onto a */
	run_add(31, 17, false, 1, 20); /* onto b */
	run_add(31, 17, true, 0, 4);
}

static void run_relu(uint64_t count, uint32_t dst, uint64_t dst_at)
{
	struct accel_soft_relu packet = {.head = {ACCEL_SOFT_RELU, 0, sizeof(packet)}};
	struct stream stream = {.used = 0};
	struct lab l;
	float value;
	uint64_t i;

	lab_open(&l);
	put_floats(&l, 0, false);
	packet.dst.bo = dst;
	packet.dst.offset = dst_at;
	packet.src.bo = 0;
	packet.src.offset = 8;
	packet.count = count;
	stream_add(&stream, &packet, sizeof(packet));
	for (i = 0; i < count; i++) {
		memcpy(&value, l.shadows[0] + 8 + 4 * i, 4);
		value = value > 0 ? value : 0;
		memcpy(l.shadows[dst] + dst_at + 4 * i, &value, 4);
	}
	lab_run(&l, &stream);
	lab_close(&l);
}

static void relu_of_odd_counts(void)
{
	run_relu(1, 2, 0);
	run_relu(3, 2, 4);
	run_relu(17, 2, 12);
	run_relu(1001, 1, 0);
	run_relu(50000, 2, 4);
}

static void relu_in_place(void)
{
	run_relu(1, 0, 8);
	run_relu(999, 0, 8);
}

static void relu_of_infinities(void)
{
	struct accel_soft_relu packet = {.head = {ACCEL_SOFT_RELU, 0, sizeof(packet)}};
	static const float in[4] = {INFINITY, -INFINITY, 3.4e38f, -3.4e38f};
	static const float want[4] = {INFINITY, 0, 3.4e38f, 0};
	struct stream stream = {.used = 0};
	struct lab l;

	lab_open(&l);
	memcpy(l.maps[0], in, sizeof(in));
	memcpy(l.shadows[0], in, sizeof(in));
	memcpy(l.shadows[2], want, sizeof(want));
	packet.dst.bo = 2;
	packet.count = 4;
	stream_add(&stream, &packet, sizeof(packet));
	lab_run(&l, &stream);
	lab_close(&l);
}

static void timestamps_are_now_and_in_order(void)
{
	struct accel_soft_timestamp packet = {.head = {ACCEL_SOFT_TIMESTAMP, 0, sizeof(packet)}};
	struct stream stream = {.used = 0};
	struct lab l;
	int64_t before, after;
	uint64_t values[2];

	lab_open(&l);
	packet.dst.bo = 2;
	packet.dst.offset = 8;
	stream_add(&stream, &packet, sizeof(packet));
	stream_fill(&stream, 1, 0, BYTES, 0);
	packet.dst.offset = BYTES - 8;
	stream_add(&stream, &packet, sizeof(packet));
	before = now_ns();
	stream_run(&l.s, &stream, l.refs, 3);
	after = now_ns();
	memcpy(&values[0], l.maps[2] + 8, 8);
	memcpy(&values[1], l.maps[2] + BYTES - 8, 8);
	expect((int64_t)values[0] >= before);
	expect(values[1] >= values[0]);
	expect((int64_t)values[1] <= after);
	memset(l.shadows[1], 0, BYTES);
	memcpy(l.shadows[2] + 8, &values[0], 8);
	memcpy(l.shadows[2] + BYTES - 8, &values[1], 8);
	expect(memcmp(l.maps[2], l.shadows[2], BYTES) == 0);
	expect(memcmp(l.maps[1], l.shadows[1], BYTES) == 0);
	lab_close(&l);
}

/* ---- streams ------------------------------------------------------------------------------------ */

static void the_stream_is_taken_at_creation(void)
{
	struct accel_bo_params bo_params = {.size = sizeof(bo_params)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct stream stream = {.used = 0};
	struct accel_bo *commands;
	struct accel_job *job;
	struct lab l;

	lab_open(&l);
	stream_fill(&stream, 2, 0, 64, 0x21212121);
	bo_params.flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE;
	bo_params.bytes = 4096;
	gives(accel_bo_create(l.s.ctx, &bo_params, &commands), 0);
	/* Not at the buffer's begin either. */
	memcpy(map_bo(commands) + 40, stream.bytes, stream.used);
	params.commands = commands;
	params.offset = 40;
	params.bytes = stream.used;
	params.bos = l.refs;
	params.bo_count = 3;
	gives(accel_job_create(l.s.queue, &params, &job), 0);
	memset(map_bo(commands), 0xff, 4096);
	accel_bo_unref(commands);
	run_job(l.s.queue, job);
	memset(l.shadows[2], 0x21, 64);
	expect(memcmp(l.maps[2], l.shadows[2], BYTES) == 0);
	run_job(l.s.queue, job);
	accel_job_unref(job);
	lab_close(&l);
}

/* Another thread writes the commands while they are checked: what was checked is what runs. */
struct flipper {
	struct accel_soft_fill *packet;
	_Atomic bool stop;
};

static void *flip(void *arg)
{
	struct flipper *flipper = arg;
	volatile uint64_t *offset = &flipper->packet->dst.offset;

	while (!flipper->stop) {
		*offset = 1ull << 40;
		*offset = 0;
	}
	return NULL;
}

static void commands_that_change_while_checked(void)
{
	struct accel_bo_params bo_params = {.size = sizeof(bo_params)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_soft_fill fill = {.head = {ACCEL_SOFT_FILL, 0, sizeof(fill)}};
	struct flipper flipper = {.stop = false};
	unsigned int i, refused = 0, made = 0;
	struct accel_job *job;
	struct accel_bo *commands;
	pthread_t thread;
	struct lab l;
	int err;

	if (suite.race_tool)
		skip_check("this race is the point of it");
	lab_open(&l);
	bo_params.flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE;
	bo_params.bytes = 4096;
	gives(accel_bo_create(l.s.ctx, &bo_params, &commands), 0);
	flipper.packet = (struct accel_soft_fill *)(void *)map_bo(commands);
	fill.dst.bo = 2;
	fill.bytes = 64;
	*flipper.packet = fill;
	params.commands = commands;
	params.bytes = sizeof(fill);
	params.bos = l.refs;
	params.bo_count = 3;
	same(pthread_create(&thread, NULL, flip, &flipper), 0);
	for (i = 0; i < 20000; i++) {
		err = accel_job_create(l.s.queue, &params, &job);
		if (err) {
			gives(err, -ERANGE);
			refused++;
			continue;
		}
		made++;
		run_job(l.s.queue, job);
		accel_job_unref(job);
	}
	flipper.stop = true;
	pthread_join(thread, NULL);
	expect(refused + made == 20000);
	accel_bo_unref(commands);
	lab_close(&l);
}

static void job_without_commands_keeps_the_order(void)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_fence *fence;
	struct accel_job *job;
	struct blocker b;
	struct lab l;

	lab_open(&l);
	params.bos = l.refs;
	params.bo_count = 3;
	gives(accel_job_create(l.s.queue, &params, &job), 0);
	block(l.s.ctx, l.s.queue, &b);
	submit_one(l.s.queue, job, &fence);
	gives(accel_fence_status(fence), -EINPROGRESS);
	/* Its buffers are in use nevertheless. */
	gives(accel_bo_begin_access(l.bos[0], ACCEL_ACCESS_WRITE, 0, 1, 0), -ETIME);
	unblock(&b);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_outcome(job, ACCEL_DONE);
	blocker_end(&b);
	accel_fence_unref(fence);
	accel_job_unref(job);
	lab_close(&l);
}

static void long_streams_run(void)
{
	uint64_t max = device_fact(ACCEL_COMMANDS_BYTES_MAX), count, i;
	struct accel_bo_params bo_params = {.size = sizeof(bo_params)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_soft_fill *fills;
	struct accel_bo *commands;
	struct accel_job *job;
	struct lab l;

	expect(max != ~0ull && max >= sizeof(*fills));
	expect(max <= 1ull << 30);
	lab_open(&l);
	count = max / sizeof(*fills);
	if (count > 20000)
		count = 20000;
	fills = calloc(count, sizeof(*fills));
	expect(fills != NULL);
	for (i = 0; i < count; i++) {
		fills[i].head.opcode = ACCEL_SOFT_FILL;
		fills[i].head.bytes = sizeof(fills[i]);
		fills[i].dst.bo = 2;
		fills[i].dst.offset = i % BYTES;
		fills[i].bytes = 1;
		fills[i].pattern = (uint32_t)(i / BYTES + i % 251);
		l.shadows[2][i % BYTES] = (unsigned char)fills[i].pattern;
	}
	bo_params.flags = ACCEL_BO_COMMANDS;
	bo_params.bytes = count * sizeof(*fills);
	bo_params.contents = fills;
	gives(accel_bo_create(l.s.ctx, &bo_params, &commands), 0);
	free(fills);
	params.commands = commands;
	params.bytes = count * sizeof(*fills);
	params.bos = l.refs;
	params.bo_count = 3;
	gives(accel_job_create(l.s.queue, &params, &job), 0);
	accel_bo_unref(commands);
	run_job(l.s.queue, job);
	expect(memcmp(l.maps[2], l.shadows[2], BYTES) == 0);
	accel_job_unref(job);
	lab_close(&l);
}

static const struct check checks[] = {
	CHECK(fill_of_every_size_and_offset),
	CHECK(copy_of_every_size_and_offset),
	CHECK(copy_2d_leaves_the_gaps_alone),
	CHECK(copy_2d_interleaved_in_one_buffer),
	CHECK(packets_run_in_order),
	CHECK(matmul_of_whole_floats_is_exact),
	CHECK(matmul_of_floats_is_close),
	CHECK(matmul_of_bytes_is_exact),
	CHECK(matmul_of_bytes_does_not_saturate),
	CHECK(matmul_may_read_one_buffer_twice),
	CHECK(add_of_odd_shapes),
	CHECK(add_of_one_row_to_all),
	CHECK(add_in_place),
	CHECK(relu_of_odd_counts),
	CHECK(relu_in_place),
	CHECK(relu_of_infinities),
	CHECK(timestamps_are_now_and_in_order),
	CHECK(the_stream_is_taken_at_creation),
	CHECK(commands_that_change_while_checked),
	CHECK(job_without_commands_keeps_the_order),
	CHECK(long_streams_run),
};

const struct group group_soft_packets = GROUP_FOR("soft_packets", "soft", checks);
