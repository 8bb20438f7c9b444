/* SPDX-License-Identifier: MIT */
/* What drivers, the PCI bus and power management tell in sysfs. */
#include "mgmt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define MS   INT64_C(1000000)
#define MHZ  INT64_C(1000000)
#define NAME 48

/* ---- power management ---------------------------------------------------------------------- */

static void add_power_time(struct metrics *metrics, const char *directory, const char *name,
			   const char *file, uint32_t id)
{
	char path[PATH_MAX];
	int64_t value;
	int ret;

	ret = file_path(path, sizeof(path), "%s/power/%s", directory, file);
	if (!ret)
		ret = file_number(path, 0, INT64_MAX / MS, &value);
	if (ret)
		skip(path, ret);
	else
		metrics_number(metrics, id, ACCEL_SOURCE_SYSFS, name, value * MS, path);
}

uint32_t power_state(const char *directory, const char *name, struct metrics *metrics)
{
	static const struct {
		const char *word;
		uint32_t state;
	} states[] = {
		{"active", ACCEL_POWER_ACTIVE},     {"suspended", ACCEL_POWER_SUSPENDED},
		{"resuming", ACCEL_POWER_CHANGING}, {"suspending", ACCEL_POWER_CHANGING},
		{"error", ACCEL_POWER_ERROR},
	};
	char path[PATH_MAX], word[32];
	size_t i;
	int ret;

	ret = file_path(path, sizeof(path), "%s/power/runtime_status", directory);
	if (!ret)
		ret = file_text(path, word, sizeof(word));
	if (ret) {
		skip(path, ret);
		return ACCEL_POWER_UNKNOWN;
	}
	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(word, states[i].word))
			break;
	if (i == ARRAY_SIZE(states)) /* "unsupported", or nothing that we know */
		return ACCEL_POWER_UNKNOWN;
	if (metrics) {
		metrics_text(metrics, ACCEL_METRIC_RUNTIME_STATUS, ACCEL_SOURCE_SYSFS, name, word,
			     path);
		add_power_time(metrics, directory, name, "runtime_active_time",
			       ACCEL_METRIC_RUNTIME_ACTIVE);
		add_power_time(metrics, directory, name, "runtime_suspended_time",
			       ACCEL_METRIC_RUNTIME_SUSPENDED);
	}
	return states[i].state;
}

/* ---- the drivers ----------------------------------------------------------------------------- */

enum place {
	DEVICE,  /* below the device on its bus */
	DEBUGFS, /* its directory there: for root, and no stable interface */
};

/*
 * One attribute. Those that aren't marked AWAKE only show what the driver remembers (as of
 * Linux 7.3): reading them of a sleeping device neither wakes it nor fails.
 */
struct attribute {
	const char *driver; /* as sysfs has its name; NULL: any */
	uint32_t id;
	uint8_t place;
	uint8_t flags;
	const char *file, *instead; /* @instead where there is no @file */
	const char *name;
	int64_t scale;
};
#define AWAKE     1u /* the device is asked: not while it sleeps */
#define NOT_ZERO  2u /* 0 stands for "not known" */
#define IS_TEXT   4u
#define UNSIGNED  8u  /* a u32 that the driver prints as an int */
#define LAST_WORD 16u /* the number behind the last blank */
#define FIXED     32u /* a version of what can't be changed */

