#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""page.py --KIND RUN... [--KIND RUN...]... [--about FILE] [-o DOCS]

Makes DOCS/performance.md and the plots in DOCS/performance/ of runs of `accel-bench --json`, and
of performance.md.in beside this file, in which these lines stand for what was measured:

    @SUMMARY@         how many targets are met, and which are not
    @MACHINE@         on what, as FILE tells: a JSON object of strings
    @FIGURES GROUP@   a group's tables and plots
    @ORDINARY@        what has a target, as it is in the ordinary scheduling class
    @OTHERS@          those of groups that are not named

Kinds of runs are idle, loaded, rig, rig-loaded, ordinary and ordinary-loaded. A figure is the median
of the idle runs; one that no run on the host has is taken from the rig. Ordinary runs are told apart.
"""
import argparse
import json
import re
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import plot  # noqa: E402
from plot import number  # noqa: E402

TEMPLATE = Path(__file__).resolve().with_name("performance.md.in")
KINDS = ("idle", "loaded", "rig", "rig-loaded", "ordinary", "ordinary-loaded")
STEADY = 15  # percent by which a ratio may differ between runs
MOST_CURVES = 8  # in a plot
TIMES = {"ns": "ns", "us": "µs", "ms": "ms", "s": "s"}
POINT = re.compile(r"(?:(.*)/)?([^/=]+)=([0-9.]+)\Z")
LABELS = {"batch": "batch, jobs in a submission", "queues": "queues", "threads": "threads",
          "devices": "devices", "bytes": "bytes", "jobs": "jobs"}


class Figure:
    """One name in all runs."""

    def __init__(self, group, name):
        self.group, self.name = group, name
        self.values = {kind: [] for kind in KINDS}
        self.met, self.reasons = [], []
        self.unit = self.target = None

    def add(self, kind, entry):
        if "absent" in entry:
            self.reasons.append(entry["absent"])
            return
        self.values[kind].append((entry["value"], entry["met"]))
        self.unit, self.target = entry["unit"], entry["target"]

    def settle(self):
        """What runs on the host have is not asked of the rig."""
        self.rig = not self.values["idle"] and not self.values["loaded"]
        idle, loaded = (self.values[kind] for kind in (KINDS[2:4] if self.rig else KINDS[:2]))
        self.idle = [value for value, _ in idle]
        self.loaded = [value for value, _ in loaded]
        self.aimed = [(value, met) for value, met in idle + loaded if met is not None]
        self.met = [met for _, met in self.aimed]
        self.absent = not self.idle and not self.loaded
        point = POINT.match(self.name)
        self.curve = (point[1] or self.group, point[2], float(point[3])) if point else None

    @property
    def value(self):
        return statistics.median(self.idle or self.loaded)

    @property
    def spread(self):
        """In percent of the median, from the least to the most of all runs."""
        runs = self.idle + self.loaded
        middle = statistics.median(runs)
        return 100 * (max(runs) - min(runs)) / abs(middle) if middle else 0.0

    def is_time(self):
        return self.unit.split()[0] in TIMES

    def sense(self):
        """Which way the target is, as far as the runs that met it show: it isn't told."""
        for value, met in self.aimed:
            if met and value != self.target:
                return "at most " if value < self.target else "at least "
        return ""

    def text(self):
        """The value, so that one that missed its target doesn't look the same."""
        text = number(self.value)
        if self.missed() and text == number(self.target):
            return f"{self.value:.6g}"
        return text

    def missed(self):
        return self.met.count(False)

    def verdict(self):
        return verdict(self.met)

    def words(self):
        """The unit as a reader wants it."""
        first, _, rest = self.unit.partition(" ")
        return " ".join(filter(None, (TIMES.get(first, first), rest)))


def verdict(met):
    """What to say of a target that these runs met, or did not."""
    missed = met.count(False)
    if not met:
        return ""
    if not missed:
        return "met"
    return "**missed**" + (f" in {missed} of {len(met)} runs" if missed < len(met) else "")


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def read(runs):
    """{group: [figure, ...]} in the order in which they were measured."""
    figures = {}
    for kind, paths in runs.items():
        for path in paths:
            for entry in json.loads(Path(path).read_text()):
                key = entry["group"], entry["name"]
                figures.setdefault(key, Figure(*key)).add(kind, entry)
    groups = {}
    for figure in figures.values():
        figure.settle()
        groups.setdefault(figure.group, []).append(figure)
    return groups


