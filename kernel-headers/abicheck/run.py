# SPDX-License-Identifier: MIT
# Compares our headers with those of kernels, and says what came out.
import concurrent.futures
import json
import os
import shutil
import tempfile

from . import facts, source
from .compare import COUNTED, Comparison, Difference, KnownChanges, release
from .headers import DRIVERS, HEADERS
from .source import CannotCompare

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def recorded_version():
    """The kernel that our headers were last proven equal to."""
    with open(os.path.join(HERE, "VERSION")) as f:
        return f.readline().split()[0]


class Result:
    """Of one kernel."""

    def __init__(self, name):
        self.name = name
        self.kernel = None
        self.error = None
        self.older = False
        self.lines = []  # (header, place, what, kernel, ours, widths)
        self.added = []  # the same, as strings
        self.known = []
        self.by_header = {}  # counts, of the width where least was compared

    @property
    def counts(self):
        return {k: sum(c[k] for c in self.by_header.values()) for k in COUNTED}

    @property
    def status(self):
        return 2 if self.error else 1 if self.lines else 0

    def json(self):
        keys = ("header", "place", "what", "kernel", "ours", "bits")
        return {
            "input": self.name,
            "kernel": self.kernel,
            "verdict": ("equal", "different", "cannot compare")[self.status],
            "older": self.older,
            "error": self.error,
            "compared": self.counts,
            "headers": self.by_header,
            "differences": [dict(zip(keys, line)) for line in self.lines],
            "added": self.added,
            "known": self.known,
        }


class Checker:
    """Holds the facts of our headers while kernels are compared with them."""

    def __init__(self, directory=HERE, widths=(64, 32), only=None, kernel=None):
        self.ours = source.ours(directory)
        self.widths = widths
        self.headers = [h for n, h in HEADERS.items() if not only or n in only]
        self.kernel = kernel
        self.strict = bool(only)
        self.facts = {}
        self.changes = KnownChanges(os.path.join(HERE, "abi", "changes.json"))
        self.scratch = tempfile.mkdtemp(prefix="kernel-headers-")
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown(cancel_futures=True)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def gather(self, src, headers):
        """Facts of several headers: name -> width -> facts."""
        jobs = {}
        for header in headers:
            for bits in self.widths:
                job = self.pool.submit(facts.gather, src, header, bits)
                jobs[job] = header.name, str(bits)
        out = {header.name: {} for header in headers}
        for job, (name, bits) in jobs.items():
            out[name][bits] = job.result()
        return out

    def check(self, path):
        result = Result(path)
        try:
            self._check(path, result)
        except CannotCompare as e:
            result.error = str(e)
        except (OSError, MemoryError, RuntimeError) as e:  # no process, no memory, no thread
            result.error = f"{path}: this machine gave out ({type(e).__name__}: {e})"
        return result

    def _check(self, path, result):
        theirs = source.find(path, self.scratch)
        result.kernel = self.kernel or theirs.kernel
        mine = recorded_version()
        result.older = bool(result.kernel) and release(result.kernel) < release(mine)
        common = [h for h in self.headers if theirs.has(h.name)]
        if not common:
            raise CannotCompare(f"{path} has none of the headers that were to be compared")
        for header in self.headers:
            if header in common:
                continue
            if result.older:
                result.added.append(header.name)
            else:
                result.lines.append((header.name, header.name, "extra", None, "a header", None))
        for name in theirs.unknown_drivers():
            if not self.strict:
                result.lines.append((name, name, "missing", "a header", None, None))

        todo = [h for h in common if h.name not in self.facts]
        self.facts.update(self.gather(self.ours, todo))
        kernel = self.gather(theirs, common)
        for header in common:
            self._header(header, kernel[header.name], result)
        if not any(result.counts.values()):
            raise CannotCompare(f"{path}: nothing was compared")

    def _header(self, header, kernel, result):
        merged = {}
        for bits in self.widths:
            comparison = Comparison(header, self.facts[header.name][str(bits)], kernel[str(bits)])
            if not any(comparison.counts.values()) and not comparison.found:
                raise CannotCompare(f"{result.name}: nothing of {header.name} was compared")
            before = result.by_header.get(header.name, comparison.counts)
            result.by_header[header.name] = {
                k: min(before[k], comparison.counts[k]) for k in COUNTED
            }
            for d in comparison.found:
                key = (d.header, d.place, d.what, _plain(d.kernel), _plain(d.ours))
                merged.setdefault(key, (d, comparison, []))[2].append(bits)
            self._needs(header, bits, merged)
        for key, (d, comparison, bits) in merged.items():
            line = (d.header, d.place, d.what, d.kernel, d.ours, bits)
            why = result.older and self.changes.explain(d)
            if why:
                result.known.append(f"{header.name}: {d.place}: {why}")
            elif result.older and comparison and comparison.since(d):
                result.added.append(_added(header.name, d))
            else:
                result.lines.append(line)

    def _needs(self, header, bits, merged):
        """All that libaccel needs of a header in part must be there, whatever the kernel has."""
        mine = self.facts[header.name][str(bits)]
        told = {key[1] for key in merged if key[2] == "missing"}
        for name in header.needs or ():
            if name in told or any(name in names for names in mine.values()):
                continue
            d = Difference(header.name, name, "missing", "or had it: libaccel needs it", None)
            key = (d.header, d.place, d.what, _plain(d.kernel), _plain(d.ours))
            merged.setdefault(key, (d, None, []))[2].append(bits)


def _plain(value):
    return json.dumps(value)


def _added(header, d):
    if d.what == "extra":
        return f"{header}: {d.place} ({d.ours})"
    return f"{header}: {d.place}: {d.what} {d.kernel} -> {d.ours}"


def explain(line, widths):
    """A difference, as a line for people."""
    header, place, what, kernel, ours, bits = line
    where = header if place == header else f"{header}: {place}"
    only = f" ({bits[0]}-bit only)" if bits and len(bits) < len(widths) else ""
    if what == "missing":
        return f"{where}: missing here, the kernel has {kernel}{only}"
    if what == "extra":
        return f"{where}: not in the kernel, here it is {ours}{only}"
    if what in ("value", "samples"):
        kernel, ours = _number(kernel), _number(ours)
    return f"{where}: {what}: kernel {_word(kernel)}, here {_word(ours)}{only}"


def _number(value):
    if isinstance(value, list):
        return ", ".join(_number(v) for v in value)
    return f"{value:#x}" if isinstance(value, int) and value > 9 else value


def _word(value):
    if value is None or value == "":
        return "none"
    if isinstance(value, list):
        return "".join(f"[{'' if n is None else n}]" for n in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def summary(result, widths):
    name = os.path.basename(result.name.rstrip("/")) or result.name
    release_ = f"Linux {result.kernel}" if result.kernel else "a kernel of unknown version"
    c = result.counts
    what = (
        f"{c['types']} types, {c['members']} members, {c['enumerators']} enumerators, "
        f"{c['macros']} macros and {c['ioctls']} ioctls in {len(result.by_header)} headers, "
        f"{' and '.join(str(w) for w in widths)} bit"
    )
    verdict = f"{len(result.lines)} differences" if result.lines else "equal"
    if not result.lines and result.older:
        verdict = f"equal, with {len(result.added)} things added since"
    return f"{name} ({release_}): {verdict}; compared {what}"
