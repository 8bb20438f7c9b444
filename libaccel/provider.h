/* SPDX-License-Identifier: MIT */
/*
 * The private interface between libaccel and its providers.
 *
 * Everything here may change with each release; when it does, ACCEL_PRIVATE_ABI
 * counts up, and with it the directory that providers are looked for in, the name
 * of the symbol that a provider exports and the version of the accel_core_*
 * symbols that it binds to.
 *
 * What a provider is told by the core, and so need not do itself:
 *  - arguments have been checked as far as accel.h can tell: sizes, flags, NULL,
 *    objects of another context, buffers listed twice, access beyond a buffer;
 *  - a forked child never reaches a provider: there the core only closes and unmaps
 *    what stands in its own structs;
 *  - _init gets an object whose core part is filled and whose own part is zero, and
 *    leaves nothing behind when it fails; _fini is called once for each _init that
 *    succeeded, when nothing uses the object any more;
 *  - objects of a context outlive their queues, jobs and buffers as accel.h says.
 *
 * Two ways to learn that a job has ended:
 *  - push: something of the provider's (a worker of soft) calls
 *    accel_core_job_done(); ops.job_poll and ops.job_wait are left out, and
 *    ops.queue_help may be there;
 *  - pull: the core asks ops.job_poll, which never sleeps, and sleeps in
 *    ops.job_wait.
 *
 * Losing a device: any op may call accel_core_context_set_state(), with whatever locks
 * held; it only notes the state. Jobs under way end the next time their queue is looked
 * at, by job_poll with @ended set.
 */
#ifndef ACCEL_PROVIDER_H
#define ACCEL_PROVIDER_H

#include <accel/accel.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "list.h"
#include "lock.h"
#include "sys.h"

#define ACCEL_PRIVATE_ABI 3

/* A function that is seldom called: kept apart from its caller, which then saves no registers and
 * takes no stack for it. */
#define SELDOM __attribute__((cold, noinline))

struct accel_provider;
struct accel_fence_pool;
struct accel_waiter;

/* ---- objects: a provider's own struct begins with the core's ----------------- */

/* What accel_query() said when the context was opened. */
struct accel_limits {
	uint64_t bo_granule, bo_bytes, job_bos, commands_bytes, commands_align, queue_depth;
	int32_t priority_min, priority_max;
	uint32_t wait_fences, fence_fd, sync_file, job_timeout; /* enum accel_level */
};

/* Which fences of others a provider's submit can make a job wait for. */
enum accel_waits {
	ACCEL_WAITS_NONE,      /* none: the core holds the job back, with a thread */
	ACCEL_WAITS_SYNC_FILE, /* job->wait_fd, one sync_file; the core holds back for others */
	ACCEL_WAITS_ANY	       /* job->wait */
};

struct accel_context {
	const struct accel_provider *provider;
	struct accel_device *device;
	_Atomic uint32_t refs;
	_Atomic uint32_t state; /* enum accel_state */
	uint32_t open_flags;
	bool pulls;	    /* the provider has job_poll */
	_Atomic bool fd_given; /* accel_context_fd() was called */
	uint32_t waits;	    /* enum accel_waits; set by context_init */
	int fd;		    /* the node; -1: none. context_fini may keep it and set -1 */
	struct accel_limits limits;
	struct accel_lock lock;
	struct list queues;    /* accel_queue.link */
	struct list shared;    /* accel_bo.shared_link: buffers with a key */
	struct list cache;     /* accel_bo.cache_link: freed ones, the oldest first */
	uint64_t cache_bytes;
	uint32_t cache_count;
	_Atomic uint64_t absent; /* probed features: accel_core_is_absent() */
	_Atomic uint32_t ended;	 /* counts up with each job that ends */
	_Atomic bool exiting;	 /* the process ends: nothing more goes to the driver */
	int64_t opened_ns;
	_Atomic int64_t looked_ns; /* accel_core_context_look_again() */
	struct list link;	 /* on the list of all contexts */
};

