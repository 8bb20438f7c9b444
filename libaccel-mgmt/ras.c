/* SPDX-License-Identifier: MIT */
/* Errors that the hardware counts: the kernel's drm-ras family, and qaic's files. */
#include "mgmt.h"

#include <errno.h>
#include <limits.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <drm/drm_ras.h>

#define FAMILY    DRM_RAS_FAMILY_NAME
#define NODES_MAX 4096u
#define TRIES     3 /* of a list that changes while it is read */

struct node {
	uint32_t id;
	char device[64], name[64];
};

struct accel_ras {
	_Atomic uint32_t refs;
	struct accel_ras_info info;
	struct array counters; /* struct accel_ras_counter */
};

/* ---- drm-ras ---------------------------------------------------------------------------------- */

static void take_string(char *to, size_t bytes, struct nlattr *from)
{
	text_clean(to, bytes, nla_data(from), (size_t)nla_len(from));
}

static int take_node(void *data, uint8_t command, struct nlattr *head, int length)
{
	static struct nla_policy policy[DRM_RAS_A_NODE_ATTRS_MAX + 1] = {
		[DRM_RAS_A_NODE_ATTRS_NODE_ID] = {.type = NLA_U32},
		[DRM_RAS_A_NODE_ATTRS_DEVICE_NAME] = {.type = NLA_STRING},
		[DRM_RAS_A_NODE_ATTRS_NODE_NAME] = {.type = NLA_STRING},
		[DRM_RAS_A_NODE_ATTRS_NODE_TYPE] = {.type = NLA_U32},
	};
	struct nlattr *attrs[DRM_RAS_A_NODE_ATTRS_MAX + 1];
	struct array *nodes = data;
	struct node *node;

	if (command != DRM_RAS_CMD_LIST_NODES ||
	    nla_parse(attrs, DRM_RAS_A_NODE_ATTRS_MAX, head, length, policy) ||
	    !attrs[DRM_RAS_A_NODE_ATTRS_NODE_ID] || !attrs[DRM_RAS_A_NODE_ATTRS_DEVICE_NAME] ||
	    !attrs[DRM_RAS_A_NODE_ATTRS_NODE_NAME] || !attrs[DRM_RAS_A_NODE_ATTRS_NODE_TYPE]) {
		skip("a node of drm-ras", -EBADMSG);
		return 0;
	}
	/* Nodes of other kinds have no counters. */
	if (nla_get_u32(attrs[DRM_RAS_A_NODE_ATTRS_NODE_TYPE]) != DRM_RAS_NODE_TYPE_ERROR_COUNTER)
		return 0;
	if (nodes->count == NODES_MAX) {
		skip("nodes of drm-ras beyond the limit", -E2BIG);
		return 0;
	}
	node = array_add(nodes, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->id = nla_get_u32(attrs[DRM_RAS_A_NODE_ATTRS_NODE_ID]);
	take_string(node->device, sizeof(node->device), attrs[DRM_RAS_A_NODE_ATTRS_DEVICE_NAME]);
	take_string(node->name, sizeof(node->name), attrs[DRM_RAS_A_NODE_ATTRS_NODE_NAME]);
	return 0;
}

static int list_nodes(struct genl *genl, struct array *nodes)
{
	struct nl_msg *msg;
	int ret, i;

	for (i = 0, ret = -EAGAIN; ret == -EAGAIN && i < TRIES; i++) {
		nodes->count = 0;
		msg = genl_request(genl, DRM_RAS_CMD_LIST_NODES, NLM_F_DUMP);
		if (!msg)
			return -ENOMEM;
		ret = genl_call(genl, msg, take_node, nodes);
	}
	return ret;
}

/* The counters of one node, on their way into a list. */
struct counting {
	const struct node *node;
	struct array *counters;
	uint32_t before;
	char id[64];
};

static uint32_t severity_of(const char *name)
{
	char lower[64];
	size_t i;

	for (i = 0; name[i] && i < sizeof(lower) - 1; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	lower[i] = '\0';
	/* The longer words have the shorter ones in them. */
	if (strstr(lower, "nonfatal") || strstr(lower, "non-fatal") || strstr(lower, "non_fatal"))
		return ACCEL_RAS_NONFATAL;
	if (strstr(lower, "uncorrect") || strstr(lower, "fatal"))
		return ACCEL_RAS_FATAL;
	if (strstr(lower, "correct"))
		return ACCEL_RAS_CORRECTABLE;
	return ACCEL_RAS_OTHER;
}

static int take_counter(void *data, uint8_t command, struct nlattr *head, int length)
{
	static struct nla_policy policy[DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX + 1] = {
		[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID] = {.type = NLA_U32},
		[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_NAME] = {.type = NLA_STRING},
		[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE] = {.type = NLA_U32},
	};
	struct nlattr *attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX + 1];
	struct counting *counting = data;
	struct accel_ras_counter *counter;

	if (command != DRM_RAS_CMD_GET_ERROR_COUNTER ||
	    nla_parse(attrs, DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX, head, length, policy) ||
	    !attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID] ||
	    !attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_NAME] ||
	    !attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE]) {
		skip("a counter of drm-ras", -EBADMSG);
		return 0;
	}
	if (counting->counters->count == ARRAY_LIMIT)
		return 0;
	counter = array_add(counting->counters, sizeof(*counter));
	if (!counter)
		return -ENOMEM;
	counter->flags = ACCEL_RAS_CLEARABLE;
	counter->source = ACCEL_SOURCE_DRM_RAS;
	counter->node_id = counting->node->id;
	counter->error_id = nla_get_u32(attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID]);
	counter->value = nla_get_u32(attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE]);
	memcpy(counter->device, counting->node->device, sizeof(counter->device));
	memcpy(counter->node, counting->node->name, sizeof(counter->node));
	memcpy(counter->id, counting->id, sizeof(counter->id));
	take_string(counter->name, sizeof(counter->name),
		    attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_NAME]);
	counter->severity = severity_of(counter->name);
	if (counter->severity == ACCEL_RAS_OTHER)
		counter->severity = severity_of(counter->node);
	snprintf(counter->origin, sizeof(counter->origin), FAMILY);
	return 0;
}

