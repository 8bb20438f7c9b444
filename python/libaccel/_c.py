# SPDX-License-Identifier: MIT
"""The C interface as ctypes sees it: constants, structs, functions.

Nothing here is for programs. The tests compare all of it with the headers: a constant, a member or
a parameter that differs, is missing or is too much makes them fail.
"""
import ctypes
import enum
import os
import sys
from ctypes import (POINTER, c_char, c_char_p, c_int, c_int32, c_int64, c_uint16, c_uint32,
                    c_uint64, c_void_p)

LIBRARY = os.environ.get("LIBACCEL_LIBRARY", "libaccel.so.0")
try:
    library = ctypes.CDLL(LIBRARY)
except OSError as error:
    raise ImportError(f"{error}: install libaccel0, or set LIBACCEL_LIBRARY to its path",
                      name=__name__) from None

# ---- constants: the C name is PREFIX, where the class has one, and the member's name -----------

NO_DEADLINE = (1 << 63) - 1
NONE32 = (1 << 32) - 1
NONE64 = (1 << 64) - 1


class Usable(enum.IntEnum):
    """Whether a device can be opened, and if not, what stands in the way."""
    USABLE = 0
    NO_PROVIDER = 1
    PROVIDER_ABI = 2
    NO_NODE = 3
    NO_PERMISSION = 4
    NOT_READY = 5
    NOT_COMPUTE = 6


class DeviceFlags(enum.IntFlag):
    """What a device is."""
    SOFTWARE = 1 << 0


class ScanFlags(enum.IntFlag):
    """What to look for."""
    HARDWARE = 1 << 0


class OpenFlags(enum.IntFlag):
    """How to open a device."""
    FD = 1 << 0
    NO_THREADS = 1 << 1
    UNVERIFIED = 1 << 2


class State(enum.IntEnum):
    """What is known of a context."""
    OK = 0
    CONTEXT_LOST = 1
    OFFLINE = 2
    GONE = 3


class Level(enum.IntEnum):
    """How well a driver does something."""
    ABSENT = 0
    EMULATED = 1
    NATIVE = 2


class Key(enum.IntEnum):
    """What Context.query() can be asked."""
    HAS_ADDRESS = 1
    HAS_USER_MEMORY = 2
    HAS_DEVICE_LOCAL = 3
    HAS_IMPORT = 4
    HAS_EXPORT = 5
    HAS_WAIT_FENCES = 6
    HAS_FENCE_FD = 7
    HAS_SYNC_FILE = 8
    HAS_CANCEL = 9
    HAS_OUTCOME = 10
    HAS_ISOLATION = 11
    HAS_STATE_FD = 12
    HAS_JOB_TIMEOUT = 13
    QUEUES_PARALLEL = 0x100
    QUEUE_DEPTH_MAX = 0x101
    PRIORITY_MIN = 0x102
    PRIORITY_MAX = 0x103
    BO_BYTES_MAX = 0x104
    BO_GRANULE = 0x105
    JOB_BOS_MAX = 0x106
    JOB_BO_ALIAS = 0x107
    COMMANDS_BYTES_MAX = 0x108
    COMMANDS_ALIGN = 0x109
    COMMANDS_SEALED = 0x10a
    MEMORY_TOTAL = 0x10b
    MEMORY_FREE = 0x10c
    CONTEXTS_LEFT = 0x10d
    JOB_BO_ONCE = 0x10e


class BufferFlags(enum.IntFlag):
    """What is done with a buffer; IS_ ones are answers."""
    CPU_READ = 1 << 0
    CPU_WRITE = 1 << 1
    DEVICE_READ = 1 << 2
    DEVICE_WRITE = 1 << 3
    COMMANDS = 1 << 4
    DEVICE_LOCAL = 1 << 5
    SHARE = 1 << 6
    ZERO = 1 << 7
    IS_WC = 1 << 16
    IS_NONCOHERENT = 1 << 17
    IS_IMPORTED = 1 << 18
    IS_UNDEFINED = 1 << 19


class Access(enum.IntFlag):
    """How a job or the CPU uses a buffer."""
    READ = 1 << 0
    WRITE = 1 << 1


class Outcome(enum.IntEnum):
    """How a job ended."""
    PENDING = 0
    DONE = 1
    DONE_UNVERIFIED = 2
    FAILED = 3
    TIMED_OUT = 4
    CANCELED = 5
    LOST = 6


class WaitFlags(enum.IntFlag):
    """How to wait for several fences."""
    ALL = 1 << 0


class FdKind(enum.IntEnum):
    """What kind of descriptor tells of a fence's end."""
    ANY = 0
    SYNC_FILE = 1


