/* SPDX-License-Identifier: MIT */
/* Metrics of the drivers' attributes, hwmon and habanalabs' control node. */
#include <drm/habanalabs_accel.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mgmt.h"
#include "support.h"

static char *tree;
static struct accel_telemetry *telemetry;
static struct accel_device *device;
static struct accel_sample *sample;
static struct accel_metric metric;

static int setup(void **state)
{
	(void)state;
	seam_install();
	tree = tree_make();
	set_sysfs(tree);
	set_procfs("/nonexistent");
	assert_ok(accel_telemetry_create(NULL, &telemetry));
	seam_forget();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accel_sample_unref(sample);
	sample = NULL;
	accel_telemetry_unref(telemetry);
	accel_device_unref(device);
	device = NULL;
	set_sysfs(NULL);
	set_procfs(NULL);
	set_dev(NULL);
	tree_remove(tree);
	assert_int_equal(seam_live_memory(), 0);
	return 0;
}

/* A file of the device, below its directory on the bus. */
#define PCI(file) "devices/pci0000:00/0000:c5:00.1/" file

static void add(const char *driver)
{
	tree_device(tree, 0, "0000:c5:00.1", driver);
	tree_print(tree, PCI("power/runtime_status"), "active\n");
	assert_ok(accel_device_find("accel0", &device));
}

static struct accel_sample_info look(void)
{
	struct accel_sample_info info = {.size = sizeof(info)};

	accel_sample_unref(sample);
	assert_ok(accel_telemetry_read(telemetry, &device, 1, &sample));
	assert_ok(accel_sample_get_info(sample, &info));
	return info;
}

/* That there is such a metric, now in @metric. */
static void has(uint32_t id, const char *name)
{
	metric = (struct accel_metric){.size = sizeof(metric)};
	assert_ok(accel_sample_find_metric(sample, id, name, &metric));
	assert_int_equal(metric.id, id);
	assert_string_equal(metric.name, name);
	assert_true(*metric.origin);
}

static void has_number(uint32_t id, const char *name, int64_t value)
{
	has(id, name);
	assert_int_not_equal(metric.unit, ACCEL_UNIT_TEXT);
	assert_true(metric.value == value);
	assert_string_equal(metric.text, "");
}

static void has_text(uint32_t id, const char *name, const char *text)
{
	has(id, name);
	assert_int_equal(metric.unit, ACCEL_UNIT_TEXT);
	assert_string_equal(metric.text, text);
	assert_true(!metric.value);
}

static void has_not(uint32_t id, const char *name)
{
	metric = (struct accel_metric){.size = sizeof(metric)};
	assert_fails(accel_sample_find_metric(sample, id, name, &metric), -ENODATA);
}

/* ---- drivers ------------------------------------------------------------------------------ */

static void write_ivpu(void)
{
	tree_print(tree, PCI("npu_busy_time_us"), "123456789\n");
	tree_print(tree, PCI("npu_memory_utilization"), "268435456\n");
	tree_print(tree, PCI("sched_mode"), "HW\n");
	tree_print(tree, PCI("freq/hw_min_freq"), "700\n");
	tree_print(tree, PCI("freq/hw_efficient_freq"), "1100\n");
	tree_print(tree, PCI("freq/hw_max_freq"), "1400\n");
	tree_print(tree, PCI("freq/current_freq"), "1200\n");
	tree_print(tree, PCI("freq/set_min_freq"), "800\n");
	tree_print(tree, PCI("freq/set_max_freq"), "1300\n");
	tree_print(tree, PCI("power/runtime_active_time"), "5000\n");
	tree_print(tree, PCI("power/runtime_suspended_time"), "70000\n");
	tree_print(tree, PCI("aer_dev_correctable"), "RxErr 0\nBadTLP 3\nTOTAL_ERR_COR 3\n");
	tree_print(tree, PCI("aer_dev_nonfatal"), "Undefined 0\nTOTAL_ERR_NONFATAL 1\n");
	tree_print(tree, PCI("aer_dev_fatal"), "Undefined 0\nTOTAL_ERR_FATAL 0\n");
	tree_print(tree, "kernel/debug/accel/0000:c5:00.1/fw_version", "Jan 1 2026*MTL_CLIENT*ci_tag\n");
	tree_print(tree, "kernel/debug/accel/0/reset_counter", "4\n");
}

