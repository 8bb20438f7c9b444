/* SPDX-License-Identifier: MIT */
/* What the parts of accel-fault share. */
#ifndef FAULT_H
#define FAULT_H

#include <accel/accel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- inject.c: the seam that records, and fails one call ---------------------------------- */

enum entry {
	ENTRY_OPEN,
	ENTRY_CLOSE,
	ENTRY_READ,
	ENTRY_WRITE,
	ENTRY_IOCTL,
	ENTRY_POLL,
	ENTRY_FSTAT,
	ENTRY_LSTAT,
	ENTRY_STAT,
	ENTRY_ACCESS,
	ENTRY_READLINK,
	ENTRY_LIST,
	ENTRY_DUP,
	ENTRY_SIZE,
	ENTRY_MEMFD,
	ENTRY_TRUNCATE,
	ENTRY_ADD_SEALS,
	ENTRY_GET_SEALS,
	ENTRY_EVENTFD,
	ENTRY_MMAP,
	ENTRY_MUNMAP,
	ENTRY_MADVISE,
	ENTRY_ALLOC,
	ENTRY_THREAD_CREATE,
	ENTRY_FUTEX_WAIT,
	ENTRY_DL_OPEN,
	ENTRY_DL_SYM,
	ENTRIES
};

/* A place in the code from which an entry is called. */
struct site {
	enum entry entry;
	unsigned long request; /* of an ioctl */
	char module[32];
	unsigned long offset; /* of the return address in it */
	char driver[16];      /* of the node that was opened last */
	unsigned int hits;
};

enum mode {
	FAIL, /* instead of the call */
	LOSE  /* after the call: its result is lost */
};

struct fault {
	struct site site;
	int err; /* 0: a success that did nothing, such as a wake without a cause */
	unsigned int hit;
	enum mode mode;
};

#define SITES_MAX 1024

/* In memory that parent and children share. */
struct record {
	struct site site[SITES_MAX];
	unsigned int count;
};

bool inject_is_same(const struct site *a, const struct site *b);
void inject_install(void);
/* Note the sites that are passed, in @record (NULL: stop it). */
void inject_record(struct record *record);
/* Have the fault happen, once; NULL: nothing is to fail. */
void inject_arm(const struct fault *fault);
bool inject_happened(void);
/* The fault was a job that the kernel dropped, saying nothing. */
bool inject_dropped_a_job(void);
/* The fault was that the device seemed to be gone. */
bool inject_removed_the_device(void);
/* What the library has not given back. */
struct live {
	long memory, maps, fds;
};
struct live inject_live(void);

/* The errors that the call can really return at this site: up to @max, without the minus. */
unsigned int site_errors(const struct site *site, int *errors, unsigned int max);
/* Whether the call may have happened when it fails so. */
bool site_may_lose(const struct site *site, int err);
/* Whether it does not fail before it has happened. */
bool site_only_loses(const struct site *site);
const char *entry_name(enum entry entry);

/* ---- scenario.c: a little of everything --------------------------------------------------- */

/* Run it on the device of that name. Complaints go to complain(). */
void scenario(const char *device);

/* scenario.c: complain of an error that isn't documented, and of one without words; @ret. 0 ends
 * the list of those that are. */
int check(const char *call, int ret, const int *allowed);

/* fault.c */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- work_*.c: jobs for one driver -------------------------------------------------------- */

#define WORK_BYTES 65536 /* of each of the two buffers that jobs are made for */

struct work {
	const char *driver;
	unsigned int count; /* kinds of jobs */
	uint32_t out;       /* the second buffer's index in each job */
	/* The first so many write to what is listed there; the others know its address. */
	unsigned int by_index;
	bool once;      /* no buffer is under way with two jobs */
	bool has_empty; /* jobs without commands, that only take their place */
	/* What the first buffer must have in it. */
	void (*fill)(void *in);
	/* A job of kind @kind: reads @in, writes its own part of @out. */
	int (*make)(struct accel_context *context, struct accel_queue *queue, unsigned int kind,
		    struct accel_bo *in, struct accel_bo *out, struct accel_job **job);
	/* Whether its part of @out is as it must be once it has run. */
	bool (*verify)(unsigned int kind, const void *in, const void *out);
	/* What only this driver has; or NULL. */
	void (*vendor)(struct accel_context *context);
};

extern const struct work work_soft, work_ethosu, work_rocket, work_ivpu, work_qaic;

/* ---- suite.c: jobs that the conformance suite's workloads make --------------------------- */

#define SUITE_KINDS 5

struct request;
struct workload;
void suite_fill(void *in);
int suite_make(const struct workload *workload, struct accel_context *context,
	       struct accel_queue *queue, unsigned int kind, struct accel_bo *in,
	       struct accel_bo *out, struct accel_job **job);
bool suite_verify(unsigned int kind, const void *in, const void *out);
/* A copy whose request @change may change before the job is created, with @data. */
int suite_make_copy(const struct workload *workload, struct accel_context *context,
		    struct accel_queue *queue, unsigned int kind, struct accel_bo *in,
		    struct accel_bo *out, int (*change)(struct request *request, void *data),
		    void *data, struct accel_job **job);
bool suite_verify_copy(unsigned int kind, const void *in, const void *out);

#endif
