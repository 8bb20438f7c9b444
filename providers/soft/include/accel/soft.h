/* SPDX-License-Identifier: MIT */
/*
 * <accel/soft.h>: the command stream of the software device.
 *
 * The commands of a job on soft are packets in a buffer made with
 * ACCEL_BO_COMMANDS, one behind the other, accel_job_params.bytes in all. Each
 * begins with struct accel_soft_packet, is as long as that says (the size of its
 * struct below, no more) and begins at a multiple of 8 bytes. They run in order.
 * The stream is copied and checked by accel_job_create(); what is written to the
 * command buffer later has no effect on that job. A job with no commands is legal:
 * it only takes its place in the order.
 *
 * Operands name a buffer by its index in accel_job_params.bos. A source needs
 * ACCEL_ACCESS_READ there, a destination ACCEL_ACCESS_WRITE. The bytes of a
 * destination must not overlap those of a source of the same packet (for add and
 * ReLU they may be exactly the same). Rows may lie in the gaps between rows of the
 * other if both have the same stride; if not, all from the first byte to the last
 * counts. Matrices are row-major; f32, s32 and u64 values need offsets that are
 * multiples of their size.
 *
 * f32 is computed as such, in an order of additions that is not defined. Which of
 * two NaNs survives an addition is not defined either.
 *
 * What is wrong with a stream is told by the errno of accel_job_create() and by
 * accel_last_error(): index is the buffer at fault, if it is one, and offset the
 * packet's first byte, counted from accel_job_params.offset:
 *	-EINVAL	unknown opcode, flag or type, a wrong packet size, a size of 0, a
 *		stride smaller than its row, a misaligned offset, overlap, a
 *		reserved member that is not 0, a buffer index out of range, a
 *		stream that ends inside a packet
 *	-ERANGE	bytes outside a buffer
 *	-EACCES	a buffer listed without the access that the packet needs
 *	-E2BIG	more than ACCEL_COMMANDS_BYTES_MAX bytes
 */
#ifndef ACCEL_SOFT_H
#define ACCEL_SOFT_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum accel_soft_opcode {
	ACCEL_SOFT_FILL = 1,
	ACCEL_SOFT_COPY,
	ACCEL_SOFT_COPY_2D,
	ACCEL_SOFT_MATMUL,
	ACCEL_SOFT_ADD,
	ACCEL_SOFT_RELU,
	ACCEL_SOFT_TIMESTAMP
};

/* Begins each packet. */
struct accel_soft_packet {
	uint16_t opcode; /* enum accel_soft_opcode */
	uint16_t flags;
	uint32_t bytes; /* of the whole packet */
};

/* A place in a buffer. */
struct accel_soft_operand {
	uint32_t bo; /* index in accel_job_params.bos */
	uint32_t reserved;
	uint64_t offset; /* bytes */
};

/* ACCEL_SOFT_FILL: @bytes bytes of @dst become the four bytes of @pattern, over
 * and over, least significant first. Any offset, any size. flags is 0. */
struct accel_soft_fill {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
	uint64_t bytes;
	uint32_t pattern;
	uint32_t reserved;
};

/* ACCEL_SOFT_COPY: @bytes bytes of @src to @dst. flags is 0. */
struct accel_soft_copy {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
	struct accel_soft_operand src;
	uint64_t bytes;
};

/* ACCEL_SOFT_COPY_2D: @rows rows of @width bytes; the next row is a stride
 * further. Strides are in bytes and at least @width. flags is 0. */
struct accel_soft_copy_2d {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
	struct accel_soft_operand src;
	uint64_t width;
	uint64_t rows;
	uint64_t dst_stride;
	uint64_t src_stride;
};

/* ACCEL_SOFT_MATMUL: c = a b, a is m by k, b is k by n, c is m by n. With
 * ACCEL_SOFT_TRANSPOSE_B b is stored as n by k. Leading dimensions are in elements
 * and at least the length of a stored row. Sums of s8 products are exact: they fit
 * for sure up to a k of 131071, and beyond s32 the low 32 bits are stored. */
#define ACCEL_SOFT_TRANSPOSE_B 1u
enum accel_soft_matmul_type {
	ACCEL_SOFT_F32 = 1,  /* all f32 */
	ACCEL_SOFT_S8_S8_S32 /* a and b s8, c s32 */
};
struct accel_soft_matmul {
	struct accel_soft_packet head;
	struct accel_soft_operand c;
	struct accel_soft_operand a;
	struct accel_soft_operand b;
	uint32_t type; /* enum accel_soft_matmul_type */
	uint32_t m, n, k;
	uint32_t lda, ldb, ldc;
	uint32_t reserved;
};

/* ACCEL_SOFT_ADD: dst = a + b, f32, @rows by @columns without gaps. With
 * ACCEL_SOFT_BROADCAST b is one row that is added to every row. */
#define ACCEL_SOFT_BROADCAST 1u
struct accel_soft_add {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
	struct accel_soft_operand a;
	struct accel_soft_operand b;
	uint32_t rows, columns;
};

/* ACCEL_SOFT_RELU: dst = max(src, 0), @count f32 values. A NaN becomes NaN or 0, a
 * zero may lose its sign. flags is 0. */
struct accel_soft_relu {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
	struct accel_soft_operand src;
	uint64_t count;
};

/* ACCEL_SOFT_TIMESTAMP: CLOCK_MONOTONIC in nanoseconds, a u64, when the packets
 * before it are done. flags is 0. */
struct accel_soft_timestamp {
	struct accel_soft_packet head;
	struct accel_soft_operand dst;
};

/*
 * Vendor struct of a job (accel_job_params.ext): a function to call on a worker
 * thread after the job's packets. A result of 0 is success; a negative errno makes
 * the job fail, with that as its driver_code (cast through int64_t); other values
 * count as -EIO. @call lives until @fn returns.
 *
 * @fn may take as long as it likes and may block, other queues go on. When the job is
 * cancelled or its timeout has passed call->should_stop() turns non-zero and
 * @fn ought to return; the job ends when it does. All signals are blocked on the
 * thread. @fn may call libaccel, except what waits for its own job or queue, but
 * must not give back the last reference to its context. exit(3) does not wait for @fn:
 * it may block for ever.
 */
#define ACCEL_SOFT_HOST_JOB 0x00010001u
struct accel_soft_call {
	void *data;
	int (*should_stop)(const struct accel_soft_call *call);
};
struct accel_soft_host_job {
	struct accel_ext head; /* .type = ACCEL_SOFT_HOST_JOB */
	int (*fn)(const struct accel_soft_call *call);
	void *data;
};

#ifdef __cplusplus
}
#endif
#endif
