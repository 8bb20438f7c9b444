# SPDX-License-Identifier: MIT
# Where headers come from: a kernel tree, installed headers, a package, a recorded dump, or ours.
import glob
import json
import os
import re
import subprocess
import tempfile

from .headers import DRIVERS, NEW_DRIVERS


class CannotCompare(Exception):
    """Nothing can be said about equality; the message says why."""


class Source:
    """One side of a comparison, as a set of headers that can be compiled."""

    def __init__(self, name, root, include, defines=(), kernel=None, helpers=True):
        self.name = name
        self.root = root  # headers are root/NAME
        self.include = include  # all include directories, root among them
        self.defines = list(defines)
        self.kernel = kernel  # "7.3.4", or None if unknown
        self.helpers = helpers  # its macros may use what the kernel has inside only (BIT, SZ_4K)
        self.recorded = None  # header -> {"64": facts, "32": facts}, of a dump

    def has(self, header):
        if self.recorded is not None:
            return header in self.recorded
        return os.path.isfile(os.path.join(self.root, header))

    def path(self, header):
        return os.path.join(self.root, header)

    def unknown_drivers(self):
        """Names of headers that look like those of a driver we don't have."""
        if self.recorded is not None:
            return []
        found = glob.glob(os.path.join(self.root, NEW_DRIVERS))
        return sorted(set(os.path.relpath(f, self.root) for f in found) - set(DRIVERS))


def ours(directory, system="/usr/include"):
    """The headers of this repository, over the system's <linux/types.h> and libdrm's drm.h."""
    directory = os.path.abspath(directory)
    include = [directory, os.path.join(directory, "drm")]
    for extra in os.environ.get("LIBDRM_INCLUDE", "").split(os.pathsep) + [system]:
        if extra:
            include.append(extra)
    return Source("kernel-headers", directory, include + _asm(system), helpers=False)


def _asm(directory):
    """Where <asm/types.h> of an x86 machine is, or of whatever there is."""
    for triplet in ("x86_64-linux-gnu", "i386-linux-gnu"):
        path = os.path.join(directory, triplet)
        if os.path.isfile(os.path.join(path, "asm", "types.h")):
            return [path]
    if os.path.isfile(os.path.join(directory, "asm", "types.h")):
        return []
    found = sorted(glob.glob(os.path.join(directory, "*-linux-gnu*", "asm", "types.h")))
    return [os.path.dirname(os.path.dirname(f)) for f in found[:1]]


def find(path, scratch):
    """What path is, as a Source. Files are unpacked below the directory scratch."""
    if os.path.isfile(path):
        if os.path.getsize(path) == 0:
            raise CannotCompare(f"{path} is empty")
        with open(path, "rb") as f:
            magic = f.read(8)
        if magic.startswith(b"!<arch>"):
            return _package(path, scratch)
        if magic.lstrip()[:1] == b"{":
            return _dump(path)
        raise CannotCompare(f"{path} is neither a Debian package nor a dump of this tool")
    if not os.path.isdir(path):
        raise CannotCompare(f"{path}: no such file or directory")
    source = _directory(path, scratch)
    if source is None:
        raise CannotCompare(f"{path} has none of the headers ({DRIVERS[0]} and others)")
    return source


def _directory(path, scratch):
    if os.path.isdir(os.path.join(path, "include", "uapi", "asm-generic")):
        return _tree(path, scratch)
    roots = [path, os.path.join(path, "usr", "include"), os.path.join(path, "include")]
    if os.path.basename(os.path.abspath(path)) == "drm":
        roots.append(os.path.dirname(os.path.abspath(path)))
    for root in roots:
        if any(os.path.isfile(os.path.join(root, header)) for header in DRIVERS):
            root = os.path.abspath(root)
            kernel = _version_of_include(root)
            return Source(path, root, [root] + _asm(root), kernel=kernel)
    return None


