/* SPDX-License-Identifier: MIT */
/* Submitting jobs. */
#include "core.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- what the first job waits for ----------------------------------------------------------- */

/* The fences that have not ended, held by themselves; and for a kernel that takes one, a
 * sync_file of those that have one. */
struct waits {
	struct accel_fence *few[4];
	struct accel_fence **fence; /* few, or allocated */
	uint32_t count;
	int sync_file; /* -1: none */
};

static void waits_drop(struct waits *waits)
{
	uint32_t i;

	for (i = 0; i < waits->count; i++)
		fence_put(waits->fence[i]);
	if (waits->fence != waits->few)
		accel_core_sys.free(waits->fence);
	waits->fence = waits->few;
	waits->count = 0;
	if (waits->sync_file >= 0)
		accel_core_sys.close(waits->sync_file);
	waits->sync_file = -1;
}

static int merge(struct waits *waits, int fd)
{
	int both, ret;

	if (waits->sync_file < 0) {
		waits->sync_file = fd;
		return 0;
	}
	ret = accel_core_sync_file_merge(waits->sync_file, fd, &both);
	accel_core_sys.close(fd);
	if (ret)
		return ret;
	accel_core_sys.close(waits->sync_file);
	waits->sync_file = both;
	return 0;
}

static int waits_collect(struct accel_queue *queue, const struct accel_submit_params *params,
			 struct waits *waits)
{
	const bool by_sync_file = queue->context->waits == ACCEL_WAITS_SYNC_FILE;
	struct accel_error before;
	struct accel_fence *fence;
	uint32_t i;
	int fd, ret;

	for (i = 0; i < params->wait_count; i++)
		if (!params->wait[i])
			return accel_core_fail_at(-EINVAL, i, NONE64, "wait fence %u is NULL", i);
	if (params->wait_count > ARRAY_SIZE(waits->few)) {
		waits->fence = accel_core_sys.alloc((size_t)params->wait_count *
						    sizeof(*waits->fence));
		if (!waits->fence) {
			waits->fence = waits->few;
			return accel_core_fail(-ENOMEM, "no memory for %u wait fences",
					       params->wait_count);
		}
	}
	error_save(&before);
	for (i = 0; i < params->wait_count; i++) {
		fence = params->wait[i];
		/* Jobs of this queue are in order anyway. */
		if (fence->queue == queue || accel_fence_status(fence) != -EINPROGRESS)
			continue;
		if (by_sync_file && !accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd)) {
			ret = merge(waits, fd);
			if (ret)
				return accel_core_fail(ret, "sync_files can't be merged: %s",
						       strerror(-ret));
			continue;
		}
		refs_get(&fence->refs);
		waits->fence[waits->count++] = fence;
	}
	error_restore(&before); /* of fences that have no sync_file */
	return 0;
}

/* ---- under the lock ---------------------------------------------------------------------------- */

static bool is_free(const struct accel_queue *queue, const struct accel_job *job)
{
	return job && job->queue == queue && job->state == ACCEL_JOB_IDLE;
}

static void set_state(struct accel_job *const *jobs, uint32_t count, uint32_t state)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		jobs[i]->state = state;
}

/* Take the longest prefix that could be accepted, as running, so that a job that is listed
 * twice is seen. Its length. */
static ALWAYS_INLINE uint32_t take_prefix(struct accel_queue *queue, struct accel_job *const *jobs,
					  uint32_t count)
{
	const uint32_t room = queue->depth - queue->under_way;
	uint32_t i;

	if (count > room)
		count = room;
	for (i = 0; i < count && is_free(queue, jobs[i]); i++) {
		jobs[i]->state = ACCEL_JOB_RUNNING;
		jobs[i]->canceled = false;
	}
	return i;
}

/* Why the first couldn't be taken. */
static SELDOM int refuse(const struct accel_queue *queue, const struct accel_job *job)
{
	if (queue->depth == queue->under_way)
		return -EAGAIN;
	if (!job)
		return accel_core_fail_at(-EINVAL, 0, NONE64, "job 0 is NULL");
	if (job->queue != queue)
		return accel_core_fail_at(-EINVAL, 0, NONE64, "job 0 is of another queue");
	return accel_core_fail_at(-EBUSY, 0, NONE64, "job 0 is under way");
}

