/* SPDX-License-Identifier: MIT */
/*
 * <accel/accel.h>: the public interface of libaccel.
 *
 * Six kinds of objects, all opaque and all reference counted:
 *
 *	accel_device	a device that was found; costs no open file
 *	accel_context	an open device: one open file, one security domain
 *	accel_bo	a buffer object: memory that the device can reach
 *	accel_queue	an in-order stream of jobs on a context
 *	accel_job	a piece of work, checked once, submitted often
 *	accel_fence	the completion of submitted work
 *
 * Rules that hold for every function below, unless its own text says more:
 *
 * Results. A function returns 0 or a count on success and a negative errno on
 * failure; accel_last_error() then has the reason in words. On failure no
 * out-parameter is written and nothing has changed. A NULL pointer where an
 * object or an out-parameter is required gives -EINVAL. errno is not a result.
 *
 * Structs. An in-struct begins with its size, set by the caller to
 * sizeof(struct ...), and all zero after that is the default. A size below 4
 * or above 4096 gives -EINVAL, a non-zero byte beyond what this library knows
 * gives -E2BIG, an unknown flag or a non-zero reserved member gives -EINVAL.
 * NULL stands for a struct of defaults where a function says so. Of an
 * out-struct the caller sets only the size: the library fills the members that
 * both sides know and zeroes the rest.
 *
 * Times. A deadline is an absolute time of CLOCK_MONOTONIC in nanoseconds. One
 * in the past, 0 or negative makes the call look once and never sleep;
 * ACCEL_NO_DEADLINE waits for ever. When the deadline passes the call gives
 * -ETIME. A signal never ends a wait early: no function returns -EINTR.
 *
 * Objects. A function that hands out an object gives the caller one reference.
 * _ref takes another and returns its argument; _unref gives one back, accepts
 * NULL and cannot fail. An object keeps alive what it was made from, so
 * references may be given back in any order. Memory of a buffer stays until
 * the last job that uses it has ended.
 *
 * Threads. Every object may be used from any number of threads at once. The
 * only duty of the caller: an object must not be used after its own last
 * reference was given back. Of two accel_submit() calls to one queue, the one
 * that returned before the other began is first.
 *
 * Order. Jobs of one queue run in the order of submission. Between queues only
 * fences order anything.
 *
 * fork(2). In a child of a process that has used libaccel every function gives
 * -ECHILD until execve(2), and _unref only unmaps and closes. All descriptors
 * are close-on-exec. exit(3) with work under way waits until the device has let go of
 * the job that runs; what has not begun does not run.
 *
 * Signals. Functions are not async-signal-safe.
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct accel_device;
struct accel_context;
struct accel_bo;
struct accel_queue;
struct accel_job;
struct accel_fence;

/*
 * Head of a struct that only one driver knows (<accel/soft.h> and so on). @size
 * is that of the whole struct, @type says driver and struct. A driver that is
 * given another driver's struct answers -EINVAL.
 */
struct accel_ext {
	uint32_t size;
	uint32_t type;
};

/* ---- the library -------------------------------------------------------- */

#define ACCEL_VERSION_MAJOR 0
#define ACCEL_VERSION_MINOR 1
#define ACCEL_VERSION_PATCH 0
#define ACCEL_VERSION                                                                              \
	((ACCEL_VERSION_MAJOR << 16) | (ACCEL_VERSION_MINOR << 8) | ACCEL_VERSION_PATCH)

/* The version of the library that is loaded, in the form of ACCEL_VERSION. */
uint32_t accel_version(void);

/* The deadline that lies @ns nanoseconds ahead; what would overflow becomes
 * ACCEL_NO_DEADLINE. */
#define ACCEL_NO_DEADLINE INT64_MAX
int accel_deadline(uint64_t ns, int64_t *deadline);

