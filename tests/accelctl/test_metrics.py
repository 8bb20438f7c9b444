#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""metrics: read by the parsers of those for whom it is written; info and firmware beside it."""
import math
import shutil
import subprocess

from common import OK, Case, Tree, main, run


class Metrics(Case):
    def setUp(self):
        super().setUp()
        self.tree = Tree(self.directory / "tree")
        self.tree.accel(0, "0000:00:0b.0", "intel_vpu", npu_busy_time_us="123456\n",
                        npu_memory_utilization=f"{3 << 20}\n", npu_current_frequency_mhz="1400\n",
                        npu_max_frequency_mhz="1900\n")
        self.device = self.tree.accel(1, "0000:0c:00.0", "un\"he\\ard\n")
        self.tree.write(f"{self.device}/power/runtime_active_time", "86400001\n")

    def text(self, *options):
        return self.check(OK, "metrics", *options, env=self.tree.env).stdout

    def families(self):
        try:
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("python3-prometheus-client is not here")
        return {family.name: family for family in text_string_to_metric_families(self.text())}

    def value(self, name, **labels):
        family = next(f for n, f in self.families().items() if name.startswith(n)
                      and name in {s.name for s in f.samples})
        return next(s.value for s in family.samples if s.name == name
                    and labels.items() <= s.labels.items())

    def test_openmetrics(self):
        """By the strict parser of OpenMetrics; in base units, exact."""
        families = self.families()
        npu = {"device": "pci:0000:00:0b.0"}
        self.assertEqual(self.value("accel_busy_time_seconds_total", **npu), 0.123456)
        self.assertEqual(self.value("accel_memory_used_bytes", **npu), 3 << 20)
        self.assertEqual(self.value("accel_clock_hertz", **npu), 1.4e9)
        self.assertEqual(self.value("accel_runtime_active_seconds_total",
                                    device="pci:0000:0c:00.0"), 86400.001)
        self.assertEqual(families["accel_busy_time_seconds"].type, "counter")
        self.assertEqual(families["accel_busy_time_seconds"].unit, "seconds")
        for family in families.values():
            self.assertTrue(family.documentation, family.name)
            for sample in family.samples:
                self.assertFalse(math.isnan(sample.value))
        # What a device lacks is absent, not zero.
        self.assertEqual({s.labels["device"] for s in families["accel_clock_hertz"].samples},
                         {"pci:0000:00:0b.0"})

    def test_promtool(self):
        """By Prometheus's own checker, which finds nothing to complain of."""
        promtool = shutil.which("promtool")
        if not promtool:
            self.skipTest("promtool (prometheus) is not here")
        done = subprocess.run([promtool, "check", "metrics"], text=True, check=False,
                              input=self.text("--format", "prometheus"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        # It can say no.
        bad = self.text("--format", "prometheus").replace("# TYPE accel_clients gauge",
                                                          "# TYPE accel_clients gouge")
        self.assertNotEqual(subprocess.run([promtool, "check", "metrics"], input=bad, text=True,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                           check=False).returncode, 0)

    def test_promtool_openmetrics(self):
        """The other dialect can be read by it too."""
        promtool = shutil.which("promtool")
        if not promtool:
            self.skipTest("promtool (prometheus) is not here")
        done = subprocess.run([promtool, "check", "metrics"], text=True, check=False,
                              input=self.text(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertNotIn("error while linting", done.stdout)
        self.assertNotIn("parsing", done.stdout)

    def test_dialects_agree(self):
        def samples(text):
            return [line for line in text.splitlines() if not line.startswith("#")
                    and "runtime_" not in line]
        self.assertEqual(samples(self.text()), samples(self.text("--format", "prometheus")))

    def test_file(self):
        path = self.directory / "accel.prom"
        self.check(OK, "metrics", "--format", "prometheus", "--output", path, env=self.tree.env)
        self.assertIn("accel_device_info{", path.read_text())
        self.assertEqual([p.name for p in self.directory.iterdir() if p.is_file()],
                         ["accel.prom"])
        self.check(1, "metrics", "--output", "/nowhere/accel.prom", env=self.tree.env)
        self.check(2, "metrics", "--format", "xml")

    def test_hostile(self):
        for number, text in enumerate((b"\0\xff", "", "-", "99999999999999999999999",
                                       "1e400", "\033[2J", "x" * 1000000, "12 34", "0x7f")):
            for name in ("npu_busy_time_us", "npu_memory_utilization",
                         "npu_current_frequency_mhz"):
                self.tree.write(f"sys/devices/pci0000:00/0000:00:0b.0/{name}", text)
            text = self.text()
            self.assertNotIn("accel_busy_time_seconds_total{device=\"pci:0000:00:0b.0\"}", text,
                             number)
            self.assertNotIn("accel_clock_hertz{", text, number)
            self.families()
            self.check_json("info", "info", "--json", "accel0", env=self.tree.env)

    def test_info(self):
        value = self.check_json("info", "info", "--json", "accel0", env=self.tree.env)
        metrics = {m["name"]: m for m in value["telemetry"]["metrics"]}
        self.assertEqual(metrics["busy_time"]["value"], 123456000)
        self.assertEqual(metrics["busy_time"]["unit"], "nanoseconds")
        text = self.check(OK, "info", "accel0", env=self.tree.env).stdout
        self.assertRegex(text, r"(?m)^  clock npu +1\.40 GHz$")
        self.assertRegex(text, r"(?m)^  busy_time npu +123\.5 ms$")

    def test_ras_and_firmware(self):
        """qaic's counters come from files."""
        self.tree.accel(2, "0000:0d:00.0", "qaic", ce_count="7\n", ue_count="0\n",
                        ue_nonfatal_count="2\n")
        value = self.check_json("ras", "ras", "show", "--json", "accel2", env=self.tree.env)
        self.assertEqual({c["severity"]: c["value"] for c in value["counters"]},
                         {"correctable": 7, "nonfatal": 2, "fatal": 0})
        text = self.check(OK, "ras", "show", "accel2", env=self.tree.env).stdout
        self.assertRegex(text, r"(?m)^pci:0000:0d:00\.0 .* correctable +7 +sysfs$")
        self.check(OK, "ras", "list", "accel2", env=self.tree.env)
        self.check(6, "ras", "clear", "accel2", env=self.tree.env)
        self.check(3, "ras", "clear", "--error", "none", "accel2", env=self.tree.env)
        self.check_json("firmware", "firmware", "info", "--json", "accel2", env=self.tree.env)
        done = run("firmware", "flash", "accel2", "no.bin", env=self.tree.env)
        self.assertIn(done.returncode, (5, 6), done.stderr)


if __name__ == "__main__":
    main()
