// SPDX-License-Identifier: GPL-2.0
/* The accel drivers together with others: buffers and fences that pass between them. */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "raw-ethosu.h"
#include "raw-ivpu.h"
#include "raw-qaic.h"
#include "raw-rocket.h"

#define BYTES 8192

/* vgem and the buffers of a primary node: no part of the accel ABI, so not in our headers. */
struct dumb_buffer {
	uint32_t height, width, bpp, flags, handle, pitch;
	uint64_t size;
};

struct vgem_attach {
	uint32_t handle, flags, out_fence, pad;
};

struct vgem_signal {
	uint32_t fence, flags;
};

#define CREATE_DUMB	DRM_IOWR(0xb2, struct dumb_buffer)
#define VGEM_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_attach)
#define VGEM_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_signal)
#define VGEM_WRITE	1

/* Buffers of a virtual graphics device: only its primary node makes them. */
static int vgem_open(void)
{
	int fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "no /dev/dri/card0");
	return fd;
}

static int vgem_buffer(int vgem)
{
	struct dumb_buffer dumb = { .width = BYTES, .height = 1, .bpp = 8 };

	check_equal(raw_ioctl(vgem, CREATE_DUMB, &dumb), 0, "CREATE_DUMB");
	return raw_export(vgem, dumb.handle);
}

static int udmabuf_buffer(void)
{
	struct udmabuf_create create = { .size = BYTES };
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;
	int memory = memfd_create("raw", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	check_equal(ftruncate(memory, BYTES), 0, "ftruncate");
	check_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK), 0, "F_ADD_SEALS");
	create.memfd = memory;
	fd = ioctl(device, UDMABUF_CREATE, &create);
	close(memory);
	close(device);
	return fd;
}

static int heap_buffer(void)
{
	struct dma_heap_allocation_data data = { .len = BYTES, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	int ret = raw_ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data);

	close(heap);
	return ret ? ret : (int)data.fd;
}

/* Neither of these drivers can take memory that it did not make. */
static void check_refused(const char *driver)
{
	int fd = raw_open(driver, 0), vgem = vgem_open(), i;
	int foreign[3] = { vgem_buffer(vgem), udmabuf_buffer(), heap_buffer() };
	uint32_t handle;

	check(fd >= 0, "no %s", driver);
	for (i = 0; i < 3; i++) {
		check(foreign[i] >= 0, "no buffer from elsewhere, %d", i);
		check_equal(raw_import(fd, foreign[i], &handle), -EINVAL, "import from elsewhere");
		close(foreign[i]);
	}
	close(vgem);
	close(fd);
}

static void test_ethosu_imports(void)
{
	check_refused("ethosu");
}

static void test_rocket_imports(void)
{
	check_refused("rocket");
}

/* Bytes from one dma-buf to another by way of qaic, which takes any. */
static void check_transfer(int fd, uint32_t dbc, int from, int to)
{
	struct qaic_bo in = { .bytes = BYTES }, out = { .bytes = BYTES };
	const struct qaic_bo *const bos[2] = { &in, &out };

	check_equal(raw_import(fd, from, &in.handle), 0, "import of a source");
	check_equal(raw_import(fd, to, &out.handle), 0, "import of a target");
	check_equal(qaic_attach_whole(fd, dbc, &in, QAIC_TO_DEVICE, RIG_QAIC_MEMORY), 0,
		    "ATTACH_SLICE_BO of a source");
	check_equal(qaic_attach_whole(fd, dbc, &out, QAIC_FROM_DEVICE, RIG_QAIC_MEMORY), 0,
		    "ATTACH_SLICE_BO of a target");
	check_equal(qaic_execute(fd, dbc, bos, 2), 0, "EXECUTE_BO");
	check_equal(qaic_wait(fd, dbc, &out, 60000), 0, "WAIT_BO");
	check_equal(qaic_detach(fd, &in), 0, "DETACH_SLICE_BO");
	check_equal(qaic_detach(fd, &out), 0, "DETACH_SLICE_BO");
	raw_close_handle(fd, in.handle);
	raw_close_handle(fd, out.handle);
}

static void test_qaic_imports(void)
{
	int fd = raw_open("qaic", 0), vgem = vgem_open(), i;
	int foreign[3] = { vgem_buffer(vgem), udmabuf_buffer(), heap_buffer() };
	uint8_t *map[3];
	uint32_t dbc;

	for (i = 0; i < 3; i++)
		map[i] = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, foreign[i], 0);
	if (fd < 0) {
		raw_skip("no qaic");
	} else if (check(map[0] != MAP_FAILED && map[1] != MAP_FAILED && map[2] != MAP_FAILED,
			 "no mappings")) {
		check_equal(qaic_activate(fd, 16, NULL, 0, &dbc), 0, "ACTIVATE");
		for (i = 0; i < 3; i++) {
			raw_fill(map[i], BYTES, i + 1);
			check_transfer(fd, dbc, foreign[i], foreign[(i + 1) % 3]);
			check(raw_is_filled(map[(i + 1) % 3], BYTES, i + 1), "wrong bytes, %d", i);
		}
	}
	for (i = 0; i < 3; i++) {
		munmap(map[i], BYTES);
		close(foreign[i]);
	}
	close(vgem);
	if (fd >= 0)
		close(fd);
}

