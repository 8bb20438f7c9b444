/* SPDX-License-Identifier: MIT */
/*
 * The waiter: a thread of a queue that pulls, started only where a driver leaves no other way.
 * It hands jobs over that wait for fences which the driver can't wait for, and sees jobs end
 * so that descriptors of their fences become readable.
 */
#include "core.h"

#include <errno.h>
#include <string.h>

#define SLICE_NS 10000000 /* of sleeping on one thing while there is another */
#define FULL_NS	 1000000  /* before asking a full driver again */
/* Of sleeping in the driver, where nothing wakes this thread: a job that is held back meanwhile
 * goes to the driver no later than this. */
#define AWAY_NS	 ACCEL_LOOK_NS

struct accel_waiter {
	pthread_t thread;
	bool stop; /* under queue->lock */
	int64_t looked_ns; /* when the device was last asked whether it is there */
};

static struct accel_job *first_held(struct accel_queue *queue)
{
	struct accel_job *job;
	struct list *node;

	list_for_each(node, &queue->jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->state == ACCEL_JOB_HELD)
			return job;
	}
	return NULL;
}

static void end_held(struct accel_queue *queue, struct accel_job *job, uint32_t outcome,
		     struct ended *ended)
{
	const struct accel_job_result result = { .outcome = outcome };

	queue->held--;
	submit_close_wait_fd(job);
	accel_core_job_drop_waits(job);
	queue_complete(queue, job, &result, ended);
}

/* Whether all that @job waits for has ended; drops what has. */
static bool is_free_to_go(struct accel_job *job)
{
	while (job->wait_count && fence_has_ended(job->wait[job->wait_count - 1]))
		fence_put(job->wait[--job->wait_count]);
	if (job->wait_count)
		return false;
	accel_core_job_drop_waits(job);
	return true;
}

/*
 * Under the lock: hand over, or end, the first held job. Returns 0 if something was done,
 * else what to wait for: -EINPROGRESS its fence, -EAGAIN room, -EBUSY jobs before it.
 */
static int serve_held(struct accel_queue *queue, struct accel_job *job, struct ended *ended)
{
	const bool is_oldest = queue->jobs.next == &job->link;
	const uint32_t state = atomic_load(&queue->context->state);
	int ret;

	if (job->canceled || state) {
		if (!is_oldest)
			return -EBUSY; /* jobs end in their order */
		end_held(queue, job, state ? ACCEL_LOST : ACCEL_CANCELED, ended);
		return 0;
	}
	if (!is_free_to_go(job))
		return -EINPROGRESS;
	ret = submit_to_driver(queue, job);
	if (ret == -EAGAIN)
		return is_oldest ? -EAGAIN : -EBUSY;
	if (ret > 0) {
		job->state = ACCEL_JOB_RUNNING;
		queue->held--;
		submit_close_wait_fd(job);
		return 0;
	}
	if (!is_oldest)
		return -EBUSY;
	/* It was accepted: now it has failed. */
	accel_core_log(ACCEL_LOG_WARNING, "a job that was held back is refused: %s", strerror(-ret));
	end_held(queue, job, ACCEL_FAILED, ended);
	return 0;
}

/* Only this thread changes what a held job waits for. */
static int sleep_on_fence(struct accel_queue *queue, struct accel_job *job, int64_t deadline)
{
	struct accel_fence *fence = job->wait[job->wait_count - 1];
	int ret;

	accel_core_unlock(&queue->lock);
	ret = accel_core_fence_sleep(fence, deadline);
	/* Nothing of this job's is with the device that would tell. */
	if (deadline - queue->waiter->looked_ns >= ACCEL_LOOK_NS) {
		queue->waiter->looked_ns = deadline;
		accel_core_context_look(queue->context);
	}
	accel_core_lock(&queue->lock);
	return ret;
}

static void wait_for_oldest(struct accel_queue *queue, int64_t deadline)
{
	const uint64_t seq = queue->completed + 1;

	accel_core_unlock(&queue->lock);
	queue_wait(queue, seq, deadline);
	accel_core_lock(&queue->lock);
}

/* One round under the lock, which is given up while it sleeps. */
static void serve(struct accel_queue *queue)
{
	const int64_t now = accel_core_sys.now(), slice = now + SLICE_NS;
	struct accel_job *held = first_held(queue);
	const bool running = queue->under_way > queue->held;
	struct ended ended;
	int ret = -EBUSY;

	ended_init(&ended);
	if (held)
		ret = serve_held(queue, held, &ended);
	if (ended.any) {
		queue_wake(queue);
		accel_core_unlock(&queue->lock);
		queue_tell(queue, &ended);
		accel_core_lock(&queue->lock);
	}
	/* Some fences end only when somebody asks. */
	if (held && ret == -EINPROGRESS)
		ret = sleep_on_fence(queue, held, running ? 0 : slice);
	if (held && !ret)
		return;
	if (running)
		wait_for_oldest(queue, held ? slice : now + AWAY_NS);
	else if (!held)
		queue_sleep_locked(queue, ACCEL_NO_DEADLINE);
	else if (ret != -ETIME) /* the driver is full, or the fence can't be asked */
		queue_sleep_locked(queue, accel_core_sys.now() + FULL_NS);
}

static void *run(void *arg)
{
	struct accel_queue *queue = arg;

	accel_core_lock(&queue->lock);
	while (!queue->waiter->stop)
		serve(queue);
	accel_core_unlock(&queue->lock);
	return NULL;
}

int waiter_start(struct accel_queue *queue)
{
	struct accel_waiter *waiter;
	int ret;

	if (queue->waiter) {
		queue_wake(queue); /* it may sleep for want of anything to do */
		return 0;
	}
	if (!queue->context->pulls || queue->context->open_flags & ACCEL_OPEN_NO_THREADS)
		return accel_core_fail(-EOPNOTSUPP, "this needs a thread, and may have none");
	waiter = accel_core_sys.alloc(sizeof(*waiter));
	if (!waiter)
		return accel_core_fail(-ENOMEM, "no memory for a waiter");
	queue->waiter = waiter;
	ret = accel_core_sys.thread_create(&waiter->thread, run, queue);
	if (ret) {
		queue->waiter = NULL;
		accel_core_sys.free(waiter);
		return accel_core_fail(ret == -EAGAIN ? -ENOMEM : ret, "no thread: %s",
				       strerror(-ret));
	}
	return 0;
}

void waiter_stop(struct accel_queue *queue)
{
	struct accel_waiter *waiter = queue->waiter;

	if (!waiter)
		return;
	accel_core_lock(&queue->lock);
	waiter->stop = true;
	accel_core_unlock(&queue->lock);
	queue_wake(queue);
	accel_core_sys.thread_join(waiter->thread);
	accel_core_sys.free(waiter);
	queue->waiter = NULL;
}
