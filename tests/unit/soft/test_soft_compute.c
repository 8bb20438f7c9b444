/* SPDX-License-Identifier: MIT */
/* soft's computations against plain loops: odd shapes, strides, alignment, exactness. */
#include <soft_internal.h>

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GAP      0x5a5a5a5au

static struct soft_engine *engine;

static int setup(void **state)
{
	(void)state;
	soft_compute_thread();
	return soft_engine_create(&engine);
}

static int teardown(void **state)
{
	(void)state;
	soft_engine_destroy(engine);
	return 0;
}

/* The same numbers at each run. */
static uint32_t random_state = 1;

static uint32_t random_next(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

/* Run all tiles, last first, with a slot that has been used for others. */
static void run_all(struct soft_compute *compute, const struct soft_grid *grid, void *dst,
		    const void *a, const void *b)
{
	struct soft_slot *slot;

	assert_int_equal(soft_slot_create(compute, &slot), 0);
	for (uint64_t i = soft_grid_tiles(grid); i-- > 0;) {
		struct soft_tile tile = soft_grid_tile(grid, i);

		assert_int_equal(soft_compute_run(compute, slot, &tile, dst, a, b), 0);
	}
	soft_slot_destroy(slot);
	soft_compute_destroy(compute);
}

/* Helpers' slots are kept with the computation, which frees them. */
static void test_spare_slots(void **state)
{
	struct accel_soft_relu relu = {.head = {ACCEL_SOFT_RELU, 0, sizeof(relu)}, .count = 8};
	struct soft_slot *first, *second;
	struct soft_compute *compute;
	struct soft_grid grid;

	(void)state;
	assert_int_equal(soft_compute_relu(engine, &relu, &grid, &compute), 0);
	assert_null(soft_slot_take(compute));
	assert_int_equal(soft_slot_create(compute, &first), 0);
	assert_int_equal(soft_slot_create(compute, &second), 0);
	soft_slot_give(compute, first);
	soft_slot_give(compute, second);
	assert_ptr_equal(soft_slot_take(compute), second);
	assert_ptr_equal(soft_slot_take(compute), first);
	assert_null(soft_slot_take(compute));
	soft_slot_give(compute, second);
	soft_slot_give(compute, first);
	soft_compute_destroy(compute); /* the leak checker sees to the rest */
}

struct shape {
	uint32_t m, n, k;
	uint32_t more_a, more_b, more_c; /* leading dimension beyond the row */
	uint32_t skew;                   /* elements before each matrix */
	unsigned int workers;
};

static const struct shape shapes[] = {
	{1, 1, 1, 0, 0, 0, 0, 1},       {1, 1, 1, 3, 4, 5, 1, 1},
	{2, 3, 4, 0, 0, 0, 0, 1},       {17, 33, 65, 0, 0, 0, 0, 1},
	{17, 33, 65, 1, 2, 3, 3, 2},    {1, 257, 100, 5, 0, 7, 1, 2},
	{257, 1, 100, 0, 0, 0, 0, 2},   {257, 1, 100, 3, 2, 1, 1, 2},
	{64, 64, 64, 0, 0, 0, 0, 2},    {3, 5, 1023, 0, 0, 0, 0, 1},
	{3, 5, 1024, 0, 1, 0, 0, 1},    {3, 5, 1025, 0, 0, 0, 0, 1},
	{3, 5, 4099, 7, 1, 0, 5, 1},    {3, 7, 1030, 0, 0, 0, 0, 1},
	{300, 200, 100, 0, 0, 0, 0, 8}, {520, 514, 5, 0, 0, 0, 0, 1},
	{301, 203, 107, 3, 5, 7, 1, 8}, {129, 150, 1100, 1, 1, 1, 0, 4},
	{333, 65, 700, 0, 0, 0, 0, 3},
};

static struct accel_soft_matmul packet_of(const struct shape *s, uint32_t type, bool transpose)
{
	struct accel_soft_matmul p = {.head = {ACCEL_SOFT_MATMUL, 0, sizeof(p)}};

	p.head.flags = transpose ? ACCEL_SOFT_TRANSPOSE_B : 0;
	p.type = type;
	p.m = s->m;
	p.n = s->n;
	p.k = s->k;
	p.lda = s->k + s->more_a;
	p.ldb = (transpose ? s->k : s->n) + s->more_b;
	p.ldc = s->n + s->more_c;
	return p;
}

static size_t b_index(const struct accel_soft_matmul *p, bool transpose, size_t row, size_t column)
{
	return transpose ? column * p->ldb + row : row * p->ldb + column;
}

static void check_f32(const struct shape *s, bool transpose)
{
	struct accel_soft_matmul p = packet_of(s, ACCEL_SOFT_F32, transpose);
	size_t b_rows = transpose ? s->n : s->k;
	size_t a_count = s->skew + (size_t)s->m * p.lda, b_count = s->skew + b_rows * p.ldb;
	size_t c_count = s->skew + (size_t)s->m * p.ldc;
	float *a = malloc(a_count * 4), *b = malloc(b_count * 4), *c = malloc(c_count * 4);
	struct soft_compute *compute;
	struct soft_grid grid;

	for (size_t i = 0; i < a_count; i++)
		a[i] = (float)random_next() / (1 << 23) - 1;
	for (size_t i = 0; i < b_count; i++)
		b[i] = (float)random_next() / (1 << 23) - 1;
	for (size_t i = 0; i < c_count; i++)
		memcpy(&c[i], &(uint32_t){GAP}, 4);
	assert_int_equal(soft_compute_matmul(engine, &p, s->workers, &grid, &compute), 0);
	run_all(compute, &grid, c + s->skew, a + s->skew, b + s->skew);
	for (size_t i = 0; i < c_count; i++) {
		size_t row = (i - s->skew) / p.ldc, column = (i - s->skew) % p.ldc;
		double sum = 0, size = 0;
		uint32_t bits;

		if (i < s->skew || column >= s->n) {
			memcpy(&bits, &c[i], 4);
			assert_int_equal(bits, GAP);
			continue;
		}
		for (size_t k = 0; k < s->k; k++) {
			double product = (double)a[s->skew + row * p.lda + k] *
					 (double)b[s->skew + b_index(&p, transpose, k, column)];

			sum += product;
			size += fabs(product);
		}
		if (!(fabs(c[i] - sum) <= 1e-6 * size + 1e-30))
			fail_msg("m %u n %u k %u: c[%zu][%zu] is %g, not %g", s->m, s->n, s->k, row,
				 column, (double)c[i], sum);
	}
	free(a);
	free(b);
	free(c);
}

static void test_matmul_f32(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++) {
		check_f32(&shapes[i], false);
		check_f32(&shapes[i], true);
	}
}

