/* SPDX-License-Identifier: MIT */
/* What the unit tests share; see support.h. */
#include "support.h"

#include <dirent.h>
#include <drm.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/sync_file.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

/* ---- failures ----------------------------------------------------------------------------- */

#define STALE -9999

void support_stale_error(void)
{
	accel_core_fail(STALE, "stale");
}

struct accel_error support_error(void)
{
	struct accel_error error = {.size = sizeof(error)};

	if (accel_last_error(&error))
		fail_msg("accel_last_error() fails");
	return error;
}

void support_check_error(int ret, int err, const char *call, const char *file, int line)
{
	struct accel_error error = support_error();

	if (ret != err)
		print_error("%s:%d: %s gives %d (%s), not %d (%s); last error: %s\n", file, line,
			    call, ret, ret < 0 ? strerror(-ret) : "", err, strerror(-err),
			    error.text);
	else if (error.code != err || !*error.text)
		print_error("%s:%d: %s gives %d but the last error is %d '%s'\n", file, line, call,
			    ret, error.code, error.text);
	else
		return;
	_fail(file, line);
}

void support_check_value(int ret, int value, const char *call, const char *file, int line)
{
	struct accel_error error = support_error();

	if (ret != value)
		print_error("%s:%d: %s gives %d (%s), not %d; last error: %s\n", file, line, call,
			    ret, ret < 0 ? strerror(-ret) : "", value, error.text);
	else if (error.code != STALE)
		print_error("%s:%d: %s gives %d and yet sets the last error: %d '%s'\n", file, line,
			    call, ret, error.code, error.text);
	else
		return;
	_fail(file, line);
}

/* ---- the seam ----------------------------------------------------------------------------- */

#define NODES_MAX 512
#define FDS_MAX   4096
#define LISTED    16

static struct accel_sys real;
static _Atomic unsigned long calls[SEAM_ENTRIES];
static _Atomic unsigned long dev_opens;
static struct {
	unsigned long skip, count;
	int err;
} planned[SEAM_ENTRIES];
static pthread_mutex_t planned_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic long live_memory, live_maps;

static struct seam_node *nodes[NODES_MAX];
static size_t node_count;
static struct seam_node *_Atomic node_of_fd[FDS_MAX];

static struct {
	const char *name;
	const struct accel_provider *provider;
} providers[LISTED];
static size_t provider_count;

/* Made-up sync_files: their status, and which one a descriptor is of (0: none). */
static _Atomic int sync_status[FDS_MAX];
static _Atomic int sync_of_fd[FDS_MAX];
static _Atomic int sync_count;

/* Count the call; the error that it is to fail with, or 0. */
static int enter(enum seam_entry entry)
{
	int err = 0;

	atomic_fetch_add(&calls[entry], 1);
	pthread_mutex_lock(&planned_lock);
	if (planned[entry].count) {
		if (planned[entry].skip) {
			planned[entry].skip--;
		} else {
			planned[entry].count--;
			err = planned[entry].err;
		}
	}
	pthread_mutex_unlock(&planned_lock);
	return err;
}

static struct seam_node *find_node(const char *path)
{
	size_t i;

	for (i = 0; i < node_count; i++)
		if (!strcmp(nodes[i]->path, path))
			return nodes[i];
	return NULL;
}

struct seam_node *seam_node_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? node_of_fd[fd] : NULL;
}

static int sync_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX ? sync_of_fd[fd] : 0;
}

static int seam_open(const char *path, int flags)
{
	struct seam_node *node = find_node(path);
	int err = enter(SEAM_OPEN), fd;

	if (!strncmp(path, "/dev", 4))
		dev_opens++;
	if (err)
		return err;
	if (!node)
		return real.open(path, flags);
	node->opens++;
	if (node->before_open)
		node->before_open(node);
	if (node->open_err && (!node->open_err_count || node->opens <= node->open_err_count))
		return node->open_err;
	fd = real.eventfd(0, 0);
	if (fd >= 0)
		node_of_fd[fd] = node;
	return fd;
}

