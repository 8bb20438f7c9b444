/* SPDX-License-Identifier: MIT */
/* device.c: finding devices in sysfs, whatever it says, and telling why one can't be used. */
#include "support.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MAX 400

static char *tree;
static struct seam_node node[MAX];
static char node_path[MAX][32];
static struct accel_device *found[MAX];
static int count;
static long memory_before;
static int fds_before;

static int setup(void **state)
{
	static const struct accel_provider anything;
	static bool known;

	(void)state;
	seam_install();
	if (!known) {
		seam_add_provider("npu", &anything);
		seam_add_provider("rknn", &anything);
		known = true;
	}
	accel_deadline(0, &(int64_t){0});
	tree = tree_make();
	set_sysfs(tree);
	set_provider_dir(SEAM_PROVIDER_DIR);
	set_no_software(true);
	memset(found, 0, sizeof(found));
	memory_before = seam_live_memory();
	fds_before = count_fds();
	return 0;
}

static void forget_devices(void)
{
	while (count > 0)
		accel_device_unref(found[--count]);
}

static int teardown(void **state)
{
	(void)state;
	forget_devices();
	assert_int_equal(seam_live_memory(), memory_before);
	assert_int_equal(count_fds(), fds_before);
	assert_int_equal(seam_dev_opens(), 0);
	tree_remove(tree);
	return 0;
}

/* A device with a node that can be opened. */
static struct seam_node *add(unsigned int minor, const char *address, const char *driver)
{
	tree_device(tree, minor, address, driver);
	snprintf(node_path[minor], sizeof(node_path[minor]), "/dev/accel/accel%u", minor);
	node[minor] = (struct seam_node){
		.path = node_path[minor], .rdev = makedev(261, minor), .driver = "npu"};
	seam_add_node(&node[minor]);
	return &node[minor];
}

static void scan(int expected)
{
	count = accel_device_scan(0, found, MAX);
	assert_int_equal(count, expected);
}

static struct accel_device_info info_of(struct accel_device *device)
{
	struct accel_device_info info = {.size = sizeof(info)};

	assert_ok(accel_device_get_info(device, &info));
	return info;
}

static struct accel_device_info info(int i)
{
	assert_in_range(i, 0, count - 1);
	return info_of(found[i]);
}

/* ---- what is there ------------------------------------------------------------------------ */

static void test_nothing(void **state)
{
	(void)state;
	scan(0); /* no class/accel */
	tree_dir(tree, "class/accel");
	scan(0);
	set_sysfs("/nowhere/at/all");
	scan(0);
	seam_fail(SEAM_LIST, 0, 1, -EACCES); /* masked */
	assert_gives(accel_device_scan(0, NULL, 0), 0);
}

static void test_pci(void **state)
{
	struct accel_device_info seen;

	(void)state;
	add(3, "0000:c5:00.1", "npu");
	scan(1);
	seen = info(0);
	assert_int_equal(seen.size, sizeof(seen));
	assert_int_equal(seen.flags, 0);
	assert_int_equal(seen.usable, ACCEL_USABLE);
	assert_int_equal(seen.numa_node, 1);
	assert_true(seen.devnum == makedev(261, 3));
	assert_string_equal(seen.id, "pci:0000:c5:00.1");
	assert_string_equal(seen.driver, "npu");
	assert_string_equal(seen.name, "accel3");
	assert_string_equal(seen.node, "/dev/accel/accel3");
	assert_string_equal(seen.reason, "");
}

static void test_platform(void **state)
{
	struct accel_device_info seen;

	(void)state;
	add(0, NULL, "npu");
	/* Only PCI has the attribute; elsewhere it is not looked at. */
	tree_print(tree, "devices/platform/npu0/numa_node", "1\n");
	scan(1);
	seen = info(0);
	assert_string_equal(seen.id, "platform:npu0");
	assert_int_equal(seen.numa_node, -1);
	assert_int_equal(seen.usable, ACCEL_USABLE);
}

