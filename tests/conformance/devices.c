/* SPDX-License-Identifier: MIT */
/* Finding devices. */
#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICES 256

static unsigned int scan(uint32_t flags, struct accel_device **devs)
{
	int count = must(accel_device_scan(flags, devs, DEVICES));

	expect(count <= DEVICES);
	return (unsigned int)count;
}

static void release(struct accel_device **devs, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		accel_device_unref(devs[i]);
}

static struct accel_device_info info_of(struct accel_device *dev)
{
	struct accel_device_info info = {.size = sizeof(info)};

	gives(accel_device_get_info(dev, &info), 0);
	return info;
}

static void scan_finds_this_device(void)
{
	struct accel_device *devs[DEVICES], *dev = find_device();
	struct accel_device_info want = info_of(dev), info;
	unsigned int i, count, found = 0;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		info = info_of(devs[i]);
		found += strcmp(info.id, want.id) == 0;
	}
	release(devs, count);
	accel_device_unref(dev);
	same(found, 1);
}

static void scan_lists_each_device_once(void)
{
	static struct accel_device_info infos[DEVICES];
	struct accel_device *devs[DEVICES];
	unsigned int i, j, count;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		infos[i] = info_of(devs[i]);
		for (j = 0; j < i; j++) {
			expect(devs[i] != devs[j]);
			expect(strcmp(infos[i].id, infos[j].id) != 0);
			expect(strcmp(infos[i].name, infos[j].name) != 0);
		}
	}
	release(devs, count);
}

static void scan_counts_without_a_list(void)
{
	struct accel_device *devs[DEVICES];
	unsigned int count = scan(0, devs);

	gives(accel_device_scan(0, NULL, 0), (int)count);
	gives(accel_device_scan(0, devs, 0), (int)count);
	release(devs, count);
}

/* As snprintf: the count is of all, the list has what it has room for. */
static void scan_fills_no_more_than_asked(void)
{
	struct accel_device *devs[DEVICES + 1];
	unsigned int count, max, i;

	count = scan(0, devs);
	release(devs, count);
	for (max = 0; max <= count; max++) {
		for (i = 0; i <= DEVICES; i++)
			devs[i] = untouched();
		gives(accel_device_scan(0, devs, max), (int)count);
		for (i = 0; i < max; i++)
			expect(devs[i] != untouched());
		is_untouched(devs[max]);
		release(devs, max);
	}
}

static void scan_refuses_bad_arguments(void)
{
	struct accel_device *out = untouched();

	fails(accel_device_scan(1u << 1, &out, 1), -EINVAL);
	fails(accel_device_scan(1u << 31, &out, 1), -EINVAL);
	fails(accel_device_scan(~0u, &out, 1), -EINVAL);
	fails(accel_device_scan(0, NULL, 1), -EINVAL);
	is_untouched(out);
}

static void scan_has_software_last(void)
{
	struct accel_device *devs[DEVICES];
	struct accel_device_info info;
	unsigned int i, count;
	bool seen = false;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		info = info_of(devs[i]);
		if (seen)
			expect(info.flags & ACCEL_DEVICE_SOFTWARE);
		seen = seen || (info.flags & ACCEL_DEVICE_SOFTWARE);
	}
	release(devs, count);
	expect(seen);
}

static void scan_of_hardware_has_no_software(void)
{
	struct accel_device *devs[DEVICES];
	unsigned int i, count, all;

	all = scan(0, devs);
	release(devs, all);
	count = scan(ACCEL_SCAN_HARDWARE, devs);
	for (i = 0; i < count; i++)
		expect(!(info_of(devs[i]).flags & ACCEL_DEVICE_SOFTWARE));
	release(devs, count);
	expect(count < all);
}

