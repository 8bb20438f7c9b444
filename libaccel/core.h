/* SPDX-License-Identifier: MIT */
/* What the files of the core share with each other, and with nobody else. */
#ifndef ACCEL_CORE_H
#define ACCEL_CORE_H

#include "provider.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NONE32	      UINT32_MAX
#define NONE64	      UINT64_MAX
/* One of which each caller has its own, for what it passes that never changes. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- process.c: what there is once per process ------------------------------------ */

/* A word that is 1 once the library is set up, and 0 before and in a forked child. */
extern _Atomic(_Atomic uint32_t *) process_alive __attribute__((visibility("hidden")));
int process_set_up(void);
/* To be called first by every public function: sets the library up at the first call,
 * and gives -ECHILD in a forked child. */
static inline int process_enter(void)
{
	_Atomic uint32_t *word = atomic_load_explicit(&process_alive, memory_order_acquire);

	return atomic_load_explicit(word, memory_order_relaxed) ? 0 : process_set_up();
}
/* For _unref: true in a forked child. */
static inline bool process_is_child(void)
{
	return process_enter() != 0;
}
/* All open contexts, for the end of the process. -ENOMEM. */
int process_add_context(struct accel_context *context);
void process_del_context(struct accel_context *context);

/* ---- env.c: the environment, read once ------------------------------------------- */

struct env {
	int log_level;		  /* LIBACCEL_LOG */
	bool trace;		  /* LIBACCEL_TRACE */
	const char *trace_file;	  /* LIBACCEL_TRACE=/a/file, or NULL */
	bool validate;		  /* LIBACCEL_VALIDATE */
	bool no_software;	  /* LIBACCEL_SOFTWARE=0 */
	const char *provider_dir; /* LIBACCEL_PROVIDER_DIR, or NULL */
	const char *sysfs;	  /* LIBACCEL_SYSFS, or "/sys" */
	const char *procfs;	  /* LIBACCEL_PROCFS, or "/proc" */
	const char *dev;	  /* LIBACCEL_DEV, or "/dev" */
};
const struct env *env_get(void);
void env_read(void);

/* ---- error.c ------------------------------------------------------------------------ */

void log_set_default(int level);
bool log_is_on(int level);
/* Around what may fail without the whole call failing. */
void error_save(struct accel_error *out);
void error_restore(const struct accel_error *saved);
/* To stderr, for the traces that were asked for in the environment. */
void log_to_stderr(const char *text);

/* ---- trace.c ------------------------------------------------------------------------ */

/* To the file @path, or to stderr. */
void trace_start(const char *path);
/* Decode the ioctls of @provider too. */
void trace_add_names(const struct accel_ioctl_name *names);
/* @fd is a node of the provider with these. */
void trace_node(int fd, const struct accel_ioctl_name *names);

/* ---- params.c ----------------------------------------------------------------------- */

/* What accel_core_params_out() would refuse, to be known first. */
int params_check_out(const void *to);

/* ---- refs: saturate nowhere, 2^32 references don't fit in memory ------------------------ */

