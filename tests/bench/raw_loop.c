/* SPDX-License-Identifier: MIT */
/* What the loops without a library share. */
#include "raw_loop.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <unistd.h>

#include "../kernel/raw/raw.h"

const struct raw_loop *raw_loop_of(const char *driver)
{
	static const struct raw_loop *const loops[] = {
		&raw_loop_ethosu,
		&raw_loop_ivpu,
		&raw_loop_qaic,
		&raw_loop_rocket,
	};

	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (strcmp(loops[i]->driver, driver) == 0)
			return loops[i];
	}
	return NULL;
}

bool raw_arrived(unsigned char *from, const unsigned char *to)
{
	const bool same = memcmp(from, to, RAW_BYTES) == 0;

	for (size_t i = 0; i < RAW_BYTES; i++)
		from[i] = (unsigned char)(from[i] + 1 + i % 7);
	return same;
}

int raw_take_fence(int dmabuf)
{
	struct dma_buf_export_sync_file export = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
	int ret = raw_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export);

	return ret ? ret : export.fd;
}

int raw_end_fences(const int *sync_files, unsigned int count)
{
	int ret = 0, status;

	for (unsigned int i = count; i-- > 0;) {
		/* They end in their order: the last one is waited for. */
		status = i == count - 1 ? raw_fence_wait(sync_files[i])
					: raw_fence_status(sync_files[i]);
		if (status != 1)
			ret = status ? status : -EIO;
		close(sync_files[i]);
	}
	return ret;
}
