/* SPDX-License-Identifier: MIT */
/*
 * Computation by oneDNN, of version 2 or 3.
 *
 * Everything is prepared when a job is made: primitives, one for each shape that a
 * tile can have, and the queue's own slot. oneDNN's own threads are not used. The
 * scheduler gives the tiles of one computation to the workers that are idle, which
 * keeps the number of busy threads what it should be and lets a tile be the unit of
 * cancellation. A primitive is run by several threads at once; what makes that right
 * is that each has memory objects and scratch memory of its own (a slot).
 */
#include "soft_internal.h"

#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <string.h>

/* A tile of a matrix product has about as many multiplications as this at most: some
 * milliseconds. */
#define TILE_WORK (1ull << 28)
/* Below this a product is not worth a second CPU. */
#define SHARED_WORK (1ull << 21)
/* Sides shorter than this make oneDNN slow. */
#define TILE_SIDE 64
/* Elements of a tile of add and ReLU. */
#define TILE_ELEMENTS (1ull << 18)

/* With a k of up to this, sums of products of s8 are at most 2^24, hence exact as f32. */
#define EXACT_K 1024
/* What kernels with 32-bit displacements can surely reach. */
#define DIRECT_LD_MAX (1u << 20)
#define DIRECT_K_MAX  (1u << 24)
/* Longest sides of a tile that is not computed in its place. */
#define STAGED_SIDE 512

struct soft_engine {
	dnnl_engine_t engine;
};

enum compute_kind {
	COMPUTE_MATMUL,
	COMPUTE_ADD,
	COMPUTE_RELU
};

enum {
	MEMORY_DST,
	MEMORY_A,
	MEMORY_B,
	MEMORY_SCRATCH,
	MEMORIES
};

/* Tiles come in up to four shapes: whole ones, and those at the grid's far edges; and the
 * last part of k may be another. */
enum {
	SHAPE_LAST_ROWS = 1,
	SHAPE_LAST_COLUMNS = 2,
	SHAPE_LAST_K = 4,
	SHAPES = 8
};

enum compute_way {
	/* oneDNN works on the buffers. */
	WAY_DIRECT,
	/* A product's sources are in the buffers, the result goes through memory of the
	 * slot, and k is done in parts. */
	WAY_STAGED,
	/* Sources are converted to f32 first, too. For what oneDNN has no direct way that is
	 * exact, or safe. */
	WAY_CONVERTED
};

struct soft_compute {
	enum compute_kind kind;
	dnnl_engine_t engine;
	dnnl_primitive_t primitive[SHAPES];
	size_t scratch_bytes; /* the most that a shape needs */
	struct soft_grid grid;
	/* Add to a base address for each row and column of the tile's place. */
	uint64_t dst_row, dst_column;
	uint64_t a_row, a_column;
	uint64_t b_row, b_column;
	enum compute_way way; /* the rest: of products */
	bool transpose_b, s8;
	uint64_t k, chunk_k;
	uint64_t lda, ldb, ldc;
	struct soft_slot *spare; /* of helpers that have gone */
};

struct soft_slot {
	struct soft_slot *next; /* soft_compute.spare */
	dnnl_stream_t stream;
	dnnl_memory_t memory[SHAPES][MEMORIES];
	void *scratch; /* as allocated */
	void *staged;  /* c, and what is converted of a and b */
};

/* In an OpenMP build the number of threads is that of the calling thread's settings;
 * the symbols are found through libdnnl's own dependency, if it has it. */
extern void omp_set_num_threads(int threads) __attribute__((weak));
extern int omp_get_max_threads(void) __attribute__((weak));

static int error_of(dnnl_status_t status, const char *what)
{
	if (status == dnnl_success)
		return 0;
	if (status == dnnl_out_of_memory)
		return accel_core_fail(-ENOMEM, "soft: no memory for oneDNN to %s", what);
	return accel_core_fail(-EOPNOTSUPP, "soft: oneDNN can't %s (its status %d)", what,
			       (int)status);
}

/* ---- the differences between oneDNN 2 and 3 ---------------------------- */

/* Whether an implementation will do. */
typedef bool (*accept_fn)(const char *implementation);

struct matrix {
	uint64_t rows, columns;
	uint64_t row_stride, column_stride; /* in elements */
	dnnl_data_type_t type;
};

