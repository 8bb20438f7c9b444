/* SPDX-License-Identifier: MIT */
/* Buffers: how they are made, what they begin with, how they are mapped. */
#include "conformance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int call_create(void *arg, const void *params)
{
	struct accel_bo *bo = untouched();
	int err;

	err = accel_bo_create(arg, params, &bo);
	if (err)
		is_untouched(bo);
	else
		accel_bo_unref(bo);
	return err;
}

static struct accel_bo_params data_params(uint64_t bytes)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA_FLAGS};

	params.bytes = bytes;
	return params;
}

static void params_of_wrong_size_are_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);

	check_in_sizes(call_create, ctx, &params, sizeof(params));
	accel_context_unref(ctx);
}

static void params_may_be_of_a_newer_header(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);

	check_in_tail(call_create, ctx, &params, sizeof(params));
	accel_context_unref(ctx);
}

/* Up to bytes; what follows counts as zero, whatever is there. */
static void params_may_be_of_an_older_header(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);

	params.size = offsetof(struct accel_bo_params, user);
	params.user = untouched();
	params.contents = untouched();
	params.ext = untouched();
	gives(call_create(ctx, &params), 0);
	accel_context_unref(ctx);
}

static void null_is_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);

	fails(call_create(NULL, &params), -EINVAL);
	fails(call_create(ctx, NULL), -EINVAL);
	fails(accel_bo_create(ctx, &params, NULL), -EINVAL);
	accel_context_unref(ctx);
}

static void unknown_flags_are_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);
	unsigned int bit;

	for (bit = 8; bit < 32; bit++) {
		params.flags = DATA_FLAGS | 1u << bit;
		fails(call_create(ctx, &params), -EINVAL);
	}
	accel_context_unref(ctx);
}

/* At least one of the first five must be there. */
static void no_use_is_refused(void)
{
	static const uint32_t flags[] = {0, ACCEL_BO_ZERO, ACCEL_BO_SHARE,
					 ACCEL_BO_SHARE | ACCEL_BO_ZERO};
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		params.flags = flags[i];
		fails(call_create(ctx, &params), -EINVAL);
	}
	accel_context_unref(ctx);
}

static void struct_of_another_driver_is_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);
	struct accel_ext ext = {sizeof(ext), 0xdead0002u};

	params.ext = &ext;
	fails(call_create(ctx, &params), -EINVAL);
	ext.size = 4;
	fails(call_create(ctx, &params), -EINVAL);
	accel_context_unref(ctx);
}

/* ---- sizes ---------------------------------------------------------------------------- */

static void size_zero_is_refused(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(0);

	fails(call_create(ctx, &params), -EINVAL);
	params.flags |= ACCEL_BO_ZERO;
	fails(call_create(ctx, &params), -EINVAL);
	accel_context_unref(ctx);
}

/* Sizes that overflow when they are rounded up. Beyond the maximum -EINVAL, within it there
 * can be no memory. */
static void sizes_near_two_to_the_64_are_refused(void)
{
	static const uint64_t sizes[] = {~0ull,        ~0ull - 1,  ~0ull - 4094,    ~0ull - 4095,
					 ~0ull - 4096, 1ull << 63, (1ull << 63) - 1};
	struct accel_context *ctx = open_context();
	uint64_t max = device_fact(ACCEL_BO_BYTES_MAX);
	struct accel_bo_params params;
	size_t i;
	int err;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		params = data_params(sizes[i]);
		err = call_create(ctx, &params);
		if (sizes[i] > max || err != -ENOMEM)
			gives(err, -EINVAL);
		params.flags |= ACCEL_BO_ZERO;
		err = call_create(ctx, &params);
		if (sizes[i] > max || err != -ENOMEM)
			gives(err, -EINVAL);
	}
	accel_context_unref(ctx);
}

static void size_beyond_the_maximum_is_refused(void)
{
	struct accel_context *ctx = open_context();
	uint64_t max = device_fact(ACCEL_BO_BYTES_MAX);
	struct accel_bo_params params;

	if (max == ~0ull)
		skip_check("the device knows no maximum");
	params = data_params(max + 1);
	fails(call_create(ctx, &params), -EINVAL);
	accel_context_unref(ctx);
}

