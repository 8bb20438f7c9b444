/* SPDX-License-Identifier: MIT */
/*
 * What libaccel promises on top of the drivers ethosu and rocket, on the drivers themselves:
 *
 *	accel-drivers calls|failures|gate|loss|loss-idle|leave|share|streams|vendor|validate DEVICE...
 *
 * and with the drivers of tests/kernel/fixes
 *
 *	accel-drivers loss-and-exit|loss-idle-and-exit|cores DEVICE...
 */
#include <accel/ethosu.h>
#include <accel/rocket.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foreign.h"
#include "jobs.h"
#include "sys.h"

/* ---- calls: the kernel calls of a submission, a wait and a look ------------------------------ */

static struct accel_sys real;
static int64_t frozen_ns; /* 0: time goes on */
static struct {
	unsigned int ioctl, poll, close, other;
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
	calls.close++;
	return real.close(fd);
}

static int count_open(const char *path, int flags)
{
	calls.other++;
	return real.open(path, flags);
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

static int64_t count_now(void)
{
	return frozen_ns ? frozen_ns : real.now();
}

static void count_calls(void)
{
	real = accel_core_sys;
	accel_core_sys.ioctl = count_ioctl;
	accel_core_sys.poll = count_poll;
	accel_core_sys.close = count_close;
	accel_core_sys.open = count_open;
	accel_core_sys.dup = count_dup;
	accel_core_sys.futex_wait = count_futex_wait;
	accel_core_sys.futex_wake = count_futex_wake;
	accel_core_sys.alloc = count_alloc;
	accel_core_sys.now = count_now;
}

static void expect_calls(unsigned int ioctls, unsigned int polls, unsigned int closes)
{
	gives(calls.ioctl, ioctls);
	gives(calls.poll, polls);
	gives(calls.close, closes);
	gives(calls.other, 0);
	memset(&calls, 0, sizeof(calls));
}

static void calls_of(const char *name, bool verified)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct rig rig;
	int i;

	rig_open(&rig, name, verified ? 0 : ACCEL_OPEN_UNVERIFIED, 0);
	job = rig_slow(&rig, 20000);
	accel_submit(rig.queue, &job, 1, NULL, &fence);
	gives(accel_fence_wait(fence, soon(20000)), 0);
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++) {
		/* Whether the device is still there is asked from time to time: not now. */
		frozen_ns = 1;
		memset(&calls, 0, sizeof(calls));
		fence = rig_submit(&rig, job);
		frozen_ns = 0;
		expect_calls(verified ? 2 : 1, 0, 0);
		gives(accel_fence_status(fence), -EINPROGRESS);
		expect_calls(1, 0, 0);
		gives(accel_fence_wait(fence, soon(20000)), 0);
		expect_calls(1, verified, verified);
		gives(accel_fence_status(fence), 0);
		gives(rig_outcome(job), verified ? ACCEL_DONE : ACCEL_DONE_UNVERIFIED);
		accel_fence_unref(fence);
		expect_calls(0, 0, 0);
	}
	accel_job_unref(job);
	rig_close(&rig);
}

static void test_calls(const char *name)
{
	if (!real.ioctl)
		count_calls();
	calls_of(name, true);
	calls_of(name, false);
}

/* ---- failures: never taken for done ------------------------------------------------------------- */

static void test_failures(const char *name)
{
	const struct rig_fault bus = {RIG_FAULT_BUS, 0};
	struct accel_job *bad, *good, *at_once;
	struct accel_fence *fence;
	struct rig rig;
	int i;

	rig_open(&rig, name, 0, 0);
	bad = rig_fail(&rig);
	good = rig_slow(&rig, 2000);
	for (i = 0; i < 5; i++) {
		/* A later job on the same buffers hides nothing. */
		struct accel_job *both[] = {bad, good};

		gives(accel_submit(rig.queue, both, 2, NULL, &fence), 2);
		gives(accel_fence_wait(fence, soon(60000)), -EIO);
		gives(rig_outcome(bad), ACCEL_FAILED);
		/* On rocket the reset may take it as well. */
		check(rig_outcome(good) == ACCEL_DONE || rig.rocket);
		accel_fence_unref(fence);
		rig_works(&rig, (unsigned char)(0x40 + i));
	}
	at_once = rig_job(&rig, 16, &bus, 1);
	for (i = 0; i < 20 && !rig.rocket; i++) {
		fence = rig_submit(&rig, at_once);
		accel_fence_wait(fence, soon(20000));
		check(rig_outcome(at_once) == ACCEL_FAILED ||
		      rig_outcome(at_once) == ACCEL_DONE_UNVERIFIED);
		accel_fence_unref(fence);
	}
	rig_works(&rig, 0x77);
	accel_job_unref(at_once);
	accel_job_unref(bad);
	accel_job_unref(good);
	rig_close(&rig);
}

