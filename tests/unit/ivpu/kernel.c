/* SPDX-License-Identifier: MIT */
/* A made-up kernel with the driver intel_vpu. */
#include "kernel.h"

#include <drm/drm.h>
#include <linux/dma-buf.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define PAGE      4096
#define USER_BASE 0xa0000000u
#define STEP      0x1000000u /* between buffers */
#define FDS_MAX   256

struct kernel kernel;

static struct accel_sys below;
static char *tree;
static struct seam_node node;
static long memory_before, maps_before;
static int fds_before;
static uint64_t foreign_bytes[FDS_MAX]; /* by descriptor: somebody else's dma-buf */

/* ---- buffers ------------------------------------------------------------------------------ */

static uint32_t new_handle(uint64_t bytes, uint32_t flags)
{
	struct kernel_bo *bo;
	uint32_t handle;

	for (handle = 1; kernel.bos[handle].used; handle++)
		assert_true(handle < KERNEL_BOS - 1);
	bo = &kernel.bos[handle];
	memset((void *)bo, 0, sizeof(*bo));
	bo->used = true;
	bo->bytes = (bytes + PAGE - 1) / PAGE * PAGE;
	bo->flags = flags;
	bo->address = USER_BASE + (uint64_t)handle * STEP;
	bo->fence = eventfd(1, EFD_CLOEXEC);
	return handle;
}

static struct kernel_bo *find(uint32_t handle)
{
	return handle < KERNEL_BOS && kernel.bos[handle].used ? &kernel.bos[handle] : NULL;
}

static void drop(struct kernel_bo *bo)
{
	close(bo->fence);
	memset((void *)bo, 0, sizeof(*bo));
}

struct kernel_bo *kernel_bo(struct accel_bo *bo)
{
	return find(ivpu_bo(bo)->handle);
}

static void begin_job(struct kernel_bo *bo, uint32_t queue)
{
	uint64_t count;

	assert_int_equal(read(bo->fence, &count, sizeof(count)), sizeof(count));
	bo->pending = true;
	bo->queue = queue;
}

static void end_job(struct kernel_bo *bo, uint32_t status)
{
	const uint64_t one = 1;

	if (!bo->pending)
		return;
	bo->status = status;
	bo->pending = false;
	assert_int_equal(write(bo->fence, &one, sizeof(one)), sizeof(one));
}

void kernel_end(struct accel_bo *bo, uint32_t status)
{
	assert_true(kernel_bo(bo)->pending);
	end_job(kernel_bo(bo), status);
}

int kernel_foreign(uint64_t bytes)
{
	const int fd = eventfd(1, EFD_CLOEXEC);

	assert_in_range(fd, 0, FDS_MAX - 1);
	foreign_bytes[fd] = bytes;
	return fd;
}

/* ---- ioctls ---------------------------------------------------------------------------------- */

