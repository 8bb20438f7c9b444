/* SPDX-License-Identifier: MIT */
/*
 * What libaccel promises on top of the driver qaic, on the driver itself and the rig's card:
 *
 *	accel-qaic TEST DEVICE
 */
#include <accel/qaic.h>
#include <accel/soft.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../models/qaic.h"
#include "jobs.h"
#include "sys.h"

#define AT(n)  (RIG_QAIC_MEMORY + (n)*0x10000ull)
#define DATA   (ACCEL_BO_CPU_READ | ACCEL_BO_CPU_WRITE | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE)
#define PCI    "/sys/bus/pci/"
#define ID     "pci:0000:01:00.0"
#define MINUTE 60000
#define IN     0
#define OUT    1

/* ---- a card, a channel, and a buffer each way ------------------------------------------------- */

struct card {
	struct accel_context *context;
	struct accel_queue *queue;
	struct accel_bo *in, *out;
	uint32_t *from, *to;
};

static const struct rig_qaic_command release_command = {.op = RIG_QAIC_RELEASE};
static const struct accel_qaic_part release_part = {
	.kind = ACCEL_QAIC_PASSTHROUGH,
	.bytes = sizeof(release_command),
	.data = &release_command,
};

static struct accel_qaic_queue queue_ext(const struct accel_qaic_part *network, uint32_t count)
{
	return (struct accel_qaic_queue){
		.head = {sizeof(struct accel_qaic_queue), ACCEL_QAIC_QUEUE},
		.network = network,
		.network_count = count,
		.release = &release_part,
		.release_count = 1,
		.release_channel = offsetof(struct rig_qaic_command, dbc),
	};
}

static int try_queue(struct accel_context *context, const struct accel_qaic_queue *ext,
		     int64_t deadline, struct accel_queue **queue)
{
	const struct accel_queue_params params = {.size = sizeof(params), .ext = &ext->head};

	return accel_queue_create(context, &params, deadline, queue);
}

static struct accel_queue *make_queue(struct accel_context *context)
{
	const struct accel_qaic_queue ext = queue_ext(NULL, 0);
	struct accel_queue *queue;

	gives(try_queue(context, &ext, soon(MINUTE), &queue), 0);
	return queue;
}

static struct accel_bo *make_bo(struct accel_context *context, uint32_t flags, uint64_t bytes,
				void *map)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = flags, .bytes = bytes};
	struct accel_bo *bo;

	gives(accel_bo_create(context, &params, &bo), 0);
	if (map)
		gives(accel_bo_map(bo, map), 0);
	return bo;
}

static struct accel_context *open_card(const char *name, uint32_t flags)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = flags};
	const int64_t until = soon(MINUTE);
	struct accel_context *context;
	struct accel_device *device;
	int ret;

	/* A card that was off the bus is another device when it is back. */
	for (ret = -ENODEV; ret; usleep(10000)) {
		ret = accel_device_find(name, &device);
		if (!ret) {
			ret = accel_open(device, &params, until, &context);
			accel_device_unref(device);
		}
		if (!ret)
			break;
		if ((ret != -ENODEV && ret != -ENXIO && ret != -ENOENT) || now_ns() > until)
			differs(__FILE__, __LINE__, "opening the card", ret, 0);
	}
	return context;
}

static void card_open_flags(struct card *card, const char *name, uint32_t flags)
{
	card->context = open_card(name, flags);
	card->queue = make_queue(card->context);
	card->in = make_bo(card->context, DATA, PAGE, &card->from);
	card->out = make_bo(card->context, DATA, PAGE, &card->to);
}

static void card_open(struct card *card, const char *name)
{
	card_open_flags(card, name, 0);
}

static void card_close(struct card *card)
{
	accel_bo_unref(card->in);
	accel_bo_unref(card->out);
	accel_queue_unref(card->queue);
	accel_context_unref(card->context);
}

/* ---- jobs ----------------------------------------------------------------------------------------- */

/* A copy of all of @in to @out; what a test wants else it changes. */
struct copy {
	struct accel_qaic_job ext;
	struct accel_qaic_transfer transfers[2];
	struct accel_qaic_slice slices[2];
	struct accel_bo_ref bos[2];
};

static void copy_init(struct copy *copy, struct accel_bo *in, struct accel_bo *out)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	int i;

	*copy = (struct copy){
		.ext = {.head = {sizeof(copy->ext), ACCEL_QAIC_JOB}, .out = 0},
		.bos = {{.bo = in, .access = ACCEL_ACCESS_READ},
			{.bo = out, .access = ACCEL_ACCESS_WRITE}},
	};
	gives(accel_bo_get_info(in, &info), 0);
	copy->ext.transfers = copy->transfers;
	for (i = 0; i < 2; i++) {
		copy->slices[i] =
			(struct accel_qaic_slice){.bytes = info.bytes, .device_address = AT(0)};
		copy->transfers[i] =
			(struct accel_qaic_transfer){.slices = &copy->slices[i], .count = 1};
	}
}

static int try_job(struct accel_queue *queue, struct copy *copy, struct accel_job **job)
{
	const struct accel_job_params params = {
		.size = sizeof(params),
		.bos = copy->bos,
		.bo_count = 2,
		.ext = &copy->ext.head,
	};

	return accel_job_create(queue, &params, job);
}

static struct accel_job *make_job(struct accel_queue *queue, struct copy *copy)
{
	struct accel_job *job;

	gives(try_job(queue, copy, &job), 0);
	return job;
}

static struct accel_job *copy_job(struct card *card)
{
	struct copy copy;

	copy_init(&copy, card->in, card->out);
	return make_job(card->queue, &copy);
}

/* The same, and the word that its first 8 bytes are tells how it ended. */
static struct accel_job *checked_job(struct card *card)
{
	struct copy copy;

