/* SPDX-License-Identifier: MIT */
/* provider.c: finding and loading modules, sound ones and others. MODULE_DIR has them. */
#include "support.h"

#include <linux/limits.h>
#include <sys/stat.h>

static char *tree;
static char dir[PATH_MAX];

/* TREE/3 is where providers are looked for. */
static int setup(void **state)
{
	static const char *const names[] = {
		"sound",  "no_symbol", "other_abi", "other_name", "short",
		"no_ops", "small_job", "half_pull", "unresolved", "other_driver",
	};
	char target[PATH_MAX], path[100];
	size_t i;

	(void)state;
	seam_install();
	accel_deadline(0, &(int64_t){0});
	tree = tree_make();
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(target, sizeof(target), MODULE_DIR "/%s.so", names[i]);
		snprintf(path, sizeof(path), "3/%s.so", names[i]);
		tree_link(tree, path, target);
	}
	tree_link(tree, "3/alias.so", "sound.so");
	tree_link(tree, "3/dangling.so", "nowhere.so");
	tree_print(tree, "3/text.so", "This is not an ELF file, whatever its name says.\n");
	tree_print(tree, "3/empty.so", "%s", "");
	tree_dir(tree, "3/directory.so");
	tree_print(tree, "2/older.so", "never looked into");
	tree_print(tree, "17/newer.so", "never looked into");
	tree_print(tree, "2/sound.so", "never looked into");
	tree_print(tree, "x2/none.so", "not a number");
	tree_print(tree, "0/none.so", "not a number");
	snprintf(dir, sizeof(dir), "%s/3", tree);
	set_provider_dir(dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	set_provider_dir(NULL);
	tree_remove(tree);
	return 0;
}

static const struct accel_provider *loads(const char *driver)
{
	const struct accel_provider *provider = NULL;
	char reason[256] = "";
	uint32_t usable = 99;

	if (provider_load(driver, &provider, &usable, reason, sizeof(reason)))
		fail_msg("%s: %s", driver, reason);
	assert_int_equal(usable, ACCEL_USABLE);
	return provider;
}

/* Refused with this code, with a sentence that has @part and says what to do. */
static void refuses(const char *driver, uint32_t expected, const char *part)
{
	const long memory = seam_live_memory();
	const struct accel_provider *provider = NULL;
	char reason[256] = "";
	uint32_t usable = 99;
	int ret;

	ret = provider_load(driver, &provider, &usable, reason, sizeof(reason));
	assert_int_equal(ret, device_usable_errno(expected));
	assert_int_equal(usable, expected);
	assert_null(provider);
	if (!strstr(reason, part))
		fail_msg("%s: the reason lacks '%s': %s", driver, part, reason);
	if (!strstr(reason, "install"))
		fail_msg("%s: the reason names no remedy: %s", driver, reason);
	assert_int_equal(seam_live_memory(), memory);
}

static void test_sound(void **state)
{
	const struct accel_provider *provider = loads("sound");
	void (*const *op)(void) = (void (*const *)(void))(const void *)provider->ops;
	size_t i, missing = 0;

	(void)state;
	assert_string_equal(provider->name, "sound");
	assert_true(provider_serves(provider, "sound"));
	assert_true(provider_serves(provider, "alias"));
	assert_false(provider_serves(provider, "soun"));
	assert_false(provider_serves(provider, ""));
	/* No operation is missing but the two of a provider that pulls. */
	for (i = 0; i < sizeof(*provider->ops) / sizeof(*op); i++)
		missing += !op[i];
	assert_int_equal(missing, 2);
	assert_true(!provider->ops->job_poll && !provider->ops->job_wait);
}

static void test_once(void **state)
{
	const struct accel_provider *provider = loads("sound");
	long memory = seam_live_memory();

	(void)state;
	seam_forget();
	assert_ptr_equal(loads("sound"), provider);
	assert_int_equal(seam_calls(SEAM_DL_OPEN), 0);
	assert_int_equal(seam_live_memory(), memory);
	/* By its other name it is found too, through the link. */
	assert_string_equal(loads("alias")->name, "sound");
}

