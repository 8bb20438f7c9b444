/* SPDX-License-Identifier: MIT */
/* What several subcommands make of what libaccel-mgmt tells. */
#include "sample.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sample_free(struct accel_sample **samples, unsigned int count)
{
	unsigned int i;

	for (i = 0; samples && i < count; i++)
		accel_sample_unref(samples[i]);
	free(samples);
}

int sample_read(struct accel_telemetry *telemetry, const struct ctl_devices *devices,
		struct accel_sample ***out)
{
	struct accel_sample **samples = calloc(devices->count + 1, sizeof(*samples));
	int ret;

	if (!samples)
		return ctl_fail(CTL_FAILED, "no memory");
	ret = devices->count
		      ? accel_telemetry_read(telemetry, devices->device, devices->count, samples)
		      : 0;
	if (ret < 0) {
		free(samples);
		return ctl_fail_library(ret, "reading telemetry");
	}
	*out = samples;
	return CTL_OK;
}

/* ---- words ------------------------------------------------------------------------- */

const char *sample_unit_word(uint32_t unit)
{
	static const char *const word[] = {
		[ACCEL_UNIT_NONE] = "count",
		[ACCEL_UNIT_TEXT] = "text",
		[ACCEL_UNIT_NANOSECONDS] = "nanoseconds",
		[ACCEL_UNIT_BYTES] = "bytes",
		[ACCEL_UNIT_HERTZ] = "hertz",
		[ACCEL_UNIT_MILLICELSIUS] = "millicelsius",
		[ACCEL_UNIT_MICROWATTS] = "microwatts",
		[ACCEL_UNIT_MICROJOULES] = "microjoules",
		[ACCEL_UNIT_MILLIVOLTS] = "millivolts",
		[ACCEL_UNIT_MILLIAMPERES] = "milliamperes",
		[ACCEL_UNIT_RPM] = "rpm",
		[ACCEL_UNIT_PERCENT] = "percent",
	};

	return unit < ARRAY_SIZE(word) ? word[unit] : "unknown";
}

const char *sample_source_word(uint32_t source)
{
	static const char *const word[] = {
		"unknown", "sysfs", "hwmon", "fdinfo", "query", "drm-ras", "devlink",
	};

	return source < ARRAY_SIZE(word) ? word[source] : "unknown";
}

const char *sample_power_word(uint32_t power)
{
	static const char *const word[] = {"unknown", "active", "suspended", "changing", "error"};

	return power < ARRAY_SIZE(word) ? word[power] : "unknown";
}

static const char *severity_word(uint32_t severity)
{
	static const char *const word[] = {"other", "correctable", "nonfatal", "fatal"};

	return severity < ARRAY_SIZE(word) ? word[severity] : "other";
}

static const char *version_word(uint32_t kind)
{
	static const char *const word[] = {"unknown", "fixed", "running", "stored"};

	return kind < ARRAY_SIZE(word) ? word[kind] : "unknown";
}

const char *sample_metric_name(const struct accel_metric *metric)
{
	static char text[16][48];
	static unsigned int next;
	struct accel_metric_info info = {.size = sizeof(info)};
	char *name = text[next++ % ARRAY_SIZE(text)];

	if (accel_metric_get_info(metric->id, &info))
		snprintf(name, sizeof(text[0]), "metric_%u", metric->id);
	else
		snprintf(name, sizeof(text[0]), "%s", info.name);
	return name;
}

const char *sample_metric_text(const struct accel_metric *metric)
{
	static char ring[16][sizeof(metric->text)];
	static unsigned int next;
	const size_t bytes = sizeof(ring[0]);
	char *text = ring[next++ % ARRAY_SIZE(ring)];
	const double value = (double)metric->value;

	switch (metric->unit) {
	case ACCEL_UNIT_TEXT:
		snprintf(text, bytes, "%s", metric->text);
		ctl_printable(text);
		break;
	case ACCEL_UNIT_NANOSECONDS:
		snprintf(text, bytes, "%s", ctl_ns((uint64_t)metric->value));
		break;
	case ACCEL_UNIT_BYTES:
		snprintf(text, bytes, "%s", ctl_bytes((uint64_t)metric->value));
		break;
	case ACCEL_UNIT_HERTZ:
		if (value >= 1e9)
			snprintf(text, bytes, "%.2f GHz", value / 1e9);
		else
			snprintf(text, bytes, "%.0f MHz", value / 1e6);
		break;
	case ACCEL_UNIT_MILLICELSIUS:
		snprintf(text, bytes, "%.1f C", value / 1e3);
		break;
	case ACCEL_UNIT_MICROWATTS:
		snprintf(text, bytes, "%.1f W", value / 1e6);
		break;
	case ACCEL_UNIT_MICROJOULES:
		snprintf(text, bytes, "%.1f J", value / 1e6);
		break;
	case ACCEL_UNIT_MILLIVOLTS:
		snprintf(text, bytes, "%.3f V", value / 1e3);
		break;
	case ACCEL_UNIT_MILLIAMPERES:
		snprintf(text, bytes, "%.3f A", value / 1e3);
		break;
	case ACCEL_UNIT_RPM:
		snprintf(text, bytes, "%.0f rpm", value);
		break;
	case ACCEL_UNIT_PERCENT:
		snprintf(text, bytes, "%.0f %%", value);
		break;
	default:
		snprintf(text, bytes, "%" PRId64, metric->value);
	}
	return text;
}

