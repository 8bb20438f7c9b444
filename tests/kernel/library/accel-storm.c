/* SPDX-License-Identifier: MIT */
/*
 * Processes that work on the rig's devices through libaccel, hand each other buffers and fences,
 * and are killed at any point of it, for the kernel's sanitizers to see:
 *
 *	accel-storm [-j JOBS] [-k KILLS] [-p PROCESSES] [-s SEED] [-w] DEVICE...
 *
 * Process i uses device i modulo their number. It ends when JOBS jobs have ended and their bytes
 * were found right, in all processes together; KILLS limits how many are killed. The choices of a
 * process come from the seed that is printed; where it is killed does not. With -w a driver's
 * watchdog must have ended a job.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jobs.h"

enum {
	PROCESSES_MAX = 32,
	BATCH = 4,
	STEPS_MAX = 40,
	TAKEN_AWAY = 3, /* the status of a process that lost its queue to the kernel */
	TAKEN_AWAY_MAX = 8,
	BITTEN = 4 /* of one that says that it lost a job to the driver's watchdog */
};

/* What all processes add to. */
static struct board {
	atomic_uint jobs, exports, imports, maps, refusals, fences, gates, closes, exits;
	atomic_bool stop;
} * board;

static struct options {
	unsigned int jobs, kills, processes, seed, device_count;
	bool watchdog;
	char **devices;
} options = {.jobs = 10000, .kills = UINT_MAX, .processes = 6};

/* Of each process: what the others send, read by whoever is that process at the time. */
static int inbox[PROCESSES_MAX][2];

/* What a descriptor that was sent is. */
struct message {
	enum {
		BUFFER,
		FENCE
	} kind;
	uint32_t value;  /* BUFFER: what it is filled with */
	uint32_t device; /* index of the sender's */
};

static unsigned int me;
static bool unverified; /* how jobs end is not looked for */
static uint64_t state;

static unsigned int any(unsigned int below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(state >> 33) % below;
}

static int64_t patience(void)
{
	return soon(INT64_C(120000));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static uint32_t word(uint32_t value, unsigned int i)
{
	return (value + i) * UINT32_C(2654435761);
}

static bool is_filled(const void *memory, uint32_t value)
{
	const uint32_t *words = memory;
	unsigned int i;

	for (i = 0; i < PAGE / sizeof(*words); i++)
		if (words[i] != word(value, i))
			return false;
	return true;
}

static void fill(struct rig *rig, uint32_t value)
{
	uint32_t *words = (uint32_t *)rig->from;
	unsigned int i;

	gives(accel_bo_begin_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE, patience()), 0);
	for (i = 0; i < PAGE / sizeof(*words); i++)
		words[i] = word(value, i);
	gives(accel_bo_end_access(rig->src, ACCEL_ACCESS_WRITE, 0, PAGE), 0);
}

static void expect_filled(struct accel_bo *bo, const void *map, uint32_t value)
{
	gives(accel_bo_begin_access(bo, ACCEL_ACCESS_READ, 0, PAGE, patience()), 0);
	if (unverified && !is_filled(map, value))
		_Exit(BITTEN);
	check(is_filled(map, value));
	gives(accel_bo_end_access(bo, ACCEL_ACCESS_READ, 0, PAGE), 0);
}

static struct accel_bo *make_bo(struct rig *rig, unsigned char **map)
{
	struct accel_bo_params params = {.size = sizeof(params), .bytes = PAGE};
	struct accel_bo *bo;
	void *at;

	params.flags = ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ | ACCEL_BO_DEVICE_WRITE |
		       ACCEL_BO_SHARE;
	gives(accel_bo_create(rig->context, &params, &bo), 0);
	gives(accel_bo_map(bo, &at), 0);
	*map = at;
	return bo;
}

/* ---- jobs -------------------------------------------------------------------------------------- */

static void wait_for(struct accel_fence *fence)
{
	const int ret = accel_fence_wait(fence, patience());

	if (ret == -EIO)
		_Exit(BITTEN);
	gives(ret, 0);
}

static void has_ended_well(struct accel_job *job)
{
	const uint32_t outcome = rig_outcome(job);

	check(outcome == ACCEL_DONE || outcome == ACCEL_DONE_UNVERIFIED);
}

/* Of qaic no buffer is under way with two jobs: see those end that nobody waited for. */
static void settle(struct rig *rig)
{
	struct accel_bo *bos[] = {rig->src, rig->dst};
	unsigned int i;

	for (i = 0; i < 2 && rig->qaic; i++) {
		gives(accel_bo_begin_access(bos[i], ACCEL_ACCESS_READ, 0, PAGE, patience()), 0);
		gives(accel_bo_end_access(bos[i], ACCEL_ACCESS_READ, 0, PAGE), 0);
	}
}

