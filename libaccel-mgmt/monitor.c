/* SPDX-License-Identifier: MIT */
/*
 * The monitor: a picture of the devices that is kept up to date by the kernel's events, and
 * by looking anew at what events can't tell or did not.
 *
 * Looking anew (look()) is right at any moment: what happened before it and is told by an event
 * that is still to be read changes nothing for the worse, because a later event of the same
 * device is still to be read too. After an overflow that does not hold, so all events that
 * are there are dropped first.
 */
#include "mgmt.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>

#define ACCEL_MAJOR     261
#define SETTLE_MS       1000u
#define SETTLE_MS_MAX   60000u
#define BUFFER          (2u << 20)
#define MS              INT64_C(1000000)
#define STEP_FIRST      (10 * MS)
#define STEP_LAST       (160 * MS)
#define UEVENT_BYTES    (16 * 1024) /* the kernel has room for 2 KiB of text in one */
#define DRAIN_MAX       1000000
#define TRIES           8
#define EVENTS_PER_READ 4096 /* that mean nothing to us, before poll is asked again */
#define NODE_CHANGES                                                                        \
	(IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | \
	 IN_ONLYDIR | IN_MASK_ADD)

/* A device that is there, or whose end nobody has been told yet. */
struct record {
	struct list link;
	struct accel_device *device;
	struct accel_device_info info;
	int64_t settle_until; /* 0: its arrival was queued */
	bool initial;
	bool told; /* its ARRIVED was read, and no REMOVED yet */
	bool gone;
	bool seen; /* by look() */
};

struct queued {
	struct list link;
	struct accel_event event;
	struct record *record; /* NULL: of no device */
};

struct accel_monitor {
	_Atomic uint32_t refs;
	pthread_mutex_t lock;                     /* all below */
	int epoll, uevents, inotify, timer, wake; /* -1: none */
	uint32_t settle_ms;
	int64_t step; /* until settling devices are looked at again; 0: none is */
	bool has_uevents;
	bool woken;          /* wake is readable */
	bool look_again;     /* what is there may differ from the picture */
	struct list records; /* record.link */
	struct list queue;   /* queued.link */
	char *message;       /* UEVENT_BYTES */
};

/* ---- the queue of events ---------------------------------------------------------------------- */

static struct queued *queue_event(struct accel_monitor *monitor, uint32_t type,
				  struct record *record, uint64_t seqnum, const char *text)
{
	struct queued *queued = accel_core_sys.alloc(sizeof(*queued));
	const struct accel_device_info *info;
	struct accel_event *event;

	if (!queued)
		return NULL;
	event = &queued->event;
	queued->record = record;
	event->type = type;
	event->seqnum = seqnum;
	event->time_ns = accel_core_sys.now();
	snprintf(event->text, sizeof(event->text), "%s", text);
	if (record) {
		info = &record->info;
		event->usable = info->usable;
		event->devnum = info->devnum;
		memcpy(event->id, info->id, sizeof(event->id));
		memcpy(event->driver, info->driver, sizeof(event->driver));
		memcpy(event->name, info->name, sizeof(event->name));
		memcpy(event->node, info->node, sizeof(event->node));
		if (!*text && info->usable)
			memcpy(event->text, info->reason, sizeof(event->text));
		if (type == ACCEL_EVENT_ARRIVED && record->initial)
			event->flags |= ACCEL_EVENT_IS_INITIAL;
	}
	list_append(&monitor->queue, &queued->link);
	return queued;
}

static void free_record(struct record *record)
{
	list_del(&record->link);
	accel_device_unref(record->device);
	accel_core_sys.free(record);
}

/* The first event, if there is one; what it says of its device holds from now on. */
static bool take_event(struct accel_monitor *monitor, struct accel_event *event)
{
	struct queued *queued;

	if (list_empty(&monitor->queue))
		return false;
	queued = list_entry(monitor->queue.next, struct queued, link);
	list_del(&queued->link);
	*event = queued->event;
	if (event->type == ACCEL_EVENT_ARRIVED)
		queued->record->told = true;
	else if (event->type == ACCEL_EVENT_REMOVED)
		free_record(queued->record);
	accel_core_sys.free(queued);
	return true;
}

/* ---- the picture --------------------------------------------------------------------------------- */

static struct record *find_record(struct accel_monitor *monitor, const char *name)
{
	struct record *record;
	struct list *node;

