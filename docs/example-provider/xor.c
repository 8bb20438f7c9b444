/* SPDX-License-Identifier: MIT */
/* xor DEVICE: has the made-up device work, looks at every byte, and at how failures are told. */
#include <accel/accel.h>
#include <errno.h>
#include <example_accel.h>
#include <stdio.h>
#include <string.h>

#define BYTES (1 << 20)

static struct accel_context *context;
static struct accel_queue *queue;

static int failed(const char *what)
{
	struct accel_error why = {.size = sizeof(why)};

	accel_last_error(&why);
	fprintf(stderr, "%s: %s\n", what, why.text);
	return 1;
}

static struct accel_bo *buffer(uint32_t flags, uint64_t bytes, const void *contents)
{
	struct accel_bo_params params = {
		.size = sizeof(params), .flags = flags, .bytes = bytes, .contents = contents};
	struct accel_bo *bo;

	return accel_bo_create(context, &params, &bo) ? NULL : bo;
}

static struct accel_job *make_job(uint32_t opcode, struct accel_bo *source, struct accel_bo *target,
				  uint8_t key, uint64_t bytes)
{
	const struct example_command command = {.opcode = opcode, .key = key, .bytes = bytes};
	struct accel_bo *commands = buffer(ACCEL_BO_COMMANDS, sizeof(command), &command);
	struct accel_bo_ref refs[] = {{source, ACCEL_ACCESS_READ, 0},
				      {target, ACCEL_ACCESS_WRITE, 0}};
	struct accel_job_params params = {.size = sizeof(params),
					  .commands = commands,
					  .bytes = sizeof(command),
					  .bos = refs,
					  .bo_count = 2};
	struct accel_job *job;
	int ret;

	ret = commands ? accel_job_create(queue, &params, &job) : -1;
	accel_bo_unref(commands); /* the job has it */
	return ret ? NULL : job;
}

/* There and back again, and every byte looked at. */
static int check_bytes(void)
{
	const uint32_t both = ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ |
			      ACCEL_BO_DEVICE_WRITE;
	struct accel_bo *a = buffer(both, BYTES, NULL), *b = buffer(both, BYTES, NULL);
	struct accel_job *jobs[2];
	struct accel_fence *fence;
	uint8_t *bytes, *coded;
	uint32_t i, wrong = 0;

	if (!a || !b || accel_bo_map(a, (void **)&bytes) || accel_bo_map(b, (void **)&coded))
		return failed("buffers");
	accel_bo_begin_access(a, ACCEL_ACCESS_WRITE, 0, BYTES, 0);
	for (i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	accel_bo_end_access(a, ACCEL_ACCESS_WRITE, 0, BYTES);
	jobs[0] = make_job(EXAMPLE_XOR, a, b, 0x5a, BYTES);
	jobs[1] = make_job(EXAMPLE_XOR, b, a, 0xff, BYTES);
	if (!jobs[0] || !jobs[1] || accel_submit(queue, jobs, 2, NULL, &fence) != 2)
		return failed("submit");
	if (accel_fence_wait(fence, ACCEL_NO_DEADLINE))
		return failed("wait");
	if (accel_bo_begin_access(a, ACCEL_ACCESS_READ, 0, BYTES, 0) ||
	    accel_bo_begin_access(b, ACCEL_ACCESS_READ, 0, BYTES, 0))
		return failed("access");
	for (i = 0; i < BYTES; i++) {
		wrong += coded[i] != (uint8_t)((i * 7 + (i >> 8)) ^ 0x5a);
		wrong += bytes[i] != (uint8_t)((i * 7 + (i >> 8)) ^ 0x5a ^ 0xff);
	}
	printf("%d bytes, %u of them wrong\n", 2 * BYTES, wrong);
	accel_fence_unref(fence);
	accel_job_unref(jobs[0]), accel_job_unref(jobs[1]);
	accel_bo_unref(a), accel_bo_unref(b);
	return wrong != 0;
}

/* What can be seen without running is refused; what only the device sees makes the job fail. */
static int check_failures(void)
{
	struct accel_bo *a = buffer(ACCEL_BO_DEVICE_READ, BYTES, NULL);
	struct accel_bo *b = buffer(ACCEL_BO_DEVICE_WRITE, BYTES, NULL);
	struct accel_job_result result = {.size = sizeof(result)};
	struct accel_error why = {.size = sizeof(why)};
	struct accel_fence *fence;
	struct accel_job *job;
	int ended;

	if (make_job(EXAMPLE_XOR, a, b, 0, BYTES + 1))
		return 1;
	accel_last_error(&why);
	printf("too many bytes: %s, buffer %u\n", why.text, why.index);
	job = make_job(77, a, b, 0, BYTES);
	if (!job || accel_submit(queue, &job, 1, NULL, &fence) != 1)
		return failed("submit");
	ended = accel_fence_wait(fence, ACCEL_NO_DEADLINE);
	accel_job_get_result(job, &result);
	printf("no such operation: %s, the driver says %s\n", strerror(-ended),
	       strerror((int)result.driver_code));
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(a), accel_bo_unref(b);
	return why.code != -ERANGE || ended != -EIO || result.outcome != ACCEL_FAILED;
}

int main(int argc, char **argv)
{
	struct accel_device *device;
	int ret;

	if (accel_device_find(argc > 1 ? argv[1] : "platform:example", &device))
		return failed("find");
	if (accel_open(device, NULL, 0, &context) || accel_queue_create(context, NULL, 0, &queue))
		return failed("open");
	ret = check_bytes() | check_failures();
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return ret;
}
