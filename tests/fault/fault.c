/* SPDX-License-Identifier: MIT */
/*
 * accel-fault: have each call of the library to the outside fail in each way that it can, at its
 * first three times, and see that the library bears it: no crash, no hang, no leak, no error that
 * is not documented, no success that is none, and all well again afterwards.
 *
 * A first run records from where the library calls what (see sys.h); then each case has a process
 * of its own, which runs the scenario with the fault, and once more without.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HITS         3
#define WATCHDOG_S   120 /* only what hangs takes so long */
#define COMPLAINTS   2000
#define PARALLEL_MAX 64

/* What a child tells, in shared memory. */
struct report {
	char text[COMPLAINTS];
	bool happened;
	struct live live;
};

static struct report *report; /* this process's */
static struct live baseline;
static const char *device = "soft:0";
static bool verbose;
static size_t every = 1; /* of the cases only one in so many */

void complain(const char *format, ...)
{
	size_t length = strlen(report->text);
	va_list args;

	if (length >= sizeof(report->text) - 3)
		return;
	if (length)
		report->text[length++] = '\n';
	va_start(args, format);
	vsnprintf(report->text + length, sizeof(report->text) - length, format, args);
	va_end(args);
}

static void *share(size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return map;
}

/* ---- in children -------------------------------------------------------------------------- */

static void record_it(struct record *record)
{
	inject_record(record);
	scenario(device);
	inject_record(NULL);
	/* What stays is what the second time finds. */
	scenario(device);
	report->live = inject_live();
}

/* What is kept on purpose. */
static struct live allowed(const struct fault *fault)
{
	struct live more = baseline;

	switch (fault->site.entry) {
	case ENTRY_OPEN:
	case ENTRY_READ:
		/* Of a device that seems gone: its file can't be closed without harm. */
		if (fault->err == ENODEV) {
			more.memory++;
			more.fds++;
		}
		break;
	case ENTRY_ACCESS:
	case ENTRY_DL_OPEN:
	case ENTRY_DL_SYM:
		more.memory++; /* a provider is known by two names */
		break;
	default:
		break;
	}
	return more;
}

static void run_case(const struct fault *fault)
{
	const struct live most = allowed(fault);
	struct live live;

	inject_arm(fault);
	scenario(device);
	inject_arm(NULL);
	report->happened = inject_happened();
	scenario(device);
	live = inject_live();
	if (live.memory > most.memory)
		complain("%ld allocations are lost", live.memory - most.memory);
	if (live.maps > most.maps)
		complain("%ld mappings are lost", live.maps - most.maps);
	if (live.fds > most.fds)
		complain("%ld descriptors are lost", live.fds - most.fds);
}

static pid_t start(struct report *its, const struct fault *fault, struct record *record)
{
	pid_t pid;

	memset(its, 0, sizeof(*its));
	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	report = its;
	alarm(WATCHDOG_S);
	if (record)
		record_it(record);
	else
		run_case(fault);
	exit(*report->text ? 1 : 0);
}

/* ---- cases -------------------------------------------------------------------------------- */

static void describe(const struct fault *fault, char *text, size_t bytes)
{
	char request[32] = "";

	if (fault->site.request)
		snprintf(request, sizeof(request), ":%lx", fault->site.request);
	snprintf(text, bytes, "%s%s@%s+0x%lx,%s,%u,%s", entry_name(fault->site.entry), request,
		 fault->site.module, fault->site.offset,
		 fault->err ? strerrorname_np(fault->err) : "0", fault->hit,
		 fault->mode == LOSE ? "lose" : "fail");
}

struct cases {
	struct fault *fault;
	size_t count, room;
};

static void add(struct cases *cases, const struct fault *fault)
{
	if (cases->count == cases->room) {
		cases->room = cases->room ? 2 * cases->room : 256;
		cases->fault = realloc(cases->fault, cases->room * sizeof(*cases->fault));
		if (!cases->fault) {
			perror("realloc");
			exit(2);
		}
	}
	cases->fault[cases->count++] = *fault;
}

static void add_modes(struct cases *cases, struct fault *fault)
{
	fault->mode = FAIL;
	if (!site_only_loses(&fault->site))
		add(cases, fault);
	fault->mode = LOSE;
	if (site_may_lose(&fault->site, fault->err))
		add(cases, fault);
}

