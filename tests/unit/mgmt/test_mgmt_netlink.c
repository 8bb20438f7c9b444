/* SPDX-License-Identifier: MIT */
/* drm-ras and devlink with a made-up kernel, whose answers are also cut, mangled, endless, too
 * large, nested too deep, or another's. */
#include <drm/drm_ras.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "mgmt.h"
#include "support.h"

#define RAS     0x20
#define DEVLINK 0x21

static char *tree;
static struct accel_device *device;
static struct mgmt_sys real;

/* ---- the made-up kernel ------------------------------------------------------------------- */

struct datagram {
	struct datagram *next;
	uint32_t from;
	size_t bytes;
	unsigned char data[];
};

static struct {
	struct datagram *first, **last;
	unsigned int sent;
	/* how it behaves */
	int connect, no_family, ras_err, done_err, clear_err, flash_err;
	const char *words;
	uint32_t nodes;
	unsigned int interrupted; /* lists that change while they are made */
	bool endless, foreign, deep, long_names, silent;
	void (*mangle)(struct datagram *datagram);
	unsigned int cleared_node, cleared_error;
} kernel;

static size_t position; /* of mangling */

static void forget_answers(void)
{
	struct datagram *datagram;

	while ((datagram = kernel.first)) {
		kernel.first = datagram->next;
		free(datagram);
	}
	kernel.last = &kernel.first;
}

/* Takes @msg. */
static void answer_from(struct nl_msg *msg, uint32_t from)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct datagram *datagram = calloc(1, sizeof(*datagram) + header->nlmsg_len);

	assert_non_null(datagram);
	datagram->from = from;
	datagram->bytes = header->nlmsg_len;
	memcpy(datagram->data, header, header->nlmsg_len);
	if (kernel.mangle && !from)
		kernel.mangle(datagram);
	*kernel.last = datagram;
	kernel.last = &datagram->next;
	nlmsg_free(msg);
}

static struct nl_msg *message(const struct nlmsghdr *request, int type, int flags, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc_size(1 << 17);

	assert_non_null(msg);
	if (command)
		assert_non_null(
			genlmsg_put(msg, 0, request->nlmsg_seq, type, 0, flags, command, 1));
	else
		assert_non_null(nlmsg_put(msg, 0, request->nlmsg_seq, type, 0, flags));
	return msg;
}

static void answer_status(const struct nlmsghdr *request, int err, const char *words)
{
	struct nlmsgerr error = {.error = err, .msg = *request};
	struct nl_msg *msg =
		message(request, NLMSG_ERROR, NLM_F_CAPPED | (words ? NLM_F_ACK_TLVS : 0), 0);

	assert_int_equal(nlmsg_append(msg, &error, sizeof(error), NLMSG_ALIGNTO), 0);
	if (words)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, words);
	answer_from(msg, 0);
}

static void answer_done(const struct nlmsghdr *request, int err)
{
	struct nl_msg *msg = message(request, NLMSG_DONE, NLM_F_MULTI, 0);

	assert_int_equal(nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO), 0);
	answer_from(msg, 0);
}

static void put_deep(struct nl_msg *msg, int type, int depth)
{
	struct nlattr *nests[1000];
	int i;

	for (i = 0; i < depth; i++)
		nests[i] = nla_nest_start(msg, type);
	while (i--)
		nla_nest_end(msg, nests[i]);
}

static void answer_family(const struct nlmsghdr *request)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1], *groups, *group;
	struct nl_msg *msg;
	const char *name;

	assert_int_equal(nlmsg_parse((struct nlmsghdr *)(uintptr_t)request, GENL_HDRLEN, attrs,
				     CTRL_ATTR_MAX, NULL),
			 0);
	name = nla_get_string(attrs[CTRL_ATTR_FAMILY_NAME]);
	if (kernel.no_family) {
		answer_status(request, -ENOENT, NULL);
		return;
	}
	msg = message(request, GENL_ID_CTRL, 0, CTRL_CMD_NEWFAMILY);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name);
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, strcmp(name, "devlink") ? RAS : DEVLINK);
	if (kernel.deep)
		put_deep(msg, CTRL_ATTR_MCAST_GROUPS, 1000);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	group = nla_nest_start(msg, 1);
	nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, "config");
	nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, 9);
	nla_nest_end(msg, group);
	nla_nest_end(msg, groups);
	answer_from(msg, 0);
	answer_status(request, 0, NULL);
}

