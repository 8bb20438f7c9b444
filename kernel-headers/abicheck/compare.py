# SPDX-License-Identifier: MIT
# Differences between the facts of two headers, and which of them time explains.
import collections
import json
import os

# what: "missing" (the kernel has it), "extra" (we have it), or the property that differs
Difference = collections.namedtuple("Difference", "header place what kernel ours")

COUNTED = ("types", "members", "enumerators", "macros", "ioctls")


class Comparison:
    """Of one header, for one width: the kernel's facts against ours."""

    def __init__(self, header, ours, theirs):
        self.header = header.name
        self.needs = header.needs
        self.ours = ours
        self.theirs = theirs
        self.found = []
        self.counts = dict.fromkeys(COUNTED, 0)
        self.grown = {}  # types that only got new members at their end -> (size then, size now)
        self._types()
        self._enumerators()
        self._named("macros", self._macro)
        self._named("ioctls", self._ioctl)

    def _add(self, place, what, kernel, ours):
        self.found.append(Difference(self.header, place, what, kernel, ours))

    def _pairs(self, ours, theirs):
        """Names that both have; the others are noted."""
        for name in theirs:
            if name in ours:
                yield name, ours[name], theirs[name]
            else:
                self._add(name, "missing", describe(theirs[name]), None)
        for name in ours:
            if name not in theirs:
                self._add(name, "extra", None, describe(ours[name]))

    def _types(self):
        unnamed = lambda types: {n: f for n, f in types.items() if not n.startswith("enum {")}
        for name, ours, theirs in self._pairs(
            unnamed(self.ours["types"]), unnamed(self.theirs["types"])
        ):
            self.counts["types"] += 1
            before = len(self.found)
            if "members" in theirs:
                self._members(ours["members"], theirs["members"], name)
            if all(d.what == "extra" for d in self.found[before:]) and self._appended(ours, theirs):
                self.grown[name] = (theirs["size"], ours["size"])
            for what in ("size", "align", "signed"):
                if ours.get(what) != theirs.get(what):
                    self._add(name, what, theirs.get(what), ours.get(what))

    @staticmethod
    def _appended(ours, theirs):
        if "members" not in theirs or ours["size"] <= theirs["size"]:
            return False
        last = max((m["offset"] + m["size"] for m in theirs["members"]), default=0)
        return all(m["offset"] >= last for m in ours["members"][len(theirs["members"]) :])

    def _members(self, ours, theirs, place):
        ours, theirs = _keyed(ours), _keyed(theirs)
        for key, one in theirs.items():
            where = place if key.startswith("<") else f"{place}.{key}"
            if key not in ours:
                what = describe(one) if not key.startswith("<") else f"{key} {describe(one)}"
                self._add(where, "missing", what, None)
                continue
            self.counts["members"] += 1
            self._member(ours[key], one, where)
        for key, one in ours.items():
            if key not in theirs:
                where = place if key.startswith("<") else f"{place}.{key}"
                self._add(where, "extra", None, describe(one))
        common = [k for k in theirs if k in ours]
        order = [k for k in ours if k in theirs]
        if common != order:
            first = next(i for i, k in enumerate(common) if k != order[i])
            self._add(f"{place}.{order[first]}", "order", common.index(order[first]), first)

    def _member(self, ours, theirs, where):
        for what in ("type", "array", "size", "offset", "bits"):
            if ours.get(what) != theirs.get(what):
                kernel, mine = theirs.get(what), ours.get(what)
                if what == "type" and _signless(kernel) == _signless(mine):
                    what = "signedness"
                self._add(where, what, kernel, mine)
        if ("members" in ours) != ("members" in theirs):
            return
        if "members" in theirs:
            self.counts["types"] += 1
            self._members(ours["members"], theirs["members"], where)

    def _enumerators(self):
        """By name alone, since an enum may have none; then the enums that have none."""
        flat = {}
        for side, types in (("ours", self.ours["types"]), ("theirs", self.theirs["types"])):
            flat[side] = {}
            for key, fact in types.items():
                for name, value in fact.get("enumerators", []):
                    tag = "" if key.startswith("enum {") else key
                    flat[side][name] = {"value": value, "enum": tag, "key": key}
        plain = {  # those that are ioctls are compared as such
            side: {n: e for n, e in flat[side].items() if n not in getattr(self, side)["ioctls"]}
            for side in flat
        }
        for name, ours, theirs in self._pairs(plain["ours"], plain["theirs"]):
            self.counts["enumerators"] += 1
            for what in ("value", "enum"):
                if ours[what] != theirs[what]:
                    self._add(name, what, theirs[what], ours[what])
        seen = set()
        for name, theirs in flat["theirs"].items():
            ours = flat["ours"].get(name)
            if not ours or theirs["enum"] or ours["enum"] or theirs["key"] in seen:
                continue
            seen.add(theirs["key"])
            self.counts["types"] += 1
            mine, kernel = self.ours["types"][ours["key"]], self.theirs["types"][theirs["key"]]
            for what in ("size", "signed"):
                if mine[what] != kernel[what]:
                    self._add(f"the enum of {name}", what, kernel[what], mine[what])

    def _named(self, section, compare):
        for name, ours, theirs in self._pairs(self.ours[section], self.theirs[section]):
            self.counts[section] += "opaque" not in theirs
            if section == "ioctls":
                self.counts["enumerators" if self._is_enumerator(name) else "macros"] += 1
            compare(name, ours, theirs)

    def _is_enumerator(self, name):
        enums = (f["enumerators"] for f in self.theirs["types"].values() if "enumerators" in f)
        return any(name == one[0] for enum in enums for one in enum)

    def _macro(self, name, ours, theirs):
        for what in ("value", "string", "parameters", "samples", "opaque", "type"):
            if ours.get(what) != theirs.get(what):
                self._add(name, what, theirs.get(what), ours.get(what))

    def _ioctl(self, name, ours, theirs):
        for what in ("direction", "letter", "nr", "size", "argument"):
            if ours[what] != theirs[what]:
                self._add(name, what, theirs[what], ours[what])

    def since(self, difference):
        """Whether a difference is just something that came after the other side's kernel."""
        d = difference
        if d.what == "extra":
            return True
        if d.what in ("size", "align") and d.place in self.grown:
            return d.ours > d.kernel
        if d.what == "size" and d.place in self.ours["ioctls"]:
            argument = self.ours["ioctls"][d.place]["argument"]
            return self.grown.get(argument) == (d.kernel, d.ours)
        return False


