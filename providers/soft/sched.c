/* SPDX-License-Identifier: MIT */
/*
 * Queues and the workers that run them.
 *
 * A context has a pool of workers. A queue with work is on a list of its priority; a worker
 * takes the first of the highest list and has it to itself while it runs jobs of it. At most
 * as many workers as there are CPUs run at once. One that blocks (a host function, a fence
 * that can only be slept on) is not counted meanwhile, and a new worker is started so that
 * there are enough of the others. Idle ones help with operations of several tiles. A thread
 * of the program's that would wait for light jobs, and finds none of the workers at it, runs
 * them itself: that is done before a worker would have woken up.
 *
 * Locks: the core's queue->lock, then the scheduler's. The core is never called with the
 * scheduler's lock held.
 */
#define _GNU_SOURCE
#include "soft_internal.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* How long a worker sleeps on a fence before it looks whether the job was cancelled. */
#define FENCE_SLICE_NS 10000000

struct soft_worker {
	struct soft_context *context;
	struct list link; /* soft_context.workers */
	pthread_t thread;
	bool telling;		    /* its own: of a job's end */
	_Atomic uint32_t computing; /* between packets' begin and end; futex of context_exit */
};

/* One run of a job, also what its host function is given. */
struct soft_run {
	struct accel_soft_call call;
	struct soft_context *context;
	struct soft_job *job;
	int64_t deadline;
	_Atomic uint32_t told; /* enum accel_outcome for which the host function was to stop */
};

/* An operation whose tiles several workers do. */
struct soft_share {
	struct list link;
	const struct soft_run *run;
	const struct soft_op *op;
	uint64_t tiles;
	_Atomic uint64_t next;
	_Atomic uint32_t outcome; /* the first that is not ACCEL_PENDING stops all */
	_Atomic int32_t error;
	_Atomic uint32_t done; /* futex of the owner */
	uint32_t helpers;      /* under the scheduler's lock, as is the next */
	bool waiting;
};

/* A worker's thread has itself under this key. Not _Thread_local: what the dynamic linker does for
 * such a variable of a module that was loaded late, leak checkers stumble over. */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t self_key;
static bool self_known; /* else all are taken for strangers, and more is woken */

static void make_key(void)
{
	self_known = pthread_key_create(&self_key, NULL) == 0;
}

/* Whether the calling thread is a worker that looks for work as soon as it has told of a job's
 * end, which it does. */
static bool looks_next(const struct soft_context *context)
{
	const struct soft_worker *self = self_known ? pthread_getspecific(self_key) : NULL;

	return self && self->context == context && self->telling;
}

static const uint32_t *futex_of(const _Atomic uint32_t *word)
{
	return (const uint32_t *)(const void *)word;
}

static void wake(_Atomic uint32_t *word, int count)
{
	accel_core_sys.futex_wake(futex_of(word), count);
}

static void sleep_on(_Atomic uint32_t *word, uint32_t value)
{
	accel_core_sys.futex_wait(futex_of(word), value, ACCEL_NO_DEADLINE);
}

/* ---- the ready lists: all under the lock ------------------------------- */

/* Whether a sleeping worker is to be woken; the caller does it, once the lock is given up. */
static bool take_sleeper(struct soft_context *context)
{
	if (context->sleeping <= context->waking ||
	    context->running + context->waking >= context->cpus)
		return false;
	context->waking++;
	atomic_fetch_add_explicit(&context->wake, 1, memory_order_relaxed);
	return true;
}

static void make_ready(struct soft_context *context, struct soft_queue *queue)
{
	queue->state = SOFT_QUEUE_READY;
	list_append(&context->ready[SOFT_PRIORITY_MAX - queue->base.priority], &queue->link);
	atomic_fetch_add_explicit(&context->ready_count, 1, memory_order_relaxed);
}

static bool is_any_ready(const struct soft_context *context)
{
	return atomic_load_explicit(&context->ready_count, memory_order_relaxed) != 0;
}

