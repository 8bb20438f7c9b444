/* SPDX-License-Identifier: MIT */
/* bo.c, bo_cache.c, bo_table.c: buffers, those kept for reuse, those that have a name. */
#include "model.h"

#include <fcntl.h>
#include <sys/mman.h>

#define RW     (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)
#define DEVICE (ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define ALL    (RW | DEVICE)
#define PAGE   4096ull
#define MIB    (1ull << 20)

static int create(struct accel_context *context, uint32_t flags, uint64_t bytes, void *user,
		  const void *contents, struct accel_bo **out)
{
	struct accel_bo_params params = {
		.size = sizeof(params),
		.flags = flags,
		.bytes = bytes,
		.user = user,
		.contents = contents,
	};

	return accel_bo_create(context, &params, out);
}

static struct accel_bo_info info_of(struct accel_bo *bo)
{
	struct accel_bo_info info = {.size = sizeof(info)};

	assert_ok(accel_bo_get_info(bo, &info));
	return info;
}

static char *map(struct accel_bo *bo)
{
	void *ptr;

	assert_ok(accel_bo_map(bo, &ptr));
	return ptr;
}

/* ---- making ------------------------------------------------------------------------------- */

static void test_bad_arguments(void **state)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = ALL, .bytes = PAGE};
	struct accel_bo *bo = NULL;
	struct accel_context *context;
	char *pages;

	(void)state;
	model.answer[ACCEL_BO_BYTES_MAX] = 16 * MIB;
	context = model_open(MODEL_PUSH, 0);
	pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_fails(accel_bo_create(NULL, &params, &bo), -EINVAL);
	assert_fails(accel_bo_create(context, NULL, &bo), -EINVAL);
	assert_fails(accel_bo_create(context, &params, NULL), -EINVAL);
	params.size = 0;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	assert_fails(create(context, 0, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ACCEL_BO_SHARE, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ACCEL_BO_ZERO, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ACCEL_BO_DEVICE_LOCAL, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL | 1u << 8, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL | ACCEL_BO_IS_WC, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL | 1u << 31, PAGE, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, 0, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, 16 * MIB + 1, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, UINT64_MAX, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, PAGE, pages + 8, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, PAGE - 1, pages, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL | ACCEL_BO_ZERO, PAGE, pages, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, PAGE, pages, pages + PAGE, &bo), -EINVAL);
	assert_null(bo);
	assert_int_equal(model.bo_inits, 0); /* nothing of it reached the provider */
	assert_ok(create(context, ALL, 16 * MIB, NULL, NULL, &bo));
	accel_bo_unref(bo);
	munmap(pages, 4 * PAGE);
	accel_context_unref(context);
}

/* Sizes whose rounding overflows, of a device without a limit. */
static void test_sizes_near_the_end(void **state)
{
	struct accel_bo *bo = NULL;
	struct accel_context *context;
	uint64_t less;

	(void)state;
	model.answer[ACCEL_BO_BYTES_MAX] = -1; /* ~0 */
	model.answer[ACCEL_BO_GRANULE] = 65536;
	context = model_open(MODEL_PUSH, 0);
	model.bo_init_err = -ENOMEM;
	for (less = 0; less < 65535; less += 13)
		assert_fails(create(context, ALL, SIZE_MAX - less, NULL, NULL, &bo), -EINVAL);
	assert_fails(create(context, ALL, SIZE_MAX - 65535, NULL, NULL, &bo), -ENOMEM);
	assert_null(bo);
	accel_context_unref(context);
}

static void test_rounding(void **state)
{
	static const struct {
		uint64_t bytes, rounded;
	} cases[] = {
		{1, 64}, {63, 64}, {64, 64}, {65, 128}, {4096, 4096}, {4097, 4160},
	};
	struct accel_context *context;
	struct accel_bo *bo;
	size_t i;

	(void)state;
	model.answer[ACCEL_BO_GRANULE] = 64;
	context = model_open(MODEL_PUSH, 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bo = model_bo(context, ALL, cases[i].bytes);
		assert_true(info_of(bo).bytes == cases[i].rounded);
		assert_int_equal(info_of(bo).flags, ALL);
		bo->no_cache = true;
		accel_bo_unref(bo);
	}
	accel_context_unref(context);
}