/* rocket's device: its parent has a name, but no driver. */
static void test_facade(void **state)
{
	(void)state;
	add(0, NULL, NULL);
	assert_int_equal(unlink(tree_path(tree, "class/accel/accel0/device")), 0);
	tree_print(tree, "devices/platform/rknn/uevent", "MODALIAS=platform:rknn\n");
	tree_link(tree, "class/accel/accel0/device", "../../../devices/platform/rknn");
	scan(1);
	assert_string_equal(info(0).id, "platform:rknn");
	assert_string_equal(info(0).driver, "");
	assert_int_equal(info(0).usable, ACCEL_USABLE);
}

/* The longest name of a parent that fits is kept whole, since it is an identity. */
static void test_long_ids(void **state)
{
	char parent[80], path[200], expected[100];
	int length;

	(void)state;
	for (length = 48; length <= 60; length++) {
		memset(parent, 'n', sizeof(parent));
		parent[length - 1] = 'X';
		parent[length] = '\0';
		snprintf(path, sizeof(path), "devices/platform/%s/uevent", parent);
		tree_print(tree, path, "DRIVER=npu\n");
		unlink(tree_path(tree, "class/accel/accel0/device"));
		snprintf(path, sizeof(path), "../../../devices/platform/%s", parent);
		tree_link(tree, "class/accel/accel0/device", path);
		tree_print(tree, "class/accel/accel0/uevent",
			   "MAJOR=261\nMINOR=0\nDEVNAME=accel0\n");
		scan(1);
		snprintf(expected, sizeof(expected), "platform:%s", parent);
		if (strlen(expected) >= sizeof(info(0).id))
			snprintf(expected, sizeof(expected), "node:261:0");
		assert_string_equal(info(0).id, expected);
		forget_devices();
	}
}

static void numa(const char *text, int expected)
{
	tree_print(tree, "devices/pci0000:00/0000:00:01.0/numa_node", "%s", text);
	scan(1);
	assert_int_equal(info(0).numa_node, expected);
	forget_devices();
}

static void test_numa(void **state)
{
	(void)state;
	add(0, "0000:00:01.0", "npu");
	numa("0\n", 0);
	numa("-1\n", -1);
	numa("-5\n", -1);
	numa("2147483647\n", INT32_MAX);
	numa("2147483648\n", -1);
	numa("99999999999999999999\n", -1);
	numa("\n", -1);
	numa("", -1);
	numa("zero\n", -1);
	unlink(tree_path(tree, "devices/pci0000:00/0000:00:01.0/numa_node"));
	scan(1);
	assert_int_equal(info(0).numa_node, -1);
}

static void test_devname(void **state)
{
	static const struct {
		const char *name, *node;
	} cases[] = {
		{"accel/accel0", "/dev/accel/accel0"},
		{"accel0", "/dev/accel0"},
		{"a/b/c", "/dev/a/b/c"},
		{"../etc/passwd", ""},
		{"accel/../../etc/passwd", ""},
		{"..", ""},
		{"/etc/passwd", ""},
		{"", ""},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", ""},
	};
	size_t i;

	(void)state;
	add(0, NULL, "npu");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		tree_print(tree, "class/accel/accel0/uevent", "MAJOR=261\nMINOR=0\nDEVNAME=%s\n",
			   cases[i].name);
		scan(1);
		assert_string_equal(info(0).node, cases[i].node);
		if (!*cases[i].node) {
			assert_int_equal(info(0).usable, ACCEL_NO_NODE);
			assert_true(*info(0).reason);
		}
		forget_devices();
	}
}

static void test_other_dev(void **state)
{
	(void)state;
	add(0, NULL, "npu");
	set_dev("/elsewhere");
	scan(1);
	assert_string_equal(info(0).node, "/elsewhere/accel/accel0");
	forget_devices();
	/* A path that doesn't fit is none, and not a part of one. */
	set_dev("/0123456789012345678901234567890123456789012345678901234567890123456789");
	scan(1);
	assert_string_equal(info(0).node, "");
	assert_int_equal(info(0).usable, ACCEL_NO_NODE);
	set_dev(NULL);
}

