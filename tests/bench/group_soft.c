/* SPDX-License-Identifier: MIT */
/* What the software device costs, which has no kernel under it: all of it is libaccel's. */
#include "soft.h"

#include <errno.h>
#include <string.h>

static const char *device_name(const struct bench *b)
{
	return bench_device(b) ? bench_device(b) : "soft:0";
}

int soft_failed(struct bench *b, int err, const char *doing)
{
	struct accel_error error = {.size = sizeof(error)};

	if (accel_last_error(&error) == 0 && error.code == err)
		return bench_refuse(b, err, "%s: %s", doing, error.text);
	return bench_refuse(b, err, "%s: %s", doing, strerror(-err));
}

int soft_open(struct bench *b, int second_cpu, struct accel_context **ctx)
{
	struct accel_device *device;
	int err = bench_pin(b, 0, second_cpu);

	if (err)
		return err;
	err = accel_device_find(device_name(b), &device);
	if (err)
		return soft_failed(b, err, device_name(b));
	err = accel_open(device, NULL, 0, ctx);
	accel_device_unref(device);
	return err ? soft_failed(b, err, device_name(b)) : 0;
}

static int check_device(struct bench *b)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device;
	int err = accel_device_find(device_name(b), &device);

	if (err)
		return soft_failed(b, err, device_name(b));
	err = accel_device_get_info(device, &info);
	accel_device_unref(device);
	if (err)
		return soft_failed(b, err, device_name(b));
	if (!(info.flags & ACCEL_DEVICE_SOFTWARE))
		return bench_refuse(b, -EOPNOTSUPP, "%s is not the software device",
				    device_name(b));
	return 0;
}

static int run_soft(struct bench *b)
{
	static int (*const parts[])(struct bench * b) = {
		soft_jobs,     soft_waits, soft_parallel, soft_buffers,
		soft_products, soft_chain, soft_peer,
	};
	int err = check_device(b);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++)
		err = parts[i](b);
	return err;
}

const struct bench_group bench_group_soft = {
	.name = "soft",
	.about = "jobs, buffers and computation on the software device",
	.uses_device = true,
	.run = run_soft,
};
