// SPDX-License-Identifier: GPL-2.0
/* The ethosu driver by its system calls alone, on every Ethos-U there is. */
#include "raw-ethosu.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"

#define BYTES 65536

/* One file with a source and a target buffer, and the stream to be run on them. */
struct setting {
	int fd;
	struct drm_ethosu_npu_info info;
	struct ethosu_bo src, dst;
	struct ethosu_stream stream;
};

static bool set_up(struct setting *s, unsigned int index)
{
	struct drm_ethosu_dev_query query = {
		.type = DRM_ETHOSU_DEV_QUERY_NPU_INFO,
		.size = sizeof(s->info),
		.pointer = (uintptr_t)&s->info,
	};

	memset(s, 0, sizeof(*s));
	s->fd = raw_open("ethosu", index);
	if (s->fd < 0)
		return false;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ETHOSU_DEV_QUERY, &query), 0, "DEV_QUERY");
	check_equal(ethosu_bo_create(s->fd, BYTES, &s->src), 0, "BO_CREATE");
	check_equal(ethosu_bo_create(s->fd, BYTES, &s->dst), 0, "BO_CREATE");
	raw_fill(s->src.map, BYTES, index + 1);
	memset(s->dst.map, 0xee, BYTES);
	return true;
}

static void tear_down(struct setting *s)
{
	ethosu_bo_destroy(s->fd, &s->src);
	ethosu_bo_destroy(s->fd, &s->dst);
	close(s->fd);
}

static int submit(struct setting *s, uint32_t sram, uint32_t perfmon)
{
	const uint32_t regions[2] = { s->src.handle, s->dst.handle };
	uint32_t stream;
	int ret = ethosu_stream_create(s->fd, &s->stream, &stream);

	if (!check_equal(ret, 0, "CMDSTREAM_BO_CREATE"))
		return ret;
	ret = ethosu_submit(s->fd, stream, regions, 2, sram, perfmon);
	raw_close_handle(s->fd, stream);
	return ret;
}

/* Submit what is in the stream, wait for it, and return the fence's status if asked for. */
static void run(struct setting *s, uint32_t sram)
{
	ethosu_stop(&s->stream);
	check_equal(submit(s, sram, 0), 0, "SUBMIT");
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 60000), 0, "BO_WAIT");
	s->stream.count = 0;
}

static void plain_copy(struct setting *s)
{
	ethosu_dma(&s->stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
}

/* After trouble: is the device of use? */
static void check_works(struct setting *s)
{
	memset(s->dst.map, 0xee, BYTES);
	s->stream.count = 0;
	plain_copy(s);
	run(s, 0);
	check(!memcmp(s->src.map, s->dst.map, BYTES), "no copy by the job after");
}

static void test_info(struct setting *s)
{
	struct drm_ethosu_dev_query query = { .type = DRM_ETHOSU_DEV_QUERY_NPU_INFO };

	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ETHOSU_DEV_QUERY, &query), 0, "DEV_QUERY");
	check_equal(query.size, sizeof(s->info), "size of the info");
	check(DRM_ETHOSU_ARCH_MAJOR(s->info.id) == 1 || DRM_ETHOSU_ARCH_MAJOR(s->info.id) == 2,
	      "id %#x", s->info.id);
	check(s->info.pmu_counters == 4, "%u counters", s->info.pmu_counters);
	check_equal(s->info.sram_size, DRM_ETHOSU_ARCH_MAJOR(s->info.id) == 1 ? 0x40000 : 0,
		    "SRAM");
}

static void test_1d(struct setting *s)
{
	ethosu_dma(&s->stream, &(struct ethosu_dma){
		.dst_region = 1, .src = 3, .dst = 4097, .bytes = 10001 });
	run(s, 0);
	check(raw_is_all(s->dst.map, 4097, 0xee), "bytes before the target changed");
	check(!memcmp(s->dst.map + 4097, s->src.map + 3, 10001), "wrong bytes");
	check(raw_is_all(s->dst.map + 14098, BYTES - 14098, 0xee), "bytes after it changed");
}

