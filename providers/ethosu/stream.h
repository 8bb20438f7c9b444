/* SPDX-License-Identifier: MIT */
/* Reading command streams of the Ethos-U: what they touch, and what is wrong with them. */
#ifndef ETHOSU_STREAM_H
#define ETHOSU_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGIONS     8
#define SRAM_REGION 2

/* A checked stream: what it needs of each region. */
struct ethosu_need {
	uint64_t bytes; /* the stream touches nothing at or beyond this; 0: not used */
	bool reads, writes;
};

struct ethosu_stream {
	const uint32_t *words;
	size_t count;
	bool u65; /* else U85 */
	struct ethosu_need need[REGIONS];
};

/* Where a check failed: @offset is a byte of the stream. */
#define NO_REGION (~0u)
struct ethosu_place {
	size_t offset;
	uint32_t region; /* at fault, else NO_REGION */
	char text[160];
};

/*
 * Walk the stream's words, and fill its needs. Refuses what the kernel refuses, and what it
 * would take though it must not run: state that is used and was never set, extents that the
 * kernel reckons too small, an interrupt before the end.
 * 0, or -EINVAL with the first bad word in @place.
 */
int ethosu_stream_walk(struct ethosu_stream *stream, struct ethosu_place *place);

/* The first command that touches region @region at or beyond @bytes, or that reads or writes it
 * at all where that is forbidden. False if there is none. */
struct ethosu_limit {
	uint32_t region;
	uint64_t bytes;
	bool no_reads, no_writes;
};
bool ethosu_stream_find(const struct ethosu_stream *stream, const struct ethosu_limit *limit,
			struct ethosu_place *place);

/* What the words say beyond that: 0, or -EINVAL with the first that no device takes. @warn is
 * told, with a byte of the stream, of commands that nobody has checked. */
int ethosu_stream_validate(const struct ethosu_stream *stream,
			   void (*warn)(void *data, size_t offset, const char *text), void *data,
			   struct ethosu_place *place);

#endif
