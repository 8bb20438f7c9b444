/* SPDX-License-Identifier: MIT */
/* What a command stream of the Ethos-U touches, and where it is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* needs those above */
#include <cmocka.h>

#include "commands.h"
#include "stream.h"

static uint32_t words[256];
static size_t count;

static void begin(void)
{
	count = 0;
}

static void put(uint32_t command, uint32_t parameter)
{
	words[count++] = command | parameter << 16;
}

static void put_wide(uint32_t command, uint64_t value)
{
	words[count++] = command | (uint32_t)(value >> 32 & 0xff) << 16;
	words[count++] = (uint32_t)value;
}

static void put_dma(uint32_t dst, uint64_t to, uint32_t src, uint64_t from, uint64_t bytes)
{
	put(DMA0_SRC_REGION, src);
	put(DMA0_DST_REGION, dst);
	put_wide(DMA0_SRC, from);
	put_wide(DMA0_DST, to);
	put_wide(DMA0_LEN, bytes);
	put(OP_DMA_START, 0);
}

static struct ethosu_stream stream_of(bool u65)
{
	return (struct ethosu_stream){.words = words, .count = count, .u65 = u65};
}

static struct ethosu_stream good(bool u65)
{
	struct ethosu_stream stream = stream_of(u65);
	struct ethosu_place place;

	assert_int_equal(ethosu_stream_walk(&stream, &place), 0);
	return stream;
}

/* Refused at word @at. */
static void bad(bool u65, size_t at)
{
	struct ethosu_stream stream = stream_of(u65);
	struct ethosu_place place;

	memset(&place, 0xff, sizeof(place));
	assert_int_equal(ethosu_stream_walk(&stream, &place), -EINVAL);
	assert_int_equal(place.offset, at * 4);
	assert_int_not_equal(place.text[0], '\0');
}

static void expect_need(const struct ethosu_stream *stream, uint32_t region, uint64_t bytes,
			bool reads, bool writes)
{
	assert_int_equal(stream->need[region].bytes, bytes);
	assert_int_equal(stream->need[region].reads, reads);
	assert_int_equal(stream->need[region].writes, writes);
}

static void dma_in_one_dimension(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_dma(0, 0x100, 7, (UINT64_C(1) << 39) + 4, 0x40);
	put_dma(0, 0x10, 3, 0, 1);
	put(OP_STOP, 0xffff);
	stream = good(true);
	expect_need(&stream, 0, 0x140, false, true);
	expect_need(&stream, 7, (UINT64_C(1) << 39) + 0x44, true, false);
	expect_need(&stream, 3, 1, true, false);
	expect_need(&stream, 1, 0, false, false);
}

static void dma_of_internal_memory_needs_no_region(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_dma(DMA_INTERNAL, 0, 1, 0, 16);
	put_dma(2, 0, DMA_INTERNAL | 1, 0, 32);
	put(OP_STOP, 0);
	stream = good(false);
	expect_need(&stream, 0, 0, false, false);
	expect_need(&stream, 1, 16, true, false);
	expect_need(&stream, 2, 32, false, true);
}

static void put_dma_gaps(unsigned int mode, int64_t src_gap, int64_t dst_gap, unsigned int rows)
{
	put(DMA0_SIZE0, rows);
	put_wide(DMA0_SRC_STRIDE0, (uint64_t)src_gap);
	put_wide(DMA0_DST_STRIDE0, (uint64_t)dst_gap);
	put_dma(0, 8, 1 | mode << 9, 0, 100);
}

static void dma_in_two_and_three_dimensions(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_dma_gaps(1, 28, 0, 10);
	put(OP_STOP, 0);
	stream = good(true);
	expect_need(&stream, 1, 1280, true, false);
	expect_need(&stream, 0, 8 + 1000, false, true);

	/* Rows that overlap: the last reaches farther than the driver reckons. */
	begin();
	put_dma_gaps(1, -50, 0, 10);
	put(OP_STOP, 0);
	stream = good(true);
	expect_need(&stream, 1, 9 * 50 + 100, true, false);

	begin();
	put(DMA0_SIZE1, 3);
	put_wide(DMA0_SRC_STRIDE1, 16);
	put_wide(DMA0_DST_STRIDE1, 0);
	put_dma_gaps(2, 0, 0, 4);
	put(OP_STOP, 0);
	stream = good(false);
	expect_need(&stream, 1, 3 * 416, true, false);
	expect_need(&stream, 0, 8 + 3 * 400, false, true);
}

