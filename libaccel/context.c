/* SPDX-License-Identifier: MIT */
/* Contexts: opening a device, its state, its end. */
#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OPEN_FLAGS     (ACCEL_OPEN_FD | ACCEL_OPEN_NO_THREADS | ACCEL_OPEN_UNVERIFIED)
#define RETRY_SLICE_NS 10000000 /* between two looks at a device that is not ready */

/* What opening has learned about why it can't be done. */
struct verdict {
	uint32_t usable;
	char driver[32];
	char reason[256];
};

/* ---- the node ----------------------------------------------------------------------------- */

/* -EMFILE is the process's limit or the driver's. */
static bool fds_are_left(void)
{
	int fd = accel_core_sys.eventfd(0, 0);

	if (fd < 0)
		return false;
	accel_core_sys.close(fd);
	return true;
}

static int judge_open(int err, const char *node, struct verdict *verdict)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		verdict->usable = ACCEL_NO_PERMISSION;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "%s may not be opened by this user%s", node,
			 err == -EPERM ? ": a device cgroup, a security module or the driver "
					"forbids it" : "");
		break;
	case -ENOENT:
	case -ENXIO:
	case -ELOOP:
		verdict->usable = ACCEL_NO_NODE;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "its node %s has vanished or is not a node: has the device been removed?",
			 node);
		break;
	case -ENODEV:
	case -EAGAIN:
		verdict->usable = ACCEL_NOT_READY;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "the device is not ready: its firmware is not up, or it resets; see the "
			 "kernel's log (dmesg) and try again, or give accel_open() a deadline");
		break;
	case -EMFILE:
		return accel_core_fail(err, "%s can't be opened: %s", node,
				       fds_are_left() ? "the driver's limit of contexts for this "
							"user is reached"
						      : "no file descriptor is left (ulimit -n)");
	default:
		/* -EBUSY and so on say nothing lasting about the device. */
		return accel_core_fail(err, "%s can't be opened: %s", node, strerror(-err));
	}
	return device_usable_errno(verdict->usable);
}

static int open_node(const struct accel_device_info *info, int64_t deadline, int *fd,
		     struct verdict *verdict)
{
	struct stat st;
	int ret;

	for (;;) {
		/* O_NONBLOCK: should it have become a FIFO meanwhile. */
		ret = accel_core_sys.open(info->node, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (ret == -EINTR)
			continue;
		if ((ret != -ENODEV && ret != -EAGAIN) || accel_core_expired(deadline))
			break;
		if (device_is_gone(info))
			return accel_core_fail(-ENODEV, "the device is gone");
		accel_core_sys.poll(NULL, 0, accel_core_left(deadline, RETRY_SLICE_NS));
	}
	if (ret < 0)
		return judge_open(ret, info->node, verdict);
	*fd = ret;
	ret = accel_core_sys.fstat(*fd, &st);
	if (ret)
		accel_core_fail(ret, "%s: %s", info->node, strerror(-ret));
	if (!ret && (!S_ISCHR(st.st_mode) || st.st_rdev != (dev_t)info->devnum)) {
		verdict->usable = ACCEL_NO_NODE;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "%s is no longer the node of this device: scan again", info->node);
		ret = -ENXIO;
	}
	if (ret)
		accel_core_sys.close(*fd);
	return ret;
}

static int adopt_fd(const struct accel_device_info *info, const struct accel_open_params *params,
		    int *fd)
{
	struct stat st;
	int ret;

	ret = accel_core_sys.fstat(params->fd, &st);
	if (ret)
		return accel_core_fail(ret, "descriptor %d: %s", params->fd, strerror(-ret));
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != major((dev_t)info->devnum))
		return accel_core_fail(-ENODEV, "descriptor %d is of no accelerator", params->fd);
	if (st.st_rdev != (dev_t)info->devnum)
		return accel_core_fail(-EINVAL, "descriptor %d is not of the device %s", params->fd,
				       info->id);
	ret = accel_core_sys.dup(params->fd);
	if (ret < 0)
		return accel_core_fail(ret, "descriptor %d: %s", params->fd, strerror(-ret));
	*fd = ret;
	return 0;
}