/* A descriptor of a primitive before it has one: dst, and one or two sources. */
struct request {
	enum compute_kind kind;
	struct matrix dst, a, b;
	accept_fn accept;
};

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t md_create(dnnl_memory_desc_t *md, const struct matrix *m)
{
	dnnl_dims_t dims = {(dnnl_dim_t)m->rows, (dnnl_dim_t)m->columns};
	dnnl_dims_t strides = {(dnnl_dim_t)m->row_stride, (dnnl_dim_t)m->column_stride};

	return dnnl_memory_desc_create_with_strides(md, 2, dims, m->type, strides);
}

static dnnl_status_t pd_create(dnnl_primitive_desc_t *pd, const struct request *r,
			       dnnl_engine_t engine, const_dnnl_primitive_attr_t attr)
{
	dnnl_memory_desc_t dst = NULL, a = NULL, b = NULL;
	dnnl_status_t status;
	const char *name;

	status = md_create(&dst, &r->dst);
	if (status == dnnl_success)
		status = md_create(&a, &r->a);
	if (status == dnnl_success && r->kind != COMPUTE_RELU)
		status = md_create(&b, &r->b);
	if (status != dnnl_success)
		goto out;
	switch (r->kind) {
	case COMPUTE_MATMUL:
		status = dnnl_matmul_primitive_desc_create(pd, engine, a, b, NULL, dst, attr);
		break;
	case COMPUTE_ADD:
		status = dnnl_binary_primitive_desc_create(pd, engine, dnnl_binary_add, a, b, dst,
							   attr);
		break;
	case COMPUTE_RELU:
		status = dnnl_eltwise_forward_primitive_desc_create(
			pd, engine, dnnl_forward_inference, dnnl_eltwise_relu, a, dst, 0, 0, attr);
		break;
	}
	while (status == dnnl_success && r->accept) {
		status = dnnl_primitive_desc_query(*pd, dnnl_query_impl_info_str, 0, &name);
		if (status == dnnl_success && r->accept(name))
			break;
		if (status == dnnl_success)
			status = dnnl_primitive_desc_next_impl(*pd);
		if (status != dnnl_success) {
			dnnl_primitive_desc_destroy(*pd);
			status = dnnl_unimplemented;
		}
	}
out:
	if (b)
		dnnl_memory_desc_destroy(b);
	if (a)
		dnnl_memory_desc_destroy(a);
	if (dst)
		dnnl_memory_desc_destroy(dst);
	return status;
}

typedef const_dnnl_memory_desc_t md_ref;

#else

static dnnl_status_t md_create(dnnl_memory_desc_t *md, const struct matrix *m)
{
	dnnl_dims_t dims = {(dnnl_dim_t)m->rows, (dnnl_dim_t)m->columns};
	dnnl_dims_t strides = {(dnnl_dim_t)m->row_stride, (dnnl_dim_t)m->column_stride};

	return dnnl_memory_desc_init_by_strides(md, 2, dims, m->type, strides);
}

static dnnl_status_t pd_create(dnnl_primitive_desc_t *pd, const struct request *r,
			       dnnl_engine_t engine, const_dnnl_primitive_attr_t attr)
{
	dnnl_primitive_desc_iterator_t it;
	dnnl_memory_desc_t dst, a, b;
	dnnl_matmul_desc_t matmul;
	dnnl_binary_desc_t binary;
	dnnl_eltwise_desc_t eltwise;
	const_dnnl_op_desc_t op = NULL;
	dnnl_status_t status;
	const char *name;

	status = md_create(&dst, &r->dst);
	if (status == dnnl_success)
		status = md_create(&a, &r->a);
	if (status == dnnl_success && r->kind != COMPUTE_RELU)
		status = md_create(&b, &r->b);
	if (status != dnnl_success)
		return status;
	switch (r->kind) {
	case COMPUTE_MATMUL:
		status = dnnl_matmul_desc_init(&matmul, &a, &b, NULL, &dst);
		op = &matmul;
		break;
	case COMPUTE_ADD:
		status = dnnl_binary_desc_init(&binary, dnnl_binary_add, &a, &b, &dst);
		op = &binary;
		break;
	case COMPUTE_RELU:
		status = dnnl_eltwise_forward_desc_init(&eltwise, dnnl_forward_inference,
							dnnl_eltwise_relu, &a, 0, 0);
		op = &eltwise;
		break;
	}
	if (status != dnnl_success)
		return status;
	status = dnnl_primitive_desc_iterator_create(&it, op, attr, engine, NULL);
	if (status != dnnl_success)
		return status;
	while (true) {
		*pd = dnnl_primitive_desc_iterator_fetch(it);
		if (!*pd) {
			status = dnnl_out_of_memory;
			break;
		}
		if (!r->accept)
			break;
		status = dnnl_primitive_desc_query(*pd, dnnl_query_impl_info_str, 0, &name);
		if (status == dnnl_success && r->accept(name))
			break;
		dnnl_primitive_desc_destroy(*pd);
		if (status == dnnl_success)
			status = dnnl_primitive_desc_iterator_next(it);
		if (status != dnnl_success) {
			status = dnnl_unimplemented;
			break;
		}
	}
	dnnl_primitive_desc_iterator_destroy(it);
	return status;
}