static void dma_that_must_not_run(void **state)
{
	const uint32_t set[] = {DMA0_SRC_REGION, DMA0_DST_REGION, DMA0_SRC, DMA0_DST, DMA0_LEN};
	size_t i, j;

	(void)state;
	/* Each register left out. */
	for (i = 0; i < 5; i++) {
		begin();
		for (j = 0; j < 5; j++) {
			if (i == j)
				continue;
			if (set[j] & IS_WIDE)
				put_wide(set[j], 64);
			else
				put(set[j], 0);
		}
		put(OP_DMA_START, 0);
		put(OP_STOP, 0);
		bad(true, count - 2);
		bad(false, count - 2);
	}
	begin();
	put_dma(0, 0, 1, 0, 0);
	put(OP_STOP, 0);
	bad(true, count - 2);
	begin();
	put_dma(0, 0, 1 | 3 << 9, 0, 16);
	put(OP_STOP, 0);
	bad(true, count - 2);
	/* Two dimensions without a size; backwards. */
	begin();
	put_dma(0, 0, 1 | 1 << 9, 0, 16);
	put(OP_STOP, 0);
	bad(true, count - 2);
	begin();
	put_dma_gaps(1, -100, 0, 2);
	put(OP_STOP, 0);
	bad(true, count - 2);
	begin();
	put_dma_gaps(1, 0, 0, 0);
	put(OP_STOP, 0);
	bad(true, count - 2);
	begin();
	put_dma_gaps(2, 0, 0, 2);
	put(OP_STOP, 0);
	bad(true, count - 2);
}

static void structure(void **state)
{
	(void)state;
	begin();
	bad(true, 0);
	put_dma(0, 0, 1, 0, 16);
	bad(true, count - 1); /* no STOP */
	put(OP_STOP, 0);
	put(OP_DMA_WAIT, 0);
	bad(true, count - 2); /* STOP, and more */
	begin();
	put(OP_DMA_WAIT, 0);
	words[count++] = DMA0_SRC;
	bad(true, 1); /* half a command */
	begin();
	put(OP_IRQ, 0);
	put(OP_STOP, 0);
	bad(true, 0);
	begin();
	put(OP_RESIZE, 0);
	put(OP_STOP, 0);
	bad(false, 0);
	begin();
	put(0x7a17, 5);
	words[count++] = OP_STOP; /* a second word that looks like STOP */
	put(OP_STOP, 0);
	good(true);
}

/* One map of 4 x 3 x 16 bytes at @base of region @region, as one tile. */
static void put_map(unsigned int base_command, unsigned int region_command, unsigned int region,
		    uint64_t base)
{
	const unsigned int narrow = region_command - 0xf; /* 0x100, 0x110, 0x180 */

	put(region_command, region);
	put(narrow + 0xa, 3);
	put(narrow + 0xb, 2);
	put(narrow + 0xc, 2);
	put_wide(base_command, base);
	put_wide(base_command + 4, 16);
	put_wide(base_command + 5, 64);
	put_wide(base_command + 6, 16);
}

static void put_pooling(uint32_t ofm_precision)
{
	put_map(IFM_BASE0, IFM_REGION, 1, 0x1000);
	put_map(OFM_BASE0, OFM_REGION, 0, 0x2000);
	put(IFM_PRECISION, 0);
	put(IFM_DEPTH_M1, 15);
	put(IFM_PAD_TOP, 0);
	put(IFM_PAD_LEFT, 0);
	put(IFM_PAD_BOTTOM, 0);
	put(IFM_PAD_RIGHT, 0);
	put(OFM_WIDTH_M1, 3);
	put(OFM_HEIGHT_M1, 2);
	put(OFM_DEPTH_M1, 15);
	put(OFM_PRECISION, ofm_precision);
	put(KERNEL_WIDTH_M1, 0);
	put(KERNEL_HEIGHT_M1, 0);
	put(KERNEL_STRIDE, 0);
	put(OP_POOL, 0);
	put(OP_STOP, 0);
}

