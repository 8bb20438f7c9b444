/* SPDX-License-Identifier: MIT */
/* Which command lists are refused, and where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

#include "check.h"
#include "commands.h"

#define COMMANDS 0xa0000000u /* a page with the list, its save area and descriptors */
#define SAVE     (COMMANDS + 1024)
#define HEAP     (COMMANDS + 2048)
#define IN       0xa0010000u /* two pages, for reading */
#define OUT      0xa0020000u /* two pages, for writing */
#define BOTH     0xa0022000u /* right behind, for both */
#define PAGE     4096u

static unsigned char memory[PAGE];
static struct ivpu_header *const header = (void *)memory;
static struct ivpu_range ranges[4];
static struct ivpu_view view;
static struct ivpu_place place;

static int map_fails(struct ivpu_range *range)
{
	(void)range;
	return -ENOMEM;
}

static int begin(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	*header = (struct ivpu_header){
		.bytes = sizeof(*header),
		.first = sizeof(*header),
		.descriptors = HEAP,
		.save = SAVE,
	};
	ranges[0] = (struct ivpu_range){
		.address = BOTH, .bytes = PAGE, .reads = true, .writes = true, .index = 2};
	ranges[1] =
		(struct ivpu_range){.address = OUT, .bytes = 2 * PAGE, .writes = true, .index = 1};
	ranges[2] = (struct ivpu_range){.address = COMMANDS,
					.bytes = PAGE,
					.reads = true,
					.writes = true,
					.index = NO_INDEX,
					.map = memory};
	ranges[3] =
		(struct ivpu_range){.address = IN, .bytes = 2 * PAGE, .reads = true, .index = 0};
	ivpu_ranges_sort(ranges, 4);
	view = (struct ivpu_view){.at = memory,
				  .bytes = 1024,
				  .old = true,
				  .ranges = ranges,
				  .range_count = 4,
				  .map = map_fails};
	return 0;
}

/* Put a command behind those that are there; the byte it is at. */
static uint32_t put(uint16_t type, void *command, size_t bytes)
{
	const uint16_t head[2] = {type, (uint16_t)bytes};
	const uint32_t at = header->bytes;

	memcpy(memory + at, command, bytes);
	memcpy(memory + at, head, sizeof(head));
	header->bytes += (uint32_t)bytes;
	return at;
}

static void put_nop(void)
{
	struct ivpu_head nop = {0};

	put(IVPU_NOP, &nop, sizeof(nop));
}

static void descriptor(uint32_t number, uint64_t src, uint64_t dst, uint32_t bytes)
{
	struct ivpu_descriptor_37xx old = {.src = src, .dst = dst, .bytes = bytes};
	struct ivpu_descriptor_40xx now = {.src = src, .dst = dst, .bytes = bytes};

	if (view.old)
		memcpy(memory + (HEAP - COMMANDS) + number * sizeof(old), &old, sizeof(old));
	else
		memcpy(memory + (HEAP - COMMANDS) + number * sizeof(now), &now, sizeof(now));
}

#define refused(err, at, which)                                        \
	do {                                                           \
		memset(&place, 0x55, sizeof(place));                   \
		assert_int_equal(ivpu_list_check(&view, &place), err); \
		assert_int_equal(place.offset, at);                    \
		assert_int_equal(place.index, which);                  \
		assert_true(strlen(place.text) > 10);                  \
	} while (0)
#define taken() assert_int_equal(ivpu_list_check(&view, &place), 0)

/* ---- what is in order -------------------------------------------------------------------- */

