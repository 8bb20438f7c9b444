/* SPDX-License-Identifier: MIT */
/* The firmware of a device: its versions, from devlink and from drivers' own files, and how
 * another is written. */
#include "mgmt.h"

#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define FAMILY "devlink"

struct accel_firmware {
	_Atomic uint32_t refs;
	struct accel_firmware_info info;
	struct array versions; /* struct accel_firmware_version */
	uint32_t source;
	bool no_memory;
};

/* ---- versions ------------------------------------------------------------------------------ */

static void add_version(void *data, uint32_t kind, const char *name, const char *text,
			const char *origin)
{
	struct accel_firmware *firmware = data;
	struct accel_firmware_version *items = firmware->versions.items, *version;
	uint32_t at = firmware->versions.count;

	while (at && items[at - 1].kind > kind)
		at--;
	version = array_insert(&firmware->versions, sizeof(*version), at);
	if (!version) {
		firmware->no_memory = true;
		return;
	}
	version->kind = kind;
	version->source = firmware->source;
	text_clean(version->name, sizeof(version->name), name, strlen(name));
	text_clean(version->text, sizeof(version->text), text, strlen(text));
	text_clean(version->origin, sizeof(version->origin), origin, strlen(origin));
}

static const char *reason_of(int err)
{
	switch (err) {
	case 0:
		return "";
	case -EPROTONOSUPPORT:
		return "this kernel has no devlink (CONFIG_NET_DEVLINK)";
	case -ENODEV:
		return "its driver offers no firmware by devlink";
	case -EAGAIN:
		return "it sleeps: it is asked when it is awake";
	case -EPROTO:
		return "the answer of the kernel's devlink was not understood";
	default:
		return "the kernel's devlink could not be asked";
	}
}

static int read_devlink(struct accel_firmware *firmware, const struct accel_device_info *device)
{
	struct devlink_info info = {.version = add_version, .data = firmware};
	char bus[32], name[64];
	struct genl genl;
	int ret;

	ret = devlink_handle(device, bus, sizeof(bus), name, sizeof(name));
	if (ret)
		return -ENODEV;
	ret = genl_open(&genl, FAMILY, NULL);
	if (ret)
		return ret;
	firmware->source = ACCEL_SOURCE_DEVLINK;
	ret = devlink_read_info(&genl, bus, name, &info);
	/* An instance that tells nothing is one all the same. */
	if (ret == -EOPNOTSUPP)
		ret = 0;
	if (!ret)
		firmware->info.flags |= ACCEL_FIRMWARE_HAS_DEVLINK;
	genl_close(&genl);
	memcpy(firmware->info.driver, info.driver, sizeof(info.driver));
	memcpy(firmware->info.serial, info.serial, sizeof(info.serial));
	memcpy(firmware->info.board_serial, info.board_serial, sizeof(info.board_serial));
	return ret;
}

static bool is_asleep(const struct accel_device_info *device)
{
	char sys[PATH_MAX], path[PATH_MAX];
	uint32_t state;

	if (device_directory(device, sys, sizeof(sys)) ||
	    file_path(path, sizeof(path), "%s/device", sys))
		return false;
	state = power_state(path, "", NULL);
	return state == ACCEL_POWER_SUSPENDED || state == ACCEL_POWER_CHANGING;
}

int accel_firmware_read(struct accel_device *dev, struct accel_firmware **out)
{
	struct accel_device_info device = {.size = sizeof(device)};
	struct accel_firmware *firmware;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	ret = accel_device_get_info(dev, &device);
	if (ret)
		return ret;
	firmware = accel_core_sys.alloc(sizeof(*firmware));
	if (!firmware)
		return accel_core_fail(-ENOMEM, "no memory for versions");
	firmware->refs = 1;
	ret = is_asleep(&device) ? -EAGAIN : read_devlink(firmware, &device);
	firmware->info.devlink = ret;
	snprintf(firmware->info.reason, sizeof(firmware->info.reason), "%s", reason_of(ret));
	firmware->source = ACCEL_SOURCE_SYSFS;
	if (device_is_there(&device))
		attributes_firmware(&device, add_version, firmware);
	firmware->info.versions = firmware->versions.count;
	if (ret == -ENOMEM || firmware->no_memory) {
		accel_firmware_unref(firmware);
		return accel_core_fail(-ENOMEM, "no memory for versions");
	}
	*out = firmware;
	return 0;
}