/* Copy from src to dst, after @wait if that is not NULL, and look at the bytes. */
static void copy_after(struct rig *rig, struct accel_fence *wait, uint32_t value)
{
	struct accel_job *job = rig_job(rig, PAGE, NULL, 0);
	struct accel_fence *fence;

	settle(rig);
	if (wait)
		gives(rig_submit_after(rig, job, wait, &fence), 1);
	else
		fence = rig_submit(rig, job);
	wait_for(fence);
	has_ended_well(job);
	expect_filled(rig->dst, rig->to, value);
	atomic_fetch_add(&board->jobs, 1);
	accel_fence_unref(fence);
	accel_job_unref(job);
}

static void copy(struct rig *rig)
{
	const uint32_t value = any(UINT32_MAX);

	fill(rig, value);
	copy_after(rig, NULL, value);
}

/* Several at once. */
static void batch(struct rig *rig)
{
	const uint32_t value = any(UINT32_MAX);
	struct accel_job *jobs[BATCH];
	struct accel_fence *fence;
	unsigned int i;

	if (rig->qaic) { /* no buffer is under way with two jobs */
		copy(rig);
		return;
	}
	fill(rig, value);
	for (i = 0; i < BATCH; i++)
		jobs[i] = rig_slow(rig, any(200));
	gives(accel_submit(rig->queue, jobs, BATCH, NULL, &fence), BATCH);
	wait_for(fence);
	expect_filled(rig->dst, rig->to, value);
	for (i = 0; i < BATCH; i++) {
		has_ended_well(jobs[i]);
		accel_job_unref(jobs[i]);
	}
	atomic_fetch_add(&board->jobs, BATCH);
	accel_fence_unref(fence);
}

/* Nobody waits for these. */
static void leave_running(struct rig *rig)
{
	struct accel_job *job = rig_slow(rig, any(2000));

	settle(rig);
	gives(accel_submit(rig->queue, &job, 1, NULL, NULL), 1);
	accel_job_unref(job);
}

/* ---- giving and taking -------------------------------------------------------------------------- */

