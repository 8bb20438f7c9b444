/* SPDX-License-Identifier: MIT */
/*
 * <accel/ethosu.h>: what only Arm's Ethos-U65 and Ethos-U85 have. Link with -laccel-ethosu
 * beside -laccel; the rules of <accel/accel.h> hold here, too.
 *
 * A job of this device is a command stream and up to eight regions. The stream is a buffer made
 * with ACCEL_BO_COMMANDS and its contents: the kernel checks it then and seals it, it is never
 * mapped, and accel_job_params.offset is 0 and .bytes all of it. A region is a buffer of the job
 * from its first byte; one buffer is one region. Without a struct accel_ethosu_job, buffer N of
 * the list is region N.
 *
 * The kernel fences what a job writes, so a job must write at least one buffer. A buffer that the
 * stream writes is listed with ACCEL_ACCESS_WRITE, one that it reads with ACCEL_ACCESS_READ.
 */
#ifndef ACCEL_ETHOSU_H
#define ACCEL_ETHOSU_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACCEL_ETHOSU_REGIONS	 8
#define ACCEL_ETHOSU_SRAM_REGION 2

/* accel_ext.type */
#define ACCEL_ETHOSU_JOB 0x65740001u

struct accel_ethosu_perfmon;

/* For accel_job_params.ext. All zero but the head: every buffer is region 0, so give regions
 * for more than one. */
struct accel_ethosu_job {
	struct accel_ext head;
	uint32_t sram_bytes; /* SRAM as region 2, which is then no buffer's; 0: none */
	uint32_t reserved;   /* 0 */
	uint8_t region[ACCEL_ETHOSU_REGIONS]; /* of each buffer in accel_job_params.bos */
	struct accel_ethosu_perfmon *perfmon; /* counts while the job runs; held by it; or NULL */
};

struct accel_ethosu_info {
	uint32_t size;
	uint32_t id;	     /* the NPU's ID register */
	uint32_t config;     /* its CONFIG register */
	uint32_t sram_bytes; /* that a job can have as region 2; 0: none */
	uint32_t counters;   /* of events; 0: no performance monitor */
	uint32_t model;	     /* 65 or 85 */
};

/* Errors: -EINVAL @ctx is another driver's. */
int accel_ethosu_get_info(struct accel_context *ctx, struct accel_ethosu_info *out);

/*
 * A performance monitor: counts up to accel_ethosu_info.counters kinds of events, by their
 * numbers in the NPU's manual, and always cycles. It counts while jobs run that were made with
 * it, of this context.
 * Errors: -EINVAL more events than counters, or no such event; -EOPNOTSUPP a kernel or a device
 * without; -ENOMEM.
 */
int accel_ethosu_perfmon_create(struct accel_context *ctx, const uint16_t *events, uint32_t count,
				struct accel_ethosu_perfmon **out);

/*
 * Stop it, and give what it has counted: one number per event to @counts, which may be NULL if
 * @count is 0, and cycles to @cycles, which may be NULL. Wait for the jobs first. The next job
 * that was made with it starts it again; whether from zero is the kernel's business.
 * Errors: -EINVAL @count is not that of its creation.
 */
int accel_ethosu_perfmon_read(struct accel_ethosu_perfmon *perfmon, uint64_t *counts,
			      uint32_t count, uint64_t *cycles);

/*
 * Have it count the jobs of all processes, or end that. There is one such monitor per device;
 * any process can end any other's, and jobs with a monitor of their own are then not counted by
 * it.
 * Errors: -EBUSY there is one already, or one counts just now; to end: -ENOENT there is none.
 */
int accel_ethosu_perfmon_set_global(struct accel_ethosu_perfmon *perfmon);
int accel_ethosu_perfmon_clear_global(struct accel_ethosu_perfmon *perfmon);

struct accel_ethosu_perfmon *accel_ethosu_perfmon_ref(struct accel_ethosu_perfmon *perfmon);
void accel_ethosu_perfmon_unref(struct accel_ethosu_perfmon *perfmon);

#ifdef __cplusplus
}
#endif
#endif
