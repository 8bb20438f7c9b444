/* SPDX-License-Identifier: MIT */
/*
 * The rig's devices: libaccel against loops over the drivers' system calls, that do the same work
 * and learn the same of its outcome.
 */
#include <errno.h>
#include <stdio.h>

#include "../kernel/library/jobs.h"
#include "bench.h"
#include "guest_clock.h"
#include "raw_loop.h"

#define ROUNDS      401        /* at least, and as many as fit into */
#define TIME_NS     1000000000 /* this */
#define JOBS        16         /* of a side in a round */
#define TARGET      1.05       /* of the loop's time */
#define DEVICES_MAX 64

/* What the two sides do, and with what. */
struct work {
	const struct raw_loop *loop;
	void *raw;
	struct rig rig; /* its buffers are those of the last job */
	struct accel_job *jobs[JOBS];
	struct accel_bo *src[JOBS], *dst[JOBS];
	unsigned char *from[JOBS], *to[JOBS];
	unsigned int batch;
	bool outcome;
};

static int run_raw(void *arg, unsigned int count)
{
	struct work *work = arg;
	int ret = 0;

	for (unsigned int done = 0; done < count && !ret; done += work->batch) {
		ret = work->loop->submit(work->raw, work->batch, work->outcome);
		if (!ret)
			ret = work->loop->wait(work->raw, work->batch, work->outcome);
	}
	return ret;
}

static int run_batch(struct work *work)
{
	struct accel_fence *fence;
	int ret;

	ret = accel_submit(work->rig.queue, work->jobs, work->batch, NULL, &fence);
	if (ret < 0)
		return ret;
	if ((unsigned int)ret == work->batch)
		ret = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	else
		ret = -EAGAIN;
	accel_fence_unref(fence);
	return ret;
}

static int run_library(void *arg, unsigned int count)
{
	struct work *work = arg;
	int ret = 0;

	for (unsigned int done = 0; done < count && !ret; done += work->batch)
		ret = run_batch(work);
	return ret;
}

static void open_library(struct work *work, const char *name)
{
	rig_open(&work->rig, name, work->outcome ? 0 : ACCEL_OPEN_UNVERIFIED, 0);
	for (int i = 0; i < JOBS; i++) {
		if (i)
			rig_renew(&work->rig, 0);
		work->jobs[i] = rig_job(&work->rig, RAW_BYTES, NULL, 0);
		work->src[i] = work->rig.src;
		work->dst[i] = work->rig.dst;
		work->from[i] = work->rig.from;
		work->to[i] = work->rig.to;
	}
}

static void close_library(struct work *work)
{
	for (int i = 0; i < JOBS; i++) {
		accel_job_unref(work->jobs[i]);
		if (i == JOBS - 1)
			break;
		accel_bo_unref(work->src[i]);
		accel_bo_unref(work->dst[i]);
	}
	rig_close(&work->rig);
}

static bool library_copied(struct work *work)
{
	bool all = true;

	for (unsigned int i = 0; i < work->batch; i++) {
		gives(accel_bo_begin_access(work->dst[i], ACCEL_ACCESS_READ, 0, RAW_BYTES,
					    soon(5000)),
		      0);
		gives(accel_bo_begin_access(work->src[i], ACCEL_ACCESS_WRITE, 0, RAW_BYTES,
					    soon(5000)),
		      0);
		all &= raw_arrived(work->from[i], work->to[i]);
		gives(accel_bo_end_access(work->src[i], ACCEL_ACCESS_WRITE, 0, RAW_BYTES), 0);
		gives(accel_bo_end_access(work->dst[i], ACCEL_ACCESS_READ, 0, RAW_BYTES), 0);
	}
	return all;
}

/* A second takes in as much of what disturbs it, however short the jobs are. */
static int compare_sides(struct bench *b, struct bench_side *sides)
{
	unsigned int rounds = ROUNDS;
	int err = bench_compare(sides, 2, 3);

	if (err || bench_quick(b))
		return err;
	if (TIME_NS / JOBS / (sides[0].ns + sides[1].ns) > rounds)
		rounds = (unsigned int)(TIME_NS / JOBS / (sides[0].ns + sides[1].ns)) | 1;
	return bench_compare(sides, 2, rounds);
}

