/* SPDX-License-Identifier: MIT */
/* Command streams of the software device, for the checks of its packets. */
#ifndef CONFORMANCE_SOFT_STREAM_H
#define CONFORMANCE_SOFT_STREAM_H

#include <accel/soft.h>

#include "conformance.h"

struct stream {
	unsigned char bytes[8192];
	size_t used;
};

/* Add a packet; its offset. */
size_t stream_add(struct stream *stream, const void *packet, size_t bytes);
void stream_fill(struct stream *stream, uint32_t dst, uint64_t offset, uint64_t bytes,
		 uint32_t pattern);

/* What accel_job_create() says of this stream over these buffers. */
int stream_create(struct setup *s, const struct stream *stream, const struct accel_bo_ref *bos,
		  uint32_t bo_count, struct accel_job **job);
/* Create it, run it, wait; it must end well. */
void stream_run(struct setup *s, const struct stream *stream, const struct accel_bo_ref *bos,
		uint32_t bo_count);

#endif
