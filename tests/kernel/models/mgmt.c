// SPDX-License-Identifier: GPL-2.0
/*
 * What no accel driver of the rig offers: counters of errors in drm-ras, firmware by devlink, and
 * sensors in hwmon, on a device that another driver runs.
 *
 *	device=NAME	of the platform device
 *	nodes=COUNT	nodes of drm-ras beside the three that stand below
 *
 * The node "memory" has the counters correctable (1), non-fatal (3) and fatal (4), and no 2; "bus" has
 * one that can't be cleared; "other" belongs to another device. devlink writes any file that
 * does not begin with "bad", in ten steps, and then names its first word as the stored version.
 * The parameter "asked" counts the readings of sensors.
 */
#include <linux/firmware.h>
#include <linux/hwmon.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <net/devlink.h>

#include <drm/drm_ras.h>

#define STEPS	10
#define WORD	32

static char *device = "";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "name of the platform device");

static unsigned int nodes;
module_param(nodes, uint, 0444);
MODULE_PARM_DESC(nodes, "further nodes of drm-ras");

/* --- drm-ras ---------------------------------------------------------------- */

static const char *const names[] = { NULL, "correctable", NULL, "non-fatal", "fatal" };
static u32 values[] = { 0, 7, 0, 2, U32_MAX };

static int memory_query(struct drm_ras_node *node, u32 id, const char **name, u32 *value)
{
	if (!names[id])
		return -ENOENT;
	*name = names[id];
	*value = values[id];
	return 0;
}

static int memory_clear(struct drm_ras_node *node, u32 id)
{
	if (!names[id])
		return -ENOENT;
	values[id] = 0;
	return 0;
}

static int plain_query(struct drm_ras_node *node, u32 id, const char **name, u32 *value)
{
	*name = "parity";
	*value = 100 + id;
	return 0;
}

static struct drm_ras_node memory = {
	.node_name = "memory",
	.type = DRM_RAS_NODE_TYPE_ERROR_COUNTER,
	.error_counter_range = { .first = 1, .last = 4 },
	.query_error_counter = memory_query,
	.clear_error_counter = memory_clear,
};

static struct drm_ras_node bus = {
	.node_name = "bus",
	.type = DRM_RAS_NODE_TYPE_ERROR_COUNTER,
	.error_counter_range = { .first = 1, .last = 1 },
	.query_error_counter = plain_query,
};

static struct drm_ras_node other = {
	.device_name = "0000:ff:1f.7",
	.node_name = "other",
	.type = DRM_RAS_NODE_TYPE_ERROR_COUNTER,
	.error_counter_range = { .first = 1, .last = 2 },
	.query_error_counter = plain_query,
};

static struct drm_ras_node *more;
static unsigned int more_count;

static void mgmt_del_nodes(void)
{
	while (more_count)
		drm_ras_node_unregister(&more[--more_count]);
	kfree(more);
	drm_ras_node_unregister(&other);
	drm_ras_node_unregister(&bus);
	drm_ras_node_unregister(&memory);
}

static int mgmt_add_nodes(void)
{
	int ret;

	memory.device_name = bus.device_name = device;
	ret = drm_ras_node_register(&memory);
	if (ret)
		return ret;
	ret = drm_ras_node_register(&bus);
	if (ret)
		goto err_memory;
	ret = drm_ras_node_register(&other);
	if (ret)
		goto err_bus;
	more = kcalloc(nodes, sizeof(*more), GFP_KERNEL);
	for (; more && more_count < nodes; more_count++) {
		more[more_count] = other;
		more[more_count].node_name = "one of many";
		if (drm_ras_node_register(&more[more_count]))
			break;
	}
	if (more_count == nodes)
		return 0;
	mgmt_del_nodes();
	return -ENOMEM;

err_bus:
	drm_ras_node_unregister(&bus);
err_memory:
	drm_ras_node_unregister(&memory);
	return ret;
}

/* --- devlink ---------------------------------------------------------------- */

static char stored[WORD] = "1.0";

static int mgmt_info_get(struct devlink *devlink, struct devlink_info_req *req,
			 struct netlink_ext_ack *extack)
{
	int ret = devlink_info_serial_number_put(req, "RIG-0001");

