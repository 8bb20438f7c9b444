/* SPDX-License-Identifier: MIT */
/* Reading sysfs, and believing nothing in it. */
#include "core.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int sysfs_read(const char *path, char *buf, size_t bytes)
{
	size_t got = 0;
	ssize_t ret;
	int fd;

	/* O_NONBLOCK: in a made-up tree it could be a FIFO. */
	fd = accel_core_sys.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	/* A short read is the end of an attribute: the kernel makes it in one piece. */
	do {
		ret = accel_core_sys.read(fd, buf + got, bytes - got);
		if (ret > 0)
			got += (size_t)ret;
	} while (ret == -EINTR);
	accel_core_sys.close(fd);
	if (ret < 0)
		return (int)ret;
	if (got == bytes)
		return -EFBIG;
	buf[got] = '\0';
	if (memchr(buf, '\0', got))
		return -EILSEQ;
	return (int)got;
}

int accel_core_read_file(const char *path, char *buf, size_t bytes)
{
	return sysfs_read(path, buf, bytes);
}

int sysfs_uevent(const char *text, const char *key, char *value, size_t bytes)
{
	const size_t key_length = strlen(key);
	const char *end;
	size_t length;

	for (; *text; text = *end ? end + 1 : end) {
		end = strchr(text, '\n');
		if (!end)
			end = text + strlen(text);
		if (strncmp(text, key, key_length) || text[key_length] != '=')
			continue;
		text += key_length + 1;
		length = (size_t)(end - text);
		if (length >= bytes)
			return -ENAMETOOLONG;
		memcpy(value, text, length);
		value[length] = '\0';
		return 0;
	}
	return -ENOENT;
}

static int parse_number(const char *text, long long *value)
{
	long long got;
	char *end;

	errno = 0;
	got = strtoll(text, &end, 10);
	if (end == text || errno)
		return -EINVAL;
	while (isspace((unsigned char)*end))
		end++;
	if (*end)
		return -EINVAL;
	*value = got;
	return 0;
}

int sysfs_number(const char *path, long long *value)
{
	char text[32];
	int ret;

	ret = sysfs_read(path, text, sizeof(text));
	return ret < 0 ? ret : parse_number(text, value);
}

bool sysfs_is_plain_word(const char *name)
{
	if (*name == '.' || !*name)
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("_-.:", *name))
			return false;
	return true;
}

bool accel_core_is_plain_word(const char *name)
{
	return sysfs_is_plain_word(name);
}