static void test_contents(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo;

	(void)state;
	assert_ok(create(context, ALL, 5, NULL, "hello", &bo));
	assert_memory_equal(map(bo), "hello\0\0", 7);
	assert_int_equal(model.ends, 1); /* made visible to the device */
	accel_bo_unref(bo);
	/* The provider's memory isn't zero. */
	model.undefined = true;
	bo = model_bo(context, ALL | ACCEL_BO_ZERO, 2 * PAGE);
	assert_int_equal(info_of(bo).flags, ALL | ACCEL_BO_ZERO);
	assert_memory_equal(map(bo), "\0\0\0\0\0", 5);
	accel_bo_unref(bo);
	bo = model_bo(context, RW | ACCEL_BO_DEVICE_READ, PAGE);
	assert_true(info_of(bo).flags & ACCEL_BO_IS_UNDEFINED);
	accel_bo_unref(bo);
	assert_ok(create(context, RW | ACCEL_BO_DEVICE_WRITE, 3, NULL, "abc", &bo));
	assert_memory_equal(map(bo), "abc", 3);
	accel_bo_unref(bo);
	accel_context_unref(context);
}

static void test_user_memory(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo;
	char *pages;

	(void)state;
	pages = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ok(create(context, ALL, PAGE, pages, NULL, &bo));
	assert_ptr_equal(map(bo), pages);
	assert_int_equal(model.bo_maps, 0);
	accel_bo_unref(bo);
	assert_int_equal(model.bo_finis, 1); /* not kept: it's the caller's */
	pages[0] = 1;                        /* still mapped */
	munmap(pages, PAGE);
	accel_context_unref(context);
}

static void test_provider_errors(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_ext ext = {sizeof(ext), 1};
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = ALL, .bytes = 1, .ext = &ext};
	struct accel_bo *bo = NULL;

	(void)state;
	assert_fails(accel_bo_create(context, &params, &bo), -EINVAL);
	model.bo_init_err = -ENOSPC;
	assert_fails(create(context, ALL, 1, NULL, NULL, &bo), -ENOSPC);
	model.bo_init_err = 0;
	/* Filling it fails: what was made is undone, with a key and without, new or reused. */
	model.bo_map_err = -EIO;
	assert_fails(create(context, ALL, 1, NULL, "x", &bo), -EIO);
	assert_int_equal(model.bos, 0);
	model.key_at_init = true;
	assert_fails(create(context, ALL, 1, NULL, "x", &bo), -EIO);
	assert_int_equal(model.bos, 0);
	model.key_at_init = false;
	model.bo_map_err = 0;
	model.bo_end_err = -EIO;
	assert_fails(create(context, ALL, 1, NULL, "x", &bo), -EIO);
	assert_int_equal(model.bos, 0);
	accel_bo_unref(model_bo(context, ALL, 1));
	assert_int_equal(model.bos, 1);
	assert_fails(create(context, ALL, 1, NULL, "x", &bo), -EIO);
	assert_int_equal(model.bos, 0);
	assert_null(bo);
	accel_context_unref(context);
}

static void test_no_memory(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = NULL;
	int fd = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, PAGE), 0);
	seam_fail(SEAM_ALLOC, 0, 2, 1);
	assert_fails(create(context, ALL, 1, NULL, NULL, &bo), -ENOMEM);
	model.keys = 0;
	assert_fails(accel_bo_import(context, fd, ALL, &bo), -ENOMEM);
	assert_int_equal(model.keys, 0); /* it may be a handle, which nobody would close */
	assert_null(bo);
	seam_fail(SEAM_MMAP, 0, 1, -ENOMEM);
	assert_fails(create(context, ALL, 1, NULL, "x", &bo), -ENOMEM);
	close(fd);
	accel_context_unref(context);
}

/* ---- reuse -------------------------------------------------------------------------------- */

