/* SPDX-License-Identifier: MIT */
/* accelctl list: the devices, and whether they can be used. Opens nothing, wakes nothing. */
#include "ctl.h"

#include <getopt.h>

static int print_json(const struct ctl_devices *devices)
{
	json_t *all = ctl_json_start("list"), *list = json_array();
	unsigned int i;

	for (i = 0; i < devices->count; i++)
		json_array_append_new(list, ctl_device_json(&devices->info[i]));
	json_object_set_new(all, "devices", list);
	return ctl_json_print(all, false);
}

static int print_table(const struct ctl_devices *devices)
{
	static const char *const headings[] = {"NAME", "ID", "DRIVER", "NODE", "STATE", NULL};
	const struct accel_device_info *info;
	struct ctl_table table;
	unsigned int i;
	int ret;

	ret = ctl_table_start(&table, headings);
	for (i = 0; i < devices->count && !ret; i++) {
		info = &devices->info[i];
		ret = ctl_table_row(&table);
		if (!ret)
			ret = ctl_table_add(&table, 0, "%s", info->name);
		if (!ret)
			ret = ctl_table_add(&table, 1, "%s", info->id);
		if (!ret)
			ret = ctl_table_add(&table, 2, "%s", *info->driver ? info->driver : "?");
		if (!ret)
			ret = ctl_table_add(&table, 3, "%s", *info->node ? info->node : "-");
		if (!ret)
			ret = ctl_table_add(&table, 4, "%s", ctl_usable_word(info->usable));
	}
	if (!ret && !devices->count)
		puts("no devices; 'accelctl doctor' looks for the reason");
	else if (!ret)
		ctl_table_print(&table, stdout);
	ctl_table_free(&table);
	if (ret)
		return ctl_fail(CTL_FAILED, "no memory for the table");
	for (i = 0; i < devices->count; i++)
		if (devices->info[i].usable != ACCEL_USABLE)
			printf("%s: %s\n", devices->info[i].name,
			       ctl_printable(devices->info[i].reason));
	return ctl_flush();
}

int ctl_list(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"hardware", no_argument, NULL, 'H'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct ctl_devices devices;
	uint32_t flags = 0;
	bool json = false;
	int option, status;

	while ((option = getopt_long(argc, argv, ":jHh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'H':
			flags = ACCEL_SCAN_HARDWARE;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 0, 0);
	if (status)
		return status;
	status = ctl_scan(flags, &devices);
	if (status)
		return status;
	status = json ? print_json(&devices) : print_table(&devices);
	ctl_devices_free(&devices);
	return status;
}
