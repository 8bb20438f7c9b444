/* SPDX-License-Identifier: GPL-2.0 */
/* NPU jobs as the raw programs make them: buffers, queues, and command lists. */
#ifndef RAW_IVPU_H
#define RAW_IVPU_H

#include <stdbool.h>
#include <stdint.h>

#include <drm/ivpu_accel.h>

#include "../models/fault.h"

/* What jobs end with, of the firmware's own */
#define IVPU_PARSING_ERR	0x1
#define IVPU_PROCESSING_ERR	0x2
#define IVPU_NOT_IMPLEMENTED	0xb
#define IVPU_CONTEXT_VIOLATION	0xe

struct ivpu_bo {
	uint32_t handle;
	uint64_t bytes;
	uint64_t address;	/* the device's; 0: it has none yet */
	uint8_t *map;		/* NULL: not mapped */
};

/*
 * A command list in a buffer of its own: the header, the commands, and in the second page the
 * descriptors of its copies.
 */
struct ivpu_list {
	struct ivpu_bo bo;
	uint32_t bytes, descriptors;
};

int ivpu_bo_create(int fd, uint64_t bytes, uint32_t flags, struct ivpu_bo *bo);
/* A dma-buf as a buffer of this file; it is not mapped. */
int ivpu_bo_import(int fd, int dmabuf, struct ivpu_bo *bo);

void ivpu_bo_destroy(int fd, struct ivpu_bo *bo);

/* The status in *status if it is done. */
int ivpu_bo_wait(int fd, const struct ivpu_bo *bo, int64_t ms, uint32_t *status);

int ivpu_param(int fd, uint32_t param, uint32_t index, uint64_t *value);
bool ivpu_has(int fd, uint32_t capability);

/* A list without commands. */
int ivpu_list_create(int fd, struct ivpu_list *list);
void ivpu_list_restart(struct ivpu_list *list);

void ivpu_nop(struct ivpu_list *list);
void ivpu_barrier(struct ivpu_list *list);
void ivpu_timestamp(struct ivpu_list *list, uint64_t address);
void ivpu_fence_wait(struct ivpu_list *list, uint64_t address, uint64_t value);
void ivpu_fence_signal(struct ivpu_list *list, uint64_t address, uint64_t value);
void ivpu_fill(struct ivpu_list *list, uint64_t address, uint64_t bytes, uint32_t pattern);
void ivpu_copy(struct ivpu_list *list, uint64_t to, uint64_t from, uint32_t bytes);
void ivpu_fault(struct ivpu_list *list, enum rig_fault_kind kind, uint32_t value);

/* Any command of so many bytes, of which all but the first four are zero. */
void ivpu_command(struct ivpu_list *list, uint16_t type, uint16_t bytes);

/* Queues; id 0 is the one that a file has for each priority without creating it. */
int ivpu_queue_create(int fd, uint32_t priority, uint32_t *id);
int ivpu_queue_destroy(int fd, uint32_t id);
int ivpu_submit(int fd, uint32_t queue, uint32_t priority, const struct ivpu_list *list,
		const uint32_t *others, unsigned int count);

#endif
