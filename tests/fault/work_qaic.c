/* SPDX-License-Identifier: MIT */
/* Jobs for qaic, as the rig's model of it runs them; one has a limit for a moment. */
#include "fault.h"

#include <accel/qaic.h>
#include <errno.h>
#include <string.h>

#include "../conformance/workload.h"

#define LIMITED SUITE_KINDS

static const int of_talk[] = {-ENOMEM, -EIO, -EAGAIN, 0};
static const int nothing[] = {0};

static int as_it_is(struct request *request, void *data)
{
	(void)request, (void)data;
	return 0;
}

/* A copy whose limit is set and taken off again. */
static int make_limited(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
			struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	static const int of_limit[] = {-ENOMEM, 0};
	int ret;

	ret = suite_make_copy(&workload_qaic, context, queue, kind, in, out, as_it_is, NULL, job);
	if (ret)
		return ret;
	check("accel_qaic_job_set_limit", accel_qaic_job_set_limit(*job, 0, 1000), of_limit);
	check("accel_qaic_job_set_limit", accel_qaic_job_set_limit(*job, 0, 0), nothing);
	return 0;
}

static int make(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		struct accel_bo *in, struct accel_bo *out, struct accel_job **job)
{
	return kind == LIMITED ? make_limited(context, queue, kind, in, out, job)
			       : suite_make(&workload_qaic, context, queue, kind, in, out, job);
}

static bool verify(unsigned int kind, const void *in, const void *out)
{
	return kind == LIMITED ? suite_verify_copy(kind, in, out) : suite_verify(kind, in, out);
}

static void vendor(struct accel_context *context)
{
	struct accel_qaic_info info = {.size = sizeof(info)};
	int64_t deadline;

	check("accel_deadline", accel_deadline(10000000000ull, &deadline), nothing);
	if (!check("accel_qaic_get_info", accel_qaic_get_info(context, deadline, &info), of_talk) &&
	    info.major != 5)
		complain("the control protocol is of version %u", info.major);
}

const struct work work_qaic = {
	.driver = "qaic",
	.count = SUITE_KINDS + 1,
	.out = 1,
	.by_index = SUITE_KINDS + 1,
	.once = true,
	.fill = suite_fill,
	.make = make,
	.verify = verify,
	.vendor = vendor,
};
