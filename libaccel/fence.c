/* SPDX-License-Identifier: MIT */
/* Fences: of a queue's jobs, of a descriptor, or born ended. Their life, their end,
 * and waiting for one. */
#include "core.h"

#include <errno.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------ */

/*
 * Fences of a queue that are not in use, so that submitting allocates nothing. Lives as long as
 * the queue and any of its fences. Two stacks, by accel_fence.link.next: what is given back, by
 * anyone, goes onto one, which is only ever taken as a whole, to be the other.
 */
struct accel_fence_pool {
	_Atomic uint32_t refs;
	struct list *free; /* under the queue's lock */
	_Atomic(struct list *) given_back;
};

static struct accel_fence *fence_new(struct accel_fence_pool *pool)
{
	struct accel_fence *fence = accel_core_sys.alloc(sizeof(*fence));

	if (!fence)
		return NULL;
	list_init(&fence->link);
	list_init(&fence->callbacks);
	fence->pool = pool;
	fence->event_fd = -1;
	fence->fd = -1;
	return fence;
}

static void fence_free(struct accel_fence *fence)
{
	accel_core_sys.free(fence);
}

static void give_back(struct accel_fence_pool *pool, struct accel_fence *fence)
{
	struct list *top = atomic_load_explicit(&pool->given_back, memory_order_relaxed);

	do {
		fence->link.next = top;
	} while (!atomic_compare_exchange_weak_explicit(&pool->given_back, &top, &fence->link,
							memory_order_release,
							memory_order_relaxed));
}

static struct accel_fence *take_free(struct accel_fence_pool *pool)
{
	struct list *top = pool->free;

	if (!top)
		top = atomic_exchange_explicit(&pool->given_back, NULL, memory_order_acquire);
	if (!top)
		return NULL;
	pool->free = top->next;
	return list_entry(top, struct accel_fence, link);
}

struct accel_fence_pool *fence_pool_create(uint32_t count)
{
	struct accel_fence_pool *pool;
	struct accel_fence *fence;

	pool = accel_core_sys.alloc(sizeof(*pool));
	if (!pool)
		return NULL;
	pool->refs = 1;
	while (count--) {
		fence = fence_new(pool);
		if (!fence) {
			fence_pool_put(pool);
			return NULL;
		}
		give_back(pool, fence);
	}
	return pool;
}

void fence_pool_put(struct accel_fence_pool *pool)
{
	struct accel_fence *fence;

	if (!refs_put(&pool->refs))
		return;
	while ((fence = take_free(pool)))
		fence_free(fence);
	accel_core_sys.free(pool);
}

struct accel_fence *fence_alloc(void)
{
	struct accel_fence *fence = fence_new(NULL);

	if (fence)
		fence->refs = fence->users = 1;
	return fence;
}

/* The fence's user is one of the queue's; the queue holds the fence until it ends. */
static inline struct accel_fence *begin(struct accel_fence *fence, struct accel_queue *queue,
					uint64_t first)
{
	atomic_store_explicit(&fence->refs, 2, memory_order_relaxed);
	atomic_store_explicit(&fence->users, 1, memory_order_relaxed);
	atomic_store_explicit(&fence->state, 0, memory_order_relaxed);
	fence->error = 0;
	fence->queue = queue;
	refs_get(&queue->users);
	refs_get(&fence->pool->refs);
	fence->first = first;
	return fence;
}

static SELDOM struct accel_fence *create_more(struct accel_queue *queue, uint64_t first)
{
	struct accel_fence *fence = fence_new(queue->pool);

	if (fence)
		return begin(fence, queue, first);
	accel_core_fail(-ENOMEM, "no memory for a fence");
	return NULL;
}

struct accel_fence *fence_create(struct accel_queue *queue, uint64_t first)
{
	struct accel_fence *fence = take_free(queue->pool);

	return fence ? begin(fence, queue, first) : create_more(queue, first);
}

int fence_create_ended(struct accel_fence **out)
{
	struct accel_fence *fence = fence_alloc();

	if (!fence)
		return accel_core_fail(-ENOMEM, "no memory for a fence");
	fence->state = FENCE_ENDED;
	*out = fence;
	return 0;
}

static void fence_close(struct accel_fence *fence)
{
	if (fence->event_fd >= 0)
		accel_core_sys.close(fence->event_fd);
	if (fence->fd >= 0)
		accel_core_sys.close(fence->fd);
	fence->event_fd = -1;
	fence->fd = -1;
}

void fence_put(struct accel_fence *fence)
{
	struct accel_fence_pool *pool = fence->pool;

	if (!refs_put(&fence->refs))
		return;
	fence_close(fence);
	if (!pool) {
		fence_free(fence);
		return;
	}
	give_back(pool, fence);
	fence_pool_put(pool);
}