/* To one of the others, or to nobody if its inbox is full. */
static void send_to_another(int fd, const struct message *message)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec data = {(void *)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &data,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);
	const unsigned int to = (me + 1 + any(options.processes - 1)) % options.processes;

	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
	if (sendmsg(inbox[to][1], &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		check(errno == EAGAIN || errno == ETOOMANYREFS);
	close(fd);
}

/* A descriptor that somebody sent, or -1. */
static int receive(struct message *message)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec data = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &data,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *part;
	int fd;

	if (recvmsg(inbox[me][0], &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) {
		check(errno == EAGAIN);
		return -1;
	}
	part = CMSG_FIRSTHDR(&header);
	check(part && part->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(part), sizeof(fd));
	return fd;
}

/* A buffer that a job has filled, and nobody writes again. */
static void give_buffer(struct rig *rig)
{
	struct message message = {BUFFER, any(UINT32_MAX), me % options.device_count};
	struct rig shared = *rig;
	int fd;

	shared.dst = make_bo(rig, &shared.to);
	fill(rig, message.value);
	copy_after(&shared, NULL, message.value);
	gives(accel_bo_export(shared.dst, 0, &fd), 0);
	atomic_fetch_add(&board->exports, 1);
	send_to_another(fd, &message);
	accel_bo_unref(shared.dst);
}

static void give_fence(struct rig *rig)
{
	struct message message = {.kind = FENCE, .device = me % options.device_count};
	struct accel_job *job = rig_slow(rig, any(3000));
	struct accel_fence *fence;
	int fd, ret;

	settle(rig);
	fence = rig_submit(rig, job);
	ret = accel_fence_export_fd(fence, ACCEL_FD_SYNC_FILE, &fd);
	check(!ret || ret == -EOPNOTSUPP); /* it is one without outcomes, or of qaic */
	if (!ret) {
		atomic_fetch_add(&board->fences, 1);
		send_to_another(fd, &message);
	}
	if (any(2))
		wait_for(fence);
	accel_fence_unref(fence);
	accel_job_unref(job);
}

/* Without the device: all that can be had of a buffer of another driver's, or of rocket's. */
static void take_by_map(int fd, uint32_t value)
{
	void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	check(map != MAP_FAILED);
	close(fd);
	check(is_filled(map, value));
	munmap(map, PAGE);
	atomic_fetch_add(&board->maps, 1);
}

static void take_buffer(struct rig *rig, int fd, const struct message *message)
{
	const bool same = !strcmp(options.devices[message->device], rig->name);
	struct rig theirs = *rig;
	void *map;
	int ret;

	ret = accel_bo_import(rig->context, fd, ACCEL_BO_CPU_READ | ACCEL_BO_DEVICE_READ,
			      &theirs.src);
	if (rig->rocket || (!same && !rig->qaic && !rig->ivpu)) {
		gives(ret, -EOPNOTSUPP);
		atomic_fetch_add(&board->refusals, 1);
		take_by_map(fd, message->value);
		return;
	}
	gives(ret, 0);
	close(fd);
	gives(accel_bo_map(theirs.src, &map), 0);
	check(is_filled(map, message->value));
	copy_after(&theirs, NULL, message->value);
	accel_bo_unref(theirs.src);
	atomic_fetch_add(&board->imports, 1);
}

/* Whatever became of the process whose job it is of: the fence ends, and then ours runs. */
static void take_fence(struct rig *rig, int fd)
{
	const uint32_t value = any(UINT32_MAX);
	struct accel_fence *fence;

	gives(accel_fence_import_fd(fd, 0, &fence), 0);
	close(fd);
	fill(rig, value);
	copy_after(rig, fence, value);
	check(accel_fence_status(fence) != -EINPROGRESS);
	accel_fence_unref(fence);
	atomic_fetch_add(&board->gates, 1);
}

static void take(struct rig *rig)
{
	struct message message;
	int fd = receive(&message);

	if (fd < 0)
		copy(rig);
	else if (message.kind == BUFFER)
		take_buffer(rig, fd, &message);
	else
		take_fence(rig, fd);
}

/* ---- a process ------------------------------------------------------------------------------------ */

static void __attribute__((noreturn)) work(unsigned int process, uint64_t seed)
{
	static void (*const step[])(struct rig *) = {
		copy, copy, batch, leave_running, give_buffer, give_fence, take, take, take,
	};
	const char *device = options.devices[process % options.device_count];
	unsigned int steps;
	struct rig rig;

	me = process;
	state = seed;
	for (;;) {
		unverified = !any(4);
		rig_open(&rig, device, unverified ? ACCEL_OPEN_UNVERIFIED : 0, 0);
		rig_exit_when_lost = rig.qaic ? TAKEN_AWAY : 0;
		for (steps = any(STEPS_MAX); steps && !atomic_load(&board->stop); steps--)
			step[any(sizeof(step) / sizeof(step[0]))](&rig);
		/* With everything open, once in a while. */
		if (atomic_load(&board->stop) || !any(8))
			break;
		rig_close(&rig);
		atomic_fetch_add(&board->closes, 1);
	}
	atomic_fetch_add(&board->exits, 1);
	exit(0);
}

/* ---- the parent ----------------------------------------------------------------------------------- */

static pid_t processes[PROCESSES_MAX];

static void start(unsigned int process)
{
	const uint64_t seed = (uint64_t)any(UINT32_MAX) << 32 | any(UINT32_MAX);

	fflush(stdout);
	processes[process] = fork();
	check(processes[process] >= 0);
	if (!processes[process])
		work(process, seed);
}

/*
 * On a busy machine qaic's driver says now and then that a channel is its owner's no more, of which
 * libaccel makes -ESTALE. Why is not known; it takes processes that are killed.
 */
static unsigned int taken_away;

/*
 * The drivers of rocket and ethosu end a job that has taken half a second, as one may on a busy
 * machine with nothing wrong. Of each they say so in the kernel's log.
 */
static unsigned int bitten;

static unsigned int times(const char *text, const char *words)
{
	unsigned int count = 0;

	while ((text = strstr(text, words))) {
		text += strlen(words);
		count++;
	}
	return count;
}

static unsigned int watchdog_bites(void)
{
	enum {
		READ_ALL = 3,
		BYTES = 1 << 18
	};
	static char log[BYTES + 1];
	const int bytes = klogctl(READ_ALL, log, BYTES);

	check(bytes >= 0);
	log[bytes] = '\0';
	return times(log, "NPU job timed out") + times(log, "NPU sched timed out");
}

static void is_well(int status)
{
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == TAKEN_AWAY &&
	    ++taken_away <= TAKEN_AWAY_MAX)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == BITTEN && ++bitten <= watchdog_bites())
		return;
	printf("a process ended with %#x; seed %u\n", (unsigned int)status, options.seed);
	fflush(stdout);
	_Exit(1);
}

