/* SPDX-License-Identifier: MIT */
/* The devlink family of generic netlink: versions of firmware, and writing it. */
#include "mgmt.h"

#include <errno.h>
#include <linux/devlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

/* What we look at; all others are skipped. */
static struct nla_policy policy[DEVLINK_ATTR_MAX + 1] = {
	[DEVLINK_ATTR_BUS_NAME] = {.type = NLA_STRING},
	[DEVLINK_ATTR_DEV_NAME] = {.type = NLA_STRING},
	[DEVLINK_ATTR_INFO_DRIVER_NAME] = {.type = NLA_STRING},
	[DEVLINK_ATTR_INFO_SERIAL_NUMBER] = {.type = NLA_STRING},
	[DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER] = {.type = NLA_STRING},
	[DEVLINK_ATTR_INFO_VERSION_NAME] = {.type = NLA_STRING},
	[DEVLINK_ATTR_INFO_VERSION_VALUE] = {.type = NLA_STRING},
	[DEVLINK_ATTR_FLASH_UPDATE_COMPONENT] = {.type = NLA_STRING},
	[DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG] = {.type = NLA_STRING},
	[DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE] = {.type = NLA_U64},
	[DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL] = {.type = NLA_U64},
	[DEVLINK_ATTR_FLASH_UPDATE_STATUS_TIMEOUT] = {.type = NLA_U64},
};

int devlink_handle(const struct accel_device_info *device, char *bus, size_t bus_bytes, char *name,
		   size_t name_bytes)
{
	const char *colon = strchr(device->id, ':');

	if (!*device_address(device))
		return -ENODEV;
	if (snprintf(bus, bus_bytes, "%.*s", (int)(colon - device->id), device->id) >=
		    (int)bus_bytes ||
	    snprintf(name, name_bytes, "%s", colon + 1) >= (int)name_bytes)
		return -ENAMETOOLONG;
	return 0;
}

static void take_string(char *to, size_t bytes, struct nlattr *from)
{
	if (from)
		text_clean(to, bytes, nla_data(from), (size_t)nla_len(from));
}

static struct nl_msg *request(struct genl *genl, uint8_t command, const char *bus, const char *name)
{
	struct nl_msg *msg = genl_request(genl, command, 0);

	if (msg && (nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, bus) ||
		    nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, name))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static uint32_t kind_of(int type)
{
	switch (type) {
	case DEVLINK_ATTR_INFO_VERSION_FIXED:
		return ACCEL_VERSION_FIXED;
	case DEVLINK_ATTR_INFO_VERSION_RUNNING:
		return ACCEL_VERSION_RUNNING;
	case DEVLINK_ATTR_INFO_VERSION_STORED:
		return ACCEL_VERSION_STORED;
	default:
		return 0;
	}
}

static void take_version(struct devlink_info *info, uint32_t kind, struct nlattr *nest)
{
	struct nlattr *attrs[DEVLINK_ATTR_MAX + 1];
	char name[64], text[128];

	if (nla_parse_nested(attrs, DEVLINK_ATTR_MAX, nest, policy) ||
	    !attrs[DEVLINK_ATTR_INFO_VERSION_NAME] || !attrs[DEVLINK_ATTR_INFO_VERSION_VALUE]) {
		skip("a version of devlink", -EBADMSG);
		return;
	}
	take_string(name, sizeof(name), attrs[DEVLINK_ATTR_INFO_VERSION_NAME]);
	take_string(text, sizeof(text), attrs[DEVLINK_ATTR_INFO_VERSION_VALUE]);
	info->version(info->data, kind, name, text, "devlink");
}

