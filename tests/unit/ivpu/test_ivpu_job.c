/* SPDX-License-Identifier: MIT */
/* Queues and jobs of ivpu: what the kernel is given, and what is made of its answers. */
#include "kernel.h"

#define DATA (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)

static struct accel_context *context;
static struct accel_queue *queue;

static struct accel_bo *make_bo(uint32_t flags, uint64_t bytes)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = flags, .bytes = bytes};
	struct accel_bo *bo;

	assert_ok(accel_bo_create(context, &params, &bo));
	return bo;
}

static void open_all(uint32_t flags)
{
	context = kernel_open(flags);
	assert_ok(accel_queue_create(context, NULL, 0, &queue));
}

static void close_all(void)
{
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* One that does nothing; its commands. */
static struct accel_job *make_job(struct accel_queue *of, struct accel_bo **commands)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	struct accel_job *job;

	assert_ok(accel_ivpu_list_create(context, &list));
	assert_ok(accel_ivpu_list_nop(list));
	assert_ok(accel_ivpu_list_finish(list, &params));
	assert_ok(accel_job_create(of, &params, &job));
	*commands = params.commands;
	accel_bo_unref(params.commands); /* the job has one */
	accel_ivpu_list_unref(list);
	return job;
}

static struct accel_fence *submit(struct accel_queue *to, struct accel_job *job)
{
	struct accel_fence *fence;

	assert_gives(accel_submit(to, &job, 1, NULL, &fence), 1);
	return fence;
}

static struct accel_job_result result_of(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	assert_ok(accel_job_get_result(job, &result));
	return result;
}

/* ---- what the kernel is given ---------------------------------------------------------------- */

static void commands_come_first(void **state)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	struct accel_bo *a, *b;
	struct accel_fence *fence;
	struct accel_job *job;

	(void)state;
	open_all(0);
	a = make_bo(DATA, 4096);
	b = make_bo(DATA, 4096);
	assert_ok(accel_ivpu_list_create(context, &list));
	assert_ok(accel_ivpu_list_copy(list, b, 0, a, 0, 64));
	assert_ok(accel_ivpu_list_finish(list, &params));
	assert_int_equal(params.bo_count, 2);
	assert_ok(accel_job_create(queue, &params, &job));
	fence = submit(queue, job);
	assert_int_equal(kernel.cmdq_submit.buffer_count, 3);
	assert_int_equal(kernel.cmdq_submit.cmdq_id, kernel.created.cmdq_id);
	assert_int_equal(kernel.cmdq_submit.flags, 0);
	assert_int_equal(kernel.cmdq_submit.commands_offset, 0);
	assert_int_equal(kernel.cmdq_submit.preempt_buffer_index, 0);
	assert_int_equal(kernel.handles[0], ivpu_bo(params.commands)->handle);
	assert_int_equal(kernel.handles[1], ivpu_bo(b)->handle);
	assert_int_equal(kernel.handles[2], ivpu_bo(a)->handle);
	kernel_end(params.commands, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(params.commands);
	accel_ivpu_list_unref(list);
	accel_bo_unref(a);
	accel_bo_unref(b);
	close_all();
}

/* Where the kernel is told that the commands are. */
static uint32_t submit_at_an_offset(void)
{
	struct accel_job_params from = {.size = sizeof(from)}, params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	struct accel_job *job;
	struct accel_bo *bo;
	void *src, *dst;

	open_all(0);
	assert_ok(accel_ivpu_list_create(context, &list));
	assert_ok(accel_ivpu_list_barrier(list));
	assert_ok(accel_ivpu_list_finish(list, &from));
	bo = make_bo(ACCEL_BO_COMMANDS | DATA, 8192);
	assert_ok(accel_bo_map(from.commands, &src));
	assert_ok(accel_bo_map(bo, &dst));
	memcpy((char *)dst + 4096, src, from.bytes);
	/* The save area is in the other buffer, which is listed for it. */
	params.commands = bo;
	params.offset = 4096;
	params.bytes = from.bytes;
	assert_fails(accel_job_create(queue, &params, &job), -ERANGE);
	assert_int_equal(support_error().offset, 40);
	memcpy((char *)dst + 4096 + 40, &(uint64_t){kernel_bo(bo)->address + 64}, 8);
	params.offset = 4096 + 32;
	assert_fails(accel_job_create(queue, &params, &job), -EINVAL);
	params.offset = 4096;
	assert_ok(accel_job_create(queue, &params, &job));
	accel_fence_unref(submit(queue, job));
	kernel_end(bo, 0);
	accel_job_unref(job);
	accel_bo_unref(bo);
	accel_bo_unref(from.commands);
	accel_ivpu_list_unref(list);
	close_all();
	return kernel.queues ? kernel.cmdq_submit.commands_offset : kernel.submit.commands_offset;
}

