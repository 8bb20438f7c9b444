/* SPDX-License-Identifier: MIT */
/* A small job whose every byte is known beforehand: what run and doctor give a device. */
#ifndef CTL_JOB_H
#define CTL_JOB_H

#include "ctl.h"

enum job_kind {
	JOB_FILL,
	JOB_COPY,
	JOB_MATMUL,
	JOB_KINDS
};

#define JOB_BOS      3   /* 0 is written, the others are read */
#define JOB_COMMANDS 512 /* bytes, at most */

/* The operands of one job: a fill has bytes [0], a copy [0] and [1], a matrix product c, a, b. */
struct job_shape {
	enum job_kind kind;
	uint64_t bytes; /* of a fill or a copy */
	uint32_t n;     /* a matrix product: of n by n, s8 times s8 gives s32 */
};

/* How a driver does it: one file each. */
struct job_maker {
	bool (*serves)(const struct accel_device_info *info);
	/* Writes the commands of the job: their size, or an errno; -EOPNOTSUPP what the
	 * device can't do. Buffers are numbered as in the shape. */
	int (*commands)(const struct job_shape *shape, void *out);
};
extern const struct job_maker job_soft, job_ethosu;

#define JOB_PATTERN 0x3c96a55au /* of a fill, least significant byte first */

struct job_request {
	struct job_shape shape;
	uint64_t count;   /* how often */
	int64_t deadline; /* of all */
	/* Called now and then; NULL: no one is to know. */
	void (*progress)(void *data, uint64_t done);
	void *data;
};

struct job_result {
	uint64_t bytes;   /* that were checked */
	uint64_t wrong;   /* of these */
	uint64_t moved;   /* read and written by one job */
	uint64_t ns;      /* from submitting to the end, all jobs */
	uint64_t done;    /* jobs that have ended */
	uint32_t outcome; /* of the last: enum accel_outcome */
	char driver[32];
	const char *step; /* what failed, if anything did */
};

/* The default: what this device can. JOB_KINDS: there is no job of ours for it. */
enum job_kind job_default(const struct accel_device_info *info);
const char *job_kind_name(enum job_kind kind);
/*
 * Open @device, run, check, close. 0, also if bytes are wrong; else the errno of the step
 * that failed, with the reason in accel_last_error(). -EOPNOTSUPP without such a reason
 * (step NULL): there is no job of ours of this kind for this driver.
 */
int job_run(struct accel_device *device, const struct job_request *request,
	    struct job_result *result);

#endif
