/* SPDX-License-Identifier: MIT */
/* params.c: structs that differ in size on the two sides of the interface. */
#include "support.h"

struct small {
	uint32_t size, a;
	uint64_t b;
};

/* What a program of a later release has. */
struct big {
	struct small known;
	uint64_t later[4];
};

struct ext {
	struct accel_ext head;
	uint64_t value;
};

#define TYPE 0x1234

static void test_same_size(void **state)
{
	struct small from = {.size = sizeof(from), .a = 1, .b = UINT64_MAX}, to = {0};

	(void)state;
	assert_ok(accel_core_params(&to, sizeof(to), &from, false));
	assert_int_equal(to.a, 1);
	assert_true(to.b == UINT64_MAX);
}

static void test_null(void **state)
{
	struct small to;

	(void)state;
	memset(&to, 0xff, sizeof(to));
	assert_fails(accel_core_params(&to, sizeof(to), NULL, false), -EINVAL);
	assert_ok(accel_core_params(&to, sizeof(to), NULL, true));
	assert_int_equal(to.size, 0);
	assert_int_equal(to.a, 0);
	assert_true(to.b == 0);
}

/* Every size from nothing to beyond the limit, each byte beyond which is the end of memory. */
static void test_every_size(void **state)
{
	struct small to;
	uint32_t size;

	(void)state;
	for (size = 0; size <= 4100; size++) {
		const bool good = size >= 4 && size <= 4096;
		char *from = calloc(1, size < 4 ? 4 : size);

		assert_non_null(from);
		memcpy(from, &size, sizeof(size));
		memset(&to, 0xff, sizeof(to));
		if (good)
			assert_ok(accel_core_params(&to, sizeof(to), from, false));
		else
			assert_fails(accel_core_params(&to, sizeof(to), from, false), -EINVAL);
		if (good) {
			assert_int_equal(to.a, 0);
			assert_true(to.b == 0);
		}
		free(from);
	}
	size = UINT32_MAX;
	assert_fails(accel_core_params(&to, sizeof(to), &size, false), -EINVAL);
}

/* An older program's struct ends earlier: the rest is zero, not what lies behind it. */
static void test_smaller(void **state)
{
	struct small from = {.size = 8, .a = 7, .b = UINT64_MAX}, to;

	(void)state;
	memset(&to, 0xff, sizeof(to));
	assert_ok(accel_core_params(&to, sizeof(to), &from, false));
	assert_int_equal(to.a, 7);
	assert_true(to.b == 0);
	/* Ends amid a member. */
	from.size = 6;
	from.a = 0x04030201;
	assert_ok(accel_core_params(&to, sizeof(to), &from, false));
	assert_memory_equal((char *)&to + 4, "\1\2\0\0", 4);
}

/* Each byte of the unknown tail counts, the first and the last too. */
static void test_larger(void **state)
{
	struct big from = {.known = {.size = sizeof(from), .a = 3}};
	struct small to = {0};
	size_t i;

	(void)state;
	assert_ok(accel_core_params(&to, sizeof(to), &from, false));
	assert_int_equal(to.a, 3);
	for (i = 0; i < sizeof(from.later); i++) {
		((char *)from.later)[i] = 1;
		assert_fails(accel_core_params(&to, sizeof(to), &from, false), -E2BIG);
		((char *)from.later)[i] = 0;
	}
}

static void test_ext(void **state)
{
	struct ext from = {{sizeof(from), TYPE}, 5}, to;
	struct {
		struct ext known;
		uint64_t later;
	} big = {{{sizeof(big), TYPE}, 6}, 0};

	(void)state;
	memset(&to, 0xff, sizeof(to));
	assert_ok(accel_core_ext(&to, sizeof(to), NULL, TYPE));
	assert_true(to.value == 0 && to.head.type == 0);
	assert_gives(accel_core_ext(&to, sizeof(to), &from.head, TYPE), 1);
	assert_true(to.value == 5);
	assert_fails(accel_core_ext(&to, sizeof(to), &from.head, TYPE + 1), -EINVAL);
	from.head.size = 7; /* without a whole type */
	assert_fails(accel_core_ext(&to, sizeof(to), &from.head, TYPE), -EINVAL);
	from.head.size = 3;
	assert_fails(accel_core_ext(&to, sizeof(to), &from.head, TYPE), -EINVAL);
	from.head.size = 8;
	assert_gives(accel_core_ext(&to, sizeof(to), &from.head, TYPE), 1);
	assert_true(to.value == 0);
	assert_gives(accel_core_ext(&to, sizeof(to), &big.known.head, TYPE), 1);
	assert_true(to.value == 6);
	big.later = 1ull << 63;
	assert_fails(accel_core_ext(&to, sizeof(to), &big.known.head, TYPE), -E2BIG);
}

static void test_out(void **state)
{
	const struct small from = {.size = sizeof(from), .a = 1, .b = 2};
	struct big to;

	(void)state;
	/* Smaller: nothing is written beyond what the caller has. */
	memset(&to, 0xee, sizeof(to));
	to.known.size = 8;
	assert_ok(accel_core_params_out(&to, &from, sizeof(from)));
	assert_int_equal(to.known.size, 8);
	assert_int_equal(to.known.a, 1);
	assert_true(to.known.b == 0xeeeeeeeeeeeeeeee);
	/* Larger: what the library doesn't know is zero. */
	memset(&to, 0xee, sizeof(to));
	to.known.size = sizeof(to);
	assert_ok(accel_core_params_out(&to, &from, sizeof(from)));
	assert_int_equal(to.known.size, sizeof(to));
	assert_true(to.known.b == 2);
	assert_true(!to.later[0] && !to.later[3]);
	/* The same; and nothing but a size. */
	memset(&to, 0xee, sizeof(to));
	to.known.size = sizeof(from);
	assert_ok(accel_core_params_out(&to, &from, sizeof(from)));
	assert_true(to.known.b == 2 && to.later[0] == 0xeeeeeeeeeeeeeeee);
	to.known.size = 4;
	to.known.a = 9;
	assert_ok(accel_core_params_out(&to, &from, sizeof(from)));
	assert_int_equal(to.known.a, 9);
}

static void test_out_bad(void **state)
{
	const struct small from = {.size = sizeof(from), .a = 1, .b = 2};
	struct small to = {.size = 3, .a = 9};

	(void)state;
	assert_fails(accel_core_params_out(NULL, &from, sizeof(from)), -EINVAL);
	assert_fails(accel_core_params_out(&to, &from, sizeof(from)), -EINVAL);
	to.size = 4097;
	assert_fails(accel_core_params_out(&to, &from, sizeof(from)), -EINVAL);
	assert_int_equal(to.a, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_size),  cmocka_unit_test(test_null),
		cmocka_unit_test(test_every_size), cmocka_unit_test(test_smaller),
		cmocka_unit_test(test_larger),     cmocka_unit_test(test_ext),
		cmocka_unit_test(test_out),        cmocka_unit_test(test_out_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
