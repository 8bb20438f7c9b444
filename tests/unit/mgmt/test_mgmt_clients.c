/* SPDX-License-Identifier: MIT */
/* Clients in a made-up /proc, and the text of fdinfo. */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mgmt.h"
#include "support.h"

static char *sys, *proc;
static struct accel_telemetry *telemetry;
static struct accel_device *devices[2];
static struct accel_sample *samples[2];
static struct accel_client client;
static struct mgmt_sys real;

/* What the links to descriptors lead to is told by their text: "/dev/accel/accelN", whatever
 * comes before and behind it. */
static int stat_link(const char *path, struct stat *out)
{
	char target[256];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	unsigned int minor;
	const char *name;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	name = strstr(target, "accel/accel");
	if (!name || sscanf(name, "accel/accel%u", &minor) != 1)
		return real.stat_nosync(path, out);
	memset(out, 0, sizeof(*out));
	out->st_mode = S_IFCHR;
	out->st_rdev = makedev(261, minor);
	return 0;
}

static int setup(void **state)
{
	int i;

	(void)state;
	seam_install();
	if (!real.stat_nosync)
		real = mgmt_sys;
	mgmt_sys.stat_nosync = stat_link;
	sys = tree_make();
	proc = tree_make();
	set_sysfs(sys);
	set_procfs(proc);
	tree_device(sys, 0, "0000:c5:00.1", "amdxdna");
	tree_device(sys, 1, NULL, "ethosu");
	for (i = 0; i < 2; i++)
		assert_ok(accel_device_find(i ? "accel1" : "accel0", &devices[i]));
	assert_ok(accel_telemetry_create(NULL, &telemetry));
	return 0;
}

static int teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		accel_sample_unref(samples[i]);
		samples[i] = NULL;
		accel_device_unref(devices[i]);
	}
	accel_telemetry_unref(telemetry);
	mgmt_sys = real;
	set_sysfs(NULL);
	set_procfs(NULL);
	tree_remove(sys);
	tree_remove(proc);
	assert_int_equal(seam_live_memory(), 0);
	return 0;
}

static void add_process(int pid, const char *comm)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/comm", pid);
	tree_print(proc, path, "%s\n", comm);
	snprintf(path, sizeof(path), "%d/fd", pid);
	tree_dir(proc, path);
}

static void add_fd(int pid, int fd, const char *target, const char *fdinfo)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/fd/%d", pid, fd);
	if (target)
		tree_link(proc, path, target);
	snprintf(path, sizeof(path), "%d/fdinfo/%d", pid, fd);
	if (fdinfo)
		tree_print(proc, path, "%s", fdinfo);
}

#define PLAIN "pos:\t0\nflags:\t02100002\nmnt_id:\t30\nino:\t9\n"
#define AMDXDNA                                                                                  \
	PLAIN "drm-driver:\tamdxdna_accel_driver\ndrm-client-id:\t%d\ndrm-pdev:\t0000:c5:00.1\n" \
	      "drm-client-name:\tmy model\ndrm-total-memory:\t3 MiB\ndrm-shared-memory:\t0\n"    \
	      "drm-active-memory:\t4 KiB\ndrm-resident-memory:\t2 MiB\n"                         \
	      "drm-purgeable-memory:\t0\namdxdna_accel_driver-heap-alloc:\t64 MiB\n"

static char *amdxdna(int id)
{
	static char text[1024];

	snprintf(text, sizeof(text), AMDXDNA, id);
	return text;
}

/* One look; how many clients device @which has. */
static uint32_t look(int which)
{
	struct accel_sample_info info = {.size = sizeof(info)};
	int i;

	for (i = 0; i < 2; i++)
		accel_sample_unref(samples[i]);
	assert_ok(accel_telemetry_read(telemetry, devices, 2, samples));
	assert_ok(accel_sample_get_info(samples[which], &info));
	return info.clients;
}

static void get(int which, uint32_t index)
{
	client = (struct accel_client){.size = sizeof(client)};
	assert_ok(accel_sample_get_client(samples[which], index, &client));
}

static bool has_number(uint32_t index, uint32_t id, const char *name, int64_t value)
{
	struct accel_metric metric = {.size = sizeof(metric)};
	uint32_t i;

	for (i = 0; !accel_sample_get_metric(samples[0], index, i, &metric); i++)
		if (metric.id == id && !strcmp(metric.name, name)) {
			assert_int_equal(metric.source, ACCEL_SOURCE_FDINFO);
			return metric.value == value;
		}
	return false;
}

