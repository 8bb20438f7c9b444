/* SPDX-License-Identifier: MIT */
/* Finding and loading providers. */
#include "core.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/* The part of a provider's path that tells for which private interface it was built. */
#define ABI_DIR	   STRING(ACCEL_PRIVATE_ABI)
#define SYMBOL_STEM "accel_provider_"
#define SYMBOL	   SYMBOL_STEM ABI_DIR

/* The drivers that the providers of this tree serve, "/one/another/". */
#define DRIVERS "/" ACCEL_DRIVERS "/"

struct loaded {
	struct accel_provider provider; /* first: this is what others see of it */
	struct accel_ops ops;
	char driver[64]; /* or a platform device's name */
	struct loaded *next;
};

/* Never unloaded: threads and statics of what a provider links make that unsafe. */
static struct loaded *all_loaded;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- where ----------------------------------------------------------------------------- */

/* The directory of providers of any private interface: libaccel/ beside the file that this
 * code was loaded from, so that an installed tree, a moved one and a build tree all work
 * with nothing set. */
static int base_dir(char *path, size_t bytes)
{
	Dl_info info;
	char *slash;

	if (!dladdr((void *)(uintptr_t)base_dir, &info) || !info.dli_fname)
		return -ENOENT;
	if (strlen(info.dli_fname) + sizeof("/libaccel") > bytes)
		return -ENAMETOOLONG;
	strcpy(path, info.dli_fname);
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	else
		strcpy(path, ".");
	strcat(path, "/libaccel");
	return 0;
}

/* The directory that this library's providers are in. */
static int provider_dir(char *path, size_t bytes)
{
	const char *set = env_get()->provider_dir;
	int ret;

	if (set) {
		if (strlen(set) >= bytes)
			return -ENAMETOOLONG;
		strcpy(path, set);
		return 0;
	}
	ret = base_dir(path, bytes);
	if (ret)
		return ret;
	if (strlen(path) + sizeof("/" ABI_DIR) > bytes)
		return -ENAMETOOLONG;
	strcat(path, "/" ABI_DIR);
	return 0;
}

static int provider_path(const char *driver, char *path, size_t bytes)
{
	char dir[PATH_MAX];
	int ret;

	ret = provider_dir(dir, sizeof(dir));
	if (ret)
		return ret;
	ret = snprintf(path, bytes, "%s/%s.so", dir, driver);
	return ret < 0 || (size_t)ret >= bytes ? -ENAMETOOLONG : 0;
}

/* ---- what is wrong ------------------------------------------------------------------------ */

struct abi_search {
	const char *dir;
	const char *driver;
	unsigned long found; /* 0: none */
};

static int look_in_abi_dir(void *data, const char *name)
{
	struct abi_search *search = data;
	char path[PATH_MAX];
	unsigned long abi;
	char *end;

	abi = strtoul(name, &end, 10);
	if (*end || !abi || abi == ACCEL_PRIVATE_ABI || strlen(name) > 9)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s/%s.so", search->dir, name, search->driver) >=
	    (int)sizeof(path))
		return 0;
	if (accel_core_sys.access(path, F_OK))
		return 0;
	search->found = abi;
	return 1;
}

/* The private interface of a provider of @driver that another library could load, or 0. */
static unsigned long other_abi(const char *driver)
{
	struct abi_search search = { .driver = driver };
	char dir[PATH_MAX];

	if (env_get()->provider_dir) {
		if (provider_dir(dir, sizeof(dir) - 3))
			return 0;
		strcat(dir, "/..");
	} else if (base_dir(dir, sizeof(dir))) {
		return 0;
	}
	search.dir = dir;
	accel_core_sys.list(dir, look_in_abi_dir, &search);
	return search.found;
}

static void say_abi(const char *driver, unsigned long abi, char *reason, size_t bytes)
{
	snprintf(reason, bytes,
		 "the provider for '%s' was built for private interface %lu and this libaccel speaks "
		 "%d: install providers and libaccel of the same version",
		 driver, abi, ACCEL_PRIVATE_ABI);
}

/* A static program has the providers that were linked into it, and loads none: a module would
 * bring the shared library along, a second libaccel in one process. */
static bool is_static(void)
{
	return builtin_providers[0].driver;
}

