/* SPDX-License-Identifier: GPL-2.0 */
/* qaic as the raw programs use it: control messages, channels, slices. */
#ifndef RAW_QAIC_H
#define RAW_QAIC_H

#include <stddef.h>
#include <stdint.h>

#include <drm/qaic_accel.h>

#include "../models/qaic.h"

#define QAIC_MESSAGE_BYTES	4096
#define QAIC_TO_DEVICE		1
#define QAIC_FROM_DEVICE	2

struct qaic_bo {
	uint32_t handle;
	uint64_t bytes;
	uint8_t *map;		/* NULL for an imported one */
};

/* The driver writes answers over the message, up to all its bytes. */
struct qaic_message {
	_Alignas(8) uint8_t data[QAIC_MESSAGE_BYTES];
	uint32_t bytes, count;
};

int qaic_bo_create(int fd, uint64_t bytes, struct qaic_bo *bo);
void qaic_bo_destroy(int fd, struct qaic_bo *bo);

/* Add a transaction with what follows its header; the copy in the message. */
void *qaic_add(struct qaic_message *m, uint32_t type, const void *data, size_t bytes);

/* Add a command for the model. */
void qaic_command(struct qaic_message *m, void *command, size_t bytes, uint32_t op, uint32_t dbc);
void qaic_fault(struct qaic_message *m, uint32_t dbc, enum rig_fault_kind kind, uint32_t value);
void qaic_add_activate(struct qaic_message *m, uint32_t queue);

int qaic_manage(int fd, struct qaic_message *m);

/* The first answer of this type behind its header, NULL if there is none. */
const void *qaic_answer(const struct qaic_message *m, uint32_t type);

/* Send a message with this one command, and return its status, or the message's error. */
int qaic_tell(int fd, void *command, size_t bytes, uint32_t op, uint32_t dbc);

/* A channel with a network. */
int qaic_activate(int fd, uint32_t queue, const struct rig_qaic_step *steps, unsigned int count,
		  uint32_t *dbc);

/* Give it back, as the firmware wants it and then as the driver does. */
int qaic_release(int fd, uint32_t dbc);

int qaic_attach(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t direction,
		const struct qaic_attach_slice_entry *slices, uint32_t count);

/* One slice that is the whole buffer, without semaphores. */
int qaic_attach_whole(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t direction,
		      uint64_t address);
int qaic_detach(int fd, const struct qaic_bo *bo);

int qaic_execute(int fd, uint32_t dbc, const struct qaic_bo *const *bos, uint32_t count);
int qaic_execute_partly(int fd, uint32_t dbc, const struct qaic_bo *bo, uint64_t bytes);
int qaic_wait(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t ms);

#endif