static int take_info(void *data, uint8_t command, struct nlattr *head, int length)
{
	struct nlattr *attrs[DEVLINK_ATTR_MAX + 1], *attr;
	struct devlink_info *info = data;
	int left;

	if (command != DEVLINK_CMD_INFO_GET ||
	    nla_parse(attrs, DEVLINK_ATTR_MAX, head, length, policy)) {
		skip("an answer of devlink", -EBADMSG);
		return -EPROTO;
	}
	take_string(info->driver, sizeof(info->driver), attrs[DEVLINK_ATTR_INFO_DRIVER_NAME]);
	take_string(info->serial, sizeof(info->serial), attrs[DEVLINK_ATTR_INFO_SERIAL_NUMBER]);
	take_string(info->board_serial, sizeof(info->board_serial),
		    attrs[DEVLINK_ATTR_INFO_BOARD_SERIAL_NUMBER]);
	/* There are several of a kind: each stands by itself. */
	nla_for_each_attr(attr, head, length, left) if (kind_of(nla_type(attr)))
		take_version(info, kind_of(nla_type(attr)), attr);
	return 0;
}

int devlink_read_info(struct genl *genl, const char *bus, const char *name,
		      struct devlink_info *info)
{
	struct nl_msg *msg = request(genl, DEVLINK_CMD_INFO_GET, bus, name);

	return msg ? genl_call(genl, msg, take_info, info) : -ENOMEM;
}

int devlink_exists(struct genl *genl, const char *bus, const char *name)
{
	struct nl_msg *msg = request(genl, DEVLINK_CMD_GET, bus, name);

	return msg ? genl_call(genl, msg, NULL, NULL) : -ENOMEM;
}

int devlink_flash(struct genl *genl, const char *bus, const char *name, const char *file,
		  const char *component, uint32_t overwrite)
{
	struct nla_bitfield32 mask = {.value = overwrite, .selector = overwrite};
	struct nl_msg *msg = request(genl, DEVLINK_CMD_FLASH_UPDATE, bus, name);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, DEVLINK_ATTR_FLASH_UPDATE_FILE_NAME, file) ||
	    (component && nla_put_string(msg, DEVLINK_ATTR_FLASH_UPDATE_COMPONENT, component)) ||
	    (overwrite &&
	     nla_put(msg, DEVLINK_ATTR_FLASH_UPDATE_OVERWRITE_MASK, sizeof(mask), &mask))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return genl_call(genl, msg, NULL, NULL);
}

static uint64_t number(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

int devlink_progress(uint8_t command, struct nlattr *head, int length, const char *bus,
		     const char *name, struct accel_flash_progress *progress)
{
	struct nlattr *attrs[DEVLINK_ATTR_MAX + 1];
	uint64_t timeout;

	if (command != DEVLINK_CMD_FLASH_UPDATE_STATUS && command != DEVLINK_CMD_FLASH_UPDATE_END)
		return 0;
	if (nla_parse(attrs, DEVLINK_ATTR_MAX, head, length, policy) ||
	    !attrs[DEVLINK_ATTR_BUS_NAME] || !attrs[DEVLINK_ATTR_DEV_NAME]) {
		skip("a notification of devlink", -EBADMSG);
		return 0;
	}
	if (strcmp(nla_get_string(attrs[DEVLINK_ATTR_BUS_NAME]), bus) != 0 ||
	    strcmp(nla_get_string(attrs[DEVLINK_ATTR_DEV_NAME]), name) != 0)
		return 0;
	if (command == DEVLINK_CMD_FLASH_UPDATE_END)
		return 2;
	*progress = (struct accel_flash_progress){.size = sizeof(*progress)};
	take_string(progress->status, sizeof(progress->status),
		    attrs[DEVLINK_ATTR_FLASH_UPDATE_STATUS_MSG]);
	take_string(progress->component, sizeof(progress->component),
		    attrs[DEVLINK_ATTR_FLASH_UPDATE_COMPONENT]);
	progress->done = number(attrs[DEVLINK_ATTR_FLASH_UPDATE_STATUS_DONE]);
	progress->total = number(attrs[DEVLINK_ATTR_FLASH_UPDATE_STATUS_TOTAL]);
	timeout = number(attrs[DEVLINK_ATTR_FLASH_UPDATE_STATUS_TIMEOUT]);
	progress->timeout_s = timeout > UINT32_MAX ? 0 : (uint32_t)timeout;
	return 1;
}
