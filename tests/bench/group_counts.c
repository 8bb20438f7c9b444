/* SPDX-License-Identifier: MIT */
/*
 * What is counted and is the same on any machine: kernel calls, allocations, and the instructions
 * of the library and its providers from a submission to the end of the wait. counts/ has the program
 * that is counted, over kernels that are made up or, for --device, over a real driver.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most instructions that libaccel may add to a submission and to each further job of it. */
#define SUBMIT_TARGET  250
#define FURTHER_TARGET 80

/* A table of what is promised for each driver; the words are those of accel-bench-counts. */
static const struct subject {
	const char *name; /* of the figures */
	const char *device;
	unsigned int submit, wait, status; /* kernel calls */
	unsigned int others;               /* system calls beside those */
} subjects[] = {
	{"empty", "empty", 0, 0, 0, 0},
	{"rocket", "rocket", 2, 3, 1, 0},
	{"rocket-unverified", "rocket/unverified", 1, 1, 1, 0},
	{"ethosu", "ethosu", 2, 3, 1, 0},
	{"ethosu-unverified", "ethosu/unverified", 1, 1, 1, 0},
	{"ivpu", "intel_vpu", 1, 1, 1, 0},
	{"qaic", "qaic", 1, 2, 1, 0}, /* its job has two buffers */
};
#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static char *helper; /* its path */

/* It stands beside this program. */
static int find_helper(struct bench *b)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int err = 0;

	if (length < 0)
		return bench_refuse(b, -errno, "/proc/self/exe: %s", strerror(errno));
	path[length] = '\0';
	if (asprintf(&helper, "%s-counts", path) < 0)
		return bench_refuse(b, -ENOMEM, "no memory");
	if (access(helper, X_OK) < 0) {
		err = bench_refuse(b, -errno,
				   "%s: %s (only 64 bits with glibc and no sanitizer have it)",
				   helper, strerror(errno));
		free(helper);
	}
	return err;
}

/* ---- what the helper counts itself ------------------------------------------------------------ */

/* The number in the line "KEY NUMBER" of `text`, or -1. */
static int number_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, length) == 0 && text[length] == ' ')
			return atoi(text + length);
	}
	return -1;
}

static void note_count(struct bench *b, const struct subject *s, const char *text, const char *key,
		       const char *what, const char *unit, unsigned int target)
{
	int number = number_of(text, key);
	char name[80];

	snprintf(name, sizeof(name), "%s/%s", s->name, what);
	if (number < 0)
		bench_absent(b, name, "this kernel lets no process count it");
	else
		bench_exactly(b, name, number, unit, target);
}

static void note_counts(struct bench *b, const struct subject *s, const char *text)
{
	note_count(b, s, text, "submit", "calls of a submit", "calls", s->submit);
	note_count(b, s, text, "wait", "calls of a wait", "calls", s->wait);
	note_count(b, s, text, "allocations", "allocations", "calls", 0);
}

static void count_made_up(struct bench *b, const struct subject *s)
{
	char *argv[] = {helper, "count", (char *)s->device, NULL};
	char text[4096], name[80];
	int err = bench_run(helper, argv, text, sizeof(text));

	if (err) {
		snprintf(name, sizeof(name), "%s/calls", s->name);
		bench_absent(b, name, "%s: %s", helper, strerror(-err));
		return;
	}
	note_counts(b, s, text);
	note_count(b, s, text, "status", "calls of a status", "calls", s->status);
	note_count(b, s, text, "others", "other system calls", "calls", s->others);
	note_count(b, s, text, "contended", "contended locks", "calls", 0);
	snprintf(name, sizeof(name), "%s/clock reads", s->name);
	bench_figure(b, name, number_of(text, "clock"), "calls");
}

static const struct subject *subject_of_driver(const char *driver)
{
	for (size_t i = 0; i < SUBJECTS; i++) {
		if (strcmp(subjects[i].device, driver) == 0)
			return &subjects[i];
	}
	return NULL;
}

static int count_device(struct bench *b, const char *name)
{
	struct accel_device_info info = {.size = sizeof(info)};
	char *argv[] = {helper, "count", info.name, NULL};
	char text[4096], driver[sizeof(info.driver)] = "";
	const struct subject *s;
	struct accel_device *device;
	int err = accel_device_find(name, &device);

	if (err < 0)
		return bench_refuse(b, err, "%s: %s", name, strerror(-err));
	accel_device_get_info(device, &info);
	accel_device_unref(device);
	/* That of some devices is known when they are open. */
	if (info.driver[0] && !subject_of_driver(info.driver))
		return bench_refuse(b, -ENODEV, "nothing is promised for the driver of %s", name);
	err = bench_run(helper, argv, text, sizeof(text));
	if (err)
		return bench_refuse(b, err, "%s: %s", helper, strerror(-err));
	sscanf(text, "driver %31s", driver);
	s = subject_of_driver(driver);
	if (!s)
		return bench_refuse(b, -ENODEV, "nothing is promised for the driver of %s", name);
	note_counts(b, s, text);
	return 0;
}

/* ---- what callgrind counts ------------------------------------------------------------------------ */