/* One that is ready. */
static void take(struct soft_context *context, struct soft_queue *queue)
{
	list_del(&queue->link);
	atomic_fetch_sub_explicit(&context->ready_count, 1, memory_order_relaxed);
	queue->state = SOFT_QUEUE_RUNNING;
}

static struct soft_queue *take_ready(struct soft_context *context)
{
	struct soft_queue *queue;

	if (!is_any_ready(context))
		return NULL;
	for (unsigned int i = 0; i < SOFT_PRIORITIES; i++) {
		if (list_empty(&context->ready[i]))
			continue;
		queue = list_entry(context->ready[i].next, struct soft_queue, link);
		take(context, queue);
		return queue;
	}
	return NULL;
}

static bool is_ready(const struct soft_context *context, int least_priority)
{
	for (int i = 0; i <= SOFT_PRIORITY_MAX - least_priority; i++)
		if (!list_empty(&context->ready[i]))
			return true;
	return false;
}

/* Whether another queue is ready that is not less urgent. */
static bool must_yield(const struct soft_context *context, const struct soft_queue *queue)
{
	return is_ready(context, queue->base.priority);
}

/* Whether one is that is more urgent. */
static bool more_urgent(const struct soft_context *context, const struct soft_queue *queue)
{
	return is_ready(context, queue->base.priority + 1);
}

static struct soft_share *find_share(struct soft_context *context)
{
	struct soft_share *share;
	struct list *node;

	list_for_each(node, &context->shares) {
		share = list_entry(node, struct soft_share, link);
		if (atomic_load_explicit(&share->next, memory_order_relaxed) < share->tiles)
			return share;
	}
	return NULL;
}

/* ---- workers ----------------------------------------------------------- */

static void *worker_main(void *arg);

/* The caller has counted it in threads. */
static int worker_start(struct soft_context *context)
{
	struct soft_worker *worker = accel_core_sys.alloc(sizeof(*worker));
	int err = -ENOMEM;

	if (!worker)
		goto fail;
	worker->context = context;
	pthread_mutex_lock(&context->lock);
	list_append(&context->workers, &worker->link);
	pthread_mutex_unlock(&context->lock);
	err = accel_core_sys.thread_create(&worker->thread, worker_main, worker);
	if (!err)
		return 0;
	pthread_mutex_lock(&context->lock);
	list_del(&worker->link);
	pthread_mutex_unlock(&context->lock);
	accel_core_sys.free(worker);
fail:
	pthread_mutex_lock(&context->lock);
	context->threads--;
	pthread_mutex_unlock(&context->lock);
	return err;
}

/* One worker for each CPU. Those that were started before an error stay. */
static int start_pool(struct soft_context *context)
{
	bool more;
	int err = 0;

	do {
		pthread_mutex_lock(&context->lock);
		more = context->threads < context->cpus;
		if (more)
			context->threads++;
		pthread_mutex_unlock(&context->lock);
		if (more)
			err = worker_start(context);
	} while (more && !err);
	if (err)
		return accel_core_fail(err == -EAGAIN ? -ENOMEM : err,
				       "soft: can't start a worker thread: %s", strerror(-err));
	return 0;
}

/* The calling worker may sleep now for what is not the scheduler's: let another one work. */
static void block_begin(struct soft_context *context)
{
	bool woken, replace;

	pthread_mutex_lock(&context->lock);
	context->running--;
	context->blocked++;
	woken = is_any_ready(context) && take_sleeper(context);
	replace = context->threads < context->cpus + context->blocked;
	if (replace)
		context->threads++;
	pthread_mutex_unlock(&context->lock);
	if (woken)
		wake(&context->wake, 1);
	/* Without a replacement the others do what they can. */
	if (replace)
		worker_start(context);
}

static void block_end(struct soft_context *context)
{
	pthread_mutex_lock(&context->lock);
	context->running++;
	context->blocked--;
	pthread_mutex_unlock(&context->lock);
}