/* The first three hits. One site may serve many callers: so of allocations each hit, and of
 * others one amid and the last too. */
static bool is_chosen(const struct site *site, unsigned int hit)
{
	return hit <= HITS || site->entry == ENTRY_ALLOC || hit == site->hits / 2 ||
	       hit == site->hits;
}

static void make_cases(const struct record *record, struct cases *cases)
{
	struct fault fault;
	unsigned int i, j, count;
	int errors[8];

	for (i = 0; i < record->count; i++) {
		fault.site = record->site[i];
		count = site_errors(&fault.site, errors, 8);
		for (j = 0; j < count; j++) {
			fault.err = errors[j];
			for (fault.hit = 1; fault.hit <= fault.site.hits; fault.hit++)
				if (is_chosen(&fault.site, fault.hit))
					add_modes(cases, &fault);
		}
	}
}

static bool judge(const char *name, int status, const struct report *its)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("%s: hangs\n", name);
	else if (WIFSIGNALED(status))
		printf("%s: dies of %s\n", name, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		printf("%s: ends with status %d\n", name, WEXITSTATUS(status));
	if (*its->text)
		printf("%s:\n%s\n", name, its->text);
	return !status;
}

struct totals {
	size_t passed, failed, not_reached;
};

static void run_cases(const struct cases *cases, unsigned int parallel, const char *only,
		      struct totals *totals)
{
	struct report *reports = share(parallel * sizeof(*reports));
	struct {
		pid_t pid;
		size_t number;
	} child[PARALLEL_MAX] = {0};
	unsigned int slot, running = 0;
	size_t next = 0;
	char name[200];
	int status;
	pid_t pid;

	for (;;) {
		for (slot = 0; slot < parallel && next < cases->count; slot++) {
			if (child[slot].pid)
				continue;
			describe(&cases->fault[next], name, sizeof(name));
			if ((only && !strstr(name, only)) || next % every) {
				next++;
				slot--;
				continue;
			}
			child[slot].number = next++;
			child[slot].pid =
				start(&reports[slot], &cases->fault[child[slot].number], NULL);
			running++;
		}
		if (!running)
			break;
		pid = wait(&status);
		for (slot = 0; slot < parallel && child[slot].pid != pid; slot++)
			;
		if (slot == parallel)
			continue;
		child[slot].pid = 0;
		running--;
		describe(&cases->fault[child[slot].number], name, sizeof(name));
		if (verbose)
			printf("%s%s\n", name, reports[slot].happened ? "" : " (not reached)");
		if (!judge(name, status, &reports[slot]))
			totals->failed++;
		else if (!reports[slot].happened)
			totals->not_reached++;
		else
			totals->passed++;
	}
	munmap(reports, parallel * sizeof(*reports));
}

/* ---- devices that aren't there ------------------------------------------------------------ */

static char tree[64];

