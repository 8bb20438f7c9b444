/* SPDX-License-Identifier: MIT */
/* drm.c: what every node understands, against a node that is made up here. */
#include "support.h"

#include <drm.h>
#include <fcntl.h>
#include <sys/mman.h>

static struct {
	unsigned long request;
	union {
		struct drm_version version;
		struct drm_gem_close close;
		struct drm_prime_handle prime;
	} arg;
	int interrupts; /* EINTR so often before the answer */
	int answer;
	const char *name; /* of DRM_IOCTL_VERSION */
	unsigned long times;
} seen;

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	size_t length;

	assert_int_equal(fd, 77);
	seen.times++;
	seen.request = request;
	memcpy(&seen.arg, arg, _IOC_SIZE(request));
	if (seen.interrupts) {
		seen.interrupts--;
		return -EINTR;
	}
	if (seen.answer)
		return seen.answer;
	if (request == DRM_IOCTL_VERSION) {
		struct drm_version *version = arg;

		length = strlen(seen.name);
		memcpy(version->name, seen.name,
		       length < version->name_len ? length : version->name_len);
		version->name_len = length;
		version->version_major = 1;
		version->version_minor = 2;
		version->version_patchlevel = 3;
	} else if (request == DRM_IOCTL_PRIME_HANDLE_TO_FD) {
		((struct drm_prime_handle *)arg)->fd = 55;
	} else if (request == DRM_IOCTL_PRIME_FD_TO_HANDLE) {
		((struct drm_prime_handle *)arg)->handle = 0xffffffff;
	}
	return 0;
}

static int setup(void **state)
{
	(void)state;
	seam_install();
	accel_core_sys.ioctl = fake_ioctl;
	memset(&seen, 0, sizeof(seen));
	seen.name = "driver";
	return 0;
}

static void test_ioctl(void **state)
{
	struct drm_gem_close ask = {.handle = 1};

	(void)state;
	seen.interrupts = 5;
	assert_int_equal(accel_core_ioctl(77, DRM_IOCTL_GEM_CLOSE, &ask), 0);
	assert_int_equal(seen.times, 6);
	/* A full queue is the caller's to wait for. */
	seen.times = 0;
	seen.answer = -EAGAIN;
	assert_int_equal(accel_core_ioctl(77, DRM_IOCTL_GEM_CLOSE, &ask), -EAGAIN);
	assert_int_equal(seen.times, 1);
}

static void test_version(void **state)
{
	char name[8];
	int version[3];

	(void)state;
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), 0);
	assert_string_equal(name, "driver");
	assert_true(version[0] == 1 && version[1] == 2 && version[2] == 3);
	assert_true(seen.arg.version.name_len <= 8);
	seen.name = "seven77";
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), 0);
	assert_string_equal(name, "seven77");
	seen.name = "eight888";
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), -ENAMETOOLONG);
	seen.name = "much longer than it has room for";
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), -ENAMETOOLONG);
	seen.name = "";
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), 0);
	assert_string_equal(name, "");
	seen.answer = -ENOTTY;
	assert_int_equal(accel_core_drm_version(77, name, sizeof(name), version), -ENOTTY);
}

static void test_gem(void **state)
{
	uint32_t handle = 9;
	int fd = -7;

	(void)state;
	assert_int_equal(accel_core_gem_close(77, 5), 0);
	assert_true(seen.request == DRM_IOCTL_GEM_CLOSE);
	assert_int_equal(seen.arg.close.handle, 5);
	assert_int_equal(seen.arg.close.pad, 0);
	assert_int_equal(accel_core_prime_export(77, 6, &fd), 0);
	assert_int_equal(fd, 55);
	assert_true(seen.request == DRM_IOCTL_PRIME_HANDLE_TO_FD);
	assert_int_equal(seen.arg.prime.handle, 6);
	assert_true(seen.arg.prime.flags == (O_CLOEXEC | O_RDWR));
	assert_int_equal(accel_core_prime_import(77, 8, &handle), 0);
	assert_true(handle == 0xffffffff);
	assert_true(seen.request == DRM_IOCTL_PRIME_FD_TO_HANDLE);
	assert_int_equal(seen.arg.prime.fd, 8);
	seen.answer = -EINVAL;
	handle = 9;
	fd = -7;
	assert_int_equal(accel_core_gem_close(77, 5), -EINVAL);
	assert_int_equal(accel_core_prime_export(77, 6, &fd), -EINVAL);
	assert_int_equal(accel_core_prime_import(77, 8, &handle), -EINVAL);
	assert_true(fd == -7 && handle == 9);
}

static struct {
	size_t bytes;
	int prot, flags, fd, answer;
	uint64_t offset;
} mapped;

static int fake_mmap(size_t bytes, int prot, int flags, int fd, uint64_t offset, void **out)
{
	mapped.bytes = bytes;
	mapped.prot = prot;
	mapped.flags = flags;
	mapped.fd = fd;
	mapped.offset = offset;
	if (!mapped.answer)
		*out = &mapped;
	return mapped.answer;
}

static void test_map(void **state)
{
	void *ptr = NULL;

	(void)state;
	accel_core_sys.mmap = fake_mmap;
	assert_int_equal(accel_core_map(77, 0x123456789000, 4096, PROT_READ, &ptr), 0);
	assert_ptr_equal(ptr, &mapped);
	assert_true(mapped.offset == 0x123456789000 && mapped.bytes == 4096 && mapped.fd == 77);
	assert_true(mapped.prot == PROT_READ && mapped.flags == MAP_SHARED);
	ptr = NULL;
	mapped.answer = -EAGAIN;
	assert_int_equal(accel_core_map(77, 0, 4096, PROT_READ, &ptr), -ENOMEM);
	mapped.answer = -EACCES;
	assert_int_equal(accel_core_map(77, 0, 4096, PROT_READ, &ptr), -EACCES);
	assert_null(ptr);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ioctl),
		TEST(test_version),
		TEST(test_gem),
		TEST(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
