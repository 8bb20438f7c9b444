/* SPDX-License-Identifier: MIT */
/* accelctl cdi: a Container Device Interface specification of the accelerators. */
#include "ctl.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>
#include <sys/sysmacros.h>

/* The lowest that has all that is used here: podman of Debian 12 knows it. */
#define CDI_VERSION "0.5.0"
#define KIND        "libaccel/accel"

/* One part of VENDOR/CLASS, as CDI allows it: a letter first, a letter or digit last. */
static bool is_part(const char *text, size_t length)
{
	size_t i;

	if (!length || !isalpha((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[length - 1]))
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

static bool is_kind(const char *kind)
{
	const char *slash = strchr(kind, '/');

	return slash && is_part(kind, (size_t)(slash - kind)) &&
	       is_part(slash + 1, strlen(slash + 1)) && !strchr(slash + 1, '.');
}

static json_t *node_json(const struct accel_device_info *info)
{
	return json_pack("{s:o, s:s, s:i, s:i, s:s}", "path", ctl_json_text(info->node), "type",
			 "c", "major", (int)major((dev_t)info->devnum), "minor",
			 (int)minor((dev_t)info->devnum), "permissions", "rw");
}

static void add_device(json_t *list, const char *name, json_t *nodes)
{
	json_array_append_new(list, json_pack("{s:s, s:{s:o}}", "name", name, "containerEdits",
					      "deviceNodes", nodes));
}

/* Each device by its lasting id and by its name of today, and all of them together. */
static json_t *make_spec(const char *kind, const struct ctl_devices *devices, unsigned int *count)
{
	json_t *list = json_array(), *all = json_array();
	const struct accel_device_info *info;
	unsigned int i;

	*count = 0;
	for (i = 0; i < devices->count; i++) {
		info = &devices->info[i];
		if (!*info->node || !info->devnum || info->usable == ACCEL_NO_NODE)
			continue;
		add_device(list, info->id, json_pack("[o]", node_json(info)));
		if (strcmp(info->id, info->name))
			add_device(list, info->name, json_pack("[o]", node_json(info)));
		json_array_append_new(all, node_json(info));
		++*count;
	}
	add_device(list, "all", all);
	return json_pack("{s:s, s:s, s:o}", "cdiVersion", CDI_VERSION, "kind", kind, "devices",
			 list);
}

int ctl_cdi(int argc, char **argv)
{
	static const struct option options[] = {
		{"kind", required_argument, NULL, 'k'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *kind = KIND, *output = NULL;
	struct ctl_devices devices;
	unsigned int count;
	json_t *spec;
	int option, status;

	while ((option = getopt_long(argc, argv, ":k:o:h", options, NULL)) != -1) {
		switch (option) {
		case 'k':
			kind = optarg;
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
	if (!is_kind(kind))
		return ctl_fail(CTL_USAGE, "'%s' is no VENDOR/CLASS, such as " KIND, kind);
	status = ctl_select(argv[optind], ACCEL_SCAN_HARDWARE, &devices);
	if (status)
		return status;
	spec = make_spec(kind, &devices, &count);
	ctl_devices_free(&devices);
	if (!count) {
		json_decref(spec);
		return ctl_fail(CTL_NO_DEVICE,
				"there is no accelerator with a node to pass into a container "
				"('accelctl doctor' looks for the reason); the software device "
				"needs none");
	}
	if (!output)
		return ctl_json_print(spec, false);
	return ctl_json_write(spec, output);
}