/* What is in s8 matrices: any numbers; the extremes of one sign; odd ones, whose sums need all
 * their bits. */
static signed char s8_value(unsigned int kind, bool is_a)
{
	switch (kind) {
	case 0:
		return (signed char)(random_next() & 0xff);
	case 1:
		return -128;
	case 2:
		return is_a ? -127 : 127;
	default:
		return 127;
	}
}

static void check_s8(const struct shape *s, bool transpose, unsigned int kind)
{
	struct accel_soft_matmul p = packet_of(s, ACCEL_SOFT_S8_S8_S32, transpose);
	size_t b_rows = transpose ? s->n : s->k;
	size_t a_count = s->skew + (size_t)s->m * p.lda, b_count = s->skew + b_rows * p.ldb;
	size_t c_count = s->skew + (size_t)s->m * p.ldc;
	signed char *a = malloc(a_count), *b = malloc(b_count);
	uint32_t *c = malloc(c_count * 4);
	struct soft_compute *compute;
	struct soft_grid grid;
	const char *way;

	for (size_t i = 0; i < a_count; i++)
		a[i] = s8_value(kind, true);
	for (size_t i = 0; i < b_count; i++)
		b[i] = s8_value(kind, false);
	for (size_t i = 0; i < c_count; i++)
		c[i] = GAP;
	assert_int_equal(soft_compute_matmul(engine, &p, s->workers, &grid, &compute), 0);
	way = soft_compute_way(compute);
	run_all(compute, &grid, c + s->skew, a + s->skew, b + s->skew);
	for (size_t i = 0; i < c_count; i++) {
		size_t row = (i - s->skew) / p.ldc, column = (i - s->skew) % p.ldc;
		int64_t sum = 0;

		if (i < s->skew || column >= s->n) {
			assert_int_equal(c[i], GAP);
			continue;
		}
		for (size_t k = 0; k < s->k; k++)
			sum += (int64_t)a[s->skew + row * p.lda + k] *
			       b[s->skew + b_index(&p, transpose, k, column)];
		/* Beyond s32 it is the low 32 bits. */
		if (c[i] != (uint32_t)sum)
			fail_msg("m %u n %u k %u kind %u (%s): c[%zu][%zu] is %d, not %lld", s->m,
				 s->n, s->k, kind, way, row, column, (int)c[i], (long long)sum);
	}
	free(a);
	free(b);
	free(c);
}

