/* SPDX-License-Identifier: MIT */
/* The NPU's command lists, as its firmware reads them (job command API 4.14). All is little
 * endian, as the machines are that have this NPU. */
#ifndef IVPU_COMMANDS_H
#define IVPU_COMMANDS_H

#include <stdint.h>

#define COMMANDS_API     (4u << 16 | 14)
#define LINE_BYTES       64 /* of the NPU's cache: headers, save areas, descriptors begin at one */
#define SAVE_BYTES       64
#define WORD_BYTES       8 /* timestamps, fences */
#define DESCRIPTORS_MAX  4096
#define OLD_COPY_MAX     0xffffc0u /* below 16 MiB, and the next one begins at a line */
#define OLD_FETCH_BEYOND 16        /* NPU 37xx reads so much behind a descriptor */

enum ivpu_command {
	IVPU_NOP = 0x0001,
	IVPU_TIMESTAMP = 0x0100,
	IVPU_FENCE_WAIT = 0x0101,
	IVPU_FENCE_SIGNAL = 0x0102,
	IVPU_BARRIER = 0x0103,
	IVPU_FILL = 0x0202,
	IVPU_COPY = 0x0302,
	IVPU_INFERENCE = 0x0306
};

struct ivpu_header {
	uint32_t bytes; /* of header and commands */
	uint32_t first; /* byte of the first command */
	uint32_t api;
	uint32_t reserved;
	uint64_t descriptors; /* address from which copies count */
	uint64_t submitted;   /* when, in us; 0: not told */
	uint64_t fences;      /* address from which fences count */
	uint64_t save;        /* address of SAVE_BYTES that the firmware writes */
};

/* Each command begins with its type and its size, this included. */
struct ivpu_head {
	uint16_t type;
	uint16_t bytes;
	uint32_t word; /* the type of a timestamp, else 0 */
};

struct ivpu_timestamp {
	struct ivpu_head head;
	uint64_t address;
};

struct ivpu_fence {
	struct ivpu_head head;
	uint64_t offset;
	uint64_t value;
};

struct ivpu_fill {
	struct ivpu_head head;
	uint64_t address;
	uint64_t bytes;
	uint32_t pattern;
	uint32_t reserved;
};

struct ivpu_copy {
	struct ivpu_head head;
	uint64_t offset; /* of the first descriptor */
	uint32_t count;
	uint32_t reserved;
};

struct ivpu_inference {
	struct ivpu_head head;
	uint64_t id;
	uint64_t address;
	uint32_t bytes;
	uint32_t reserved;
};

/* What one copy moves, on NPU 37xx and on later ones. */
struct ivpu_descriptor_37xx {
	uint64_t unused[2];
	uint64_t src, dst;
	uint32_t bytes;
	uint32_t unused_too[7];
};

struct ivpu_descriptor_40xx {
	uint64_t unused[3];
	uint32_t bytes;
	uint32_t unused_too[3];
	uint64_t src, dst;
	uint64_t rest[17];
};

_Static_assert(sizeof(struct ivpu_header) == 48, "the firmware's");
_Static_assert(sizeof(struct ivpu_head) == 8, "the firmware's");
_Static_assert(sizeof(struct ivpu_timestamp) == 16, "the firmware's");
_Static_assert(sizeof(struct ivpu_fence) == 24, "the firmware's");
_Static_assert(sizeof(struct ivpu_fill) == 32, "the firmware's");
_Static_assert(sizeof(struct ivpu_copy) == 24, "the firmware's");
_Static_assert(sizeof(struct ivpu_inference) == 32, "the firmware's");
_Static_assert(sizeof(struct ivpu_descriptor_37xx) == 64, "the firmware's");
_Static_assert(sizeof(struct ivpu_descriptor_40xx) == 192, "the firmware's");

#endif