/* ---- gate: a sync_file of another device holds a job, and no thread is needed -------------------- */

static void wait_for(struct rig *mine, struct rig *theirs, struct accel_job *slow, bool fails)
{
	struct accel_job *job = rig_slow(mine, 3000);
	struct accel_fence *first, *imported, *second;
	int fd;

	first = rig_submit(theirs, slow);
	gives(accel_fence_export_fd(first, ACCEL_FD_SYNC_FILE, &fd), 0);
	gives(accel_fence_import_fd(fd, 0, &imported), 0);
	close(fd);
	gives(rig_submit_after(mine, job, imported, &second), 1);
	gives(accel_fence_status(second), -EINPROGRESS);
	gives(accel_fence_wait(second, soon(60000)), 0);
	check(accel_fence_status(first) != -EINPROGRESS);
	gives(accel_fence_status(first), fails ? -EIO : 0);
	gives(rig_outcome(job), ACCEL_DONE); /* whatever the other ended with */
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_fence_unref(imported);
	accel_job_unref(job);
}

static void test_gate(const char *name)
{
	struct accel_job *slow, *bad;
	struct rig mine, theirs;
	int i;

	rig_open(&theirs, strcmp(name, "accel0") ? "accel0" : "accel1", 0, 0);
	rig_open(&mine, name, ACCEL_OPEN_NO_THREADS, 0);
	slow = rig_slow(&theirs, 50000);
	bad = rig_fail(&theirs);
	for (i = 0; i < 3; i++) {
		wait_for(&mine, &theirs, slow, false);
		wait_for(&mine, &theirs, bad, true);
		rig_works(&mine, (unsigned char)(0x10 + i));
	}
	accel_job_unref(slow);
	accel_job_unref(bad);
	rig_close(&mine);
	rig_close(&theirs);
}

/* ---- loss: the driver is unbound under us --------------------------------------------------------- */

struct waiter {
	pthread_t thread;
	struct accel_fence *fence[2];
	int result;
	int64_t ended_ns;
};

static void *wait_for_one(void *arg)
{
	struct waiter *w = arg;

	w->result = accel_fence_wait(w->fence[0], ACCEL_NO_DEADLINE);
	w->ended_ns = now_ns();
	return NULL;
}

static void *wait_for_either(void *arg)
{
	struct waiter *w = arg;

	w->result = accel_fence_wait_many(w->fence, 2, 0, ACCEL_NO_DEADLINE, NULL);
	w->ended_ns = now_ns();
	return NULL;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd >= 0);
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool fixed; /* the drivers are those of tests/kernel/fixes */
static const char *const devices[] = {"100100000.npu", "100110000.npu", "100200000.npu"};

/* All cores of rocket, or only the first: that breaks a context, too. */
static void bind(const char *name, bool in, bool all)
{
	const bool rocket = !strcmp(name, "accel2");
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s",
		 rocket ? "rocket" : "ethosu", in ? "bind" : "unbind");
	put(path, devices[name[5] - '0']);
	if (rocket && all) {
		put(path, "100210000.npu");
		put(path, "100220000.npu");
	}
}

/* Bound anew, the device may have another minor number: the old one may still be in use. */
static void works_anew(const char *name)
{
	struct rig rig;

	bind(name, true, true);
	rig_open(&rig, strcmp(name, "accel2") ? devices[name[5] - '0'] : "rknn", 0, 0);
	rig_works(&rig, 0x33);
	rig_close(&rig);
}

