/* SPDX-License-Identifier: MIT */
/*
 * What the checks of the conformance suite share.
 *
 * A check is a function without arguments that uses <accel/accel.h> alone. It may
 * stop at any line: it fails with one of the functions below, or is skipped with
 * skip_check() and a reason. After a failure its process ends without cleaning up,
 * so a check need not release anything on that path. A check that passes must have
 * given everything back: descriptors and threads are counted around it.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <accel/accel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "workload.h"

/* ---- checks and groups ---------------------------------------------------------- */

struct check {
	const char *name;
	void (*fn)(void);
};

struct group {
	const char *name;
	const char *driver; /* only for devices of this driver; NULL: for all */
	const struct check *checks;
	size_t count;
};

#define CHECK(fn)       \
	{               \
#fn, fn \
	}
#define GROUP(name, checks)                                                  \
	{                                                                    \
		(name), NULL, (checks), sizeof(checks) / sizeof((checks)[0]) \
	}
#define GROUP_FOR(name, driver, checks)                                          \
	{                                                                        \
		(name), (driver), (checks), sizeof(checks) / sizeof((checks)[0]) \
	}

/* What is known of the run. Filled before the first check. */
struct suite {
	const char *device;  /* as given with --device */
	const char *program; /* path of this program */
	const struct workload *work;
	bool slow_tool; /* valgrind or a sanitizer: fewer rounds, same checks */
	bool leak_tool; /* one that looks for leaks at exit */
	bool race_tool; /* the thread sanitizer */
	pid_t pid;      /* the process that runs the checks */
};
extern struct suite suite;

/* The level or number that the device answers for @key; ~0 where it can't tell. */
uint64_t device_fact(uint32_t key);
#define LAST_NUMBER ACCEL_JOB_BO_ONCE /* of enum accel_key */

/* ---- ends of a check -------------------------------------------------------------- */

