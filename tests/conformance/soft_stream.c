/* SPDX-License-Identifier: MIT */
/* Command streams of the software device: building and running them. */
#include <errno.h>
#include "soft_stream.h"

#include <string.h>

size_t stream_add(struct stream *stream, const void *packet, size_t bytes)
{
	size_t at = stream->used;

	expect(at + bytes <= sizeof(stream->bytes));
	memcpy(stream->bytes + at, packet, bytes);
	stream->used += bytes;
	return at;
}

void stream_fill(struct stream *stream, uint32_t dst, uint64_t offset, uint64_t bytes,
		 uint32_t pattern)
{
	struct accel_soft_fill fill = {.head = {ACCEL_SOFT_FILL, 0, sizeof(fill)}};

	fill.dst.bo = dst;
	fill.dst.offset = offset;
	fill.bytes = bytes;
	fill.pattern = pattern;
	stream_add(stream, &fill, sizeof(fill));
}

static bool computes(const struct stream *stream)
{
	struct accel_soft_packet head;
	size_t at;

	for (at = 0; at + sizeof(head) <= stream->used; at += head.bytes) {
		memcpy(&head, stream->bytes + at, sizeof(head));
		if (head.opcode == ACCEL_SOFT_MATMUL || head.opcode == ACCEL_SOFT_ADD ||
		    head.opcode == ACCEL_SOFT_RELU)
			return true;
		if (head.bytes < sizeof(head))
			break;
	}
	return false;
}

int stream_create(struct setup *s, const struct stream *stream, const struct accel_bo_ref *bos,
		  uint32_t bo_count, struct accel_job **job)
{
	struct accel_bo_params bo_params = {.size = sizeof(bo_params)};
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_bo *commands;
	int err;

	bo_params.flags = ACCEL_BO_COMMANDS;
	bo_params.bytes = stream->used;
	bo_params.contents = stream->bytes;
	gives(accel_bo_create(s->ctx, &bo_params, &commands), 0);
	params.commands = commands;
	params.bytes = stream->used;
	params.bos = bos;
	params.bo_count = bo_count;
	mark_error();
	err = accel_job_create(s->queue, &params, job);
	accel_bo_unref(commands);
	if (err == -EOPNOTSUPP && computes(stream))
		skip_check("this software device was built without oneDNN");
	return err;
}

void stream_run(struct setup *s, const struct stream *stream, const struct accel_bo_ref *bos,
		uint32_t bo_count)
{
	struct accel_job *job;

	gives(stream_create(s, stream, bos, bo_count, &job), 0);
	run_job(s->queue, job);
	accel_job_unref(job);
}
