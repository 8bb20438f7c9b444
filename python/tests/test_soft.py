# SPDX-License-Identifier: MIT
"""The module, on the software device."""
import asyncio
import contextlib
import ctypes
import errno
import gc
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import traceback
import unittest
import weakref

import libaccel
from libaccel import Access, BufferFlags, Key, Level, Outcome, soft

try:
    import numpy
except ImportError:
    numpy = None

PATTERN = 0x600DF00D
BYTES = struct.pack("<I", PATTERN)
PACKET = len(bytes(soft.fill(0, 1)))
COMPUTES = os.environ.get("LIBACCEL_SOFT_COMPUTES", "1") != "0"


class Case(unittest.TestCase):
    def setUp(self):
        self.context = libaccel.find("soft:0").open()
        self.queue = self.context.queue()
        self.buffer = self.context.buffer(4096, contents=None)

    def fill(self, pattern=PATTERN, queue=None):
        return (queue or self.queue).job(soft.fill(0, 4096, pattern),
                                         [(self.buffer, Access.WRITE)])

    @contextlib.contextmanager
    def fails(self, number):
        """The Error with this errno; its place and so on are in the error attribute."""
        with self.assertRaises(libaccel.Error) as raised:
            yield raised
        raised.error = raised.exception
        self.assertEqual(raised.error.errno, number, raised.error)

    def held(self):
        """(eventfd, fence) of a fill that waits for the former."""
        event = os.eventfd(0)
        self.addCleanup(os.close, event)
        return event, self.queue.submit(self.fill(), wait=[libaccel.import_fence(event)])

    def bytes_in(self, buffer, offset=0, size=4):
        with buffer.access(Access.READ, offset, size) as view:
            return bytes(view)


class Devices(unittest.TestCase):
    def test_found(self):
        device = libaccel.devices()[-1]
        self.assertEqual(device.info.id, "soft:0")
        self.assertEqual(device.info.usable, libaccel.Usable.USABLE)
        self.assertIn(libaccel.DeviceFlags.SOFTWARE, device.info.flags)
        self.assertIsNone(device.check())
        self.assertNotIn("soft:0", [found.info.id for found in libaccel.devices(hardware=True)])

    def test_no_such_device(self):
        with self.assertRaises(libaccel.Error) as raised:
            libaccel.find("soft:77")
        self.assertEqual(raised.exception.errno, errno.ENODEV)
        self.assertIn("soft:77", raised.exception.strerror)
        with self.assertRaises(TypeError):
            libaccel.find(7)
        with self.assertRaises(ValueError):
            libaccel.find("soft\0")

    def test_version(self):
        self.assertEqual(len(libaccel.version()), 3)

    def test_missing_library(self):
        run = subprocess.run([sys.executable, "-c", "import libaccel"], text=True,
                             env=dict(os.environ, LIBACCEL_LIBRARY="/no/libaccel.so.0"),
                             stderr=subprocess.PIPE)
        self.assertIn("ImportError", run.stderr)
        self.assertIn("install libaccel0", run.stderr)


class Contexts(Case):
    def test_facts(self):
        self.assertEqual(self.context.query(Key.HAS_OUTCOME), Level.NATIVE)
        self.assertEqual(self.context.query(Key.COMMANDS_ALIGN), 8)
        self.assertLess(self.context.query(Key.PRIORITY_MIN), 0)
        self.assertIsNone(self.context.query(Key.CONTEXTS_LEFT))
        self.assertEqual(self.context.state, libaccel.State.OK)
        self.assertEqual(self.context.device.info.id, "soft:0")
        with self.fails(errno.EINVAL):
            self.context.query(12345)
        with self.fails(errno.EOPNOTSUPP):
            self.context.fd()

    def test_options(self):
        with self.fails(errno.EOPNOTSUPP):
            libaccel.find("soft:0").open(libaccel.OpenFlags.NO_THREADS)
        with self.fails(errno.EINVAL):
            libaccel.find("soft:0").open(ext=ctypes.c_uint64(8 | 77 << 32))
        with self.fails(errno.EBADF):
            libaccel.open_fd(-1)

    def test_closed(self):
        with self.context as context:
            pass
        for use in (lambda: context.query(1), lambda: context.buffer(1), context.queue,
                    lambda: context.import_buffer(0, 1), lambda: context.state,
                    context.__enter__):
            with self.assertRaisesRegex(ValueError, "Context is closed"):
                use()
        # What was made from it goes on.
        self.queue.submit(self.fill()).wait()

    def test_another_kind(self):
        with self.assertRaises(TypeError):
            self.queue.submit([self.buffer])
        with self.assertRaises(TypeError):
            self.queue.job([], [(self.queue, Access.READ)])
        with self.assertRaises(ctypes.ArgumentError):
            self.fill().set_buffer(0, self.queue)


