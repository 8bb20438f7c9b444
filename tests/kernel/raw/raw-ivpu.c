// SPDX-License-Identifier: GPL-2.0
/* The ivpu driver by its system calls alone, in whichever way it lets jobs be scheduled. */
#include "raw-ivpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"

#define BYTES		65536
#define PATTERN		0x5aa5c33cu
#define FOREVER		60000

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

static void with(void (*fn)(struct setting *s))
{
	struct setting s;

	if (set_up(&s))
		fn(&s);
	tear_down(&s);
}

#define TEST(name) static void with_##name(void) { with(test_##name); }
TEST(copy)

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "copy", "copy", with_copy },
		{ "copy", "works", check_works },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
