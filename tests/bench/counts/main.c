/* SPDX-License-Identifier: MIT */
/*
 * What accel-bench's group "counts" runs, by itself and under callgrind:
 *
 *	accel-bench-counts count DEVICE[/unverified]	counts, a name and a number a line
 *	accel-bench-counts walk DEVICE[/unverified]	one operation after the other, with
 *		counts_mark() before each and at the end
 *	accel-bench-counts raw DEVICE[/unverified]	the same by a loop without the library
 *
 * DEVICE is the name of a driver, which is made up here (empty, rocket, ethosu, intel_vpu, qaic), or
 * accelN, a real one.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../kernel/library/jobs.h"
#include "../raw_loop.h"
#include "kernel.h"
#include "lock.h"

#define BATCH_MAX RAW_JOBS /* no driver here has a smaller queue */
#define ROUNDS    64       /* of those in which locks are looked at */

static struct rig rig;
static struct accel_job *jobs[BATCH_MAX];
static bool real_device;

/* Callgrind begins to count anew when this is called. */
void counts_mark(void);
__attribute__((noinline)) void counts_mark(void)
{
	__asm__ volatile("" ::: "memory");
}

/* Another pair: two jobs under way may not have the same buffers everywhere. A job keeps its own. */
static void take_buffers(void)
{
	const struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			 ACCEL_BO_DEVICE_WRITE,
		.bytes = PAGE};

	accel_bo_unref(rig.dst);
	accel_bo_unref(rig.src);
	gives(accel_bo_create(rig.context, &params, &rig.dst), 0);
	gives(accel_bo_create(rig.context, &params, &rig.src), 0);
}

static struct accel_fence *submit(unsigned int count)
{
	struct accel_fence *fence;

	gives(accel_submit(rig.queue, jobs, count, NULL, &fence), (int)count);
	return fence;
}

static void end(struct accel_fence *fence)
{
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
}

static void set_up(char *device, bool unverified)
{
	real_device = !strncmp(device, "accel", 5);
	if (!real_device) {
		setenv("LIBACCEL_SYSFS", "/nothing", 1);
		if (!strcmp(device, "empty"))
			setenv("LIBACCEL_PROVIDER_DIR", EMPTY_DIR, 1);
		counts_make_up(device);
	}
	rig_open(&rig, real_device ? device : COUNTS_NODE, unverified ? ACCEL_OPEN_UNVERIFIED : 0, 0);
	for (unsigned int i = 0; i < BATCH_MAX; i++) {
		if (i)
			take_buffers();
		jobs[i] = rig_job(&rig, PAGE, NULL, 0);
	}
	counts_stop_clock(true);
	end(submit(BATCH_MAX)); /* what is done but once has been */
}

static const char *driver_name(void)
{
	struct accel_device_info info = {.size = sizeof(info)};
	static char name[sizeof(info.driver)];
	struct accel_device *device;

	gives(accel_context_get_device(rig.context, &device), 0);
	gives(accel_device_get_info(device, &info), 0);
	accel_device_unref(device);
	return strcpy(name, info.driver);
}

/* A driver may not bear a process that ends without it. */
static void give_back(void)
{
	for (unsigned int i = 0; i < BATCH_MAX; i++)
		accel_job_unref(jobs[i]);
	counts_stop_clock(false);
	rig_close(&rig);
}

/* ---- counts ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t trapped, futexes;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	trapped++;
	futexes += info->si_syscall == SYS_futex;
}

/* From now on each system call is counted in place of being made, but those by which this
 * process says so and ends. */
static int trap_system_calls(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, STDOUT_FILENO, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {sizeof(program) / sizeof(*program), program};
	const struct sigaction action = {.sa_sigaction = on_trap,
					 .sa_flags = SA_NODEFER | SA_SIGINFO};

	if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/*
 * How often somebody waits for a lock or wakes who does: nobody else asks for a futex, libc's locks
 * neither. -1 if not even a lock that is made to look awaited is seen.
 */
static int count_contended(void)
{
	struct accel_lock awaited = {ACCEL_LOCK_AWAITED};

	futexes = 0;
	accel_core_unlock(&awaited);
	if (futexes != 1)
		return -1;
	for (unsigned int i = 0; i < ROUNDS; i++)
		end(submit(i % BATCH_MAX + 1));
	return futexes - 1;
}

static void count(void)
{
	struct counts submitting, waiting, looking = {0};
	struct accel_fence *fence;

	memset(&counts, 0, sizeof(counts));
	counts_keep_jobs(true);
	fence = submit(1);
	submitting = counts;
	if (!real_device) { /* a real job may have ended by now */
		memset(&counts, 0, sizeof(counts));
		accel_fence_status(fence);
		looking = counts;
	}
	counts_keep_jobs(false);
	memset(&counts, 0, sizeof(counts));
	end(fence);
	waiting = counts;

	printf("driver %s\n", driver_name());
	printf("submit %u\n", submitting.calls);
	printf("wait %u\n", waiting.calls);
	if (!real_device)
		printf("status %u\n", looking.calls);
	printf("allocations %u\n", submitting.allocations + waiting.allocations);
	printf("clock %u\n", submitting.clock_reads + waiting.clock_reads);
	if (real_device)
		return;
	fflush(stdout);
	if (trap_system_calls())
		return;
	end(submit(1));
	printf("others %d\n", (int)trapped);
	printf("contended %d\n", count_contended());
}

/* ---- the walk ---------------------------------------------------------------------------------- */

static void walk(void)
{
	struct accel_fence *fence;

	for (unsigned int batch = 1; batch <= BATCH_MAX; batch *= 2) {
		counts_mark();
		fence = submit(batch);
		counts_mark();
		end(fence);
	}
	counts_mark();
}

static void walk_raw(const char *driver, bool outcome)
{
	const struct raw_loop *loop = raw_loop_of(driver);
	void *raw;

	check(loop != NULL);
	counts_make_up(driver);
	gives(loop->open(COUNTS_NODE, &raw), 0);
	for (unsigned int batch = 1; batch <= BATCH_MAX; batch *= 2) {
		counts_mark();
		gives(loop->submit(raw, batch, outcome), 0);
		counts_mark();
		gives(loop->wait(raw, batch, outcome), 0);
	}
	counts_mark();
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	char *flag = argc == 3 ? strchr(argv[2], '/') : NULL;

	if (flag)
		*flag = '\0';
	if (!strcmp(what, "raw")) {
		walk_raw(argv[2], !flag);
		_exit(0);
	}
	if (strcmp(what, "count") != 0 && strcmp(what, "walk") != 0) {
		fputs("usage: accel-bench-counts count|walk|raw DEVICE[/unverified]\n", stderr);
		return 2;
	}
	set_up(argv[2], flag);
	if (!strcmp(what, "count"))
		count();
	else
		walk();
	fflush(stdout);
	if (real_device)
		give_back();
	_exit(0); /* what a made-up kernel has is nobody's to close */
}
