// SPDX-License-Identifier: GPL-2.0
/* The ivpu driver by its system calls alone, in whichever way it lets jobs be scheduled. */
#include "raw-ivpu.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

#define BYTES		65536
#define PATTERN		0x5aa5c33cu
#define FOREVER		300000

/* One file with a source and a target buffer, and a list to be run on them. */
struct setting {
	int fd;
	struct ivpu_bo src, dst;
	struct ivpu_list list;
	uint32_t queue;		/* 0: the driver manages the queues itself */
};

static bool set_up(struct setting *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = raw_open("intel_vpu", 0);
	if (!check(s->fd >= 0, "no NPU"))
		return false;
	check_equal(ivpu_bo_create(s->fd, BYTES, DRM_IVPU_BO_MAPPABLE, &s->src), 0, "BO_CREATE");
	check_equal(ivpu_bo_create(s->fd, BYTES, DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_WC, &s->dst),
		    0, "BO_CREATE");
	check_equal(ivpu_list_create(s->fd, &s->list), 0, "BO_CREATE");
	if (!s->src.map || !s->dst.map || !s->list.bo.map)
		return false;
	raw_fill(s->src.map, BYTES, 1);
	memset(s->dst.map, 0xee, BYTES);
	if (ivpu_has(s->fd, DRM_IVPU_CAP_MANAGE_CMDQ))
		check_equal(ivpu_queue_create(s->fd, 0, &s->queue), 0, "CMDQ_CREATE");
	return true;
}

static void tear_down(struct setting *s)
{
	if (s->fd < 0)
		return;
	ivpu_bo_destroy(s->fd, &s->src);
	ivpu_bo_destroy(s->fd, &s->dst);
	ivpu_bo_destroy(s->fd, &s->list.bo);
	close(s->fd);
}

static int submit(struct setting *s, uint32_t queue, const struct ivpu_list *list)
{
	const uint32_t handles[2] = { s->src.handle, s->dst.handle };

	return ivpu_submit(s->fd, queue, 0, list, handles, 2);
}

/* Submit the list and wait for it. Returns the status of the job. */
static uint32_t run(struct setting *s)
{
	uint32_t status = ~0u;

	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, FOREVER, &status), 0, "BO_WAIT");
	return status;
}

static void plain_copy(struct setting *s)
{
	ivpu_copy(&s->list, s->dst.address, s->src.address, BYTES);
}

/* After trouble, with a file of its own: is the device of use? */
static void check_works(void)
{
	struct setting s;

	if (set_up(&s)) {
		plain_copy(&s);
		check_equal(run(&s), 0, "status of the job after");
		check(!memcmp(s.src.map, s.dst.map, BYTES), "no copy by the job after");
	}
	tear_down(&s);
}

/* A counter of the model's. */
static unsigned int counter(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/rig/ivpu/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "cannot read %s", path);
	close(fd);
	return strtoul(text, NULL, 10);
}

/* --- group copy ------------------------------------------------------------------ */

static void check_param(int fd, uint32_t param, uint32_t index, uint64_t expected,
			const char *what)
{
	uint64_t value = ~0ull;

	check_equal(ivpu_param(fd, param, index, &value), 0, what);
	check_equal(value, expected, what);
}

static void test_params(struct setting *s)
{
	uint64_t value, again;
	bool hw = ivpu_has(s->fd, DRM_IVPU_CAP_MANAGE_CMDQ);

	check_param(s->fd, DRM_IVPU_PARAM_DEVICE_ID, 0, 0x7d1d, "DEVICE_ID");
	check_param(s->fd, DRM_IVPU_PARAM_DEVICE_REVISION, 0, 4, "DEVICE_REVISION");
	check_param(s->fd, DRM_IVPU_PARAM_PLATFORM_TYPE, 0, 0, "PLATFORM_TYPE");
	check_param(s->fd, DRM_IVPU_PARAM_CORE_CLOCK_RATE, 0, 1400000000, "CORE_CLOCK_RATE");
	check_param(s->fd, DRM_IVPU_PARAM_NUM_CONTEXTS, 0, 129, "NUM_CONTEXTS");
	check_param(s->fd, DRM_IVPU_PARAM_FW_API_VERSION, 3, 4 << 16 | 14, "FW_API_VERSION");
	check_param(s->fd, DRM_IVPU_PARAM_CAPABILITIES, DRM_IVPU_CAP_METRIC_STREAMER, 1,
		    "metric streamer");
	check_param(s->fd, DRM_IVPU_PARAM_CAPABILITIES, 77, 0, "no such capability");
	check_param(s->fd, DRM_IVPU_PARAM_PREEMPT_BUFFER_SIZE, 0, hw ? 8192 : 0,
		    "PREEMPT_BUFFER_SIZE");
	check_equal(ivpu_param(s->fd, DRM_IVPU_PARAM_ENGINE_HEARTBEAT, 0, &value), 0, "HEARTBEAT");
	check_equal(ivpu_param(s->fd, DRM_IVPU_PARAM_ENGINE_HEARTBEAT, 0, &again), 0, "HEARTBEAT");
	check(again > value, "no heartbeat");
}

