# SPDX-License-Identifier: MIT
# A kernel's headers for tests, made from ours, so that no network is needed.
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(TOP, "kernel-headers")
sys.path.insert(0, HERE)

NAMES = [
    os.path.join(part, name)
    for part in ("drm", "linux")
    for name in sorted(os.listdir(os.path.join(HERE, part)))
]


def version():
    with open(os.path.join(HERE, "VERSION")) as f:
        return f.readline().split()[0]


def dump():
    return os.path.join(HERE, "abi", ".".join(version().split(".")[:2]) + ".json")


def asm():
    """Where the system has <asm/types.h>."""
    for triplet in sorted(os.listdir("/usr/include"), key=lambda t: "x86_64" not in t):
        path = os.path.join("/usr/include", triplet)
        if os.path.exists(os.path.join(path, "asm", "types.h")):
            return path
    raise unittest.SkipTest("no <asm/types.h>: install linux-libc-dev")


def flat_drm():
    """A drm.h as a kernel has it: libdrm's and what ours adds, in one."""
    with open("/usr/include/libdrm/drm.h") as f:
        base = f.read()
    with open(os.path.join(HERE, "drm", "drm.h")) as f:
        ours = f.read()
    grown = "drm_syncobj_(?:handle|wait|timeline_wait)"
    base = re.sub(rf"struct ({grown}) {{", r"struct \1_shorter {", base)
    ours = ours[ours.index("struct drm_syncobj_handle {") : ours.rindex("#endif")]
    ours = ours.replace("#endif\n", "", 1)
    return f"#ifndef FLAT_DRM\n#define FLAT_DRM\n{base}\n{ours}\n#endif\n"


def run(program, *args, **kw):
    """One of the programs under test: its exit status and all that it printed."""
    path = os.path.join(kw.pop("where", HERE), program)
    env = {**os.environ, **kw.pop("env", {})}
    done = subprocess.run(
        [path, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    return done.returncode, done.stdout


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = tempfile.mkdtemp(prefix="kernel-headers-test-")
        self.addCleanup(shutil.rmtree, self.tmp)

    def path(self, *parts):
        return os.path.join(self.tmp, *parts)

    def copy(self, name="ours"):
        """A copy of our headers to spoil."""
        for part in ("drm", "linux"):
            shutil.copytree(os.path.join(HERE, part), self.path(name, part))
        return self.path(name)

    def kernel(self, name="kernel", release=None):
        """A directory like an unpacked linux-libc-dev, which has our headers."""
        root = self.path(name, "usr", "include")
        shutil.copytree(os.path.join(HERE, "drm"), os.path.join(root, "drm"))
        with open(os.path.join(root, "drm", "drm.h"), "w") as f:
            f.write(flat_drm())
        os.symlink("/usr/include/libdrm/drm_mode.h", os.path.join(root, "drm", "drm_mode.h"))
        os.makedirs(os.path.join(root, "linux"))
        for header in os.listdir("/usr/include/linux"):
            if not os.path.exists(os.path.join(HERE, "linux", header)):
                link = os.path.join(root, "linux", header)
                os.symlink(os.path.join("/usr/include/linux", header), link)
        for header in os.listdir(os.path.join(HERE, "linux")):
            shutil.copy(os.path.join(HERE, "linux", header), os.path.join(root, "linux"))
        os.remove(os.path.join(root, "linux", "version.h"))
        if release:
            major, minor, patch = (int(n) for n in (release + ".0").split(".")[:3])
            with open(os.path.join(root, "linux", "version.h"), "w") as f:
                f.write(f"#define LINUX_VERSION_CODE {(major << 16) + (minor << 8) + patch}\n")
        os.symlink("/usr/include/asm-generic", os.path.join(root, "asm-generic"))
        os.symlink(asm(), os.path.join(root, "x86_64-linux-gnu"))
        return self.path(name)

    def edit(self, root, header, old, new):
        for path in (os.path.join(root, header), os.path.join(root, "usr", "include", header)):
            if os.path.exists(path):
                break
        with open(path) as f:
            text = f.read()
        # blanks are as the formatter likes them
        pattern = r"[ \t]+".join(re.escape(part) for part in re.split(r"[ \t]+", old))
        text, count = re.subn(pattern, lambda _: new, text)
        self.assertEqual(count, 1, f"{header}: {old!r}")
        with open(path, "w") as f:
            f.write(text)

    def expect(self, status, pattern, program, *args, **kw):
        code, out = run(program, *args, **kw)
        self.assertEqual(code, status, out)
        self.assertRegex(out, pattern)
        self.assertNotIn("Traceback", out)
        return out
