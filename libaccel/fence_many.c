/* SPDX-License-Identifier: MIT */
/* Waiting for one of several fences, or for all. */
#include "core.h"

#include <errno.h>
#include <string.h>

#define SLICE_NS 1000000 /* between two looks where nothing can be slept on */

/* One sleeper's place on one fence. */
struct place {
	struct accel_fence_callback callback;
	_Atomic uint32_t *word; /* the sleeper's: counts what ended */
	_Atomic uint32_t told;
};

/* Of memory for waiting, per fence; as many as this need no allocation. */
#define ROOM_EACH (sizeof(struct place) + sizeof(struct pollfd) + sizeof(bool))
#define SMALL     8

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
	if (fence_ends_by_itself(fence))
		return fence_event_fd(fence, fd);
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
		queue = fence_hold_queue(fences[i]);
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
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
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

/* The first in the list that has ended, or @count. One that ended while later ones were looked
 * at counts, too. */
static uint32_t first_ended(struct accel_fence *const *fences, uint32_t count)
{
	uint32_t i, found;

	for (found = 0; found < count && !fence_look(fences[found]); found++)
		;
	for (i = 0; i < found && found < count; i++)
		if (fence_has_ended(fences[i]))
			return i;
	return found;
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
		all_by_themselves = all_by_themselves && fence_ends_by_itself(fences[i]);
	for (;;) {
		i = first_ended(fences, count);
		if (i < count) {
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