/* The class has nodes that are no accelerators. */
static void test_control_node(void **state)
{
	(void)state;
	add(0, "0000:c5:00.1", "npu");
	tree_print(tree, "class/accel/accel_controlD0/uevent",
		   "MAJOR=236\nMINOR=0\nDEVNAME=accel/accel_controlD0\n");
	tree_link(tree, "class/accel/accel_controlD0/device",
		  "../../../devices/pci0000:00/0000:c5:00.1");
	scan(1);
	assert_string_equal(info(0).name, "accel0");
}

/* ---- hostile trees ------------------------------------------------------------------------ */

static void test_bad_numbers(void **state)
{
	static const char *const bad[] = {
		"",
		"MAJOR=261\n",
		"MINOR=0\n",
		"MAJOR=\nMINOR=0\n",
		"MAJOR=x\nMINOR=0\n",
		"MAJOR=261\nMINOR=0x\n",
		"MAJOR=261\nMINOR=4294967296\n",
		"MAJOR=261\nMINOR=-1\n",
		"MAJOR=261\nMINOR=99999999999999999999999\n",
		"MAJOR=99999999999999\nMINOR=0\n",
		"major=261\nminor=0\n",
	};
	size_t i;

	(void)state;
	add(1, NULL, "npu");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		tree_print(tree, "class/accel/accel0/uevent", "%s", bad[i]);
		scan(1); /* the good one */
		assert_string_equal(info(0).name, "accel1");
		forget_devices();
	}
	tree_print(tree, "class/accel/accel0/uevent", "MAJOR=261\nMINOR=1048575\n");
	scan(2);
	assert_true(info(1).devnum == makedev(261, 1048575));
}

static void test_hostile_files(void **state)
{
	char *big = malloc(10 << 20);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 10 << 20);
	add(9, NULL, "npu");
	tree_write(tree, "class/accel/accel0/uevent", big, 10 << 20);
	memcpy(big, "MAJOR=261\nMINOR=1\n", 18);
	tree_write(tree, "class/accel/accel1/uevent", big, 10 << 20);
	free(big);
	tree_write(tree, "class/accel/accel2/uevent", "MAJOR=261\nMINOR=2\n\0\n", 20);
	tree_write(tree, "class/accel/accel3/uevent", "\xff\x00\x80\x01", 4);
	tree_dir(tree, "class/accel/accel4/uevent");
	tree_dir(tree, "class/accel/accel5");
	tree_link(tree, "class/accel/accel6", "accel6");
	tree_link(tree, "class/accel/accel7", "../../../../../../..");
	tree_print(tree, "class/accel/accel8", "a file, no directory");
	tree_dir(tree, "class/accel/accel10");
	assert_int_equal(mkfifo(tree_path(tree, "class/accel/accel10/uevent"), 0600), 0);
	tree_dir(tree, "class/accel/accel11");
	tree_link(tree, "class/accel/accel11/uevent", "uevent");
	scan(1);
	assert_string_equal(info(0).name, "accel9");
	assert_int_equal(info(0).usable, ACCEL_USABLE);
}