	list_for_each(node, &monitor->records) {
		record = list_entry(node, struct record, link);
		if (!record->gone && !strcmp(record->info.name, name))
			return record;
	}
	return NULL;
}

/* Whether time may yet make it openable: udev has still to see to its node. */
static bool may_settle(const struct accel_device_info *info)
{
	return info->usable == ACCEL_NO_NODE || info->usable == ACCEL_NO_PERMISSION;
}

static int arrive(struct accel_monitor *monitor, struct record *record, uint64_t seqnum)
{
	if (!queue_event(monitor, ACCEL_EVENT_ARRIVED, record, seqnum, ""))
		return -ENOMEM;
	record->settle_until = 0;
	return 0;
}

/* Takes the reference to @device, whatever happens. */
static int add_record(struct accel_monitor *monitor, struct accel_device *device,
		      const struct accel_device_info *info, bool initial, bool told,
		      uint64_t seqnum)
{
	struct record *record = accel_core_sys.alloc(sizeof(*record));
	int ret;

	if (!record) {
		accel_device_unref(device);
		return -ENOMEM;
	}
	record->device = device;
	record->info = *info;
	record->initial = initial;
	record->seen = true;
	list_append(&monitor->records, &record->link);
	if (told) {
		record->told = true;
		return 0;
	}
	if (!initial && may_settle(info)) {
		record->settle_until = accel_core_sys.now() + monitor->settle_ms * MS;
		if (!monitor->step) {
			monitor->step = STEP_FIRST;
			mgmt_sys.timer_set(monitor->timer, monitor->step);
		}
		return 0;
	}
	ret = arrive(monitor, record, seqnum);
	if (ret)
		free_record(record);
	return ret;
}

static int remove_record(struct accel_monitor *monitor, struct record *record, uint64_t seqnum)
{
	int ret;

	if (record->settle_until) {
		ret = arrive(monitor, record, 0);
		if (ret)
			return ret;
	}
	if (!queue_event(monitor, ACCEL_EVENT_REMOVED, record, seqnum, ""))
		return -ENOMEM;
	record->gone = true;
	return 0;
}

/* What was learned of a device that is known. */
static int update_record(struct accel_monitor *monitor, struct record *record,
			 struct accel_device *device, const struct accel_device_info *info)
{
	const uint32_t before = record->info.usable;
	const bool changed = before != info->usable;

	accel_device_unref(record->device);
	record->device = device;
	record->info = *info;
	if (record->settle_until) {
		if (!may_settle(info) || accel_core_sys.now() >= record->settle_until)
			return arrive(monitor, record, 0);
		return 0;
	}
	if (changed && !queue_event(monitor, ACCEL_EVENT_CHANGED, record, 0,
				    info->usable ? info->reason : "it can be opened now")) {
		record->info.usable = before; /* to be noticed the next time */
		return -ENOMEM;
	}
	return 0;
}

/* ---- looking anew ----------------------------------------------------------------------------------- */

struct scan {
	struct array devices; /* struct accel_device * */
	const char *directory;
	int error;
};

/* A node, where sysfs can't be read. */
static int add_node(void *data, const char *name)
{
	struct scan *scan = data;
	struct accel_device *device, **slot;
	char path[PATH_MAX];
	int ret;

	if (!accel_core_is_plain_word(name) ||
	    file_path(path, sizeof(path), "%s/%s", scan->directory, name))
		return 0;
	ret = accel_device_find(path, &device);
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	slot = array_add(&scan->devices, sizeof(*slot));
	if (!slot) {
		accel_device_unref(device);
		return -ENOMEM;
	}
	*slot = device;
	return 0;
}

static void free_scan(struct scan *scan)
{
	struct accel_device **device = scan->devices.items;
	uint32_t i;

	for (i = 0; i < scan->devices.count; i++)
		accel_device_unref(device[i]);
	array_free(&scan->devices);
}

static bool has_sysfs(void)
{
	char path[PATH_MAX];
	struct stat st;

	return !file_path(path, sizeof(path), "%s/class", accel_core_root(ACCEL_ROOT_SYS)) &&
	       !accel_core_sys.stat(path, &st);
}

