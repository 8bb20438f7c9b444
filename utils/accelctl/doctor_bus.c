/* SPDX-License-Identifier: MIT */
/* doctor: accelerators on a bus that no driver has, and why. */
#include "doctor.h"

#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct candidate {
	struct doctor *doctor;
	const char *bus;     /* "pci", "platform" */
	const char *address; /* its name on the bus */
	char id[64];         /* "pci:0000:00:0b.0" */
	char directory[PATH_MAX];
	const struct accel_module *module;
	unsigned int bound; /* how many have their driver */
};

static const struct accel_module *find_module(const struct doctor *doctor, const char *modalias)
{
	unsigned int i, m;

	for (i = 0; i < doctor->aliases; i++) {
		if (fnmatch(doctor->alias[i].glob, modalias, 0))
			continue;
		for (m = 0; m < doctor->modules; m++)
			if (!strcmp(doctor->module[m].name, doctor->alias[i].module))
				return &doctor->module[m];
	}
	return NULL;
}

static int read_attr(const struct candidate *c, const char *attr, char *text, size_t bytes)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", c->directory, attr);
	return ctl_read(path, text, bytes);
}

/* The file of a directory of modprobe's that forbids the module, or NULL. */
static const char *find_blacklist(const char *module)
{
	static const char *const directory[] = {"/etc/modprobe.d", "/run/modprobe.d",
						"/usr/lib/modprobe.d", "/lib/modprobe.d"};
	static char path[PATH_MAX];
	char word[64], other[64], *text, *rest, *at, **names;
	unsigned int count, i;
	bool found = false;
	size_t d;

	for (d = 0; d < ARRAY_SIZE(directory) && !found; d++) {
		if (!ctl_path(path, sizeof(path), "%s", directory[d]) ||
		    ctl_names(path, &names, &count))
			continue;
		for (i = 0; i < count && !found; i++) {
			if (!ctl_path(path, sizeof(path), "%s/%s", directory[d], names[i]) ||
			    ctl_read_all(path, 1 << 20, &text))
				continue;
			for (rest = text; (at = strsep(&rest, "\n")) && !found;) {
				if (sscanf(at, " %63s %63s", word, other) != 2)
					continue;
				for (char *dash = other; *dash; dash++)
					if (*dash == '-')
						*dash = '_';
				found = !strcmp(other, module) &&
					(!strcmp(word, "blacklist") ||
					 (!strcmp(word, "install") &&
					  (strstr(at, "/bin/false") || strstr(at, "/bin/true"))));
			}
			free(text);
		}
		ctl_names_free(names, count);
	}
	if (found)
		return path + strlen(ctl_root);
	/* The kernel's command line can forbid it too. */
	if (ctl_path(path, sizeof(path), "/proc/cmdline") && !ctl_read_all(path, 65536, &text)) {
		at = strstr(text, "blacklist=");
		found = at && strstr(at, module);
		free(text);
		if (found)
			return "the kernel's command line";
	}
	return NULL;
}

/* ---- why it has no driver ---------------------------------------------------------- */

/* Between @from and one of @ends in @line; "": not there. */
static void cut(const char *line, const char *from, const char *ends, char *out, size_t bytes)
{
	const char *at = strstr(line, from);
	size_t length;

	*out = '\0';
	if (!at)
		return;
	at += strlen(from);
	length = strcspn(at, ends);
	if (length >= bytes)
		length = bytes - 1;
	memcpy(out, at, length);
	out[length] = '\0';
}

static void say_firmware(const struct candidate *c, const char *line)
{
	char file[160];

	cut(line, "firmware load for ", " ", file, sizeof(file));
	if (!*file)
		cut(line, "loading ", " ", file, sizeof(file));
	if (!*file)
		cut(line, "request_firmware ", ", ", file, sizeof(file));
	doctor_mend(doctor_found(c->doctor, DOCTOR_FAULT, "driver", "firmware-missing", c->id,
				 "the driver %s did not find its firmware %s (%s)", c->module->name,
				 file, line),
		    "install the package that has /lib/firmware/%s ('apt-file search %s'; upstream "
		    "it is in linux-firmware), then: echo %s >/sys/bus/%s/drivers/%s/bind",
		    file, *file ? file : "it", c->address, c->bus, c->module->name);
}

static void say_probe(const struct candidate *c)
{
	const struct doctor *doctor = c->doctor;
	char *line, waits[8];
	struct finding *finding;

	line = doctor_log_line(doctor, c->address, "firmware load for ");
	if (!line)
		line = doctor_log_line(doctor, c->address, "request_firmware ");
	if (line) {
		say_firmware(c, line);
		free(line);
		return;
	}
	if (read_attr(c, "waiting_for_supplier", waits, sizeof(waits)) > 0 && *waits == '1') {
		doctor_mend(
			doctor_found(c->doctor, DOCTOR_FAULT, "driver", "probe-deferred", c->id,
				     "the driver %s waits for another device that this one needs "
				     "(clock, power, IOMMU)",
				     c->module->name),
			"load the driver of that one: 'cat /sys/kernel/debug/devices_deferred' "
			"names it");
		return;
	}
	line = doctor_log_line(doctor, c->address, "probe with driver");
	if (!line)
		line = doctor_log_line(doctor, c->address, "ailed");
	if (line) {
		finding = doctor_found(c->doctor, DOCTOR_FAULT, "driver", "probe-failed", c->id,
				       "the driver %s is loaded and does not have the device: %s",
				       c->module->name, line);
		doctor_mend(finding,
			    "'dmesg | grep %s' has all of it; when it is mended: "
			    "echo %s >/sys/bus/%s/drivers/%s/bind",
			    c->address, c->address, c->bus, c->module->name);
		free(line);
		return;
	}
	finding = doctor_found(c->doctor, DOCTOR_FAULT, "driver", "unbound", c->id,
			       "the driver %s is loaded and does not have the device: it was "
			       "unbound%s",
			       c->module->name,
			       doctor->log_is_hidden ? ", or its probe failed, as the kernel's log "
						       "would tell root"
						     : "");
	doctor_mend(finding, "echo %s >/sys/bus/%s/drivers/%s/bind", c->address, c->bus,
		    c->module->name);
}