static void commands_at_an_offset(void **state)
{
	(void)state;
	assert_int_equal(submit_at_an_offset(), 4096);
}

static void commands_at_an_offset_on_older_kernels(void **state)
{
	(void)state;
	kernel.queues = false;
	assert_int_equal(submit_at_an_offset(), 4096);
}

static void older_kernels_have_one_queue_per_priority(void **state)
{
	struct accel_queue_params params = {.size = sizeof(params)};
	struct accel_queue *mine;
	struct accel_bo *commands;
	struct accel_job *job;
	int priority;

	(void)state;
	kernel.queues = false;
	open_all(0);
	for (priority = -1; priority <= 2; priority++) {
		params.priority = priority;
		assert_ok(accel_queue_create(context, &params, 0, &mine));
		job = make_job(mine, &commands);
		accel_fence_unref(submit(mine, job));
		assert_int_equal(kernel.submit.priority, priority + 2);
		assert_int_equal(kernel.submit.engine, DRM_IVPU_ENGINE_COMPUTE);
		assert_int_equal(kernel.submit.buffer_count, 1);
		kernel_end(commands, 0);
		accel_job_unref(job);
		accel_queue_unref(mine);
	}
	close_all();
	assert_int_equal(kernel.destroys, 0);
}

static void queues_have_priority_and_turbo(void **state)
{
	struct accel_ivpu_queue ext = {.head = {sizeof(ext), ACCEL_IVPU_QUEUE},
				       .flags = ACCEL_IVPU_QUEUE_TURBO};
	struct accel_queue_params params = {.size = sizeof(params)};
	struct accel_queue *mine;

	(void)state;
	open_all(0);
	assert_int_equal(kernel.created.priority, DRM_IVPU_JOB_PRIORITY_NORMAL);
	assert_int_equal(kernel.created.flags, 0);
	params.priority = 2;
	params.ext = &ext.head;
	assert_ok(accel_queue_create(context, &params, 0, &mine));
	assert_int_equal(kernel.created.priority, DRM_IVPU_JOB_PRIORITY_REALTIME);
	assert_int_equal(kernel.created.flags, DRM_IVPU_CMDQ_FLAG_TURBO);
	accel_queue_unref(mine);
	assert_int_equal(kernel.destroys, 1);
	ext.flags = 2;
	assert_fails(accel_queue_create(context, &params, 0, &mine), -EINVAL);
	ext.flags = ACCEL_IVPU_QUEUE_TURBO;
	params.priority = 3;
	assert_fails(accel_queue_create(context, &params, 0, &mine), -EINVAL);
	params.priority = 0;
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_CREATE, 0, 1, -ENOMEM);
	assert_fails(accel_queue_create(context, &params, 0, &mine), -ENOMEM);
	close_all();
	kernel.queues = false;
	context = kernel_open(0);
	assert_fails(accel_queue_create(context, &params, 0, &mine), -EOPNOTSUPP);
	accel_context_unref(context);
}

static void queues_come_to_an_end(void **state)
{
	struct accel_queue *queues[QUEUES_MAX], *more;
	size_t i;

	(void)state;
	context = kernel_open(0);
	for (i = 0; i < QUEUES_MAX; i++)
		assert_ok(accel_queue_create(context, NULL, 0, &queues[i]));
	assert_fails(accel_queue_create(context, NULL, 0, &more), -ENOSPC);
	accel_queue_unref(queues[7]);
	assert_ok(accel_queue_create(context, NULL, 0, &queues[7]));
	for (i = 0; i < QUEUES_MAX; i++)
		accel_queue_unref(queues[i]);
	accel_context_unref(context);
}

