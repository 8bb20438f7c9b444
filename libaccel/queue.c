/* SPDX-License-Identifier: MIT */
/* Queues: in-order streams of jobs, and how their jobs end. */
#include "core.h"

#include <errno.h>
#include <string.h>

#define RETRY_NS 1000000

/* ---- ending jobs --------------------------------------------------------------------------- */

int accel_core_outcome_errno(uint32_t outcome)
{
	switch (outcome) {
	case ACCEL_PENDING:
		return -EINPROGRESS;
	case ACCEL_DONE:
	case ACCEL_DONE_UNVERIFIED:
		return 0;
	case ACCEL_TIMED_OUT:
		return -ETIMEDOUT;
	case ACCEL_CANCELED:
		return -ECANCELED;
	case ACCEL_LOST:
		return -ESTALE;
	default:
		return -EIO;
	}
}

static void job_set_result(struct accel_job *job, const struct accel_job_result *result)
{
	job->result = *result;
	job->result.size = sizeof(job->result);
	job->result.reserved = 0;
	job->result.error = accel_core_outcome_errno(result->outcome);
	if (result->outcome == ACCEL_LOST &&
	    atomic_load(&job->queue->context->state) == ACCEL_GONE)
		job->result.error = -ENODEV;
}

/* Fences lie in the order of the jobs that they end with. */
static void end_fences(struct accel_queue *queue, uint64_t seq, int error, struct ended *ended)
{
	struct accel_fence *fence;
	struct list *node, *after;

	list_for_each_safe(node, after, &queue->fences) {
		fence = list_entry(node, struct accel_fence, link);
		if (fence->first > seq)
			break;
		if (error && !fence->error)
			fence->error = error;
		if (fence->last == seq) {
			fence_set_ended(fence);
			list_del(node);
			list_append(&ended->fences, node);
		}
	}
}

static void job_leave(struct accel_queue *queue, struct accel_job *job, struct ended *ended)
{
	queue->context->provider->ops->job_release(job);
	job->state = ACCEL_JOB_IDLE;
	if (job->orphan) {
		queue->dying++;
		list_append(&ended->jobs, &job->link);
		ended->any = true;
	}
}

void queue_complete(struct accel_queue *queue, struct accel_job *job,
		    const struct accel_job_result *result, struct ended *ended)
{
	const struct accel_bo_ref *ref = job->bos, *end = ref + job->bo_count;

	job_set_result(job, result);
	for (; ref < end; ref++)
		atomic_fetch_sub_explicit(&ref->bo->busy, 1, memory_order_release);
	if (job->commands)
		atomic_fetch_sub_explicit(&job->commands->busy, 1, memory_order_release);
	list_del(&job->link);
	queue->under_way--;
	queue->completed = job->seq;
	atomic_fetch_add_explicit(&queue->context->ended, 1, memory_order_relaxed);
	if (!list_empty(&queue->fences))
		end_fences(queue, job->seq, job->result.error, ended);
	ended->any = true;
	if (job->pins) {
		job->state = ACCEL_JOB_ENDED;
		queue->dying++;
	} else {
		job_leave(queue, job, ended);
	}
}

void queue_wake(struct accel_queue *queue)
{
	atomic_fetch_add(&queue->events, 1);
	if (atomic_load(&queue->sleepers))
		accel_core_sys.futex_wake((const uint32_t *)&queue->events, INT32_MAX);
}

/*
 * The last touch of the queue is under its lock: whoever then finds nothing under way and
 * nothing dying may free it.
 */
void queue_tell(struct accel_queue *queue, struct ended *ended)
{
	struct list *node, *after;

	if (!ended->any)
		return;
	list_for_each_safe(node, after, &ended->fences) {
		list_del(node);
		fence_tell(list_entry(node, struct accel_fence, link));
	}
	if (list_empty(&ended->jobs))
		return;
	list_for_each_safe(node, after, &ended->jobs) {
		list_del(node);
		job_destroy(list_entry(node, struct accel_job, link));
		accel_core_lock(&queue->lock);
		queue->dying--;
		queue_wake(queue);
		accel_core_unlock(&queue->lock);
	}
}

void accel_core_job_done(struct accel_job *job, const struct accel_job_result *result)
{
	struct accel_queue *queue = job->queue;
	struct ended ended;

	ended_init(&ended);
	accel_core_lock(&queue->lock);
	queue_complete(queue, job, result, &ended);
	queue_wake(queue);
	accel_core_unlock(&queue->lock);
	queue_tell(queue, &ended);
}

/* ---- asking for ends ------------------------------------------------------------------------- */

