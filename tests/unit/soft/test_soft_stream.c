/* SPDX-License-Identifier: MIT */
/* soft's packet stream: what is refused, with which errno and place, and what the plain
 * packets do. */
#include <soft_internal.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BYTES 4096u
#define NONE  (~0u)

/* A context, a queue and four buffers without the core: 0 and 1 for reading and writing, 2 for
 * reading and 3 for writing only. */
struct fixture {
	struct soft_context context;
	struct soft_queue queue;
	struct soft_job job;
	struct soft_bo bo[4];
	struct accel_bo_ref refs[4];
	struct soft_bo commands;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static const uint32_t access[4] = {
		ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE,
		ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE,
		ACCEL_ACCESS_READ,
		ACCEL_ACCESS_WRITE,
	};

	f->context.cpus = 2;
	assert_int_equal(soft_engine_create(&f->context.engine), 0);
	f->queue.base.context = &f->context.base;
	f->job.base.queue = &f->queue.base;
	f->job.base.bos = f->refs;
	f->job.base.bo_count = 4;
	for (unsigned int i = 0; i < 4; i++) {
		f->bo[i].base.bytes = BYTES;
		f->bo[i].base.map = aligned_alloc(4096, BYTES);
		memset(f->bo[i].base.map, 0, BYTES);
		f->bo[i].sync_fd = -1;
		f->refs[i].bo = &f->bo[i].base;
		f->refs[i].access = access[i];
	}
	f->commands.base.bytes = 2 * SOFT_COMMANDS_MAX;
	f->commands.base.map = calloc(2, SOFT_COMMANDS_MAX);
	f->commands.sync_fd = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	soft_engine_destroy(f->context.engine);
	for (unsigned int i = 0; i < 4; i++)
		free(f->bo[i].base.map);
	free(f->commands.base.map);
	free(f);
	return 0;
}

static int job_init(struct fixture *f, const void *stream, uint64_t bytes)
{
	struct accel_job_params params = {
		.size = sizeof(params),
		.commands = &f->commands.base,
		.bytes = bytes,
	};

	memcpy(f->commands.base.map, stream, bytes);
	return soft_job_init(&f->job.base, &params);
}

static void assert_place(uint32_t index, uint64_t offset)
{
	struct accel_error error = {.size = sizeof(error)};

	assert_int_equal(accel_last_error(&error), 0);
	assert_int_equal(error.index, index);
	assert_true(error.offset == offset);
	assert_string_not_equal(error.text, "");
}

/* Each packet as it is right. */
static const struct accel_soft_fill fill = {
	{ACCEL_SOFT_FILL, 0, sizeof(fill)}, {0, 0, 3}, 100, 0x04030201, 0};
static const struct accel_soft_copy copy = {
	{ACCEL_SOFT_COPY, 0, sizeof(copy)}, {0, 0, 5}, {1, 0, 7}, 100};
static const struct accel_soft_copy_2d copy_2d = {
	{ACCEL_SOFT_COPY_2D, 0, sizeof(copy_2d)}, {0, 0, 1}, {1, 0, 2}, 10, 4, 11, 12};
static const struct accel_soft_matmul matmul = {
	{ACCEL_SOFT_MATMUL, 0, sizeof(matmul)}, {0, 0, 0}, {1, 0, 0}, {2, 0, 0},
	ACCEL_SOFT_F32, 3, 4, 5, 6, 7, 8, 0};
static const struct accel_soft_add add = {
	{ACCEL_SOFT_ADD, 0, sizeof(add)}, {0, 0, 0}, {1, 0, 0}, {2, 0, 0}, 3, 4};
static const struct accel_soft_relu relu = {
	{ACCEL_SOFT_RELU, 0, sizeof(relu)}, {0, 0, 0}, {1, 0, 0}, 12};
static const struct accel_soft_timestamp timestamp = {
	{ACCEL_SOFT_TIMESTAMP, 0, sizeof(timestamp)}, {0, 0, 8}};

