/* SPDX-License-Identifier: MIT */
/* jobend.c: what fences of a buffer tell of a job's end, with sync_files that are made up here. */
#include "support.h"

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/eventfd.h>

#define OPENED_NS 1000
#define FENCES    40

/* ---- the sync_file, and the context -------------------------------------------------------- */

static struct {
	int fd;         /* an eventfd, which polls as a sync_file does */
	int export_err; /* of EXPORT_SYNC_FILE */
	int info_err;
	unsigned int exports;
	int whole; /* what it says of all fences; 0: as they are */
	uint32_t count;
	struct {
		int status;
		uint64_t ns;
	} fence[FENCES];
} file;

static struct accel_context context;
static unsigned int looks;
static uint32_t look_finds; /* the state that a look at the device finds */

static void look(struct accel_context *at)
{
	looks++;
	accel_core_context_set_state(at, look_finds);
}

static const struct accel_ops ops = {.context_look = look};
static const struct accel_provider provider = {.ops = &ops};

/* As the kernel: with room for all the fences are told, without any the whole. */
static int file_info(struct sync_file_info *info)
{
	struct sync_fence_info *fence = (struct sync_fence_info *)(uintptr_t)info->sync_fence_info;
	uint32_t i;

	if (file.info_err)
		return file.info_err;
	assert_int_equal(info->flags, 0);
	assert_int_equal(info->pad, 0);
	if (info->num_fences && info->num_fences < file.count)
		return -EINVAL;
	for (i = 0; info->num_fences && i < file.count; i++) {
		fence[i].status = file.fence[i].status;
		fence[i].timestamp_ns = file.fence[i].ns;
	}
	info->num_fences = file.count;
	info->status = 1;
	for (i = 0; i < file.count; i++)
		if (!file.fence[i].status || (file.fence[i].status < 0 && info->status > 0))
			info->status = file.fence[i].status;
	if (file.whole)
		info->status = file.whole;
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == SYNC_IOC_FILE_INFO) {
		assert_int_equal(fd, file.fd);
		return file_info(arg);
	}
	assert_true(request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE);
	assert_int_equal(fd, 5);
	file.exports++;
	if (!file.export_err)
		((struct dma_buf_export_sync_file *)arg)->fd = file.fd;
	return file.export_err;
}

static int setup(void **state)
{
	(void)state;
	seam_install();
	accel_core_sys.ioctl = fake_ioctl;
	memset(&file, 0, sizeof(file));
	file.fd = eventfd(0, EFD_CLOEXEC);
	file.count = 1;
	memset(&context, 0, sizeof(context));
	context.provider = &provider;
	context.opened_ns = OPENED_NS;
	looks = 0;
	look_finds = ACCEL_OK;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(file.fd);
	return 0;
}

static void set_fence(uint32_t index, int status, uint64_t ns)
{
	file.fence[index].status = status;
	file.fence[index].ns = ns;
}

static const struct accel_job_end *an_end(bool shared)
{
	static struct accel_job_end end;

	end.sync_file = file.fd;
	end.shared = shared;
	return &end;
}

/* What a look tells: the outcome, -EINPROGRESS if none. */
static int outcome(bool shared, bool ended, struct accel_job_result *result)
{
	int ret;

	memset(result, 0, sizeof(*result));
	ret = accel_core_job_end_poll(&context, an_end(shared), ended, result);
	return ret ? ret : (int)result->outcome;
}

/* ---- taking and giving back ------------------------------------------------------------------ */

static void test_take(void **state)
{
	struct accel_job_end end = {.sync_file = 77};
	unsigned long closes;

	(void)state;
	accel_core_job_end_take(&end, 5, true);
	assert_int_equal(end.sync_file, file.fd);
	assert_true(end.shared);
	assert_int_equal(file.exports, 1);
	closes = seam_calls(SEAM_CLOSE);
	file.fd = dup(end.sync_file);
	accel_core_job_end_drop(&end);
	assert_int_equal(end.sync_file, -1);
	accel_core_job_end_drop(&end);
	assert_int_equal(seam_calls(SEAM_CLOSE), closes + 1);
	/* None is wanted; none is to be had. */
	accel_core_job_end_take(&end, -1, false);
	assert_int_equal(end.sync_file, -1);
	assert_int_equal(file.exports, 1);
	file.export_err = -EMFILE;
	accel_core_job_end_take(&end, 5, false);
	assert_int_equal(end.sync_file, -1);
	assert_false(end.shared);
	assert_int_equal(file.exports, 2);
}

static void test_fd(void **state)
{
	struct accel_job_end none = {.sync_file = -1};
	int fd = -7;

	(void)state;
	assert_ok(accel_core_job_end_fd(an_end(false), &fd));
	assert_true(fd >= 0 && fd != file.fd);
	close(fd);
	fd = -7;
	assert_fails(accel_core_job_end_fd(&none, &fd), -EOPNOTSUPP);
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_core_job_end_fd(an_end(false), &fd), -EMFILE);
	assert_int_equal(fd, -7);
}