/* What an Ethos-U has made goes through qaic, and no processor copies it. */
static void test_ethosu_to_qaic(void)
{
	int npu = raw_open("ethosu", 0), fd = raw_open("qaic", 0), from, to = udmabuf_buffer();
	struct ethosu_stream stream = { .count = 0 };
	uint32_t sealed, regions[2], dbc;
	struct ethosu_bo src, dst;
	uint8_t *map;

	if (fd < 0) {
		raw_skip("no qaic");
		return;
	}
	ethosu_bo_create(npu, BYTES, &src);
	ethosu_bo_create(npu, BYTES, &dst);
	raw_fill(src.map, BYTES, 12);
	ethosu_dma(&stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
	ethosu_stop(&stream);
	check_equal(ethosu_stream_create(npu, &stream, &sealed), 0, "CMDSTREAM_BO_CREATE");
	regions[0] = src.handle;
	regions[1] = dst.handle;
	check_equal(ethosu_submit(npu, sealed, regions, 2, 0, 0), 0, "SUBMIT");
	check_equal(ethosu_bo_wait(npu, &dst, 60000), 0, "BO_WAIT");
	from = raw_export(npu, dst.handle);
	check_equal(qaic_activate(fd, 16, NULL, 0, &dbc), 0, "ACTIVATE");
	check_transfer(fd, dbc, from, to);
	map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, to, 0);
	check(map != MAP_FAILED && raw_is_filled(map, BYTES, 12), "wrong bytes");
	if (map != MAP_FAILED)
		munmap(map, BYTES);
	close(from);
	close(to);
	raw_close_handle(npu, sealed);
	ethosu_bo_destroy(npu, &src);
	ethosu_bo_destroy(npu, &dst);
	close(npu);
	close(fd);
}

/* Bytes from one dma-buf to another by way of ivpu, which takes any. */
static void check_ivpu_copy(int fd, int from, int to)
{
	struct ivpu_bo in, out;
	struct ivpu_list list;
	uint32_t handles[2], status = ~0u;

	check_equal(ivpu_bo_import(fd, from, &in), 0, "import of a source");
	check_equal(ivpu_bo_import(fd, to, &out), 0, "import of a target");
	check_equal(ivpu_list_create(fd, &list), 0, "BO_CREATE");
	ivpu_copy(&list, out.address, in.address, BYTES);
	handles[0] = in.handle;
	handles[1] = out.handle;
	check_equal(ivpu_submit(fd, 0, 0, &list, handles, 2), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(fd, &list.bo, 60000, &status), 0, "BO_WAIT");
	check_equal(status, 0, "status");
	ivpu_bo_destroy(fd, &in);
	ivpu_bo_destroy(fd, &out);
	ivpu_bo_destroy(fd, &list.bo);
}

static void test_ivpu_imports(void)
{
	int fd = raw_open("intel_vpu", 0), vgem = vgem_open(), i;
	int foreign[3] = { vgem_buffer(vgem), udmabuf_buffer(), heap_buffer() };
	uint8_t *map[3];

	for (i = 0; i < 3; i++)
		map[i] = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, foreign[i], 0);
	if (fd < 0) {
		raw_skip("no ivpu");
	} else if (check(map[0] != MAP_FAILED && map[1] != MAP_FAILED && map[2] != MAP_FAILED,
			 "no mappings")) {
		for (i = 0; i < 3; i++) {
			raw_fill(map[i], BYTES, i + 1);
			check_ivpu_copy(fd, foreign[i], foreign[(i + 1) % 3]);
			check(raw_is_filled(map[(i + 1) % 3], BYTES, i + 1), "wrong bytes, %d", i);
		}
	}
	for (i = 0; i < 3; i++) {
		munmap(map[i], BYTES);
		close(foreign[i]);
	}
	close(vgem);
	if (fd >= 0)
		close(fd);
}