	copy_init(&copy, card->in, card->out);
	copy.ext.flags = ACCEL_QAIC_CHECK;
	copy.ext.in = IN;
	copy.ext.out = OUT;
	return make_job(card->queue, &copy);
}

static struct accel_fence *submit(struct accel_queue *queue, struct accel_job *job)
{
	struct accel_fence *fence;

	gives(accel_submit(queue, &job, 1, NULL, &fence), 1);
	return fence;
}

static uint32_t outcome_of(struct accel_job *job)
{
	struct accel_job_result result = {.size = sizeof(result)};

	gives(accel_job_get_result(job, &result), 0);
	return result.outcome;
}

static int run(struct accel_queue *queue, struct accel_job *job)
{
	struct accel_fence *fence = submit(queue, job);
	const int ret = accel_fence_wait(fence, soon(10 * MINUTE));

	accel_fence_unref(fence);
	return ret;
}

static void card_works(struct card *card, uint32_t value)
{
	struct accel_job *job = copy_job(card);
	unsigned int i;

	for (i = 0; i < PAGE / 4; i++)
		card->from[i] = value + i;
	gives(run(card->queue, job), 0);
	for (i = 0; i < PAGE / 4; i++)
		gives(card->to[i], value + i);
	accel_job_unref(job);
}

static void works_anew(const char *name)
{
	struct card card;

	card_open(&card, name);
	card_works(&card, 0x1234);
	card_close(&card);
}

/* ---- faults ------------------------------------------------------------------------------------------ */

static struct accel_qaic_queue_info info_of(struct accel_queue *queue)
{
	struct accel_qaic_queue_info info = {.size = sizeof(info)};

	gives(accel_qaic_queue_get_info(queue, &info), 0);
	return info;
}

static struct accel_qaic_part part_of(const void *data, uint64_t bytes)
{
	return (struct accel_qaic_part){
		.kind = ACCEL_QAIC_PASSTHROUGH, .bytes = bytes, .data = data};
}

/* The next job of the queue has this fault. */
static void tell(struct card *card, uint32_t kind, uint32_t value)
{
	const struct rig_qaic_fault fault = {
		.command = {.op = RIG_QAIC_FAULT, .dbc = info_of(card->queue).channel},
		.kind = kind,
		.value = value,
	};
	const struct accel_qaic_part part = part_of(&fault, sizeof(fault));
	struct {
		struct accel_qaic_answer head;
		struct rig_qaic_fault fault;
	} answer;
	uint32_t bytes = sizeof(answer);

	gives(accel_qaic_talk(card->context, &part, 1, &answer, &bytes, soon(MINUTE)), 0);
	gives(bytes, sizeof(answer));
	gives(answer.fault.command.status, 0);
}

/* A message with this fault: part of a network. */
static struct rig_qaic_fault message_fault(uint32_t kind, uint32_t value)
{
	return (struct rig_qaic_fault){
		.command = {.op = RIG_QAIC_FAULT, .dbc = RIG_QAIC_THIS},
		.kind = kind,
		.value = value,
	};
}

static int queue_with_fault(struct accel_context *context, uint32_t kind, uint32_t value,
			    int64_t deadline, struct accel_queue **queue)
{
	const struct rig_qaic_fault fault = message_fault(kind, value);
	const struct accel_qaic_part part = part_of(&fault, sizeof(fault));
	const struct accel_qaic_queue ext = queue_ext(&part, 1);

	return try_queue(context, &ext, deadline, queue);
}

/* ---- calls: the kernel calls of a submission, a wait and a look ------------------------------- */

static struct accel_sys real;
static unsigned int ioctls, others;

static int count_ioctl(int fd, unsigned long request, void *arg)
{
	const int ret = real.ioctl(fd, request, arg);

	/* On a busy machine a job may take longer than a slice of the wait. */
	if (ret != -ETIMEDOUT)
		ioctls++;
	return ret;
}

static int count_poll(struct pollfd *fds, unsigned int count, int64_t timeout_ns)
{
	others++;
	return real.poll(fds, count, timeout_ns);
}

static void *count_alloc(size_t bytes)
{
	others++;
	return real.alloc(bytes);
}

static int count_thread(pthread_t *out, void *(*fn)(void *), void *arg)
{
	others++;
	return real.thread_create(out, fn, arg);
}

static void expect_calls(unsigned int want)
{
	gives(ioctls, want);
	gives(others, 0);
	ioctls = others = 0;
}

static void test_calls(const char *name)
{
	struct accel_fence *fence;
	struct accel_job *job;
	struct card card;
	int i;

	real = accel_core_sys;
	accel_core_sys.ioctl = count_ioctl;
	accel_core_sys.poll = count_poll;
	accel_core_sys.alloc = count_alloc;
	accel_core_sys.thread_create = count_thread;
	card_open(&card, name);
	job = copy_job(&card);
	for (i = 0; i < 3; i++) {
		tell(&card, RIG_FAULT_SLOW, 20000);
		ioctls = others = 0;
		fence = submit(card.queue, job);
		expect_calls(1); /* EXECUTE_BO */
		gives(accel_fence_status(fence), -EINPROGRESS);
		expect_calls(1); /* PERF_STATS_BO */
		gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
		expect_calls(2); /* WAIT_BO of each buffer */
		gives(accel_fence_status(fence), 0);
		gives(outcome_of(job), ACCEL_DONE_UNVERIFIED);
		accel_fence_unref(fence);
		expect_calls(0);
	}
	accel_job_unref(job);
	card_close(&card);
}

/* ---- vendor: what only this driver has ------------------------------------------------------------ */