typedef const dnnl_memory_desc_t *md_ref;

#endif

/* ---- primitives -------------------------------------------------------- */

static dnnl_status_t primitive_create(dnnl_primitive_t *out, const struct request *r,
				      dnnl_engine_t engine)
{
	dnnl_primitive_attr_t attr;
	dnnl_primitive_desc_t pd;
	dnnl_status_t status;

	status = dnnl_primitive_attr_create(&attr);
	if (status != dnnl_success)
		return status;
	status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
	/* The environment may ask for less than f32; the packets promise f32. */
	if (status == dnnl_success)
		status = dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict);
	if (status == dnnl_success)
		status = pd_create(&pd, r, engine, attr);
	if (status == dnnl_success) {
		status = dnnl_primitive_create(out, pd);
		dnnl_primitive_desc_destroy(pd);
	}
	dnnl_primitive_attr_destroy(attr);
	return status;
}

static dnnl_status_t primitive_md(dnnl_primitive_t primitive, dnnl_query_t what, int index,
				  md_ref *out)
{
	const_dnnl_primitive_desc_t pd;
	dnnl_status_t status = dnnl_primitive_get_primitive_desc(primitive, &pd);

	if (status != dnnl_success)
		return status;
	*out = dnnl_primitive_desc_query_md(pd, what, index);
	return dnnl_success;
}

static unsigned int shape_of(const struct soft_compute *compute, const struct soft_tile *tile)
{
	return (tile->rows != compute->grid.tile_rows ? SHAPE_LAST_ROWS : 0u) |
	       (tile->columns != compute->grid.tile_columns ? SHAPE_LAST_COLUMNS : 0u);
}

/* One primitive for each shape that occurs. @r is for a tile of any size: its strides stand,
 * its sizes are filled in here. */
static dnnl_status_t primitives_create(struct soft_compute *compute, struct request *r)
{
	const struct soft_grid *grid = &compute->grid;
	bool product = compute->kind == COMPUTE_MATMUL;
	uint64_t rows[2] = {grid->tile_rows, grid->rows % grid->tile_rows};
	uint64_t columns[2] = {grid->tile_columns, grid->columns % grid->tile_columns};
	uint64_t ks[2] = {compute->chunk_k, product ? compute->k % compute->chunk_k : 0};
	bool padded = compute->way == WAY_CONVERTED;
	uint64_t bytes;
	dnnl_status_t status;
	md_ref md;

	for (unsigned int shape = 0; shape < (padded ? 1 : SHAPES); shape++) {
		uint64_t m = rows[shape & SHAPE_LAST_ROWS ? 1 : 0];
		uint64_t n = columns[shape & SHAPE_LAST_COLUMNS ? 1 : 0];
		uint64_t k = ks[shape & SHAPE_LAST_K ? 1 : 0];

		if (!m || !n || (!k && (product || shape & SHAPE_LAST_K)))
			continue;
		r->dst.rows = r->a.rows = m;
		r->dst.columns = r->b.columns = n;
		r->a.columns = product ? k : n;
		if (product)
			r->b.rows = k;
		else if (r->kind == COMPUTE_ADD && r->b.rows != 1)
			r->b.rows = m;
		if (compute->way != WAY_DIRECT)
			r->dst.row_stride = n;
		status = primitive_create(&compute->primitive[shape], r, compute->engine);
		if (status == dnnl_success)
			status = primitive_md(compute->primitive[shape], dnnl_query_scratchpad_md,
					      0, &md);
		if (status != dnnl_success)
			return status;
		bytes = md ? dnnl_memory_desc_get_size(md) : 0;
		if (bytes > compute->scratch_bytes)
			compute->scratch_bytes = bytes;
	}
	return dnnl_success;
}

