# SPDX-License-Identifier: MIT
"""Group soft from end to end, on one CPU: each figure is there, or says why not."""
import json
import os
import subprocess
import unittest

PROGRAM = os.environ["ACCEL_BENCH"]
TWO_CPUS = "two CPUs", "threads=2"


class Soft(unittest.TestCase):
    def test_on_one_cpu(self):
        cpu = min(os.sched_getaffinity(0))
        run = subprocess.run([PROGRAM, "soft", "--json"], capture_output=True, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self.assertIn(run.returncode, (0, 1), run.stderr)
        self.assertEqual(run.stderr, "")
        figures = {figure["name"]: figure for figure in json.loads(run.stdout)}
        for name, figure in figures.items():
            if any(words in name for words in TWO_CPUS):
                self.assertEqual(figure.get("absent"), "there is one CPU", name)
            elif "absent" in figure:
                self.assertRegex(name, "PoCL|product|chain", figure)
            else:
                self.assertGreater(figure["value"], 0, name)
        for name in ("submit and wait", "stream/batch=1", "stream/batch=64", "stream/queues=8",
                     "job of 20 us, epoll_wait", "buffer of 64 KiB, cached",
                     "chain of 1000 layers on two queues", "f32 product of 1024/threads=1"):
            self.assertIn(name, figures)


if __name__ == "__main__":
    unittest.main()
