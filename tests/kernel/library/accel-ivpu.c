/* SPDX-License-Identifier: MIT */
/*
 * What libaccel promises on top of the driver ivpu, on the driver itself, whichever way it lets
 * jobs be scheduled:
 *
 *	accel-ivpu lists|calls|statuses|faults|hangs|cancel|fences|priority|room|limits|
 *		   doorbells|params|metrics|memory|sleep|suspend|removal|leave|share...
 */
#include <accel/ivpu.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"
#include "sys.h"
#include "through.h"

#define ABORTED      256
#define OLD_USER     0xa0000000u /* NPU 37xx */
#define OLD_SHAVE    0x180000000ull
#define OLD_DMA      0x200000000ull
#define LINE         64
#define WAIT_MS      200000
#define CONTEXT_JOBS 256
#define RING         62

/* ---- lists ------------------------------------------------------------------------------- */

static struct accel_ivpu_list *new_list(struct rig *rig)
{
	struct accel_ivpu_list *list;

	gives(accel_ivpu_list_create(rig->context, &list), 0);
	return list;
}

/* A job of the list, which ends here, on @queue; and its commands, for who asks. */
static struct accel_job *job_of(struct accel_queue *queue, struct accel_ivpu_list *list,
				unsigned char **commands)
{
	struct accel_job_params params = {.size = sizeof(params)};
	struct accel_job *job;
	void *map;

	gives(accel_ivpu_list_finish(list, &params), 0);
	gives(accel_job_create(queue, &params, &job), 0);
	if (commands) {
		gives(accel_bo_map(params.commands, &map), 0);
		*commands = map;
	}
	accel_bo_unref(params.commands);
	accel_ivpu_list_unref(list);
	return job;
}

static void add_fault(struct rig *rig, struct accel_ivpu_list *list, enum rig_fault_kind kind,
		      unsigned int value)
{
	gives(accel_ivpu_list_inference(list, rig->src, 0, 1,
					(uint64_t)RIG_IVPU_FAULT << 48 | (uint64_t)kind << 32 |
						value),
	      0);
}

/* Has a fault once the CPU has written 1 to the first word of dst. */
static struct accel_job *fault_job(struct rig *rig, enum rig_fault_kind kind, unsigned int value)
{
	struct accel_ivpu_list *list = new_list(rig);

	gives(accel_ivpu_list_fence_wait(list, rig->dst, 0, 1), 0);
	add_fault(rig, list, kind, value);
	return job_of(rig->queue, list, NULL);
}

/* Waits until the CPU writes 1 to the word at @offset of dst. */
static struct accel_job *waiting_job(struct rig *rig, struct accel_queue *queue, uint64_t offset)
{
	struct accel_ivpu_list *list = new_list(rig);

	gives(accel_ivpu_list_fence_wait(list, rig->dst, offset, 1), 0);
	return job_of(queue, list, NULL);
}

static void write_word(struct rig *rig, uint64_t offset, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)(rig->to + offset), value, __ATOMIC_SEQ_CST);
}

static uint64_t read_word(struct rig *rig, uint64_t offset)
{
	return __atomic_load_n((uint64_t *)(void *)(rig->to + offset), __ATOMIC_SEQ_CST);
}

static struct accel_fence *submit(struct accel_queue *queue, struct accel_job *job)
{
	struct accel_fence *fence;

	gives(accel_submit(queue, &job, 1, NULL, &fence), 1);
	return fence;
}

/* Wait for it and drop it; what it ended with. */
static int end_of(struct accel_fence *fence)
{
	const int ret = accel_fence_wait(fence, soon(WAIT_MS));

	accel_fence_unref(fence);
	return ret;
}

static void expect_result(struct accel_job *job, uint32_t outcome, uint64_t code)
{
	struct accel_job_result result = {.size = sizeof(result)};

	gives(accel_job_get_result(job, &result), 0);
	gives(result.outcome, outcome);
	gives((long long)result.driver_code, (long long)code);
}

static bool has_queues(struct rig *rig)
{
	uint64_t has;

	gives(accel_ivpu_get_param(rig->context, ACCEL_IVPU_PARAM_CAPABILITIES,
				   ACCEL_IVPU_CAP_MANAGE_CMDQ, &has),
	      0);
	return has;
}

/* ---- what the rig tells ----------------------------------------------------------------------- */

static void read_text(const char *pattern, char *text, size_t bytes)
{
	ssize_t got;
	glob_t found;
	int fd;

	gives(glob(pattern, 0, NULL, &found), 0);
	fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	check(fd >= 0);
	got = read(fd, text, bytes - 1);
	check(got >= 0);
	text[got] = '\0';
	close(fd);
	globfree(&found);
}

static unsigned int counter(const char *name)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/sys/kernel/debug/rig/ivpu/%s", name);
	read_text(path, text, sizeof(text));
	return (unsigned int)strtoul(text, NULL, 10);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	gives(write(fd, text, strlen(text)), (long)strlen(text));
	close(fd);
}

/* ---- lists: what is taken when a job is made, the firmware takes ------------------------------ */

#define HEAP 2048 /* in the command buffer: descriptors, behind them the save area */
#define SAVE 3840

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Mostly what is right. */
static uint64_t any_address(const uint64_t *addresses, uint32_t multiple)
{
	const uint64_t at = addresses[any(3)] + any(PAGE / multiple) * multiple;

	return any(30) ? at : at + any(100000) - 50000;
}

static uint64_t any_bytes(void)
{
	return any(30) ? 1 + any(PAGE / 4) : any(3 * PAGE);
}

static void set(unsigned char *at, uint64_t value, size_t bytes)
{
	memcpy(at, &value, bytes);
}

static uint32_t any_command(unsigned char *at, unsigned char *heap, const uint64_t *addresses)
{
	static const struct {
		uint16_t type, bytes;
	} commands[] = {{0x0001, 8}, {0x0100, 16}, {0x0101, 24}, {0x0102, 24},
			{0x0103, 8}, {0x0202, 32}, {0x0302, 24}, {0x0203, 16}};
	const uint32_t kind = any(15) % 7 + !any(60);
	const uint32_t count = 1 + any(3), slot = any(20);
	const uint32_t bytes = commands[kind].bytes + (any(60) ? 0 : any(5) * 4);
	uint32_t i;

	memset(at, 0, 64);
	set(at, commands[kind].type | (uint64_t)bytes << 16, 4);
	set(at + 8, any_address(addresses, LINE), 8);
	if (commands[kind].type == 0x0202) {
		set(at + 16, any_bytes(), 8);
		set(at + 24, seed, 4);
	} else if (commands[kind].type == 0x0102) {
		set(at + 16, seed, 8);
	} else if (commands[kind].type == 0x0302) {
		set(at + 8, slot * 64 + (any(60) ? 0 : 8), 8);
		set(at + 16, count, 4);
		for (i = 0; i < count; i++) {
			set(heap + (slot + i) * 64 + 16, any_address(addresses, 1), 8);
			set(heap + (slot + i) * 64 + 24, any_address(addresses, 1), 8);
			set(heap + (slot + i) * 64 + 32, any_bytes(), 4);
		}
	}
	return bytes;
}

