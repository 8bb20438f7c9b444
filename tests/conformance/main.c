/* SPDX-License-Identifier: MIT */
/*
 * accel-conformance: checks the contract of <accel/accel.h> on one device.
 *
 * This process never calls libaccel. It forks a child that runs the checks one by one
 * and tells of them in shared memory; when a check fails, crashes or hangs, the child
 * is given up and another one runs the rest.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct group group_library, group_devices, group_open, group_context, group_query,
	group_bo, group_bo_access, group_bo_share, group_queue, group_job, group_submit,
	group_results, group_fence, group_fence_many, group_fence_fd, group_fence_import,
	group_wait_fences, group_lifetime, group_threads, group_fork, group_exit, group_descriptors,
	group_limits, group_signals, group_soft_packets, group_soft_refusals, group_soft_host,
	group_soft_device;

static const struct group *const groups[] = {
	&group_library,     &group_devices,      &group_open,          &group_context,
	&group_query,       &group_bo,           &group_bo_access,     &group_bo_share,
	&group_queue,       &group_job,          &group_submit,        &group_results,
	&group_fence,       &group_fence_many,   &group_fence_fd,      &group_fence_import,
	&group_wait_fences, &group_lifetime,     &group_threads,       &group_fork,
	&group_exit,        &group_descriptors,  &group_limits,        &group_signals,
	&group_soft_device, &group_soft_packets, &group_soft_refusals, &group_soft_host,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

/* musl's fnmatch() has no extended patterns: there "@(fence|queue)/" matches nothing. */
#ifndef FNM_EXTMATCH
#define FNM_EXTMATCH 0
#endif

struct options {
	const char *filter;
	const char *json;
	int timeout_s;
	bool list, no_fork;
};

/* ---- the list of checks ------------------------------------------------------------------ */

static bool wanted(const struct options *options, const char *name)
{
	return !options->filter || fnmatch(options->filter, name, FNM_EXTMATCH) == 0;
}