static void test_ivpu(void **state)
{
	struct accel_sample_info info;
	uint32_t i, last = 0;

	(void)state;
	add("intel_vpu");
	write_ivpu();
	info = look();
	assert_int_equal(info.power, ACCEL_POWER_ACTIVE);
	assert_int_equal(info.flags, ACCEL_SAMPLE_NO_CLIENTS);
	has_number(ACCEL_METRIC_BUSY_TIME, "npu", 123456789000);
	assert_int_equal(metric.unit, ACCEL_UNIT_NANOSECONDS);
	assert_int_equal(metric.flags, ACCEL_METRIC_IS_COUNTER);
	assert_int_equal(metric.source, ACCEL_SOURCE_SYSFS);
	assert_non_null(strstr(metric.origin, "/class/accel/accel0/device/npu_busy_time_us"));
	has_number(ACCEL_METRIC_MEMORY_USED, "", 268435456);
	has_not(ACCEL_METRIC_MEMORY_TOTAL, NULL);
	has_number(ACCEL_METRIC_CLOCK, "npu", 1200000000);
	has_number(ACCEL_METRIC_CLOCK_MIN, "npu", 700000000);
	has_number(ACCEL_METRIC_CLOCK_MAX, "npu", 1400000000);
	has_number(ACCEL_METRIC_CLOCK_EFFICIENT, "npu", 1100000000);
	has_number(ACCEL_METRIC_CLOCK_LIMIT_MIN, "npu", 800000000);
	has_number(ACCEL_METRIC_CLOCK_LIMIT_MAX, "npu", 1300000000);
	has_text(ACCEL_METRIC_RUNTIME_STATUS, "", "active");
	has_number(ACCEL_METRIC_RUNTIME_ACTIVE, "", 5000000000);
	has_number(ACCEL_METRIC_RUNTIME_SUSPENDED, "", 70000000000);
	has_number(ACCEL_METRIC_ERRORS_CORRECTABLE, "pcie", 3);
	has_number(ACCEL_METRIC_ERRORS_NONFATAL, "pcie", 1);
	has_number(ACCEL_METRIC_ERRORS_FATAL, "pcie", 0);
	has_text(ACCEL_METRIC_FIRMWARE, "firmware", "Jan 1 2026*MTL_CLIENT*ci_tag");
	has_number(ACCEL_METRIC_RESETS, "device", 4);
	has_text(ACCEL_METRIC_STATUS, "scheduler", "HW");
	has_not(ACCEL_METRIC_TEMPERATURE, NULL);
	has_not(ACCEL_METRIC_POWER, NULL);
	/* In the order of their ids, and no more than there are. */
	for (i = 0; i < info.metrics; i++) {
		assert_ok(accel_sample_get_metric(sample, ACCEL_NO_CLIENT, i, &metric));
		assert_true(metric.id >= last);
		last = metric.id;
	}
	assert_fails(accel_sample_get_metric(sample, ACCEL_NO_CLIENT, i, &metric), -ENOENT);
	assert_fails(accel_sample_get_metric(sample, 0, 0, &metric), -ENOENT);
	assert_int_equal(seam_dev_opens(), 0);
}

static void test_ivpu_old(void **state)
{
	(void)state;
	add("intel_vpu");
	tree_print(tree, PCI("npu_max_frequency_mhz"), "1400\n");
	tree_print(tree, PCI("npu_current_frequency_mhz"), "0\n");
	look();
	has_number(ACCEL_METRIC_CLOCK_MAX, "npu", 1400000000);
	/* 0 is what it says when it is idle, and no rate. */
	has_not(ACCEL_METRIC_CLOCK, NULL);
	has_not(ACCEL_METRIC_BUSY_TIME, NULL);
}

