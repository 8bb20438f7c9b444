/* SPDX-License-Identifier: MIT */
/* accelctl monitor: devices that come, go and change, a line each as it happens. */
#include "ctl.h"

#include <accel/mgmt.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static const char *type_word(uint32_t type)
{
	static const char *const word[] = {"unknown",  "arrived",   "removed",   "online",
					   "offline",  "lost",      "recovered", "changed",
					   "overflow", "no-uevents"};

	return type < ARRAY_SIZE(word) ? word[type] : "unknown";
}

/* When it was noticed, as people tell the time. */
static void wall_time(int64_t monotonic_ns, char *out, size_t bytes)
{
	struct timespec wall, now;
	struct tm tm;
	int64_t ns;
	size_t length;
	time_t seconds;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (int64_t)(wall.tv_sec - now.tv_sec) * 1000000000 + wall.tv_nsec - now.tv_nsec +
	     monotonic_ns;
	seconds = (time_t)(ns / 1000000000);
	gmtime_r(&seconds, &tm);
	length = strftime(out, bytes, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + length, bytes - length, ".%06dZ", (int)(ns % 1000000000 / 1000));
}

static int print_event(struct accel_event *event, bool json)
{
	const bool of_device = event->type < ACCEL_EVENT_OVERFLOW;
	json_t *number = event->devnum ? json_sprintf("%u:%u", major((dev_t)event->devnum),
						      minor((dev_t)event->devnum))
				       : json_null();
	char time[64];

	wall_time(event->time_ns, time, sizeof(time));
	if (json)
		return ctl_json_print(
			json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:s?, s:b, s:o}",
				  "format", "accelctl-monitor-1", "time", time, "event",
				  type_word(event->type), "seqnum", (json_int_t)event->seqnum, "id",
				  ctl_json_text(event->id), "name", ctl_json_text(event->name),
				  "driver", ctl_json_text(event->driver), "node",
				  ctl_json_text(event->node), "number", number, "state",
				  of_device ? ctl_usable_word(event->usable) : NULL, "initial",
				  (int)(event->flags & ACCEL_EVENT_IS_INITIAL), "text",
				  ctl_json_text(event->text)),
			true);
	json_decref(number);
	printf("%s %-9s", time, type_word(event->type));
	if (of_device)
		printf(" %s %s %s", *event->name ? ctl_printable(event->name) : "-",
		       *event->id ? ctl_printable(event->id) : "-",
		       *event->driver ? ctl_printable(event->driver) : "-");
	if (of_device && event->type != ACCEL_EVENT_REMOVED)
		printf(" %s", ctl_usable_word(event->usable));
	printf("%s%s\n", *event->text ? ": " : "", ctl_printable(event->text));
	return ctl_flush();
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1: look for events; 0: the time is over. */
static int wait_event(int fd, int64_t end_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int64_t left;
	int ret;

	do {
		left = end_ms < 0 ? -1 : end_ms - now_ms();
		if (stopped || (end_ms >= 0 && left <= 0))
			return 0;
		ret = poll(&pollfd, 1, left > 1000000 ? 1000000 : (int)left);
	} while (ret <= 0);
	return 1;
}

static int watch(struct accel_monitor *monitor, bool json, uint64_t count, int64_t end_ms)
{
	struct accel_event event;
	uint64_t seen = 0;
	int fd, ret, status = CTL_OK;

	ret = accel_monitor_fd(monitor, &fd);
	if (ret)
		return ctl_fail_library(ret, "watching devices");
	while (!status && (!count || seen < count)) {
		event = (struct accel_event){.size = sizeof(event)};
		ret = accel_monitor_read(monitor, &event);
		if (ret < 0)
			return ctl_fail_library(ret, "reading an event");
		if (ret) {
			status = print_event(&event, json);
			seen++;
		} else if (!wait_event(fd, end_ms)) {
			break;
		}
	}
	if (!status && !stopped && seen < count)
		return ctl_fail(CTL_FAILED,
				"%" PRIu64 " of %" PRIu64 " events came in time; give "
				"--timeout more seconds",
				seen, count);
	return status;
}

int ctl_monitor(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},        {"initial", no_argument, NULL, 'i'},
		{"count", required_argument, NULL, 'c'}, {"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},        {0},
	};
	struct accel_monitor_params params = {.size = sizeof(params)};
	struct sigaction action = {.sa_handler = stop};
	struct accel_monitor *monitor;
	uint64_t count = 0, timeout = 0;
	bool json = false;
	int option, ret, status = CTL_OK;

	while (!status && (option = getopt_long(argc, argv, ":jic:t:h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'i':
			params.flags |= ACCEL_MONITOR_INITIAL;
			break;
		case 'c':
			status = ctl_number("--count", optarg, 1, UINT32_MAX, false, &count);
			break;
		case 't':
			status = ctl_number("--timeout", optarg, 1, 1000000000, false, &timeout);
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	if (!status)
		status = ctl_words(argc, argv, 0, 0);
	if (status)
		return status;
	/* Ctrl-C is how it is meant to end. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = accel_monitor_create(&params, &monitor);
	if (ret)
		return ctl_fail_library(ret, "watching devices");
	status = watch(monitor, json, count, timeout ? now_ms() + (int64_t)timeout * 1000 : -1);
	accel_monitor_unref(monitor);
	return status;
}