static void test_matmul_s8(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(shapes); i++)
		for (unsigned int kind = 0; kind < 4; kind++) {
			check_s8(&shapes[i], false, kind);
			check_s8(&shapes[i], true, kind);
		}
}

/* Sums that need more than the 24 bits of an f32, up to all 32 and around. */
static void test_matmul_s8_exact(void **state)
{
	static const uint32_t ks[] = {1040, 1041, 2049, 20001, 131071, 131072, 200001};

	(void)state;
	for (size_t i = 0; i < COUNT(ks); i++)
		for (unsigned int kind = 0; kind < 4; kind++) {
			struct shape dense = {3, 5, ks[i], 0, 0, 0, 0, 1};
			struct shape loose = {5, 3, ks[i], 1, 2, 3, 1, 2};

			check_s8(&dense, false, kind);
			check_s8(&dense, true, kind);
			check_s8(&loose, false, kind);
			check_s8(&loose, true, kind);
		}
}

/* Rows so far apart that oneDNN's kernels could not reach them. */
static void check_far(uint32_t type, bool transpose)
{
	struct shape s = {5, 7, 1030, 0, 0, 0, 0, 2};
	struct accel_soft_matmul p = packet_of(&s, type, transpose);
	size_t element = type == ACCEL_SOFT_F32 ? 4 : 1;
	size_t b_rows = transpose ? s.n : s.k, a_bytes, b_bytes, c_bytes;
	struct soft_compute *compute;
	struct soft_grid grid;
	unsigned char *a, *b, *c;

	p.lda = p.ldb = p.ldc = (1u << 20) + 3;
	a_bytes = s.m * p.lda * element;
	b_bytes = b_rows * p.ldb * element;
	c_bytes = (size_t)s.m * p.ldc * 4;
	a = mmap(NULL, a_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	b = mmap(NULL, b_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	c = mmap(NULL, c_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	assert_true(a != MAP_FAILED && b != MAP_FAILED && c != MAP_FAILED);
	for (size_t i = 0; i < s.m; i++)
		for (size_t k = 0; k < s.k; k++) {
			int value = (int)((i * 5 + k) % 15) - 7;

			if (element == 4)
				((float *)(void *)a)[i * p.lda + k] = (float)value;
			else
				((signed char *)a)[i * p.lda + k] = (signed char)value;
		}
	for (size_t k = 0; k < s.k; k++)
		for (size_t j = 0; j < s.n; j++) {
			int value = (int)((k * 3 + j) % 13) - 6;
			size_t at = b_index(&p, transpose, k, j);

			if (element == 4)
				((float *)(void *)b)[at] = (float)value;
			else
				((signed char *)b)[at] = (signed char)value;
		}
	assert_int_equal(soft_compute_matmul(engine, &p, s.workers, &grid, &compute), 0);
	assert_string_equal(soft_compute_way(compute), "converted");
	run_all(compute, &grid, c, a, b);
	for (size_t i = 0; i < s.m; i++)
		for (size_t j = 0; j < s.n; j++) {
			int32_t sum = 0;

			for (size_t k = 0; k < s.k; k++)
				sum += ((int32_t)((i * 5 + k) % 15) - 7) *
				       ((int32_t)((k * 3 + j) % 13) - 6);
			if (element == 4)
				assert_true(((float *)(void *)c)[i * p.ldc + j] == (float)sum);
			else
				assert_int_equal(((int32_t *)(void *)c)[i * p.ldc + j], sum);
		}
	munmap(a, a_bytes);
	munmap(b, b_bytes);
	munmap(c, c_bytes);
}

static void test_matmul_far(void **state)
{
	(void)state;
	check_far(ACCEL_SOFT_F32, false);
	check_far(ACCEL_SOFT_F32, true);
	check_far(ACCEL_SOFT_S8_S8_S32, false);
	check_far(ACCEL_SOFT_S8_S8_S32, true);
}

/* Rows and columns of elementwise packets, some of several tiles. */
static const struct {
	uint32_t rows, columns;
} sizes[] = {
	{1, 1}, {1, 17}, {17, 1}, {3, 5}, {7, 1000}, {513, 513}, {3, 300001}, {300001, 3},
};

static void check_add(uint32_t rows, uint32_t columns, bool broadcast, bool in_place, size_t skew)
{
	struct accel_soft_add p = {.head = {ACCEL_SOFT_ADD, 0, sizeof(p)}};
	size_t count = (size_t)rows * columns, b_count = broadcast ? columns : count;
	float *a = malloc((count + skew) * 4), *b = malloc((b_count + skew) * 4);
	float *want = malloc(count * 4), *c = in_place ? a : malloc((count + skew) * 4);
	struct soft_compute *compute;
	struct soft_grid grid;

	p.head.flags = broadcast ? ACCEL_SOFT_BROADCAST : 0;
	p.rows = rows;
	p.columns = columns;
	for (size_t i = 0; i < count; i++)
		a[skew + i] = (float)random_next() - 8e6f;
	for (size_t i = 0; i < b_count; i++)
		b[skew + i] = (float)random_next() / 1000;
	for (size_t i = 0; i < count; i++)
		want[i] = a[skew + i] + b[skew + (broadcast ? i % columns : i)];
	assert_int_equal(soft_compute_add(engine, &p, &grid, &compute), 0);
	run_all(compute, &grid, c + skew, a + skew, b + skew);
	assert_memory_equal(c + skew, want, count * 4);
	if (!in_place)
		free(c);
	free(a);
	free(b);
	free(want);
}

static void test_add(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (unsigned int way = 0; way < 8; way++)
			check_add(sizes[i].rows, sizes[i].columns, way & 1, way & 2, way >> 2);
}

/* dst = a + dst */
static void test_add_onto_b(void **state)
{
	struct accel_soft_add p = {
		.head = {ACCEL_SOFT_ADD, 0, sizeof(p)}, .rows = 3, .columns = 100003};
	size_t count = (size_t)p.rows * p.columns;
	float *a = malloc(count * 4), *b = malloc(count * 4);
	struct soft_compute *compute;
	struct soft_grid grid;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		a[i] = (float)i;
		b[i] = 2;
	}
	assert_int_equal(soft_compute_add(engine, &p, &grid, &compute), 0);
	run_all(compute, &grid, b, a, b);
	for (size_t i = 0; i < count; i++)
		assert_true(b[i] == (float)i + 2);
	assert_int_equal(soft_compute_add(engine, &p, &grid, &compute), 0);
	run_all(compute, &grid, a, a, a);
	for (size_t i = 0; i < count; i++)
		assert_true(a[i] == 2 * (float)i);
	free(a);
	free(b);
}

static void check_relu(uint64_t count, bool in_place, size_t skew)
{
	struct accel_soft_relu p = {.head = {ACCEL_SOFT_RELU, 0, sizeof(p)}, .count = count};
	float *a = malloc((count + skew) * 4), *c = in_place ? a : malloc((count + skew) * 4);
	struct soft_compute *compute;
	struct soft_grid grid;

	for (uint64_t i = 0; i < count; i++)
		a[skew + i] = (float)(i % 7) - 3;
	assert_int_equal(soft_compute_relu(engine, &p, &grid, &compute), 0);
	run_all(compute, &grid, c + skew, a + skew, NULL);
	for (uint64_t i = 0; i < count; i++)
		assert_true(c[skew + i] == (i % 7 > 3 ? (float)(i % 7) - 3 : 0));
	if (!in_place)
		free(c);
	free(a);
}

static void test_relu(void **state)
{
	static const uint64_t counts[] = {1, 2, 15, 17, 1000, 262144, 262145, 1000003};

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++)
		for (unsigned int way = 0; way < 4; way++)
			check_relu(counts[i], way & 1, way >> 1);
}

/* Numbers at the ends: what <accel/soft.h> promises of them. */
static void test_relu_special(void **state)
{
	float in[] = {INFINITY, -INFINITY, 0.0f, -0.0f, 1e-44f, -1e-44f, 3.4e38f, NAN};
	struct accel_soft_relu p = {.head = {ACCEL_SOFT_RELU, 0, sizeof(p)}, .count = COUNT(in)};
	struct soft_compute *compute;
	struct soft_grid grid;
	float out[COUNT(in)];

	(void)state;
	assert_int_equal(soft_compute_relu(engine, &p, &grid, &compute), 0);
	run_all(compute, &grid, out, in, NULL);
	assert_true(isinf(out[0]) && out[0] > 0);
	assert_true(out[1] == 0);
	assert_true(out[2] == 0);
	assert_true(out[3] == 0);
	assert_true(out[4] == in[4]);
	assert_true(out[5] == 0);
	assert_true(out[6] == in[6]);
	assert_true(isnan(out[7]) || out[7] == 0);
}

/* Products are cut so that several workers can take part and none takes too long. */
static void test_tiles(void **state)
{
	struct shape s = {1024, 1024, 1024, 0, 0, 0, 0, 2};
	struct accel_soft_matmul p = packet_of(&s, ACCEL_SOFT_F32, false);
	struct soft_compute *compute;
	struct soft_grid grid;
	uint64_t covered = 0;

	(void)state;
	assert_int_equal(soft_compute_matmul(engine, &p, 2, &grid, &compute), 0);
	assert_true(soft_grid_tiles(&grid) >= 4);
	for (uint64_t i = 0; i < soft_grid_tiles(&grid); i++) {
		struct soft_tile tile = soft_grid_tile(&grid, i);

		assert_true(tile.rows * tile.columns * s.k <= 1ull << 28);
		covered += tile.rows * tile.columns;
	}
	assert_true(covered == 1024 * 1024);
	soft_compute_destroy(compute);
	/* A small one is one. */
	s = (struct shape){64, 64, 64, 0, 0, 0, 0, 2};
	p = packet_of(&s, ACCEL_SOFT_F32, false);
	assert_int_equal(soft_compute_matmul(engine, &p, 2, &grid, &compute), 0);
	assert_true(soft_grid_tiles(&grid) == 1);
	soft_compute_destroy(compute);
}

/* Every grid covers its elements once. */
static void test_grid(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		struct soft_grid grid;
		uint64_t least = 1 + random_next() % 80;
		unsigned char *seen;

		grid.rows = grid.tile_rows = 1 + random_next() % 300;
		grid.columns = grid.tile_columns = 1 + random_next() % 300;
		soft_grid_split(&grid, 1 + random_next() % 100, 1 + random_next() % 100000, least);
		seen = calloc(grid.rows, grid.columns);
		for (uint64_t t = 0; t < soft_grid_tiles(&grid); t++) {
			struct soft_tile tile = soft_grid_tile(&grid, t);

			assert_true(tile.rows && tile.columns);
			for (uint64_t r = 0; r < tile.rows; r++)
				for (uint64_t c = 0; c < tile.columns; c++)
					seen[(tile.row + r) * grid.columns + tile.column + c]++;
		}
		for (uint64_t j = 0; j < grid.rows * grid.columns; j++)
			assert_int_equal(seen[j], 1);
		free(seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spare_slots),
		cmocka_unit_test(test_grid),
		cmocka_unit_test(test_tiles),
		cmocka_unit_test(test_matmul_f32),
		cmocka_unit_test(test_matmul_s8),
		cmocka_unit_test(test_matmul_s8_exact),
		cmocka_unit_test(test_matmul_far),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_onto_b),
		cmocka_unit_test(test_relu),
		cmocka_unit_test(test_relu_special),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
