/* SPDX-License-Identifier: MIT */
/* accelctl top: measuring, and what is written where there is no terminal. */
#include "top.h"

#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ABSENT INT64_MIN

/* ---- devices ----------------------------------------------------------------------- */

static int64_t value_of(struct accel_sample *sample, uint32_t id)
{
	struct accel_metric metric = {.size = sizeof(metric)};

	return accel_sample_find_metric(sample, id, NULL, &metric) ? ABSENT : metric.value;
}

static struct top_engine *find_engine(struct top_device *device, const char *name)
{
	struct top_engine *engine;
	unsigned int i;

	for (i = 0; i < device->engines; i++)
		if (!strcmp(device->engine[i].name, name))
			return &device->engine[i];
	if (device->engines == TOP_ENGINES_MAX)
		return NULL;
	engine = &device->engine[device->engines++];
	snprintf(engine->name, sizeof(engine->name), "%s", name);
	engine->busy_ns = ABSENT;
	engine->busy = -1;
	return engine;
}

static double share(int64_t part, int64_t whole)
{
	const double value = whole > 0 ? (double)part / (double)whole : 0;

	return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* A counter of time: how much of the time between two samples it grew by. */
static void take_time(struct top_engine *engine, int64_t busy_ns, int64_t passed_ns)
{
	engine->busy = -1;
	if (engine->busy_ns != ABSENT && passed_ns > 0 && busy_ns >= engine->busy_ns)
		engine->busy = share(busy_ns - engine->busy_ns, passed_ns);
	engine->busy_ns = busy_ns;
}

/* All metrics of one kind; false if there is none. */
static bool take_engines(struct top_device *device, struct accel_sample *sample, uint32_t metrics,
			 uint32_t id, int64_t passed_ns)
{
	struct accel_metric metric;
	struct top_engine *engine;
	bool any = false;
	uint32_t i;

	for (i = 0; i < metrics; i++) {
		metric = (struct accel_metric){.size = sizeof(metric)};
		if (accel_sample_get_metric(sample, ACCEL_NO_CLIENT, i, &metric) || metric.id != id)
			continue;
		engine = find_engine(device, metric.name);
		if (!engine)
			continue;
		if (id == ACCEL_METRIC_UTILIZATION)
			engine->busy = share(metric.value, 100);
		else
			take_time(engine, metric.value, passed_ns);
		any = true;
	}
	return any;
}

static void take_sample(struct top_device *device, struct accel_sample *sample)
{
	struct accel_sample_info info = {.size = sizeof(info)};
	int64_t passed_ns;
	unsigned int i;

	if (accel_sample_get_info(sample, &info))
		return;
	passed_ns = device->time_ns ? info.time_ns - device->time_ns : 0;
	device->time_ns = info.time_ns;
	device->power = info.power;
	device->memory_used = value_of(sample, ACCEL_METRIC_MEMORY_USED);
	device->memory_total = value_of(sample, ACCEL_METRIC_MEMORY_TOTAL);
	device->clock = value_of(sample, ACCEL_METRIC_CLOCK);
	device->temperature = value_of(sample, ACCEL_METRIC_TEMPERATURE);
	device->watts = value_of(sample, ACCEL_METRIC_POWER);

	if (take_engines(device, sample, info.metrics, ACCEL_METRIC_BUSY_TIME, passed_ns) ||
	    take_engines(device, sample, info.metrics, ACCEL_METRIC_UTILIZATION, passed_ns))
		device->kind = "busy";
	else if (take_engines(device, sample, info.metrics, ACCEL_METRIC_RUNTIME_ACTIVE, passed_ns))
		device->kind = "awake";
	else
		device->kind = "";
	device->busy = -1;
	for (i = 0; i < device->engines; i++)
		if (device->engine[i].busy > device->busy)
			device->busy = device->engine[i].busy;
	memmove(device->history, device->history + 1,
		(TOP_HISTORY - 1) * sizeof(device->history[0]));
	device->history[TOP_HISTORY - 1] = device->busy;
}

static struct top_device *find_device(struct top *top, const struct accel_device_info *info)
{
	struct top_device *bigger, *device;
	unsigned int i;

	for (i = 0; i < top->devices; i++)
		if (!strcmp(top->device[i].info.id, info->id))
			return &top->device[i];
	bigger = realloc(top->device, (top->devices + 1) * sizeof(*bigger));
	if (!bigger)
		return NULL;
	top->device = bigger;
	device = &top->device[top->devices++];
	*device = (struct top_device){.kind = "", .busy = -1};
	for (i = 0; i < TOP_HISTORY; i++)
		device->history[i] = -1;
	return device;
}

/* ---- clients ----------------------------------------------------------------------- */

static struct top_client *find_client(struct top *top, const char *device,
				      const struct accel_client *client)
{
	struct top_client *bigger, *at;
	unsigned int i;

	for (i = 0; i < top->clients; i++) {
		at = &top->client[i];
		if (at->client.pid == client->pid && !strcmp(at->device, device) &&
		    (at->client.flags & ACCEL_CLIENT_HAS_ID) ==
			    (client->flags & ACCEL_CLIENT_HAS_ID) &&
		    at->client.id == client->id)
			return at;
	}
	bigger = realloc(top->client, (top->clients + 1) * sizeof(*bigger));
	if (!bigger)
		return NULL;
	top->client = bigger;
	at = &top->client[top->clients++];
	*at = (struct top_client){.busy = -1};
	snprintf(at->device, sizeof(at->device), "%s", device);
	return at;
}

static void take_clients(struct top *top, const struct top_device *device,
			 struct accel_sample *sample)
{
	struct accel_sample_info info = {.size = sizeof(info)};
	struct accel_client client;
	struct top_client *at;
	uint32_t i;

	if (accel_sample_get_info(sample, &info))
		return;
	top->hidden = info.hidden;
	for (i = 0; i < info.clients; i++) {
		client = (struct accel_client){.size = sizeof(client)};
		if (accel_sample_get_client(sample, i, &client))
			continue;
		at = find_client(top, device->info.name, &client);
		if (!at)
			continue;
		at->busy = -1;
		if (at->time_ns && (client.flags & ACCEL_CLIENT_HAS_ENGINE_TIME) &&
		    client.engine_ns >= at->client.engine_ns)
			at->busy = share((int64_t)(client.engine_ns - at->client.engine_ns),
					 info.time_ns - at->time_ns);
		at->client = client;
		at->time_ns = info.time_ns;
		at->seen = true;
	}
}

/* ---- one more look ----------------------------------------------------------------- */

static void forget_unseen(struct top *top)
{
	unsigned int i, kept = 0;

	for (i = 0; i < top->devices; i++)
		if (top->device[i].seen)
			top->device[kept++] = top->device[i];
	top->devices = kept;
	for (i = kept = 0; i < top->clients; i++)
		if (top->client[i].seen)
			top->client[kept++] = top->client[i];
	top->clients = kept;
}

int top_update(struct top *top)
{
	struct accel_sample **samples;
	struct ctl_devices devices;
	struct top_device *device;
	unsigned int i;
	int status;

	status = ctl_select(top->only, 0, &devices);
	if (status)
		return status;
	status = sample_read(top->telemetry, &devices, &samples);
	if (status) {
		ctl_devices_free(&devices);
		return status;
	}
	for (i = 0; i < top->devices; i++)
		top->device[i].seen = false;
	for (i = 0; i < top->clients; i++)
		top->client[i].seen = false;
	for (i = 0; i < devices.count; i++) {
		device = find_device(top, &devices.info[i]);
		if (!device)
			continue;
		device->info = devices.info[i];
		device->seen = true;
		take_sample(device, samples[i]);
		take_clients(top, device, samples[i]);
	}
	forget_unseen(top);
	sample_free(samples, devices.count);
	ctl_devices_free(&devices);
	return CTL_OK;
}

/* ---- without a terminal ------------------------------------------------------------ */

static void pause_for(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

static json_t *known(int64_t value)
{
	return value == ABSENT ? json_null() : json_integer(value);
}

static json_t *busy_json(double busy)
{
	return busy < 0 ? json_null() : json_real(busy);
}

static int print_json(const struct top *top)
{
	json_t *all = ctl_json_start("top"), *devices = json_array(), *clients = json_array();
	const struct top_device *device;
	const struct top_client *client;
	json_t *engines;
	unsigned int i, e;

	for (i = 0; i < top->devices; i++) {
		device = &top->device[i];
		engines = json_array();
		for (e = 0; e < device->engines; e++)
			json_array_append_new(engines,
					      json_pack("{s:o, s:o}", "name",
							ctl_json_text(device->engine[e].name),
							"busy", busy_json(device->engine[e].busy)));
		json_array_append_new(
			devices,
			json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
				  "id", ctl_json_text(device->info.id), "name",
				  ctl_json_text(device->info.name), "driver",
				  ctl_json_text(device->info.driver), "power",
				  sample_power_word(device->power), "busy", busy_json(device->busy),
				  "busy_kind", ctl_json_text(device->kind), "engines", engines,
				  "memory_used", known(device->memory_used), "memory_total",
				  known(device->memory_total), "clock_hz", known(device->clock),
				  "temperature_millicelsius", known(device->temperature),
				  "power_microwatts", known(device->watts)));
	}
	for (i = 0; i < top->clients; i++) {
		client = &top->client[i];
		json_array_append_new(
			clients, json_pack("{s:i, s:o, s:o, s:o, s:o}", "pid", client->client.pid,
					   "command", ctl_json_text(client->client.command),
					   "device", ctl_json_text(client->device), "busy",
					   busy_json(client->busy), "memory_bytes",
					   client->client.flags & ACCEL_CLIENT_HAS_MEMORY
						   ? json_integer((json_int_t)client->client.memory)
						   : json_null()));
	}
	json_object_set_new(all, "interval_s", json_real(top->interval));
	json_object_set_new(all, "devices", devices);
	json_object_set_new(all, "clients", clients);
	json_object_set_new(all, "hidden_processes", json_integer(top->hidden));
	return ctl_json_print(all, true);
}

static int print_text(const struct top *top)
{
	struct top_screen screen = {0};
	unsigned int i;

	top_render(top, &screen, TOP_WIDTH);
	for (i = 0; i < screen.lines; i++)
		puts(screen.line[i].text);
	free(screen.line);
	return ctl_flush();
}

/* Rates need two looks: the first line comes after the first interval. */
static int in_lines(struct top *top, bool once, bool json)
{
	int status;

	do {
		pause_for(top->interval);
		status = top_update(top);
		if (!status)
			status = json ? print_json(top) : print_text(top);
		if (!status && !once && !json)
			putchar('\n');
	} while (!status && !once);
	return status;
}

static int parse_interval(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out >= 0.05 && *out <= 3600))
		return ctl_fail(CTL_USAGE,
				"--interval '%s' is no number of seconds from 0.05 to "
				"3600",
				text);
	return CTL_OK;
}

int ctl_top(int argc, char **argv)
{
	static const struct option options[] = {
		{"once", no_argument, NULL, '1'},
		{"json", no_argument, NULL, 'j'},
		{"interval", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct top top = {.interval = 1};
	bool once = false, json = false;
	int option, ret, status = CTL_OK;

	while (!status && (option = getopt_long(argc, argv, ":1ji:h", options, NULL)) != -1) {
		switch (option) {
		case '1':
			once = true;
			break;
		case 'j':
			json = true;
			break;
		case 'i':
			status = parse_interval(optarg, &top.interval);
			break;
		default:
			return ctl_option(argc, argv, option);
		}
	}
	if (!status)
		status = ctl_words(argc, argv, 0, 1);
	if (status)
		return status;
	top.only = argv[optind];
	setlocale(LC_CTYPE, "");
	top.unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	ret = accel_telemetry_create(NULL, &top.telemetry);
	if (ret)
		return ctl_fail_library(ret, "reading telemetry");
	status = top_update(&top);
	if (!status)
		status = once || json || !isatty(STDOUT_FILENO) ? in_lines(&top, once, json)
								: top_interactive(&top);
	accel_telemetry_unref(top.telemetry);
	free(top.device);
	free(top.client);
	return status;
}