/* Around what may enter oneDNN: context_exit waits for the end. False: don't begin. */
static bool compute_begin(struct soft_worker *worker)
{
	atomic_store(&worker->computing, 1);
	return !atomic_load(&worker->context->exiting);
}

static void compute_end(struct soft_worker *worker)
{
	atomic_store(&worker->computing, 0);
	if (atomic_load(&worker->context->exiting))
		wake(&worker->computing, 1);
}

/* ---- operations -------------------------------------------------------- */

/* The outcome for which a run must stop, else ACCEL_PENDING. */
static uint32_t why_stop(const struct soft_run *run)
{
	if (atomic_load_explicit(&run->job->cancel, memory_order_relaxed))
		return ACCEL_CANCELED;
	if (atomic_load_explicit(&run->context->exiting, memory_order_relaxed))
		return ACCEL_LOST;
	if (run->deadline != ACCEL_NO_DEADLINE && accel_core_sys.now() >= run->deadline)
		return ACCEL_TIMED_OUT;
	return ACCEL_PENDING;
}

static void share_stop(struct soft_share *share, uint32_t outcome, int error)
{
	uint32_t none = ACCEL_PENDING;

	if (atomic_compare_exchange_strong(&share->outcome, &none, outcome))
		atomic_store(&share->error, error);
	atomic_store(&share->next, share->tiles);
}

static bool share_take(struct soft_share *share, uint64_t *tile)
{
	*tile = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
	return *tile < share->tiles;
}

static void share_tile(struct soft_share *share, struct soft_slot *slot, uint64_t tile)
{
	uint32_t why = why_stop(share->run);
	int err;

	if (why) {
		share_stop(share, why, 0);
		return;
	}
	err = soft_op_run(share->op, share->run->job->base.bos, slot, tile);
	if (err)
		share_stop(share, ACCEL_FAILED, err);
}

/* Do tiles of another worker's operation until there are none or a queue has work. Called
 * and returns with the lock. */
static void help(struct soft_worker *worker, struct soft_share *share)
{
	struct soft_context *context = worker->context;
	struct soft_compute *compute = share->op->compute;
	struct soft_slot *slot = compute ? soft_slot_take(compute) : NULL;
	bool able = true;
	uint64_t tile;

	share->helpers++;
	pthread_mutex_unlock(&context->lock);
	if (!compute_begin(worker))
		able = false;
	else if (compute && !slot)
		able = soft_slot_create(compute, &slot) == 0;
	while (able && !is_any_ready(context) && share_take(share, &tile))
		share_tile(share, slot, tile);
	compute_end(worker);
	pthread_mutex_lock(&context->lock);
	if (slot)
		soft_slot_give(compute, slot);
	if (!able)
		list_del(&share->link);
	if (!--share->helpers && share->waiting) {
		/* Under the lock, for afterwards it is gone. */
		atomic_fetch_add(&share->done, 1);
		wake(&share->done, 1);
	}
}

/* Offer an operation to idle workers. */
static void share_open(struct soft_context *context, struct soft_share *share)
{
	uint64_t woken = 0;

	pthread_mutex_lock(&context->lock);
	list_append(&context->shares, &share->link);
	while (woken < share->tiles - 1 && take_sleeper(context))
		woken++;
	pthread_mutex_unlock(&context->lock);
	if (woken)
		wake(&context->wake, (int)woken);
}

static void share_close(struct soft_context *context, struct soft_share *share)
{
	uint32_t seen;

	pthread_mutex_lock(&context->lock);
	list_del(&share->link);
	share->waiting = true;
	while (share->helpers) {
		seen = atomic_load(&share->done);
		pthread_mutex_unlock(&context->lock);
		sleep_on(&share->done, seen);
		pthread_mutex_lock(&context->lock);
	}
	pthread_mutex_unlock(&context->lock);
}

