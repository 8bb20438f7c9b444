/* SPDX-License-Identifier: MIT */
/* The seam with fault injection: counts what is alive, notes from where it is called, and has
 * one call fail. */
#define _GNU_SOURCE
#include "fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <drm/drm.h>
#include <drm/ethosu_accel.h>
#include <drm/ivpu_accel.h>
#include <drm/qaic_accel.h>
#include <drm/rocket_accel.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sys.h"

static struct accel_sys real;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct record *recorded;                         /* under the lock, as are the next */
static char driver[sizeof(((struct site *)0)->driver)]; /* that a node has named last */
static struct fault armed;
static bool is_armed;
static unsigned int hits;
static _Atomic bool happened, dropped;
static _Atomic long live_memory, live_maps;

/* ---- where the caller is ------------------------------------------------------------------ */

#define PLACES 4096

/* dladdr() is slow: remember. Slots are filled once, under the lock. */
static struct place {
	const void *address;
	char module[32];
	unsigned long offset;
} places[PLACES];

static const struct place *find_place(const void *address)
{
	size_t slot = ((uintptr_t)address >> 2) % PLACES;
	const char *name;
	Dl_info info;

	while (places[slot].address && places[slot].address != address)
		slot = (slot + 1) % PLACES;
	if (places[slot].address)
		return &places[slot];
	places[slot].address = address;
	if (dladdr(address, &info) && info.dli_fname) {
		name = strrchr(info.dli_fname, '/');
		snprintf(places[slot].module, sizeof(places[slot].module), "%s",
			 name ? name + 1 : info.dli_fname);
		places[slot].offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
	}
	return &places[slot];
}

bool inject_is_same(const struct site *a, const struct site *b)
{
	return a->entry == b->entry && a->request == b->request && a->offset == b->offset &&
	       !strcmp(a->module, b->module);
}

static void note(const struct site *site)
{
	unsigned int i;

	for (i = 0; i < recorded->count; i++)
		if (inject_is_same(&recorded->site[i], site))
			break;
	if (i == SITES_MAX)
		return;
	if (i == recorded->count) {
		recorded->site[i] = *site;
		recorded->count++;
	}
	recorded->site[i].hits++;
}

/* A call from @address: whether it is the one that is to fail. */
static bool must_fail(enum entry entry, unsigned long request, const void *address)
{
	const struct place *place;
	struct site site = {.entry = entry, .request = request};
	bool fail = false;

	pthread_mutex_lock(&lock);
	if (recorded || is_armed) {
		place = find_place(address);
		strcpy(site.module, place->module);
		strcpy(site.driver, driver);
		site.offset = place->offset;
		if (recorded)
			note(&site);
		if (is_armed && inject_is_same(&site, &armed.site) && ++hits == armed.hit) {
			is_armed = false;
			happened = true;
			fail = true;
		}
	}
	pthread_mutex_unlock(&lock);
	return fail;
}

void inject_record(struct record *record)
{
	pthread_mutex_lock(&lock);
	recorded = record;
	pthread_mutex_unlock(&lock);
}

void inject_arm(const struct fault *fault)
{
	pthread_mutex_lock(&lock);
	is_armed = fault != NULL;
	if (fault)
		armed = *fault;
	hits = 0;
	pthread_mutex_unlock(&lock);
}

bool inject_happened(void)
{
	return happened;
}

bool inject_dropped_a_job(void)
{
	return dropped;
}

/* That is how sysfs says it. */
bool inject_removed_the_device(void)
{
	return happened && armed.err == ENODEV &&
	       (armed.site.entry == ENTRY_OPEN || armed.site.entry == ENTRY_READ);
}

/* ---- what can fail, and how --------------------------------------------------------------- */

#define NOT_CALLED -1 /* a success, and nothing was done, such as a wake without a cause */

