// SPDX-License-Identifier: GPL-2.0
/* The qaic driver by its system calls alone. */
#include "raw-qaic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/klog.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "raw.h"

#define BYTES	65536
#define QUEUE	64
#define AT(n)	(RIG_QAIC_MEMORY + (n) * 0x10000ull)
#define MINUTE	60000
#define PCI	"/sys/bus/pci/devices/0000:01:00.0/"

/* One file with a channel, and a buffer in each direction, not sliced yet. */
struct setting {
	int fd;
	uint32_t dbc;
	struct qaic_bo in, out;
};

static bool set_up_network(struct setting *s, const struct rig_qaic_step *steps,
			   unsigned int count)
{
	memset(s, 0, sizeof(*s));
	s->fd = raw_open("qaic", 0);
	if (!check(s->fd >= 0, "no qaic"))
		return false;
	check_equal(qaic_activate(s->fd, QUEUE, steps, count, &s->dbc), 0, "ACTIVATE");
	check_equal(qaic_bo_create(s->fd, BYTES, &s->in), 0, "CREATE_BO");
	check_equal(qaic_bo_create(s->fd, BYTES, &s->out), 0, "CREATE_BO");
	raw_fill(s->in.map, BYTES, 1);
	memset(s->out.map, 0xee, BYTES);
	return true;
}

static bool set_up(struct setting *s)
{
	return set_up_network(s, NULL, 0);
}

static void tear_down(struct setting *s)
{
	qaic_bo_destroy(s->fd, &s->in);
	qaic_bo_destroy(s->fd, &s->out);
	close(s->fd);
}

/* Slices for a way through the channel's memory. */
static void slice_plainly(struct setting *s)
{
	check_equal(qaic_attach_whole(s->fd, s->dbc, &s->in, QAIC_TO_DEVICE, AT(0)), 0,
		    "ATTACH_SLICE_BO");
	check_equal(qaic_attach_whole(s->fd, s->dbc, &s->out, QAIC_FROM_DEVICE, AT(0)), 0,
		    "ATTACH_SLICE_BO");
}

static int execute_both(struct setting *s)
{
	const struct qaic_bo *const bos[2] = { &s->in, &s->out };

	return qaic_execute(s->fd, s->dbc, bos, 2);
}

static void run_both(struct setting *s)
{
	check_equal(execute_both(s), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s->fd, s->dbc, &s->in, MINUTE), 0, "WAIT_BO");
	check_equal(qaic_wait(s->fd, s->dbc, &s->out, MINUTE), 0, "WAIT_BO");
}

/* After trouble, and with a file of its own: is the device of use? */
static void check_works(void)
{
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	run_both(&s);
	check(!memcmp(s.in.map, s.out.map, BYTES), "no copy by the job after");
	tear_down(&s);
}

static int tell_fault(struct setting *s, enum rig_fault_kind kind, uint32_t value)
{
	struct rig_qaic_fault fault = { .kind = kind, .value = value };

	return qaic_tell(s->fd, &fault, sizeof(fault), RIG_QAIC_FAULT, s->dbc);
}

static struct qaic_sem sem(uint8_t cmd, uint8_t index, uint16_t val, bool presync)
{
	return (struct qaic_sem){ .cmd = cmd, .index = index, .val = val, .presync = presync };
}

/* --- copy ------------------------------------------------------------------------ */

static void test_status(void)
{
	struct qaic_message m = { .count = 0 };
	const struct qaic_manage_trans_status_from_dev *status;
	const uint16_t *answer;
	int fd = raw_open("qaic", 0);

	if (!check(fd >= 0, "no qaic"))
		return;
	qaic_add(&m, QAIC_TRANS_STATUS_FROM_USR, NULL, 0);
	check_equal(qaic_manage(fd, &m), 0, "MANAGE");
	check_equal(m.count, 1, "transactions in the answer");
	check_equal(m.bytes, sizeof(*status), "bytes of the answer");
	answer = qaic_answer(&m, QAIC_TRANS_STATUS_FROM_DEV);
	check(answer && answer[0] == 5 && answer[1] == 0, "not version 5.0");
	close(fd);
}

/* Several transactions in a message, the largest that there can be. */
static void test_passthrough(void)
{
	struct qaic_message m = { .count = 0 };
	uint8_t data[2048 - 8] = { 0 };
	struct rig_qaic_command unknown = { 0 };
	const uint8_t *answer;
	int fd = raw_open("qaic", 0), i;

	if (!check(fd >= 0, "no qaic"))
		return;
	raw_fill(data + 16, sizeof(data) - 16, 3);
	for (i = 0; i < 2; i++)
		qaic_command(&m, data, sizeof(data) - 32 * i, RIG_QAIC_ECHO, 0);
	check_equal(qaic_manage(fd, &m), 0, "MANAGE");
	check_equal(m.count, 2, "transactions in the answer");
	answer = qaic_answer(&m, QAIC_TRANS_PASSTHROUGH_FROM_DEV);
	check(answer && raw_is_filled(answer + 16, sizeof(data) - 16, 3), "no echo");
	check_equal(qaic_tell(fd, &unknown, sizeof(unknown), 99, RIG_QAIC_THIS), -EOPNOTSUPP,
		    "unknown command");
	check_equal(qaic_tell(fd, &unknown, sizeof(unknown), RIG_QAIC_CLEAR, 9), -EPERM,
		    "a command for nobody's channel");
	close(fd);
}

static void test_through(void)
{
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	run_both(&s);
	check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes");
	/* Slices are attached once, and used often. */
	raw_fill(s.in.map, BYTES, 2);
	run_both(&s);
	check(raw_is_filled(s.out.map, BYTES, 2), "wrong bytes the second time");
	tear_down(&s);
}