static void test_amdxdna(void **state)
{
	(void)state;
	add_process(1, "init");
	add_process(4242, "llama server");
	add_fd(4242, 0, "/dev/null", NULL);
	add_fd(4242, 3, "socket:[123]", NULL);
	add_fd(4242, 7, "/dev/accel/accel0", amdxdna(5));
	add_fd(4242, 8, "/dev/accel/accel0", amdxdna(6));
	assert_int_equal(look(0), 2);
	get(0, 0);
	assert_int_equal(client.pid, 4242);
	assert_int_equal(client.flags, ACCEL_CLIENT_HAS_ID | ACCEL_CLIENT_HAS_MEMORY);
	assert_true(client.id == 5 || client.id == 6);
	assert_string_equal(client.command, "llama server");
	assert_string_equal(client.label, "my model");
	assert_true(client.memory == 3 << 20);
	assert_true(!client.engine_ns);
	assert_int_equal(client.files, 1);
	assert_int_equal(client.uid, getuid());
	assert_true(has_number(0, ACCEL_METRIC_MEMORY_USED, "memory", 3 << 20));
	assert_true(has_number(0, ACCEL_METRIC_MEMORY_RESIDENT, "memory", 2 << 20));
	assert_true(has_number(0, ACCEL_METRIC_MEMORY_ACTIVE, "memory", 4096));
	assert_true(has_number(0, ACCEL_METRIC_MEMORY_SHARED, "memory", 0));
	assert_true(has_number(0, ACCEL_METRIC_MEMORY_USED, "heap", 64 << 20));
	assert_fails(accel_sample_get_client(samples[0], 2, &client), -ENOENT);
	assert_int_equal(look(1), 0);
}

/* One open file in two processes, one in another container, one unlinked. */
static void test_shared(void **state)
{
	(void)state;
	add_process(100, "parent");
	add_process(101, "child");
	add_process(102, "jailed");
	add_fd(100, 4, "/dev/accel/accel0", amdxdna(9));
	add_fd(100, 5, "/dev/accel/accel0", amdxdna(9));
	add_fd(101, 4, "/dev/accel/accel0 (deleted)", amdxdna(9));
	add_fd(102, 3, "/srv/jail/dev/accel/accel0", amdxdna(10));
	assert_int_equal(look(0), 2);
	get(0, 0);
	assert_int_equal(client.pid, 100);
	assert_int_equal(client.files, 2);
	assert_true(client.flags & ACCEL_CLIENT_IS_SHARED);
	get(0, 1);
	assert_int_equal(client.pid, 102);
	assert_false(client.flags & ACCEL_CLIENT_IS_SHARED);
}

/* A driver that tells nothing: a process is a client. */
static void test_plain(void **state)
{
	(void)state;
	add_process(7, "a");
	add_process(8, "b");
	add_fd(7, 3, "/dev/accel/accel1", PLAIN);
	add_fd(7, 4, "/dev/accel/accel1", PLAIN);
	add_fd(8, 3, "/dev/accel/accel1", PLAIN);
	assert_int_equal(look(1), 2);
	get(1, 0);
	assert_int_equal(client.pid, 7);
	assert_int_equal(client.files, 2);
	assert_int_equal(client.flags, 0);
	assert_int_equal(client.metrics, 0);
	get(1, 1);
	assert_int_equal(client.pid, 8);
}

/* New ones at once, those with a device each time, the rest in turn. */
static void test_turns(void **state)
{
	struct accel_telemetry_params params = {.size = sizeof(params), .processes = 2};
	unsigned long lists;
	char gone[256];
	int pid, i;

	(void)state;
	accel_telemetry_unref(telemetry);
	assert_ok(accel_telemetry_create(&params, &telemetry));
	for (pid = 1; pid <= 10; pid++)
		add_process(pid, "idle");
	assert_int_equal(look(1), 0);
	seam_forget();
	assert_int_equal(look(1), 0);
	lists = seam_calls(SEAM_LIST);
	/* An old one opens it: seen once its turn has come. */
	add_fd(5, 3, "/dev/accel/accel1", PLAIN);
	for (i = 0; i < 5 && !look(1); i++)
		;
	assert_in_range(i, 0, 4);
	seam_forget();
	assert_int_equal(look(1), 1);
	assert_int_equal(seam_calls(SEAM_LIST), lists + 1);
	/* A new one is seen at once, and one that ended no more. */
	add_process(11, "new");
	add_fd(11, 3, "/dev/accel/accel1", PLAIN);
	assert_int_equal(look(1), 2);
	snprintf(gone, sizeof(gone), "%s", tree_path(proc, "gone"));
	assert_int_equal(rename(tree_path(proc, "5"), gone), 0);
	assert_int_equal(look(1), 1);
	get(1, 0);
	assert_int_equal(client.pid, 11);
}

