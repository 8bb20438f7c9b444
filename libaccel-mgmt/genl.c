/* SPDX-License-Identifier: MIT */
/* Generic netlink through libnl: one socket for one family, and only the kernel is believed. */
#include "mgmt.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#define TIMEOUT_S 10     /* the kernel answers inside of the call that asks */
#define ROUNDS    100000 /* of receiving; an answer that goes on for ever is none */

struct call {
	struct genl *genl;
	int (*fn)(void *data, uint8_t command, struct nlattr *attrs, int length);
	void *data;
	int result;
	uint32_t messages;
	bool done;
};

/* An errno for what libnl made of one. */
static int errno_of(int nl_error)
{
	switch (nl_error < 0 ? -nl_error : nl_error) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
		return -EPROTONOSUPPORT;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	default:
		return -EPROTO;
	}
}

/* First of all callbacks: what others than the kernel send is not there. */
static int check_sender(struct nl_msg *msg, void *arg)
{
	(void)arg;
	if (!nlmsg_get_src(msg)->nl_pid)
		return NL_OK;
	accel_core_log(ACCEL_LOG_DEBUG, "skipping a netlink message of process %u",
		       nlmsg_get_src(msg)->nl_pid);
	return NL_SKIP;
}

static int take_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct call *call = arg;
	struct genlmsghdr *genl;
	int ret;

	call->messages++;
	if (header->nlmsg_type != call->genl->family || !genlmsg_valid_hdr(header, 0)) {
		skip("a netlink message that isn't of the family", -EBADMSG);
		return NL_SKIP;
	}
	genl = nlmsg_data(header);
	ret = call->fn ? call->fn(call->data, genl->cmd, genlmsg_attrdata(genl, 0),
				  genlmsg_attrlen(genl, 0))
		       : 0;
	if (ret < 0 && !call->result)
		call->result = ret;
	return NL_OK;
}

static int take_ack(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	(void)msg;
	call->done = true;
	return NL_STOP;
}

/* The end of a list; libnl doesn't look at the errno that it carries. */
static int take_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct call *call = arg;
	int err = 0;

	call->done = true;
	if (nlmsg_datalen(header) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(header), sizeof(err));
	if (err < 0 && err >= -4095 && !call->result)
		call->result = err;
	return NL_STOP;
}

/* What the kernel says in words stands behind the copy of the request, or of its header. */
static void take_words(struct genl *genl, struct nlmsgerr *error)
{
	struct nlmsghdr *header = (struct nlmsghdr *)((char *)error - NLMSG_HDRLEN);
	size_t skipped = sizeof(*error), have = (size_t)nlmsg_datalen(header);
	struct nlattr *words;

	genl->words[0] = '\0';
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < NLMSG_HDRLEN)
			return;
		skipped += NLMSG_ALIGN(error->msg.nlmsg_len - NLMSG_HDRLEN);
	}
	if (skipped >= have)
		return;
	words = nla_find((struct nlattr *)((char *)error + skipped), (int)(have - skipped),
			 NLMSGERR_ATTR_MSG);
	if (words)
		text_clean(genl->words, sizeof(genl->words), nla_data(words),
			   (size_t)nla_len(words));
}

static int take_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct call *call = arg;

	(void)from;
	call->done = true;
	call->result = error->error < 0 && error->error >= -4095 ? error->error : -EPROTO;
	take_words(call->genl, error);
	return NL_STOP;
}

static int ignore_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg, (void)arg;
	return NL_OK;
}

static struct nl_cb *make_callbacks(struct call *call)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_MSG_IN, NL_CB_CUSTOM, check_sender, NULL);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take_message, call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, take_ack, call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, take_finish, call);
	nl_cb_err(cb, NL_CB_CUSTOM, take_error, call);
	if (mgmt_sys.nl_receive)
		nl_cb_overwrite_recv(cb, mgmt_sys.nl_receive);
	return cb;
}

int genl_call(struct genl *genl, struct nl_msg *msg,
	      int (*fn)(void *data, uint8_t command, struct nlattr *attrs, int length), void *data)
{
	struct call call = {.genl = genl, .fn = fn, .data = data};
	struct nl_cb *cb;
	int ret, round;

	genl->words[0] = '\0';
	cb = make_callbacks(&call);
	if (!cb) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	if (mgmt_sys.nl_send) {
		nl_complete_msg(genl->sock, msg);
		ret = mgmt_sys.nl_send(genl->sock, msg);
	} else {
		ret = nl_send_auto(genl->sock, msg);
	}
	nlmsg_free(msg);
	for (round = 0; ret >= 0 && !call.done && round < ROUNDS; round++) {
		ret = nl_recvmsgs_report(genl->sock, cb);
		if (!ret)
			ret = -NLE_MSG_TRUNC; /* nothing in it that could be taken */
	}
	nl_cb_put(cb);
	if (!call.done)
		return ret < 0 ? errno_of(ret) : -EPROTO;
	/* A list that changed while it was made. */
	if (!call.result && ret == -NLE_DUMP_INTR)
		return -EAGAIN;
	return call.result;
}

