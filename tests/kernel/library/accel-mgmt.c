/* SPDX-License-Identifier: MIT */
/*
 * What libaccel-mgmt promises, on the kernel's own drm-ras, devlink, uevents and procfs:
 *
 *	accel-mgmt ras|firmware|sensors|events|container|storm|overflow|clients|drivers
 */
#include <accel/mgmt.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"

#define MODULE    "/run/models/rig_mgmt.ko"
#define FIRMWARES "/tmp/firmware"
#define FAR       60000 /* ms; only a test that fails waits so long */

static struct accel_device *device;
static struct accel_device_info info = {.size = sizeof(info)};
static char address[64]; /* the device's name on its bus */

static void find(const char *name)
{
	gives(accel_device_find(name, &device), 0);
	gives(accel_device_get_info(device, &info), 0);
	check(strchr(info.id, ':'));
	snprintf(address, sizeof(address), "%s", strchr(info.id, ':') + 1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	check(fd >= 0);
	gives(write(fd, text, strlen(text)), (long)strlen(text));
	close(fd);
}

static void load(const char *params)
{
	char text[128];
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

	check(fd >= 0);
	snprintf(text, sizeof(text), "device=%s %s", address, params);
	gives(syscall(SYS_finit_module, fd, text, 0), 0);
	close(fd);
}

static void unload(void)
{
	gives(syscall(SYS_delete_module, "rig_mgmt", O_NONBLOCK), 0);
}

/* Awake, as it would be in use: what sleeps isn't asked. */
static void keep_awake(const char *how)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/class/accel/%s/device/power/control", info.name);
	write_file(path, how);
}

/* As any user, in a child: that it gives @want. */
static void as_nobody(int (*fn)(void), int want)
{
	int status;
	pid_t child = fork();

	check(child >= 0);
	if (!child) {
		/* A child may not use the library before it is a program of its own: this one
		 * has not called it yet where it matters. */
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(99);
		_exit(-fn());
	}
	gives(waitpid(child, &status, 0), child);
	check(WIFEXITED(status));
	gives(-WEXITSTATUS(status), want);
}

/* ---- ras ------------------------------------------------------------------------------------ */

static struct accel_ras_counter counter_of(struct accel_ras *ras, const char *node,
					   const char *name)
{
	struct accel_ras_counter counter = {.size = sizeof(counter)};
	uint32_t i;

	for (i = 0; !accel_ras_get_counter(ras, i, &counter); i++)
		if (!strcmp(counter.node, node) && !strcmp(counter.name, name))
			return counter;
	failed(__FILE__, __LINE__, name);
}

static struct accel_ras *read_ras(struct accel_device *of, uint32_t nodes, uint32_t counters)
{
	struct accel_ras_info ras_info = {.size = sizeof(ras_info)};
	struct accel_ras *ras;

	gives(accel_ras_read(of, &ras), 0);
	gives(accel_ras_get_info(ras, &ras_info), 0);
	gives(ras_info.drm_ras, 0);
	gives(ras_info.nodes, nodes);
	gives(ras_info.counters, counters);
	return ras;
}

static void check_metrics(void)
{
	struct accel_metric metric = {.size = sizeof(metric)};
	struct accel_telemetry *telemetry;
	struct accel_sample *sample;

	gives(accel_telemetry_create(NULL, &telemetry), 0);
	gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
	gives(accel_sample_find_metric(sample, ACCEL_METRIC_ERRORS_FATAL, "memory/fatal", &metric),
	      0);
	check(metric.value == UINT32_MAX && metric.source == ACCEL_SOURCE_DRM_RAS);
	accel_sample_unref(sample);
	/* What it had to tell when it was awake is absent, not zero. */
	keep_awake("auto");
	for (;;) {
		struct accel_sample_info sample_info = {.size = sizeof(sample_info)};

		gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
		gives(accel_sample_get_info(sample, &sample_info), 0);
		if (sample_info.power == ACCEL_POWER_SUSPENDED)
			break;
		accel_sample_unref(sample);
		usleep(1000);
	}
	gives(accel_sample_find_metric(sample, ACCEL_METRIC_ERRORS_FATAL, NULL, &metric), -ENODATA);
	accel_sample_unref(sample);
	accel_telemetry_unref(telemetry);
	keep_awake("on");
}

