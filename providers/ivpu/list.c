/* SPDX-License-Identifier: MIT */
/*
 * Making command lists. The commands grow in memory of the library; only when the list is finished
 * there is a buffer, and addresses of what lies in it: behind the commands come the save area and
 * the descriptors of copies.
 */
#include "ivpu_internal.h"

#include <errno.h>
#include <string.h>

#include "commands.h"

#define LIST_BYTES_MAX (UINT64_C(1) << 30) /* of commands, and of descriptors */

/* An array that grows. */
struct array {
	void *at;
	size_t bytes, room;
};

struct move {
	uint64_t src, dst;
	uint32_t bytes;
};

struct accel_ivpu_list {
	struct accel_context *context;
	_Atomic uint32_t refs;
	bool old;
	struct array commands;
	struct array moves; /* struct move: a descriptor each */
	struct array bos;   /* struct accel_bo_ref, each with a reference */
};

/* ---- arrays ------------------------------------------------------------------------------- */

static int array_reserve(struct array *array, size_t bytes)
{
	size_t room = array->room ? array->room : 256;
	void *at;

	if (array->bytes + bytes > LIST_BYTES_MAX)
		return accel_core_fail(-E2BIG, "a command list has no room for more");
	while (room < array->bytes + bytes)
		room *= 2;
	if (room == array->room)
		return 0;
	at = accel_core_sys.alloc(room);
	if (!at)
		return accel_core_fail(-ENOMEM, "no memory for a command list");
	if (array->bytes)
		memcpy(at, array->at, array->bytes);
	accel_core_sys.free(array->at);
	array->at = at;
	array->room = room;
	return 0;
}

/* After array_reserve(). */
static void array_add(struct array *array, const void *from, size_t bytes)
{
	memcpy((char *)array->at + array->bytes, from, bytes);
	array->bytes += bytes;
}

static struct accel_bo_ref *bos_of(const struct accel_ivpu_list *list, size_t *count)
{
	*count = list->bos.bytes / sizeof(struct accel_bo_ref);
	return list->bos.at;
}

static size_t descriptor_bytes(const struct accel_ivpu_list *list)
{
	return list->old ? sizeof(struct ivpu_descriptor_37xx)
			 : sizeof(struct ivpu_descriptor_40xx);
}

/* ---- making and ending --------------------------------------------------------------------- */

int accel_ivpu_list_create(struct accel_context *context, struct accel_ivpu_list **out)
{
	struct accel_ivpu_list *list;
	int ret;

	ret = accel_core_enter(context, NAME);
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	list = accel_core_sys.alloc(sizeof(*list));
	if (!list)
		return accel_core_fail(-ENOMEM, "no memory for a command list");
	list->context = accel_context_ref(context);
	list->refs = 1;
	list->old = ivpu_context(context)->old;
	*out = list;
	return 0;
}

struct accel_ivpu_list *accel_ivpu_list_ref(struct accel_ivpu_list *list)
{
	if (list)
		atomic_fetch_add(&list->refs, 1);
	return list;
}

void accel_ivpu_list_unref(struct accel_ivpu_list *list)
{
	struct accel_bo_ref *bos;
	size_t count, i;

	if (!list || atomic_fetch_sub(&list->refs, 1) != 1)
		return;
	bos = bos_of(list, &count);
	for (i = 0; i < count; i++)
		accel_bo_unref(bos[i].bo);
	accel_context_unref(list->context);
	accel_core_sys.free(list->commands.at);
	accel_core_sys.free(list->moves.at);
	accel_core_sys.free(list->bos.at);
	accel_core_sys.free(list);
}

static int enter(const struct accel_ivpu_list *list)
{
	return accel_core_enter(list ? list->context : NULL, NAME);
}

/* ---- buffers ------------------------------------------------------------------------------------ */

