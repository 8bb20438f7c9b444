/* SPDX-License-Identifier: MIT */
/* The observer: what is kept from one look at the devices to the next. */
#include "mgmt.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define IN_TURN     64u
#define DEVICES_MAX 65536u

struct accel_telemetry {
	_Atomic uint32_t refs;
	uint32_t flags, in_turn;
	pthread_mutex_t lock; /* all below */
	struct processes processes;
	struct ras_socket ras;
};

int accel_telemetry_create(const struct accel_telemetry_params *params,
			   struct accel_telemetry **out)
{
	struct accel_telemetry_params known;
	struct accel_telemetry *telemetry;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	ret = accel_core_params(&known, sizeof(known), params, true);
	if (ret)
		return ret;
	if (known.flags & ~(ACCEL_TELEMETRY_NO_CLIENTS | ACCEL_TELEMETRY_NO_QUERIES))
		return accel_core_fail(-EINVAL, "unknown flags 0x%x", known.flags);
	if (known.reserved)
		return accel_core_fail(-EINVAL, "reserved is not 0");
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	telemetry = accel_core_sys.alloc(sizeof(*telemetry));
	if (!telemetry)
		return accel_core_fail(-ENOMEM, "no memory for an observer");
	telemetry->refs = 1;
	telemetry->flags = known.flags;
	telemetry->in_turn = known.processes ? known.processes : IN_TURN;
	pthread_mutex_init(&telemetry->lock, NULL);
	*out = telemetry;
	return 0;
}

struct accel_telemetry *accel_telemetry_ref(struct accel_telemetry *telemetry)
{
	if (telemetry)
		atomic_fetch_add(&telemetry->refs, 1);
	return telemetry;
}

void accel_telemetry_unref(struct accel_telemetry *telemetry)
{
	if (!telemetry || atomic_fetch_sub(&telemetry->refs, 1) != 1)
		return;
	ras_socket_close(&telemetry->ras);
	if (accel_core_process_enter())
		return;
	array_free(&telemetry->processes.known);
	pthread_mutex_destroy(&telemetry->lock);
	accel_core_sys.free(telemetry);
}

/* Whether sysfs is there at all: where it is masked it says nothing of devices. */
static bool has_sysfs(void)
{
	char path[PATH_MAX];
	struct stat st;

	return !file_path(path, sizeof(path), "%s/class", accel_core_root(ACCEL_ROOT_SYS)) &&
	       !accel_core_sys.stat(path, &st);
}

static void read_device(struct accel_telemetry *telemetry, struct accel_sample *sample)
{
	if (!*sample->sys)
		return;
	if (!device_is_there(&sample->device)) {
		if (has_sysfs())
			sample->info.flags |= ACCEL_SAMPLE_GONE;
		return;
	}
	attributes_read(sample);
	hwmon_read(sample);
	if (!(telemetry->flags & ACCEL_TELEMETRY_NO_QUERIES))
		habanalabs_query(sample);
}

static int take_samples(struct accel_telemetry *telemetry, struct accel_device *const *devices,
			uint32_t count, struct accel_sample **samples)
{
	struct accel_device_info info = {.size = sizeof(info)};
	uint32_t i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = accel_device_get_info(devices[i], &info);
		if (ret)
			return ret;
		samples[i] = sample_alloc(&info);
		if (!samples[i])
			return accel_core_fail(-ENOMEM, "no memory for a sample");
		read_device(telemetry, samples[i]);
	}
	ret = 0;
	if (telemetry->flags & ACCEL_TELEMETRY_NO_CLIENTS)
		for (i = 0; i < count; i++)
			samples[i]->info.flags |= ACCEL_SAMPLE_NO_CLIENTS;
	else
		ret = clients_read(&telemetry->processes, telemetry->in_turn, samples, count);
	ras_metrics(&telemetry->ras, samples, count);
	for (i = 0; i < count; i++) {
		samples[i]->info.metrics = samples[i]->metrics.array.count;
		if (samples[i]->metrics.no_memory)
			ret = -ENOMEM;
	}
	return ret ? accel_core_fail(ret, "no memory for metrics") : 0;
}

int accel_telemetry_read(struct accel_telemetry *telemetry, struct accel_device *const *devices,
			 uint32_t count, struct accel_sample **out)
{
	struct accel_sample **samples;
	uint32_t i;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!telemetry)
		return accel_core_fail(-EINVAL, "telemetry is NULL");
	if (!count)
		return 0;
	if (!devices || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", devices ? "out" : "devices");
	if (count > DEVICES_MAX)
		return accel_core_fail(-EINVAL, "more than %u devices", DEVICES_MAX);
	samples = accel_core_sys.alloc(count * sizeof(*samples));
	if (!samples)
		return accel_core_fail(-ENOMEM, "no memory for %u samples", count);
	pthread_mutex_lock(&telemetry->lock);
	ret = take_samples(telemetry, devices, count, samples);
	pthread_mutex_unlock(&telemetry->lock);
	for (i = 0; i < count; i++) {
		if (ret)
			accel_sample_unref(samples[i]);
		else
			out[i] = samples[i];
	}
	accel_core_sys.free(samples);
	return ret;
}
