# SPDX-License-Identifier: MIT
"""What was measured is on the page: each figure, what is missed, what is absent and why, and the
curves as plots that can be read."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import page  # noqa: E402
import plot  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def figure(group, name, value, unit="calls", target=None, met=None):
    return {"group": group, "name": name, "value": value, "unit": unit, "target": target,
            "met": met}


def run(scale):
    """A run as accel-bench would tell it; @scale: what disturbs the times."""
    found = [
        figure("load", "text", 101.5, "KiB", 150, True),
        figure("soft", "submit and wait", 1.5 * scale, "F", 2, 1.5 * scale <= 2),
        figure("soft", "slow | thing", 7, "F", 2, False),
        figure("soft", "nearly", 1.0501, "F", 1.05, False),
        figure("soft", "futex round trip (F)", 2000 * scale, "ns"),
        {"group": "soft", "name": "PoCL: batches", "absent": "PoCL is not installed"},
        {"group": "list", "name": "list against opening", "absent": "no accelerator"},
        figure("new", "of a group without a place", 5),
    ]
    found += [figure("soft", f"stream/batch={n}", 0.25 / n, "F a job", 0.3 if n == 1 else None,
                     True if n == 1 else None) for n in (1, 2, 4, 64)]
    found += [figure("soft", f"buffer/{way}/bytes={n}", n * cost * scale, "us")
              for n in (4096, 65536, 1 << 24) for way, cost in (("cached", 1), ("not", 1000))]
    found += [figure("counts", f"{driver}/{name}", n, "calls", 2, n <= 2)
              for driver in ("rocket", "qaic", "ivpu")
              for n, name in enumerate(("of a submit", "of a wait", "of a status", "of two"))]
    found += [figure("counts", f"{driver}/instructions", 50, "instr", 80, True)
              for driver in ("rocket", "qaic", "ivpu")]
    found += [figure("counts", f"{driver}/{name}", 50, "instr")
              for driver in ("empty", "rocket", "qaic", "ivpu")
              for name in (("all", "by hand", "wait") if driver != "empty" else ("all", "wait"))]
    return found


RIG = [figure("rig", "accel0/ratio/batch=1", 1.04, "of raw", 1.05, True),
       figure("rig", "accel0/ratio/batch=16", 1.2, "of raw", 1.05, False),
       figure("list", "list against opening", 5, "of opening"),
       figure("load", "text", 99, "KiB", 150, True)]


def make(top, runs):
    """The page of these runs, in @top."""
    words = []
    for kind, found in runs.items():
        words.append(f"--{kind}")
        for n, entries in enumerate(found):
            path = top / f"{kind}-{n}.json"
            path.write_text(json.dumps(entries))
            words.append(str(path))
    (top / "about.json").write_text(json.dumps({"CPU": "an abacus"}))
    subprocess.run([sys.executable, HERE / "page.py", *words, "--about", top / "about.json",
                    "-o", top], check=True, stdout=subprocess.PIPE)
    return (top / "performance.md").read_text()


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.top = Path(cls.directory.name)
        (cls.top / "performance").mkdir()
        (cls.top / "performance/old.svg").write_text("from another run")
        cls.text = make(cls.top, {"idle": [run(1), run(1.02), run(1.04)],
                                  "loaded": [run(1.1), run(1.3), run(1.4)],
                                  "rig": [RIG], "rig-loaded": [RIG]})

    def line(self, *words):
        found = [line for line in self.text.splitlines() if all(word in line for word in words)]
        self.assertEqual(len(found), 1, f"{words}: {found}")
        return found[0]

    def plot(self, name):
        return xml.etree.ElementTree.parse(self.top / f"performance/{name}.svg").getroot()

    def test_every_figure(self):
        for entry in run(1) + RIG:
            for part in entry["name"].split("/"):
                point = page.POINT.match(part)
                self.assertIn(point[2] if point else part.replace("|", "\\|"), self.text)
        self.assertNotRegex(self.text, r"(?m)^@")

    def test_median_and_spread(self):
        cells = self.line("| submit and wait |").split(" | ")
        self.assertEqual(cells[1:6], ["1.53 F", "1.5 to 1.56", "1.65 to 2.1", "at most 2",
                                      "**missed** in 1 of 6 runs |"])

    def test_sense(self):
        self.assertIn("| at most 150 | met |", self.line("| text |"))
        self.assertIn("| 2 | **missed** |", self.line("slow \\| thing |"))

    def test_missed(self):
        at = self.text.index("Missed:")
        for name in ("slow", "of two", "submit and wait", "ratio/batch=16"):
            self.assertIn(name, self.text[at:self.text.index("##", at)])
        self.assertIn("| nearly | 1.0501 F |", self.line("| nearly |"))
        self.assertIn("3 (2) **missed**", self.line("| rocket |", "(2)"))

    def test_a_table_for_each_unit(self):
        self.line("| calls | of a submit | of a wait | of a status | of two |")
        self.line("| instr | instructions | all | by hand | wait |")
        self.line("| rocket | 50 (80) | 50 | 50 | 50 |")
        self.line("| empty |  | 50 |  | 50 |")
        self.assertIn("| 2 (2) |", self.line("| rocket |", "(2)"))

    def test_unsteady_ratios(self):
        """A ratio that differs between the runs is named, a time is not."""
        summary = self.text[:self.text.index("##")]
        self.assertRegex(summary, r"submit and wait: 1\.5 to 2\.1 F, \d+ %")
        self.assertNotIn("futex", summary)

    def test_absent(self):
        self.assertEqual(self.line("PoCL: batches"), "- PoCL: batches: PoCL is not installed")
        self.assertNotIn("no accelerator", self.text)
        self.assertIn("; 1 absent.", self.text)

    def test_rig(self):
        """What the host has is not taken from there."""
        self.assertIn("| 1.04 of raw |", self.line("| accel0/ratio/batch=1 |"))
        self.assertIn("| 5 of opening |", self.line("| list against opening (in the rig) |"))
        self.assertIn("| 101.5 KiB | 101.5 | 101.5 |", self.line("| text |"))

    def test_ordinary(self):
        """Runs in the ordinary class have a table of their own, and change nothing else."""
        with tempfile.TemporaryDirectory() as directory:
            text = make(Path(directory), {"idle": [run(1)], "ordinary": [run(1)],
                                          "ordinary-loaded": [run(1.2), run(2)]})
            alone = make(Path(directory), {"idle": [run(1)]})
        self.assertIn("Not measured.", alone)
        at = text.index("targets are met in every run.\n\n")
        self.assertIn("| submit and wait | 1.5 F | 1.5 | 1.8 to 3 | at most 2 | "
                      "**missed** in 1 of 3 runs |", text[at:])
        self.assertIn("| slow \\| thing | 7 F | 7 | 7 | 2 | **missed** |", text[at:])
        self.assertNotIn("futex round trip", text[at:text.index("##", at)])
        self.assertEqual(text[:text.index("##")], alone[:alone.index("##")])

    def test_about(self):
        self.line("| CPU | an abacus |")

    def test_plots(self):
        shown = {path.stem for path in (self.top / "performance").glob("*.svg")}
        self.assertEqual(shown, {"soft-stream-batch", "soft-buffer-bytes"})
        for name in shown:
            self.assertIn(f"](performance/{name}.svg)", self.text)
            self.assertEqual(self.plot(name).tag, SVG + "svg")

    def test_curve(self):
        root = self.plot("soft-stream-batch")
        self.assertEqual(len(root.findall(f".//{SVG}circle")), 4)
        self.assertEqual(len(root.findall(f".//{SVG}g/{SVG}line[@class='target']")), 1)
        xs = [float(circle.get("cx")) for circle in root.iter(SVG + "circle")]
        # Each doubling is as long.
        self.assertGreater(xs[1] - xs[0], 10)
        self.assertAlmostEqual(xs[1] - xs[0], xs[2] - xs[1], delta=0.2)
        self.assertAlmostEqual(xs[3] - xs[2], 4 * (xs[1] - xs[0]), delta=0.3)
        ys = [float(circle.get("cy")) for circle in root.iter(SVG + "circle")]
        self.assertEqual(ys, sorted(set(ys)))  # falling, in SVG downwards

    def test_spread_of_points(self):
        """Only times differ between these runs, and only they have a thin line."""
        for name, lines in (("soft-stream-batch", 0), ("soft-buffer-bytes", 6)):
            self.assertEqual(len(self.plot(name).findall(f".//{SVG}g/{SVG}line[@stroke-width]")),
                             lines)

    def test_legend(self):
        words = [text.text for text in self.plot("soft-buffer-bytes").iter(SVG + "text")]
        for word in ("cached", "not", "4 KiB", "16 MiB", "µs"):
            self.assertIn(word, words)

    def test_no_runs(self):
        done = subprocess.run([sys.executable, HERE / "page.py"], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)


# In place of accel-bench: a group that is measured, and misses its target, and one that isn't.
PROGRAM = """#!/bin/sh
case $1 in
--help) printf 'usage: x\\n\\ngroups:\\n  load     about it\\n  soft     about that\\n' ;;
load) echo "$*" >>"$0.log"
	echo '[{"group":"load","name":"text","value":200,"unit":"KiB","target":150,"met":false}]'
	exit 1 ;;
