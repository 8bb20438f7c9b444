/* SPDX-License-Identifier: MIT */
/* Jobs: what is refused before it runs, and how they end. */
#include "conformance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int call_create(void *arg, const void *params)
{
	struct accel_job *job = untouched();
	int err;

	err = accel_job_create(arg, params, &job);
	if (err)
		is_untouched(job);
	else
		accel_job_unref(job);
	return err;
}

/* A request that is good as it stands, for checks that spoil it. */
struct good_request {
	struct setup s;
	struct accel_bo *dst, *src;
	uint64_t bytes;
	struct request r;
};

static void good_open(struct good_request *g)
{
	setup_open(&g->s);
	g->bytes = whole_units(4096);
	g->dst = make_bo(g->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, g->bytes);
	g->src = make_bo(g->s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, g->bytes);
	request_copy(g->s.ctx, &g->r, g->dst, g->src, g->bytes);
}

static void good_close(struct good_request *g)
{
	/* Whatever was refused has changed nothing. */
	gives(call_create(g->s.queue, &g->r.params), 0);
	request_drop(&g->r);
	accel_bo_unref(g->dst);
	accel_bo_unref(g->src);
	setup_close(&g->s);
}

static void params_of_wrong_size_are_refused(void)
{
	struct good_request g;

	good_open(&g);
	check_in_sizes(call_create, g.s.queue, &g.r.params, sizeof(g.r.params));
	good_close(&g);
}

static void params_may_be_of_a_newer_header(void)
{
	struct good_request g;

	good_open(&g);
	check_in_tail(call_create, g.s.queue, &g.r.params, sizeof(g.r.params));
	good_close(&g);
}

static void null_is_refused(void)
{
	struct good_request g;

	good_open(&g);
	fails(call_create(NULL, &g.r.params), -EINVAL);
	fails(call_create(g.s.queue, NULL), -EINVAL);
	fails(accel_job_create(g.s.queue, &g.r.params, NULL), -EINVAL);
	good_close(&g);
}

static void unknown_flags_are_refused(void)
{
	struct good_request g;
	unsigned int bit;

	good_open(&g);
	for (bit = 0; bit < 32; bit++) {
		g.r.params.flags = 1u << bit;
		fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	}
	g.r.params.flags = 0;
	good_close(&g);
}

static void reserved_members_are_refused(void)
{
	struct good_request g;

	good_open(&g);
	g.r.params.reserved = 1;
	fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	g.r.params.reserved = 0;
	g.r.bos[1].reserved = 1;
	fails_place(call_create(g.s.queue, &g.r.params), -EINVAL, 1, ~0ull);
	g.r.bos[1].reserved = 0;
	good_close(&g);
}

static void struct_of_another_driver_is_refused(void)
{
	struct accel_ext ext = {sizeof(ext), 0xdead0004u};
	const struct accel_ext *kept;
	struct good_request g;

	good_open(&g);
	kept = g.r.params.ext;
	g.r.params.ext = &ext;
	fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	ext.size = 4;
	fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	g.r.params.ext = kept;
	good_close(&g);
}

static void missing_buffers_are_refused(void)
{
	struct good_request g;

	good_open(&g);
	g.r.bos[1].bo = NULL;
	fails_place(call_create(g.s.queue, &g.r.params), -EINVAL, 1, ~0ull);
	g.r.bos[1].bo = g.r.src == 1 ? g.src : g.dst;
	g.r.params.bos = NULL;
	fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	g.r.params.bos = g.r.bos;
	good_close(&g);
}

static void bad_access_is_refused(void)
{
	static const uint32_t bad[] = {0, 1u << 2, ACCEL_ACCESS_READ | 1u << 31, ~0u};
	struct good_request g;
	uint32_t kept;
	size_t i;

	good_open(&g);
	kept = g.r.bos[1].access;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g.r.bos[1].access = bad[i];
		fails_place(call_create(g.s.queue, &g.r.params), -EINVAL, 1, ~0ull);
	}
	g.r.bos[1].access = kept;
	good_close(&g);
}

