/* SPDX-License-Identifier: MIT */
/* A descriptor over a UNIX socket. */
#ifndef CONFORMANCE_SHARE_H
#define CONFORMANCE_SHARE_H

int send_fd(int socket, int fd);
int receive_fd(int socket);

#endif
