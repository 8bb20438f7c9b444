/* SPDX-License-Identifier: MIT */
/* dmabuf.c: dma-bufs and sync_files that are made up here. */
#include "support.h"

#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static struct {
	unsigned long request;
	struct {
		uint32_t flags;
		int32_t fd;
	} pair;
	struct dma_buf_sync sync;
	struct sync_merge_data merge;
	int fd;
	int failures, failure; /* so often, before the answer */
	int answer;
	unsigned long times;
	/* The sync_file: what it is made of. */
	int status, fences, fence_status[12];
} seen;

static int file_info(struct sync_file_info *info)
{
	struct sync_fence_info *fence = (struct sync_fence_info *)(uintptr_t)info->sync_fence_info;
	int i;

	assert_int_equal(info->flags, 0);
	assert_int_equal(info->pad, 0);
	if (info->num_fences && (int)info->num_fences < seen.fences)
		return -EINVAL;
	for (i = 0; info->num_fences && i < seen.fences; i++)
		fence[i].status = seen.fence_status[i];
	info->num_fences = (uint32_t)seen.fences;
	info->status = seen.status;
	return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	seen.times++;
	seen.fd = fd;
	seen.request = request;
	if (seen.failures) {
		seen.failures--;
		return seen.failure;
	}
	if (request == SYNC_IOC_FILE_INFO)
		return seen.answer ? seen.answer : file_info(arg);
	if (request == SYNC_IOC_MERGE) {
		memcpy(&seen.merge, arg, sizeof(seen.merge));
		((struct sync_merge_data *)arg)->fence = 66;
	} else if (request == DMA_BUF_IOCTL_SYNC) {
		memcpy(&seen.sync, arg, sizeof(seen.sync));
	} else {
		assert_int_equal(_IOC_TYPE(request), 'b');
		assert_int_equal(_IOC_SIZE(request), 8);
		memcpy(&seen.pair, arg, sizeof(seen.pair));
		if (_IOC_NR(request) == 2)
			((int32_t *)arg)[1] = 88;
	}
	return seen.answer;
}

