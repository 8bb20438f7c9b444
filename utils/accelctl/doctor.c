/* SPDX-License-Identifier: MIT */
/*
 * accelctl doctor: walks from the bus to the node, to permission, to the provider, to a job,
 * and tells the first thing that is wrong and what mends it.
 */
#include "doctor.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct finding out_of_memory;

struct finding *doctor_found(struct doctor *doctor, enum doctor_level level, const char *step,
			     const char *code, const char *device, const char *format, ...)
{
	struct finding *bigger, *finding;
	va_list args;

	if (doctor->count == doctor->room) {
		doctor->room = doctor->room ? 2 * doctor->room : 32;
		bigger = realloc(doctor->finding, doctor->room * sizeof(*bigger));
		if (!bigger) {
			doctor->room = doctor->count;
			return &out_of_memory;
		}
		doctor->finding = bigger;
	}
	finding = &doctor->finding[doctor->count++];
	*finding = (struct finding){.level = level, .step = step, .code = code};
	snprintf(finding->device, sizeof(finding->device), "%s", device ? device : "");
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	ctl_printable(finding->text);
	return finding;
}

void doctor_mend(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, args);
	va_end(args);
	ctl_printable(finding->remedy);
}

bool doctor_has_fault(const struct doctor *doctor, const char *device)
{
	unsigned int i;

	for (i = 0; i < doctor->count; i++)
		if (doctor->finding[i].level == DOCTOR_FAULT &&
		    (!device || !strcmp(doctor->finding[i].device, device)))
			return true;
	return false;
}

static const struct finding *first_fault(const struct doctor *doctor)
{
	unsigned int i;

	for (i = 0; i < doctor->count; i++)
		if (doctor->finding[i].level == DOCTOR_FAULT)
			return &doctor->finding[i];
	return NULL;
}

/* ---- what is shown ----------------------------------------------------------------- */

static const char *level_word(enum doctor_level level)
{
	return level == DOCTOR_OK ? "ok" : level == DOCTOR_NOTE ? "note" : "fault";
}

static int print_json(const struct doctor *doctor)
{
	json_t *all = ctl_json_start("doctor"), *list = json_array();
	const struct finding *finding, *first = first_fault(doctor);
	unsigned int i;

	for (i = 0; i < doctor->count; i++) {
		finding = &doctor->finding[i];
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "level",
						level_word(finding->level), "step", finding->step,
						"code", ctl_json_text(finding->code), "device",
						ctl_json_text(finding->device), "text",
						ctl_json_text(finding->text), "remedy",
						ctl_json_text(finding->remedy)));
	}
	json_object_set_new(all, "first", ctl_json_text(first ? first->code : NULL));
	json_object_set_new(all, "findings", list);
	return ctl_json_print(all, false);
}

static int result_of(const struct doctor *doctor)
{
	unsigned int i;

	if (first_fault(doctor))
		return CTL_UNUSABLE;
	for (i = 0; i < doctor->count; i++)
		if (doctor->finding[i].code && !strcmp(doctor->finding[i].code, "no-device"))
			return CTL_NO_DEVICE;
	return CTL_OK;
}

static int print_text(const struct doctor *doctor)
{
	const struct finding *finding, *first = first_fault(doctor);
	const char *device = "";
	unsigned int i;

	for (i = 0; i < doctor->count; i++) {
		finding = &doctor->finding[i];
		if (strcmp(device, finding->device) && *finding->device)
			printf("%s\n", finding->device);
		device = finding->device;
		printf("  %-5s  %-10s  %s\n",
		       finding->level == DOCTOR_FAULT ? "FAULT" : level_word(finding->level),
		       finding->step, finding->text);
		if (*finding->remedy)
			printf("%21s%s: %s\n", "", finding == first ? "do first" : "do",
			       finding->remedy);
	}
	if (!first)
		puts(result_of(doctor) ? "no accelerator, and nothing else is wrong"
				       : "nothing is wrong");
	return ctl_flush();
}

/* ---- what is looked at ------------------------------------------------------------- */

static bool is_meant(const struct accel_device_info *info, const char *name)
{
	const char *address = strchr(info->id, ':');

	return !strcmp(info->id, name) || !strcmp(info->name, name) || !strcmp(info->node, name) ||
	       (address && !strcmp(address + 1, name));
}