void skip_check(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail_check(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* Skip unless the device has feature @key (an ACCEL_HAS_*). */
void need(uint32_t key, const char *what);

#define fail_here(...) fail_check(__FILE__, __LINE__, __VA_ARGS__)

/* @call gives 0 or more; the value of the expression. */
#define must(call) must_at(__FILE__, __LINE__, #call, (call))
/* @call gives exactly @value. */
#define gives(call, value) gives_at(__FILE__, __LINE__, #call, (call), (value))
/* @call gives the error @err, and accel_last_error() tells of this very failure. */
#define fails(call, err) fails_at(__FILE__, __LINE__, #call, (err), (mark_error(), (call)))
/* The same with the place that accel_last_error() must name. */
#define fails_place(call, err, index, offset) \
	fails_place_at(__FILE__, __LINE__, #call, (err), (index), (offset), (mark_error(), (call)))
/* Two numbers, and a condition. */
#define same(a, b)        same_at(__FILE__, __LINE__, #a, (uint64_t)(a), #b, (uint64_t)(b))
#define expect(condition) expect_at(__FILE__, __LINE__, #condition, (condition))
/* An out-parameter that began as untouched() is as it was. */
#define is_untouched(out) is_untouched_at(__FILE__, __LINE__, #out, (out))

int must_at(const char *file, int line, const char *text, int result);
void gives_at(const char *file, int line, const char *text, int result, int want);
void fails_at(const char *file, int line, const char *text, int want, int result);
void fails_place_at(const char *file, int line, const char *text, int want, uint32_t index,
		    uint64_t offset, int result);
void same_at(const char *file, int line, const char *a_text, uint64_t a, const char *b_text,
	     uint64_t b);
void expect_at(const char *file, int line, const char *text, bool condition);
void is_untouched_at(const char *file, int line, const char *text, const void *out);
void *untouched(void);
void mark_error(void);

/* For other threads and for forked children, which can't end the check: notes the first
 * mismatch, which no_bad_notes() then reports. True if @result is @want. */
#define good(call, want)   good_at(__FILE__, __LINE__, #call, (call), (want))
#define good_if(condition) good_if_at(__FILE__, __LINE__, #condition, (condition))
bool good_at(const char *file, int line, const char *text, int result, int want);
bool good_if_at(const char *file, int line, const char *text, bool condition);
void no_bad_notes(void);

/* ---- structs that grow ------------------------------------------------------------- */

/* Make one call with in-struct @params, and undo it if it succeeds. */
typedef int (*in_struct_call)(void *arg, const void *params);
/* Sizes that must be refused; sizes larger than @known, zero and not beyond it. */
void check_in_sizes(in_struct_call call, void *arg, const void *good, size_t known);
void check_in_tail(in_struct_call call, void *arg, const void *good, size_t known);

typedef int (*out_struct_call)(void *arg, void *out);
/* @told: failures show in accel_last_error(). */
void check_out_struct(out_struct_call call, void *arg, size_t known, bool told);

/* ---- time -------------------------------------------------------------------------- */

int64_t now_ns(void);
int64_t soon(int64_t ms); /* a deadline */
void pause_ms(int ms);

/* ---- objects: these fail the check where they can't be had ----------------------------- */

struct setup {
	struct accel_context *ctx;
	struct accel_queue *queue;
};
void setup_open(struct setup *s);
void setup_close(struct setup *s);

struct accel_device *find_device(void);
struct accel_context *open_context(void);
/* A second one beside one that is open; skips where the device allows only one. */
struct accel_context *open_another(void);
int try_queue(struct accel_context *ctx, uint32_t depth, struct accel_queue **out);
struct accel_queue *make_queue(struct accel_context *ctx, uint32_t depth);
void refill_open_params(struct accel_open_params *params);
void refill_queue_params(struct accel_queue_params *params);

#define DATA_FLAGS \
	(ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
struct accel_bo *make_bo(struct accel_context *ctx, uint32_t flags, uint64_t bytes);
unsigned char *map_bo(struct accel_bo *bo);
/* The sizes that the device's fills and copies can have. */
uint64_t whole_units(uint64_t bytes);
void cpu_fill(struct accel_bo *bo, uint64_t offset, uint64_t bytes, uint8_t value);
/* All these bytes are @value; takes the range for the CPU first. */
void expect_bytes(struct accel_bo *bo, uint64_t offset, uint64_t bytes, uint8_t value);
bool bytes_are(const void *from, uint64_t bytes, uint8_t value);
struct accel_bo_ref bo_ref(struct accel_bo *bo, uint32_t access);

struct accel_job *nop_job(struct accel_context *ctx, struct accel_queue *queue);
struct accel_job *fill_job(struct accel_context *ctx, struct accel_queue *queue,
			   struct accel_bo *dst, uint64_t offset, uint64_t bytes, uint8_t value);
struct accel_job *copy_job(struct accel_context *ctx, struct accel_queue *queue,
			   struct accel_bo *dst, struct accel_bo *src, uint64_t bytes);
/* Skips where the device has no such job. */
struct accel_job *failing_job(struct accel_context *ctx, struct accel_queue *queue);
struct accel_job *hanging_job(struct accel_context *ctx, struct accel_queue *queue,
			      uint64_t timeout_ns);

/* Builds of requests, which a check then changes before it creates the job. */
void request_nop(struct accel_context *ctx, struct request *r);
void request_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		  uint64_t offset, uint64_t bytes, uint8_t value);
void request_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		  struct accel_bo *src, uint64_t bytes);
void request_drop(struct request *r);
struct accel_job *request_job(struct accel_queue *queue, struct request *r);

void submit_one(struct accel_queue *queue, struct accel_job *job, struct accel_fence **fence);
/* Submit with fences to wait for. */
int submit_after(struct accel_queue *queue, struct accel_job *job, struct accel_fence *const *wait,
		 uint32_t count, struct accel_fence **fence);
/* Submit, and wait for room as often as there is none: queues may share theirs. */
int submit_patiently(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count,
		     struct accel_fence **fence);
/* Submit and wait for the end; the job must end well. */
void run_job(struct accel_queue *queue, struct accel_job *job);

/* The outcome is @want, as far as this device can tell (ACCEL_HAS_OUTCOME). */
void expect_outcome(struct accel_job *job, uint32_t want);
/* It ran when it was cancelled: it ended as cancelled, or had done its work. */
void expect_done_or_canceled(struct accel_job *job);
/* @result, of a wait for a fence, is what @outcome gives, as far as it can tell. */
void expect_fence_result(int result, uint32_t outcome);

/* Something that holds up a queue: what is submitted behind it does not run before
 * unblock(). A job that runs where the device has one that runs until told, else one
 * that waits for a fence. */
struct blocker {
	struct gate gate;
	struct accel_job *job;
	struct accel_fence *fence;
	struct accel_fence *trigger;
	int event;
};
void block(struct accel_context *ctx, struct accel_queue *queue, struct blocker *b);
void block_running(struct accel_context *ctx, struct accel_queue *queue, struct blocker *b);
/* Skip unless the device has a job that runs until told, as block_running() needs. To be called
 * before anything is opened: a check that is skipped exits, and not every kernel driver bears
 * that with a context open. */
void need_gate(void);
void unblock(struct blocker *b);
/* Unblock, wait for the end and release. */
void blocker_end(struct blocker *b);
/* Only release; the blocker has ended. */
void blocker_drop(struct blocker *b);

/* ---- threads and processes ---------------------------------------------------------- */

/* Run @fn(arg, 0 .. count - 1) on that many threads at once, and wait for them. They
 * tell mismatches with good(). */
void run_threads(unsigned int count, void (*fn)(void *arg, unsigned int index), void *arg);

/* Run @fn(@arg) on a thread a little later. What is checked must not depend on how much. */
struct later {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
};
void later_start(struct later *l, void (*fn)(void *arg), void *arg);
void later_join(struct later *l);
void unblock_later(void *blocker);

/* Run @fn(@arg) in a forked child, which then ends. Fails the check if the child ended in
 * another way, or noted a mismatch. */
void in_child(void (*fn)(void *arg), void *arg);
void end_child(void) __attribute__((noreturn));
bool child_ended_well(int status);
/* Execute this program as helper @name. @out_fd becomes its standard output, @in_fd its
 * standard input; -1: none. */
pid_t start_helper(const char *name, const char *arg, int in_fd, int out_fd);
/* The exit status, or 256 + the signal. */
int wait_child(pid_t pid);
int run_helper(int argc, char **argv);

unsigned int count_fds(void);
unsigned int count_threads(void);
unsigned int count_mappings(void);

bool fd_is_ready(int fd);
bool fd_is_cloexec(int fd);

#endif