struct accel_bo {
	struct accel_context *context;
	_Atomic uint32_t refs;
	_Atomic uint32_t busy; /* jobs under way that use it */
	uint32_t flags;	       /* ACCEL_BO_* with answers */
	uint64_t bytes;	       /* as asked for at _init; a provider may round it up */
	void *map;	       /* NULL: not mapped */
	uint64_t map_bytes;    /* 0: the mapping is not ours to undo */
	int fd;		       /* memfd or dma-buf that lives as long as it; -1: none */
	bool no_cache;	       /* never to be reused */
	bool filled;	       /* bo_init took params->contents itself */
	bool closed;	       /* bo_fini was called */
	_Atomic uint64_t key;  /* GEM handle, or a file's identity; see bo_table.c */
	struct list shared_link;
	struct list cache_link;
};

struct accel_queue {
	struct accel_context *context;
	_Atomic uint32_t refs;	/* all: memory goes with the last */
	_Atomic uint32_t users; /* the callers', direct or by jobs and fences: with the last
				 * it drains */
	int32_t priority;
	uint32_t depth;
	struct accel_lock lock; /* all below, and the state of this queue's jobs */
	struct list jobs;     /* accel_job.link: accepted and not ended, in order */
	uint32_t under_way;
	uint32_t held;	/* of those, jobs that have not reached the driver */
	uint32_t dying; /* jobs that ended, and are looked at by a waiter or being freed */
	bool full;	/* the driver refused a job for want of room, when context->ended was */
	uint32_t full_since;
	const uint32_t *to_wake; /* ops.submit left a futex, for when the lock is given up */
	uint64_t accepted;  /* jobs accepted so far: the sequence number of the last */
	uint64_t completed; /* the sequence number of the last that ended */
	struct list fences; /* accel_fence.link: pending, by the job they end with */
	struct accel_fence_pool *pool;
	struct accel_waiter *waiter; /* NULL: no thread was needed yet */
	_Atomic uint32_t events;     /* futex: counts up when jobs end */
	_Atomic uint32_t sleepers;   /* on events */
	struct list link;	     /* accel_context.queues */
};

enum accel_job_state {
	ACCEL_JOB_IDLE,	   /* may be submitted */
	ACCEL_JOB_HELD,	   /* accepted, waits for an emulated wait fence */
	ACCEL_JOB_RUNNING, /* with the provider */
	ACCEL_JOB_ENDED	   /* result is known, a waiter still looks at it */
};

struct accel_job {
	struct accel_queue *queue;
	_Atomic uint32_t refs; /* the callers'; being under way is not counted */
	uint32_t state;	       /* enum accel_job_state */
	uint32_t pins;	       /* threads inside ops.job_wait for it */
	bool orphan;	       /* the last reference went while it was under way */
	bool canceled;	       /* accel_queue_cancel() wants it to end */
	uint64_t seq;
	struct list link;
	struct accel_bo *commands;
	struct accel_bo_ref *bos;
	uint32_t bo_count;
	uint32_t wait_count;	   /* fences that it waits for; held by the job */
	struct accel_fence **wait; /* wait_inline, or allocated */
	struct accel_fence *wait_inline[4];
	int wait_fd; /* ACCEL_WAITS_SYNC_FILE: the core's; -1: nothing to wait for */
	uint64_t timeout_ns;
	struct accel_job_result result; /* of the last time, unless it is under way */
};

/* ---- operations ---------------------------------------------------------------- */

/* Entries that are left out (NULL) answer -EOPNOTSUPP, or do nothing where they
 * return void. All get deadlines as accel.h defines them. */