static void test_talk(struct card *card)
{
	const struct rig_qaic_command echo[2] = {{.op = RIG_QAIC_ECHO, .pad = 5},
						 {.op = RIG_QAIC_ECHO, .pad = 6}};
	const struct accel_qaic_part parts[2] = {part_of(&echo[0], sizeof(echo[0])),
						 part_of(&echo[1], sizeof(echo[1]))};
	struct {
		struct accel_qaic_answer head;
		struct rig_qaic_command command;
	} answer[2];
	static uint8_t large[ACCEL_QAIC_MESSAGE_MAX];
	struct accel_error error = {.size = sizeof(error)};
	struct accel_qaic_part bad = parts[0];
	uint32_t bytes = sizeof(answer);

	gives(accel_qaic_talk(card->context, parts, 2, answer, &bytes, soon(MINUTE)), 0);
	gives(bytes, sizeof(answer));
	gives(answer[0].head.bytes, sizeof(echo[0]));
	gives(answer[1].command.pad, 6);
	bytes = sizeof(answer[0]);
	gives(accel_qaic_talk(card->context, parts, 2, answer, &bytes, soon(MINUTE)), -ENOSPC);
	gives(accel_qaic_talk(card->context, parts, 2, answer, &bytes, 0), -ETIME);

	/* The largest that there is, and one more. */
	bad = part_of(large, sizeof(large) - 8);
	bytes = 0;
	large[0] = RIG_QAIC_ECHO;
	gives(accel_qaic_talk(card->context, &bad, 1, NULL, &bytes, soon(MINUTE)), 0);
	bad = part_of(large, sizeof(large));
	gives(accel_qaic_talk(card->context, &bad, 1, NULL, &bytes, soon(MINUTE)), -E2BIG);
	bad = part_of(large, 12);
	gives(accel_qaic_talk(card->context, &bad, 1, NULL, &bytes, soon(MINUTE)), -EINVAL);
	gives(accel_last_error(&error), 0);
	gives(error.index, 0);
}

static void test_info(struct card *card)
{
	struct accel_qaic_info info = {.size = sizeof(info)};
	struct accel_qaic_queue_info queue;
	uint64_t parallel;

	gives(accel_qaic_get_info(card->context, soon(MINUTE), &info), 0);
	gives(info.major, 5);
	gives(info.minor, 0);
	gives(info.channels, RIG_QAIC_CHANNELS);
	gives(accel_query(card->context, ACCEL_QUEUES_PARALLEL, &parallel), 0);
	gives(parallel, RIG_QAIC_CHANNELS);
	queue = info_of(card->queue);
	gives(queue.state, ACCEL_QAIC_ASSIGNED);
	gives(queue.lost, 0);
	gives(queue.used, 0);
	gives(queue.elements, 1024);
}

static void test_latency(struct card *card)
{
	struct accel_qaic_latency latency = {.size = sizeof(latency)};
	struct accel_job *job = copy_job(card), *other;

	gives(accel_qaic_job_get_latency(job, IN, &latency), -ENODATA);
	tell(card, RIG_FAULT_SLOW, 5000);
	gives(run(card->queue, job), 0);
	gives(accel_qaic_job_get_latency(job, IN, &latency), 0);
	check(latency.device_us >= 5000);
	gives(latency.elements, 1);
	gives(accel_qaic_job_get_latency(job, 2, &latency), -EINVAL);
	other = copy_job(card);
	gives(run(card->queue, other), 0);
	gives(accel_qaic_job_get_latency(job, IN, &latency), -ENODATA);
	accel_job_unref(other);
	accel_job_unref(job);
}

static void test_limit(struct card *card)
{
	struct accel_job *job = copy_job(card);
	unsigned int i;

	for (i = 0; i < PAGE / 4; i++)
		card->from[i] = 0xabcd0000 + i;
	memset(card->to, 0xee, PAGE);
	gives(accel_qaic_job_set_limit(job, OUT, 100), 0);
	gives(run(card->queue, job), 0);
	for (i = 0; i < PAGE / 4; i++)
		gives(card->to[i], i < 25 ? 0xabcd0000 + i : 0xeeeeeeee);
	gives(accel_qaic_job_set_limit(job, OUT, ACCEL_QAIC_NOTHING), 0);
	memset(card->to, 0xdd, PAGE);
	gives(run(card->queue, job), 0);
	gives(card->to[0], 0xdddddddd);
	gives(accel_qaic_job_set_limit(job, OUT, 0), 0);
	gives(run(card->queue, job), 0);
	gives(card->to[PAGE / 4 - 1], 0xabcd0000 + PAGE / 4 - 1);
	gives(accel_qaic_job_set_limit(job, OUT, PAGE + 1), -ERANGE);
	accel_job_unref(job);
}

/* Memory in pieces: more elements than slices. The kernel would never tell that such a one ended
 * which is left without a byte. */
static void test_pieces(struct card *card)
{
	const uint64_t bytes = 8 << 20, from_byte = 3 << 20, moved = 2 << 20;
	struct accel_qaic_latency latency = {.size = sizeof(latency)};
	uint32_t *from, *to;
	struct accel_bo *in = make_bo(card->context, DATA, bytes, &from);
	struct accel_bo *out = make_bo(card->context, DATA, bytes, &to);
	struct accel_job *job;
	struct copy copy;
	unsigned int i;

	/* The kernel has no larger pieces than 4 MiB. */
	copy_init(&copy, in, out);
	for (i = 0; i < 2; i++) {
		copy.slices[i].offset = from_byte;
		copy.slices[i].bytes = moved;
	}
	job = make_job(card->queue, &copy);
	for (i = 0; i < bytes / 4; i++)
		from[i] = i * 3;
	gives(run(card->queue, job), 0);
	for (i = from_byte / 4; i < (from_byte + moved) / 4; i++)
		gives(to[i], i * 3);
	gives(accel_qaic_job_get_latency(job, IN, &latency), 0);
	check(latency.elements > 1);
	gives(accel_qaic_job_set_limit(job, IN, ACCEL_QAIC_NOTHING), -EOPNOTSUPP);
	gives(accel_qaic_job_set_limit(job, IN, from_byte), -EOPNOTSUPP);
	gives(accel_qaic_job_set_limit(job, IN, from_byte + 100), 0);
	gives(run(card->queue, job), 0);
	accel_job_unref(job);
	accel_bo_unref(in);
	accel_bo_unref(out);
}

