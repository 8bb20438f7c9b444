/* SPDX-License-Identifier: MIT */
/* Which register command lists are refused, and where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* needs those above */
#include <cmocka.h>

#include "lists.h"

static struct rocket_place place;

static void lists_that_can_be_fetched(void **state)
{
	(void)state;
	assert_int_equal(rocket_list_check(0, 64, 0, 8, &place), 0);
	assert_int_equal(rocket_list_check(0, 64, 48, 2, &place), 0);
	assert_int_equal(rocket_list_check(0x1008, 64, 8, 7, &place), 0); /* 16 in the end */
	assert_int_equal(rocket_list_check(0xfffff000, 4096, 0, 512, &place), 0);
	assert_int_equal(rocket_list_check(0, 1 << 20, 0, LIST_WORDS_MAX, &place), 0);
}

static void lists_that_cannot(void **state)
{
	const struct {
		uint64_t address, bytes, offset, words;
		int err;
	} bad[] = {
		{0, 64, 16, 0, -EINVAL},
		{0, 64, 8, 1, -EINVAL},
		{8, 64, 0, 1, -EINVAL},
		{0, 64, 16, 7, -ERANGE},
		{0, 64, 80, 1, -ERANGE},
		{0, 64, UINT64_MAX - 15, 1, -ERANGE},
		{0, 1 << 21, 32, LIST_WORDS_MAX + 1, -E2BIG},
		{0xfffff000, 4112, 0, 1, -ERANGE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rocket_list_check(bad[i].address, bad[i].bytes, bad[i].offset,
						   bad[i].words, &place),
				 bad[i].err);
		assert_int_equal(place.offset, bad[i].offset);
	}
}

static unsigned int warnings;
static uint64_t warned;

static void warn(uint64_t offset, const char *text)
{
	assert_non_null(text);
	warned = offset;
	warnings++;
}

static uint64_t entry(unsigned int block, unsigned int reg, uint32_t value)
{
	return (uint64_t)block << 48 | (uint64_t)value << 16 | reg;
}

static const struct rocket_range ranges[] = {{0, 0x1000, false}, {0x4000, 0x6000, true}};

static int validate(const uint64_t *list, uint64_t words)
{
	warnings = 0;
	return rocket_list_validate(list, words & ~1ull, false, 64, ranges, 2, warn, &place);
}

static void words_that_are_in_order(void **state)
{
	const uint64_t list[] = {
		entry(0x0201, 0x1070, 0),                                /* address 0 is one */
		entry(0x1001, 0x4020, 0x5fff), entry(0x2001, 0x5018, 0), /* not in use */
		entry(0x0041, 0, 0),           entry(0x1001, 0x4030, 99),
		entry(0x0081, 0x0008, 0x1d),
	};

	(void)state;
	assert_int_equal(validate(list, 6), 0);
	assert_int_equal(warnings, 0);
}

static void words_that_are_not(void **state)
{
	uint64_t list[] = {entry(0x0201, 0x1070, 0x4000), entry(0x1001, 0x4020, 0x4000),
			   entry(0x0081, 0x0008, 0x1d), 0};

	(void)state;
	assert_int_equal(validate(list, 4), 0);
	list[0] = entry(0x0201, 0x1070, 0x6000); /* just beyond */
	assert_int_equal(validate(list, 4), -ERANGE);
	assert_int_equal(place.offset, 64);
	list[0] = 0;
	list[1] = entry(0x1001, 0x4020, 0x0800); /* written, and listed for reading */
	assert_int_equal(validate(list, 4), -EACCES);
	assert_int_equal(place.offset, 72);
	list[1] = entry(0x1001, 0x1070, 0); /* another block's register */
	assert_int_equal(validate(list, 4), -EINVAL);
	assert_int_equal(place.offset, 72);
	list[1] = entry(0x1001, 0x4022, 0);
	assert_int_equal(validate(list, 4), -EINVAL);
	list[1] = entry(0xfa17, 1, 0); /* a block that nobody knows */
	assert_int_equal(validate(list, 4), 0);
	assert_int_equal(warnings, 1);
	assert_int_equal(warned, 72);
	list[2] = 0;
	assert_int_equal(validate(list, 4), -EINVAL); /* starts nothing */
	assert_int_equal(place.offset, 64);
}

static void the_word_behind_an_odd_number(void **state)
{
	uint64_t list[] = {entry(0x0081, 0x0008, 1), 0};

	(void)state;
	assert_int_equal(rocket_list_validate(list, 1, true, 16, ranges, 2, warn, &place), 0);
	list[1] = entry(0x0081, 0x0008, 1);
	assert_int_equal(rocket_list_validate(list, 1, true, 16, ranges, 2, warn, &place), -EINVAL);
	assert_int_equal(place.offset, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_that_can_be_fetched),
		cmocka_unit_test(lists_that_cannot),
		cmocka_unit_test(words_that_are_in_order),
		cmocka_unit_test(words_that_are_not),
		cmocka_unit_test(the_word_behind_an_odd_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