/* Where each kind of buffer lies in the device's address space. */
static void test_ranges(struct setting *s)
{
	static const struct {
		uint32_t flags;
		uint64_t from, to;
	} ranges[] = {
		{ 0, 0xa0000000, 0xbff00000 },
		{ DRM_IVPU_BO_HIGH_MEM, 0x180000000, 0x200000000 },
		{ DRM_IVPU_BO_DMA_MEM, 0x200000000, 0x2200000000 },
	};
	struct drm_ivpu_bo_info info;
	struct ivpu_bo bo;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		check_equal(ivpu_bo_create(s->fd, 5000, ranges[i].flags | DRM_IVPU_BO_MAPPABLE,
					   &bo), 0, "BO_CREATE");
		check_equal(bo.bytes, 8192, "size");
		check(bo.address >= ranges[i].from && bo.address + bo.bytes <= ranges[i].to,
		      "address %#llx", (unsigned long long)bo.address);
		info.handle = bo.handle;
		check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_INFO, &info), 0, "BO_INFO");
		check_equal(info.vpu_addr, bo.address, "address in BO_INFO");
		check_equal(info.flags, ranges[i].flags | DRM_IVPU_BO_MAPPABLE, "flags");
		ivpu_list_restart(&s->list);
		ivpu_fill(&s->list, bo.address, 5000, PATTERN);
		check_equal(ivpu_submit(s->fd, s->queue, 0, &s->list, &bo.handle, 1), 0, "SUBMIT");
		check_equal(ivpu_bo_wait(s->fd, &s->list.bo, FOREVER, NULL), 0, "BO_WAIT");
		check(!memcmp(bo.map, (uint32_t[]){ PATTERN, PATTERN }, 8), "no fill");
		check(raw_is_all(bo.map + 5000, 3192, 0), "bytes after it changed");
		ivpu_bo_destroy(s->fd, &bo);
	}
}

static void test_copy(struct setting *s)
{
	ivpu_nop(&s->list);
	ivpu_copy(&s->list, s->dst.address + 4097, s->src.address + 3, 10001);
	ivpu_barrier(&s->list);
	ivpu_copy(&s->list, s->dst.address + 40000, s->src.address + 20000, 5);
	check_equal(run(s), 0, "status");
	check(raw_is_all(s->dst.map, 4097, 0xee), "bytes before the target changed");
	check(!memcmp(s->dst.map + 4097, s->src.map + 3, 10001), "wrong bytes");
	check(raw_is_all(s->dst.map + 14098, 25902, 0xee), "bytes after it changed");
	check(!memcmp(s->dst.map + 40000, s->src.map + 20000, 5), "wrong bytes of the second");
	check(raw_is_all(s->dst.map + 40005, BYTES - 40005, 0xee), "bytes after that changed");
}

static void test_fill(struct setting *s)
{
	uint32_t word;
	size_t i;

	ivpu_fill(&s->list, s->dst.address + 64, 10002, PATTERN);
	check_equal(run(s), 0, "status");
	check(raw_is_all(s->dst.map, 64, 0xee), "bytes before the target changed");
	for (i = 0; i < 2500; i++) {
		memcpy(&word, s->dst.map + 64 + 4 * i, sizeof(word));
		check(word == PATTERN, "word %zu is %#x", i, word);
	}
	check(s->dst.map[10064] == 0x3c && s->dst.map[10065] == 0xc3, "the last half word");
	check(raw_is_all(s->dst.map + 10066, BYTES - 10066, 0xee), "bytes after it changed");
}

static void test_timestamp(struct setting *s)
{
	uint64_t stamps[2];

	ivpu_timestamp(&s->list, s->dst.address);
	ivpu_copy(&s->list, s->dst.address + 16, s->src.address, 16384);
	ivpu_timestamp(&s->list, s->dst.address + 8);
	check_equal(run(s), 0, "status");
	memcpy(stamps, s->dst.map, sizeof(stamps));
	check(stamps[0] && stamps[1] >= stamps[0], "timestamps");
}

/* The job's fence is on the command buffer alone, and can be polled. */
static void test_sync_file(struct setting *s)
{
	int fence;

	memset(s->dst.map, 0, 8);
	ivpu_fence_wait(&s->list, s->dst.address, 1);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->list.bo.handle);
	check_equal(raw_fence_status(fence), 0, "status of a job that waits");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, 0, NULL), -ETIMEDOUT, "BO_WAIT");
	check_equal(ivpu_bo_wait(s->fd, &s->dst, 0, NULL), 0, "BO_WAIT for data");
	check_equal(submit(s, s->queue, &s->list), -EBUSY, "the command buffer once more");
	*(volatile uint64_t *)s->dst.map = 1;
	check_equal(raw_fence_wait(fence), 1, "status at the end");
	close(fence);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT after the end");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, FOREVER, NULL), 0, "BO_WAIT");
}

/* A list and, if the driver lets us, a queue of that priority for it. */
static uint32_t another(struct setting *s, struct ivpu_list *list, uint32_t priority)
{
	uint32_t queue = 0;

	check_equal(ivpu_list_create(s->fd, list), 0, "BO_CREATE");
	if (s->queue)
		check_equal(ivpu_queue_create(s->fd, priority, &queue), 0, "CMDQ_CREATE");
	return queue;
}

static int submit_at(struct setting *s, uint32_t queue, uint32_t priority,
		     const struct ivpu_list *list)
{
	return ivpu_submit(s->fd, queue, priority, list, &s->dst.handle, 1);
}

static void check_done(struct setting *s, struct ivpu_list *list, uint32_t expected)
{
	uint32_t status = ~0u;

	check_equal(ivpu_bo_wait(s->fd, &list->bo, FOREVER, &status), 0, "BO_WAIT");
	check_equal(status, expected, "status");
	ivpu_bo_destroy(s->fd, &list->bo);
}

