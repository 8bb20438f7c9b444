/* SPDX-License-Identifier: MIT */
/* Fences: of a queue's jobs, of a descriptor, or born ended. */
#include "core.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#define SLICE_NS 1000000    /* between two looks where nothing can be slept on */

/* An eventfd that no reader ever empties: reading takes one from a count near 2^64. */
#define EVENT_FLAGS (EFD_SEMAPHORE | EFD_NONBLOCK)
#define EVENT_ENDED UINT64_C(0xfffffffffffffffe)

/* ---- memory ------------------------------------------------------------------------------ */

/* Fences of a queue that are not in use, so that submitting allocates nothing. Lives as long as
 * the queue and any of its fences. */
struct accel_fence_pool {
	_Atomic uint32_t refs;
	pthread_mutex_t lock;
	struct list free; /* accel_fence.link */
};

static struct accel_fence *fence_new(void)
{
	struct accel_fence *fence = accel_core_sys.alloc(sizeof(*fence));

	if (!fence)
		return NULL;
	list_init(&fence->link);
	list_init(&fence->callbacks);
	pthread_mutex_init(&fence->lock, NULL);
	fence->event_fd = -1;
	fence->fd = -1;
	return fence;
}

static void fence_free(struct accel_fence *fence)
{
	pthread_mutex_destroy(&fence->lock);
	accel_core_sys.free(fence);
}

struct accel_fence_pool *fence_pool_create(uint32_t count)
{
	struct accel_fence_pool *pool;
	struct accel_fence *fence;

	pool = accel_core_sys.alloc(sizeof(*pool));
	if (!pool)
		return NULL;
	pool->refs = 1;
	pthread_mutex_init(&pool->lock, NULL);
	list_init(&pool->free);
	while (count--) {
		fence = fence_new();
		if (!fence) {
			fence_pool_put(pool);
			return NULL;
		}
		list_append(&pool->free, &fence->link);
	}
	return pool;
}

void fence_pool_put(struct accel_fence_pool *pool)
{
	struct list *node, *after;

	if (!refs_put(&pool->refs))
		return;
	list_for_each_safe(node, after, &pool->free)
		fence_free(list_entry(node, struct accel_fence, link));
	pthread_mutex_destroy(&pool->lock);
	accel_core_sys.free(pool);
}

/* A fence that is pending and has one user; its queue and the jobs it covers are to be set. */
static struct accel_fence *fence_alloc(struct accel_fence_pool *pool)
{
	struct accel_fence *fence = NULL;

	if (pool) {
		pthread_mutex_lock(&pool->lock);
		if (!list_empty(&pool->free)) {
			fence = list_entry(pool->free.prev, struct accel_fence, link);
			list_del(&fence->link);
		}
		pthread_mutex_unlock(&pool->lock);
	}
	if (!fence)
		fence = fence_new();
	if (!fence)
		return NULL;
	atomic_store_explicit(&fence->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&fence->users, 1, memory_order_relaxed);
	atomic_store_explicit(&fence->state, FENCE_PENDING, memory_order_relaxed);
	fence->error = 0;
	fence->queue = NULL;
	fence->userless = false;
	fence->pool = pool;
	if (pool)
		refs_get(&pool->refs);
	return fence;
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
	pthread_mutex_lock(&pool->lock);
	list_append(&pool->free, &fence->link);
	pthread_mutex_unlock(&pool->lock);
	fence_pool_put(pool);
}

int fence_create(struct accel_queue *queue, struct accel_fence_pool *pool, uint64_t first,
		 uint64_t last, struct accel_fence **out)
{
	struct accel_fence *fence = fence_alloc(pool);

	if (!fence)
		return accel_core_fail(-ENOMEM, "no memory for a fence");
	fence->first = first;
	fence->last = last;
	if (queue) {
		/* The fence's user is one of the queue's; the queue holds the fence until it
		 * ends. */
		fence->queue = queue;
		refs_get(&queue->users);
		refs_get(&fence->refs);
	} else {
		fence->state = FENCE_ENDED;
	}
	*out = fence;
	return 0;
}

void fence_discard(struct accel_fence *fence)
{
	struct accel_queue *queue = fence->queue;

	/* Not the last: the caller is a user too. */
	atomic_fetch_sub(&queue->users, 1);
	fence_put(fence);
	fence_put(fence);
}