static const struct attribute attributes[] = {
	{"intel_vpu", ACCEL_METRIC_BUSY_TIME, DEVICE, 0, "npu_busy_time_us", NULL, "npu", 1000},
	{"intel_vpu", ACCEL_METRIC_MEMORY_USED, DEVICE, 0, "npu_memory_utilization", NULL, "", 1},
	{"intel_vpu", ACCEL_METRIC_CLOCK, DEVICE, AWAKE | NOT_ZERO, "freq/current_freq",
	 "npu_current_frequency_mhz", "npu", MHZ},
	{"intel_vpu", ACCEL_METRIC_CLOCK_MIN, DEVICE, NOT_ZERO, "freq/hw_min_freq", NULL, "npu",
	 MHZ},
	{"intel_vpu", ACCEL_METRIC_CLOCK_MAX, DEVICE, NOT_ZERO, "freq/hw_max_freq",
	 "npu_max_frequency_mhz", "npu", MHZ},
	{"intel_vpu", ACCEL_METRIC_CLOCK_EFFICIENT, DEVICE, NOT_ZERO, "freq/hw_efficient_freq",
	 NULL, "npu", MHZ},
	{"intel_vpu", ACCEL_METRIC_CLOCK_LIMIT_MIN, DEVICE, NOT_ZERO, "freq/set_min_freq", NULL,
	 "npu", MHZ},
	{"intel_vpu", ACCEL_METRIC_CLOCK_LIMIT_MAX, DEVICE, NOT_ZERO, "freq/set_max_freq", NULL,
	 "npu", MHZ},
	{"intel_vpu", ACCEL_METRIC_RESETS, DEBUGFS, 0, "reset_counter", NULL, "device", 1},
	{"intel_vpu", ACCEL_METRIC_RESETS, DEBUGFS, 0, "engine_reset_counter", NULL, "engine", 1},
	{"intel_vpu", ACCEL_METRIC_FIRMWARE, DEBUGFS, IS_TEXT, "fw_version", NULL, "firmware", 0},
	{"intel_vpu", ACCEL_METRIC_STATUS, DEVICE, IS_TEXT, "sched_mode", NULL, "scheduler", 0},

	{"qaic", ACCEL_METRIC_ERRORS_CORRECTABLE, DEVICE, UNSIGNED, "ce_count", NULL, "device", 1},
	{"qaic", ACCEL_METRIC_ERRORS_NONFATAL, DEVICE, UNSIGNED, "ue_nonfatal_count", NULL,
	 "device", 1},
	{"qaic", ACCEL_METRIC_ERRORS_FATAL, DEVICE, UNSIGNED, "ue_count", NULL, "device", 1},

	{"amdxdna", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT | NOT_ZERO, "fw_version", NULL,
	 "firmware", 0},

	{"habanalabs", ACCEL_METRIC_STATUS, DEVICE, IS_TEXT, "status", NULL, "device", 0},
	{"habanalabs", ACCEL_METRIC_CLOCK, DEVICE, AWAKE, "clk_cur_freq_mhz", NULL, "device", MHZ},
	{"habanalabs", ACCEL_METRIC_CLOCK, DEVICE, AWAKE, "mme_clk_curr", NULL, "mme", 1},
	{"habanalabs", ACCEL_METRIC_CLOCK, DEVICE, AWAKE, "tpc_clk_curr", NULL, "tpc", 1},
	{"habanalabs", ACCEL_METRIC_CLOCK, DEVICE, AWAKE, "ic_clk_curr", NULL, "ic", 1},
	{"habanalabs", ACCEL_METRIC_CLOCK_LIMIT_MAX, DEVICE, AWAKE, "clk_max_freq_mhz", NULL,
	 "device", MHZ},
	{"habanalabs", ACCEL_METRIC_CLOCK_LIMIT_MAX, DEVICE, AWAKE, "mme_clk", NULL, "mme", 1},
	{"habanalabs", ACCEL_METRIC_CLOCK_LIMIT_MAX, DEVICE, AWAKE, "tpc_clk", NULL, "tpc", 1},
	{"habanalabs", ACCEL_METRIC_CLOCK_LIMIT_MAX, DEVICE, AWAKE, "ic_clk", NULL, "ic", 1},
	{"habanalabs", ACCEL_METRIC_POWER_LIMIT, DEVICE, AWAKE, "max_power", NULL, "device", 1000},
	{"habanalabs", ACCEL_METRIC_RESETS, DEVICE, 0, "soft_reset_cnt", NULL, "soft", 1},
	{"habanalabs", ACCEL_METRIC_RESETS, DEVICE, 0, "hard_reset_cnt", NULL, "hard", 1},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "cpucp_ver", "armcp_ver", "cpucp",
	 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "cpucp_kernel_ver",
	 "armcp_kernel_ver", "cpucp_kernel", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "fw_os_ver", NULL, "fw_os", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "preboot_btl_ver", NULL, "preboot",
	 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "uboot_ver", NULL, "uboot", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "thermal_ver", NULL, "thermal", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "cpld_ver", NULL, "cpld", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT, "vrm_ver", "infineon_ver", "vrm", 0},
	{"habanalabs", ACCEL_METRIC_FIRMWARE, DEVICE, IS_TEXT | FIXED, "fuse_ver", NULL, "fuse", 0},

	/* Of PCI: kept by the kernel, which is told by interrupts. */
	{NULL, ACCEL_METRIC_ERRORS_CORRECTABLE, DEVICE, LAST_WORD, "aer_dev_correctable", NULL,
	 "pcie", 1},
	{NULL, ACCEL_METRIC_ERRORS_NONFATAL, DEVICE, LAST_WORD, "aer_dev_nonfatal", NULL, "pcie",
	 1},
	{NULL, ACCEL_METRIC_ERRORS_FATAL, DEVICE, LAST_WORD, "aer_dev_fatal", NULL, "pcie", 1},
};

