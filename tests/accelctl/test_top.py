#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""top: what is on its screen, on a terminal of 80 columns (tmux's) and without one."""
import os
import re
import shutil
import subprocess
import threading
import time

from common import OK, TOOL, UNSUPPORTED, Case, Tree, main, run

PATIENCE = 120  # seconds after which something hangs for sure


class Top(Case):
    def setUp(self):
        super().setUp()
        if run("top", "--help").returncode == UNSUPPORTED:
            self.skipTest("top was not built")
        self.tree = Tree(self.directory / "tree")
        self.device = self.tree.accel(
            0, "0000:00:0b.0", "intel_vpu", npu_busy_time_us="1000000\n",
            npu_memory_utilization=f"{3 << 20}\n", npu_current_frequency_mhz="1400\n")
        self.tree.accel(1, "0000:0c:00.0", "\033[2Jred")

    def keep_busy(self):
        """The counter of the tree's device grows faster than time does."""
        path = self.tree.path(f"{self.device}/npu_busy_time_us")
        stop = threading.Event()

        def grow():
            value = 1000000
            while not stop.wait(0.01):
                value += 1000000
                temporary = path.with_suffix(".new")
                temporary.write_text(f"{value}\n")
                os.rename(temporary, path)

        thread = threading.Thread(target=grow)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)

    # ---- without a terminal --------------------------------------------------------------

    def test_json(self):
        self.keep_busy()
        value = self.check_json("top", "top", "--once", "--json", "--interval", "1",
                                env=self.tree.env)
        device = next(d for d in value["devices"] if d["name"] == "accel0")
        self.assertEqual((device["busy"], device["busy_kind"]), (1.0, "busy"))
        self.assertEqual(device["memory_used"], 3 << 20)
        self.assertIsNone(device["memory_total"])
        soft = next(d for d in value["devices"] if d["name"] == "soft:0")
        self.assertIsNone(soft["busy"])

    def test_idle(self):
        value = self.check_json("top", "top", "--once", "--json", "--interval", "0.05", "accel0",
                                env=self.tree.env)
        self.assertEqual([d["busy"] for d in value["devices"]], [0.0])

    def test_once(self):
        text = self.check(OK, "top", "--once", "--interval", "0.1", env=self.tree.env).stdout
        self.assertRegex(text, r"(?m)^accel0 +intel_vpu +active +3\.0 MiB +1400 MHz")
        self.assertRegex(text, r"(?m)^accel1 +\?")
        self.assertNotIn("\033", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.check(2, "top", "--interval", "0")
        self.check(2, "top", "--interval", "nan")
        self.check(3, "top", "--once", "accel77", env=self.tree.env)

    def test_pipe(self):
        """Into a pipe it goes on until that is closed, without any escapes."""
        with subprocess.Popen([TOOL, "top", "--interval", "0.05"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, **self.tree.env)) as process:
            seen = [process.stdout.readline() for _ in range(30)]
            process.stdout.close()
            process.wait(PATIENCE)
        self.assertGreater(sum(line.startswith("accelctl top") for line in seen), 1)
        self.assertNotIn("\033", "".join(seen))

    def test_gone(self):
        """A device that goes away leaves the screen; nothing of it is made up."""
        with subprocess.Popen([TOOL, "top", "--json", "--interval", "0.05"], text=True,
                              stdout=subprocess.PIPE,
                              env=dict(os.environ, **self.tree.env)) as process:
            process.stdout.readline()
            self.tree.path("sys/class/accel/accel0").unlink()
            for line in process.stdout:
                if '"accel0"' not in line:
                    break
            process.terminate()
            process.stdout.close()

    # ---- on a terminal -------------------------------------------------------------------

    def tmux(self, *words):
        run = subprocess.run(["tmux", "-S", str(self.directory / "tmux"), "-f", "/dev/null",
                              *words], text=True, check=False, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
        self.assertEqual(run.returncode, 0, f"tmux {words[0]}: {run.stdout}")
        return run.stdout

    def start(self, *options, term="screen-256color", columns=80, lines=24, variables=()):
        if not shutil.which("tmux"):
            self.skipTest("tmux is not here")
        environment = [f"LIBACCEL_SYSFS={self.tree.env['LIBACCEL_SYSFS']}", f"TERM={term}",
                       "LC_ALL=C.UTF-8", *variables]
        command = " ".join(["env", *environment, TOOL, "top", *options])
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines),
                  f"{command} 2>{self.directory}/errors; echo \"status $?\"; exec sleep 1000")
        self.addCleanup(self.tmux, "kill-server")

    def screen(self, wanted, *options):
        """What is on the screen, once @wanted is."""
        end = time.monotonic() + PATIENCE
        while True:
            text = self.tmux("capture-pane", "-p", *options)
            if re.search(wanted, text):
                return text
            if time.monotonic() > end:
                self.fail(f"no {wanted} on the screen:\n{text}\n"
                          + (self.directory / "errors").read_text())
            time.sleep(0.1)

    def test_screen(self):
        self.keep_busy()
        self.start("--interval", "0.2")
        text = self.screen(r"busy +\[\|{20}\] 100%")
        self.assertRegex(text, r"\Aaccelctl top  \d\d:\d\d:\d\d  3 devices  \d+ clients?  "
                               "every 0.2 s")
        self.assertRegex(text, r"(?m)^DEVICE +DRIVER +STATE +MEMORY +CLOCK +HEAT +POWER$")
        self.assertRegex(text, r"(?m)^accel0 +intel_vpu +active +3\.0 MiB +1400 MHz")
        self.assertRegex(text, r"(?m)^soft:0 +soft")
        self.assertRegex(text, r"(?m)^ +PID +USER +DEVICE +BUSY +MEMORY +COMMAND$")
        self.assertRegex(text, r"(?m)^q quit ")
        # The history grows to the left.
        self.screen("\u2588{3}")
        self.assertIn("\033[31m", self.tmux("capture-pane", "-p", "-e"))
        # The keys.
        self.tmux("send-keys", "+")
        self.screen("every 0.4 s")
        self.tmux("send-keys", "-")
        self.screen("every 0.2 s")
        self.tmux("send-keys", "Down")
        self.tmux("send-keys", "q")
        self.screen("(?m)^status 0")

    def test_small(self):
        """A terminal that is too small shows what fits, and can be scrolled and resized."""
        self.start("--interval", "0.1", columns=30, lines=5)
        self.screen(r"(?m)^accelctl top")
        self.tmux("send-keys", "Down")
        self.screen(r"(?m)\A(?!accelctl top)")
        self.tmux("resize-window", "-x", "80", "-y", "24")
        self.screen(r"(?m)^ +PID +USER")
        self.tmux("send-keys", "q")
        self.screen("(?m)^status 0")

    def test_no_colour(self):
        self.keep_busy()
        self.start("--interval", "0.1", variables=["NO_COLOR=1"])
        self.screen(r"\[\|{20}\]")
        self.assertNotRegex(self.tmux("capture-pane", "-p", "-e"), "\033\\[3[0-7]m")

    def test_unknown_terminal(self):
        self.start(term="nonsense")
        self.screen("(?m)^status 1")
        self.assertRegex((self.directory / "errors").read_text(), r"TERM=xterm.*--once")


if __name__ == "__main__":
    main()
