/* SPDX-License-Identifier: MIT */
/*
 * When a worker is woken. By a submission: once it has given up its locks, and before it
 * returns. Things are done in between, as other threads might do them. And who else makes work
 * for a worker wakes one.
 */
#define _GNU_SOURCE
#include "soft_test.h"

#include <sys.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE INT64_C(20000000000) /* with what must come; it is waited for no longer */

/* ---- the moment of the wake ---------------------------------------------------------- */

static int (*real_futex_wait)(const uint32_t *word, uint32_t value, int64_t deadline);
static int (*real_futex_wake)(const uint32_t *word, int count);
static int (*real_thread_create)(pthread_t *out, void *(*fn)(void *), void *arg);
static pthread_t test_thread;

/* The futex of the first context's workers is made here: who sleeps is known, and comes only when
 * woken. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const uint32_t *word; /* NULL: the first that a thread of the library's sleeps on */
	uint64_t threads;
	uint64_t sleepers;
	uint64_t woken; /* of those */
} beds = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, 0, 0, 0};

static int64_t (*real_now)(void);
static _Thread_local bool submitting;
static int wakes; /* of this thread's submission */
static void (*before_wake)(void), (*after_wake)(void);
static bool ended; /* before that */

static struct accel_context *context;
static struct accel_queue *queue;
static struct accel_job *job;
static struct accel_fence *fence;

static struct {
	sem_t entered, open;
} gate;

static int futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	bool real = pthread_equal(pthread_self(), test_thread);

	pthread_mutex_lock(&beds.lock);
	if (!real && !beds.word)
		beds.word = word;
	real = real || word != beds.word;
	if (!real && __atomic_load_n(word, __ATOMIC_SEQ_CST) == value) {
		beds.sleepers++;
		pthread_cond_broadcast(&beds.changed);
		while (!beds.woken)
			pthread_cond_wait(&beds.changed, &beds.lock);
		beds.woken--;
		beds.sleepers--;
	}
	pthread_mutex_unlock(&beds.lock);
	return real ? real_futex_wait(word, value, deadline) : 0;
}

static int wake_up(const uint32_t *word, int count)
{
	bool real;

	pthread_mutex_lock(&beds.lock);
	real = word != beds.word;
	for (; !real && count && beds.woken < beds.sleepers; count--)
		beds.woken++;
	pthread_cond_broadcast(&beds.changed);
	pthread_mutex_unlock(&beds.lock);
	return real ? real_futex_wake(word, count) : 0;
}

static int futex_wake(const uint32_t *word, int count)
{
	int ret;

	if (!submitting)
		return wake_up(word, count);
	submitting = false;
	wakes++;
	if (before_wake)
		before_wake();
	ret = wake_up(word, count);
	if (after_wake)
		after_wake();
	submitting = true;
	return ret;
}

static void (*at_now)(void); /* the next time that the test's thread asks for it */

static int64_t now(void)
{
	void (*then)(void) = pthread_equal(pthread_self(), test_thread) ? at_now : NULL;

	if (then) {
		at_now = NULL;
		then();
	}
	return real_now();
}

static int thread_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	pthread_mutex_lock(&beds.lock);
	beds.threads++;
	pthread_mutex_unlock(&beds.lock);
	return real_thread_create(out, fn, arg);
}

/* Nobody but @blocked workers has anything to do any more. */
static void await_sleepers_but(uint64_t blocked)
{
	pthread_mutex_lock(&beds.lock);
	while (beds.sleepers - beds.woken + blocked < beds.threads)
		pthread_cond_wait(&beds.changed, &beds.lock);
	pthread_mutex_unlock(&beds.lock);
}

static void await_sleepers(void)
{
	await_sleepers_but(0);
}