/* Run helper "scan" and give what it printed. */
static void scan_elsewhere(const char *setting, char *out, size_t bytes)
{
	ssize_t n;
	size_t used = 0;
	int fds[2];
	pid_t pid;

	same(pipe2(fds, O_CLOEXEC), 0);
	if (setting)
		setenv("LIBACCEL_SOFTWARE", setting, 1);
	else
		unsetenv("LIBACCEL_SOFTWARE");
	pid = start_helper("scan", "", -1, fds[1]);
	unsetenv("LIBACCEL_SOFTWARE");
	close(fds[1]);
	while ((n = read(fds[0], out + used, bytes - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = '\0';
	close(fds[0]);
	same(wait_child(pid), 0);
}

static void environment_leaves_software_out(void)
{
	char with[8192], without[8192];

	scan_elsewhere(NULL, with, sizeof(with));
	scan_elsewhere("0", without, sizeof(without));
	expect(strstr(with, "\nsoft:0\n") != NULL);
	expect(strstr(without, "soft:") == NULL);
	expect(strncmp(with, "ids:\n", 5) == 0);
	expect(strncmp(without, "ids:\n", 5) == 0);
}

static void scan_is_the_same_twice(void)
{
	struct accel_device *a[DEVICES], *b[DEVICES];
	unsigned int i, count;

	count = scan(0, a);
	same(scan(0, b), count);
	for (i = 0; i < count; i++)
		expect(strcmp(info_of(a[i]).id, info_of(b[i]).id) == 0);
	release(a, count);
	release(b, count);
}

/* ---- one device ------------------------------------------------------------------------ */

static int call_get_info(void *arg, void *out)
{
	return accel_device_get_info(arg, out);
}

static void info_struct_grows(void)
{
	struct accel_device *dev = find_device();

	check_out_struct(call_get_info, dev, sizeof(struct accel_device_info), true);
	accel_device_unref(dev);
}

static void info_refuses_null(void)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *dev = find_device();

	fails(accel_device_get_info(NULL, &info), -EINVAL);
	fails(accel_device_get_info(dev, NULL), -EINVAL);
	accel_device_unref(dev);
}

static void is_text(const char *text, size_t bytes)
{
	const char *end = memchr(text, '\0', bytes);

	expect(end != NULL);
	for (; text < end; text++)
		expect((unsigned char)*text >= 32);
}

static void info_is_sound_for_every_device(void)
{
	struct accel_device *devs[DEVICES];
	struct accel_device_info info;
	unsigned int i, count;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		info = info_of(devs[i]);
		same(info.flags & ~ACCEL_DEVICE_SOFTWARE, 0);
		expect(info.usable <= ACCEL_NOT_COMPUTE);
		expect(info.numa_node >= -1);
		is_text(info.id, sizeof(info.id));
		is_text(info.driver, sizeof(info.driver));
		is_text(info.name, sizeof(info.name));
		is_text(info.node, sizeof(info.node));
		is_text(info.reason, sizeof(info.reason));
		expect(info.id[0] && info.name[0]);
		expect((info.node[0] != '\0') || info.devnum == 0);
		/* A reason for what can't be used, and none for what can. */
		expect((info.usable == ACCEL_USABLE) == (info.reason[0] == '\0'));
		if (info.flags & ACCEL_DEVICE_SOFTWARE) {
			same(info.devnum, 0);
			expect(info.node[0] == '\0');
		}
	}
	release(devs, count);
}

static void this_device_is_usable(void)
{
	struct accel_device *dev = find_device();
	struct accel_device_info info;

	gives(accel_device_check(dev), 0);
	info = info_of(dev);
	same(info.usable, ACCEL_USABLE);
	expect(info.driver[0] != '\0');
	expect(strcmp(info.driver, suite.work->driver) == 0);
	accel_device_unref(dev);
}

static void check_refuses_null(void)
{
	fails(accel_device_check(NULL), -EINVAL);
}

static int usable_errno(uint32_t usable)
{
	switch (usable) {
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
	case ACCEL_NOT_COMPUTE:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

static void check_agrees_with_open(void)
{
	struct accel_device *devs[DEVICES];
	struct accel_context *ctx = NULL;
	unsigned int i, count;
	int err;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		err = accel_device_check(devs[i]);
		if (err != -EBUSY && err != -EMFILE)
			gives(err, usable_errno(info_of(devs[i]).usable));
		gives(accel_open(devs[i], NULL, 0, &ctx), err);
		if (err == 0)
			accel_context_unref(ctx);
	}
	release(devs, count);
}

static void device_references_count(void)
{
	struct accel_device *dev = find_device();
	unsigned int i;

	for (i = 0; i < 1000; i++)
		expect(accel_device_ref(dev) == dev);
	for (i = 0; i < 1000; i++)
		accel_device_unref(dev);
	info_of(dev);
	accel_device_unref(dev);
	accel_device_unref(NULL);
}

/* ---- find ------------------------------------------------------------------------------ */

static void find_by_id_and_name(void)
{
	struct accel_device *devs[DEVICES], *dev;
	struct accel_device_info want, info;
	unsigned int i, count;
	const char *address;

	count = scan(0, devs);
	for (i = 0; i < count; i++) {
		want = info_of(devs[i]);
		gives(accel_device_find(want.id, &dev), 0);
		info = info_of(dev);
		accel_device_unref(dev);
		expect(strcmp(info.id, want.id) == 0);
		gives(accel_device_find(want.name, &dev), 0);
		info = info_of(dev);
		accel_device_unref(dev);
		expect(strcmp(info.id, want.id) == 0);
		address = strchr(want.id, ':');
		if ((want.flags & ACCEL_DEVICE_SOFTWARE) || !address)
			continue;
		gives(accel_device_find(address + 1, &dev), 0);
		info = info_of(dev);
		accel_device_unref(dev);
		expect(strcmp(info.id, want.id) == 0);
	}
	release(devs, count);
}

static void find_by_path_of_its_node(void)
{
	struct accel_device *dev = find_device(), *again;
	struct accel_device_info want = info_of(dev), info;

	accel_device_unref(dev);
	if (want.node[0] == '\0')
		skip_check("the device has no node");
	gives(accel_device_find(want.node, &again), 0);
	info = info_of(again);
	accel_device_unref(again);
	same(info.devnum, want.devnum);
	expect(strcmp(info.id, want.id) == 0);
}

static void find_fails(const char *name, int err)
{
	struct accel_device *out = untouched();

	fails(accel_device_find(name, &out), err);
	is_untouched(out);
}

static void find_refuses_null(void)
{
	struct accel_device *out = untouched();

	fails(accel_device_find(NULL, &out), -EINVAL);
	fails(accel_device_find(suite.device, NULL), -EINVAL);
	is_untouched(out);
}

static void find_of_unknown_names_is_enodev(void)
{
	static const char *const names[] = {
		"",
		"x",
		"nonsense",
		"soft",
		"soft:",
		"soft:1",
		"soft:00",
		"soft:-1",
		"soft:0 ",
		" soft:0",
		"SOFT:0",
		"soft:0x0",
		"soft:18446744073709551616",
		"accel",
		"accel99999",
		"accel00",
		"accel-1",
		"pci:",
		"pci:ffff:ff:1f.7",
		"ffff:ff:1f.7",
		"platform:",
		".",
		"..",
		"%s%n",
		"\xff\xfe",
		"\n",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		find_fails(names[i], -ENODEV);
}

static void find_of_very_long_names(void)
{
	static char name[70000];
	struct accel_device *out = untouched();
	static const size_t lengths[] = {32, 63, 64, 65, 255, 256, 4095, 4096, 69999};
	size_t i;
	int err;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(name, 'a', sizeof(name));
		name[lengths[i]] = '\0';
		err = accel_device_find(name, &out);
		if (err != -ENAMETOOLONG)
			gives(err, -ENODEV);
		is_untouched(out);
	}
}

static void find_of_too_long_paths(void)
{
	static char path[6000];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[5999] = '\0';
	find_fails(path, -ENAMETOOLONG); /* as a whole */
	path[300] = '\0';
	find_fails(path, -ENAMETOOLONG); /* its last part */
	path[40] = '\0';
	find_fails(path, -ENOENT); /* not too long */
}

/* A scratch directory with one thing in it. */
struct place {
	char dir[64];
	char path[100];
};

static void place_make(struct place *place)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || strlen(tmp) > 30)
		tmp = "/tmp";
	snprintf(place->dir, sizeof(place->dir), "%s/conformance-XXXXXX", tmp);
	expect(mkdtemp(place->dir) != NULL);
	snprintf(place->path, sizeof(place->path), "%s/thing", place->dir);
}

