/* SPDX-License-Identifier: MIT */
/*
 * Workload of Intel's NPUs: command lists of fills and copies. Behind the commands, in their buffer,
 * are the save area that each list needs, words for fences, and the descriptors of copies.
 *
 * What runs until told waits for a fence in memory, which a thread signals. What fails or hangs
 * needs the rig's model, which takes the fault from an inference.
 */
#include "workload.h"

#include <accel/ivpu.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOP          0x0001
#define FENCE_WAIT   0x0101
#define FENCE_SIGNAL 0x0102
#define BARRIER      0x0103
#define FILL         0x0202
#define COPY         0x0302
#define INFERENCE    0x0306

#define HEADER_BYTES 48
#define LINE         64
#define OLD_COPY_MAX 0xffffc0u
#define DESCRIPTOR   192 /* of later ones; of 37xx a third */

/* The rig's (tests/kernel/models/fault.h). */
#define FAULT      0xfa17
#define FAULT_HANG 2

struct list {
	unsigned char bytes[512];
	uint32_t count;
	struct accel_bo *bo;
	unsigned char *map;
	uint64_t address;
	bool old; /* NPU 37xx */
	uint32_t copies;
};
/* In the buffer, behind the commands. */
#define SAVE        512
#define STARTED     (SAVE + LINE)
#define GO          (SAVE + 2 * LINE)
#define DESCRIPTORS (SAVE + 3 * LINE)

