/* SPDX-License-Identifier: MIT */
/* accelctl firmware: versions of a device's firmware, and writing another. */
#include "sample.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static int print_table(json_t *versions)
{
	static const char *const headings[] = {"KIND", "NAME", "VERSION", "SOURCE", NULL};
	static const char *const members[] = {"kind", "name", "version", "source"};
	const char *text;
	struct ctl_table table;
	size_t i, m;
	int ret;

	ret = ctl_table_start(&table, headings);
	for (i = 0; i < json_array_size(versions) && !ret; i++) {
		ret = ctl_table_row(&table);
		for (m = 0; m < ARRAY_SIZE(members) && !ret; m++) {
			text = json_string_value(
				json_object_get(json_array_get(versions, i), members[m]));
			ret = ctl_table_add(&table, (unsigned int)m, "%s", text ? text : "-");
		}
	}
	if (!ret)
		ctl_table_print(&table, stdout);
	ctl_table_free(&table);
	return ret ? ctl_fail(CTL_FAILED, "no memory for the table") : ctl_flush();
}

static int show(struct accel_device *device, const char *id, bool json)
{
	struct accel_firmware_info info = {.size = sizeof(info)};
	struct accel_firmware *firmware;
	json_t *all, *versions;
	int ret, status;

	ret = accel_firmware_read(device, &firmware);
	if (!ret)
		ret = accel_firmware_get_info(firmware, &info);
	if (ret)
		return ctl_fail_library(ret, "reading firmware versions");
	versions = sample_versions_json(firmware);
	accel_firmware_unref(firmware);
	if (json) {
		all = ctl_json_start("firmware");
		json_object_update_new(
			all,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:o}", "device", id, "versions",
				  versions, "driver", ctl_json_text(info.driver), "serial",
				  ctl_json_text(info.serial), "board_serial",
				  ctl_json_text(info.board_serial), "can_flash",
				  (int)(info.flags & ACCEL_FIRMWARE_HAS_DEVLINK), "devlink",
				  info.devlink ? ctl_json_text(info.reason) : json_string("ok")));
		return ctl_json_print(all, false);
	}
	if (!json_array_size(versions)) {
		json_decref(versions);
		return ctl_fail(CTL_UNSUPPORTED, "no version is known: %s",
				*info.reason ? info.reason : "the driver tells none");
	}
	if (*info.serial)
		printf("serial number: %s\n", ctl_printable(info.serial));
	if (*info.board_serial)
		printf("serial number of the board: %s\n", ctl_printable(info.board_serial));
	status = print_table(versions);
	json_decref(versions);
	return status;
}

/* ---- flash ------------------------------------------------------------------------- */

struct progress {
	bool terminal;
	char last[128];
};

static void show_progress(void *data, const struct accel_flash_progress *now)
{
	struct progress *progress = data;
	char text[128];

	snprintf(text, sizeof(text), "%s", now->status);
	ctl_printable(text);
	if (progress->terminal) {
		fprintf(stderr, "\r\033[K%s", text);
		if (now->total)
			fprintf(stderr, " %3d %%",
				(int)(now->done >= now->total
					      ? 100
					      : (double)now->done * 100 / (double)now->total));
	} else if (strcmp(progress->last, text)) {
		fprintf(stderr, "%s\n", text);
	}
	snprintf(progress->last, sizeof(progress->last), "%s", text);
	fflush(stderr);
}

static int flash(struct accel_device *device, const char *file, const char *component)
{
	struct progress progress = {.terminal = isatty(STDERR_FILENO)};
	struct accel_flash_params params = {
		.size = sizeof(params),
		.file = file,
		.component = component,
		.fn = show_progress,
		.data = &progress,
	};
	int ret;

	ret = accel_firmware_flash(device, &params);
	if (progress.terminal && *progress.last)
		fputc('\n', stderr);
	if (ret == -ENOENT)
		return ctl_fail(CTL_FAILED,
				"the kernel does not find '%s': it looks below "
				"/lib/firmware; copy it there",
				file);
	if (ret)
		return ctl_fail_library(ret, "flashing");
	puts("written; it runs after the next reset of the device, as its driver has it");
	return ctl_flush();
}

int ctl_firmware(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"component", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct accel_device_info info;
	struct accel_device *device;
	const char *verb, *component = NULL;
	bool json = false, is_flash;
	int option, status;

	while ((option = getopt_long(argc, argv, ":jc:h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'c':
			component = optarg;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 2, 3);
	if (status)
		return status;
	verb = argv[optind++];
	is_flash = !strcmp(verb, "flash");
	if (!is_flash && strcmp(verb, "info"))
		return ctl_fail(CTL_USAGE, "there is no 'firmware %s': info or flash", verb);
	status = ctl_words(argc, argv, is_flash ? 2 : 1, is_flash ? 2 : 1);
	if (status)
		return status;
	if ((is_flash && json) || (!is_flash && component))
		return ctl_fail(CTL_USAGE, "'firmware %s' has no --%s", verb,
				is_flash ? "json" : "component");
	status = ctl_find(argv[optind], &device, &info);
	if (status)
		return status;
	status = is_flash ? flash(device, argv[optind + 1], component)
			  : show(device, info.id, json);
	accel_device_unref(device);
	return status;
}