static void test_2d(struct setting *s)
{
	const struct ethosu_dma dma = {
		.mode = 1, .dst_region = 1, .src = 16, .dst = 32, .bytes = 100, .rows = 20,
		.src_gap = { 28 }, .dst_gap = { 412 },
	};
	unsigned int row;

	ethosu_dma(&s->stream, &dma);
	run(s, 0);
	for (row = 0; row < 20; row++) {
		check(!memcmp(s->dst.map + 32 + row * 512, s->src.map + 16 + row * 128, 100),
		      "wrong bytes in row %u", row);
		check(raw_is_all(s->dst.map + 32 + row * 512 + 100, 412, 0xee),
		      "bytes after row %u changed", row);
	}
}

static void test_3d(struct setting *s)
{
	const struct ethosu_dma dma = {
		.mode = 2, .dst_region = 1, .bytes = 64, .rows = 4, .planes = 5,
		.src_gap = { 64, 512 }, .dst_gap = { 0, 256 },
	};
	unsigned int row, plane;
	size_t src = 0, dst = 0;

	ethosu_dma(&s->stream, &dma);
	run(s, 0);
	for (plane = 0; plane < 5; plane++, src += 512, dst += 256)
		for (row = 0; row < 4; row++, src += 128, dst += 64)
			check(!memcmp(s->dst.map + dst, s->src.map + src, 64),
			      "wrong bytes in row %u of plane %u", row, plane);
	check(raw_is_all(s->dst.map + 256, 256, 0xee), "bytes between planes changed");
}

static void test_sram(struct setting *s)
{
	if (!s->info.sram_size)
		return;
	ethosu_dma(&s->stream, &(struct ethosu_dma){
		.dst_region = 2, .dst = 128, .bytes = 30000 });
	ethosu_dma(&s->stream, &(struct ethosu_dma){
		.src_region = 2, .dst_region = 1, .src = 128, .bytes = 30000 });
	run(s, s->info.sram_size);
	check(!memcmp(s->dst.map, s->src.map, 30000), "wrong bytes by way of the SRAM");
	check(raw_is_all(s->dst.map + 30000, BYTES - 30000, 0xee), "bytes after them changed");
}

static void test_internal(struct setting *s)
{
	ethosu_dma(&s->stream, &(struct ethosu_dma){
		.dst_region = 0x100, .dst = 256, .bytes = 1000 });
	ethosu_dma(&s->stream, &(struct ethosu_dma){
		.src_region = 0x100, .dst_region = 1, .src = 256, .bytes = 1000 });
	run(s, 0);
	check(!memcmp(s->dst.map, s->src.map, 1000), "wrong bytes by way of the internal memory");
}

static void test_fence(struct setting *s)
{
	int fence;

	ethosu_fault(&s->stream, RIG_FAULT_SLOW, 50000);
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, 0), 0, "SUBMIT");
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 0), -ETIME, "BO_WAIT of a running job");
	fence = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_status(fence), 0, "status of a running job");
	check_equal(raw_fence_wait(fence), 1, "status at the end");
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 0), 0, "BO_WAIT at the end");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	close(fence);
}

/* The same device's other file may use an exported buffer fully; its mapping is coherent. */
static void test_export(struct setting *s)
{
	int dmabuf = raw_export(s->fd, s->dst.handle);
	struct setting other = { .info = s->info };
	uint8_t *map;

	check(dmabuf >= 0, "PRIME_HANDLE_TO_FD: %d", dmabuf);
	map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, dmabuf, 0);
	other.fd = raw_open("ethosu", DRM_ETHOSU_ARCH_MAJOR(s->info.id) - 1);
	other.dst.bytes = BYTES;
	check_equal(raw_import(other.fd, dmabuf, &other.dst.handle), 0, "PRIME_FD_TO_HANDLE");
	check_equal(ethosu_bo_create(other.fd, BYTES, &other.src), 0, "BO_CREATE");
	raw_fill(other.src.map, BYTES, 77);
	plain_copy(&other);
	run(&other, 0);
	check(map != MAP_FAILED && raw_is_filled(map, BYTES, 77), "wrong bytes in the dma-buf");
	check(raw_is_filled(s->dst.map, BYTES, 77), "wrong bytes in the first file's mapping");
	if (map != MAP_FAILED)
		munmap(map, BYTES);
	tear_down(&other);
	close(dmabuf);
}

