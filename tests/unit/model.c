/* SPDX-License-Identifier: MIT */
/* The provider for tests; see model.h. */
#include "model.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define MAGIC 0x600d600du

struct model model;

struct model_bo {
	struct accel_bo base;
	uint32_t magic;
	bool shared; /* imported or exported */
};

struct model_queue {
	struct accel_queue base;
	uint32_t jobs; /* alive */
	bool over;
};

struct model_job {
	struct accel_job base;
	enum {
		IDLE,
		RUNNING,
		ENDED
	} state;
	struct accel_job_result result;
	uint32_t waiting; /* threads in job_wait */
	int fd;           /* readable when it has ended; -1: not made */
	bool dead;
};

static void wrong(const char *why)
{
	if (!model.wrong++)
		snprintf(model.why, sizeof(model.why), "%s", why);
}

static bool is_locked(struct accel_lock *lock)
{
	return atomic_load(&lock->state) != ACCEL_LOCK_FREE;
}

/* Whether the caller does not have it: another thread gives it back soon. */
static bool is_free(struct accel_lock *lock)
{
	const int64_t end = accel_core_sys.now() + 20 * INT64_C(1000000000);

	while (is_locked(lock)) {
		if (accel_core_sys.now() > end)
			return false;
		sched_yield();
	}
	return true;
}

static void lock(void)
{
	pthread_mutex_lock(&model.lock);
}

static void unlock(void)
{
	pthread_cond_broadcast(&model.changed);
	pthread_mutex_unlock(&model.lock);
}

/* ---- contexts ----------------------------------------------------------------------------- */

static int context_init(struct accel_context *context, const struct accel_ext *ext,
			int64_t deadline)
{
	int ret = 0;

	(void)deadline;
	lock();
	if (ext) {
		ret = accel_core_fail(-EINVAL, "the model has no ext");
	} else if (model.context_init_err && model.context_init_err_count) {
		model.context_init_err_count--;
		ret = model.context_init_err;
		if (ret != -EAGAIN && ret != -EOPNOTSUPP)
			accel_core_fail(ret, "the model was told so");
	} else {
		context->waits = model.waits;
		model.contexts++;
	}
	unlock();
	return ret;
}

static void context_fini(struct accel_context *context)
{
	lock();
	if (model.contexts == 1 && (model.bos || model.queues || model.jobs))
		wrong("context_fini with objects alive");
	if (!list_empty(&context->queues) || !list_empty(&context->shared) ||
	    !list_empty(&context->cache))
		wrong("context_fini with objects listed");
	model.contexts--;
	unlock();
}

static void context_exit(struct accel_context *context)
{
	(void)context;
	lock();
	model.exits++;
	unlock();
}

static int context_fd(struct accel_context *context, int *fd)
{
	if (model.answer[ACCEL_HAS_STATE_FD] == MODEL_NO_ANSWER)
		return accel_core_fail(-EOPNOTSUPP, "not today");
	*fd = context->fd;
	return 0;
}

static void context_event(struct accel_context *context)
{
	(void)context;
	model.events++;
}

static int query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	(void)context;
	if (key >= ARRAY_SIZE(model.answer) || model.answer[key] == MODEL_NO_ANSWER)
		return -EINVAL;
	*value = (uint64_t)model.answer[key];
	return 0;
}

/* ---- buffers ------------------------------------------------------------------------------ */

static uint64_t key_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino << 8 | 1;
}

static int bo_init(struct accel_bo *base, const struct accel_bo_params *params)
{
	struct model_bo *bo = (struct model_bo *)base;

	if (model.bo_init_err)
		return accel_core_fail(model.bo_init_err, "the model was told so");
	if (params->ext)
		return accel_core_fail(-EINVAL, "the model has no ext");
	if (params->user) {
		base->map = params->user;
	} else {
		base->fd = memfd_create("model", MFD_CLOEXEC);
		if (base->fd < 0 || ftruncate(base->fd, (off_t)base->bytes)) {
			if (base->fd >= 0)
				accel_core_sys.close(base->fd);
			base->fd = -1;
			return accel_core_fail(-ENOMEM, "no memfd");
		}
		if (model.undefined) {
			base->flags |= ACCEL_BO_IS_UNDEFINED;
			if (pwrite(base->fd, "dirt", 4, 0) != 4)
				return accel_core_fail(-EIO, "no dirt");
		}
	}
	if (model.key_at_init)
		base->key = key_of(base->fd);
	bo->magic = MAGIC;
	lock();
	model.bos++;
	model.bo_inits++;
	unlock();
	return 0;
}

