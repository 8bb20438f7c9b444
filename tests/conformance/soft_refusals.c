/* SPDX-License-Identifier: MIT */
/* Command streams that the software device must refuse, with errno and place. */
#include "soft_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BYTES      4096u
#define INDEX_NONE 0xffffffffu

/* Buffers 0 and 1 for both ways, 2 to be read only, 3 to be written only. */
struct bench {
	struct setup s;
	struct accel_bo *bos[4];
	struct accel_bo_ref refs[4];
};

static void bench_open(struct bench *b)
{
	unsigned int i;

	setup_open(&b->s);
	for (i = 0; i < 4; i++) {
		b->bos[i] = make_bo(b->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, BYTES);
		b->refs[i] = bo_ref(b->bos[i], ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	}
	b->refs[2].access = ACCEL_ACCESS_READ;
	b->refs[3].access = ACCEL_ACCESS_WRITE;
}

static void bench_close(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		/* Nothing has run. */
		expect_bytes(b->bos[i], 0, BYTES, 0);
		accel_bo_unref(b->bos[i]);
	}
	setup_close(&b->s);
}

/* The packet alone, and behind a good one: offset is that of the packet. */
static void refused(struct bench *b, const void *packet, size_t bytes, int err, uint32_t index)
{
	struct accel_job *job = untouched();
	struct stream stream = {.used = 0};
	uint64_t at = 0;
	int round;

	for (round = 0; round < 2; round++) {
		if (round) {
			stream.used = 0;
			stream_fill(&stream, 0, 0, 8, 0);
			at = stream.used;
		}
		stream_add(&stream, packet, bytes);
		fails_place(stream_create(&b->s, &stream, b->refs, 4, &job), err, index, at);
		is_untouched(job);
	}
}

static void accepted(struct bench *b, const void *packet, size_t bytes)
{
	struct stream stream = {.used = 0};
	struct accel_job *job;

	stream_add(&stream, packet, bytes);
	gives(stream_create(&b->s, &stream, b->refs, 4, &job), 0);
	accel_job_unref(job);
}

static struct accel_soft_fill good_fill(void)
{
	struct accel_soft_fill p = {.head = {ACCEL_SOFT_FILL, 0, sizeof(p)}};

	p.bytes = 64;
	return p;
}

static struct accel_soft_copy good_copy(void)
{
	struct accel_soft_copy p = {.head = {ACCEL_SOFT_COPY, 0, sizeof(p)}};

	p.src.bo = 1;
	p.bytes = 64;
	return p;
}

static struct accel_soft_copy_2d good_copy_2d(void)
{
	struct accel_soft_copy_2d p = {.head = {ACCEL_SOFT_COPY_2D, 0, sizeof(p)}};

	p.src.bo = 1;
	p.width = 16;
	p.rows = 16;
	p.dst_stride = 32;
	p.src_stride = 64;
	return p;
}

static struct accel_soft_matmul good_matmul(void)
{
	struct accel_soft_matmul p = {.head = {ACCEL_SOFT_MATMUL, 0, sizeof(p)}};

	p.a.bo = 1;
	p.b.bo = 2;
	p.type = ACCEL_SOFT_F32;
	p.m = p.lda = 4;
	p.n = p.ldb = p.ldc = 4;
	p.k = 4;
	return p;
}

static struct accel_soft_add good_add(void)
{
	struct accel_soft_add p = {.head = {ACCEL_SOFT_ADD, 0, sizeof(p)}};

	p.a.bo = 1;
	p.b.bo = 2;
	p.rows = 4;
	p.columns = 4;
	return p;
}

static struct accel_soft_relu good_relu(void)
{
	struct accel_soft_relu p = {.head = {ACCEL_SOFT_RELU, 0, sizeof(p)}};

	p.src.bo = 1;
	p.count = 16;
	return p;
}

static struct accel_soft_timestamp good_timestamp(void)
{
	struct accel_soft_timestamp p = {.head = {ACCEL_SOFT_TIMESTAMP, 0, sizeof(p)}};

	return p;
}