static int check_bo(const struct accel_ivpu_list *list, const struct accel_bo *bo, uint32_t access)
{
	if (!bo)
		return accel_core_fail(-EINVAL, "bo is NULL");
	if (bo->context != list->context)
		return accel_core_fail(-EXDEV, "the buffer is of another context");
	if ((access & ACCEL_ACCESS_READ && !(bo->flags & ACCEL_BO_DEVICE_READ)) ||
	    (access & ACCEL_ACCESS_WRITE && !(bo->flags & ACCEL_BO_DEVICE_WRITE)))
		return accel_core_fail(-EACCES,
				       "the buffer was not made for this access of the device");
	return 0;
}

/* Its place in the list; the number of those there are if it isn't there. */
static size_t find_bo(const struct accel_ivpu_list *list, const struct accel_bo *bo)
{
	size_t count, i;
	const struct accel_bo_ref *bos = bos_of(list, &count);

	for (i = 0; i < count && bos[i].bo != bo; i++)
		;
	return i;
}

/* See that add_bo() for @more buffers can't fail. */
static int reserve_bos(struct accel_ivpu_list *list, size_t more)
{
	if (list->bos.bytes / sizeof(struct accel_bo_ref) + more > JOB_BOS_MAX)
		return accel_core_fail(-E2BIG, "a job of this device has %d buffers", JOB_BOS_MAX);
	return array_reserve(&list->bos, more * sizeof(struct accel_bo_ref));
}

static void add_bo(struct accel_ivpu_list *list, struct accel_bo *bo, uint32_t access)
{
	const size_t place = find_bo(list, bo);
	const struct accel_bo_ref fresh = {.bo = bo, .access = access};
	size_t count;
	struct accel_bo_ref *bos = bos_of(list, &count);

	if (place < count)
		bos[place].access |= access;
	else
		array_add(&list->bos, &fresh, sizeof(fresh));
	if (place == count)
		accel_bo_ref(bo);
}

int accel_ivpu_list_use(struct accel_ivpu_list *list, struct accel_bo *bo, uint32_t access)
{
	int ret;

	ret = enter(list);
	if (ret)
		return ret;
	if (!access || access & ~(ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE))
		return accel_core_fail(-EINVAL, "access 0x%x: must be ACCEL_ACCESS_*", access);
	ret = check_bo(list, bo, access);
	if (!ret)
		ret = reserve_bos(list, 1);
	if (!ret)
		add_bo(list, bo, access);
	return ret;
}

/* That a command can reach @bytes at @offset of @bo; their address. */
static int check_range(const struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
		       uint64_t bytes, uint64_t multiple, uint32_t access, uint64_t *address)
{
	int ret;

	ret = check_bo(list, bo, access);
	if (ret)
		return ret;
	if (!bytes)
		return accel_core_fail(-EINVAL, "a command for no bytes");
	if (offset % multiple)
		return accel_core_fail(-EINVAL,
				       "offset %llu: must be a multiple of %llu on this NPU",
				       (unsigned long long)offset, (unsigned long long)multiple);
	if (offset > bo->bytes || bytes > bo->bytes - offset)
		return accel_core_fail(-ERANGE, "%llu bytes from %llu of a buffer of %llu",
				       (unsigned long long)bytes, (unsigned long long)offset,
				       (unsigned long long)bo->bytes);
	*address = ivpu_bo(bo)->address + offset;
	return 0;
}

/* ---- commands ---------------------------------------------------------------------------------- */

#define HEAD(what, command)                                        \
	(struct ivpu_head)                                         \
	{                                                          \
		.type = (what), .bytes = (uint16_t)sizeof(command) \
	}

static int add_command(struct accel_ivpu_list *list, const void *command, size_t bytes,
		       struct accel_bo *bo, uint32_t access)
{
	int ret;

	ret = array_reserve(&list->commands, bytes);
	if (!ret && bo)
		ret = reserve_bos(list, 1);
	if (ret)
		return ret;
	array_add(&list->commands, command, bytes);
	if (bo)
		add_bo(list, bo, access);
	return 0;
}

static int add_plain(struct accel_ivpu_list *list, uint16_t type)
{
	struct ivpu_head command = HEAD(type, command);
	const int ret = enter(list);

	return ret ? ret : add_command(list, &command, sizeof(command), NULL, 0);
}

