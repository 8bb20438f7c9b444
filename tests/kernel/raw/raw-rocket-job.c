// SPDX-License-Identifier: GPL-2.0
/* Rocket jobs as the raw programs make them: buffers and register command lists. */
#include "raw-rocket.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"

int rocket_bo_create(int fd, uint32_t bytes, struct rocket_bo *bo)
{
	struct drm_rocket_create_bo create = { .size = bytes };
	int ret = raw_ioctl(fd, DRM_IOCTL_ROCKET_CREATE_BO, &create);

	memset(bo, 0, sizeof(*bo));
	if (ret)
		return ret;
	bo->handle = create.handle;
	bo->address = create.dma_address;
	bo->bytes = bytes;
	bo->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, create.offset);
	return check(bo->map != MAP_FAILED, "mmap of a buffer") ? 0 : -1;
}

void rocket_bo_destroy(int fd, struct rocket_bo *bo)
{
	if (bo->map)
		munmap(bo->map, bo->bytes);
	if (bo->handle)
		raw_close_handle(fd, bo->handle);
}

void rocket_settle(int fd, uint32_t lowest, uint32_t bytes)
{
	struct drm_rocket_create_bo probe;
	unsigned int tries;

	/* Larger than what lies between any two buffers, so that it goes first or not at all. */
	for (tries = 0; tries < 10000; tries++) {
		probe = (struct drm_rocket_create_bo){ .size = bytes + 4096 };
		if (!check_equal(raw_ioctl(fd, DRM_IOCTL_ROCKET_CREATE_BO, &probe), 0, "CREATE_BO"))
			return;
		raw_close_handle(fd, probe.handle);
		if (probe.dma_address == lowest)
			return;
		usleep(1000);
	}
	check(false, "the file's buffers were never freed");
}

int rocket_prep(int fd, const struct rocket_bo *bo, int64_t ms)
{
	struct drm_rocket_prep_bo prep = {
		.handle = bo->handle,
		.timeout_ns = ms ? raw_deadline(ms) : 0,
	};

	return raw_ioctl(fd, DRM_IOCTL_ROCKET_PREP_BO, &prep);
}

int rocket_fini(int fd, const struct rocket_bo *bo)
{
	struct drm_rocket_fini_bo fini = { .handle = bo->handle };

	return raw_ioctl(fd, DRM_IOCTL_ROCKET_FINI_BO, &fini);
}

void rocket_task(struct rocket_lists *l)
{
	/* The hardware takes no address that is not a multiple of 16. */
	l->words = (l->words + 1) & ~1u;
	l->tasks[l->count].regcmd = l->bo.address + l->words * 8;
	l->tasks[l->count].regcmd_count = 0;
	l->count++;
}

void rocket_entry(struct rocket_lists *l, uint16_t target, uint16_t reg, uint32_t value)
{
	uint64_t entry = (uint64_t)target << 48 | (uint64_t)value << 16 | reg;

	memcpy(l->bo.map + l->words * 8, &entry, sizeof(entry));
	l->words++;
	l->tasks[l->count - 1].regcmd_count++;
}

void rocket_copy(struct rocket_lists *l, uint32_t from, uint32_t to, uint32_t width,
		 uint32_t height, uint32_t channels)
{
	rocket_entry(l, 0x0201, 0x1070, from);
	rocket_entry(l, 0x1001, 0x4020, to);
	rocket_entry(l, 0x1001, 0x4030, width - 1);
	rocket_entry(l, 0x1001, 0x4034, height - 1);
	rocket_entry(l, 0x1001, 0x403c, channels - 1);
	rocket_entry(l, 0x0081, 0x0008, 0x1d);
}

void rocket_fault(struct rocket_lists *l, enum rig_fault_kind kind, uint32_t value)
{
	rocket_entry(l, RIG_ROCKET_FAULT, kind, value);
}

int rocket_submit(int fd, struct rocket_lists *l, const uint32_t *in, uint32_t in_count,
		  const uint32_t *out, uint32_t out_count)
{
	struct drm_rocket_job job = {
		.tasks = (uintptr_t)l->tasks,
		.task_count = l->count,
		.task_struct_size = sizeof(l->tasks[0]),
		.in_bo_handles = (uintptr_t)in,
		.in_bo_handle_count = in_count,
		.out_bo_handles = (uintptr_t)out,
		.out_bo_handle_count = out_count,
	};
	struct drm_rocket_submit submit = {
		.jobs = (uintptr_t)&job,
		.job_count = 1,
		.job_struct_size = sizeof(job),
	};

	return raw_ioctl(fd, DRM_IOCTL_ROCKET_SUBMIT, &submit);
}
