/* SPDX-License-Identifier: MIT */
/* lock.c: one at a time, everybody in the end, nobody woken for nothing. */
#undef ACCEL_TELL_SANITIZER /* it is to see for itself that what the lock orders is in order */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define THREADS 8
#define ROUNDS  5000

static struct accel_lock lock;
static unsigned long count; /* under the lock, and not atomic */

static int setup(void **state)
{
	(void)state;
	seam_install();
	lock = (struct accel_lock){0};
	count = 0;
	return 0;
}

static uint32_t state_of(struct accel_lock *of)
{
	return atomic_load(&of->state);
}

/* Alone, it costs no call, and all zero is free. */
static void test_alone(void **state)
{
	(void)state;
	seam_forget();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(state_of(&lock), ACCEL_LOCK_FREE);
		accel_core_lock(&lock);
		assert_int_equal(state_of(&lock), ACCEL_LOCK_TAKEN);
		accel_core_unlock(&lock);
	}
	assert_int_equal(state_of(&lock), ACCEL_LOCK_FREE);
	assert_int_equal(seam_all_calls(), 0);
}

/* Free again by the time it is looked at: taken as if it had been free all along. */
static void test_free_soon(void **state)
{
	(void)state;
	seam_forget();
	accel_core_lock_wait(&lock);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_TAKEN);
	accel_core_unlock(&lock);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_FREE);
	assert_int_equal(seam_all_calls(), 0);
}

/* Let others meet the lock taken: now and then for longer than they look at it. */
static int count_up(void *arg)
{
	unsigned long seen;

	(void)arg;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		accel_core_lock(&lock);
		seen = count;
		if (i % 4 == 0)
			sched_yield();
		count = seen + 1;
		accel_core_unlock(&lock);
	}
	return 0;
}

static void test_many_threads(void **state)
{
	struct task task[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		task_start(&task[i], count_up, NULL);
	for (int i = 0; i < THREADS; i++)
		task_join(&task[i]);
	assert_int_equal(count, THREADS * ROUNDS);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_FREE);
	seam_forget();
	accel_core_lock(&lock);
	accel_core_unlock(&lock);
	assert_int_equal(seam_all_calls(), 0);
}

static int count_one(void *arg)
{
	(void)arg;
	accel_core_lock(&lock);
	count++;
	accel_core_unlock(&lock);
	return 0;
}

/* All sleep, and each wakes the next; the last can't know that it is. */
static void test_sleepers(void **state)
{
	struct task task[THREADS];

	(void)state;
	accel_core_lock(&lock);
	for (int i = 0; i < THREADS; i++)
		task_start(&task[i], count_one, NULL);
	seam_await(SEAM_FUTEX_WAIT, THREADS);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_AWAITED);
	assert_int_equal(count, 0);
	seam_forget();
	accel_core_unlock(&lock);
	for (int i = 0; i < THREADS; i++)
		task_join(&task[i]);
	assert_int_equal(count, THREADS);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_FREE);
	assert_int_equal(seam_calls(SEAM_FUTEX_WAKE), THREADS + 1);
}

/* A storm of signals, futexes that a filter forbids, wakes that mean nothing: it is not free. */
static void test_woken_for_nothing(void **state)
{
	static const int errors[] = {-EINTR, -ENOSYS, 0};
	struct task task;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(errors); i++) {
		accel_core_lock(&lock);
		seam_forget();
		if (errors[i])
			seam_fail(SEAM_FUTEX_WAIT, 0, 1000, errors[i]);
		task_start(&task, count_one, NULL);
		if (errors[i])
			seam_await(SEAM_FUTEX_WAIT, 1001);
		while (seam_calls(SEAM_FUTEX_WAIT) < 20) {
			accel_core_sys.futex_wake((const uint32_t *)&lock.state, INT32_MAX);
			sched_yield();
		}
		assert_false(task.done);
		assert_int_equal(count, i);
		accel_core_unlock(&lock);
		task_join(&task);
		assert_int_equal(count, i + 1);
	}
}

static struct accel_lock *woken;
static unsigned int wakes;

static int note_wake(const uint32_t *word, int how_many)
{
	assert_ptr_equal(word, &woken->state);
	assert_int_equal(how_many, 1);
	if (!wakes++)
		assert_int_equal(state_of(woken), ACCEL_LOCK_FREE);
	return 0;
}

/* It is free before anybody is woken; who takes it then may free its memory before that is done. */
static void test_gone(void **state)
{
	(void)state;
	woken = mmap(NULL, sizeof(*woken), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	assert_true(woken != MAP_FAILED);
	accel_core_sys.futex_wake = note_wake;
	accel_core_lock(woken);
	atomic_store(&woken->state, ACCEL_LOCK_AWAITED);
	accel_core_unlock(woken);
	assert_int_equal(wakes, 1);
	assert_int_equal(state_of(woken), ACCEL_LOCK_FREE);
	assert_int_equal(mprotect(woken, sizeof(*woken), PROT_NONE), 0);
	accel_core_lock_wake(woken);
	assert_int_equal(wakes, 2);
	munmap(woken, sizeof(*woken));
}

/* In a forked child it is another lock, held by nobody who could give it back: or by the caller. */
static void test_fork(void **state)
{
	struct task task;
	int status;
	pid_t child;

	(void)state;
	accel_core_lock(&lock);
	task_start(&task, count_one, NULL);
	seam_await(SEAM_FUTEX_WAIT, 1);
	child = fork();
	if (!child) {
		alarm(100);
		accel_core_unlock(&lock);
		accel_core_lock(&lock);
		accel_core_unlock(&lock);
		_exit(state_of(&lock) == ACCEL_LOCK_FREE && !count ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(task.done);
	assert_int_equal(state_of(&lock), ACCEL_LOCK_AWAITED);
	accel_core_unlock(&lock);
	task_join(&task);
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alone, setup),
		cmocka_unit_test_setup(test_free_soon, setup),
		cmocka_unit_test_setup(test_many_threads, setup),
		cmocka_unit_test_setup(test_sleepers, setup),
		cmocka_unit_test_setup(test_woken_for_nothing, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_fork, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
