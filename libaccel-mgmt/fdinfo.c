/* SPDX-License-Identifier: MIT */
/* What DRM drivers tell of an open file in /proc/PID/fdinfo, by the kernel's
 * Documentation/gpu/drm-usage-stats.rst. */
#include "mgmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct fdinfo *info;
	struct metrics *metrics;
	const char *origin;
	bool has_total; /* sizes with the key that counts were seen */
	uint64_t resident;
	bool has_resident;
};

/* The number at the beginning of @text and what stands behind it, at @rest. */
static int take_number(const char *text, uint64_t *value, const char **rest)
{
	unsigned long long got;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	got = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	while (*end == ' ' || *end == '\t')
		end++;
	*value = got;
	*rest = end;
	return 0;
}

static int take_plain(const char *text, uint64_t *value)
{
	const char *rest;
	int ret;

	ret = take_number(text, value, &rest);
	return ret ? ret : *rest ? -EINVAL : 0;
}

static int take_time(const char *text, int64_t *ns)
{
	const char *rest;
	uint64_t value;
	int ret;

	ret = take_number(text, &value, &rest);
	if (ret)
		return ret;
	if (strcmp(rest, "ns") != 0)
		return -EINVAL;
	if (value > INT64_MAX)
		return -ERANGE;
	*ns = (int64_t)value;
	return 0;
}

static int take_size(const char *text, int64_t *bytes)
{
	const char *rest;
	uint64_t value;
	int shift, ret;

	ret = take_number(text, &value, &rest);
	if (ret)
		return ret;
	if (!*rest)
		shift = 0;
	else if (!strcmp(rest, "KiB"))
		shift = 10;
	else if (!strcmp(rest, "MiB"))
		shift = 20;
	else
		return -EINVAL;
	if (value > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	*bytes = (int64_t)(value << shift);
	return 0;
}

/* True: it was added, and not for the second time. */
static bool add(struct parser *parser, uint32_t id, const char *name, int64_t value)
{
	const struct accel_metric *metric = parser->metrics->array.items;
	uint32_t i;

	for (i = 0; i < parser->metrics->array.count; i++)
		if (metric[i].id == id && !strcmp(metric[i].name, name))
			return false;
	metrics_number(parser->metrics, id, ACCEL_SOURCE_FDINFO, name, value, parser->origin);
	return true;
}

static int add_up(uint64_t *sum, int64_t value)
{
	if (*sum > (uint64_t)INT64_MAX - (uint64_t)value)
		return -ERANGE;
	*sum += (uint64_t)value;
	return 0;
}

static int take_engine(struct parser *parser, const char *name, const char *text)
{
	int64_t ns;
	int ret;

	ret = take_time(text, &ns);
	if (ret || !add(parser, ACCEL_METRIC_BUSY_TIME, name, ns))
		return ret;
	ret = add_up(&parser->info->engine_ns, ns);
	if (!ret)
		parser->info->flags |= ACCEL_CLIENT_HAS_ENGINE_TIME;
	return ret;
}

static int take_cycles(struct parser *parser, uint32_t id, const char *name, const char *text)
{
	uint64_t cycles;
	int ret;

	ret = take_plain(text, &cycles);
	if (!ret && cycles > INT64_MAX)
		ret = -ERANGE;
	if (!ret)
		add(parser, id, name, (int64_t)cycles);
	return ret;
}

static int take_memory(struct parser *parser, uint32_t id, const char *name, const char *text)
{
	int64_t bytes;
	int ret;

	ret = take_size(text, &bytes);
	if (ret || !add(parser, id, name, bytes))
		return ret;
	if (id == ACCEL_METRIC_MEMORY_USED) {
		parser->has_total = true;
		ret = add_up(&parser->info->memory, bytes);
	} else if (id == ACCEL_METRIC_MEMORY_RESIDENT) {
		parser->has_resident = true;
		ret = add_up(&parser->resident, bytes);
	}
	return ret;
}

/* "DRIVER-REGION-alloc": amdxdna's own. They say of what kind the total is, so they are not
 * added to it. */
static int take_driver_key(struct parser *parser, const char *key, const char *text)
{
	const size_t driver = strlen(parser->info->driver), length = strlen(key);
	char name[48];
	int64_t bytes;
	int ret;

	if (!driver || strncmp(key, parser->info->driver, driver) != 0 || key[driver] != '-' ||
	    length < driver + 8 || strcmp(key + length - 6, "-alloc") != 0)
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(length - driver - 7), key + driver + 1);
	ret = take_size(text, &bytes);
	if (!ret)
		add(parser, ACCEL_METRIC_MEMORY_USED, name, bytes);
	return ret;
}