static int scan_devices(struct scan *scan)
{
	char directory[PATH_MAX];
	uint32_t room;
	int ret;

	*scan = (struct scan){0};
	if (!has_sysfs()) {
		if (file_path(directory, sizeof(directory), "%s/accel",
			      accel_core_root(ACCEL_ROOT_DEV)))
			return 0;
		scan->directory = directory;
		ret = accel_core_sys.list(directory, add_node, scan);
		if (ret == -ENOMEM)
			free_scan(scan);
		return ret == -ENOMEM ? ret : 0;
	}
	/* How many there are may have changed between asking and asking again. */
	for (room = 32; room <= ARRAY_LIMIT; room = (uint32_t)ret + 32) {
		scan->devices.items = accel_core_sys.alloc(room * sizeof(struct accel_device *));
		if (!scan->devices.items)
			return -ENOMEM;
		ret = accel_device_scan(ACCEL_SCAN_HARDWARE, scan->devices.items, room);
		if (ret < 0) {
			array_free(&scan->devices);
			return ret;
		}
		scan->devices.room = room;
		scan->devices.count = (uint32_t)ret < room ? (uint32_t)ret : room;
		if ((uint32_t)ret <= room)
			return 0;
		free_scan(scan);
	}
	return -ENOMEM;
}

/* Directories in which nodes come and go; before a look, so that nothing is missed. */
static int watch_nodes(struct accel_monitor *monitor)
{
	char path[PATH_MAX];
	int ret;

	if (monitor->inotify < 0)
		return 0;
	ret = mgmt_sys.watch(monitor->inotify, accel_core_root(ACCEL_ROOT_DEV),
			     IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD);
	if (ret >= 0 && !file_path(path, sizeof(path), "%s/accel", accel_core_root(ACCEL_ROOT_DEV)))
		ret = mgmt_sys.watch(monitor->inotify, path, NODE_CHANGES);
	return ret < 0 && ret != -ENOENT ? ret : 0;
}

static bool is_same(const struct accel_device_info *a, const struct accel_device_info *b)
{
	return a->devnum == b->devnum && !strcmp(a->id, b->id);
}

static bool is_equal(const struct accel_device_info *a, const struct accel_device_info *b)
{
	return is_same(a, b) && a->usable == b->usable && !strcmp(a->driver, b->driver);
}

/*
 * What is true of a device. One that goes while it is read in sysfs, file by file, seems to have
 * no driver, or no bus; so it is read until twice the same comes out. -ENODEV it is gone, or
 * comes and goes too fast: then there are events still to come. Takes the reference that
 * *@device has, and gives another.
 */
static int read_twice(struct accel_device **device, struct accel_device_info *info)
{
	struct accel_device_info again = {.size = sizeof(again)};
	struct accel_device *other;
	int ret, i;

	for (i = 0; i < TRIES; i++) {
		ret = accel_device_find(info->name, &other);
		if (ret)
			break;
		ret = accel_device_get_info(other, &again);
		accel_device_unref(*device);
		*device = other;
		if (!ret && is_equal(info, &again))
			return 0;
		*info = again;
	}
	accel_device_unref(*device);
	return ret == -ENOMEM ? ret : -ENODEV;
}

/* One device of a scan. Takes the reference. */
static int see(struct accel_monitor *monitor, struct accel_device *device, bool initial, bool told)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct record *record;
	int ret;

	ret = accel_device_get_info(device, &info);
	/* The class has other nodes too: habanalabs' control nodes. Where only the nodes tell
	 * of devices, one without a node isn't there. */
	if (ret || major((dev_t)info.devnum) != ACCEL_MAJOR ||
	    (!monitor->has_uevents && info.usable == ACCEL_NO_NODE)) {
		accel_device_unref(device);
		return ret;
	}
	record = find_record(monitor, info.name);
	if ((!record || !is_equal(&record->info, &info)) && has_sysfs()) {
		ret = read_twice(&device, &info);
		if (ret)
			return ret == -ENODEV ? 0 : ret; /* not seen */
	}
	if (record && !is_same(&record->info, &info)) {
		ret = remove_record(monitor, record, 0);
		if (ret) {
			accel_device_unref(device);
			return ret;
		}
		record = NULL;
	}
	if (!record)
		return add_record(monitor, device, &info, initial, told, 0);
	record->seen = true;
	return update_record(monitor, record, device, &info);
}