/* A fence that blocks a queue holds up no other, and the job behind waits with it. */
static void test_fence(struct setting *s)
{
	struct ivpu_list behind, other;
	uint32_t queue, status;

	memset(s->dst.map, 0, 64);
	queue = another(s, &other, DRM_IVPU_JOB_PRIORITY_FOCUS);
	check_equal(ivpu_list_create(s->fd, &behind), 0, "BO_CREATE");
	ivpu_fence_wait(&s->list, s->dst.address, 5);
	ivpu_fence_signal(&s->list, s->dst.address + 8, 1);
	ivpu_copy(&behind, s->dst.address + 16, s->dst.address + 8, 8);
	ivpu_fill(&other, s->dst.address + 24, 4, PATTERN);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT of the one that waits");
	check_equal(submit(s, s->queue, &behind), 0, "SUBMIT behind it");
	check_equal(submit_at(s, queue, DRM_IVPU_JOB_PRIORITY_FOCUS, &other), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &other.bo, FOREVER, &status), 0, "BO_WAIT");
	check_equal(*(uint32_t *)(s->dst.map + 24), PATTERN, "the other queue's work");
	check_equal(ivpu_bo_wait(s->fd, &behind.bo, 0, NULL), -ETIMEDOUT, "the one behind");
	check(raw_is_all(s->dst.map, 24, 0), "a queue went past its fence");
	/* Too little: it waits for 5. */
	ivpu_list_restart(&other);
	ivpu_fence_signal(&other, s->dst.address, 4);
	check_equal(submit_at(s, queue, DRM_IVPU_JOB_PRIORITY_FOCUS, &other), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &other.bo, FOREVER, &status), 0, "BO_WAIT");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, 0, NULL), -ETIMEDOUT, "the fence is at 4");
	ivpu_list_restart(&other);
	ivpu_fence_signal(&other, s->dst.address, 6);
	check_equal(submit_at(s, queue, DRM_IVPU_JOB_PRIORITY_FOCUS, &other), 0, "SUBMIT");
	check_done(s, &other, 0);
	check_done(s, &behind, 0);
	check_equal(s->dst.map[16], 1, "what the one behind copied");
}

/*
 * Of those that wait for the same fence, the more urgent ones go first. Idle and realtime queues
 * alternate, so that no order of turns would do.
 */
static void test_bands(struct setting *s)
{
	struct ivpu_list lists[4];
	uint64_t stamps[4];
	uint32_t queue;
	unsigned int i;

	if (!s->queue)
		return raw_skip("the host schedules");
	memset(s->dst.map, 0, 64);
	for (i = 0; i < 4; i++) {
		queue = another(s, &lists[i], i % 2 ? DRM_IVPU_JOB_PRIORITY_REALTIME :
						      DRM_IVPU_JOB_PRIORITY_IDLE);
		ivpu_fence_wait(&lists[i], s->dst.address, 1);
		ivpu_timestamp(&lists[i], s->dst.address + 8 + 8 * i);
		check_equal(submit_at(s, queue, 0, &lists[i]), 0, "SUBMIT");
	}
	ivpu_fence_signal(&s->list, s->dst.address, 1);
	check_equal(run(s), 0, "status");
	for (i = 0; i < 4; i++)
		check_done(s, &lists[i], 0);
	memcpy(stamps, s->dst.map + 8, sizeof(stamps));
	for (i = 0; i < 4; i += 2)
		check(stamps[1] < stamps[i] && stamps[3] < stamps[i], "an idle queue went first");
}

/* As many jobs as a ring holds, and not one more; then all of them run. */
static void test_full(struct setting *s)
{
	static struct ivpu_list lists[300];
	unsigned int n, i;
	int ret = 0;

	memset(s->dst.map, 0, 8);
	for (n = 0; n < 300 && !ret; n++) {
		check_equal(ivpu_list_create(s->fd, &lists[n]), 0, "BO_CREATE");
		ivpu_fence_wait(&lists[n], s->dst.address, n + 1);
		ivpu_fence_signal(&lists[n], s->dst.address, n + 2);
		ret = submit(s, s->queue, &lists[n]);
	}
	check_equal(ret, -EBUSY, "SUBMIT to a full ring");
	/* 62 in the ring, and two more when the firmware has taken the first ones. */
	check(n - 1 >= 62 && n - 1 <= 64, "%u jobs fit", n - 1);
	ivpu_bo_destroy(s->fd, &lists[n - 1].bo);
	*(volatile uint64_t *)s->dst.map = 1;
	for (i = 0; i < n - 1; i++)
		check_done(s, &lists[i], 0);
	check_equal(*(uint64_t *)s->dst.map, n, "the fence at the end");
}

