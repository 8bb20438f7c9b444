/* SPDX-License-Identifier: GPL-2.0 */
/* Rocket jobs as the raw programs make them: buffers and register command lists. */
#ifndef RAW_ROCKET_H
#define RAW_ROCKET_H

#include <stdint.h>

#include <drm/rocket_accel.h>

#include "../models/fault.h"

struct rocket_bo {
	uint32_t handle, bytes, address;
	uint8_t *map;
};

/* Register lists, one after the other in one buffer. */
struct rocket_lists {
	struct rocket_bo bo;
	struct drm_rocket_task tasks[16];
	unsigned int count, words;
};

int rocket_bo_create(int fd, uint32_t bytes, struct rocket_bo *bo);
void rocket_bo_destroy(int fd, struct rocket_bo *bo);

/*
 * Wait until the kernel has freed all buffers of the file, whose handles are closed: the jobs
 * that used them are freed some time after they have ended, and the driver does not survive
 * one that outlives its file. The one sign of it is the lowest address being free again, with
 * room for all the bytes that the file ever had at a time.
 */
void rocket_settle(int fd, uint32_t lowest, uint32_t bytes);

int rocket_prep(int fd, const struct rocket_bo *bo, int64_t ms);
int rocket_fini(int fd, const struct rocket_bo *bo);

/* Begin the next task; add an entry to it. */
void rocket_task(struct rocket_lists *l);
void rocket_entry(struct rocket_lists *l, uint16_t target, uint16_t reg, uint32_t value);

/* Entries that copy width x height x channels bytes, and start it. */
void rocket_copy(struct rocket_lists *l, uint32_t from, uint32_t to, uint32_t width,
		 uint32_t height, uint32_t channels);
void rocket_fault(struct rocket_lists *l, enum rig_fault_kind kind, uint32_t value);

int rocket_submit(int fd, struct rocket_lists *l, const uint32_t *in, uint32_t in_count,
		  const uint32_t *out, uint32_t out_count);

#endif