static void put_name(struct nl_msg *msg, int type, const char *name)
{
	static char huge[40000];

	if (kernel.long_names) {
		memset(huge, 'n', sizeof(huge) - 1);
		name = huge;
	}
	nla_put_string(msg, type, name);
}

static void answer_nodes(const struct nlmsghdr *request)
{
	struct nl_msg *msg;
	uint32_t i;
	int flags = NLM_F_MULTI;

	if (kernel.interrupted) {
		kernel.interrupted--;
		flags |= NLM_F_DUMP_INTR;
	}
	for (i = 0; i < kernel.nodes; i++) {
		msg = message(request, RAS, flags, DRM_RAS_CMD_LIST_NODES);
		nla_put_u32(msg, DRM_RAS_A_NODE_ATTRS_NODE_ID, i);
		put_name(msg, DRM_RAS_A_NODE_ATTRS_DEVICE_NAME, i % 2 ? "0000:C5:00.1" : "other");
		put_name(msg, DRM_RAS_A_NODE_ATTRS_NODE_NAME, "part\x01");
		nla_put_u32(msg, DRM_RAS_A_NODE_ATTRS_NODE_TYPE, i == 4 ? 2 : 1);
		if (kernel.deep)
			put_deep(msg, 99, 1000);
		answer_from(msg, 0);
	}
	answer_done(request, kernel.done_err);
}

static void answer_counters(const struct nlmsghdr *request)
{
	static const char *const names[] = {"uncorrectable", "correctable-x", "non_fatal", "odd"};
	struct nl_msg *msg;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		msg = message(request, RAS, NLM_F_MULTI, DRM_RAS_CMD_GET_ERROR_COUNTER);
		nla_put_u32(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID, i);
		put_name(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_NAME, names[i]);
		nla_put_u32(msg, DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE, 10 * i);
		answer_from(msg, 0);
	}
	answer_done(request, 0);
}

static void answer_info(const struct nlmsghdr *request)
{
	struct nl_msg *msg = message(request, DEVLINK, 0, DEVLINK_CMD_INFO_GET);
	struct nlattr *nest;

	nla_put_string(msg, DEVLINK_ATTR_BUS_NAME, "pci");
	nla_put_string(msg, DEVLINK_ATTR_DEV_NAME, "0000:c5:00.1");
	nla_put_string(msg, DEVLINK_ATTR_INFO_DRIVER_NAME, "driver");
	nla_put_string(msg, DEVLINK_ATTR_INFO_SERIAL_NUMBER, "1-2-3");
	if (kernel.deep)
		put_deep(msg, DEVLINK_ATTR_INFO_VERSION_RUNNING, 1000);
	nest = nla_nest_start(msg, DEVLINK_ATTR_INFO_VERSION_RUNNING);
	put_name(msg, DEVLINK_ATTR_INFO_VERSION_NAME, "fw");
	put_name(msg, DEVLINK_ATTR_INFO_VERSION_VALUE, "3.1");
	nla_nest_end(msg, nest);
	nest = nla_nest_start(msg, DEVLINK_ATTR_INFO_VERSION_STORED); /* without a value */
	put_name(msg, DEVLINK_ATTR_INFO_VERSION_NAME, "fw");
	nla_nest_end(msg, nest);
	answer_from(msg, 0);
	answer_status(request, 0, NULL);
}

/* The same question, answered by a process that pretends to be the kernel. */
static void answer_as_another(const struct nlmsghdr *request)
{
	struct nlmsgerr error = {.error = -EIO, .msg = *request};
	struct nl_msg *msg = message(request, NLMSG_ERROR, 0, 0);

	nlmsg_append(msg, &error, sizeof(error), NLMSG_ALIGNTO);
	answer_from(msg, 4711);
	answer_from(message(request, NLMSG_DONE, NLM_F_MULTI, 0), 4711);
}

