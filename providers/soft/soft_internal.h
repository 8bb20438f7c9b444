/* SPDX-License-Identifier: MIT */
/* What the files of the software provider share. */
#ifndef SOFT_INTERNAL_H
#define SOFT_INTERNAL_H

#include <accel/soft.h>
#include <provider.h>

#define SOFT_COMMANDS_MAX (1u << 20)
#define SOFT_BOS_MAX      4096u
#define SOFT_DEPTH        256u
#define SOFT_DEPTH_MAX    65536u
#define SOFT_LIGHT_BYTES  (64u << 10) /* that a light job writes */
#define SOFT_PRIORITY_MAX 2           /* and -2 the least */
#define SOFT_PRIORITIES   (2 * SOFT_PRIORITY_MAX + 1)

struct soft_engine;  /* compute.c: oneDNN's engine */
struct soft_compute; /* compute.c: a prepared computation */
struct soft_slot;    /* compute.c: what one thread needs to run one */

struct soft_context {
	struct accel_context base;
	unsigned int cpus;
	struct soft_engine *engine;
	/* Set by context_exit, never taken back: no packet is begun any more. */
	_Atomic uint32_t exiting;

	pthread_mutex_t lock;               /* the scheduler's: all below */
	struct list ready[SOFT_PRIORITIES]; /* soft_queue.link */
	/* Queues on those lists; changed under the lock, looked at without. */
	_Atomic uint32_t ready_count;
	struct list shares;  /* soft_share.link: operations that can use helpers */
	struct list workers; /* soft_worker.link */
	uint32_t threads;    /* workers that were started */
	uint32_t running;    /* workers that have a CPU: neither asleep nor blocked */
	uint32_t blocked;    /* inside a host function or a fence's sleep */
	uint32_t sleeping;
	uint32_t waking;       /* of the sleeping, those that were woken and are on their way */
	_Atomic uint32_t wake; /* futex of the sleeping */
	bool stop;
};

struct soft_bo {
	struct accel_bo base;
	int dmabuf;              /* of our own export; -1: not exported, or as memfd */
	_Atomic int32_t sync_fd; /* a real dma-buf, to be told of CPU access; -1: none */
};

/* RUNNING means that one worker has the queue to itself. */
enum soft_queue_state {
	SOFT_QUEUE_IDLE,
	SOFT_QUEUE_READY,
	SOFT_QUEUE_RUNNING,
	SOFT_QUEUE_BLOCKED /* the callback will make it ready */
};

struct soft_queue {
	struct accel_queue base;
	struct soft_job **ring; /* of jobs submitted and not begun */
	uint64_t ring_mask;
	uint64_t head; /* the next to run; its worker's alone while RUNNING */
	/* All below under the scheduler's lock. */
	uint64_t tail;
	struct list link;           /* soft_context.ready */
	uint32_t state;             /* enum soft_queue_state */
	_Atomic uint32_t fini_wake; /* futex of queue_fini */
	bool fini_waits;
	bool fired;                /* the callback came */
	bool canceling;            /* somebody takes the callback back */
	struct accel_fence *fence; /* that it is BLOCKED on */
	struct accel_fence_callback callback;
};

enum soft_op_kind {
	SOFT_OP_FILL,
	SOFT_OP_COPY,
	SOFT_OP_TIMESTAMP,
	SOFT_OP_COMPUTE
};

/* The work of an operation as a grid that is done tile by tile: between tiles a job
 * can be stopped, and different tiles can run on different CPUs. */
struct soft_grid {
	uint64_t rows, columns;
	uint64_t tile_rows, tile_columns;
};

struct soft_tile {
	uint64_t row, rows;
	uint64_t column, columns;
};

/* One operand: @rows rows of @width bytes, one every @stride bytes. */
struct soft_view {
	uint32_t bo;
	uint32_t access;
	uint64_t offset;
	uint64_t width, rows, stride;
};

/* A packet, checked and prepared. */
struct soft_op {
	uint32_t kind;
	uint32_t views;       /* in use; [0] is the destination */
	uint32_t may_be_same; /* bit i: view i may be the very bytes of view 0 */
	uint32_t pattern;
	uint64_t packet; /* offset in the stream */
	struct soft_view view[3];
	struct soft_grid grid;
	struct soft_compute *compute;
	struct soft_slot *slot; /* the queue's worker's own */
};

