/* SPDX-License-Identifier: MIT */
/* park.c: files that stay open as long as somebody has a dma-buf of theirs. */
#include "support.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#define FDINFO "/proc/self/fdinfo/"
#define FDS    1024

/* What the kernel says of each descriptor: its users; 0: no word of them, -1: nothing at all. */
static int users[FDS];
static int (*open_as_before)(const char *path, int flags);

static int open_fdinfo(const char *path, int flags)
{
	char text[100];
	int fd, of;

	if (strncmp(path, FDINFO, strlen(FDINFO)))
		return open_as_before(path, flags);
	of = atoi(path + strlen(FDINFO));
	assert_in_range(of, 0, FDS - 1);
	if (users[of] < 0)
		return -ENOENT;
	if (users[of])
		snprintf(text, sizeof(text), "pos:\t0\nsize:\t4096\ncount:\t%d\nexp_name:\tdrm\n",
			 users[of]);
	else
		snprintf(text, sizeof(text), "pos:\t0\ndiscount:\t5\n");
	fd = memfd_create("fdinfo", MFD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	seam_install();
	open_as_before = accel_core_sys.open;
	accel_core_sys.open = open_fdinfo;
	memset(users, 0, sizeof(users));
	return 0;
}

static int a_file(void)
{
	const int fd = eventfd(0, EFD_CLOEXEC);

	assert_in_range(fd, 0, FDS - 1);
	users[fd] = 1;
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_users(void **state)
{
	const int fd = a_file();

	(void)state;
	assert_int_equal(accel_core_dmabuf_users(fd), 1);
	users[fd] = 12;
	assert_int_equal(accel_core_dmabuf_users(fd), 12);
	users[fd] = 0;
	assert_int_equal(accel_core_dmabuf_users(fd), -ENOENT);
	users[fd] = -1;
	assert_int_equal(accel_core_dmabuf_users(fd), -ENOENT);
	close(fd);
}

static void test_nobody_else(void **state)
{
	const int fd = a_file(), alone = a_file(), dmabufs[] = {a_file(), a_file()};

	(void)state;
	accel_core_park(fd, dmabufs, 2, false);
	assert_false(is_open(fd) || is_open(dmabufs[0]) || is_open(dmabufs[1]));
	accel_core_park(alone, NULL, 0, false);
	assert_false(is_open(alone));
	assert_int_equal(seam_live_memory(), 0);
}

/* The file goes with the last, whoever was first. */
static void test_until_the_last(void **state)
{
	const int fd = a_file(), dmabufs[] = {a_file(), a_file(), a_file()};

	(void)state;
	users[dmabufs[0]] = 2;
	users[dmabufs[2]] = 3;
	accel_core_park(fd, dmabufs, 3, false);
	assert_true(is_open(fd) && is_open(dmabufs[0]) && is_open(dmabufs[2]));
	users[dmabufs[0]] = 1;
	park_sweep();
	assert_true(is_open(fd) && is_open(dmabufs[2]));
	users[dmabufs[2]] = 1;
	park_sweep();
	assert_false(is_open(fd) || is_open(dmabufs[0]) || is_open(dmabufs[1]) ||
		     is_open(dmabufs[2]));
	assert_int_equal(seam_live_memory(), 0);
}

/* Not known is not none. */
static void test_not_known(void **state)
{
	const int fd = a_file(), dmabuf = a_file();

	(void)state;
	users[dmabuf] = -1;
	accel_core_park(fd, &dmabuf, 1, false);
	assert_true(is_open(fd) && is_open(dmabuf));
	users[dmabuf] = 0;
	park_sweep();
	assert_true(is_open(fd) && is_open(dmabuf));
	users[dmabuf] = 1;
	park_sweep();
	assert_false(is_open(fd) || is_open(dmabuf));
}

/* One file does not keep another, and parking one looks at all. */
static void test_several(void **state)
{
	const int kept = a_file(), its = a_file(), next = a_file(), third = a_file();

	(void)state;
	users[its] = 2;
	accel_core_park(kept, &its, 1, false);
	accel_core_park(next, NULL, 0, false);
	assert_true(is_open(kept));
	assert_false(is_open(next));
	users[its] = 1;
	accel_core_park(third, NULL, 0, false);
	assert_false(is_open(kept) || is_open(its) || is_open(third));
}

static void test_for_good(void **state)
{
	const int fd = a_file(), dmabuf = a_file();

	(void)state;
	accel_core_park(fd, &dmabuf, 1, true);
	park_sweep();
	assert_true(is_open(fd));
	assert_false(is_open(dmabuf));
}

/* Then it is open for ever, which does no harm. */
static void test_no_memory(void **state)
{
	const int fd = a_file(), dmabuf = a_file();
	const long before = seam_live_memory();

	(void)state;
	seam_fail(SEAM_ALLOC, 0, 1, -ENOMEM);
	accel_core_park(fd, &dmabuf, 1, false);
	park_sweep();
	assert_true(is_open(fd) && is_open(dmabuf));
	assert_int_equal(seam_live_memory(), before);
	close(fd);
	close(dmabuf);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_users),     TEST(test_nobody_else), TEST(test_until_the_last),
		TEST(test_not_known), TEST(test_several),     TEST(test_no_memory),
		TEST(test_for_good), /* last: it stays */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