static int take_request(struct nl_sock *sock, struct nl_msg *msg)
{
	struct nlmsghdr *request = nlmsg_hdr(msg);
	struct genlmsghdr *genl = nlmsg_data(request);
	struct nlattr *attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX + 1];

	(void)sock;
	kernel.sent++;
	if (kernel.foreign)
		answer_as_another(request);
	if (kernel.silent)
		return 1;
	if (request->nlmsg_type == GENL_ID_CTRL) {
		answer_family(request);
	} else if (request->nlmsg_type == RAS && kernel.ras_err) {
		answer_status(request, kernel.ras_err, kernel.words);
	} else if (request->nlmsg_type == RAS && genl->cmd == DRM_RAS_CMD_LIST_NODES) {
		answer_nodes(request);
	} else if (request->nlmsg_type == RAS && genl->cmd == DRM_RAS_CMD_GET_ERROR_COUNTER) {
		answer_counters(request);
	} else if (request->nlmsg_type == RAS) {
		assert_int_equal(nlmsg_parse(request, GENL_HDRLEN, attrs,
					     DRM_RAS_A_ERROR_COUNTER_ATTRS_MAX, NULL),
				 0);
		kernel.cleared_node = nla_get_u32(attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_NODE_ID]);
		kernel.cleared_error = nla_get_u32(attrs[DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_ID]);
		answer_status(request, kernel.clear_err, kernel.words);
	} else if (genl->cmd == DEVLINK_CMD_INFO_GET) {
		answer_info(request);
	} else {
		answer_status(request, kernel.flash_err, kernel.words);
	}
	return 1;
}

static int give_answer(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **buf,
		       struct ucred **creds)
{
	struct datagram *datagram = kernel.first;
	int bytes;

	(void)sock, (void)creds;
	if (!datagram)
		return -NLE_AGAIN; /* what SO_RCVTIMEO makes of silence */
	*from = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = datagram->from};
	bytes = (int)datagram->bytes;
	*buf = NULL; /* as nl_recv() has it for a message of no bytes */
	if (bytes) {
		*buf = malloc(datagram->bytes);
		assert_non_null(*buf);
		memcpy(*buf, datagram->data, datagram->bytes);
	}
	if (kernel.endless && datagram->next == NULL)
		return bytes;
	kernel.first = datagram->next;
	if (!kernel.first)
		kernel.last = &kernel.first;
	free(datagram);
	return bytes;
}

static int connect_it(struct nl_sock *sock)
{
	(void)sock;
	return kernel.connect;
}

static int setup(void **state)
{
	(void)state;
	seam_install();
	if (!real.nl_connect)
		real = mgmt_sys;
	memset(&kernel, 0, sizeof(kernel));
	kernel.last = &kernel.first;
	kernel.nodes = 5;
	mgmt_sys.nl_connect = connect_it;
	mgmt_sys.nl_send = take_request;
	mgmt_sys.nl_receive = give_answer;
	tree = tree_make();
	set_sysfs(tree);
	tree_device(tree, 0, "0000:c5:00.1", "qaic");
	assert_ok(accel_device_find("accel0", &device));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	forget_answers();
	mgmt_sys = real;
	accel_device_unref(device);
	set_sysfs(NULL);
	tree_remove(tree);
	assert_int_equal(seam_live_memory(), 0);
	return 0;
}

/* ---- drm-ras -------------------------------------------------------------------------------- */

static struct accel_ras_info ras_info;

static struct accel_ras *read_ras(struct accel_device *of, int result)
{
	struct accel_ras *ras = NULL;

	ras_info = (struct accel_ras_info){.size = sizeof(ras_info)};
	assert_ok(accel_ras_read(of, &ras));
	assert_ok(accel_ras_get_info(ras, &ras_info));
	if (result <= 0)
		assert_int_equal(ras_info.drm_ras, result);
	assert_true(!ras_info.drm_ras == !*ras_info.reason);
	return ras;
}

static struct accel_ras_counter get(struct accel_ras *ras, uint32_t index)
{
	struct accel_ras_counter counter = {.size = sizeof(counter)};

	assert_ok(accel_ras_get_counter(ras, index, &counter));
	return counter;
}

