/* SPDX-License-Identifier: MIT */
/* A driver qaic that isn't there; see kernel.h. */
#include "kernel.h"

#include <drm/drm.h>
#include <drm/qaic_accel.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define RELEASE      5 /* a command of the firmware's: words 0 and 1 are it and the channel */
#define MEMORY_BYTES 65536

struct slice {
	uint64_t offset, size, device;
};

struct object {
	bool alive, sliced, queued, done, waits_for_ever;
	int memfd, owner;
	uint64_t size;
	uint32_t channel, dir, elements, slices;
	struct slice slice[8];
};

struct kernel kernel;
_Atomic uint32_t kernel_moves;
static struct object objects[K_BOS];
static struct {
	bool in_use;
	int owner; /* -1: taken away */
} channels[K_CHANNELS];
static uint8_t memory[MEMORY_BYTES];
static struct accel_sys seam;

static void wrong(const char *what)
{
	if (!kernel.wrong++)
		snprintf(kernel.why, sizeof(kernel.why), "%s", what);
}

static bool are_signals_blocked(void)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGALRM) && sigismember(&set, SIGTERM);
}

static struct object *find(int fd, uint32_t handle)
{
	struct object *o = handle && handle < K_BOS ? &objects[handle] : NULL;

	return o && o->alive && o->owner == fd ? o : NULL;
}

/* ---- MANAGE --------------------------------------------------------------------------------- */

static void release(uint32_t channel)
{
	struct object *o;

	for (o = objects; o < objects + K_BOS; o++)
		if (o->sliced && o->channel == channel) {
			o->sliced = o->queued = false;
			o->done = true;
		}
	channels[channel].in_use = false;
	channels[channel].owner = -1;
	pthread_cond_broadcast(&kernel.changed);
}

static uint32_t answer_one(int fd, const struct qaic_manage_trans_hdr *in, uint8_t *out, int *err)
{
	struct qaic_manage_trans_activate_from_dev activated = {
		.hdr = {QAIC_TRANS_ACTIVATE_FROM_DEV, sizeof(activated)}};
	struct qaic_manage_trans_status_from_dev status = {
		.hdr = {QAIC_TRANS_STATUS_FROM_DEV, sizeof(status)}, .major = 5, .status_flags = 1};
	const uint32_t *words = (const void *)(in + 1);
	struct qaic_manage_trans_hdr echo = *in;
	uint32_t i;

	switch (in->type) {
	case QAIC_TRANS_ACTIVATE_FROM_USR:
		activated.status = kernel.activate_status;
		for (i = 0; i < K_CHANNELS && channels[i].in_use; i++)
			;
		if (i == K_CHANNELS)
			activated.status = 99;
		activated.dbc_id = i;
		if (activated.status) {
			*err = -ECANCELED;
		} else {
			channels[i].in_use = true;
			channels[i].owner = fd;
		}
		memcpy(out, &activated, sizeof(activated));
		return sizeof(activated);
	case QAIC_TRANS_PASSTHROUGH_FROM_USR:
		if (words[0] == RELEASE && words[1] < K_CHANNELS && !kernel.keep_release) {
			if (channels[words[1]].owner != fd)
				wrong("a channel of another is given back");
			kernel.releases++;
			release(words[1]);
		}
		echo.type = QAIC_TRANS_PASSTHROUGH_FROM_DEV;
		memcpy(out, in, in->len);
		memcpy(out, &echo, sizeof(echo));
		return in->len;
	case QAIC_TRANS_STATUS_FROM_USR:
		memcpy(out, &status, sizeof(status));
		return sizeof(status);
	case QAIC_TRANS_DEACTIVATE_FROM_USR:
		wrong("a deactivation, which never reaches the device");
		return 0;
	case QAIC_TRANS_DMA_XFER_FROM_USR:
		return 0;
	default:
		*err = -EINVAL;
		return 0;
	}
}

