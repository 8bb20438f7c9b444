// SPDX-License-Identifier: GPL-2.0
/* NPU jobs as the raw programs make them: buffers, queues, and command lists. */
#include "raw-ivpu.h"

#include <string.h>
#include <sys/mman.h>

#include "raw.h"

#define LIST_BYTES	8192
#define DESCRIPTORS	4096	/* where they begin */

struct header {
	uint32_t bytes, first, version, reserved;
	uint64_t descriptors, timestamp, fences, save_area;
};

struct descriptor {
	uint64_t reserved[2], from, to;
	uint32_t bytes, reserved2[7];
};

int ivpu_bo_create(int fd, uint64_t bytes, uint32_t flags, struct ivpu_bo *bo)
{
	struct drm_ivpu_bo_create create = { .size = bytes, .flags = flags };
	struct drm_ivpu_bo_info info = { 0 };
	int ret = raw_ioctl(fd, DRM_IOCTL_IVPU_BO_CREATE, &create);

	memset(bo, 0, sizeof(*bo));
	if (ret)
		return ret;
	bo->handle = info.handle = create.handle;
	bo->address = create.vpu_addr;
	ret = raw_ioctl(fd, DRM_IOCTL_IVPU_BO_INFO, &info);
	if (ret)
		return ret;
	bo->bytes = info.size;
	if (!(flags & DRM_IVPU_BO_MAPPABLE))
		return 0;
	bo->map = mmap(NULL, bo->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, info.mmap_offset);
	if (bo->map == MAP_FAILED)
		bo->map = NULL;
	return check(bo->map, "mmap of a buffer") ? 0 : -1;
}

int ivpu_bo_import(int fd, int dmabuf, struct ivpu_bo *bo)
{
	struct drm_ivpu_bo_info info = { 0 };
	int ret;

	memset(bo, 0, sizeof(*bo));
	ret = raw_import(fd, dmabuf, &bo->handle);
	if (ret)
		return ret;
	info.handle = bo->handle;
	ret = raw_ioctl(fd, DRM_IOCTL_IVPU_BO_INFO, &info);
	bo->address = info.vpu_addr;
	bo->bytes = info.size;
	return ret;
}

void ivpu_bo_destroy(int fd, struct ivpu_bo *bo)
{
	if (bo->map)
		munmap(bo->map, bo->bytes);
	if (bo->handle)
		raw_close_handle(fd, bo->handle);
}

int ivpu_bo_wait(int fd, const struct ivpu_bo *bo, int64_t ms, uint32_t *status)
{
	struct drm_ivpu_bo_wait wait = {
		.handle = bo->handle,
		.timeout_ns = raw_deadline(ms),
	};
	int ret = raw_ioctl(fd, DRM_IOCTL_IVPU_BO_WAIT, &wait);

	if (!ret && status)
		*status = wait.job_status;
	return ret;
}

int ivpu_param(int fd, uint32_t param, uint32_t index, uint64_t *value)
{
	struct drm_ivpu_param get = { .param = param, .index = index };
	int ret = raw_ioctl(fd, DRM_IOCTL_IVPU_GET_PARAM, &get);

	*value = get.value;
	return ret;
}

bool ivpu_has(int fd, uint32_t capability)
{
	uint64_t value;

	return !ivpu_param(fd, DRM_IVPU_PARAM_CAPABILITIES, capability, &value) && value;
}

void ivpu_list_restart(struct ivpu_list *list)
{
	struct header header = {
		.bytes = sizeof(header),
		.first = sizeof(header),
		.version = 4 << 16 | 14,
		.descriptors = list->bo.address + DESCRIPTORS,
	};

	memset(list->bo.map, 0, list->bo.bytes);
	memcpy(list->bo.map, &header, sizeof(header));
	list->bytes = sizeof(header);
	list->descriptors = 0;
}

int ivpu_list_create(int fd, struct ivpu_list *list)
{
	int ret = ivpu_bo_create(fd, LIST_BYTES, DRM_IVPU_BO_MAPPABLE, &list->bo);

	if (!ret)
		ivpu_list_restart(list);
	return ret;
}