static const struct {
	const char *name;
	int errors[6]; /* 0 at the end */
	bool may_lose, only_loses;
} entries[ENTRIES] = {
	[ENTRY_OPEN] = {"open", {EMFILE, ENOMEM, EACCES, ENODEV, EINTR}, false, false},
	/* The descriptor is gone, whatever close(2) says. */
	[ENTRY_CLOSE] = {"close", {EIO, EINTR}, true, true},
	[ENTRY_READ] = {"read", {EIO, ENODEV, EINTR}, true, false},
	[ENTRY_WRITE] = {"write", {EINTR}, false, false},
	[ENTRY_IOCTL] = {"ioctl", {EINTR, ENOMEM, EIO}, false, false},
	[ENTRY_POLL] = {"poll", {EINTR, ENOMEM}, true, false},
	[ENTRY_FSTAT] = {"fstat", {ENOMEM}, false, false},
	[ENTRY_LSTAT] = {"lstat", {ENOENT, EACCES, ENOMEM}, false, false},
	[ENTRY_STAT] = {"stat", {ENOENT, EACCES, ENOMEM}, false, false},
	[ENTRY_ACCESS] = {"access", {ENOENT, EACCES, ENOMEM}, false, false},
	[ENTRY_READLINK] = {"readlink", {ENOENT, EINVAL, ENOMEM}, false, false},
	[ENTRY_LIST] = {"list", {ENOENT, EACCES, EMFILE, ENOMEM}, true, false},
	[ENTRY_DUP] = {"dup", {EMFILE}, false, false},
	[ENTRY_SIZE] = {"lseek", {EINVAL, ESPIPE}, false, false},
	[ENTRY_MEMFD] = {"memfd_create", {EMFILE, ENFILE, ENOMEM}, false, false},
	[ENTRY_TRUNCATE] = {"ftruncate", {ENOSPC, EINTR}, true, false},
	[ENTRY_ADD_SEALS] = {"F_ADD_SEALS", {0}, false, false}, /* not on a new memfd */
	[ENTRY_GET_SEALS] = {"F_GET_SEALS", {EINVAL}, false, false},
	[ENTRY_EVENTFD] = {"eventfd", {EMFILE, ENFILE, ENOMEM}, false, false},
	[ENTRY_MMAP] = {"mmap", {ENOMEM, EAGAIN}, false, false},
	/* If it really failed, nobody could do anything about what stays mapped. */
	[ENTRY_MUNMAP] = {"munmap", {ENOMEM}, true, true},
	[ENTRY_MADVISE] = {"madvise", {EINVAL, ENOMEM, EAGAIN}, true, false},
	[ENTRY_ALLOC] = {"alloc", {ENOMEM}, false, false},
	[ENTRY_THREAD_CREATE] = {"thread_create", {EAGAIN}, false, false},
	[ENTRY_FUTEX_WAIT] = {"futex_wait", {EINTR, NOT_CALLED}, true, false},
	[ENTRY_DL_OPEN] = {"dlopen", {ELIBACC}, false, false},
	[ENTRY_DL_SYM] = {"dlsym", {ENOENT}, false, false},
};

const char *entry_name(enum entry entry)
{
	return entries[entry].name;
}

/* What ioctls really give for calls that are made as they should be; others than these: the
 * above. */
struct ioctl_errors {
	unsigned long request;
	int errors[4]; /* 0 at the end */
};
static const struct ioctl_errors ioctls[] = {
	{DRM_IOCTL_VERSION, {EINTR, ENODEV}},
	{DRM_IOCTL_GEM_CLOSE, {0}},
	{DRM_IOCTL_PRIME_HANDLE_TO_FD, {EINTR, ENOMEM, EMFILE}},
	{DRM_IOCTL_PRIME_FD_TO_HANDLE, {EINTR, ENOMEM}},
	{DMA_BUF_IOCTL_SYNC, {EINTR, EAGAIN}},
	{DMA_BUF_IOCTL_EXPORT_SYNC_FILE, {EINTR, ENOMEM, EMFILE}},
	{DRM_IOCTL_ROCKET_CREATE_BO, {EINTR, ENOMEM, ENOSPC}},
	/* It says nothing of jobs that it drops, for want of memory or for a signal. */
	{DRM_IOCTL_ROCKET_SUBMIT, {EINTR, ENOMEM, NOT_CALLED}},
	{DRM_IOCTL_ROCKET_PREP_BO, {EINTR}},
	{DRM_IOCTL_ROCKET_FINI_BO, {0}},
	{DRM_IOCTL_ETHOSU_DEV_QUERY, {EINTR, ENODEV}},
	{DRM_IOCTL_ETHOSU_BO_CREATE, {EINTR, ENOMEM}},
	{DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE, {EINTR, ENOMEM}},
	{DRM_IOCTL_ETHOSU_BO_MMAP_OFFSET, {EINTR, ENOMEM}},
	{DRM_IOCTL_ETHOSU_BO_WAIT, {EINTR}},
	{DRM_IOCTL_ETHOSU_SUBMIT, {EINTR, ENOMEM, EACCES}},
	{DRM_IOCTL_ETHOSU_PERFMON_CREATE, {EINTR, ENOMEM}},
	{DRM_IOCTL_ETHOSU_PERFMON_DESTROY, {0}},
	{DRM_IOCTL_ETHOSU_PERFMON_GET_VALUES, {EINTR}},
	{DRM_IOCTL_ETHOSU_PERFMON_SET_GLOBAL, {EINTR, EBUSY}},
	{DMA_BUF_IOCTL_SYNC, {EINTR, ENOMEM}},
};

