# SPDX-License-Identifier: MIT
"""libaccel: Linux's compute accelerators.

    device = libaccel.find("soft:0")
    with device.open() as context: ...

A device is opened to a context, which makes buffers and queues; a queue makes jobs and runs them;
what it runs ends with a fence. All failures are libaccel.Error. Every object may be used from any
number of threads, is given up by close(), by a with statement or when nobody has it any more, and
keeps what it was made from. See docs/python.md, and libaccel(7) for what all of it means.
"""
from . import soft
from ._buffer import Buffer
from ._c import (Access, BufferFlags, DeviceFlags, FdKind, Key, Level, OpenFlags, Outcome, State,
                 Usable)
from ._context import Context, open_fd
from ._device import Device, DeviceInfo, devices, find, version
from ._error import Error
from ._fence import Fence, import_fence, wait
from ._queue import Job, JobResult, Queue

__all__ = ["Access", "Buffer", "BufferFlags", "Context", "Device", "DeviceFlags", "DeviceInfo",
           "Error", "FdKind", "Fence", "Job", "JobResult", "Key", "Level", "OpenFlags", "Outcome",
           "Queue", "State", "Usable", "devices", "find", "import_fence", "open_fd", "soft",
           "version", "wait"]
