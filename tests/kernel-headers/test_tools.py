#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The programs around check: update, words, assertions, ci.
import json
import os
import re
import shutil
import subprocess
import unittest

from common import Case, HERE, dump, run, version

ROCKET = "drm/rocket_accel.h"


class Update(Case):
    def setUp(self):
        super().setUp()
        self.ours = self.path("kernel-headers")
        shutil.copytree(HERE, self.ours, ignore=shutil.ignore_patterns("__pycache__"))

    def recorded(self):
        with open(os.path.join(self.ours, "VERSION")) as f:
            return f.read(), sorted(os.listdir(os.path.join(self.ours, "abi")))

    def test_equal_is_recorded(self):
        kernel = self.kernel("linux-99.1", "99.1.2")
        self.expect(0, "recorded Linux 99.1.2", "update", kernel, where=self.ours)
        self.assertEqual(self.recorded(), ("99.1.2 linux-99.1\n", ["99.1.json", "changes.json"]))
        self.expect(0, "equal", "check", os.path.join(self.ours, "abi", "99.1.json"), where=self.ours)
        # the same headers are recorded the same
        with open(dump()) as a, open(os.path.join(self.ours, "abi", "99.1.json")) as b:
            self.assertEqual(json.load(a)["headers"], json.load(b)["headers"])

    def test_what_is_new(self):
        kernel = self.kernel(release="99.1")
        self.edit(kernel, ROCKET, "\n#endif\n", "#define DRM_ROCKET_MORE 0x12\nstruct drm_rocket_more {"
                  "__u32 a[3]; union { __u64 b; struct { __u8 c; } d; }; };\n#define DRM_IOCTL_ROCKET_MORE "
                  "DRM_IOW(DRM_COMMAND_BASE + 4, struct drm_rocket_more)\n#endif\n")
        before = self.recorded()
        out = self.expect(1, "== drm/rocket_accel.h", "update", kernel, where=self.ours)
        for line in ("#define DRM_ROCKET_MORE 0x12", "struct drm_rocket_more {", "\t__u32 a[3]; /* at 0 */",
                     "\t\t__u64 b; /* at 0 */", "\t\t} d;",
                     "#define DRM_IOCTL_ROCKET_MORE DRM_IOW(DRM_COMMAND_BASE + 0x4, struct drm_rocket_more)"):
            self.assertIn(line, out)
        self.assertEqual(self.recorded(), before)

    def test_a_new_driver(self):
        kernel = self.kernel(release="99.1")
        drm = os.path.join(kernel, "usr", "include", "drm")
        shutil.copy(os.path.join(drm, "rocket_accel.h"), os.path.join(drm, "tapir_accel.h"))
        out = self.expect(1, "== drm/tapir_accel.h", "update", kernel, where=self.ours)
        self.assertIn("struct drm_rocket_submit {", out)

    def test_older_is_refused(self):
        before = self.recorded()
        self.expect(2, "older than", "update", self.kernel(release="6.12"), where=self.ours)
        self.expect(2, "of which kernel", "update", self.kernel("nameless"), where=self.ours)
        self.expect(2, "no such file", "update", self.path("nothing"), where=self.ours)
        self.assertEqual(self.recorded(), before)


class Words(Case):
    def test_a_shared_sentence_is_found(self):
        kernel = self.kernel()
        for header in ("drm", "linux"):
            folder = os.path.join(kernel, "usr", "include", header)
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    with open(path) as f:
                        text = f.read()
                    with open(path, "w") as f:
                        f.write(re.sub(r"/\*.*?\*/", "/* something */", text, flags=re.S))
        self.expect(0, r": 0 runs of 5 words shared; compared [1-9]\d+ words", "words", kernel)
        self.edit(kernel, ROCKET, "\n#endif\n",
                  "/* whatever:  Sleeps until\n * WRITING jobs have ended, or so */\n#endif\n")
        out = self.expect(1, "[1-9] runs of 5 words shared", "words", kernel)
        self.assertRegex(out, r'rocket_accel.h:\d+: "sleeps until writing jobs have" is also said in')

    def test_a_copy_is_found(self):
        self.expect(1, "runs of 5 words shared", "words", self.kernel())

    def test_nothing_to_compare(self):
        self.expect(2, "a dump, which has no comments", "words", dump())
        self.expect(2, "no such file", "words", self.path("nothing"))


