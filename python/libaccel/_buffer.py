# SPDX-License-Identifier: MIT
"""Buffers: memory that the device and the CPU share."""
import contextlib
import ctypes

from . import _c, _dlpack
from ._error import Object, check, deadline, sleep
from ._number import span, unsigned


def contents_pointer(data):
    """(address, bytes, what keeps them) of an object with the buffer protocol, or of none."""
    if data is None:
        return None, 0, None
    view = memoryview(data)
    if not view.c_contiguous:
        raise ValueError("contents with gaps")
    if view.readonly:
        held = bytes(data) if not isinstance(data, bytes) else data
        return ctypes.cast(ctypes.c_char_p(held), ctypes.c_void_p), view.nbytes, held
    held = (ctypes.c_char * view.nbytes).from_buffer(view)
    return ctypes.addressof(held), view.nbytes, held


class Buffer(Object):
    """Memory that a device can reach.

    view(), numpy() and __dlpack__() show that memory itself, no copy; what they return keeps it,
    after close() too. Look and write between begin_access() and end_access(), or inside access():
    that waits for the jobs that use it, and makes the one side's bytes visible to the other.
    """
    __slots__ = ()

    def _info(self):
        info = _c.BufferInfoStruct()
        check(_c.accel_bo_get_info(self._pointer, info))
        return info

    @property
    def flags(self):
        """As asked for, with answers."""
        return _c.BufferFlags(self._info().flags)

    @property
    def size(self):
        """In bytes, as it was rounded."""
        return self._info().bytes

    def __len__(self):
        return self.size

    @property
    def address(self):
        """The device's address, for use inside commands."""
        address = ctypes.c_uint64()
        check(_c.accel_bo_address(self._pointer, address))
        return address.value

    def export(self):
        """A new descriptor of the memory, a dma-buf, which the caller closes."""
        fd = ctypes.c_int()
        check(_c.accel_bo_export(self._pointer, 0, fd))
        return fd.value

    def _mapped(self):
        """The memory as an array of ctypes, which has a reference of its own to it."""
        reference = self._pointer
        pointer = ctypes.c_void_p()
        check(_c.accel_bo_map(reference, pointer))
        array = (ctypes.c_ubyte * self.size).from_address(pointer.value)
        array.keeps = reference
        return array

    def view(self):
        """The memory as a memoryview of bytes; read-only unless made with CPU_WRITE."""
        view = memoryview(self._mapped()).cast("B")
        return view if self.flags & _c.BufferFlags.CPU_WRITE else view.toreadonly()

    def numpy(self, dtype="uint8", shape=-1, offset=0):
        """The memory from byte @offset as a NumPy array; without @shape all that is left."""
        import numpy
        dtype = numpy.dtype(dtype)
        offset = unsigned("offset", offset)
        if not isinstance(shape, (tuple, list)):
            shape = (shape,)
        shape = tuple(size if size == -1 else unsigned("shape", size) for size in shape)
        left = self.size - offset
        count = -1
        if -1 not in shape:
            count = int(numpy.prod(shape, dtype=object))
            if count < 0 or count * dtype.itemsize > left:
                raise ValueError(f"{count} of {dtype} at byte {offset} of {self.size}")
            if not count:
                return numpy.empty(shape, dtype)
        else:
            count = left // dtype.itemsize
        return numpy.frombuffer(self.view(), dtype, count, offset).reshape(shape)

    def __dlpack_device__(self):
        return _dlpack.CPU

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """All bytes as a tensor of one dimension in the CPU's memory."""
        if stream not in (None, -1):
            raise BufferError("memory of the CPU has no streams")
        if dl_device is not None and tuple(dl_device) != _dlpack.CPU:
            raise BufferError("a buffer is shown as memory of the CPU only")
        if copy:
            raise BufferError("a buffer is shown, not copied")
        versioned = max_version is not None and max_version[0] >= _dlpack.VERSION[0]
        read_only = not self.flags & _c.BufferFlags.CPU_WRITE
        if read_only and not versioned:
            raise BufferError("before version 1.0 of DLPack a tensor can't be read-only")
        return _dlpack.export(self._mapped(), self.size, read_only, versioned)

    def begin_access(self, access=_c.Access.READ, offset=0, size=None, timeout=None):
        """Wait for the jobs that use it, and make their writes visible to the CPU."""
        access = unsigned("access", access, 32)
        offset, size = span(self.size, offset, size)
        check(sleep(lambda part: _c.accel_bo_begin_access(self._pointer, access, offset, size, part),
                    deadline(timeout)))

    def end_access(self, access=_c.Access.READ, offset=0, size=None):
        """Make the CPU's writes visible to jobs that are submitted later."""
        access = unsigned("access", access, 32)
        offset, size = span(self.size, offset, size)
        check(_c.accel_bo_end_access(self._pointer, access, offset, size))

    @contextlib.contextmanager
    def access(self, access=_c.Access.READ | _c.Access.WRITE, offset=0, size=None, timeout=None):
        """Begin of access, a view of the range, and at the end of the with statement its end."""
        offset, size = span(self.size, offset, size)
        self.begin_access(access, offset, size, timeout)
        try:
            view = self.view()[offset:offset + size]
            yield view if access & _c.Access.WRITE else view.toreadonly()
        finally:
            self.end_access(access, offset, size)