/* ---- the provider -------------------------------------------------------------------------- */

/* Ask the open node for its driver and load the provider that serves it. @hint is the name
 * under which the device was listed. */
static int find_provider(int fd, const char *hint, const struct accel_provider **out,
			 struct verdict *verdict)
{
	struct verdict facade = *verdict;
	int version[3];
	int ret;

	ret = accel_core_drm_version(fd, verdict->driver, sizeof(verdict->driver), version);
	if (ret) {
		verdict->driver[0] = '\0';
		if (ret == -ENODEV)
			return judge_open(ret, "the node", verdict);
		return accel_core_fail(ret == -ENOTTY ? -ENODEV : ret,
				       "the node does not answer as an accelerator's: %s",
				       strerror(-ret));
	}
	ret = provider_load(verdict->driver, out, &verdict->usable, verdict->reason,
			    sizeof(verdict->reason));
	/* Installed under the name of its facade only? */
	if (ret == -ENOPKG && *hint && strcmp(hint, verdict->driver) &&
	    !provider_load(hint, out, &facade.usable, facade.reason, sizeof(facade.reason))) {
		verdict->usable = ACCEL_USABLE;
		verdict->reason[0] = '\0';
		ret = 0;
	}
	if (ret)
		return ret;
	if (!provider_serves(*out, verdict->driver)) {
		verdict->usable = ACCEL_PROVIDER_ABI;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "the provider that is installed for '%s' says it does not serve it: install "
			 "it anew", verdict->driver);
		return -ELIBBAD;
	}
	return 0;
}

/* ---- making one ------------------------------------------------------------------------------- */

static uint64_t number_or(struct accel_context *context, uint32_t key, uint64_t otherwise)
{
	uint64_t value;

	return accel_query(context, key, &value) ? otherwise : value;
}

/* The answers that are needed often are asked once. */
static void ask_limits(struct accel_context *context)
{
	struct accel_limits *limits = &context->limits;
	struct accel_error before;

	error_save(&before); /* what isn't told is no failure of the caller's */
	limits->bo_granule = number_or(context, ACCEL_BO_GRANULE, (uint64_t)sysconf(_SC_PAGESIZE));
	limits->bo_bytes = number_or(context, ACCEL_BO_BYTES_MAX, (uint64_t)SIZE_MAX / 4);
	limits->job_bos = number_or(context, ACCEL_JOB_BOS_MAX, 65535);
	limits->commands_bytes = number_or(context, ACCEL_COMMANDS_BYTES_MAX, UINT32_MAX);
	limits->commands_align = number_or(context, ACCEL_COMMANDS_ALIGN, 0);
	limits->queue_depth = number_or(context, ACCEL_QUEUE_DEPTH_MAX, 65536);
	limits->priority_min = (int32_t)number_or(context, ACCEL_PRIORITY_MIN, 0);
	limits->priority_max = (int32_t)number_or(context, ACCEL_PRIORITY_MAX, 0);
	limits->wait_fences = (uint32_t)number_or(context, ACCEL_HAS_WAIT_FENCES, ACCEL_ABSENT);
	limits->fence_fd = (uint32_t)number_or(context, ACCEL_HAS_FENCE_FD, ACCEL_ABSENT);
	limits->sync_file = (uint32_t)number_or(context, ACCEL_HAS_SYNC_FILE, ACCEL_ABSENT);
	limits->job_timeout = (uint32_t)number_or(context, ACCEL_HAS_JOB_TIMEOUT, ACCEL_ABSENT);
	error_restore(&before);
}

/* Takes over @fd (-1: none) when it succeeds. */
static int make_context(struct accel_device *device, const struct accel_provider *provider, int fd,
			const struct accel_open_params *params, int64_t deadline,
			struct accel_context **out)
{
	struct accel_context *context;
	int ret;