static void feature_maps(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_pooling(0x100);
	stream = good(true);
	expect_need(&stream, 1, 0x1000 + 2 * 64 + 3 * 16 + 16, true, false);
	expect_need(&stream, 0, 0x2000 + 2 * 64 + 3 * 16 + 16, false, true);
	/* Without the flag scales are read, and none were set. */
	begin();
	put_pooling(0);
	bad(true, count - 2);
	begin();
	put(SCALE_REGION, 4);
	put_wide(SCALE_BASE, 0x20);
	put_wide(SCALE_LENGTH, 0x30);
	put_pooling(0);
	stream = good(true);
	expect_need(&stream, 4, 0x50, true, false);
	/* Elements of four bytes, and a format that there is not. */
	begin();
	put_pooling(0x104);
	stream = good(true);
	expect_need(&stream, 0, 0x2000 + 2 * 64 + 3 * 16 + 16 * 4, false, true);
	begin();
	put_pooling(0x180);
	bad(true, count - 2);
	/* On the U85 an output may stay inside. */
	begin();
	put_pooling(0x8100);
	stream = good(false);
	expect_need(&stream, 0, 0, false, false);
	stream = good(true);
	expect_need(&stream, 0, 0x2000 + 2 * 64 + 3 * 16 + 16, false, true);
}

/* Every tile that is used counts, not only that of the last element. */
static void tiles(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_pooling(0x100);
	count -= 2; /* POOL, STOP */
	put(OFM_WIDTH0_M1, 1);
	put(OFM_HEIGHT0_M1, 0);
	put(OFM_HEIGHT1_M1, 2);
	put(OP_POOL, 0);
	put(OP_STOP, 0);
	bad(true, count - 2); /* tiles 1 and 2 have no base */
	count -= 2;
	put_wide(OFM_BASE0 + 1, 0x3000);
	put_wide(OFM_BASE0 + 2, 0x9000);
	put(OP_POOL, 0);
	put(OP_STOP, 0);
	stream = good(true);
	expect_need(&stream, 0, 0x9000 + 64 + 16 + 16, false, true);
}

static void elementwise_inputs(void **state)
{
	struct ethosu_stream stream;

	(void)state;
	begin();
	put_pooling(0x100);
	count -= 2;
	put(OP_ELEMENTWISE, 1);
	put(OP_STOP, 0);
	bad(true, count - 2); /* whether there is a second input was never said */
	count -= 2;
	put_map(IFM2_BASE0, IFM2_REGION, 6, 0x5000);
	put(IFM2_PRECISION, 0);
	put(IFM2_BROADCAST, 0);
	put(OP_ELEMENTWISE, 1);
	put(OP_STOP, 0);
	stream = good(true);
	expect_need(&stream, 6, 0x5000 + 2 * 64 + 3 * 16 + 16, true, false);
	/* The U65 has no broadcasting of the first. */
	expect_need(&stream, 1, 0x1000 + 2 * 64 + 3 * 16 + 16, true, false);
	count -= 2;
	put(IFM2_BROADCAST, 0x80); /* a scalar */
	put(OP_ELEMENTWISE, 1);
	put(OP_STOP, 0);
	stream = good(true);
	expect_need(&stream, 6, 0, false, false);
	/* On the U85 the same bit means nothing, and bits 0 to 2 broadcast. */
	count -= 2;
	put(IFM2_BROADCAST, 0x7);
	put(OP_ELEMENTWISE, 1);
	put(OP_STOP, 0);
	stream = good(false);
	expect_need(&stream, 6, 0x5000 + 1, true, false);
}

static void the_first_command_beyond_is_found(void **state)
{
	struct ethosu_limit limit = {.region = 0, .bytes = 100};
	struct ethosu_stream stream;
	struct ethosu_place place;
	size_t first, second;

	(void)state;
	begin();
	put_dma(0, 0, 1, 0, 100);
	put_dma(0, 50, 1, 0, 51);
	first = count - 1;
	put_dma(1, 0, 0, 0, 1000);
	second = count - 1;
	put(OP_STOP, 0);
	stream = good(true);
	assert_true(ethosu_stream_find(&stream, &limit, &place));
	assert_int_equal(place.offset, first * 4);
	limit.bytes = 101;
	assert_true(ethosu_stream_find(&stream, &limit, &place));
	assert_int_equal(place.offset, second * 4);
	limit.bytes = 1000;
	assert_false(ethosu_stream_find(&stream, &limit, &place));
	limit.no_reads = true;
	assert_true(ethosu_stream_find(&stream, &limit, &place));
	assert_int_equal(place.offset, second * 4);
	limit = (struct ethosu_limit){.region = 1, .bytes = UINT64_MAX, .no_writes = true};
	assert_true(ethosu_stream_find(&stream, &limit, &place));
	assert_int_equal(place.offset, second * 4);
}

static size_t warned[8];
static unsigned int warnings;

