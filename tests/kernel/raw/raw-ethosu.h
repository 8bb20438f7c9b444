/* SPDX-License-Identifier: GPL-2.0 */
/* Ethos-U jobs as the raw programs make them: buffers and command streams. */
#ifndef RAW_ETHOSU_H
#define RAW_ETHOSU_H

#include <stdint.h>

#include <drm/ethosu_accel.h>

#include "../models/fault.h"

struct ethosu_bo {
	uint32_t handle;
	uint64_t bytes;
	uint8_t *map;
};

struct ethosu_stream {
	uint32_t words[128];
	unsigned int count;
};

/* The DMA's three modes are how many dimensions it has, less one. */
struct ethosu_dma {
	unsigned int mode;
	unsigned int src_region, dst_region;	/* 0x100: the internal memory */
	uint64_t src, dst, bytes;
	unsigned int rows, planes;
	int64_t src_gap[2], dst_gap[2];		/* after each row, after each plane */
};

int ethosu_bo_create(int fd, uint64_t bytes, struct ethosu_bo *bo);
void ethosu_bo_destroy(int fd, struct ethosu_bo *bo);
int ethosu_bo_wait(int fd, const struct ethosu_bo *bo, int64_t ms);

void ethosu_op(struct ethosu_stream *s, uint32_t op, uint32_t parameter);
void ethosu_op_wide(struct ethosu_stream *s, uint32_t op, uint64_t value);
void ethosu_dma(struct ethosu_stream *s, const struct ethosu_dma *dma);
void ethosu_fault(struct ethosu_stream *s, enum rig_fault_kind kind, uint32_t value);
void ethosu_stop(struct ethosu_stream *s);

/* A sealed buffer of the stream, or -errno. */
int ethosu_stream_create(int fd, const struct ethosu_stream *s, uint32_t *handle);

/* Submit with buffers for the regions 0, 1, ... (0: none) and so much SRAM as region 2. */
int ethosu_submit(int fd, uint32_t stream, const uint32_t *regions, unsigned int count,
		  uint32_t sram, uint32_t perfmon);

#endif