static int manage(int fd, struct qaic_manage_msg *ask)
{
	static uint8_t in[QAIC_MANAGE_MAX_MSG_LENGTH], out[QAIC_MANAGE_MAX_MSG_LENGTH];
	const struct qaic_manage_trans_hdr *trans;
	uint32_t at = 0, used = 0, answers = 0, i, got;
	int err = kernel.manage_err;

	kernel.manages++;
	if (!are_signals_blocked())
		wrong("MANAGE with signals");
	while (kernel.hold)
		pthread_cond_wait(&kernel.changed, &kernel.lock);
	if (ask->len > sizeof(in))
		return -EINVAL;
	memcpy(in, (void *)(uintptr_t)ask->data, ask->len);
	/* It may write all of it. */
	memset((void *)(uintptr_t)ask->data, 0xaa, sizeof(in));
	for (i = 0; i < ask->count && !err; i++) {
		trans = (const void *)(in + at);
		if (trans->len < sizeof(*trans) || trans->len > ask->len - at)
			return -EINVAL;
		got = answer_one(fd, trans, out + used, &err);
		answers += got != 0;
		used += got;
		at += trans->len;
	}
	while (kernel.hold_answer)
		pthread_cond_wait(&kernel.changed, &kernel.lock);
	if (!err || err == -ECANCELED) {
		memcpy((void *)(uintptr_t)ask->data, out, used);
		ask->len = used;
		ask->count = answers;
	}
	return err;
}

/* ---- buffers ---------------------------------------------------------------------------------- */

static int new_object(int fd, uint64_t size, int memfd)
{
	int i;

	for (i = 1; i < K_BOS && objects[i].alive; i++)
		;
	if (i == K_BOS)
		return -ENOMEM;
	objects[i] = (struct object){
		.alive = true, .done = true, .memfd = memfd, .owner = fd, .size = size};
	kernel.bos++;
	return i;
}

static int create(int fd, struct qaic_create_bo *ask)
{
	const int memfd = memfd_create("bo", MFD_CLOEXEC);
	int ret;

	if (ftruncate(memfd, (off_t)ask->size))
		return -ENOMEM;
	ret = new_object(fd, ask->size, memfd);
	if (ret < 0)
		return ret;
	ask->handle = (uint32_t)ret;
	return 0;
}

static int gem_close(int fd, const struct drm_gem_close *ask)
{
	struct object *o = find(fd, ask->handle);

	if (!o)
		return -EINVAL;
	if (o->sliced)
		wrong("a buffer is closed with its slices attached");
	close(o->memfd);
	o->alive = false;
	kernel.bos--;
	return 0;
}

static int attach(int fd, const struct qaic_attach_slice *ask)
{
	const struct qaic_attach_slice_entry *entries = (void *)(uintptr_t)ask->data;
	struct object *o = find(fd, ask->hdr.handle);
	uint32_t i;

	kernel.attaches++;
	if (!o)
		return -ENOENT;
	if (ask->hdr.dbc_id >= K_CHANNELS || channels[ask->hdr.dbc_id].owner != fd || o->sliced ||
	    !ask->hdr.count || ask->hdr.count > 8 || ask->hdr.dir < 1 || ask->hdr.dir > 2)
		return -EINVAL;
	for (i = 0; i < ask->hdr.count; i++) {
		if (entries[i].offset + entries[i].size > o->size)
			return -EINVAL;
		o->slice[i] =
			(struct slice){entries[i].offset, entries[i].size, entries[i].dev_addr};
	}
	o->sliced = true;
	o->channel = ask->hdr.dbc_id;
	o->dir = ask->hdr.dir;
	o->slices = ask->hdr.count;
	o->elements = ask->hdr.count * (kernel.pieces ? kernel.pieces : 1);
	return 0;
}

static int detach(int fd, const struct qaic_detach_slice *ask)
{
	struct object *o = find(fd, ask->handle);

	kernel.detaches++;
	if (!o)
		return -ENOENT;
	if (!o->sliced || channels[o->channel].owner != fd)
		return -EINVAL;
	if (o->queued)
		return -EBUSY;
	o->sliced = false;
	o->done = true;
	o->waits_for_ever = false;
	return 0;
}

/* ---- running ------------------------------------------------------------------------------------ */

