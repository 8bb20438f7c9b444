/* SPDX-License-Identifier: MIT */
/*
 * libdrm's drm.h, brought up to Linux 7.3 in what libaccel speaks to every accel node: syncobj
 * timelines and client names. Newer libdrm has part of this; each piece yields to it.
 *
 * The syncobj structs that grew are renamed while libdrm's header is read and declared here as
 * they are now. The kernel takes the shorter ones of an older caller, and an older kernel cuts
 * the longer ones without a word: a new field needs a probe, not just a successful call.
 */
#ifndef ACCEL_KERNEL_HEADERS_DRM_H
#define ACCEL_KERNEL_HEADERS_DRM_H

#ifdef _DRM_H_
#ifndef DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE
#error "an older drm.h was included first: put this directory before libdrm's"
#endif
#else
#define drm_syncobj_handle        drm_syncobj_handle_of_libdrm
#define drm_syncobj_wait          drm_syncobj_wait_of_libdrm
#define drm_syncobj_timeline_wait drm_syncobj_timeline_wait_of_libdrm
#include <libdrm/drm.h>
#undef drm_syncobj_handle
#undef drm_syncobj_wait
#undef drm_syncobj_timeline_wait

struct drm_syncobj_handle {
	__u32 handle; /* in or out */
	__u32 flags;  /* in: DRM_SYNCOBJ_{FD_TO_HANDLE,HANDLE_TO_FD}_FLAGS_* */
	__s32 fd;     /* in or out */
	__u32 pad;    /* in: 0 */
	__u64 point;  /* in: with a TIMELINE flag */
};

struct drm_syncobj_wait {
	__u64 handles;        /* in: user address of __u32[] */
	__s64 timeout_nsec;   /* in: a point on CLOCK_MONOTONIC; 0 polls; ETIME when late */
	__u32 count_handles;  /* in */
	__u32 flags;          /* in: DRM_SYNCOBJ_WAIT_FLAGS_* */
	__u32 first_signaled; /* out: index, if not all are waited for */
	__u32 pad;            /* in: 0 */
	__u64 deadline_nsec;  /* in: when the result is wanted, with WAIT_DEADLINE */
};

struct drm_syncobj_timeline_wait {
	__u64 handles;        /* in: user address of __u32[] */
	__u64 points;         /* in: user address of __u64[]; 0 means the newest fence */
	__s64 timeout_nsec;   /* in: as above */
	__u32 count_handles;  /* in */
	__u32 flags;          /* in */
	__u32 first_signaled; /* out */
	__u32 pad;            /* in: 0 */
	__u64 deadline_nsec;  /* in */
};
#endif

#ifndef DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE
#define DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE (1 << 3) /* deadline_nsec is set */
#endif

/* With EXPORT_SYNC_FILE or IMPORT_SYNC_FILE: of the point, not of the whole syncobj. */
#ifndef DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE
#define DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE (1 << 1)
#endif
#ifndef DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE
#define DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE (1 << 1)
#endif

/* An eventfd that is written when a point signals. Since 6.6. */
#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD
struct drm_syncobj_eventfd {
	__u32 handle; /* in */
	__u32 flags;  /* in: 0, or WAIT_AVAILABLE: as soon as the point has a fence */
	__u64 point;  /* in: 0 on a binary syncobj */
	__s32 fd;     /* in: the eventfd */
	__u32 pad;    /* in: 0 */
};
#define DRM_IOCTL_SYNCOBJ_EVENTFD DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

/* A name for this open file, seen in fdinfo and debugfs. Since 6.13. */
#ifndef DRM_IOCTL_SET_CLIENT_NAME
#define DRM_CLIENT_NAME_MAX_LEN 64
struct drm_set_client_name {
	__u64 name_len; /* in: bytes, without a final zero */
	__u64 name;     /* in: user address; printable, no blanks */
};
#define DRM_IOCTL_SET_CLIENT_NAME DRM_IOWR(0xD1, struct drm_set_client_name)
#endif

#endif
