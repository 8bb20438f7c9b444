/* SPDX-License-Identifier: MIT */
/*
 * A provider for tests, in two kinds: "push", which tells when jobs have ended, and "pull",
 * which is asked. Its jobs end when the test says, how the test says. It watches that the core
 * keeps the promises of provider.h.
 */
#ifndef MODEL_H
#define MODEL_H

#include "support.h"

struct model {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* ---- what it is to do; set it before it is used */
	int64_t answer[0x200]; /* to accel_query(); MODEL_NO_ANSWER: -EINVAL */
	uint32_t waits;        /* enum accel_waits */
	int context_init_err;
	uint32_t context_init_err_count; /* so often; then it succeeds */
	int bo_init_err, bo_map_err, bo_end_err, bo_import_err;
	int queue_init_err, job_init_err, job_set_bo_err;
	bool undefined;      /* new memory isn't zero */
	bool bo_map_slow;    /* so that another thread comes between */
	bool key_at_init;    /* buffers have a key from the beginning */
	uint32_t room;       /* jobs at once, of all queues together */
	uint32_t submit_max; /* jobs that one submit takes */
	int submit_err;      /* what the next @submit_err_count submits give */
	uint32_t submit_err_count;
	const uint32_t *to_wake; /* push: what a submit that takes jobs leaves in the queue */
	uint32_t keep_waiters; /* so many that come into job_wait next stay in it */
	bool let_go;           /* ... until this */
	int wait_err;          /* what job_wait gives instead of sleeping */
	/* ---- what has happened */
	uint32_t contexts, bos, queues, jobs; /* alive */
	uint32_t waiting;                     /* threads inside job_wait */
	uint32_t running;                     /* jobs in the driver */
	_Atomic uint32_t submits, polls, waits_made, releases, cancels, events, exits, job_fds;
	_Atomic uint32_t bo_inits, bo_maps, begins, ends, bo_finis, queue_finis, keys;
	_Atomic uint32_t wrong; /* broken promises */
	char why[200];
};
extern struct model model;
#define MODEL_NO_ANSWER INT64_MIN

enum model_kind {
	MODEL_PUSH,
	MODEL_PULL
};

/* Set the seam, a tree with one device of each kind and the model up; and check at the end that
 * nothing is left and no promise was broken. For cmocka_unit_test_setup_teardown(). */
int model_setup(void **state);
int model_teardown(void **state);

/* For who ends without model_teardown(): the devices are open, and sysfs can go. */
void model_drop_tree(void);

/* So many allocations are kept on purpose, as those for providers are. */
void model_keep_memory(long count);

/* The device's node, for tests that do things to it. */
struct seam_node *model_node(enum model_kind kind);
struct accel_device *model_device(enum model_kind kind);
struct accel_context *model_open(enum model_kind kind, uint32_t flags);
struct accel_bo *model_bo(struct accel_context *context, uint32_t flags, uint64_t bytes);
struct accel_queue *model_queue(struct accel_context *context, uint32_t depth);
/* A job with the buffers named (all for reading and writing); NULL ends the list. */
struct accel_job *model_job(struct accel_queue *queue, ...);
/* Submit one job, or fail. */
struct accel_fence *model_submit(struct accel_queue *queue, struct accel_job *job);
struct accel_fence *model_submit_after(struct accel_queue *queue, struct accel_job *job,
				       struct accel_fence *wait);

/* End a job. For push this tells the core and must be the oldest under way. */
void model_end(struct accel_job *job, uint32_t outcome);
/* Whether the driver has the job. */
bool model_is_running(struct accel_job *job);
/* Sleep until the driver has it; until @count threads are in job_wait. */
void model_await_running(struct accel_job *job);
void model_await_waiting(uint32_t count);
/* Let those out that keep_waiters kept. */
void model_let_go(void);
/* Have the next @count submits refused with @err. */
void model_refuse(int err, uint32_t count);
/* The device is lost. */
void model_lose(struct accel_context *context, uint32_t state);

#endif