static void primitives_destroy(struct soft_compute *compute)
{
	for (unsigned int shape = 0; shape < SHAPES; shape++) {
		if (compute->primitive[shape])
			dnnl_primitive_destroy(compute->primitive[shape]);
		compute->primitive[shape] = NULL;
	}
}

/* Run @prepare on this thread with oneDNN kept to one thread: primitives are cut for
 * the number of threads at their creation. */
static dnnl_status_t single_threaded(dnnl_status_t (*prepare)(struct soft_compute *,
							      struct request *),
				     struct soft_compute *compute, struct request *r)
{
	int threads = omp_get_max_threads && omp_set_num_threads ? omp_get_max_threads() : 1;
	dnnl_status_t status;

	if (threads != 1)
		omp_set_num_threads(1);
	status = prepare(compute, r);
	if (threads != 1)
		omp_set_num_threads(threads);
	return status;
}

void soft_compute_thread(void)
{
	if (omp_set_num_threads)
		omp_set_num_threads(1);
}

/* ---- the engine -------------------------------------------------------- */

int soft_engine_create(struct soft_engine **out)
{
	struct soft_engine *engine = accel_core_sys.alloc(sizeof(*engine));
	int err;

	if (!engine)
		return accel_core_fail(-ENOMEM, "soft: no memory for an engine");
	err = error_of(dnnl_engine_create(&engine->engine, dnnl_cpu, 0), "make an engine");
	if (err) {
		accel_core_sys.free(engine);
		return err;
	}
	*out = engine;
	return 0;
}

void soft_engine_destroy(struct soft_engine *engine)
{
	if (!engine)
		return;
	dnnl_engine_destroy(engine->engine);
	accel_core_sys.free(engine);
}

/* ---- computations ------------------------------------------------------ */

static struct soft_compute *compute_alloc(struct soft_engine *engine, enum compute_kind kind)
{
	struct soft_compute *compute = accel_core_sys.alloc(sizeof(*compute));

	if (compute) {
		compute->kind = kind;
		compute->engine = engine->engine;
	} else {
		accel_core_fail(-ENOMEM, "soft: no memory for a computation");
	}
	return compute;
}

void soft_compute_destroy(struct soft_compute *compute)
{
	struct soft_slot *slot;

	if (!compute)
		return;
	while ((slot = soft_slot_take(compute)))
		soft_slot_destroy(slot);
	primitives_destroy(compute);
	accel_core_sys.free(compute);
}

const char *soft_compute_way(const struct soft_compute *compute)
{
	static const char *const names[] = {"direct", "staged", "converted"};

	return names[compute->way];
}

static uint64_t saturating_product(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product) || __builtin_mul_overflow(product, c, &product))
		return UINT64_MAX;
	return product;
}

/* Implementations by the instructions that add four products of s8 in 32 bits. Others add
 * pairs in 16 bits, which saturate; or are too slow. */
static bool is_exact_s8(const char *implementation)
{
	return strstr(implementation, "vnni") || strstr(implementation, "amx") ||
	       strstr(implementation, "avx10");
}

/* The same where the plain gemm, whose name says nothing, is of this kind, too. */
static bool is_exact_s8_avx512(const char *implementation)
{
	return is_exact_s8(implementation) || strncmp(implementation, "gemm", 4) == 0;
}

static accept_fn accept_s8(void)
{
	unsigned int isa = (unsigned int)dnnl_get_effective_cpu_isa();
	unsigned int avx512 = dnnl_cpu_isa_avx512_core_vnni;

	return (isa & avx512) == avx512 ? is_exact_s8_avx512 : is_exact_s8;
}

static dnnl_status_t matmul_in_place(struct soft_compute *compute, struct request *r)
{
	r->dst.row_stride = compute->ldc;
	r->a.row_stride = compute->lda;
	r->b.row_stride = compute->transpose_b ? 1 : compute->ldb;
	r->b.column_stride = compute->transpose_b ? compute->ldb : 1;
	r->dst.column_stride = r->a.column_stride = 1;
	r->a.type = r->b.type = compute->s8 ? dnnl_s8 : dnnl_f32;
	r->dst.type = compute->s8 ? dnnl_s32 : dnnl_f32;
	r->accept = compute->s8 ? accept_s8() : NULL;
	return primitives_create(compute, r);
}