static void write_file(const char *path, const char *text)
{
	char whole[300], *slash;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", tree, path);
	for (slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	file = fopen(whole, "w");
	if (!file || fputs(text, file) < 0 || fclose(file)) {
		perror(whole);
		exit(2);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static void remove_tree(void)
{
	nftw(tree, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* So that there is something to find in sysfs on any machine. */
static void make_tree(void)
{
	strcpy(tree, "/tmp/accel-fault-XXXXXX");
	if (!mkdtemp(tree)) {
		perror(tree);
		exit(2);
	}
	write_file("class/accel/accel0/uevent", "MAJOR=261\nMINOR=0\nDEVNAME=accel/none0\n");
	write_file("class/accel/accel0/device/uevent", "DRIVER=soft\nPCI_SLOT_NAME=0000:01:00.0\n");
	write_file("class/accel/accel0/device/numa_node", "0\n");
	write_file("class/accel/accel1/uevent", "MAJOR=261\nMINOR=1\nDEVNAME=null\n");
	write_file("class/accel/accel1/device/uevent", "DRIVER=soft\n");
	write_file("class/accel/accel2/uevent", "MAJOR=261\nMINOR=2\nDEVNAME=accel/none2\n");
	write_file("class/accel/accel2/device/uevent", "DRIVER=unheard_of\n");
	setenv("LIBACCEL_SYSFS", tree, 1);
}

/* ---- the program -------------------------------------------------------------------------- */

/* Add the sites of one run; of one that is known the larger number of hits counts. */
static void merge(struct record *all, const struct record *one)
{
	unsigned int i, j;

	for (i = 0; i < one->count; i++) {
		for (j = 0; j < all->count; j++)
			if (inject_is_same(&all->site[j], &one->site[i]))
				break;
		if (j == all->count)
			all->site[all->count++] = one->site[i];
		else if (all->site[j].hits < one->site[i].hits)
			all->site[j].hits = one->site[i].hits;
	}
}

static int record_sites(struct record *all)
{
	struct record *one = share(sizeof(*one));
	struct report *its = share(sizeof(*its));
	int status, run, ret = 0;

	/* Twice, for threads don't always meet in the same places. */
	for (run = 0; run < 2 && !ret; run++) {
		memset(one, 0, sizeof(*one));
		waitpid(start(its, NULL, one), &status, 0);
		if (judge("without a fault", status, its))
			merge(all, one);
		else
			ret = 1;
		baseline = its->live;
	}
	munmap(its, sizeof(*its));
	munmap(one, sizeof(*one));
	return ret;
}

/* Whether it is the library's own table that inject_install() changed: a list of the devices reads
 * directories, and that is noted. In a child: this process never calls the library. */
static bool core_is_seen(void)
{
	static struct record listing;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		inject_record(&listing);
		accel_device_scan(0, NULL, 0);
		inject_record(NULL);
		_exit(listing.count > 0 ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* There a worker that is lacking is the only one. */
static void use_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("sched_setaffinity");
}

static void usage(FILE *to)
{
	fputs("usage: accel-fault [--device NAME] [--parallel N] [--one-cpu] [--every N]\n"
	      "                   [--only TEXT] [--list] [--verbose]\n"
	      "Fails each call that libaccel makes, in turn. TEXT is a part of a case's name,\n"
	      "as it is printed with failures; N runs one of so many cases.\n",
	      to);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"device", required_argument, NULL, 'd'},
		{"parallel", required_argument, NULL, 'p'},
		{"every", required_argument, NULL, 'e'},
		{"one-cpu", no_argument, NULL, '1'},
		{"only", required_argument, NULL, 'o'},
		{"list", no_argument, NULL, 'l'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static struct record all;
	struct record *record = &all;
	unsigned int parallel = 2;
	struct totals totals = {0};
	struct cases cases = {0};
	const char *only = NULL;
	bool list = false, seen;
	char name[200];
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			device = optarg;
			break;
		case 'p':
			parallel = (unsigned int)atoi(optarg);
			break;
		case 'e':
			every = (size_t)atoi(optarg);
			break;
		case '1':
			use_one_cpu();
			break;
		case 'o':
			only = optarg;
			break;
		case 'l':
			list = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc || parallel < 1 || parallel > PARALLEL_MAX || every < 1) {
		usage(stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* What is checked then may run out of memory, too. */
	setenv("LIBACCEL_VALIDATE", "1", 0);
	inject_install();
	if (!strncmp(device, "soft:", 5))
		make_tree();
	seen = core_is_seen();
	if (!seen)
		fputs("accel-fault: the library makes its calls by another table\n", stderr);
	if (!seen || record_sites(record)) {
		if (*tree)
			remove_tree();
		return 1;
	}
	make_cases(record, &cases);
	for (i = 0; list && i < cases.count; i++) {
		describe(&cases.fault[i], name, sizeof(name));
		puts(name);
	}
	if (!list)
		run_cases(&cases, parallel, only, &totals);
	if (*tree)
		remove_tree();
	free(cases.fault);
	if (list)
		return 0;
	printf("%s: %u call sites, %zu faults: %zu borne, %zu failed, %zu not reached\n", device,
	       record->count, cases.count, totals.passed, totals.failed, totals.not_reached);
	/* Threads make some places a matter of luck, but not many. */
	return totals.failed || !totals.passed || totals.not_reached > totals.passed / 4;
}
