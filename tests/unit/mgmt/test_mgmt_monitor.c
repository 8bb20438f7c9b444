/* SPDX-License-Identifier: MIT */
/* The monitor with a made-up kernel that sends events, a made-up sysfs and a made-up /dev. */
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "mgmt.h"
#include "support.h"

static char *sys, *dev;
static struct accel_monitor *monitor;
static struct accel_event event;
static struct mgmt_sys real;
static struct seam_node nodes[4];
static char node_paths[4][64];
static int64_t time_ns, timer_ns;
static int timer_fd;

/* ---- the made-up kernel --------------------------------------------------------------------- */

static struct {
	struct {
		char data[32 * 1024];
		size_t bytes, told; /* the length that is told may be another */
		uint32_t from;
		int err;
	} message[64];
	unsigned int first, count;
	int reach, open;
	int fd;
} kernel;

static int open_it(uint32_t buffer)
{
	(void)buffer;
	if (kernel.open)
		return kernel.open;
	kernel.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	return kernel.fd;
}

static ssize_t receive_it(int fd, void *buf, size_t bytes, struct sockaddr_nl *from)
{
	const unsigned int at = kernel.first;
	uint64_t one;

	assert_int_equal(fd, kernel.fd);
	if (at == kernel.count)
		return -EAGAIN;
	kernel.first++;
	assert_int_equal(read(fd, &one, sizeof(one)), sizeof(one));
	if (kernel.message[at].err)
		return kernel.message[at].err;
	from->nl_pid = kernel.message[at].from;
	memcpy(buf, kernel.message[at].data,
	       bytes < kernel.message[at].bytes ? bytes : kernel.message[at].bytes);
	return (ssize_t)kernel.message[at].told;
}

static void send_raw(const void *data, size_t bytes, uint32_t from, int err)
{
	const uint64_t one = 1;

	assert_in_range(kernel.count, 0, ARRAY_SIZE(kernel.message) - 1);
	assert_in_range(bytes, 0, sizeof(kernel.message[0].data));
	if (bytes)
		memcpy(kernel.message[kernel.count].data, data, bytes);
	kernel.message[kernel.count].bytes = kernel.message[kernel.count].told = bytes;
	kernel.message[kernel.count].from = from;
	kernel.message[kernel.count++].err = err;
	assert_int_equal(write(kernel.fd, &one, sizeof(one)), sizeof(one));
}

/* A newline stands for the end of each part. */
static void send_text(const char *text)
{
	char data[1024];
	size_t i, length = strlen(text);

	assert_in_range(length, 1, sizeof(data) - 1);
	for (i = 0; i <= length; i++)
		data[i] = text[i] == '\n' ? '\0' : text[i];
	send_raw(data, text[length - 1] == '\n' ? length : length + 1, 0, 0);
}

static void send_event(const char *action, unsigned int minor, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%s@/devices/x/accel/accel%u\nACTION=%s\nDEVPATH=/devices/x/accel/accel%u\n"
		 "SUBSYSTEM=accel\nMAJOR=261\nMINOR=%u\nDEVNAME=accel/accel%u\nSEQNUM=77\n%s",
		 action, minor, action, minor, minor, minor, more);
	send_text(text);
}

/* ---- the surroundings ------------------------------------------------------------------------- */

static int64_t now(void)
{
	return time_ns;
}

static int make_timer(void)
{
	timer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return timer_fd;
}

static int set_timer(int timer, int64_t ns)
{
	assert_int_equal(timer, timer_fd);
	timer_ns = ns;
	return 0;
}

/* Let time go on until the timer fires. */
static void pass_time(void)
{
	const uint64_t one = 1;

	assert_true(timer_ns > 0);
	time_ns += timer_ns;
	timer_ns = 0;
	assert_int_equal(write(timer_fd, &one, sizeof(one)), sizeof(one));
}

static void add(unsigned int minor, const char *address)
{
	tree_device(sys, minor, address, "npu");
	snprintf(node_paths[minor], sizeof(node_paths[minor]), "%s/accel/accel%u", dev, minor);
	nodes[minor] = (struct seam_node){.path = node_paths[minor], .rdev = makedev(261, minor)};
	seam_add_node(&nodes[minor]);
}

