/* SPDX-License-Identifier: MIT */
/*
 * Events of the device: it goes offline and comes back, a channel's sub-system restarts, it is
 * unplugged. The kernel tells these as uevents, of all devices alike, to a netlink socket; ours
 * are told by their numbers.
 */
#include "qaic_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define UEVENT_BYTES 8192

int qaic_context_fd(struct accel_context *base, int *fd)
{
	struct qaic_context *context = qaic_context(base);
	int events, ret = 0;

	accel_core_lock(&context->list_lock);
	events = atomic_load(&context->events);
	if (events < 0) {
		events = accel_core_sys.uevents();
		if (events < 0)
			ret = accel_core_fail(
				events == -EMFILE || events == -ENFILE || events == -ENOMEM
					? events
					: -EOPNOTSUPP,
				"the kernel's events can't be had here: %s", strerror(-events));
		else
			atomic_store(&context->events, events);
	}
	accel_core_unlock(&context->list_lock);
	if (!ret)
		*fd = events;
	return ret;
}

/* The value of @key in a uevent of @bytes: strings, each ended by a NUL. */
static const char *value_of(const char *text, size_t bytes, const char *key)
{
	const size_t length = strlen(key);
	const char *end = text + bytes;

	for (; text < end; text += strlen(text) + 1)
		if (!strncmp(text, key, length) && text[length] == '=')
			return text + length + 1;
	return NULL;
}

static bool number_of(const char *text, size_t bytes, const char *key, unsigned long *number)
{
	const char *value = value_of(text, bytes, key);
	char *end;

	if (!value)
		return false;
	*number = strtoul(value, &end, 10);
	return end != value && !*end;
}

static void judge(struct accel_context *context, dev_t device, const char *text, size_t bytes)
{
	unsigned long major_number, minor_number, channel, state;
	const char *action = value_of(text, bytes, "ACTION");

	if (!action || !number_of(text, bytes, "MAJOR", &major_number) ||
	    !number_of(text, bytes, "MINOR", &minor_number) ||
	    makedev((unsigned int)major_number, (unsigned int)minor_number) != device)
		return;
	if (!strcmp(action, "offline"))
		accel_core_context_set_state(context, ACCEL_OFFLINE);
	else if (!strcmp(action, "remove"))
		accel_core_context_set_state(context, ACCEL_GONE);
	else if (!strcmp(action, "change") && number_of(text, bytes, "DBC_ID", &channel) &&
		 number_of(text, bytes, "DBC_STATE", &state) && state >= ACCEL_QAIC_BEFORE_SHUTDOWN)
		qaic_queue_lose(qaic_context(context), (uint32_t)channel, NULL);
}

void qaic_context_event(struct accel_context *base)
{
	struct qaic_context *context = qaic_context(base);
	char text[UEVENT_BYTES];
	struct stat st;
	ssize_t got;

	if (accel_core_sys.fstat(base->fd, &st))
		return;
	for (;;) {
		got = accel_core_sys.read(atomic_load(&context->events), text, sizeof(text) - 1);
		if (got > 0) {
			text[got] = '\0';
			judge(base, st.st_rdev, text, (size_t)got);
		} else if (got == -ENOBUFS) {
			qaic_look(base); /* more came than there was room for */
		} else if (got != -EINTR) {
			return;
		}
	}
}

void qaic_events_end(struct qaic_context *context)
{
	const int events = atomic_load(&context->events);

	if (events >= 0)
		accel_core_sys.close(events);
}

void qaic_context_child(struct accel_context *context)
{
	qaic_events_end(qaic_context(context));
}