static int bo_import_key(struct accel_context *context, int fd, uint64_t *key)
{
	if (!is_locked(&context->lock))
		wrong("bo_import_key without the lock");
	model.keys++;
	*key = key_of(fd);
	return *key ? 0 : accel_core_fail(-EBADF, "no such descriptor");
}

static int bo_import(struct accel_bo *base, int fd)
{
	struct model_bo *bo = (struct model_bo *)base;
	struct stat st;

	if (!is_locked(&base->context->lock))
		wrong("bo_import without the lock");
	if (model.bo_import_err)
		return accel_core_fail(model.bo_import_err, "the model was told so");
	if (fstat(fd, &st) || !st.st_size)
		return accel_core_fail(-EINVAL, "not memory");
	base->fd = accel_core_sys.dup(fd);
	if (base->fd < 0)
		return accel_core_fail(base->fd, "no descriptor");
	base->bytes = (uint64_t)st.st_size;
	bo->magic = MAGIC;
	bo->shared = true;
	lock();
	model.bos++;
	model.bo_inits++;
	unlock();
	return 0;
}

static int bo_export(struct accel_bo *bo, int *fd)
{
	int copy = accel_core_sys.dup(bo->fd);

	if (copy < 0)
		return accel_core_fail(copy, "no descriptor");
	bo->key = key_of(bo->fd);
	((struct model_bo *)bo)->shared = true;
	*fd = copy;
	return 0;
}

static int bo_map(struct accel_bo *bo)
{
	int ret;

	if (model.bo_map_err)
		return accel_core_fail(model.bo_map_err, "the model was told so");
	if (bo->map)
		wrong("mapped twice");
	model.bo_maps++;
	if (model.bo_map_slow)
		usleep(1000);
	ret = accel_core_sys.mmap(bo->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bo->fd, 0,
				  &bo->map);
	if (ret)
		return accel_core_fail(ret, "no mapping");
	bo->map_bytes = bo->bytes;
	return 0;
}

static int bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		    int64_t deadline)
{
	(void)bo, (void)access, (void)offset, (void)bytes, (void)deadline;
	model.begins++;
	return 0;
}

static int bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes)
{
	(void)bo, (void)access, (void)offset, (void)bytes;
	model.ends++;
	return model.bo_end_err ? accel_core_fail(model.bo_end_err, "the model was told so") : 0;
}

static void bo_fini(struct accel_bo *base)
{
	struct model_bo *bo = (struct model_bo *)base;

	lock();
	if (bo->magic != MAGIC)
		wrong("bo_fini of no buffer, or a second time");
	if (base->busy)
		wrong("bo_fini of a busy buffer");
	if (bo->shared && !is_locked(&base->context->lock))
		wrong("bo_fini of a shared buffer without the lock");
	bo->magic = 0;
	model.bos--;
	model.bo_finis++;
	unlock();
}

/* ---- queues ------------------------------------------------------------------------------- */

static int queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		      int64_t deadline)
{
	(void)params, (void)deadline;
	if (model.queue_init_err)
		return accel_core_fail(model.queue_init_err, "the model was told so");
	if (!queue->depth)
		queue->depth = 4;
	lock();
	model.queues++;
	unlock();
	return 0;
}

static int queue_cancel(struct accel_queue *queue)
{
	if (!is_free(&queue->lock))
		wrong("queue_cancel with the lock");
	model.cancels++;
	return 0;
}

static void queue_fini(struct accel_queue *base)
{
	struct model_queue *queue = (struct model_queue *)base;

	lock();
	if (queue->jobs)
		wrong("queue_fini with jobs alive");
	if (queue->over)
		wrong("queue_fini twice");
	if (base->waiter)
		wrong("queue_fini with a waiter");
	queue->over = true;
	model.queues--;
	model.queue_finis++;
	unlock();
}

/* ---- jobs --------------------------------------------------------------------------------- */

static int job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct model_job *job = (struct model_job *)base;

	(void)params;
	if (model.job_init_err)
		return accel_core_fail(model.job_init_err, "the model was told so");
	job->fd = -1;
	lock();
	model.jobs++;
	((struct model_queue *)base->queue)->jobs++;
	unlock();
	return 0;
}

static int job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo)
{
	(void)job, (void)index, (void)bo;
	return model.job_set_bo_err ? accel_core_fail(model.job_set_bo_err, "the model was told so")
				    : 0;
}

static void forget(struct model_job *job)
{
	if (job->fd >= 0)
		accel_core_sys.close(job->fd);
	job->fd = -1;
	job->state = IDLE;
}