class Assertions(Case):
    def build(self, ours, args=()):
        return subprocess.run(
            ["gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", ours,
             "-I", os.path.join(ours, "drm"), *args, "-c", "-o", "/dev/null", self.path("a.c")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_a_changed_layout_stops_the_build(self):
        self.assertEqual(run("assertions", dump(), self.path("a.c")), (0, ""))
        with open(self.path("a.c")) as f:
            self.assertGreater(f.read().count("_Static_assert"), 4000)
        ours = self.copy()
        done = self.build(ours)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.edit(ours, ROCKET, "\t__u32 regcmd;", "\t__u64 regcmd;")
        done = self.build(ours)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"size of struct drm_rocket_task is not that of Linux {version()}", done.stdout)

    def test_32_bit(self):
        from common import asm

        run("assertions", dump(), self.path("a.c"))
        ours = self.copy()
        args = ["-m32", "-ffreestanding", "-isystem", asm()]
        done = self.build(ours, args)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.edit(ours, "drm/ivpu_accel.h", "\t__u32 commands_offset; /* in: bytes into", "\t__u16 commands_offset; /* ")
        self.assertNotEqual(self.build(ours, args).returncode, 0)


class Ci(Case):
    def stub(self, name, text):
        os.makedirs(self.path("bin"), exist_ok=True)
        with open(self.path("bin", name), "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(self.path("bin", name), 0o755)

    def env(self):
        return {"XDG_CACHE_HOME": self.path("cache"), "PATH": self.path("bin") + ":/usr/bin:/bin"}

    def test_no_network(self):
        self.stub("apt-get", 'case "$*" in *indextargets*) echo "Debian|main|bookworm|http://mirror/debian";;'
                  '*update*) echo "E: Failed to fetch it, no route to host"; exit 100;; *) exit 1;; esac\n')
        out = self.expect(0, "no kernel package: E: Failed to fetch it", "ci", env=self.env())
        self.assertIn("recorded facts", out)
        self.assertIn(f"(Linux {version()}): equal; compared", out)

    def test_no_mirror(self):
        self.stub("apt-get", "exit 0\n")
        self.expect(0, "apt sources name no archive", "ci", env=self.env())

    def test_packages(self):
        """The newest of two suites and trixie's, whatever else the machine's sources name."""
        kernel = self.kernel(release=version())
        os.makedirs(os.path.join(kernel, "DEBIAN"))
        with open(os.path.join(kernel, "DEBIAN", "control"), "w") as f:
            f.write("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n")
        subprocess.run(["dpkg-deb", "-b", kernel, self.path("k.deb")], check=True, stdout=subprocess.DEVNULL)
        self.stub("apt-get", f"""
case "$*" in
*indextargets*)
	echo 'x|main|nodistro|http://other/repo'
	echo 'Debian-Security|main|bookworm-security|http://mirror/debian-security'
	echo 'Debian|main|bookworm|http://mirror/debian' ;;
*update*) grep -q 'URIs: http://mirror/debian$' $XDG_CACHE_HOME/libaccel/kernel-headers/debian.sources ;;
*download*)
	for a; do case $a in *=*) cp {self.path("k.deb")} "${{a%%=*}}_${{a#*=}}_all.deb"; esac; done
	echo "$*" >{self.path("asked")} ;;
esac
""")
        self.stub("apt-cache", """
echo ' linux-libc-dev | 7.3.4-1~bpo13+1 | http://mirror/debian trixie-backports/main amd64 Packages'
echo ' linux-libc-dev | 7.3.10-1 | http://mirror/debian sid/main amd64 Packages'
echo ' linux-libc-dev | 6.12.9-1 | http://mirror/debian trixie/main amd64 Packages'
echo ' linux-libc-dev | 6.12.107-1 | http://mirror/debian trixie/main amd64 Packages'
echo ' linux-libc-dev | 9.9-1 | http://mirror/debian experimental/main amd64 Packages'
""")
        # What the package holds is our own headers, so that words has to object.
        out = self.expect(1, "sid: 7.3.10-1; of trixie: 6.12.107-1", "ci", env=self.env())
        self.assertEqual(out.count(f"(Linux {version()}): equal"), 2)
        with open(self.path("asked")) as f:
            self.assertIn("linux-libc-dev=7.3.10-1 linux-libc-dev=6.12.107-1", f.read())


if __name__ == "__main__":
    unittest.main()
