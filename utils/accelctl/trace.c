/* SPDX-License-Identifier: MIT */
/*
 * accelctl trace: the calls that a program makes through libaccel, and their sums.
 *
 * The library of the traced program appends to a file (LIBACCEL_TRACE=/a/file), which is
 * followed here while it grows: the program is never slowed down by who reads.
 */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As env(1), timeout(1) and so on have them. */
#define EXIT_OWN_FAILURE 125
#define EXIT_CANT_RUN    126
#define EXIT_NOT_FOUND   127

#define KINDS_MAX 256 /* of calls; any more are counted as one */

struct kind {
	char name[64];
	uint64_t count, errors, total_ns, max_ns;
};

struct trace {
	FILE *in, *out;
	bool lines, json;
	json_t *calls;
	bool any;
	double first; /* when the first call began */
	unsigned int kinds;
	struct kind kind[KINDS_MAX];
};

/* One line of the file, taken apart. */
struct call {
	double at;
	int thread;
	const char *text; /* "ioctl(3, NAME: ...) = 0 <1.234 us>" */
	char name[64];    /* "NAME", or the function's */
	long long result;
	uint64_t ns;
};

/* Of an ioctl the request's name, else the function's. */
static void read_name(struct call *call)
{
	const char *from = call->text, *comma;
	size_t length;

	if (!strncmp(from, "ioctl(", 6)) {
		comma = strstr(from, ", ");
		if (comma)
			from = comma + 2;
	}
	length = strcspn(from, *from == '\'' ? ",)" : "(:,)");
	if (length >= sizeof(call->name))
		length = sizeof(call->name) - 1;
	memcpy(call->name, from, length);
	call->name[length] = '\0';
}

/* False: it is no line of the library's. */
static bool read_call(char *line, struct call *call)
{
	char *text, *result = NULL, *at, *time;
	double us;
	int used;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%lf %d %n", &call->at, &call->thread, &used) < 2)
		return false;
	text = line + used;
	call->text = text;
	time = strrchr(text, '<');
	for (at = text; (at = strstr(at, " = ")) && at < time; at++)
		result = at + 3;
	if (!time || !result || sscanf(time, "<%lf us>", &us) != 1)
		return false;
	call->result = strtoll(result, NULL, 10);
	call->ns = us > 0 ? (uint64_t)(us * 1000 + 0.5) : 0;
	read_name(call);
	return true;
}

static void count(struct trace *trace, const struct call *call)
{
	struct kind *kind;
	unsigned int i;

	for (i = 0; i < trace->kinds; i++)
		if (!strcmp(trace->kind[i].name, call->name))
			break;
	if (i == KINDS_MAX)
		i--; /* the last one stands for all that there is no room for */
	kind = &trace->kind[i];
	if (i == trace->kinds) {
		trace->kinds++;
		snprintf(kind->name, sizeof(kind->name), "%s",
			 trace->kinds == KINDS_MAX ? "others" : call->name);
	}
	kind->count++;
	kind->errors += call->result < 0;
	kind->total_ns += call->ns;
	if (call->ns > kind->max_ns)
		kind->max_ns = call->ns;
}

static void show(struct trace *trace, const struct call *call)
{
	char *text;

	if (!trace->any)
		trace->first = call->at;
	trace->any = true;
	if (trace->json) {
		json_array_append_new(trace->calls,
				      json_pack("{s:f, s:i, s:o, s:o, s:I, s:I}", "time_s",
						call->at - trace->first, "thread", call->thread,
						"name", ctl_json_text(call->name), "text",
						ctl_json_text(call->text), "result",
						(json_int_t)call->result, "time_ns",
						(json_int_t)call->ns));
	} else if (trace->lines) {
		text = strdup(call->text);
		fprintf(trace->out, "%11.6f %d %s\n", call->at - trace->first, call->thread,
			text ? ctl_printable(text) : "");
		free(text);
	}
}

/* Take all lines that are complete by now. */
static void follow(struct trace *trace)
{
	struct call call;
	char line[1024];
	size_t length;
	off_t start;

	for (;;) {
		start = ftello(trace->in);
		if (!fgets(line, sizeof(line), trace->in))
			break;
		length = strlen(line);
		if (line[length - 1] != '\n' && length + 1 < sizeof(line)) {
			/* The rest is still to come. */
			fseeko(trace->in, start, SEEK_SET);
			break;
		}
		if (!read_call(line, &call))
			continue;
		show(trace, &call);
		count(trace, &call);
	}
	clearerr(trace->in);
	fflush(trace->out);
}

static int by_time(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
}

static int print_table(const struct trace *trace)
{
	static const char *const headings[] = {"CALL", "COUNT", "ERRORS", "TOTAL",
					       "MEAN", "MAX",   NULL};
	struct ctl_table table;
	const struct kind *kind;
	unsigned int i;
	int ret;

	ret = ctl_table_start(&table, headings);
	for (i = 0; i < trace->kinds && !ret; i++) {
		kind = &trace->kind[i];
		ret = ctl_table_row(&table);
		if (!ret)
			ret = ctl_table_add(&table, 0, "%s", kind->name);
		if (!ret)
			ret = ctl_table_add(&table, 1, "%" PRIu64, kind->count);
		if (!ret)
			ret = ctl_table_add(&table, 2, "%" PRIu64, kind->errors);
		if (!ret)
			ret = ctl_table_add(&table, 3, "%s", ctl_ns(kind->total_ns));
		if (!ret)
			ret = ctl_table_add(&table, 4, "%s", ctl_ns(kind->total_ns / kind->count));
		if (!ret)
			ret = ctl_table_add(&table, 5, "%s", ctl_ns(kind->max_ns));
	}
	if (!ret)
		ctl_table_print(&table, trace->out);
	ctl_table_free(&table);
	return ret;
}

