/* SPDX-License-Identifier: MIT */
/*
 * The seam: everything that can fail outside the library goes through this one
 * table. Fault injection, tracing and model kernels replace entries of it.
 *
 * Entries give 0, a count or a descriptor, or a negative errno. None of them
 * loops on EINTR but where its comment says so.
 */
#ifndef ACCEL_SYS_H
#define ACCEL_SYS_H

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct accel_sys {
	/* files */
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	ssize_t (*read)(int fd, void *buf, size_t bytes);
	ssize_t (*write)(int fd, const void *buf, size_t bytes);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	int (*poll)(struct pollfd *fds, unsigned int count, int64_t timeout_ns); /* < 0: for ever */
	int (*fstat)(int fd, struct stat *out);
	int (*lstat)(const char *path, struct stat *out);
	int (*stat)(const char *path, struct stat *out);
	int (*access)(const char *path, int mode); /* with the effective ids */
	ssize_t (*readlink)(const char *path, char *buf, size_t bytes);
	/* Calls @fn for each name but "." and ".."; stops when it returns non-zero
	 * and returns that. */
	int (*list)(const char *path, int (*fn)(void *data, const char *name), void *data);
	int (*dup)(int fd); /* close-on-exec */
	int64_t (*size)(int fd); /* lseek(SEEK_END); how a dma-buf tells its size */
	int (*fs_magic)(int fd, uint64_t *magic); /* fstatfs: of which file system it is */
	int (*memfd)(const char *name, unsigned int flags);
	int (*truncate)(int fd, uint64_t bytes);
	int (*add_seals)(int fd, unsigned int seals);
	int (*get_seals)(int fd);
	int (*eventfd)(unsigned int count, int flags);
	int (*uevents)(void); /* a socket with the kernel's events of all devices; not blocking */
	/* memory */
	int (*mmap)(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out);
	int (*munmap)(void *addr, size_t bytes);
	int (*madvise)(void *addr, size_t bytes, int advice);
	void *(*alloc)(size_t bytes); /* zeroed; NULL: none left */
	void (*free)(void *);
	/* threads */
	int (*thread_create)(pthread_t *out, void *(*fn)(void *), void *arg); /* all signals blocked */
	int (*thread_join)(pthread_t thread);
	/* Sleep while *word is @value: 0 woken or it differs, -ETIME, -EINTR.
	 * @deadline as in accel.h. */
	int (*futex_wait)(const uint32_t *word, uint32_t value, int64_t deadline);
	int (*futex_wake)(const uint32_t *word, int count);
	int64_t (*now)(void); /* CLOCK_MONOTONIC, ns */
	/* the dynamic linker */
	int (*dl_open)(const char *path, void **handle, char *why, size_t why_bytes);
	void *(*dl_sym)(void *handle, const char *name);
	void (*dl_close)(void *handle);
};

/* Writable, so that a test or the tracer can put its own functions in. Replace
 * entries before the first call into the library only. */
extern struct accel_sys accel_core_sys;

#endif