static int setup(void **state)
{
	(void)state;
	seam_install();
	accel_core_sys.ioctl = fake_ioctl;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void test_size(void **state)
{
	int fd = memfd_create("size", MFD_CLOEXEC), pipefd[2];
	uint64_t bytes = 7;

	(void)state;
	assert_int_equal(accel_core_dmabuf_size(fd, &bytes), -EINVAL);
	assert_true(bytes == 7);
	assert_int_equal(ftruncate(fd, 5ll << 30), 0);
	assert_int_equal(accel_core_dmabuf_size(fd, &bytes), 0);
	assert_true(bytes == 5ull << 30);
	close(fd);
	assert_int_equal(accel_core_dmabuf_size(fd, &bytes), -EBADF);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(accel_core_dmabuf_size(pipefd[0], &bytes), -ESPIPE);
	close(pipefd[0]);
	close(pipefd[1]);
}

static void test_sync(void **state)
{
	(void)state;
	assert_int_equal(accel_core_dmabuf_sync(5, true, ACCEL_ACCESS_READ), 0);
	assert_true(seen.sync.flags == (DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ));
	assert_int_equal(accel_core_dmabuf_sync(5, false, ACCEL_ACCESS_WRITE), 0);
	assert_true(seen.sync.flags == (DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE));
	assert_int_equal(accel_core_dmabuf_sync(5, true, 3), 0);
	assert_true(seen.sync.flags == (DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	seen.times = 0;
	seen.failures = 3;
	seen.failure = -EAGAIN;
	assert_int_equal(accel_core_dmabuf_sync(5, true, 3), 0);
	seen.failures = 3;
	seen.failure = -EINTR;
	assert_int_equal(accel_core_dmabuf_sync(5, true, 3), 0);
	assert_int_equal(seen.times, 8);
	seen.answer = -ENOTTY;
	assert_int_equal(accel_core_dmabuf_sync(5, true, 3), -ENOTTY);
}

static void test_sync_files(void **state)
{
	int fd = -7;

	(void)state;
	assert_int_equal(accel_core_dmabuf_export_sync_file(5, ACCEL_ACCESS_WRITE, &fd), 0);
	assert_int_equal(fd, 88);
	assert_int_equal(seen.pair.flags, DMA_BUF_SYNC_WRITE);
	assert_int_equal(_IOC_DIR(seen.request), _IOC_READ | _IOC_WRITE);
	assert_int_equal(accel_core_dmabuf_import_sync_file(5, ACCEL_ACCESS_READ, 9), 0);
	assert_int_equal(_IOC_NR(seen.request), 3);
	assert_int_equal(_IOC_DIR(seen.request), _IOC_WRITE);
	assert_int_equal(seen.pair.flags, DMA_BUF_SYNC_READ);
	assert_int_equal(seen.pair.fd, 9);
	assert_int_equal(accel_core_sync_file_merge(3, 4, &fd), 0);
	assert_int_equal(fd, 66);
	assert_int_equal(seen.fd, 3);
	assert_int_equal(seen.merge.fd2, 4);
	assert_true(strlen(seen.merge.name) < sizeof(seen.merge.name));
	seen.answer = -EMFILE;
	fd = -7;
	assert_int_equal(accel_core_dmabuf_export_sync_file(5, 1, &fd), -EMFILE);
	assert_int_equal(accel_core_dmabuf_import_sync_file(5, 1, 9), -EMFILE);
	assert_int_equal(accel_core_sync_file_merge(3, 4, &fd), -EMFILE);
	assert_int_equal(fd, -7);
}

static void status(int whole, int expected)
{
	int got = 77;

	seen.status = whole;
	assert_int_equal(accel_core_sync_file_status(5, &got), 0);
	assert_int_equal(got, expected);
}

static void test_status(void **state)
{
	int got = 77, i;

	(void)state;
	for (i = 0; i < 12; i++)
		seen.fence_status[i] = 1;
	for (seen.fences = 1; seen.fences <= 12; seen.fences++) {
		status(0, 0);
		status(1, 1);
		status(-EIO, -EIO);
	}
	/* An error inside, which the whole hides: first, last and beyond what is looked at. */
	seen.fences = 8;
	seen.fence_status[0] = -ETIMEDOUT;
	status(1, -ETIMEDOUT);
	seen.fence_status[0] = 1;
	seen.fence_status[7] = -ECANCELED;
	status(1, -ECANCELED);
	status(0, 0); /* it has not ended */
	seen.fences = 7;
	status(1, 1);
	seen.fences = 9;
	status(1, 1);
	seen.answer = -ENOTTY;
	got = 77;
	assert_int_equal(accel_core_sync_file_status(5, &got), -ENOTTY);
	assert_int_equal(got, 77);
}

static int checks, check_answer;

static int check(void *data)
{
	assert_ptr_equal(data, &checks);
	checks++;
	return check_answer;
}

static void test_poll(void **state)
{
	int event = eventfd(0, EFD_CLOEXEC), closed;
	const int64_t soon = accel_core_sys.now() + 3000000;
	const uint64_t one = 1;

	(void)state;
	assert_int_equal(accel_core_poll_fd(event, 0, 1000, NULL, NULL), -ETIME);
	assert_int_equal(accel_core_poll_fd(event, soon, 1000000, check, &checks), -ETIME);
	assert_true(checks >= 1);
	assert_true(accel_core_sys.now() >= soon);
	check_answer = -ENODEV;
	assert_int_equal(accel_core_poll_fd(event, ACCEL_NO_DEADLINE, 1000, check, &checks),
			 -ENODEV);
	seam_fail(SEAM_POLL, 0, 5, -EINTR);
	assert_int_equal(accel_core_poll_fd(event, 0, 1000, NULL, NULL), -ETIME);
	seam_fail(SEAM_POLL, 0, 1, -ENOMEM);
	assert_int_equal(accel_core_poll_fd(event, far_off(), 1000, NULL, NULL), -ENOMEM);
	assert_int_equal(write(event, &one, 8), 8);
	seam_fail(SEAM_POLL, 0, 5, -EINTR);
	assert_int_equal(accel_core_poll_fd(event, far_off(), 1000, NULL, NULL), 0);
	assert_int_equal(accel_core_poll_fd(event, 0, 1000, NULL, NULL), 0);
	closed = event;
	close(event);
	assert_int_equal(accel_core_poll_fd(closed, far_off(), 1000, NULL, NULL), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_size),   TEST(test_sync), TEST(test_sync_files),
		TEST(test_status), TEST(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