/* Drivers have the same numbers for different calls: this one's go first with it. */
static const struct ioctl_errors ivpu_ioctls[] = {
	{DRM_IOCTL_IVPU_GET_PARAM, {EINTR}},
	{DRM_IOCTL_IVPU_BO_CREATE, {EINTR, ENOMEM, ENOSPC}},
	{DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, {EINTR, ENOMEM, EFAULT, ENOSPC}},
	{DRM_IOCTL_IVPU_BO_INFO, {EINTR}},
	{DRM_IOCTL_IVPU_BO_WAIT, {EINTR, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_SUBMIT, {EINTR, ENOMEM, EBUSY, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_CMDQ_CREATE, {EINTR, ENOMEM}},
	{DRM_IOCTL_IVPU_CMDQ_DESTROY, {EINTR}},
	{DRM_IOCTL_IVPU_CMDQ_SUBMIT, {EINTR, ENOMEM, EBUSY, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_START, {EINTR, ENOMEM, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA, {EINTR, EINVAL, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, {EINTR, ENOMEM, ETIMEDOUT}},
	{DRM_IOCTL_IVPU_METRIC_STREAMER_STOP, {0}},
};

static const struct ioctl_errors qaic_ioctls[] = {
	{DRM_IOCTL_QAIC_MANAGE, {ENOMEM, EAGAIN, ETIMEDOUT}},
	{DRM_IOCTL_QAIC_CREATE_BO, {ENOMEM}},
	{DRM_IOCTL_QAIC_MMAP_BO, {0}},
	{DRM_IOCTL_QAIC_ATTACH_SLICE_BO, {EINTR, ENOMEM}},
	{DRM_IOCTL_QAIC_DETACH_SLICE_BO, {EINTR}},
	{DRM_IOCTL_QAIC_EXECUTE_BO, {EINTR, ENOMEM}},
	{DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO, {EINTR, ENOMEM}},
	{DRM_IOCTL_QAIC_WAIT_BO, {ETIMEDOUT}},
	{DRM_IOCTL_QAIC_PERF_STATS_BO, {ENOMEM}},
};

static const int *find_ioctl(const struct ioctl_errors *list, size_t count, unsigned long request)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].request == request)
			return list[i].errors;
	return NULL;
}

/* The errors of an ioctl, 4 at most; NULL: nothing is known. */
static const int *ioctl_errors_of(const struct site *site)
{
	const int *errors = NULL;

	if (site->entry != ENTRY_IOCTL)
		return NULL;
	if (!strcmp(site->driver, "intel_vpu"))
		errors = find_ioctl(ivpu_ioctls, sizeof(ivpu_ioctls) / sizeof(ivpu_ioctls[0]),
				    site->request);
	else if (!strcmp(site->driver, "qaic"))
		errors = find_ioctl(qaic_ioctls, sizeof(qaic_ioctls) / sizeof(qaic_ioctls[0]),
				    site->request);
	return errors ? errors
		      : find_ioctl(ioctls, sizeof(ioctls) / sizeof(ioctls[0]), site->request);
}

/* Whether the ioctl makes nothing that would be lost with its result. */
static bool makes_nothing(unsigned long request)
{
	return request == DMA_BUF_IOCTL_SYNC || request == SYNC_IOC_FILE_INFO;
}

static unsigned int take_errors(const int *known, unsigned int room, int *errors, unsigned int max)
{
	unsigned int count;

	for (count = 0; count < room && count < max && known[count]; count++)
		errors[count] = known[count] == NOT_CALLED ? 0 : known[count];
	return count;
}

unsigned int site_errors(const struct site *site, int *errors, unsigned int max)
{
	const int *known = ioctl_errors_of(site);
	unsigned int count;

	if (known)
		return take_errors(known, 4, errors, max);
	count = take_errors(entries[site->entry].errors, 6, errors, max);
	if (site->entry == ENTRY_IOCTL && !makes_nothing(site->request) && count < max)
		errors[count++] = EMFILE;
	return count;
}

bool site_may_lose(const struct site *site, int err)
{
	if (site->entry == ENTRY_IOCTL)
		return makes_nothing(site->request) && err == EINTR;
	return err && entries[site->entry].may_lose;
}

bool site_only_loses(const struct site *site)
{
	return entries[site->entry].only_loses;
}

/* ---- GEM handles -------------------------------------------------------------------------- */

#define HANDLES 1024

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int fd;
	uint32_t handle; /* 0: no entry */
} handles[HANDLES];

static size_t find_handle(int fd, uint32_t handle)
{
	size_t i;

	for (i = 0; i < HANDLES; i++)
		if (handles[i].handle == handle && (!handle || handles[i].fd == fd))
			break;
	return i;
}

/* An import of what the file has already gives the same handle. */
static void add_handle(int fd, uint32_t handle)
{
	size_t i = find_handle(fd, handle);

	if (i == HANDLES)
		i = find_handle(fd, 0);
	if (i == HANDLES) {
		complain("more than %d handles", HANDLES);
		return;
	}
	handles[i].fd = fd;
	handles[i].handle = handle;
}

/* After a call that went well. */
static void note_handle(int fd, unsigned long request, const void *arg)
{
	size_t i;

	pthread_mutex_lock(&handles_lock);
	switch (request) {
	case DRM_IOCTL_ROCKET_CREATE_BO:
		add_handle(fd, ((const struct drm_rocket_create_bo *)arg)->handle);
		break;
	case DRM_IOCTL_ETHOSU_BO_CREATE:
		add_handle(fd, ((const struct drm_ethosu_bo_create *)arg)->handle);
		break;
	case DRM_IOCTL_IVPU_BO_CREATE:
		add_handle(fd, ((const struct drm_ivpu_bo_create *)arg)->handle);
		break;
	case DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR:
		add_handle(fd, ((const struct drm_ivpu_bo_create_from_userptr *)arg)->handle);
		break;
	case DRM_IOCTL_ETHOSU_CMDSTREAM_BO_CREATE:
		add_handle(fd, ((const struct drm_ethosu_cmdstream_bo_create *)arg)->handle);
		break;
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		add_handle(fd, ((const struct drm_prime_handle *)arg)->handle);
		break;
	case DRM_IOCTL_GEM_CLOSE:
		i = find_handle(fd, ((const struct drm_gem_close *)arg)->handle);
		if (i < HANDLES)
			handles[i].handle = 0;
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&handles_lock);
}

/* A file is closed after its handles: rocket's kernel driver needs it so, and else some handle
 * was forgotten. */
static void forget_file(int fd)
{
	unsigned int count = 0;
	size_t i;

	pthread_mutex_lock(&handles_lock);
	for (i = 0; i < HANDLES; i++) {
		if (!handles[i].handle || handles[i].fd != fd)
			continue;
		handles[i].handle = 0;
		count++;
	}
	pthread_mutex_unlock(&handles_lock);
	if (count)
		complain("a file is closed with %u handles open", count);
}

/* ---- the entries -------------------------------------------------------------------------- */

#define HERE __builtin_return_address(0)

static int inject_open(const char *path, int flags)
{
	return must_fail(ENTRY_OPEN, 0, HERE) ? -armed.err : real.open(path, flags);
}

static int inject_close(int fd)
{
	const bool fail = must_fail(ENTRY_CLOSE, 0, HERE);
	int ret;

	forget_file(fd);
	ret = real.close(fd);
	if (ret == -EBADF)
		complain("close() of descriptor %d, which is not open", fd);
	return fail ? -armed.err : ret;
}

static ssize_t inject_read(int fd, void *buf, size_t bytes)
{
	const bool fail = must_fail(ENTRY_READ, 0, HERE);

	if (fail && armed.mode == LOSE)
		real.read(fd, buf, bytes);
	return fail ? -armed.err : real.read(fd, buf, bytes);
}

static ssize_t inject_write(int fd, const void *buf, size_t bytes)
{
	return must_fail(ENTRY_WRITE, 0, HERE) ? -armed.err : real.write(fd, buf, bytes);
}

static void note_driver(const struct drm_version *version)
{
	pthread_mutex_lock(&lock);
	snprintf(driver, sizeof(driver), "%.*s", (int)version->name_len, version->name);
	pthread_mutex_unlock(&lock);
}

static int inject_ioctl(int fd, unsigned long request, void *arg)
{
	const bool fail = must_fail(ENTRY_IOCTL, request, HERE);
	int ret;

	if (fail && armed.mode == LOSE)
		real.ioctl(fd, request, arg);
	if (fail && request == DRM_IOCTL_ROCKET_SUBMIT && !armed.err)
		dropped = true;
	if (fail)
		return -armed.err;
	ret = real.ioctl(fd, request, arg);
	if (!ret && request == DRM_IOCTL_VERSION)
		note_driver(arg);
	if (!ret)
		note_handle(fd, request, arg);
	else if (request == DRM_IOCTL_GEM_CLOSE)
		complain("GEM_CLOSE of a handle that is not open");
	return ret;
}

static int inject_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	const bool fail = must_fail(ENTRY_POLL, 0, HERE);

	if (fail && armed.mode == LOSE)
		real.poll(fds, count, timeout_ns);
	return fail ? -armed.err : real.poll(fds, count, timeout_ns);
}

