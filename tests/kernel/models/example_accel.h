/* SPDX-License-Identifier: MIT */
/*
 * The calls of "example", the made-up accelerator of docs/write-a-provider.md.
 *
 * The device has one operation: it writes the bytes of a source, each exclusive-or'ed with a key,
 * to a target. A job is a struct example_command in memory, which the device reads when it runs the
 * job. Jobs run one after the other, in the order of submission.
 */
#ifndef EXAMPLE_ACCEL_H
#define EXAMPLE_ACCEL_H

#include <drm/drm.h>

/* Make a buffer. @offset is for mmap(2) of the node. */
struct drm_example_create_bo {
	__u64 size; /* rounded up to a page: out, too */
	__u64 offset;
	__u32 handle;
	__u32 pad;
};

/* Run the command at byte @command_offset of @commands. @fence_fd is a new sync_file of the end,
 * which fails with EINVAL if the device can't make sense of the command. */
struct drm_example_submit {
	__u32 commands;
	__u32 source;
	__u32 target;
	__s32 fence_fd;
	__u64 command_offset; /* a multiple of 8 */
};

#define EXAMPLE_XOR 1
struct example_command {
	__u32 opcode; /* EXAMPLE_XOR */
	__u8 key;
	__u8 pad[3];
	__u64 bytes;
	__u64 source; /* where in the source it begins */
	__u64 target;
};

#define DRM_EXAMPLE_CREATE_BO 0x00
#define DRM_EXAMPLE_SUBMIT    0x01

#define DRM_IOCTL_EXAMPLE_CREATE_BO                                                                \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EXAMPLE_CREATE_BO, struct drm_example_create_bo)
#define DRM_IOCTL_EXAMPLE_SUBMIT                                                                   \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_EXAMPLE_SUBMIT, struct drm_example_submit)

#endif
