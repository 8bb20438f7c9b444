/* SPDX-License-Identifier: MIT */
/* A kernel with one accelerator; see kernel.h. */
#include "kernel.h"

#include <drm.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#define FDS     1024
#define HANDLES 64

struct kernel kernel;

static struct accel_sys seam; /* beneath this */
static struct seam_node node;
static _Atomic uint32_t dmabuf_of[FDS]; /* a descriptor's handle, if it is of a dma-buf */
static _Atomic bool is_open[HANDLES];
static char *tree;
static bool is_gone;
static long memory_before, maps_before;
static int fds_before;

uint32_t kernel_handle(void)
{
	uint32_t handle = 1;

	while (handle < HANDLES && atomic_exchange(&is_open[handle], true))
		handle++;
	assert_true(handle < HANDLES);
	kernel.last_handle = handle;
	return handle;
}

static void close_handle(uint32_t handle)
{
	assert_true(handle < HANDLES && atomic_exchange(&is_open[handle], false));
}

static unsigned int count_handles(void)
{
	unsigned int count = 0, i;

	for (i = 0; i < HANDLES; i++)
		count += is_open[i];
	return count;
}

static void note(unsigned long request, uint32_t handle, const void *arg)
{
	const unsigned int at = kernel.calls++;
	struct kernel_call *call = &kernel.call[at];

	assert_true(at < ARRAY_SIZE(kernel.call));
	call->request = request;
	call->handle = handle;
	call->thread = pthread_self();
	if (kernel.before)
		kernel.before(call, arg);
}

unsigned int kernel_count(unsigned long request)
{
	unsigned int count = 0, i;

	for (i = 0; i < kernel.calls; i++)
		count += kernel.call[i].request == request;
	return count;
}

static int make_dmabuf(struct drm_prime_handle *prime)
{
	prime->fd = memfd_create("dma-buf", MFD_CLOEXEC);
	assert_in_range(prime->fd, 0, FDS - 1);
	dmabuf_of[prime->fd] = prime->handle;
	return 0;
}

static int answer_node(unsigned long request, void *arg)
{
	uint32_t handle = 0;
	int ret;

	switch (request) {
	case DRM_IOCTL_GEM_CLOSE:
		close_handle(((struct drm_gem_close *)arg)->handle);
		note(request, ((struct drm_gem_close *)arg)->handle, arg);
		return 0;
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		note(request, ((struct drm_prime_handle *)arg)->handle, arg);
		return make_dmabuf(arg);
	default:
		ret = kernel.driver(request, arg, &handle);
		note(request, handle, arg);
		return ret;
	}
}

static int answer_dmabuf(int fd, unsigned long request, void *arg)
{
	note(request, dmabuf_of[fd], arg);
	if (request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE)
		((struct dma_buf_export_sync_file *)arg)->fd = seam_make_sync_file(1);
	else if (request != DMA_BUF_IOCTL_IMPORT_SYNC_FILE)
		return -ENOTTY;
	return 0;
}

static int kernel_ioctl(int fd, unsigned long request, void *arg)
{
	if (seam_node_of(fd) && request != DRM_IOCTL_VERSION)
		return answer_node(request, arg);
	if (fd >= 0 && fd < FDS && dmabuf_of[fd])
		return answer_dmabuf(fd, request, arg);
	return seam.ioctl(fd, request, arg);
}

static int kernel_close(int fd)
{
	if (fd >= 0 && fd < FDS)
		dmabuf_of[fd] = 0;
	return seam.close(fd);
}

static int kernel_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	if (!seam_node_of(fd))
		return seam.mmap(bytes, prot, flags, fd, offset, out);
	return seam.mmap(bytes, prot, flags | MAP_ANONYMOUS, -1, 0, out);
}

static int64_t kernel_now(void)
{
	return kernel.now_ns ? kernel.now_ns : seam.now();
}

struct accel_context *kernel_open(uint32_t flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = flags};
	struct accel_context *context;
	struct accel_device *device;

	assert_int_equal(accel_device_find("accel0", &device), 0);
	assert_int_equal(accel_open(device, &params, 0, &context), 0);
	accel_device_unref(device);
	return context;
}

static int kernel_futex_wake(const uint32_t *word, int count)
{
	const int ret = seam.futex_wake(word, count);

	if (kernel.woken)
		kernel.woken();
	return ret;
}

void kernel_setup(const char *driver, const struct accel_provider *provider,
		  int (*answer)(unsigned long request, void *arg, uint32_t *handle))
{
	static bool known;

	seam_install();
	seam = accel_core_sys;
	accel_core_sys.ioctl = kernel_ioctl;
	accel_core_sys.close = kernel_close;
	accel_core_sys.mmap = kernel_mmap;
	accel_core_sys.now = kernel_now;
	accel_core_sys.futex_wake = kernel_futex_wake;
	if (!known)
		seam_add_provider(driver, provider);
	known = true;
	memset((void *)&kernel, 0, sizeof(kernel));
	kernel.driver = answer;
	tree = tree_make();
	is_gone = false;
	tree_device(tree, 0, NULL, driver);
	node = (struct seam_node){
		.path = "/dev/accel/accel0", .rdev = makedev(261, 0), .driver = driver};
	seam_add_node(&node);
	accel_deadline(0, &(int64_t){0}); /* sets the library up, if it wasn't */
	set_sysfs(tree);
	set_provider_dir(SEAM_PROVIDER_DIR);
	accel_context_unref(kernel_open(0)); /* loads the provider */
	assert_int_equal(count_handles(), 0);
	memory_before = seam_live_memory();
	maps_before = seam_live_maps();
	fds_before = count_fds();
	kernel.calls = 0;
}

void kernel_unplug(void)
{
	tree_remove_below(tree, "class/accel/accel0");
	is_gone = true;
}

void kernel_teardown(int kept)
{
	/* A file that is kept has its entry in a list. */
	assert_int_equal(seam_live_memory(), memory_before + kept);
	assert_int_equal(seam_live_maps(), maps_before);
	assert_int_equal(count_fds(), fds_before + kept);
	assert_int_equal(count_handles(), 0);
	assert_int_equal(is_gone, kept != 0);
	tree_remove(tree);
}