	context = accel_core_sys.alloc(provider->context_size);
	if (!context)
		return accel_core_fail(-ENOMEM, "no memory for a context");
	context->provider = provider;
	context->pulls = provider->ops->job_poll != NULL;
	context->device = accel_device_ref(device);
	context->refs = 1;
	context->open_flags = params->flags;
	context->fd = fd;
	context->opened_ns = accel_core_sys.now();
	context->looked_ns = context->opened_ns;
	list_init(&context->queues);
	list_init(&context->shared);
	list_init(&context->cache);
	trace_node(fd, provider->ioctls);
	ret = provider->ops->context_init(context, params->ext, deadline);
	if (ret)
		goto no_init;
	ask_limits(context);
	/* After the provider's own set-up, so that what it links ends after it. */
	ret = process_add_context(context);
	if (ret) {
		accel_core_fail(ret, "no memory for an exit handler");
		goto no_add;
	}
	*out = context;
	return 0;

no_add:
	provider->ops->context_fini(context);
no_init:
	accel_device_unref(context->device);
	accel_core_sys.free(context);
	return ret;
}

static int open_software(struct accel_device *device, const struct accel_open_params *params,
			 int64_t deadline, struct accel_context **out, struct verdict *verdict)
{
	const struct accel_provider *provider;
	int ret;

	if (params->flags & ACCEL_OPEN_FD)
		return accel_core_fail(-EINVAL, "the software device has no descriptor to take");
	strcpy(verdict->driver, "soft");
	ret = provider_load("soft", &provider, &verdict->usable, verdict->reason,
			    sizeof(verdict->reason));
	if (ret)
		return ret;
	return make_context(device, provider, -1, params, deadline, out);
}

static int open_hardware(struct accel_device *device, const struct accel_open_params *params,
			 int64_t deadline, struct accel_context **out, struct verdict *verdict)
{
	const struct accel_provider *provider;
	struct accel_device_info info;
	const char *hint;
	int fd = -1, ret;

	pthread_mutex_lock(&device->lock);
	info = device->info;
	pthread_mutex_unlock(&device->lock);

	hint = strncmp(info.id, "platform:", 9) ? "" : info.id + 9;
	for (;;) {
		if (params->flags & ACCEL_OPEN_FD)
			ret = adopt_fd(&info, params, &fd);
		else
			ret = open_node(&info, deadline, &fd, verdict);
		if (ret)
			return ret;
		verdict->usable = ACCEL_USABLE;
		ret = find_provider(fd, hint, &provider, verdict);
		if (!ret)
			ret = make_context(device, provider, fd, params, deadline, out);
		if (!ret)
			return 0;
		accel_core_sys.close(fd);
		/* A provider may know of a device that is not ready, too. */
		if (ret != -EAGAIN || accel_core_expired(deadline))
			break;
		accel_core_sys.poll(NULL, 0, accel_core_left(deadline, RETRY_SLICE_NS));
	}
	if (ret == -EAGAIN)
		return judge_open(ret, info.node, verdict);
	if (ret == -EOPNOTSUPP && verdict->usable == ACCEL_USABLE) {
		verdict->usable = ACCEL_NOT_COMPUTE;
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "this device has no compute: it is for administration only");
	}
	return ret;
}

static int open_device(struct accel_device *device, const struct accel_open_params *params,
		       int64_t deadline, struct accel_context **out)
{
	struct verdict verdict = { .usable = ACCEL_USABLE };
	bool software;
	int ret;

	software = device->info.flags & ACCEL_DEVICE_SOFTWARE; /* never changes */
	if (software)
		ret = open_software(device, params, deadline, out, &verdict);
	else
		ret = open_hardware(device, params, deadline, out, &verdict);
	if (ret && verdict.usable == ACCEL_USABLE)
		return ret; /* says nothing lasting of the device */
	device_learn(device, verdict.usable, *verdict.driver ? verdict.driver : NULL,
		     verdict.reason);
	if (ret)
		accel_core_fail(ret, "%s", verdict.reason);
	return ret;
}

int accel_open(struct accel_device *device, const struct accel_open_params *params,
	       int64_t deadline, struct accel_context **out)
{
	struct accel_open_params known;
	bool take_fd;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	ret = accel_core_params(&known, sizeof(known), params, true);
	if (ret)
		return ret;
	if ((known.flags & ~OPEN_FLAGS) || known.reserved)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x or a reserved member is set",
				       known.flags & ~OPEN_FLAGS);
	take_fd = known.flags & ACCEL_OPEN_FD;
	if (!out || (!device && !take_fd))
		return accel_core_fail(-EINVAL, "%s is NULL", out ? "device" : "out");
	if (device)
		return open_device(device, &known, deadline, out);

	ret = device_from_fd(known.fd, &device);
	if (ret)
		return ret;
	ret = open_device(device, &known, deadline, out);
	accel_device_unref(device);
	return ret;
}

