/* SPDX-License-Identifier: MIT */
/* What the parts of doctor share: what was found, and where to look. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE, /* may matter, hinders nothing */
	DOCTOR_FAULT
};

struct finding {
	enum doctor_level level;
	const char *step; /* "system", "bus", "driver", "node", ... in the order of the walk */
	const char *code; /* of a fault or a note: a lasting word; NULL: none */
	char device[64];  /* "": of the whole system */
	char text[400];
	char remedy[400]; /* "": none */
};

/* A module of the kernel's drivers/accel, here or in general. */
struct accel_module {
	char name[32];
	char config[32]; /* the kernel's option for it; "": not known */
	bool on_disk, built_in;
};

/* Devices with such a modalias are served by that module. */
struct accel_alias {
	char glob[96];
	char module[32];
};

struct doctor {
	struct finding *finding;
	unsigned int count, room;
	bool no_job;
	bool in_container;
	/* doctor_system.c */
	char release[96]; /* of the kernel; "": not known */
	char *kernel_log; /* "": it may not be read */
	bool log_is_hidden;
	struct accel_module module[32];
	unsigned int modules;
	struct accel_alias *alias;
	unsigned int aliases;
	bool no_modules_dir; /* nothing is installed for this kernel */
	/* doctor_bus.c */
	unsigned int on_bus; /* devices that an accel driver knows */
};

/* Note it, and show it. @device may be NULL. */
struct finding *doctor_found(struct doctor *doctor, enum doctor_level level, const char *step,
			     const char *code, const char *device, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* What is to be done about it. */
void doctor_mend(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool doctor_has_fault(const struct doctor *doctor, const char *device);

/* doctor_system.c: sysfs, the kernel, its modules, its log, limits. False: go no further. */
bool doctor_look_at_system(struct doctor *doctor);
void doctor_look_at_limits(struct doctor *doctor);
/* Whether the module's driver is there, as a module or built in. */
bool doctor_driver_is_loaded(const char *module);
/* Modules that are loaded for nothing. After the bus. */
void doctor_look_at_idle_modules(struct doctor *doctor);
/* The last line in the kernel's log that has @a, of a device, and @b, and comes after the last
 * start of that device; or NULL. Freed by the caller. */
char *doctor_log_line(const struct doctor *doctor, const char *a, const char *b);
/* The soft limit of this process: "Max locked memory"; UINT64_MAX: none, or not known. */
uint64_t doctor_limit(const char *name);
bool doctor_has_capability(unsigned int number);

/* doctor_bus.c: accelerators that have no driver. @only: that bus address, or NULL for all;
 * true if such a device was found. */
bool doctor_look_at_bus(struct doctor *doctor, const char *only);

/* doctor_device.c: from its node to a job. */
void doctor_look_at_device(struct doctor *doctor, struct accel_device *device);

#endif