static const struct {
	const void *packet;
	size_t bytes;
} right[] = {
	{&fill, sizeof(fill)}, {&copy, sizeof(copy)}, {&copy_2d, sizeof(copy_2d)},
	{&matmul, sizeof(matmul)}, {&add, sizeof(add)}, {&relu, sizeof(relu)},
	{&timestamp, sizeof(timestamp)},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Put @value in member @m of the packet @p. */
#define PATCH(p, m, value)                                                                         \
	#p "." #m, &p, sizeof(p), offsetof(struct accel_soft_##p, m),                              \
		sizeof(((struct accel_soft_##p *)0)->m), (uint64_t)(value)

static const struct fault {
	const char *name;
	const void *packet;
	size_t bytes, at, width;
	uint64_t value;
	int err;
	uint32_t index;
} faults[] = {
	/* heads */
	{PATCH(fill, head.opcode, 0), -EINVAL, NONE},
	{PATCH(fill, head.opcode, 8), -EINVAL, NONE},
	{PATCH(fill, head.opcode, 0xffff), -EINVAL, NONE},
	{PATCH(fill, head.opcode, ACCEL_SOFT_COPY), -EINVAL, NONE},
	{PATCH(fill, head.bytes, 0), -EINVAL, NONE},
	{PATCH(fill, head.bytes, sizeof(fill) - 8), -EINVAL, NONE},
	{PATCH(fill, head.bytes, sizeof(fill) + 8), -EINVAL, NONE},
	{PATCH(fill, head.bytes, UINT32_MAX), -EINVAL, NONE},
	{PATCH(copy, head.bytes, sizeof(copy) + 1), -EINVAL, NONE},
	{PATCH(copy_2d, head.bytes, sizeof(copy_2d) - 1), -EINVAL, NONE},
	{PATCH(matmul, head.bytes, sizeof(matmul) - 1), -EINVAL, NONE},
	{PATCH(add, head.bytes, sizeof(add) - 1), -EINVAL, NONE},
	{PATCH(relu, head.bytes, sizeof(relu) - 1), -EINVAL, NONE},
	{PATCH(timestamp, head.bytes, sizeof(timestamp) - 1), -EINVAL, NONE},
	{PATCH(fill, head.flags, 1), -EINVAL, NONE},
	{PATCH(copy, head.flags, 1), -EINVAL, NONE},
	{PATCH(copy_2d, head.flags, 0x8000), -EINVAL, NONE},
	{PATCH(matmul, head.flags, 2), -EINVAL, NONE},
	{PATCH(add, head.flags, 2), -EINVAL, NONE},
	{PATCH(relu, head.flags, 1), -EINVAL, NONE},
	{PATCH(timestamp, head.flags, 1), -EINVAL, NONE},
	/* reserved members */
	{PATCH(fill, reserved, 1), -EINVAL, NONE},
	{PATCH(fill, dst.reserved, 1), -EINVAL, NONE},
	{PATCH(copy, dst.reserved, 1), -EINVAL, NONE},
	{PATCH(copy, src.reserved, 1), -EINVAL, NONE},
	{PATCH(copy_2d, dst.reserved, 1), -EINVAL, NONE},
	{PATCH(copy_2d, src.reserved, 1), -EINVAL, NONE},
	{PATCH(matmul, reserved, 1), -EINVAL, NONE},
	{PATCH(matmul, c.reserved, 1), -EINVAL, NONE},
	{PATCH(matmul, a.reserved, 1), -EINVAL, NONE},
	{PATCH(matmul, b.reserved, 1), -EINVAL, NONE},
	{PATCH(add, dst.reserved, 1), -EINVAL, NONE},
	{PATCH(add, a.reserved, 1), -EINVAL, NONE},
	{PATCH(add, b.reserved, 1), -EINVAL, NONE},
	{PATCH(relu, dst.reserved, 1), -EINVAL, NONE},
	{PATCH(relu, src.reserved, 1), -EINVAL, NONE},
	{PATCH(timestamp, dst.reserved, 1), -EINVAL, NONE},
	/* buffer indices */
	{PATCH(fill, dst.bo, 4), -EINVAL, 4},
	{PATCH(fill, dst.bo, UINT32_MAX - 1), -EINVAL, UINT32_MAX - 1},
	{PATCH(copy, dst.bo, 4), -EINVAL, 4},
	{PATCH(copy, src.bo, 4), -EINVAL, 4},
	{PATCH(copy_2d, dst.bo, 4), -EINVAL, 4},
	{PATCH(copy_2d, src.bo, 4), -EINVAL, 4},
	{PATCH(matmul, c.bo, 4), -EINVAL, 4},
	{PATCH(matmul, a.bo, 4), -EINVAL, 4},
	{PATCH(matmul, b.bo, 4), -EINVAL, 4},
	{PATCH(add, dst.bo, 4), -EINVAL, 4},
	{PATCH(add, a.bo, 4), -EINVAL, 4},
	{PATCH(add, b.bo, 4), -EINVAL, 4},
	{PATCH(relu, dst.bo, 4), -EINVAL, 4},
	{PATCH(relu, src.bo, 4), -EINVAL, 4},
	{PATCH(timestamp, dst.bo, 4), -EINVAL, 4},
	/* access */
	{PATCH(fill, dst.bo, 2), -EACCES, 2},
	{PATCH(copy, dst.bo, 2), -EACCES, 2},
	{PATCH(copy, src.bo, 3), -EACCES, 3},
	{PATCH(copy_2d, dst.bo, 2), -EACCES, 2},
	{PATCH(copy_2d, src.bo, 3), -EACCES, 3},
	{PATCH(matmul, c.bo, 2), -EACCES, 2},
	{PATCH(matmul, a.bo, 3), -EACCES, 3},
	{PATCH(matmul, b.bo, 3), -EACCES, 3},
	{PATCH(add, dst.bo, 2), -EACCES, 2},
	{PATCH(add, a.bo, 3), -EACCES, 3},
	{PATCH(add, b.bo, 3), -EACCES, 3},
	{PATCH(relu, dst.bo, 2), -EACCES, 2},
	{PATCH(relu, src.bo, 3), -EACCES, 3},
	{PATCH(timestamp, dst.bo, 2), -EACCES, 2},
	/* sizes of 0 */
	{PATCH(fill, bytes, 0), -EINVAL, NONE},
	{PATCH(copy, bytes, 0), -EINVAL, NONE},
	{PATCH(copy_2d, width, 0), -EINVAL, NONE},
	{PATCH(copy_2d, rows, 0), -EINVAL, NONE},
	{PATCH(matmul, m, 0), -EINVAL, NONE},
	{PATCH(matmul, n, 0), -EINVAL, NONE},
	{PATCH(matmul, k, 0), -EINVAL, NONE},
	{PATCH(add, rows, 0), -EINVAL, NONE},
	{PATCH(add, columns, 0), -EINVAL, NONE},
	{PATCH(relu, count, 0), -EINVAL, NONE},
	/* strides */
	{PATCH(copy_2d, dst_stride, 9), -EINVAL, NONE},
	{PATCH(copy_2d, src_stride, 9), -EINVAL, NONE},
	{PATCH(copy_2d, src_stride, 0), -EINVAL, NONE},
	{PATCH(matmul, lda, 4), -EINVAL, NONE},
	{PATCH(matmul, ldb, 3), -EINVAL, NONE},
	{PATCH(matmul, ldc, 3), -EINVAL, NONE},
	{PATCH(matmul, lda, 0), -EINVAL, NONE},
	/* types */
	{PATCH(matmul, type, 0), -EINVAL, NONE},
	{PATCH(matmul, type, 3), -EINVAL, NONE},
	/* alignment */
	{PATCH(matmul, c.offset, 2), -EINVAL, 0},
	{PATCH(matmul, a.offset, 1), -EINVAL, 1},
	{PATCH(matmul, b.offset, 3), -EINVAL, 2},
	{PATCH(add, dst.offset, 2), -EINVAL, 0},
	{PATCH(add, a.offset, 2), -EINVAL, 1},
	{PATCH(add, b.offset, 2), -EINVAL, 2},
	{PATCH(relu, dst.offset, 2), -EINVAL, 0},
	{PATCH(relu, src.offset, 2), -EINVAL, 1},
	{PATCH(timestamp, dst.offset, 4), -EINVAL, 0},
	/* ranges: one byte or element too far, and where arithmetic wraps */
	{PATCH(fill, bytes, BYTES - 2), -ERANGE, 0},
	{PATCH(fill, bytes, UINT64_MAX), -ERANGE, 0},
	{PATCH(fill, bytes, UINT64_MAX - 2), -ERANGE, 0},
	{PATCH(fill, dst.offset, BYTES - 99), -ERANGE, 0},
	{PATCH(fill, dst.offset, UINT64_MAX), -ERANGE, 0},
	{PATCH(fill, dst.offset, UINT64_MAX - 98), -ERANGE, 0},
	{PATCH(copy, bytes, BYTES - 4), -ERANGE, 0},
	{PATCH(copy, bytes, BYTES - 6), -ERANGE, 1},
	{PATCH(copy, bytes, UINT64_MAX), -ERANGE, 0},
	{PATCH(copy, dst.offset, BYTES - 99), -ERANGE, 0},
	{PATCH(copy, src.offset, BYTES - 99), -ERANGE, 1},
	{PATCH(copy, src.offset, UINT64_MAX - 50), -ERANGE, 1},
	{PATCH(copy_2d, rows, UINT64_MAX), -ERANGE, 0},
	{PATCH(copy_2d, rows, UINT64_MAX / 11), -ERANGE, 0},
	{PATCH(copy_2d, rows, UINT64_MAX / 11 + 2), -ERANGE, 0},
	{PATCH(copy_2d, width, UINT64_MAX), -EINVAL, NONE},
	{PATCH(copy_2d, dst_stride, UINT64_MAX), -ERANGE, 0},
	{PATCH(copy_2d, src_stride, UINT64_MAX), -ERANGE, 1},
	{PATCH(copy_2d, src_stride, (BYTES - 2 - 10) / 3 + 1), -ERANGE, 1},
	{PATCH(copy_2d, dst.offset, BYTES - 42), -ERANGE, 0},
	{PATCH(copy_2d, src.offset, BYTES - 45), -ERANGE, 1},
	{PATCH(matmul, m, UINT32_MAX), -ERANGE, 0},
	{PATCH(matmul, lda, UINT32_MAX), -ERANGE, 1},
	{PATCH(matmul, ldb, UINT32_MAX), -ERANGE, 2},
	{PATCH(matmul, ldc, UINT32_MAX), -ERANGE, 0},
	{PATCH(matmul, c.offset, BYTES - 2 * 32 - 16 + 4), -ERANGE, 0},
	{PATCH(matmul, a.offset, BYTES - 2 * 24 - 20 + 4), -ERANGE, 1},
	{PATCH(matmul, b.offset, BYTES - 4 * 28 - 16 + 4), -ERANGE, 2},
	{PATCH(matmul, b.offset, UINT64_MAX - 3), -ERANGE, 2},
	{PATCH(add, rows, UINT32_MAX), -ERANGE, 0},
	{PATCH(add, columns, UINT32_MAX), -ERANGE, 0},
	{PATCH(add, dst.offset, BYTES - 44), -ERANGE, 0},
	{PATCH(add, a.offset, BYTES - 44), -ERANGE, 1},
	{PATCH(add, b.offset, BYTES - 44), -ERANGE, 2},
	{PATCH(relu, count, BYTES / 4 + 1), -ERANGE, 0},
	{PATCH(relu, count, UINT64_MAX), -ERANGE, 0},
	{PATCH(relu, count, UINT64_MAX / 4 + 1), -ERANGE, 0},
	{PATCH(relu, count, (1ull << 62) + 3), -ERANGE, 0},
	{PATCH(relu, dst.offset, BYTES - 44), -ERANGE, 0},
	{PATCH(relu, src.offset, BYTES - 44), -ERANGE, 1},
	{PATCH(timestamp, dst.offset, BYTES), -ERANGE, 0},
	{PATCH(timestamp, dst.offset, UINT64_MAX - 7), -ERANGE, 0},
	/* overlaps, with both operands in one buffer */
	{PATCH(copy, src.bo, 0), -EINVAL, 0},
	{PATCH(copy_2d, src.bo, 0), -EINVAL, 0},
	{PATCH(matmul, a.bo, 0), -EINVAL, 0},
	{PATCH(matmul, b.bo, 0), -EINVAL, 0},
};

static void test_faults(void **state)
{
	struct fixture *f = *state;
	unsigned char stream[512];
	int bad = 0;

	for (size_t i = 0; i < COUNT(faults); i++) {
		const struct fault *fault = &faults[i];
		struct accel_error error = {.size = sizeof(error)};
		int err;

		memcpy(stream, &timestamp, sizeof(timestamp));
		memcpy(stream + sizeof(timestamp), fault->packet, fault->bytes);
		memcpy(stream + sizeof(timestamp) + fault->at, &fault->value, fault->width);
		err = job_init(f, stream, sizeof(timestamp) + fault->bytes);
		accel_last_error(&error);
		if (err != fault->err || error.index != fault->index ||
		    error.offset != sizeof(timestamp)) {
			print_error("%s = %llu: %d at %u, %llu instead of %d at %u\n", fault->name,
				    (unsigned long long)fault->value, err, error.index,
				    (unsigned long long)error.offset, fault->err, fault->index);
			bad++;
		}
		assert_null(f->job.ops);
		assert_int_equal(f->job.op_count, 0);
	}
	assert_int_equal(bad, 0);
}

/* What a fault in a table can't show: that the last byte is still right. */
static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_fill all = fill;
	struct accel_soft_matmul edge = matmul;
	struct accel_soft_timestamp last = timestamp;
	struct accel_soft_copy_2d rows = copy_2d;

	if (!SOFT_COMPUTES)
		skip();
	all.dst.offset = 0;
	all.bytes = BYTES;
	assert_int_equal(job_init(f, &all, sizeof(all)), 0);
	soft_job_fini(&f->job.base);
	edge.c.offset = BYTES - 2 * 32 - 16;
	edge.a.offset = BYTES - 2 * 24 - 20;
	edge.b.offset = BYTES - 4 * 28 - 16;
	assert_int_equal(job_init(f, &edge, sizeof(edge)), 0);
	soft_job_fini(&f->job.base);
	last.dst.offset = BYTES - 8;
	assert_int_equal(job_init(f, &last, sizeof(last)), 0);
	soft_job_fini(&f->job.base);
	rows.src_stride = (BYTES - 2 - 10) / 3;
	assert_int_equal(job_init(f, &rows, sizeof(rows)), 0);
	soft_job_fini(&f->job.base);
	/* A single row's stride means nothing. */
	rows = copy_2d;
	rows.rows = 1;
	rows.src_stride = UINT64_MAX;
	assert_int_equal(job_init(f, &rows, sizeof(rows)), 0);
	soft_job_fini(&f->job.base);
}

/* A stream that ends inside a packet, at each byte. */
static void test_truncated(void **state)
{
	struct fixture *f = *state;
	unsigned char stream[512];

	if (!SOFT_COMPUTES)
		skip();
	for (size_t i = 0; i < COUNT(right); i++) {
		memcpy(stream, &timestamp, sizeof(timestamp));
		memcpy(stream + sizeof(timestamp), right[i].packet, right[i].bytes);
		for (size_t cut = 1; cut < right[i].bytes; cut++) {
			assert_int_equal(job_init(f, stream, sizeof(timestamp) + cut), -EINVAL);
			assert_place(NONE, sizeof(timestamp));
		}
		assert_int_equal(job_init(f, stream, sizeof(timestamp) + right[i].bytes), 0);
		assert_int_equal(f->job.op_count, 2);
		soft_job_fini(&f->job.base);
	}
}

static void expect_copy_2d(struct fixture *f, uint64_t dst, uint64_t src, uint64_t width,
			   uint64_t rows, uint64_t dst_stride, uint64_t src_stride, int expected)
{
	struct accel_soft_copy_2d p = copy_2d;

	p.src.bo = 0;
	p.dst.offset = dst;
	p.src.offset = src;
	p.width = width;
	p.rows = rows;
	p.dst_stride = dst_stride;
	p.src_stride = src_stride;
	assert_int_equal(job_init(f, &p, sizeof(p)), expected);
	if (!expected)
		soft_job_fini(&f->job.base);
}

/* Whether two strided operands share a byte, found out byte by byte. */
static bool share_bytes(uint64_t dst, uint64_t src, uint64_t width, uint64_t rows, uint64_t stride)
{
	bool used[256] = {false};

	for (uint64_t i = 0; i < rows; i++)
		memset(used + dst + i * stride, 1, width);
	for (uint64_t i = 0; i < rows; i++)
		for (uint64_t j = 0; j < width; j++)
			if (used[src + i * stride + j])
				return true;
	return false;
}

static void test_overlap(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_copy p = copy;

	p.src.bo = 0;
	p.dst.offset = 100;
	for (p.src.offset = 0; p.src.offset <= 200; p.src.offset++) {
		assert_int_equal(job_init(f, &p, sizeof(p)),
				 p.src.offset == 0 || p.src.offset == 200 ? 0 : -EINVAL);
		soft_job_fini(&f->job.base);
	}
	/* Rows in each other's gaps, in all ways that small numbers allow. */
	for (uint64_t width = 1; width <= 4; width++)
		for (uint64_t stride = width; stride <= 9; stride++)
			for (uint64_t rows = 1; rows <= 4; rows++)
				for (uint64_t src = 0; src < 90; src++)
					expect_copy_2d(f, 45, src, width, rows, stride, stride,
						       share_bytes(45, src, width, rows, stride)
							       ? -EINVAL
							       : 0);
	/* Different strides: by the spans. */
	expect_copy_2d(f, 0, 40, 4, 4, 12, 16, 0);
	expect_copy_2d(f, 0, 39, 4, 4, 12, 16, -EINVAL);
	expect_copy_2d(f, 0, 5, 4, 4, 12, 16, -EINVAL);
}

static void expect_add(struct fixture *f, struct accel_soft_add p, int expected)
{
	assert_int_equal(job_init(f, &p, sizeof(p)), expected);
	if (!expected)
		soft_job_fini(&f->job.base);
}

static void test_in_place(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_add p = add;
	struct accel_soft_relu r = relu;

	if (!SOFT_COMPUTES)
		skip();
	p.a.bo = 0;
	expect_add(f, p, 0);
	p.b.bo = 0;
	expect_add(f, p, 0);
	p.a.offset = 4;
	expect_add(f, p, -EINVAL);
	p.a.offset = 48;
	expect_add(f, p, 0);
	p.b.offset = 44;
	expect_add(f, p, -EINVAL);
	/* A broadcast row is not the same bytes, unless it is all there is. */
	p = add;
	p.b.bo = 0;
	p.head.flags = ACCEL_SOFT_BROADCAST;
	expect_add(f, p, -EINVAL);
	p.rows = 1;
	expect_add(f, p, 0);
	/* Sources may overlap each other. */
	p = add;
	p.b.bo = 1;
	p.b.offset = 4;
	expect_add(f, p, 0);

	r.src.bo = 0;
	assert_int_equal(job_init(f, &r, sizeof(r)), 0);
	soft_job_fini(&f->job.base);
	r.src.offset = 4;
	assert_int_equal(job_init(f, &r, sizeof(r)), -EINVAL);
	r.src.offset = 48;
	assert_int_equal(job_init(f, &r, sizeof(r)), 0);
	soft_job_fini(&f->job.base);
}

static void test_params(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_host_job host = {{sizeof(host), ACCEL_SOFT_HOST_JOB}, NULL, NULL};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_bo *commands = &f->commands.base;

	/* Nothing at all is right. */
	assert_int_equal(soft_job_init(&f->job.base, &params), 0);
	soft_job_fini(&f->job.base);
	params.commands = commands;
	assert_int_equal(soft_job_init(&f->job.base, &params), 0);
	soft_job_fini(&f->job.base);
	params.commands = NULL;
	params.bytes = 8;
	assert_int_equal(soft_job_init(&f->job.base, &params), -EINVAL);

	params.commands = commands;
	params.bytes = SOFT_COMMANDS_MAX + 8;
	assert_int_equal(soft_job_init(&f->job.base, &params), -E2BIG);
	params.bytes = UINT64_MAX;
	assert_int_equal(soft_job_init(&f->job.base, &params), -E2BIG);
	memcpy(commands->map, &fill, sizeof(fill));
	params.bytes = sizeof(fill);
	params.offset = 4;
	assert_int_equal(soft_job_init(&f->job.base, &params), -EINVAL);
	params.offset = commands->bytes;
	assert_int_equal(soft_job_init(&f->job.base, &params), -ERANGE);
	params.offset = UINT64_MAX - 7;
	assert_int_equal(soft_job_init(&f->job.base, &params), -ERANGE);
	memcpy((char *)commands->map + 16, &fill, sizeof(fill));
	params.offset = 16;
	assert_int_equal(soft_job_init(&f->job.base, &params), 0);
	soft_job_fini(&f->job.base);

	params.ext = &host.head;
	assert_int_equal(soft_job_init(&f->job.base, &params), -EINVAL);
	host.fn = (int (*)(const struct accel_soft_call *))(uintptr_t)1;
	host.head.type = 0x00020001;
	assert_int_equal(soft_job_init(&f->job.base, &params), -EINVAL);
	host.head.type = ACCEL_SOFT_HOST_JOB;
	host.head.size = 4;
	assert_int_equal(soft_job_init(&f->job.base, &params), -EINVAL);
	host.head.size = sizeof(host);
	assert_int_equal(soft_job_init(&f->job.base, &params), 0);
	soft_job_fini(&f->job.base);
}

/* As many packets as fit. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	uint32_t count = SOFT_COMMANDS_MAX / sizeof(timestamp);
	struct accel_soft_timestamp *stream = calloc(count, sizeof(*stream));

	for (uint32_t i = 0; i < count; i++)
		stream[i] = timestamp;
	assert_int_equal(job_init(f, stream, count * sizeof(*stream)), 0);
	assert_int_equal(f->job.op_count, count);
	soft_job_fini(&f->job.base);
	stream[count - 1].dst.offset = BYTES;
	assert_int_equal(job_init(f, stream, count * sizeof(*stream)), -ERANGE);
	assert_place(0, (count - 1) * sizeof(*stream));
	free(stream);
}

/* The command buffer may change at any time: what was checked is what runs. */
static void run(struct fixture *f)
{
	struct soft_op *op;

	memset(f->commands.base.map, 0xff, 1024);
	for (uint32_t i = 0; i < f->job.op_count; i++) {
		op = &f->job.ops[i];
		for (uint64_t tile = soft_grid_tiles(&op->grid); tile-- > 0;)
			assert_int_equal(soft_op_run(op, f->refs, op->slot, tile), 0);
	}
	soft_job_fini(&f->job.base);
}

static void test_set_bo(void **state)
{
	struct fixture *f = *state;
	struct soft_bo small = {.base.bytes = 16}, other = {.base.bytes = BYTES};
	struct accel_soft_fill stream[2] = {fill, fill};
	unsigned char *old = f->bo[0].base.map;

	small.base.map = malloc(16);
	other.base.map = calloc(1, BYTES);
	small.sync_fd = other.sync_fd = -1;
	stream[0].dst.offset = 0;
	stream[0].bytes = 16;
	assert_int_equal(job_init(f, stream, sizeof(stream)), 0);
	assert_int_equal(soft_job_set_bo(&f->job.base, 0, &small.base), -ERANGE);
	assert_place(0, sizeof(fill));
	/* Buffer 1 is not used. */
	assert_int_equal(soft_job_set_bo(&f->job.base, 1, &small.base), 0);
	assert_int_equal(soft_job_set_bo(&f->job.base, 0, &other.base), 0);
	f->refs[0].bo = &other.base;
	run(f);
	assert_int_equal(old[3], 0);
	assert_int_equal(((unsigned char *)other.base.map)[3], 1);
	f->refs[0].bo = &f->bo[0].base;

	/* Two buffers over the same memory: found when one is put in place. */
	free(other.base.map);
	other.base.map = old;
	assert_int_equal(job_init(f, &copy, sizeof(copy)), 0);
	assert_int_equal(soft_job_set_bo(&f->job.base, 1, &other.base), -EINVAL);
	assert_place(1, 0);
	soft_job_fini(&f->job.base);
	free(small.base.map);
}

static void test_fill(void **state)
{
	struct fixture *f = *state;
	struct accel_soft_fill p = fill;
	unsigned char *map = f->bo[0].base.map;

	for (unsigned int same = 0; same < 2; same++) {
		p.pattern = same ? 0x55555555 : 0x04030201;
		for (p.bytes = 1; p.bytes < 80; p.bytes++) {
			memset(map, 0xee, BYTES);
			assert_int_equal(job_init(f, &p, sizeof(p)), 0);
			run(f);
			for (unsigned int i = 0; i < BYTES; i++)
				assert_int_equal(map[i], i < 3 || i >= 3 + p.bytes ? 0xee
							 : same ? 0x55 : (i - 3) % 4 + 1);
		}
	}
}

static void test_copy(void **state)
{
	struct fixture *f = *state;
	unsigned char *dst = f->bo[0].base.map, *src = f->bo[1].base.map;

	for (unsigned int i = 0; i < BYTES; i++)
		src[i] = (unsigned char)(i * 7 + i / 256);
	memset(dst, 0xee, BYTES);
	assert_int_equal(job_init(f, &copy, sizeof(copy)), 0);
	run(f);
	for (unsigned int i = 0; i < BYTES; i++)
		assert_int_equal(dst[i], i < 5 || i >= 105 ? 0xee : src[i + 2]);

	memset(dst, 0xee, BYTES);
	assert_int_equal(job_init(f, &copy_2d, sizeof(copy_2d)), 0);
	run(f);
	for (unsigned int i = 0; i < BYTES; i++) {
		unsigned int row = (i - 1) / 11, column = (i - 1) % 11;

		assert_int_equal(dst[i], i < 1 || row >= 4 || column >= 10
						 ? 0xee
						 : src[2 + row * 12 + column]);
	}
}

/* Of several tiles, all along one side or the other. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint64_t width, rows, dst_stride, src_stride;
	} shapes[] = {
		{(3u << 20) + 5, 1, 4u << 20, 4u << 20},
		{(1u << 20) + 1, 3, (1u << 20) + 9, (1u << 20) + 3},
		{1000, 4001, 1024, 1003},
		{1, 3u << 20, 2, 1},
	};
	uint64_t bytes = 9u << 20;
	unsigned char *dst = malloc(bytes), *src = malloc(bytes);
	void *maps[2] = {f->bo[0].base.map, f->bo[1].base.map};
	struct accel_soft_copy_2d p = copy_2d;
	struct accel_soft_fill big = fill;

	f->bo[0].base.map = dst;
	f->bo[1].base.map = src;
	f->bo[0].base.bytes = f->bo[1].base.bytes = bytes;
	for (uint64_t i = 0; i < bytes; i++)
		src[i] = (unsigned char)(i * 31 + (i >> 8) + (i >> 16));
	for (size_t s = 0; s < COUNT(shapes); s++) {
		uint64_t copied = 0, wrong = 0;

		memset(dst, 0xee, bytes);
		p.width = shapes[s].width;
		p.rows = shapes[s].rows;
		p.dst_stride = shapes[s].dst_stride;
		p.src_stride = shapes[s].src_stride;
		p.dst.offset = p.src.offset = 0;
		assert_int_equal(job_init(f, &p, sizeof(p)), 0);
		assert_true(soft_grid_tiles(&f->job.ops[0].grid) > 2);
		run(f);
		for (uint64_t i = 0; i < bytes; i++) {
			uint64_t row = i / p.dst_stride, column = i % p.dst_stride;
			bool in = row < p.rows && column < p.width;

			copied += in;
			wrong += dst[i] != (in ? src[row * p.src_stride + column] : 0xee);
		}
		assert_int_equal(wrong, 0);
		assert_true(copied == p.width * p.rows);
	}
	big.bytes = (3u << 20) + 7;
	assert_int_equal(job_init(f, &big, sizeof(big)), 0);
	assert_true(soft_grid_tiles(&f->job.ops[0].grid) > 2);
	run(f);
	for (uint64_t i = 0; i < big.bytes; i++)
		if (dst[3 + i] != i % 4 + 1)
			fail_msg("byte %llu", (unsigned long long)i);
	f->bo[0].base.map = maps[0];
	f->bo[1].base.map = maps[1];
	free(dst);
	free(src);
}

static void test_timestamp(void **state)
{
	struct fixture *f = *state;
	uint64_t before = (uint64_t)accel_core_sys.now(), stamp;

	assert_int_equal(job_init(f, &timestamp, sizeof(timestamp)), 0);
	run(f);
	memcpy(&stamp, (char *)f->bo[0].base.map + 8, 8);
	assert_true(stamp >= before && stamp <= (uint64_t)accel_core_sys.now());
}

/* Each allocation fails once: -ENOMEM, nothing left behind (the address sanitizer looks). */
static void *(*real_alloc)(size_t bytes);
static long allocs_left;
static long allocs_held;

static void *counted_alloc(size_t bytes)
{
	void *p = allocs_left-- > 0 ? real_alloc(bytes) : NULL;

	allocs_held += p != NULL;
	return p;
}

static void (*real_free)(void *);

static void counted_free(void *p)
{
	allocs_held -= p != NULL;
	real_free(p);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	unsigned char stream[512];
	size_t bytes = 0;
	long failures = 0;
	int err;

	if (!SOFT_COMPUTES)
		skip();
	for (size_t i = 0; i < COUNT(right); i++) {
		memcpy(stream + bytes, right[i].packet, right[i].bytes);
		bytes += right[i].bytes;
	}
	real_alloc = accel_core_sys.alloc;
	real_free = accel_core_sys.free;
	accel_core_sys.alloc = counted_alloc;
	accel_core_sys.free = counted_free;
	do {
		allocs_left = failures;
		err = job_init(f, stream, bytes);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(allocs_held, 0);
			failures++;
		}
	} while (err);
	soft_job_fini(&f->job.base);
	accel_core_sys.alloc = real_alloc;
	accel_core_sys.free = real_free;
	assert_int_equal(allocs_held, 0);
	/* The copy, the operations, and two for each of three computations. */
	assert_true(failures >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_params, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_bo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timestamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