/* What the others spoil is good as it stands. */
static void the_good_ones_are_accepted(void)
{
	struct accel_soft_timestamp timestamp = good_timestamp();
	struct accel_soft_copy_2d copy_2d = good_copy_2d();
	struct accel_soft_matmul matmul = good_matmul();
	struct accel_soft_fill fill = good_fill();
	struct accel_soft_copy copy = good_copy();
	struct accel_soft_relu relu = good_relu();
	struct accel_soft_add add = good_add();
	struct bench b;

	bench_open(&b);
	accepted(&b, &fill, sizeof(fill));
	accepted(&b, &copy, sizeof(copy));
	accepted(&b, &copy_2d, sizeof(copy_2d));
	accepted(&b, &matmul, sizeof(matmul));
	accepted(&b, &add, sizeof(add));
	accepted(&b, &relu, sizeof(relu));
	accepted(&b, &timestamp, sizeof(timestamp));
	bench_close(&b);
}

static void unknown_opcodes(void)
{
	static const uint16_t opcodes[] = {0,     ACCEL_SOFT_TIMESTAMP + 1, 100, 0x7fff, 0x8000,
					   0xffff};
	struct accel_soft_fill p = good_fill();
	struct bench b;
	size_t i;

	bench_open(&b);
	for (i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		p.head.opcode = opcodes[i];
		refused(&b, &p, sizeof(p), -EINVAL, INDEX_NONE);
	}
	bench_close(&b);
}

/* One packet of each kind, as bytes, to spoil what they have in common. */
struct any {
	unsigned char bytes[128];
	size_t size;
};

static unsigned int all_packets(struct any *out)
{
	struct accel_soft_timestamp timestamp = good_timestamp();
	struct accel_soft_copy_2d copy_2d = good_copy_2d();
	struct accel_soft_matmul matmul = good_matmul();
	struct accel_soft_fill fill = good_fill();
	struct accel_soft_copy copy = good_copy();
	struct accel_soft_relu relu = good_relu();
	struct accel_soft_add add = good_add();
	const struct {
		const void *packet;
		size_t size;
	} all[] = {
		{&fill, sizeof(fill)},           {&copy, sizeof(copy)}, {&copy_2d, sizeof(copy_2d)},
		{&matmul, sizeof(matmul)},       {&add, sizeof(add)},   {&relu, sizeof(relu)},
		{&timestamp, sizeof(timestamp)},
	};
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		memset(&out[i], 0, sizeof(out[i]));
		memcpy(out[i].bytes, all[i].packet, all[i].size);
		out[i].size = all[i].size;
	}
	return i;
}

static void unknown_flags(void)
{
	struct accel_soft_packet *head;
	struct any all[8];
	unsigned int i, bit, count = all_packets(all);
	struct bench b;

	bench_open(&b);
	for (i = 0; i < count; i++) {
		head = (struct accel_soft_packet *)(void *)all[i].bytes;
		for (bit = 0; bit < 16; bit++) {
			if (bit == 0 &&
			    (head->opcode == ACCEL_SOFT_MATMUL || head->opcode == ACCEL_SOFT_ADD))
				continue; /* transpose, broadcast */
			head->flags = (uint16_t)(1u << bit);
			refused(&b, all[i].bytes, all[i].size, -EINVAL, INDEX_NONE);
		}
	}
	bench_close(&b);
}

static void wrong_packet_sizes(void)
{
	static const uint32_t wrong[] = {0, 1, 4, 7, 8, 16, 0x80000000u, 0xfffffff8u, 0xffffffffu};
	struct accel_soft_packet *head;
	struct any all[8];
	unsigned int i, count = all_packets(all);
	struct bench b;
	size_t j;

	bench_open(&b);
	for (i = 0; i < count; i++) {
		head = (struct accel_soft_packet *)(void *)all[i].bytes;
		for (j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
			head->bytes = wrong[j];
			refused(&b, all[i].bytes, all[i].size, -EINVAL, INDEX_NONE);
		}
		for (j = 1; j <= 8; j++) {
			head->bytes = (uint32_t)(all[i].size - j);
			refused(&b, all[i].bytes, all[i].size, -EINVAL, INDEX_NONE);
			head->bytes = (uint32_t)(all[i].size + j);
			refused(&b, all[i].bytes, all[i].size, -EINVAL, INDEX_NONE);
		}
		/* Longer, with the bytes for it there. */
		head->bytes = (uint32_t)all[i].size + 8;
		refused(&b, all[i].bytes, all[i].size + 8, -EINVAL, INDEX_NONE);
	}
	bench_close(&b);
}