static void test_ras(void **state)
{
	struct accel_ras_counter counter;
	struct accel_ras *ras;

	(void)state;
	tree_print(tree, "devices/pci0000:00/0000:c5:00.1/ue_count", "-2\n");
	ras = read_ras(device, 0);
	assert_int_equal(ras_info.nodes, 2); /* 1 and 3; 4 has no counters */
	assert_int_equal(ras_info.counters, 9);
	counter = get(ras, 0);
	assert_int_equal(counter.severity, ACCEL_RAS_FATAL);
	assert_int_equal(counter.node_id, 1);
	assert_string_equal(counter.device, "0000:C5:00.1");
	assert_string_equal(counter.id, "pci:0000:c5:00.1");
	assert_string_equal(counter.node, "part?");
	counter = get(ras, 1);
	assert_int_equal(counter.severity, ACCEL_RAS_CORRECTABLE);
	assert_int_equal(counter.value, 10);
	assert_int_equal(get(ras, 2).severity, ACCEL_RAS_NONFATAL);
	assert_int_equal(get(ras, 3).severity, ACCEL_RAS_OTHER);
	counter = get(ras, 8);
	assert_int_equal(counter.source, ACCEL_SOURCE_SYSFS);
	assert_int_equal(counter.flags, 0);
	assert_true(counter.value == 4294967294);
	assert_int_equal(counter.severity, ACCEL_RAS_FATAL);
	assert_fails(accel_ras_clear(&counter), -EOPNOTSUPP);
	assert_fails(accel_ras_get_counter(ras, 9, &counter), -ENOENT);
	accel_ras_unref(ras);

	ras = read_ras(NULL, 0);
	assert_int_equal(ras_info.nodes, 4);
	assert_int_equal(ras_info.counters, 17);
	assert_string_equal(get(ras, 0).id, "");
	assert_string_equal(get(ras, 4).id, "pci:0000:c5:00.1");
	accel_ras_unref(ras);
}

static void test_refused(void **state)
{
	struct accel_ras *ras;

	(void)state;
	tree_print(tree, "devices/pci0000:00/0000:c5:00.1/ce_count", "3\n");
	kernel.no_family = 1;
	ras = read_ras(device, -EPROTONOSUPPORT);
	assert_int_equal(ras_info.counters, 1); /* the file's is there all the same */
	accel_ras_unref(ras);
	kernel.no_family = 0;
	kernel.ras_err = -EPERM;
	accel_ras_unref(read_ras(device, -EPERM));
	kernel.ras_err = -EBUSY;
	accel_ras_unref(read_ras(device, -EBUSY));
	kernel.ras_err = 0;
	kernel.done_err = -EIO; /* an errno at the end of the list */
	accel_ras_unref(read_ras(device, -EIO));
	kernel.done_err = 0;
	kernel.connect = -NLE_AF_NOSUPPORT;
	accel_ras_unref(read_ras(device, -EPROTONOSUPPORT));
	kernel.connect = -NLE_PERM;
	accel_ras_unref(read_ras(device, -EPERM));
	kernel.connect = 0;
	kernel.silent = true;
	accel_ras_unref(read_ras(device, -ETIMEDOUT));
}

static void test_clear(void **state)
{
	struct accel_ras *ras = read_ras(device, 0);
	struct accel_ras_counter counter = get(ras, 6);

	(void)state;
	accel_ras_unref(ras);
	assert_ok(accel_ras_clear(&counter));
	assert_int_equal(kernel.cleared_node, 3);
	assert_int_equal(kernel.cleared_error, 2);
	kernel.clear_err = -ENOENT;
	assert_fails(accel_ras_clear(&counter), -EOPNOTSUPP);
	kernel.clear_err = -EIO;
	kernel.words = "in the kernel's words";
	assert_fails(accel_ras_clear(&counter), -EIO);
	assert_non_null(strstr(support_error().text, "in the kernel's words"));
	/* The number is another node's by now. */
	kernel.clear_err = 0;
	kernel.cleared_node = 99;
	counter.node_id = 2;
	assert_fails(accel_ras_clear(&counter), -ESTALE);
	counter.node_id = 77;
	assert_fails(accel_ras_clear(&counter), -ESTALE);
	assert_int_equal(kernel.cleared_node, 99);
	kernel.ras_err = -EPERM;
	assert_fails(accel_ras_clear(&counter), -EPERM);
	kernel.no_family = 1;
	assert_fails(accel_ras_clear(&counter), -EPROTONOSUPPORT);
	counter.source = 77;
	assert_fails(accel_ras_clear(&counter), -EINVAL);
	assert_fails(accel_ras_clear(NULL), -EINVAL);
}

static void test_interrupted(void **state)
{
	(void)state;
	kernel.interrupted = 2;
	accel_ras_unref(read_ras(device, 0));
	assert_int_equal(ras_info.counters, 8);
	kernel.interrupted = 1000;
	accel_ras_unref(read_ras(device, -EAGAIN));
	kernel.interrupted = 0;
}

/* ---- answers that are none -------------------------------------------------------------------- */

static void test_another_sender(void **state)
{
	(void)state;
	kernel.foreign = true;
	accel_ras_unref(read_ras(device, 0));
	assert_int_equal(ras_info.counters, 8);
	/* Nobody else answers: nothing is believed. */
	kernel.silent = true;
	accel_ras_unref(read_ras(device, -ETIMEDOUT));
	assert_int_equal(ras_info.counters, 0);
}