/* Asleep: what only an awake one tells is not even read. */
static void test_asleep(void **state)
{
	static const char *const states[] = {"suspended", "suspending", "resuming"};
	struct accel_sample_info info;
	size_t i;

	(void)state;
	add("intel_vpu");
	write_ivpu();
	tree_print(tree, PCI("hwmon/hwmon0/temp1_input"), "45000\n");
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		tree_print(tree, PCI("power/runtime_status"), "%s\n", states[i]);
		info = look();
		assert_true(info.flags & ACCEL_SAMPLE_ASLEEP);
		assert_int_equal(info.power, i ? ACCEL_POWER_CHANGING : ACCEL_POWER_SUSPENDED);
		has_number(ACCEL_METRIC_BUSY_TIME, "npu", 123456789000);
		has_number(ACCEL_METRIC_CLOCK_MAX, "npu", 1400000000);
		has_not(ACCEL_METRIC_CLOCK, NULL);
		has_not(ACCEL_METRIC_TEMPERATURE, NULL);
	}
	tree_print(tree, PCI("power/runtime_status"), "active\n");
	assert_false(look().flags & ACCEL_SAMPLE_ASLEEP);
	has_number(ACCEL_METRIC_TEMPERATURE, "temp1", 45000);
	tree_print(tree, PCI("power/runtime_status"), "unsupported\n");
	assert_int_equal(look().power, ACCEL_POWER_UNKNOWN);
	has_not(ACCEL_METRIC_RUNTIME_STATUS, NULL);
	has_number(ACCEL_METRIC_TEMPERATURE, "temp1", 45000);
	tree_print(tree, PCI("power/runtime_status"), "error\n");
	assert_int_equal(look().power, ACCEL_POWER_ERROR);
}

static void test_qaic(void **state)
{
	(void)state;
	add("qaic");
	tree_print(tree, PCI("ce_count"), "12\n");
	tree_print(tree, PCI("ue_count"), "-1\n"); /* UINT_MAX, printed as the driver does */
	tree_print(tree, PCI("ue_nonfatal_count"), "2\n");
	tree_print(tree, "class/accel/accel0/dbc0_state", "1\n");
	tree_print(tree, "class/accel/accel0/dbc15_state", "3\n");
	tree_print(tree, "class/accel/accel0/dbc3_state", "6\n");
	tree_print(tree, "class/accel/accel0/dbc4_state", "x\n");
	tree_print(tree, "class/accel/accel0/dbc5_state2", "1\n");
	look();
	has_number(ACCEL_METRIC_ERRORS_CORRECTABLE, "device", 12);
	has_number(ACCEL_METRIC_ERRORS_FATAL, "device", 4294967295);
	has_number(ACCEL_METRIC_ERRORS_NONFATAL, "device", 2);
	has_text(ACCEL_METRIC_STATUS, "dbc0", "assigned");
	has_text(ACCEL_METRIC_STATUS, "dbc15", "after shutdown");
	has_not(ACCEL_METRIC_STATUS, "dbc3");
	has_not(ACCEL_METRIC_STATUS, "dbc4");
	has_not(ACCEL_METRIC_STATUS, "dbc5");
	has_not(ACCEL_METRIC_FIRMWARE, NULL);
}

static void test_amdxdna(void **state)
{
	(void)state;
	add("amdxdna");
	tree_print(tree, PCI("fw_version"), "1.5.2.380\n");
	tree_print(tree, PCI("vbnv"), "RyzenAI-npu4\n");
	tree_print(tree, PCI("device_type"), "0\n");
	look();
	has_text(ACCEL_METRIC_FIRMWARE, "firmware", "1.5.2.380");
	/* Not loaded. */
	tree_print(tree, PCI("fw_version"), "0.0.0.0\n");
	look();
	has_not(ACCEL_METRIC_FIRMWARE, NULL);
}

/* ---- habanalabs --------------------------------------------------------------------------- */

static struct {
	struct hl_info_hw_ip_info ip;
	struct hl_info_dram_usage dram;
	struct hl_info_device_utilization busy;
	int err;
	unsigned int calls, interrupted;
} hl;

static int answer_hl(int fd, unsigned long request, void *arg)
{
	struct hl_info_args *args = arg;
	void *to = (void *)(uintptr_t)args->return_pointer;

	if (!seam_node_of(fd) || request != DRM_IOCTL_HL_INFO)
		return -ENOTTY;
	hl.calls++;
	if (hl.interrupted) {
		hl.interrupted--;
		memset(args, 0xff, sizeof(*args)); /* written to even on failure */
		return -EINTR;
	}
	if (hl.err)
		return hl.err;
	switch (args->op) {
	case HL_INFO_HW_IP_INFO:
		memcpy(to, &hl.ip, args->return_size);
		return 0;
	case HL_INFO_DRAM_USAGE:
		memcpy(to, &hl.dram, args->return_size);
		return 0;
	case HL_INFO_DEVICE_UTILIZATION:
		memcpy(to, &hl.busy, args->return_size);
		return 0;
	default:
		return -EINVAL;
	}
}