static void streams_that_end_inside_a_packet(void)
{
	struct any all[8];
	unsigned int i, count = all_packets(all);
	struct bench b;
	size_t bytes;

	bench_open(&b);
	for (i = 0; i < count; i++) {
		for (bytes = 1; bytes < all[i].size; bytes++)
			refused(&b, all[i].bytes, bytes, -EINVAL, INDEX_NONE);
	}
	bench_close(&b);
}

static void sizes_of_zero(void)
{
	struct accel_soft_copy_2d copy_2d = good_copy_2d();
	struct accel_soft_matmul matmul = good_matmul();
	struct accel_soft_fill fill = good_fill();
	struct accel_soft_copy copy = good_copy();
	struct accel_soft_relu relu = good_relu();
	struct accel_soft_add add = good_add();
	struct bench b;

	bench_open(&b);
	fill.bytes = 0;
	refused(&b, &fill, sizeof(fill), -EINVAL, ANY_INDEX);
	copy.bytes = 0;
	refused(&b, &copy, sizeof(copy), -EINVAL, ANY_INDEX);
	copy_2d.rows = 0;
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	copy_2d = good_copy_2d();
	copy_2d.width = 0;
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	matmul.m = 0;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.n = 0;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.k = 0;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	add.rows = 0;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	add = good_add();
	add.columns = 0;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	relu.count = 0;
	refused(&b, &relu, sizeof(relu), -EINVAL, ANY_INDEX);
	bench_close(&b);
}

static void strides_shorter_than_a_row(void)
{
	struct accel_soft_copy_2d copy_2d = good_copy_2d();
	struct accel_soft_matmul matmul;
	struct bench b;

	bench_open(&b);
	copy_2d.dst_stride = copy_2d.width - 1;
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	copy_2d = good_copy_2d();
	copy_2d.src_stride = 0;
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.k = 8; /* lda is 4 */
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.ldb = 3;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.ldc = 3;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	/* Transposed, a row of b is k long. */
	matmul = good_matmul();
	matmul.head.flags = ACCEL_SOFT_TRANSPOSE_B;
	matmul.k = matmul.lda = 8;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul.ldb = 8;
	accepted(&b, &matmul, sizeof(matmul));
	bench_close(&b);
}

static void misaligned_values(void)
{
	struct accel_soft_timestamp timestamp;
	struct accel_soft_matmul matmul;
	struct accel_soft_relu relu;
	struct accel_soft_add add;
	struct bench b;
	uint64_t i;

	bench_open(&b);
	for (i = 1; i < 4; i++) {
		matmul = good_matmul();
		matmul.c.offset = i;
		refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
		matmul = good_matmul();
		matmul.a.offset = i;
		refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
		matmul = good_matmul();
		matmul.b.offset = i;
		refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
		matmul = good_matmul();
		matmul.type = ACCEL_SOFT_S8_S8_S32;
		matmul.a.offset = matmul.b.offset = i;
		accepted(&b, &matmul, sizeof(matmul));
		matmul.c.offset = i;
		refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
		relu = good_relu();
		relu.dst.offset = i;
		refused(&b, &relu, sizeof(relu), -EINVAL, ANY_INDEX);
		relu = good_relu();
		relu.src.offset = i;
		refused(&b, &relu, sizeof(relu), -EINVAL, ANY_INDEX);
		add = good_add();
		add.dst.offset = i;
		refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
		add = good_add();
		add.a.offset = i;
		refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
		add = good_add();
		add.b.offset = i;
		refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	}
	for (i = 1; i < 8; i++) {
		timestamp = good_timestamp();
		timestamp.dst.offset = i;
		refused(&b, &timestamp, sizeof(timestamp), -EINVAL, ANY_INDEX);
	}
	bench_close(&b);
}

