#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""accelctl on the kernel's own drivers, in the rig, as its root. The arguments are the classes
below: Pci with the devices qaic and ivpu, the others with u65, u85 and rocket."""
import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from common import (FAILED, NO_DEVICE, OK, PERMISSION, TOOL, UNSUPPORTED, UNUSABLE, Case, main,
                    run)

U65, U85, ROCKET = "platform:100100000.npu", "platform:100110000.npu", "platform:rknn"
NODE = Path("/dev/accel/accel0")
ETHOSU = Path("/sys/bus/platform/drivers/ethosu")
FAULT = Path("/sys/kernel/debug/rig/u65/fault")
PATIENCE = 60
DELETE_MODULE, FINIT_MODULE = 176, 313  # x86-64's, as the rig is


class Drivers(Case):
    def test_list(self):
        devices = self.check_json("list", "list", "--json", "--hardware")["devices"]
        self.assertEqual([(d["id"], d["state"]) for d in devices],
                         [(U65, "usable"), (U85, "usable"), (ROCKET, "usable")])

    def test_info(self):
        for name in ("accel0", U85, "/dev/accel/accel2"):
            value = self.check_json("info", "info", "--json", name)
            self.assertIn(value["telemetry"]["power"], ("active", "suspended", "changing"))
            value = self.check_json("info", "info", "--json", "--open", name)
            self.assertEqual(value["capabilities"]["export"], "native")
        self.assertEqual(value["device"]["driver"], "rocket")
        self.assertEqual(self.check_json("info", "info", "--json", U65)["bus"]["compatible"],
                         ["arm,ethos-u65"])

    def test_does_not_wake(self):
        """Looking at a device that sleeps leaves it asleep."""
        status = Path("/sys/class/accel/accel1/device/power/runtime_suspended_time")
        usage = Path("/sys/class/accel/accel1/device/power/runtime_active_time")
        run("info", "--open", "accel1")
        self.wait_for(lambda: (status.parent / "runtime_status").read_text() == "suspended\n")
        before = usage.read_text()
        for words in (["list"], ["info", "accel1"], ["metrics"], ["top", "--once"],
                      ["ras", "show"], ["firmware", "info", "accel1"], ["cdi"],
                      ["doctor", "--no-job"], ["monitor", "--initial", "--count", "3"]):
            run(*words)
            self.assertEqual(usage.read_text(), before, words)

    def wait_for(self, fn):
        for _ in range(PATIENCE * 100):
            if fn():
                return
            threading.Event().wait(0.01)
        self.fail("it does not happen")

    def test_run(self):
        for name in ("accel0", "accel1"):
            value = self.check_json("run", "run", "--json", "--bytes", "100k", "copy", name)
            self.assertEqual((value["driver"], value["jobs"], value["bytes_checked"],
                              value["bytes_wrong"]), ("ethosu", 10, 1024000, 0))
        self.check(UNSUPPORTED, "run", "fill", "accel0")
        done = self.check(UNSUPPORTED, "run", "copy", "accel2")
        self.assertIn("rocket", done.stderr)

    def test_run_hangs(self):
        """The driver's watchdog ends the job, and run says so."""
        FAULT.write_text("hang@1x1\n")
        self.addCleanup(FAULT.write_text, "clear\n")
        self.check(FAILED, "run", "copy", "accel0")

    def test_trace(self):
        path = self.directory / "out"
        self.check(OK, "trace", "--json", "--output", path, "--", TOOL, "run", "--count", "3",
                   "copy", "accel0")
        value = json.loads(path.read_text())
        self.validate("trace", value)
        counts = {kind["name"]: kind["count"] for kind in value["summary"]}
        submit = next(name for name in counts if re.search("ETHOSU.*SUBMIT", name))
        self.assertEqual(counts[submit], 3)
        done = run("trace", "--", TOOL, "run", "--count", "1", "copy", "accel0")
        self.assertRegex(done.stderr, r"ioctl\(\d+, ETHOSU_SUBMIT: .*\) = 0 <")
        # Nothing is left that has no name.
        self.assertNotRegex(done.stderr, r"ioctl\(\d+, '")

    def test_metrics(self):
        from test_metrics import Metrics
        text = self.check(OK, "metrics").stdout
        for device in (U65, U85, ROCKET):
            self.assertIn(f'accel_clients{{device="{device}"}} 0\n', text)
            self.assertRegex(text, rf'accel_runtime_active_seconds_total{{device="{device}"')
        self.assertTrue(Metrics)

    def test_top(self):
        with NODE.open("rb"):
            value = self.check_json("top", "top", "--once", "--json", "--interval", "0.2")
        self.assertEqual([d["busy_kind"] for d in value["devices"] if d["driver"] != "soft"],
                         ["awake"] * 3)
        self.assertIn((os.getpid(), "accel0"),
                      [(c["pid"], c["device"]) for c in value["clients"]])

    def test_cdi(self):
        value = self.check_json("cdi", "cdi")
        self.assertEqual([d["name"] for d in value["devices"]],
                         [U65, "accel0", U85, "accel1", ROCKET, "accel2", "all"])

    def test_ras_and_firmware(self):
        self.check_json("firmware", "firmware", "info", "--json", "accel0")
        done = run("ras", "show", "accel0")
        self.assertEqual(done.returncode, UNSUPPORTED, done.stdout + done.stderr)

    def test_monitor(self):
        # pylint: disable-next=consider-using-with
        monitor = subprocess.Popen([TOOL, "monitor", "--json", "--initial"], text=True,
                                   stdout=subprocess.PIPE)
        self.addCleanup(monitor.stdout.close)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)

        def event():
            """The next; that the node goes before the device is told of, too."""
            while True:
                value = json.loads(monitor.stdout.readline())
                self.validate("monitor", value)
                if value["event"] != "changed":
                    return value["event"], value["id"], value["initial"], value["state"]

        self.assertEqual([event() for _ in range(3)],
                         [("arrived", name, True, "usable") for name in (U65, U85, ROCKET)])
        for _ in range(5):
            (ETHOSU / "unbind").write_text("100110000.npu")
            self.assertEqual(event()[:2], ("removed", U85))
            (ETHOSU / "bind").write_text("100110000.npu")
            self.assertEqual(event(), ("arrived", U85, False, "usable"))
        monitor.send_signal(signal.SIGINT)
        self.assertEqual(monitor.wait(PATIENCE), 0)
        self.check(OK, "monitor", "--initial", "--count", "3")
        self.check(FAILED, "monitor", "--initial", "--count", "4", "--timeout", "1")


