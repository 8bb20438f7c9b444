/* SPDX-License-Identifier: MIT */
/* oneDNN, of version 2 or 3, called directly. */
#include "direct.h"

#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

/* Threads of an OpenMP build: the symbol comes with libdnnl, if it is one. */
extern void omp_set_num_threads(int threads) __attribute__((weak));

struct direct {
	int threads;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_primitive_t product;
	dnnl_memory_t a, b, c;
};

static int error_of(dnnl_status_t status)
{
	switch (status) {
	case dnnl_success:
		return 0;
	case dnnl_out_of_memory:
		return -ENOMEM;
	case dnnl_unimplemented:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

bool direct_is_there(void)
{
	return true;
}

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t prepare(struct direct *direct, bool s8, int side, void *a, void *b, void *c)
{
	dnnl_data_type_t in = s8 ? dnnl_s8 : dnnl_f32, out = s8 ? dnnl_s32 : dnnl_f32;
	dnnl_dims_t dims = {side, side};
	dnnl_memory_desc_t source = NULL, result = NULL;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_status_t status;

	status = dnnl_memory_desc_create_with_tag(&source, 2, dims, in, dnnl_ab);
	if (status == dnnl_success)
		status = dnnl_memory_desc_create_with_tag(&result, 2, dims, out, dnnl_ab);
	if (status == dnnl_success)
		status = dnnl_matmul_primitive_desc_create(&pd, direct->engine, source, source,
							   NULL, result, NULL);
	if (status == dnnl_success)
		status = dnnl_primitive_create(&direct->product, pd);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->a, source, direct->engine, a);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->b, source, direct->engine, b);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->c, result, direct->engine, c);
	dnnl_primitive_desc_destroy(pd);
	dnnl_memory_desc_destroy(source);
	dnnl_memory_desc_destroy(result);
	return status;
}

#else

static dnnl_status_t prepare(struct direct *direct, bool s8, int side, void *a, void *b, void *c)
{
	dnnl_data_type_t in = s8 ? dnnl_s8 : dnnl_f32, out = s8 ? dnnl_s32 : dnnl_f32;
	dnnl_dims_t dims = {side, side};
	dnnl_memory_desc_t source, result;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_matmul_desc_t product;
	dnnl_status_t status;

	status = dnnl_memory_desc_init_by_tag(&source, 2, dims, in, dnnl_ab);
	if (status == dnnl_success)
		status = dnnl_memory_desc_init_by_tag(&result, 2, dims, out, dnnl_ab);
	if (status == dnnl_success)
		status = dnnl_matmul_desc_init(&product, &source, &source, NULL, &result);
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(&pd, &product, NULL, direct->engine, NULL);
	if (status == dnnl_success)
		status = dnnl_primitive_create(&direct->product, pd);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->a, &source, direct->engine, a);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->b, &source, direct->engine, b);
	if (status == dnnl_success)
		status = dnnl_memory_create(&direct->c, &result, direct->engine, c);
	dnnl_primitive_desc_destroy(pd);
	return status;
}

#endif

int direct_create(bool s8, int side, int threads, void *a, void *b, void *c, struct direct **out)
{
	struct direct *direct = calloc(1, sizeof(*direct));
	dnnl_status_t status;

	if (!direct)
		return -ENOMEM;
	/* A primitive is cut for the number of threads at its creation. */
	direct->threads = threads;
	if (omp_set_num_threads)
		omp_set_num_threads(threads);
	status = dnnl_engine_create(&direct->engine, dnnl_cpu, 0);
	if (status == dnnl_success)
		status = dnnl_stream_create(&direct->stream, direct->engine,
					    dnnl_stream_default_flags);
	if (status == dnnl_success)
		status = prepare(direct, s8, side, a, b, c);
	if (status != dnnl_success) {
		direct_destroy(direct);
		return error_of(status);
	}
	*out = direct;
	return 0;
}

int direct_run(struct direct *direct)
{
	dnnl_exec_arg_t args[] = {
		{DNNL_ARG_SRC, direct->a},
		{DNNL_ARG_WEIGHTS, direct->b},
		{DNNL_ARG_DST, direct->c},
	};
	dnnl_status_t status;

	status = dnnl_primitive_execute(direct->product, direct->stream, 3, args);
	if (status == dnnl_success)
		status = dnnl_stream_wait(direct->stream);
	return error_of(status);
}

void direct_destroy(struct direct *direct)
{
	if (!direct)
		return;
	dnnl_memory_destroy(direct->a);
	dnnl_memory_destroy(direct->b);
	dnnl_memory_destroy(direct->c);
	dnnl_primitive_destroy(direct->product);
	dnnl_stream_destroy(direct->stream);
	dnnl_engine_destroy(direct->engine);
	free(direct);
}