static void test_hidden(void **state)
{
	struct accel_sample_info info = {.size = sizeof(info)};

	(void)state;
	add_process(7, "a");
	add_process(8, "b");
	seam_fail(SEAM_LIST, 1 + 1 + 1, 1, -EACCES); /* hwmon of one, /proc, then 7 */
	look(0);
	assert_ok(accel_sample_get_info(samples[0], &info));
	assert_int_equal(info.hidden, 1);
	/* No /proc at all: that is said, and not that there are none. */
	set_procfs("/nonexistent");
	look(0);
	assert_ok(accel_sample_get_info(samples[0], &info));
	assert_true(info.flags & ACCEL_SAMPLE_NO_CLIENTS);
}

/* It ends while it is looked at: at each step that it may. */
static void test_ends(void **state)
{
	unsigned long i, opens, reads;
	uint32_t count;

	(void)state;
	add_process(7, "a");
	add_fd(7, 3, "/dev/accel/accel0", amdxdna(1));
	add_process(8, "b");
	add_fd(8, 3, "/dev/accel/accel0", amdxdna(2));
	seam_forget();
	assert_int_equal(look(0), 2);
	opens = seam_calls(SEAM_OPEN);
	reads = seam_calls(SEAM_READ);
	for (i = 0; i < opens; i++) {
		seam_fail(SEAM_OPEN, i, 1, -ENOENT);
		count = look(0);
		assert_in_range(count, 1, 2);
		seam_fail(SEAM_OPEN, 0, 0, 0);
		while (look(0) != 2) /* its turn comes again */
			;
	}
	for (i = 0; i < reads; i++) {
		seam_fail(SEAM_READ, i, 1, -ESRCH);
		count = look(0);
		assert_in_range(count, 1, 2);
		seam_fail(SEAM_READ, 0, 0, 0);
		while (look(0) != 2)
			;
	}
	seam_fail(SEAM_READLINK, 0, 1000, -ENOENT);
	assert_int_equal(look(0), 0);
	seam_fail(SEAM_READLINK, 0, 0, 0);
	while (look(0) != 2)
		;
	seam_fail(SEAM_LSTAT, 0, 1000, -ENOENT);
	assert_int_equal(look(0), 0);
}

static void test_odd_names(void **state)
{
	(void)state;
	tree_print(proc, "self/comm", "no process\n");
	tree_print(proc, "99999999999999999999/comm", "none\n");
	tree_print(proc, "-5/comm", "none\n");
	tree_print(proc, "0/comm", "none\n");
	tree_print(proc, "12x/comm", "none\n");
	add_process(7, "\x1b[31mred\x07\n\n");
	add_fd(7, 3, "/dev/accel/accel1", PLAIN);
	tree_link(proc, "7/fd/x", "/dev/accel/accel1");
	tree_link(proc, "7/fd/9", "/dev/accel/accel77");
	/* Closed between the look at the link and that at its fdinfo. */
	add_fd(7, 12, "/dev/accel/accel1", NULL);
	assert_int_equal(look(1), 1);
	get(1, 0);
	assert_string_equal(client.command, "?[31mred?");
	assert_int_equal(client.files, 1);
}

/* Without memory nothing is handed out, and the next look is as good as any. */
static void test_memory(void **state)
{
	struct accel_sample *none[2] = {NULL, NULL};
	long live;
	int i, ret;

	(void)state;
	add_process(7, "a");
	add_fd(7, 3, "/dev/accel/accel0", amdxdna(1));
	assert_int_equal(look(0), 1);
	live = seam_live_memory();
	for (i = 0;; i++) {
		seam_fail(SEAM_ALLOC, (unsigned long)i, 1, -ENOMEM);
		ret = accel_telemetry_read(telemetry, devices, 2, none);
		seam_fail(SEAM_ALLOC, 0, 0, 0);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(none[0]);
		assert_int_equal(seam_live_memory(), live);
	}
	assert_true(i >= 7);
	accel_sample_unref(none[0]);
	accel_sample_unref(none[1]);
	assert_int_equal(look(0), 1);
}

/* ---- the text of fdinfo -------------------------------------------------------------------- */

static struct fdinfo info;
static struct metrics metrics;

static void parse(const char *text)
{
	array_free(&metrics.array);
	fdinfo_parse(text, &info, &metrics, "here");
}

