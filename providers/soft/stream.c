/* SPDX-License-Identifier: MIT */
/* The packet stream of a job: checked, and lowered to operations. */
#include "soft_internal.h"

#include <errno.h>
#include <string.h>

#define NOWHERE   (~0ull)
#define NO_BUFFER (~0u)

/* A tile of a fill or copy; how much is done between two looks at the clock. */
#define TILE_BYTES (1ull << 20)

union packet {
	struct accel_soft_packet head;
	struct accel_soft_fill fill;
	struct accel_soft_copy copy;
	struct accel_soft_copy_2d copy_2d;
	struct accel_soft_matmul matmul;
	struct accel_soft_add add;
	struct accel_soft_relu relu;
	struct accel_soft_timestamp timestamp;
};

static const struct {
	const char *name;
	uint32_t bytes;
	uint16_t flags;
} packets[] = {
	[ACCEL_SOFT_FILL] = {"fill", sizeof(struct accel_soft_fill), 0},
	[ACCEL_SOFT_COPY] = {"copy", sizeof(struct accel_soft_copy), 0},
	[ACCEL_SOFT_COPY_2D] = {"copy_2d", sizeof(struct accel_soft_copy_2d), 0},
	[ACCEL_SOFT_MATMUL] = {"matmul", sizeof(struct accel_soft_matmul), ACCEL_SOFT_TRANSPOSE_B},
	[ACCEL_SOFT_ADD] = {"add", sizeof(struct accel_soft_add), ACCEL_SOFT_BROADCAST},
	[ACCEL_SOFT_RELU] = {"relu", sizeof(struct accel_soft_relu), 0},
	[ACCEL_SOFT_TIMESTAMP] = {"timestamp", sizeof(struct accel_soft_timestamp), 0},
};

#define OPCODES (sizeof(packets) / sizeof(packets[0]))

/* Look at the head of the packet at @at: its place in the stream, opcode, size, flags. */
static int check_head(const unsigned char *stream, uint64_t bytes, uint64_t at,
		      struct accel_soft_packet *head)
{
	if (bytes - at < sizeof(*head))
		return accel_core_fail_at(-EINVAL, NO_BUFFER, at,
					  "the stream ends inside a packet's head");
	memcpy(head, stream + at, sizeof(*head));
	if (head->opcode >= OPCODES || !packets[head->opcode].bytes)
		return accel_core_fail_at(-EINVAL, NO_BUFFER, at, "opcode %u is not known",
					  head->opcode);
	if (head->bytes != packets[head->opcode].bytes)
		return accel_core_fail_at(
			-EINVAL, NO_BUFFER, at, "a %s packet has %u bytes, not %u",
			packets[head->opcode].name, packets[head->opcode].bytes, head->bytes);
	if (head->bytes > bytes - at)
		return accel_core_fail_at(-EINVAL, NO_BUFFER, at,
					  "the stream ends inside a %s packet",
					  packets[head->opcode].name);
	if (head->flags & ~packets[head->opcode].flags)
		return accel_core_fail_at(-EINVAL, NO_BUFFER, at, "a %s packet has no flag 0x%x",
					  packets[head->opcode].name,
					  head->flags & ~packets[head->opcode].flags & 0xffffu);
	return 0;
}

/* ---- operands ---------------------------------------------------------- */

static int bad(const struct soft_op *op, const char *what)
{
	return accel_core_fail_at(-EINVAL, NO_BUFFER, op->packet, "%s", what);
}

