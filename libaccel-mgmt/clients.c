/* SPDX-License-Identifier: MIT */
/* Who has devices open: a look through /proc that remembers what it saw. */
#include "mgmt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define ACCEL_MAJOR  261
#define FDINFO_BYTES (16 * 1024)
#define CLIENTS_MAX  4096u /* of one device */
#define FDS_MAX      65536 /* of one process that are looked at */

/* ---- the processes there are ------------------------------------------------------------------ */

static int add_pid(void *data, const char *name)
{
	struct array *pids = data;
	int32_t *pid;
	int64_t value;

	/* What begins with a digit below /proc is a process. */
	if (text_number(name, 1, INT32_MAX, &value) || *name == '0')
		return 0;
	if (pids->count == ARRAY_LIMIT) {
		accel_core_log(ACCEL_LOG_DEBUG, "more than %u processes: some are not looked at",
			       ARRAY_LIMIT);
		return 1;
	}
	pid = array_add(pids, sizeof(*pid));
	if (!pid)
		return -ENOMEM;
	*pid = (int32_t)value;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Bring what is known up to date: those that ended go, new ones come. */
static int update(struct processes *processes)
{
	struct array pids = {0}, merged = {0};
	const struct process *old = processes->known.items, *end;
	struct process *process;
	const int32_t *pid;
	uint32_t i;
	int ret;

	ret = accel_core_sys.list(accel_core_root(ACCEL_ROOT_PROC), add_pid, &pids);
	if (ret < 0)
		goto out;
	ret = 0;
	if (pids.count)
		qsort(pids.items, pids.count, sizeof(*pid), by_value);
	end = old ? old + processes->known.count : NULL;
	for (i = 0, pid = pids.items; i < pids.count; i++, pid++) {
		process = array_add(&merged, sizeof(*process));
		if (!process) {
			ret = -ENOMEM;
			goto out;
		}
		process->pid = *pid;
		while (old < end && old->pid < *pid)
			old++;
		if (old < end && old->pid == *pid)
			*process = *old++;
	}
	array_free(&processes->known);
	processes->known = merged;
	merged = (struct array){0};
out:
	array_free(&merged);
	array_free(&pids);
	return ret;
}

/* ---- one process ------------------------------------------------------------------------------ */

/* A look through the descriptors of one process. */
struct look {
	struct process *process;
	struct accel_sample **samples;
	uint32_t count;
	int fds;
	uint32_t uid;
	char command[32];
	char *fdinfo; /* FDINFO_BYTES */
	bool no_memory;
};

static struct client *find_client(struct accel_sample *sample, const struct fdinfo *info,
				  int32_t pid)
{
	struct client *client = sample->clients.items;
	uint32_t i;

	for (i = 0; i < sample->clients.count; i++, client++) {
		if (info->flags & ACCEL_CLIENT_HAS_ID) {
			if ((client->info.flags & ACCEL_CLIENT_HAS_ID) &&
			    client->info.id == info->id)
				return client;
		} else if (!(client->info.flags & ACCEL_CLIENT_HAS_ID) && client->info.pid == pid) {
			return client;
		}
	}
	return NULL;
}

static int add_client(struct look *look, struct accel_sample *sample, const struct fdinfo *info,
		      struct metrics *metrics)
{
	struct client *client = find_client(sample, info, look->process->pid);

	if (client) {
		if (client->info.pid == look->process->pid)
			client->info.files++;
		else
			client->info.flags |= ACCEL_CLIENT_IS_SHARED;
		array_free(&metrics->array);
		return 0;
	}
	if (sample->clients.count == CLIENTS_MAX) {
		accel_core_log(ACCEL_LOG_DEBUG, "%s has more than %u clients", sample->device.name,
			       CLIENTS_MAX);
		array_free(&metrics->array);
		return 0;
	}
	client = array_add(&sample->clients, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->info.flags = info->flags;
	client->info.pid = look->process->pid;
	client->info.uid = look->uid;
	client->info.id = info->id;
	client->info.engine_ns = info->engine_ns;
	client->info.memory = info->memory;
	client->info.metrics = metrics->array.count;
	client->info.files = 1;
	snprintf(client->info.command, sizeof(client->info.command), "%s", look->command);
	snprintf(client->info.label, sizeof(client->info.label), "%s", info->label);
	client->metrics = *metrics;
	return 0;
}

/* A descriptor of one of the devices. */
static int read_fdinfo(struct look *look, struct accel_sample *sample, const char *fd)
{
	struct metrics metrics = {0};
	struct fdinfo info = {0};
	char path[PATH_MAX];
	int ret;

	ret = file_path(path, sizeof(path), "%s/%d/fdinfo/%s", accel_core_root(ACCEL_ROOT_PROC),
			look->process->pid, fd);
	if (ret)
		return ret;
	ret = accel_core_read_file(path, look->fdinfo, FDINFO_BYTES);
	if (ret == -ENOENT || ret == -ESRCH)
		return 0; /* closed meanwhile, or the process has ended */
	if (ret < 0)
		skip(path, ret); /* the device is open, and nothing more is known */
	else
		fdinfo_parse(look->fdinfo, &info, &metrics, path);
	if (metrics.no_memory)
		ret = -ENOMEM;
	else
		ret = add_client(look, sample, &info, &metrics);
	if (ret)
		array_free(&metrics.array);
	return ret;
}

/* Whether what the link says can be no device, so that it need not be looked at. */
static bool is_no_device(const char *target)
{
	static const char *const others[] = {"/dev/null",    "/dev/pts/", "/dev/shm/", "/dev/zero",
					     "/dev/urandom", "/memfd:",   "/proc/",    "/sys/"};
	size_t i;

	if (*target != '/') /* "socket:[1]", "pipe:[2]", "anon_inode:[eventfd]" */
		return true;
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!strncmp(target, others[i], strlen(others[i])))
			return true;
	return false;
}

/* Name and owner of the process: once, for the first descriptor that counts. */
static int know_process(struct look *look)
{
	char path[PATH_MAX];
	struct stat st;
	int ret;

	if (*look->command)
		return 0;
	ret = file_path(path, sizeof(path), "%s/%d", accel_core_root(ACCEL_ROOT_PROC),
			look->process->pid);
	if (!ret)
		ret = accel_core_sys.lstat(path, &st);
	if (ret)
		return ret;
	look->uid = st.st_uid;
	ret = file_path(path, sizeof(path), "%s/%d/comm", accel_core_root(ACCEL_ROOT_PROC),
			look->process->pid);
	return ret ? ret : file_text(path, look->command, sizeof(look->command));
}

static int look_at_fd(void *data, const char *fd)
{
	struct look *look = data;
	char path[PATH_MAX], target[256];
	ssize_t length;
	struct stat st;
	uint32_t i;
	int ret;

	if (strspn(fd, "0123456789") != strlen(fd))
		return 0;
	if (look->fds++ == FDS_MAX)
		return 1;
	if (file_path(path, sizeof(path), "%s/%d/fd/%s", accel_core_root(ACCEL_ROOT_PROC),
		      look->process->pid, fd))
		return 0;
	length = accel_core_sys.readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return 0;
	target[length] = '\0';
	if (is_no_device(target) || mgmt_sys.stat_nosync(path, &st) || !S_ISCHR(st.st_mode) ||
	    major(st.st_rdev) != ACCEL_MAJOR)
		return 0;
	look->process->has_device = true;
	for (i = 0; i < look->count; i++) {
		if (look->samples[i]->device.devnum != st.st_rdev)
			continue;
		ret = know_process(look);
		if (ret)
			return 1; /* it has ended: its descriptors are no clients any more */
		if (read_fdinfo(look, look->samples[i], fd) == -ENOMEM) {
			look->no_memory = true;
			return 1;
		}
	}
	return 0;
}

static int look_at(struct process *process, struct accel_sample **samples, uint32_t count,
		   char *fdinfo)
{
	struct look look = {
		.process = process, .samples = samples, .count = count, .fdinfo = fdinfo};
	char path[PATH_MAX];
	int ret;

	process->looked = true;
	process->has_device = false;
	ret = file_path(path, sizeof(path), "%s/%d/fd", accel_core_root(ACCEL_ROOT_PROC),
			process->pid);
	if (!ret)
		ret = accel_core_sys.list(path, look_at_fd, &look);
	process->hidden = ret == -EACCES || ret == -EPERM;
	if (ret == -ENOMEM || look.no_memory)
		return -ENOMEM;
	if (ret < 0 && !process->hidden)
		skip(path, ret);
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------------- */

/* The first index beyond the process whose turn it was last. */
static uint32_t next_turn(const struct processes *processes)
{
	const struct process *process = processes->known.items;
	uint32_t i;

	for (i = 0; i < processes->known.count; i++)
		if (process[i].pid > processes->cursor)
			return i;
	return 0;
}

int clients_read(struct processes *processes, uint32_t in_turn, struct accel_sample **samples,
		 uint32_t count)
{
	struct process *process;
	uint32_t i, at, hidden = 0;
	char *fdinfo;
	int ret;

	ret = update(processes);
	if (ret) {
		if (ret == -ENOMEM)
			return ret;
		skip(accel_core_root(ACCEL_ROOT_PROC), ret);
		for (i = 0; i < count; i++)
			samples[i]->info.flags |= ACCEL_SAMPLE_NO_CLIENTS;
		return 0;
	}
	fdinfo = accel_core_sys.alloc(FDINFO_BYTES);
	if (!fdinfo)
		return -ENOMEM;

	process = processes->known.items;
	/* Whose turn it is, is noted in the array itself: they count as never looked at. */
	at = next_turn(processes);
	for (i = 0; i < processes->known.count && in_turn; i++) {
		struct process *other = &process[(at + i) % processes->known.count];

		if (other->looked && !other->has_device) {
			other->looked = false;
			processes->cursor = other->pid;
			in_turn--;
		}
	}
	for (i = 0; i < processes->known.count; i++) {
		if (!process[i].looked || process[i].has_device)
			ret = look_at(&process[i], samples, count, fdinfo);
		if (ret)
			break;
		hidden += process[i].hidden;
	}
	accel_core_sys.free(fdinfo);
	for (i = 0; i < count; i++) {
		samples[i]->info.hidden = hidden;
		samples[i]->info.clients = samples[i]->clients.count;
	}
	return ret;
}