class Buffers(Case):
    def test_view_is_the_memory(self):
        view = self.buffer.view()
        self.queue.submit(self.fill()).wait()
        with self.buffer.access(Access.READ):
            self.assertEqual(view[:4], BYTES)
            self.assertEqual(view[-4:], BYTES)
        self.assertEqual(len(view), 4096)

    def test_write_reaches_the_device(self):
        target = self.context.buffer(4096)
        with self.buffer.access(Access.WRITE) as view:
            view[:] = bytes(range(256)) * 16
        self.queue.submit(self.queue.job(
            soft.copy(1, 0, 4096), [(self.buffer, Access.READ), (target, Access.WRITE)])).wait()
        self.assertEqual(self.bytes_in(target, size=4096), bytes(range(256)) * 16)

    def test_access_waits_for_jobs(self):
        event, fence = self.held()
        with self.fails(errno.ETIME):
            self.buffer.begin_access(timeout=0)
        with self.fails(errno.ETIME):
            self.buffer.begin_access(timeout=0.01)
        os.eventfd_write(event, 1)
        with self.buffer.access() as view:
            self.assertTrue(fence.done)
            self.assertEqual(view[:4], BYTES)

    def test_access_ends_after_an_exception(self):
        with self.assertRaises(KeyError):
            with self.buffer.access():
                raise KeyError
        with self.fails(errno.EINVAL):
            self.buffer.begin_access(Access.READ, 4096)
        with self.fails(errno.EINVAL):
            self.buffer.begin_access(Access.READ, 5000)

    def test_view_keeps_the_memory(self):
        view = self.buffer.view()
        self.queue.submit(self.fill()).wait()
        reference = weakref.ref(self.buffer._pointer)
        self.buffer.close()
        self.queue.close()
        self.context.close()
        gc.collect()
        self.assertIsNotNone(reference())
        self.assertEqual(view[-4:], BYTES)
        part = view[8:12]
        del view
        gc.collect()
        self.assertEqual(part, BYTES)
        del part
        gc.collect()
        self.assertIsNone(reference())

    def test_read_only(self):
        buffer = self.context.buffer(
            100, BufferFlags.CPU_READ | BufferFlags.DEVICE_READ, contents=b"x" * 100)
        self.assertTrue(buffer.view().readonly)
        self.assertEqual(self.bytes_in(buffer, 96), b"xxxx")
        with self.fails(errno.EACCES):
            buffer.begin_access(Access.WRITE)
        with self.assertRaises(TypeError):
            with self.buffer.access(Access.READ) as view:
                view[0] = 1

    def test_no_cpu(self):
        buffer = self.context.buffer(64, BufferFlags.DEVICE_READ | BufferFlags.DEVICE_WRITE)
        with self.fails(errno.EACCES):
            buffer.view()

    def test_contents(self):
        for data in b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), memoryview(b"xabcdx")[1:5]:
            self.assertEqual(self.bytes_in(self.context.buffer(contents=data)), b"abcd")
        with self.assertRaises(ValueError):
            self.context.buffer(8, contents=b"abcd")
        with self.assertRaises(ValueError):
            self.context.buffer(contents=memoryview(b"abcdef")[::2])
        with self.assertRaises(TypeError):
            self.context.buffer(contents=4)
        with self.fails(errno.EINVAL):
            self.context.buffer(contents=b"")
        with self.fails(errno.EINVAL):
            self.context.buffer()

    def test_info(self):
        self.assertEqual(self.context.buffer(5).size, 4096)
        self.assertEqual(len(self.buffer), 4096)
        self.assertIn(BufferFlags.CPU_READ, self.buffer.flags)
        with self.fails(errno.EOPNOTSUPP):
            self.buffer.address
        with self.fails(errno.EINVAL):
            self.context.buffer(4096, 1 << 30)
        self.context.trim()

    def test_shared(self):
        shared = self.context.buffer(
            4096, BufferFlags.SHARE | BufferFlags.DEVICE_READ | BufferFlags.DEVICE_WRITE |
            BufferFlags.CPU_READ)
        fd = shared.export()
        self.addCleanup(os.close, fd)
        other = libaccel.find("soft:0").open()
        with other.import_buffer(fd, BufferFlags.CPU_READ) as twin:
            self.assertIn(BufferFlags.IS_IMPORTED, twin.flags)
            self.queue.submit(self.queue.job(soft.fill(0, 4096, PATTERN),
                                             [(shared, Access.WRITE)])).wait()
            self.assertEqual(self.bytes_in(twin), BYTES)
        with self.fails(errno.EINVAL):
            self.buffer.export()
        with self.fails(errno.EBADF):
            other.import_buffer(-1, BufferFlags.CPU_READ)


