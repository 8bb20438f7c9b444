/* SPDX-License-Identifier: MIT */
/* Small files of this system, or of a copy of another; nothing in them is believed. */
#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *ctl_root = "";

bool ctl_path(char *out, size_t bytes, const char *format, ...)
{
	const size_t root = strlen(ctl_root);
	va_list args;
	int length;

	if (root >= bytes)
		return false;
	memcpy(out, ctl_root, root + 1);
	va_start(args, format);
	length = vsnprintf(out + root, bytes - root, format, args);
	va_end(args);
	return length >= 0 && (size_t)length < bytes - root;
}

const char *ctl_sysfs(void)
{
	static char path[PATH_MAX];
	const char *set = secure_getenv("LIBACCEL_SYSFS");

	if (*ctl_root || !set || !*set)
		snprintf(path, sizeof(path), "%s/sys", ctl_root);
	else
		snprintf(path, sizeof(path), "%s", set);
	return path;
}

/* What fits into @bytes; -EFBIG if there is more. */
static ssize_t read_file(const char *path, char *buf, size_t bytes)
{
	size_t got = 0;
	ssize_t ret;
	/* O_NONBLOCK: in a made-up tree it could be a FIFO. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		ret = read(fd, buf + got, bytes - got);
		if (ret > 0)
			got += (size_t)ret;
	} while ((ret > 0 && got < bytes) || (ret < 0 && errno == EINTR));
	ret = ret < 0 ? -errno : (ssize_t)got;
	close(fd);
	return ret;
}

int ctl_read(const char *path, char *buf, size_t bytes)
{
	ssize_t length = read_file(path, buf, bytes);

	if (length < 0)
		return (int)length;
	if ((size_t)length == bytes)
		return -EFBIG;
	if (memchr(buf, '\0', (size_t)length))
		return -EILSEQ;
	while (length > 0 && strchr(" \t\r\n", buf[length - 1]))
		length--;
	buf[length] = '\0';
	return (int)length;
}

int ctl_read_all(const char *path, size_t limit, char **out)
{
	char *buf = malloc(limit + 1);
	ssize_t length;

	if (!buf)
		return -ENOMEM;
	length = read_file(path, buf, limit);
	if (length < 0) {
		free(buf);
		return (int)length;
	}
	buf[length] = '\0';
	*out = buf;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ctl_names_free(char **names, unsigned int count)
{
	while (count > 0)
		free(names[--count]);
	free(names);
}

int ctl_names(const char *path, char ***names, unsigned int *count)
{
	unsigned int room = 0, found = 0;
	char **list = NULL, **bigger;
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		if (found == room) {
			room = room ? 2 * room : 32;
			bigger = realloc(list, room * sizeof(*list));
			if (!bigger)
				goto no_memory;
			list = bigger;
		}
		list[found] = strdup(entry->d_name);
		if (!list[found])
			goto no_memory;
		found++;
	}
	closedir(dir);
	if (found)
		qsort(list, found, sizeof(*list), by_name);
	*names = list;
	*count = found;
	return 0;

no_memory:
	closedir(dir);
	ctl_names_free(list, found);
	return -ENOMEM;
}

int ctl_link_name(const char *path, char *buf, size_t bytes)
{
	char target[PATH_MAX];
	const char *last;
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= bytes)
		return -ENAMETOOLONG;
	strcpy(buf, last);
	return 0;
}