/* ---- what it tells ------------------------------------------------------------------------------ */

static void test_one_fence(void **state)
{
	struct accel_job_result result;

	(void)state;
	set_fence(0, 0, 0);
	assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
	set_fence(0, 1, 2000);
	assert_int_equal(outcome(false, false, &result), ACCEL_DONE);
	assert_int_equal(result.end_ns, 2000);
	assert_int_equal(result.driver_code, 0);
	/* The buffer is others', too: it may be one of theirs. */
	assert_int_equal(outcome(true, false, &result), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(result.end_ns, 2000);
	set_fence(0, -ECANCELED, 3000);
	assert_int_equal(outcome(false, false, &result), ACCEL_FAILED);
	assert_int_equal(result.driver_code, ECANCELED);
	assert_int_equal(result.end_ns, 3000);
	assert_int_equal(outcome(true, false, &result), ACCEL_FAILED);
	/* The kernel's stub is older than the context. */
	set_fence(0, 1, OPENED_NS - 1);
	assert_int_equal(outcome(false, false, &result), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(result.end_ns, 0);
	set_fence(0, 1, OPENED_NS);
	assert_int_equal(outcome(false, false, &result), ACCEL_DONE);
}

/* What the job waited for is in it, too: its own ended last. */
static void test_several(void **state)
{
	struct accel_job_result result;

	(void)state;
	file.count = 3;
	set_fence(0, -EIO, 2000);
	set_fence(1, 1, 4000);
	set_fence(2, -ETIMEDOUT, 3000);
	assert_int_equal(outcome(false, false, &result), ACCEL_DONE);
	assert_int_equal(result.end_ns, 4000);
	set_fence(2, -ETIMEDOUT, 5000);
	assert_int_equal(outcome(false, false, &result), ACCEL_FAILED);
	assert_int_equal(result.driver_code, ETIMEDOUT);
	/* An error of one tells nothing as long as another is pending. */
	set_fence(1, 0, 0);
	assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
	assert_int_equal(outcome(false, true, &result), ACCEL_DONE_UNVERIFIED);
	file.whole = 1;
	assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
}

/* More than have a place without memory being asked for. */
static void test_many(void **state)
{
	struct accel_job_result result;
	uint32_t i;

	(void)state;
	for (file.count = 15; file.count <= 18; file.count++) {
		for (i = 0; i < file.count; i++)
			set_fence(i, 1, 2000 + i);
		assert_int_equal(outcome(false, false, &result), ACCEL_DONE);
		set_fence(file.count - 1, -EIO, 9000);
		assert_int_equal(outcome(false, false, &result), ACCEL_FAILED);
		assert_int_equal(result.end_ns, 9000);
		set_fence(file.count - 1, 0, 0);
		assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
	}
	seam_fail(SEAM_ALLOC, 0, 1, -ENOMEM);
	assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
	seam_fail(SEAM_ALLOC, 0, 1, -ENOMEM);
	assert_int_equal(outcome(false, true, &result), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(seam_live_memory(), 0);
}

/* It can't be asked, or has not ended and never may. */
static void test_no_answer(void **state)
{
	struct accel_job_result result;

	(void)state;
	set_fence(0, 1, 2000);
	file.info_err = -ENOMEM;
	assert_int_equal(outcome(false, false, &result), -EINPROGRESS);
	assert_int_equal(outcome(false, true, &result), ACCEL_DONE_UNVERIFIED);
	context.state = ACCEL_CONTEXT_LOST;
	assert_int_equal(outcome(false, true, &result), ACCEL_LOST);
	file.info_err = 0;
	/* What is known stays known. */
	assert_int_equal(outcome(false, true, &result), ACCEL_DONE);
	set_fence(0, 0, 0);
	assert_int_equal(outcome(false, true, &result), ACCEL_LOST);
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static int wait_outcome(int64_t deadline)
{
	struct accel_job_result result = {.outcome = ACCEL_PENDING};
	int ret;

	ret = accel_core_job_end_wait(&context, an_end(false), deadline, &result);
	return ret ? ret : (int)result.outcome;
}

static void end_it(int status)
{
	const uint64_t one = 1;

	set_fence(0, status, 2000);
	assert_int_equal(write(file.fd, &one, sizeof(one)), sizeof(one));
}

static void test_wait(void **state)
{
	(void)state;
	assert_int_equal(wait_outcome(0), -ETIME);
	assert_int_equal(wait_outcome(accel_core_sys.now() + 1000000), -ETIME);
	looks = 0;
	/* That poll(2) fails says nothing of the job. */
	seam_fail(SEAM_POLL, 0, 1, -ENOMEM);
	assert_int_equal(wait_outcome(far_off()), -ETIME);
	end_it(1);
	seam_fail(SEAM_POLL, 0, 2, -EINTR);
	assert_int_equal(wait_outcome(far_off()), ACCEL_DONE);
	set_fence(0, -EIO, 2000);
	assert_int_equal(wait_outcome(ACCEL_NO_DEADLINE), ACCEL_FAILED);
	assert_int_equal(looks, 0);
}

static void test_wait_of_lost(void **state)
{
	(void)state;
	look_finds = ACCEL_GONE;
	assert_int_equal(wait_outcome(ACCEL_NO_DEADLINE), ACCEL_LOST);
	assert_int_equal(looks, 1);
}

/* ---- without a sync_file ------------------------------------------------------------------------- */

static struct {
	unsigned int calls, pending; /* so often it has not ended */
	int err;                     /* what it gives then */
	int64_t last_until;
} driver;

static int64_t (*real_now)(void);
static unsigned int clock_reads;

static int64_t counted_now(void)
{
	clock_reads++;
	return real_now();
}

static int driver_wait(void *data, int64_t until)
{
	assert_ptr_equal(data, &driver);
	/* Never longer than until the next look at the device. */
	assert_true(until <= real_now() + ACCEL_LOOK_NS);
	driver.calls++;
	driver.last_until = until;
	if (driver.calls <= driver.pending)
		return -ETIME;
	return driver.err;
}

static int plain(bool ended, int64_t deadline, unsigned int pending, int err)
{
	struct accel_job_result result = {.outcome = ACCEL_PENDING};
	int ret;

	memset(&driver, 0, sizeof(driver));
	real_now = accel_core_sys.now;
	driver.pending = pending;
	driver.err = err;
	clock_reads = 0;
	accel_core_sys.now = counted_now;
	ret = accel_core_job_end_plain(&context, ended, deadline, driver_wait, &driver, &result);
	accel_core_sys.now = real_now;
	return ret ? ret : (int)result.outcome;
}

static void test_plain(void **state)
{
	int64_t soon;

	(void)state;
	context.looked_ns = accel_core_sys.now();
	assert_int_equal(plain(false, 0, 0, 0), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(driver.last_until, 0);
	assert_int_equal(plain(false, 0, 1, 0), -ETIME);
	assert_int_equal(driver.calls, 1);
	assert_int_equal(looks, 0);
	/* One of which it is known that it has ended is not asked for. */
	assert_int_equal(plain(true, 0, 1, 0), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(driver.calls, 0);
	assert_int_equal(plain(false, ACCEL_NO_DEADLINE, 5, 0), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(driver.calls, 6);
	assert_int_equal(looks, 5);
	soon = accel_core_sys.now() + 100000000;
	assert_int_equal(plain(false, soon, 0, 0), ACCEL_DONE_UNVERIFIED);
	assert_true(driver.last_until == soon);
	assert_int_equal(plain(false, far_off(), 0, -EINVAL), ACCEL_DONE_UNVERIFIED);
}

/* A look at the device is due so long after the last one, whoever had that. */
static void test_plain_looks(void **state)
{
	const int64_t long_ago = accel_core_sys.now() - 2 * ACCEL_LOOK_NS;

	(void)state;
	context.looked_ns = accel_core_sys.now() - ACCEL_LOOK_NS / 2;
	assert_int_equal(plain(false, ACCEL_NO_DEADLINE, 0, 0), ACCEL_DONE_UNVERIFIED);
	assert_true(driver.last_until == context.looked_ns + ACCEL_LOOK_NS);
	assert_int_equal(clock_reads, 0);
	context.looked_ns = long_ago;
	assert_int_equal(plain(false, ACCEL_NO_DEADLINE, 1, 0), ACCEL_DONE_UNVERIFIED);
	assert_int_equal(looks, 1);
	assert_true(driver.last_until == context.looked_ns + ACCEL_LOOK_NS);
	assert_true(context.looked_ns > long_ago);
}

static void test_plain_of_lost(void **state)
{
	(void)state;
	look_finds = ACCEL_CONTEXT_LOST;
	assert_int_equal(plain(false, ACCEL_NO_DEADLINE, 1000, 0), ACCEL_LOST);
	assert_int_equal(driver.calls, 1);
	assert_int_equal(plain(true, 0, 1000, 0), ACCEL_LOST);
	assert_int_equal(plain(false, far_off(), 0, -ENODEV), ACCEL_LOST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_take),          TEST(test_fd),
		TEST(test_one_fence),     TEST(test_several),
		TEST(test_many),          TEST(test_no_answer),
		TEST(test_wait),          TEST(test_wait_of_lost),
		TEST(test_plain),         TEST(test_plain_looks),
		TEST(test_plain_of_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