static void test_oversized(void **state)
{
	struct accel_ras *ras;

	(void)state;
	kernel.long_names = true;
	ras = read_ras(NULL, 0);
	assert_int_equal(ras_info.counters, 16);
	assert_int_equal(strlen(get(ras, 0).name), sizeof(get(ras, 0).name) - 1);
	accel_ras_unref(ras);
	kernel.long_names = false;
	kernel.nodes = 5000; /* more than anybody has: the first of them */
	ras = read_ras(NULL, 0);
	assert_int_equal(ras_info.nodes, 4096);
	assert_int_equal(ras_info.counters, 4 * 4096);
	accel_ras_unref(ras);
}

static void test_deep(void **state)
{
	struct accel_firmware_info info = {.size = sizeof(info)};
	struct accel_firmware *firmware;

	(void)state;
	kernel.deep = true;
	accel_ras_unref(read_ras(device, 0));
	assert_int_equal(ras_info.counters, 8);
	assert_ok(accel_firmware_read(device, &firmware));
	assert_ok(accel_firmware_get_info(firmware, &info));
	assert_int_equal(info.devlink, 0);
	assert_int_equal(info.versions, 1);
	accel_firmware_unref(firmware);
}

static void repeat_nothing(struct datagram *datagram)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)datagram->data;

	/* The end of each list becomes one more part of it. */
	if (header->nlmsg_type == NLMSG_DONE) {
		header->nlmsg_type = NLMSG_NOOP;
		header->nlmsg_flags = NLM_F_MULTI;
	}
}

static void test_endless(void **state)
{
	(void)state;
	kernel.nodes = 1;
	kernel.mangle = repeat_nothing;
	kernel.endless = true;
	accel_ras_unref(read_ras(device, -EPROTO));
	assert_int_equal(ras_info.counters, 0);
}

static void cut(struct datagram *datagram)
{
	if (datagram->bytes > position)
		datagram->bytes = position;
}

static void flip(struct datagram *datagram)
{
	if (datagram->bytes > position / 3)
		datagram->data[position / 3] ^= (unsigned char[]){0xff, 0x01, 0x80}[position % 3];
}

/* Whatever comes: it ends, and there is no more than what was there. */
static void try_everything(void)
{
	struct accel_firmware *firmware;
	struct accel_ras *ras;

	ras = read_ras(NULL, 1);
	assert_in_range(ras_info.counters, 0, 16);
	accel_ras_unref(ras);
	forget_answers();
	assert_ok(accel_firmware_read(device, &firmware));
	accel_firmware_unref(firmware);
	forget_answers();
}

static void test_cut(void **state)
{
	(void)state;
	kernel.mangle = cut;
	for (position = 0; position < 160; position++)
		try_everything();
}

static void test_flipped(void **state)
{
	(void)state;
	kernel.mangle = flip;
	for (position = 0; position < 3 * 160; position++)
		try_everything();
}

/* A counter whose bytes are too few, or of the wrong kind, is not there. */
static void lose_value(struct datagram *datagram)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)datagram->data;
	struct genlmsghdr *genl = nlmsg_data(header);
	struct nlattr *value;

	if (header->nlmsg_type != RAS || genl->cmd != DRM_RAS_CMD_GET_ERROR_COUNTER)
		return;
	value = nlmsg_find_attr(header, GENL_HDRLEN, DRM_RAS_A_ERROR_COUNTER_ATTRS_ERROR_VALUE);
	if (value && !position)
		value->nla_len = NLA_HDRLEN + 2;
	else if (value)
		value->nla_type = 77;
}

static void test_no_value(void **state)
{
	(void)state;
	kernel.mangle = lose_value;
	for (position = 0; position < 2; position++) {
		accel_ras_unref(read_ras(NULL, 0));
		assert_int_equal(ras_info.nodes, 4);
		assert_int_equal(ras_info.counters, 0);
	}
}

/* ---- telemetry ---------------------------------------------------------------------------------- */

