/* SPDX-License-Identifier: MIT */
/* The seam: the functions that really call the system. */
#include "sys.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

static int result(int value)
{
	return value < 0 ? -errno : value;
}

static ssize_t long_result(ssize_t value)
{
	return value < 0 ? -errno : value;
}

static int real_open(const char *path, int flags)
{
	return result(open(path, flags | O_CLOEXEC));
}

static int real_close(int fd)
{
	/* On Linux the descriptor is gone even when this fails. */
	return result(close(fd));
}

static ssize_t real_read(int fd, void *buf, size_t bytes)
{
	return long_result(read(fd, buf, bytes));
}

static ssize_t real_write(int fd, const void *buf, size_t bytes)
{
	return long_result(write(fd, buf, bytes));
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return result(ioctl(fd, request, arg));
}

static int real_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(timeout_ns / NS_PER_S),
		.tv_nsec = (long)(timeout_ns % NS_PER_S),
	};

	return result(ppoll(fds, count, timeout_ns < 0 ? NULL : &ts, NULL));
}

static int real_fstat(int fd, struct stat *out)
{
	return result(fstat(fd, out));
}

static int real_lstat(const char *path, struct stat *out)
{
	return result(lstat(path, out));
}

static int real_stat(const char *path, struct stat *out)
{
	return result(stat(path, out));
}

static int real_access(const char *path, int mode)
{
	return result(faccessat(AT_FDCWD, path, mode, AT_EACCESS));
}

static ssize_t real_readlink(const char *path, char *buf, size_t bytes)
{
	return long_result(readlink(path, buf, bytes));
}

static int real_list(const char *path, int (*fn)(void *data, const char *name), void *data)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			ret = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			ret = fn(data, entry->d_name);
	}
	closedir(dir);
	return ret;
}

static int real_dup(int fd)
{
	return result(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static int64_t real_size(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);

	return end < 0 ? -errno : (int64_t)end;
}

static int real_fs_magic(int fd, uint64_t *magic)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return -errno;
	*magic = (uint64_t)fs.f_type;
	return 0;
}

static int real_memfd(const char *name, unsigned int flags)
{
	return result(memfd_create(name, flags | MFD_CLOEXEC));
}

static int real_truncate(int fd, uint64_t bytes)
{
	if (bytes > INT64_MAX || (uint64_t)(off_t)bytes != bytes)
		return -EFBIG;
	return result(ftruncate(fd, (off_t)bytes));
}

static int real_add_seals(int fd, unsigned int seals)
{
	return result(fcntl(fd, F_ADD_SEALS, seals));
}

static int real_get_seals(int fd)
{
	return result(fcntl(fd, F_GET_SEALS));
}

static int real_eventfd(unsigned int count, int flags)
{
	return result(eventfd(count, flags | EFD_CLOEXEC));
}

static int real_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd, ret;

	fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int real_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	void *map;

	if (offset > INT64_MAX)
		return -EOVERFLOW;
	map = mmap(NULL, bytes, prot, flags, fd, (off_t)offset);
	if (map == MAP_FAILED)
		return -errno;
	*out = map;
	return 0;
}

static int real_munmap(void *addr, size_t bytes)
{
	return result(munmap(addr, bytes));
}

static int real_madvise(void *addr, size_t bytes, int advice)
{
	return result(madvise(addr, bytes, advice));
}

static void *real_alloc(size_t bytes)
{
	return calloc(1, bytes);
}

static int real_thread_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	int ret;

	/* The application's handlers are none of our threads' business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

static int real_thread_join(pthread_t thread)
{
	return -pthread_join(thread, NULL);
}

/* The kernel's layout of a timespec with 64 bits for either member. */
struct timespec64 {
	int64_t tv_sec;
	int64_t tv_nsec;
};

static int real_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	const int op = FUTEX_WAIT_BITSET_PRIVATE; /* takes an absolute monotonic time */
	struct timespec64 ts;
	void *timeout = NULL;
	long ret;

	if (deadline < 0)
		deadline = 0;
	if (deadline != INT64_MAX) {
		ts.tv_sec = deadline / NS_PER_S;
		ts.tv_nsec = deadline % NS_PER_S;
		timeout = &ts;
	}
#ifdef SYS_futex_time64 /* 32 bits: the plain call has a 32-bit time */
	ret = syscall(SYS_futex_time64, word, op, value, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
#else
	ret = syscall(SYS_futex, word, op, value, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
#endif
	if (ret >= 0 || errno == EAGAIN)
		return 0;
	return errno == ETIMEDOUT ? -ETIME : -errno;
}

static int real_futex_wake(const uint32_t *word, int count)
{
#ifdef SYS_futex
	return result((int)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count));
#else
	return result((int)syscall(SYS_futex_time64, word, FUTEX_WAKE_PRIVATE, count));
#endif
}

static int64_t real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int real_dl_open(const char *path, void **handle, char *why, size_t why_bytes)
{
	const char *text;
	void *found = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!found) {
		text = dlerror();
		snprintf(why, why_bytes, "%s", text ? text : "unknown error");
		return -ELIBACC;
	}
	*handle = found;
	return 0;
}

static void *real_dl_sym(void *handle, const char *name)
{
	return dlsym(handle, name);
}

static void real_dl_close(void *handle)
{
	dlclose(handle);
}

struct accel_sys accel_core_sys = {
	.open = real_open,
	.close = real_close,
	.read = real_read,
	.write = real_write,
	.ioctl = real_ioctl,
	.poll = real_poll,
	.fstat = real_fstat,
	.lstat = real_lstat,
	.stat = real_stat,
	.access = real_access,
	.readlink = real_readlink,
	.list = real_list,
	.dup = real_dup,
	.size = real_size,
	.fs_magic = real_fs_magic,
	.memfd = real_memfd,
	.truncate = real_truncate,
	.add_seals = real_add_seals,
	.get_seals = real_get_seals,
	.eventfd = real_eventfd,
	.uevents = real_uevents,
	.mmap = real_mmap,
	.munmap = real_munmap,
	.madvise = real_madvise,
	.alloc = real_alloc,
	.free = free,
	.thread_create = real_thread_create,
	.thread_join = real_thread_join,
	.futex_wait = real_futex_wait,
	.futex_wake = real_futex_wake,
	.now = real_now,
	.dl_open = real_dl_open,
	.dl_sym = real_dl_sym,
	.dl_close = real_dl_close,
};