/* A network: the way there rings a doorbell, a step adds, the way back waits for it. */
static void test_network(const char *name)
{
	const struct rig_qaic_step step = {
		.command = {.op = RIG_QAIC_STEP, .dbc = RIG_QAIC_THIS},
		.wait = 0,
		.signal = 1,
		.work = RIG_QAIC_ADD,
		.value = 7,
		.src = AT(0),
		.dst = AT(1),
		.bytes = PAGE,
	};
	const struct accel_qaic_part part = part_of(&step, sizeof(step));
	const struct accel_qaic_queue ext = queue_ext(&part, 1);
	struct accel_queue *queue;
	struct accel_job *job;
	struct copy copy;
	struct card card;
	unsigned int i, n;

	card_open(&card, name);
	gives(try_queue(card.context, &ext, soon(MINUTE), &queue), 0);
	copy_init(&copy, card.in, card.out);
	copy.slices[IN].doorbell_address = RIG_QAIC_DOORBELLS;
	copy.slices[IN].doorbell_data = 1;
	copy.slices[IN].doorbell_bits = 32;
	copy.slices[OUT].device_address = AT(1);
	copy.slices[OUT].semaphore[2] = (struct accel_qaic_semaphore){
		.index = 1, .presync = 1, .command = ACCEL_QAIC_WAIT_GT_0};
	job = make_job(queue, &copy);
	for (n = 0; n < 3; n++) {
		for (i = 0; i < PAGE / 4; i++)
			card.from[i] = i * (n + 1);
		gives(run(queue, job), 0);
		for (i = 0; i < PAGE / 4; i++)
			gives(card.to[i], i * (n + 1) + 7);
	}
	/* Cancelled, the channel is given back, and its network set up anew. */
	gives(accel_queue_cancel(queue, ACCEL_NO_DEADLINE), 0);
	gives(run(queue, job), 0);
	accel_job_unref(job);
	accel_queue_unref(queue);
	card_close(&card);
}

/* One job passes another that waits for a semaphore: it has not ended before that one. */
static void test_order(struct card *card)
{
	struct accel_bo *third = make_bo(card->context, DATA, PAGE, NULL);
	struct accel_bo *fourth = make_bo(card->context, DATA, PAGE, NULL);
	struct accel_job *waits, *passes, *raises;
	struct accel_fence *first, *second;
	struct accel_bo *more[2];
	struct copy copy;
	int i;

	copy_init(&copy, card->in, card->out);
	for (i = 0; i < 2; i++)
		copy.slices[i].semaphore[0] = (struct accel_qaic_semaphore){
			.index = 9, .presync = 1, .command = ACCEL_QAIC_WAIT_GT_0};
	waits = make_job(card->queue, &copy);
	copy_init(&copy, third, fourth);
	copy.slices[0].device_address = copy.slices[1].device_address = AT(3);
	passes = make_job(card->queue, &copy);
	for (i = 0; i < 2; i++)
		more[i] = make_bo(card->context, DATA, PAGE, NULL);
	copy_init(&copy, more[0], more[1]);
	for (i = 0; i < 2; i++) {
		copy.slices[i].device_address = AT(4);
		copy.slices[i].semaphore[0] =
			(struct accel_qaic_semaphore){.index = 9, .command = ACCEL_QAIC_INC};
	}
	raises = make_job(card->queue, &copy);

	first = submit(card->queue, waits);
	second = submit(card->queue, passes);
	gives(accel_fence_wait(second, soon(300)), -ETIME);
	gives(accel_fence_status(first), -EINPROGRESS);
	gives(run(card->queue, raises), 0);
	gives(accel_fence_status(first), 0);
	gives(accel_fence_status(second), 0);
	accel_fence_unref(first);
	accel_fence_unref(second);
	accel_job_unref(waits);
	accel_job_unref(passes);
	accel_job_unref(raises);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	accel_bo_unref(third);
	accel_bo_unref(fourth);
}

/* A buffer goes with one job at a time, and another way with another job. */
static void test_once(struct card *card)
{
	struct accel_job *there = copy_job(card), *back;
	struct accel_fence *fence;
	struct copy copy;

	copy_init(&copy, card->out, card->in);
	back = make_job(card->queue, &copy);
	tell(card, RIG_FAULT_SLOW, 100000);
	fence = submit(card->queue, there);
	gives(accel_submit(card->queue, &back, 1, NULL, NULL), -EBUSY);
	gives(accel_fence_wait(fence, ACCEL_NO_DEADLINE), 0);
	accel_fence_unref(fence);
	card->to[5] = 0x5555;
	gives(run(card->queue, back), 0);
	gives(card->from[5], 0x5555);
	accel_job_unref(there);
	accel_job_unref(back);
}

