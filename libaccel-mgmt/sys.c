/* SPDX-License-Identifier: MIT */
/* What the library asks of the system beyond libaccel's seam: tests put other functions in. */
#include "mgmt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <netlink/genl/genl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The number that the kernel gives the inode of its first user namespace. */
#define FIRST_USER_NS 0xeffffffdu
#define KERNEL_GROUP  1u /* the kernel's own events; udev sends its to group 2 */

static int real_stat_nosync(const char *path, struct stat *out)
{
	struct statx found;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &found))
		return -errno;
	memset(out, 0, sizeof(*out));
	out->st_mode = found.stx_mode;
	out->st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor);
	return 0;
}

static int real_uevent_open(uint32_t buffer)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP};
	const int bytes = buffer > INT32_MAX / 2 ? INT32_MAX / 2 : (int)buffer;
	int fd, ret;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd < 0)
		return -errno;
	/* The first needs CAP_NET_ADMIN, the second is limited by net.core.rmem_max. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static ssize_t real_uevent_receive(int fd, void *buf, size_t bytes, struct sockaddr_nl *from)
{
	struct iovec piece = {.iov_base = buf, .iov_len = bytes};
	struct msghdr header = {
		.msg_name = from, .msg_namelen = sizeof(*from), .msg_iov = &piece, .msg_iovlen = 1};
	ssize_t length;

	length = recvmsg(fd, &header, MSG_DONTWAIT | MSG_TRUNC);
	if (length < 0)
		return -errno;
	if (header.msg_namelen != sizeof(*from))
		from->nl_pid = UINT32_MAX; /* nobody that we know */
	return length;
}

/*
 * The kernel sends its events to the network namespaces that belong to the first user
 * namespace. A socket in another one is as good as any, but stays silent for ever.
 */
static int real_uevent_reach(void)
{
	struct stat st;
	int net, user, ret = 0;

	net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net < 0)
		return 0; /* a kernel without namespaces, or without /proc: nothing to tell by */
	user = ioctl(net, NS_GET_USERNS);
	if (user >= 0) {
		if (!fstat(user, &st) && st.st_ino != FIRST_USER_NS)
			ret = -ENONET;
		close(user);
	}
	/* EPERM: it belongs to one above ours, so nothing says that it isn't the first. */
	close(net);
	return ret;
}

static int real_inotify(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int real_watch(int inotify, const char *path, uint32_t mask)
{
	int watch = inotify_add_watch(inotify, path, mask);

	return watch < 0 ? -errno : watch;
}

static int real_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int real_epoll_add(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int real_timer(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int real_timer_set(int timer, int64_t ns)
{
	struct itimerspec when = {
		.it_value = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}};

	return timerfd_settime(timer, 0, &when, NULL) ? -errno : 0;
}

static int real_nl_connect(struct nl_sock *sock)
{
	return genl_connect(sock);
}

struct mgmt_sys mgmt_sys = {
	.stat_nosync = real_stat_nosync,
	.uevent_open = real_uevent_open,
	.uevent_receive = real_uevent_receive,
	.uevent_reach = real_uevent_reach,
	.inotify = real_inotify,
	.watch = real_watch,
	.epoll = real_epoll,
	.epoll_add = real_epoll_add,
	.timer = real_timer,
	.timer_set = real_timer_set,
	.nl_connect = real_nl_connect,
};
