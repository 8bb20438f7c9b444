/* SPDX-License-Identifier: MIT */
/*
 * Questions to habanalabs. Its compute node lets one process in at a time, but beside it is a
 * control node for any number, which answers questions only. It is held for the time of the
 * questions: who has it open while the device is reset or removed may be killed.
 */
#include "mgmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <drm/habanalabs_accel.h>

/* The node's path and number, from sysfs. */
static int find_node(const struct accel_sample *sample, char *node, dev_t *number)
{
	char path[PATH_MAX], text[1024], *line, *rest, *end;
	int64_t numbers[2] = {-1, -1}; /* major, minor */
	const char *name = NULL;
	int ret;

	ret = file_path(path, sizeof(path), "%s/class/accel/accel_controlD%u/uevent",
			accel_core_root(ACCEL_ROOT_SYS), minor((dev_t)sample->device.devnum));
	if (!ret)
		ret = accel_core_read_file(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		end = strchr(line, '=');
		if (!end)
			continue;
		*end++ = '\0';
		if (!strcmp(line, "DEVNAME"))
			name = end;
		else if (!strcmp(line, "MAJOR") || !strcmp(line, "MINOR"))
			ret = text_number(end, 0, UINT32_MAX, &numbers[line[1] == 'I']);
		if (ret < 0)
			return ret;
	}
	if (!name || *name == '/' || strstr(name, "..") || numbers[0] < 0 || numbers[1] < 0)
		return -EINVAL;
	*number = makedev((unsigned int)numbers[0], (unsigned int)numbers[1]);
	return file_path(node, PATH_MAX, "%s/%s", accel_core_root(ACCEL_ROOT_DEV), name);
}

static int ask(int fd, uint32_t op, void *answer, uint32_t bytes)
{
	struct hl_info_args args;
	int ret;

	memset(answer, 0, bytes);
	do {
		/* Anew each time: it is written to even on failure. */
		memset(&args, 0, sizeof(args));
		args.return_pointer = (uint64_t)(uintptr_t)answer;
		args.return_size = bytes;
		args.op = op;
		ret = accel_core_sys.ioctl(fd, DRM_IOCTL_HL_INFO, &args);
	} while (ret == -EINTR);
	return ret < 0 ? ret : 0;
}

static void ask_all(struct accel_sample *sample, int fd)
{
	struct hl_info_device_utilization busy;
	struct hl_info_dram_usage dram;
	struct hl_info_hw_ip_info ip;
	int ret;

	ret = ask(fd, HL_INFO_HW_IP_INFO, &ip, sizeof(ip));
	if (!ret && (!ip.dram_size || ip.dram_size > INT64_MAX))
		ret = -ERANGE;
	if (ret) {
		skip("HL_INFO_HW_IP_INFO", ret);
	} else {
		metrics_number(&sample->metrics, ACCEL_METRIC_MEMORY_TOTAL, ACCEL_SOURCE_QUERY, "",
			       (int64_t)ip.dram_size, "HL_INFO_HW_IP_INFO");
		ret = ask(fd, HL_INFO_DRAM_USAGE, &dram, sizeof(dram));
		if (!ret && dram.dram_free_mem > ip.dram_size)
			ret = -ERANGE;
		if (ret)
			skip("HL_INFO_DRAM_USAGE", ret);
		else
			metrics_number(
				&sample->metrics, ACCEL_METRIC_MEMORY_USED, ACCEL_SOURCE_QUERY, "",
				(int64_t)(ip.dram_size - dram.dram_free_mem), "HL_INFO_DRAM_USAGE");
	}
	ret = ask(fd, HL_INFO_DEVICE_UTILIZATION, &busy, sizeof(busy));
	if (!ret && busy.utilization > 100)
		ret = -ERANGE;
	if (ret)
		skip("HL_INFO_DEVICE_UTILIZATION", ret);
	else
		metrics_number(&sample->metrics, ACCEL_METRIC_UTILIZATION, ACCEL_SOURCE_QUERY, "",
			       busy.utilization, "HL_INFO_DEVICE_UTILIZATION");
}

void habanalabs_query(struct accel_sample *sample)
{
	char node[PATH_MAX];
	struct stat st;
	dev_t number;
	int fd, ret;

	if (strcmp(sample->device.driver, "habanalabs") != 0 ||
	    (sample->info.flags & ACCEL_SAMPLE_ASLEEP))
		return;
	ret = find_node(sample, node, &number);
	if (ret) {
		skip("habanalabs' control node", ret);
		return;
	}
	ret = accel_core_sys.lstat(node, &st);
	if (!ret && (!S_ISCHR(st.st_mode) || st.st_rdev != number))
		ret = -ENXIO;
	if (ret) {
		skip(node, ret);
		return;
	}
	fd = accel_core_sys.open(node, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		skip(node, fd);
		return;
	}
	ret = accel_core_sys.fstat(fd, &st);
	if (!ret && (!S_ISCHR(st.st_mode) || st.st_rdev != number))
		ret = -ENXIO;
	if (ret)
		skip(node, ret);
	else
		ask_all(sample, fd);
	accel_core_sys.close(fd);
}