static struct seam_node control = {.path = "/dev/accel/accel_controlD0"};
static struct seam_node compute = {.path = "/dev/accel/accel0"};

static void add_habanalabs(void)
{
	control = (struct seam_node){.path = "/dev/accel/accel_controlD0", .rdev = makedev(236, 0)};
	compute = (struct seam_node){.path = "/dev/accel/accel0", .rdev = makedev(261, 0)};
	seam_add_node(&control);
	seam_add_node(&compute);
	tree_print(tree, "class/accel/accel_controlD0/uevent",
		   "MAJOR=236\nMINOR=0\nDEVNAME=accel/accel_controlD0\n");
	add("habanalabs");
	memset(&hl, 0, sizeof(hl));
	hl.ip.dram_size = 96ull << 30;
	hl.dram.dram_free_mem = 95ull << 30;
	hl.busy.utilization = 42;
	accel_core_sys.ioctl = answer_hl;
	seam_forget();
}

static void test_habanalabs(void **state)
{
	int fds = count_fds();

	(void)state;
	add_habanalabs();
	tree_print(tree, PCI("status"), "Operational\n");
	tree_print(tree, PCI("clk_cur_freq_mhz"), "1500\n");
	tree_print(tree, PCI("clk_max_freq_mhz"), "1650\n");
	tree_print(tree, PCI("max_power"), "600000\n");
	tree_print(tree, PCI("hard_reset_cnt"), "2\n");
	tree_print(tree, PCI("soft_reset_cnt"), "0\n");
	tree_print(tree, PCI("cpucp_ver"), "hl-gaudi2-1.14.0-fw-48\n");
	tree_print(tree, PCI("armcp_ver"), "older name\n");
	tree_print(tree, PCI("preboot_btl_ver"), "Preboot version 1\x01\n");
	tree_print(tree, PCI("fuse_ver"), "00P0-HL2080A0-14\n");
	tree_print(tree, PCI("infineon_ver"), "0x0a\n");
	look();
	has_text(ACCEL_METRIC_STATUS, "device", "Operational");
	has_number(ACCEL_METRIC_CLOCK, "device", 1500000000);
	has_number(ACCEL_METRIC_CLOCK_LIMIT_MAX, "device", 1650000000);
	has_number(ACCEL_METRIC_POWER_LIMIT, "device", 600000000);
	has_number(ACCEL_METRIC_RESETS, "hard", 2);
	has_number(ACCEL_METRIC_RESETS, "soft", 0);
	has_text(ACCEL_METRIC_FIRMWARE, "cpucp", "hl-gaudi2-1.14.0-fw-48");
	has_text(ACCEL_METRIC_FIRMWARE, "preboot", "Preboot version 1?");
	has_text(ACCEL_METRIC_FIRMWARE, "vrm", "0x0a");
	has_number(ACCEL_METRIC_MEMORY_TOTAL, "", INT64_C(96) << 30);
	assert_int_equal(metric.source, ACCEL_SOURCE_QUERY);
	has_number(ACCEL_METRIC_MEMORY_USED, "", INT64_C(1) << 30);
	has_number(ACCEL_METRIC_UTILIZATION, "", 42);
	/* The compute node lets in one process only: it was left alone, the other closed. */
	assert_int_equal(compute.opens, 0);
	assert_int_equal(control.opens, 1);
	assert_int_equal(count_fds(), fds);
}

static void test_goya(void **state)
{
	(void)state;
	add_habanalabs();
	tree_print(tree, PCI("mme_clk_curr"), "700000000\n");
	tree_print(tree, PCI("tpc_clk"), "950000000\n");
	tree_print(tree, PCI("ic_clk_curr"), "nonsense\n");
	hl.err = -EBUSY; /* in reset */
	look();
	has_number(ACCEL_METRIC_CLOCK, "mme", 700000000);
	has_number(ACCEL_METRIC_CLOCK_LIMIT_MAX, "tpc", 950000000);
	has_not(ACCEL_METRIC_CLOCK, "ic");
	has_not(ACCEL_METRIC_MEMORY_TOTAL, NULL);
	has_not(ACCEL_METRIC_UTILIZATION, NULL);
	hl.err = 0;
	hl.interrupted = 3;
	look();
	has_number(ACCEL_METRIC_UTILIZATION, "", 42);
	/* Answers that can't be. */
	hl.dram.dram_free_mem = 97ull << 30;
	hl.busy.utilization = 101;
	look();
	has_number(ACCEL_METRIC_MEMORY_TOTAL, "", INT64_C(96) << 30);
	has_not(ACCEL_METRIC_MEMORY_USED, NULL);
	has_not(ACCEL_METRIC_UTILIZATION, NULL);
	hl.ip.dram_size = UINT64_MAX;
	look();
	has_not(ACCEL_METRIC_MEMORY_TOTAL, NULL);
}

