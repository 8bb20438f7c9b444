#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""accel-bench rig, in a guest with all devices: each figure is there. How large it is no test
says."""
import json
import os
import subprocess
import unittest

PROGRAM = os.environ["ACCEL_BENCH"]
DEVICES = {
    "accel0 ethosu": ("outcome", "unverified"),
    "accel1 ethosu": ("outcome", "unverified"),
    "accel2 rocket": ("outcome", "unverified"),
    "accel3 qaic": ("unverified",),
    "accel4 intel_vpu": ("outcome",),
}
KINDS = ("ratio", "raw", "libaccel")


def bench(*arguments):
    return subprocess.run([PROGRAM, "rig", "--quick", *arguments], capture_output=True, text=True)


def names(devices):
    return {f"{device}/{way}/{kind}/batch={batch}" for device in devices
            for way in DEVICES[device] for kind in KINDS for batch in (1, 16)}


class Rig(unittest.TestCase):
    def figures(self, devices, *arguments):
        run = bench("--json", *arguments)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        self.assertEqual(run.stderr, "")
        figures = json.loads(run.stdout)
        self.assertEqual([f for f in figures if "absent" in f], [])
        self.assertEqual(len(figures), len({f["name"] for f in figures}))
        self.assertEqual({f["name"] for f in figures}, names(devices))
        for figure in figures:
            with self.subTest(figure["name"]):
                self.assertEqual(figure["group"], "rig")
                self.assertGreater(figure["value"], 0)
                self.assertEqual(figure["target"], 1.05 if "/ratio/" in figure["name"] else None)

    def test_all(self):
        self.figures(DEVICES)

    def test_one(self):
        self.figures(["accel2 rocket"], "--device", "accel2")

    def test_software(self):
        run = bench("--device", "soft:0")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertEqual(run.stderr, "accel-bench: rig: soft:0 has none of the rig's drivers\n")


if __name__ == "__main__":
    unittest.main()