void fence_discard(struct accel_fence *fence)
{
	struct accel_queue *queue = fence->queue;

	/* Not the last: the caller is a user too. */
	atomic_fetch_sub(&queue->users, 1);
	fence_put(fence);
	fence_put(fence);
}

struct accel_queue *fence_hold_queue(struct accel_fence *fence)
{
	struct accel_queue *queue;

	accel_core_lock(&fence->lock);
	queue = fence->queue;
	if (queue)
		refs_get(&queue->refs);
	accel_core_unlock(&fence->lock);
	return queue;
}

struct accel_fence *accel_fence_ref(struct accel_fence *fence)
{
	if (fence) {
		refs_get(&fence->refs);
		refs_get(&fence->users);
	}
	return fence;
}

/* The last user goes. Jobs that wait for it must still be able to ask the queue, which stays until
 * all its jobs have ended. */
static struct accel_queue *let_go_of_queue(struct accel_fence *fence)
{
	struct accel_queue *queue;

	if (atomic_load_explicit(&fence->refs, memory_order_acquire) == 1)
		return fence->queue; /* nobody else has it: it has ended */
	accel_core_lock(&fence->lock);
	queue = fence->queue;
	if (atomic_fetch_or(&fence->state, FENCE_USERLESS) & FENCE_ENDED)
		fence->queue = NULL;
	accel_core_unlock(&fence->lock);
	return queue;
}

static void unref_in_child(struct accel_fence *fence, bool was_last_user)
{
	if (!was_last_user)
		return;
	fence_close(fence);
	queue_put_user(fence->queue);
}

void accel_fence_unref(struct accel_fence *fence)
{
	bool was_last_user;

	if (!fence)
		return;
	was_last_user = refs_put(&fence->users);
	if (process_is_child()) {
		unref_in_child(fence, was_last_user);
		return;
	}
	if (was_last_user)
		queue_put_user(let_go_of_queue(fence));
	fence_put(fence);
}

/* ---- ending --------------------------------------------------------------------------------- */

bool fence_has_ended(struct accel_fence *fence)
{
	return atomic_load_explicit(&fence->state, memory_order_acquire) & FENCE_ENDED;
}

void fence_set_ended(struct accel_fence *fence)
{
	if (!(atomic_fetch_or(&fence->state, FENCE_ENDED) & FENCE_USERLESS))
		return;
	accel_core_lock(&fence->lock);
	fence->queue = NULL;
	accel_core_unlock(&fence->lock);
}

static void tell_hearers(struct accel_fence *fence)
{
	struct accel_fence_callback *callback;
	struct list told, *node, *after;

	list_init(&told);
	accel_core_lock(&fence->lock);
	list_for_each_safe(node, after, &fence->callbacks) {
		list_del(node);
		list_append(&told, node);
	}
	if (fence->event_fd >= 0)
		fence_write_event(fence->event_fd);
	accel_core_unlock(&fence->lock);
	list_for_each_safe(node, after, &told) {
		callback = list_entry(node, struct accel_fence_callback, link);
		callback->fn(callback);
	}
}

void fence_tell(struct accel_fence *fence)
{
	const uint32_t state = atomic_load(&fence->state);

	if (state & FENCE_AWAITED)
		accel_core_sys.futex_wake((const uint32_t *)&fence->state, INT32_MAX);
	if (state & FENCE_HEARD)
		tell_hearers(fence);
	fence_put(fence);
}

/* What a sync_file says of its end, in the terms of accel_fence_wait(). */
static int error_of_status(int status)
{
	switch (status) {
	case -ETIMEDOUT:
	case -ECANCELED:
	case -ESTALE:
	case -ENODEV:
		return status;
	case -ETIME:
		return -ETIMEDOUT;
	default:
		return status < 0 ? -EIO : 0;
	}
}

/* Look at an imported descriptor, for up to @timeout_ns: whether it has ended. */
static int look_at_fd(struct accel_fence *fence, int64_t timeout_ns)
{
	struct pollfd pollfd = {.fd = fence->fd, .events = POLLIN};
	int status, ret;

	ret = accel_core_sys.poll(&pollfd, 1, timeout_ns);
	if (ret <= 0)
		return ret;
	accel_core_lock(&fence->lock);
	if (!fence_has_ended(fence)) {
		if (!accel_core_sync_file_status(fence->fd, &status))
			fence->error = error_of_status(status);
		else if (!(pollfd.revents & POLLIN)) /* its other end is gone */
			fence->error = -EIO;
		atomic_fetch_or(&fence->state, FENCE_ENDED);
	}
	accel_core_unlock(&fence->lock);
	return 1;
}