int accel_ivpu_list_nop(struct accel_ivpu_list *list)
{
	return add_plain(list, IVPU_NOP);
}

int accel_ivpu_list_barrier(struct accel_ivpu_list *list)
{
	return add_plain(list, IVPU_BARRIER);
}

static uint64_t word_multiple(const struct accel_ivpu_list *list)
{
	return list->old ? LINE_BYTES : WORD_BYTES;
}

int accel_ivpu_list_timestamp(struct accel_ivpu_list *list, uint32_t type, struct accel_bo *bo,
			      uint64_t offset)
{
	struct ivpu_timestamp command = {.head = HEAD(IVPU_TIMESTAMP, command)};
	int ret;

	ret = enter(list);
	if (ret)
		return ret;
	if (type > ACCEL_IVPU_TIME_DELTA)
		return accel_core_fail(-EINVAL, "a timestamp of type %u: there are 0 to %d", type,
				       ACCEL_IVPU_TIME_DELTA);
	command.head.word = type;
	ret = check_range(list, bo, offset, WORD_BYTES, word_multiple(list), ACCEL_ACCESS_WRITE,
			  &command.address);
	return ret ? ret : add_command(list, &command, sizeof(command), bo, ACCEL_ACCESS_WRITE);
}

static int add_fence(struct accel_ivpu_list *list, uint16_t type, struct accel_bo *bo,
		     uint64_t offset, uint64_t value, uint32_t access)
{
	struct ivpu_fence command = {.head = HEAD(type, command), .value = value};
	int ret;

	ret = enter(list);
	if (!ret)
		ret = check_range(list, bo, offset, WORD_BYTES, word_multiple(list), access,
				  &command.offset);
	return ret ? ret : add_command(list, &command, sizeof(command), bo, access);
}

int accel_ivpu_list_fence_wait(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			       uint64_t value)
{
	return add_fence(list, IVPU_FENCE_WAIT, bo, offset, value, ACCEL_ACCESS_READ);
}

int accel_ivpu_list_fence_signal(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
				 uint64_t value)
{
	return add_fence(list, IVPU_FENCE_SIGNAL, bo, offset, value, ACCEL_ACCESS_WRITE);
}

int accel_ivpu_list_fill(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			 uint64_t bytes, uint32_t pattern)
{
	struct ivpu_fill command = {
		.head = HEAD(IVPU_FILL, command), .bytes = bytes, .pattern = pattern};
	int ret;

	ret = enter(list);
	if (!ret)
		ret = check_range(list, bo, offset, bytes, list->old ? LINE_BYTES : 1,
				  ACCEL_ACCESS_WRITE, &command.address);
	return ret ? ret : add_command(list, &command, sizeof(command), bo, ACCEL_ACCESS_WRITE);
}

int accel_ivpu_list_inference(struct accel_ivpu_list *list, struct accel_bo *bo, uint64_t offset,
			      uint32_t bytes, uint64_t id)
{
	struct ivpu_inference command = {
		.head = HEAD(IVPU_INFERENCE, command), .id = id, .bytes = bytes};
	int ret;

	ret = enter(list);
	if (!ret)
		ret = check_range(list, bo, offset, bytes, 1, ACCEL_ACCESS_READ, &command.address);
	return ret ? ret : add_command(list, &command, sizeof(command), bo, ACCEL_ACCESS_READ);
}

/* As many descriptors as @bytes need, and as many commands as these. */
static void add_moves(struct accel_ivpu_list *list, uint64_t dst, uint64_t src, uint64_t bytes,
		      uint64_t step)
{
	struct ivpu_copy command = {.head = HEAD(IVPU_COPY, command)};
	struct move move;

	while (bytes) {
		command.offset = list->moves.bytes / sizeof(move) * descriptor_bytes(list);
		for (command.count = 0; bytes && command.count < DESCRIPTORS_MAX; command.count++) {
			move = (struct move){src, dst, (uint32_t)(bytes < step ? bytes : step)};
			array_add(&list->moves, &move, sizeof(move));
			src += move.bytes;
			dst += move.bytes;
			bytes -= move.bytes;
		}
		array_add(&list->commands, &command, sizeof(command));
	}
}