*) echo 'accel-bench: soft: no such thing here' >&2; exit 2 ;;
esac
"""


class Measure(unittest.TestCase):
    def test_measure(self):
        with tempfile.TemporaryDirectory() as directory:
            top = Path(directory)
            (top / "bin").mkdir()
            program = top / "bin/accel-bench"
            program.write_text(PROGRAM)
            program.chmod(0o755)
            chrt = top / "chrt"
            chrt.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
            chrt.chmod(0o755)
            subprocess.run([HERE / "measure", top, "-o", top / "docs", "--runs", "2"],
                           check=True, stdout=subprocess.PIPE,
                           env=os.environ | {"PATH": f"{top}:{os.environ['PATH']}"})
            self.assertEqual(program.with_suffix(".log").read_text(), "load --json\n" * 4)
            text = (top / "docs/performance.md").read_text()
            self.assertEqual({path.name for path in (top / "bench").iterdir()},
                             {"about.json", "idle-1.json", "idle-2.json", "idle-refused.json",
                              "loaded-1.json", "loaded-2.json", "ordinary-1.json",
                              "ordinary-2.json", "ordinary-loaded-1.json",
                              "ordinary-loaded-2.json"})
        self.assertIn("| text | 200 KiB | 200 | 200 | 150 | **missed** |", text)
        self.assertIn("- all of it: no such thing here", text)
        self.assertRegex(text, r"\| libaccel \| \d+\.\d+\.\d+ \|")

    def test_not_built(self):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run([HERE / "measure", directory], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("bin/accel-bench", done.stderr)


class Numbers(unittest.TestCase):
    def test_number(self):
        for value, text in ((0, "0"), (12, "12"), (11.0117, "11.01"), (1.0625, "1.06"), (0.0479, "0.0479"),
                            (1048576, "1\u202f048\u202f576"), (0.00001, "1.0e-05")):
            self.assertEqual(plot.number(value), text)

    def test_ticks(self):
        for high in (0.07, 1, 3.3, 99, 893):
            ticks, log = plot.y_ticks([high / 2, high])
            self.assertFalse(log)
            self.assertEqual(ticks[0], 0)
            self.assertGreaterEqual(ticks[-1], high * 0.999)
            self.assertLessEqual(len(ticks), 8)
        self.assertTrue(plot.y_ticks([0.1, 10000])[1])


if __name__ == "__main__":
    unittest.main()