static void job_fini(struct accel_job *base)
{
	struct model_job *job = (struct model_job *)base;
	struct model_queue *queue = (struct model_queue *)base->queue;

	lock();
	if (job->dead)
		wrong("job_fini twice");
	if (job->state == RUNNING)
		wrong("job_fini of a job in the driver");
	if (job->waiting)
		wrong("job_fini with a thread in job_wait");
	if (queue->over)
		wrong("job_fini after queue_fini");
	job->dead = true;
	forget(job);
	model.jobs--;
	queue->jobs--;
	unlock();
}

static int submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	uint32_t i, taken = 0;
	struct model_job *job;
	int ret;

	if (!is_locked(&queue->lock))
		wrong("submit without the lock");
	if (queue->to_wake)
		wrong("submit with a futex from before");
	lock();
	model.submits++;
	if (model.submit_err_count) {
		model.submit_err_count--;
		ret = model.submit_err;
		goto out;
	}
	for (i = 0; i < count && model.running < model.room && i < model.submit_max; i++) {
		job = (struct model_job *)jobs[i];
		if (job->state == RUNNING)
			wrong("submit of a job in the driver");
		if (job->base.wait_count && model.waits != ACCEL_WAITS_ANY)
			wrong("submit of a job that waits");
		if (job->dead)
			wrong("submit of a dead job");
		forget(job);
		job->state = RUNNING;
		model.running++;
		taken++;
	}
	ret = taken ? (int)taken : -EAGAIN;
	if (taken && !queue->context->pulls)
		queue->to_wake = model.to_wake;
out:
	unlock();
	return ret;
}

/* Under the model's lock. */
static void set_ended(struct model_job *job, uint32_t outcome)
{
	const uint64_t one = 1;

	if (job->state == RUNNING)
		model.running--;
	job->state = ENDED;
	memset(&job->result, 0, sizeof(job->result));
	job->result.outcome = outcome;
	job->result.driver_code = 42;
	if (job->fd >= 0 && write(job->fd, &one, sizeof(one)) < 0)
		wrong("the job's descriptor is closed");
}

static int job_poll(struct accel_job *base, bool ended, struct accel_job_result *result)
{
	struct model_job *job = (struct model_job *)base;
	int ret = -EINPROGRESS;

	if (!is_locked(&base->queue->lock))
		wrong("job_poll without the lock");
	lock();
	model.polls++;
	if (job->dead)
		wrong("job_poll of a dead job");
	if (job->state == RUNNING && ended)
		set_ended(job, base->queue->context->state ? ACCEL_LOST : ACCEL_DONE_UNVERIFIED);
	if (job->state == ENDED) {
		*result = job->result;
		ret = 0;
	}
	unlock();
	return ret;
}

static int job_wait(struct accel_job *base, int64_t deadline, struct accel_job_result *result)
{
	struct model_job *job = (struct model_job *)base;
	struct timespec ts = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
	bool over = false, kept = false;
	int ret = 0;

	lock();
	model.waits_made++;
	if (model.wait_err) {
		ret = model.wait_err;
		goto out;
	}
	model.waiting++;
	job->waiting++;
	if (model.keep_waiters) {
		model.keep_waiters--;
		kept = true;
	}
	pthread_cond_broadcast(&model.changed);
	while (job->state == RUNNING && !over && !base->queue->context->state) {
		if (deadline == ACCEL_NO_DEADLINE)
			pthread_cond_wait(&model.changed, &model.lock);
		else
			over = pthread_cond_timedwait(&model.changed, &model.lock, &ts) != 0;
	}
	if (job->state == RUNNING && base->queue->context->state)
		set_ended(job, ACCEL_LOST);
	ret = job->state == ENDED ? 0 : -ETIME;
	*result = job->result;
	while (kept && !model.let_go)
		pthread_cond_wait(&model.changed, &model.lock);
	if (job->dead)
		wrong("a job died under a thread in job_wait");
	job->waiting--;
	model.waiting--;
out:
	unlock();
	return ret;
}

static void job_release(struct accel_job *base)
{
	struct model_job *job = (struct model_job *)base;

	if (!is_locked(&base->queue->lock))
		wrong("job_release without the lock");
	lock();
	model.releases++;
	if (job->state == RUNNING)
		wrong("job_release of a job in the driver");
	if (job->waiting)
		wrong("job_release with a thread in job_wait");
	forget(job);
	unlock();
}

