# SPDX-License-Identifier: MIT
"""Commands of the software device: each function returns one packet.

A place in a buffer is the buffer's index in the job's list, or (index, offset in bytes). Sizes and
strides are as <accel/soft.h> says; what is wrong with a packet is told by Queue.job().
"""
import ctypes
import enum
from ctypes import c_uint16, c_uint32, c_uint64

from ._number import unsigned

F32 = 1
S8_S8_S32 = 2
TRANSPOSE_B = 1
BROADCAST = 1


class Opcode(enum.IntEnum):
    """enum accel_soft_opcode"""
    FILL = 1
    COPY = 2
    COPY_2D = 3
    MATMUL = 4
    ADD = 5
    RELU = 6
    TIMESTAMP = 7


PREFIXES = {Opcode: "ACCEL_SOFT_"}


class Packet(ctypes.Structure):
    NAME = "accel_soft_packet"
    _fields_ = [("opcode", c_uint16), ("flags", c_uint16), ("bytes", c_uint32)]


class Operand(ctypes.Structure):
    NAME = "accel_soft_operand"
    _fields_ = [("bo", c_uint32), ("reserved", c_uint32), ("offset", c_uint64)]


class Fill(ctypes.Structure):
    NAME = "accel_soft_fill"
    _fields_ = [("head", Packet), ("dst", Operand), ("bytes", c_uint64), ("pattern", c_uint32),
                ("reserved", c_uint32)]


class Copy(ctypes.Structure):
    NAME = "accel_soft_copy"
    _fields_ = [("head", Packet), ("dst", Operand), ("src", Operand), ("bytes", c_uint64)]


class Copy2D(ctypes.Structure):
    NAME = "accel_soft_copy_2d"
    _fields_ = [("head", Packet), ("dst", Operand), ("src", Operand), ("width", c_uint64),
                ("rows", c_uint64), ("dst_stride", c_uint64), ("src_stride", c_uint64)]


class Matmul(ctypes.Structure):
    NAME = "accel_soft_matmul"
    _fields_ = [("head", Packet), ("c", Operand), ("a", Operand), ("b", Operand),
                ("type", c_uint32), ("m", c_uint32), ("n", c_uint32), ("k", c_uint32),
                ("lda", c_uint32), ("ldb", c_uint32), ("ldc", c_uint32), ("reserved", c_uint32)]


class Add(ctypes.Structure):
    NAME = "accel_soft_add"
    _fields_ = [("head", Packet), ("dst", Operand), ("a", Operand), ("b", Operand),
                ("rows", c_uint32), ("columns", c_uint32)]


class Relu(ctypes.Structure):
    NAME = "accel_soft_relu"
    _fields_ = [("head", Packet), ("dst", Operand), ("src", Operand), ("count", c_uint64)]


class Timestamp(ctypes.Structure):
    NAME = "accel_soft_timestamp"
    _fields_ = [("head", Packet), ("dst", Operand)]


STRUCTS = [Packet, Operand, Fill, Copy, Copy2D, Matmul, Add, Relu, Timestamp]


def _packet(kind, opcode, flags=0, **members):
    members = {name: value if isinstance(value, Operand) else
               unsigned(name, value, 8 * getattr(kind, name).size)
               for name, value in members.items()}
    return kind(head=Packet(opcode, flags, ctypes.sizeof(kind)), **members)


def _place(where):
    index, offset = where if isinstance(where, (tuple, list)) else (where, 0)
    return Operand(bo=unsigned("index", index, 32), offset=unsigned("offset", offset))


def fill(dst, size, pattern=0):
    """Bytes of @dst become the four bytes of @pattern, over and over."""
    return _packet(Fill, Opcode.FILL, dst=_place(dst), bytes=unsigned("size", size),
                   pattern=pattern)


def copy(dst, src, size):
    """@size bytes of @src to @dst."""
    return _packet(Copy, Opcode.COPY, dst=_place(dst), src=_place(src),
                   bytes=unsigned("size", size))


def copy_2d(dst, src, width, rows, dst_stride, src_stride):
    """@rows rows of @width bytes; the next row is a stride further."""
    return _packet(Copy2D, Opcode.COPY_2D, dst=_place(dst), src=_place(src), width=width,
                   rows=rows, dst_stride=dst_stride, src_stride=src_stride)


def matmul(c, a, b, m, n, k, type=F32, transpose_b=False, lda=None, ldb=None, ldc=None):
    """c = a b: a is m by k, b is k by n (n by k with @transpose_b), c is m by n."""
    return _packet(Matmul, Opcode.MATMUL, TRANSPOSE_B if transpose_b else 0, c=_place(c),
                   a=_place(a), b=_place(b), type=type, m=m, n=n, k=k,
                   lda=k if lda is None else lda,
                   ldb=(k if transpose_b else n) if ldb is None else ldb,
                   ldc=n if ldc is None else ldc)


def add(dst, a, b, rows, columns, broadcast=False):
    """dst = a + b in f32; with @broadcast b is one row that is added to each."""
    return _packet(Add, Opcode.ADD, BROADCAST if broadcast else 0, dst=_place(dst), a=_place(a),
                   b=_place(b), rows=rows, columns=columns)


def relu(dst, src, count):
    """dst = max(src, 0), @count values of f32."""
    return _packet(Relu, Opcode.RELU, dst=_place(dst), src=_place(src), count=count)


def timestamp(dst):
    """CLOCK_MONOTONIC in nanoseconds, 64 bits, when what is before it is done."""
    return _packet(Timestamp, Opcode.TIMESTAMP, dst=_place(dst))
