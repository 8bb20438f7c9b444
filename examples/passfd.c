/* SPDX-License-Identifier: MIT */
/* Descriptors sent to another process over a UNIX socket (SCM_RIGHTS). */
#include "passfd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message is one byte of data, with the descriptor beside it. */
struct message {
	char byte;
	struct iovec data;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg;
};

static void prepare(struct message *m)
{
	memset(m, 0, sizeof(*m));
	m->data = (struct iovec){ &m->byte, 1 };
	m->msg.msg_iov = &m->data;
	m->msg.msg_iovlen = 1;
	m->msg.msg_control = m->control;
	m->msg.msg_controllen = sizeof(m->control);
}

int send_fd(int socket, int fd)
{
	struct cmsghdr *head;
	struct message m;
	int err = 0;

	prepare(&m);
	head = CMSG_FIRSTHDR(&m.msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(socket, &m.msg, MSG_NOSIGNAL) < 0)
		err = -errno;
	close(fd);
	return err;
}

int receive_fd(int socket)
{
	struct cmsghdr *head;
	struct message m;
	ssize_t bytes;
	int fd;

	prepare(&m);
	bytes = recvmsg(socket, &m.msg, MSG_CMSG_CLOEXEC);
	if (bytes < 0)
		return -errno;
	if (bytes == 0)
		return -EPIPE;
	head = CMSG_FIRSTHDR(&m.msg);
	if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}