enum accel_log_level {
	ACCEL_LOG_NONE,
	ACCEL_LOG_ERROR,
	ACCEL_LOG_WARNING,
	ACCEL_LOG_INFO,
	ACCEL_LOG_DEBUG
};

/*
 * Have @fn called with each message of @level or graver, from whatever thread
 * it arises on, several at once if need be. @text is one line without its end
 * and lives for the call only. @fn must not call libaccel. NULL ends it. When
 * this returns, the former function may still be running on another thread.
 *
 * Without a callback nothing is written anywhere, unless the environment has
 * LIBACCEL_LOG=error|warning|info|debug: then messages go to stderr.
 * Errors: -EINVAL for an unknown level.
 */
int accel_set_log(void (*fn)(void *data, int level, const char *text), void *data, int level);

/*
 * The last failure of a libaccel call on the calling thread. Calls that succeed
 * leave it as it is, and so do -EINPROGRESS, -ETIME, the -EAGAIN of a full queue and
 * what a wait tells of the work, which are answers more than failures.
 */
struct accel_error {
	uint32_t size;
	int32_t code;	   /* what the call returned; 0: nothing has failed yet */
	uint32_t index;	   /* the job, buffer, fence or packet at fault; ~0: none */
	uint32_t reserved; /* 0 */
	uint64_t offset;   /* the byte of the command stream at fault; ~0: none */
	char text[256];
};
int accel_last_error(struct accel_error *out);

/* ---- devices: found in sysfs, not opened --------------------------------- */

/* Whether a device can be opened, and if not, what stands in the way. */
enum accel_usable {
	ACCEL_USABLE,
	ACCEL_NO_PROVIDER,   /* no provider for its driver is installed; open: -ENOPKG */
	ACCEL_PROVIDER_ABI,  /* the provider was built for another library; -ELIBBAD */
	ACCEL_NO_NODE,	     /* its device node is not there, or is another's; -ENXIO */
	ACCEL_NO_PERMISSION, /* the node may not be opened; -EACCES */
	ACCEL_NOT_READY,     /* firmware or cores are not up; -EAGAIN at the deadline */
	ACCEL_NOT_COMPUTE    /* an administration function without compute; -EOPNOTSUPP */
};

#define ACCEL_DEVICE_SOFTWARE (1u << 0) /* runs on the CPU */

struct accel_device_info {
	uint32_t size;
	uint32_t flags;	   /* ACCEL_DEVICE_* */
	uint32_t usable;   /* enum accel_usable, as far as known without opening it */
	int32_t numa_node; /* -1: none or not known */
	uint64_t devnum;   /* st_rdev of the node; 0: no node */
	char id[64];	   /* lasting: "pci:0000:c5:00.1", "platform:rknn", "soft:0" */
	char driver[32];   /* the kernel driver's name; "": not known before it is open */
	char name[64];	   /* the kernel's name of this moment: "accel0"; "soft:0" */
	char node[64];	   /* the path of the node; "": none */
	char reason[256];  /* when not usable: a sentence with the remedy */
};

/*
 * Find all devices: the kernel's in the order of their minor numbers, then the
 * software device. Up to @max references go to @out (which may be NULL if @max
 * is 0); the result is how many devices there are, which may be more. A device
 * that can't be used is there too, and says why. Nothing is opened, no provider
 * is loaded, no sleeping device is woken.
 *
 * ACCEL_SCAN_HARDWARE leaves the software device out, as does
 * LIBACCEL_SOFTWARE=0 in the environment.
 * Errors: -EINVAL, -ENOMEM. A sysfs that can't be read is an empty one.
 */
#define ACCEL_SCAN_HARDWARE (1u << 0)
int accel_device_scan(uint32_t flags, struct accel_device **out, uint32_t max);

