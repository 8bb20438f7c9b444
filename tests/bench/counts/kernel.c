/* SPDX-License-Identifier: MIT */
/* A kernel for counting; see kernel.h. */
#include "kernel.h"

#include <drm/drm.h>
#include <drm/ethosu_accel.h>
#include <drm/ivpu_accel.h>
#include <drm/qaic_accel.h>
#include <drm/rocket_accel.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "sys.h"

/* Descriptors that no process has: of all dma-bufs, and of all sync_files. */
#define DMABUF_FD    (1 << 28)
#define SYNC_FILE_FD (DMABUF_FD + 1)

struct counts counts;

static const char *driver; /* NULL: the real kernel answers */
static bool jobs_are_kept, clock_stands;
static uint32_t last_handle;

/* ---- the drivers ---------------------------------------------------------------------------- */

static int answer_rocket(unsigned long request, void *arg)
{
	struct drm_rocket_create_bo *create = arg;

	switch (request) {
	case DRM_IOCTL_ROCKET_CREATE_BO:
		create->handle = ++last_handle;
		create->dma_address = create->handle * UINT64_C(0x10000);
		return 0;
	case DRM_IOCTL_ROCKET_PREP_BO:
		return jobs_are_kept ? -EBUSY : 0;
	case DRM_IOCTL_ROCKET_FINI_BO:
	case DRM_IOCTL_ROCKET_SUBMIT:
		return 0;
	default:
		return -EINVAL;
	}
}

static int answer_ethosu(unsigned long request, void *arg)
{
	struct drm_ethosu_dev_query *query = arg;

	switch (request) {
	case DRM_IOCTL_ETHOSU_DEV_QUERY:
		((struct drm_ethosu_npu_info *)(uintptr_t)query->pointer)->id = 1u << 28;
		return 0;
	case DRM_IOCTL_ETHOSU_BO_CREATE:
		((struct drm_ethosu_bo_create *)arg)->handle = ++last_handle;
		return 0;
	case DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE:
		((struct drm_ethosu_cmdstream_bo_create *)arg)->handle = ++last_handle;
		return 0;
	case DRM_IOCTL_ETHOSU_BO_WAIT:
		return jobs_are_kept ? -ETIME : 0;
	case DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET:
	case DRM_IOCTL_ETHOSU_SUBMIT:
		return 0;
	default:
		return -EINVAL;
	}
}

static int answer_ivpu(unsigned long request, void *arg)
{
	struct drm_ivpu_bo_create *create = arg;
	struct drm_ivpu_param *param = arg;

	switch (request) {
	case DRM_IOCTL_IVPU_GET_PARAM: /* a later one than 37xx, with all that there is */
		param->value = param->param == DRM_IVPU_PARAM_DEVICE_ID ? 0x643e : 1;
		return 0;
	case DRM_IOCTL_IVPU_BO_CREATE:
		create->handle = ++last_handle;
		create->vpu_addr = 0x80000000 + create->handle * UINT64_C(0x1000000);
		return 0;
	case DRM_IOCTL_IVPU_CMDQ_CREATE:
		((struct drm_ivpu_cmdq_create *)arg)->cmdq_id = 1;
		return 0;
	case DRM_IOCTL_IVPU_BO_WAIT:
		((struct drm_ivpu_bo_wait *)arg)->job_status = DRM_IVPU_JOB_STATUS_SUCCESS;
		return jobs_are_kept ? -ETIMEDOUT : 0;
	case DRM_IOCTL_IVPU_BO_INFO:
		((struct drm_ivpu_bo_info *)arg)->size = 0x10000; /* room for any here */
		return 0;
	case DRM_IOCTL_IVPU_CMDQ_SUBMIT:
		return 0;
	default:
		return -EINVAL;
	}
}

/* A message that activates a channel, or any other, which is given back as its own answer. */
static int answer_manage(struct qaic_manage_msg *message)
{
	struct qaic_manage_trans_hdr *first = (void *)(uintptr_t)message->data;
	struct qaic_manage_trans_activate_from_dev activated = {
		.hdr = {QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(activated)}, .dbc_id = 1};

	if (first->type != QAIC_TRANS_ACTIVATE_FROM_USR)
		return 0;
	memcpy(first, &activated, sizeof(activated));
	message->len = sizeof(activated);
	message->count = 1;
	return 0;
}

static int answer_statistics(const struct qaic_perf_stats *ask)
{
	struct qaic_perf_stats_entry *entries = (void *)(uintptr_t)ask->data;

	for (uint32_t i = 0; i < ask->hdr.count; i++)
		entries[i].device_latency_us = !jobs_are_kept;
	return 0;
}

