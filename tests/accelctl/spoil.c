/* SPDX-License-Identifier: MIT */
/*
 * A preload library: a device that is faulty. Of each buffer that is taken for reading the
 * fourth byte and the last have changed.
 */
#include <accel/accel.h>
#include <dlfcn.h>
#include <stdint.h>

int accel_bo_begin_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes,
			  int64_t deadline)
{
	int (*real)(struct accel_bo *, uint32_t, uint64_t, uint64_t, int64_t);
	uint8_t *seen;
	int ret;

	*(void **)&real = dlsym(RTLD_NEXT, "accel_bo_begin_access");
	ret = real(bo, flags, offset, bytes, deadline);
	if (!ret && (flags & ACCEL_ACCESS_READ) && bytes > 4 && !accel_bo_map(bo, (void **)&seen)) {
		seen[offset + 3] ^= 0x40;
		seen[offset + bytes - 1] ^= 1;
	}
	return ret;
}