/* A wait for the value 0 is over at once. */
static uint64_t any_list(unsigned char *map, uint64_t address, const uint64_t *addresses)
{
	uint32_t at = 48, i;

	memset(map, 0, PAGE);
	for (i = any(4) + 1; i; i--)
		at += any_command(map + at, map + HEAP, addresses);
	set(map, at, 4);
	set(map + 4, 48, 4);
	set(map + 16, address + HEAP, 8);
	set(map + 40, any(100) ? address + SAVE : any_address(addresses, LINE), 8);
	return any(100) ? at : any(at) + 1;
}

static void test_lists(const char *name)
{
	struct accel_bo_params make = {.size = sizeof(make), .bytes = PAGE};
	struct accel_job_params params = {.size = sizeof(params), .bo_count = 3};
	struct accel_error error = {.size = sizeof(error)};
	unsigned int taken = 0, refused = 0, round;
	struct accel_bo_ref bos[3] = {{.access = ACCEL_ACCESS_WRITE},
				      {.access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE},
				      {.access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE}};
	uint64_t addresses[3], address;
	struct accel_job *job;
	struct rig rig;
	void *map;
	int ret;

	rig_open(&rig, name, 0, 0);
	make.flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE;
	gives(accel_bo_create(rig.context, &make, &params.commands), 0);
	gives(accel_bo_map(params.commands, &map), 0);
	gives(accel_bo_address(params.commands, &address), 0);
	make.flags = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	gives(accel_bo_create(rig.context, &make, &bos[2].bo), 0);
	bos[0].bo = rig.dst;
	bos[1].bo = rig.src;
	for (round = 0; round < 3; round++)
		gives(accel_bo_address(bos[round].bo, &addresses[round]), 0);
	params.bos = bos;
	for (round = 0; round < 5000; round++) {
		params.bytes = any_list(map, address, addresses);
		ret = accel_job_create(rig.queue, &params, &job);
		if (ret) {
			check(ret == -EINVAL || ret == -ERANGE || ret == -EACCES);
			gives(accel_last_error(&error), 0);
			check(error.offset < PAGE && *error.text);
			refused++;
			continue;
		}
		gives(end_of(submit(rig.queue, job)), 0);
		expect_result(job, ACCEL_DONE, 0);
		accel_job_unref(job);
		taken++;
	}
	printf("%u of %u lists are taken, and run\n", taken, round);
	check(taken > 500 && refused > 500);
	gives(accel_context_state(rig.context), ACCEL_OK);
	accel_bo_unref(params.commands);
	accel_bo_unref(bos[2].bo);
	rig_works(&rig, 0x29);
	rig_close(&rig);
}

/* ---- calls: the kernel calls of a submission, a wait and a look ---------------------------------- */

static struct accel_sys real;
static struct {
	unsigned int ioctl, poll, other;
} calls;

static int count_ioctl(int fd, unsigned long request, void *arg)
{
	calls.ioctl++;
	return real.ioctl(fd, request, arg);
}

static int count_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	calls.poll++;
	return real.poll(fds, count, timeout_ns);
}

static int count_close(int fd)
{
	calls.other++;
	return real.close(fd);
}

static int count_dup(int fd)
{
	calls.other++;
	return real.dup(fd);
}

static int count_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	calls.other++;
	return real.futex_wait(word, value, deadline);
}

static int count_futex_wake(const uint32_t *word, int count)
{
	calls.other++;
	return real.futex_wake(word, count);
}

static void *count_alloc(size_t bytes)
{
	calls.other++;
	return real.alloc(bytes);
}

static void expect_calls(unsigned int ioctls, unsigned int polls)
{
	gives(calls.ioctl, ioctls);
	gives(calls.poll, polls);
	gives(calls.other, 0);
	memset(&calls, 0, sizeof(calls));
}

static void test_calls(const char *name)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct rig rig;
	int i;

	real = accel_core_sys;
	accel_core_sys.ioctl = count_ioctl;
	accel_core_sys.poll = count_poll;
	accel_core_sys.close = count_close;
	accel_core_sys.dup = count_dup;
	accel_core_sys.futex_wait = count_futex_wait;
	accel_core_sys.futex_wake = count_futex_wake;
	accel_core_sys.alloc = count_alloc;
	rig_open(&rig, name, 0, 0);
	job = rig_slow(&rig, 20000);
	gives(end_of(submit(rig.queue, job)), 0);
	for (i = 0; i < 3; i++) {
		memset(&calls, 0, sizeof(calls));
		fence = submit(rig.queue, job);
		expect_calls(1, 0);
		gives(accel_fence_status(fence), -EINPROGRESS);
		expect_calls(0, 1);
		gives(accel_fence_wait(fence, soon(WAIT_MS)), 0);
		expect_calls(1, 0);
		gives(accel_fence_status(fence), 0);
		gives(rig_outcome(job), ACCEL_DONE);
		expect_calls(0, 0);
		accel_fence_unref(fence);
	}
	/* Seen by looking alone: one more, for how it ended. */
	fence = submit(rig.queue, job);
	usleep(200000);
	memset(&calls, 0, sizeof(calls));
	gives(accel_fence_status(fence), 0);
	expect_calls(1, 1);
	accel_fence_unref(fence);
	accel_job_unref(job);
	rig_close(&rig);
}

/* ---- statuses: each that the firmware can give --------------------------------------------------- */

static bool needs_reset(unsigned int status)
{
	return status == 2 || (status >= 0xe && status <= 0x1f);
}

static void one_status(const char *name, unsigned int status, struct rig *other)
{
	struct accel_job *bad, *behind, *theirs;
	struct accel_fence *fence, *their_fence;
	struct accel_job *both[2];
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	bad = fault_job(&rig, RIG_FAULT_STATUS, status);
	behind = rig_job(&rig, PAGE, NULL, 0);
	theirs = rig_slow(other, 1000);
	both[0] = bad;
	both[1] = behind;
	write_word(&rig, 0, 0);
	gives(accel_submit(rig.queue, both, 2, NULL, &fence), 2);
	their_fence = submit(other->queue, theirs);
	write_word(&rig, 0, 1);
	gives(end_of(fence), -EIO);
	expect_result(bad, ACCEL_FAILED, status);
	if (needs_reset(status)) {
		/* The context is taken down, and what was behind with it. */
		expect_result(behind, ACCEL_LOST, ABORTED);
		gives(accel_context_state(rig.context), ACCEL_CONTEXT_LOST);
		gives(accel_submit(rig.queue, &behind, 1, NULL, NULL), -ESTALE);
	} else {
		expect_result(behind, ACCEL_DONE, 0);
		gives(accel_context_state(rig.context), ACCEL_OK);
		rig_works(&rig, (unsigned char)status);
	}
	gives(end_of(their_fence), 0);
	gives(accel_context_state(other->context), ACCEL_OK);
	accel_job_unref(bad);
	accel_job_unref(behind);
	accel_job_unref(theirs);
	rig_close(&rig);
}

static void test_statuses(const char *name)
{
	const unsigned int statuses[] = {0x1,  0x3,  0x4, 0x9, 0xb,  0xd,
					 0x20, 0xff, 0x2, 0xe, 0x11, 0x1f};
	struct rig other;
	unsigned int i;

	rig_open(&other, name, 0, 0);
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		one_status(name, statuses[i], &other);
	rig_works(&other, 0x44);
	rig_close(&other);
}