static int ras_of_all(void)
{
	struct accel_ras_info ras_info = {.size = sizeof(ras_info)};
	struct accel_ras *ras;
	int ret = accel_ras_read(NULL, &ras);

	if (!ret) {
		gives(accel_ras_get_info(ras, &ras_info), 0);
		check(!ras_info.drm_ras == !*ras_info.reason);
		ret = ras_info.drm_ras;
		accel_ras_unref(ras);
	}
	return ret;
}

static void test_ras(void)
{
	struct accel_ras_counter counter;
	struct accel_ras *ras;

	/* Before the library is used here, for a child of it may not. */
	as_nobody(ras_of_all, -EPERM);
	find("accel0");
	keep_awake("on");
	load("");
	ras = read_ras(device, 2, 4);
	counter = counter_of(ras, "memory", "correctable");
	check(counter.value == 7 && counter.error_id == 1 && counter.flags == ACCEL_RAS_CLEARABLE);
	check(counter.source == ACCEL_SOURCE_DRM_RAS && counter.severity == ACCEL_RAS_CORRECTABLE);
	check(!strcmp(counter.device, address) && !strcmp(counter.id, info.id));
	check(counter_of(ras, "memory", "non-fatal").severity == ACCEL_RAS_NONFATAL);
	check(counter_of(ras, "memory", "fatal").severity == ACCEL_RAS_FATAL);
	check(counter_of(ras, "memory", "fatal").value == UINT32_MAX);
	check(counter_of(ras, "bus", "parity").severity == ACCEL_RAS_OTHER);
	check(counter_of(ras, "bus", "parity").value == 101);

	gives(accel_ras_clear(&counter), 0);
	accel_ras_unref(ras);
	ras = read_ras(device, 2, 4);
	check(counter_of(ras, "memory", "correctable").value == 0);
	check(counter_of(ras, "memory", "non-fatal").value == 2);
	counter = counter_of(ras, "bus", "parity");
	gives(accel_ras_clear(&counter), -EOPNOTSUPP);
	accel_ras_unref(ras);

	ras = read_ras(NULL, 3, 6);
	counter = counter_of(ras, "other", "parity");
	check(!strcmp(counter.device, "0000:ff:1f.7") && !*counter.id);
	check(!strcmp(counter_of(ras, "memory", "fatal").id, info.id));
	counter = counter_of(ras, "memory", "fatal");
	accel_ras_unref(ras);
	check_metrics();

	/* The node's number is another's now, or nobody's. */
	unload();
	gives(accel_ras_clear(&counter), -ESTALE);
	accel_ras_unref(read_ras(device, 0, 0));
	/* More than one message of the kernel's has room for. */
	load("nodes=3000");
	accel_ras_unref(read_ras(NULL, 3003, 6006));
	accel_ras_unref(read_ras(device, 2, 4));
	unload();
}

/* ---- firmware ---------------------------------------------------------------------------------- */

static struct {
	unsigned int calls, writing, kept, overwritten;
	uint32_t timeout_s;
	uint64_t done, total;
} progress;

static void take_progress(void *data, const struct accel_flash_progress *now)
{
	check(data == &progress);
	check(now->size == sizeof(*now));
	progress.calls++;
	if (now->timeout_s)
		progress.timeout_s = now->timeout_s;
	if (!strcmp(now->status, "Writing")) {
		check(now->done >= progress.done);
		progress.writing++;
		progress.done = now->done;
		progress.total = now->total;
	}
	progress.kept += !strcmp(now->status, "Settings kept");
	progress.overwritten += !strcmp(now->status, "Settings overwritten");
}