static void test_slices(void)
{
	const struct qaic_attach_slice_entry in[3] = {
		{ .size = 1000, .offset = 0, .dev_addr = AT(0) },
		{ .size = 3000, .offset = 1000, .dev_addr = AT(1) + 8 },
		{ .size = 5, .offset = BYTES - 5, .dev_addr = AT(2) + 3 },
	};
	const struct qaic_attach_slice_entry out[2] = {
		{ .size = 3000, .offset = 16, .dev_addr = AT(1) + 8 },
		{ .size = 5, .offset = 4096, .dev_addr = AT(2) + 3 },
	};
	struct setting s;

	if (!set_up(&s))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, in, 3), 0, "ATTACH_SLICE_BO");
	check_equal(qaic_attach(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, out, 2), 0,
		    "ATTACH_SLICE_BO");
	run_both(&s);
	check(raw_is_all(s.out.map, 16, 0xee), "bytes before the first slice changed");
	check(!memcmp(s.out.map + 16, s.in.map + 1000, 3000), "wrong bytes in the first slice");
	check(raw_is_all(s.out.map + 3016, 4096 - 3016, 0xee), "bytes between changed");
	check(!memcmp(s.out.map + 4096, s.in.map + BYTES - 5, 5), "wrong bytes in the second");
	check(raw_is_all(s.out.map + 4101, BYTES - 4101, 0xee), "bytes behind changed");
	tear_down(&s);
}

static void test_large(void)
{
	struct qaic_bo in, out;
	const struct qaic_bo *const bos[2] = { &in, &out };
	struct setting s;

	if (!set_up(&s))
		return;
	check_equal(qaic_bo_create(s.fd, 3 << 20, &in), 0, "CREATE_BO");
	check_equal(qaic_bo_create(s.fd, 3 << 20, &out), 0, "CREATE_BO");
	raw_fill(in.map, in.bytes, 8);
	check_equal(qaic_attach_whole(s.fd, s.dbc, &in, QAIC_TO_DEVICE, AT(0)), 0, "ATTACH");
	check_equal(qaic_attach_whole(s.fd, s.dbc, &out, QAIC_FROM_DEVICE, AT(0)), 0, "ATTACH");
	check_equal(qaic_execute(s.fd, s.dbc, bos, 2), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &out, MINUTE), 0, "WAIT_BO");
	check(raw_is_filled(out.map, out.bytes, 8), "wrong bytes");
	qaic_bo_destroy(s.fd, &in);
	qaic_bo_destroy(s.fd, &out);
	tear_down(&s);
}

/* The way back is queued first, and waits for the semaphore that the way there increments. */
static void test_semaphores(void)
{
	const struct qaic_attach_slice_entry in = {
		.size = BYTES, .dev_addr = AT(0), .sem0 = sem(QAIC_SEM_INC, 5, 0, false),
	};
	const struct qaic_attach_slice_entry out = {
		.size = BYTES, .dev_addr = AT(0), .sem0 = sem(QAIC_SEM_WAIT_GT_0, 5, 0, true),
		.sem1 = sem(QAIC_SEM_INIT, 6, 77, false),
	};
	struct rig_qaic_look look = { .requests = 0 };
	const struct qaic_bo *bo;
	struct setting s;

	if (!set_up(&s))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &in, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, &out, 1), 0, "ATTACH");
	bo = &s.out;
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, 50), -ETIMEDOUT, "WAIT_BO of one that waits");
	check(raw_is_all(s.out.map, BYTES, 0xee), "bytes moved before the semaphore");
	bo = &s.in;
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), 0, "WAIT_BO");
	check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes");
	check_equal(qaic_tell(s.fd, &look, sizeof(look), RIG_QAIC_LOOK, s.dbc), 0, "LOOK");
	check_equal(look.semaphores[5], 0, "the semaphore waited for");
	check_equal(look.semaphores[6], 77, "the semaphore that was set");
	check_equal(look.waiting, 0, "requests that wait");
	tear_down(&s);
}

static void execute_one(struct setting *s, const struct qaic_bo *bo)
{
	check_equal(qaic_execute(s->fd, s->dbc, &bo, 1), 0, "EXECUTE_BO");
}

/*
 * Two wait for one semaphore, and are let go one by one; a fence holds back who comes behind
 * them until both are through.
 */
static void test_order(void)
{
	struct qaic_attach_slice_entry in = {
		.size = 4096, .dev_addr = AT(0), .sem0 = sem(QAIC_SEM_WAIT_GT_0, 5, 0, true),
	};
	struct qaic_attach_slice_entry out = {
		.size = 4096, .dev_addr = AT(0),
		.sem0 = { .flags = QAIC_SEM_INSYNCFENCE },
	};
	const struct qaic_attach_slice_entry go = {
		.db_addr = RIG_QAIC_DOORBELLS + 4 * 5, .db_data = 1, .db_len = 32,
	};
	struct qaic_bo first, second, bell;
	struct setting s;

	if (!set_up(&s))
		return;
	check_equal(qaic_bo_create(s.fd, 4096, &first), 0, "CREATE_BO");
	check_equal(qaic_bo_create(s.fd, 4096, &second), 0, "CREATE_BO");
	check_equal(qaic_bo_create(s.fd, 4096, &bell), 0, "CREATE_BO");
	raw_fill(first.map, 4096, 21);
	raw_fill(second.map, 4096, 22);
	check_equal(qaic_attach(s.fd, s.dbc, &first, QAIC_TO_DEVICE, &in, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &second, QAIC_TO_DEVICE, &in, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &bell, QAIC_TO_DEVICE, &go, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, &out, 1), 0, "ATTACH");
	execute_one(&s, &first);
	execute_one(&s, &second);
	execute_one(&s, &s.out);
	execute_one(&s, &bell);
	check_equal(qaic_wait(s.fd, s.dbc, &bell, MINUTE), 0, "WAIT_BO of the bell");
	check_equal(qaic_wait(s.fd, s.dbc, &first, MINUTE), 0, "WAIT_BO of the first");
	check_equal(qaic_wait(s.fd, s.dbc, &second, 50), -ETIMEDOUT, "WAIT_BO of the second");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, 50), -ETIMEDOUT, "WAIT_BO behind the fence");
	execute_one(&s, &bell);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), 0, "WAIT_BO behind the fence");
	check(raw_is_filled(s.out.map, 4096, 22), "not the bytes of the second");
	qaic_bo_destroy(s.fd, &first);
	qaic_bo_destroy(s.fd, &second);
	qaic_bo_destroy(s.fd, &bell);
	tear_down(&s);
}