static int get_param(struct drm_ivpu_param *ask)
{
	switch (ask->param) {
	case DRM_IVPU_PARAM_DEVICE_ID:
		ask->value = kernel.device;
		return 0;
	case DRM_IVPU_PARAM_NUM_CONTEXTS:
		ask->value = 64;
		return 0;
	case DRM_IVPU_PARAM_PREEMPT_BUFFER_SIZE:
		ask->value = kernel.preempt_bytes;
		return kernel.preempt_bytes ? 0 : -EINVAL;
	case DRM_IVPU_PARAM_CAPABILITIES:
		ask->value = ask->index == DRM_IVPU_CAP_MANAGE_CMDQ ? kernel.queues
								    : ask->index <= 4;
		return kernel.old ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int bo_create(struct drm_ivpu_bo_create *ask)
{
	assert_int_equal(ask->flags & ~(uint32_t)DRM_IVPU_BO_FLAGS, 0);
	ask->handle = new_handle(ask->size, ask->flags);
	ask->vpu_addr = find(ask->handle)->address;
	return 0;
}

static int bo_from_user(struct drm_ivpu_bo_create_from_userptr *ask)
{
	assert_int_equal(ask->user_ptr % PAGE, 0);
	assert_int_equal(ask->size % PAGE, 0);
	ask->handle = new_handle(ask->size, ask->flags);
	find(ask->handle)->user = true;
	ask->vpu_addr = find(ask->handle)->address;
	return 0;
}

static int bo_info(struct drm_ivpu_bo_info *ask)
{
	const struct kernel_bo *bo = find(ask->handle);

	if (!bo)
		return -ENOENT;
	ask->flags = bo->flags;
	ask->vpu_addr = bo->address;
	ask->mmap_offset = (uint64_t)ask->handle << 32;
	ask->size = bo->bytes;
	return 0;
}

static void await_end(struct kernel_bo *bo, int64_t deadline)
{
	struct pollfd look = {.fd = bo->fence, .events = POLLIN};

	while (poll(&look, 1, 1) != 1 && !accel_core_expired(deadline))
		;
}

static int bo_wait(struct drm_ivpu_bo_wait *ask)
{
	struct kernel_bo *bo = find(ask->handle);

	kernel.waits++;
	if (!bo)
		return -EINVAL;
	if (bo->pending && kernel.patient)
		await_end(bo, ask->timeout_ns);
	if (bo->pending && (kernel.patient || accel_core_expired(ask->timeout_ns)))
		return -ETIMEDOUT;
	end_job(bo, kernel.wait_status);
	ask->job_status = bo->status;
	return 0;
}

static int take_job(uint64_t ptr, uint32_t count, uint32_t offset, uint32_t queue)
{
	const uint32_t *handles = (const void *)(uintptr_t)ptr;
	uint32_t i;

	assert_in_range(count, 1, 64);
	assert_int_equal(offset % 8, 0);
	if (kernel.faulted)
		return -EBADFD;
	for (i = 0; i < count; i++)
		if (!find(handles[i]))
			return -ENOENT;
	if (find(handles[0])->pending)
		return -EBUSY;
	memcpy(kernel.handles, handles, count * sizeof(*handles));
	begin_job(find(handles[0]), queue);
	kernel.submits++;
	return 0;
}

static int submit(const struct drm_ivpu_submit *ask)
{
	int ret;

	ret = take_job(ask->buffers_ptr, ask->buffer_count, ask->commands_offset, 0);
	if (ret == -ENOENT || ret == -EBADFD)
		kernel.probes++;
	if (!ret)
		kernel.submit = *ask;
	return ret;
}

static int cmdq_submit(const struct drm_ivpu_cmdq_submit *ask)
{
	int ret;

	if (!kernel.queues)
		return -ENODEV;
	assert_true(ask->cmdq_id < KERNEL_QUEUES && kernel.queue[ask->cmdq_id]);
	assert_true(ask->preempt_buffer_index < ask->buffer_count);
	ret = take_job(ask->buffers_ptr, ask->buffer_count, ask->commands_offset, ask->cmdq_id);
	if (!ret)
		kernel.cmdq_submit = *ask;
	return ret;
}

static int cmdq_create(struct drm_ivpu_cmdq_create *ask)
{
	uint32_t id;

	if (!kernel.queues)
		return -ENODEV;
	for (id = 1; id < KERNEL_QUEUES && kernel.queue[id]; id++)
		;
	if (id == KERNEL_QUEUES)
		return -ENOMEM;
	kernel.queue[id] = true;
	ask->cmdq_id = id;
	kernel.created = *ask;
	return 0;
}

static int cmdq_destroy(const struct drm_ivpu_cmdq_destroy *ask)
{
	uint32_t i;

	if (ask->cmdq_id >= KERNEL_QUEUES || !kernel.queue[ask->cmdq_id])
		return -ENOENT;
	kernel.queue[ask->cmdq_id] = false;
	kernel.destroys++;
	for (i = 1; i < KERNEL_BOS; i++)
		if (kernel.bos[i].pending && kernel.bos[i].queue == ask->cmdq_id)
			end_job(&kernel.bos[i], DRM_IVPU_JOB_STATUS_ABORTED);
	return 0;
}

static int ms_start(struct drm_ivpu_metric_streamer_start *ask)
{
	if (kernel.streaming == ask->metric_group_mask)
		return -EALREADY;
	ask->sample_size = 24;
	ask->max_data_size = 24 * ask->read_period_samples;
	kernel.started = *ask;
	kernel.streaming = ask->metric_group_mask;
	return 0;
}

static int ms_data(struct drm_ivpu_metric_streamer_get_data *ask)
{
	if (kernel.reset || kernel.streaming != ask->metric_group_mask)
		return -EINVAL;
	ask->data_size = 48;
	if (!ask->buffer_size)
		return 0;
	if (ask->data_size > ask->buffer_size)
		ask->data_size = ask->buffer_size;
	memset((void *)(uintptr_t)ask->buffer_ptr, 0x5a, ask->data_size);
	return 0;
}

static int ms_info(struct drm_ivpu_metric_streamer_get_data *ask)
{
	ask->data_size = 100;
	if (ask->buffer_size && ask->buffer_size < 100)
		return -ENOSPC;
	return 0;
}

static int ms_stop(const struct drm_ivpu_metric_streamer_stop *ask)
{
	if (kernel.streaming != ask->metric_group_mask)
		return -EINVAL;
	kernel.streaming = 0;
	return 0;
}

static int prime_export(struct drm_prime_handle *ask)
{
	const struct kernel_bo *bo = find(ask->handle);

	if (!bo)
		return -ENOENT;
	if (bo->user)
		return -EOPNOTSUPP;
	ask->fd = dup(bo->fence);
	return 0;
}

static int prime_import(struct drm_prime_handle *ask)
{
	if (ask->fd < 0 || ask->fd >= FDS_MAX || !foreign_bytes[ask->fd])
		return -EINVAL;
	ask->handle = new_handle(foreign_bytes[ask->fd], 0);
	find(ask->handle)->imported = true;
	return 0;
}

static int gem_close(const struct drm_gem_close *ask)
{
	struct kernel_bo *bo = find(ask->handle);

	if (!bo)
		return -EINVAL;
	assert_false(bo->pending);
	drop(bo);
	return 0;
}

static int node_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_IVPU_GET_PARAM:
		return get_param(arg);
	case DRM_IOCTL_IVPU_BO_CREATE:
		return bo_create(arg);
	case DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR:
		return bo_from_user(arg);
	case DRM_IOCTL_IVPU_BO_INFO:
		return bo_info(arg);
	case DRM_IOCTL_IVPU_BO_WAIT:
		return bo_wait(arg);
	case DRM_IOCTL_IVPU_SUBMIT:
		return submit(arg);
	case DRM_IOCTL_IVPU_CMDQ_CREATE:
		return cmdq_create(arg);
	case DRM_IOCTL_IVPU_CMDQ_DESTROY:
		return cmdq_destroy(arg);
	case DRM_IOCTL_IVPU_CMDQ_SUBMIT:
		return cmdq_submit(arg);
	case DRM_IOCTL_IVPU_METRIC_STREAMER_START:
		return ms_start(arg);
	case DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA:
		return ms_data(arg);
	case DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO:
		return ms_info(arg);
	case DRM_IOCTL_IVPU_METRIC_STREAMER_STOP:
		return ms_stop(arg);
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		return prime_export(arg);
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		return prime_import(arg);
	case DRM_IOCTL_GEM_CLOSE:
		return gem_close(arg);
	default:
		return -EINVAL;
	}
}

