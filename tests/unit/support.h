/* SPDX-License-Identifier: MIT */
/*
 * What the unit tests share: a seam that counts, fails and makes up device nodes; trees of
 * files that look like sysfs; and assertions in the terms of accel.h.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* needs those above */
#include <cmocka.h>

#include "core.h"

/* ---- failures ----------------------------------------------------------------------------- */

/* That @call gives @err and says so, in words, in the last error. */
#define assert_fails(call, err) \
	(support_stale_error(), support_check_error((call), (err), #call, __FILE__, __LINE__))
/* That @call gives @value (0, a count, or an answer such as -ETIME) and leaves the last
 * error alone. */
#define assert_gives(call, value) \
	(support_stale_error(), support_check_value((call), (value), #call, __FILE__, __LINE__))
#define assert_ok(call) assert_gives(call, 0)

void support_stale_error(void);
void support_check_error(int ret, int err, const char *call, const char *file, int line);
void support_check_value(int ret, int value, const char *call, const char *file, int line);
/* The last error; its place. */
struct accel_error support_error(void);

/* ---- the seam ----------------------------------------------------------------------------- */

enum seam_entry {
	SEAM_OPEN,
	SEAM_CLOSE,
	SEAM_READ,
	SEAM_WRITE,
	SEAM_IOCTL,
	SEAM_POLL,
	SEAM_FSTAT,
	SEAM_LSTAT,
	SEAM_STAT,
	SEAM_ACCESS,
	SEAM_READLINK,
	SEAM_LIST,
	SEAM_DUP,
	SEAM_EVENTFD,
	SEAM_MMAP,
	SEAM_MUNMAP,
	SEAM_MADVISE,
	SEAM_ALLOC,
	SEAM_FREE,
	SEAM_THREAD_CREATE,
	SEAM_FUTEX_WAIT,
	SEAM_FUTEX_WAKE,
	SEAM_DL_OPEN,
	SEAM_ENTRIES
};

/* Put the test's seam in, with nothing failing and no nodes. */
void seam_install(void);
/* How often an entry was called since the last seam_install() or seam_forget(). */
unsigned long seam_calls(enum seam_entry entry);
unsigned long seam_all_calls(void);
void seam_forget(void);
/* Of the opens those of paths below /dev. */
unsigned long seam_dev_opens(void);
/* Make the call after @skip more fail with @err, and those after it, @count in all. */
void seam_fail(enum seam_entry entry, unsigned long skip, unsigned long count, int err);
/* Spin until the entry was called @count times: another thread has come so far. */
void seam_await(enum seam_entry entry, unsigned long count);
/* Memory handed out by the seam and not given back; mappings; descriptors of the process. */
long seam_live_memory(void);
long seam_live_maps(void);
int count_fds(void);

/* A device node that isn't there. */
struct seam_node {
	const char *path;
	dev_t rdev;
	mode_t mode; /* 0: a character device, rw for all */
	gid_t gid;
	int lstat_err, access_err, open_err, ioctl_err;
	unsigned long open_err_count; /* 0: always */
	dev_t opened_rdev;            /* 0: rdev; what fstat says once it is open */
	const char *driver;           /* what DRM_IOCTL_VERSION answers */
	unsigned long opens;
	void (*before_open)(struct seam_node *node);
};
void seam_add_node(struct seam_node *node);
/* The node that @fd is of, or NULL. */
struct seam_node *seam_node_of(int fd);
/* Paths below @prefix are providers; dlopen gives @provider for "PREFIX/NAME.so". */
void seam_add_provider(const char *name, const struct accel_provider *provider);
#define SEAM_PROVIDER_DIR "/made-up-providers"

/* Made-up sync_files: @status as SYNC_IOC_FILE_INFO gives it. Poll as an eventfd does. */
int seam_make_sync_file(int status);
void seam_end_sync_file(int fd, int status);

/* ---- the environment ---------------------------------------------------------------------- */

/* As if the library had started with it; NULL: not set. Strings must last. */
void set_sysfs(const char *path);
void set_procfs(const char *path);
void set_dev(const char *path);
void set_provider_dir(const char *path);
void set_no_software(bool no_software);

/* ---- trees -------------------------------------------------------------------------------- */

/* A new empty directory; the string is good until tree_remove(). */
char *tree_make(void);
void tree_remove(char *tree);
/* A file or directory of it, with all that is in it. */
void tree_remove_below(const char *tree, const char *path);
/* Write a file below @tree, making its directories. */
void tree_write(const char *tree, const char *path, const void *data, size_t bytes);
void tree_print(const char *tree, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tree_link(const char *tree, const char *path, const char *target);
void tree_dir(const char *tree, const char *path);
/* "TREE/PATH" in a static buffer. */
const char *tree_path(const char *tree, const char *path);
/* A whole device: class/accel/accelMINOR, on PCI (@address) or, if NULL, platform "npuMINOR".
 * @driver NULL: no driver. */
void tree_device(const char *tree, unsigned int minor, const char *address, const char *driver);

/* ---- threads ------------------------------------------------------------------------------ */

/* A call on another thread. */
struct task {
	pthread_t thread;
	int (*fn)(void *arg);
	void *arg;
	int result;
	_Atomic int done;
};
void task_start(struct task *task, int (*fn)(void *arg), void *arg);
int task_join(struct task *task);

/* A deadline that only a test that hangs reaches. */
int64_t far_off(void);

#endif
