/* SPDX-License-Identifier: MIT */
/*
 * Jobs of qaic: buffers that go through a channel in their order, by one EXECUTE.
 *
 * The kernel has no fence here, but a completion of each buffer, which can only be slept for,
 * with a relative time; and it never tells how a transfer ended. Where EXECUTE fails midway it
 * leaves the buffers before with a completion that never comes: so everything it could fail for is
 * ruled out before, the ring is counted here, and whatever it was handed is detached if it
 * failed all the same.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <string.h>

#define SLICE_NS  INT64_C(50000000) /* of sleeping in the kernel */
#define NS_PER_MS 1000000

static struct qaic_queue *queue_of(const struct qaic_job *job)
{
	return qaic_queue(job->base.queue);
}

static struct qaic_context *context_of(const struct qaic_job *job)
{
	return qaic_context(job->base.queue->context);
}

static struct qaic_bo *bo_of(const struct qaic_job *job, uint32_t index)
{
	return qaic_bo(job->base.bos[index].bo);
}

/* ---- the word that shows whether it went well ------------------------------------------------- */

static bool is_in_slice(const struct qaic_layout *layout, uint64_t offset)
{
	const struct qaic_attach_slice_entry *entry;
	uint32_t i;

	for (i = 0; i < layout->count; i++) {
		entry = &layout->entries[i];
		if (offset >= entry->offset && entry->size >= sizeof(uint64_t) &&
		    offset - entry->offset <= entry->size - sizeof(uint64_t))
			return true;
	}
	return false;
}

static uint64_t *word_at(struct accel_bo *bo, uint64_t offset)
{
	return (uint64_t *)(void *)((uint8_t *)bo->map + offset);
}

/* Whether @bo can hold the word as buffer @index. */
static int check_word_bo(struct accel_bo *bo, uint32_t index)
{
	int ret;

	if (bo->flags & ACCEL_BO_IS_IMPORTED)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "buffer %u is imported: the word to check is not in such",
					  index);
	ret = accel_core_bo_map(bo);
	return ret ? accel_core_fail_at(ret, index, UINT64_MAX, "buffer %u can't be mapped: %s",
					index, strerror(-ret))
		   : 0;
}

static int check_place(const struct qaic_job *job, uint32_t index, uint64_t offset, uint32_t access)
{
	if (index >= job->base.bo_count || job->base.bos[index].access != access)
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "the word to check: buffer %u does not go that way",
					  index);
	if (offset % sizeof(uint64_t) || !is_in_slice(job->layout[index], offset))
		return accel_core_fail_at(-EINVAL, index, UINT64_MAX,
					  "the word to check: %llu of buffer %u is not 8 aligned "
					  "bytes of a slice",
					  (unsigned long long)offset, index);
	return check_word_bo(job->base.bos[index].bo, index);
}

static int take_check(struct qaic_job *job, const struct accel_qaic_job *ext)
{
	int ret;

	job->flags = ext->flags;
	if (!(ext->flags & ACCEL_QAIC_CHECK)) {
		if (ext->in || ext->out || ext->in_offset || ext->out_offset)
			return accel_core_fail(-EINVAL, "a place to check, but not "
							"ACCEL_QAIC_CHECK");
		return 0;
	}
	job->in = ext->in;
	job->out = ext->out;
	job->in_offset = ext->in_offset;
	job->out_offset = ext->out_offset;
	ret = check_place(job, job->in, job->in_offset, ACCEL_ACCESS_READ);
	return ret ? ret : check_place(job, job->out, job->out_offset, ACCEL_ACCESS_WRITE);
}

static void write_word(struct qaic_job *job)
{
	job->word = ++context_of(job)->words * UINT64_C(0x9e3779b97f4a7c15);
	*word_at(job->base.bos[job->in].bo, job->in_offset) = job->word;
	*word_at(job->base.bos[job->out].bo, job->out_offset) = ~job->word;
}