static int inject_fstat(int fd, struct stat *out)
{
	return must_fail(ENTRY_FSTAT, 0, HERE) ? -armed.err : real.fstat(fd, out);
}

static int inject_lstat(const char *path, struct stat *out)
{
	return must_fail(ENTRY_LSTAT, 0, HERE) ? -armed.err : real.lstat(path, out);
}

static int inject_stat(const char *path, struct stat *out)
{
	return must_fail(ENTRY_STAT, 0, HERE) ? -armed.err : real.stat(path, out);
}

static int inject_access(const char *path, int mode)
{
	return must_fail(ENTRY_ACCESS, 0, HERE) ? -armed.err : real.access(path, mode);
}

static ssize_t inject_readlink(const char *path, char *buf, size_t bytes)
{
	return must_fail(ENTRY_READLINK, 0, HERE) ? -armed.err : real.readlink(path, buf, bytes);
}

static int inject_list(const char *path, int (*fn)(void *data, const char *name), void *data)
{
	const bool fail = must_fail(ENTRY_LIST, 0, HERE);

	/* An error of readdir(3) comes after some of the names. */
	if (fail && armed.mode == LOSE)
		real.list(path, fn, data);
	return fail ? -armed.err : real.list(path, fn, data);
}

static int inject_dup(int fd)
{
	return must_fail(ENTRY_DUP, 0, HERE) ? -armed.err : real.dup(fd);
}

