/* SPDX-License-Identifier: MIT */
/* Workloads: the list of them, and what they share. */
#include "workload.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct workload *const workloads[] = {
	&workload_soft,
	&workload_ethosu,
	&workload_rocket,
	&workload_qaic,
	&workload_ivpu,
	&workload_example,
};

const struct workload *workload_find(const struct accel_device_info *info)
{
	size_t i;

	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (strcmp(workloads[i]->driver, info->driver) == 0)
			return workloads[i];
		if (info->driver[0] == '\0' &&
		    strncmp(workloads[i]->prefix, info->id, strlen(workloads[i]->prefix)) == 0)
			return workloads[i];
	}
	return NULL;
}

int request_commands(struct accel_context *ctx, struct request *r, const void *bytes,
		     uint64_t count)
{
	struct accel_bo_params params = {.size = sizeof(params)};
	unsigned int i;
	int err;

	params.flags = ACCEL_BO_COMMANDS;
	params.bytes = count;
	params.contents = bytes;
	err = accel_bo_create(ctx, &params, &r->params.commands);
	if (err)
		return err;
	for (i = 0; r->scratch[i]; i++)
		;
	r->scratch[i] = r->params.commands;
	r->params.bytes = count;
	return 0;
}

uint32_t request_add_bo(struct request *r, struct accel_bo *bo, uint32_t access)
{
	uint32_t index = r->params.bo_count++;

	r->bos[index].bo = bo;
	r->bos[index].access = access;
	r->params.bos = r->bos;
	return index;
}

void gate_init(struct gate *gate)
{
	memset(gate, 0, sizeof(*gate));
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->change, NULL);
	gate->report_fd = -1;
}

void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->calls++;
	gate->started = true;
	pthread_cond_broadcast(&gate->change);
	while (!gate->open && !gate->over)
		pthread_cond_wait(&gate->change, &gate->lock);
	if (gate->report_fd >= 0 && write(gate->report_fd, "j", 1) != 1)
		gate->report_fd = -1;
	pthread_mutex_unlock(&gate->lock);
}

void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->change);
	pthread_mutex_unlock(&gate->lock);
}

void gate_wait_started(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->started)
		pthread_cond_wait(&gate->change, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

bool gate_is_over(struct gate *gate)
{
	bool over;

	pthread_mutex_lock(&gate->lock);
	over = gate->over;
	pthread_mutex_unlock(&gate->lock);
	return over;
}

int gate_help(struct gate *gate, void *(*fn)(void *arg), void *arg)
{
	const int err = pthread_create(&gate->helper, NULL, fn, arg);

	gate->helped = !err;
	return -err;
}

void gate_destroy(struct gate *gate)
{
	if (gate->helped) {
		pthread_mutex_lock(&gate->lock);
		gate->over = true;
		pthread_cond_broadcast(&gate->change);
		pthread_mutex_unlock(&gate->lock);
		pthread_join(gate->helper, NULL);
	}
	pthread_cond_destroy(&gate->change);
	pthread_mutex_destroy(&gate->lock);
}