int accel_ivpu_list_copy(struct accel_ivpu_list *list, struct accel_bo *dst, uint64_t dst_offset,
			 struct accel_bo *src, uint64_t src_offset, uint64_t bytes)
{
	uint64_t to, from, step, moves;
	int ret;

	ret = enter(list);
	if (!ret)
		ret = check_range(list, dst, dst_offset, bytes, 1, ACCEL_ACCESS_WRITE, &to);
	if (!ret)
		ret = check_range(list, src, src_offset, bytes, 1, ACCEL_ACCESS_READ, &from);
	if (ret)
		return ret;
	if (to < from + bytes && from < to + bytes)
		return accel_core_fail(-EINVAL, "a copy to where it comes from");
	step = list->old ? OLD_COPY_MAX : UINT32_MAX & ~(uint32_t)(LINE_BYTES - 1);
	moves = (bytes + step - 1) / step;
	ret = array_reserve(&list->moves, moves * sizeof(struct move));
	if (!ret)
		ret = array_reserve(&list->commands,
				    (moves / DESCRIPTORS_MAX + 1) * sizeof(struct ivpu_copy));
	if (!ret)
		ret = reserve_bos(list, 2);
	if (ret)
		return ret;
	add_moves(list, to, from, bytes, step);
	add_bo(list, dst, ACCEL_ACCESS_WRITE);
	add_bo(list, src, ACCEL_ACCESS_READ);
	return 0;
}

/* ---- the buffer ----------------------------------------------------------------------------------- */

static uint64_t up_to_line(uint64_t bytes)
{
	return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static void write_descriptors(const struct accel_ivpu_list *list, unsigned char *to)
{
	const size_t count = list->moves.bytes / sizeof(struct move);
	const struct move *moves = list->moves.at;
	struct ivpu_descriptor_37xx old = {0};
	struct ivpu_descriptor_40xx now = {0};
	size_t i;

	for (i = 0; i < count; i++) {
		old.src = now.src = moves[i].src;
		old.dst = now.dst = moves[i].dst;
		old.bytes = now.bytes = moves[i].bytes;
		if (list->old)
			memcpy(to + i * sizeof(old), &old, sizeof(old));
		else
			memcpy(to + i * sizeof(now), &now, sizeof(now));
	}
}

int accel_ivpu_list_finish(struct accel_ivpu_list *list, struct accel_job_params *params)
{
	struct accel_bo_params make = {.size = sizeof(make)};
	struct ivpu_header header = {.first = sizeof(header), .api = COMMANDS_API};
	uint64_t save, descriptors;
	struct accel_bo *bo;
	size_t count;
	void *at;
	int ret;

	ret = enter(list);
	if (ret)
		return ret;
	if (!params)
		return accel_core_fail(-EINVAL, "params is NULL");
	if (!list->commands.bytes)
		return accel_core_fail(-EINVAL, "the list has no commands");
	header.bytes = (uint32_t)(sizeof(header) + list->commands.bytes);
	save = up_to_line(header.bytes);
	descriptors = save + SAVE_BYTES;
	make.flags = ACCEL_BO_COMMANDS | ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_ZERO;
	make.bytes = descriptors +
		     list->moves.bytes / sizeof(struct move) * descriptor_bytes(list) +
		     OLD_FETCH_BEYOND;
	ret = accel_bo_create(list->context, &make, &bo);
	if (ret)
		return ret;
	ret = accel_bo_map(bo, &at);
	if (ret) {
		accel_bo_unref(bo);
		return ret;
	}
	header.save = ivpu_bo(bo)->address + save;
	header.descriptors = ivpu_bo(bo)->address + descriptors;
	memcpy(at, &header, sizeof(header));
	memcpy((char *)at + sizeof(header), list->commands.at, list->commands.bytes);
	write_descriptors(list, (unsigned char *)at + descriptors);
	params->commands = bo;
	params->offset = 0;
	params->bytes = header.bytes;
	params->bos = bos_of(list, &count);
	params->bo_count = (uint32_t)count;
	return 0;
}