/* The queue of a fence that has users or is pending, held; else NULL. */
static struct accel_queue *hold_queue(struct accel_fence *fence)
{
	struct accel_queue *queue;

	pthread_mutex_lock(&fence->lock);
	queue = fence->queue;
	if (queue)
		refs_get(&queue->refs);
	pthread_mutex_unlock(&fence->lock);
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

void accel_fence_unref(struct accel_fence *fence)
{
	struct accel_queue *queue;

	if (!fence)
		return;
	if (refs_put(&fence->users)) {
		if (process_is_child()) {
			fence_close(fence);
			queue_put_user(fence->queue);
			return;
		}
		/* Jobs that wait for it must still be able to ask the queue, which stays
		 * until all its jobs have ended. */
		pthread_mutex_lock(&fence->lock);
		queue = fence->queue;
		fence->userless = true;
		if (fence_has_ended(fence))
			fence->queue = NULL;
		pthread_mutex_unlock(&fence->lock);
		queue_put_user(queue);
	}
	if (!process_is_child())
		fence_put(fence);
}

/* ---- ending --------------------------------------------------------------------------------- */

bool fence_has_ended(struct accel_fence *fence)
{
	return atomic_load_explicit(&fence->state, memory_order_acquire) == FENCE_ENDED;
}

static void write_event(int fd)
{
	const uint64_t count = EVENT_ENDED;
	ssize_t ret;

	do {
		ret = accel_core_sys.write(fd, &count, sizeof(count));
	} while (ret == -EINTR);
}

void fence_set_ended(struct accel_fence *fence)
{
	pthread_mutex_lock(&fence->lock);
	fence->awaited = atomic_exchange_explicit(&fence->state, FENCE_ENDED,
						  memory_order_acq_rel) == FENCE_AWAITED;
	if (fence->userless)
		fence->queue = NULL;
	pthread_mutex_unlock(&fence->lock);
}

void fence_tell(struct accel_fence *fence)
{
	struct accel_fence_callback *callback;
	struct list told, *node, *after;

	if (fence->awaited)
		accel_core_sys.futex_wake((const uint32_t *)&fence->state, INT32_MAX);
	list_init(&told);
	pthread_mutex_lock(&fence->lock);
	list_for_each_safe(node, after, &fence->callbacks) {
		list_del(node);
		list_append(&told, node);
	}
	if (fence->event_fd >= 0)
		write_event(fence->event_fd);
	pthread_mutex_unlock(&fence->lock);
	list_for_each_safe(node, after, &told) {
		callback = list_entry(node, struct accel_fence_callback, link);
		callback->fn(callback);
	}
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
	struct pollfd pollfd = { .fd = fence->fd, .events = POLLIN };
	uint32_t before;
	int status, ret;

	ret = accel_core_sys.poll(&pollfd, 1, timeout_ns);
	if (ret <= 0)
		return ret;
	pthread_mutex_lock(&fence->lock);
	before = fence->state;
	if (before != FENCE_ENDED) {
		if (!accel_core_sync_file_status(fence->fd, &status))
			fence->error = error_of_status(status);
		else if (!(pollfd.revents & POLLIN)) /* its other end is gone */
			fence->error = -EIO;
		atomic_store_explicit(&fence->state, FENCE_ENDED, memory_order_release);
	}
	pthread_mutex_unlock(&fence->lock);
	return 1;
}

/* Whether it has ended, asking whom there is to ask; never sleeps. */
static bool has_ended_now(struct accel_fence *fence)
{
	struct accel_queue *queue;

	if (fence_has_ended(fence))
		return true;
	if (fence->fd >= 0) {
		while (look_at_fd(fence, 0) == -EINTR)
			;
	} else {
		queue = hold_queue(fence);
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
		state = FENCE_PENDING;
		atomic_compare_exchange_strong(&fence->state, &state, FENCE_AWAITED);
		if (state == FENCE_ENDED)
			return 0;
		if (accel_core_expired(deadline))
			return -ETIME;
		ret = accel_core_sys.futex_wait((const uint32_t *)&fence->state, FENCE_AWAITED,
						deadline);
		if (ret && ret != -EINTR && ret != -ETIME)
			return accel_core_fail(ret, "futex: %s", strerror(-ret));
	}
}

int accel_core_fence_sleep(struct accel_fence *fence, int64_t deadline)
{
	struct accel_queue *queue;
	int ret;

	if (fence_has_ended(fence))
		return 0;
	if (fence->fd >= 0)
		return wait_fd(fence, deadline);
	queue = hold_queue(fence);
	if (!queue || !queue->context->pulls)
		ret = wait_word(fence, deadline);
	else
		ret = queue_wait(queue, fence->last, deadline);
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
	ret = accel_core_fence_sleep(fence, deadline);
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
	return has_ended_now(fence) ? fence->error : -EINPROGRESS;
}

/* ---- being told ------------------------------------------------------------------------------------ */

/* Whether someone else than a waiting thread makes it end. */
static bool ends_by_itself(struct accel_fence *fence)
{
	struct accel_queue *queue;
	bool pulls;

	if (fence->fd >= 0)
		return false;
	queue = hold_queue(fence);
	if (!queue)
		return true; /* its jobs have ended */
	pulls = queue->context->pulls;
	queue_put(queue);
	return !pulls;
}

int accel_core_fence_add_callback(struct accel_fence *fence, struct accel_fence_callback *callback)
{
	int ret = 0;

	if (has_ended_now(fence))
		return -EALREADY;
	if (!ends_by_itself(fence))
		return -EOPNOTSUPP;
	pthread_mutex_lock(&fence->lock);
	if (fence_has_ended(fence))
		ret = -EALREADY;
	else
		list_append(&fence->callbacks, &callback->link);
	pthread_mutex_unlock(&fence->lock);
	return ret;
}

bool accel_core_fence_del_callback(struct accel_fence *fence,
				   struct accel_fence_callback *callback)
{
	bool on_list = false;
	struct list *node;

