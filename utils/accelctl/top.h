/* SPDX-License-Identifier: MIT */
/* What the parts of top share: what was measured, and the screen that is made of it. */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include "sample.h"

#define TOP_HISTORY 60
#define TOP_WIDTH   80 /* a screen fits into this */

/* One part of a device that works: an engine, or the whole. */
struct top_engine {
	char name[48];   /* "": the device */
	int64_t busy_ns; /* as of the last sample; -1: it tells a percentage */
	double busy;     /* 0 .. 1; < 0: not known yet */
};

#define TOP_ENGINES_MAX 16
struct top_device {
	struct accel_device_info info;
	uint32_t power; /* enum accel_power */
	/* How busy is known: "busy" by the driver, "awake" only from power management. */
	const char *kind;
	unsigned int engines;
	struct top_engine engine[TOP_ENGINES_MAX];
	double busy;
	double history[TOP_HISTORY]; /* the newest last; < 0: none */
	int64_t memory_used, memory_total, clock, temperature, watts; /* INT64_MIN: absent */
	int64_t time_ns;
	bool seen;
};

struct top_client {
	char device[64];
	struct accel_client client;
	int64_t time_ns;
	double busy; /* < 0: not known */
	bool seen;
};

struct top {
	struct accel_telemetry *telemetry;
	const char *only; /* a device's name, or NULL */
	double interval;
	bool unicode;
	struct top_device *device;
	unsigned int devices;
	struct top_client *client;
	unsigned int clients;
	unsigned int hidden; /* processes that could not be looked at */
};

/* Measure again. CTL_OK, or it says why not. */
int top_update(struct top *top);

enum top_style {
	TOP_PLAIN,
	TOP_TITLE,  /* the first line */
	TOP_HEADING /* of a table */
};

/* One line of the screen. */
struct top_line {
	char text[512];
	enum top_style style;
	unsigned int bar, bar_columns; /* where a bar lies, in columns; 0 columns: none */
	double level;                  /* 0 .. 1, of the bar */
};

struct top_screen {
	struct top_line *line;
	unsigned int lines, room;
};

/* Of at most @columns columns. */
void top_render(const struct top *top, struct top_screen *screen, unsigned int columns);

/* On the terminal, until the user ends it. */
int top_interactive(struct top *top);

#endif
