/* SPDX-License-Identifier: MIT */
/* matmul: multiplies two matrices. cc matmul.c $(pkg-config --cflags --libs libaccel) */
#include <accel/soft.h>
#include <stdio.h>

int main(void)
{
	float in[6 + 6 + 4] = { /* a: */ 1, 2, 3, 4, 5, 6, /* b: */ 7, 8, 9, 10, 11, 12 }, *out;
	struct accel_soft_matmul code = { .head = { ACCEL_SOFT_MATMUL, 0, sizeof(code) },
		.b.offset = 6 * sizeof(float), .c.offset = 12 * sizeof(float), /* c: behind b */
		.type = ACCEL_SOFT_F32, .m = 2, .n = 2, .k = 3, .lda = 3, .ldb = 2, .ldc = 2 };
	struct accel_bo_params data = { .size = sizeof(data), .bytes = sizeof(in), .contents = in,
		.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE };
	struct accel_bo_params commands = { .size = sizeof(commands), .bytes = sizeof(code),
		.contents = &code, .flags = ACCEL_BO_COMMANDS };
	struct accel_bo_ref ref = { .access = ACCEL_ACCESS_READ | ACCEL_ACCESS_WRITE };
	struct accel_job_params work = { .size = sizeof(work), .bytes = sizeof(code), .bos = &ref,
		.bo_count = 1 };
	struct accel_error why = { .size = sizeof(why) };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_job *job;
	struct accel_fence *fence;

	if (accel_device_find("soft:0", &device) || accel_open(device, NULL, 0, &context) ||
	    accel_bo_create(context, &data, &ref.bo) ||
	    accel_bo_create(context, &commands, &work.commands) ||
	    accel_queue_create(context, NULL, 0, &queue) || accel_job_create(queue, &work, &job) ||
	    accel_submit(queue, &job, 1, NULL, &fence) < 1 ||
	    accel_fence_wait(fence, ACCEL_NO_DEADLINE) || accel_bo_map(ref.bo, (void **)&out) ||
	    accel_bo_begin_access(ref.bo, ACCEL_ACCESS_READ, 0, sizeof(in), 0))
		return accel_last_error(&why), fprintf(stderr, "%s\n", why.text), 1;
	printf("%g %g\n%g %g\n", out[12], out[13], out[14], out[15]);
	accel_fence_unref(fence);
	accel_job_unref(job);
	accel_bo_unref(work.commands), accel_bo_unref(ref.bo);
	accel_queue_unref(queue), accel_context_unref(context), accel_device_unref(device);
	return 0;
}