/* One shape only: what is at the edges is padded with zeroes. */
static dnnl_status_t matmul_converted(struct soft_compute *compute, struct request *r)
{
	r->accept = NULL;
	r->a.row_stride = compute->chunk_k;
	r->b.row_stride = compute->transpose_b ? 1 : compute->grid.tile_columns;
	r->b.column_stride = compute->transpose_b ? compute->chunk_k : 1;
	r->dst.column_stride = r->a.column_stride = 1;
	r->a.type = r->b.type = r->dst.type = dnnl_f32;
	return primitives_create(compute, r);
}

static void limit_tiles(struct soft_grid *grid)
{
	if (grid->tile_rows > STAGED_SIDE)
		grid->tile_rows = STAGED_SIDE;
	if (grid->tile_columns > STAGED_SIDE)
		grid->tile_columns = STAGED_SIDE;
}

/* Whether the result must not be written by oneDNN in its place. */
static bool must_stage(const struct soft_compute *compute)
{
	const struct soft_grid *grid = &compute->grid;

	/* On its way out a sum of s8 products is an f32 for a moment: exact up to 2^24. */
	if (compute->s8 && compute->k > EXACT_K)
		return true;
	/* oneDNN 3 takes a column for dense, whatever stride it is told. */
	return grid->rows > 1 && compute->ldc > 1 &&
	       (grid->tile_columns == 1 || grid->columns % grid->tile_columns == 1);
}

int soft_compute_matmul(struct soft_engine *engine, const struct accel_soft_matmul *packet,
			unsigned int workers, struct soft_grid *grid, struct soft_compute **out)
{
	bool transpose = packet->head.flags & ACCEL_SOFT_TRANSPOSE_B;
	uint64_t stored_rows = transpose ? packet->n : packet->k;
	uint64_t work, element;
	struct soft_compute *compute;
	struct request request = {.kind = COMPUTE_MATMUL};
	dnnl_status_t status = dnnl_unimplemented;
	int err;

	compute = compute_alloc(engine, COMPUTE_MATMUL);
	if (!compute)
		return -ENOMEM;
	compute->s8 = packet->type == ACCEL_SOFT_S8_S8_S32;
	compute->transpose_b = transpose;
	compute->k = compute->chunk_k = packet->k;
	/* A stride between rows means nothing where there is one row. */
	compute->lda = packet->m > 1 ? packet->lda : packet->k;
	compute->ldb = stored_rows > 1 ? packet->ldb : transpose ? packet->k : packet->n;
	compute->ldc = packet->m > 1 ? packet->ldc : packet->n;
	element = compute->s8 ? 1 : 4;
	compute->dst_row = compute->ldc * 4;
	compute->dst_column = 4;
	compute->a_row = compute->lda * element;
	compute->b_column = (transpose ? compute->ldb : 1) * element;

	compute->grid = (struct soft_grid){packet->m, packet->n, packet->m, packet->n};
	work = saturating_product(packet->m, packet->n, packet->k) / (workers ? workers : 1);
	if (work < SHARED_WORK)
		work = SHARED_WORK;
	if (work > TILE_WORK)
		work = TILE_WORK;
	soft_grid_split(&compute->grid, packet->k, work, TILE_SIDE);

	if (must_stage(compute)) {
		compute->way = WAY_STAGED;
		limit_tiles(&compute->grid);
		if (compute->s8 && compute->k > EXACT_K)
			compute->chunk_k = EXACT_K;
	}
	if (compute->lda <= DIRECT_LD_MAX && compute->ldb <= DIRECT_LD_MAX &&
	    compute->ldc <= DIRECT_LD_MAX && compute->k <= DIRECT_K_MAX)
		status = single_threaded(matmul_in_place, compute, &request);
	if (status == dnnl_unimplemented) {
		primitives_destroy(compute);
		compute->scratch_bytes = 0;
		compute->way = WAY_CONVERTED;
		compute->chunk_k = compute->k < EXACT_K ? compute->k : EXACT_K;
		limit_tiles(&compute->grid);
		status = single_threaded(matmul_converted, compute, &request);
	}
	err = error_of(status, "multiply these matrices");
	if (err) {
		soft_compute_destroy(compute);
		return err;
	}
	*grid = compute->grid;
	*out = compute;
	return 0;
}

