/* SPDX-License-Identifier: MIT */
/* The figures of a run: noted, and told as a table or as JSON. */
#include "report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct figure *add(struct bench *b, const char *name)
{
	struct figure *f;

	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 64;
		struct figure *more = realloc(b->figures, room * sizeof(*more));

		if (!more) {
			b->failed = true;
			return NULL;
		}
		b->figures = more;
		b->room = room;
	}
	f = &b->figures[b->n];
	*f = (struct figure){.group = b->group, .name = strdup(name)};
	if (!f->name) {
		b->failed = true;
		return NULL;
	}
	b->n++;
	return f;
}

static void note(struct bench *b, const char *name, double value, const char *unit,
		 enum target_kind kind, double target)
{
	struct figure *f;

	if (!isfinite(value)) {
		bench_absent(b, name, "the measured value is not a number");
		return;
	}
	f = add(b, name);
	if (f) {
		f->value = value;
		f->unit = unit;
		f->kind = kind;
		f->target = target;
	}
}

void bench_figure(struct bench *b, const char *name, double value, const char *unit)
{
	note(b, name, value, unit, TARGET_NONE, 0);
}

void bench_at_most(struct bench *b, const char *name, double value, const char *unit, double target)
{
	note(b, name, value, unit, TARGET_AT_MOST, target);
}

void bench_at_least(struct bench *b, const char *name, double value, const char *unit,
		    double target)
{
	note(b, name, value, unit, TARGET_AT_LEAST, target);
}

void bench_exactly(struct bench *b, const char *name, double value, const char *unit, double target)
{
	note(b, name, value, unit, TARGET_EXACTLY, target);
}

void bench_absent(struct bench *b, const char *name, const char *format, ...)
{
	struct figure *f = add(b, name);
	va_list ap;

	if (!f)
		return;
	va_start(ap, format);
	if (vasprintf(&f->reason, format, ap) < 0) {
		f->reason = NULL;
		b->failed = true;
		free(f->name);
		b->n--;
	}
	va_end(ap);
}

int bench_refuse(struct bench *b, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(b->refused, sizeof(b->refused), format, ap);
	va_end(ap);
	return err;
}

const char *bench_device(const struct bench *b)
{
	return b->device;
}

bool bench_quick(const struct bench *b)
{
	return b->quick;
}

bool figure_met(const struct figure *f)
{
	switch (f->kind) {
	case TARGET_AT_MOST:
		return f->value <= f->target;
	case TARGET_AT_LEAST:
		return f->value >= f->target;
	case TARGET_EXACTLY:
		return f->value == f->target;
	case TARGET_NONE:
		break;
	}
	return true;
}

void report_text(const struct bench *b)
{
	static const char *const words[] = {
		[TARGET_AT_MOST] = "at most",
		[TARGET_AT_LEAST] = "at least",
		[TARGET_EXACTLY] = "exactly",
	};
	size_t missed = 0, absent = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct figure *f = &b->figures[i];

		printf("%-7s %-36s ", f->group, f->name);
		if (f->reason) {
			printf("absent: %s\n", f->reason);
			absent++;
			continue;
		}
		printf("%12.6g %-14s", f->value, f->unit);
		if (f->kind != TARGET_NONE) {
			printf(" %s %g: %s", words[f->kind], f->target,
			       figure_met(f) ? "met" : "MISSED");
			missed += !figure_met(f);
		}
		putchar('\n');
	}
	printf("%zu figures, %zu missed, %zu absent\n", b->n - absent, missed, absent);
}

/* What is written is our own words and what strerror() says: quotes and backslashes are
 * all that has to be looked after. */
static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar((unsigned char)*s < ' ' ? ' ' : *s);
	}
	putchar('"');
}

void report_json(const struct bench *b)
{
	putchar('[');
	for (size_t i = 0; i < b->n; i++) {
		const struct figure *f = &b->figures[i];

		printf("%s\n  {\"group\": ", i ? "," : "");
		json_string(f->group);
		printf(", \"name\": ");
		json_string(f->name);
		if (f->reason) {
			printf(", \"absent\": ");
			json_string(f->reason);
		} else {
			printf(", \"value\": %.9g, \"unit\": ", f->value);
			json_string(f->unit);
			if (f->kind == TARGET_NONE)
				printf(", \"target\": null, \"met\": null");
			else
				printf(", \"target\": %.9g, \"met\": %s", f->target,
				       figure_met(f) ? "true" : "false");
		}
		putchar('}');
	}
	puts("\n]");
}

void report_free(struct bench *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->figures[i].name);
		free(b->figures[i].reason);
	}
	free(b->figures);
}
