/* SPDX-License-Identifier: MIT */
/*
 * <accel/mgmt.h>: the public interface of libaccel-mgmt: watching and managing
 * accelerators that are not opened for compute.
 *
 *	accel_telemetry	an observer: what was seen before, of all devices
 *	  accel_sample	  what one device showed at one moment
 *	accel_ras	the error counters of one moment
 *	accel_monitor	devices that come, go and change, as they do
 *	accel_firmware	the firmware of a device, as of one moment
 *
 * The rules of <accel/accel.h> hold here too: results, structs, times, objects,
 * threads, fork(2) and signals; accel_last_error() has the reason of a failure of
 * these functions as well. An accel_telemetry and an accel_monitor may be used by
 * any thread, one at a time each: a second one waits. accel_sample, accel_ras and
 * accel_firmware never change once they are handed out.
 *
 * What nothing can be learned of is absent, never zero. A device that sleeps is not
 * woken: what it could tell only when awake is absent then. A device that one process
 * at a time can open is not opened. Text comes from drivers and firmware: it is cut
 * to its member's size, and every byte in it that is not printable ASCII is a '?'.
 */
#ifndef ACCEL_MGMT_H
#define ACCEL_MGMT_H

#include <accel/accel.h>

#ifdef __cplusplus
extern "C" {
#endif

struct accel_telemetry;
struct accel_sample;
struct accel_ras;
struct accel_monitor;
struct accel_firmware;

/* ---- telemetry ------------------------------------------------------------ */

/* What a metric is about. New ones are added at the end. */
enum accel_metric_id {
	ACCEL_METRIC_BUSY_TIME = 1, /* time that the engine worked; ns, counter */
	ACCEL_METRIC_UTILIZATION,   /* of the moment, as the device puts it; percent */
	ACCEL_METRIC_MEMORY_USED,   /* bytes */
	ACCEL_METRIC_MEMORY_TOTAL,  /* bytes */
	ACCEL_METRIC_CLOCK,         /* of the moment; Hz */
	ACCEL_METRIC_CLOCK_MIN,     /* what the hardware can do; Hz */
	ACCEL_METRIC_CLOCK_MAX,
	ACCEL_METRIC_CLOCK_EFFICIENT, /* the best work for the power; Hz */
	ACCEL_METRIC_CLOCK_LIMIT_MIN, /* what an administrator set; Hz */
	ACCEL_METRIC_CLOCK_LIMIT_MAX,
	ACCEL_METRIC_TEMPERATURE,     /* of the moment; thousandths of a degree Celsius */
	ACCEL_METRIC_TEMPERATURE_MAX, /* above it is too hot */
	ACCEL_METRIC_TEMPERATURE_CRITICAL,
	ACCEL_METRIC_POWER,               /* of the moment; microwatt */
	ACCEL_METRIC_POWER_LIMIT,         /* what it may draw at most; microwatt */
	ACCEL_METRIC_ENERGY,              /* drawn so far; microjoule, counter */
	ACCEL_METRIC_VOLTAGE,             /* millivolt */
	ACCEL_METRIC_CURRENT,             /* milliampere */
	ACCEL_METRIC_FAN,                 /* turns per minute */
	ACCEL_METRIC_RUNTIME_STATUS,      /* of power management, in the kernel's words; text */
	ACCEL_METRIC_RUNTIME_ACTIVE,      /* time awake; ns, counter */
	ACCEL_METRIC_RUNTIME_SUSPENDED,   /* time asleep; ns, counter */
	ACCEL_METRIC_ERRORS_CORRECTABLE,  /* counter */
	ACCEL_METRIC_ERRORS_NONFATAL,     /* uncorrectable, work may be lost; counter */
	ACCEL_METRIC_ERRORS_FATAL,        /* uncorrectable, the device restarts; counter */
	ACCEL_METRIC_RESETS,              /* counter */
	ACCEL_METRIC_FIRMWARE,            /* a version; text */
	ACCEL_METRIC_STATUS,              /* in the driver's words; text */
	ACCEL_METRIC_ENGINE_CYCLES,       /* of a client: cycles that the engine worked for it;
					 * counter */
	ACCEL_METRIC_ENGINE_CYCLES_TOTAL, /* the clock that those are to be compared with */
	ACCEL_METRIC_MEMORY_SHARED,       /* of a client; bytes */
	ACCEL_METRIC_MEMORY_RESIDENT,     /* of a client: what has pages behind it; bytes */
	ACCEL_METRIC_MEMORY_PURGEABLE,    /* of a client; bytes */
	ACCEL_METRIC_MEMORY_ACTIVE        /* of a client: in use by jobs; bytes */
};

/* In what accel_metric.value is counted. */
enum accel_unit {
	ACCEL_UNIT_NONE, /* a plain number */
	ACCEL_UNIT_TEXT, /* no number: accel_metric.text has it */
	ACCEL_UNIT_NANOSECONDS,
	ACCEL_UNIT_BYTES,
	ACCEL_UNIT_HERTZ,
	ACCEL_UNIT_MILLICELSIUS,
	ACCEL_UNIT_MICROWATTS,
	ACCEL_UNIT_MICROJOULES,
	ACCEL_UNIT_MILLIVOLTS,
	ACCEL_UNIT_MILLIAMPERES,
	ACCEL_UNIT_RPM,
	ACCEL_UNIT_PERCENT
};

/* Where something was learned. */
enum accel_source {
	ACCEL_SOURCE_SYSFS = 1, /* an attribute of the device or of its bus */
	ACCEL_SOURCE_HWMON,     /* the kernel's hardware monitoring class */
	ACCEL_SOURCE_FDINFO,    /* /proc/PID/fdinfo */
	ACCEL_SOURCE_QUERY,     /* the driver was asked */
	ACCEL_SOURCE_DRM_RAS,   /* the drm-ras family of generic netlink */
	ACCEL_SOURCE_DEVLINK    /* the devlink family */
};

#define ACCEL_METRIC_IS_COUNTER (1u << 0) /* only grows while the driver is loaded */

struct accel_metric {
	uint32_t size;
	uint32_t id;     /* enum accel_metric_id */
	uint32_t unit;   /* enum accel_unit */
	uint32_t source; /* enum accel_source */
	uint32_t flags;  /* ACCEL_METRIC_IS_* */
	uint32_t reserved;
	int64_t value;    /* 0 with ACCEL_UNIT_TEXT */
	char name[48];    /* which engine, clock, sensor, memory or part; "": the only one */
	char text[128];   /* with ACCEL_UNIT_TEXT; else "" */
	char origin[256]; /* the file, or the name of the query */
};

/* What is the same for all metrics of one id. */
struct accel_metric_info {
	uint32_t size;
	uint32_t unit;  /* enum accel_unit */
	uint32_t flags; /* ACCEL_METRIC_IS_* */
	uint32_t reserved;
	char name[48];  /* "busy_time": lower-case letters and '_', never changes */
	char help[128]; /* a phrase that says what it is */
};

/* Errors: -EINVAL there is no metric @id. */
int accel_metric_get_info(uint32_t id, struct accel_metric_info *out);

struct accel_telemetry_params {
	uint32_t size;
	uint32_t flags;     /* ACCEL_TELEMETRY_* */
	uint32_t processes; /* how many processes without a device, of those that were
			     * looked at before, are looked at again per call; 0: 64 */
	uint32_t reserved;
};

#define ACCEL_TELEMETRY_NO_CLIENTS (1u << 0) /* don't look for clients */
#define ACCEL_TELEMETRY_NO_QUERIES (1u << 1) /* ask no driver: read files only */

/*
 * Make an observer. It keeps what is worth keeping from one call to the next; it has no
 * thread, and holds no descriptor of a device. @params may be NULL.
 * Errors: -EINVAL, -ENOMEM.
 */
int accel_telemetry_create(const struct accel_telemetry_params *params,
			   struct accel_telemetry **out);
struct accel_telemetry *accel_telemetry_ref(struct accel_telemetry *telemetry);
void accel_telemetry_unref(struct accel_telemetry *telemetry);

/*
 * Look at @count devices, which may be 0: @out[i] is given a sample of @devices[i]. Of a device that is
 * gone, or that tells nothing (soft, rocket to a great part), it is one with few metrics or
 * none.
 *
 * Processes are looked at once per call, however many devices: all that are new, and those
 * with a device open; the rest in turn (see accel_telemetry_params.processes). So a process
 * that opens a device long after it was started is seen some calls later. The first call
 * looks at all. What other users' processes have open is seen only with the right to trace
 * them (CAP_SYS_PTRACE): accel_sample_info.hidden counts those that could not be looked at.
 *
 * Reads files of sysfs and procfs, and asks generic netlink once where the caller may; may
 * take some milliseconds. Errors: -EINVAL, -ENOMEM; then nothing is handed out.
 */
int accel_telemetry_read(struct accel_telemetry *telemetry, struct accel_device *const *devices,
			 uint32_t count, struct accel_sample **out);

/* Whether a device sleeps. */
enum accel_power {
	ACCEL_POWER_UNKNOWN, /* sysfs doesn't tell, or there is no power management */
	ACCEL_POWER_ACTIVE,
	ACCEL_POWER_SUSPENDED,
	ACCEL_POWER_CHANGING, /* on the way from one to the other */
	ACCEL_POWER_ERROR     /* it could not be woken or put to sleep */
};

#define ACCEL_SAMPLE_GONE   (1u << 0) /* sysfs has no such device any more */
#define ACCEL_SAMPLE_ASLEEP (1u << 1) /* what only an awake device tells is absent */
#define ACCEL_SAMPLE_NO_CLIENTS \
	(1u << 2) /* clients were not looked for, or /proc is
					     * not there: that none are listed says nothing */

struct accel_sample_info {
	uint32_t size;
	uint32_t flags;   /* ACCEL_SAMPLE_* */
	uint32_t power;   /* enum accel_power */
	uint32_t metrics; /* how many of the device there are */
	uint32_t clients; /* how many there are */
	uint32_t hidden;  /* processes that could not be looked at: clients may be missing */
	int64_t time_ns;  /* CLOCK_MONOTONIC, when it was taken */
};
int accel_sample_get_info(struct accel_sample *sample, struct accel_sample_info *out);

/*
 * Metric @index of client @client, or of the device itself if that is ACCEL_NO_CLIENT.
 * They come in the order of their ids; of one id there may be several, by their names.
 * Errors: -ENOENT @index or @client is beyond the last.
 */
#define ACCEL_NO_CLIENT UINT32_MAX
int accel_sample_get_metric(struct accel_sample *sample, uint32_t client, uint32_t index,
			    struct accel_metric *out);

/* The metric of the device with this @id, and this @name unless that is NULL; the first, if
 * there are several. Errors: -ENODATA it is absent. */
int accel_sample_find_metric(struct accel_sample *sample, uint32_t id, const char *name,
			     struct accel_metric *out);

/* Which members of an accel_client are known. */
#define ACCEL_CLIENT_HAS_ID          (1u << 0) /* the driver numbers its clients */
#define ACCEL_CLIENT_HAS_ENGINE_TIME (1u << 1)
#define ACCEL_CLIENT_HAS_MEMORY      (1u << 2)
/* Other processes have the same open file too, by fork(2) or by passing it on. */
#define ACCEL_CLIENT_IS_SHARED (1u << 3)

/*
 * Somebody who has the device open: one open file where the driver numbers them, else a
 * process, whatever number of descriptors it has. Its metrics have more detail.
 */
struct accel_client {
	uint32_t size;
	uint32_t flags;     /* ACCEL_CLIENT_* */
	int32_t pid;        /* in the caller's pid namespace; with several the lowest */
	uint32_t uid;       /* of the process */
	uint64_t id;        /* the driver's number of the open file */
	uint64_t engine_ns; /* time that all engines worked for it */
	uint64_t memory;    /* bytes of all its buffers, shared ones included */
	uint32_t metrics;   /* how many it has */
	uint32_t files;     /* descriptors of the device in that process */
	char command[32];   /* the process's name, as ps(1) has it */
	char label[64];     /* that the client gave itself; "": none */
};

/* Client @index, in the order of pids. Errors: -ENOENT @index is beyond the last. */
int accel_sample_get_client(struct accel_sample *sample, uint32_t index, struct accel_client *out);

struct accel_sample *accel_sample_ref(struct accel_sample *sample);
void accel_sample_unref(struct accel_sample *sample);

/* ---- RAS: errors that the hardware counts ----------------------------------- */

/* What is known of the class of an error. drm-ras names errors freely: there it is a
 * guess from the name, and ACCEL_RAS_OTHER if that says nothing. */
enum accel_ras_severity {
	ACCEL_RAS_OTHER,
	ACCEL_RAS_CORRECTABLE,
	ACCEL_RAS_NONFATAL, /* uncorrectable, work may be lost */
	ACCEL_RAS_FATAL     /* uncorrectable, the device restarts */
};

#define ACCEL_RAS_CLEARABLE (1u << 0) /* accel_ras_clear() can be tried */

struct accel_ras_counter {
	uint32_t size;
	uint32_t flags;    /* ACCEL_RAS_CLEARABLE */
	uint32_t source;   /* ACCEL_SOURCE_DRM_RAS or ACCEL_SOURCE_SYSFS */
	uint32_t severity; /* enum accel_ras_severity */
	uint32_t node_id;  /* drm-ras: of this moment, numbers are reused */
	uint32_t error_id; /* drm-ras: within the node */
	uint64_t value;
	char device[64];  /* the device's name as the driver gave it: often a PCI address */
	char id[64];      /* accel_device_info.id, where that device is known; else "" */
	char node[64];    /* the part of the device */
	char name[64];    /* of the error */
	char origin[256]; /* the file; "drm-ras" */
};

struct accel_ras_info {
	uint32_t size;
	/* What became of asking the kernel's drm-ras family: 0; -EPROTONOSUPPORT this
	 * kernel doesn't have it; -EPERM CAP_NET_ADMIN is needed (in the first user
	 * namespace); another errno. Counters of other sources are there all the same. */
	int32_t drm_ras;
	uint32_t nodes;    /* of drm-ras, for this device */
	uint32_t counters; /* how many there are, of all sources */
	char reason[256];  /* when drm_ras is not 0: a sentence with the remedy */
};

/*
 * Read the error counters of @dev, or of all that the kernel knows if it is NULL; among those
 * may be devices that are no accelerators (GPUs). Nodes of @dev are those whose device name
 * is its bus address. A counter that can't be read is left out. Whether a device that sleeps
 * is woken to answer for its counters of drm-ras is its driver's choice.
 * Errors: -EINVAL, -ENOMEM. That there is none is no error.
 */
int accel_ras_read(struct accel_device *dev, struct accel_ras **out);
int accel_ras_get_info(struct accel_ras *ras, struct accel_ras_info *out);

/* Counter @index, by device, node and error. Errors: -ENOENT @index is beyond the last. */
int accel_ras_get_counter(struct accel_ras *ras, uint32_t index, struct accel_ras_counter *out);

/*
 * Set one counter to zero. @counter is as accel_ras_get_counter() gave it; its node is looked
 * up first, so that a number that was given to another node meanwhile does no harm.
 * Errors: -EOPNOTSUPP counters of this source or this node can't be cleared; -EPERM
 * CAP_NET_ADMIN is needed; -EPROTONOSUPPORT the kernel has no drm-ras; -ESTALE the node is
 * gone, or another's; -EINVAL; -ENOMEM; or what the driver answers.
 */
int accel_ras_clear(const struct accel_ras_counter *counter);

struct accel_ras *accel_ras_ref(struct accel_ras *ras);
void accel_ras_unref(struct accel_ras *ras);

/* ---- events ------------------------------------------------------------------ */

enum accel_event_type {
	ACCEL_EVENT_ARRIVED = 1, /* a device is there; usable says whether it can be opened */
	ACCEL_EVENT_REMOVED,     /* it is gone: unplugged, or its driver was unbound */
	ACCEL_EVENT_ONLINE,      /* its firmware is up: it can be opened */
	ACCEL_EVENT_OFFLINE,     /* its firmware is down: contexts are lost */
	ACCEL_EVENT_LOST,        /* a part of it failed, work on that is lost (qaic) */
	ACCEL_EVENT_RECOVERED,   /* it was reset, or that part is back: open contexts may
				  * be lost */
	ACCEL_EVENT_CHANGED,     /* a known device can be opened now, or can't any more */
	ACCEL_EVENT_OVERFLOW,    /* of no device: events were lost. What changed meanwhile
				  * follows as events of the kinds above; an ONLINE, OFFLINE,
				  * LOST or RECOVERED may be missing */
	ACCEL_EVENT_NO_UEVENTS   /* of no device, the first: the kernel's events don't come
				  * here. ARRIVED, REMOVED and CHANGED are learned from the
				  * directory of the nodes, the others can't be */
};

struct accel_event {
	uint32_t size;
	uint32_t type;   /* enum accel_event_type */
	uint32_t usable; /* enum accel_usable, when it was noticed; for REMOVED as it
			   * was last */
	uint32_t flags;  /* ACCEL_EVENT_IS_* */
	int64_t time_ns; /* CLOCK_MONOTONIC, when it was noticed */
	uint64_t seqnum; /* the kernel's number of the event; 0: it was not told by one */
	uint64_t devnum; /* as in accel_device_info, and so are these */
	char id[64];
	char driver[32];
	char name[64];
	char node[64];
	char text[256]; /* a sentence: what happened, or why it can't be opened */
};

#define ACCEL_EVENT_IS_INITIAL (1u << 0) /* ARRIVED: it was there before the monitor */

#define ACCEL_MONITOR_INITIAL    (1u << 0) /* begin with an ARRIVED for each device there is */
#define ACCEL_MONITOR_NO_UEVENTS (1u << 1) /* behave as where the kernel's events don't come */

struct accel_monitor_params {
	uint32_t size;
	uint32_t flags; /* ACCEL_MONITOR_* */
	/* The node of a new device gets its owner and mode from udev some time after the
	 * kernel's event: an ARRIVED is held back until the node can be opened, for at most
	 * this time. 0: 1000 ms. */
	uint32_t settle_ms;
	uint32_t buffer; /* bytes of events that the kernel keeps; 0: 2 MiB. The kernel
			    * gives less where it must */
};

/*
 * Watch the machine's accelerators; the software device is none of these. The monitor
 * begins with the devices of this moment and misses nothing after it, but a device that came
 * and went again before it could be looked at: of that there is no event. No thread is
 * started and nothing is opened. @params may be NULL.
 * Errors: -EINVAL; -EMFILE, -ENFILE; -ENOMEM, also where a limit for inotify is reached.
 */
int accel_monitor_create(const struct accel_monitor_params *params, struct accel_monitor **out);

/* A descriptor that is readable (POLLIN) when accel_monitor_read() may have something. It
 * belongs to the monitor: poll it, don't read or close it. */
int accel_monitor_fd(struct accel_monitor *monitor, int *fd);

/*
 * Take the next event. Never sleeps. 1: @out has it; 0: there is none now. Call it until
 * it gives 0 before polling again.
 * Errors: -EINVAL; -ENOMEM: the monitor is as before, and what was lost is noticed later.
 */
int accel_monitor_read(struct accel_monitor *monitor, struct accel_event *out);

/*
 * The devices that all events read so far add up to, as accel_device_scan() gives
 * them: up to @max references go to @out, the result is how many there are.
 * Errors: -EINVAL.
 */
int accel_monitor_devices(struct accel_monitor *monitor, struct accel_device **out, uint32_t max);

struct accel_monitor *accel_monitor_ref(struct accel_monitor *monitor);
void accel_monitor_unref(struct accel_monitor *monitor);

/* ---- firmware ------------------------------------------------------------------ */

/* Which of a firmware's versions. */
enum accel_version_kind {
	ACCEL_VERSION_FIXED = 1, /* of what can't be changed: the board, the silicon */
	ACCEL_VERSION_RUNNING,   /* what runs now */
	ACCEL_VERSION_STORED     /* what will run after the next reset */
};

struct accel_firmware_version {
	uint32_t size;
	uint32_t kind;   /* enum accel_version_kind */
	uint32_t source; /* enum accel_source */
	uint32_t reserved;
	char name[64];    /* of the part: "fw.mgmt"; of drivers without devlink "firmware",
			   * or the attribute's name */
	char text[128];   /* the version */
	char origin[256]; /* the file; "devlink" */
};

#define ACCEL_FIRMWARE_HAS_DEVLINK (1u << 0) /* accel_firmware_flash() can be tried */

struct accel_firmware_info {
	uint32_t size;
	uint32_t flags; /* ACCEL_FIRMWARE_* */
	/* What became of asking devlink: 0; -EPROTONOSUPPORT this kernel doesn't have it;
	 * -ENODEV the device's driver has no devlink instance; another errno. */
	int32_t devlink;
	uint32_t versions; /* how many there are, of all sources */
	char driver[32];   /* devlink: the driver's name */
	char serial[64];   /* devlink: the device's serial number; "": none */
	char board_serial[64];
	char reason[256]; /* when devlink is not 0: a sentence */
};

/*
 * Read what is known of the firmware of @dev. A sleeping device is not asked through devlink:
 * then the answer in accel_firmware_info.devlink is -EAGAIN.
 * Errors: -EINVAL, -ENOMEM. That nothing is known is no error.
 */
int accel_firmware_read(struct accel_device *dev, struct accel_firmware **out);
int accel_firmware_get_info(struct accel_firmware *firmware, struct accel_firmware_info *out);

/* Version @index: fixed, running, stored. Errors: -ENOENT @index is beyond the last. */
int accel_firmware_get_version(struct accel_firmware *firmware, uint32_t index,
			       struct accel_firmware_version *out);
struct accel_firmware *accel_firmware_ref(struct accel_firmware *firmware);
void accel_firmware_unref(struct accel_firmware *firmware);

/* What the kernel said last about a flash that runs. */
struct accel_flash_progress {
	uint32_t size;
	uint32_t timeout_s; /* how long this step may take; 0: not known */
	uint64_t done;      /* of total, in the driver's unit */
	uint64_t total;     /* 0: this step has no measure */
	char status[128];   /* the step, in the driver's words */
	char component[64]; /* the part that is written; "": not told */
};

/* What of the device's settings the new firmware may overwrite; none: it keeps them. */
#define ACCEL_FLASH_OVERWRITE_SETTINGS    (1u << 0)
#define ACCEL_FLASH_OVERWRITE_IDENTIFIERS (1u << 1)

struct accel_flash_params {
	uint32_t size;
	uint32_t flags;        /* ACCEL_FLASH_* */
	const char *file;      /* as the kernel looks for firmware: a path relative to
				* /lib/firmware, or an absolute one below it or below what
				* the parameter path of firmware_class names */
	const char *component; /* write this part only, with the name that
				* accel_firmware_get_version() gives it; NULL: all */
	/* Called on the calling thread with each notification of the kernel's about this
	 * device, in their order. @progress lives for the call only. It must not call
	 * libaccel-mgmt. NULL: none. */
	void (*fn)(void *data, const struct accel_flash_progress *progress);
	void *data;
};

/*
 * Have the kernel write @params->file into the device, and wait until it has: minutes are
 * common. It can't be broken off. What runs afterwards is the old firmware until the
 * driver's documentation says otherwise (a reset or a reboot). Because the kernel works
 * inside of the call that asks for it, a thread makes that call for the time, with
 * all signals blocked.
 * Errors: -EOPNOTSUPP its driver can't flash (or has no devlink instance, or not this
 * component); -EPROTONOSUPPORT the kernel has no devlink; -EPERM CAP_NET_ADMIN is needed;
 * -ENOENT the kernel doesn't find the file; -EXDEV an absolute path outside of the firmware
 * directories; -EBUSY another flash runs; -ENODEV the device is gone; -EINVAL;
 * -ENAMETOOLONG; -ENOMEM; or what the driver answers; accel_last_error() has its words.
 */
int accel_firmware_flash(struct accel_device *dev, const struct accel_flash_params *params);

#ifdef __cplusplus
}
#endif
#endif