/* The same address in two files is not the same memory. */
static void test_contexts(struct setting *s)
{
	struct setting other;
	uint64_t ids[2];

	if (!set_up(&other))
		return;
	check_equal(ivpu_param(s->fd, DRM_IVPU_PARAM_CONTEXT_ID, 0, &ids[0]), 0, "CONTEXT_ID");
	check_equal(ivpu_param(other.fd, DRM_IVPU_PARAM_CONTEXT_ID, 0, &ids[1]), 0, "CONTEXT_ID");
	check(ids[0] != ids[1], "one context for two files");
	check_equal(other.dst.address, s->dst.address, "addresses in two contexts");
	ivpu_fill(&s->list, s->dst.address, BYTES, 0x11111111);
	ivpu_fill(&other.list, other.dst.address, BYTES, 0x22222222);
	check_equal(submit(&other, other.queue, &other.list), 0, "SUBMIT");
	check_equal(run(s), 0, "status");
	check_equal(ivpu_bo_wait(other.fd, &other.list.bo, FOREVER, NULL), 0, "BO_WAIT");
	check(raw_is_all(s->dst.map, BYTES, 0x11), "wrong bytes in the first");
	check(raw_is_all(other.dst.map, BYTES, 0x22), "wrong bytes in the second");
	tear_down(&other);
}

static void test_userptr(struct setting *s)
{
	struct drm_ivpu_bo_create_from_userptr create = { .size = BYTES };
	uint8_t *memory = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t handles[2];
	uint64_t from;

	raw_fill(memory, BYTES, 3);
	memset(memory + BYTES, 0, BYTES);
	mprotect(memory, BYTES, PROT_READ);
	create.user_ptr = (uintptr_t)memory;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, &create), -EFAULT,
		    "read-only memory for writing");
	create.flags = DRM_IVPU_BO_READ_ONLY;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, &create), 0,
		    "BO_CREATE_FROM_USERPTR");
	handles[0] = create.handle;
	from = create.vpu_addr;
	create.user_ptr += BYTES;
	create.flags = DRM_IVPU_BO_HIGH_MEM;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, &create), 0,
		    "BO_CREATE_FROM_USERPTR");
	handles[1] = create.handle;
	check(from && create.vpu_addr, "no addresses");
	ivpu_copy(&s->list, create.vpu_addr, from, BYTES);
	check_equal(ivpu_submit(s->fd, s->queue, 0, &s->list, handles, 2), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, FOREVER, NULL), 0, "BO_WAIT");
	check(raw_is_filled(memory + BYTES, BYTES, 3), "wrong bytes");
	check_equal(raw_export(s->fd, handles[0]), -EOPNOTSUPP, "export of user memory");
	create.user_ptr = (uintptr_t)memory + 8;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_CREATE_FROM_USERPTR, &create), -EINVAL,
		    "unaligned user memory");
	raw_close_handle(s->fd, handles[0]);
	raw_close_handle(s->fd, handles[1]);
	munmap(memory, 2 * BYTES);
}

/* Queues: each with an identifier; one that is destroyed ends its jobs. */
static void test_queues(struct setting *s)
{
	struct ivpu_list list, stays;
	uint32_t queue, status;

	if (!s->queue) {
		check_equal(ivpu_queue_create(s->fd, 0, &queue), -ENODEV, "CMDQ_CREATE");
		check_equal(ivpu_queue_destroy(s->fd, 1), -ENODEV, "CMDQ_DESTROY");
		check_equal(submit(s, 1, &s->list), -ENODEV, "CMDQ_SUBMIT");
		return raw_skip("the host schedules");
	}
	memset(s->dst.map, 0, 8);
	queue = another(s, &list, 0);
	check_equal(ivpu_list_create(s->fd, &stays), 0, "BO_CREATE");
	ivpu_fence_wait(&list, s->dst.address, 1);
	ivpu_fence_wait(&stays, s->dst.address, 1);
	check_equal(submit(s, queue, &list), 0, "SUBMIT");
	check_equal(submit(s, s->queue, &stays), 0, "SUBMIT");
	check_equal(counter("queues"), 2, "queues");
	check_equal(ivpu_queue_destroy(s->fd, queue), 0, "CMDQ_DESTROY");
	check_equal(counter("queues"), 1, "queues after one is destroyed");
	check_equal(counter("doorbells"), 1, "doorbells after one is destroyed");
	check_done(s, &list, DRM_IVPU_JOB_STATUS_ABORTED);
	check_equal(ivpu_bo_wait(s->fd, &stays.bo, 0, &status), -ETIMEDOUT, "the other queue's");
	*(volatile uint64_t *)s->dst.map = 1;
	check_done(s, &stays, 0);
	check_equal(ivpu_queue_destroy(s->fd, queue), -ENOENT, "CMDQ_DESTROY of none");
	check_equal(submit(s, queue, &s->list), -EINVAL, "CMDQ_SUBMIT to none");
	check_equal(submit(s, 256, &s->list), -EINVAL, "CMDQ_SUBMIT to 256");
	check_equal(run(s), 0, "status");
}

static bool status_is(const char *attribute, const char *value)
{
	char text[32] = "";
	glob_t found;
	int fd = -1;

	if (!glob(attribute, 0, NULL, &found)) {
		fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
		globfree(&found);
	}
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		check(false, "cannot read %s", attribute);
	close(fd);
	return !strncmp(text, value, strlen(value));
}

#define SYSFS "/sys/bus/pci/drivers/intel_vpu/0000:*/"

/* Left alone it goes to sleep, and wakes up with all that the firmware knew. */
static void test_suspend(struct setting *s)
{
	unsigned int cold = counter("cold_boots"), warm, i, tries;

	for (i = 0; i < 10; i++) {
		for (tries = 0; tries < 6000; tries++) {
			if (status_is(SYSFS "power/runtime_status", "suspended"))
				break;
			usleep(10000);
		}
		check(status_is(SYSFS "power_state", "D3hot"), "it never goes to sleep");
		warm = counter("warm_boots");
		ivpu_list_restart(&s->list);
		ivpu_fill(&s->list, s->dst.address, BYTES, i * 0x01010101);
		check_equal(run(s), 0, "status");
		check(raw_is_all(s->dst.map, BYTES, i), "wrong bytes");
		check_equal(counter("warm_boots"), warm + 1, "warm boots");
	}
	check_equal(counter("cold_boots"), cold, "cold boots");
}

