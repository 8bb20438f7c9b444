// SPDX-License-Identifier: GPL-2.0
/*
 * The made-up accelerator of docs/write-a-provider.md, device and kernel driver in one: a worker
 * of the kernel does what a device would. example_accel.h says what it can.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sync_file.h>
#include <linux/workqueue.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>

#include "example_accel.h"

struct example_device {
	struct drm_device drm;
	struct workqueue_struct *engine;  /* runs jobs, one after the other */
	struct workqueue_struct *cleaner; /* of what they leave */
	struct mutex lock; /* jobs enter the engine in the order of their numbers */
	u64 fence_context;
	u64 jobs;
};

/* Freed by the dma-fence code, of which it is the first member. */
struct example_fence {
	struct dma_fence base;
	spinlock_t lock;
};

enum { COMMANDS, SOURCE, TARGET, BUFFERS };

struct example_job {
	struct example_device *device;
	struct work_struct run;
	struct work_struct clean;
	struct dma_fence *fence;
	struct drm_gem_object *bos[BUFFERS];
	struct iosys_map maps[BUFFERS];
	u64 offset;
};

/* ---- the device ------------------------------------------------------------------------------ */

static int execute(const struct example_job *job)
{
	const struct example_command *command = job->maps[COMMANDS].vaddr + job->offset;
	const u8 *source = job->maps[SOURCE].vaddr;
	u8 *target = job->maps[TARGET].vaddr;
	const u64 source_bytes = job->bos[SOURCE]->size;
	const u64 target_bytes = job->bos[TARGET]->size;
	/* Read once: a program may be changing it. */
	const u64 bytes = READ_ONCE(command->bytes);
	const u64 from = READ_ONCE(command->source);
	const u64 to = READ_ONCE(command->target);
	const u8 key = READ_ONCE(command->key);
	u64 i;

	if (READ_ONCE(command->opcode) != EXAMPLE_XOR)
		return -EINVAL;
	if (from > source_bytes || bytes > source_bytes - from ||
	    to > target_bytes || bytes > target_bytes - to)
		return -EINVAL;
	for (i = 0; i < bytes; i++)
		target[to + i] = source[from + i] ^ key;
	return 0;
}

/* ---- jobs --------------------------------------------------------------------------------------- */

static const char *fence_name(struct dma_fence *fence)
{
	return "example";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_name,
	.get_timeline_name = fence_name,
};

static void job_free(struct example_job *job)
{
	int i;

	for (i = 0; i < BUFFERS; i++) {
		if (!iosys_map_is_null(&job->maps[i]))
			drm_gem_vunmap(job->bos[i], &job->maps[i]);
		if (job->bos[i])
			drm_gem_object_put(job->bos[i]);
	}
	dma_fence_put(job->fence);
	kfree(job);
}

static void job_clean(struct work_struct *work)
{
	job_free(container_of(work, struct example_job, clean));
}

static void job_run(struct work_struct *work)
{
	struct example_job *job = container_of(work, struct example_job, run);
	int ret;

	ret = execute(job);
	if (ret)
		dma_fence_set_error(job->fence, ret);
	dma_fence_signal(job->fence);
	/* Not here: it takes locks that somebody may hold who waits for the next job. */
	queue_work(job->device->cleaner, &job->clean);
}

static int job_make(struct example_device *device, struct drm_file *file,
		    const struct drm_example_submit *ask, struct example_job **out)
{
	const u32 handles[BUFFERS] = { ask->commands, ask->source, ask->target };
	struct example_job *job;
	int i, ret;

	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return -ENOMEM;
	for (i = 0; i < BUFFERS; i++) {
		job->bos[i] = drm_gem_object_lookup(file, handles[i]);
		if (!job->bos[i]) {
			ret = -ENOENT;
			goto fail;
		}
		ret = drm_gem_vmap(job->bos[i], &job->maps[i]);
		if (ret)
			goto fail;
	}
	ret = -EINVAL;
	if (ask->command_offset % sizeof(u64) ||
	    ask->command_offset > job->bos[COMMANDS]->size - sizeof(struct example_command))
		goto fail;
	job->device = device;
	job->offset = ask->command_offset;
	INIT_WORK(&job->run, job_run);
	INIT_WORK(&job->clean, job_clean);
	*out = job;
	return 0;

fail:
	job_free(job);
	return ret;
}

