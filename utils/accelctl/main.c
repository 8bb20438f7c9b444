/* SPDX-License-Identifier: MIT */
/* accelctl: see the accelerators of this machine, and know why one does not work. */
#include "ctl.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifndef HAVE_MGMT
static int left_out_mgmt(int argc, char **argv)
{
	(void)argc, (void)argv;
	return ctl_fail(CTL_UNSUPPORTED, "this accelctl was built without libaccel-mgmt: install "
					 "libnl-genl-3-dev and build again");
}
#define ctl_monitor  left_out_mgmt
#define ctl_ras      left_out_mgmt
#define ctl_metrics  left_out_mgmt
#define ctl_firmware left_out_mgmt
#endif
#ifndef HAVE_TOP
static int left_out_top(int argc, char **argv)
{
	(void)argc, (void)argv;
	return ctl_fail(CTL_UNSUPPORTED, "this accelctl was built without ncurses or without "
					 "libaccel-mgmt: install libncurses-dev and "
					 "libnl-genl-3-dev and build again");
}
#define ctl_top left_out_top
#endif

static const struct ctl_command commands[] = {
	{"list", "[--json] [--hardware]", "the devices, and whether they can be used", ctl_list},
	{"info", "[--json] [--open] DEVICE", "all that is known of a device", ctl_info},
	{"doctor", "[--json] [--no-job] [--root DIR] [DEVICE]",
	 "find the first thing that is wrong, and what mends it", ctl_doctor},
	{"top", "[--once] [--json] [--interval SECONDS] [DEVICE]",
	 "a live screen of devices, engines and clients", ctl_top},
	{"monitor", "[--json] [--count N] [--timeout SECONDS]",
	 "devices that come, go and change, a line each", ctl_monitor},
	{"ras", "list|show|clear [--json] [DEVICE] [--node NAME] [--error NAME]",
	 "errors that the hardware counts", ctl_ras},
	{"run", "[--bytes N] [--count N] [--json] [fill|copy|matmul] [DEVICE]",
	 "run a job and check every byte of it", ctl_run},
	{"trace", "[--summary] [--json] [--output FILE] -- COMMAND...",
	 "a program's calls to the kernel, decoded", ctl_trace},
	{"metrics", "[--format openmetrics|prometheus] [--output FILE] [DEVICE]",
	 "OpenMetrics text, for node_exporter", ctl_metrics},
	{"cdi", "[--kind VENDOR/CLASS] [--output FILE] [DEVICE]",
	 "a Container Device Interface specification", ctl_cdi},
	{"firmware", "info [--json] DEVICE | flash [--component NAME] DEVICE FILE",
	 "versions of firmware; write another", ctl_firmware},
};

static const struct ctl_command *current;

static void print_help(void)
{
	size_t i;

	if (current) {
		printf("usage: accelctl %s %s\n%s\n", current->name, current->usage,
		       current->about);
	} else {
		puts("usage: accelctl SUBCOMMAND [ARGUMENT]...");
		for (i = 0; i < ARRAY_SIZE(commands); i++)
			printf("  %-9s %s\n", commands[i].name, commands[i].about);
		puts("\n'accelctl SUBCOMMAND --help' has its options, accelctl(8) all the rest.");
	}
}

int ctl_option(int argc, char **argv, int given)
{
	(void)argc;
	if (given == 'h') {
		print_help();
		exit(ctl_flush());
	}
	return ctl_fail(CTL_USAGE, "%s '%s'; usage: accelctl %s %s",
			given == ':' ? "a value is missing after" : "unknown option",
			argv[optind - 1], current->name, current->usage);
}

int ctl_words(int argc, char **argv, int min, int max)
{
	const int words = argc - optind;

	if (words > max)
		return ctl_fail(CTL_USAGE, "'%s' is one word too many; usage: accelctl %s %s",
				argv[optind + max], current->name, current->usage);
	if (words < min)
		return ctl_fail(CTL_USAGE, "something is missing; usage: accelctl %s %s",
				current->name, current->usage);
	return CTL_OK;
}

int ctl_number(const char *what, const char *text, uint64_t min, uint64_t max, bool units,
	       uint64_t *out)
{
	unsigned long long value;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (units && *end && !end[1]) {
		unit = strchr("kMG", *end);
		if (unit) {
			shift = 10 * ((unsigned int)(unit - "kMG") + 1);
			end++;
		}
	}
	if (errno || end == text || *end || *text == '-' || value > max >> shift ||
	    value << shift < min)
		return ctl_fail(CTL_USAGE, "%s '%s' is no number from %llu to %llu", what, text,
				(unsigned long long)min, (unsigned long long)max);
	*out = (uint64_t)value << shift;
	return CTL_OK;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const uint32_t version = accel_version();
	size_t i;

	opterr = 0;
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("accelctl %u.%u.%u\n", version >> 16, version >> 8 & 0xff, version & 0xff);
		return ctl_flush();
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		print_help();
		return ctl_flush();
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(word, commands[i].name))
			break;
	if (i == ARRAY_SIZE(commands))
		return ctl_fail(CTL_USAGE, "%s%s%s; 'accelctl --help' has the subcommands",
				*word ? "there is no subcommand '" : "a subcommand is missing",
				word, *word ? "'" : "");
	current = &commands[i];
	ctl_set_name(current->name);
	return current->run(argc - 1, argv + 1);
}