static void overlapping_operands(void)
{
	static const uint64_t offsets[] = {0, 1, 63};
	struct accel_soft_copy_2d copy_2d;
	struct accel_soft_matmul matmul;
	struct accel_soft_copy copy;
	struct accel_soft_relu relu;
	struct accel_soft_add add;
	struct bench b;
	size_t i;

	bench_open(&b);
	for (i = 0; i < 3; i++) {
		copy = good_copy();
		copy.src.bo = 0;
		copy.src.offset = offsets[i];
		refused(&b, &copy, sizeof(copy), -EINVAL, ANY_INDEX);
		copy.dst.offset = offsets[i];
		copy.src.offset = 0;
		refused(&b, &copy, sizeof(copy), -EINVAL, ANY_INDEX);
	}
	copy.dst.offset = 64;
	accepted(&b, &copy, sizeof(copy));
	copy_2d = good_copy_2d();
	copy_2d.src.bo = 0;
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	copy_2d.src_stride = copy_2d.dst_stride;
	copy_2d.src.offset = 15; /* its last byte is the first of the next */
	refused(&b, &copy_2d, sizeof(copy_2d), -EINVAL, ANY_INDEX);
	matmul = good_matmul();
	matmul.a.bo = 0;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul.a.offset = 60;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	matmul.a.offset = 64;
	accepted(&b, &matmul, sizeof(matmul));
	matmul = good_matmul();
	matmul.b.bo = 0;
	matmul.c.offset = 4;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	/* In place is good for these two, a part of it is not. */
	relu = good_relu();
	relu.src.bo = 0;
	accepted(&b, &relu, sizeof(relu));
	relu.src.offset = 4;
	refused(&b, &relu, sizeof(relu), -EINVAL, ANY_INDEX);
	relu.src.offset = 64;
	accepted(&b, &relu, sizeof(relu));
	add = good_add();
	add.a.bo = 0;
	accepted(&b, &add, sizeof(add));
	add.b.bo = 0;
	accepted(&b, &add, sizeof(add));
	add.b.offset = 60;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	/* One row that is added to all, and is the first of the sums: it would change. */
	add = good_add();
	add.head.flags = ACCEL_SOFT_BROADCAST;
	add.b.bo = 0;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	bench_close(&b);
}

static void reserved_members(void)
{
	struct any all[8];
	unsigned int i, count = all_packets(all);
	struct accel_soft_operand *operand;
	struct accel_soft_matmul matmul = good_matmul();
	struct accel_soft_copy copy = good_copy();
	struct accel_soft_relu relu = good_relu();
	struct accel_soft_fill fill = good_fill();
	struct accel_soft_add add = good_add();
	struct bench b;

	bench_open(&b);
	for (i = 0; i < count; i++) {
		/* The first operand of each. */
		operand = (struct accel_soft_operand *)(void *)(all[i].bytes + 8);
		operand->reserved = 1;
		refused(&b, all[i].bytes, all[i].size, -EINVAL, ANY_INDEX);
	}
	copy.src.reserved = 1u << 31;
	refused(&b, &copy, sizeof(copy), -EINVAL, ANY_INDEX);
	relu.src.reserved = 1;
	refused(&b, &relu, sizeof(relu), -EINVAL, ANY_INDEX);
	add.b.reserved = 1;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	add = good_add();
	add.a.reserved = 1;
	refused(&b, &add, sizeof(add), -EINVAL, ANY_INDEX);
	fill.reserved = 1;
	refused(&b, &fill, sizeof(fill), -EINVAL, INDEX_NONE);
	matmul.reserved = 1;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, INDEX_NONE);
	matmul = good_matmul();
	matmul.b.reserved = 1;
	refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	bench_close(&b);
}

