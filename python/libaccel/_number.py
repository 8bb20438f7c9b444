# SPDX-License-Identifier: MIT
"""Integers, looked at before ctypes cuts them to fit."""
import operator


def _between(name, value, low, high):
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is no integer: {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} is {number}, not from {low} to {high}")
    return number


def unsigned(name, value, bits=64):
    """A size, an offset, an index, flags."""
    return _between(name, value, 0, (1 << bits) - 1)


def signed(name, value, bits=32):
    """A descriptor, a priority."""
    return _between(name, value, -1 << bits - 1, (1 << bits - 1) - 1)


def span(whole, offset, size):
    """(offset, size) of a part; without @size it goes to the end of the @whole."""
    offset = unsigned("offset", offset)
    return offset, max(whole - offset, 0) if size is None else unsigned("size", size)