static void test_metrics(struct setting *s)
{
	struct drm_ivpu_metric_streamer_start start = {
		.metric_group_mask = 3,
		.sampling_period_ns = 1000000,
		.read_period_samples = 16,
	};
	struct drm_ivpu_metric_streamer_get_data get = { .metric_group_mask = 3 };
	struct drm_ivpu_metric_streamer_stop stop = { .metric_group_mask = 3 };
	struct { uint64_t jobs, commands, read, written; } samples[16];
	uint8_t info[4096];
	struct setting other;
	unsigned int i;

	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_START, &start), 0, "START");
	check_equal(start.sample_size, sizeof(samples[0]), "sample size");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_START, &start), -EALREADY,
		    "START once more");
	if (set_up(&other))
		check_equal(raw_ioctl(other.fd, DRM_IOCTL_IVPU_METRIC_STREAMER_START, &start),
			    -EBADMSG, "START of groups that another has");
	tear_down(&other);
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA, &get), 0, "GET_DATA");
	check_equal(get.data_size, 0, "bytes before any job");
	for (i = 0; i < 3; i++) {
		ivpu_list_restart(&s->list);
		plain_copy(s);
		ivpu_fill(&s->list, s->dst.address, 100, 0);
		check_equal(run(s), 0, "status");
	}
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA, &get), 0, "GET_DATA");
	check_equal(get.data_size, 3 * sizeof(samples[0]), "bytes after three jobs");
	get.buffer_ptr = (uintptr_t)samples;
	get.buffer_size = sizeof(samples);
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_DATA, &get), 0, "GET_DATA");
	check_equal(get.data_size, 3 * sizeof(samples[0]), "bytes had");
	for (i = 1; i < 3; i++) {
		check_equal(samples[i].jobs - samples[i - 1].jobs, 1, "jobs");
		check_equal(samples[i].commands - samples[i - 1].commands, 2, "commands");
		check_equal(samples[i].read - samples[i - 1].read, BYTES, "bytes read");
		check_equal(samples[i].written - samples[i - 1].written, BYTES + 100, "written");
	}
	get.buffer_size = 0;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, &get), 0, "GET_INFO");
	check(get.data_size && get.data_size < sizeof(info), "%llu bytes of info",
	      (unsigned long long)get.data_size);
	get.buffer_ptr = (uintptr_t)info;
	get.buffer_size = 8;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, &get), -ENOSPC,
		    "GET_INFO into too little");
	get.buffer_size = sizeof(info);
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_GET_INFO, &get), 0, "GET_INFO");
	check(memmem(info, get.data_size, "commands", 9), "no counter is named commands");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_STOP, &stop), 0, "STOP");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_STOP, &stop), -EINVAL,
		    "STOP once more");
	start.metric_group_mask = 8;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_METRIC_STREAMER_START, &start), -EBADMSG,
		    "START of a group that isn't there");
}

/* --- group refuse ------------------------------------------------------------------ */

static int submit_as(struct setting *s, uint32_t count, uint32_t engine, uint32_t offset,
		     uint32_t priority, const uint32_t *handles)
{
	struct drm_ivpu_submit args = {
		.buffers_ptr = (uintptr_t)handles,
		.buffer_count = count,
		.engine = engine,
		.commands_offset = offset,
		.priority = priority,
	};

	return raw_ioctl(s->fd, DRM_IOCTL_IVPU_SUBMIT, &args);
}

static void test_refused_submits(struct setting *s)
{
	const uint32_t good[2] = { s->list.bo.handle, s->dst.handle };
	const uint32_t unknown[2] = { s->list.bo.handle, 12345 };
	const uint32_t twice[2] = { s->list.bo.handle, s->list.bo.handle };

	check_equal(submit_as(s, 0, 0, 0, 0, good), -EINVAL, "no buffers");
	check_equal(submit_as(s, 65536, 0, 0, 0, good), -EINVAL, "too many buffers");
	check_equal(submit_as(s, 2, 1, 0, 0, good), -EINVAL, "another engine");
	check_equal(submit_as(s, 2, 0, 4, 0, good), -EINVAL, "commands at 4");
	check_equal(submit_as(s, 2, 0, 8192, 0, good), -EINVAL, "commands behind the buffer");
	check_equal(submit_as(s, 2, 0, 0, 5, good), -EINVAL, "priority 5");
	check_equal(submit_as(s, 2, 0, 0, 0, unknown), -ENOENT, "an unknown handle");
	check_equal(submit_as(s, 2, 0, 0, 0, twice), -EALREADY, "a handle twice");
	check_equal(submit_as(s, 2, 0, 0, 0, NULL), -EFAULT, "no handles");
	check_equal(run(s), 0, "status");
}