/* Add an operand of @rows rows of @width bytes to @op; none of both is 0. */
static int add_view(struct soft_op *op, const struct accel_job *job,
		    const struct accel_soft_operand *operand, uint64_t rows, uint64_t width,
		    uint64_t stride, uint32_t align)
{
	uint32_t access = op->views ? ACCEL_ACCESS_READ : ACCEL_ACCESS_WRITE;
	struct soft_view *view = &op->view[op->views++];

	if (operand->reserved)
		return bad(op, "an operand's reserved member is not 0");
	if (operand->bo >= job->bo_count)
		return accel_core_fail_at(-EINVAL, operand->bo, op->packet,
					  "buffer %u, but the job lists %u", operand->bo,
					  job->bo_count);
	if (!(job->bos[operand->bo].access & access))
		return accel_core_fail_at(-EACCES, operand->bo, op->packet,
					  "buffer %u is listed without %s access", operand->bo,
					  access == ACCEL_ACCESS_READ ? "read" : "write");
	if (operand->offset % align)
		return accel_core_fail_at(-EINVAL, operand->bo, op->packet,
					  "offset %llu is not a multiple of %u",
					  (unsigned long long)operand->offset, align);
	*view = (struct soft_view){.bo = operand->bo,
				   .access = access,
				   .offset = operand->offset,
				   .width = width,
				   .rows = rows,
				   .stride = stride};
	return 0;
}

static uint64_t view_span(const struct soft_view *view)
{
	return (view->rows - 1) * view->stride + view->width;
}

/* The bytes of @view must lie in @bo. After this, no arithmetic on them overflows. */
static int check_range(const struct soft_op *op, const struct soft_view *view,
		       const struct accel_bo *bo)
{
	uint64_t end;

	if (__builtin_mul_overflow(view->rows - 1, view->stride, &end) ||
	    __builtin_add_overflow(end, view->width, &end) ||
	    __builtin_add_overflow(end, view->offset, &end) || end > bo->bytes)
		return accel_core_fail_at(-ERANGE, view->bo, op->packet,
					  "reaches beyond the %llu bytes of buffer %u",
					  (unsigned long long)bo->bytes, view->bo);
	return 0;
}

/* Whether two operands have a byte in common; compared by address, for user memory may
 * be behind two buffers. */
static bool overlap(const struct soft_view *a, uintptr_t a_at, const struct soft_view *b,
		    uintptr_t b_at)
{
	uint64_t phase;

	if (a_at > b_at)
		return overlap(b, b_at, a, a_at);
	if (b_at - a_at >= view_span(a))
		return false;
	/* The spans overlap, but the rows of one may lie in the gaps of the other. */
	if (a->rows == 1 || (b->rows > 1 && a->stride != b->stride))
		return true;
	phase = (b_at - a_at) % a->stride;
	return phase < a->width || b->width > a->stride - phase;
}

static int check_overlap(const struct soft_op *op, const struct accel_bo_ref *bos, uint32_t index,
			 const struct accel_bo *instead)
{
	const struct soft_view *dst = &op->view[0], *src;
	uintptr_t at[3];

	for (uint32_t i = 0; i < op->views; i++) {
		const struct accel_bo *bo =
			op->view[i].bo == index && instead ? instead : bos[op->view[i].bo].bo;

		at[i] = (uintptr_t)bo->map + op->view[i].offset;
	}
	for (uint32_t i = 1; i < op->views; i++) {
		src = &op->view[i];
		if (op->may_be_same & 1u << i && at[i] == at[0] && view_span(src) == view_span(dst))
			continue;
		if (overlap(dst, at[0], src, at[i]))
			return accel_core_fail_at(-EINVAL, src->bo, op->packet,
						  "destination and source overlap");
	}
	return 0;
}

static int check_views(const struct soft_op *op, const struct accel_bo_ref *bos, uint32_t index,
		       const struct accel_bo *instead)
{
	int err;

	for (uint32_t i = 0; i < op->views; i++) {
		const struct soft_view *view = &op->view[i];

		err = check_range(op, view,
				  view->bo == index && instead ? instead : bos[view->bo].bo);
		if (err)
			return err;
	}
	return check_overlap(op, bos, index, instead);
}

/* ---- packets ----------------------------------------------------------- */

/* The grid of a fill or copy: whole rows where they are short. */
static void bytes_grid(struct soft_grid *grid, uint64_t rows, uint64_t width)
{
	*grid = (struct soft_grid){rows, width, 1, TILE_BYTES};
	if (width <= TILE_BYTES) {
		grid->tile_columns = width;
		grid->tile_rows = TILE_BYTES / width;
		if (grid->tile_rows > rows)
			grid->tile_rows = rows;
	}
}