static int setup(void **state)
{
	(void)state;
	if (!real_futex_wait) {
		test_thread = pthread_self();
		real_futex_wait = accel_core_sys.futex_wait;
		accel_core_sys.futex_wait = futex_wait;
		real_futex_wake = accel_core_sys.futex_wake;
		accel_core_sys.futex_wake = futex_wake;
		real_now = accel_core_sys.now;
		accel_core_sys.now = now;
		real_thread_create = accel_core_sys.thread_create;
		accel_core_sys.thread_create = thread_create;
	}
	before_wake = NULL;
	after_wake = NULL;
	at_now = NULL;
	ended = false;
	job = NULL;
	fence = NULL;
	sem_init(&gate.entered, 0, 0);
	sem_init(&gate.open, 0, 0);
	beds.word = NULL;
	beds.threads = 0;
	context = open_soft();
	queue = make_queue(context, 0, 0); /* starts the workers */
	await_sleepers();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(context);
	sem_destroy(&gate.entered);
	sem_destroy(&gate.open);
	return 0;
}

/* How many wakes that took. */
static int submit_them(struct accel_job **jobs, uint32_t count,
		       const struct accel_submit_params *params)
{
	int ret;

	wakes = 0;
	submitting = true;
	ret = accel_submit(queue, jobs, count, params, &fence);
	submitting = false;
	assert_int_equal(ret, count);
	return wakes;
}

static int submit_it(void)
{
	return submit_them(&job, 1, NULL);
}

static int returns_0(const struct accel_soft_call *call)
{
	(void)call;
	return 0;
}

static int at_gate(const struct accel_soft_call *call)
{
	(void)call;
	sem_post(&gate.entered);
	sem_wait(&gate.open);
	return 0;
}

/* ---- not too early ---------------------------------------------------------- */

static void await_end(void)
{
	const int64_t until = real_now() + PATIENCE;

	/* That looks without a lock, and does no work. */
	while (accel_fence_status(fence) == -EINPROGRESS && real_now() < until)
		sched_yield();
	ended = accel_fence_status(fence) == 0;
}

/* Who is woken meets none of the submission's locks: it can end the job before that returns. */
static void test_worker_meets_no_lock(void **state)
{
	struct accel_fence *first;
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &first, .wait_count = 1};
	int event = eventfd(1, EFD_CLOEXEC);

	(void)state;
	after_wake = await_end;
	job = host_job(queue, returns_0, NULL, 0);
	assert_int_equal(submit_it(), 1);
	assert_true(ended);
	accel_fence_unref(fence);
	await_sleepers();
	/* By the other way through the core. */
	OK(accel_fence_import_fd(event, 0, &first));
	assert_int_equal(submit_them(&job, 1, &params), 1);
	assert_true(ended);
	accel_fence_unref(first);
	close(event);
}

static void end_and_drop_all(void)
{
	await_end();
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_context_unref(context);
	fence = NULL;
	job = NULL;
	queue = NULL;
	context = NULL;
}

/* Then others may give up all that there is. A sanitizer sees whether anything of it is used. */
static void test_all_gone_after(void **state)
{
	(void)state;
	after_wake = end_and_drop_all;
	job = host_job(queue, returns_0, NULL, 0);
	assert_int_equal(submit_it(), 1);
	assert_true(ended);
}

static void drop_all(void)
{
	int ret = accel_fence_wait(fence, ACCEL_NO_DEADLINE);

	ended = ret == 0;
	end_and_drop_all();
}

/* And before: the job is light, and the one that waits does it. Nobody sleeps there any more. */
static void test_all_gone_before(void **state)
{
	(void)state;
	before_wake = drop_all;
	job = empty_job(queue);
	assert_int_equal(submit_it(), 1);
	assert_true(ended);
}

/* ---- in between ---------------------------------------------------------- */

static void cancel(void)
{
	int ret = accel_queue_cancel(queue, 0);

	assert_true(ret == 0 || ret == -ETIME);
}

static void test_canceled(void **state)
{
	struct accel_job *jobs[2];

	(void)state;
	before_wake = cancel;
	job = host_job(queue, returns_0, NULL, 0);
	jobs[0] = accel_job_ref(job);
	jobs[1] = empty_job(queue);
	assert_int_equal(submit_them(jobs, 2, NULL), 1);
	assert_int_equal(accel_fence_wait(fence, ACCEL_NO_DEADLINE), -ECANCELED);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(result_of(jobs[i]).outcome, ACCEL_CANCELED);
		accel_job_unref(jobs[i]);
	}
}