static void take_away(unsigned int minor)
{
	char path[64];

	snprintf(path, sizeof(path), "class/accel/accel%u/uevent", minor);
	assert_int_equal(unlink(tree_path(sys, path)), 0);
	snprintf(path, sizeof(path), "class/accel/accel%u/device", minor);
	assert_int_equal(unlink(tree_path(sys, path)), 0);
	snprintf(path, sizeof(path), "class/accel/accel%u", minor);
	assert_int_equal(rmdir(tree_path(sys, path)), 0);
}

static const struct accel_provider provider;

static int setup(void **state)
{
	(void)state;
	seam_install();
	if (!real.epoll) {
		real = mgmt_sys;
		seam_add_provider("npu", &provider);
	}
	memset(&kernel, 0, sizeof(kernel));
	mgmt_sys.uevent_open = open_it;
	mgmt_sys.uevent_receive = receive_it;
	mgmt_sys.timer = make_timer;
	mgmt_sys.timer_set = set_timer;
	mgmt_sys.uevent_reach = real.uevent_reach;
	accel_core_sys.now = now;
	time_ns = 1000000000;
	timer_ns = 0;
	sys = tree_make();
	dev = tree_make();
	tree_dir(sys, "class/accel");
	tree_dir(dev, "accel");
	set_sysfs(sys);
	set_dev(dev);
	set_provider_dir(SEAM_PROVIDER_DIR);
	return 0;
}

static int reach(void)
{
	return kernel.reach;
}

static int teardown(void **state)
{
	(void)state;
	accel_monitor_unref(monitor);
	monitor = NULL;
	mgmt_sys = real;
	set_sysfs(NULL);
	set_dev(NULL);
	set_provider_dir(NULL);
	tree_remove(sys);
	tree_remove(dev);
	assert_int_equal(seam_live_memory(), 0);
	return 0;
}

static void start(uint32_t flags)
{
	struct accel_monitor_params params = {.size = sizeof(params), .flags = flags};

	mgmt_sys.uevent_reach = reach;
	assert_ok(accel_monitor_create(&params, &monitor));
}

static bool is_readable(void)
{
	struct pollfd fd = {.events = POLLIN};

	assert_ok(accel_monitor_fd(monitor, &fd.fd));
	return poll(&fd, 1, 0) == 1;
}

static void next(uint32_t type, const char *name)
{
	assert_true(is_readable());
	event = (struct accel_event){.size = sizeof(event)};
	assert_gives(accel_monitor_read(monitor, &event), 1);
	if (event.type != type || strcmp(event.name, name) != 0)
		fail_msg("event %u of '%s', not %u of '%s'", event.type, event.name, type, name);
}

static void none(void)
{
	event = (struct accel_event){.size = sizeof(event)};
	assert_gives(accel_monitor_read(monitor, &event), 0);
	assert_false(is_readable());
}

static void picture(int count)
{
	struct accel_device *devices[4];
	int i;

	assert_gives(accel_monitor_devices(monitor, devices, 4), count);
	for (i = 0; i < count; i++)
		accel_device_unref(devices[i]);
}

/* ---- arriving and going --------------------------------------------------------------------- */

static void test_coming_and_going(void **state)
{
	(void)state;
	add(0, "0000:c5:00.1");
	start(0);
	picture(1);
	none();
	add(1, NULL);
	send_event("add", 1, "");
	next(ACCEL_EVENT_ARRIVED, "accel1");
	assert_string_equal(event.id, "platform:npu1");
	assert_string_equal(event.driver, "npu");
	assert_string_equal(event.node, node_paths[1]);
	assert_int_equal(event.usable, ACCEL_USABLE);
	assert_int_equal(event.flags, 0);
	assert_true(event.seqnum == 77);
	assert_true(event.devnum == makedev(261, 1));
	none();
	picture(2);
	take_away(0);
	send_event("remove", 0, "");
	picture(2); /* nobody has read it yet */
	next(ACCEL_EVENT_REMOVED, "accel0");
	assert_string_equal(event.id, "pci:0000:c5:00.1");
	picture(1);
	none();
	/* Gone and back before anybody looked, and there and gone again. */
	send_event("remove", 1, "");
	send_event("add", 1, "");
	send_event("add", 2, "");
	send_event("remove", 2, "");
	send_event("remove", 3, "");
	next(ACCEL_EVENT_REMOVED, "accel1");
	next(ACCEL_EVENT_ARRIVED, "accel1");
	none();
	picture(1);
	assert_int_equal(seam_calls(SEAM_IOCTL), 0);
	assert_int_equal(nodes[1].opens, 0);
}

