/* SPDX-License-Identifier: MIT */
/* trace.c and env.c: what the environment asks for. Each case is a process of its own. */
#include "support.h"

#include <drm/drm.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

static char output[20000];

/* Run @fn in a child with @name=@value in its environment; what it writes to stderr. */
static void run_with(const char *name, const char *value, void (*fn)(void))
{
	size_t length = 0;
	int pipefd[2], status;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(pipefd), 0);
	child = fork();
	if (!child) {
		dup2(pipefd[1], STDERR_FILENO);
		close(pipefd[0]);
		setenv(name, value, 1);
		fn();
		_exit(0);
	}
	close(pipefd[1]);
	while ((got = read(pipefd[0], output + length, sizeof(output) - 1 - length)) > 0)
		length += (size_t)got;
	output[length] = '\0';
	close(pipefd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void has(const char *text)
{
	if (!strstr(output, text))
		fail_msg("the output lacks '%s':\n%s", text, output);
}

static void has_not(const char *text)
{
	if (strstr(output, text))
		fail_msg("the output has '%s':\n%s", text, output);
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd, (void)arg;
	return request == SYNC_IOC_FILE_INFO ? 0 : request == 5 ? -ENODEV : 0;
}

static int show_own(const void *arg, char *text, size_t bytes)
{
	return snprintf(text, bytes, "number %d", *(const int *)arg);
}

#define OWN_REQUEST _IOWR('d', 0x42, int)

static const struct accel_ioctl_name own[] = {
	{OWN_REQUEST, "OWN_IOCTL", show_own},
	{0, NULL, NULL},
};

/* Another driver's, which has the same number. */
static const struct accel_ioctl_name other[] = {
	{OWN_REQUEST, "OTHER_IOCTL", NULL},
	{0, NULL, NULL},
};

static void use_seam(void)
{
	char name[] = "npu without an end";
	struct sync_file_info info = {.status = -5, .num_fences = 3};
	struct dma_buf_sync sync = {.flags = DMA_BUF_SYNC_START};
	struct drm_version version = {
		.version_major = 1, .version_minor = 2, .name = name, .name_len = 3};
	struct drm_gem_close gem = {.handle = 7};
	struct drm_prime_handle prime = {.handle = 8, .fd = 9};
	char big[9000];
	void *map = NULL;
	int number = 4711, node, i;

	accel_core_sys.ioctl = fake_ioctl;
	accel_deadline(0, &(int64_t){0});
	accel_core_sys.close(accel_core_sys.open("/dev/null", O_RDWR));
	accel_core_sys.open("/nowhere", O_RDONLY);
	accel_core_sys.close(-1);
	accel_core_sys.ioctl(3, SYNC_IOC_FILE_INFO, &info);
	accel_core_sys.ioctl(3, DMA_BUF_IOCTL_SYNC, &sync);
	accel_core_sys.ioctl(3, DRM_IOCTL_VERSION, &version);
	version.name = NULL; /* as in the first of two questions */
	accel_core_sys.ioctl(3, DRM_IOCTL_VERSION, &version);
	accel_core_sys.ioctl(3, DRM_IOCTL_GEM_CLOSE, &gem);
	accel_core_sys.ioctl(3, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	accel_core_sys.ioctl(3, 5, NULL);
	accel_core_sys.ioctl(4, OWN_REQUEST, &number);
	for (i = 0; i < 40; i++) /* more tables than it has room for */
		trace_add_names(own);
	trace_add_names(NULL);
	accel_core_sys.ioctl(4, OWN_REQUEST, &number);
	accel_core_sys.ioctl(4, OWN_REQUEST, NULL);
	node = accel_core_sys.dup(0);
	trace_node(node, other);
	accel_core_sys.ioctl(node, OWN_REQUEST, NULL);
	accel_core_sys.ioctl(node, SYNC_IOC_FILE_INFO, &info);
	accel_core_sys.close(node);
	number = 1234;
	accel_core_sys.ioctl(node, OWN_REQUEST, &number);
	trace_node(-1, other);
	trace_node(1 << 20, other);
	accel_core_sys.poll(NULL, 0, 0);
	accel_core_sys.close(accel_core_sys.memfd("name", 0));
	accel_core_sys.close(accel_core_sys.eventfd(0, 0));
	if (!accel_core_sys.mmap(4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &map))
		accel_core_sys.munmap(map, 4096);
	accel_core_sys.mmap(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &map);
	memset(big, 'n', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	accel_core_sys.open(big, O_RDONLY);
	accel_core_sys.dl_open("/nowhere.so", &map, big, sizeof(big));
	accel_core_fail(-EIO, "a failure");
}

static void test_trace(void **state)
{
	const char *line;

	(void)state;
	run_with("LIBACCEL_TRACE", "1", use_seam);
	has("open(\"/dev/null\", 0x2) = ");
	has("open(\"/nowhere\", 0x0) = -2 (No such file or directory) <");
	has("close(-1) = -9 (Bad file descriptor) <");
	has("ioctl(3, SYNC_IOC_FILE_INFO: status -5, 3 fences) = 0 <");
	has("ioctl(3, DMA_BUF_IOCTL_SYNC: flags 0x0) = 0 <");
	has("ioctl(3, DRM_IOCTL_VERSION: npu 1.2.0) = 0 <");
	has("ioctl(3, DRM_IOCTL_VERSION:  1.2.0) = 0 <");
	has("ioctl(3, DRM_IOCTL_GEM_CLOSE: handle 7) = 0 <");
	has("ioctl(3, DRM_IOCTL_PRIME_HANDLE_TO_FD: handle 8, fd 9) = 0 <");
	has("ioctl(3, 0x00 0x05, 0 bytes) = -19 (No such device) <");
	has("ioctl(4, 'd' 0x42, 4 bytes) = 0 <"); /* before its name was known */
	has("ioctl(4, OWN_IOCTL: number 4711) = 0 <");
	has("ioctl(4, OWN_IOCTL) = 0 <");
	has(", OTHER_IOCTL) = 0 <");
	has(", OWN_IOCTL: number 1234) = 0 <"); /* the descriptor is another's by now */
	has("poll(-1, 0, 0 ns) = 0 <");
	has("memfd_create(\"name\", 0x0) = ");
	has("eventfd(0, 0x0) = ");
	has("mmap(4096, prot 0x1, fd -1, offset 0x0) at 0x");
	has("munmap(0x");
	has("dlopen(\"/nowhere.so\") = ");
	has_not("a failure"); /* that is LIBACCEL_LOG's */
	for (line = output; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		assert_memory_equal(line, "libaccel: ", 10);
}

/* A file is appended to, and what can't be one falls back to stderr. */
static void test_file(void **state)
{
	char path[] = "/tmp/test_trace.XXXXXX", line[600], text[200];
	int lines = 0, opens = 0, tid;
	double at, last = 0;
	FILE *file;

	(void)state;
	file = fdopen(mkstemp(path), "r");
	assert_non_null(file);
	run_with("LIBACCEL_TRACE", path, use_seam);
	assert_string_equal(output, "");
	run_with("LIBACCEL_TRACE", path, use_seam);
	for (; fgets(line, sizeof(line), file); lines++) {
		assert_int_equal(sscanf(line, "%lf %d %199[^\n]", &at, &tid, text), 3);
		assert_true(at >= last && tid > 0);
		last = at;
		opens += !strncmp(text, "open(\"/dev/null\", 0x2) = ", 24);
	}
	assert_int_equal(opens, 2);
	assert_true(lines >= 40 && lines % 2 == 0);
	fclose(file);
	unlink(path);
	run_with("LIBACCEL_TRACE", "/nowhere/at/all", use_seam);
	has("libaccel: open(\"/dev/null\", 0x2) = ");
}

static void test_silence(void **state)
{
	(void)state;
	run_with("LIBACCEL_TRACE", "0", use_seam);
	assert_string_equal(output, "");
	run_with("LIBACCEL_TRACE", "", use_seam);
	assert_string_equal(output, "");
	run_with("LIBACCEL_LOG", "none", use_seam);
	assert_string_equal(output, "");
	run_with("LIBACCEL_LOG", "nonsense", use_seam);
	assert_string_equal(output, "");
}

static void log_all(void)
{
	accel_deadline(0, &(int64_t){0});
	accel_core_log(ACCEL_LOG_ERROR, "an error");
	accel_core_log(ACCEL_LOG_WARNING, "a warning");
	accel_core_log(ACCEL_LOG_INFO, "some news");
	accel_core_log(ACCEL_LOG_DEBUG, "a detail");
	accel_core_fail(-EIO, "a failure");
}

static void test_log_levels(void **state)
{
	(void)state;
	run_with("LIBACCEL_LOG", "error", log_all);
	assert_string_equal(output, "libaccel: an error\n");
	run_with("LIBACCEL_LOG", "warning", log_all);
	assert_string_equal(output, "libaccel: an error\nlibaccel: a warning\n");
	run_with("LIBACCEL_LOG", "info", log_all);
	has("some news");
	has_not("a detail");
	run_with("LIBACCEL_LOG", "debug", log_all);
	has("a detail");
	has("a failure");
}

static void print_env(void)
{
	accel_deadline(0, &(int64_t){0});
	fprintf(stderr, "%s %s %d %d", env_get()->sysfs,
		env_get()->provider_dir ? env_get()->provider_dir : "none", env_get()->no_software,
		env_get()->trace);
}

static void print_roots(void)
{
	accel_core_process_enter();
	fprintf(stderr, "%s %s %s", accel_core_root(ACCEL_ROOT_SYS),
		accel_core_root(ACCEL_ROOT_PROC), accel_core_root(ACCEL_ROOT_DEV));
}

static void test_env(void **state)
{
	(void)state;
	run_with("LIBACCEL_NOTHING", "", print_env);
	assert_string_equal(output, "/sys none 0 0");
	run_with("LIBACCEL_SYSFS", "/a/b", print_env);
	assert_string_equal(output, "/a/b none 0 0");
	run_with("LIBACCEL_SYSFS", "", print_env);
	assert_string_equal(output, "/sys none 0 0");
	run_with("LIBACCEL_NOTHING", "", print_roots);
	assert_string_equal(output, "/sys /proc /dev");
	run_with("LIBACCEL_SYSFS", "/a", print_roots);
	assert_string_equal(output, "/a /proc /dev");
	run_with("LIBACCEL_PROCFS", "/b", print_roots);
	assert_string_equal(output, "/sys /b /dev");
	run_with("LIBACCEL_DEV", "/c", print_roots);
	assert_string_equal(output, "/sys /proc /c");
	run_with("LIBACCEL_PROVIDER_DIR", "/c", print_env);
	assert_string_equal(output, "/sys /c 0 0");
	run_with("LIBACCEL_PROVIDER_DIR", "", print_env);
	assert_string_equal(output, "/sys none 0 0");
	run_with("LIBACCEL_SOFTWARE", "0", print_env);
	assert_string_equal(output, "/sys none 1 0");
	run_with("LIBACCEL_SOFTWARE", "1", print_env);
	assert_string_equal(output, "/sys none 0 0");
}

/* Read once: what the program changes later has no effect. */
static void change_later(void)
{
	accel_deadline(0, &(int64_t){0});
	setenv("LIBACCEL_SYSFS", "/later", 1);
	setenv("LIBACCEL_LOG", "debug", 1);
	accel_deadline(0, &(int64_t){0});
	accel_core_fail(-EIO, "a failure");
	fprintf(stderr, "%s", env_get()->sysfs);
}

static void test_read_once(void **state)
{
	(void)state;
	run_with("LIBACCEL_SYSFS", "/first", change_later);
	assert_string_equal(output, "/first");
}

/* This process itself must not call the library: its children set it up. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace),      cmocka_unit_test(test_silence),
		cmocka_unit_test(test_log_levels), cmocka_unit_test(test_env),
		cmocka_unit_test(test_read_once),  cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
