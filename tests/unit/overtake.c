/* SPDX-License-Identifier: MIT */
/* Two submissions, one of which tries to come into the midst of the other; see overtake.h. */
#include "overtake.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>

static struct {
	unsigned long from, to;
	struct accel_fence *wait;
	pthread_t first;
	_Atomic bool open;     /* the first is between the two */
	_Atomic bool go;       /* for the second */
	_Atomic bool has_come; /* the second has called from */
	_Atomic pid_t second;
} race;

/* Whether the second thread sleeps, and so waits for a lock: it sleeps for nothing else. */
static bool is_asleep(void)
{
	char path[64], text[256] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)race.second);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true; /* it has ended */
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	state = strrchr(text, ')');
	return state && !strncmp(state, ") S", 3);
}

/* Of the first thread: whatever the second can do now, it does. */
static void let_the_other(void)
{
	if (!race.open || !pthread_equal(pthread_self(), race.first))
		return;
	race.go = true;
	while (!race.has_come && !is_asleep())
		sched_yield();
}

static void before(const struct kernel_call *call, const void *arg)
{
	(void)arg;
	if (!pthread_equal(call->thread, race.first)) {
		race.has_come = race.has_come || call->request == race.from;
		return;
	}
	if (call->request == race.from)
		race.open = true;
	let_the_other();
	if (call->request == race.to)
		race.open = false;
}

static int submit(struct accel_job *job)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &race.wait, .wait_count = race.wait ? 1 : 0};

	return accel_submit(job->queue, &job, 1, &params, NULL);
}

static int submit_second(void *job)
{
	race.second = (pid_t)syscall(SYS_gettid);
	while (!race.go)
		sched_yield();
	return submit(job);
}

/* Whether the call after @at that is one of the two is the same thread's, and the last. */
static bool is_followed(unsigned int at)
{
	const struct kernel_call *call = &kernel.call[at], *next;

	for (next = call + 1; next < &kernel.call[kernel.calls]; next++)
		if (next->request == race.from || next->request == race.to)
			return next->request == race.to &&
			       pthread_equal(next->thread, call->thread);
	return false;
}

bool overtake(unsigned long from, unsigned long to, struct accel_job *first,
	      struct accel_job *second, struct accel_fence *wait)
{
	unsigned int at = kernel.calls, count = 0;
	struct task task;

	memset((void *)&race, 0, sizeof(race));
	race.from = from;
	race.to = to;
	race.wait = wait;
	race.first = pthread_self();
	kernel.before = before;
	kernel.woken = let_the_other; /* it slept for a lock that this thread has given back */
	task_start(&task, submit_second, second);
	while (!race.second)
		sched_yield();
	assert_int_equal(submit(first), 1);
	race.go = true;
	assert_int_equal(task_join(&task), 1);
	kernel.before = NULL;
	kernel.woken = NULL;
	for (; at < kernel.calls; at++) {
		if (kernel.call[at].request != from)
			continue;
		if (!is_followed(at))
			return false;
		count++;
	}
	assert_int_equal(count, 2);
	return true;
}
