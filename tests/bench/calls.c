/* SPDX-License-Identifier: MIT */
/* How many system calls some work makes: all of them, as the kernel tells a tracer. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The marks are stops, each of which takes one call. */
static void traced(int (*work)(void *arg), void *arg)
{
	pid_t self = getpid();
	int err;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(errno);
	syscall(SYS_kill, self, SIGSTOP);
	err = work(arg);
	syscall(SYS_kill, self, SIGSTOP);
	_exit(-err);
}

/* Waits until the process stops, and says why: a signal, or a system call. */
static int wait_stop(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFSTOPPED(status))
		return WSTOPSIG(status);
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int go_on(pid_t pid, int request)
{
	return ptrace(request, pid, NULL, NULL) < 0 ? -errno : 0;
}

int bench_count_calls(int (*work)(void *arg), void *arg)
{
	const int call = SIGTRAP | 0x80; /* with PTRACE_O_TRACESYSGOOD */
	int why, status, stops = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		traced(work, arg);

	why = wait_stop(pid);
	if (why < 0)
		return why;
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0) {
		why = -errno;
		goto end;
	}
	/* Each call stops twice, as it begins and as it ends. */
	do {
		why = go_on(pid, PTRACE_SYSCALL);
		if (!why)
			why = wait_stop(pid);
		stops += why == call;
	} while (why == call);
	if (why == SIGSTOP && !go_on(pid, PTRACE_CONT)) {
		if (waitpid(pid, &status, 0) < 0)
			return -errno;
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
		return stops / 2 - 1; /* the second mark's own */
	}
	if (why > 0)
		why = -EINTR;
end:
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return why;
}