/* Often round both rings of a small channel. */
static void test_many(void)
{
	struct setting s;
	unsigned int i;

	if (!set_up(&s))
		return;
	check_equal(qaic_release(s.fd, s.dbc), 0, "DEACTIVATE");
	check_equal(qaic_activate(s.fd, 7, NULL, 0, &s.dbc), 0, "ACTIVATE");
	check_equal(qaic_attach_whole(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, AT(0)), 0, "ATTACH");
	check_equal(qaic_attach_whole(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, AT(0)), 0, "ATTACH");
	for (i = 0; i < 100; i++) {
		s.in.map[i * 100] ^= 0xff;
		run_both(&s);
		if (!check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes in round %u", i))
			break;
	}
	tear_down(&s);
}

/* A channel that is activated again has nothing of before: memory, semaphores, network. */
static void test_fresh(void)
{
	const struct rig_qaic_step step = { .wait = 7, .signal = 8, .work = RIG_QAIC_FILL,
					    .value = 1, .dst = AT(0), .bytes = 4096 };
	const struct qaic_attach_slice_entry in = {
		.size = BYTES, .dev_addr = AT(0), .sem0 = sem(QAIC_SEM_INIT, 6, 9, false),
	};
	const struct qaic_attach_slice_entry bell = {
		.db_addr = RIG_QAIC_DOORBELLS + 4 * 7, .db_data = 1, .db_len = 32,
	};
	struct rig_qaic_look look = { .requests = 0 };
	struct setting s;
	uint32_t before;

	if (!set_up_network(&s, &step, 1))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &in, 1), 0, "ATTACH");
	execute_one(&s, &s.in);
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, MINUTE), 0, "WAIT_BO");
	before = s.dbc;
	check_equal(qaic_release(s.fd, s.dbc), 0, "DEACTIVATE");
	check_equal(qaic_activate(s.fd, QUEUE, NULL, 0, &s.dbc), 0, "ACTIVATE");
	check_equal(s.dbc, before, "the channel that was given back");
	check_equal(qaic_tell(s.fd, &look, sizeof(look), RIG_QAIC_LOOK, s.dbc), 0, "LOOK");
	check_equal(look.semaphores[6], 0, "semaphore that was set");
	check_equal(look.requests, 0, "requests");
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bell, 1), 0, "ATTACH");
	check_equal(qaic_attach_whole(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, AT(0)), 0, "ATTACH");
	run_both(&s);
	check(raw_is_all(s.out.map, BYTES, 0), "memory is not zero");
	tear_down(&s);
}

/* A network of two steps, begun by a doorbell, its end awaited by the way back. */
static void test_network(void)
{
	const struct rig_qaic_step steps[2] = {
		{ .wait = 0, .signal = 1, .work = RIG_QAIC_ADD, .value = 5,
		  .src = AT(0), .dst = AT(1), .bytes = BYTES },
		{ .wait = 1, .signal = 2, .work = RIG_QAIC_COPY,
		  .src = AT(1), .dst = AT(2), .bytes = BYTES },
	};
	const struct qaic_attach_slice_entry in = {
		.size = BYTES, .dev_addr = AT(0),
		.db_addr = RIG_QAIC_DOORBELLS, .db_data = 1, .db_len = 32,
	};
	const struct qaic_attach_slice_entry out = {
		.size = BYTES, .dev_addr = AT(2), .sem2 = sem(QAIC_SEM_WAIT_GT_0, 2, 0, true),
	};
	struct setting s;
	uint32_t *from, *to;
	unsigned int i, n;

	if (!set_up_network(&s, steps, 2))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &in, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, &out, 1), 0, "ATTACH");
	from = (uint32_t *)s.in.map;
	to = (uint32_t *)s.out.map;
	for (n = 0; n < 3; n++) {
		raw_fill(s.in.map, BYTES, n);
		run_both(&s);
		for (i = 0; i < BYTES / 4 && to[i] == from[i] + 5; i++)
			;
		check_equal(i, BYTES / 4, "words that are right");
	}
	tear_down(&s);
}

/* A doorbell in the channel's memory is a write of its data. */
static void test_doorbell(void)
{
	const struct qaic_attach_slice_entry in[3] = {
		{ .db_addr = AT(3), .db_data = 0x11223344, .db_len = 32 },
		{ .db_addr = AT(3) + 4, .db_data = 0x5566, .db_len = 16 },
		{ .db_addr = AT(3) + 6, .db_data = 0x77, .db_len = 8 },
	};
	const struct qaic_attach_slice_entry out = { .size = 8, .dev_addr = AT(3) };
	struct setting s;
	uint64_t word;

	if (!set_up(&s))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, in, 3), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE, &out, 1), 0, "ATTACH");
	run_both(&s);
	memcpy(&word, s.out.map, sizeof(word));
	check(word == 0x0077556611223344ull, "memory is %#llx", (unsigned long long)word);
	tear_down(&s);
}

static void test_partial(void)
{
	struct setting s;
	const struct qaic_bo *bo = &s.out;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(qaic_execute_partly(s.fd, s.dbc, &s.in, 10000), 0, "PARTIAL_EXECUTE_BO");
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), 0, "WAIT_BO");
	check(!memcmp(s.in.map, s.out.map, 10000), "wrong bytes");
	check(raw_is_all(s.out.map + 10000, BYTES - 10000, 0), "bytes behind them");
	check_equal(qaic_execute_partly(s.fd, s.dbc, &s.in, 0), 0, "PARTIAL_EXECUTE_BO of nothing");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, MINUTE), 0, "WAIT_BO");
	check_equal(qaic_execute_partly(s.fd, s.dbc, &s.in, BYTES + 1), -EINVAL,
		    "PARTIAL_EXECUTE_BO of too much");
	tear_down(&s);
}