static void move(struct object *o)
{
	uint8_t *map = mmap(NULL, o->size, PROT_READ | PROT_WRITE, MAP_SHARED, o->memfd, 0);
	uint32_t i;

	for (i = 0; i < o->slices && kernel_moves & o->dir; i++) {
		uint8_t *device = memory + o->slice[i].device % MEMORY_BYTES;

		if (o->dir == 1)
			memcpy(device, map + o->slice[i].offset, o->slice[i].size);
		else
			memcpy(map + o->slice[i].offset, device, o->slice[i].size);
	}
	munmap(map, o->size);
}

static void end(struct object *o)
{
	if (!o->queued)
		return;
	move(o);
	o->queued = false;
	o->done = true;
	pthread_cond_broadcast(&kernel.changed);
}

static int check_channel(int fd, uint32_t channel)
{
	if (channel >= K_CHANNELS)
		return -EINVAL;
	return channels[channel].owner == fd ? 0 : -EPERM;
}

static int execute(int fd, const struct qaic_execute *ask, bool partial)
{
	const struct qaic_partial_execute_entry *parts = (void *)(uintptr_t)ask->data;
	const struct qaic_execute_entry *plain = (void *)(uintptr_t)ask->data;
	struct object *o = NULL;
	uint32_t i, j;
	int err;

	kernel.executes++;
	kernel.partials += partial;
	err = check_channel(fd, ask->hdr.dbc_id);
	for (i = 0; i < ask->hdr.count && !err; i++) {
		o = find(fd, partial ? parts[i].handle : plain[i].handle);
		if (!o)
			err = -ENOENT;
		else if (kernel.execute_err && i == kernel.execute_err_at)
			err = kernel.execute_err;
		else if (!o->sliced || o->queued)
			err = -EINVAL;
		else if (o->channel != ask->hdr.dbc_id)
			wrong("a buffer of another channel is executed");
		if (err)
			break;
		if (partial)
			kernel.last_resize = parts[i].resize;
		o->queued = true;
		o->done = false;
		kernel.last_handle = partial ? parts[i].handle : plain[i].handle;
	}
	if (!err && (kernel.at_once || kernel.quick))
		for (i = 0; i < ask->hdr.count; i++)
			end(find(fd, partial ? parts[i].handle : plain[i].handle));
	if (!err)
		return 0;
	kernel.execute_err = 0;
	/* Taken back, but nobody will ever say that they are done. */
	for (j = 0; j < i; j++) {
		o = find(fd, partial ? parts[j].handle : plain[j].handle);
		o->queued = false;
		o->waits_for_ever = true;
	}
	return err;
}

static int wait_bo(int fd, const struct qaic_wait *ask)
{
	struct timespec until;
	struct object *o;
	int err;

	if (ask->handle) {
		kernel.waits++;
		kernel.disturbable += !are_signals_blocked();
	}
	if (!ask->timeout)
		wrong("WAIT_BO with the kernel's default of 5 s");
	if (ask->timeout > kernel.longest_ms)
		kernel.longest_ms = ask->timeout;
	err = check_channel(fd, ask->dbc_id);
	if (err)
		return err;
	o = find(fd, ask->handle);
	if (!o)
		return -ENOENT;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ask->timeout % 1000 * 1000000l;
	until.tv_sec += ask->timeout / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!o->done && !err)
		err = -pthread_cond_timedwait(&kernel.changed, &kernel.lock, &until);
	return check_channel(fd, ask->dbc_id) ? -EPERM : err;
}

static int statistics(int fd, const struct qaic_perf_stats *ask)
{
	struct qaic_perf_stats_entry *entries = (void *)(uintptr_t)ask->data;
	struct object *o;
	uint32_t i;

	kernel.statistics++;
	for (i = 0; i < ask->hdr.count; i++) {
		o = find(fd, entries[i].handle);
		if (!o)
			return -ENOENT;
		if (!o->sliced || o->channel != ask->hdr.dbc_id)
			return -EINVAL;
		entries[i].device_latency_us = o->done && !kernel.quick ? 7 : 0;
		entries[i].num_queue_element = o->elements;
	}
	return 0;
}

/* ---- the seam -------------------------------------------------------------------------------------- */

