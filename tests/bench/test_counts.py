# SPDX-License-Identifier: MIT
"""What accel-bench counts is the same on any machine, so that it can be a test.

Calls and allocations are as they are promised. Instructions vary a little with the compiler and the
C library: they are no more than a seventh above what they were when this was written.
"""
import json
import os
import shutil
import subprocess
import sys

WHAT = ("submit of a job", "submit of a further job", "wait and end of a job")
# Of libaccel's path, and of the loop by hand.
INSTRUCTIONS = {
    "empty": ((181, 45, 483), (0, 0, 0)),
    "rocket": ((274, 94, 713), (85, 64, 198)),
    "rocket-unverified": ((253, 73, 592), (51, 30, 35)),
    "ethosu": ((297, 97, 713), (90, 64, 200)),
    "ethosu-unverified": ((253, 67, 587), (56, 30, 37)),
    "ivpu": ((238, 78, 576), (40, 30, 64)),
    "qaic": ((287, 107, 834), (40, 29, 94)),
}

if not shutil.which("valgrind"):
    print("skipped: valgrind, which counts instructions, is not installed")
    sys.exit(77)
run = subprocess.run([os.environ["ACCEL_BENCH"], "counts", "--json"], capture_output=True, text=True)
if run.returncode not in (0, 1):
    sys.exit(run.stderr)
figures = json.loads(run.stdout)
values = {f["name"]: f.get("value") for f in figures}
bad = [f for f in figures if "absent" in f]
bad += [f for f in figures if f.get("met") is False and f["unit"] != "instr"]
for subject, (counts, by_hand) in INSTRUCTIONS.items():
    if values.get(f"{subject}/contended locks") != 0:
        bad.append(f"{subject}: contended locks are not counted, or there are some")
    for what, most, most_raw in zip(WHAT, counts, by_hand):
        name = f"{subject}/{what}"
        value, raw = values.get(name), values.get(f"{name}, by hand", 0)
        if value is None or value > most * 8 / 7:
            bad.append(f"{name}: {value}, was {most}")
            continue
        # A loop that makes too much of its work would make libaccel's look small.
        if raw > most_raw * 8 / 7 or (raw > 10) != (subject != "empty"):
            bad.append(f"{name}, by hand: {raw}")
        if what != WHAT[2] and values.get(f"{name}, added") != value - raw:
            bad.append(f"{name}: what is added is not the difference")
for figure in bad:
    print(figure)
print(f"{len(figures)} figures, {len(bad)} bad")
sys.exit(bool(bad) or len(figures) < 100)