def span(values):
    if not values:
        return ""
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def row(figure):
    elsewhere = figure.rig and figure.group != "rig"
    return [figure.name + (" (in the rig)" if elsewhere else ""),
            f"{figure.text()} {figure.words()}", span(figure.idle), span(figure.loaded),
            "" if figure.target is None else figure.sense() + number(figure.target),
            figure.verdict()]


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def curves_of(figures):
    """{(key, unit): {curve: [figure, ...]}}"""
    curves = {}
    for figure in figures:
        if figure.curve:
            name, key, _ = figure.curve
            curves.setdefault((key, figure.unit), {}).setdefault(name, []).append(figure)
    return curves


def strip_common(names):
    """What all of these paths begin and end with, and what is left of each."""
    paths = [name.split("/") for name in names]
    if len(paths) == 1:
        return names[0], {names[0]: names[0]}
    begin = end = 0
    shortest = min(map(len, paths))
    while begin < shortest - 1 and len({path[begin] for path in paths}) == 1:
        begin += 1
    while end < shortest - 1 - begin and len({path[-1 - end] for path in paths}) == 1:
        end += 1
    common = paths[0][:begin] + (paths[0][-end:] if end else [])
    return ", ".join(common), {name: "/".join(path[begin:len(path) - end])
                               for name, path in zip(names, paths)}


def pictures(curves):
    """Curves that are read together: all, or if these are many, those of the same last part."""
    if len(curves) <= MOST_CURVES:
        return [curves]
    parts = {}
    for name, points in curves.items():
        parts.setdefault(name.split("/")[-1], {})[name] = points
    return list(parts.values())


def draw(group, key, curves, plots):
    """A plot of these curves; the line that shows it."""
    some = next(iter(curves.values()))[0]
    common, names = strip_common(list(curves))
    title = f"{group}: {common}" if common else group
    name = base = slug(f"{group} {common} {key}")
    while f"{name}.svg" in plots:
        name = f"{base}-{slug(some.unit)}" if name == base else f"{name}-2"
    plots[f"{name}.svg"] = plot.svg(f"{title}, {some.words()}", LABELS.get(key, key), some.words(), {
        names[curve]: [(figure.curve[2], figure.value, min(figure.idle or figure.loaded),
                        max(figure.idle or figure.loaded), figure.target) for figure in points]
        for curve, points in curves.items()})
    return f"![{title}, by {key}](performance/{name}.svg)"


def show_curves(group, figures, plots):
    parts = []
    for (key, _), curves in curves_of(figures).items():
        for picture in pictures(curves):
            if max(map(len, picture.values())) > 2:
                parts.append(draw(group, key, picture, plots))
        every = [figure for points in curves.values() for figure in points]
        xs = sorted({figure.curve[2] for figure in every})
        rows = []
        for curve, points in curves.items():
            at = {figure.curve[2]: number(figure.value) for figure in points}
            rows.append([curve] + [at.get(x, "") for x in xs])
        parts.append(table([f"{every[0].words()}, by {key}"] + [plot.of_key(key, x) for x in xs],
                           rows))
    return parts


def matrix(figures):
    """{column: {row: figure}} of figures ROW/COLUMN, where there are several of either; in the order
    of the row that has the most."""
    columns, rows = {}, {}
    for figure in figures:
        name = figure.name.split("/")
        if len(name) == 2 and not figure.curve:
            columns.setdefault(name[1], {})[name[0]] = figure
            rows.setdefault(name[0], []).append(name[1])
    order = max(rows.values(), key=len, default=[])
    names = [*order, *(name for name in columns if name not in order)]
    columns = {name: columns[name] for name in names if len(columns[name]) > 2}
    return columns if len(columns) > 2 else {}


def by_unit(columns):
    """[(unit, columns)]; what is of no one unit is together."""
    tables = {}
    for name, column in columns.items():
        units = {figure.words() for figure in column.values()}
        tables.setdefault(units.pop() if len(units) == 1 else "", {})[name] = column
    return list(tables.items())


def show_matrix(unit, columns):
    head, rows = [unit, *columns], {}
    for column in columns.values():
        for row in column:
            rows.setdefault(row, [])
    for row, cells in rows.items():
        for column in columns.values():
            figure = column.get(row)
            text = figure.text() if figure else ""
            if figure and figure.met:
                text += f" ({number(figure.target)})"
                if figure.missed():
                    text = f"{text} {figure.verdict()}"
            cells.append(text)
    return table(head, [[row, *cells] for row, cells in rows.items()])