/* A ring that is full says so before the kernel is asked. */
static void test_ring(struct card *card)
{
	struct accel_qaic_queue ext = queue_ext(NULL, 0);
	struct accel_job *jobs[3];
	struct accel_bo *bos[6];
	struct accel_fence *fence, *room;
	struct accel_queue *queue;
	struct copy copy;
	int i;

	ext.elements = 5; /* 4 of use: two jobs of two */
	gives(try_queue(card->context, &ext, soon(MINUTE), &queue), 0);
	for (i = 0; i < 6; i++)
		bos[i] = make_bo(card->context, DATA, PAGE, NULL);
	for (i = 0; i < 3; i++) {
		copy_init(&copy, bos[2 * i], bos[2 * i + 1]);
		copy.slices[0].semaphore[0] = (struct accel_qaic_semaphore){
			.index = 3, .presync = 1, .command = ACCEL_QAIC_WAIT_GT_0};
		jobs[i] = make_job(queue, &copy);
	}
	gives(accel_submit(queue, jobs, 3, NULL, &fence), 2);
	gives(accel_submit(queue, &jobs[2], 1, NULL, NULL), -EAGAIN);
	gives(accel_queue_get_room(queue, &room), 0);
	gives(accel_fence_status(room), -EINPROGRESS);
	gives(info_of(queue).used, 4);
	gives(accel_queue_cancel(queue, ACCEL_NO_DEADLINE), 0);
	gives(accel_fence_wait(fence, 0), -ECANCELED);
	check(accel_fence_wait(room, 0) != -ETIME);
	gives(info_of(queue).used, 0);
	accel_fence_unref(room);
	accel_fence_unref(fence);
	for (i = 0; i < 3; i++)
		accel_job_unref(jobs[i]);
	for (i = 0; i < 6; i++)
		accel_bo_unref(bos[i]);
	ext.elements = 2; /* one of use */
	accel_queue_unref(queue);
	gives(try_queue(card->context, &ext, soon(MINUTE), &queue), 0);
	copy_init(&copy, card->in, card->out);
	gives(try_job(queue, &copy, &jobs[0]), -E2BIG);
	accel_queue_unref(queue);
}

/* All 16, and one more; without a way to give them back they stay, and serve again. */
static void test_channels(const char *name)
{
	struct accel_context *context = open_card(name, 0);
	const struct accel_qaic_queue ext = {.head = {sizeof(ext), ACCEL_QAIC_QUEUE}};
	struct accel_queue *queues[RIG_QAIC_CHANNELS], *one_more;
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < RIG_QAIC_CHANNELS; i++)
			gives(try_queue(context, &ext, soon(MINUTE), &queues[i]), 0);
		gives(try_queue(context, &ext, soon(MINUTE), &one_more), -ENOSPC);
		for (i = 0; i < RIG_QAIC_CHANNELS; i++)
			accel_queue_unref(queues[i]);
	}
	accel_context_unref(context);
	works_anew(name);
}

static void test_vendor(const char *name)
{
	const unsigned int fds = count_fds();
	struct card card;

	card_open(&card, name);
	test_talk(&card);
	test_info(&card);
	test_latency(&card);
	test_limit(&card);
	test_pieces(&card);
	test_order(&card);
	test_once(&card);
	test_ring(&card);
	card_works(&card, 1);
	card_close(&card);
	test_network(name);
	test_channels(name);
	gives(count_fds(), fds);
}

/* ---- failures: never taken for done; time does not count here --------------------------------- */

static void test_transfers(const char *name)
{
	struct accel_job *plain, *checked;
	struct card card;
	int i;

	card_open(&card, name);
	plain = copy_job(&card);
	checked = checked_job(&card);
	for (i = 0; i < 5; i++) {
		gives(run(card.queue, checked), 0);
		gives(outcome_of(checked), ACCEL_DONE);
		tell(&card, RIG_FAULT_BUS, 0);
		gives(run(card.queue, plain), 0);
		gives(outcome_of(plain), ACCEL_DONE_UNVERIFIED); /* nobody could tell */
		tell(&card, RIG_FAULT_BUS, 0);
		gives(run(card.queue, checked), -EIO);
		gives(outcome_of(checked), ACCEL_FAILED);
	}
	accel_job_unref(plain);
	accel_job_unref(checked);
	card_works(&card, 77);
	card_close(&card);
}

/* One that never ends, or ends and never says so. */
static void test_stuck(const char *name, uint32_t kind)
{
	struct accel_fence *fence, *behind;
	struct accel_job *job, *other;
	struct accel_bo *more[2];
	struct copy copy;
	struct card card;
	int64_t deadline;
	int i;

	card_open(&card, name);
	job = copy_job(&card);
	for (i = 0; i < 2; i++)
		more[i] = make_bo(card.context, DATA, PAGE, NULL);
	copy_init(&copy, more[0], more[1]);
	other = make_job(card.queue, &copy);
	tell(&card, kind, 0);
	fence = submit(card.queue, job);
	behind = submit(card.queue, other);
	deadline = soon(3 * MINUTE);
	gives(accel_fence_wait(fence, deadline), -ETIME);
	check(now_ns() >= deadline && now_ns() < deadline + 1000000000);
	gives(accel_queue_cancel(card.queue, soon(MINUTE)), 0);
	gives(accel_fence_wait(fence, 0), -ECANCELED);
	gives(accel_fence_wait(behind, 0), -ECANCELED);
	gives(outcome_of(job), ACCEL_CANCELED);
	gives(run(card.queue, job), 0);
	accel_fence_unref(fence);
	accel_fence_unref(behind);
	accel_job_unref(job);
	accel_job_unref(other);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	card_works(&card, 99);
	card_close(&card);
}

static void test_messages(const char *name)
{
	struct accel_queue *queue = NULL;
	struct accel_context *context = open_card(name, 0);
	struct accel_error error = {.size = sizeof(error)};
	int64_t from = now_ns();

	gives(queue_with_fault(context, RIG_FAULT_NACK, 9, ACCEL_NO_DEADLINE, &queue), -ENOSPC);
	gives(accel_last_error(&error), 0);
	check(strstr(error.text, "status 9") != NULL);
	gives(queue_with_fault(context, RIG_FAULT_CRC, 0, ACCEL_NO_DEADLINE, &queue), -EIO);
	/* The kernel gives up after a minute, and we do when the caller says. */
	gives(queue_with_fault(context, RIG_FAULT_MUTE, 0, ACCEL_NO_DEADLINE, &queue), -EIO);
	check(now_ns() - from >= INT64_C(59000000000));
	from = now_ns();
	gives(queue_with_fault(context, RIG_FAULT_MUTE, 0, soon(500), &queue), -ETIME);
	check(now_ns() - from >= 500000000 && now_ns() - from < INT64_C(5000000000));
	gives(queue_with_fault(context, RIG_FAULT_MUTE, 0, 0, &queue), -ETIME);
	check(!queue);
	accel_context_unref(context);
	works_anew(name);
}

