/* SPDX-License-Identifier: MIT */
/* The provider of qaic, on a kernel that is all traps; see kernel.h. */
#include "kernel.h"

#include <accel/qaic.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "qaic_internal.h"

#define DATA (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define PAGE 4096

static char *tree;
static struct seam_node node;
static long memory_before, maps_before;
static int fds_before;
static int uevents_fd[2]; /* the kernel's end is the second */

static int make_uevents(void)
{
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, uevents_fd))
		return -errno;
	return uevents_fd[0];
}

/* ---- what tests are made of ------------------------------------------------------------------- */

static struct accel_context *open_flags(uint32_t flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = flags};
	struct accel_context *context;
	struct accel_device *device;

	assert_ok(accel_device_find("accel0", &device));
	assert_ok(accel_open(device, &params, 0, &context));
	accel_device_unref(device);
	return context;
}

static int setup(void **state)
{
	static bool known;

	(void)state;
	seam_install();
	if (!known)
		seam_add_provider(NAME, &ACCEL_PROVIDER_SYMBOL);
	known = true;
	tree = tree_make();
	tree_device(tree, 0, "0000:01:00.0", NAME);
	tree_print(tree, "devices/pci0000:00/0000:01:00.0/accel/accel0/dbc0_state", "1\n");
	tree_print(tree, "devices/pci0000:00/0000:01:00.0/accel/accel0/dbc1_state", "0\n");
	node = (struct seam_node){
		.path = "/dev/accel/accel0", .rdev = makedev(261, 0), .driver = NAME};
	seam_add_node(&node);
	accel_deadline(0, &(int64_t){0}); /* sets the library up, if it wasn't */
	set_sysfs(tree);
	set_provider_dir(SEAM_PROVIDER_DIR);
	kernel_install();
	accel_core_sys.uevents = make_uevents;
	accel_context_unref(open_flags(0)); /* has the provider loaded before counting */
	memory_before = seam_live_memory();
	maps_before = seam_live_maps();
	fds_before = count_fds();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_string_equal(kernel.why, "");
	assert_int_equal(kernel.wrong, 0);
	assert_int_equal(kernel.bos, 0);
	assert_int_equal(seam_live_memory(), memory_before);
	assert_int_equal(seam_live_maps(), maps_before);
	assert_int_equal(count_fds(), fds_before);
	tree_remove(tree);
	return 0;
}

static const uint32_t release_command[4] = {5};
static const struct accel_qaic_part release_part = {ACCEL_QAIC_PASSTHROUGH, 0,
						    sizeof(release_command), release_command};

static struct accel_qaic_queue releasing(void)
{
	return (struct accel_qaic_queue){
		.head = {sizeof(struct accel_qaic_queue), ACCEL_QAIC_QUEUE},
		.release = &release_part,
		.release_count = 1,
		.release_channel = 4,
	};
}

static int try_queue(struct accel_context *context, const struct accel_qaic_queue *ext,
		     int64_t deadline, struct accel_queue **queue)
{
	struct accel_queue_params params = {.size = sizeof(params), .ext = &ext->head};

	return accel_queue_create(context, &params, deadline, queue);
}

static struct accel_queue *make_queue(struct accel_context *context)
{
	const struct accel_qaic_queue ext = releasing();
	struct accel_queue *queue;

	assert_ok(try_queue(context, &ext, ACCEL_NO_DEADLINE, &queue));
	return queue;
}

struct card {
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *in, *out;
	uint64_t *from, *to;
	struct accel_qaic_job ext;
	struct accel_qaic_transfer transfers[2];
	struct accel_qaic_slice slices[2];
	struct accel_bo_ref bos[2];
};

static struct accel_bo *make_bo(struct accel_context *context, uint64_t **map)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = PAGE};
	struct accel_bo *bo;

	assert_ok(accel_bo_create(context, &params, &bo));
	if (map)
		assert_ok(accel_bo_map(bo, (void **)map));
	return bo;
}

static void card_open_flags(struct card *c, uint32_t flags)
{
	int i;

	memset(c, 0, sizeof(*c));
	c->context = open_flags(flags);
	c->queue = make_queue(c->context);
	c->in = make_bo(c->context, &c->from);
	c->out = make_bo(c->context, &c->to);
	c->ext = (struct accel_qaic_job){.head = {sizeof(c->ext), ACCEL_QAIC_JOB},
					 .transfers = c->transfers};
	for (i = 0; i < 2; i++) {
		c->slices[i].bytes = PAGE;
		c->transfers[i] = (struct accel_qaic_transfer){.slices = &c->slices[i], .count = 1};
		c->bos[i] = (struct accel_bo_ref){i ? c->out : c->in,
						  i ? ACCEL_ACCESS_WRITE : ACCEL_ACCESS_READ, 0};
	}
}

static void card_open(struct card *c)
{
	card_open_flags(c, 0);
}

static void card_close(struct card *c)
{
	accel_bo_unref(c->in);
	accel_bo_unref(c->out);
	accel_queue_unref(c->queue);
	accel_context_unref(c->context);
}

static int try_job(struct card *c, struct accel_job **job)
{
	const struct accel_job_params params = {
		.size = sizeof(params), .bos = c->bos, .bo_count = 2, .ext = &c->ext.head};

	return accel_job_create(c->queue, &params, job);
}