/* ---- faults: memory that isn't there, or not for writing ------------------------------------------ */

enum fault {
	UNMAPPED,  /* by the model */
	PATCHED,   /* an address that was changed after the check */
	READ_ONLY, /* as above, to a buffer that the NPU must not write */
	UNKNOWN    /* a command changed to none; no fault but an error */
};

static struct accel_job *faulting_job(struct rig *rig, enum fault fault, struct accel_bo *constant)
{
	struct accel_ivpu_list *list;
	unsigned char *commands;
	struct accel_job *job;
	uint64_t address = 0x1000;

	list = new_list(rig);
	if (fault == UNMAPPED) {
		add_fault(rig, list, RIG_FAULT_MMU, 0);
		return job_of(rig->queue, list, NULL);
	}
	gives(accel_ivpu_list_fill(list, rig->dst, 0, PAGE, 0), 0);
	gives(accel_ivpu_list_use(list, constant, ACCEL_ACCESS_READ), 0);
	job = job_of(rig->queue, list, &commands);
	if (fault == READ_ONLY)
		gives(accel_bo_address(constant, &address), 0);
	if (fault == UNKNOWN)
		commands[48] = 0x77;
	else
		memcpy(commands + 48 + 8, &address, sizeof(address));
	return job;
}

static void one_fault(const char *name, enum fault fault, struct rig *other)
{
	struct accel_bo_params params = {.size = sizeof(params),
					 .bytes = PAGE,
					 .flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ};
	struct accel_bo *constant;
	struct accel_job *job, *theirs;
	struct accel_fence *their_fence;
	unsigned int i;
	struct rig rig;
	void *map;

	rig_open(&rig, name, 0, 0);
	gives(accel_bo_create(rig.context, &params, &constant), 0);
	gives(accel_bo_map(constant, &map), 0);
	rig_works(&rig, 0x12);
	job = faulting_job(&rig, fault, constant);
	theirs = rig_slow(other, 1000);
	their_fence = submit(other->queue, theirs);
	gives(end_of(submit(rig.queue, job)), fault == UNKNOWN ? -EIO : -ESTALE);
	gives(end_of(their_fence), 0);
	if (fault == UNKNOWN) {
		expect_result(job, ACCEL_FAILED, 1);
		rig_works(&rig, 0x13);
	} else {
		expect_result(job, ACCEL_LOST, ABORTED);
		gives(accel_context_state(rig.context), ACCEL_CONTEXT_LOST);
		gives(accel_submit(rig.queue, &job, 1, NULL, NULL), -ESTALE);
		gives(accel_bo_create(rig.context, &params, &constant), -ESTALE);
	}
	for (i = 0; i < PAGE; i++)
		gives(((unsigned char *)map)[i], 0);
	gives(accel_context_state(other->context), ACCEL_OK);
	accel_bo_unref(constant);
	accel_job_unref(job);
	accel_job_unref(theirs);
	rig_close(&rig);
	/* The next context has nothing of it. */
	rig_open(&rig, name, 0, 0);
	rig_works(&rig, 0x14);
	rig_close(&rig);
}

static void test_faults(const char *name)
{
	enum fault fault;
	struct rig other;

	rig_open(&other, name, 0, 0);
	for (fault = UNMAPPED; fault <= UNKNOWN; fault++)
		one_fault(name, fault, &other);
	rig_works(&other, 0x15);
	rig_close(&other);
}

/* ---- hangs: the watchdog --------------------------------------------------------------------------- */

static void one_hang(const char *name, enum rig_fault_kind kind, unsigned int value)
{
	struct accel_job *bad, *behind, *theirs;
	struct accel_fence *fence, *their_fence;
	struct accel_job *both[2];
	struct rig rig, other;
	bool queues;

	rig_open(&rig, name, 0, 0);
	rig_open(&other, name, 0, 0);
	queues = has_queues(&rig);
	bad = fault_job(&rig, kind, value);
	behind = rig_job(&rig, PAGE, NULL, 0);
	theirs = rig_slow(&other, 0);
	both[0] = bad;
	both[1] = behind;
	write_word(&rig, 0, 0);
	gives(accel_submit(rig.queue, both, 2, NULL, &fence), 2);
	write_word(&rig, 0, 1);
	usleep(10000); /* until the engine has looked: exact where time travels */
	their_fence = submit(other.queue, theirs);
	if (queues) {
		/* The engine alone is reset, and the guilty context taken down. */
		gives(end_of(fence), -ESTALE);
		expect_result(bad, ACCEL_LOST, ABORTED);
		expect_result(behind, ACCEL_LOST, ABORTED);
		gives(accel_context_state(rig.context), ACCEL_CONTEXT_LOST);
		gives(end_of(their_fence), 0);
		gives(accel_submit(rig.queue, &bad, 1, NULL, NULL), -ESTALE);
	} else {
		/* The device starts anew: its jobs fail, whosever they are, and contexts live on. */
		gives(end_of(fence), -EIO);
		expect_result(bad, ACCEL_FAILED, ABORTED);
		expect_result(behind, ACCEL_FAILED, ABORTED);
		gives(end_of(their_fence), -EIO);
		expect_result(theirs, ACCEL_FAILED, ABORTED);
		gives(accel_context_state(rig.context), ACCEL_OK);
		rig_works(&rig, 0x51);
	}
	gives(accel_context_state(other.context), ACCEL_OK);
	rig_works(&other, 0x52);
	accel_job_unref(bad);
	accel_job_unref(behind);
	accel_job_unref(theirs);
	rig_close(&rig);
	rig_close(&other);
}

/* How far the reset goes is the driver's and the firmware's matter; what it took is told, and the
 * device is of use again. */
static void one_reset(const char *name, enum rig_fault_kind kind, unsigned int value)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_job *bad;
	struct rig rig;
	int error;

	rig_open(&rig, name, 0, 0);
	bad = fault_job(&rig, kind, value);
	write_word(&rig, 0, 1);
	error = end_of(submit(rig.queue, bad));
	gives(accel_job_get_result(bad, &result), 0);
	gives(result.error, error);
	gives((long long)result.driver_code, ABORTED);
	gives(result.outcome, accel_context_state(rig.context) ? ACCEL_LOST : ACCEL_FAILED);
	if (accel_context_state(rig.context))
		gives(accel_context_state(rig.context), ACCEL_CONTEXT_LOST);
	else
		rig_works(&rig, 0x61);
	printf("kind %d: outcome %u\n", kind, result.outcome);
	accel_job_unref(bad);
	rig_close(&rig);
	rig_open(&rig, name, 0, 0);
	rig_works(&rig, 0x62);
	rig_close(&rig);
}

static void test_hangs(const char *name)
{
	int i;

	for (i = 0; i < 3; i++)
		one_hang(name, RIG_FAULT_HANG, 0);
	for (i = 0; i < 2; i++) {
		one_reset(name, RIG_FAULT_HANG, 0);
		one_reset(name, RIG_FAULT_HEART, 10000000);
		one_reset(name, RIG_FAULT_CRASH, 0);
		one_reset(name, RIG_FAULT_LOST, 0);
		one_reset(name, RIG_FAULT_BUS, 0);
	}
}