static void test_perfmon(struct setting *s)
{
	bool u65 = DRM_ETHOSU_ARCH_MAJOR(s->info.id) == 1;
	/* NPU active, and on the U65 beats read on AXI1 and written on it. */
	struct drm_ethosu_perfmon_create create = {
		.ncounters = u65 ? 3 : 1, .counters = { 0x23, 0x182, 0x187 } };
	uint64_t values[DRM_ETHOSU_MAX_PERF_COUNTERS] = { 0 };
	struct drm_ethosu_perfmon_get_values get = { .values_ptr = (uintptr_t)values };
	struct drm_ethosu_perfmon_destroy destroy = { 0 };

	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ETHOSU_PERFMON_CREATE, &create), 0,
		    "PERFMON_CREATE");
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, create.id), 0, "SUBMIT");
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 60000), 0, "BO_WAIT");
	get.id = destroy.id = create.id;
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ETHOSU_PERFMON_GET_VALUES, &get), 0,
		    "PERFMON_GET_VALUES");
	/* A cycle for each word and each 16 bytes: see the model. */
	check_equal(values[0], s->stream.count + BYTES / 16, "active cycles");
	if (u65) {
		check_equal(values[1], BYTES / 16, "beats read");
		check_equal(values[2], BYTES / 16, "beats written");
	}
	check_equal(values[u65 ? 3 : 1], s->stream.count + BYTES / 16, "cycles");
	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ETHOSU_PERFMON_DESTROY, &destroy), 0,
		    "PERFMON_DESTROY");
}

static void test_many(struct setting *s)
{
	unsigned int i;

	/* Each job moves one more piece; they run in order. */
	for (i = 0; i < 256; i++) {
		s->stream.count = 0;
		ethosu_dma(&s->stream, &(struct ethosu_dma){
			.dst_region = 1, .src = i * 256, .dst = i * 256, .bytes = 256 });
		ethosu_stop(&s->stream);
		if (!check_equal(submit(s, 0, 0), 0, "SUBMIT"))
			return;
	}
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 60000), 0, "BO_WAIT");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
}

static int submit_regions(struct setting *s, uint32_t r0, uint32_t r1, uint32_t r3)
{
	const uint32_t regions[4] = { r0, r1, 0, r3 };
	uint32_t stream;
	int ret;

	s->stream.count = 0;
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(ethosu_stream_create(s->fd, &s->stream, &stream), 0, "CMDSTREAM_BO_CREATE");
	ret = ethosu_submit(s->fd, stream, regions, 4, 0, 0);
	raw_close_handle(s->fd, stream);
	return ret;
}

static void test_refused_submits(struct setting *s)
{
	struct ethosu_bo small;

	check_equal(submit_regions(s, s->src.handle, s->src.handle, 0), -EALREADY,
		    "one buffer in two regions");
	check_equal(submit_regions(s, s->src.handle, 0, 0), -ENOENT, "no buffer for a region");
	check_equal(submit_regions(s, s->src.handle, s->dst.handle, s->dst.handle), -EINVAL,
		    "a buffer for an unused region");
	check_equal(ethosu_bo_create(s->fd, 4096, &small), 0, "BO_CREATE");
	check_equal(submit_regions(s, s->src.handle, small.handle, 0), -EOVERFLOW,
		    "a buffer that is too small");
	ethosu_bo_destroy(s->fd, &small);
	check_works(s);
}

static void test_refused_streams(struct setting *s)
{
	struct ethosu_stream st = { .count = 0 };
	uint32_t handle;

	plain_copy(s);
	check_equal(ethosu_stream_create(s->fd, &s->stream, &handle), -EINVAL, "no STOP");
	ethosu_stop(&s->stream);
	ethosu_op(&s->stream, 0x11, 0);
	check_equal(ethosu_stream_create(s->fd, &s->stream, &handle), -EINVAL, "words after STOP");
	ethosu_op(&st, 0x10, 0);
	ethosu_stop(&st);
	check_equal(ethosu_stream_create(s->fd, &st, &handle), -EINVAL, "DMA without a length");
	check_works(s);
}