static struct accel_job *make_job(struct card *c)
{
	struct accel_job *job;

	assert_ok(try_job(c, &job));
	return job;
}

static struct accel_fence *submit(struct card *c, struct accel_job *job)
{
	struct accel_fence *fence;

	assert_gives(accel_submit(c->queue, &job, 1, NULL, &fence), 1);
	return fence;
}

static uint32_t outcome_of(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	assert_ok(accel_job_get_result(job, &result));
	return result.outcome;
}

static uint32_t handle_of(struct accel_bo *bo)
{
	return qaic_bo(bo)->handle;
}

static struct accel_qaic_queue_info info_of(struct accel_queue *queue)
{
	struct accel_qaic_queue_info info = {.size = sizeof(info)};

	assert_ok(accel_qaic_queue_get_info(queue, &info));
	return info;
}

static void await_waits(uint32_t count)
{
	bool enough = false;

	while (!enough) {
		pthread_mutex_lock(&kernel.lock);
		enough = kernel.waits >= count;
		pthread_mutex_unlock(&kernel.lock);
	}
}

/* ---- jobs ------------------------------------------------------------------------------------- */

static void test_life(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job, *same;
	struct card c;
	int i;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	same = make_job(&c);
	assert_int_equal(kernel.attaches, 2); /* once, and not for a job that moves them alike */
	for (i = 0; i < 3; i++) {
		fence = submit(&c, i % 2 ? same : job);
		assert_int_equal(outcome_of(i % 2 ? same : job), ACCEL_PENDING);
		kernel_end_all();
		assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
		assert_int_equal(outcome_of(i % 2 ? same : job), ACCEL_DONE_UNVERIFIED);
		accel_fence_unref(fence);
	}
	assert_int_equal(kernel.attaches, 2);
	assert_int_equal(kernel.executes, 3);
	accel_job_unref(job);
	accel_job_unref(same);
	card_close(&c);
	assert_int_equal(kernel_channels_in_use(), 0);
	assert_int_equal(kernel.releases, 1);
}

/* Another way of moving them is attached when it is needed, and the first one again. */
static void test_layouts(void **state)
{
	struct accel_job *job, *other, *third;
	struct accel_fence *fence;
	struct card c;
	int i;

	(void)state;
	card_open(&c);
	kernel.at_once = true;
	job = make_job(&c);
	c.slices[1].offset = 100;
	c.slices[1].bytes = 200;
	other = make_job(&c);
	assert_int_equal(kernel.attaches, 3);
	for (i = 0; i < 4; i++) {
		fence = submit(&c, i % 2 ? other : job);
		assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
		accel_fence_unref(fence);
	}
	assert_int_equal(kernel.attaches, 7);
	/* Also where no job has run since but one was made. */
	c.slices[1].offset = 200;
	third = make_job(&c);
	assert_int_equal(kernel.attaches, 8);
	accel_fence_unref(submit(&c, other));
	assert_int_equal(kernel.attaches, 9);
	accel_job_unref(third);
	accel_job_unref(job);
	accel_job_unref(other);
	card_close(&c);
}

static void test_status_never_sleeps(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	seam_forget();
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	assert_gives(accel_fence_wait(fence, 0), -ETIME);
	assert_int_equal(kernel.waits, 0);
	assert_int_equal(seam_calls(SEAM_IOCTL), 2);
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0);
	kernel_end(handle_of(c.out)); /* one of two */
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	kernel_end(handle_of(c.in));
	assert_ok(accel_fence_status(fence));
	assert_int_equal(kernel.waits, 0);
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