static void make_board(void)
{
	unsigned int count = 0;
	struct record *record;
	size_t i, j;

	for (i = 0; i < GROUPS; i++)
		count += groups[i]->count;
	board = mmap(NULL, sizeof(*board) + count * sizeof(board->records[0]),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	for (i = 0; i < GROUPS; i++) {
		for (j = 0; j < groups[i]->count; j++) {
			record = &board->records[board->count++];
			record->group = groups[i];
			record->check = &groups[i]->checks[j];
			snprintf(record->name, sizeof(record->name), "%s/%s", groups[i]->name,
				 record->check->name);
		}
	}
}

/* Keep the records that this run is about. */
static void choose_checks(const struct options *options, const char *driver)
{
	unsigned int i, kept = 0;
	struct record *record;

	for (i = 0; i < board->count; i++) {
		record = &board->records[i];
		if (!wanted(options, record->name))
			continue;
		if (driver && record->group->driver && strcmp(record->group->driver, driver) != 0)
			continue;
		if (kept != i)
			memcpy(&board->records[kept], record, sizeof(*record));
		kept++;
	}
	board->count = kept;
}

/* ---- inside the child --------------------------------------------------------------------- */

uint64_t device_fact(uint32_t key)
{
	unsigned int i;

	for (i = 0; i < board->fact_count; i++) {
		if (board->facts[i].key == key)
			return board->facts[i].value;
	}
	return ~0ull;
}

static void ask_fact(struct accel_context *ctx, uint32_t key)
{
	uint64_t value;

	if (board->fact_count == FACTS || accel_query(ctx, key, &value) != 0)
		return;
	board->facts[board->fact_count].key = key;
	board->facts[board->fact_count].value = value;
	board->fact_count++;
}

static bool unusable(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool unusable(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(board->unusable, sizeof(board->unusable), format, args);
	va_end(args);
	return false;
}

static void *do_nothing(void *arg)
{
	return arg;
}

/* Opens the device once: what is kept for the process's life by the library and what
 * the device has are then known, and no check pays for the first use. */
static bool warm_up(void)
{
	struct accel_error error = {.size = sizeof(error)};
	struct accel_open_params params;
	struct accel_context *ctx;
	struct accel_device *dev;
	pthread_t thread;
	uint32_t key;
	int err;

	/* The thread sanitizer starts one of its own beside the first. */
	if (pthread_create(&thread, NULL, do_nothing, NULL) == 0)
		pthread_join(thread, NULL);
	err = accel_device_find(suite.device, &dev);
	if (err) {
		accel_last_error(&error);
		return unusable("accel_device_find: %s (%s)", strerror(-err), error.text);
	}
	board->device.size = sizeof(board->device);
	accel_device_get_info(dev, &board->device);
	suite.work = workload_find(&board->device);
	if (!suite.work) {
		accel_device_unref(dev);
		return unusable("the suite has no workload for the driver '%s' yet",
				board->device.driver);
	}
	refill_open_params(&params);
	err = accel_open(dev, &params, soon(60000), &ctx);
	if (err) {
		accel_last_error(&error);
		accel_device_unref(dev);
		return unusable("accel_open: %s (%s)", strerror(-err), error.text);
	}
	board->device.size = sizeof(board->device);
	accel_device_get_info(dev, &board->device);
	board->fact_count = 0;
	for (key = ACCEL_HAS_ADDRESS; key <= ACCEL_HAS_JOB_TIMEOUT; key++)
		ask_fact(ctx, key);
	for (key = ACCEL_QUEUES_PARALLEL; key <= LAST_NUMBER; key++)
		ask_fact(ctx, key);
	accel_context_unref(ctx);
	accel_device_unref(dev);
	board->probed = true;
	return true;
}

/* Threads that were joined may still be listed for a moment. */
static void threads_are(unsigned int before)
{
	unsigned int tries;

	for (tries = 0; count_threads() > before; tries++) {
		if (tries == 5000)
			fail_here("%u threads before the check, %u after it", before,
				  count_threads());
		pause_ms(1);
	}
}

static void fds_are(unsigned int before)
{
	char path[64], link[128], list[400] = "";
	unsigned int after = count_fds();
	size_t used = 0;
	ssize_t n;
	int fd;

	if (after == before)
		return;
	for (fd = 0; fd < 1024 && used < sizeof(list) - 1; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = '\0';
		used += (size_t)snprintf(list + used, sizeof(list) - used, " %d:%s", fd, link);
		if (used >= sizeof(list))
			used = sizeof(list) - 1;
	}
	fail_here("%u descriptors before the check, %u after it:%s", before, after, list);
}

static struct sigaction crash_actions[NSIG];
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
#define CRASH_SIGNALS (sizeof(crash_signals) / sizeof(crash_signals[0]))

/* cmocka's test function: everything around a check. */
static void run_check(void **state)
{
	struct record *record = *state;
	unsigned int fds, threads;
	size_t i;

	/* cmocka goes on after a crash; here a new process does. */
	for (i = 0; i < CRASH_SIGNALS; i++)
		sigaction(crash_signals[i], &crash_actions[crash_signals[i]], NULL);
	fds = count_fds();
	threads = count_threads();
	record->check->fn();
	no_bad_notes();
	threads_are(threads);
	fds_are(fds);
	if (waitpid(-1, NULL, WNOHANG) != -1)
		fail_here("the check left a process behind");
	record->state = CHECK_PASSED;
}

static void print_result(const struct record *record)
{
	int64_t ms = (now_ns() - record->began_ns) / 1000000;

	if (record->state == CHECK_PASSED)
		printf("ok    %s (%lld ms)\n", record->name, (long long)ms);
	else if (record->state == CHECK_SKIPPED)
		printf("skip  %s: %s\n", record->name, record->why);
	else
		printf("FAIL  %s: %s\n", record->name, record->why);
	fflush(stdout);
}

/* cmocka speaks TAP to its own standard output, which nobody reads. */
static void silence_cmocka(int *real_stdout)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	*real_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(null, STDOUT_FILENO);
	close(null);
	cmocka_set_message_output(CM_OUTPUT_TAP);
}

/* Run what has not been run. Returns when all has passed or was skipped. */
static void run_waiting(void)
{
	struct CMUnitTest test = {.test_func = run_check};
	struct record *record;
	unsigned int i, fds;
	int real_stdout;
	size_t n;

	suite.pid = getpid();
	for (n = 0; n < CRASH_SIGNALS; n++)
		sigaction(crash_signals[n], NULL, &crash_actions[crash_signals[n]]);
	for (i = 0; i < board->count; i++) {
		record = &board->records[i];
		if (record->state != CHECK_WAITING)
			continue;
		board->current = i;
		board->noted = 0;
		atomic_flag_clear(&board->noting);
		record->began_ns = now_ns();
		record->state = CHECK_RUNNING;
		fds = count_fds();
		test.name = record->name;
		test.initial_state = record;
		fflush(stdout);
		silence_cmocka(&real_stdout);
		_cmocka_run_group_tests(record->group->name, &test, 1, NULL, NULL);
		fflush(stdout);
		dup2(real_stdout, STDOUT_FILENO);
		close(real_stdout);
		if (record->state == CHECK_RUNNING) {
			record->state = CHECK_FAILED;
			snprintf(record->why, sizeof(record->why), "it ended without a result");
		}
		print_result(record);
		/* What it left behind must not disturb the next ones. */
		if (record->state == CHECK_FAILED ||
		    (record->state == CHECK_SKIPPED && count_fds() != fds))
			_exit(0);
	}
}

/* ---- the supervisor ------------------------------------------------------------------------ */

static void print_thread(const char *task, const char *tid)
{
	static const char *const names[] = {"comm", "wchan", "syscall"};
	char path[400], text[200];
	ssize_t n;
	size_t i;
	int fd;

	fprintf(stderr, "  thread %s:", tid);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%.60s/%.255s/%s", task, tid, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue;
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		fprintf(stderr, " %s=%s", names[i], text);
	}
	fprintf(stderr, "\n");
}

