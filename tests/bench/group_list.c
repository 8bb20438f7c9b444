/* SPDX-License-Identifier: MIT */
/* What listing the devices costs: on made-up systems of 1, 16 and 256, and on this one. */
#include "bench.h"
#include "list.h"
#include "sys.h"

#include <drm/drm.h>
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const unsigned int sizes[] = {1, 16, 256};
#define SIZES       (sizeof(sizes) / sizeof(sizes[0]))
#define MOST        256 /* also what a side looks at in a round */
#define SYSTEMS     (MOST / 16)
#define ROUNDS      41
#define GROWTH      201        /* rounds: of all it is what must be steady, */
#define GROWTH_NS   1500000000 /* unless they take longer than this */
#define ROUNDS_HERE 301

/* ---- made-up systems --------------------------------------------------------------------- */

/* The i-th that has so many devices. */
static void name_system(char *path, const char *top, unsigned int devices, unsigned int i)
{
	snprintf(path, PATH_MAX, "%s/%u.%u", top, devices, i);
}

/* Of 16 devices there are as many systems as have 256 in all, so that one list of 256 is
 * compared to what finds as little of it in the CPU's caches. */
static unsigned int systems(unsigned int devices)
{
	return devices == 16 ? SYSTEMS : 1;
}

static int make_systems(char *path, const char *top, unsigned int devices)
{
	int err = 0;

	for (unsigned int i = 0; i < systems(devices) && !err; i++) {
		name_system(path, top, devices, i);
		err = list_make(path, devices);
	}
	return err;
}

static int go_to(const char *top, unsigned int devices, unsigned int i)
{
	char path[PATH_MAX];

	name_system(path, top, devices, i);
	return chdir(path) < 0 ? -errno : 0;
}

/* ---- the two ways ----------------------------------------------------------------------- */

/* Lists, and reads what is known of each. Returns how many there are; `usable`: of these. */
static int list_all(int *usable)
{
	struct accel_device *devices[MOST];
	int n = accel_device_scan(ACCEL_SCAN_HARDWARE, devices, MOST);

	*usable = 0;
	for (int i = 0; i < n && i < MOST; i++) {
		struct accel_device_info info = {.size = sizeof(info)};

		if (accel_device_get_info(devices[i], &info) == 0)
			*usable += info.usable == ACCEL_USABLE;
		accel_device_unref(devices[i]);
	}
	return n;
}

/* What a program without libaccel does: opens each node and asks for the driver's name.
 * Returns how many answered. */
static int open_all(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int answers = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char name[64];
		struct drm_version version = {.name = name, .name_len = sizeof(name)};
		int fd;

		if (*entry->d_name == '.')
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		answers += ioctl(fd, DRM_IOCTL_VERSION, &version) == 0;
		close(fd);
	}
	closedir(dir);
	return answers;
}

/* ---- counts ----------------------------------------------------------------------------- */

/* One list in a fork, and what it did. */
struct counts {
	int allocations, nodes_opened, usable;
};

static struct counts *counts; /* shared with the fork */
static void *(*real_alloc)(size_t bytes);
static int (*real_open)(const char *path, int flags);

static void *count_alloc(size_t bytes)
{
	counts->allocations++;
	return real_alloc(bytes);
}

static int count_open(const char *path, int flags)
{
	counts->nodes_opened += strncmp(path, "dev/", 4) == 0;
	return real_open(path, flags);
}

static int list_once(void *arg)
{
	int n = list_all(&counts->usable);

	(void)arg;
	return n < 0 ? n : 0;
}

static int print_counts(const char *top, unsigned int devices)
{
	int calls = go_to(top, devices, 0);

	*counts = (struct counts){0};
	if (!calls)
		calls = bench_count_calls(list_once, NULL);
	printf("%d %d %d %d\n", calls, counts->allocations, counts->nodes_opened, counts->usable);
	return calls;
}