/* ---- cancel ------------------------------------------------------------------------------------------- */

static void test_cancel(const char *name)
{
	/* In the kernel, queues of one priority may be one. */
	const struct accel_queue_params params = {.size = sizeof(params), .priority = 1};
	struct accel_fence *fence[3], *other_fence;
	struct accel_job *jobs[3], *other_job;
	struct accel_queue *other;
	unsigned int queues, i;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	gives(accel_queue_create(rig.context, &params, 0, &other), 0);
	jobs[0] = rig_job(&rig, PAGE, NULL, 0);
	jobs[1] = waiting_job(&rig, rig.queue, LINE);
	jobs[2] = rig_job(&rig, PAGE, NULL, 0);
	other_job = waiting_job(&rig, other, 2 * LINE);
	write_word(&rig, LINE, 0);
	write_word(&rig, 2 * LINE, 0);
	memset(rig.from, 0, PAGE); /* the copy leaves the words as they are */
	other_fence = submit(other, other_job);
	for (i = 0; i < 3; i++)
		fence[i] = submit(rig.queue, jobs[i]);
	gives(accel_fence_wait(fence[0], soon(WAIT_MS)), 0);
	queues = counter("queues");
	if (has_queues(&rig)) {
		gives(accel_queue_cancel(rig.queue, soon(WAIT_MS)), 0);
		gives(counter("queues"), queues - 1);
		expect_result(jobs[1], ACCEL_CANCELED, ABORTED);
		expect_result(jobs[2], ACCEL_CANCELED, ABORTED);
		gives(accel_fence_status(fence[1]), -ECANCELED);
	} else {
		/* What is with the device runs to its end. */
		gives(accel_queue_cancel(rig.queue, soon(20)), -ETIME);
		write_word(&rig, LINE, 1);
		gives(accel_fence_wait(fence[2], soon(WAIT_MS)), 0);
		expect_result(jobs[1], ACCEL_DONE, 0);
	}
	expect_result(jobs[0], ACCEL_DONE, 0);
	/* The other queue has nothing of it. */
	gives(accel_fence_status(other_fence), -EINPROGRESS);
	write_word(&rig, 2 * LINE, 1);
	gives(end_of(other_fence), 0);
	for (i = 0; i < 3; i++)
		gives(end_of(submit(rig.queue, jobs[i == 1 ? 2 : i])), 0);
	gives(accel_context_state(rig.context), ACCEL_OK);
	for (i = 0; i < 3; i++) {
		accel_fence_unref(fence[i]);
		accel_job_unref(jobs[i]);
	}
	accel_job_unref(other_job);
	queues = counter("queues");
	accel_queue_unref(other);
	if (has_queues(&rig))
		gives(counter("queues"), queues - 1);
	rig_close(&rig);
	for (i = 0; i < 100 && counter("queues"); i++)
		usleep(10000);
	gives(counter("queues"), 0);
	gives(counter("doorbells"), 0);
}

/* ---- fences: one queue waits for another, or for the CPU ------------------------------------------------ */

static void test_fences(const char *name)
{
	struct accel_queue_params params = {.size = sizeof(params), .priority = 1};
	struct accel_fence *waiting, *signalling;
	struct accel_job *wait, *signal;
	struct accel_ivpu_list *list;
	struct accel_queue *other;
	struct rig rig;
	int i;

	rig_open(&rig, name, 0, 0);
	/* In the kernel, queues of one priority may be one. */
	gives(accel_queue_create(rig.context, &params, 0, &other), 0);
	wait = waiting_job(&rig, rig.queue, 0);
	list = new_list(&rig);
	gives(accel_ivpu_list_fill(list, rig.dst, 128, 64, 0x5a5a5a5a), 0);
	gives(accel_ivpu_list_barrier(list), 0);
	gives(accel_ivpu_list_timestamp(list, ACCEL_IVPU_TIME_RAW, rig.dst, 256), 0);
	gives(accel_ivpu_list_fence_signal(list, rig.dst, 0, 1), 0);
	signal = job_of(other, list, NULL);
	for (i = 0; i < 5; i++) {
		memset(rig.to, 0, PAGE);
		waiting = submit(rig.queue, wait);
		usleep(3000);
		gives(accel_fence_status(waiting), -EINPROGRESS);
		signalling = submit(other, signal);
		gives(end_of(signalling), 0);
		gives(end_of(waiting), 0);
		gives((long long)read_word(&rig, 128), 0x5a5a5a5a5a5a5a5a);
		check(read_word(&rig, 256) != 0);
		/* By the CPU. */
		memset(rig.to, 0, PAGE);
		waiting = submit(rig.queue, wait);
		usleep(3000);
		gives(accel_fence_status(waiting), -EINPROGRESS);
		write_word(&rig, 0, 1);
		gives(end_of(waiting), 0);
	}
	accel_job_unref(wait);
	accel_job_unref(signal);
	accel_queue_unref(other);
	rig_close(&rig);
}

/* ---- priority: by the times that jobs write ------------------------------------------------------------- */

/* Of the times that the jobs below have written. To src, which the slow one only reads: it may run
 * between them. */
static bool ran_by_priority(struct rig *rig)
{
	static const unsigned int order[] = {1, 3, 2, 0};
	uint64_t times[4];
	bool right = true;
	unsigned int i;

	for (i = 0; i < 4; i++)
		memcpy(&times[i], rig->from + order[i] * LINE, sizeof(times[i]));
	for (i = 0; i < 3; i++)
		right &= times[i] < times[i + 1];
	return right;
}

static void test_priority(const char *name)
{
	static const int priorities[] = {-1, 2, 0, 1};
	struct accel_queue_params params = {.size = sizeof(params)};
	struct accel_queue *queues[4];
	struct accel_fence *fences[4], *first;
	struct accel_job *jobs[4], *slow;
	struct accel_ivpu_list *list;
	unsigned int rounds = 0, i;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	slow = rig_slow(&rig, 100000);
	for (i = 0; i < 4; i++) {
		params.priority = priorities[i];
		gives(accel_queue_create(rig.context, &params, 0, &queues[i]), 0);
		list = new_list(&rig);
		gives(accel_ivpu_list_timestamp(list, ACCEL_IVPU_TIME_RAW, rig.src, i * LINE), 0);
		jobs[i] = job_of(queues[i], list, NULL);
		gives(end_of(submit(queues[i], jobs[i])), 0); /* so that the queue is known */
	}
	/* Once more if the slow one was over before they all were there. */
	do {
		first = submit(rig.queue, slow);
		for (i = 0; i < 4; i++)
			fences[i] = submit(queues[i], jobs[i]);
		gives(end_of(first), 0);
		for (i = 0; i < 4; i++)
			gives(end_of(fences[i]), 0);
		check(++rounds < 50);
	} while (has_queues(&rig) && !ran_by_priority(&rig));
	for (i = 0; i < 4; i++) {
		accel_job_unref(jobs[i]);
		accel_queue_unref(queues[i]);
	}
	accel_job_unref(slow);
	rig_close(&rig);
}