struct accel_ops {
	/* context->fd is open and its driver's name is one of ours. -EAGAIN: not ready,
	 * is tried again until the deadline; -EOPNOTSUPP: this device has no compute. */
	int (*context_init)(struct accel_context *context, const struct accel_ext *ext,
			    int64_t deadline);
	void (*context_fini)(struct accel_context *context);
	/* The process exits: see that nothing runs any more that could hurt. */
	void (*context_exit)(struct accel_context *context);
	/* In a child of fork(2), before it goes on: close descriptors in the provider's own
	 * structs that must not outlive the parent's. Nothing else: other threads were in the
	 * middle of things. */
	void (*context_child)(struct accel_context *context);
	/* A wait has lasted a while: see whether the device is still there, and set the state.
	 * Left out, its entry in sysfs is looked for. Without locks. */
	void (*context_look)(struct accel_context *context);
	int (*context_fd)(struct accel_context *context, int *fd);
	/* That descriptor may be readable: take the event off it, set the state. */
	void (*context_event)(struct accel_context *context);
	/* -EINVAL for a key it doesn't know: the core has defaults. */
	int (*query)(struct accel_context *context, uint32_t key, uint64_t *value);

	/* bo->flags and bo->bytes are set; may add answers, and set map, fd, key, no_cache.
	 * Unless it sets filled, the core copies params->contents. Memory that isn't zero is
	 * ACCEL_BO_IS_UNDEFINED, and the core clears it where that is asked for. */
	int (*bo_init)(struct accel_bo *bo, const struct accel_bo_params *params);
	/* The core has made sure that this dma-buf is not in the table yet. */
	int (*bo_import)(struct accel_bo *bo, int dmabuf_fd);
	/* The key (not 0) under which an import of @dmabuf_fd would be in the table; takes
	 * a GEM handle where there are such. Called, as bo_import is and bo_fini of what has
	 * a key, with the table locked. A bo_import that fails closes the handle. */
	int (*bo_import_key)(struct accel_context *context, int dmabuf_fd, uint64_t *key);
	int (*bo_export)(struct accel_bo *bo, int *dmabuf_fd);
	/* Sets bo->map and bo->map_bytes. */
	int (*bo_map)(struct accel_bo *bo);
	int (*bo_address)(struct accel_bo *bo, uint64_t *address);
	/* Cache maintenance only: waiting for this context's jobs was done. */
	int (*bo_begin)(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
			int64_t deadline);
	int (*bo_end)(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes);
	/* Unmapping and closing bo->fd are the core's. */
	void (*bo_fini)(struct accel_bo *bo);

	/* queue->depth is as asked for, 0 for the driver's choice: must set it. */
	int (*queue_init)(struct accel_queue *queue, const struct accel_queue_params *params,
			  int64_t deadline);
	/* Make jobs with ->canceled end soon. Called without the lock. */
	int (*queue_cancel)(struct accel_queue *queue);
	void (*queue_fini)(struct accel_queue *queue);

	int (*job_init)(struct accel_job *job, const struct accel_job_params *params);
	/* Check and take @bo in place of job->bos[index].bo, which the core changes after
	 * a success. */
	int (*job_set_bo)(struct accel_job *job, uint32_t index, struct accel_bo *bo);
	void (*job_fini)(struct accel_job *job);