static void buffers_listed_twice_are_ealready(void)
{
	struct good_request g;

	if (device_fact(ACCEL_JOB_BOS_MAX) < 3)
		skip_check("jobs of the device have two buffers at most");
	good_open(&g);
	g.r.bos[2] = g.r.bos[0];
	g.r.params.bo_count = 3;
	fails_place(call_create(g.s.queue, &g.r.params), -EALREADY, 2, ~0ull);
	g.r.bos[2].access = ACCEL_ACCESS_READ;
	fails_place(call_create(g.s.queue, &g.r.params), -EALREADY, 2, ~0ull);
	g.r.params.bo_count = 2;
	good_close(&g);
}

static void buffers_of_another_context_are_exdev(void)
{
	struct accel_context *other;
	struct good_request g;
	struct accel_bo *bo, *kept;

	good_open(&g);
	other = open_another();
	bo = make_bo(other, DATA_FLAGS, g.bytes);
	kept = g.r.bos[1].bo;
	g.r.bos[1].bo = bo;
	fails_place(call_create(g.s.queue, &g.r.params), -EXDEV, 1, ~0ull);
	g.r.bos[1].bo = kept;
	accel_bo_unref(bo);
	accel_context_unref(other);
	good_close(&g);
}

static void commands_of_another_context_are_exdev(void)
{
	struct accel_context *other;
	struct good_request g;
	struct request r;
	struct accel_bo *kept, *bo;

	good_open(&g);
	kept = g.r.params.commands;
	if (!kept)
		skip_check("the device takes no buffer of commands");
	other = open_another();
	bo = make_bo(other, DATA_FLAGS, g.bytes);
	request_fill(other, &r, bo, 0, g.bytes, 1);
	g.r.params.commands = r.params.commands;
	fails(call_create(g.s.queue, &g.r.params), -EXDEV);
	g.r.params.commands = kept;
	request_drop(&r);
	accel_bo_unref(bo);
	accel_context_unref(other);
	good_close(&g);
}

static void buffers_without_the_use_are_eacces(void)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_bo *read_only, *write_only;
	struct good_request g;
	bool by_address;
	int err;

	/* Commands that go on naming the first buffer may be refused for that. */
	by_address = device_fact(ACCEL_HAS_ADDRESS) != ACCEL_ABSENT;
	good_open(&g);
	params.bytes = g.bytes;
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ;
	err = accel_bo_create(g.s.ctx, &params, &read_only);
	if (err == -EOPNOTSUPP)
		skip_check("the device can't make buffers with one use");
	gives(err, 0);
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_WRITE;
	gives(accel_bo_create(g.s.ctx, &params, &write_only), 0);
	g.r.bos[g.r.dst].bo = read_only;
	fails_place(call_create(g.s.queue, &g.r.params), -EACCES, g.r.dst, ~0ull);
	g.r.bos[g.r.dst].bo = write_only;
	if (!by_address)
		gives(call_create(g.s.queue, &g.r.params), 0);
	g.r.bos[g.r.dst].bo = g.dst;
	g.r.bos[g.r.src].bo = write_only;
	fails_place(call_create(g.s.queue, &g.r.params), -EACCES, g.r.src, ~0ull);
	g.r.bos[g.r.src].bo = read_only;
	if (!by_address)
		gives(call_create(g.s.queue, &g.r.params), 0);
	g.r.bos[g.r.src].bo = g.src;
	accel_bo_unref(read_only);
	accel_bo_unref(write_only);
	good_close(&g);
}

static void commands_must_be_made_for_it(void)
{
	struct good_request g;
	struct accel_bo *kept, *data;

	good_open(&g);
	kept = g.r.params.commands;
	if (!kept)
		skip_check("the device takes no buffer of commands");
	data = make_bo(g.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 65536);
	g.r.params.commands = data;
	fails(call_create(g.s.queue, &g.r.params), -EINVAL);
	g.r.params.commands = kept;
	accel_bo_unref(data);
	good_close(&g);
}

/* "outside a buffer" is -ERANGE for what commands reach; for the commands themselves the
 * header allows -EINVAL as well. */