struct soft_job {
	struct accel_job base;
	_Atomic uint32_t cancel; /* copied from base.canceled by queue_cancel */
	struct soft_op *ops;
	uint32_t op_count;
	struct accel_soft_host_job host; /* fn NULL: none */
	bool light; /* so little to do that waking a worker for it lasts longer */
};

static inline struct soft_context *soft_context(struct accel_context *context)
{
	return (struct soft_context *)(void *)context;
}

static inline struct soft_bo *soft_bo(struct accel_bo *bo)
{
	return (struct soft_bo *)(void *)bo;
}

static inline struct soft_queue *soft_queue(struct accel_queue *queue)
{
	return (struct soft_queue *)(void *)queue;
}

static inline struct soft_job *soft_job(struct accel_job *job)
{
	return (struct soft_job *)(void *)job;
}

/* bo.c */
int soft_bo_init(struct accel_bo *bo, const struct accel_bo_params *params);
int soft_bo_import(struct accel_bo *bo, int dmabuf_fd);
int soft_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key);
int soft_bo_export(struct accel_bo *bo, int *dmabuf_fd);
int soft_bo_map(struct accel_bo *bo);
int soft_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		  int64_t deadline);
int soft_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes);
void soft_bo_fini(struct accel_bo *bo);
/* Tell the exporter of a dma-buf that the CPU begins or ends to use it. */
int soft_bo_sync(struct accel_bo *bo, bool begin, uint32_t access);

/* sched.c */
int soft_sched_init(struct soft_context *context);
void soft_sched_fini(struct soft_context *context);
void soft_sched_exit(struct soft_context *context);
int soft_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
		    int64_t deadline);
int soft_queue_cancel(struct accel_queue *queue);
void soft_queue_fini(struct accel_queue *queue);
int soft_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count);
void soft_queue_help(struct accel_queue *queue, uint64_t seq, int64_t deadline);

/* stream.c */
int soft_job_init(struct accel_job *job, const struct accel_job_params *params);
int soft_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo);
void soft_job_fini(struct accel_job *job);

/* grid.c */
/* How many tiles there are. */
uint64_t soft_grid_tiles(const struct soft_grid *grid);
struct soft_tile soft_grid_tile(const struct soft_grid *grid, uint64_t index);
/* Halve tiles until one is no more than @work, where an element of the grid counts as
 * @cost, but no side goes below @least. */
void soft_grid_split(struct soft_grid *grid, uint64_t cost, uint64_t work, uint64_t least);

/* exec.c */
/* Do one tile of @op with the buffers in @bos. */
int soft_op_run(const struct soft_op *op, const struct accel_bo_ref *bos, struct soft_slot *slot,
		uint64_t tile);

/* compute.c */
int soft_engine_create(struct soft_engine **out);
void soft_engine_destroy(struct soft_engine *engine);
/* Prepare a packet that was checked. They fill @grid; @workers is how many threads may
 * take part. */
int soft_compute_matmul(struct soft_engine *engine, const struct accel_soft_matmul *packet,
			unsigned int workers, struct soft_grid *grid, struct soft_compute **out);
int soft_compute_add(struct soft_engine *engine, const struct accel_soft_add *packet,
		     struct soft_grid *grid, struct soft_compute **out);
int soft_compute_relu(struct soft_engine *engine, const struct accel_soft_relu *packet,
		      struct soft_grid *grid, struct soft_compute **out);
void soft_compute_destroy(struct soft_compute *compute);
/* A thread's own part of a computation, for one tile at a time. */
int soft_slot_create(const struct soft_compute *compute, struct soft_slot **out);
void soft_slot_destroy(struct soft_slot *slot);
/* To make one takes longer than to run a small tile: those of helpers are kept with the
 * computation. NULL: there is none. The caller has a lock. */
struct soft_slot *soft_slot_take(struct soft_compute *compute);
void soft_slot_give(struct soft_compute *compute, struct soft_slot *slot);
/* What oneDNN does must stay on the calling thread: called once on each that runs tiles. */
void soft_compute_thread(void);
int soft_compute_run(const struct soft_compute *compute, struct soft_slot *slot,
		     const struct soft_tile *tile, void *dst, const void *a, const void *b);
/* The way of a computation, for tests: "direct", "staged" or "converted". */
const char *soft_compute_way(const struct soft_compute *compute);

#endif