static void sizes_round_up_to_the_granule(void)
{
	static const uint64_t sizes[] = {1,    2,    3,    63,    64,    65,
					 4095, 4096, 4097, 65535, 65537, 1000003};
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	uint64_t granule = device_fact(ACCEL_BO_GRANULE);
	struct accel_bo *bo;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		bo = make_bo(ctx, DATA_FLAGS, sizes[i]);
		gives(accel_bo_get_info(bo, &info), 0);
		expect(info.bytes >= sizes[i]);
		if (granule != ~0ull) {
			same(info.bytes, (sizes[i] + granule - 1) / granule * granule);
			cpu_fill(bo, 0, info.bytes, 0x77);
			expect_bytes(bo, 0, info.bytes, 0x77);
		}
		accel_bo_unref(bo);
	}
	accel_context_unref(ctx);
}

/* Offsets and sizes of more than 32 bits, in memory that is never all there. */
static void buffers_beyond_four_gigabytes(void)
{
	const uint64_t bytes = (5ull << 30), at = (4ull << 30) + 4096;
	struct accel_bo_params params = data_params(bytes);
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_job *job;
	struct accel_bo *bo;
	unsigned char *map;
	struct setup s;
	void *out;
	int err;

	if (sizeof(void *) == 4)
		skip_check("the address space is too small");
	setup_open(&s);
	if (device_fact(ACCEL_BO_BYTES_MAX) < bytes)
		skip_check("the device's buffers are smaller");
	err = accel_bo_create(s.ctx, &params, &bo);
	if (err == -ENOMEM)
		skip_check("no memory for 5 GiB");
	gives(err, 0);
	gives(accel_bo_get_info(bo, &info), 0);
	same(info.bytes, bytes);
	err = accel_bo_map(bo, &out);
	if (err == -ENOMEM)
		skip_check("no address space for 5 GiB");
	gives(err, 0);
	map = out;
	if (device_fact(ACCEL_JOB_BO_ALIAS) == 1) {
		map[at - 1] = 1;
		map[4095] = 1;
		job = fill_job(s.ctx, s.queue, bo, at, whole_units(1000), 0x42);
		run_job(s.queue, job);
		accel_job_unref(job);
		expect_bytes(bo, at, whole_units(1000), 0x42);
		/* Not 4 GiB lower either. */
		expect(map[4095] == 1 && map[4096] == 0 && map[at - 1] == 1);
	}
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, bytes - 1, 1, 0), 0);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, bytes - 1, 1), 0);
	fails(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, bytes - 1, 2, 0), -EINVAL);
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, bytes, 0), 0);
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, bytes), 0);
	accel_bo_unref(bo);
	setup_close(&s);
}

/* ---- info ------------------------------------------------------------------------------ */

static int call_get_info(void *arg, void *out)
{
	return accel_bo_get_info(arg, out);
}

static void info_struct_grows(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 4096);

	check_out_struct(call_get_info, bo, sizeof(struct accel_bo_info), true);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void info_refuses_null(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 4096);

	fails(accel_bo_get_info(NULL, &info), -EINVAL);
	fails(accel_bo_get_info(bo, NULL), -EINVAL);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* Each use alone and in company; one that the device lacks is refused, none is dropped. */
static void info_has_the_flags_asked_for(void)
{
	const uint32_t answers = ACCEL_BO_IS_WC | ACCEL_BO_IS_NONCOHERENT | ACCEL_BO_IS_UNDEFINED;
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo_params params;
	struct accel_bo *bo;
	uint32_t flags;
	int err, made = 0;

	for (flags = 1; flags < 1u << 8; flags++) {
		if (!(flags & 0x1f) || flags & (ACCEL_BO_COMMANDS | ACCEL_BO_DEVICE_LOCAL))
			continue;
		params = data_params(4096);
		params.flags = flags;
		err = accel_bo_create(ctx, &params, &bo);
		if (err == -EOPNOTSUPP)
			continue;
		gives(err, 0);
		gives(accel_bo_get_info(bo, &info), 0);
		same(info.flags & ~answers, flags);
		if (flags & ACCEL_BO_ZERO)
			expect(!(info.flags & ACCEL_BO_IS_UNDEFINED));
		accel_bo_unref(bo);
		made++;
	}
	expect(made > 0);
	accel_context_unref(ctx);
}

/* ---- addresses and mappings -------------------------------------------------------------- */

