/* SPDX-License-Identifier: MIT */
/* Structs that cross the public interface and may differ in size on its two sides. */
#include "core.h"

#include <errno.h>
#include <string.h>

#define SIZE_MIN sizeof(uint32_t)
#define SIZE_LIMIT 4096

static int read_size(const void *from, uint32_t *size)
{
	memcpy(size, from, sizeof(*size));
	if (*size < SIZE_MIN || *size > SIZE_LIMIT)
		return accel_core_fail(-EINVAL, "a struct of size %u: its first member must be its "
				       "size in bytes", *size);
	return 0;
}

static int copy_in(void *to, size_t known, const void *from, uint32_t size)
{
	const unsigned char *byte = from;
	size_t i;

	for (i = known; i < size; i++)
		if (byte[i])
			return accel_core_fail(-E2BIG, "byte %zu of a struct is set, and this "
					       "library knows %zu bytes of it", i, known);
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	return 0;
}

int accel_core_params(void *to, size_t known, const void *from, bool optional)
{
	uint32_t size;
	int ret;

	if (!from) {
		if (!optional)
			return accel_core_fail(-EINVAL, "params is NULL");
		memset(to, 0, known);
		return 0;
	}
	ret = read_size(from, &size);
	if (ret)
		return ret;
	return copy_in(to, known, from, size);
}

int accel_core_ext(void *to, size_t known, const struct accel_ext *ext, uint32_t type)
{
	uint32_t size;
	int ret;

	if (!ext) {
		memset(to, 0, known);
		return 0;
	}
	ret = read_size(ext, &size);
	if (ret)
		return ret;
	if (size < sizeof(*ext) || ext->type != type)
		return accel_core_fail(-EINVAL, "ext is not the struct that is expected here: "
				       "type 0x%x, not 0x%x", size < sizeof(*ext) ? 0 : ext->type,
				       type);
	ret = copy_in(to, known, ext, size);
	return ret ? ret : 1;
}

int params_check_out(const void *to)
{
	uint32_t size;

	if (!to)
		return accel_core_fail(-EINVAL, "the struct to be filled is NULL");
	return read_size(to, &size);
}

int accel_core_params_out(void *to, const void *from, size_t known)
{
	uint32_t size;
	int ret;

	if (!to)
		return accel_core_fail(-EINVAL, "the struct to be filled is NULL");
	ret = read_size(to, &size);
	if (ret)
		return ret;
	memset((char *)to + sizeof(size), 0, size - sizeof(size));
	if (size < known)
		known = size;
	memcpy((char *)to + sizeof(size), (const char *)from + sizeof(size), known - sizeof(size));
	return 0;
}