static void place_remove(struct place *place)
{
	unlink(place->path);
	rmdir(place->dir);
}

static void find_of_paths_that_are_no_node(void)
{
	find_fails("/dev/null", -ENODEV);
	find_fails("/dev/zero", -ENODEV);
	find_fails("/", -ENODEV);
	find_fails("/dev", -ENODEV);
	find_fails("/dev/", -ENODEV);
	find_fails("./", -ENODEV);
	find_fails("/proc/self/status", -ENODEV);
}

static void find_of_missing_paths(void)
{
	find_fails("/dev/accel/accel99999", -ENOENT);
	find_fails("/no/such/path", -ENOENT);
	find_fails("no/such", -ENOENT);
	find_fails("/dev/null/x", -ENOTDIR);
	find_fails("/dev/null/", -ENOTDIR);
}

static void find_of_a_regular_file(void)
{
	struct place place;
	int fd;

	place_make(&place);
	fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	expect(fd >= 0);
	close(fd);
	find_fails(place.path, -ENODEV);
	place_remove(&place);
}

/* Opening one would wait for a writer. */
static void find_of_a_fifo_does_not_block(void)
{
	struct place place;

	place_make(&place);
	same(mkfifo(place.path, 0666), 0);
	find_fails(place.path, -ENODEV);
	place_remove(&place);
}