static void test_failures(const char *name)
{
	test_transfers(name);
	test_stuck(name, RIG_FAULT_HANG);
	test_stuck(name, RIG_FAULT_LOST);
	test_messages(name);
}

/* ---- restart: of a channel's sub-system, of the card ------------------------------------------- */

static bool is_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1;
}

/* Some events are others'. */
static void await_state(struct accel_context *context, int fd, int state)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	while (accel_context_state(context) != state)
		gives(poll(&pollfd, 1, MINUTE), 1);
	check(!is_readable(fd));
}

static void await_lost(struct card *card, int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	while (!info_of(card->queue).lost) {
		gives(poll(&pollfd, 1, MINUTE), 1);
		accel_context_state(card->context);
	}
}

static void test_channel_restart(const char *name, bool waits)
{
	struct accel_fence *fence;
	struct accel_queue *fresh;
	struct accel_job *job;
	struct card card, second;
	int fd, i;

	card_open(&card, name);
	card_open(&second, name);
	gives(accel_context_fd(card.context, &fd), 0);
	job = copy_job(&card);
	for (i = 0; i < 3; i++) {
		tell(&card, RIG_FAULT_SSR, 1000);
		fence = submit(card.queue, job);
		if (waits)
			gives(accel_fence_wait(fence, soon(MINUTE)), -ESTALE);
		else
			await_lost(&card, fd);
		gives(accel_fence_wait(fence, soon(MINUTE)), -ESTALE);
		accel_fence_unref(fence);
		gives(outcome_of(job), ACCEL_LOST);
		gives(accel_submit(card.queue, &job, 1, NULL, NULL), -ESTALE);
		gives(accel_context_state(card.context), ACCEL_OK);
		gives(info_of(card.queue).lost, 1);
		accel_job_unref(job);
		/* Another queue, perhaps the same channel; the old one's end doesn't touch it. */
		usleep(100000);
		fresh = make_queue(card.context);
		accel_queue_unref(card.queue);
		card.queue = fresh;
		card_works(&card, (uint32_t)i);
		card_works(&second, (uint32_t)i);
		gives(info_of(fresh).lost, 0);
		job = copy_job(&card);
	}
	accel_job_unref(job);
	card_close(&second);
	card_close(&card);
}

static bool is_lost(int ret)
{
	return ret == -ESTALE || ret == -ENODEV;
}

/* The card's firmware dies with a job of ours, or the card leaves the bus for a while. */
static void test_card_restart(const char *name, uint32_t kind)
{
	const bool leaves = kind == RIG_FAULT_LINK;
	struct accel_fence *fence, *other;
	struct accel_job *job, *theirs;
	struct card card, second;
	int fd;

	card_open(&card, name);
	card_open(&second, name);
	gives(accel_context_fd(second.context, &fd), 0);
	job = copy_job(&card);
	theirs = copy_job(&second);
	tell(&second, RIG_FAULT_HANG, 0);
	other = submit(second.queue, theirs);
	tell(&card, kind, 20000);
	fence = submit(card.queue, job);
	check(is_lost(accel_fence_wait(fence, soon(MINUTE))));
	gives(outcome_of(job), ACCEL_LOST);
	await_state(second.context, fd, leaves ? ACCEL_GONE : ACCEL_OFFLINE);
	gives(accel_fence_wait(other, soon(MINUTE)), leaves ? -ENODEV : -ESTALE);
	accel_fence_unref(fence);
	accel_fence_unref(other);
	gives(accel_submit(second.queue, &theirs, 1, NULL, NULL), leaves ? -ENODEV : -ESTALE);
	accel_job_unref(job);
	accel_job_unref(theirs);
	card_close(&card);
	works_anew(ID); /* waits until it is back */
	card_close(&second);
	works_anew(ID);
}

static void test_restart(const char *name)
{
	test_channel_restart(name, true);
	test_channel_restart(name, false);
	test_card_restart(name, RIG_FAULT_CRASH);
	test_card_restart(name, RIG_FAULT_CRASH);
}

/* The card leaves the bus, and comes back as another device. */
static void test_link(const char *name)
{
	test_card_restart(name, RIG_FAULT_LINK);
	test_card_restart(ID, RIG_FAULT_LINK);
}

/* ---- load: threads that work on while it restarts ------------------------------------------------- */

struct worker {
	pthread_t thread;
	const char *name;
	unsigned int done, lost;
	_Atomic bool stop;
};

/* What a device that goes away may say, and nothing else. */
static bool is_loss(int ret)
{
	return ret == -ESTALE || ret == -ENODEV || ret == -EIO;
}

static int run_until_stop(struct worker *w, struct accel_queue *queue, struct accel_job *job)
{
	struct accel_fence *fence;
	int ret = 0;

	while (!ret && !w->stop) {
		ret = accel_submit(queue, &job, 1, NULL, &fence);
		if (ret < 0)
			return ret;
		ret = accel_fence_wait(fence, soon(MINUTE));
		accel_fence_unref(fence);
		w->done += !ret;
	}
	return ret;
}

static void work_once(struct worker *w)
{
	struct accel_bo_params params = {.size = sizeof(params), .flags = DATA, .bytes = PAGE};
	const struct accel_qaic_queue ext = queue_ext(NULL, 0);
	struct accel_context *context = open_card(w->name, 0);
	struct accel_bo *in = NULL, *out = NULL;
	struct accel_queue *queue = NULL;
	struct accel_job *job = NULL;
	struct copy copy;
	int ret;

	ret = try_queue(context, &ext, soon(MINUTE), &queue);
	if (!ret)
		ret = accel_bo_create(context, &params, &in);
	if (!ret)
		ret = accel_bo_create(context, &params, &out);
	if (!ret) {
		copy_init(&copy, in, out);
		ret = try_job(queue, &copy, &job);
	}
	if (!ret)
		ret = run_until_stop(w, queue, job);
	if (ret && !is_loss(ret))
		differs(__FILE__, __LINE__, "a job under a restart", ret, -ESTALE);
	w->lost += ret != 0;
	accel_job_unref(job);
	accel_bo_unref(in);
	accel_bo_unref(out);
	accel_queue_unref(queue);
	accel_context_unref(context);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!w->stop)
		work_once(w);
	return NULL;
}