/*
 * Find one device by its lasting id ("pci:0000:c5:00.1"), its bus address
 * ("0000:c5:00.1"), its name ("accel0", "soft:0") or the path of its node
 * ("/dev/accel/accel0"; anything with a slash). A path works even where sysfs
 * is masked, as in some containers.
 * Errors: -ENODEV no such device, or the path is not an accelerator's node;
 * -ELOOP the path is a symbolic link; -ENOENT, -ENOTDIR, -EACCES from looking
 * at the path; -ENAMETOOLONG; -ENOMEM.
 */
int accel_device_find(const char *id_or_path, struct accel_device **out);

/* What is known of @dev. It is what the scan saw, and what the last
 * accel_device_check() or accel_open() of this object learned since. */
int accel_device_get_info(struct accel_device *dev, struct accel_device_info *out);

/*
 * Look closely whether @dev can be opened: loads its provider, opens and closes
 * the node (which may wake the device, and occupies a single-open one for a
 * moment) and keeps what it learned for accel_device_get_info().
 * Returns 0 if accel_open() would have succeeded now, else its error.
 */
int accel_device_check(struct accel_device *dev);

struct accel_device *accel_device_ref(struct accel_device *dev);
void accel_device_unref(struct accel_device *dev);

/* ---- contexts: one open file --------------------------------------------- */

/* Take params.fd, an open accelerator node, instead of opening one. The device may
 * be NULL. The library works on a duplicate and the caller's descriptor stays the
 * caller's, but the open file behind both is one: nobody else may use it for more
 * than passing it on, and one context per open file is the limit. */
#define ACCEL_OPEN_FD (1u << 0)
/* Start no thread. What needs one (see enum accel_level) is then absent. The
 * software device is made of threads: -EOPNOTSUPP. */
#define ACCEL_OPEN_NO_THREADS (1u << 1)
/* Ask the kernel for no fence of its own per job: fewer system calls, but jobs
 * end as ACCEL_DONE_UNVERIFIED and fences have no descriptor. Only rocket and
 * ethosu gain by it; elsewhere the flag changes nothing. */
#define ACCEL_OPEN_UNVERIFIED (1u << 2)

struct accel_open_params {
	uint32_t size;
	uint32_t flags; /* ACCEL_OPEN_* */
	int32_t fd;	/* with ACCEL_OPEN_FD; else ignored */
	uint32_t reserved;
	const struct accel_ext *ext; /* the driver's own struct, or NULL */
};

/*
 * Open a device. @params may be NULL. @deadline is how long to wait for one that
 * is there but not ready (firmware that loads, cores that are still probed, a
 * reset); 0 fails at once.
 * Errors: those beside enum accel_usable; -EBUSY another process has it and it
 * allows only one; -EMFILE, -ENFILE no descriptor left, or the driver's limit
 * for this user is reached (accel_last_error() tells which); -EBADF params.fd;
 * -ENODEV it is gone, or params.fd is no accelerator; -EINVAL; -ENOMEM.
 */
int accel_open(struct accel_device *dev, const struct accel_open_params *params, int64_t deadline,
	       struct accel_context **out);

/* The device of @ctx, one reference. */
int accel_context_get_device(struct accel_context *ctx, struct accel_device **out);

struct accel_context *accel_context_ref(struct accel_context *ctx);
/*
 * The last reference, direct or through buffers, queues, jobs and fences, closes
 * the device. Like the last reference to a queue it waits until the jobs under
 * way have ended, which a device's watchdog bounds (see accel_queue_unref()).
 */
void accel_context_unref(struct accel_context *ctx);

enum accel_state {
	ACCEL_OK,
	ACCEL_CONTEXT_LOST, /* this context is dead: open anew */
	ACCEL_OFFLINE,	    /* the device restarts: wait, then open anew */
	ACCEL_GONE	    /* unplugged or unbound */
};

/* The last known enum accel_state of @ctx, or a negative errno. A state that the
 * driver tells only in an answer is seen after the next call. No system call, unless
 * accel_context_fd() was called: then it makes that descriptor unreadable again. */
int accel_context_state(struct accel_context *ctx);