/* ---- JSON -------------------------------------------------------------------------- */

static json_t *metric_json(const struct accel_metric *metric)
{
	return json_pack(
		"{s:s, s:o, s:s, s:o, s:b, s:s, s:o}", "name", sample_metric_name(metric), "part",
		ctl_json_text(metric->name), "unit", sample_unit_word(metric->unit), "value",
		metric->unit == ACCEL_UNIT_TEXT ? ctl_json_text(metric->text)
						: json_integer(metric->value),
		"counter", (int)(metric->flags & ACCEL_METRIC_IS_COUNTER), "source",
		sample_source_word(metric->source), "origin", ctl_json_text(metric->origin));
}

static json_t *metrics_json(struct accel_sample *sample, uint32_t client, uint32_t count)
{
	struct accel_metric metric;
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < count; i++) {
		metric = (struct accel_metric){.size = sizeof(metric)};
		if (!accel_sample_get_metric(sample, client, i, &metric))
			json_array_append_new(list, metric_json(&metric));
	}
	return list;
}

static json_t *if_known(const struct accel_client *client, uint32_t flag, uint64_t value)
{
	return client->flags & flag && value <= INT64_MAX ? json_integer((json_int_t)value)
							  : json_null();
}

static json_t *clients_json(struct accel_sample *sample, uint32_t count)
{
	struct accel_client client;
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < count; i++) {
		client = (struct accel_client){.size = sizeof(client)};
		if (accel_sample_get_client(sample, i, &client))
			continue;
		json_array_append_new(
			list,
			json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:b, s:o}", "pid",
				  client.pid, "uid", (json_int_t)client.uid, "command",
				  ctl_json_text(client.command), "label",
				  ctl_json_text(client.label), "id",
				  if_known(&client, ACCEL_CLIENT_HAS_ID, client.id), "engine_ns",
				  if_known(&client, ACCEL_CLIENT_HAS_ENGINE_TIME, client.engine_ns),
				  "memory_bytes",
				  if_known(&client, ACCEL_CLIENT_HAS_MEMORY, client.memory),
				  "files", (json_int_t)client.files, "shared",
				  (int)(client.flags & ACCEL_CLIENT_IS_SHARED), "metrics",
				  metrics_json(sample, i, client.metrics)));
	}
	return list;
}

json_t *sample_json(struct accel_sample *sample)
{
	struct accel_sample_info info = {.size = sizeof(info)};
	bool none;

	if (accel_sample_get_info(sample, &info))
		return json_null();
	none = info.flags & ACCEL_SAMPLE_NO_CLIENTS;
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:I}", "power", sample_power_word(info.power),
			 "gone", (int)(info.flags & ACCEL_SAMPLE_GONE), "asleep",
			 (int)(info.flags & ACCEL_SAMPLE_ASLEEP), "metrics",
			 metrics_json(sample, ACCEL_NO_CLIENT, info.metrics), "clients",
			 none ? json_null() : clients_json(sample, info.clients),
			 "hidden_processes", (json_int_t)info.hidden);
}

json_t *sample_versions_json(struct accel_firmware *firmware)
{
	struct accel_firmware_info info = {.size = sizeof(info)};
	struct accel_firmware_version version;
	json_t *list = json_array();
	uint32_t i;

	if (accel_firmware_get_info(firmware, &info))
		return list;
	for (i = 0; i < info.versions; i++) {
		version = (struct accel_firmware_version){.size = sizeof(version)};
		if (!accel_firmware_get_version(firmware, i, &version))
			json_array_append_new(list,
					      json_pack("{s:s, s:o, s:o, s:s, s:o}", "kind",
							version_word(version.kind), "name",
							ctl_json_text(version.name), "version",
							ctl_json_text(version.text), "source",
							sample_source_word(version.source),
							"origin", ctl_json_text(version.origin)));
	}
	return list;
}

json_t *sample_counters_json(struct accel_ras *ras)
{
	struct accel_ras_info info = {.size = sizeof(info)};
	struct accel_ras_counter counter;
	json_t *list = json_array();
	uint32_t i;

	if (accel_ras_get_info(ras, &info))
		return list;
	for (i = 0; i < info.counters; i++) {
		counter = (struct accel_ras_counter){.size = sizeof(counter)};
		if (!accel_ras_get_counter(ras, i, &counter))
			json_array_append_new(
				list,
				json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:b, s:s, s:o}", "device",
					  ctl_json_text(counter.device), "id",
					  ctl_json_text(counter.id), "node",
					  ctl_json_text(counter.node), "error",
					  ctl_json_text(counter.name), "severity",
					  severity_word(counter.severity), "value",
					  counter.value <= INT64_MAX
						  ? json_integer((json_int_t)counter.value)
						  : json_sprintf("%" PRIu64, counter.value),
					  "clearable", (int)(counter.flags & ACCEL_RAS_CLEARABLE),
					  "source", sample_source_word(counter.source), "origin",
					  ctl_json_text(counter.origin)));
	}
	return list;
}