def show_group(group, figures, plots):
    """A group's part of the page."""
    parts = []
    there = [figure for figure in figures if not figure.absent]
    columns = matrix(there)
    inside = {id(figure) for column in columns.values() for figure in column.values()}
    rows = [row(f) for f in there
            if id(f) not in inside and (not f.curve or f.target is not None)]
    if columns:
        parts.append("In brackets the target.")
        parts += [show_matrix(unit, some) for unit, some in by_unit(columns)]
    if rows:
        parts.append(table(["figure", "median", "idle runs", "loaded runs", "target", ""], rows))
    parts += show_curves(group, there, plots)
    if len(there) < len(figures):
        parts.append("Absent:\n\n" + "\n".join(
            f"- {cell(f.name)}: {', '.join(dict.fromkeys(f.reasons))}"
            for f in figures if f.absent))
    return "\n\n".join(parts) or "Not measured."


def summary(groups):
    every = [figure for figures in groups.values() for figure in figures]
    there = [f for f in every if not f.absent]
    aimed = [f for f in there if f.met]
    missed = [f for f in aimed if f.missed()]
    ratios = [f for f in there if not f.is_time()]
    unsteady = [f for f in ratios if f.spread > STEADY]
    parts = [f"{len(there)} figures, of which {len(aimed)} have a target: {len(aimed) - len(missed)}"
             f" met in every run, {len(missed)} missed; {len(every) - len(there)} absent."]
    if missed:
        parts.append("Missed:\n\n" + "\n".join(
            f"- {f.group}, {cell(f.name)}: {f.text()} {f.words()}, target "
            f"{number(f.target)}; {f.verdict()}" for f in missed))
    most = max((f.spread for f in ratios), default=0)
    parts.append(f"Of {len(ratios)} ratios and counts {len(ratios) - len(unsteady)} stay within "
                 f"{STEADY} % from the least to the most of all runs,\nidle and loaded" +
                 (f"; the widest is {most:.0f} %." if not unsteady else ". The others:\n\n" +
                  "\n".join(f"- {f.group}, {cell(f.name)}: {span(f.idle + f.loaded)} {f.words()}, "
                            f"{f.spread:.0f} %"
                            for f in sorted(unsteady, key=lambda f: -f.spread))))
    return "\n\n".join(parts)


def ordinary(groups):
    """What has a target and depends on who has the CPU."""
    rows, met = [], 0
    for figure in (f for figures in groups.values() for f in figures):
        idle, loaded = (figure.values[kind] for kind in KINDS[4:])
        aimed = [there for _, there in idle + loaded if there is not None]
        if not aimed or figure.absent:
            continue
        met += False not in aimed
        spans = [span([value for value, _ in runs]) for runs in (idle, loaded)]
        rows.append([figure.name, f"{figure.text()} {figure.words()}", *spans,
                     figure.sense() + number(figure.target), verdict(aimed)])
    if not rows:
        return "Not measured."
    return (f"{met} of these {len(rows)} targets are met in every run.\n\n" +
            table(["figure", "above", "idle runs", "loaded runs", "target", ""], rows))


def make(template, groups, about):
    """The page, and its plots by name."""
    plots = {}
    named = re.findall(r"(?m)^@FIGURES (\w+)@$", template)

    def fill(match):
        word, group = match[1], match[2]
        if word == "SUMMARY":
            return summary(groups)
        if word == "ORDINARY":
            return ordinary(groups)
        if word == "MACHINE":
            return table(["", ""], about.items())
        if word == "FIGURES":
            return show_group(group, groups.get(group, []), plots)
        return "\n\n".join(f"## The group {group}\n\n{show_group(group, figures, plots)}"
                           for group, figures in groups.items() if group not in named)

    page = re.sub(r"(?m)^@(SUMMARY|MACHINE|ORDINARY|OTHERS|FIGURES)(?: (\w+))?@$", fill, template)
    return re.sub(r"\n{3,}", "\n\n", page), plots


def main():
    parser = argparse.ArgumentParser()
    for kind in KINDS:
        parser.add_argument(f"--{kind}", dest=kind, nargs="+", default=[])
    parser.add_argument("--about")
    parser.add_argument("-o", "--output", default=TEMPLATE.parents[2] / "docs")
    words = parser.parse_args()
    groups = read({kind: getattr(words, kind) for kind in KINDS})
    if not groups:
        parser.error("no figure in these runs")
    about = json.loads(Path(words.about).read_text()) if words.about else {}
    page, plots = make(TEMPLATE.read_text(), groups, about)
    directory = Path(words.output) / "performance"
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.svg"):
        old.unlink()
    for name, text in plots.items():
        (directory / name).write_text(text)
    (Path(words.output) / "performance.md").write_text(page)
    print(f"{words.output}/performance.md: {sum(map(len, groups.values()))} figures, "
          f"{len(plots)} plots")


if __name__ == "__main__":
    main()