static void buffers_for_preemption(void **state)
{
	struct accel_ivpu_job ext = {.head = {sizeof(ext), ACCEL_IVPU_JOB}, .preempt_buffer = 2};
	const uint32_t device = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_bo *a, *saved, *small;
	struct accel_ivpu_list *list;
	struct accel_job *job;

	(void)state;
	kernel.preempt_bytes = 8192;
	open_all(0);
	a = make_bo(DATA, 4096);
	saved = make_bo(device, 8192);
	small = make_bo(device, 4096);
	assert_ok(accel_ivpu_list_create(context, &list));
	assert_ok(accel_ivpu_list_fill(list, a, 0, 64, 0));
	assert_ok(accel_ivpu_list_use(list, saved, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE));
	assert_ok(accel_ivpu_list_finish(list, &params));
	params.ext = &ext.head;
	assert_ok(accel_job_create(queue, &params, &job));
	accel_fence_unref(submit(queue, job));
	assert_int_equal(kernel.cmdq_submit.preempt_buffer_index, 2);
	kernel_end(params.commands, 0);
	assert_fails(accel_job_set_bo(job, 1, small), -ERANGE);
	accel_job_unref(job);
	ext.preempt_buffer = 1; /* the CPU reaches it */
	assert_fails(accel_job_create(queue, &params, &job), -ERANGE);
	assert_int_equal(support_error().index, 0);
	ext.preempt_buffer = 3;
	assert_fails(accel_job_create(queue, &params, &job), -EINVAL);
	ext.preempt_buffer = 0;
	ext.reserved = 1;
	assert_fails(accel_job_create(queue, &params, &job), -EINVAL);
	accel_bo_unref(params.commands);
	accel_ivpu_list_unref(list);
	accel_bo_unref(a);
	accel_bo_unref(saved);
	accel_bo_unref(small);
	close_all();
}

static void few_kernel_calls(void **state)
{
	struct accel_bo *commands;
	struct accel_fence *fence;
	struct accel_job *job;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	seam_forget();
	fence = submit(queue, job);
	assert_int_equal(seam_calls(SEAM_IOCTL), 1);
	assert_int_equal(seam_all_calls(), 1);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	assert_int_equal(seam_calls(SEAM_POLL), 1);
	assert_int_equal(seam_all_calls(), 2);
	assert_ok(accel_fence_wait(fence, far_off()));
	assert_int_equal(seam_calls(SEAM_IOCTL), 2);
	assert_int_equal(seam_all_calls(), 3);
	assert_int_equal(result_of(job).outcome, ACCEL_DONE);
	assert_int_equal(seam_all_calls(), 3);
	accel_fence_unref(fence);
	accel_job_unref(job);
	close_all();
}

static void a_signal_is_no_refusal(void **state)
{
	struct accel_bo *commands;
	struct accel_fence *fence;
	struct accel_job *job;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_SUBMIT, 0, 2, -EINTR);
	fence = submit(queue, job);
	kernel_end(commands, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	accel_job_unref(job);
	close_all();
}

/* ---- refusals ----------------------------------------------------------------------------------- */

static void a_full_queue_is_eagain(void **state)
{
	struct accel_bo *commands[2];
	struct accel_job *jobs[2];
	struct accel_fence *fence, *room;

	(void)state;
	open_all(0);
	jobs[0] = make_job(queue, &commands[0]);
	jobs[1] = make_job(queue, &commands[1]);
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_SUBMIT, 1, 1, -EBUSY);
	assert_int_equal(accel_submit(queue, jobs, 2, NULL, &fence), 1);
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_SUBMIT, 0, 1, -EBUSY);
	assert_fails(accel_submit(queue, &jobs[1], 1, NULL, NULL), -EAGAIN);
	assert_ok(accel_queue_get_room(queue, &room));
	kernel_end(commands[0], 0);
	assert_ok(accel_fence_wait(room, far_off()));
	assert_ok(accel_fence_wait(fence, far_off()));
	/* The one that was refused is free for another time. */
	accel_fence_unref(fence);
	fence = submit(queue, jobs[1]);
	kernel_end(commands[1], 0);
	accel_fence_unref(fence);
	accel_fence_unref(room);
	accel_job_unref(jobs[0]);
	accel_job_unref(jobs[1]);
	close_all();
}