static void commands_outside_fail(struct good_request *g, uint64_t offset, uint64_t bytes)
{
	int err;

	g->r.params.offset = offset;
	g->r.params.bytes = bytes;
	mark_error();
	err = call_create(g->s.queue, &g->r.params);
	if (err != -ERANGE)
		gives(err, -EINVAL);
}

static void commands_must_be_inside_their_buffer(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct good_request g;
	uint64_t bytes;

	good_open(&g);
	if (!g.r.params.commands)
		skip_check("the device takes no buffer of commands");
	gives(accel_bo_get_info(g.r.params.commands, &info), 0);
	bytes = g.r.params.bytes;
	commands_outside_fail(&g, info.bytes, bytes);
	commands_outside_fail(&g, info.bytes - 8, bytes);
	commands_outside_fail(&g, 1ull << 32, bytes);
	commands_outside_fail(&g, ~0ull - 7, bytes);
	commands_outside_fail(&g, ~0ull - 7, 8);
	commands_outside_fail(&g, 1ull << 63, 1ull << 63);
	commands_outside_fail(&g, 8, ~0ull - 7);
	g.r.params.offset = 0;
	g.r.params.bytes = bytes;
	good_close(&g);
}

static void commands_must_be_aligned(void)
{
	uint64_t align = device_fact(ACCEL_COMMANDS_ALIGN);
	struct good_request g;
	uint64_t offset;

	good_open(&g);
	if (!g.r.params.commands || align == ~0ull || align == 1)
		skip_check("the device's commands begin anywhere");
	for (offset = 1; offset < 8; offset++) {
		if (align && offset % align == 0)
			continue;
		g.r.params.offset = offset;
		g.r.params.bytes -= 8;
		fails(call_create(g.s.queue, &g.r.params), -EINVAL);
		g.r.params.bytes += 8;
	}
	g.r.params.offset = 0;
	good_close(&g);
}

static void too_many_buffers_are_e2big(void)
{
	uint64_t max = device_fact(ACCEL_JOB_BOS_MAX), i;
	struct accel_bo_ref *refs;
	struct good_request g;

	if (max > 20000)
		skip_check("the device knows no maximum that fits here");
	good_open(&g);
	refs = calloc(max + 1, sizeof(*refs));
	expect(refs != NULL);
	refs[0] = g.r.bos[0];
	refs[1] = g.r.bos[1];
	for (i = 2; i <= max; i++)
		refs[i] = bo_ref(make_bo(g.s.ctx, DATA_FLAGS, 1), ACCEL_ACCESS_READ);
	g.r.params.bos = refs;
	g.r.params.bo_count = (uint32_t)max + 1;
	fails(call_create(g.s.queue, &g.r.params), -E2BIG);
	g.r.params.bo_count = ~0u;
	fails(call_create(g.s.queue, &g.r.params), -E2BIG);
	/* As many as allowed, if they need not all be of use. */
	if (device_fact(ACCEL_JOB_BO_ALIAS) == 1 && max >= 2) {
		g.r.params.bo_count = (uint32_t)max;
		gives(call_create(g.s.queue, &g.r.params), 0);
	}
	g.r.params.bos = g.r.bos;
	g.r.params.bo_count = 2;
	for (i = 2; i <= max; i++)
		accel_bo_unref(refs[i].bo);
	free(refs);
	good_close(&g);
}

/* Each of the driver's list of bad jobs, with the place at fault. */
static void bad_commands_are_refused_with_their_place(void)
{
	struct refusal expected;
	struct accel_job *job;
	struct request r;
	struct setup s;
	unsigned int n;
	int err;

	if (!suite.work->refused)
		skip_check("the device checks no commands");
	setup_open(&s);
	for (n = 0;; n++) {
		memset(&r, 0, sizeof(r));
		memset(&expected, 0, sizeof(expected));
		r.params.size = sizeof(r.params);
		err = suite.work->refused(s.ctx, &r, n, &expected);
		if (err == -ENOENT)
			break;
		gives(err, 0);
		job = untouched();
		fails_place(accel_job_create(s.queue, &r.params, &job), expected.error,
			    expected.index, expected.offset);
		is_untouched(job);
		request_drop(&r);
	}
	request_drop(&r);
	expect(n > 0);
	setup_close(&s);
}

