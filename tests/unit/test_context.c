/* SPDX-License-Identifier: MIT */
/* context.c: opening, and why it fails; states; the end. */
#include "model.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static struct accel_device_info info_of(struct accel_device *device)
{
	struct accel_device_info info = {.size = sizeof(info)};

	assert_ok(accel_device_get_info(device, &info));
	return info;
}

/* That opening fails so, and what the device says of itself then. */
static void refuses(struct accel_device *device, int err, uint32_t usable, const char *part)
{
	struct accel_context *context = NULL;
	struct accel_error error;

	assert_fails(accel_open(device, NULL, 0, &context), err);
	assert_null(context);
	error = support_error();
	if (part && !strstr(error.text, part))
		fail_msg("the last error lacks '%s': %s", part, error.text);
	assert_int_equal(info_of(device).usable, usable);
	if (usable)
		assert_string_equal(info_of(device).reason, error.text);
	assert_fails(accel_device_check(device), err);
}

static void test_open(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL), *same;
	struct accel_context *context, *other;

	(void)state;
	assert_ok(accel_open(device, NULL, 0, &context));
	assert_int_equal(model.contexts, 1);
	assert_int_equal(model_node(MODEL_PULL)->opens, 2); /* once at set-up */
	assert_ok(accel_context_get_device(context, &same));
	assert_ptr_equal(same, device);
	accel_device_unref(same);
	assert_string_equal(info_of(device).driver, "pull");
	assert_ok(accel_open(device, NULL, ACCEL_NO_DEADLINE, &other));
	assert_int_equal(model.contexts, 2);
	accel_device_unref(device); /* the contexts hold it */
	assert_gives(accel_context_state(context), ACCEL_OK);
	assert_ptr_equal(accel_context_ref(context), context);
	accel_context_unref(context);
	assert_int_equal(model.contexts, 2);
	accel_context_unref(context);
	assert_int_equal(model.contexts, 1);
	accel_context_unref(other);
	assert_null(accel_context_ref(NULL));
	accel_context_unref(NULL);
}

static void test_arguments(void **state)
{
	struct accel_open_params params = {.size = sizeof(params)};
	struct accel_device *device = model_device(MODEL_PULL);
	struct accel_context *context = NULL;
	struct accel_ext ext = {sizeof(ext), 1};
	int fd;

	(void)state;
	assert_fails(accel_open(NULL, NULL, 0, &context), -EINVAL);
	assert_fails(accel_open(device, NULL, 0, NULL), -EINVAL);
	params.flags = 8;
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	params.flags = 1u << 31;
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	params.flags = 0;
	params.reserved = 1;
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	params.reserved = 0;
	params.size = 0;
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	params.size = sizeof(params);
	params.ext = &ext;
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	assert_null(context);
	assert_fails(accel_device_check(NULL), -EINVAL);
	assert_fails(accel_context_state(NULL), -EINVAL);
	assert_fails(accel_context_fd(NULL, &fd), -EINVAL);
	assert_fails(accel_context_trim(NULL, 0), -EINVAL);
	assert_fails(accel_context_get_device(NULL, &device), -EINVAL);
	accel_device_unref(device);
}

static void test_flags(void **state)
{
	const uint32_t flags = ACCEL_OPEN_NO_THREADS | ACCEL_OPEN_UNVERIFIED;
	struct accel_context *context = model_open(MODEL_PULL, flags);

	(void)state;
	assert_int_equal(context->open_flags, flags);
	accel_context_unref(context);
}

/* What opening asks for itself leaves the caller's last error alone. */
static void test_keeps_last_error(void **state)
{
	struct accel_context *context;
	struct accel_device *device = model_device(MODEL_PULL);

	(void)state;
	assert_ok(accel_open(device, NULL, 0, &context));
	accel_context_unref(context);
	assert_ok(accel_device_check(device));
	accel_device_unref(device);
}