static void test_metrics(void **state)
{
	struct accel_metric metric = {.size = sizeof(metric)};
	struct accel_telemetry *telemetry;
	struct accel_sample *sample;

	(void)state;
	set_procfs("/nonexistent");
	assert_ok(accel_telemetry_create(NULL, &telemetry));
	assert_ok(accel_telemetry_read(telemetry, &device, 1, &sample));
	assert_ok(accel_sample_find_metric(sample, ACCEL_METRIC_ERRORS_CORRECTABLE,
					   "part?/correctable-x", &metric));
	assert_true(metric.value == 10);
	assert_int_equal(metric.source, ACCEL_SOURCE_DRM_RAS);
	accel_sample_unref(sample);
	/* Refused once, it isn't asked again. */
	kernel.ras_err = -EPERM;
	assert_ok(accel_telemetry_read(telemetry, &device, 1, &sample));
	accel_sample_unref(sample);
	kernel.sent = 0;
	assert_ok(accel_telemetry_read(telemetry, &device, 1, &sample));
	assert_fails(
		accel_sample_find_metric(sample, ACCEL_METRIC_ERRORS_CORRECTABLE, NULL, &metric),
		-ENODATA);
	accel_sample_unref(sample);
	assert_int_equal(kernel.sent, 0);
	accel_telemetry_unref(telemetry);
	set_procfs(NULL);
}

/* ---- devlink -------------------------------------------------------------------------------------- */

static void test_firmware(void **state)
{
	struct accel_firmware_version version = {.size = sizeof(version)};
	struct accel_firmware_info info = {.size = sizeof(info)};
	struct accel_firmware *firmware;

	(void)state;
	assert_ok(accel_firmware_read(device, &firmware));
	assert_ok(accel_firmware_get_info(firmware, &info));
	assert_int_equal(info.devlink, 0);
	assert_int_equal(info.flags, ACCEL_FIRMWARE_HAS_DEVLINK);
	assert_int_equal(info.versions, 1);
	assert_string_equal(info.driver, "driver");
	assert_string_equal(info.serial, "1-2-3");
	assert_string_equal(info.board_serial, "");
	assert_ok(accel_firmware_get_version(firmware, 0, &version));
	assert_string_equal(version.name, "fw");
	assert_string_equal(version.text, "3.1");
	assert_int_equal(version.source, ACCEL_SOURCE_DEVLINK);
	accel_firmware_unref(firmware);
	kernel.no_family = 1;
	assert_ok(accel_firmware_read(device, &firmware));
	assert_ok(accel_firmware_get_info(firmware, &info));
	assert_int_equal(info.devlink, -EPROTONOSUPPORT);
	assert_true(*info.reason);
	accel_firmware_unref(firmware);
}

static int flash(const char *file)
{
	struct accel_flash_params params = {.size = sizeof(params), .file = file};

	return accel_firmware_flash(device, &params);
}

static void test_flash(void **state)
{
	struct accel_flash_params params = {.size = sizeof(params), .file = "a", .flags = 4};

	(void)state;
	assert_ok(flash("a/b.bin"));
	assert_ok(flash("/lib/firmware/a/b.bin"));
	kernel.flash_err = -ENODEV; /* there is no instance, but there is the device */
	assert_fails(flash("b.bin"), -EOPNOTSUPP);
	kernel.flash_err = 0;
	assert_fails(flash("/etc/b.bin"), -EXDEV);
	assert_fails(flash("/lib/firmwares/b.bin"), -EXDEV);
	assert_fails(flash("../b.bin"), -EINVAL);
	assert_fails(flash("/lib/firmware/../b.bin"), -EINVAL);
	assert_fails(flash("/lib/firmware/"), -EINVAL);
	assert_fails(flash(""), -EINVAL);
	assert_fails(flash(NULL), -EINVAL);
	assert_fails(accel_firmware_flash(device, NULL), -EINVAL);
	assert_fails(accel_firmware_flash(device, &params), -EINVAL);
	seam_fail(SEAM_THREAD_CREATE, 0, 1, -EAGAIN);
	assert_fails(flash("b.bin"), -EAGAIN);
	seam_fail(SEAM_EVENTFD, 0, 1, -EMFILE);
	assert_fails(flash("b.bin"), -EMFILE);
	kernel.no_family = 1;
	assert_fails(flash("b.bin"), -EPROTONOSUPPORT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ras),         TEST(test_refused),        TEST(test_clear),
		TEST(test_interrupted), TEST(test_another_sender), TEST(test_oversized),
		TEST(test_deep),        TEST(test_endless),        TEST(test_cut),
		TEST(test_flipped),     TEST(test_no_value),       TEST(test_metrics),
		TEST(test_firmware),    TEST(test_flash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
