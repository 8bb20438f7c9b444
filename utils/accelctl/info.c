/* SPDX-License-Identifier: MIT */
/* accelctl info: all that is known of one device, grouped. Opens it only when it is told to. */
#include "ctl.h"
#ifdef HAVE_MGMT
#include "sample.h"
#endif

#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the bus tells ------------------------------------------------------------ */

static void add_attr(json_t *to, const char *key, const char *directory, const char *attr)
{
	char path[PATH_MAX], text[256];

	if (snprintf(path, sizeof(path), "%s/%s", directory, attr) < (int)sizeof(path) &&
	    ctl_read(path, text, sizeof(text)) > 0)
		json_object_set_new(to, key, ctl_json_text(text));
}

/* The device tree's list of strings, each with a NUL behind it. */
static void add_compatible(json_t *to, const char *directory)
{
	json_t *list = json_array();
	char path[PATH_MAX], text[512];
	size_t got = 0, at;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/of_node/compatible", directory) < (int)sizeof(path)) {
		file = fopen(path, "re");
		if (file) {
			got = fread(text, 1, sizeof(text) - 1, file);
			fclose(file);
		}
	}
	text[got] = '\0';
	for (at = 0; at < got; at += strlen(&text[at]) + 1)
		if (text[at])
			json_array_append_new(list, ctl_json_text(&text[at]));
	if (json_array_size(list))
		json_object_set(to, "compatible", list);
	json_decref(list);
}

static json_t *bus_json(const struct accel_device_info *info)
{
	static const char *const attrs[][2] = {
		{"vendor", "vendor"},
		{"device", "device"},
		{"subsystem_vendor", "subsystem_vendor"},
		{"subsystem_device", "subsystem_device"},
		{"revision", "revision"},
		{"class", "class"},
		{"link_speed", "current_link_speed"},
		{"link_speed_max", "max_link_speed"},
		{"link_width", "current_link_width"},
		{"link_width_max", "max_link_width"},
		{"modalias", "modalias"},
		{"runtime_status", "power/runtime_status"},
		{"runtime_control", "power/control"},
	};
	char directory[PATH_MAX], path[PATH_MAX + 32], text[64];
	json_t *bus = json_object();
	size_t i;

	if (snprintf(directory, sizeof(directory), "%s/class/accel/%s/device", ctl_sysfs(),
		     info->name) >= (int)sizeof(directory))
		return bus;
	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		add_attr(bus, attrs[i][0], directory, attrs[i][1]);
	snprintf(path, sizeof(path), "%s/iommu_group", directory);
	if (ctl_link_name(path, text, sizeof(text)) == 0)
		json_object_set_new(bus, "iommu_group", ctl_json_text(text));
	add_compatible(bus, directory);
	return bus;
}

/* ---- what the open device tells ---------------------------------------------------- */

static const struct {
	uint32_t key;
	const char *name;
} keys[] = {
	{ACCEL_HAS_ADDRESS, "address"},
	{ACCEL_HAS_USER_MEMORY, "user_memory"},
	{ACCEL_HAS_DEVICE_LOCAL, "device_local"},
	{ACCEL_HAS_IMPORT, "import"},
	{ACCEL_HAS_EXPORT, "export"},
	{ACCEL_HAS_WAIT_FENCES, "wait_fences"},
	{ACCEL_HAS_FENCE_FD, "fence_fd"},
	{ACCEL_HAS_SYNC_FILE, "sync_file"},
	{ACCEL_HAS_CANCEL, "cancel"},
	{ACCEL_HAS_OUTCOME, "outcome"},
	{ACCEL_HAS_ISOLATION, "isolation"},
	{ACCEL_HAS_STATE_FD, "state_fd"},
	{ACCEL_HAS_JOB_TIMEOUT, "job_timeout"},
	{ACCEL_QUEUES_PARALLEL, "queues_parallel"},
	{ACCEL_QUEUE_DEPTH_MAX, "queue_depth_max"},
	{ACCEL_PRIORITY_MIN, "priority_min"},
	{ACCEL_PRIORITY_MAX, "priority_max"},
	{ACCEL_BO_BYTES_MAX, "bo_bytes_max"},
	{ACCEL_BO_GRANULE, "bo_granule"},
	{ACCEL_JOB_BOS_MAX, "job_bos_max"},
	{ACCEL_JOB_BO_ALIAS, "job_bo_alias"},
	{ACCEL_COMMANDS_BYTES_MAX, "commands_bytes_max"},
	{ACCEL_COMMANDS_ALIGN, "commands_align"},
	{ACCEL_COMMANDS_SEALED, "commands_sealed"},
	{ACCEL_MEMORY_TOTAL, "memory_total"},
	{ACCEL_MEMORY_FREE, "memory_free"},
	{ACCEL_CONTEXTS_LEFT, "contexts_left"},
	{ACCEL_JOB_BO_ONCE, "job_bo_once"},
};