/* All channels at once, of two files; there is no seventeenth. */
static void test_channels(void)
{
	struct setting s[2] = { { .fd = -1 }, { .fd = -1 } };
	struct qaic_bo in[RIG_QAIC_CHANNELS], out[RIG_QAIC_CHANNELS];
	uint32_t dbc[RIG_QAIC_CHANNELS], none, seen = 0;
	int i, fd;

	for (i = 0; i < 2; i++) {
		s[i].fd = raw_open("qaic", 0);
		if (!check(s[i].fd >= 0, "no qaic"))
			return;
	}
	for (i = 0; i < RIG_QAIC_CHANNELS; i++) {
		const struct qaic_bo *const bos[2] = { &in[i], &out[i] };

		fd = s[i % 2].fd;
		check_equal(qaic_activate(fd, QUEUE, NULL, 0, &dbc[i]), 0, "ACTIVATE");
		seen |= 1u << dbc[i];
		check_equal(qaic_bo_create(fd, 4096, &in[i]), 0, "CREATE_BO");
		check_equal(qaic_bo_create(fd, 4096, &out[i]), 0, "CREATE_BO");
		raw_fill(in[i].map, 4096, i);
		qaic_attach_whole(fd, dbc[i], &in[i], QAIC_TO_DEVICE, AT(0));
		qaic_attach_whole(fd, dbc[i], &out[i], QAIC_FROM_DEVICE, AT(0));
		check_equal(qaic_execute(fd, dbc[i], bos, 2), 0, "EXECUTE_BO");
	}
	check_equal(seen, 0xffff, "channels given out");
	check_equal(qaic_activate(s[0].fd, QUEUE, NULL, 0, &none), -ECANCELED, "one channel more");
	for (i = 0; i < RIG_QAIC_CHANNELS; i++) {
		fd = s[i % 2].fd;
		check_equal(qaic_wait(fd, dbc[i], &out[i], MINUTE), 0, "WAIT_BO");
		check(raw_is_filled(out[i].map, 4096, i), "wrong bytes on channel %d", i);
	}
	/* One that is given back can be had again, and knows nothing of before. */
	check_equal(qaic_release(s[1].fd, dbc[3]), 0, "DEACTIVATE");
	check_equal(qaic_activate(s[0].fd, QUEUE, NULL, 0, &none), 0, "ACTIVATE");
	check_equal(none, dbc[3], "the channel that was given back");
	for (i = 0; i < RIG_QAIC_CHANNELS; i++) {
		qaic_bo_destroy(s[i % 2].fd, &in[i]);
		qaic_bo_destroy(s[i % 2].fd, &out[i]);
	}
	close(s[0].fd);
	close(s[1].fd);
	check_works();
}

/* More than the ring holds: refused, and nothing of it is done. */
static void test_full(void)
{
	struct qaic_attach_slice_entry slices[4];
	const struct qaic_bo *bo;
	struct setting s;
	uint32_t dbc, i;

	if (!set_up(&s))
		return;
	check_equal(qaic_activate(s.fd, 6, NULL, 0, &dbc), 0, "ACTIVATE");
	memset(slices, 0, sizeof(slices));
	for (i = 0; i < 4; i++)
		slices[i].sem0 = sem(QAIC_SEM_WAIT_GT_0, 1, 0, true);
	check_equal(qaic_attach(s.fd, dbc, &s.in, QAIC_TO_DEVICE, slices, 4), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, dbc, &s.out, QAIC_FROM_DEVICE, slices, 4), 0, "ATTACH");
	bo = &s.in;
	check_equal(qaic_execute(s.fd, dbc, &bo, 1), 0, "EXECUTE_BO");
	bo = &s.out;
	check_equal(qaic_execute(s.fd, dbc, &bo, 1), -EAGAIN, "EXECUTE_BO beyond the ring");
	check_equal(qaic_wait(s.fd, dbc, &s.in, 20), -ETIMEDOUT, "WAIT_BO of one that waits");
	check_equal(qaic_detach(s.fd, &s.in), -EBUSY, "DETACH_SLICE_BO of one that waits");
	tear_down(&s);
}

static void test_perf_stats(void)
{
	struct qaic_perf_stats_entry entries[2] = { { 0 } };
	struct qaic_perf_stats stats = { .hdr = { .count = 2 }, .data = (uintptr_t)entries };
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(tell_fault(&s, RIG_FAULT_SLOW, 20000), 0, "FAULT");
	run_both(&s);
	stats.hdr.dbc_id = s.dbc;
	entries[0].handle = s.in.handle;
	entries[1].handle = s.out.handle;
	check_equal(raw_ioctl(s.fd, DRM_IOCTL_QAIC_PERF_STATS_BO, &stats), 0, "PERF_STATS_BO");
	check(entries[0].device_latency_us >= 20000, "%u us on the device",
	      entries[0].device_latency_us);
	check(entries[0].num_queue_element >= 1, "no elements");
	check_equal(entries[0].queue_level_before, 0, "elements before the first");
	check_equal(entries[1].queue_level_before, entries[0].num_queue_element,
		    "elements before the second");
	tear_down(&s);
}

