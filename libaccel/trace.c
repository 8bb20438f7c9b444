/* SPDX-License-Identifier: MIT */
/*
 * LIBACCEL_TRACE=1: each call to the kernel on stderr, decoded, with its result and time.
 * LIBACCEL_TRACE=/a/file: appended to that file, with the time of its start and its thread.
 */
#include "core.h"

#include <drm/drm.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TABLES_MAX 16
#define NODES_MAX  1024 /* descriptors whose driver is known */
/* Of the file's descriptor: where a program that closes descriptors of others and opens its
 * own won't have one in its place. */
#define FD_MIN 500

/* What the core itself and several providers ask the kernel. */
static int show_dmabuf_sync(const void *arg, char *text, size_t bytes)
{
	const struct dma_buf_sync *sync = arg;

	return snprintf(text, bytes, "flags 0x%" PRIx64, (uint64_t)sync->flags);
}

static int show_sync_file(const void *arg, char *text, size_t bytes)
{
	const struct sync_file_info *info = arg;

	return snprintf(text, bytes, "status %d, %u fences", info->status, info->num_fences);
}

static int show_udmabuf(const void *arg, char *text, size_t bytes)
{
	const struct udmabuf_create *create = arg;

	return snprintf(text, bytes, "memfd %u, offset %" PRIu64 ", size %" PRIu64, create->memfd,
			(uint64_t)create->offset, (uint64_t)create->size);
}

static int show_version(const void *arg, char *text, size_t bytes)
{
	const struct drm_version *version = arg;

	return snprintf(text, bytes, "%.*s %d.%d.%d",
			version->name && version->name_len < 64 ? (int)version->name_len : 0,
			version->name ? version->name : "", version->version_major,
			version->version_minor, version->version_patchlevel);
}

static int show_gem_close(const void *arg, char *text, size_t bytes)
{
	const struct drm_gem_close *gem = arg;

	return snprintf(text, bytes, "handle %u", gem->handle);
}

static int show_prime(const void *arg, char *text, size_t bytes)
{
	const struct drm_prime_handle *prime = arg;

	return snprintf(text, bytes, "handle %u, fd %d", prime->handle, prime->fd);
}

static const struct accel_ioctl_name common[] = {
	{ DRM_IOCTL_VERSION, "DRM_IOCTL_VERSION", show_version },
	{ DRM_IOCTL_GEM_CLOSE, "DRM_IOCTL_GEM_CLOSE", show_gem_close },
	{ DRM_IOCTL_PRIME_HANDLE_TO_FD, "DRM_IOCTL_PRIME_HANDLE_TO_FD", show_prime },
	{ DRM_IOCTL_PRIME_FD_TO_HANDLE, "DRM_IOCTL_PRIME_FD_TO_HANDLE", show_prime },
	{ DMA_BUF_IOCTL_SYNC, "DMA_BUF_IOCTL_SYNC", show_dmabuf_sync },
	{ DMA_BUF_IOCTL_EXPORT_SYNC_FILE, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE", NULL },
	{ DMA_BUF_IOCTL_IMPORT_SYNC_FILE, "DMA_BUF_IOCTL_IMPORT_SYNC_FILE", NULL },
	{ SYNC_IOC_FILE_INFO, "SYNC_IOC_FILE_INFO", show_sync_file },
	{ SYNC_IOC_MERGE, "SYNC_IOC_MERGE", NULL },
	{ UDMABUF_CREATE, "UDMABUF_CREATE", show_udmabuf },
	{ 0, NULL, NULL },
};

static const struct accel_ioctl_name *_Atomic tables[TABLES_MAX] = { common };

static struct accel_sys real; /* what stands behind the tracer */
static int file = -1;	      /* -1: to stderr */

/* Of an open node: its driver's, as drivers have one number for different calls. */
static const struct accel_ioctl_name *_Atomic node_names[NODES_MAX];

static const struct accel_ioctl_name *find_in(const struct accel_ioctl_name *at,
					      unsigned long request)
{
	for (; at && at->name; at++)
		if (at->request == request)
			return at;
	return NULL;
}

static const struct accel_ioctl_name *find_name(int fd, unsigned long request)
{
	const struct accel_ioctl_name *found = NULL;
	int i;

	if (fd >= 0 && fd < NODES_MAX)
		found = find_in(atomic_load(&node_names[fd]), request);
	for (i = 0; i < TABLES_MAX && !found; i++)
		found = find_in(atomic_load(&tables[i]), request);
	return found;
}

void trace_node(int fd, const struct accel_ioctl_name *names)
{
	if (fd >= 0 && fd < NODES_MAX)
		atomic_store(&node_names[fd], names);
}

static void write_line(int64_t start_ns, const char *text)
{
	char line[512];
	int length;

	if (file < 0) {
		log_to_stderr(text);
		return;
	}
	/* One write, so that the lines of several threads and processes don't mix. */
	length = snprintf(line, sizeof(line), "%" PRId64 ".%09d %d %s\n", start_ns / 1000000000,
			  (int)(start_ns % 1000000000), (int)gettid(), text);
	if (real.write(file, line, (size_t)length) < 0)
		return; /* the program goes on without */
}

/* "name(args) = result [errno text] <microseconds>" */
static void print(const char *call, int64_t value, int64_t start_ns)
{
	const int64_t ns = real.now() - start_ns;
	char line[400];

	if (value < 0 && value > -4096)
		snprintf(line, sizeof(line), "%s = %" PRId64 " (%s) <%" PRId64 ".%03d us>", call,
			 value, strerror((int)-value), ns / 1000, (int)(ns % 1000));
	else
		snprintf(line, sizeof(line), "%s = %" PRId64 " <%" PRId64 ".%03d us>", call, value,
			 ns / 1000, (int)(ns % 1000));
	write_line(start_ns, line);
}

static int trace_open(const char *path, int flags)
{
	const int64_t start = real.now();
	const int ret = real.open(path, flags);
	char call[300];

	snprintf(call, sizeof(call), "open(\"%s\", 0x%x)", path, (unsigned int)flags);
	print(call, ret, start);
	return ret;
}

static int trace_close(int fd)
{
	const int64_t start = real.now();
	char call[40];
	int ret;

	trace_node(fd, NULL);
	ret = real.close(fd);
	snprintf(call, sizeof(call), "close(%d)", fd);
	print(call, ret, start);
	return ret;
}

static int trace_ioctl(int fd, unsigned long request, void *arg)
{
	const struct accel_ioctl_name *name = find_name(fd, request);
	const int64_t start = real.now();
	const int ret = real.ioctl(fd, request, arg);
	const unsigned int type = _IOC_TYPE(request);
	char call[300], args[200] = "", letter[8];

	if (name && name->show && arg)
		name->show(arg, args, sizeof(args));
	if (name) {
		snprintf(call, sizeof(call), "ioctl(%d, %s%s%s)", fd, name->name, *args ? ": " : "",
			 args);
	} else {
		snprintf(letter, sizeof(letter), type > ' ' && type < 0x7f ? "'%c'" : "0x%02x",
			 type);
		snprintf(call, sizeof(call), "ioctl(%d, %s 0x%02lx, %lu bytes)", fd, letter,
			 (unsigned long)_IOC_NR(request), (unsigned long)_IOC_SIZE(request));
	}
	print(call, ret, start);
	return ret;
}

static int trace_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	const int64_t start = real.now();
	const int ret = real.poll(fds, count, timeout_ns);
	char call[100];

	snprintf(call, sizeof(call), "poll(%d%s, %u, %" PRId64 " ns)", count ? fds[0].fd : -1,
		 count > 1 ? ", ..." : "", count, timeout_ns);
	print(call, ret, start);
	return ret;
}