/* What ivpu has filled goes through qaic, and no processor copies it. */
static void test_ivpu_to_qaic(void)
{
	int npu = raw_open("intel_vpu", 0), fd = raw_open("qaic", 0), from, to = udmabuf_buffer();
	struct ivpu_list list;
	struct ivpu_bo bo;
	uint32_t dbc, status = ~0u;
	uint8_t *map;

	if (npu < 0 || fd < 0) {
		raw_skip("no ivpu or no qaic");
		goto out;
	}
	check_equal(ivpu_bo_create(npu, BYTES, 0, &bo), 0, "BO_CREATE");
	check_equal(ivpu_list_create(npu, &list), 0, "BO_CREATE");
	ivpu_fill(&list, bo.address, BYTES, 0x27272727);
	check_equal(ivpu_submit(npu, 0, 0, &list, &bo.handle, 1), 0, "SUBMIT");
	check_equal(ivpu_bo_wait(npu, &list.bo, 60000, &status), 0, "BO_WAIT");
	check_equal(status, 0, "status");
	from = raw_export(npu, bo.handle);
	check_equal(qaic_activate(fd, 16, NULL, 0, &dbc), 0, "ACTIVATE");
	check_transfer(fd, dbc, from, to);
	map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, to, 0);
	check(map != MAP_FAILED && raw_is_all(map, BYTES, 0x27), "wrong bytes");
	if (map != MAP_FAILED)
		munmap(map, BYTES);
	close(from);
	ivpu_bo_destroy(npu, &bo);
	ivpu_bo_destroy(npu, &list.bo);
out:
	close(to);
	if (npu >= 0)
		close(npu);
	if (fd >= 0)
		close(fd);
}

