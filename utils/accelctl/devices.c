/* SPDX-License-Identifier: MIT */
/* The devices that a subcommand is about. */
#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

void ctl_devices_free(struct ctl_devices *devices)
{
	unsigned int i;

	for (i = 0; i < devices->count; i++)
		accel_device_unref(devices->device[i]);
	free(devices->device);
	free(devices->info);
	*devices = (struct ctl_devices){0};
}

static int fill_info(struct ctl_devices *devices)
{
	unsigned int i;
	int ret = 0;

	devices->info = calloc(devices->count + 1, sizeof(*devices->info));
	if (!devices->info)
		return -ENOMEM;
	for (i = 0; i < devices->count && !ret; i++) {
		devices->info[i].size = sizeof(devices->info[i]);
		ret = accel_device_get_info(devices->device[i], &devices->info[i]);
	}
	return ret;
}

int ctl_scan(uint32_t flags, struct ctl_devices *out)
{
	/* A second look costs as much as the first: room for all but the largest machines. */
	unsigned int room = 2048;
	int ret;

	for (;;) {
		*out = (struct ctl_devices){0};
		out->device = calloc(room, sizeof(*out->device));
		ret = out->device ? accel_device_scan(flags, out->device, room) : -ENOMEM;
		if (ret < 0)
			break;
		out->count = (unsigned int)ret < room ? (unsigned int)ret : room;
		if ((unsigned int)ret <= room) {
			ret = fill_info(out);
			break;
		}
		room = (unsigned int)ret + 16;
		ctl_devices_free(out);
	}
	if (!ret)
		return CTL_OK;
	ctl_devices_free(out);
	return ctl_fail_library(ret, "looking for devices");
}

int ctl_find(const char *name, struct accel_device **out, struct accel_device_info *info)
{
	char what[200];
	int ret;

	*info = (struct accel_device_info){.size = sizeof(*info)};
	ret = accel_device_find(name, out);
	if (!ret) {
		ret = accel_device_get_info(*out, info);
		if (ret)
			accel_device_unref(*out);
	}
	if (!ret)
		return CTL_OK;
	snprintf(what, sizeof(what), "device '%s'", name);
	return ctl_fail_library(ret, what);
}

int ctl_select(const char *name, uint32_t flags, struct ctl_devices *out)
{
	int status;

	if (!name)
		return ctl_scan(flags, out);
	*out = (struct ctl_devices){0};
	out->device = calloc(1, sizeof(*out->device));
	out->info = calloc(1, sizeof(*out->info));
	if (!out->device || !out->info) {
		ctl_devices_free(out);
		return ctl_fail(CTL_FAILED, "no memory");
	}
	status = ctl_find(name, &out->device[0], &out->info[0]);
	if (status)
		ctl_devices_free(out);
	else
		out->count = 1;
	return status;
}

const char *ctl_usable_word(uint32_t usable)
{
	static const char *const word[] = {
		[ACCEL_USABLE] = "usable",
		[ACCEL_NO_PROVIDER] = "no-provider",
		[ACCEL_PROVIDER_ABI] = "provider-abi",
		[ACCEL_NO_NODE] = "no-node",
		[ACCEL_NO_PERMISSION] = "no-permission",
		[ACCEL_NOT_READY] = "not-ready",
		[ACCEL_NOT_COMPUTE] = "not-compute",
	};

	return usable < ARRAY_SIZE(word) ? word[usable] : "unknown";
}

json_t *ctl_device_json(const struct accel_device_info *info)
{
	const bool software = info->flags & ACCEL_DEVICE_SOFTWARE;
	json_t *number = info->devnum ? json_sprintf("%u:%u", major((dev_t)info->devnum),
						     minor((dev_t)info->devnum))
				      : json_null();

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o}", "id",
			 ctl_json_text(info->id), "name", ctl_json_text(info->name), "driver",
			 ctl_json_text(info->driver), "node", ctl_json_text(info->node), "number",
			 number, "numa_node",
			 info->numa_node < 0 ? json_null() : json_integer(info->numa_node),
			 "software", (int)software, "state", ctl_usable_word(info->usable),
			 "reason", ctl_json_text(info->usable ? info->reason : NULL));
}