/* The operations that are left out answer, and change nothing. */
static void test_left_out(void **state)
{
	const struct accel_ops *ops = loads("sound")->ops;
	struct accel_context context = {.fd = -1};
	uint64_t value = 7;
	int fd = 7;

	(void)state;
	assert_int_equal(ops->context_init(&context, NULL, 0), 0);
	assert_fails(ops->context_fd(&context, &fd), -EOPNOTSUPP);
	assert_int_equal(ops->query(&context, ACCEL_HAS_ADDRESS, &value), -EINVAL);
	assert_fails(ops->bo_init(NULL, NULL), -EOPNOTSUPP);
	assert_fails(ops->bo_import(NULL, 0), -EOPNOTSUPP);
	assert_fails(ops->bo_import_key(NULL, 0, &value), -EOPNOTSUPP);
	assert_fails(ops->bo_export(NULL, &fd), -EOPNOTSUPP);
	assert_fails(ops->bo_map(NULL), -EOPNOTSUPP);
	assert_fails(ops->bo_address(NULL, &value), -EOPNOTSUPP);
	assert_int_equal(ops->bo_begin(NULL, 0, 0, 0, 0), 0);
	assert_int_equal(ops->bo_end(NULL, 0, 0, 0), 0);
	assert_fails(ops->queue_init(NULL, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(ops->queue_cancel(NULL), 0);
	assert_fails(ops->job_init(NULL, NULL), -EOPNOTSUPP);
	assert_int_equal(ops->job_set_bo(NULL, 0, NULL), 0);
	assert_fails(ops->submit(NULL, NULL, 0), -EOPNOTSUPP);
	assert_int_equal(ops->job_fd(NULL, 0, &fd), -EOPNOTSUPP);
	assert_int_equal(ops->ended_sync_file(NULL, &fd), -EOPNOTSUPP);
	ops->context_fini(NULL);
	ops->context_exit(NULL);
	ops->context_event(NULL);
	ops->bo_fini(NULL);
	ops->queue_fini(NULL);
	ops->job_fini(NULL);
	ops->job_release(NULL);
	assert_true(value == 7 && fd == 7);
}

static void test_unsound(void **state)
{
	(void)state;
	refuses("nobody", ACCEL_NO_PROVIDER, "nobody");
	refuses("dangling", ACCEL_NO_PROVIDER, "dangling");
	refuses("text", ACCEL_NO_PROVIDER, "text");
	refuses("empty", ACCEL_NO_PROVIDER, "empty");
	refuses("directory", ACCEL_NO_PROVIDER, "directory");
	refuses("unresolved", ACCEL_NO_PROVIDER, "unresolved");
	refuses("no_symbol", ACCEL_PROVIDER_ABI, "accel_provider_3");
	refuses("other_name", ACCEL_PROVIDER_ABI, "accel_provider_3");
	refuses("other_abi", ACCEL_PROVIDER_ABI, "interface 4");
	refuses("other_abi", ACCEL_PROVIDER_ABI, "speaks 3");
	refuses("short", ACCEL_PROVIDER_ABI, "short");
	refuses("no_ops", ACCEL_PROVIDER_ABI, "no_ops");
	refuses("small_job", ACCEL_PROVIDER_ABI, "small_job");
	refuses("half_pull", ACCEL_PROVIDER_ABI, "half_pull");
}

/* A package is named only where it has what is missing. */
static void test_package(void **state)
{
	/* Of the second row each begins, ends or has in it a name of the first. */
	static const char *const has[] = {"rocket", "rknn", "ethosu", "ivpu", "intel_vpu", "qaic"};
	static const char *const has_not[] = {"nobody",     "rocke", "ocket", "rocket2",    "vpu",
					      "habanalabs", "ivpu.", "a",     "rocket:rknn"};
	char reason[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(has) / sizeof(has[0]); i++) {
		assert_int_equal(provider_look(has[i], reason, sizeof(reason)), ACCEL_NO_PROVIDER);
		assert_non_null(strstr(reason, "install the package libaccel-providers "));
	}
	for (i = 0; i < sizeof(has_not) / sizeof(has_not[0]); i++) {
		assert_int_equal(provider_look(has_not[i], reason, sizeof(reason)),
				 ACCEL_NO_PROVIDER);
		assert_non_null(strstr(reason, "no package of libaccel has one "));
		assert_null(strstr(reason, "libaccel-"));
	}
	assert_int_equal(provider_look("soft", reason, sizeof(reason)), ACCEL_NO_PROVIDER);
	assert_non_null(strstr(reason, "install the package libaccel-soft "));
}

/* Built for another library: seen from where it lies, nothing is loaded. */
static void test_other_directory(void **state)
{
	char reason[256] = "";

	(void)state;
	seam_forget();
	refuses("older", ACCEL_PROVIDER_ABI, "interface 2");
	refuses("newer", ACCEL_PROVIDER_ABI, "interface 17");
	refuses("none", ACCEL_NO_PROVIDER, "none");
	assert_int_equal(seam_calls(SEAM_DL_OPEN), 0);
	assert_int_equal(provider_look("older", reason, sizeof(reason)), ACCEL_PROVIDER_ABI);
	/* One of ours outweighs it. */
	assert_int_equal(provider_look("sound", reason, sizeof(reason)), ACCEL_USABLE);
	assert_int_equal(seam_calls(SEAM_DL_OPEN), 0);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"../3/sound", "/etc/passwd", "sound/",  ".",          "..",
		".sound",     "so und",      "sound\n", "a/../sound", "%s%n",
	};
	const struct accel_provider *provider = NULL;
	char reason[256];
	uint32_t usable;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		reason[0] = '\0';
		seam_forget();
		assert_int_equal(provider_load(bad[i], &provider, &usable, reason, sizeof(reason)),
				 -ENOPKG);
		assert_int_equal(usable, ACCEL_NO_PROVIDER);
		assert_true(*reason);
		assert_int_equal(seam_all_calls(), 0);
	}
	/* Not known yet: that is for accel_open() to find out. */
	assert_int_equal(provider_look("", reason, sizeof(reason)), ACCEL_USABLE);
	assert_null(provider);
}

