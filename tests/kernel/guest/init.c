// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first process: makes a private root in memory, shows the host's directories it
 * was told to read-only, loads the modules, runs one command, and powers off.
 *
 * The host passes a directory (kernel parameter rig=) with files, one item a line:
 *   links    TARGET NAME           symbolic links to make
 *   mounts   HOST GUEST ro|rw      directories to show
 *   modules  FILE [PARAMETERS]     modules to load, in order
 *   argv, env                      of the command, each item ended by a zero byte
 *   cwd                            where the command starts
 *   mode                           "command", or "shell" for one on the console
 * The command's output goes to the serial lines 0 and 1, and one line about how it ended to
 * line 2, so that none of it mixes with the kernel's console.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CONTROL "/run/rig"

static int status_line = -1;

static void write_all(int fd, const char *data, size_t bytes)
{
	ssize_t n;

	while (bytes) {
		n = write(fd, data, bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		data += n;
		bytes -= n;
	}
}

static void __attribute__((noreturn, format(printf, 1, 2))) finish(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (status_line >= 0) {
		dprintf(status_line, "%s\n", text);
		tcdrain(status_line);
	}
	/* Nobody is killed first: there are files that the kernel cannot close unharmed. */
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static int open_line(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios tio;

	if (fd >= 0 && !tcgetattr(fd, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(fd, TCSANOW, &tio);
	}
	return fd;
}

static void make_directories(const char *path)
{
	char *copy = strdup(path), *at;

	for (at = copy; copy && (at = strchr(at + 1, '/'));) {
		*at = 0;
		mkdir(copy, 0755);
		*at = '/';
	}
	mkdir(path, 0755);
	free(copy);
}

static void must_mount(const char *type, const char *source, const char *target,
		       unsigned long flags, const char *data)
{
	make_directories(target);
	if (mount(source, target, type, flags, data) && errno != EBUSY)
		finish("error cannot mount %s on %s: %s", *data ? data : type, target,
		       strerror(errno));
}

/* The whole of a control file, with a zero byte after it. */
static char *read_control(const char *name, size_t *bytes)
{
	char path[256], *data;
	struct stat st;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), CONTROL "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		finish("error cannot read %s: %s", name, strerror(errno));
	data = calloc(1, st.st_size + 1);
	for (*bytes = 0; data && *bytes < (size_t)st.st_size; *bytes += n) {
		n = read(fd, data + *bytes, st.st_size - *bytes);
		if (n <= 0)
			break;
	}
	close(fd);
	if (!data || n < 0)
		finish("error cannot read %s", name);
	return data;
}

/* Items ended by a zero byte, as a NULL-terminated array. */
static char **read_items(const char *name)
{
	size_t bytes, count = 0, i;
	char *data = read_control(name, &bytes), **items;

	for (i = 0; i < bytes; i++)
		count += !data[i];
	items = calloc(count + 1, sizeof(*items));
	if (!items)
		finish("error no memory");
	for (i = 0; i < count; i++, data += strlen(data) + 1)
		items[i] = data;
	return items;
}

static void for_each_line(const char *name, void (*fn)(char *line))
{
	size_t bytes;
	char *data = read_control(name, &bytes), *line;

	while ((line = strsep(&data, "\n")))
		if (*line)
			fn(line);
}

static void make_link(char *line)
{
	char *target = strsep(&line, "\t");

	make_directories(line);
	rmdir(line);
	if (symlink(target, line))
		finish("error cannot link %s: %s", line, strerror(errno));
}

static void show(char *line)
{
	char *host = strsep(&line, "\t"), *guest = strsep(&line, "\t");

	must_mount("hostfs", "none", guest, strcmp(line, "rw") ? MS_RDONLY : 0, host);
}

static void load_module(char *line)
{
	char *file = strsep(&line, "\t");
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, line ? line : "", 0))
		finish("error cannot load %s: %s", file, strerror(errno));
	close(fd);
}

