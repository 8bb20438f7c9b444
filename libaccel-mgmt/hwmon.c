/* SPDX-License-Identifier: MIT */
/* Sensors that the device's driver registered with the kernel's hwmon class. */
#include "mgmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READING "input" /* the kinds of files that have a sensor's own value */
#define AVERAGE "average"

/* "temp" and "input" make "temp1_input" and so on. */
static const struct kind {
	const char *sensor, *file;
	uint32_t id;
	int64_t min, scale;
} kinds[] = {
	{"temp", READING, ACCEL_METRIC_TEMPERATURE, -273150, 1},
	{"temp", "max", ACCEL_METRIC_TEMPERATURE_MAX, -273150, 1},
	{"temp", "crit", ACCEL_METRIC_TEMPERATURE_CRITICAL, -273150, 1},
	{"power", READING, ACCEL_METRIC_POWER, 0, 1},
	{"power", AVERAGE, ACCEL_METRIC_POWER, 0, 1},
	{"power", "cap", ACCEL_METRIC_POWER_LIMIT, 0, 1},
	{"energy", READING, ACCEL_METRIC_ENERGY, 0, 1},
	{"in", READING, ACCEL_METRIC_VOLTAGE, INT32_MIN, 1},
	{"curr", READING, ACCEL_METRIC_CURRENT, INT32_MIN, 1},
	{"fan", READING, ACCEL_METRIC_FAN, 0, 1},
	{"freq", READING, ACCEL_METRIC_CLOCK, 0, 1},
};

struct chip {
	struct accel_sample *sample;
	const char *directory;
};

/* Take "temp12_input" apart; false: it isn't of this form. */
static bool take_apart(const char *file, char *sensor, size_t bytes, size_t *stem)
{
	size_t letters, digits;

	letters = strcspn(file, "0123456789");
	digits = strspn(file + letters, "0123456789");
	if (!letters || letters >= bytes || !digits || digits > 4 || file[letters + digits] != '_')
		return false;
	memcpy(sensor, file, letters);
	sensor[letters] = '\0';
	*stem = letters + digits;
	return true;
}

static bool is_there(const struct chip *chip, const char *file, size_t stem, const char *suffix)
{
	char path[PATH_MAX];
	struct stat st;

	return !file_path(path, sizeof(path), "%s/%.*s_%s", chip->directory, (int)stem, file,
			  suffix) &&
	       !accel_core_sys.stat(path, &st);
}

static bool is_at_fault(const struct chip *chip, const char *file, size_t stem)
{
	char path[PATH_MAX];
	int64_t fault;

	return !file_path(path, sizeof(path), "%s/%.*s_fault", chip->directory, (int)stem, file) &&
	       !file_number(path, 0, INT32_MAX, &fault) && fault;
}

static int read_sensor(void *data, const char *file)
{
	struct chip *chip = data;
	const struct kind *kind;
	char sensor[16], name[48], path[PATH_MAX];
	int64_t value;
	size_t i, stem;
	int ret;

	if (!accel_core_is_plain_word(file) || !take_apart(file, sensor, sizeof(sensor), &stem))
		return 0;
	for (i = 0, kind = kinds; i < ARRAY_SIZE(kinds); i++, kind++)
		if (!strcmp(kind->sensor, sensor) && !strcmp(kind->file, file + stem + 1))
			break;
	/* An average is for chips that don't tell the power of the moment. */
	if (i == ARRAY_SIZE(kinds) ||
	    (!strcmp(kind->file, AVERAGE) && is_there(chip, file, stem, READING)))
		return 0;
	ret = file_path(path, sizeof(path), "%s/%s", chip->directory, file);
	if (!ret && !strcmp(kind->file, READING) && is_at_fault(chip, file, stem))
		ret = -EIO;
	if (!ret)
		ret = file_number(path, kind->min, INT64_MAX / kind->scale, &value);
	if (ret) {
		skip(file, ret);
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)stem, file);
	/* The label if there is one: name is as before if not. */
	if (!file_path(path, sizeof(path), "%s/%s_label", chip->directory, name) &&
	    file_text(path, name, sizeof(name)))
		snprintf(name, sizeof(name), "%.*s", (int)stem, file);
	if (!file_path(path, sizeof(path), "%s/%s", chip->directory, file))
		metrics_number(&chip->sample->metrics, kind->id, ACCEL_SOURCE_HWMON, name,
			       value * kind->scale, path);
	return 0;
}

static int read_chip(void *data, const char *name)
{
	struct accel_sample *sample = data;
	char directory[PATH_MAX];
	struct chip chip = {.sample = sample, .directory = directory};

	if (strncmp(name, "hwmon", 5) || !accel_core_is_plain_word(name) ||
	    file_path(directory, sizeof(directory), "%s/device/hwmon/%s", sample->sys, name))
		return 0;
	accel_core_sys.list(directory, read_sensor, &chip);
	return 0;
}

void hwmon_read(struct accel_sample *sample)
{
	char directory[PATH_MAX];

	/* Drivers wake the device to read a sensor of it. */
	if ((sample->info.flags & ACCEL_SAMPLE_ASLEEP) ||
	    file_path(directory, sizeof(directory), "%s/device/hwmon", sample->sys))
		return;
	accel_core_sys.list(directory, read_chip, sample);
}
