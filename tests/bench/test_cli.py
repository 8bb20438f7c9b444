# SPDX-License-Identifier: MIT
"""accel-bench says no to what it can't measure, and its JSON is as it is promised."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["ACCEL_BENCH"]


def bench(*arguments, under=(), env=None):
    return subprocess.run([*under, PROGRAM, *arguments], capture_output=True, text=True,
                          env={**os.environ, **(env or {})})


class Case(unittest.TestCase):
    def refused(self, *arguments, **how):
        run = bench(*arguments, **how)
        self.assertEqual(run.returncode, 2, run)
        self.assertEqual(run.stdout, "")
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        return run.stderr


class Cli(Case):
    def test_unknown_group(self):
        self.assertIn("nothing", self.refused("load", "nothing"))

    def test_unknown_device(self):
        self.assertIn("soft:99", self.refused("soft", "--device", "soft:99"))

    def test_device_that_nobody_uses(self):
        for group in "list", "load":
            said = self.refused(group, "--device", "soft:0", "--quick")
            self.assertIn("--device soft:0", said)
        self.refused("load", "list", "--device", "soft:0", "--quick")

    def test_device_that_one_group_uses(self):
        """What needs none is measured beside one that does."""
        run = bench("load", "rig", "--device", "soft:0", "--json")
        self.assertEqual({f["group"] for f in json.loads(run.stdout)}, {"load"}, run.stderr)
        self.assertIn("rig: ", run.stderr)

    def test_named_twice(self):
        once, twice = (json.loads(bench(*groups, "--json").stdout)
                       for groups in (["load"], ["load", "load"]))
        self.assertTrue(once)
        self.assertEqual([f["name"] for f in once], [f["name"] for f in twice])

    def test_unknown_option(self):
        self.refused("load", "--fast")

    def test_json_of_nothing(self):
        """An array all the same; and what was measured before a group was refused is in it."""
        run = bench("rig", "--json")
        self.assertEqual((run.returncode, json.loads(run.stdout)), (2, []))
        run = bench("load", "rig", "--json")
        self.assertEqual(run.returncode, 2)
        self.assertEqual({f["group"] for f in json.loads(run.stdout)}, {"load"})
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            run = subprocess.run([PROGRAM, "load"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual((run.returncode, len(run.stderr.splitlines())), (2, 1), run)

    def test_counts_of_another_device(self):
        """The software device has no driver of which anything is promised."""
        if not os.path.exists(PROGRAM + "-counts"):
            self.skipTest("counts is not here")
        self.assertIn("nothing is promised", self.refused("counts", "--device", "soft:0"))

    def test_rig_elsewhere(self):
        """Its jobs are for models: they go to no device of a machine."""
        self.assertIn("guest", self.refused("rig"))
        self.assertIn("guest", self.refused("rig", "--device", "soft:0", "--quick"))

    def test_no_group(self):
        run = bench()
        self.assertEqual(run.returncode, 2)
        self.assertIn("load", run.stderr)

    def test_json(self):
        run = bench("load", "--json")
        self.assertIn(run.returncode, (0, 1), run.stderr)
        figures = json.loads(run.stdout)
        self.assertGreater(len(figures), 0)
        for figure in figures:
            self.assertEqual(figure["group"], "load")
            if "absent" in figure:
                self.assertEqual(set(figure), {"group", "name", "absent"})
                self.assertTrue(figure["absent"])
            else:
                self.assertEqual(set(figure), {"group", "name", "value", "unit", "target", "met"})
        self.assertEqual(run.returncode, int(any(f.get("met") is False for f in figures)))

    def test_load(self):
        """What is read in a file does not depend on the machine: these targets are tests."""
        if os.environ.get("ACCEL_BENCH_SANITIZER"):
            self.skipTest("a sanitizer is a library more")
        run = bench("load")
        if "providers mapped" not in run.stdout:
            self.skipTest(run.stderr)
        self.assertNotIn("absent:", run.stdout)
        for name in ("lookups of own names", "other libraries", "providers mapped by listing"):
            line = next(l for l in run.stdout.splitlines() if name in l)
            self.assertTrue(line.endswith(": met"), line)


class Soft(Case):
    """How fast it is depends on the machine; that it wants its device and a CPU does not."""

    def test_no_software_device(self):
        self.assertIn("soft:0", self.refused("soft", env={"LIBACCEL_SOFTWARE": "0"}))

    def test_another_device(self):
        with tempfile.TemporaryDirectory() as top:
            device = pathlib.Path(top, "devices/pci0000:00/0000:00:05.0")
            node = device / "accel/accel0"
            node.mkdir(parents=True)
            (device / "uevent").write_text("DRIVER=ethosu\n")
            (node / "uevent").write_text("MAJOR=261\nMINOR=0\nDEVNAME=accel/accel0\n")
            (node / "device").symlink_to("../../../0000:00:05.0")
            pathlib.Path(top, "class/accel").mkdir(parents=True)
            pathlib.Path(top, "class/accel/accel0").symlink_to(
                "../../devices/pci0000:00/0000:00:05.0/accel/accel0")
            said = self.refused("soft", "--device", "accel0", env={"LIBACCEL_SYSFS": top})
        self.assertIn("accel0 is not the software device", said)

    def test_cannot_be_pinned(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not here")
        strace = ("strace", "-qq", "-o", "/dev/null", "-e", "trace=sched_setaffinity",
                  "-e", "inject=sched_setaffinity:error=EPERM")
        if subprocess.run([*strace, "true"], capture_output=True).returncode:
            self.skipTest("strace can't trace here")
        # Nobody looks for leaks under a tracer.
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        said = self.refused("soft", under=strace, env={"ASAN_OPTIONS": options})
        self.assertIn("can't be pinned", said)


if __name__ == "__main__":
    unittest.main()