/* A node that its driver can't read, or that is gone by now, has no counters. What is wrong with
 * the answers themselves is wrong with all. */
static int read_node(struct genl *genl, struct counting *counting)
{
	struct nl_msg *msg;
	int ret, i;

	counting->before = counting->counters->count;
	for (i = 0, ret = -EAGAIN; ret == -EAGAIN && i < TRIES; i++) {
		counting->counters->count = counting->before;
		msg = genl_request(genl, DRM_RAS_CMD_GET_ERROR_COUNTER, NLM_F_DUMP);
		if (!msg)
			return -ENOMEM;
		if (nla_put_u32(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_NODE_ID, counting->node->id)) {
			nlmsg_free(msg);
			return -ENOMEM;
		}
		ret = genl_call(genl, msg, take_counter, counting);
	}
	if (ret && ret != -ENOMEM && ret != -EPROTO && ret != -ETIMEDOUT) {
		accel_core_log(ACCEL_LOG_DEBUG, "drm-ras: node %s of %s can't be read: %s",
			       counting->node->name, counting->node->device, strerror(-ret));
		ret = 0;
	}
	return ret;
}

/* The nodes of the device with this address ("": of all), with their counters. */
static int read_nodes(struct genl *genl, const char *address, const char *id,
		      struct array *counters, uint32_t *count)
{
	struct counting counting = {.counters = counters};
	struct array nodes = {0};
	const struct node *node;
	uint32_t i;
	int ret;