static int flash(const char *file, uint32_t flags)
{
	struct accel_flash_params params = {.size = sizeof(params),
					    .file = file,
					    .flags = flags,
					    .fn = take_progress,
					    .data = &progress};

	memset(&progress, 0, sizeof(progress));
	return accel_firmware_flash(device, &params);
}

static struct accel_firmware *read_firmware(int devlink, uint32_t versions)
{
	struct accel_firmware_info firmware_info = {.size = sizeof(firmware_info)};
	struct accel_firmware *firmware;

	gives(accel_firmware_read(device, &firmware), 0);
	gives(accel_firmware_get_info(firmware, &firmware_info), 0);
	gives(firmware_info.devlink, devlink);
	gives(firmware_info.versions, versions);
	check(!devlink == !*firmware_info.reason);
	check(!devlink == !!(firmware_info.flags & ACCEL_FIRMWARE_HAS_DEVLINK));
	if (!devlink) {
		check(!strcmp(firmware_info.driver, "ethosu"));
		check(!strcmp(firmware_info.serial, "RIG-0001"));
		check(!strcmp(firmware_info.board_serial, "BOARD-0001"));
	}
	return firmware;
}

static void has_version(struct accel_firmware *firmware, uint32_t index, uint32_t kind,
			const char *name, const char *text)
{
	struct accel_firmware_version version = {.size = sizeof(version)};

	gives(accel_firmware_get_version(firmware, index, &version), 0);
	gives(version.kind, kind);
	gives(version.source, ACCEL_SOURCE_DEVLINK);
	check(!strcmp(version.name, name));
	check(!strcmp(version.text, text));
}

static void check_words(const char *words)
{
	struct accel_error error = {.size = sizeof(error)};

	gives(accel_last_error(&error), 0);
	if (!strstr(error.text, words))
		failed(__FILE__, __LINE__, error.text);
}

static void test_firmware(void)
{
	struct accel_firmware *firmware;

	find("accel0");
	keep_awake("on");
	gives(mkdir(FIRMWARES, 0755), 0);
	write_file("/sys/module/firmware_class/parameters/path", FIRMWARES);
	write_file(FIRMWARES "/good.bin", "2.0 and more");
	write_file(FIRMWARES "/bad.bin", "bad indeed");

	accel_firmware_unref(read_firmware(-ENODEV, 0));
	gives(flash("good.bin", 0), -EOPNOTSUPP);
	load("");
	firmware = read_firmware(0, 4);
	has_version(firmware, 0, ACCEL_VERSION_FIXED, "board.id", "rig.7");
	has_version(firmware, 1, ACCEL_VERSION_RUNNING, "fw", "1.0");
	has_version(firmware, 2, ACCEL_VERSION_RUNNING, "fw.bootloader", "0.3");
	has_version(firmware, 3, ACCEL_VERSION_STORED, "fw", "1.0");
	accel_firmware_unref(firmware);

	gives(flash("good.bin", 0), 0);
	gives(progress.calls, 13);
	gives(progress.writing, 11);
	gives(progress.timeout_s, 5);
	check(progress.done == 12 && progress.total == 12);
	gives(progress.kept, 1);
	firmware = read_firmware(0, 4);
	has_version(firmware, 1, ACCEL_VERSION_RUNNING, "fw", "1.0");
	has_version(firmware, 3, ACCEL_VERSION_STORED, "fw", "2.0");
	accel_firmware_unref(firmware);

	gives(flash(FIRMWARES "/good.bin", ACCEL_FLASH_OVERWRITE_SETTINGS), 0);
	gives(progress.overwritten, 1);
	gives(flash("bad.bin", 0), -ENOEXEC);
	check_words("the file is for another device");
	gives(progress.writing, 0);
	gives(flash("none.bin", 0), -ENOENT);
	check_words("failed to locate");
	gives(flash("/etc/passwd", 0), -EXDEV);
	gives(flash("../etc/passwd", 0), -EINVAL);

	/* One that sleeps is not asked. */
	keep_awake("auto");
	for (;;) {
		struct accel_firmware_info firmware_info = {.size = sizeof(firmware_info)};

		gives(accel_firmware_read(device, &firmware), 0);
		gives(accel_firmware_get_info(firmware, &firmware_info), 0);
		accel_firmware_unref(firmware);
		if (firmware_info.devlink == -EAGAIN)
			break;
		usleep(1000);
	}
	unload();
}

