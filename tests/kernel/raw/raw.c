// SPDX-License-Identifier: GPL-2.0
/* What the raw programs share: running tests, finding nodes, dma-bufs and sync_files. */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>

static unsigned int failures;
static const char *skipped;

bool check(bool ok, const char *format, ...)
{
	va_list ap;

	if (ok)
		return true;
	failures++;
	fputs("# ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fputc('\n', stdout);
	return false;
}

bool check_equal(long got, long expected, const char *what)
{
	return check(got == expected, "%s: %ld, not %ld", what, got, expected);
}

void raw_skip(const char *why)
{
	skipped = why;
}

static bool wanted(int argc, char **argv, const struct raw_test *test)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], test->group) || !strcmp(argv[i], test->name))
			return true;
	return argc <= 1;
}

int raw_main(int argc, char **argv, const struct raw_test *tests, size_t count)
{
	unsigned int passed = 0, failed = 0, skips = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!wanted(argc, argv, &tests[i]))
			continue;
		failures = 0;
		skipped = NULL;
		tests[i].run();
		if (failures)
			failed++;
		else if (skipped)
			skips++;
		else
			passed++;
		printf("%s %s %s%s%s\n", failures ? "not ok" : "ok", tests[i].group, tests[i].name,
		       skipped ? " # skipped: " : "", skipped ? skipped : "");
		fflush(stdout);
	}
	printf("%s: %u passed, %u failed, %u skipped\n", argv[0], passed, failed, skips);
	return failed || !passed;
}

int raw_ioctl(int fd, unsigned long request, void *argument)
{
	int ret;

	do
		ret = ioctl(fd, request, argument);
	while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

int raw_open(const char *driver, unsigned int index)
{
	char path[32], name[16];
	int fd, i;

	for (i = 0; i < 64; i++) {
		struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (!raw_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver) &&
		    !index--)
			return fd;
		close(fd);
	}
	return -ENODEV;
}

int raw_export(int fd, uint32_t handle)
{
	struct drm_prime_handle prime = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = raw_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);

	return ret ? ret : prime.fd;
}

int raw_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle prime = { .fd = dmabuf };
	int ret = raw_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

	*handle = prime.handle;
	return ret;
}

int raw_close_handle(int fd, uint32_t handle)
{
	struct drm_gem_close gem = { .handle = handle };

	return raw_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &gem);
}

int raw_fence(int fd, uint32_t handle)
{
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_RW, .fd = -1 };
	int dmabuf = raw_export(fd, handle), ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = raw_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export);
	close(dmabuf);
	return ret ? ret : export.fd;
}

int raw_add_fence(int fd, uint32_t handle, int sync_file)
{
	struct dma_buf_import_sync_file import = { .flags = DMA_BUF_SYNC_WRITE, .fd = sync_file };
	int dmabuf = raw_export(fd, handle), ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = raw_ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import);
	close(dmabuf);
	return ret;
}

int raw_fence_status(int sync_file)
{
	struct sync_fence_info fences[8] = { 0 };
	struct sync_file_info info = {
		.num_fences = 8,
		.sync_fence_info = (uintptr_t)fences,
	};
	int ret = raw_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
	uint32_t i;

	if (ret)
		return ret;
	for (i = 0; i < info.num_fences; i++)
		if (fences[i].status < 0)
			return fences[i].status;
	return info.status;
}

int raw_fence_wait(int sync_file)
{
	struct pollfd pfd = { .fd = sync_file, .events = POLLIN };
	int ret;

	do
		ret = poll(&pfd, 1, 60000);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret ? raw_fence_status(sync_file) : -ETIMEDOUT;
}

int64_t raw_deadline(int64_t ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000;
}

static unsigned char pattern(size_t i, unsigned int seed)
{
	return (i * 2654435761u + seed * 40503u + (i >> 8)) >> 8;
}

void raw_fill(void *data, size_t bytes, unsigned int seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		((unsigned char *)data)[i] = pattern(i, seed);
}

bool raw_is_filled(const void *data, size_t bytes, unsigned int seed)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (((const unsigned char *)data)[i] != pattern(i, seed))
			return false;
	return true;
}

bool raw_is_all(const void *data, size_t bytes, unsigned char value)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (((const unsigned char *)data)[i] != value)
			return false;
	return true;
}
