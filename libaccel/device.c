/* SPDX-License-Identifier: MIT */
/* Devices: found in sysfs without opening anything, or from the path of a node. */
#include "core.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ACCEL_MAJOR 261 /* of all nodes of drivers/accel */
#define SOFT_ID	    "soft:0"

int device_usable_errno(uint32_t usable)
{
	switch (usable) {
	case ACCEL_USABLE:
		return 0;
	case ACCEL_NO_PROVIDER:
		return -ENOPKG;
	case ACCEL_PROVIDER_ABI:
		return -ELIBBAD;
	case ACCEL_NO_NODE:
		return -ENXIO;
	case ACCEL_NO_PERMISSION:
		return -EACCES;
	case ACCEL_NOT_READY:
		return -EAGAIN;
	default:
		return -EOPNOTSUPP;
	}
}

static struct accel_device *device_alloc(void)
{
	struct accel_device *device = accel_core_sys.alloc(sizeof(*device));

	if (!device)
		return NULL;
	device->refs = 1;
	pthread_mutex_init(&device->lock, NULL);
	device->info.size = sizeof(device->info);
	device->info.numa_node = -1;
	return device;
}

void device_learn(struct accel_device *device, uint32_t usable, const char *driver,
		  const char *reason)
{
	pthread_mutex_lock(&device->lock);
	device->info.usable = usable;
	if (driver)
		snprintf(device->info.driver, sizeof(device->info.driver), "%s", driver);
	snprintf(device->info.reason, sizeof(device->info.reason), "%s", reason);
	pthread_mutex_unlock(&device->lock);
}

/* ---- whether it can be used ------------------------------------------------------------- */

/* What one scan has looked up: the next device asks for the same, as a rule. */
struct looked_up {
	char key[64]; /* of the provider; "": none yet */
	uint32_t usable;
	char reason[sizeof(((struct accel_device_info *)0)->reason)];
	bool has_group;
	gid_t gid;
	char group[32]; /* "": it has no name */
};

static const char *group_name(struct looked_up *known, gid_t gid)
{
	struct group group, *found = NULL;
	char buf[1024];

	if (!known->has_group || known->gid != gid) {
		if (getgrgid_r(gid, &group, buf, sizeof(buf), &found))
			found = NULL;
		snprintf(known->group, sizeof(known->group), "%s", found ? found->gr_name : "");
		known->gid = gid;
		known->has_group = true;
	}
	return *known->group ? known->group : NULL;
}

static void say_permission(struct accel_device_info *info, const struct stat *st,
			   struct looked_up *known)
{
	const char *group = group_name(known, st->st_gid);

	if (group && (st->st_mode & 0060) == 0060)
		snprintf(info->reason, sizeof(info->reason),
			 "%s may not be opened by this user: it belongs to the group %s, of which "
			 "the user must be a member (usermod -aG %s USER, and log in anew)",
			 info->node, group, group);
	else
		snprintf(info->reason, sizeof(info->reason),
			 "%s may not be opened by this user: it belongs to user %u and group %u (%s) "
			 "with mode 0%o; a udev rule must let a group open it",
			 info->node, (unsigned int)st->st_uid, (unsigned int)st->st_gid,
			 group ? group : "no name", (unsigned int)(st->st_mode & 07777));
}

/* Look at the node of a device with a known devnum. */
static uint32_t look_at_node(struct accel_device_info *info, struct looked_up *known)
{
	struct stat st;
	int ret;

	ret = *info->node ? accel_core_sys.lstat(info->node, &st) : -ENOENT;
	if (ret) {
		snprintf(info->reason, sizeof(info->reason),
			 "its node %s is not there (%s): is /dev complete here? In a container, pass "
			 "the device in",
			 info->node, strerror(-ret));
		return ACCEL_NO_NODE;
	}
	if (!S_ISCHR(st.st_mode) || st.st_rdev != (dev_t)info->devnum) {
		snprintf(info->reason, sizeof(info->reason),
			 "%s is not its node, which would have the number %u:%u: a stale node, to be "
			 "removed",
			 info->node, major((dev_t)info->devnum), minor((dev_t)info->devnum));
		return ACCEL_NO_NODE;
	}
	ret = accel_core_sys.access(info->node, R_OK | W_OK);
	if (ret) {
		say_permission(info, &st, known);
		return ACCEL_NO_PERMISSION;
	}
	return ACCEL_USABLE;
}

