/* SPDX-License-Identifier: MIT */
/* A sample: what one device showed at one moment. */
#include "mgmt.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

int device_directory(const struct accel_device_info *device, char *path, size_t bytes)
{
	if ((device->flags & ACCEL_DEVICE_SOFTWARE) || !accel_core_is_plain_word(device->name))
		return -ENODEV;
	return file_path(path, bytes, "%s/class/accel/%s", accel_core_root(ACCEL_ROOT_SYS),
			 device->name);
}

bool device_is_there(const struct accel_device_info *device)
{
	const char *address = device_address(device), *name;
	char sys[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t length;

	if (device_directory(device, sys, sizeof(sys)) ||
	    file_path(path, sizeof(path), "%s/uevent", sys) || accel_core_sys.stat(path, &st) ||
	    file_path(path, sizeof(path), "%s/device", sys))
		return false;
	length = accel_core_sys.readlink(path, target, sizeof(target) - 1);
	if (!*address || length < 0)
		return !*address;
	target[length] = '\0';
	name = strrchr(target, '/');
	return !strcmp(name ? name + 1 : target, address);
}

const char *device_address(const struct accel_device_info *device)
{
	const char *colon = strchr(device->id, ':');

	if (!colon || (strncmp(device->id, "pci:", 4) && strncmp(device->id, "platform:", 9)))
		return "";
	return colon + 1;
}

struct accel_sample *sample_alloc(const struct accel_device_info *device)
{
	struct accel_sample *sample = accel_core_sys.alloc(sizeof(*sample));

	if (!sample)
		return NULL;
	sample->refs = 1;
	sample->device = *device;
	sample->info.time_ns = accel_core_sys.now();
	if (device_directory(device, sample->sys, sizeof(sample->sys)))
		sample->sys[0] = '\0';
	return sample;
}

int accel_sample_get_info(struct accel_sample *sample, struct accel_sample_info *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!sample)
		return accel_core_fail(-EINVAL, "sample is NULL");
	return accel_core_params_out(out, &sample->info, sizeof(sample->info));
}

static struct client *client_at(struct accel_sample *sample, uint32_t index)
{
	return (struct client *)sample->clients.items + index;
}

int accel_sample_get_metric(struct accel_sample *sample, uint32_t client, uint32_t index,
			    struct accel_metric *out)
{
	const struct array *array;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!sample)
		return accel_core_fail(-EINVAL, "sample is NULL");
	if (client == ACCEL_NO_CLIENT)
		array = &sample->metrics.array;
	else if (client < sample->clients.count)
		array = &client_at(sample, client)->metrics.array;
	else
		return accel_core_fail_at(-ENOENT, client, ~0ull, "there are %u clients",
					  sample->clients.count);
	if (index >= array->count)
		return accel_core_fail_at(-ENOENT, index, ~0ull, "there are %u metrics",
					  array->count);
	return accel_core_params_out(out, (struct accel_metric *)array->items + index,
				     sizeof(*out));
}

int accel_sample_find_metric(struct accel_sample *sample, uint32_t id, const char *name,
			     struct accel_metric *out)
{
	const struct accel_metric *metric;
	uint32_t i;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!sample)
		return accel_core_fail(-EINVAL, "sample is NULL");
	metric = sample->metrics.array.items;
	for (i = 0; i < sample->metrics.array.count; i++, metric++)
		if (metric->id == id && (!name || !strcmp(metric->name, name)))
			return accel_core_params_out(out, metric, sizeof(*metric));
	return accel_core_fail(-ENODATA, "there is no metric %u%s%s of this device", id,
			       name ? " of " : "", name ? name : "");
}

int accel_sample_get_client(struct accel_sample *sample, uint32_t index, struct accel_client *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!sample)
		return accel_core_fail(-EINVAL, "sample is NULL");
	if (index >= sample->clients.count)
		return accel_core_fail_at(-ENOENT, index, ~0ull, "there are %u clients",
					  sample->clients.count);
	return accel_core_params_out(out, &client_at(sample, index)->info, sizeof(*out));
}

struct accel_sample *accel_sample_ref(struct accel_sample *sample)
{
	if (sample)
		atomic_fetch_add(&sample->refs, 1);
	return sample;
}

void accel_sample_unref(struct accel_sample *sample)
{
	uint32_t i;

	if (!sample || atomic_fetch_sub(&sample->refs, 1) != 1 || accel_core_process_enter())
		return;
	for (i = 0; i < sample->clients.count; i++)
		array_free(&client_at(sample, i)->metrics.array);
	array_free(&sample->clients);
	array_free(&sample->metrics.array);
	accel_core_sys.free(sample);
}