static void test_initial(void **state)
{
	(void)state;
	add(0, NULL);
	add(1, NULL);
	nodes[1].access_err = -EACCES;
	start(ACCEL_MONITOR_INITIAL);
	picture(0);
	next(ACCEL_EVENT_ARRIVED, "accel0");
	assert_int_equal(event.flags, ACCEL_EVENT_IS_INITIAL);
	picture(1);
	/* What has been there can't be waited for. */
	next(ACCEL_EVENT_ARRIVED, "accel1");
	assert_int_equal(event.usable, ACCEL_NO_PERMISSION);
	assert_true(*event.text);
	none();
	picture(2);
	/* The event of a device that a look found first. */
	send_event("add", 0, "");
	none();
	/* Another device under the name of the old one. */
	take_away(0);
	tree_device(sys, 0, "0000:01:00.0", "npu");
	send_event("add", 0, "");
	next(ACCEL_EVENT_REMOVED, "accel0");
	assert_string_equal(event.id, "platform:npu0");
	next(ACCEL_EVENT_ARRIVED, "accel0");
	assert_string_equal(event.id, "pci:0000:01:00.0");
	none();
}

/* udev gives the node its rights after the kernel has told of the device. */
static void test_settling(void **state)
{
	(void)state;
	start(0);
	add(0, NULL);
	nodes[0].access_err = -EACCES;
	send_event("add", 0, "");
	none();
	pass_time();
	none();
	nodes[0].access_err = 0;
	pass_time();
	next(ACCEL_EVENT_ARRIVED, "accel0");
	assert_int_equal(event.usable, ACCEL_USABLE);
	none();
	assert_true(!timer_ns); /* nothing is waited for any more */
	/* One that stays as it is arrives all the same. */
	add(1, NULL);
	nodes[1].lstat_err = -ENOENT;
	send_event("add", 1, "");
	none();
	event = (struct accel_event){.size = sizeof(event)};
	do
		pass_time();
	while (!accel_monitor_read(monitor, &event));
	assert_int_equal(event.type, ACCEL_EVENT_ARRIVED);
	assert_string_equal(event.name, "accel1");
	assert_int_equal(event.usable, ACCEL_NO_NODE);
	assert_true(time_ns >= 2000000000 && time_ns < 3500000000);
	none();
	/* One that goes before it was settled has arrived. */
	add(2, NULL);
	nodes[2].access_err = -EACCES;
	send_event("add", 2, "");
	none();
	take_away(2);
	send_event("remove", 2, "");
	next(ACCEL_EVENT_ARRIVED, "accel2");
	assert_int_equal(event.usable, ACCEL_NO_PERMISSION);
	next(ACCEL_EVENT_REMOVED, "accel2");
	none();
	picture(2);
}