/* Pages of the caller, on their way with a message. */
static void test_dma_transfer(void)
{
	struct qaic_message m = { .count = 0 };
	struct rig_qaic_load load = { .tag = 4, .offset = 100, .dst = AT(0), .bytes = 20000 };
	const struct rig_qaic_command *answer;
	struct setting s;
	const struct qaic_bo *bo = &s.out;
	uint8_t *data = malloc(30000);
	struct {
		uint32_t tag, pad;
		uint64_t address, bytes;
	} xfer = { .tag = 4, .address = (uintptr_t)data, .bytes = 30000 };

	if (!data || !set_up(&s))
		return;
	raw_fill(data, 30000, 6);
	qaic_add(&m, QAIC_TRANS_DMA_XFER_FROM_USR, &xfer, sizeof(xfer));
	qaic_command(&m, &load, sizeof(load), RIG_QAIC_LOAD, s.dbc);
	check_equal(qaic_manage(s.fd, &m), 0, "MANAGE");
	answer = qaic_answer(&m, QAIC_TRANS_PASSTHROUGH_FROM_DEV);
	check(answer && !answer->status, "LOAD: %d", answer ? answer->status : -ENOMSG);
	slice_plainly(&s);
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), 0, "WAIT_BO");
	check(!memcmp(s.out.map, data + 100, 20000), "wrong bytes");
	tear_down(&s);
	free(data);
}

/* --- refuse ----------------------------------------------------------------------- */

static int manage_raw(int fd, uint32_t type, uint32_t len, uint32_t bytes, uint32_t count)
{
	static _Alignas(8) uint8_t data[QAIC_MESSAGE_BYTES + 8];
	struct qaic_manage_msg msg = { .len = bytes, .count = count, .data = (uintptr_t)data };
	struct qaic_manage_trans_hdr *hdr = (void *)data;

	memset(data, 0, sizeof(data));
	hdr->type = type;
	hdr->len = len;
	return raw_ioctl(fd, DRM_IOCTL_QAIC_MANAGE, &msg);
}

static void test_refused_messages(void)
{
	int fd = raw_open("qaic", 0);
	uint32_t dbc;

	if (!check(fd >= 0, "no qaic"))
		return;
	check_equal(manage_raw(fd, QAIC_TRANS_STATUS_FROM_USR, 8, 8, 0), -EINVAL, "no transaction");
	check_equal(manage_raw(fd, QAIC_TRANS_STATUS_FROM_USR, 8, 4, 1), -EINVAL, "half a header");
	check_equal(manage_raw(fd, QAIC_TRANS_STATUS_FROM_USR, 8, 16, 1), -EINVAL,
		    "more bytes than transactions");
	check_equal(manage_raw(fd, QAIC_TRANS_STATUS_FROM_USR, 8, 8, 2), -EINVAL,
		    "more transactions than bytes");
	check_equal(manage_raw(fd, QAIC_TRANS_STATUS_FROM_USR, 8, 4104, 1), -EINVAL, "over 4 KiB");
	check_equal(manage_raw(fd, QAIC_TRANS_PASSTHROUGH_FROM_USR, 12, 12, 1), -EINVAL,
		    "a passthrough that is no multiple of 8");
	check_equal(manage_raw(fd, QAIC_TRANS_PASSTHROUGH_FROM_DEV, 16, 16, 1), -EINVAL,
		    "an answer as a question");
	check_equal(manage_raw(fd, QAIC_TRANS_DEACTIVATE_FROM_USR, 16, 16, 1), -EPERM,
		    "DEACTIVATE of nobody's channel");
	check_equal(qaic_activate(fd, 0, NULL, 0, &dbc), -EINVAL, "a ring of nothing");
	close(fd);
	check_works();
}

static void test_refused_slices(void)
{
	struct qaic_attach_slice_entry good = { .size = BYTES, .dev_addr = AT(0) }, bad;
	struct setting s, other;

	if (!set_up(&s) || !set_up(&other))
		return;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, 3, &good, 1), -EINVAL, "both directions");
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &good, 0), -EINVAL, "no slice");
	check_equal(qaic_attach(s.fd, other.dbc, &s.in, QAIC_TO_DEVICE, &good, 1), -EINVAL,
		    "another file's channel");
	check_equal(qaic_attach(s.fd, 16, &s.in, QAIC_TO_DEVICE, &good, 1), -EINVAL,
		    "channel 16");
	bad = good;
	bad.offset = 1;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bad, 1), -EINVAL,
		    "behind the buffer's end");
	bad = good;
	bad.sem0 = sem(QAIC_SEM_INC, 32, 0, false);
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bad, 1), -EINVAL,
		    "semaphore 32");
	bad.sem0 = sem(QAIC_SEM_INIT, 0, 4096, false);
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bad, 1), -EINVAL,
		    "a value of 13 bits");
	bad.sem0 = bad.sem1 = sem(QAIC_SEM_WAIT_GT_0, 0, 0, true);
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bad, 1), -EINVAL,
		    "two presync semaphores");
	bad = good;
	bad.db_len = 32;
	bad.db_addr = 2;
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &bad, 1), -EINVAL,
		    "a misaligned doorbell");
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &good, 1), 0, "ATTACH");
	check_equal(qaic_attach(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, &good, 1), -EINVAL,
		    "sliced already");
	tear_down(&s);
	tear_down(&other);
	check_works();
}