/* A job of an Ethos-U waits for one of ivpu, by the fence on its command buffer. */
static void test_ivpu_fence(void)
{
	int npu = raw_open("intel_vpu", 0), fd = raw_open("ethosu", 0), fence;
	struct ethosu_stream stream = { .count = 0 };
	struct ethosu_bo src, dst;
	uint32_t sealed, regions[2];
	struct ivpu_list list;
	struct ivpu_bo word;

	if (npu < 0) {
		raw_skip("no ivpu");
		goto out;
	}
	check_equal(ivpu_bo_create(npu, 4096, DRM_IVPU_BO_MAPPABLE, &word), 0, "BO_CREATE");
	check_equal(ivpu_list_create(npu, &list), 0, "BO_CREATE");
	ivpu_fence_wait(&list, word.address, 1);
	check_equal(ivpu_submit(npu, 0, 0, &list, &word.handle, 1), 0, "ivpu's SUBMIT");
	fence = raw_fence(npu, list.bo.handle);
	ethosu_bo_create(fd, BYTES, &src);
	ethosu_bo_create(fd, BYTES, &dst);
	raw_fill(src.map, BYTES, 5);
	memset(dst.map, 0, BYTES);
	check_equal(raw_add_fence(fd, dst.handle, fence), 0, "IMPORT_SYNC_FILE");
	ethosu_dma(&stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
	ethosu_stop(&stream);
	check_equal(ethosu_stream_create(fd, &stream, &sealed), 0, "CMDSTREAM_BO_CREATE");
	regions[0] = src.handle;
	regions[1] = dst.handle;
	check_equal(ethosu_submit(fd, sealed, regions, 2, 0, 0), 0, "ethosu's SUBMIT");
	check_equal(ethosu_bo_wait(fd, &dst, 50), -ETIME, "BO_WAIT before ivpu's job");
	check(raw_is_all(dst.map, BYTES, 0), "the job ran before ivpu's");
	*(volatile uint64_t *)word.map = 1;
	check_equal(ethosu_bo_wait(fd, &dst, 60000), 0, "BO_WAIT after it");
	check(raw_is_filled(dst.map, BYTES, 5), "wrong bytes");
	close(fence);
	raw_close_handle(fd, sealed);
	ethosu_bo_destroy(fd, &src);
	ethosu_bo_destroy(fd, &dst);
	ivpu_bo_destroy(npu, &word);
	ivpu_bo_destroy(npu, &list.bo);
	close(npu);
out:
	close(fd);
}

/* An accelerator's buffer in vgem: the same bytes, and vgem's fence holds back a job. */
static void test_vgem_fence(void)
{
	struct vgem_attach attach = { .flags = VGEM_WRITE };
	struct vgem_signal signal = { 0 };
	int fd = raw_open("ethosu", 0), vgem = vgem_open(), dmabuf;
	struct ethosu_stream stream = { .count = 0 };
	struct ethosu_bo src, dst;
	uint32_t sealed, regions[2];
	uint8_t *map;

	if (!check(fd >= 0, "no ethosu"))
		return;
	ethosu_bo_create(fd, BYTES, &src);
	ethosu_bo_create(fd, BYTES, &dst);
	raw_fill(src.map, BYTES, 9);
	memset(dst.map, 0, BYTES);
	dmabuf = raw_export(fd, dst.handle);
	check_equal(raw_import(vgem, dmabuf, &attach.handle), 0, "vgem's import");
	check_equal(raw_ioctl(vgem, VGEM_ATTACH, &attach), 0, "FENCE_ATTACH");
	ethosu_dma(&stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
	ethosu_stop(&stream);
	check_equal(ethosu_stream_create(fd, &stream, &sealed), 0, "CMDSTREAM_BO_CREATE");
	regions[0] = src.handle;
	regions[1] = dst.handle;
	check_equal(ethosu_submit(fd, sealed, regions, 2, 0, 0), 0, "SUBMIT");
	check_equal(ethosu_bo_wait(fd, &dst, 50), -ETIME, "BO_WAIT before vgem's fence");
	check(raw_is_all(dst.map, BYTES, 0), "the job ran before vgem's fence");
	signal.fence = attach.out_fence;
	check_equal(raw_ioctl(vgem, VGEM_SIGNAL, &signal), 0, "FENCE_SIGNAL");
	check_equal(ethosu_bo_wait(fd, &dst, 60000), 0, "BO_WAIT after it");
	map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, dmabuf, 0);
	check(map != MAP_FAILED && raw_is_filled(map, BYTES, 9), "wrong bytes");
	if (map != MAP_FAILED)
		munmap(map, BYTES);
	raw_close_handle(vgem, attach.handle);
	raw_close_handle(fd, sealed);
	ethosu_bo_destroy(fd, &src);
	ethosu_bo_destroy(fd, &dst);
	close(dmabuf);
	close(vgem);
	close(fd);
}

/* A rocket job waits for an ethosu job, by the fence alone. */
static void test_across(void)
{
	int npu = raw_open("ethosu", 0), fd = raw_open("rocket", 0), fence;
	struct ethosu_stream stream = { .count = 0 };
	struct ethosu_bo from, to;
	struct rocket_bo src, dst;
	struct rocket_lists lists = { .count = 0 };
	uint32_t sealed, regions[2], in[2];

	if (!check(npu >= 0 && fd >= 0, "no ethosu or no rocket"))
		return;
	ethosu_bo_create(npu, BYTES, &from);
	ethosu_bo_create(npu, BYTES, &to);
	ethosu_fault(&stream, RIG_FAULT_SLOW, 50000);
	ethosu_dma(&stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
	ethosu_stop(&stream);
	check_equal(ethosu_stream_create(npu, &stream, &sealed), 0, "CMDSTREAM_BO_CREATE");
	regions[0] = from.handle;
	regions[1] = to.handle;
	check_equal(ethosu_submit(npu, sealed, regions, 2, 0, 0), 0, "ethosu's SUBMIT");
	fence = raw_fence(npu, to.handle);
	check_equal(raw_fence_status(fence), 0, "status of the running ethosu job");

	rocket_bo_create(fd, BYTES, &src);
	rocket_bo_create(fd, BYTES, &dst);
	rocket_bo_create(fd, 4096, &lists.bo);
	raw_fill(src.map, BYTES, 3);
	rocket_task(&lists);
	rocket_copy(&lists, src.address, dst.address, BYTES / 2, 2, 1);
	rocket_fini(fd, &src);
	rocket_fini(fd, &lists.bo);
	check_equal(raw_add_fence(fd, src.handle, fence), 0, "IMPORT_SYNC_FILE");
	in[0] = src.handle;
	in[1] = lists.bo.handle;
	check_equal(rocket_submit(fd, &lists, in, 2, &dst.handle, 1), 0, "rocket's SUBMIT");
	check_equal(rocket_prep(fd, &dst, 60000), 0, "PREP_BO");
	check_equal(raw_fence_status(fence), 1, "status of the ethosu job");
	check(!memcmp(src.map, dst.map, BYTES), "wrong bytes");

	close(fence);
	raw_close_handle(npu, sealed);
	ethosu_bo_destroy(npu, &from);
	ethosu_bo_destroy(npu, &to);
	close(npu);
	rocket_bo_destroy(fd, &src);
	rocket_bo_destroy(fd, &dst);
	rocket_bo_destroy(fd, &lists.bo);
	rocket_settle(fd, src.address, 2 * BYTES + 4096);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "refuse", "ethosu-imports", test_ethosu_imports },
		{ "refuse", "rocket-imports", test_rocket_imports },
		{ "copy", "qaic-imports", test_qaic_imports },
		{ "copy", "ethosu-to-qaic", test_ethosu_to_qaic },
		{ "copy", "ivpu-imports", test_ivpu_imports },
		{ "copy", "ivpu-to-qaic", test_ivpu_to_qaic },
		{ "copy", "ivpu-fence", test_ivpu_fence },
		{ "copy", "vgem-fence", test_vgem_fence },
		{ "copy", "across", test_across },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
