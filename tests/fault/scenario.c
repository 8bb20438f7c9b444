/* SPDX-License-Identifier: MIT */
/*
 * A little of everything that the library does, by a program that takes each failure as it comes:
 * it leaves out what depended on what failed, and gives back what it has. It complains of a
 * result that accel.h doesn't have, and of success that was none.
 */
#include "fault.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define KINDS_MAX 16
#define SECOND    1000000000ull
#define RW        (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE)
#define ALL       (RW | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)

static const struct work *const works[] = {&work_soft, &work_ethosu, &work_rocket, &work_ivpu,
					   &work_qaic};

struct scene {
	struct accel_device *device;
	struct accel_context *context, *other;
	const struct work *work;
	struct accel_bo *in, *out, *spare;
	void *in_map, *out_map, *spare_map;
	struct accel_queue *queue[2];
	struct accel_job *job[KINDS_MAX];
	struct accel_fence *fence[KINDS_MAX];
};

/* ---- results ------------------------------------------------------------------------------ */

/* Errors that accel.h documents for a call that is made as it should be; 0 ends the list. */
static const int of_scan[] = {-ENOMEM, 0};
static const int of_find[] = {-ENODEV, -ENOMEM, 0};
static const int of_open[] = {-ENOPKG, -ELIBBAD, -ENXIO,  -EACCES, -EAGAIN, -EBUSY,
			      -EMFILE, -ENFILE,  -ENODEV, -ENOMEM, 0};
static const int of_query[] = {-EOPNOTSUPP, 0};
static const int of_bo_create[] = {-ENOMEM, -EOPNOTSUPP, -EMFILE, -ENFILE, 0};
static const int of_bo_user[] = {-ENOMEM, -EOPNOTSUPP, -EFAULT, 0};
static const int of_import[] = {-ENOMEM, -EOPNOTSUPP, -EMFILE, -ENFILE, -EINVAL, 0};
static const int of_export[] = {-ENOMEM, -EOPNOTSUPP, -EMFILE, -ENFILE, 0};
static const int of_bo_map[] = {-ENOMEM, 0};
static const int of_access[] = {-ETIME, -ENOMEM, 0};
static const int of_queue[] = {-ENOMEM, -ENOSPC, -EIO, -EAGAIN, 0};
static const int of_room[] = {-ENOMEM, -ENOENT, 0};
static const int of_cancel[] = {-EOPNOTSUPP, 0};
static const int of_job[] = {-ENOMEM, -EMFILE, -ENFILE, 0};
/* Where no buffer is under way with two jobs, one that isn't waited for stands in another's way. */
static const int of_submit_once[] = {-EBUSY, -ENOMEM, -EAGAIN, -EOPNOTSUPP, -EIO, 0};
static const int *of_submit = of_submit_once + 1;
static const int of_wait[] = {-EIO, -ENOMEM, 0};
static const int of_wait_short[] = {-ETIME, -ENOMEM, 0};
static const int of_fence_export[] = {-EOPNOTSUPP, -EMFILE, -ENFILE, -ENOMEM, 0};
static const int of_fence_import[] = {-EMFILE, -ENOMEM, 0};
static const int nothing[] = {0};

static bool tells_no_error(int ret)
{
	return ret == -EAGAIN || ret == -ETIME || ret == -EINPROGRESS || ret == -EIO;
}

int check(const char *call, int ret, const int *allowed)
{
	struct accel_error error = {.size = sizeof(error)};

	if (ret >= 0)
		return ret;
	while (*allowed && *allowed != ret)
		allowed++;
	if (accel_last_error(&error))
		complain("accel_last_error() fails after %s", call);
	if (ret == -ENODEV && inject_removed_the_device())
		return ret; /* of the call, or of the work */
	if (!*allowed)
		complain("%s gives %d (%s): %s", call, ret, strerror(-ret), error.text);
	else if (!tells_no_error(ret) && (error.code != ret || !*error.text))
		complain("%s gives %d (%s), but the last error is %d '%s'", call, ret,
			 strerror(-ret), error.code, error.text);
	return ret;
}