#define BATCHES 6 /* 1, 2, 4 ... 32 jobs, as the helper's */

/* Instructions of each operation of the helper's walk. */
struct walk {
	double submit[BATCHES], wait[BATCHES];
};

/* The next part's, in a file of callgrind's. */
static int next_total(FILE *file, double *total)
{
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "totals: %lf", total) == 1)
			return 0;
	}
	return -ENODATA;
}

static int read_walk(const char *path, struct walk *walk)
{
	FILE *file = fopen(path, "re");
	double before;
	int err;

	if (!file)
		return -errno;
	err = next_total(file, &before); /* of the set-up */
	for (int i = 0; i < BATCHES && !err; i++) {
		err = next_total(file, &walk->submit[i]);
		if (!err)
			err = next_total(file, &walk->wait[i]);
	}
	fclose(file);
	return err;
}

/*
 * Counted from the first instruction of a function to its last, with all that it calls but the calls
 * into the kernel and the reading of the clock: entering one of the functions that are named switches
 * counting over, and leaving it back. A walk has the library's, or those of raw_*.c.
 */
static int run_walk(const char *how, const struct subject *s, struct walk *walk)
{
	char path[] = "/tmp/accel-bench-XXXXXX", to[64], text[4096];
	char *argv[] = {"valgrind",
			"--tool=callgrind",
			"--log-file=/dev/null",
			to,
			"--combine-dumps=yes",
			"--dump-before=counts_mark",
			"--toggle-collect=ioctl",
			"--toggle-collect=poll",
			"--toggle-collect=ppoll",
			"--toggle-collect=close",
			"--toggle-collect=clock_gettime",
			"--toggle-collect=accel_submit",
			"--toggle-collect=accel_fence_wait",
			"--toggle-collect=accel_fence_unref",
			"--toggle-collect=raw_submit_*",
			"--toggle-collect=raw_wait_*",
			helper,
			(char *)how,
			(char *)s->device,
			NULL};
	int fd = mkstemp(path), err;

	if (fd < 0)
		return -errno;
	close(fd);
	snprintf(to, sizeof(to), "--callgrind-out-file=%s", path);
	err = bench_run("valgrind", argv, text, sizeof(text));
	if (!err)
		err = read_walk(path, walk);
	unlink(path);
	return err;
}

static void note_curve(struct bench *b, const struct subject *s, const char *what,
		       const double *values)
{
	char name[80];

	for (int i = 0; i < BATCHES; i++) {
		snprintf(name, sizeof(name), "%s/%s/batch=%d", s->name, what, 1 << i);
		bench_figure(b, name, values[i] / (1 << i), "instr/job");
	}
}

/* A provider without a kernel has no loop over its calls: all that is taken is the library's. */
static bool has_kernel(const struct subject *s)
{
	return s->submit > 0;
}

/* What the library takes, a loop by hand, and the difference, which has the target if any. */
static void note_instructions(struct bench *b, const struct subject *s, const char *what,
			      double library, double raw, unsigned int target)
{
	char name[80];

	snprintf(name, sizeof(name), "%s/%s", s->name, what);
	bench_figure(b, name, library, "instr");
	snprintf(name, sizeof(name), "%s/%s, by hand", s->name, what);
	if (has_kernel(s))
		bench_figure(b, name, raw, "instr");
	snprintf(name, sizeof(name), "%s/%s, added", s->name, what);
	if (target)
		bench_at_most(b, name, library - raw, "instr", target);
}

static double further_job(const struct walk *walk)
{
	const int last = BATCHES - 1;

	return (walk->submit[last] - walk->submit[0]) / ((1 << last) - 1);
}

static void count_instructions(struct bench *b, const struct subject *s)
{
	struct walk walk, raw = {0};
	char name[80];
	int err = run_walk("walk", s, &walk);

	if (!err && has_kernel(s))
		err = run_walk("raw", s, &raw);
	if (err) {
		snprintf(name, sizeof(name), "%s/instructions", s->name);
		bench_absent(b, name, "valgrind --tool=callgrind: %s", strerror(-err));
		return;
	}
	note_instructions(b, s, "submit of a job", walk.submit[0], raw.submit[0], SUBMIT_TARGET);
	note_instructions(b, s, "submit of a further job", further_job(&walk), further_job(&raw),
			  FURTHER_TARGET);
	note_instructions(b, s, "wait and end of a job", walk.wait[0], raw.wait[0], 0);
	note_curve(b, s, "submit", walk.submit);
	note_curve(b, s, "wait", walk.wait);
}

static int run_counts(struct bench *b)
{
	const char *device = bench_device(b);
	int err = find_helper(b);

	if (err)
		return err;
	if (device) {
		err = count_device(b, device);
	} else {
		for (size_t i = 0; i < SUBJECTS; i++) {
			count_made_up(b, &subjects[i]);
			count_instructions(b, &subjects[i]);
		}
	}
	free(helper);
	return err;
}

const struct bench_group bench_group_counts = {
	.name = "counts",
	.about = "kernel calls, allocations and instructions of a job, exactly",
	.uses_device = true,
	.run = run_counts,
};