/* Whether the next buffer of this kind is a kept one. */
static bool is_reused(struct accel_context *context, uint32_t flags, uint64_t bytes)
{
	const uint32_t before = model.bo_inits;
	struct accel_bo *bo = model_bo(context, flags, bytes);
	bool reused = model.bo_inits == before;

	assert_int_equal(!!(info_of(bo).flags & ACCEL_BO_IS_UNDEFINED), reused);
	bo->no_cache = true; /* don't keep what was only asked for to see */
	accel_bo_unref(bo);
	return reused;
}

static void keep(struct accel_context *context, uint32_t flags, uint64_t bytes)
{
	accel_bo_unref(model_bo(context, flags, bytes));
}

static void test_reuse(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);

	(void)state;
	keep(context, ALL, 2 * PAGE);
	assert_int_equal(context->cache_count, 1);
	assert_true(context->cache_bytes == 2 * PAGE);
	/* Neither another size, smaller or larger, nor another use is served by it. */
	assert_false(is_reused(context, ALL, PAGE));
	assert_false(is_reused(context, ALL, 3 * PAGE));
	assert_false(is_reused(context, RW, 2 * PAGE));
	assert_false(is_reused(context, ALL | ACCEL_BO_COMMANDS, 2 * PAGE));
	assert_false(is_reused(context, ALL & ~ACCEL_BO_DEVICE_WRITE, 2 * PAGE));
	assert_int_equal(context->cache_count, 1);
	assert_true(is_reused(context, ALL, 2 * PAGE - 7)); /* rounds to the same */
	assert_int_equal(context->cache_count, 0);
	assert_true(context->cache_bytes == 0);
	assert_false(is_reused(context, ALL, 2 * PAGE));
	accel_context_unref(context);
}

static void test_reused_contents(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		bo = model_bo(context, ALL, PAGE);
		memset(map(bo), 'x', PAGE);
		accel_bo_unref(bo);
		assert_int_equal(context->cache_count, 1);
		bo = NULL;
		if (i == 0)
			bo = model_bo(context, ALL | ACCEL_BO_ZERO, PAGE);
		else if (i == 1)
			assert_ok(create(context, ALL, 2, NULL, "ab", &bo));
		else
			bo = model_bo(context, ALL, PAGE);
		assert_int_equal(context->cache_count, 0);
		assert_int_equal(info_of(bo).flags, i == 0   ? ALL | ACCEL_BO_ZERO
						    : i == 1 ? ALL
							     : ALL | ACCEL_BO_IS_UNDEFINED);
		assert_memory_equal(map(bo), i == 0 ? "\0\0\0" : i == 1 ? "abx" : "xxx", 3);
		assert_int_equal(map(bo)[PAGE - 1], i ? 'x' : 0);
		assert_int_equal(model.bo_inits, 1);
		assert_int_equal(model.bo_maps, 1); /* it stays mapped */
		accel_bo_unref(bo);
	}
	accel_context_unref(context);
}

/* What the CPU can't reach it can't clear. */
static void test_no_zeroes_without_cpu(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);

	(void)state;
	keep(context, DEVICE, PAGE);
	assert_false(is_reused(context, DEVICE | ACCEL_BO_ZERO, PAGE));
	assert_true(is_reused(context, DEVICE, PAGE));
	accel_context_unref(context);
}

static void test_not_kept(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo;

	(void)state;
	keep(context, ALL | ACCEL_BO_SHARE, PAGE);
	assert_int_equal(context->cache_count, 0);
	assert_ok(create(context, ALL | ACCEL_BO_COMMANDS, 2, NULL, "ab", &bo));
	accel_bo_unref(bo);
	assert_int_equal(context->cache_count, 0);
	keep(context, ALL, 64 * MIB + PAGE); /* too large to be worth it */
	assert_int_equal(context->cache_count, 0);
	keep(context, ALL, 64 * MIB);
	assert_int_equal(context->cache_count, 1);
	/* Nothing is kept of a context that is lost. */
	bo = model_bo(context, RW, PAGE);
	accel_core_context_set_state(context, ACCEL_CONTEXT_LOST);
	accel_bo_unref(bo);
	assert_int_equal(context->cache_count, 1);
	accel_context_unref(context);
}