void queue_poll_locked(struct accel_queue *queue, uint64_t seq, uint64_t known,
		       struct ended *ended)
{
	const struct accel_ops *ops = queue->context->provider->ops;
	struct accel_job_result result;
	struct list *node, *after;
	struct accel_job *job;
	bool over;
	int ret;

	list_for_each_safe(node, after, &queue->jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->seq > seq || job->state != ACCEL_JOB_RUNNING)
			break;
		memset(&result, 0, sizeof(result));
		over = job->seq <= known || atomic_load(&queue->context->state);
		ret = ops->job_poll(job, over, &result);
		if (ret && !over)
			break;
		if (ret) { /* it has ended, and nobody can tell how */
			result.outcome = ACCEL_FAILED;
			result.driver_code = (uint64_t)-ret;
		}
		queue_complete(queue, job, &result, ended);
	}
	if (ended->any)
		queue_wake(queue);
}

void queue_poll(struct accel_queue *queue, uint64_t seq)
{
	struct ended ended;

	ended_init(&ended);
	accel_core_lock(&queue->lock);
	queue_poll_locked(queue, seq, 0, &ended);
	accel_core_unlock(&queue->lock);
	queue_tell(queue, &ended);
}

struct accel_job *queue_find_job(struct accel_queue *queue, uint64_t seq)
{
	struct accel_job *job;
	struct list *node;

	list_for_each(node, &queue->jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->seq == seq)
			return job;
	}
	return NULL;
}

bool queue_uses_bo(struct accel_queue *queue, const struct accel_bo *bo, uint64_t *seq)
{
	struct accel_job *job;
	struct list *node;
	bool found = false;
	uint32_t i;

	accel_core_lock(&queue->lock);
	for (node = queue->jobs.prev; node != &queue->jobs && !found; node = node->prev) {
		job = list_entry(node, struct accel_job, link);
		found = job->commands == bo;
		for (i = 0; i < job->bo_count && !found; i++)
			found = job->bos[i].bo == bo;
		if (found)
			*seq = job->seq;
	}
	accel_core_unlock(&queue->lock);
	return found;
}

/* ---- sleeping -------------------------------------------------------------------------------- */

int queue_sleep(struct accel_queue *queue, uint32_t seen, int64_t deadline)
{
	int ret;

	atomic_fetch_add(&queue->sleepers, 1);
	ret = accel_core_sys.futex_wait((const uint32_t *)&queue->events, seen, deadline);
	atomic_fetch_sub(&queue->sleepers, 1);
	return ret == -EINTR ? 0 : ret;
}

void queue_sleep_locked(struct accel_queue *queue, int64_t deadline)
{
	const uint32_t seen = atomic_load(&queue->events);

	accel_core_unlock(&queue->lock);
	queue_sleep(queue, seen, deadline);
	accel_core_lock(&queue->lock);
}

/* Under the lock, which is given up meanwhile: sleep in the driver until @job has ended. */
static int wait_in_driver(struct accel_queue *queue, struct accel_job *job, int64_t deadline,
			  struct ended *ended)
{
	const struct accel_ops *ops = queue->context->provider->ops;
	struct accel_job_result result = { 0 };
	const uint64_t seq = job->seq;
	int ret;

	job->pins++;
	accel_core_unlock(&queue->lock);
	ret = ops->job_wait(job, deadline, &result);
	accel_core_lock(&queue->lock);
	if (!ret) {
		if (queue->jobs.next != &job->link)
			queue_poll_locked(queue, seq - 1, seq - 1, ended);
		if (job->state == ACCEL_JOB_RUNNING) {
			queue_complete(queue, job, &result, ended);
			queue_wake(queue);
		}
	}
	if (!--job->pins && job->state == ACCEL_JOB_ENDED) {
		queue->dying--;
		job_leave(queue, job, ended);
		queue_wake(queue);
	}
	return ret;
}

/* The job to wait for in the driver, on the way to @seq: that one, or the last before it that
 * is with the driver. NULL: there is none, something else must happen first. */
static struct accel_job *job_to_wait_for(struct accel_queue *queue, uint64_t seq)
{
	struct accel_job *job, *found = NULL;
	struct list *node;

	if (!queue->context->pulls)
		return NULL;
	list_for_each(node, &queue->jobs) {
		job = list_entry(node, struct accel_job, link);
		if (job->seq > seq || job->state != ACCEL_JOB_RUNNING)
			break;
		found = job;
	}
	return found;
}

void queue_help(struct accel_queue *queue, uint64_t seq, int64_t deadline)
{
	/* One that lies in the past is for looking only. */
	if (deadline > 0)
		queue->context->provider->ops->queue_help(queue, seq, deadline);
}