static int lower_fill(struct soft_op *op, const struct accel_job *job,
		      const struct accel_soft_fill *p)
{
	if (p->reserved)
		return bad(op, "a reserved member is not 0");
	if (!p->bytes)
		return bad(op, "a fill of 0 bytes");
	op->kind = SOFT_OP_FILL;
	op->pattern = p->pattern;
	bytes_grid(&op->grid, 1, p->bytes);
	return add_view(op, job, &p->dst, 1, p->bytes, p->bytes, 1);
}

static int lower_copy(struct soft_op *op, const struct accel_job *job,
		      const struct accel_soft_copy *p)
{
	int err;

	if (!p->bytes)
		return bad(op, "a copy of 0 bytes");
	op->kind = SOFT_OP_COPY;
	bytes_grid(&op->grid, 1, p->bytes);
	err = add_view(op, job, &p->dst, 1, p->bytes, p->bytes, 1);
	if (!err)
		err = add_view(op, job, &p->src, 1, p->bytes, p->bytes, 1);
	return err;
}

static int lower_copy_2d(struct soft_op *op, const struct accel_job *job,
			 const struct accel_soft_copy_2d *p)
{
	int err;

	if (!p->width || !p->rows)
		return bad(op, "a copy of 0 bytes");
	if (p->dst_stride < p->width || p->src_stride < p->width)
		return bad(op, "a stride is smaller than the row");
	op->kind = SOFT_OP_COPY;
	bytes_grid(&op->grid, p->rows, p->width);
	err = add_view(op, job, &p->dst, p->rows, p->width, p->dst_stride, 1);
	if (!err)
		err = add_view(op, job, &p->src, p->rows, p->width, p->src_stride, 1);
	return err;
}

static int lower_matmul(struct soft_op *op, const struct accel_job *job,
			const struct accel_soft_matmul *p)
{
	bool transpose = p->head.flags & ACCEL_SOFT_TRANSPOSE_B;
	uint64_t b_rows = transpose ? p->n : p->k;
	uint64_t b_row = transpose ? p->k : p->n;
	uint32_t in;
	int err;

	if (p->reserved)
		return bad(op, "a reserved member is not 0");
	if (p->type != ACCEL_SOFT_F32 && p->type != ACCEL_SOFT_S8_S8_S32)
		return bad(op, "the type of a matmul is not known");
	if (!p->m || !p->n || !p->k)
		return bad(op, "a matrix of size 0");
	if (p->lda < p->k || p->ldb < b_row || p->ldc < p->n)
		return bad(op, "a leading dimension is smaller than the row");
	in = p->type == ACCEL_SOFT_F32 ? 4 : 1;
	op->kind = SOFT_OP_COMPUTE;
	err = add_view(op, job, &p->c, p->m, (uint64_t)p->n * 4, (uint64_t)p->ldc * 4, 4);
	if (!err)
		err = add_view(op, job, &p->a, p->m, (uint64_t)p->k * in, (uint64_t)p->lda * in,
			       in);
	if (!err)
		err = add_view(op, job, &p->b, b_rows, b_row * in, (uint64_t)p->ldb * in, in);
	return err;
}

static int lower_add(struct soft_op *op, const struct accel_job *job,
		     const struct accel_soft_add *p)
{
	bool broadcast = p->head.flags & ACCEL_SOFT_BROADCAST;
	uint64_t row = (uint64_t)p->columns * 4;
	int err;

	if (!p->rows || !p->columns)
		return bad(op, "a matrix of size 0");
	op->kind = SOFT_OP_COMPUTE;
	op->may_be_same = 1u << 1 | 1u << 2;
	err = add_view(op, job, &p->dst, p->rows, row, row, 4);
	if (!err)
		err = add_view(op, job, &p->a, p->rows, row, row, 4);
	if (!err)
		err = add_view(op, job, &p->b, broadcast ? 1 : p->rows, row, row, 4);
	return err;
}