/* The outcome, ACCEL_PENDING if all is well so far, and *error if it is ACCEL_FAILED. */
static uint32_t run_op(const struct soft_run *run, const struct soft_op *op, int *error)
{
	struct soft_share share = {.run = run, .op = op, .tiles = soft_grid_tiles(&op->grid)};
	bool shared = share.tiles > 1 && run->context->cpus > 1;
	uint64_t tile;

	list_init(&share.link);
	if (shared)
		share_open(run->context, &share);
	while (share_take(&share, &tile))
		share_tile(&share, op->slot, tile);
	if (shared)
		share_close(run->context, &share);
	*error = atomic_load(&share.error);
	return atomic_load(&share.outcome);
}

/* ---- jobs -------------------------------------------------------------- */

/* Tell exporters of dma-bufs that the CPU begins or ends to use them. */
static int sync_bos(const struct accel_job *job, bool begin)
{
	int err, first = 0;

	for (uint32_t i = 0; i < job->bo_count; i++) {
		err = soft_bo_sync(job->bos[i].bo, begin, job->bos[i].access);
		if (err && !first)
			first = err;
	}
	return first;
}

static uint32_t run_packets(const struct soft_run *run, int *error)
{
	const struct soft_job *job = run->job;
	uint32_t outcome = ACCEL_PENDING;

	*error = sync_bos(&job->base, true);
	if (*error)
		outcome = ACCEL_FAILED;
	for (uint32_t i = 0; !outcome && i < job->op_count; i++)
		outcome = run_op(run, &job->ops[i], error);
	if (sync_bos(&job->base, false) && !outcome) {
		*error = -EIO;
		outcome = ACCEL_FAILED;
	}
	return outcome;
}

/* What is light has nothing that the process's end would have to wait for. */
static uint32_t run_packets_on(struct soft_worker *worker, const struct soft_run *run, int *error)
{
	uint32_t outcome = ACCEL_LOST;

	if (!worker)
		return run_packets(run, error);
	if (compute_begin(worker))
		outcome = run_packets(run, error);
	compute_end(worker);
	return outcome;
}

static int should_stop(const struct accel_soft_call *call)
{
	struct soft_run *run = (struct soft_run *)(uintptr_t)call;
	uint32_t why = why_stop(run), none = ACCEL_PENDING;

	if (why)
		atomic_compare_exchange_strong(&run->told, &none, why);
	return why != ACCEL_PENDING;
}

static uint32_t run_host(struct soft_run *run, int *error)
{
	const struct accel_soft_host_job *host = &run->job->host;
	uint32_t told;
	int ret;

	run->call.data = host->data;
	run->call.should_stop = should_stop;
	block_begin(run->context);
	ret = host->fn(&run->call);
	block_end(run->context);
	told = atomic_load(&run->told);
	if (told || !ret)
		return told;
	*error = ret < 0 && ret >= -4095 ? ret : -EIO;
	return ACCEL_FAILED;
}

/* @worker is NULL on a thread of the caller's. */
static void run_job(struct soft_worker *worker, struct soft_job *job, uint32_t outcome, int error)
{
	struct soft_run run = {.context = soft_context(job->base.queue->context), .job = job};
	struct accel_job_result result = {.size = sizeof(result)};
	int64_t now = accel_core_sys.now();

	run.deadline = ACCEL_NO_DEADLINE;
	if (!outcome)
		outcome = why_stop(&run);
	if (!outcome) {
		result.start_ns = (uint64_t)now;
		if (job->base.timeout_ns &&
		    job->base.timeout_ns < (uint64_t)(ACCEL_NO_DEADLINE - now))
			run.deadline = now + (int64_t)job->base.timeout_ns;
		if (job->op_count)
			outcome = run_packets_on(worker, &run, &error);
		if (!outcome && job->host.fn) {
			outcome = why_stop(&run);
			if (!outcome)
				outcome = run_host(&run, &error);
		}
		now = accel_core_sys.now();
		if (!outcome)
			outcome = now >= run.deadline ? ACCEL_TIMED_OUT : ACCEL_DONE;
	}
	result.end_ns = (uint64_t)now;
	result.outcome = outcome;
	result.error = accel_core_outcome_errno(outcome);
	if (outcome == ACCEL_FAILED)
		result.driver_code = (uint64_t)(int64_t)error;
	if (worker)
		worker->telling = true;
	accel_core_job_done(&job->base, &result);
	if (worker)
		worker->telling = false;
}

