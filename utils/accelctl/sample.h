/* SPDX-License-Identifier: MIT */
/* What several subcommands make of what libaccel-mgmt tells. */
#ifndef CTL_SAMPLE_H
#define CTL_SAMPLE_H

#include "ctl.h"

#include <accel/mgmt.h>

/* One sample of each device, or it says why not. */
int sample_read(struct accel_telemetry *telemetry, const struct ctl_devices *devices,
		struct accel_sample ***out);
void sample_free(struct accel_sample **samples, unsigned int count);

/* The lasting name of a metric: "busy_time". */
const char *sample_metric_name(const struct accel_metric *metric);
/* For people: "1.5 GHz". In a static ring of buffers. */
const char *sample_metric_text(const struct accel_metric *metric);
const char *sample_unit_word(uint32_t unit);
const char *sample_source_word(uint32_t source);
const char *sample_power_word(uint32_t power);

/* { "power": ..., "metrics": [...], "clients": [...] } */
json_t *sample_json(struct accel_sample *sample);
json_t *sample_versions_json(struct accel_firmware *firmware);
json_t *sample_counters_json(struct accel_ras *ras);

#endif