static int lower_relu(struct soft_op *op, const struct accel_job *job,
		      const struct accel_soft_relu *p)
{
	uint64_t bytes;
	int err;

	if (!p->count)
		return bad(op, "a vector of size 0");
	/* What overflows is surely out of range, which is found after other faults. */
	if (__builtin_mul_overflow(p->count, 4, &bytes))
		bytes = UINT64_MAX;
	op->kind = SOFT_OP_COMPUTE;
	op->may_be_same = 1u << 1;
	err = add_view(op, job, &p->dst, 1, bytes, bytes, 4);
	if (!err)
		err = add_view(op, job, &p->src, 1, bytes, bytes, 4);
	return err;
}

static int lower_timestamp(struct soft_op *op, const struct accel_job *job,
			   const struct accel_soft_timestamp *p)
{
	op->kind = SOFT_OP_TIMESTAMP;
	op->grid = (struct soft_grid){1, 1, 1, 1};
	return add_view(op, job, &p->dst, 1, 8, 8, 8);
}

/* oneDNN's part, for what has passed all checks. */
static int prepare(struct soft_op *op, struct soft_context *context, const union packet *p)
{
	int err;

	switch (p->head.opcode) {
	case ACCEL_SOFT_MATMUL:
		err = soft_compute_matmul(context->engine, &p->matmul, context->cpus, &op->grid,
					  &op->compute);
		break;
	case ACCEL_SOFT_ADD:
		err = soft_compute_add(context->engine, &p->add, &op->grid, &op->compute);
		break;
	case ACCEL_SOFT_RELU:
		err = soft_compute_relu(context->engine, &p->relu, &op->grid, &op->compute);
		break;
	default:
		return 0;
	}
	if (!err)
		err = soft_slot_create(op->compute, &op->slot);
	return err;
}

static int lower(struct soft_op *op, struct accel_job *job, const union packet *p)
{
	int err = -EINVAL;

	switch (p->head.opcode) {
	case ACCEL_SOFT_FILL:
		err = lower_fill(op, job, &p->fill);
		break;
	case ACCEL_SOFT_COPY:
		err = lower_copy(op, job, &p->copy);
		break;
	case ACCEL_SOFT_COPY_2D:
		err = lower_copy_2d(op, job, &p->copy_2d);
		break;
	case ACCEL_SOFT_MATMUL:
		err = lower_matmul(op, job, &p->matmul);
		break;
	case ACCEL_SOFT_ADD:
		err = lower_add(op, job, &p->add);
		break;
	case ACCEL_SOFT_RELU:
		err = lower_relu(op, job, &p->relu);
		break;
	case ACCEL_SOFT_TIMESTAMP:
		err = lower_timestamp(op, job, &p->timestamp);
		break;
	}
	if (!err)
		err = check_views(op, job->bos, NO_BUFFER, NULL);
	return err;
}

static void free_ops(struct soft_job *job)
{
	for (uint32_t i = 0; i < job->op_count; i++) {
		soft_slot_destroy(job->ops[i].slot);
		soft_compute_destroy(job->ops[i].compute);
	}
	accel_core_sys.free(job->ops);
	job->ops = NULL;
	job->op_count = 0;
}

static int lower_stream(struct soft_job *job, const unsigned char *stream, uint64_t bytes)
{
	struct soft_context *context = soft_context(job->base.queue->context);
	struct accel_soft_packet head;
	union packet packet;
	uint32_t count = 0;
	uint64_t at;
	int err;

	/* How many there are; a bad head is found again, in its turn, below. */
	for (at = 0; at < bytes; at += head.bytes) {
		if (bytes - at < sizeof(head))
			break;
		memcpy(&head, stream + at, sizeof(head));
		if (head.opcode >= OPCODES || head.bytes != packets[head.opcode].bytes ||
		    !head.bytes || head.bytes > bytes - at)
			break;
		count++;
	}
	job->ops = accel_core_sys.alloc((count ? count : 1) * sizeof(*job->ops));
	if (!job->ops)
		return accel_core_fail(-ENOMEM, "soft: no memory for %u operations", count);
	/* All checks before anything is prepared: the first fault is told at once. */
	for (at = 0; at < bytes; at += head.bytes) {
		struct soft_op *op = &job->ops[job->op_count];

		err = check_head(stream, bytes, at, &head);
		if (err)
			return err;
		memcpy(&packet, stream + at, head.bytes);
		op->packet = at;
		job->op_count++;
		err = lower(op, &job->base, &packet);
		if (err)
			return err;
	}
	for (uint32_t i = 0; i < job->op_count; i++) {
		struct soft_op *op = &job->ops[i];

		memcpy(&head, stream + op->packet, sizeof(head));
		memcpy(&packet, stream + op->packet, head.bytes);
		err = prepare(op, context, &packet);
		if (err)
			return err;
	}
	return 0;
}

