/* SPDX-License-Identifier: MIT */
/* Jobs of qaic without a library: a buffer into the card's memory, and another out of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kernel/raw/raw-qaic.h"
#include "../kernel/raw/raw.h"
#include "raw_loop.h"

#define ELEMENTS 1024   /* of the ring, as libaccel's have them */
#define MS       600000 /* to wait */

struct qaic {
	int fd;
	uint32_t channel;
	struct qaic_bo src[RAW_JOBS], dst[RAW_JOBS];
	struct qaic_execute_entry entries[RAW_JOBS][2];
	struct qaic_execute execute[RAW_JOBS];
};

static void prepare(struct qaic *q, unsigned int i)
{
	q->entries[i][0].handle = q->src[i].handle;
	q->entries[i][1].handle = q->dst[i].handle;
	q->execute[i].hdr.count = 2;
	q->execute[i].hdr.dbc_id = q->channel;
	q->execute[i].data = (uintptr_t)q->entries[i];
}

static int make_job(struct qaic *q, unsigned int i)
{
	int ret;

	ret = qaic_bo_create(q->fd, RAW_BYTES, &q->src[i]);
	if (!ret)
		ret = qaic_bo_create(q->fd, RAW_BYTES, &q->dst[i]);
	if (!ret)
		ret = qaic_attach_whole(q->fd, q->channel, &q->src[i], QAIC_TO_DEVICE,
					RIG_QAIC_MEMORY);
	if (!ret)
		ret = qaic_attach_whole(q->fd, q->channel, &q->dst[i], QAIC_FROM_DEVICE,
					RIG_QAIC_MEMORY);
	prepare(q, i);
	return ret;
}

/* The channel goes with the file. */
static void close_qaic(void *loop)
{
	struct qaic *q = loop;

	for (int i = 0; i < RAW_JOBS; i++) {
		qaic_bo_destroy(q->fd, &q->src[i]);
		qaic_bo_destroy(q->fd, &q->dst[i]);
	}
	close(q->fd);
	free(q);
}

static int open_qaic(const char *node, void **loop)
{
	struct qaic *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return -ENOMEM;
	q->fd = open(node, O_RDWR | O_CLOEXEC);
	if (q->fd < 0) {
		ret = -errno;
		free(q);
		return ret;
	}
	ret = qaic_activate(q->fd, ELEMENTS, NULL, 0, &q->channel);
	for (unsigned int i = 0; i < RAW_JOBS && !ret; i++)
		ret = make_job(q, i);
	if (ret)
		close_qaic(q);
	else
		*loop = q;
	return ret;
}

static int raw_submit_qaic(void *loop, unsigned int batch, bool outcome)
{
	struct qaic *q = loop;
	int ret = 0;

	(void)outcome;
	for (unsigned int i = 0; i < batch && !ret; i++)
		ret = raw_ioctl(q->fd, DRM_IOCTL_QAIC_EXECUTE_BO, &q->execute[i]);
	return ret;
}

static int raw_wait_qaic(void *loop, unsigned int batch, bool outcome)
{
	const struct qaic *q = loop;
	int ret = 0;

	(void)outcome;
	/* Each, for one may pass another. */
	for (unsigned int i = 0; i < batch && !ret; i++) {
		ret = qaic_wait(q->fd, q->channel, &q->dst[i], MS);
		if (!ret)
			ret = qaic_wait(q->fd, q->channel, &q->src[i], MS);
	}
	return ret;
}

static bool copied(void *loop, unsigned int batch)
{
	struct qaic *q = loop;
	bool all = true;

	for (unsigned int i = 0; i < batch; i++)
		all &= raw_arrived(q->src[i].map, q->dst[i].map);
	return all;
}

const struct raw_loop raw_loop_qaic = {
	.driver = "qaic",
	.unverified = true,
	.open = open_qaic,
	.submit = raw_submit_qaic,
	.wait = raw_wait_qaic,
	.copied = copied,
	.close = close_qaic,
};