/*
 * A descriptor that becomes readable when the state may have changed. It belongs
 * to the context: poll it, don't read or close it.
 * Errors: -EOPNOTSUPP where the driver has no such event (ACCEL_HAS_STATE_FD).
 */
int accel_context_fd(struct accel_context *ctx, int *fd);

/* Give freed buffers that are kept for reuse back to the kernel until at most
 * @keep_bytes of them are left. Returns 0. */
int accel_context_trim(struct accel_context *ctx, uint64_t keep_bytes);

/* How well a driver does something. */
enum accel_level {
	ACCEL_ABSENT,	/* not at all: the functions for it give -EOPNOTSUPP */
	ACCEL_EMULATED, /* by the library: a copy, a thread, or with exceptions */
	ACCEL_NATIVE	/* by the device or its kernel driver */
};

/* Keys of accel_query(). New ones are added at the end of each group. */
enum accel_key {
	/* Answers are an enum accel_level. */
	ACCEL_HAS_ADDRESS = 1,	/* accel_bo_address() */
	ACCEL_HAS_USER_MEMORY,	/* accel_bo_params.user */
	ACCEL_HAS_DEVICE_LOCAL, /* ACCEL_BO_DEVICE_LOCAL */
	ACCEL_HAS_IMPORT,	/* accel_bo_import() of another device's memory */
	ACCEL_HAS_EXPORT,	/* ACCEL_BO_SHARE, accel_bo_export() */
	ACCEL_HAS_WAIT_FENCES,	/* accel_submit_params.wait; emulated: by a thread */
	ACCEL_HAS_FENCE_FD,	/* accel_fence_export_fd(); emulated: by a thread */
	ACCEL_HAS_SYNC_FILE,	/* ... of ACCEL_FD_SYNC_FILE */
	ACCEL_HAS_CANCEL,	/* accel_queue_cancel(); emulated: of the jobs that
				 * have not reached the device yet */
	ACCEL_HAS_OUTCOME,	/* whether a job went well; emulated: may be
				 * ACCEL_DONE_UNVERIFIED; absent: always is */
	ACCEL_HAS_ISOLATION,	/* contexts can't reach each other's memory */
	ACCEL_HAS_STATE_FD,	/* accel_context_fd() */
	ACCEL_HAS_JOB_TIMEOUT,	/* accel_job_params.timeout_ns */
	/* Answers are numbers; ~0 means no limit that is known. */
	ACCEL_QUEUES_PARALLEL = 0x100, /* queues of one context that run at once */
	ACCEL_QUEUE_DEPTH_MAX,	       /* largest accel_queue_params.depth */
	ACCEL_PRIORITY_MIN,	       /* int32_t, cast to uint64_t */
	ACCEL_PRIORITY_MAX,
	ACCEL_BO_BYTES_MAX,
	ACCEL_BO_GRANULE, /* sizes of buffers are rounded up to this */
	ACCEL_JOB_BOS_MAX,
	ACCEL_JOB_BO_ALIAS, /* 1: commands may reach any part of a listed buffer
			     * in any role; 0: a listed buffer is one operand,
			     * from its first byte */
	ACCEL_COMMANDS_BYTES_MAX,
	ACCEL_COMMANDS_ALIGN,  /* of accel_job_params.offset; 0: must be 0 */
	ACCEL_COMMANDS_SEALED, /* 1: a command buffer is made from contents only
				* and is never mapped */
	ACCEL_MEMORY_TOTAL,    /* bytes that the device can use */
	ACCEL_MEMORY_FREE,
	ACCEL_CONTEXTS_LEFT,   /* how many more can be opened by this user */
	ACCEL_JOB_BO_ONCE      /* buffers that can be under way with one job only: 0
				* none, 1 the commands, 2 all */
};

/* Ask @ctx for one fact. Errors: -EINVAL unknown key; -EOPNOTSUPP a number that
 * this driver can't tell. */