static void buffers_that_are_not_listed(void)
{
	static const uint32_t indexes[] = {4, 5, 1000, 0x7fffffff, 0x80000000u, 0xffffffffu};
	struct accel_soft_matmul matmul;
	struct accel_soft_fill fill;
	struct accel_soft_copy copy;
	struct any all[8];
	struct accel_job *job;
	struct stream stream = {.used = 0};
	struct bench b;
	size_t i;

	bench_open(&b);
	for (i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
		fill = good_fill();
		fill.dst.bo = indexes[i];
		refused(&b, &fill, sizeof(fill), -EINVAL, ANY_INDEX);
		copy = good_copy();
		copy.src.bo = indexes[i];
		refused(&b, &copy, sizeof(copy), -EINVAL, ANY_INDEX);
		matmul = good_matmul();
		matmul.b.bo = indexes[i];
		refused(&b, &matmul, sizeof(matmul), -EINVAL, ANY_INDEX);
	}
	/* No buffer is listed at all. */
	all_packets(all);
	stream_add(&stream, all[0].bytes, all[0].size);
	fails_place(stream_create(&b.s, &stream, NULL, 0, &job), -EINVAL, ANY_INDEX, 0);
	bench_close(&b);
}

static void unknown_matmul_types(void)
{
	static const uint32_t types[] = {0, ACCEL_SOFT_S8_S8_S32 + 1, 77, ~0u};
	struct accel_soft_matmul p = good_matmul();
	struct bench b;
	size_t i;

	bench_open(&b);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		p.type = types[i];
		refused(&b, &p, sizeof(p), -EINVAL, INDEX_NONE);
	}
	bench_close(&b);
}

/* ---- out of bounds ------------------------------------------------------------------------ */

static void fills_beyond_the_buffer(void)
{
	const struct {
		uint64_t offset, bytes;
	} ranges[] = {
		{BYTES, 1},
		{BYTES - 1, 2},
		{0, BYTES + 1},
		{1, BYTES},
		{~0ull, 1},
		{~0ull, 2},
		{1, ~0ull},
		{~0ull - 63, 64},
		{1ull << 32, 1},
		{0, 1ull << 32},
		{1ull << 63, 8},
		{8, 1ull << 63},
		{1ull << 63, 1ull << 63},
	};
	struct accel_soft_fill p;
	struct bench b;
	size_t i;

	bench_open(&b);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		p = good_fill();
		p.dst.bo = 1;
		p.dst.offset = ranges[i].offset;
		p.bytes = ranges[i].bytes;
		refused(&b, &p, sizeof(p), -ERANGE, 1);
	}
	p = good_fill();
	p.dst.offset = BYTES - 1;
	p.bytes = 1;
	accepted(&b, &p, sizeof(p));
	p.dst.offset = 0;
	p.bytes = BYTES;
	accepted(&b, &p, sizeof(p));
	bench_close(&b);
}

static void copies_beyond_a_buffer(void)
{
	struct accel_soft_copy p;
	struct bench b;

	bench_open(&b);
	p = good_copy();
	p.dst.offset = BYTES - 63;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	p = good_copy();
	p.src.offset = BYTES - 63;
	refused(&b, &p, sizeof(p), -ERANGE, 1);
	p = good_copy();
	p.src.offset = ~0ull - 31;
	refused(&b, &p, sizeof(p), -ERANGE, 1);
	p = good_copy();
	p.dst.offset = BYTES - 64;
	accepted(&b, &p, sizeof(p));
	bench_close(&b);
}