static void test_refused_buffers(struct setting *s)
{
	struct drm_ivpu_bo_wait wait = { .handle = 12345 };
	struct drm_ivpu_bo_info info = { .handle = 12345 };
	struct ivpu_bo bo;
	uint64_t value;

	check_equal(ivpu_bo_create(s->fd, 0, 0, &bo), -EINVAL, "no bytes");
	check_equal(ivpu_bo_create(s->fd, 4096, DRM_IVPU_BO_UNCACHED, &bo), -EINVAL, "UNCACHED");
	check_equal(ivpu_bo_create(s->fd, 4096, 0x100, &bo), -EINVAL, "an unknown flag");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_WAIT, &wait), -EINVAL, "BO_WAIT");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_IVPU_BO_INFO, &info), -ENOENT, "BO_INFO");
	check_equal(ivpu_param(s->fd, 99, 0, &value), -EINVAL, "an unknown parameter");
	check_equal(ivpu_param(s->fd, DRM_IVPU_PARAM_FW_API_VERSION, 16, &value), -EINVAL,
		    "a version too far");
}

/* A user who isn't root has half of the contexts. */
static void test_limit(struct setting *s)
{
	int fds[65], n, status;
	pid_t pid;

	(void)s;
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			_exit(2);
		for (n = 0; n < 65; n++) {
			fds[n] = raw_open("intel_vpu", 0);
			if (fds[n] < 0)
				break;
		}
		/* raw_open() passes over what it cannot open. */
		_exit(n == 64 ? 0 : 1);
	}
	check_equal(waitpid(pid, &status, 0), pid, "waitpid");
	check_equal(status, 0, "a user with 64 contexts");
}

/* --- group error: a job that fails ---------------------------------------------------- */

/* The driver takes no more from this file. */
static void check_lost(struct setting *s)
{
	check_equal(submit(s, s->queue, &s->list), -EBADFD, "SUBMIT in a context that is lost");
}

static void test_parse_errors(struct setting *s)
{
	const uint32_t zero = 0, much = 5000;

	ivpu_command(&s->list, 0x0777, 8);
	check_equal(run(s), IVPU_PARSING_ERR, "status of an unknown command");
	ivpu_list_restart(&s->list);
	ivpu_command(&s->list, 0x0202, 8);
	check_equal(run(s), IVPU_PARSING_ERR, "status of a short command");
	ivpu_list_restart(&s->list);
	ivpu_nop(&s->list);
	memcpy(s->list.bo.map, &much, sizeof(much));
	check_equal(run(s), IVPU_PARSING_ERR, "status of commands that end too soon");
	memcpy(s->list.bo.map, &zero, sizeof(zero));
	check_equal(run(s), IVPU_PARSING_ERR, "status of a list without bytes");
	ivpu_list_restart(&s->list);
	ivpu_command(&s->list, 0x0306, 32);
	check_equal(run(s), IVPU_NOT_IMPLEMENTED, "status of an inference");
	/* Nothing is lost by this. */
	ivpu_list_restart(&s->list);
	plain_copy(s);
	check_equal(run(s), 0, "status");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
}

/* The work before the error is done, the work after it is not, and the fence knows nothing. */
static void test_status(struct setting *s)
{
	int fence;

	ivpu_fill(&s->list, s->dst.address, 64, 0x11111111);
	ivpu_fault(&s->list, RIG_FAULT_SLOW, 20000);
	ivpu_fault(&s->list, RIG_FAULT_STATUS, 7);
	ivpu_fill(&s->list, s->dst.address, 64, 0x22222222);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->list.bo.handle);
	check_equal(raw_fence_wait(fence), 1, "status of the fence");
	close(fence);
	check_equal(run(s), 7, "status");
	check(raw_is_all(s->dst.map, 64, 0x11), "wrong bytes");
	check_works();
}

/* Errors after which the context is taken down; others are not concerned. */
static void test_reset_status(struct setting *s)
{
	unsigned int resets = counter("engine_resets");
	struct setting other;

	if (!set_up(&other))
		return;
	ivpu_fault(&s->list, RIG_FAULT_STATUS, IVPU_CONTEXT_VIOLATION);
	memset(other.dst.map, 0, 8);
	ivpu_fence_wait(&other.list, other.dst.address, 1);
	check_equal(submit(&other, other.queue, &other.list), 0, "SUBMIT");
	check_equal(run(s), IVPU_CONTEXT_VIOLATION, "status");
	check_lost(s);
	check_equal(counter("engine_resets"), resets + !!s->queue, "engine resets");
	*(volatile uint64_t *)other.dst.map = 1;
	check_equal(ivpu_bo_wait(other.fd, &other.list.bo, FOREVER, NULL), 0, "BO_WAIT");
	check_equal(run(&other), 0, "status in another context");
	tear_down(&other);
	check_works();
}

static void check_mmu_fault(struct setting *s)
{
	unsigned int cold = counter("cold_boots");
	struct ivpu_list behind;
	struct setting other;

	if (!set_up(&other))
		return;
	check_equal(ivpu_list_create(s->fd, &behind), 0, "BO_CREATE");
	ivpu_nop(&behind);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	/*
	 * It may be too late for this one; or the driver takes it, as it takes the context down, into
	 * a new queue, where it even runs. Its status is the same.
	 */
	if (!submit(s, s->queue, &behind))
		check_done(s, &behind, DRM_IVPU_JOB_STATUS_ABORTED);
	else
		ivpu_bo_destroy(s->fd, &behind.bo);
	check_equal(run(&other), 0, "status in another context");
	check_done(s, &s->list, DRM_IVPU_JOB_STATUS_ABORTED);
	s->list.bo.handle = 0;
	s->list.bo.map = NULL;
	check(raw_is_all(s->dst.map, BYTES, 0xee), "bytes changed");
	tear_down(&other);
	check_works();
	check_equal(counter("cold_boots"), cold, "recoveries");
}