static void addresses_do_not_overlap(void)
{
	struct accel_context *ctx;
	struct accel_bo_info info = {.size = sizeof(info)};
	uint64_t addresses[8], again;
	struct accel_bo *bos[8];
	unsigned int i, j;

	need(ACCEL_HAS_ADDRESS, "addresses");
	ctx = open_context();
	for (i = 0; i < 8; i++) {
		bos[i] = make_bo(ctx, DATA_FLAGS, 8192);
		gives(accel_bo_address(bos[i], &addresses[i]), 0);
		gives(accel_bo_address(bos[i], &again), 0);
		same(again, addresses[i]);
		gives(accel_bo_get_info(bos[i], &info), 0);
		for (j = 0; j < i; j++)
			expect(addresses[j] + info.bytes <= addresses[i] ||
			       addresses[i] + info.bytes <= addresses[j]);
	}
	fails(accel_bo_address(bos[0], NULL), -EINVAL);
	for (i = 0; i < 8; i++)
		accel_bo_unref(bos[i]);
	accel_context_unref(ctx);
}

static void address_refuses_null(void)
{
	uint64_t address = 42;

	fails(accel_bo_address(NULL, &address), -EINVAL);
	same(address, 42);
}

static void map_gives_the_same_place_each_time(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 65536);
	unsigned char *map = map_bo(bo);
	unsigned int i, maps = count_mappings();

	map[0] = 0x11;
	map[65535] = 0x22;
	for (i = 0; i < 100; i++)
		expect(map_bo(bo) == map);
	expect(count_mappings() <= maps + 2);
	expect(map[0] == 0x11 && map[65535] == 0x22);
	same((uintptr_t)map % 8, 0);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void maps_do_not_overlap(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bos[16];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		bos[i] = make_bo(ctx, DATA_FLAGS, 4096 * (i + 1));
		cpu_fill(bos[i], 0, 4096 * (i + 1), (uint8_t)(0xa0 + i));
	}
	for (i = 0; i < 16; i++)
		expect_bytes(bos[i], 0, 4096 * (i + 1), (uint8_t)(0xa0 + i));
	for (i = 0; i < 16; i++)
		accel_bo_unref(bos[i]);
	accel_context_unref(ctx);
}

static void map_without_cpu_use_is_eacces(void)
{
	struct accel_bo_params params = data_params(4096);
	struct accel_context *ctx = open_context();
	void *map = untouched();
	struct accel_bo *bo;
	int err;

	params.flags = ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE;
	err = accel_bo_create(ctx, &params, &bo);
	if (err == -EOPNOTSUPP)
		skip_check("every buffer of this device can be reached by the CPU");
	gives(err, 0);
	fails(accel_bo_map(bo, &map), -EACCES);
	is_untouched(map);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void map_for_one_use_is_enough(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo;
	unsigned char *map;

	bo = make_bo(ctx, ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ, 4096);
	map = map_bo(bo);
	map[17] = 1;
	accel_bo_unref(bo);
	bo = make_bo(ctx, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_WRITE | ACCEL_BO_ZERO, 4096);
	expect_bytes(bo, 0, 4096, 0);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void map_refuses_null(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 4096);
	void *map = untouched();

	fails(accel_bo_map(NULL, &map), -EINVAL);
	fails(accel_bo_map(bo, NULL), -EINVAL);
	is_untouched(map);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* ---- what a buffer begins with ------------------------------------------------------------- */

static void zero_is_zero(void)
{
	static const uint64_t sizes[] = {1, 100, 4096, 4097, 65536, 1 << 20};
	struct accel_context *ctx = open_context();
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bos[4];
	size_t i, j, round;

	/* Those of the second round would come from freed ones full of other bytes. */
	for (round = 0; round < 3; round++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			for (j = 0; j < 4; j++) {
				bos[j] = make_bo(ctx, DATA_FLAGS | ACCEL_BO_ZERO, sizes[i]);
				gives(accel_bo_get_info(bos[j], &info), 0);
				expect_bytes(bos[j], 0, info.bytes, 0);
				cpu_fill(bos[j], 0, info.bytes, 0xee);
			}
			for (j = 0; j < 4; j++)
				accel_bo_unref(bos[j]);
		}
	}
	accel_context_unref(ctx);
}

/* Dirtied by the device, freed, and asked for again while a job still uses it. */
static void zero_is_zero_after_the_device_wrote(void)
{
	uint64_t bytes = whole_units(8192);
	struct accel_fence *fence;
	struct accel_job *job;
	struct accel_bo *bo;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	for (i = 0; i < 50; i++) {
		bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
		job = fill_job(s.ctx, s.queue, bo, 0, bytes, 0xdd);
		submit_one(s.queue, job, &fence);
		accel_bo_unref(bo);
		accel_job_unref(job);
		bo = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
		expect_bytes(bo, 0, bytes, 0);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		expect_bytes(bo, 0, bytes, 0);
		accel_fence_unref(fence);
		accel_bo_unref(bo);
	}
	setup_close(&s);
}

/* A buffer that says nothing of an earlier one has no bytes of it. */
static void undefined_bytes_are_announced(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo *bo;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		bo = make_bo(ctx, DATA_FLAGS, 4096);
		gives(accel_bo_get_info(bo, &info), 0);
		if (!(info.flags & ACCEL_BO_IS_UNDEFINED))
			expect_bytes(bo, 0, info.bytes, 0);
		cpu_fill(bo, 0, info.bytes, 0xcc);
		accel_bo_unref(bo);
	}
	accel_context_unref(ctx);
}