/* What takes less than the kernel can count looks as if it were under way, but not to a wait. */
static void test_quick(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	kernel.quick = true;
	job = make_job(&c);
	fence = submit(&c, job);
	assert_gives(accel_fence_status(fence), -EINPROGRESS);
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

static int wait_for(void *fence)
{
	return accel_fence_wait(fence, ACCEL_NO_DEADLINE);
}

/* In slices, so that a channel that goes is seen; and where there is a deadline, which signals could
 * put off, with these blocked. */
static void test_wait_in_slices(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct task task;
	int64_t deadline;
	uint32_t waits;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	deadline = accel_core_sys.now() + 120000000;
	assert_gives(accel_fence_wait(fence, deadline), -ETIME);
	assert_true(accel_core_sys.now() >= deadline);
	assert_true(kernel.waits >= 1); /* how many depends on how busy the machine is */
	assert_true(kernel.longest_ms <= 50);
	assert_int_equal(kernel.disturbable, 0);
	waits = kernel.waits;
	task_start(&task, wait_for, fence);
	await_waits(waits + 2);
	kernel_end_all();
	assert_int_equal(task_join(&task), 0);
	assert_int_equal(kernel.disturbable, kernel.waits - waits);
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

/* A device lets jobs pass each other; they end in their order all the same. */
static void test_order(void **state)
{
	struct accel_fence *first, *second;
	struct accel_job *job, *passes;
	struct accel_bo *more[2];
	struct task task;
	struct card c;
	uint32_t before;
	int i;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	for (i = 0; i < 2; i++)
		more[i] = c.bos[i].bo = make_bo(c.context, NULL);
	passes = make_job(&c);
	first = submit(&c, job);
	second = submit(&c, passes);
	for (i = 0; i < 2; i++)
		kernel_end(handle_of(more[i]));
	assert_gives(accel_fence_status(second), -EINPROGRESS);
	before = kernel.waits;
	task_start(&task, wait_for, second);
	await_waits(before + 3);
	assert_false(task.done);
	assert_int_equal(outcome_of(job), ACCEL_PENDING);
	kernel_end_all();
	assert_int_equal(task_join(&task), 0);
	assert_ok(accel_fence_status(first));
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_job_unref(job);
	accel_job_unref(passes);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	card_close(&c);
}

static void test_one_job_at_a_time(void **state)
{
	struct accel_job *job, *other;
	struct accel_fence *fence;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	other = make_job(&c);
	fence = submit(&c, job);
	assert_fails(accel_submit(c.queue, &other, 1, NULL, NULL), -EBUSY);
	assert_int_equal(support_error().index, 0);
	assert_int_equal(kernel.executes, 1);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	assert_gives(accel_submit(c.queue, &other, 1, NULL, NULL), 1);
	kernel_end_all();
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_job_unref(other);
	card_close(&c);
}

static int latency_of(struct accel_job *job)
{
	struct accel_qaic_latency latency = {.size = sizeof(latency)};

	return accel_qaic_job_get_latency(job, 0, &latency);
}

/* What a job hands over is made once, and anew when its buffers have become others. */
static void test_other_buffer(void **state)
{
	struct accel_job *job, *other;
	struct accel_fence *fence;
	struct accel_bo *more[2];
	struct card c;
	int i;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	for (i = 0; i < 2; i++)
		more[i] = make_bo(c.context, NULL);
	c.bos[0].bo = more[0];
	other = make_job(&c); /* more[0], out */
	fence = submit(&c, job);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	assert_ok(accel_job_set_bo(job, 1, more[1]));
	fence = submit(&c, job);
	assert_int_equal(kernel.last_handle, handle_of(more[1]));
	/* The other buffer is another job's now. */
	assert_gives(accel_submit(c.queue, &other, 1, NULL, NULL), 1);
	assert_int_equal(kernel.last_handle, handle_of(c.out));
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	accel_job_unref(job);
	accel_job_unref(other);
	card_close(&c);
}

/* The kernel tells of a buffer's last transfer only: whose it was is known here. */
static void test_whose_latency(void **state)
{
	struct accel_job *job, *same;
	struct accel_fence *fence;
	struct card c;

	(void)state;
	card_open(&c);
	kernel.at_once = true;
	job = make_job(&c);
	same = make_job(&c);
	assert_fails(latency_of(job), -ENODATA);
	fence = submit(&c, job);
	assert_ok(latency_of(job));
	assert_fails(latency_of(same), -ENODATA);
	accel_fence_unref(fence);
	fence = submit(&c, same);
	assert_ok(latency_of(same));
	assert_fails(latency_of(job), -ENODATA);
	accel_fence_unref(fence);
	/* Where the one that ran was, there is the next. */
	accel_job_unref(same);
	same = make_job(&c);
	assert_fails(latency_of(same), -ENODATA);
	fence = submit(&c, job);
	accel_fence_unref(fence);
	kernel.execute_err = -ENOMEM;
	kernel.execute_err_at = 1;
	assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), -ENOMEM);
	accel_job_unref(same);
	same = make_job(&c); /* attaches them again */
	assert_fails(latency_of(job), -ENODATA);
	accel_job_unref(job);
	accel_job_unref(same);
	card_close(&c);
}

/* The ring is counted here: the kernel is never asked for more than it has. */
static void test_ring(void **state)
{
	struct accel_qaic_queue ext = releasing();
	struct accel_job *jobs[2], *large;
	struct accel_fence *fence;
	struct accel_bo *more[2];
	struct card c;
	int i;

	(void)state;
	card_open(&c);
	accel_queue_unref(c.queue);
	ext.elements = 8; /* 7 of use */
	kernel.pieces = 2;
	assert_ok(try_queue(c.context, &ext, ACCEL_NO_DEADLINE, &c.queue));
	jobs[0] = make_job(&c);
	for (i = 0; i < 2; i++)
		more[i] = c.bos[i].bo = make_bo(c.context, NULL);
	jobs[1] = make_job(&c);
	assert_gives(accel_submit(c.queue, jobs, 2, NULL, &fence), 1);
	assert_int_equal(info_of(c.queue).used, 4);
	assert_gives(accel_submit(c.queue, &jobs[1], 1, NULL, NULL), -EAGAIN);
	assert_int_equal(kernel.executes, 1);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	assert_int_equal(info_of(c.queue).used, 0);
	assert_gives(accel_submit(c.queue, &jobs[1], 1, NULL, NULL), 1);
	kernel_end_all();
	kernel.pieces = 4;
	c.bos[0].bo = c.in;
	c.bos[1].bo = c.out;
	c.slices[0].offset = c.slices[1].offset = 8; /* another layout */
	c.slices[0].bytes = c.slices[1].bytes = 8;
	assert_fails(try_job(&c, &large), -E2BIG);
	accel_fence_unref(fence);
	for (i = 0; i < 2; i++) {
		accel_job_unref(jobs[i]);
		accel_bo_unref(more[i]);
	}
	card_close(&c);
}

