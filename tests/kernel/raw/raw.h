/* SPDX-License-Identifier: GPL-2.0 */
/* What the raw programs share: they call the drivers as their authors would, without a library. */
#ifndef RAW_H
#define RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tests of one program, run in order; group says in which kernels one makes sense. */
struct raw_test {
	const char *group;	/* "copy", "refuse", "error", "hang" */
	const char *name;
	void (*run)(void);
};

/*
 * Run the tests of the groups named in argv (all without a name) and print a line for each
 * and a closing one. Returns the exit status: 1 if a check failed or nothing ran.
 */
int raw_main(int argc, char **argv, const struct raw_test *tests, size_t count);

/* Note a failure of the running test unless ok. Returns ok. */
bool check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* check() that got is what was expected, both printed if it is not. */
bool check_equal(long got, long expected, const char *what);

/* Say why the running test has nothing to do here. */
void raw_skip(const char *why);

/* The index-th node of the driver, read-write; -ENODEV if there are fewer. */
int raw_open(const char *driver, unsigned int index);

/* 0 or -errno; called again after a signal only. */
int raw_ioctl(int fd, unsigned long request, void *argument);

/* A new dma-buf descriptor of the handle, or -errno. */
int raw_export(int fd, uint32_t handle);

/* The handle of a dma-buf in another file, or -errno. */
int raw_import(int fd, int dmabuf, uint32_t *handle);

int raw_close_handle(int fd, uint32_t handle);

/* A sync_file of the fences that wait on the buffer now, or -errno. */
int raw_fence(int fd, uint32_t handle);

/* Make the buffer's next users wait for the sync_file. */
int raw_add_fence(int fd, uint32_t handle, int sync_file);

/* 0 pending, 1 done, -errno failed: of all the fences in it. */
int raw_fence_status(int sync_file);

/* Wait for its end and return its status; -ETIMEDOUT after a minute. */
int raw_fence_wait(int sync_file);

/* CLOCK_MONOTONIC now plus ms, as the drivers' waits want it. */
int64_t raw_deadline(int64_t ms);

/* Fill with bytes that differ from one seed to the other, and look whether they are there. */
void raw_fill(void *data, size_t bytes, unsigned int seed);
bool raw_is_filled(const void *data, size_t bytes, unsigned int seed);
bool raw_is_all(const void *data, size_t bytes, unsigned char value);

#endif
