/* SPDX-License-Identifier: MIT */
/*
 * The check of command lists.
 *
 * The memory is the caller's, and may change while it is read: each word is read once. That is no
 * gap, as the NPU's MMU keeps contexts apart; the check finds mistakes, with their place.
 */
#include "check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum need {
	READS,
	WRITES
};

static int bad(struct ivpu_place *place, int err, uint64_t offset, uint32_t index,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
static int bad(struct ivpu_place *place, int err, uint64_t offset, uint32_t index,
	       const char *format, ...)
{
	va_list args;

	place->offset = offset;
	place->index = index;
	va_start(args, format);
	vsnprintf(place->text, sizeof(place->text), format, args);
	va_end(args);
	return err;
}

/* ---- addresses ---------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct ivpu_range *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

void ivpu_ranges_sort(struct ivpu_range *ranges, size_t count)
{
	qsort(ranges, count, sizeof(*ranges), by_address);
}

/* The buffer that @address is in. */
static struct ivpu_range *find(const struct ivpu_view *view, uint64_t address)
{
	size_t low = 0, high = view->range_count, middle;
	struct ivpu_range *range;

	while (low < high) {
		middle = low + (high - low) / 2;
		range = &view->ranges[middle];
		if (address < range->address)
			high = middle;
		else if (address - range->address >= range->bytes)
			low = middle + 1;
		else
			return range;
	}
	return NULL;
}

/* That @bytes at @address are in one buffer that is listed for @need. */
static int check_range(const struct ivpu_view *view, uint64_t offset, const char *what,
		       uint64_t address, uint64_t bytes, enum need need, struct ivpu_range **out,
		       struct ivpu_place *place)
{
	struct ivpu_range *range = find(view, address);

	if (!range)
		return bad(place, -ERANGE, offset, NO_INDEX,
			   "%s: address 0x%llx is in no buffer of the job", what,
			   (unsigned long long)address);
	if (bytes > range->bytes - (address - range->address))
		return bad(place, -ERANGE, offset, range->index,
			   "%s: %llu bytes at 0x%llx reach beyond the buffer, which ends at 0x%llx",
			   what, (unsigned long long)bytes, (unsigned long long)address,
			   (unsigned long long)(range->address + range->bytes));
	if (need == WRITES ? !range->writes : !range->reads)
		return bad(place, -EACCES, offset, range->index,
			   "%s: the buffer at 0x%llx is not listed for %s", what,
			   (unsigned long long)address, need == WRITES ? "writing" : "reading");
	if (out)
		*out = range;
	return 0;
}

static int check_multiple(uint64_t offset, const char *what, uint64_t address, uint64_t of,
			  struct ivpu_place *place)
{
	if (address % of == 0)
		return 0;
	return bad(place, -EINVAL, offset, NO_INDEX,
		   "%s: address 0x%llx is no multiple of %llu, as this NPU needs it", what,
		   (unsigned long long)address, (unsigned long long)of);
}

/* What the NPU's processors read and write themselves. */
static uint64_t word_multiple(const struct ivpu_view *view)
{
	return view->old ? LINE_BYTES : WORD_BYTES;
}

/* ---- commands --------------------------------------------------------------------------------- */

static int check_timestamp(const struct ivpu_view *view, uint64_t at, struct ivpu_place *place)
{
	struct ivpu_timestamp command;
	int ret;

	memcpy(&command, view->at + at, sizeof(command));
	if (command.head.word > 2)
		return bad(place, -EINVAL, at, NO_INDEX, "a timestamp of type %u: there are 0 to 2",
			   command.head.word);
	ret = check_multiple(at, "timestamp", command.address, word_multiple(view), place);
	if (ret)
		return ret;
	return check_range(view, at, "timestamp", command.address, WORD_BYTES, WRITES, NULL, place);
}

static int check_fence(const struct ivpu_view *view, uint64_t at, uint64_t heap,
		       struct ivpu_place *place)
{
	struct ivpu_fence command;
	const char *what;
	uint64_t address;
	enum need need;
	int ret;

	memcpy(&command, view->at + at, sizeof(command));
	need = command.head.type == IVPU_FENCE_WAIT ? READS : WRITES;
	what = need == READS ? "fence to wait for" : "fence to signal";
	if (__builtin_add_overflow(heap, command.offset, &address))
		return bad(place, -ERANGE, at, NO_INDEX,
			   "%s: offset 0x%llx is beyond all addresses", what,
			   (unsigned long long)command.offset);
	ret = check_multiple(at, what, address, word_multiple(view), place);
	if (ret)
		return ret;
	return check_range(view, at, what, address, WORD_BYTES, need, NULL, place);
}

static int check_fill(const struct ivpu_view *view, uint64_t at, struct ivpu_place *place)
{
	struct ivpu_fill command;
	int ret;

	memcpy(&command, view->at + at, sizeof(command));
	if (!command.bytes)
		return bad(place, -EINVAL, at, NO_INDEX, "fill of no bytes");
	ret = view->old ? check_multiple(at, "fill", command.address, LINE_BYTES, place) : 0;
	if (ret)
		return ret;
	return check_range(view, at, "fill", command.address, command.bytes, WRITES, NULL, place);
}

static int check_descriptor(const struct ivpu_view *view, uint64_t at, uint32_t number,
			    const unsigned char *from, struct ivpu_place *place)
{
	struct ivpu_descriptor_37xx old;
	struct ivpu_descriptor_40xx now;
	uint64_t src, dst, bytes;
	char what[48];
	int ret;

	if (view->old) {
		memcpy(&old, from, sizeof(old));
		src = old.src, dst = old.dst, bytes = old.bytes;
	} else {
		memcpy(&now, from, sizeof(now));
		src = now.src, dst = now.dst, bytes = now.bytes;
	}
	if (!bytes || (view->old && bytes > 1u << 24))
		return bad(place, -EINVAL, at, NO_INDEX,
			   "descriptor %u of a copy: %llu bytes, this NPU copies %s at once",
			   number, (unsigned long long)bytes,
			   view->old ? "1 to 16 MiB" : "1 to 4 GiB");
	snprintf(what, sizeof(what), "descriptor %u of a copy, source", number);
	ret = check_range(view, at, what, src, bytes, READS, NULL, place);
	if (ret)
		return ret;
	snprintf(what, sizeof(what), "descriptor %u of a copy, destination", number);
	return check_range(view, at, what, dst, bytes, WRITES, NULL, place);
}

static int check_copy(const struct ivpu_view *view, uint64_t at, uint64_t heap,
		      struct ivpu_place *place)
{
	const uint64_t each = view->old ? sizeof(struct ivpu_descriptor_37xx)
					: sizeof(struct ivpu_descriptor_40xx);
	struct ivpu_range *range = NULL;
	struct ivpu_copy command;
	uint64_t address, bytes;
	uint32_t i;
	int ret;

	memcpy(&command, view->at + at, sizeof(command));
	if (!command.count || command.count > DESCRIPTORS_MAX)
		return bad(place, -EINVAL, at, NO_INDEX, "copy by %u descriptors: it takes 1 to %u",
			   command.count, DESCRIPTORS_MAX);
	if (__builtin_add_overflow(heap, command.offset, &address))
		return bad(place, -ERANGE, at, NO_INDEX,
			   "descriptors of a copy: offset 0x%llx is beyond all addresses",
			   (unsigned long long)command.offset);
	ret = check_multiple(at, "descriptors of a copy", address, LINE_BYTES, place);
	if (ret)
		return ret;
	bytes = command.count * each;
	ret = check_range(view, at, "descriptors of a copy", address,
			  view->old ? bytes + OLD_FETCH_BEYOND : bytes, READS, &range, place);
	if (ret)
		return ret;
	ret = range->map ? 0 : view->map(range);
	if (ret)
		return bad(place, ret, at, range->index,
			   "descriptors of a copy: the CPU can't read them in this buffer");
	for (i = 0; i < command.count && !ret; i++)
		ret = check_descriptor(view, at, i,
				       range->map + (address - range->address) + i * each, place);
	return ret;
}

static int check_inference(const struct ivpu_view *view, uint64_t at, struct ivpu_place *place)
{
	struct ivpu_inference command;

	memcpy(&command, view->at + at, sizeof(command));
	if (!command.bytes)
		return bad(place, -EINVAL, at, NO_INDEX, "inference of no bytes");
	return check_range(view, at, "inference", command.address, command.bytes, READS, NULL,
			   place);
}

/* ---- the list ------------------------------------------------------------------------------------ */

/* The size of a command; 0: of this type there are none. */
static uint32_t size_of(uint16_t type)
{
	switch (type) {
	case IVPU_NOP:
		return 4; /* at least */
	case IVPU_TIMESTAMP:
		return sizeof(struct ivpu_timestamp);
	case IVPU_FENCE_WAIT:
	case IVPU_FENCE_SIGNAL:
		return sizeof(struct ivpu_fence);
	case IVPU_BARRIER:
		return sizeof(struct ivpu_head);
	case IVPU_FILL:
		return sizeof(struct ivpu_fill);
	case IVPU_COPY:
		return sizeof(struct ivpu_copy);
	case IVPU_INFERENCE:
		return sizeof(struct ivpu_inference);
	default:
		return 0;
	}
}

static int check_header(const struct ivpu_view *view, const struct ivpu_header *header,
			struct ivpu_place *place)
{
	int ret;

	if (header->bytes < sizeof(*header) || header->bytes > view->bytes)
		return bad(place, -EINVAL, offsetof(struct ivpu_header, bytes), NO_INDEX,
			   "the header says %u bytes of header and commands: the job has %llu",
			   header->bytes, (unsigned long long)view->bytes);
	if (header->first < sizeof(*header) || header->first % 4 || header->first >= header->bytes)
		return bad(place, -EINVAL, offsetof(struct ivpu_header, first), NO_INDEX,
			   "the first command at %u: it is behind the header, and before %u",
			   header->first, header->bytes);
	if (header->reserved)
		return bad(place, -EINVAL, offsetof(struct ivpu_header, reserved), NO_INDEX,
			   "a reserved word of the header is set");
	ret = check_multiple(offsetof(struct ivpu_header, save), "save area", header->save,
			     LINE_BYTES, place);
	if (ret)
		return ret;
	return check_range(view, offsetof(struct ivpu_header, save), "save area", header->save,
			   SAVE_BYTES, WRITES, NULL, place);
}

static int check_command(const struct ivpu_view *view, const struct ivpu_header *header,
			 uint64_t at, uint16_t type, struct ivpu_place *place)
{
	switch (type) {
	case IVPU_TIMESTAMP:
		return check_timestamp(view, at, place);
	case IVPU_FENCE_WAIT:
	case IVPU_FENCE_SIGNAL:
		return check_fence(view, at, header->fences, place);
	case IVPU_FILL:
		return check_fill(view, at, place);
	case IVPU_COPY:
		return check_copy(view, at, header->descriptors, place);
	case IVPU_INFERENCE:
		return check_inference(view, at, place);
	default:
		return 0;
	}
}

int ivpu_list_check(const struct ivpu_view *view, struct ivpu_place *place)
{
	struct ivpu_header header;
	uint16_t head[2]; /* type, size */
	uint32_t at, size;
	int ret;

	if (view->bytes < sizeof(header))
		return bad(place, -EINVAL, 0, NO_INDEX, "%llu bytes: the header alone has %zu",
			   (unsigned long long)view->bytes, sizeof(header));
	memcpy(&header, view->at, sizeof(header));
	ret = check_header(view, &header, place);
	for (at = header.first; !ret && at < header.bytes; at += head[1]) {
		if (header.bytes - at < sizeof(head))
			return bad(place, -EINVAL, at, NO_INDEX, "%u bytes are no command",
				   header.bytes - at);
		memcpy(head, view->at + at, sizeof(head));
		size = size_of(head[0]);
		if (!size)
			return bad(place, -EINVAL, at, NO_INDEX, "there is no command 0x%04x",
				   head[0]);
		if (head[0] == IVPU_NOP ? head[1] < size || head[1] % 4 : head[1] != size)
			return bad(place, -EINVAL, at, NO_INDEX,
				   "command 0x%04x of %u bytes: it has %s%u", head[0], head[1],
				   head[0] == IVPU_NOP ? "a multiple of " : "", size);
		if (head[1] > header.bytes - at)
			return bad(place, -EINVAL, at, NO_INDEX,
				   "command 0x%04x of %u bytes: the list ends after %u", head[0],
				   head[1], header.bytes - at);
		ret = check_command(view, &header, at, head[0], place);
	}
	return ret;
}