/* What isn't the control node is not opened, or not asked. */
static void test_wrong_control(void **state)
{
	static const char *const uevents[] = {
		"MAJOR=236\nMINOR=0\nDEVNAME=../accel_controlD0\n",
		"MAJOR=236\nMINOR=0\nDEVNAME=/dev/accel/accel_controlD0\n",
		"MAJOR=236\nMINOR=1\nDEVNAME=accel/accel_controlD0\n",
		"MAJOR=x\nMINOR=0\nDEVNAME=accel/accel_controlD0\n",
		"MINOR=0\nDEVNAME=accel/accel_controlD0\n",
		"MAJOR=236\nMINOR=0\n",
		"",
	};
	size_t i;

	(void)state;
	add_habanalabs();
	for (i = 0; i < ARRAY_SIZE(uevents); i++) {
		tree_print(tree, "class/accel/accel_controlD0/uevent", "%s", uevents[i]);
		look();
		has_not(ACCEL_METRIC_MEMORY_TOTAL, NULL);
		assert_int_equal(control.opens, 0);
	}
	tree_print(tree, "class/accel/accel_controlD0/uevent",
		   "MAJOR=236\nMINOR=0\nDEVNAME=accel/accel_controlD0\n");
	control.opened_rdev = makedev(1, 1); /* swapped between looking and opening */
	look();
	assert_int_equal(control.opens, 1);
	assert_int_equal(hl.calls, 0);
	control.opened_rdev = 0;
	control.open_err = -EPERM;
	look();
	has_not(ACCEL_METRIC_MEMORY_TOTAL, NULL);
	/* Not at all, if no driver is to be asked, or while it sleeps. */
	control.open_err = 0;
	control.opens = 0;
	tree_print(tree, PCI("power/runtime_status"), "suspended\n");
	look();
	assert_int_equal(control.opens, 0);
	tree_print(tree, PCI("power/runtime_status"), "active\n");
	accel_telemetry_unref(telemetry);
	assert_ok(accel_telemetry_create(
		&(struct accel_telemetry_params){.size = sizeof(struct accel_telemetry_params),
						 .flags = ACCEL_TELEMETRY_NO_QUERIES},
		&telemetry));
	look();
	assert_int_equal(control.opens, 0);
}

/* ---- hwmon -------------------------------------------------------------------------------- */