def _tree(path, scratch):
    """A kernel tree as it was unpacked: what "make headers" would write is supplied here."""
    path = os.path.abspath(path)
    uapi = os.path.join(path, "include", "uapi")
    if not any(os.path.isfile(os.path.join(uapi, header)) for header in DRIVERS):
        return None
    arch = os.path.join(path, "arch", "x86", "include", "uapi")
    made = tempfile.mkdtemp(prefix="tree-", dir=scratch)
    os.makedirs(os.path.join(made, "asm"))
    os.makedirs(os.path.join(made, "linux"))
    for header in glob.glob(os.path.join(uapi, "asm-generic", "*.h")):
        name = os.path.basename(header)
        if not os.path.exists(os.path.join(arch, "asm", name)):
            with open(os.path.join(made, "asm", name), "w") as f:
                f.write(f"#include <asm-generic/{name}>\n")
    for name in ("compiler.h", "compiler_types.h"):
        open(os.path.join(made, "linux", name), "w").close()
    marks = ["__user", "__force", "__iomem", "__attribute_const__"]
    defines = [f"-D{mark}=" for mark in marks]
    return Source(path, uapi, [uapi, arch, made], defines, _version_of_tree(path))


def _version_of_tree(path):
    try:
        with open(os.path.join(path, "Makefile")) as f:
            text = f.read()
    except OSError:
        return None
    parts = []
    for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL"):
        m = re.search(rf"^{key}\s*=\s*(\d+)\s*$", text, re.M)
        if not m:
            return None
        parts.append(m.group(1))
    return ".".join(parts)


def _version_of_include(root):
    try:
        with open(os.path.join(root, "linux", "version.h")) as f:
            m = re.search(r"LINUX_VERSION_CODE\s+(\d+)", f.read())
    except OSError:
        return None
    if not m:
        return None
    code = int(m.group(1))
    return f"{code >> 16}.{(code >> 8) & 255}.{code & 255}"


def _package(path, scratch):
    made = tempfile.mkdtemp(prefix="package-", dir=scratch)
    try:
        run = subprocess.run(
            ["dpkg-deb", "-x", os.path.abspath(path), made],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise CannotCompare(f"{path}: dpkg-deb is needed to unpack it") from None
    if run.returncode:
        why = (run.stderr.strip().splitlines() or ["dpkg-deb failed"])[0]
        raise CannotCompare(f"{path} can't be unpacked, is it whole? ({why})")
    source = _directory(made, scratch)
    if source is None:
        raise CannotCompare(f"{path} holds none of the headers ({DRIVERS[0]} and others)")
    source.name = path
    return source


def _dump(path):
    try:
        with open(path) as f:
            dump = json.load(f)
        headers = dump["headers"]
        source = Source(path, None, [], kernel=dump["kernel"])
        source.recorded = {name: _widen(facts) for name, facts in headers.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise CannotCompare(f"{path} is no dump of this tool, or a damaged one ({e})") from None
    if not source.recorded:
        raise CannotCompare(f"{path} records no header")
    return source


# A dump keeps the facts of 64-bit programs, and beside each what differs in 32-bit ones.


def _widen(facts):
    wide = {"64": {}, "32": {}}
    for section in ("types", "macros", "ioctls"):
        for bits in wide:
            wide[bits][section] = {}
        for name, fact in facts[section].items():
            fact = dict(fact)
            other = fact.pop("32", {})
            wide["64"][section][name] = fact
            wide["32"][section][name] = {**fact, **other}
    return wide


def fold(wide):
    facts = {}
    for section in ("types", "macros", "ioctls"):
        facts[section] = {}
        if list(wide["64"][section]) != list(wide["32"][section]):
            raise CannotCompare("a name is declared for one width only: a dump can't hold that")
        for name, fact in wide["64"][section].items():
            other = wide["32"][section][name]
            differs = {key: value for key, value in other.items() if value != fact[key]}
            facts[section][name] = {**fact, **({"32": differs} if differs else {})}
    return facts