static int seam_close(int fd)
{
	int err = enter(SEAM_CLOSE);

	if (fd >= 0 && fd < FDS_MAX) {
		node_of_fd[fd] = NULL;
		sync_of_fd[fd] = 0;
	}
	real.close(fd);
	return err;
}

static ssize_t seam_read(int fd, void *buf, size_t bytes)
{
	int err = enter(SEAM_READ);

	return err ? err : real.read(fd, buf, bytes);
}

static ssize_t seam_write(int fd, const void *buf, size_t bytes)
{
	int err = enter(SEAM_WRITE);

	return err ? err : real.write(fd, buf, bytes);
}

static int answer_version(const struct seam_node *node, struct drm_version *version)
{
	const size_t length = strlen(node->driver), room = version->name_len;

	if (node->ioctl_err)
		return node->ioctl_err;
	memcpy(version->name, node->driver, length < room ? length : room);
	version->name_len = length;
	version->version_major = 1;
	version->version_minor = 2;
	version->version_patchlevel = 3;
	return 0;
}

/* What the kernel does for a sync_file, so far as the library asks. */
static int answer_sync_file(int fd, unsigned long request, void *arg)
{
	struct sync_file_info *info = arg;
	struct sync_merge_data *merge = arg;
	int a, b;

	a = sync_status[sync_of(fd)];
	if (request == SYNC_IOC_FILE_INFO) {
		info->status = a;
		info->num_fences = 0;
		return 0;
	}
	if (request != SYNC_IOC_MERGE)
		return -ENOTTY;
	b = sync_of(merge->fd2);
	if (!b)
		return -EINVAL;
	b = sync_status[b];
	merge->fence = seam_make_sync_file(a < 0 ? a : b < 0 ? b : a && b);
	return merge->fence < 0 ? -EMFILE : 0;
}

static int seam_ioctl(int fd, unsigned long request, void *arg)
{
	int err = enter(SEAM_IOCTL);

	if (err)
		return err;
	if (seam_node_of(fd))
		return request == DRM_IOCTL_VERSION ? answer_version(node_of_fd[fd], arg) : -EINVAL;
	if (sync_of(fd))
		return answer_sync_file(fd, request, arg);
	return real.ioctl(fd, request, arg);
}

static int seam_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	int err = enter(SEAM_POLL);

	return err ? err : real.poll(fds, count, timeout_ns);
}

static void node_stat(const struct seam_node *node, dev_t rdev, struct stat *out)
{
	memset(out, 0, sizeof(*out));
	out->st_mode = node->mode ? node->mode : S_IFCHR | 0666;
	out->st_gid = node->gid;
	out->st_rdev = rdev;
}

static int seam_fstat(int fd, struct stat *out)
{
	struct seam_node *node = seam_node_of(fd);
	int err = enter(SEAM_FSTAT);

	if (err || !node)
		return err ? err : real.fstat(fd, out);
	node_stat(node, node->opened_rdev ? node->opened_rdev : node->rdev, out);
	return 0;
}

static int seam_lstat(const char *path, struct stat *out)
{
	struct seam_node *node = find_node(path);
	int err = enter(SEAM_LSTAT);

	if (err || !node)
		return err ? err : real.lstat(path, out);
	if (node->lstat_err)
		return node->lstat_err;
	node_stat(node, node->rdev, out);
	return 0;
}

static int seam_stat(const char *path, struct stat *out)
{
	int err = enter(SEAM_STAT);

	return err ? err : real.stat(path, out);
}