static void elements_grid(struct soft_grid *grid, uint64_t rows, uint64_t columns)
{
	*grid = (struct soft_grid){rows, columns, 1, TILE_ELEMENTS};
	if (columns <= TILE_ELEMENTS) {
		grid->tile_columns = columns;
		grid->tile_rows = TILE_ELEMENTS / columns;
		if (grid->tile_rows > rows)
			grid->tile_rows = rows;
	}
}

int soft_compute_add(struct soft_engine *engine, const struct accel_soft_add *packet,
		     struct soft_grid *grid, struct soft_compute **out)
{
	bool broadcast = packet->head.flags & ACCEL_SOFT_BROADCAST;
	uint64_t columns = packet->columns;
	struct request request = {.kind = COMPUTE_ADD};
	struct matrix m = {.type = dnnl_f32, .column_stride = 1};
	struct soft_compute *compute;
	int err;

	compute = compute_alloc(engine, COMPUTE_ADD);
	if (!compute)
		return -ENOMEM;
	if (broadcast)
		elements_grid(&compute->grid, packet->rows, columns);
	else
		elements_grid(&compute->grid, 1, packet->rows * columns);
	compute->dst_row = compute->a_row = compute->grid.columns * 4;
	compute->dst_column = compute->a_column = compute->b_column = 4;
	m.row_stride = compute->grid.tile_columns;
	request.dst = request.a = request.b = m;
	request.b.rows = broadcast ? 1 : 0;
	err = error_of(single_threaded(primitives_create, compute, &request), "add these");
	if (err) {
		soft_compute_destroy(compute);
		return err;
	}
	*grid = compute->grid;
	*out = compute;
	return 0;
}

int soft_compute_relu(struct soft_engine *engine, const struct accel_soft_relu *packet,
		      struct soft_grid *grid, struct soft_compute **out)
{
	struct request request = {.kind = COMPUTE_RELU};
	struct matrix m = {.type = dnnl_f32, .column_stride = 1};
	struct soft_compute *compute;
	int err;

	compute = compute_alloc(engine, COMPUTE_RELU);
	if (!compute)
		return -ENOMEM;
	elements_grid(&compute->grid, 1, packet->count);
	compute->dst_column = compute->a_column = 4;
	m.row_stride = compute->grid.tile_columns;
	request.dst = request.a = m;
	err = error_of(single_threaded(primitives_create, compute, &request), "apply ReLU");
	if (err) {
		soft_compute_destroy(compute);
		return err;
	}
	*grid = compute->grid;
	*out = compute;
	return 0;
}

/* ---- slots ------------------------------------------------------------- */

#define SCRATCH_ALIGN 128

static dnnl_status_t memory_create(const struct soft_compute *compute, dnnl_primitive_t primitive,
				   dnnl_query_t what, int index, void *data, dnnl_memory_t *out)
{
	dnnl_status_t status;
	md_ref md;

	status = primitive_md(primitive, what, index, &md);
	if (status != dnnl_success)
		return status;
	return dnnl_memory_create(out, md, compute->engine, data);
}

static dnnl_status_t slot_memories(const struct soft_compute *compute, struct soft_slot *slot,
				   void *scratch, unsigned int shape)
{
	dnnl_primitive_t primitive = compute->primitive[shape];
	dnnl_memory_t *memory = slot->memory[shape];
	dnnl_status_t status;

	status = memory_create(compute, primitive, dnnl_query_dst_md, 0, DNNL_MEMORY_NONE,
			       &memory[MEMORY_DST]);
	if (status == dnnl_success)
		status = memory_create(compute, primitive, dnnl_query_src_md, 0, DNNL_MEMORY_NONE,
				       &memory[MEMORY_A]);
	if (status == dnnl_success && compute->kind == COMPUTE_MATMUL)
		status = memory_create(compute, primitive, dnnl_query_weights_md, 0,
				       DNNL_MEMORY_NONE, &memory[MEMORY_B]);
	if (status == dnnl_success && compute->kind == COMPUTE_ADD)
		status = memory_create(compute, primitive, dnnl_query_src_md, 1, DNNL_MEMORY_NONE,
				       &memory[MEMORY_B]);
	if (status == dnnl_success && scratch)
		status = memory_create(compute, primitive, dnnl_query_scratchpad_md, 0, scratch,
				       &memory[MEMORY_SCRATCH]);
	return status;
}