static void test_open_errors(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);
	struct seam_node *node = model_node(MODEL_PULL);

	(void)state;
	node->open_err = -EACCES;
	refuses(device, -EACCES, ACCEL_NO_PERMISSION, "/dev/accel/accel1");
	node->open_err = -EPERM;
	refuses(device, -EACCES, ACCEL_NO_PERMISSION, "cgroup");
	node->open_err = -ENOENT;
	refuses(device, -ENXIO, ACCEL_NO_NODE, "vanished");
	node->open_err = -ENXIO;
	refuses(device, -ENXIO, ACCEL_NO_NODE, "vanished");
	node->open_err = -ELOOP;
	refuses(device, -ENXIO, ACCEL_NO_NODE, "not a node");
	node->open_err = -ENODEV;
	refuses(device, -EAGAIN, ACCEL_NOT_READY, "firmware");
	node->open_err = -EAGAIN;
	refuses(device, -EAGAIN, ACCEL_NOT_READY, "deadline");
	node->open_err = 0;
	assert_ok(accel_device_check(device));
	assert_int_equal(info_of(device).usable, ACCEL_USABLE);
	assert_string_equal(info_of(device).reason, "");
	/* These say nothing lasting of the device. */
	node->open_err = -EBUSY;
	refuses(device, -EBUSY, ACCEL_USABLE, "accel1");
	node->open_err = -ENFILE;
	refuses(device, -ENFILE, ACCEL_USABLE, "accel1");
	node->open_err = -ENOMEM;
	refuses(device, -ENOMEM, ACCEL_USABLE, "accel1");
	node->open_err = -EMFILE;
	refuses(device, -EMFILE, ACCEL_USABLE, "driver's limit");
	node->open_err = 0;
	seam_fail(SEAM_EVENTFD, 0, 2, -EMFILE);
	node->open_err = -EMFILE;
	refuses(device, -EMFILE, ACCEL_USABLE, "ulimit");
	accel_device_unref(device);
}

/* The node has become another's between listing and opening. */
static void test_swapped_node(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);
	struct seam_node *node = model_node(MODEL_PULL);

	(void)state;
	node->opened_rdev = makedev(261, 200);
	refuses(device, -ENXIO, ACCEL_NO_NODE, "scan again");
	node->opened_rdev = 0;
	node->mode = S_IFREG | 0666;
	refuses(device, -ENXIO, ACCEL_NO_NODE, "scan again");
	node->mode = 0;
	seam_fail(SEAM_FSTAT, 0, 1, -EIO);
	assert_fails(accel_device_check(device), -EIO);
	assert_ok(accel_device_check(device));
	accel_device_unref(device);
}

static void test_driver(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);
	struct seam_node *node = model_node(MODEL_PULL);

	(void)state;
	node->driver = "unheard_of";
	refuses(device, -ENOPKG, ACCEL_NO_PROVIDER, "unheard_of");
	assert_string_equal(info_of(device).driver, "unheard_of");
	node->driver = "../../pull";
	refuses(device, -ENOPKG, ACCEL_NO_PROVIDER, NULL);
	node->driver = "";
	assert_true(accel_device_check(device) < 0);
	node->driver = "a_name_of_a_driver_that_has_no_room_in_the_struct";
	assert_fails(accel_device_check(device), -ENAMETOOLONG);
	node->driver = "pull";
	node->ioctl_err = -ENOTTY;
	assert_fails(accel_device_check(device), -ENODEV);
	node->ioctl_err = -ENODEV;
	refuses(device, -EAGAIN, ACCEL_NOT_READY, NULL);
	node->ioctl_err = -EIO;
	assert_fails(accel_device_check(device), -EIO);
	node->ioctl_err = 0;
	seam_fail(SEAM_IOCTL, 0, 3, -EINTR);
	assert_ok(accel_device_check(device));
	assert_string_equal(info_of(device).driver, "pull");
	accel_device_unref(device);
}

/* A module under a name that its descriptor doesn't know. */
static void test_wrong_provider(void **state)
{
	static const struct accel_provider *pull;
	struct accel_context *context = model_open(MODEL_PULL, 0);
	struct accel_device *device;

	(void)state;
	pull = context->provider;
	accel_context_unref(context);
	seam_add_provider("misnamed", pull);
	model_node(MODEL_PULL)->driver = "misnamed";
	device = model_device(MODEL_PULL);
	refuses(device, -ELIBBAD, ACCEL_PROVIDER_ABI, "install");
	model_keep_memory(1);
	accel_device_unref(device);
}

static void test_provider_errors(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);

	(void)state;
	model.context_init_err_count = 100;
	model.context_init_err = -EIO;
	refuses(device, -EIO, ACCEL_USABLE, "told");
	model.context_init_err = -EOPNOTSUPP;
	refuses(device, -EOPNOTSUPP, ACCEL_NOT_COMPUTE, "administration");
	model.context_init_err = -EAGAIN;
	refuses(device, -EAGAIN, ACCEL_NOT_READY, "firmware");
	model.context_init_err_count = 0;
	assert_ok(accel_device_check(device));
	assert_int_equal(info_of(device).usable, ACCEL_USABLE);
	accel_device_unref(device);
}

