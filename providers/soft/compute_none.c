/* SPDX-License-Identifier: MIT */
/*
 * In place of compute.c where there is no oneDNN, as on 32-bit machines: the device fills and
 * copies, runs host functions, and says of the rest that it can't. None is prepared, so none is run.
 */
#include "soft_internal.h"

#include <errno.h>

static const char why[] = "soft: built without oneDNN, this software device does no arithmetic";

int soft_engine_create(struct soft_engine **out)
{
	*out = NULL;
	return 0;
}

void soft_engine_destroy(struct soft_engine *engine)
{
	(void)engine;
}

int soft_compute_matmul(struct soft_engine *engine, const struct accel_soft_matmul *packet,
			unsigned int workers, struct soft_grid *grid, struct soft_compute **out)
{
	(void)engine, (void)packet, (void)workers, (void)grid, (void)out;
	return accel_core_fail(-EOPNOTSUPP, "%s", why);
}

int soft_compute_add(struct soft_engine *engine, const struct accel_soft_add *packet,
		     struct soft_grid *grid, struct soft_compute **out)
{
	(void)engine, (void)packet, (void)grid, (void)out;
	return accel_core_fail(-EOPNOTSUPP, "%s", why);
}

int soft_compute_relu(struct soft_engine *engine, const struct accel_soft_relu *packet,
		      struct soft_grid *grid, struct soft_compute **out)
{
	(void)engine, (void)packet, (void)grid, (void)out;
	return accel_core_fail(-EOPNOTSUPP, "%s", why);
}

void soft_compute_destroy(struct soft_compute *compute)
{
	(void)compute;
}

int soft_slot_create(const struct soft_compute *compute, struct soft_slot **out)
{
	(void)compute, (void)out;
	return -EOPNOTSUPP;
}

void soft_slot_destroy(struct soft_slot *slot)
{
	(void)slot;
}

struct soft_slot *soft_slot_take(struct soft_compute *compute)
{
	(void)compute;
	return NULL;
}

void soft_slot_give(struct soft_compute *compute, struct soft_slot *slot)
{
	(void)compute, (void)slot;
}

void soft_compute_thread(void)
{
}

int soft_compute_run(const struct soft_compute *compute, struct soft_slot *slot,
		     const struct soft_tile *tile, void *dst, const void *a, const void *b)
{
	(void)compute, (void)slot, (void)tile, (void)dst, (void)a, (void)b;
	return -EOPNOTSUPP;
}

const char *soft_compute_way(const struct soft_compute *compute)
{
	(void)compute;
	return "none";
}