static void commands_are_under_way_once(void **state)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_ivpu_list *list;
	struct accel_queue *other;
	struct accel_job *jobs[2];
	struct accel_fence *fence;

	(void)state;
	open_all(0);
	assert_ok(accel_queue_create(context, NULL, 0, &other));
	assert_ok(accel_ivpu_list_create(context, &list));
	assert_ok(accel_ivpu_list_nop(list));
	assert_ok(accel_ivpu_list_finish(list, &params));
	assert_ok(accel_job_create(queue, &params, &jobs[0]));
	assert_ok(accel_job_create(other, &params, &jobs[1]));
	fence = submit(queue, jobs[0]);
	assert_fails(accel_submit(other, &jobs[1], 1, NULL, NULL), -EBUSY);
	kernel_end(params.commands, 5);
	/* Nor before its status has been read, which the next job would overwrite. */
	assert_fails(accel_submit(other, &jobs[1], 1, NULL, NULL), -EBUSY);
	assert_gives(accel_fence_wait(fence, far_off()), -EIO);
	assert_int_equal(result_of(jobs[0]).driver_code, 5);
	accel_fence_unref(fence);
	fence = submit(other, jobs[1]);
	kernel_end(params.commands, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	accel_fence_unref(fence);
	accel_job_unref(jobs[0]);
	accel_job_unref(jobs[1]);
	accel_bo_unref(params.commands);
	accel_ivpu_list_unref(list);
	accel_queue_unref(other);
	close_all();
}

static void a_fault_loses_the_context(void **state)
{
	struct accel_bo *commands;
	struct accel_job *job;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	kernel.faulted = true;
	assert_fails(accel_submit(queue, &job, 1, NULL, NULL), -ESTALE);
	assert_int_equal(accel_context_state(context), ACCEL_CONTEXT_LOST);
	accel_job_unref(job);
	close_all();
}

static void an_unbound_driver_is_gone(void **state)
{
	struct accel_bo *commands;
	struct accel_job *job;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_SUBMIT, 0, 1, -ENODEV);
	assert_fails(accel_submit(queue, &job, 1, NULL, NULL), -ENODEV);
	assert_int_equal(accel_context_state(context), ACCEL_GONE);
	accel_job_unref(job);
	close_all();
}

static void other_refusals(void **state)
{
	const struct {
		int kernel, ours;
	} errors[] = {{-ENOMEM, -ENOMEM}, {-EALREADY, -EIO}, {-EINVAL, -EIO}, {-ETIMEDOUT, -EIO}};
	struct accel_bo *commands;
	struct accel_job *job;
	size_t i;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		kernel_fail(DRM_IOCTL_IVPU_CMDQ_SUBMIT, 0, 1, errors[i].kernel);
		assert_fails(accel_submit(queue, &job, 1, NULL, NULL), errors[i].ours);
	}
	assert_int_equal(accel_context_state(context), ACCEL_OK);
	accel_fence_unref(submit(queue, job));
	kernel_end(commands, 0);
	accel_job_unref(job);
	close_all();
}

/* ---- ends ------------------------------------------------------------------------------------------ */

enum way {
	BY_WAIT, /* it ends while it is waited for */
	BY_LOOK
};

static void expect_end(enum way way, uint32_t status, uint32_t outcome, int err, uint32_t state)
{
	struct accel_bo *commands;
	struct accel_fence *fence;
	struct accel_job *job;

	open_all(0);
	job = make_job(queue, &commands);
	fence = submit(queue, job);
	assert_int_equal(result_of(job).outcome, ACCEL_PENDING);
	kernel.wait_status = status;
	kernel.faulted = state == ACCEL_CONTEXT_LOST;
	if (state == ACCEL_GONE) {
		kernel_end(commands, status);
		kernel_fail(DRM_IOCTL_IVPU_BO_WAIT, 0, 1, -ENODEV);
	}
	if (way == BY_LOOK && state != ACCEL_GONE)
		kernel_end(commands, status);
	if (way == BY_LOOK)
		assert_gives(accel_fence_status(fence), err);
	else
		assert_gives(accel_fence_wait(fence, far_off()), err);
	assert_int_equal(result_of(job).outcome, outcome);
	assert_int_equal(result_of(job).error, err);
	if (state != ACCEL_GONE)
		assert_int_equal(result_of(job).driver_code, status);
	assert_int_equal(accel_context_state(context), state);
	accel_fence_unref(fence);
	accel_job_unref(job);
	close_all();
	kernel.faulted = false;
}

