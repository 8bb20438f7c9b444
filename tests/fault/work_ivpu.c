/* SPDX-License-Identifier: MIT */
/* Jobs for Intel's NPUs; one is made by the library's own means. */
#include "fault.h"

#include <accel/ivpu.h>
#include <errno.h>
#include <string.h>

#include "../conformance/workload.h"

#define BUILT SUITE_KINDS

/* Its own part of the buffer that is written. */
#define PART  ((uint64_t)BUILT * 4096)
#define FROM  512
#define BYTES 1000

static const int of_memory[] = {-ENOMEM, 0};
static const int of_finish[] = {-ENOMEM, -EMFILE, -ENFILE, 0};
static const int of_param[] = {-EIO, -ENODEV, 0};
static const int of_metrics[] = {-ENOMEM, -EIO, 0};
static const int of_read[] = {-ESTALE, -EIO, 0};

static int fill_list(struct accel_ivpu_list *list, struct accel_bo *in, struct accel_bo *out)
{
	int ret;

	ret = check("accel_ivpu_list_fill", accel_ivpu_list_fill(list, out, PART, 64, 0x33333333),
		    of_memory);
	if (!ret)
		ret = check("accel_ivpu_list_barrier", accel_ivpu_list_barrier(list), of_memory);
	if (!ret)
		ret = check("accel_ivpu_list_copy",
			    accel_ivpu_list_copy(list, out, PART + 64, in, FROM, BYTES), of_memory);
	return ret;
}

static int build(struct accel_context *context, struct accel_queue *queue, struct accel_bo *in,
		 struct accel_bo *out, struct accel_job **job)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	int ret;

	ret = check("accel_ivpu_list_create", accel_ivpu_list_create(context, &list), of_memory);
	if (ret)
		return ret;
	ret = fill_list(list, in, out);
	if (!ret)
		ret = check("accel_ivpu_list_finish", accel_ivpu_list_finish(list, &params),
			    of_finish);
	if (!ret) {
		ret = accel_job_create(queue, &params, job);
		accel_bo_unref(params.commands);
	}
	accel_ivpu_list_unref(list);
	return ret;
}

static int make(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	if (kind == BUILT)
		return build(context, queue, in, out, job);
	return suite_make(&workload_ivpu, context, queue, kind, in, out, job);
}

static bool verify(unsigned int kind, const void *in, const void *out)
{
	const unsigned char *part = (const unsigned char *)out + PART;
	unsigned int i;

	if (kind != BUILT)
		return suite_verify(kind, in, out);
	for (i = 0; i < 64; i++)
		if (part[i] != 0x33)
			return false;
	return !memcmp(part + 64, (const unsigned char *)in + FROM, BYTES) && !part[64 + BYTES];
}

static void use_metrics(struct accel_context *context)
{
	struct accel_ivpu_metrics_params params = {
		.size = sizeof(params), .samples = 16, .groups = 1, .period_ns = 1000000};
	struct accel_ivpu_metrics *metrics;
	unsigned char data[1024];
	uint64_t got;

	check("accel_ivpu_metrics_describe", accel_ivpu_metrics_describe(context, 1, NULL, 0, &got),
	      of_metrics);
	if (check("accel_ivpu_metrics_start", accel_ivpu_metrics_start(context, &params, &metrics),
		  of_metrics))
		return;
	check("accel_ivpu_metrics_read", accel_ivpu_metrics_read(metrics, data, sizeof(data), &got),
	      of_read);
	accel_ivpu_metrics_unref(metrics);
}

static void vendor(struct accel_context *context)
{
	uint64_t value = 0x7d1d;

	check("accel_ivpu_get_param",
	      accel_ivpu_get_param(context, ACCEL_IVPU_PARAM_SKU, 0, &value), of_param);
	use_metrics(context);
}

const struct work work_ivpu = {
	.driver = "intel_vpu",
	.count = SUITE_KINDS + 1,
	.out = 0,
	.by_index = 0,
	.fill = suite_fill,
	.make = make,
	.verify = verify,
	.vendor = vendor,
};
