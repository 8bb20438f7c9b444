// SPDX-License-Identifier: GPL-2.0
/* Ethos-U jobs as the raw programs make them: buffers and command streams. */
#include "raw-ethosu.h"

#include <string.h>
#include <sys/mman.h>

#include "raw.h"

int ethosu_bo_create(int fd, uint64_t bytes, struct ethosu_bo *bo)
{
	struct drm_ethosu_bo_create create = { .size = bytes };
	struct drm_ethosu_bo_mmap_offset offset = { 0 };
	int ret = raw_ioctl(fd, DRM_IOCTL_ETHOSU_BO_CREATE, &create);

	memset(bo, 0, sizeof(*bo));
	if (ret)
		return ret;
	bo->handle = offset.handle = create.handle;
	bo->bytes = create.size;
	ret = raw_ioctl(fd, DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET, &offset);
	if (ret)
		return ret;
	bo->map = mmap(NULL, bo->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset.offset);
	return check(bo->map != MAP_FAILED, "mmap of a buffer") ? 0 : -1;
}

void ethosu_bo_destroy(int fd, struct ethosu_bo *bo)
{
	if (bo->map)
		munmap(bo->map, bo->bytes);
	if (bo->handle)
		raw_close_handle(fd, bo->handle);
}

int ethosu_bo_wait(int fd, const struct ethosu_bo *bo, int64_t ms)
{
	struct drm_ethosu_bo_wait wait = {
		.handle = bo->handle,
		.timeout_ns = raw_deadline(ms),
	};

	return raw_ioctl(fd, DRM_IOCTL_ETHOSU_BO_WAIT, &wait);
}

void ethosu_op(struct ethosu_stream *s, uint32_t op, uint32_t parameter)
{
	s->words[s->count++] = op | parameter << 16;
}

void ethosu_op_wide(struct ethosu_stream *s, uint32_t op, uint64_t value)
{
	s->words[s->count++] = op | (uint32_t)(value >> 32 & 0xff) << 16;
	s->words[s->count++] = (uint32_t)value;
}

void ethosu_dma(struct ethosu_stream *s, const struct ethosu_dma *dma)
{
	ethosu_op(s, 0x130, dma->src_region | dma->mode << 9);
	ethosu_op(s, 0x131, dma->dst_region);
	ethosu_op_wide(s, 0x4030, dma->src);
	ethosu_op_wide(s, 0x4031, dma->dst);
	ethosu_op_wide(s, 0x4032, dma->bytes);
	if (dma->mode >= 1) {
		ethosu_op(s, 0x132, dma->rows);
		ethosu_op_wide(s, 0x4033, dma->src_gap[0]);
		ethosu_op_wide(s, 0x4035, dma->dst_gap[0]);
	}
	if (dma->mode >= 2) {
		ethosu_op(s, 0x133, dma->planes);
		ethosu_op_wide(s, 0x4034, dma->src_gap[1]);
		ethosu_op_wide(s, 0x4036, dma->dst_gap[1]);
	}
	ethosu_op(s, 0x10, 0);
	ethosu_op(s, 0x11, 0);
}

void ethosu_fault(struct ethosu_stream *s, enum rig_fault_kind kind, uint32_t value)
{
	ethosu_op_wide(s, RIG_ETHOSU_FAULT, (uint64_t)kind << 32 | value);
}

void ethosu_stop(struct ethosu_stream *s)
{
	ethosu_op(s, 0, 0);
}

int ethosu_stream_create(int fd, const struct ethosu_stream *s, uint32_t *handle)
{
	struct drm_ethosu_cmdstream_bo_create create = {
		.size = s->count * 4,
		.data = (uintptr_t)s->words,
	};
	int ret = raw_ioctl(fd, DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE, &create);

	*handle = create.handle;
	return ret;
}

int ethosu_submit(int fd, uint32_t stream, const uint32_t *regions, unsigned int count,
		  uint32_t sram, uint32_t perfmon)
{
	struct drm_ethosu_job job = { .cmd_bo = stream, .sram_size = sram };
	struct drm_ethosu_submit submit = {
		.jobs = (uintptr_t)&job,
		.job_count = 1,
		.perfmon_id = perfmon,
	};

	memcpy(job.region_bo_handles, regions, count * sizeof(*regions));
	return raw_ioctl(fd, DRM_IOCTL_ETHOSU_SUBMIT, &submit);
}