int accel_query(struct accel_context *ctx, uint32_t key, uint64_t *value);

/* ---- buffers -------------------------------------------------------------- */

/* What will be done with a buffer. What a device can't do fails at creation; how
 * it is cached is the library's business. */
#define ACCEL_BO_CPU_READ     (1u << 0)
#define ACCEL_BO_CPU_WRITE    (1u << 1)
#define ACCEL_BO_DEVICE_READ  (1u << 2)
#define ACCEL_BO_DEVICE_WRITE (1u << 3)
#define ACCEL_BO_COMMANDS     (1u << 4) /* to be accel_job_params.commands */
#define ACCEL_BO_DEVICE_LOCAL (1u << 5) /* in the device's own memory */
#define ACCEL_BO_SHARE	      (1u << 6) /* to be exported */
#define ACCEL_BO_ZERO	      (1u << 7) /* begins with zeroes */
/* Answers, in accel_bo_info.flags only. */
#define ACCEL_BO_IS_WC		(1u << 16) /* mapped write-combined: reads are slow */
#define ACCEL_BO_IS_NONCOHERENT (1u << 17) /* begin and end of access do real work */
#define ACCEL_BO_IS_IMPORTED	(1u << 18)
#define ACCEL_BO_IS_UNDEFINED	(1u << 19) /* began with bytes of an earlier buffer
					    * of this same context */

struct accel_bo_params {
	uint32_t size;
	uint32_t flags;	      /* ACCEL_BO_*, at least one of the first five */
	uint64_t bytes;	      /* 1 .. ACCEL_BO_BYTES_MAX; rounded up to the granule */
	void *user;	      /* wrap this memory (page-aligned, as are @bytes)
			       * instead of allocating; it stays the caller's and
			       * must outlive the buffer. NULL: allocate */
	const void *contents; /* @bytes bytes to begin with, or NULL */
	const struct accel_ext *ext;
};

struct accel_bo_info {
	uint32_t size;
	uint32_t flags; /* as asked for, with ACCEL_BO_IS_* */
	uint64_t bytes; /* as rounded */
};

/*
 * Make a buffer. Without ACCEL_BO_ZERO and @contents its bytes are undefined: it
 * may be a freed one of this context, kept for reuse; it never shows bytes of
 * another context or process (memory of the device's own: as far as its kernel
 * driver clears it, see the driver's page).
 * Errors: -EINVAL; -EOPNOTSUPP a use that this device doesn't have; -EMFILE,
 * -ENFILE; -ENOMEM no memory, address space or room on the device; -EFAULT @user is not mapped.
 */
int accel_bo_create(struct accel_context *ctx, const struct accel_bo_params *params,
		    struct accel_bo **out);

/*
 * Take in a dma-buf (for the software device also a memfd that is sealed against
 * shrinking). @flags are ACCEL_BO_CPU_* and ACCEL_BO_DEVICE_*. The descriptor
 * stays the caller's and may be closed. The same dma-buf taken in again gives
 * the same object with one more reference, and @flags are ignored.
 * Errors: -EBADF; -EINVAL not a dma-buf, or of no size; -EOPNOTSUPP the driver
 * can't (ACCEL_HAS_IMPORT); -EACCES the descriptor or its seals forbid an access that
 * @flags ask for; -ENOMEM; -EMFILE, -ENFILE.
 */
int accel_bo_import(struct accel_context *ctx, int dmabuf_fd, uint32_t flags,
		    struct accel_bo **out);

/*
 * A descriptor of the buffer for other devices and processes; the caller owns
 * it. It is a dma-buf, except on the software device without /dev/udmabuf, where
 * it is a memfd. @flags is 0.
 * Errors: -EINVAL the buffer was not made with ACCEL_BO_SHARE, or is imported;
 * -EOPNOTSUPP; -EMFILE, -ENFILE; -ENOMEM.
 */