/* EXECUTE that fails midway leaves buffers that never end: nothing must wait for them. */
static void test_execute_fails(void **state)
{
	static const int errors[][2] = {{-ENOMEM, -ENOMEM}, {-EINVAL, -EIO}, {-EAGAIN, -EIO}};
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;
	uint32_t at;
	size_t i;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	for (i = 0; i < ARRAY_SIZE(errors); i++)
		for (at = 0; at < 2; at++) {
			kernel.execute_err = errors[i][0];
			kernel.execute_err_at = at;
			assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), errors[i][1]);
			assert_int_equal(info_of(c.queue).used, 0);
			assert_int_equal(kernel_attached(), 0);
			fence = submit(&c, job);
			kernel_end_all();
			assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
			accel_fence_unref(fence);
		}
	assert_int_equal(info_of(c.queue).lost, 0);
	/* A signal is no failure. */
	kernel.execute_err = -EINTR;
	kernel.execute_err_at = 0;
	fence = submit(&c, job);
	assert_int_equal(kernel_attached(), 2);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

static void test_limits(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	kernel.at_once = true;
	assert_ok(accel_qaic_job_set_limit(job, 1, 100));
	fence = submit(&c, job);
	assert_int_equal(kernel.partials, 1);
	assert_int_equal(kernel.last_resize, 100);
	accel_fence_unref(fence);
	assert_ok(accel_qaic_job_set_limit(job, 1, ACCEL_QAIC_NOTHING));
	accel_fence_unref(submit(&c, job));
	assert_int_equal(kernel.last_resize, 0);
	assert_ok(accel_qaic_job_set_limit(job, 1, 0));
	accel_fence_unref(submit(&c, job));
	assert_int_equal(kernel.partials, 2);
	assert_fails(accel_qaic_job_set_limit(job, 2, 0), -EINVAL);
	assert_fails(accel_qaic_job_set_limit(job, 1, PAGE + 1), -ERANGE);
	kernel.at_once = false;
	fence = submit(&c, job);
	assert_fails(accel_qaic_job_set_limit(job, 1, 50), -EBUSY);
	kernel_end_all();
	accel_fence_unref(fence);
	accel_job_unref(job);
	/* Memory in pieces, of which none is left to move: the kernel would never say its end. */
	kernel.pieces = 2;
	c.slices[1].offset = 512;
	c.slices[1].bytes = 512;
	job = make_job(&c);
	assert_fails(accel_qaic_job_set_limit(job, 1, 512), -EOPNOTSUPP);
	assert_fails(accel_qaic_job_set_limit(job, 1, ACCEL_QAIC_NOTHING), -EOPNOTSUPP);
	assert_ok(accel_qaic_job_set_limit(job, 1, 513));
	accel_job_unref(job);
	c.transfers[1].limit = 100;
	assert_fails(try_job(&c, &job), -EOPNOTSUPP);
	card_close(&c);
}

/* A word that goes there and back tells how it ended. */
static void test_check_word(void **state)
{
	static const uint32_t moves[] = {0, 3, 2};
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;
	bool well;
	int i;

	(void)state;
	card_open(&c);
	c.ext.flags = ACCEL_QAIC_CHECK;
	c.ext.out = 1;
	c.ext.in_offset = c.ext.out_offset = 64;
	job = make_job(&c);
	/* Not at all, both ways, only back: that brings the word of the time before. */
	for (i = 0; i < 6; i++) {
		kernel_moves = moves[i % 3];
		fence = submit(&c, job);
		assert_int_not_equal(c.from[8], c.to[8]);
		kernel_end(handle_of(c.in));
		kernel_end(handle_of(c.out));
		well = moves[i % 3] == 3;
		assert_gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), well ? 0 : -EIO);
		assert_int_equal(outcome_of(job), well ? ACCEL_DONE : ACCEL_FAILED);
		accel_fence_unref(fence);
	}
	accel_job_unref(job);
	c.ext.out_offset = 4;
	assert_fails(try_job(&c, &job), -EINVAL);
	assert_int_equal(support_error().index, 1);
	c.ext.out_offset = PAGE;
	assert_fails(try_job(&c, &job), -EINVAL);
	c.ext.out_offset = 0;
	c.ext.out = 0;
	assert_fails(try_job(&c, &job), -EINVAL);
	card_close(&c);
}

/* All in words, at the place, and before any ioctl. */
static void refuses(struct card *c, int err, uint32_t index)
{
	struct accel_job *job = NULL;

	seam_forget();
	assert_fails(try_job(c, &job), err);
	assert_null(job);
	assert_int_equal(support_error().index, index);
	assert_int_equal(seam_calls(SEAM_IOCTL), 0);
}

