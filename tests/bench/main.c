/* SPDX-License-Identifier: MIT */
/*
 * accel-bench: how fast libaccel is, as ratios against what is measured beside it and as
 * counts. README.md here says how each figure is made.
 */
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct bench_group *const groups[] = {
	&bench_group_load, &bench_group_counts, &bench_group_soft,
	&bench_group_rig,  &bench_group_list,
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static void usage(FILE *to)
{
	fputs("usage: accel-bench GROUP... [--device NAME] [--quick] [--json]\n\ngroups:\n", to);
	for (size_t i = 0; i < GROUPS; i++)
		fprintf(to, "  %-8s %s%s\n", groups[i]->name, groups[i]->about,
			groups[i]->uses_device ? "; --device" : "");
}

static const struct bench_group *find_group(const char *name)
{
	for (size_t i = 0; i < GROUPS; i++) {
		if (strcmp(groups[i]->name, name) == 0)
			return groups[i];
	}
	return NULL;
}

static bool is_named_before(char **names, int i)
{
	for (int k = 0; k < i; k++) {
		if (strcmp(names[k], names[i]) == 0)
			return true;
	}
	return false;
}

static bool device_exists(const char *name)
{
	struct accel_device *dev;

	if (accel_device_find(name, &dev) < 0)
		return false;
	accel_device_unref(dev);
	return true;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"device", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'},
		{"child", required_argument, NULL, 'c'}, /* see bench_child() */
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct bench b = {0};
	bool json = false, device_used = false;
	int option, status = 0;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'd':
			b.device = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'q':
			b.quick = true;
			break;
		case 'c':
			return bench_child_main(optarg, optind < argc ? argv[optind] : "");
		case 'h':
			usage(stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++) {
		const struct bench_group *group = find_group(argv[i]);

		if (!group) {
			fprintf(stderr, "accel-bench: there is no group %s\n", argv[i]);
			return 2;
		}
		device_used |= group->uses_device;
	}
	if (b.device && !device_used) {
		fprintf(stderr, "accel-bench: no group asked for uses a device: --device %s\n",
			b.device);
		return 2;
	}
	if (b.device && !device_exists(b.device)) {
		fprintf(stderr, "accel-bench: there is no device %s\n", b.device);
		return 2;
	}

	for (int i = optind; i < argc && status == 0; i++) {
		if (is_named_before(argv + optind, i - optind))
			continue;
		b.group = find_group(argv[i])->name;
		if (find_group(argv[i])->run(&b) < 0) {
			fprintf(stderr, "accel-bench: %s: %s\n", b.group, b.refused);
			status = 2;
		}
		bench_unpin();
	}
	if (status == 0 && b.failed) {
		fputs("accel-bench: out of memory\n", stderr);
		status = 2;
	}
	/* What was measured before a group could not be is told, and JSON is an array always. */
	if (json)
		report_json(&b);
	else if (status == 0 || b.n)
		report_text(&b);
	if (fflush(stdout) || ferror(stdout)) {
		perror("accel-bench: standard output");
		status = 2;
	}
	if (status == 0) {
		for (size_t i = 0; i < b.n; i++) {
			if (!b.figures[i].reason && !figure_met(&b.figures[i]))
				status = 1;
		}
	}
	report_free(&b);
	return status;
}
