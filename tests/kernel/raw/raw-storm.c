// SPDX-License-Identifier: GPL-2.0
/* Several processes at once on all devices: races, for the kernel's sanitizers to see. */
#include "raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw-ethosu.h"
#include "raw-ivpu.h"
#include "raw-qaic.h"
#include "raw-rocket.h"

#define BYTES		4096
#define PROCESSES	10

static unsigned int rounds = 50;
static bool bad;

static void expect(bool ok, const char *what)
{
	if (!check(ok, "%s", what))
		bad = true;
}

/* One job of new buffers, exported and given back each time. */
static void ethosu_round(int fd, unsigned int seed)
{
	struct ethosu_stream stream = { .count = 0 };
	struct ethosu_bo src, dst;
	uint32_t sealed, regions[2];
	int fence;

	expect(!ethosu_bo_create(fd, BYTES, &src) && !ethosu_bo_create(fd, BYTES, &dst),
	       "BO_CREATE");
	raw_fill(src.map, BYTES, seed);
	ethosu_dma(&stream, &(struct ethosu_dma){ .dst_region = 1, .bytes = BYTES });
	ethosu_stop(&stream);
	expect(!ethosu_stream_create(fd, &stream, &sealed), "CMDSTREAM_BO_CREATE");
	regions[0] = src.handle;
	regions[1] = dst.handle;
	expect(!ethosu_submit(fd, sealed, regions, 2, 0, 0), "SUBMIT");
	fence = raw_fence(fd, dst.handle);
	expect(raw_fence_wait(fence) == 1, "fence");
	expect(raw_is_filled(dst.map, BYTES, seed), "wrong bytes");
	close(fence);
	raw_close_handle(fd, sealed);
	ethosu_bo_destroy(fd, &src);
	ethosu_bo_destroy(fd, &dst);
}

/* Returns where its first buffer lay. */
static uint32_t rocket_round(int fd, unsigned int seed)
{
	struct rocket_lists lists = { .count = 0 };
	struct rocket_bo src, dst;
	uint32_t in[2];
	int fence;

	expect(!rocket_bo_create(fd, BYTES, &src) && !rocket_bo_create(fd, BYTES, &dst) &&
	       !rocket_bo_create(fd, 4096, &lists.bo), "CREATE_BO");
	raw_fill(src.map, BYTES, seed);
	rocket_task(&lists);
	rocket_copy(&lists, src.address, dst.address, BYTES, 1, 1);
	rocket_fini(fd, &src);
	rocket_fini(fd, &lists.bo);
	in[0] = src.handle;
	in[1] = lists.bo.handle;
	expect(!rocket_submit(fd, &lists, in, 2, &dst.handle, 1), "SUBMIT");
	fence = raw_fence(fd, dst.handle);
	expect(raw_fence_wait(fence) == 1, "fence");
	expect(!rocket_prep(fd, &dst, 60000), "PREP_BO");
	expect(raw_is_filled(dst.map, BYTES, seed), "wrong bytes");
	close(fence);
	rocket_bo_destroy(fd, &src);
	rocket_bo_destroy(fd, &dst);
	rocket_bo_destroy(fd, &lists.bo);
	return src.address;
}

/* A channel of its own, and of each eighth round a new one. */
static void qaic_round(int fd, unsigned int seed, uint32_t *dbc)
{
	struct qaic_bo in, out;
	const struct qaic_bo *const bos[2] = { &in, &out };

	if (seed % 8 == 0) {
		expect(*dbc == UINT32_MAX || !qaic_release(fd, *dbc), "DEACTIVATE");
		expect(!qaic_activate(fd, 16, NULL, 0, dbc), "ACTIVATE");
	}
	expect(!qaic_bo_create(fd, BYTES, &in) && !qaic_bo_create(fd, BYTES, &out), "CREATE_BO");
	raw_fill(in.map, BYTES, seed);
	expect(!qaic_attach_whole(fd, *dbc, &in, QAIC_TO_DEVICE, RIG_QAIC_MEMORY) &&
	       !qaic_attach_whole(fd, *dbc, &out, QAIC_FROM_DEVICE, RIG_QAIC_MEMORY),
	       "ATTACH_SLICE_BO");
	expect(!qaic_execute(fd, *dbc, bos, 2), "EXECUTE_BO");
	expect(!qaic_wait(fd, *dbc, &out, 60000), "WAIT_BO");
	expect(raw_is_filled(out.map, BYTES, seed), "wrong bytes");
	expect(!qaic_detach(fd, &in) && !qaic_detach(fd, &out), "DETACH_SLICE_BO");
	qaic_bo_destroy(fd, &in);
	qaic_bo_destroy(fd, &out);
}

