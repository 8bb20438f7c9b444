/* SPDX-License-Identifier: MIT */
/* matmul: multiplies two matrices. cc matmul.c $(pkg-config --cflags --libs libaccel) */
#include <accel/soft.h>
#include <stdio.h>
int main(void)
{
	float in[] = { 1, 2, 3, 4, 5, 6, /* a: 2 x 3 */ 7, 8, 9, 10, 11, 12 /* b: 3 x 2 */ }, *c;
	struct accel_soft_matmul code = { .head = { ACCEL_SOFT_MATMUL, 0, sizeof(code) },
		.a.bo = 0, .b = { 0, 0, 6 * sizeof(float) }, .c.bo = 1, .type = ACCEL_SOFT_F32,
		.m = 2, .n = 2, .k = 3, .lda = 3, .ldb = 2, .ldc = 2 };
	struct accel_bo_params for_in = { .size = sizeof(for_in), .flags = ACCEL_BO_DEVICE_READ,
					  .contents = in, .bytes = sizeof(in) };
	struct accel_bo_params for_out = { .size = sizeof(for_out), .bytes = 4 * sizeof(float),
					   .flags = ACCEL_BO_DEVICE_WRITE | ACCEL_BO_CPU_READ };
	struct accel_bo_params for_code = { .size = sizeof(for_code), .flags = ACCEL_BO_COMMANDS,
					    .contents = &code, .bytes = sizeof(code) };
	struct accel_bo_ref bos[] = { { 0, ACCEL_ACCESS_READ, 0 }, { 0, ACCEL_ACCESS_WRITE, 0 } };
	struct accel_job_params work = { .size = sizeof(work), .bytes = sizeof(code),
					 .bos = bos, .bo_count = 2 };
	struct accel_error why = { .size = sizeof(why) };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_job *job;
	struct accel_fence *fence;

	if (accel_device_find("soft:0", &device) || accel_open(device, NULL, 0, &context) ||
	    accel_bo_create(context, &for_in, &bos[0].bo) ||
	    accel_bo_create(context, &for_out, &bos[1].bo) ||
	    accel_bo_create(context, &for_code, &work.commands) ||
	    accel_queue_create(context, NULL, 0, &queue) || accel_job_create(queue, &work, &job) ||
	    accel_submit(queue, &job, 1, NULL, &fence) < 1 ||
	    accel_fence_wait(fence, ACCEL_NO_DEADLINE) || accel_bo_map(bos[1].bo, (void **)&c) ||
	    accel_bo_begin_access(bos[1].bo, ACCEL_ACCESS_READ, 0, for_out.bytes, 0)) {
		accel_last_error(&why);
		return fprintf(stderr, "%s\n", why.text), 1;
	}
	printf("%g %g\n%g %g\n", c[0], c[1], c[2], c[3]);
	return 0; /* the end of the process gives everything back; see demo.c for _unref */
}