static void each_status_is_told(void **state)
{
	enum way way;

	(void)state;
	for (way = BY_WAIT; way <= BY_LOOK; way++) {
		expect_end(way, 0, ACCEL_DONE, 0, ACCEL_OK);
		expect_end(way, 1, ACCEL_FAILED, -EIO, ACCEL_OK);
		expect_end(way, 255, ACCEL_FAILED, -EIO, ACCEL_OK);
		/* A reset of the device, which the context survives. */
		expect_end(way, 256, ACCEL_FAILED, -EIO, ACCEL_OK);
		expect_end(way, 257, ACCEL_FAILED, -EIO, ACCEL_OK);
		/* The culprit has a status of its own, those who fell with it have not. */
		expect_end(way, 9, ACCEL_FAILED, -EIO, ACCEL_CONTEXT_LOST);
		expect_end(way, 256, ACCEL_LOST, -ESTALE, ACCEL_CONTEXT_LOST);
		expect_end(way, 256, ACCEL_LOST, -ENODEV, ACCEL_GONE);
	}
}

static void the_rest_of_a_lost_context(void **state)
{
	struct accel_bo *commands[3];
	struct accel_fence *fence;
	struct accel_job *jobs[3];
	int i;

	(void)state;
	open_all(0);
	for (i = 0; i < 3; i++)
		jobs[i] = make_job(queue, &commands[i]);
	assert_gives(accel_submit(queue, jobs, 3, NULL, &fence), 3);
	kernel.faulted = true;
	kernel_end(commands[0], 0);
	kernel_end(commands[1], 9);
	assert_gives(accel_fence_status(fence), -EIO);
	assert_int_equal(result_of(jobs[0]).outcome, ACCEL_DONE);
	assert_int_equal(result_of(jobs[1]).outcome, ACCEL_FAILED);
	assert_int_equal(result_of(jobs[2]).outcome, ACCEL_LOST); /* though it is pending */
	kernel_end(commands[2], 256);
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++)
		accel_job_unref(jobs[i]);
	close_all();
}

static void cancelled_jobs(void **state)
{
	struct accel_bo *commands[3];
	struct accel_job *jobs[3];
	struct accel_queue *other;
	struct accel_fence *fence;
	uint32_t before;
	int i;

	(void)state;
	open_all(0);
	for (i = 0; i < 3; i++)
		jobs[i] = make_job(queue, &commands[i]);
	assert_ok(accel_queue_cancel(queue, 0)); /* of nothing */
	assert_int_equal(kernel.destroys, 0);
	assert_gives(accel_submit(queue, jobs, 3, NULL, &fence), 3);
	before = kernel.cmdq_submit.cmdq_id;
	kernel_end(commands[0], 0);
	kernel_end(commands[1], 3);
	assert_ok(accel_queue_cancel(queue, far_off()));
	assert_int_equal(kernel.destroys, 1);
	assert_false(kernel.queue[before]);
	/* What was over by then keeps its outcome. */
	assert_int_equal(result_of(jobs[0]).outcome, ACCEL_DONE);
	assert_int_equal(result_of(jobs[1]).outcome, ACCEL_FAILED);
	assert_int_equal(result_of(jobs[2]).outcome, ACCEL_CANCELED);
	assert_gives(accel_fence_wait(fence, far_off()), -EIO);
	accel_fence_unref(fence);
	/* The queue is of use again, by another number as this one is another's, and a status 256 is no
	 * longer a cancelled one. */
	assert_ok(accel_queue_create(context, NULL, 0, &other));
	assert_int_equal(kernel.created.cmdq_id, before);
	fence = submit(queue, jobs[2]);
	assert_true(kernel.queue[kernel.cmdq_submit.cmdq_id]);
	assert_int_not_equal(kernel.cmdq_submit.cmdq_id, before);
	kernel_end(commands[2], 256);
	assert_gives(accel_fence_wait(fence, far_off()), -EIO);
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++)
		accel_job_unref(jobs[i]);
	accel_queue_unref(other);
	close_all();
	assert_int_equal(kernel.destroys, 3);
}