/* ---- sensors --------------------------------------------------------------------------------- */

static long long read_number(const char *path)
{
	long long value = -1;
	FILE *file = fopen(path, "re");

	check(file && fscanf(file, "%lld", &value) == 1);
	fclose(file);
	return value;
}

static void has_sensor(struct accel_sample *sample, uint32_t id, const char *name, int64_t value)
{
	struct accel_metric metric = {.size = sizeof(metric)};

	gives(accel_sample_find_metric(sample, id, name, &metric), 0);
	check(metric.value == value);
	gives(metric.source, ACCEL_SOURCE_HWMON);
}

/* Sensors of a device that is awake; one that sleeps goes on to. */
static void test_sensors(void)
{
	struct accel_sample_info sample_info = {.size = sizeof(sample_info)};
	struct accel_metric metric = {.size = sizeof(metric)};
	struct accel_telemetry *telemetry;
	struct accel_sample *sample;
	char active_time[256];
	long long asked, active;
	int i;

	find("accel0");
	snprintf(active_time, sizeof(active_time),
		 "/sys/class/accel/%s/device/power/runtime_active_time", info.name);
	keep_awake("on");
	load("");
	gives(accel_telemetry_create(NULL, &telemetry), 0);
	gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
	gives(accel_sample_get_info(sample, &sample_info), 0);
	gives(sample_info.power, ACCEL_POWER_ACTIVE);
	has_sensor(sample, ACCEL_METRIC_TEMPERATURE, "temp1", 45000);
	has_sensor(sample, ACCEL_METRIC_TEMPERATURE_CRITICAL, "temp1", 105000);
	has_sensor(sample, ACCEL_METRIC_TEMPERATURE, "board", -12000);
	has_sensor(sample, ACCEL_METRIC_POWER, "power1", 7500000);
	accel_sample_unref(sample);

	keep_awake("auto");
	do {
		usleep(1000);
		gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
		gives(accel_sample_get_info(sample, &sample_info), 0);
		accel_sample_unref(sample);
	} while (sample_info.power != ACCEL_POWER_SUSPENDED);
	asked = read_number("/sys/module/rig_mgmt/parameters/asked");
	active = read_number(active_time);
	for (i = 0; i < 100; i++) {
		gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
		gives(accel_sample_get_info(sample, &sample_info), 0);
		gives(sample_info.power, ACCEL_POWER_SUSPENDED);
		gives(sample_info.flags, ACCEL_SAMPLE_ASLEEP);
		gives(accel_sample_find_metric(sample, ACCEL_METRIC_TEMPERATURE, NULL, &metric),
		      -ENODATA);
		accel_sample_unref(sample);
	}
	gives(read_number("/sys/module/rig_mgmt/parameters/asked"), asked);
	gives(read_number(active_time), active);
	accel_telemetry_unref(telemetry);
	unload();
}

/* ---- events -------------------------------------------------------------------------------------- */

static struct accel_monitor *monitor;

static void start(uint32_t flags, uint32_t buffer)
{
	struct accel_monitor_params params = {
		.size = sizeof(params), .flags = flags, .buffer = buffer};

	gives(accel_monitor_create(&params, &monitor), 0);
}

/* The next event, waiting for it in poll. */
static struct accel_event next(void)
{
	struct accel_event event = {.size = sizeof(event)};
	struct pollfd poll_fd = {.events = POLLIN};
	int ret;