class Pci(Case):
    """The devices on PCI: qaic and Intel's NPU."""

    QAIC, NPU = "pci:0000:01:00.0", "pci:0000:01:01.0"

    def test_list(self):
        devices = self.check_json("list", "list", "--json", "--hardware")["devices"]
        self.assertEqual([(d["id"], d["driver"], d["state"]) for d in devices],
                         [(self.QAIC, "qaic", "usable"), (self.NPU, "intel_vpu", "usable")])

    def test_info(self):
        value = self.check_json("info", "info", "--json", self.QAIC)
        self.assertEqual((value["bus"]["vendor"], value["bus"]["class"]), ("0x17cb", "0x120000"))
        value = self.check_json("info", "info", "--json", "--open", self.NPU)
        self.assertEqual(value["capabilities"]["isolation"], "native")
        names = {m["name"] for m in value["telemetry"]["metrics"]}
        self.assertLessEqual({"busy_time", "memory_used", "clock_max"}, names)

    def test_doctor(self):
        value = self.check_json("doctor", "doctor", "--json")
        self.assertIsNone(value["first"])
        for device in (self.QAIC, self.NPU):
            self.assertEqual([f["step"] for f in value["findings"] if f["device"] == device],
                             ["bus", "node", "permission", "provider", "open"])
        path = Path("/sys/bus/pci/drivers/intel_vpu")
        (path / "unbind").write_text("0000:01:01.0")
        try:
            value = self.check_json("doctor", "doctor", "--json", status=UNUSABLE)
        finally:
            (path / "bind").write_text("0000:01:01.0")
        self.assertEqual(value["first"], "unbound")

    def test_metrics(self):
        text = self.check(OK, "metrics").stdout
        self.assertRegex(text, rf'accel_busy_time_seconds_total{{device="{self.NPU}",part="npu"}} ')
        self.assertIn(f'accel_errors_fatal_total{{device="{self.QAIC}",part="device"}} 0\n', text)

    def test_ras_and_firmware(self):
        value = self.check_json("ras", "ras", "show", "--json", self.QAIC)
        self.assertEqual(sorted(c["severity"] for c in value["counters"]),
                         ["correctable", "fatal", "nonfatal"])
        value = self.check_json("firmware", "firmware", "info", "--json", self.NPU)
        self.assertEqual([v["kind"] for v in value["versions"]], ["running"])
        self.check_json("top", "top", "--once", "--json", "--interval", "0.2")