int accel_bo_export(struct accel_bo *bo, uint32_t flags, int *dmabuf_fd);

int accel_bo_get_info(struct accel_bo *bo, struct accel_bo_info *out);

/* The device's address of the buffer, for use inside commands. Good in this
 * context only; 0 is a legal address. Errors: -EOPNOTSUPP (ACCEL_HAS_ADDRESS). */
int accel_bo_address(struct accel_bo *bo, uint64_t *address);

/*
 * The buffer in this process's memory. It is mapped once, at the first call, and
 * stays mapped for the buffer's life; there is nothing to undo.
 * Errors: -EACCES the buffer was made without ACCEL_BO_CPU_READ and
 * ACCEL_BO_CPU_WRITE; -ENOMEM.
 */
int accel_bo_map(struct accel_bo *bo, void **ptr);

/* How a job or the CPU uses a buffer. */
#define ACCEL_ACCESS_READ  (1u << 0)
#define ACCEL_ACCESS_WRITE (1u << 1)

/*
 * Take @bytes bytes from @offset for the CPU: waits for every job submitted so
 * far that uses the buffer (readers too: a device may still be reading what the
 * CPU is about to write), then makes the device's writes visible. How the jobs
 * ended does not matter here.
 * accel_bo_end_access() gives the range back and makes the CPU's writes visible
 * to jobs submitted later. @flags are ACCEL_ACCESS_*.
 * Errors: -EINVAL no flag, an empty range or one beyond the buffer; -EACCES an
 * access the buffer was not made for; -ETIME jobs still run at the deadline.
 */
int accel_bo_begin_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes,
			  int64_t deadline);
int accel_bo_end_access(struct accel_bo *bo, uint32_t flags, uint64_t offset, uint64_t bytes);

struct accel_bo *accel_bo_ref(struct accel_bo *bo);
void accel_bo_unref(struct accel_bo *bo);

/* ---- queues --------------------------------------------------------------- */

struct accel_queue_params {
	uint32_t size;
	uint32_t flags;	  /* 0 */
	int32_t priority; /* ACCEL_PRIORITY_MIN .. ACCEL_PRIORITY_MAX; 0 is normal */
	uint32_t depth;	  /* jobs under way at once, allocated now; 0: the driver's
			   * choice; above ACCEL_QUEUE_DEPTH_MAX -EINVAL */
	const struct accel_ext *ext;
};

/*
 * Make a queue. @params may be NULL. @deadline bounds drivers whose firmware is
 * asked (qaic, where one that has passed asks nothing and gives -ETIME).
 * Errors: -EINVAL; -E2BIG; -ENOSPC the device has no queue left; -ETIME; -EIO the firmware
 * refuses or does not answer; -EAGAIN it takes no question now; -ENOMEM; the state's errno
 * (-ESTALE, -ENODEV) if the context is lost.
 */
int accel_queue_create(struct accel_context *ctx, const struct accel_queue_params *params,
		       int64_t deadline, struct accel_queue **out);

/*
 * After -EAGAIN: a fence whose end makes room, perhaps that of a job of another
 * queue; one that has ended already if there is room now. Where a driver counts in
 * other units than jobs, -EAGAIN may come again.
 * Errors: -ENOENT the room is taken by other processes: try again later; -ENOMEM.
 */
int accel_queue_get_room(struct accel_queue *queue, struct accel_fence **out);

/*
 * End all jobs accepted so far as ACCEL_CANCELED, and wait until they have ended, in
 * their order. One that runs ends when the device lets go of it; one that has done its
 * work by then keeps its outcome. Where cancelling is emulated, jobs that are with the
 * device already run to their end.
 * Errors: -EOPNOTSUPP (ACCEL_HAS_CANCEL); -ETIME a job still runs; the call has its
 * effect all the same.
 */
int accel_queue_cancel(struct accel_queue *queue, int64_t deadline);