	pthread_mutex_lock(&fence->lock);
	list_for_each(node, &fence->callbacks)
		if (node == &callback->link)
			on_list = true;
	if (on_list)
		list_del(&callback->link);
	pthread_mutex_unlock(&fence->lock);
	return on_list;
}

/* ---- descriptors ------------------------------------------------------------------------------------ */

/* The fence's own eventfd. */
static int event_fd(struct accel_fence *fence, int *out)
{
	int fd, ret = 0;

	pthread_mutex_lock(&fence->lock);
	if (fence->event_fd < 0) {
		fd = accel_core_sys.eventfd(0, EVENT_FLAGS);
		if (fd < 0) {
			ret = accel_core_fail(fd, "no eventfd: %s", strerror(-fd));
			goto out;
		}
		fence->event_fd = fd;
		if (fence_has_ended(fence))
			write_event(fd);
	}
	*out = fence->event_fd;
out:
	pthread_mutex_unlock(&fence->lock);
	return ret;
}

static int dup_of(int fd, int *out)
{
	int ret = accel_core_sys.dup(fd);

	if (ret < 0)
		return accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
	*out = ret;
	return 0;
}

static int export_event(struct accel_fence *fence, int *out)
{
	int fd, ret;

	ret = event_fd(fence, &fd);
	return ret ? ret : dup_of(fd, out);
}

static int export_imported(struct accel_fence *fence, uint32_t kind, int *out)
{
	int status;

	if (kind == ACCEL_FD_SYNC_FILE && accel_core_sync_file_status(fence->fd, &status))
		return accel_core_fail(-EOPNOTSUPP, "the imported descriptor is no sync_file");
	return dup_of(fence->fd, out);
}

/* Of a queue that pulls: the kernel has the descriptor, or a thread makes it. */
static int export_pulled(struct accel_fence *fence, struct accel_queue *queue, uint32_t kind,
			 int *out)
{
	const struct accel_ops *ops = queue->context->provider->ops;
	struct accel_job *job;
	int ret;

	pthread_mutex_lock(&queue->lock);
	job = queue_find_job(queue, fence->last);
	if (!job && kind == ACCEL_FD_SYNC_FILE) {
		ret = ops->ended_sync_file(queue->context, out);
	} else if (!job) {
		ret = 1;
	} else if (job->state == ACCEL_JOB_RUNNING &&
		   queue->context->limits.fence_fd == ACCEL_NATIVE) {
		ret = ops->job_fd(job, kind, out);
	} else if (kind == ACCEL_FD_SYNC_FILE) {
		ret = -EAGAIN;
	} else {
		ret = waiter_start(queue);
		if (!ret)
			ret = 1;
	}
	pthread_mutex_unlock(&queue->lock);
	return ret == 1 ? export_event(fence, out) : ret;
}

int accel_fence_export_fd(struct accel_fence *fence, uint32_t kind, int *fd)
{
	struct accel_queue *queue;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!fence || !fd || kind > ACCEL_FD_SYNC_FILE)
		return accel_core_fail(-EINVAL, "fence or fd is NULL, or there is no kind %u", kind);
	if (fence->fd >= 0)
		return export_imported(fence, kind, fd);
	queue = hold_queue(fence);
	if (kind == ACCEL_FD_SYNC_FILE &&
	    (!queue || queue->context->limits.sync_file == ACCEL_ABSENT))
		ret = accel_core_fail(-EOPNOTSUPP, "this driver has no sync_file");
	else if (queue && queue->context->limits.fence_fd == ACCEL_ABSENT)
		ret = accel_core_fail(-EOPNOTSUPP, "this fence can have no descriptor here");
	else if (queue && queue->context->pulls)
		ret = export_pulled(fence, queue, kind, fd);
	else
		ret = export_event(fence, fd);
	if (queue)
		queue_put(queue);
	return ret;
}