	ret = ret ?: devlink_info_board_serial_number_put(req, "BOARD-0001");
	ret = ret ?: devlink_info_version_fixed_put(req, "board.id", "rig.7");
	ret = ret ?: devlink_info_version_running_put(req, "fw", "1.0");
	ret = ret ?: devlink_info_version_running_put(req, "fw.bootloader", "0.3");
	return ret ?: devlink_info_version_stored_put(req, "fw", stored);
}

static int mgmt_flash_update(struct devlink *devlink, struct devlink_flash_update_params *params,
			     struct netlink_ext_ack *extack)
{
	const char *data = params->fw->data;
	size_t size = params->fw->size, i;

	devlink_flash_update_timeout_notify(devlink, "Erasing", params->component, 5);
	if (size >= 3 && !memcmp(data, "bad", 3)) {
		NL_SET_ERR_MSG_MOD(extack, "the file is for another device");
		return -ENOEXEC;
	}
	for (i = 0; i <= STEPS; i++)
		devlink_flash_update_status_notify(devlink, "Writing", params->component,
						   size * i / STEPS, size);
	for (i = 0; i < size && i < WORD - 1 && data[i] > ' '; i++)
		stored[i] = data[i];
	stored[i] = 0;
	devlink_flash_update_status_notify(devlink, params->overwrite_mask ?
					   "Settings overwritten" : "Settings kept", NULL, 0, 0);
	return 0;
}

static const struct devlink_ops mgmt_ops = {
	.supported_flash_update_params = DEVLINK_SUPPORT_FLASH_UPDATE_OVERWRITE_MASK,
	.info_get = mgmt_info_get,
	.flash_update = mgmt_flash_update,
};

/* --- hwmon ------------------------------------------------------------------ */

static unsigned int asked;
module_param(asked, uint, 0444);
MODULE_PARM_DESC(asked, "how often a sensor was read");

static umode_t mgmt_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
			       int channel)
{
	return 0444;
}

static int mgmt_read(struct device *dev, enum hwmon_sensor_types type, u32 attr, int channel,
		     long *value)
{
	asked++;
	if (type == hwmon_temp && attr == hwmon_temp_input)
		*value = channel ? -12000 : 45000;
	else if (type == hwmon_temp)
		*value = 105000;
	else
		*value = 7500000;
	return 0;
}

static int mgmt_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			    int channel, const char **text)
{
	*text = "board";
	return 0;
}

static const struct hwmon_ops mgmt_hwmon_ops = {
	.is_visible = mgmt_is_visible,
	.read = mgmt_read,
	.read_string = mgmt_read_string,
};

static const struct hwmon_channel_info *const mgmt_channels[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_CRIT, HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT),
	NULL
};

static const struct hwmon_chip_info mgmt_chip = {
	.ops = &mgmt_hwmon_ops,
	.info = mgmt_channels,
};

static struct device *parent, *sensors;
static struct devlink *instance;

static int __init mgmt_init(void)
{
	int ret;

	parent = bus_find_device_by_name(&platform_bus_type, NULL, device);
	if (!parent)
		return -ENODEV;
	ret = mgmt_add_nodes();
	if (ret)
		goto err_parent;
	instance = devlink_alloc(&mgmt_ops, 0, parent);
	if (!instance) {
		ret = -ENOMEM;
		goto err_nodes;
	}
	sensors = hwmon_device_register_with_info(parent, "rig_mgmt", NULL, &mgmt_chip, NULL);
	if (IS_ERR(sensors)) {
		ret = PTR_ERR(sensors);
		goto err_instance;
	}
	devlink_register(instance);
	return 0;

err_instance:
	devlink_free(instance);
err_nodes:
	mgmt_del_nodes();
err_parent:
	put_device(parent);
	return ret;
}

static void __exit mgmt_exit(void)
{
	devlink_unregister(instance);
	hwmon_device_unregister(sensors);
	devlink_free(instance);
	mgmt_del_nodes();
	put_device(parent);
}

module_init(mgmt_init);
module_exit(mgmt_exit);

MODULE_DESCRIPTION("libaccel test rig: error counters, firmware and sensors");
MODULE_LICENSE("GPL");