static int64_t inject_size(int fd)
{
	return must_fail(ENTRY_SIZE, 0, HERE) ? -armed.err : real.size(fd);
}

static int inject_memfd(const char *name, unsigned int flags)
{
	return must_fail(ENTRY_MEMFD, 0, HERE) ? -armed.err : real.memfd(name, flags);
}

static int inject_truncate(int fd, uint64_t bytes)
{
	const bool fail = must_fail(ENTRY_TRUNCATE, 0, HERE);

	if (fail && armed.mode == LOSE)
		real.truncate(fd, bytes);
	return fail ? -armed.err : real.truncate(fd, bytes);
}

static int inject_add_seals(int fd, unsigned int seals)
{
	return must_fail(ENTRY_ADD_SEALS, 0, HERE) ? -armed.err : real.add_seals(fd, seals);
}

static int inject_get_seals(int fd)
{
	return must_fail(ENTRY_GET_SEALS, 0, HERE) ? -armed.err : real.get_seals(fd);
}

static int inject_eventfd(unsigned int count, int flags)
{
	return must_fail(ENTRY_EVENTFD, 0, HERE) ? -armed.err : real.eventfd(count, flags);
}

static int inject_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	int ret;

	if (must_fail(ENTRY_MMAP, 0, HERE))
		return -armed.err;
	ret = real.mmap(bytes, prot, flags, fd, offset, out);
	if (!ret)
		live_maps++;
	return ret;
}

