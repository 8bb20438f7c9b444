/* SPDX-License-Identifier: MIT */
/* What the files of the qaic provider share. */
#ifndef QAIC_INTERNAL_H
#define QAIC_INTERNAL_H

#include <accel/qaic.h>
#include <drm/qaic_accel.h>

#include "provider.h"

#define NAME "qaic"

#define QAIC_ELEMENTS_MAX 65536 /* requests are told apart by 16 bits */

/* How a buffer is moved, as the kernel takes it. Never changes. */
struct qaic_layout {
	_Atomic uint32_t refs;
	uint32_t dir; /* 1 to the device, 2 from it */
	uint32_t count;
	struct qaic_attach_slice_entry entries[];
};

struct qaic_context {
	struct accel_context base;
	/* One conversation about channels at a time, which may last a minute. Taken first. */
	struct accel_lock channel_lock;
	uint64_t activations; /* so far */
	/* What is attached to buffers, who has them under way, rings. Taken last. */
	struct accel_lock slice_lock;
	uint64_t detached;           /* buffers, so far, and one */
	uint64_t words;              /* for jobs to show that they went well, so far */
	struct accel_lock list_lock; /* of these; nothing is called with it */
	struct list queues;          /* qaic_queue.link */
	struct list spares;          /* qaic_spare.link */
	struct list talks;           /* that nobody waits for any more */
	_Atomic int events;          /* uevents of the kernel; -1: not asked for */
};

struct qaic_bo {
	struct accel_bo base; /* fd: of an imported one its dma-buf */
	uint32_t handle;
	/* under slice_lock: */
	struct qaic_layout *layout;  /* attached, or NULL */
	uint64_t activation;         /* on whose channel; an old one's has been taken off */
	uint32_t elements;           /* of the ring that it takes */
	const struct qaic_job *last; /* that moved it, or does; NULL: none that is there still */
};

/* Transactions as a message has them. */
struct qaic_parts {
	uint8_t *data;
	uint32_t bytes, count;
};

/* A channel that is the context's and no queue's: it can't be given back, or came too late. */
struct qaic_spare {
	struct list link;
	uint32_t channel;
	uint32_t elements, options;
	struct qaic_parts network;
};

struct qaic_queue {
	struct accel_queue base;
	struct list link;
	_Atomic uint32_t channel;    /* its number; set before activation */
	_Atomic uint64_t activation; /* 0: none */
	_Atomic bool lost;           /* the channel was taken away */
	_Atomic uint32_t changing;   /* 1: it is being cancelled; set under base.lock; futex */
	uint32_t used;               /* under slice_lock: elements of jobs under way */
	struct accel_job *passed;    /* under base.lock: it and all before it have ended; or NULL */
	uint32_t elements, options;
	struct qaic_parts network; /* goes before the activation */
	struct qaic_parts release; /* gives the channel back; or none */
	uint32_t release_channel;  /* where in it the channel's number goes */
	struct qaic_spare *spare;  /* for what becomes of the channel */
};

struct qaic_job {
	struct accel_job base;
	/* Of each buffer: */
	struct qaic_layout **layout;
	uint64_t *limit; /* accel_qaic_job_set_limit() */
	struct qaic_partial_execute_entry *entries;
	struct qaic_perf_stats_entry *stats;

	/* Under the queue's lock. What a submission hands over, made for a channel with all buffers
	 * attached to it; good as long as nothing was detached since. */
	struct qaic_execute ask;
	unsigned long request;
	uint64_t activation; /* 0: never made */
	uint64_t detached;   /* qaic_context.detached then; 0: to be made anew */
	uint32_t elements;
	uint32_t waited; /* under the queue's lock: buffers, from the last, that have ended */
	bool under_way;  /* under slice_lock: with the kernel, as far as known */
	_Atomic uint32_t outcome; /* ACCEL_PENDING: not known yet */
	/* struct accel_qaic_job's: */
	uint32_t flags, in, out;
	uint64_t in_offset, out_offset, word;
};

static inline struct qaic_context *qaic_context(struct accel_context *context)
{
	return (struct qaic_context *)context;
}

static inline struct qaic_bo *qaic_bo(struct accel_bo *bo)
{
	return (struct qaic_bo *)bo;
}

static inline struct qaic_queue *qaic_queue(struct accel_queue *queue)
{
	return (struct qaic_queue *)queue;
}

static inline struct qaic_job *qaic_job(struct accel_job *job)
{
	return (struct qaic_job *)job;
}

/* qaic.c */
/* An ioctl said -ENODEV: note what has become of the device, if it is so. */
void qaic_look(struct accel_context *context);
/* Call with all signals blocked, once: an interrupted call begins anew in the kernel, with all
 * its time, or its message. */
