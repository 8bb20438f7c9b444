/* SPDX-License-Identifier: MIT */
/* Deadlines: absolute times of CLOCK_MONOTONIC in nanoseconds. */
#include "core.h"

#include <errno.h>

bool accel_core_expired(int64_t deadline)
{
	if (deadline == ACCEL_NO_DEADLINE)
		return false;
	return deadline <= 0 || deadline <= accel_core_sys.now();
}

int64_t accel_core_left(int64_t deadline, int64_t slice)
{
	int64_t left;

	if (deadline == ACCEL_NO_DEADLINE)
		return slice;
	if (deadline <= 0)
		return 0;
	left = deadline - accel_core_sys.now();
	if (left <= 0)
		return 0;
	return left < slice ? left : slice;
}

int accel_deadline(uint64_t ns, int64_t *deadline)
{
	int64_t now;
	int ret = process_enter();

	if (ret)
		return ret;
	if (!deadline)
		return accel_core_fail(-EINVAL, "deadline is NULL");
	now = accel_core_sys.now();
	if (ns >= (uint64_t)(ACCEL_NO_DEADLINE - now))
		*deadline = ACCEL_NO_DEADLINE;
	else
		*deadline = now + (int64_t)ns;
	return 0;
}