/* ---- wait fences ------------------------------------------------------- */

static void fence_fired(struct accel_fence_callback *callback)
{
	struct soft_queue *queue = list_entry(callback, struct soft_queue, callback);
	struct soft_context *context = soft_context(queue->base.context);

	/* All under the lock: when it is given up here, the queue may end, and the context. */
	pthread_mutex_lock(&context->lock);
	queue->fired = true;
	if (queue->state == SOFT_QUEUE_BLOCKED && !queue->canceling) {
		make_ready(context, queue);
		/* A chain from queue to queue stays on one worker, and wakes none. */
		if (!looks_next(context) && take_sleeper(context))
			wake(&context->wake, 1);
	}
	pthread_mutex_unlock(&context->lock);
}

static bool must_not_wait(const struct soft_context *context, const struct soft_job *job)
{
	return atomic_load(&job->cancel) || atomic_load(&context->exiting);
}

/* A fence whose end nobody tells. 0, or why it can't be known when it ends. */
static int sleep_for(struct soft_context *context, struct soft_job *job, struct accel_fence *fence)
{
	int err;

	block_begin(context);
	do {
		err = accel_core_fence_sleep(fence, accel_core_sys.now() + FENCE_SLICE_NS);
		if (err == -ENOMEM || err == -EAGAIN || err == -EINTR) {
			accel_core_sys.poll(NULL, 0, FENCE_SLICE_NS);
			err = -ETIME;
		}
	} while (err == -ETIME && !must_not_wait(context, job));
	block_end(context);
	return err == -ETIME ? 0 : err;
}

/* Have the queue wait, without a worker, for @fence. True: it does, or will in a moment be
 * ready again, and belongs to the caller no more. */
static bool block_on(struct soft_context *context, struct soft_queue *queue, struct soft_job *job,
		     struct accel_fence *fence)
{
	bool blocked = false, take_back = false;

	pthread_mutex_lock(&context->lock);
	if (!queue->fired) {
		/* A canceller that came before saw no blocked queue and left it to us. */
		take_back = must_not_wait(context, job);
		blocked = !take_back;
	}
	if (blocked) {
		queue->fence = fence;
		queue->state = SOFT_QUEUE_BLOCKED;
	}
	pthread_mutex_unlock(&context->lock);
	if (!take_back || accel_core_fence_del_callback(fence, &queue->callback))
		return blocked;
	/* It is on its way already. */
	pthread_mutex_lock(&context->lock);
	blocked = !queue->fired;
	if (blocked) {
		queue->fence = fence;
		queue->state = SOFT_QUEUE_BLOCKED;
	}
	pthread_mutex_unlock(&context->lock);
	return blocked;
}

/* False: the queue is blocked, and belongs to the caller no more. Fences that have ended
 * already when the queue comes back are passed over. */
static bool wait_for_fences(struct soft_context *context, struct soft_queue *queue,
			    struct soft_job *job, int *error)
{
	struct accel_fence *fence;
	int err;

	for (uint32_t i = 0; i < job->base.wait_count; i++) {
		if (must_not_wait(context, job))
			break;
		fence = job->base.wait[i];
		queue->fired = false;
		err = accel_core_fence_add_callback(fence, &queue->callback);
		if (!err && block_on(context, queue, job, fence))
			return false;
		if (err == -EOPNOTSUPP)
			err = sleep_for(context, job, fence);
		if (err && err != -EALREADY) {
			*error = err;
			break;
		}
	}
	accel_core_job_drop_waits(&job->base);
	return true;
}