PREFIXES = {
    Usable: "ACCEL_", DeviceFlags: "ACCEL_DEVICE_", ScanFlags: "ACCEL_SCAN_",
    OpenFlags: "ACCEL_OPEN_", State: "ACCEL_", Level: "ACCEL_", Key: "ACCEL_",
    BufferFlags: "ACCEL_BO_", Access: "ACCEL_ACCESS_", Outcome: "ACCEL_",
    WaitFlags: "ACCEL_WAIT_", FdKind: "ACCEL_FD_",
}

# ---- objects ----------------------------------------------------------------------------------


class DevicePointer(c_void_p):
    """struct accel_device *"""


class ContextPointer(c_void_p):
    """struct accel_context *"""


class BufferPointer(c_void_p):
    """struct accel_bo *"""


class QueuePointer(c_void_p):
    """struct accel_queue *"""


class JobPointer(c_void_p):
    """struct accel_job *"""


class FencePointer(c_void_p):
    """struct accel_fence *"""


OBJECTS = {
    DevicePointer: "accel_device", ContextPointer: "accel_context", BufferPointer: "accel_bo",
    QueuePointer: "accel_queue", JobPointer: "accel_job", FencePointer: "accel_fence",
}

# ---- structs ------------------------------------------------------------------------------------


class Struct(ctypes.Structure):
    """One that begins with its size."""
    NAME = ""

    def __init__(self, **members):
        super().__init__(size=ctypes.sizeof(self), **members)


class Ext(ctypes.Structure):
    """Head of a struct that only one driver knows."""
    NAME = "accel_ext"
    _fields_ = [("size", c_uint32), ("type", c_uint32)]


class ErrorStruct(Struct):
    NAME = "accel_error"
    _fields_ = [("size", c_uint32), ("code", c_int32), ("index", c_uint32),
                ("reserved", c_uint32), ("offset", c_uint64), ("text", c_char * 256)]


class DeviceInfoStruct(Struct):
    NAME = "accel_device_info"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("usable", c_uint32),
                ("numa_node", c_int32), ("devnum", c_uint64), ("id", c_char * 64),
                ("driver", c_char * 32), ("name", c_char * 64), ("node", c_char * 64),
                ("reason", c_char * 256)]


class OpenParams(Struct):
    NAME = "accel_open_params"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("fd", c_int32),
                ("reserved", c_uint32), ("ext", POINTER(Ext))]


class BufferParams(Struct):
    NAME = "accel_bo_params"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("bytes", c_uint64), ("user", c_void_p),
                ("contents", c_void_p), ("ext", POINTER(Ext))]


class BufferInfoStruct(Struct):
    NAME = "accel_bo_info"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("bytes", c_uint64)]


class QueueParams(Struct):
    NAME = "accel_queue_params"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("priority", c_int32),
                ("depth", c_uint32), ("ext", POINTER(Ext))]


class BufferRef(ctypes.Structure):
    NAME = "accel_bo_ref"
    _fields_ = [("bo", BufferPointer), ("access", c_uint32), ("reserved", c_uint32)]


class JobParams(Struct):
    NAME = "accel_job_params"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("commands", BufferPointer),
                ("offset", c_uint64), ("bytes", c_uint64), ("bos", POINTER(BufferRef)),
                ("bo_count", c_uint32), ("reserved", c_uint32), ("timeout_ns", c_uint64),
                ("ext", POINTER(Ext))]


class JobResultStruct(Struct):
    NAME = "accel_job_result"
    _fields_ = [("size", c_uint32), ("outcome", c_uint32), ("error", c_int32),
                ("reserved", c_uint32), ("driver_code", c_uint64), ("start_ns", c_uint64),
                ("end_ns", c_uint64)]


class SubmitParams(Struct):
    NAME = "accel_submit_params"
    _fields_ = [("size", c_uint32), ("flags", c_uint32), ("wait", POINTER(FencePointer)),
                ("wait_count", c_uint32), ("reserved", c_uint32)]


STRUCTS = [Ext, ErrorStruct, DeviceInfoStruct, OpenParams, BufferParams, BufferInfoStruct,
           QueueParams, BufferRef, JobParams, JobResultStruct, SubmitParams]

# ---- functions ----------------------------------------------------------------------------------

