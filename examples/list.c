/* SPDX-License-Identifier: MIT */
/*
 * accel-list: the accelerators of this machine, and whether they can be used.
 *
 * Listing opens no device and wakes none. A device that can't be used is listed too,
 * with a sentence that says what to do about it.
 */
#include <accel/accel.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *describe(const struct accel_device_info *info)
{
	if (info->usable != ACCEL_USABLE)
		return "not usable";
	return info->flags & ACCEL_DEVICE_SOFTWARE ? "software" : "ready";
}

int main(void)
{
	struct accel_device **devices = NULL;
	int count, room = 0;

	/* The result is how many there are, be there room for them or not: one may be
	 * plugged in between two calls, so ask until all fit. */
	while ((count = accel_device_scan(0, devices, room)) > room) {
		for (int i = 0; i < room; i++)
			accel_device_unref(devices[i]);
		free(devices);
		room = count;
		devices = calloc(room, sizeof(*devices));
		if (!devices)
			return 1;
	}
	if (count < 0) {
		fprintf(stderr, "accel-list: %s\n", strerror(-count));
		free(devices);
		return 1;
	}

	if (count == 0)
		puts("no accelerators");
	else
		printf("%-8s %-20s %-12s %-20s %s\n", "NAME", "ID", "DRIVER", "NODE", "STATE");

	for (int i = 0; i < count; i++) {
		struct accel_device_info info = { .size = sizeof(info) };

		if (accel_device_get_info(devices[i], &info) == 0) {
			printf("%-8s %-20s %-12s %-20s %s\n", info.name, info.id,
			       info.driver[0] ? info.driver : "?",
			       info.node[0] ? info.node : "-", describe(&info));
			if (info.usable != ACCEL_USABLE)
				printf("         %s\n", info.reason);
		}
		accel_device_unref(devices[i]);
	}
	free(devices);
	return 0;
}
