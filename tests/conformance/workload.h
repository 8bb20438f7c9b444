/* SPDX-License-Identifier: MIT */
/*
 * What differs from device to device: how to make a job that does a given thing.
 *
 * To run the suite on another driver, write one workload_NAME.c, and add its struct to
 * the list in workload.c. Everything a device can't do is left out (NULL), or answers
 * -EOPNOTSUPP; the checks that need it are then skipped, with that said.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <accel/accel.h>
#include <pthread.h>
#include <stdbool.h>

/* All that accel_job_create() is given, and what was made for it. A check may change any
 * of it before it creates the job. */
struct request {
	struct accel_job_params params; /* .commands, .bos and .ext point into this struct */
	struct accel_bo_ref bos[4];
	struct accel_bo *scratch[4]; /* one reference each; the job holds its own */
	uint64_t ext[64];
	uint32_t dst, src; /* their indexes in bos; ~0: none */
};

/* A job that runs until it is told to end. Lives until the job has ended. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool started, open, over; /* over: nobody will open it any more */
	unsigned int calls;
	int report_fd; /* a byte is written there before the job ends; -1: none */
	pthread_t helper; /* passes it for a job that can't call functions */
	bool helped;
};

/* A job that accel_job_create() must refuse, and what it must say. */
#define ANY_INDEX 0xfffffffeu
struct refusal {
	const char *what;
	int error;
	uint32_t index; /* ~0: none; ANY_INDEX: the interface leaves it open */
	uint64_t offset;
};

/* Functions give 0 or a negative errno, and fill the zeroed request. */
struct workload {
	const char *driver; /* accel_device_info.driver */
	const char *prefix; /* of accel_device_info.id; decides where driver is not known */
	/* Fills and copies are of a multiple of this many bytes, at such offsets. */
	uint64_t unit;
	const struct accel_ext *open_ext, *queue_ext;

	/* Ends well at once. */
	int (*nop)(struct accel_context *ctx, struct request *r);
	/* Every byte of the range becomes @value. */
	int (*fill)(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		    uint64_t offset, uint64_t bytes, uint8_t value);
	int (*copy)(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		    uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset, uint64_t bytes);
	/* Ends as ACCEL_FAILED. */
	int (*fail)(struct accel_context *ctx, struct request *r);
	/* Runs until the gate is opened, whatever else it is told; other queues go on. */
	int (*gate)(struct accel_context *ctx, struct request *r, struct gate *gate);
	/* Runs until it is cancelled or its timeout or the watchdog ends it. */
	int (*hang)(struct accel_context *ctx, struct request *r);
	/* The @n-th of a list of jobs that are refused when they are created; -ENOENT past
	 * its end. */
	int (*refused)(struct accel_context *ctx, struct request *r, unsigned int n,
		       struct refusal *expected);
};

extern const struct workload workload_soft, workload_ethosu, workload_rocket, workload_qaic,
	workload_ivpu, workload_example;

/* NULL: nobody has written one for this device yet. */
const struct workload *workload_find(const struct accel_device_info *info);

/* For workloads: a buffer of commands with these contents, as r->params.commands. */
int request_commands(struct accel_context *ctx, struct request *r, const void *bytes,
		     uint64_t count);
/* The next buffer of the request; its index. */
uint32_t request_add_bo(struct request *r, struct accel_bo *bo, uint32_t access);

void gate_init(struct gate *gate);
void gate_pass(struct gate *gate); /* by the job: wait until it is open */
void gate_open(struct gate *gate);
void gate_wait_started(struct gate *gate);
bool gate_is_over(struct gate *gate);
/* Have a thread that passes the gate; gate_destroy() waits for its end. */
int gate_help(struct gate *gate, void *(*fn)(void *arg), void *arg);
void gate_destroy(struct gate *gate);

#endif
