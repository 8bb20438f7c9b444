# SPDX-License-Identifier: MIT
"""What accel-bench counts of a list of devices is the same on any machine: these targets are
tests."""
import json
import os
import subprocess
import unittest

PROGRAM = os.environ["ACCEL_BENCH"]


class List(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run = subprocess.run([PROGRAM, "list", "--json"], capture_output=True, text=True)
        if run.returncode == 2:
            raise unittest.SkipTest(run.stderr)
        cls.figures = {f["name"]: f for f in json.loads(run.stdout)}
        counts = cls.figures.get("calls per device")
        if counts and "traced" in counts["absent"]:
            raise unittest.SkipTest(counts["absent"])

    def check(self, name):
        figure = self.figures[name]
        self.assertTrue(figure["met"], figure)
        return figure["value"]

    def test_calls(self):
        for devices in (1, 16, 256):
            calls = self.check(f"calls per device/devices={devices}")
            # Its directory, its uevent, its node: fewer, and nothing was counted.
            self.assertGreaterEqual(calls, 4)
            self.assertLessEqual(calls, 12)

    def test_no_node_is_opened(self):
        self.assertEqual(self.check("device nodes opened"), 0)

    def test_allocations(self):
        for devices in (1, 16, 256):
            self.assertGreaterEqual(
                self.check(f"allocations per device/devices={devices}"), 1)

    def test_all_are_told(self):
        for name in ("time per device", "opening a file each"):
            for devices in (1, 16, 256):
                self.assertGreater(self.figures[f"{name}/devices={devices}"]["value"], 0)
        self.assertIn("time per device, 256 against 16", self.figures)
        self.assertIn("list against opening each", self.figures)


if __name__ == "__main__":
    unittest.main()
