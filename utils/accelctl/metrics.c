/* SPDX-License-Identifier: MIT */
/*
 * accelctl metrics: telemetry as text for Prometheus.
 *
 * Two dialects: OpenMetrics 1.0, and the older text format 0.0.4, which is what node_exporter's
 * textfile collector reads. They differ in how the family of a counter is named.
 */
#include "sample.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct text {
	FILE *out;
	bool openmetrics;
	const struct ctl_devices *devices;
	struct accel_sample **samples;
};

/* Of each unit: what the base unit of Prometheus is called, and how many of ours it has. */
static const struct {
	const char *name;
	int64_t scale;
} units[] = {
	[ACCEL_UNIT_NONE] = {"", 1},
	[ACCEL_UNIT_TEXT] = {"", 1},
	[ACCEL_UNIT_NANOSECONDS] = {"seconds", 1000000000},
	[ACCEL_UNIT_BYTES] = {"bytes", 1},
	[ACCEL_UNIT_HERTZ] = {"hertz", 1},
	[ACCEL_UNIT_MILLICELSIUS] = {"celsius", 1000},
	[ACCEL_UNIT_MICROWATTS] = {"watts", 1000000},
	[ACCEL_UNIT_MICROJOULES] = {"joules", 1000000},
	[ACCEL_UNIT_MILLIVOLTS] = {"volts", 1000},
	[ACCEL_UNIT_MILLIAMPERES] = {"amperes", 1000},
	[ACCEL_UNIT_RPM] = {"rpm", 1},
	[ACCEL_UNIT_PERCENT] = {"ratio", 100},
};

/* The value of a label. */
static void put_label(FILE *out, const char *name, const char *value)
{
	char *copy = strdup(value), *at;

	fprintf(out, "%s=\"", name);
	for (at = copy ? ctl_printable(copy) : NULL; at && *at; at++) {
		if (*at == '"' || *at == '\\')
			fputc('\\', out);
		fputc(*at, out);
	}
	fputc('"', out);
	free(copy);
}

static void put_family(const struct text *text, const char *name, const char *unit, bool counter,
		       const char *help)
{
	const char *suffix = counter && !text->openmetrics ? "_total" : "";

	fprintf(text->out, "# HELP %s%s %s\n", name, suffix, help);
	fprintf(text->out, "# TYPE %s%s %s\n", name, suffix, counter ? "counter" : "gauge");
	if (text->openmetrics && unit && *unit)
		fprintf(text->out, "# UNIT %s %s\n", name, unit);
}

/* Exactly, not through a double. */
static void put_value(FILE *out, int64_t value, int64_t scale)
{
	uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int digits = 0;
	int64_t at;

	for (at = scale; at > 1; at /= 10)
		digits++;
	fprintf(out, "%s%" PRIu64, value < 0 ? "-" : "", magnitude / (uint64_t)scale);
	if (digits)
		fprintf(out, ".%0*" PRIu64, digits, magnitude % (uint64_t)scale);
	fputc('\n', out);
}

/* ---- families ---------------------------------------------------------------------- */

static void put_devices(const struct text *text)
{
	const struct accel_device_info *info;
	FILE *out = text->out;
	unsigned int i;

	put_family(text, "accel_device_info", NULL, false, "What a device is, always 1.");
	for (i = 0; i < text->devices->count; i++) {
		info = &text->devices->info[i];
		fputs("accel_device_info{", out);
		put_label(out, "device", info->id);
		fputc(',', out);
		put_label(out, "name", info->name);
		fputc(',', out);
		put_label(out, "driver", info->driver);
		fputc(',', out);
		put_label(out, "state", ctl_usable_word(info->usable));
		fputs("} 1\n", out);
	}
	put_family(text, "accel_device_usable", NULL, false,
		   "Whether whoever made this text could open the device.");
	for (i = 0; i < text->devices->count; i++) {
		info = &text->devices->info[i];
		fputs("accel_device_usable{", out);
		put_label(out, "device", info->id);
		fprintf(out, "} %d\n", info->usable == ACCEL_USABLE);
	}
}

static void put_clients(const struct text *text)
{
	struct accel_sample_info info;
	bool first = true;
	unsigned int i;

	for (i = 0; i < text->devices->count; i++) {
		info = (struct accel_sample_info){.size = sizeof(info)};
		if (accel_sample_get_info(text->samples[i], &info) ||
		    (info.flags & ACCEL_SAMPLE_NO_CLIENTS) ||
		    (text->devices->info[i].flags & ACCEL_DEVICE_SOFTWARE))
			continue;
		if (first)
			put_family(
				text, "accel_clients", NULL, false,
				"Clients that have the device open, as far as they can be seen.");
		first = false;
		fputs("accel_clients{", text->out);
		put_label(text->out, "device", text->devices->info[i].id);
		fprintf(text->out, "} %u\n", info.clients);
	}
}

static void put_metric(const struct text *text, const char *family, const char *device,
		       const struct accel_metric *metric)
{
	const bool counter = metric->flags & ACCEL_METRIC_IS_COUNTER;
	FILE *out = text->out;

	fprintf(out, "%s%s{", family, counter ? "_total" : "");
	put_label(out, "device", device);
	if (*metric->name) {
		fputc(',', out);
		put_label(out, "part", metric->name);
	}
	if (metric->unit == ACCEL_UNIT_TEXT) {
		fputc(',', out);
		put_label(out, "value", metric->text);
		fputs("} 1\n", out);
	} else {
		fputs("} ", out);
		put_value(out, metric->value, units[metric->unit].scale);
	}
}