/* At the end of the list, which is closed once for all of them. */
static ALWAYS_INLINE void accept_all(struct accel_queue *queue, struct accel_job *const *jobs,
				     uint32_t count)
{
	const uint64_t until = queue->accepted + count;
	struct list *last = queue->jobs.prev;
	const struct accel_bo_ref *ref, *end;
	uint64_t seq = queue->accepted;
	struct accel_job *job;

	queue->accepted = until;
	queue->under_way += count;
	do {
		job = *jobs++;
		job->seq = ++seq;
		for (ref = job->bos, end = ref + job->bo_count; ref < end; ref++)
			atomic_fetch_add_explicit(&ref->bo->busy, 1, memory_order_relaxed);
		if (job->commands)
			atomic_fetch_add_explicit(&job->commands->busy, 1, memory_order_relaxed);
		job->link.prev = last;
		last->next = &job->link;
		last = &job->link;
	} while (seq != until);
	last->next = &queue->jobs;
	queue->jobs.prev = last;
}

static inline int to_driver(struct accel_queue *queue, struct accel_job *const *jobs,
			    uint32_t count)
{
	struct accel_context *context = queue->context;
	int ret;

	if (atomic_load_explicit(&context->exiting, memory_order_relaxed))
		return accel_core_fail(-ESTALE, "the process is about to end");
	queue->full_since = atomic_load_explicit(&context->ended, memory_order_relaxed);
	ret = context->provider->ops->submit(queue, jobs, count);
	queue->full = ret == -EAGAIN;
	return ret;
}

int submit_to_driver(struct accel_queue *queue, struct accel_job *job)
{
	return to_driver(queue, &job, 1);
}

/* The first job carries what is to be waited for. */
static void waits_move_to(struct accel_job *job, struct waits *waits)
{
	if (waits->count) {
		if (waits->fence != waits->few)
			job->wait = waits->fence;
		else
			memcpy(job->wait, waits->few, waits->count * sizeof(*job->wait));
		job->wait_count = waits->count;
		waits->fence = waits->few;
		waits->count = 0;
	}
	job->wait_fd = waits->sync_file;
	waits->sync_file = -1;
}

void submit_close_wait_fd(struct accel_job *job)
{
	if (job->wait_fd >= 0)
		accel_core_sys.close(job->wait_fd);
	job->wait_fd = -1;
}

/* Accept jobs that the driver can't have yet: a thread will hand them over. */
static int hold(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
		struct waits *waits)
{
	int ret;

	if (queue->context->limits.wait_fences == ACCEL_ABSENT)
		return accel_core_fail(-EOPNOTSUPP, "jobs can't wait for such a fence here");
	ret = waiter_start(queue);
	if (ret)
		return ret;
	set_state(jobs, count, ACCEL_JOB_HELD);
	if (waits)
		waits_move_to(jobs[0], waits);
	queue->held += count;
	return (int)count;
}

/* With something to wait for, or behind jobs that do; @waits may be NULL then. */
static SELDOM int start_after(struct accel_queue *queue, struct accel_job *const *jobs,
			      uint32_t count, struct waits *waits)
{
	int ret;

	if (queue->held || (waits->count && queue->context->waits != ACCEL_WAITS_ANY))
		return hold(queue, jobs, count, waits);
	waits_move_to(jobs[0], waits);
	ret = to_driver(queue, jobs, count);
	submit_close_wait_fd(jobs[0]);
	if (ret < 0)
		accel_core_job_drop_waits(jobs[0]);
	return ret;
}

static bool is_pinned(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count && jobs[i] && jobs[i]->queue == queue; i++)
		if (jobs[i]->state == ACCEL_JOB_ENDED)
			return true;
	return false;
}

/* Of a queue that pulls: see what has ended since. The lock is given up meanwhile. */
static void refresh(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	if (jobs[0] && jobs[0]->queue == queue &&
	    (jobs[0]->state == ACCEL_JOB_RUNNING || queue->depth - queue->under_way < count)) {
		accel_core_unlock(&queue->lock);
		queue_poll(queue, UINT64_MAX);
		accel_core_lock(&queue->lock);
	}
	/* Ended, and told so to its caller, but another thread still returns from its wait. */
	while (is_pinned(queue, jobs, count))
		queue_sleep_locked(queue, ACCEL_NO_DEADLINE);
}