static void append(struct ivpu_list *list, uint16_t type, uint16_t bytes, uint32_t word,
		   uint64_t first, uint64_t second, uint64_t third)
{
	struct {
		uint16_t type, bytes;
		uint32_t word;
		uint64_t arguments[3];
	} command = { type, bytes, word, { first, second, third } };

	if (!check(list->bytes + bytes <= DESCRIPTORS, "no room in the command list"))
		return;
	memcpy(list->bo.map + list->bytes, &command,
	       bytes < sizeof(command) ? bytes : sizeof(command));
	list->bytes += bytes;
	memcpy(list->bo.map, &list->bytes, sizeof(list->bytes));
}

void ivpu_command(struct ivpu_list *list, uint16_t type, uint16_t bytes)
{
	append(list, type, bytes, 0, 0, 0, 0);
}

void ivpu_nop(struct ivpu_list *list)
{
	ivpu_command(list, 0x0001, 8);
}

void ivpu_barrier(struct ivpu_list *list)
{
	ivpu_command(list, 0x0103, 8);
}

void ivpu_timestamp(struct ivpu_list *list, uint64_t address)
{
	append(list, 0x0100, 16, 0, address, 0, 0);
}

void ivpu_fence_wait(struct ivpu_list *list, uint64_t address, uint64_t value)
{
	append(list, 0x0101, 24, 0, address, value, 0);
}

void ivpu_fence_signal(struct ivpu_list *list, uint64_t address, uint64_t value)
{
	append(list, 0x0102, 24, 0, address, value, 0);
}

void ivpu_fill(struct ivpu_list *list, uint64_t address, uint64_t bytes, uint32_t pattern)
{
	append(list, 0x0202, 32, 0, address, bytes, pattern);
}

void ivpu_copy(struct ivpu_list *list, uint64_t to, uint64_t from, uint32_t bytes)
{
	struct descriptor descriptor = { .from = from, .to = to, .bytes = bytes };
	uint32_t offset = list->descriptors++ * sizeof(descriptor);

	if (!check(DESCRIPTORS + offset + sizeof(descriptor) <= LIST_BYTES, "no room for a copy"))
		return;
	memcpy(list->bo.map + DESCRIPTORS + offset, &descriptor, sizeof(descriptor));
	append(list, 0x0302, 24, 0, offset, 1, 0);
}

void ivpu_fault(struct ivpu_list *list, enum rig_fault_kind kind, uint32_t value)
{
	append(list, 0x0306, 32, 0, (uint64_t)RIG_IVPU_FAULT << 48 | (uint64_t)kind << 32 | value,
	       0, 0);
}

int ivpu_queue_create(int fd, uint32_t priority, uint32_t *id)
{
	struct drm_ivpu_cmdq_create create = { .priority = priority };
	int ret = raw_ioctl(fd, DRM_IOCTL_IVPU_CMDQ_CREATE, &create);

	*id = create.cmdq_id;
	return ret;
}

int ivpu_queue_destroy(int fd, uint32_t id)
{
	struct drm_ivpu_cmdq_destroy destroy = { .cmdq_id = id };

	return raw_ioctl(fd, DRM_IOCTL_IVPU_CMDQ_DESTROY, &destroy);
}

int ivpu_submit(int fd, uint32_t queue, uint32_t priority, const struct ivpu_list *list,
		const uint32_t *others, unsigned int count)
{
	uint32_t handles[16] = { list->bo.handle };
	struct drm_ivpu_cmdq_submit to_queue = {
		.buffers_ptr = (uintptr_t)handles,
		.buffer_count = count + 1,
		.cmdq_id = queue,
	};
	struct drm_ivpu_submit submit = {
		.buffers_ptr = (uintptr_t)handles,
		.buffer_count = count + 1,
		.priority = priority,
	};

	memcpy(handles + 1, others, count * sizeof(*others));
	return queue ? raw_ioctl(fd, DRM_IOCTL_IVPU_CMDQ_SUBMIT, &to_queue) :
	       raw_ioctl(fd, DRM_IOCTL_IVPU_SUBMIT, &submit);
}