static uint32_t check_word(const struct qaic_job *job)
{
	if (!(job->flags & ACCEL_QAIC_CHECK))
		return ACCEL_DONE_UNVERIFIED;
	return *word_at(job->base.bos[job->out].bo, job->out_offset) == job->word ? ACCEL_DONE
										  : ACCEL_FAILED;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Under slice_lock: whether a job has it with the kernel. */
static bool is_under_way(const struct qaic_bo *bo)
{
	return bo->last && bo->last->under_way;
}

/* Under slice_lock and the queue's lock: attach buffer @index so, unless it is under way or the
 * channel is being changed: then it is done when the job is submitted. */
static int prepare(struct qaic_job *job, uint32_t index, struct accel_bo *bo)
{
	struct qaic_queue *queue = queue_of(job);
	int ret;

	if (atomic_load(&queue->changing) || is_under_way(qaic_bo(bo)))
		return 0;
	ret = qaic_attach(queue, qaic_bo(bo), job->layout[index], index);
	if (ret)
		return ret;
	if (qaic_bo(bo)->elements >= queue->elements)
		return accel_core_fail_at(-E2BIG, index, UINT64_MAX,
					  "buffer %u takes %u elements: the ring has %u, one of "
					  "them always free",
					  index, qaic_bo(bo)->elements, queue->elements);
	return 0;
}

static int prepare_all(struct qaic_job *job)
{
	struct qaic_queue *queue = queue_of(job);
	struct qaic_context *context = context_of(job);
	uint64_t elements = 0;
	uint32_t i;
	int ret = 0;

	accel_core_lock(&queue->base.lock);
	accel_core_lock(&context->slice_lock);
	if (atomic_load(&queue->lost))
		ret = accel_core_fail(-ESTALE, "the queue's channel was taken away");
	for (i = 0; i < job->base.bo_count && !ret; i++) {
		ret = prepare(job, i, job->base.bos[i].bo);
		elements += is_under_way(bo_of(job, i)) ? 1 : bo_of(job, i)->elements;
	}
	if (!ret && elements >= queue->elements)
		ret = accel_core_fail(-E2BIG,
				      "the job takes %llu elements: the ring has %u, one of them "
				      "always free",
				      (unsigned long long)elements, queue->elements);
	accel_core_unlock(&context->slice_lock);
	accel_core_unlock(&queue->base.lock);
	return ret;
}

/* Limits leave semaphores and doorbells; a slice of several elements that is left without a byte
 * never tells of its end, as the kernel takes the mark off its last element. */
static int check_limit(const struct qaic_job *job, uint32_t index, uint64_t limit)
{
	const struct qaic_bo *bo = bo_of(job, index);
	const struct qaic_layout *layout = job->layout[index];

	if (!limit)
		return 0;
	if (limit != ACCEL_QAIC_NOTHING && limit > bo->base.bytes)
		return accel_core_fail_at(
			-ERANGE, index, UINT64_MAX, "buffer %u has %llu bytes: a limit of %llu",
			index, (unsigned long long)bo->base.bytes, (unsigned long long)limit);
	if (!qaic_layout_starves(layout, limit))
		return 0;
	if (bo->layout && qaic_layout_same(bo->layout, layout) && bo->elements == layout->count)
		return 0;
	return accel_core_fail_at(-EOPNOTSUPP, index, UINT64_MAX,
				  "buffer %u: the limit leaves no byte of a slice whose memory is "
				  "in pieces: the kernel would wait for ever",
				  index);
}

static int take_transfers(struct qaic_job *job, const struct accel_qaic_transfer *transfers)
{
	const struct accel_bo_ref *ref;
	struct qaic_layout *layout;
	uint32_t i;
	int ret;

	for (i = 0; i < job->base.bo_count; i++) {
		ref = &job->base.bos[i];
		ret = qaic_layout_make(&transfers[i], i, ref->bo, ref->access, &layout);
		if (ret)
			return ret;
		job->layout[i] = layout;
		job->limit[i] = transfers[i].limit;
	}
	return 0;
}

static int alloc_lists(struct qaic_job *job)
{
	const size_t count = job->base.bo_count;
	uint8_t *memory;

	memory = accel_core_sys.alloc(count * (sizeof(*job->layout) + sizeof(*job->limit) +
					       sizeof(*job->entries) + sizeof(*job->stats)));
	if (!memory)
		return accel_core_fail(-ENOMEM, "no memory for a job of %zu buffers", count);
	/* The most aligned first. */
	job->limit = (void *)memory;
	job->entries = (void *)(job->limit + count);
	job->layout = (void *)(job->entries + count);
	job->stats = (void *)(job->layout + count);
	return 0;
}

int qaic_job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct qaic_job *job = qaic_job(base);
	struct accel_qaic_job ext;
	uint32_t i;
	int ret;

	ret = accel_core_ext(&ext, sizeof(ext), params->ext, ACCEL_QAIC_JOB);
	if (ret < 0)
		return ret;
	if (!ret || !ext.transfers || !base->bo_count)
		return accel_core_fail(-EINVAL, "a job of this device has buffers, and a struct "
						"accel_qaic_job with a transfer of each");
	if (ext.reserved || ext.flags & ~ACCEL_QAIC_CHECK)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x or a reserved member is set",
				       ext.flags);
	ret = alloc_lists(job);
	if (ret)
		return ret;
	ret = take_transfers(job, ext.transfers);
	if (!ret)
		ret = take_check(job, &ext);
	if (!ret)
		ret = prepare_all(job);
	accel_core_lock(&context_of(job)->slice_lock);
	for (i = 0; i < base->bo_count && !ret; i++)
		ret = check_limit(job, i, job->limit[i]);
	accel_core_unlock(&context_of(job)->slice_lock);
	if (ret)
		qaic_job_fini(base);
	return ret;
}

