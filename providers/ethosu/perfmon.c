/* SPDX-License-Identifier: MIT */
/* Performance monitors of ethosu. */
#include "ethosu_internal.h"

#include <errno.h>
#include <string.h>

static int check(const struct ethosu_context *context, const uint16_t *events, uint32_t count)
{
	const unsigned int last = context->u65 ? 433 : 671;
	uint32_t i;

	if (!context->npu.pmu_counters)
		return accel_core_fail(-EOPNOTSUPP, "this kernel or device has no performance "
						    "monitor");
	if (count && !events)
		return accel_core_fail(-EINVAL, "events is NULL");
	if (count > context->npu.pmu_counters || count > DRM_ETHOSU_MAX_PERF_EVENT_COUNTERS)
		return accel_core_fail(-EINVAL, "%u events: this device counts %u at once", count,
				       context->npu.pmu_counters);
	for (i = 0; i < count; i++)
		if (events[i] > last)
			return accel_core_fail_at(-EINVAL, i, UINT64_MAX,
						  "event %u: the last of this device is %u",
						  events[i], last);
	return 0;
}

int accel_ethosu_perfmon_create(struct accel_context *context, const uint16_t *events,
				uint32_t count, struct accel_ethosu_perfmon **out)
{
	struct accel_ethosu_perfmon *perfmon;
	struct drm_ethosu_perfmon_create ask;
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	ret = check(ethosu_context(context), events, count);
	if (ret)
		return ret;
	perfmon = accel_core_sys.alloc(sizeof(*perfmon));
	if (!perfmon)
		return accel_core_fail(-ENOMEM, "no memory for a performance monitor");
	do { /* the call dirties its struct even when it fails */
		memset(&ask, 0, sizeof(ask));
		ask.ncounters = count;
		if (count)
			memcpy(ask.counters, events, count * sizeof(*events));
		ret = accel_core_sys.ioctl(context->fd, DRM_IOCTL_ETHOSU_PERFMON_CREATE, &ask);
	} while (ret == -EINTR);
	if (ret) {
		accel_core_sys.free(perfmon);
		return accel_core_fail(ret == -EINVAL ? -EOPNOTSUPP : ret, "PERFMON_CREATE: %s",
				       strerror(-ret));
	}
	perfmon->context = accel_context_ref(context);
	perfmon->refs = 1;
	perfmon->id = ask.id;
	perfmon->count = count;
	*out = perfmon;
	return 0;
}

/* Through the handle of an object: the context tells whether we are in a child. */
static int enter(const struct accel_ethosu_perfmon *perfmon)
{
	return accel_core_enter(perfmon ? perfmon->context : NULL, NAME);
}

int accel_ethosu_perfmon_read(struct accel_ethosu_perfmon *perfmon, uint64_t *counts,
			      uint32_t count, uint64_t *cycles)
{
	uint64_t values[DRM_ETHOSU_MAX_PERF_COUNTERS];
	struct drm_ethosu_perfmon_get_values ask;
	int ret;

	ret = enter(perfmon);
	if (ret)
		return ret;
	if (count != perfmon->count || (count && !counts))
		return accel_core_fail(-EINVAL, "the monitor counts %u kinds of events, not %u",
				       perfmon->count, count);
	ask = (struct drm_ethosu_perfmon_get_values){
		.id = perfmon->id,
		.values_ptr = (uintptr_t)values,
	};
	ret = accel_core_ioctl(perfmon->context->fd, DRM_IOCTL_ETHOSU_PERFMON_GET_VALUES, &ask);
	if (ret)
		return accel_core_fail(ret, "PERFMON_GET_VALUES: %s", strerror(-ret));
	if (count)
		memcpy(counts, values, count * sizeof(*counts));
	if (cycles)
		*cycles = values[count];
	return 0;
}

/* @expected is the kernel's word for what @sentence says. */
static int set_global(struct accel_ethosu_perfmon *perfmon, uint32_t flags, int expected, int err,
		      const char *sentence)
{
	struct drm_ethosu_perfmon_set_global ask;
	int ret;

	ret = enter(perfmon);
	if (ret)
		return ret;
	ask = (struct drm_ethosu_perfmon_set_global){.flags = flags, .id = perfmon->id};
	ret = accel_core_ioctl(perfmon->context->fd, DRM_IOCTL_ETHOSU_PERFMON_SET_GLOBAL, &ask);
	if (ret == expected)
		return accel_core_fail(err, "%s", sentence);
	return ret ? accel_core_fail(ret, "PERFMON_SET_GLOBAL: %s", strerror(-ret)) : 0;
}

int accel_ethosu_perfmon_set_global(struct accel_ethosu_perfmon *perfmon)
{
	return set_global(perfmon, 0, -EBUSY, -EBUSY,
			  "another performance monitor is global or counts");
}

int accel_ethosu_perfmon_clear_global(struct accel_ethosu_perfmon *perfmon)
{
	/* The monitor exists, so this is the only thing that can be wrong. */
	return set_global(perfmon, DRM_ETHOSU_PERFMON_CLEAR_GLOBAL, -EINVAL, -ENOENT,
			  "no performance monitor is global");
}

struct accel_ethosu_perfmon *accel_ethosu_perfmon_ref(struct accel_ethosu_perfmon *perfmon)
{
	if (perfmon)
		atomic_fetch_add(&perfmon->refs, 1);
	return perfmon;
}

void accel_ethosu_perfmon_unref(struct accel_ethosu_perfmon *perfmon)
{
	struct drm_ethosu_perfmon_destroy ask;

	if (!perfmon || atomic_fetch_sub(&perfmon->refs, 1) != 1)
		return;
	ask = (struct drm_ethosu_perfmon_destroy){.id = perfmon->id};
	/* In a forked child the monitor is the parent's. */
	if (!enter(perfmon))
		accel_core_ioctl(perfmon->context->fd, DRM_IOCTL_ETHOSU_PERFMON_DESTROY, &ask);
	accel_context_unref(perfmon->context);
	accel_core_sys.free(perfmon);
}
