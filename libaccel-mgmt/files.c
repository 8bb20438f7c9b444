/* SPDX-License-Identifier: MIT */
/* Small files of sysfs and procfs, believing nothing in them; text, numbers, growing arrays. */
#include "mgmt.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE_BYTES (4096 + 1) /* the kernel makes no longer ones */

int file_path(char *path, size_t bytes, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(path, bytes, format, args);
	va_end(args);
	return length < 0 || (size_t)length >= bytes ? -ENAMETOOLONG : 0;
}

void skip(const char *what, int err)
{
	/* That a file is not there is how most drivers say that they lack something. */
	if (err != -ENOENT)
		accel_core_log(ACCEL_LOG_DEBUG, "skipping %s: %s", what, strerror(-err));
}

void text_clean(char *to, size_t bytes, const char *text, size_t length)
{
	size_t i;

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	while (length && isspace((unsigned char)*text))
		text++, length--;
	for (i = 0; i < length && i < bytes - 1 && text[i]; i++)
		to[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : text[i] == '\n' ? ' ' : '?';
	to[i] = '\0';
}

int file_text(const char *path, char *buf, size_t bytes)
{
	char text[ATTRIBUTE_BYTES];
	int length;

	length = accel_core_read_file(path, text, sizeof(text));
	if (length < 0)
		return length;
	text_clean(buf, bytes, text, (size_t)length);
	return *buf ? 0 : -ENODATA;
}

int text_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
	long long got;
	char *end;

	if (!isdigit((unsigned char)*text) && !(*text == '-' && isdigit((unsigned char)text[1])))
		return -EINVAL;
	errno = 0;
	got = strtoll(text, &end, 10);
	if (errno)
		return -ERANGE;
	while (isspace((unsigned char)*end))
		end++;
	if (*end)
		return -EINVAL;
	if (got < min || got > max)
		return -ERANGE;
	*value = got;
	return 0;
}

int file_number(const char *path, int64_t min, int64_t max, int64_t *value)
{
	char text[32];
	int ret;

	ret = accel_core_read_file(path, text, sizeof(text));
	return ret < 0 ? ret : text_number(text, min, max, value);
}

void *array_insert(struct array *array, size_t bytes, uint32_t index)
{
	uint32_t room = array->room ? 2 * array->room : 16;
	char *items = array->items;

	if (array->count == ARRAY_LIMIT)
		return NULL;
	if (array->count == array->room) {
		items = accel_core_sys.alloc(room * bytes);
		if (!items)
			return NULL;
		if (array->count)
			memcpy(items, array->items, array->count * bytes);
		accel_core_sys.free(array->items);
		array->items = items;
		array->room = room;
	}
	memmove(items + (index + 1) * bytes, items + index * bytes, (array->count - index) * bytes);
	memset(items + index * bytes, 0, bytes);
	array->count++;
	return items + index * bytes;
}

void *array_add(struct array *array, size_t bytes)
{
	return array_insert(array, bytes, array->count);
}

void array_free(struct array *array)
{
	accel_core_sys.free(array->items);
	*array = (struct array){0};
}