/* Not all could be taken: of a queue that pulls once more after another look. How many, or the
 * errno of the first. */
static SELDOM int take_again(struct accel_queue *queue, struct accel_job *const *jobs,
			     uint32_t taken, uint32_t count)
{
	if (queue->context->pulls) {
		set_state(jobs, taken, ACCEL_JOB_IDLE);
		refresh(queue, jobs, count);
		taken = take_prefix(queue, jobs, count);
	}
	return taken ? (int)taken : refuse(queue, jobs[0]);
}

/* @waits is NULL when there is nothing to wait for. */
static ALWAYS_INLINE int submit_locked(struct accel_queue *queue, struct accel_job *const *jobs,
				       uint32_t count, struct waits *waits,
				       struct accel_fence **out)
{
	struct accel_fence *fence = NULL;
	uint32_t taken;
	int ret;

	taken = take_prefix(queue, jobs, count);
	if (taken < count) {
		ret = take_again(queue, jobs, taken, count);
		if (ret < 0)
			return ret;
		taken = (uint32_t)ret;
	}
	if (out) {
		fence = fence_create(queue, queue->accepted + 1);
		if (!fence) {
			set_state(jobs, taken, ACCEL_JOB_IDLE);
			return -ENOMEM;
		}
	}
	if (waits || queue->held)
		ret = start_after(queue, jobs, taken, waits);
	else
		ret = to_driver(queue, jobs, taken);
	if (ret < 0) {
		set_state(jobs, taken, ACCEL_JOB_IDLE);
		if (fence)
			fence_discard(fence);
		return ret;
	}
	accept_all(queue, jobs, (uint32_t)ret);
	if ((uint32_t)ret < taken)
		set_state(jobs + ret, taken - (uint32_t)ret, ACCEL_JOB_IDLE);
	if (fence) {
		fence->last = queue->accepted;
		list_append(&queue->fences, &fence->link);
		*out = fence;
	}
	return ret;
}

/* With nothing of the queue afterwards, which may be gone by then. */
static SELDOM void unlock_and_wake(struct accel_queue *queue)
{
	const uint32_t *word = queue->to_wake;

	queue->to_wake = NULL;
	accel_core_unlock(&queue->lock);
	accel_core_sys.futex_wake(word, 1);
}

static ALWAYS_INLINE void submit_unlock(struct accel_queue *queue)
{
	if (queue->to_wake)
		unlock_and_wake(queue);
	else
		accel_core_unlock(&queue->lock);
}

static int submit_after(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
			const struct accel_submit_params *params, struct accel_fence **fence)
{
	struct waits waits = {.fence = waits.few, .sync_file = -1};
	int ret;

	ret = waits_collect(queue, params, &waits);
	if (!ret) {
		accel_core_lock(&queue->lock);
		ret = submit_locked(queue, jobs, count, &waits, fence);
		submit_unlock(queue);
	}
	waits_drop(&waits);
	return ret;
}

static SELDOM int submit_with(struct accel_queue *queue, struct accel_job *const *jobs,
			      uint32_t count, const struct accel_submit_params *params,
			      struct accel_fence **fence)
{
	struct accel_submit_params known;
	int ret;

	ret = accel_core_params(&known, sizeof(known), params, true);
	if (ret)
		return ret;
	if (known.flags || known.reserved || (known.wait_count && !known.wait))
		return accel_core_fail(-EINVAL, "unknown flags 0x%x, or wait is NULL", known.flags);
	if (!known.wait_count)
		return accel_submit(queue, jobs, count, NULL, fence);
	ret = context_errno(queue->context);
	return ret ? ret : submit_after(queue, jobs, count, &known, fence);
}

int accel_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
		 const struct accel_submit_params *params, struct accel_fence **fence)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!queue || !jobs || !count || count > INT_MAX)
		return accel_core_fail(-EINVAL, "no queue, or no jobs (count %u)", count);
	if (params)
		return submit_with(queue, jobs, count, params, fence);
	ret = context_errno(queue->context);
	if (ret)
		return ret;
	accel_core_lock(&queue->lock);
	ret = submit_locked(queue, jobs, count, NULL, fence);
	submit_unlock(queue);
	return ret;
}