static int trace_memfd(const char *name, unsigned int flags)
{
	const int64_t start = real.now();
	const int ret = real.memfd(name, flags);
	char call[100];

	snprintf(call, sizeof(call), "memfd_create(\"%s\", 0x%x)", name, flags);
	print(call, ret, start);
	return ret;
}

static int trace_eventfd(unsigned int count, int flags)
{
	const int64_t start = real.now();
	const int ret = real.eventfd(count, flags);
	char call[60];

	snprintf(call, sizeof(call), "eventfd(%u, 0x%x)", count, (unsigned int)flags);
	print(call, ret, start);
	return ret;
}

static int trace_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	const int64_t start = real.now();
	const int ret = real.mmap(bytes, prot, flags, fd, offset, out);
	char call[140];

	snprintf(call, sizeof(call), "mmap(%zu, prot 0x%x, fd %d, offset 0x%" PRIx64 ") at %p",
		 bytes, (unsigned int)prot, fd, offset, ret ? NULL : *out);
	print(call, ret, start);
	return ret;
}

static int trace_munmap(void *addr, size_t bytes)
{
	const int64_t start = real.now();
	const int ret = real.munmap(addr, bytes);
	char call[80];

	snprintf(call, sizeof(call), "munmap(%p, %zu)", addr, bytes);
	print(call, ret, start);
	return ret;
}

static int trace_dl_open(const char *path, void **handle, char *why, size_t why_bytes)
{
	const int64_t start = real.now();
	const int ret = real.dl_open(path, handle, why, why_bytes);
	char call[300];

	snprintf(call, sizeof(call), "dlopen(\"%s\")", path);
	print(call, ret, start);
	return ret;
}

/* Not through the seam, which has no mode for a new file: it is no call of the library's work. */
static void open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return; /* to stderr then */
	file = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (file < 0)
		file = fd; /* so many descriptors are not allowed */
	else
		close(fd);
}

void trace_start(const char *path)
{
	real = accel_core_sys;
	if (path)
		open_file(path);
	accel_core_sys.open = trace_open;
	accel_core_sys.close = trace_close;
	accel_core_sys.ioctl = trace_ioctl;
	accel_core_sys.poll = trace_poll;
	accel_core_sys.memfd = trace_memfd;
	accel_core_sys.eventfd = trace_eventfd;
	accel_core_sys.mmap = trace_mmap;
	accel_core_sys.munmap = trace_munmap;
	accel_core_sys.dl_open = trace_dl_open;
}

void trace_add_names(const struct accel_ioctl_name *names)
{
	const struct accel_ioctl_name *none;
	int i;

	for (i = 0; names && i < TABLES_MAX; i++) {
		none = NULL;
		if (atomic_compare_exchange_strong(&tables[i], &none, names))
			return;
	}
}
