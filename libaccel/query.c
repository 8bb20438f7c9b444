/* SPDX-License-Identifier: MIT */
/* Facts about a context, by key. */
#include "core.h"

#include <errno.h>

static bool is_level(uint32_t key)
{
	return key >= ACCEL_HAS_ADDRESS && key <= ACCEL_HAS_JOB_TIMEOUT;
}

static bool is_number(uint32_t key)
{
	return key >= ACCEL_QUEUES_PARALLEL && key <= ACCEL_JOB_BO_ONCE;
}

/* What the library can emulate only with a thread. */
static bool needs_thread(uint32_t key)
{
	return key == ACCEL_HAS_WAIT_FENCES || key == ACCEL_HAS_FENCE_FD;
}

int accel_query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	uint64_t got = ACCEL_ABSENT;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !value)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "value" : "context");
	if (!is_level(key) && !is_number(key))
		return accel_core_fail(-EINVAL, "there is no key 0x%x", key);
	ret = context->provider->ops->query(context, key, &got);
	if (ret == -EINVAL && is_level(key))
		got = key == ACCEL_HAS_CANCEL ? ACCEL_EMULATED : ACCEL_ABSENT;
	else if (ret == -EINVAL || ret == -EOPNOTSUPP)
		return accel_core_fail(-EOPNOTSUPP, "this driver can't tell key 0x%x", key);
	else if (ret)
		return ret;
	if (needs_thread(key) && got == ACCEL_EMULATED &&
	    (context->open_flags & ACCEL_OPEN_NO_THREADS))
		got = ACCEL_ABSENT;
	if (key == ACCEL_BO_BYTES_MAX && got > SIZE_MAX) /* of a process of 32 bits */
		got = SIZE_MAX;
	*value = got;
	return 0;
}
