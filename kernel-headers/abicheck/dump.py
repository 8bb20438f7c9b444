# SPDX-License-Identifier: MIT
# Facts of a kernel's headers as a file, to compare with where no kernel is at hand.
import json
import os

from . import source
from .source import CannotCompare


def write(checker, path, out):
    theirs = source.find(path, checker.scratch)
    kernel = checker.kernel or theirs.kernel
    if not kernel:
        raise CannotCompare(f"{path}: of which kernel? (--kernel VERSION)")
    missing = [h.name for h in checker.headers if not theirs.has(h.name)]
    if missing:
        raise CannotCompare(f"{path} has no {', '.join(missing)}: not worth recording")
    gathered = checker.gather(theirs, checker.headers)
    headers = {}
    for header in checker.headers:
        wide = gathered[header.name]
        if header.needs is not None:
            for facts in wide.values():
                for section, names in facts.items():
                    facts[section] = {n: f for n, f in names.items() if n in header.needs}
        headers[header.name] = source.fold(wide)
    temporary = f"{out}.new"
    with open(temporary, "w") as f:
        f.write(text({"kernel": kernel, "headers": headers}))
    os.replace(temporary, out)


def text(dump):
    """JSON with a line for each name, so that a change shows as one."""
    lines = ["{", f' "kernel": {json.dumps(dump["kernel"])},', ' "headers": {']
    headers = list(dump["headers"].items())
    for i, (name, facts) in enumerate(headers):
        lines.append(f"  {json.dumps(name)}: {{")
        sections = list(facts.items())
        for j, (section, names) in enumerate(sections):
            lines.append(f"   {json.dumps(section)}: {{")
            body = [f"    {json.dumps(n)}: {json.dumps(f)}" for n, f in names.items()]
            lines += [line + "," for line in body[:-1]] + body[-1:]
            lines.append("   }" + ("," if j < len(sections) - 1 else ""))
        lines.append("  }" + ("," if i < len(headers) - 1 else ""))
    return "\n".join(lines + [" }", "}"]) + "\n"