/* The family of one metric, of all devices that have it. */
static void put_metric_family(const struct text *text, uint32_t id,
			      const struct accel_metric_info *about)
{
	const char *unit = units[about->unit].name;
	struct accel_sample_info info;
	struct accel_metric metric;
	char family[96], help[160];
	bool first = true;
	unsigned int i;
	uint32_t m;

	snprintf(family, sizeof(family), "accel_%s%s%s", about->name, *unit ? "_" : "",
		 about->unit == ACCEL_UNIT_TEXT ? "_info" : unit);
	snprintf(help, sizeof(help), "%s.", about->help);
	if (help[0] >= 'a' && help[0] <= 'z')
		help[0] -= 'a' - 'A';
	for (i = 0; i < text->devices->count; i++) {
		info = (struct accel_sample_info){.size = sizeof(info)};
		if (accel_sample_get_info(text->samples[i], &info))
			continue;
		for (m = 0; m < info.metrics; m++) {
			metric = (struct accel_metric){.size = sizeof(metric)};
			if (accel_sample_get_metric(text->samples[i], ACCEL_NO_CLIENT, m,
						    &metric) ||
			    metric.id != id || metric.unit != about->unit)
				continue;
			if (first)
				put_family(text, family, unit,
					   about->flags & ACCEL_METRIC_IS_COUNTER, help);
			first = false;
			put_metric(text, family, text->devices->info[i].id, &metric);
		}
	}
}

static void put_metrics(const struct text *text)
{
	struct accel_metric_info about;
	uint32_t id;

	for (id = 1;; id++) {
		about = (struct accel_metric_info){.size = sizeof(about)};
		if (accel_metric_get_info(id, &about))
			break;
		if (about.unit < ARRAY_SIZE(units))
			put_metric_family(text, id, &about);
	}
}

/* What drm-ras counts; the drivers' own counters are metrics. */
static void put_errors(const struct text *text)
{
	static const char *const severity[] = {"other", "correctable", "nonfatal", "fatal"};
	struct accel_ras_info info = {.size = sizeof(info)};
	struct accel_ras_counter counter;
	struct accel_ras *ras;
	FILE *out = text->out;
	bool first = true;
	uint32_t i;

	if (accel_ras_read(NULL, &ras))
		return;
	if (accel_ras_get_info(ras, &info))
		info.counters = 0;
	for (i = 0; i < info.counters; i++) {
		counter = (struct accel_ras_counter){.size = sizeof(counter)};
		if (accel_ras_get_counter(ras, i, &counter) ||
		    counter.source != ACCEL_SOURCE_DRM_RAS || !*counter.id)
			continue;
		if (first)
			put_family(text, "accel_ras_errors", NULL, true,
				   "Errors that the hardware counted.");
		first = false;
		fputs("accel_ras_errors_total{", out);
		put_label(out, "device", counter.id);
		fputc(',', out);
		put_label(out, "node", counter.node);
		fputc(',', out);
		put_label(out, "error", counter.name);
		fputc(',', out);
		put_label(out, "severity",
			  severity[counter.severity < ARRAY_SIZE(severity) ? counter.severity : 0]);
		fprintf(out, "} %" PRIu64 "\n", counter.value);
	}
	accel_ras_unref(ras);
}

static int make_text(const struct ctl_devices *devices, bool openmetrics, char **out, size_t *bytes)
{
	struct text text = {.openmetrics = openmetrics, .devices = devices};
	struct accel_telemetry *telemetry;
	int ret, status;

	ret = accel_telemetry_create(NULL, &telemetry);
	if (ret)
		return ctl_fail_library(ret, "reading telemetry");
	status = sample_read(telemetry, devices, &text.samples);
	accel_telemetry_unref(telemetry);
	if (status)
		return status;
	text.out = open_memstream(out, bytes);
	if (!text.out) {
		sample_free(text.samples, devices->count);
		return ctl_fail(CTL_FAILED, "no memory");
	}
	put_devices(&text);
	put_clients(&text);
	put_metrics(&text);
	put_errors(&text);
	if (openmetrics)
		fputs("# EOF\n", text.out);
	sample_free(text.samples, devices->count);
	return fclose(text.out) ? ctl_fail(CTL_FAILED, "no memory") : CTL_OK;
}

int ctl_metrics(int argc, char **argv)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *format = "openmetrics", *output = NULL;
	struct ctl_devices devices;
	char *text = NULL;
	size_t bytes = 0;
	int option, status;

	while ((option = getopt_long(argc, argv, ":f:o:h", options, NULL)) != -1) {
		switch (option) {
		case 'f':
			format = optarg;
			break;
		case 'o':
			output = optarg;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 0, 1);
	if (status)
		return status;
	if (strcmp(format, "openmetrics") && strcmp(format, "prometheus"))
		return ctl_fail(CTL_USAGE, "there is no format '%s': openmetrics or prometheus",
				format);
	status = ctl_select(argv[optind], 0, &devices);
	if (status)
		return status;
	status = make_text(&devices, *format == 'o', &text, &bytes);
	ctl_devices_free(&devices);
	if (!status && output) {
		status = ctl_write_file(output, text, bytes);
	} else if (!status) {
		fwrite(text, 1, bytes, stdout);
		status = ctl_flush();
	}
	free(text);
	return status;
}
