# SPDX-License-Identifier: MIT
"""Buffers as tensors of DLPack, with a consumer that is written here, and with NumPy's."""
import ctypes
import gc
import os
import subprocess
import sys
import threading
import unittest
import weakref

import libaccel
from libaccel import BufferFlags

try:
    import numpy
except ImportError:
    numpy = None

BYTES = bytes(range(256)) * 16
NEW = 1, 0


def python(name, *kinds):
    return ctypes.PYFUNCTYPE(*kinds)((name, ctypes.pythonapi))


capsule_name = python("PyCapsule_GetName", ctypes.c_void_p, ctypes.py_object)
capsule_pointer = python("PyCapsule_GetPointer", ctypes.c_void_p, ctypes.py_object,
                         ctypes.c_char_p)
capsule_set_name = python("PyCapsule_SetName", ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # gives the interpreter's lock away for the call


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class DLManagedTensor(ctypes.Structure):
    NAMES = b"dltensor", b"used_dltensor"
    _fields_ = [("tensor", DLTensor), ("manager_ctx", ctypes.c_void_p), ("deleter", DELETER)]


class DLManagedTensorVersioned(ctypes.Structure):
    NAMES = b"dltensor_versioned", b"used_dltensor_versioned"
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32),
                ("manager_ctx", ctypes.c_void_p), ("deleter", DELETER), ("flags", ctypes.c_uint64),
                ("tensor", DLTensor)]


class Taken:
    """What a library has of a tensor that it took: no reference to anything of Python's."""

    def __init__(self, capsule, kind):
        self.address = capsule_pointer(capsule, kind.NAMES[0])
        self.managed = kind.from_address(self.address)
        self.deleter = self.managed.deleter
        capsule_set_name(capsule, kind.NAMES[1])

    def bytes(self):
        tensor = self.managed.tensor
        return ctypes.string_at(tensor.data + tensor.byte_offset, tensor.shape[0])

    def end(self):
        self.deleter(self.address)


class Case(unittest.TestCase):
    def setUp(self):
        self.context = libaccel.find("soft:0").open()
        self.buffer = self.context.buffer(contents=BYTES)
        self.memory = weakref.ref(self.buffer._pointer)

    def take(self, **options):
        kind = DLManagedTensorVersioned if options else DLManagedTensor
        return Taken(self.buffer.__dlpack__(**options), kind)

    def give_up(self):
        """Leave whatever tensors there are alone with the memory."""
        self.buffer.close()
        gc.collect()

    def assertAlive(self):
        gc.collect()
        self.assertIsNotNone(self.memory())

    def assertFreed(self):
        gc.collect()
        self.assertIsNone(self.memory())


class Tensors(Case):
    def test_what_it_says(self):
        for options, kind in ({}, DLManagedTensor), ({"max_version": NEW},
                                                     DLManagedTensorVersioned):
            taken = self.take(**options)
            tensor = taken.managed.tensor
            self.assertEqual((tensor.device_type, tensor.device_id), (1, 0))
            self.assertEqual((tensor.ndim, tensor.code, tensor.bits, tensor.lanes), (1, 1, 8, 1))
            self.assertEqual((tensor.shape[0], tensor.strides[0]), (4096, 1))
            self.assertEqual(taken.bytes(), BYTES)
            with self.buffer.access() as view:
                view[0] = 7
                self.assertEqual(taken.bytes()[0], 7)
                view[0] = 0
            taken.end()
        self.assertEqual(self.buffer.__dlpack_device__(), (1, 0))

    def test_versions(self):
        taken = self.take(max_version=(1, 7))
        self.assertEqual((taken.managed.major, taken.managed.minor, taken.managed.flags),
                         (1, 0, 0))
        taken.end()
        Taken(self.buffer.__dlpack__(max_version=(0, 8)), DLManagedTensor).end()

    def test_read_only(self):
        self.buffer = self.context.buffer(
            64, BufferFlags.CPU_READ | BufferFlags.DEVICE_READ, contents=BYTES[:64])
        taken = self.take(max_version=NEW)
        self.assertEqual(taken.managed.flags, 1)
        self.assertEqual(taken.bytes()[:64], BYTES[:64])
        taken.end()
        with self.assertRaisesRegex(BufferError, "read-only"):
            self.buffer.__dlpack__()

    def test_refuses(self):
        for options in {"copy": True}, {"dl_device": (2, 0)}, {"stream": 5}:
            with self.assertRaises(BufferError):
                self.buffer.__dlpack__(**options)
        self.buffer.__dlpack__(max_version=NEW, dl_device=(1, 0), copy=False, stream=-1)
        self.buffer.close()
        with self.assertRaisesRegex(ValueError, "Buffer is closed"):
            self.buffer.__dlpack__()