	gives(accel_monitor_fd(monitor, &poll_fd.fd), 0);
	for (;;) {
		ret = accel_monitor_read(monitor, &event);
		check(ret >= 0);
		if (ret)
			return event;
		gives(poll(&poll_fd, 1, FAR), 1);
	}
}

static void expect(uint32_t type, const char *name)
{
	struct accel_event event = next();

	gives(event.type, type);
	check(!strcmp(event.name, name));
	check(!strcmp(event.id, info.id));
}

static void bind_driver(const char *how)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/ethosu/%s", how);
	write_file(path, address);
}

static uint32_t picture(void)
{
	struct accel_device *devices[64];
	int count = accel_monitor_devices(monitor, devices, 64), i;

	check(count >= 0 && count <= 64);
	for (i = 0; i < count; i++)
		accel_device_unref(devices[i]);
	return (uint32_t)count;
}

static void test_events(void)
{
	struct accel_event event = {.size = sizeof(event)};
	unsigned int fds = count_fds();
	int i;

	find("accel0");
	start(ACCEL_MONITOR_INITIAL, 0);
	for (i = 0; i < 3; i++) {
		event = next();
		gives(event.type, ACCEL_EVENT_ARRIVED);
		gives(event.flags, ACCEL_EVENT_IS_INITIAL);
		gives(picture(), (uint32_t)i + 1);
	}
	gives(accel_monitor_read(monitor, &event), 0);
	for (i = 0; i < 20; i++) {
		bind_driver("unbind");
		expect(ACCEL_EVENT_REMOVED, "accel0");
		gives(picture(), 2);
		bind_driver("bind");
		expect(ACCEL_EVENT_ARRIVED, "accel0");
		gives(picture(), 3);
	}
	/* One that is gone before anybody looked. */
	bind_driver("unbind");
	bind_driver("bind");
	bind_driver("unbind");
	bind_driver("bind");
	for (i = 0; i < 2; i++) {
		expect(ACCEL_EVENT_REMOVED, "accel0");
		expect(ACCEL_EVENT_ARRIVED, "accel0");
	}
	gives(accel_monitor_read(monitor, &event), 0);
	gives(picture(), 3);
	accel_monitor_unref(monitor);

	/* The same without the kernel's events: by the nodes' directory alone. */
	start(ACCEL_MONITOR_NO_UEVENTS, 0);
	event = next();
	gives(event.type, ACCEL_EVENT_NO_UEVENTS);
	check(*event.text);
	bind_driver("unbind");
	expect(ACCEL_EVENT_REMOVED, "accel0");
	bind_driver("bind");
	expect(ACCEL_EVENT_ARRIVED, "accel0");
	gives(chmod(info.node, 0), 0);
	gives(chmod(info.node, 0600), 0);
	accel_monitor_unref(monitor);
	gives(count_fds(), fds);
}

/* In the network namespace of another user namespace no event of the kernel's arrives. */
static int in_container(void)
{
	struct accel_event event;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -errno;
	start(0, 0);
	event = next();
	check(*event.text);
	return -(int)event.type;
}

/* In the host's, they do, whoever asks. */
static int in_user_namespace(void)
{
	struct accel_event event = {.size = sizeof(event)};

	if (unshare(CLONE_NEWUSER))
		return -errno;
	start(0, 0);
	return accel_monitor_read(monitor, &event);
}

static void test_container(void)
{
	as_nobody(in_user_namespace, 0);
	as_nobody(in_container, -ACCEL_EVENT_NO_UEVENTS);
}

/* Binds and unbinds, by a process of its own, while this one reads. */
static pid_t make_storm(int count)
{
	pid_t child = fork();
	int i;

	check(child >= 0);
	if (child)
		return child;
	for (i = 0; i < count; i++) {
		bind_driver("unbind");
		bind_driver("bind");
	}
	_exit(0);
}

/* Read what there is, and see that it adds up: no device arrives twice, none goes that wasn't
 * there. The number of events. */
