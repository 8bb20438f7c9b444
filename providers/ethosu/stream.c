/* SPDX-License-Identifier: MIT */
/*
 * The structure of a command stream: which bytes of which regions its operations touch.
 *
 * The kernel driver reads streams too and refuses those that could reach beyond a buffer; without
 * an IOMMU that is all that stands between a job and the machine's memory. It gives one errno
 * for everything, so the same is done here with the place. In some cases its reckoning is too
 * small, or takes what was never set for something harmless; those are refused here.
 */
#include "stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

#define ADDRESS_BITS 40

/* What has been set so far. Everything begins with all bits set, as in the driver. */
struct state {
	const struct ethosu_stream *stream;
	uint16_t narrow[SET_LAST - SET_FIRST + 1];
	uint64_t wide[SET_WIDE_LAST - SET_WIDE_FIRST + 1];
	bool narrow_set[SET_LAST - SET_FIRST + 1];
	bool wide_set[SET_WIDE_LAST - SET_WIDE_FIRST + 1];
};

/* One use of a region by one command. */
struct use {
	uint32_t region;
	uint64_t bytes; /* touches nothing at or beyond */
	bool writes;
};

/* What one command uses. */
#define USES_MAX 16
struct uses {
	struct use use[USES_MAX];
	uint32_t count;
	char why[120]; /* it is refused for */
};

static int refuse(struct uses *uses, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct uses *uses, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(uses->why, sizeof(uses->why), format, args);
	va_end(args);
	return -EINVAL;
}

static void add(struct uses *uses, uint32_t region, uint64_t bytes, bool writes)
{
	if (uses->count < USES_MAX)
		uses->use[uses->count++] = (struct use){region, bytes, writes};
}

static uint16_t narrow(const struct state *st, unsigned int command)
{
	return st->narrow[command - SET_FIRST];
}

static uint64_t wide(const struct state *st, unsigned int command)
{
	return st->wide[command - SET_WIDE_FIRST];
}

static bool is_set(const struct state *st, unsigned int command)
{
	return command < SET_WIDE_FIRST ? st->narrow_set[command - SET_FIRST]
					: st->wide_set[command - SET_WIDE_FIRST];
}

static int need_set(const struct state *st, struct uses *uses, const unsigned int *commands,
		    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!is_set(st, commands[i]))
			return refuse(uses, "register 0x%x is used and was never set", commands[i]);
	return 0;
}