static void test_mmu_read(struct setting *s)
{
	ivpu_fault(&s->list, RIG_FAULT_MMU, 0);
	check_mmu_fault(s);
}

static void test_mmu_write(struct setting *s)
{
	ivpu_fill(&s->list, 0xdead0000, 64, PATTERN);
	check_mmu_fault(s);
}

/* What the device may only read. */
static void test_mmu_read_only(struct setting *s)
{
	struct ivpu_bo bo;
	uint32_t handles[2] = { s->dst.handle }, status;

	check_equal(ivpu_bo_create(s->fd, 4096, DRM_IVPU_BO_MAPPABLE | DRM_IVPU_BO_READ_ONLY, &bo),
		    0, "BO_CREATE");
	handles[1] = bo.handle;
	ivpu_copy(&s->list, s->dst.address, bo.address, 4096);
	check_equal(ivpu_submit(s->fd, s->queue, 0, &s->list, handles, 2), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, FOREVER, &status), 0, "BO_WAIT");
	check_equal(status, 0, "status of a job that reads it");
	memset(s->dst.map, 0xee, BYTES);
	ivpu_list_restart(&s->list);
	ivpu_fill(&s->list, bo.address, 64, PATTERN);
	check_mmu_fault(s);
	check(raw_is_all(bo.map, 4096, 0), "what is read-only was written");
	ivpu_bo_destroy(s->fd, &bo);
}

/* All is lost but the contexts. */
static void check_recovered(struct setting *s, unsigned int cold)
{
	ivpu_list_restart(&s->list);
	plain_copy(s);
	check_equal(run(s), 0, "status after the recovery");
	check_equal(counter("cold_boots"), cold + 1, "recoveries");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	check_works();
}

static void test_bus_error(struct setting *s)
{
	unsigned int cold = counter("cold_boots");

	ivpu_fault(&s->list, RIG_FAULT_BUS, 0);
	check_equal(run(s), DRM_IVPU_JOB_STATUS_ABORTED, "status");
	check_recovered(s, cold);
}

/* --- group hang: only a watchdog helps ---------------------------------------------- */

static void test_hang(struct setting *s)
{
	unsigned int cold = counter("cold_boots"), resets = counter("engine_resets");
	struct setting other;
	uint32_t status;

	if (!set_up(&other))
		return;
	memset(other.dst.map, 0, 8);
	ivpu_fence_wait(&other.list, other.dst.address, 1);
	check_equal(submit(&other, other.queue, &other.list), 0, "SUBMIT");
	ivpu_fault(&s->list, RIG_FAULT_HANG, 0);
	plain_copy(s);
	check_equal(run(s), DRM_IVPU_JOB_STATUS_ABORTED, "status");
	check(raw_is_all(s->dst.map, BYTES, 0xee), "bytes changed");
	*(volatile uint64_t *)other.dst.map = 1;
	check_equal(ivpu_bo_wait(other.fd, &other.list.bo, FOREVER, &status), 0, "BO_WAIT");
	if (s->queue) {
		check_lost(s);
		check_equal(status, 0, "status of another context's job");
		check_equal(counter("cold_boots"), cold, "recoveries");
		check_equal(counter("engine_resets"), resets + 1, "engine resets");
		check_equal(run(&other), 0, "status in another context");
		check_works();
	} else {
		check_equal(status, DRM_IVPU_JOB_STATUS_ABORTED, "status of another's job");
		check_recovered(s, cold);
	}
	tear_down(&other);
}

/* A queue whose job hangs can be destroyed before the watchdog bites. */
static void test_hang_destroyed(struct setting *s)
{
	unsigned int resets = counter("engine_resets");

	if (!s->queue)
		return raw_skip("the host schedules");
	ivpu_fault(&s->list, RIG_FAULT_HANG, 0);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	check_equal(ivpu_queue_destroy(s->fd, s->queue), 0, "CMDQ_DESTROY");
	check_done(s, &s->list, DRM_IVPU_JOB_STATUS_ABORTED);
	s->list.bo.handle = 0;
	s->list.bo.map = NULL;
	check_works();
	check_equal(counter("engine_resets"), resets, "engine resets");
}

static void check_watchdog(struct setting *s, enum rig_fault_kind kind, uint32_t value,
			   bool whole)
{
	unsigned int cold = counter("cold_boots");

	ivpu_fault(&s->list, kind, value);
	check_equal(run(s), DRM_IVPU_JOB_STATUS_ABORTED, "status");
	if (whole || !s->queue) {
		check_recovered(s, cold);
	} else {
		check_lost(s);
		check_works();
	}
}

static void test_heartbeat(struct setting *s)
{
	check_watchdog(s, RIG_FAULT_HEART, 30000000, false);
}

static void test_crash(struct setting *s)
{
	check_watchdog(s, RIG_FAULT_CRASH, 0, true);
}

/* The firmware doesn't say that it is done, and has nobody to blame. */
static void test_lost_message(struct setting *s)
{
	check_watchdog(s, RIG_FAULT_LOST, 0, true);
}

/* Slower than one look of the watchdog, but the heart beats. */
static void test_slow(struct setting *s)
{
	ivpu_fault(&s->list, RIG_FAULT_SLOW, 10000000);
	plain_copy(s);
	check_equal(run(s), 0, "status");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
}