static inline void refs_get(_Atomic uint32_t *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* Take one more, unless the last is gone already. */
static inline bool refs_try_get(_Atomic uint32_t *refs)
{
	uint32_t now = atomic_load_explicit(refs, memory_order_relaxed);

	while (now)
		if (atomic_compare_exchange_weak_explicit(refs, &now, now + 1,
							  memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

/* True: that was the last one. */
static inline bool refs_put(_Atomic uint32_t *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

/* ---- sysfs.c -------------------------------------------------------------------------- */

/* Read a small file; always ends with a NUL. The length, or a negative errno; -EFBIG if it
 * doesn't fit, -EILSEQ if there is a NUL in it. */
int sysfs_read(const char *path, char *buf, size_t bytes);
/* The value of KEY=value in the text of a uevent file. 0, -ENOENT, -ENAMETOOLONG. */
int sysfs_uevent(const char *text, const char *key, char *value, size_t bytes);
int sysfs_number(const char *path, long long *value);
/* A name that may become a part of a path: letters, digits, '_', '-', '.', ':' and not
 * beginning with '.'. */
bool sysfs_is_plain_word(const char *name);

/* ---- provider.c ------------------------------------------------------------------------ */

/* Providers that are a part of this library itself, by driver; NULL at the end, or none at all.
 * The shared library has none (builtin.c); libaccel.a has no others. */
struct builtin_provider {
	const char *driver;
	const struct accel_provider *provider;
};

extern const struct builtin_provider builtin_providers[];

/* Whether a provider for @driver is there, without loading it: ACCEL_USABLE,
 * ACCEL_NO_PROVIDER or ACCEL_PROVIDER_ABI, with @reason for the last two. */
uint32_t provider_look(const char *driver, char *reason, size_t reason_bytes);
/* Load it, or find it loaded: 0, or the errno that belongs to *usable. */
int provider_load(const char *driver, const struct accel_provider **out, uint32_t *usable,
		  char *reason, size_t reason_bytes);
/* Whether the provider serves a kernel driver of this name. */
bool provider_serves(const struct accel_provider *provider, const char *driver);
/* ---- device.c --------------------------------------------------------------------------- */

struct accel_device {
	_Atomic uint32_t refs;
	pthread_mutex_t lock; /* usable, driver and reason in info */
	struct accel_device_info info;
};

/* A device of which only an open node is known. */
int device_from_fd(int fd, struct accel_device **out);
void device_learn(struct accel_device *device, uint32_t usable, const char *driver,
		  const char *reason);
/* Whether sysfs has no such device any more; false where it can't be read. */
bool device_is_gone(const struct accel_device_info *info);
/* The errno with which opening fails for it. */
int device_usable_errno(uint32_t usable);

/* ---- context.c --------------------------------------------------------------------------- */

/* accel_core_context_errno() at hand. */
static inline int context_errno(struct accel_context *context)
{
	return atomic_load_explicit(&context->state, memory_order_relaxed)
		       ? accel_core_context_errno(context)
		       : 0;
}

/* ---- bo.c, bo_cache.c, bo_table.c -------------------------------------------------------- */

/* What a buffer can be asked to be for, and is compared by when it is to be reused. */
#define BO_USES                                                                                    \
	(ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE |   \
	 ACCEL_BO_COMMANDS | ACCEL_BO_DEVICE_LOCAL | ACCEL_BO_SHARE)

/* Undo and free a buffer that nothing uses, outside any cache. */
void bo_destroy(struct accel_bo *bo);
/* Take a freed buffer that can serve, or NULL. */
struct accel_bo *bo_cache_take(struct accel_context *context, uint32_t flags, uint64_t bytes);
/* True: the cache has it now. */
bool bo_cache_give(struct accel_bo *bo);
void bo_cache_trim(struct accel_context *context, uint64_t keep_bytes);
/* Under context->lock: the buffer of that key with one more reference, or NULL. */
struct accel_bo *bo_table_find(struct accel_context *context, uint64_t key);
void bo_table_add(struct accel_bo *bo);
/* Give up one reference; true: it was the last. Then the buffer has left the table, and its
 * handle, if it has one, is closed. */
bool bo_table_put(struct accel_bo *bo);

/* ---- queue.c ------------------------------------------------------------------------------ */

/* What is to be done for jobs that ended, once their queue's lock was given up. */
struct ended {
	struct list fences; /* accel_fence.link */
	struct list jobs;   /* accel_job.link: orphans */
	bool any;
};

/* Give up one reference to the memory, and one of a user of it. */
void queue_put(struct accel_queue *queue);
void queue_put_user(struct accel_queue *queue);
/* The queue after @at (NULL: the first) on the context's list, held; the reference to @at
 * goes. A queue stays on the list as long as anyone holds its memory. */
struct accel_queue *queue_next(struct accel_context *context, struct accel_queue *at);
static inline void ended_init(struct ended *ended)
{
	list_init(&ended->fences);
	list_init(&ended->jobs);
	ended->any = false;
}
/* Under the lock: @job ends with @result. */
void queue_complete(struct accel_queue *queue, struct accel_job *job,
		    const struct accel_job_result *result, struct ended *ended);
/* Under the lock, of a queue that pulls: look which jobs have ended, up to that of @seq. All
 * up to @known are known to have. */
void queue_poll_locked(struct accel_queue *queue, uint64_t seq, uint64_t known,
		       struct ended *ended);
/* After the lock was given up: free orphans, tell those who wait. */
void queue_tell(struct accel_queue *queue, struct ended *ended);
/* The three above in one, with the lock. */
void queue_poll(struct accel_queue *queue, uint64_t seq);
/* Sleep until job @seq and all before it have ended: 0 or -ETIME. */
int queue_wait(struct accel_queue *queue, uint64_t seq, int64_t deadline);
/* Of a queue that doesn't pull, before a thread sleeps until @seq has ended: it may shorten that
 * by doing some of the work. Without locks. */
void queue_help(struct accel_queue *queue, uint64_t seq, int64_t deadline);
/* Sleep until all jobs that are with the driver have ended. */
void queue_wait_running(struct accel_queue *queue);
/* Something happened: have those who sleep on the queue look again. */
void queue_wake(struct accel_queue *queue);
/* Sleep until something happened after events was @seen. */
int queue_sleep(struct accel_queue *queue, uint32_t seen, int64_t deadline);
/* Under the lock, which is given up meanwhile: sleep until something happens. */
void queue_sleep_locked(struct accel_queue *queue, int64_t deadline);
bool queue_uses_bo(struct accel_queue *queue, const struct accel_bo *bo, uint64_t *seq);
/* Under the lock. */
struct accel_job *queue_find_job(struct accel_queue *queue, uint64_t seq);

/* ---- job.c ---------------------------------------------------------------------------------- */

/* Free a job that has no references and is not under way. */
void job_destroy(struct accel_job *job);

/* ---- fence.c ---------------------------------------------------------------------------------- */

/* Bits that are only ever set. Who sets one sees what was set before, so that of two threads that
 * meet the later one knows. */
enum fence_state {
	FENCE_ENDED = 1 << 0,
	FENCE_AWAITED = 1 << 1,	 /* somebody sleeps on the word */
	FENCE_HEARD = 1 << 2,	 /* it has callbacks or an event_fd */
	FENCE_USERLESS = 1 << 3, /* the queue may go once it has ended */
};

struct accel_fence {
	_Atomic uint32_t refs;	/* all, memory goes with the last */
	_Atomic uint32_t users; /* the callers': the queue is held for these */
	_Atomic uint32_t state; /* enum fence_state; a futex */
	int32_t error;		/* valid once it has ended */
	/* NULL: imported, born ended, or neither under way nor with users any more. A user reads
	 * it without the lock. */
	struct accel_queue *queue;
	struct accel_fence_pool *pool;
	uint64_t first, last; /* sequence numbers of the jobs it covers */
	struct list link;     /* accel_queue.fences, then a list of ended ones */
	struct accel_lock lock; /* queue, callbacks, event_fd */
	struct list callbacks;
	int event_fd; /* made when first asked for; -1: none */
	int fd;	      /* imported: our duplicate; -1: none */
};

struct accel_fence_pool *fence_pool_create(uint32_t count);
void fence_pool_put(struct accel_fence_pool *pool);
/* A pending fence of a queue, under its lock, with one user; the last job that it covers is to be
 * set. NULL: no memory, which is noted. */
struct accel_fence *fence_create(struct accel_queue *queue, uint64_t first);
/* One that has ended, of no queue. */
int fence_create_ended(struct accel_fence **out);
/* Undo the creation of a pending one that nobody has seen. */
void fence_discard(struct accel_fence *fence);
/* It has ended, with fence->error. Under its queue's lock, so that no one who was told of the
 * job's end finds it pending. */
void fence_set_ended(struct accel_fence *fence);
/* After the lock: wake, call back, write. Gives one reference up. */
void fence_tell(struct accel_fence *fence);
void fence_put(struct accel_fence *fence);
bool fence_has_ended(struct accel_fence *fence);
/* One that is pending, of no queue. */
struct accel_fence *fence_alloc(void);
/* Whether it has ended, asking whom there is to ask; never sleeps. */
bool fence_look(struct accel_fence *fence);
/* Whether someone else than a waiting thread makes it end. */
bool fence_ends_by_itself(struct accel_fence *fence);
/* The queue of a fence that has users or is pending, held; else NULL. */
struct accel_queue *fence_hold_queue(struct accel_fence *fence);

/* ---- fence_fd.c --------------------------------------------------------------------------------- */

/* The fence's own eventfd. */
int fence_event_fd(struct accel_fence *fence, int *out);
/* Make it readable for good. */
void fence_write_event(int fd);

/* ---- submit.c --------------------------------------------------------------------------------- */

/* Under the lock: hand one job to the driver. 1, or an errno. */
int submit_to_driver(struct accel_queue *queue, struct accel_job *job);
void submit_close_wait_fd(struct accel_job *job);

/* ---- park.c ------------------------------------------------------------------------------------ */

/* Close what need not be kept any more. */
void park_sweep(void);

/* ---- waiter.c --------------------------------------------------------------------------------- */

/* Have a thread see to it that this (pull) queue's fences end and its held jobs get submitted.
 * Under queue->lock. -EOPNOTSUPP if the context allows no threads. */
int waiter_start(struct accel_queue *queue);
/* When nothing is under way any more. */
void waiter_stop(struct accel_queue *queue);

#endif