/* The provider of a made-up path, or NULL. */
static const struct accel_provider *find_provider(const char *path)
{
	const size_t prefix = sizeof(SEAM_PROVIDER_DIR) - 1;
	size_t i, length;

	if (strncmp(path, SEAM_PROVIDER_DIR "/", prefix + 1))
		return NULL;
	path += prefix + 1;
	for (i = 0; i < provider_count; i++) {
		length = strlen(providers[i].name);
		if (!strncmp(path, providers[i].name, length) && !strcmp(path + length, ".so"))
			return providers[i].provider;
	}
	return NULL;
}

static int seam_access(const char *path, int mode)
{
	struct seam_node *node = find_node(path);
	int err = enter(SEAM_ACCESS);

	if (err)
		return err;
	if (node)
		return node->access_err;
	return find_provider(path) ? 0 : real.access(path, mode);
}

static ssize_t seam_readlink(const char *path, char *buf, size_t bytes)
{
	int err = enter(SEAM_READLINK);

	return err ? err : real.readlink(path, buf, bytes);
}

static int seam_list(const char *path, int (*fn)(void *data, const char *name), void *data)
{
	int err = enter(SEAM_LIST);

	return err ? err : real.list(path, fn, data);
}

static int seam_dup(int fd)
{
	int err = enter(SEAM_DUP), copy;

	if (err)
		return err;
	copy = real.dup(fd);
	if (copy >= 0 && copy < FDS_MAX && fd < FDS_MAX) {
		node_of_fd[copy] = node_of_fd[fd];
		sync_of_fd[copy] = sync_of_fd[fd];
	}
	return copy;
}

static int seam_eventfd(unsigned int count, int flags)
{
	int err = enter(SEAM_EVENTFD);

	return err ? err : real.eventfd(count, flags);
}

static int seam_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	int err = enter(SEAM_MMAP);

	if (!err)
		err = real.mmap(bytes, prot, flags, fd, offset, out);
	if (!err)
		live_maps++;
	return err;
}

static int seam_munmap(void *addr, size_t bytes)
{
	int err = enter(SEAM_MUNMAP);

	live_maps--;
	real.munmap(addr, bytes);
	return err;
}

static int seam_madvise(void *addr, size_t bytes, int advice)
{
	int err = enter(SEAM_MADVISE);

	return err ? err : real.madvise(addr, bytes, advice);
}

static void *seam_alloc(size_t bytes)
{
	void *memory = enter(SEAM_ALLOC) ? NULL : real.alloc(bytes);

	if (memory)
		live_memory++;
	return memory;
}

static void seam_free(void *memory)
{
	enter(SEAM_FREE);
	if (memory)
		live_memory--;
	real.free(memory);
}

static int seam_thread_create(pthread_t *out, void *(*fn)(void *), void *arg)
{
	int err = enter(SEAM_THREAD_CREATE);

	return err ? err : real.thread_create(out, fn, arg);
}

static int seam_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
	int err = enter(SEAM_FUTEX_WAIT);

	return err ? err : real.futex_wait(word, value, deadline);
}

static int seam_futex_wake(const uint32_t *word, int count)
{
	int err = enter(SEAM_FUTEX_WAKE);

	return err ? err : real.futex_wake(word, count);
}

static int seam_dl_open(const char *path, void **handle, char *why, size_t why_bytes)
{
	const struct accel_provider *provider = find_provider(path);

	enter(SEAM_DL_OPEN);
	if (!provider)
		return real.dl_open(path, handle, why, why_bytes);
	*handle = (void *)(uintptr_t)provider;
	return 0;
}

static bool is_ours(const void *handle)
{
	size_t i;

	for (i = 0; i < provider_count; i++)
		if (handle == providers[i].provider)
			return true;
	return false;
}

static void *seam_dl_sym(void *handle, const char *name)
{
	return is_ours(handle) ? handle : real.dl_sym(handle, name);
}

static void seam_dl_close(void *handle)
{
	if (!is_ours(handle))
		real.dl_close(handle);
}

/* A forked child must not find the seam locked by a thread that it doesn't have. */
static void before_fork(void)
{
	pthread_mutex_lock(&planned_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&planned_lock);
}