static void jobs_keep_what_they_were_made_of(void)
{
	struct accel_queue *queue;
	struct good_request g;
	struct accel_job *job;
	struct accel_fence *fence;
	unsigned int i;

	good_open(&g);
	queue = make_queue(g.s.ctx, 0);
	gives(accel_job_create(queue, &g.r.params, &job), 0);
	memset(g.r.bos, 0xff, sizeof(g.r.bos)); /* the list may go as well */
	request_drop(&g.r);
	cpu_fill(g.src, 0, g.bytes, 0x26);
	accel_bo_unref(g.src);
	for (i = 0; i < 8; i++)
		accel_bo_unref(make_bo(g.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, g.bytes));
	submit_one(queue, job, &fence);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_bytes(g.dst, 0, g.bytes, 0x26);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_queue_unref(queue);
	accel_bo_unref(g.dst);
	setup_close(&g.s);
}

static void job_references_count(void)
{
	struct accel_job *job;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < 1000; i++)
		expect(accel_job_ref(job) == job);
	for (i = 0; i < 1000; i++)
		accel_job_unref(job);
	run_job(s.queue, job);
	accel_job_unref(job);
	accel_job_unref(NULL);
	setup_close(&s);
}

static void many_jobs_at_once(void)
{
	struct accel_job *jobs[1000];
	struct setup s;
	unsigned int i;

	setup_open(&s);
	for (i = 0; i < 1000; i++)
		jobs[i] = nop_job(s.ctx, s.queue);
	for (i = 0; i < 1000; i += 111)
		run_job(s.queue, jobs[i]);
	for (i = 0; i < 1000; i++)
		accel_job_unref(jobs[i]);
	setup_close(&s);
}

/* ---- set_bo ----------------------------------------------------------------------------- */

static void need_commands_by_index(void)
{
	if (device_fact(ACCEL_HAS_ADDRESS) != ACCEL_ABSENT)
		skip_check("commands name buffers by address, which set_bo can't change");
}

static void set_bo_changes_the_buffer(void)
{
	struct accel_bo *other;
	struct good_request g;
	struct accel_job *job;

	need_commands_by_index();
	good_open(&g);
	gives(accel_job_create(g.s.queue, &g.r.params, &job), 0);
	other = make_bo(g.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, g.bytes);
	cpu_fill(g.src, 0, g.bytes, 0x48);
	gives(accel_job_set_bo(job, g.r.dst, other), 0);
	run_job(g.s.queue, job);
	expect_bytes(other, 0, g.bytes, 0x48);
	expect_bytes(g.dst, 0, g.bytes, 0);
	/* Back again; and the same once more is no change. */
	gives(accel_job_set_bo(job, g.r.dst, g.dst), 0);
	gives(accel_job_set_bo(job, g.r.dst, g.dst), 0);
	run_job(g.s.queue, job);
	expect_bytes(g.dst, 0, g.bytes, 0x48);
	/* The job holds the new one, and no longer the old. */
	gives(accel_job_set_bo(job, g.r.src, other), 0);
	accel_bo_unref(other);
	run_job(g.s.queue, job);
	expect_bytes(g.dst, 0, g.bytes, 0x48);
	accel_job_unref(job);
	good_close(&g);
}

static void set_bo_refuses_what_create_refuses(void)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	struct accel_bo *read_only, *foreign;
	struct accel_context *other;
	struct good_request g;
	struct accel_job *job;

	good_open(&g);
	other = open_another();
	foreign = make_bo(other, DATA_FLAGS, g.bytes);
	gives(accel_job_create(g.s.queue, &g.r.params, &job), 0);
	fails(accel_job_set_bo(NULL, 0, g.dst), -EINVAL);
	fails(accel_job_set_bo(job, 0, NULL), -EINVAL);
	fails(accel_job_set_bo(job, 2, g.dst), -EINVAL);
	fails(accel_job_set_bo(job, ~0u, g.dst), -EINVAL);
	fails(accel_job_set_bo(job, g.r.dst, g.src), -EALREADY);
	fails(accel_job_set_bo(job, g.r.dst, foreign), -EXDEV);
	params.bytes = g.bytes;
	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ;
	if (accel_bo_create(g.s.ctx, &params, &read_only) == 0) {
		fails(accel_job_set_bo(job, g.r.dst, read_only), -EACCES);
		accel_bo_unref(read_only);
	}
	/* The job is as it was. */
	cpu_fill(g.src, 0, g.bytes, 0x51);
	run_job(g.s.queue, job);
	expect_bytes(g.dst, 0, g.bytes, 0x51);
	accel_job_unref(job);
	accel_bo_unref(foreign);
	accel_context_unref(other);
	good_close(&g);
}