/* Where the threads of a process that hangs are. */
static void print_threads(pid_t pid)
{
	struct dirent *entry;
	char task[64];
	DIR *dir;

	snprintf(task, sizeof(task), "/proc/%d/task", (int)pid);
	dir = opendir(task);
	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			print_thread(task, entry->d_name);
	}
	closedir(dir);
}

/* Wait for the child; true if it was stopped because a check took too long. */
static bool supervise(pid_t pid, const struct options *options, int *status)
{
	const struct timespec second = {1, 0};
	struct record *record;
	sigset_t chld;
	int64_t began;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	began = now_ns();
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return false;
		sigtimedwait(&chld, NULL, &second);
		record = board->count ? &board->records[board->current] : NULL;
		if (record && record->state == CHECK_RUNNING)
			began = record->began_ns;
		if (now_ns() - began < options->timeout_s * 1000000000ll)
			continue;
		print_threads(pid);
		/* Its group: a check may have children of its own. */
		kill(-pid, SIGKILL);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
		return true;
	}
}

static pid_t start_child(void)
{
	pid_t pid, parent = getpid();
	sigset_t chld;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &chld, NULL);
	return 0;
}

static unsigned int count_waiting(void)
{
	unsigned int i, count = 0;

	for (i = 0; i < board->count; i++)
		count += board->records[i].state == CHECK_WAITING;
	return count;
}