static void copies_2d_beyond_a_buffer(void)
{
	struct accel_soft_copy_2d p;
	struct bench b;

	bench_open(&b);
	/* Exactly to the end, and one byte more, of each. */
	p = good_copy_2d();
	p.dst.offset = BYTES - 15 * 32 - 16;
	p.src.offset = BYTES - 15 * 64 - 16;
	accepted(&b, &p, sizeof(p));
	p.dst.offset++;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	p.dst.offset--;
	p.src.offset++;
	refused(&b, &p, sizeof(p), -ERANGE, 1);
	/* Products and sums that overflow. */
	p = good_copy_2d();
	p.rows = 1ull << 32;
	p.dst_stride = 1ull << 32;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_copy_2d();
	p.rows = 2;
	p.dst_stride = ~0ull;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	p = good_copy_2d();
	p.rows = 2;
	p.src_stride = ~0ull - 7;
	refused(&b, &p, sizeof(p), -ERANGE, 1);
	p = good_copy_2d();
	p.rows = 17;
	p.dst_stride = 1ull << 60;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	p = good_copy_2d();
	p.rows = ~0ull;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_copy_2d();
	p.width = p.dst_stride = p.src_stride = ~0ull;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	bench_close(&b);
}

static void matmuls_beyond_a_buffer(void)
{
	struct accel_soft_matmul p;
	struct bench b;

	bench_open(&b);
	p = good_matmul();
	p.c.offset = BYTES - 64;
	p.a.offset = BYTES - 64;
	p.b.offset = BYTES - 64;
	accepted(&b, &p, sizeof(p));
	p.c.offset = BYTES - 60;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	p.c.offset = 0;
	p.a.offset = BYTES - 60;
	refused(&b, &p, sizeof(p), -ERANGE, 1);
	p.a.offset = 0;
	p.b.offset = BYTES - 60;
	refused(&b, &p, sizeof(p), -ERANGE, 2);
	p = good_matmul();
	p.m = ~0u;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_matmul();
	p.n = p.ldb = p.ldc = ~0u;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_matmul();
	p.k = p.lda = ~0u;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_matmul();
	p.m = p.n = p.k = p.lda = p.ldb = p.ldc = ~0u;
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_matmul();
	p.m = p.k = 1u << 31;
	p.lda = 1u << 31; /* 2^62 values of four bytes: 2^64 */
	refused(&b, &p, sizeof(p), -ERANGE, ANY_INDEX);
	p = good_matmul();
	p.ldc = ~0u;
	refused(&b, &p, sizeof(p), -ERANGE, 0);
	/* A leading dimension doesn't count behind the last row. */
	p = good_matmul();
	p.m = 1;
	p.ldc = p.lda = ~0u;
	accepted(&b, &p, sizeof(p));
	bench_close(&b);
}

static void elements_beyond_a_buffer(void)
{
	struct accel_soft_timestamp timestamp;
	struct accel_soft_relu relu;
	struct accel_soft_add add;
	struct bench b;

	bench_open(&b);
	add = good_add();
	add.dst.offset = BYTES - 60;
	refused(&b, &add, sizeof(add), -ERANGE, 0);
	add = good_add();
	add.a.offset = BYTES;
	refused(&b, &add, sizeof(add), -ERANGE, 1);
	add = good_add();
	add.b.offset = BYTES - 16;
	refused(&b, &add, sizeof(add), -ERANGE, 2);
	add.head.flags = ACCEL_SOFT_BROADCAST;
	accepted(&b, &add, sizeof(add));
	add = good_add();
	add.rows = add.columns = ~0u;
	refused(&b, &add, sizeof(add), -ERANGE, ANY_INDEX);
	add.rows = add.columns = 1u << 31;
	refused(&b, &add, sizeof(add), -ERANGE, ANY_INDEX);
	relu = good_relu();
	relu.dst.offset = BYTES - 60;
	refused(&b, &relu, sizeof(relu), -ERANGE, 0);
	relu = good_relu();
	relu.src.offset = BYTES - 60;
	refused(&b, &relu, sizeof(relu), -ERANGE, 1);
	relu = good_relu();
	relu.count = 1ull << 62; /* times four is 2^64 */
	refused(&b, &relu, sizeof(relu), -ERANGE, ANY_INDEX);
	relu.count = (1ull << 62) + 1;
	refused(&b, &relu, sizeof(relu), -ERANGE, ANY_INDEX);
	relu.count = ~0ull;
	refused(&b, &relu, sizeof(relu), -ERANGE, ANY_INDEX);
	timestamp = good_timestamp();
	timestamp.dst.offset = BYTES;
	refused(&b, &timestamp, sizeof(timestamp), -ERANGE, 0);
	timestamp.dst.offset = ~0ull - 7;
	refused(&b, &timestamp, sizeof(timestamp), -ERANGE, 0);
	timestamp.dst.offset = BYTES - 8;
	accepted(&b, &timestamp, sizeof(timestamp));
	bench_close(&b);
}

