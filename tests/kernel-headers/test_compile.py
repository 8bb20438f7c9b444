#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Our headers in the hands of their users: alone, together, in C and C++, for both widths.
import itertools
import json
import os
import shutil
import subprocess
import unittest

from common import HERE, NAMES, asm, dump

WARN = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
INCLUDE = ["-I", HERE, "-I", os.path.join(HERE, "drm"), "-I", "/usr/include/libdrm"]
# No C library of the other width is needed: these headers include none.
OTHER_WIDTH = ["-m32", "-ffreestanding", "-isystem", asm()]


def languages():
    found = []
    for cc, args in (("gcc", ["-std=c11"]), ("clang", ["-std=c11"]),
                     ("g++", ["-std=c++17", "-xc++"]), ("clang++", ["-std=c++17", "-xc++"])):
        if shutil.which(cc):
            found.append([cc, *args])
    return found


class Compile(unittest.TestCase):
    def compile(self, command, lines, include=INCLUDE):
        source = "\n".join(lines) + "\nextern int x;\n"
        kind = [] if "-xc++" in command else ["-xc"]
        return subprocess.run(
            command + kind + WARN + include + ["-c", "-o", "/dev/null", "-"],
            input=source, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def clean(self, command, lines):
        done = self.compile(command, lines)
        self.assertEqual((done.returncode, done.stdout), (0, ""), f"{command} {lines}")

    def test_there_is_a_c_and_a_cxx_compiler(self):
        self.assertEqual({"-std=c11", "-std=c++17"}, {c[1] for c in languages()})

    def test_each_alone(self):
        for command, name, width in itertools.product(languages(), NAMES, ([], OTHER_WIDTH)):
            with self.subTest(command=command, name=name, width=width):
                self.clean(command + width, [f"#include <{name}>"])

    def test_all_together(self):
        for command in languages():
            for names in (NAMES, NAMES[::-1]):
                self.clean(command, [f"#include <{name}>" for name in names])
                self.clean(command, [f"#include <{name}>" for name in names + names])

    def test_with_libdrm(self):
        """libdrm's own headers include <drm.h>: it must be ours in any order."""
        use = ["#include <stdint.h>",
               "int f(void); int f(void) { struct drm_syncobj_handle h; h.point = 0;",
               "struct drm_syncobj_timeline_wait w; w.deadline_nsec = 0; (void)w;",
               "return (int)h.point + (int)DRM_IOCTL_SYNCOBJ_EVENTFD; }"]
        for command in languages():
            for order in (["<xf86drm.h>", "<drm/drm.h>"], ["<drm/rocket_accel.h>", "<xf86drm.h>"],
                          ["<drm.h>", "<xf86drm.h>", "<drm/habanalabs_accel.h>"]):
                # libdrm's headers are not all that clean: only errors count for them
                include = [a if a != "-I" or i < 4 else "-isystem" for i, a in enumerate(INCLUDE)]
                done = self.compile(command, [f"#include {n}" for n in order] + use, include)
                self.assertEqual(done.returncode, 0, f"{command} {order}: {done.stdout}")

    def test_an_older_drm_h_is_refused(self):
        lines = ["#define _DRM_H_", "#include <drm/drm.h>"]
        for command in languages():
            done = self.compile(command, lines)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("put this directory before libdrm's", done.stdout)

    def test_32_bit_layout(self):
        """The kernel's own structs end differently in these; in no others."""
        with open(dump()) as f:
            headers = json.load(f)["headers"]
        differ = {n for h in headers.values() for n, t in h["types"].items() if "size" in t.get("32", {})}
        self.assertEqual(differ, {"struct drm_ivpu_submit", "struct drm_ivpu_metric_streamer_start",
                                  "struct drm_version"})
        moved = {n for h in headers.values() for n, t in h["types"].items() if "members" in t.get("32", {})}
        self.assertEqual(moved, {"struct drm_version"})


if __name__ == "__main__":
    unittest.main()