/* Bring the picture up to date with what is there. On failure it is done again later. */
static int look(struct accel_monitor *monitor, bool initial, bool told)
{
	struct accel_device **device;
	struct record *record;
	struct list *node;
	struct scan scan;
	bool settling = false;
	uint32_t i;
	int ret;

	monitor->look_again = true;
	ret = watch_nodes(monitor);
	if (ret) {
		/* The kernel's events do as well, but for rights that change later. */
		if (!monitor->has_uevents)
			return ret == -ENOSPC ? -ENOMEM : ret;
		skip("the nodes' directory", ret);
	}
	ret = scan_devices(&scan);
	if (ret)
		return ret;
	list_for_each(node, &monitor->records)
		list_entry(node, struct record, link)->seen = false;
	device = scan.devices.items;
	for (i = 0; !ret && i < scan.devices.count; i++)
		ret = see(monitor, accel_device_ref(device[i]), initial, told);
	free_scan(&scan);
	list_for_each(node, &monitor->records) {
		record = list_entry(node, struct record, link);
		if (!ret && !record->seen && !record->gone)
			ret = remove_record(monitor, record, 0);
		settling = settling || (record->settle_until && !record->gone);
	}
	if (ret)
		return ret;
	monitor->look_again = false;
	if (!settling) {
		monitor->step = 0;
		mgmt_sys.timer_set(monitor->timer, 0);
	}
	return 0;
}

/* ---- the kernel's events ------------------------------------------------------------------------------ */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int add_device(struct accel_monitor *monitor, const char *name, uint64_t seqnum)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device;
	struct record *record;
	int ret;

	ret = accel_device_find(name, &device);
	/* Gone again: an event that is still to come says so, of a device nobody knew. */
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	ret = accel_device_get_info(device, &info);
	if (!ret)
		ret = read_twice(&device, &info);
	if (ret)
		return ret == -ENODEV ? 0 : ret;
	record = find_record(monitor, name);
	if (!ret && record && !is_same(&record->info, &info))
		ret = remove_record(monitor, record, 0);
	else if (!ret && record)
		ret = -EEXIST; /* a look was faster than the event */
	if (ret) {
		accel_device_unref(device);
		return ret == -EEXIST ? 0 : ret;
	}
	return add_record(monitor, device, &info, false, false, seqnum);
}

/* Something of a device that is known. */
static int tell(struct accel_monitor *monitor, struct record *record, uint32_t type,
		uint64_t seqnum, const char *text)
{
	int ret;

	if (!record)
		return 0;
	if (record->settle_until) {
		ret = arrive(monitor, record, 0);
		if (ret)
			return ret;
	}
	return queue_event(monitor, type, record, seqnum, text) ? 0 : -ENOMEM;
}

/* qaic's channels: the part of the device behind one has crashed, or is back. */
static int take_channel(struct accel_monitor *monitor, struct record *record,
			const struct uevent *uevent)
{
	enum {
		BEFORE_SHUTDOWN = 2,
		AFTER_POWER_UP = 5
	};
	char text[64];

	if (uevent->dbc < 0)
		return 0;
	if (uevent->dbc_state == BEFORE_SHUTDOWN) {
		snprintf(text, sizeof(text), "channel %u is lost", (unsigned int)uevent->dbc);
		return tell(monitor, record, ACCEL_EVENT_LOST, uevent->seqnum, text);
	}
	if (uevent->dbc_state == AFTER_POWER_UP) {
		snprintf(text, sizeof(text), "channel %u is back", (unsigned int)uevent->dbc);
		return tell(monitor, record, ACCEL_EVENT_RECOVERED, uevent->seqnum, text);
	}
	return 0;
}

static int take_accel(struct accel_monitor *monitor, const struct uevent *uevent)
{
	const char *name = last_part(uevent->devpath);
	struct record *record;

	if (uevent->major != ACCEL_MAJOR || !accel_core_is_plain_word(name))
		return 0;
	record = find_record(monitor, name);
	if (!strcmp(uevent->action, "add"))
		return add_device(monitor, name, uevent->seqnum);
	if (!strcmp(uevent->action, "remove"))
		return record ? remove_record(monitor, record, uevent->seqnum) : 0;
	if (!strcmp(uevent->action, "online"))
		return tell(monitor, record, ACCEL_EVENT_ONLINE, uevent->seqnum, "it is up");
	if (!strcmp(uevent->action, "offline"))
		return tell(monitor, record, ACCEL_EVENT_OFFLINE, uevent->seqnum,
			    "its firmware is down");
	if (!strcmp(uevent->action, "change")) {
		if (uevent->wedged)
			return tell(monitor, record, ACCEL_EVENT_LOST, uevent->seqnum,
				    "its driver gave it up");
		return take_channel(monitor, record, uevent);
	}
	return 0;
}