static void test_load(const char *name)
{
	static const uint32_t kinds[] = {RIG_FAULT_SSR, RIG_FAULT_CRASH};
	struct worker workers[4] = {{.name = ID}, {.name = ID}, {.name = ID}, {.name = ID}};
	unsigned int i, done = 0, lost = 0;
	struct accel_job *job;
	struct card card;

	(void)name;
	for (i = 0; i < 4; i++)
		check(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	for (i = 0; i < 9; i++) {
		usleep(100000);
		card_open(&card, ID);
		job = copy_job(&card);
		tell(&card, kinds[i % 2], 5000);
		check(is_lost(run(card.queue, job)));
		accel_job_unref(job);
		card_close(&card);
	}
	for (i = 0; i < 4; i++)
		workers[i].stop = true;
	for (i = 0; i < 4; i++) {
		check(!pthread_join(workers[i].thread, NULL));
		done += workers[i].done;
		lost += workers[i].lost;
	}
	printf("%u jobs were done, %u times a card was lost\n", done, lost);
	check(done && lost);
	works_anew(ID);
}

/* ---- loss: the driver is unbound under us ------------------------------------------------------------ */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd >= 0);
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void test_loss(const char *name)
{
	struct accel_fence *fence, *held, *trigger;
	struct accel_job *job, *later;
	struct accel_bo *more[2];
	struct accel_submit_params wait = {.size = sizeof(wait), .wait = &trigger, .wait_count = 1};
	const uint64_t one = 1;
	struct copy copy;
	struct card card;
	int fd, event, i;

	card_open(&card, name);
	gives(accel_context_fd(card.context, &fd), 0);
	for (i = 0; i < 2; i++)
		more[i] = make_bo(card.context, DATA, PAGE, NULL);
	job = copy_job(&card);
	copy_init(&copy, more[0], more[1]);
	later = make_job(card.queue, &copy);
	event = eventfd(0, EFD_CLOEXEC);
	gives(accel_fence_import_fd(event, 0, &trigger), 0);
	tell(&card, RIG_FAULT_HANG, 0);
	fence = submit(card.queue, job);
	gives(accel_submit(card.queue, &later, 1, &wait, &held), 1);
	put(PCI "drivers/qaic/unbind", "0000:01:00.0");
	check(accel_fence_wait(fence, soon(MINUTE)) < 0);
	gives(outcome_of(job), ACCEL_LOST);
	check(accel_fence_wait(held, soon(MINUTE)) < 0);
	await_state(card.context, fd, ACCEL_GONE);
	gives(accel_submit(card.queue, &job, 1, NULL, NULL), -ENODEV);
	check(write(event, &one, sizeof(one)) == sizeof(one));
	accel_fence_unref(fence);
	accel_fence_unref(held);
	accel_fence_unref(trigger);
	close(event);
	accel_job_unref(job);
	accel_job_unref(later);
	for (i = 0; i < 2; i++)
		accel_bo_unref(more[i]);
	card_close(&card);
	put(PCI "drivers/qaic/bind", "0000:01:00.0");
	works_anew(ID);
}

/* ---- leave: processes that end with work under way ------------------------------------------------- */