	*count = 0;
	ret = list_nodes(genl, &nodes);
	for (i = 0, node = nodes.items; !ret && i < nodes.count; i++, node++) {
		if (*address && strcasecmp(node->device, address) != 0)
			continue;
		++*count;
		counting.node = node;
		snprintf(counting.id, sizeof(counting.id), "%s", id);
		ret = read_node(genl, &counting);
	}
	array_free(&nodes);
	return ret;
}

/* ---- for samples -------------------------------------------------------------------------------- */

static void add_metric(struct accel_sample *sample, const struct accel_ras_counter *counter)
{
	static const uint32_t ids[] = {
		[ACCEL_RAS_CORRECTABLE] = ACCEL_METRIC_ERRORS_CORRECTABLE,
		[ACCEL_RAS_NONFATAL] = ACCEL_METRIC_ERRORS_NONFATAL,
		[ACCEL_RAS_FATAL] = ACCEL_METRIC_ERRORS_FATAL,
	};
	char name[160];

	if (counter->severity == ACCEL_RAS_OTHER)
		return;
	snprintf(name, sizeof(name), "%s/%s", counter->node, counter->name);
	metrics_number(&sample->metrics, ids[counter->severity], ACCEL_SOURCE_DRM_RAS, name,
		       (int64_t)counter->value, FAMILY);
}

void ras_metrics(struct ras_socket *socket, struct accel_sample **samples, uint32_t count)
{
	const struct accel_ras_counter *counter;
	struct array counters = {0};
	uint32_t i, j, nodes;
	const char *address;
	int ret;

	if (!socket->state) {
		ret = genl_open(&socket->genl, FAMILY, NULL);
		if (!ret)
			socket->state = 1;
		else if (ret == -EPROTONOSUPPORT || ret == -EPERM)
			socket->state = ret;
	}
	if (socket->state != 1)
		return;
	ret = read_nodes(&socket->genl, "", "", &counters, &nodes);
	if (ret) {
		genl_close(&socket->genl);
		/* Without the right to ask now there will be none the next time. */
		socket->state = ret == -EPERM ? ret : 0;
	}
	for (i = 0; !ret && i < count; i++) {
		address = device_address(&samples[i]->device);
		/* The driver may have to wake its device for an answer. */
		if (!*address || (samples[i]->info.flags & ACCEL_SAMPLE_ASLEEP))
			continue;
		for (j = 0, counter = counters.items; j < counters.count; j++, counter++)
			if (!strcasecmp(counter->device, address))
				add_metric(samples[i], counter);
	}
	array_free(&counters);
}

void ras_socket_close(struct ras_socket *socket)
{
	if (socket->state > 0)
		genl_close(&socket->genl);
	socket->state = 0;
}

/* ---- qaic ----------------------------------------------------------------------------------------- */

static int add_files(struct accel_ras *ras, const struct accel_device_info *device)
{
	static const struct {
		const char *file, *name;
		uint32_t severity;
	} files[] = {
		{"ce_count", "correctable", ACCEL_RAS_CORRECTABLE},
		{"ue_nonfatal_count", "nonfatal", ACCEL_RAS_NONFATAL},
		{"ue_count", "fatal", ACCEL_RAS_FATAL},
	};
	struct accel_ras_counter *counter;
	char sys[PATH_MAX], path[PATH_MAX];
	int64_t value;
	size_t i;
	int ret;

	if (strcmp(device->driver, "qaic") != 0 || device_directory(device, sys, sizeof(sys)) ||
	    !device_is_there(device))
		return 0;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		ret = file_path(path, sizeof(path), "%s/device/%s", sys, files[i].file);
		/* The driver prints its unsigned counts as if they had a sign. */
		if (!ret)
			ret = file_number(path, INT32_MIN, UINT32_MAX, &value);
		if (ret) {
			skip(path, ret);
			continue;
		}
		counter = array_add(&ras->counters, sizeof(*counter));
		if (!counter)
			return -ENOMEM;
		counter->source = ACCEL_SOURCE_SYSFS;
		counter->severity = files[i].severity;
		counter->error_id = (uint32_t)i;
		counter->value = (uint32_t)value;
		snprintf(counter->device, sizeof(counter->device), "%s", device_address(device));
		snprintf(counter->id, sizeof(counter->id), "%s", device->id);
		snprintf(counter->node, sizeof(counter->node), "device");
		snprintf(counter->name, sizeof(counter->name), "%s", files[i].name);
		text_clean(counter->origin, sizeof(counter->origin), path, strlen(path));
	}
	return 0;
}