static void set_bo_checks_the_commands_again(void)
{
	uint64_t granule = device_fact(ACCEL_BO_GRANULE);
	struct accel_bo *big, *small;
	struct accel_job *job;
	struct request r;
	struct setup s;

	need_commands_by_index();
	setup_open(&s);
	if (granule == ~0ull)
		granule = 4096;
	big = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, 2 * granule);
	small = make_bo(s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, granule);
	request_fill(s.ctx, &r, big, 0, 2 * granule, 0x61);
	gives(accel_job_create(s.queue, &r.params, &job), 0);
	fails(accel_job_set_bo(job, r.dst, small), -ERANGE);
	run_job(s.queue, job);
	expect_bytes(big, 0, 2 * granule, 0x61);
	expect_bytes(small, 0, granule, 0);
	request_drop(&r);
	accel_job_unref(job);
	accel_bo_unref(small);
	accel_bo_unref(big);
	setup_close(&s);
}

static void set_bo_of_a_job_under_way_is_ebusy(void)
{
	struct good_request g;
	struct accel_bo *other;
	struct accel_job *job;
	struct blocker b;

	good_open(&g);
	gives(accel_job_create(g.s.queue, &g.r.params, &job), 0);
	other = make_bo(g.s.ctx, DATA_FLAGS | ACCEL_BO_ZERO, g.bytes);
	cpu_fill(g.src, 0, g.bytes, 0x71);
	block(g.s.ctx, g.s.queue, &b);
	submit_one(g.s.queue, job, NULL);
	fails(accel_job_set_bo(job, g.r.dst, other), -EBUSY);
	blocker_end(&b);
	expect_bytes(g.dst, 0, g.bytes, 0x71);
	expect_bytes(other, 0, g.bytes, 0);
	gives(accel_job_set_bo(job, g.r.dst, other), 0);
	accel_job_unref(job);
	accel_bo_unref(other);
	good_close(&g);
}

static const struct check checks[] = {
	CHECK(params_of_wrong_size_are_refused),
	CHECK(params_may_be_of_a_newer_header),
	CHECK(null_is_refused),
	CHECK(unknown_flags_are_refused),
	CHECK(reserved_members_are_refused),
	CHECK(struct_of_another_driver_is_refused),
	CHECK(missing_buffers_are_refused),
	CHECK(bad_access_is_refused),
	CHECK(buffers_listed_twice_are_ealready),
	CHECK(buffers_of_another_context_are_exdev),
	CHECK(commands_of_another_context_are_exdev),
	CHECK(buffers_without_the_use_are_eacces),
	CHECK(commands_must_be_made_for_it),
	CHECK(commands_must_be_inside_their_buffer),
	CHECK(commands_must_be_aligned),
	CHECK(too_many_buffers_are_e2big),
	CHECK(bad_commands_are_refused_with_their_place),
	CHECK(jobs_keep_what_they_were_made_of),
	CHECK(job_references_count),
	CHECK(many_jobs_at_once),
	CHECK(set_bo_changes_the_buffer),
	CHECK(set_bo_refuses_what_create_refuses),
	CHECK(set_bo_checks_the_commands_again),
	CHECK(set_bo_of_a_job_under_way_is_ebusy),
};

const struct group group_job = GROUP("job", checks);

/* ---- results ----------------------------------------------------------------------------- */

static int call_get_result(void *arg, void *out)
{
	return accel_job_get_result(arg, out);
}

static void result_struct_grows(void)
{
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	run_job(s.queue, job);
	check_out_struct(call_get_result, job, sizeof(struct accel_job_result), true);
	accel_job_unref(job);
	setup_close(&s);
}