/* A child ended without saying how its check did. */
static void blame(bool hung, int status, int timeout_s)
{
	struct record *record = &board->records[board->current];

	if (record->state == CHECK_FAILED || record->state == CHECK_SKIPPED)
		return;
	if (!hung && record->state == CHECK_PASSED && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (hung)
		snprintf(record->why, sizeof(record->why), "%s after %d s",
			 record->state == CHECK_RUNNING ? "it hangs: stopped"
							: "the process did not exit: stopped",
			 timeout_s);
	else if (WIFSIGNALED(status))
		snprintf(record->why, sizeof(record->why), "the process ended by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(record->why, sizeof(record->why), "the process exited with status %d %s",
			 WEXITSTATUS(status),
			 record->state == CHECK_RUNNING
				 ? "in the middle of it"
				 : "after it (a leak or a race reported at its end?)");
	record->state = CHECK_FAILED;
	print_result(record);
}

static void run_all(const struct options *options)
{
	unsigned int waiting;
	bool hung;
	int status;
	pid_t pid;

	while ((waiting = count_waiting()) != 0) {
		pid = start_child();
		if (pid == 0) {
			if (!warm_up())
				_exit(3);
			run_waiting();
			exit(0);
		}
		hung = supervise(pid, options, &status);
		if (board->unusable[0])
			return;
		blame(hung, status, options->timeout_s);
		if (count_waiting() == waiting) {
			unusable("a new process ends before its first check");
			return;
		}
	}
}

/* What the device is, asked by a child of its own. */
static bool probe(const struct options *options)
{
	bool hung;
	int status;
	pid_t pid;

	pid = start_child();
	if (pid == 0)
		_exit(warm_up() ? 0 : 3);
	hung = supervise(pid, options, &status);
	if (board->probed && !hung)
		return true;
	if (hung)
		fprintf(stderr, "%s: opening the device hangs\n", suite.device);
	else if (WIFSIGNALED(status))
		fprintf(stderr, "%s: opening the device crashed: %s\n", suite.device,
			strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "%s: %s\n", suite.device,
			board->unusable[0] ? board->unusable : "opening the device failed");
	return false;
}

/* ---- results ---------------------------------------------------------------------------------- */

static void json_text(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char)*text < 32)
			fprintf(file, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, file);
	}
	fputc('"', file);
}

static int write_json(const char *path)
{
	static const char *const states[] = {"waiting", "running", "passed", "failed", "skipped"};
	unsigned int i;
	FILE *file;

	file = fopen(path, "we");
	if (!file) {
		perror(path);
		return -1;
	}
	fprintf(file, "{\n  \"device\": ");
	json_text(file, board->device.id);
	fprintf(file, ",\n  \"driver\": ");
	json_text(file, board->device.driver);
	fprintf(file, ",\n  \"checks\": [");
	for (i = 0; i < board->count; i++) {
		fprintf(file, "%s\n    {\"name\": ", i ? "," : "");
		json_text(file, board->records[i].name);
		fprintf(file, ", \"result\": \"%s\", \"why\": ", states[board->records[i].state]);
		json_text(file, board->records[i].why);
		fprintf(file, "}");
	}
	fprintf(file, "\n  ]\n}\n");
	if (fclose(file) != 0) {
		perror(path);
		return -1;
	}
	return 0;
}

static int report(const struct options *options)
{
	unsigned int i, counts[CHECK_SKIPPED + 1] = {0};
	const struct record *record;
	unsigned int failed;

	for (i = 0; i < board->count; i++)
		counts[board->records[i].state]++;
	failed = counts[CHECK_FAILED] + counts[CHECK_WAITING] + counts[CHECK_RUNNING];
	for (i = 0; i < board->count; i++) {
		record = &board->records[i];
		if (record->state == CHECK_SKIPPED)
			printf("skipped: %s: %s\n", record->name, record->why);
	}
	for (i = 0; i < board->count; i++) {
		record = &board->records[i];
		if (record->state != CHECK_SKIPPED && record->state != CHECK_PASSED)
			printf("failed: %s: %s\n", record->name, record->why);
	}
	if (counts[CHECK_PASSED] + failed == 0)
		printf("nothing ran\n");
	printf("%u passed, %u failed, %u skipped\n", counts[CHECK_PASSED], failed,
	       counts[CHECK_SKIPPED]);
	fflush(stdout);
	if (options->json && write_json(options->json) != 0)
		return 2;
	return failed == 0 && counts[CHECK_PASSED] > 0 ? 0 : 1;
}

/* ---- the program -------------------------------------------------------------------------------- */