/* The node's own file is sound, all about its parent is not. */
static void test_hostile_parent(void **state)
{
	static const char *const device = "class/accel/accel0/device";
	static const char *const uevent = "class/accel/accel0/device/uevent";

	(void)state;
	add(0, NULL, "npu");
	/* A loop. */
	unlink(tree_path(tree, device));
	tree_link(tree, device, "device");
	scan(1);
	assert_string_equal(info(0).id, "platform:device");
	forget_devices();
	/* None at all, a directory. */
	unlink(tree_path(tree, device));
	scan(1);
	assert_string_equal(info(0).id, "node:261:0");
	assert_string_equal(info(0).driver, "");
	forget_devices();
	tree_print(tree, uevent, "DRIVER=npu\nPCI_SLOT_NAME=../../x\n");
	scan(1);
	assert_string_equal(info(0).id, "node:261:0");
	assert_string_equal(info(0).driver, "npu");
	forget_devices();
	/* Names of drivers that would become paths. */
	tree_print(tree, uevent, "DRIVER=../../npu\nPCI_SLOT_NAME=\n");
	scan(1);
	assert_string_equal(info(0).driver, "");
	forget_devices();
	tree_print(tree, uevent, "DRIVER=.\nPCI_SLOT_NAME=%s\n",
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	scan(1);
	assert_string_equal(info(0).driver, "");
	forget_devices();
	tree_print(tree, uevent, "DRIVER=%s\n", "a_name_that_is_much_longer_than_any_driver_has");
	scan(1);
	assert_string_equal(info(0).driver, "");
	forget_devices();
	/* A FIFO. */
	unlink(tree_path(tree, uevent));
	assert_int_equal(mkfifo(tree_path(tree, uevent), 0600), 0);
	scan(1);
}

static void test_absurd_names(void **state)
{
	char name[300], path[320];
	size_t length;

	(void)state;
	add(5, NULL, "npu");
	tree_print(tree, "class/accel/.hidden/uevent", "MAJOR=261\nMINOR=1\n");
	tree_print(tree, "class/accel/a b/uevent", "MAJOR=261\nMINOR=2\n");
	tree_print(tree, "class/accel/\xff\xfe/uevent", "MAJOR=261\nMINOR=3\n");
	tree_print(tree, "class/accel/%n%s%d/uevent", "MAJOR=261\nMINOR=4\n");
	for (length = 60; length < 255; length++) {
		memset(name, 'a', length);
		name[length] = '\0';
		snprintf(path, sizeof(path), "class/accel/%s/uevent", name);
		tree_print(tree, path, "MAJOR=261\nMINOR=%zu\n", length);
	}
	scan(1 + 4); /* 60 to 63 fit */
	assert_int_equal(strlen(info(4).name), 63);
}

/* Entries that go away while they are read. */
static void test_vanishing(void **state)
{
	unsigned long skip;

	(void)state;
	add(0, "0000:00:01.0", "npu");
	add(1, "0000:00:02.0", "npu");
	for (skip = 0; skip < 8; skip++) {
		seam_fail(SEAM_READ, skip, 1, -ENODEV);
		count = accel_device_scan(0, found, MAX);
		assert_in_range(count, 1, 2);
		forget_devices();
		seam_fail(SEAM_READ, 0, 0, 0);
		seam_fail(SEAM_OPEN, skip, 1, -ENOENT);
		count = accel_device_scan(0, found, MAX);
		assert_in_range(count, 1, 2);
		forget_devices();
		seam_fail(SEAM_OPEN, 0, 0, 0);
	}
	seam_fail(SEAM_READLINK, 0, 2, -ENOENT);
	scan(2);
	forget_devices();
	seam_fail(SEAM_READ, 0, 3, -EINTR);
	scan(2);
}

/* accel0, linked from the class as the kernel does it. */
static void add_below(const char *parent)
{
	char path[200];

	tree_dir(tree, "class/accel");
	snprintf(path, sizeof(path), "%s/accel/accel0/uevent", parent);
	tree_print(tree, path, "MAJOR=261\nMINOR=0\n");
	snprintf(path, sizeof(path), "../../%s/accel/accel0", parent);
	tree_link(tree, "class/accel/accel0", path);
}

/* While a device is removed there is a moment in which it has lost its parent already. */
static void test_going(void **state)
{
	struct accel_device *device;

	(void)state;
	add_below("devices/platform/npu0");
	tree_print(tree, "devices/platform/npu0/uevent", "DRIVER=npu\n");
	scan(0);
	assert_fails(accel_device_find("accel0", &device), -ENODEV);
	tree_link(tree, "class/accel/accel0/device", "../../../npu0");
	scan(1);
	assert_string_equal(info(0).id, "platform:npu0");
	forget_devices();
	/* The link is there again when it is read, its parent's text was not. */
	seam_fail(SEAM_OPEN, 1, 1, -ENOENT);
	scan(0);
	/* It hides no other. */
	unlink(tree_path(tree, "class/accel/accel0/device"));
	add(1, NULL, "npu");
	scan(1);
	assert_string_equal(info(0).name, "accel1");
}

/* One that never had a parent is named by its node. */
static void test_virtual(void **state)
{
	(void)state;
	add_below("devices/virtual");
	scan(1);
	assert_string_equal(info(0).id, "node:261:0");
}

static void test_thousands(void **state)
{
	char path[64];
	int i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "class/accel/accel%d/uevent", i);
		tree_print(tree, path, "MAJOR=261\nMINOR=%d\n", i);
	}
	assert_gives(accel_device_scan(0, NULL, 0), 3000);
	assert_gives(accel_device_scan(0, found, 2), 3000);
	count = 2;
	assert_string_equal(info(0).name, "accel0");
	assert_string_equal(info(1).name, "accel1");
	assert_null(found[2]);
}