/* ---- room: of queues and of the context -------------------------------------------------------------------- */

enum {
	QUEUES = 5
};

/* Fill what there is: the last job is refused, and goes when one has ended. */
static void test_room(const char *name)
{
	const int priorities[QUEUES] = {0, -1, 1, 2, 0};
	struct accel_queue_params params = {.size = sizeof(params)};
	struct accel_queue *queues[QUEUES];
	struct accel_job **jobs, *first[QUEUES];
	unsigned int accepted[QUEUES] = {0}, total = 0, made = 0, i, j;
	struct accel_fence *room;
	struct rig rig;
	int ret;

	rig_open(&rig, name, 0, 0);
	jobs = calloc(QUEUES * RING, sizeof(*jobs));
	check(jobs != NULL);
	write_word(&rig, 0, 0);
	for (i = 0; i < QUEUES; i++) {
		params.priority = priorities[i];
		gives(accel_queue_create(rig.context, &params, 0, &queues[i]), 0);
		first[i] = waiting_job(&rig, queues[i], 0);
	}
	for (i = 0; i < QUEUES; i++) {
		ret = accel_submit(queues[i], &first[i], 1, NULL, NULL);
		for (j = 1; ret == 1 && j < RING; j++) {
			accepted[i]++;
			jobs[made] = waiting_job(&rig, queues[i], 0);
			ret = accel_submit(queues[i], &jobs[made++], 1, NULL, NULL);
		}
		accepted[i] += ret == 1;
		check(ret == 1 || ret == -EAGAIN);
		total += accepted[i];
	}
	printf("%u jobs at once: %u %u %u %u %u\n", total, accepted[0], accepted[1], accepted[2],
	       accepted[3], accepted[4]);
	gives(accepted[0], RING);
	if (has_queues(&rig))
		gives(total, CONTEXT_JOBS);
	/* The last queue was the one refused: it has to wait for others. */
	check(accepted[QUEUES - 1] < RING);
	gives(accel_queue_get_room(queues[QUEUES - 1], &room), 0);
	gives(accel_fence_status(room), -EINPROGRESS);
	write_word(&rig, 0, 1);
	gives(end_of(room), 0);
	for (i = 0; i < QUEUES; i++)
		gives(accel_queue_cancel(queues[i], soon(WAIT_MS)), 0);
	for (i = 0; i < QUEUES; i++)
		accel_job_unref(first[i]);
	for (i = 0; i < made; i++)
		accel_job_unref(jobs[i]);
	for (i = 0; i < QUEUES; i++)
		accel_queue_unref(queues[i]);
	free(jobs);
	rig_works(&rig, 0x31);
	rig_close(&rig);
}

/* ---- limits: of contexts and doorbells, which are the user's ------------------------------------------------- */

static void become_nobody(const char *name)
{
	struct rig rig;
	char path[64];

	/* The provider may lie where nobody can't read. */
	rig_open(&rig, name, 0, 0);
	rig_close(&rig);
	snprintf(path, sizeof(path), "/dev/accel/%s", name);
	check(!chmod(path, 0666));
	check(!setresuid(65534, 65534, 65534));
}

static void limit_of(const char *name, bool nobody)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_context *contexts[256];
	struct accel_device *device;
	unsigned int count = 0, i;
	uint64_t limit;
	int ret;

	if (nobody)
		become_nobody(name);
	gives(accel_device_find(name, &device), 0);
	gives(accel_open(device, NULL, 0, &contexts[0]), 0);
	gives(accel_ivpu_get_param(contexts[0], ACCEL_IVPU_PARAM_NUM_CONTEXTS, 0, &limit), 0);
	check(limit > 1 && limit < 256);
	do {
		count++;
		ret = accel_open(device, NULL, 0, &contexts[count]);
	} while (!ret);
	gives(ret, -EMFILE);
	gives(accel_last_error(&error), 0);
	check(strstr(error.text, "limit of contexts for this user") != NULL);
	gives(count, (long)limit);
	printf("%u contexts\n", count);
	accel_context_unref(contexts[0]);
	gives(accel_open(device, NULL, soon(5000), &contexts[0]), 0);
	for (i = 0; i < count; i++)
		accel_context_unref(contexts[i]);
	accel_device_unref(device);
}

/* A queue takes a doorbell with its first job. */
static void doorbells_of_nobody(const char *name)
{
	struct accel_queue *queues[256];
	struct accel_job *jobs[256];
	struct accel_fence *room, *fence;
	unsigned int made = 0, i;
	struct accel_ivpu_list *list;
	struct rig rig;
	int ret = 1;

	become_nobody(name);
	rig_open(&rig, name, 0, 0);
	for (i = 0; i < 250 && ret == 1; i++) {
		gives(accel_queue_create(rig.context, NULL, 0, &queues[i]), 0);
		list = new_list(&rig);
		gives(accel_ivpu_list_nop(list), 0);
		jobs[i] = job_of(queues[i], list, NULL);
		made++;
		ret = accel_submit(queues[i], &jobs[i], 1, NULL, &fence);
		if (ret == 1)
			gives(end_of(fence), 0);
	}
	printf("%u queues with a doorbell\n", made - 1);
	if (has_queues(&rig)) {
		gives(ret, -EAGAIN);
		gives(accel_queue_get_room(queues[made - 1], &room), -ENOENT);
	} else {
		gives(ret, 1); /* they are one in the kernel */
	}
	for (i = 0; i < made; i++) {
		accel_job_unref(jobs[i]);
		accel_queue_unref(queues[i]);
	}
	rig_works(&rig, 0x66);
	rig_close(&rig);
}

/* In a process of its own; how it ended. */
static int in_child(const char *test)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		execl("/proc/self/exe", "accel-ivpu", test, (char *)NULL);
		_Exit(1);
	}
	check(waitpid(pid, &status, 0) == pid);
	return status;
}

static void limit_of_root(const char *name)
{
	limit_of(name, false);
}

static void limit_of_nobody(const char *name)
{
	limit_of(name, true);
}

static void test_limits(const char *name)
{
	(void)name;
	gives(in_child("limit-of-root"), 0);
	gives(in_child("limit-of-nobody"), 0);
}

static void test_doorbells(const char *name)
{
	(void)name;
	gives(in_child("doorbells-of-nobody"), 0);
}

/* ---- params, metrics ------------------------------------------------------------------------------------------ */

static uint64_t param(struct rig *rig, uint32_t which, uint32_t index)
{
	uint64_t value;

	gives(accel_ivpu_get_param(rig->context, which, index, &value), 0);
	return value;
}