static const struct accel_provider *find_builtin(const char *driver)
{
	const struct builtin_provider *at;

	for (at = builtin_providers; at->driver; at++)
		if (!strcmp(at->driver, driver))
			return at->provider;
	return NULL;
}

static uint32_t look_in_program(const char *driver, char *reason, size_t reason_bytes)
{
	if (find_builtin(driver))
		return ACCEL_USABLE;
	snprintf(reason, reason_bytes,
		 "no provider for '%s' is in this program's libaccel.a: install one that was built "
		 "with it (STATIC_PROVIDERS)",
		 driver);
	return ACCEL_NO_PROVIDER;
}

/* The package that has a provider for @driver, or NULL. */
static const char *package_of(const char *driver)
{
	const size_t length = strlen(driver);
	const char *at;

	if (!strcmp(driver, "soft"))
		return "libaccel-soft";
	for (at = DRIVERS; at[1]; at = strchr(at + 1, '/'))
		if (!strncmp(at + 1, driver, length) && at[1 + length] == '/')
			return "libaccel-providers";
	return NULL;
}

uint32_t provider_look(const char *driver, char *reason, size_t reason_bytes)
{
	const char *package = package_of(driver);
	char path[PATH_MAX];
	unsigned long abi;

	if (!*driver) {
		snprintf(reason, reason_bytes,
			 "its driver is not known before it is open: accel_open() will tell");
		return ACCEL_USABLE;
	}
	if (!sysfs_is_plain_word(driver)) {
		snprintf(reason, reason_bytes, "its driver's name is no plain word");
		return ACCEL_NO_PROVIDER;
	}
	if (is_static())
		return look_in_program(driver, reason, reason_bytes);
	if (!provider_path(driver, path, sizeof(path)) && !accel_core_sys.access(path, R_OK))
		return ACCEL_USABLE;
	abi = other_abi(driver);
	if (abi) {
		say_abi(driver, abi, reason, reason_bytes);
		return ACCEL_PROVIDER_ABI;
	}
	if (provider_path(driver, path, sizeof(path)))
		snprintf(path, sizeof(path), "the directory of providers");
	snprintf(reason, reason_bytes,
		 "no provider for '%s' is installed: %s%s (looked for %.100s)", driver,
		 package ? "install the package " : "no package of libaccel has one",
		 package ? package : "", path);
	return ACCEL_NO_PROVIDER;
}

/* ---- operations that a provider leaves out -------------------------------------------------- */

static int no_context_init(struct accel_context *context, const struct accel_ext *ext,
			   int64_t deadline)
{
	(void)context, (void)ext, (void)deadline;
	return 0;
}

static void nothing_context(struct accel_context *context)
{
	(void)context;
}

static void look_in_sysfs(struct accel_context *context)
{
	if (accel_core_device_gone(context))
		accel_core_context_set_state(context, ACCEL_GONE);
}

static int no_context_fd(struct accel_context *context, int *fd)
{
	(void)context, (void)fd;
	return accel_core_fail(-EOPNOTSUPP, "this driver has no event for a change of state");
}

static int no_query(struct accel_context *context, uint32_t key, uint64_t *value)
{
	(void)context, (void)key, (void)value;
	return -EINVAL;
}

static int no_bo_init(struct accel_bo *bo, const struct accel_bo_params *params)
{
	(void)bo, (void)params;
	return accel_core_fail(-EOPNOTSUPP, "this driver makes no buffers");
}

static int no_bo_import(struct accel_bo *bo, int dmabuf_fd)
{
	(void)bo, (void)dmabuf_fd;
	return accel_core_fail(-EOPNOTSUPP, "this driver can't import memory");
}

static int no_bo_import_key(struct accel_context *context, int dmabuf_fd, uint64_t *key)
{
	(void)context, (void)dmabuf_fd, (void)key;
	return accel_core_fail(-EOPNOTSUPP, "this driver can't import memory");
}

static int no_bo_export(struct accel_bo *bo, int *dmabuf_fd)
{
	(void)bo, (void)dmabuf_fd;
	return accel_core_fail(-EOPNOTSUPP, "this driver can't export memory");
}

static int no_bo_map(struct accel_bo *bo)
{
	(void)bo;
	return accel_core_fail(-EOPNOTSUPP, "this driver can't map its buffers");
}

