// SPDX-License-Identifier: GPL-2.0
/* The rocket driver by its system calls alone. */
#include "raw-rocket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"

#define BYTES	65536
#define CORES	3

/* The most that a file has in these tests: two buffers, the lists, and another of 1 MiB. */
#define ALL_BYTES (2 * BYTES + 4096 + (1 << 20))

/* One file with a source and a target buffer, and the lists to be run on them. */
struct setting {
	int fd;
	struct rocket_bo src, dst;
	struct rocket_lists lists;
};

static bool set_up(struct setting *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = raw_open("rocket", 0);
	if (!check(s->fd >= 0, "no rocket"))
		return false;
	check_equal(rocket_bo_create(s->fd, BYTES, &s->src), 0, "CREATE_BO");
	check_equal(rocket_bo_create(s->fd, BYTES, &s->dst), 0, "CREATE_BO");
	check_equal(rocket_bo_create(s->fd, 4096, &s->lists.bo), 0, "CREATE_BO");
	raw_fill(s->src.map, BYTES, 5);
	memset(s->dst.map, 0xee, BYTES);
	check_equal(rocket_fini(s->fd, &s->src), 0, "FINI_BO");
	check_equal(rocket_fini(s->fd, &s->dst), 0, "FINI_BO");
	return true;
}

/* Buffers first, and all of them gone: the driver frees one in the file that made it. */
static void tear_down(struct setting *s)
{
	rocket_bo_destroy(s->fd, &s->src);
	rocket_bo_destroy(s->fd, &s->dst);
	rocket_bo_destroy(s->fd, &s->lists.bo);
	rocket_settle(s->fd, s->src.address, ALL_BYTES);
	close(s->fd);
}

static int submit(struct setting *s)
{
	const uint32_t in[2] = { s->src.handle, s->lists.bo.handle };

	check_equal(rocket_fini(s->fd, &s->lists.bo), 0, "FINI_BO");
	return rocket_submit(s->fd, &s->lists, in, 2, &s->dst.handle, 1);
}

static void run(struct setting *s)
{
	check_equal(submit(s), 0, "SUBMIT");
	check_equal(rocket_prep(s->fd, &s->dst, 60000), 0, "PREP_BO");
	s->lists.count = s->lists.words = 0;
}

static void plain_copy(struct setting *s)
{
	rocket_copy(&s->lists, s->src.address, s->dst.address, 256, 16, 16);
}

static void check_works(struct setting *s)
{
	s->lists.count = s->lists.words = 0;
	memset(s->dst.map, 0xee, BYTES);
	check_equal(rocket_fini(s->fd, &s->dst), 0, "FINI_BO");
	rocket_task(&s->lists);
	plain_copy(s);
	run(s);
	check(!memcmp(s->src.map, s->dst.map, BYTES), "no copy by the job after");
}

static void test_two_tasks(struct setting *s)
{
	rocket_task(&s->lists);
	rocket_copy(&s->lists, s->src.address + 1, s->dst.address + 100, 100, 10, 1);
	rocket_task(&s->lists);
	rocket_copy(&s->lists, s->src.address + 5000, s->dst.address + 20000, 1000, 3, 7);
	run(s);
	check(raw_is_all(s->dst.map, 100, 0xee), "bytes before the first target changed");
	check(!memcmp(s->dst.map + 100, s->src.map + 1, 1000), "wrong bytes by task 1");
	check(raw_is_all(s->dst.map + 1100, 18900, 0xee), "bytes between them changed");
	check(!memcmp(s->dst.map + 20000, s->src.map + 5000, 21000), "wrong bytes by task 2");
	check(raw_is_all(s->dst.map + 41000, BYTES - 41000, 0xee), "bytes after them changed");
}

static void test_many(struct setting *s)
{
	unsigned int i;

	for (i = 0; i < 256; i++) {
		/* A list is read when the job runs: each has its own place. */
		s->lists.count = 0;
		s->lists.words = i % 16 * 16;
		if (i && i % 16 == 0)
			check_equal(rocket_prep(s->fd, &s->dst, 60000), 0, "PREP_BO");
		rocket_task(&s->lists);
		rocket_copy(&s->lists, s->src.address + i * 256, s->dst.address + i * 256,
			    256, 1, 1);
		if (!check_equal(submit(s), 0, "SUBMIT"))
			return;
	}
	check_equal(rocket_prep(s->fd, &s->dst, 60000), 0, "PREP_BO");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
}