static void test_params(const char *name)
{
	uint64_t value, beat;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	gives((long long)param(&rig, ACCEL_IVPU_PARAM_DEVICE_ID, 0), 0x7d1d);
	gives((long long)param(&rig, ACCEL_IVPU_PARAM_PLATFORM_TYPE, 0), 0);
	check(param(&rig, ACCEL_IVPU_PARAM_CORE_CLOCK_RATE, 0) > 1000000);
	gives((long long)param(&rig, ACCEL_IVPU_PARAM_CONTEXT_BASE_ADDRESS, 0), OLD_USER);
	check(param(&rig, ACCEL_IVPU_PARAM_CONTEXT_ID, 0) > 0);
	check(param(&rig, ACCEL_IVPU_PARAM_FW_API_VERSION, 4) > 0xffff);
	value = param(&rig, ACCEL_IVPU_PARAM_UNIQUE_INFERENCE_ID, 0);
	check(param(&rig, ACCEL_IVPU_PARAM_UNIQUE_INFERENCE_ID, 0) > value);
	beat = param(&rig, ACCEL_IVPU_PARAM_ENGINE_HEARTBEAT, 0);
	rig_works(&rig, 1);
	check(param(&rig, ACCEL_IVPU_PARAM_ENGINE_HEARTBEAT, 0) >= beat);
	param(&rig, ACCEL_IVPU_PARAM_TILE_CONFIG, 0);
	param(&rig, ACCEL_IVPU_PARAM_SKU, 0);
	param(&rig, ACCEL_IVPU_PARAM_PREEMPT_BUFFER_SIZE, 0);
	gives((long long)param(&rig, ACCEL_IVPU_PARAM_CAPABILITIES, 99), 0);
	gives(accel_ivpu_get_param(rig.context, 6, 0, &value), -EOPNOTSUPP);
	gives(accel_ivpu_get_param(rig.context, 999, 0, &value), -EOPNOTSUPP);
	gives(accel_ivpu_get_param(rig.context, ACCEL_IVPU_PARAM_FW_API_VERSION, 999, &value),
	      -EOPNOTSUPP);
	rig_close(&rig);
}

/* A sample of the model. */
struct sample {
	uint64_t jobs, commands, read, written;
};

static void test_metrics(const char *name)
{
	struct accel_ivpu_metrics_params start = {
		.size = sizeof(start), .samples = 64, .groups = 1, .period_ns = 1000000};
	struct accel_ivpu_metrics_info info = {.size = sizeof(info)};
	struct accel_ivpu_metrics *metrics, *other;
	unsigned char text[4096];
	uint64_t got, there;
	struct rig rig;
	int i;

	rig_open(&rig, name, 0, 0);
	gives(accel_ivpu_metrics_describe(rig.context, 1, NULL, 0, &got), 0);
	check(got > 0 && got <= sizeof(text));
	gives(accel_ivpu_metrics_describe(rig.context, 1, text, sizeof(text), &there), 0);
	gives((long long)there, (long)got);
	gives(accel_ivpu_metrics_describe(rig.context, 1, text, 1, &there), -ENOSPC);
	gives(accel_ivpu_metrics_start(rig.context, &start, &metrics), 0);
	gives(accel_ivpu_metrics_start(rig.context, &start, &other), -EALREADY);
	gives(accel_ivpu_metrics_get_info(metrics, &info), 0);
	check(info.sample_bytes > 0 && info.bytes_max >= 64 * info.sample_bytes);
	for (i = 0; i < 3; i++)
		rig_works(&rig, (unsigned char)i);
	usleep(20000);
	gives(accel_ivpu_metrics_read(metrics, NULL, 0, &there), 0);
	check(there >= 3 * info.sample_bytes);
	gives(accel_ivpu_metrics_read(metrics, text, info.sample_bytes, &got), 0);
	gives((long long)got, info.sample_bytes);
	gives(accel_ivpu_metrics_read(metrics, text, sizeof(text), &got), 0);
	check(got >= 2 * info.sample_bytes && got % info.sample_bytes == 0);
	accel_ivpu_metrics_unref(metrics);
	/* The same again, now that it has ended. */
	gives(accel_ivpu_metrics_start(rig.context, &start, &metrics), 0);
	accel_ivpu_metrics_unref(metrics);
	start.groups = UINT64_C(1) << 63;
	gives(accel_ivpu_metrics_start(rig.context, &start, &metrics), -EIO);
	rig_close(&rig);
}

/* ---- memory: ranges, the caller's -------------------------------------------------------------------------------- */

static void one_range(struct rig *rig, uint32_t range, uint64_t low, uint64_t high)
{
	const struct accel_ivpu_bo ext = {.head = {sizeof(ext), ACCEL_IVPU_BO}, .range = range};
	struct accel_bo_params params = {
		.size = sizeof(params), .bytes = 3 * PAGE, .ext = &ext.head};
	struct accel_ivpu_list *list = new_list(rig);
	struct accel_job *job;
	struct accel_bo *bo;
	uint64_t address;
	unsigned int i;
	void *map;

	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	gives(accel_bo_create(rig->context, &params, &bo), 0);
	gives(accel_bo_address(bo, &address), 0);
	check(address >= low && address < high);
	gives(accel_bo_map(bo, &map), 0);
	gives(accel_ivpu_list_fill(list, bo, PAGE, PAGE + 100, 0x77777777), 0);
	job = job_of(rig->queue, list, NULL);
	gives(end_of(submit(rig->queue, job)), 0);
	for (i = 0; i < 3 * PAGE; i++)
		gives(((unsigned char *)map)[i], i >= PAGE && i < 2 * PAGE + 100 ? 0x77 : 0);
	accel_job_unref(job);
	accel_bo_unref(bo);
}

static void user_memory(struct rig *rig)
{
	struct accel_bo_params params = {.size = sizeof(params), .bytes = 4 * PAGE};
	unsigned char *memory =
		mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_ivpu_list *list = new_list(rig);
	struct accel_bo *bo, *constant;
	struct accel_job *job;
	unsigned int i;

	check(memory != MAP_FAILED);
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
		       ACCEL_BO_DEVICE_WRITE;
	params.user = memory + 1;
	gives(accel_bo_create(rig->context, &params, &bo), -EINVAL);
	params.user = memory;
	params.bytes = PAGE + 1;
	gives(accel_bo_create(rig->context, &params, &bo), -EINVAL);
	params.bytes = 6 * PAGE; /* beyond what is mapped, most likely */
	munmap(memory + 4 * PAGE, PAGE);
	gives(accel_bo_create(rig->context, &params, &bo), -EFAULT);
	params.bytes = 4 * PAGE;
	gives(accel_bo_create(rig->context, &params, &bo), 0);
	memset(memory, 0x11, PAGE);
	gives(accel_ivpu_list_copy(list, bo, PAGE + 7, bo, 3, 1000), 0);
	gives(accel_ivpu_list_fill(list, bo, 3 * PAGE, PAGE, 0x22222222), 0);
	job = job_of(rig->queue, list, NULL);
	gives(end_of(submit(rig->queue, job)), 0);
	for (i = 0; i < 1000; i++)
		gives(memory[PAGE + 7 + i], 0x11);
	gives(memory[PAGE + 6], 0);
	gives(memory[PAGE + 1007], 0);
	for (i = 3 * PAGE; i < 4 * PAGE; i++)
		gives(memory[i], 0x22);
	accel_job_unref(job);
	accel_bo_unref(bo);
	/* Read-only memory, for the device to read only. */
	check(!mprotect(memory, 4 * PAGE, PROT_READ));
	gives(accel_bo_create(rig->context, &params, &bo), -EFAULT);
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ;
	gives(accel_bo_create(rig->context, &params, &constant), 0);
	list = new_list(rig);
	gives(accel_ivpu_list_copy(list, rig->dst, 0, constant, 3 * PAGE, PAGE), 0);
	gives(accel_ivpu_list_fill(list, constant, 0, PAGE, 0), -EACCES);
	job = job_of(rig->queue, list, NULL);
	gives(end_of(submit(rig->queue, job)), 0);
	for (i = 0; i < PAGE; i++)
		gives(rig->to[i], 0x22);
	accel_job_unref(job);
	accel_bo_unref(constant);
	munmap(memory, 4 * PAGE);
}