int accel_fence_import_fd(int fd, uint32_t flags, struct accel_fence **out)
{
	struct pollfd pollfd = { .fd = fd };
	struct accel_fence *fence;
	struct stat st;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!out || flags)
		return accel_core_fail(-EINVAL, "out is NULL, or flags is not 0");
	ret = accel_core_sys.fstat(fd, &st);
	if (ret)
		return accel_core_fail(ret, "descriptor %d: %s", fd, strerror(-ret));
	/* These poll readable always, and one opened with O_PATH not at all. */
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ||
	    S_ISLNK(st.st_mode) ||
	    (accel_core_sys.poll(&pollfd, 1, 0) > 0 && pollfd.revents & POLLNVAL))
		return accel_core_fail(-EINVAL, "descriptor %d is of a file that can't be polled", fd);
	fence = fence_alloc(NULL);
	if (!fence)
		return accel_core_fail(-ENOMEM, "no memory for a fence");
	ret = dup_of(fd, &fence->fd);
	if (ret) {
		fence_put(fence);
		return ret;
	}
	*out = fence;
	return 0;
}

/* ---- waiting for many ------------------------------------------------------------------------------- */

/* One sleeper's place on one fence. */
struct place {
	struct accel_fence_callback callback;
	_Atomic uint32_t *word; /* the sleeper's: counts what ended */
	_Atomic uint32_t told;
};

/* Of memory for waiting, per fence; as many as this need no allocation. */
#define ROOM_EACH (sizeof(struct place) + sizeof(struct pollfd) + sizeof(bool))
#define SMALL	  8

static void tell_sleeper(struct accel_fence_callback *callback)
{
	struct place *place = list_entry(callback, struct place, callback);
	_Atomic uint32_t *word = place->word;

	atomic_fetch_add(word, 1);
	/* After this the sleeper may be gone, and waking nobody does no harm. */
	atomic_store(&place->told, 1);
	accel_core_sys.futex_wake((const uint32_t *)word, 1);
}

/* A descriptor to poll for a fence, and whether it must be closed; -EOPNOTSUPP: none. */
static int poll_fd_of(struct accel_fence *fence, int *fd, bool *temporary)
{
	*temporary = false;
	if (fence->fd >= 0) {
		*fd = fence->fd;
		return 0;
	}
	if (ends_by_itself(fence))
		return event_fd(fence, fd);
	*temporary = true;
	return accel_fence_export_fd(fence, ACCEL_FD_ANY, fd);
}

/* Sleep until one of @fences may have ended. All end by themselves. */
static int sleep_on_callbacks(struct accel_fence *const *fences, uint32_t count, int64_t deadline,
			      struct place *places)
{
	_Atomic uint32_t word = 0;
	uint32_t i, placed;
	int ret = 0;

	for (i = 0; i < count; i++) {
		places[i].word = &word;
		atomic_store(&places[i].told, 0);
		places[i].callback.fn = tell_sleeper;
		if (accel_core_fence_add_callback(fences[i], &places[i].callback))
			break; /* this one has ended */
	}
	placed = i;
	if (placed == count) {
		do {
			ret = accel_core_sys.futex_wait((const uint32_t *)&word, 0, deadline);
		} while (ret == -EINTR || (!ret && !atomic_load(&word)));
	}
	for (i = 0; i < placed; i++)
		if (!accel_core_fence_del_callback(fences[i], &places[i].callback))
			while (!atomic_load(&places[i].told))
				accel_core_sys.poll(NULL, 0, 0);
	return ret;
}