static void test_fence(struct setting *s)
{
	int fence;

	rocket_task(&s->lists);
	rocket_fault(&s->lists, RIG_FAULT_SLOW, 50000);
	plain_copy(s);
	check_equal(submit(s), 0, "SUBMIT");
	check_equal(rocket_prep(s->fd, &s->dst, 0), -EBUSY, "PREP_BO of a running job");
	check_equal(rocket_prep(s->fd, &s->src, 0), 0, "PREP_BO of what is only read");
	fence = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_status(fence), 0, "status of a running job");
	check_equal(raw_fence_wait(fence), 1, "status at the end");
	check_equal(rocket_prep(s->fd, &s->dst, 0), 0, "PREP_BO at the end");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	close(fence);
}

static unsigned int jobs_of(unsigned int core)
{
	unsigned int jobs = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/rig/rocket%u/jobs", core);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%u", &jobs) != 1)
		check(false, "cannot read %s", path);
	if (file)
		fclose(file);
	return jobs;
}

/* A file's jobs stay on one core while one is running; three files use all three. */
static void test_cores(struct setting *first)
{
	struct setting others[CORES - 1], *all[CORES] = { first, &others[0], &others[1] };
	unsigned int before[CORES], i;

	for (i = 0; i < CORES; i++) {
		before[i] = jobs_of(i);
		if (i && !set_up(all[i]))
			return;
		rocket_task(&all[i]->lists);
		rocket_fault(&all[i]->lists, RIG_FAULT_SLOW, 100000);
		plain_copy(all[i]);
	}
	for (i = 0; i < CORES; i++)
		check_equal(submit(all[i]), 0, "SUBMIT");
	for (i = 0; i < CORES; i++) {
		check_equal(rocket_prep(all[i]->fd, &all[i]->dst, 60000), 0, "PREP_BO");
		check(!memcmp(all[i]->src.map, all[i]->dst.map, BYTES), "wrong bytes");
		check_equal(jobs_of(i) - before[i], 1, "jobs on a core");
		if (i)
			tear_down(all[i]);
	}
}

/* A fence from elsewhere, put into an input buffer, holds the job back. */
static void test_gate(struct setting *s)
{
	struct setting other;
	int fence;

	if (!set_up(&other))
		return;
	rocket_task(&other.lists);
	rocket_fault(&other.lists, RIG_FAULT_SLOW, 50000);
	plain_copy(&other);
	check_equal(submit(&other), 0, "SUBMIT");
	fence = raw_fence(other.fd, other.dst.handle);
	check_equal(raw_fence_status(fence), 0, "status of a running job");
	check_equal(raw_add_fence(s->fd, s->src.handle, fence), 0, "IMPORT_SYNC_FILE");
	rocket_task(&s->lists);
	plain_copy(s);
	run(s);
	check_equal(raw_fence_status(fence), 1, "status of the job that was to be waited for");
	check(!memcmp(s->src.map, s->dst.map, BYTES), "wrong bytes");
	close(fence);
	tear_down(&other);
}

static void test_refused(struct setting *s)
{
	struct drm_rocket_submit submit_none = { .job_count = 1, .job_struct_size = 8 };
	struct rocket_bo bo = { .handle = 4711 };
	const uint32_t twice[2] = { s->dst.handle, s->dst.handle };

	check_equal(raw_ioctl(s->fd, DRM_IOCTL_ROCKET_SUBMIT, &submit_none), -EINVAL,
		    "a job struct that is too small");
	check_equal(rocket_prep(s->fd, &bo, 0), -ENOENT, "PREP_BO of no buffer");
	check_equal(rocket_fini(s->fd, &bo), -ENOENT, "FINI_BO of no buffer");
	check(rocket_bo_create(s->fd, 0, &bo) < 0, "a buffer of no bytes");

	/* Jobs that it drops without a word. */
	check_equal(rocket_submit(s->fd, &s->lists, NULL, 0, &s->dst.handle, 1), 0, "no task");
	rocket_task(&s->lists);
	check_equal(rocket_submit(s->fd, &s->lists, NULL, 0, &s->dst.handle, 1), 0,
		    "a task without commands");
	plain_copy(s);
	check_equal(rocket_submit(s->fd, &s->lists, NULL, 0, twice, 2), 0, "a buffer twice");
	check_equal(rocket_prep(s->fd, &s->dst, 60000), 0, "PREP_BO");
	check(raw_is_all(s->dst.map, BYTES, 0xee), "a dropped job has run");
	check_works(s);
}