/* Nothing runs. */
static void loss_idle(const char *name)
{
	struct accel_job *job;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	rig_works(&rig, 0x32);
	job = rig_slow(&rig, 0);
	bind(name, false, true);
	usleep(30000);
	gives(accel_submit(rig.queue, &job, 1, NULL, NULL), -ENODEV);
	gives(accel_context_state(rig.context), ACCEL_GONE);
	gives(rig.to[0], 0x32);
	accel_job_unref(job);
	rig_close(&rig);
	works_anew(name);
}

/*
 * The kernel's scheduler is gone with the driver, and closing a file that was open then uses what
 * has been freed. No process can help that but by never closing it: the test is done in one that
 * does not end before the guest.
 */
static void never_ending(void (*fn)(const char *name), const char *name)
{
	int fds[2];
	char byte;

	check(!pipe(fds));
	if (!fork()) {
		close(fds[0]);
		fn(name);
		check(write(fds[1], "k", 1) == 1);
		for (;;)
			pause();
	}
	close(fds[1]);
	gives(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

static void loss(const char *name)
{
	const bool rocket = !strcmp(name, "accel2");
	struct accel_job *hang, *held, *other;
	struct accel_fence *never, *fence, *held_fence;
	struct waiter one = {.result = 1}, either = {.result = 1};
	const int error = rocket ? -ESTALE : -ENODEV;
	struct rig rig;
	int64_t began;
	int event;

	rig_open(&rig, name, 0, 0);
	hang = rig_hang(&rig);
	held = rig_slow(&rig, 0);
	other = rig_slow(&rig, 0);
	event = eventfd(0, EFD_CLOEXEC);
	gives(accel_fence_import_fd(event, 0, &never), 0);
	fence = rig_submit(&rig, hang);
	gives(rig_submit_after(&rig, held, never, &held_fence), 1);
	one.fence[0] = fence;
	either.fence[0] = held_fence;
	either.fence[1] = never;
	check(!pthread_create(&one.thread, NULL, wait_for_one, &one));
	check(!pthread_create(&either.thread, NULL, wait_for_either, &either));
	usleep(20000);
	began = now_ns();
	bind(name, false, true);
	pthread_join(one.thread, NULL);
	pthread_join(either.thread, NULL);
	check(one.result == error || one.result == -ENODEV || one.result == -EIO);
	check(either.result == error || either.result == -ENODEV);
	check(one.ended_ns - began < INT64_C(2000000000));
	check(either.ended_ns - began < INT64_C(2000000000));
	check(accel_context_state(rig.context) != ACCEL_OK);
	check(rig_outcome(held) == ACCEL_LOST);
	gives(accel_submit(rig.queue, &other, 1, NULL, NULL),
	      accel_context_state(rig.context) == ACCEL_GONE ? -ENODEV : -ESTALE);
	rig.to[0] = 1; /* mapped as before */
	gives(accel_bo_begin_access(rig.dst, ACCEL_ACCESS_READ, 0, PAGE, soon(2000)), 0);
	accel_fence_unref(fence);
	accel_fence_unref(held_fence);
	accel_fence_unref(never);
	accel_job_unref(hang);
	accel_job_unref(held);
	accel_job_unref(other);
	rig_close(&rig);
	close(event);

	/* A core of rocket whose job never ended stays attached to its memory for ever. */
	if (rocket && !fixed)
		bind(name, true, true);
	else
		works_anew(name);
}

static void test_loss(const char *name)
{
	never_ending(loss, name);
}

static void test_loss_idle(const char *name)
{
	never_ending(loss_idle, name);
}

/* Only for drivers that can bear it (tests/kernel/fixes): the process ends. */
static void test_loss_and_exit(const char *name)
{
	fixed = true;
	loss(name);
}

static void test_loss_idle_and_exit(const char *name)
{
	fixed = true;
	loss_idle(name);
}

/* Cores of rocket come and go, while a file is open that knows them all. */
static void test_cores(const char *name)
{
	static const char *const cores[] = {"100200000.npu", "100210000.npu", "100220000.npu"};
	static const char path[] = "/sys/bus/platform/drivers/rocket/";
	char unbind_path[64], bind_path[64];
	struct rig before, rig;
	unsigned int i, j;

	snprintf(unbind_path, sizeof(unbind_path), "%sunbind", path);
	snprintf(bind_path, sizeof(bind_path), "%sbind", path);
	rig_open(&before, name, 0, 0);
	rig_works(&before, 1);
	for (i = 0; i < 6; i++) {
		put(unbind_path, cores[i % 3]);
		if (i % 2)
			put(unbind_path, cores[(i + 1) % 3]);
		for (j = 0; j < 4; j++) {
			rig_open(&rig, name, 0, 0);
			rig_works(&rig, (unsigned char)(0x40 + j));
			rig_close(&rig);
		}
		put(bind_path, cores[i % 3]);
		if (i % 2)
			put(bind_path, cores[(i + 1) % 3]);
		rig_open(&rig, name, 0, 0);
		rig_works(&rig, 0x50);
		rig_close(&rig);
	}
	rig_close(&before);
}

/* ---- leave: exported memory outlives its context, and exit in the middle of things ----------------- */

static void exported_outlives(const char *name, bool importer)
{
	const unsigned int before = count_fds();
	unsigned int parked;
	struct rig rig;
	void *map;
	int fd;

	rig_open(&rig, name, 0, ACCEL_BO_SHARE);
	rig_works(&rig, 0x5a);
	gives(accel_bo_export(rig.dst, 0, &fd), 0);
	map = importer ? mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	check(map != MAP_FAILED);
	rig_close(&rig);
	parked = count_fds() - before;
	check(rig.rocket ? parked >= 2 : parked == 1);
	close(fd);
	if (map) {
		check(*(unsigned char *)map == 0x5a);
		munmap(map, PAGE);
	}
	/* The next context's end looks whether it can go. */
	rig_open(&rig, name, 0, 0);
	rig_close(&rig);
	gives(count_fds(), before);
}

/* In a process of its own: leaves by exit(3) with everything open. */
static void in_child(const char *name, const char *what)
{
	int status;
	pid_t pid;

	pid = fork();
	check(pid >= 0);
	if (!pid) {
		execl("/proc/self/exe", "accel-drivers", what, name, (char *)NULL);
		_Exit(1);
	}
	check(waitpid(pid, &status, 0) == pid);
	gives(status, 0);
}

static void leave_in_the_middle(const char *name)
{
	struct accel_job *jobs[8];
	struct rig rig;
	int i, fd;

	rig_open(&rig, name, 0, ACCEL_BO_SHARE);
	gives(accel_bo_export(rig.dst, 0, &fd), 0);
	for (i = 0; i < 8; i++) {
		jobs[i] = rig_slow(&rig, 250000);
		rig_submit(&rig, jobs[i]);
	}
	exit(0);
}

static void leave_unverified(const char *name)
{
	struct rig rig;

	rig_open(&rig, name, ACCEL_OPEN_UNVERIFIED, 0);
	rig_works(&rig, 1);
	rig_submit(&rig, rig_slow(&rig, 2000));
	exit(0);
}

static int count_dmabufs(void)
{
	char path[32], target[32];
	int fd, count = 0;
	ssize_t got;

	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		got = readlink(path, target, sizeof(target) - 1);
		target[got < 0 ? 0 : got] = '\0';
		count += strstr(target, "dmabuf") != NULL;
	}
	return count;
}

/* A child that goes on without execve(2) has nothing that the kernel would free too late. */
static void beside_a_child(const char *name)
{
	int fds[2], status;
	struct rig rig;
	char byte = 0;
	pid_t pid;

	check(!pipe(fds));
	rig_open(&rig, name, 0, 0);
	rig_works(&rig, 0x11);
	pid = fork();
	if (!pid) {
		close(fds[1]);
		status = rig.rocket && count_dmabufs() ? 1 : 0;
		check(read(fds[0], &byte, 1) == 0);
		_Exit(status);
	}
	close(fds[0]);
	rig_works(&rig, 0x12);
	rig_close(&rig);
	close(fds[1]);
	check(waitpid(pid, &status, 0) == pid);
	gives(status, 0);
}

static void test_leave(const char *name)
{
	beside_a_child(name);
	exported_outlives(name, false);
	exported_outlives(name, true);
	in_child(name, "leave-in-the-middle");
	in_child(name, "leave-unverified");
	exported_outlives(name, false);
}

/* ---- share: own memory, other contexts' and other drivers' ------------------------------------------- */

static int udmabuf(void)
{
	struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = PAGE};
	int node = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	check(node >= 0);
	create.memfd = (uint32_t)memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	check(!ftruncate((int)create.memfd, PAGE));
	check(!fcntl((int)create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	fd = ioctl(node, UDMABUF_CREATE, &create);
	check(fd >= 0);
	close((int)create.memfd);
	close(node);
	return fd;
}

/* What ended a job on the exporter's side is seen through the dma-buf alone. */
static void fence_of_dmabuf(struct rig *rig, int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	struct accel_job *slow = rig_slow(rig, 30000);
	struct accel_fence *fence = rig_submit(rig, slow);

	gives(poll(&pollfd, 1, 0), 0);
	gives(accel_fence_wait(fence, soon(20000)), 0);
	gives(poll(&pollfd, 1, 10000), 1);
	/* The buffer is others', too, so their fence may have been taken for the job's. */
	gives(rig_outcome(slow), ACCEL_DONE_UNVERIFIED);
	accel_fence_unref(fence);
	accel_job_unref(slow);
}

static void test_share(const char *name)
{
	const uint32_t flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ;
	struct accel_bo *same, *theirs;
	struct rig mine, other;
	int fd, foreign;
	void *map;

	rig_open(&mine, name, 0, ACCEL_BO_SHARE);
	rig_open(&other, name, 0, 0);
	gives(accel_bo_export(mine.dst, 0, &fd), 0);
	gives(accel_bo_import(mine.context, fd, flags, &same), 0);
	check(same == mine.dst);
	accel_bo_unref(same);
	rig_works(&mine, 0x21);
	if (mine.rocket) {
		gives(accel_bo_import(other.context, fd, flags, &theirs), -EOPNOTSUPP);
		gives(accel_bo_import(other.context, fd, flags, &theirs), -EOPNOTSUPP);
	} else {
		fence_of_dmabuf(&mine, fd);
		gives(accel_bo_import(other.context, fd, flags, &theirs), 0);
		gives(accel_bo_map(theirs, &map), 0);
		rig_works(&mine, 0x22);
		gives(accel_bo_begin_access(theirs, ACCEL_ACCESS_READ, 0, PAGE, soon(5000)), 0);
		gives(((unsigned char *)map)[PAGE - 1], 0x22);
		accel_bo_unref(theirs);
	}
	share_with_vgem(&mine, fd);
	refuse_foreign(&mine);
	foreign = udmabuf();
	gives(accel_bo_import(mine.context, foreign, flags, &theirs), -EOPNOTSUPP);
	close(foreign);
	gives(accel_bo_import(mine.context, foreign, flags, &theirs), -EBADF);
	foreign = memfd_create("test", MFD_CLOEXEC);
	gives(accel_bo_import(mine.context, foreign, flags, &theirs), -EINVAL);
	close(foreign);
	rig_works(&mine, 0x23);
	rig_works(&other, 0x24);
	rig_close(&other);
	rig_close(&mine);
	close(fd);
}

/* ---- vendor, validate ------------------------------------------------------------------------------- */

/* Two lists of one job, behind words that belong to neither. */
static void two_tasks(struct rig *rig)
{
	const struct accel_rocket_task tasks[] = {{32, 6}, {96, 6}};
	const struct accel_rocket_job ext = {
		.head = {sizeof(ext), ACCEL_ROCKET_JOB}, .task_count = 2, .tasks = tasks};
	const struct accel_bo_ref bos[] = {{rig->dst, ACCEL_ACCESS_WRITE, 0},
					   {rig->src, ACCEL_ACCESS_READ, 0}};
	struct accel_job_params params = {.size = sizeof(params),
					  .bos = bos,
					  .bo_count = 2,
					  .ext = &ext.head,
					  .offset = 64,
					  .bytes = 192};
	struct accel_bo_params commands = {
		.size = sizeof(commands), .flags = ACCEL_BO_COMMANDS, .bytes = 256};
	uint64_t words[32] = {0}, to, from;
	struct accel_fence *fence;
	struct accel_job *job;
	unsigned int i, at;

	gives(accel_bo_address(rig->dst, &to), 0);
	gives(accel_bo_address(rig->src, &from), 0);
	for (i = 0; i < 2; i++) {
		at = 8 + tasks[i].offset / 8;
		words[at] = UINT64_C(0x0201) << 48 | (from + i * 2048) << 16 | 0x1070;
		words[at + 1] = UINT64_C(0x1001) << 48 | (to + i * 2048) << 16 | 0x4020;
		words[at + 2] = UINT64_C(0x1001) << 48 | UINT64_C(2047) << 16 | 0x4030;
		words[at + 3] = UINT64_C(0x1001) << 48 | 0x4034;
		words[at + 4] = UINT64_C(0x1001) << 48 | 0x403c;
		words[at + 5] = UINT64_C(0x0081) << 48 | UINT64_C(0x1d) << 16 | 0x0008;
	}
	commands.contents = words;
	gives(accel_bo_create(rig->context, &commands, &params.commands), 0);
	gives(accel_job_create(rig->queue, &params, &job), 0);
	accel_bo_unref(params.commands);
	memset(rig->from, 0x6b, PAGE);
	gives(accel_bo_end_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE), 0);
	fence = rig_submit(rig, job);
	gives(accel_fence_wait(fence, soon(20000)), 0);
	gives(accel_bo_begin_access(rig->dst, ACCEL_ACCESS_READ, 0, PAGE, soon(5000)), 0);
	for (i = 0; i < PAGE; i++)
		gives(rig->to[i], 0x6b);
	accel_fence_unref(fence);
	accel_job_unref(job);
}

static void test_vendor(const char *name)
{
	const uint16_t events[] = {0x11, 0x23};
	struct accel_ethosu_job ext = {.head = {sizeof(ext), ACCEL_ETHOSU_JOB}, .region = {0, 1}};
	struct accel_ethosu_info info = {.size = sizeof(info)};
	struct accel_bo_params commands = {.size = sizeof(commands), .flags = ACCEL_BO_COMMANDS};
	const uint32_t words[] = {0x10130, 0x131, 0x4030, 0, 0x4031, 0, 0x4032, 1024, 0x10, 0};
	struct accel_bo_ref bos[2] = {{.access = ACCEL_ACCESS_WRITE},
				      {.access = ACCEL_ACCESS_READ}};
	struct accel_job_params params = {
		.size = sizeof(params), .bos = bos, .bo_count = 2, .ext = &ext.head};
	struct accel_rocket_info rocket = {.size = sizeof(rocket)};
	uint64_t counts[2] = {0, 0}, cycles = 0;
	struct accel_ethosu_perfmon *perfmon;
	struct accel_fence *fence;
	struct accel_job *job;
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	if (rig.rocket) {
		gives(accel_ethosu_get_info(rig.context, &info), -EINVAL);
		gives(accel_rocket_get_info(rig.context, &rocket), 0);
		gives(rocket.cores, 3);
		two_tasks(&rig);
		rig_close(&rig);
		return;
	}
	gives(accel_rocket_get_info(rig.context, &rocket), -EINVAL);
	gives(accel_ethosu_get_info(rig.context, &info), 0);
	gives(info.model, strcmp(name, "accel0") ? 85 : 65);
	check(info.counters >= 2);
	gives(accel_ethosu_perfmon_create(rig.context, events, info.counters + 1, &perfmon),
	      -EINVAL);
	gives(accel_ethosu_perfmon_create(rig.context, events, 2, &perfmon), 0);
	bos[0].bo = rig.dst;
	bos[1].bo = rig.src;
	commands.bytes = sizeof(words);
	commands.contents = words;
	gives(accel_bo_create(rig.context, &commands, &params.commands), 0);
	params.bytes = sizeof(words);
	ext.perfmon = perfmon;
	gives(accel_job_create(rig.queue, &params, &job), 0);
	accel_bo_unref(params.commands);
	fence = rig_submit(&rig, job);
	gives(accel_fence_wait(fence, soon(20000)), 0);
	gives(accel_ethosu_perfmon_read(perfmon, counts, 1, &cycles), -EINVAL);
	gives(accel_ethosu_perfmon_read(perfmon, counts, 2, &cycles), 0);
	gives(cycles, sizeof(words) / 4 + 1024 / 16);
	gives(counts[0], cycles);
	gives(accel_ethosu_perfmon_clear_global(perfmon), -ENOENT);
	gives(accel_ethosu_perfmon_set_global(perfmon), 0);
	gives(accel_ethosu_perfmon_set_global(perfmon), -EBUSY);
	gives(accel_ethosu_perfmon_clear_global(perfmon), 0);
	accel_ethosu_perfmon_unref(perfmon);
	accel_fence_unref(fence);
	accel_job_unref(job);
	rig_close(&rig);
}

/* With LIBACCEL_VALIDATE=1: what the kernel passes on is named, what no device takes refused. */
static unsigned int warnings;

static void count_warning(void *data, int level, const char *text)
{
	(void)data, (void)level, (void)text;
	warnings++;
}

static void test_validate(const char *name)
{
	struct accel_job *job;
	struct rig rig;

	gives(setenv("LIBACCEL_VALIDATE", "1", 1), 0);
	gives(accel_set_log(count_warning, NULL, ACCEL_LOG_WARNING), 0);
	rig_open(&rig, name, 0, 0);
	job = rig_slow(&rig, 0);
	check(warnings > 0); /* the fault's own command */
	accel_job_unref(job);
	rig_close(&rig);
}

/* ---- streams: what we take, the kernel takes --------------------------------------------------------- */

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static uint32_t *set(uint32_t *w, uint32_t command, uint64_t value)
{
	if (command & 0x4000) {
		*w++ = command | (uint32_t)(value >> 32 & 0xff) << 16;
		*w++ = (uint32_t)value;
	} else {
		*w++ = command | (uint32_t)value << 16;
	}
	return w;
}

static uint32_t *random_operation(uint32_t *w)
{
	static const uint32_t operations[] = {0x10, 0x10, 0x10, 0x02, 0x03, 0x05, 0x06};
	static const uint32_t maps[][2] = {{0x100, 0x4000}, {0x110, 0x4010}, {0x180, 0x4080}};
	uint32_t i, j;

	w = set(w, 0x130, any(8) | any(20) / 18 << 8 | any(3) << 9);
	w = set(w, 0x131, any(8) | any(20) / 18 << 8);
	w = set(w, 0x132, any(5));
	w = set(w, 0x133, any(5));
	for (i = 0x4030; i <= 0x4032; i++)
		w = set(w, i, any(2000));
	for (; i <= 0x4036; i++)
		w = set(w, i, any(10) ? any(100) : (UINT64_C(1) << 40) - any(300));
	for (i = 0; i < 3; i++) {
		w = set(w, maps[i][0] + 0xf, any(8));
		for (j = 0xa; j <= 0xc; j++)
			w = set(w, maps[i][0] + j, any(6));
		for (j = 0; j < 7; j++)
			w = any(30) ? set(w, maps[i][1] + j, any(1000)) : w;
	}
	for (i = 0x100; i <= 0x103; i++)
		w = set(w, i, any(3));
	w = set(w, 0x104, any(40));
	w = set(w, 0x105, any(8) << 2 | any(10) / 8 << 6 | any(20) / 16 << 14);
	w = set(w, 0x185, any(8) << 2 | any(10) / 8 << 6 | any(20) / 16 << 14);
	w = set(w, 0x114, any(8) | any(2) << 8 | any(10) / 8 << 6 | any(20) / 16 << 14);
	w = set(w, 0x180, any(2) ? any(8) : 0x80);
	for (i = 0x111; i <= 0x113; i++)
		w = set(w, i, any(12));
	for (i = 0x120; i <= 0x122; i++)
		w = set(w, i, any(4));
	w = set(w, 0x128, any(8));
	w = set(w, 0x129, any(8));
	for (i = 0x4020; i <= 0x4023; i++)
		w = set(w, i, any(3000));
	for (i = 0x4090; i <= 0x4095; i++)
		w = any(2) ? set(w, i, any(3000)) : w;
	return set(w, operations[any(7)], any(9));
}

/* A page for each region, which some streams go beyond; a job of those that the stream wants, found
 * by asking. */
static void try_stream(struct rig *rig, struct accel_bo *const *bos, const uint32_t *words,
		       uint64_t bytes, unsigned int *created, unsigned int *submitted)
{
	struct accel_ethosu_job ext = {.head = {sizeof(ext), ACCEL_ETHOSU_JOB}};
	struct accel_bo_params commands = {.size = sizeof(commands),
					   .flags = ACCEL_BO_COMMANDS,
					   .bytes = bytes,
					   .contents = words};
	struct accel_error error = {.size = sizeof(error)};
	struct accel_job_params params = {.size = sizeof(params), .bytes = bytes, .ext = &ext.head};
	struct accel_bo_ref refs[8];
	struct accel_fence *fence;
	struct accel_job *job;
	unsigned int i;
	int ret;

	ret = accel_bo_create(rig->context, &commands, &params.commands);
	if (ret) {
		/* Ours, with the place: never the kernel's bare errno. */
		gives(ret, -EINVAL);
		gives(accel_last_error(&error), 0);
		check(error.offset != UINT64_MAX);
		return;
	}
	(*created)++;
	params.bos = refs;
	params.bo_count = 8;
	for (i = 0; i < 8; i++) {
		refs[i] = (struct accel_bo_ref){bos[i], ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0};
		ext.region[i] = (uint8_t)i;
	}
	while ((ret = accel_job_create(rig->queue, &params, &job)) == -EINVAL && params.bo_count) {
		gives(accel_last_error(&error), 0);
		if (error.index >= params.bo_count)
			break; /* no output */
		/* This region is not used: go without. */
		params.bo_count--;
		for (i = error.index; i < params.bo_count; i++) {
			refs[i] = refs[i + 1];
			ext.region[i] = ext.region[i + 1];
		}
	}
	if (!ret) {
		gives(accel_submit(rig->queue, &job, 1, NULL, &fence), 1);
		accel_fence_wait(fence, soon(60000));
		accel_fence_unref(fence);
		accel_job_unref(job);
		(*submitted)++;
	}
	accel_bo_unref(params.commands);
}

static void test_streams(const char *name)
{
	struct accel_bo_params params = {.size = sizeof(params), .bytes = PAGE};
	unsigned int created = 0, submitted = 0, i, j;
	uint32_t words[1024], *w;
	struct accel_bo *bos[8];
	struct rig rig;

	rig_open(&rig, name, 0, 0);
	params.flags = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	for (i = 0; i < 8; i++)
		gives(accel_bo_create(rig.context, &params, &bos[i]), 0);
	for (i = 0; i < 3000; i++) {
		w = words;
		for (j = 0; j <= i % 3; j++)
			w = random_operation(w);
		*w++ = 0;
		try_stream(&rig, bos, words, (uint64_t)(w - words) * sizeof(*w), &created,
			   &submitted);
	}
	printf("%u of 3000 streams are taken, %u run\n", created, submitted);
	check(created > 100 && submitted > 50);
	for (i = 0; i < 8; i++)
		accel_bo_unref(bos[i]);
	rig_close(&rig);
}

/* ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(const char *device);
} tests[] = {
	{"calls", test_calls},
	{"failures", test_failures},
	{"gate", test_gate},
	{"loss", test_loss},
	{"loss-idle", test_loss_idle},
	{"loss-and-exit", test_loss_and_exit},
	{"loss-idle-and-exit", test_loss_idle_and_exit},
	{"cores", test_cores},
	{"leave", test_leave},
	{"leave-in-the-middle", leave_in_the_middle},
	{"leave-unverified", leave_unverified},
	{"share", test_share},
	{"streams", test_streams},
	{"vendor", test_vendor},
	{"validate", test_validate},
};

int main(int argc, char **argv)
{
	unsigned int i;
	int j;

	for (i = 0; argc > 2 && i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(tests[i].name, argv[1]))
			continue;
		for (j = 2; j < argc; j++) {
			tests[i].fn(argv[j]);
			printf("ok %s %s\n", argv[1], argv[j]);
			fflush(stdout);
		}
		return 0;
	}
	fprintf(stderr, "usage: accel-drivers TEST DEVICE...\n");
	return 1;
}