static void set32(void *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void set64(void *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* The next command, of so many bytes; where its arguments begin. */
static unsigned char *put(struct list *l, uint16_t type, uint32_t bytes)
{
	unsigned char *at = l->bytes + l->count;

	memset(at, 0, bytes);
	set32(at, type | bytes << 16);
	l->count += bytes;
	return at + 8;
}

/* Of the provider, which an open context has loaded: the suite links none. */
static int get_param(struct accel_context *ctx, uint32_t param, uint32_t index, uint64_t *value)
{
	int (*fn)(struct accel_context *, uint32_t, uint32_t, uint64_t *);
	void *provider = dlopen("libaccel-ivpu.so.0", RTLD_NOW | RTLD_NOLOAD);

	*(void **)&fn = dlsym(provider ? provider : RTLD_DEFAULT, "accel_ivpu_get_param");
	if (provider)
		dlclose(provider);
	return fn ? fn(ctx, param, index, value) : -ENOSYS;
}

static int begin(struct accel_context *ctx, struct request *r, struct list *l, uint64_t copy_bytes)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	uint64_t id;
	void *map;
	int err;

	memset(l, 0, sizeof(*l));
	l->count = HEADER_BYTES;
	err = get_param(ctx, ACCEL_IVPU_PARAM_DEVICE_ID, 0, &id);
	if (err)
		return err;
	l->old = id == 0x7d1d || id == 0xad1d;
	params.flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_ZERO;
	params.bytes = DESCRIPTORS + (copy_bytes / OLD_COPY_MAX + 2) * DESCRIPTOR;
	err = accel_bo_create(ctx, &params, &l->bo);
	if (err)
		return err;
	r->scratch[0] = l->bo;
	err = accel_bo_map(l->bo, &map);
	if (!err)
		err = accel_bo_address(l->bo, &l->address);
	l->map = map;
	return err;
}

static int finish(struct request *r, struct list *l)
{
	set32(l->bytes, l->count);
	set32(l->bytes + 4, HEADER_BYTES);
	set32(l->bytes + 8, 4 << 16 | 14);
	set64(l->bytes + 16, l->address + DESCRIPTORS);
	set64(l->bytes + 32, l->address);
	set64(l->bytes + 40, l->address + SAVE);
	memcpy(l->map, l->bytes, l->count);
	r->params.commands = l->bo;
	r->params.bytes = l->count;
	return 0;
}

/* ---- jobs -------------------------------------------------------------------------------- */

static int ivpu_nop(struct accel_context *ctx, struct request *r)
{
	struct list l;
	int err;

	err = begin(ctx, r, &l, 0);
	if (err)
		return err;
	put(&l, NOP, 8);
	return finish(r, &l);
}

static int ivpu_fill(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t offset, uint64_t bytes, uint8_t value)
{
	unsigned char *arguments;
	uint64_t address;
	struct list l;
	int err;

	err = begin(ctx, r, &l, 0);
	if (!err)
		err = accel_bo_address(dst, &address);
	if (err)
		return err;
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	arguments = put(&l, FILL, 32);
	set64(arguments, address + offset);
	set64(arguments + 8, bytes);
	set32(arguments + 16, value * 0x01010101u);
	return finish(r, &l);
}

static void put_descriptor(struct list *l, uint64_t to, uint64_t from, uint32_t bytes)
{
	unsigned char *at =
		l->map + DESCRIPTORS + l->copies++ * (l->old ? DESCRIPTOR / 3 : DESCRIPTOR);

	set64(at + (l->old ? 16 : 40), from);
	set64(at + (l->old ? 24 : 48), to);
	set32(at + (l->old ? 32 : 24), bytes);
}

static int ivpu_copy(struct accel_context *ctx, struct request *r, struct accel_bo *dst,
		     uint64_t dst_offset, struct accel_bo *src, uint64_t src_offset, uint64_t bytes)
{
	unsigned char *arguments;
	uint64_t to, from, step;
	struct list l;
	int err;

	err = begin(ctx, r, &l, bytes);
	if (!err)
		err = accel_bo_address(dst, &to);
	if (!err)
		err = accel_bo_address(src, &from);
	if (err)
		return err;
	r->dst = request_add_bo(r, dst, ACCEL_ACCESS_WRITE);
	r->src = request_add_bo(r, src, ACCEL_ACCESS_READ);
	for (; bytes; bytes -= step, dst_offset += step, src_offset += step) {
		step = bytes < OLD_COPY_MAX ? bytes : OLD_COPY_MAX;
		put_descriptor(&l, to + dst_offset, from + src_offset, (uint32_t)step);
	}
	arguments = put(&l, COPY, 24);
	set32(arguments + 8, l.copies);
	return finish(r, &l);
}

static int with_inference(struct accel_context *ctx, struct request *r, uint64_t id)
{
	unsigned char *arguments;
	struct list l;
	int err;

	if (!getenv("RIG_KERNEL"))
		return -EOPNOTSUPP;
	err = begin(ctx, r, &l, 0);
	if (err)
		return err;
	arguments = put(&l, INFERENCE, 32);
	set64(arguments, id);
	set64(arguments + 8, l.address);
	set32(arguments + 16, LINE);
	return finish(r, &l);
}

/* The model runs no inferences. */
static int ivpu_fail(struct accel_context *ctx, struct request *r)
{
	return with_inference(ctx, r, 0);
}

static int ivpu_hang(struct accel_context *ctx, struct request *r)
{
	return with_inference(ctx, r, (uint64_t)FAULT << 48 | (uint64_t)FAULT_HANG << 32);
}

/* ---- the gate ------------------------------------------------------------------------------- */

struct doorkeeper {
	struct gate *gate;
	struct accel_bo *bo;
	_Atomic uint64_t *started, *go;
};

static void *keep_door(void *arg)
{
	const struct timespec pause = {0, 200000};
	struct doorkeeper *keeper = arg;

	while (!*keeper->started && !gate_is_over(keeper->gate))
		nanosleep(&pause, NULL);
	if (*keeper->started)
		gate_pass(keeper->gate);
	*keeper->go = 1;
	accel_bo_unref(keeper->bo);
	free(keeper);
	return NULL;
}

static int ivpu_gate(struct accel_context *ctx, struct request *r, struct gate *gate)
{
	struct doorkeeper *keeper;
	unsigned char *arguments;
	uint64_t has_queues;
	struct list l;
	int err;

	/* Else all queues of one priority are one, and stand still together. */
	err = get_param(ctx, ACCEL_IVPU_PARAM_CAPABILITIES, ACCEL_IVPU_CAP_MANAGE_CMDQ,
			&has_queues);
	if (!err && !has_queues)
		err = -EOPNOTSUPP;
	if (!err)
		err = begin(ctx, r, &l, 0);
	if (err)
		return err;
	arguments = put(&l, FENCE_SIGNAL, 24);
	set64(arguments, STARTED);
	set64(arguments + 8, 1);
	arguments = put(&l, FENCE_WAIT, 24);
	set64(arguments, GO);
	set64(arguments + 8, 1);
	err = finish(r, &l);
	if (err)
		return err;
	keeper = malloc(sizeof(*keeper));
	if (!keeper)
		return -ENOMEM;
	keeper->gate = gate;
	keeper->bo = accel_bo_ref(l.bo);
	keeper->started = (void *)(l.map + STARTED);
	keeper->go = (void *)(l.map + GO);
	err = gate_help(gate, keep_door, keeper);
	if (err) {
		accel_bo_unref(keeper->bo);
		free(keeper);
	}
	return err;
}

/* ---- what is refused --------------------------------------------------------------------------- */

/* Commands before the last, so that there is an offset to tell. */
static unsigned char *put_behind_nops(struct list *l, uint16_t type, uint32_t bytes,
				      struct refusal *expected)
{
	put(l, NOP, 8);
	put(l, BARRIER, 8);
	expected->offset = l->count;
	return put(l, type, bytes);
}

static int make_bad(struct list *l, unsigned int n, struct refusal *expected)
{
	unsigned char *arguments;

	expected->error = -EINVAL;
	expected->index = ~0u;
	switch (n) {
	case 0:
		expected->what = "a command that there is not";
		put_behind_nops(l, 0x0777, 8, expected);
		return 0;
	case 1:
		expected->what = "a command that is too short";
		put_behind_nops(l, FILL, 24, expected);
		return 0;
	case 2:
		expected->what = "a command that reaches beyond the list";
		put_behind_nops(l, FILL, 32, expected);
		l->count -= 8;
		return 0;
	case 3:
		expected->what = "a fill of nothing";
		set64(put_behind_nops(l, FILL, 32, expected), l->address);
		return 0;
	case 4:
		expected->what = "a fill outside the buffers of the job";
		expected->error = -ERANGE;
		arguments = put_behind_nops(l, FILL, 32, expected);
		set64(arguments, 64);
		set64(arguments + 8, 64);
		return 0;
	case 5:
		expected->what = "a fill beyond the end of its buffer";
		expected->error = -ERANGE;
		arguments = put_behind_nops(l, FILL, 32, expected);
		set64(arguments, l->address);
		set64(arguments + 8, 1 << 20);
		return 0;
	case 6:
		expected->what = "a fence that is not at a multiple of 8";
		set64(put_behind_nops(l, FENCE_WAIT, 24, expected), GO + 4);
		return 0;
	case 7:
		expected->what = "a copy without descriptors";
		put_behind_nops(l, COPY, 24, expected);
		return 0;
	case 8:
		expected->what = "descriptors that are outside";
		expected->error = -ERANGE;
		arguments = put_behind_nops(l, COPY, 24, expected);
		set64(arguments, 1 << 20);
		set32(arguments + 8, 1);
		return 0;
	case 9:
		expected->what = "a descriptor that names what is outside";
		expected->error = -ERANGE;
		put_descriptor(l, l->address, 64, 8);
		arguments = put_behind_nops(l, COPY, 24, expected);
		set32(arguments + 8, 1);
		return 0;
	default:
		return -ENOENT;
	}
}

static int ivpu_refused(struct accel_context *ctx, struct request *r, unsigned int n,
			struct refusal *expected)
{
	struct list l;
	int err;

	err = begin(ctx, r, &l, 1);
	if (!err)
		err = make_bad(&l, n, expected);
	return err ? err : finish(r, &l);
}

const struct workload workload_ivpu = {
	.driver = "intel_vpu",
	.prefix = "pci:0000:00:0b.", /* where it is in all these processors */
	.unit = LINE,
	.nop = ivpu_nop,
	.fill = ivpu_fill,
	.copy = ivpu_copy,
	.fail = ivpu_fail,
	.hang = ivpu_hang,
	.gate = ivpu_gate,
	.refused = ivpu_refused,
};
