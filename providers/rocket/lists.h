/* SPDX-License-Identifier: MIT */
/* Checking register command lists of the RK3588's NPU. */
#ifndef ROCKET_LISTS_H
#define ROCKET_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIST_ALIGN     16     /* of its address: the low bits are not kept */
#define LIST_WORDS_MAX 131072 /* the register for pairs, less one, has 16 bits */

/* Where a check failed. */
struct rocket_place {
	uint64_t offset; /* a byte of the commands */
	char text[160];
};

/* A list at @offset of commands of @bytes, whose device address is @address: 0, -EINVAL,
 * -ERANGE, -E2BIG. */
int rocket_list_check(uint64_t address, uint64_t bytes, uint64_t offset, uint64_t words,
		      struct rocket_place *place);

/* A piece of the device's address space that a list may name. */
struct rocket_range {
	uint64_t begin, end;
	bool writable;
};

/* Word by word: 0, -EINVAL a word that no device takes or a list that starts nothing, -ERANGE or
 * -EACCES an address. @spare: @words is odd, and behind them is one more that is fetched. @warn
 * is told of what is not known here. */
int rocket_list_validate(const uint64_t *list, uint64_t words, bool spare, uint64_t offset,
			 const struct rocket_range *ranges, uint32_t count,
			 void (*warn)(uint64_t offset, const char *text),
			 struct rocket_place *place);

#endif