/* ---- state ------------------------------------------------------------------------------------ */

int accel_core_enter(const struct accel_context *context, const char *name)
{
	int ret = process_enter();

	if (ret)
		return ret;
	if (!context || strcmp(context->provider->name, name))
		return accel_core_fail(-EINVAL, "this is a function of the driver %s", name);
	return 0;
}

void accel_core_context_set_state(struct accel_context *context, uint32_t state)
{
	uint32_t now = atomic_load(&context->state);

	while (now < state)
		if (atomic_compare_exchange_weak(&context->state, &now, state))
			break;
}

static int state_errno(struct accel_context *context)
{
	switch (atomic_load_explicit(&context->state, memory_order_relaxed)) {
	case ACCEL_OK:
		return 0;
	case ACCEL_GONE:
		return -ENODEV;
	default:
		return -ESTALE;
	}
}

int accel_core_context_errno(struct accel_context *context)
{
	const int ret = state_errno(context);

	if (!ret)
		return 0;
	return accel_core_fail(ret, ret == -ENODEV ? "the device is gone"
						   : "the context is lost: open the device anew");
}

int accel_core_context_look(struct accel_context *context)
{
	if (!atomic_load(&context->state))
		context->provider->ops->context_look(context);
	return state_errno(context);
}

int accel_core_context_look_at(struct accel_context *context, int64_t now)
{
	if (now - atomic_load_explicit(&context->looked_ns, memory_order_relaxed) <
	    ACCEL_LOOK_AGAIN_NS)
		return state_errno(context);
	atomic_store_explicit(&context->looked_ns, now, memory_order_relaxed);
	return accel_core_context_look(context);
}

void accel_core_context_drain(struct accel_context *context)
{
	struct accel_queue *queue = NULL;

	atomic_store(&context->exiting, true);
	while ((queue = queue_next(context, queue)))
		queue_wait_running(queue);
}

bool accel_core_is_absent(struct accel_context *context, unsigned int bit)
{
	return atomic_load_explicit(&context->absent, memory_order_relaxed) >> bit & 1;
}

void accel_core_set_absent(struct accel_context *context, unsigned int bit)
{
	atomic_fetch_or_explicit(&context->absent, 1ull << bit, memory_order_relaxed);
}

int accel_context_state(struct accel_context *context)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context)
		return accel_core_fail(-EINVAL, "context is NULL");
	if (context->fd_given)
		context->provider->ops->context_event(context);
	return (int)atomic_load(&context->state);
}

int accel_context_fd(struct accel_context *context, int *fd)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !fd)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "fd" : "context");
	ret = context->provider->ops->context_fd(context, fd);
	if (!ret)
		context->fd_given = true;
	return ret;
}

int accel_context_get_device(struct accel_context *context, struct accel_device **out)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", context ? "out" : "context");
	*out = accel_device_ref(context->device);
	return 0;
}

int accel_context_trim(struct accel_context *context, uint64_t keep_bytes)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!context)
		return accel_core_fail(-EINVAL, "context is NULL");
	bo_cache_trim(context, keep_bytes);
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------------- */

struct accel_context *accel_context_ref(struct accel_context *context)
{
	if (context)
		refs_get(&context->refs);
	return context;
}

void accel_context_unref(struct accel_context *context)
{
	if (!context || !refs_put(&context->refs))
		return;
	if (process_is_child()) {
		if (context->fd >= 0)
			accel_core_sys.close(context->fd);
		return;
	}
	process_del_context(context);
	bo_cache_trim(context, 0);
	context->provider->ops->context_fini(context);
	if (context->fd >= 0)
		accel_core_sys.close(context->fd);
	park_sweep();
	accel_device_unref(context->device);
	accel_core_sys.free(context);
}
