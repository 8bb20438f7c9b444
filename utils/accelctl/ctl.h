/* SPDX-License-Identifier: MIT */
/* What the subcommands of accelctl share. */
#ifndef CTL_H
#define CTL_H

#include <accel/accel.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses: documented in accelctl(8), never changed. */
enum ctl_status {
	CTL_OK = 0,
	CTL_FAILED = 1,      /* what was asked for failed */
	CTL_USAGE = 2,       /* the command line is wrong */
	CTL_NO_DEVICE = 3,   /* there is no such device, or none at all */
	CTL_UNUSABLE = 4,    /* the device is there and can't be used */
	CTL_PERMISSION = 5,  /* it takes rights that the caller lacks */
	CTL_UNSUPPORTED = 6, /* the driver, the kernel or this build can't do it */
	CTL_WRONG = 7        /* a job ended well with wrong bytes */
};

/* ---- main.c: subcommands ----------------------------------------------------------- */

struct ctl_command {
	const char *name;
	const char *usage; /* what follows the name */
	const char *about;
	int (*run)(int argc, char **argv); /* argv[0] is the name; an enum ctl_status */
};

int ctl_list(int argc, char **argv);
int ctl_info(int argc, char **argv);
int ctl_doctor(int argc, char **argv);
int ctl_top(int argc, char **argv);
int ctl_monitor(int argc, char **argv);
int ctl_ras(int argc, char **argv);
int ctl_run(int argc, char **argv);
int ctl_trace(int argc, char **argv);
int ctl_metrics(int argc, char **argv);
int ctl_cdi(int argc, char **argv);
int ctl_firmware(int argc, char **argv);

/* The words after the options: at least @min and at most @max, or it says so (CTL_USAGE).
 * To be called when getopt_long() gave -1. */
int ctl_words(int argc, char **argv, int min, int max);
/* getopt_long() gave '?' or ':'; -h is asked for here too. */
int ctl_option(int argc, char **argv, int given);
/* A number from @min to @max, with a suffix k, M, G (of 1024) where @units. */
int ctl_number(const char *what, const char *text, uint64_t min, uint64_t max, bool units,
	       uint64_t *out);

/* ---- fail.c: one line on stderr, with a remedy ------------------------------------- */

/* Says "accelctl SUBCOMMAND: TEXT" and gives @status. */
int ctl_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same of a library's call that gave @err: @what, and the reason and the remedy. */
int ctl_fail_library(int err, const char *what);
/* The status that belongs to @err. */
int ctl_status_of(int err);
void ctl_set_name(const char *subcommand);

/* ---- output.c: tables, JSON, units ------------------------------------------------- */

#define CTL_COLUMNS_MAX 10
struct ctl_table {
	unsigned int columns, rows, room;
	char **cells;
};

/* @headings: a NULL at the end. Cells are copied, and made printable. */
int ctl_table_start(struct ctl_table *table, const char *const *headings);
int ctl_table_add(struct ctl_table *table, unsigned int column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int ctl_table_row(struct ctl_table *table); /* before the cells of each row */
void ctl_table_print(const struct ctl_table *table, FILE *out);
void ctl_table_free(struct ctl_table *table);

/* What is no printable text becomes '?', in place. */
char *ctl_printable(char *text);
/* A string for JSON whatever the bytes; NULL or "" is null. */
json_t *ctl_json_text(const char *text);
/* { "format": "accelctl-KIND-1", ... } */
json_t *ctl_json_start(const char *kind);
/* Print it and free it, on one line if @lines. CTL_OK, or why not. */
int ctl_json_print(json_t *value, bool lines);
/* Have @path hold it and free it: all of it, or what was there before. */
int ctl_json_write(json_t *value, const char *path);
int ctl_write_file(const char *path, const char *text, size_t bytes);
/* CTL_OK if all that was printed reached stdout. */
int ctl_flush(void);

/* In a static ring of buffers: "1.5 MiB", "12.3 ms", ... */
const char *ctl_bytes(uint64_t bytes);
const char *ctl_ns(uint64_t ns);
const char *ctl_rate(double per_second); /* "1.2 GB/s" */

/* ---- devices.c --------------------------------------------------------------------- */

struct ctl_devices {
	struct accel_device **device;
	struct accel_device_info *info;
	unsigned int count;
};

/* CTL_OK, or it says why not. @flags as of accel_device_scan(). */
int ctl_scan(uint32_t flags, struct ctl_devices *out);
void ctl_devices_free(struct ctl_devices *devices);
/* One by what the user calls it. */
int ctl_find(const char *name, struct accel_device **out, struct accel_device_info *info);
/* Those of one name, or all if it is NULL. */
int ctl_select(const char *name, uint32_t flags, struct ctl_devices *out);
const char *ctl_usable_word(uint32_t usable);
/* What list and info tell of every device. */
json_t *ctl_device_json(const struct accel_device_info *info);

/* ---- files.c: small files of a system, or of a copy of one ------------------------- */

/* "": the running system. Ends without a slash. */
extern const char *ctl_root;

/* Path below ctl_root; false if it would be too long. */
bool ctl_path(char *out, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Read a text of at most bytes - 1; trailing white space goes. Its length, or an errno. A
 * file with a NUL in it is -EILSEQ. */
int ctl_read(const char *path, char *buf, size_t bytes);
/* All of a file of at most @limit bytes; freed by the caller. */
int ctl_read_all(const char *path, size_t limit, char **out);
/* Names in a directory, sorted; freed with ctl_names_free(). */
int ctl_names(const char *path, char ***names, unsigned int *count);
void ctl_names_free(char **names, unsigned int count);
/* The last part of where a symbolic link leads. */
int ctl_link_name(const char *path, char *buf, size_t bytes);
/* The directory of a device's parent in sysfs: "/sys/class/accel/NAME/device". */
const char *ctl_sysfs(void);

#endif
