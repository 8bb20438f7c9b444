/* SPDX-License-Identifier: MIT */
/* A lock that was not free: waiting for it, and waking who does. */
#include "core.h"

/* Of the last pause in which it is not looked at; they double. In all it is less than what falling
 * asleep and being woken takes. */
#define LONGEST_PAUSE 64

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Look for a moment whether it becomes free. To look all the time would hold up who has it. */
static bool spin(struct accel_lock *lock)
{
	uint32_t pause, state, i;

	for (pause = 1; pause <= LONGEST_PAUSE; pause *= 2) {
		for (i = 0; i < pause; i++)
			relax();
		state = ACCEL_LOCK_FREE;
		if (atomic_load_explicit(&lock->state, memory_order_relaxed) == state &&
		    atomic_compare_exchange_strong_explicit(&lock->state, &state, ACCEL_LOCK_TAKEN,
							    memory_order_acquire,
							    memory_order_relaxed))
			return true;
	}
	return false;
}

/* Who has slept takes it as awaited: there may be more asleep, and nobody counts them. */
void accel_core_lock_wait(struct accel_lock *lock)
{
	if (spin(lock))
		return;
	while (atomic_exchange_explicit(&lock->state, ACCEL_LOCK_AWAITED, memory_order_acquire) !=
	       ACCEL_LOCK_FREE)
		accel_core_sys.futex_wait((const uint32_t *)&lock->state, ACCEL_LOCK_AWAITED,
					  ACCEL_NO_DEADLINE);
}

/* It is free already, and its memory may be gone: nothing here reads it. */
void accel_core_lock_wake(struct accel_lock *lock)
{
	accel_core_sys.futex_wake((const uint32_t *)&lock->state, 1);
}
