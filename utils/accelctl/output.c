/* SPDX-License-Identifier: MIT */
/* What subcommands print: tables, JSON, numbers with units. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- text that others wrote -------------------------------------------------------- */

/* How many bytes the UTF-8 character at @text has; 0: it is none, or a control character. */
static unsigned int character(const unsigned char *text)
{
	const unsigned int bytes = *text < 0x80   ? 1
				   : *text < 0xc2 ? 0
				   : *text < 0xe0 ? 2
				   : *text < 0xf0 ? 3
				   : *text < 0xf5 ? 4
						  : 0;
	unsigned int i;

	if (bytes <= 1)
		return *text >= 0x20 && *text != 0x7f ? bytes : 0;
	for (i = 1; i < bytes; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, what lies beyond Unicode, the C1 controls. */
	if ((*text == 0xc2 && text[1] < 0xa0) || (*text == 0xe0 && text[1] < 0xa0) ||
	    (*text == 0xed && text[1] > 0x9f) || (*text == 0xf0 && text[1] < 0x90) ||
	    (*text == 0xf4 && text[1] > 0x8f))
		return 0;
	return bytes;
}

char *ctl_printable(char *text)
{
	unsigned char *at = (unsigned char *)text;
	unsigned int bytes;

	while (*at) {
		bytes = character(at);
		if (!bytes)
			*at = '?';
		at += bytes ? bytes : 1;
	}
	return text;
}

/* ---- tables ------------------------------------------------------------------------ */

int ctl_table_row(struct ctl_table *table)
{
	char **bigger;

	if (table->rows == table->room) {
		table->room = table->room ? 2 * table->room : 16;
		bigger = realloc(table->cells,
				 (size_t)table->room * table->columns * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		table->cells = bigger;
	}
	memset(&table->cells[table->rows * table->columns], 0, table->columns * sizeof(*bigger));
	table->rows++;
	return 0;
}

int ctl_table_add(struct ctl_table *table, unsigned int column, const char *format, ...)
{
	char **cell = &table->cells[(table->rows - 1) * table->columns + column];
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(cell, format, args);
	va_end(args);
	if (length < 0) {
		*cell = NULL;
		return -ENOMEM;
	}
	ctl_printable(*cell);
	return 0;
}

int ctl_table_start(struct ctl_table *table, const char *const *headings)
{
	unsigned int i;
	int ret;

	*table = (struct ctl_table){0};
	while (headings[table->columns])
		table->columns++;
	ret = ctl_table_row(table);
	for (i = 0; i < table->columns && !ret; i++)
		ret = ctl_table_add(table, i, "%s", headings[i]);
	return ret;
}

/* Of characters, not bytes. */
static unsigned int width_of(const char *text)
{
	unsigned int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void ctl_table_print(const struct ctl_table *table, FILE *out)
{
	unsigned int width[CTL_COLUMNS_MAX] = {0}, row, column;
	const char *cell;

	for (row = 0; row < table->rows; row++)
		for (column = 0; column < table->columns; column++) {
			cell = table->cells[row * table->columns + column];
			if (cell && width_of(cell) > width[column])
				width[column] = width_of(cell);
		}
	for (row = 0; row < table->rows; row++) {
		for (column = 0; column < table->columns; column++) {
			cell = table->cells[row * table->columns + column];
			if (!cell)
				cell = "";
			fputs(cell, out);
			if (column + 1 < table->columns)
				fprintf(out, "%*s", (int)(width[column] - width_of(cell) + 2), "");
		}
		fputc('\n', out);
	}
}

void ctl_table_free(struct ctl_table *table)
{
	unsigned int i;

	for (i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
}

/* ---- JSON -------------------------------------------------------------------------- */

json_t *ctl_json_text(const char *text)
{
	json_t *value;
	char *copy;

	if (!text || !*text)
		return json_null();
	copy = strdup(text);
	if (!copy)
		return NULL;
	value = json_string(ctl_printable(copy));
	free(copy);
	return value;
}

json_t *ctl_json_start(const char *kind)
{
	return json_pack("{s:o}", "format", json_sprintf("accelctl-%s-1", kind));
}

int ctl_json_print(json_t *value, bool lines)
{
	int ret = value ? json_dumpf(value, stdout, lines ? JSON_COMPACT : JSON_INDENT(2)) : -1;

	json_decref(value);
	if (ret)
		return ctl_fail(CTL_FAILED, "no memory for the JSON text, or stdout takes no more");
	putchar('\n');
	return ctl_flush();
}

/* Beside it and renamed: who reads it meanwhile sees no half of it. */
int ctl_write_file(const char *path, const char *text, size_t bytes)
{
	char *temporary;
	FILE *file = NULL;
	int fd, ret;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return ctl_fail(CTL_FAILED, "no memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd >= 0)
		file = fdopen(fd, "w");
	ret = file ? 0 : -errno;
	if (file) {
		fchmod(fd, 0644);
		if (fwrite(text, 1, bytes, file) != bytes || fflush(file) || fsync(fd))
			ret = -errno;
		fclose(file);
		if (!ret && rename(temporary, path))
			ret = -errno;
		if (ret)
			unlink(temporary);
	}
	free(temporary);
	if (!ret)
		return CTL_OK;
	return ctl_fail(ret == -EACCES || ret == -EPERM ? CTL_PERMISSION : CTL_FAILED,
			"'%s' can't be written: %s; is its directory there and yours to write?",
			path, strerror(-ret));
}

int ctl_json_write(json_t *value, const char *path)
{
	char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL, *line = NULL;
	int status;

	json_decref(value);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	status = line ? ctl_write_file(path, line, strlen(line))
		      : ctl_fail(CTL_FAILED, "no memory for the JSON text");
	free(line);
	return status;
}

int ctl_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return ctl_fail(CTL_FAILED, "stdout takes no more: %s; is the disk full?",
				strerror(errno));
	return CTL_OK;
}

/* ---- units ------------------------------------------------------------------------- */

static char *ring(void)
{
	static char text[16][32];
	static unsigned int next;

	return text[next++ % ARRAY_SIZE(text)];
}

const char *ctl_bytes(uint64_t bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	unsigned int i = 0;
	char *text = ring();

	while (value >= 1024 && i + 1 < ARRAY_SIZE(unit)) {
		value /= 1024;
		i++;
	}
	snprintf(text, sizeof(char[32]), value < 10 && i ? "%.1f %s" : "%.0f %s", value, unit[i]);
	return text;
}

const char *ctl_ns(uint64_t ns)
{
	char *text = ring();

	if (ns < 1000)
		snprintf(text, sizeof(char[32]), "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(text, sizeof(char[32]), "%.1f us", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(text, sizeof(char[32]), "%.1f ms", (double)ns / 1e6);
	else if (ns < 120000000000)
		snprintf(text, sizeof(char[32]), "%.1f s", (double)ns / 1e9);
	else
		snprintf(text, sizeof(char[32]), "%" PRIu64 " min", ns / 60000000000);
	return text;
}

const char *ctl_rate(double per_second)
{
	char *text = ring();

	if (per_second >= 1e9)
		snprintf(text, sizeof(char[32]), "%.1f G", per_second / 1e9);
	else if (per_second >= 1e6)
		snprintf(text, sizeof(char[32]), "%.1f M", per_second / 1e6);
	else
		snprintf(text, sizeof(char[32]), "%.1f k", per_second / 1e3);
	return text;
}
