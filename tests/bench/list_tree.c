/* SPDX-License-Identifier: MIT */
/* Made-up systems with any number of accelerators. */
#include "list.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DRIVER      "ethosu"
#define NODES       "dev/accel/accel"
#define ACCEL_MAJOR 261

/* The directories on the way to `path`, and that itself if it ends in a slash. */
static int make_way(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return 0;
}

__attribute__((format(printf, 2, 3))) static int write_file(char *path, const char *format, ...)
{
	int err = make_way(path);
	va_list ap;
	FILE *f;

	if (err)
		return err;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	va_start(ap, format);
	err = vfprintf(f, format, ap) < 0 ? -EIO : 0;
	va_end(ap);
	if (fclose(f) == EOF && !err)
		err = -errno;
	return err;
}

static int make_link(char *path, const char *target)
{
	int err = make_way(path);

	return err ? err : symlink(target, path) < 0 ? -errno : 0;
}

static int make_device(const char *top, unsigned int n)
{
	char address[24], device[PATH_MAX / 2], path[PATH_MAX], target[128];
	int err;

	snprintf(address, sizeof(address), "0000:%02x:00.0", n);
	snprintf(device, sizeof(device), "%s/sys/devices/pci0000:00/%s", top, address);

	snprintf(path, sizeof(path), "%s/uevent", device);
	err = write_file(path, "DRIVER=%s\nPCI_CLASS=120000\nPCI_SLOT_NAME=%s\n", DRIVER, address);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/numa_node", device);
	err = write_file(path, "0\n");
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/accel/accel%u/uevent", device, n);
	err = write_file(path, "MAJOR=%d\nMINOR=%u\nDEVNAME=accel/accel%u\nDEVTYPE=accel_minor\n",
			 ACCEL_MAJOR, n, n);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/accel/accel%u/device", device, n);
	snprintf(target, sizeof(target), "../../../%s", address);
	err = make_link(path, target);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/sys/class/accel/accel%u", top, n);
	snprintf(target, sizeof(target), "../../devices/pci0000:00/%s/accel/accel%u", address, n);
	err = make_link(path, target);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/" NODES "%u", top, n);
	return write_file(path, "%s", "");
}

int list_make(const char *top, unsigned int devices)
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/sys/class/accel/", top);
	err = make_way(path);
	if (!err) {
		snprintf(path, sizeof(path), "%s/dev/accel/", top);
		err = make_way(path);
	}
	for (unsigned int n = 0; n < devices && !err; n++)
		err = make_device(top, n);
	return err;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int list_remove(const char *top)
{
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS) ? -errno : 0;
}

static int (*real_lstat)(const char *path, struct stat *out);

/* Making nodes takes root, being taken for one doesn't: the system is asked all the same. */
static int lstat_node(const char *path, struct stat *out)
{
	int ret = real_lstat(path, out);

	if (!ret && strncmp(path, NODES, sizeof(NODES) - 1) == 0) {
		out->st_mode = S_IFCHR | 0666;
		out->st_rdev = makedev(ACCEL_MAJOR, atoi(path + sizeof(NODES) - 1));
	}
	return ret;
}

int list_use(void)
{
	if (setenv("LIBACCEL_SYSFS", "sys", 1) < 0 || setenv("LIBACCEL_DEV", "dev", 1) < 0)
		return -errno;
	real_lstat = accel_core_sys.lstat;
	accel_core_sys.lstat = lstat_node;
	return 0;
}
