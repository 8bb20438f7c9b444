# SPDX-License-Identifier: MIT
"""Fences: the completion of submitted work."""
import asyncio
import ctypes
import errno
import os

from . import _c
from ._error import ANSWERS, Error, Object, answer, check, deadline, failure, sleep
from ._number import signed, unsigned


def outcome(code):
    """The Error for what a wait tells of the work, or of itself."""
    return answer(code) if -code in ANSWERS else failure(code)


class Fence(Object):
    """The end of work. `await fence` waits in asyncio, as wait() does in a thread."""
    __slots__ = ()

    def wait(self, timeout=None):
        """Wait until it has ended, @timeout seconds at most; None: as long as it takes.

        Raises Error. ETIME is about the wait. Of the work: EIO it failed, ETIMEDOUT a watchdog or
        its timeout ended it, ECANCELED, ESTALE the context is lost, ENODEV the device is gone.
        """
        result = sleep(lambda part: _c.accel_fence_wait(self._pointer, part), deadline(timeout))
        if result < 0:
            raise outcome(result)

    @property
    def done(self):
        """Whether it has ended, well or not."""
        result = _c.accel_fence_status(self._pointer)
        if result in (-errno.EINVAL, -errno.ENOMEM, -errno.ECHILD):
            check(result)
        return result != -errno.EINPROGRESS

    def export(self, kind=_c.FdKind.ANY):
        """A new descriptor that polls readable once it has ended; the caller closes it."""
        kind = unsigned("kind", kind, 32)
        fd = ctypes.c_int()
        check(_c.accel_fence_export_fd(self._pointer, kind, fd))
        return fd.value

    async def _ended(self):
        loop = asyncio.get_running_loop()
        try:
            fd = self.export()
        except Error as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return await loop.run_in_executor(None, self.wait)
        readable = loop.create_future()
        try:
            loop.add_reader(fd, lambda: readable.done() or readable.set_result(None))
            await readable
        finally:
            loop.remove_reader(fd)
            os.close(fd)
        self.wait()

    def __await__(self):
        if not self.done:
            yield from self._ended().__await__()
        else:
            self.wait()


def import_fence(fd):
    """A Fence that ends when @fd, which stays the caller's, polls readable."""
    reference = _c.FenceReference()
    check(_c.accel_fence_import_fd(signed("fd", fd), 0, reference))
    return Fence(reference)


def wait(fences, all=True, timeout=None):
    """Wait for all of @fences, or for one of them; the index of that one (of all: None).

    Raises Error as Fence.wait() does; index of it is that of the fence at fault.
    """
    held = [fence._pointer for fence in fences]
    array = (_c.FencePointer * len(held))(*(pointer.value for pointer in held))
    index = ctypes.c_uint32(_c.NONE32)
    flags = _c.WaitFlags.ALL if all else 0
    result = sleep(lambda part: _c.accel_fence_wait_many(array, len(held), flags, part, index),
                   deadline(timeout))
    if result < 0:
        error = outcome(result)
        if index.value != _c.NONE32:
            error.index = index.value
        raise error
    return None if all else index.value