/* Under slice_lock: buffer @index is not the job's any more, and no other's yet. */
static void forget(const struct qaic_job *job, uint32_t index)
{
	if (bo_of(job, index)->last == job)
		bo_of(job, index)->last = NULL;
}

int qaic_job_set_bo(struct accel_job *base, uint32_t index, struct accel_bo *bo)
{
	struct qaic_job *job = qaic_job(base);
	int ret;

	ret = qaic_layout_fits(job->layout[index], index, bo->bytes);
	if (!ret && job->limit[index] != ACCEL_QAIC_NOTHING && job->limit[index] > bo->bytes)
		ret = accel_core_fail_at(-ERANGE, index, UINT64_MAX,
					 "buffer %u has %llu bytes: the job's limit is %llu", index,
					 (unsigned long long)bo->bytes,
					 (unsigned long long)job->limit[index]);
	if (!ret && job->flags & ACCEL_QAIC_CHECK && (index == job->in || index == job->out))
		ret = check_word_bo(bo, index);
	if (ret)
		return ret;
	accel_core_lock(&context_of(job)->slice_lock);
	ret = prepare(job, index, bo);
	if (!ret)
		forget(job, index);
	accel_core_unlock(&context_of(job)->slice_lock);
	return ret;
}

void qaic_job_fini(struct accel_job *base)
{
	struct qaic_job *job = qaic_job(base);
	uint32_t i;

	accel_core_lock(&context_of(job)->slice_lock);
	for (i = 0; i < base->bo_count; i++)
		forget(job, i);
	accel_core_unlock(&context_of(job)->slice_lock);
	for (i = 0; i < base->bo_count; i++)
		qaic_layout_unref(job->layout[i]);
	accel_core_sys.free(job->limit);
}

/* ---- submitting --------------------------------------------------------------------------------- */

static SELDOM int lost(struct qaic_queue *queue)
{
	const int ret = accel_core_context_errno(queue->base.context);

	return ret ? ret
		   : accel_core_fail(-ESTALE, "the queue's channel was taken away: make "
					      "another queue");
}

/* Under slice_lock: each buffer attached, and what they take of the ring. */
static int attach_all(struct qaic_job *job)
{
	struct qaic_queue *queue = queue_of(job);
	uint64_t elements = 0;
	uint32_t i;
	int ret;

	for (i = 0; i < job->base.bo_count; i++) {
		ret = qaic_attach(queue, bo_of(job, i), job->layout[i], i);
		if (!ret && job->limit[i])
			ret = check_limit(job, i, job->limit[i]);
		if (ret)
			return ret;
		elements += bo_of(job, i)->elements;
	}
	if (elements >= queue->elements)
		return accel_core_fail(-E2BIG, "the job takes %llu elements: the ring has %u",
				       (unsigned long long)elements, queue->elements);
	job->elements = (uint32_t)elements;
	return 0;
}

static uint64_t kernel_limit(const struct qaic_job *job, uint32_t index)
{
	if (!job->limit[index])
		return job->base.bos[index].bo->bytes;
	return job->limit[index] == ACCEL_QAIC_NOTHING ? 0 : job->limit[index];
}