/* ---- the interface ---------------------------------------------------------------------------------- */

static const char *reason_of(int err)
{
	switch (err) {
	case 0:
		return "";
	case -EPROTONOSUPPORT:
		return "this kernel has no drm-ras: it needs one that is built with CONFIG_DRM_RAS";
	case -EPERM:
		return "drm-ras may be asked by root only (CAP_NET_ADMIN in the first user "
		       "namespace): run this as root";
	case -EPROTO:
		return "the answer of the kernel's drm-ras was not understood";
	default:
		return "the kernel's drm-ras could not be asked";
	}
}

static int read_drm_ras(struct accel_ras *ras, const struct accel_device_info *device)
{
	struct genl genl;
	int ret;

	ret = genl_open(&genl, FAMILY, NULL);
	if (!ret) {
		ret = read_nodes(&genl, device ? device_address(device) : "",
				 device ? device->id : "", &ras->counters, &ras->info.nodes);
		genl_close(&genl);
	}
	if (ret == -ENOMEM)
		return ret;
	ras->info.drm_ras = ret;
	snprintf(ras->info.reason, sizeof(ras->info.reason), "%s", reason_of(ret));
	return 0;
}

/* All accelerators, to name the device of each counter by. */
static int scan(struct accel_device ***out)
{
	struct accel_device **devices;
	int ret, count;

	count = accel_device_scan(ACCEL_SCAN_HARDWARE, NULL, 0);
	if (count < 0)
		return count;
	devices = accel_core_sys.alloc(((size_t)count + 1) * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	ret = accel_device_scan(ACCEL_SCAN_HARDWARE, devices, (uint32_t)count);
	if (ret < 0) {
		accel_core_sys.free(devices);
		return ret;
	}
	*out = devices;
	return ret < count ? ret : count;
}

static int read_all(struct accel_ras *ras)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_ras_counter *counter;
	struct accel_device **devices;
	int ret, count, i;
	uint32_t j;

	count = scan(&devices);
	if (count < 0)
		return count;
	ret = read_drm_ras(ras, NULL);
	for (i = 0; i < count; i++) {
		if (!ret)
			ret = accel_device_get_info(devices[i], &info);
		for (j = 0, counter = ras->counters.items; !ret && j < ras->counters.count;
		     j++, counter++)
			if (*device_address(&info) && !*counter->id &&
			    !strcasecmp(counter->device, device_address(&info)))
				memcpy(counter->id, info.id, sizeof(counter->id));
		if (!ret)
			ret = add_files(ras, &info);
		accel_device_unref(devices[i]);
	}
	accel_core_sys.free(devices);
	return ret;
}

int accel_ras_read(struct accel_device *dev, struct accel_ras **out)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_ras *ras;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!out)
		return accel_core_fail(-EINVAL, "out is NULL");
	ras = accel_core_sys.alloc(sizeof(*ras));
	if (!ras)
		return accel_core_fail(-ENOMEM, "no memory for error counters");
	ras->refs = 1;
	if (!dev) {
		ret = read_all(ras);
	} else {
		ret = accel_device_get_info(dev, &info);
		if (!ret && *device_address(&info))
			ret = read_drm_ras(ras, &info);
		if (!ret)
			ret = add_files(ras, &info);
	}
	if (ret) {
		accel_ras_unref(ras);
		return accel_core_fail(ret, "no memory for error counters");
	}
	ras->info.counters = ras->counters.count;
	*out = ras;
	return 0;
}