void kernel_fail(unsigned long request, unsigned int skip, unsigned int count, int err)
{
	kernel.fail_request = request;
	kernel.fail_skip = skip;
	kernel.fail_count = count;
	kernel.fail_err = err;
}

static int kernel_ioctl(int fd, unsigned long request, void *arg)
{
	struct dma_buf_export_sync_file *export = arg;

	if (seam_node_of(fd) && request == kernel.fail_request && kernel.fail_count) {
		if (kernel.fail_skip) {
			kernel.fail_skip--;
		} else {
			kernel.fail_count--;
			return kernel.fail_err;
		}
	}
	if (seam_node_of(fd) && request != DRM_IOCTL_VERSION) {
		below.ioctl(fd, 0, NULL); /* counts */
		return node_ioctl(request, arg);
	}
	if (request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE) {
		/* As for a dma-buf: what is pending now. */
		struct pollfd look = {.fd = fd, .events = POLLIN};

		export->fd = seam_make_sync_file(poll(&look, 1, 0) == 1);
		return 0;
	}
	if (request == DMA_BUF_IOCTL_SYNC)
		return 0;
	return below.ioctl(fd, request, arg);
}

/* ---- the rest of the seam -------------------------------------------------------------------- */

static int kernel_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	struct kernel_bo *bo = find((uint32_t)(offset >> 32));

	if (!seam_node_of(fd))
		return below.mmap(bytes, prot, flags, fd, offset, out);
	if (!bo || bytes > bo->bytes)
		return -EINVAL;
	return below.mmap(bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, out);
}