/* What is handed over. The kernel only reads it. */
static void make_ask(struct qaic_job *job)
{
	struct qaic_execute_entry *plain = (void *)job->entries;
	const uint32_t count = job->base.bo_count;
	bool partial = false;
	uint32_t i;

	for (i = 0; i < count; i++) {
		plain[i] = (struct qaic_execute_entry){.handle = bo_of(job, i)->handle};
		partial |= job->limit[i] != 0;
	}
	for (i = 0; i < count && partial; i++)
		job->entries[i] = (struct qaic_partial_execute_entry){
			.handle = bo_of(job, i)->handle,
			.resize = kernel_limit(job, i),
		};
	job->request = partial ? DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO : DRM_IOCTL_QAIC_EXECUTE_BO;
	job->ask = (struct qaic_execute){
		.hdr = {.count = count, .dbc_id = atomic_load(&queue_of(job)->channel)},
		.data = (uintptr_t)job->entries,
	};
}

/* Under slice_lock: see that no other job has its buffers under way, that they are attached, and
 * that what is handed over fits that. */
static SELDOM int make_ready(struct qaic_job *job)
{
	uint32_t i;
	int ret;

	for (i = 0; i < job->base.bo_count; i++)
		if (is_under_way(bo_of(job, i)))
			return accel_core_fail_at(-EBUSY, i, UINT64_MAX,
						  "buffer %u is under way with another job", i);
	ret = attach_all(job);
	if (ret)
		return ret;
	make_ask(job);
	job->activation = atomic_load(&queue_of(job)->activation);
	job->detached = context_of(job)->detached;
	return 0;
}

static SELDOM void take_buffers(struct qaic_job *job)
{
	uint32_t i;

	for (i = 0; i < job->base.bo_count; i++)
		bo_of(job, i)->last = job;
}

/* Under slice_lock: whether all that make_ready() sees to is so still: its buffers were last its
 * own, and it is not under way itself. */
static bool is_ready(const struct qaic_context *context, const struct qaic_queue *queue,
		     const struct qaic_job *job)
{
	const struct accel_bo_ref *ref = job->base.bos, *end = ref + job->base.bo_count;

	if (job->detached != context->detached ||
	    job->activation != atomic_load(&queue->activation))
		return false;
	for (; ref < end; ref++)
		if (qaic_bo(ref->bo)->last != job)
			return false;
	return true;
}

static int refused(struct qaic_job *job, int err)
{
	struct qaic_queue *queue = queue_of(job);
	uint32_t i;

	/* Some may wait for a completion that nobody will tell: attached anew they don't. */
	for (i = 0; i < job->base.bo_count; i++) {
		qaic_detach(bo_of(job, i));
		bo_of(job, i)->last = NULL;
	}
	switch (err) {
	case -EPERM:
	case -EPIPE:
		atomic_store(&queue->lost, true);
		return lost(queue);
	case -ENODEV:
		qaic_look(queue->base.context);
		atomic_store(&queue->lost, true);
		return lost(queue);
	case -ENOMEM:
		return accel_core_fail(err, "EXECUTE_BO: no memory");
	default:
		return accel_core_fail(-EIO, "EXECUTE_BO: %s", strerror(-err));
	}
}

/* Under slice_lock: EXECUTE_BO gave @err. */
static SELDOM int not_taken(struct qaic_job *job, int err)
{
	err = accel_core_ioctl_failed(err, job->base.queue->context->fd, job->request, &job->ask);
	return err ? refused(job, err) : 0;
}

/* Under slice_lock. */
static inline int submit_one(struct qaic_context *context, struct qaic_queue *queue,
			     struct qaic_job *job)
{
	const bool ready = is_ready(context, queue, job);
	int ret;

	if (atomic_load(&queue->lost))
		return lost(queue);
	if (!ready) {
		ret = make_ready(job);
		if (ret)
			return ret;
	}
	if (job->elements >= queue->elements - queue->used)
		return -EAGAIN;
	if (job->flags & ACCEL_QAIC_CHECK)
		write_word(job);
	ret = accel_core_sys.ioctl(context->base.fd, job->request, &job->ask);
	if (ret)
		ret = not_taken(job, ret);
	if (ret)
		return ret;
	if (!ready)
		take_buffers(job);
	queue->used += job->elements;
	job->under_way = true;
	job->waited = 0;
	atomic_store_explicit(&job->outcome, ACCEL_PENDING, memory_order_release);
	return 0;
}

