/* SPDX-License-Identifier: MIT */
/* Numbers of the commands in a stream of the Ethos-U65 and U85. */
#ifndef ETHOSU_COMMANDS_H
#define ETHOSU_COMMANDS_H

/*
 * A word is a command in bits 15:0 and a parameter in 31:16. With bit 14 of the command set a
 * second word follows, and the parameter is 40 bits: the second word, and above it bits 23:16 of
 * the first. Commands from 0x100 and from 0x4000 set a register of the same number; those below
 * 0x100 start something with what is set.
 */
#define COMMAND(word)   (0xffffu & (word))
#define PARAMETER(word) ((word) >> 16)
#define IS_WIDE         0x4000u

#define SET_FIRST      0x100u
#define SET_LAST       0x1ffu
#define SET_WIDE_FIRST 0x4000u
#define SET_WIDE_LAST  0x40ffu

enum {
	OP_STOP = 0x0,
	OP_IRQ = 0x1,
	OP_CONV = 0x2,
	OP_DEPTHWISE = 0x3,
	OP_POOL = 0x5,
	OP_ELEMENTWISE = 0x6,
	OP_RESIZE = 0x7,
	OP_DMA_START = 0x10,
	OP_DMA_WAIT = 0x11,
	OP_KERNEL_WAIT = 0x12,
	OP_PMU_MASK = 0x13,

	IFM_PAD_TOP = 0x100,
	IFM_PAD_LEFT = 0x101,
	IFM_PAD_RIGHT = 0x102,
	IFM_PAD_BOTTOM = 0x103,
	IFM_DEPTH_M1 = 0x104,
	IFM_PRECISION = 0x105,
	IFM_UPSCALE = 0x107,
	IFM_BROADCAST = 0x108, /* U85 */
	IFM_ZERO_POINT = 0x109,
	IFM_WIDTH0_M1 = 0x10a,
	IFM_HEIGHT0_M1 = 0x10b,
	IFM_HEIGHT1_M1 = 0x10c,
	IFM_IB_END = 0x10d, /* U65 */
	IFM_REGION = 0x10f,
	OFM_WIDTH_M1 = 0x111,
	OFM_HEIGHT_M1 = 0x112,
	OFM_DEPTH_M1 = 0x113,
	OFM_PRECISION = 0x114,
	OFM_BLK_WIDTH_M1 = 0x115,
	OFM_BLK_HEIGHT_M1 = 0x116,
	OFM_BLK_DEPTH_M1 = 0x117,
	OFM_ZERO_POINT = 0x118,
	OFM_WIDTH0_M1 = 0x11a,
	OFM_HEIGHT0_M1 = 0x11b,
	OFM_HEIGHT1_M1 = 0x11c,
	OFM_REGION = 0x11f,
	KERNEL_WIDTH_M1 = 0x120,
	KERNEL_HEIGHT_M1 = 0x121,
	KERNEL_STRIDE = 0x122,
	PARALLEL_MODE = 0x123, /* U65 */
	ACC_FORMAT = 0x124,
	ACTIVATION = 0x125,
	ACTIVATION_MIN = 0x126,
	ACTIVATION_MAX = 0x127,
	WEIGHT_REGION = 0x128,
	SCALE_REGION = 0x129,
	BLOCKDEP = 0x12f,
	DMA0_SRC_REGION = 0x130,
	DMA0_DST_REGION = 0x131,
	DMA0_SIZE0 = 0x132,
	DMA0_SIZE1 = 0x133,
	IFM2_BROADCAST = 0x180,
	IFM2_PRECISION = 0x185,
	IFM2_ZERO_POINT = 0x189,
	IFM2_WIDTH0_M1 = 0x18a,
	IFM2_HEIGHT0_M1 = 0x18b,
	IFM2_HEIGHT1_M1 = 0x18c,
	IFM2_IB_START = 0x18d, /* U65 */
	IFM2_REGION = 0x18f,

	IFM_BASE0 = 0x4000,
	IFM_STRIDE_X = 0x4004,
	OFM_BASE0 = 0x4010,
	OFM_STRIDE_X = 0x4014,
	WEIGHT_BASE = 0x4020,
	WEIGHT_LENGTH = 0x4021,
	SCALE_BASE = 0x4022,
	SCALE_LENGTH = 0x4023,
	OFM_SCALE = 0x4024,
	OPA_SCALE = 0x4025,
	OPB_SCALE = 0x4026,
	DMA0_SRC = 0x4030,
	DMA0_DST = 0x4031,
	DMA0_LEN = 0x4032,
	DMA0_SRC_STRIDE0 = 0x4033,
	DMA0_SRC_STRIDE1 = 0x4034,
	DMA0_DST_STRIDE0 = 0x4035,
	DMA0_DST_STRIDE1 = 0x4036,
	IFM2_BASE0 = 0x4080,
	IFM2_STRIDE_X = 0x4084,
	WEIGHT1_BASE = 0x4090, /* and a length behind each base, up to WEIGHT3 */
	SCALE1_BASE = 0x4092,  /* U65; on the U85 WEIGHT2_BASE */
	WEIGHT3_LENGTH = 0x4095,
};

/* Of DMA0_SRC_REGION and DMA0_DST_REGION. */
#define REGION_MASK  0x7u
#define DMA_INTERNAL 0x100u            /* the NPU's own memory instead of a region */
#define DMA_MODE(p)  ((p) >> 9 & 0x3u) /* of the source's: dimensions less one */

#endif
