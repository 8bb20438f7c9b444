# SPDX-License-Identifier: MIT
"""The memory of buffers as tensors of DLPack.

Who takes a tensor ends it by its deleter: on any thread, without the interpreter's lock, while an
exception is under way, or when there is no interpreter any more. No function that is written in
Python can run in all of these places; ctypes loses the exception, and the interpreter crashes. So
the deleter is one of the C library that stores a word where its argument points to and does nothing
else: time(). The first word of a tensor is an address or a version, and never a time. collect()
looks for those that it has changed: at each new buffer or tensor, with each full collection of
garbage, and when a context is closed.

A capsule that nobody takes is found in the same way, since what frees one can't be written in
Python either: a reference is kept here, and when it is the last there is no taker to come.
"""
import ctypes
import gc
import sys
from ctypes import c_char_p, c_int, c_int32, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p

CPU = 1, 0
READ_ONLY = 1 << 0
VERSION = 1, 0


class Tensor(ctypes.Structure):
    """DLTensor"""
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32),
                ("dimensions", c_int32), ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16),
                ("shape", c_void_p), ("strides", c_void_p), ("offset", c_uint64)]


class Managed(ctypes.Structure):
    """DLManagedTensor"""
    _fields_ = [("tensor", Tensor), ("manager", c_void_p), ("deleter", c_void_p)]


class ManagedVersioned(ctypes.Structure):
    """DLManagedTensorVersioned"""
    _fields_ = [("major", c_uint32), ("minor", c_uint32), ("manager", c_void_p),
                ("deleter", c_void_p), ("flags", c_uint64), ("tensor", Tensor)]


class Block(ctypes.Structure):
    """A tensor, of either kind, with its shape and strides."""
    class Head(ctypes.Union):
        _fields_ = [("first", ctypes.c_size_t), ("plain", Managed), ("versioned", ManagedVersioned)]
    _fields_ = [("head", Head), ("shape", ctypes.c_int64), ("stride", ctypes.c_int64)]


_libc = ctypes.CDLL(None)
_malloc = ctypes.CFUNCTYPE(c_void_p, ctypes.c_size_t)(("malloc", _libc))
_strdup = ctypes.CFUNCTYPE(c_void_p, c_char_p)(("strdup", _libc))
_capsule_new = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_void_p, c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi))
_capsule_is_valid = ctypes.PYFUNCTYPE(c_int, ctypes.py_object, c_void_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi))

# What others point to for as long as they like, and so is never freed.
_deleter = ctypes.cast(_libc.time, c_void_p).value
_names = {kind: _strdup(name) for kind, name in
          ((Managed, b"dltensor"), (ManagedVersioned, b"dltensor_versioned"))}
_spare = []

# {address: [block, its first word, what keeps the memory, name, capsule until it is taken]}
_live = {}
_calls = 0


def _ended(entry):
    if entry[4] is not None:
        if _capsule_is_valid(entry[4], entry[3]):
            # Who can still take it has a reference. Of two, one is the entry's, one this call's.
            return sys.getrefcount(entry[4]) <= 2
        entry[4] = None
    return entry[0].head.first != entry[1]


def collect():
    """Give up the memory of the tensors that have ended."""
    global _calls
    _calls = 0
    for address, entry in list(_live.items()):
        if _ended(entry) and _live.pop(address, None) is entry:
            _spare.append(address)


def collect_some_time():
    """The same, at a cost that does not grow with the tensors that there are."""
    global _calls
    _calls += 1
    if _calls > len(_live) // 4:
        collect()


def _after_garbage(phase, info, live=_live, collect=collect):
    if live and phase == "stop" and info["generation"] == 2:
        collect()


gc.callbacks.append(_after_garbage)


def export(memory, size, read_only, versioned):
    """A capsule with a tensor of @size bytes; @memory is the array of ctypes that keeps them."""
    collect_some_time()
    address = _spare.pop() if _spare else _malloc(ctypes.sizeof(Block))
    if not address:
        raise MemoryError
    ctypes.memset(address, 0, ctypes.sizeof(Block))
    block = Block.from_address(address)
    block.shape, block.stride = size, 1
    kind = ManagedVersioned if versioned else Managed
    managed = block.head.versioned if versioned else block.head.plain
    managed.tensor = Tensor(
        data=ctypes.addressof(memory), device_type=CPU[0], device_id=CPU[1], dimensions=1,
        code=1, bits=8, lanes=1, shape=address + Block.shape.offset,
        strides=address + Block.stride.offset)
    managed.deleter = _deleter
    if versioned:
        managed.major, managed.minor = VERSION
        managed.flags = READ_ONLY if read_only else 0
    capsule = _capsule_new(address, _names[kind], None)
    _live[address] = [block, block.head.first, memory, _names[kind], capsule]
    return capsule