int qaic_submit(struct accel_queue *base, struct accel_job *const *jobs, uint32_t count)
{
	struct qaic_context *context = qaic_context(base->context);
	struct qaic_queue *queue = qaic_queue(base);
	uint32_t done;
	int ret = 0;

	/* It is cancelled by another thread at this moment: there will be a channel again. */
	while (atomic_load(&queue->changing))
		accel_core_sys.futex_wait((const uint32_t *)&queue->changing, 1, ACCEL_NO_DEADLINE);
	accel_core_lock(&context->slice_lock);
	for (done = 0; done < count; done++) {
		ret = submit_one(context, queue, qaic_job(jobs[done]));
		if (ret)
			break;
	}
	accel_core_unlock(&context->slice_lock);
	return done ? (int)done : ret;
}

/* ---- ending ---------------------------------------------------------------------------------------- */

/* The kernel has let go of it. The first who sees it says how it ended. */
static void finish(struct qaic_job *job, uint32_t outcome)
{
	struct qaic_context *context = context_of(job);

	accel_core_lock(&context->slice_lock);
	if (job->under_way) {
		if (outcome == ACCEL_DONE_UNVERIFIED)
			outcome = check_word(job);
		queue_of(job)->used -= job->elements;
		job->under_way = false;
		atomic_store(&job->outcome, outcome);
	}
	accel_core_unlock(&context->slice_lock);
}

/* Whether it can't be with the kernel any more, for its channel is gone. */
static bool has_lost(const struct qaic_job *job, uint32_t *outcome)
{
	const struct qaic_queue *queue = queue_of(job);

	if (atomic_load(&queue->activation) != job->activation) {
		*outcome = ACCEL_CANCELED;
		return true;
	}
	*outcome = ACCEL_LOST;
	return atomic_load(&queue->lost) || atomic_load(&queue->base.context->state);
}

/* What an ioctl about a buffer of a job under way says when it can't: the channel is gone. */
static void note_loss(struct qaic_job *job, int err)
{
	if (err == -ENODEV)
		qaic_look(job->base.queue->context);
	atomic_store(&queue_of(job)->lost, true);
}

/*
 * Without sleeping, unlike WAIT_BO. Statistics count microseconds: one that took less looks as if
 * it had not ended. 0: all have; -EINPROGRESS; or what the kernel says.
 */
static int ask_statistics(struct qaic_job *job)
{
	const uint32_t count = job->base.bo_count;
	struct qaic_perf_stats ask = {
		.hdr = {.count = (__u16)count, .dbc_id = atomic_load(&queue_of(job)->channel)},
		.data = (uintptr_t)job->stats,
	};
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++)
		job->stats[i] = (struct qaic_perf_stats_entry){.handle = bo_of(job, i)->handle};
	ret = accel_core_ioctl(job->base.queue->context->fd, DRM_IOCTL_QAIC_PERF_STATS_BO, &ask);
	for (i = 0; i < count && !ret; i++)
		if (!job->stats[i].device_latency_us)
			ret = -EINPROGRESS;
	return ret;
}

bool qaic_job_settle(struct qaic_job *job)
{
	uint32_t outcome;
	int ret;

	if (atomic_load(&job->outcome) != ACCEL_PENDING)
		return true;
	if (!has_lost(job, &outcome)) {
		ret = ask_statistics(job);
		/* The buffers of a channel that is gone are not attached any more. */
		if (ret && (ret != -EINVAL || qaic_queue_look(queue_of(job))) && ret != -ENODEV)
			return false;
		if (ret == -ENODEV)
			note_loss(job, ret);
		outcome = ret ? ACCEL_LOST : ACCEL_DONE_UNVERIFIED;
	}
	finish(job, outcome);
	return true;
}

int qaic_job_poll(struct accel_job *base, bool ended, struct accel_job_result *result)
{
	struct qaic_job *job = qaic_job(base);
	uint32_t outcome;

	if (!qaic_job_settle(job)) {
		if (!ended)
			return -EINPROGRESS;
		/* A wait for a later one has seen it end, or the context is lost. */
		if (!has_lost(job, &outcome))
			outcome = ACCEL_DONE_UNVERIFIED;
		finish(job, outcome);
	}
	result->outcome = atomic_load(&job->outcome);
	return 0;
}

