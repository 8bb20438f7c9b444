// SPDX-License-Identifier: GPL-2.0
/* qaic as the raw programs use it: control messages, channels, slices. */
#include "raw-qaic.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "raw.h"

int qaic_bo_create(int fd, uint64_t bytes, struct qaic_bo *bo)
{
	struct qaic_create_bo create = { .size = bytes };
	struct qaic_mmap_bo offset = { 0 };
	int ret = raw_ioctl(fd, DRM_IOCTL_QAIC_CREATE_BO, &create);

	memset(bo, 0, sizeof(*bo));
	if (ret)
		return ret;
	bo->handle = offset.handle = create.handle;
	bo->bytes = create.size;
	ret = raw_ioctl(fd, DRM_IOCTL_QAIC_MMAP_BO, &offset);
	if (ret)
		return ret;
	bo->map = mmap(NULL, bo->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset.offset);
	return check(bo->map != MAP_FAILED, "mmap of a buffer") ? 0 : -1;
}

void qaic_bo_destroy(int fd, struct qaic_bo *bo)
{
	if (bo->map)
		munmap(bo->map, bo->bytes);
	if (bo->handle)
		raw_close_handle(fd, bo->handle);
}

void *qaic_add(struct qaic_message *m, uint32_t type, const void *data, size_t bytes)
{
	struct qaic_manage_trans_hdr *hdr = (void *)(m->data + m->bytes);

	hdr->type = type;
	hdr->len = sizeof(*hdr) + bytes;
	memcpy(hdr + 1, data, bytes);
	m->bytes += hdr->len;
	m->count++;
	return hdr + 1;
}

void qaic_command(struct qaic_message *m, void *command, size_t bytes, uint32_t op, uint32_t dbc)
{
	struct rig_qaic_command *c = command;

	c->op = op;
	c->dbc = dbc;
	c->status = -EINPROGRESS;
	qaic_add(m, QAIC_TRANS_PASSTHROUGH_FROM_USR, command, bytes);
}

void qaic_fault(struct qaic_message *m, uint32_t dbc, enum rig_fault_kind kind, uint32_t value)
{
	struct rig_qaic_fault fault = { .kind = kind, .value = value };

	qaic_command(m, &fault, sizeof(fault), RIG_QAIC_FAULT, dbc);
}

void qaic_add_activate(struct qaic_message *m, uint32_t queue)
{
	const uint32_t words[4] = { queue };

	qaic_add(m, QAIC_TRANS_ACTIVATE_FROM_USR, words, sizeof(words));
}

int qaic_manage(int fd, struct qaic_message *m)
{
	struct qaic_manage_msg msg = {
		.len = m->bytes,
		.count = m->count,
		.data = (uintptr_t)m->data,
	};
	int ret = raw_ioctl(fd, DRM_IOCTL_QAIC_MANAGE, &msg);

	m->bytes = msg.len;
	m->count = msg.count;
	return ret;
}

const void *qaic_answer(const struct qaic_message *m, uint32_t type)
{
	const struct qaic_manage_trans_hdr *hdr;
	uint32_t at, i;

	for (at = i = 0; i < m->count && at + sizeof(*hdr) <= m->bytes; i++, at += hdr->len) {
		hdr = (const void *)(m->data + at);
		if (hdr->type == type)
			return hdr + 1;
		if (hdr->len < sizeof(*hdr))
			break;
	}
	return NULL;
}

int qaic_tell(int fd, void *command, size_t bytes, uint32_t op, uint32_t dbc)
{
	struct qaic_message m = { .count = 0 };
	const struct rig_qaic_command *answer;
	int ret;

	qaic_command(&m, command, bytes, op, dbc);
	ret = qaic_manage(fd, &m);
	if (ret)
		return ret;
	answer = qaic_answer(&m, QAIC_TRANS_PASSTHROUGH_FROM_DEV);
	if (!answer)
		return -ENOMSG;
	memcpy(command, answer, bytes);
	return answer->status;
}

int qaic_activate(int fd, uint32_t queue, const struct rig_qaic_step *steps, unsigned int count,
		  uint32_t *dbc)
{
	struct qaic_message m = { .count = 0 };
	struct rig_qaic_step step;
	const uint32_t *answer;
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		step = steps[i];
		qaic_command(&m, &step, sizeof(step), RIG_QAIC_STEP, RIG_QAIC_THIS);
	}
	qaic_add_activate(&m, queue);
	ret = qaic_manage(fd, &m);
	if (ret)
		return ret;
	answer = qaic_answer(&m, QAIC_TRANS_ACTIVATE_FROM_DEV);
	if (!answer)
		return -ENOMSG;
	*dbc = answer[1];
	return -(int)answer[0];
}

int qaic_release(int fd, uint32_t dbc)
{
	const uint32_t words[2] = { dbc };
	struct qaic_message m = { .count = 0 };
	struct rig_qaic_command release = { 0 };

	qaic_command(&m, &release, sizeof(release), RIG_QAIC_RELEASE, dbc);
	qaic_add(&m, QAIC_TRANS_DEACTIVATE_FROM_USR, words, sizeof(words));
	return qaic_manage(fd, &m);
}

int qaic_attach(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t direction,
		const struct qaic_attach_slice_entry *slices, uint32_t count)
{
	struct qaic_attach_slice attach = {
		.hdr = { .count = count, .dbc_id = dbc, .handle = bo->handle, .dir = direction },
		.data = (uintptr_t)slices,
	};

	return raw_ioctl(fd, DRM_IOCTL_QAIC_ATTACH_SLICE_BO, &attach);
}

int qaic_attach_whole(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t direction,
		      uint64_t address)
{
	const struct qaic_attach_slice_entry slice = { .size = bo->bytes, .dev_addr = address };

	return qaic_attach(fd, dbc, bo, direction, &slice, 1);
}

int qaic_detach(int fd, const struct qaic_bo *bo)
{
	struct qaic_detach_slice detach = { .handle = bo->handle };

	return raw_ioctl(fd, DRM_IOCTL_QAIC_DETACH_SLICE_BO, &detach);
}

int qaic_execute(int fd, uint32_t dbc, const struct qaic_bo *const *bos, uint32_t count)
{
	struct qaic_execute_entry entries[16] = { { 0 } };
	struct qaic_execute execute = {
		.hdr = { .count = count, .dbc_id = dbc },
		.data = (uintptr_t)entries,
	};
	uint32_t i;

	for (i = 0; i < count && i < 16; i++)
		entries[i].handle = bos[i]->handle;
	return raw_ioctl(fd, DRM_IOCTL_QAIC_EXECUTE_BO, &execute);
}

int qaic_execute_partly(int fd, uint32_t dbc, const struct qaic_bo *bo, uint64_t bytes)
{
	struct qaic_partial_execute_entry entry = { .handle = bo->handle, .resize = bytes };
	struct qaic_execute execute = {
		.hdr = { .count = 1, .dbc_id = dbc },
		.data = (uintptr_t)&entry,
	};

	return raw_ioctl(fd, DRM_IOCTL_QAIC_PARTIAL_EXECUTE_BO, &execute);
}

int qaic_wait(int fd, uint32_t dbc, const struct qaic_bo *bo, uint32_t ms)
{
	struct qaic_wait wait = { .handle = bo->handle, .timeout = ms, .dbc_id = dbc };

	return raw_ioctl(fd, DRM_IOCTL_QAIC_WAIT_BO, &wait);
}