static void test_refused_execution(void)
{
	struct setting s, other;
	const struct qaic_bo *bo = &s.in, nothing = { .handle = 999 }, *none = &nothing;
	const struct qaic_bo *const twice[2] = { &s.in, &s.in };

	if (!set_up(&s) || !set_up(&other))
		return;
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), -EINVAL, "not sliced");
	slice_plainly(&s);
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 0), -EINVAL, "nothing");
	check_equal(qaic_execute(s.fd, s.dbc, &none, 1), -ENOENT, "no such buffer");
	check_equal(qaic_execute(s.fd, other.dbc, &bo, 1), -EPERM, "another file's channel");
	check_equal(qaic_execute(s.fd, 16, &bo, 1), -EINVAL, "channel 16");
	check_equal(qaic_wait(s.fd, other.dbc, &s.in, 10), -EPERM, "WAIT_BO there");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, MINUTE), 0, "WAIT_BO of what never ran");
	check_equal(qaic_detach(s.fd, &s.in), 0, "DETACH_SLICE_BO");
	check_equal(qaic_detach(s.fd, &s.in), -EINVAL, "DETACH_SLICE_BO again");
	check_equal(qaic_attach_whole(s.fd, s.dbc, &s.in, QAIC_TO_DEVICE, AT(0)), 0, "ATTACH");
	/* The list is undone, and yet what was in front is not as it was: it never ends. */
	check_equal(qaic_execute(s.fd, s.dbc, twice, 2), -EINVAL, "one buffer twice");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, 20), -ETIMEDOUT, "WAIT_BO of what was undone");
	check_equal(qaic_detach(s.fd, &s.in), 0, "DETACH_SLICE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, 20), 0, "WAIT_BO after it");
	tear_down(&s);
	tear_down(&other);
	check_works();
}

/* --- error ------------------------------------------------------------------------- */

static void test_nack(void)
{
	struct qaic_message m = { .count = 0 };
	int fd = raw_open("qaic", 0);
	const uint32_t *answer;

	if (!check(fd >= 0, "no qaic"))
		return;
	qaic_fault(&m, RIG_QAIC_THIS, RIG_FAULT_NACK, 7);
	qaic_add_activate(&m, QUEUE);
	check_equal(qaic_manage(fd, &m), -ECANCELED, "ACTIVATE that is refused");
	answer = qaic_answer(&m, QAIC_TRANS_ACTIVATE_FROM_DEV);
	check(answer && answer[0] == 7, "status %u", answer ? answer[0] : 0);
	close(fd);
	check_works();
}

static void test_crc(void)
{
	struct qaic_message m = { .count = 0 };
	int fd = raw_open("qaic", 0);

	if (!check(fd >= 0, "no qaic"))
		return;
	qaic_fault(&m, RIG_QAIC_THIS, RIG_FAULT_CRC, 0);
	check_equal(qaic_manage(fd, &m), -EPIPE, "an answer with a wrong checksum");
	close(fd);
	check_works();
}

/* The driver does not look at the status of a transfer: it ends, and nothing was moved. */
static void test_failed_transfer(void)
{
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	run_both(&s);
	memset(s.out.map, 0xee, BYTES);
	raw_fill(s.in.map, BYTES, 4);
	check_equal(tell_fault(&s, RIG_FAULT_BUS, 0), 0, "FAULT");
	run_both(&s);
	check(raw_is_filled(s.out.map, BYTES, 1), "not the bytes of before");
	run_both(&s);
	check(raw_is_filled(s.out.map, BYTES, 4), "not the bytes of the job after");
	tear_down(&s);
}

static void test_no_memory_there(void)
{
	struct setting s;
	const struct qaic_bo *bo = &s.out;

	if (!set_up(&s))
		return;
	check_equal(qaic_attach_whole(s.fd, s.dbc, &s.out, QAIC_FROM_DEVICE,
				      AT(0) + RIG_QAIC_MEMORY_BYTES), 0, "ATTACH");
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), 0, "WAIT_BO");
	check(raw_is_all(s.out.map, BYTES, 0xee), "bytes changed");
	tear_down(&s);
	check_works();
}

static unsigned int counter(const char *name)
{
	char path[128], text[16] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), PCI "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtoul(text, NULL, 10) : ~0u;
}

static void test_ras(void)
{
	struct rig_qaic_ras ras = { .source = 2, .type = 0 };
	unsigned int ce = counter("ce_count"), ue = counter("ue_nonfatal_count");
	int fd = raw_open("qaic", 0);

	if (!check(fd >= 0, "no qaic"))
		return;
	check_equal(qaic_tell(fd, &ras, sizeof(ras), RIG_QAIC_RAS, 0), 0, "RAS");
	check_equal(qaic_tell(fd, &ras, sizeof(ras), RIG_QAIC_RAS, 0), 0, "RAS");
	ras.type = 2;
	check_equal(qaic_tell(fd, &ras, sizeof(ras), RIG_QAIC_RAS, 0), 0, "RAS");
	while (counter("ue_nonfatal_count") == ue)
		usleep(1000);
	check_equal(counter("ce_count"), ce + 2, "corrected errors");
	check_equal(counter("ue_nonfatal_count"), ue + 1, "errors that are not fatal");
	close(fd);
}

/* --- hang --------------------------------------------------------------------------- */

static void test_slow(void)
{
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(tell_fault(&s, RIG_FAULT_SLOW, 2000000), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, 1000), -ETIMEDOUT, "WAIT_BO of a slow one");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, 0), 0, "WAIT_BO for the driver's 5 s");
	check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes");
	tear_down(&s);
}

/* Nothing helps but to close the file; the others do not notice. */
static void test_hang(void)
{
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(tell_fault(&s, RIG_FAULT_HANG, 0), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, 0), -ETIMEDOUT, "WAIT_BO for the driver's 5 s");
	check(raw_is_all(s.out.map, BYTES, 0xee), "bytes changed");
	check_equal(qaic_detach(s.fd, &s.in), -EBUSY, "DETACH_SLICE_BO");
	check_works();
	tear_down(&s);
	check_works();
}

static void test_lost_response(void)
{
	struct setting s;
	const struct qaic_bo *bo = &s.out;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	bo = &s.in;
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.in, MINUTE), 0, "WAIT_BO");
	check_equal(tell_fault(&s, RIG_FAULT_LOST, 0), 0, "FAULT");
	bo = &s.out;
	check_equal(qaic_execute(s.fd, s.dbc, &bo, 1), 0, "EXECUTE_BO");
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, 0), -ETIMEDOUT, "WAIT_BO");
	check(!memcmp(s.in.map, s.out.map, BYTES), "the bytes had been moved");
	tear_down(&s);
	check_works();
}

