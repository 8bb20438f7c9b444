/* SPDX-License-Identifier: MIT */
/* In place of peer_pocl.c where there is no OpenCL. */
#include "peer.h"

#include <errno.h>

const char *peer_open(struct peer **out)
{
	(void)out;
	return "accel-bench was built without OpenCL (Debian: ocl-icd-opencl-dev)";
}

void peer_close(struct peer *peer)
{
	(void)peer;
}

int peer_lockstep(void *peer, unsigned int count)
{
	(void)peer;
	(void)count;
	return -EOPNOTSUPP;
}

int peer_stream(void *peer, unsigned int count)
{
	return peer_lockstep(peer, count);
}

int peer_buffers(void *peer, unsigned int count)
{
	return peer_lockstep(peer, count);
}