static void test_memory(const char *name)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = ACCEL_BO_DEVICE_READ};
	struct accel_bo *bo;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	one_range(&rig, ACCEL_IVPU_RANGE_USER, OLD_USER, OLD_USER + 0x1ff00000);
	one_range(&rig, ACCEL_IVPU_RANGE_SHAVE, OLD_SHAVE, OLD_SHAVE + 0x80000000u);
	one_range(&rig, ACCEL_IVPU_RANGE_DMA, OLD_DMA, OLD_DMA + (UINT64_C(128) << 30));
	params.bytes = 0x20000000; /* 512 MiB, of 511 */
	gives(accel_bo_create(rig.context, &params, &bo), -ENOMEM);
	user_memory(&rig);
	rig_works(&rig, 0x21);
	rig_close(&rig);
}

/* ---- sleep: the device suspends under an open context ---------------------------------------------------------------- */

static bool sleeps(void)
{
	char text[32];

	read_text("/sys/bus/pci/drivers/intel_vpu/0000:*/power/runtime_status", text, sizeof(text));
	return !strncmp(text, "suspended", 9);
}

static void await_sleep(void)
{
	int i;

	for (i = 0; i < 6000 && !sleeps(); i++)
		usleep(10000);
	check(sleeps());
}

static void test_sleep(const char *name)
{
	struct accel_device *device;
	struct accel_context *more;
	struct accel_fence *fence;
	struct accel_job *job;
	struct rig rig;
	int i, fd;

	rig_open(&rig, name, 0, 0);
	job = rig_slow(&rig, 100);
	for (i = 0; i < 5; i++) {
		fence = submit(rig.queue, job);
		gives(accel_fence_wait(fence, soon(WAIT_MS)), 0);
		await_sleep();
		/* What has ended is told, and made, without waking it. */
		gives(accel_fence_status(fence), 0);
		expect_result(job, ACCEL_DONE, 0);
		gives(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), 0);
		close(fd);
		accel_fence_unref(fence);
		gives(accel_device_find(name, &device), 0);
		accel_device_unref(device);
		check(sleeps());
		rig_works(&rig, (unsigned char)(0x60 + i)); /* wakes */
		await_sleep();
		gives(accel_device_find(name, &device), 0);
		gives(accel_open(device, NULL, 0, &more), 0);
		accel_context_unref(more);
		accel_device_unref(device);
	}
	gives(accel_context_state(rig.context), ACCEL_OK);
	accel_job_unref(job);
	rig_close(&rig);
}

/* ---- suspend: the whole machine sleeps, and an alarm of the rig's wakes it ----------------- */

/* Sleep, until the alarm. One that rings before the machine is asleep keeps it awake. */
static void suspend(void)
{
	unsigned int msec = 200;
	char text[16];
	int fd, ret;

	fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
	check(fd >= 0);
	do {
		snprintf(text, sizeof(text), "%u", msec *= 2);
		put("/sys/kernel/debug/rig/wake", text);
		ret = write(fd, "freeze", 6) == 6 ? 0 : -errno;
	} while (ret == -EBUSY && msec < 60000);
	gives(ret, 0);
	close(fd);
}

static void test_suspend(const char *name)
{
	struct accel_fence *fence;
	struct accel_job *slow;
	struct rig rig;
	int i;

	rig_open(&rig, name, 0, 0);
	slow = rig_slow(&rig, 100000);
	for (i = 0; i < 3; i++) {
		/* With nothing to do; in its sleep; amid a job, whose end is waited for. */
		rig_works(&rig, (unsigned char)(0x80 + i));
		suspend();
		rig_works(&rig, (unsigned char)(0x90 + i));
		await_sleep();
		suspend();
		fence = submit(rig.queue, slow);
		suspend();
		gives(end_of(fence), 0);
		expect_result(slow, ACCEL_DONE, 0);
	}
	gives(accel_context_state(rig.context), ACCEL_OK);
	accel_job_unref(slow);
	rig_close(&rig);
}

/* ---- removal: the driver is unbound under load --------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	const char *name;
	int result; /* of the last job */
	_Atomic unsigned int jobs;
	int state;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct accel_fence *fence;
	struct accel_job *jobs[4];
	struct rig rig;
	int i, ret;

	rig_open(&rig, worker->name, 0, 0);
	for (i = 0; i < 4; i++)
		jobs[i] = rig_slow(&rig, (unsigned int)i * 100);
	do {
		ret = accel_submit(rig.queue, jobs, 4, NULL, &fence);
		if (ret < 0)
			break;
		ret = end_of(fence);
		worker->jobs += 4;
	} while (!ret);
	worker->result = ret;
	for (i = 0; i < 4; i++)
		accel_job_unref(jobs[i]);
	worker->state = accel_context_state(rig.context);
	rig.to[0] = 1; /* mapped as before */
	rig_close(&rig);
	return NULL;
}

static void unbind_and_bind(bool in)
{
	static char device[64];
	glob_t found;

	if (!in) {
		gives(glob("/sys/bus/pci/drivers/intel_vpu/0000:*", 0, NULL, &found), 0);
		snprintf(device, sizeof(device), "%s", strrchr(found.gl_pathv[0], '/') + 1);
		globfree(&found);
	}
	put(in ? "/sys/bus/pci/drivers/intel_vpu/bind" : "/sys/bus/pci/drivers/intel_vpu/unbind",
	    device);
}

/* A job on a queue of its own, which nobody else holds, behind @wait. */
static struct accel_fence *submit_held(struct rig *rig, struct accel_fence *wait)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &wait, .wait_count = 1};
	struct accel_ivpu_list *list = new_list(rig);
	struct accel_fence *fence;
	struct accel_queue *queue;
	struct accel_job *job;

	gives(accel_queue_create(rig->context, NULL, 0, &queue), 0);
	gives(accel_ivpu_list_nop(list), 0);
	job = job_of(queue, list, NULL);
	gives(accel_submit(queue, &job, 1, &params, &fence), 1);
	accel_job_unref(job);
	accel_queue_unref(queue);
	return fence;
}