static void test_bad_slices(void **state)
{
	struct card c;

	(void)state;
	card_open(&c);
	c.slices[1].bytes = PAGE + 1;
	refuses(&c, -ERANGE, 1);
	c.slices[1].bytes = UINT64_MAX;
	c.slices[1].offset = 2;
	refuses(&c, -ERANGE, 1);
	c.slices[1].bytes = 0; /* moves nothing, and yet takes a page */
	refuses(&c, -ERANGE, 1);
	c.slices[1].offset = 0;
	c.slices[1].bytes = 16;
	c.slices[1].device_address = UINT64_MAX - 8;
	refuses(&c, -ERANGE, 1);
	c.slices[1].device_address = 0;
	c.slices[0].semaphore[2].index = 32;
	refuses(&c, -EINVAL, 0);
	c.slices[0].semaphore[2].index = 31;
	c.slices[0].semaphore[2].value = 4096;
	refuses(&c, -EINVAL, 0);
	c.slices[0].semaphore[2].value = 4095;
	c.slices[0].semaphore[2].flags = 4;
	refuses(&c, -EINVAL, 0);
	c.slices[0].semaphore[2].flags = 3;
	c.slices[0].semaphore[2].presync = 2;
	refuses(&c, -EINVAL, 0);
	c.slices[0].semaphore[2].presync = 1;
	c.slices[0].semaphore[0].presync = 1;
	refuses(&c, -EINVAL, 0);
	c.slices[0].semaphore[0].presync = 0;
	c.slices[0].doorbell_bits = 4;
	refuses(&c, -EINVAL, 0);
	c.slices[0].doorbell_bits = 16;
	c.slices[0].doorbell_address = 1;
	refuses(&c, -EINVAL, 0);
	c.slices[0].doorbell_bits = 8;
	c.bos[1].access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE;
	refuses(&c, -EINVAL, 1);
	c.bos[1].access = ACCEL_ACCESS_WRITE;
	c.transfers[0].count = 0;
	refuses(&c, -EINVAL, 0);
	c.transfers[0].count = 1;
	c.ext.reserved = 1;
	refuses(&c, -EINVAL, UINT32_MAX);
	card_close(&c);
}

static void test_another_context(void **state)
{
	struct card a, b;
	struct accel_bo *theirs;

	(void)state;
	card_open(&a);
	card_open(&b);
	theirs = a.bos[1].bo;
	a.bos[1].bo = b.out;
	refuses(&a, -EXDEV, 1);
	a.bos[1].bo = theirs;
	card_close(&a);
	card_close(&b);
}

/* ---- the firmware ------------------------------------------------------------------------------ */

static void test_talk(void **state)
{
	static uint8_t large[ACCEL_QAIC_MESSAGE_MAX];
	struct accel_qaic_part part = {ACCEL_QAIC_PASSTHROUGH, 0, 16, large};
	struct accel_context *context = open_flags(0);
	struct accel_qaic_info info = {.size = sizeof(info)};
	uint8_t answer[64];
	uint32_t bytes = sizeof(answer);

	(void)state;
	large[5] = 77;
	assert_ok(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()));
	assert_int_equal(bytes, 24);
	assert_int_equal(((struct accel_qaic_answer *)(void *)answer)->bytes, 16);
	assert_int_equal(answer[8 + 5], 77);
	assert_ok(accel_qaic_get_info(context, far_off(), &info));
	assert_int_equal(info.major, 5);
	assert_int_equal(info.channels, 2);
	bytes = 23;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -ENOSPC);

	kernel.manages = 0;
	assert_gives(accel_qaic_talk(context, &part, 1, answer, &bytes, 0), -ETIME);
	part.bytes = 12;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -EINVAL);
	part.bytes = 4096;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -E2BIG);
	assert_int_equal(support_error().index, 0);
	part.bytes = UINT64_MAX - 7;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -E2BIG);
	part.bytes = 0;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -EINVAL);
	part.bytes = 8;
	part.kind = 7;
	assert_fails(accel_qaic_talk(context, &part, 1, answer, &bytes, far_off()), -EINVAL);
	assert_fails(accel_qaic_talk(context, NULL, 1, answer, &bytes, far_off()), -EINVAL);
	assert_fails(accel_qaic_talk(context, &part, 0, answer, &bytes, far_off()), -EINVAL);
	assert_int_equal(kernel.manages, 0);
	accel_context_unref(context);
}

static void test_talk_errors(void **state)
{
	static const int errors[][2] = {
		{-ETIMEDOUT, -EIO}, {-EPIPE, -EIO},     {-EIO, -EIO},       {-ECANCELED, -EIO},
		{-EAGAIN, -EAGAIN}, {-EFAULT, -EFAULT}, {-ENOMEM, -ENOMEM}, {-EINVAL, -EIO},
		{-ENODEV, -EIO} /* of a channel that isn't there, on a device that is */};
	const struct accel_qaic_queue ext = releasing();
	struct accel_context *context = open_flags(0);
	struct accel_queue *queue = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		kernel.manage_err = errors[i][0];
		kernel.manages = 0;
		assert_fails(try_queue(context, &ext, ACCEL_NO_DEADLINE, &queue), errors[i][1]);
		assert_int_equal(kernel.manages, 1); /* nothing is sent twice */
	}
	kernel.manage_err = 0;
	kernel.activate_status = 3;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -ENOSPC);
	assert_non_null(strstr(support_error().text, "status 3"));
	assert_null(queue);
	accel_context_unref(context);
}