/* Nothing that a thread of the caller's could not do in passing: no function of somebody's, no
 * arithmetic, which is oneDNN's, and not much to write. */
static bool is_light(const struct soft_job *job)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < job->op_count; i++) {
		const struct soft_op *op = &job->ops[i];

		if (op->kind == SOFT_OP_COMPUTE || soft_grid_tiles(&op->grid) > 1)
			return false;
		/* One tile has no more bytes than this can count. */
		bytes += op->view[0].width * op->view[0].rows;
		if (bytes > SOFT_LIGHT_BYTES)
			return false;
	}
	return !job->host.fn;
}

int soft_job_init(struct accel_job *base, const struct accel_job_params *params)
{
	struct soft_job *job = soft_job(base);
	struct soft_context *context = soft_context(base->queue->context);
	unsigned char *stream;
	int err;

	err = accel_core_ext(&job->host, sizeof(job->host), params->ext, ACCEL_SOFT_HOST_JOB);
	if (err < 0)
		return err;
	if (err > 0 && !job->host.fn)
		return accel_core_fail(-EINVAL, "soft: a host job without a function");
	job->light = !job->host.fn;
	if (!params->commands) {
		if (params->bytes || params->offset)
			return accel_core_fail(-EINVAL, "soft: commands without a buffer");
		return 0;
	}
	if (params->bytes > SOFT_COMMANDS_MAX)
		return accel_core_fail(-E2BIG, "soft: more than %u bytes of commands",
				       SOFT_COMMANDS_MAX);
	if (params->offset % 8)
		return accel_core_fail(-EINVAL, "soft: commands begin at a multiple of 8");
	if (params->offset > params->commands->bytes ||
	    params->bytes > params->commands->bytes - params->offset)
		return accel_core_fail(-ERANGE, "soft: commands beyond their buffer");
	if (!params->bytes)
		return 0;
	if (atomic_load(&context->exiting))
		return accel_core_fail(-ENODEV, "soft: the process exits");

	/* Others may write to the buffer at any time: only the copy counts. */
	stream = accel_core_sys.alloc(params->bytes);
	if (!stream)
		return accel_core_fail(-ENOMEM, "soft: no memory for a copy of the commands");
	err = soft_bo_sync(params->commands, true, ACCEL_ACCESS_READ);
	if (!err) {
		memcpy(stream, (const unsigned char *)params->commands->map + params->offset,
		       params->bytes);
		err = soft_bo_sync(params->commands, false, ACCEL_ACCESS_READ);
	}
	if (!err)
		err = lower_stream(job, stream, params->bytes);
	if (err)
		free_ops(job);
	else
		job->light = is_light(job);
	accel_core_sys.free(stream);
	return err;
}

int soft_job_set_bo(struct accel_job *base, uint32_t index, struct accel_bo *bo)
{
	struct soft_job *job = soft_job(base);
	int err;

	for (uint32_t i = 0; i < job->op_count; i++) {
		err = check_views(&job->ops[i], base->bos, index, bo);
		if (err)
			return err;
	}
	return 0;
}

void soft_job_fini(struct accel_job *base)
{
	/* After exit(3) has begun, oneDNN may be gone already. */
	if (!atomic_load(&soft_context(base->queue->context)->exiting))
		free_ops(soft_job(base));
}
