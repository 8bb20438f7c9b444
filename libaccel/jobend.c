/* SPDX-License-Identifier: MIT */
/*
 * Ends of jobs that a driver tells by a fence on a buffer which the job writes.
 *
 * The fence is taken as a sync_file right after the submission, for only a sync_file keeps what
 * the fence ended with. Three things make its answer less than certain:
 *  - a fence that has been signalled by then is left out: the kernel gives a stub in its place,
 *    which was signalled when the kernel started, and how the job ended nobody knows;
 *  - the sync_file has all fences that the buffer waits for then, also of what the job itself
 *    waits for: the job's own is the one that was signalled last;
 *  - a buffer that is shared may have fences of other processes, too.
 */
#include "core.h"

#include <errno.h>
#include <linux/sync_file.h>
#include <string.h>

#define FEW_FENCES 4 /* seldom more; clearing them is most of asking */

void accel_core_job_end_untold(int err)
{
	accel_core_log(ACCEL_LOG_WARNING, "a job's outcome can't be known, no sync_file: %s",
		       strerror(-err));
}

void accel_core_job_end_drop(struct accel_job_end *end)
{
	if (end->sync_file >= 0)
		accel_core_sys.close(end->sync_file);
	end->sync_file = -1;
}

int accel_core_job_end_fd(const struct accel_job_end *end, int *fd)
{
	int ret;

	if (end->sync_file < 0)
		return accel_core_fail(-EOPNOTSUPP, "the kernel gave no fence for this job");
	ret = accel_core_sys.dup(end->sync_file);
	if (ret < 0)
		return accel_core_fail(ret, "no descriptor: %s", strerror(-ret));
	*fd = ret;
	return 0;
}

/* The status of the whole, and of the fence in it that was signalled last. */
struct answer {
	int whole; /* 0 pending */
	int last;
	int64_t last_ns;
};

/* The kernel fills as many of @fences as it says. */
static int ask(int sync_file, struct sync_fence_info *fences, uint32_t room,
	       struct sync_file_info *ask)
{
	memset(ask, 0, sizeof(*ask));
	ask->num_fences = room;
	ask->sync_fence_info = (uintptr_t)fences;
	return accel_core_ioctl(sync_file, SYNC_IOC_FILE_INFO, ask);
}

static void judge(const struct sync_file_info *info, const struct sync_fence_info *fences,
		  struct answer *answer)
{
	uint32_t i;

	answer->whole = info->status;
	answer->last = info->status;
	answer->last_ns = -1;
	for (i = 0; i < info->num_fences && answer->whole; i++) {
		if (!fences[i].status)
			answer->whole = 0;
		if ((int64_t)fences[i].timestamp_ns <= answer->last_ns)
			continue;
		answer->last_ns = (int64_t)fences[i].timestamp_ns;
		answer->last = fences[i].status;
	}
}

static int look(int sync_file, struct answer *answer)
{
	struct sync_fence_info few[FEW_FENCES], *many;
	struct sync_file_info info;
	uint32_t count;
	int ret;

	ret = ask(sync_file, few, FEW_FENCES, &info);
	if (!ret)
		judge(&info, few, answer);
	if (ret != -EINVAL)
		return ret;
	/* It has more: so many fences that somebody had to wait for them all. */
	memset(&info, 0, sizeof(info));
	ret = accel_core_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
	if (ret)
		return ret;
	count = info.num_fences;
	many = accel_core_sys.alloc(count * sizeof(*many));
	if (!many)
		return -ENOMEM;
	ret = ask(sync_file, many, count, &info);
	if (!ret)
		judge(&info, many, answer);
	accel_core_sys.free(many);
	return ret;
}

/* What is left to say when the fence can't be asked, or has not ended and never may. */
static void give_up(struct accel_context *context, struct accel_job_result *result)
{
	result->outcome = atomic_load(&context->state) ? ACCEL_LOST : ACCEL_DONE_UNVERIFIED;
}

int accel_core_job_end_poll(struct accel_context *context, const struct accel_job_end *end,
			    bool ended, struct accel_job_result *result)
{
	struct answer answer;
	int ret;

	ret = look(end->sync_file, &answer);
	if ((ret || !answer.whole) && !ended)
		return -EINPROGRESS;
	if (ret || !answer.whole) {
		give_up(context, result);
		return 0;
	}
	if (answer.last < 0) {
		result->outcome = ACCEL_FAILED;
		result->driver_code = (uint64_t)(uint32_t)-answer.last;
	} else if (end->shared || answer.last_ns < context->opened_ns) {
		result->outcome = ACCEL_DONE_UNVERIFIED;
	} else {
		result->outcome = ACCEL_DONE;
	}
	if (answer.last_ns >= context->opened_ns)
		result->end_ns = (uint64_t)answer.last_ns;
	return 0;
}

static int look_for_loss(void *data)
{
	return accel_core_context_look(data);
}

int accel_core_job_end_wait(struct accel_context *context, const struct accel_job_end *end,
			    int64_t deadline, struct accel_job_result *result)
{
	int ret;

	/* The kernel doesn't end it when the driver is unbound. */
	ret = accel_core_poll_fd(end->sync_file, deadline, ACCEL_LOOK_NS, look_for_loss, context);
	/* That poll(2) failed, for want of memory, says nothing of the job. */
	if (ret && ret != -EBADF && !atomic_load(&context->state))
		return -ETIME;
	return accel_core_job_end_poll(context, end, true, result);
}

int accel_core_job_end_plain(struct accel_context *context, bool ended, int64_t deadline,
			     int (*wait)(void *data, int64_t deadline), void *data,
			     struct accel_job_result *result)
{
	int64_t until;
	int ret;

	/* A later job has ended: there is nothing that asking could add. */
	if (ended && !atomic_load(&context->state)) {
		result->outcome = ACCEL_DONE_UNVERIFIED;
		return 0;
	}
	for (;;) {
		/* From the last look on, which submitting had: so no clock is read for a job that
		 * ends before the next one is due. */
		until = atomic_load_explicit(&context->looked_ns, memory_order_relaxed) +
			ACCEL_LOOK_NS;
		if (until > deadline)
			until = deadline;
		ret = wait(data, until);
		if (ret != -ETIME)
			break;
		if (!ended && accel_core_expired(deadline))
			return -ETIME;
		if (ended || accel_core_context_look(context)) {
			give_up(context, result);
			return 0;
		}
		atomic_store_explicit(&context->looked_ns, accel_core_sys.now(),
				      memory_order_relaxed);
	}
	/* It may have ended only because the driver let go of it. */
	if (ret)
		give_up(context, result);
	else
		result->outcome = ACCEL_DONE_UNVERIFIED;
	return 0;
}
