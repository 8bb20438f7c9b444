/* SPDX-License-Identifier: MIT */
/* Errors: one line on stderr, which says what to do. */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const char *name = "";

void ctl_set_name(const char *subcommand)
{
	name = subcommand;
}

int ctl_fail(int status, const char *format, ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "accelctl%s%s: %s\n", *name ? " " : "", name, ctl_printable(text));
	return status;
}

int ctl_status_of(int err)
{
	switch (err) {
	case -ENODEV:
	case -ENOENT:
		return CTL_NO_DEVICE;
	case -EACCES:
	case -EPERM:
		return CTL_PERMISSION;
	case -ENOPKG:
	case -ELIBBAD:
	case -ENXIO:
	case -EAGAIN:
	case -EBUSY:
	case -ESTALE:
		return CTL_UNUSABLE;
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
		return CTL_UNSUPPORTED;
	default:
		return CTL_FAILED;
	}
}

static const char *remedy(int status)
{
	switch (status) {
	case CTL_NO_DEVICE:
		return "; 'accelctl list' has the names of all there are";
	case CTL_UNUSABLE:
	case CTL_PERMISSION:
		return "; 'accelctl doctor' looks into it";
	default:
		return "";
	}
}

int ctl_fail_library(int err, const char *what)
{
	struct accel_error why = {.size = sizeof(why)};
	const int status = ctl_status_of(err);

	if (accel_last_error(&why) || why.code != err || !*why.text)
		snprintf(why.text, sizeof(why.text), "%s", strerror(-err));
	return ctl_fail(status, "%s: %s%s", what, why.text, remedy(status));
}
