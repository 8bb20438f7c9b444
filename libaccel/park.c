/* SPDX-License-Identifier: MIT */
/*
 * Parked files: what can't be closed yet without harm in the kernel.
 *
 * rocket frees a buffer into the open file that made it, so a file whose buffer somebody else
 * still has by a dma-buf must outlive that. We keep a descriptor of each such dma-buf, too, and
 * look from time to time whether it is the last one.
 */
#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parked {
	struct list link;
	int fd;
	bool for_good;
	uint32_t count;
	int dmabufs[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list all = {&all, &all};

int accel_core_dmabuf_users(int dmabuf_fd)
{
	char path[64], text[1024];
	const char *line;
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dmabuf_fd);
	ret = sysfs_read(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	line = strstr(text, "\ncount:");
	return line ? atoi(line + sizeof("\ncount:") - 1) : -ENOENT;
}

static bool may_go(struct parked *parked)
{
	while (parked->count && accel_core_dmabuf_users(parked->dmabufs[parked->count - 1]) == 1)
		accel_core_sys.close(parked->dmabufs[--parked->count]);
	return !parked->count && !parked->for_good;
}

void park_sweep(void)
{
	struct list *node, *after;
	struct parked *parked;

	pthread_mutex_lock(&lock);
	list_for_each_safe(node, after, &all) {
		parked = list_entry(node, struct parked, link);
		if (!may_go(parked))
			continue;
		list_del(node);
		accel_core_sys.close(parked->fd);
		accel_core_sys.free(parked);
	}
	pthread_mutex_unlock(&lock);
}

void accel_core_park(int fd, const int *dmabufs, uint32_t count, bool for_good)
{
	struct parked *parked;

	parked = accel_core_sys.alloc(sizeof(*parked) + count * sizeof(*dmabufs));
	if (!parked)
		return; /* open for ever, and nobody knows: still no harm */
	parked->fd = fd;
	parked->for_good = for_good;
	parked->count = count;
	if (count)
		memcpy(parked->dmabufs, dmabufs, count * sizeof(*dmabufs));
	pthread_mutex_lock(&lock);
	list_append(&all, &parked->link);
	pthread_mutex_unlock(&lock);
	park_sweep();
}