@unittest.skipUnless(numpy, "no NumPy")
class Arrays(Case):
    def test_array_is_the_memory(self):
        array = self.buffer.numpy("<u4", (32, 32))
        self.queue.submit(self.fill()).wait()
        with self.buffer.access():
            self.assertTrue((array == PATTERN).all())
            array[0, 0] = 7
        self.assertEqual(self.bytes_in(self.buffer), b"\7\0\0\0")

    def test_array_keeps_the_memory(self):
        array = self.buffer.numpy("<u4")
        slice_of_it = array[1000:]
        self.queue.submit(self.fill()).wait()
        self.buffer.begin_access()
        del array
        self.buffer.close()
        self.context.close()
        gc.collect()
        self.assertTrue((slice_of_it == PATTERN).all())

    def test_shapes(self):
        self.assertEqual(self.buffer.numpy().shape, (4096,))
        self.assertEqual(self.buffer.numpy("f4", (-1, 4), 64).shape, (252, 4))
        self.assertEqual(self.buffer.numpy("f4", 3, 4084).shape, (3,))
        for wrong in ("f4", 3, 4088), ("f8", (2**40, 2**40)), ("u1", -1, 4097), ("u1", 1, -1):
            with self.assertRaises(ValueError, msg=wrong):
                self.buffer.numpy(*wrong)

    def test_contents(self):
        array = numpy.arange(6, dtype="<f4").reshape(2, 3)
        buffer = self.context.buffer(contents=array)
        self.assertEqual(self.bytes_in(buffer, size=24), array.tobytes())
        array.flags.writeable = False
        self.assertEqual(self.bytes_in(self.context.buffer(contents=array), size=24),
                         array.tobytes())
        with self.assertRaises(ValueError):
            self.context.buffer(contents=array.T)


