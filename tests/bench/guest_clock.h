/* SPDX-License-Identifier: MIT */
/* A clock for libaccel in the rig's guest, where the kernel has none that costs nothing. */
#ifndef ACCEL_BENCH_GUEST_CLOCK_H
#define ACCEL_BENCH_GUEST_CLOCK_H

#include <stdbool.h>

/*
 * In User-Mode Linux reading the clock is a call into the kernel, and takes as long as a job's
 * submission. From now on libaccel reads the processor's counter there, as on any machine it does
 * by the vDSO. False: this is no User-Mode Linux, and nothing changes.
 */
bool guest_clock_start(void);

#endif
