/* SPDX-License-Identifier: MIT */
/* Another way to give work to the CPU as if to a device, which does the same as soft does. */
#ifndef ACCEL_BENCH_PEER_H
#define ACCEL_BENCH_PEER_H

struct peer;

#define PEER_BUFFER_BYTES (64 << 10)

/* One queue, with one thread that does its work. NULL, or in words what is missing. */
const char *peer_open(struct peer **out);
void peer_close(struct peer *peer);

/* Sides of a comparison: an empty job and a wait for its end; empty jobs submitted one by one and
 * a wait for the last; a buffer made, mapped, written to by the CPU and released. */
int peer_lockstep(void *peer, unsigned int count);
int peer_stream(void *peer, unsigned int count);
int peer_buffers(void *peer, unsigned int count);

#endif