/* A name that is as long as that of a platform device can be. */
static void test_long_name(void **state)
{
	const char *name = "a_name_of_a_device_that_is_longer_than_any_drivers_54c";
	char path[100], reason[256];
	const struct accel_provider *provider;
	long memory;

	(void)state;
	assert_int_equal(strlen(name), 54);
	snprintf(path, sizeof(path), "3/%s.so", name);
	tree_link(tree, path, "sound.so");
	assert_int_equal(provider_look(name, reason, sizeof(reason)), ACCEL_USABLE);
	provider = loads(name);
	memory = seam_live_memory();
	/* Loaded once, and known again. */
	assert_ptr_equal(loads(name), provider);
	assert_int_equal(seam_live_memory(), memory);
}

static void test_long_directory(void **state)
{
	static char longest[PATH_MAX + 10];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(longest) - 1; i++)
		longest[i] = i % 100 ? 'd' : '/';
	for (i = PATH_MAX - 20; i < sizeof(longest) - 1; i++) {
		char saved = longest[i];

		longest[i] = '\0';
		set_provider_dir(longest);
		refuses("nobody", ACCEL_NO_PROVIDER, "nobody");
		longest[i] = saved;
	}
}

static void test_no_memory(void **state)
{
	const struct accel_provider *provider = NULL;
	const long memory = seam_live_memory();
	char reason[256] = "";
	uint32_t usable;

	(void)state;
	tree_link(tree, "3/another.so", "sound.so");
	seam_fail(SEAM_ALLOC, 0, 1, 1);
	assert_int_equal(provider_load("another", &provider, &usable, reason, sizeof(reason)),
			 -ENOMEM);
	assert_null(provider);
	assert_int_equal(seam_live_memory(), memory);
	loads("another");
}

/* Without LIBACCEL_PROVIDER_DIR they lie beside the library. */
static void test_beside_the_library(void **state)
{
	char reason[256] = "", expected[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", expected, sizeof(expected) - 1);

	(void)state;
	assert_true(length > 0);
	expected[length] = '\0';
	strrchr(expected, '/')[1] = '\0';
	set_provider_dir(NULL);
	assert_int_equal(provider_look("nobody", reason, sizeof(reason)), ACCEL_NO_PROVIDER);
	/* It looks below the directory of this program, which the library is a part of here; the
	 * sentence may have no room for all of the path. */
	assert_non_null(strstr(reason, "looked for "));
	expected[40] = '\0';
	if (*(strstr(reason, "looked for ") + 11) == '/')
		assert_non_null(strstr(reason, expected));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sound),           TEST(test_once),
		TEST(test_left_out),        TEST(test_unsound),
		TEST(test_other_directory), TEST(test_names),
		TEST(test_long_name),       TEST(test_long_directory),
		TEST(test_no_memory),       TEST(test_beside_the_library),
		TEST(test_package),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
