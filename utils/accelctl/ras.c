/* SPDX-License-Identifier: MIT */
/* accelctl ras: errors that the hardware counts. */
#include "sample.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

struct filter {
	const char *node, *error;
};

static bool passes(const struct accel_ras_counter *counter, const struct filter *filter)
{
	return (!filter->node || !strcmp(filter->node, counter->node)) &&
	       (!filter->error || !strcmp(filter->error, counter->name));
}

static int get(struct accel_ras *ras, uint32_t index, struct accel_ras_counter *counter)
{
	*counter = (struct accel_ras_counter){.size = sizeof(*counter)};
	return accel_ras_get_counter(ras, index, counter);
}

/* That the kernel's own counters could not be asked for, where that is why there are none. */
static int none(const struct accel_ras_info *info)
{
	if (info->drm_ras == -EPERM || info->drm_ras == -EACCES)
		return ctl_fail(CTL_PERMISSION, "%s", info->reason);
	if (info->drm_ras == -EPROTONOSUPPORT)
		return ctl_fail(CTL_UNSUPPORTED, "%s", info->reason);
	if (info->drm_ras)
		return ctl_fail(CTL_FAILED, "%s", info->reason);
	return ctl_fail(CTL_UNSUPPORTED, "no driver here counts errors: 'dmesg' may tell of some");
}

static int print_counters(struct accel_ras *ras, const struct accel_ras_info *info,
			  const struct filter *filter)
{
	static const char *const headings[] = {"DEVICE", "NODE",   "ERROR", "SEVERITY",
					       "COUNT",  "SOURCE", NULL};
	static const char *const severity[] = {"-", "correctable", "nonfatal", "fatal"};
	struct accel_ras_counter counter;
	struct ctl_table table;
	uint32_t i;
	int ret;

	ret = ctl_table_start(&table, headings);
	for (i = 0; i < info->counters && !ret; i++) {
		if (get(ras, i, &counter) || !passes(&counter, filter))
			continue;
		ret = ctl_table_row(&table);
		if (!ret)
			ret = ctl_table_add(&table, 0, "%s",
					    *counter.id ? counter.id : counter.device);
		if (!ret)
			ret = ctl_table_add(&table, 1, "%s", counter.node);
		if (!ret)
			ret = ctl_table_add(&table, 2, "%s", counter.name);
		if (!ret)
			ret = ctl_table_add(&table, 3, "%s",
					    counter.severity < ARRAY_SIZE(severity)
						    ? severity[counter.severity]
						    : "-");
		if (!ret)
			ret = ctl_table_add(&table, 4, "%" PRIu64, counter.value);
		if (!ret)
			ret = ctl_table_add(&table, 5, "%s", sample_source_word(counter.source));
	}
	if (!ret)
		ctl_table_print(&table, stdout);
	ctl_table_free(&table);
	return ret ? ctl_fail(CTL_FAILED, "no memory for the table") : ctl_flush();
}

/* The parts that count, with how many counters each has. */
static int print_nodes(struct accel_ras *ras, const struct accel_ras_info *info)
{
	static const char *const headings[] = {"DEVICE", "NODE", "COUNTERS", "SOURCE", NULL};
	struct accel_ras_counter counter, next;
	struct ctl_table table;
	uint32_t i, run = 0;
	int ret;

	ret = ctl_table_start(&table, headings);
	for (i = 0; i < info->counters && !ret; i++) {
		if (get(ras, i, &counter))
			continue;
		run++;
		/* They come by device and node. */
		if (i + 1 < info->counters && !get(ras, i + 1, &next) &&
		    !strcmp(next.device, counter.device) && !strcmp(next.node, counter.node))
			continue;
		ret = ctl_table_row(&table);
		if (!ret)
			ret = ctl_table_add(&table, 0, "%s",
					    *counter.id ? counter.id : counter.device);
		if (!ret)
			ret = ctl_table_add(&table, 1, "%s", counter.node);
		if (!ret)
			ret = ctl_table_add(&table, 2, "%u", run);
		if (!ret)
			ret = ctl_table_add(&table, 3, "%s", sample_source_word(counter.source));
		run = 0;
	}
	if (!ret)
		ctl_table_print(&table, stdout);
	ctl_table_free(&table);
	return ret ? ctl_fail(CTL_FAILED, "no memory for the table") : ctl_flush();
}

static int clear(struct accel_ras *ras, const struct accel_ras_info *info,
		 const struct filter *filter)
{
	struct accel_ras_counter counter;
	unsigned int cleared = 0, refused = 0;
	char what[256];
	uint32_t i;
	int ret;

	for (i = 0; i < info->counters; i++) {
		if (get(ras, i, &counter) || !passes(&counter, filter))
			continue;
		if (!(counter.flags & ACCEL_RAS_CLEARABLE)) {
			refused++;
			continue;
		}
		ret = accel_ras_clear(&counter);
		if (ret) {
			snprintf(what, sizeof(what), "clearing %s of %s", counter.name,
				 counter.node);
			return ctl_fail_library(ret, what);
		}
		cleared++;
	}
	if (cleared) {
		printf("%u counters cleared\n", cleared);
		return ctl_flush();
	}
	if (refused)
		return ctl_fail(CTL_UNSUPPORTED,
				"these counters can't be cleared: only loading the "
				"driver anew does that");
	return ctl_fail(CTL_NO_DEVICE,
			"there is no such counter; 'accelctl ras show' has them all");
}

static int print_json(struct accel_ras *ras, const struct accel_ras_info *info)
{
	json_t *all = ctl_json_start("ras");

	json_object_set_new(all, "drm_ras",
			    info->drm_ras ? ctl_json_text(info->reason) : json_string("ok"));
	json_object_set_new(all, "counters", sample_counters_json(ras));
	return ctl_json_print(all, false);
}

static int act(const char *verb, struct accel_device *device, const struct filter *filter,
	       bool json)
{
	struct accel_ras_info info = {.size = sizeof(info)};
	struct accel_ras *ras;
	int ret, status;

	ret = accel_ras_read(device, &ras);
	if (!ret)
		ret = accel_ras_get_info(ras, &info);
	if (ret)
		return ctl_fail_library(ret, "reading error counters");
	if (json)
		status = print_json(ras, &info);
	else if (!info.counters)
		status = none(&info);
	else if (!strcmp(verb, "list"))
		status = print_nodes(ras, &info);
	else if (!strcmp(verb, "show"))
		status = print_counters(ras, &info, filter);
	else
		status = clear(ras, &info, filter);
	accel_ras_unref(ras);
	return status;
}

int ctl_ras(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"node", required_argument, NULL, 'n'},
		{"error", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct accel_device *device = NULL;
	struct accel_device_info info;
	struct filter filter = {0};
	const char *verb;
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, ":jn:e:h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'n':
			filter.node = optarg;
			break;
		case 'e':
			filter.error = optarg;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 1, 2);
	if (status)
		return status;
	verb = argv[optind++];
	if (strcmp(verb, "list") && strcmp(verb, "show") && strcmp(verb, "clear"))
		return ctl_fail(CTL_USAGE, "there is no 'ras %s': list, show or clear", verb);
	if (json && !strcmp(verb, "clear"))
		return ctl_fail(CTL_USAGE, "'ras clear' has no --json: its exit status tells");
	if (optind < argc)
		status = ctl_find(argv[optind], &device, &info);
	if (!status)
		status = act(verb, device, &filter, json);
	accel_device_unref(device);
	return status;
}
