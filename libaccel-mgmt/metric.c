/* SPDX-License-Identifier: MIT */
/* Metrics: what each is, and lists of them. */
#include "mgmt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define METRICS_MAX 1024u /* of one device or client; no device has a tenth of it */

static const struct {
	uint32_t unit, flags;
	const char *name, *help;
} kinds[] = {
	[ACCEL_METRIC_BUSY_TIME] = {ACCEL_UNIT_NANOSECONDS, ACCEL_METRIC_IS_COUNTER, "busy_time",
				    "time that the engine worked"},
	[ACCEL_METRIC_UTILIZATION] = {ACCEL_UNIT_PERCENT, 0, "utilization",
				      "how busy the device says it is"},
	[ACCEL_METRIC_MEMORY_USED] = {ACCEL_UNIT_BYTES, 0, "memory_used", "memory in use"},
	[ACCEL_METRIC_MEMORY_TOTAL] = {ACCEL_UNIT_BYTES, 0, "memory_total", "memory that there is"},
	[ACCEL_METRIC_CLOCK] = {ACCEL_UNIT_HERTZ, 0, "clock", "clock rate of the moment"},
	[ACCEL_METRIC_CLOCK_MIN] = {ACCEL_UNIT_HERTZ, 0, "clock_min",
				    "lowest clock rate of the hardware"},
	[ACCEL_METRIC_CLOCK_MAX] = {ACCEL_UNIT_HERTZ, 0, "clock_max",
				    "highest clock rate of the hardware"},
	[ACCEL_METRIC_CLOCK_EFFICIENT] = {ACCEL_UNIT_HERTZ, 0, "clock_efficient",
					  "clock rate with the best work for the power"},
	[ACCEL_METRIC_CLOCK_LIMIT_MIN] = {ACCEL_UNIT_HERTZ, 0, "clock_limit_min",
					  "lowest clock rate that is allowed"},
	[ACCEL_METRIC_CLOCK_LIMIT_MAX] = {ACCEL_UNIT_HERTZ, 0, "clock_limit_max",
					  "highest clock rate that is allowed"},
	[ACCEL_METRIC_TEMPERATURE] = {ACCEL_UNIT_MILLICELSIUS, 0, "temperature", "temperature"},
	[ACCEL_METRIC_TEMPERATURE_MAX] = {ACCEL_UNIT_MILLICELSIUS, 0, "temperature_max",
					  "temperature above which it is too hot"},
	[ACCEL_METRIC_TEMPERATURE_CRITICAL] = {ACCEL_UNIT_MILLICELSIUS, 0, "temperature_critical",
					       "temperature that endangers the device"},
	[ACCEL_METRIC_POWER] = {ACCEL_UNIT_MICROWATTS, 0, "power", "power that it draws"},
	[ACCEL_METRIC_POWER_LIMIT] = {ACCEL_UNIT_MICROWATTS, 0, "power_limit",
				      "power that it may draw"},
	[ACCEL_METRIC_ENERGY] = {ACCEL_UNIT_MICROJOULES, ACCEL_METRIC_IS_COUNTER, "energy",
				 "energy drawn so far"},
	[ACCEL_METRIC_VOLTAGE] = {ACCEL_UNIT_MILLIVOLTS, 0, "voltage", "voltage"},
	[ACCEL_METRIC_CURRENT] = {ACCEL_UNIT_MILLIAMPERES, 0, "current", "current"},
	[ACCEL_METRIC_FAN] = {ACCEL_UNIT_RPM, 0, "fan", "speed of the fan"},
	[ACCEL_METRIC_RUNTIME_STATUS] = {ACCEL_UNIT_TEXT, 0, "runtime_status",
					 "state of runtime power management"},
	[ACCEL_METRIC_RUNTIME_ACTIVE] = {ACCEL_UNIT_NANOSECONDS, ACCEL_METRIC_IS_COUNTER,
					 "runtime_active", "time awake"},
	[ACCEL_METRIC_RUNTIME_SUSPENDED] = {ACCEL_UNIT_NANOSECONDS, ACCEL_METRIC_IS_COUNTER,
					    "runtime_suspended", "time asleep"},
	[ACCEL_METRIC_ERRORS_CORRECTABLE] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER,
					     "errors_correctable", "errors that were corrected"},
	[ACCEL_METRIC_ERRORS_NONFATAL] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER,
					  "errors_nonfatal",
					  "uncorrectable errors that the device survived"},
	[ACCEL_METRIC_ERRORS_FATAL] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER, "errors_fatal",
				       "uncorrectable errors that made the device restart"},
	[ACCEL_METRIC_RESETS] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER, "resets",
				 "resets of the device"},
	[ACCEL_METRIC_FIRMWARE] = {ACCEL_UNIT_TEXT, 0, "firmware", "version of firmware"},
	[ACCEL_METRIC_STATUS] = {ACCEL_UNIT_TEXT, 0, "status", "state in the driver's words"},
	[ACCEL_METRIC_ENGINE_CYCLES] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER, "engine_cycles",
					"cycles that the engine worked"},
	[ACCEL_METRIC_ENGINE_CYCLES_TOTAL] = {ACCEL_UNIT_NONE, ACCEL_METRIC_IS_COUNTER,
					      "engine_cycles_total",
					      "cycles of the engine's clock"},
	[ACCEL_METRIC_MEMORY_SHARED] = {ACCEL_UNIT_BYTES, 0, "memory_shared",
					"memory shared with other open files"},
	[ACCEL_METRIC_MEMORY_RESIDENT] = {ACCEL_UNIT_BYTES, 0, "memory_resident",
					  "memory with pages behind it"},
	[ACCEL_METRIC_MEMORY_PURGEABLE] = {ACCEL_UNIT_BYTES, 0, "memory_purgeable",
					   "memory that may be taken away"},
	[ACCEL_METRIC_MEMORY_ACTIVE] = {ACCEL_UNIT_BYTES, 0, "memory_active",
					"memory that jobs use"},
};