static int kernel_fs_magic(int fd, uint64_t *magic)
{
	if (fd < 0 || fd >= FDS_MAX || !foreign_bytes[fd])
		return below.fs_magic(fd, magic);
	*magic = DMA_BUF_MAGIC;
	return 0;
}

struct accel_context *kernel_open(uint32_t flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = flags};
	struct accel_context *context;
	struct accel_device *device;

	assert_ok(accel_device_find("accel0", &device));
	assert_ok(accel_open(device, &params, 0, &context));
	accel_device_unref(device);
	return context;
}

int kernel_setup(void **state)
{
	static bool known;

	(void)state;
	seam_install();
	if (!known)
		seam_add_provider("intel_vpu", &ACCEL_PROVIDER_SYMBOL);
	known = true;
	below = accel_core_sys;
	accel_core_sys.ioctl = kernel_ioctl;
	accel_core_sys.mmap = kernel_mmap;
	accel_core_sys.fs_magic = kernel_fs_magic;
	memset((void *)&kernel, 0, sizeof(kernel));
	memset(foreign_bytes, 0, sizeof(foreign_bytes));
	kernel.device = 0x7d1d;
	kernel.queues = true;
	tree = tree_make();
	tree_device(tree, 0, "0000:00:0b.0", "intel_vpu");
	node = (struct seam_node){
		.path = "/dev/accel/accel0", .rdev = makedev(261, 0), .driver = "intel_vpu"};
	seam_add_node(&node);
	accel_deadline(0, &(int64_t){0}); /* sets the library up, if it wasn't */
	set_sysfs(tree);
	set_provider_dir(SEAM_PROVIDER_DIR);
	accel_context_unref(kernel_open(0)); /* providers are never unloaded */
	memory_before = seam_live_memory();
	maps_before = seam_live_maps();
	fds_before = count_fds();
	seam_forget();
	return 0;
}

/* The kernel closes handles with the file; what the library closed itself is gone already. */
int kernel_teardown(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < KERNEL_BOS; i++)
		if (kernel.bos[i].used)
			drop(&kernel.bos[i]);
	for (i = 0; i < KERNEL_QUEUES; i++)
		assert_false(kernel.queue[i]);
	assert_int_equal(kernel.streaming, 0);
	assert_int_equal(seam_live_memory(), memory_before);
	assert_int_equal(seam_live_maps(), maps_before);
	assert_int_equal(count_fds(), fds_before);
	tree_remove(tree);
	return 0;
}