/* Processes 6 and 7: qaic, which not all kernels have. */
static void qaic_process(unsigned int n)
{
	int fd = raw_open("qaic", 0);
	uint32_t dbc = UINT32_MAX;
	unsigned int i;

	for (i = 0; fd >= 0 && i < rounds && !bad; i++)
		qaic_round(fd, n * 1000 + i, &dbc);
	if (fd >= 0)
		close(fd);
	fflush(stdout);
	_exit(bad);
}

/* Each time a queue of its own, which is destroyed with a job in it every third time. */
static void ivpu_round(int fd, unsigned int seed)
{
	uint32_t handles[2], queue = 0, status = ~0u, expected = 0;
	struct ivpu_bo src, dst;
	struct ivpu_list list;

	expect(!ivpu_bo_create(fd, BYTES, DRM_IVPU_BO_MAPPABLE, &src) &&
	       !ivpu_bo_create(fd, BYTES, DRM_IVPU_BO_MAPPABLE, &dst) &&
	       !ivpu_list_create(fd, &list), "BO_CREATE");
	handles[0] = src.handle;
	handles[1] = dst.handle;
	raw_fill(src.map, BYTES, seed);
	ivpu_copy(&list, dst.address, src.address, BYTES);
	if (ivpu_has(fd, DRM_IVPU_CAP_MANAGE_CMDQ))
		expect(!ivpu_queue_create(fd, seed % 5, &queue), "CMDQ_CREATE");
	if (queue && seed % 3 == 0) {
		ivpu_fence_wait(&list, dst.address, ~0ull);
		expected = DRM_IVPU_JOB_STATUS_ABORTED;
	}
	expect(!ivpu_submit(fd, queue, 0, &list, handles, 2), "SUBMIT");
	if (expected)
		expect(!ivpu_queue_destroy(fd, queue), "CMDQ_DESTROY");
	expect(!ivpu_bo_wait(fd, &list.bo, 60000, &status) && status == expected, "BO_WAIT");
	if (!expected)
		expect(raw_is_filled(dst.map, BYTES, seed), "wrong bytes");
	if (queue && !expected)
		expect(!ivpu_queue_destroy(fd, queue), "CMDQ_DESTROY");
	ivpu_bo_destroy(fd, &src);
	ivpu_bo_destroy(fd, &dst);
	ivpu_bo_destroy(fd, &list.bo);
}

/* Processes 8 and 9: ivpu, where there is one, and each eighth round with a new file. */
static void ivpu_process(unsigned int n)
{
	int fd = raw_open("intel_vpu", 0);
	unsigned int i;

	for (i = 0; fd >= 0 && i < rounds && !bad; i++) {
		if (i % 8 == 7) {
			close(fd);
			fd = raw_open("intel_vpu", 0);
			expect(fd >= 0, "open");
		}
		ivpu_round(fd, n * 1000 + i);
	}
	if (fd >= 0)
		close(fd);
	fflush(stdout);
	_exit(bad);
}

/* Processes 0, 2, 4 use an Ethos-U, 1, 3, 5 the rocket. */
static void process(unsigned int n)
{
	bool rocket = n % 2;
	int fd = rocket ? raw_open("rocket", 0) : raw_open("ethosu", n / 2 % 2);
	uint32_t lowest = UINT32_MAX, address;
	unsigned int i;

	expect(fd >= 0, "open");
	for (i = 0; i < rounds && !bad; i++) {
		if (rocket) {
			address = rocket_round(fd, n * 1000 + i);
			lowest = address < lowest ? address : lowest;
		} else {
			ethosu_round(fd, n * 1000 + i);
		}
	}
	if (rocket)
		rocket_settle(fd, lowest, 3 * BYTES);
	close(fd);
	fflush(stdout);
	_exit(bad);
}

static void test_storm(void)
{
	unsigned int n;
	int status;

	fflush(stdout);
	for (n = 0; n < PROCESSES; n++) {
		if (fork())
			continue;
		if (n < 6)
			process(n);
		else if (n < 8)
			qaic_process(n);
		else
			ivpu_process(n);
	}
	while (wait(&status) > 0)
		check(!status, "a process ended with %#x", status);
}

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = { { "storm", "storm", test_storm } };

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	return raw_main(1, argv, tests, 1);
}