static void test_hwmon(void **state)
{
	(void)state;
	add("habanalabs");
	tree_print(tree, PCI("hwmon/hwmon3/name"), "hl0\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp1_input"), "-5000\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp1_label"), "on board\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp1_max"), "95000\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp1_crit"), "105000\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp2_input"), "61000\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp3_input"), "61000\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp3_fault"), "1\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp4_input"), "-300000\n"); /* below zero kelvin */
	tree_print(tree, PCI("hwmon/hwmon3/temp5_input"), "99999999999999999999\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp6_input"), "61 C\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp_input"), "1\n");
	tree_print(tree, PCI("hwmon/hwmon3/temp99999_input"), "1\n");
	tree_print(tree, PCI("hwmon/hwmon3/power1_average"), "85000000\n");
	tree_print(tree, PCI("hwmon/hwmon3/power1_cap"), "150000000\n");
	tree_print(tree, PCI("hwmon/hwmon3/power2_input"), "7000000\n");
	tree_print(tree, PCI("hwmon/hwmon3/power2_average"), "8000000\n");
	tree_print(tree, PCI("hwmon/hwmon3/in0_input"), "-12000\n");
	tree_print(tree, PCI("hwmon/hwmon3/curr1_input"), "3300\n");
	tree_print(tree, PCI("hwmon/hwmon3/fan1_input"), "2500\n");
	tree_print(tree, PCI("hwmon/hwmon3/energy1_input"), "123456\n");
	tree_print(tree, PCI("hwmon/other/temp1_input"), "1\n");
	look();
	has_number(ACCEL_METRIC_TEMPERATURE, "on board", -5000);
	assert_int_equal(metric.source, ACCEL_SOURCE_HWMON);
	has_number(ACCEL_METRIC_TEMPERATURE_MAX, "on board", 95000);
	has_number(ACCEL_METRIC_TEMPERATURE_CRITICAL, "on board", 105000);
	has_number(ACCEL_METRIC_TEMPERATURE, "temp2", 61000);
	has_not(ACCEL_METRIC_TEMPERATURE, "temp3");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp4");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp5");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp6");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp1");
	has_not(ACCEL_METRIC_TEMPERATURE, "temp99999");
	has_number(ACCEL_METRIC_POWER, "power1", 85000000);
	has_number(ACCEL_METRIC_POWER_LIMIT, "power1", 150000000);
	has_number(ACCEL_METRIC_POWER, "power2", 7000000);
	has_number(ACCEL_METRIC_VOLTAGE, "in0", -12000);
	has_number(ACCEL_METRIC_CURRENT, "curr1", 3300);
	has_number(ACCEL_METRIC_FAN, "fan1", 2500);
	has_number(ACCEL_METRIC_ENERGY, "energy1", 123456);
}

/* ---- rocket ------------------------------------------------------------------------------- */

static void add_core(const char *name, const char *status)
{
	char path[128], target[128];

	snprintf(path, sizeof(path), "devices/platform/%s/power/runtime_status", name);
	tree_print(tree, path, "%s\n", status);
	snprintf(path, sizeof(path), "devices/platform/%s/power/runtime_active_time", name);
	tree_print(tree, path, "1000\n");
	snprintf(path, sizeof(path), "bus/platform/drivers/rocket/%s", name);
	snprintf(target, sizeof(target), "../../../../devices/platform/%s", name);
	if (access(tree_path(tree, path), F_OK))
		tree_link(tree, path, target);
}

static void test_rocket(void **state)
{
	(void)state;
	tree_print(tree, "class/accel/accel0/uevent", "MAJOR=261\nMINOR=0\nDEVNAME=accel/accel0\n");
	tree_print(tree, "devices/platform/rknn/uevent", "MODALIAS=platform:rknn\n");
	tree_print(tree, "devices/platform/rknn/power/runtime_status", "unsupported\n");
	tree_link(tree, "class/accel/accel0/device", "../../../devices/platform/rknn");
	tree_print(tree, "bus/platform/drivers/rocket/bind", "%s", "");
	add_core("fdab0000.npu", "suspended");
	add_core("fdac0000.npu", "suspended");
	assert_ok(accel_device_find("accel0", &device));
	assert_int_equal(look().power, ACCEL_POWER_SUSPENDED);
	has_text(ACCEL_METRIC_RUNTIME_STATUS, "fdab0000.npu", "suspended");
	has_number(ACCEL_METRIC_RUNTIME_ACTIVE, "fdac0000.npu", 1000000000);
	has_not(ACCEL_METRIC_RUNTIME_STATUS, "bind");
	/* One that works makes the device an awake one. */
	add_core("fdac0000.npu", "active");
	assert_int_equal(look().power, ACCEL_POWER_ACTIVE);
}

/* ---- hostile trees ------------------------------------------------------------------------ */