/* The newest serves first; the oldest go when there are too many. */
static void test_order(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		bo[i] = model_bo(context, ALL, PAGE);
		*map(bo[i]) = (char)('a' + i);
	}
	for (i = 0; i < 3; i++)
		accel_bo_unref(bo[i]);
	for (i = 2; i >= 0; i--) {
		bo[i] = model_bo(context, ALL, PAGE);
		assert_int_equal(*map(bo[i]), 'a' + i);
	}
	for (i = 0; i < 3; i++)
		accel_bo_unref(bo[i]);
	assert_ok(accel_context_trim(context, 2 * PAGE));
	assert_int_equal(context->cache_count, 2);
	for (i = 2; i >= 1; i--) { /* 'a' was the oldest */
		bo[i] = model_bo(context, ALL, PAGE);
		assert_int_equal(*map(bo[i]), 'a' + i);
		bo[i]->no_cache = true;
		accel_bo_unref(bo[i]);
	}
	accel_context_unref(context);
}

static void test_limits(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo[300];
	int i;

	(void)state;
	for (i = 0; i < 300; i++)
		bo[i] = model_bo(context, ALL, PAGE);
	for (i = 0; i < 300; i++)
		accel_bo_unref(bo[i]);
	assert_int_equal(context->cache_count, 256);
	assert_int_equal(model.bos, 256);
	/* 256 MiB in all. */
	for (i = 0; i < 5; i++)
		bo[i] = model_bo(context, ALL, 64 * MIB);
	for (i = 0; i < 5; i++)
		accel_bo_unref(bo[i]);
	assert_true(context->cache_bytes <= 256 * MIB);
	assert_int_equal(context->cache_count, 4);
	assert_int_equal(model.bos, 4);
	assert_ok(accel_context_trim(context, 128 * MIB));
	assert_int_equal(context->cache_count, 2);
	assert_ok(accel_context_trim(context, 128 * MIB - 1));
	assert_int_equal(context->cache_count, 1);
	assert_ok(accel_context_trim(context, 0));
	assert_int_equal(context->cache_count, 0);
	assert_true(context->cache_bytes == 0);
	assert_int_equal(model.bos, 0);
	assert_ok(accel_context_trim(context, 0));
	accel_context_unref(context);
}

/* One context never sees what another has freed. */
static void test_per_context(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0), *other;

	(void)state;
	other = model_open(MODEL_PUSH, 0);
	keep(context, ALL, PAGE);
	assert_false(is_reused(other, ALL, PAGE));
	assert_true(is_reused(context, ALL, PAGE));
	accel_context_unref(other);
	keep(context, ALL, PAGE);
	accel_context_unref(context); /* and its own end frees what was kept */
	assert_int_equal(model.bos, 0);
}

/* A provider that gives a buffer its key from the beginning. */
static void test_reuse_with_key(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);

	(void)state;
	model.key_at_init = true;
	keep(context, ALL, PAGE);
	keep(context, ALL, PAGE);
	keep(context, ALL | ACCEL_BO_SHARE, PAGE);
	accel_context_unref(context);
}

/* ---- sharing ------------------------------------------------------------------------------ */