int accel_ras_get_info(struct accel_ras *ras, struct accel_ras_info *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!ras)
		return accel_core_fail(-EINVAL, "ras is NULL");
	return accel_core_params_out(out, &ras->info, sizeof(ras->info));
}

int accel_ras_get_counter(struct accel_ras *ras, uint32_t index, struct accel_ras_counter *out)
{
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	if (!ras)
		return accel_core_fail(-EINVAL, "ras is NULL");
	if (index >= ras->counters.count)
		return accel_core_fail_at(-ENOENT, index, ~0ull, "there are %u counters",
					  ras->counters.count);
	return accel_core_params_out(out, (struct accel_ras_counter *)ras->counters.items + index,
				     sizeof(*out));
}

/* Node numbers are given out again: is this one still the same? */
static int check_node(struct genl *genl, const struct accel_ras_counter *counter)
{
	struct array nodes = {0};
	const struct node *node;
	uint32_t i;
	int ret;

	ret = list_nodes(genl, &nodes);
	if (ret)
		goto out;
	ret = -ESTALE;
	for (i = 0, node = nodes.items; i < nodes.count; i++, node++)
		if (node->id == counter->node_id && !strcmp(node->device, counter->device) &&
		    !strcmp(node->name, counter->node))
			ret = 0;
out:
	array_free(&nodes);
	return ret;
}

static int clear(struct genl *genl, const struct accel_ras_counter *counter)
{
	struct nl_msg *msg;
	int ret;

	ret = check_node(genl, counter);
	if (ret)
		return ret;
	msg = genl_request(genl, DRM_RAS_CMD_CLEAR_ERROR_COUNTER, 0);
	if (!msg)
		return -ENOMEM;
	if (nla_put_u32(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_NODE_ID, counter->node_id) ||
	    nla_put_u32(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID, counter->error_id)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	ret = genl_call(genl, msg, NULL, NULL);
	/* The node is there: it has no function for it. */
	return ret == -ENOENT ? -EOPNOTSUPP : ret;
}

int accel_ras_clear(const struct accel_ras_counter *counter)
{
	struct accel_ras_counter known;
	struct genl genl;
	int ret;

	ret = accel_core_process_enter();
	if (ret)
		return ret;
	ret = accel_core_params(&known, sizeof(known), counter, false);
	if (ret)
		return ret;
	known.device[sizeof(known.device) - 1] = known.node[sizeof(known.node) - 1] = '\0';
	known.name[sizeof(known.name) - 1] = '\0';
	if (known.source != ACCEL_SOURCE_DRM_RAS && known.source != ACCEL_SOURCE_SYSFS)
		return accel_core_fail(-EINVAL, "counters have no source %u", known.source);
	if (known.source != ACCEL_SOURCE_DRM_RAS)
		return accel_core_fail(-EOPNOTSUPP, "counters in sysfs can't be cleared");
	ret = genl_open(&genl, FAMILY, NULL);
	if (!ret) {
		ret = clear(&genl, &known);
		genl_close(&genl);
	}
	if (!ret)
		return 0;
	return accel_core_fail(ret, "%s of node %s of %s can't be cleared: %s%s%s", known.name,
			       known.node, known.device,
			       ret == -ESTALE       ? "there is no such node any more"
			       : ret == -EOPNOTSUPP ? "its driver can't"
			       : ret == -EPERM || ret == -EPROTONOSUPPORT ? reason_of(ret)
									  : strerror(-ret),
			       *genl.words ? ": " : "", genl.words);
}

struct accel_ras *accel_ras_ref(struct accel_ras *ras)
{
	if (ras)
		atomic_fetch_add(&ras->refs, 1);
	return ras;
}

void accel_ras_unref(struct accel_ras *ras)
{
	if (!ras || atomic_fetch_sub(&ras->refs, 1) != 1 || accel_core_process_enter())
		return;
	array_free(&ras->counters);
	accel_core_sys.free(ras);
}