/* ---- queues ------------------------------------------------------------ */

static void make_idle(struct soft_queue *queue)
{
	queue->state = SOFT_QUEUE_IDLE;
	if (queue->fini_waits) {
		atomic_fetch_add(&queue->fini_wake, 1);
		wake(&queue->fini_wake, 1);
	}
}

/* Other queues are ready. Either the calling worker leaves its own to them, and true, or somebody
 * else is to come. With the lock, which is given up for a moment if it goes on. */
static bool give_way(struct soft_context *context, struct soft_queue *queue)
{
	bool woken;

	pthread_mutex_lock(&context->lock);
	if (must_yield(context, queue)) {
		make_ready(context, queue);
		return true;
	}
	woken = take_sleeper(context);
	pthread_mutex_unlock(&context->lock);
	if (woken)
		wake(&context->wake, 1);
	return false;
}

/* Run jobs of a queue that was taken. Called and returns with the lock. */
static void run_queue(struct soft_worker *worker, struct soft_queue *queue)
{
	struct soft_context *context = worker->context;
	struct soft_job *job;
	bool first = true;
	uint64_t end;
	int error;

	while (queue->head != queue->tail) {
		end = queue->tail;
		pthread_mutex_unlock(&context->lock);
		do {
			job = queue->ring[queue->head & queue->ring_mask];
			error = 0;
			if (job->base.wait_count && !wait_for_fences(context, queue, job, &error)) {
				pthread_mutex_lock(&context->lock);
				return;
			}
			if (!first && !error && is_any_ready(context) && give_way(context, queue))
				return;
			first = false;
			queue->head++;
			run_job(worker, job, error ? ACCEL_FAILED : ACCEL_PENDING, error);
		} while (queue->head != end);
		pthread_mutex_lock(&context->lock);
	}
	make_idle(queue);
}

static bool is_light(const struct soft_job *job)
{
	if (!job->light || job->base.wait_count)
		return false;
	/* To tell an exporter may last. */
	for (uint32_t i = 0; i < job->base.bo_count; i++)
		if (atomic_load_explicit(&soft_bo(job->base.bos[i].bo)->sync_fd,
					 memory_order_relaxed) >= 0)
			return false;
	return true;
}

/*
 * A thread that would sleep runs light jobs that no worker has begun. It is not counted as
 * running: it has a CPU already, and is gone before another would be missed.
 */
void soft_queue_help(struct accel_queue *base, uint64_t seq, int64_t deadline)
{
	struct soft_context *context = soft_context(base->context);
	struct soft_queue *queue = soft_queue(base);
	struct soft_job *job;
	bool woken = false;
	uint64_t end;

	pthread_mutex_lock(&context->lock);
	if (queue->state != SOFT_QUEUE_READY || more_urgent(context, queue) ||
	    !is_light(queue->ring[queue->head & queue->ring_mask])) {
		pthread_mutex_unlock(&context->lock);
		return;
	}
	take(context, queue);
	end = queue->tail;
	pthread_mutex_unlock(&context->lock);
	/* The ring's places are counted as the core counts jobs: this is the one before @seq. */
	do {
		job = queue->ring[queue->head++ & queue->ring_mask];
		run_job(NULL, job, ACCEL_PENDING, 0);
	} while (queue->head < seq && queue->head != end &&
		 is_light(queue->ring[queue->head & queue->ring_mask]) &&
		 !accel_core_expired(deadline));
	pthread_mutex_lock(&context->lock);
	if (queue->head != queue->tail) {
		make_ready(context, queue);
		woken = take_sleeper(context);
	} else {
		make_idle(queue);
	}
	pthread_mutex_unlock(&context->lock);
	if (woken)
		wake(&context->wake, 1);
}

