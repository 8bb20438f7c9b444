/* SPDX-License-Identifier: MIT */
/*
 * What the parts of accel-bench share: a group measures, a figure is what it found, and
 * everything that is timed is timed beside what it is compared to.
 */
#ifndef ACCEL_BENCH_H
#define ACCEL_BENCH_H

#include <accel/accel.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench;

/* A group of figures. Its function returns 0, or a negative errno after bench_refuse(),
 * if the device lacks what the whole group needs. */
struct bench_group {
	const char *name;
	const char *about;
	bool uses_device; /* what --device names */
	int (*run)(struct bench *b);
};

extern const struct bench_group bench_group_load;
extern const struct bench_group bench_group_counts;
extern const struct bench_group bench_group_soft;
extern const struct bench_group bench_group_rig;
extern const struct bench_group bench_group_list;

/* The device that was named by --device, or NULL. */
const char *bench_device(const struct bench *b);

/* --quick: so few rounds that no figure is worth anything, to see that all are there. */
bool bench_quick(const struct bench *b);

/* One line that says why this group can't be measured here; returns `err`. */
int bench_refuse(struct bench *b, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The figures. A name is a path in its group; the last part of a point of a curve is
 * KEY=NUMBER ("stream/batch=64"), from which the plots are made. Values are finite.
 * bench_absent() is for what could not be measured: it is told with the reason.
 */
void bench_figure(struct bench *b, const char *name, double value, const char *unit);
void bench_at_most(struct bench *b, const char *name, double value, const char *unit,
		   double target);
void bench_at_least(struct bench *b, const char *name, double value, const char *unit,
		    double target);
void bench_exactly(struct bench *b, const char *name, double value, const char *unit,
		   double target);
void bench_absent(struct bench *b, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Pins the calling thread, and all it creates from now on, to one or two of the CPUs that
 * the process was started on: 0 is the first of them, -1 for `second` none. Returns 0, or
 * bench_refuse()'s error. bench_unpin() gives all of them back. */
int bench_pin(struct bench *b, int first, int second);
void bench_unpin(void);
int bench_cpus(void);

/*
 * One side of a comparison: run() does the work `count` times and returns 0 or a negative
 * errno. bench_compare() runs all sides in turn, `rounds` times, each round beginning with
 * another one, and leaves the median of the nanoseconds for one of the work in `ns`, and in
 * `ratio` the median over the rounds of that round's time against side 0's: what disturbs a
 * round disturbs all its sides. Returns 0, or the first error of a run(); the work of a
 * comparison is done once before, unmeasured.
 */
struct bench_side {
	int (*run)(void *arg, unsigned int count);
	void *arg;
	unsigned int count;
	double ns, ratio;
};
int bench_compare(struct bench_side *sides, size_t n, unsigned int rounds);

int64_t bench_now(void); /* CLOCK_MONOTONIC, nanoseconds */
double bench_median(double *values, size_t n);

/*
 * Runs a program, a path or a name to look for in $PATH. It reads what it writes to its standard
 * output, at most size - 1 bytes, into `out`, and returns 0 or a negative errno (-ENOENT: there is
 * no such program, -ECHILD: it failed).
 */
int bench_run(const char *program, char *const argv[], char *out, size_t size);
/* The same for this program itself with the hidden option --child NAME ARG: `name` is one of the
 * functions of child.c. */
int bench_child(const char *name, const char *arg, char *out, size_t size);
int bench_child_main(const char *name, const char *arg);

/* How many system calls work() makes, the first time that this process does it: it is run in a
 * fork. A negative errno if it fails, or if nothing can be traced here. For a child that has not
 * called the library, which does nothing in the fork of a process that has. */
int bench_count_calls(int (*work)(void *arg), void *arg);

#endif