/* A conversation that outlasts the deadline; the channel that it brings is not lost. */
static void test_late_answer(void **state)
{
	const struct accel_qaic_queue ext = releasing();
	struct accel_context *context = open_flags(0);
	struct accel_queue *queue = NULL;

	(void)state;
	kernel.hold = true;
	assert_gives(try_queue(context, &ext, accel_core_sys.now() + 20000000, &queue), -ETIME);
	assert_gives(try_queue(context, &ext, 0, &queue), -ETIME);
	assert_null(queue);
	kernel_let_go();
	while (kernel_channels_in_use() != 1)
		usleep(1000);
	/* It may take a moment until it is put aside. */
	do
		assert_ok(try_queue(context, &ext, far_off(), &queue));
	while (kernel_channels_in_use() != 1 && (accel_queue_unref(queue), true));
	assert_int_equal(kernel_channels_in_use(), 1);
	accel_queue_unref(queue);
	assert_int_equal(kernel_channels_in_use(), 0);
	kernel.hold = true;
	assert_gives(try_queue(context, &ext, accel_core_sys.now() + 1000000, &queue), -ETIME);
	kernel_let_go();
	accel_context_unref(context); /* waits for it */
}

static void test_bad_queues(void **state)
{
	static uint8_t large[4096];
	struct accel_qaic_part part = {ACCEL_QAIC_PASSTHROUGH, 0, 4096 - 8 - 16, large};
	struct accel_context *context = open_flags(0);
	struct accel_qaic_queue ext = releasing();
	struct accel_queue *queue;

	(void)state;
	ext.elements = 1;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -EINVAL);
	ext.elements = 65537;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -EINVAL);
	ext.elements = 0;
	ext.reserved = 1;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -EINVAL);
	ext.reserved = 0;
	ext.release_channel = 2;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -EINVAL);
	ext.release_channel = 16;
	assert_fails(try_queue(context, &ext, far_off(), &queue), -EINVAL);
	ext.release_channel = 4;
	ext.network = &part;
	ext.network_count = 1; /* alone it would fit */
	assert_fails(try_queue(context, &ext, far_off(), &queue), -E2BIG);
	assert_int_equal(kernel.manages, 0);
	part.bytes -= 8;
	assert_ok(try_queue(context, &ext, far_off(), &queue));
	accel_queue_unref(queue);
	accel_context_unref(context);
}

/* ---- channels ------------------------------------------------------------------------------------ */

/* One whose network says no way back stays, and serves the next. */
static void test_spare(void **state)
{
	struct accel_qaic_queue ext = {.head = {sizeof(ext), ACCEL_QAIC_QUEUE}};
	struct accel_context *context = open_flags(0);
	struct accel_queue *queue, *other;
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		assert_ok(try_queue(context, &ext, far_off(), &queue));
		accel_queue_unref(queue);
	}
	assert_int_equal(kernel.manages, 1);
	ext.options = 5; /* another */
	assert_ok(try_queue(context, &ext, far_off(), &other));
	assert_int_equal(kernel.manages, 2);
	ext.options = 0;
	kernel_take_away(0);
	assert_ok(try_queue(context, &ext, far_off(), &queue));
	assert_int_equal(kernel.manages, 3);
	assert_int_equal(info_of(queue).lost, 0);
	accel_queue_unref(queue);
	accel_queue_unref(other);
	accel_context_unref(context);
}

/* The channel restarts under a job; its number is given out again, to this same context. */
static void test_channel_lost(void **state)
{
	const struct accel_qaic_queue ext = releasing();
	struct accel_queue *fresh;
	struct accel_fence *fence;
	struct accel_job *job;
	struct task task;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	task_start(&task, wait_for, fence);
	await_waits(1);
	kernel_take_away(0);
	assert_int_equal(task_join(&task), -ESTALE);
	assert_int_equal(outcome_of(job), ACCEL_LOST);
	assert_int_equal(info_of(c.queue).lost, 1);
	assert_gives(accel_context_state(c.context), ACCEL_OK);
	assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), -ESTALE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	assert_ok(try_queue(c.context, &ext, far_off(), &fresh));
	assert_int_equal(info_of(fresh).channel, 0);
	accel_queue_unref(c.queue);
	assert_int_equal(kernel.releases, 0); /* it wasn't its own any more */
	assert_int_equal(info_of(fresh).lost, 0);
	c.queue = fresh;
	job = make_job(&c);
	fence = submit(&c, job);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

/* Nobody looked when it was taken away and given to another queue of the same file. */
static void test_number_given_again(void **state)
{
	struct accel_queue *fresh;
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	kernel_take_away(0);
	fresh = make_queue(c.context);
	assert_int_equal(info_of(fresh).channel, 0);
	assert_gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), -ESTALE);
	assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), -ESTALE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_queue_unref(c.queue);
	assert_int_equal(kernel_channels_in_use(), 1);
	c.queue = fresh;
	card_close(&c);
}