/* --- group remove: the driver goes, and comes back -------------------------------------- */

#define DRIVER	"/sys/bus/pci/drivers/intel_vpu/"

static void write_sysfs(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, text, strlen(text)) > 0, "cannot write %s to %s", text, path);
	close(fd);
}

static void test_remove(struct setting *s)
{
	int fence, dmabuf = raw_export(s->fd, s->dst.handle);
	struct setting other;
	uint64_t value;
	uint32_t status;

	if (!set_up(&other))
		return;
	memset(s->dst.map, 0, 8);
	memset(other.dst.map, 0, 8);
	ivpu_fence_wait(&s->list, s->dst.address, 1);
	ivpu_fence_wait(&other.list, other.dst.address, 1);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	check_equal(submit(&other, other.queue, &other.list), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->list.bo.handle);
	write_sysfs(DRIVER "unbind", "0000:01:01.0");
	check_equal(raw_fence_wait(fence), 1, "status of the fence");
	check_equal(ivpu_param(s->fd, DRM_IVPU_PARAM_DEVICE_ID, 0, &value), -ENODEV, "GET_PARAM");
	check_equal(submit(s, s->queue, &s->list), -ENODEV, "SUBMIT");
	check_equal(ivpu_bo_wait(s->fd, &s->list.bo, 0, &status), -ENODEV, "BO_WAIT");
	/* What is mapped stays. */
	memset(s->dst.map, 0x33, BYTES);
	tear_down(&other);
	write_sysfs(DRIVER "bind", "0000:01:01.0");
	check_works();
	check(raw_is_all(s->dst.map, BYTES, 0x33), "bytes changed");
	close(fence);
	close(dmabuf);
}

/* --- group pull ---------------------------------------------------------------------- */

static void test_unplug(struct setting *s)
{
	uint64_t value;
	int tries, ret = 0;

	ivpu_fault(&s->list, RIG_FAULT_LINK, 1000000);
	check_equal(submit(s, s->queue, &s->list), 0, "SUBMIT");
	for (tries = 0; tries < 6000 && ret != -ENODEV; tries++) {
		usleep(10000);
		ret = ivpu_param(s->fd, DRM_IVPU_PARAM_DEVICE_ID, 0, &value);
	}
	check_equal(ret, -ENODEV, "GET_PARAM when it is gone");
	check_equal(submit(s, s->queue, &s->list), -ENODEV, "SUBMIT when it is gone");
	tear_down(s);
	for (tries = 0; tries < 6000; tries++) {
		s->fd = raw_open("intel_vpu", 0);
		if (s->fd >= 0)
			break;
		usleep(10000);
	}
	check(s->fd >= 0, "it doesn't come back");
	close(s->fd);
	s->fd = -1;
	check_works();
}

static void with(void (*fn)(struct setting *s))
{
	struct setting s;

	if (set_up(&s))
		fn(&s);
	tear_down(&s);
}

#define TEST(name) static void with_##name(void) { with(test_##name); }
TEST(params)
TEST(ranges)
TEST(copy)
TEST(fill)
TEST(timestamp)
TEST(sync_file)
TEST(fence)
TEST(bands)
TEST(full)
TEST(contexts)
TEST(userptr)
TEST(queues)
TEST(suspend)
TEST(metrics)
TEST(refused_submits)
TEST(refused_buffers)
TEST(limit)
TEST(parse_errors)
TEST(status)
TEST(reset_status)
TEST(mmu_read)
TEST(mmu_write)
TEST(mmu_read_only)
TEST(bus_error)
TEST(hang)
TEST(hang_destroyed)
TEST(heartbeat)
TEST(crash)
TEST(lost_message)
TEST(slow)
TEST(remove)
TEST(unplug)

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "copy", "works", check_works },
		{ "copy", "params", with_params },
		{ "copy", "ranges", with_ranges },
		{ "copy", "copy", with_copy },
		{ "copy", "fill", with_fill },
		{ "copy", "timestamp", with_timestamp },
		{ "copy", "sync-file", with_sync_file },
		{ "copy", "fence", with_fence },
		{ "copy", "bands", with_bands },
		{ "copy", "full", with_full },
		{ "copy", "contexts", with_contexts },
		{ "copy", "userptr", with_userptr },
		{ "copy", "queues", with_queues },
		{ "copy", "suspend", with_suspend },
		{ "copy", "metrics", with_metrics },
		{ "refuse", "submits", with_refused_submits },
		{ "refuse", "buffers", with_refused_buffers },
		{ "refuse", "limit", with_limit },
		{ "error", "parse-errors", with_parse_errors },
		{ "error", "status", with_status },
		{ "error", "reset-status", with_reset_status },
		{ "error", "mmu-read", with_mmu_read },
		{ "error", "mmu-write", with_mmu_write },
		{ "error", "mmu-read-only", with_mmu_read_only },
		{ "error", "bus-error", with_bus_error },
		{ "hang", "hang", with_hang },
		{ "hang", "hang-destroyed", with_hang_destroyed },
		{ "hang", "heartbeat", with_heartbeat },
		{ "hang", "crash", with_crash },
		{ "hang", "lost-message", with_lost_message },
		{ "hang", "slow", with_slow },
		{ "remove", "remove", with_remove },
		{ "pull", "pulled", with_unplug },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
