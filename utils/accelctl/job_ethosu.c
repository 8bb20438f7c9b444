/* SPDX-License-Identifier: MIT */
/* The jobs of run for the Ethos-U: a DMA from region 1 to region 0. Arithmetic takes a
 * compiled network, which is none of ours to make. */
#include "job.h"

#include <errno.h>
#include <string.h>

#define STOP           0x0000
#define DMA_START      0x0010
#define DMA_WAIT       0x0011
#define DMA_SRC_REGION 0x0130
#define DMA_DST_REGION 0x0131
#define DMA_SRC        0x4030
#define DMA_DST        0x4031
#define DMA_LEN        0x4032

static bool serves(const struct accel_device_info *info)
{
	return !strcmp(info->driver, "ethosu");
}

static uint32_t *put(uint32_t *at, uint32_t command, uint32_t parameter)
{
	*at++ = command | parameter << 16;
	return at;
}

static uint32_t *put_wide(uint32_t *at, uint32_t command, uint64_t value)
{
	at = put(at, command, value >> 32 & 0xff);
	*at++ = (uint32_t)value;
	return at;
}

static int commands(const struct job_shape *shape, void *out)
{
	uint32_t word[32], *at = word;

	if (shape->kind != JOB_COPY)
		return -EOPNOTSUPP;
	at = put(at, DMA_SRC_REGION, 1);
	at = put(at, DMA_DST_REGION, 0);
	at = put_wide(at, DMA_SRC, 0);
	at = put_wide(at, DMA_DST, 0);
	at = put_wide(at, DMA_LEN, shape->bytes);
	at = put(at, DMA_START, 0);
	at = put(at, DMA_WAIT, 0);
	at = put(at, STOP, 0);
	memcpy(out, word, (size_t)(at - word) * sizeof(*word));
	return (int)((at - word) * (ptrdiff_t)sizeof(*word));
}

const struct job_maker job_ethosu = {.serves = serves, .commands = commands};