/* A job that lasts, so that its fence is sure to be had, and then ends in an error. */
static int failed_job(struct setting *s, enum rig_fault_kind kind, uint32_t extra_op)
{
	int fence, ret;

	s->stream.count = 0;
	ethosu_fault(&s->stream, RIG_FAULT_SLOW, 50000);
	if (kind != RIG_FAULT_HANG)
		plain_copy(s);
	if (kind)
		ethosu_fault(&s->stream, kind, 0);
	if (kind == RIG_FAULT_HANG)
		plain_copy(s);
	if (extra_op)
		ethosu_op(&s->stream, extra_op, 0);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, 0), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_status(fence), 0, "status of a running job");
	ret = raw_fence_wait(fence);
	close(fence);
	/* The driver's own wait knows nothing of it. */
	check_equal(ethosu_bo_wait(s->fd, &s->dst, 60000), 0, "BO_WAIT");
	return ret;
}

static void test_bus_error(struct setting *s)
{
	check_equal(failed_job(s, RIG_FAULT_BUS, 0), -ECANCELED, "status after a bus error");
	check_works(s);
}

/* What the driver lets pass and the NPU cannot decode. */
static void test_parse_error(struct setting *s)
{
	check_equal(failed_job(s, RIG_FAULT_NONE, 0x0ff), -ECANCELED, "status after a parse error");
	check_works(s);
}

static void test_hang(struct setting *s)
{
	check_equal(failed_job(s, RIG_FAULT_HANG, 0), -ECANCELED, "status after a hang");
	check(raw_is_all(s->dst.map, BYTES, 0xee), "bytes changed");
	check_works(s);
}

static void test_lost_interrupt(struct setting *s)
{
	check_equal(failed_job(s, RIG_FAULT_LOST, 0), -ECANCELED,
		    "status after a lost interrupt");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "the work had been done");
	check_works(s);
}

/* Slower than the watchdog, but the driver sees it advance. */
static void test_slow(struct setting *s)
{
	int fence;

	ethosu_fault(&s->stream, RIG_FAULT_SLOW, 1500000);
	while (s->stream.count < 100)
		ethosu_op(&s->stream, 0x132, 1);
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, 0), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_wait(fence), 1, "status of a slow job");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	close(fence);
}

/* The next job waits for the one that hangs, and is done. */
static void test_queue_behind_hang(struct setting *s)
{
	int first, second;

	ethosu_fault(&s->stream, RIG_FAULT_HANG, 0);
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, 0), 0, "SUBMIT");
	first = raw_fence(s->fd, s->dst.handle);
	s->stream.count = 0;
	plain_copy(s);
	ethosu_stop(&s->stream);
	check_equal(submit(s, 0, 0), 0, "SUBMIT");
	second = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_wait(first), -ECANCELED, "status of the hanging job");
	check(raw_fence_wait(second) != -ETIMEDOUT, "the job behind it never ended");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	close(first);
	close(second);
}

static void on_each(void (*fn)(struct setting *s))
{
	struct setting s;
	unsigned int i;

	for (i = 0; set_up(&s, i); i++) {
		fn(&s);
		tear_down(&s);
	}
	check(i > 0, "no Ethos-U");
}

#define TEST(name) static void each_##name(void) { on_each(test_##name); }
TEST(info)
TEST(1d)
TEST(2d)
TEST(3d)
TEST(sram)
TEST(internal)
TEST(fence)
TEST(export)
TEST(perfmon)
TEST(many)
TEST(refused_submits)
TEST(refused_streams)
TEST(bus_error)
TEST(parse_error)
TEST(hang)
TEST(lost_interrupt)
TEST(slow)
TEST(queue_behind_hang)

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "copy", "info", each_info },
		{ "copy", "1d", each_1d },
		{ "copy", "2d", each_2d },
		{ "copy", "3d", each_3d },
		{ "copy", "sram", each_sram },
		{ "copy", "internal", each_internal },
		{ "copy", "fence", each_fence },
		{ "copy", "export", each_export },
		{ "copy", "perfmon", each_perfmon },
		{ "copy", "many", each_many },
		{ "refuse", "submits", each_refused_submits },
		{ "refuse", "streams", each_refused_streams },
		{ "error", "bus-error", each_bus_error },
		{ "error", "parse-error", each_parse_error },
		{ "hang", "hang", each_hang },
		{ "hang", "lost-interrupt", each_lost_interrupt },
		{ "hang", "slow", each_slow },
		{ "hang", "queue-behind-hang", each_queue_behind_hang },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
