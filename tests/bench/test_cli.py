# SPDX-License-Identifier: MIT
"""accel-bench says no to what it can't measure, and its JSON is as it is promised."""
import json
import os
import subprocess
import unittest

PROGRAM = os.environ["ACCEL_BENCH"]


def bench(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)


class Cli(unittest.TestCase):
    def refused(self, *arguments):
        run = bench(*arguments)
        self.assertEqual(run.returncode, 2, run)
        self.assertEqual(run.stdout, "")
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        return run.stderr

    def test_unknown_group(self):
        self.assertIn("nothing", self.refused("load", "nothing"))

    def test_unknown_device(self):
        self.assertIn("soft:99", self.refused("load", "--device", "soft:99"))

    def test_unknown_option(self):
        self.refused("load", "--fast")

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
        run = bench("load")
        if "providers mapped" not in run.stdout:
            self.skipTest(run.stderr)
        self.assertNotIn("absent:", run.stdout)
        for name in ("lookups of own names", "other libraries", "providers mapped by listing"):
            line = next(l for l in run.stdout.splitlines() if name in l)
            self.assertTrue(line.endswith(": met"), line)


if __name__ == "__main__":
    unittest.main()
