/* SPDX-License-Identifier: MIT */
/* What this program does when a check executes it anew: "--helper NAME ARGUMENT". */
#include "conformance.h"
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Helpers end with a status of their own for each thing that goes wrong. */
static int say(const char *text)
{
	size_t bytes = strlen(text);

	return write(STDOUT_FILENO, text, bytes) == (ssize_t)bytes ? 0 : -EIO;
}

/* ---- lists ---------------------------------------------------------------------------- */

static int helper_scan(const char *arg)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *devs[256];
	int i, count;

	(void)arg;
	count = accel_device_scan(0, devs, 256);
	if (count < 0 || count > 256)
		return 10;
	printf("ids:\n");
	for (i = 0; i < count; i++) {
		if (accel_device_get_info(devs[i], &info) != 0)
			return 11;
		printf("%s\n", info.id);
		accel_device_unref(devs[i]);
	}
	return 0;
}

static int helper_fds(const char *arg)
{
	int fd;

	(void)arg;
	for (fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	}
	return 0;
}

static int helper_fds_are(const char *list)
{
	char found[4096] = "";
	size_t used = 0;
	int fd;

	for (fd = 0; fd < 1024 && used < sizeof(found) - 8; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			used += (size_t)snprintf(found + used, sizeof(found) - used, "%d ", fd);
	}
	return strcmp(found, list) == 0 ? 0 : 10;
}

/* ---- work ------------------------------------------------------------------------------ */

struct work {
	struct accel_context *ctx;
	struct accel_queue *queue;
};

static int work_open(struct work *work)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_open_params params;
	struct accel_device *dev;
	int err;

	err = accel_device_find(suite.device, &dev);
	if (err)
		return err;
	err = accel_device_check(dev);
	if (err)
		return err;
	accel_device_get_info(dev, &info);
	suite.work = workload_find(&info);
	if (!suite.work)
		return -ENODEV;
	refill_open_params(&params);
	err = accel_open(dev, &params, soon(60000), &work->ctx);
	accel_device_unref(dev);
	if (err)
		return err;
	return try_queue(work->ctx, 0, &work->queue);
}

static void work_close(struct work *work)
{
	accel_queue_unref(work->queue);
	accel_context_unref(work->ctx);
}

/* A job of @build, which has filled the request. */
static int make_job(struct work *work, struct request *r, struct accel_job **job)
{
	int err;

	r->params.size = sizeof(r->params);
	err = accel_job_create(work->queue, &r->params, job);
	request_drop(r);
	return err;
}

static int make_nop(struct work *work, struct accel_job **job)
{
	struct request r;
	int err;

	memset(&r, 0, sizeof(r));
	err = suite.work->nop(work->ctx, &r);
	return err ? err : make_job(work, &r, job);
}

static int run_one(struct work *work)
{
	struct accel_fence *fence;
	struct accel_job *job;
	int err;

	err = make_nop(work, &job);
	if (err)
		return err;
	err = accel_submit(work->queue, &job, 1, NULL, &fence);
	if (err != 1)
		return err ? err : -EIO;
	err = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_fence_unref(fence);
	accel_job_unref(job);
	return err;
}

static int helper_run(const char *arg)
{
	struct work work;

	(void)arg;
	if (work_open(&work) != 0)
		return 10;
	if (run_one(&work) != 0)
		return 11;
	work_close(&work);
	return say("ran") ? 12 : 0;
}

/* The library was not used before the fork: the child may. */
static int helper_fork_first(const char *arg)
{
	int status;
	pid_t pid;

	(void)arg;
	pid = fork();
	if (pid < 0)
		return 20;
	if (pid == 0) {
		struct work work;

		if (work_open(&work) != 0)
			_exit(10);
		if (run_one(&work) != 0)
			_exit(11);
		work_close(&work);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 21;
	if (WEXITSTATUS(status) != 0)
		return WEXITSTATUS(status);
	/* And so may the parent. */
	return helper_run("") == 0 ? 0 : 22;
}

/* The other end of two_processes_share_buffer_and_fence. */
static int helper_share(const char *arg)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_fence *fence;
	struct accel_job *job;
	struct accel_bo *bo;
	struct request r;
	struct work work;
	uint64_t bytes;
	void *map;
	int fd;

	(void)arg;
	if (work_open(&work) != 0)
		return 10;
	fd = receive_fd(STDIN_FILENO);
	if (fd < 0)
		return 11;
	if (accel_bo_import(work.ctx, fd, DATA_FLAGS, &bo) != 0)
		return 12;
	close(fd);
	if (accel_bo_get_info(bo, &info) != 0 || !(info.flags & ACCEL_BO_IS_IMPORTED))
		return 13;
	bytes = whole_units(65536);
	if (info.bytes < bytes || accel_bo_map(bo, &map) != 0 || !bytes_are(map, bytes, 0x01))
		return 14;
	memset(&r, 0, sizeof(r));
	if (suite.work->fill(work.ctx, &r, bo, 0, bytes, 0xf2) != 0)
		return 15;
	if (make_job(&work, &r, &job) != 0)
		return 16;
	if (accel_submit(work.queue, &job, 1, NULL, &fence) != 1)
		return 17;
	if (accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd) != 0)
		return 18;
	if (send_fd(STDIN_FILENO, fd) != 0)
		return 19;
	close(fd);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(bo);
	work_close(&work);
	return 0;
}