/* Its directory in debugfs has the device's address for a name, and had its minor number. */
static int debugfs_path(const char *file, const struct accel_device_info *device, char *path)
{
	const char *root = accel_core_root(ACCEL_ROOT_SYS), *address = device_address(device);
	struct stat st;
	int ret;

	ret = file_path(path, PATH_MAX, "%s/kernel/debug/accel/%s/%s", root, address, file);
	if (!ret && *address && !accel_core_sys.stat(path, &st))
		return 0;
	return file_path(path, PATH_MAX, "%s/kernel/debug/accel/%u/%s", root,
			 minor((dev_t)device->devnum), file);
}

static int attribute_path(const struct attribute *attribute, const char *file,
			  const struct accel_device_info *device, const char *sys, char *path)
{
	if (attribute->place == DEBUGFS)
		return debugfs_path(file, device, path);
	return file_path(path, PATH_MAX, "%s/device/%s", sys, file);
}

/* Its text, and the path that it was at. */
static int attribute_text(const struct attribute *attribute, const struct accel_device_info *device,
			  const char *sys, char *path, char *text, size_t bytes)
{
	int ret;

	ret = attribute_path(attribute, attribute->file, device, sys, path);
	if (!ret)
		ret = file_text(path, text, bytes);
	if (ret == -ENOENT && attribute->instead) {
		ret = attribute_path(attribute, attribute->instead, device, sys, path);
		if (!ret)
			ret = file_text(path, text, bytes);
	}
	return ret;
}

static bool is_nothing(const char *version)
{
	return !version[strspn(version, "0.")];
}

static int attribute_number(const struct attribute *attribute, const char *text, int64_t *value)
{
	int64_t min = 0, max = INT64_MAX / attribute->scale;
	const char *blank;
	int ret;

	if (attribute->flags & LAST_WORD) {
		blank = strrchr(text, ' ');
		if (!blank)
			return -EINVAL;
		text = blank + 1;
	}
	if (attribute->flags & UNSIGNED)
		min = INT32_MIN, max = UINT32_MAX;
	ret = text_number(text, min, max, value);
	if (ret)
		return ret;
	if ((attribute->flags & NOT_ZERO) && !*value)
		return -ENODATA;
	if (*value < 0)
		*value += INT64_C(1) << 32;
	*value *= attribute->scale;
	return 0;
}

static void read_attribute(struct accel_sample *sample, const struct attribute *attribute)
{
	char path[PATH_MAX], text[4096];
	int64_t value;
	int ret;

	ret = attribute_text(attribute, &sample->device, sample->sys, path, text, sizeof(text));
	if (ret) {
		skip(path, ret);
		return;
	}
	if (attribute->flags & IS_TEXT) {
		if (!(attribute->flags & NOT_ZERO) || !is_nothing(text))
			metrics_text(&sample->metrics, attribute->id, ACCEL_SOURCE_SYSFS,
				     attribute->name, text, path);
		return;
	}
	ret = attribute_number(attribute, text, &value);
	if (ret)
		skip(path, ret);
	else
		metrics_number(&sample->metrics, attribute->id, ACCEL_SOURCE_SYSFS, attribute->name,
			       value, path);
}

/* ---- qaic: its channels ------------------------------------------------------------------------ */