static void bytes_of_other_contexts_are_never_seen(void)
{
	struct accel_context *a = open_context(), *b;
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *bos[8];
	unsigned int i, round;

	b = open_another();
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 8; i++) {
			bos[i] = make_bo(a, DATA_FLAGS, 4096u << (i % 3));
			gives(accel_bo_get_info(bos[i], &info), 0);
			cpu_fill(bos[i], 0, info.bytes, 0xbb);
		}
		for (i = 0; i < 8; i++)
			accel_bo_unref(bos[i]);
		if (round % 5 == 4) {
			accel_context_unref(a);
			a = open_context();
		}
		for (i = 0; i < 8; i++) {
			bos[i] = make_bo(b, DATA_FLAGS, 4096u << (i % 3));
			gives(accel_bo_get_info(bos[i], &info), 0);
			expect_bytes(bos[i], 0, info.bytes, 0);
		}
		for (i = 0; i < 8; i++)
			accel_bo_unref(bos[i]);
	}
	accel_context_unref(a);
	accel_context_unref(b);
}

static void contents_are_taken_at_creation(void)
{
	static const uint64_t sizes[] = {1, 7, 4095, 4096, 4097, 100000};
	struct accel_context *ctx = open_context();
	struct accel_bo_params params;
	unsigned char *contents, *map;
	struct accel_bo *bo;
	size_t i, j;

	contents = malloc(100000);
	expect(contents != NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (j = 0; j < sizes[i]; j++)
			contents[j] = (unsigned char)(j * 7 + i);
		params = data_params(sizes[i]);
		params.contents = contents;
		gives(accel_bo_create(ctx, &params, &bo), 0);
		memset(contents, 0, sizes[i]);
		map = map_bo(bo);
		gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, sizes[i], 0), 0);
		for (j = 0; j < sizes[i]; j++)
			expect(map[j] == (unsigned char)(j * 7 + i));
		gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, sizes[i]), 0);
		accel_bo_unref(bo);
	}
	free(contents);
	accel_context_unref(ctx);
}

static void contents_with_zero_leave_the_rest_zero(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(100);
	unsigned char contents[100];
	struct accel_bo *bo;

	/* Something freed before, to be reused. */
	bo = make_bo(ctx, DATA_FLAGS, 100);
	gives(accel_bo_get_info(bo, &info), 0);
	cpu_fill(bo, 0, info.bytes, 0xaa);
	accel_bo_unref(bo);
	memset(contents, 0x31, sizeof(contents));
	params.flags |= ACCEL_BO_ZERO;
	params.contents = contents;
	gives(accel_bo_create(ctx, &params, &bo), 0);
	gives(accel_bo_get_info(bo, &info), 0);
	expect_bytes(bo, 0, 100, 0x31);
	if (info.bytes > 100)
		expect_bytes(bo, 100, info.bytes - 100, 0);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* Read by a job: contents are there for the device too. */
static void contents_reach_the_device(void)
{
	uint64_t bytes = whole_units(4096);
	struct accel_bo_params params = data_params(bytes);
	struct accel_bo *src, *dst;
	unsigned char *contents;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	contents = malloc(bytes);
	expect(contents != NULL);
	memset(contents, 0x3c, bytes);
	params.flags = ACCEL_BO_DEVICE_READ;
	params.contents = contents;
	if (accel_bo_create(s.ctx, &params, &src) == -EOPNOTSUPP) {
		params.flags = DATA_FLAGS;
		gives(accel_bo_create(s.ctx, &params, &src), 0);
	}
	free(contents);
	dst = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, bytes);
	job = copy_job(s.ctx, s.queue, dst, src, bytes);
	run_job(s.queue, job);
	expect_bytes(dst, 0, bytes, 0x3c);
	accel_job_unref(job);
	accel_bo_unref(dst);
	accel_bo_unref(src);
	setup_close(&s);
}

