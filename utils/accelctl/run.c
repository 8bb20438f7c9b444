/* SPDX-License-Identifier: MIT */
/* accelctl run: a job on a device, with every byte that it wrote looked at. */
#include "job.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR 40

struct bar {
	uint64_t count;
	int64_t start_s;
	bool shown;
};

static int64_t seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Only for people, and only when it takes long. */
static void show_bar(void *data, uint64_t done)
{
	static const char full[BAR + 1] = "########################################";
	struct bar *bar = data;
	int length;

	if (!bar->shown && seconds() - bar->start_s < 2)
		return;
	bar->shown = true;
	length = (int)(done * BAR / bar->count);
	fprintf(stderr, "\r[%.*s%*s] %" PRIu64 " of %" PRIu64 " ", length, full, BAR - length, "",
		done, bar->count);
	fflush(stderr);
}

static void hide_bar(const struct bar *bar)
{
	if (bar->shown)
		fprintf(stderr, "\r\033[K");
}

/* The first device that can be used; hardware comes first. */
static int choose(struct accel_device **out, struct accel_device_info *info)
{
	struct ctl_devices devices;
	unsigned int i;
	int status;

	status = ctl_scan(0, &devices);
	if (status)
		return status;
	for (i = 0; i < devices.count; i++)
		if (devices.info[i].usable == ACCEL_USABLE &&
		    (job_default(&devices.info[i]) != JOB_KINDS || i + 1 == devices.count))
			break;
	if (i < devices.count) {
		*out = accel_device_ref(devices.device[i]);
		*info = devices.info[i];
	} else {
		status = ctl_fail(devices.count ? CTL_UNUSABLE : CTL_NO_DEVICE,
				  "no device can be used; 'accelctl doctor' looks for the reason");
	}
	ctl_devices_free(&devices);
	return status;
}

static const char *outcome_word(uint32_t outcome)
{
	static const char *const word[] = {
		[ACCEL_PENDING] = "pending",
		[ACCEL_DONE] = "done",
		[ACCEL_DONE_UNVERIFIED] = "unverified",
		[ACCEL_FAILED] = "failed",
		[ACCEL_TIMED_OUT] = "timed-out",
		[ACCEL_CANCELED] = "canceled",
		[ACCEL_LOST] = "lost",
	};

	return outcome < ARRAY_SIZE(word) ? word[outcome] : "unknown";
}

static int print_result(const struct accel_device_info *info, const struct job_request *request,
			const struct job_result *result, bool json)
{
	const char *kind = job_kind_name(request->shape.kind);
	const double rate =
		result->ns ? (double)result->moved * (double)result->done * 1e9 / (double)result->ns
			   : 0;
	json_t *all;
	int status;

	if (json) {
		all = ctl_json_start("run");
		json_object_update_new(
			all,
			json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "device",
				  ctl_json_text(info->id), "driver", ctl_json_text(result->driver),
				  "job", kind, "jobs", (json_int_t)result->done, "bytes_per_job",
				  (json_int_t)result->moved, "time_ns", (json_int_t)result->ns,
				  "bytes_checked", (json_int_t)result->bytes, "bytes_wrong",
				  (json_int_t)result->wrong, "outcome",
				  outcome_word(result->outcome)));
		status = ctl_json_print(all, false);
	} else {
		printf("device: %s (driver %s)\n", info->id, result->driver);
		printf("jobs: %" PRIu64 " x %s, %s moved by each, %s each, %sB/s\n", result->done,
		       kind, ctl_bytes(result->moved), ctl_ns(result->ns / result->done),
		       ctl_rate(rate));
		printf("outcome: %s\n", outcome_word(result->outcome));
		printf("check: %" PRIu64 " of %" PRIu64 " bytes are wrong\n", result->wrong,
		       result->bytes);
		status = ctl_flush();
	}
	if (!status && result->wrong)
		return ctl_fail(CTL_WRONG,
				"%" PRIu64 " of %" PRIu64 " bytes are wrong: the device or its "
				"memory is faulty; see the kernel's log (dmesg)",
				result->wrong, result->bytes);
	return status;
}