static void result_before_submission_is_enodata(void)
{
	struct accel_job_result result = {.size = sizeof(result), .outcome = 77};
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	fails(accel_job_get_result(job, &result), -ENODATA);
	same(result.outcome, 77);
	fails(accel_job_get_result(NULL, &result), -EINVAL);
	fails(accel_job_get_result(job, NULL), -EINVAL);
	accel_job_unref(job);
	setup_close(&s);
}

static void refused_submission_leaves_no_result(void)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_queue *queue;
	struct accel_job *job;
	struct blocker b;
	struct setup s;

	setup_open(&s);
	queue = make_queue(s.ctx, 1);
	job = nop_job(s.ctx, queue);
	block(s.ctx, queue, &b);
	fails(accel_submit(queue, &job, 1, NULL, NULL), -EAGAIN);
	fails(accel_job_get_result(job, &result), -ENODATA);
	blocker_end(&b);
	accel_job_unref(job);
	accel_queue_unref(queue);
	setup_close(&s);
}

static void pending_until_it_has_ended(void)
{
	struct accel_job *job;
	struct accel_fence *fence;
	struct blocker b;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < 3; i++) {
		block(s.ctx, s.queue, &b);
		submit_one(s.queue, job, &fence);
		expect_outcome(job, ACCEL_PENDING);
		expect_outcome(b.job, ACCEL_PENDING);
		unblock(&b);
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		expect_outcome(job, ACCEL_DONE);
		expect_outcome(b.job, ACCEL_DONE);
		blocker_end(&b);
		accel_fence_unref(fence);
	}
	accel_job_unref(job);
	setup_close(&s);
}

static void pending_has_no_error_yet(void)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct blocker b;
	struct setup s;

	setup_open(&s);
	block(s.ctx, s.queue, &b);
	gives(accel_job_get_result(b.job, &result), 0);
	same(result.outcome, ACCEL_PENDING);
	same(result.error, 0);
	same(result.end_ns, 0);
	same(result.driver_code, 0);
	blocker_end(&b);
	setup_close(&s);
}

/* The two tell the same: whoever sees the one ended must not see the other pending. */
static void result_and_fence_agree(void)
{
	struct accel_job_result result = {.size = sizeof(result)};
	unsigned int i, rounds = suite.slow_tool ? 500 : 5000;
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < rounds; i++) {
		submit_one(s.queue, job, &fence);
		do {
			gives(accel_job_get_result(job, &result), 0);
		} while (result.outcome == ACCEL_PENDING);
		gives(accel_fence_status(fence), 0);
		accel_fence_unref(fence);
	}
	accel_job_unref(job);
	setup_close(&s);
}

static void failed_jobs_say_so(void)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;
	unsigned int i;

	setup_open(&s);
	job = failing_job(s.ctx, s.queue);
	for (i = 0; i < 3; i++) {
		submit_one(s.queue, job, &fence);
		expect_fence_result(accel_fence_wait(fence, ACCEL_NO_DEADLINE), ACCEL_FAILED);
		expect_fence_result(accel_fence_status(fence), ACCEL_FAILED);
		expect_outcome(job, ACCEL_FAILED);
		gives(accel_job_get_result(job, &result), 0);
		expect(result.outcome != ACCEL_DONE);
		accel_fence_unref(fence);
	}
	accel_job_unref(job);
	setup_close(&s);
}

static void jobs_after_a_failed_one_still_run(void)
{
	struct accel_job *bad, *good_one;
	struct accel_fence *fence;
	struct setup s;

	setup_open(&s);
	bad = failing_job(s.ctx, s.queue);
	good_one = nop_job(s.ctx, s.queue);
	submit_one(s.queue, bad, NULL);
	submit_one(s.queue, good_one, &fence);
	if (accel_fence_wait(fence, ACCEL_NO_DEADLINE) == -ESTALE)
		skip_check("a failed job takes the context with it");
	gives(accel_fence_wait(fence, 0), 0);
	expect_outcome(good_one, ACCEL_DONE);
	expect_outcome(bad, ACCEL_FAILED);
	accel_fence_unref(fence);
	accel_job_unref(bad);
	accel_job_unref(good_one);
	setup_close(&s);
}

