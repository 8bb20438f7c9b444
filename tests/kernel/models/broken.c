// SPDX-License-Identifier: GPL-2.0
/* No device: a kernel module with a chosen fault, to prove that the rig sees such. */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warning, oops, use-after-free or lock-order");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static int __init broken_init(void)
{
	char *memory;

	if (!strcmp(what, "warning")) {
		WARN(1, "as was asked for\n");
	} else if (!strcmp(what, "oops")) {
		*(volatile int *)8 = 0;
	} else if (!strcmp(what, "use-after-free")) {
		memory = kmalloc(64, GFP_KERNEL);
		kfree(memory);
		((volatile char *)memory)[3] = 1;
	} else if (!strcmp(what, "lock-order")) {
		mutex_lock(&first);
		mutex_lock(&second);
		mutex_unlock(&second);
		mutex_unlock(&first);
		mutex_lock(&second);
		mutex_lock(&first);
		mutex_unlock(&first);
		mutex_unlock(&second);
	} else {
		return -EINVAL;
	}
	return 0;
}
module_init(broken_init);

MODULE_DESCRIPTION("libaccel test rig: a fault on purpose");
MODULE_LICENSE("GPL");