static int answer_qaic(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_QAIC_MANAGE:
		return answer_manage(arg);
	case DRM_IOCTL_QAIC_CREATE_BO:
		((struct qaic_create_bo *)arg)->handle = ++last_handle;
		return 0;
	case DRM_IOCTL_QAIC_WAIT_BO:
		return jobs_are_kept ? -ETIMEDOUT : 0;
	case DRM_IOCTL_QAIC_PERF_STATS_BO:
		return answer_statistics(arg);
	case DRM_IOCTL_QAIC_MMAP_BO:
	case DRM_IOCTL_QAIC_ATTACH_SLICE_BO:
	case DRM_IOCTL_QAIC_EXECUTE_BO:
		return 0;
	default:
		return -EINVAL;
	}
}

static int answer_driver(unsigned long request, void *arg)
{
	if (!strcmp(driver, "rocket"))
		return answer_rocket(request, arg);
	if (!strcmp(driver, "ethosu"))
		return answer_ethosu(request, arg);
	if (!strcmp(driver, "intel_vpu"))
		return answer_ivpu(request, arg);
	if (!strcmp(driver, "qaic"))
		return answer_qaic(request, arg);
	return -EINVAL;
}

/* ---- what all of them have --------------------------------------------------------------------- */

static int answer_version(struct drm_version *version)
{
	size_t length = strlen(driver);

	memcpy(version->name, driver, length < version->name_len ? length : version->name_len);
	version->name_len = length;
	return 0;
}

static int answer_file_info(struct sync_file_info *info)
{
	struct sync_fence_info *fence = (void *)(uintptr_t)info->sync_fence_info;

	info->status = !jobs_are_kept;
	info->num_fences = 1;
	fence->status = info->status;
	fence->timestamp_ns = INT64_MAX;
	return 0;
}

static int answer(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_VERSION:
		return answer_version(arg);
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		((struct drm_prime_handle *)arg)->fd = DMABUF_FD;
		return 0;
	case DMA_BUF_IOCTL_EXPORT_SYNC_FILE:
		((struct dma_buf_export_sync_file *)arg)->fd = SYNC_FILE_FD;
		return 0;
	case SYNC_IOC_FILE_INFO:
		return answer_file_info(arg);
	default:
		return answer_driver(request, arg);
	}
}

static int answer_poll(struct pollfd *fds, nfds_t count)
{
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = jobs_are_kept ? 0 : POLLIN;
	return jobs_are_kept ? 0 : (int)count;
}

/* ---- in the place of libc ------------------------------------------------------------------------ */

static int result(int value)
{
	if (value >= 0)
		return value;
	errno = -value;
	return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	ret = driver ? result(answer(request, arg)) : (int)syscall(SYS_ioctl, fd, request, arg);
	/* Some waits sleep in slices: a job that takes long is no more calls. */
	if (driver || !ret || errno != ETIMEDOUT)
		counts.calls++;
	return ret;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *signals)
{
	struct timespec left;

	counts.calls++;
	if (!driver) {
		/* The kernel writes what is left into it. */
		if (timeout)
			left = *timeout;
		return (int)syscall(SYS_ppoll, fds, count, timeout ? &left : NULL, signals,
				    _NSIG / 8);
	}
	return answer_poll(fds, count);
}

/* The library does not call this one; a loop by hand does. */
int poll(struct pollfd *fds, nfds_t count, int ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	counts.calls++;
	if (driver)
		return answer_poll(fds, count);
	return (int)syscall(SYS_ppoll, fds, count, ms < 0 ? NULL : &left, NULL, 0);
}

int close(int fd)
{
	counts.calls++;
	return driver && fd >= DMABUF_FD ? 0 : (int)syscall(SYS_close, fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	static const struct timespec standing = {.tv_sec = 1};

	counts.clock_reads++;
	if (!clock_stands)
		return (int)syscall(SYS_clock_gettime, clock, now);
	*now = standing;
	return 0;
}

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *at, size_t bytes);

void *malloc(size_t bytes)
{
	counts.allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
	counts.allocations++;
	return __libc_calloc(count, bytes);
}

void *realloc(void *at, size_t bytes)
{
	counts.allocations++;
	return __libc_realloc(at, bytes);
}

/* ---- the node ------------------------------------------------------------------------------------ */

static struct accel_sys real;

/* The made-up node is one that every system has, but for its numbers. */
static void disguise(struct stat *st)
{
	st->st_rdev = makedev(261, 0);
}

static int counts_fstat(int fd, struct stat *out)
{
	int ret = real.fstat(fd, out);

	if (!ret)
		disguise(out);
	return ret;
}

static int counts_lstat(const char *path, struct stat *out)
{
	int ret = real.lstat(path, out);

	if (!ret && !strcmp(path, COUNTS_NODE))
		disguise(out);
	return ret;
}

void counts_make_up(const char *name)
{
	driver = name;
	real = accel_core_sys;
	accel_core_sys.fstat = counts_fstat;
	accel_core_sys.lstat = counts_lstat;
}

void counts_keep_jobs(bool keep)
{
	jobs_are_kept = keep;
}

void counts_stop_clock(bool stop)
{
	clock_stands = stop;
}