class Kernel(Case):
    """drm-ras and devlink: the kernel's own families, with a module of the rig behind them."""

    def setUp(self):
        super().setUp()
        self.keep_awake()
        call = ctypes.CDLL(None, use_errno=True).syscall
        with open("/run/models/rig_mgmt.ko", "rb") as module:
            self.assertEqual(call(FINIT_MODULE, module.fileno(), b"device=100100000.npu", 0), 0)
        self.addCleanup(call, DELETE_MODULE, b"rig_mgmt", os.O_NONBLOCK)
        path = Path("/sys/module/firmware_class/parameters/path")
        before = path.read_text().rstrip("\n")
        path.write_text(str(self.directory))
        self.addCleanup(path.write_text, before or "\n")

    def keep_awake(self):
        """A sleeping device is not asked through devlink."""
        control = Path("/sys/class/accel/accel0/device/power/control")
        control.write_text("on")
        self.addCleanup(control.write_text, "auto")

    def counters(self, *words):
        value = self.check_json("ras", "ras", "show", "--json", *words)
        self.assertEqual(value["drm_ras"], "ok")
        return {(c["node"], c["error"]): c["value"] for c in value["counters"]}

    def test_ras(self):
        before = self.counters("accel0")
        self.assertEqual(before[("memory", "fatal")], 0xffffffff)
        self.assertIn(("memory", "correctable"), before)
        self.check(OK, "ras", "clear", "--node", "memory", "--error", "fatal", "accel0")
        after = self.counters("accel0")
        self.assertEqual(after.pop(("memory", "fatal")), 0)
        self.assertEqual(after, {k: v for k, v in before.items() if k != ("memory", "fatal")})
        text = self.check(OK, "ras", "list").stdout
        self.assertRegex(text, rf"(?m)^{U65} +memory +3 +drm-ras$")
        self.assertRegex(self.check(OK, "ras", "show", "accel0").stdout,
                         rf"(?m)^{U65} +memory +fatal +fatal +0 +drm-ras$")
        self.assertIn(f'accel_ras_errors_total{{device="{U65}",node="memory",error="fatal"',
                      self.check(OK, "metrics").stdout)
        # What can't be cleared, what there is not, and who may not.
        self.check(UNSUPPORTED, "ras", "clear", "--node", "bus", "accel0")
        self.check(NO_DEVICE, "ras", "clear", "--error", "none", "accel0")
        self.check(PERMISSION, "ras", "show", "accel0", user=65534)
        self.check(UNSUPPORTED, "ras", "show", "accel1")

    def test_firmware(self):
        versions = self.check_json("firmware", "firmware", "info", "--json", "accel0")
        self.assertTrue(versions["can_flash"])
        self.assertEqual(versions["serial"], "RIG-0001")
        self.assertIn(("running", "fw", "1.0"), [(v["kind"], v["name"], v["version"])
                                                 for v in versions["versions"]])
        self.assertRegex(self.check(OK, "firmware", "info", "accel0").stdout,
                         r"(?m)^fixed +board\.id +rig\.7 +devlink$")
        (self.directory / "good.bin").write_text("3.0 and more")
        (self.directory / "bad.bin").write_text("bad")
        done = self.check(OK, "firmware", "flash", "accel0", "good.bin")
        self.assertGreaterEqual(len(done.stderr.splitlines()), 1)
        stored = [v["version"] for v in self.check_json(
            "firmware", "firmware", "info", "--json", "accel0")["versions"]
            if v["kind"] == "stored"]
        self.assertEqual(stored, ["3.0"])
        done = run("firmware", "flash", "accel0", "bad.bin")
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertRegex(done.stderr.splitlines()[-1], "^accelctl firmware: ")
        self.check(FAILED, "firmware", "flash", "accel0", "none.bin")
        self.check(PERMISSION, "firmware", "flash", "accel0", "good.bin", user=65534)
        self.check(UNSUPPORTED, "firmware", "flash", "accel1", "good.bin")


