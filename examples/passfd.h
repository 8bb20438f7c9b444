/* SPDX-License-Identifier: MIT */
/* Descriptors sent to another process over a UNIX socket. */
#ifndef PASSFD_H
#define PASSFD_H

/* Send @fd, and close it here: the receiver gets its own. 0 or a negative errno. */
int send_fd(int socket, int fd);

/* The descriptor that was sent, or a negative errno; -EPIPE: the other side is gone. */
int receive_fd(int socket);

#endif