int soft_slot_create(const struct soft_compute *compute, struct soft_slot **out)
{
	struct soft_slot *slot = accel_core_sys.alloc(sizeof(*slot));
	const struct soft_grid *grid = &compute->grid;
	void *scratch = NULL;
	uint64_t values;
	int err = 0;

	if (!slot)
		goto no_memory;
	if (compute->scratch_bytes) {
		slot->scratch = accel_core_sys.alloc(compute->scratch_bytes + SCRATCH_ALIGN);
		if (!slot->scratch)
			goto no_memory;
		scratch = (void *)(((uintptr_t)slot->scratch + SCRATCH_ALIGN - 1) &
				   ~(uintptr_t)(SCRATCH_ALIGN - 1));
	}
	if (compute->way != WAY_DIRECT) {
		values = grid->tile_rows * grid->tile_columns;
		if (compute->way == WAY_CONVERTED)
			values += (grid->tile_rows + grid->tile_columns) * compute->chunk_k;
		slot->staged = accel_core_sys.alloc(values * 4); /* f32 or s32 */
		if (!slot->staged)
			goto no_memory;
	}
	err = error_of(
		dnnl_stream_create(&slot->stream, compute->engine, dnnl_stream_default_flags),
		"make a stream");
	for (unsigned int shape = 0; !err && shape < SHAPES; shape++)
		if (compute->primitive[shape])
			err = error_of(slot_memories(compute, slot, scratch, shape),
				       "describe memory");
	if (err)
		goto fail;
	*out = slot;
	return 0;

no_memory:
	err = accel_core_fail(-ENOMEM, "soft: no memory to compute in");
fail:
	soft_slot_destroy(slot);
	return err;
}

void soft_slot_destroy(struct soft_slot *slot)
{
	if (!slot)
		return;
	for (unsigned int shape = 0; shape < SHAPES; shape++)
		for (unsigned int i = 0; i < MEMORIES; i++)
			if (slot->memory[shape][i])
				dnnl_memory_destroy(slot->memory[shape][i]);
	if (slot->stream)
		dnnl_stream_destroy(slot->stream);
	accel_core_sys.free(slot->staged);
	accel_core_sys.free(slot->scratch);
	accel_core_sys.free(slot);
}

struct soft_slot *soft_slot_take(struct soft_compute *compute)
{
	struct soft_slot *slot = compute->spare;

	if (slot)
		compute->spare = slot->next;
	return slot;
}

void soft_slot_give(struct soft_compute *compute, struct soft_slot *slot)
{
	slot->next = compute->spare;
	compute->spare = slot;
}

/* ---- running ----------------------------------------------------------- */

/* oneDNN takes its inputs as it takes its outputs. */
static void *writable(const void *data)
{
	return (void *)(uintptr_t)data;
}

static int run_primitive(const struct soft_compute *compute, struct soft_slot *slot,
			 unsigned int shape, void *dst, const void *a, const void *b)
{
	dnnl_memory_t *memory = slot->memory[shape];
	dnnl_exec_arg_t args[MEMORIES];
	dnnl_status_t status;
	int count = 0;

	status = dnnl_memory_set_data_handle(memory[MEMORY_DST], dst);
	args[count++] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory[MEMORY_DST]};
	if (status == dnnl_success)
		status = dnnl_memory_set_data_handle(memory[MEMORY_A], writable(a));
	args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SRC_0, memory[MEMORY_A]};
	if (status == dnnl_success && memory[MEMORY_B])
		status = dnnl_memory_set_data_handle(memory[MEMORY_B], writable(b));
	if (memory[MEMORY_B])
		args[count++] = (dnnl_exec_arg_t){compute->kind == COMPUTE_MATMUL ? DNNL_ARG_WEIGHTS
										  : DNNL_ARG_SRC_1,
						  memory[MEMORY_B]};
	if (memory[MEMORY_SCRATCH])
		args[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory[MEMORY_SCRATCH]};
	if (status == dnnl_success)
		status = dnnl_primitive_execute(compute->primitive[shape], slot->stream, count,
						args);
	if (status == dnnl_success)
		status = dnnl_stream_wait(slot->stream);
	return status == dnnl_success ? 0 : status == dnnl_out_of_memory ? -ENOMEM : -EIO;
}

