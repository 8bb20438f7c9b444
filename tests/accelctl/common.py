# SPDX-License-Identifier: MIT
"""What the tests of accelctl share: running it, made trees of sysfs, the schemas."""
import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TOOL = os.environ.get("ACCELCTL", str(TOP / "build/bin/accelctl"))
SKIPPED = 77

OK, FAILED, USAGE, NO_DEVICE, UNUSABLE, PERMISSION, UNSUPPORTED, WRONG = range(8)


@functools.cache
def tool_for_all():
    """The tool where a plain user may go: in a tree below /root that is a copy, libraries and all."""
    tool = Path(TOOL).resolve()
    if all(directory.stat().st_mode & 0o001 for directory in tool.parents):
        return TOOL
    top = Path(tempfile.mkdtemp(prefix="accelctl-test."))
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    top.chmod(0o755)
    (top / "bin").mkdir()
    shutil.copy(tool, top / "bin")
    shutil.copytree(tool.parents[1] / "lib", top / "lib", symlinks=True)
    return str(top / "bin" / tool.name)


def run(*words, env=None, user=None, **options):
    """The tool's status, output and errors. @user: a plain one of that number."""
    command = [TOOL, *map(str, words)]
    if user is not None:
        command[0] = tool_for_all()
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                   "--inh-caps=-all", "--bounding-set=-all", *command]
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith("LIBACCEL_")}
    environment.update(env or {})
    return subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=240, **options)


def schema(kind):
    return json.loads((TOP / f"docs/accelctl/{kind}.schema.json").read_text())


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="accelctl-test."))
        # A plain user has to come in too.
        self.directory.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def check(self, status, *words, **options):
        """Run it, and see that it ends so: an error is one line that says what to do."""
        done = run(*words, **options)
        self.assertEqual(done.returncode, status, f"{words}\n{done.stdout}\n{done.stderr}")
        if status not in (OK, WRONG) and not (words and words[0] == "doctor"):
            self.assertRegex(done.stderr, r"\Aaccelctl[ a-z]*: [^\n]+\n\Z")
        return done

    def check_json(self, kind, *words, status=OK, **options):
        """Run it, and hold what it prints against the schema in the documentation."""
        done = self.check(status, *words, **options)
        value = json.loads(done.stdout)
        self.validate(kind, value)
        return value

    def validate(self, kind, value):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not here")
        jsonschema.Draft7Validator.check_schema(schema(kind))
        jsonschema.validate(value, schema(kind))


class Nodes:
    """Nodes that the running system has: below /dev, in a directory of ours in /dev/shm. What
    opens one finds no driver behind it."""

    def __init__(self, case):
        self.directory = Path(tempfile.mkdtemp(prefix="accelctl.", dir="/dev/shm"))
        self.directory.chmod(0o755)
        case.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def add(self, minor, number=None):
        """A node; its DEVNAME."""
        path = self.directory / f"accel{minor}"
        try:
            os.mknod(path, 0o020666, os.makedev(*(number or (261, minor))))
        except PermissionError as error:
            raise unittest.SkipTest("only root makes device nodes") from error
        path.chmod(0o666)
        return str(path.relative_to("/dev"))


class Tree:
    """A system as accelctl sees it: /sys, /proc, /dev and so on below a directory."""

    def __init__(self, top):
        self.top = Path(top)
        self.write("sys/bus/pci/devices/.keep", "")
        self.write("proc/sys/kernel/osrelease", "6.99.0-made\n")
        self.write("proc/self/limits",
                   "Limit                     Soft Limit           Hard Limit           Units\n"
                   "Max open files            1024                 1048576              files\n"
                   "Max locked memory         unlimited            unlimited            bytes\n")
        self.write("proc/self/status", "Name:\tmade\nCapEff:\t0000000000000000\n")
        self.write("dev/kmsg", "6,1,1,-;Linux version 6.99.0-made\n")

    def path(self, name):
        return self.top / name

    def write(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text)

    def link(self, name, target):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def pci(self, address, modalias, driver=None, **attrs):
        """A device on the bus, with or without a driver."""
        device = f"sys/devices/pci0000:00/{address}"
        self.write(f"{device}/modalias", modalias + "\n")
        for name, text in attrs.items():
            self.write(f"{device}/{name}", text)
        self.link(f"sys/bus/pci/devices/{address}", f"../../../devices/pci0000:00/{address}")
        if driver:
            self.write(f"sys/bus/pci/drivers/{driver}/bind", "")
            self.link(f"{device}/driver", f"../../../bus/pci/drivers/{driver}")
        return device

    def accel(self, minor, address, driver, modalias="pci:v00001D0F", devname=None,
              number=None, **attrs):
        """A device of the class too."""
        number = number or (261, minor)
        device = self.pci(address, modalias, driver, **attrs)
        self.write(f"{device}/uevent",
                   f"DRIVER={driver}\nPCI_CLASS=120000\nPCI_SLOT_NAME={address}\n")
        self.write(f"{device}/numa_node", "0\n")
        self.write(f"{device}/power/runtime_status", "active\n")
        name = f"accel{minor}"
        self.write(f"{device}/accel/{name}/uevent",
                   f"MAJOR={number[0]}\nMINOR={number[1]}\n"
                   f"DEVNAME={devname or f'accel/accel{minor}'}\nDEVTYPE=accel_minor\n")
        self.link(f"{device}/accel/{name}/device", f"../../../{address}")
        self.link(f"sys/class/accel/{name}",
                  f"../../devices/pci0000:00/{address}/accel/{name}")
        return device

    def node(self, name="dev/accel/accel0", number=(261, 0), mode=0o666):
        """Made if this user may; else no test of nodes can be."""
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.mknod(path, 0o020000 | mode, os.makedev(*number))
        except PermissionError as error:
            raise unittest.SkipTest("only root makes device nodes") from error
        os.chmod(path, mode)

    def modules(self, *lines, dep=True):
        """What depmod writes: (module, directory, alias)."""
        directory = "lib/modules/6.99.0-made"
        self.write(f"{directory}/modules.dep", "".join(
            f"kernel/drivers/accel/{where}/{name}.ko.xz:\n" for name, where, _ in lines
            if dep))
        self.write(f"{directory}/modules.alias", "".join(
            f"alias {alias} {name}\n" for name, _, alias in lines))

    @property
    def env(self):
        return {"LIBACCEL_SYSFS": str(self.top / "sys")}


def main():
    """As unittest.main(), but all skipped is skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) else 0)
