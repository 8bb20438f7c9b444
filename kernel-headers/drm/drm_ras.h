/* SPDX-License-Identifier: MIT */
/* The generic netlink family of DRM's error counters. All of it needs CAP_NET_ADMIN. */
#ifndef _LINUX_DRM_RAS_H
#define _LINUX_DRM_RAS_H

#define DRM_RAS_FAMILY_NAME    "drm-ras"
#define DRM_RAS_FAMILY_VERSION 1

enum drm_ras_node_type {
	DRM_RAS_NODE_TYPE_ERROR_COUNTER = 1,
};

/* Attributes of a node in the list. */
enum {
	DRM_RAS_A_NODE_ATTRS_NODE_ID = 1, /* u32 */
	DRM_RAS_A_NODE_ATTRS_DEVICE_NAME, /* string: the PCI address, where there is one */
	DRM_RAS_A_NODE_ATTRS_NODE_NAME,   /* string */
	DRM_RAS_A_NODE_ATTRS_NODE_TYPE,   /* u32: enum drm_ras_node_type */

	__DRM_RAS_A_NODE_ATTRS_MAX,
	DRM_RAS_A_NODE_ATTRS_MAX = (__DRM_RAS_A_NODE_ATTRS_MAX - 1)
};

/* Attributes of a counter. */
enum {
	DRM_RAS_A_ERROR_COUNTER_ATTRS_NODE_ID = 1, /* u32 */
	DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID,    /* u32 */
	DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_NAME,  /* string */
	DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE, /* u32 */

	__DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX,
	DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX = (__DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX - 1)
};

enum {
	DRM_RAS_CMD_LIST_NODES = 1,      /* dump */
	DRM_RAS_CMD_GET_ERROR_COUNTER,   /* one, or dump all of a node */
	DRM_RAS_CMD_CLEAR_ERROR_COUNTER, /* one */

	__DRM_RAS_CMD_MAX,
	DRM_RAS_CMD_MAX = (__DRM_RAS_CMD_MAX - 1)
};

#endif
