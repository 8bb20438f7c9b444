/* SPDX-License-Identifier: MIT */
/*
 * accel-poll-loop: a server of one thread that waits for jobs and a socket at once.
 *
 * A client process sends vectors; the server has the device double them. Each takes a
 * slot, whose job was made once and is submitted over and over. While all slots are
 * taken the server leaves the socket alone.
 */
#include <accel/soft.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 256, BYTES = SIZE * sizeof(float), SLOTS = 4, REQUESTS = 1000, AHEAD = 16,
       ACCESS = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, USE = ACCEL_BO_CPU_READ |
       ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE };

struct slot {
	struct accel_bo *bo;
	float *data;
	struct accel_job *job;
	struct accel_fence *fence; /* of the job under way */
};
static const struct pollfd idle = { -1, POLLIN, 0 }; /* poll() skips -1 */

static void try(const char *what, int result)
{
	if (result < 0)
		errx(1, "%s: %s", what, strerror(-result));
}

/* Sends all requests, at most AHEAD of them unanswered, and checks the answers. */
static int client(int socket)
{
	float x[SIZE];

	for (int n = 0; n < REQUESTS + AHEAD; n++) {
		for (int i = 0; i < SIZE; i++)
			x[i] = n + i;
		if (n < REQUESTS)
			try("send", send(socket, x, BYTES, MSG_NOSIGNAL) < 0 ? -errno : 0);
		if (n >= AHEAD)
			try("receive", recv(socket, x, BYTES, 0) == BYTES ? 0 : -EPIPE);
		for (int i = 0; n >= AHEAD && i < SIZE; i++)
			try("check", x[i] == x[0] + 2 * i ? 0 : -EIO);
	}
	printf("%d requests answered\n", REQUESTS);
	return 0;
}

static void make_slot(struct accel_context *context, struct accel_queue *queue, struct slot *slot)
{
	/* x = x + x, in place: the index of the only buffer is 0. */
	const struct accel_soft_add code = { .head = { ACCEL_SOFT_ADD, 0, sizeof(code) },
					     .rows = 1, .columns = SIZE };
	struct accel_bo_params data = { .size = sizeof(data), .bytes = BYTES, .flags = USE };
	struct accel_bo_params commands = { .size = sizeof(commands), .bytes = sizeof(code),
					    .contents = &code, .flags = ACCEL_BO_COMMANDS };
	struct accel_bo_ref ref = { .access = ACCESS };
	struct accel_job_params work = { .size = sizeof(work), .bytes = sizeof(code),
					 .bos = &ref, .bo_count = 1 };

	try("allocate", accel_bo_create(context, &data, &slot->bo));
	try("allocate", accel_bo_create(context, &commands, &work.commands));
	try("map", accel_bo_map(slot->bo, (void **)&slot->data));
	ref.bo = slot->bo;
	try("job", accel_job_create(queue, &work, &slot->job));
	accel_bo_unref(work.commands);
	try("begin", accel_bo_begin_access(slot->bo, ACCESS, 0, BYTES, 0));
}

/* Take a request off the socket and submit it. 0: the client is gone. */
static int take(int socket, struct accel_queue *queue, struct slot *slot, struct pollfd *end)
{
	if (recv(socket, slot->data, BYTES, 0) != BYTES)
		return 0;
	try("end", accel_bo_end_access(slot->bo, ACCESS, 0, BYTES));
	try("submit", accel_submit(queue, &slot->job, 1, NULL, &slot->fence));
	try("export", accel_fence_export_fd(slot->fence, ACCEL_FD_ANY, &end->fd));
	return 1;
}

/* The slot's job has ended: send the result and make the slot free. */
static void answer(int socket, struct slot *slot, struct pollfd *end)
{
	try("job", accel_fence_wait(slot->fence, 0));
	try("begin", accel_bo_begin_access(slot->bo, ACCESS, 0, BYTES, 0));
	try("send", send(socket, slot->data, BYTES, 0) < 0 ? -errno : 0);
	accel_fence_unref(slot->fence);
	close(end->fd);
	*end = idle;
}

static void serve(int socket, struct accel_queue *queue, struct slot *slots)
{
	struct pollfd fds[SLOTS + 1] = { idle, idle, idle, idle, idle };
	int connected = 1, under_way = 0;

	while (connected || under_way) {
		fds[SLOTS].fd = connected && under_way < SLOTS ? socket : -1;
		try("poll", poll(fds, SLOTS + 1, -1) < 0 ? -errno : 0);
		for (int i = 0; i < SLOTS; i++) {
			if (fds[i].revents) {
				answer(socket, &slots[i], &fds[i]);
				under_way--;
			} else if (fds[i].fd < 0 && fds[SLOTS].revents) {
				fds[SLOTS].revents = 0;
				connected = take(socket, queue, &slots[i], &fds[i]);
				under_way += connected;
			}
		}
	}
}

int main(void)
{
	struct accel_context *context;
	struct accel_device *device;
	struct accel_queue *queue;
	struct slot slots[SLOTS];
	int sockets[2], status, pid;

	/* The library can't be used across fork(2): fork first, then open. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) || (pid = fork()) < 0)
		return 1;
	close(sockets[!!pid]);
	if (pid == 0)
		return client(sockets[1]);

	try("find", accel_device_find("soft:0", &device));
	try("open", accel_open(device, NULL, 0, &context));
	try("queue", accel_queue_create(context, NULL, 0, &queue));
	for (int i = 0; i < SLOTS; i++)
		make_slot(context, queue, &slots[i]);
	serve(sockets[0], queue, slots);
	for (int i = 0; i < SLOTS; i++) {
		accel_job_unref(slots[i].job);
		accel_bo_unref(slots[i].bo);
	}
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return waitpid(pid, &status, 0) != pid || status;
}