/* ---- exit(3) ------------------------------------------------------------------------------ */

static struct gate exit_gate;

/* A thread that is there until the process is gone. */
static int start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, fn, arg) || pthread_detach(thread) ? -1 : 0;
}

/* A job that nobody will ever let end. */
static int exit_running(struct work *work)
{
	struct accel_job *job;
	struct request r;

	gate_init(&exit_gate);
	exit_gate.report_fd = STDOUT_FILENO;
	memset(&r, 0, sizeof(r));
	if (suite.work->gate(work->ctx, &r, &exit_gate) != 0)
		return 20;
	if (make_job(work, &r, &job) != 0)
		return 21;
	if (accel_submit(work->queue, &job, 1, NULL, NULL) != 1)
		return 22;
	gate_wait_started(&exit_gate);
	return 0;
}

static int never_ending(struct work *work, struct accel_fence **done)
{
	struct accel_submit_params params = {.size = sizeof(params)};
	struct accel_fence *never;
	struct accel_job *job;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 || accel_fence_import_fd(fds[0], 0, &never) != 0)
		return 30;
	if (make_nop(work, &job) != 0)
		return 31;
	params.wait = &never;
	params.wait_count = 1;
	if (accel_submit(work->queue, &job, 1, &params, done) != 1)
		return 32;
	return 0;
}

static _Atomic int waiting;

static void *wait_for_ever(void *arg)
{
	waiting = 1;
	accel_fence_wait(arg, ACCEL_NO_DEADLINE);
	return NULL;
}

static int exit_thread(struct work *work)
{
	struct accel_fence *done;
	int err;

	err = never_ending(work, &done);
	if (err)
		return err;
	if (start_thread(wait_for_ever, done) != 0)
		return 33;
	while (!waiting)
		pause_ms(1);
	pause_ms(5);
	return 0;
}

static void *submit_for_ever(void *arg)
{
	struct work *work = arg;

	for (;;) {
		int err = run_one(work);

		if (err && err != -EAGAIN)
			pause_ms(1);
		waiting = 1;
	}
	return NULL;
}

static int exit_submitting(struct work *work)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (start_thread(submit_for_ever, work) != 0)
			return 40;
	}
	while (!waiting)
		pause_ms(1);
	return 0;
}

static int exit_submitted(struct work *work)
{
	struct accel_job *job;
	int i;

	for (i = 0; i < 50; i++) {
		if (make_nop(work, &job) != 0)
			return 50;
		if (accel_submit(work->queue, &job, 1, NULL, NULL) != 1)
			break;
		accel_job_unref(job);
	}
	return 0;
}

/* Ends by exit(3) with 7 after it has written 'e'. */
static int helper_exit(const char *kind)
{
	static struct work work; /* threads use it until the process is gone */
	struct accel_fence *done;
	int status = 0;

	if (work_open(&work) != 0)
		return 10;
	if (strcmp(kind, "running") == 0)
		status = exit_running(&work);
	else if (strcmp(kind, "waiting") == 0)
		status = never_ending(&work, &done);
	else if (strcmp(kind, "thread") == 0)
		status = exit_thread(&work);
	else if (strcmp(kind, "submitting") == 0)
		status = exit_submitting(&work);
	else if (strcmp(kind, "submitted") == 0)
		status = exit_submitted(&work);
	else if (run_one(&work) != 0)
		status = 11;
	if (status)
		return status;
	if (strcmp(kind, "released") == 0)
		work_close(&work);
	if (say("e") != 0)
		return 12;
	exit(7);
}

/* ---- the list --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*fn)(const char *arg);
} helpers[] = {
	{"scan", helper_scan},
	{"fds", helper_fds},
	{"fds-are", helper_fds_are},
	{"run", helper_run},
	{"fork-first", helper_fork_first},
	{"share", helper_share},
	{"exit", helper_exit},
};

int run_helper(int argc, char **argv)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; argc > 0 && i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		if (strcmp(helpers[i].name, argv[0]) == 0)
			return helpers[i].fn(argc > 1 ? argv[1] : "");
	}
	fprintf(stderr, "unknown helper\n");
	return 2;
}