int queue_wait(struct accel_queue *queue, uint64_t seq, int64_t deadline)
{
	struct accel_job *job;
	struct ended ended;
	uint32_t seen;
	int ret = 0;

	while (!ret) {
		ended_init(&ended);
		accel_core_lock(&queue->lock);
		seen = atomic_load(&queue->events);
		job = queue->completed < seq ? job_to_wait_for(queue, seq) : NULL;
		if (queue->completed >= seq) {
			ret = 1;
		} else if (accel_core_expired(deadline)) {
			if (job)
				queue_poll_locked(queue, seq, 0, &ended);
			ret = queue->completed >= seq ? 1 : -ETIME;
		} else if (job) {
			ret = wait_in_driver(queue, job, deadline, &ended);
			if (!ret || ret == -ETIME) /* else the next round looks once more */
				ret = queue->completed >= seq;
		}
		accel_core_unlock(&queue->lock);
		queue_tell(queue, &ended);
		if (!ret && !job) {
			if (!queue->context->pulls)
				queue_help(queue, seq, deadline);
			ret = queue_sleep(queue, seen, deadline);
			if (ret == -ETIME)
				ret = 0;
		}
	}
	return ret == 1 ? 0 : ret;
}

void queue_wait_running(struct accel_queue *queue)
{
	struct accel_job *job;
	uint64_t seq;

	do {
		accel_core_lock(&queue->lock);
		job = job_to_wait_for(queue, UINT64_MAX);
		seq = job ? job->seq : 0;
		accel_core_unlock(&queue->lock);
	} while (job && !queue_wait(queue, seq, ACCEL_NO_DEADLINE));
}

/* ---- making and ending ---------------------------------------------------------------------------- */

int accel_queue_create(struct accel_context *context, const struct accel_queue_params *params,
		       int64_t deadline, struct accel_queue **out)
{
	struct accel_queue_params known;
	struct accel_queue *queue;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "out" : "context");
	ret = accel_core_params(&known, sizeof(known), params, true);
	if (ret)
		return ret;
	if (known.flags)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x", known.flags);
	if (known.priority < context->limits.priority_min ||
	    known.priority > context->limits.priority_max)
		return accel_core_fail(-EINVAL, "priority %d: this device has %d to %d",
				       known.priority, context->limits.priority_min,
				       context->limits.priority_max);
	if (known.depth > context->limits.queue_depth)
		return accel_core_fail(-EINVAL, "depth %u: this device has at most %llu",
				       known.depth,
				       (unsigned long long)context->limits.queue_depth);
	ret = accel_core_context_errno(context);
	if (ret)
		return ret;

	queue = accel_core_sys.alloc(context->provider->queue_size);
	if (!queue)
		return accel_core_fail(-ENOMEM, "no memory for a queue");
	queue->context = context;
	queue->refs = 1;
	queue->users = 1;
	queue->priority = known.priority;
	queue->depth = known.depth;
	list_init(&queue->jobs);
	list_init(&queue->fences);
	list_init(&queue->link);
	ret = context->provider->ops->queue_init(queue, &known, deadline);
	if (ret)
		goto no_init;
	/* Enough for a fence with every job and some that callers keep. */
	queue->pool = fence_pool_create(queue->depth + 16);
	if (!queue->pool) {
		ret = accel_core_fail(-ENOMEM, "no memory for a queue's fences");
		goto no_pool;
	}
	accel_context_ref(context);
	accel_core_lock(&context->lock);
	list_append(&context->queues, &queue->link);
	accel_core_unlock(&context->lock);
	*out = queue;
	return 0;

no_pool:
	context->provider->ops->queue_fini(queue);
no_init:
	accel_core_sys.free(queue);
	return ret;
}

struct accel_queue *queue_next(struct accel_context *context, struct accel_queue *at)
{
	struct accel_queue *queue, *next = NULL;
	struct list *node;

	accel_core_lock(&context->lock);
	for (node = at ? at->link.next : context->queues.next; node != &context->queues && !next;
	     node = node->next) {
		queue = list_entry(node, struct accel_queue, link);
		if (refs_try_get(&queue->refs))
			next = queue;
	}
	accel_core_unlock(&context->lock);
	if (at)
		queue_put(at);
	return next;
}

void queue_put(struct accel_queue *queue)
{
	struct accel_context *context = queue->context;

	if (!refs_put(&queue->refs))
		return;
	accel_core_lock(&context->lock);
	list_del(&queue->link);
	accel_core_unlock(&context->lock);
	fence_pool_put(queue->pool);
	accel_core_sys.free(queue);
	accel_context_unref(context);
}