	/* Called under queue->lock. Start @count jobs; the result is how many were
	 * started, 1 .. @count, or the errno for the first. Jobs with wait_count != 0
	 * come only to a provider with native wait fences.
	 * push: a thread of the provider's that is woken here meets that lock at the end of its
	 * first job. Leave the futex that it sleeps on in queue->to_wake, which is NULL: once the
	 * lock is given up the core wakes one sleeper. By then the jobs may have ended and the
	 * futex may be gone: the wake needs its address alone. */
	int (*submit)(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
	/* pull: 0 and *result if the job has ended, else -EINPROGRESS. Never sleeps; under
	 * queue->lock. @ended: a later job of the queue has ended, or the context is lost:
	 * give a final answer. */
	int (*job_poll)(struct accel_job *job, bool ended, struct accel_job_result *result);
	/* pull: sleep until the job has ended and give its result, or -ETIME, which may come
	 * early. Without the lock, perhaps by several threads at once; the job stays under way
	 * meanwhile. */
	int (*job_wait)(struct accel_job *job, int64_t deadline, struct accel_job_result *result);
	/* The job has ended and nobody waits for it: drop the kernel's state of it, if there is
	 * any: one that was held back may have ended without a submit. Under queue->lock. */
	void (*job_release)(struct accel_job *job);
	/* pull: a new descriptor that polls readable when the job, which is under way,
	 * has ended. Under queue->lock. */
	int (*job_fd)(struct accel_job *job, uint32_t kind, int *fd);
	/* A new sync_file that has ended. */
	int (*ended_sync_file)(struct accel_context *context, int *fd);
	/* push: the calling thread is about to sleep until job @seq of @queue has ended. Whatever
	 * of the queue's work neither lasts nor blocks may be done on it, until then and until the
	 * deadline. Without locks. */
	void (*queue_help)(struct accel_queue *queue, uint64_t seq, int64_t deadline);
};

/* Decodes ioctls for LIBACCEL_TRACE. The list ends with a NULL name. */
struct accel_ioctl_name {
	unsigned long request;
	const char *name;
	/* Write what is worth seeing of the argument, after the call; or NULL. */
	int (*show)(const void *arg, char *text, size_t bytes);
};

/* What a provider exports, as ACCEL_PROVIDER_SYMBOL. */
struct accel_provider {
	uint32_t abi;  /* ACCEL_PRIVATE_ABI */
	uint32_t size; /* of this struct */
	const char *name;
	const char *const *drivers; /* DRM_IOCTL_VERSION names, NULL at the end */
	size_t context_size, bo_size, queue_size, job_size; /* of its own structs */
	const struct accel_ops *ops;
	const struct accel_ioctl_name *ioctls; /* or NULL */
};

#define ACCEL_CONCAT_(a, b)   a##b
#define ACCEL_CONCAT(a, b)    ACCEL_CONCAT_(a, b)
/* The build of libaccel.a, which has several, gives each a name of its own. */
#ifndef ACCEL_PROVIDER_SYMBOL
#define ACCEL_PROVIDER_SYMBOL ACCEL_CONCAT(accel_provider_, ACCEL_PRIVATE_ABI)
#endif

extern const struct accel_provider ACCEL_PROVIDER_SYMBOL;

/* ---- services of the core ------------------------------------------------------- */

/* error.c: note a failure for accel_last_error() and the log; returns @err. */
int accel_core_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the place: index ~0u and offset ~0ull stand for none. */
int accel_core_fail_at(int err, uint32_t index, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void accel_core_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* params.c: bring an in-struct of the caller's size to the size this library knows.
 * @known bytes go to @to. -EINVAL, -E2BIG. NULL @from with @optional: all zero. */
int accel_core_params(void *to, size_t known, const void *from, bool optional);
/* The same for a vendor struct, whose type must be @type; no @ext is all zero and
 * gives 0, else 1. */
int accel_core_ext(void *to, size_t known, const struct accel_ext *ext, uint32_t type);
/* Give the caller of an out-struct what both sides know. */
int accel_core_params_out(void *to, const void *from, size_t known);

/* env.c: LIBACCEL_VALIDATE=1: check all that can be checked of commands. */
bool accel_core_validates(void);

/* For libaccel-mgmt, which has no context to ask by. process.c: -ECHILD in a forked child;
 * env.c: where the kernel's file systems are; sysfs.c: read a small file, the length or a
 * negative errno, and whether a name may become a part of a path; error.c: around what may
 * fail without the whole call failing. */
enum accel_root { ACCEL_ROOT_SYS, ACCEL_ROOT_PROC, ACCEL_ROOT_DEV };
int accel_core_process_enter(void);
const char *accel_core_root(enum accel_root root);
int accel_core_read_file(const char *path, char *buf, size_t bytes);
bool accel_core_is_plain_word(const char *name);
void accel_core_error_save(struct accel_error *out);
void accel_core_error_restore(const struct accel_error *saved);

/* bo.c: see that bo->map is there, whatever the buffer was made for. Not under context->lock. */
int accel_core_bo_map(struct accel_bo *bo);

/* deadline.c */
bool accel_core_expired(int64_t deadline);
/* What is left, for relative kernel interfaces: at most @slice, 0 if it is over. */
int64_t accel_core_left(int64_t deadline, int64_t slice);

/* queue.c: push: @job, the oldest under way on its queue, has ended. The job may be
 * gone when this returns. Not under queue->lock. */
void accel_core_job_done(struct accel_job *job, const struct accel_job_result *result);
/* The errno that belongs to an outcome. */
int accel_core_outcome_errno(uint32_t outcome);

/* context.c: for vendor functions, to be called first: -ECHILD in a forked child, -EINVAL if
 * @context is NULL or of another provider than that of @name. */
int accel_core_enter(const struct accel_context *context, const char *name);
/* Sticky; only gets worse. */
void accel_core_context_set_state(struct accel_context *context, uint32_t state);
/* The state as an errno: 0, -ESTALE, -ENODEV. */
int accel_core_context_errno(struct accel_context *context);
/* Whether the device is still there, asking it anew: 0, -ESTALE, -ENODEV. A wait that the kernel
 * need not end when a driver is unbound sleeps in slices of ACCEL_LOOK_NS, with this after
 * each. */
#define ACCEL_LOOK_NS INT64_C(500000000)
int accel_core_context_look(struct accel_context *context);
/* The same before a call that a driver which was unbound doesn't survive: looks if the last
 * such look is ACCEL_LOOK_AGAIN_NS old. */
#define ACCEL_LOOK_AGAIN_NS INT64_C(20000000)
int accel_core_context_look_at(struct accel_context *context, int64_t now);
static inline int accel_core_context_look_again(struct accel_context *context)
{
	const int64_t now = accel_core_sys.now();

	if (now - atomic_load_explicit(&context->looked_ns, memory_order_relaxed) <
		    ACCEL_LOOK_AGAIN_NS &&
	    atomic_load_explicit(&context->state, memory_order_relaxed) == ACCEL_OK)
		return 0;
	return accel_core_context_look_at(context, now);
}
/* For context_exit: let nothing more reach the driver, and wait for what has. */
void accel_core_context_drain(struct accel_context *context);
/* Features that a kernel may lack: ask once, remember per context. @bit < 64. */
bool accel_core_is_absent(struct accel_context *context, unsigned int bit);
void accel_core_set_absent(struct accel_context *context, unsigned int bit);

/* device.c: an attribute of the device in sysfs, as "device/" + @attr says; the length. */
int accel_core_device_attr(struct accel_context *context, const char *attr, char *buf,
			   size_t bytes);
/* Call @fn for each name in a directory of sysfs, until it returns non-zero; that, or -errno. */
int accel_core_sysfs_list(const char *dir, int (*fn)(void *data, const char *name), void *data);
/* Whether its entry in sysfs has gone. False where sysfs can't be read. */
bool accel_core_device_gone(struct accel_context *context);

/* fence.c: be told when a fence ends; @fn is called once, on any thread, without locks. */
struct accel_fence_callback {
	struct list link;
	void (*fn)(struct accel_fence_callback *callback);
};
/* 0: will be called. -EALREADY: it has ended, will not be called. -EOPNOTSUPP: it must
 * be waited for with accel_core_fence_sleep(). */
int accel_core_fence_add_callback(struct accel_fence *fence, struct accel_fence_callback *callback);
/* True: it will not be called. False: it was or is being called. */
bool accel_core_fence_del_callback(struct accel_fence *fence,
				   struct accel_fence_callback *callback);
int accel_core_fence_sleep(struct accel_fence *fence, int64_t deadline);
/* Give back the fences that a job waits for. */
void accel_core_job_drop_waits(struct accel_job *job);

/* drm.c: for drivers with GEM. All return 0 or a negative errno. */
/* What became of a call that gave @err: after a signal it is made again. Not on EAGAIN as
 * drmIoctl() does: it is the answer of a full queue. */
int accel_core_ioctl_failed(int err, int fd, unsigned long request, void *arg);
/* Each job is a call or two of it: it is a part of its caller. */
static inline int accel_core_ioctl(int fd, unsigned long request, void *arg)
{
	const int ret = accel_core_sys.ioctl(fd, request, arg);

	return ret ? accel_core_ioctl_failed(ret, fd, request, arg) : 0;
}
int accel_core_drm_version(int fd, char *name, size_t name_bytes, int version[3]);
int accel_core_gem_close(int fd, uint32_t handle);
int accel_core_prime_export(int fd, uint32_t handle, int *dmabuf_fd);
int accel_core_prime_import(int fd, int dmabuf_fd, uint32_t *handle);
/* Map @bytes of the node at @offset (64 bits on every machine). */
int accel_core_map(int fd, uint64_t offset, size_t bytes, int prot, void **out);

/* dmabuf.c */
int accel_core_dmabuf_size(int dmabuf_fd, uint64_t *bytes);
int accel_core_dmabuf_sync(int dmabuf_fd, bool begin, uint32_t access);
int accel_core_dmabuf_export_sync_file(int dmabuf_fd, uint32_t access, int *sync_file);
int accel_core_dmabuf_import_sync_file(int dmabuf_fd, uint32_t access, int sync_file);
/* Whether it is a dma-buf at all. */
bool accel_core_is_dmabuf(int fd);
/* How many descriptors, mappings and users in the kernel a dma-buf has; -errno if that can't
 * be read. */
int accel_core_dmabuf_users(int dmabuf_fd);
/* 1 ended well, 0 pending, or the error it ended with. */
int accel_core_sync_file_status(int sync_file, int *status);
int accel_core_sync_file_merge(int a, int b, int *merged);
/* Sleep until @fd is readable: 0, -ETIME, other errors. In slices of @slice_ns, with
 * @check after each; what it returns but 0 ends the wait. */
int accel_core_poll_fd(int fd, int64_t deadline, int64_t slice_ns, int (*check)(void *),
		       void *data);

/*
 * jobend.c: the end of a job that its driver tells by a fence on a buffer that the job writes.
 * The fence is taken as a sync_file right after the submission: the kernel leaves out one that
 * has been signalled by then, and only a sync_file tells that a job failed.
 */
struct accel_job_end {
	int sync_file; /* -1: none, ask the driver's own wait */
	bool shared;   /* the buffer is other processes', too: the fence may be one of theirs */
};
/* There is none, for @err: say that the outcome can't be known. */
void accel_core_job_end_untold(int err);
/* Of @dmabuf_fd (-1: take none). Never fails: without a sync_file the job is unverified. */
static inline void accel_core_job_end_take(struct accel_job_end *end, int dmabuf_fd, bool shared)
{
	struct dma_buf_export_sync_file ask = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
	int ret;

	end->shared = shared;
	end->sync_file = -1;
	if (dmabuf_fd < 0)
		return;
	ret = accel_core_ioctl(dmabuf_fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &ask);
	if (!ret)
		end->sync_file = ask.fd;
	else
		accel_core_job_end_untold(ret);
}
void accel_core_job_end_drop(struct accel_job_end *end);
/* As ops.job_poll, ops.job_wait and ops.job_fd, for an @end with a sync_file. A wait may give
 * -ETIME before its time. */
int accel_core_job_end_poll(struct accel_context *context, const struct accel_job_end *end,
			    bool ended, struct accel_job_result *result);
int accel_core_job_end_wait(struct accel_context *context, const struct accel_job_end *end,
			    int64_t deadline, struct accel_job_result *result);
int accel_core_job_end_fd(const struct accel_job_end *end, int *fd);
/* One without: @wait is the driver's, 0 when the job has ended, else -ETIME. */
int accel_core_job_end_plain(struct accel_context *context, bool ended, int64_t deadline,
			     int (*wait)(void *data, int64_t deadline), void *data,
			     struct accel_job_result *result);

/* park.c: files that a driver must not see closed yet: kept until each of the dma-bufs, which
 * become the core's, has no other user; with @for_good until the process ends. */
void accel_core_park(int fd, const int *dmabufs, uint32_t count, bool for_good);

#endif