static int64_t in_seconds(unsigned int seconds)
{
	int64_t deadline = ACCEL_NO_DEADLINE;

	check("accel_deadline", accel_deadline(seconds * SECOND, &deadline), nothing);
	return deadline;
}

/* ---- devices ------------------------------------------------------------------------------ */

static void use_devices(const char *name)
{
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device[16];
	int count, i;

	count = check("accel_device_scan", accel_device_scan(0, device, 16), of_scan);
	for (i = 0; i < count && i < 16; i++) {
		check("accel_device_get_info", accel_device_get_info(device[i], &info), nothing);
		if (info.usable != ACCEL_USABLE && !*info.reason)
			complain("%s is not usable, without a reason", info.name);
		if (info.usable == ACCEL_USABLE && !*info.name)
			complain("a device has no name");
		accel_device_unref(device[i]);
	}
	(void)name;
}

/* ---- buffers ------------------------------------------------------------------------------ */

static struct accel_bo *make_bo(struct accel_context *context, uint32_t flags, uint64_t bytes,
				const void *contents)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = bytes, .contents = contents};
	struct accel_bo *bo = NULL;

	check("accel_bo_create", accel_bo_create(context, &params, &bo), of_bo_create);
	return bo;
}

static void *map_bo(struct accel_bo *bo)
{
	void *map = NULL;

	if (bo)
		check("accel_bo_map", accel_bo_map(bo, &map), of_bo_map);
	return map;
}

static bool begin(struct accel_bo *bo, uint32_t access)
{
	return !check("accel_bo_begin_access",
		      accel_bo_begin_access(bo, access, 0, 1, in_seconds(60)), of_access);
}

static void end(struct accel_bo *bo, uint32_t access)
{
	check("accel_bo_end_access", accel_bo_end_access(bo, access, 0, 1), of_access);
}

static bool is_all(const unsigned char *bytes, size_t count, unsigned char value)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void use_buffers(struct scene *scene)
{
	static const char text[] = "contents of a buffer";
	struct accel_bo *bo;
	void *map, *pages;
	int i;

	for (i = 0; i < 3; i++) { /* a new one, and one that is reused */
		bo = make_bo(scene->context, ALL | ACCEL_BO_ZERO, 10000, NULL);
		map = map_bo(bo);
		if (map && !is_all(map, 10000, 0))
			complain("a buffer made with ACCEL_BO_ZERO isn't zero");
		if (map)
			memset(map, 0xee, 10000);
		accel_bo_unref(bo);
		bo = make_bo(scene->context, ALL, 10000, NULL);
		accel_bo_unref(bo);
		bo = make_bo(scene->context, ALL, sizeof(text), text);
		map = map_bo(bo);
		if (map && memcmp(map, text, sizeof(text)))
			complain("a buffer lacks the contents that it was made with");
		accel_bo_unref(bo);
	}
	check("accel_context_trim", accel_context_trim(scene->context, 0), nothing);

	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return;
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = ALL, .bytes = 8192, .user = pages};
	bo = NULL;
	check("accel_bo_create", accel_bo_create(scene->context, &params, &bo), of_bo_user);
	if (bo && map_bo(bo) != pages)
		complain("a buffer of user memory lies elsewhere");
	accel_bo_unref(bo);
	munmap(pages, 8192);
}

/* A buffer that is shared between two contexts, and back with the first. */
static void use_sharing(struct scene *scene)
{
	struct accel_bo *bo, *same = NULL, *foreign = NULL;
	char *map, *foreign_map;
	int fd = -1;

	bo = make_bo(scene->context, ALL | ACCEL_BO_SHARE, 10000, NULL);
	if (!bo)
		return;
	map = map_bo(bo);
	if (map && begin(bo, ACCEL_ACCESS_WRITE)) {
		strcpy(map, "shared");
		end(bo, ACCEL_ACCESS_WRITE);
	}
	check("accel_bo_export", accel_bo_export(bo, 0, &fd), of_export);
	if (fd < 0)
		goto out;
	check("accel_bo_import", accel_bo_import(scene->context, fd, ALL, &same), of_import);
	if (same && same != bo)
		complain("a buffer of this context was imported as another object");
	if (scene->other)
		check("accel_bo_import", accel_bo_import(scene->other, fd, RW, &foreign),
		      of_import);
	foreign_map = map_bo(foreign);
	if (map && foreign_map && begin(foreign, ACCEL_ACCESS_READ)) {
		if (strcmp(foreign_map, "shared"))
			complain("an imported buffer shows other bytes");
		end(foreign, ACCEL_ACCESS_READ);
	}
	close(fd);
	accel_bo_unref(foreign);
out:
	accel_bo_unref(bo);
	accel_bo_unref(same);
}

