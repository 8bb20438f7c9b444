# SPDX-License-Identifier: MIT
"""Failures, times, and what all objects have in common."""
import ctypes
import errno
import math
import os
import threading
import time

from . import _c

# A signal ends no wait of the library. The main thread, where Python handles signals, looks up
# this often.
SLICE_NS = 200_000_000


class Error(OSError):
    """What the library refused, or how work ended.

    errno     the positive number of <errno.h>
    strerror  a sentence that says what is wrong
    index     the job, buffer, fence or packet at fault, or None
    offset    the byte of the command stream at fault, or None
    accepted  of submit(): how many jobs were taken before this happened
    fence     of submit(): the fence of those, or None
    """

    def __init__(self, code, text, index=None, offset=None, accepted=0, fence=None):
        super().__init__(code, text)
        self.index = index
        self.offset = offset
        self.accepted = accepted
        self.fence = fence

    def __reduce__(self):
        return type(self), (self.errno, self.strerror, self.index, self.offset, self.accepted)


# What a wait or a submission answers, of which accel_last_error() knows nothing.
ANSWERS = {
    errno.ETIME: "the time is over",
    errno.EAGAIN: "the queue is full",
    errno.EIO: "the job failed",
    errno.ETIMEDOUT: "the job was ended by a watchdog or its timeout",
    errno.ECANCELED: "the job was cancelled",
    errno.ESTALE: "the context or the queue is lost",
    errno.ENODEV: "the device is gone",
}


def failure(code):
    """The Error for a negative result, with what the library says of it."""
    last = _c.ErrorStruct()
    if _c.accel_last_error(last) or last.code != code:
        return answer(code)
    return Error(-code, last.text.decode(errors="replace"),
                 None if last.index == _c.NONE32 else last.index,
                 None if last.offset == _c.NONE64 else last.offset)


def answer(code):
    """The Error for a negative result that is an answer: the last failure is an older one."""
    return Error(-code, ANSWERS.get(-code) or os.strerror(-code))


def check(result):
    """The result of a call, if it isn't a failure."""
    if result < 0:
        raise failure(result)
    return result


def nanoseconds(seconds):
    """A duration for the library."""
    if math.isnan(seconds):
        raise ValueError("a time that is no number")
    return min(max(int(seconds * 1e9), 0), _c.NONE64) if math.isfinite(seconds) else \
        (_c.NONE64 if seconds > 0 else 0)


def deadline(timeout):
    """The deadline that lies @timeout seconds ahead; None: no end."""
    if timeout is None:
        return _c.NO_DEADLINE
    ahead = nanoseconds(timeout)
    if not ahead:
        return 0
    at = ctypes.c_int64()
    check(_c.accel_deadline(ahead, at))
    return at.value


def sleep(call, end):
    """The result of call(deadline), which may be called often, by the deadline @end."""
    if threading.current_thread() is not threading.main_thread():
        return call(end)
    while True:
        part = min(end, time.monotonic_ns() + SLICE_NS)
        result = call(part)
        if result != -errno.ETIME or part == end:
            return result


def known(kind, number):
    """A constant, or the number itself if a newer library has one that isn't known here."""
    try:
        return kind(number)
    except ValueError:
        return number


class Object:
    """What has a reference to an object of the library."""
    __slots__ = ("_reference", "__weakref__")

    def __init__(self, reference):
        self._reference = reference

    @property
    def _pointer(self):
        reference = self._reference
        if reference is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return reference

    def close(self):
        """Give it up now. What others have of it stays."""
        self._reference = None

    def __enter__(self):
        self._pointer  # raises if it is closed
        return self

    def __exit__(self, *what):
        self.close()


def extension(ext):
    """A driver's own struct, which begins with struct accel_ext, as a pointer to that."""
    if ext is None:
        return None
    return ctypes.cast(ctypes.pointer(ext), ctypes.POINTER(_c.Ext))