/* The name under which a provider is looked for: rocket's device has no driver of its
 * own, there the parent's name stands in. */
static const char *provider_key(const struct accel_device_info *info)
{
	const char *colon;

	if (*info->driver)
		return info->driver;
	colon = strchr(info->id, ':');
	return colon && !strncmp(info->id, "platform:", 9) ? colon + 1 : "";
}

static void look(struct accel_device_info *info, struct looked_up *known)
{
	const char *key = provider_key(info);

	if (!*key || strcmp(known->key, key)) {
		snprintf(known->key, sizeof(known->key), "%s", key);
		known->usable = provider_look(key, known->reason, sizeof(known->reason));
	}
	info->usable = known->usable;
	if (info->usable == ACCEL_USABLE)
		info->usable = look_at_node(info, known);
	else
		memcpy(info->reason, known->reason, sizeof(info->reason));
}

/* ---- reading sysfs -------------------------------------------------------------------------- */

static int read_devnum(const char *uevent, uint64_t *devnum)
{
	unsigned long long number[2];
	const char *const key[2] = { "MAJOR", "MINOR" };
	char text[16], *end;
	int i, ret;

	for (i = 0; i < 2; i++) {
		ret = sysfs_uevent(uevent, key[i], text, sizeof(text));
		if (ret)
			return ret;
		errno = 0;
		number[i] = strtoull(text, &end, 10); /* "-1" is beyond UINT_MAX */
		if (errno || *end || end == text || number[i] > UINT_MAX)
			return -EINVAL;
	}
	*devnum = makedev((unsigned int)number[0], (unsigned int)number[1]);
	return 0;
}

static int read_node(const char *uevent, char *node, size_t bytes)
{
	char name[48];
	int ret;

	ret = sysfs_uevent(uevent, "DEVNAME", name, sizeof(name));
	if (ret)
		return ret;
	if (!*name || *name == '/' || strstr(name, ".."))
		return -EINVAL;
	if (snprintf(node, bytes, "%s/%s", env_get()->dev, name) >= (int)bytes)
		return -ENAMETOOLONG;
	return 0;
}