static int read_channel(void *data, const char *name)
{
	static const char *const words[] = {"idle",           "assigned",        "before shutdown",
					    "after shutdown", "before power up", "after power up"};
	struct accel_sample *sample = data;
	char path[PATH_MAX], channel[NAME];
	unsigned int number;
	int64_t state;
	int ret, end = 0;

	if (sscanf(name, "dbc%3u_state%n", &number, &end) != 1 || !end || name[end])
		return 0;
	ret = file_path(path, sizeof(path), "%s/%s", sample->sys, name);
	if (!ret)
		ret = file_number(path, 0, ARRAY_SIZE(words) - 1, &state);
	if (ret) {
		skip(path, ret);
		return 0;
	}
	snprintf(channel, sizeof(channel), "dbc%u", number);
	metrics_text(&sample->metrics, ACCEL_METRIC_STATUS, ACCEL_SOURCE_SYSFS, channel,
		     words[state], path);
	return 0;
}

/* ---- rocket: its cores --------------------------------------------------------------------------- */

struct cores {
	struct accel_sample *sample;
	const char *directory;
	uint32_t active, asleep, other;
};

static int read_core(void *data, const char *name)
{
	struct cores *cores = data;
	char path[PATH_MAX];

	/* Beside the devices' links, which have a dot in their names, lie the driver's own. */
	if (!accel_core_is_plain_word(name) || !strchr(name, '.') ||
	    file_path(path, sizeof(path), "%s/%s", cores->directory, name))
		return 0;
	switch (power_state(path, name, &cores->sample->metrics)) {
	case ACCEL_POWER_ACTIVE:
		cores->active++;
		break;
	case ACCEL_POWER_SUSPENDED:
		cores->asleep++;
		break;
	default:
		cores->other++;
	}
	return 0;
}

/* The node's own device has no power management: the cores behind it do. */
static void read_rocket(struct accel_sample *sample)
{
	struct cores cores = {.sample = sample};
	char directory[PATH_MAX];

	if (file_path(directory, sizeof(directory), "%s/bus/platform/drivers/rocket",
		      accel_core_root(ACCEL_ROOT_SYS)))
		return;
	cores.directory = directory;
	if (accel_core_sys.list(directory, read_core, &cores))
		return;
	if (cores.active)
		sample->info.power = ACCEL_POWER_ACTIVE;
	else if (cores.asleep && !cores.other)
		sample->info.power = ACCEL_POWER_SUSPENDED;
}

void attributes_read(struct accel_sample *sample)
{
	const struct attribute *attribute;
	char path[PATH_MAX];
	size_t i;

	if (file_path(path, sizeof(path), "%s/device", sample->sys))
		return;
	sample->info.power = power_state(path, "", &sample->metrics);
	if (!strcmp(sample->device.id, "platform:rknn"))
		read_rocket(sample);
	/* On its way to sleep, or from it, counts as asleep. */
	if (sample->info.power == ACCEL_POWER_SUSPENDED ||
	    sample->info.power == ACCEL_POWER_CHANGING)
		sample->info.flags |= ACCEL_SAMPLE_ASLEEP;
	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		attribute = &attributes[i];
		if (attribute->driver ? strcmp(attribute->driver, sample->device.driver) != 0
				      : strncmp(sample->device.id, "pci:", 4) != 0)
			continue;
		if ((attribute->flags & AWAKE) && (sample->info.flags & ACCEL_SAMPLE_ASLEEP))
			continue;
		read_attribute(sample, attribute);
	}
	if (!strcmp(sample->device.driver, "qaic"))
		accel_core_sys.list(sample->sys, read_channel, sample);
}

void attributes_firmware(const struct accel_device_info *device,
			 void (*fn)(void *data, uint32_t kind, const char *name, const char *text,
				    const char *origin),
			 void *data)
{
	char sys[PATH_MAX], path[PATH_MAX], text[128];
	const struct attribute *attribute;
	size_t i;
	int ret;

	if (device_directory(device, sys, sizeof(sys)))
		return;
	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		attribute = &attributes[i];
		if (attribute->id != ACCEL_METRIC_FIRMWARE ||
		    strcmp(attribute->driver, device->driver) != 0)
			continue;
		ret = attribute_text(attribute, device, sys, path, text, sizeof(text));
		if (ret)
			skip(path, ret);
		else if (!(attribute->flags & NOT_ZERO) || !is_nothing(text))
			fn(data,
			   attribute->flags & FIXED ? ACCEL_VERSION_FIXED : ACCEL_VERSION_RUNNING,
			   attribute->name, text, path);
	}
}