/* ivpu speaks of itself by its PCI device. */
static int take_pci(struct accel_monitor *monitor, const struct uevent *uevent)
{
	struct record *record;
	struct list *node;
	char id[64];

	if (strcmp(uevent->action, "change") != 0 || !uevent->ivpu || !uevent->address ||
	    strcmp(uevent->ivpu, "IVPU_RECOVER") != 0)
		return 0;
	snprintf(id, sizeof(id), "pci:%s", uevent->address);
	list_for_each(node, &monitor->records) {
		record = list_entry(node, struct record, link);
		if (!record->gone && !strcmp(record->info.id, id))
			return tell(monitor, record, ACCEL_EVENT_RECOVERED, uevent->seqnum,
				    "it hung and was reset");
	}
	return 0;
}

/* One message: > 0 there was one; 0 none; -ENOBUFS some were lost. */
static int receive(struct accel_monitor *monitor)
{
	struct sockaddr_nl from = {0};
	struct uevent uevent;
	ssize_t length;
	int ret;

	length = mgmt_sys.uevent_receive(monitor->uevents, monitor->message, UEVENT_BYTES, &from);
	if (length == -EAGAIN || !length)
		return 0;
	if (length == -EINTR)
		return 1;
	if (length < 0)
		return (int)length;
	/* Ports are given by the kernel, which keeps 0 for itself. */
	if (from.nl_pid) {
		accel_core_log(ACCEL_LOG_DEBUG, "skipping an event of process %u", from.nl_pid);
		return 1;
	}
	if (length > UEVENT_BYTES) {
		skip("an event", -EMSGSIZE);
		return 1;
	}
	if (uevent_parse(monitor->message, (size_t)length, &uevent))
		return 1;
	ret = 0;
	if (!strcmp(uevent.subsystem, "accel"))
		ret = take_accel(monitor, &uevent);
	else if (!strcmp(uevent.subsystem, "pci"))
		ret = take_pci(monitor, &uevent);
	if (ret)
		monitor->look_again = true; /* what it said is to be found out otherwise */
	return ret ? ret : 1;
}

/* Events were lost: those that are there belong to a past without an end. */
static int overflow(struct accel_monitor *monitor)
{
	struct sockaddr_nl from;
	ssize_t length = 1;
	int i;

	monitor->look_again = true;
	for (i = 0; i < DRAIN_MAX && (length > 0 || length == -ENOBUFS || length == -EINTR); i++)
		length = mgmt_sys.uevent_receive(monitor->uevents, monitor->message, UEVENT_BYTES,
						 &from);
	return queue_event(monitor, ACCEL_EVENT_OVERFLOW, NULL, 0,
			   "events were lost: the devices are looked at anew")
		       ? 0
		       : -ENOMEM;
}

/* Whether something happened in the directories of nodes, or it is time to look again. */
static bool take_hints(struct accel_monitor *monitor)
{
	_Alignas(struct inotify_event) char buf[4096];
	const struct inotify_event *event;
	bool hint = false;
	uint64_t times;
	ssize_t length;
	char *at;

	while (monitor->inotify >= 0 &&
	       (length = accel_core_sys.read(monitor->inotify, buf, sizeof(buf))) > 0) {
		for (at = buf; at < buf + length; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(void *)at;
			/* Without a name: the directory itself, or an overflow. */
			hint = hint || !event->len || !strncmp(event->name, "accel", 5);
		}
	}
	if (accel_core_sys.read(monitor->timer, &times, sizeof(times)) == sizeof(times)) {
		hint = true;
		monitor->step = monitor->step < STEP_LAST / 2 ? 2 * monitor->step : STEP_LAST;
		if (monitor->step)
			mgmt_sys.timer_set(monitor->timer, monitor->step);
	}
	return hint;
}