static int print_json(struct trace *trace, int status)
{
	json_t *all = ctl_json_start("trace"), *sums = json_array();
	const struct kind *kind;
	unsigned int i;
	int ret;

	for (i = 0; i < trace->kinds; i++) {
		kind = &trace->kind[i];
		json_array_append_new(sums, json_pack("{s:o, s:I, s:I, s:I, s:I}", "name",
						      ctl_json_text(kind->name), "count",
						      (json_int_t)kind->count, "errors",
						      (json_int_t)kind->errors, "total_ns",
						      (json_int_t)kind->total_ns, "max_ns",
						      (json_int_t)kind->max_ns));
	}
	json_object_set_new(all, "exit_status", json_integer(status));
	json_object_set(all, "calls", trace->calls);
	json_object_set_new(all, "summary", sums);
	ret = json_dumpf(all, trace->out, JSON_INDENT(2));
	fputc('\n', trace->out);
	json_decref(all);
	return ret;
}

static int print_summary(struct trace *trace, int status)
{
	int ret = 0;

	qsort(trace->kind, trace->kinds, sizeof(trace->kind[0]), by_time);
	if (trace->json)
		ret = print_json(trace, status);
	else if (!trace->kinds)
		fputs("no call was made through libaccel: does the program link it, and is it the "
		      "one of this version?\n",
		      trace->out);
	else
		ret = print_table(trace);
	if (fflush(trace->out) || ferror(trace->out))
		ret = -EIO;
	return ret;
}

/* 0, or the errno with which the command could not be run. */
static int start(char **command, const char *path, pid_t *pid)
{
	int pipefd[2], err = 0;
	ssize_t got;

	if (pipe2(pipefd, O_CLOEXEC))
		return -errno;
	*pid = fork();
	if (*pid < 0) {
		err = -errno;
		close(pipefd[0]);
		close(pipefd[1]);
		return err;
	}
	if (!*pid) {
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		setenv("LIBACCEL_TRACE", path, 1);
		execvp(command[0], command);
		err = -errno;
		if (write(pipefd[1], &err, sizeof(err)) < 0)
			_exit(EXIT_CANT_RUN);
		_exit(EXIT_CANT_RUN);
	}
	close(pipefd[1]);
	do
		got = read(pipefd[0], &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	close(pipefd[0]);
	if (got == (ssize_t)sizeof(err)) {
		waitpid(*pid, NULL, 0);
		return err;
	}
	return 0;
}

static int run(struct trace *trace, char **command, const char *path)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	pid_t pid = -1;
	int ret, status;

	/* What the terminal sends is for the command. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	ret = start(command, path, &pid);
	if (ret) {
		ctl_fail(0, "'%s' can't be run: %s; is it spelt right, and executable?", command[0],
			 strerror(-ret));
		return ret == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANT_RUN;
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		follow(trace);
		nanosleep(&pause, NULL);
	}
	follow(trace);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (print_summary(trace, status)) {
		ctl_fail(0, "the trace can't be written: is the disk full?");
		return EXIT_OWN_FAILURE;
	}
	return status;
}

static int trace_to(struct trace *trace, char **command, const char *output)
{
	const char *directory = secure_getenv("TMPDIR");
	char path[512];
	int fd, status = EXIT_OWN_FAILURE;

	if (!directory || *directory != '/')
		directory = "/tmp";
	if (snprintf(path, sizeof(path), "%s/accelctl-trace.XXXXXX", directory) >=
	    (int)sizeof(path)) {
		ctl_fail(0, "the path in TMPDIR is too long: set another");
		return EXIT_OWN_FAILURE;
	}
	fd = mkostemp(path, O_CLOEXEC);
	trace->in = fd < 0 ? NULL : fdopen(fd, "r");
	if (!trace->in) {
		ctl_fail(0, "no file for the trace in %s: %s; TMPDIR names another directory",
			 directory, strerror(errno));
		if (fd >= 0)
			close(fd);
		return EXIT_OWN_FAILURE;
	}
	trace->out = output ? fopen(output, "we") : stderr;
	if (!trace->out)
		ctl_fail(0, "'%s' can't be written: %s; is the directory there?", output,
			 strerror(errno));
	else
		status = run(trace, command, path);
	if (output && trace->out)
		fclose(trace->out);
	fclose(trace->in);
	unlink(path);
	return status;
}

int ctl_trace(int argc, char **argv)
{
	static const struct option options[] = {
		{"summary", no_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct trace *trace = calloc(1, sizeof(*trace));
	const char *output = NULL;
	int option, status = EXIT_OWN_FAILURE;

	if (!trace)
		return EXIT_OWN_FAILURE;
	trace->lines = true;
	/* '+': what comes after the command's name is the command's. */
	while ((option = getopt_long(argc, argv, "+:sjo:h", options, NULL)) != -1) {
		switch (option) {
		case 's':
			trace->lines = false;
			break;
		case 'j':
			trace->json = true;
			break;
		case 'o':
			output = optarg;
			break;
		default:
			ctl_option(argc, argv, option);
			goto out;
		}
	}
	if (ctl_words(argc, argv, 1, argc))
		goto out;
	trace->calls = json_array();
	status = trace_to(trace, argv + optind, output);
	json_decref(trace->calls);
out:
	free(trace);
	return status;
}