/* At least one: 0 would stand for the kernel's own default. */
static uint32_t slice_ms(int64_t deadline)
{
	const int64_t left = deadline == ACCEL_NO_DEADLINE ? SLICE_NS
							   : accel_core_left(deadline, SLICE_NS);

	return left > 0 ? (uint32_t)((left + NS_PER_MS - 1) / NS_PER_MS) : 1;
}

/* With a signal the kernel begins anew, and with a storm of them there is no end: none may come
 * where there is a deadline. */
static int wait_slice(struct accel_context *context, struct qaic_wait *ask, int64_t deadline)
{
	if (deadline == ACCEL_NO_DEADLINE)
		return accel_core_sys.ioctl(context->fd, DRM_IOCTL_QAIC_WAIT_BO, ask);
	return qaic_ioctl_undisturbed(context->fd, DRM_IOCTL_QAIC_WAIT_BO, ask);
}

/* Under the queue's lock: the oldest job up to @job that has not ended. */
static struct qaic_job *oldest(const struct qaic_job *job)
{
	struct qaic_queue *queue = queue_of(job);
	struct list *node = &queue->base.jobs;
	struct accel_job *other;

	/* Those up to this one have ended, if it is in the list still. */
	if (queue->passed && queue->passed->state == ACCEL_JOB_RUNNING)
		node = &queue->passed->link;
	for (node = node->next; node != &queue->base.jobs; node = node->next) {
		other = list_entry(node, struct accel_job, link);
		if (other->seq > job->base.seq || other->state != ACCEL_JOB_RUNNING)
			break;
		if (atomic_load(&qaic_job(other)->outcome) == ACCEL_PENDING)
			return qaic_job(other);
		queue->passed = other;
	}
	return NULL;
}

/* Under the queue's lock: that buffer of @first, which is job @seq, has ended. True: it was the last
 * one. The job may have been seen to end meanwhile, and be another now. */
static bool has_waited(struct qaic_job *first, uint64_t seq, uint32_t handle)
{
	return first->base.seq == seq &&
	       bo_of(first, first->base.bo_count - 1 - first->waited)->handle == handle &&
	       ++first->waited == first->base.bo_count;
}

/*
 * Under the queue's lock: what is to be waited for on the way to the end of @job, with the number of
 * its job; 0: nothing. The last buffer first: in most cases it is the last to end. @seq: what @ask says
 * has ended, of that job; 0: nothing has.
 */
static uint64_t next_wait(struct qaic_job *job, uint64_t seq, int64_t deadline,
			  struct qaic_wait *ask)
{
	struct qaic_job *first;
	uint32_t outcome;

	while ((first = oldest(job))) {
		if (has_lost(first, &outcome))
			finish(first, outcome);
		else if (has_waited(first, seq, ask->handle))
			finish(first, ACCEL_DONE_UNVERIFIED);
		else
			break;
	}
	if (!first)
		return 0;
	*ask = (struct qaic_wait){
		.handle = bo_of(first, first->base.bo_count - 1 - first->waited)->handle,
		.timeout = slice_ms(deadline),
		.dbc_id = atomic_load(&queue_of(job)->channel),
	};
	return first->base.seq;
}

/*
 * Jobs end in their order, while the device lets one pass another that waits for a semaphore: all
 * that are older are waited for, too.
 */
int qaic_job_wait(struct accel_job *base, int64_t deadline, struct accel_job_result *result)
{
	struct accel_context *context = base->queue->context;
	struct qaic_queue *queue = qaic_queue(base->queue);
	struct qaic_job *job = qaic_job(base);
	struct qaic_wait ask = {0};
	uint64_t seq = 0;
	int ret = 0;

	accel_core_lock(&base->queue->lock);
	while ((seq = next_wait(job, ret ? 0 : seq, deadline, &ask))) {
		accel_core_unlock(&base->queue->lock);
		ret = wait_slice(context, &ask, deadline);
		/* One that is given back on purpose will be another in a moment. */
		if (ret && ret != -ETIMEDOUT && ret != -EINTR && qaic_queue_look(queue))
			accel_core_sys.poll(NULL, 0, NS_PER_MS);
		accel_core_lock(&base->queue->lock);
		if (ret && accel_core_expired(deadline))
			break;
	}
	accel_core_unlock(&base->queue->lock);
	if (atomic_load(&job->outcome) == ACCEL_PENDING)
		return -ETIME;
	result->outcome = atomic_load(&job->outcome);
	return 0;
}