static void one_of_each(void **state)
{
	struct ivpu_timestamp timestamp = {.head.word = 2, .address = OUT + 64};
	struct ivpu_fence wait = {.offset = IN + 128, .value = 7};
	struct ivpu_fence signal = {.offset = BOTH + PAGE - 64, .value = 8};
	struct ivpu_fill fill = {.address = OUT, .bytes = 2 * PAGE, .pattern = 9};
	struct ivpu_copy copy = {.offset = 64, .count = 2};
	struct ivpu_inference inference = {.id = 1, .address = IN + 3, .bytes = 2 * PAGE - 3};
	struct ivpu_head head = {0};
	unsigned char long_nop[20] = {0};

	(void)state;
	put(IVPU_NOP, long_nop, 4);
	put(IVPU_NOP, long_nop, sizeof(long_nop));
	put(IVPU_TIMESTAMP, &timestamp, sizeof(timestamp));
	put(IVPU_FENCE_WAIT, &wait, sizeof(wait));
	put(IVPU_FILL, &fill, sizeof(fill));
	put(IVPU_BARRIER, &head, sizeof(head));
	put(IVPU_COPY, &copy, sizeof(copy));
	put(IVPU_INFERENCE, &inference, sizeof(inference));
	put(IVPU_FENCE_SIGNAL, &signal, sizeof(signal));
	descriptor(0, 1, 1, 0); /* not in use */
	descriptor(1, IN + 1, OUT + 3, 2 * PAGE - 3);
	descriptor(2, BOTH, BOTH + 64, 64);
	taken();
	view.bytes = header->bytes;
	taken();
}

static void later_npus_are_less_particular(void **state)
{
	struct ivpu_timestamp timestamp = {.address = OUT + 8};
	struct ivpu_fence signal = {.offset = 2 * PAGE - 8};
	struct ivpu_fill fill = {.address = OUT + 1, .bytes = 1};
	struct ivpu_copy copy = {.count = 10};
	uint32_t i;

	(void)state;
	view.old = false;
	header->fences = OUT;
	put(IVPU_TIMESTAMP, &timestamp, sizeof(timestamp));
	put(IVPU_FENCE_SIGNAL, &signal, sizeof(signal));
	put(IVPU_FILL, &fill, sizeof(fill));
	put(IVPU_COPY, &copy, sizeof(copy));
	for (i = 0; i < 10; i++)
		descriptor(i, IN + i, OUT + i, 1);
	taken();
	view.old = true;
	refused(-EINVAL, 48, NO_INDEX);
}

/* ---- what isn't ----------------------------------------------------------------------------- */

static void headers_that_are_wrong(void **state)
{
	(void)state;
	put_nop();
	taken();
	view.bytes = 47;
	refused(-EINVAL, 0, NO_INDEX);
	view.bytes = 55;
	refused(-EINVAL, 0, NO_INDEX);
	view.bytes = 1024;
	header->bytes = 47;
	refused(-EINVAL, 0, NO_INDEX);
	header->bytes = 1025;
	refused(-EINVAL, 0, NO_INDEX);
	header->bytes = 56;
	header->first = 44;
	refused(-EINVAL, 4, NO_INDEX);
	header->first = 50;
	refused(-EINVAL, 4, NO_INDEX);
	header->first = 56;
	refused(-EINVAL, 4, NO_INDEX);
	header->first = UINT32_MAX - 3;
	refused(-EINVAL, 4, NO_INDEX);
	header->first = 48;
	header->reserved = 1;
	refused(-EINVAL, 12, NO_INDEX);
	header->reserved = 0;
	header->save = SAVE + 8;
	refused(-EINVAL, 40, NO_INDEX);
	header->save = 0;
	refused(-ERANGE, 40, NO_INDEX);
	header->save = IN;
	refused(-EACCES, 40, 0);
	header->save = OUT;
	taken();
}

static void commands_that_there_are_not(void **state)
{
	const uint16_t none[] = {0x0000, 0x0002, 0x0104, 0x0200, 0x0203, 0x0301, 0x0307, 0xffff};
	unsigned char command[24] = {0};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		begin(state);
		put_nop();
		put(none[i], command, sizeof(command));
		refused(-EINVAL, 56, NO_INDEX);
	}
}