static void make_root(const char *control)
{
	static const char users[] = "root:x:0:0:root:/tmp:/bin/sh\n"
				    "nobody:x:65534:65534:nobody:/tmp:/bin/sh\n";
	static const char groups[] = "root:x:0:\nnogroup:x:65534:\n";
	int fd;

	must_mount("proc", "proc", "/proc", 0, "");
	must_mount("sysfs", "sysfs", "/sys", 0, "");
	must_mount("devtmpfs", "devtmpfs", "/dev", 0, "");
	status_line = open_line("/dev/ttyS2");
	must_mount("debugfs", "debugfs", "/sys/kernel/debug", 0, "");
	must_mount("tmpfs", "tmpfs", "/tmp", 0, "mode=1777");
	must_mount("tmpfs", "tmpfs", "/run", 0, "mode=755");
	must_mount("tmpfs", "tmpfs", "/dev/shm", 0, "mode=1777");
	must_mount("hostfs", "none", CONTROL, MS_RDONLY, control);
	symlink("/proc/self/fd", "/dev/fd");
	make_directories("/etc");
	fd = open("/etc/passwd", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	write_all(fd, users, sizeof(users) - 1);
	close(fd);
	fd = open("/etc/group", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	write_all(fd, groups, sizeof(groups) - 1);
	close(fd);
}

/*
 * Wait for a device whose firmware is still about to start: its node is there and cannot be
 * opened. One that is told not to start is left after some seconds.
 */
static void await_device(const char *path)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int fd, tries;

	for (tries = 0; tries < 2000; tries++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != ENODEV)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Accelerators: as on a desktop, for everyone. */
static void open_devices(void)
{
	char path[64];
	int i;

	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		if (!chmod(path, 0666))
			await_device(path);
	}
}

/* The console as large as the terminal behind it. */
static void set_size(int fd)
{
	const char *rows = getenv("LINES"), *columns = getenv("COLUMNS");
	struct winsize size = { 0 };

	if (!rows || !columns)
		return;
	size.ws_row = atoi(rows);
	size.ws_col = atoi(columns);
	ioctl(fd, TIOCSWINSZ, &size);
}

static pid_t start(const int out[2], const int err[2], char *console)
{
	char **argv = read_items("argv"), **env = read_items("env");
	size_t bytes;
	char *cwd = read_control("cwd", &bytes);
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	setsid();
	environ = env;
	if (console) {
		fd = open(console, O_RDWR);
		ioctl(fd, TIOCSCTTY, 1);
		set_size(fd);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
	} else {
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
	}
	if (fd > 2)
		close(fd);
	if (chdir(cwd))
		chdir("/tmp");
	execvpe(argv[0], argv, env);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Pass on what is there to read; 0 at the end of the pipe. */
static int pass_on(int from, int to)
{
	char data[4096];
	ssize_t n = read(from, data, sizeof(data));

	if (n > 0)
		write_all(to, data, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void ignore(int sig)
{
	(void)sig;
}

/* Until the command has ended and what it wrote has gone out; its children may live on. */
static int relay(pid_t command, int out, int err, int out_line, int err_line)
{
	struct pollfd fds[2] = { { .fd = out, .events = POLLIN },
				 { .fd = err, .events = POLLIN } };
	const struct timespec zero = { 0, 0 };
	int status = 0, done = 0, ready, i;
	sigset_t none, child;
	pid_t pid;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGCHLD, ignore);
	for (;;) {
		int s;

		while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
			if (pid == command) {
				status = s;
				done = 1;
			}
		ready = ppoll(fds, 2, done ? &zero : NULL, &none);
		if (ready == 0 && done)
			break;
		for (i = 0; ready > 0 && i < 2; i++)
			if (fds[i].revents && !pass_on(fds[i].fd, i ? err_line : out_line))
				fds[i].fd = -1;
		if (done && fds[0].fd < 0 && fds[1].fd < 0)
			break;
	}
	tcdrain(out_line);
	tcdrain(err_line);
	return status;
}

int main(void)
{
	const char *control = getenv("rig");
	int out[2], err[2], out_line, err_line, status;
	char *mode;
	size_t bytes;

	umask(022);
	if (!control)
		finish("error no rig= parameter");
	make_root(control);
	for_each_line("links", make_link);
	for_each_line("mounts", show);
	for_each_line("modules", load_module);
	open_devices();
	mode = read_control("mode", &bytes);
	if (!strcmp(mode, "shell")) {
		waitpid(start(NULL, NULL, "/dev/tty1"), &status, 0);
	} else {
		out_line = open_line("/dev/ttyS0");
		err_line = open_line("/dev/ttyS1");
		if (out_line < 0 || err_line < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
			finish("error no way out for the command's output: %s", strerror(errno));
		status = start(out, err, NULL);
		close(out[1]);
		close(err[1]);
		status = relay(status, out[0], err[0], out_line, err_line);
	}
	if (WIFSIGNALED(status))
		finish("signal %d", WTERMSIG(status));
	finish("exit %d", WEXITSTATUS(status));
}