/* For what else is ready. With the lock, which is given up for a moment. */
static void call_another(struct soft_context *context)
{
	if (!is_any_ready(context) || !take_sleeper(context))
		return;
	pthread_mutex_unlock(&context->lock);
	wake(&context->wake, 1);
	pthread_mutex_lock(&context->lock);
}

static void *worker_main(void *arg)
{
	struct soft_worker *worker = arg;
	struct soft_context *context = worker->context;
	struct soft_queue *queue;
	struct soft_share *share;
	uint32_t seen;

	soft_compute_thread();
	if (self_known)
		pthread_setspecific(self_key, worker);
	pthread_mutex_lock(&context->lock);
	context->running++;
	while (!context->stop) {
		/* Back from being blocked there may be one too many. */
		if (context->running <= context->cpus) {
			queue = take_ready(context);
			if (queue) {
				call_another(context);
				run_queue(worker, queue);
				continue;
			}
			share = find_share(context);
			if (share) {
				help(worker, share);
				continue;
			}
		}
		seen = atomic_load_explicit(&context->wake, memory_order_relaxed);
		context->running--;
		context->sleeping++;
		pthread_mutex_unlock(&context->lock);
		sleep_on(&context->wake, seen);
		pthread_mutex_lock(&context->lock);
		context->sleeping--;
		context->running++;
		if (context->waking)
			context->waking--;
	}
	context->running--;
	pthread_mutex_unlock(&context->lock);
	return NULL;
}

int soft_queue_init(struct accel_queue *base, const struct accel_queue_params *params,
		    int64_t deadline)
{
	struct soft_queue *queue = soft_queue(base);
	uint64_t entries = 1;
	int err;

	(void)deadline;
	if (params->ext)
		return accel_core_fail(-EINVAL, "soft: queues have no vendor struct");
	if (!base->depth)
		base->depth = SOFT_DEPTH;
	while (entries < base->depth)
		entries *= 2;
	queue->ring = accel_core_sys.alloc(entries * sizeof(*queue->ring));
	if (!queue->ring)
		return accel_core_fail(-ENOMEM, "soft: no memory for a queue of %u jobs",
				       base->depth);
	queue->ring_mask = entries - 1;
	queue->callback.fn = fence_fired;
	list_init(&queue->link);
	list_init(&queue->callback.link);
	err = start_pool(soft_context(base->context));
	if (err)
		accel_core_sys.free(queue->ring);
	return err;
}

void soft_queue_fini(struct accel_queue *base)
{
	struct soft_context *context = soft_context(base->context);
	struct soft_queue *queue = soft_queue(base);
	uint32_t seen;

	pthread_mutex_lock(&context->lock);
	queue->fini_waits = true;
	/* Its last job has ended, but the worker may still hold it. */
	while (queue->state != SOFT_QUEUE_IDLE) {
		seen = atomic_load(&queue->fini_wake);
		pthread_mutex_unlock(&context->lock);
		sleep_on(&queue->fini_wake, seen);
		pthread_mutex_lock(&context->lock);
	}
	pthread_mutex_unlock(&context->lock);
	accel_core_sys.free(queue->ring);
}

int soft_submit(struct accel_queue *base, struct accel_job *const *jobs, uint32_t count)
{
	struct soft_context *context = soft_context(base->context);
	struct soft_queue *queue = soft_queue(base);

	/* There is room: the core counts what is under way against the depth. */
	pthread_mutex_lock(&context->lock);
	for (uint32_t i = 0; i < count; i++) {
		struct soft_job *job = soft_job(jobs[i]);

		atomic_store_explicit(&job->cancel, 0, memory_order_relaxed);
		queue->ring[queue->tail++ & queue->ring_mask] = job;
	}
	if (queue->state == SOFT_QUEUE_IDLE) {
		make_ready(context, queue);
		if (take_sleeper(context))
			base->to_wake = futex_of(&context->wake);
	}
	pthread_mutex_unlock(&context->lock);
	return (int)count;
}