static void access_that_was_not_listed(void)
{
	struct accel_soft_timestamp timestamp = good_timestamp();
	struct accel_soft_copy_2d copy_2d = good_copy_2d();
	struct accel_soft_matmul matmul = good_matmul();
	struct accel_soft_fill fill = good_fill();
	struct accel_soft_copy copy = good_copy();
	struct accel_soft_relu relu = good_relu();
	struct accel_soft_add add = good_add();
	struct bench b;

	bench_open(&b);
	fill.dst.bo = 2;
	refused(&b, &fill, sizeof(fill), -EACCES, 2);
	fill.dst.bo = 3;
	accepted(&b, &fill, sizeof(fill));
	copy.dst.bo = 2;
	refused(&b, &copy, sizeof(copy), -EACCES, 2);
	copy = good_copy();
	copy.src.bo = 3;
	refused(&b, &copy, sizeof(copy), -EACCES, 3);
	copy.dst.bo = 3;
	copy.src.bo = 2;
	accepted(&b, &copy, sizeof(copy));
	copy_2d.dst.bo = 2;
	refused(&b, &copy_2d, sizeof(copy_2d), -EACCES, 2);
	copy_2d = good_copy_2d();
	copy_2d.src.bo = 3;
	refused(&b, &copy_2d, sizeof(copy_2d), -EACCES, 3);
	matmul.c.bo = 2;
	matmul.b.bo = 0;
	refused(&b, &matmul, sizeof(matmul), -EACCES, 2);
	matmul = good_matmul();
	matmul.a.bo = 3;
	refused(&b, &matmul, sizeof(matmul), -EACCES, 3);
	matmul = good_matmul();
	matmul.b.bo = 3;
	refused(&b, &matmul, sizeof(matmul), -EACCES, 3);
	add.dst.bo = 2;
	add.b.bo = 0;
	refused(&b, &add, sizeof(add), -EACCES, 2);
	add = good_add();
	add.b.bo = 3;
	refused(&b, &add, sizeof(add), -EACCES, 3);
	relu.src.bo = 3;
	refused(&b, &relu, sizeof(relu), -EACCES, 3);
	timestamp.dst.bo = 2;
	refused(&b, &timestamp, sizeof(timestamp), -EACCES, 2);
	bench_close(&b);
}

static void too_long_streams(void)
{
	uint64_t max = device_fact(ACCEL_COMMANDS_BYTES_MAX);
	struct accel_bo_params bo_params = {.size = sizeof(bo_params)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_job *job = untouched();
	struct accel_bo *commands;
	struct bench b;

	bench_open(&b);
	expect(max < 1ull << 32);
	bo_params.flags = ACCEL_BO_COMMANDS;
	bo_params.bytes = max + 8;
	gives(accel_bo_create(b.s.ctx, &bo_params, &commands), 0);
	params.commands = commands;
	params.bytes = max + 8;
	params.bos = b.refs;
	params.bo_count = 4;
	fails(accel_job_create(b.s.queue, &params, &job), -E2BIG);
	is_untouched(job);
	accel_bo_unref(commands);
	bench_close(&b);
}

static void bytes_without_commands(void)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_job *job = untouched();
	struct bench b;

	bench_open(&b);
	params.bos = b.refs;
	params.bo_count = 4;
	params.bytes = sizeof(struct accel_soft_fill);
	fails(accel_job_create(b.s.queue, &params, &job), -EINVAL);
	is_untouched(job);
	bench_close(&b);
}