/* ---- the caller's memory --------------------------------------------------------------------- */

static unsigned char *user_pages(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(pages != MAP_FAILED);
	return pages;
}

static void user_memory_is_what_the_device_reaches(void)
{
	const size_t bytes = 16384;
	struct accel_bo_params params = data_params(bytes);
	unsigned char *memory;
	struct accel_job *job;
	struct accel_bo *bo;
	struct setup s;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	setup_open(&s);
	memory = user_pages(bytes);
	memset(memory, 0x19, bytes);
	params.user = memory;
	gives(accel_bo_create(s.ctx, &params, &bo), 0);
	expect(map_bo(bo) == memory);
	expect(bytes_are(memory, bytes, 0x19));
	job = fill_job(s.ctx, s.queue, bo, 0, bytes, 0x91);
	run_job(s.queue, job);
	expect_bytes(bo, 0, bytes, 0x91);
	accel_job_unref(job);
	accel_bo_unref(bo);
	/* It stays the caller's. */
	gives(accel_context_trim(s.ctx, 0), 0);
	expect(bytes_are(memory, bytes, 0x91));
	memset(memory, 0, bytes);
	same(munmap(memory, bytes), 0);
	setup_close(&s);
}

/* A buffer made later must not be over memory that the caller has back. */
static void user_memory_is_not_reused(void)
{
	const size_t bytes = 8192;
	struct accel_context *ctx;
	struct accel_bo_params params = data_params(bytes);
	unsigned char *memory;
	struct accel_bo *bo;
	unsigned int i;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	ctx = open_context();
	memory = user_pages(bytes);
	params.user = memory;
	gives(accel_bo_create(ctx, &params, &bo), 0);
	memset(memory, 0x66, bytes);
	accel_bo_unref(bo);
	for (i = 0; i < 8; i++) {
		bo = make_bo(ctx, DATA_FLAGS, bytes);
		expect(map_bo(bo) != memory);
		cpu_fill(bo, 0, bytes, 0);
		expect(bytes_are(memory, bytes, 0x66));
		accel_bo_unref(bo);
	}
	munmap(memory, bytes);
	accel_context_unref(ctx);
}

static void user_memory_must_be_whole_pages(void)
{
	struct accel_context *ctx;
	struct accel_bo_params params = data_params(4096);
	unsigned char *memory;
	static const size_t offsets[] = {1, 8, 64, 2048};
	size_t i;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	ctx = open_context();
	memory = user_pages(65536 * 2);
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		params.user = memory + offsets[i];
		fails(call_create(ctx, &params), -EINVAL);
	}
	params.user = memory;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		params.bytes = (uint64_t)sysconf(_SC_PAGESIZE) + offsets[i];
		fails(call_create(ctx, &params), -EINVAL);
	}
	params.bytes = 0;
	fails(call_create(ctx, &params), -EINVAL);
	munmap(memory, 65536 * 2);
	accel_context_unref(ctx);
}

static void user_memory_must_be_mapped(void)
{
	struct accel_context *ctx;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct accel_bo_params params = data_params(2 * page);
	unsigned char *memory;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	ctx = open_context();
	memory = user_pages(4 * page);
	same(munmap(memory + page, 2 * page), 0);
	params.user = memory; /* its second page is not there */
	fails(call_create(ctx, &params), -EFAULT);
	params.user = memory + page; /* none is */
	fails(call_create(ctx, &params), -EFAULT);
	params.user = memory + 2 * page; /* the first is not */
	fails(call_create(ctx, &params), -EFAULT);
	munmap(memory, page);
	munmap(memory + 3 * page, page);
	accel_context_unref(ctx);
}

/* The end of the address space, where start + bytes overflows. */
static void user_memory_must_not_wrap(void)
{
	struct accel_context *ctx;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct accel_bo_params params = data_params(2 * page);
	int err;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	ctx = open_context();
	params.user = (void *)(~(uintptr_t)0 - page + 1);
	err = call_create(ctx, &params);
	if (err != -EINVAL)
		gives(err, -EFAULT);
	params.bytes = ~0ull - page + 1;
	params.user = (void *)page;
	err = call_create(ctx, &params);
	if (err != -EINVAL)
		gives(err, -EFAULT);
	accel_context_unref(ctx);
}