class Jobs(Case):
    def test_outcome(self):
        job = self.fill()
        with self.fails(errno.ENODATA):
            job.result
        self.queue.submit(job).wait()
        self.assertEqual(job.result.outcome, Outcome.DONE)
        self.assertEqual(job.result.error, 0)
        self.assertLessEqual(job.result.start_ns, job.result.end_ns)

    def test_refused_with_the_place(self):
        with self.fails(errno.ERANGE) as refused:
            self.queue.job([soft.fill(0, 64), soft.fill((0, 4000), 100)], [self.buffer])
        self.assertEqual(refused.error.offset, PACKET)
        self.assertEqual(refused.error.index, 0)
        self.assertIn("buffer 0", str(refused.error))
        again = pickle.loads(pickle.dumps(refused.error))
        self.assertEqual((again.errno, again.index, again.offset), (errno.ERANGE, 0, PACKET))
        with self.fails(errno.EACCES):
            self.queue.job(soft.fill(0, 64), [(self.buffer, Access.READ)])
        with self.fails(errno.EALREADY):
            self.queue.job(soft.fill(0, 64), [self.buffer, self.buffer])
        with self.fails(errno.EINVAL):
            self.queue.job(b"not a packet....", [self.buffer])

    def test_commands_of_ones_own(self):
        data = bytes(8) + bytes(soft.fill(0, 4096, PATTERN))
        commands = self.context.buffer(flags=BufferFlags.COMMANDS, contents=data)
        job = self.queue.job(commands, [self.buffer], offset=8, size=len(data) - 8)
        del commands
        self.queue.submit(job).wait()
        self.assertEqual(self.bytes_in(self.buffer), BYTES)

    def test_many(self):
        jobs = [self.fill(number) for number in range(100)]
        self.queue.submit(jobs).wait()
        self.assertEqual(self.bytes_in(self.buffer), struct.pack("<I", 99))

    def test_nothing(self):
        self.queue.submit(self.queue.job()).wait()
        with self.fails(errno.EINVAL):
            self.queue.submit([])

    def test_set_buffer(self):
        job, other = self.fill(), self.context.buffer(4096)
        job.set_buffer(0, other)
        self.queue.submit(job).wait()
        self.assertEqual(self.bytes_in(other), BYTES)
        with self.fails(errno.EINVAL):
            job.set_buffer(7, other)

    def test_full_queue(self):
        queue = self.context.queue(depth=2)
        jobs = [self.fill(queue=queue) for _ in range(3)]
        event = os.eventfd(0)
        self.addCleanup(os.close, event)
        with self.fails(errno.EAGAIN) as partly:
            queue.submit(jobs, wait=[libaccel.import_fence(event)])
        self.assertEqual(partly.error.accepted, 2)
        with self.fails(errno.EAGAIN) as full:
            queue.submit(jobs[2])
        self.assertEqual((full.error.accepted, full.error.fence), (0, None))
        self.assertIn("full", str(full.error))
        room = queue.room()
        self.assertFalse(room.done)
        os.eventfd_write(event, 1)
        room.wait()
        partly.error.fence.wait()
        queue.submit(jobs[2]).wait()

    def test_packets(self):
        a, b, c = (self.context.buffer(contents=struct.pack(f"<{len(values)}f", *values))
                   for values in ([1, 2, 3, 4, 5, 6], [1, 0, 0, 1, 1, 1], [0] * 4))
        when = self.context.buffer(8)
        packets = [soft.copy_2d(3, 0, width=4, rows=2, dst_stride=4, src_stride=8),
                   soft.timestamp((3, 8))]
        if COMPUTES:
            packets += [soft.matmul(2, 0, 1, m=2, n=2, k=3), soft.add(2, 2, 2, rows=2, columns=2),
                        soft.relu(2, 2, count=4)]
        before = time.monotonic_ns()
        self.queue.submit(self.queue.job(packets, [a, b, c, when])).wait()
        self.assertEqual(struct.unpack("<2f", self.bytes_in(when, size=8)), (1, 3))
        self.assertLessEqual(before, struct.unpack("<Q", self.bytes_in(when, 8, 8))[0])
        if COMPUTES:
            self.assertEqual(struct.unpack("<4f", self.bytes_in(c, size=16)), (8, 10, 20, 22))

    def test_numbers_too_large(self):
        for wrong in ((0, 1 << 64), (0, 4, 1 << 32), (-1, 4), ((0, -1), 4), (0, -4)):
            with self.assertRaises(ValueError, msg=wrong):
                soft.fill(*wrong)


