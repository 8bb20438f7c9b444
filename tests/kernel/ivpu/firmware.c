// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a firmware file for the NPU's model to standard output: the header that the driver
 * checks, a version, and an image that the driver loads. There is no program in the image: at
 * each entry point it has what the model wants to know (models/ivpu.h).
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PAGE			4096
#define HEADER_BYTES		PAGE
#define VERSION_BYTES		PAGE
#define IMAGE_BYTES		(2 * PAGE)

/* In the firmware's part of the NPU's address space, which begins at 0x84800000. */
#define BOOT_PARAMETERS		0x84801000u
#define VERSION			0x84802000u
#define IMAGE			0x84900000u
#define RUNTIME_BYTES		0x100000u

#define API(major, minor)	((major) << 16 | (minor))

struct __attribute__((packed)) header {
	uint32_t version, format;
	uint64_t image;
	uint32_t image_bytes;
	uint64_t entry;
	uint8_t chip[32];
	uint32_t compression;
	uint64_t version_address;
	uint32_t version_bytes;
	uint64_t boot_parameters;
	uint32_t apis[16];
	uint32_t runtime_bytes, shave_bytes, preemption_bytes[2], most_preemption_bytes[2];
	uint32_t reserved[4];
	uint64_t read_only;
	uint32_t read_only_bytes, reserved2;
};

struct entry {
	uint32_t magic, warm;
	uint64_t boot_parameters, warm_entry;
};

int main(void)
{
	static uint8_t file[HEADER_BYTES + VERSION_BYTES + IMAGE_BYTES];
	struct header header = {
		.version = 1,
		.image = IMAGE,
		.image_bytes = IMAGE_BYTES,
		.entry = IMAGE,
		.version_address = VERSION,
		.version_bytes = VERSION_BYTES,
		.boot_parameters = BOOT_PARAMETERS,
		/* Boot, firmware, another that nobody looks at, job commands, messages. */
		.apis = { API(3, 29), API(1, 0), API(1, 0), API(4, 14), API(3, 34) },
		/* With the boot parameters and the version. */
		.runtime_bytes = RUNTIME_BYTES + 2 * PAGE,
		.preemption_bytes = { PAGE, PAGE },
	};
	struct entry entry = { 0x7a176677, 0, BOOT_PARAMETERS, IMAGE + PAGE };

	memcpy(file, &header, sizeof(header));
	strcpy((char *)file + HEADER_BYTES, "libaccel rig, no program");
	memcpy(file + HEADER_BYTES + VERSION_BYTES, &entry, sizeof(entry));
	entry.warm = 1;
	memcpy(file + HEADER_BYTES + VERSION_BYTES + PAGE, &entry, sizeof(entry));
	return fwrite(file, sizeof(file), 1, stdout) == 1 && !fflush(stdout) ? 0 : 1;
}
