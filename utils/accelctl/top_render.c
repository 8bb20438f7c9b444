/* SPDX-License-Identifier: MIT */
/* top: lines of text made of what was measured. Knows nothing of terminals. */
#include "top.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAR           20
#define SPARK         24
#define CLIENTS_SHOWN 100

static struct top_line *add_line(struct top_screen *screen, enum top_style style)
{
	struct top_line *bigger;

	if (screen->lines == screen->room) {
		screen->room = screen->room ? 2 * screen->room : 64;
		bigger = realloc(screen->line, screen->room * sizeof(*bigger));
		if (!bigger) {
			screen->room = screen->lines;
			return NULL;
		}
		screen->line = bigger;
	}
	screen->line[screen->lines] = (struct top_line){.style = style};
	return &screen->line[screen->lines++];
}

/* The first @columns characters of it. */
static void cut(char *text, unsigned int columns)
{
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) == 0x80)
			continue;
		if (!columns--)
			break;
	}
	*text = '\0';
}

static void say(struct top_screen *screen, enum top_style style, unsigned int columns,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
static void say(struct top_screen *screen, enum top_style style, unsigned int columns,
		const char *format, ...)
{
	struct top_line *line = add_line(screen, style);
	va_list args;

	if (!line)
		return;
	va_start(args, format);
	vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
	ctl_printable(line->text);
	cut(line->text, columns);
}

static void add(char *to, size_t bytes, const char *text)
{
	const size_t length = strlen(to);

	snprintf(to + length, bytes - length, "%s", text);
}

/* "[||||||      ]  37%" */
static void add_bar(struct top_line *line, double busy)
{
	const int full = (int)(busy * BAR + 0.5);
	char text[64];

	line->bar = (unsigned int)strlen(line->text) + 1;
	line->bar_columns = BAR;
	line->level = busy;
	if (busy < 0) {
		line->bar_columns = 0;
		snprintf(text, sizeof(text), "[%*s]    -", BAR, "");
	} else {
		snprintf(text, sizeof(text), "[%.*s%*s] %3.0f%%", full, "||||||||||||||||||||",
			 BAR - full, "", busy * 100);
	}
	add(line->text, sizeof(line->text), text);
}

/* The last of the history, a character each. */
static void add_spark(struct top_line *line, const double *history, bool unicode)
{
	static const char *const block[] = {"\u2581", "\u2582", "\u2583", "\u2584",
					    "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	unsigned int i, step;

	for (i = TOP_HISTORY - SPARK; i < TOP_HISTORY; i++) {
		step = history[i] < 0 ? 0 : (unsigned int)(history[i] * 7.999);
		add(line->text, sizeof(line->text),
		    history[i] < 0 ? " "
		    : unicode      ? block[step]
				   : ascii[step]);
	}
}

static void number(char *out, size_t bytes, int64_t value, double scale, const char *format)
{
	if (value == INT64_MIN)
		snprintf(out, bytes, "-");
	else
		snprintf(out, bytes, format, (double)value / scale);
}

/* ---- devices ----------------------------------------------------------------------- */

static void render_device(const struct top *top, const struct top_device *device,
			  struct top_screen *screen, unsigned int columns)
{
	char memory[48], clock[16], heat[16], watts[16];
	struct top_line *line;
	unsigned int i;

	if (device->memory_used == INT64_MIN)
		snprintf(memory, sizeof(memory), "-");
	else if (device->memory_total == INT64_MIN)
		snprintf(memory, sizeof(memory), "%s", ctl_bytes((uint64_t)device->memory_used));
	else
		snprintf(memory, sizeof(memory), "%s/%s", ctl_bytes((uint64_t)device->memory_used),
			 ctl_bytes((uint64_t)device->memory_total));
	number(clock, sizeof(clock), device->clock, 1e6, "%.0f MHz");
	number(heat, sizeof(heat), device->temperature, 1e3, "%.0f C");
	number(watts, sizeof(watts), device->watts, 1e6, "%.1f W");
	say(screen, TOP_PLAIN, columns, "%-9.9s %-10.10s %-10s %-17s %8s %6s %8s",
	    device->info.name, *device->info.driver ? device->info.driver : "?",
	    device->power         ? sample_power_word(device->power)
	    : device->info.usable ? ctl_usable_word(device->info.usable)
				  : "-",
	    memory, clock, heat, watts);
	for (i = 0; i < device->engines; i++) {
		line = add_line(screen, TOP_PLAIN);
		if (!line)
			return;
		snprintf(line->text, sizeof(line->text), "  %-16.16s %-5s ",
			 *device->engine[i].name ? device->engine[i].name : "device", device->kind);
		ctl_printable(line->text);
		add_bar(line, device->engine[i].busy);
		add(line->text, sizeof(line->text), " ");
		if (i == 0)
			add_spark(line, device->history, top->unicode);
		cut(line->text, columns);
		if (line->bar + line->bar_columns > columns)
			line->bar_columns = 0;
	}
}

/* ---- clients ----------------------------------------------------------------------- */

static int busiest(const void *a, const void *b)
{
	const struct top_client *const *x = a, *const *y = b;

	if ((*x)->busy != (*y)->busy)
		return (*x)->busy < (*y)->busy ? 1 : -1;
	return ((*x)->client.pid > (*y)->client.pid) - ((*x)->client.pid < (*y)->client.pid);
}

static const char *user_name(uint32_t uid)
{
	static uint32_t known_uid;
	static char name[32];
	const struct passwd *user;

	if (!*name || uid != known_uid) {
		user = getpwuid(uid);
		if (user)
			snprintf(name, sizeof(name), "%s", user->pw_name);
		else
			snprintf(name, sizeof(name), "%" PRIu32, uid);
		known_uid = uid;
	}
	return name;
}

static void render_clients(const struct top *top, struct top_screen *screen, unsigned int columns)
{
	const struct top_client **sorted = calloc(top->clients + 1, sizeof(*sorted));
	const struct top_client *at;
	char busy[16], memory[32];
	unsigned int i;

	if (!sorted)
		return;
	for (i = 0; i < top->clients; i++)
		sorted[i] = &top->client[i];
	qsort(sorted, top->clients, sizeof(*sorted), busiest);
	say(screen, TOP_HEADING, columns, "%8s %-10s %-9s %6s %10s  %s", "PID", "USER", "DEVICE",
	    "BUSY", "MEMORY", "COMMAND");
	for (i = 0; i < top->clients && i < CLIENTS_SHOWN; i++) {
		at = sorted[i];
		snprintf(busy, sizeof(busy), "-");
		if (at->busy >= 0)
			snprintf(busy, sizeof(busy), "%.0f%%", at->busy * 100);
		snprintf(memory, sizeof(memory), "-");
		if (at->client.flags & ACCEL_CLIENT_HAS_MEMORY)
			snprintf(memory, sizeof(memory), "%s", ctl_bytes(at->client.memory));
		say(screen, TOP_PLAIN, columns, "%8d %-10.10s %-9.9s %6s %10s  %s%s%s",
		    at->client.pid, user_name(at->client.uid), at->device, busy, memory,
		    at->client.command, *at->client.label ? " " : "", at->client.label);
	}
	if (!top->clients)
		say(screen, TOP_PLAIN, columns, "%8s no client%s", "-",
		    top->hidden ? " that can be seen" : "");
	free(sorted);
}

void top_render(const struct top *top, struct top_screen *screen, unsigned int columns)
{
	const time_t now = time(NULL);
	char clock[16];
	struct tm tm;
	unsigned int i;

	screen->lines = 0;
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	say(screen, TOP_TITLE, columns, "accelctl top  %s  %u device%s  %u client%s  every %g s",
	    clock, top->devices, top->devices == 1 ? "" : "s", top->clients,
	    top->clients == 1 ? "" : "s", top->interval);
	say(screen, TOP_PLAIN, columns, "%s", "");
	say(screen, TOP_HEADING, columns, "%-9s %-10s %-10s %-17s %8s %6s %8s", "DEVICE", "DRIVER",
	    "STATE", "MEMORY", "CLOCK", "HEAT", "POWER");
	for (i = 0; i < top->devices; i++)
		render_device(top, &top->device[i], screen, columns);
	if (!top->devices)
		say(screen, TOP_PLAIN, columns,
		    "no device; 'accelctl doctor' looks for the reason");
	say(screen, TOP_PLAIN, columns, "%s", "");
	render_clients(top, screen, columns);
	if (top->hidden)
		say(screen, TOP_PLAIN, columns,
		    "%u processes of others can't be looked at; root sees all", top->hidden);
}