struct accel_queue *accel_queue_ref(struct accel_queue *queue);
/*
 * Does not cancel. The last reference, direct or through the queue's jobs and
 * fences, waits until the jobs accepted have ended. One that waits for a fence
 * that nobody will signal never ends by itself: cancel it first.
 */
void accel_queue_unref(struct accel_queue *queue);

/* ---- jobs: checked once, submitted often ----------------------------------- */

/* One buffer of a job. This layout never changes. */
struct accel_bo_ref {
	struct accel_bo *bo;
	uint32_t access;   /* ACCEL_ACCESS_*: at least one */
	uint32_t reserved; /* 0 */
};

struct accel_job_params {
	uint32_t size;
	uint32_t flags;		       /* 0 */
	struct accel_bo *commands;     /* NULL where the driver takes none */
	uint64_t offset;	       /* of the first command in it, bytes */
	uint64_t bytes;		       /* of commands */
	const struct accel_bo_ref *bos; /* the other buffers, no one twice; the
					 * commands refer to them by index or address */
	uint32_t bo_count;
	uint32_t reserved;
	uint64_t timeout_ns; /* of running, after which the job ends as
			      * ACCEL_TIMED_OUT; rounded up to the driver's unit;
			      * 0: the driver's watchdog. See ACCEL_HAS_JOB_TIMEOUT */
	const struct accel_ext *ext;
};

/*
 * Check a piece of work and make it ready. All that can be refused without
 * running is refused here, with the place in accel_last_error(). A job belongs to
 * its queue and can be under way once at a time. It holds its buffers.
 * Errors: -EINVAL; -EALREADY a buffer is listed twice; -EXDEV a buffer of another
 * context; -EACCES an access the buffer was not made for; -ERANGE a command that
 * reaches outside a buffer; -EOPNOTSUPP a timeout or an option that the driver
 * doesn't have; -E2BIG more buffers or commands than the device takes; -ENOMEM;
 * -EMFILE, -ENFILE where the driver tells of a job's end by a descriptor.
 */
int accel_job_create(struct accel_queue *queue, const struct accel_job_params *params,
		     struct accel_job **out);

/* Put @bo in place of buffer @index, checked as at creation and with the same
 * access. Errors: as accel_job_create(); -EBUSY the job is under way. */
int accel_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);

/* How a job ended. */
enum accel_outcome {
	ACCEL_PENDING,
	ACCEL_DONE,
	ACCEL_DONE_UNVERIFIED, /* it ended; whether well, the driver can't tell */
	ACCEL_FAILED,
	ACCEL_TIMED_OUT, /* ended by the device's watchdog or its own timeout, where
			  * the driver tells that from a failure */
	ACCEL_CANCELED,
	ACCEL_LOST /* the device, the context or the queue went away under it */
};

struct accel_job_result {
	uint32_t size;
	uint32_t outcome; /* enum accel_outcome */
	int32_t error;	  /* 0, or what accel_fence_wait() says of such a job */
	uint32_t reserved;
	uint64_t driver_code; /* the driver's own status word; 0: none */
	uint64_t start_ns;    /* CLOCK_MONOTONIC; 0: not known */
	uint64_t end_ns;
};

/* How the job's latest submission ended, or that it is pending. Never sleeps.
 * Errors: -ENODATA it was never submitted. */
int accel_job_get_result(struct accel_job *job, struct accel_job_result *out);

struct accel_job *accel_job_ref(struct accel_job *job);
void accel_job_unref(struct accel_job *job);

/* ---- submission ------------------------------------------------------------ */

struct accel_submit_params {
	uint32_t size;
	uint32_t flags; /* 0 */
	/* The first job starts after all of these have ended, well or not. They
	 * may be of any context, device or import. */
	struct accel_fence *const *wait;
	uint32_t wait_count;
	uint32_t reserved;
};