static int inject_munmap(void *addr, size_t bytes)
{
	const bool fail = must_fail(ENTRY_MUNMAP, 0, HERE);
	const int ret = real.munmap(addr, bytes);

	live_maps--;
	return fail ? -armed.err : ret;
}

static int inject_madvise(void *addr, size_t bytes, int advice)
{
	const bool fail = must_fail(ENTRY_MADVISE, 0, HERE);

	if (fail && armed.mode == LOSE)
		real.madvise(addr, bytes, advice);
	return fail ? -armed.err : real.madvise(addr, bytes, advice);
}

static void *inject_alloc(size_t bytes)
{
	void *memory = must_fail(ENTRY_ALLOC, 0, HERE) ? NULL : real.alloc(bytes);

	if (memory)
		live_memory++;
	return memory;
}

static void inject_free(void *memory)
{
	if (memory)
		live_memory--;
	real.free(memory);
}

static int inject_thread_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	return must_fail(ENTRY_THREAD_CREATE, 0, HERE) ? -armed.err
						       : real.thread_create(out, fn, arg);
}

static int inject_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	const bool fail = must_fail(ENTRY_FUTEX_WAIT, 0, HERE);

	if (fail && armed.mode == LOSE)
		real.futex_wait(word, value, deadline);
	return fail ? -armed.err : real.futex_wait(word, value, deadline);
}

static int inject_dl_open(const char *path, void **handle, char *why, size_t why_bytes)
{
	if (!must_fail(ENTRY_DL_OPEN, 0, HERE))
		return real.dl_open(path, handle, why, why_bytes);
	snprintf(why, why_bytes, "it was told to fail");
	return -armed.err;
}

static void *inject_dl_sym(void *handle, const char *name)
{
	return must_fail(ENTRY_DL_SYM, 0, HERE) ? NULL : real.dl_sym(handle, name);
}

void inject_install(void)
{
	real = accel_core_sys;
	accel_core_sys.open = inject_open;
	accel_core_sys.close = inject_close;
	accel_core_sys.read = inject_read;
	accel_core_sys.write = inject_write;
	accel_core_sys.ioctl = inject_ioctl;
	accel_core_sys.poll = inject_poll;
	accel_core_sys.fstat = inject_fstat;
	accel_core_sys.lstat = inject_lstat;
	accel_core_sys.stat = inject_stat;
	accel_core_sys.access = inject_access;
	accel_core_sys.readlink = inject_readlink;
	accel_core_sys.list = inject_list;
	accel_core_sys.dup = inject_dup;
	accel_core_sys.size = inject_size;
	accel_core_sys.memfd = inject_memfd;
	accel_core_sys.truncate = inject_truncate;
	accel_core_sys.add_seals = inject_add_seals;
	accel_core_sys.get_seals = inject_get_seals;
	accel_core_sys.eventfd = inject_eventfd;
	accel_core_sys.mmap = inject_mmap;
	accel_core_sys.munmap = inject_munmap;
	accel_core_sys.madvise = inject_madvise;
	accel_core_sys.alloc = inject_alloc;
	accel_core_sys.free = inject_free;
	accel_core_sys.thread_create = inject_thread_create;
	accel_core_sys.futex_wait = inject_futex_wait;
	accel_core_sys.dl_open = inject_dl_open;
	accel_core_sys.dl_sym = inject_dl_sym;
}

struct live inject_live(void)
{
	struct live live = {.memory = live_memory, .maps = live_maps};
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		live.fds++;
	if (dir)
		closedir(dir);
	return live;
}