static void compare(struct bench *b, struct work *work, const char *path)
{
	struct bench_side sides[] = {
		{.run = run_raw, .arg = work, .count = JOBS},
		{.run = run_library, .arg = work, .count = JOBS},
	};
	char ratio[128], raw[128], library[128];
	bool copied;
	int err;

	snprintf(ratio, sizeof(ratio), "%s/ratio/batch=%u", path, work->batch);
	snprintf(raw, sizeof(raw), "%s/raw/batch=%u", path, work->batch);
	snprintf(library, sizeof(library), "%s/libaccel/batch=%u", path, work->batch);
	work->loop->copied(work->raw, work->batch);
	library_copied(work);
	err = compare_sides(b, sides);
	copied = work->loop->copied(work->raw, work->batch);
	copied &= library_copied(work);
	if (err || !copied) {
		bench_absent(b, ratio, "%s", err ? strerror(-err) : "the jobs did not copy");
		return;
	}
	bench_at_most(b, ratio, sides[1].ratio, "of raw", TARGET);
	bench_figure(b, raw, sides[0].ns / 1000, "us");
	bench_figure(b, library, sides[1].ns / 1000, "us");
}

static void measure(struct bench *b, const struct accel_device_info *info,
		    const struct raw_loop *loop, bool outcome)
{
	struct work work = {.loop = loop, .outcome = outcome};
	char path[64];
	int err;

	snprintf(path, sizeof(path), "%.24s %.15s/%s", info->name, info->driver,
		 outcome ? "outcome" : "unverified");
	err = loop->open(info->node, &work.raw);
	if (err) {
		bench_absent(b, path, "the loop without libaccel: %s", strerror(-err));
		return;
	}
	open_library(&work, info->name);
	for (work.batch = 1; work.batch <= JOBS; work.batch *= JOBS)
		compare(b, &work, path);
	work.batch = 1;
	close_library(&work);
	loop->close(work.raw);
}

/* Of some devices the driver isn't known before they were opened. */
static int get_info(struct accel_device *device, struct accel_device_info *info)
{
	struct accel_context *context;
	int ret;

	ret = accel_open(device, NULL, soon(5000), &context);
	if (!ret) {
		ret = accel_device_get_info(device, info);
		accel_context_unref(context);
	}
	return ret;
}

/* Measures a device if its driver is one of those above; how many that are. */
static int measure_device(struct bench *b, struct accel_device *device)
{
	struct accel_device_info info = {.size = sizeof(info)};
	const struct raw_loop *loop;

	if (get_info(device, &info))
		return 0;
	loop = raw_loop_of(info.driver);
	if (!loop)
		return 0;
	if (loop->outcome)
		measure(b, &info, loop, true);
	if (loop->unverified)
		measure(b, &info, loop, false);
	return 1;
}

static int run_rig(struct bench *b)
{
	struct accel_device *devices[DEVICES_MAX];
	int n, measured = 0, err;

	/* Its jobs are what the models make of them: no real device should have one. */
	if (!guest_clock_start())
		return bench_refuse(b, -ENODEV, "this is no guest of tests/kernel/rig");
	err = bench_pin(b, 0, -1);
	if (err)
		return err;
	rig_exit_when_failed = 2;
	if (bench_device(b))
		n = accel_device_find(bench_device(b), devices) ? 0 : 1;
	else
		n = accel_device_scan(ACCEL_SCAN_HARDWARE, devices, DEVICES_MAX);
	for (int i = 0; i < n && i < DEVICES_MAX; i++) {
		measured += measure_device(b, devices[i]);
		accel_device_unref(devices[i]);
	}
	if (measured)
		return 0;
	return bench_refuse(b, -ENODEV,
			    bench_device(b) ? "%s has none of the rig's drivers"
					    : "there is no device with one of the rig's drivers",
			    bench_device(b));
}

const struct bench_group bench_group_rig = {
	.name = "rig",
	.about = "jobs of kernel drivers, against loops over their system calls",
	.uses_device = true,
	.run = run_rig,
};
