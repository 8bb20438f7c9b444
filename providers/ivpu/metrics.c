/* SPDX-License-Identifier: MIT */
/* Streams of metrics: the kernel's metric streamer, which names them by their groups. */
#include "ivpu_internal.h"

#include <errno.h>
#include <string.h>

#define PERIOD_MIN_NS 1000000

static int check_support(struct accel_context *context)
{
	const int ret = accel_core_enter(context, NAME);

	if (ret || ivpu_context(context)->metrics)
		return ret;
	return accel_core_fail(-EOPNOTSUPP, "this kernel has no metric streamer (Linux 6.12 has)");
}

int accel_ivpu_metrics_start(struct accel_context *context,
			     const struct accel_ivpu_metrics_params *params,
			     struct accel_ivpu_metrics **out)
{
	struct drm_ivpu_metric_streamer_start ask;
	struct accel_ivpu_metrics_params known;
	struct accel_ivpu_metrics *metrics;
	int ret;

	ret = check_support(context);
	if (!ret)
		ret = accel_core_params(&known, sizeof(known), params, false);
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	if (!known.groups || !known.samples || known.period_ns < PERIOD_MIN_NS)
		return accel_core_fail(-EINVAL,
				       "no group, no samples, or a period of less than %d ns",
				       PERIOD_MIN_NS);
	metrics = accel_core_sys.alloc(sizeof(*metrics));
	if (!metrics)
		return accel_core_fail(-ENOMEM, "no memory for a stream of metrics");
	ask = (struct drm_ivpu_metric_streamer_start){
		.metric_group_mask = known.groups,
		.sampling_period_ns = known.period_ns,
		.read_period_samples = known.samples,
	};
	ret = ivpu_ioctl(context, DRM_IOCTL_IVPU_METRIC_STREAMER_START, &ask);
	if (ret)
		goto fail;
	metrics->context = accel_context_ref(context);
	metrics->refs = 1;
	metrics->groups = known.groups;
	metrics->sample_bytes = ask.sample_size;
	metrics->bytes_max = ask.max_data_size;
	*out = metrics;
	return 0;

fail:
	accel_core_sys.free(metrics);
	if (ret == -EALREADY)
		return accel_core_fail(ret, "the context has a stream of these groups");
	if (ret == -EINVAL)
		return accel_core_fail(ret, "the driver has no memory for %u samples",
				       known.samples);
	return ivpu_failed(context, ret, "METRIC_STREAMER_START");
}

static int enter(const struct accel_ivpu_metrics *metrics)
{
	return accel_core_enter(metrics ? metrics->context : NULL, NAME);
}

int accel_ivpu_metrics_get_info(struct accel_ivpu_metrics *metrics,
				struct accel_ivpu_metrics_info *out)
{
	struct accel_ivpu_metrics_info info = {.size = sizeof(info)};
	int ret;

	ret = enter(metrics);
	if (ret)
		return ret;
	info.sample_bytes = metrics->sample_bytes;
	info.bytes_max = metrics->bytes_max;
	return accel_core_params_out(out, &info, sizeof(info));
}

static int ask_for_data(struct accel_context *context, unsigned long request, uint64_t groups,
			void *to, uint64_t bytes, uint64_t *got)
{
	struct drm_ivpu_metric_streamer_get_data ask = {
		.metric_group_mask = groups,
		.buffer_ptr = (uintptr_t)to,
		.buffer_size = bytes,
	};
	const int ret = ivpu_ioctl(context, request, &ask);

	if (!ret)
		*got = ask.data_size;
	return ret;
}

int accel_ivpu_metrics_read(struct accel_ivpu_metrics *metrics, void *to, uint64_t bytes,
			    uint64_t *got)
{
	int ret;

	ret = enter(metrics);
	if (ret)
		return ret;
	if (!got || (bytes && !to))
		return accel_core_fail(-EINVAL, "%s is NULL", got ? "to" : "got");
	ret = ask_for_data(metrics->context, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA,
			   metrics->groups, to, bytes, got);
	if (ret == -EINVAL)
		return accel_core_fail(-ESTALE, "the device was reset, and the stream is gone");
	return ret ? ivpu_failed(metrics->context, ret, "METRIC_STREAMER_GET_DATA") : 0;
}

int accel_ivpu_metrics_describe(struct accel_context *context, uint64_t groups, void *to,
				uint64_t bytes, uint64_t *got)
{
	int ret;

	ret = check_support(context);
	if (ret)
		return ret;
	if (!groups || !got || (bytes && !to))
		return accel_core_fail(-EINVAL, "no group, or got or to is NULL");
	ret = ask_for_data(context, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, groups, to, bytes,
			   got);
	if (ret == -ENOSPC)
		return accel_core_fail(ret, "the description has more than %llu bytes",
				       (unsigned long long)bytes);
	return ret ? ivpu_failed(context, ret, "METRIC_STREAMER_GET_INFO") : 0;
}

struct accel_ivpu_metrics *accel_ivpu_metrics_ref(struct accel_ivpu_metrics *metrics)
{
	if (metrics)
		atomic_fetch_add(&metrics->refs, 1);
	return metrics;
}

void accel_ivpu_metrics_unref(struct accel_ivpu_metrics *metrics)
{
	struct drm_ivpu_metric_streamer_stop ask;

	if (!metrics || atomic_fetch_sub(&metrics->refs, 1) != 1)
		return;
	ask = (struct drm_ivpu_metric_streamer_stop){.metric_group_mask = metrics->groups};
	/* In a forked child the stream is the parent's. */
	if (!enter(metrics))
		ivpu_ioctl(metrics->context, DRM_IOCTL_IVPU_METRIC_STREAMER_STOP, &ask);
	accel_context_unref(metrics->context);
	accel_core_sys.free(metrics);
}