static void test_hostile(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"-1\n",
		"abc\n",
		"1 2\n",
		"0x10\n",
		"9223372036854775807\n",
		"99999999999999999999\n",
		"+5\n",
		" 5\n",
		"5\n\n6",
		"1e3\n",
		"\xff\xfe\n",
	};
	char *big;
	size_t i;

	(void)state;
	add("intel_vpu");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		tree_print(tree, PCI("npu_busy_time_us"), "%s", bad[i]);
		look();
		if (strcmp(bad[i], " 5\n") != 0)
			has_not(ACCEL_METRIC_BUSY_TIME, NULL);
	}
	tree_write(tree, PCI("npu_busy_time_us"), "1\0002", 3);
	big = malloc(1 << 20);
	assert_non_null(big);
	memset(big, '1', 1 << 20);
	tree_write(tree, PCI("npu_memory_utilization"), big, 1 << 20);
	tree_write(tree, PCI("sched_mode"), big, 1 << 20);
	tree_write(tree, PCI("aer_dev_fatal"), big, 4096);
	free(big);
	tree_print(tree, PCI("aer_dev_correctable"), "no number at all\n");
	tree_print(tree, PCI("aer_dev_nonfatal"), "TOTAL_ERR_NONFATAL -3\n");
	tree_dir(tree, PCI("freq/hw_max_freq"));
	assert_int_equal(mkfifo(tree_path(tree, PCI("freq/hw_min_freq")), 0600), 0);
	tree_link(tree, PCI("freq/set_max_freq"), "set_max_freq");
	tree_print(tree, PCI("power/runtime_active_time"), "9223372036854775807\n");
	look();
	has_not(ACCEL_METRIC_BUSY_TIME, NULL);
	has_not(ACCEL_METRIC_MEMORY_USED, NULL);
	has_not(ACCEL_METRIC_STATUS, NULL);
	has_not(ACCEL_METRIC_ERRORS_CORRECTABLE, NULL);
	has_not(ACCEL_METRIC_ERRORS_NONFATAL, NULL);
	has_not(ACCEL_METRIC_ERRORS_FATAL, NULL);
	has_not(ACCEL_METRIC_CLOCK_MAX, NULL);
	has_not(ACCEL_METRIC_CLOCK_MIN, NULL);
	has_not(ACCEL_METRIC_CLOCK_LIMIT_MAX, NULL);
	has_not(ACCEL_METRIC_RUNTIME_ACTIVE, NULL);
	has_text(ACCEL_METRIC_RUNTIME_STATUS, "", "active");
}

/* Any number of sensors: some are taken, and it ends. */
static void test_flood(void **state)
{
	struct accel_sample_info info;
	char path[128];
	int i;

	(void)state;
	add("habanalabs");
	for (i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), PCI("hwmon/hwmon0/temp%d_input"), i);
		tree_print(tree, path, "1\n");
	}
	info = look();
	assert_int_equal(info.metrics, 1024);
}

/* Each read may fail, and then there is one metric less. */
static void test_vanishing(void **state)
{
	struct accel_sample_info info;
	unsigned long opens, i;
	uint32_t all;

	(void)state;
	add("intel_vpu");
	write_ivpu();
	seam_forget();
	all = look().metrics;
	opens = seam_calls(SEAM_OPEN);
	assert_true(all >= 15 && opens >= all);
	for (i = 0; i < opens; i++) {
		seam_fail(SEAM_OPEN, i, 1, -ENODEV);
		info = look();
		assert_true(info.metrics <= all);
	}
	seam_fail(SEAM_READ, 0, 1000, -EIO);
	assert_int_equal(look().metrics, 0);
	seam_fail(SEAM_READ, 0, 0, 0);
	assert_int_equal(look().metrics, all);
}

static void test_gone(void **state)
{
	struct accel_sample_info info;

	(void)state;
	add("intel_vpu");
	write_ivpu();
	assert_int_equal(remove(tree_path(tree, "class/accel/accel0/uevent")), 0);
	info = look();
	assert_int_equal(info.flags & ACCEL_SAMPLE_GONE, ACCEL_SAMPLE_GONE);
	assert_int_equal(info.metrics, 0);
	/* Its name is another's now: what that tells is not told of this one. */
	unlink(tree_path(tree, "class/accel/accel0/device"));
	tree_device(tree, 0, "0000:01:00.0", "intel_vpu");
	tree_print(tree, "devices/pci0000:00/0000:01:00.0/npu_busy_time_us", "1\n");
	info = look();
	assert_int_equal(info.flags & ACCEL_SAMPLE_GONE, ACCEL_SAMPLE_GONE);
	assert_int_equal(info.metrics, 0);
	/* Where sysfs is masked nothing is known, not even that. */
	set_sysfs("/nonexistent");
	assert_int_equal(look().flags & ACCEL_SAMPLE_GONE, 0);
}

