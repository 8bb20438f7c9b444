// SPDX-License-Identifier: GPL-2.0
/*
 * The NPU's metric streamer: two groups of counters, of which a sample is written into the host's
 * buffer at the end of each job. Group 0 counts jobs and commands, group 1 bytes read and
 * written by them. A hardware's samples come by the clock; these come by what they count, so that
 * a test knows what it has to find.
 */
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ivpu.h"

#define METRIC_START		0x110f
#define METRIC_STOP		0x1110
#define METRIC_INFO		0x1112

#define GROUPS			2
#define COUNTERS		2
#define SAMPLE_BYTES		(COUNTERS * sizeof(u64))	/* of each group */

struct ivpu_group_info {
	u32 next_group, first_counter, id, counters, data_bytes, domain;
	u32 name_bytes, description_bytes;
	u64 reserved;
	char name[16], description[32];
};

struct ivpu_counter_info {
	u32 next_counter, data_offset, data_bytes, tier, type, value_type;
	u32 name_bytes, description_bytes, component_bytes, units_bytes;
	u64 reserved;
	char name[16], description[32], component[16], units[16];
};

struct ivpu_metric_info {
	struct ivpu_group_info group;
	struct ivpu_counter_info counters[COUNTERS];
};

static const char *const names[GROUPS][1 + COUNTERS] = {
	{ "work", "jobs", "commands" },
	{ "memory", "read", "written" },
};

static void ivpu_describe(struct ivpu_metric_info *info, unsigned int group, bool last)
{
	unsigned int i;

	memset(info, 0, sizeof(*info));
	info->group.next_group = last ? 0 : sizeof(*info);
	info->group.first_counter = sizeof(info->group);
	info->group.id = group;
	info->group.counters = COUNTERS;
	info->group.data_bytes = SAMPLE_BYTES;
	info->group.domain = group;
	info->group.name_bytes = sizeof(info->group.name);
	info->group.description_bytes = sizeof(info->group.description);
	strscpy(info->group.name, names[group][0]);
	strscpy(info->group.description, "what jobs did");
	for (i = 0; i < COUNTERS; i++) {
		struct ivpu_counter_info *counter = &info->counters[i];

		counter->next_counter = i + 1 < COUNTERS ? sizeof(*counter) : 0;
		counter->data_offset = i * sizeof(u64);
		counter->data_bytes = sizeof(u64);
		counter->name_bytes = sizeof(counter->name);
		counter->description_bytes = sizeof(counter->description);
		counter->component_bytes = sizeof(counter->component);
		counter->units_bytes = sizeof(counter->units);
		strscpy(counter->name, names[group][1 + i]);
		strscpy(counter->description, "since the firmware's first boot");
		strscpy(counter->component, "engine");
		strscpy(counter->units, group ? "bytes" : "");
	}
}

/* The bytes of all descriptions, which are written if there is room for them. */
static u64 ivpu_metric_info(struct ivpu *vpu, u64 mask, u64 address, u64 bytes)
{
	struct ivpu_metric_info info;
	unsigned int group;
	u64 done = 0;

	for (group = 0; group < GROUPS; group++) {
		if (!(mask & BIT(group)))
			continue;
		ivpu_describe(&info, group, !(mask >> (group + 1)));
		if (address && bytes - done >= sizeof(info))
			ivpu_access_locked(vpu, IVPU_GLOBAL, address + done, &info, sizeof(info),
					   true);
		done += sizeof(info);
	}
	return done;
}

static struct ivpu_stream *ivpu_stream(struct ivpu *vpu, u64 mask)
{
	struct ivpu_stream *stream;

	list_for_each_entry(stream, &vpu->streams, link)
		if (stream->mask == mask)
			return stream;
	return NULL;
}

static struct ivpu_stream *ivpu_metric_start(struct ivpu *vpu, const struct ivpu_jsm *request)
{
	struct ivpu_stream *stream;

	/* A group belongs to one stream at a time. */
	list_for_each_entry(stream, &vpu->streams, link)
		if (stream->mask & request->d[0])
			return NULL;
	stream = kzalloc(sizeof(*stream), GFP_ATOMIC);
	if (!stream)
		return NULL;
	stream->mask = request->d[0];
	stream->address = request->d[3];
	stream->size = request->d[4];
	list_add_tail(&stream->link, &vpu->streams);
	return stream;
}

void ivpu_metric_request(struct ivpu *vpu, const struct ivpu_jsm *request, struct ivpu_jsm *reply)
{
	struct ivpu_stream *stream = ivpu_stream(vpu, request->d[0]);

	memset(reply->d, 0, sizeof(reply->d));
	reply->d[0] = request->d[0];
	reply->w[2] = hweight64(request->d[0]) * SAMPLE_BYTES;
	if (!request->d[0] || request->d[0] >> GROUPS) {
		reply->result = STATUS_INVALID_HANDLE;
		return;
	}
	if (request->type == METRIC_INFO) {
		reply->d[4] = ivpu_metric_info(vpu, request->d[0], request->d[3], request->d[4]);
		return;
	}
	if (request->type == METRIC_START)
		stream = ivpu_metric_start(vpu, request);
	if (!stream) {
		/* To stop what does not run is no mistake. */
		reply->result = request->type == METRIC_STOP ? 0 : STATUS_INVALID_HANDLE;
		return;
	}
	reply->w[4] = stream->collected;
	reply->w[5] = stream->dropped;
	reply->d[3] = stream->address;
	reply->d[4] = stream->written;
	if (request->type == METRIC_STOP) {
		list_del(&stream->link);
		kfree(stream);
	} else if (request->type != METRIC_START && request->d[1] &&
		   request->d[1] != stream->address) {
		stream->address = request->d[1];
		stream->size = request->d[2];
		stream->written = 0;
	}
}

void ivpu_metric_sample(struct ivpu *vpu)
{
	const u64 counters[GROUPS][COUNTERS] = {
		{ vpu->jobs_done, vpu->commands_done },
		{ vpu->bytes_read, vpu->bytes_written },
	};
	struct ivpu_stream *stream;
	unsigned int group;

	list_for_each_entry(stream, &vpu->streams, link) {
		if (stream->size - stream->written < hweight64(stream->mask) * SAMPLE_BYTES) {
			stream->dropped++;
			continue;
		}
		for (group = 0; group < GROUPS; group++) {
			if (!(stream->mask & BIT(group)))
				continue;
			ivpu_access_locked(vpu, IVPU_GLOBAL, stream->address + stream->written,
					   (void *)counters[group], SAMPLE_BYTES, true);
			stream->written += SAMPLE_BYTES;
		}
		stream->collected++;
	}
}

void ivpu_metric_reset(struct ivpu *vpu)
{
	struct ivpu_stream *stream, *next;

	list_for_each_entry_safe(stream, next, &vpu->streams, link) {
		list_del(&stream->link);
		kfree(stream);
	}
}
