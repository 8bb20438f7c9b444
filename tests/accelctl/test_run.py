#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run and trace on the software device."""
import json
import os
import re

from common import OK, TOOL, WRONG, Case, Nodes, Tree, main, run


# Without oneDNN the software device does no arithmetic.
ARITHMETIC = ["matmul"] if os.environ.get("LIBACCEL_SOFT_COMPUTES", "1") != "0" else []


class Run(Case):
    def test_kinds(self):
        for kind, options, checked in (("fill", ["--bytes", "1"], 1), ("copy", ["--bytes", "7"], 7),
                                       ("fill", ["--bytes", "65537"], 65537),
                                       ("copy", ["--bytes", "3M"], 3 << 20),
                                       ("matmul", ["--size", "1"], 4),
                                       ("matmul", ["--size", "77"], 77 * 77 * 4),
                                       ("matmul", ["--size", "300"], 300 * 300 * 4)):
            if kind == "matmul" and not ARITHMETIC:
                continue
            value = self.check_json("run", "run", "--json", *options, "--count", "3", kind,
                                    "soft:0")
            self.assertEqual((value["job"], value["jobs"], value["bytes_checked"],
                              value["bytes_wrong"], value["outcome"]),
                             (kind, 3, 3 * checked, 0, "done"))

    def test_wrong_bytes(self):
        """A faulty device: each wrong byte is counted, by run and by doctor."""
        spoil = os.environ.get("ACCELCTL_SPOIL", "")
        if not os.path.exists(spoil):
            self.skipTest("a sanitizer allows no preload library")
        env = {"LD_PRELOAD": spoil}
        for kind in ["fill", "copy"] + ARITHMETIC:
            done = run("run", "--json", "--count", "3", kind, "soft:0", env=env)
            self.assertEqual(done.returncode, WRONG, done.stderr)
            self.assertRegex(done.stderr, r"\Aaccelctl run: 6 of \d+ bytes are wrong: .*dmesg.*\n"
                                          r"\Z")
            self.assertEqual(json.loads(done.stdout)["bytes_wrong"], 6)
        value = self.check_json("doctor", "doctor", "--json", "soft:0", status=4, env=env)
        self.assertEqual(value["first"], "wrong-bytes")

    def test_default(self):
        text = self.check(OK, "run", env={"LIBACCEL_SYSFS": "/nowhere"}).stdout
        self.assertRegex(text, r"(?m)^device: soft:0 \(driver soft\)$")
        self.assertRegex(text, r"(?m)^check: 0 of 10485760 bytes are wrong$")
        self.check(3, "run", env={"LIBACCEL_SYSFS": "/nowhere", "LIBACCEL_SOFTWARE": "0"})

    def test_not_an_accelerator(self):
        """A node that no driver is behind."""
        tree = Tree(self.directory)
        tree.accel(0, "0000:c5:00.1", "ethosu", devname=Nodes(self).add(0))
        done = run("run", "copy", "accel0", env=tree.env)
        # /dev/shm may forbid it, or nobody be there.
        self.assertIn(done.returncode, (4, 5))
        self.assertIn("opening the device", done.stderr)

    def test_no_provider(self):
        self.check(4, "run", "copy", "soft:0",
                   env={"LIBACCEL_PROVIDER_DIR": str(self.directory)})


class Trace(Case):
    def traced(self, *options, command=(TOOL, "run", "--bytes", "4096"), status=OK):
        return self.check(status, "trace", *options, "--", *command)

    def test_lines(self):
        done = self.traced()
        self.assertRegex(done.stdout, "bytes are wrong")
        self.assertRegex(done.stderr, r"(?m)^ +\d+\.\d{6} \d+ dlopen\(\".*soft\.so\"\) = 0 <")
        self.assertRegex(done.stderr, r"(?m)^CALL +COUNT +ERRORS +TOTAL +MEAN +MAX$")
        self.assertRegex(done.stderr, r"(?m)^dlopen +1 +0 ")
        times = [float(t) for t in re.findall(r"(?m)^ +(\d+\.\d{6}) ", done.stderr)]
        self.assertEqual(times, sorted(times))

    def test_summary(self):
        self.assertNotRegex(self.traced("--summary").stderr, r"(?m)^ +\d+\.\d{6} ")

    def test_json(self):
        path = self.directory / "out"
        self.traced("--json", "--output", str(path))
        value = json.loads(path.read_text())
        self.validate("trace", value)
        self.assertEqual(sum(c["count"] for c in value["summary"]), len(value["calls"]))
        self.assertEqual(value["exit_status"], 0)
        names = {call["name"] for call in value["calls"]}
        self.assertLessEqual({"dlopen", "mmap", "memfd_create"}, names | {"memfd_create"})

    def test_statuses(self):
        for command, status in (("exit 3", 3), ("kill -9 $$", 137)):
            done = run("trace", "--", "sh", "-c", command)
            self.assertEqual(done.returncode, status)
            self.assertIn("no call was made through libaccel", done.stderr)
        self.assertEqual(run("trace", "--", "/nowhere").returncode, 127)
        self.assertEqual(run("trace", "--", str(self.directory)).returncode, 126)
        self.assertEqual(run("trace").returncode, 125)
        self.assertEqual(run("trace", "--output", "/nowhere/x", "--", "true").returncode, 125)
        self.assertEqual(run("trace", "--", "true",
                             env={"TMPDIR": "/nowhere"}).returncode, 125)

    def test_leaves_nothing(self):
        self.check(OK, "trace", "--summary", "--", TOOL, "list",
                   env={"TMPDIR": str(self.directory)})
        self.assertEqual(list(self.directory.iterdir()), [])


if __name__ == "__main__":
    main()