int list_child_counts(const char *top)
{
	int err = list_use();

	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (err || counts == MAP_FAILED)
		return 1;
	real_alloc = accel_core_sys.alloc;
	real_open = accel_core_sys.open;
	accel_core_sys.alloc = count_alloc;
	accel_core_sys.open = count_open;
	if (print_counts(top, 0) < 0)
		return 0;
	for (size_t i = 0; i < SIZES; i++) {
		if (print_counts(top, sizes[i]) < 0)
			return 0;
	}
	return 0;
}

static void absent_counts(struct bench *b, const char *reason)
{
	bench_absent(b, "calls per device", "%s", reason);
	bench_absent(b, "allocations per device", "%s", reason);
	bench_absent(b, "device nodes opened", "%s", reason);
}

static void report_counts(struct bench *b, const char *top)
{
	char out[512], name[64], *line = out;
	int err = bench_child("list-counts", top, out, sizeof(out)), empty = 0, opened = 0;

	if (err) {
		absent_counts(b, "the child failed");
		return;
	}
	for (size_t i = 0; i < SIZES + 1; i++) {
		unsigned int devices = i ? sizes[i - 1] : 0;
		struct counts got = {0};
		int calls = 0;

		if (sscanf(line, "%d %d %d %d", &calls, &got.allocations, &got.nodes_opened,
			   &got.usable) != 4)
			calls = -EPROTO;
		if (calls < 0) {
			snprintf(name, sizeof(name), "can't be traced: %s", strerror(-calls));
			absent_counts(b, name);
			return;
		}
		line = strchr(line, '\n') + 1;
		if (got.usable != (int)devices) {
			absent_counts(b, "the provider of the made-up devices is not installed");
			return;
		}
		opened += got.nodes_opened;
		if (devices == 0) {
			empty = calls;
			bench_figure(b, "calls of an empty list", calls, "calls");
			continue;
		}
		snprintf(name, sizeof(name), "calls per device/devices=%u", devices);
		bench_at_most(b, name, (double)(calls - empty) / devices, "calls", 12);
		snprintf(name, sizeof(name), "allocations per device/devices=%u", devices);
		bench_at_most(b, name, (double)got.allocations / devices, "allocations", 2);
	}
	bench_exactly(b, "device nodes opened", opened, "opens", 0);
}

/* ---- times ------------------------------------------------------------------------------ */

struct way {
	const char *top;
	unsigned int devices;
	int (*look)(void); /* 0 or a negative errno */
};

static int look_by_list(void)
{
	int usable, n = list_all(&usable);

	return n < 0 ? n : 0;
}

static int look_by_open(void)
{
	int n = open_all("dev/accel");

	return n < 0 ? n : 0;
}

static int run_way(void *arg, unsigned int count)
{
	const struct way *way = arg;
	int err = go_to(way->top, way->devices, 0);

	for (unsigned int i = 0; i < count / way->devices && !err; i++) {
		if (i && systems(way->devices) > 1)
			err = go_to(way->top, way->devices, i);
		if (!err)
			err = way->look();
	}
	return err;
}

static unsigned int growth_rounds(struct way *way)
{
	int64_t start = bench_now(), rounds;

	run_way(way, MOST);
	rounds = GROWTH_NS / 2 / (bench_now() - start + 1);
	return rounds < ROUNDS ? ROUNDS : rounds > GROWTH ? GROWTH : (unsigned int)rounds;
}

/* Prints the growth from 16 to 256, and for each size the nanoseconds of either way. */
int list_child_times(const char *top)
{
	struct way list[SIZES], open[SIZES];
	struct bench_side sides[2] = {
		{.run = run_way, .arg = &list[1], .count = MOST},
		{.run = run_way, .arg = &list[2], .count = MOST},
	};
	int err;

	if (list_use())
		return 1;
	for (size_t i = 0; i < SIZES; i++) {
		list[i] = (struct way){top, sizes[i], look_by_list};
		open[i] = (struct way){top, sizes[i], look_by_open};
	}
	err = bench_compare(sides, 2, growth_rounds(&list[2]));
	if (err)
		return 1;
	printf("%.9g\n", sides[1].ratio);
	for (size_t i = 0; i < SIZES; i++) {
		sides[0].arg = &list[i];
		sides[1].arg = &open[i];
		err = bench_compare(sides, 2, ROUNDS);
		if (err)
			return 1;
		printf("%.9g %.9g\n", sides[0].ns, sides[1].ns);
	}
	return 0;
}