FUNCTIONS = {
    "accel_version": (c_uint32, []),
    "accel_deadline": (c_int, [c_uint64, POINTER(c_int64)]),
    "accel_last_error": (c_int, [POINTER(ErrorStruct)]),
    "accel_device_scan": (c_int, [c_uint32, POINTER(DevicePointer), c_uint32]),
    "accel_device_find": (c_int, [c_char_p, POINTER(DevicePointer)]),
    "accel_device_get_info": (c_int, [DevicePointer, POINTER(DeviceInfoStruct)]),
    "accel_device_check": (c_int, [DevicePointer]),
    "accel_device_unref": (None, [DevicePointer]),
    "accel_open": (c_int, [DevicePointer, POINTER(OpenParams), c_int64,
                           POINTER(ContextPointer)]),
    "accel_context_get_device": (c_int, [ContextPointer, POINTER(DevicePointer)]),
    "accel_context_unref": (None, [ContextPointer]),
    "accel_context_state": (c_int, [ContextPointer]),
    "accel_context_fd": (c_int, [ContextPointer, POINTER(c_int)]),
    "accel_context_trim": (c_int, [ContextPointer, c_uint64]),
    "accel_query": (c_int, [ContextPointer, c_uint32, POINTER(c_uint64)]),
    "accel_bo_create": (c_int, [ContextPointer, POINTER(BufferParams), POINTER(BufferPointer)]),
    "accel_bo_import": (c_int, [ContextPointer, c_int, c_uint32, POINTER(BufferPointer)]),
    "accel_bo_export": (c_int, [BufferPointer, c_uint32, POINTER(c_int)]),
    "accel_bo_get_info": (c_int, [BufferPointer, POINTER(BufferInfoStruct)]),
    "accel_bo_address": (c_int, [BufferPointer, POINTER(c_uint64)]),
    "accel_bo_map": (c_int, [BufferPointer, POINTER(c_void_p)]),
    "accel_bo_begin_access": (c_int, [BufferPointer, c_uint32, c_uint64, c_uint64, c_int64]),
    "accel_bo_end_access": (c_int, [BufferPointer, c_uint32, c_uint64, c_uint64]),
    "accel_bo_unref": (None, [BufferPointer]),
    "accel_queue_create": (c_int, [ContextPointer, POINTER(QueueParams), c_int64,
                                   POINTER(QueuePointer)]),
    "accel_queue_get_room": (c_int, [QueuePointer, POINTER(FencePointer)]),
    "accel_queue_cancel": (c_int, [QueuePointer, c_int64]),
    "accel_queue_unref": (None, [QueuePointer]),
    "accel_job_create": (c_int, [QueuePointer, POINTER(JobParams), POINTER(JobPointer)]),
    "accel_job_set_bo": (c_int, [JobPointer, c_uint32, BufferPointer]),
    "accel_job_get_result": (c_int, [JobPointer, POINTER(JobResultStruct)]),
    "accel_job_unref": (None, [JobPointer]),
    "accel_submit": (c_int, [QueuePointer, POINTER(JobPointer), c_uint32, POINTER(SubmitParams),
                             POINTER(FencePointer)]),
    "accel_fence_wait": (c_int, [FencePointer, c_int64]),
    "accel_fence_wait_many": (c_int, [POINTER(FencePointer), c_uint32, c_uint32, c_int64,
                                      POINTER(c_uint32)]),
    "accel_fence_status": (c_int, [FencePointer]),
    "accel_fence_export_fd": (c_int, [FencePointer, c_uint32, POINTER(c_int)]),
    "accel_fence_import_fd": (c_int, [c_int, c_uint32, POINTER(FencePointer)]),
    "accel_fence_unref": (None, [FencePointer]),
}

# References are Python's business. A log function in Python could run the garbage collector, and
# that calls libaccel, which such a function must not; LIBACCEL_LOG does.
LEFT_OUT = {"accel_device_ref", "accel_context_ref", "accel_bo_ref", "accel_queue_ref",
            "accel_job_ref", "accel_fence_ref", "accel_set_log"}

for _name, (_result, _arguments) in FUNCTIONS.items():
    _function = getattr(library, _name)
    _function.restype, _function.argtypes = _result, _arguments
    globals()[_name] = _function

# ---- references -----------------------------------------------------------------------------------


def _reference(pointer, unref):
    """A class of pointers that give their reference back when Python is done with them.

    A call that is under way holds its arguments: while one thread waits, another may close. When
    the interpreter ends nothing is given back, because that could wait for work that never ends;
    the library has its own way of leaving.
    """
    def give_back(self, is_finalizing=sys.is_finalizing, unref=unref):
        if self.value and not is_finalizing():
            unref(self.value)
    return type(pointer.__name__.replace("Pointer", "Reference"), (pointer,),
                {"__del__": give_back, "__doc__": f"{pointer.__doc__}, and one reference"})


DeviceReference = _reference(DevicePointer, library.accel_device_unref)
ContextReference = _reference(ContextPointer, library.accel_context_unref)
BufferReference = _reference(BufferPointer, library.accel_bo_unref)
QueueReference = _reference(QueuePointer, library.accel_queue_unref)
JobReference = _reference(JobPointer, library.accel_job_unref)
FenceReference = _reference(FencePointer, library.accel_fence_unref)
