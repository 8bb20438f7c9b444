/* SPDX-License-Identifier: MIT */
/* What must be looked at in a process of its own, such as which files are mapped. */
#include "bench.h"
#include "list.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Providers lie in lib/libaccel/N, N being the number of their interface, or, those with functions
 * of their own, beside the library. */
static bool is_provider(const char *line)
{
	return fnmatch("*/libaccel/[0-9]/*.so\n", line, 0) == 0 ||
	       fnmatch("*/libaccel-*.so.*\n", line, 0) == 0;
}

/* How many lines of the process's map are of a provider's file. */
static int mapped_providers(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;
	int n = 0;

	if (!maps)
		return -errno;
	while (getline(&line, &room, maps) > 0)
		n += is_provider(line);
	free(line);
	fclose(maps);
	return n;
}

/* Lists the devices, and says how many providers that maps, and how many if soft is opened; without
 * those that this program is linked with. */
static int child_maps(const char *arg)
{
	struct accel_device *devices[64];
	struct accel_device *soft;
	struct accel_context *ctx;
	int n, before = mapped_providers(), listed;

	(void)arg;
	n = accel_device_scan(0, devices, 64);
	for (int i = 0; i < n && i < 64; i++) {
		struct accel_device_info info = {.size = sizeof(info)};

		accel_device_get_info(devices[i], &info);
		accel_device_unref(devices[i]);
	}
	listed = mapped_providers();
	if (n < 0 || before < 0 || listed < 0 || accel_device_find("soft:0", &soft) < 0)
		return 1;
	n = accel_open(soft, NULL, ACCEL_NO_DEADLINE, &ctx);
	accel_device_unref(soft);
	if (n < 0)
		return 1;
	printf("%d %d\n", listed - before, mapped_providers() - before);
	accel_context_unref(ctx);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const char *arg);
} children[] = {
	{"maps", child_maps},
	{"list-counts", list_child_counts},
	{"list-times", list_child_times},
};

int bench_child_main(const char *name, const char *arg)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (strcmp(children[i].name, name) == 0)
			return children[i].run(arg);
	}
	fprintf(stderr, "accel-bench: there is no child %s\n", name);
	return 2;
}

int bench_run(const char *program, char *const argv[], char *out, size_t size)
{
	posix_spawn_file_actions_t actions;
	size_t have = 0;
	ssize_t got = 0;
	int fds[2], err, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	err = -posix_spawn_file_actions_init(&actions);
	if (!err) {
		err = -posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		if (!err)
			err = -posix_spawnp(&pid, program, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(fds[1]);
	if (err)
		goto out;

	while (have < size - 1 && (got = read(fds[0], out + have, size - 1 - have)) > 0)
		have += got;
	if (got < 0)
		err = -errno;
	out[have] = '\0';
	if (waitpid(pid, &status, 0) < 0)
		err = -errno;
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		err = -ECHILD;
out:
	close(fds[0]);
	return err;
}

int bench_child(const char *name, const char *arg, char *out, size_t size)
{
	char *argv[] = {"accel-bench", "--child", (char *)name, (char *)arg, NULL};

	return bench_run("/proc/self/exe", argv, out, size);
}