static void commands_of_a_wrong_size(void **state)
{
	const struct {
		uint16_t type, bytes;
	} wrong[] = {
		{IVPU_NOP, 0},           {IVPU_NOP, 2},        {IVPU_NOP, 6},
		{IVPU_TIMESTAMP, 8},     {IVPU_TIMESTAMP, 20}, {IVPU_FENCE_WAIT, 16},
		{IVPU_FENCE_SIGNAL, 32}, {IVPU_BARRIER, 4},    {IVPU_BARRIER, 12},
		{IVPU_FILL, 28},         {IVPU_FILL, 40},      {IVPU_COPY, 16},
		{IVPU_COPY, 32},         {IVPU_INFERENCE, 24}, {IVPU_FILL, 0},
	};
	unsigned char bytes[64] = {0};
	uint16_t head[2];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(state);
		put_nop();
		put(IVPU_NOP, bytes, sizeof(bytes));
		head[0] = wrong[i].type;
		head[1] = wrong[i].bytes;
		memcpy(memory + 56, head, sizeof(head));
		refused(-EINVAL, 56, NO_INDEX);
	}
	/* The last one reaches beyond the list, or there is less than its head. */
	begin(state);
	put_nop();
	put(IVPU_NOP, bytes, 16);
	header->bytes -= 4;
	refused(-EINVAL, 56, NO_INDEX);
	header->bytes = 58;
	refused(-EINVAL, 56, NO_INDEX);
}

static void addresses_outside(void **state)
{
	const struct {
		uint64_t address, bytes;
		int err;
		uint32_t index;
	} bad[] = {
		{OUT - 64, 64, -ERANGE, NO_INDEX},
		{0, 64, -ERANGE, NO_INDEX},
		{BOTH + PAGE, 1, -ERANGE, NO_INDEX},
		{UINT64_MAX - 63, 64, -ERANGE, NO_INDEX},
		{BOTH, PAGE + 1, -ERANGE, 2},
		{OUT, 2 * PAGE + 1, -ERANGE, 1}, /* though the next buffer begins there */
		{OUT + 64, UINT64_MAX, -ERANGE, 1},
		{OUT + 64, UINT64_MAX - OUT, -ERANGE, 1},
		{IN, 64, -EACCES, 0},
		{OUT + 8, 8, -EINVAL, NO_INDEX},
		{OUT, 0, -EINVAL, NO_INDEX},
	};
	struct ivpu_fill fill = {0};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(state);
		put_nop();
		fill.address = bad[i].address;
		fill.bytes = bad[i].bytes;
		put(IVPU_FILL, &fill, sizeof(fill));
		refused(bad[i].err, 56, bad[i].index);
	}
}

static void words_outside(void **state)
{
	struct ivpu_timestamp timestamp = {.address = BOTH + PAGE - 4};
	struct ivpu_fence fence = {.offset = BOTH + PAGE - 4};

	(void)state;
	put(IVPU_TIMESTAMP, &timestamp, sizeof(timestamp));
	refused(-EINVAL, 48, NO_INDEX);
	timestamp.address = IN;
	header->bytes = 48;
	put(IVPU_TIMESTAMP, &timestamp, sizeof(timestamp));
	refused(-EACCES, 48, 0);
	timestamp.address = OUT;
	timestamp.head.word = 3;
	header->bytes = 48;
	put(IVPU_TIMESTAMP, &timestamp, sizeof(timestamp));
	refused(-EINVAL, 48, NO_INDEX);

	begin(state);
	view.old = false;
	put(IVPU_FENCE_WAIT, &fence, sizeof(fence));
	refused(-EINVAL, 48, NO_INDEX);
	fence.offset = OUT;
	header->bytes = 48;
	put(IVPU_FENCE_WAIT, &fence, sizeof(fence));
	refused(-EACCES, 48, 1);
	fence.offset = IN;
	header->bytes = 48;
	put(IVPU_FENCE_SIGNAL, &fence, sizeof(fence));
	refused(-EACCES, 48, 0);
	/* The heap counts. */
	fence.offset = 64;
	header->fences = OUT;
	header->bytes = 48;
	put(IVPU_FENCE_SIGNAL, &fence, sizeof(fence));
	taken();
	header->fences = UINT64_MAX - 63;
	refused(-ERANGE, 48, NO_INDEX);
	header->fences = OUT - 128;
	refused(-ERANGE, 48, NO_INDEX);
}