class Lifetimes(Case):
    def test_outlives_the_buffer(self):
        for options in {}, {"max_version": NEW}:
            self.setUp()
            taken = self.take(**options)
            self.give_up()
            self.context.close()
            self.assertAlive()
            self.assertEqual(taken.bytes(), BYTES)
            taken.end()
            self.assertFreed()

    def test_ends_without_a_collection(self):
        """With few tensors the next buffer, or the end of a context, is enough."""
        gc.disable()
        self.addCleanup(gc.enable)
        for more in (lambda: self.context.buffer(64), lambda: other.__dlpack__(),
                     self.context.close):
            self.buffer = self.context.buffer(contents=BYTES)
            self.memory = weakref.ref(self.buffer._pointer)
            other = self.context.buffer(64)
            taken = self.take()
            self.buffer.close()
            taken.end()
            more()
            self.assertIsNone(self.memory())

    def test_many(self):
        """Each keeps the memory until it ends itself; what has ended makes room."""
        taken = [self.take() for _ in range(500)]
        self.assertEqual(len({item.address for item in taken}), 500)
        for item in taken[1:]:
            item.end()
        self.assertAlive()
        again = self.take()
        self.assertIn(again.address, {item.address for item in taken[1:]})
        self.give_up()
        again.end()
        self.assertAlive()
        self.assertEqual(taken[0].bytes(), BYTES)
        taken[0].end()
        self.assertFreed()

    def test_nobody_takes_it(self):
        for options in {}, {"max_version": NEW}:
            self.setUp()
            capsule = self.buffer.__dlpack__(**options)
            self.give_up()
            self.assertAlive()
            kind = DLManagedTensorVersioned if options else DLManagedTensor
            self.assertEqual(Taken.bytes(type("", (), {"managed": kind.from_address(
                capsule_pointer(capsule, kind.NAMES[0]))})), BYTES)
            del capsule
            self.assertFreed()

    def test_used_capsule_may_go_first(self):
        capsule = self.buffer.__dlpack__()
        taken = Taken(capsule, DLManagedTensor)
        del capsule
        self.give_up()
        self.assertAlive()
        self.assertEqual(taken.bytes(), BYTES)
        taken.end()
        self.assertFreed()

    def test_an_exception_is_under_way(self):
        with self.assertRaises(ZeroDivisionError):
            print(self.buffer.__dlpack__(), 1 / 0)

        # The deleter as what frees a capsule, which Python calls with the exception in place.
        taken = self.take()
        new = python("PyCapsule_New", ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p,
                     ctypes.c_void_p)
        with self.assertRaises(ZeroDivisionError):
            print(new(taken.address, None, ctypes.cast(taken.deleter, ctypes.c_void_p)), 1 / 0)
        taken.end()
        self.give_up()
        self.assertFreed()

    def test_threads_without_the_lock(self):
        """Tensors end on threads that Python has never seen, while others are made."""
        libc = ctypes.CDLL(None)
        for _ in range(50):
            taken = [self.take(max_version=NEW) for _ in range(4)]
            threads = []
            for item in taken:
                thread = ctypes.c_ulong()
                self.assertEqual(libc.pthread_create(
                    ctypes.byref(thread), None, ctypes.cast(item.deleter, ctypes.c_void_p),
                    ctypes.c_void_p(item.address)), 0)
                threads.append(thread)
                self.take().end()
            for thread in threads:
                libc.pthread_join(thread, None)
        self.give_up()
        self.assertFreed()

    def test_python_threads(self):
        def work():
            for _ in range(200):
                buffer = self.context.buffer(contents=BYTES)
                memories.append(weakref.ref(buffer._pointer))
                taken = Taken(buffer.__dlpack__(), DLManagedTensor)
                del buffer
                self.assertEqual(taken.bytes(), BYTES)
                taken.end()

        memories = []
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        self.assertEqual(len(memories), 800)
        self.assertEqual([memory() for memory in memories], [None] * 800)

    def run_to_its_end(self, lines):
        program = f"""if True:
            import ctypes, os, sys
            sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
            import libaccel
            from test_dlpack import *
            buffer = libaccel.find("soft:0").open().buffer(contents=BYTES)
            {lines}
            """
        run = subprocess.run([sys.executable, "-W", "error", "-c", program], timeout=120,
                             stderr=subprocess.PIPE, text=True)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_interpreter_ends(self):
        """With a tensor that lives, one that nobody took, and one that ends after it."""
        self.run_to_its_end("taken = Taken(buffer.__dlpack__(), DLManagedTensor)")
        self.run_to_its_end("capsule = buffer.__dlpack__(max_version=NEW)")
        self.run_to_its_end("sys.keeps = buffer.__dlpack__()")
        self.run_to_its_end("""
            taken = Taken(buffer.__dlpack__(), DLManagedTensor)
            ctypes.CDLL(None).__cxa_atexit(ctypes.cast(taken.deleter, ctypes.c_void_p),
                                           ctypes.c_void_p(taken.address), None)""")


@unittest.skipUnless(numpy, "no NumPy")
class NumPy(Case):
    def test_takes_it(self):
        array = numpy.from_dlpack(self.buffer)
        self.assertEqual((array.dtype, array.shape), (numpy.uint8, (4096,)))
        self.give_up()
        self.assertEqual(array.tobytes(), BYTES)
        part = array[16:32]
        del array
        self.assertAlive()
        self.assertEqual(part.tobytes(), BYTES[16:32])
        del part
        self.assertFreed()

    def test_freed_while_an_exception_is_under_way(self):
        with self.assertRaises(ZeroDivisionError):
            print(numpy.from_dlpack(self.buffer), 1 / 0)
        self.give_up()
        self.assertFreed()


if __name__ == "__main__":
    unittest.main()