static int no_bo_address(struct accel_bo *bo, uint64_t *address)
{
	(void)bo, (void)address;
	return accel_core_fail(-EOPNOTSUPP, "this driver tells no device addresses");
}

static int no_bo_begin(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes,
		       int64_t deadline)
{
	(void)bo, (void)access, (void)offset, (void)bytes, (void)deadline;
	return 0;
}

static int no_bo_end(struct accel_bo *bo, uint32_t access, uint64_t offset, uint64_t bytes)
{
	(void)bo, (void)access, (void)offset, (void)bytes;
	return 0;
}

static void no_bo_fini(struct accel_bo *bo)
{
	(void)bo;
}

static int no_queue_init(struct accel_queue *queue, const struct accel_queue_params *params,
			 int64_t deadline)
{
	(void)queue, (void)params, (void)deadline;
	return accel_core_fail(-EOPNOTSUPP, "this driver has no queues");
}

/* The core ends what has not reached the device; the rest runs on. */
static int no_queue_cancel(struct accel_queue *queue)
{
	(void)queue;
	return 0;
}

static void no_queue_fini(struct accel_queue *queue)
{
	(void)queue;
}

static int no_job_init(struct accel_job *job, const struct accel_job_params *params)
{
	(void)job, (void)params;
	return accel_core_fail(-EOPNOTSUPP, "this driver runs no jobs");
}

static int no_job_set_bo(struct accel_job *job, uint32_t index, struct accel_bo *bo)
{
	(void)job, (void)index, (void)bo;
	return 0;
}

static void no_job_fini(struct accel_job *job)
{
	(void)job;
}

static int no_submit(struct accel_queue *queue, struct accel_job *const *jobs, uint32_t count)
{
	(void)queue, (void)jobs, (void)count;
	return accel_core_fail(-EOPNOTSUPP, "this driver runs no jobs");
}

static int no_job_fd(struct accel_job *job, uint32_t kind, int *fd)
{
	(void)job, (void)kind, (void)fd;
	return -EOPNOTSUPP;
}

static int no_ended_sync_file(struct accel_context *context, int *fd)
{
	(void)context, (void)fd;
	return -EOPNOTSUPP;
}

static void no_queue_help(struct accel_queue *queue, uint64_t seq, int64_t deadline)
{
	(void)queue, (void)seq, (void)deadline;
}

static const struct accel_ops left_out = {
	.context_init = no_context_init,
	.context_fini = nothing_context,
	.context_exit = nothing_context,
	.context_child = nothing_context,
	.context_look = look_in_sysfs,
	.context_fd = no_context_fd,
	.context_event = nothing_context,
	.query = no_query,
	.bo_init = no_bo_init,
	.bo_import = no_bo_import,
	.bo_import_key = no_bo_import_key,
	.bo_export = no_bo_export,
	.bo_map = no_bo_map,
	.bo_address = no_bo_address,
	.bo_begin = no_bo_begin,
	.bo_end = no_bo_end,
	.bo_fini = no_bo_fini,
	.queue_init = no_queue_init,
	.queue_cancel = no_queue_cancel,
	.queue_fini = no_queue_fini,
	.job_init = no_job_init,
	.job_set_bo = no_job_set_bo,
	.job_fini = no_job_fini,
	.submit = no_submit,
	.job_fd = no_job_fd,
	.job_release = no_job_fini,
	.ended_sync_file = no_ended_sync_file,
	.queue_help = no_queue_help,
	/* job_poll and job_wait stay NULL in a provider that pushes. */
};

/* Both tables are structs of nothing but function pointers. */
static void fill_left_out(struct accel_ops *ops)
{
	void (*const *from)(void) = (void (*const *)(void))(const void *)&left_out;
	void (**to)(void) = (void (**)(void))(void *)ops;
	size_t i;

	for (i = 0; i < sizeof(*ops) / sizeof(*to); i++)
		if (!to[i])
			to[i] = from[i];
}

/* ---- loading ------------------------------------------------------------------------------------ */

static bool is_sound(const struct accel_provider *provider)
{
	return provider->size >= sizeof(*provider) && provider->name && provider->drivers &&
	       provider->ops && provider->context_size >= sizeof(struct accel_context) &&
	       provider->bo_size >= sizeof(struct accel_bo) &&
	       provider->queue_size >= sizeof(struct accel_queue) &&
	       provider->job_size >= sizeof(struct accel_job) &&
	       !provider->ops->job_poll == !provider->ops->job_wait;
}