/* Start anew those that have left by themselves. */
static void look_after(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < options.processes; i++) {
		if (waitpid(processes[i], &status, WNOHANG) != processes[i])
			continue;
		is_well(status);
		start(i);
	}
}

/* Mostly after so many more jobs, so that there is always progress; then a moment of any length. */
static void wait_to_kill(void)
{
	const unsigned int until = atomic_load(&board->jobs) + any(60);
	const struct timespec moment = {0, (long)any(3000000)};
	const struct timespec tick = {0, 1000000};

	while (atomic_load(&board->jobs) < until && atomic_load(&board->jobs) < options.jobs) {
		nanosleep(&tick, NULL);
		look_after();
	}
	nanosleep(&moment, NULL);
}

static void kill_one(void)
{
	const unsigned int victim = any(options.processes);
	int status;

	kill(processes[victim], SIGKILL);
	check(waitpid(processes[victim], &status, 0) == processes[victim]);
	if (!WIFSIGNALED(status))
		is_well(status);
	start(victim);
}

static unsigned int storm(void)
{
	unsigned int i, kills = 0;
	int status;

	for (i = 0; i < options.processes; i++)
		start(i);
	while (atomic_load(&board->jobs) < options.jobs) {
		wait_to_kill();
		if (kills == options.kills)
			continue;
		kill_one();
		kills++;
	}
	atomic_store(&board->stop, true);
	for (i = 0; i < options.processes; i++) {
		check(waitpid(processes[i], &status, 0) == processes[i]);
		is_well(status);
	}
	return kills;
}

/* The devices are as good as before. */
static void works_after_all(void)
{
	struct rig rig;
	unsigned int i;

	for (i = 0; i < options.device_count; i++) {
		rig_open(&rig, options.devices[i], 0, 0);
		rig_works(&rig, 0x5c);
		rig_close(&rig);
	}
}

static bool parse(int argc, char **argv)
{
	struct timespec now;
	int option;

	clock_gettime(CLOCK_REALTIME, &now);
	options.seed = (unsigned int)now.tv_nsec ^ (unsigned int)now.tv_sec;
	while ((option = getopt(argc, argv, "j:k:p:s:w")) != -1) {
		if (option == 'j')
			options.jobs = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 'k')
			options.kills = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 'p')
			options.processes = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 's')
			options.seed = (unsigned int)strtoul(optarg, NULL, 0);
		else if (option == 'w')
			options.watchdog = true;
		else
			return false;
	}
	options.devices = argv + optind;
	options.device_count = (unsigned int)(argc - optind);
	return options.device_count && options.jobs && options.processes > 1 &&
	       options.processes <= PROCESSES_MAX;
}

/* Its fences are no files. */
static bool only_qaic(void)
{
	struct accel_device_info info;
	struct accel_device *device;
	unsigned int i, others = 0;

	for (i = 0; i < options.device_count; i++) {
		info.size = sizeof(info);
		gives(accel_device_find(options.devices[i], &device), 0);
		gives(accel_device_get_info(device, &info), 0);
		others += strcmp(info.driver, "qaic") != 0;
		accel_device_unref(device);
	}
	return !others;
}

int main(int argc, char **argv)
{
	unsigned int i, kills;

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: accel-storm [-j JOBS] [-k KILLS] [-p PROCESSES] [-s SEED] "
				"[-w] DEVICE...\n");
		return 1;
	}
	printf("seed %u\n", options.seed);
	state = options.seed;
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	check(board != MAP_FAILED);
	for (i = 0; i < options.processes; i++)
		check(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, inbox[i]));
	kills = storm();
	for (i = 0; i < options.processes; i++) {
		close(inbox[i][0]);
		close(inbox[i][1]);
	}
	works_after_all();
	printf("%u jobs of %u processes; %u killed, %u left, %u contexts closed\n", board->jobs,
	       options.processes, kills, board->exits, board->closes);
	printf("%u buffers exported, %u imported, %u mapped, %u refused; %u fences exported, "
	       "%u waited for\n",
	       board->exports, board->imports, board->maps, board->refusals, board->fences,
	       board->gates);
	if (taken_away)
		printf("%u queues taken away\n", taken_away);
	if (bitten)
		printf("%u jobs lost to a watchdog\n", bitten);
	check(kills && board->exports && board->imports + board->maps);
	check((board->fences && board->gates) || only_qaic());
	check(watchdog_bites() || !options.watchdog);
	return 0;
}