/* In the order of minor numbers, at a fixed price each, with nothing opened. */
static void test_many(void **state)
{
	char address[32];
	int i;

	(void)state;
	for (i = 0; i < 256; i++) {
		snprintf(address, sizeof(address), "0000:%02x:00.0", 255 - i);
		add((unsigned int)i, i % 4 ? address : NULL, "npu");
	}
	seam_forget();
	scan(256);
	/* One to list the directory, and one to look for the provider of all. */
	assert_true(seam_all_calls() <= 11 * 256 + 2);
	assert_int_equal(seam_dev_opens(), 0);
	assert_int_equal(seam_calls(SEAM_DL_OPEN), 0);
	for (i = 0; i < 256; i++) {
		assert_true(info(i).devnum == makedev(261, (unsigned int)i));
		assert_int_equal(info(i).usable, ACCEL_USABLE);
		assert_int_equal(node[i].opens, 0);
	}
}

static void test_calls_per_device(void **state)
{
	char address[40][32];

	(void)state;
	add(0, "0000:01:00.0", "npu");
	seam_forget();
	scan(1);
	assert_true(seam_all_calls() <= 12 + 1);
	assert_int_equal(seam_calls(SEAM_LIST), 1);
	forget_devices();
	add(1, "0000:02:00.0", "unheard_of");
	seam_forget();
	scan(2);
	/* Without a provider its directories are searched once more. */
	assert_true(seam_all_calls() <= 2 * 12 + 1);
	forget_devices();
	for (int i = 2; i < 40; i++) {
		snprintf(address[i], sizeof(address[i]), "0000:%02x:00.0", i);
		add((unsigned int)i, address[i], "unheard_of");
	}
	seam_forget();
	scan(40);
	/* Nor are they for each device that lacks the same one; the first may come between. */
	assert_true(seam_calls(SEAM_LIST) <= 3);
}

/* ---- why not ------------------------------------------------------------------------------ */

static void says(int i, uint32_t usable, const char *part)
{
	assert_int_equal(info(i).usable, usable);
	if (!strstr(info(i).reason, part))
		fail_msg("the reason lacks '%s': %s", part, info(i).reason);
}

static void test_no_provider(void **state)
{
	(void)state;
	add(0, NULL, "unheard_of");
	scan(1);
	says(0, ACCEL_NO_PROVIDER, "unheard_of");
	says(0, ACCEL_NO_PROVIDER, "install");
}

