/* SPDX-License-Identifier: MIT */
/* Jobs for the Ethos-U; one has a performance monitor. */
#include "fault.h"

#include <accel/ethosu.h>
#include <errno.h>
#include <string.h>

#include "../conformance/workload.h"

#define COUNTED SUITE_KINDS

static const int of_perfmon[] = {-ENOMEM, 0};
static const int of_global[] = {-EBUSY, 0};
static const int nothing[] = {0};

static struct accel_ethosu_perfmon *make_perfmon(struct accel_context *context)
{
	struct accel_ethosu_perfmon *perfmon = NULL;
	const uint16_t events[] = {0x11, 0x20};

	check("accel_ethosu_perfmon_create",
	      accel_ethosu_perfmon_create(context, events, 2, &perfmon), of_perfmon);
	return perfmon;
}

static int count_it(struct request *request, void *data)
{
	const struct accel_ethosu_job ext = {
		.head = {sizeof(ext), ACCEL_ETHOSU_JOB}, .region = {0, 1}, .perfmon = data};

	memcpy(request->ext, &ext, sizeof(ext));
	request->params.ext = (const struct accel_ext *)(const void *)request->ext;
	return 0;
}

static int make(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	struct accel_ethosu_perfmon *perfmon;
	int ret;

	if (kind != COUNTED)
		return suite_make(&workload_ethosu, context, queue, kind, in, out, job);
	perfmon = make_perfmon(context);
	if (!perfmon)
		return -ENOMEM;
	ret = suite_make_copy(&workload_ethosu, context, queue, kind, in, out, count_it, perfmon,
			      job);
	accel_ethosu_perfmon_unref(perfmon);
	return ret;
}

static bool verify(unsigned int kind, const void *in, const void *out)
{
	return kind == COUNTED ? suite_verify_copy(kind, in, out) : suite_verify(kind, in, out);
}

static void vendor(struct accel_context *context)
{
	struct accel_ethosu_info info = {.size = sizeof(info)};
	struct accel_ethosu_perfmon *perfmon;
	uint64_t counts[2], cycles;

	check("accel_ethosu_get_info", accel_ethosu_get_info(context, &info), nothing);
	if (info.model != 65 && info.model != 85)
		complain("the device is an Ethos-U%u", info.model);
	perfmon = make_perfmon(context);
	if (!perfmon)
		return;
	check("accel_ethosu_perfmon_read", accel_ethosu_perfmon_read(perfmon, counts, 2, &cycles),
	      nothing);
	if (!check("accel_ethosu_perfmon_set_global", accel_ethosu_perfmon_set_global(perfmon),
		   of_global))
		check("accel_ethosu_perfmon_clear_global",
		      accel_ethosu_perfmon_clear_global(perfmon), of_global);
	accel_ethosu_perfmon_unref(perfmon);
}

const struct work work_ethosu = {
	.driver = "ethosu",
	.count = SUITE_KINDS + 1,
	.out = 0,
	.by_index = SUITE_KINDS + 1,
	.fill = suite_fill,
	.make = make,
	.verify = verify,
	.vendor = vendor,
};
