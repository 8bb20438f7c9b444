/* SPDX-License-Identifier: MIT */
/* The work of an operation, cut into tiles. */
#include "soft_internal.h"

static uint64_t pieces(uint64_t whole, uint64_t piece)
{
	return whole / piece + (whole % piece != 0);
}

uint64_t soft_grid_tiles(const struct soft_grid *grid)
{
	/* Each tile has bytes of a buffer to itself, so this fits. */
	return pieces(grid->rows, grid->tile_rows) * pieces(grid->columns, grid->tile_columns);
}

struct soft_tile soft_grid_tile(const struct soft_grid *grid, uint64_t index)
{
	uint64_t across = pieces(grid->columns, grid->tile_columns);
	struct soft_tile tile;

	tile.row = index / across * grid->tile_rows;
	tile.column = index % across * grid->tile_columns;
	tile.rows = grid->rows - tile.row;
	if (tile.rows > grid->tile_rows)
		tile.rows = grid->tile_rows;
	tile.columns = grid->columns - tile.column;
	if (tile.columns > grid->tile_columns)
		tile.columns = grid->tile_columns;
	return tile;
}

/* a b c > limit, for any values */
static bool product_exceeds(uint64_t a, uint64_t b, uint64_t c, uint64_t limit)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ||
	       __builtin_mul_overflow(product, c, &product) || product > limit;
}

/* About half of @side: a multiple of what vectors like, and at least @least. */
static uint64_t half(uint64_t side, uint64_t least)
{
	uint64_t round = least < 16 ? least : 16;
	uint64_t result = pieces(side / 2 + side % 2, round) * round;

	return result > least ? result : least;
}

void soft_grid_split(struct soft_grid *grid, uint64_t cost, uint64_t work, uint64_t least)
{
	while (product_exceeds(grid->tile_rows, grid->tile_columns, cost, work)) {
		if (grid->tile_rows >= grid->tile_columns && grid->tile_rows > least)
			grid->tile_rows = half(grid->tile_rows, least);
		else if (grid->tile_columns > least)
			grid->tile_columns = half(grid->tile_columns, least);
		else if (grid->tile_rows > least)
			grid->tile_rows = half(grid->tile_rows, least);
		else
			break;
	}
}