static void test_cancel(void **state)
{
	struct accel_fence *fence, *behind;
	struct accel_job *job, *done;
	struct accel_bo *more[2];
	struct card c;
	int i;

	(void)state;
	card_open(&c);
	done = make_job(&c);
	for (i = 0; i < 2; i++)
		more[i] = c.bos[i].bo = make_bo(c.context, NULL);
	job = make_job(&c);
	fence = submit(&c, done);
	behind = submit(&c, job);
	kernel_end(handle_of(c.in));
	kernel_end(handle_of(c.out));
	assert_ok(accel_queue_cancel(c.queue, far_off()));
	assert_ok(accel_fence_status(fence)); /* it had done its work */
	assert_gives(accel_fence_wait(behind, 0), -ECANCELED);
	assert_int_equal(outcome_of(job), ACCEL_CANCELED);
	assert_int_equal(kernel.releases, 1);
	assert_int_equal(kernel_channels_in_use(), 1);
	accel_fence_unref(fence);
	accel_fence_unref(behind);
	fence = submit(&c, job);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	/* Nothing to cancel: the firmware is left alone. */
	kernel.manages = 0;
	assert_ok(accel_queue_cancel(c.queue, 0));
	assert_int_equal(kernel.manages, 0);
	accel_job_unref(job);
	accel_job_unref(done);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	card_close(&c);
}

/* No other channel is to be had: the jobs are cancelled, and the queue is lost. */
static void test_cancel_without_another(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	kernel.activate_status = 7;
	assert_ok(accel_queue_cancel(c.queue, ACCEL_NO_DEADLINE));
	assert_gives(accel_fence_wait(fence, 0), -ECANCELED);
	assert_int_equal(info_of(c.queue).lost, 1);
	assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), -ESTALE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

static int cancel(void *queue)
{
	return accel_queue_cancel(queue, ACCEL_NO_DEADLINE);
}

/* In the middle of it the kernel says that the channel isn't ours: nobody takes that for a loss. */
static void test_cancel_and_wait(void **state)
{
	struct task waits, cancels;
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	task_start(&waits, wait_for, fence);
	await_waits(1);
	kernel.hold_answer = true;
	task_start(&cancels, cancel, c.queue);
	while (!kernel.releases)
		usleep(100);
	await_waits(kernel.waits + 3);
	assert_int_equal(info_of(c.queue).lost, 0);
	kernel_let_go();
	assert_int_equal(task_join(&cancels), 0);
	assert_int_equal(task_join(&waits), -ECANCELED);
	accel_fence_unref(fence);
	fence = submit(&c, job);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

static void test_offline(void **state)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = PAGE};
	struct accel_fence *fence;
	struct accel_job *job;
	struct accel_bo *bo;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	kernel.offline = true;
	assert_gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), -ESTALE);
	assert_int_equal(outcome_of(job), ACCEL_LOST);
	assert_gives(accel_context_state(c.context), ACCEL_OFFLINE);
	assert_fails(accel_submit(c.queue, &job, 1, NULL, NULL), -ESTALE);
	assert_fails(accel_bo_create(c.context, &params, &bo), -ESTALE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(c.in);
	accel_bo_unref(c.out);
	accel_queue_unref(c.queue);
	accel_context_unref(c.context);
	kernel.bos = 0;
	kernel.wrong = 0; /* with slices attached, which the kernel itself takes off */
	kernel.why[0] = '\0';
}

/* The kernel has freed what closing such a file uses. */
static void test_gone(void **state)
{
	struct accel_context *context = open_flags(0);
	const int fd = context->fd;

	(void)state;
	kernel.offline = true;
	tree_remove(tree);
	tree = tree_make();
	tree_dir(tree, "class/accel");
	set_sysfs(tree);
	accel_context_unref(context);
	assert_true(seam_node_of(fd)); /* not closed */
	fds_before++;
	memory_before = seam_live_memory();
}

/* ---- events ---------------------------------------------------------------------------------------- */

static void uevent(const char *text, size_t bytes)
{
	assert_int_equal(write(uevents_fd[1], text, bytes), bytes);
}
#define UEVENT(text) uevent(text, sizeof(text))

static void test_events(void **state)
{
	struct card c;
	int fd;

	(void)state;
	card_open(&c);
	assert_ok(accel_context_fd(c.context, &fd));
	UEVENT("offline@/x\0ACTION=offline\0MAJOR=261\0MINOR=1");
	UEVENT("add@/y\0ACTION=add\0MAJOR=261\0MINOR=0");
	UEVENT("garbage");
	assert_gives(accel_context_state(c.context), ACCEL_OK);
	UEVENT("change@/x\0ACTION=change\0MAJOR=261\0MINOR=0\0DBC_ID=1\0DBC_STATE=2");
	assert_gives(accel_context_state(c.context), ACCEL_OK);
	assert_false(qaic_queue(c.queue)->lost);
	UEVENT("change@/x\0ACTION=change\0MAJOR=261\0MINOR=0\0DBC_ID=0\0DBC_STATE=1");
	assert_gives(accel_context_state(c.context), ACCEL_OK);
	assert_false(qaic_queue(c.queue)->lost);
	UEVENT("change@/x\0ACTION=change\0MAJOR=261\0MINOR=0\0DBC_ID=0\0DBC_STATE=2");
	assert_gives(accel_context_state(c.context), ACCEL_OK);
	assert_true(qaic_queue(c.queue)->lost);
	UEVENT("offline@/x\0ACTION=offline\0MAJOR=261\0MINOR=0");
	assert_gives(accel_context_state(c.context), ACCEL_OFFLINE);
	UEVENT("remove@/x\0ACTION=remove\0MAJOR=261\0MINOR=0");
	assert_gives(accel_context_state(c.context), ACCEL_GONE);
	card_close(&c);
	close(uevents_fd[1]);
}

/* ---- threads, only where one is needed ------------------------------------------------------------ */