static void find_of_a_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct place place;
	int fd;

	place_make(&place);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	expect(fd >= 0);
	memcpy(address.sun_path, place.path, strlen(place.path) + 1);
	same(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	find_fails(place.path, -ENODEV);
	close(fd);
	place_remove(&place);
}

static void find_of_a_symbolic_link(void)
{
	struct accel_device *dev = find_device();
	struct accel_device_info info = info_of(dev);
	struct place place;

	accel_device_unref(dev);
	place_make(&place);
	same(symlink("/dev/null", place.path), 0);
	find_fails(place.path, -ELOOP);
	unlink(place.path);
	same(symlink("/no/such/path", place.path), 0);
	find_fails(place.path, -ELOOP);
	unlink(place.path);
	same(symlink("thing", place.path), 0);
	find_fails(place.path, -ELOOP);
	unlink(place.path);
	if (info.node[0]) {
		same(symlink(info.node, place.path), 0);
		find_fails(place.path, -ELOOP);
	}
	place_remove(&place);
}

/* Only the last part must not be a link. */
static void find_through_a_linked_directory(void)
{
	struct place place;
	char path[120];

	place_make(&place);
	same(symlink("/dev", place.path), 0);
	snprintf(path, sizeof(path), "%s/null", place.path);
	find_fails(path, -ENODEV);
	place_remove(&place);
}

static void find_without_permission(void)
{
	struct accel_device *out = untouched();
	struct place place;
	long changed = 0;
	int result, fd;

	place_make(&place);
	fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	expect(fd >= 0);
	close(fd);
	same(chmod(place.dir, 0), 0);
	/* This thread alone, which is the only one, gives up being root for a moment. */
	if (geteuid() == 0)
		changed = syscall(SYS_setresuid, -1, 65534, -1);
	result = changed ? -EPERM : accel_device_find(place.path, &out);
	if (geteuid() == 65534)
		changed |= syscall(SYS_setresuid, -1, 0, -1);
	chmod(place.dir, 0700);
	place_remove(&place);
	if (changed)
		skip_check("can't change the user id");
	gives(result, -EACCES);
	is_untouched(out);
}

static const struct check checks[] = {
	CHECK(scan_finds_this_device),
	CHECK(scan_lists_each_device_once),
	CHECK(scan_counts_without_a_list),
	CHECK(scan_fills_no_more_than_asked),
	CHECK(scan_refuses_bad_arguments),
	CHECK(scan_has_software_last),
	CHECK(scan_of_hardware_has_no_software),
	CHECK(environment_leaves_software_out),
	CHECK(scan_is_the_same_twice),
	CHECK(info_struct_grows),
	CHECK(info_refuses_null),
	CHECK(info_is_sound_for_every_device),
	CHECK(this_device_is_usable),
	CHECK(check_refuses_null),
	CHECK(check_agrees_with_open),
	CHECK(device_references_count),
	CHECK(find_by_id_and_name),
	CHECK(find_by_path_of_its_node),
	CHECK(find_refuses_null),
	CHECK(find_of_unknown_names_is_enodev),
	CHECK(find_of_very_long_names),
	CHECK(find_of_too_long_paths),
	CHECK(find_of_paths_that_are_no_node),
	CHECK(find_of_missing_paths),
	CHECK(find_of_a_regular_file),
	CHECK(find_of_a_fifo_does_not_block),
	CHECK(find_of_a_socket),
	CHECK(find_of_a_symbolic_link),
	CHECK(find_through_a_linked_directory),
	CHECK(find_without_permission),
};

const struct group group_devices = GROUP("devices", checks);