/* Take what has come until there is an event, or nothing more. */
static int pump(struct accel_monitor *monitor)
{
	int ret = 1, i;

	for (i = 0; list_empty(&monitor->queue) && i < EVENTS_PER_READ; i++) {
		if (monitor->look_again) {
			ret = look(monitor, false, false);
			if (ret)
				return ret;
			continue;
		}
		ret = monitor->uevents >= 0 ? receive(monitor) : 0;
		if (ret == -ENOBUFS)
			ret = overflow(monitor);
		if (ret < 0)
			return ret;
		if (!ret && list_empty(&monitor->queue)) {
			if (!take_hints(monitor))
				break;
			monitor->look_again = true;
		}
	}
	return 0;
}

/* ---- the interface ---------------------------------------------------------------------------------------- */

/* The descriptor is readable while there are events that came off those it is made of. */
static void set_wake(struct accel_monitor *monitor)
{
	const bool wanted = !list_empty(&monitor->queue) || monitor->look_again;
	uint64_t count = 1;

	if (wanted == monitor->woken)
		return;
	if (wanted)
		accel_core_sys.write(monitor->wake, &count, sizeof(count));
	else
		accel_core_sys.read(monitor->wake, &count, sizeof(count));
	monitor->woken = wanted;
}

static void close_all(struct accel_monitor *monitor)
{
	const int fds[] = {monitor->epoll, monitor->uevents, monitor->inotify, monitor->timer,
			   monitor->wake};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			accel_core_sys.close(fds[i]);
}

static void destroy(struct accel_monitor *monitor)
{
	struct list *node;

	while (!list_empty(&monitor->queue)) {
		node = monitor->queue.next;
		list_del(node);
		accel_core_sys.free(list_entry(node, struct queued, link));
	}
	while (!list_empty(&monitor->records))
		free_record(list_entry(monitor->records.next, struct record, link));
	close_all(monitor);
	accel_core_sys.free(monitor->message);
	pthread_mutex_destroy(&monitor->lock);
	accel_core_sys.free(monitor);
}

/* The kernel's events, or the reason why there are none. */
static void open_uevents(struct accel_monitor *monitor, bool wanted, uint32_t buffer, char *why,
			 size_t bytes)
{
	int ret;

	*why = '\0';
	if (!wanted) {
		snprintf(why, bytes, "the kernel's events are not asked for");
		return;
	}
	ret = mgmt_sys.uevent_reach();
	if (ret) {
		snprintf(why, bytes,
			 "the kernel's events don't come into this container: its "
			 "network namespace is not the host's");
		return;
	}
	ret = mgmt_sys.uevent_open(buffer);
	if (ret < 0) {
		snprintf(why, bytes, "the kernel's events can't be had: %s", strerror(-ret));
		return;
	}
	monitor->uevents = ret;
	monitor->has_uevents = true;
}