static void say_not_loaded(const struct candidate *c)
{
	const char *file = find_blacklist(c->module->name);

	if (file) {
		doctor_mend(doctor_found(c->doctor, DOCTOR_FAULT, "driver", "module-blacklisted",
					 c->id, "the module %s is not loaded: %s forbids it",
					 c->module->name, file),
			    "remove it from %s, then: modprobe %s", file, c->module->name);
		return;
	}
	doctor_mend(doctor_found(c->doctor, DOCTOR_FAULT, "driver", "module-not-loaded", c->id,
				 "the module %s is installed and not loaded", c->module->name),
		    "modprobe %s", c->module->name);
}

static void say_no_module(const struct candidate *c)
{
	const struct doctor *doctor = c->doctor;

	if (doctor->no_modules_dir && !doctor->in_container && *doctor->release) {
		doctor_mend(doctor_found(c->doctor, DOCTOR_FAULT, "driver", "modules-gone", c->id,
					 "no modules are installed for the running kernel %s, and "
					 "the device needs %s",
					 doctor->release, c->module->name),
			    "reboot into the kernel that is installed, or install the modules of "
			    "this one");
		return;
	}
	doctor_mend(
		doctor_found(c->doctor, DOCTOR_FAULT, "driver", "no-module", c->id,
			     "this kernel (%s) has no driver for the device, which would be %s%s%s",
			     *doctor->release ? doctor->release : "of unknown release",
			     c->module->name, *c->module->config ? ", " : "", c->module->config),
		"install a newer kernel, or one that was built with %s",
		*c->module->config ? c->module->config : c->module->name);
}

static void say_elsewhere(const struct candidate *c, const char *driver)
{
	doctor_mend(
		doctor_found(c->doctor, DOCTOR_FAULT, "driver", "bound-elsewhere", c->id,
			     "the driver %s has the device, not %s%s", driver, c->module->name,
			     strstr(driver, "vfio") ? ": it is kept for a virtual machine" : ""),
		"echo >/sys/bus/%s/devices/%s/driver_override; echo %s "
		">/sys/bus/%s/drivers/%s/unbind; echo %s >/sys/bus/%s/drivers_probe",
		c->bus, c->address, c->address, c->bus, driver, c->address, c->bus);
}

/* ---- what is there ----------------------------------------------------------------- */

static void examine(struct candidate *c)
{
	char path[PATH_MAX + 32], driver[64], text[64];

	snprintf(path, sizeof(path), "%s/driver", c->directory);
	if (!ctl_link_name(path, driver, sizeof(driver))) {
		/* A driver may go by a longer name than its module. */
		if (strncmp(driver, c->module->name, strlen(c->module->name)))
			say_elsewhere(c, driver);
		else
			c->bound++;
		return;
	}
	if (read_attr(c, "driver_override", text, sizeof(text)) > 0 && strcmp(text, "(null)") &&
	    strcmp(text, c->module->name))
		say_elsewhere(c, text);
	else if (doctor_driver_is_loaded(c->module->name))
		say_probe(c);
	else if (c->module->on_disk)
		say_not_loaded(c);
	else
		say_no_module(c);
}

bool doctor_look_at_bus(struct doctor *doctor, const char *only)
{
	static const char *const bus[] = {"pci", "platform"};
	struct candidate c = {.doctor = doctor};
	unsigned int count, i;
	char modalias[1024], directory[PATH_MAX], **names;
	bool found = false;
	size_t b;

	for (b = 0; b < ARRAY_SIZE(bus); b++) {
		if (snprintf(directory, sizeof(directory), "%s/bus/%s/devices", ctl_sysfs(),
			     bus[b]) >= (int)sizeof(directory) ||
		    ctl_names(directory, &names, &count))
			continue;
		c.bus = bus[b];
		for (i = 0; i < count; i++) {
			c.address = names[i];
			if ((only && strcmp(only, c.address)) ||
			    snprintf(c.directory, sizeof(c.directory), "%s/%s", directory,
				     c.address) >= (int)sizeof(c.directory) ||
			    strlen(c.address) + strlen(c.bus) + 2 > sizeof(c.id) ||
			    read_attr(&c, "modalias", modalias, sizeof(modalias)) <= 0)
				continue;
			c.module = find_module(doctor, modalias);
			if (!c.module)
				continue;
			snprintf(c.id, sizeof(c.id), "%s:%.50s", c.bus, c.address);
			found = true;
			doctor->on_bus++;
			examine(&c);
		}
		ctl_names_free(names, count);
	}
	if (c.bound)
		doctor_found(doctor, DOCTOR_OK, "bus", NULL, NULL,
			     "%u of %u devices that accel drivers know have their driver", c.bound,
			     doctor->on_bus);
	return found;
}