/* No answer: the driver gives up after a minute, and the channel that it does not know of is lost
 * until the file is closed. */
static void test_mute(void)
{
	struct qaic_message m = { .count = 0 };
	int fd = raw_open("qaic", 0);
	struct timespec from, to;

	if (!check(fd >= 0, "no qaic"))
		return;
	clock_gettime(CLOCK_MONOTONIC, &from);
	qaic_fault(&m, RIG_QAIC_THIS, RIG_FAULT_MUTE, 0);
	qaic_add_activate(&m, QUEUE);
	check_equal(qaic_manage(fd, &m), -ETIMEDOUT, "ACTIVATE without an answer");
	clock_gettime(CLOCK_MONOTONIC, &to);
	check(to.tv_sec - from.tv_sec >= 59, "after %ld s", (long)(to.tv_sec - from.tv_sec));
	close(fd);
	check_works();
}

/* --- restart -------------------------------------------------------------------------- */

static int listen_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	check(!bind(fd, (struct sockaddr *)&address, sizeof(address)), "no uevents");
	return fd;
}

/*
 * Wait for a uevent of an accel node: its text must begin with what, and have this variable in
 * it unless that is NULL.
 */
static bool await_uevent(int events, const char *what, const char *variable)
{
	const struct timeval minute = { .tv_sec = 60 };
	char text[4096];
	ssize_t n;
	char *at;

	setsockopt(events, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof(minute));
	while ((n = recv(events, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = 0;
		if (strncmp(text, what, strlen(what)) || !strstr(text, "/accel/accel"))
			continue;
		for (at = text; variable && at < text + n; at += strlen(at) + 1)
			if (!strcmp(at, variable))
				return true;
		if (!variable)
			return true;
	}
	return check(false, "no uevent %s %s", what, variable ? variable : "");
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "cannot write %s",
	      path);
	close(fd);
}

/* Queue work that never ends, on a channel with the network's way back waiting for ever. */
static void wait_for_ever(struct setting *s)
{
	const struct qaic_attach_slice_entry out = {
		.size = BYTES, .dev_addr = AT(0), .sem0 = sem(QAIC_SEM_WAIT_GT_0, 3, 0, true),
	};
	const struct qaic_bo *bo = &s->out;

	check_equal(qaic_attach(s->fd, s->dbc, &s->out, QAIC_FROM_DEVICE, &out, 1), 0, "ATTACH");
	check_equal(qaic_execute(s->fd, s->dbc, &bo, 1), 0, "EXECUTE_BO");
}

/* The sub-system of one channel restarts; another one's work goes on. */
static void test_ssr(void)
{
	static const char *const states[5] = { "DBC_STATE=2", "DBC_STATE=3", "DBC_STATE=4",
					       "DBC_STATE=5", "DBC_STATE=0" };
	int events = listen_uevents(), i;
	struct setting s, other;
	int ret;

	if (!set_up(&s) || !set_up(&other))
		return;
	slice_plainly(&s);
	slice_plainly(&other);
	check_equal(tell_fault(&s, RIG_FAULT_SSR, 20000), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	/* Who comes when the channel has been taken away already is told something else. */
	ret = qaic_wait(s.fd, s.dbc, &s.out, MINUTE);
	check(ret == -EPIPE || ret == -EPERM, "WAIT_BO: %d", ret);
	check(raw_is_all(s.out.map, BYTES, 0xee), "bytes changed");
	run_both(&other);
	check(!memcmp(other.in.map, other.out.map, BYTES), "wrong bytes on the other channel");
	for (i = 0; i < 5; i++)
		check(await_uevent(events, "change@", states[i]), "step %d", i);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -EPERM, "WAIT_BO when it is over");
	check_equal(execute_both(&s), -EPERM, "EXECUTE_BO when it is over");
	/* The file can have a channel again, and must slice its buffers again. */
	check_equal(qaic_activate(s.fd, QUEUE, NULL, 0, &s.dbc), 0, "ACTIVATE");
	check_equal(execute_both(&s), -EINVAL, "EXECUTE_BO without slices");
	slice_plainly(&s);
	run_both(&s);
	check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes");
	tear_down(&s);
	tear_down(&other);
	close(events);
}

/* The firmware dies and starts again under an open file, whose channels are gone then. */
static void test_crash(void)
{
	int events = listen_uevents(), ret;
	struct setting s, other;

	if (!set_up(&s) || !set_up(&other))
		return;
	slice_plainly(&s);
	wait_for_ever(&other);
	check_equal(tell_fault(&s, RIG_FAULT_CRASH, 20000), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	ret = qaic_wait(other.fd, other.dbc, &other.out, MINUTE);
	check(ret == -EPERM || ret == -ENODEV, "WAIT_BO: %d", ret);
	await_uevent(events, "offline@", NULL);
	await_uevent(events, "online@", NULL);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -EPERM, "WAIT_BO after it");
	check_equal(qaic_activate(s.fd, QUEUE, NULL, 0, &s.dbc), 0, "ACTIVATE");
	slice_plainly(&s);
	run_both(&s);
	check(!memcmp(s.in.map, s.out.map, BYTES), "wrong bytes");
	tear_down(&s);
	tear_down(&other);
	close(events);
}

/* An error that is fatal: the driver resets the card. */
static void test_fatal_error(void)
{
	struct rig_qaic_ras ras = { .source = 0, .type = 1 };
	int events = listen_uevents(), ret;
	struct setting s;

	if (!set_up(&s))
		return;
	wait_for_ever(&s);
	/* The answer may come too late. */
	ret = qaic_tell(s.fd, &ras, sizeof(ras), RIG_QAIC_RAS, 0);
	check(!ret || ret == -EIO, "RAS: %d", ret);
	await_uevent(events, "offline@", NULL);
	await_uevent(events, "online@", NULL);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -EPERM, "WAIT_BO after it");
	tear_down(&s);
	check_works();
	close(events);
}