int genl_notified(struct genl *genl,
		  int (*fn)(void *data, uint8_t command, struct nlattr *attrs, int length),
		  void *data)
{
	struct call call = {.genl = genl, .fn = fn, .data = data};
	struct nl_cb *cb;
	int ret, round;

	cb = make_callbacks(&call);
	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, ignore_sequence, NULL);
	for (round = 0, ret = 1; ret > 0 && round < ROUNDS; round++)
		ret = nl_recvmsgs_report(genl->sock, cb);
	nl_cb_put(cb);
	if (ret < 0 && ret != -NLE_AGAIN && !call.messages)
		return errno_of(ret);
	return (int)call.messages;
}

struct nl_msg *genl_request(struct genl *genl, uint8_t command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, genl->family, 0,
				flags | NLM_F_REQUEST | NLM_F_ACK, command, 1)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* ---- finding the family ------------------------------------------------------------------------ */

struct found {
	const char *group;
	int family;
	uint32_t group_id;
};

static void find_group(struct found *found, struct nlattr *groups)
{
	static struct nla_policy policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
		[CTRL_ATTR_MCAST_GRP_NAME] = {.type = NLA_STRING},
		[CTRL_ATTR_MCAST_GRP_ID] = {.type = NLA_U32},
	};
	struct nlattr *attrs[CTRL_ATTR_MCAST_GRP_MAX + 1], *group;
	int left;

	nla_for_each_nested(group, groups, left)
	{
		if (nla_parse_nested(attrs, CTRL_ATTR_MCAST_GRP_MAX, group, policy) ||
		    !attrs[CTRL_ATTR_MCAST_GRP_NAME] || !attrs[CTRL_ATTR_MCAST_GRP_ID])
			continue;
		if (!strcmp(nla_get_string(attrs[CTRL_ATTR_MCAST_GRP_NAME]), found->group))
			found->group_id = nla_get_u32(attrs[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static int take_family(void *data, uint8_t command, struct nlattr *head, int length)
{
	static struct nla_policy policy[CTRL_ATTR_MAX + 1] = {
		[CTRL_ATTR_FAMILY_ID] = {.type = NLA_U16},
		[CTRL_ATTR_MCAST_GROUPS] = {.type = NLA_NESTED},
	};
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];
	struct found *found = data;

	if (command != CTRL_CMD_NEWFAMILY ||
	    nla_parse(attrs, CTRL_ATTR_MAX, head, length, policy) || !attrs[CTRL_ATTR_FAMILY_ID])
		return -EPROTO;
	found->family = nla_get_u16(attrs[CTRL_ATTR_FAMILY_ID]);
	if (found->group && attrs[CTRL_ATTR_MCAST_GROUPS])
		find_group(found, attrs[CTRL_ATTR_MCAST_GROUPS]);
	return 0;
}

static int resolve(struct genl *genl, const char *family, struct found *found)
{
	struct nl_msg *msg;
	int ret;

	genl->family = GENL_ID_CTRL;
	msg = genl_request(genl, CTRL_CMD_GETFAMILY, 0);
	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, family)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	ret = genl_call(genl, msg, take_family, found);
	if (ret == -ENOENT || (!ret && found->family < 0))
		ret = -EPROTONOSUPPORT;
	return ret;
}

int genl_open(struct genl *genl, const char *family, const char *group)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct found found = {.group = group, .family = -1};
	const int on = 1;
	int ret;

	*genl = (struct genl){.sock = nl_socket_alloc()};
	if (!genl->sock)
		return -ENOMEM;
	ret = mgmt_sys.nl_connect(genl->sock);
	if (ret < 0) {
		ret = errno_of(ret);
		goto fail;
	}
	if (nl_socket_get_fd(genl->sock) >= 0) {
		setsockopt(nl_socket_get_fd(genl->sock), SOL_SOCKET, SO_RCVTIMEO, &timeout,
			   sizeof(timeout));
		setsockopt(nl_socket_get_fd(genl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on,
			   sizeof(on));
	}
	ret = resolve(genl, family, &found);
	if (ret)
		goto fail;
	genl->family = found.family;
	genl->group = found.group_id;
	if (group) {
		ret = !genl->group ? -EPROTONOSUPPORT : 0;
		if (!ret && nl_socket_add_membership(genl->sock, (int)genl->group) < 0)
			ret = -EPERM;
		if (!ret && nl_socket_set_nonblocking(genl->sock) < 0)
			ret = -EPROTO;
	}
	if (!ret)
		return 0;
fail:
	genl_close(genl);
	return ret;
}

void genl_close(struct genl *genl)
{
	nl_socket_free(genl->sock);
	genl->sock = NULL;
}