static void a_queue_that_can_not_be_made_again(void **state)
{
	struct accel_bo *commands;
	struct accel_job *job;

	(void)state;
	open_all(0);
	job = make_job(queue, &commands);
	accel_fence_unref(submit(queue, job));
	assert_ok(accel_queue_cancel(queue, far_off()));
	assert_int_equal(result_of(job).outcome, ACCEL_CANCELED);
	kernel_fail(DRM_IOCTL_IVPU_CMDQ_CREATE, 0, 1, -ENOMEM);
	assert_fails(accel_submit(queue, &job, 1, NULL, NULL), -ENOMEM);
	accel_fence_unref(submit(queue, job));
	kernel_end(commands, 0);
	accel_job_unref(job);
	close_all();
}

static int wait_for_fence(void *fence)
{
	return accel_fence_wait(fence, far_off());
}

static void older_kernels_can_not_cancel(void **state)
{
	struct accel_fence *fence, *held_fence;
	struct accel_bo *commands, *unused;
	struct accel_job *job, *held;
	struct accel_queue *other;
	struct task task;

	(void)state;
	kernel.queues = false;
	kernel.patient = true;
	open_all(0);
	assert_ok(accel_queue_create(context, NULL, 0, &other));
	job = make_job(queue, &commands);
	held = make_job(other, &unused);
	fence = submit(queue, job);
	{
		struct accel_submit_params params = {
			.size = sizeof(params), .wait = &fence, .wait_count = 1};

		assert_gives(accel_submit(other, &held, 1, &params, &held_fence), 1);
	}
	/* What is held back ends at once, what the kernel has does not. */
	task_start(&task, wait_for_fence, held_fence);
	assert_ok(accel_queue_cancel(other, far_off()));
	assert_int_equal(task_join(&task), -ECANCELED);
	assert_gives(accel_queue_cancel(queue, 0), -ETIME);
	kernel_end(commands, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	assert_int_equal(kernel.submits, 1);
	accel_fence_unref(fence);
	accel_fence_unref(held_fence);
	accel_job_unref(job);
	accel_job_unref(held);
	accel_queue_unref(other);
	close_all();
}

static void fences_have_sync_files(void **state)
{
	struct accel_bo *commands;
	struct accel_fence *fence;
	struct accel_job *job;
	struct pollfd look = {.events = POLLIN};
	int fd;

	(void)state;
	open_all(ACCEL_OPEN_NO_THREADS);
	job = make_job(queue, &commands);
	fence = submit(queue, job);
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd));
	look.fd = fd;
	assert_int_equal(poll(&look, 1, 0), 0);
	close(fd);
	kernel_end(commands, 0);
	assert_ok(accel_fence_wait(fence, far_off()));
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd));
	look.fd = fd;
	assert_int_equal(poll(&look, 1, 0), 1);
	close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, kernel_setup, kernel_teardown)
		TEST(commands_come_first),
		TEST(commands_at_an_offset),
		TEST(commands_at_an_offset_on_older_kernels),
		TEST(older_kernels_have_one_queue_per_priority),
		TEST(queues_have_priority_and_turbo),
		TEST(queues_come_to_an_end),
		TEST(buffers_for_preemption),
		TEST(few_kernel_calls),
		TEST(a_signal_is_no_refusal),
		TEST(a_full_queue_is_eagain),
		TEST(commands_are_under_way_once),
		TEST(a_fault_loses_the_context),
		TEST(an_unbound_driver_is_gone),
		TEST(other_refusals),
		TEST(each_status_is_told),
		TEST(the_rest_of_a_lost_context),
		TEST(cancelled_jobs),
		TEST(a_queue_that_can_not_be_made_again),
		TEST(older_kernels_can_not_cancel),
		TEST(fences_have_sync_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