static void test_export_import(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = model_bo(context, ALL | ACCEL_BO_SHARE, PAGE), *same, *foreign;
	struct accel_context *other = model_open(MODEL_PUSH, 0);
	int fd, again;

	(void)state;
	assert_ok(accel_bo_export(bo, 0, &fd));
	assert_ok(accel_bo_export(bo, 0, &again));
	assert_true(fd != again);
	close(again);
	/* One's own comes back as the same object. */
	assert_ok(accel_bo_import(context, fd, ALL, &same));
	assert_ptr_equal(same, bo);
	assert_int_equal(bo->refs, 2);
	/* Of another context it is another object, with the same bytes, and one only. */
	assert_ok(accel_bo_import(other, fd, RW, &foreign));
	assert_true(foreign != bo);
	assert_int_equal(info_of(foreign).flags, RW | ACCEL_BO_IS_IMPORTED);
	assert_true(info_of(foreign).bytes == PAGE);
	assert_ok(accel_bo_import(other, fd, ALL, &same));
	assert_ptr_equal(same, foreign);
	assert_int_equal(info_of(foreign).flags, RW | ACCEL_BO_IS_IMPORTED);
	close(fd);
	strcpy(map(bo), "shared");
	assert_string_equal(map(foreign), "shared");
	accel_bo_unref(foreign);
	accel_bo_unref(foreign);
	assert_int_equal(model.bo_finis, 1); /* not kept */
	accel_bo_unref(bo);
	assert_string_equal(map(bo), "shared");
	accel_bo_unref(bo);
	assert_int_equal(model.bo_finis, 2);
	assert_true(list_empty(&context->shared) && list_empty(&other->shared));
	accel_context_unref(other);
	accel_context_unref(context);
}

/* Released and imported anew: it must be a new object with a handle that is open. */
static void test_import_again(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	int fd = memfd_create("other", MFD_CLOEXEC), i;
	struct accel_bo *bo;

	(void)state;
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	for (i = 1; i <= 3; i++) {
		assert_ok(accel_bo_import(context, fd, ALL, &bo));
		assert_int_equal(model.bos, 1);
		assert_true(info_of(bo).bytes == 2 * PAGE);
		accel_bo_unref(bo);
		assert_int_equal(model.bos, 0);
		assert_int_equal(model.bo_finis, i);
	}
	close(fd);
	accel_context_unref(context);
}

static void test_sharing_errors(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = model_bo(context, ALL, PAGE), *shared, *got = NULL;
	int fd = memfd_create("other", MFD_CLOEXEC), out = -7;

	(void)state;
	assert_fails(accel_bo_export(bo, 0, &out), -EINVAL); /* made without SHARE */
	assert_fails(accel_bo_export(NULL, 0, &out), -EINVAL);
	shared = model_bo(context, ALL | ACCEL_BO_SHARE, PAGE);
	assert_fails(accel_bo_export(shared, 1, &out), -EINVAL);
	assert_fails(accel_bo_export(shared, 0, NULL), -EINVAL);
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_bo_export(shared, 0, &out), -EMFILE);
	assert_int_equal(out, -7);
	assert_true(list_empty(&context->shared));
	assert_fails(accel_bo_import(context, fd, ALL, &got), -EINVAL); /* of no size */
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_fails(accel_bo_import(NULL, fd, ALL, &got), -EINVAL);
	assert_fails(accel_bo_import(context, fd, ALL, NULL), -EINVAL);
	assert_fails(accel_bo_import(context, fd, 0, &got), -EINVAL);
	assert_fails(accel_bo_import(context, fd, ALL | ACCEL_BO_COMMANDS, &got), -EINVAL);
	assert_fails(accel_bo_import(context, fd, ACCEL_BO_ZERO, &got), -EINVAL);
	assert_fails(accel_bo_import(context, -1, ALL, &got), -EBADF);
	model.bo_import_err = -EOPNOTSUPP;
	assert_fails(accel_bo_import(context, fd, ALL, &got), -EOPNOTSUPP);
	model.bo_import_err = 0;
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_bo_import(context, fd, ALL, &got), -EMFILE);
	assert_null(got);
	assert_true(list_empty(&context->shared));
	assert_ok(accel_bo_import(context, fd, ALL, &got));
	assert_fails(accel_bo_export(got, 0, &out), -EINVAL); /* imported */
	close(fd);
	accel_bo_unref(got);
	accel_bo_unref(bo);
	accel_bo_unref(shared);
	accel_context_unref(context);
}

