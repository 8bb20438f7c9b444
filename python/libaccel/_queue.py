# SPDX-License-Identifier: MIT
"""Queues, and the jobs that they run."""
import ctypes
import errno
from dataclasses import dataclass

from . import _c
from ._buffer import Buffer
from ._error import (Error, Object, answer, check, deadline, extension, known,
                     nanoseconds)
from ._fence import Fence
from ._number import span, unsigned


@dataclass(frozen=True)
class JobResult:
    """How a job's latest submission ended. Times are of CLOCK_MONOTONIC; 0: not known."""
    outcome: _c.Outcome
    error: int
    driver_code: int
    start_ns: int
    end_ns: int


class Job(Object):
    """A piece of work, checked once, submitted often."""
    __slots__ = ()

    def set_buffer(self, index, buffer):
        """Put @buffer in place of the one at @index."""
        index = unsigned("index", index, 32)
        check(_c.accel_job_set_bo(self._pointer, index, buffer._pointer))

    @property
    def result(self):
        """The JobResult of its latest submission."""
        result = _c.JobResultStruct()
        check(_c.accel_job_get_result(self._pointer, result))
        return JobResult(known(_c.Outcome, result.outcome), result.error, result.driver_code,
                         result.start_ns, result.end_ns)


def _pointers(kind, objects):
    """(array, what it points to) of objects, which stay until the caller drops the latter."""
    held = [item._pointer for item in objects]
    for item in held:
        if not isinstance(item, kind):
            raise TypeError(f"{type(item).__name__} in place of {kind.__doc__}")
    return (kind * len(held))(*(item.value for item in held)), held


class Queue(Object):
    """An in-order stream of jobs."""
    __slots__ = ("_context",)

    def __init__(self, reference, context):
        super().__init__(reference)
        self._context = type(context)(context._pointer)

    @property
    def context(self):
        """The context that it is of."""
        self._pointer  # raises if it is closed
        return self._context

    def close(self):
        """Give it up. The last that has it waits here until its jobs have ended."""
        self._context = None
        super().close()

    def job(self, commands=None, buffers=(), offset=0, size=None, timeout=None, ext=None):
        """A Job.

        @commands  a Buffer, of which @size bytes at @offset are taken; or bytes, or a packet of
                   libaccel.soft, or a list of such, for which a buffer is made
        @buffers   (Buffer, Access) of each, or Buffer for one that is read and written
        @timeout   seconds of running, where the driver can do that (Key.HAS_JOB_TIMEOUT)
        """
        if commands is not None and not isinstance(commands, Buffer):
            parts = commands if isinstance(commands, (list, tuple)) else [commands]
            if any(isinstance(part, int) for part in parts):
                raise TypeError("a number is no command")  # to bytes() it is that many zeros
            data = b"".join(bytes(part) for part in parts)
            offset, size = span(len(data), offset, size)
            commands = self.context.buffer(flags=_c.BufferFlags.COMMANDS, contents=data) \
                if data else None
        elif commands is not None:
            offset, size = span(commands.size, offset, size)
        else:
            offset, size = span(0, offset, size)
        if timeout is not None and timeout < 0:
            raise ValueError(f"timeout is {timeout}, less than no time")  # 0 is no limit
        pairs = [(item, _c.Access.READ | _c.Access.WRITE) if isinstance(item, Buffer) else item
                 for item in buffers]
        _, held = _pointers(_c.BufferPointer, [buffer for buffer, _ in pairs])
        refs = (_c.BufferRef * len(pairs))(*(
            _c.BufferRef(_c.BufferPointer(pointer.value), unsigned("access", access, 32))
            for pointer, (_, access) in zip(held, pairs)))
        params = _c.JobParams(offset=offset, bytes=size, bos=refs, bo_count=len(pairs),
                              timeout_ns=0 if timeout is None else nanoseconds(timeout),
                              ext=extension(ext))
        if commands is not None:
            held.append(commands._pointer)
            params.commands = _c.BufferPointer(held[-1].value)
        reference = _c.JobReference()
        check(_c.accel_job_create(self._pointer, params, reference))
        del held
        return Job(reference)

    def submit(self, jobs, wait=()):
        """Run a Job or a list of them after all fences of @wait; the Fence of their end.

        Never waits for room. If only the first few were taken, or none, it raises Error: accepted
        of it says how many, fence tells of their end. EAGAIN: the queue is full, see room().
        """
        jobs = [jobs] if isinstance(jobs, Job) else list(jobs)
        array, held = _pointers(_c.JobPointer, jobs)
        fences, held_fences = _pointers(_c.FencePointer, wait)
        params = _c.SubmitParams(wait=fences, wait_count=len(fences))
        reference = _c.FenceReference()
        count = _c.accel_submit(self._pointer, array, len(array), params, reference)
        if count == -errno.EAGAIN:
            raise answer(count)
        check(count)
        del held, held_fences
        fence = Fence(reference)
        if count < len(jobs):
            raise Error(errno.EAGAIN, f"{count} of {len(jobs)} jobs were taken", index=count,
                        accepted=count, fence=fence)
        return fence

    def room(self):
        """After EAGAIN: a Fence whose end makes room."""
        reference = _c.FenceReference()
        check(_c.accel_queue_get_room(self._pointer, reference))
        return Fence(reference)

    def cancel(self, timeout=None):
        """End all jobs accepted so far, and wait until they have ended."""
        check(_c.accel_queue_cancel(self._pointer, deadline(timeout)))