/* ---- jobs --------------------------------------------------------------------------------- */

static bool make_buffers(struct scene *scene)
{
	scene->in = make_bo(scene->context, ALL, WORK_BYTES, NULL);
	scene->out = make_bo(scene->context, ALL | ACCEL_BO_ZERO, WORK_BYTES, NULL);
	scene->in_map = map_bo(scene->in);
	scene->out_map = map_bo(scene->out);
	if (!scene->in_map || !scene->out_map || !begin(scene->in, ACCEL_ACCESS_WRITE))
		return false;
	scene->work->fill(scene->in_map);
	end(scene->in, ACCEL_ACCESS_WRITE);
	return true;
}

static struct accel_queue *make_queue(struct scene *scene, uint32_t depth)
{
	struct accel_queue_params params = {.size = sizeof(params), .depth = depth};
	struct accel_queue *queue = NULL;

	check("accel_queue_create",
	      accel_queue_create(scene->context, &params, in_seconds(60), &queue), of_queue);
	return queue;
}

/* Make a job, of which only memory can be lacking. */
static struct accel_job *make_job(struct scene *scene, struct accel_queue *queue, unsigned int kind)
{
	struct accel_job *job = NULL;
	int ret;

	ret = scene->work->make(scene->context, queue, kind, scene->in, scene->out, &job);
	check("making a job", ret, of_job);
	return job;
}

static struct accel_fence *submit(struct accel_queue *queue, struct accel_job *job,
				  struct accel_fence *wait, int *ret)
{
	struct accel_submit_params params = {
		.size = sizeof(params), .wait = &wait, .wait_count = wait ? 1 : 0};
	struct accel_fence *fence = NULL;

	*ret = check("accel_submit", accel_submit(queue, &job, 1, &params, &fence), of_submit);
	if (*ret == 1 && !fence)
		complain("accel_submit() gives 1 and no fence");
	if (*ret < 0 && fence)
		complain("accel_submit() fails and gives a fence");
	return fence;
}

/* The job's fence has ended: what it says must be so. */
static void check_job(struct scene *scene, unsigned int kind, struct accel_job *job, int waited,
		      const void *out_map)
{
	struct accel_job_result result = {.size = sizeof(result)};

	if (check("accel_job_get_result", accel_job_get_result(job, &result), nothing))
		return;
	if (result.outcome == ACCEL_PENDING)
		complain("job %u is pending and its fence has ended", kind);
	if (waited != result.error)
		complain("job %u: its fence gives %d, its result %d", kind, waited, result.error);
	if (result.outcome == ACCEL_FAILED)
		return;
	if (result.outcome == ACCEL_LOST && inject_removed_the_device())
		return;
	/* Then it has left no trace, and that is what this outcome says. */
	if (result.outcome == ACCEL_DONE_UNVERIFIED && inject_dropped_a_job())
		return;
	if (result.outcome != ACCEL_DONE && result.outcome != ACCEL_DONE_UNVERIFIED)
		complain("job %u ended with outcome %u", kind, result.outcome);
	else if (!scene->work->verify(kind, scene->in_map, out_map))
		complain("job %u reports success, and its result is wrong", kind);
}

/* Wait until the fence has ended, by one way or another; what it says. A failure of the call
 * itself happens once at most. */