static void help(void)
{
	OK(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
}

/* A waiter was quicker, and the worker comes for nothing: it comes the next time, too. */
static void test_helped(void **state)
{
	struct accel_job *light = empty_job(queue), *heavy = host_job(queue, returns_0, NULL, 0);

	(void)state;
	for (int i = 0; i < 500; i++) {
		before_wake = i % 2 ? NULL : help;
		job = i % 2 ? heavy : light;
		submit_it();
		OK(finish(fence));
		fence = NULL;
	}
	await_sleepers();
	job = accel_job_ref(heavy);
	assert_int_equal(submit_it(), 1);
	OK(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_job_unref(light);
	accel_job_unref(heavy);
}

static struct accel_job *second_job;
static struct accel_fence *second_fence;

static void submit_second(void)
{
	before_wake = NULL;
	assert_int_equal(accel_submit(queue, &second_job, 1, NULL, &second_fence), 1);
}

/* Another submission to that queue leaves the wake to the first one. */
static void test_second_submission(void **state)
{
	(void)state;
	before_wake = submit_second;
	job = host_job(queue, returns_0, NULL, 0);
	second_job = host_job(queue, returns_0, NULL, 0);
	assert_int_equal(submit_it(), 1);
	OK(finish(second_fence));
	OK(accel_fence_status(fence));
	accel_job_unref(second_job);
}

static int child_status;

static void fork_here(void)
{
	pid_t pid = fork();
	int ret;

	if (!pid) {
		ret = accel_submit(queue, &job, 1, NULL, NULL);
		accel_job_unref(job);
		accel_queue_unref(queue);
		accel_context_unref(context);
		/* Not by an exit, which takes for lost what is the parent's threads'. */
		if (ret == -ECHILD)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(pid, &child_status, 0);
}

static void test_fork(void **state)
{
	(void)state;
	before_wake = fork_here;
	job = host_job(queue, returns_0, NULL, 0);
	assert_int_equal(submit_it(), 1);
	OK(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	assert_true(WIFSIGNALED(child_status));
	assert_int_equal(WTERMSIG(child_status), SIGKILL);
}

/* ---- not too late, and no more than that ---------------------------------------------------- */

static void test_once_a_batch(void **state)
{
	struct accel_job *jobs[4];
	struct accel_fence *first;

	(void)state;
	jobs[0] = host_job(queue, at_gate, NULL, 0);
	for (int i = 1; i < 4; i++)
		jobs[i] = empty_job(queue);
	assert_int_equal(submit_them(jobs, 3, NULL), 1);
	first = fence;
	/* That queue has its worker. */
	assert_int_equal(submit_them(&jobs[3], 1, NULL), 0);
	sem_post(&gate.open);
	OK(finish(first));
	OK(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	/* One that is refused wakes nobody. */
	await_sleepers();
	accel_job_unref(jobs[1]);
	jobs[1] = NULL;
	wakes = 0;
	submitting = true;
	assert_int_equal(accel_submit(queue, &jobs[1], 1, NULL, NULL), -EINVAL);
	submitting = false;
	assert_int_equal(wakes, 0);
	for (int i = 0; i < 4; i++)
		accel_job_unref(jobs[i]);
}

/* One that blocks takes no other queue's wake: a further worker is asleep in its place. */
static void test_each_queue(void **state)
{
	struct accel_queue *queues[2] = {queue, make_queue(context, 0, 0)};
	struct accel_fence *fences[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		queue = queues[i];
		job = host_job(queue, at_gate, NULL, 0);
		assert_int_equal(submit_it(), 1);
		fences[i] = fence;
		accel_job_unref(job);
		sem_wait(&gate.entered);
		await_sleepers_but(1 + (uint64_t)i);
	}
	queue = queues[0];
	job = NULL;
	fence = NULL;
	sem_post(&gate.open);
	sem_post(&gate.open);
	for (int i = 0; i < 2; i++)
		OK(finish(fences[i]));
	accel_queue_unref(queues[1]);
}

/* ---- others that wake ---------------------------------------------------------- */

/* A queue that waits for a fence has no worker: who ends the fence wakes one, were it a thread of
 * the program's that does a job of another device. */
static void test_fence_of_another(void **state)
{
	struct accel_context *other = open_soft();
	struct accel_queue *before = make_queue(other, 0, 0);
	struct accel_job *light = empty_job(before);
	struct accel_fence *first;
	struct accel_job *gate_job;

	(void)state;
	job = host_job(queue, returns_0, NULL, 0);
	for (int i = 0; i < 200; i++) {
		gate_job = host_job(before, at_gate, NULL, 0);
		accel_fence_unref(submit(before, gate_job, NULL, 0));
		accel_job_unref(gate_job);
		first = submit(before, light, NULL, 0);
		fence = submit(queue, job, &first, 1);
		sem_post(&gate.open);
		if (i % 2)
			OK(accel_fence_wait(first, ACCEL_NO_DEADLINE));
		OK(finish(fence));
		fence = NULL;
		OK(finish(first));
	}
	accel_job_unref(light);
	accel_queue_unref(before);
	accel_context_unref(other);
}

/* Submissions on many threads to few queues, each waiting for its own, light and not. */
static struct accel_queue *few[3];

static void *submit_many(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct accel_fence *mine;
	struct accel_job *jobs[2];

	for (int i = 0; i < 400; i++) {
		struct accel_queue *to = few[(unsigned int)rand_r(&seed) % 3];

		jobs[0] = rand_r(&seed) % 2 ? empty_job(to) : host_job(to, returns_0, NULL, 0);
		jobs[1] = empty_job(to);
		/* All that is under way of the four threads has room. */
		if (accel_submit(to, jobs, 1 + (uint32_t)rand_r(&seed) % 2, NULL, &mine) < 1)
			return "refused";
		accel_job_unref(jobs[0]);
		accel_job_unref(jobs[1]);
		if (finish(mine))
			return "failed";
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t threads[4];
	void *why;

	(void)state;
	for (int i = 0; i < 3; i++)
		few[i] = make_queue(context, i - 1, 0);
	for (uintptr_t i = 0; i < 4; i++)
		OK(pthread_create(&threads[i], NULL, submit_many, (void *)(i + 1)));
	for (int i = 0; i < 4; i++) {
		OK(pthread_join(threads[i], &why));
		assert_null(why);
	}
	for (int i = 0; i < 3; i++)
		accel_queue_unref(few[i]);
}

static void come_for_nothing(void)
{
	wake_up(beds.word, 1);
	await_sleepers();
}

static void leave_the_rest(void)
{
	struct accel_fence *first = fence;

	before_wake = NULL;
	assert_int_equal(accel_submit(queue, &second_job, 1, NULL, &fence), 1);
	at_now = come_for_nothing; /* when the job begins */
	OK(accel_fence_wait(first, ACCEL_NO_DEADLINE));
	await_end();
	accel_fence_unref(fence);
	fence = first;
}

/* A thread that waits does no more than what it waits for. The worker of the submission may have
 * come meanwhile, and gone: for the rest one is woken. */
static void test_rest(void **state)
{
	(void)state;
	before_wake = leave_the_rest;
	job = empty_job(queue);
	second_job = host_job(queue, returns_0, NULL, 0);
	assert_int_equal(submit_it(), 1);
	assert_null(at_now);
	assert_true(ended);
	accel_job_unref(second_job);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_worker_meets_no_lock),
		TEST(test_all_gone_after),
		TEST(test_all_gone_before),
		TEST(test_canceled),
		TEST(test_helped),
		TEST(test_second_submission),
		TEST(test_fork),
		TEST(test_once_a_batch),
		TEST(test_each_queue),
		TEST(test_fence_of_another),
		TEST(test_rest),
		TEST(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