/* Give the job its fence and let it run. Under the locks. */
static int job_start(struct example_job *job, struct sync_file **sync_file)
{
	struct example_device *device = job->device;
	struct dma_resv *resv = job->bos[TARGET]->resv;
	struct example_fence *fence;
	int ret;

	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	if (!fence)
		return -ENOMEM;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &fence_ops, &fence->lock, device->fence_context,
		       device->jobs + 1);
	job->fence = &fence->base;
	*sync_file = sync_file_create(job->fence);
	if (!*sync_file)
		return -ENOMEM;
	device->jobs++;
	dma_resv_add_fence(resv, job->fence, DMA_RESV_USAGE_WRITE);
	queue_work(device->engine, &job->run);
	return 0;
}

static int ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct example_device *device = container_of(drm, struct example_device, drm);
	struct drm_example_submit *ask = data;
	struct sync_file *sync_file;
	struct example_job *job;
	struct dma_resv *resv;
	int fd, idx, ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = job_make(device, file, ask, &job);
	if (ret)
		goto no_job;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto no_fd;
	}
	resv = job->bos[TARGET]->resv;
	mutex_lock(&device->lock);
	dma_resv_lock(resv, NULL);
	ret = job_start(job, &sync_file);
	dma_resv_unlock(resv);
	mutex_unlock(&device->lock);
	if (ret)
		goto not_started;
	fd_install(fd, sync_file->file);
	ask->fence_fd = fd;
	drm_dev_exit(idx);
	return 0;

not_started:
	put_unused_fd(fd);
no_fd:
	job_free(job);
no_job:
	drm_dev_exit(idx);
	return ret;
}

/* ---- buffers ------------------------------------------------------------------------------------ */

static int ioctl_create_bo(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_example_create_bo *ask = data;
	struct drm_gem_shmem_object *bo;
	int ret;

	if (!ask->size || ask->size > SZ_1G || ask->pad)
		return -EINVAL;
	bo = drm_gem_shmem_create(drm, PAGE_ALIGN(ask->size));
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ask->size = bo->base.size;
	ask->offset = drm_vma_node_offset_addr(&bo->base.vma_node);
	ret = drm_gem_handle_create(file, &bo->base, &ask->handle);
	drm_gem_object_put(&bo->base);
	return ret;
}

/* ---- the driver ----------------------------------------------------------------------------------- */

static const struct drm_ioctl_desc ioctls[] = {
	DRM_IOCTL_DEF_DRV(EXAMPLE_CREATE_BO, ioctl_create_bo, 0),
	DRM_IOCTL_DEF_DRV(EXAMPLE_SUBMIT, ioctl_submit, 0),
};

DEFINE_DRM_ACCEL_FOPS(fops);

static const struct drm_driver drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM,
	.ioctls = ioctls,
	.num_ioctls = ARRAY_SIZE(ioctls),
	.fops = &fops,
	DRM_GEM_SHMEM_DRIVER_OPS,
	.name = "example",
	.desc = "a made-up accelerator",
	.major = 1,
};

static int probe(struct platform_device *pdev)
{
	struct example_device *device;
	int ret;

	device = devm_drm_dev_alloc(&pdev->dev, &drm_driver, struct example_device, drm);
	if (IS_ERR(device))
		return PTR_ERR(device);
	mutex_init(&device->lock);
	device->fence_context = dma_fence_context_alloc(1);
	device->engine = alloc_ordered_workqueue("example", 0);
	device->cleaner = alloc_workqueue("example-cleaner", WQ_UNBOUND, 0);
	if (!device->engine || !device->cleaner) {
		ret = -ENOMEM;
		goto fail;
	}
	platform_set_drvdata(pdev, device);
	ret = drm_dev_register(&device->drm, 0);
	if (ret)
		goto fail;
	return 0;

fail:
	if (device->cleaner)
		destroy_workqueue(device->cleaner);
	if (device->engine)
		destroy_workqueue(device->engine);
	return ret;
}

static void remove(struct platform_device *pdev)
{
	struct example_device *device = platform_get_drvdata(pdev);

	/* When this returns no submission is under way, and none begins. */
	drm_dev_unplug(&device->drm);
	destroy_workqueue(device->engine);
	destroy_workqueue(device->cleaner);
}

static struct platform_driver driver = {
	.probe = probe,
	.remove = remove,
	.driver.name = "example",
};

static struct platform_device *pdev;

static int __init example_init(void)
{
	int ret;

	ret = platform_driver_register(&driver);
	if (ret)
		return ret;
	pdev = platform_device_register_simple("example", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev)) {
		platform_driver_unregister(&driver);
		return PTR_ERR(pdev);
	}
	return 0;
}
module_init(example_init);

static void __exit example_exit(void)
{
	platform_device_unregister(pdev);
	platform_driver_unregister(&driver);
}
module_exit(example_exit);

MODULE_DESCRIPTION("libaccel test rig: the made-up accelerator of the documentation");
MODULE_LICENSE("GPL");