class Numbers(Case):
    """No number is cut to what C has room for."""

    def refused(self, name, call, *also):
        """Each of these is an error of Python's own that names the argument."""
        for wrong in (-1, 1 << 64, -1 << 70, *also):
            with self.assertRaisesRegex(ValueError, rf"^{name} is {wrong}\b", msg=wrong) as raised:
                call(wrong)
            self.assertNotIsInstance(raised.exception, libaccel.Error)
        for wrong in 1.5, "8", b"8", [8]:
            with self.assertRaisesRegex(TypeError, rf"^{name} is no integer", msg=wrong):
                call(wrong)

    def test_contexts(self):
        self.refused("keep", self.context.trim)
        self.refused("key", self.context.query, 1 << 32)
        self.refused("size", self.context.buffer)
        self.refused("flags", lambda flags: self.context.buffer(8, flags), 1 << 32)
        self.refused("flags", lambda flags: self.context.import_buffer(0, flags), 1 << 32)
        self.refused("depth", lambda depth: self.context.queue(depth=depth), 1 << 32)
        self.refused("flags", self.context.device.open, 1 << 32)
        self.refused("flags", lambda flags: libaccel.open_fd(0, flags=flags), 1 << 32)

    def test_signed(self):
        for name, call in (("priority", self.context.queue), ("fd", libaccel.open_fd),
                           ("fd", libaccel.import_fence),
                           ("fd", lambda fd: self.context.import_buffer(fd, BufferFlags.CPU_READ))):
            for wrong in 1 << 31, -1 - (1 << 31), 1 << 32:
                with self.assertRaisesRegex(ValueError, f"^{name} is {wrong}, not"):
                    call(wrong)
            for wrong in 1.5, "8", None:
                with self.assertRaisesRegex(TypeError, f"^{name} is no integer"):
                    call(wrong)

    def test_buffers(self):
        for call in self.buffer.begin_access, self.buffer.end_access:
            self.refused("access", call, 1 << 32)
            self.refused("offset", lambda offset: call(Access.READ, offset))
            self.refused("size", lambda size: call(Access.READ, 0, size))
        for name in "offset", "size":
            self.refused(name, lambda number: self.buffer.access(**{name: number}).__enter__())

    @unittest.skipUnless(numpy, "NumPy is not here")
    def test_arrays(self):
        self.refused("offset", lambda offset: self.buffer.numpy(offset=offset))
        self.refused("offset", lambda offset: self.buffer.numpy(shape=0, offset=offset))
        for wrong in -2, (4, -2), (-2, -2):
            with self.assertRaisesRegex(ValueError, "^shape is -2"):
                self.buffer.numpy(shape=wrong)
        for wrong in 1.5, (2, 1.5), "8":
            with self.assertRaisesRegex(TypeError, "^shape is no integer"):
                self.buffer.numpy(shape=wrong)
        self.assertEqual(self.buffer.numpy(shape=numpy.int32(8)).shape, (8,))

    def test_jobs(self):
        commands = self.context.buffer(flags=BufferFlags.COMMANDS, contents=bytes(soft.fill(0, 8)))
        for given in commands, soft.fill(0, 8):
            self.refused("offset", lambda offset: self.queue.job(given, [self.buffer], offset))
            self.refused("size", lambda size: self.queue.job(given, [self.buffer], 0, size))
        with self.fails(errno.EINVAL):  # behind the end: nothing is left
            self.queue.job(soft.fill(0, 8), [self.buffer], PACKET + 1)
        self.refused("access", lambda access: self.queue.job(buffers=[(self.buffer, access)]),
                     1 << 32)
        self.refused("index", lambda index: self.fill().set_buffer(index, self.buffer), 1 << 32)
        for wrong in 5, -1, [soft.fill(0, 8), 5]:
            with self.assertRaisesRegex(TypeError, "a number is no command"):
                self.queue.job(wrong, [self.buffer])
        with self.assertRaisesRegex(ValueError, "^timeout is -1"):
            self.queue.job(timeout=-1)

    def test_packets(self):
        self.refused("size", lambda size: soft.copy(0, 1, size))
        self.refused("pattern", lambda pattern: soft.fill(0, 4, pattern), 1 << 32)
        self.refused("offset", lambda offset: soft.relu(0, (1, offset), 4))
        for wrong in -1, 1 << 32:
            with self.assertRaisesRegex(ValueError, f"^index is {wrong}"):
                soft.timestamp(wrong)

    def test_fences(self):
        self.refused("kind", self.queue.submit(self.fill()).export, 1 << 32)

    def test_like_an_integer(self):
        """What Python takes for one is one: NumPy's, and flags."""
        self.assertEqual(self.context.buffer(True).size, self.context.buffer(1).size)
        if numpy:
            self.assertEqual(self.context.buffer(numpy.uint16(4096)).size, 4096)