static void heaps_out_of_range(void **state)
{
	struct ivpu_copy copy = {.count = 1};
	const uint32_t at = put(IVPU_COPY, &copy, sizeof(copy));
	struct ivpu_copy *in_place = (void *)(memory + at);

	(void)state;
	descriptor(0, IN, OUT, 64);
	taken();
	in_place->count = 0;
	refused(-EINVAL, at, NO_INDEX);
	in_place->count = 4097;
	refused(-EINVAL, at, NO_INDEX);
	in_place->count = 1;
	in_place->offset = 8;
	refused(-EINVAL, at, NO_INDEX);
	in_place->offset = UINT64_MAX - 63;
	refused(-ERANGE, at, NO_INDEX);
	in_place->offset = PAGE;
	refused(-ERANGE, at, NO_INDEX);
	in_place->offset = 0;
	in_place->count = 33; /* 32 fill the page */
	refused(-ERANGE, at, NO_INDEX);
	/* What NPU 37xx reads behind the last one must be there as well. */
	in_place->count = 1;
	in_place->offset = 31 * 64;
	descriptor(31, IN, OUT, 64);
	refused(-ERANGE, at, NO_INDEX);
	header->descriptors = OUT;
	in_place->offset = 0;
	refused(-EACCES, at, 1);
	header->descriptors = IN;
	refused(-ENOMEM, at, 0); /* can't be mapped */
}

static void descriptors_that_are_wrong(void **state)
{
	const struct {
		uint64_t src, dst;
		uint32_t bytes;
		int err;
		uint32_t index;
	} bad[] = {
		{IN, OUT, 0, -EINVAL, NO_INDEX},     {IN, OUT, (1u << 24) + 1, -EINVAL, NO_INDEX},
		{IN, OUT, 2 * PAGE + 1, -ERANGE, 0}, {IN + PAGE, OUT + 2 * PAGE - 1, 2, -ERANGE, 1},
		{IN - 1, OUT, 2, -ERANGE, NO_INDEX}, {IN, OUT - 1, 2, -ERANGE, NO_INDEX},
		{OUT, BOTH, 64, -EACCES, 1},         {BOTH, IN, 64, -EACCES, 0},
	};
	struct ivpu_copy copy = {.count = 3};
	uint32_t at;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(state);
		put_nop();
		at = put(IVPU_COPY, &copy, sizeof(copy));
		descriptor(0, IN, OUT, 64);
		descriptor(1, IN, OUT, 64);
		descriptor(2, bad[i].src, bad[i].dst, bad[i].bytes);
		refused(bad[i].err, at, bad[i].index);
		assert_non_null(strstr(place.text, "descriptor 2"));
	}
	/* Later ones copy more at once, but no more than there is. */
	begin(state);
	view.old = false;
	copy.count = 1;
	at = put(IVPU_COPY, &copy, sizeof(copy));
	descriptor(0, IN, OUT, (1u << 24) + 1);
	refused(-ERANGE, at, 0);
}

static void inferences_outside(void **state)
{
	struct ivpu_inference inference = {.address = IN, .bytes = 0};
	const uint32_t at = put(IVPU_INFERENCE, &inference, sizeof(inference));
	struct ivpu_inference *in_place = (void *)(memory + at);

	(void)state;
	refused(-EINVAL, at, NO_INDEX);
	in_place->bytes = 2 * PAGE + 1;
	refused(-ERANGE, at, 0);
	in_place->bytes = 1;
	in_place->address = OUT;
	refused(-EACCES, at, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_of_each, begin),
		cmocka_unit_test_setup(later_npus_are_less_particular, begin),
		cmocka_unit_test_setup(headers_that_are_wrong, begin),
		cmocka_unit_test_setup(commands_that_there_are_not, begin),
		cmocka_unit_test_setup(commands_of_a_wrong_size, begin),
		cmocka_unit_test_setup(addresses_outside, begin),
		cmocka_unit_test_setup(words_outside, begin),
		cmocka_unit_test_setup(heaps_out_of_range, begin),
		cmocka_unit_test_setup(descriptors_that_are_wrong, begin),
		cmocka_unit_test_setup(inferences_outside, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