static int job_fd(struct accel_job *base, uint32_t kind, int *fd)
{
	struct model_job *job = (struct model_job *)base;
	const uint64_t one = 1;
	int ret = 0;

	if (!is_locked(&base->queue->lock))
		wrong("job_fd without the lock");
	lock();
	model.job_fds++;
	if (job->state == IDLE)
		wrong("job_fd of a job that is not under way");
	if (job->fd < 0)
		job->fd = kind == ACCEL_FD_SYNC_FILE ? seam_make_sync_file(0)
						     : accel_core_sys.eventfd(0, EFD_NONBLOCK);
	if (job->fd >= 0 && job->state == ENDED && write(job->fd, &one, sizeof(one)) < 0)
		wrong("the job's descriptor is closed");
	ret = job->fd < 0 ? job->fd : accel_core_sys.dup(job->fd);
	unlock();
	if (ret < 0)
		return accel_core_fail(ret, "no descriptor");
	*fd = ret;
	return 0;
}

static int ended_sync_file(struct accel_context *context, int *fd)
{
	(void)context;
	*fd = seam_make_sync_file(1);
	return 0;
}

static const char *const push_drivers[] = {"push", NULL};
static const char *const pull_drivers[] = {"pull", NULL};

static const struct accel_ops push_ops = {
	.context_init = context_init,
	.context_fini = context_fini,
	.context_exit = context_exit,
	.context_fd = context_fd,
	.context_event = context_event,
	.query = query,
	.bo_init = bo_init,
	.bo_import = bo_import,
	.bo_import_key = bo_import_key,
	.bo_export = bo_export,
	.bo_map = bo_map,
	.bo_begin = bo_begin,
	.bo_end = bo_end,
	.bo_fini = bo_fini,
	.queue_init = queue_init,
	.queue_cancel = queue_cancel,
	.queue_fini = queue_fini,
	.job_init = job_init,
	.job_set_bo = job_set_bo,
	.job_fini = job_fini,
	.submit = submit,
	/* Not only for those that pull: what is cheap to forget is forgotten here too. */
	.job_release = job_release,
};

static struct accel_ops pull_ops;

static const struct accel_provider push_provider = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(push_provider),
	.name = "push",
	.drivers = push_drivers,
	.context_size = sizeof(struct accel_context),
	.bo_size = sizeof(struct model_bo),
	.queue_size = sizeof(struct model_queue),
	.job_size = sizeof(struct model_job),
	.ops = &push_ops,
};

static const struct accel_provider pull_provider = {
	.abi = ACCEL_PRIVATE_ABI,
	.size = sizeof(pull_provider),
	.name = "pull",
	.drivers = pull_drivers,
	.context_size = sizeof(struct accel_context),
	.bo_size = sizeof(struct model_bo),
	.queue_size = sizeof(struct model_queue),
	.job_size = sizeof(struct model_job),
	.ops = &pull_ops,
};

/* ---- what tests do ------------------------------------------------------------------------ */

static char *tree;
static struct seam_node node[2];
static long memory_before, maps_before;
static int fds_before;

int model_setup(void **state)
{
	static bool known;
	pthread_condattr_t attr;
	size_t i;

	(void)state;
	seam_install();
	if (!known) {
		pull_ops = push_ops;
		pull_ops.job_poll = job_poll;
		pull_ops.job_wait = job_wait;
		pull_ops.job_fd = job_fd;
		pull_ops.ended_sync_file = ended_sync_file;
		seam_add_provider("push", &push_provider);
		seam_add_provider("pull", &pull_provider);
		known = true;
	}
	memset((void *)&model, 0, sizeof(model));
	pthread_mutex_init(&model.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&model.changed, &attr);
	for (i = 0; i < ARRAY_SIZE(model.answer); i++)
		model.answer[i] = MODEL_NO_ANSWER;
	model.answer[ACCEL_HAS_WAIT_FENCES] = ACCEL_EMULATED;
	model.answer[ACCEL_HAS_FENCE_FD] = ACCEL_EMULATED;
	model.room = model.submit_max = UINT32_MAX;

	tree = tree_make();
	tree_device(tree, 0, NULL, "push");
	tree_device(tree, 1, NULL, "pull");
	for (i = 0; i < 2; i++) {
		node[i] = (struct seam_node){
			.path = i ? "/dev/accel/accel1" : "/dev/accel/accel0",
			.rdev = makedev(261, (unsigned int)i),
			.driver = i ? "pull" : "push",
		};
		seam_add_node(&node[i]);
	}
	accel_deadline(0, &(int64_t){0}); /* sets the library up, if it wasn't */
	set_sysfs(tree);
	set_provider_dir(SEAM_PROVIDER_DIR);
	/* Providers are never unloaded: have them loaded before counting. */
	for (i = 0; i < 2; i++)
		accel_context_unref(model_open(i, 0));
	memory_before = seam_live_memory();
	maps_before = seam_live_maps();
	fds_before = count_fds();
	seam_forget();
	return 0;
}