int accel_metric_get_info(uint32_t id, struct accel_metric_info *out)
{
	struct accel_metric_info info = {0};
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (id >= ARRAY_SIZE(kinds) || !kinds[id].name)
		return accel_core_fail(-EINVAL, "there is no metric %u", id);
	info.unit = kinds[id].unit;
	info.flags = kinds[id].flags;
	snprintf(info.name, sizeof(info.name), "%s", kinds[id].name);
	snprintf(info.help, sizeof(info.help), "%s", kinds[id].help);
	return accel_core_params_out(out, &info, sizeof(info));
}

static struct accel_metric *add(struct metrics *metrics, uint32_t id, uint32_t source,
				const char *name, const char *origin)
{
	struct accel_metric *items = metrics->array.items, *metric;
	uint32_t at = metrics->array.count;

	if (at >= METRICS_MAX) {
		accel_core_log(ACCEL_LOG_DEBUG, "skipping %s: more than %u metrics", origin,
			       METRICS_MAX);
		return NULL;
	}
	while (at && (items[at - 1].id > id ||
		      (items[at - 1].id == id && strverscmp(items[at - 1].name, name) > 0)))
		at--;
	metric = array_insert(&metrics->array, sizeof(*metric), at);
	if (!metric) {
		metrics->no_memory = true;
		return NULL;
	}
	metric->id = id;
	metric->unit = kinds[id].unit;
	metric->flags = kinds[id].flags;
	metric->source = source;
	text_clean(metric->name, sizeof(metric->name), name, strlen(name));
	text_clean(metric->origin, sizeof(metric->origin), origin, strlen(origin));
	return metric;
}

void metrics_number(struct metrics *metrics, uint32_t id, uint32_t source, const char *name,
		    int64_t value, const char *origin)
{
	struct accel_metric *metric = add(metrics, id, source, name, origin);

	if (metric)
		metric->value = value;
}

void metrics_text(struct metrics *metrics, uint32_t id, uint32_t source, const char *name,
		  const char *text, const char *origin)
{
	struct accel_metric *metric = add(metrics, id, source, name, origin);

	if (metric)
		text_clean(metric->text, sizeof(metric->text), text, strlen(text));
}
