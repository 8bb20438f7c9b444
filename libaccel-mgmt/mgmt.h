/* SPDX-License-Identifier: MIT */
/* What the files of libaccel-mgmt share with each other, and with nobody else. */
#ifndef ACCEL_MGMT_INTERNAL_H
#define ACCEL_MGMT_INTERNAL_H

#include <accel/mgmt.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "provider.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct nl_sock;
struct nl_msg;
struct nlattr;
struct sockaddr_nl;
struct ucred;

/* ---- sys.c: what the library asks of the system beyond libaccel's seam ---------------- */

struct mgmt_sys {
	/* stat(2) that asks no server: a file of a dead network mount must not hang us. */
	int (*stat_nosync)(const char *path, struct stat *out);
	/* A socket for the kernel's uevents; @buffer bytes. */
	int (*uevent_open)(uint32_t buffer);
	/* One message: its length, which may be more than @bytes; @from is who sent it. */
	ssize_t (*uevent_receive)(int fd, void *buf, size_t bytes, struct sockaddr_nl *from);
	int (*uevent_reach)(void); /* 0: the kernel's events come here; else why not */
	int (*inotify)(void);
	int (*watch)(int inotify, const char *path, uint32_t mask);
	int (*epoll)(void);
	int (*epoll_add)(int epoll, int fd);
	int (*timer)(void);
	int (*timer_set)(int timer, int64_t ns); /* from now; 0: off */
	/* libnl; NULL: its own. As nl_cb_overwrite_recv() and _send() have them. */
	int (*nl_connect)(struct nl_sock *sock);
	int (*nl_send)(struct nl_sock *sock, struct nl_msg *msg);
	int (*nl_receive)(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **buf,
			  struct ucred **creds);
};
extern struct mgmt_sys mgmt_sys;

/* ---- files.c: small files of sysfs and procfs, believing nothing in them -------------- */