/* Of fences that a kernel may leave pending when a driver is unbound: the devices are asked. */
static void look_for_losses(struct accel_fence *const *fences, uint32_t count)
{
	struct accel_queue *queue;
	uint32_t i;

	for (i = 0; i < count; i++) {
		queue = hold_queue(fences[i]);
		if (!queue)
			continue;
		if (queue->context->pulls)
			accel_core_context_look(queue->context);
		queue_put(queue);
	}
}

/* The same by poll(2); where a fence has no descriptor, for a short while only. */
static int sleep_on_fds(struct accel_fence *const *fences, uint32_t count, int64_t deadline,
			struct pollfd *fds, bool *temporary)
{
	int64_t slice = INT64_MAX, left;
	struct accel_error before;
	uint32_t i;
	int ret;

	error_save(&before);
	for (i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
		ret = poll_fd_of(fences[i], &fds[i].fd, &temporary[i]);
		if (ret) {
			fds[i].fd = -1;
			temporary[i] = false;
			slice = SLICE_NS;
		} else if (temporary[i] && slice > ACCEL_LOOK_NS) {
			slice = ACCEL_LOOK_NS;
		}
	}
	error_restore(&before);
	left = accel_core_left(deadline, slice);
	ret = accel_core_sys.poll(fds, count, left == INT64_MAX ? -1 : left);
	for (i = 0; i < count; i++)
		if (temporary[i])
			accel_core_sys.close(fds[i].fd);
	return ret == -EINTR || ret >= 0 ? 0 : ret;
}

static int wait_any(struct accel_fence *const *fences, uint32_t count, int64_t deadline,
		    uint32_t *index)
{
	_Alignas(max_align_t) char small[SMALL * ROOM_EACH];
	bool all_by_themselves = true;
	int64_t looked = accel_core_sys.now();
	void *room = count <= SMALL ? small : NULL;
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++)
		all_by_themselves = all_by_themselves && ends_by_itself(fences[i]);
	for (;;) {
		for (i = 0; i < count; i++) {
			if (!has_ended_now(fences[i]))
				continue;
			if (index)
				*index = i;
			ret = fences[i]->error;
			goto out;
		}
		ret = -ETIME;
		if (accel_core_expired(deadline))
			goto out;
		if (!room)
			room = accel_core_sys.alloc((size_t)count * ROOM_EACH);
		if (!room) {
			ret = accel_core_fail(-ENOMEM, "no memory to wait for %u fences", count);
			goto out;
		}
		if (all_by_themselves)
			ret = sleep_on_callbacks(fences, count, deadline, room);
		else
			ret = sleep_on_fds(fences, count, deadline, room,
					   (bool *)((struct pollfd *)room + count));
		if (!all_by_themselves && accel_core_sys.now() - looked >= ACCEL_LOOK_NS) {
			look_for_losses(fences, count);
			looked = accel_core_sys.now();
		}
		if (ret && ret != -ETIME) {
			accel_core_fail(ret, "waiting for %u fences: %s", count, strerror(-ret));
			goto out;
		}
	}
out:
	if (room != small)
		accel_core_sys.free(room);
	return ret;
}

static int wait_all(struct accel_fence *const *fences, uint32_t count, int64_t deadline,
		    uint32_t *index)
{
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = accel_core_fence_sleep(fences[i], deadline);
		if (ret)
			return ret;
	}
	for (i = 0; i < count; i++) {
		if (!fences[i]->error)
			continue;
		if (index)
			*index = i;
		return fences[i]->error;
	}
	return 0;
}

int accel_fence_wait_many(struct accel_fence *const *fences, uint32_t count, uint32_t flags,
			  int64_t deadline, uint32_t *index)
{
	uint32_t i;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!fences || !count || flags & ~ACCEL_WAIT_ALL)
		return accel_core_fail(-EINVAL, "no fences, or unknown flags 0x%x", flags);
	for (i = 0; i < count; i++)
		if (!fences[i])
			return accel_core_fail_at(-EINVAL, i, NONE64, "fence %u is NULL", i);
	if (flags & ACCEL_WAIT_ALL)
		return wait_all(fences, count, deadline, index);
	return wait_any(fences, count, deadline, index);
}
