/* SPDX-License-Identifier: MIT */
/*
 * The lock of objects that a submission or a wait goes through: a word, all zero when it is free,
 * so that there is nothing to set up or to undo. Who finds it free calls nobody. Whoever has taken
 * it last may free its memory at once, even if another thread is just giving it back.
 *
 * What there is but once in a process (the list of contexts, the log) keeps pthread_mutex_t.
 */
#ifndef ACCEL_LOCK_H
#define ACCEL_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* Where the thread sanitizer watches, it is told which locks are held, for else it knows no more than
 * that these are words, and nothing of two that are taken in either order. */
#ifdef ACCEL_TELL_SANITIZER
#include <sanitizer/tsan_interface.h>
#define ACCEL_TELL(call) call
#else
#define ACCEL_TELL(call) ((void)0)
#endif

enum accel_lock_state {
	ACCEL_LOCK_FREE,
	ACCEL_LOCK_TAKEN,
	ACCEL_LOCK_AWAITED /* taken, and somebody may be asleep */
};

struct accel_lock {
	_Atomic uint32_t state; /* enum accel_lock_state; a futex */
};

/* lock.c: what is left to do when it was taken; when it was awaited. */
void accel_core_lock_wait(struct accel_lock *lock) __attribute__((cold));
void accel_core_lock_wake(struct accel_lock *lock) __attribute__((cold));

static inline void accel_core_lock(struct accel_lock *lock)
{
	uint32_t state = ACCEL_LOCK_FREE;

	ACCEL_TELL(__tsan_mutex_pre_lock(lock, 0));
	if (!atomic_compare_exchange_strong_explicit(&lock->state, &state, ACCEL_LOCK_TAKEN,
						     memory_order_acquire, memory_order_relaxed))
		accel_core_lock_wait(lock);
	ACCEL_TELL(__tsan_mutex_post_lock(lock, 0, 0));
}

static inline void accel_core_unlock(struct accel_lock *lock)
{
	ACCEL_TELL(__tsan_mutex_pre_unlock(lock, 0));
	if (atomic_exchange_explicit(&lock->state, ACCEL_LOCK_FREE, memory_order_release) ==
	    ACCEL_LOCK_AWAITED)
		accel_core_lock_wake(lock);
	ACCEL_TELL(__tsan_mutex_post_unlock(lock, 0));
}

#endif