static int wait_somehow(struct accel_fence *fence, unsigned int way)
{
	struct accel_fence *list[2] = {fence, fence}, *imported = NULL;
	struct pollfd pollfd = {.fd = -1, .events = POLLIN};
	uint32_t index = 77;
	int ret = -ENOMEM, tries;

	for (tries = 0; tries < 3 && ret == -ENOMEM; tries++) {
		switch (way % 5) {
		case 0:
			ret = check("accel_fence_wait", accel_fence_wait(fence, in_seconds(60)),
				    of_wait);
			break;
		case 1:
			ret = check("accel_fence_wait_many",
				    accel_fence_wait_many(list, 2, 0, ACCEL_NO_DEADLINE, &index),
				    of_wait);
			/* Both are the same, and it may end between two looks. */
			if (ret != -ENOMEM && index > 1)
				complain("accel_fence_wait_many() tells of fence %u", index);
			break;
		case 2:
			ret = check("accel_fence_wait_many",
				    accel_fence_wait_many(list, 2, ACCEL_WAIT_ALL, in_seconds(60),
							  NULL),
				    of_wait);
			break;
		case 3:
			if (!check("accel_fence_export_fd",
				   accel_fence_export_fd(fence, ACCEL_FD_ANY, &pollfd.fd),
				   of_fence_export))
				while (poll(&pollfd, 1, 60000) < 0 && errno == EINTR)
					;
			else
				accel_fence_wait(fence, ACCEL_NO_DEADLINE);
			if (pollfd.fd >= 0 && !(pollfd.revents & POLLIN))
				complain("a fence's descriptor does not become readable");
			ret = accel_fence_status(fence);
			break;
		default:
			if (!check("accel_fence_export_fd",
				   accel_fence_export_fd(fence, ACCEL_FD_ANY, &pollfd.fd),
				   of_fence_export))
				check("accel_fence_import_fd",
				      accel_fence_import_fd(pollfd.fd, 0, &imported),
				      of_fence_import);
			if (imported) {
				list[0] = imported;
				ret = check("accel_fence_wait_many",
					    accel_fence_wait_many(list, 2, ACCEL_WAIT_ALL,
								  in_seconds(60), NULL),
					    of_wait);
				if (ret != -ENOMEM)
					ret = accel_fence_status(fence);
			} else {
				ret = accel_fence_wait(fence, in_seconds(60));
			}
			accel_fence_unref(imported);
			imported = NULL;
		}
		if (pollfd.fd >= 0)
			close(pollfd.fd);
		pollfd.fd = -1;
	}
	if (ret == -ENOMEM || ret == -ETIME || ret == -EINPROGRESS)
		complain("waiting (way %u) gives %d", way % 5, ret);
	return ret;
}

/* Once more, with another buffer, and all jobs of a queue in one call. */
static void use_jobs_again(struct scene *scene)
{
	struct accel_job *jobs[KINDS_MAX];
	struct accel_fence *fence = NULL;
	unsigned int kind, count = 0;
	int ret, i;

	scene->spare = make_bo(scene->context, ALL | ACCEL_BO_ZERO, WORK_BYTES, NULL);
	scene->spare_map = map_bo(scene->spare);
	if (!scene->spare_map)
		return;
	for (kind = 0; kind < scene->work->count; kind += 2) {
		if (!scene->job[kind] ||
		    check("accel_job_set_bo",
			  accel_job_set_bo(scene->job[kind], scene->work->out, scene->spare),
			  of_job))
			return;
		jobs[count++] = scene->job[kind];
	}
	ret = check("accel_submit", accel_submit(scene->queue[0], jobs, count, NULL, &fence),
		    of_submit);
	if (ret <= 0)
		return;
	if (!wait_somehow(fence, 0)) {
		for (i = 0; i < ret; i++) {
			kind = 2 * (unsigned int)i;
			check_job(scene, kind, jobs[i], 0,
				  kind < scene->work->by_index ? scene->spare_map : scene->out_map);
		}
	}
	accel_fence_unref(fence);
}

