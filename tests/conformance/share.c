/* SPDX-License-Identifier: MIT */
/* Buffers that are exported and imported. */
#include "share.h"

#include "conformance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int send_fd(int socket, int fd)
{
	char byte = 'f';
	struct iovec part = {&byte, 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head;

	memset(&control, 0, sizeof(control));
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	head = CMSG_FIRSTHDR(&message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
}

int receive_fd(int socket)
{
	char byte;
	struct iovec part = {&byte, 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head;
	int fd;

	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

#define SHARED_FLAGS (DATA_FLAGS | ACCEL_BO_SHARE)

static int export(struct accel_bo *bo)
{
	int fd = -77;

	gives(accel_bo_export(bo, 0, &fd), 0);
	expect(fd >= 0);
	return fd;
}

static struct accel_bo *import(struct accel_context *ctx, int fd)
{
	struct accel_bo *bo;

	gives(accel_bo_import(ctx, fd, DATA_FLAGS, &bo), 0);
	return bo;
}

static void need_import(void)
{
	need(ACCEL_HAS_EXPORT, "export of buffers");
	need(ACCEL_HAS_IMPORT, "import of buffers");
}

static void export_gives_a_descriptor(void)
{
	struct accel_context *ctx;
	struct stat a, b;
	struct accel_bo *bo;
	int fd, again;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	ctx = open_context();
	bo = make_bo(ctx, SHARED_FLAGS, 8192);
	fd = export(bo);
	again = export(bo);
	expect(fd != again);
	expect(fd_is_cloexec(fd) && fd_is_cloexec(again));
	same(fstat(fd, &a), 0);
	same(fstat(again, &b), 0);
	expect(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	same(lseek(fd, 0, SEEK_END), 8192);
	close(fd);
	close(again);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void export_refuses_bad_arguments(void)
{
	struct accel_context *ctx;
	struct accel_bo *bo;
	int fd = -77;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	ctx = open_context();
	bo = make_bo(ctx, SHARED_FLAGS, 4096);
	fails(accel_bo_export(NULL, 0, &fd), -EINVAL);
	fails(accel_bo_export(bo, 0, NULL), -EINVAL);
	fails(accel_bo_export(bo, 1, &fd), -EINVAL);
	fails(accel_bo_export(bo, 1u << 31, &fd), -EINVAL);
	same(fd, -77);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void export_of_a_private_buffer_is_refused(void)
{
	struct accel_context *ctx;
	struct accel_bo *bo;
	int fd = -77;

	need(ACCEL_HAS_EXPORT, "export of buffers");
	ctx = open_context();
	bo = make_bo(ctx, DATA_FLAGS, 4096);
	fails(accel_bo_export(bo, 0, &fd), -EINVAL);
	same(fd, -77);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static void export_of_an_import_is_refused(void)
{
	struct accel_context *a, *b;
	struct accel_bo *bo, *taken;
	int fd, out = -77;

	need_import();
	a = open_context();
	b = open_another();
	bo = make_bo(a, SHARED_FLAGS, 4096);
	fd = export(bo);
	taken = import(b, fd);
	fails(accel_bo_export(taken, 0, &out), -EINVAL);
	same(out, -77);
	close(fd);
	accel_bo_unref(taken);
	accel_bo_unref(bo);
	accel_context_unref(b);
	accel_context_unref(a);
}

static void import_of_an_own_export_is_the_same_object(void)
{
	struct accel_context *ctx;
	struct accel_bo *bo, *again, *third;
	int fd;

	need_import();
	ctx = open_context();
	bo = make_bo(ctx, SHARED_FLAGS, 8192);
	fd = export(bo);
	again = import(ctx, fd);
	expect(again == bo);
	/* @flags are ignored then. */
	gives(accel_bo_import(ctx, fd, ACCEL_BO_DEVICE_READ, &third), 0);
	expect(third == bo);
	cpu_fill(bo, 0, 8192, 0x12);
	/* Each has a reference of its own. */
	accel_bo_unref(bo);
	expect_bytes(again, 0, 8192, 0x12);
	accel_bo_unref(third);
	expect_bytes(again, 0, 8192, 0x12);
	close(fd);
	expect_bytes(again, 0, 8192, 0x12);
	accel_bo_unref(again);
	accel_context_unref(ctx);
}

static void import_twice_and_release_once(void)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_context *a, *b;
	struct accel_bo *bo, *first, *second;
	unsigned char *map;
	int fd, again;

	need_import();
	a = open_context();
	b = open_another();
	bo = make_bo(a, SHARED_FLAGS, 8192);
	cpu_fill(bo, 0, 8192, 0x23);
	fd = export(bo);
	again = export(bo);
	first = import(b, fd);
	second = import(b, again); /* another descriptor of the same memory */
	expect(first == second);
	expect(first != bo);
	map = map_bo(first);
	accel_bo_unref(first);
	close(fd);
	close(again);
	expect(map_bo(second) == map);
	expect_bytes(second, 0, 8192, 0x23);
	gives(accel_bo_get_info(second, &info), 0);
	same(info.bytes, 8192);
	expect(info.flags & ACCEL_BO_IS_IMPORTED);
	cpu_fill(second, 0, 8192, 0x32);
	expect_bytes(bo, 0, 8192, 0x32);
	accel_bo_unref(second);
	accel_bo_unref(bo);
	accel_context_unref(b);
	accel_context_unref(a);
}

/* Released and taken in anew, again and again: keys of freed objects are not found. */
static void import_and_release_many_times(void)
{
	struct accel_context *a, *b;
	struct accel_bo *bo, *taken;
	unsigned int i, fds;
	int fd;

	need_import();
	a = open_context();
	b = open_another();
	bo = make_bo(a, SHARED_FLAGS, 4096);
	fd = export(bo);
	fds = count_fds();
	for (i = 0; i < 1000; i++) {
		taken = import(b, fd);
		cpu_fill(taken, 0, 4096, (uint8_t)i);
		expect_bytes(bo, 0, 4096, (uint8_t)i);
		accel_bo_unref(taken);
	}
	same(count_fds(), fds);
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(b);
	accel_context_unref(a);
}

static void import_into_many_contexts(void)
{
	struct accel_context *ctxs[4];
	struct accel_bo *bos[4];
	unsigned int i, j;
	int fd;

	need_import();
	ctxs[0] = open_context();
	for (i = 1; i < 4; i++)
		ctxs[i] = open_another();
	bos[0] = make_bo(ctxs[0], SHARED_FLAGS, 4096);
	fd = export(bos[0]);
	for (i = 1; i < 4; i++) {
		bos[i] = import(ctxs[i], fd);
		for (j = 0; j < i; j++)
			expect(bos[i] != bos[j]);
	}
	for (i = 0; i < 4; i++) {
		cpu_fill(bos[i], 0, 4096, (uint8_t)(i + 1));
		for (j = 0; j < 4; j++)
			expect_bytes(bos[j], 0, 4096, (uint8_t)(i + 1));
	}
	close(fd);
	/* The maker first. */
	for (i = 0; i < 4; i++) {
		accel_bo_unref(bos[i]);
		accel_context_unref(ctxs[i]);
		if (i < 3)
			expect_bytes(bos[3], 0, 4096, 4);
	}
}

static void the_descriptor_keeps_the_memory(void)
{
	struct accel_context *ctx;
	struct accel_bo *bo, *other;
	unsigned int i;
	int fd;

	need_import();
	ctx = open_context();
	bo = make_bo(ctx, SHARED_FLAGS, 8192);
	cpu_fill(bo, 0, 8192, 0x45);
	fd = export(bo);
	accel_bo_unref(bo);
	gives(accel_context_trim(ctx, 0), 0);
	/* Nothing made later may be the same memory. */
	for (i = 0; i < 8; i++) {
		other = make_bo(ctx, i % 2 ? DATA_FLAGS : SHARED_FLAGS, 8192);
		cpu_fill(other, 0, 8192, 0xff);
		accel_bo_unref(other);
	}
	bo = import(ctx, fd);
	expect_bytes(bo, 0, 8192, 0x45);
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

/* The same without a trim, and with the peer writing: an exported buffer, once freed, is
 * not kept for reuse. */
static void exported_buffers_are_not_reused(void)
{
	struct accel_context *a, *b;
	struct accel_bo *bo, *peer, *other;
	unsigned int i;
	int fd;

	need_import();
	a = open_context();
	b = open_another();
	bo = make_bo(a, SHARED_FLAGS, 8192);
	fd = export(bo);
	peer = import(b, fd);
	close(fd);
	accel_bo_unref(bo);
	for (i = 0; i < 8; i++) {
		other = make_bo(a, SHARED_FLAGS | ACCEL_BO_ZERO, 8192);
		cpu_fill(peer, 0, 8192, 0x99);
		expect_bytes(other, 0, 8192, 0);
		cpu_fill(other, 0, 8192, 0x66);
		expect_bytes(peer, 0, 8192, 0x99);
		accel_bo_unref(other);
	}
	accel_bo_unref(peer);
	accel_context_unref(b);
	accel_context_unref(a);
}

static void jobs_reach_imported_buffers(void)
{
	uint64_t bytes = whole_units(8192);
	struct accel_context *a;
	struct accel_bo *bo, *taken;
	struct accel_job *job;
	struct setup s;
	int fd;

	need_import();
	a = open_context();
	s.ctx = open_another();
	s.queue = make_queue(s.ctx, 0);
	bo = make_bo(a, SHARED_FLAGS, bytes);
	cpu_fill(bo, 0, bytes, 0);
	fd = export(bo);
	taken = import(s.ctx, fd);
	close(fd);
	job = fill_job(s.ctx, s.queue, taken, 0, bytes, 0x71);
	accel_bo_unref(taken);
	run_job(s.queue, job);
	expect_bytes(bo, 0, bytes, 0x71);
	accel_job_unref(job);
	accel_bo_unref(bo);
	setup_close(&s);
	accel_context_unref(a);
}

static void imports_have_the_uses_asked_for(void)
{
	struct accel_context *a, *b;
	struct accel_bo *bo, *taken;
	void *map = untouched();
	int fd;

	need_import();
	a = open_context();
	b = open_another();
	bo = make_bo(a, SHARED_FLAGS, 4096);
	fd = export(bo);
	gives(accel_bo_import(b, fd, ACCEL_BO_DEVICE_READ, &taken), 0);
	fails(accel_bo_map(taken, &map), -EACCES);
	is_untouched(map);
	fails(accel_bo_begin_access(taken, ACCEL_ACCESS_READ, 0, 1, 0), -EACCES);
	accel_bo_unref(taken);
	gives(accel_bo_import(b, fd, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ, &taken), 0);
	gives(accel_bo_begin_access(taken, ACCEL_ACCESS_READ, 0, 1, 0), 0);
	gives(accel_bo_end_access(taken, ACCEL_ACCESS_READ, 0, 1), 0);
	fails(accel_bo_begin_access(taken, ACCEL_ACCESS_WRITE, 0, 1, 0), -EACCES);
	accel_bo_unref(taken);
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(b);
	accel_context_unref(a);
}

static void import_fails(int fd, int err)
{
	struct accel_context *ctx = open_context();
	struct accel_bo *bo = untouched();

	fails(accel_bo_import(ctx, fd, DATA_FLAGS, &bo), err);
	is_untouched(bo);
	accel_context_unref(ctx);
}

static void import_refuses_bad_arguments(void)
{
	static const uint32_t flags[] = {
		ACCEL_BO_COMMANDS, ACCEL_BO_DEVICE_LOCAL, ACCEL_BO_SHARE, ACCEL_BO_ZERO,
		1u << 8,           ACCEL_BO_IS_IMPORTED,  1u << 31};
	struct accel_bo *bo, *out = untouched();
	struct accel_context *a, *ctx;
	size_t i;
	int fd;

	need_import();
	a = open_context();
	ctx = open_another();
	bo = make_bo(a, SHARED_FLAGS, 4096);
	fd = export(bo);
	fails(accel_bo_import(NULL, fd, DATA_FLAGS, &out), -EINVAL);
	fails(accel_bo_import(ctx, fd, DATA_FLAGS, NULL), -EINVAL);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		fails(accel_bo_import(ctx, fd, DATA_FLAGS | flags[i], &out), -EINVAL);
	is_untouched(out);
	close(fd);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
	accel_context_unref(a);
}

static void import_of_no_descriptor_is_ebadf(void)
{
	/* No number that the context's own descriptors will have. */
	int fd = fcntl(STDIN_FILENO, F_DUPFD, 500);

	need(ACCEL_HAS_IMPORT, "import of buffers");
	close(fd);
	import_fails(-1, -EBADF);
	import_fails(fd, -EBADF);
	import_fails(INT_MAX, -EBADF);
	import_fails(INT_MIN, -EBADF);
}

static void not_a_buffer(int fd)
{
	expect(fd >= 0);
	import_fails(fd, -EINVAL);
	expect(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static void import_of_other_files_is_refused(void)
{
	char path[] = "/tmp/conformance-XXXXXX";
	int fds[2], fd;

	need(ACCEL_HAS_IMPORT, "import of buffers");
	same(pipe2(fds, O_CLOEXEC), 0);
	not_a_buffer(fds[0]);
	not_a_buffer(fds[1]);
	not_a_buffer(eventfd(0, EFD_CLOEXEC));
	not_a_buffer(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	not_a_buffer(open("/dev/null", O_RDWR | O_CLOEXEC));
	not_a_buffer(open("/dev/zero", O_RDWR | O_CLOEXEC));
	not_a_buffer(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	fd = mkostemp(path, O_CLOEXEC);
	expect(fd >= 0);
	unlink(path);
	same(ftruncate(fd, 8192), 0);
	not_a_buffer(fd);
}

/* Memory that its owner can take away under a running job. */
static void import_of_a_shrinkable_memfd_is_refused(void)
{
	int fd;

	need(ACCEL_HAS_IMPORT, "import of buffers");
	fd = memfd_create("shrinkable", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	expect(fd >= 0);
	same(ftruncate(fd, 8192), 0);
	not_a_buffer(fd);
	fd = memfd_create("unsealable", MFD_CLOEXEC);
	expect(fd >= 0);
	same(ftruncate(fd, 8192), 0);
	not_a_buffer(fd);
	fd = memfd_create("growable only", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	expect(fd >= 0);
	same(ftruncate(fd, 8192), 0);
	same(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	not_a_buffer(fd);
}

/* Another process does the work; see the helper "share". */
static void two_processes_share_buffer_and_fence(void)
{
	uint64_t bytes = whole_units(65536);
	struct accel_context *ctx;
	struct accel_fence *fence;
	struct accel_bo *bo;
	int fd, pair[2];
	pid_t pid;

	need_import();
	need(ACCEL_HAS_FENCE_FD, "descriptors of fences");
	ctx = open_context();
	accel_context_unref(open_another());
	bo = make_bo(ctx, SHARED_FLAGS, bytes);
	cpu_fill(bo, 0, bytes, 0x01);
	same(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid = start_helper("share", "", pair[1], -1);
	close(pair[1]);
	fd = export(bo);
	same(send_fd(pair[0], fd), 0);
	close(fd);
	fd = receive_fd(pair[0]);
	expect(fd >= 0);
	gives(accel_fence_import_fd(fd, 0, &fence), 0);
	close(fd);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	expect_bytes(bo, 0, bytes, 0xf2);
	accel_fence_unref(fence);
	close(pair[0]);
	same(wait_child(pid), 0);
	expect_bytes(bo, 0, bytes, 0xf2);
	accel_bo_unref(bo);
	accel_context_unref(ctx);
}

static const struct check checks[] = {
	CHECK(export_gives_a_descriptor),
	CHECK(export_refuses_bad_arguments),
	CHECK(export_of_a_private_buffer_is_refused),
	CHECK(export_of_an_import_is_refused),
	CHECK(import_of_an_own_export_is_the_same_object),
	CHECK(import_twice_and_release_once),
	CHECK(import_and_release_many_times),
	CHECK(import_into_many_contexts),
	CHECK(the_descriptor_keeps_the_memory),
	CHECK(exported_buffers_are_not_reused),
	CHECK(jobs_reach_imported_buffers),
	CHECK(imports_have_the_uses_asked_for),
	CHECK(import_refuses_bad_arguments),
	CHECK(import_of_no_descriptor_is_ebadf),
	CHECK(import_of_other_files_is_refused),
	CHECK(import_of_a_shrinkable_memfd_is_refused),
	CHECK(two_processes_share_buffer_and_fence),
};

const struct group group_bo_share = GROUP("bo_share", checks);
