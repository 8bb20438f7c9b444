# SPDX-License-Identifier: MIT
"""Devices: found in sysfs, not opened."""
import os
from dataclasses import dataclass

from . import _c
from ._error import Object, check, deadline, extension, known
from ._number import unsigned


def version():
    """(major, minor, patch) of the library that is loaded."""
    number = _c.accel_version()
    return number >> 16, number >> 8 & 255, number & 255


@dataclass(frozen=True)
class DeviceInfo:
    """What is known of a device."""
    id: str
    name: str
    driver: str
    node: str
    flags: _c.DeviceFlags
    usable: _c.Usable
    reason: str
    numa_node: int
    devnum: int


class Device(Object):
    """A device that was found; costs no open file."""
    __slots__ = ()

    @property
    def info(self):
        """What the scan saw, and what check() or open() learned since."""
        info = _c.DeviceInfoStruct()
        check(_c.accel_device_get_info(self._pointer, info))
        text = {name: os.fsdecode(getattr(info, name))
                for name in ("id", "name", "driver", "node", "reason")}
        return DeviceInfo(flags=_c.DeviceFlags(info.flags), usable=known(_c.Usable, info.usable),
                          numa_node=info.numa_node, devnum=info.devnum, **text)

    def check(self):
        """Look closely whether it can be opened; raises what open() would."""
        check(_c.accel_device_check(self._pointer))

    def open(self, flags=_c.OpenFlags(0), timeout=0, ext=None):
        """A Context. @timeout: seconds to wait for a device that isn't ready; None: no end."""
        from ._context import Context
        params = _c.OpenParams(flags=unsigned("flags", flags, 32), ext=extension(ext))
        reference = _c.ContextReference()
        check(_c.accel_open(self._pointer, params, deadline(timeout), reference))
        return Context(reference)

    def __repr__(self):
        if self._reference is None:
            return "<libaccel.Device, closed>"
        info = self.info
        return f"<libaccel.Device {info.id} {info.driver}>"


def devices(hardware=False):
    """All devices, the software device last; with @hardware without it."""
    flags = _c.ScanFlags.HARDWARE if hardware else 0
    room = 64
    while True:
        found = (_c.DevicePointer * room)()
        count = check(_c.accel_device_scan(flags, found, room))
        all_found = [Device(_c.DeviceReference(found[i].value)) for i in range(min(count, room))]
        if count <= room:
            return all_found
        room = count


def find(name):
    """The device of an id, a bus address, a name ("accel0", "soft:0") or the path of a node."""
    name = os.fsencode(name)
    if b"\0" in name:
        raise ValueError("a name with a zero byte")
    reference = _c.DeviceReference()
    check(_c.accel_device_find(name, reference))
    return Device(reference)