void qaic_job_release(struct accel_job *job)
{
	struct qaic_queue *queue = qaic_queue(job->queue);

	if (queue->passed == job)
		queue->passed = NULL;
	/* Which changes under the queue's lock only. */
	if (qaic_job(job)->under_way)
		finish(qaic_job(job), ACCEL_LOST);
}

/* ---- for applications ---------------------------------------------------------------------------- */

static int enter(struct accel_job *job, uint32_t index)
{
	struct accel_job_result unused = {.size = sizeof(unused)};
	bool submitted;
	int ret;

	ret = accel_core_enter(job ? job->queue->context : NULL, NAME);
	if (ret)
		return ret;
	if (index >= job->bo_count)
		return accel_core_fail(-EINVAL, "the job has %u buffers, none with index %u",
				       job->bo_count, index);
	/* See whether it has ended since. */
	accel_core_lock(&job->queue->lock);
	submitted = job->seq;
	accel_core_unlock(&job->queue->lock);
	if (submitted)
		accel_job_get_result(job, &unused);
	return 0;
}

/* Under the queue's lock. */
static int check_ended(const struct accel_job *job)
{
	if (job->state == ACCEL_JOB_HELD || job->state == ACCEL_JOB_RUNNING)
		return accel_core_fail(-EBUSY, "the job is under way");
	return 0;
}

int accel_qaic_job_set_limit(struct accel_job *base, uint32_t index, uint64_t limit)
{
	struct qaic_job *job = qaic_job(base);
	int ret;

	ret = enter(base, index);
	if (ret)
		return ret;
	accel_core_lock(&base->queue->lock);
	ret = check_ended(base);
	accel_core_lock(&context_of(job)->slice_lock);
	if (!ret && qaic_layout_starves(job->layout[index], limit))
		ret = prepare(job, index, base->bos[index].bo);
	if (!ret)
		ret = check_limit(job, index, limit);
	if (!ret) {
		job->limit[index] = limit;
		job->detached = 0;
	}
	accel_core_unlock(&context_of(job)->slice_lock);
	accel_core_unlock(&base->queue->lock);
	return ret;
}

int accel_qaic_job_get_latency(struct accel_job *base, uint32_t index,
			       struct accel_qaic_latency *out)
{
	struct qaic_job *job = qaic_job(base);
	struct qaic_perf_stats_entry entry = {0};
	struct accel_qaic_latency latency;
	struct qaic_perf_stats ask = {
		.hdr = {.count = 1},
		.data = (uintptr_t)&entry,
	};
	int ret;

	ret = enter(base, index);
	if (ret)
		return ret;
	accel_core_lock(&base->queue->lock);
	accel_core_lock(&context_of(job)->slice_lock);
	ret = check_ended(base);
	if (!ret && bo_of(job, index)->last != job)
		ret = accel_core_fail(-ENODATA, "the job never ran, or the buffer has been moved "
						"by another since");
	if (!ret && atomic_load(&queue_of(job)->lost))
		ret = lost(queue_of(job));
	if (!ret) {
		entry.handle = bo_of(job, index)->handle;
		ask.hdr.dbc_id = atomic_load(&queue_of(job)->channel);
		ret = accel_core_ioctl(base->queue->context->fd, DRM_IOCTL_QAIC_PERF_STATS_BO,
				       &ask);
		if (ret)
			ret = accel_core_fail(ret == -ENOMEM ? ret : -ENODATA, "PERF_STATS_BO: %s",
					      strerror(-ret));
	}
	accel_core_unlock(&context_of(job)->slice_lock);
	accel_core_unlock(&base->queue->lock);
	if (ret)
		return ret;
	latency = (struct accel_qaic_latency){
		.size = sizeof(latency),
		.ahead = entry.queue_level_before,
		.elements = entry.num_queue_element,
		.submit_us = entry.submit_latency_us,
		.device_us = entry.device_latency_us,
	};
	return accel_core_params_out(out, &latency, sizeof(latency));
}