static json_t *answer_json(uint32_t key, uint64_t value)
{
	static const char *const level[] = {"absent", "emulated", "native"};

	if (key < ACCEL_QUEUES_PARALLEL)
		return json_string(value < ARRAY_SIZE(level) ? level[value] : "unknown");
	if (key == ACCEL_PRIORITY_MIN || key == ACCEL_PRIORITY_MAX)
		return json_integer((int32_t)value);
	return value == UINT64_MAX ? json_string("unlimited") : json_integer((json_int_t)value);
}

static int capabilities_json(struct accel_device *device, json_t **out)
{
	struct accel_context *context;
	uint64_t value;
	size_t i;
	int ret;

	ret = accel_open(device, NULL, 0, &context);
	if (ret)
		return ctl_fail_library(ret, "opening the device");
	*out = json_object();
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!accel_query(context, keys[i].key, &value))
			json_object_set_new(*out, keys[i].name, answer_json(keys[i].key, value));
	accel_context_unref(context);
	return CTL_OK;
}

/* ---- what libaccel-mgmt tells ------------------------------------------------------ */

#ifdef HAVE_MGMT
static int add_mgmt(json_t *all, struct accel_device *device)
{
	struct accel_telemetry *telemetry;
	struct accel_firmware *firmware;
	struct accel_sample *sample;
	struct accel_ras *ras;
	int ret;

	ret = accel_telemetry_create(NULL, &telemetry);
	if (ret)
		return ctl_fail_library(ret, "reading telemetry");
	ret = accel_telemetry_read(telemetry, &device, 1, &sample);
	accel_telemetry_unref(telemetry);
	if (ret < 0)
		return ctl_fail_library(ret, "reading telemetry");
	json_object_set_new(all, "telemetry", sample_json(sample));
	accel_sample_unref(sample);

	ret = accel_firmware_read(device, &firmware);
	if (ret)
		return ctl_fail_library(ret, "reading firmware versions");
	json_object_set_new(all, "firmware", sample_versions_json(firmware));
	accel_firmware_unref(firmware);

	ret = accel_ras_read(device, &ras);
	if (ret)
		return ctl_fail_library(ret, "reading error counters");
	json_object_set_new(all, "errors", sample_counters_json(ras));
	accel_ras_unref(ras);
	return CTL_OK;
}

static void print_metrics(struct accel_device *device)
{
	struct accel_sample_info info = {.size = sizeof(info)};
	struct accel_telemetry *telemetry;
	struct accel_sample *sample;
	struct accel_metric metric;
	char name[128];
	uint32_t i;

	if (accel_telemetry_create(NULL, &telemetry))
		return;
	if (accel_telemetry_read(telemetry, &device, 1, &sample) >= 0) {
		if (!accel_sample_get_info(sample, &info) && info.metrics)
			puts("telemetry");
		for (i = 0; i < info.metrics; i++) {
			metric = (struct accel_metric){.size = sizeof(metric)};
			if (accel_sample_get_metric(sample, ACCEL_NO_CLIENT, i, &metric))
				continue;
			snprintf(name, sizeof(name), "%s%s%s", sample_metric_name(&metric),
				 *metric.name ? " " : "", metric.name);
			printf("  %-26s %s\n", ctl_printable(name), sample_metric_text(&metric));
		}
		accel_sample_unref(sample);
	}
	accel_telemetry_unref(telemetry);
}
#endif