/* A chain of all kinds of jobs, to and fro between two queues. */
static void use_jobs(struct scene *scene)
{
	struct accel_fence *before = NULL;
	unsigned int kind;
	int ret;

	if (!make_buffers(scene))
		return;
	scene->queue[0] = make_queue(scene, 8);
	scene->queue[1] = make_queue(scene, 8);
	if (!scene->queue[0] || !scene->queue[1])
		return;
	for (kind = 0; kind < scene->work->count; kind++)
		scene->job[kind] = make_job(scene, scene->queue[kind % 2], kind);
	for (kind = 0; kind < scene->work->count; kind++) {
		if (!scene->job[kind])
			continue;
		scene->fence[kind] = submit(scene->queue[kind % 2], scene->job[kind], before, &ret);
		if (scene->fence[kind])
			before = scene->fence[kind];
	}
	for (kind = 0; kind < scene->work->count; kind++) {
		if (!scene->fence[kind])
			continue;
		ret = wait_somehow(scene->fence[kind], kind);
		check_job(scene, kind, scene->job[kind], ret, scene->out_map);
	}
	if (!begin(scene->out, ACCEL_ACCESS_READ))
		return;
	end(scene->out, ACCEL_ACCESS_READ);
	use_jobs_again(scene);
}

/* ---- room, cancelling --------------------------------------------------------------------- */

/* A fence that ends when the descriptor is written to. */
static struct accel_fence *make_gate(int *fd)
{
	struct accel_fence *gate = NULL;

	*fd = eventfd(0, EFD_CLOEXEC);
	if (*fd >= 0)
		check("accel_fence_import_fd", accel_fence_import_fd(*fd, 0, &gate),
		      of_fence_import);
	return gate;
}

static void open_gate(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		complain("the test's eventfd can't be written to");
}

static void use_room(struct scene *scene)
{
	struct accel_fence *gate, *fence = NULL, *room = NULL;
	struct accel_job *job[2] = {NULL, NULL};
	struct accel_queue *queue;
	int fd, ret;

	gate = make_gate(&fd);
	queue = make_queue(scene, 1);
	if (!gate || !queue)
		goto out;
	job[0] = make_job(scene, queue, 0);
	job[1] = make_job(scene, queue, 1);
	if (!job[0] || !job[1])
		goto out;
	fence = submit(queue, job[0], gate, &ret);
	if (fence) {
		accel_fence_unref(submit(queue, job[1], NULL, &ret));
		if (ret == 1)
			complain("a queue of depth 1 took two jobs");
		ret = check("accel_queue_get_room", accel_queue_get_room(queue, &room), of_room);
		if (!ret && accel_fence_status(room) != -EINPROGRESS)
			complain("a full queue has room");
	}
	open_gate(fd);
	if (room)
		wait_somehow(room, 0);
	if (fence)
		check_job(scene, 0, job[0], wait_somehow(fence, 1), scene->out_map);
	if (fence && room) {
		accel_fence_unref(fence);
		fence = submit(queue, job[1], NULL, &ret);
		if (ret == -EAGAIN)
			complain("there is no room after the fence of room has ended");
		if (fence)
			check_job(scene, 1, job[1], wait_somehow(fence, 2), scene->out_map);
	}
out:
	accel_fence_unref(room);
	accel_fence_unref(gate);
	accel_job_unref(job[0]);
	accel_job_unref(job[1]);
	accel_queue_unref(queue);
	accel_fence_unref(fence);
	if (fd >= 0)
		close(fd);
}

static void use_cancel(struct scene *scene)
{
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_fence *gate, *fence = NULL;
	struct accel_job *job = NULL;
	struct accel_queue *queue;
	int fd, ret;

	gate = make_gate(&fd);
	queue = make_queue(scene, 2);
	if (!gate || !queue)
		goto out;
	job = make_job(scene, queue, 0);
	if (!job)
		goto out;
	fence = submit(queue, job, gate, &ret);
	if (!fence)
		goto out;
	/* Nobody opens this gate. */
	ret = check("accel_queue_cancel", accel_queue_cancel(queue, in_seconds(60)), of_cancel);
	if (ret) {
		open_gate(fd);
		goto out;
	}
	ret = accel_fence_status(fence);
	if (check("accel_job_get_result", accel_job_get_result(job, &result), nothing))
		goto out;
	/* It may have failed for lack of memory before it could be cancelled. */
	if (result.outcome != ACCEL_CANCELED && result.outcome != ACCEL_FAILED)
		complain("a cancelled job has outcome %u", result.outcome);
	if (ret != result.error)
		complain("a cancelled job's fence gives %d, its result %d", ret, result.error);
out:
	accel_fence_unref(gate);
	accel_queue_unref(queue);
	accel_job_unref(job);
	accel_fence_unref(fence);
	if (fd >= 0)
		close(fd);
}

