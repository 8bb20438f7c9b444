/* SPDX-License-Identifier: MIT */
/*
 * A kernel with one accelerator, for tests of providers: it notes each ioctl of the driver's and
 * on its dma-bufs, and answers as the drivers do. Jobs end at once. A job can be kept between two
 * of its calls until another thread has come as far as it can.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include "support.h"

struct kernel_call {
	unsigned long request;
	uint32_t handle; /* of the buffer that it is about, or 0 */
	pthread_t thread;
};

struct kernel {
	/* The driver's own ioctls; the handle that the call is about goes to *handle. */
	int (*driver)(unsigned long request, void *arg, uint32_t *handle);
	/* Before each call is answered, noted already; or NULL. */
	void (*before)(const struct kernel_call *call, const void *arg);
	/* After a thread that sleeps on a futex was woken; or NULL. */
	void (*woken)(void);
	struct kernel_call call[256];
	_Atomic unsigned int calls;
	uint32_t last_handle; /* that was given out */
	int64_t now_ns;       /* what time it is; 0: the real one */
};
extern struct kernel kernel;

/* Set up @driver's device, whose provider is @provider, with the seam. */
void kernel_setup(const char *driver, const struct accel_provider *provider,
		  int (*answer)(unsigned long request, void *arg, uint32_t *handle));
/* And see that all was given back but @kept descriptors. */
void kernel_teardown(int kept);
struct accel_context *kernel_open(uint32_t flags);
/* The device is not in sysfs any more. */
void kernel_unplug(void);
/* For driver: the lowest handle that is free. */
uint32_t kernel_handle(void);
/* How often @request was called. */
unsigned int kernel_count(unsigned long request);

#endif