int accel_firmware_get_info(struct accel_firmware *firmware, struct accel_firmware_info *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!firmware)
		return accel_core_fail(-EINVAL, "firmware is NULL");
	return accel_core_params_out(out, &firmware->info, sizeof(firmware->info));
}

int accel_firmware_get_version(struct accel_firmware *firmware, uint32_t index,
			       struct accel_firmware_version *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!firmware)
		return accel_core_fail(-EINVAL, "firmware is NULL");
	if (index >= firmware->versions.count)
		return accel_core_fail_at(-ENOENT, index, ~0ull, "there are %u versions",
					  firmware->versions.count);
	return accel_core_params_out(
		out, (struct accel_firmware_version *)firmware->versions.items + index,
		sizeof(*out));
}

struct accel_firmware *accel_firmware_ref(struct accel_firmware *firmware)
{
	if (firmware)
		atomic_fetch_add(&firmware->refs, 1);
	return firmware;
}

void accel_firmware_unref(struct accel_firmware *firmware)
{
	if (!firmware || atomic_fetch_sub(&firmware->refs, 1) != 1 || accel_core_process_enter())
		return;
	array_free(&firmware->versions);
	accel_core_sys.free(firmware);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* One flash. The kernel does it inside of the call that asks for it, so that a thread makes
 * the call while the caller's takes what the kernel says meanwhile. */
struct flash {
	const struct accel_flash_params *params;
	char bus[32], name[64], file[256];
	struct genl ask, listen;
	int done; /* an eventfd: readable when the thread is through */
	int result;
};

/* If @path is below @directory, what remains of it. */
static const char *below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	while (length && directory[length - 1] == '/')
		length--;
	if (!length || strncmp(path, directory, length) != 0 || path[length] != '/')
		return NULL;
	path += length;
	return path + strspn(path, "/");
}

/* The kernel takes paths relative to where it looks for firmware, in this order. */
static int relative_file(const char *path, char *file, size_t bytes)
{
	char custom[256], directory[256], parameter[PATH_MAX];
	const char *rest = NULL;
	struct utsname system;

	if (*path != '/') {
		rest = path;
	} else {
		if (!file_path(parameter, sizeof(parameter),
			       "%s/module/firmware_class/parameters/path",
			       accel_core_root(ACCEL_ROOT_SYS)) &&
		    !file_text(parameter, custom, sizeof(custom)))
			rest = below(path, custom);
		if (!uname(&system)) {
			snprintf(directory, sizeof(directory), "/lib/firmware/updates/%s",
				 system.release);
			rest = rest ? rest : below(path, directory);
			rest = rest ? rest : below(path, "/lib/firmware/updates");
			snprintf(directory, sizeof(directory), "/lib/firmware/%s", system.release);
			rest = rest ? rest : below(path, directory);
		}
		rest = rest ? rest : below(path, "/lib/firmware");
		rest = rest ? rest : below(path, "/usr/lib/firmware");
	}
	if (!rest)
		return accel_core_fail(-EXDEV,
				       "%s is not where the kernel looks for firmware: copy "
				       "it to /lib/firmware first",
				       path);
	/* The kernel refuses these as well, but only says -EINVAL. */
	if (!*rest || !strncmp(rest, "../", 3) || strstr(rest, "/../"))
		return accel_core_fail(-EINVAL, "'%s' is no path of a file", path);
	if (snprintf(file, bytes, "%s", rest) >= (int)bytes)
		return accel_core_fail(-ENAMETOOLONG, "the path of a file has at most %zu bytes",
				       bytes - 1);
	return 0;
}

static void *ask(void *data)
{
	struct flash *flash = data;
	const uint64_t one = 1;

	flash->result = devlink_flash(&flash->ask, flash->bus, flash->name, flash->file,
				      flash->params->component, flash->params->flags);
	accel_core_sys.write(flash->done, &one, sizeof(one));
	return NULL;
}