/* @rows by @columns of @from as f32, the rest of the @all_rows by @all_columns zero. */
static void convert(float *to, uint64_t all_rows, uint64_t all_columns, const unsigned char *from,
		    uint64_t rows, uint64_t columns, uint64_t ld, bool s8)
{
	for (uint64_t i = 0; i < all_rows; i++, to += all_columns) {
		uint64_t used = i < rows ? columns : 0;
		const unsigned char *row = used ? from + i * ld * (s8 ? 1 : 4) : from;

		if (!s8)
			memcpy(to, row, used * 4);
		for (uint64_t j = 0; s8 && j < used; j++)
			to[j] = (float)(signed char)row[j];
		memset(to + used, 0, (all_columns - used) * 4);
	}
}

/* Add a part's product to the tile's result, which the first one begins. */
static void accumulate(const struct soft_compute *compute, unsigned char *dst,
		       const struct soft_tile *tile, const void *from, bool first)
{
	bool converted = compute->way == WAY_CONVERTED;
	uint64_t ld = converted ? compute->grid.tile_columns : tile->columns;

	for (uint64_t i = 0; i < tile->rows; i++) {
		const float *f = (const float *)from + i * ld;
		const uint32_t *s = (const uint32_t *)from + i * ld;
		void *row = dst + i * compute->dst_row;
		float *f_row = row;
		uint32_t *s_row = row;

		if (!compute->s8)
			for (uint64_t j = 0; j < tile->columns; j++)
				f_row[j] = first ? f[j] : f_row[j] + f[j];
		else if (converted)
			for (uint64_t j = 0; j < tile->columns; j++)
				s_row[j] = (first ? 0 : s_row[j]) + (uint32_t)(int32_t)f[j];
		else
			for (uint64_t j = 0; j < tile->columns; j++)
				s_row[j] = (first ? 0 : s_row[j]) + s[j];
	}
}

static int run_converted(const struct soft_compute *compute, struct soft_slot *slot,
			 const struct soft_tile *tile, const unsigned char *a,
			 const unsigned char *b, uint64_t k)
{
	const struct soft_grid *grid = &compute->grid;
	float *c = slot->staged;
	float *fa = c + grid->tile_rows * grid->tile_columns;
	float *fb = fa + grid->tile_rows * compute->chunk_k;

	convert(fa, grid->tile_rows, compute->chunk_k, a, tile->rows, k, compute->lda, compute->s8);
	if (compute->transpose_b)
		convert(fb, grid->tile_columns, compute->chunk_k, b, tile->columns, k, compute->ldb,
			compute->s8);
	else
		convert(fb, compute->chunk_k, grid->tile_columns, b, k, tile->columns, compute->ldb,
			compute->s8);
	return run_primitive(compute, slot, 0, c, fa, fb);
}

/* A product whose result goes through the slot, part by part of k. */
static int run_parts(const struct soft_compute *compute, struct soft_slot *slot,
		     const struct soft_tile *tile, unsigned char *dst, const unsigned char *a,
		     const unsigned char *b)
{
	uint64_t element = compute->s8 ? 1 : 4, left;
	uint64_t b_row = compute->transpose_b ? element : compute->ldb * element;
	unsigned int shape;
	int err = 0;

	for (uint64_t k = 0; !err && k < compute->k; k += left) {
		left = compute->k - k < compute->chunk_k ? compute->k - k : compute->chunk_k;
		if (compute->way == WAY_CONVERTED) {
			err = run_converted(compute, slot, tile, a + k * element, b + k * b_row,
					    left);
		} else {
			shape = shape_of(compute, tile);
			if (left != compute->chunk_k)
				shape |= SHAPE_LAST_K;
			err = run_primitive(compute, slot, shape, slot->staged, a + k * element,
					    b + k * b_row);
		}
		if (!err)
			accumulate(compute, dst, tile, slot->staged, k == 0);
	}
	return err;
}

int soft_compute_run(const struct soft_compute *compute, struct soft_slot *slot,
		     const struct soft_tile *tile, void *dst, const void *a, const void *b)
{
	unsigned char *to = (unsigned char *)dst + tile->row * compute->dst_row +
			    tile->column * compute->dst_column;
	const unsigned char *left = (const unsigned char *)a + tile->row * compute->a_row +
				    tile->column * compute->a_column;
	const unsigned char *right = b;

	if (b)
		right += tile->row * compute->b_row + tile->column * compute->b_column;
	if (compute->way != WAY_DIRECT)
		return run_parts(compute, slot, tile, to, left, right);
	return run_primitive(compute, slot, shape_of(compute, tile), to, left, right);
}
