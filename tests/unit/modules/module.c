/* SPDX-License-Identifier: MIT */
/*
 * Modules that the loader is to take, or to refuse; built once for each KIND. They bind to
 * nothing of libaccel.
 */
#include "provider.h"

#define NO_SYMBOL    1 /* an ordinary library */
#define OTHER_ABI    2 /* the symbol is ours, what it says isn't */
#define OTHER_NAME   3 /* the symbol of another interface */
#define SHORT        4 /* a descriptor that ends early */
#define NO_OPS       5
#define SMALL_JOB    6 /* a job smaller than the core's part of it */
#define HALF_PULL    7 /* job_poll without job_wait */
#define UNRESOLVED   8 /* needs a function that nobody has */
#define OTHER_DRIVER 9 /* sound, but for another driver than its file's name says */

#if KIND == UNRESOLVED
void function_that_nobody_has(void);
#endif

#if KIND == HALF_PULL
static int job_poll(struct accel_job *job, bool ended, struct accel_job_result *result)
{
	(void)job, (void)ended, (void)result;
	return 0;
}
#endif

#if KIND != NO_OPS
static const struct accel_ops ops = {
#if KIND == HALF_PULL
	.job_poll = job_poll,
#endif
};
#endif

static const char *const drivers[] = {
#if KIND == OTHER_DRIVER
	"somebody_else",
#else
	"sound", "alias",
#endif
	NULL};

#if KIND == OTHER_NAME
#define SYMBOL accel_provider_99
extern const struct accel_provider SYMBOL;
#else
#define SYMBOL ACCEL_PROVIDER_SYMBOL
#endif

#if KIND == NO_SYMBOL
extern const char *const *symbol_of_no_provider;
const char *const *symbol_of_no_provider = drivers;
extern const struct accel_ops *other_symbol;
const struct accel_ops *other_symbol = &ops;
#else
const struct accel_provider SYMBOL = {
	.abi = KIND == OTHER_ABI ? ACCEL_PRIVATE_ABI + 1 : ACCEL_PRIVATE_ABI,
	.size = KIND == SHORT ? 8 : sizeof(SYMBOL),
	.name = "sound",
	.drivers = drivers,
	.context_size = sizeof(struct accel_context),
	.bo_size = sizeof(struct accel_bo),
	.queue_size = sizeof(struct accel_queue),
	.job_size = KIND == SMALL_JOB ? sizeof(struct accel_job) - 1 : sizeof(struct accel_job),
#if KIND != NO_OPS
	.ops = &ops,
#endif
};
#endif

#if KIND == UNRESOLVED
extern void call_it(void);
void call_it(void)
{
	function_that_nobody_has();
}
#endif
