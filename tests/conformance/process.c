/* SPDX-License-Identifier: MIT */
/* Threads, children and descriptors of the checks. */
#include "conformance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- threads ---------------------------------------------------------------------------- */

#define THREADS_MAX 64

struct member {
	pthread_t thread;
	pthread_barrier_t *start;
	void (*fn)(void *arg, unsigned int index);
	void *arg;
	unsigned int index;
};

static void *member_main(void *arg)
{
	struct member *member = arg;

	pthread_barrier_wait(member->start);
	member->fn(member->arg, member->index);
	return NULL;
}

void run_threads(unsigned int count, void (*fn)(void *arg, unsigned int index), void *arg)
{
	struct member members[THREADS_MAX];
	pthread_barrier_t start;
	unsigned int i;

	expect(count <= THREADS_MAX);
	pthread_barrier_init(&start, NULL, count);
	for (i = 0; i < count; i++) {
		members[i] = (struct member){.start = &start, .fn = fn, .arg = arg, .index = i};
		same(pthread_create(&members[i].thread, NULL, member_main, &members[i]), 0);
	}
	for (i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
	pthread_barrier_destroy(&start);
	no_bad_notes();
}

static void *later_main(void *arg)
{
	struct later *later = arg;

	pause_ms(20);
	later->fn(later->arg);
	return NULL;
}

void later_start(struct later *l, void (*fn)(void *arg), void *arg)
{
	l->fn = fn;
	l->arg = arg;
	same(pthread_create(&l->thread, NULL, later_main, l), 0);
}

void later_join(struct later *l)
{
	pthread_join(l->thread, NULL);
}

void unblock_later(void *blocker)
{
	unblock(blocker);
}

/* ---- processes -------------------------------------------------------------------------- */

int wait_child(pid_t pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, WUNTRACED) < 0) {
			if (errno != EINTR)
				fail_here("waitpid: %s", strerror(errno));
		} else if (WIFSTOPPED(status)) {
			kill(pid, SIGKILL); /* see end_child() */
		} else {
			return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
		}
	}
}

void in_child(void (*fn)(void *arg), void *arg)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	expect(pid >= 0);
	if (pid == 0) {
		fn(arg);
		end_child();
	}
	status = wait_child(pid);
	no_bad_notes();
	if (!child_ended_well(status))
		fail_here("the child ended by %s %d", status > 255 ? "signal" : "exit status",
			  status & 255);
}

/* It stops, and wait_child() kills it: tools that look for leaks at its exit would take what
 * the parent's other threads hold for such. */
void end_child(void)
{
	raise(SIGSTOP);
	_exit(1);
}

bool child_ended_well(int status)
{
	return status == 256 + SIGKILL;
}

pid_t start_helper(const char *name, const char *arg, int in_fd, int out_fd)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	expect(pid >= 0);
	if (pid)
		return pid;
	if (in_fd >= 0)
		dup2(in_fd, STDIN_FILENO);
	if (out_fd >= 0)
		dup2(out_fd, STDOUT_FILENO);
	execl(suite.program, suite.program, "--device", suite.device, "--helper", name, arg,
	      (char *)NULL);
	_exit(127);
}

/* ---- descriptors, threads, mappings -------------------------------------------------------- */

static unsigned int count_names(const char *path)
{
	unsigned int count = 0;
	struct dirent *entry;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		fail_here("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

unsigned int count_fds(void)
{
	return count_names("/proc/self/fd") - 1;
}

unsigned int count_threads(void)
{
	return count_names("/proc/self/task");
}

unsigned int count_mappings(void)
{
	unsigned int count = 0;
	FILE *file;
	int c;

	file = fopen("/proc/self/maps", "re");
	expect(file != NULL);
	while ((c = getc(file)) != EOF)
		count += c == '\n';
	fclose(file);
	return count;
}

bool fd_is_ready(int fd)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	return poll(&entry, 1, 0) == 1 && (entry.revents & POLLIN);
}

bool fd_is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && (flags & FD_CLOEXEC);
}