/* Put a path together; -ENAMETOOLONG. */
int file_path(char *path, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The text of a file, cleaned as mgmt.h promises, without space at its ends; -ENODATA: none. */
int file_text(const char *path, char *buf, size_t bytes);
/* A decimal number between @min and @max, and nothing else; -EINVAL, -ERANGE. */
int file_number(const char *path, int64_t min, int64_t max, int64_t *value);
int text_number(const char *text, int64_t min, int64_t max, int64_t *value);
/* Cut @text to @bytes and make what can't be printed a '?'. */
void text_clean(char *to, size_t bytes, const char *text, size_t length);
/* The log's line about something that is left out. */
void skip(const char *what, int err);

/* An array that grows; items are found by index. */
struct array {
	void *items;
	uint32_t count, room;
};
/* Room for one more item of @bytes, zeroed, at the end; NULL: no memory, or the limit. */
void *array_add(struct array *array, size_t bytes);
/* The same at @index. */
void *array_insert(struct array *array, size_t bytes, uint32_t index);
void array_free(struct array *array);
#define ARRAY_LIMIT 65536u

/* ---- metric.c --------------------------------------------------------------------------- */

/* Metrics, ordered by their ids. */
struct metrics {
	struct array array; /* struct accel_metric */
	bool no_memory;
};
void metrics_number(struct metrics *metrics, uint32_t id, uint32_t source, const char *name,
		    int64_t value, const char *origin);
void metrics_text(struct metrics *metrics, uint32_t id, uint32_t source, const char *name,
		  const char *text, const char *origin);

/* ---- sample.c ---------------------------------------------------------------------------- */

struct client {
	struct accel_client info;
	struct metrics metrics;
};

struct accel_sample {
	_Atomic uint32_t refs;
	struct accel_sample_info info;
	struct accel_device_info device;
	char sys[PATH_MAX]; /* the device's directory: .../class/accel/accelN */
	struct metrics metrics;
	struct array clients; /* struct client, by pid */
};

struct accel_sample *sample_alloc(const struct accel_device_info *device);
/* The directory of the device in sysfs; -ENODEV soft has none. */
int device_directory(const struct accel_device_info *device, char *path, size_t bytes);
/* Whether it is still this device that has the name: names are given again to others. */
bool device_is_there(const struct accel_device_info *device);
/* The device's bus address without the bus, or "". */
const char *device_address(const struct accel_device_info *device);

/* ---- attributes.c, hwmon.c, habanalabs.c: each adds what it finds to a sample --------------- */

/* Whether the device at @directory sleeps, and its metrics if @metrics isn't NULL. */
uint32_t power_state(const char *directory, const char *name, struct metrics *metrics);
void attributes_read(struct accel_sample *sample);
void hwmon_read(struct accel_sample *sample);
void habanalabs_query(struct accel_sample *sample);
/* Firmware versions of drivers' own, for those without devlink too. */
void attributes_firmware(const struct accel_device_info *device,
			 void (*fn)(void *data, uint32_t kind, const char *name, const char *text,
				    const char *origin),
			 void *data);

/* ---- fdinfo.c ------------------------------------------------------------------------------- */

/* What /proc/PID/fdinfo/FD tells. */
struct fdinfo {
	uint32_t flags; /* ACCEL_CLIENT_HAS_* */
	uint64_t id;
	uint64_t engine_ns, memory;
	char driver[32], label[64];
};
/* Parse @text; its metrics go to @metrics, with @origin. */
void fdinfo_parse(const char *text, struct fdinfo *info, struct metrics *metrics,
		  const char *origin);

/* ---- clients.c ------------------------------------------------------------------------------ */

struct process {
	int32_t pid;
	bool looked;     /* at least once */
	bool has_device; /* when it was looked at last */
	bool hidden;
};

/* What the observer remembers of /proc. */
struct processes {
	struct array known; /* struct process, by pid */
	int32_t cursor;     /* the last pid that was looked at in its turn */
};
/* Find the clients of @count samples. -ENOMEM. */
int clients_read(struct processes *processes, uint32_t in_turn, struct accel_sample **samples,
		 uint32_t count);

/* ---- genl.c: generic netlink -------------------------------------------------------------- */

struct genl {
	struct nl_sock *sock;
	int family;
	uint32_t group;
	char words[192]; /* what the kernel said about the last error; "" : nothing */
};
/* A socket for @family, and membership of its @group unless that is NULL.
 * -EPROTONOSUPPORT the kernel has no such family. On failure nothing is left behind. */
int genl_open(struct genl *genl, const char *family, const char *group);
void genl_close(struct genl *genl);
/* A request, to which attributes can be added; NULL: no memory. */
struct nl_msg *genl_request(struct genl *genl, uint8_t command, int flags);
/* Send it, which takes @msg, and hand each answer's attributes to @fn: 0, or the errno of the
 * kernel or of @fn. */
int genl_call(struct genl *genl, struct nl_msg *msg,
	      int (*fn)(void *data, uint8_t command, struct nlattr *attrs, int length), void *data);
/* Hand over what has come without being asked for: the count, 0 if there is nothing. */
int genl_notified(struct genl *genl,
		  int (*fn)(void *data, uint8_t command, struct nlattr *attrs, int length),
		  void *data);

/* ---- ras.c ---------------------------------------------------------------------------------- */

/* Add the counters of drm-ras for a device to its sample, with a socket that is kept. */
struct ras_socket {
	struct genl genl;
	int state; /* 0: not tried yet; 1: open; < 0: why not */
};
void ras_metrics(struct ras_socket *socket, struct accel_sample **samples, uint32_t count);
void ras_socket_close(struct ras_socket *socket);

/* ---- devlink.c ------------------------------------------------------------------------------ */

/* Bus and name of the device's devlink instance, should it have one; -ENODEV. */
int devlink_handle(const struct accel_device_info *device, char *bus, size_t bus_bytes, char *name,
		   size_t name_bytes);
struct devlink_info {
	char driver[32], serial[64], board_serial[64];
	void (*version)(void *data, uint32_t kind, const char *name, const char *text,
			const char *origin);
	void *data;
};
int devlink_read_info(struct genl *genl, const char *bus, const char *name,
		      struct devlink_info *info);
/* Whether there is such an instance: 0, -ENODEV. */
int devlink_exists(struct genl *genl, const char *bus, const char *name);
int devlink_flash(struct genl *genl, const char *bus, const char *name, const char *file,
		  const char *component, uint32_t overwrite);
/* One notification: 1 if it is a status of a flash of this device, 2 if its end. */
int devlink_progress(uint8_t command, struct nlattr *attrs, int length, const char *bus,
		     const char *name, struct accel_flash_progress *progress);

/* ---- uevent.c --------------------------------------------------------------------------------- */

struct uevent {
	const char *action, *devpath, *subsystem, *devname, *ivpu, *wedged, *address;
	uint64_t seqnum;
	int64_t major, minor, dbc, dbc_state; /* -1: not told */
};
/* @text has @bytes bytes and is written to; @out points into it. -EINVAL. */
int uevent_parse(char *text, size_t bytes, struct uevent *out);

#endif