/* ---- many at once ------------------------------------------------------------------------- */

#define MANY 24

/* For one of many that are all the same and don't end. */
static void wait_a_moment(struct accel_fence *pending)
{
	struct accel_fence *list[MANY];
	int64_t deadline;
	uint32_t i;
	int ret;

	for (i = 0; i < MANY; i++)
		list[i] = pending;
	check("accel_deadline", accel_deadline(SECOND / 100, &deadline), nothing);
	ret = check("accel_fence_wait_many", accel_fence_wait_many(list, MANY, 0, deadline, NULL),
		    of_wait_short);
	if (!ret)
		complain("a fence that is pending has ended");
}

/* More buffers, fences and waits than have a place without memory being asked for. */
static void use_many(struct scene *scene)
{
	struct accel_bo_ref bos[MANY] = {0};
	struct accel_job_params params = {.size = sizeof(params), .bos = bos, .bo_count = MANY};
	struct accel_fence *gate, *fence[MANY] = {NULL}, *last = NULL;
	struct accel_submit_params after = {.size = sizeof(after), .wait = fence};
	struct accel_job *job[2] = {NULL, NULL};
	struct accel_queue *queue;
	uint32_t index = 77, count = 0;
	int fd, i, ret;

	gate = make_gate(&fd);
	queue = make_queue(scene, 4);
	if (!gate || !queue)
		goto out;
	for (i = 0; i < MANY && scene->work->has_empty; i++) {
		bos[i].bo = make_bo(scene->context, ALL, 4096, NULL);
		bos[i].access = ACCEL_ACCESS_READ;
		if (!bos[i].bo)
			goto out;
	}
	for (i = 0; i < 2; i++) {
		if (!scene->work->has_empty)
			job[i] = make_job(scene, queue, (unsigned int)i);
		else
			check("accel_job_create", accel_job_create(queue, &params, &job[i]),
			      of_job);
		if (!job[i])
			goto out;
	}
	/* Fences that the caller keeps. */
	for (i = 0; i < MANY; i++) {
		fence[count] = submit(queue, job[0], NULL, &ret);
		if (!fence[count])
			continue;
		ret = wait_somehow(fence[count++], 0);
		if (ret)
			complain("a job ends with %d", ret);
	}
	/* And some that are pending, to be waited for by a job. */
	for (i = 0; i < 6 && count; i++) {
		accel_fence_unref(fence[--count]);
		fence[count] = NULL;
	}
	for (i = 0; i < 6; i++)
		fence[count + (uint32_t)i] = accel_fence_ref(gate);
	after.wait_count = count + 6;
	ret = check("accel_submit", accel_submit(queue, &job[1], 1, &after, &last), of_submit);
	if (ret == 1) {
		wait_a_moment(gate);
		wait_a_moment(last);
		if (accel_fence_wait(last, 0) != -ETIME)
			complain("a job didn't wait for the fence that it was to wait for");
		open_gate(fd);
		ret = check("accel_fence_wait_many",
			    accel_fence_wait_many(fence, count + 6, 0, in_seconds(60), &index),
			    of_wait);
		if (ret && ret != -ENOMEM)
			complain("waiting for one of many gives %d", ret);
		ret = wait_somehow(last, 1);
		if (ret && ret != -EIO)
			complain("a job that waited for many ends with %d", ret);
	}
out:
	accel_fence_unref(last);
	for (i = 0; i < MANY; i++)
		accel_fence_unref(fence[i]);
	accel_fence_unref(gate);
	accel_job_unref(job[0]);
	accel_job_unref(job[1]);
	accel_queue_unref(queue);
	for (i = 0; i < MANY; i++)
		accel_bo_unref(bos[i].bo);
	if (fd >= 0)
		close(fd);
}

/* ---- giving back --------------------------------------------------------------------------- */