int model_teardown(void **state)
{
	(void)state;
	if (model.wrong)
		fail_msg("%s (%u such)", model.why, model.wrong);
	assert_int_equal(model.jobs, 0);
	assert_int_equal(model.queues, 0);
	assert_int_equal(model.bos, 0);
	assert_int_equal(model.contexts, 0);
	assert_int_equal(model.running, 0);
	assert_int_equal(seam_live_memory(), memory_before);
	assert_int_equal(seam_live_maps(), maps_before);
	assert_int_equal(count_fds(), fds_before);
	tree_remove(tree);
	pthread_mutex_destroy(&model.lock);
	pthread_cond_destroy(&model.changed);
	return 0;
}

void model_drop_tree(void)
{
	tree_remove(tree);
	tree = NULL;
}

void model_keep_memory(long count)
{
	memory_before += count;
}

struct seam_node *model_node(enum model_kind kind)
{
	return &node[kind];
}

struct accel_device *model_device(enum model_kind kind)
{
	struct accel_device *device;

	assert_ok(accel_device_find(kind == MODEL_PULL ? "accel1" : "accel0", &device));
	return device;
}

struct accel_context *model_open(enum model_kind kind, uint32_t flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = flags};
	struct accel_device *device = model_device(kind);
	struct accel_context *context;

	assert_ok(accel_open(device, &params, 0, &context));
	accel_device_unref(device);
	return context;
}

struct accel_bo *model_bo(struct accel_context *context, uint32_t flags, uint64_t bytes)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = flags, .bytes = bytes};
	struct accel_bo *bo;

	assert_ok(accel_bo_create(context, &params, &bo));
	return bo;
}

struct accel_queue *model_queue(struct accel_context *context, uint32_t depth)
{
	struct accel_queue_params params = {.size = sizeof(params), .depth = depth};
	struct accel_queue *queue;

	assert_ok(accel_queue_create(context, &params, 0, &queue));
	return queue;
}

struct accel_job *model_job(struct accel_queue *queue, ...)
{
	struct accel_bo_ref bos[40];
	struct accel_job_params params = {.size = sizeof(params), .bos = bos};
	struct accel_job *job;
	struct accel_bo *bo;
	va_list args;

	va_start(args, queue);
	while ((bo = va_arg(args, struct accel_bo *)))
		bos[params.bo_count++] =
			(struct accel_bo_ref){bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0};
	va_end(args);
	assert_ok(accel_job_create(queue, &params, &job));
	return job;
}

struct accel_fence *model_submit_after(struct accel_queue *queue, struct accel_job *job,
				       struct accel_fence *wait)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &wait, .wait_count = wait != NULL};
	struct accel_fence *fence;

	assert_gives(accel_submit(queue, &job, 1, &params, &fence), 1);
	return fence;
}

struct accel_fence *model_submit(struct accel_queue *queue, struct accel_job *job)
{
	return model_submit_after(queue, job, NULL);
}

void model_end(struct accel_job *base, uint32_t outcome)
{
	struct model_job *job = (struct model_job *)base;
	struct accel_job_result result;
	const bool pulls = base->queue->context->pulls;

	lock();
	if (job->state != RUNNING)
		wrong("the test ends a job that the driver doesn't have");
	set_ended(job, outcome);
	result = job->result;
	unlock();
	/* It may be gone by now, if nobody holds it. */
	if (!pulls)
		accel_core_job_done(base, &result);
}

bool model_is_running(struct accel_job *job)
{
	bool running;

	lock();
	running = ((struct model_job *)job)->state == RUNNING;
	unlock();
	return running;
}

void model_await_running(struct accel_job *job)
{
	lock();
	while (((struct model_job *)job)->state != RUNNING)
		pthread_cond_wait(&model.changed, &model.lock);
	unlock();
}

void model_await_waiting(uint32_t count)
{
	lock();
	while (model.waiting < count)
		pthread_cond_wait(&model.changed, &model.lock);
	unlock();
}

void model_let_go(void)
{
	lock();
	model.let_go = true;
	unlock();
}

void model_refuse(int err, uint32_t count)
{
	lock();
	model.submit_err = err;
	model.submit_err_count = count;
	unlock();
}

void model_lose(struct accel_context *context, uint32_t state)
{
	accel_core_context_set_state(context, state);
	lock();
	unlock();
}