/* Submit what is in the lists, of a job that is to fail; its status. */
static int failed_job(struct setting *s)
{
	int fence, ret;

	check_equal(submit(s), 0, "SUBMIT");
	fence = raw_fence(s->fd, s->dst.handle);
	check_equal(raw_fence_status(fence), 0, "status of a running job");
	ret = raw_fence_wait(fence);
	close(fence);
	/* The driver's own wait knows nothing of it. */
	check_equal(rocket_prep(s->fd, &s->dst, 60000), 0, "PREP_BO");
	return ret;
}

static void failing_copy(struct setting *s, enum rig_fault_kind kind, const char *what)
{
	rocket_task(&s->lists);
	rocket_fault(&s->lists, kind, 0);
	plain_copy(s);
	check_equal(failed_job(s), -ECANCELED, what);
	check_works(s);
}

static void test_hang(struct setting *s)
{
	failing_copy(s, RIG_FAULT_HANG, "status after a hang");
}

static void test_lost_interrupt(struct setting *s)
{
	failing_copy(s, RIG_FAULT_LOST, "status after a lost interrupt");
}

static void test_bus_error(struct setting *s)
{
	failing_copy(s, RIG_FAULT_BUS, "status after a bus error");
}

/* A list that starts nothing never ends. */
static void test_no_enable(struct setting *s)
{
	rocket_task(&s->lists);
	rocket_entry(&s->lists, 0x0201, 0x1070, s->src.address);
	check_equal(failed_job(s), -ECANCELED, "status of a list that starts nothing");
	check_works(s);
}

static void test_fault_on_write(struct setting *s)
{
	rocket_task(&s->lists);
	rocket_copy(&s->lists, s->src.address, 0x70000000, 4096, 1, 1);
	check_equal(failed_job(s), -ECANCELED, "status after a page fault");
	check_works(s);
}

static void test_fault_on_read(struct setting *s)
{
	rocket_task(&s->lists);
	rocket_copy(&s->lists, 0x70000000, s->dst.address, 4096, 1, 1);
	check_equal(failed_job(s), -ECANCELED, "status after a page fault");
	check(raw_is_all(s->dst.map, BYTES, 0xee), "bytes changed");
	check_works(s);
}

static void test_fault_on_fetch(struct setting *s)
{
	rocket_task(&s->lists);
	plain_copy(s);
	s->lists.tasks[0].regcmd = 0x70000000;
	check_equal(failed_job(s), -ECANCELED, "status after a page fault");
	check_works(s);
}

/* Another file's buffer is not there at the address that it has in its own file. */
static void test_isolation(struct setting *s)
{
	struct setting other;
	struct rocket_bo far;

	if (!set_up(&other))
		return;
	check_equal(rocket_bo_create(other.fd, 1 << 20, &far), 0, "CREATE_BO");
	rocket_task(&s->lists);
	rocket_copy(&s->lists, far.address + (1 << 19), s->dst.address, 4096, 1, 1);
	check_equal(failed_job(s), -ECANCELED, "status of a job that reads in another file");
	check_works(s);
	rocket_bo_destroy(other.fd, &far);
	tear_down(&other);
}

static void with_setting(void (*fn)(struct setting *s))
{
	struct setting s;

	if (!set_up(&s))
		return;
	fn(&s);
	tear_down(&s);
}

#define TEST(name) static void do_##name(void) { with_setting(test_##name); }
TEST(two_tasks)
TEST(many)
TEST(fence)
TEST(cores)
TEST(gate)
TEST(refused)
TEST(hang)
TEST(lost_interrupt)
TEST(bus_error)
TEST(no_enable)
TEST(fault_on_write)
TEST(fault_on_read)
TEST(fault_on_fetch)
TEST(isolation)

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "copy", "two-tasks", do_two_tasks },
		{ "copy", "many", do_many },
		{ "copy", "fence", do_fence },
		{ "copy", "cores", do_cores },
		{ "copy", "gate", do_gate },
		{ "refuse", "refused", do_refused },
		{ "hang", "hang", do_hang },
		{ "hang", "lost-interrupt", do_lost_interrupt },
		{ "hang", "bus-error", do_bus_error },
		{ "hang", "no-enable", do_no_enable },
		{ "hang", "fault-on-write", do_fault_on_write },
		{ "hang", "fault-on-read", do_fault_on_read },
		{ "hang", "fault-on-fetch", do_fault_on_fetch },
		{ "hang", "isolation", do_isolation },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