#define NEED_SET(st, uses, ...)                                 \
	need_set(st, uses, (const unsigned int[]){__VA_ARGS__}, \
		 sizeof((const unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int))

/* ---- DMA ---------------------------------------------------------------------------------- */

static int64_t signed40(uint64_t value)
{
	const uint64_t sign = UINT64_C(1) << (ADDRESS_BITS - 1);

	return (int64_t)((value & (2 * sign - 1)) ^ sign) - (int64_t)sign;
}

/* The bytes from the first to behind the last of @count pieces of @length with a gap behind
 * each; a gap behind the last is counted, as the driver does. */
static int repeat(struct uses *uses, uint64_t *length, int64_t gap, uint32_t count)
{
	uint64_t step;

	if (!count)
		return refuse(uses, "a DMA of no rows or planes");
	if (gap < 0 && (uint64_t)-gap >= *length)
		return refuse(uses, "a DMA that goes backwards: gap %lld after %llu bytes",
			      (long long)gap, (unsigned long long)*length);
	step = *length + (uint64_t)gap;
	/* 2^41 steps of 2^16 are no overflow, nor is that twice. */
	*length = gap < 0 ? step * (count - 1) + *length : step * count;
	return 0;
}

static int dma_side(const struct state *st, struct uses *uses, bool is_dst, unsigned int mode)
{
	const uint16_t region = narrow(st, is_dst ? DMA0_DST_REGION : DMA0_SRC_REGION);
	const uint64_t offset = wide(st, is_dst ? DMA0_DST : DMA0_SRC);
	const unsigned int gaps = is_dst ? DMA0_DST_STRIDE0 : DMA0_SRC_STRIDE0;
	uint64_t length = wide(st, DMA0_LEN);
	int ret = 0;

	if (mode >= 1)
		ret = NEED_SET(st, uses, DMA0_SIZE0, gaps);
	if (!ret && mode >= 1)
		ret = repeat(uses, &length, signed40(wide(st, gaps)), narrow(st, DMA0_SIZE0));
	if (!ret && mode == 2)
		ret = NEED_SET(st, uses, DMA0_SIZE1, gaps + 1);
	if (!ret && mode == 2)
		ret = repeat(uses, &length, signed40(wide(st, gaps + 1)), narrow(st, DMA0_SIZE1));
	if (ret)
		return ret;
	if (length > UINT64_MAX - offset)
		return refuse(uses, "a DMA beyond all addresses");
	if (!(region & DMA_INTERNAL))
		add(uses, region & REGION_MASK, offset + length, is_dst);
	return 0;
}

static int dma(const struct state *st, struct uses *uses)
{
	unsigned int mode;
	int ret;

	/* The driver takes a region that was never set for the NPU's own memory; the NPU does
	 * not. */
	ret = NEED_SET(st, uses, DMA0_SRC_REGION, DMA0_DST_REGION, DMA0_SRC, DMA0_DST, DMA0_LEN);
	if (ret)
		return ret;
	if (!wide(st, DMA0_LEN))
		return refuse(uses, "a DMA of no bytes");
	mode = DMA_MODE(narrow(st, DMA0_SRC_REGION));
	if (mode == 3)
		return refuse(uses, "a DMA of mode 3, which does not exist");
	ret = dma_side(st, uses, false, mode);
	return ret ? ret : dma_side(st, uses, true, mode);
}

/* ---- feature maps ------------------------------------------------------------------------------ */

/* The registers of one, by their commands. */
struct map_regs {
	unsigned int region, precision, width0, height0, base0, stride_x;
};

static const struct map_regs ifm = {IFM_REGION,     IFM_PRECISION, IFM_WIDTH0_M1,
				    IFM_HEIGHT0_M1, IFM_BASE0,     IFM_STRIDE_X};
static const struct map_regs ofm = {OFM_REGION,     OFM_PRECISION, OFM_WIDTH0_M1,
				    OFM_HEIGHT0_M1, OFM_BASE0,     OFM_STRIDE_X};
static const struct map_regs ifm2 = {IFM2_REGION,     IFM2_PRECISION, IFM2_WIDTH0_M1,
				     IFM2_HEIGHT0_M1, IFM2_BASE0,     IFM2_STRIDE_X};

/* Where the U85 keeps a map: in tiles by rows and columns, by rows, or not in memory. */
enum storage {
	TILES_2X2,
	TILES_3X1,
	CHAINED
};

static unsigned int storage_of(const struct state *st, const struct map_regs *map)
{
	return st->stream->u65 ? TILES_2X2 : narrow(st, map->precision) >> 14;
}

/* The last element (@x, @y, @c) of one tile, counted from the tile's first. */
static int tile(const struct state *st, struct uses *uses, const struct map_regs *map,
		unsigned int index, uint64_t x, uint64_t y, uint64_t c)
{
	const bool is_ofm = map == &ofm;
	const uint16_t precision = narrow(st, map->precision);
	const uint64_t element = UINT64_C(1) << (precision >> (is_ofm ? 1 : 2) & 0x3);
	uint64_t end;
	int ret;

	ret = NEED_SET(st, uses, map->base0 + index, map->stride_x + 1);
	if (ret)
		return ret;
	end = wide(st, map->base0 + index) + y * wide(st, map->stride_x + 1);
	switch (precision >> 6 & 0x3) {
	case 0: /* rows of columns of channels */
		ret = x ? NEED_SET(st, uses, map->stride_x) : 0;
		end += (x ? x * wide(st, map->stride_x) : 0) + (c + 1) * element;
		break;
	case 1: /* bricks of 16 channels */
		ret = c / 16 ? NEED_SET(st, uses, map->stride_x + 2) : 0;
		end += (c / 16 ? c / 16 * wide(st, map->stride_x + 2) : 0) +
		       (16 * x + c % 16 + 1) * element;
		break;
	default:
		return refuse(uses, "a feature map of format %u, which does not exist",
			      precision >> 6 & 0x3);
	}
	if (!ret)
		add(uses, narrow(st, map->region) & REGION_MASK, end, is_ofm);
	return ret;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whose last element is (@x, @y, @c). The driver looks at the tile of that only. */
static int feature_map(const struct state *st, struct uses *uses, const struct map_regs *map,
		       uint64_t x, uint64_t y, uint64_t c)
{
	const uint64_t columns = (uint64_t)narrow(st, map->width0) + 1;
	const uint64_t rows0 = (uint64_t)narrow(st, map->height0) + 1;
	const uint64_t rows1 = (uint64_t)narrow(st, map->height0 + 1) + 1;
	int ret;

	ret = NEED_SET(st, uses, map->region);
	if (ret)
		return ret;
	switch (storage_of(st, map)) {
	case TILES_2X2:
		ret = tile(st, uses, map, 0, smaller(x, columns - 1), smaller(y, rows0 - 1), c);
		if (!ret && x >= columns)
			ret = tile(st, uses, map, 1, x - columns, smaller(y, rows1 - 1), c);
		if (!ret && y >= rows0)
			ret = tile(st, uses, map, 2, smaller(x, columns - 1), y - rows0, c);
		if (!ret && x >= columns && y >= rows1)
			ret = tile(st, uses, map, 3, x - columns, y - rows1, c);
		return ret;
	case TILES_3X1:
		/* Both boundaries are counted from the top. */
		ret = tile(st, uses, map, 0, x, smaller(y, smaller(rows0, rows1) - 1), c);
		if (!ret && y >= rows0 && rows1 > rows0)
			ret = tile(st, uses, map, 1, x, smaller(y, rows1 - 1) - rows0, c);
		if (!ret && y >= rows1)
			ret = tile(st, uses, map, 2, x, y - rows1, c);
		return ret;
	case CHAINED:
		return 0;
	default:
		return refuse(uses, "a feature map of storage 3, which does not exist");
	}
}

static int output(const struct state *st, struct uses *uses)
{
	return feature_map(st, uses, &ofm, narrow(st, OFM_WIDTH_M1), narrow(st, OFM_HEIGHT_M1),
			   narrow(st, OFM_DEPTH_M1));
}

/* ---- weights and scales -------------------------------------------------------------------------- */

static int packed(const struct state *st, struct uses *uses, unsigned int region, unsigned int base)
{
	int ret;

	ret = NEED_SET(st, uses, region, base, base + 1);
	if (!ret)
		add(uses, narrow(st, region) & REGION_MASK,
		    wide(st, base) + (uint32_t)wide(st, base + 1), false);
	return ret;
}

/* The further cores' share, which the driver doesn't look at. */
static void packed_of_cores(const struct state *st, struct uses *uses, bool weights)
{
	unsigned int base;
	bool is_scale;

	for (base = WEIGHT1_BASE; base < WEIGHT3_LENGTH; base += 2) {
		is_scale = st->stream->u65 && base == SCALE1_BASE;
		if (is_scale == weights || (st->stream->u65 && base > SCALE1_BASE) ||
		    !is_set(st, base) || !is_set(st, base + 1) || !(uint32_t)wide(st, base + 1))
			continue;
		packed(st, uses, weights ? WEIGHT_REGION : SCALE_REGION, base);
	}
}

static int weights_and_scales(const struct state *st, struct uses *uses, bool weights)
{
	const bool scales = !(narrow(st, OFM_PRECISION) & 0x100);
	int ret = 0;

	if (weights)
		ret = packed(st, uses, WEIGHT_REGION, WEIGHT_BASE);
	if (!ret && weights)
		packed_of_cores(st, uses, true);
	if (!ret && scales)
		ret = packed(st, uses, SCALE_REGION, SCALE_BASE);
	if (!ret && scales)
		packed_of_cores(st, uses, false);
	return ret;
}

/* ---- operations ------------------------------------------------------------------------------------- */

/* The input of a kernel that steps over it, by the size of the output. */
static int kernel_input(const struct state *st, struct uses *uses)
{
	const uint32_t stride = narrow(st, KERNEL_STRIDE);
	const int64_t step_y = (stride >> 8 & 0x2) + (stride >> 1 & 0x1) + 1;
	const int64_t step_x = (stride >> 5 & 0x2) + (stride & 0x1) + 1;
	int64_t x, y;
	int ret;

	ret = NEED_SET(st, uses, KERNEL_STRIDE);
	if (ret)
		return ret;
	y = narrow(st, OFM_HEIGHT_M1) * step_y + narrow(st, KERNEL_HEIGHT_M1) -
	    ((narrow(st, IFM_PAD_TOP) & 0x7f) + (narrow(st, IFM_PAD_BOTTOM) & 0xff));
	x = narrow(st, OFM_WIDTH_M1) * step_x + narrow(st, KERNEL_WIDTH_M1) -
	    ((narrow(st, IFM_PAD_LEFT) & 0x7f) + (narrow(st, IFM_PAD_RIGHT) & 0xff));
	if (x < 0 || y < 0)
		return refuse(uses, "padding is larger than the output needs");
	return feature_map(st, uses, &ifm, (uint64_t)x, (uint64_t)y, narrow(st, IFM_DEPTH_M1));
}

static int convolution(const struct state *st, struct uses *uses, uint16_t parameter)
{
	const bool weights_in_ifm2 = parameter & 0x1;
	int ret;

	ret = kernel_input(st, uses);
	if (!ret && weights_in_ifm2)
		ret = feature_map(st, uses, &ifm2, narrow(st, IFM_DEPTH_M1), 0,
				  narrow(st, OFM_DEPTH_M1));
	if (!ret)
		ret = weights_and_scales(st, uses, !weights_in_ifm2);
	return ret ? ret : output(st, uses);
}

static int pooling(const struct state *st, struct uses *uses, uint16_t parameter)
{
	int ret = 0;

	if (parameter != 0x4) /* sums need no input */
		ret = kernel_input(st, uses);
	if (!ret)
		ret = weights_and_scales(st, uses, false);
	return ret ? ret : output(st, uses);
}

static int elementwise_input(const struct state *st, struct uses *uses, const struct map_regs *map,
			     unsigned int broadcast)
{
	return feature_map(st, uses, map, broadcast & 0x2 ? 0 : narrow(st, OFM_WIDTH_M1),
			   broadcast & 0x1 ? 0 : narrow(st, OFM_HEIGHT_M1),
			   broadcast & 0x4 ? 0 : narrow(st, OFM_DEPTH_M1));
}

static int elementwise(const struct state *st, struct uses *uses, uint16_t parameter)
{
	/* The driver takes the U65, which has no such register, for broadcasting always. */
	const unsigned int broadcast = is_set(st, IFM_BROADCAST) && !st->stream->u65
					       ? narrow(st, IFM_BROADCAST) & 0xff
					       : 0;
	const unsigned int broadcast2 = narrow(st, IFM2_BROADCAST) & 0xff;
	const bool scalar = st->stream->u65 ? broadcast2 & 0x80 : broadcast2 == 8;
	const bool one_input = parameter == 5 || parameter == 6 || parameter == 7 ||
			       parameter == 0x24;
	int ret = 0;

	if (!one_input)
		ret = NEED_SET(st, uses, IFM2_BROADCAST);
	if (!ret && broadcast != 8)
		ret = elementwise_input(st, uses, &ifm, broadcast);
	if (!ret && !scalar && !one_input)
		ret = elementwise_input(st, uses, &ifm2, broadcast2);
	return ret ? ret : output(st, uses);
}

/* What the command at @word uses, or why it can't be. */
static int operate(const struct state *st, uint32_t word, struct uses *uses)
{
	uses->count = 0;
	switch (COMMAND(word)) {
	case OP_DMA_START:
		return dma(st, uses);
	case OP_CONV:
	case OP_DEPTHWISE:
		return convolution(st, uses, (uint16_t)PARAMETER(word));
	case OP_POOL:
		return pooling(st, uses, (uint16_t)PARAMETER(word));
	case OP_ELEMENTWISE:
		return elementwise(st, uses, (uint16_t)PARAMETER(word));
	case OP_RESIZE:
		return refuse(uses, "RESIZE, which the kernel driver doesn't take");
	case OP_IRQ:
		return refuse(uses, "an interrupt, which would end the job before its end");
	default:
		return 0;
	}
}

/* ---- walking --------------------------------------------------------------------------------------------- */

static void begin(struct state *st, const struct ethosu_stream *stream)
{
	memset(st, 0, sizeof(*st));
	st->stream = stream;
	memset(st->narrow, 0xff, sizeof(st->narrow));
	memset(st->wide, 0xff, sizeof(st->wide));
}

/* Take over what the command at word @at sets; how many words it has. */
static size_t set(struct state *st, size_t at)
{
	const uint32_t *words = st->stream->words + at;
	const unsigned int command = COMMAND(words[0]);

	if (!(command & IS_WIDE)) {
		if (command >= SET_FIRST && command <= SET_LAST) {
			st->narrow[command - SET_FIRST] = (uint16_t)PARAMETER(words[0]);
			st->narrow_set[command - SET_FIRST] = true;
		}
		return 1;
	}
	if (command >= SET_WIDE_FIRST && command <= SET_WIDE_LAST) {
		st->wide[command - SET_WIDE_FIRST] = (uint64_t)(words[0] & 0xff0000) << 16 |
						     words[1];
		st->wide_set[command - SET_WIDE_FIRST] = true;
	}
	return 2;
}

static void place_at(struct ethosu_place *place, size_t at, uint32_t region, const char *text)
{
	place->offset = at * sizeof(uint32_t);
	place->region = region;
	snprintf(place->text, sizeof(place->text), "%s", text);
}

int ethosu_stream_walk(struct ethosu_stream *stream, struct ethosu_place *place)
{
	struct ethosu_need *need;
	struct state st;
	struct uses uses;
	size_t at, next;
	uint32_t i;

	memset(stream->need, 0, sizeof(stream->need));
	if (!stream->count) {
		place_at(place, 0, NO_REGION, "a stream of no words");
		return -EINVAL;
	}
	begin(&st, stream);
	for (at = 0; at < stream->count; at = next) {
		if (COMMAND(stream->words[at]) & IS_WIDE && at + 1 == stream->count) {
			place_at(place, at, NO_REGION, "the second word of a command is missing");
			return -EINVAL;
		}
		next = at + set(&st, at);
		if (COMMAND(stream->words[at]) == OP_STOP && next == stream->count)
			return 0;
		if (COMMAND(stream->words[at]) == OP_STOP) {
			place_at(place, at, NO_REGION, "STOP before the end of the stream");
			return -EINVAL;
		}
		if (operate(&st, stream->words[at], &uses)) {
			place_at(place, at, NO_REGION, uses.why);
			return -EINVAL;
		}
		for (i = 0; i < uses.count; i++) {
			need = &stream->need[uses.use[i].region];
			if (need->bytes < uses.use[i].bytes)
				need->bytes = uses.use[i].bytes;
			if (uses.use[i].writes)
				need->writes = true;
			else
				need->reads = true;
		}
	}
	place_at(place, stream->count - 1, NO_REGION, "the stream doesn't end with STOP");
	return -EINVAL;
}

bool ethosu_stream_find(const struct ethosu_stream *stream, const struct ethosu_limit *limit,
			struct ethosu_place *place)
{
	const struct use *use;
	struct state st;
	struct uses uses;
	size_t at, next;
	uint32_t i;

	begin(&st, stream);
	for (at = 0; at < stream->count; at = next) {
		next = at + set(&st, at);
		operate(&st, stream->words[at], &uses);
		for (i = 0; i < uses.count; i++) {
			use = &uses.use[i];
			if (use->region != limit->region ||
			    (use->bytes <= limit->bytes &&
			     !(use->writes ? limit->no_writes : limit->no_reads)))
				continue;
			place->offset = at * sizeof(uint32_t);
			place->region = use->region;
			snprintf(place->text, sizeof(place->text),
				 "it %s up to byte %llu of region %u",
				 use->writes ? "writes" : "reads", (unsigned long long)use->bytes,
				 use->region);
			return true;
		}
	}
	return false;
}

/* ---- word by word ------------------------------------------------------------------------------------------- */

/* How a command is known. */
enum known {
	UNKNOWN, /* to nobody here */
	UNREAD,  /* the NPU has it, the kernel driver passes it on */
	READ     /* by the driver */
};

struct range {
	uint16_t first, last;
	enum known known;
	uint16_t only; /* 65, 85; 0: both */
	uint16_t mask; /* bits of the parameter that mean something; 0: any */
};

static const struct range ranges[] = {
	{OP_STOP, OP_STOP, READ, 0, 0},
	{OP_CONV, OP_DEPTHWISE, READ, 0, 0},
	{OP_POOL, OP_ELEMENTWISE, READ, 0, 0},
	{OP_DMA_START, OP_DMA_START, READ, 0, 0},
	{OP_DMA_WAIT, OP_PMU_MASK, UNREAD, 0, 0},
	{IFM_PAD_TOP, IFM_PAD_LEFT, READ, 0, 0x7f},
	{IFM_PAD_RIGHT, IFM_PAD_BOTTOM, READ, 0, 0xff},
	{IFM_DEPTH_M1, IFM_PRECISION, READ, 0, 0},
	{IFM_UPSCALE, IFM_UPSCALE, UNREAD, 0, 0},
	{IFM_BROADCAST, IFM_BROADCAST, READ, 85, 0xff},
	{IFM_ZERO_POINT, IFM_ZERO_POINT, UNREAD, 0, 0},
	{IFM_WIDTH0_M1, IFM_HEIGHT1_M1, READ, 0, 0},
	{IFM_IB_END, IFM_IB_END, UNREAD, 65, 0},
	{IFM_REGION, IFM_REGION, READ, 0, REGION_MASK},
	{OFM_WIDTH_M1, OFM_PRECISION, READ, 0, 0},
	{OFM_BLK_WIDTH_M1, OFM_ZERO_POINT, UNREAD, 0, 0},
	{OFM_WIDTH0_M1, OFM_HEIGHT1_M1, READ, 0, 0},
	{OFM_REGION, OFM_REGION, READ, 0, REGION_MASK},
	{KERNEL_WIDTH_M1, KERNEL_STRIDE, READ, 0, 0},
	{PARALLEL_MODE, PARALLEL_MODE, UNREAD, 65, 0},
	{ACC_FORMAT, ACTIVATION_MAX, UNREAD, 0, 0},
	{WEIGHT_REGION, SCALE_REGION, READ, 0, REGION_MASK},
	{BLOCKDEP, BLOCKDEP, UNREAD, 0, 0},
	{DMA0_SRC_REGION, DMA0_SRC_REGION, READ, 0, 0x707},
	{DMA0_DST_REGION, DMA0_DST_REGION, READ, 0, 0x707},
	{DMA0_SIZE0, DMA0_SIZE1, READ, 0, 0},
	{IFM2_BROADCAST, IFM2_BROADCAST, READ, 0, 0xff},
	{IFM2_PRECISION, IFM2_PRECISION, READ, 0, 0},
	{IFM2_ZERO_POINT, IFM2_ZERO_POINT, UNREAD, 0, 0},
	{IFM2_WIDTH0_M1, IFM2_HEIGHT1_M1, READ, 0, 0},
	{IFM2_IB_START, IFM2_IB_START, UNREAD, 65, 0},
	{IFM2_REGION, IFM2_REGION, READ, 0, REGION_MASK},
	{IFM_BASE0, IFM_STRIDE_X + 2, READ, 0, 0xff},
	{OFM_BASE0, OFM_STRIDE_X + 2, READ, 0, 0xff},
	{WEIGHT_BASE, SCALE_LENGTH, READ, 0, 0xff},
	{OFM_SCALE, OPB_SCALE, UNREAD, 0, 0},
	{DMA0_SRC, DMA0_DST_STRIDE1, READ, 0, 0xff},
	{IFM2_BASE0, IFM2_STRIDE_X + 2, READ, 0, 0xff},
	{WEIGHT1_BASE, SCALE1_BASE + 1, UNREAD, 0, 0xff},
	{SCALE1_BASE + 2, WEIGHT3_LENGTH, UNREAD, 85, 0xff},
};

static const struct range *find_range(const struct ethosu_stream *stream, unsigned int command)
{
	const struct range *range;
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		range = &ranges[i];
		if (command >= range->first && command <= range->last &&
		    (!range->only || range->only == (stream->u65 ? 65 : 85)))
			return range;
	}
	return NULL;
}

int ethosu_stream_validate(const struct ethosu_stream *stream,
			   void (*warn)(void *data, size_t offset, const char *text), void *data,
			   struct ethosu_place *place)
{
	const struct range *range;
	size_t at, unread = 0, first_unread = 0;
	unsigned int command;
	char text[100];

	for (at = 0; at < stream->count; at += command & IS_WIDE ? 2 : 1) {
		command = COMMAND(stream->words[at]);
		range = find_range(stream, command);
		if (!range) {
			snprintf(text, sizeof(text),
				 "command 0x%x is not known, and the kernel passes it on", command);
			warn(data, at * sizeof(uint32_t), text);
			continue;
		}
		if (range->known == UNREAD && !unread++)
			first_unread = at;
		if (range->mask && PARAMETER(stream->words[at]) & (uint32_t)~range->mask & 0xffff) {
			snprintf(text, sizeof(text), "command 0x%x with parameter 0x%x", command,
				 PARAMETER(stream->words[at]));
			place_at(place, at, NO_REGION, text);
			return -EINVAL;
		}
	}
	if (unread) {
		snprintf(text, sizeof(text),
			 "the first of %zu commands that the kernel passes on unread: 0x%x", unread,
			 COMMAND(stream->words[first_unread]));
		warn(data, first_unread * sizeof(uint32_t), text);
	}
	return 0;
}
