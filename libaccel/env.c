/* SPDX-License-Identifier: MIT */
/* The environment: read once, here and nowhere else. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

static struct env env = { .sysfs = "/sys", .procfs = "/proc", .dev = "/dev" };

static int level_of(const char *name)
{
	static const char *const names[] = { "none", "error", "warning", "info", "debug" };
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return (int)i;
	return ACCEL_LOG_NONE;
}

static bool is(const char *name, const char *value)
{
	const char *got = secure_getenv(name);

	return got && !strcmp(got, value);
}

static void read_root(const char *name, const char **root)
{
	const char *path = secure_getenv(name);

	path = path && *path ? strdup(path) : NULL;
	if (path)
		*root = path;
}

void env_read(void)
{
	const char *path;

	env.log_level = level_of(secure_getenv("LIBACCEL_LOG"));
	path = secure_getenv("LIBACCEL_TRACE");
	if (path && *path == '/')
		env.trace_file = strdup(path);
	env.trace = env.trace_file || is("LIBACCEL_TRACE", "1");
	env.validate = is("LIBACCEL_VALIDATE", "1");
	env.no_software = is("LIBACCEL_SOFTWARE", "0");
	path = secure_getenv("LIBACCEL_PROVIDER_DIR");
	if (path && *path)
		env.provider_dir = strdup(path);
	read_root("LIBACCEL_SYSFS", &env.sysfs);
	read_root("LIBACCEL_PROCFS", &env.procfs);
	read_root("LIBACCEL_DEV", &env.dev);
}

const struct env *env_get(void)
{
	return &env;
}

const char *accel_core_root(enum accel_root root)
{
	return root == ACCEL_ROOT_SYS ? env.sysfs : root == ACCEL_ROOT_PROC ? env.procfs : env.dev;
}

bool accel_core_validates(void)
{
	return env.validate;
}