bool fence_look(struct accel_fence *fence)
{
	struct accel_queue *queue;

	if (fence_has_ended(fence))
		return true;
	if (fence->fd >= 0) {
		while (look_at_fd(fence, 0) == -EINTR)
			;
	} else {
		queue = fence_hold_queue(fence);
		if (queue) {
			if (queue->context->pulls)
				queue_poll(queue, fence->last);
			queue_put(queue);
		}
	}
	return fence_has_ended(fence);
}

/* ---- waiting for one ----------------------------------------------------------------------------- */

static int wait_fd(struct accel_fence *fence, int64_t deadline)
{
	int64_t left;
	int ret;

	for (;;) {
		left = deadline == ACCEL_NO_DEADLINE ? -1 : accel_core_left(deadline, INT64_MAX);
		ret = look_at_fd(fence, left);
		if (ret > 0)
			return 0;
		if (ret < 0 && ret != -EINTR)
			return accel_core_fail(ret == -ENOMEM ? ret : -EINVAL,
					       "an imported descriptor can't be polled: %s",
					       strerror(-ret));
		if (accel_core_expired(deadline))
			return -ETIME;
	}
}

/* Ended by somebody else: sleep on the fence itself. */
static int wait_word(struct accel_fence *fence, int64_t deadline)
{
	uint32_t state;
	int ret;

	for (;;) {
		state = atomic_fetch_or(&fence->state, FENCE_AWAITED) | FENCE_AWAITED;
		if (state & FENCE_ENDED)
			return 0;
		if (accel_core_expired(deadline))
			return -ETIME;
		ret = accel_core_sys.futex_wait((const uint32_t *)&fence->state, state, deadline);
		if (ret && ret != -EINTR && ret != -ETIME)
			return accel_core_fail(ret, "futex: %s", strerror(-ret));
	}
}

/* Of one that has not ended yet; @queue is its queue, which stays. */
static int sleep_on(struct accel_fence *fence, struct accel_queue *queue, int64_t deadline)
{
	if (fence->fd >= 0)
		return wait_fd(fence, deadline);
	if (queue && queue->context->pulls)
		return queue_wait(queue, fence->last, deadline);
	if (queue)
		queue_help(queue, fence->last, deadline);
	return wait_word(fence, deadline);
}

int accel_core_fence_sleep(struct accel_fence *fence, int64_t deadline)
{
	struct accel_queue *queue;
	int ret;

	if (fence_has_ended(fence))
		return 0;
	queue = fence_hold_queue(fence);
	ret = sleep_on(fence, queue, deadline);
	if (queue)
		queue_put(queue);
	return ret;
}

int accel_fence_wait(struct accel_fence *fence, int64_t deadline)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!fence)
		return accel_core_fail(-EINVAL, "fence is NULL");
	if (!fence_has_ended(fence))
		ret = sleep_on(fence, fence->queue, deadline);
	return ret ? ret : fence->error;
}

int accel_fence_status(struct accel_fence *fence)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!fence)
		return accel_core_fail(-EINVAL, "fence is NULL");
	return fence_look(fence) ? fence->error : -EINPROGRESS;
}

/* ---- being told ------------------------------------------------------------------------------------ */

bool fence_ends_by_itself(struct accel_fence *fence)
{
	struct accel_queue *queue;
	bool pulls;

	if (fence->fd >= 0)
		return false;
	queue = fence_hold_queue(fence);
	if (!queue)
		return true; /* its jobs have ended */
	pulls = queue->context->pulls;
	queue_put(queue);
	return !pulls;
}

int accel_core_fence_add_callback(struct accel_fence *fence, struct accel_fence_callback *callback)
{
	int ret = 0;

	if (fence_look(fence))
		return -EALREADY;
	if (!fence_ends_by_itself(fence))
		return -EOPNOTSUPP;
	accel_core_lock(&fence->lock);
	if (atomic_fetch_or(&fence->state, FENCE_HEARD) & FENCE_ENDED)
		ret = -EALREADY;
	else
		list_append(&fence->callbacks, &callback->link);
	accel_core_unlock(&fence->lock);
	return ret;
}

bool accel_core_fence_del_callback(struct accel_fence *fence, struct accel_fence_callback *callback)
{
	bool on_list = false;
	struct list *node;

	accel_core_lock(&fence->lock);
	list_for_each(node, &fence->callbacks)
		if (node == &callback->link)
			on_list = true;
	if (on_list)
		list_del(&callback->link);
	accel_core_unlock(&fence->lock);
	return on_list;
}