static void test_no_node(void **state)
{
	struct seam_node *missing = add(0, NULL, "npu"), *other = add(1, NULL, "npu");
	struct seam_node *file = add(2, NULL, "npu");

	(void)state;
	missing->lstat_err = -ENOENT;
	other->rdev = makedev(261, 77);
	file->mode = S_IFREG | 0666;
	scan(3);
	says(0, ACCEL_NO_NODE, "/dev/accel/accel0");
	says(0, ACCEL_NO_NODE, "pass the device in");
	says(1, ACCEL_NO_NODE, "261:1");
	says(1, ACCEL_NO_NODE, "removed");
	says(2, ACCEL_NO_NODE, "is not its node");
}

static void test_no_permission(void **state)
{
	struct seam_node *grouped = add(0, NULL, "npu"), *alone = add(1, NULL, "npu");
	struct seam_node *nameless = add(2, NULL, "npu");
	const struct group *group = getgrnam("video");
	char membership[64];

	(void)state;
	grouped->access_err = alone->access_err = nameless->access_err = -EACCES;
	grouped->mode = S_IFCHR | 0660;
	grouped->gid = group ? group->gr_gid : 0;
	alone->mode = S_IFCHR | 0600;
	nameless->mode = S_IFCHR | 0660;
	nameless->gid = 987654;
	snprintf(membership, sizeof(membership), "usermod -aG %s ", group ? "video" : "root");
	scan(3);
	says(0, ACCEL_NO_PERMISSION, membership);
	says(1, ACCEL_NO_PERMISSION, "udev");
	says(1, ACCEL_NO_PERMISSION, "0600");
	says(2, ACCEL_NO_PERMISSION, "987654");
}

static void test_errnos(void **state)
{
	(void)state;
	assert_int_equal(device_usable_errno(ACCEL_USABLE), 0);
	assert_int_equal(device_usable_errno(ACCEL_NO_PROVIDER), -ENOPKG);
	assert_int_equal(device_usable_errno(ACCEL_PROVIDER_ABI), -ELIBBAD);
	assert_int_equal(device_usable_errno(ACCEL_NO_NODE), -ENXIO);
	assert_int_equal(device_usable_errno(ACCEL_NO_PERMISSION), -EACCES);
	assert_int_equal(device_usable_errno(ACCEL_NOT_READY), -EAGAIN);
	assert_int_equal(device_usable_errno(ACCEL_NOT_COMPUTE), -EOPNOTSUPP);
}

/* ---- the calls ---------------------------------------------------------------------------- */

static void test_scan_arguments(void **state)
{
	(void)state;
	add(0, NULL, "npu");
	add(1, NULL, "npu");
	assert_fails(accel_device_scan(2, found, MAX), -EINVAL);
	assert_fails(accel_device_scan(0, NULL, 1), -EINVAL);
	assert_gives(accel_device_scan(0, NULL, 0), 2);
	found[1] = NULL;
	assert_gives(accel_device_scan(ACCEL_SCAN_HARDWARE, found, 1), 2);
	assert_null(found[1]);
	count = 1;
}

static void test_software(void **state)
{
	static const struct accel_provider anything;
	struct accel_device *soft;

	(void)state;
	set_no_software(false);
	add(0, NULL, "npu");
	scan(1); /* no provider for it: it isn't there */
	forget_devices();
	assert_ok(accel_device_find("soft:0", &soft)); /* but says why */
	assert_int_equal(info_of(soft).usable, ACCEL_NO_PROVIDER);
	assert_non_null(strstr(info_of(soft).reason, "libaccel-soft"));
	accel_device_unref(soft);
	seam_add_provider("soft", &anything);
	scan(2); /* the last */
	assert_string_equal(info(1).id, "soft:0");
	assert_string_equal(info(1).name, "soft:0");
	assert_string_equal(info(1).driver, "soft");
	assert_string_equal(info(1).node, "");
	assert_int_equal(info(1).flags, ACCEL_DEVICE_SOFTWARE);
	assert_int_equal(info(1).usable, ACCEL_USABLE);
	assert_true(info(1).devnum == 0);
	assert_int_equal(info(0).flags, 0);
	forget_devices();
	count = accel_device_scan(ACCEL_SCAN_HARDWARE, found, MAX);
	assert_int_equal(count, 1);
	forget_devices();
	set_no_software(true);
	scan(1);
	assert_fails(accel_device_find("soft:0", &soft), -ENODEV);
	assert_fails(accel_device_find("0", &soft), -ENODEV);
	set_no_software(false);
	assert_fails(accel_device_find("0", &soft), -ENODEV);
}

