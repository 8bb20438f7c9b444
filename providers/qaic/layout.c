/* SPDX-License-Identifier: MIT */
/*
 * How buffers are moved. The kernel takes slices once, attached to a buffer, with one errno for
 * all that can be wrong with them; so they are checked here, where the place can be told.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TO_DEVICE   1
#define FROM_DEVICE 2

#define GOING_TRIES 1000
#define GOING_NS    1000000

/* ---- checking ------------------------------------------------------------------------------ */

static int wrong(int err, uint32_t index, uint32_t slice, const char *what)
{
	return accel_core_fail_at(err, index, UINT64_MAX, "buffer %u, slice %u: %s", index, slice,
				  what);
}

static const char *check_semaphores(const struct accel_qaic_semaphore *semaphores)
{
	const struct accel_qaic_semaphore *sem;
	unsigned int i, presyncs = 0;

	for (i = 0; i < 4; i++) {
		sem = &semaphores[i];
		if (sem->index > 31)
			return "a semaphore beyond the 32 of a channel";
		if (sem->value > 4095)
			return "a semaphore's value has 12 bits";
		if (sem->presync > 1 || sem->reserved)
			return "presync of a semaphore is 0 or 1, and reserved is 0";
		if (sem->command > ACCEL_QAIC_WAIT_GT_0)
			return "no such command of a semaphore";
		if (sem->flags & ~(ACCEL_QAIC_FENCE_IN | ACCEL_QAIC_FENCE_OUT))
			return "unknown flags of a semaphore";
		presyncs += sem->presync;
	}
	return presyncs > 1 ? "more than one semaphore before the transfer" : NULL;
}

static const char *check_doorbell(const struct accel_qaic_slice *slice)
{
	switch (slice->doorbell_bits) {
	case 0:
		return NULL;
	case 8:
	case 16:
	case 32:
		if (slice->doorbell_address % (slice->doorbell_bits / 8))
			return "the doorbell's address is not aligned to its width";
		return NULL;
	default:
		return "a doorbell has 8, 16 or 32 bits";
	}
}

static bool is_inside(uint64_t offset, uint64_t size, uint64_t bytes)
{
	/* Where nothing is moved the kernel takes a page in place of it. */
	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return offset <= bytes && size <= bytes - offset;
}

static int check_slice(const struct accel_qaic_slice *slice, uint32_t index, uint32_t number,
		       uint64_t bytes)
{
	const char *what;

	if (!is_inside(slice->offset, slice->bytes, bytes))
		return wrong(-ERANGE, index, number, "it reaches beyond the buffer");
	if (slice->bytes > UINT64_MAX - slice->device_address)
		return wrong(-ERANGE, index, number, "it reaches beyond the device's addresses");
	what = check_doorbell(slice);
	if (!what)
		what = check_semaphores(slice->semaphore);
	return what ? wrong(-EINVAL, index, number, what) : 0;
}

int qaic_layout_fits(const struct qaic_layout *layout, uint32_t index, uint64_t bytes)
{
	uint32_t i;

	for (i = 0; i < layout->count; i++)
		if (!is_inside(layout->entries[i].offset, layout->entries[i].size, bytes))
			return wrong(-ERANGE, index, i, "it reaches beyond the buffer");
	return 0;
}

bool qaic_layout_starves(const struct qaic_layout *layout, uint64_t limit)
{
	uint32_t i;

	if (!limit)
		return false;
	for (i = 0; i < layout->count; i++)
		if (limit == ACCEL_QAIC_NOTHING || limit <= layout->entries[i].offset)
			return true;
	return false;
}

/* ---- making ---------------------------------------------------------------------------------- */

static struct qaic_sem kernel_semaphore(const struct accel_qaic_semaphore *sem)
{
	return (struct qaic_sem){
		.val = sem->value,
		.index = sem->index,
		.presync = sem->presync,
		.cmd = sem->command,
		.flags = sem->flags,
	};
}

static struct qaic_attach_slice_entry kernel_slice(const struct accel_qaic_slice *slice)
{
	return (struct qaic_attach_slice_entry){
		.size = slice->bytes,
		.sem0 = kernel_semaphore(&slice->semaphore[0]),
		.sem1 = kernel_semaphore(&slice->semaphore[1]),
		.sem2 = kernel_semaphore(&slice->semaphore[2]),
		.sem3 = kernel_semaphore(&slice->semaphore[3]),
		.dev_addr = slice->device_address,
		.db_addr = slice->doorbell_address,
		.db_data = slice->doorbell_data,
		.db_len = slice->doorbell_bits,
		.offset = slice->offset,
	};
}

int qaic_layout_make(const struct accel_qaic_transfer *transfer, uint32_t index,
		     const struct accel_bo *bo, uint32_t access, struct qaic_layout **out)
{
	struct qaic_layout *layout;
	uint32_t i;
	int ret;

	if (access != ACCEL_ACCESS_READ && access != ACCEL_ACCESS_WRITE)
		return accel_core_fail_at(
			-EINVAL, index, UINT64_MAX,
			"buffer %u is listed for reading and writing: it is moved "
			"to the device or from it",
			index);
	if (!transfer->count || !transfer->slices || transfer->reserved)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "buffer %u has no slices, or a reserved member is set",
					  index);
	/* Each takes an element at least. */
	if (transfer->count > QAIC_ELEMENTS_MAX)
		return accel_core_fail_at(-E2BIG, index, UINT64_MAX,
					  "buffer %u has %u slices: no ring has so many elements",
					  index, transfer->count);
	for (i = 0; i < transfer->count; i++) {
		ret = check_slice(&transfer->slices[i], index, i, bo->bytes);
		if (ret)
			return ret;
	}
	layout = accel_core_sys.alloc(sizeof(*layout) +
				      transfer->count * sizeof(layout->entries[0]));
	if (!layout)
		return accel_core_fail(-ENOMEM, "no memory for %u slices", transfer->count);
	layout->refs = 1;
	layout->dir = access == ACCEL_ACCESS_READ ? TO_DEVICE : FROM_DEVICE;
	layout->count = transfer->count;
	for (i = 0; i < transfer->count; i++)
		layout->entries[i] = kernel_slice(&transfer->slices[i]);
	*out = layout;
	return 0;
}

