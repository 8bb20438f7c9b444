#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""list and info: on made trees, as cheap as they have to be, whatever is in the files."""
import os
import re
import shutil
import subprocess

from common import OK, TOOL, Case, Nodes, Tree, main, run


class List(Case):
    def test_soft(self):
        self.assertRegex(self.check(OK, "list").stdout, r"(?m)^soft:0 .* usable$")
        devices = self.check_json("list", "list", "--json")["devices"]
        self.assertEqual([d["id"] for d in devices if d["software"]], ["soft:0"])
        self.assertEqual(self.check_json("list", "list", "--json", "--hardware",
                                         env={"LIBACCEL_SYSFS": "/nowhere"})["devices"], [])
        self.check_json("info", "info", "--json", "soft:0")

    def test_tree(self):
        tree, nodes = Tree(self.directory), Nodes(self)
        tree.accel(0, "0000:c5:00.1", "ethosu", devname=nodes.add(0))
        tree.accel(1, "0000:c6:00.0", "unheard_of", devname=nodes.add(1))
        tree.accel(2, "0000:c7:00.0", "ethosu")
        tree.accel(10, "0000:c8:00.0", "ethosu", devname=nodes.add(10, (261, 77)))
        value = self.check_json("list", "list", "--json", "--hardware", env=tree.env)
        self.assertEqual([(d["name"], d["state"]) for d in sorted(
            value["devices"], key=lambda d: d["id"])],
            [("accel0", "usable"), ("accel1", "no-provider"), ("accel2", "no-node"),
             ("accel10", "no-node")])
        text = self.check(OK, "list", env=tree.env).stdout
        self.assertRegex(text, r"(?m)^accel0 +pci:0000:c5:00.1 +ethosu +/dev/shm/\S+ +usable$")
        self.assertRegex(text, r"(?m)^accel1: no provider for 'unheard_of' .*install")
        info = self.check_json("info", "info", "--json", "0000:c5:00.1", env=tree.env)
        self.assertEqual(info["device"]["id"], "pci:0000:c5:00.1")
        self.assertEqual(info["bus"]["runtime_status"], "active")

    def test_hostile(self):
        """Nothing in sysfs makes it crash, or reaches the terminal as it is."""
        tree = Tree(self.directory)
        device = tree.accel(0, "0000:c5:00.1", "ethosu", vendor="\033[2J0x1\n",
                            device="x" * 300000, revision=b"\0\xff\xfe", **{"class": ""})
        tree.accel(1, "0000:c6:00.0", "\033]0;x")
        tree.write("sys/class/accel/accel2/uevent", b"MAJOR=\xff\nMINOR=0\n")
        tree.write("sys/class/accel/accel3/uevent",
                   "MAJOR=261\nMINOR=3\nDEVNAME=../../etc/passwd\n")
        tree.write("sys/class/accel/accel4/uevent", "A" * 100000)
        tree.link("sys/class/accel/accel5", "accel5")
        os.mkfifo(self.directory / "sys/class/accel/accel6")
        tree.write(f"{device}/of_node/compatible", b"\xff\0\0a,b\0" + b"x" * 5000)
        for words in (["list"], ["list", "--json"], ["info", "accel0"],
                      ["info", "--json", "accel0"], ["info", "accel3"], ["doctor", "--no-job"]):
            done = run(*words, env=tree.env)
            self.assertIn(done.returncode, (0, 4), words)
            self.assertNotRegex(done.stdout + done.stderr, "[\x00-\x08\x0b-\x1f\x7f]")
        value = self.check_json("info", "info", "--json", "accel0", env=tree.env)
        self.assertEqual(value["bus"]["vendor"], "?[2J0x1")
        self.assertNotIn("device", value["bus"])
        self.assertNotIn("revision", value["bus"])


class Cost(Case):
    """At most 12 system calls for each device, and no node opened."""

    def calls(self, count, **options):
        tree = Tree(self.directory / str(count) / options.get("name", "plain"))
        nodes = Nodes(self)
        # Reading the class's directory is no device's.
        tree.path("sys/class/accel").mkdir(parents=True)
        for i in range(count):
            tree.accel(i, f"0000:{i:02x}:00.0", options.get("driver", "ethosu"),
                       devname=nodes.add(i))
        log = self.directory / "log"
        done = subprocess.run(["strace", "-f", "-qq", "-o", str(log), TOOL, "list"],
                              env=dict(os.environ, **tree.env), text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(len(re.findall(r"(?m)^accel\d+ ", done.stdout)), count)
        lines = log.read_text().splitlines()
        self.assertNotRegex("\n".join(lines), r'open(at)?\([^"]*"/dev/(shm|accel)')
        self.assertNotIn("no-node", done.stdout)
        # The table itself is output, not looking.
        return sum(not re.search(r"\bwrite\(1,", line) for line in lines)

    def test_calls(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not here")
        if os.environ.get("ACCELCTL_SANITIZER"):
            self.skipTest("a sanitizer makes calls of its own, and can't be traced")
        for name, options in (("plain", {}), ("missing", {"driver": "unheard_of"})):
            start = self.calls(0, name=name, **options)
            for count in (1, 16, 256):
                calls = self.calls(count, name=name, **options) - start
                print(f"{name}, {count} devices: {calls} calls, {calls / count:.2f} each")
                # Where no provider is, its directories are searched once.
                self.assertLessEqual(calls, 12 * count + (8 if name == "missing" else 0))


if __name__ == "__main__":
    main()