/* The bus address, from the parent's uevent or else the link to it. */
static int read_id(const char *dir, const char *parent_uevent, struct accel_device_info *info)
{
	char path[PATH_MAX], target[PATH_MAX], word[48];
	const char *name;
	ssize_t length;

	if (parent_uevent &&
	    !sysfs_uevent(parent_uevent, "PCI_SLOT_NAME", word, sizeof(word)) &&
	    sysfs_is_plain_word(word)) {
		snprintf(info->id, sizeof(info->id), "pci:%s", word);
		return 0;
	}
	if (snprintf(path, sizeof(path), "%s/device", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	length = accel_core_sys.readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return (int)length;
	target[length] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (!sysfs_is_plain_word(name) || strlen(name) > sizeof(info->id) - sizeof("platform:"))
		return -EINVAL;
	snprintf(info->id, sizeof(info->id), "platform:%.54s", name);
	return 0;
}

/*
 * A device that has no parent (any more). The kernel takes the link to the parent away before the
 * one in the class (drivers/base/core.c, device_remove_class_symlinks()), and makes them the other
 * way round: it is being removed, unless it is a virtual one, which never had a parent.
 */
static bool is_going(const char *dir)
{
	char target[PATH_MAX];
	ssize_t length;

	length = accel_core_sys.readlink(dir, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return !strstr(target, "/devices/virtual/");
}

/* Fill @info from /sys/class/accel/@name. What can't be read stays as it is; without a
 * device number there is no device. -ENODEV: it is being removed. */
static int read_sysfs(const char *name, struct accel_device_info *info)
{
	char dir[PATH_MAX], path[PATH_MAX + 32], text[4096 + 1];
	long long number;
	int ret, id_ret;

	if (snprintf(dir, sizeof(dir), "%s/class/accel/%s", env_get()->sysfs, name) >=
	    (int)sizeof(dir))
		return -ENAMETOOLONG;
	snprintf(info->name, sizeof(info->name), "%s", name);
	snprintf(path, sizeof(path), "%s/uevent", dir);
	ret = sysfs_read(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	ret = read_devnum(text, &info->devnum);
	if (ret)
		return ret;
	if (read_node(text, info->node, sizeof(info->node)))
		info->node[0] = '\0';

	snprintf(path, sizeof(path), "%s/device/uevent", dir);
	ret = sysfs_read(path, text, sizeof(text));
	if (ret >= 0 && (sysfs_uevent(text, "DRIVER", info->driver, sizeof(info->driver)) ||
			 !sysfs_is_plain_word(info->driver)))
		info->driver[0] = '\0';
	id_ret = read_id(dir, ret >= 0 ? text : NULL, info);
	/* Also where a new one of that name has come after the first look at its parent. */
	if ((ret == -ENOENT || ret == -ENODEV || id_ret == -ENOENT) && is_going(dir))
		return -ENODEV;
	if (id_ret)
		snprintf(info->id, sizeof(info->id), "node:%u:%u", major((dev_t)info->devnum),
			 minor((dev_t)info->devnum));

	/* Only PCI devices have the attribute. */
	snprintf(path, sizeof(path), "%s/device/numa_node", dir);
	if (!strncmp(info->id, "pci:", 4) && !sysfs_number(path, &number) && number >= 0 &&
	    number <= INT32_MAX)
		info->numa_node = (int32_t)number;
	return 0;
}

/* ---- the list ------------------------------------------------------------------------------------ */

struct device_list {
	struct accel_device **device;
	size_t count, room;
	struct looked_up known;
};

static void free_list(struct device_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		accel_device_unref(list->device[i]);
	accel_core_sys.free(list->device);
}

static int append(struct device_list *list, struct accel_device *device)
{
	struct accel_device **bigger;
	size_t room;

	if (list->count == list->room) {
		room = list->room ? 2 * list->room : 16;
		bigger = accel_core_sys.alloc(room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		if (list->count)
			memcpy(bigger, list->device, list->count * sizeof(*bigger));
		accel_core_sys.free(list->device);
		list->device = bigger;
		list->room = room;
	}
	list->device[list->count++] = device;
	return 0;
}

static int add_sysfs(void *data, const char *name)
{
	struct device_list *list = data;
	struct accel_device *device;
	int ret;

	if (!sysfs_is_plain_word(name) || strlen(name) >= sizeof(device->info.name))
		return 0;
	device = device_alloc();
	if (!device)
		return -ENOMEM;
	ret = read_sysfs(name, &device->info);
	if (ret) {
		/* One bad device never hides the others. */
		accel_core_log(ret == -ENODEV ? ACCEL_LOG_DEBUG : ACCEL_LOG_WARNING,
			       "skipping %s in sysfs: %s", name, strerror(-ret));
		accel_device_unref(device);
		return ret == -ENOMEM ? ret : 0;
	}
	/* habanalabs has control nodes in the class, which are no devices of their own. */
	if (major((dev_t)device->info.devnum) != ACCEL_MAJOR) {
		accel_device_unref(device);
		return 0;
	}
	look(&device->info, &list->known);
	ret = append(list, device);
	if (ret)
		accel_device_unref(device);
	return ret;
}

static struct accel_device *make_soft(void)
{
	struct accel_device *device = device_alloc();

	if (!device)
		return NULL;
	device->info.flags = ACCEL_DEVICE_SOFTWARE;
	snprintf(device->info.id, sizeof(device->info.id), SOFT_ID);
	snprintf(device->info.name, sizeof(device->info.name), SOFT_ID);
	snprintf(device->info.driver, sizeof(device->info.driver), "soft");
	device->info.usable = provider_look("soft", device->info.reason,
					    sizeof(device->info.reason));
	return device;
}

static int by_number(const void *a, const void *b)
{
	const struct accel_device *const *x = a, *const *y = b;

	return ((*x)->info.devnum > (*y)->info.devnum) - ((*x)->info.devnum < (*y)->info.devnum);
}

/* All that LIBACCEL_SOFTWARE and @flags allow. On failure there is nothing to free. */
static int make_list(uint32_t flags, struct device_list *list)
{
	struct accel_device *soft;
	char path[PATH_MAX];
	int ret;

	*list = (struct device_list){ 0 };
	if (snprintf(path, sizeof(path), "%s/class/accel", env_get()->sysfs) < (int)sizeof(path)) {
		ret = accel_core_sys.list(path, add_sysfs, list);
		if (ret == -ENOMEM)
			goto fail;
		if (ret && ret != -ENOENT)
			accel_core_log(ACCEL_LOG_WARNING, "%s can't be read: %s", path, strerror(-ret));
	}
	if (list->count)
		qsort(list->device, list->count, sizeof(*list->device), by_number);
	if ((flags & ACCEL_SCAN_HARDWARE) || env_get()->no_software)
		return 0;
	soft = make_soft();
	ret = soft ? 0 : -ENOMEM;
	if (ret)
		goto fail;
	/* Not installed is no fault of a machine's: then it is just not there. */
	if (soft->info.usable == ACCEL_NO_PROVIDER) {
		accel_device_unref(soft);
		return 0;
	}
	ret = append(list, soft);
	if (!ret)
		return 0;
	accel_device_unref(soft);
fail:
	free_list(list);
	return accel_core_fail(ret, "no memory for the list of devices");
}

int accel_device_scan(uint32_t flags, struct accel_device **out, uint32_t max)
{
	struct device_list list;
	size_t i;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (flags & ~ACCEL_SCAN_HARDWARE)
		return accel_core_fail(-EINVAL, "unknown flags 0x%x", flags);
	if (!out && max)
		return accel_core_fail(-EINVAL, "out is NULL but max is %u", max);
	ret = make_list(flags, &list);
	if (ret)
		return ret;
	ret = list.count > INT_MAX ? INT_MAX : (int)list.count;
	for (i = 0; i < list.count && i < max; i++)
		out[i] = accel_device_ref(list.device[i]);
	free_list(&list);
	return ret;
}

/* ---- one device ------------------------------------------------------------------------------------ */

/* Made of an open node alone: sysfs does not know it, or is not there. */
static int from_stat(const struct stat *st, const char *node, struct accel_device **out)
{
	struct device_list list;
	struct accel_device *device;
	size_t i;
	int ret;

	if (!S_ISCHR(st->st_mode) || major(st->st_rdev) != ACCEL_MAJOR)
		return accel_core_fail(-ENODEV, "%s is not the node of an accelerator",
				       node ? node : "the descriptor");
	ret = make_list(ACCEL_SCAN_HARDWARE, &list);
	if (ret)
		return ret;
	for (i = 0; i < list.count; i++)
		if (list.device[i]->info.devnum == st->st_rdev)
			break;
	if (i < list.count) {
		device = accel_device_ref(list.device[i]);
	} else {
		device = device_alloc();
		if (!device) {
			free_list(&list);
			return accel_core_fail(-ENOMEM, "no memory for a device");
		}
		device->info.devnum = st->st_rdev;
		snprintf(device->info.id, sizeof(device->info.id), "node:%u:%u", major(st->st_rdev),
			 minor(st->st_rdev));
		snprintf(device->info.name, sizeof(device->info.name), "accel%u",
			 minor(st->st_rdev));
	}
	free_list(&list);
	/* The caller's path may be another than the host's: a container's own. */
	if (node && strcmp(node, device->info.node)) {
		struct looked_up known = { 0 };

		snprintf(device->info.node, sizeof(device->info.node), "%s", node);
		device->info.reason[0] = '\0';
		look(&device->info, &known);
	}
	*out = device;
	return 0;
}

int device_from_fd(int fd, struct accel_device **out)
{
	struct stat st;
	int ret;

	ret = accel_core_sys.fstat(fd, &st);
	if (ret)
		return accel_core_fail(ret, "descriptor %d: %s", fd, strerror(-ret));
	return from_stat(&st, NULL, out);
}

static int find_path(const char *path, struct accel_device **out)
{
	struct stat st;
	int ret;

	if (strlen(path) >= sizeof((*out)->info.node))
		return accel_core_fail(-ENAMETOOLONG, "the path of a node has at most %zu bytes",
				       sizeof((*out)->info.node) - 1);
	ret = accel_core_sys.lstat(path, &st);
	if (ret)
		return accel_core_fail(ret, "%s: %s", path, strerror(-ret));
	if (S_ISLNK(st.st_mode))
		return accel_core_fail(-ELOOP, "%s is a symbolic link; give the node itself", path);
	return from_stat(&st, path, out);
}

static bool matches(const struct accel_device_info *info, const char *id)
{
	const char *colon = strchr(info->id, ':');

	return !strcmp(info->id, id) || !strcmp(info->name, id) ||
	       (colon && !(info->flags & ACCEL_DEVICE_SOFTWARE) && !strcmp(colon + 1, id));
}

int accel_device_find(const char *id, struct accel_device **out)
{
	struct device_list list;
	size_t i;
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!id || !out)
		return accel_core_fail(-EINVAL, "%s is NULL", id ? "out" : "id_or_path");
	if (strchr(id, '/'))
		return find_path(id, out);
	if (strlen(id) >= sizeof((*out)->info.id))
		return accel_core_fail(-ENAMETOOLONG, "the id of a device has at most %zu bytes",
				       sizeof((*out)->info.id) - 1);
	/* It can be asked for by name where it isn't listed, to learn why not. */
	if (!strcmp(id, SOFT_ID) && !env_get()->no_software) {
		*out = make_soft();
		return *out ? 0 : accel_core_fail(-ENOMEM, "no memory for a device");
	}
	ret = make_list(0, &list);
	if (ret)
		return ret;
	for (i = 0; i < list.count; i++)
		if (matches(&list.device[i]->info, id))
			break;
	if (i < list.count)
		*out = accel_device_ref(list.device[i]);
	else
		ret = accel_core_fail(-ENODEV, "there is no device '%s' (of %zu found)", id,
				      list.count);
	free_list(&list);
	return ret;
}

int accel_device_get_info(struct accel_device *device, struct accel_device_info *out)
{
	int ret;

	ret = process_enter();
	if (ret)
		return ret;
	if (!device)
		return accel_core_fail(-EINVAL, "device is NULL");
	pthread_mutex_lock(&device->lock);
	ret = accel_core_params_out(out, &device->info, sizeof(device->info));
	pthread_mutex_unlock(&device->lock);
	return ret;
}

int accel_device_check(struct accel_device *device)
{
	struct accel_context *context;
	int ret;

	ret = accel_open(device, NULL, 0, &context);
	if (!ret)
		accel_context_unref(context);
	return ret;
}

struct accel_device *accel_device_ref(struct accel_device *device)
{
	if (device)
		refs_get(&device->refs);
	return device;
}

void accel_device_unref(struct accel_device *device)
{
	if (!device || !refs_put(&device->refs) || process_is_child())
		return;
	pthread_mutex_destroy(&device->lock);
	accel_core_sys.free(device);
}

/* ---- for providers ---------------------------------------------------------------------------------- */

int accel_core_device_attr(struct accel_context *context, const char *attr, char *buf,
			   size_t bytes)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/class/accel/%s/device/%s", env_get()->sysfs,
		     context->device->info.name, attr) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return sysfs_read(path, buf, bytes);
}

bool device_is_gone(const struct accel_device_info *info)
{
	char path[PATH_MAX], text[512];
	uint64_t devnum;
	struct stat st;
	int length, ret;

	length = snprintf(path, sizeof(path), "%s/class/accel", env_get()->sysfs);
	if (length >= (int)sizeof(path) || accel_core_sys.stat(path, &st))
		return false;
	if (snprintf(path + length, sizeof(path) - (size_t)length, "/%s/uevent", info->name) >=
	    (int)sizeof(path) - length)
		return false;
	ret = sysfs_read(path, text, sizeof(text));
	if (ret == -ENOENT || ret == -ENODEV)
		return true;
	/* Another device under the same name: minor numbers are reused. */
	return ret >= 0 && !read_devnum(text, &devnum) && devnum != info->devnum;
}

int accel_core_sysfs_list(const char *dir, int (*fn)(void *data, const char *name), void *data)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", env_get()->sysfs, dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return accel_core_sys.list(path, fn, data);
}

bool accel_core_device_gone(struct accel_context *context)
{
	return device_is_gone(&context->device->info);
}
