#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line: every subcommand has help, errors are one line, statuses are as documented."""
import os
import re
import subprocess

from common import NO_DEVICE, OK, TOOL, TOP, USAGE, Case, main, run

SUBCOMMANDS = ("list", "info", "doctor", "top", "monitor", "ras", "run", "trace", "metrics", "cdi",
               "firmware")


def subcommands():
    return re.findall(r"^  ([a-z]+) ", run("--help").stdout, flags=re.M)


class Cli(Case):
    def test_help(self):
        self.check(OK, "--version")
        self.assertEqual(tuple(subcommands()), SUBCOMMANDS)
        for name in subcommands():
            if "built without" in run(name, "--help").stderr:
                continue
            self.assertIn(f"usage: accelctl {name}", self.check(OK, name, "--help").stdout)

    def test_usage(self):
        for words in ([], ["nonsense"], ["list", "x"], ["list", "--bad"], ["info"],
                      ["info", "a", "b"], ["run", "--bytes", "x"], ["run", "--bytes", "0"],
                      ["run", "--bytes", "5G"], ["run", "--bytes"], ["run", "--count", "-1"],
                      ["run", "--count", "99999999999999999999"], ["run", "dance", "soft:0"],
                      ["cdi", "--kind", "no"], ["cdi", "--kind", "/x"], ["cdi", "--kind", "a b/c"],
                      ["doctor", "--root", "/nowhere"]):
            self.check(USAGE, *words)

    def test_no_device(self):
        for words in (["info", "accel77"], ["run", "copy", "0000:ff:00.0"], ["doctor", "accel77"],
                      ["info", "/dev/accel/accel77"], ["cdi", "accel77"], ["info", "x" * 500],
                      ["info", "\033[31mred"]):
            done = self.check(NO_DEVICE if len(words[1]) < 100 else 1, *words)
            self.assertNotIn("\033", done.stderr)

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for words in (["list"], ["list", "--json"], ["run"], ["--help"], ["info", "soft:0"]):
                done = subprocess.run([TOOL, *words], stdout=full, stderr=subprocess.PIPE,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 1, words)
                self.assertRegex(done.stderr, r"\Aaccelctl[ a-z]*: [^\n]+\n\Z")

    def test_completion(self):
        """The shell's completion knows every subcommand and option."""
        text = (TOP / "utils/accelctl/accelctl.bash").read_text()
        for name in SUBCOMMANDS:
            self.assertRegex(text, rf"\b{name}\b")
            source = TOP / f"utils/accelctl/{name}.c"
            for option in re.findall(r'^\s+\{\s*"([a-z-]+)", (?:no|required)_argument',
                                     source.read_text(), flags=re.M):
                self.assertRegex(text, rf"(?s)\b{name}\)[^;]*--{option}\b", f"{name} {option}")

    def complete(self, line):
        """What bash offers where the cursor is at the end of @line."""
        script = (f"source {TOP}/utils/accelctl/accelctl.bash\n"
                  'COMP_LINE=$1 COMP_POINT=${#1}\n'
                  'IFS=" " read -ra COMP_WORDS <<<"$1"\n'
                  '[[ $1 != *" " ]] || COMP_WORDS+=("")\n'
                  'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_WORDBREAKS=" "\n'
                  '_accelctl; printf "%s\\n" "${COMPREPLY[@]}"\n')
        path = f"{os.path.dirname(TOOL)}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "-uc", script, "bash", line], text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, PATH=path))
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_completes(self):
        self.assertEqual(self.complete("accelctl mo"), ["monitor"])
        self.assertEqual(self.complete("accelctl m"), ["monitor", "metrics"])
        self.assertEqual(self.complete("accelctl ras sh"), ["show"])
        self.assertEqual(self.complete("accelctl info --j"), ["--json"])
        self.assertEqual(self.complete("accelctl info so"), ["soft:0"])
        self.assertEqual(self.complete("accelctl metrics --format p"), ["prometheus"])
        self.assertIn("true", self.complete("accelctl trace -- tru"))
        self.assertEqual(self.complete("accelctl run --bytes "), [])
        self.assertEqual(self.complete("accelctl nonsense "), [])

    def test_manual(self):
        """So does the manual page; and every fault that doctor finds, and no other."""
        text = (TOP / "utils/accelctl/man/accelctl.8").read_text().replace("\\-", "-")
        for name in SUBCOMMANDS:
            source = TOP / f"utils/accelctl/{name}.c"
            for option in re.findall(r'^\s+\{\s*"([a-z-]+)", (?:no|required)_argument',
                                     source.read_text(), flags=re.M):
                if option != "help":
                    self.assertRegex(text, rf"Fl -{option}\b", f"{name} {option}")
        documented = text[text.index(".Sh FAULTS"):text.index(".Sh ENVIRONMENT")]
        documented = {word for line in re.findall(r"(?m)^\.It (.*)$", documented)
                      for word in line.split(" , ")}
        source = "".join(path.read_text() for path in TOP.glob("utils/accelctl/doctor*.c"))
        codes = set(re.findall(r'"(?:system|bus|driver|limits|node|permission|provider|open|job)",'
                               r'\s+"([a-z-]+)"', source))
        codes |= {"provider-missing", "provider-abi", "job-failed", "job-timeout"}
        self.assertEqual(codes, documented)


if __name__ == "__main__":
    main()