/* A device that is told to write there must not fault. */
static void user_memory_for_writing_must_be_writable(void)
{
	struct accel_context *ctx;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct accel_bo_params params = data_params(page);
	unsigned char *memory;

	need(ACCEL_HAS_USER_MEMORY, "buffers of the caller's memory");
	ctx = open_context();
	memory = user_pages(page);
	same(mprotect(memory, page, PROT_READ), 0);
	params.user = memory;
	fails(call_create(ctx, &params), -EFAULT);
	munmap(memory, page);
	accel_context_unref(ctx);
}

/* ---- references -------------------------------------------------------------------------- */

static void references_count(void)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = make_bo(ctx, DATA_FLAGS, 4096);
	unsigned int i;

	cpu_fill(bo, 0, 4096, 0x2b);
	for (i = 0; i < 1000; i++)
		expect(accel_bo_ref(bo) == bo);
	for (i = 0; i < 1000; i++)
		accel_bo_unref(bo);
	expect_bytes(bo, 0, 4096, 0x2b);
	accel_bo_unref(bo);
	accel_bo_unref(NULL);
	accel_context_unref(ctx);
}

static void freed_sizes_are_not_mixed_up(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo *bo;
	unsigned int i;
	uint64_t bytes;

	for (i = 0; i < 300; i++) {
		bytes = 1 + (uint64_t)i * 7919 % 200000;
		bo = make_bo(ctx, i % 3 ? DATA_FLAGS : DATA_FLAGS | ACCEL_BO_ZERO, bytes);
		gives(accel_bo_get_info(bo, &info), 0);
		expect(info.bytes >= bytes);
		cpu_fill(bo, 0, info.bytes, 0x80);
		accel_bo_unref(bo);
	}
	accel_context_unref(ctx);
}

/* A freed buffer must not come back with uses that were not asked for. */
static void freed_uses_are_not_mixed_up(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *ctx = open_context();
	struct accel_bo_params params = data_params(4096);
	struct accel_bo *bo;
	void *map = untouched();
	int err;

	bo = make_bo(ctx, DATA_FLAGS, 4096);
	map_bo(bo);
	accel_bo_unref(bo);
	params.flags = ACCEL_BO_DEVICE_READ;
	err = accel_bo_create(ctx, &params, &bo);
	if (err == -EOPNOTSUPP)
		skip_check("every buffer of this device can be reached by the CPU");
	gives(err, 0);
	gives(accel_bo_get_info(bo, &info), 0);
	same(info.flags & 0xff, ACCEL_BO_DEVICE_READ);
	fails(accel_bo_map(bo, &map), -EACCES);
	is_untouched(map);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static const struct check checks[] = {
	CHECK(params_of_wrong_size_are_refused),
	CHECK(params_may_be_of_a_newer_header),
	CHECK(params_may_be_of_an_older_header),
	CHECK(null_is_refused),
	CHECK(unknown_flags_are_refused),
	CHECK(no_use_is_refused),
	CHECK(struct_of_another_driver_is_refused),
	CHECK(size_zero_is_refused),
	CHECK(sizes_near_two_to_the_64_are_refused),
	CHECK(size_beyond_the_maximum_is_refused),
	CHECK(sizes_round_up_to_the_granule),
	CHECK(buffers_beyond_four_gigabytes),
	CHECK(info_struct_grows),
	CHECK(info_refuses_null),
	CHECK(info_has_the_flags_asked_for),
	CHECK(addresses_do_not_overlap),
	CHECK(address_refuses_null),
	CHECK(map_gives_the_same_place_each_time),
	CHECK(maps_do_not_overlap),
	CHECK(map_without_cpu_use_is_eacces),
	CHECK(map_for_one_use_is_enough),
	CHECK(map_refuses_null),
	CHECK(zero_is_zero),
	CHECK(zero_is_zero_after_the_device_wrote),
	CHECK(undefined_bytes_are_announced),
	CHECK(bytes_of_other_contexts_are_never_seen),
	CHECK(contents_are_taken_at_creation),
	CHECK(contents_with_zero_leave_the_rest_zero),
	CHECK(contents_reach_the_device),
	CHECK(user_memory_is_what_the_device_reaches),
	CHECK(user_memory_is_not_reused),
	CHECK(user_memory_must_be_whole_pages),
	CHECK(user_memory_must_be_mapped),
	CHECK(user_memory_must_not_wrap),
	CHECK(user_memory_for_writing_must_be_writable),
	CHECK(references_count),
	CHECK(freed_sizes_are_not_mixed_up),
	CHECK(freed_uses_are_not_mixed_up),
};

const struct group group_bo = GROUP("bo", checks);