class Doctor(Case):
    def find(self, code, remedy, *words, user=None, env=None):
        value = self.check_json("doctor", "doctor", "--json", *words, status=UNUSABLE, user=user,
                                env=env)
        self.assertEqual(value["first"], code, value)
        found = next(f for f in value["findings"] if f["level"] == "fault")
        self.assertRegex(found["remedy"], remedy)
        return value

    @contextlib.contextmanager
    def instead_of_node(self):
        """The node is put back afterwards."""
        kept = NODE.with_name("kept")
        NODE.rename(kept)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                NODE.unlink()
            kept.rename(NODE)

    def test_healthy(self):
        value = self.check_json("doctor", "doctor", "--json")
        self.assertIsNone(value["first"])
        for device in (U65, U85):
            self.assertEqual([f["step"] for f in value["findings"] if f["device"] == device],
                             ["bus", "node", "permission", "provider", "job"])
        self.assertIn("open", [f["step"] for f in value["findings"] if f["device"] == ROCKET])

    def test_node_missing(self):
        with self.instead_of_node():
            self.find("node-missing", r"udevadm trigger .*mknod /dev/accel/accel0 c 261 0")
            self.find("node-missing", "udevadm", "accel0")
            self.find("node-missing", "udevadm", str(NODE))

    def test_node_stale(self):
        with self.instead_of_node():
            os.mknod(NODE, 0o020666, os.makedev(240, 0))
            self.find("node-stale", "rm /dev/accel/accel0", U65)

    def test_node_dangling(self):
        with self.instead_of_node():
            NODE.symlink_to("/nowhere")
            self.find("node-dangling", "rm /dev/accel/accel0")

    def test_node_regular(self):
        with self.instead_of_node():
            NODE.write_text("")
            self.find("node-not-device", "rm /dev/accel/accel0")

    def test_permission(self):
        before = NODE.stat()
        os.chmod(NODE, 0o660)
        try:
            self.find("permission", "udev", "accel0", user=65534)
            self.find("permission", "udev", user=65534)
        finally:
            os.chmod(NODE, before.st_mode & 0o7777)

    def test_unbound(self):
        (ETHOSU / "unbind").write_text("100100000.npu")
        try:
            self.find("unbound", "echo 100100000.npu >/sys/bus/platform/drivers/ethosu/bind")
            self.find("unbound", "bind", "100100000.npu")
        finally:
            (ETHOSU / "bind").write_text("100100000.npu")
        self.check(OK, "doctor", "accel0")

    def test_provider(self):
        own = self.directory / "3"
        own.mkdir()
        env = {"LIBACCEL_PROVIDER_DIR": str(own)}
        self.find("provider-missing", "install libaccel-providers", "accel0", env=env)
        (self.directory / "9999").mkdir()
        (self.directory / "9999/ethosu.so").write_text("")
        self.find("provider-abi", "install libaccel-providers", "accel0", env=env)
        (own / "ethosu.so").write_text("no shared object")
        self.find("provider-broken", "install libaccel and", "accel0", env=env)

    def test_job(self):
        """The device hangs under the job of the doctor."""
        FAULT.write_text("hang@1x1\n")
        try:
            value = self.check_json("doctor", "doctor", "--json", "accel0", status=UNUSABLE)
        finally:
            FAULT.write_text("clear\n")
        self.assertIn(value["first"], ("job-failed", "job-timeout"))
        self.check(OK, "doctor", "accel0")

    def test_sysfs_masked(self):
        """As in a container: the nodes are found all the same, and work."""
        command = ("mount -t tmpfs none /sys && exec " + TOOL + " doctor --json")
        done = subprocess.run(["unshare", "-m", "sh", "-c", command], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, UNUSABLE, done.stderr)
        value = json.loads(done.stdout)
        self.validate("doctor", value)
        self.assertEqual(value["first"], "sysfs-masked")
        self.assertEqual([f["device"] for f in value["findings"] if f["step"] == "job"],
                         ["node:261:0", "node:261:1"])

    def test_driver_gone(self):
        """Nothing has the devices, and nothing is installed for this kernel."""
        call = ctypes.CDLL(None, use_errno=True).syscall
        self.assertEqual(call(DELETE_MODULE, b"ethosu", os.O_NONBLOCK), 0, ctypes.get_errno())
        try:
            self.find("modules-gone", "reboot")
        finally:
            with open("/run/modules/ethosu.ko", "rb") as module:
                self.assertEqual(call(FINIT_MODULE, module.fileno(), b"", 0), 0)


if __name__ == "__main__":
    main()