/* What happens in the directory of the nodes makes it look again. */
static void touch(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dev, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void test_changed(void **state)
{
	(void)state;
	add(0, NULL);
	start(0);
	nodes[0].access_err = -EACCES;
	none();
	touch("accel/accel0");
	next(ACCEL_EVENT_CHANGED, "accel0");
	assert_int_equal(event.usable, ACCEL_NO_PERMISSION);
	assert_true(*event.text);
	none();
	nodes[0].access_err = 0;
	touch("accel_other");
	next(ACCEL_EVENT_CHANGED, "accel0");
	assert_int_equal(event.usable, ACCEL_USABLE);
	none();
}

/* ---- what drivers tell ----------------------------------------------------------------------- */

static void test_states(void **state)
{
	(void)state;
	add(0, "0000:c5:00.1");
	start(0);
	send_event("offline", 0, "");
	send_event("online", 0, "");
	send_event("change", 0, "DBC_ID=3\nDBC_STATE=2\n");
	send_event("change", 0, "DBC_ID=3\nDBC_STATE=3\n");
	send_event("change", 0, "DBC_ID=3\nDBC_STATE=4\n");
	send_event("change", 0, "DBC_ID=3\nDBC_STATE=5\n");
	send_event("change", 0, "DBC_ID=x\nDBC_STATE=2\n");
	send_event("change", 0, "DBC_ID=3\nDBC_STATE=99999999999999999999\n");
	send_event("change", 0, "WEDGED=rebind\n");
	send_event("online", 1, "");
	next(ACCEL_EVENT_OFFLINE, "accel0");
	next(ACCEL_EVENT_ONLINE, "accel0");
	next(ACCEL_EVENT_LOST, "accel0");
	assert_non_null(strstr(event.text, "3"));
	next(ACCEL_EVENT_RECOVERED, "accel0");
	next(ACCEL_EVENT_LOST, "accel0");
	none();
	send_text("change@/devices/pci0000:00/0000:c5:00.1\nACTION=change\n"
		  "DEVPATH=/devices/pci0000:00/0000:c5:00.1\nSUBSYSTEM=pci\n"
		  "PCI_SLOT_NAME=0000:c5:00.1\nIVPU_PM_EVENT=IVPU_RECOVER\nSEQNUM=5\n");
	send_text("change@/devices/pci0000:00/0000:c6:00.1\nACTION=change\n"
		  "DEVPATH=/devices/pci0000:00/0000:c6:00.1\nSUBSYSTEM=pci\n"
		  "PCI_SLOT_NAME=0000:c6:00.1\nIVPU_PM_EVENT=IVPU_RECOVER\nSEQNUM=6\n");
	send_text("change@/devices/pci0000:00/0000:c5:00.1\nACTION=change\n"
		  "DEVPATH=/devices/pci0000:00/0000:c5:00.1\nSUBSYSTEM=pci\n"
		  "PCI_SLOT_NAME=0000:c5:00.1\nIVPU_PM_EVENT=IVPU_OTHER\nSEQNUM=7\n");
	next(ACCEL_EVENT_RECOVERED, "accel0");
	assert_true(event.seqnum == 5);
	none();
}

/* ---- bad input -------------------------------------------------------------------------------- */

static void test_another_sender(void **state)
{
	(void)state;
	add(0, NULL);
	start(0);
	send_event("remove", 0, "");
	kernel.message[kernel.count - 1].from = 4711;
	none();
	picture(1);
	send_event("remove", 0, "");
	next(ACCEL_EVENT_REMOVED, "accel0");
}

static void test_bad_messages(void **state)
{
	static const char *const bad[] = {
		"x",
		"no at sign\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=261\n",
		"remove@/accel0\n",
		"remove@/accel0\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=261\n",
		"remove@/accel0\nACTION=remove\nDEVPATH=/accel0\nMAJOR=261\n",
		"remove@/accel0\nACTION=remove\nSUBSYSTEM=accel\nMAJOR=261\n",
		"remove@/accel0\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/accel0\n",
		"remove@/accel0\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=226\n",
		"remove@/accel0\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=-261\n",
		"remove@/accel0\nACTION=remove\nSUBSYSTEM=drm\nDEVPATH=/accel0\nMAJOR=261\n",
		"remove@/accel0\nACTION=rem\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=261\n",
		"remove@/\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/\nMAJOR=261\n",
		"add@/..\nACTION=add\nSUBSYSTEM=accel\nDEVPATH=/..\nMAJOR=261\n",
		"libudev\nACTION=remove\nSUBSYSTEM=accel\nDEVPATH=/accel0\nMAJOR=261\n",
	};
	static char big[20000];
	size_t i;

	(void)state;
	add(0, NULL);
	start(0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		send_text(bad[i]);
	send_raw("remove@/accel0\0ACTION=remove", 28, 0, 0); /* without an end */
	memset(big, '@', sizeof(big));
	send_raw(big, sizeof(big), 0, 0); /* more than there is room for */
	send_raw("", 1, 0, 0);
	send_raw("@\0\0\0\0=\0=\0", 9, 0, 0);
	send_raw(NULL, 0, 0, -EINTR);
	none();
	picture(1);
	/* And it works as before. */
	send_event("remove", 0, "");
	next(ACCEL_EVENT_REMOVED, "accel0");
}

/* Each beginning of a good message, with or without an end of its own. */
static void test_cut(void **state)
{
	static const char good[] = "remove@/d/accel0\0ACTION=remove\0DEVPATH=/d/accel0\0"
				   "SUBSYSTEM=accel\0MAJOR=261\0MINOR=0";
	char part[sizeof(good)];
	struct uevent uevent;
	size_t i;

	(void)state;
	for (i = 0; i <= sizeof(good); i++) {
		/* Allocated, so that a look beyond its end is seen. */
		char *copy = malloc(i ? i : 1);

		assert_non_null(copy);
		memcpy(copy, good, i);
		if (!i || copy[i - 1])
			assert_int_equal(uevent_parse(copy, i, &uevent), -EINVAL);
		else
			uevent_parse(copy, i, &uevent);
		if (i) {
			memcpy(copy, good, i);
			copy[i - 1] = '\0';
			uevent_parse(copy, i, &uevent);
		}
		free(copy);
	}
	memcpy(part, good, sizeof(part));
	assert_int_equal(uevent_parse(part, sizeof(part), &uevent), 0);
	assert_int_equal(uevent.major, 261);
}

/* ---- overflow ------------------------------------------------------------------------------------ */

static void test_overflow(void **state)
{
	(void)state;
	add(0, NULL);
	add(1, NULL);
	start(0);
	/* What is left of the past says that accel0 has gone, and its return was lost. */
	send_raw(NULL, 0, 0, -ENOBUFS);
	send_event("remove", 0, "");
	take_away(1);
	add(2, NULL);
	next(ACCEL_EVENT_OVERFLOW, "");
	assert_true(*event.text);
	next(ACCEL_EVENT_ARRIVED, "accel2");
	next(ACCEL_EVENT_REMOVED, "accel1");
	none();
	picture(2);
	/* One overflow on another. */
	send_raw(NULL, 0, 0, -ENOBUFS);
	send_raw(NULL, 0, 0, -ENOBUFS);
	next(ACCEL_EVENT_OVERFLOW, "");
	none();
	picture(2);
}

/* ---- where no events come -------------------------------------------------------------------------- */

static void no_uevents(void)
{
	next(ACCEL_EVENT_NO_UEVENTS, "");
	assert_true(*event.text);
	none();
	add(1, NULL);
	none();
	touch("accel/accel1");
	next(ACCEL_EVENT_ARRIVED, "accel1");
	none();
	/* A container has what it was given: a device without a node isn't there. */
	nodes[0].lstat_err = -ENOENT;
	assert_int_equal(unlink(node_paths[1]), 0);
	next(ACCEL_EVENT_REMOVED, "accel0");
	none();
	picture(1);
}

static void test_no_uevents(void **state)
{
	(void)state;
	add(0, NULL);
	start(ACCEL_MONITOR_NO_UEVENTS);
	no_uevents();
}

static void test_not_reached(void **state)
{
	(void)state;
	add(0, NULL);
	kernel.reach = -ENONET;
	start(0);
	no_uevents();
}

static void test_no_socket(void **state)
{
	(void)state;
	add(0, NULL);
	kernel.open = -EPROTONOSUPPORT;
	start(0);
	no_uevents();
}

/* Neither events nor sysfs: the nodes alone. The directory comes later than the monitor. */
static void test_nodes_alone(void **state)
{
	(void)state;
	set_sysfs("/nonexistent");
	assert_int_equal(rmdir(tree_path(dev, "accel")), 0);
	start(ACCEL_MONITOR_NO_UEVENTS);
	next(ACCEL_EVENT_NO_UEVENTS, "");
	none();
	snprintf(node_paths[0], sizeof(node_paths[0]), "%s/accel/accel0", dev);
	nodes[0] = (struct seam_node){.path = node_paths[0], .rdev = makedev(261, 0)};
	seam_add_node(&nodes[0]);
	tree_dir(dev, "accel");
	none();
	touch("accel/accel0");
	touch("accel/none"); /* a file, and no node */
	next(ACCEL_EVENT_ARRIVED, "accel0");
	assert_string_equal(event.id, "node:261:0");
	none();
	assert_int_equal(unlink(node_paths[0]), 0);
	next(ACCEL_EVENT_REMOVED, "accel0");
	none();
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static int no_inotify(void)
{
	return -EMFILE;
}

static void test_no_inotify(void **state)
{
	struct accel_monitor_params params = {.size = sizeof(params)};

	(void)state;
	add(0, NULL);
	mgmt_sys.inotify = no_inotify;
	start(0); /* the kernel's events do */
	send_event("offline", 0, "");
	next(ACCEL_EVENT_OFFLINE, "accel0");
	accel_monitor_unref(monitor);
	monitor = NULL;
	kernel.reach = -ENONET;
	assert_fails(accel_monitor_create(&params, &monitor), -EMFILE);
	params.flags = 1u << 31;
	assert_fails(accel_monitor_create(&params, &monitor), -EINVAL);
	params.flags = 0;
	params.settle_ms = UINT32_MAX;
	assert_fails(accel_monitor_create(&params, &monitor), -EINVAL);
	assert_fails(accel_monitor_create(NULL, NULL), -EINVAL);
	assert_null(monitor);
}

/* Each allocation of a look at much that changed: what was lost comes out later. */
static void test_memory(void **state)
{
	unsigned long i;
	int ret, changes;

	(void)state;
	for (i = 0;; i++) {
		kernel.first = kernel.count = 0;
		add(0, NULL);
		seam_fail(SEAM_ALLOC, i, 1, -ENOMEM);
		monitor = NULL;
		ret = accel_monitor_create(NULL, &monitor);
		if (ret) {
			assert_int_equal(ret, -ENOMEM);
			seam_fail(SEAM_ALLOC, 0, 0, 0);
			assert_null(monitor);
			take_away(0);
			assert_int_equal(seam_live_memory(), 0);
			continue;
		}
		take_away(0);
		add(1, NULL);
		add(2, NULL);
		send_event("remove", 0, "");
		send_event("add", 1, "");
		send_raw(NULL, 0, 0, -ENOBUFS);
		event = (struct accel_event){.size = sizeof(event)};
		for (changes = 0; (ret = accel_monitor_read(monitor, &event));)
			if (ret > 0)
				changes += event.type != ACCEL_EVENT_OVERFLOW;
			else
				assert_int_equal(ret, -ENOMEM);
		assert_int_equal(changes, 3);
		assert_false(is_readable());
		picture(2);
		accel_monitor_unref(monitor);
		monitor = NULL;
		take_away(1);
		take_away(2);
		if (i > 100) /* more than there are */
			break;
	}
	seam_fail(SEAM_ALLOC, 0, 0, 0);
}

/* A child has no business with its parent's monitor but to close it. */
static int use_in_child(void)
{
	struct accel_telemetry *telemetry = NULL;
	struct accel_firmware *firmware = NULL;
	struct accel_ras *ras = NULL;
	int fd, before = count_fds();

	event.size = sizeof(event);
	if (accel_monitor_read(monitor, &event) != -ECHILD ||
	    accel_monitor_fd(monitor, &fd) != -ECHILD ||
	    accel_monitor_devices(monitor, NULL, 0) != -ECHILD ||
	    accel_monitor_create(NULL, &monitor) != -ECHILD ||
	    accel_telemetry_create(NULL, &telemetry) != -ECHILD ||
	    accel_telemetry_read(telemetry, NULL, 0, NULL) != -ECHILD ||
	    accel_ras_read(NULL, &ras) != -ECHILD || accel_ras_clear(NULL) != -ECHILD ||
	    accel_firmware_read(NULL, &firmware) != -ECHILD ||
	    accel_firmware_flash(NULL, NULL) != -ECHILD)
		return 1;
	accel_monitor_unref(monitor);
	return before - count_fds() == 5 ? 0 : 2;
}

static void test_fork(void **state)
{
	int status;
	pid_t child;

	(void)state;
	add(0, NULL);
	start(ACCEL_MONITOR_INITIAL);
	child = fork();
	if (!child)
		_exit(use_in_child());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	next(ACCEL_EVENT_ARRIVED, "accel0");
}

static void test_sizes(void **state)
{
	struct accel_event small = {.size = 8};

	(void)state;
	add(0, NULL);
	start(ACCEL_MONITOR_INITIAL);
	event.size = 3;
	assert_fails(accel_monitor_read(monitor, &event), -EINVAL);
	assert_fails(accel_monitor_read(monitor, NULL), -EINVAL);
	assert_fails(accel_monitor_read(NULL, &event), -EINVAL);
	/* It was not lost. */
	assert_gives(accel_monitor_read(monitor, &small), 1);
	assert_int_equal(small.type, ACCEL_EVENT_ARRIVED);
	assert_int_equal(small.usable, 0);
	none();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_coming_and_going),
		TEST(test_initial),
		TEST(test_settling),
		TEST(test_changed),
		TEST(test_states),
		TEST(test_another_sender),
		TEST(test_bad_messages),
		TEST(test_cut),
		TEST(test_overflow),
		TEST(test_no_uevents),
		TEST(test_not_reached),
		TEST(test_no_socket),
		TEST(test_nodes_alone),
		TEST(test_no_inotify),
		TEST(test_memory),
		TEST(test_fork),
		TEST(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