/*
 * Submit @count jobs of this queue. A prefix may be accepted: the result is how
 * many were, 1 .. @count, or the errno with which the first was refused. Nothing
 * accepted is dropped in silence. @params may be NULL. @fence may be NULL; else it
 * is given a fence that ends when the last accepted job has ended, and fails with
 * the first failure among the accepted.
 *
 * Never waits for room. Of calls that overlap in time the order is not defined,
 * but what one call has accepted stays together.
 * Errors: -EAGAIN the queue is full, or what it shares with others of the device
 * (accel_queue_get_room()); -EBUSY the first job is under way, or a buffer of it that
 * can be so only once (ACCEL_JOB_BO_ONCE); -EINVAL, also for a job of another queue;
 * -EOPNOTSUPP wait fences that the driver lacks (ACCEL_HAS_WAIT_FENCES); -ENOMEM;
 * -EIO the kernel refuses what it should take; -ESTALE, -ENODEV the queue, the context
 * or the device is lost.
 */
int accel_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
		 const struct accel_submit_params *params, struct accel_fence **fence);

/* ---- fences ----------------------------------------------------------------- */

/*
 * Wait until @fence has ended.
 * Returns 0: ended well, or unverified. Of the work: -EIO it failed; -ETIMEDOUT the
 * device's watchdog or the job's timeout; -ECANCELED; -ESTALE the context or the queue
 * is lost;
 * -ENODEV the device is gone. Of the wait: -ETIME the deadline passed. -EINVAL,
 * -ENOMEM and -ECHILD are about the call and never about the work.
 */
int accel_fence_wait(struct accel_fence *fence, int64_t deadline);

/*
 * Wait for one of @count fences, or with ACCEL_WAIT_ALL for all.
 * One: the result is that of accel_fence_wait() for the first in the list that has
 * ended, and *@index which. All: 0 if all ended well, else the result of the first
 * in the list that did not, and *@index which. @index may be NULL; it is written
 * only in these cases. Errors: -ETIME; -EINVAL also for @count 0.
 */
#define ACCEL_WAIT_ALL (1u << 0)
int accel_fence_wait_many(struct accel_fence *const *fences, uint32_t count, uint32_t flags,
			  int64_t deadline, uint32_t *index);

/* As accel_fence_wait() with a deadline in the past, but -EINPROGRESS while it has
 * not ended. Never sleeps. */
int accel_fence_status(struct accel_fence *fence);

/*
 * A descriptor that polls readable (POLLIN) once the fence has ended, well or not;
 * the caller owns it, and reading from it changes nothing.
 * ACCEL_FD_ANY is for poll(2) and its like, here or in another process.
 * ACCEL_FD_SYNC_FILE is a sync_file, which other drivers take too.
 * Errors: -EOPNOTSUPP the driver has none (ACCEL_HAS_FENCE_FD,
 * ACCEL_HAS_SYNC_FILE); -EAGAIN a sync_file while the job still waits for an
 * emulated wait fence; -EINVAL unknown kind; -EMFILE, -ENFILE; -ENOMEM.
 */
#define ACCEL_FD_ANY	   0u
#define ACCEL_FD_SYNC_FILE 1u
int accel_fence_export_fd(struct accel_fence *fence, uint32_t kind, int *fd);

/*
 * A fence of any descriptor that polls readable when something has ended: a
 * sync_file, an eventfd, a pipe, a timerfd, a fence exported by another process.
 * The library works on a duplicate; @fd stays the caller's. Once seen ended it
 * stays ended. A sync_file that ended with an error gives that of the errno list
 * above which fits, else -EIO. @flags is 0.
 * Errors: -EBADF; -EINVAL a file that can't be polled; -EMFILE, -ENFILE; -ENOMEM.
 */
int accel_fence_import_fd(int fd, uint32_t flags, struct accel_fence **out);

struct accel_fence *accel_fence_ref(struct accel_fence *fence);
void accel_fence_unref(struct accel_fence *fence);

#ifdef __cplusplus
}
#endif
#endif