static void test_memory(void **state)
{
	struct accel_sample *none = NULL;
	long live;
	int ret, i;

	(void)state;
	add("intel_vpu");
	write_ivpu();
	look();
	live = seam_live_memory();
	for (i = 0;; i++) {
		seam_fail(SEAM_ALLOC, (unsigned long)i, 1, -ENOMEM);
		ret = accel_telemetry_read(telemetry, &device, 1, &none);
		seam_fail(SEAM_ALLOC, 0, 0, 0);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(none);
		assert_int_equal(seam_live_memory(), live);
	}
	assert_true(i >= 4);
	accel_sample_unref(none);
}

static void test_arguments(void **state)
{
	struct accel_telemetry_params params = {.size = sizeof(params), .flags = 1u << 31};
	struct accel_metric_info info = {.size = sizeof(info)};
	struct accel_telemetry *other;

	(void)state;
	add("soft");
	look();
	assert_fails(accel_telemetry_create(&params, &other), -EINVAL);
	assert_fails(accel_telemetry_create(NULL, NULL), -EINVAL);
	assert_fails(accel_telemetry_read(NULL, &device, 1, &sample), -EINVAL);
	assert_fails(accel_telemetry_read(telemetry, NULL, 1, &sample), -EINVAL);
	assert_fails(accel_telemetry_read(telemetry, &device, 1, NULL), -EINVAL);
	assert_ok(accel_telemetry_read(telemetry, NULL, 0, NULL));
	assert_fails(accel_sample_get_info(NULL, NULL), -EINVAL);
	assert_fails(accel_sample_get_metric(NULL, 0, 0, &metric), -EINVAL);
	metric.size = 3;
	assert_fails(accel_sample_get_metric(sample, ACCEL_NO_CLIENT, 0, &metric), -EINVAL);
	assert_fails(accel_metric_get_info(0, &info), -EINVAL);
	assert_fails(accel_metric_get_info(ACCEL_METRIC_MEMORY_ACTIVE + 1, &info), -EINVAL);
	assert_ok(accel_metric_get_info(ACCEL_METRIC_BUSY_TIME, &info));
	assert_string_equal(info.name, "busy_time");
	assert_int_equal(info.unit, ACCEL_UNIT_NANOSECONDS);
}

static void test_soft(void **state)
{
	struct accel_sample_info info;

	(void)state;
	assert_ok(accel_device_find("soft:0", &device));
	info = look();
	assert_int_equal(info.metrics, 0);
	assert_int_equal(info.power, ACCEL_POWER_UNKNOWN);
	assert_int_equal(info.flags & ACCEL_SAMPLE_GONE, 0);
}

/* ---- firmware ------------------------------------------------------------------------------ */

static void test_firmware(void **state)
{
	struct accel_firmware_version version = {.size = sizeof(version)};
	struct accel_firmware_info info = {.size = sizeof(info)};
	struct accel_firmware *firmware;

	(void)state;
	add("habanalabs");
	tree_print(tree, PCI("cpld_ver"), "0x00000010\n");
	tree_print(tree, PCI("fuse_ver"), "00P0\n");
	tree_print(tree, PCI("power/runtime_status"), "suspended\n");
	assert_ok(accel_firmware_read(device, &firmware));
	assert_ok(accel_firmware_get_info(firmware, &info));
	assert_int_equal(info.devlink, -EAGAIN);
	assert_true(*info.reason);
	assert_int_equal(info.versions, 2);
	assert_ok(accel_firmware_get_version(firmware, 0, &version));
	assert_int_equal(version.kind, ACCEL_VERSION_FIXED);
	assert_string_equal(version.name, "fuse");
	assert_string_equal(version.text, "00P0");
	assert_ok(accel_firmware_get_version(firmware, 1, &version));
	assert_int_equal(version.kind, ACCEL_VERSION_RUNNING);
	assert_string_equal(version.name, "cpld");
	assert_int_equal(version.source, ACCEL_SOURCE_SYSFS);
	assert_fails(accel_firmware_get_version(firmware, 2, &version), -ENOENT);
	accel_firmware_unref(firmware);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ivpu),      TEST(test_ivpu_old),      TEST(test_asleep),
		TEST(test_qaic),      TEST(test_amdxdna),       TEST(test_habanalabs),
		TEST(test_goya),      TEST(test_wrong_control), TEST(test_hwmon),
		TEST(test_rocket),    TEST(test_hostile),       TEST(test_flood),
		TEST(test_vanishing), TEST(test_gone),          TEST(test_memory),
		TEST(test_arguments), TEST(test_soft),          TEST(test_firmware),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