static void warn(void *data, size_t offset, const char *text)
{
	(void)data;
	assert_non_null(text);
	if (warnings < 8)
		warned[warnings++] = offset;
}

static void word_by_word(void **state)
{
	struct ethosu_stream stream;
	struct ethosu_place place;

	(void)state;
	begin();
	put_dma(0, 0, 1, 0, 16);
	put(OP_STOP, 0);
	stream = good(true);
	warnings = 0;
	assert_int_equal(ethosu_stream_validate(&stream, warn, NULL, &place), 0);
	assert_int_equal(warnings, 0);

	begin();
	put(0x1ee, 0);          /* nobody's */
	put(IFM_ZERO_POINT, 9); /* the driver doesn't look at it */
	put(PARALLEL_MODE, 0);  /* only the U65 has it */
	put_dma(0, 0, 1, 0, 16);
	put(OP_STOP, 0);
	stream = good(true);
	warnings = 0;
	assert_int_equal(ethosu_stream_validate(&stream, warn, NULL, &place), 0);
	assert_int_equal(warnings, 2);
	assert_int_equal(warned[0], 0);
	assert_int_equal(warned[1], 4);
	stream = good(false);
	warnings = 0;
	assert_int_equal(ethosu_stream_validate(&stream, warn, NULL, &place), 0);
	assert_int_equal(warnings, 3);
	assert_int_equal(warned[1], 8);

	/* Bits that mean nothing. */
	begin();
	put_dma(0, 0, 1, 0, 16);
	put(OFM_REGION, 8);
	put(OP_STOP, 0);
	stream = good(true);
	assert_int_equal(ethosu_stream_validate(&stream, warn, NULL, &place), -EINVAL);
	assert_int_equal(place.offset, (count - 2) * 4);
	begin();
	put_dma(0, 0, 1, 0, 16);
	words[2] |= 1u << 30;
	put(OP_STOP, 0);
	stream = good(true);
	assert_int_equal(ethosu_stream_validate(&stream, warn, NULL, &place), -EINVAL);
	assert_int_equal(place.offset, 2 * 4);
}

/* Whatever the words: no read beyond them, and needs that the finder agrees with. */
static void random_words(void **state)
{
	struct ethosu_limit limit;
	struct ethosu_stream stream;
	struct ethosu_place place;
	uint32_t *exact, i, r, seed = 4711, accepted = 0;
	size_t n;

	(void)state;
	for (i = 0; i < 200000; i++) {
		n = 1 + i % 40;
		exact = malloc(n * 4);
		assert_non_null(exact);
		for (r = 0; r < n; r++) {
			seed = seed * 1664525 + 1013904223;
			exact[r] = seed >> 8;
			switch (seed % 5) {
			case 0:
				exact[r] = OP_DMA_START;
				break;
			case 1:
				exact[r] = (0x130 + (seed >> 10) % 4) | (seed & 0x70000);
				break;
			case 2:
				exact[r] = 0x4030 + (seed >> 10) % 7;
				break;
			case 3:
				exact[r] = (seed >> 10) % 8;
				break;
			}
		}
		exact[n - 1] = OP_STOP;
		stream = (struct ethosu_stream){.words = exact, .count = n, .u65 = i & 1};
		if (!ethosu_stream_walk(&stream, &place)) {
			accepted++;
			for (r = 0; r < REGIONS; r++) {
				limit = (struct ethosu_limit){.region = r,
							      .bytes = stream.need[r].bytes};
				assert_false(ethosu_stream_find(&stream, &limit, &place));
				if (!limit.bytes--)
					continue;
				assert_true(ethosu_stream_find(&stream, &limit, &place));
				assert_true(place.offset < n * 4);
			}
			ethosu_stream_validate(&stream, warn, NULL, &place);
		} else {
			assert_true(place.offset < n * 4);
		}
		free(exact);
	}
	assert_true(accepted > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dma_in_one_dimension),
		cmocka_unit_test(dma_of_internal_memory_needs_no_region),
		cmocka_unit_test(dma_in_two_and_three_dimensions),
		cmocka_unit_test(dma_that_must_not_run),
		cmocka_unit_test(structure),
		cmocka_unit_test(feature_maps),
		cmocka_unit_test(tiles),
		cmocka_unit_test(elementwise_inputs),
		cmocka_unit_test(the_first_command_beyond_is_found),
		cmocka_unit_test(word_by_word),
		cmocka_unit_test(random_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