static void finds(const char *id, const char *name)
{
	struct accel_device *device;

	assert_ok(accel_device_find(id, &device));
	assert_string_equal(info_of(device).name, name);
	accel_device_unref(device);
}

static void test_find(void **state)
{
	struct accel_device *device = NULL;
	char longest[70];

	(void)state;
	add(0, NULL, "npu");
	add(1, "0000:c5:00.1", "npu");
	finds("accel1", "accel1");
	finds("pci:0000:c5:00.1", "accel1");
	finds("0000:c5:00.1", "accel1");
	finds("platform:npu0", "accel0");
	finds("npu0", "accel0");
	finds("/dev/accel/accel1", "accel1");
	assert_fails(accel_device_find("accel2", &device), -ENODEV);
	assert_fails(accel_device_find("", &device), -ENODEV);
	assert_fails(accel_device_find("accel", &device), -ENODEV);
	assert_fails(accel_device_find(":", &device), -ENODEV);
	assert_fails(accel_device_find(NULL, &device), -EINVAL);
	assert_fails(accel_device_find("accel1", NULL), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[63] = '\0';
	assert_fails(accel_device_find(longest, &device), -ENODEV);
	longest[63] = 'x';
	longest[64] = '\0';
	assert_fails(accel_device_find(longest, &device), -ENAMETOOLONG);
	longest[0] = '/';
	assert_fails(accel_device_find(longest, &device), -ENAMETOOLONG);
	assert_null(device);
}

static void test_find_paths(void **state)
{
	static struct seam_node own, file, other;
	struct accel_device *device = NULL;
	char path[64];

	(void)state;
	add(1, NULL, "npu");
	/* A container's own node of the same number. */
	own = (struct seam_node){.path = "/dev/mine", .rdev = makedev(261, 1), .driver = "npu"};
	seam_add_node(&own);
	assert_ok(accel_device_find("/dev/mine", &device));
	assert_string_equal(info_of(device).node, "/dev/mine");
	assert_string_equal(info_of(device).name, "accel1");
	assert_string_equal(info_of(device).driver, "npu");
	assert_int_equal(info_of(device).usable, ACCEL_USABLE);
	accel_device_unref(device);
	/* And one that sysfs doesn't know, or has no sysfs. */
	other = (struct seam_node){.path = "/dev/x/y", .rdev = makedev(261, 9), .driver = "npu"};
	seam_add_node(&other);
	assert_ok(accel_device_find("/dev/x/y", &device));
	assert_string_equal(info_of(device).node, "/dev/x/y");
	assert_string_equal(info_of(device).id, "node:261:9");
	assert_string_equal(info_of(device).name, "accel9");
	assert_string_equal(info_of(device).driver, "");
	assert_int_equal(info_of(device).usable, ACCEL_USABLE);
	accel_device_unref(device);
	other.access_err = -EACCES;
	assert_ok(accel_device_find("/dev/x/y", &device));
	assert_int_equal(info_of(device).usable, ACCEL_NO_PERMISSION);
	accel_device_unref(device);
	device = NULL;
	/* Of another driver: char device with another major, a file, a directory, a FIFO, a
	 * link, nothing. */
	file = (struct seam_node){.path = "/dev/z", .rdev = makedev(226, 128)};
	seam_add_node(&file);
	assert_fails(accel_device_find("/dev/z", &device), -ENODEV);
	assert_fails(accel_device_find("/dev/null", &device), -ENODEV);
	assert_fails(accel_device_find("/", &device), -ENODEV);
	snprintf(path, sizeof(path), "%s", tree_path(tree, "fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails(accel_device_find(path, &device), -ENODEV);
	tree_link(tree, "link", "/dev/null");
	assert_fails(accel_device_find(tree_path(tree, "link"), &device), -ELOOP);
	tree_print(tree, "file", "x");
	assert_fails(accel_device_find(tree_path(tree, "file"), &device), -ENODEV);
	assert_fails(accel_device_find(tree_path(tree, "file/x"), &device), -ENOTDIR);
	assert_fails(accel_device_find(tree_path(tree, "none"), &device), -ENOENT);
	seam_fail(SEAM_LSTAT, 0, 1, -EACCES);
	assert_fails(accel_device_find("/dev/mine", &device), -EACCES);
	assert_null(device);
}

static void test_info_arguments(void **state)
{
	struct accel_device_info out = {.size = sizeof(out)};

	(void)state;
	add(0, NULL, "npu");
	scan(1);
	assert_fails(accel_device_get_info(NULL, &out), -EINVAL);
	assert_fails(accel_device_get_info(found[0], NULL), -EINVAL);
	out.size = 0;
	assert_fails(accel_device_get_info(found[0], &out), -EINVAL);
	out.size = 8;
	out.usable = 1234;
	assert_ok(accel_device_get_info(found[0], &out));
	assert_int_equal(out.usable, 1234);
}

static void test_refs(void **state)
{
	(void)state;
	add(0, NULL, "npu");
	scan(1);
	assert_ptr_equal(accel_device_ref(found[0]), found[0]);
	accel_device_unref(found[0]);
	assert_string_equal(info(0).name, "accel0");
	assert_null(accel_device_ref(NULL));
	accel_device_unref(NULL);
}

/* Each allocation fails in its turn; then nothing is left over. */
static void test_no_memory(void **state)
{
	struct accel_device *device = NULL;
	static const struct accel_provider anything;
	unsigned long skip;
	int i, ret;

	(void)state;
	for (i = 0; i < 20; i++)
		add((unsigned int)i, NULL, "npu");
	seam_add_provider("soft", &anything);
	set_no_software(false);
	for (skip = 0;; skip++) {
		found[0] = NULL;
		seam_fail(SEAM_ALLOC, skip, 1, 1);
		ret = accel_device_scan(0, found, MAX);
		if (ret != -ENOMEM)
			break;
		assert_int_equal(support_error().code, -ENOMEM);
		assert_null(found[0]);
		assert_int_equal(seam_live_memory(), memory_before);
	}
	assert_int_equal(ret, 21);
	assert_true(skip > 21);
	count = ret;
	forget_devices();
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_device_find("accel3", &device), -ENOMEM);
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_device_find("soft:0", &device), -ENOMEM);
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_fails(accel_device_find("/dev/accel/accel3", &device), -ENOMEM);
	assert_null(device);
	set_no_software(true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_pci),
		TEST(test_platform),
		TEST(test_facade),
		TEST(test_long_ids),
		TEST(test_numa),
		TEST(test_devname),
		TEST(test_other_dev),
		TEST(test_control_node),
		TEST(test_bad_numbers),
		TEST(test_hostile_files),
		TEST(test_hostile_parent),
		TEST(test_absurd_names),
		TEST(test_vanishing),
		TEST(test_going),
		TEST(test_virtual),
		TEST(test_thousands),
		TEST(test_many),
		TEST(test_calls_per_device),
		TEST(test_no_provider),
		TEST(test_no_node),
		TEST(test_no_permission),
		TEST(test_errnos),
		TEST(test_scan_arguments),
		TEST(test_software),
		TEST(test_find),
		TEST(test_find_paths),
		TEST(test_info_arguments),
		TEST(test_refs),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