static int fail_run(int ret, const struct accel_device_info *info,
		    const struct job_request *request, const struct job_result *result)
{
	const char *kind = job_kind_name(request->shape.kind);
	char what[160];

	if (!result->step)
		return ctl_fail(CTL_UNSUPPORTED, "%s: accelctl has no %s for the driver %s%s",
				info->id, kind, result->driver,
				request->shape.kind != JOB_COPY && job_default(info) == JOB_COPY
					? "; try 'accelctl run copy'"
					: ", whose jobs take a compiled network: run one of yours");
	snprintf(what, sizeof(what), "%s, %s", info->id, result->step);
	switch (ret) {
	case -ETIME:
		return ctl_fail(CTL_FAILED,
				"%s: has not ended in time; see the kernel's log "
				"(dmesg), or give --timeout",
				what);
	case -EIO:
	case -ETIMEDOUT:
	case -ECANCELED:
	case -ESTALE:
		return ctl_fail(CTL_FAILED, "%s: ended as %s; see the kernel's log (dmesg)", what,
				outcome_word(result->outcome));
	default:
		return ctl_fail_library(ret, what);
	}
}

static int run_it(const char *kind, const char *device_name, struct job_request *request,
		  uint64_t timeout_s, bool json)
{
	struct bar bar = {.count = request->count, .start_s = seconds()};
	struct accel_device_info info = {.size = sizeof(info)};
	struct accel_device *device;
	struct job_result result;
	int ret, status;

	status = device_name ? ctl_find(device_name, &device, &info) : choose(&device, &info);
	if (status)
		return status;
	if (!kind)
		request->shape.kind = JOB_COPY;
	if (isatty(STDERR_FILENO) && !json) {
		request->progress = show_bar;
		request->data = &bar;
	}
	accel_deadline(timeout_s * 1000000000, &request->deadline);
	ret = job_run(device, request, &result);
	hide_bar(&bar);
	if (ret)
		accel_device_get_info(device, &info);
	status = ret ? fail_run(ret, &info, request, &result)
		     : print_result(&info, request, &result, json);
	accel_device_unref(device);
	return status;
}

int ctl_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"bytes", required_argument, NULL, 'b'},
		{"count", required_argument, NULL, 'c'},
		{"size", required_argument, NULL, 'n'},
		{"timeout", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct job_request request = {.count = 10, .shape = {.bytes = 1 << 20, .n = 256}};
	const char *kind = NULL, *device = NULL;
	uint64_t timeout_s = 60, size = 256;
	bool json = false;
	int option, i, status = CTL_OK;

	while (!status && (option = getopt_long(argc, argv, ":b:c:n:t:jh", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			status = ctl_number("--bytes", optarg, 1, 1ull << 32, true,
					    &request.shape.bytes);
			break;
		case 'c':
			status =
				ctl_number("--count", optarg, 1, 1000000000, false, &request.count);
			break;
		case 'n':
			status = ctl_number("--size", optarg, 1, 2048, false, &size);
			break;
		case 't':
			status = ctl_number("--timeout", optarg, 1, 1000000, false, &timeout_s);
			break;
		case 'j':
			json = true;
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	if (!status)
		status = ctl_words(argc, argv, 0, 2);
	if (status)
		return status;
	request.shape.n = (uint32_t)size;
	for (i = 0; i < JOB_KINDS && optind < argc && !kind; i++)
		if (!strcmp(argv[optind], job_kind_name((enum job_kind)i))) {
			kind = argv[optind++];
			request.shape.kind = (enum job_kind)i;
		}
	if (optind < argc)
		device = argv[optind++];
	if (optind < argc)
		return ctl_fail(CTL_USAGE, "there is no job '%s': fill, copy or matmul", device);
	return run_it(kind, device, &request, timeout_s, json);
}