/* One device by name, which may be on a bus only. CTL_OK, or it says that there is none. */
static int look_at_one(struct doctor *doctor, const struct ctl_devices *devices, const char *name)
{
	const char *address = strchr(name, ':');
	struct accel_device_info info;
	struct accel_device *device;
	unsigned int i;
	int status;

	for (i = 0; i < devices->count; i++)
		if (is_meant(&devices->info[i], name)) {
			doctor_look_at_device(doctor, devices->device[i]);
			return CTL_OK;
		}
	if (doctor_look_at_bus(doctor, name) ||
	    (address && doctor_look_at_bus(doctor, address + 1)))
		return CTL_OK;
	status = ctl_find(name, &device, &info);
	if (status)
		return status;
	doctor_look_at_device(doctor, device);
	accel_device_unref(device);
	return CTL_OK;
}

static void say_no_device(struct doctor *doctor)
{
	doctor_mend(doctor_found(doctor, DOCTOR_NOTE, "bus", "no-device", NULL,
				 "no PCI or device-tree device of this machine is one that the "
				 "kernel's accel drivers know"),
		    "if there should be one: switch it on in the firmware setup (BIOS); see "
		    "'lspci -nn -d ::1200'; into a virtual machine it has to be passed");
}

static void look_at_all(struct doctor *doctor, const struct ctl_devices *devices)
{
	unsigned int i, hardware = 0;

	for (i = 0; i < devices->count; i++)
		hardware += !(devices->info[i].flags & ACCEL_DEVICE_SOFTWARE);
	doctor_look_at_bus(doctor, NULL);
	if (!hardware)
		doctor_look_at_idle_modules(doctor);
	doctor_look_at_limits(doctor);
	if (!hardware && !doctor_has_fault(doctor, NULL))
		say_no_device(doctor);
	for (i = 0; i < devices->count; i++)
		doctor_look_at_device(doctor, devices->device[i]);
}

/* In a container /sys may be masked and the nodes be there all the same. */
static void look_at_nodes_alone(struct doctor *doctor)
{
	char path[PATH_MAX], node[PATH_MAX + 300];
	struct accel_device *device;
	char **names;
	unsigned int count, i;

	if (*ctl_root || !ctl_path(path, sizeof(path), "/dev/accel") ||
	    ctl_names(path, &names, &count))
		return;
	for (i = 0; i < count; i++) {
		snprintf(node, sizeof(node), "%s/%s", path, names[i]);
		if (!accel_device_find(node, &device)) {
			doctor_look_at_device(doctor, device);
			accel_device_unref(device);
		}
	}
	ctl_names_free(names, count);
}

static int examine(struct doctor *doctor, const char *name)
{
	struct ctl_devices devices;
	bool sees;
	int status;

	sees = doctor_look_at_system(doctor);
	if (!sees && !name) {
		look_at_nodes_alone(doctor);
		return CTL_OK;
	}
	status = ctl_scan(0, &devices);
	if (status)
		return status;
	if (name) {
		status = look_at_one(doctor, &devices, name);
		doctor_look_at_limits(doctor);
	} else {
		look_at_all(doctor, &devices);
	}
	ctl_devices_free(&devices);
	return status;
}

/* Have all that is looked at lie below @root, the library's sysfs too. */
static int set_root(const char *root)
{
	char sysfs[PATH_MAX];

	ctl_root = root;
	if (!ctl_path(sysfs, sizeof(sysfs), "/sys") || access(root, X_OK))
		return ctl_fail(CTL_USAGE, "'%s' is no directory that can be entered", root);
	return setenv("LIBACCEL_SYSFS", sysfs, 1) ? ctl_fail(CTL_FAILED, "no memory") : CTL_OK;
}

int ctl_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"no-job", no_argument, NULL, 'n'},
		{"root", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct doctor doctor = {0};
	const char *root = NULL;
	bool json = false;
	int option, status, print_status;

	while ((option = getopt_long(argc, argv, ":jnr:h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'n':
			doctor.no_job = true;
			break;
		case 'r':
			root = optarg;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	status = ctl_words(argc, argv, 0, 1);
	if (!status && root)
		status = set_root(root);
	if (!status)
		status = examine(&doctor, argv[optind]);
	if (!status) {
		print_status = json ? print_json(&doctor) : print_text(&doctor);
		status = print_status ? print_status : result_of(&doctor);
	}
	free(doctor.finding);
	free(doctor.alias);
	free(doctor.kernel_log);
	return status;
}
