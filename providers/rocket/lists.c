/* SPDX-License-Identifier: MIT */
/* Register command lists: whether they can be fetched, and what their words say. */
#include "lists.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse(struct rocket_place *place, int err, uint64_t offset, const char *text)
{
	place->offset = offset;
	snprintf(place->text, sizeof(place->text), "%s", text);
	return err;
}

int rocket_list_check(uint64_t address, uint64_t bytes, uint64_t offset, uint64_t words,
		      struct rocket_place *place)
{
	/* The kernel drops such a job and says nothing. */
	if (!words)
		return refuse(place, -EINVAL, offset, "a list of no words");
	if ((address + offset) % LIST_ALIGN)
		return refuse(place, -EINVAL, offset, "a list begins at a multiple of 16 bytes");
	if (words > LIST_WORDS_MAX)
		return refuse(place, -E2BIG, offset, "a list has at most 131072 words");
	if (offset > bytes || words * sizeof(uint64_t) > bytes - offset)
		return refuse(place, -ERANGE, offset, "a list reaches beyond the commands");
	if (address + bytes > UINT64_C(1) << 32)
		return refuse(place, -ERANGE, offset, "addresses have 32 bits");
	return 0;
}

/* ---- word by word ------------------------------------------------------------------------- */

#define BLOCK(word)    ((unsigned int)((word) >> 48))
#define VALUE(word)    ((uint32_t)((word) >> 16))
#define REGISTER(word) ((unsigned int)((word)&0xffff))

#define BLOCK_ENABLE 0x0081u
#define BLOCK_NOP    0x0041u
#define BLOCK_PC     0x0101u

/* The blocks, and where their registers lie. */
struct block {
	uint16_t id, first, last;
};

static const struct block blocks[] = {
	{0x0201, 0x1000, 0x1fff}, /* CNA */
	{0x0801, 0x3000, 0x3fff}, /* CORE */
	{0x1001, 0x4000, 0x4fff}, /* DPU */
	{0x2001, 0x5000, 0x5fff}, /* DPU RDMA */
	{0x4001, 0x6000, 0x6fff}, /* PPU */
	{0x8001, 0x7000, 0x7fff}, /* PPU RDMA */
	{BLOCK_PC, 0x0000, 0x0fff}, {BLOCK_ENABLE, 0x0000, 0x0fff},
};

static const struct block *find_block(unsigned int id)
{
	size_t i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (blocks[i].id == id)
			return &blocks[i];
	return NULL;
}

/* Registers that hold the address of a buffer. */
#define CNA_FEATURE_DATA_ADDR  0x1070
#define CNA_DCOMP_ADDR0        0x1110
#define DPU_DST_BASE_ADDR      0x4020
#define DPU_RDMA_SRC_BASE_ADDR 0x5018
#define DPU_RDMA_BS_BASE_ADDR  0x5020
#define DPU_RDMA_EW_BASE_ADDR  0x5038

static bool is_address(unsigned int reg, bool *written)
{
	*written = reg == DPU_DST_BASE_ADDR;
	return reg == CNA_FEATURE_DATA_ADDR || reg == CNA_DCOMP_ADDR0 || reg == DPU_DST_BASE_ADDR ||
	       reg == DPU_RDMA_SRC_BASE_ADDR || reg == DPU_RDMA_BS_BASE_ADDR ||
	       reg == DPU_RDMA_EW_BASE_ADDR;
}

/* Its first byte at least: how much is read or written there, other registers say together. */
static int check_address(uint32_t address, bool written, const struct rocket_range *ranges,
			 uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (address >= ranges[i].begin && address < ranges[i].end)
			return written && !ranges[i].writable ? -EACCES : 0;
	return -ERANGE;
}

static int check_word(uint64_t word, uint64_t offset, const struct rocket_range *ranges,
		      uint32_t count, struct rocket_place *place)
{
	const struct block *block = find_block(BLOCK(word));
	const unsigned int reg = REGISTER(word);
	bool written;
	int ret;

	if (reg % 4 || reg < block->first || reg > block->last) {
		place->offset = offset;
		snprintf(place->text, sizeof(place->text), "block 0x%x has no register 0x%x",
			 block->id, reg);
		return -EINVAL;
	}
	/* A register that is set to nothing is not in use; 0 may be an address for all that. */
	if (!is_address(reg, &written) ||
	    (!VALUE(word) && reg != DPU_DST_BASE_ADDR && reg != CNA_FEATURE_DATA_ADDR))
		return 0;
	ret = check_address(VALUE(word), written, ranges, count);
	if (ret) {
		place->offset = offset;
		snprintf(place->text, sizeof(place->text), "register 0x%x: address 0x%x %s", reg,
			 VALUE(word),
			 ret == -EACCES ? "is of a buffer not listed for writing"
					: "is of no buffer of the job");
	}
	return ret;
}

int rocket_list_validate(const uint64_t *list, uint64_t words, bool spare, uint64_t offset,
			 const struct rocket_range *ranges, uint32_t count,
			 void (*warn)(uint64_t offset, const char *text),
			 struct rocket_place *place)
{
	bool starts = false;
	char text[80];
	uint64_t i, at;
	int ret;

	for (i = 0; i < words; i++) {
		at = offset + i * sizeof(*list);
		if (!list[i] || BLOCK(list[i]) == BLOCK_NOP)
			continue;
		if (!find_block(BLOCK(list[i]))) {
			snprintf(text, sizeof(text), "block 0x%x is not known", BLOCK(list[i]));
			warn(at, text);
			continue;
		}
		ret = check_word(list[i], at, ranges, count, place);
		if (ret)
			return ret;
		starts = starts || (BLOCK(list[i]) == BLOCK_ENABLE && VALUE(list[i]));
	}
	if (spare && list[words])
		return refuse(place, -EINVAL, offset + words * sizeof(*list),
			      "words are fetched in pairs, and behind the last is one more");
	if (!starts)
		return refuse(place, -EINVAL, offset, "a list that starts nothing never ends");
	return 0;
}