int qaic_ioctl_undisturbed(int fd, unsigned long request, void *arg);
/* Attributes of channels in sysfs. */
uint32_t qaic_channel_count(struct accel_context *context);
uint32_t qaic_channel_state(struct accel_context *context, uint32_t channel);

/* bo.c */
int qaic_bo_init(struct accel_bo *bo, const struct accel_bo_params *params);
int qaic_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key);
int qaic_bo_import(struct accel_bo *bo, int dmabuf_fd);
int qaic_bo_export(struct accel_bo *bo, int *dmabuf_fd);
int qaic_bo_map(struct accel_bo *bo);
int qaic_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline);
int qaic_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes);
void qaic_bo_fini(struct accel_bo *bo);

/* layout.c */
/* Check @transfer as that of buffer @index, and make a layout of it. */
int qaic_layout_make(const struct accel_qaic_transfer *transfer, uint32_t index,
		     const struct accel_bo *bo, uint32_t access, struct qaic_layout **out);
bool qaic_layout_same(const struct qaic_layout *a, const struct qaic_layout *b);
struct qaic_layout *qaic_layout_ref(struct qaic_layout *layout);
void qaic_layout_unref(struct qaic_layout *layout);
/* Whether it fits in a buffer of @bytes; -ERANGE. */
int qaic_layout_fits(const struct qaic_layout *layout, uint32_t index, uint64_t bytes);
/* Whether a limit leaves a slice without a byte to move. */
bool qaic_layout_starves(const struct qaic_layout *layout, uint64_t limit);
/* Under slice_lock, of a buffer that nothing has under way: see that it is attached to the
 * channel of @queue so. */
int qaic_attach(struct qaic_queue *queue, struct qaic_bo *bo, struct qaic_layout *layout,
		uint32_t index);
void qaic_detach(struct qaic_bo *bo);

/* talk.c: messages to the firmware. */
struct qaic_message {
	uint32_t bytes;                                       /* of the transactions */
	uint32_t count;                                       /* of them */
	_Alignas(8) uint8_t data[QAIC_MANAGE_MAX_MSG_LENGTH]; /* the kernel may write all of it */
};
/* Append; -E2BIG. */
int qaic_message_add(struct qaic_message *message, const void *transaction, uint32_t bytes);
int qaic_message_add_parts(struct qaic_message *message, const struct accel_qaic_part *parts,
			   uint32_t count);
/* The next transaction of an answer from *@at on, NULL at the end. */
const struct qaic_manage_trans_hdr *qaic_message_next(const struct qaic_message *message,
						      uint32_t *at);
/* The transaction that an answer has of this type, NULL if none of at least @bytes. */
const void *qaic_message_find(const struct qaic_message *message, uint32_t type, uint32_t bytes);
/* Send it and take the answer in its place; a kernel's errno, unsaid. @spare, or NULL, is for the
 * channel of an activation that comes after @deadline: with -ETIME it isn't the caller's any more,
 * and *@spare is NULL. */
int qaic_talk(struct accel_context *context, struct qaic_message *message,
	      struct qaic_spare **spare, int64_t deadline);
/* What that errno means to a caller, in words. */
int qaic_talk_failed(struct accel_context *context, int err, const char *what);
/* Wait for conversations that were left. */
void qaic_talks_end(struct qaic_context *context);

/* queue.c */
void qaic_spare_free(struct qaic_spare *spare);
void qaic_spares_end(struct qaic_context *context);
int qaic_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		    int64_t deadline);
int qaic_queue_cancel(struct accel_queue *queue);
void qaic_queue_fini(struct accel_queue *queue);
/* The channel @channel has become that of @but, or restarts: whose it was is lost. */
void qaic_queue_lose(struct qaic_context *context, uint32_t channel, const struct qaic_queue *but);
/* Whether its channel is its own still, asking the kernel; notes it if not. */
bool qaic_queue_look(struct qaic_queue *queue);

/* job.c */
int qaic_job_init(struct accel_job *job, const struct accel_job_params *params);
int qaic_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);
void qaic_job_fini(struct accel_job *job);
int qaic_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
int qaic_job_poll(struct accel_job *job, bool ended, struct accel_job_result *result);
int qaic_job_wait(struct accel_job *job, int64_t deadline, struct accel_job_result *result);
void qaic_job_release(struct accel_job *job);
/* Under the queue's lock: see whether it has ended, and keep that for whoever asks next. */
bool qaic_job_settle(struct qaic_job *job);

/* event.c */
int qaic_context_fd(struct accel_context *context, int *fd);
void qaic_context_event(struct accel_context *context);
void qaic_events_end(struct qaic_context *context);
void qaic_context_child(struct accel_context *context);

/* trace.c */
extern const struct accel_ioctl_name qaic_ioctls[];

#endif