static struct loaded *find_loaded(const char *driver)
{
	struct loaded *at;

	for (at = all_loaded; at; at = at->next)
		if (!strcmp(at->driver, driver))
			return at;
	return NULL;
}

/* Its descriptor, from the module or from the program itself. @handle is NULL for the latter. */
static int find_provider(const char *driver, const struct accel_provider **found, void **handle,
			 uint32_t *usable, char *reason, size_t reason_bytes)
{
	char path[PATH_MAX], why[200];
	int ret;

	*handle = NULL;
	*found = find_builtin(driver);
	if (*found)
		return 0;
	ret = provider_path(driver, path, sizeof(path));
	if (ret)
		return accel_core_fail(ret, "the path of the provider for '%s' is too long", driver);
	ret = accel_core_sys.dl_open(path, handle, why, sizeof(why));
	if (ret) {
		*usable = ACCEL_NO_PROVIDER;
		snprintf(reason, reason_bytes,
			 "the provider for '%s' can't be loaded, install it anew: %s", driver, why);
		return device_usable_errno(*usable);
	}
	*found = accel_core_sys.dl_sym(*handle, SYMBOL);
	if (*found)
		return 0;
	*usable = ACCEL_PROVIDER_ABI;
	snprintf(reason, reason_bytes,
		 "%s is no provider for this libaccel: it has no symbol " SYMBOL
		 "; install providers and libaccel of the same version",
		 path);
	accel_core_sys.dl_close(*handle);
	return device_usable_errno(*usable);
}

static int load(const char *driver, struct loaded **out, uint32_t *usable, char *reason,
		size_t reason_bytes)
{
	const struct accel_provider *found;
	struct loaded *loaded;
	void *handle;
	int ret;

	*usable = provider_look(driver, reason, reason_bytes);
	if (*usable != ACCEL_USABLE)
		return device_usable_errno(*usable);

	loaded = accel_core_sys.alloc(sizeof(*loaded));
	if (!loaded)
		return accel_core_fail(-ENOMEM, "no memory for the provider of '%s'", driver);
	ret = find_provider(driver, &found, &handle, usable, reason, reason_bytes);
	if (ret)
		goto none_found;
	if (found->abi != ACCEL_PRIVATE_ABI) {
		*usable = ACCEL_PROVIDER_ABI;
		say_abi(driver, found->abi, reason, reason_bytes);
		goto not_ours;
	}
	if (!is_sound(found)) {
		*usable = ACCEL_PROVIDER_ABI;
		snprintf(reason, reason_bytes,
			 "the provider for '%s' describes itself wrongly: install it anew", driver);
		goto not_ours;
	}
	loaded->provider = *found;
	loaded->ops = *found->ops;
	fill_left_out(&loaded->ops);
	loaded->provider.ops = &loaded->ops;
	snprintf(loaded->driver, sizeof(loaded->driver), "%s", driver);
	trace_add_names(found->ioctls);
	accel_core_log(ACCEL_LOG_DEBUG, "loaded the provider %s for %s", found->name, driver);
	*out = loaded;
	return 0;

not_ours:
	ret = device_usable_errno(*usable);
	if (handle)
		accel_core_sys.dl_close(handle);
none_found:
	accel_core_sys.free(loaded);
	return ret;
}

int provider_load(const char *driver, const struct accel_provider **out, uint32_t *usable,
		  char *reason, size_t reason_bytes)
{
	struct loaded *loaded;
	int ret = 0;

	*usable = ACCEL_USABLE;
	pthread_mutex_lock(&lock);
	loaded = find_loaded(driver);
	if (!loaded) {
		ret = load(driver, &loaded, usable, reason, reason_bytes);
		if (!ret) {
			loaded->next = all_loaded;
			all_loaded = loaded;
		}
	}
	pthread_mutex_unlock(&lock);
	if (!ret)
		*out = &loaded->provider;
	return ret;
}

bool provider_serves(const struct accel_provider *provider, const char *driver)
{
	const char *const *name;

	for (name = provider->drivers; *name; name++)
		if (!strcmp(*name, driver))
			return true;
	return false;
}
