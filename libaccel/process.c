/* SPDX-License-Identifier: MIT */
/* What there is once per process: set-up, the fork check, the list of open contexts. */
#include "core.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A word that is 1 in the process that set the library up and 0 in its forked
 * children: on a page that the kernel wipes at fork (Linux 4.14), so that asking
 * costs a load and not a system call. Where there is no such page, a fork handler
 * clears a word of ours.
 */
static _Atomic uint32_t plain_word, not_yet;
_Atomic(_Atomic uint32_t *) process_alive = &not_yet;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list contexts = { &contexts, &contexts };
static bool exit_is_hooked;

static void child_of_fork(void)
{
	atomic_store(&plain_word, 0);
}

static _Atomic uint32_t *make_word(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map;

	if (!accel_core_sys.mmap(page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
				 &map)) {
		if (!accel_core_sys.madvise(map, page, MADV_WIPEONFORK))
			return map;
		accel_core_sys.munmap(map, page);
	}
	pthread_atfork(NULL, NULL, child_of_fork);
	return &plain_word;
}

static void set_up(void)
{
	_Atomic uint32_t *word;

	env_read();
	log_set_default(env_get()->log_level);
	if (env_get()->trace)
		trace_start(env_get()->trace_file);
	word = make_word();
	atomic_store(word, 1);
	atomic_store(&process_alive, word);
}

int process_set_up(void)
{
	pthread_once(&once, set_up);
	return atomic_load(atomic_load(&process_alive)) ? 0 : -ECHILD;
}

int accel_core_process_enter(void)
{
	return process_enter();
}

/* exit(3) goes on to run the destructors of what providers use (a C++ runtime, an
 * OpenMP pool): nothing of a provider may run then. */
static void at_exit(void)
{
	struct accel_context *context;
	struct list *node;

	if (process_is_child())
		return;
	pthread_mutex_lock(&contexts_lock);
	list_for_each(node, &contexts) {
		context = list_entry(node, struct accel_context, link);
		context->provider->ops->context_exit(context);
	}
	pthread_mutex_unlock(&contexts_lock);
}

static void before_fork(void)
{
	pthread_mutex_lock(&contexts_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&contexts_lock);
}

static void after_fork_in_child(void)
{
	struct accel_context *context;
	struct list *node;

	list_for_each(node, &contexts) {
		context = list_entry(node, struct accel_context, link);
		context->provider->ops->context_child(context);
	}
	pthread_mutex_unlock(&contexts_lock);
}

int process_add_context(struct accel_context *context)
{
	int ret = 0;

	pthread_mutex_lock(&contexts_lock);
	if (!exit_is_hooked) {
		if (atexit(at_exit) ||
		    pthread_atfork(before_fork, after_fork, after_fork_in_child))
			ret = -ENOMEM;
		else
			exit_is_hooked = true;
	}
	if (!ret)
		list_append(&contexts, &context->link);
	pthread_mutex_unlock(&contexts_lock);
	return ret;
}

void process_del_context(struct accel_context *context)
{
	pthread_mutex_lock(&contexts_lock);
	list_del(&context->link);
	pthread_mutex_unlock(&contexts_lock);
}

uint32_t accel_version(void)
{
	return ACCEL_VERSION;
}