static void report_times(struct bench *b, const char *top)
{
	char out[512], name[80], *line = out;
	double growth, list, open;

	if (bench_child("list-times", top, out, sizeof(out)) || sscanf(line, "%lf", &growth) != 1) {
		bench_absent(b, "time per device, 256 against 16", "the child failed");
		bench_absent(b, "time per device", "the child failed");
		return;
	}
	bench_at_most(b, "time per device, 256 against 16", growth, "of 16 devices", 1.25);
	for (size_t i = 0; i < SIZES; i++) {
		line = strchr(line, '\n') + 1;
		if (sscanf(line, "%lf %lf", &list, &open) != 2)
			break;
		snprintf(name, sizeof(name), "time per device/devices=%u", sizes[i]);
		bench_figure(b, name, list / 1000, "us a device");
		snprintf(name, sizeof(name), "opening a file each/devices=%u", sizes[i]);
		bench_figure(b, name, open / 1000, "us a device");
	}
}

/* ---- this machine's ----------------------------------------------------------------------- */

static int run_list_here(void *arg, unsigned int count)
{
	int err = 0;

	(void)arg;
	for (unsigned int i = 0; i < count && !err; i++)
		err = look_by_list();
	return err;
}

static int run_open_here(void *arg, unsigned int count)
{
	int n = 0;

	(void)arg;
	for (unsigned int i = 0; i < count && n >= 0; i++)
		n = open_all("/dev/accel");
	return n < 0 ? n : 0;
}

static void report_here(struct bench *b)
{
	static const char *const ratio = "list against opening each";
	static const char *const list = "list of this machine", *const open =
									"opening each and VERSION";
	int err, usable, devices = list_all(&usable), answers = open_all("/dev/accel");
	struct bench_side sides[] = {
		{.run = run_open_here, .count = 1},
		{.run = run_list_here, .count = 1},
	};
	char reason[128];

	if (devices == 0 && answers <= 0) {
		snprintf(reason, sizeof(reason), "this machine has no accelerator");
		goto absent;
	}
	if (devices < 0 || answers != devices) {
		snprintf(reason, sizeof(reason), "of %d devices %d answer when opened", devices,
			 answers);
		goto absent;
	}
	err = bench_compare(sides, 2, ROUNDS_HERE);
	if (err) {
		snprintf(reason, sizeof(reason), "%s", strerror(-err));
		goto absent;
	}
	bench_figure(b, "this machine's devices", devices, "devices");
	bench_figure(b, ratio, sides[1].ratio, "of opening");
	bench_figure(b, list, sides[1].ns / 1000, "us");
	bench_figure(b, open, sides[0].ns / 1000, "us");
	return;
absent:
	bench_absent(b, ratio, "%s", reason);
	bench_absent(b, list, "%s", reason);
	bench_absent(b, open, "%s", reason);
}

static int run(struct bench *b)
{
	char top[] = "/dev/shm/accel-bench.XXXXXX", path[PATH_MAX];
	int err = bench_pin(b, 0, -1);

	if (err)
		return err;
	/* In memory, as sysfs is. */
	if (!mkdtemp(top))
		return bench_refuse(b, -errno, "/dev/shm: %s", strerror(errno));
	err = make_systems(path, top, 0);
	for (size_t i = 0; i < SIZES && !err; i++)
		err = make_systems(path, top, sizes[i]);
	if (err) {
		err = bench_refuse(b, err, "%s: %s", path, strerror(-err));
	} else {
		report_counts(b, top);
		report_times(b, top);
		report_here(b);
	}
	list_remove(top);
	return err;
}

const struct bench_group bench_group_list = {
	.name = "list",
	.about = "system calls and time of finding 1, 16 and 256 devices",
	.run = run,
};