/* Another's buffer may be larger than the address space here: never mapped in part. */
static void test_map_beyond_addresses(void **state)
{
	const uint64_t bytes = (UINT64_C(4) << 30) + PAGE;
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	int fd = memfd_create("other", MFD_CLOEXEC);
	struct accel_bo *bo;
	void *map = NULL;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	assert_ok(accel_bo_import(context, fd, ALL, &bo));
	assert_true(info_of(bo).bytes == bytes);
	if (bytes > SIZE_MAX) {
		assert_fails(accel_bo_map(bo, &map), -ENOMEM);
		assert_null(map);
	} else {
		assert_ok(accel_bo_map(bo, &map));
		assert_int_equal(((char *)map)[(size_t)bytes - 1], 0);
	}
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(context);
}

#define ROUNDS 3000

struct race {
	struct accel_context *context;
	int fd;
};

static int import_and_release(void *arg)
{
	struct race *race = arg;
	struct accel_bo *bo;
	int i, ret;

	for (i = 0; i < ROUNDS; i++) {
		ret = accel_bo_import(race->context, race->fd, ALL, &bo);
		if (ret)
			return ret;
		accel_bo_unref(bo);
	}
	return 0;
}

/* Looking up, importing and closing exclude each other: the model counts double closes. */
static void test_import_race(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct race race = {context, memfd_create("other", MFD_CLOEXEC)};
	struct task task[3];
	int i;

	(void)state;
	assert_int_equal(ftruncate(race.fd, PAGE), 0);
	for (i = 0; i < 3; i++)
		task_start(&task[i], import_and_release, &race);
	for (i = 0; i < 3; i++)
		assert_int_equal(task_join(&task[i]), 0);
	assert_int_equal(model.bos, 0);
	close(race.fd);
	accel_context_unref(context);
}

static int create_and_release(void *arg)
{
	struct accel_bo *bo;
	int i, ret;

	for (i = 0; i < ROUNDS; i++) {
		ret = create(arg, ALL, PAGE, NULL, NULL, &bo);
		if (ret)
			return ret;
		accel_bo_unref(bo);
	}
	return 0;
}