def _keyed(members):
    """Members by name; those with none by their kind and count."""
    keyed, unnamed = {}, 0
    for member in members:
        key = member["name"]
        if not key:
            key = f"<{member['type']} {unnamed} without a name>"
            unnamed += 1
        keyed[key] = member
    return keyed


def _signless(name):
    return (name or "").replace("unsigned ", "").replace("signed ", "")


def describe(fact):
    """A fact in a few words."""
    if "enumerators" in fact:
        return f"{len(fact['enumerators'])} enumerators"
    if "number" in fact:
        return f"{fact['number']:#010x} ({fact['argument'] or 'no struct'})"
    if "offset" in fact:
        dims = "".join(f"[{'' if n is None else n}]" for n in fact.get("array", []))
        return f"{fact['type']}{dims} at {fact['offset']}"
    if "members" in fact:
        return f"{fact['size']} bytes, {len(fact['members'])} members"
    if "string" in fact:
        return f'"{fact["string"]}"'
    if "opaque" in fact:
        return "a macro that is no constant"
    if "parameters" in fact:
        return f"a macro with {fact['parameters']} parameters"
    return f"{fact['value']:#x}" if fact["value"] > 9 else str(fact["value"])


class KnownChanges:
    """What the kernel itself changed or took away: no fault of ours when an older one has it."""

    def __init__(self, path):
        self.entries = []
        if os.path.exists(path):
            with open(path) as f:
                self.entries = json.load(f)

    def explain(self, d):
        """Why, if it is one of them to the letter: the same place, was and is."""
        for e in self.entries:
            if [e["header"], e["place"], e["what"], e["was"], e["is"]] == list(d):
                return e["why"]
        return None


def release(version):
    """The part of a kernel version that its ABI goes by."""
    return tuple(int(n) for n in version.split(".")[:2])