/* Not ready yet: asked again until it is, or until the deadline. */
static void test_wait_for_ready(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);
	struct seam_node *node = model_node(MODEL_PULL);
	struct accel_context *context = NULL;
	unsigned long opens = node->opens;

	(void)state;
	node->open_err = -ENODEV;
	node->open_err_count = opens + 2;
	assert_ok(accel_open(device, NULL, far_off(), &context));
	assert_int_equal(node->opens, opens + 3);
	accel_context_unref(context);
	node->open_err = -EINTR;
	node->open_err_count = node->opens + 3;
	assert_ok(accel_open(device, NULL, 0, &context));
	accel_context_unref(context);
	node->open_err = 0;
	model.context_init_err = -EAGAIN;
	model.context_init_err_count = 3;
	assert_ok(accel_open(device, NULL, ACCEL_NO_DEADLINE, &context));
	assert_int_equal(model.context_init_err_count, 0);
	accel_context_unref(context);
	context = NULL;
	/* A deadline that passes. */
	model.context_init_err_count = UINT32_MAX;
	assert_fails(accel_open(device, NULL, accel_core_sys.now() + 1000000, &context), -EAGAIN);
	node->open_err = -EAGAIN;
	node->open_err_count = 0;
	assert_fails(accel_open(device, NULL, accel_core_sys.now() + 1000000, &context), -EAGAIN);
	/* What can't become better isn't tried again. */
	opens = node->opens;
	node->open_err = -EACCES;
	assert_fails(accel_open(device, NULL, far_off(), &context), -EACCES);
	assert_int_equal(node->opens, opens + 1);
	assert_null(context);
	accel_device_unref(device);
}

/* The descriptor of somebody else. */
static void test_take_fd(void **state)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = ACCEL_OPEN_FD};
	struct accel_device *device = model_device(MODEL_PULL), *other = model_device(MODEL_PUSH);
	struct accel_context *context = NULL;
	int before;

	(void)state;
	params.fd = accel_core_sys.open("/dev/accel/accel1", O_RDWR);
	before = count_fds();
	assert_ok(accel_open(NULL, &params, 0, &context));
	assert_int_equal(count_fds(), before + 1);
	accel_context_unref(context);
	assert_int_equal(count_fds(), before);
	assert_ok(accel_open(device, &params, 0, &context));
	assert_ptr_equal(context->device, device);
	accel_context_unref(context);
	context = NULL;
	/* It is of another device than the caller says. */
	assert_fails(accel_open(other, &params, 0, &context), -EINVAL);
	seam_fail(SEAM_DUP, 0, 1, -EMFILE);
	assert_fails(accel_open(NULL, &params, 0, &context), -EMFILE);
	accel_core_sys.close(params.fd);
	assert_fails(accel_open(NULL, &params, 0, &context), -EBADF);
	assert_fails(accel_open(device, &params, 0, &context), -EBADF);
	params.fd = -1;
	assert_fails(accel_open(NULL, &params, 0, &context), -EBADF);
	params.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_fails(accel_open(NULL, &params, 0, &context), -ENODEV);
	close(params.fd);
	params.fd = open("/", O_RDONLY | O_CLOEXEC);
	assert_fails(accel_open(NULL, &params, 0, &context), -ENODEV);
	close(params.fd);
	/* The flag decides, not the member. */
	params.flags = 0;
	assert_fails(accel_open(NULL, &params, 0, &context), -EINVAL);
	assert_null(context);
	accel_device_unref(device);
	accel_device_unref(other);
}