static void test_reset(void)
{
	int events = listen_uevents();
	struct setting s;

	if (!set_up(&s))
		return;
	wait_for_ever(&s);
	write_to(PCI "reset", "1");
	await_uevent(events, "offline@", NULL);
	await_uevent(events, "online@", NULL);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -EPERM, "WAIT_BO after it");
	tear_down(&s);
	check_works();
	close(events);
}

/* --- remove ---------------------------------------------------------------------------- */

/* The driver is taken off the device, and put back. */
static void test_unbind(void)
{
	int events = listen_uevents();

	check_works();
	write_to("/sys/bus/pci/drivers/qaic/unbind", "0000:01:00.0");
	check_equal(raw_open("qaic", 0), -ENODEV, "open without a driver");
	write_to("/sys/bus/pci/drivers/qaic/bind", "0000:01:00.0");
	await_uevent(events, "online@", NULL);
	check_works();
	close(events);
}

/* The device is taken off the bus, and found again. */
static void test_rescan(void)
{
	int events = listen_uevents();

	check_works();
	write_to(PCI "remove", "1");
	check_equal(raw_open("qaic", 0), -ENODEV, "open without a device");
	write_to("/sys/bus/pci/rescan", "1");
	await_uevent(events, "online@", NULL);
	check_works();
	close(events);
}

/* The driver is taken out of the kernel: it resets each channel, and the card answers. */
static void test_reload(void)
{
	int events = listen_uevents(), module = open("/run/fixed/qaic.ko", O_RDONLY | O_CLOEXEC);
	static char log[1 << 18];
	int bytes;

	/* Where the rig has it: see driver() there. */
	if (module < 0)
		module = open("/run/modules/qaic.ko", O_RDONLY | O_CLOEXEC);
	check_works();
	check_equal(syscall(SYS_delete_module, "qaic", 0), 0, "delete_module");
	check_equal(raw_open("qaic", 0), -ENODEV, "open without a driver");
	check_equal(syscall(SYS_finit_module, module, "", 0), 0, "finit_module");
	await_uevent(events, "online@", NULL);
	check_works();
	bytes = klogctl(3, log, sizeof(log) - 1);
	log[bytes > 0 ? bytes : 0] = 0;
	check(!strstr(log, "Failed to "), "the kernel's log has a failure");
	close(module);
	close(events);
}

/* --- pull ------------------------------------------------------------------------------- */

/*
 * The card is pulled under an open file. As the last that a kernel does: the driver has freed what
 * it uses when the file is closed, unless it is a fixed one.
 */
static void test_pull(void)
{
	int events = listen_uevents();
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(tell_fault(&s, RIG_FAULT_LINK, 0), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	await_uevent(events, "remove@", NULL);
	while (!access(PCI, F_OK))
		usleep(1000);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -ENODEV, "WAIT_BO after it");
	check_equal(execute_both(&s), -ENODEV, "EXECUTE_BO after it");
	check_equal(qaic_activate(s.fd, QUEUE, NULL, 0, &s.dbc), -ENODEV, "ACTIVATE after it");
	check_equal(raw_open("qaic", 0), -ENODEV, "open after it");
	tear_down(&s);
	close(events);
}

/*
 * The card comes back while the file is still open, which stays dead. For a fixed driver only: else
 * the file's end takes apart what is the new device's.
 */
static void test_replug(void)
{
	int events = listen_uevents();
	struct setting s;

	if (!set_up(&s))
		return;
	slice_plainly(&s);
	check_equal(tell_fault(&s, RIG_FAULT_LINK, 20000), 0, "FAULT");
	check_equal(execute_both(&s), 0, "EXECUTE_BO");
	await_uevent(events, "remove@", NULL);
	await_uevent(events, "online@", NULL);
	check_equal(qaic_wait(s.fd, s.dbc, &s.out, MINUTE), -ENODEV, "WAIT_BO after it");
	check_works();
	tear_down(&s);
	check_works();
	write_to(PCI "remove", "1");
	write_to("/sys/bus/pci/rescan", "1");
	await_uevent(events, "online@", NULL);
	check_works();
	close(events);
}

int main(int argc, char **argv)
{
	static const struct raw_test tests[] = {
		{ "copy", "status", test_status },
		{ "copy", "passthrough", test_passthrough },
		{ "copy", "through", test_through },
		{ "copy", "slices", test_slices },
		{ "copy", "large", test_large },
		{ "copy", "semaphores", test_semaphores },
		{ "copy", "order", test_order },
		{ "copy", "many", test_many },
		{ "copy", "fresh", test_fresh },
		{ "copy", "network", test_network },
		{ "copy", "doorbell", test_doorbell },
		{ "copy", "partial", test_partial },
		{ "copy", "channels", test_channels },
		{ "copy", "full", test_full },
		{ "copy", "perf-stats", test_perf_stats },
		{ "copy", "dma-transfer", test_dma_transfer },
		{ "refuse", "messages", test_refused_messages },
		{ "refuse", "slices", test_refused_slices },
		{ "refuse", "execution", test_refused_execution },
		{ "error", "nack", test_nack },
		{ "error", "crc", test_crc },
		{ "error", "failed-transfer", test_failed_transfer },
		{ "error", "no-memory-there", test_no_memory_there },
		{ "error", "ras", test_ras },
		{ "hang", "slow", test_slow },
		{ "hang", "hang", test_hang },
		{ "hang", "lost-response", test_lost_response },
		{ "hang", "mute", test_mute },
		{ "restart", "ssr", test_ssr },
		{ "restart", "crash", test_crash },
		{ "restart", "fatal-error", test_fatal_error },
		{ "restart", "reset", test_reset },
		{ "remove", "unbind", test_unbind },
		{ "remove", "rescan", test_rescan },
		{ "remove", "reload", test_reload },
		{ "replug", "replug", test_replug },
		{ "pull", "pull", test_pull },
	};

	return raw_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