static unsigned int read_storm(unsigned int *overflows, bool *there)
{
	struct accel_event event = {.size = sizeof(event)};
	unsigned int count = 0;
	int ret;

	while ((ret = accel_monitor_read(monitor, &event)) == 1) {
		count++;
		if (event.type == ACCEL_EVENT_OVERFLOW) {
			++*overflows;
			continue;
		}
		check(!strcmp(event.id, info.id));
		if (event.type == ACCEL_EVENT_CHANGED)
			continue; /* its node goes a moment before itself */
		check(event.type == (*there ? ACCEL_EVENT_REMOVED : ACCEL_EVENT_ARRIVED));
		*there = !*there;
		gives(picture(), *there ? 3 : 2);
	}
	gives(ret, 0);
	return count;
}

static void storm(uint32_t buffer, int count, bool late, unsigned int *events,
		  unsigned int *overflows)
{
	struct pollfd poll_fd = {.events = POLLIN};
	bool there = true;
	int status;
	pid_t child;

	*events = *overflows = 0;
	start(0, buffer);
	gives(accel_monitor_fd(monitor, &poll_fd.fd), 0);
	child = make_storm(count);
	/* Late: nothing is read before all is over, so that most of it is lost. */
	if (late)
		gives(waitpid(child, &status, 0), child);
	else
		while (!waitpid(child, &status, WNOHANG)) {
			poll(&poll_fd, 1, 100);
			*events += read_storm(overflows, &there);
		}
	*events += read_storm(overflows, &there);
	check(there);
	gives(picture(), 3);
	gives(poll(&poll_fd, 1, 0), 0);
	accel_monitor_unref(monitor);
}

static void test_storm(void)
{
	unsigned int events, overflows;

	find("accel0");
	storm(0, 1000, false, &events, &overflows);
	printf("storm: %u events, %u overflows\n", events, overflows);
	/* One that went again before the monitor could look at it did not arrive. */
	check(events && events <= 2000 + overflows);
}

static void test_overflow(void)
{
	unsigned int events, overflows;

	find("accel0");
	storm(4096, 100, true, &events, &overflows);
	printf("overflow: %u events, %u overflows\n", events, overflows);
	gives(overflows, 1);
	/* And it goes on as before. */
	storm(0, 3, true, &events, &overflows);
	gives(overflows, 0);
	gives(events, 6);
}

/* ---- clients ---------------------------------------------------------------------------------------- */

static uint32_t clients(struct accel_telemetry *telemetry, struct accel_client *first)
{
	struct accel_sample_info sample_info = {.size = sizeof(sample_info)};
	struct accel_sample *sample;

	gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
	gives(accel_sample_get_info(sample, &sample_info), 0);
	check(!(sample_info.flags & ACCEL_SAMPLE_NO_CLIENTS));
	if (sample_info.clients)
		gives(accel_sample_get_client(sample, 0, first), 0);
	accel_sample_unref(sample);
	return sample_info.clients;
}

static void test_clients(void)
{
	struct accel_client client = {.size = sizeof(client)};
	struct accel_telemetry *telemetry;
	int fd, second, status;
	pid_t child;

	find("accel0");
	gives(accel_telemetry_create(NULL, &telemetry), 0);
	gives(clients(telemetry, &client), 0);
	fd = open(info.node, O_RDWR | O_CLOEXEC);
	check(fd >= 0);
	second = dup(fd);
	/* This process was looked at before: its turn comes, at the latest after all others. */
	gives(clients(telemetry, &client), 1);
	gives(client.pid, getpid());
	gives(client.files, 2);
	check(!strcmp(client.command, "accel-mgmt"));
	gives(client.flags, 0); /* ethosu tells nothing in fdinfo */
	close(second);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	gives(clients(telemetry, &client), 2);
	kill(child, SIGKILL);
	gives(waitpid(child, &status, 0), child);
	gives(clients(telemetry, &client), 1);
	close(fd);
	gives(clients(telemetry, &client), 0);
	accel_telemetry_unref(telemetry);
}

