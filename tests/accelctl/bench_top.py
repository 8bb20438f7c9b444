#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much of a processor top takes: bench_top.py [SECONDS [PROCESSES [DEVICES]]]

On a terminal, once a second, its own CPU time alone; not a test, as it depends on the machine.
"""
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

from common import TOOL, Tree


def measure(seconds, processes, devices):
    with tempfile.TemporaryDirectory(prefix="accelctl-bench.") as directory:
        tree = Tree(directory)
        for i in range(devices):
            tree.accel(i, f"0000:{i:02x}:00.0", "intel_vpu", npu_busy_time_us="1\n",
                       npu_memory_utilization="4096\n", npu_current_frequency_mhz="1000\n",
                       npu_max_frequency_mhz="2000\n")
        crowd = [subprocess.Popen(["sleep", "100000"]) for _ in range(processes)]
        try:
            return run_top(seconds, dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8", **tree.env))
        finally:
            for process in crowd:
                process.kill()
            for process in crowd:
                process.wait()


def run_top(seconds, environment):
    child, terminal = pty.fork()
    if not child:
        os.execve(TOOL, [TOOL, "top"], environment)
    screen = 0

    def read():
        nonlocal screen
        while select.select([terminal], [], [])[0]:
            try:
                screen += len(os.read(terminal, 65536))
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(seconds)
    os.kill(child, signal.SIGTERM)
    _, _, usage = os.wait4(child, 0)
    reader.join()
    return usage.ru_utime + usage.ru_stime, screen


def main():
    given = sys.argv[1:]
    seconds, processes, devices = map(int, [*given, *("60", "2000", "16")[len(given):]])
    used, screen = measure(seconds, processes, devices)
    print(f"{devices} devices, {processes} processes, {seconds} s at 1 Hz: {used:.2f} s of CPU, "
          f"{100 * used / seconds:.2f} % of one; {screen} bytes to the terminal")


if __name__ == "__main__":
    main()