static void test_reuse_race(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct task task[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		task_start(&task[i], create_and_release, context);
	for (i = 0; i < 3; i++)
		assert_int_equal(task_join(&task[i]), 0);
	assert_in_range(model.bo_inits, 1, 3);
	accel_context_unref(context);
}

/* ---- looking and mapping ------------------------------------------------------------------ */

static void test_map(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = model_bo(context, ALL, PAGE),
			*hidden = model_bo(context, DEVICE, PAGE);
	struct accel_bo *readable = model_bo(context, ACCEL_BO_CPU_READ, PAGE);
	struct accel_bo_info info = {.size = 0};
	void *ptr = NULL;
	uint64_t address;
	const long before = seam_live_maps();

	(void)state;
	assert_fails(accel_bo_map(NULL, &ptr), -EINVAL);
	assert_fails(accel_bo_map(bo, NULL), -EINVAL);
	assert_fails(accel_bo_map(hidden, &ptr), -EACCES);
	model.bo_map_err = -ENOMEM;
	assert_fails(accel_bo_map(bo, &ptr), -ENOMEM);
	assert_null(ptr);
	model.bo_map_err = 0;
	ptr = map(bo);
	assert_ptr_equal(map(bo), ptr);
	assert_int_equal(model.bo_maps, 1);
	map(readable);
	assert_int_equal(seam_live_maps(), before + 2);
	bo->no_cache = true;
	accel_bo_unref(bo);
	assert_int_equal(seam_live_maps(), before + 1);
	assert_fails(accel_bo_get_info(NULL, &info), -EINVAL);
	assert_fails(accel_bo_get_info(hidden, &info), -EINVAL);
	assert_fails(accel_bo_address(NULL, &address), -EINVAL);
	assert_fails(accel_bo_address(hidden, NULL), -EINVAL);
	assert_fails(accel_bo_address(hidden, &address), -EOPNOTSUPP);
	assert_null(accel_bo_ref(NULL));
	accel_bo_unref(NULL);
	accel_bo_unref(hidden);
	accel_bo_unref(readable);
	accel_context_unref(context);
}

static int map_it(void *arg)
{
	void *ptr;
	int ret = accel_bo_map(arg, &ptr);

	return ret ? ret : *(char *)ptr;
}

static void test_map_race(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo;
	struct task task[2];
	int i, round;

	(void)state;
	model.bo_map_slow = true;
	for (round = 0; round < 30; round++) {
		bo = model_bo(context, ALL, PAGE);
		bo->no_cache = true;
		for (i = 0; i < 2; i++)
			task_start(&task[i], map_it, bo);
		for (i = 0; i < 2; i++)
			assert_int_equal(task_join(&task[i]), 0);
		accel_bo_unref(bo);
	}
	accel_context_unref(context);
}

/* ---- access ------------------------------------------------------------------------------- */

static void test_access_arguments(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = model_bo(context, ALL, PAGE);
	struct accel_bo *reads = model_bo(context, ACCEL_BO_CPU_READ, PAGE);
	static const struct {
		uint32_t flags;
		uint64_t offset, bytes;
	} bad[] = {
		{0, 0, 1},          {4, 0, 1},          {3, 0, 0},        {3, 0, PAGE + 1},
		{3, PAGE, 1},       {3, PAGE + 1, 1},   {3, 1, PAGE},     {3, UINT64_MAX, 1},
		{3, UINT64_MAX, 2}, {3, 1, UINT64_MAX}, {3, PAGE - 1, 2}, {3, 2, UINT64_MAX - 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_fails(
			accel_bo_begin_access(bo, bad[i].flags, bad[i].offset, bad[i].bytes, 0),
			-EINVAL);
		assert_fails(accel_bo_end_access(bo, bad[i].flags, bad[i].offset, bad[i].bytes),
			     -EINVAL);
	}
	assert_fails(accel_bo_begin_access(NULL, 3, 0, 1, 0), -EINVAL);
	assert_fails(accel_bo_end_access(NULL, 3, 0, 1), -EINVAL);
	assert_fails(accel_bo_begin_access(reads, ACCEL_ACCESS_WRITE, 0, 1, 0), -EACCES);
	assert_fails(accel_bo_begin_access(reads, 3, 0, 1, 0), -EACCES);
	assert_fails(accel_bo_end_access(reads, ACCEL_ACCESS_WRITE, 0, 1), -EACCES);
	assert_int_equal(model.begins + model.ends, 0);
	assert_ok(accel_bo_begin_access(reads, ACCEL_ACCESS_READ, 0, 1, 0));
	assert_ok(accel_bo_begin_access(bo, 3, 0, PAGE, 0));
	assert_ok(accel_bo_begin_access(bo, 3, PAGE - 1, 1, 0));
	assert_ok(accel_bo_end_access(bo, 3, PAGE - 1, 1));
	assert_int_equal(model.begins, 3);
	assert_int_equal(model.ends, 1);
	accel_bo_unref(bo);
	accel_bo_unref(reads);
	accel_context_unref(context);
}

static int begin_it(void *arg)
{
	return accel_bo_begin_access(arg, ACCEL_ACCESS_READ, 0, 1, far_off());
}

/* All jobs that use it must have ended, whatever their queue, role and outcome. */
static void access_waits(enum model_kind kind)
{
	struct accel_context *context = model_open(kind, 0);
	struct accel_bo *bo = model_bo(context, ALL, PAGE), *other = model_bo(context, ALL, PAGE);
	struct accel_bo *code = model_bo(context, ALL | ACCEL_BO_COMMANDS, PAGE);
	struct accel_queue *queue[3];
	struct accel_job_params params = {.size = sizeof(params), .commands = code, .bytes = PAGE};
	struct accel_job *job[4];
	struct task task;
	int i;

	for (i = 0; i < 3; i++)
		queue[i] = model_queue(context, 4);
	job[0] = model_job(queue[0], other, NULL);
	job[1] = model_job(queue[1], other, bo, NULL);
	job[2] = model_job(queue[1], bo, NULL);
	assert_ok(accel_job_create(queue[2], &params, &job[3]));
	for (i = 0; i < 4; i++)
		assert_gives(accel_submit(job[i]->queue, &job[i], 1, NULL, NULL), 1);
	assert_gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0), -ETIME);
	assert_gives(accel_bo_begin_access(other, ACCEL_ACCESS_WRITE, 0, 1, 0), -ETIME);
	assert_gives(accel_bo_begin_access(code, ACCEL_ACCESS_WRITE, 0, 1, 0), -ETIME);
	assert_gives(accel_bo_begin_access(bo, 1, 0, 1, accel_core_sys.now() + 1000), -ETIME);
	assert_int_equal(model.begins, 0);
	seam_forget();
	task_start(&task, begin_it, bo);
	if (kind == MODEL_PULL)
		model_await_waiting(1);
	else
		seam_await(SEAM_FUTEX_WAIT, 1);
	model_end(job[1], ACCEL_DONE);
	assert_gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0), -ETIME);
	assert_false(task.done);
	model_end(job[2], ACCEL_FAILED);
	assert_int_equal(task_join(&task), 0);
	assert_ok(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, 1, 0));
	/* Others are still in use. */
	assert_gives(accel_bo_begin_access(other, ACCEL_ACCESS_READ, 0, 1, 0), -ETIME);
	assert_gives(accel_bo_begin_access(code, ACCEL_ACCESS_WRITE, 0, 1, 0), -ETIME);
	model_end(job[0], ACCEL_CANCELED);
	model_end(job[3], ACCEL_DONE);
	assert_ok(accel_bo_begin_access(other, ACCEL_ACCESS_READ, 0, 1, 0));
	assert_ok(accel_bo_begin_access(code, ACCEL_ACCESS_WRITE, 0, 1, 0));
	for (i = 0; i < 4; i++)
		accel_job_unref(job[i]);
	for (i = 0; i < 3; i++)
		accel_queue_unref(queue[i]);
	accel_bo_unref(bo);
	accel_bo_unref(other);
	accel_bo_unref(code);
	accel_context_unref(context);
}