static void timed_out_jobs_say_so(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct setup s;

	need(ACCEL_HAS_JOB_TIMEOUT, "timeout of jobs");
	setup_open(&s);
	job = hanging_job(s.ctx, s.queue, 10000000);
	submit_one(s.queue, job, &fence);
	expect_fence_result(accel_fence_wait(fence, ACCEL_NO_DEADLINE), ACCEL_TIMED_OUT);
	expect_outcome(job, ACCEL_TIMED_OUT);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

/* The timeout is of running: what it spends behind another job doesn't count. */
static void timeouts_count_from_the_start(void)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct request r;
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_JOB_TIMEOUT, "timeout of jobs");
	setup_open(&s);
	request_nop(s.ctx, &r);
	r.params.timeout_ns = 2000000000;
	job = request_job(s.queue, &r);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, &fence);
	pause_ms(2200);
	expect_outcome(job, ACCEL_PENDING);
	unblock(&b);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_outcome(job, ACCEL_DONE);
	blocker_end(&b);
	accel_fence_unref(fence);
	accel_job_unref(job);
	setup_close(&s);
}

static void long_timeouts_do_not_overflow(void)
{
	static const uint64_t timeouts[] = {1ull << 62, INT64_MAX, 1ull << 63, ~0ull};
	struct accel_job *job;
	struct request r;
	struct setup s;
	size_t i;

	need(ACCEL_HAS_JOB_TIMEOUT, "timeout of jobs");
	setup_open(&s);
	for (i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		request_nop(s.ctx, &r);
		r.params.timeout_ns = timeouts[i];
		job = request_job(s.queue, &r);
		run_job(s.queue, job);
		accel_job_unref(job);
	}
	setup_close(&s);
}

static void times_lie_within_the_submission(void)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_job *job;
	struct setup s;
	int64_t before, after;
	unsigned int i;

	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	for (i = 0; i < 20; i++) {
		before = now_ns();
		run_job(s.queue, job);
		after = now_ns();
		gives(accel_job_get_result(job, &result), 0);
		if (result.start_ns)
			expect((int64_t)result.start_ns >= before);
		if (result.end_ns)
			expect((int64_t)result.end_ns <= after);
	}
	accel_job_unref(job);
	setup_close(&s);
}

/* A new submission starts anew; what an earlier one gave is gone. */
static void resubmission_replaces_the_result(void)
{
	struct accel_job *job;
	struct accel_fence *first, *second;
	struct blocker b;
	struct setup s;

	need(ACCEL_HAS_CANCEL, "cancel");
	setup_open(&s);
	job = nop_job(s.ctx, s.queue);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, &first);
	unblock(&b);
	gives(accel_queue_cancel(s.queue, ACCEL_NO_DEADLINE), 0);
	blocker_drop(&b);
	expect_fence_result(accel_fence_wait(first, 0),
			    accel_fence_status(first) ? ACCEL_CANCELED : ACCEL_DONE);
	run_job(s.queue, job);
	block(s.ctx, s.queue, &b);
	submit_one(s.queue, job, &second);
	expect_outcome(job, ACCEL_PENDING);
	/* The first fence is about the first submission for ever. */
	expect(accel_fence_status(first) != -EINPROGRESS);
	blocker_end(&b);
	gives(accel_fence_wait(second, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_job_unref(job);
	setup_close(&s);
}

static const struct check result_checks[] = {
	CHECK(result_struct_grows),
	CHECK(result_before_submission_is_enodata),
	CHECK(refused_submission_leaves_no_result),
	CHECK(pending_until_it_has_ended),
	CHECK(pending_has_no_error_yet),
	CHECK(result_and_fence_agree),
	CHECK(failed_jobs_say_so),
	CHECK(jobs_after_a_failed_one_still_run),
	CHECK(timed_out_jobs_say_so),
	CHECK(timeouts_count_from_the_start),
	CHECK(long_timeouts_do_not_overflow),
	CHECK(times_lie_within_the_submission),
	CHECK(resubmission_replaces_the_result),
};

const struct group group_results = GROUP("results", result_checks);