/* Jobs that are cancelled end when a worker comes to them, in their order. What it takes is
 * that it does come. */
int soft_queue_cancel(struct accel_queue *base)
{
	struct soft_context *context = soft_context(base->context);
	struct soft_queue *queue = soft_queue(base);
	struct accel_fence *fence = NULL;
	bool taken, woken = false;
	struct list *node;

	accel_core_lock(&base->lock);
	list_for_each(node, &base->jobs) {
		struct accel_job *job = list_entry(node, struct accel_job, link);

		if (job->canceled)
			atomic_store(&soft_job(job)->cancel, 1);
	}
	accel_core_unlock(&base->lock);

	pthread_mutex_lock(&context->lock);
	if (queue->state == SOFT_QUEUE_BLOCKED && !queue->canceling &&
	    atomic_load(&queue->ring[queue->head & queue->ring_mask]->cancel)) {
		queue->canceling = true;
		fence = queue->fence;
	}
	pthread_mutex_unlock(&context->lock);
	if (!fence)
		return 0;
	/* The fence stays, for so does the job. */
	taken = accel_core_fence_del_callback(fence, &queue->callback);
	pthread_mutex_lock(&context->lock);
	queue->canceling = false;
	if (taken || queue->fired) {
		make_ready(context, queue);
		woken = take_sleeper(context);
	}
	pthread_mutex_unlock(&context->lock);
	if (woken)
		wake(&context->wake, 1);
	return 0;
}

/* ---- the pool ---------------------------------------------------------- */

static unsigned int count_cpus(void)
{
	unsigned long mask[1024] = {0}; /* of 65536 CPUs */
	long online;
	int count = 0;

	if (!sched_getaffinity(0, sizeof(mask), (cpu_set_t *)(void *)mask))
		count = CPU_COUNT_S(sizeof(mask), (cpu_set_t *)(void *)mask);
	if (count > 0)
		return (unsigned int)count;
	online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (unsigned int)online : 1;
}

int soft_sched_init(struct soft_context *context)
{
	int err;

	for (unsigned int i = 0; i < SOFT_PRIORITIES; i++)
		list_init(&context->ready[i]);
	list_init(&context->shares);
	list_init(&context->workers);
	context->cpus = count_cpus();
	pthread_once(&key_once, make_key);
	err = pthread_mutex_init(&context->lock, NULL);
	return err ? accel_core_fail(-err, "soft: no lock: %s", strerror(err)) : 0;
}

void soft_sched_fini(struct soft_context *context)
{
	struct soft_worker *worker;
	struct list *node, *after;

	pthread_mutex_lock(&context->lock);
	context->stop = true;
	atomic_fetch_add(&context->wake, 1);
	pthread_mutex_unlock(&context->lock);
	wake(&context->wake, INT32_MAX);
	list_for_each_safe(node, after, &context->workers) {
		worker = list_entry(node, struct soft_worker, link);
		accel_core_sys.thread_join(worker->thread);
		accel_core_sys.free(worker);
	}
	pthread_mutex_destroy(&context->lock);
}

static struct soft_worker *find_computing(struct soft_context *context)
{
	struct soft_worker *worker, *found = NULL;
	struct list *node;

	pthread_mutex_lock(&context->lock);
	list_for_each(node, &context->workers) {
		worker = list_entry(node, struct soft_worker, link);
		if (atomic_load(&worker->computing))
			found = worker;
	}
	pthread_mutex_unlock(&context->lock);
	return found;
}

/* From now on jobs end as lost without running, and so the rest of their packets. Host
 * functions are not waited for. */
void soft_sched_exit(struct soft_context *context)
{
	struct soft_worker *worker;

	atomic_store(&context->exiting, 1);
	while ((worker = find_computing(context)))
		sleep_on(&worker->computing, 1);
}
