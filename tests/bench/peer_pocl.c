/* SPDX-License-Identifier: MIT */
/* PoCL's CPU device, by OpenCL. */
#define CL_TARGET_OPENCL_VERSION 120
#include "peer.h"

#include <CL/cl.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
	char directory[64]; /* where it compiles */
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

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* The device that it has by itself, with one thread; and nothing that it makes is to stay. */
static bool prepare(struct peer *peer)
{
	snprintf(peer->directory, sizeof(peer->directory), "/tmp/accel-bench-XXXXXX");
	if (!mkdtemp(peer->directory)) {
		peer->directory[0] = '\0';
		return false;
	}
	setenv("POCL_CACHE_DIR", peer->directory, 1);
	setenv("POCL_KERNEL_CACHE", "0", 1);
	setenv("POCL_MAX_PTHREAD_COUNT", "1", 1);
	setenv("POCL_CPU_MAX_CU_COUNT", "1", 1); /* the name since PoCL 4 */
	unsetenv("POCL_DEVICES");
	return true;
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

/* NULL, or what is missing. */
static const char *open_device(struct peer *peer)
{
	cl_platform_id platform = find_platform();
	cl_device_id device;
	cl_int status;

	if (!platform)
		return "there is no PoCL here (Debian: pocl-opencl-icd)";
	if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_CPU, 1, &device, NULL) != CL_SUCCESS)
		return "PoCL has no CPU device here";
	peer->context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
	if (status == CL_SUCCESS)
		peer->queue = clCreateCommandQueue(peer->context, device, 0, &status);
	if (status != CL_SUCCESS)
		return "PoCL gives no queue";
	return make_kernel(peer, device) == CL_SUCCESS ? NULL : "PoCL can't build a kernel";
}

const char *peer_open(struct peer **out)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	const char *missing;

	if (!peer)
		return "no memory";
	missing = prepare(peer) ? open_device(peer) : "PoCL has no directory to compile in";
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
	if (peer->directory[0])
		nftw(peer->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
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