static void test_no_memory(void **state)
{
	struct accel_device *device = model_device(MODEL_PULL);
	struct accel_context *context = NULL;
	const long memory = seam_live_memory();
	unsigned long skip;
	int ret;

	(void)state;
	for (skip = 0;; skip++) {
		seam_fail(SEAM_ALLOC, skip, 1, 1);
		ret = accel_open(device, NULL, 0, &context);
		if (ret != -ENOMEM)
			break;
		assert_int_equal(support_error().code, -ENOMEM);
		assert_int_equal(seam_live_memory(), memory);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(skip, 1);
	accel_context_unref(context);
	accel_device_unref(device);
}

static void test_states(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	struct accel_bo_params params = {.size = sizeof(params), .flags = 1, .bytes = 1};
	struct accel_queue *queue = NULL;
	struct accel_bo *bo = NULL;

	(void)state;
	assert_ok(accel_core_context_errno(context));
	accel_core_context_set_state(context, ACCEL_CONTEXT_LOST);
	assert_gives(accel_context_state(context), ACCEL_CONTEXT_LOST);
	assert_fails(accel_core_context_errno(context), -ESTALE);
	assert_fails(accel_bo_create(context, &params, &bo), -ESTALE);
	assert_fails(accel_bo_import(context, 0, 1, &bo), -ESTALE);
	assert_fails(accel_queue_create(context, NULL, 0, &queue), -ESTALE);
	accel_core_context_set_state(context, ACCEL_OK); /* never gets better */
	assert_gives(accel_context_state(context), ACCEL_CONTEXT_LOST);
	accel_core_context_set_state(context, ACCEL_OFFLINE);
	assert_fails(accel_core_context_errno(context), -ESTALE);
	accel_core_context_set_state(context, ACCEL_GONE);
	assert_gives(accel_context_state(context), ACCEL_GONE);
	assert_fails(accel_bo_create(context, &params, &bo), -ENODEV);
	accel_core_context_set_state(context, ACCEL_OFFLINE);
	assert_gives(accel_context_state(context), ACCEL_GONE);
	accel_context_unref(context);
}

static void test_state_fd(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	int fd = -7;

	(void)state;
	assert_fails(accel_context_fd(context, &fd), -EOPNOTSUPP);
	assert_int_equal(fd, -7);
	assert_gives(accel_context_state(context), ACCEL_OK);
	assert_int_equal(model.events, 0); /* no call for those who don't watch */
	model.answer[ACCEL_HAS_STATE_FD] = ACCEL_NATIVE;
	assert_fails(accel_context_fd(context, NULL), -EINVAL);
	assert_ok(accel_context_fd(context, &fd));
	assert_int_equal(fd, context->fd);
	assert_gives(accel_context_state(context), ACCEL_OK);
	assert_int_equal(model.events, 1);
	accel_context_unref(context);
}

static void test_enter(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);

	(void)state;
	assert_ok(accel_core_enter(context, "pull"));
	assert_fails(accel_core_enter(context, "push"), -EINVAL);
	assert_fails(accel_core_enter(context, "pul"), -EINVAL);
	assert_fails(accel_core_enter(NULL, "pull"), -EINVAL);
	accel_context_unref(context);
}

static void test_absent(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++)
		assert_false(accel_core_is_absent(context, bit));
	accel_core_set_absent(context, 63);
	accel_core_set_absent(context, 0);
	for (bit = 0; bit < 64; bit++)
		assert_int_equal(accel_core_is_absent(context, bit), bit == 0 || bit == 63);
	accel_context_unref(context);
}

/* Whether the device is still in sysfs. */
static void test_gone(void **state)
{
	struct accel_context *context = model_open(MODEL_PULL, 0);
	char uevent[300], attr[64];

	(void)state;
	snprintf(uevent, sizeof(uevent), "%s", env_get()->sysfs);
	assert_false(accel_core_device_gone(context));
	assert_true(accel_core_device_attr(context, "uevent", attr, sizeof(attr)) > 0);
	assert_non_null(strstr(attr, "DRIVER=pull"));
	assert_int_equal(accel_core_device_attr(context, "none", attr, sizeof(attr)), -ENOENT);
	/* Another device has the name now. */
	tree_print(uevent, "class/accel/accel1/uevent", "MAJOR=261\nMINOR=9\n");
	assert_true(accel_core_device_gone(context));
	tree_print(uevent, "class/accel/accel1/uevent", "garbage");
	assert_false(accel_core_device_gone(context));
	assert_int_equal(unlink(tree_path(uevent, "class/accel/accel1/uevent")), 0);
	assert_true(accel_core_device_gone(context));
	/* Can't be read, so it isn't known. */
	seam_fail(SEAM_OPEN, 0, 1, -EACCES);
	assert_false(accel_core_device_gone(context));
	set_sysfs("/nowhere/at/all");
	assert_false(accel_core_device_gone(context));
	accel_context_unref(context);
}

static void test_software_takes_no_fd(void **state)
{
	struct accel_open_params params = {.size = sizeof(params), .flags = ACCEL_OPEN_FD};
	struct accel_context *context = NULL;
	struct accel_device *device;

	(void)state;
	assert_ok(accel_device_find("soft:0", &device));
	assert_fails(accel_open(device, &params, 0, &context), -EINVAL);
	refuses(device, -ENOPKG, ACCEL_NO_PROVIDER, "libaccel-soft");
	accel_device_unref(device);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_arguments),
		TEST(test_flags),
		TEST(test_keeps_last_error),
		TEST(test_open_errors),
		TEST(test_swapped_node),
		TEST(test_driver),
		TEST(test_wrong_provider),
		TEST(test_provider_errors),
		TEST(test_wait_for_ready),
		TEST(test_take_fd),
		TEST(test_no_memory),
		TEST(test_states),
		TEST(test_state_fd),
		TEST(test_enter),
		TEST(test_absent),
		TEST(test_gone),
		TEST(test_software_takes_no_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