/* ---- for people: the same as the JSON text ----------------------------------------- */

static void print_value(const json_t *value)
{
	const json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		fputs(json_string_value(value), stdout);
		break;
	case JSON_INTEGER:
		printf("%lld", (long long)json_integer_value(value));
		break;
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(value); i++) {
			item = json_array_get(value, i);
			fputs(i ? ", " : "", stdout);
			print_value(item);
		}
		break;
	case JSON_NULL:
		fputs("-", stdout);
		break;
	default:
		fputs(json_is_true(value) ? "yes" : "no", stdout);
	}
}

static void print_group(const char *title, json_t *group)
{
	const char *key;
	json_t *value;

	if (!json_object_size(group))
		return;
	puts(title);
	json_object_foreach(group, key, value)
	{
		printf("  %-26s ", key);
		print_value(value);
		putchar('\n');
	}
}

/* A line for each object of a list. */
static void print_list(const char *title, json_t *list, const char *const *members)
{
	json_t *item;
	size_t i, m;

	if (!json_array_size(list))
		return;
	puts(title);
	for (i = 0; i < json_array_size(list); i++) {
		item = json_array_get(list, i);
		printf(" ");
		for (m = 0; members[m]; m++) {
			printf(m ? "  " : " ");
			print_value(json_object_get(item, members[m]));
		}
		putchar('\n');
	}
}

static int print_text(json_t *all, struct accel_device *device)
{
	static const char *const client[] = {"pid",       "command",      "label",
					     "engine_ns", "memory_bytes", NULL};
	static const char *const version[] = {"kind", "name", "version", NULL};
	static const char *const counter[] = {"node", "error", "value", NULL};

	print_group("device", json_object_get(all, "device"));
	print_group("bus", json_object_get(all, "bus"));
	print_group("capabilities", json_object_get(all, "capabilities"));
#ifdef HAVE_MGMT
	print_metrics(device);
#else
	(void)device;
#endif
	print_list("clients (pid, command, label, ns of engine time, bytes)",
		   json_object_get(json_object_get(all, "telemetry"), "clients"), client);
	print_list("firmware", json_object_get(all, "firmware"), version);
	print_list("errors", json_object_get(all, "errors"), counter);
	return ctl_flush();
}

static int show(struct accel_device *device, struct accel_device_info *info, bool json, bool open)
{
	json_t *all = ctl_json_start("info"), *capabilities = NULL;
	int status = CTL_OK;

	/* To open soft disturbs nobody. */
	if (open || ((info->flags & ACCEL_DEVICE_SOFTWARE) && info->usable == ACCEL_USABLE)) {
		status = capabilities_json(device, &capabilities);
		if (status)
			goto out;
		accel_device_get_info(device, info);
		json_object_set_new(all, "capabilities", capabilities);
	}
	json_object_set_new(all, "device", ctl_device_json(info));
	if (!(info->flags & ACCEL_DEVICE_SOFTWARE))
		json_object_set_new(all, "bus", bus_json(info));
#ifdef HAVE_MGMT
	status = add_mgmt(all, device);
	if (status)
		goto out;
#endif
	if (json)
		return ctl_json_print(all, false);
	status = print_text(all, device);
out:
	json_decref(all);
	return status;
}

int ctl_info(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"open", no_argument, NULL, 'O'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct accel_device_info info;
	struct accel_device *device;
	bool json = false, open = false;
	int option, status;

	while ((option = getopt_long(argc, argv, ":jOh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'O':
			open = true;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 1, 1);
	if (!status)
		status = ctl_find(argv[optind], &device, &info);
	if (status)
		return status;
	status = show(device, &info, json, open);
	accel_device_unref(device);
	return status;
}