static void one_removal(const char *name, unsigned int round)
{
	struct worker workers[3] = {{.name = name}, {.name = name}, {.name = name}};
	struct accel_fence *waiting, *held_fence;
	struct accel_job *wait, *held;
	struct accel_device *device;
	struct rig rig;
	unsigned int i;

	rig_open(&rig, name, 0, 0);
	write_word(&rig, 0, 0);
	wait = waiting_job(&rig, rig.queue, 0);
	held = rig_job(&rig, PAGE, NULL, 0);
	waiting = submit(rig.queue, wait);
	held_fence = submit_held(&rig, waiting);
	for (i = 0; i < 3; i++)
		check(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	while (!workers[0].jobs || !workers[1].jobs || !workers[2].jobs)
		usleep(1000);
	usleep(1000 * (round * 7 % 20));
	unbind_and_bind(false);
	for (i = 0; i < 3; i++) {
		pthread_join(workers[i].thread, NULL);
		gives(workers[i].result, -ENODEV);
		gives(workers[i].state, ACCEL_GONE);
	}
	gives(accel_fence_wait(waiting, soon(WAIT_MS)), -ENODEV);
	gives(accel_fence_wait(held_fence, soon(WAIT_MS)), -ENODEV);
	gives(rig_outcome(wait), ACCEL_LOST);
	gives(accel_context_state(rig.context), ACCEL_GONE);
	gives(accel_submit(rig.queue, &held, 1, NULL, NULL), -ENODEV);
	accel_fence_unref(waiting);
	accel_fence_unref(held_fence);
	accel_job_unref(wait);
	accel_job_unref(held);
	rig_close(&rig);
	unbind_and_bind(true);
	/* The number is another one as long as the kernel isn't done with the old device. */
	for (i = 0; i < 100 && accel_device_find(name, &device); i++) {
		unbind_and_bind(false);
		usleep(10000);
		unbind_and_bind(true);
	}
	check(i < 100);
	accel_device_unref(device);
	rig_open(&rig, name, 0, 0);
	rig_works(&rig, 0x71);
	rig_close(&rig);
}

static void test_removal(const char *name)
{
	unsigned int round;

	for (round = 0; round < 5; round++)
		one_removal(name, round);
}

/* ---- leave: processes that end in the middle of things ---------------------------------------------------------------------- */

static void leave(const char *name, bool clean)
{
	struct accel_fence *fence;
	struct accel_job *jobs[8];
	struct rig rig;
	int i, fd;

	rig_open(&rig, name, 0, ACCEL_BO_SHARE);
	gives(accel_bo_export(rig.dst, 0, &fd), 0);
	for (i = 0; i < 8; i++) {
		jobs[i] = rig_slow(&rig, 20000);
		fence = submit(rig.queue, jobs[i]);
	}
	gives(accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd), 0);
	if (!clean)
		raise(SIGKILL);
	exit(0);
}

static void leave_by_exit(const char *name)
{
	leave(name, true);
}

static void leave_by_kill(const char *name)
{
	leave(name, false);
}

static void test_leave(const char *name)
{
	struct rig rig;
	int i;

	for (i = 0; i < 6; i++) {
		gives(in_child(i % 2 ? "leave-by-exit" : "leave-by-kill"), i % 2 ? 0 : SIGKILL);
		rig_open(&rig, name, 0, 0);
		rig_works(&rig, (unsigned char)i);
		rig_close(&rig);
	}
}

/* ---- share: from here to other devices --------------------------------------------------------------------------- */

/* Fill one buffer, copy to the one that is shared, late enough that others must wait. */
static struct accel_job *pipeline_job(struct rig *rig, uint32_t value)
{
	struct accel_ivpu_list *list = new_list(rig);

	add_fault(rig, list, RIG_FAULT_SLOW, 30000);
	gives(accel_ivpu_list_fill(list, rig->src, 0, PAGE, value), 0);
	gives(accel_ivpu_list_barrier(list), 0);
	gives(accel_ivpu_list_copy(list, rig->dst, 0, rig->src, 0, PAGE), 0);
	return job_of(rig->queue, list, NULL);
}

/* Another context of this device copies it, to where the CPU looks. */
static void import_and_copy(struct rig *rig, int dmabuf, uint32_t value)
{
	struct accel_ivpu_list *list = new_list(rig);
	struct accel_job *copy;
	struct accel_bo *theirs;
	unsigned int i;

	gives(accel_bo_import(rig->context, dmabuf, ACCEL_BO_DEVICE_READ, &theirs), 0);
	memset(rig->to, 0, PAGE);
	gives(accel_ivpu_list_copy(list, rig->dst, 0, theirs, 0, PAGE), 0);
	copy = job_of(rig->queue, list, NULL);
	gives(end_of(submit(rig->queue, copy)), 0);
	for (i = 0; i < PAGE / 4; i++)
		gives(((uint32_t *)(void *)rig->to)[i], value);
	accel_job_unref(copy);
	accel_bo_unref(theirs);
}

static void test_share(const char *name)
{
	struct rig mine, other;
	struct accel_fence *done;
	struct accel_bo *same;
	struct accel_job *job;
	unsigned int round;
	uint32_t value = 0;
	int fd, sync_file;

	rig_open(&mine, name, 0, ACCEL_BO_SHARE);
	rig_open(&other, name, 0, 0);
	gives(accel_bo_export(mine.dst, 0, &fd), 0);
	gives(accel_bo_import(mine.context, fd, ACCEL_BO_DEVICE_READ, &same), 0);
	check(same == mine.dst);
	accel_bo_unref(same);
	for (round = 0; round < 5; round++) {
		value = 0x01020304 * (round + 1);
		job = pipeline_job(&mine, value);
		done = submit(mine.queue, job);
		gives(accel_fence_export_fd(done, ACCEL_FD_SYNC_FILE, &sync_file), 0);
		through_soft(fd, sync_file, value);
		through_qaic(fd, sync_file, value);
		close(sync_file);
		gives(accel_fence_status(done), 0);
		/* Another context of this device copies it, to where the CPU looks. */
		import_and_copy(&other, fd, value);
		accel_fence_unref(done);
		accel_job_unref(job);
	}
	/* It outlives its context. */
	rig_close(&mine);
	import_and_copy(&other, fd, value);
	close(fd);
	rig_works(&other, 0x24);
	rig_close(&other);
}

/* ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(const char *device);
} tests[] = {
	{"lists", test_lists},
	{"calls", test_calls},
	{"statuses", test_statuses},
	{"faults", test_faults},
	{"hangs", test_hangs},
	{"cancel", test_cancel},
	{"fences", test_fences},
	{"priority", test_priority},
	{"room", test_room},
	{"limits", test_limits},
	{"limit-of-root", limit_of_root},
	{"limit-of-nobody", limit_of_nobody},
	{"doorbells-of-nobody", doorbells_of_nobody},
	{"doorbells", test_doorbells},
	{"params", test_params},
	{"metrics", test_metrics},
	{"memory", test_memory},
	{"sleep", test_sleep},
	{"suspend", test_suspend},
	{"removal", test_removal},
	{"leave", test_leave},
	{"leave-by-exit", leave_by_exit},
	{"leave-by-kill", leave_by_kill},
	{"share", test_share},
};

int main(int argc, char **argv)
{
	unsigned int i;
	int j, done = 0;
	char name[64];

	if (!has_device("intel_vpu", name, sizeof(name))) {
		fprintf(stderr, "there is no device of ivpu\n");
		return 1;
	}
	for (j = 1; j < argc; j++)
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
			if (strcmp(tests[i].name, argv[j]))
				continue;
			tests[i].fn(name);
			printf("ok %s\n", argv[j]);
			fflush(stdout);
			done++;
		}
	if (done && done == argc - 1)
		return 0;
	fprintf(stderr, "usage: accel-ivpu TEST...\n");
	return 1;
}