/* Nobody can submit any more: wait until what was accepted has ended and is freed. */
static void drain(struct accel_queue *queue)
{
	uint32_t seen;
	bool busy;

	do {
		if (queue_wait(queue, queue->accepted, ACCEL_NO_DEADLINE)) {
			/* A driver that can't wait: ask again after a while. */
			accel_core_sys.poll(NULL, 0, RETRY_NS);
			queue_poll(queue, queue->accepted);
			busy = true;
			continue;
		}
		accel_core_lock(&queue->lock);
		seen = atomic_load(&queue->events);
		busy = queue->under_way || queue->dying;
		accel_core_unlock(&queue->lock);
		if (busy)
			queue_sleep(queue, seen, ACCEL_NO_DEADLINE);
	} while (busy);
}

void queue_put_user(struct accel_queue *queue)
{
	if (!queue || !refs_put(&queue->users))
		return;
	if (process_is_child()) {
		accel_context_unref(queue->context);
		return;
	}
	drain(queue);
	waiter_stop(queue);
	queue->context->provider->ops->queue_fini(queue);
	queue_put(queue);
}

struct accel_queue *accel_queue_ref(struct accel_queue *queue)
{
	if (queue)
		refs_get(&queue->users);
	return queue;
}

void accel_queue_unref(struct accel_queue *queue)
{
	queue_put_user(queue);
}

/* ---- room, cancelling ------------------------------------------------------------------------------- */

/* Under the lock: a fence of the oldest job under way; -ENOENT: there is none. */
static int fence_of_oldest(struct accel_queue *queue, struct accel_fence **out)
{
	struct accel_fence *fence;
	struct accel_job *job;

	if (list_empty(&queue->jobs))
		return -ENOENT;
	job = list_entry(queue->jobs.next, struct accel_job, link);
	fence = fence_create(queue, job->seq);
	if (!fence)
		return -ENOMEM;
	fence->last = job->seq;
	/* Before all others: none ends with an earlier job. */
	list_add_before(queue->fences.next, &fence->link);
	*out = fence;
	return 0;
}

static int fence_of_any(struct accel_context *context, struct accel_fence **out)
{
	struct accel_queue *queue = NULL;
	int ret = -ENOENT;

	while (ret == -ENOENT && (queue = queue_next(context, queue))) {
		/* One that drains has no users to add to. */
		if (!refs_try_get(&queue->users))
			continue;
		accel_core_lock(&queue->lock);
		ret = fence_of_oldest(queue, out);
		accel_core_unlock(&queue->lock);
		queue_put_user(queue);
	}
	if (queue)
		queue_put(queue);
	return ret;
}

/* As far as known: a driver may count in other units, or others may be quicker. */
static bool has_room(struct accel_queue *queue)
{
	if (queue->under_way >= queue->depth)
		return false;
	return !queue->full || queue->full_since != atomic_load(&queue->context->ended);
}

/* In one look, so that what ends meanwhile is room and not nothing. */
static int room_here(struct accel_queue *queue, struct accel_fence **out)
{
	int ret;

	accel_core_lock(&queue->lock);
	if (has_room(queue))
		ret = fence_create_ended(out);
	else
		ret = fence_of_oldest(queue, out);
	accel_core_unlock(&queue->lock);
	return ret;
}

int accel_queue_get_room(struct accel_queue *queue, struct accel_fence **out)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!queue || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", queue ? "out" : "queue");
	if (queue->context->pulls)
		queue_poll(queue, UINT64_MAX);
	ret = room_here(queue, out);
	if (ret == -ENOENT)
		ret = fence_of_any(queue->context, out);
	if (ret == -ENOENT) /* unless the last job of all has just ended */
		ret = room_here(queue, out);
	if (ret == -ENOENT)
		accel_core_fail(ret, "the device's room is taken by other processes");
	return ret;
}

int accel_queue_cancel(struct accel_queue *queue, int64_t deadline)
{
	struct list *node;
	uint64_t seq;
	uint64_t level;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!queue)
		return accel_core_fail(-EINVAL, "queue is NULL");
	ret = accel_query(queue->context, ACCEL_HAS_CANCEL, &level);
	if (!ret && level == ACCEL_ABSENT)
		ret = accel_core_fail(-EOPNOTSUPP, "this driver can't cancel");
	if (ret)
		return ret;
	accel_core_lock(&queue->lock);
	seq = queue->accepted;
	list_for_each(node, &queue->jobs)
		list_entry(node, struct accel_job, link)->canceled = true;
	accel_core_unlock(&queue->lock);
	queue_wake(queue);
	ret = queue->context->provider->ops->queue_cancel(queue);
	return ret ? ret : queue_wait(queue, seq, deadline);
}