class Fences(Case):
    def test_wait_fence(self):
        event, fence = self.held()
        self.assertFalse(fence.done)
        with self.fails(errno.ETIME):
            fence.wait(0)
        with self.fails(errno.ETIME):
            fence.wait(0.01)
        os.eventfd_write(event, 1)
        fence.wait()
        self.assertTrue(fence.done)

    def test_cancel(self):
        _, fence = self.held()
        self.queue.cancel()
        with self.fails(errno.ECANCELED) as ended:
            fence.wait()
        self.assertIn("cancelled", str(ended.error))
        self.assertTrue(fence.done)

    def test_times(self):
        fence = self.queue.submit(self.fill())
        fence.wait(1e30)
        fence.wait(float("inf"))
        fence.wait(-1)
        with self.assertRaises(ValueError):
            fence.wait(float("nan"))

    def test_export(self):
        event, fence = self.held()
        fd = fence.export()
        self.addCleanup(os.close, fd)
        self.assertEqual(select.select([fd], [], [], 0)[0], [])
        os.eventfd_write(event, 1)
        self.assertEqual(select.select([fd], [], [], 60)[0], [fd])
        again = libaccel.import_fence(fd)
        again.wait()
        with self.fails(errno.EOPNOTSUPP):
            fence.export(libaccel.FdKind.SYNC_FILE)
        with self.fails(errno.EBADF):
            libaccel.import_fence(-1)

    def test_many(self):
        event, held = self.held()
        done = self.ended()
        self.assertEqual(libaccel.wait([held, done], all=False), 1)
        with self.fails(errno.ETIME):
            libaccel.wait([held, done], timeout=0)
        os.eventfd_write(event, 1)
        self.assertIsNone(libaccel.wait([held, done]))
        with self.fails(errno.EINVAL):
            libaccel.wait([])
        _, held = self.held()
        self.queue.cancel()
        with self.fails(errno.ECANCELED) as ended:
            libaccel.wait([done, held])
        self.assertEqual(ended.error.index, 1)

    def ended(self):
        other = self.context.queue()
        fence = other.submit(other.job())
        fence.wait()
        return fence

    def test_closed_while_waiting(self):
        event, fence = self.held()
        ended = []

        def wait():
            try:
                ended.append(fence.wait())
            except ValueError as error:  # it came too late
                ended.append(str(error))

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            while "sleep" not in [frame.name for frame in traceback.extract_stack(
                    sys._current_frames()[thread.ident])]:
                time.sleep(0.001)
            fence.close()
            with self.assertRaisesRegex(ValueError, "Fence is closed"):
                fence.wait()
        finally:
            os.eventfd_write(event, 1)
            thread.join()
        self.assertIn(ended, ([None], ["this Fence is closed"]))

    def test_signal_ends_a_wait(self):
        _, fence = self.held()

        def interrupt(*_):
            raise InterruptedError

        before = signal.signal(signal.SIGALRM, interrupt)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with self.assertRaises(InterruptedError):
            fence.wait()
        self.queue.cancel()

    def test_interpreter_ends_with_work_under_way(self):
        program = """if True:
            import libaccel, os
            context = libaccel.find("soft:0").open()
            queue = context.queue()
            fence = queue.submit(queue.job(), wait=[libaccel.import_fence(os.eventfd(0))])
            view = context.buffer(64).view()
            """
        run = subprocess.run([sys.executable, "-c", program], timeout=120,
                             stderr=subprocess.PIPE, text=True)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_fork(self):
        child = os.fork()
        if not child:
            try:
                self.queue.submit(self.fill())
            except libaccel.Error as error:
                os._exit(error.errno)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), errno.ECHILD)


class Loops(Case):
    def test_await(self):
        async def main():
            event, fence = self.held()
            asyncio.get_running_loop().call_later(0.01, os.eventfd_write, event, 1)
            await fence
            self.assertTrue(fence.done)
            await fence
        asyncio.run(main())

    def test_await_many(self):
        async def wait(fence):
            await fence

        async def main():
            event, fence = self.held()
            tasks = [asyncio.ensure_future(wait(fence)) for _ in range(3)]
            await asyncio.sleep(0)
            self.assertFalse(any(task.done() for task in tasks))
            os.eventfd_write(event, 1)
            await asyncio.gather(*tasks)
        asyncio.run(main())

    def test_await_failure(self):
        async def main():
            _, fence = self.held()
            asyncio.get_running_loop().call_later(0.01, self.queue.cancel)
            with self.fails(errno.ECANCELED):
                await fence
            with self.fails(errno.ECANCELED):
                await fence
        asyncio.run(main())

    def test_given_up(self):
        def open_files():
            return len(os.listdir("/proc/self/fd"))

        async def wait(fence):
            await fence

        async def main():
            _, fence = self.held()
            os.close(fence.export())  # the library keeps one of its own
            before = open_files()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(wait(fence), 0.01)
            self.assertEqual(open_files(), before)
            self.queue.cancel()
        asyncio.run(main())


if __name__ == "__main__":
    unittest.main()