static int node_ioctl(int fd, unsigned long request, void *arg)
{
	struct qaic_mmap_bo *map = arg;

	if (request == DRM_IOCTL_GEM_CLOSE)
		return gem_close(fd, arg);
	if (kernel.offline)
		return -ENODEV;
	switch (request) {
	case DRM_IOCTL_QAIC_MANAGE:
		return manage(fd, arg);
	case DRM_IOCTL_QAIC_CREATE_BO:
		return create(fd, arg);
	case DRM_IOCTL_QAIC_MMAP_BO:
		if (!find(fd, map->handle))
			return -ENOENT;
		map->offset = (uint64_t)map->handle << 32;
		return 0;
	case DRM_IOCTL_QAIC_ATTACH_SLICE_BO:
		return attach(fd, arg);
	case DRM_IOCTL_QAIC_DETACH_SLICE_BO:
		return detach(fd, arg);
	case DRM_IOCTL_QAIC_EXECUTE_BO:
	case DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO:
		return execute(fd, arg, request == DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO);
	case DRM_IOCTL_QAIC_WAIT_BO:
		return wait_bo(fd, arg);
	case DRM_IOCTL_QAIC_PERF_STATS_BO:
		return statistics(fd, arg);
	default:
		return -EINVAL;
	}
}

static int kernel_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	ret = seam.ioctl(fd, request, arg); /* counts, and fails when told */
	if (!seam_node_of(fd) || request == DRM_IOCTL_VERSION || ret != -EINVAL)
		return ret;
	pthread_mutex_lock(&kernel.lock);
	ret = node_ioctl(fd, request, arg);
	pthread_mutex_unlock(&kernel.lock);
	return ret;
}

static int kernel_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	struct object *o;

	if (!seam_node_of(fd))
		return seam.mmap(bytes, prot, flags, fd, offset, out);
	o = find(fd, (uint32_t)(offset >> 32));
	return o ? seam.mmap(bytes, prot, flags, o->memfd, 0, out) : -EINVAL;
}

void kernel_install(void)
{
	memset((void *)&kernel, 0, sizeof(kernel));
	memset(objects, 0, sizeof(objects));
	memset(channels, 0, sizeof(channels));
	memset(memory, 0, sizeof(memory));
	kernel_moves = 0;
	pthread_mutex_init(&kernel.lock, NULL);
	pthread_cond_init(&kernel.changed, NULL);
	if (accel_core_sys.ioctl == kernel_ioctl)
		return;
	seam = accel_core_sys;
	accel_core_sys.ioctl = kernel_ioctl;
	accel_core_sys.mmap = kernel_mmap;
}

void kernel_end(uint32_t handle)
{
	pthread_mutex_lock(&kernel.lock);
	end(&objects[handle]);
	pthread_mutex_unlock(&kernel.lock);
}

void kernel_end_all(void)
{
	struct object *o;

	pthread_mutex_lock(&kernel.lock);
	for (o = objects; o < objects + K_BOS; o++)
		end(o);
	pthread_mutex_unlock(&kernel.lock);
}

void kernel_take_away(uint32_t channel)
{
	pthread_mutex_lock(&kernel.lock);
	release(channel);
	pthread_mutex_unlock(&kernel.lock);
}

void kernel_let_go(void)
{
	pthread_mutex_lock(&kernel.lock);
	kernel.hold = kernel.hold_answer = false;
	pthread_cond_broadcast(&kernel.changed);
	pthread_mutex_unlock(&kernel.lock);
}

uint32_t kernel_channels_in_use(void)
{
	uint32_t i, count = 0;

	pthread_mutex_lock(&kernel.lock);
	for (i = 0; i < K_CHANNELS; i++)
		count += channels[i].in_use;
	pthread_mutex_unlock(&kernel.lock);
	return count;
}

uint32_t kernel_attached(void)
{
	struct object *o;
	uint32_t count = 0;

	pthread_mutex_lock(&kernel.lock);
	for (o = objects; o < objects + K_BOS; o++)
		count += o->alive && o->sliced;
	pthread_mutex_unlock(&kernel.lock);
	return count;
}