static int take_progress(void *data, uint8_t command, struct nlattr *attrs, int length)
{
	struct accel_flash_progress progress;
	struct flash *flash = data;

	if (devlink_progress(command, attrs, length, flash->bus, flash->name, &progress) == 1 &&
	    flash->params->fn)
		flash->params->fn(flash->params->data, &progress);
	return 0;
}

/* Take notifications until the thread is through, and then what is left of them. */
static void listen_until_done(struct flash *flash)
{
	struct pollfd fds[2] = {
		{.fd = flash->done, .events = POLLIN},
		{.fd = flash->listen.sock ? nl_socket_get_fd(flash->listen.sock) : -1,
		 .events = POLLIN},
	};

	do {
		accel_core_sys.poll(fds, ARRAY_SIZE(fds), -1);
		if (flash->listen.sock)
			genl_notified(&flash->listen, take_progress, flash);
	} while (!(fds[0].revents & POLLIN));
	if (flash->listen.sock)
		genl_notified(&flash->listen, take_progress, flash);
}

static int run(struct flash *flash)
{
	pthread_t thread;
	int ret;

	flash->done = accel_core_sys.eventfd(0, 0);
	if (flash->done < 0)
		return accel_core_fail(flash->done, "no descriptor for a flash");
	ret = accel_core_sys.thread_create(&thread, ask, flash);
	if (ret) {
		accel_core_fail(ret, "no thread for a flash");
		goto out;
	}
	listen_until_done(flash);
	accel_core_sys.thread_join(thread);
	ret = flash->result;
	if (ret)
		accel_core_fail(ret, "%s was not written to %s: %s%s%s", flash->file, flash->name,
				strerror(-ret), *flash->ask.words ? ": " : "", flash->ask.words);
out:
	accel_core_sys.close(flash->done);
	return ret;
}

static int open_sockets(struct flash *flash, const struct accel_device_info *device)
{
	char sys[PATH_MAX];
	struct stat st;
	int ret;

	ret = genl_open(&flash->ask, FAMILY, NULL);
	if (ret)
		return accel_core_fail(ret, "%s", reason_of(ret));
	ret = devlink_exists(&flash->ask, flash->bus, flash->name);
	if (ret) {
		if (ret == -ENODEV && !device_directory(device, sys, sizeof(sys)) &&
		    !accel_core_sys.stat(sys, &st))
			ret = -EOPNOTSUPP;
		genl_close(&flash->ask);
		return accel_core_fail(ret, "%s: %s", device->id,
				       ret == -ENODEV ? "it is gone" : reason_of(-ENODEV));
	}
	/* Without these there is no progress, but the flash does as well. */
	ret = genl_open(&flash->listen, FAMILY, "config");
	if (ret) {
		skip("devlink's notifications", ret);
		flash->listen.sock = NULL;
	}
	return 0;
}

int accel_firmware_flash(struct accel_device *dev, const struct accel_flash_params *params)
{
	struct accel_device_info device = {.size = sizeof(device)};
	struct flash flash = {0};
	struct accel_flash_params known;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	ret = accel_core_params(&known, sizeof(known), params, false);
	if (ret)
		return ret;
	if (known.flags & ~(ACCEL_FLASH_OVERWRITE_SETTINGS | ACCEL_FLASH_OVERWRITE_IDENTIFIERS))
		return accel_core_fail(-EINVAL, "unknown flags 0x%x", known.flags);
	if (!known.file)
		return accel_core_fail(-EINVAL, "file is NULL");
	ret = accel_device_get_info(dev, &device);
	if (ret)
		return ret;
	flash.params = &known;
	ret = relative_file(known.file, flash.file, sizeof(flash.file));
	if (ret)
		return ret;
	if (devlink_handle(&device, flash.bus, sizeof(flash.bus), flash.name, sizeof(flash.name)))
		return accel_core_fail(-EOPNOTSUPP, "%s: %s", device.id, reason_of(-ENODEV));
	ret = open_sockets(&flash, &device);
	if (ret)
		return ret;
	ret = run(&flash);
	if (flash.listen.sock)
		genl_close(&flash.listen);
	genl_close(&flash.ask);
	return ret;
}
