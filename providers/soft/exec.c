/* SPDX-License-Identifier: MIT */
/* Does one tile of one operation. */
#include "soft_internal.h"

#include <errno.h>
#include <string.h>

static unsigned char *view_data(const struct soft_view *view, const struct accel_bo_ref *bos)
{
	return (unsigned char *)bos[view->bo].bo->map + view->offset;
}

/* Tiles begin at multiples of the pattern's size. */
static void fill(unsigned char *dst, uint64_t bytes, uint32_t pattern)
{
	unsigned char four[4] = {pattern & 0xff, pattern >> 8 & 0xff, pattern >> 16 & 0xff,
				 pattern >> 24};
	uint64_t done = bytes < 4 ? bytes : 4;

	if (four[0] == four[1] && four[0] == four[2] && four[0] == four[3]) {
		memset(dst, four[0], bytes);
		return;
	}
	memcpy(dst, four, done);
	while (done < bytes) {
		uint64_t more = bytes - done < done ? bytes - done : done;

		memcpy(dst + done, dst, more);
		done += more;
	}
}

static void copy(unsigned char *dst, uint64_t dst_stride, const unsigned char *src,
		 uint64_t src_stride, const struct soft_tile *tile)
{
	dst += tile->row * dst_stride + tile->column;
	src += tile->row * src_stride + tile->column;
	for (uint64_t i = 0; i < tile->rows; i++)
		memcpy(dst + i * dst_stride, src + i * src_stride, tile->columns);
}

int soft_op_run(const struct soft_op *op, const struct accel_bo_ref *bos, struct soft_slot *slot,
		uint64_t index)
{
	struct soft_tile tile = soft_grid_tile(&op->grid, index);
	unsigned char *dst = view_data(&op->view[0], bos);
	uint64_t now;

	switch (op->kind) {
	case SOFT_OP_FILL:
		fill(dst + tile.column, tile.columns, op->pattern);
		return 0;
	case SOFT_OP_COPY:
		copy(dst, op->view[0].stride, view_data(&op->view[1], bos), op->view[1].stride,
		     &tile);
		return 0;
	case SOFT_OP_TIMESTAMP:
		now = (uint64_t)accel_core_sys.now();
		memcpy(dst, &now, sizeof(now));
		return 0;
	default:
		return soft_compute_run(op->compute, slot, &tile, dst, view_data(&op->view[1], bos),
					op->views > 2 ? view_data(&op->view[2], bos) : NULL);
	}
}