static void test_engines(void **state)
{
	struct accel_metric *metric;

	(void)state;
	parse("drm-engine-compute:\t1000 ns\ndrm-engine-capacity-compute: 4\n"
	      "drm-engine-copy:   500 ns\ndrm-cycles-compute: 77\n"
	      "drm-total-cycles-compute: 100\ndrm-memory-vram: 12 KiB\n");
	assert_int_equal(info.flags, ACCEL_CLIENT_HAS_ENGINE_TIME | ACCEL_CLIENT_HAS_MEMORY);
	assert_true(info.engine_ns == 1500);
	assert_true(info.memory == 12 * 1024);
	assert_int_equal(metrics.array.count, 5);
	metric = metrics.array.items;
	assert_int_equal(metric[0].id, ACCEL_METRIC_BUSY_TIME);
	assert_string_equal(metric[0].name, "compute");
	assert_true(metric[2].value == 77 && metric[2].id == ACCEL_METRIC_ENGINE_CYCLES);
	assert_true(metric[3].value == 100 && metric[3].id == ACCEL_METRIC_ENGINE_CYCLES_TOTAL);
	/* Where both are told, what counts is the total. */
	parse("drm-resident-memory: 1 KiB\ndrm-total-memory: 5\n");
	assert_true(info.memory == 5);
	parse("drm-total-a: 5 MiB\ndrm-total-b: 1\n");
	assert_true(info.memory == (5 << 20) + 1);
	array_free(&metrics.array);
}

/* Lines that mean nothing; none of them may become a number. */
static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"drm-engine-x: 5\n",
		"drm-engine-x: 5 us\n",
		"drm-engine-x: -5 ns\n",
		"drm-engine-x: ns\n",
		"drm-engine-x:\n",
		"drm-engine-x 5 ns\n",
		"drm-engine-x: 9223372036854775808 ns\n",
		"drm-engine-x: 99999999999999999999 ns\n",
		"drm-engine-x: 0x10 ns\n",
		"drm-engine-x: 5 ns ns\n",
		"drm engine-x: 5 ns\n",
		"drm-total-m: 5 GiB\n",
		"drm-total-m: 9223372036854775807 KiB\n",
		"drm-total-m: 5KB\n",
		"drm-total-m: \xff\n",
		": 5 ns\n",
		":\n",
		"\n",
		"\n\n\n",
		"drm-cycles-x: 5 ns\n",
		"drm-cycles-x: 18446744073709551615\n",
		"drm-client-id: x\n",
		"drm-client-id: 18446744073709551616\n",
		"drm-client-id: -1\n",
		"drm-engine-01234567890123456789012345678901234567890123456789012345678901: 5 ns\n",
		"-heap-alloc: 5\n",
		"drm-driver:\n-x-alloc: 5\n",
		"drm-driver: a\na-alloc: 5\n",
		"drm-driver: a\na--alloc: x\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		parse(bad[i]);
		if (metrics.array.count || info.flags || info.memory || info.engine_ns || info.id)
			fail_msg("'%s' was taken", bad[i]);
	}
	/* Sums that don't fit, and what is told twice. */
	parse("drm-engine-a: 9223372036854775807 ns\ndrm-engine-b: 9223372036854775807 ns\n");
	assert_true(info.engine_ns == INT64_MAX);
	parse("drm-engine-a: 5 ns\ndrm-engine-a: 7 ns\n");
	assert_true(info.engine_ns == 5);
	assert_int_equal(metrics.array.count, 1);
	parse("drm-client-id: 18446744073709551615");
	assert_true(info.flags == ACCEL_CLIENT_HAS_ID && info.id == UINT64_MAX);
	array_free(&metrics.array);
}

/* Every beginning of a good text, and every byte of it another. */
static void test_mangled(void **state)
{
	char text[512];
	size_t i, length;

	(void)state;
	snprintf(text, sizeof(text), AMDXDNA "drm-engine-npu: 5 ns\n", 4);
	length = strlen(text);
	for (i = 0; i <= length; i++) {
		char *part = strndup(text, i);

		parse(part);
		free(part);
	}
	for (i = 0; i < length; i++) {
		char *part = strdup(text);

		part[i] = (char)(part[i] ^ 0x55);
		parse(part);
		part[i] = (char)0x80;
		parse(part);
		part[i] = '\n';
		parse(part);
		free(part);
	}
	array_free(&metrics.array);
}

static void test_huge(void **state)
{
	char *big = malloc(1 << 20);

	(void)state;
	assert_non_null(big);
	add_process(7, "a");
	add_fd(7, 3, "/dev/accel/accel0", PLAIN);
	add_process(8, "b");
	add_fd(8, 3, "/dev/accel/accel0", PLAIN);
	memset(big, 'd', 1 << 20);
	tree_write(proc, "7/fdinfo/3", big, 1 << 20);
	tree_write(proc, "8/fdinfo/3", "drm-client-id:\t1\0\n", 18);
	free(big);
	/* That they have it open is known, and nothing else. */
	assert_int_equal(look(0), 2);
	get(0, 0);
	assert_int_equal(client.flags, 0);
	get(0, 1);
	assert_int_equal(client.flags, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_amdxdna), TEST(test_shared),    TEST(test_plain),     TEST(test_turns),
		TEST(test_hidden),  TEST(test_ends),      TEST(test_odd_names), TEST(test_memory),
		TEST(test_engines), TEST(test_bad_lines), TEST(test_mangled),   TEST(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
