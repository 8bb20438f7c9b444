/* SPDX-License-Identifier: MIT */
/* PoCL's CPU device, by OpenCL. */
#define CL_TARGET_OPENCL_VERSION 120
#include "peer.h"

#include <CL/cl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct peer {
	cl_context context;
	cl_command_queue queue;
	cl_program program;
	cl_kernel kernel;
};

static int error_of(cl_int status)
{
	return status == CL_SUCCESS ? 0 : status == CL_OUT_OF_HOST_MEMORY ? -ENOMEM : -EIO;
}

/* ---- opening -------------------------------------------------------------------------------- */

static cl_platform_id find_platform(void)
{
	cl_platform_id platforms[16];
	char name[128];
	cl_uint n = 0;

	if (clGetPlatformIDs(16, platforms, &n) != CL_SUCCESS)
		return NULL;
	for (cl_uint i = 0; i < n && i < 16; i++) {
		if (clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof(name), name, NULL) ==
			    CL_SUCCESS &&
		    strcmp(name, "Portable Computing Language") == 0)
			return platforms[i];
	}
	return NULL;
}

/* An empty kernel is what an empty job is. */
static cl_int make_kernel(struct peer *peer, cl_device_id device)
{
	const char *source = "__kernel void nothing(void) {}";
	cl_int status;

	peer->program = clCreateProgramWithSource(peer->context, 1, &source, NULL, &status);
	if (status == CL_SUCCESS)
		status = clBuildProgram(peer->program, 1, &device, "", NULL, NULL);
	if (status == CL_SUCCESS)
		peer->kernel = clCreateKernel(peer->program, "nothing", &status);
	return status;
}

const char *peer_open(struct peer **out)
{
	const char *missing = NULL;
	cl_platform_id platform;
	cl_device_id device;
	struct peer *peer;
	cl_int status;

	/* The device that it has by itself, with one thread; and nothing is kept on disk. */
	unsetenv("POCL_DEVICES");
	setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
	setenv("POCL_CPU_MAX_CU_COUNT", "1", 1); /* the name since PoCL 4 */
	setenv("POCL_KERNEL_CACHE", "0", 1);
	platform = find_platform();
	if (!platform)
		return "there is no PoCL here (Debian: pocl-opencl-icd)";
	if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_CPU, 1, &device, NULL) != CL_SUCCESS)
		return "PoCL has no CPU device here";
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return "no memory";
	peer->context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
	if (status == CL_SUCCESS)
		peer->queue = clCreateCommandQueue(peer->context, device, 0, &status);
	if (status != CL_SUCCESS)
		missing = "PoCL gives no queue";
	else if (make_kernel(peer, device) != CL_SUCCESS)
		missing = "PoCL can't build a kernel";
	if (missing)
		peer_close(peer);
	else
		*out = peer;
	return missing;
}

void peer_close(struct peer *peer)
{
	if (!peer)
		return;
	if (peer->kernel)
		clReleaseKernel(peer->kernel);
	if (peer->program)
		clReleaseProgram(peer->program);
	if (peer->queue)
		clReleaseCommandQueue(peer->queue);
	if (peer->context)
		clReleaseContext(peer->context);
	free(peer);
}

/* ---- what is measured ----------------------------------------------------------------------- */

/* What is enqueued is given to the device's thread at once. */
static cl_int submit(struct peer *peer)
{
	const size_t one = 1;
	cl_int status = clEnqueueNDRangeKernel(peer->queue, peer->kernel, 1, NULL, &one, &one, 0,
					       NULL, NULL);

	return status == CL_SUCCESS ? clFlush(peer->queue) : status;
}

int peer_lockstep(void *arg, unsigned int count)
{
	struct peer *peer = arg;
	cl_int status = CL_SUCCESS;

	while (count-- && status == CL_SUCCESS) {
		status = submit(peer);
		if (status == CL_SUCCESS)
			status = clFinish(peer->queue);
	}
	return error_of(status);
}

int peer_stream(void *arg, unsigned int count)
{
	struct peer *peer = arg;
	cl_int status = CL_SUCCESS;

	while (count-- && status == CL_SUCCESS)
		status = submit(peer);
	return error_of(status == CL_SUCCESS ? clFinish(peer->queue) : status);
}

int peer_buffers(void *arg, unsigned int count)
{
	struct peer *peer = arg;
	cl_int status = CL_SUCCESS;
	cl_mem buffer;
	char *map;

	while (count-- && status == CL_SUCCESS) {
		buffer = clCreateBuffer(peer->context, CL_MEM_READ_WRITE, PEER_BUFFER_BYTES, NULL,
					&status);
		if (status != CL_SUCCESS)
			break;
		map = clEnqueueMapBuffer(peer->queue, buffer, CL_TRUE, CL_MAP_WRITE, 0,
					 PEER_BUFFER_BYTES, 0, NULL, NULL, &status);
		if (status == CL_SUCCESS) {
			*(volatile char *)map = 1;
			status = clEnqueueUnmapMemObject(peer->queue, buffer, map, 0, NULL, NULL);
		}
		if (status == CL_SUCCESS)
			status = clFinish(peer->queue);
		clReleaseMemObject(buffer);
	}
	return error_of(status);
}
