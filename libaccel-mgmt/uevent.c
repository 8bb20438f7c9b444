/* SPDX-License-Identifier: MIT */
/* The text of one of the kernel's events. */
#include "mgmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void take_int(const char *text, int64_t max, int64_t *value)
{
	if (text_number(text, 0, max, value))
		*value = -1;
}

static void take(const char *key, const char *value, struct uevent *out)
{
	const struct {
		const char *key, **to;
	} words[] = {
		{"ACTION", &out->action},         {"DEVPATH", &out->devpath},
		{"SUBSYSTEM", &out->subsystem},   {"DEVNAME", &out->devname},
		{"IVPU_PM_EVENT", &out->ivpu},    {"WEDGED", &out->wedged},
		{"PCI_SLOT_NAME", &out->address},
	};
	int64_t seqnum;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(key, words[i].key))
			*words[i].to = value;
	if (!strcmp(key, "SEQNUM") && !text_number(value, 0, INT64_MAX, &seqnum))
		out->seqnum = (uint64_t)seqnum;
	else if (!strcmp(key, "MAJOR"))
		take_int(value, UINT32_MAX, &out->major);
	else if (!strcmp(key, "MINOR"))
		take_int(value, UINT32_MAX, &out->minor);
	else if (!strcmp(key, "DBC_ID"))
		take_int(value, UINT32_MAX, &out->dbc);
	else if (!strcmp(key, "DBC_STATE"))
		take_int(value, UINT32_MAX, &out->dbc_state);
}

int uevent_parse(char *text, size_t bytes, struct uevent *out)
{
	const char *end = text + bytes;
	char *line, *equals;

	*out = (struct uevent){.major = -1, .minor = -1, .dbc = -1, .dbc_state = -1};
	/* "ACTION@DEVPATH", then KEY=VALUE, each with a NUL behind it. */
	if (!bytes || text[bytes - 1] || !strchr(text, '@'))
		return -EINVAL;
	for (line = text + strlen(text) + 1; line < end; line += strlen(line) + 1) {
		equals = strchr(line, '=');
		if (!equals)
			continue;
		*equals = '\0';
		take(line, equals + 1, out);
		line = equals + 1; /* the length of the value is still to be passed */
	}
	return out->action && out->devpath && out->subsystem ? 0 : -EINVAL;
}