static void test_no_threads(void **state)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;
	uint64_t value;
	int fd;

	(void)state;
	seam_forget();
	card_open_flags(&c, ACCEL_OPEN_NO_THREADS);
	assert_ok(accel_query(c.context, ACCEL_HAS_FENCE_FD, &value));
	assert_int_equal(value, ACCEL_ABSENT);
	job = make_job(&c);
	fence = submit(&c, job);
	assert_fails(accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd), -EOPNOTSUPP);
	kernel_end_all();
	assert_ok(accel_fence_wait(fence, ACCEL_NO_DEADLINE));
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 0);
}

static void test_descriptor(void **state)
{
	struct pollfd pollfd = {.events = POLLIN};
	struct accel_fence *fence;
	struct accel_job *job;
	struct card c;

	(void)state;
	card_open(&c);
	job = make_job(&c);
	fence = submit(&c, job);
	seam_forget();
	assert_ok(accel_fence_export_fd(fence, ACCEL_FD_ANY, &pollfd.fd));
	assert_int_equal(seam_calls(SEAM_THREAD_CREATE), 1);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	kernel_end_all();
	assert_int_equal(poll(&pollfd, 1, -1), 1);
	close(pollfd.fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	card_close(&c);
}

/* ---- each call that can fail, one after the other --------------------------------------------------- */

/* A little of everything, as far as it comes. Whatever fails, nothing is left behind. */
static void little_of_everything(void)
{
	struct accel_open_params open = {.size = sizeof(open)};
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = PAGE};
	struct accel_context *context = NULL;
	struct accel_queue *queue = NULL;
	struct accel_fence *fence = NULL;
	struct accel_job *job = NULL;
	struct accel_device *device;
	struct card c = {0};
	const struct accel_qaic_queue ext = releasing();
	int fd = -1, i;

	if (accel_device_find("accel0", &device))
		return;
	if (accel_open(device, &open, 0, &context))
		goto out;
	if (try_queue(context, &ext, far_off(), &queue) ||
	    accel_bo_create(context, &params, &c.in) || accel_bo_create(context, &params, &c.out))
		goto out;
	c.queue = queue;
	c.ext = (struct accel_qaic_job){.head = {sizeof(c.ext), ACCEL_QAIC_JOB},
					.transfers = c.transfers,
					.flags = ACCEL_QAIC_CHECK,
					.out = 1};
	for (i = 0; i < 2; i++) {
		c.slices[i].bytes = PAGE;
		c.transfers[i] = (struct accel_qaic_transfer){.slices = &c.slices[i], .count = 1};
		c.bos[i] = (struct accel_bo_ref){i ? c.out : c.in,
						 i ? ACCEL_ACCESS_WRITE : ACCEL_ACCESS_READ, 0};
	}
	if (try_job(&c, &job) || accel_submit(queue, &job, 1, NULL, &fence) != 1)
		goto out;
	accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd);
	accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_queue_cancel(queue, far_off());
out:
	if (fd >= 0)
		close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(c.in);
	accel_bo_unref(c.out);
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
}

static void fail_each(enum seam_entry entry, int err)
{
	unsigned long i, count;

	seam_forget();
	little_of_everything();
	count = seam_calls(entry);
	assert_true(count > 0);
	for (i = 0; i < count; i++) {
		kernel_install();
		kernel.at_once = true;
		seam_fail(entry, i, 1, err);
		little_of_everything();
		seam_fail(entry, 0, 0, 0);
		/* What could not be closed for want of a call the file takes along. */
		if (entry == SEAM_IOCTL) {
			kernel.bos = 0;
			kernel.wrong = 0;
			kernel.why[0] = '\0';
		}
		assert_string_equal(kernel.why, "");
		assert_int_equal(kernel.bos, 0);
		assert_int_equal(seam_live_memory(), memory_before);
		assert_int_equal(seam_live_maps(), maps_before);
		if (entry != SEAM_IOCTL)
			assert_int_equal(count_fds(), fds_before);
	}
	fds_before = count_fds();
}

static void test_each_failure(void **state)
{
	(void)state;
	kernel.at_once = true;
	fail_each(SEAM_ALLOC, -ENOMEM);
	fail_each(SEAM_THREAD_CREATE, -EAGAIN);
	fail_each(SEAM_MMAP, -ENOMEM);
	fail_each(SEAM_DUP, -EMFILE);
	fail_each(SEAM_IOCTL, -ENOMEM);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_life),
		T(test_layouts),
		T(test_status_never_sleeps),
		T(test_quick),
		T(test_wait_in_slices),
		T(test_order),
		T(test_one_job_at_a_time),
		T(test_other_buffer),
		T(test_whose_latency),
		T(test_ring),
		T(test_execute_fails),
		T(test_limits),
		T(test_check_word),
		T(test_bad_slices),
		T(test_another_context),
		T(test_talk),
		T(test_talk_errors),
		T(test_late_answer),
		T(test_bad_queues),
		T(test_spare),
		T(test_channel_lost),
		T(test_number_given_again),
		T(test_cancel),
		T(test_cancel_without_another),
		T(test_cancel_and_wait),
		T(test_offline),
		T(test_gone),
		T(test_events),
		T(test_no_threads),
		T(test_descriptor),
		T(test_each_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