bool qaic_layout_same(const struct qaic_layout *a, const struct qaic_layout *b)
{
	return a == b || (a->dir == b->dir && a->count == b->count &&
			  !memcmp(a->entries, b->entries, a->count * sizeof(a->entries[0])));
}

struct qaic_layout *qaic_layout_ref(struct qaic_layout *layout)
{
	atomic_fetch_add(&layout->refs, 1);
	return layout;
}

void qaic_layout_unref(struct qaic_layout *layout)
{
	if (layout && atomic_fetch_sub(&layout->refs, 1) == 1)
		accel_core_sys.free(layout);
}

/* ---- attaching ---------------------------------------------------------------------------------- */

static int detach(struct qaic_bo *bo)
{
	struct qaic_detach_slice ask = {.handle = bo->handle};
	int ret;

	if (!bo->layout)
		return 0;
	ret = accel_core_ioctl(bo->base.context->fd, DRM_IOCTL_QAIC_DETACH_SLICE_BO, &ask);
	if (ret == -EBUSY)
		return ret;
	qaic_context(bo->base.context)->detached++;
	qaic_layout_unref(bo->layout);
	bo->layout = NULL;
	bo->activation = 0;
	return ret;
}

void qaic_detach(struct qaic_bo *bo)
{
	detach(bo);
}

static int refused(struct qaic_queue *queue, uint32_t index, int err)
{
	struct accel_context *context = queue->base.context;

	switch (err) {
	case -ENOSPC:
		return accel_core_fail_at(-E2BIG, index, UINT64_MAX,
					  "buffer %u takes more than the %u elements of the queue",
					  index, queue->elements);
	case -EPIPE:
		atomic_store(&queue->lost, true);
		return accel_core_fail(-ESTALE, "the queue's channel restarts");
	case -ENODEV:
		qaic_look(context);
		if (atomic_load(&context->state))
			return accel_core_context_errno(context);
		break;
	case -EINVAL: /* all else was checked */
		if (qaic_queue_look(queue))
			break;
		return accel_core_fail(-ESTALE, "the queue's channel was taken away");
	default:
		break;
	}
	return accel_core_fail_at(err == -ENOMEM ? err : -EIO, index, UINT64_MAX,
				  "buffer %u: ATTACH_SLICE_BO: %s", index, strerror(-err));
}

/* How many elements it takes depends on the pieces of its memory, which only the kernel knows. */
static int ask_elements(struct qaic_queue *queue, struct qaic_bo *bo)
{
	struct qaic_perf_stats_entry entry = {.handle = bo->handle};
	struct qaic_perf_stats ask = {
		.hdr = {.count = 1, .dbc_id = atomic_load(&queue->channel)},
		.data = (uintptr_t)&entry,
	};
	int ret;

	ret = accel_core_ioctl(bo->base.context->fd, DRM_IOCTL_QAIC_PERF_STATS_BO, &ask);
	bo->elements = entry.num_queue_element;
	return ret;
}

/*
 * Of a channel that has gone the kernel itself detaches, which DETACH_SLICE_BO shows by -EINVAL;
 * but it says so from the moment that the channel begins to go.
 */
static int attach(struct qaic_queue *queue, int fd, struct qaic_attach_slice *ask, bool goes)
{
	unsigned int tries = goes ? GOING_TRIES : 1;
	int ret;

	while ((ret = accel_core_ioctl(fd, DRM_IOCTL_QAIC_ATTACH_SLICE_BO, ask)) == -EINVAL &&
	       --tries && qaic_queue_look(queue))
		accel_core_sys.poll(NULL, 0, GOING_NS);
	return ret;
}

static int attach_anew(struct qaic_queue *queue, struct qaic_bo *bo, struct qaic_layout *layout,
		       uint32_t index, uint64_t activation)
{
	struct qaic_attach_slice ask = {
		.hdr =
			{
				.count = layout->count,
				.dbc_id = atomic_load(&queue->channel),
				.handle = bo->handle,
				.dir = layout->dir,
			},
		.data = (uintptr_t)layout->entries,
	};
	int ret;

	ret = detach(bo);
	if (ret == -EBUSY)
		return accel_core_fail_at(-EBUSY, index, UINT64_MAX,
					  "buffer %u is still with the device", index);
	ret = attach(queue, bo->base.context->fd, &ask, ret == -EINVAL);
	if (ret)
		return refused(queue, index, ret);
	bo->layout = qaic_layout_ref(layout);
	bo->activation = activation;
	ret = ask_elements(queue, bo);
	if (ret) {
		detach(bo);
		return refused(queue, index, ret);
	}
	return 0;
}

int qaic_attach(struct qaic_queue *queue, struct qaic_bo *bo, struct qaic_layout *layout,
		uint32_t index)
{
	const uint64_t activation = atomic_load(&queue->activation);

	if (bo->layout && bo->activation == activation && qaic_layout_same(bo->layout, layout))
		return 0;
	return attach_anew(queue, bo, layout, index, activation);
}
