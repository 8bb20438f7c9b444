# SPDX-License-Identifier: MIT
"""Contexts: a device that is open."""
import ctypes

from . import _c, _dlpack
from ._buffer import Buffer, contents_pointer
from ._device import Device
from ._error import Object, check, deadline, extension, known
from ._number import signed, unsigned
from ._queue import Queue

_SIGNED = (_c.Key.PRIORITY_MIN, _c.Key.PRIORITY_MAX)


class Context(Object):
    """An open device: one open file, one security domain."""
    __slots__ = ()

    def close(self):
        """Give it up now. What others have of it stays."""
        super().close()
        _dlpack.collect()

    @property
    def device(self):
        """The device that it is open on."""
        reference = _c.DeviceReference()
        check(_c.accel_context_get_device(self._pointer, reference))
        return Device(reference)

    @property
    def state(self):
        """The last known State."""
        return known(_c.State, check(_c.accel_context_state(self._pointer)))

    def fd(self):
        """A descriptor, the context's own, that is readable when the state may have changed."""
        fd = ctypes.c_int()
        check(_c.accel_context_fd(self._pointer, fd))
        return fd.value

    def trim(self, keep=0):
        """Give freed buffers back to the kernel until @keep bytes of them are left."""
        check(_c.accel_context_trim(self._pointer, unsigned("keep", keep)))

    def query(self, key):
        """The answer to a Key: a Level or a number; None: no limit that is known."""
        key = unsigned("key", key, 32)
        value = ctypes.c_uint64()
        check(_c.accel_query(self._pointer, key, value))
        if key in _SIGNED:
            return ctypes.c_int32(value.value & _c.NONE32).value
        if key < _c.Key.QUEUES_PARALLEL:
            return known(_c.Level, value.value)
        return None if value.value == _c.NONE64 else value.value

    def buffer(self, size=None, flags=None, contents=None, ext=None):
        """A Buffer of @size bytes, or of those of @contents, which are copied into it.

        Without @flags the CPU and the device read and write it.
        """
        if flags is None:
            flags = (_c.BufferFlags.CPU_READ | _c.BufferFlags.CPU_WRITE |
                     _c.BufferFlags.DEVICE_READ | _c.BufferFlags.DEVICE_WRITE)
        flags = unsigned("flags", flags, 32)
        size = None if size is None else unsigned("size", size)
        _dlpack.collect_some_time()
        start, length, keep = contents_pointer(contents)
        if contents is not None and size is not None and size != length:
            raise ValueError(f"{length} bytes of contents for a buffer of {size}")
        params = _c.BufferParams(flags=flags, bytes=length if size is None else size,
                                 contents=start, ext=extension(ext))
        reference = _c.BufferReference()
        check(_c.accel_bo_create(self._pointer, params, reference))
        del keep
        return Buffer(reference)

    def import_buffer(self, fd, flags):
        """The Buffer of a dma-buf; the descriptor stays the caller's."""
        fd, flags = signed("fd", fd), unsigned("flags", flags, 32)
        _dlpack.collect_some_time()
        reference = _c.BufferReference()
        check(_c.accel_bo_import(self._pointer, fd, flags, reference))
        return Buffer(reference)

    def queue(self, priority=0, depth=0, timeout=None, ext=None):
        """A Queue. @timeout is for devices whose firmware is asked."""
        params = _c.QueueParams(priority=signed("priority", priority),
                                depth=unsigned("depth", depth, 32), ext=extension(ext))
        reference = _c.QueueReference()
        check(_c.accel_queue_create(self._pointer, params, deadline(timeout), reference))
        return Queue(reference, self)


def open_fd(fd, device=None, flags=_c.OpenFlags(0), timeout=0, ext=None):
    """A Context of an open accelerator node, such as another process may hand over."""
    params = _c.OpenParams(flags=unsigned("flags", flags, 32) | _c.OpenFlags.FD,
                           fd=signed("fd", fd), ext=extension(ext))
    reference = _c.ContextReference()
    check(_c.accel_open(device and device._pointer, params, deadline(timeout), reference))
    return Context(reference)