/* Replaced, a buffer is checked against every packet again. */
static void replaced_buffers(void)
{
	struct stream stream = {.used = 0};
	struct accel_bo *small, *read_only;
	struct accel_job *job;
	struct bench b;

	bench_open(&b);
	small = make_bo(b.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 1);
	read_only = make_bo(b.s.ctx, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ, BYTES);
	stream_fill(&stream, 0, 0, 8, 0);
	stream_fill(&stream, 1, BYTES - 8, 8, 0);
	gives(stream_create(&b.s, &stream, b.refs, 4, &job), 0);
	fails(accel_job_set_bo(job, 1, read_only), -EACCES);
	if (device_fact(ACCEL_BO_GRANULE) < BYTES)
		fails_place(accel_job_set_bo(job, 1, small), -ERANGE, 1, stream.used / 2);
	run_job(b.s.queue, job);
	accel_job_unref(job);
	accel_bo_unref(small);
	accel_bo_unref(read_only);
	bench_close(&b);
}

/* Random packets, near the good ones: what is accepted runs and stays within its buffers. */
static void random_packets(void)
{
	unsigned int i, j, round, count, rounds = suite.slow_tool ? 2000 : 50000, ran = 0;
	struct accel_bo *guards[2];
	struct any all[8];
	uint32_t state = 12345;
	struct stream stream;
	struct accel_job *job;
	struct bench b;
	int err;

	setup_open(&b.s);
	for (i = 0; i < 4; i++) {
		b.bos[i] = make_bo(b.s.ctx, DATA_FLAGS, BYTES);
		b.refs[i] = bo_ref(b.bos[i], ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE);
	}
	for (i = 0; i < 2; i++) {
		guards[i] = make_bo(b.s.ctx, DATA_FLAGS, BYTES);
		cpu_fill(guards[i], 0, BYTES, 0xc3);
	}
	count = all_packets(all);
	for (round = 0; round < rounds; round++) {
		struct any one;

		state = state * 1664525u + 1013904223u;
		one = all[(state >> 8) % count];
		for (j = 0; j < 1 + (state >> 20) % 3; j++) {
			static const uint32_t values[] = {
				0,  1,  2,   3,    4,    5,    8,          16,
				31, 64, 100, 4095, 4096, 4097, 0x7fffffff, 0xffffffff};

			state = state * 1664525u + 1013904223u;
			memcpy(one.bytes + 4 * ((state >> 8) % (one.size / 4)),
			       &values[(state >> 24) % 16], 4);
		}
		stream.used = 0;
		stream_add(&stream, one.bytes, one.size);
		err = stream_create(&b.s, &stream, b.refs, 4, &job);
		if (err) {
			expect(err == -EINVAL || err == -ERANGE || err == -EACCES);
			continue;
		}
		ran++;
		run_job(b.s.queue, job);
		accel_job_unref(job);
	}
	expect(ran > 0);
	for (i = 0; i < 2; i++) {
		expect_bytes(guards[i], 0, BYTES, 0xc3);
		accel_bo_unref(guards[i]);
	}
	for (i = 0; i < 4; i++)
		accel_bo_unref(b.bos[i]);
	setup_close(&b.s);
}

static const struct check checks[] = {
	CHECK(the_good_ones_are_accepted),
	CHECK(unknown_opcodes),
	CHECK(unknown_flags),
	CHECK(wrong_packet_sizes),
	CHECK(streams_that_end_inside_a_packet),
	CHECK(sizes_of_zero),
	CHECK(strides_shorter_than_a_row),
	CHECK(misaligned_values),
	CHECK(overlapping_operands),
	CHECK(reserved_members),
	CHECK(buffers_that_are_not_listed),
	CHECK(unknown_matmul_types),
	CHECK(fills_beyond_the_buffer),
	CHECK(copies_beyond_a_buffer),
	CHECK(copies_2d_beyond_a_buffer),
	CHECK(matmuls_beyond_a_buffer),
	CHECK(elements_beyond_a_buffer),
	CHECK(access_that_was_not_listed),
	CHECK(too_long_streams),
	CHECK(bytes_without_commands),
	CHECK(replaced_buffers),
	CHECK(random_packets),
};

const struct group group_soft_refusals = GROUP_FOR("soft_refusals", "soft", checks);