void seam_install(void)
{
	size_t i;

	if (!real.open) {
		real = accel_core_sys;
		pthread_atfork(before_fork, after_fork, after_fork);
	}
	seam_forget();
	memset(planned, 0, sizeof(planned));
	node_count = 0;
	for (i = 0; i < FDS_MAX; i++)
		node_of_fd[i] = NULL;
	accel_core_sys = real;
	accel_core_sys.open = seam_open;
	accel_core_sys.close = seam_close;
	accel_core_sys.read = seam_read;
	accel_core_sys.write = seam_write;
	accel_core_sys.ioctl = seam_ioctl;
	accel_core_sys.poll = seam_poll;
	accel_core_sys.fstat = seam_fstat;
	accel_core_sys.lstat = seam_lstat;
	accel_core_sys.stat = seam_stat;
	accel_core_sys.access = seam_access;
	accel_core_sys.readlink = seam_readlink;
	accel_core_sys.list = seam_list;
	accel_core_sys.dup = seam_dup;
	accel_core_sys.eventfd = seam_eventfd;
	accel_core_sys.mmap = seam_mmap;
	accel_core_sys.munmap = seam_munmap;
	accel_core_sys.madvise = seam_madvise;
	accel_core_sys.alloc = seam_alloc;
	accel_core_sys.free = seam_free;
	accel_core_sys.thread_create = seam_thread_create;
	accel_core_sys.futex_wait = seam_futex_wait;
	accel_core_sys.futex_wake = seam_futex_wake;
	accel_core_sys.dl_open = seam_dl_open;
	accel_core_sys.dl_sym = seam_dl_sym;
	accel_core_sys.dl_close = seam_dl_close;
}

unsigned long seam_calls(enum seam_entry entry)
{
	return calls[entry];
}

unsigned long seam_all_calls(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < SEAM_ENTRIES; i++)
		if (i != SEAM_ALLOC && i != SEAM_FREE)
			sum += calls[i];
	return sum;
}

void seam_forget(void)
{
	int i;

	for (i = 0; i < SEAM_ENTRIES; i++)
		calls[i] = 0;
	dev_opens = 0;
}

unsigned long seam_dev_opens(void)
{
	return dev_opens;
}

void seam_fail(enum seam_entry entry, unsigned long skip, unsigned long count, int err)
{
	pthread_mutex_lock(&planned_lock);
	planned[entry].skip = skip;
	planned[entry].count = count;
	planned[entry].err = err;
	pthread_mutex_unlock(&planned_lock);
}

void seam_await(enum seam_entry entry, unsigned long count)
{
	while (calls[entry] < count)
		sched_yield();
}

long seam_live_memory(void)
{
	return live_memory;
}