/* ---- drivers: qaic and ivpu, which tell more than the others ---------------------------------- */

static int64_t number_of(struct accel_sample *sample, uint32_t id, const char *name)
{
	struct accel_metric metric = {.size = sizeof(metric)};

	gives(accel_sample_find_metric(sample, id, name, &metric), 0);
	gives(metric.source, ACCEL_SOURCE_SYSFS);
	return metric.value;
}

static struct accel_sample *read_sample(void)
{
	struct accel_telemetry *telemetry;
	struct accel_sample *sample;

	gives(accel_telemetry_create(NULL, &telemetry), 0);
	gives(accel_telemetry_read(telemetry, &device, 1, &sample), 0);
	accel_telemetry_unref(telemetry);
	return sample;
}

/* accel0 is qaic and accel1 ivpu. */
static void test_drivers(void)
{
	struct accel_metric metric = {.size = sizeof(metric)};
	struct accel_client client = {.size = sizeof(client)};
	struct accel_sample *sample;
	struct accel_ras *ras;
	int fd;

	find("accel0");
	sample = read_sample();
	gives(number_of(sample, ACCEL_METRIC_ERRORS_FATAL, "device"), 0);
	gives(accel_sample_find_metric(sample, ACCEL_METRIC_STATUS, "dbc15", &metric), 0);
	check(!strcmp(metric.text, "idle"));
	accel_sample_unref(sample);
	ras = read_ras(device, 0, 3);
	gives(counter_of(ras, "device", "correctable").source, ACCEL_SOURCE_SYSFS);
	accel_ras_unref(ras);
	accel_device_unref(device);

	find("accel1");
	fd = open(info.node, O_RDWR | O_CLOEXEC);
	check(fd >= 0);
	sample = read_sample();
	check(number_of(sample, ACCEL_METRIC_CLOCK_MAX, "npu") >
	      number_of(sample, ACCEL_METRIC_CLOCK_MIN, "npu"));
	check(number_of(sample, ACCEL_METRIC_MEMORY_USED, "") > 0);
	gives(number_of(sample, ACCEL_METRIC_RESETS, "device"), 0);
	gives(accel_sample_get_client(sample, 0, &client), 0);
	gives(client.flags, ACCEL_CLIENT_HAS_ID | ACCEL_CLIENT_HAS_MEMORY);
	gives(client.pid, getpid());
	accel_sample_unref(sample);
	close(fd);

	start(0, 0);
	write_file("/sys/kernel/debug/accel/0000:01:01.0/force_recovery", "1");
	expect(ACCEL_EVENT_RECOVERED, "accel1");
	accel_monitor_unref(monitor);
	sample = read_sample();
	gives(number_of(sample, ACCEL_METRIC_RESETS, "device"), 1);
	accel_sample_unref(sample);
	accel_device_unref(device);

	find("accel0");
	start(0, 0);
	write_file("/sys/bus/mhi/devices/mhi0/soc_reset", "1");
	expect(ACCEL_EVENT_OFFLINE, "accel0");
	expect(ACCEL_EVENT_ONLINE, "accel0");
	accel_monitor_unref(monitor);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = {
		{"ras", test_ras},         {"firmware", test_firmware},
		{"sensors", test_sensors}, {"drivers", test_drivers},
		{"events", test_events},   {"container", test_container},
		{"storm", test_storm},     {"overflow", test_overflow},
		{"clients", test_clients},
	};
	size_t i;

	for (i = 0; argc == 2 && i < sizeof(tests) / sizeof(tests[0]); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].fn();
			printf("%s: passed\n", argv[1]);
			return 0;
		}
	fprintf(stderr, "usage: accel-mgmt "
			"ras|firmware|sensors|events|container|storm|overflow|clients|drivers\n");
	return 2;
}
