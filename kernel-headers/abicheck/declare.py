# SPDX-License-Identifier: MIT
# Facts as C declarations, for people to type from.

_SHORT = {
    "unsigned char": "__u8",
    "unsigned short": "__u16",
    "unsigned int": "__u32",
    "unsigned long long": "__u64",
    "signed char": "__s8",
    "short": "__s16",
    "int": "__s32",
    "long long": "__s64",
}


def declare(name, fact, facts):
    """One name of a header, as lines."""
    if "enumerators" in fact:
        tag = "enum {" if name.startswith("enum {") else f"{name} {{"
        return [tag] + [f"\t{n} = {_number(v)}," for n, v in fact["enumerators"]] + ["};"]
    if "members" in fact:
        note = f" /* {fact['size']} bytes */"
        return [f"{name} {{{note}"] + _members(fact["members"], "\t") + ["};"]
    if "number" in fact:
        return [f"{'' if _enumerator(name, facts) else '#define '}{name} {_ioctl(fact)}"]
    if "opaque" in fact:
        return [f"#define {name} /* no constant: look at the kernel's text */"]
    if "string" in fact:
        return [f'#define {name} "{fact["string"]}"']
    if "parameters" in fact:
        lines = [f"#define {name}(...) /* {fact['parameters']} parameters */"]
        if "samples" in fact:
            values = ", ".join(f"{v:#x}" for v in fact["samples"])
            lines.append(f"\t/* of 0, 1, 0x12345678, 0xffffffff: {values} */")
        return lines
    width = "" if fact["type"].endswith(" 32") else f" /* {fact['type']} bit */"
    return [f"#define {name} {_number(fact['value'])}{width}"]


def _members(members, indent):
    lines = []
    for m in members:
        dims = "".join(f"[{'' if n is None else n}]" for n in m.get("array", []))
        bits = f" : {m['bits'][1]}" if "bits" in m else ""
        if "members" in m:
            lines.append(f"{indent}{m['type']} {{")
            lines += _members(m["members"], indent + "\t")
            lines.append(f"{indent}}}{' ' + m['name'] if m['name'] else ''}{dims};")
            continue
        type_ = m["type"]
        star = " "
        while type_.startswith("pointer to "):
            type_, star = type_[len("pointer to ") :], star + "*"
        type_ = _SHORT.get(type_, type_)
        lines.append(f"{indent}{type_}{star}{m['name']}{dims}{bits}; /* at {m['offset']} */")
    return lines


def _ioctl(fact):
    way = {"none": "", "write": "W", "read": "R", "read+write": "WR"}[fact["direction"]]
    argument = fact["argument"] or f"/* {fact['size']} bytes */"
    if fact["letter"] == "d":
        driver = fact["nr"] >= 0x40
        nr = f"DRM_COMMAND_BASE + {fact['nr'] - 0x40:#x}" if driver else f"{fact['nr']:#x}"
        return f"DRM_IO{way}({nr}, {argument})"
    return f"_IO{way}('{fact['letter']}', {fact['nr']:#x}, {argument})"


def _enumerator(name, facts):
    return any(name == n for f in facts["types"].values() for n, _ in f.get("enumerators", []))


def _number(value):
    return f"{value:#x}" if value > 9 else str(value)