long seam_live_maps(void)
{
	return live_maps;
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	if (!dir)
		fail_msg("/proc/self/fd can't be read");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

void seam_add_node(struct seam_node *node)
{
	assert_true(node_count < NODES_MAX);
	nodes[node_count++] = node;
}

void seam_add_provider(const char *name, const struct accel_provider *provider)
{
	assert_true(provider_count < LISTED);
	providers[provider_count].name = name;
	providers[provider_count++].provider = provider;
}

int seam_make_sync_file(int status)
{
	int fd = real.eventfd(status != 0, EFD_NONBLOCK);
	int sync;

	assert_in_range(fd, 0, FDS_MAX - 1);
	sync = atomic_fetch_add(&sync_count, 1) + 1;
	atomic_store(&sync_status[sync], status);
	atomic_store(&sync_of_fd[fd], sync);
	return fd;
}

void seam_end_sync_file(int fd, int status)
{
	const uint64_t one = 1;

	sync_status[sync_of_fd[fd]] = status;
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

/* ---- the environment ---------------------------------------------------------------------- */

static struct env *env(void)
{
	return (struct env *)(uintptr_t)env_get();
}

void set_sysfs(const char *path)
{
	env()->sysfs = path ? path : "/sys";
}

void set_procfs(const char *path)
{
	env()->procfs = path ? path : "/proc";
}

void set_dev(const char *path)
{
	env()->dev = path ? path : "/dev";
}

void set_provider_dir(const char *path)
{
	env()->provider_dir = path;
}

void set_no_software(bool no_software)
{
	env()->no_software = no_software;
}

/* ---- trees -------------------------------------------------------------------------------- */

char *tree_make(void)
{
	const char *tmp = getenv("TMPDIR");
	char *tree;

	if (asprintf(&tree, "%s/accel-unit-XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(tree))
		fail_msg("no temporary directory");
	return tree;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

void tree_remove_below(const char *tree, const char *path)
{
	nftw(tree_path(tree, path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_remove(char *tree)
{
	nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
}

const char *tree_path(const char *tree, const char *path)
{
	static char whole[8192];

	snprintf(whole, sizeof(whole), "%s/%s", tree, path);
	return whole;
}

static void make_parents(const char *whole)
{
	char part[8192];
	char *slash;

	snprintf(part, sizeof(part), "%s", whole);
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755);
		*slash = '/';
	}
}

void tree_write(const char *tree, const char *path, const void *data, size_t bytes)
{
	const char *whole = tree_path(tree, path);
	FILE *file;

	make_parents(whole);
	file = fopen(whole, "w");
	if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file))
		fail_msg("can't write %s", whole);
}

void tree_print(const char *tree, const char *path, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		fail_msg("no memory");
	va_end(args);
	tree_write(tree, path, text, strlen(text));
	free(text);
}

void tree_link(const char *tree, const char *path, const char *target)
{
	const char *whole = tree_path(tree, path);

	make_parents(whole);
	if (symlink(target, whole))
		fail_msg("can't link %s", whole);
}

void tree_dir(const char *tree, const char *path)
{
	char whole[8192];

	snprintf(whole, sizeof(whole), "%s/%s/", tree, path);
	make_parents(whole);
}

void tree_device(const char *tree, unsigned int minor, const char *address, const char *driver)
{
	char path[200], parent[100], target[200];

	if (address)
		snprintf(parent, sizeof(parent), "devices/pci0000:00/%s", address);
	else
		snprintf(parent, sizeof(parent), "devices/platform/npu%u", minor);
	snprintf(path, sizeof(path), "class/accel/accel%u/uevent", minor);
	tree_print(tree, path, "MAJOR=261\nMINOR=%u\nDEVNAME=accel/accel%u\nDEVTYPE=accel_minor\n",
		   minor, minor);
	snprintf(path, sizeof(path), "%s/uevent", parent);
	tree_print(tree, path, "%s%s%s%s%s%s", driver ? "DRIVER=" : "", driver ? driver : "",
		   driver ? "\n" : "", address ? "PCI_SLOT_NAME=" : "OF_NAME=npu",
		   address ? address : "", "\nMODALIAS=none\n");
	if (address) {
		snprintf(path, sizeof(path), "%s/numa_node", parent);
		tree_print(tree, path, "%u\n", minor % 2);
	}
	snprintf(path, sizeof(path), "class/accel/accel%u/device", minor);
	snprintf(target, sizeof(target), "../../../%s", parent);
	tree_link(tree, path, target);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *run_task(void *arg)
{
	struct task *task = arg;

	task->result = task->fn(task->arg);
	task->done = 1;
	return NULL;
}

void task_start(struct task *task, int (*fn)(void *arg), void *arg)
{
	task->fn = fn;
	task->arg = arg;
	task->done = 0;
	if (pthread_create(&task->thread, NULL, run_task, task))
		fail_msg("no thread");
}

int task_join(struct task *task)
{
	pthread_join(task->thread, NULL);
	return task->result;
}

int64_t far_off(void)
{
	return accel_core_sys.now() + 100 * 1000000000ll;
}