static int take(struct parser *parser, const char *key, const char *text)
{
	static const struct {
		const char *prefix;
		uint32_t id;
	} sizes[] = {
		{"drm-total-", ACCEL_METRIC_MEMORY_USED},
		{"drm-shared-", ACCEL_METRIC_MEMORY_SHARED},
		{"drm-resident-", ACCEL_METRIC_MEMORY_RESIDENT},
		{"drm-memory-", ACCEL_METRIC_MEMORY_RESIDENT}, /* its former name */
		{"drm-purgeable-", ACCEL_METRIC_MEMORY_PURGEABLE},
		{"drm-active-", ACCEL_METRIC_MEMORY_ACTIVE},
	};
	struct fdinfo *info = parser->info;
	size_t i;
	int ret;

	if (!strcmp(key, "drm-driver")) {
		text_clean(info->driver, sizeof(info->driver), text, strlen(text));
		return 0;
	}
	if (!strcmp(key, "drm-client-id")) {
		ret = take_plain(text, &info->id);
		if (!ret)
			info->flags |= ACCEL_CLIENT_HAS_ID;
		return ret;
	}
	if (!strcmp(key, "drm-client-name")) {
		text_clean(info->label, sizeof(info->label), text, strlen(text));
		return 0;
	}
	if (!strncmp(key, "drm-engine-capacity-", 20))
		return 0;
	if (!strncmp(key, "drm-engine-", 11))
		return take_engine(parser, key + 11, text);
	if (!strncmp(key, "drm-total-cycles-", 17))
		return take_cycles(parser, ACCEL_METRIC_ENGINE_CYCLES_TOTAL, key + 17, text);
	if (!strncmp(key, "drm-cycles-", 11))
		return take_cycles(parser, ACCEL_METRIC_ENGINE_CYCLES, key + 11, text);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (!strncmp(key, sizes[i].prefix, strlen(sizes[i].prefix)))
			return take_memory(parser, sizes[i].id, key + strlen(sizes[i].prefix),
					   text);
	return take_driver_key(parser, key, text);
}

/* One line, which ends at @end, without copying what no key has room for. */
static void take_line(struct parser *parser, const char *line, size_t length)
{
	char key[64], text[128];
	const char *colon = memchr(line, ':', length);
	int ret;

	if (!colon || colon == line || (size_t)(colon - line) >= sizeof(key))
		return;
	memcpy(key, line, (size_t)(colon - line));
	key[colon - line] = '\0';
	if (strpbrk(key, " \t"))
		return;
	text_clean(text, sizeof(text), colon + 1, length - (size_t)(colon + 1 - line));
	ret = take(parser, key, text);
	if (ret)
		skip(key, ret);
}

void fdinfo_parse(const char *text, struct fdinfo *info, struct metrics *metrics,
		  const char *origin)
{
	struct parser parser = {.info = info, .metrics = metrics, .origin = origin};
	size_t length;

	*info = (struct fdinfo){0};
	while (*text) {
		length = strcspn(text, "\n");
		take_line(&parser, text, length);
		text += length + (text[length] == '\n');
	}
	if (!parser.has_total && parser.has_resident)
		info->memory = parser.resident;
	if (parser.has_total || parser.has_resident)
		info->flags |= ACCEL_CLIENT_HAS_MEMORY;
}
