/* SPDX-License-Identifier: MIT */
/* Jobs of real devices, as the workloads of the conformance suite make them: copies and fills. */
#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "../conformance/conformance.h"
#include "../conformance/workload.h"

/* Its own part of the buffer that is written. */
#define PART  4096
#define AT(k) ((uint64_t)(k)*PART)

static const struct {
	uint64_t from, bytes;
	uint8_t value; /* 0: a copy */
} jobs[SUITE_KINDS] = {
	{3, 4001, 0}, {0, 1000, 0x5a}, {8192, PART, 0}, {100, 1, 0}, {0, 64, 0xa5},
};

/* Of a kind that isn't one of these. */
#define COPY_FROM  512
#define COPY_BYTES 2048

void suite_fill(void *in)
{
	unsigned char *bytes = in;
	int i;

	for (i = 0; i < WORK_BYTES; i++)
		bytes[i] = (unsigned char)(i % 251 + 1);
}

static void drop(struct request *request)
{
	size_t i;

	for (i = 0; i < sizeof(request->scratch) / sizeof(request->scratch[0]); i++)
		accel_bo_unref(request->scratch[i]);
}

int suite_make(const struct workload *workload, struct accel_context *context,
	       struct accel_queue *queue, unsigned int kind, struct accel_bo *in,
	       struct accel_bo *out, struct accel_job **job)
{
	struct request request = {.params.size = sizeof(request.params)};
	int ret;

	if (jobs[kind].value)
		ret = workload->fill(context, &request, out, AT(kind), jobs[kind].bytes,
				     jobs[kind].value);
	else
		ret = workload->copy(context, &request, out, AT(kind), in, jobs[kind].from,
				     jobs[kind].bytes);
	if (!ret)
		ret = accel_job_create(queue, &request.params, job);
	drop(&request);
	return ret;
}

int suite_make_copy(const struct workload *workload, struct accel_context *context,
		    struct accel_queue *queue, unsigned int kind, struct accel_bo *in,
		    struct accel_bo *out, int (*change)(struct request *request, void *data),
		    void *data, struct accel_job **job)
{
	struct request request = {.params.size = sizeof(request.params)};
	int ret;

	ret = workload->copy(context, &request, out, AT(kind), in, COPY_FROM, COPY_BYTES);
	if (!ret)
		ret = change(&request, data);
	if (!ret)
		ret = accel_job_create(queue, &request.params, job);
	drop(&request);
	return ret;
}

static bool is_copied(const unsigned char *part, const unsigned char *from, uint64_t bytes)
{
	return !memcmp(part, from, bytes) && (bytes == PART || !part[bytes]);
}

bool suite_verify_copy(unsigned int kind, const void *in, const void *out)
{
	return is_copied((const unsigned char *)out + AT(kind),
			 (const unsigned char *)in + COPY_FROM, COPY_BYTES);
}

bool suite_verify(unsigned int kind, const void *in, const void *out)
{
	const unsigned char *part = (const unsigned char *)out + AT(kind);
	uint64_t i;

	if (!jobs[kind].value)
		return is_copied(part, (const unsigned char *)in + jobs[kind].from,
				 jobs[kind].bytes);
	for (i = 0; i < jobs[kind].bytes; i++)
		if (part[i] != jobs[kind].value)
			return false;
	return !part[i];
}

/* How a workload ends a check that can't be. None does so for the kinds above. */
void skip_check(const char *format, ...)
{
	(void)format;
	abort();
}
