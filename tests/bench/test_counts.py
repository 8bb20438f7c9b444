# SPDX-License-Identifier: MIT
"""What accel-bench counts is the same on any machine, so that its targets are tests."""
import json
import os
import shutil
import subprocess
import sys

if not shutil.which("valgrind"):
    print("skipped: valgrind, which counts instructions, is not installed")
    sys.exit(77)
run = subprocess.run([os.environ["ACCEL_BENCH"], "counts", "--json"], capture_output=True, text=True)
if run.returncode not in (0, 1):
    sys.exit(run.stderr)
figures = json.loads(run.stdout)
bad = [f for f in figures if "absent" in f or f["met"] is False]
for figure in bad:
    print(figure)
print(f"{len(figures)} figures, {len(bad)} absent or missed")
sys.exit(bool(bad) or len(figures) < 100)