static void test_access_waits_push(void **state)
{
	(void)state;
	access_waits(MODEL_PUSH);
}

static void test_access_waits_pull(void **state)
{
	(void)state;
	access_waits(MODEL_PULL);
}

/* A buffer outlives its owner's interest as long as a job uses it, and isn't reused before. */
static void test_busy_is_kept(void **state)
{
	struct accel_context *context = model_open(MODEL_PUSH, 0);
	struct accel_bo *bo = model_bo(context, ALL, PAGE);
	struct accel_queue *queue = model_queue(context, 4);
	struct accel_job *job = model_job(queue, bo, NULL);

	(void)state;
	accel_bo_unref(bo);
	assert_gives(accel_submit(queue, &job, 1, NULL, NULL), 1);
	assert_false(is_reused(context, ALL, PAGE));
	model_end(job, ACCEL_DONE);
	assert_false(is_reused(context, ALL, PAGE)); /* the job may run again */
	accel_job_unref(job);
	assert_true(is_reused(context, ALL, PAGE));
	accel_queue_unref(queue);
	accel_context_unref(context);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bad_arguments),
		TEST(test_sizes_near_the_end),
		TEST(test_rounding),
		TEST(test_contents),
		TEST(test_user_memory),
		TEST(test_provider_errors),
		TEST(test_no_memory),
		TEST(test_reuse),
		TEST(test_reused_contents),
		TEST(test_no_zeroes_without_cpu),
		TEST(test_not_kept),
		TEST(test_order),
		TEST(test_limits),
		TEST(test_per_context),
		TEST(test_reuse_with_key),
		TEST(test_export_import),
		TEST(test_import_again),
		TEST(test_map_beyond_addresses),
		TEST(test_sharing_errors),
		TEST(test_import_race),
		TEST(test_reuse_race),
		TEST(test_map),
		TEST(test_map_race),
		TEST(test_access_arguments),
		TEST(test_access_waits_push),
		TEST(test_access_waits_pull),
		TEST(test_busy_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