static void usage(FILE *to)
{
	fprintf(to,
		"usage: accel-conformance --device NAME [--filter GLOB] [--list] [--json FILE]\n"
		"                         [--timeout SECONDS] [--few-rounds] [--no-fork]\n"
		"  --device NAME      the device, as accel_device_find() takes it: soft:0, accel0\n"
		"  --filter GLOB      only the checks whose GROUP/NAME matches: 'fence/*', or\n"
		"                     '@(fence|queue)/*' for more than one group\n"
		"  --list             print the checks and run none\n"
		"  --json FILE        write the results there too\n"
		"  --timeout SECONDS  when a check counts as hanging (%d)\n"
		"  --few-rounds       what is repeated is repeated a tenth as often\n"
		"  --no-fork          all in this process, for a debugger\n",
		suite.slow_tool ? 900 : 180);
}

/* A compiler's sanitizers show in its macros, the kernel's in the rig's name for it; for valgrind
 * CONFORMANCE_SLOW is set. */
static void look_for_tools(void)
{
	const char *kernel = getenv("RIG_KERNEL");

#if defined(__has_feature)
#define HAS_FEATURE(name) __has_feature(name)
#else
#define HAS_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
	suite.leak_tool = true;
#endif
#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
	suite.slow_tool = suite.race_tool = true;
#endif
	if (kernel && (!strcmp(kernel, "kasan") || !strcmp(kernel, "lockdep")))
		suite.slow_tool = true;
	if (getenv("CONFORMANCE_SLOW"))
		suite.leak_tool = true;
	if (suite.leak_tool)
		suite.slow_tool = true;
}

static int parse(int argc, char **argv, struct options *options, const char **helper)
{
	static const struct option known[] = {
		{"device", required_argument, NULL, 'd'},
		{"filter", required_argument, NULL, 'f'},
		{"list", no_argument, NULL, 'l'},
		{"json", required_argument, NULL, 'j'},
		{"timeout", required_argument, NULL, 't'},
		{"few-rounds", no_argument, NULL, 'r'},
		{"no-fork", no_argument, NULL, 'n'},
		{"helper", required_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'd':
			suite.device = optarg;
			break;
		case 'f':
			options->filter = optarg;
			break;
		case 'l':
			options->list = true;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 't':
			options->timeout_s = atoi(optarg);
			break;
		case 'r':
			suite.slow_tool = true;
			break;
		case 'n':
			options->no_fork = true;
			break;
		case 'x':
			*helper = optarg;
			return 0;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			return -1;
		}
	}
	if (optind != argc || options->timeout_s <= 0)
		return -1;
	return suite.device || options->list ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	const char *helper = NULL;
	static char program[4096];
	sigset_t chld;
	unsigned int i;

	look_for_tools();
	options.timeout_s = suite.slow_tool ? 900 : 180;
	/* The name that it was executed by is that of the emulator's script, where there is one. */
	if ((!strchr(argv[0], '/') || !realpath(argv[0], program)) &&
	    readlink("/proc/self/exe", program, sizeof(program) - 1) < 0) {
		perror("/proc/self/exe");
		return 2;
	}
	suite.program = program;
	if (parse(argc, argv, &options, &helper) != 0) {
		usage(stderr);
		return 2;
	}
	make_board();
	if (helper)
		return run_helper(argc - optind + 1, argv + optind - 1);
	if (options.list) {
		choose_checks(&options, NULL);
		for (i = 0; i < board->count; i++)
			printf("%s\n", board->records[i].name);
		return 0;
	}

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (options.no_fork) {
		if (!warm_up()) {
			fprintf(stderr, "%s: %s\n", suite.device, board->unusable);
			return 1;
		}
	} else if (!probe(&options)) {
		printf("0 passed, 0 failed, 0 skipped\n");
		return 1;
	}
	choose_checks(&options, board->device.driver);
	printf("device %s (%s), driver %s\n", board->device.id, board->device.name,
	       board->device.driver);
	if (options.no_fork) {
		sigprocmask(SIG_UNBLOCK, &chld, NULL);
		run_waiting();
	} else {
		run_all(&options);
		if (board->unusable[0])
			printf("the device can no longer be opened: %s\n", board->unusable);
	}
	return report(&options);
}