/* This process has not used the library: a child of one that has couldn't. */
static int in_child(void (*fn)(const char *name), const char *name)
{
	int status;
	pid_t pid;

	pid = fork();
	check(pid >= 0);
	if (!pid) {
		fn(name);
		exit(7);
	}
	check(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void leave_killed(const char *name)
{
	struct card card;

	card_open(&card, name);
	tell(&card, RIG_FAULT_HANG, 0);
	submit(card.queue, copy_job(&card));
	kill(getpid(), SIGKILL);
}

static void leave_running(const char *name)
{
	struct card card;

	card_open(&card, name);
	tell(&card, RIG_FAULT_SLOW, 30000);
	submit(card.queue, copy_job(&card));
}

static void test_leave(const char *name)
{
	int i;

	/* More often than there are channels. */
	for (i = 0; i < 20; i++) {
		gives(in_child(leave_killed, name), -SIGKILL);
		gives(in_child(works_anew, name), 7);
		gives(in_child(leave_running, name), 7);
		gives(in_child(works_anew, name), 7);
	}
}

/* ---- pipeline: soft computes, the card carries, soft checks; fences tie them ----------------------- */

#define SIDE 32 /* the product is a page of s32 */
#define DEEP 64

struct pipeline {
	struct accel_context *soft;
	struct accel_queue *first, *last;
	struct accel_bo *operands, *made, *result; /* soft's */
	int8_t *a, *b;
	int32_t expected[SIDE * SIDE];
	const int32_t *got;
	struct card card;
	struct accel_bo *in, *out; /* the card's, of the same memory as made and result */
	struct accel_job *compute, *carry, *see;
};

static struct accel_bo *pass_on(struct accel_bo *bo, struct accel_context *to)
{
	struct accel_bo_info info = {.size = sizeof(info)};
	struct accel_bo *taken;
	int fd;

	gives(accel_bo_export(bo, 0, &fd), 0);
	gives(accel_bo_import(to, fd, ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE, &taken), 0);
	close(fd);
	gives(accel_bo_get_info(taken, &info), 0);
	gives(info.bytes, PAGE);
	check(info.flags & ACCEL_BO_IS_IMPORTED);
	return taken;
}

static int compare(const struct accel_soft_call *call)
{
	const struct pipeline *p = call->data;

	return memcmp(p->got, p->expected, PAGE) ? -EBADMSG : 0;
}

static void make_soft_jobs(struct pipeline *p)
{
	struct accel_soft_matmul product = {
		.head = {ACCEL_SOFT_MATMUL, 0, sizeof(product)},
		.c = {.bo = 0},
		.a = {.bo = 1},
		.b = {.bo = 1, .offset = SIDE * DEEP},
		.type = ACCEL_SOFT_S8_S8_S32,
		.m = SIDE,
		.n = SIDE,
		.k = DEEP,
		.lda = DEEP,
		.ldb = SIDE,
		.ldc = SIDE,
	};
	struct accel_bo_params params = {.size = sizeof(params),
					 .flags = ACCEL_BO_COMMANDS,
					 .bytes = sizeof(product),
					 .contents = &product};
	const struct accel_soft_host_job host = {
		.head = {sizeof(host), ACCEL_SOFT_HOST_JOB}, .fn = compare, .data = p};
	struct accel_bo_ref made[2] = {{.bo = p->made, .access = ACCEL_ACCESS_WRITE},
				       {.bo = p->operands, .access = ACCEL_ACCESS_READ}};
	struct accel_bo_ref seen = {.bo = p->result, .access = ACCEL_ACCESS_READ};
	struct accel_job_params work = {
		.size = sizeof(work), .bytes = sizeof(product), .bos = made, .bo_count = 2};
	struct accel_job_params look = {
		.size = sizeof(look), .bos = &seen, .bo_count = 1, .ext = &host.head};

	gives(accel_bo_create(p->soft, &params, &work.commands), 0);
	gives(accel_job_create(p->first, &work, &p->compute), 0);
	accel_bo_unref(work.commands);
	gives(accel_job_create(p->last, &look, &p->see), 0);
}

static void pipeline_open(struct pipeline *p, const char *name)
{
	const struct accel_queue_params plain = {.size = sizeof(plain)};
	struct copy copy;
	void *got;

	card_open(&p->card, name);
	p->soft = open_card("soft:0", 0);
	gives(accel_queue_create(p->soft, &plain, 0, &p->first), 0);
	gives(accel_queue_create(p->soft, &plain, 0, &p->last), 0);
	p->operands = make_bo(p->soft, DATA, 2 * SIDE * DEEP, &p->a);
	p->b = p->a + SIDE * DEEP;
	p->made = make_bo(p->soft, DATA | ACCEL_BO_SHARE, PAGE, NULL);
	p->result = make_bo(p->soft, DATA | ACCEL_BO_SHARE, PAGE, &got);
	p->got = got;
	p->in = pass_on(p->made, p->card.context);
	p->out = pass_on(p->result, p->card.context);
	make_soft_jobs(p);
	copy_init(&copy, p->in, p->out);
	p->carry = make_job(p->card.queue, &copy);
}

static void pipeline_close(struct pipeline *p)
{
	accel_job_unref(p->compute);
	accel_job_unref(p->carry);
	accel_job_unref(p->see);
	accel_bo_unref(p->in);
	accel_bo_unref(p->out);
	accel_bo_unref(p->made);
	accel_bo_unref(p->result);
	accel_bo_unref(p->operands);
	accel_queue_unref(p->first);
	accel_queue_unref(p->last);
	accel_context_unref(p->soft);
	card_close(&p->card);
}

static void fill_in(struct pipeline *p, unsigned int round)
{
	unsigned int i, j, k;
	int32_t sum;

	for (i = 0; i < 2 * SIDE * DEEP; i++)
		p->a[i] = (int8_t)(i * 31 + round * 17 + (i >> 5));
	for (i = 0; i < SIDE; i++)
		for (j = 0; j < SIDE; j++) {
			for (k = 0, sum = 0; k < DEEP; k++)
				sum += p->a[i * DEEP + k] * p->b[k * SIDE + j];
			p->expected[i * SIDE + j] = sum;
		}
}

static struct accel_fence *submit_after(struct accel_queue *queue, struct accel_job *job,
					struct accel_fence *after)
{
	const struct accel_submit_params params = {
		.size = sizeof(params), .wait = &after, .wait_count = 1};
	struct accel_fence *fence;

	gives(accel_submit(queue, &job, 1, &params, &fence), 1);
	return fence;
}

static void test_pipeline(const char *name)
{
	struct accel_fence *made, *carried, *seen;
	struct pipeline p;
	unsigned int round;

	pipeline_open(&p, name);
	for (round = 0; round < 50; round++) {
		fill_in(&p, round);
		made = submit(p.first, p.compute);
		carried = submit_after(p.card.queue, p.carry, made);
		seen = submit_after(p.last, p.see, carried);
		gives(accel_fence_wait(seen, soon(MINUTE)), 0);
		gives(outcome_of(p.see), ACCEL_DONE);
		gives(outcome_of(p.compute), ACCEL_DONE);
		gives(outcome_of(p.carry), ACCEL_DONE_UNVERIFIED);
		accel_fence_unref(made);
		accel_fence_unref(carried);
		accel_fence_unref(seen);
	}
	/* What does not go through the card is seen not to be right. */
	fill_in(&p, round);
	seen = submit(p.last, p.see);
	gives(accel_fence_wait(seen, soon(MINUTE)), -EIO);
	accel_fence_unref(seen);
	pipeline_close(&p);
}

/* ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(const char *device);
} tests[] = {
	{"calls", test_calls},     {"vendor", test_vendor}, {"failures", test_failures},
	{"restart", test_restart}, {"link", test_link},     {"load", test_load},
	{"loss", test_loss},       {"leave", test_leave},   {"pipeline", test_pipeline},
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc == 3 && i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(tests[i].name, argv[1]))
			continue;
		tests[i].fn(argv[2]);
		printf("ok %s %s\n", argv[1], argv[2]);
		return 0;
	}
	fprintf(stderr, "usage: accel-qaic TEST DEVICE\n");
	return 1;
}