static int take(int *to, int fd)
{
	*to = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static int open_all(struct accel_monitor *monitor, const struct accel_monitor_params *params)
{
	const bool initial = params->flags & ACCEL_MONITOR_INITIAL;
	char why[160];
	int ret;

	ret = take(&monitor->epoll, mgmt_sys.epoll());
	if (!ret)
		ret = take(&monitor->timer, mgmt_sys.timer());
	if (!ret)
		ret = take(&monitor->wake, accel_core_sys.eventfd(0, EFD_NONBLOCK));
	if (ret)
		return ret;
	/* Before the first look, so that nothing is missed between. */
	open_uevents(monitor, !(params->flags & ACCEL_MONITOR_NO_UEVENTS),
		     params->buffer ? params->buffer : BUFFER, why, sizeof(why));
	ret = take(&monitor->inotify, mgmt_sys.inotify());
	if (ret && monitor->has_uevents) {
		skip("the nodes' directory", ret);
		ret = 0;
	}
	/* Its limit of instances has the errno of descriptors. */
	if (!ret)
		ret = mgmt_sys.epoll_add(monitor->epoll, monitor->timer);
	if (!ret)
		ret = mgmt_sys.epoll_add(monitor->epoll, monitor->wake);
	if (!ret && monitor->uevents >= 0)
		ret = mgmt_sys.epoll_add(monitor->epoll, monitor->uevents);
	if (!ret && monitor->inotify >= 0)
		ret = mgmt_sys.epoll_add(monitor->epoll, monitor->inotify);
	if (!ret && *why && !queue_event(monitor, ACCEL_EVENT_NO_UEVENTS, NULL, 0, why))
		ret = -ENOMEM;
	if (!ret)
		ret = look(monitor, initial, !initial);
	return ret == -ENOSPC ? -ENOMEM : ret;
}

int accel_monitor_create(const struct accel_monitor_params *params, struct accel_monitor **out)
{
	struct accel_monitor_params known;
	struct accel_monitor *monitor;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	ret = accel_core_params(&known, sizeof(known), params, true);
	if (ret)
		return ret;
	if (known.flags & ~(ACCEL_MONITOR_INITIAL | ACCEL_MONITOR_NO_UEVENTS))
		return accel_core_fail(-EINVAL, "unknown flags 0x%x", known.flags);
	if (known.settle_ms > SETTLE_MS_MAX)
		return accel_core_fail(-EINVAL, "settle_ms is more than %u", SETTLE_MS_MAX);
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	monitor = accel_core_sys.alloc(sizeof(*monitor));
	if (!monitor)
		return accel_core_fail(-ENOMEM, "no memory for a monitor");
	monitor->refs = 1;
	monitor->settle_ms = known.settle_ms ? known.settle_ms : SETTLE_MS;
	monitor->epoll = monitor->uevents = monitor->inotify = monitor->timer = monitor->wake = -1;
	pthread_mutex_init(&monitor->lock, NULL);
	list_init(&monitor->records);
	list_init(&monitor->queue);
	monitor->message = accel_core_sys.alloc(UEVENT_BYTES);
	ret = monitor->message ? open_all(monitor, &known) : -ENOMEM;
	if (ret) {
		destroy(monitor);
		return accel_core_fail(ret, "no monitor: %s", strerror(-ret));
	}
	set_wake(monitor);
	*out = monitor;
	return 0;
}

int accel_monitor_fd(struct accel_monitor *monitor, int *fd)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!monitor || !fd)
		return accel_core_fail(-EINVAL, "%s is NULL", monitor ? "fd" : "monitor");
	*fd = monitor->epoll;
	return 0;
}

int accel_monitor_read(struct accel_monitor *monitor, struct accel_event *out)
{
	struct accel_event event = {0};
	struct accel_error before;
	uint32_t size;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!monitor)
		return accel_core_fail(-EINVAL, "monitor is NULL");
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	/* Before an event is taken that could then not be handed out. */
	memcpy(&size, out, sizeof(size));
	if (size < sizeof(size) || size > 4096)
		return accel_core_fail(-EINVAL,
				       "a struct of size %u: its first member must be its "
				       "size in bytes",
				       size);
	accel_core_error_save(&before); /* looking at a device that vanishes is no failure */
	pthread_mutex_lock(&monitor->lock);
	ret = pump(monitor);
	/* What was queued before something went wrong is good. */
	if (take_event(monitor, &event))
		ret = 1;
	set_wake(monitor);
	pthread_mutex_unlock(&monitor->lock);
	accel_core_error_restore(&before);
	if (ret < 0)
		return accel_core_fail(ret, "the devices can't be looked at: %s", strerror(-ret));
	if (ret)
		accel_core_params_out(out, &event, sizeof(event));
	return ret;
}

int accel_monitor_devices(struct accel_monitor *monitor, struct accel_device **out, uint32_t max)
{
	struct record *record;
	struct list *node;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!monitor)
		return accel_core_fail(-EINVAL, "monitor is NULL");
	if (!out && max)
		return accel_core_fail(-EINVAL, "out is NULL but max is %u", max);
	pthread_mutex_lock(&monitor->lock);
	list_for_each(node, &monitor->records) {
		record = list_entry(node, struct record, link);
		if (!record->told)
			continue;
		if ((uint32_t)ret < max)
			out[ret] = accel_device_ref(record->device);
		ret++;
	}
	pthread_mutex_unlock(&monitor->lock);
	return ret;
}

struct accel_monitor *accel_monitor_ref(struct accel_monitor *monitor)
{
	if (monitor)
		atomic_fetch_add(&monitor->refs, 1);
	return monitor;
}

void accel_monitor_unref(struct accel_monitor *monitor)
{
	if (!monitor || atomic_fetch_sub(&monitor->refs, 1) != 1)
		return;
	/* In a forked child another thread may have been in the middle of it. */
	if (accel_core_process_enter())
		close_all(monitor);
	else
		destroy(monitor);
}
