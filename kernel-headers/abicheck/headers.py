# SPDX-License-Identifier: MIT
# Which headers are compared, and what of drm.h libaccel relies on.
import collections

# needs: None for a header that we declare whole, else the names that are compared. base: the
# header that ours completes.
Header = collections.namedtuple("Header", "name needs base")

# drm.h is libdrm's, with what its older versions lack added by ours: only the part that libaccel
# speaks is compared.
_DRM_H = (
    "struct drm_version",
    "struct drm_gem_close",
    "struct drm_get_cap",
    "struct drm_prime_handle",
    "struct drm_syncobj_create",
    "struct drm_syncobj_destroy",
    "struct drm_syncobj_handle",
    "struct drm_syncobj_transfer",
    "struct drm_syncobj_wait",
    "struct drm_syncobj_timeline_wait",
    "struct drm_syncobj_eventfd",
    "struct drm_syncobj_array",
    "struct drm_syncobj_timeline_array",
    "struct drm_set_client_name",
    "DRM_IOCTL_BASE",
    "DRM_COMMAND_BASE",
    "DRM_COMMAND_END",
    "DRM_CAP_PRIME",
    "DRM_PRIME_CAP_IMPORT",
    "DRM_PRIME_CAP_EXPORT",
    "DRM_CAP_SYNCOBJ",
    "DRM_CAP_SYNCOBJ_TIMELINE",
    "DRM_CLOEXEC",
    "DRM_RDWR",
    "DRM_CLIENT_NAME_MAX_LEN",
    "DRM_SYNCOBJ_CREATE_SIGNALED",
    "DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE",
    "DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_TIMELINE",
    "DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE",
    "DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_TIMELINE",
    "DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL",
    "DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT",
    "DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE",
    "DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE",
    "DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED",
    "DRM_IOCTL_VERSION",
    "DRM_IOCTL_GEM_CLOSE",
    "DRM_IOCTL_GET_CAP",
    "DRM_IOCTL_PRIME_HANDLE_TO_FD",
    "DRM_IOCTL_PRIME_FD_TO_HANDLE",
    "DRM_IOCTL_SYNCOBJ_CREATE",
    "DRM_IOCTL_SYNCOBJ_DESTROY",
    "DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD",
    "DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE",
    "DRM_IOCTL_SYNCOBJ_WAIT",
    "DRM_IOCTL_SYNCOBJ_RESET",
    "DRM_IOCTL_SYNCOBJ_SIGNAL",
    "DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT",
    "DRM_IOCTL_SYNCOBJ_QUERY",
    "DRM_IOCTL_SYNCOBJ_TRANSFER",
    "DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL",
    "DRM_IOCTL_SYNCOBJ_EVENTFD",
    "DRM_IOCTL_SET_CLIENT_NAME",
)

# The headers of which a kernel must have at least one to be compared at all.
DRIVERS = (
    "drm/habanalabs_accel.h",
    "drm/ivpu_accel.h",
    "drm/qaic_accel.h",
    "drm/amdxdna_accel.h",
    "drm/rocket_accel.h",
    "drm/ethosu_accel.h",
    "drm/drm_ras.h",
)

HEADERS = {
    h.name: h
    for h in [Header(name, None, None) for name in DRIVERS]
    + [
        Header("drm/drm.h", _DRM_H, "libdrm/drm.h"),
        Header("linux/dma-buf.h", None, None),
        Header("linux/sync_file.h", None, None),
        Header("linux/udmabuf.h", None, None),
        Header("linux/dma-heap.h", None, None),
    ]
}

# A header of a driver that we don't know yet has a name like this.
NEW_DRIVERS = "drm/*_accel.h"