static void release(struct scene *scene)
{
	unsigned int kind;

	/* The context first: everything else must keep it. */
	accel_context_unref(scene->context);
	accel_bo_unref(scene->in);
	for (kind = 0; kind < KINDS_MAX; kind += 2)
		accel_job_unref(scene->job[kind]);
	accel_queue_unref(scene->queue[0]);
	accel_queue_unref(scene->queue[1]);
	for (kind = 0; kind < KINDS_MAX; kind++)
		accel_fence_unref(scene->fence[kind]);
	for (kind = 1; kind < KINDS_MAX; kind += 2)
		accel_job_unref(scene->job[kind]);
	accel_bo_unref(scene->out);
	accel_bo_unref(scene->spare);
	accel_context_unref(scene->other);
	accel_device_unref(scene->device);
}

/* ---- a context whose jobs have no fence of the kernel's ------------------------------------- */

/* What needs one is then the library's to do. */
static void use_unverified(struct scene *outer)
{
	const struct accel_open_params params = {.size = sizeof(params),
						 .flags = ACCEL_OPEN_UNVERIFIED};
	struct scene scene = {.device = outer->device, .work = outer->work};
	struct accel_fence *gate, *held = NULL;
	int fd, ret;

	gate = make_gate(&fd);
	if (!gate ||
	    check("accel_open", accel_open(scene.device, &params, 0, &scene.context), of_open))
		goto out;
	scene.queue[0] = make_queue(&scene, 4);
	if (!make_buffers(&scene) || !scene.queue[0])
		goto out;
	scene.job[0] = make_job(&scene, scene.queue[0], 0);
	scene.job[1] = make_job(&scene, scene.queue[0], 1);
	if (!scene.job[0] || !scene.job[1])
		goto out;
	scene.fence[0] = submit(scene.queue[0], scene.job[0], NULL, &ret);
	held = submit(scene.queue[0], scene.job[1], gate, &ret);
	if (scene.fence[0])
		check_job(&scene, 0, scene.job[0], wait_somehow(scene.fence[0], 0), scene.out_map);
	open_gate(fd);
	if (held)
		check_job(&scene, 1, scene.job[1], wait_somehow(held, 1), scene.out_map);
out:
	accel_fence_unref(held);
	accel_fence_unref(gate);
	accel_device_ref(scene.device); /* the outer one's */
	release(&scene);
	if (fd >= 0)
		close(fd);
}

/* ---- all ---------------------------------------------------------------------------------- */

static void find_work(struct scene *scene)
{
	struct accel_device_info info = {.size = sizeof(info)};
	size_t i;

	check("accel_device_get_info", accel_device_get_info(scene->device, &info), nothing);
	for (i = 0; i < sizeof(works) / sizeof(*works); i++)
		if (!strcmp(works[i]->driver, info.driver))
			scene->work = works[i];
	if (scene->work)
		of_submit = of_submit_once + !scene->work->once;
}

static void ask(struct scene *scene)
{
	static const uint32_t keys[] = {
		ACCEL_HAS_ADDRESS,
		ACCEL_HAS_CANCEL,
		ACCEL_QUEUES_PARALLEL,
		ACCEL_MEMORY_FREE,
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		check("accel_query", accel_query(scene->context, keys[i], &value), of_query);
	if (accel_context_state(scene->context) != ACCEL_OK)
		complain("the context is lost");
}

void scenario(const char *device)
{
	struct scene scene = {0};

	use_devices(device);
	if (check("accel_device_find", accel_device_find(device, &scene.device), of_find))
		return;
	check("accel_device_check", accel_device_check(scene.device), of_open);
	if (check("accel_open", accel_open(scene.device, NULL, 0, &scene.context), of_open))
		goto out;
	check("accel_open", accel_open(scene.device, NULL, 0, &scene.other), of_open);
	find_work(&scene);
	ask(&scene);
	use_buffers(&scene);
	use_sharing(&scene);
	if (!scene.work)
		goto out;
	use_jobs(&scene);
	if (!scene.in_map || !scene.out_map)
		goto out;
	use_room(&scene);
	use_cancel(&scene);
	use_many(&scene);
	use_unverified(&scene);
	if (scene.work->vendor)
		scene.work->vendor(scene.context);
out:
	release(&scene);
}
