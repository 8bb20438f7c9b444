/* SPDX-License-Identifier: MIT */
/*
 * accel-share: two processes work on one buffer, and nothing is copied.
 *
 * The parent has the device fill a buffer, and while that may still be under way it
 * sends two descriptors over a UNIX socket: the buffer's and the fence's. The child
 * takes both in, lets a job of its own wait for that fence and double the numbers, and
 * sends the descriptor of its own fence back. Once that has ended, the parent finds
 * the result in its own mapping of the buffer.
 */
#include "passfd.h"

#include <accel/soft.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 1 << 20 };
#define BYTES (COUNT * sizeof(float))

static const char *me;
static struct accel_context *context;
static struct accel_queue *queue;

static int try(const char *what, int result)
{
	if (result < 0)
		errx(1, "%s: %s: %s", me, what, strerror(-result));
	return result;
}

/* Run one packet on @bo after @before, or at once, and return the fence of that. */
static struct accel_fence *run(const struct accel_soft_packet *packet, struct accel_bo *bo,
			       struct accel_fence *before)
{
	struct accel_bo_params code = { .size = sizeof(code), .flags = ACCEL_BO_COMMANDS,
					.bytes = packet->bytes, .contents = packet };
	struct accel_bo_ref ref = { bo, ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE, 0 };
	struct accel_job_params work = { .size = sizeof(work), .bytes = packet->bytes,
					 .bos = &ref, .bo_count = 1 };
	struct accel_submit_params wait = { .size = sizeof(wait), .wait = &before,
					    .wait_count = before ? 1 : 0 };
	struct accel_fence *fence;
	struct accel_job *job;

	try("allocate", accel_bo_create(context, &code, &work.commands));
	try("job", accel_job_create(queue, &work, &job));
	try("submit", accel_submit(queue, &job, 1, &wait, &fence));
	accel_bo_unref(work.commands);
	accel_job_unref(job); /* it runs to its end all the same */
	return fence;
}

static void send_fence(int socket, struct accel_fence *fence)
{
	int fd;

	try("export fence", accel_fence_export_fd(fence, ACCEL_FD_ANY, &fd));
	try("send", send_fd(socket, fd));
}

static struct accel_fence *receive_fence(int socket)
{
	int fd = try("receive", receive_fd(socket));
	struct accel_fence *fence;

	try("import fence", accel_fence_import_fd(fd, 0, &fence));
	close(fd);
	return fence;
}

static void parent(int socket)
{
	struct accel_bo_params params = { .size = sizeof(params), .bytes = BYTES,
					  .flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ |
						   ACCEL_BO_DEVICE_WRITE | ACCEL_BO_SHARE };
	struct accel_soft_fill fill = { .head = { ACCEL_SOFT_FILL, 0, sizeof(fill) },
					.bytes = BYTES, .pattern = 0x3fc00000 /* 1.5 */ };
	struct accel_fence *filled, *doubled;
	struct accel_bo *bo;
	float *data;
	int fd, wrong = 0;

	try("allocate", accel_bo_create(context, &params, &bo));
	filled = run(&fill.head, bo, NULL);
	try("export buffer", accel_bo_export(bo, 0, &fd));
	try("send", send_fd(socket, fd));
	send_fence(socket, filled);

	doubled = receive_fence(socket);
	try("wait", accel_fence_wait(doubled, ACCEL_NO_DEADLINE));
	try("map", accel_bo_map(bo, (void **)&data));
	try("begin", accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, BYTES, ACCEL_NO_DEADLINE));
	for (int i = 0; i < COUNT; i++)
		wrong += data[i] != 3.0f;
	printf("%d numbers shared, %d of them wrong\n", COUNT, wrong);
	try("check", wrong ? -EIO : 0);
	accel_fence_unref(doubled);
	accel_fence_unref(filled);
	accel_bo_unref(bo);
}

static void child(int socket)
{
	/* x = x + x: the index of the one buffer is 0 everywhere. */
	struct accel_soft_add add = { .head = { ACCEL_SOFT_ADD, 0, sizeof(add) },
				      .rows = 1, .columns = COUNT };
	struct accel_fence *filled, *doubled;
	struct accel_bo *bo;
	int fd = try("receive", receive_fd(socket));

	try("import buffer", accel_bo_import(context, fd, ACCEL_BO_DEVICE_READ |
					     ACCEL_BO_DEVICE_WRITE, &bo));
	close(fd);
	filled = receive_fence(socket);
	doubled = run(&add.head, bo, filled);
	send_fence(socket, doubled);
	try("wait", accel_fence_wait(doubled, ACCEL_NO_DEADLINE));
	accel_fence_unref(doubled);
	accel_fence_unref(filled);
	accel_bo_unref(bo);
}

int main(void)
{
	struct accel_device *device;
	int sockets[2], status = 0;
	pid_t pid;

	/* The library can't be used across fork(2): fork first, then open. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) || (pid = fork()) < 0)
		return 1;
	me = pid ? "parent" : "child";
	close(sockets[pid ? 1 : 0]);
	try("find", accel_device_find("soft:0", &device));
	try("open", accel_open(device, NULL, 0, &context));
	try("queue", accel_queue_create(context, NULL, 0, &queue));
	(pid ? parent : child)(sockets[pid ? 0 : 1]);
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return pid && (waitpid(pid, &status, 0) != pid || status);
}
