/* SPDX-License-Identifier: MIT */
/* soft's buffers: what they are made of, and what may be imported. */
#define _GNU_SOURCE
#include "soft_test.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_WRITE \
	(ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define READ (ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ)

static struct accel_context *context;
static size_t page;

static int setup(void **state)
{
	(void)state;
	context = open_soft();
	page = (size_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accel_context_unref(context);
	return 0;
}

static int sealed_memfd(size_t bytes, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	OK(ftruncate(fd, (off_t)bytes));
	OK(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static void refuse(int fd, uint32_t flags, int expected)
{
	struct accel_bo *bo = NULL;

	assert_int_equal(accel_bo_import(context, fd, flags, &bo), expected);
	assert_null(bo);
}

static void test_import_refused(void **state)
{
	int fd, pipes[2];

	(void)state;
	refuse(-1, READ_WRITE, -EBADF);
	refuse(1000000, READ_WRITE, -EBADF);
	fd = sealed_memfd(page, 0);
	refuse(fd, READ_WRITE, -EINVAL);
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	refuse(fd, READ_WRITE, -EINVAL);
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE));
	refuse(fd, READ_WRITE, -EACCES);
	close(fd);
	fd = sealed_memfd(0, F_SEAL_SHRINK);
	refuse(fd, READ_WRITE, -EINVAL);
	close(fd);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	refuse(fd, READ, -EINVAL);
	close(fd);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	refuse(fd, READ_WRITE, -EINVAL);
	close(fd);
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	refuse(fd, READ, -EINVAL);
	close(fd);
	fd = eventfd(0, EFD_CLOEXEC);
	refuse(fd, READ_WRITE, -EINVAL);
	close(fd);
	OK(pipe2(pipes, O_CLOEXEC));
	refuse(pipes[0], READ, -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_import(void **state)
{
	int fd = sealed_memfd(page + 100, F_SEAL_SHRINK), again;
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bo, *same;
	char *map, *mine;

	(void)state;
	again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	OK(accel_bo_import(context, fd, READ_WRITE, &bo));
	OK(accel_bo_import(context, again, READ, &same));
	assert_ptr_equal(bo, same);
	close(again);
	OK(accel_bo_get_info(bo, &info));
	assert_true(info.bytes == page + 100);
	assert_true(info.flags & ACCEL_BO_IS_IMPORTED);
	OK(accel_bo_map(bo, (void **)&map));
	mine = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(mine != MAP_FAILED);
	map[page + 99] = 42;
	assert_int_equal(mine[page + 99], 42);
	munmap(mine, 2 * page);
	close(fd);
	accel_bo_unref(bo);
	map[0] = 1;
	assert_int_equal(map[page + 99], 42);
	accel_bo_unref(same);

	/* Memory that may only be read. */
	fd = sealed_memfd(page, F_SEAL_SHRINK | F_SEAL_WRITE);
	OK(accel_bo_import(context, fd, READ, &bo));
	close(fd);
	OK(accel_bo_map(bo, (void **)&map));
	assert_int_equal(map[0], 0);
	accel_bo_unref(bo);
}

static void test_export(void **state)
{
	struct accel_context *other = open_soft();
	struct accel_bo *bo, *same, *far;
	char *map, *far_map;
	int fd, fd2;

	(void)state;
	bo = make_bo(context, 3 * page, ACCEL_BO_SHARE, (void **)&map);
	map[2 * page] = 7;
	OK(accel_bo_export(bo, 0, &fd));
	OK(accel_bo_export(bo, 0, &fd2));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	OK(accel_bo_import(context, fd, READ_WRITE, &same));
	assert_ptr_equal(same, bo);
	accel_bo_unref(same);
	OK(accel_bo_import(context, fd2, READ_WRITE, &same));
	assert_ptr_equal(same, bo);
	accel_bo_unref(same);
	OK(accel_bo_import(other, fd, READ_WRITE, &far));
	assert_ptr_not_equal(far, bo);
	OK(accel_bo_map(far, (void **)&far_map));
	assert_int_equal(far_map[2 * page], 7);
	far_map[0] = 9;
	assert_int_equal(map[0], 9);
	/* Nobody can take the memory away. */
	assert_true(ftruncate(fd, 0) < 0);
	accel_bo_unref(bo);
	assert_int_equal(far_map[2 * page], 7);
	/* The first object is gone, its descriptor makes another. */
	OK(accel_bo_import(context, fd2, READ_WRITE, &bo));
	OK(accel_bo_map(bo, (void **)&map));
	assert_int_equal(map[0], 9);
	assert_int_equal(accel_bo_export(bo, 0, &fd), -EINVAL);
	accel_bo_unref(bo);
	accel_bo_unref(far);
	close(fd);
	close(fd2);
	accel_context_unref(other);
}

static int create_user(void *user, uint64_t bytes, uint32_t flags, struct accel_bo **bo)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = bytes, .user = user};

	return accel_bo_create(context, &params, bo);
}

static void test_user(void **state)
{
	char *memory =
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_bo *bo = NULL;
	char *map;

	(void)state;
	assert_true(memory != MAP_FAILED);
	OK(create_user(memory, 3 * page, READ_WRITE, &bo));
	OK(accel_bo_map(bo, (void **)&map));
	assert_ptr_equal(map, memory);
	accel_bo_unref(bo);
	memory[0] = 1; /* still ours */
	bo = NULL;
	assert_int_equal(create_user(memory, 3 * page, READ_WRITE | ACCEL_BO_SHARE, &bo),
			 -EOPNOTSUPP);
	assert_null(bo);
	munmap(memory, 3 * page);
}

static void test_bad_user(void **state)
{
	char *memory =
		mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct accel_bo *bo = NULL;

	(void)state;
	assert_true(memory != MAP_FAILED);
	OK(munmap(memory + 3 * page, page));
	/* qemu-user takes every advice for good, without a look at the memory. */
	if (!madvise(memory + 3 * page, page, MADV_WILLNEED))
		skip();
	OK(mprotect(memory + page, page, PROT_READ));
	assert_int_equal(create_user(memory, 3 * page, READ_WRITE, &bo), -EFAULT);
	OK(create_user(memory, 3 * page, READ, &bo));
	accel_bo_unref(bo);
	bo = NULL;
	OK(munmap(memory + page, page));
	assert_int_equal(create_user(memory, 3 * page, READ, &bo), -EFAULT);
	assert_int_equal(create_user(memory, 3 * page, READ_WRITE, &bo), -EFAULT);
	assert_null(bo);
	munmap(memory, 3 * page);
}

static void test_create(void **state)
{
	struct accel_ext ext = {sizeof(ext), 1};
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = READ_WRITE, .bytes = 1, .ext = &ext};
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bo = NULL, *all[8];
	unsigned int count = 0;
	uint64_t max;
	int err;

	(void)state;
	assert_int_equal(accel_bo_create(context, &params, &bo), -EINVAL);
	params.ext = NULL;
	params.flags |= ACCEL_BO_DEVICE_LOCAL;
	assert_int_equal(accel_bo_create(context, &params, &bo), -EOPNOTSUPP);
	OK(accel_query(context, ACCEL_BO_BYTES_MAX, &max));
	params.flags = READ_WRITE;
	params.bytes = max;
	/* A quarter of the addresses: 32 bits have some of these. */
	do {
		err = accel_bo_create(context, &params, &all[count]);
	} while (!err && ++count < sizeof(all) / sizeof(all[0]));
	assert_int_equal(err, -ENOMEM);
	params.flags |= ACCEL_BO_SHARE;
	assert_int_equal(accel_bo_create(context, &params, &bo), -ENOMEM);
	assert_null(bo);
	while (count)
		accel_bo_unref(all[--count]);
	params.bytes = 1;
	OK(accel_bo_create(context, &params, &bo));
	OK(accel_bo_get_info(bo, &info));
	assert_true(info.bytes == page);
	accel_bo_unref(bo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),   cmocka_unit_test(test_user),
		cmocka_unit_test(test_bad_user), cmocka_unit_test(test_import_refused),
		cmocka_unit_test(test_import),   cmocka_unit_test(test_export),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
